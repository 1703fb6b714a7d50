"""Packing freshly encoded streams into a piece for the store, and checking them first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import IO

from chainer.errors import RenderError
from chainer.mp4 import (
    PCM_CODEC,
    AudioSpec,
    Mp4,
    Mp4Error,
    VideoSpec,
    raw_index,
    read_mp4,
    write_piece,
)
from chainer.profile import Profile
from chainer.timebase import AAC_PRIMING


def read_index(path: Path) -> Mp4:
    """The index of a file that FFmpeg or we have just written."""
    try:
        with path.open("rb") as stream:
            return read_mp4(stream)
    except Mp4Error as error:
        raise RenderError(f"{path.name} came out unreadable: {error}", code="piece") from error


def video_spec(index: Mp4, profile: Profile) -> VideoSpec:
    """What the pictures of `index` share with all others of the profile."""
    track = index.track("vide")
    return VideoSpec(track.config, track.entry, track.width, track.height, profile.fps, track.codec)


def sound_index(path: Path, profile: Profile) -> Mp4:
    """The index of freshly coded sound: of plain samples, as if they were packets."""
    if not profile.pcm:
        return read_index(path)
    spec = AudioSpec(b"", profile.sample_rate, profile.channels, PCM_CODEC)
    return raw_index(path.stat().st_size, spec)


def audio_spec(index: Mp4, profile: Profile) -> AudioSpec:
    """What the sound of `index` shares with all others of the profile."""
    track = index.track("soun")
    return AudioSpec(track.config, profile.sample_rate, profile.channels, track.codec)


def pack(
    target: Path,
    profile: Profile,
    *,
    video: Path | None,
    frames: int,
    keys: tuple[int, ...],
    audio: Path,
    packets: tuple[int, int],
) -> None:
    """Write the piece: `frames` pictures with keyframes at `keys`, and packets [first, last).

    Raises `RenderError` where the encoder did not do what it was told: a piece that is one
    frame short would shift everything after it.
    """
    sound = sound_index(audio, profile)
    track = sound.track("soun")
    if track.skip != AAC_PRIMING or track.samples < packets[1]:
        raise RenderError(
            f"the sound was coded in {track.samples} packets after {track.skip} samples of "
            f"priming; {packets[1]} after {AAC_PRIMING} were expected",
            code="piece",
        )
    picture = None
    if video is not None:
        index = read_index(video)
        _check_picture(index, profile, frames, keys)
        picture = ("video", index, video_spec(index, profile))
    files = {"video": video, "audio": audio}
    write_piece(
        target,
        picture,
        ("audio", sound, audio_spec(sound, profile), *packets),
        partial(_open, files),
    )


def _open(files: dict[str, Path | None], name: str) -> IO[bytes]:
    path = files[name]
    assert path is not None
    return path.open("rb")


def _check_picture(index: Mp4, profile: Profile, frames: int, keys: tuple[int, ...]) -> None:
    track = index.track("vide")
    if track.samples != frames:
        raise RenderError(
            f"the encoder gave {track.samples} frames, not {frames}",
            code="frames",
            frames=track.samples,
            expected=frames,
        )
    if track.reordered:
        raise RenderError("the encoder reordered frames", code="piece")
    if (track.width, track.height) != (profile.width, profile.height):
        raise RenderError(f"the picture is {track.width}x{track.height}", code="piece")
    if absent := sorted(set(keys) - set(track.sync)):
        raise RenderError(f"there are no keyframes at {absent}", code="piece")
