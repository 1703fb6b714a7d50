"""Measures a take once and keeps the record in the store.

Whoever asks first measures; all others, in other threads and processes too, get what was found. A
record that is damaged or none of ours is thrown away and the file is measured again. numpy is
loaded with the first file that is really measured.
"""

from __future__ import annotations

import threading
from fractions import Fraction

from pydantic import ValidationError

from chainer.digest import Digest, key_of
from chainer.errors import MediaRefused, StoreError
from chainer.media.inspect import Inspected
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.media.sweep import Sweep, sweep
from chainer.quality.heard import quiet_within
from chainer.quality.record import SURVEY, SURVEY_SCHEMA, Survey
from chainer.store import Presence, Store

FILE = "survey.json"


def survey_key(media: Digest) -> Digest:
    """What the survey of a file is kept by."""
    return key_of("survey", {"media": media, "survey": SURVEY, "schema": SURVEY_SCHEMA})


def survey(
    media: Inspected,
    store: Store,
    limits: MediaLimits,
    cancel: threading.Event | None = None,
) -> Survey:
    """What is measured of the whole of `media`: from the store, or by decoding it once.

    Raises `MediaDamaged` where it cannot be decoded, `MediaRefused` where that meets a limit or the
    file changed since it was inspected, `StoreError`, and `Cancelled` when `cancel` is set; a
    refusal is not kept. Safe to call from many threads.
    """
    key = survey_key(media.digest)
    found = _recall(store, key, media.digest)
    if found is not None:
        return found
    with store.claim(key, cancel):
        found = _recall(store, key, media.digest)  # another may have measured while this one waited
        if found is not None:
            return found
        with store.workspace() as folder:
            with open_source(media.path, limits=limits) as source:
                if source.digest != media.digest:
                    raise MediaRefused(
                        f"{media.path} changed after it was inspected; run the command again",
                        code="media-changed",
                        path=str(media.path),
                    )
                swept = sweep(source, media.info, limits=limits, cancel=cancel, folder=folder)
            made = _measured(swept, media)
            data = made.to_json().encode()
            path = folder / FILE
            path.write_bytes(data)
            store.publish(key, "survey", {FILE: path}, {"bytes": len(data)})
        return made


def find_survey(media: Digest, store: Store) -> Survey | None:
    """The survey of a file, if it was ever made; looks at no media."""
    return _recall(store, survey_key(media), media)


def _recall(store: Store, key: Digest, media: Digest) -> Survey | None:
    presence, record = store.find(key)
    if presence is Presence.ABSENT:
        return None
    if presence is Presence.CACHED and record is not None and FILE in record.files:
        try:
            with store.open(record.files[FILE]) as stream:
                found = Survey.model_validate_json(stream.read())
            if found.media == media and found.engine == SURVEY:
                store.use(record)
                return found
        except (StoreError, ValidationError):
            pass  # not what was put there: it is measured again
    store.discard(key)
    return None


def _measured(swept: Sweep, media: Inspected) -> Survey:
    from chainer.quality.measure import levels_of, looks_of, pictures_of

    video = media.info.video
    assert video is not None
    looks, marks = looks_of(swept, video)
    levels = levels_of(swept)
    quiet_start, quiet_end = quiet_within(levels, Fraction(0), video.seconds)
    return Survey(
        schema=SURVEY_SCHEMA,
        engine=SURVEY,
        media=media.digest,
        tick=swept.tick,
        seconds=video.seconds,
        pictures=pictures_of(swept),
        skipped=swept.skipped,
        looks=looks,
        marks=marks,
        sound=levels,
        quiet_start=quiet_start,
        quiet_end=quiet_end,
        notes=(swept.fault,) if swept.fault else (),
    )
