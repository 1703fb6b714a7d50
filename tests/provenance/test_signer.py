"""Signing by callback: what it raises is kept, what it gives is checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from chainer.errors import Cancelled, ProvenanceError
from chainer.provenance.film import check_film, sign_film
from chainer.provenance.policy import ProvenancePolicy, SigningMode, SigningPolicy, Verdict
from chainer.provenance.signer import FilmSigner, Hand, callback_signer, signer_for
from chainer.store import Store

from .claims import claim_of
from .conftest import Read
from .pki import Authority, secret

Sign = Callable[[FilmSigner], Path]


@pytest.fixture
def sign(
    clips: dict[str, Path], signed: dict[str, Path], read_once: Read, kept: Store, tmp_path: Path
) -> Sign:
    """Sign a film with the given signer; nothing but the film may be left in its folder."""
    claim = claim_of(read_once(signed["one"]))
    folder = tmp_path / "films"
    folder.mkdir()
    target = folder / "film.mp4"

    def sign(signer: FilmSigner) -> Path:
        try:
            sign_film(clips["two"], target, claim, signer, kept.open, ProvenancePolicy())
        except BaseException:
            assert list(folder.iterdir()) == []
            raise
        assert list(folder.iterdir()) == [target]
        return target

    return sign


def fixed_width(key: Any, width: int, kind: Any) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        numbers = decode_dss_signature(key.sign(data, ec.ECDSA(kind)))
        return b"".join(number.to_bytes(width, "big") for number in numbers)

    return sign


def kms(algorithm: str) -> tuple[Any, Callable[[bytes], bytes]]:
    """A key, and how a service signs with it."""
    if algorithm == "es256":
        key: Any = ec.generate_private_key(ec.SECP256R1())
        return key, fixed_width(key, 32, hashes.SHA256())
    if algorithm == "es512":
        key = ec.generate_private_key(ec.SECP521R1())
        return key, lambda data: key.sign(data, ec.ECDSA(hashes.SHA512()))
    if algorithm == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        return key, key.sign
    kind = {"ps256": hashes.SHA256(), "ps384": hashes.SHA384()}[algorithm]
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(kind), kind.digest_size)
    return key, lambda data: key.sign(data, pss, kind)


@pytest.mark.parametrize("algorithm", ["es256", "es512", "ed25519", "ps384"])
def test_a_callback_signs(
    algorithm: str, authority: Authority, policy: ProvenancePolicy, sign: Sign
) -> None:
    key, callback = kms(algorithm)
    chain = b"# of the caf\xe9\n" + authority.chain(key)
    target = sign(callback_signer(callback, chain, algorithm))
    found = check_film(target, policy)
    assert (found.state, found.common_name) == (Verdict.TRUSTED, "Test Signer")


class KmsDownError(Exception):
    pass


def test_a_callback_that_raises(authority: Authority, sign: Sign) -> None:
    error = KmsDownError("no route to the key")

    def callback(_: bytes) -> bytes:
        raise error

    key, _ = kms("es256")
    with pytest.raises(ProvenanceError, match="KmsDownError: no route to the key") as caught:
        sign(callback_signer(callback, authority.chain(key), "es256"))
    assert caught.value.__cause__ is error
    assert (caught.value.exit_status, caught.value.code) == (6, "signing-callback")


def test_an_interrupt_comes_through(authority: Authority, sign: Sign) -> None:
    def callback(_: bytes) -> bytes:
        raise KeyboardInterrupt

    key, _ = kms("es256")
    with pytest.raises(KeyboardInterrupt):
        sign(callback_signer(callback, authority.chain(key), "es256"))


@pytest.mark.parametrize("cancel", [None, threading.Event()])
def test_a_hand_sees_what_its_caller_sees(
    cancel: threading.Event | None, authority: Authority
) -> None:
    """Where it may be left behind too, it knows the context, and what it raises is the same."""
    key, callback = kms("es256")
    tenant: ContextVar[str] = ContextVar("tenant")
    tenant.set("north")

    def sign(data: bytes) -> bytes:
        if data == b"raise":
            raise KmsDownError(tenant.get())
        assert tenant.get() == "north"
        return callback(data)

    hand = Hand(callback_signer(sign, authority.chain(key), "es256"), cancel)
    assert len(hand(b"data")) == 64
    hand.check()
    assert hand(b"raise") == b""
    with pytest.raises(ProvenanceError, match="KmsDownError: north"):
        hand.check()


def test_a_hand_that_hangs_is_left_behind(authority: Authority) -> None:
    key, callback = kms("es256")
    cancel, end = threading.Event(), threading.Event()

    def hang(data: bytes) -> bytes:
        cancel.set()
        end.wait(30)
        return callback(data)

    hand = Hand(callback_signer(hang, authority.chain(key), "es256"), cancel)
    begun = time.monotonic()
    try:
        assert hand(b"data") == b""
        assert time.monotonic() - begun < 5
    finally:
        end.set()
    with pytest.raises(Cancelled, match="while the film was signed"):
        hand.check()


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        (lambda good: good + bytes(40_000), "has 40064 bytes, and one by es256 has at most 72"),
        (lambda good: good[:-1] + bytes([good[-1] ^ 1]), "not made with the key"),
        (lambda good: good[:10], "not made with the key"),
        (lambda good: b"", "gave nothing"),
        (lambda good: None, "gave nothing"),
        (lambda good: good.hex(), "gave a str"),
    ],
)
def test_a_callback_that_gives_no_good_signature(
    gives: Callable[[bytes], Any], words: str, authority: Authority, sign: Sign
) -> None:
    key, callback = kms("es256")
    bad = callback_signer(lambda data: gives(callback(data)), authority.chain(key), "es256")
    with pytest.raises(ProvenanceError, match=words):
        sign(bad)


def test_a_callback_with_the_key_of_another(authority: Authority, sign: Sign) -> None:
    _, callback = kms("es256")
    chain = authority.chain(kms("es256")[0])
    with pytest.raises(ProvenanceError, match="not made with the key of the certificate"):
        sign(callback_signer(callback, chain, "es256"))


@pytest.mark.parametrize("algorithm", ["es384", "ps256", "ed25519", "rot13", ""])
def test_an_algorithm_of_another_key(algorithm: str, authority: Authority) -> None:
    key, callback = kms("es256")
    with pytest.raises(ProvenanceError, match="is for es256, not"):
        callback_signer(callback, authority.chain(key), algorithm)


def test_a_chain_that_may_not_sign(authority: Authority) -> None:
    key, callback = kms("es256")
    with pytest.raises(ProvenanceError, match=r"the certificate chain: .*key identifier"):
        callback_signer(callback, authority.chain(key, aki=False), "es256")


def test_what_the_library_refuses_is_said(authority: Authority, sign: Sign) -> None:
    """Past our own checks: a certificate without its authority's key is refused there too."""
    with pytest.raises(ProvenanceError, match="the film could not be signed"):
        sign(authority.signer(aki=False))


