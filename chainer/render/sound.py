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
from chainer.render.encoder import coded_sound, heard_sound, master_sound
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
    """Make the coded sound (`sound_file`) and `sound.flac` in `folder` from the raw samples.

    The clip's own packets in the former are those of `clip_packets`. `extra` is in dB over the
    house loudness; the true peak stays below the house's all the same. What counts as silence is
    not raised to the house loudness, but `extra` holds for it too.
    """
    target = profile.loudness
    ceiling = float(target.true_peak)
    louder = float(extra)
    if profile.draft:
        return _in_one_go(runner, raw, samples, measured, profile, folder, louder)
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


def _in_one_go(
    runner: Runner,
    raw: Path,
    samples: int,
    measured: Measured,
    profile: Profile,
    folder: Path,
    louder: float,
) -> SoundFacts:
    """For a draft: one pass, and nobody listens to it again.

    What the facts tell of the result is what the gain makes of the measurement; the limiter looks
    at the samples alone, not between them, and takes what it takes.
    """
    target = profile.loudness
    gain, loudness = louder, measured.loudness
    if measured.loudness > float(target.floor):
        gain += min(float(target.target) - measured.loudness, float(target.max_gain))
        loudness += gain
    peak, ceiling = measured.true_peak + gain, float(target.true_peak) - _PEAK_MARGIN
    limit = ceiling if gain and peak > ceiling else None
    _encode_only(runner, raw, samples, gain, limit, profile, folder)
    kept = peak if limit is None else ceiling
    return SoundFacts(
        measured.loudness, measured.true_peak, gain, limit is not None, loudness, kept
    )


def clip_packets(samples: int) -> tuple[int, int]:
    """The packets [first, last) of the coded sound that belong to a clip of so many samples."""
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
    """One pass; returns what a listener of the coded sound gets."""
    _encode_only(runner, raw, samples, gain, limit, profile, folder)
    return _measure(runner, samples, profile, folder)


def _encode_only(
    runner: Runner,
    raw: Path,
    samples: int,
    gain: float,
    limit: float | None,
    profile: Profile,
    folder: Path,
) -> None:
    """One pass that nobody listens to."""
    import ffmpeg

    stream = raw_input(raw.name, profile)
    if gain:
        stream = stream.filter("volume", f"{gain:.2f}dB", precision="double")
    if limit is not None:
        stream = limited(stream, limit, samples, fine=not profile.draft)
    branches = stream.filter_multi_output("asplit", 3)
    run_up = branches[2].filter("atrim", end_sample=_run_up(samples) * AAC_FRAME)
    run_up = run_up.filter("areverse")
    own = branches[0]
    if not profile.pcm:
        # Uncompressed sound is the master's, sample by sample: whoever mixes it fades it.
        own = own.filter("afade", t="out", ss=samples - _EDGE_SAMPLES, ns=_EDGE_SAMPLES)
    own = ffmpeg.concat(run_up, own, v=0, a=1).filter("apad", pad_len=_TAIL_SAMPLES)
    outputs = (coded_sound(own, profile), master_sound(branches[1], "sound.flac", profile))
    runner.run(runner.argv(ffmpeg.merge_outputs(*outputs)), "encoding sound", cwd=folder)


def _measure(runner: Runner, samples: int, profile: Profile, folder: Path) -> Measured:
    """Loudness and true peak of the clip's own part of what was encoded, decoded again."""
    import ffmpeg

    first = _run_up(samples) * AAC_FRAME
    stream = heard_sound(profile)
    stream = stream.filter("atrim", start_sample=first, end_sample=first + samples)
    argv = runner.argv(ffmpeg.output(told(stream), "-", f="null"))
    return read_ebur128(runner.run(argv, "measuring sound", cwd=folder).stderr)


def limited(stream: Any, limit: float, samples: int, *, fine: bool = True) -> Any:
    """A limiter that sees between the samples: four times oversampled (BS.1770-4, annex 2).

    With `fine` False it sees the samples alone.
    """
    if fine:
        stream = stream.filter("aresample", 192_000)
    stream = stream.filter(
        "alimiter", limit=f"{10 ** (limit / 20):.6f}", attack=2, release=60, level=0, latency=1
    )
    if fine:
        stream = stream.filter("aresample", 48_000)
    stream = stream.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    return stream.filter("asetpts", "N/SR/TB")


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
