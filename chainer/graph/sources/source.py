"""What every source of a graph can do, whether it is a file or a database."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from chainer.errors import InputError
from chainer.graph.graph import Graph
from chainer.graph.options import WalkOptions
from chainer.graph.sources.words import Found

MAX_ATOMS = 20_000
"""How many atoms are loaded at most, unless the caller says otherwise."""


class GraphTooLarge(InputError):
    """More atoms, or edges, are asked for than may be loaded."""

    code = "graph-too-large"


@runtime_checkable
class GraphSource(Protocol):
    """A graph that can be loaded in parts and searched. Safe for one thread at a time."""

    @property
    def name(self) -> str:
        """The graph's name in its source; of a file, the file's name without its ending."""
        ...

    @property
    def url(self) -> str:
        """Where it is, without any password."""
        ...

    def load(
        self,
        start: str | None = None,
        *,
        options: WalkOptions | None = None,
        max_atoms: int = MAX_ATOMS,
    ) -> Graph:
        """The graph; with `start` as much as walks from there need (`part.py`).

        A plan of a walk with `options` comes out as over the whole graph. Raises `GraphTooLarge`
        where that takes more than `max_atoms`, `WalkError` where there is no such atom.
        """
        ...

    def find(
        self,
        query: str = "",
        *,
        with_: Sequence[str] = (),
        tags: Sequence[str] = (),
        author: str | None = None,
        place: str | None = None,
        limit: int = 20,
    ) -> list[Found]:
        """The atoms with all the words, or where none has all, with some: the best first.

        All else must hold too: everyone of `with_` is seen or heard, or made it. Of many the newest
        are ranked (`words.RANKED`).
        """
        ...

    def close(self) -> None:
        """Let go of what is open; may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def too_large(url: str, start: str | None, max_atoms: int, *, edges: bool = False) -> GraphTooLarge:
    """The error where more than `max_atoms` belong to what was asked for."""
    what = "edges than go with" if edges else "atoms than"
    if start is None:
        advice = "name a start, or allow more with --max-atoms"
        told = f"{url}: it has more {what} {max_atoms}"
    else:
        advice = (
            "name where to go with --end, --through or --path, start later, "
            "or allow more with --max-atoms"
        )
        told = f"{url}: a walk from {start} reaches more {what} {max_atoms}"
    return GraphTooLarge(f"{told}; {advice}", start=start, at_least=max_atoms + 1, limit=max_atoms)


def demand_room(max_atoms: int) -> None:
    """Raise `InputError` where nothing could be loaded."""
    if max_atoms < 1:
        raise InputError("max_atoms: let it be 1 or more", code="max-atoms")
