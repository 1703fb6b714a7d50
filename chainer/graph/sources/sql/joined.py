"""What hangs together in a graph that comes edge by edge, and whether it goes round in circles.

Atoms are counted from 0 in the order of the file. Small enough for millions: a few bytes an atom
and an edge.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from chainer.graph.cycles import cycles


class Joined:
    """Atoms and edges so far."""

    def __init__(self) -> None:
        self._parent = array("q")
        self._ends = array("q")
        self._backward: set[int] = set()

    def __len__(self) -> int:
        return len(self._parent)

    def grow(self, more: int) -> None:
        """Take more atoms, each on its own."""
        self._parent.extend(range(len(self._parent), len(self._parent) + more))

    def join(self, source: int, target: int) -> None:
        """Take an edge."""
        self._ends.append(source)
        self._ends.append(target)
        if target < source:
            self._backward.add(source)
        parent = self._parent
        while (above := parent[source]) != source:
            parent[source] = source = parent[above]
        while (above := parent[target]) != target:
            parent[target] = target = parent[above]
        # The earlier atom is the root: trees then grow from their first atoms, and stay low.
        if source < target:
            parent[target] = source
        elif target < source:
            parent[source] = target

    def roots(self) -> list[int]:
        """The first atom of the component of each."""
        roots: list[int] = []
        for at, above in enumerate(self._parent):
            roots.append(at if above == at else roots[above])  # the one above comes earlier
        return roots

    def cycles(self, names: Sequence[str]) -> Iterator[tuple[list[str], int]]:
        """The cycles, each with the number of its last edge, in which it closes.

        There is none without an edge that leads back in the order of the file.
        """
        if not self._backward:
            return
        roots = self.roots()
        suspects = {roots[at] for at in self._backward}
        pairs: dict[tuple[str, str], int] = {}
        for number in range(0, len(self._ends), 2):
            source, target = self._ends[number], self._ends[number + 1]
            if roots[source] in suspects:
                pairs.setdefault((names[source], names[target]), number // 2)
        inside = [name for name, root in zip(names, roots, strict=False) if root in suspects]
        for cycle in cycles(inside, list(pairs)):
            yield list(cycle), pairs[cycle[-1], cycle[0]]
