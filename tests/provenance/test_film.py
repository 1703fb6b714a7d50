"""Signing a film and checking it again: what is written is as claimed, or there is no film."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from chainer.digest import file_digest
from chainer.errors import Cancelled, MediaMissing, OutputError, ProvenanceError, StoreError
from chainer.mp4 import AudioSpec, Chapter, FilmTracks, Mp4, Span, VideoSpec, read_mp4, write_film
from chainer.provenance import door, film_check
from chainer.provenance import film as room
from chainer.provenance.claim import COMPOSITE, FilmClaim
from chainer.provenance.credential import Credential, archive_label
from chainer.provenance.film import SignedFilm, check_film, sign_film
from chainer.provenance.policy import C2PA_EKU, ProvenancePolicy, Verdict
from chainer.provenance.reading import RawAnswer
from chainer.provenance.signer import FilmSigner
from chainer.store import Store

from .claims import claim_of
from .conftest import REPOSITORY, Read, encode
from .pki import Authority, sign_atom

Sign = Callable[..., SignedFilm]


@pytest.fixture(scope="session")
def film(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two clips with chapters, put together like every film of ours."""
    folder = tmp_path_factory.mktemp("film")
    pieces = {}
    for name in ("one", "two"):
        pieces[name] = encode(
            folder / f"{name}.mp4",
            *("-i", str(clips[name]), "-c:v", "libx264", "-bf", "0", "-c:a", "copy"),
            *("-x264-params", "stitchable=1:scenecut=0:keyint=15"),
        )
    indexes: dict[str, Mp4] = {}
    for name, path in pieces.items():
        with path.open("rb") as stream:
            indexes[name] = read_mp4(stream)
    video, audio = indexes["one"].track("vide"), indexes["one"].track("soun")
    rate = Fraction(30)
    tracks = FilmTracks(
        video=VideoSpec(video.config, video.entry, video.width, video.height, rate),
        audio=AudioSpec(audio.config, audio.sample_rate, audio.channels),
        video_spans=[Span("one", 0, 30), Span("two", 0, 30)],
        audio_spans=[Span("one", 0, 46), Span("two", 0, 47)],
        chapters=[Chapter(Fraction(0), "Dawn"), Chapter(Fraction(1), "The rope")],
        skip=1024,
        chunk_frames=8,
    )
    target = folder / "film.mp4"
    write_film(target, tracks, indexes.__getitem__, lambda name: pieces[name].open("rb"))
    return target


@pytest.fixture(scope="session")
def credentials(
    signed: dict[str, Path], clips: dict[str, Path], read_once: Read
) -> list[Credential]:
    """A trusted atom, one without credentials, and another trusted one."""
    return [read_once(signed["one"]), read_once(clips["three"]), read_once(signed["two"])]


