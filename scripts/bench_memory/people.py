"""How well the memory tells who is in a clip: swaps, new clothes, true continuations, faces.

    python scripts/bench_memory/people.py [--half 0|1]

Joints are made of real clips (CHAINER_MEDIA, default ../shared/media): a shot cut in two, one
person's end before another's start in the same room, the second half with other clothes or light.
Boxes come from the YuNet model at CHAINER_YUNET (default ../shared/models). Deterministic.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from chainer.memory.appearance import apart, describe, least_apart, person_of_face  # noqa: E402
from chainer.memory.faces import face_distance, load_faces  # noqa: E402
from chainer.memory.likeness import Likeness, compare_people  # noqa: E402
from chainer.memory.observation import Observation, Sample, Still, World  # noqa: E402
from chainer.memory.people import CastBox, find_people  # noqa: E402
from chainer.memory.policy import FacePolicy, Thresholds  # noqa: E402
from chainer.memory.recall import remember_people  # noqa: E402
from chainer.memory.report import Flag, JointClass  # noqa: E402
from chainer.memory.world import difference, thumb_of  # noqa: E402

MEDIA = Path(os.environ.get("CHAINER_MEDIA", ROOT.parent / "shared" / "media"))
YUNET = Path(
    os.environ.get("CHAINER_YUNET", ROOT.parent / "shared" / "models" / "yunet_s_640_640.onnx")
)
READ = FacePolicy(detector_model=YUNET)
BLIND = FacePolicy(enabled=False)
PEOPLE = [
    "asl_dark_1.mp4",
    "asl_skull_1.mp4",
    "asl_skull_2.mp4",
    "asl_yellow_1.mp4",
    "asl_yellow_2.mp4",
    "asl_yellow_2_drift.mp4",
    "asl_skull_2_land.mkv",
    "ovi_blonde_v_hevc.mp4",
    "ovi_couple_v.mp4",
    "ovi_green_v.mp4",
    "ovi_priest_land.mp4",
    "ovi_priest_v_hevc.mp4",
    "ovi_robot_take1_hevc.mp4",
    "ovi_robot_take2.mp4",
    "streamio_desk_datastream.mp4",
    "streamio_sign_vfr.mov",
]
ROOM = ["asl_dark_1.mp4", "asl_skull_1.mp4", "asl_yellow_1.mp4"]
STEP = Fraction(1, 4)
WORLD = World(0, 0, (0, 0), (0, 0), (0, 0, 0), (0, 0, 0), (), 0, 0, 0)

Samples = list[Sample]

_OBSERVED: dict[tuple, tuple[Samples, Observation]] = {}
"""The samples are kept too, so that no other picture gets their id."""


class Mode:
    """What is known: faces are read or not, boxes are declared in the first clip or in both."""

    FACE = "face known"
    BOX = "box in the first clip"
    BOXES = "box in both clips"
    ALL = (FACE, BOX, BOXES)


@dataclass(frozen=True, eq=False)
class Joint:
    """Two pieces and what should be found: a flag, or None for a true continuation."""

    name: str
    clip: str
    before: Samples
    after: Samples
    truth: Flag | None


@cache
def clip(name: str) -> tuple[Sample, ...]:
    """The clip four times a second, long side at most 1280."""
    found: Samples = []
    with av.open(str(MEDIA / "dev" / name)) as container:
        due = Fraction(0)
        for frame in container.decode(container.streams.video[0]):
            at = Fraction(frame.pts or 0) * Fraction(frame.time_base)
            if at >= due:
                due += STEP
                pixels = frame.to_ndarray(format="bgr24")
                scale = 1280 / max(pixels.shape[:2])
                if scale < 1:
                    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=3)
                found.append(Sample(at, pixels))
    return tuple(found)


@cache
def _faces_at(name: str, number: int):
    return load_faces(READ).faces(clip(name)[number].pixels)


def piece(samples: Iterable[Sample], change: Callable[[np.ndarray], np.ndarray] | None = None):
    """Samples with times from 0, about two a second, first and last among them."""
    samples = list(samples)
    kept = sorted({*range(0, len(samples), 2), len(samples) - 1})
    start = samples[0].seconds
    return [
        Sample(
            samples[n].seconds - start, change(samples[n].pixels) if change else samples[n].pixels
        )
        for n in kept
    ]


def observed(samples: Samples, cast: list[CastBox], faces: FacePolicy, key: str) -> Observation:
    """An observation with all that comparing people needs; made once for the same pictures."""
    mark = (tuple(id(one.pixels) for one in samples), tuple(cast), faces.enabled, key)
    if mark not in _OBSERVED:
        if len(_OBSERVED) > 80:
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
        sightings=find_people(samples, cast, {}, faces).sightings,
    )


def boxes(samples: Samples, *, last: bool = False) -> list[CastBox]:
    """Declared boxes of the people in a piece: where their faces are first (or last) seen."""
    reader = load_faces(READ)
    for one in reversed(samples) if last else samples:
        faces = [f for f in reader.faces(one.pixels) if f.width >= 40]
        if faces:
            faces.sort(key=lambda f: f.box[0])
            return [
                CastBox(f"p{n}", person_of_face(f.box), one.seconds) for n, f in enumerate(faces)
            ]
    return []


def kind_of(before: Samples, after: Samples) -> JointClass:
    """The class of a joint, as the memory decides it."""
    limits = Thresholds()
    value = difference(thumb_of(before[-1].pixels), thumb_of(after[0].pixels))
    if value < limits.seamless:
        return JointClass.SEAMLESS
    return JointClass.SAME_SETUP if value < limits.same_setup else JointClass.NEW_SETUP


def judged(joint: Joint, mode: str) -> tuple[Likeness, JointClass] | None:
    """The joint compared; None where nobody can be declared in the first clip."""
    faces = READ if mode == Mode.FACE else BLIND
    cast = boxes(joint.before)
    if not cast:
        return None
    later = boxes(joint.after) if mode == Mode.BOXES else []
    if mode == Mode.BOXES and len(later) != len(cast):
        return None
    before = observed(joint.before, cast, faces, "a" * 64)
    after = observed(joint.after, later, faces, "b" * 64)
    kind = kind_of(joint.before, joint.after)
    first = compare_people((), None, before, ["p0"], thresholds=Thresholds(), faces=faces)
    states = remember_people((), before, first.people, "a", {})
    limits = {"thresholds": Thresholds(), "faces": faces, "kind": kind}
    declared = [one.character for one in later]
    return compare_people(states, before, after, declared, **limits), kind


def continuations(names: Iterable[str]) -> Iterator[Joint]:
    """Clips cut in two, nothing lost or one second lost, and clips that go on in the next file."""
    for name in names:
        shot = clip(name)
        for share in (0.3, 0.45, 0.6, 0.75):
            cut = round(share * len(shot))
            for gap in (0, 4):
                if cut >= 4 and len(shot) - cut - gap >= 4:
                    yield Joint(f"{name}@{share}+{gap}", name, shot[:cut], shot[cut + gap :], None)
    for one, two in (
        ("asl_skull_1.mp4", "asl_skull_2.mp4"),
        ("asl_yellow_1.mp4", "asl_yellow_2.mp4"),
        ("asl_yellow_1.mp4", "asl_yellow_2_drift.mp4"),
    ):
        if one in names:
            yield Joint(f"{one}->{two}", one, clip(one), clip(two), None)


def swaps(names: Iterable[str]) -> Iterator[Joint]:
    """One person's clip up to a cut, another's from a cut on, in the same room."""
    here = [n for n in (*ROOM, "asl_skull_2.mp4", "asl_yellow_2.mp4") if n in names]
    for one in here:
        for two in here:
            if one.split("_")[1] == two.split("_")[1]:
                continue
            for share in (0.4, 0.55, 0.7, 1.0):
                for start in (0.0, 0.25, 0.5):
                    end = round(share * len(clip(one)))
                    begin = round(start * len(clip(two)))
                    yield Joint(
                        f"{one}@{share}->{two}@{start}",
                        one,
                        clip(one)[:end],
                        clip(two)[begin:],
                        Flag.IDENTITY,
                    )


def recoloured(name: str, number: int, turn: int) -> np.ndarray:
    """A frame in which the clothes below the face have another colour."""
    pixels = clip(name)[number].pixels
    order = sorted(range(len(clip(name))), key=lambda n: abs(n - number))
    face = next((f[0] for f in (_faces_at(name, n) for n in order) if f), None)
    if face is None:
        return pixels
    height, width = pixels.shape[:2]
    x, y, w, h = face.box
    left, right = max(0, int((x - 1.1 * w) * width)), int((x + 2.1 * w) * width)
    top, bottom = int((y + 1.25 * h) * height), int((y + 4.6 * h) * height)
    part = pixels[top:bottom, left:right]
    if not part.size:
        return pixels
    mask = np.zeros(part.shape[:2], np.float32)
    edge = max(2, int(0.05 * w * width))
    mask[edge:-edge, edge:-edge] = 1.0
    lab = cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    body = lab[mask > 0]
    main = np.median(body, axis=0)
    near = np.exp(-(((lab - main) / np.array([25, 14, 14])) ** 2).sum(axis=2) / 2)
    mask = cv2.GaussianBlur(mask * np.clip(near * 2.5, 0, 1).astype(np.float32), (0, 0), 3)
    new = lab.copy()
    chroma = np.hypot(main[1], main[2])
    if chroma > 15:
        angle = np.deg2rad(turn)
        new[..., 1] = lab[..., 1] * np.cos(angle) - lab[..., 2] * np.sin(angle)
        new[..., 2] = lab[..., 1] * np.sin(angle) + lab[..., 2] * np.cos(angle)
    else:
        # Black and grey have no hue to turn: they are dyed.
        angle = np.deg2rad(turn * 2)
        new[..., 0] = np.clip(lab[..., 0] * 0.7 + 22, 0, 100)
        new[..., 1] = lab[..., 1] + 38 * np.cos(angle)
        new[..., 2] = lab[..., 2] + 38 * np.sin(angle)
    changed = cv2.cvtColor(lab + (new - lab) * mask[..., None], cv2.COLOR_LAB2BGR)
    out = pixels.copy()
    out[top:bottom, left:right] = (np.clip(changed, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out


def wardrobes(names: Iterable[str]) -> Iterator[Joint]:
    """The second half of a shot with the clothes in another colour."""
    for name in names:
        shot = clip(name)
        for share in (0.4, 0.6):
            cut = round(share * len(shot))
            for turn in (60, 120, 180):
                after = [
                    Sample(s.seconds, recoloured(name, n, turn))
                    for n, s in enumerate(shot)
                    if n >= cut
                ]
                yield Joint(f"{name}@{share} {turn}", name, shot[:cut], after, Flag.WARDROBE)


def lit(pixels: np.ndarray, ev: float, warm: float) -> np.ndarray:
    """A frame under another exposure and white balance, both log2."""
    linear = (pixels.astype(np.float32) / 255) ** 2.2
    linear *= np.exp2(np.array([ev - warm / 2, ev, ev + warm / 2], np.float32))
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def lights(names: Iterable[str]) -> Iterator[Joint]:
    """The second half of a shot in another light: nobody has changed."""
    for name in names:
        shot = clip(name)
        cut = len(shot) // 2
        for ev, warm in (
            (0.3, 0),
            (-0.3, 0),
            (0.6, 0),
            (-0.6, 0),
            (0, 0.1),
            (0, -0.1),
            (0, 0.2),
            (0, -0.2),
        ):
            after = [Sample(s.seconds, lit(s.pixels, ev, warm)) for s in shot[cut:]]
            yield Joint(f"{name} ev{ev:+} wb{warm:+}", name, shot[:cut], after, None)


LIGHTS = [(n, 0.0) for n in (0.3, -0.3, 0.6, -0.6)] + [(0.0, n) for n in (0.1, -0.1, 0.2, -0.2)]

CASES = {
    "continuation": continuations,
    "other light": lights,
    "swap": swaps,
    "other clothes": wardrobes,
}


def run(case: str, mode: str, names: list[str], *, loud: bool = False) -> Counter[str]:
    """Counts of joints by what was flagged: `joints`, `right`, and each flag's name."""
    counts: Counter[str] = Counter()
    for joint in CASES[case](names):
        cut = Joint(joint.name, joint.clip, piece(joint.before), piece(joint.after), joint.truth)
        done = judged(cut, mode)
        if done is None or (joint.truth is Flag.WARDROBE and not boxes(cut.after)[:1]):
            continue
        found, kind = done
        flags = {finding.flag for finding in found.findings}
        counts["joints"] += 1
        counts[kind.value] += 1
        counts["any"] += bool(flags)
        right = joint.truth in flags if joint.truth else not flags
        counts["right"] += right
        counts.update(flag.value for flag in flags)
        if loud and not right:
            shown = " ".join(f"{n}={m.value:.2f}" for n, m in found.measures)
            print(f"   {mode}: {joint.name} [{kind.value}] {sorted(flags)} {shown}", flush=True)
    return counts


