"""The visible mark: the service's name and the author's handle, drawn once, burned into each clip.

It is a step of its own, a small picture with transparency, one for each author and frame size,
drawn by Pillow in a child process. The conform step lays it over the finished picture. It stands at
one of four stations and jumps to the next every two and a half seconds of the clip's own time,
so that no crop of the film is without it, and copied clips stay copied.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chainer.digest import Digest, bytes_digest, file_digest
from chainer.errors import InputError, RenderError
from chainer.media.child import ChildLimits, run_child
from chainer.profile import Profile
from chainer.render.encoder import laid_format, pixel_format
from chainer.render.run import Runner
from chainer.render.spec import MarkSpec, WatermarkPolicy
from chainer.render.tones import still_in_range
from chainer.timebase import to_frames

MARK = "mark.png"
"""The name of the mark's file in a work folder."""

JUMP_SECONDS = Fraction(5, 2)

STAMP = "DRAFT"
"""What a draft says in every one of its pictures."""

_CHILD = Path(__file__).with_name("mark_child.py")
_BUNDLED = Path(__file__).with_name("fonts") / "InterDisplay-Bold.otf"
_LIMITS = ChildLimits(
    wall_seconds=60, cpu_seconds=60, memory_bytes=1 << 30, file_bytes=64 << 20, open_files=64
)

_SIDE = Fraction(1, 20)
"""Room between the mark and the sides, as a share of the frame's width."""

_STATIONS = (
    ("left", Fraction(13, 100)),
    ("right", Fraction(45, 100)),
    ("left", Fraction(60, 100)),
    ("inner", Fraction(77, 100)),
)
"""Side, and height as a share of what the mark leaves free of the frame. Faces are mostly in the
middle, the apps of phones keep their buttons low on the right and their captions at the bottom: the
lowest station lies above the one and left of the other, where a crop to the middle still has it."""

_STAMP_TOP = Fraction(4, 100)
"""The upper edge of a draft's word, as a share of the height."""

_INNER = Fraction(62, 100)
"""Where `inner` is, as a share of the width that the mark leaves free."""


def mark_specs(
    policy: WatermarkPolicy, authors: Iterable[str], profile: Profile
) -> dict[str, MarkSpec]:
    """The mark of each author at the profile's size; empty where none are burned in.

    Raises `InputError` where the settings name a font that is not there.
    """
    if not (policy.enabled and profile.marks):
        return {}
    font, maker = file_digest(_font_file(policy)), version("pillow")
    return {
        author: MarkSpec(
            handle=author if policy.handle else "",
            policy=policy,
            font=font,
            width=profile.width,
            height=profile.height,
            maker=maker,
        )
        for author in authors
    }


def stamp_spec(profile: Profile) -> MarkSpec | None:
    """What says in every picture of a draft that it is one; None for other films.

    It is no mark that anybody can switch off, and bears nobody's name.
    """
    if not profile.draft:
        return None
    policy = WatermarkPolicy(service=STAMP, handle=False, opacity=100)
    return MarkSpec(
        handle="",
        policy=policy,
        font=file_digest(_BUNDLED),
        width=profile.width,
        height=profile.height,
        maker=version("pillow"),
        stamp=True,
    )


def first_station(media: Digest) -> int:
    """Where the mark of a clip stands first, 0 to 3: as good as random, the same for one media."""
    return int(media[:8], 16) % len(_STATIONS)


def still_name(key: Digest) -> str:
    """The name in a work folder of the mark or text that the step `key` has drawn."""
    return f"still-{key[:24]}.png"


