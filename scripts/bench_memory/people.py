"""How well the memory tells who is in a clip: swaps, new clothes, true continuations, faces.

    python scripts/bench_memory/people.py [--half tuning|held] [--case NAME] [--loud] [--quick]

Every joint is judged in many ways of knowing: with and without face models, a box in both clips,
in one of them or in none, of the whole person, the upper body or the face, declared at the start,
the middle or the end. The character is in the cast of both clips. Constants were chosen on the
`TUNING` clips; `rows` counts the others, which show other people.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_memory.people_joints import (  # noqa: E402
    HELD,
    READ,
    THINGS,
    TUNING,
    Joint,
    Samples,
    boxes,
    clip,
    continuations,
    elsewhere,
    lights,
    people_of,
    swap_pairs,
    swaps,
    wardrobes,
)
from chainer.memory import people as people_module  # noqa: E402
from chainer.memory.appearance import apart, describe, least_apart, person_of_face  # noqa: E402
from chainer.memory.faces import FaceReader, face_distance, load_faces  # noqa: E402
from chainer.memory.likeness import Likeness, compare_people  # noqa: E402
from chainer.memory.observation import Observation, Still, World  # noqa: E402
from chainer.memory.people import CastBox, find_people  # noqa: E402
from chainer.memory.policy import FacePolicy, Thresholds  # noqa: E402
from chainer.memory.recall import remember_people  # noqa: E402
from chainer.memory.report import JointClass  # noqa: E402
from chainer.memory.world import difference, thumb_of  # noqa: E402

MODELS = {"no models": FacePolicy(enabled=False), "YuNet": READ, "dlib": FacePolicy()}
WORLD = World(0, 0, (0, 0), (0, 0), (0, 0, 0), (0, 0, 0), (), 0, 0, 0)


@dataclass(frozen=True)
class Way:
    """What is known of a joint. `where` the box is declared: both, first, second, cast, nobody.

    `cast`: the character is named in both clips without a box; `nobody`: no cast at all.
    """

    models: str
    where: str
    shape: str = "whole"
    at: str = "start"

    def __str__(self) -> str:
        if self.where in {"cast", "nobody"}:
            return f"{self.models}, {self.where}"
        return f"{self.models}, {self.where}, {self.shape} at {self.at}"


PLAIN = [Way(m, w) for m in ("no models", "YuNet") for w in ("both", "first", "second")]
FACED = [Way("YuNet", "cast"), Way("YuNet", "nobody")]
DEFAULT = [Way("dlib", "both"), Way("dlib", "first"), Way("dlib", "cast")]
SHAPES = [
    Way(models, where, shape, at)
    for models in ("no models", "YuNet")
    for where in ("both", "first", "second")
    for shape, at in (("upper", "start"), ("face", "start"), ("whole", "middle"), ("whole", "end"))
]


class _Read:
    """A reader that reads each picture once."""

    def __init__(self, reader: FaceReader) -> None:
        self._reader = reader
        self._faces: dict[int, Any] = {}
        self._vectors: dict[Any, Any] = {}

    @property
    def tells_apart(self) -> bool:
        return self._reader.tells_apart

    def faces(self, pixels: np.ndarray) -> Any:
        key = hash(pixels.tobytes())
        if key not in self._faces:
            self._faces[key] = self._reader.faces(pixels)
        return self._faces[key]

    def descriptor(self, pixels: np.ndarray, face: Any) -> Any:
        key = hash(pixels.tobytes()), face.box
        if key not in self._vectors:
            self._vectors[key] = self._reader.descriptor(pixels, face)
        return self._vectors[key]


_READERS: dict[str, Any] = {}
_OBSERVED: dict[Any, tuple[Samples, Observation]] = {}
"""The samples are kept too, so that no other picture gets their id."""


def _reader(policy: FacePolicy) -> Any:
    key = policy.model_dump_json()
    if key not in _READERS:
        reader = load_faces(policy)
        _READERS[key] = None if reader is None else _Read(reader)
    return _READERS[key]


people_module.load_faces = _reader


def observed(samples: Samples, cast: list[CastBox], faces: FacePolicy, key: str) -> Observation:
    """An observation with all that comparing people needs; made once for the same pictures."""
    mark = (tuple(id(one.pixels) for one in samples), tuple(cast), faces.model_dump_json(), key)
    if mark not in _OBSERVED:
        if len(_OBSERVED) > 160:
            _OBSERVED.clear()
        _OBSERVED[mark] = samples, _observed(samples, cast, faces, key)
    return _OBSERVED[mark][1]


def _observed(samples: Samples, cast: list[CastBox], faces: FacePolicy, key: str) -> Observation:
    small = []
    for one in samples:
        scale = 192 / max(one.pixels.shape[:2])
        small.append(
            Still(one.seconds, cv2.resize(one.pixels, None, fx=scale, fy=scale, interpolation=3))
        )
    height, width = samples[0].pixels.shape[:2]
    none = np.zeros((0, 1, 1), np.uint8)
    found = find_people(samples, cast, {}, faces)
    return Observation(
        key=key,
        seconds=samples[-1].seconds + Fraction(1, 30),
        fps=Fraction(30),
        width=width,
        height=height,
        head=none,
        tail=none,
        stills=tuple(small),
        world=WORLD,
        sound=None,
        sightings=found.sightings,
        notes=found.notes,
    )


def kind_of(before: Samples, after: Samples) -> JointClass:
    """The class of a joint, as the memory decides it."""
    limits = Thresholds()
    value = difference(thumb_of(before[-1].pixels), thumb_of(after[0].pixels))
    if value < limits.seamless:
        return JointClass.SEAMLESS
    return JointClass.SAME_SETUP if value < limits.same_setup else JointClass.NEW_SETUP


def casts(joint: Joint, way: Way) -> tuple[list[CastBox], list[CastBox]] | None:
    """The casts of both clips; None where nobody could draw the box, or the people come and go."""
    if way.where == "nobody":
        return [], []
    if joint.clips[0] in THINGS:
        if way.where == "cast":
            return None
        seconds = [{"start": 0, "middle": len(s) // 2, "end": -1}[way.at] for s in (joint.before,)]
        middle = CastBox("p0", (0.25, 0.25, 0.5, 0.5), joint.before[seconds[0]].seconds)
        # Only the first can be drawn: nobody knows where a toy is later.
        return ([middle], [CastBox("p0", None, Fraction(0))]) if way.where == "first" else None
    drawn = [boxes(one, way.shape, way.at) for one in (joint.before, joint.after)]
    if not drawn[0] or (joint.declared and len(drawn[0]) != len(drawn[1])):
        return None
    if joint.truth is not None and len(drawn[1]) != 1 and way.where in {"cast", "nobody"}:
        return None
    found = []
    for number, part in enumerate(drawn):
        blank = [CastBox(one.character, None, Fraction(0)) for one in part]
        found.append(part if way.where in ("both", ("first", "second")[number]) else blank)
    return found[0], found[1] if joint.declared else []


def judged(joint: Joint, way: Way) -> tuple[Likeness, JointClass] | None:
    """The joint compared; None where it cannot be known in this way."""
    both = casts(joint, way)
    if both is None:
        return None
    faces = MODELS[way.models]
    before = observed(joint.before, both[0], faces, "a" * 64)
    after = observed(joint.after, both[1], faces, "b" * 64)
    kind = kind_of(joint.before, joint.after)
    names = [list(dict.fromkeys(one.character for one in cast)) for cast in both]
    first = compare_people((), None, before, names[0], thresholds=Thresholds(), faces=faces)
    states = remember_people((), before, first.people, "a", {})
    limits = {"thresholds": Thresholds(), "faces": faces, "kind": kind}
    return compare_people(states, before, after, names[1], **limits), kind


Cases = dict[str, tuple[Callable[[], Iterator[Joint]], list[Way]]]


def cases(half: str) -> Cases:
    """What is tried with the clips of a half, and in which ways."""
    names = list({"tuning": TUNING, "held": HELD, "all": {**TUNING, **HELD}}[half])
    rest = list(TUNING) if half == "held" else []
    pairs = swap_pairs(names, rest)
    things = THINGS if half != "tuning" else []
    blind = [one for one in PLAIN if one.models == "no models"]
    return {
        "continuation": (lambda: continuations(names), [*PLAIN, *FACED, *DEFAULT]),
        "continuation, other boxes": (lambda: continuations(names), SHAPES),
        "continuation, things": (lambda: continuations(things), blind),
        "other light": (lambda: lights(names), [PLAIN[0], PLAIN[1], PLAIN[4], *FACED]),
        "elsewhere": (lambda: elsewhere(names), [PLAIN[1], PLAIN[4], *FACED]),
        "swap": (lambda: swaps(pairs), [*PLAIN, *FACED, *DEFAULT]),
        "swap, other boxes": (lambda: swaps(pairs), SHAPES),
        "other clothes": (lambda: wardrobes(names), [*PLAIN, Way("YuNet", "cast")]),
    }


def run(joints: Iterable[Joint], ways: list[Way], *, loud: bool = False) -> dict[Way, Counter[str]]:
    """Counts of joints by what was flagged: `joints`, `right`, and each flag's name."""
    counts: dict[Way, Counter[str]] = {way: Counter() for way in ways}
    for joint in joints:
        for way in ways:
            done = judged(joint, way)
            if done is None:
                continue
            found, kind = done
            flags = {finding.flag for finding in found.findings if finding.counts}
            right = joint.truth in flags if joint.truth else not flags
            counts[way]["joints"] += 1
            counts[way]["right"] += right
            counts[way].update(flag.value for flag in flags)
            if loud and not right:
                shown = " ".join(f"{n}={m.value:.2f}" for n, m in found.measures)
                named = ",".join(flag.value for flag in sorted(flags)) or "nothing"
                print(f"   {way}: {joint.name} [{kind.value}] {named} {shown}", flush=True)
    return counts


