"""What media may come in: sizes, lengths, rates, containers and codecs, and the probe's limits.

Holds one frozen policy, `MediaLimits`, what it means for music, and the exact time that media
models write to disk. Refuses unknown keys. Every limit has one default, here.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from chainer.timebase import parse_time, time_text

ExactTime = Annotated[
    Fraction,
    BeforeValidator(parse_time),
    PlainSerializer(time_text, return_type=str),
    WithJsonSchema({"type": "string", "description": 'exact, such as "9.5" or "1001/30000"'}),
]
"""Exact seconds, or a rate per second, written as text: `"9.5"`, `"30000/1001"`."""

CONTAINERS: Final = ("mov", "matroska")
"""The demuxers that are let in, by the first name FFmpeg gives each: `mov` reads MP4, MOV,
M4V and 3GP; `matroska` reads MKV and WebM. All others stay shut, among them those that open
further files (concat, hls, dash, sdp) and those of still images."""

VIDEO_CODECS: Final = (
    *("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores", "dnxhd", "ffv1", "mjpeg"),
)
"""Codecs of moving pictures, by FFmpeg's names. Not among them: png, bmp and other still
images, whose decoders take memory by the size that a header declares."""

AUDIO_CODECS: Final = (
    *("aac", "mp3", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
    *("pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
)
"""Codecs of sound, by FFmpeg's names."""

MUSIC_CONTAINERS: Final = ("mp3", "wav", "flac", "ogg")
"""The demuxers that are let in for music besides those of clips: none opens a further file."""

_MUSIC_TIMES: Final = 10
"""How many times as long as a clip music may be: 100 minutes, unless told otherwise."""

MUSIC_SECONDS: Final = Fraction(1, 10)
"""Less is no music, and goes round as a buzz."""

_DECODERS: Final = {
    "av1": ("libdav1d", "av1", "libaom-av1"),
    "vp8": ("vp8", "libvpx"),
    "vp9": ("vp9", "libvpx-vp9"),
    "mp3": ("mp3float", "mp3"),
    "opus": ("opus", "libopus"),
    "vorbis": ("vorbis", "libvorbis"),
}


def decoder_names(codecs: Iterable[str]) -> list[str]:
    """The decoders of FFmpeg that may read `codecs`, in order: what a codec whitelist lists."""
    return [name for codec in codecs for name in _DECODERS.get(codec, (codec,))]


class MediaLimits(BaseModel):
    """What is accepted from outside. Bytes, seconds, pixels, frames per second, counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(2 << 30, gt=0)
    min_seconds: ExactTime = Fraction(2, 5)
    """Less picture than this is no clip: the shortest joint needs 0.4 s."""
    max_seconds: ExactTime = Fraction(600)
    max_pixels: int = Field(8192 * 4320, gt=0)
    """8K lies within it, upright or not; 16k x 16k and 12,000 x 12,000 do not."""
    max_side: int = Field(8192, gt=0)
    min_side: int = Field(16, gt=0)
    max_fps: int = Field(240, gt=0)
    """Average frames per second; phones record at most 240."""
    max_streams: int = Field(16, gt=0)
    """Phones write up to nine (picture, two sounds, metadata); 900 take 740 MB to open."""
    max_channels: int = Field(8, gt=0)
    min_sample_rate: int = Field(8_000, gt=0)
    max_sample_rate: int = Field(192_000, gt=0)
    max_gap_seconds: ExactTime = Fraction(10)
    """The longest that one picture may stand: a screen recording of a still page has such
    gaps, a timestamp bomb has hours."""
    containers: tuple[str, ...] = CONTAINERS
    video_codecs: tuple[str, ...] = VIDEO_CODECS
    audio_codecs: tuple[str, ...] = AUDIO_CODECS
    probe_wall_seconds: float = Field(30.0, gt=0)
    probe_cpu_seconds: int = Field(20, gt=0)
    probe_memory_bytes: int = Field(600 << 20, gt=0)
    decode_cpu_seconds: int = Field(1800, gt=0)
    decode_wall_seconds: float = Field(3600.0, gt=0)


def music_limits(limits: MediaLimits) -> MediaLimits:
    """What `limits` for clips mean for music: more containers, ten times the length, no picture.

    Without a codec of pictures none is decoded, not even the cover of a record.
    """
    return limits.model_copy(
        update={
            "containers": (*limits.containers, *MUSIC_CONTAINERS),
            "video_codecs": (),
            "max_seconds": _MUSIC_TIMES * limits.max_seconds,
        }
    )
