"""The sound of an extended slot, made of its clips' raw sound: exact length, no gap, no click.

Slower sound keeps its pitch; fused sound crosses over at equal power, from and to the same
loudness; held sound goes on in its room. The whole is measured once, as any clip is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainer.profile import Profile
from chainer.render.ambience import find_room, goes_on
from chainer.render.clip import RAW_SOUND
from chainer.render.run import Measured, Runner, read_ebur128
from chainer.render.sound import raw_input, told, write_raw
from chainer.render.spec import ExtendSpec, Way


def own_name(number: int) -> str:
    """The name in a work folder of the raw sound of one of the slot's clips."""
    return f"own-{number}.f32"


def extend_sound(runner: Runner, spec: ExtendSpec, folder: Path) -> Measured:
    """Make the slot's raw sound in `folder` from that of its clips: how loud it came out."""
    profile = spec.profile
    samples = profile.grid.samples(spec.frames)
    own = [profile.grid.samples(clip.frames) for clip in spec.clips]
    if spec.way is Way.FUSE:
        stream = _fused(runner, spec, own, folder)
    elif spec.way is Way.STRETCH:
        stream = slowed(own_name(0), own[0], samples, profile)
    else:
        room = find_room(folder / own_name(0), own[0])
        stream = goes_on(own_name(0), room, own[0], samples, profile)
    stream = stream.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    argv = runner.argv(write_raw(told(stream.filter("asetpts", "N/SR/TB")), RAW_SOUND))
    return read_ebur128(runner.run(argv, "making a slot's sound", cwd=folder).stderr)


def slowed(name: str, own: int, wanted: int, profile: Profile) -> Any:
    """The raw sound `name` of `own` samples, played slower to `wanted` at its own pitch.

    Rubber Band keeps both channels together and, told to be smooth, the pitch within two cents;
    where it sharpens transients it is up to 16 cents off on steady tones, and FFmpeg's
    `atempo` up to 35 (measured).
    """
    sound = raw_input(name, profile)
    # It is given a little more than there is, so that it has come to the end when we have.
    sound = sound.filter("apad", pad_len=9600)
    return sound.filter(
        "rubberband", tempo=f"{own / wanted:.12f}", channels="together", transients="smooth"
    )


def _fused(runner: Runner, spec: ExtendSpec, own: Sequence[int], folder: Path) -> Any:
    import ffmpeg

    profile = spec.profile
    levels = _levels(runner, spec, folder)
    overlap = own[0] + own[1] - profile.grid.samples(spec.frames)
    streams = []
    for number, level in enumerate(levels):
        sound = raw_input(own_name(number), profile)
        if level:
            sound = sound.filter("volume", f"{level:.2f}dB", precision="double")
        streams.append(sound)
    out = streams[0].filter("afade", t="out", ss=own[0] - overlap, ns=overlap, curve="qsin")
    into = streams[1].filter("afade", t="in", ss=0, ns=overlap, curve="qsin")
    into = into.filter("adelay", f"{own[0] - overlap}S", all=1)
    return ffmpeg.filter([out, into], "amix", inputs=2, duration="longest", normalize=0)


def _levels(runner: Runner, spec: ExtendSpec, folder: Path) -> list[float]:
    """Decibels by which each part is raised so that both are as loud as asked beside each other.

    The louder one stays; the quieter is raised by no more than the profile allows in all.
    """
    import ffmpeg

    target = spec.profile.loudness
    found = []
    for number in range(len(spec.clips)):
        stream = told(raw_input(own_name(number), spec.profile))
        argv = runner.argv(ffmpeg.output(stream, "-", f="null"))
        result = runner.run(argv, "measuring sound", cwd=folder)
        found.append(read_ebur128(result.stderr).loudness)
    heard = [one for one in found if one > float(target.floor)]
    if not heard:
        return [float(clip.gain - spec.clips[0].gain) for clip in spec.clips]
    loudest = max(heard)
    most = max(0.0, float(target.max_gain) - max(0.0, float(target.target) - loudest))
    mean = shared_gain(spec)
    return [
        float(clip.gain) - mean + (min(loudest - one, most) if one > float(target.floor) else 0.0)
        for clip, one in zip(spec.clips, found, strict=True)
    ]


def shared_gain(spec: ExtendSpec) -> float:
    """The gain of the whole slot in dB: that of its clips, by how long each plays."""
    frames = sum(clip.frames for clip in spec.clips)
    return float(sum(clip.gain * clip.frames for clip in spec.clips) / frames)