def _auc(same: list[float], other: list[float]) -> float:
    ranks = np.searchsorted(np.sort(same), other, side="left") / len(same)
    return float(np.mean(ranks))


def areas(names: Iterable[str]) -> dict[str, tuple[float, int, int]]:
    """Area under the curve of each distance between the same and other people, with pair counts.

    Of faces of 48 pixels and more.
    """
    reader = _reader(READ)
    seen = []
    for name in names:
        who = {**TUNING, **HELD}[name]
        for sample in clip(name)[::6]:
            for face in people_of(sample.pixels, 48):
                side = ("left" if face.box[0] < 0.4 else "right") if who == "couple" else ""
                if who.startswith("robot") and face.box[0] < 0.4:
                    continue  # the robot's mask
                look = describe(sample.pixels, person_of_face(face.box), face.box)
                seen.append((who + side, name, reader.descriptor(sample.pixels, face), look))
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for n, one in enumerate(seen):
        for two in seen[:n]:
            other = one[0] != two[0]
            found["face"][other].append(face_distance(one[2], two[2]) or 0.0)
            for word, a, b in (
                ("texture", one[3].texture, two[3].texture),
                ("torso", one[3].torso, two[3].torso),
            ):
                if a is not None and b is not None:
                    found[word][other].append(apart(a, b) or 0.0)
                    if word == "torso":
                        found["torso, any light"][other].append(
                            least_apart(one[3], two[3], reach=0.9) or 0.0
                        )
    return {word: (_auc(*pair), len(pair[0]), len(pair[1])) for word, pair in found.items()}


