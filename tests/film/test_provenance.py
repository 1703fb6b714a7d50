"""A film's credentials along the whole way: planned, rendered, signed, checked, tampered with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import chainer
from chainer.consent.entry import Position
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.consent.say import Whom, grant
from chainer.digest import file_digest
from chainer.episode.manifest import FILM_NAME, MANIFEST_NAME, Manifest, read_manifest
from chainer.episode.sign import claim_of
from chainer.errors import ProvenanceError
from chainer.graph.words import Rating
from chainer.mp4 import read_mp4
from chainer.permission import Register, open_register
from chainer.provenance import door
from chainer.provenance.claim import COMPOSITE
from chainer.provenance.film import FilmCredential, check_film
from chainer.provenance.policy import ProvenancePolicy, Verdict
from chainer.provenance.signer import FilmSigner, callback_signer
from chainer.store import Store, collect
from chainer.withdrawal import index_path
from tests.provenance.canary import Canary, canary_server, kept_elsewhere, marked
from tests.provenance.pki import Authority, secret, sign_atom

from .coded import FFMPEG, SMALL, Coded, decode_sound, read_codes, small_settings

REPOSITORY = Path(__file__).resolve().parents[2]
MEDIA = Path(os.environ.get("CHAINER_MEDIA", REPOSITORY.parent / "shared" / "media")) / "c2pa"
SIGNED: dict[str, Any] = {"signing": {}}
"""As most people have it: by the certificate of this machine."""

PERSON, CHARACTER = "p.xiulan-ouyang", "\u79c0\u5170\u00b7\u6b27\u9633"
SECOND, SECOND_CHARACTER = "p-Oedegaard_7", "\u00c5ngstr\u00f6m \u00d8degaard"
ATOMS = {
    "kestrel-dawn": ("zhivago.qux-77", "media/geheim \u79d8\u5bc6.mp4"),
    "marmoset-rope": ("zhivago.qux-77", "media/m.mp4"),
    "narwhal-twin": ("ysolde_bjork", "media/twin of m.mp4"),
    "ocelot-night": ("ysolde_bjork", "media/o.mp4"),
}
TITLE = "The Quince of \u6a58\u5cf6"

MADE = sorted(
    [
        "chapters.vtt",
        "credits.json",
        "episode.json",
        "episode.mp4",
        "making.json",
        "poster.jpg",
    ]
)


def write(folder: Path, nodes: list[dict[str, Any]], title: str = TITLE, **info: Any) -> Path:
    """A chain of the nodes in order as a graph file."""
    names = [node["id"] for node in nodes]
    data = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": title, **info},
        "nodes": nodes,
        "edges": [{"source": a, "target": b, "kind": "continuation"} for a, b in pairwise(names)],
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


class Home:
    """Four atoms of two authors that show two people; one is signed, two have the same media."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        first, second, twin, last = (folder / media for _, media in ATOMS.values())
        bare = Coded(1, 48).write(folder / "bare.mp4")
        first.parent.mkdir()
        sign_atom(bare, first, authority.signer())
        Coded(2, 48).write(second)
        shutil.copy(second, twin)
        Coded(3, 48).write(last)
        self.register: Register = open_register(folder / "consent.jsonl", create=True)
        for person in (PERSON, SECOND):
            grant(self.register.book, person, Whom(tuple({author for author, _ in ATOMS.values()})))
        self.store = Store(folder)

    def graph(self, title: str = TITLE, **more: dict[str, Any]) -> chainer.Graph:
        shown = {"marmoset-rope": ["xiulan", "aa"], "ocelot-night": ["xiulan"]}
        nodes = [
            {
                "id": name,
                "author": author,
                "media": media,
                "title": f"Scene of {name}",
                "cast": [{"character": who} for who in shown.get(name, ())],
                **more.get(name, {}),
            }
            for name, (author, media) in ATOMS.items()
        ]
        characters = {
            "xiulan": {"name": CHARACTER, "person": PERSON},
            "aa": {"name": SECOND_CHARACTER, "person": SECOND},
        }
        return chainer.load_graph(
            write(self.folder, nodes, title, characters=characters, ledger="consent.jsonl")
        )

    def plan(
        self, title: str = TITLE, start: str = "kestrel-dawn", **changes: Any
    ) -> chainer.EpisodePlan:
        settings = small_settings(self.folder, **{**SIGNED, **changes})
        return chainer.plan_episode(self.graph(title), start, settings=settings)

    def index(self) -> EpisodeIndex:
        return EpisodeIndex(index_path(self.store))

    def state(self, plan: chainer.EpisodePlan) -> EpisodeState | None:
        """How the newest episode of this title stands; None where it was never put on the list."""
        found = [one for one in self.index().all() if one.title == plan.titles.heading]
        return found[-1].state if found else None


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Home:
    return Home(tmp_path_factory.mktemp("home"), authority)


@pytest.fixture(scope="module")
def bare(home: Home) -> Path:
    """The film without a signature."""
    plan = home.plan(signing={"mode": "off"})
    return chainer.render_episode(plan, home.folder / "unsigned").path


