"""Whoever signs a film: this machine's development certificate, a key in a file, or a callback.

The C2PA library swallows what a callback raises and cuts a signature that is too long. Here the
first is kept and raised, and the second refused.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chainer.errors import Cancelled, ProvenanceError
from chainer.provenance.certificate import (
    SigningMaterial,
    check_chain,
    key_signature,
    load_key,
    plain_chain,
    signature_fault,
)
from chainer.provenance.development import development_certificate
from chainer.provenance.policy import SigningMode, SigningPolicy

RSA_ALGORITHMS = ("ps256", "ps384", "ps512")
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class FilmSigner:
    """A certificate chain (PEM, the signer's own first) and what signs with its key.

    `sign` takes the bytes to be signed, hashes them itself, and returns the signature. `fresh`
    tells that the development certificate was made just now: the caller says so, loudly. `at_hand`
    tells that the key itself is here, in a file.
    """

    chain: bytes
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    timestamp_url: str | None = None
    development: bool = False
    fresh: bool = False
    at_hand: bool = False

    @property
    def mode(self) -> str:
        """`development`, `key` or `callback`: how a film's manifest names it."""
        if self.development:
            return "development"
        return "key" if self.at_hand else "callback"


class Hand:
    """Signs once for the C2PA library; `error` keeps what went wrong, which it would lose.

    With `cancel`, a callback that does not come back is left behind when that is set.
    """

    def __init__(self, signer: FilmSigner, cancel: threading.Event | None = None) -> None:
        self._signer = signer
        self._cancel = cancel
        self.error: BaseException | None = None

    def __call__(self, data: bytes) -> bytes:
        """The signature over `data`; nothing where there is none to be had."""
        try:
            return self._sign(data)
        except BaseException as error:  # noqa: BLE001  it cannot pass through native code
            self.error = error
            return b""

    def check(self) -> None:
        """Raise what went wrong while signing, as a `ProvenanceError` with it as the cause.

        What is no `Exception`, such as a KeyboardInterrupt, is raised as it is, and `Cancelled`.
        """
        if self.error is None:
            return
        ours = isinstance(self.error, ProvenanceError | Cancelled)
        if ours or not isinstance(self.error, Exception):
            raise self.error
        raise ProvenanceError(
            f"the film could not be signed: the signing callback raised "
            f"{type(self.error).__name__}: {self.error}; see to it, then run the command again",
            code="signing-callback",
        ) from self.error

    def _sign(self, data: bytes) -> bytes:
        signer = self._signer
        signature = self._ask(data)
        if not isinstance(signature, bytes | bytearray) or not signature:
            found = "nothing" if not signature else f"a {type(signature).__name__}"
            raise ProvenanceError(
                f"the film could not be signed: the signing callback gave {found}, not bytes",
                code="signing-callback",
            )
        if fault := signature_fault(signer.chain, signer.algorithm, data, bytes(signature)):
            raise ProvenanceError(
                f"the film could not be signed: the signature is not good: {fault}",
                code="signing-callback",
            )
        return bytes(signature)

    def _ask(self, data: bytes) -> object:
        """Whatever the caller's function gives or raises, unless `cancel` is set before."""
        if self._cancel is None:
            return self._signer.sign(data)
        given: list[object] = []
        raised: list[BaseException] = []
        done = threading.Event()

        def ask() -> None:
            try:
                given.append(self._signer.sign(data))
            except BaseException as error:  # noqa: BLE001  raised below, where it is waited for
                raised.append(error)
            finally:
                done.set()

        # A daemon, since nothing can stop it: a service that never answers must not keep this
        # process alive. It sees the variables of the context that it was called in.
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(ask,), name="chainer-signature", daemon=True
        ).start()
        while not done.wait(_LOOK_SECONDS):
            if self._cancel.is_set():
                raise Cancelled("cancelled while the film was signed: finished steps are kept")
        if raised:
            raise raised[0]
        return given[0]


def signer_for(policy: SigningPolicy, folder: Path) -> FilmSigner:
    """The signer that `policy` asks for; `folder` is where a development certificate is kept.

    Raises `ProvenanceError` where it cannot be had, and where the policy is not to sign.
    """
    if policy.mode is SigningMode.OFF:
        raise ProvenanceError('signing is off; leave it out, or set another "mode"')
    if policy.mode is SigningMode.DEVELOPMENT:
        return material_signer(development_certificate(folder), policy.timestamp_url)
    return material_signer(load_key(policy), policy.timestamp_url)


def material_signer(material: SigningMaterial, timestamp_url: str | None = None) -> FilmSigner:
    """A signer with a key that is at hand."""
    return FilmSigner(
        material.chain,
        material.algorithm,
        key_signature(material),
        timestamp_url,
        development=material.development,
        fresh=material.fresh,
        at_hand=True,
    )


def callback_signer(
    sign: Callable[[bytes], bytes],
    chain_pem: bytes,
    algorithm: str,
    timestamp_url: str | None = None,
) -> FilmSigner:
    """A signer whose key lies elsewhere, as in a key management service.

    `sign` takes the bytes to be signed and returns the signature: two numbers of fixed width or
    DER for es256, es384 and es512, PSS with a salt as long as the hash for ps256, ps384 and
    ps512, 64 bytes for ed25519. Raises `ProvenanceError` where the chain may not sign, or not by
    this algorithm.
    """
    name = "the certificate chain"
    _, found = check_chain(chain_pem, name)
    # A key of RSA signs with each of three hashes; all others have one algorithm.
    if algorithm not in (RSA_ALGORITHMS if found in RSA_ALGORITHMS else (found,)):
        raise ProvenanceError(
            f"the certificate chain is for {found}, not {algorithm!r}; name that algorithm, "
            "or give the chain that belongs to the key",
            code="certificate",
        )
    return FilmSigner(plain_chain(chain_pem, name), algorithm, sign, timestamp_url)
