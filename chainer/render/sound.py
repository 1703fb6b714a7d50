"""Sound of a clip: measured, brought to the house loudness, encoded once.

Pass one is the conform of the picture: it decodes the foreign sound to plain samples and
measures them. Pass two applies one static gain, limits where the true peak asks for it, and
encodes AAC for copying (with a run-up, see `RUN_UP`) and FLAC for the joints, so that a joint's
sound is not encoded twice. The AAC is decoded and measured again; where coding has raised the
peak above the ceiling, or the limiter has taken loudness away, pass two runs once more with what
was learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from chainer.profile import Profile
from chainer.render.encoder import sound_options
from chainer.render.run import Measured, Runner, read_ebur128
from chainer.timebase import AAC_FRAME

BYTES_PER_SAMPLE = 8
"""Of the raw samples between the passes: two channels of 32-bit float."""

RUN_UP = 64
"""AAC frames of mirrored sound that are encoded before a clip's own and then left out; fewer where
the clip is shorter.

An encoder that starts in the middle of a loud sound spends its first frames badly (up to ten
times the coding noise, measured), just where a cut would splice, and takes a second to settle."""

_TAIL_SAMPLES = 4 * AAC_FRAME
_EDGE_SAMPLES = 144
_TRIES = 4
_CLOSE_LU = 0.4
_MAX_LIMITING = 15.0
_LIMITED_YIELD = 0.7
_LIMITED_LOSS = 0.12
"""Loudness that the limiter takes for each decibel it must hold back, as the first guess: the
median over 28 clips of speech, music and noise was 0.11. Most clips then need one pass."""
_PEAK_MARGIN = 0.35


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What was measured and done. LUFS, dBTP and dB; loudness is -inf for silence."""

    loudness_in: float
    peak_in: float
    gain: float
    limited: bool
    loudness: float
    peak: float

    def as_json(self) -> dict[str, Any]:
        """Plain values; infinities become None."""
        return {
            "loudness_in": _finite(self.loudness_in),
            "peak_in": _finite(self.peak_in),
            "gain_db": round(self.gain, 2),
            "limited": self.limited,
            "loudness": _finite(self.loudness),
            "true_peak": _finite(self.peak),
        }


def foreign_sound(stream: Any, start: Fraction, samples: tuple[int, int]) -> Any:
    """The foreign stream as `samples` (first, count) at the house rate from the picture's `start`.

    Late sound starts with silence, gaps stay gaps, what is missing at the end is silence. It is
    not measured yet; see `told`.
    """
    first, count = samples
    stream = stream.filter("asetpts", f"PTS-({start.numerator}/{start.denominator})/TB")
    stream = stream.filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
    stream = stream.filter("aformat", sample_fmts="flt", channel_layouts="stereo")
    stream = stream.filter("atrim", start_sample=first, end_sample=first + count)
    return stream.filter("asetpts", "N/SR/TB").filter("apad", whole_len=count)


def told(stream: Any) -> Any:
    """`stream` unchanged, its loudness told at the end; `run.read_ebur128` reads that."""
    return stream.filter("ebur128", peak="true", framelog="quiet")


def raw_input(name: str, profile: Profile) -> Any:
    """Raw samples in the work folder as an ffmpeg-python stream."""
    import ffmpeg

    return ffmpeg.input(name, f="f32le", ar=profile.sample_rate, ac=2).audio


def write_raw(stream: Any, name: str) -> Any:
    """An output of raw samples as they lie between the passes."""
    import ffmpeg

    return ffmpeg.output(stream, name, f="f32le", **{"c:a": "pcm_f32le"})


