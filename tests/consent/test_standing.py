from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.entry import START, Entry, Position
from chainer.consent.need import Missing, Need
from chainer.consent.standing import Standing
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Reach, Use
from chainer.errors import InputError

from .oracle import ALL_EDITS, ALL_MODALITIES, ALL_USES, entry, key, minute, oracle

FACE, VOICE = Modality.FACE, Modality.VOICE

# -- random ledgers: each event and each question is a few bytes, so that thousands are cheap -----

_KINDS = [Kind.GRANT] * 5 + [Kind.REVOKE] * 3 + [Kind.RESTRICT, Kind.APPROVE, Kind.DENY] * 2
_PERSONS = ("mei", "mei", "mei", "bo", "ken")
_REACHES: tuple[Reach | tuple[str, ...], ...] = (
    Reach.EVERYONE, ("bo",), Reach.MUTUALS, ("ken",), ("bo", "ken"), Reach.EVERYONE, ("bo",),
    ("mei", "ana"),
)  # fmt: skip
_USES = (
    ALL_USES, (), (Use.DRAFT,), (Use.DRAFT, Use.EPISODE), ALL_USES, (Use.PUBLISH,),
    (Use.EPISODE, Use.PUBLISH, Use.REMIX),
)  # fmt: skip
_EDITS = (ALL_EDITS, USUAL_EDITS, (Edit.JOIN,), ALL_EDITS, (), (Edit.CROP, Edit.DUB))
_MODALITIES = (ALL_MODALITIES, (FACE,), ALL_MODALITIES, (VOICE,), ())
_CONTEXTS = ((), (), (), ("Violence",), ("teen", "violence"), ())
_ATOMS = ("a1", "a2", "a3")
_ASKED_BY = ("bo", "bo", "ken", None, "ana", "mei")
_ASKED_USES = ((Use.DRAFT,), (Use.DRAFT, Use.PUBLISH), (Use.EPISODE, Use.REMIX), ALL_USES)
_ASKED_EDITS = ((Edit.JOIN,), (), (Edit.JOIN, Edit.CROP), (Edit.DUB, Edit.TRIM))
_ASKED_CONTEXTS = ((), (), ("calm", "VIOLENCE"), ("Teen",))

EVENTS = st.lists(st.binary(min_size=11, max_size=11), max_size=9)
QUESTIONS = st.lists(st.binary(min_size=9, max_size=9), min_size=1, max_size=6)
RELATIONS: tuple[Callable[[str, str], bool] | None, ...] = (
    None, lambda _, __: True, lambda _, __: False, lambda _, other: other == key("bo"),
)  # fmt: skip


def event(data: bytes, seq: int, now: int) -> Entry:
    """One entry, as the ledger would let it be recorded in this minute."""
    kind = Kind.ERASE if data[0] > 250 else _pick(_KINDS, data[0])
    reach = _pick(_REACHES, data[2])
    if kind.allows:
        effective = now + max(0, data[3] % 8 - 4)
    elif kind is Kind.ERASE:
        effective = now - data[3] % 4
    else:
        effective = now + data[3] % 9 - 4
    ends = not kind.refuses and data[4] % 3 == 1
    return entry(
        seq,
        kind,
        _pick(_PERSONS, data[1]),
        recorded=now,
        effective=effective,
        expires=effective + 1 + data[4] % 7 if ends else None,
        **{"authors": reach} if isinstance(reach, tuple) else {"reach": reach},
        uses=_pick(_USES, data[5]),
        edits=_pick(_EDITS, data[6]),
        modalities=_pick(_MODALITIES, data[7]),
        contexts=() if kind.refuses else _pick(_CONTEXTS, data[8]),
        atom=_pick(_ATOMS, data[9]) if kind is Kind.APPROVE else None,
    )


def events(all_data: Iterable[bytes], seq: int = 1, now: int = 0) -> list[Entry]:
    made = []
    for data in all_data:
        now += data[10] % 3
        made.append(event(data, seq, now))
        seq += 1
    return made


def question(data: bytes) -> tuple[Need, datetime]:
    grantee = _pick(_ASKED_BY, data[1])
    asked = Need(
        person=key(_pick(_PERSONS, data[0])),
        grantee=None if grantee is None else key(grantee),
        atom=_pick(_ATOMS, data[2]),
        uses=_pick(_ASKED_USES, data[3]),
        edits=_pick(_ASKED_EDITS, data[4]),
        modalities=_pick(_MODALITIES, data[5]),
        contexts=_pick(_ASKED_CONTEXTS, data[6]),
        own=data[7] % 4 == 1,
    )
    return asked, minute(data[8] % 24 - 2)


