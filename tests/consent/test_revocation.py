"""What follows a revocation: who is struck, what is purged, killing and repeating it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.entry import Entry, Position
from chainer.consent.episodes import EpisodeIndex, EpisodeState, Piece
from chainer.consent.need import Need
from chainer.consent.outbox import delivered, waiting, write_outbox
from chainer.consent.revocation import (
    Applied,
    Decider,
    apply_refusals,
    purge_left,
    unfinished,
)
from chainer.consent.words import Edit, Kind, Modality, Reach, Use
from chainer.errors import InputError, OutputError, PolicyRefused
from chainer.store import Purged, Store
from tests.consent.revoked import (
    ANN,
    BEN,
    BO,
    LATER,
    MEI,
    NOW,
    SHOWN,
    START,
    Register,
    World,
    film,
    key,
    need,
    person,
    record,
    register,
)


class Killed(BaseException):
    """Stands for a process that ends here."""


_MEMORY = Path("/dev/shm")
"""Where a flush costs nothing: a killed process leaves there what it leaves on a disk."""


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="revoked-", dir=where) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def kept(room: Path) -> Path:
    """A filled world; its episodes were delivered under `live` beside it."""
    World(room / "live").fill()
    (room / "live").rename(room / "kept")
    return room / "kept"


@pytest.fixture
def world(kept: Path) -> World:
    return fresh(kept)


def fresh(kept: Path) -> World:
    live = kept.with_name("live")
    shutil.rmtree(live, ignore_errors=True)
    shutil.copytree(kept, live)
    return World(live)


Scenario = Callable[[Register], tuple[Entry | None, list[str], Any]]


def from_everyone(said: Register) -> tuple[Entry | None, list[str], Any]:
    return said.say(Kind.REVOKE, MEI, NOW), [MEI], NOW


def from_ann(said: Register) -> tuple[Entry | None, list[str], Any]:
    return said.say(Kind.REVOKE, MEI, NOW, authors=(ANN,)), [MEI], NOW


def from_ben_publishing(said: Register) -> tuple[Entry | None, list[str], Any]:
    return said.say(Kind.DENY, MEI, NOW, authors=(BEN,), uses=(Use.PUBLISH,)), [MEI], NOW


def erased(said: Register) -> tuple[Entry | None, list[str], Any]:
    return said.say(Kind.ERASE, BO, NOW), [BO], NOW


def ended(said: Register) -> tuple[Entry | None, list[str], Any]:
    """A timer asks of everybody: Mei's grant has run out."""
    del said
    return None, [MEI, BO], LATER


SCENARIOS: list[tuple[Scenario, set[str], set[str], set[str]]] = [
    # suspended, blocked, and the pieces that go
    (
        from_everyone,
        {"e1", "e2", "e4", "e8"},
        {"e3", "e5"},
        {"clip a1", "clip a3", "clip a4", "clip a7", "joint a1 a2", "joint a1 a5", "joint a2 a3"}
        | {"poster e1", "poster e3", "poster e4", "poster e5", "poster e7", "poster e8"}
        | {"seen mei"},
    ),
    (
        # Every atom is Ann's, so that each of Mei's needs is asked for Ann too.
        from_ann,
        {"e1", "e2", "e4", "e8"},
        {"e3", "e5"},
        {"clip a1", "clip a3", "clip a4", "clip a7", "joint a1 a2", "joint a1 a5", "joint a2 a3"}
        | {"poster e1", "poster e3", "poster e4", "poster e5", "poster e7", "poster e8"},
    ),
    # Only what is published is asked for publishing; what it shares with others stays.
    (from_ben_publishing, {"e8"}, set(), {"clip a4", "clip a7", "poster e7", "poster e8"}),
    (
        erased,
        {"e1", "e2", "e4", "e6", "e8"},
        {"e5"},
        {"clip a2", "clip a4", "clip a5", "joint a1 a2", "joint a1 a5", "joint a2 a3"}
        | {"joint a2 a5", "poster e2", "poster e6", "poster e8", "seen bo"},
    ),
    (
        ended,
        {"e1", "e2", "e4", "e8"},
        {"e3", "e5"},
        {"clip a1", "clip a3", "clip a4", "clip a7", "joint a1 a2", "joint a1 a5", "joint a2 a3"}
        | {"poster e1", "poster e3", "poster e4", "poster e5", "poster e7", "poster e8"}
        | {"seen mei"},
    ),
]


