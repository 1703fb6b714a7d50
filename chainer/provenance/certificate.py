"""Certificates and keys: the one door to the cryptography library.

Makes the development certificate, reads the signer's own certificate and key, and says what is
wrong with either *before* anything is signed: the C2PA library refuses most of it too, but in
few words, and accepts some that no verifier should. All refusals are `ProvenanceError`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainer.errors import ProvenanceError
from chainer.provenance.policy import C2PA_EKU, DOCUMENT_EKU, EMAIL_EKU, SigningPolicy

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_YEAR = timedelta(days=365)
_MOST_BYTES = 1 << 20
_EKUS = (C2PA_EKU, DOCUMENT_EKU, EMAIL_EKU)
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_WIDTHS = {"es256": 32, "es384": 48, "es512": 66}
_HASHES = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}


@dataclass(frozen=True, slots=True)
class SigningMaterial:
    """A certificate chain (PEM, the signer's own first) and the key that belongs to it (PEM).

    `algorithm` is one of es256, es384, es512, ps256, ed25519. `fresh` tells that it was made
    just now, `development` that nobody trusts it.
    """

    chain: bytes
    algorithm: str
    key: bytes = field(repr=False)
    expires: datetime
    development: bool = False
    fresh: bool = False


def load_key(policy: SigningPolicy) -> SigningMaterial:
    """The certificate and key that `policy` names, checked.

    Raises `ProvenanceError` that says what to do: a file missing or not PEM, a wrong password, a
    chain out of order, a certificate that may not sign, has expired or belongs to another key.
    """
    if policy.certificate is None or policy.key is None:
        raise refused(f'mode "{policy.mode}" names no certificate and key; use mode "key"')
    return load_material(policy.certificate, policy.key, policy.key_password_env)


def load_material(
    certificate: Path, key_file: Path, password_env: str | None = None
) -> SigningMaterial:
    """The chain and key in two files, or in one; checked as `load_key` does."""
    found = _read(certificate, "certificate")
    leaf, algorithm = check_chain(found, str(certificate))
    key = _private_key(key_file, password_env)
    if _spki(key.public_key()) != _spki(leaf.public_key()):
        raise refused(
            f"the key {key_file} does not belong to the certificate {certificate}; "
            "name the key that the certificate was issued for",
            path=key_file,
        )
    from cryptography.hazmat.primitives import serialization as pem

    plain = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    chain = plain_chain(found, str(certificate))
    return SigningMaterial(chain, algorithm, plain, leaf.not_valid_after_utc)


def check_chain(chain: bytes, name: str) -> tuple[Certificate, str]:
    """The signer's own certificate of a PEM chain and its algorithm, where they may sign a film.

    `name` is what messages call the chain. Raises `ProvenanceError`.
    """
    found = _certificates(chain, name)
    leaf, *above = found
    if _is_authority(leaf):
        order = any(not _is_authority(certificate) for certificate in above)
        raise refused(
            f"{name}: the first certificate is that of an authority; "
            + ("put the signer's own first" if order else "a signer's own certificate is needed"),
        )
    if leaf.issuer == leaf.subject:
        raise refused(
            f"{name}: the certificate is signed by itself; have an authority issue one, "
            'or use mode "development"'
        )
    for lower, upper in zip(found, above, strict=False):
        if not _issued(lower, upper):
            raise refused(
                f"{name}: {_of(lower)} was not issued by {_of(upper)}, which comes after it; "
                "the order is the signer's own first, then whoever issued it, and so on"
            )
    moment = now()
    for certificate in found:
        _check_time(certificate, name, moment)
    _check_use(leaf, name)
    return leaf, _algorithm(leaf, name)


def plain_chain(chain: bytes, name: str) -> bytes:
    """The same certificates written anew, without what else stood between them."""
    return _pem(_certificates(chain, name))


def key_signature(material: SigningMaterial) -> Callable[[bytes], bytes]:
    """A function that signs with the key of `material`."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(material.key, None)
    kind = None if material.algorithm == "ed25519" else _hash(material.algorithm)

    def sign(data: bytes) -> bytes:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            assert kind is not None
            return key.sign(data, ec.ECDSA(kind))
        if isinstance(key, rsa.RSAPrivateKey):
            assert kind is not None
            return key.sign(data, padding.PSS(padding.MGF1(kind), kind.digest_size), kind)
        assert isinstance(key, ed25519.Ed25519PrivateKey), "load_key accepts no other"
        return key.sign(data)

    return sign


def signature_fault(chain: bytes, algorithm: str, data: bytes, signature: bytes) -> str:
    """What is wrong with a signature over `data`; empty where nothing is.

    The C2PA library cuts a signature that is too long and goes on.
    """
    from cryptography.exceptions import InvalidSignature

    key: Any = _certificates(chain, "the chain")[0].public_key()
    most = _signature_bytes(algorithm, key)
    if len(signature) > most:
        return f"it has {len(signature)} bytes, and one by {algorithm} has at most {most}"
    try:
        _verify(key, algorithm, data, signature)
    except (InvalidSignature, ValueError):
        return "it was not made with the key of the certificate, or not over these bytes"
    return ""


def read_anchors(path: Path | None) -> str:
    """The certificates of the authorities in a PEM file, as text; nothing for None.

    Refuses a certificate that is no authority's: the C2PA library would trust it all the same.
    """
    if path is None:
        return ""
    return _checked_anchors(_read(path, "trust anchors"), str(path))


@lru_cache(maxsize=8)
def _checked_anchors(data: bytes, name: str) -> str:
    """Parsed once: a list of authorities is long, and every atom asks for it."""
    found = _certificates(data, name)
    for certificate in found:
        if not _is_authority(certificate):
            raise refused(
                f"{name}: {_of(certificate)} is no certificate authority, and only authorities "
                "can be trust anchors; name the authority that issued it",
                path=name,
            )
    return _pem(found).decode("ascii")


# -- the development certificate ---------------------------------------------------


def issue_development() -> tuple[bytes, bytes]:
    """A new key with its certificate and authority, and the authority alone, as PEM.

    The authority's own key is thrown away: nothing else can ever be issued by it.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID, ObjectIdentifier

    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    begin = now() - timedelta(hours=1)  # clocks differ

    def issue(subject: str, public: ec.EllipticCurvePublicKey, *, authority: bool) -> Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("chainer development authority"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + _YEAR)
            .add_extension(
                x509.BasicConstraints(ca=authority, path_length=0 if authority else None),
                critical=True,
            )
            .add_extension(_usage(authority=authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )
        if not authority:
            usages = x509.ExtendedKeyUsage([ObjectIdentifier(C2PA_EKU)])
            builder = builder.add_extension(usages, critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    def _name(common: str) -> x509.Name:
        parts = {NameOID.ORGANIZATION_NAME: "chainer development", NameOID.COMMON_NAME: common}
        return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])

    leaf = issue("chainer development, untrusted", key.public_key(), authority=False)
    top = issue("chainer development authority", authority_key.public_key(), authority=True)
    secret = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    return secret + _pem([leaf, top]), _pem([top])


def _usage(*, authority: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


# -- reading and checking ----------------------------------------------------------


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refused(f"the {what} {path} cannot be read: {reason}", path=path) from error
    if b"-----BEGIN " not in data or len(data) > _MOST_BYTES:
        raise refused(
            f"the {what} {path} is not PEM, which begins with -----BEGIN …; convert it, "
            "for example with openssl",
            path=path,
        )
    return data


def _certificates(data: bytes, name: str) -> list[Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise refused(f"{name}: there is no certificate in it that can be read: {error}") from error


def _private_key(path: Path, password_env: str | None) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path, "key")
    password = None
    if password_env is not None:
        password = os.environ.get(password_env)
        if not password:
            raise refused(
                f"the environment variable {password_env}, which should hold the password of "
                f"the key {path}, is not set",
                path=path,
            )
    try:
        return load_pem_private_key(data, None if password is None else password.encode())
    except TypeError as error:
        remedy = (
            f'leave "key_password_env" out ({password_env} is set for a key without a password)'
            if password
            else 'name the environment variable that holds it with "key_password_env"'
        )
        said = "has no password" if password else "has a password"
        raise refused(f"the key {path} {said}; {remedy}", path=path) from error
    except UnsupportedAlgorithm as error:
        raise refused(f"the key {path} is of a kind that cannot be used", path=path) from error
    except ValueError as error:
        hint = "the password is wrong, or the file is damaged" if password else "it is damaged"
        raise refused(f"the key {path} cannot be read: {hint}", path=path) from error


def _extension(certificate: Certificate, name: str) -> Any:
    """The value of an extension by the name of its class, None where there is none."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(getattr(x509, name)).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        return None


def _is_authority(certificate: Certificate) -> bool:
    constraints = _extension(certificate, "BasicConstraints")
    return constraints is not None and bool(constraints.ca)


def _issued(lower: Certificate, upper: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_time(certificate: Certificate, name: str, moment: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if moment > end:
        raise refused(
            f"{name}: {_of(certificate)} has expired on {end:%Y-%m-%d}; renew it", expired=end
        )
    if moment < begin:
        raise refused(
            f"{name}: {_of(certificate)} is not valid before {begin:%Y-%m-%d %H:%M} UTC; "
            "wait, or set the clock of this machine",
        )


def _check_use(leaf: Certificate, name: str) -> None:
    usage = _extension(leaf, "KeyUsage")
    if usage is None or not usage.digital_signature:
        raise refused(
            f'{name}: {_of(leaf)} may not sign: its key usage lacks "digitalSignature"; '
            "have one issued that has it"
        )
    allowed = [oid.dotted_string for oid in _extension(leaf, "ExtendedKeyUsage") or ()]
    if not set(allowed) & set(_EKUS):
        raise refused(
            f"{name}: {_of(leaf)} is for {', '.join(allowed) or 'no purpose'}; its extended key "
            f"usage must hold {C2PA_EKU} (C2PA), {DOCUMENT_EKU} (documents) or {EMAIL_EKU} (mail)"
        )
    if _extension(leaf, "AuthorityKeyIdentifier") is None:
        raise refused(
            f"{name}: {_of(leaf)} does not name its authority's key (authority key identifier); "
            "have one issued that does"
        )


def _algorithm(leaf: Certificate, name: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    with contextlib.suppress(UnsupportedAlgorithm, ValueError):
        key = leaf.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
            return "ps256"
        if isinstance(key, ed25519.Ed25519PublicKey):
            return "ed25519"
    raise refused(
        f"{name}: the key of {_of(leaf)} is of a kind that C2PA does not accept; "
        "use P-256, P-384, P-521, Ed25519, or RSA of at least 2048 bits"
    )


def _signature_bytes(algorithm: str, key: Any) -> int:
    """The most bytes that a signature has: two numbers with DER around them, or one of RSA."""
    if algorithm == "ed25519":
        return 64
    if algorithm in _WIDTHS:
        return 2 * (_WIDTHS[algorithm] + 3) + (2 if algorithm != "es512" else 3)
    return int(key.key_size + 7) // 8


def _verify(key: Any, algorithm: str, data: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if algorithm == "ed25519":
        key.verify(signature, data)
    elif algorithm in _WIDTHS:
        width = _WIDTHS[algorithm]
        if len(signature) == 2 * width:  # the numbers alone, as a JOSE or COSE signer gives them
            numbers = signature[:width], signature[width:]
            signature = encode_dss_signature(*(int.from_bytes(part, "big") for part in numbers))
        key.verify(signature, data, ec.ECDSA(_hash(algorithm)))
    else:
        kind = _hash(algorithm)
        key.verify(signature, data, padding.PSS(padding.MGF1(kind), kind.digest_size), kind)


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, _HASHES[algorithm[-3:]])()


def _spki(public_key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as pem

    found: bytes = public_key.public_bytes(pem.Encoding.DER, pem.PublicFormat.SubjectPublicKeyInfo)
    return found


def _pem(certificates: Sequence[Certificate]) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _of(certificate: Certificate) -> str:
    return f"the certificate of {certificate.subject.rfc4514_string() or 'nobody'}"


def refused(message: str, **facts: Any) -> ProvenanceError:
    """An error about a certificate or key, with the code `certificate`."""
    told = {name: str(value) for name, value in facts.items()}
    return ProvenanceError(message, code="certificate", **told)


def now() -> datetime:
    """The present moment, by which certificates are judged."""
    return datetime.now(UTC)