def _pick(table, byte):
    return table[byte % len(table)]


# -- the ledger means what the oracle says --------------------------------------------------------


@settings(max_examples=3000, deadline=None)
@given(EVENTS, QUESTIONS, st.sampled_from(RELATIONS))
def test_every_answer_is_the_oracles(ledger, asked, mutual) -> None:
    entries = events(ledger)
    standing = Standing(entries, mutual=mutual)
    for need, at in map(question, asked):
        assert standing.decide(need, at) == oracle(entries, need, at, mutual)


def test_many_more_answers_are_the_oracles_and_every_reason_is_among_them() -> None:
    chance = random.Random(4)
    seen: Counter[Missing | None] = Counter()
    for _ in range(3000):
        entries = events(chance.randbytes(11) for _ in range(chance.randrange(12)))
        mutual = chance.choice(RELATIONS)
        standing = Standing(entries, mutual=mutual)
        for _ in range(4):
            need, at = question(chance.randbytes(9))
            answer = standing.decide(need, at)
            assert answer == oracle(entries, need, at, mutual)
            seen[None if answer is None else answer.missing] += 1
    assert set(seen) == {None, *Missing}
    assert min(seen.values()) >= 15, seen
    assert seen[None] >= 1000, seen


@settings(max_examples=300, deadline=None)
@given(EVENTS, QUESTIONS)
def test_all_at_once_and_entry_by_entry_say_the_same(ledger, asked) -> None:
    entries = events(ledger)
    needs = [question(data)[0] for data in asked]
    needs += [replace(need, atom=atom) for need in needs for atom in ("a2", "a3")]
    at = minute(len(entries))
    growing = Standing()
    for count, one in enumerate(entries):
        alone = [oracle(entries[:count], need, at) for need in needs]
        assert growing.decide_all(needs, at) == [answer for answer in alone if answer is not None]
        growing.add(one)
    alone = [oracle(entries, need, at) for need in needs]
    assert growing.decide_all(needs, at) == [answer for answer in alone if answer is not None]


@settings(max_examples=300, deadline=None)
@given(EVENTS, QUESTIONS, st.integers(-2, 30))
def test_between_two_changes_no_answer_changes(ledger, asked, after) -> None:
    entries = events(ledger)
    standing = Standing(entries)
    people = [key(name) for name in ("mei", "bo", "ken")]
    change = standing.next_change(people, minute(after))
    first = [standing.decide(question(data)[0], minute(after)) for data in asked]
    quiet = 30 if change is None else int((change - minute(0)).total_seconds() / 60)
    for now in range(after, quiet):
        assert [standing.decide(question(data)[0], minute(now)) for data in asked] == first


# -- nobody who took it back is let through ------------------------------------------------------


def every_question(person: str, grantees: Iterable[str | None]) -> list[Need]:
    return [
        Need(key(person), None if name is None else key(name), atom, (use,), (how,), edits, (), own)
        for name, atom, use, how, edits, own in product(
            grantees, ("a1", "a2"), Use, Modality, ((Edit.JOIN,), ()), (False, True)
        )
    ]


BY_BO = every_question("mei", ["bo"])
BY_ANYONE = every_question("mei", ["bo", "ken", "ana", None])


@settings(max_examples=700, deadline=None)
@given(EVENTS, EVENTS, st.booleans(), st.sampled_from(RELATIONS), st.integers(0, 12))
def test_a_revoked_author_never_comes_back_in(before, after, everyone, mutual, later) -> None:
    entries = events(before)
    now = 2 * len(before) + 1
    # Two of the three say it to more than one.
    whom = {"reach": Reach.EVERYONE} if everyone else {"authors": ("bo", "ana")}
    revocation = entry(len(entries) + 1, Kind.REVOKE, "mei", recorded=now, **whom)
    rest = [
        one
        for one in events(after, seq=len(entries) + 2, now=now)
        if one.person != key("mei")
        or not one.kind.allows
        or one.reach.level < revocation.reach.level
    ]
    standing = Standing([*entries, revocation, *rest], mutual=mutual)
    asked = BY_ANYONE if everyone else BY_BO
    refusals = standing.decide_all(asked, minute(now + later))
    assert len(refusals) == len(asked)
    assert {one.missing for one in refusals} <= {Missing.REVOKED, Missing.DENIED, Missing.ERASED}