def _auc(same: list[float], other: list[float]) -> float:
    ranks = np.searchsorted(np.sort(same), other, side="left") / len(same)
    return float(np.mean(ranks))


def areas() -> dict[str, tuple[float, int, int]]:
    """Area under the curve of each distance between the same and other people, with pair counts."""
    reader = load_faces(READ)
    rows = []
    for name in PEOPLE:
        who = "_".join(name.split("_")[:2])
        for sample in clip(name)[::6]:
            faces = reader.faces(sample.pixels)
            for face in faces:
                side = ("L" if face.box[0] < 0.4 else "R") if "couple" in name else ""
                if face.width < 48:
                    continue
                look = describe(sample.pixels, person_of_face(face.box), face.box)
                vector = reader.descriptor(sample.pixels, face)
                rows.append((who + side, name, vector, look))
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for n, one in enumerate(rows):
        for two in rows[:n]:
            if one[0].startswith("ovi_robot") and two[0] == one[0] and one[1] != two[1]:
                continue
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
                            least_apart(one[3], two[3], reach=0.9)
                        )
    return {word: (_auc(*pair), len(pair[0]), len(pair[1])) for word, pair in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, choices=(0, 1), help="every other clip only")
    parser.add_argument("--loud", action="store_true", help="name the joints judged wrongly")
    parser.add_argument("--case", choices=list(CASES))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    names = PEOPLE if args.half is None else PEOPLE[args.half :: 2]
    print("| joints | what is known | n | right | identity | wardrobe | missing |")
    print("|---|---|---|---|---|---|---|")
    for case in [args.case] if args.case else CASES:
        for mode in Mode.ALL:
            found = run(case, mode, names if case != "swap" else PEOPLE, loud=args.loud)
            count = max(1, found["joints"])
            shares = " | ".join(
                f"{100 * found[key] / count:.1f} %"
                for key in ("right", "identity", "wardrobe", "missing")
            )
            print(f"| {case} | {mode} | {found['joints']} | {shares} |", flush=True)
    if not args.case:
        for word, (area, same, other) in areas().items():
            print(f"| AUC {word} | same {same}, other {other} | | {area:.4f} | | | |")


if __name__ == "__main__":
    main()
