"""Reading one atom's credentials: kept, healed, made anew when old, and never unsafe."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chainer.digest import file_digest
from chainer.errors import Cancelled, MediaMissing, MediaRefused, ProvenanceError
from chainer.media.child import ChildLimits
from chainer.provenance import credential as room
from chainer.provenance import reading
from chainer.provenance.certificate import read_anchors
from chainer.provenance.credential import (
    Credential,
    archive_label,
    credential_key,
    judge,
    read_credential,
    words,
)
from chainer.provenance.policy import Answer, ProvenancePolicy, Verdict
from chainer.store import Presence, Store

from .conftest import Read, encode
from .pki import TRAINED, Authority, sign_atom


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files about which the library was really asked."""
    found: list[Path] = []
    ask = room.ask

    def noted(source: Any, **options: Any) -> Any:
        found.append(source.path)
        return ask(source, **options)

    monkeypatch.setattr(room, "ask", noted)
    return found


def test_a_signed_atom(signed: dict[str, Path], read: Read, policy: ProvenancePolicy) -> None:
    found = read(signed["one"])
    assert (found.verdict, found.why, found.common_name) == (Verdict.TRUSTED, (), "Test Signer")
    assert (found.generator, found.source_type) == ("test generator 1", TRAINED)
    assert found.archive is not None
    assert judge(found, policy) is Answer.USE
    assert Credential.model_validate_json(found.model_dump_json(by_alias=True)) == found
    assert "who is trusted" in words(found)


def test_nothing_of_the_user_is_in_the_archive(
    signed: dict[str, Path], read: Read, store: Store, tmp_path: Path
) -> None:
    named = tmp_path / "holiday-of-mei.mp4"
    named.write_bytes(signed["one"].read_bytes())
    found = read(named)
    assert found.archive is not None
    data = store.path_of(found.archive.digest).read_bytes()
    assert archive_label(found.media).encode() in data
    assert b"holiday" not in data
    assert str(tmp_path).encode() not in data


def test_without_anchors_nobody_is_trusted(signed: dict[str, Path], read: Read) -> None:
    found = read(signed["one"], ProvenancePolicy())
    assert found.verdict is Verdict.UNTRUSTED
    assert found.why == ("signingCredential.untrusted",)
    assert "not among the trusted" in words(found)


def test_an_eku_that_is_not_accepted_is_not_trusted(
    signed: dict[str, Path], read: Read, anchors: Path
) -> None:
    found = read(
        signed["one"], ProvenancePolicy(trust_anchors=anchors, ekus=("1.3.6.1.5.5.7.3.4",))
    )
    assert found.verdict is not Verdict.TRUSTED


def test_asked_once_for_each_file_and_policy(
    signed: dict[str, Path], clips: dict[str, Path], read: Read, asked: list[Path]
) -> None:
    first = read(signed["one"])
    assert read(signed["one"]) == first
    assert asked == [signed["one"]]
    read(signed["one"], ProvenancePolicy())
    read(clips["two"])
    read(clips["two"])
    assert asked == [signed["one"], signed["one"], clips["two"]]


def test_answers_do_not_change_what_is_kept(
    signed: dict[str, Path], read: Read, asked: list[Path], policy: ProvenancePolicy
) -> None:
    read(signed["one"])
    stricter = policy.model_copy(update={"trusted": Answer.REFUSE})
    assert judge(read(signed["one"], stricter), stricter) is Answer.REFUSE
    assert len(asked) == 1