@pytest.fixture
def sign(
    film: Path, authority: Authority, policy: ProvenancePolicy, kept: Store, tmp_path: Path
) -> Sign:
    """Sign the film; where that fails, nothing may be left in the folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    signer = authority.signer()

    def sign(claim: FilmClaim, by: FilmSigner = signer, **more: Any) -> SignedFilm:
        options = {"open_archive": kept.open, "policy": policy, **more}
        try:
            return sign_film(film, folder / "film.mp4", claim, by, **options)
        except BaseException:
            assert list(folder.iterdir()) == []
            raise

    return sign


@dataclass(frozen=True)
class Made:
    """A film that was signed once, and what was claimed; nobody writes to it."""

    path: Path
    claim: FilmClaim
    film: SignedFilm


@pytest.fixture(scope="session")
def made(
    film: Path,
    credentials: list[Credential],
    authority: Authority,
    policy: ProvenancePolicy,
    kept: Store,
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    path = tmp_path_factory.mktemp("made") / "film.mp4"
    claim = claim_of(*credentials)
    return Made(path, claim, sign_film(film, path, claim, authority.signer(), kept.open, policy))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "film.mp4"


def test_a_signed_film_says_what_was_claimed(
    made: Made, credentials: list[Credential], policy: ProvenancePolicy
) -> None:
    path, claim = made.path, made.claim
    assert (made.film.size, made.film.digest) == (path.stat().st_size, file_digest(path))
    assert list(path.parent.iterdir()) == [path]
    found = check_film(path, policy, claim)
    assert found == made.film.credential
    assert (found.state, found.urn, found.failures) == (Verdict.TRUSTED, made.film.urn, ())
    assert (found.generator, found.source_type) == ("chainer 0.1", COMPOSITE)
    assert [(part.label, part.verdict, part.failures) for part in found.ingredients] == [
        ("atom-1", Verdict.TRUSTED, ()),
        ("atom-2", Verdict.NONE, ()),
        ("atom-3", Verdict.TRUSTED, ()),
    ]
    assert [part.manifest for part in found.ingredients] == [
        credential.label for credential in credentials
    ]
    assert found.actions == claim.actions
    assert found.watermarked
    assert found.governance == claim.told


def test_a_film_without_a_mark(sign: Sign, credentials: list[Credential]) -> None:
    assert not sign(claim_of(credentials[1], watermarked=False)).credential.watermarked


def test_the_manifest_itself(made: Made, credentials: list[Credential]) -> None:
    """Read with the library alone: what others see."""
    import c2pa

    with (
        made.path.open("rb") as stream,
        c2pa.Context.from_dict(door.settings("", (C2PA_EKU,))) as context,
        c2pa.Reader(door.MEDIA_TYPE, stream, context=context) as reader,
    ):
        store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    assert manifest["claim_version"] == 2
    assert manifest.get("title") is None
    assert all(assertion["created"] for assertion in manifest["assertions"])
    labels = [assertion["label"] for assertion in manifest["assertions"]]
    assert labels == ["c2pa.actions.v2", "org.chainer.governance", "c2pa.hash.bmff.v3"]
    placed = [
        action["parameters"]["ingredients"][0]["url"].rsplit("/", 1)[-1]
        for action in manifest["assertions"][0]["data"]["actions"]
        if action["action"] == "c2pa.placed"
    ]
    assert sorted(placed) == sorted(part["label"] for part in manifest["ingredients"])
    assert {part["relationship"] for part in manifest["ingredients"]} == {"componentOf"}
    assert not any("thumbnail" in part for part in manifest["ingredients"])
    assert {part["title"] for part in manifest["ingredients"]} == {"atom"}
    data = made.path.read_bytes()
    assert not any(credential.media[:16].encode() in data for credential in credentials)


def played(path: Path, *options: str) -> bytes:
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(path), *options]
    done = subprocess.run([*argv, "-"], check=True, timeout=60, capture_output=True)
    assert done.stderr == b""
    return done.stdout


def test_a_signed_film_plays_as_before(film: Path, made: Made) -> None:
    target = made.path
    before, after = (played(path, "-f", "framemd5") for path in (film, target))
    assert before == after
    assert before.count(b"\n0, ") == 60
    with film.open("rb") as old, target.open("rb") as new:
        told, found = read_mp4(old), read_mp4(new)
        assert found.chapters == told.chapters != ()
        first, second = told.track("vide"), found.track("vide")
        assert second.offsets[0] > first.offsets[0]
        for at, stays, size in zip(first.offsets, second.offsets, first.sizes, strict=True):
            old.seek(at)
            new.seek(stays)
            assert old.read(size) == new.read(size)
    chapters = [played(path, "-f", "ffmetadata") for path in (film, target)]
    assert chapters[0] == chapters[1]
    assert b"title=The rope" in chapters[1]


def flip(path: Path, at: int, target: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x04
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("where", ["mdat", "moov", "org.chainer.governance", "end"])
def test_a_flipped_bit_is_found(
    where: str, made: Made, policy: ProvenancePolicy, tmp_path: Path
) -> None:
    data = made.path.read_bytes()
    at = len(data) - 1 if where == "end" else data.rindex(where.encode()) + len(where) + 60
    flipped = flip(made.path, at, tmp_path / "flipped.mp4")
    assert check_film(flipped, policy).state is Verdict.TAMPERED
    if where == "mdat":
        with pytest.raises(ProvenanceError, match="not as they should be") as caught:
            check_film(flipped, policy, made.claim)
        assert caught.value.code == "film-credentials"


def test_a_film_without_credentials(film: Path, policy: ProvenancePolicy, tmp_path: Path) -> None:
    found = check_film(film, policy)
    assert (found.state, found.urn, found.ingredients) == (Verdict.NONE, None, ())
    with pytest.raises(MediaMissing):
        check_film(tmp_path / "no.mp4", policy)


def test_a_film_of_another_claim(made: Made, policy: ProvenancePolicy, film: Path) -> None:
    claim = made.claim
    for other, words in (
        (replace(claim, draft=True), "governance data"),
        (replace(claim, watermarked=False), "its actions are"),
        (replace(claim, atoms=claim.atoms[:2]), "its actions are"),
        (replace(claim, atoms=claim.atoms[::-1]), "atom-3 has another manifest"),
    ):
        with pytest.raises(ProvenanceError, match=words):
            check_film(made.path, policy, other)
    with pytest.raises(ProvenanceError, match="there are none"):
        check_film(film, policy, claim)


def test_an_unknown_signer_is_recorded_and_no_fault(
    sign: Sign, credentials: list[Credential]
) -> None:
    made = sign(claim_of(*credentials), policy=ProvenancePolicy())
    assert made.credential.state is Verdict.UNTRUSTED
    assert made.credential.failures == ("signingCredential.untrusted",)
    first = made.credential.ingredients[0]
    assert (first.verdict, first.failures, first.later) == (
        Verdict.UNTRUSTED,
        (),
        ("signingCredential.untrusted",),
    )


def test_nobody_is_trusted_by_silence() -> None:
    """No failure is not enough: the library must have found the signer among the trusted."""
    part = {"name": "i", "relationship": "componentOf", "label": "urn:x", "codes": ()}
    for known, verdict in ((False, Verdict.UNTRUSTED), (True, Verdict.TRUSTED)):
        raw = RawAnswer.model_validate(
            {
                "found": True,
                "state": "Valid",
                "label": "urn:y",
                "known": known,
                "ingredients": [{**part, "known": known}],
            }
        )
        found = film_check._credential(raw, None, "0" * 64)
        assert (found.state, found.ingredients[0].verdict) == (verdict, verdict)


# -- atoms that are not what their credential says ---------------------------------


@pytest.fixture
def tampered(signed: dict[str, Path], read_once: Read, tmp_path: Path) -> Credential:
    data = signed["three"].read_bytes()
    return read_once(flip(signed["three"], data.rindex(b"mdat") + 100, tmp_path / "tampered.mp4"))


def test_a_tampered_atom_with_a_faked_credential_is_found(
    sign: Sign, credentials: list[Credential], tampered: Credential
) -> None:
    """The library itself calls such a film trusted."""
    assert tampered.verdict is Verdict.TAMPERED
    faked = tampered.model_copy(update={"verdict": Verdict.TRUSTED, "why": ()})
    with pytest.raises(ProvenanceError, match=r"atom-2 fails in assertion\.bmffHash\.mismatch"):
        sign(claim_of(credentials[0], faked))
    half = tampered.model_copy(update={"verdict": Verdict.TRUSTED})
    with pytest.raises(ProvenanceError, match="atom-2 was tampered with"):
        sign(claim_of(credentials[0], half))


def test_a_tampered_atom_that_is_let_in_is_told_as_such(
    sign: Sign, credentials: list[Credential], tampered: Credential
) -> None:
    made = sign(claim_of(credentials[0], tampered))
    assert made.credential.state is Verdict.TRUSTED
    assert [part.verdict for part in made.credential.ingredients] == [
        Verdict.TRUSTED,
        Verdict.TAMPERED,
    ]


def test_the_archive_of_another_atom_is_found(
    sign: Sign, credentials: list[Credential], signed: dict[str, Path], tmp_path: Path
) -> None:
    first, _, other = credentials
    with pytest.raises(ProvenanceError, match="could not be signed"):
        sign(claim_of(first.model_copy(update={"archive": other.archive})))

    def another(_: object) -> BytesIO:
        packed = BytesIO()
        config = door.settings("", (C2PA_EKU,))
        with signed["two"].open("rb") as stream:
            door.pack(stream, config, archive_label(first.media), packed)
        packed.seek(0)
        return packed

    with pytest.raises(ProvenanceError, match="atom-1 has another manifest"):
        sign(claim_of(first), open_archive=another)


def test_an_untrusted_atom_taken_for_trusted_is_found(
    sign: Sign, signed: dict[str, Path], read_once: Read
) -> None:
    unknown = read_once(signed["one"], ProvenancePolicy())
    assert unknown.verdict is Verdict.UNTRUSTED
    faked = unknown.model_copy(update={"verdict": Verdict.TRUSTED, "why": ()})
    with pytest.raises(ProvenanceError, match=r"fails in signingCredential\.untrusted"):
        sign(claim_of(faked))


def test_a_damaged_or_missing_archive(
    sign: Sign, credentials: list[Credential], kept: Store
) -> None:
    archive = credentials[0].archive
    assert archive is not None
    path = kept.path_of(archive.digest)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(StoreError):
        sign(claim_of(*credentials))
    path.write_bytes(data)
    with pytest.raises(ProvenanceError, match="could not be signed"):
        sign(claim_of(*credentials), open_archive=lambda _: BytesIO())


def test_a_manifest_that_the_library_wrote_otherwise_is_found(
    sign: Sign, credentials: list[Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claim_of(*credentials)
    whole = FilmClaim.definition

    def without_a_place(self: FilmClaim) -> dict[str, Any]:
        told = whole(self)
        del told["assertions"][0]["data"]["actions"][2]
        return told

    def placed_twice(self: FilmClaim) -> dict[str, Any]:
        told = whole(self)
        actions = told["assertions"][0]["data"]["actions"]
        actions[2] = actions[1]
        return told

    for bent, words in ((without_a_place, "places 2"), (placed_twice, "placed twice")):
        with monkeypatch.context() as patch:
            patch.setattr(FilmClaim, "definition", bent)
            with pytest.raises(ProvenanceError, match=words):
                sign(claim)


# -- nothing half-done -------------------------------------------------------------


def test_an_older_film_does_not_stay_where_signing_fails(
    sign: Sign, target: Path, credentials: list[Credential], authority: Authority
) -> None:
    sign(claim_of(*credentials))
    with pytest.raises(ProvenanceError):
        sign(claim_of(*credentials), authority.signer(aki=False))
    assert not target.exists()
    sign(claim_of(*credentials))
    sign(claim_of(*credentials))
    assert target.exists()


def test_a_claim_that_is_refused_touches_nothing(
    sign: Sign, target: Path, credentials: list[Credential], tmp_path: Path
) -> None:
    with pytest.raises(ProvenanceError, match="person's name"):
        sign(claim_of(*credentials, governance={"x": "Mei"}, forbidden=("Mei",)))
    bad = ProvenancePolicy(trust_anchors=tmp_path / "no.pem")
    with pytest.raises(ProvenanceError, match="trust anchors"):
        sign(claim_of(*credentials), policy=bad)


def test_not_in_its_own_place(
    film: Path, authority: Authority, credentials: list[Credential], kept: Store, tmp_path: Path
) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(film.read_bytes())
    claim = claim_of(*credentials)
    with pytest.raises(ProvenanceError, match="own place"):
        sign_film(own, own, claim, authority.signer(), kept.open, ProvenancePolicy())
    assert own.read_bytes() == film.read_bytes()
    with pytest.raises(ProvenanceError, match="no such film"):
        sign_film(
            tmp_path / "no.mp4", own, claim, authority.signer(), kept.open, ProvenancePolicy()
        )
    with pytest.raises(OutputError):
        sign_film(
            own,
            tmp_path / "no" / "film.mp4",
            claim,
            authority.signer(),
            kept.open,
            ProvenancePolicy(),
        )


def test_a_failing_disk_and_a_cancel_leave_nothing(
    sign: Sign, credentials: list[Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(room.os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            sign(claim_of(*credentials))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        sign(claim_of(*credentials), cancel=stop)


class Soon(threading.Event):
    """Set from the time that it has been asked `left` times."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_signing_stops_while_the_film_is_being_read(
    sign: Sign, credentials: list[Credential], authority: Authority
) -> None:
    asked = []
    good = authority.signer()

    def callback(data: bytes) -> bytes:
        asked.append(data)
        return good.sign(data)

    signer = FilmSigner(good.chain, good.algorithm, callback)
    with pytest.raises(Cancelled, match="while the film was signed"):
        sign(claim_of(*credentials), signer, cancel=Soon(3))
    assert asked == []
    assert sign(claim_of(*credentials), signer, cancel=Soon(10_000)).size
    assert len(asked) == 1