@pytest.fixture(scope="module")
def film(home: Home) -> Path:
    """The film signed by the certificate of this machine; nobody writes to it."""
    return chainer.render_episode(home.plan(), home.folder / "signed").path


@pytest.fixture
def copy(film: Path, tmp_path: Path) -> Path:
    """A copy of the signed episode, to be bent."""
    return Path(shutil.copytree(film, tmp_path / "copy"))


def told(folder: Path) -> tuple[Manifest, FilmCredential]:
    """What an episode's manifest says, and what its film does."""
    return read_manifest(folder), check_film(folder / FILM_NAME, ProvenancePolicy())


def box_of(path: Path) -> tuple[int, int]:
    """Where the box with the credentials lies in a film: half-open, in bytes."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"uuid":
            return at, at + size
        assert size >= 8
        at += size
    raise AssertionError("the film carries no box of credentials")


def library(path: Path) -> dict[str, Any]:
    """What the C2PA library alone reads."""
    with (
        path.open("rb") as stream,
        c2pa.Context.from_dict(door.settings("", ProvenancePolicy().ekus)) as context,
        c2pa.Reader(door.MEDIA_TYPE, stream, context=context) as reader,
    ):
        found: dict[str, Any] = json.loads(reader.json())
    return found


# -- the film itself ---------------------------------------------------------------


def hashes_of(film: Path) -> str:
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:v", "-map", "0:a"]
    argv += ["-f", "framemd5", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_every_frame_sample_and_chapter_is_what_it_was_without_a_signature(
    bare: Path, film: Path
) -> None:
    before, after = bare / FILM_NAME, film / FILM_NAME
    assert hashes_of(before) == hashes_of(after)
    codes = read_codes(after)
    assert codes == read_codes(before)
    assert {code[0] for code in codes if code} == {1, 2, 3}
    sound = decode_sound(after)
    assert sound.any()
    assert (sound == decode_sound(before)).all()
    with before.open("rb") as one, after.open("rb") as two:
        assert read_mp4(two).chapters == read_mp4(one).chapters
        assert len(read_mp4(two).chapters) == 4


def test_the_manifest_tells_of_the_signed_file(home: Home, bare: Path, film: Path) -> None:
    manifest, found = told(film)
    entry = next(one for one in manifest.files if one.name == FILM_NAME)
    assert (entry.digest, entry.size) == (
        file_digest(film / FILM_NAME),
        (film / FILM_NAME).stat().st_size,
    )
    assert sorted(path.name for path in film.iterdir()) == MADE
    provenance = manifest.provenance
    assert provenance is not None
    assert (provenance.mode, provenance.urn) == ("development", found.urn)
    assert provenance.issuer == found.common_name == "chainer development, untrusted"
    assert provenance.atoms == {
        "kestrel-dawn": "untrusted",
        **dict.fromkeys(("marmoset-rope", "narwhal-twin", "ocelot-night"), "none"),
    }
    listed = home.index().find_film(entry.digest)
    assert listed is not None
    assert (listed.id, listed.state) == (manifest.id, EpisodeState.MADE)
    unsigned = read_manifest(bare)
    assert unsigned.provenance is not None
    assert (unsigned.provenance.mode, unsigned.provenance.urn) == ("off", None)
    assert unsigned.provenance.atoms == provenance.atoms

    verdict = chainer.verify_episode(film)
    assert (verdict.faults, verdict.credentials, verdict.signed) == ((), "untrusted", True)
    anchored = ProvenancePolicy(trust_anchors=home.folder / "signing" / "development-ca.pem")
    assert chainer.verify_episode(film, anchored).credentials == "trusted"
    plain = chainer.verify_episode(bare)
    assert (plain.faults, plain.credentials, plain.signed) == ((), "", False)


def test_each_distinct_atom_is_one_ingredient_and_placed_once(film: Path) -> None:
    _, found = told(film)
    assert found.actions == ("c2pa.created", *["c2pa.placed"] * 3, "c2pa.transcoded")
    assert found.source_type == COMPOSITE
    assert [part.verdict for part in found.ingredients] == [
        *(Verdict.UNTRUSTED, Verdict.NONE, Verdict.NONE),
    ]
    assert found.ingredients[0].manifest is not None
    assert found.governance is not None
    assert [one["atom"] for one in found.governance["authors"]] == [
        *("atom-1", "atom-2", "atom-2", "atom-3")
    ]
    seen = library(film / FILM_NAME)
    manifest = seen["manifests"][seen["active_manifest"]]
    assert {part["relationship"] for part in manifest["ingredients"]} == {"componentOf"}
    names = [part["label"] for part in manifest["ingredients"]]
    assert len(set(names)) == len(names) == 3
    actions = manifest["assertions"][0]["data"]["actions"]
    placed = [one for one in actions if one["action"] == "c2pa.placed"]
    urls = [one["url"] for action in placed for one in action["parameters"]["ingredients"]]
    assert sorted(url.rsplit("/", 1)[-1] for url in urls) == sorted(names)
    assert actions[0] == {"action": "c2pa.created", "digitalSourceType": COMPOSITE}


def test_a_mark_and_a_draft_are_told_in_both_places(home: Home, film: Path, tmp_path: Path) -> None:
    profile = SMALL.model_copy(update={"draft": True})
    plan = home.plan(start="ocelot-night", profile=profile, watermark={"enabled": True})
    folder = chainer.render_episode(plan, tmp_path / "out").path
    manifest, found = told(folder)
    assert found.governance is not None
    assert (manifest.draft, found.governance["draft"]) == (True, True)
    assert found.governance["consent"]["uses"] == ["draft"]
    assert manifest.watermark is not None
    assert (manifest.watermark.burned, found.governance["watermark"]) == (True, "burned")
    assert found.actions == (
        *("c2pa.created", "c2pa.placed", "c2pa.watermarked.unbound", "c2pa.transcoded"),
    )
    assert chainer.verify_episode(folder).whole
    listed = home.index().get(manifest.id)
    assert listed is not None
    assert listed.state is EpisodeState.DRAFT

    manifest, found = told(film)
    assert found.governance is not None
    assert (manifest.draft, found.governance["draft"]) == (False, False)
    assert manifest.watermark is not None
    assert (manifest.watermark.burned, found.governance["watermark"]) == (False, "off")
    assert not found.watermarked


# -- who is told of ----------------------------------------------------------------


def test_no_name_of_anybody_or_anything_is_in_the_credentials(home: Home, film: Path) -> None:
    path = film / FILM_NAME
    first, last = box_of(path)
    data = path.read_bytes()[first:last]
    text = json.dumps(library(path), ensure_ascii=False)
    assert "org.chainer.governance" in text
    assert b"org.chainer.governance" in data
    words = {
        *(PERSON, SECOND, CHARACTER, SECOND_CHARACTER, "xiulan", "ouyang", "Oedegaard"),
        *(word for name, (author, media) in ATOMS.items() for word in (name, author, media)),
        *(media.removeprefix("media/") for _, media in ATOMS.values() if len(media) > 11),
        *("\u79c0\u5170", "\u6b27\u9633", "\u79d8\u5bc6", "\u6a58\u5cf6", "zhivago", "ysolde"),
        *(TITLE, "Quince", "Scene of", "graph.json", "consent.jsonl", FILM_NAME),
        *(str(home.folder), home.folder.name, home.register.book.name),
        *(home.register.book.id, *map(home.register.book.key, (PERSON, SECOND))),
        *(home.register.book.key(author) for author, _ in ATOMS.values()),
    }
    seen = text.casefold()
    for word in words:
        for form in ("NFC", "NFD", "NFKC"):
            shape = unicodedata.normalize(form, word)
            assert shape.casefold() not in seen, word
            assert shape.encode().lower() not in data.lower(), word
            assert shape.encode("utf-16-be") not in data, word
            assert json.dumps(shape)[1:-1].encode() not in data, word
    # The search can find something: what stands in there on purpose, and the names beside it.
    assert b"chainer development" in data
    assert CHARACTER.encode() not in path.read_bytes()
    assert TITLE.encode() in path.read_bytes()


def test_one_person_has_another_id_in_each_film(home: Home, film: Path, tmp_path: Path) -> None:
    other = chainer.render_episode(home.plan("Another"), tmp_path / "other").path
    ids: list[set[str]] = []
    for folder in (film, other):
        manifest, found = told(folder)
        assert found.governance is not None
        consent = found.governance["consent"]
        assert len(consent["people"]) == 2
        ids.append(
            {*consent["people"], consent["ledger"]}
            | {one["id"] for one in found.governance["authors"]}
        )
        assert len(ids[-1]) == 2 + 1 + 2
        assert manifest.consent is not None
        place = manifest.consent.position
        assert (consent["entry"], consent["entry_digest"]) == (str(place.seq), place.digest)
        assert place.seq == 2
        assert found.governance["episode"] == manifest.id
        assert not ids[-1] & {need.person for need in manifest.consent.needs}
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    "handle", ["all", "episode", "everywhere", "burned", "off", "ep", "DE", "2", "atom", "decade"]
)
def test_an_author_may_be_called_like_a_word_of_ours(handle: str, home: Home) -> None:
    """Such a handle is no reason to lose a film at its very end."""
    more = {
        "author": handle,
        "rating": Rating.ALL.value,
        "cast": [],
        "rights": {"territories": ["DE", "FR"]},
    }
    graph = home.graph(f"Of {handle}", **{"ocelot-night": more})
    settings = small_settings(home.folder, **SIGNED)
    plan = chainer.plan_episode(graph, "ocelot-night", settings=settings)
    book = home.register.book
    claim = claim_of(plan, f"ep-{'de' * 16}", book, Position(2, "decade".rjust(64, "0")), "0")
    assert handle in claim.forbidden
    data = claim.definition()["assertions"][1]["data"]
    assert (data["rating"], data["territories"]) == ("all", ["DE", "FR"])
    # What is not a word of ours is still looked at.
    with pytest.raises(ProvenanceError, match="a person's name"):
        replace(claim, governance={**claim.governance, "x": f"by {handle}"}).definition()


# -- tampering ---------------------------------------------------------------------

Bend = Callable[[Path], None]


def flip(at: Callable[[bytes], int]) -> Bend:
    def bend(film: Path) -> None:
        data = bytearray(film.read_bytes())
        data[at(bytes(data))] ^= 0x04
        film.write_bytes(data)

    return bend


def without_box(film: Path) -> None:
    argv = [FFMPEG, "-v", "error", "-y", "-i", str(film), "-map", "0:v", "-map", "0:a"]
    subprocess.run(
        [*argv, "-c", "copy", str(film.with_name("c.mp4"))], check=True, capture_output=True
    )
    film.with_name("c.mp4").replace(film)


def cut_out(film: Path) -> None:
    """The box as if it had never been there, all places mended."""
    first, last = box_of(film)
    data = film.read_bytes()
    film.write_bytes(data[:first] + (last - first).to_bytes(4, "big") + b"free" + bytes(8))
    with film.open("ab") as stream:
        stream.write(bytes(last - first - 16) + data[last:])


def appended(film: Path) -> None:
    with film.open("ab") as stream:
        stream.write((16).to_bytes(4, "big") + b"free" + bytes(8))


BENT: dict[str, tuple[Bend, str, str]] = {
    "mdat": (flip(lambda data: len(data) - 100), "bmffHash.mismatch", "tampered"),
    "moov": (flip(lambda data: data.index(b"Another") + 1), "bmffHash", "tampered"),
    "claim": (flip(lambda data: data.index(b"entry_digest") + 30), "hashedURI", "tampered"),
    "free": (appended, "SHA-256|bytes, not", "untrusted"),
    "brand": (flip(lambda data: 8), "SHA-256", "untrusted"),
    "remuxed": (without_box, "has lost its Content Credentials", "none"),
    "cut out": (cut_out, "has lost its Content Credentials", "none"),
}


@pytest.fixture(scope="module")
def other(home: Home) -> Path:
    """Another signed film of ours, of the same atoms, with a title that is found in its index."""
    return chainer.render_episode(home.plan("Another"), home.folder / "other").path


@pytest.mark.parametrize("where", BENT)
@pytest.mark.parametrize("hidden", [False, True])
def test_whatever_was_done_to_the_film_is_found(
    where: str, hidden: bool, other: Path, tmp_path: Path
) -> None:
    """By our digest, and without it wherever the credentials cover what was done."""
    folder = Path(shutil.copytree(other, tmp_path / "copy"))
    bend, words, credentials = BENT[where]
    bend(folder / FILM_NAME)
    if hidden:
        rewrite(folder, lambda data: None)
    verdict = chainer.verify_episode(folder)
    assert verdict.credentials == credentials
    if hidden and credentials == "untrusted":
        assert verdict.whole, "the library covers neither; only our digest does"
        return
    found = "\n".join(verdict.faults)
    assert not verdict.whole
    assert any(part in found for part in words.split("|")), found
    if not hidden:
        assert f"{FILM_NAME} " in found
        assert ("SHA-256" in found) or ("bytes, not" in found)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest, and make it agree with the film that is there now."""
    path = folder / MANIFEST_NAME
    data = json.loads(path.read_text())
    for entry in data["files"]:
        file = folder / entry["name"]
        entry.update(digest=file_digest(file), size=file.stat().st_size)
    change(data)
    path.write_text(json.dumps(data))


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        inner = data
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return change


