"""Reads the Content Credentials of one atom and keeps the answer in the store.

A stranger's file is read in a child process under limits; what a film needs later to name the
atom as its component is packed on the way, so that signing needs no atom's media again. An
answer is good for a day: certificates expire.
"""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import Digest, bytes_digest, key_of
from chainer.errors import MediaRefused
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.provenance import door
from chainer.provenance.certificate import read_anchors
from chainer.provenance.essence import essence_of, had_credentials, remember_credentials
from chainer.provenance.policy import Answer, ProvenancePolicy, Verdict
from chainer.provenance.reading import ARCHIVE, RawAnswer, ask
from chainer.provenance.traces import Trace
from chainer.store import Artefact, Presence, Record, Store

_LOST = {
    Trace.STORE: "there is a manifest in the file that cannot be read",
    Trace.REMOTE: "they lie elsewhere, and nothing is fetched over the network",
    Trace.EMBEDDED: "the file speaks of a manifest in it that is gone",
}
_GOOD_FOR = timedelta(days=1)


class Credential(BaseModel):
    """What one atom's Content Credentials turned out to be.

    `media` is the digest of the file, `why` the library's codes of all that is wrong, `problem`
    what else there is to say. The rest is what the credentials tell, None where there are none:
    `label` names the manifest, `issuer` and `common_name` whose certificate signed it,
    `signed_at` when (by a time stamp only), `generator` with what, `source_type` how the media
    came to be. `essence` is the digest of the coded pictures, `archive` what a film needs to
    name the atom as a component; None for an atom without readable credentials.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.credential/1"] = Field(default="chainer.credential/1", alias="schema")
    media: str = Field(pattern=r"^[0-9a-f]{64}$")
    verdict: Verdict
    why: tuple[str, ...] = ()
    problem: str = ""
    label: str | None = None
    issuer: str | None = None
    common_name: str | None = None
    signed_at: str | None = None
    generator: str | None = None
    source_type: str | None = None
    essence: str | None = None
    archive: Artefact | None = None
    read_at: AwareDatetime


def read_credential(
    path: Path,
    media: Digest,
    store: Store,
    policy: ProvenancePolicy,
    *,
    limits: MediaLimits | None = None,
    cancel: threading.Event | None = None,
) -> Credential:
    """What the credentials of the file at `path` are, whose bytes have the digest `media`.

    Asked once a day for each file and set of trusted signers; other callers get what was found.
    Raises `MediaError` where the file cannot be read or has other bytes, `ProvenanceError` where
    the trust anchors or the library cannot be used, `StoreError` where the store fails.
    """
    anchors = read_anchors(policy.trust_anchors)
    key = credential_key(media, policy, anchors)
    found = _recall(store, key)
    if found is None:
        with store.claim(key, cancel):
            found = _recall(store, key)  # another may have read while this one waited
            if found is None:
                found = _make(path, media, store, policy, anchors, key, limits, cancel)
    return _with_memory(store, found)


def credential_key(media: Digest, policy: ProvenancePolicy, anchors: str) -> Digest:
    """What such a credential is kept by; `anchors` are the PEM certificates that are trusted."""
    return key_of(
        "credential",
        {
            "media": media,
            "anchors": bytes_digest(anchors.encode()),
            "ekus": policy.ekus,
            "door": door.VERSION,
            "library": door.library_version(),
        },
    )


def archive_label(media: Digest) -> str:
    """By what a film refers to the packed credentials of a file; never written into the film."""
    return f"atom-{media[:32]}"


def judge(credential: Credential, policy: ProvenancePolicy) -> Answer:
    """What becomes of an atom with such a credential."""
    return policy.answer(credential.verdict)


def words(credential: Credential) -> str:
    """The credential in one sentence for people."""
    signer = credential.common_name or credential.issuer or "a signer without a name"
    if credential.issuer and credential.issuer != signer:
        signer = f"{signer} ({credential.issuer})"
    why = f" ({', '.join(credential.why)})" if credential.why else ""
    if credential.verdict is Verdict.TRUSTED:
        return f"signed by {signer}, who is trusted"
    if credential.verdict is Verdict.UNTRUSTED:
        return f"signed by {signer}, who is not among the trusted{why}"
    if credential.verdict is Verdict.TAMPERED:
        return f"is not what {signer} signed{why}"
    if credential.verdict is Verdict.LOST:
        return f"has lost its Content Credentials: {credential.problem}"
    return "has no Content Credentials"


def _make(
    path: Path,
    media: Digest,
    store: Store,
    policy: ProvenancePolicy,
    anchors: str,
    key: Digest,
    limits: MediaLimits | None,
    cancel: threading.Event | None,
) -> Credential:
    with (
        store.workspace() as folder,
        open_source(path, limits=limits or MediaLimits()) as source,
    ):
        if source.digest != media:
            raise MediaRefused(
                f"{path} changed after it was inspected; run the command again",
                code="media-changed",
                path=str(path),
            )
        raw = ask(
            source,
            anchors=anchors,
            ekus=policy.ekus,
            folder=folder,
            label=archive_label(media),
            cancel=cancel,
        )
        essence = essence_of(source)
        source.check_unchanged()
        made = _credential(media, raw, essence)
        files = {ARCHIVE: folder / ARCHIVE} if raw.packed else {}
        if raw.unsafe:
            return made  # a loaded machine may do better next time
        facts = made.model_dump(mode="json", by_alias=True, exclude={"archive"})
        record = store.publish(key, "credential", files, facts)
    return _from_record(record) or made


def _credential(media: Digest, raw: RawAnswer, essence: Digest | None) -> Credential:
    verdict, problem = raw.verdict, raw.problem
    if raw.found and not raw.packed and verdict is not Verdict.TAMPERED:
        verdict = Verdict.LOST
        problem = "they could not be packed for a film"
    if raw.unsafe:
        problem = f"they could not be read safely: {raw.unsafe}"
    elif verdict is Verdict.LOST and not raw.found:
        problem = next(words for trace, words in _LOST.items() if trace in raw.traces)
    return Credential(
        media=media,
        verdict=verdict,
        why=raw.failures,
        problem=problem,
        label=raw.label,
        issuer=raw.issuer,
        common_name=raw.common_name,
        signed_at=raw.signed_at,
        generator=raw.generator,
        source_type=raw.source_type,
        essence=essence,
        read_at=_now(),
    )


def _with_memory(store: Store, credential: Credential) -> Credential:
    """The same, with regard to other files of the same essence."""
    if credential.essence is None:
        return credential
    if credential.label is not None:
        remember_credentials(store, credential.essence)
    elif credential.verdict is Verdict.NONE and had_credentials(store, credential.essence):
        problem = "another file with the same pictures has them"
        return credential.model_copy(update={"verdict": Verdict.LOST, "problem": problem})
    return credential


def _recall(store: Store, key: Digest) -> Credential | None:
    presence, record = store.find(key)
    if presence is Presence.ABSENT:
        return None
    if presence is Presence.CACHED and record is not None:
        found = _from_record(record)
        # Small enough to be read each time: nobody wants to learn of damage while signing.
        if found is not None and all(store.is_whole(file) for file in record.files.values()):
            age = _now() - found.read_at
            if timedelta(0) <= age <= _GOOD_FOR:
                store.use(record)
                return found
    store.discard(key)
    return None


def _from_record(record: Record) -> Credential | None:
    facts: dict[str, Any] = {**record.facts, "archive": record.files.get(ARCHIVE)}
    with contextlib.suppress(ValidationError):
        return Credential.model_validate(facts)
    return None


def _now() -> datetime:
    return datetime.now(UTC)