@settings(max_examples=200, deadline=None)
@given(EVENTS, EVENTS, st.sampled_from(RELATIONS), st.integers(0, 12))
def test_a_refusal_to_mutuals_is_not_escaped_by_leaving_them(before, after, mutual, later) -> None:
    entries = events(before)
    now = 2 * len(before) + 1
    revocation = entry(len(entries) + 1, Kind.DENY, "mei", recorded=now, reach=Reach.MUTUALS)
    rest = [
        one
        for one in events(after, seq=len(entries) + 2, now=now)
        if one.person != key("mei") or not one.kind.allows or one.reach is Reach.EVERYONE
    ]
    standing = Standing([*entries, revocation, *rest], mutual=mutual)
    assert len(standing.decide_all(BY_BO, minute(now + later))) == len(BY_BO)


@settings(max_examples=400, deadline=None)
@given(EVENTS, EVENTS, st.sampled_from(RELATIONS), st.integers(-40, 40))
def test_an_erased_person_is_gone_whatever_follows(before, after, mutual, when) -> None:
    entries = events(before)
    now = 2 * len(before) + 1
    erasure = entry(len(entries) + 1, Kind.ERASE, "mei", recorded=now)
    rest = events(after, seq=len(entries) + 2, now=now)
    standing = Standing([*entries, erasure, *rest], mutual=mutual)
    refusals = standing.decide_all(BY_ANYONE, minute(now + when))
    assert len(refusals) == len(BY_ANYONE)
    assert {one.missing for one in refusals} == {Missing.ERASED}
    assert standing.decide(every_question("mei", ["mei"])[0], minute(now)) is None


# -- single rules, one example each ---------------------------------------------------------------


def asked(grantee: str | None = "bo", **more) -> Need:
    whole = {"atom": "a1", "uses": (Use.EPISODE,), "modalities": (FACE,), "edits": (Edit.JOIN,)}
    return Need(key("mei"), None if grantee is None else key(grantee), **{**whole, **more})


def answer(
    entries: Iterable[Entry], need: Need, at: float = 100
) -> tuple[Missing, int | None] | None:
    refusal = Standing(entries).decide(need, minute(at))
    return None if refusal is None else (refusal.missing, refusal.entry)


def test_whoever_is_not_known_allows_nothing_but_her_own() -> None:
    assert answer([], asked()) == (Missing.GRANT, None)
    assert answer([], asked(None)) == (Missing.GRANT, None)
    assert answer([], asked(own=True)) is None
    assert answer([], asked(None, own=True)) is None
    assert answer([], asked("mei")) is None
    assert not Standing().knows(key("mei"))


def test_an_author_who_was_named_stays_out_until_named_again() -> None:
    said = [
        entry(1, Kind.GRANT, "mei", authors=("bo",)),
        entry(2, Kind.REVOKE, "mei", authors=("bo",)),
        entry(3, Kind.GRANT, "mei"),
    ]
    assert answer(said[:1], asked()) is None
    assert answer(said, asked()) == (Missing.REVOKED, 2)
    assert answer(said, asked("ken")) is None
    assert answer([*said, entry(4, Kind.GRANT, "mei", authors=("bo",))], asked()) is None


def test_what_was_taken_from_everyone_can_be_given_to_everyone_again() -> None:
    said = [entry(1, Kind.GRANT, "mei"), entry(2, Kind.DENY, "mei")]
    assert answer(said, asked()) == (Missing.DENIED, 2)
    assert answer([*said, entry(3, Kind.GRANT, "mei")], asked()) is None


def test_a_part_can_be_taken_back() -> None:
    said = [entry(1, Kind.GRANT, "mei"), entry(2, Kind.REVOKE, "mei", uses=(Use.PUBLISH,))]
    assert answer(said, asked()) is None
    assert answer(said, asked(uses=(Use.DRAFT, Use.PUBLISH))) == (Missing.REVOKED, 2)
    said.append(entry(3, Kind.REVOKE, "mei", modalities=(VOICE,)))
    assert answer(said, asked()) is None
    assert answer(said, asked(modalities=(FACE, VOICE))) == (Missing.REVOKED, 3)


def test_a_revocation_holds_from_its_own_time_backwards_or_forwards() -> None:
    said = [entry(1, Kind.GRANT, "mei"), entry(9, Kind.REVOKE, "mei", effective=5)]
    assert [answer(said, asked(), at) for at in (0.9, 1, 4.9, 5)] == [
        (Missing.NOT_YET, 1), None, None, (Missing.REVOKED, 9),
    ]  # fmt: skip
    said = [entry(1, Kind.GRANT, "mei"), entry(2, Kind.REVOKE, "mei", effective=50)]
    assert [answer(said, asked(), at) for at in (49, 50)] == [None, (Missing.REVOKED, 2)]