def without_film(data: dict[str, Any]) -> None:
    data["files"] = [entry for entry in data["files"] if entry["name"] != FILM_NAME]


EDITED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "off": (put("provenance", "mode", value="off"), "was not signed"),
    "no word": (put("provenance", value=None), "was not signed"),
    "urn": (put("provenance", "urn", value="urn:c2pa:0"), "other Content Credentials"),
    "no urn": (put("provenance", "urn", value=None), "other Content Credentials"),
    "issuer": (put("provenance", "issuer", value="Somebody Else"), "signed by"),
    "id": (put("id", value="ep-" + "0" * 32), "another episode"),
    "draft": (put("draft", value=True), "draft"),
    "mark": (put("watermark", "burned", value=True), "watermark"),
    "people": (put("consent", "needs", value=[]), "whom the ledger was asked"),
    "rating": (put("rating", value="all"), "rating"),
    "entry": (put("consent", "position", "seq", value=1), "ledger"),
    "digest": (put("consent", "position", "digest", value="0" * 64), "ledger"),
    "no consent": (put("consent", value=None), "ledger"),
    "uses": (put("consent", "uses", value=["publish"]), "uses"),
    "territories": (put("rights", "territories", value=["FR"]), "territories"),
    "rights": (put("rights", "expires", value="2030-01-01T00:00:00Z"), "rights"),
    "no film": (without_film, f"{FILM_NAME} is not listed"),
}


