"""Which step is next: simulated batches, without a step that really runs."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.batch.board import Board, Place
from chainer.render.spec import StepType

TYPES = (StepType.MARK, StepType.CONFORM, StepType.JOINT)


def place(
    key: str, kind: StepType, jobs: tuple[int, ...], needs: str = "", cost: float = 1.0
) -> Place:
    return Place(key, kind, tuple(needs), jobs, cost)


def chain(job: int, clips: str, cost: float = 1.0) -> list[Place]:
    """The steps of one job over clips; joints are named by upper-case letters."""
    made = [place(one, StepType.CONFORM, (job,), cost=cost) for one in clips]
    for left, right in itertools.pairwise(clips):
        made.append(place(left.upper(), StepType.JOINT, (job,), left + right))
    return made


def take(board: Board) -> str | None:
    return board.next(lambda _: True)


def test_marks_then_joints_that_are_ready_then_clips() -> None:
    board = Board(
        [
            place("a", StepType.CONFORM, (0,), "m"),
            place("b", StepType.CONFORM, (0,), "m"),
            place("c", StepType.CONFORM, (0,), "m"),
            place("A", StepType.JOINT, (0,), "ab"),
            place("m", StepType.MARK, (0,)),
        ]
    )
    assert take(board) == "m"
    assert take(board) is None, "nothing is ready while the mark is drawn"
    board.done("m")
    assert [take(board), take(board)] == ["a", "b"]
    board.done("a")
    board.done("b")
    assert take(board) == "A", "its neighbours are there, so it goes before the next clip"
    assert take(board) == "c"


def test_the_longest_first_and_the_earlier_job_among_equals() -> None:
    board = Board(
        [
            place("s", StepType.CONFORM, (0,), cost=1.0),
            place("x", StepType.CONFORM, (1,), cost=9.0),
            place("y", StepType.CONFORM, (0,), cost=8.5),
        ]
    )
    assert [take(board) for _ in range(3)] == ["y", "x", "s"]


def test_a_step_that_does_not_fit_is_asked_for_again() -> None:
    board = Board(chain(0, "ab"))
    assert board.next(lambda _: False) is None
    assert {take(board), take(board)} == {"a", "b"}


def test_a_failure_takes_along_the_jobs_that_need_the_step_and_no_other() -> None:
    shared = place("s", StepType.CONFORM, (0, 1, 2))
    board = Board(
        [
            shared,
            place("a", StepType.CONFORM, (0,)),
            place("b", StepType.CONFORM, (1, 2)),
            place("A", StepType.JOINT, (0,), "sa"),
            place("B", StepType.JOINT, (1, 2), "sb"),
        ]
    )
    begun = {take(board), take(board), take(board)}
    assert begun == {"s", "a", "b"}
    assert board.failed("b") == (1, 2)
    assert board.jobs == {0: 3}
    assert board.done("s") == ()
    board.done("a")
    assert take(board) == "A"
    assert board.done("A") == (0,)
    assert board.idle
    assert take(board) is None


def test_what_a_lost_file_costs() -> None:
    board = Board(
        [
            *chain(0, "ab"),
            *[place("c", StepType.CONFORM, (0,)), place("C", StepType.JOINT, (0,), "bc")],
        ]
    )
    for key in [take(board) for _ in range(3)]:
        board.done(str(key))
    assert {take(board), take(board)} == {"A", "C"}
    board.again("A", ["b"])
    assert take(board) == "b", "first what was lost"
    assert take(board) is None, "A waits for it"
    board.done("C")
    assert board.jobs == {0: 2}
    board.done("b")
    assert take(board) == "A"
    assert board.done("A") == (0,)


def test_a_lost_file_of_a_job_that_is_out_is_not_made_again() -> None:
    board = Board([*chain(0, "ab"), place("x", StepType.CONFORM, (0,))])
    for _key in "ab":
        assert take(board) in "abx"
    board.done("a")
    board.done("b")
    assert take(board) in ("A", "x")
    running = {take(board), "A", "x"} - {None}
    assert running == {"A", "x"}
    assert board.failed("x") == (0,)
    board.again("A", ["a"])
    assert take(board) is None
    assert board.idle


def test_jobs_are_worked_off_in_blocks() -> None:
    """Each job that is begun and not whole holds something open, so that they must not be many."""
    count = 300
    board = Board(
        [
            *(place(f"long{n}", StepType.CONFORM, (n,), cost=8.0) for n in range(count)),
            *(place(f"short{n}", StepType.CONFORM, (n,)) for n in range(count)),
        ]
    )
    begun: set[int] = set()
    most = 0
    while (key := take(board)) is not None:
        begun.add(board.users(key)[0])
        most = max(most, len(begun))
        begun -= set(board.done(key))
    assert board.idle
    assert 2 <= most <= 64


def test_only_what_nobody_needs_is_dropped() -> None:
    board = Board(
        [
            place("s", StepType.CONFORM, (0, 1, 2)),
            place("x", StepType.CONFORM, (0,)),
            place("y", StepType.CONFORM, (0, 1)),
        ]
    )
    assert (board.steps, board.open) == (3, 3)
    board.drop(0)
    assert board.dropped() == ("x",)
    assert board.dropped() == ()
    board.drop(0)
    board.drop(1)
    assert board.dropped() == ("y",)
    assert (board.steps, board.open) == (3, 1)
    assert take(board) == "s"
    board.done("s")
    assert board.open == 0


def test_a_lost_piece_is_dropped_with_the_last_job_that_needs_it() -> None:
    board = Board(
        [
            place("s", StepType.CONFORM, (0, 1)),
            place("A", StepType.JOINT, (0,), "s"),
            place("B", StepType.JOINT, (1,), "s"),
        ]
    )
    board.done(str(take(board)))
    assert {take(board), take(board)} == {"A", "B"}
    board.again("A", ["s"])
    board.drop(0)
    assert set(board.dropped()) == {"A"}, "the other job may still need s"
    board.drop(1)
    assert board.dropped() == ("s",)
    board.done("B")
    assert board.idle


@dataclass
class Truth:
    """What should become of each job, worked out without the board."""

    jobs: dict[int, set[str]]
    needs: dict[str, tuple[str, ...]]
    bad: set[str]
    made: list[str] = field(default_factory=list)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Place], Truth, int, int]:
    """Jobs as paths through a few clips that they share."""
    clips = draw(st.integers(2, 8))
    names = [f"c{n}" for n in range(clips)]
    paths = draw(
        st.lists(
            st.lists(st.sampled_from(names), min_size=1, max_size=5, unique=True),
            min_size=1,
            max_size=6,
        )
    )
    jobs: dict[int, set[str]] = {}
    needs: dict[str, tuple[str, ...]] = dict.fromkeys(names, ("mark",)) | {"mark": ()}
    for number, path in enumerate(paths):
        keys = {"mark", *path}
        for left, right in itertools.pairwise(path):
            joint = f"{left}>{right}"
            needs[joint] = (left, right)
            keys.add(joint)
        jobs[number] = keys
    used = sorted(set().union(*jobs.values()))
    bad = set(draw(st.lists(st.sampled_from(used), max_size=2, unique=True)))
    kinds = {
        key: TYPES[2] if ">" in key else TYPES[0] if key == "mark" else TYPES[1] for key in used
    }
    places = [
        Place(
            key,
            kinds[key],
            needs[key],
            tuple(n for n, keys in jobs.items() if key in keys),
            draw(st.floats(0.01, 100)),
        )
        for key in used
    ]
    return places, Truth(jobs, needs, bad), draw(st.integers(1, 4)), draw(st.integers(0, 2**30))


@settings(max_examples=300, deadline=None)
@given(batches())
def test_any_batch_ends_with_every_step_once(drawn: tuple[list[Place], Truth, int, int]) -> None:
    places, truth, workers, seed = drawn
    rng = random.Random(seed)
    board = Board(places)
    running: list[str] = []
    whole: list[int] = []
    out: set[int] = set()
    lost_left = 3
    for _ in range(1000):
        while len(running) < workers and (key := take(board)) is not None:
            missing = [need for need in truth.needs[key] if need not in truth.made]
            assert not missing, f"{key} was begun before {missing}"
            running.append(key)
        if not running:
            break
        key = running.pop(rng.randrange(len(running)))
        if key in truth.bad:
            out |= set(board.failed(key))
        elif lost_left and truth.needs[key] and rng.random() < 0.2:
            lost_left -= 1
            lost = rng.choice(truth.needs[key])
            needed = board.users(key)
            board.again(key, [lost])
            if needed and lost in truth.made:
                truth.made.remove(lost)
        else:
            assert key not in truth.made, f"{key} was made twice"
            truth.made.append(key)
            whole += board.done(key)
    assert board.idle
    assert len(whole) == len(set(whole))
    wanted = {n for n, keys in truth.jobs.items() if not keys & truth.bad}
    assert set(whole) == wanted, "every job without a bad step, and no other"
    assert out | wanted == set(truth.jobs)
    assert not board.jobs