def test_an_expiry_is_the_first_moment_without() -> None:
    said = [entry(1, Kind.GRANT, "mei", expires=10)]
    assert answer(said, asked(), 10 - 1e-6) is None
    assert answer(said, asked(), 10) == (Missing.EXPIRED, 1)


def test_what_lacks_is_named_with_its_entry() -> None:
    said = [
        entry(1, Kind.GRANT, "mei", uses=(Use.EPISODE,), contexts=("Violence",)),
        entry(2, Kind.GRANT, "mei", uses=(Use.DRAFT,), modalities=(FACE,), edits=USUAL_EDITS),
    ]
    assert answer(said, asked(uses=(Use.PUBLISH,))) == (Missing.USE, 2)
    assert answer(said, asked(uses=(Use.DRAFT,), modalities=(VOICE,))) == (Missing.MODALITY, 2)
    assert answer(said, asked(uses=(Use.DRAFT,), edits=(Edit.DUB,))) == (Missing.EDIT, 2)
    refusal = Standing(said).decide(asked(contexts=("calm", "VIOLENCE")), minute(9))
    assert refusal is not None
    assert (refusal.missing, refusal.entry, refusal.context) == (Missing.CONTEXT, 1, "VIOLENCE")


def test_the_first_thing_asked_that_is_missing_is_named() -> None:
    said = [entry(1, Kind.GRANT, "mei", uses=(Use.EPISODE,), modalities=(FACE,))]
    need = asked(uses=(Use.EPISODE, Use.PUBLISH), modalities=(FACE, VOICE))
    refusal = Standing(said).decide(need, minute(5))
    assert refusal is not None
    assert (refusal.use, refusal.modality, refusal.edit) == (Use.EPISODE, VOICE, Edit.JOIN)


def test_two_grants_may_share_what_is_asked() -> None:
    said = [
        entry(1, Kind.GRANT, "mei", modalities=(FACE,)),
        entry(2, Kind.GRANT, "mei", modalities=(VOICE,), authors=("bo",)),
    ]
    assert answer(said, asked(modalities=(FACE, VOICE))) is None
    assert answer(said, asked("ken", modalities=(FACE, VOICE))) == (Missing.MODALITY, 1)


def test_an_approval_is_for_one_atom() -> None:
    said = [entry(1, Kind.APPROVE, "mei", authors=("bo",), atom="a1")]
    assert answer(said, asked()) is None
    assert answer(said, asked(atom="a2")) == (Missing.GRANT, None)
    needs = [asked(), asked(atom="a2"), asked(atom="a3")]
    assert [one.atom for one in Standing(said).decide_all(needs, minute(2))] == ["a2", "a3"]
    assert answer([entry(1, Kind.APPROVE, "mei", atom=None)], asked(atom="")) == (
        Missing.GRANT,
        None,
    )


def test_a_restriction_binds_every_grant_until_the_next_of_its_scope() -> None:
    said = [
        entry(1, Kind.GRANT, "mei"),
        entry(2, Kind.RESTRICT, "mei", edits=(Edit.CROP,), contexts=("ads",)),
        entry(3, Kind.RESTRICT, "mei", authors=("bo",), uses=(Use.PUBLISH,)),
    ]
    crop, publish = asked(edits=(Edit.CROP,)), asked(uses=(Use.PUBLISH,))
    assert answer(said, asked()) is None
    assert answer(said, crop) == (Missing.RESTRICTED, 2)
    assert answer(said, asked(contexts=("Ads",))) == (Missing.RESTRICTED, 2)
    assert answer(said, publish) == (Missing.RESTRICTED, 3)
    assert answer(said, asked("ken", uses=(Use.PUBLISH,))) is None
    assert answer(said, replace(crop, own=True)) == (Missing.RESTRICTED, 2)
    assert answer(said, replace(crop, grantee=key("mei"))) is None
    lifted = [*said, entry(4, Kind.RESTRICT, "mei")]
    assert answer(lifted, crop) is None
    assert answer(lifted, publish) == (Missing.RESTRICTED, 3)
    ending = [*said, entry(4, Kind.RESTRICT, "mei", edits=(Edit.CROP,), expires=20)]
    assert [answer(ending, crop, at) for at in (19, 20)] == [(Missing.RESTRICTED, 4), None]


