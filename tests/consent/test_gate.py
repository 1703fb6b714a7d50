from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from chainer.consent.entry import Entry
from chainer.consent.gate import ConsentPolicy, Gate
from chainer.consent.need import Missing, Need, Refusal
from chainer.consent.standing import Standing
from chainer.consent.telling import entry_text, refusal_text, refused
from chainer.consent.words import Edit, Kind, Modality, Reach, Use
from chainer.errors import InputError, PolicyRefused, WalkError
from chainer.graph import Graph, parse_graph

from .oracle import entry, key, minute

FACE, VOICE = Modality.FACE, Modality.VOICE


class Names:
    """A table of names that can be read in a failing test."""

    def key(self, name: str) -> str:
        return key(name)

    def name_of(self, key: str) -> str:
        return bytes.fromhex(key).rstrip(b"\0").decode()


NAMES = Names()

CHARACTERS = {
    "mei": {"name": "Mei", "person": "mei"},
    "ken": {"name": "Ken", "person": "ken"},
    "fox": {"name": "The fox"},
}


def graph_of(nodes: dict[str, dict[str, Any]], edges: str = "", **removes: list[str]) -> Graph:
    """`nodes` by id with author, `seen`, `heard` and more; edges as in `a~b` and `a>b`."""
    made = []
    for name, told in nodes.items():
        more = dict(told)
        seen, heard = more.pop("seen", "").split(), more.pop("heard", "").split()
        lines = [{"start": "0", "end": "1", "character": one, "text": "…"} for one in heard]
        cast = [{"character": one} for one in seen]
        made.append({"id": name, "media": "m.mp4", "cast": cast, "dialogue": lines, **more})
    drawn = []
    for text in edges.split():
        source, target = text.split("~" if "~" in text else ">")
        one = {"source": source, "target": target}
        one["kind"] = "remix" if "~" in text else "continuation"
        drawn.append({**one, **({"removes": removes[target]} if target in removes else {})})
    info = {"schema": "chainer.graph/1", "characters": CHARACTERS}
    data = {"directed": True, "multigraph": True, "graph": info, "nodes": made, "edges": drawn}
    return parse_graph(data, source="test")


def gate_of(
    graph: Graph,
    *entries: Entry,
    uses: tuple[Use, ...] = (Use.EPISODE,),
    at: float = 100,
    **policy: Any,
) -> Gate:
    return Gate(graph, NAMES, Standing(entries), ConsentPolicy(**policy), uses, minute(at))


def why(refusals: list[Refusal]) -> list[tuple[str, str | None, Missing, int | None]]:
    return [
        (
            NAMES.name_of(one.person),
            None if one.grantee is None else NAMES.name_of(one.grantee),
            one.missing,
            one.entry,
        )
        for one in refusals
    ]


def who(needs: tuple[Need, ...]) -> list[tuple[str, str | None, tuple[Use, ...]]]:
    return [
        (
            NAMES.name_of(one.person),
            None if one.grantee is None else NAMES.name_of(one.grantee),
            one.uses,
        )
        for one in needs
    ]


# -- what is asked ---------------------------------------------------------------------------------


def test_her_own_atom_asks_for_whoever_and_needs_no_grant() -> None:
    graph = graph_of({"a1": {"author": "mei", "seen": "mei fox", "heard": "mei"}})
    gate = gate_of(graph)
    assert gate.needs("a1") == (
        Need(key("mei"), None, "a1", (Use.EPISODE,), (FACE, VOICE), (Edit.JOIN,), (), own=True),
    )
    assert gate.refusals("a1") == []
    revoked = gate_of(graph, entry(1, Kind.REVOKE, "mei"))
    assert why(revoked.refusals("a1")) == [("mei", None, Missing.REVOKED, 1)]


def test_a_friends_atom_needs_a_grant() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "bo", "seen": "fox"}})
    gate = gate_of(graph)
    assert who(gate.needs("a1")) == [("mei", "bo", (Use.EPISODE,))]
    assert gate.needs("a2") == ()
    assert why(gate.refusals("a1")) == [("mei", "bo", Missing.GRANT, None)]
    assert gate_of(graph, entry(1, Kind.GRANT, "mei", authors=("bo",))).refusals("a1") == []
    other = gate_of(graph, entry(1, Kind.GRANT, "mei", authors=("ken",)))
    assert why(other.refusals("a1")) == [("mei", "bo", Missing.GRANT, None)]