@pytest.mark.parametrize("what", EDITED)
def test_an_edited_manifest_is_held_against_what_was_signed(what: str, copy: Path) -> None:
    change, words = EDITED[what]
    assert chainer.verify_episode(copy).whole
    rewrite(copy, change)
    verdict = chainer.verify_episode(copy)
    assert words in "\n".join(verdict.faults)
    assert len(verdict.faults) == 1
    assert verdict.signed


def test_a_film_that_was_not_signed_and_says_it_was(bare: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bare, tmp_path / "copy"))
    rewrite(folder, put("provenance", "mode", value="key"))
    (fault,) = chainer.verify_episode(folder).faults
    assert "has lost its Content Credentials" in fault


def test_a_film_exchanged_for_another_signed_one(copy: Path, other: Path) -> None:
    shutil.copy(other / FILM_NAME, copy / FILM_NAME)
    faults = "\n".join(chainer.verify_episode(copy).faults)
    assert "SHA-256" in faults or "bytes, not" in faults
    assert "other Content Credentials" in faults
    urn = read_manifest(other).provenance
    assert urn is not None
    rewrite(copy, put("provenance", "urn", value=urn.urn))
    faults = "\n".join(chainer.verify_episode(copy).faults)
    assert "SHA-256" not in faults
    assert "another episode" in faults