@pytest.mark.parametrize(("scenario", "suspended", "blocked", "gone"), SCENARIOS)
def test_who_is_struck_and_what_goes(
    world: World, scenario: Scenario, suspended: set[str], blocked: set[str], gone: set[str]
) -> None:
    said = register()
    states, held = world.states(), world.held()
    entry, people, at = scenario(said)
    done = world.apply(said, entry, people, at)
    assert (set(done.suspended), set(done.blocked)) == (suspended, blocked)
    changed = {name: state for name, state in world.states().items() if states[name] != state}
    assert changed == dict.fromkeys(suspended, "suspended") | dict.fromkeys(blocked, "blocked")
    assert held - world.held() == gone
    assert done.purged.records == len(gone)
    assert done.queued == len(suspended) + len(blocked) == len(world.index.queued())
    assert unfinished(world.index) == []
    json.dumps(done.as_json())


@pytest.mark.parametrize("scenario", [row[0] for row in SCENARIOS])
def test_twice_equals_once(world: World, scenario: Scenario) -> None:
    said = register()
    entry, people, at = scenario(said)
    first = world.apply(said, entry, people, at)
    once = world.snapshot()
    again = world.apply(said, entry, people, at)
    assert world.snapshot() == once
    assert again.purged == Purged()
    if entry is not None:
        assert (again.suspended, again.blocked) == (first.suspended, first.blocked)
        assert (again.queued, again.notices) == (first.queued, first.notices)


@pytest.mark.parametrize("scenario", [from_everyone, from_ben_publishing, ended])
def test_killed_at_any_step_and_repeated_ends_the_same(kept: Path, scenario: Scenario) -> None:
    said = register()
    entry, people, at = scenario(said)
    steps: list[str] = []
    world = fresh(kept)
    world.apply(said, entry, people, at, on_step=steps.append)
    whole = world.snapshot()
    assert {"decide", "struck", "queued", "marked", "tombstone", "purge record", "finished"} <= {
        *steps
    }
    every = 1 if scenario is from_everyone else 3
    for last in range(0, len(steps), every):
        world = fresh(kept)
        left = iter(range(last))

        def kill(step: str, left: Any = left) -> None:
            if next(left, None) is None:
                raise Killed(step)

        with pytest.raises(Killed):
            world.apply(said, entry, people, at, on_step=kill)
        if entry is not None and 1 < last < len(steps) - 1:
            assert unfinished(world.index) == [entry.digest]
        world.apply(said, entry, people, at)
        assert unfinished(world.index) == []
        assert world.snapshot() == whole, f"killed at {last}, {steps[last]}"