def test_a_remix_by_a_third_asks_for_that_use_for_both() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}, "r1": {"author": "ana"}}, "a1~r1")
    episode, remix = (Use.EPISODE,), (Use.EPISODE, Use.REMIX)
    both = entry(1, Kind.GRANT, "mei", authors=("bo", "ana"), uses=episode)
    gate = gate_of(graph, both, composer="zoe")
    assert who(gate.needs("a1")) == [("mei", "bo", episode), ("mei", "zoe", episode)]
    assert who(gate.needs("r1")) == [
        ("mei", "ana", remix), ("mei", "bo", remix), ("mei", "zoe", episode),
    ]  # fmt: skip
    assert why(gate.refusals("r1")) == [
        ("mei", "ana", Missing.USE, 1), ("mei", "bo", Missing.USE, 1),
        ("mei", "zoe", Missing.GRANT, None),
    ]  # fmt: skip
    allowed = gate_of(graph, both, entry(2, Kind.GRANT, "mei", authors=("bo", "ana"), uses=remix))
    assert allowed.refusals("r1") == []


def test_a_remix_is_asked_for_only_where_the_person_came_along() -> None:
    graph = graph_of(
        {
            "a1": {"author": "bo", "seen": "mei"},
            "r1": {"author": "ana", "seen": "ken"},
            "r2": {"author": "ana", "seen": "mei"},
        },
        "a1~r1 a1~r2",
        r2=["mei"],
    )
    uses = {NAMES.name_of(one.person): one.uses for one in gate_of(graph).needs("r1")}
    assert uses == {"ken": (Use.EPISODE,), "mei": (Use.EPISODE, Use.REMIX)}
    assert {one.uses for one in gate_of(graph).needs("r2")} == {(Use.EPISODE,)}


def test_a_removed_character_is_asked_no_more() -> None:
    nodes = {"a1": {"author": "bo", "seen": "mei"}, "r1": {"author": "ana"}}
    assert gate_of(graph_of(nodes, "a1~r1", r1=["mei"])).needs("r1") == ()


def test_a_continuation_asks_for_nobody_of_the_atom_before() -> None:
    nodes = {"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "ana"}}
    assert gate_of(graph_of(nodes, "a1>a2")).needs("a2") == ()


def test_the_persons_own_remix_of_a_friends_atom_is_hers() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}, "r1": {"author": "mei"}}, "a1~r1")
    gate = gate_of(graph)
    assert [one.own for one in gate.needs("r1")] == [True]
    assert who(gate.needs("r1")) == [("mei", "bo", (Use.EPISODE, Use.REMIX))]
    assert gate.refusals("r1") == []


