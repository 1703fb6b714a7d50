"""Looks at the end of one take and the start of the next for where they join best, once.

    media ──read_footage──> the last second, the first second ──find_point──> a point

Kept in the store by both media, what of them plays, and the film's rate: every film in which
the two meet shares the answer. OpenCV is loaded with the first pair that is really looked at.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import Digest, key_of
from chainer.errors import MediaRefused
from chainer.media.frames import Footage, FootageRequest, RawPicture, read_footage
from chainer.media.info import VideoInfo
from chainer.media.inspect import Inspected
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.memory.point import Point
from chainer.store import Presence, Store
from chainer.timebase import round_half_up, to_frames, to_seconds

if TYPE_CHECKING:
    from chainer.memory.match import Found
    from chainer.memory.observation import Picture

MEETING = 1
"""Raised whenever the same two takes would meet elsewhere: old answers are then not used."""

RECORD = "meeting"
"""The type of the store's records."""

Kind = Literal["match", "morph"]
Window = tuple[int, int]
"""(first, frames): what of a take plays, in frames of the film."""

_LOOKED_AT = Fraction(1)
_CONTEXT = 2
"""Frames beyond those that may be left out: what moves there says how it goes on."""
_LEAST = 3


class Meeting(BaseModel):
    """Where two takes meet, as the store keeps it.

    `left`, `right` and `made` are those of the point; `match` and `morph` the least discontinuity
    that was found of each kind (None: not looked for), `trust` the share of what changes in the
    morph whose motion was found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.meeting/1"] = Field(default="chainer.meeting/1", alias="schema")
    asked: Kind
    left: int = Field(ge=0)
    right: int = Field(ge=0)
    made: int = Field(ge=0)
    plain: float
    score: float
    match: float | None
    morph: float | None
    trust: float | None
    why: str

    @property
    def point(self) -> Point:
        """What the joint is decided by."""
        return Point(self.left, self.right, self.made, self.plain, self.score, self.why)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return self.model_dump(mode="json", by_alias=True)


def meeting_key(
    left: Digest,
    left_window: Window,
    right: Digest,
    right_window: Window,
    fps: Fraction,
    kind: Kind,
) -> Digest:
    """What a meeting is kept by: the digests of both media, and all else that changes it."""
    return key_of(
        RECORD,
        {
            "version": MEETING,
            "left": [left, *left_window],
            "right": [right, *right_window],
            "rate": fps,
            "kind": kind,
        },
    )


def meet(
    store: Store,
    limits: MediaLimits,
    left: Inspected,
    left_window: Window,
    right: Inspected,
    right_window: Window,
    fps: Fraction,
    kind: Kind,
    cancel: threading.Event | None = None,
) -> Meeting:
    """Where the take `left` goes over into `right`, of which these windows play.

    At most the last second of the one is left out and the first of the other, and less than half of
    either. Raises as `read_footage` does, `MediaRefused` where a file is not the inspected one any
    more, `Cancelled` when `cancel` is set; a refusal is not kept. Safe for many threads.
    """
    key = meeting_key(left.digest, left_window, right.digest, right_window, fps, kind)
    if (known := _recall(store, key)) is not None:
        return known
    with store.claim(key, cancel):
        if (known := _recall(store, key)) is not None:  # another has looked while this one waited
            return known
        with store.workspace() as folder:
            found = _look(
                (left, right), (left_window, right_window), fps, kind, limits, cancel, folder
            )
        store.publish(key, RECORD, {}, found.as_json())
    return found


def _recall(store: Store, key: Digest) -> Meeting | None:
    presence, record = store.find(key)
    if presence is Presence.CACHED and record is not None:
        try:
            found = Meeting.model_validate(record.facts)
        except ValidationError:
            store.discard(key)
        else:
            store.use(record)
            return found
    return None


def _look(
    takes: tuple[Inspected, Inspected],
    windows: tuple[Window, Window],
    fps: Fraction,
    kind: Kind,
    limits: MediaLimits,
    cancel: threading.Event | None,
    folder: Path,
) -> Meeting:
    from chainer.memory.match import find_point

    most = (_most(windows[0], fps), _most(windows[1], fps))
    counts = [
        min(window[1], more + _CONTEXT + 1) for window, more in zip(windows, most, strict=True)
    ]
    (first, frames), (start, _) = windows
    spans = ((first + frames - counts[0], counts[0]), (start, counts[1]))
    if min(counts) < _LEAST:
        why = "too little plays of one of the two to look for more than a plain cut"
        return _plain(kind, why)
    left, right = (
        _pictures(take, span, fps, limits, cancel, folder)
        for take, span in zip(takes, spans, strict=True)
    )
    return _told(kind, find_point(left, right, kind, fps, most))


def _most(window: Window, fps: Fraction) -> int:
    """Frames that may be left out of a take: a second, and less than half of what plays.

    The rest is what the sound of its two joints needs for itself.
    """
    second = to_frames(_LOOKED_AT, fps)
    return max(0, min(second, (window[1] - round_half_up(fps / 6)) // 2))


def _told(kind: Kind, found: Found) -> Meeting:
    point, morph = found.point, found.morph
    return Meeting(
        asked=kind,
        left=point.left,
        right=point.right,
        made=point.made,
        plain=round(found.plain, 3),
        score=round(point.score, 3),
        match=round(found.match.score, 3),
        morph=None if morph is None else round(morph.score, 3),
        trust=None if morph is None else round(morph.trust, 3),
        why=point.why,
    )


def _plain(kind: Kind, why: str) -> Meeting:
    return Meeting(
        asked=kind,
        left=0,
        right=0,
        made=0,
        plain=1.0,
        score=1.0,
        match=None,
        morph=None,
        trust=None,
        why=why,
    )


def _pictures(
    take: Inspected,
    span: Window,
    fps: Fraction,
    limits: MediaLimits,
    cancel: threading.Event | None,
    folder: Path,
) -> list[Picture]:
    """The pictures that a film of `fps` shows in these frames, one for each frame.

    A picture that shows for several frames is the same object in each.
    """
    video = take.info.video
    if video is None:
        raise ValueError("a take without pictures is refused at the door")
    request = FootageRequest(
        start=to_seconds(span[0], fps),
        seconds=to_seconds(span[1], fps),
        rate=fps,
        large_per_second=Fraction(0),
    )
    silent = take.info.model_copy(update={"audio": None})  # its sound is not decoded
    with open_source(take.path, limits=limits) as source:
        if source.digest != take.digest:
            raise MediaRefused(
                f"{take.path} changed after it was inspected; run the command again",
                code="media-changed",
                path=str(take.path),
            )
        footage = read_footage(source, silent, request, limits=limits, cancel=cancel, folder=folder)
    return _by_frame(footage, span[1], fps, video)


def _by_frame(footage: Footage, frames: int, fps: Fraction, video: VideoInfo) -> list[Picture]:
    upright = [_upright(one, video) for one in footage.small]
    shown_from = [round_half_up(one.seconds * fps) for one in footage.small]
    shown_from[0] = 0
    return [upright[bisect_right(shown_from, frame) - 1] for frame in range(frames)]


def _upright(picture: RawPicture, video: VideoInfo) -> Picture:
    """The pixels as they are shown: turned clockwise, then mirrored where the file asks."""
    import numpy as np

    stored = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, 3)
    turned = np.rot90(stored, -(video.rotation // 90))
    return np.ascontiguousarray(turned[:, ::-1] if video.flipped else turned)
