"""What is to be built of a series: values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainer.errors import ChainerError, PolicyRefused, WalkError
from chainer.graph import Chain, EdgeKind, WalkOptions

Walk = Callable[[str, WalkOptions], tuple[Chain, ...]]
"""The chains from an atom that options pick, around what must not be played."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A film that was published: its chain stays as it is while it is allowed."""

    id: str
    title: str
    chain: tuple[str, ...]
    continues: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A film to build: its chain, or why there is none.

    `held` says that the chain is the published one. `continues` is the declared episode of which it
    is a part, `leaves` the film from which a branch leads off.
    """

    id: str
    title: str
    chain: Chain | None
    fault: ChainerError | None = None
    held: bool = False
    continues: str | None = None
    leaves: str | None = None

    @property
    def atoms(self) -> tuple[str, ...]:
        """The atoms of the chain; none where there is no chain."""
        return () if self.chain is None else self.chain.atoms


@dataclass(frozen=True, slots=True)
class Link:
    """A way that is open after the atom `after`: to `atom`, as it plays in the film `to`."""

    after: str
    kind: EdgeKind
    to: str
    atom: str


def is_refusal(error: ChainerError) -> bool:
    """Whether something may not be played, rather than cannot."""
    return isinstance(error, PolicyRefused) or (
        isinstance(error, WalkError) and error.code in ("path-closed", "start-closed", "closed")
    )
