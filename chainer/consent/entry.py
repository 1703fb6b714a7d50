"""One entry of the consent ledger: what a person said, when, and what came before it.

Persons and authors stand in it by keyed ids (`people.py`), never by name. Each entry holds the
digest of the one before it, so that nothing can be taken out or changed unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chainer.consent.words import Edit, Kind, Modality, Reach, Use
from chainer.digest import Digest, key_of
from chainer.graph.scalars import Moment, Word

PersonKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""A person's keyed id: 32 hexadecimal characters that say nothing without the table of names."""

START: Digest = "0" * 64
"""What the first entry has for the digest of the one before it."""


class Event(BaseModel):
    """What is to be recorded, before the ledger gives it a place.

    Grants and approvals list what they allow; an empty list allows nothing on that axis.
    Revocations and denials list what they take back, restrictions what they refuse; there an empty
    list of `uses` or `modalities` means all for revocations and denials, and none for restrictions.
    `authors` are listed for the reach `authors` alone. `contexts` are refused (grants,
    restrictions). `effective_at`: from when it holds; None is the moment of recording, and for a
    grant never earlier than that. `expires` is the first moment at which it no longer holds.
    `atom` is the id that an approval is for. `evidence` is the SHA-256 of what proves it, kept
    elsewhere; `notice` the version of the words that the person agreed to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    person: PersonKey
    reach: Reach = Reach.EVERYONE
    authors: tuple[PersonKey, ...] = ()
    uses: tuple[Use, ...] = ()
    edits: tuple[Edit, ...] = ()
    modalities: tuple[Modality, ...] = ()
    contexts: tuple[Word, ...] = ()
    effective_at: Moment | None = None
    expires: Moment | None = None
    atom: str | None = Field(default=None, max_length=64)
    evidence: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    notice: Word | None = None


class Entry(Event):
    """An event with its place in the ledger.

    `seal` is an HMAC-SHA256 of `digest` with the ledger's own key, so that somebody who rewrites
    the whole chain without that key is found out.
    """

    schema_: Literal["chainer.consent/1"] = Field(default="chainer.consent/1", alias="schema")
    seq: int = Field(ge=1)
    recorded_at: Moment
    effective_at: Moment
    prev: str
    digest: str
    seal: str

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def expected_digest(self) -> Digest:
        """The digest that the entry must have, from everything else in it but the seal."""
        told = self.model_dump(mode="json", by_alias=True, exclude={"digest", "seal"})
        return key_of("consent-entry", told)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a ledger has been read: the number and digest of the last entry; 0 and START."""

    seq: int = 0
    digest: Digest = START


def utc_now() -> datetime:
    """The moment now, with its zone."""
    return datetime.now(UTC)