def test_a_killed_process_leaves_no_film(clips: dict[str, Path], tmp_path: Path) -> None:
    """SIGKILL in the middle of signing, and again between writing and reading again."""
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from chainer.provenance import film
        from chainer.provenance.claim import ClaimAtom, FilmClaim
        from chainer.provenance.policy import ProvenancePolicy, SigningPolicy, Verdict
        from chainer.provenance.signer import FilmSigner, signer_for

        source, folder, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
        def die(*_, **__):
            os.kill(os.getpid(), signal.SIGKILL)
        signer = signer_for(SigningPolicy(), folder / "keys")
        if when == "signing":
            signer = FilmSigner(signer.chain, signer.algorithm, die)
        else:
            film.check_film = die
        atom = ClaimAtom(label="atom-1", media="1" * 64, verdict=Verdict.NONE)
        claim = FilmClaim(episode="e", version="0", atoms=(atom,), watermarked=True)
        film.sign_film(source, folder / "film.mp4", claim, signer, None, ProvenancePolicy())
    """)
    for when in ("signing", "reading"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(clips["one"]), str(tmp_path), when],
            timeout=60,
            cwd=REPOSITORY,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "film.mp4").exists()


def test_governance_data_of_every_kind_survive(sign: Sign, credentials: list[Credential]) -> None:
    governance = {
        "numbers": {"zero": 0, "least": -(2**63), "most": 2**63 - 1, "part": 0.25, "whole": 2.0},
        "lists": [[], [True, False], [1, "a"], [0.5, 1.5], [None], ["9f"], [[{}]]],
        "text": 'é \U0001f3ac "\\ \n\t\0 <&>',
        "": {"empty": "", "none": None},
    }
    made = sign(claim_of(credentials[1], governance=governance))
    assert made.credential.governance is not None
    assert {name: made.credential.governance[name] for name in governance} == governance


def test_the_source_stays_as_it_was(sign: Sign, film: Path, credentials: list[Credential]) -> None:
    before = file_digest(film)
    sign(claim_of(*credentials))
    assert file_digest(film) == before


def test_a_film_can_be_an_atom_of_another(
    made: Made,
    read_once: Read,
    authority: Authority,
    clips: dict[str, Path],
    kept: Store,
    policy: ProvenancePolicy,
    tmp_path: Path,
) -> None:
    inner = read_once(made.path)
    assert inner.verdict is Verdict.TRUSTED
    claim = claim_of(
        inner, read_once(sign_atom(clips["three"], tmp_path / "3.mp4", authority.signer()))
    )
    outer = sign_film(
        clips["one"], tmp_path / "outer.mp4", claim, authority.signer(), kept.open, policy
    )
    assert [part.verdict for part in outer.credential.ingredients] == [Verdict.TRUSTED] * 2
