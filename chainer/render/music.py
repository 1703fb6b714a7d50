"""A stranger's music for a bed: decoded under limits, measured, and made to go round."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainer.errors import MediaDamaged, MediaRefused
from chainer.media.decode import classify_failure, damage_in, decode_limits, input_options
from chainer.media.limits import MUSIC_SECONDS, MediaLimits, music_limits
from chainer.media.source import SourceFile
from chainer.render.conform import as_kwargs
from chainer.render.film_sound import pass_on
from chainer.render.run import Measured, Runner, read_ebur128
from chainer.render.spec import BedSpec

RAW_MUSIC = "music.f32"
_GIVEN, _ROUND = "given.f32", "round.f32"
_BYTES = 8
"""Of one sample of raw music: two channels of 32-bit float."""

_SEAM = 96_000
"""Samples over which the end of the music goes over into its beginning: 2 s, a quarter at most."""

_DROPPED = 0.02

_PASSED_OVER = re.compile(
    r"^.*(?:Codec \(\S*\) not on whitelist|Packet corrupt .* dropping it).*\n", re.MULTILINE
)
"""What FFmpeg says of pictures beside the music, such as a cover, which are meant to stay closed;
and of the last packet of a WAV that was written to a pipe."""


@dataclass(frozen=True, slots=True)
class Music:
    """Raw music in the work folder, as long as the film: how loud it came, whether it repeats."""

    measured: Measured
    goes_round: bool


def bring_music(
    runner: Runner,
    spec: BedSpec,
    source: SourceFile,
    limits: MediaLimits,
    samples: int,
    folder: Path,
) -> Music:
    """Decode the music and write `samples` of it to `RAW_MUSIC`, over and over where it is shorter.

    The file is read in a limited child, through the descriptor that was hashed. Raises
    `MediaRefused` where it is not the planned one, has no sound, or next to none; `MediaDamaged`
    where it cannot be decoded whole.
    """
    if source.digest != spec.media:
        raise MediaRefused(
            f"{source.path} changed after it was planned; run the command again",
            code="media-changed",
            path=str(source.path),
        )
    audio = spec.info.audio
    if audio is None:
        raise MediaRefused(
            f"{source.path}: has no sound, so it is no music; name another file as the bed",
            code="no-sound",
            path=str(source.path),
            reason="no_sound",
        )
    with source.lend() as descriptor:
        argv = _argv(runner, spec, limits, descriptor, samples)
        bounds = decode_limits(spec.info, limits)
        result = runner.run(
            argv,
            f"decoding {source.path}",
            cwd=folder,
            limits=replace(
                bounds,
                memory_bytes=(bounds.memory_bytes or 0) + (256 << 20),
                file_bytes=samples * _BYTES + (1 << 20),
            ),
            pass_fds=(descriptor,),
            check=False,
        )
    source.check_unchanged()
    result = replace(result, stderr=_PASSED_OVER.sub("", result.stderr))
    if not result.ok:
        raise classify_failure(result, source.path, argv)
    if damage := damage_in(result, source.path):
        raise damage
    shortest = int(MUSIC_SECONDS * spec.profile.sample_rate)
    found = (folder / _GIVEN).stat().st_size // _BYTES
    declared = min(samples, int(audio.seconds * spec.profile.sample_rate))
    if found < declared * (1 - _DROPPED) - shortest:
        raise MediaDamaged(
            f"{source.path}: of {declared} samples of sound only {found} could be decoded; export "
            "it again",
            path=str(source.path),
            found=found,
            expected=declared,
        )
    if found < shortest:
        raise MediaRefused(
            f"{source.path}: {found / spec.profile.sample_rate:.3f} s of sound are no music; give "
            "a longer file as the bed",
            code="media-short",
            path=str(source.path),
            samples=found,
        )
    measured = read_ebur128(result.stderr)
    if found >= samples:
        (folder / _GIVEN).rename(folder / RAW_MUSIC)
        return Music(measured, goes_round=False)
    seam = min(_SEAM, found // 4)
    _make_round(runner, found, seam, spec, folder)
    _lay_out(found, seam, samples, folder)
    return Music(measured, goes_round=True)


def _lay_out(found: int, seam: int, samples: int, folder: Path) -> None:
    """The music up to its seam, then what goes round, until the film is full.

    Written out, because FFmpeg waits for ever, now and then, on an endless input beside others.
    """
    left = samples * _BYTES
    with (folder / RAW_MUSIC).open("wb") as out:
        part = (folder / _GIVEN, (found - seam) * _BYTES)
        while left:
            path, size = part
            with path.open("rb") as stream:
                left -= pass_on(stream, out, min(size, left))
            part = (folder / _ROUND, (found - seam) * _BYTES)
    (folder / _GIVEN).unlink()
    (folder / _ROUND).unlink()


def _argv(
    runner: Runner, spec: BedSpec, limits: MediaLimits, descriptor: int, samples: int
) -> list[str]:
    import ffmpeg

    audio = spec.info.audio
    assert audio is not None
    words = [*input_options(spec.info, music_limits(limits), threads=1), "-fd", str(descriptor)]
    stream = ffmpeg.input("fd:", **as_kwargs(words))[str(audio.stream)]
    start = audio.start
    stream = stream.filter("asetpts", f"PTS-({start.numerator}/{start.denominator})/TB")
    stream = stream.filter("aresample", spec.profile.sample_rate, **{"async": 1, "first_pts": 0})
    stream = stream.filter("aformat", sample_fmts="flt", channel_layouts="stereo")
    stream = stream.filter("atrim", end_sample=samples).filter("asetpts", "N/SR/TB")
    stream = stream.filter("ebur128", peak="true", framelog="quiet")
    output = ffmpeg.output(stream, _GIVEN, f="f32le", **{"c:a": "pcm_f32le"})
    return runner.argv(output, copyts=True)


def raw_music(name: str, spec: BedSpec) -> Any:
    """The samples of a raw file of music, as an input of a graph."""
    import ffmpeg

    return ffmpeg.input(name, f="f32le", ar=spec.profile.sample_rate, ac=2).audio


def _make_round(runner: Runner, samples: int, seam: int, spec: BedSpec, folder: Path) -> None:
    """Write what goes round: the last `seam` samples going over into the first, then the rest.

    Where it ends the seam begins, so it goes on from its start without a step.
    """
    import ffmpeg

    last = raw_music(_GIVEN, spec).filter("atrim", start_sample=samples - seam)
    last = last.filter("asetpts", "N/SR/TB")
    last = last.filter("afade", t="out", ss=0, ns=seam, curve="qsin")
    first = raw_music(_GIVEN, spec).filter("atrim", end_sample=seam)
    first = first.filter("afade", t="in", ss=0, ns=seam, curve="qsin")
    between = raw_music(_GIVEN, spec).filter("atrim", start_sample=seam, end_sample=samples - seam)
    between = between.filter("asetpts", "N/SR/TB")
    over = ffmpeg.filter([last, first], "amix", inputs=2, duration="longest", normalize=0)
    both = ffmpeg.concat(over, between, v=0, a=1)
    output = ffmpeg.output(both, _ROUND, f="f32le", **{"c:a": "pcm_f32le"})
    runner.run(runner.argv(output), "making music go round", cwd=folder)
    if (folder / _ROUND).stat().st_size != (samples - seam) * _BYTES:
        raise MediaDamaged("the music could not be made to go round", code="music")
