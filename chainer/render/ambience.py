"""What a clip's sound goes on with when the picture is held: its own room, without its words.

The quietest stretch near the end that is not silence is taken for the room. It is not repeated,
which would be heard as a loop, and not mirrored, which turns breath and birds around: noise is
shaped with it, so that pitch and colour, both channels and their likeness stay and all else goes.
The level starts from the room's own and falls slowly; it never stops within the slot.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.profile import Profile
from chainer.render.sound import BYTES_PER_SAMPLE, raw_input

_LOOK_BACK = 120_000
"""Samples before the end in which the room is looked for: 2.5 s, which nearly always has a gap
between two words; further back the room may be another one."""
_HOP = 2400
_HOPS = 10
"""The stretch: ten hops of 50 ms."""
_SILENT = 10 ** (-75 / 20)
"""Below this level a hop is silence, of which no room can be made (digital, or nearly)."""
_BLEND = 14_400
"""Samples in which the clip's own sound gives way to the room: 0.3 s."""
_FALLEN = 10 ** (-12 / 20)
"""What is left of the room where the slot ends: it has fallen by 12 dB."""
_SEED = 20_011


@dataclass(frozen=True, slots=True)
class Room:
    """The stretch that is taken for the room: samples [first, last)."""

    first: int
    last: int


def find_room(raw: Path, samples: int) -> Room | None:
    """The quietest stretch in the last seconds of raw samples; None where all is silence.

    Stretches that hold silence are passed over where any other is left.
    """
    first = max(0, samples - _LOOK_BACK)
    values = array("f")
    with raw.open("rb") as stream:
        stream.seek(first * BYTES_PER_SAMPLE)
        values.frombytes(stream.read((samples - first) * BYTES_PER_SAMPLE))
    hops = [
        math.sqrt(sum(map(_square, values[at : at + 2 * _HOP])) / (2 * _HOP))
        for at in range(0, len(values) - 2 * _HOP + 1, 2 * _HOP)
    ]
    if not hops:
        return None
    wide = min(_HOPS, len(hops))
    best: tuple[bool, float, int] | None = None
    for start in range(len(hops) - wide + 1):
        window = hops[start : start + wide]
        level = math.sqrt(sum(map(_square, window)) / wide)
        # What is loud in one hop alone is a word or a step, not the room: the loudest hop counts.
        candidate = (min(window) < _SILENT, max(window), start)
        if level >= _SILENT and (best is None or candidate < best):
            best = candidate
    if best is None:
        return None
    at = first + best[2] * _HOP
    return Room(at, at + wide * _HOP)


def goes_on(name: str, room: Room | None, own: int, wanted: int, profile: Profile) -> Any:
    """The raw sound `name` of `own` samples, going on in its room to `wanted` (ffmpeg-python)."""
    import ffmpeg

    sound = raw_input(name, profile)
    blend = min(_BLEND, own // 2)
    if room is None:
        return sound.filter("afade", t="out", ss=own - blend, ns=blend).filter(
            "apad", whole_len=wanted
        )
    parts = sound.filter_multi_output("asplit", 2)
    length = room.last - room.first
    shape = parts[1].filter("atrim", start_sample=room.first, end_sample=room.last)
    shape = shape.filter("asetpts", "N/SR/TB")
    shape = shape.filter("afade", t="in", ss=0, ns=length // 2, curve="hsin")
    shape = shape.filter("afade", t="out", ss=length - length // 2, ns=length // 2, curve="hsin")
    rest = wanted - own + blend
    # Uniform noise of amplitude a has the power a^2 / 3, and a filter multiplies it by the sum of
    # its squares; a window of this shape leaves 3/8 of the stretch's.
    amplitude = math.sqrt(3 / (length * 3 / 8))
    noise = ffmpeg.input(
        f"anoisesrc=color=white:seed={_SEED}:sample_rate=48000:amplitude={amplitude:.9f}"
        f":duration={(rest + 2 * length) / 48_000:.6f}",
        f="lavfi",
    ).audio
    # The same noise in both channels: what the room has in common stays common.
    noise = noise.filter("aformat", sample_fmts="fltp").filter_multi_output("asplit", 2)
    noise = ffmpeg.filter(
        [noise[0], noise[1]], "join", inputs=2, channel_layout="stereo", map="0.0-FL|1.0-FR"
    )
    shape = shape.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    tail = ffmpeg.filter([noise, shape], "afir", irnorm=-1, irlink=0, maxir=2)
    # The first samples are not the whole room yet.
    tail = tail.filter("atrim", start_sample=length, end_sample=length + rest)
    tail = tail.filter("asetpts", "N/SR/TB").filter("aformat", sample_fmts="flt")
    # By the sample: a volume that changes from frame to frame buzzes on a steady tone.
    tail = tail.filter("afade", t="out", ss=0, ns=rest, silence=f"{_FALLEN:.6f}", curve="tri")
    tail = tail.filter("afade", t="in", ss=0, ns=blend, curve="qsin")
    tail = tail.filter("adelay", f"{own - blend}S", all=1)
    own_sound = parts[0].filter("afade", t="out", ss=own - blend, ns=blend, curve="qsin")
    mixed = ffmpeg.filter([own_sound, tail], "amix", inputs=2, duration="longest", normalize=0)
    return mixed.filter("apad", whole_len=wanted).filter("atrim", end_sample=wanted)


def _square(value: float) -> float:
    return value * value