def test_killed_between_writing_and_renaming_leaves_nothing_behind(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    world = fresh(kept)
    world.apply(said, entry)
    whole = world.snapshot()
    world = fresh(kept)

    def kill(path: Path, target: Path) -> None:
        raise Killed(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill)
        with pytest.raises(Killed):
            world.apply(said, entry)
        with pytest.raises(Killed):
            write_outbox(world.index, world.outbox)
    assert len(list(world.root.rglob(".*partial"))) == 2
    world.apply(said, entry)
    assert world.snapshot() == whole


def test_killed_for_good_at_random_moments(kept: Path) -> None:
    fresh(kept)
    words = [sys.executable, "-m", "tests.consent.revoked", str(kept.parent), "7", "20"]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["killed"] >= 10


def test_a_later_timer_finishes_what_a_killed_one_left(kept: Path) -> None:
    said = register()
    _, people, at = ended(said)
    world = fresh(kept)

    def kill(step: str) -> None:
        if step == "marked":
            raise Killed

    with pytest.raises(Killed):
        world.apply(said, None, people, at, on_step=kill)
    assert len(unfinished(world.index)) == 1
    assert not list(world.root.rglob("suspended.json"))
    done = world.apply(said, None, people, LATER.replace(hour=9))
    assert set(done.blocked) == {"e3", "e5"}
    assert unfinished(world.index) == []
    assert world.folder("e3", 1) in done.tombstones
    assert json.loads((world.folder("e3", 1) / "suspended.json").read_text())["entry"] == 1
    assert "clip a1" not in world.held()


def test_a_timer_that_finds_nothing_leaves_no_trace(world: World) -> None:
    # One who never granted anything was looked at, as in atoms of their own: nothing was taken.
    world.index.note_pieces([world.publish("seen stranger", b"s", person("stranger"))])
    before = world.snapshot()
    done = world.apply(register(), None, [MEI, BO, ANN, BEN, person("stranger")])
    assert (done.suspended, done.blocked, done.purged) == ((), (), Purged())
    assert done.decided > 0
    assert world.snapshot() == before


def test_another_composers_episodes_and_shared_pieces_stay(world: World) -> None:
    said = Register()
    said.say(Kind.GRANT, MEI, reach=Reach.EVERYONE)
    for name, composer in (("ann's", ANN), ("ben's", BEN)):
        pieces = [Piece(key("clip a1"), "conform", (MEI,)), world.publish(name, b"x", MEI)]
        world.index.begin(record(name, ["a1"]), [need(MEI, composer, "a1")], pieces)
    entry = said.say(Kind.REVOKE, MEI, NOW, authors=(ANN,))
    index_only = [name for name in world.states() if name.startswith("e")]
    for name in index_only:  # these are of another ledger's making
        world.index.give_up(name)
    done = world.apply(said, entry)
    assert "ann's" in done.suspended
    assert "ben's" not in done.suspended
    assert world.states()["ben's"] == "making"
    assert world.store.find(key("clip a1"))[1] is not None
    assert world.store.find(key("ben's"))[1] is not None
    assert world.store.find(key("ann's"))[1] is None
    assert world.store.find(key("seen mei"))[1] is not None  # others may still look
    done = world.apply(said, said.say(Kind.REVOKE, MEI, NOW))
    assert done.suspended == ("ben's",)
    assert world.store.find(key("clip a1"))[1] is None
    assert world.store.find(key("seen mei"))[1] is None


def test_tombstones_name_no_person_and_stay_with_the_episode(world: World) -> None:
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    done = world.apply(said, entry)
    told = json.loads((world.folder("e1", 1) / "suspended.json").read_text())
    assert told == {
        "schema": "chainer.suspended/1",
        "episode": "e1",
        "state": "suspended",
        "at": NOW.isoformat(),
        "entry": entry.seq,
        "film": film("e1"),
    }
    assert json.loads((world.folder("e3", 1) / "suspended.json").read_text())["state"] == "blocked"
    assert not (world.folder("e2", 2) / "suspended.json").exists()  # it holds another episode
    assert not (world.folder("e6", 1) / "suspended.json").exists()
    assert [path for path, _ in done.unreachable] == [world.folder("e1", 2)]
    assert not list(world.root.rglob(".*partial"))


def test_a_folder_that_cannot_be_written_is_reported_and_the_rest_is_done(world: World) -> None:
    (world.folder("e1", 1) / "suspended.json").mkdir()
    (world.folder("e3", 1) / "episode.json").write_text('{"id": ')
    (world.folder("e8", 1) / "episode.json").write_text("[]")
    said = register()
    done = world.apply(said, said.say(Kind.REVOKE, MEI, NOW))
    assert {path for path, _ in done.unreachable} == {
        world.folder(name, number) for name, number in (("e1", 1), ("e1", 2), ("e3", 1), ("e8", 1))
    }
    assert all(why for _, why in done.unreachable)
    assert world.folder("e8", 2) in done.tombstones
    assert unfinished(world.index) == []
    assert not list(world.root.rglob(".*partial"))


def test_without_folders_none_is_touched(world: World) -> None:
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    apply_refusals(world.index, world.store, said.standing, [MEI], entry, NOW, folders=False)
    assert world.states()["e1"] == "suspended"
    assert not list(world.root.rglob("suspended.json"))


def test_notices_go_to_composer_authors_and_person_once_each(world: World) -> None:
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    world.apply(said, entry)
    assert write_outbox(world.index, world.outbox) == len(world.outbox.read_text().splitlines())
    notices = [json.loads(line) for line in world.outbox.read_text().splitlines()]
    assert len({one["id"] for one in notices}) == len(notices)
    to = {(one["episode"], one["to"]): one for one in notices}
    assert to["e1", ANN]["roles"] == ["composer", "author"]
    assert to["e2", BEN]["roles"] == ["composer"]
    assert to["e2", ANN]["roles"] == ["author"]
    assert to["e2", MEI]["roles"] == ["person"]
    assert ("e2", BO) not in to  # nothing of theirs was taken back
    assert to["e5", MEI] == {
        "schema": "chainer.notice/1",
        "id": to["e5", MEI]["id"],
        "kind": "blocked",
        "draft": True,
        "episode": "e5",
        "to": MEI,
        "roles": ["person"],
        "atoms": ["a1"],
        "entry": entry.seq,
        "at": NOW.isoformat(),
    }
    assert MEI not in json.dumps([one for one in notices if one["to"] != MEI])
    first = to["e1", ANN]["id"]
    assert delivered(world.index, [first, first, "no such"]) == 1
    world.apply(said, entry)  # a repeat makes no new ones
    assert {one.id for one in waiting(world.index)} == {one["id"] for one in notices} - {first}


def test_an_outbox_that_cannot_be_written_is_an_output_error(world: World) -> None:
    with pytest.raises(OutputError, match="they are kept"):
        write_outbox(world.index, world.root / "nowhere" / "outbox.jsonl")
    world.outbox.mkdir()
    with pytest.raises(OutputError):
        write_outbox(world.index, world.outbox)
    assert not list(world.root.glob(".*partial"))


def test_re_renders_are_queued_with_what_to_avoid(world: World) -> None:
    said = register()
    world.apply(said, said.say(Kind.REVOKE, MEI, NOW))
    queued = {one.episode: one for one in world.index.queued()}
    assert queued["e2"].avoid == ("a3",)
    assert queued["e2"].request == {"start": "e2"}
    world.index.rerendered("e2", "e2-anew")
    world.index.rerendered("e1", None, "no other path")
    world.index.rerendered("e1", "late")  # nothing waits any more
    assert {one.episode for one in world.index.queued()} == set(queued) - {"e1", "e2"}
    with world.index.reading() as connection:
        rows = connection.execute(
            "SELECT state, result, why FROM reruns WHERE state <> 'queued' ORDER BY episode"
        ).fetchall()
    assert [tuple(row) for row in rows] == [
        ("impossible", None, "no other path"),
        ("done", "e2-anew", ""),
    ]


def test_finish_and_publish_after_the_mark_are_refused_and_say_why(world: World) -> None:
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    world.apply(said, entry)
    with pytest.raises(PolicyRefused, match="e4 cannot be finished: it is suspended") as caught:
        world.index.finish("e4", world.folder("e4", 1), film("e4"), "urn:1", Position())
    assert caught.value.facts["state"] == "suspended"
    assert caught.value.facts["entry"] == entry.seq
    assert caught.value.facts["refusal"]["missing"] == "revoked"
    for name in ("e1", "e2", "e5"):
        with pytest.raises(PolicyRefused, match="cannot be published"):
            world.index.publish(name, Position(entry.seq, entry.digest))
    # Its maker had put a clip back in the meantime.
    world.publish("clip a1", b"a1")
    assert world.index.give_up("e4") is EpisodeState.SUSPENDED
    assert purge_left(world.index, world.store, "e4").records == 1
    assert purge_left(world.index, world.store, "e6") == Purged()
    assert "clip a1" not in world.held()
    assert {"clip a2", "clip a5"} <= world.held()


def test_publishing_needs_a_look_at_the_ledger_after_the_last_revocation(world: World) -> None:
    """Nobody asked e2 for publishing when that was taken back: publish() must refuse."""
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW, uses=(Use.PUBLISH,))
    world.apply(said, entry)
    assert world.states()["e2"] == "made"
    with pytest.raises(PolicyRefused, match="read the ledger again") as caught:
        world.index.publish("e2", Position(entry.seq - 1, "d" * 64))
    assert caught.value.code == "consent-changed"
    assert world.states()["e2"] == "made"
    world.index.publish("e2", Position(entry.seq, entry.digest))  # whoever asked again may