def test_a_film_that_is_missing_or_unlisted_or_another(copy: Path, other: Path) -> None:
    (copy / FILM_NAME).unlink()
    assert f"{FILM_NAME} is missing" in chainer.verify_episode(copy).faults
    rewrite_without = json.loads((copy / MANIFEST_NAME).read_text())
    without_film(rewrite_without)
    (copy / MANIFEST_NAME).write_text(json.dumps(rewrite_without))
    assert not chainer.verify_episode(copy).whole
    (copy / FILM_NAME).symlink_to(other / FILM_NAME)
    assert not chainer.verify_episode(copy).whole


def test_a_film_may_be_a_link_to_its_bytes(copy: Path, film: Path) -> None:
    (copy / FILM_NAME).unlink()
    (copy / FILM_NAME).symlink_to(film / FILM_NAME)
    verdict = chainer.verify_episode(copy)
    assert (verdict.faults, verdict.credentials) == ((), "untrusted")


# -- atoms with credentials --------------------------------------------------------


def sole(folder: Path, media: Path, **more: Any) -> chainer.Graph:
    """A graph of one atom."""
    return chainer.load_graph(
        write(folder, [{"id": "a", "author": "p-a", "media": str(media), **more}])
    )


def local(folder: Path, media: Path) -> str:
    """A copy of a file where a graph may name it."""
    shutil.copy(media, folder / media.name)
    return media.name


def planned(folder: Path, media: Path, **policy: Any) -> chainer.EpisodePlan:
    graph = sole(folder, Path(local(folder, media)), trim={"start": "0", "end": "1.6"})
    settings = small_settings(folder, provenance=policy, **SIGNED)
    return chainer.plan_episode(graph, "a", settings=settings)


def shared(name: str) -> Path:
    path = MEDIA / name
    if not path.is_file() and os.environ.get("CHAINER_REQUIRE_TOOLS") != "1":
        pytest.skip(f"no {path}; name the folder with CHAINER_MEDIA")
    return path


@pytest.mark.parametrize("name", ["ovi_priest_10s_signed.mp4", "video1_two_manifests.mp4"])
def test_an_atom_brings_its_own_manifest_into_the_film(name: str, tmp_path: Path) -> None:
    anchors = shared("throwaway_test_ca.pem")
    plan = planned(tmp_path, shared(name), trust_anchors=anchors)
    credential = plan.atoms[0].credential
    assert credential is not None
    known = name.startswith("ovi")
    assert credential.verdict is (Verdict.TRUSTED if known else Verdict.UNTRUSTED)
    assert any("not among the trusted" in note for note in plan.notes) is not known
    folder = chainer.render_episode(plan, tmp_path / "out").path
    found = check_film(folder / FILM_NAME, plan.settings.provenance)
    (part,) = found.ingredients
    assert (part.manifest, part.verdict) == (credential.label, credential.verdict)
    assert part.failures == credential.why
    seen = library(folder / FILM_NAME)
    assert credential.label in seen["manifests"]
    (ingredient,) = seen["manifests"][seen["active_manifest"]]["ingredients"]
    codes = [one["code"] for one in ingredient["validation_results"]["activeManifest"]["success"]]
    assert ("signingCredential.trusted" in codes) is known
    assert "claimSignature.validated" in codes
    if not known:
        inner = ingredient["validation_results"]["activeManifest"]["failure"]
        assert "signingCredential.untrusted" in [one["code"] for one in inner]
    assert chainer.verify_episode(folder).whole
    manifest = read_manifest(folder)
    assert manifest.provenance is not None
    assert manifest.provenance.atoms == {"a": credential.verdict.value}


