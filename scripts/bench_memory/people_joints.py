"""Joints of people, made of real clips: swaps, new clothes, other light, true continuations.

Boxes of people come from the YuNet model at CHAINER_YUNET (default ../shared/models); figures are
cut out by GrabCut (Rother et al., 2004), so that clothes can be dyed. Deterministic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from chainer.memory.appearance import Box, inside, person_of_face
from chainer.memory.faces import Face, load_faces
from chainer.memory.observation import Sample
from chainer.memory.people import CastBox
from chainer.memory.policy import FacePolicy
from chainer.memory.report import Flag

SHARED = Path(__file__).resolve().parents[3] / "shared"
MEDIA = Path(os.environ.get("CHAINER_MEDIA", SHARED / "media"))
YUNET = Path(os.environ.get("CHAINER_YUNET", SHARED / "models" / "yunet_s_640_640.onnx"))
READ = FacePolicy(detector_model=YUNET)
STEP = Fraction(1, 4)

TUNING = {
    "asl_skull_1.mp4": "skull",
    "asl_skull_2.mp4": "skull",
    "asl_skull_2_land.mkv": "skull",
    "asl_dark_1.mp4": "dark",
    "ovi_priest_land.mp4": "priest",
    "ovi_priest_v_hevc.mp4": "priest",
    "ovi_green_v.mp4": "green",
    "streamio_desk_datastream.mp4": "desk",
}
"""Clips that constants were chosen on, with who is in them; nobody is in both halves."""

HELD = {
    "asl_yellow_1.mp4": "yellow",
    "asl_yellow_2.mp4": "yellow",
    "asl_yellow_2_drift.mp4": "yellow",
    "ovi_blonde_v_hevc.mp4": "blonde",
    "ovi_couple_v.mp4": "couple",
    "ovi_robot_take1_hevc.mp4": "robot 1",
    "ovi_robot_take2.mp4": "robot 2",
    "streamio_sign_vfr.mov": "sign",
}
"""Clips that were only measured."""

ROOM = {
    "asl_dark_1.mp4",
    "asl_skull_1.mp4",
    "asl_skull_2.mp4",
    "asl_yellow_1.mp4",
    "asl_yellow_2.mp4",
}
THINGS = ["bbb_2_vp9.webm", "toy_frog_v_60fps.mp4", "toy_monster.mp4", "toy_pig_v.mp4"]
"""Clips without a face; what is in the middle has a box."""

ORDERED = (
    ("asl_skull_1.mp4", "asl_skull_2.mp4"),
    ("asl_yellow_1.mp4", "asl_yellow_2.mp4"),
    ("asl_yellow_1.mp4", "asl_yellow_2_drift.mp4"),
)
LIGHTS = [(n, 0.0) for n in (0.3, -0.3, 0.6, -0.6)] + [(0.0, n) for n in (0.1, -0.1, 0.2, -0.2)]

Samples = list[Sample]


@dataclass(frozen=True, eq=False)
class Joint:
    """Two pieces and what should be found between them: a flag, or None for nothing.

    `declared` is False where the new clip's cast does not name the old one's people.
    """

    name: str
    clips: tuple[str, str]
    before: Samples
    after: Samples
    truth: Flag | None
    declared: bool = True


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


def people_of(pixels: np.ndarray, least: int = 40) -> list[Face]:
    """Faces of a picture from left to right."""
    return sorted((f for f in _faces(pixels) if f.width >= least), key=lambda f: f.box[0])


def _faces(pixels: np.ndarray) -> tuple[Face, ...]:
    return _faces_of(pixels.tobytes(), pixels.shape)


@lru_cache(maxsize=4096)
def _faces_of(data: bytes, shape: tuple[int, ...]) -> tuple[Face, ...]:
    reader = load_faces(READ)
    assert reader is not None
    return reader.faces(np.frombuffer(data, np.uint8).reshape(shape))


def boxes(samples: Samples, shape: str = "whole", at: str = "start") -> list[CastBox]:
    """Declared boxes of the people in a piece, at the sample nearest to `at` that shows faces."""
    wanted = {"start": 0, "middle": len(samples) // 2, "end": len(samples) - 1}[at]
    for n in sorted(range(len(samples)), key=lambda n: abs(n - wanted)):
        faces = people_of(samples[n].pixels)
        if faces:
            return [
                CastBox(f"p{k}", box_of(f.box, shape), samples[n].seconds)
                for k, f in enumerate(faces)
            ]
    return []


def box_of(face: Box, shape: str) -> Box:
    """A box around a face as somebody would draw it: of the whole person, upper body or face."""
    x, y, w, h = face
    if shape == "face":
        return inside((x - 0.1 * w, y - 0.1 * h, 1.2 * w, 1.2 * h))
    if shape == "upper":
        return inside((x - 1.0 * w, y - 0.5 * h, 3.0 * w, 3.6 * h))
    return person_of_face(face)


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


def continuations(names: Iterable[str]) -> Iterator[Joint]:
    """Clips cut in two, nothing lost or one second lost, and clips that go on in the next file."""
    for name in names:
        shot = clip(name)
        for share in (0.3, 0.45, 0.6, 0.75):
            cut = round(share * len(shot))
            for gap in (0, 4):
                if cut >= 4 and len(shot) - cut - gap >= 4:
                    before, after = piece(shot[:cut]), piece(shot[cut + gap :])
                    yield Joint(f"{name}@{share}+{gap}", (name, name), before, after, None)
    for one, two in ORDERED:
        if one in names:
            before, after = piece(clip(one)), piece(clip(two))
            yield Joint(f"{one}->{two}", (one, two), before, after, None)


def lights(names: Iterable[str]) -> Iterator[Joint]:
    """The second half of a shot in another light: nobody has changed."""
    for name in names:
        shot = clip(name)
        cut = len(shot) // 2
        for ev, warm in LIGHTS:
            after = piece(shot[cut:], lambda pixels, ev=ev, warm=warm: lit(pixels, ev, warm))
            yield Joint(f"{name} ev{ev:+} wb{warm:+}", (name, name), piece(shot[:cut]), after, None)


def lit(pixels: np.ndarray, ev: float, warm: float) -> np.ndarray:
    """A frame under another exposure and white balance, both log2."""
    linear = (pixels.astype(np.float32) / 255) ** 2.2
    linear *= np.exp2(np.array([ev - warm / 2, ev, ev + warm / 2], np.float32))
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def swaps(pairs: Iterable[tuple[str, str]]) -> Iterator[Joint]:
    """One person's clip up to a cut, another's from a cut on, in the same room."""
    for one, two in pairs:
        for share, start in ((0.4, 0.0), (0.55, 0.5), (0.7, 0.25), (1.0, 0.0), (1.0, 0.5)):
            before = piece(clip(one)[: round(share * len(clip(one)))])
            after = piece(clip(two)[round(start * len(clip(two))) :])
            name = f"{one}@{share}->{two}@{start}"
            yield Joint(name, (one, two), before, after, Flag.IDENTITY)


def swap_pairs(names: Iterable[str], rest: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Pairs of two people in one room; of `names` alone, or between them and `rest` both ways."""
    who = {**TUNING, **HELD}
    here = [n for n in names if n in ROOM]
    there = [n for n in rest if n in ROOM]
    pairs = [(a, b) for a in here for b in here] + [(a, b) for a in here for b in there]
    pairs += [(b, a) for a in here for b in there]
    return [(a, b) for a, b in pairs if who[a] != who[b]]