def test_publishing_that_races_with_a_revocation(tmp_path: Path) -> None:
    world = World(tmp_path)
    said = register()
    names = [f"r{number}" for number in range(24)]
    needs = [need(MEI, ANN, "a1")]
    world.index.begin_all([(record(name, ["a1"]), needs, []) for name in names])
    for name in names:
        world.index.finish(name, world.folder(name, 1), film(name), "urn:1", Position())
    entry = said.say(Kind.REVOKE, MEI, NOW)
    outcomes: dict[str, str] = {}
    marked = threading.Event()
    late: list[str] = []

    def publish(part: list[str]) -> None:
        for name in part:
            after = marked.is_set()
            try:
                world.index.publish(name, Position(entry.seq - 1, "d" * 64))
            except PolicyRefused as error:
                outcomes[name] = error.code
            else:
                outcomes[name] = "published"
                if after:
                    late.append(name)

    def listen(step: str) -> None:
        if step == "marked":
            marked.set()

    threads = [threading.Thread(target=publish, args=(names[part::2],)) for part in range(2)]
    for thread in threads:
        thread.start()
    while not outcomes:
        pass
    world.apply(said, entry, on_step=listen)
    for thread in threads:
        thread.join()
    assert not late
    assert set(outcomes) == set(names)
    assert set(world.states().values()) == {"suspended"}
    assert "published" in outcomes.values()
    assert set(outcomes.values()) <= {"published", "consent-changed", "episode-suspended"}


