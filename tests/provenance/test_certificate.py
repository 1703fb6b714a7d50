"""What may sign: everything that is wrong with a certificate or key is said before signing."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from chainer.errors import ProvenanceError
from chainer.provenance import certificate, development
from chainer.provenance.certificate import (
    SigningMaterial,
    key_signature,
    load_key,
    read_anchors,
    signature_fault,
)
from chainer.provenance.development import ANCHOR, FILE, development_certificate
from chainer.provenance.policy import C2PA_EKU, SigningMode, SigningPolicy

from .pki import HOUR, Authority, secret, usage


def p256() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def kept(folder: Path, chain: bytes, key: bytes, **more: str) -> SigningPolicy:
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)
    return SigningPolicy(
        mode=SigningMode.KEY,
        certificate=folder / "chain.pem",
        key=folder / "key.pem",
        **more,  # type: ignore[arg-type]
    )


KEYS: dict[str, Callable[[], Any]] = {
    "es256": p256,
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_good_key_of_every_kind(algorithm: str, authority: Authority, tmp_path: Path) -> None:
    key = KEYS[algorithm]()
    found = load_key(kept(tmp_path, authority.chain(key), secret(key)))
    assert (found.algorithm, found.development, found.fresh) == (algorithm, False, False)
    signature = key_signature(found)(b"a film")
    assert signature_fault(found.chain, algorithm, b"a film", signature) == ""
    assert "not made with the key" in signature_fault(found.chain, algorithm, b"b", signature)
    assert "bytes" in signature_fault(found.chain, algorithm, b"a film", signature + bytes(600))
    assert secret(key).decode() not in repr(found)


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"begin": -3 * HOUR, "end": -HOUR}, "has expired on"),
    "not yet valid": ({"begin": HOUR}, "is not valid before"),
    "key usage": ({"key_usage": usage(key_encipherment=True)}, 'lacks "digitalSignature"'),
    "no eku": ({"ekus": ()}, "is for no purpose"),
    "server": ({"ekus": ("1.3.6.1.5.5.7.3.1",)}, "is for 1.3.6.1.5.5.7.3.1"),
    "any": ({"ekus": ("2.5.29.37.0",)}, "its extended key usage must hold"),
    "no aki": ({"aki": False}, "does not name its authority's key"),
    "authority": ({"authority": True}, "a signer's own certificate is needed"),
}


@pytest.mark.parametrize("kind", BENT)
def test_a_certificate_that_may_not_sign(kind: str, authority: Authority, tmp_path: Path) -> None:
    bent, words = BENT[kind]
    key = p256()
    with pytest.raises(ProvenanceError) as caught:
        load_key(kept(tmp_path, authority.chain(key, **bent), secret(key)))
    assert words in str(caught.value)
    assert (caught.value.exit_status, caught.value.code) == (6, "certificate")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (lambda: ec.generate_private_key(ec.SECP256K1()), "a kind that C2PA does not accept"),
        (lambda: rsa.generate_private_key(65537, 1024), "a kind that C2PA does not accept"),
    ],
    ids=["secp256k1", "rsa1024"],
)
def test_a_key_of_a_kind_that_is_not_accepted(
    key: Callable[[], Any], words: str, authority: Authority, tmp_path: Path
) -> None:
    made = key()
    with pytest.raises(ProvenanceError, match=words):
        load_key(kept(tmp_path, authority.chain(made), secret(made)))


def test_an_expired_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    key = p256()
    chain = authority.chain(key, end=100 * HOUR)
    later = dt.datetime.now(dt.UTC) + 48 * HOUR
    monkeypatch.setattr(certificate, "now", lambda: later)
    with pytest.raises(ProvenanceError, match=r"Test Authority.* has expired"):
        load_key(kept(tmp_path, chain, secret(key)))


def test_a_chain_out_of_order(authority: Authority, tmp_path: Path) -> None:
    key = p256()
    leaf = authority.chain(key).removesuffix(authority.anchor)
    with pytest.raises(ProvenanceError, match="put the signer's own first"):
        load_key(kept(tmp_path, authority.anchor + leaf, secret(key)))
    with pytest.raises(ProvenanceError, match="was not issued by"):
        load_key(kept(tmp_path, leaf + Authority("Other").anchor, secret(key)))
    # The same name with another key.
    with pytest.raises(ProvenanceError, match="was not issued by"):
        load_key(kept(tmp_path, leaf + Authority().anchor, secret(key)))
    assert load_key(kept(tmp_path, leaf, secret(key))).algorithm == "es256"


def test_a_certificate_signed_by_itself(tmp_path: Path) -> None:
    alone = Authority("Self")
    leaf = alone.issue(alone.key.public_key(), common="Self").public_bytes(pem.Encoding.PEM)
    with pytest.raises(ProvenanceError, match="is signed by itself"):
        load_key(kept(tmp_path, leaf, secret(alone.key)))


def test_a_key_of_another_certificate(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="does not belong to the certificate"):
        load_key(kept(tmp_path, authority.chain(p256()), secret(p256())))


def test_files_that_are_no_certificate_or_key(authority: Authority, tmp_path: Path) -> None:
    key = p256()
    chain = authority.chain(key)
    missing = SigningPolicy(
        mode=SigningMode.KEY, certificate=tmp_path / "no.pem", key=tmp_path / "no.key"
    )
    with pytest.raises(ProvenanceError, match=r"no\.pem cannot be read: No such file"):
        load_key(missing)
    for bad_chain, bad_key, words in (
        (b"\x30\x82", secret(key), "chain.pem is not PEM"),
        (secret(key), secret(key), "no certificate in it"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"", "can be read"),
        (chain, b"\x30\x82", "key.pem is not PEM"),
        (chain, chain, "key.pem cannot be read"),
        (chain, secret(key)[:100] + b"!!" + secret(key)[100:], "it is damaged"),
    ):
        with pytest.raises(ProvenanceError, match=words):
            load_key(kept(tmp_path, bad_chain, bad_key))
    with pytest.raises(ProvenanceError, match='use mode "key"'):
        load_key(SigningPolicy())


def test_a_key_with_a_password(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = p256()
    chain = authority.chain(key)
    locked = secret(key, b"sesame")
    with pytest.raises(ProvenanceError, match='with "key_password_env"'):
        load_key(kept(tmp_path, chain, locked))
    monkeypatch.delenv("KEY_WORD", raising=False)
    with pytest.raises(ProvenanceError, match=r"KEY_WORD.* is not set"):
        load_key(kept(tmp_path, chain, locked, key_password_env="KEY_WORD"))
    monkeypatch.setenv("KEY_WORD", "tr0ub4dor")
    with pytest.raises(ProvenanceError, match="the password is wrong") as caught:
        load_key(kept(tmp_path, chain, locked, key_password_env="KEY_WORD"))
    assert "tr0ub4dor" not in str(caught.value)
    with pytest.raises(ProvenanceError, match="has no password"):
        load_key(kept(tmp_path, chain, secret(key), key_password_env="KEY_WORD"))
    monkeypatch.setenv("KEY_WORD", "sesame")
    found = load_key(kept(tmp_path, chain, locked, key_password_env="KEY_WORD"))
    assert found.algorithm == "es256"


def test_only_authorities_are_anchors(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "anchors.pem"
    path.write_bytes(b"# ours\n" + authority.anchor)
    assert read_anchors(path) == authority.anchor.decode()
    path.write_bytes(authority.anchor + authority.chain(p256()))
    with pytest.raises(ProvenanceError, match="is no certificate authority"):
        read_anchors(path)
    assert read_anchors(None) == ""


# -- the development certificate ---------------------------------------------------


def parsed(material: SigningMaterial) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(material.chain)


def test_the_development_certificate_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "deep"
    first = development_certificate(folder)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    again = development_certificate(folder)
    assert (first.fresh, again.fresh) == (True, False)
    assert first.development
    assert again.development
    assert (first.chain, first.key) == (again.chain, again.key)
    assert (folder / ANCHOR).read_bytes() in first.chain
    assert b"PRIVATE" not in first.chain
    assert read_anchors(folder / ANCHOR)
    leaf, top = parsed(first)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == dt.timedelta(days=365)
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [oid.dotted_string for oid in usages] == [C2PA_EKU]
    leaf.verify_directly_issued_by(top)
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == [ANCHOR, FILE]


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN nothing", None])
def test_a_damaged_or_expired_one_is_made_again(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = development_certificate(tmp_path)
    if damage is not None:
        (tmp_path / FILE).write_bytes(damage)
    else:
        later = first.expires + HOUR
        for module in (certificate, development):
            monkeypatch.setattr(module, "now", lambda: later)
    again = development_certificate(tmp_path)
    assert again.fresh
    assert again.key != first.key
    assert (tmp_path / ANCHOR).read_bytes() in again.chain
    if damage is None:
        assert again.expires > first.expires + 300 * 24 * HOUR


def test_an_open_key_is_closed(tmp_path: Path) -> None:
    development_certificate(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    development_certificate(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_never_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(development.os, "fsync", full)
        with pytest.raises(ProvenanceError, match="No space left"):
            development_certificate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".development.lock"]
    assert development_certificate(tmp_path).fresh


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProvenanceError, match="make the folder writable"):
        development_certificate(tmp_path / "file" / "keys")


def _make(folder: str) -> tuple[bytes, bool]:
    found = development_certificate(Path(folder))
    return found.chain, found.fresh


@pytest.mark.slow
def test_processes_that_begin_at_once_share_one(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_make, [str(tmp_path)] * 6)
    assert len({chain for chain, _ in found}) == 1
    assert [fresh for _, fresh in found].count(True) == 1
