"""Ratings: the strictest counts, and what nobody rated is fit for nobody in particular."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.rating import Audience, closed_for, episode_rating
from chainer.errors import WalkError
from chainer.graph import Atom, Graph, Rating, walk
from tests.graph.examples import graph_of

RATINGS = st.sampled_from([None, *Rating])


def rated(*ratings: Rating | str | None) -> list[Atom]:
    data = {"media": "x.mp4", "author": "p"}
    return [
        Atom.model_validate({**data, "id": f"a{n}", **({"rating": one} if one else {})})
        for n, one in enumerate(ratings)
    ]


@pytest.fixture
def graph() -> Graph:
    each = {"k": {"rating": "all"}, "t": {"rating": "teen"}, "m": {"rating": "mature"}, "u": {}}
    return graph_of("k>t t>m k>m k>u", **each)


@pytest.mark.parametrize(
    ("ratings", "strictest"),
    [
        (["all", "all"], Rating.ALL),
        (["all", "teen", "all"], Rating.TEEN),
        (["teen", "mature"], Rating.MATURE),
        (["all", None], None),
        (["mature", None], None),
        ([], None),
    ],
)
def test_the_strictest_counts(ratings: list[str | None], strictest: Rating | None) -> None:
    assert episode_rating(rated(*ratings)) is strictest


@settings(deadline=None)
@given(st.lists(RATINGS, min_size=1, max_size=8), st.sampled_from(Audience))
def test_an_episode_is_open_where_all_its_atoms_are(
    ratings: list[Rating | None], audience: Audience
) -> None:
    atoms = rated(*ratings)
    each = {atom.id: {"rating": atom.rating.value} if atom.rating else {} for atom in atoms}
    closed = closed_for(graph_of("", " ".join(each), **each), audience)
    rating = episode_rating(atoms)
    fit = audience is Audience.MATURE or (rating is not None and rating.age <= audience.age)
    assert (not closed) == fit


def test_who_is_shown_what(graph: Graph) -> None:
    assert closed_for(graph, Audience.MATURE) == {}
    assert closed_for(graph, Audience.TEEN) == {
        "m": "it is rated 'mature', and the audience is 'teen'",
        "u": "it is not rated, and the audience is 'teen'",
    }
    assert set(closed_for(graph, Audience.ALL)) == {"t", "m", "u"}


def test_the_walk_goes_around(graph: Graph) -> None:
    for audience, end in ((Audience.TEEN, "t"), (Audience.ALL, "k")):
        chains = walk(graph, "k", closed=closed_for(graph, audience))
        assert all(chain.atoms[-1] == end for chain in chains)
    with pytest.raises(WalkError, match="'mature', and the audience is 'all'"):
        walk(graph, "m", closed=closed_for(graph, Audience.ALL))
