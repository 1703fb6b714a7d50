"""Packing a piece into segments for playlists: packets are copied, no codec runs.

A step leaves segments `video-0`, `video-1`, … and `audio-0`, …, cut as `timeline.segments` says;
whichever of the two a stretch has none of, it has no files of. Its facts name both codecs as
playlists do, and hold both headers, `video-init` and `audio-init`, in base64: headers are the same
for all pieces of a profile, and a file of the store that is purged for one of them is gone for all.
For the same reason segments of two pieces never have equal bytes, not even those of two silences.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from chainer.errors import RenderError
from chainer.mp4 import Mp4, Mp4Error, read_mp4
from chainer.mp4.codec_names import audio_codec, video_codec
from chainer.mp4.fragment import audio_init, audio_segment, video_init, video_segment
from chainer.render.piece import audio_spec, video_spec
from chainer.render.spec import SegmentsSpec
from chainer.timebase import AAC_PRIMING
from chainer.timeline.segments import picture_cuts, sound_cuts

VIDEO, AUDIO = "video", "audio"


def init_name(track: str) -> str:
    """The name of a track's header among a step's facts."""
    return f"{track}-init"


def segment_name(track: str, number: int) -> str:
    """The name of a track's segment `number` among a step's files."""
    return f"{track}-{number}"


def edges_of(spec: SegmentsSpec, track: str) -> tuple[int, ...]:
    """The edges of a step's segments, in frames of the clip or packets of its sound."""
    grid, spacing = spec.profile.grid, max(1, spec.profile.key_spacing)
    if track == VIDEO:
        return picture_cuts(*spec.frames, grid, spacing)
    return sound_cuts(*spec.packets, grid, spacing)


def render_segments(
    spec: SegmentsSpec, piece: IO[bytes], folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Pack `piece` in `folder`: (the files by name, facts)."""
    files: dict[str, Path] = {}
    facts: dict[str, Any] = {}
    try:
        index = read_mp4(piece)
        for track, packed in ((VIDEO, _video), (AUDIO, _audio)):
            if not edges_of(spec, track):
                continue
            facts[track], header, segments = packed(spec, index, piece)
            facts[init_name(track)] = b64encode(header).decode("ascii")
            for number, data in enumerate(segments):
                name = segment_name(track, number)
                files[name] = folder / f"{name}.m4s"
                files[name].write_bytes(data)
    except Mp4Error as error:
        raise RenderError(f"a piece cannot be cut into segments: {error}", code="piece") from error
    return files, facts


def _video(spec: SegmentsSpec, index: Mp4, piece: IO[bytes]) -> tuple[str, bytes, Iterator[bytes]]:
    """(codec, header, segments) of the pictures."""
    track, told = index.track("vide"), video_spec(index, spec.profile)
    place, owner = spec.at_frame - spec.frames[0], bytes.fromhex(spec.piece)
    segments = (
        video_segment(piece, track, first, last, told, place + first, owner)
        for first, last in pairwise(edges_of(spec, VIDEO))
    )
    return video_codec(told), video_init(told), segments


def _audio(spec: SegmentsSpec, index: Mp4, piece: IO[bytes]) -> tuple[str, bytes, Iterator[bytes]]:
    """(codec, header, segments) of the sound."""
    track, told = index.track("soun"), audio_spec(index, spec.profile)
    place, owner = spec.at_packet - spec.packets[0], bytes.fromhex(spec.piece)
    segments = (
        audio_segment(piece, track, first, last, place + first, owner)
        for first, last in pairwise(edges_of(spec, AUDIO))
    )
    return audio_codec(told), audio_init(told, AAC_PRIMING), segments
