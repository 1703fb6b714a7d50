"""The same as files: cut, changed, coded with x264, read by the real observer. Case 11.

Both halves are coded separately, at crf 20; sound is cut with the pictures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial

import numpy as np
from bench.outcome import Goal, Outcome

from bench_memory.clips import Shot
from bench_memory.drift import LEAST, LIGHT, OTHER, WORSE, errors
from bench_memory.files import Frames, Piece, Studio, scaled
from bench_memory.joints import CHANGES, Chain, changed, mirrored
from bench_memory.workbench import HALVES, Workbench, mean, percentile, share
from chainer.memory.observation import Observation
from chainer.memory.report import Flag, JointClass, JointReport

NULL = "nothing"
_SECONDS = 2.4
_REPLAYED = (1, 3, 6, 10)
_SHAPES: dict[str, Frames] = {
    "mirror": mirrored,
    "zoom1.1": lambda frames: scaled(frames, 1.1),
    "zoom1.25": lambda frames: scaled(frames, 1.25),
}


def halves_of(shot: Shot, place: float) -> tuple[Piece, Piece] | None:
    """The two sides of a cut, at most 2.4 s each; None where too little is left."""
    count, most = len(shot.frames), round(shot.fps * _SECONDS)
    at = round(count * place)
    if at < 8 or count - at < 8:
        return None
    return Piece(shot, max(0, at - most), at), Piece(shot, at, min(count, at + most))


def _right(change: str, report: JointReport) -> bool:
    flags = set(report.flags)
    if change == NULL:
        return not flags
    if change == OTHER:
        return report.kind is JointClass.NEW_SETUP
    if change in CHANGES:
        return bool(flags & LIGHT)
    return (Flag.MIRROR if change == "mirror" else Flag.ZOOM) in flags


class _Found:
    """What came out, by change and half."""

    def __init__(self) -> None:
        self.right: dict[tuple[str, str], list[bool]] = defaultdict(list)
        self.colours: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.graded: Counter[str] = Counter()
        self.cuts: list[tuple[int, int]] = []
        self.notes: list[str] = []

    def add(self, change: str, half: str, shot: Shot, report: JointReport) -> None:
        right = _right(change, report)
        self.right[change, half].append(right)
        self.graded[change] += report.grade is not None
        if not right:
            flags = ", ".join(report.flags) or "no flag"
            self.notes.append(f"{shot.name}, {change}: {flags} ({report.kind.value})")

    def of(self, change: str) -> list[bool]:
        return [one for half in HALVES for one in self.right[change, half]]


def real(bench: Workbench) -> Outcome:
    """Joints of coded files, through the real decoder and observer."""
    outcome = Outcome("real", "Joints as real files: x264 crf 20, read by the observer")
    studio = Studio(bench.folder / "real")
    found = _Found()
    shots = [shot for shot in bench.shots if shot.path.exists()][:: 1 if bench.quick else 3]
    ends: list[tuple[Shot, Observation]] = []
    for shot in shots:
        for place in (0.35, 0.5, 0.65):
            pieces = halves_of(shot, place)
            if pieces is not None:
                _joint(bench, studio, shot, pieces, found, ends, whole=place == 0.5)
    _rows(outcome, found)
    _goals(outcome, found)
    outcome.notes += found.notes[:30]
    return outcome


def _joint(
    bench: Workbench,
    studio: Studio,
    shot: Shot,
    pieces: tuple[Piece, Piece],
    found: _Found,
    ends: list[tuple[Shot, Observation]],
    *,
    whole: bool,
) -> None:
    half = bench.half(shot)
    chain = Chain()
    chain.add(studio.take(pieces[0], sound=True))
    after = studio.take(pieces[1], sound=True)
    report = chain.ask(after)
    found.add(NULL, half, shot, report)
    truth = np.stack([still.pixels for still in after.stills[:: max(1, len(after.stills) // 4)]])
    found.colours[NULL].append(errors(truth, truth, report))
    found.cuts.append((0, report.cut.into))
    if not whole:
        return
    for name, change in CHANGES.items():
        report = chain.ask(studio.take(pieces[1], name, partial(changed, change=change)))
        pair = errors(changed(truth, change), truth, report)
        found.colours[name].append(pair)
        if pair[0] >= LEAST:
            found.add(name, half, shot, report)
    for name, shape in _SHAPES.items():
        found.add(name, half, shot, chain.ask(studio.take(pieces[1], name, shape)))
    for frames in _REPLAYED if bench.shots.index(shot) % 2 == 0 else ():
        if pieces[1].first - frames > pieces[0].first + frames:
            again = Piece(shot, pieces[1].first - frames, pieces[1].last)
            found.cuts.append((frames, chain.ask(studio.take(again, "again")).cut.into))
    for other, observation in ends[-6::2]:
        if other.clip != shot.clip:
            found.add(OTHER, half, shot, chain.ask(observation))
    ends.append((shot, after))


def _rows(outcome: Outcome, found: _Found) -> None:
    for change in (NULL, *CHANGES, *_SHAPES, OTHER):
        values = found.of(change)
        pairs = found.colours.get(change, [])
        outcome.rows.append(
            {
                "change": change,
                "joints": len(values),
                "right %": share(values),
                **{f"right %, {half}": share(found.right[change, half]) for half in HALVES},
                "dE before": mean([one[0] for one in pairs]),
                "dE after": mean([one[1] for one in pairs]),
                "p90": percentile([one[1] for one in pairs], 90),
                "graded %": 100 * found.graded[change] / max(1, len(values)),
            }
        )


def _goals(outcome: Outcome, found: _Found) -> None:
    def goal(name: str, value: float | None, limit: float, unit: str = " %") -> None:
        outcome.goals.append(Goal(f"files: {name}", value, limit, unit, at_least=True))

    wrong = share(not one for one in found.of(NULL))
    outcome.goals.append(Goal("files: false flags on true continuations", wrong, 5, " %"))
    goal(
        "exposure ±0.3 EV found",
        share([*found.of("exposure -0.3 EV"), *found.of("exposure +0.3 EV")]),
        90,
    )
    goal(
        "white balance 0.2 log2 found",
        share([*found.of("white balance +0.2"), *found.of("white balance -0.2")]),
        90,
    )
    goal("mirrored clip found", share(found.of("mirror")), 98)
    pairs = [pair for change in CHANGES for pair in found.colours[change]]
    before = mean([one[0] for one in pairs]) or 0
    after = mean([one[1] for one in pairs])
    outcome.goals += [
        Goal(f"files: grade ({before:.2f} dE before)", after, 1.0, " dE"),
        Goal("files: made worse", share(b > a + WORSE for a, b in pairs), 1, " %"),
        Goal(
            "files: clean atoms changed", mean([one[1] for one in found.colours[NULL]]), 0.3, " dE"
        ),
    ]
    away = [cut - n for n, cut in found.cuts if n]
    goal("replayed overlap trimmed exactly", share(one == 0 for one in away), 80)
    goal("replayed overlap within one frame", share(abs(one) <= 1 for one in away), 95)
    goal("untouched where there is none", share(cut == 0 for n, cut in found.cuts if not n), 90)
