"""What a step is likely to cost, and how that is learned from what steps really cost.

The constants were measured on two shared cores of 2026 with FFmpeg 9.0.2: clips of the sample at
four sizes, conformed to the house and draft profiles and to some presets, each step alone, CPU
seconds of its children, its bytes in the store, and the largest proportional memory of its
processes together. Footage that is busier, or another machine, costs something else: `CostBook`
learns by how much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from chainer.batch.plan import Estimate
from chainer.digest import Digest, key_of
from chainer.profile import USUAL_CRF, Codec, Profile
from chainer.render.extend_cost import extra_cost
from chainer.render.plan import Step
from chainer.render.spec import (
    BedSpec,
    CardSpec,
    ConformSpec,
    ExtendSpec,
    JointSpec,
    MarkSpec,
    PosterSpec,
    SegmentsSpec,
    TextSpec,
)
from chainer.store import Store
from chainer.timebase import AAC_FRAME

_CODECS = {Codec.H264: (1.0, 1.0), Codec.HEVC: (1.9, 0.85), Codec.AV1: (1.5, 0.7)}
"""Time and size beside H.264, at each codec's usual quality: measured on six excerpts."""

_PRORES_SECONDS, _PRORES_BYTES = 0.05, 330_000.0
"""Of a million pixels in ProRes 422 HQ: of four seconds of one real clip."""

_ENCODE: Mapping[str, float] = {
    "ultrafast": 0.0030,
    "superfast": 0.0055,
    "veryfast": 0.0065,
    "faster": 0.0110,
    "fast": 0.0135,
    "medium": 0.0165,
    "slow": 0.0185,
    "slower": 0.0340,
    "veryslow": 0.0550,
}
"""CPU seconds for a million pixels that are scaled, marked and encoded, by x264's preset.

Measured but for `faster`, `fast`, `slower` and `veryslow`, which follow x264's own proportions.
"""
_DECODE = 0.0024
"""CPU seconds for a million pixels of the source that are decoded (H.264)."""
_DRAW = 0.085
"""CPU seconds for a million pixels of a card."""
_BLEND = 0.0040
"""CPU seconds for a million pixels of a joint, besides their encoding."""

_SOUND_BYTES = 95_000
"""Bytes a second of stereo sound that is kept without loss."""
_PICTURE_BYTES = 4000
"""Bytes for a million encoded pixels at crf 21; half as much for every 6 more."""
_AAC_BYTES = 20_000

_MEGA = 1 << 20
_LEAST, _MOST = 1 / 50, 50.0
"""Between which a learned ratio stays, so that one odd step cannot spoil a plan."""
_WEIGHT = 0.2
"""What the newest step counts against all before it, once there are some."""


def estimate(step: Step) -> Estimate:
    """What a step costs on the machine that the constants were measured on."""
    spec = step.spec
    if isinstance(spec, ConformSpec):
        return _conform(spec)
    if isinstance(spec, JointSpec):
        return _joint(spec)
    if isinstance(spec, CardSpec):
        mega = spec.frames * _mega(spec.profile)
        cpu = 0.4 + _DRAW * mega
        size = round(0.55 * _pictures(mega, spec.profile) + 20_000)
        return Estimate(cpu, size, _memory(75, 205 * _mega(spec.profile)))
    if isinstance(spec, MarkSpec):
        mega = spec.width * spec.height / 1e6
        return Estimate(0.11, round(3500 + 11_600 * mega), 60 * _MEGA)
    if isinstance(spec, TextSpec):
        return Estimate(0.35, 30_000, 80 * _MEGA)
    if isinstance(spec, ExtendSpec):
        return _extend(spec)
    if isinstance(spec, BedSpec):
        seconds = spec.packets * AAC_FRAME / spec.profile.sample_rate
        return Estimate(0.5 + 0.03 * seconds, round(seconds * _AAC_BYTES), 120 * _MEGA)
    if isinstance(spec, SegmentsSpec):
        return _segments(spec)
    assert isinstance(spec, PosterSpec)
    return Estimate(0.13, 70_000, 60 * _MEGA)


def _conform(spec: ConformSpec) -> Estimate:
    profile = spec.profile
    seconds = float(spec.frames / profile.fps)
    made = spec.frames * _mega(profile)
    decoding, source = _decoding(spec)
    cpu = 0.2 + made * _encoding(profile) + decoding
    size = round(seconds * _SOUND_BYTES + _pictures(made, profile))
    # A decoder of another codec, or of more bits, keeps more than the 13 MiB of H.264.
    return Estimate(cpu, size, _memory(10, 230 * _mega(profile) + 20 * source))


def _extend(spec: ExtendSpec) -> Estimate:
    profile = spec.profile
    made = spec.frames * _mega(profile)
    cpu = 0.6 + extra_cost(spec) + made * _encoding(profile)
    cpu += sum(_decoding(clip)[0] for clip in spec.clips)
    seconds = float(spec.frames / profile.fps)
    size = round(seconds * _SOUND_BYTES + _pictures(made, profile))
    memory = 20 * sum(_decoding(clip)[1] for clip in spec.clips)
    return Estimate(cpu, size, _memory(20, 550 * _mega(profile) + memory))


