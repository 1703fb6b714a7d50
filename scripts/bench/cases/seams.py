"""Seams in the sound: the film against the ideal mix, computed in floats from lossless sources.

Around every splice of AAC packets the error must be no larger than the coding noise elsewhere.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.atoms import SMALL_MARKS, generate
from bench.outcome import Goal, Outcome
from bench.scene import RATE, SAMPLES_PER_FRAME
from bench.watch import listen
from bench.workshop import (
    SMALL,
    Workshop,
    compose,
    line_edges,
    manifest,
    write_graph,
    write_settings,
)
from chainer.timebase import AAC_FRAME

_LENGTHS = [300, 300, 292, 300, 285, 300, 300, 303]
_WINDOW = RATE // 50
_CUT_FADE = 480
_EDGE = RATE // 10


@dataclass(frozen=True, slots=True)
class Seam:
    """A splice: its sample, the error around it and its largest step, each over the usual one.

    `local_ratio` is over the noisier of its two sides, 40 to 240 ms away: what the splice itself
    adds, whatever the encoder's rate control does over seconds.
    """

    at: int
    rms_ratio: float
    local_ratio: float
    step_ratio: float


def seams(shop: Workshop) -> Outcome:
    """Steady sound without silence, close to the target loudness, so that one gain is all."""
    lengths = _LENGTHS[:4] if shop.quick else _LENGTHS
    outcome = Outcome("seams", f"Seams in the sound of {len(lengths)} atoms")
    for style in ("cut", "crossfade"):
        room = shop.room(f"seams-{style}")
        write_settings(room, SMALL.model_copy(update={"audio_kbps": 160}), auto=style)
        sources, names = [], {}
        for number, length in enumerate(lengths, 1):
            samples = steady_sound(number, length * SAMPLES_PER_FRAME)
            name = f"s{number}-{length}.mov"
            size = (SMALL.width, SMALL.height)
            generate(shop, room / name, number, length, size, SMALL_MARKS, samples)
            sources.append(listen(room / name).channels.astype(np.float64))
            names[f"s{number}"] = name
        write_graph(room / "chain.json", names, line_edges(list(names)))
        shutil.rmtree(room / "store", ignore_errors=True)
        compose(room, "chain.json", "out", "--path", ",".join(names))
        _judge(outcome, style, room, sources)
    outcome.notes += [
        "Error: decoded film less the ideal mix (static gain from the manifest, equal-power fades, "
        "each sound at its planned sample). Splices: where a joint's packets begin and end.",
        "FFmpeg's AAC encoder begins every encode with 3 to 5 dB more noise and takes about two "
        "seconds to settle, so the first seconds of an atom are noisier than its end with or "
        "without a splice; the local ratio leaves that out.",
        "RMS over 20 ms around a splice, over the median of such windows elsewhere; "
        "click: the largest step of the error from sample to sample within 2 ms, over the "
        "largest steps of such windows elsewhere (99th percentile).",
    ]
    return outcome


def steady_sound(number: int, samples: int) -> Any:
    """Stereo tones and noise of even loudness at about -14 LUFS."""
    rng = np.random.default_rng(900 + number)
    t = np.arange(samples) / RATE
    noise = rng.normal(0, 1, (samples, 2))
    noise = 0.6 * noise[1:] + 0.4 * noise[:-1]
    mix = 0.25 * np.concatenate([noise, noise[-1:]])
    for tone in rng.uniform(150, 3000, 4):
        mix += np.sin(2 * np.pi * tone * t + rng.uniform(0, 6, (2, 1))).T
    return (0.107 * mix / np.std(mix)).astype(np.float32)


def _judge(outcome: Outcome, style: str, room: Path, sources: list[Any]) -> None:
    facts = manifest(room / "out")
    heard = listen(room / "out" / "episode.mp4").channels.astype(np.float64)
    ideal = ideal_mix(facts, sources)
    length = min(len(heard), len(ideal))
    error = heard[:length] - ideal[:length]
    found = measure_seams(error, splices(facts))
    limited = [bool(source["sound"]["limited"]) for source in facts["sources"]]
    normal = error[_EDGE:-_EDGE]
    signal = ideal[_EDGE : length - _EDGE]
    worst = max(found, key=lambda seam: seam.rms_ratio)
    outcome.rows.append(
        {
            "joints": style,
            "splices": len(found),
            "worst RMS ratio": round(worst.rms_ratio, 3),
            "worst RMS ratio, local": round(max(one.local_ratio for one in found), 3),
            "median RMS ratio": round(float(np.median([one.rms_ratio for one in found])), 3),
            "worst click ratio": round(max(one.step_ratio for one in found), 3),
            "noise dB": round(20 * np.log10(np.std(normal) / np.std(signal)), 2),
            "limited": sum(limited),
            "samples": len(heard),
            "expected": facts["frames"] * SAMPLES_PER_FRAME,
        }
    )
    outcome.facts[f"seams-{style}"] = [
        [s.at, s.rms_ratio, s.local_ratio, s.step_ratio] for s in found
    ]
    outcome.goals += [
        Goal(f"{style}: error at the worst splice / elsewhere", worst.rms_ratio, 1.5),
        Goal(
            f"{style}: error at the worst splice / its noisier side",
            max(s.local_ratio for s in found),
            1.5,
        ),
        Goal(
            f"{style}: click at the worst splice / elsewhere", max(s.step_ratio for s in found), 1.5
        ),
    ]


def ideal_mix(facts: dict[str, Any], sources: list[Any]) -> Any:
    """The film's sound without any coding: gain, place, fades."""
    starts = [
        slot["start"] * SAMPLES_PER_FRAME + slot["sound_shift_samples"]
        for slot in facts["timeline"]
    ]
    mix = np.zeros((starts[-1] + len(sources[-1]) + 4 * AAC_FRAME, 2))
    last = len(sources) - 1
    for number, (source, start) in enumerate(zip(sources, starts, strict=True)):
        frames = facts["timeline"][number]["frames"] * SAMPLES_PER_FRAME
        gain = 10 ** (facts["sources"][number]["sound"]["gain_db"] / 20)
        part = np.zeros((frames, 2))
        part[: min(frames, len(source))] = source[:frames] * gain
        # The mirrored handle by which a sound goes on where the next begins late.
        part = np.concatenate([part, part[: -2 * AAC_FRAME - 1 : -1]])
        if number:
            ramp = np.sin(np.linspace(0, np.pi / 2, _fade(facts["joints"][number - 1]) + 1)[:-1])
            part[: len(ramp)] *= ramp[:, None]
        if number < last:
            ramp = np.cos(np.linspace(0, np.pi / 2, _fade(facts["joints"][number]) + 1)[:-1])
            at = starts[number + 1] - start
            part[at : at + len(ramp)] *= ramp[:, None]
            part[at + len(ramp) :] = 0
        else:
            part = part[:frames]
        mix[start : start + len(part)] += part
    return mix


