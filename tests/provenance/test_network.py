"""Nothing in this room goes to the network, and the canary that says so can sing."""

from __future__ import annotations

import io
from pathlib import Path

import c2pa
import pytest

from chainer.digest import file_digest
from chainer.errors import ProvenanceError
from chainer.provenance import door
from chainer.provenance.claim import ClaimAtom, FilmClaim
from chainer.provenance.credential import read_credential
from chainer.provenance.film import check_film, sign_film
from chainer.provenance.policy import C2PA_EKU, ProvenancePolicy, Verdict
from chainer.provenance.signer import FilmSigner
from chainer.store import Store

from .canary import Canary, kept_elsewhere, marked
from .conftest import Read
from .pki import Authority, sign_atom


@pytest.fixture
def elsewhere(clips: dict[str, Path], authority: Authority, canary: Canary, tmp_path: Path) -> Path:
    """A clip whose credentials lie on a server."""
    target = tmp_path / "elsewhere.mp4"
    path = kept_elsewhere(clips["one"], target, f"{canary.url}/manifest.c2pa", authority.signer())
    assert b"dcterms:provenance" in path.read_bytes()
    return path


def test_the_canary_sings_for_the_librarys_own_settings(elsewhere: Path, canary: Canary) -> None:
    with (
        elsewhere.open("rb") as stream,
        c2pa.Context() as context,
        pytest.raises(c2pa.C2paError),
    ):
        c2pa.Reader(door.MEDIA_TYPE, stream, context=context)
    assert canary.hits == ["/manifest.c2pa"]
    canary.hits.clear()
    definition = {"claim_generator_info": [{"name": "test", "version": "1"}]}
    with (
        elsewhere.open("rb") as stream,
        c2pa.Context() as context,
        c2pa.Builder(definition, context) as builder,
    ):
        builder.add_ingredient({"relationship": "componentOf"}, door.MEDIA_TYPE, stream)
    assert canary.hits == ["/manifest.c2pa"]


def test_the_door_asks_nobody(elsewhere: Path, canary: Canary) -> None:
    config = door.settings("", (C2PA_EKU,))
    with elsewhere.open("rb") as stream:
        answer = door.read(stream, config)
        stream.seek(0)
        door.pack(stream, config, "atom", io.BytesIO())
    assert not answer["found"]
    assert canary.url in answer["problem"]
    assert canary.hits == []


@pytest.mark.parametrize("fence", ["verify", "core"])
def test_each_fence_holds_alone(fence: str, elsewhere: Path, canary: Canary) -> None:
    config = {"version": 1, fence: door.settings("", (C2PA_EKU,))[fence]}
    with elsewhere.open("rb") as stream:
        assert not door.read(stream, config)["found"]
        stream.seek(0)
        door.pack(stream, config, "atom", io.BytesIO())
    assert canary.hits == []


def test_credentials_elsewhere_are_lost_and_not_fetched(
    elsewhere: Path, canary: Canary, read: Read, tmp_path: Path
) -> None:
    for path in (elsewhere, marked(elsewhere, tmp_path / "marked.mp4")):
        found = read(path)
        assert (found.verdict, found.archive) == (Verdict.LOST, None)
        assert check_film(path, ProvenancePolicy()).state is Verdict.LOST
    assert canary.hits == []


def test_a_film_of_such_an_atom_asks_nobody_and_repeats_no_address(
    elsewhere: Path,
    canary: Canary,
    signed: dict[str, Path],
    clips: dict[str, Path],
    authority: Authority,
    policy: ProvenancePolicy,
    read: Read,
    store: Store,
    tmp_path: Path,
) -> None:
    atoms = tuple(
        ClaimAtom.of(f"atom-{number}", read(path))
        for number, path in enumerate((elsewhere, signed["one"]))
    )
    claim = FilmClaim(episode="e1", version="0", atoms=atoms, watermarked=True)
    target = tmp_path / "film.mp4"
    sign_film(clips["two"], target, claim, authority.signer(), store.open, policy)
    check_film(target, policy, claim)
    assert canary.hits == []
    assert canary.url.encode() not in target.read_bytes()


def test_revocation_is_not_asked_for(
    clips: dict[str, Path], canary: Canary, store: Store, tmp_path: Path
) -> None:
    """The certificate names a responder; the library would ask it with `ocsp_fetch`."""
    named = Authority(responder=f"{canary.url}/ocsp")
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(named.anchor)
    policy = ProvenancePolicy(trust_anchors=anchors)
    path = sign_atom(clips["one"], tmp_path / "named.mp4", named.signer())
    assert read_credential(path, file_digest(path), store, policy).verdict is Verdict.TRUSTED
    assert check_film(path, policy).state is Verdict.TRUSTED
    assert canary.hits == []
    for fence, hits in (("core", 0), ("verify", 0), ("neither", 1)):
        config = door.settings(named.anchor.decode(), policy.ekus)
        if fence != "verify":
            config["verify"]["ocsp_fetch"] = True
        if fence != "core":
            del config["core"]
        with path.open("rb") as stream:
            door.read(stream, config)
        assert len(canary.hits) == hits, fence


def test_a_time_stamp_is_asked_for_only_where_it_is_named(
    clips: dict[str, Path],
    signed: dict[str, Path],
    canary: Canary,
    authority: Authority,
    policy: ProvenancePolicy,
    read: Read,
    store: Store,
    tmp_path: Path,
) -> None:
    atom = ClaimAtom.of("atom-1", read(signed["one"]))
    claim = FilmClaim(episode="e1", version="0", atoms=(atom,), watermarked=False)
    plain = authority.signer()
    stamped = FilmSigner(plain.chain, plain.algorithm, plain.sign, f"{canary.url}/tsa")
    sign_film(clips["two"], tmp_path / "plain.mp4", claim, plain, store.open, policy)
    assert canary.hits == []
    with pytest.raises(ProvenanceError, match="404"):
        sign_film(clips["two"], tmp_path / "stamped.mp4", claim, stamped, store.open, policy)
    assert canary.hits == ["/tsa"]
    assert not (tmp_path / "stamped.mp4").exists()