def test_the_signer_of_each_mode(authority: Authority, sign: Sign, tmp_path: Path) -> None:
    development = signer_for(SigningPolicy(), tmp_path / "keys")
    assert (development.mode, development.fresh) == ("development", True)
    assert not signer_for(SigningPolicy(), tmp_path / "keys").fresh
    assert check_film(sign(development), ProvenancePolicy()).state is Verdict.UNTRUSTED
    anchored = ProvenancePolicy(trust_anchors=tmp_path / "keys" / "development-ca.pem")
    assert check_film(sign(development), anchored).state is Verdict.TRUSTED

    key, _ = kms("ps256")
    (tmp_path / "chain.pem").write_bytes(authority.chain(key))
    (tmp_path / "key.pem").write_bytes(secret(key))
    files = SigningPolicy(
        mode=SigningMode.KEY, certificate=tmp_path / "chain.pem", key=tmp_path / "key.pem"
    )
    signer = signer_for(files, tmp_path / "keys")
    assert (signer.algorithm, signer.mode) == ("ps256", "key")
    assert callback_signer(signer.sign, signer.chain, "ps256").mode == "callback"
    assert check_film(sign(signer), ProvenancePolicy()).issuer == "Test Only"
    with pytest.raises(ProvenanceError, match="signing is off"):
        signer_for(SigningPolicy(mode=SigningMode.OFF), tmp_path)
