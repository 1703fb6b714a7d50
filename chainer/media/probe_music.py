"""What is in an untrusted file of music? Asked of the same child process as for clips.

Only the sound counts. Pictures, be they of a clip or the cover of a record, are neither read nor
decoded; nothing else is either, until the music is laid under a film (`render.music`).
"""

from __future__ import annotations

import threading

from chainer.media.declared import Declared, read_declared
from chainer.media.describe import describe_audio
from chainer.media.info import MEDIA_SCHEMA, MediaInfo
from chainer.media.judge import damaged, judge_header, refuse, refuse_streams
from chainer.media.judge_music import judge_heard, judge_music, judge_music_streams, judge_wave
from chainer.media.limits import MediaLimits, music_limits
from chainer.media.notes import differences, hole_notes
from chainer.media.probe import ask, first_line
from chainer.media.raw import RawAnswer, RawRead, RawSound, RawStream, ratio
from chainer.media.sniff_music import music_container_of
from chainer.media.source import SourceFile
from chainer.media.wave import WaveEnd, wave_end

_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
"""What is meant where a WAV counts its channels and names none."""


def probe_music(
    source: SourceFile, *, limits: MediaLimits, cancel: threading.Event | None = None
) -> MediaInfo:
    """What `source` holds as music: `video` is None, whatever the file shows besides.

    `limits` are those for clips. Raises `MediaRefused` when it has no sound, is hostile, of no
    accepted kind or beyond the limits, `MediaDamaged` when it is broken, `Cancelled` when
    `cancel` is set. Safe to call from many threads.
    """
    path, limits = source.path, music_limits(limits)
    container = music_container_of(source, limits)
    declared = read_declared(source.fd) if container == "mov" else Declared()
    judge_header(path, declared, limits)
    end = wave_end(source.fd) if container == "wav" else WaveEnd.WITHIN
    judge_wave(path, end)
    raw, complaints = ask(source, container, limits, cancel, sound_only=True)
    if "exceeds max_streams" in complaints:
        refuse_streams(path, None, limits)
    if raw.open_error:
        damaged(
            path,
            "begins like music and cannot be opened: " + (first_line(complaints) or raw.open_error),
            reason="open",
        )
    stream = judge_music_streams(path, raw, limits)
    if raw.heard is None:
        refuse(path, "its sound was not read", "report this file", reason="probe")
    sound = judge_heard(path, _as_open(raw.heard, end), complaints, limits)
    audio = describe_audio(stream, sound)
    audio = audio.model_copy(update={"layout": _LAYOUTS.get(audio.layout, audio.layout)})
    judge_music(path, container, audio, ratio(stream.seconds), limits)
    info = MediaInfo(
        schema=MEDIA_SCHEMA,
        container=container,
        bytes=source.size,
        seconds=audio.seconds,
        streams=len(raw.streams),
        video=None,
        audio=audio,
    )
    return info.model_copy(update={"notes": _notes(info, raw, stream, sound)})


def _as_open(heard: RawRead, end: WaveEnd) -> RawRead:
    """Without the one packet that is cut short where the sound ends with the file."""
    if end is not WaveEnd.OPEN or heard.sound is None or heard.sound.corrupt != 1:
        return heard
    return heard.model_copy(update={"sound": heard.sound.model_copy(update={"corrupt": 0})})


def _notes(info: MediaInfo, raw: RawAnswer, stream: RawStream, sound: RawSound) -> tuple[str, ...]:
    # Of an MP3 FFmpeg guesses the length by the first frames, where no header says it.
    declared = None if info.container == "mp3" else ratio(stream.seconds)
    found = differences(info, declared_seconds=declared)
    found += hole_notes(sound.hole * ratio(stream.tick))
    if any(one.type == "video" and not one.cover for one in raw.streams):
        found.append("its pictures are not used")
    count = sum(one.type == "audio" for one in raw.streams)
    if count > 1:
        found.append(f"it has {count} sound streams; the first is used")
    return tuple(found)
