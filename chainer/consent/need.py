"""What is asked of the ledger, and what it answers, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chainer.consent.words import Edit, Modality, Use


class Missing(StrEnum):
    """Why the answer is no."""

    GRANT = "grant"
    """Nobody was ever granted this."""
    USE = "use"
    EDIT = "edit"
    MODALITY = "modality"
    CONTEXT = "context"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    REVOKED = "revoked"
    DENIED = "denied"
    RESTRICTED = "restricted"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Need:
    """One person in one atom, and one who wants to use them.

    `person` and `grantee` are keyed ids. `grantee` None stands for whoever: it is asked for a
    person's own atoms when nobody is named as composer. `own` says that the person made the atom:
    then no grant is needed, but a standing refusal still counts. Everything listed is asked:
    each use with each modality and each edit.
    """

    person: str
    grantee: str | None
    atom: str
    uses: tuple[Use, ...]
    modalities: tuple[Modality, ...]
    edits: tuple[Edit, ...]
    contexts: tuple[str, ...] = ()
    own: bool = False

    def without_atom(self) -> Need:
        """The same question where the atom does not matter, to answer it once."""
        return replace(self, atom="")

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "person": self.person,
            "grantee": self.grantee,
            "atom": self.atom,
            "uses": [one.value for one in self.uses],
            "modalities": [one.value for one in self.modalities],
            "edits": [one.value for one in self.edits],
            "contexts": list(self.contexts),
            "own": self.own,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no: who is not allowed what, and which entry decides it (None: there is none).

    `use`, `modality`, `edit` and `context` name what is missing as far as it was asked.
    """

    person: str
    grantee: str | None
    atom: str
    missing: Missing
    use: Use
    modality: Modality | None = None
    edit: Edit | None = None
    context: str | None = None
    entry: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "person": self.person,
            "grantee": self.grantee,
            "atom": self.atom,
            "missing": self.missing.value,
            "use": self.use.value,
            "modality": None if self.modality is None else self.modality.value,
            "edit": None if self.edit is None else self.edit.value,
            "context": self.context,
            "entry": self.entry,
        }