def finish_sound(
    runner: Runner,
    raw: Path,
    samples: int,
    measured: Measured,
    profile: Profile,
    folder: Path,
    extra: Fraction = Fraction(0),
) -> SoundFacts:
    """Make `sound.mp4` (AAC) and `sound.flac` in `folder` from the raw samples.

    The clip's own packets in `sound.mp4` are those of `clip_packets`. `extra` is in dB over the
    house loudness; the true peak stays below the house's all the same. What counts as silence is
    not raised to the house loudness, but `extra` holds for it too.
    """
    target = profile.loudness
    ceiling = float(target.true_peak)
    louder = float(extra)
    if measured.loudness <= float(target.floor):
        over = measured.true_peak + louder - (ceiling - _PEAK_MARGIN)
        limit = ceiling - _PEAK_MARGIN if louder > 0 and over > 0 else None
        done = _encode(runner, raw, samples, louder, limit, profile, folder)
        return SoundFacts(
            loudness_in=measured.loudness,
            peak_in=measured.true_peak,
            gain=louder,
            limited=limit is not None,
            loudness=done.loudness,
            peak=done.true_peak,
        )
    aim = float(target.target) + louder
    wanted = aim - measured.loudness
    most = float(target.max_gain) + louder
    gain = min(wanted, most)
    limit = None
    over = measured.true_peak + gain - (ceiling - _PEAK_MARGIN)
    if over > 0:
        limit = ceiling - _PEAK_MARGIN
        if wanted <= most:
            gain += _LIMITED_LOSS * over
    done = _encode(runner, raw, samples, gain, limit, profile, folder)
    before: tuple[float, float] | None = None
    for _ in range(_TRIES):
        missing = aim - done.loudness if wanted <= most else 0.0
        too_high = done.true_peak - ceiling
        if too_high <= 0 and (abs(missing) <= _CLOSE_LU or limit is None):
            break
        if too_high > 0:
            limit = (ceiling - _PEAK_MARGIN if limit is None else limit) - too_high - 0.05
        if limit is not None and abs(missing) > _CLOSE_LU:
            # What a decibel of gain still adds in loudness, by the last two tries.
            yields = _LIMITED_YIELD
            if before is not None and gain != before[0]:
                yields = (done.loudness - before[1]) / (gain - before[0])
            before = (gain, done.loudness)
            gain = min(gain + missing / min(1.0, max(0.3, yields)), wanted + _MAX_LIMITING)
        done = _encode(runner, raw, samples, gain, limit, profile, folder)
    return SoundFacts(
        measured.loudness,
        measured.true_peak,
        gain,
        limit is not None,
        done.loudness,
        done.true_peak,
    )


def clip_packets(samples: int) -> tuple[int, int]:
    """The packets [first, last) of `sound.mp4` that belong to a clip of so many samples."""
    first = _run_up(samples)
    return first, first - (-samples // AAC_FRAME) + 3


def _run_up(samples: int) -> int:
    return min(RUN_UP, samples // AAC_FRAME)


def _encode(
    runner: Runner,
    raw: Path,
    samples: int,
    gain: float,
    limit: float | None,
    profile: Profile,
    folder: Path,
) -> Measured:
    """One pass; returns what a listener of the AAC gets."""
    import ffmpeg

    stream = raw_input(raw.name, profile)
    if gain:
        stream = stream.filter("volume", f"{gain:.2f}dB", precision="double")
    if limit is not None:
        stream = limited(stream, limit, samples)
    branches = stream.filter_multi_output("asplit", 3)
    run_up = branches[2].filter("atrim", end_sample=_run_up(samples) * AAC_FRAME)
    run_up = run_up.filter("areverse")
    aac = branches[0].filter("afade", t="out", ss=samples - _EDGE_SAMPLES, ns=_EDGE_SAMPLES)
    aac = ffmpeg.concat(run_up, aac, v=0, a=1).filter("apad", pad_len=_TAIL_SAMPLES)
    outputs = (
        ffmpeg.output(aac, "sound.mp4", **sound_options(profile)),
        ffmpeg.output(
            branches[1].filter("aformat", sample_fmts="s16"),
            "sound.flac",
            **{"c:a": "flac", "flags:a": "+bitexact", "fflags": "+bitexact"},
        ),
    )
    runner.run(runner.argv(ffmpeg.merge_outputs(*outputs)), "encoding sound", cwd=folder)
    return _measure(runner, "sound.mp4", samples, folder)


def _measure(runner: Runner, name: str, samples: int, folder: Path) -> Measured:
    """Loudness and true peak of the clip's own part of what was encoded, decoded again."""
    import ffmpeg

    first = _run_up(samples) * AAC_FRAME
    stream = ffmpeg.input(name).audio
    stream = stream.filter("atrim", start_sample=first, end_sample=first + samples)
    argv = runner.argv(ffmpeg.output(told(stream), "-", f="null"))
    return read_ebur128(runner.run(argv, "measuring sound", cwd=folder).stderr)


def limited(stream: Any, limit: float, samples: int) -> Any:
    """A limiter that sees between the samples: four times oversampled (BS.1770-4, annex 2)."""
    stream = stream.filter("aresample", 192_000)
    stream = stream.filter(
        "alimiter", limit=f"{10 ** (limit / 20):.6f}", attack=2, release=60, level=0, latency=1
    )
    stream = stream.filter("aresample", 48_000)
    stream = stream.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    return stream.filter("asetpts", "N/SR/TB")


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
