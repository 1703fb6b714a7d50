"""The bed: the whole film's sound with music under it, put together without loss, encoded once.

The film's own sound passes unchanged, but where the sum of both would be too loud for a moment.
The music is brought to its loudness, goes round where it is shorter than the film, comes and
goes at the ends, and steps back under speech: a compressor, keyed by the film's sound, takes it
down. Its key is first made equally loud, so that it does so by the same amount for all voices.
"""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.encoder import coded_sound, heard_sound, sound_file
from chainer.render.film_sound import (
    RAW_FILM,
    RAW_SPEECH,
    film_format,
    lay_out_sound,
    lay_out_speech,
    sound_name,
)
from chainer.render.music import RAW_MUSIC, bring_music, raw_music
from chainer.render.piece import pack
from chainer.render.run import Measured, Runner, read_ebur128
from chainer.render.sound import RUN_UP, limited
from chainer.render.spec import BedSpec
from chainer.timebase import AAC_FRAME

__all__ = ["render_bed", "sound_name"]

_DEEPEST = 40.0
"""dB: what a duck is at most. Below that, music cannot be heard under speech anyway."""

_KEY_LEVEL = -7.5
"""dB: what the compressor makes of a voice that the key brings to peaks of -6."""

_BEYOND = 10.0
"""dB that the compressor would take beyond what is asked, so that a voice a little softer or
louder than the key's level changes little."""

_RATIO = 20
_ATTACK_MS, _RELEASE_MS = 400, 800
_KNOWN = "-90/-90|-62/-90|-52/-6|0/-6"
"""Where somebody is known to speak, nearly everything opens the key."""
_UNKNOWN = "-90/-90|-38/-90|-31/-6|0/-6"
"""Elsewhere only what is as loud as a voice, in the range of voices."""

_RAW_MIX = "mix.f32"
_CURVE = "gain.f32"
_CURVE_RATE = 400
_STEADY = 0.5
_BEHIND = 96_000
_EDGE_SAMPLES = 144
_TAIL_SAMPLES = 4 * AAC_FRAME
_TRIES = 4
_PEAK_MARGIN = 0.35