@pytest.fixture(scope="module")
def clips(
    home: Home, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> dict[Verdict, Path]:
    """A clip for each verdict, where the authority of the tests is trusted."""
    folder = tmp_path_factory.mktemp("clips")
    plain = Coded(5, 30).write(folder / "plain.mp4")
    good = sign_atom(plain, folder / "good.mp4", authority.signer())
    data = bytearray(good.read_bytes())
    data[data.rindex(b"mdat") + 100] ^= 0x04  # in what the encoder writes of itself
    bad = folder / "bad.mp4"
    bad.write_bytes(data)
    found = {
        Verdict.NONE: plain,
        Verdict.TRUSTED: good,
        Verdict.UNTRUSTED: sign_atom(plain, folder / "unknown.mp4", Authority("Other").signer()),
        Verdict.TAMPERED: bad,
        Verdict.LOST: folder / "lost.mp4",
    }
    kept_elsewhere(plain, found[Verdict.LOST], "http://127.0.0.1:9/x.c2pa", authority.signer())
    return found


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_can_be_refused_with_the_plan(
    verdict: Verdict, clips: dict[Verdict, Path], authority: Authority, tmp_path: Path
) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(authority.anchor)
    name = Path(local(tmp_path, clips[verdict]))
    graph = sole(tmp_path, name)
    for answer in ("use", "note", "refuse"):
        policy = {verdict.value: answer, "trust_anchors": anchors}
        settings = small_settings(tmp_path, provenance=policy, **SIGNED)
        if answer == "refuse":
            with pytest.raises(ProvenanceError, match="refused for what their cred") as caught:
                chainer.plan_episode(graph, "a", settings=settings)
            assert (caught.value.exit_status, caught.value.code) == (6, "credentials")
            assert caught.value.facts["atoms"] == {"a": verdict.value}
        else:
            plan = chainer.plan_episode(graph, "a", settings=settings)
            assert plan.as_json()["credentials"] == {"a": verdict.value}
            told_of = [note for note in plan.notes if note.startswith("a: ")]
            assert any("redentials" in note or "sign" in note for note in told_of) is (
                answer == "note"
            )


@pytest.mark.parametrize("damage", ["evicted", "flipped"])
def test_what_the_store_lost_of_an_atoms_credentials_is_read_again(
    damage: str, clips: dict[Verdict, Path], tmp_path: Path
) -> None:
    """Not found out after all else is done: between plan and signing lies the whole render."""
    graph = sole(tmp_path, Path(local(tmp_path, clips[Verdict.TRUSTED])))
    plan = chainer.plan_episode(graph, "a", settings=small_settings(tmp_path, **SIGNED))
    credential = plan.atoms[0].credential
    assert credential is not None
    assert credential.archive is not None
    if damage == "evicted":
        assert collect(Store(tmp_path), 0).records > 0
    else:
        path = Store(tmp_path).path_of(credential.archive.digest)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    folder = chainer.render_episode(plan, tmp_path / "out").path
    _, found = told(folder)
    (part,) = found.ingredients
    assert part.manifest == credential.label is not None
    assert chainer.verify_episode(folder).whole

    # Where the clip is gone too, nothing is signed without it.
    for name, _ in Store(tmp_path).pin_texts():
        Store(tmp_path).unpin(name)
    collect(Store(tmp_path), 0)
    again = chainer.plan_episode(graph, "a", settings=small_settings(tmp_path, **SIGNED))
    first = again.atoms[0].credential
    assert first is not None
    assert first.archive is not None

    def lose(good: chainer.Progress) -> None:
        if good.steps_done == len(again.render.steps):
            Store(tmp_path).path_of(str(first.archive and first.archive.digest)).unlink(True)
            (tmp_path / clips[Verdict.TRUSTED].name).unlink(missing_ok=True)

    with pytest.raises(chainer.MediaMissing):
        chainer.render_episode(again, tmp_path / "out2", on_progress=lose)
    assert not (tmp_path / "out2").exists()


def test_a_tampered_atom_that_is_let_in_is_on_record(
    clips: dict[Verdict, Path], authority: Authority, tmp_path: Path
) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(authority.anchor)
    graph = sole(tmp_path, Path(local(tmp_path, clips[Verdict.TAMPERED])))
    policy = {"trust_anchors": anchors}
    with pytest.raises(ProvenanceError, match=r"a: is not what Test Signer") as caught:
        chainer.plan_episode(
            graph, "a", settings=small_settings(tmp_path, provenance=policy, **SIGNED)
        )
    assert caught.value.exit_status == 6
    policy = {**policy, "tampered": "use"}
    settings = small_settings(tmp_path, provenance=policy, **SIGNED)
    plan = chainer.plan_episode(graph, "a", settings=settings)
    folder = chainer.render_episode(plan, tmp_path / "out").path
    manifest, found = told(folder)
    assert manifest.provenance is not None
    assert manifest.provenance.atoms == {"a": "tampered"}
    (part,) = found.ingredients
    assert part.verdict is Verdict.TAMPERED
    assert "assertion.bmffHash.mismatch" in part.failures
    verdict = chainer.verify_episode(folder)
    assert verdict.whole
    assert verdict.signed


# -- no network --------------------------------------------------------------------


@pytest.fixture
def canary() -> Iterator[Canary]:
    with canary_server() as server:
        yield server


WHOLE_WAY = textwrap.dedent("""
    import json, sys
    from pathlib import Path

    calls = []
    def watch(event, values):
        words = ("connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "gethostbyaddr")
        if event.startswith("socket.") and event.removeprefix("socket.") in words:
            calls.append([event, repr(values)])
    sys.addaudithook(watch)

    import chainer
    from tests.film.coded import small_settings

    folder, out = map(Path, sys.argv[1:3])
    settings = small_settings(out / "store", signing={})
    plan = chainer.plan_episode(chainer.load_graph(folder / "graph.json"), "a", settings=settings)
    chainer.render_episode(plan, out / "film")
    verdict = chainer.verify_episode(out / "film")
    if sys.argv[3:]:
        import socket
        try:
            socket.create_connection(("127.0.0.1", int(sys.argv[3])), 1).close()
        except OSError:
            pass
    print(json.dumps([verdict.faults, plan.as_json()["credentials"], calls]))
""")


def whole_way(folder: Path, out: Path, *more: str, fence: tuple[str, ...] = ()) -> list[Any]:
    argv = [*fence, sys.executable, "-c", WHOLE_WAY, str(folder), str(out), *more]
    done = subprocess.run(
        argv, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_whole_way_asks_nobody(
    canary: Canary, clips: dict[Verdict, Path], authority: Authority, tmp_path: Path
) -> None:
    """In this process and in those that it starts; the canary and the watch are shown to work."""
    (tmp_path / "one").mkdir()
    media = tmp_path / "one" / "a.mp4"
    url = f"{canary.url}/manifest.c2pa"
    # With a mark of a manifest store, so that the library is asked about the atom too.
    plain = kept_elsewhere(clips[Verdict.NONE], tmp_path / "plain.mp4", url, authority.signer())
    marked(plain, media)
    sole(tmp_path / "one", Path("a.mp4"))
    with (
        media.open("rb") as stream,
        c2pa.Context() as context,
        pytest.raises(c2pa.C2paError),
    ):
        c2pa.Reader(door.MEDIA_TYPE, stream, context=context)
    assert canary.hits == ["/manifest.c2pa"]
    canary.hits.clear()

    faults, credentials, calls = whole_way(tmp_path / "one", tmp_path / "out")
    assert (faults, credentials) == ([], {"a": "lost"})
    assert calls == []
    assert canary.hits == []

    # Again where there is no network at all, not even a loopback, for whatever is started.
    fence = ("unshare", "--user", "--net")
    if not shutil.which("unshare") or subprocess.run([*fence, "true"], check=False).returncode:
        return
    port = canary.url.rsplit(":", 1)[-1]
    faults, credentials, calls = whole_way(tmp_path / "one", tmp_path / "again", port, fence=fence)
    assert (faults, credentials) == ([], {"a": "lost"})
    assert [event for event, _ in calls] == ["socket.getaddrinfo", "socket.connect"]
    assert canary.hits == []


# -- signers -----------------------------------------------------------------------


def kms(authority: Authority, sign: Callable[[Any, bytes], Any] | None = None) -> FilmSigner:
    """A signer by callback; `sign` bends what it gives."""
    key = ec.generate_private_key(ec.SECP256R1())

    def good(data: bytes) -> bytes:
        return key.sign(data, ec.ECDSA(hashes.SHA256()))

    callback = good if sign is None else (lambda data: sign(good, data))
    return callback_signer(callback, authority.chain(key), "es256")


def test_whoever_signs_is_told(home: Home, authority: Authority, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "chain.pem").write_bytes(authority.chain(key, common="Studio North"))
    (tmp_path / "key.pem").write_bytes(secret(key))
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(authority.anchor)
    files = {"mode": "key", "certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem"}
    by_key = home.plan("By key", start="ocelot-night", signing=files)
    by_callback = home.plan("By callback", start="ocelot-night")
    off = home.plan("Off", start="ocelot-night", signing={"mode": "off"})
    for number, (plan, signer, mode, name) in enumerate(
        [
            (by_key, None, "key", "Studio North"),
            (by_callback, kms(authority), "callback", "Test Signer"),
            # What is handed in signs, whatever the settings say.
            (by_key, kms(authority), "callback", "Test Signer"),
            (off, kms(authority), "callback", "Test Signer"),
        ]
    ):
        folder = tmp_path / f"out{number}"
        manifest = chainer.render_episode(plan, folder, signer=signer).manifest
        assert manifest.provenance is not None
        assert (manifest.provenance.mode, manifest.provenance.issuer) == (mode, name)
        verdict = chainer.verify_episode(folder, ProvenancePolicy(trust_anchors=anchors))
        assert (verdict.faults, verdict.credentials, verdict.signer) == ((), "trusted", name)


class KmsDownError(Exception):
    pass


def broken(_: Any, __: bytes) -> bytes:
    raise KmsDownError("no route to the key")


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        (broken, "KmsDownError: no route to the key"),
        (lambda good, data: b"rubbish", "not made with the key"),
        (lambda good, data: good(data) + bytes(50_000), "at most 72"),
        (lambda good, data: None, "gave nothing"),
        (lambda good, data: good(data + b"!"), "not over these bytes"),
    ],
    ids=["raises", "rubbish", "too long", "nothing", "of something else"],
)
def test_a_callback_that_fails_leaves_nothing_but_the_steps(
    sign: Callable[[Any, bytes], Any],
    words: str,
    home: Home,
    authority: Authority,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    plan = home.plan(f"Fails: {request.node.name}", start="ocelot-night")
    with pytest.raises(ProvenanceError, match=words) as caught:
        chainer.render_episode(plan, tmp_path / "out", signer=kms(authority, sign))
    assert (caught.value.exit_status, caught.value.code) == (6, "signing-callback")
    assert list(tmp_path.iterdir()) == []
    assert home.state(plan) is EpisodeState.GONE
    again = home.plan(f"Fails: {request.node.name}", start="ocelot-night")
    assert {step.why.value for step in again.render.steps} == {"cached"}
    assert list((home.folder / "tmp").iterdir()) == []


def test_an_older_episode_stays_where_signing_the_new_one_fails(
    home: Home, authority: Authority, tmp_path: Path
) -> None:
    plan = home.plan("Old", start="ocelot-night")
    chainer.render_episode(plan, tmp_path / "out")
    before = file_digest(tmp_path / "out" / FILM_NAME)
    with pytest.raises(ProvenanceError):
        chainer.render_episode(plan, tmp_path / "out", signer=kms(authority, broken))
    assert file_digest(tmp_path / "out" / FILM_NAME) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert home.state(plan) is EpisodeState.MADE
    assert chainer.verify_episode(tmp_path / "out").whole


@pytest.mark.parametrize("wrong", ["missing", "expired", "not its key", "key usage", "no PEM"])
def test_a_certificate_that_cannot_sign_is_found_before_the_work(
    wrong: str, home: Home, authority: Authority, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    chain, key_file = files / "chain.pem", files / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    bent: dict[str, Any] = {
        "expired": {"begin": -timedelta(days=9), "end": -timedelta(days=1)},
        "key usage": {"key_usage": Authority("x").certificate.extensions[1].value},
    }.get(wrong, {})
    chain.write_bytes(authority.chain(key, **bent))
    other = ec.generate_private_key(ec.SECP256R1())
    key_file.write_bytes(secret(other if wrong == "not its key" else key))
    if wrong == "missing":
        key_file.unlink()
    if wrong == "no PEM":
        chain.write_bytes(b"\x30\x82")
    policy = {"mode": "key", "certificate": chain, "key": key_file}
    plan = home.plan(f"Wrong: {wrong}", start="ocelot-night", signing=policy)
    words = {
        "missing": "key.pem cannot be read",
        "expired": "has expired",
        "not its key": "does not belong to",
        "key usage": "may not sign",
        "no PEM": "is not PEM",
    }[wrong]
    with pytest.raises(ProvenanceError, match=words) as caught:
        chainer.render_episode(plan, tmp_path / "out")
    assert (caught.value.exit_status, caught.value.code) == (6, "certificate")
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
    assert home.state(plan) in (None, EpisodeState.GONE)


def test_cancelled_while_a_callback_hangs(home: Home, authority: Authority, tmp_path: Path) -> None:
    cancel, called, end = threading.Event(), threading.Event(), threading.Event()

    def hang(good: Any, data: bytes) -> bytes:
        called.set()
        end.wait(30)
        return bytes(good(data))

    def stop() -> None:
        assert called.wait(30)
        cancel.set()

    plan = home.plan("Hangs", start="ocelot-night")
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        begun = time.monotonic()
        with pytest.raises(chainer.Cancelled):
            chainer.render_episode(
                plan, tmp_path / "out", signer=kms(authority, hang), cancel=cancel
            )
        assert time.monotonic() - begun < 10
    finally:
        end.set()
        thread.join()
    assert list(tmp_path.iterdir()) == []
    assert home.state(plan) is EpisodeState.GONE


def test_cancelled_between_signing_and_reading_again(
    home: Home, authority: Authority, tmp_path: Path
) -> None:
    cancel = threading.Event()

    def late(good: Any, data: bytes) -> bytes:
        cancel.set()
        return bytes(good(data))

    plan = home.plan("Late", start="ocelot-night")
    with pytest.raises(chainer.Cancelled):
        chainer.render_episode(plan, tmp_path / "out", signer=kms(authority, late), cancel=cancel)
    assert list(tmp_path.iterdir()) == []
    assert home.state(plan) is EpisodeState.GONE


def test_four_threads_render_and_sign_at_once(
    home: Home, authority: Authority, tmp_path: Path
) -> None:
    plans = [home.plan(f"Thread {n % 2}", start="narwhal-twin") for n in range(4)]
    signers = [None, kms(authority), None, kms(authority)]
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda n: chainer.render_episode(plans[n], tmp_path / f"out{n}", signer=signers[n]),
                range(4),
            )
        )
    urns = set()
    for episode in done:
        verdict = chainer.verify_episode(episode.path)
        assert verdict.faults == ()
        provenance = episode.manifest.provenance
        assert provenance is not None
        urns.add(provenance.urn)
    assert len(urns) == 4
    modes = [episode.manifest.provenance.mode for episode in done if episode.manifest.provenance]
    assert modes == ["development", "callback"] * 2
    assert {home.state(plan) for plan in plans} == {EpisodeState.MADE}
