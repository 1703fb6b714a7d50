"""Real media: the verdict on every file with credentials, and an answer for every broken one.

The media lie outside the repository, in the folder that `CHAINER_MEDIA` names (else
`../shared/media`). Without them the tests are skipped; `CHAINER_REQUIRE_TOOLS=1` makes that
a failure. A file that is not in the table is a failure too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chainer.digest import file_digest
from chainer.errors import MediaError
from chainer.provenance.credential import judge, read_credential, words
from chainer.provenance.policy import Answer, ProvenancePolicy, Verdict
from chainer.store import Store

from .conftest import MEDIA, Read

pytestmark = pytest.mark.skipif(
    not MEDIA.is_dir() and os.environ.get("CHAINER_REQUIRE_TOOLS") != "1",
    reason=f"no media in {MEDIA}; name the folder with CHAINER_MEDIA",
)
SUFFIXES = {".mp4", ".mp3", ".wav"}

# The verdict without anchors, and with the authority that lies beside the files.
VERDICTS = """
100kb_hash_mismatch.mp4                tampered  tampered  C2PA Signer
100kb_signed.mp3                       untrusted untrusted C2PA Signer
firefly_audio_signed.wav               untrusted untrusted Adobe C2PA Stage
legacy_two_manifests.mp4               untrusted untrusted mauricefisher@nc.rr.com
ovi_green_v_signed.mp4                 untrusted trusted   Throwaway Test Signer
ovi_green_v_signed_tampered.mp4        tampered  tampered  Throwaway Test Signer
ovi_priest_10s_signed.mp4              untrusted trusted   Throwaway Test Signer
video1_no_manifest.mp4                 lost      lost      -
video1_one_manifest.mp4                untrusted untrusted Bob
video1_remuxed_manifest_lost.mp4       none      none      -
video1_two_manifests.mp4               untrusted untrusted C2PA Signer
video1_uuid_before_ftyp_unparsable.mp4 lost      lost      -
"""
CREDENTIALS = {"nat_c2pa_uuid_before_ftyp.mp4": Verdict.LOST}
"""Of the broken files, those that have any."""


def rows() -> list[list[str]]:
    return [line.split(maxsplit=3) for line in VERDICTS.strip().splitlines()]


def files(folder: str) -> list[Path]:
    found = MEDIA / folder
    return (
        sorted(path for path in found.iterdir() if path.suffix in SUFFIXES)
        if found.is_dir()
        else []
    )


def test_the_table_names_every_file() -> None:
    assert {row[0] for row in rows()} == {path.name for path in files("c2pa")}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_file_has_its_verdict(row: list[str], tmp_path: Path) -> None:
    name, unknown, known, signer = row
    path = MEDIA / "c2pa" / name
    store = Store(tmp_path)
    trusted = MEDIA / "c2pa" / "throwaway_test_ca.pem"
    for anchors, verdict in {known: (trusted, known), unknown: (None, unknown)}.values():
        policy = ProvenancePolicy(trust_anchors=anchors)
        found = read_credential(path, file_digest(path), store, policy)
        assert found.verdict == verdict, found
        assert (found.common_name or "-") == signer
        assert (found.archive is not None) == (signer != "-")
        assert (judge(found, policy) is Answer.REFUSE) == (verdict == "tampered")
        assert signer in words(found) or signer == "-"


def test_what_a_manifest_tells(read: Read) -> None:
    found = read(MEDIA / "c2pa" / "video1_one_manifest.mp4")
    assert found.label == "urn:uuid:54281c07-ad34-430e-bea5-112a18facf0b"
    assert (found.issuer, found.signed_at) == (
        "Media Publisher Company",
        "2022-08-22T23:06:45+00:00",
    )
    assert found.generator == "TestApp c2patool/0.3.0 c2pa-rs/0.12.0"
    made = read(MEDIA / "c2pa" / "ovi_green_v_signed.mp4")
    assert str(made.source_type).endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize("with_credentials", ["video1_one_manifest", "video1_two_manifests"])
def test_a_remuxed_copy_is_lost_once_the_original_was_seen(
    with_credentials: str, read: Read
) -> None:
    copy = MEDIA / "c2pa" / "video1_remuxed_manifest_lost.mp4"
    before = read(copy)
    assert before.verdict is Verdict.NONE
    original = read(MEDIA / "c2pa" / f"{with_credentials}.mp4")
    assert original.essence == before.essence is not None
    after = read(copy)
    assert after.verdict is Verdict.LOST
    assert "another file with the same pictures" in words(after)
    other = read(MEDIA / "dev" / "ovi_priest_10s.mp4")
    assert other.verdict is Verdict.NONE


@pytest.mark.parametrize("path", files("broken"), ids=lambda path: path.name)
def test_every_broken_file_has_an_answer(path: Path, read: Read) -> None:
    if path.stat().st_size == 0:
        with pytest.raises(MediaError, match=path.name):
            read(path)
        return
    found = read(path)
    assert found.verdict is CREDENTIALS.get(path.name, Verdict.NONE)
    assert found.archive is None