def elsewhere(names: list[str]) -> Iterator[Joint]:
    """Another room with other people, whom nobody says to be the old ones."""
    rooms = [n for n in names if n not in ROOM or n.endswith("_1.mp4")]
    for n, one in enumerate(rooms):
        two = rooms[(n + 1) % len(rooms)]
        if not {one, two} <= ROOM and {**TUNING, **HELD}[one] != {**TUNING, **HELD}[two]:
            for way in ((one, two), (two, one)):
                before, after = (piece(clip(name)) for name in way)
                yield Joint("->".join(way), way, before, after, None, declared=False)


def wardrobes(names: Iterable[str]) -> Iterator[Joint]:
    """The second half of a shot with the clothes in another colour."""
    for name in names:
        shot = clip(name)
        for share in (0.4, 0.6):
            cut = round(share * len(shot))
            kept = sorted({*range(cut, len(shot), 2), len(shot) - 1})
            if not _clothes_near(name, cut) or not all(
                clothes(name, n).mean() > 0.03 for n in kept if n < cut + 8
            ):
                continue
            for turn in (60, 120, 180):
                after = [
                    Sample(shot[n].seconds - shot[cut].seconds, recoloured(name, n, turn))
                    for n in kept
                ]
                yield Joint(
                    f"{name}@{share} {turn}",
                    (name, name),
                    piece(shot[:cut]),
                    after,
                    Flag.WARDROBE,
                )