def test_many_threads_ask_once(signed: dict[str, Path], read: Read, asked: list[Path]) -> None:
    found: list[Credential] = []
    threads = [threading.Thread(target=lambda: found.append(read(signed["one"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.parametrize("damage", ["flipped", "missing", "record", "other facts"])
def test_damage_heals(
    damage: str,
    signed: dict[str, Path],
    read: Read,
    store: Store,
    policy: ProvenancePolicy,
    asked: list[Path],
) -> None:
    found = read(signed["one"])
    assert found.archive is not None
    archive = store.path_of(found.archive.digest)
    key = credential_key(found.media, policy, read_anchors(policy.trust_anchors))
    record = store.root / "ac" / key[:2] / key
    if damage == "flipped":
        data = bytearray(archive.read_bytes())
        data[len(data) // 2] ^= 1
        archive.write_bytes(data)
    elif damage == "missing":
        archive.unlink()
    elif damage == "record":
        record.write_bytes(b"{")
    else:
        told = json.loads(record.read_text())
        told["facts"]["verdict"] = "splendid"
        record.write_text(json.dumps(told))
    again = read(signed["one"])
    assert len(asked) == 2
    assert again.verdict is Verdict.TRUSTED
    assert again.archive is not None
    assert store.is_whole(again.archive)
    assert store.find(key)[0] is Presence.CACHED


@pytest.mark.parametrize(
    ("age", "times"), [(timedelta(hours=23), 1), (timedelta(hours=25), 2), (-timedelta(hours=1), 2)]
)
def test_an_answer_is_good_for_a_day(
    age: timedelta,
    times: int,
    signed: dict[str, Path],
    read: Read,
    asked: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = read(signed["one"])
    monkeypatch.setattr(room, "_now", lambda: first.read_at + age)
    again = read(signed["one"])
    assert len(asked) == times
    assert again.read_at == (first.read_at if times == 1 else first.read_at + age)


def test_an_expired_certificate_is_untrusted_not_tampered(
    clips: dict[str, Path], authority: Authority, read: Read, tmp_path: Path
) -> None:
    signer = authority.signer(end=timedelta(seconds=2))
    path = sign_atom(clips["one"], tmp_path / "short.mp4", signer)
    time.sleep(3.3)  # the library counts whole seconds
    found = read(path)
    assert found.verdict is Verdict.UNTRUSTED, found.why
    assert "signingCredential.expired" in found.why
    flipped = flip(path, tmp_path / "flipped.mp4", b"mdat", 100)
    assert read(flipped).verdict is Verdict.TAMPERED


def flip(path: Path, target: Path, box: bytes, offset: int) -> Path:
    data = bytearray(path.read_bytes())
    data[data.rindex(box) + offset] ^= 0x10
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("mark", [b"mdat", b"moov", b"c2pa.signature\0", b"c2pa.actions.v2\0"])
def test_a_flipped_bit_is_found(
    mark: bytes, signed: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    found = read(flip(signed["one"], tmp_path / "flipped.mp4", mark, len(mark) + 60))
    assert found.verdict in (Verdict.TAMPERED, Verdict.LOST)
    if mark in (b"mdat", b"moov"):
        assert found.verdict is Verdict.TAMPERED
        assert "assertion.bmffHash.mismatch" in found.why
        assert "is not what Test Signer (Test Only) signed" in words(found)


def test_a_store_that_cannot_be_parsed_is_lost(
    signed: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    path = tmp_path / "garbage.mp4"
    path.write_bytes(signed["one"].read_bytes() + b"\xff\xff\xff\xffgarbage")
    found = read(path)
    assert found.verdict is Verdict.LOST
    assert "cannot be read" in words(found)


@pytest.mark.parametrize(
    ("reference", "verdict"),
    [
        ('dcterms:provenance="self#jumbf=/c2pa/urn:x/c2pa.claim"', Verdict.LOST),
        ("<dcterms:provenance>\n https://example.org/a.c2pa</dcterms:provenance>", Verdict.LOST),
        ("the words dcterms:provenance alone", Verdict.NONE),
    ],
)
def test_a_reference_without_credentials_is_lost(
    reference: str, verdict: Verdict, clips: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    body = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + reference.encode()
    path = tmp_path / "xmp.mp4"
    box = (8 + len(body)).to_bytes(4, "big") + b"uuid" + body
    path.write_bytes(clips["one"].read_bytes() + box)
    assert read(path).verdict is verdict


def test_a_copy_without_credentials_is_lost_once_the_original_was_seen(
    signed: dict[str, Path], clips: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    copy = encode(tmp_path / "copy.mp4", "-i", str(signed["one"]), "-map", "0", "-c", "copy")
    assert file_digest(copy) != file_digest(clips["one"])
    assert read(copy).verdict is Verdict.NONE
    read(signed["one"])
    assert read(copy).verdict is Verdict.LOST
    assert read(clips["two"]).verdict is Verdict.NONE


def test_an_index_too_large_for_an_atom_has_no_essence(
    clips: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    data = clips["one"].read_bytes()
    at = data.index(b"moov") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    for padding, known in ((1 << 20, True), (3 << 20, False)):
        # In front of the media, whose places in the file the index then tells wrongly.
        free = padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
        moov = (size + padding).to_bytes(4, "big") + data[at + 4 : at + size] + free
        path = tmp_path / f"{padding}.mp4"
        path.write_bytes(data[:at] + moov + data[at + size :])
        assert (read(path).essence is not None) is known


def test_other_containers_are_looked_at_too(
    clips: dict[str, Path], signed: dict[str, Path], read: Read, tmp_path: Path
) -> None:
    plain = encode(tmp_path / "plain.mkv", "-i", str(clips["one"]), "-c", "copy")
    assert read(plain).verdict is Verdict.NONE
    held = tmp_path / "held.mkv"
    held.write_bytes(plain.read_bytes() + signed["one"].read_bytes()[:8000])
    assert read(held).verdict is Verdict.LOST


def test_other_bytes_are_refused(clips: dict[str, Path], store: Store) -> None:
    with pytest.raises(MediaRefused, match="changed after it was inspected") as caught:
        read_credential(clips["one"], "0" * 64, store, ProvenancePolicy())
    assert caught.value.code == "media-changed"


def test_a_missing_file_and_a_link(clips: dict[str, Path], store: Store, tmp_path: Path) -> None:
    with pytest.raises(MediaMissing):
        read_credential(tmp_path / "no.mp4", "0" * 64, store, ProvenancePolicy())
    link = tmp_path / "link.mp4"
    link.symlink_to(clips["one"])
    with pytest.raises(MediaRefused):
        read_credential(link, file_digest(clips["one"]), store, ProvenancePolicy())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (ChildLimits(wall_seconds=0.0), "timeout"),
        (ChildLimits(memory_bytes=1 << 20), ""),
    ],
)
def test_what_cannot_be_read_safely_is_lost_and_asked_again(
    limits: ChildLimits,
    said: str,
    signed: dict[str, Path],
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reading, "_LIMITS", limits)
        found = read(signed["one"])
    assert found.verdict is Verdict.LOST
    assert f"could not be read safely: {said}" in words(found)
    assert read(signed["one"]).verdict is Verdict.TRUSTED


def test_credentials_too_large_for_a_film_are_lost(
    signed: dict[str, Path], read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_LIMITS", ChildLimits(file_bytes=100))
    found = read(signed["one"])
    assert (found.verdict, found.archive) == (Verdict.LOST, None)
    assert "could not be packed for a film" in words(found)


@pytest.mark.parametrize(
    "answer", [b"", b"{", b'{"found": true, "color": 1}', b"[]", b'{"found": "maybe"}']
)
def test_a_senseless_answer_is_lost(
    answer: bytes,
    signed: dict[str, Path],
    read: Read,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"import sys; sys.stdin.read(); sys.stdout.buffer.write({answer!r})")
    monkeypatch.setattr(reading, "_DOOR", child)
    found = read(signed["one"])
    assert found.verdict is Verdict.LOST
    assert "could not be read safely" in words(found)


def test_a_strangers_words_are_cleaned(
    clips: dict[str, Path], authority: Authority, read: Read, tmp_path: Path
) -> None:
    hostile = "\x1b[2JTrust me\n" + "x" * 500
    path = sign_atom(clips["one"], tmp_path / "loud.mp4", authority.signer(common=hostile[:64]))
    found = read(path)
    assert found.common_name is not None
    assert found.common_name.isprintable()
    assert found.common_name.startswith("[2JTrust me x")


def test_cancelled(signed: dict[str, Path], store: Store) -> None:
    stop = threading.Event()
    stop.set()
    path = signed["one"]
    with pytest.raises(Cancelled):
        read_credential(path, file_digest(path), store, ProvenancePolicy(), cancel=stop)


@pytest.mark.parametrize("kind", ["missing", "text", "leaf"])
def test_anchors_that_cannot_be_used(
    kind: str, clips: dict[str, Path], authority: Authority, read: Read, tmp_path: Path
) -> None:
    path = tmp_path / "anchors.pem"
    if kind == "text":
        path.write_text("no certificate")
    elif kind == "leaf":
        path.write_bytes(authority.signer().chain)
    with pytest.raises(ProvenanceError, match="anchors") as caught:
        read(clips["one"], ProvenancePolicy(trust_anchors=path))
    assert caught.value.exit_status == 6


def test_without_the_library(
    signed: dict[str, Path], read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> str:
        raise ProvenanceError("c2pa-python is not installed")

    monkeypatch.setattr(reading, "_site", absent)
    with pytest.raises(ProvenanceError, match="not installed"):
        read(signed["one"])
