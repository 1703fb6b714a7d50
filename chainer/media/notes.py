"""What is odd about a file, told to people: what its header says against what it holds.

Notes never decide anything. A header that lies is not refused for it, because the file
counts, not what it says of itself; a person should know all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainer.media.info import AudioInfo, FieldOrder, HdrKind, MediaInfo, VideoInfo

_LENGTHS_AGREE = Fraction(1, 4)
_STARTS_AGREE = Fraction(1, 10)


def differences(
    info: MediaInfo,
    *,
    declared_seconds: Fraction | None = None,
    declared_frames: int = 0,
    declared_sizes: Sequence[tuple[int, int]] = (),
    declared_rate: Fraction | None = None,
) -> list[str]:
    """What the header declares and the file does not bear out, one sentence each.

    Seconds, pictures, pixels, pictures per second; what is None, 0 or empty was not
    declared. Lengths within a quarter of a second agree: encoders round and pad.
    """
    found: list[str] = []
    if declared_seconds and abs(declared_seconds - info.seconds) > _LENGTHS_AGREE:
        found.append(
            f"its header declares {_about(declared_seconds)} s; it holds {_about(info.seconds)} s"
        )
    video = info.video
    if video is None:
        return found
    if declared_frames > 0 and declared_frames < video.frames:
        found.append(f"its header declares {declared_frames} pictures; it shows {video.frames}")
    if declared_sizes and (video.width, video.height) not in declared_sizes:
        width, height = declared_sizes[0]
        found.append(
            f"its header declares {width} x {height} pixels; its pictures have "
            f"{video.width} x {video.height}"
        )
    if declared_rate and abs(declared_rate - video.frame_rate) > video.frame_rate / 10:
        found.append(
            f"its header declares {_about(declared_rate)} frames a second; "
            f"it shows {_about(video.frame_rate)}"
        )
    return found


def picture_notes(video: VideoInfo, *, leading: int, hidden: int, untimed: int) -> list[str]:
    """What people should know of the picture stream.

    The counts are of packets: before the first keyframe, cut away by an edit list, and
    without a time.
    """
    found: list[str] = []
    if leading:
        found.append(f"its first {leading} pictures lack a keyframe and cannot be shown")
    if hidden:
        found.append(f"an edit list hides {hidden} of its pictures")
    if untimed:
        found.append(f"{untimed} of its pictures have no time and are dropped")
    if video.variable_rate:
        found.append(f"its frame rate varies, about {_about(video.frame_rate)}")
    if video.interlaced:
        order = "top" if video.field_order is FieldOrder.TOP_FIRST else "bottom"
        found.append(f"it is interlaced, {order} field first")
    if video.hdr is not HdrKind.NONE:
        found.append(f"it is tagged as HDR ({video.hdr.value.upper()})")
    if video.alpha:
        found.append("it has transparency, which is not kept")
    if video.rotation:
        found.append(f"it is stored turned by {video.rotation} degrees")
    if video.flipped:
        found.append("it is stored mirrored")
    return found


def sound_notes(video: VideoInfo, audio: AudioInfo | None, hole: Fraction) -> list[str]:
    """What people should know of the sound.

    `hole` is the longest time without a packet, in seconds.
    """
    if audio is None:
        return ["it has no sound"]
    found: list[str] = []
    if abs(audio.start - video.start) > _STARTS_AGREE:
        late = audio.start - video.start
        found.append(
            f"its sound starts {_about(abs(late))} s {'after' if late > 0 else 'before'}"
            " the picture"
        )
    if abs(audio.end - video.end) > _LENGTHS_AGREE:
        longer = audio.end - video.end
        found.append(
            f"its sound ends {_about(abs(longer))} s {'after' if longer > 0 else 'before'}"
            " the picture"
        )
    return found + hole_notes(hole)


def hole_notes(hole: Fraction) -> list[str]:
    """What to say of the longest time without a packet of sound, in seconds."""
    return [f"its sound has a hole of {_about(hole)} s"] if hole > _LENGTHS_AGREE else []


def _about(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")