def test_the_composer_is_asked_for_once_and_never_about_herself() -> None:
    graph = graph_of(
        {"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "mei", "seen": "mei ken"}}
    )
    assert who(gate_of(graph, composer="bo").needs("a1")) == [("mei", "bo", (Use.EPISODE,))]
    assert who(gate_of(graph, composer="mei").needs("a1")) == [("mei", "bo", (Use.EPISODE,))]
    assert [(one.grantee, one.own) for one in gate_of(graph, composer="bo").needs("a2")] == [
        (key("bo"), True), (key("mei"), False), (key("bo"), False),
    ]  # fmt: skip
    assert [(one.grantee, one.own) for one in gate_of(graph, composer="mei").needs("a2")] == [
        (None, True), (key("mei"), False),
    ]  # fmt: skip


def test_commercial_use_is_asked_by_the_policy_and_in_a_brand_short() -> None:
    slot = {"kind": "extended", "seconds": 15, "scenario": "brand_short"}
    graph = graph_of(
        {
            "a1": {"author": "bo", "seen": "mei"},
            "ad": {"author": "bo", "seen": "mei", "slot": slot},
        }
    )
    plain, both = (Use.EPISODE,), (Use.EPISODE, Use.COMMERCIAL)
    assert [one.uses for name in ("a1", "ad") for one in gate_of(graph).needs(name)] == [
        plain,
        both,
    ]
    assert [one.uses for one in gate_of(graph, commercial=True).needs("a1")] == [both]


def test_the_contexts_are_tags_rating_scenario_and_the_episodes() -> None:
    slot = {"kind": "extended", "seconds": 15, "scenario": "Trailer"}
    told = {"author": "bo", "seen": "mei", "tags": ["Calm", "night"], "rating": "mature"}
    graph = graph_of({"a1": {**told, "slot": slot}})
    gate = gate_of(graph, contexts=("NIGHT", "Election"))
    assert gate.needs("a1")[0].contexts == ("calm", "night", "mature", "trailer", "election")


# -- what is answered ------------------------------------------------------------------------------


def test_whoever_is_only_heard_is_asked_for_the_voice() -> None:
    graph = graph_of(
        {"a1": {"author": "bo", "heard": "mei"}, "a2": {"author": "bo", "seen": "mei"}}
    )
    gate = gate_of(graph, entry(1, Kind.GRANT, "mei", modalities=(FACE,)))
    assert why(gate.refusals("a1")) == [("mei", "bo", Missing.MODALITY, 1)]
    assert gate.refusals("a2") == []
    assert gate.closed() == {
        "a1": "a1 has the voice of mei, who allows bo no 'episode' "
        "(no grant covers it; entry 1 allows face)"
    }


def test_a_refused_context_closes_the_atom() -> None:
    graph = graph_of(
        {
            "a1": {"author": "bo", "seen": "mei", "tags": ["violence"]},
            "a2": {"author": "bo", "seen": "mei"},
        }
    )
    grant = entry(1, Kind.GRANT, "mei", contexts=("Violence",))
    assert why(gate_of(graph, grant).refusals("a1")) == [("mei", "bo", Missing.CONTEXT, 1)]
    assert set(gate_of(graph, grant).closed()) == {"a1"}
    assert set(gate_of(graph, grant, contexts=("violence",)).closed()) == {"a1", "a2"}
    teen = entry(2, Kind.RESTRICT, "mei", contexts=("mature",))
    graph = graph_of({"a1": {"author": "bo", "seen": "mei", "rating": "mature"}})
    assert why(gate_of(graph, grant, teen).refusals("a1")) == [("mei", "bo", Missing.RESTRICTED, 2)]


def test_a_grant_ends_exactly_when_it_expires() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}})
    grant = entry(1, Kind.GRANT, "mei", expires=50)
    assert gate_of(graph, grant, at=50 - 1e-6).refusals("a1") == []
    assert why(gate_of(graph, grant, at=50).refusals("a1")) == [("mei", "bo", Missing.EXPIRED, 1)]
    assert why(gate_of(graph, grant, at=0).refusals("a1")) == [("mei", "bo", Missing.NOT_YET, 1)]


def test_a_revoked_author_stays_out_of_a_later_grant_to_everyone() -> None:
    graph = graph_of(
        {"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "ana", "seen": "mei"}}
    )
    said = (
        entry(1, Kind.GRANT, "mei"),
        entry(2, Kind.REVOKE, "mei", authors=("bo",)),
        entry(3, Kind.GRANT, "mei"),
    )
    assert gate_of(graph, *said).closed() == {
        "a1": "a1 shows mei, who allows bo no 'episode' (revoked by entry 2)"
    }
    again = entry(4, Kind.GRANT, "mei", authors=("bo",))
    assert gate_of(graph, *said, again).closed() == {}


def test_one_atom_can_be_approved_alone() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "bo", "seen": "mei"}})
    gate = gate_of(graph, entry(1, Kind.APPROVE, "mei", authors=("bo",), atom="a1"))
    assert set(gate.closed()) == {"a2"}


def test_a_restriction_speaks_against_single_edits() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}})
    said = (entry(1, Kind.GRANT, "mei"), entry(2, Kind.RESTRICT, "mei", edits=(Edit.CROP,)))
    gate = gate_of(graph, *said)
    assert gate.refusals("a1", (Edit.JOIN, Edit.TRIM)) == []
    assert gate.closed() == {}
    [refusal] = gate.refusals("a1", (Edit.JOIN, Edit.CROP))
    assert (refusal.missing, refusal.edit, refusal.entry) == (Missing.RESTRICTED, Edit.CROP, 2)