def test_her_own_atom_needs_no_grant_but_minds_a_refusal() -> None:
    said = [entry(1, Kind.REVOKE, "mei", uses=(Use.PUBLISH,))]
    own = asked(None, uses=(Use.PUBLISH,), own=True)
    assert answer(said, own) == (Missing.REVOKED, 1)
    assert answer(said, asked(None, own=True)) is None
    assert answer([*said, entry(2, Kind.GRANT, "mei")], own) is None
    by_name = [entry(1, Kind.REVOKE, "mei", authors=("bo",))]
    assert answer(by_name, asked(own=True)) == (Missing.REVOKED, 1)
    assert answer(by_name, asked(None, own=True)) is None


def test_mutuals_are_two_who_each_reach_the_other() -> None:
    to_mutuals = {"reach": Reach.MUTUALS}
    said = [entry(1, Kind.GRANT, "mei", **to_mutuals)]
    assert answer(said, asked()) == (Missing.GRANT, None)
    back = [*said, entry(2, Kind.GRANT, "bo", uses=(), **to_mutuals)]
    assert answer(back, asked()) is None
    assert answer(back, asked("ken")) == (Missing.GRANT, None)
    assert answer(back, asked(None)) == (Missing.GRANT, None)
    assert answer([*said, entry(2, Kind.GRANT, "bo", authors=("mei",))], asked()) is None
    assert answer([*said, entry(2, Kind.GRANT, "bo", authors=("ken",))], asked()) is not None
    ended = [*back, entry(3, Kind.REVOKE, "bo", authors=("mei",))]
    assert answer(ended, asked()) == (Missing.GRANT, None)
    assert answer([*ended, entry(4, Kind.GRANT, "bo")], asked()) == (Missing.GRANT, None)
    assert answer([*ended, entry(4, Kind.GRANT, "bo", authors=("mei",))], asked()) is None
    assert answer([*back, entry(3, Kind.ERASE, "bo")], asked()) == (Missing.GRANT, None)
    in_part = [*back, entry(3, Kind.REVOKE, "bo", authors=("mei",), uses=(Use.DRAFT,))]
    assert answer(in_part, asked()) is None
    over = [*said, entry(2, Kind.GRANT, "bo", expires=10, **to_mutuals)]
    assert [answer(over, asked(), at) for at in (9, 10)] == [None, (Missing.GRANT, None)]


def test_the_relation_can_be_somebody_elses() -> None:
    said = [entry(1, Kind.GRANT, "mei", reach=Reach.MUTUALS)]
    standing = Standing(said, mutual=lambda one, two: (one, two) == (key("mei"), key("bo")))
    assert standing.decide(asked(), minute(5)) is None
    assert standing.decide(asked("ken"), minute(5)) is not None


def test_the_next_change_is_the_next_start_or_end() -> None:
    standing = Standing(
        [
            entry(1, Kind.GRANT, "mei", expires=30),
            entry(2, Kind.REVOKE, "mei", effective=20),
            entry(3, Kind.GRANT, "bo", effective=10),
            entry(4, Kind.GRANT, "ken", expires=40),
            entry(5, Kind.ERASE, "ken"),
        ]
    )
    mei, bo, ken = key("mei"), key("bo"), key("ken")
    assert standing.next_change([mei, bo], minute(5)) == minute(10)
    assert standing.next_change([mei], minute(5)) == minute(20)
    assert standing.next_change([mei], minute(20)) == minute(30)
    assert standing.next_change([mei], minute(30)) is None
    assert standing.next_change([ken, key("nobody")], minute(5)) is None


def test_what_was_read_can_be_looked_up() -> None:
    first, second = entry(3, Kind.GRANT, "mei"), entry(7, Kind.REVOKE, "mei")
    standing = Standing()
    assert standing.position == Position(0, START)
    standing.add(first)
    standing.add(second)
    assert standing.position == Position(7, second.digest)
    assert standing.knows(key("mei"))
    assert standing.entries_of(key("mei")) == (first, second)
    assert standing.entries_of(key("bo")) == ()
    refusal = standing.decide(asked(), minute(9))
    assert refusal is not None
    assert standing.deciding(refusal) is second
    assert standing.deciding(replace(refusal, entry=None)) is None
    assert standing.deciding(replace(refusal, entry=5)) is None


def test_entries_out_of_order_moments_without_zone_and_empty_needs_are_refused() -> None:
    standing = Standing([entry(2, Kind.GRANT, "mei")])
    with pytest.raises(InputError, match=r"entry 2 .* after entry 2") as caught:
        standing.add(entry(2, Kind.REVOKE, "mei"))
    assert caught.value.code == "ledger-order"
    with pytest.raises(InputError, match="no zone"):
        standing.decide(asked(), minute(9).replace(tzinfo=None))
    with pytest.raises(InputError, match="names no use"):
        standing.decide(asked(uses=()), minute(9))