GOALS = {
    "continuation": ("at most", 0.03),
    "continuation, other boxes": ("at most", 0.03),
    "continuation, things": ("at most", 0.03),
    "other light": ("at most", 0.03),
    "elsewhere": ("at most", 0.03),
    "swap": ("at least", 0.98),
    "swap, other boxes": ("at least", 0.98),
    "other clothes": ("at least", 0.95),
}


def rows(quick: bool = False) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002
    """One row a figure, of people whom no constant was chosen on: name, reached, goal, count.

    `quick` leaves out the boxes drawn in other ways and every other joint.
    """
    cv2.setNumThreads(1)
    found: list[dict[str, Any]] = []
    for case, (joints, ways) in cases("held").items():
        if quick and "other boxes" in case:
            continue
        made = [one for n, one in enumerate(joints()) if not quick or n % 2 == 0]
        for way, count in run(made, ways).items():
            if count["joints"]:
                word, goal = GOALS[case]
                share = count["right"] / count["joints"]
                reached = share if word == "at least" else 1 - share
                name = f"{case} ({way})"
                found.append(_row(name, reached, word, goal, count["joints"]))
    for word, (area, same, other) in areas(HELD).items():
        if word == "face":
            found.append(_row("AUC of faces of 48 px", area, "at least", 0.99, same + other))
    return found


def _row(name: str, reached: float, word: str, goal: float, count: int) -> dict[str, Any]:
    met = reached >= goal if word == "at least" else reached <= goal
    return {
        "name": name,
        "reached": round(reached, 4),
        "goal": f"{word} {goal:g}",
        "met": met,
        "count": count,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tuning", "held", "all"), default="held")
    parser.add_argument("--loud", action="store_true", help="name the joints judged wrongly")
    parser.add_argument("--quick", action="store_true", help="every fourth joint")
    parser.add_argument("--case", choices=list(GOALS))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print("| joints | what is known | n | right | identity | wardrobe | missing |")
    print("|---|---|---|---|---|---|---|")
    for case, (joints, ways) in cases(args.half).items():
        if args.case not in {None, case}:
            continue
        made = (one for n, one in enumerate(joints()) if not args.quick or n % 4 == 0)
        for way, found in run(made, ways, loud=args.loud).items():
            if count := found["joints"]:
                shares = " | ".join(
                    f"{100 * found[key] / count:.1f} %"
                    for key in ("right", "identity", "wardrobe", "missing")
                )
                print(f"| {case} | {way} | {count} | {shares} |", flush=True)
    if not args.case:
        names = {"tuning": TUNING, "held": HELD, "all": {**TUNING, **HELD}}[args.half]
        for word, (area, same, other) in areas(names).items():
            print(f"| AUC {word} | same {same}, other {other} | | {area:.4f} | | | |")


if __name__ == "__main__":
    main()
