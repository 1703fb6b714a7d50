"""Licences as people write them, and what may be shown: by example, and against the slow way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chainer.consent.licence import Licence, parse_licence
from chainer.consent.rights import RightsGate, RightsPolicy
from chainer.errors import InputError, PolicyRefused, WalkError
from chainer.graph import EdgeKind, Graph, Music, Rights, parse_graph
from tests.graph.examples import data_of, graph_of

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
SOON, PAST = "2026-10-01T12:00:01Z", "2026-10-01T12:00:00Z"
POLICY = RightsPolicy()


def rights(under: str | None = None, **more: Any) -> dict[str, Any]:
    return {"rights": {**({"license": under} if under else {}), **more}}


def gate(
    graph: Graph,
    *,
    commercial: bool = False,
    at: datetime = NOW,
    composer: str | None = None,
    **policy: Any,
) -> RightsGate:
    return RightsGate(graph, RightsPolicy(**policy), commercial, at, composer)


def codes(gate: RightsGate, atom: str) -> list[str]:
    return [fault.code for fault in gate.faults(atom)]


# --- licences --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text", "facts"),  # facts: derivatives, commercial, share-alike, attribution
    [
        ("CC-BY-4.0", "CC-BY-4.0", "dc-a"),
        ("cc by 4.0", "CC-BY-4.0", "dc-a"),
        ("cc-by", "CC-BY", "dc-a"),
        ("CC BY-SA 3.0", "CC-BY-SA-3.0", "dcsa"),
        ("cc_by_nc_4.0", "CC-BY-NC-4.0", "d--a"),
        ("CC BY–NC–SA 4.0", "CC-BY-NC-SA-4.0", "d-sa"),
        ("CC-BY-NC-ND-2.5", "CC-BY-NC-ND-2.5", "---a"),
        ("cc-by-nd-nc-1.0", "CC-BY-NC-ND-1.0", "---a"),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0", "-c-a"),
        ("CC-BY-SA-3.0-DE", "CC-BY-SA-3.0-DE", "dcsa"),
        ("CC BY 4", "CC-BY-4.0", "dc-a"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0", "d--a"),
        ("Attribution-NoDerivs 3.0 Unported (CC BY-ND 3.0)", "CC-BY-ND-3.0", "-c-a"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0", "d-sa"),
        ("http://creativecommons.org/licenses/by/3.0/de/deed.de", "CC-BY-3.0-DE", "dc-a"),
        ("creativecommons.org/licenses/by-sa/4.0/legalcode", "CC-BY-SA-4.0", "dcsa"),
        ("CC0", "CC0-1.0", "dc--"),
        ("cc0-1.0", "CC0-1.0", "dc--"),
        ("CC0 1.0 Universal", "CC0-1.0", "dc--"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", "dc--"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.en", "public domain", "dc--"),
        ("Public Domain", "public domain", "dc--"),
        ("© 2026 Mei. All rights reserved.", "all rights reserved", "---a"),
        ("Tous droits réservés", "all rights reserved", "---a"),
    ],
)
def test_what_people_write(written: str, text: str, facts: str) -> None:
    found = parse_licence(written)
    assert found.known
    assert found.text == text
    told = (found.derivatives, found.commercial, found.share_alike, found.attribution)
    assert told == tuple(mark != "-" for mark in facts)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "MIT",
        "CC",
        "by",
        "CC-BY-5.0",
        "CC-BY-ND-SA-4.0",
        "CC-BY-BY-4.0",
        "CC-BY-4.0 OR MIT",
        "CC BY 4.0 but ask me first",
        "not in the public domain",
        "Attribution-ShareAlike 4.0 International (CC BY-NC 4.0)",
        "https://example.org/creativecommons.org/licenses/by/4.0/",
    ],
)
def test_what_is_not_understood_promises_nothing(written: str) -> None:
    found = parse_licence(written)
    assert found.text == written
    assert [found.known, found.derivatives, found.commercial] == [False] * 3


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_and_what_it_became_reads_the_same(written: str) -> None:
    found = parse_licence(written)
    assert parse_licence(found.text).known == found.known
    if found.known:
        assert parse_licence(found.text) == found
        assert parse_licence(f"  {found.text.upper()} ") == found


def test_share_alike_takes_its_own_family_and_newer_versions() -> None:
    old, new = parse_licence("CC-BY-SA-3.0"), parse_licence("CC-BY-SA-4.0")
    assert old.accepts(new)
    assert not new.accepts(old)
    assert new.accepts(parse_licence("cc by-sa"))
    assert not new.accepts(parse_licence("CC-BY-NC-SA-4.0"))
    assert not new.accepts(parse_licence("CC0"))
    assert parse_licence("CC-BY-4.0").accepts(parse_licence("all rights reserved"))


# --- one atom --------------------------------------------------------------------------------


@pytest.mark.parametrize(("expires", "over"), [(SOON, False), (PAST, True)])
def test_a_right_is_over_at_its_very_moment(expires: str, over: bool) -> None:
    graph = graph_of(
        "a~r b>c",
        a=rights("CC-BY-4.0", expires=expires),
        b=rights("CC-BY-4.0", music=[{"title": "Tide", "expires": expires}]),
    )
    expected = ["expired"] if over else []
    asked = gate(graph, at=NOW.astimezone(timezone(timedelta(hours=9))))
    assert codes(asked, "a") == codes(asked, "b") == codes(asked, "r") == expected
    assert codes(asked, "c") == []
    if over:
        assert asked.closed() == {
            "a": "the rights in a ended 2026-10-01T12:00:00Z",
            "r": "the rights in a (of which r is a remix) ended 2026-10-01T12:00:00Z",
            "b": "the rights in the music 'Tide' in b ended 2026-10-01T12:00:00Z",
        }


def test_no_derivatives_binds_all_remixes_but_those_of_maker_and_holder() -> None:
    data = data_of(
        ["a~b", "b~c", "c~d", "a>e"],
        a=rights("CC-BY-ND-4.0", holder="Ken Ito"),
        b={"author": "by-a"},
        c={"author": "p-ken"},
        d={"author": "p-sun"},
    )
    data["graph"]["characters"] = {"ken": {"name": "Ken  ito", "person": "p-ken"}}
    asked = gate(parse_graph(data, source="test"))
    assert {name: codes(asked, name) for name in "abcde"} == {
        "a": [],
        "b": [],
        "c": [],
        "d": ["no-derivatives"],
        "e": [],
    }
    (fault,) = asked.faults("d")
    assert fault.holder == "Ken Ito"
    assert fault.words == (
        "the licence CC-BY-ND-4.0 of a (of which d is a remix) allows no derivatives"
    )


def test_every_ancestor_counts_not_only_the_first_or_the_nearest() -> None:
    graph = graph_of(
        "a~c b~c c~d",
        a={**rights("CC-BY-ND-4.0"), "author": "p1"},
        b={**rights("CC-BY-ND-4.0"), "author": "p2"},
        c={**rights("CC-BY-SA-4.0"), "author": "p1"},
        d={**rights("CC-BY-SA-4.0"), "author": "p2"},
    )
    asked = gate(graph)
    assert [fault.words for name in "cd" for fault in asked.faults(name)] == [
        "the licence CC-BY-ND-4.0 of b (of which c is a remix) allows no derivatives",
        "the licence CC-BY-ND-4.0 of a (of which d is a remix) allows no derivatives",
    ]


@pytest.mark.parametrize(
    ("child", "found", "noted"),
    [
        (rights("CC-BY-SA-4.0"), [], False),
        (rights("CC-BY-4.0"), ["share-alike"], False),
        (rights("CC-BY-SA-2.0"), ["share-alike"], False),
        (rights("CC-BY-NC-SA-4.0"), ["share-alike"], False),
        (rights("all rights reserved"), ["share-alike"], False),
        (rights("some licence"), [], True),
        ({}, [], True),
        ({**rights("CC-BY-4.0"), "author": "by-a"}, [], False),
    ],
)
def test_share_alike(child: dict[str, Any], found: list[str], noted: bool) -> None:
    asked = gate(graph_of("a~b b~c", a=rights("CC-BY-SA-3.0"), b={}, c=child), unknown="use")
    assert codes(asked, "b") == []
    assert codes(asked, "c") == found
    assert any("CC-BY-SA-3.0" in note for note in asked.notes("c")) == noted


def test_non_commercial() -> None:
    brand = {"slot": {"kind": "extended", "seconds": 15, "scenario": "brand_short"}}
    graph = graph_of(
        "a~b b~c a>d d>s s>t",
        a=rights("CC-BY-NC-4.0", holder="by-a"),
        b=rights("CC0"),
        c=rights("CC0", music=[{"title": "Tide", "license": "CC-BY-4.0"}]),
        d=rights("CC0", music=[{"title": "Tide", "license": "CC-BY-NC-4.0", "holder": "Ada"}]),
        s={**rights("CC0"), **brand},
        t={**rights("CC-BY-NC-SA-4.0"), **brand},
    )
    assert gate(graph).closed().keys() == {"t"}
    paid = gate(graph, commercial=True)
    assert {name: codes(paid, name) for name in "abcdst"} == {
        **{name: ["non-commercial"] for name in "abcdt"},
        "s": [],
    }
    assert [fault.holder for fault in paid.faults("d")] == ["Ada"]
    # What is the composer's own binds them to nothing, what others gave them does.
    mine = gate(graph, commercial=True, composer="by-a")
    assert mine.closed().keys() == {"d", "t"}


def test_who_publishes_the_work_of_another_is_bound_by_its_licence() -> None:
    graph = graph_of("a>b", a=rights("CC-BY-NC-4.0", holder="Studio"))
    assert codes(gate(graph, commercial=True, composer="by-a"), "a") == ["non-commercial"]


def test_a_brand_short_makes_its_chain_commercial() -> None:
    brand = {"slot": {"kind": "extended", "seconds": 15, "scenario": "Brand short"}}
    graph = graph_of("a>b b>s", a=rights("CC0"), b=rights("CC-BY-NC-4.0"), s=brand)
    asked = gate(graph)
    assert asked.closed() == {}
    assert asked.chain_faults(["a", "b"]) == ()
    (fault,) = asked.chain_faults(["a", "b", "s"])
    assert (fault.atom, fault.code) == ("b", "non-commercial")
    with pytest.raises(PolicyRefused, match="s makes this a brand short") as refused:
        asked.demand(["a", "b", "s"])
    assert refused.value.exit_status == 4
    assert refused.value.facts["faults"] == [fault.as_json()]
    asked.demand(["a", "b"])
    # Told once where the episode is commercial anyway, or the atom is itself a brand short.
    own = graph_of("a>s", s={**rights("CC-BY-NC-4.0"), **brand})
    assert codes(gate(own), "s") == ["non-commercial"]
    assert gate(own).chain_faults(["a", "s"]) == ()
    assert gate(graph, commercial=True).chain_faults(["a", "b", "s"]) == ()


def test_where_it_will_be_shown() -> None:
    graph = graph_of(
        "a~b b>c",
        a=rights(territories=["DE", "FR"]),
        b=rights(music=[{"title": "Tide", "territories": ["FR", "JP"]}]),
        c=rights(territories=["JP"]),
    )
    assert gate(graph).closed() == {}
    asked = gate(graph, territory=("DE", "JP"))
    assert codes(asked, "a") == ["territory"]
    assert [(fault.code, fault.words) for fault in asked.faults("b")] == [
        ("territory", "the rights in a (of which b is a remix) do not cover JP"),
        ("territory", "the rights in the music 'Tide' in b do not cover DE"),
    ]
    assert gate(graph, territory=("FR",)).closed().keys() == {"c"}


def test_a_chain_is_shown_where_all_of_it_may_be() -> None:
    graph = graph_of(
        "a>b b>c c>d",
        a=rights("CC0", territories=["DE", "FR", "JP"], expires="2027-01-01T00:00:00+01:00"),
        b=rights("cc by", territories=["JP", "FR"]),
        c=rights("CC-BY-4.0", territories=["US"]),
        d=rights("MIT", expires="2026-12-31T23:30:00Z", music=[{"title": "T", "license": "CC0"}]),
    )
    asked = gate(graph)
    bounds = asked.bounds(["b", "a", "d"])
    assert bounds.as_json() == {
        "territories": ["FR", "JP"],
        "expires": "2026-12-31T23:00:00Z",
        "licences": ["CC-BY", "CC0-1.0", "MIT"],
        "notes": ["the licence MIT of d is not understood"],
    }
    assert asked.bounds(["d"]).territories is None
    assert asked.bounds([]) == asked.bounds([])
    assert asked.chain_faults(["a", "b", "d"]) == ()
    (fault,) = asked.chain_faults(["a", "b", "c", "d"])
    assert (fault.atom, fault.code) == ("c", "no-territory")
    assert "c may be shown in US alone, and the atoms before it in FR, JP" in fault.words
    assert asked.bounds(["a", "c"]).territories == ()


def test_an_atom_that_fits_together_nowhere() -> None:
    piece = {"title": "Tide", "territories": ["JP"]}
    graph = graph_of("a>b", a=rights(territories=["DE"], music=[piece]))
    assert codes(gate(graph), "a") == ["no-territory"]
    assert codes(gate(graph, territory=("DE",)), "a") == ["territory"]
    assert gate(graph).chain_faults(["a", "b"]) == ()


@pytest.mark.parametrize(
    ("under", "holder", "found"),
    [
        ("all rights reserved", None, []),
        ("all rights reserved", "by-a", []),
        ("all rights reserved", "Studio", ["reserved"]),
        ("CC-BY-ND-4.0", "Studio", []),
    ],
)
def test_all_rights_reserved_by_another(under: str, holder: str | None, found: list[str]) -> None:
    more = {"holder": holder} if holder else {}
    graph = graph_of("a~b a~c", a=rights(under, **more), b={"author": "by-a"})
    asked = gate(graph)
    assert codes(asked, "a") == codes(asked, "b") == found
    assert codes(asked, "c") == ["no-derivatives" if "ND" in under else "reserved"]


@pytest.mark.parametrize(
    ("under", "holder", "found"),
    [
        ("CC-BY-4.0", "Ada", []),
        ("CC-BY-ND-4.0", "Ada", ["no-derivatives"]),
        ("CC-BY-ND-4.0", None, ["no-derivatives"]),
        ("CC-BY-ND-4.0", "by-a", []),
        ("all rights reserved", "Ada", ["reserved"]),
        ("all rights reserved", "BY-A", []),
        ("CC-BY-SA-4.0", "Ada", ["share-alike"]),
        ("CC-BY-SA-4.0", "by-a", []),
    ],
)
def test_music_set_to_pictures_is_a_derivative(
    under: str, holder: str | None, found: list[str]
) -> None:
    piece = {"title": "Tide", "license": under, **({"holder": holder} if holder else {})}
    graph = graph_of("a~b b~c c~d", a=rights("CC-BY-4.0", music=[piece]), c=rights(music=[]))
    asked = gate(graph)
    assert codes(asked, "a") == found
    # A remix that does not say what is heard in it is heard with the same; one that does is not.
    own = found == [] and holder is not None and holder.casefold() == "by-a"
    bound = under != "CC-BY-4.0" and "SA" not in under  # b names no licence: only a note
    assert bool(codes(asked, "b")) == (bound if own else bound and bool(found))
    assert codes(asked, "c") == codes(asked, "d") == []


@pytest.mark.parametrize("doubt", ["use", "note", "refuse"])
def test_in_doubt(doubt: str) -> None:
    graph = graph_of("a>b b>c", a=rights("mine"), b={}, c=rights("CC0", music=[{"title": "T"}]))
    asked = gate(graph, unknown=doubt, undeclared=doubt)
    refused = {"a": ["unknown-licence"], "b": ["undeclared-licence"], "c": ["undeclared-licence"]}
    for name in "abc":
        assert codes(asked, name) == (refused[name] if doubt == "refuse" else [])
        assert len(asked.notes(name)) == (1 if doubt == "note" else 0)
    assert asked.bounds("abc").notes == tuple(note for name in "abc" for note in asked.notes(name))


def test_a_name_that_two_persons_have_is_nobodys_unless_the_author_is_one() -> None:
    data = data_of(
        ["a~b", "a~c", "x~b"],
        a=rights("CC-BY-ND-4.0", holder="Mei"),
        b={"author": "p-1"},
        c={"author": "p-2"},
        x={**rights("CC-BY-NC-4.0", holder="Mei"), "author": "p-1"},
    )
    data["graph"]["characters"] = {
        "one": {"name": "Mei", "person": "p-1"},
        "two": {"name": "Mei", "person": "p-2"},
    }
    graph = parse_graph(data, source="test")
    assert codes(gate(graph), "b") == codes(gate(graph), "c") == ["no-derivatives"]
    assert codes(gate(graph, commercial=True, composer="p-1"), "x") == []
    assert codes(gate(graph, commercial=True, composer="p-2"), "x") == ["non-commercial"]


def test_bad_questions() -> None:
    graph = graph_of("a>b")
    with pytest.raises(InputError, match="zone"):
        RightsGate(graph, POLICY, False, datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(WalkError, match="no atom 'z'"):
        gate(graph).faults("z")
    for bad in ({"territory": ["Germany"]}, {"unknown": "maybe"}, {"other": 1}):
        with pytest.raises(ValidationError):
            RightsPolicy.model_validate(bad)


# --- against the slow way --------------------------------------------------------------------

LICENCES = (
    "CC0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-ND-3.0",
    "CC-BY-NC-SA-4.0",
    "all rights reserved",
    "my own",
)
PEOPLE = ("p1", "p2", "p3")
_terms = st.fixed_dictionaries(
    {},
    optional={
        "license": st.sampled_from(LICENCES),
        "holder": st.sampled_from((*PEOPLE, "Studio")),
        "territories": st.lists(st.sampled_from(("DE", "FR", "JP")), min_size=1, unique=True),
        "expires": st.sampled_from((SOON, PAST)),
    },
)
_music = st.lists(st.builds(lambda terms: {"title": "Tide", **terms}, _terms), max_size=2)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 7))
    each = {}
    for n in range(size):
        node: dict[str, Any] = {"author": draw(st.sampled_from(PEOPLE))}
        if draw(st.booleans()):
            node["rights"] = {
                **draw(_terms),
                **({"music": draw(_music)} if draw(st.booleans()) else {}),
            }
        each[f"a{n}"] = node
    edges = [
        f"a{one}{draw(st.sampled_from('~~>'))}a{other}"
        for other in range(size)
        for one in range(other)
        if draw(st.booleans())
    ]
    return graph_of(edges, " ".join(each), **each)


class Slow:
    """The rules by the letter: every ancestor and every piece of music looked at one by one."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def parents(self, name: str) -> list[str]:
        return [edge.source for edge in self.graph.edges_in(name, (EdgeKind.REMIX,))]

    def ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        for parent in self.parents(name):
            found |= {parent, *self.ancestors(parent)}
        return found

    def heard(self, name: str) -> list[tuple[str, Music]]:
        own = self.graph.atoms[name].rights
        if own is not None and "music" in own.model_fields_set:
            return [(name, piece) for piece in own.music]
        return [heard for parent in self.parents(name) for heard in self.heard(parent)]

    def works(self, name: str) -> Iterator[tuple[str, Rights | Music, set[str], set[str]]]:
        """Where it comes from, its terms, who may derive from it, who holds it."""
        for one in {name, *self.ancestors(name)}:
            atom = self.graph.atoms[one]
            terms = atom.rights or Rights()
            holders = {terms.holder or atom.author} & set(PEOPLE)
            reserved = terms.license == "all rights reserved"
            yield one, terms, holders if reserved else holders | {atom.author}, holders
        for one, piece in self.heard(name):
            holders = {piece.holder} & set(PEOPLE)
            yield f"music of {one}", piece, holders, holders

    def codes(self, name: str, *, commercial: bool, composer: str | None, show: str) -> set[str]:
        atom = self.graph.atoms[name]
        found: set[str] = set()
        countries = {"DE", "FR", "JP"}
        for origin, terms, makers, holders in self.works(name):
            if terms.expires is not None and terms.expires <= NOW:
                found.add("expired")
            if terms.territories:
                countries &= set(terms.territories)
                if show and show not in terms.territories:
                    found.add("territory")
            if terms.license is None:
                found.add("undeclared-licence")
                continue
            licence = parse_licence(terms.license)
            if not licence.known:
                found.add("unknown-licence")
            elif commercial and not licence.commercial and composer not in holders:
                found.add("non-commercial")
            if licence.known and atom.author not in makers:
                own = atom.rights.license if atom.rights else None
                found |= self.derived(licence, own, is_own=origin == name)
        if not countries and not found & {"expired", "territory"}:
            found.add("no-territory")
        return found

    def derived(self, licence: Licence, own: str | None, *, is_own: bool) -> set[str]:
        if licence.reserved:
            return {"reserved"}
        if is_own:
            return set()
        found = set() if licence.derivatives else {"no-derivatives"}
        if own not in (None, "my own") and not licence.accepts(parse_licence(own)):
            found.add("share-alike")
        return found


