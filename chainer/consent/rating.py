"""For whom an episode is fit.

An atom without a rating is unrated: nobody has said that it is fit for anyone. So one unrated atom
leaves the whole episode unrated, even beside a mature one, and only an audience that takes
everything is shown it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from chainer.graph import Atom, Graph, Rating


class Audience(StrEnum):
    """Who watches; each is shown what is fit for it and nothing unrated, but for the last."""

    ALL = "all"
    """Everyone, children among them."""
    TEEN = "teen"
    """Viewers from 13 years on."""
    MATURE = "mature"
    """Adults who take what comes, unrated atoms too."""

    @property
    def age(self) -> int:
        """The youngest viewer in whole years."""
        return Rating(self.value).age


def episode_rating(atoms: Iterable[Atom]) -> Rating | None:
    """The strictest rating among `atoms`; None, which is unrated, where one of them has none.

    An episode without any atom has nothing that anybody rated: it is unrated too.
    """
    ratings = [atom.rating for atom in atoms]
    known = [rating for rating in ratings if rating is not None]
    if not ratings or len(known) < len(ratings):
        return None
    return max(known, key=lambda rating: rating.age)


def closed_for(graph: Graph, audience: Audience) -> dict[str, str]:
    """Every atom that is not fit for `audience`, and why; empty for a mature one."""
    if audience is Audience.MATURE:
        return {}
    closed: dict[str, str] = {}
    for atom in graph.atoms.values():
        if atom.rating is None:
            closed[atom.id] = f"it is not rated, and the audience is {audience.value!r}"
        elif atom.rating.age > audience.age:
            closed[atom.id] = (
                f"it is rated {atom.rating.value!r}, and the audience is {audience.value!r}"
            )
    return closed