def test_consent_given_anew_lets_it_begin_again(world: World) -> None:
    said = register()
    world.apply(said, said.say(Kind.REVOKE, MEI, NOW))
    said.say(Kind.GRANT, MEI, NOW)
    world.index.begin(record("e1", ["a1"], composer=ANN), [need(MEI, ANN, "a1")], [])
    assert world.states()["e1"] == "making"
    assert "e1" not in {one.episode for one in world.index.queued()}
    again = said.say(Kind.REVOKE, MEI, NOW)
    done = world.apply(said, again)
    assert done.suspended == ("e1",)
    assert done.decided > 0
    found = world.index.get("e1")
    assert found is not None
    assert found.entry == again.seq
    assert "e1" in {one.episode for one in world.index.queued()}


def test_an_approval_for_one_atom_saves_the_episodes_with_that_atom(tmp_path: Path) -> None:
    world = World(tmp_path)
    said = Register()
    said.say(Kind.GRANT, MEI, START, expires=LATER)
    said.say(Kind.APPROVE, MEI, START, atom="a1")
    for atom in ("a1", "a2"):
        world.index.begin(record(atom, [atom]), [need(MEI, ANN, atom)], [])
    both = [need(MEI, ANN, "a2"), need(MEI, ANN, "a1")]
    world.index.begin(record("both", ["a1", "a2"]), both, [])
    done = world.apply(said, None, [MEI], LATER)
    assert set(done.suspended) == {"a2", "both"}
    assert {one.episode: one.avoid for one in world.index.queued()}["both"] == ("a2",)


@pytest.mark.parametrize(
    ("people", "at"), [(["Mei"], NOW), ([MEI.upper()], NOW), ([MEI], NOW.replace(tzinfo=None))]
)
def test_names_and_times_without_a_zone_are_refused(
    world: World, people: list[str], at: Any
) -> None:
    before = world.snapshot()
    with pytest.raises(InputError):
        world.apply(register(), None, people, at)
    assert world.snapshot() == before