def _fade(joint: dict[str, Any]) -> int:
    return joint["overlap"] * SAMPLES_PER_FRAME or _CUT_FADE


def splices(facts: dict[str, Any]) -> list[int]:
    """Samples of the film where a joint's packets begin and end, to the AAC frame.

    Computed from the layout's own numbers, so that the benchmark looks where the seams are.
    """
    from chainer.settings import parse_settings
    from chainer.timeline import Joint, Slot, lay_out
    from chainer.timeline.joint import JointStyle
    from chainer.timeline.slot import SlotContent

    data = {key: facts["profile"][key] for key in ("width", "height")}
    profile = parse_settings({"profile": data}, "bench").profile
    slots = [Slot(slot["name"], SlotContent.ATOM, slot["frames"]) for slot in facts["timeline"]]
    joints = [
        Joint(JointStyle(j["kind"]), j["overlap"], j["overlap"], j["overlap"], j["gap"], "")
        for j in facts["joints"]
    ]
    layout = lay_out(slots, joints, profile.grid, profile.keyframe_grids)
    found = []
    for piece in layout.joint_pieces:
        start = layout.sound_starts[piece.left + 1]
        for packet in (piece.packet_first, piece.packet_last):
            # Packet k is heard in frames k-1 and k; the frame that two makers share is k-1.
            found += [(start + packet - 1) * AAC_FRAME, (start + packet) * AAC_FRAME]
    return found


def measure_seams(error: Any, where: list[int]) -> list[Seam]:
    """Each splice against windows that lie away from all splices and from both ends."""
    total = np.sqrt((error**2).mean(axis=1))
    steps = np.abs(np.diff(error, axis=0)).max(axis=1)
    near = np.zeros(len(total), bool)
    for at in where:
        near[max(0, at - 3 * _WINDOW) : at + 3 * _WINDOW] = True
    near[:_EDGE] = near[-_EDGE:] = True
    free = [n for n in range(0, len(total) - _WINDOW, _WINDOW) if not near[n : n + _WINDOW].any()]
    usual = float(np.median([_rms(total[n : n + _WINDOW]) for n in free]))
    close = RATE // 500
    usual_step = float(np.percentile([steps[n : n + 2 * close].max() for n in free], 99))
    return [
        Seam(
            at,
            _around(total, at) / usual,
            _around(total, at) / max(_side(total, at, -1), _side(total, at, 1)),
            float(steps[at - close : at + close].max()) / usual_step,
        )
        for at in where
    ]


def _around(total: Any, at: int) -> float:
    return _rms(total[at - _WINDOW // 2 : at + _WINDOW // 2])


def _side(total: Any, at: int, sign: int) -> float:
    """The usual error on one side of a splice."""
    middles = (at + sign * _WINDOW * n for n in range(3, 13))
    return float(np.median([_around(total, middle) for middle in middles]))


def _rms(values: Any) -> float:
    return float(np.sqrt((values**2).mean()))
