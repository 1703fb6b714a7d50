"""What was asked for an episode and answered, as values that travel with its plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainer.consent.entry import Position
from chainer.consent.need import Need
from chainer.consent.words import Use


@dataclass(frozen=True, slots=True)
class ClosedRoad:
    """An atom that the walk could have reached and must not play.

    `by` is `consent`, `rights`, `rating` or `blocklist`.
    """

    atom: str
    by: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {"atom": self.atom, "by": self.by, "why": self.why}


@dataclass(frozen=True, slots=True)
class Consented:
    """A yes of the ledger to everything in `needs`, as of `position`.

    `ledger` is where it is kept, `ledger_id` which one it is; both are empty, and so is `needs`,
    where nobody appears who must be asked. `composer` is a name as the settings give it.
    """

    uses: tuple[Use, ...]
    ledger: str = ""
    ledger_id: str = ""
    position: Position = field(default_factory=Position)
    composer: str | None = None
    needs: tuple[Need, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """The keyed ids of everybody shown, once each."""
        return tuple(dict.fromkeys(need.person for need in self.needs))

    def shown_in(self, atom: str) -> tuple[str, ...]:
        """The keyed ids of everybody shown in one atom."""
        return tuple(dict.fromkeys(need.person for need in self.needs if need.atom == atom))

    def as_json(self) -> dict[str, Any]:
        """As one JSON object, with keyed ids only."""
        return {
            "uses": [use.value for use in self.uses],
            "ledger": self.ledger_id,
            "position": {"seq": self.position.seq, "digest": self.position.digest},
            "needs": [need.as_json() for need in self.needs],
        }