def _decoding(spec: ConformSpec) -> tuple[float, float]:
    """CPU seconds of decoding what a clip needs, and the millions of pixels of its pictures."""
    video = spec.info.video
    if video is None:
        return 0.0, 0.0
    source = video.width * video.height / 1e6
    # What lies before the part that plays is decoded too, as far as that part begins.
    until = (spec.first + spec.frames) / spec.profile.fps
    frames = min(float(until * video.frame_rate), float(video.frames))
    return frames * source * _DECODE, source


def _joint(spec: JointSpec) -> Estimate:
    profile = spec.profile
    mega = spec.frames * _mega(profile)
    cpu = 0.08 + mega * (_encoding(profile) + _BLEND)
    size = round(_pictures(mega, profile) + _AAC_BYTES)
    return Estimate(cpu, size, _memory(35, 100 * _mega(profile)))


def _segments(spec: SegmentsSpec) -> Estimate:
    """Copying costs next to nothing; what it writes is as large as what it copies."""
    profile = spec.profile
    made = (spec.frames[1] - spec.frames[0]) * _mega(profile)
    seconds = (spec.packets[1] - spec.packets[0]) * AAC_FRAME / profile.sample_rate
    size = round(_pictures(made, profile) + seconds * _AAC_BYTES)
    return Estimate(0.002 + size / 2e8, size + 1500, 20 * _MEGA)


def _mega(profile: Profile) -> float:
    """Millions of pixels in a frame."""
    return profile.width * profile.height / 1e6


def _encoding(profile: Profile) -> float:
    """CPU seconds for a million pixels of this profile."""
    if profile.codec is Codec.PRORES:
        return _PRORES_SECONDS
    return _ENCODE[profile.preset] * _CODECS[profile.codec][0]


def _pictures(mega: float, profile: Profile) -> float:
    if profile.codec is Codec.PRORES:
        return mega * _PRORES_BYTES
    usual, share = USUAL_CRF[profile.codec], _CODECS[profile.codec][1]
    return float(mega * _PICTURE_BYTES * share * 2 ** ((usual - profile.crf) / 6))


def _memory(programs: int, frames: float) -> int:
    """Bytes, of mebibytes: what the programs need, and the frames that they hold."""
    return round((programs + frames) * _MEGA)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How often as much steps of a kind really cost; `seen` is how many were measured."""

    cpu: float = 1.0
    bytes: float = 1.0
    seen: int = 0

    def with_step(self, cpu: float, size: float) -> Ratio:
        """After one more step with these ratios: the first count evenly, later ones decay."""
        weight = max(_WEIGHT, 1 / (self.seen + 1))
        return Ratio(
            _between(self.cpu, cpu, weight), _between(self.bytes, size, weight), self.seen + 1
        )


def _between(old: float, new: float, weight: float) -> float:
    """Ratios are averaged as factors: twice as much and half as much make one."""
    bounded = min(max(new, _LEAST), _MOST)
    mean = math.exp((1 - weight) * math.log(old) + weight * math.log(bounded))
    return min(max(mean, _LEAST), _MOST)


@dataclass(slots=True)
class CostBook:
    """Estimates that follow the machine: learned by step type and profile, kept in a store.

    Not for several threads at once. Loss of what it learned is harmless.
    """

    store: Store
    _known: dict[Digest, Ratio] = field(default_factory=dict)
    _changed: set[Digest] = field(default_factory=set)

    def estimate(self, step: Step) -> Estimate:
        """What a step is likely to cost here."""
        plain, ratio = estimate(step), self.ratio(step)
        return Estimate(
            plain.cpu_seconds * ratio.cpu, round(plain.bytes * ratio.bytes), plain.memory_bytes
        )

    def learn(self, step: Step, cpu_seconds: float, size: int) -> None:
        """Take in what a step that was made really cost; what cannot be is passed over."""
        plain = estimate(step)
        if not (math.isfinite(cpu_seconds) and cpu_seconds > 0 and size > 0):
            return
        slot = _slot(step)
        self._known[slot] = self.ratio(step).with_step(
            cpu_seconds / plain.cpu_seconds, size / plain.bytes
        )
        self._changed.add(slot)

    def ratio(self, step: Step) -> Ratio:
        """What has been learned of steps like this one."""
        slot = _slot(step)
        known = self._known.get(slot)
        if known is None:
            known = self._known[slot] = _read(self.store.recall(slot))
        return known

    def save(self) -> None:
        """Keep what was learned since it was last kept."""
        for slot in sorted(self._changed):
            ratio = self._known[slot]
            told = {"cpu": ratio.cpu, "bytes": ratio.bytes, "seen": ratio.seen}
            self.store.remember(slot, told)
        self._changed.clear()


def _slot(step: Step) -> Digest:
    profile = getattr(step.spec, "profile", None)
    told = None if profile is None else profile.key()
    return key_of("batch-cost", [step.type.value, told])


def _read(kept: Mapping[str, object]) -> Ratio:
    """What a store kept; nothing learned where that is damaged."""
    numbers = [kept.get(name) for name in ("cpu", "bytes", "seen")]
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
        return Ratio()
    cpu, size, seen = (float(one) for one in numbers if isinstance(one, int | float))
    if not (_LEAST <= cpu <= _MOST and _LEAST <= size <= _MOST and 1 <= seen < 1e9):
        return Ratio()
    return Ratio(cpu, size, int(seen))