def render_mark(
    runner: Runner, spec: MarkSpec, folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Draw the mark in `folder`: (files by name, facts).

    Raises `InputError` where the font cannot be used, with code `glyph` where it lacks a letter.
    """
    font = _font_file(spec.policy)
    data = font.read_bytes()
    if bytes_digest(data) != spec.font:
        raise InputError(
            f"the font {font} changed after it was planned; run the command again", path=str(font)
        )
    copy = folder / "mark.font"
    copy.write_bytes(data)
    order = {
        "service": spec.policy.service,
        "handle": spec.handle,
        "opacity": spec.policy.opacity,
        "width": spec.width,
        "height": spec.height,
        "font": copy.name,
        "target": MARK,
        "stamp": spec.stamp,
    }
    argv = [sys.executable, "-I", str(_CHILD)]
    result = run_child(
        argv,
        limits=_LIMITS,
        stdin=json.dumps(order).encode(),
        cancel=runner.cancel,
        cwd=folder,
    )
    answer = _answer(result.stdout)
    if missing := answer.get("missing"):
        raise InputError(
            f"the font {font} has no glyph for {missing}, which the watermark needs; name a font "
            "that has, with `watermark.font` in the settings, or another `watermark.service`",
            code="glyph",
            missing=missing,
        )
    if reason := answer.get("unreadable"):
        raise InputError(
            f"{font} cannot be read as a font: {reason}; see `watermark.font` in the settings",
            path=str(font),
        )
    if not result.ok or not answer.get("done"):
        raise RenderError("the watermark could not be drawn", argv=argv, stderr=result.stderr)
    return {"mark": folder / MARK}, {"width": answer["width"], "height": answer["height"]}


def still_input(key: Digest, profile: Profile) -> Any:
    """A mark or text in the work folder as an ffmpeg-python stream: one picture at time 0.

    It is a file of our own, so it has one demuxer and one decoder. At the profile's rate, the
    clip's times need no finer clock beside it.
    """
    import ffmpeg

    return ffmpeg.input(
        still_name(key),
        f="image2",
        pattern_type="none",
        framerate=_ratio(profile.fps),
        protocol_whitelist="file",
        codec_whitelist="png",
        threads=1,
    ).video


def marked(stream: Any, mark: Any, station: int, profile: Profile) -> Any:
    """`stream`, of the house size and rate from time 0, with the mark over it.

    It is turned to the film's colours once and repeats by itself; only pixels under it change.
    """
    mark = still_in_range(mark, profile)
    x, y = _places(station, profile)
    pixels = pixel_format(profile)
    return stream.filter("format", pixels).overlay(
        mark, x=x, y=y, eval="frame", format=laid_format(pixels), eof_action="repeat"
    )


def stamped(stream: Any, key: Digest | None, profile: Profile) -> Any:
    """`stream`, of the profile's size and rate, with the word of a draft over it.

    `key` is that of the step that draws it; None leaves the stream as it is. The word stands still
    in the middle of the upper edge, where no mark, caption or cue comes.
    """
    if key is None:
        return stream
    pixels = pixel_format(profile)
    return stream.filter("format", pixels).overlay(
        still_in_range(still_input(key, profile), profile),
        x="2*floor((W-w)/4)",
        y=int(profile.height * _STAMP_TOP) // 2 * 2,
        eval="init",
        format=laid_format(pixels),
        eof_action="repeat",
    )


def _places(station: int, profile: Profile) -> tuple[str, str]:
    """The mark's place as expressions of the time, always even: chroma has half the pixels."""
    # By the time, not by the filter's own count of frames, which runs one ahead.
    frame = f"floor(t*{_ratio(profile.fps)}+0.5)"
    jump = to_frames(JUMP_SECONDS, profile.fps)
    now = f"st(0,mod(floor({frame}/{jump})+{station},{len(_STATIONS)}))"
    side = profile.width * _SIDE
    columns = {
        "left": f"{float(side):.3f}",
        "right": f"W-w-{float(side):.3f}",
        "inner": f"(W-w)*{float(_INNER):.3f}",
    }
    x = _chosen([columns[column] for column, _ in _STATIONS])
    y = _chosen([f"(H-h)*{float(height):.3f}" for _, height in _STATIONS])
    return f"{now};2*floor({x}/2)", f"{now};2*floor({y}/2)"


def _chosen(values: list[str]) -> str:
    """An expression for the value whose number is in the variable 0."""
    last = f"({values[-1]})"
    for number in reversed(range(len(values) - 1)):
        last = f"if(eq(ld(0),{number}),{values[number]},{last})"
    return last


def _ratio(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _font_file(policy: WatermarkPolicy) -> Path:
    path = Path(policy.font) if policy.font else _BUNDLED
    if not path.is_file():
        raise InputError(
            f"there is no font file {path}; see `watermark.font` in the settings", path=str(path)
        )
    return path


def _answer(stdout: bytes) -> dict[str, Any]:
    try:
        value = json.loads(stdout)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