def _clothes_near(name: str, cut: int) -> bool:
    """Whether a face and clothes are seen within half a second on both sides of a cut."""
    shot = clip(name)
    for near in (range(max(0, cut - 2), cut), range(cut, min(len(shot), cut + 3))):
        if not any(people_of(shot[n].pixels) and clothes(name, n).mean() > 0.03 for n in near):
            return False
    return True


@cache
def clothes(name: str, number: int) -> np.ndarray:
    """How much of each pixel is the first person's clothes: float32 [h, w], at 320 pixels."""
    pixels = clip(name)[number].pixels
    scale = 320 / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    empty = np.zeros(small.shape[:2], np.float32)
    faces = _faces_near(name, number)
    if not faces:
        return empty
    height, width = small.shape[:2]
    x, y, w, h = faces[0].box
    x, w, y, h = x * width, w * width, y * height, h * height
    yaw = faces[0].yaw
    mask = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)

    def fill(left: float, top: float, right: float, bottom: float, kind: int) -> None:
        mask[max(0, int(top)) : int(bottom), max(0, int(left)) : max(0, int(right))] = kind

    # A profile's body lies behind the face, a front's below it.
    middle = x + w / 2 - (1.2 * w * np.sign(yaw) if abs(yaw) > 0.15 else 0)
    reach = 1.5 if abs(yaw) > 0.15 else 0.6
    fill(middle - (1.5 + reach) * w, y - 0.6 * h, middle + (1.5 + reach) * w, height, cv2.GC_PR_BGD)
    fill(middle - 1.3 * w, y + 1.3 * h, middle + 1.3 * w, y + 5 * h, cv2.GC_PR_FGD)
    fill(middle - 0.5 * w, y + 1.8 * h, middle + 0.5 * w, y + 3.5 * h, cv2.GC_FGD)
    fill(x, y, x + w, y + h, cv2.GC_FGD)
    if not (mask == cv2.GC_FGD).any():
        return empty
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, mask, None, *models, 5, cv2.GC_INIT_WITH_MASK)
    figure = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    inner = lab[int(y + 0.4 * h) : int(y + 0.8 * h), int(x + 0.3 * w) : int(x + 0.7 * w)]
    skin = np.median(inner.reshape(-1, 3), axis=0) if inner.size else np.array([60, 15, 18])
    bare = np.linalg.norm((lab - skin) / np.array([22, 6, 6]), axis=2) < 1
    figure[: max(0, int(y + 1.2 * h))] = False
    figure &= ~bare
    figure = cv2.morphologyEx(figure.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(figure.astype(np.float32), (0, 0), 1.0)


def _faces_near(name: str, number: int) -> list[Face]:
    """The faces of a sample, or of the nearest one within half a second that has any."""
    for step in (0, -1, 1, -2, 2):
        if 0 <= number + step < len(clip(name)):
            faces = people_of(clip(name)[number + step].pixels)
            if faces:
                return faces
    return []


@cache
def recoloured(name: str, number: int, turn: int) -> np.ndarray:
    """A frame in which the first person's clothes have another colour.

    The hue is turned by `turn` degrees; cloth without a hue gets one, black a little light.
    """
    pixels = clip(name)[number].pixels
    small = clothes(name, number)
    mask = cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    angle = np.deg2rad(turn)
    new = np.empty_like(lab)
    new[..., 0] = 18 + 0.68 * lab[..., 0]
    grey = 35 * np.clip(1 - chroma / 25, 0, 1)
    new[..., 1] = lab[..., 1] * np.cos(angle) - lab[..., 2] * np.sin(angle) + grey * np.cos(angle)
    new[..., 2] = lab[..., 1] * np.sin(angle) + lab[..., 2] * np.cos(angle) + grey * np.sin(angle)
    coloured = np.clip((chroma - 15) / 15, 0, 1)
    new[..., 0] += (lab[..., 0] - new[..., 0]) * coloured
    changed = cv2.cvtColor(lab + (new - lab) * mask, cv2.COLOR_LAB2BGR)
    return (np.clip(changed, 0, 1) * 255 + 0.5).astype(np.uint8)