def test_mutuals_may_and_others_may_not() -> None:
    graph = graph_of(
        {"a1": {"author": "bo", "seen": "mei"}, "a2": {"author": "ana", "seen": "mei"}}
    )
    said = (
        entry(1, Kind.GRANT, "mei", reach=Reach.MUTUALS),
        entry(2, Kind.GRANT, "bo", reach=Reach.MUTUALS),
    )
    assert set(gate_of(graph, *said).closed()) == {"a2"}


def test_a_person_nobody_knows_closes_the_atom() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei ken"}, "a2": {"author": "bo"}})
    gate = gate_of(graph, entry(1, Kind.GRANT, "mei"))
    assert why(gate.refusals("a1")) == [("ken", "bo", Missing.GRANT, None)]
    assert gate.closed() == {
        "a1": "a1 shows ken, who allows bo no 'episode' (nobody was granted it)"
    }


def test_needs_that_were_kept_are_asked_again() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}})
    needs = gate_of(graph, entry(1, Kind.GRANT, "mei")).needs("a1", [Edit.JOIN, Edit.TRIM])
    assert needs[0].edits == (Edit.JOIN, Edit.TRIM)
    later = gate_of(graph, entry(1, Kind.GRANT, "mei"), entry(2, Kind.ERASE, "mei"))
    assert why(later.check(needs)) == [("mei", "bo", Missing.ERASED, 2)]


def test_no_use_an_unknown_atom_and_an_unknown_policy_are_refused() -> None:
    graph = graph_of({"a1": {"author": "bo", "seen": "mei"}})
    with pytest.raises(InputError, match="no use"):
        gate_of(graph, uses=())
    with pytest.raises(WalkError, match="no atom 'a9'"):
        gate_of(graph).needs("a9")
    with pytest.raises(ValidationError, match="composr"):
        ConsentPolicy(composr="bo")  # type: ignore[call-arg]


# -- in words --------------------------------------------------------------------------------------


def no(missing: Missing, number: int | None = 3, **more: Any) -> Refusal:
    told = {"use": Use.PUBLISH, "modality": FACE, "edit": Edit.CROP} | more
    return Refusal(key("mei"), key("bo"), "a4", missing, entry=number, **told)


GRANTED = entry(
    3, Kind.GRANT, "mei", uses=(Use.DRAFT, Use.EPISODE), edits=(Edit.JOIN,), modalities=(VOICE,),
    effective=60, expires=90,
)  # fmt: skip


@pytest.mark.parametrize(
    ("refusal", "told", "with_entry"),
    [
        (no(Missing.GRANT, None), "no 'publish' (nobody was granted it)", None),
        (
            no(Missing.USE),
            "no 'publish' (no grant covers it; entry 3 allows something else)",
            "no 'publish' (no grant covers it; entry 3 allows draft, episode)",
        ),
        (
            no(Missing.EDIT),
            "no 'publish' with the edit 'crop' (no grant covers it; entry 3 allows something else)",
            "no 'publish' with the edit 'crop' (no grant covers it; entry 3 allows join)",
        ),
        (
            no(Missing.MODALITY),
            "no 'publish' of their face (no grant covers it; entry 3 allows something else)",
            "no 'publish' of their face (no grant covers it; entry 3 allows voice)",
        ),
        (
            no(Missing.CONTEXT, context="ads"),
            "no 'publish' in the context 'ads' (entry 3 refuses that context)",
            None,
        ),
        (
            no(Missing.EXPIRED),
            "no 'publish' (entry 3 expired)",
            "no 'publish' (entry 3 expired at 2026-10-01T01:30:00Z)",
        ),
        (
            no(Missing.NOT_YET),
            "no 'publish' (entry 3 does not hold yet)",
            "no 'publish' (entry 3 does not hold before 2026-10-01T01:00:00Z)",
        ),
        (no(Missing.REVOKED), "no 'publish' (revoked by entry 3)", None),
        (no(Missing.DENIED), "no 'publish' (denied by entry 3)", None),
        (no(Missing.ERASED), "no 'publish' (mei is to be forgotten, by entry 3)", None),
        (
            no(Missing.RESTRICTED),
            "no 'publish' (restricted by entry 3)",
            "no 'publish' (restricted by entry 3: draft, episode, join, voice)",
        ),
    ],
    ids=lambda one: one.missing.value if isinstance(one, Refusal) else "",
)
def test_every_reason_is_one_sentence(refusal: Refusal, told: str, with_entry: str | None) -> None:
    start = "a4 shows mei, who allows bo "
    assert refusal_text(refusal, NAMES.name_of) == start + told
    assert refusal_text(refusal, NAMES.name_of, GRANTED) == start + (with_entry or told)