_PEOPLE = (MEI, BO, ANN, BEN)
_needs = st.builds(
    need,
    st.sampled_from(_PEOPLE),
    st.sampled_from((*_PEOPLE, None)),
    st.sampled_from(sorted(SHOWN)),
    st.sampled_from((Use.DRAFT, Use.EPISODE)),
    edits=st.sampled_from(((Edit.TRIM,), (Edit.TRIM, Edit.CROP), (Edit.SPEED,))),
    modalities=st.sampled_from(((Modality.FACE,), tuple(Modality))),
    contexts=st.sampled_from(((), ("brand",))),
    own=st.booleans(),
)
_sayings = st.tuples(
    st.sampled_from((Kind.GRANT, Kind.GRANT, Kind.REVOKE, Kind.DENY, Kind.RESTRICT, Kind.APPROVE)),
    st.sampled_from((MEI, BO)),
    st.sampled_from((None, (ANN,), (BEN, ANN))),
    st.sampled_from(((), (Use.PUBLISH,), (Use.DRAFT, Use.EPISODE))),
    st.sampled_from(sorted(SHOWN)),
)


def say_all(said: Register, sayings: list[Any]) -> Entry:
    for kind, whose, authors, uses, atom in sayings:
        rest: dict[str, Any] = {} if authors is None else {"authors": authors}
        if uses or kind in (Kind.REVOKE, Kind.DENY):
            rest["uses"] = uses
        if kind is Kind.APPROVE:
            rest["atom"] = atom
        entry = said.say(kind, whose, START, **rest)
    return entry


@settings(deadline=None, max_examples=60)
@given(
    chains=st.lists(st.tuples(st.lists(_needs, max_size=7), st.booleans()), max_size=5),
    sayings=st.lists(_sayings, min_size=1, max_size=6),
)
def test_struck_are_exactly_those_with_a_refused_need(
    room: Path,
    chains: list[tuple[list[Need], bool]],
    sayings: list[Any],
) -> None:
    shutil.rmtree(room / "struck", ignore_errors=True)
    world = World(room / "struck")
    said = Register()
    entry = say_all(said, sayings)
    expected = {}
    for number, (needs, published) in enumerate(chains):
        name = f"h{number}"
        world.index.begin(record(name, sorted(SHOWN)), needs, [])
        uses: tuple[Use, ...] = ()
        if published:
            world.index.finish(name, world.folder(name, 1), film(name), "urn:1", Position())
            world.index.publish(name, Position())
            uses = (Use.PUBLISH,)
        refused = {
            one.atom
            for one in needs
            if said.standing.decide(
                Need(
                    one.person,
                    one.grantee,
                    one.atom,
                    (*one.uses, *uses),
                    one.modalities,
                    one.edits,
                    one.contexts,
                    one.own,
                ),
                NOW,
            )
        }
        if refused:
            expected[name] = tuple(sorted(refused))
    done = world.apply(said, entry, _PEOPLE)
    assert set(done.suspended) == set(expected)
    assert {one.episode: one.avoid for one in world.index.queued()} == expected


def test_each_distinct_need_is_decided_once(tmp_path: Path) -> None:
    """However many episodes ask it; and refusals that only name person, grantee, atom suffice."""
    asked: list[Need] = []

    class Counting:
        position = Position()

        def decide_all(self, needs: Any, at: Any) -> list[Any]:
            batch = list(needs)
            names = [(one.person, one.grantee, one.atom) for one in batch]
            assert len(set(names)) == len(names)  # the answers could not be told apart
            asked.extend(batch)
            return []

    index = EpisodeIndex(tmp_path / "episodes.sqlite")
    needs = [
        need(MEI, ANN, atom, edits=edits)
        for atom in ("a1", "a2")
        for edits in ((Edit.TRIM, Edit.CROP), (Edit.CROP, Edit.TRIM), (Edit.SPEED,))
    ]
    index.begin_all([(record(f"n{number}"), needs, []) for number in range(9)])
    decider: Decider = Counting()
    done = apply_refusals(index, Store(tmp_path / "store"), decider, [MEI, BO], None, NOW)
    assert isinstance(done, Applied)
    assert done.decided == len(asked) == 4


def test_the_dice_of_the_storm_differ() -> None:
    """Twenty kills at one moment would prove little."""
    dice = random.Random(7)
    moments = sorted(dice.uniform(0, 1) for _ in range(20))
    assert moments[0] < 0.1
    assert moments[-1] > 0.9
