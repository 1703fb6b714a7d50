"""What Content Credentials are worth to us, and how our own are made: the settings of the room.

A verdict is what a file's credentials turned out to be, an answer what becomes of the file.
Refuses settings that contradict themselves.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator


class Verdict(StrEnum):
    """What the Content Credentials of a file turned out to be."""

    TRUSTED = "trusted"
    """They hold, and a signer that we trust made them."""
    UNTRUSTED = "untrusted"
    """They hold, but nobody that we trust made them, or its certificate has expired since."""
    TAMPERED = "tampered"
    """The file, or what its credentials say, is not what was signed."""
    LOST = "lost"
    """There are traces of credentials, but none that can be read."""
    NONE = "none"
    """There never were any, as far as the file shows."""


class Answer(StrEnum):
    """What becomes of a file with some verdict."""

    USE = "use"
    NOTE = "note"
    """Use it, and say so in the report."""
    REFUSE = "refuse"


Oid = Annotated[str, StringConstraints(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$", max_length=128)]
"""An object identifier in dotted form."""

C2PA_EKU = "1.3.6.1.4.1.62558.2.1"
DOCUMENT_EKU = "1.3.6.1.5.5.7.3.36"
EMAIL_EKU = "1.3.6.1.5.5.7.3.4"


class ProvenancePolicy(BaseModel):
    """An answer for each verdict, and whom we trust.

    `trust_anchors` is a PEM file of the certificate authorities whose signers are trusted; None
    trusts nobody. `ekus` are the extended key usages accepted in a signing certificate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trusted: Answer = Answer.USE
    untrusted: Answer = Answer.NOTE
    tampered: Answer = Answer.REFUSE
    lost: Answer = Answer.NOTE
    none: Answer = Answer.USE
    trust_anchors: Path | None = None
    ekus: tuple[Oid, ...] = Field(default=(C2PA_EKU, DOCUMENT_EKU, EMAIL_EKU), min_length=1)

    def answer(self, verdict: Verdict) -> Answer:
        """What becomes of a file with this verdict."""
        return {
            Verdict.TRUSTED: self.trusted,
            Verdict.UNTRUSTED: self.untrusted,
            Verdict.TAMPERED: self.tampered,
            Verdict.LOST: self.lost,
            Verdict.NONE: self.none,
        }[verdict]


class SigningMode(StrEnum):
    """Who signs our films."""

    DEVELOPMENT = "development"
    """A certificate made on this machine, which nobody trusts."""
    KEY = "key"
    """A certificate and key in files."""
    OFF = "off"
    """Nobody: films carry no Content Credentials."""


class SigningPolicy(BaseModel):
    """How films are signed.

    `certificate` is a PEM chain, the signer's own certificate first; `key` its private key, as
    PEM; `key_password_env` names the environment variable with the key's password, where it has
    one. `timestamp_url` names a time stamping authority (RFC 3161): the only way in which
    anything is sent over the network, and only when it is named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: SigningMode = SigningMode.DEVELOPMENT
    certificate: Path | None = None
    key: Path | None = None
    key_password_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    timestamp_url: str | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> SigningPolicy:
        given = [
            name
            for name in ("certificate", "key", "key_password_env")
            if getattr(self, name) is not None
        ]
        if self.mode is SigningMode.KEY:
            for name in ("certificate", "key"):
                if name not in given:
                    raise ValueError(f'mode "key" signs with files: name one with "{name}"')
        elif given:
            raise ValueError(
                f'"{given[0]}" is for mode "key", and the mode is "{self.mode}"; '
                'leave it out, or set the mode to "key"'
            )
        if self.timestamp_url is not None:
            if self.mode is SigningMode.OFF:
                raise ValueError('mode "off" makes no time stamps; leave "timestamp_url" out')
            _check_url(self.timestamp_url)
        return self


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in ("http", "https") or not parts.hostname
    except ValueError:
        bad = True
    if bad or not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError(f'"timestamp_url" must be an http or https address, not {url!r}')