def test_nobody_in_particular_is_nobody_named() -> None:
    whoever = Refusal(key("mei"), None, "a1", Missing.REVOKED, Use.DRAFT, VOICE, None, None, 7)
    assert (
        refusal_text(whoever, NAMES.name_of)
        == "a1 has the voice of mei, who allows no 'draft' (revoked by entry 7)"
    )


def test_the_error_tells_the_first_eight_and_keeps_all() -> None:
    nodes = {f"a{place}": {"author": "bo", "seen": "mei"} for place in range(10)}
    gate = gate_of(graph_of(nodes), entry(1, Kind.GRANT, "mei", uses=(Use.DRAFT,)))
    refusals = [one for name in nodes for one in gate.refusals(name)]
    standing = Standing([entry(1, Kind.GRANT, "mei", uses=(Use.DRAFT,))])
    error = refused(refusals, NAMES.name_of, standing.deciding)
    assert isinstance(error, PolicyRefused)
    assert (error.code, error.exit_status) == ("consent", 4)
    told = str(error)
    assert "a7 shows mei, who allows bo no 'episode'" in told
    assert "a8" not in told
    assert "; and 2 more; " in told
    assert "entry 1 allows draft" in told
    assert "`chainer consent show mei`" in told
    assert "--avoid atom:a0" in told
    facts = json.loads(json.dumps(error.as_json()))["facts"]["refusals"]
    assert [one["atom"] for one in facts] == list(nodes)
    assert facts[9]["person_name"] == "mei"
    assert facts[9]["grantee_name"] == "bo"
    assert facts[9]["missing"] == "use"
    assert facts[9]["text"] == refusal_text(
        refusals[9], NAMES.name_of, standing.deciding(refusals[9])
    )


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (
            entry(3, Kind.GRANT, "mei", authors=("bo", "ana"), uses=(Use.DRAFT,), contexts=("ads",),
                  edits=(Edit.JOIN, Edit.TRIM), modalities=(FACE,), effective=60, expires=90),
            "allows draft of face with join, trim but not in 'ads' for bo, ana, "
            "from 2026-10-01T01:00:00Z, until 2026-10-01T01:30:00Z",
        ),
        (
            entry(3, Kind.APPROVE, "mei", uses=(), edits=(), modalities=(), atom="a4"),
            "approves no use of nothing with no edit for everyone, in a4 alone",
        ),
        (
            entry(3, Kind.REVOKE, "mei", reach=Reach.MUTUALS, effective=1),
            "takes back every use for mutuals, from 2026-10-01T00:01:00Z",
        ),
        (
            entry(3, Kind.DENY, "mei", uses=(Use.PUBLISH,), modalities=(VOICE,)),
            "denies publish of their voice for everyone",
        ),
        (
            entry(3, Kind.RESTRICT, "mei", edits=(Edit.DUB,), contexts=("ads",)),
            "restricts dub, 'ads' for everyone",
        ),
        (entry(3, Kind.RESTRICT, "mei"), "restricts nothing any more for everyone"),
        (entry(3, Kind.ERASE, "mei"), "is to be forgotten"),
    ],
    ids=lambda one: one.kind.value if isinstance(one, Entry) else "",
)  # fmt: skip
def test_an_entry_is_one_line(one: Entry, told: str) -> None:
    assert entry_text(one, NAMES.name_of) == f"entry 3, 2026-10-01T00:03:00Z: mei {told}"
