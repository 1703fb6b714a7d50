"""What may come in: the probe's findings against the limits, one refusal after the other.

Every refusal says what is wrong, where, and what to do, and carries the facts `path`,
`reason` (a stable word, mostly the name of the limit), `limit` and `value`. `MediaRefused`
is for what is hostile, of no accepted kind or beyond the limits, `MediaDamaged` for what
should have been good and is broken.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from chainer.errors import MediaDamaged, MediaRefused
from chainer.media.declared import Declared
from chainer.media.info import AudioInfo, VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.raw import RawAnswer, RawRead, RawScan, RawStream, ratio

_STILL_CODECS = ("png", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegxl", "svg", "apng")


def refuse(path: Path, what: str, remedy: str, **facts: Any) -> NoReturn:
    """Raise `MediaRefused` with one message."""
    raise MediaRefused(f"{path}: {what}; {remedy}", path=str(path), **facts)


def damaged(path: Path, what: str, remedy: str = "", **facts: Any) -> NoReturn:
    """Raise `MediaDamaged` with one message."""
    remedy = remedy or "export or upload it again"
    raise MediaDamaged(f"{path}: {what}; {remedy}", path=str(path), **facts)


def refuse_streams(path: Path, count: int | None, limits: MediaLimits) -> NoReturn:
    """Refuse too many streams; None when they were not counted to the end."""
    refuse(
        path,
        f"has {count or 'too many'} streams, and at most {limits.max_streams} are accepted",
        "export it with one picture and one sound stream",
        reason="max_streams",
        limit=limits.max_streams,
        value=count,
    )


def judge_header(path: Path, declared: Declared, limits: MediaLimits) -> None:
    """Refuse by what an MP4 header says, before any decoder library reads the file."""
    if declared.tracks > limits.max_streams:
        refuse_streams(path, declared.tracks, limits)
    if declared.encrypted:
        refuse_encrypted(path)
    if declared.external:
        refuse(
            path,
            "keeps its samples in another file, which is never opened",
            "export it as one self-contained file",
            reason="external_data",
            value=declared.external,
        )


def judge_streams(path: Path, raw: RawAnswer, limits: MediaLimits) -> RawStream:
    """The picture stream, when its kind and its size may be decoded."""
    if len(raw.streams) > limits.max_streams:
        refuse_streams(path, len(raw.streams), limits)
    video = raw.stream(raw.video)
    if video is None:
        kinds = sorted({stream.type for stream in raw.streams})
        refuse(
            path,
            f"has no picture, only {', '.join(kinds) or 'nothing'}",
            "an atom needs moving pictures",
            reason="no_picture",
            value=kinds,
        )
    _judge_codec(path, "video", video.codec, limits.video_codecs)
    judge_size(path, video.width, video.height, limits)
    audio = raw.stream(raw.audio)
    if audio is not None:
        _judge_codec(path, "audio", audio.codec, limits.audio_codecs)
    return video


def judge_scan(path: Path, scan: RawScan, complaints: str, limits: MediaLimits) -> None:
    """Refuse what is encrypted, endless, cut short, or shows no first picture.

    `complaints` are as `judge_read` takes them.
    """
    pictures = scan.pictures
    if scan.encrypted:
        refuse_encrypted(path)
    if scan.too_many:
        refuse(
            path,
            f"has more than {pictures.packets - 1} pictures",
            f"at most {limits.max_seconds} s at {limits.max_fps} frames a second come in",
            reason="max_pictures",
            limit=pictures.packets - 1,
        )
    judge_read(path, scan, complaints, pictures.corrupt)
    if pictures.packets and not pictures.keyframes:
        damaged(
            path,
            f"has {pictures.packets} pictures and no keyframe to begin with",
            reason="no_keyframe",
            value=pictures.packets,
        )
    if pictures.shown == 0:
        damaged(path, "has a picture track without pictures", reason="no_pictures", value=0)
    if pictures.frame is None:
        damaged(
            path,
            f"its first picture cannot be decoded: {pictures.decode_error or 'nothing came'}",
            reason="decode",
        )
    if pictures.shown == 1:
        refuse(
            path,
            "is a still image: it holds one picture",
            f"an atom needs at least {limits.min_seconds} s of moving pictures",
            reason="one_frame",
            limit=2,
            value=1,
        )
    judge_size(path, pictures.frame.width, pictures.frame.height, limits)


def judge_read(path: Path, read: RawRead, complaints: str, corrupt: int = 0) -> None:
    """Refuse what is cut short or has corrupt packets, of sound or the `corrupt` of pictures.

    `complaints` is what FFmpeg wrote to stderr: for Matroska it alone tells of an early end.
    """
    if read.partial or "File ended prematurely" in complaints:
        damaged(
            path,
            "breaks off before its end: it declares more than it holds",
            reason="truncated",
            value=read.partial,
        )
    corrupt += read.sound.corrupt if read.sound else 0
    if read.read_error or corrupt:
        damaged(
            path,
            f"cannot be read to its end: {read.read_error or 'it has corrupt packets'}",
            reason="read",
            value=corrupt,
        )


def judge_size(path: Path, width: int, height: int, limits: MediaLimits) -> None:
    """Refuse a picture that is too large or too small; 0 is not known yet."""
    for reason, value, limit in (
        ("max_side", max(width, height), limits.max_side),
        ("max_pixels", width * height, limits.max_pixels),
    ):
        if value > limit:
            refuse(
                path,
                f"is {width} x {height} pixels, above the limit {reason} of {limit}",
                "export it smaller; the episode is far below that",
                reason=reason,
                limit=limit,
                value=value,
            )
    if 0 < min(width, height) < limits.min_side:
        refuse(
            path,
            f"is {width} x {height} pixels, and a side of {limits.min_side} is the least",
            "export it larger",
            reason="min_side",
            limit=limits.min_side,
            value=min(width, height),
        )


def judge_time(path: Path, video: VideoInfo, gap: Fraction, limits: MediaLimits) -> None:
    """Refuse pictures that last too long or too short, or come too fast or with holes."""
    if gap > limits.max_gap_seconds:
        refuse(
            path,
            f"one picture stands for {float(gap):.1f} s, and at most "
            f"{limits.max_gap_seconds} s are accepted: its times jump",
            "export it with a steady frame rate",
            reason="max_gap_seconds",
            limit=limits.max_gap_seconds,
            value=gap,
        )
    judge_length(path, video.seconds, limits)
    if video.seconds < limits.min_seconds:
        refuse(
            path,
            f"shows pictures for {float(video.seconds):.2f} s, and {limits.min_seconds} s "
            "is the least",
            "give a longer clip",
            reason="min_seconds",
            limit=limits.min_seconds,
            value=video.seconds,
        )
    # Phones write 240.1 when they mean 240.
    if video.frame_rate > limits.max_fps + 1:
        refuse(
            path,
            f"has {float(video.frame_rate):.0f} frames a second, and at most "
            f"{limits.max_fps} are accepted",
            "export it at 60 frames a second or fewer",
            reason="max_fps",
            limit=limits.max_fps,
            value=video.frame_rate,
        )


def judge_length(path: Path, seconds: Fraction, limits: MediaLimits) -> None:
    """Refuse what lasts too long, pictures or both together."""
    if seconds > limits.max_seconds:
        refuse(
            path,
            f"lasts {float(seconds):.1f} s, and at most {limits.max_seconds} s are accepted",
            "cut it to the part that the atom shows",
            reason="max_seconds",
            limit=limits.max_seconds,
            value=seconds,
        )


def judge_sound(path: Path, audio: AudioInfo, limits: MediaLimits) -> None:
    """Refuse sound with more channels than accepted, or at an odd rate."""
    if not 1 <= audio.channels <= limits.max_channels:
        refuse(
            path,
            f"has {audio.channels} channels of sound, and 1 to {limits.max_channels} are accepted",
            "export it in stereo",
            reason="max_channels",
            limit=limits.max_channels,
            value=audio.channels,
        )
    if not limits.min_sample_rate <= audio.sample_rate <= limits.max_sample_rate:
        refuse(
            path,
            f"has sound at {audio.sample_rate} Hz, and {limits.min_sample_rate} to "
            f"{limits.max_sample_rate} Hz are accepted",
            "export its sound at 48000 Hz",
            reason="sample_rate",
            limit=[limits.min_sample_rate, limits.max_sample_rate],
            value=audio.sample_rate,
        )


def longest_gap(scan: RawScan, tick: tuple[int, int]) -> Fraction:
    """The longest time in seconds from one picture to the next."""
    return max((step for step, _ in scan.pictures.steps), default=0) * ratio(tick)


def _judge_codec(path: Path, kind: str, codec: str, accepted: tuple[str, ...]) -> None:
    if codec in accepted:
        return
    still = " (a still image)" if codec in _STILL_CODECS else ""
    refuse(
        path,
        f"its {kind} codec {codec or 'has no decoder and'}{still} is not accepted",
        "export it as H.264 with AAC sound",
        reason=f"{kind}_codec",
        limit=list(accepted),
        value=codec,
    )


def refuse_encrypted(path: Path) -> NoReturn:
    """Refuse what is under copy protection."""
    refuse(path, "is encrypted", "give it without copy protection", reason="encrypted")
