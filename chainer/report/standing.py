"""Whether an episode is whole, signed and still allowed, as somebody who could ask has found it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chainer.episode.verify import Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found at the moment `at`.

    `against` are the reasons not to show it (empty: none), `asked` whether a consent ledger
    was asked, `state` what the store's list says of it, empty where nobody knew.
    """

    at: datetime
    verdict: Verdict
    against: tuple[str, ...] = ()
    asked: bool = False
    state: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shows(self) -> bool:
        """Whether the page may show pictures of the film."""
        return not self.against
