"""Which music may come in: the probe's findings against the limits, as `judge` does for clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from chainer.media.info import AudioInfo
from chainer.media.judge import (
    damaged,
    judge_read,
    judge_sound,
    refuse,
    refuse_encrypted,
    refuse_streams,
)
from chainer.media.limits import MUSIC_SECONDS, MediaLimits
from chainer.media.raw import RawAnswer, RawRead, RawSound, RawStream
from chainer.media.wave import WaveEnd

_LENGTHS_AGREE = Fraction(1, 100)


def judge_music_streams(path: Path, raw: RawAnswer, limits: MediaLimits) -> RawStream:
    """The sound stream, when there is one of an accepted kind."""
    if len(raw.streams) > limits.max_streams:
        refuse_streams(path, len(raw.streams), limits)
    audio = raw.stream(raw.audio)
    if audio is None:
        kinds = sorted({stream.type for stream in raw.streams})
        refuse(
            path,
            f"has no sound, only {', '.join(kinds) or 'nothing'}",
            "name a file of music",
            reason="no_sound",
            value=kinds,
        )
    if audio.codec not in limits.audio_codecs:
        refuse(
            path,
            f"its audio codec {audio.codec or 'has no decoder and'} is not accepted",
            "export the music as M4A, MP3, WAV, FLAC or Ogg",
            reason="audio_codec",
            limit=list(limits.audio_codecs),
            value=audio.codec,
        )
    return audio


def judge_wave(path: Path, end: WaveEnd) -> None:
    """Refuse a WAV file whose samples are said to go on beyond its end."""
    if end is WaveEnd.BEYOND:
        damaged(
            path,
            "breaks off before its end: it declares more than it holds",
            reason="truncated",
            value=end.value,
        )


def judge_heard(path: Path, heard: RawRead, complaints: str, limits: MediaLimits) -> RawSound:
    """What was read of the sound, unless it is encrypted, endless, cut short or empty.

    `complaints` are as `judge_read` takes them.
    """
    sound = heard.sound
    if heard.encrypted:
        refuse_encrypted(path)
    if heard.too_many:
        refuse(
            path,
            "has more packets of sound than are counted",
            f"at most {limits.max_seconds} s come in",
            reason="max_packets",
            value=0 if sound is None else sound.packets,
        )
    judge_read(path, heard, complaints)
    if sound is None or not sound.packets:
        refuse(path, "its sound stream is empty", "name a file of music", reason="no_sound")
    return sound


def judge_music(
    path: Path, container: str, audio: AudioInfo, declared: Fraction, limits: MediaLimits
) -> None:
    """Refuse music that lasts too long or too short, of odd channels or rates, or cut short.

    `declared` is how many seconds the header of the stream says, 0 where it says nothing.
    """
    judge_sound(path, audio, limits)
    if audio.seconds > limits.max_seconds:
        refuse(
            path,
            f"lasts more than {limits.max_seconds} s",
            "cut the music shorter; it goes round under a longer film",
            reason="max_seconds",
            limit=limits.max_seconds,
            value=audio.seconds,
        )
    # Of the others the length is a guess, or was looked up before.
    if container == "flac" and declared > audio.seconds + _LENGTHS_AGREE:
        damaged(
            path,
            f"breaks off before its end: it declares {float(declared):.2f} s and holds "
            f"{float(audio.seconds):.2f} s",
            reason="truncated",
            value=audio.seconds,
        )
    if audio.seconds < MUSIC_SECONDS:
        refuse(
            path,
            f"{float(audio.seconds):.3f} s of sound are no music",
            "give a longer file as the bed",
            reason="min_seconds",
            limit=MUSIC_SECONDS,
            value=audio.seconds,
        )