def render_bed(
    runner: Runner, spec: BedSpec, music: SourceFile, limits: MediaLimits, folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the film's sound in `folder`: ({"piece": path}, facts).

    The lossless sound of each piece lies in `folder` as `sound_name`. The piece has exactly
    `spec.packets` packets, counted as those of the film. Raises `MediaError` where the music cannot
    be decoded whole or has no sound, `RenderError` where we fail.
    """
    samples = spec.packets * AAC_FRAME
    brought = bring_music(runner, spec, music, limits, samples, folder)
    end = lay_out_sound(runner, spec.runs, spec.profile, folder)
    if spec.speech is not None:
        lay_out_speech(spec.speech, spec.profile, folder)
    gain = _gain(brought.measured, spec)
    _mix(runner, spec, end, gain, folder)
    duck = _ducked(runner, spec, samples, folder)
    limit: float | None = None
    ceiling = float(spec.profile.loudness.true_peak)
    done = _encode(runner, spec, limit, folder)
    for _ in range(_TRIES):
        too_high = done.true_peak - ceiling
        if too_high <= 0:
            break
        limit = ceiling - _PEAK_MARGIN if limit is None else limit - too_high - 0.05
        done = _encode(runner, spec, limit, folder)
    run_up = _run_up(spec)
    target = folder / "piece.mp4"
    pack(
        target,
        spec.profile,
        video=None,
        frames=0,
        keys=(),
        audio=folder / sound_file(spec.profile),
        packets=(run_up, run_up + spec.packets),
    )
    return {"piece": target}, {
        "packets": spec.packets,
        "loudness": _finite(done.loudness),
        "true_peak": _finite(done.true_peak),
        "limited": limit is not None,
        "music": {
            "loudness_in": _finite(brought.measured.loudness),
            "gain_db": round(gain, 2),
            "loudness": _finite(brought.measured.loudness + gain),
            "goes_round": brought.goes_round,
        },
        "duck": duck,
    }


def _gain(measured: Measured, spec: BedSpec) -> float:
    """Decibels that bring the music to its loudness; none for what is silent."""
    target = spec.profile.loudness
    if measured.loudness <= float(target.floor):
        return 0.0
    wanted = float(target.target + spec.gain) - measured.loudness
    return min(wanted, float(target.max_gain))


def _run_up(spec: BedSpec) -> int:
    """AAC frames of mirrored sound before the film's own, for the coder to settle; see `RUN_UP`."""
    return min(RUN_UP, spec.packets)


def _mix(runner: Runner, spec: BedSpec, end: int, gain: float, folder: Path) -> None:
    """Write `RAW_MIX`: the film's sound, which ends at sample `end`, and the music under it."""
    import ffmpeg

    film = _raw_film(RAW_FILM, spec).filter("aformat", sample_fmts="fltp")
    both = [film, _under(spec, end, gain)]
    mix = ffmpeg.filter(both, "amix", inputs=2, duration="first", normalize=0)
    first = max(0, end - _EDGE_SAMPLES)
    mix = mix.filter("afade", t="out", ss=first, ns=_EDGE_SAMPLES)
    output = ffmpeg.output(mix, _RAW_MIX, f="f32le", **{"c:a": "pcm_f32le"})
    runner.run(runner.argv(output), "laying music under the film", cwd=folder)
    (folder / RAW_MUSIC).unlink()


def _encode(runner: Runner, spec: BedSpec, limit: float | None, folder: Path) -> Measured:
    """One pass over the mix; returns what a listener gets."""
    import ffmpeg

    samples = spec.packets * AAC_FRAME
    mix = raw_music(_RAW_MIX, spec)
    if limit is not None:
        mix = limited(mix, limit, samples)
    branches = mix.filter_multi_output("asplit", 2)
    mirrored = branches[1].filter("atrim", end_sample=_run_up(spec) * AAC_FRAME).filter("areverse")
    whole = ffmpeg.concat(mirrored, branches[0], v=0, a=1).filter("apad", pad_len=_TAIL_SAMPLES)
    output = coded_sound(whole, spec.profile)
    runner.run(runner.argv(output), "encoding sound", cwd=folder)
    return _measure(runner, spec, samples, folder)


def _raw_film(name: str, spec: BedSpec) -> Any:
    import ffmpeg

    form = film_format(spec.profile)
    return ffmpeg.input(name, f=form, ar=spec.profile.sample_rate, ac=2).audio


def _under(spec: BedSpec, end: int, gain: float) -> Any:
    """The music as it lies under the film: at its loudness, ducked, with soft ends."""
    stream = raw_music(RAW_MUSIC, spec)
    stream = stream.filter("aformat", sample_fmts="dblp", channel_layouts="stereo")
    stream = stream.filter("volume", f"{gain:.2f}dB", precision="double")
    if spec.duck > 0:
        stream = _ducking(stream, spec)
    edge = min(spec.edge_packets * AAC_FRAME, end // 2)
    if edge:
        stream = stream.filter("afade", t="in", ss=0, ns=edge, curve="hsin")
        stream = stream.filter("afade", t="out", ss=end - edge, ns=edge, curve="hsin")
    return stream.filter("aformat", sample_fmts="fltp")


def _ducking(stream: Any, spec: BedSpec) -> Any:
    """`stream` taken down by `spec.duck` while somebody speaks."""
    import ffmpeg

    known = spec.speech is not None
    key = _raw_film(RAW_SPEECH if known else RAW_FILM, spec)
    if not known:
        key = key.filter("highpass", f=200).filter("lowpass", f=4000)
    key = key.filter("compand", attacks="0.03", decays="0.3", points=_KNOWN if known else _UNKNOWN)
    # Both sides go on behind the film's end and are cut there: where one of them ends first, the
    # filter loses some of the last samples, and now and then waits for ever.
    key = key.filter("aformat", sample_fmts="dblp", channel_layouts="stereo")
    stream, key = (side.filter("apad", pad_len=_BEHIND) for side in (stream, key))
    duck = min(float(spec.duck), _DEEPEST)
    beyond = duck + _BEYOND
    threshold = _KEY_LEVEL - beyond / (1 - 1 / _RATIO)
    # The compressor alone takes all of `beyond`; mixed with what it was given, it stops at `duck`.
    mix = (1 - 10 ** (-duck / 20)) / (1 - 10 ** (-beyond / 20))
    ducked = ffmpeg.filter(
        [stream, key],
        "sidechaincompress",
        threshold=f"{max(10 ** (threshold / 20), 0.000976563):.9f}",
        ratio=_RATIO,
        attack=_ATTACK_MS,
        release=_RELEASE_MS,
        knee=1,
        detection="rms",
        link="maximum",
        mix=f"{mix:.6f}",
    )
    return ducked.filter("atrim", end_sample=spec.packets * AAC_FRAME)


def _measure(runner: Runner, spec: BedSpec, samples: int, folder: Path) -> Measured:
    """Loudness and true peak of the film's own part of what was encoded, decoded again."""
    import ffmpeg

    first = _run_up(spec) * AAC_FRAME
    stream = heard_sound(spec.profile)
    stream = stream.filter("atrim", start_sample=first, end_sample=first + samples)
    stream = stream.filter("ebur128", peak="true", framelog="quiet")
    argv = runner.argv(ffmpeg.output(stream, "-", f="null"))
    return read_ebur128(runner.run(argv, "measuring sound", cwd=folder).stderr)


def _ducked(runner: Runner, spec: BedSpec, samples: int, folder: Path) -> dict[str, Any]:
    """How far the music went down, in dB, and for which share of the film by more than half.

    Measured on a steady level in the music's place.
    """
    import ffmpeg

    if spec.duck <= 0:
        return {"db": 0.0, "share": 0.0}
    source = f"aevalsrc={_STEADY}|{_STEADY}:s={spec.profile.sample_rate}:c=stereo"
    steady = ffmpeg.input(source, f="lavfi").audio.filter("atrim", end_sample=samples)
    steady = _ducking(steady.filter("aformat", sample_fmts="dblp"), spec)
    steady = steady.filter("aresample", _CURVE_RATE)
    output = ffmpeg.output(steady, _CURVE, f="f32le", **{"c:a": "pcm_f32le"})
    runner.run(runner.argv(output), "measuring the duck", cwd=folder)
    path = folder / _CURVE
    curve = array("f")
    curve.frombytes(path.read_bytes())
    half = _STEADY * 10 ** (-min(float(spec.duck), _DEEPEST) / 40)
    down = sorted(gain for gain in curve if gain < half)
    if not down:
        return {"db": 0.0, "share": 0.0}
    usual = max(down[len(down) // 4], 1e-6)  # not while it comes and goes
    return {
        "db": round(-20 * math.log10(usual / _STEADY), 2),
        "share": round(len(down) / len(curve), 3),
    }


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
