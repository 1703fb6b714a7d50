"""Certificates for the tests, good ones and all kinds of bad ones; and media signed with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID, ObjectIdentifier

from chainer.provenance import door
from chainer.provenance.policy import C2PA_EKU, ProvenancePolicy
from chainer.provenance.signer import FilmSigner, Hand

HOUR = dt.timedelta(hours=1)
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Only"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def usage(**on: bool) -> x509.KeyUsage:
    flags = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{flag: on.get(flag, False) for flag in flags})


def secret(key: Any, password: bytes | None = None) -> bytes:
    lock = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    return bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock))


@dataclass
class Authority:
    """One that issues whatever a test asks for."""

    common: str = "Test Authority"
    responder: str | None = None
    """Where its certificates say that one can ask whether they were revoked."""

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.issue(self.key.public_key(), common=self.common, authority=True)

    @property
    def anchor(self) -> bytes:
        return self.certificate.public_bytes(pem.Encoding.PEM)

    def issue(
        self,
        public: Any,
        *,
        common: str = "Test Signer",
        authority: bool = False,
        begin: dt.timedelta = -HOUR,
        end: dt.timedelta = 24 * HOUR,
        ekus: Sequence[str] = (C2PA_EKU,),
        key_usage: x509.KeyUsage | None = None,
        aki: bool = True,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        if key_usage is None:
            key_usage = usage(digital_signature=not authority, key_cert_sign=authority)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(name(self.common))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(key_usage, critical=True)
        )
        if ekus and not authority:
            known = x509.ExtendedKeyUsage([ObjectIdentifier(eku) for eku in ekus])
            builder = builder.add_extension(known, critical=False)
        if aki:
            own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            builder = builder.add_extension(own, critical=False)
        if self.responder is not None and not authority:
            asks = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(self.responder)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([asks]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def chain(self, key: Any, **bent: Any) -> bytes:
        leaf = self.issue(key.public_key(), **bent)
        return leaf.public_bytes(pem.Encoding.PEM) + self.anchor

    def signer(self, **bent: Any) -> FilmSigner:
        """A signer that skips our own checks of its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        return FilmSigner(
            self.chain(key, **bent), "es256", lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))
        )


def sign_atom(source: Path, target: Path, signer: FilmSigner) -> Path:
    """`source` as its generator would hand it out: with credentials of its own."""
    created = {"action": "c2pa.created", "digitalSourceType": TRAINED}
    definition = {
        "claim_generator_info": [{"name": "test generator", "version": "1"}],
        "assertions": [{"label": "c2pa.actions", "created": True, "data": {"actions": [created]}}],
    }
    hand = Hand(signer)
    with source.open("rb") as read, target.open("w+b") as written:
        door.sign(
            read,
            written,
            config=door.settings("", ProvenancePolicy().ekus),
            definition=definition,
            archives=(),
            chain=signer.chain,
            algorithm=signer.algorithm,
            signature=hand,
            timestamp_url=None,
        )
    hand.check()
    return target
