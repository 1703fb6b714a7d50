"""The last step of every canonical clip, atom or card: sound finished, streams packed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from chainer.profile import Profile
from chainer.render.encoder import sound_file
from chainer.render.piece import pack
from chainer.render.run import Measured, Runner
from chainer.render.sound import BYTES_PER_SAMPLE, SoundFacts, clip_packets, finish_sound
from chainer.timeline.slot import keyframes

PICTURE = "picture.mp4"
RAW_SOUND = "sound.f32"
SILENCE = Measured(float("-inf"), float("-inf"))


def clip_keys(frames: int, profile: Profile) -> tuple[int, ...]:
    """The keyframes of a clip of so many frames."""
    return keyframes(frames, profile.grid, profile.key_spacing)


def write_silence(folder: Path, samples: int, name: str = RAW_SOUND) -> None:
    """Raw silence where there is no sound."""
    with (folder / name).open("wb") as stream:
        stream.truncate(samples * BYTES_PER_SAMPLE)


def finish_clip(
    runner: Runner,
    frames: int,
    measured: Measured,
    profile: Profile,
    folder: Path,
    gain: Fraction = Fraction(0),
) -> tuple[dict[str, Path], SoundFacts]:
    """From `picture.mp4` and the raw sound in `folder` to the files of a canonical clip.

    They are `piece`, pictures and sound for copying, and `sound`, the master for joints. `gain`
    is in dB over the house loudness.
    """
    samples = profile.grid.samples(frames)
    facts = finish_sound(runner, folder / RAW_SOUND, samples, measured, profile, folder, gain)
    piece = folder / "piece.mp4"
    pack(
        piece,
        profile,
        video=folder / PICTURE,
        frames=frames,
        keys=clip_keys(frames, profile),
        audio=folder / sound_file(profile),
        packets=clip_packets(samples),
    )
    return {"piece": piece, "sound": folder / "sound.flac"}, facts
