"""Signs a film: writes it anew with a manifest, and reads it again before it gets its name.

The C2PA library calls a film trusted that has a tampered component, so that what was written
is judged like a stranger's film, and by each component's own results.
"""

from __future__ import annotations

import io
import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from chainer.digest import Digest
from chainer.errors import Cancelled, ChainerError, OutputError, ProvenanceError
from chainer.provenance import door
from chainer.provenance.certificate import read_anchors
from chainer.provenance.claim import FilmClaim
from chainer.provenance.film_check import FilmCredential, FilmIngredient, check_film
from chainer.provenance.policy import ProvenancePolicy
from chainer.provenance.signer import FilmSigner, Hand
from chainer.store import Artefact
from chainer.store.folder import flush_folder

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FilmCredential", "FilmIngredient", "SignedFilm", "check_film", "sign_film"]

_READ_BUFFER, _WRITE_BUFFER = 1 << 16, 1 << 18
"""The library moves 8 KB at a time: a quarter of its time went into calls of the system."""


@dataclass(frozen=True, slots=True)
class SignedFilm:
    """What was written: the manifest's label, the size of the file and the SHA-256 of its bytes.

    `credential` is what it was found to be when it was read again.
    """

    urn: str
    size: int
    digest: Digest
    manifest_bytes: int
    credential: FilmCredential


def sign_film(
    film: Path,
    target: Path,
    claim: FilmClaim,
    signer: FilmSigner,
    open_archive: Callable[[Artefact], IO[bytes]],
    policy: ProvenancePolicy,
    *,
    cancel: threading.Event | None = None,
) -> SignedFilm:
    """Write `film` with its manifest to `target`; a file that is there already is replaced.

    `open_archive` opens the archives of the claim's atoms (`Store.open`); `policy` tells how
    the film is judged when it is read again. Raises `ProvenanceError` where it cannot be signed
    or does not come out as claimed, `OutputError` where it cannot be written, `Cancelled` when
    `cancel` is set, even while a callback hangs, and leaves no file at `target` then.
    """
    if not film.is_file():
        raise ProvenanceError(f"{film}: there is no such film to sign")
    if target.exists() and film.samefile(target):
        raise ProvenanceError(f"{film}: a film is not signed in its own place; name another file")
    read_anchors(policy.trust_anchors)  # before the work: a mistake there is soon found
    definition = claim.definition()
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        target.unlink(missing_ok=True)
        manifest_bytes = _write(film, draft, claim, definition, signer, open_archive, cancel)
        with ThreadPoolExecutor(1, thread_name_prefix="chainer-flush") as pool:
            flushed = pool.submit(_flush, draft)  # the disk is slow, and nobody else needs it now
            found = check_film(draft, policy, claim, cancel=cancel)
            flushed.result()
        assert found.urn is not None, "a film that is as claimed has a manifest"
        size = draft.stat().st_size
        draft.replace(target)
        flush_folder(target.parent)
    except OSError as error:
        if isinstance(error, ChainerError):
            raise  # some of ours are OSErrors too
        raise OutputError(
            f"the signed film {target} cannot be written: {error.strerror or error}",
            path=str(target),
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return SignedFilm(found.urn, size, found.digest, manifest_bytes, found)


def _write(
    film: Path,
    draft: Path,
    claim: FilmClaim,
    definition: dict[str, Any],
    signer: FilmSigner,
    open_archive: Callable[[Artefact], IO[bytes]],
    cancel: threading.Event | None,
) -> int:
    hand = Hand(signer, cancel)
    with ExitStack() as stack:
        archives = [
            stack.enter_context(open_archive(atom.archive))
            for atom in claim.archived()
            if atom.archive is not None
        ]
        source = stack.enter_context(_Heedful(film, cancel))
        target = stack.enter_context(draft.open("x+b", buffering=_WRITE_BUFFER))
        try:
            size = door.sign(
                source,
                target,
                config=door.settings("", _signing_ekus()),
                definition=definition,
                archives=archives,
                chain=signer.chain,
                algorithm=signer.algorithm,
                signature=hand,
                timestamp_url=signer.timestamp_url,
            )
        except door.DoorError as error:
            hand.check()
            source.check()
            raise ProvenanceError(
                f"the film could not be signed: {error}", code="signing"
            ) from error
        hand.check()
    return size


class _Heedful(io.BufferedReader):
    """A film as the library reads it, which breaks off once `cancel` is set."""

    def __init__(self, film: Path, cancel: threading.Event | None) -> None:
        super().__init__(io.FileIO(film), _READ_BUFFER)
        self._cancel = cancel

    def check(self) -> None:
        """Raise `Cancelled` where there is nothing more to be read."""
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled("cancelled while the film was signed: finished steps are kept")

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer`; the library ends with an error of its own where this raises."""
        self.check()
        return super().readinto(buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, as `readinto`."""
        self.check()
        return super().read(size)


def _signing_ekus() -> tuple[str, ...]:
    return ProvenancePolicy().ekus


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