@settings(deadline=None, max_examples=300)
@given(
    graphs(),
    st.booleans(),
    st.sampled_from((None, *PEOPLE)),
    st.sampled_from(("", "DE")),
)
def test_the_same_as_the_slow_way(
    graph: Graph, commercial: bool, composer: str | None, show: str
) -> None:
    slow = Slow(graph)
    asked = gate(
        graph,
        commercial=commercial,
        composer=composer,
        territory=(show,) if show else (),
        unknown="refuse",
        undeclared="refuse",
    )
    for name in reversed(graph.atoms):
        expected = slow.codes(name, commercial=commercial, composer=composer, show=show)
        found = set(codes(asked, name))
        # Where both refuse a work, one of the two reasons is enough to tell.
        both = {"reserved", "no-derivatives"}
        assert found - both == expected - both
        assert bool(found & both) == bool(expected & both)
        assert found & both <= expected


def test_long_lines_and_dense_graphs_take_time_by_their_edges() -> None:
    count = 4000
    terms = [rights(LICENCES[n % 8], music=[{"title": f"m{n}"}]) for n in range(count)]
    line = [f"a{n}~a{n + 1}" for n in range(count - 1)]
    more = [f"a{n}~a{n + 7}" for n in range(0, count - 7, 2)]
    graph = graph_of(line + more, **{f"a{n}": one for n, one in enumerate(terms)})
    started = time.process_time()
    asked = gate(graph, commercial=True)
    last = f"a{count - 1}"
    assert "no-derivatives" in codes(asked, last)
    assert len(asked.closed()) == count - 4  # the first four licences ask for nothing of it
    assert time.process_time() - started < 3
