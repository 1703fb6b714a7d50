"""Looks at one take once: its pictures and sound become an `Observation`.

    media ──read_footage──> small pictures ──look_at_world──> stills, ends, light
                            large pictures ──find_people────> sightings
                            sound ─────────sound_of─────────> loudness, background

Nothing here knows of an edge or of another take. Refuses only what cannot be decoded: black,
still, silent, soundless, tiny and very wide takes give an observation with notes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from chainer.graph import Appearance
from chainer.media.frames import (
    Footage,
    FootageRequest,
    RawPicture,
    kept_rate,
    read_footage,
)
from chainer.media.info import MediaInfo, VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.memory.faces import load_faces
from chainer.memory.keys import observation_key
from chainer.memory.observation import Observation, Picture, Sample, Sighting, Sound
from chainer.memory.people import CastBox, find_people
from chainer.memory.policy import FacePolicy
from chainer.memory.sound import sound_of
from chainer.memory.world import look_at_world
from chainer.timebase import time_text

_QUALITY = 92
_NEAR = Fraction(1, 4)
"""Seconds by which a box may lie outside the part that plays: its end is often declared as the
file's length."""
_FRAME = Fraction(1, 25)


def observe(
    source: SourceFile,
    info: MediaInfo,
    window_start: Fraction,
    window_seconds: Fraction,
    *,
    cast: Sequence[Appearance] = (),
    references: Mapping[str, Sequence[bytes]] | None = None,
    faces: FacePolicy,
    limits: MediaLimits,
    rate: Fraction = Fraction(30),
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Observation:
    """Look at `[window_start, window_start + window_seconds)` of the media, in its own seconds.

    `cast` are the declared appearances, `references` encoded pictures of characters, `rate` that
    of the film it will play in, `folder` where raw pictures may lie meanwhile. Raises as
    `read_footage` does, and `SettingsError` for face models that cannot be used.
    """
    video = info.video
    if video is None:
        raise ValueError("a take without pictures is refused at the door")
    references = references or {}
    boxes, notes = _placed(cast, window_start, window_seconds)
    # Without models, boxes and references nobody can be found, and large pictures cost the most.
    search = bool(boxes or references) or load_faces(faces) is not None
    request = FootageRequest(
        start=window_start,
        seconds=window_seconds,
        rate=rate,
        large_per_second=Fraction(2 if search else 0),
        moments=tuple(one.seconds for one in boxes if one.box is not None),
    )
    footage = read_footage(source, info, request, limits=limits, cancel=cancel, folder=folder)
    fps = kept_rate(video)
    small = [_sample(picture, video) for picture in footage.small]
    look = look_at_world(small, fps=fps, seconds=window_seconds)
    notes += [*_media_notes(video, footage), *look.notes]
    sightings: tuple[Sighting, ...] = ()
    if search:
        large = [_sample(picture, video) for picture in footage.large]
        people = find_people(large, boxes, references, faces)
        sightings = people.sightings
        notes += people.notes
    sound, words = _sound(info, footage)
    for array in (look.head, look.tail, *(still.pixels for still in look.stills)):
        array.setflags(write=False)
    width, height = video.display_size
    return Observation(
        key=observation_key(
            source.digest,
            window_start,
            window_seconds,
            cast=cast,
            references=references,
            faces=faces,
            rate=rate,
        ),
        seconds=window_seconds,
        fps=fps,
        width=width,
        height=height,
        head=look.head,
        tail=look.tail,
        stills=look.stills,
        world=look.world,
        sound=sound,
        sightings=sightings,
        last_frame=_jpeg(_upright(footage.last, video)),
        measurable=not _is_wide(video),
        notes=tuple(dict.fromkeys([*notes, *words])),
    )


def _placed(
    cast: Sequence[Appearance], start: Fraction, seconds: Fraction
) -> tuple[list[CastBox], list[str]]:
    """The declared appearances on the window's clock, and what is said of those outside it."""
    found: list[CastBox] = []
    notes: list[str] = []
    for one in cast:
        at = one.at - start
        if one.box is None:
            found.append(CastBox(one.character, None, min(max(at, Fraction(0)), seconds)))
        elif -_NEAR <= at <= seconds + _NEAR:
            x, y, width, height = (float(part) for part in one.box)
            inside = min(max(at, Fraction(0)), max(seconds - _FRAME, Fraction(0)))
            found.append(CastBox(one.character, (x, y, width, height), inside))
        else:
            notes.append(
                f"the box of {one.character} at {time_text(one.at)} s lies outside the part "
                "that plays and is not used"
            )
    return found, notes


def _sample(picture: RawPicture, video: VideoInfo) -> Sample:
    return Sample(picture.seconds, _upright(picture, video))


def _upright(picture: RawPicture, video: VideoInfo) -> Picture:
    """The pixels as they are shown: turned clockwise, then mirrored where the file asks."""
    stored = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, 3)
    turned = np.rot90(stored, -(video.rotation // 90))
    return np.ascontiguousarray(turned[:, ::-1] if video.flipped else turned)


def _is_wide(video: VideoInfo) -> bool:
    """Whether its colours are of another kind than those of the film."""
    return bool(video.hdr) or video.colour_primaries == "bt2020"


def _media_notes(video: VideoInfo, footage: Footage) -> list[str]:
    notes = list(footage.notes)
    if video.hdr:
        notes.append("its colours are of high dynamic range and cannot be compared")
    elif _is_wide(video):
        notes.append("its colours are of a wide gamut and cannot be compared")
    return notes


def _sound(info: MediaInfo, footage: Footage) -> tuple[Sound | None, list[str]]:
    if footage.sound is None:
        return None, [] if info.audio is not None else ["it has no sound"]
    sound = sound_of(footage.sound)
    return sound, [] if sound.integrated is not None else ["it is silent"]


def _jpeg(pixels: Picture) -> bytes:
    whole, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not whole:
        raise ValueError(f"a picture of {pixels.shape} cannot be written as JPEG")
    return data.tobytes()
