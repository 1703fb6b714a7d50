"""What is known of a media file: its digest and what it holds, looked up before it is probed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from chainer.digest import Digest, key_of
from chainer.media.info import MEDIA_SCHEMA, MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.probe_music import probe_music
from chainer.media.source import SourceFile, open_source
from chainer.store import Presence, Store

PROBE = 1
"""Raised whenever the same file would be described differently: old answers are then not used."""
PROBE_MUSIC = 1
"""The same for a file asked for its music."""

_Probe = Callable[..., MediaInfo]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A media file: where it lies, the SHA-256 of its bytes, and what they hold."""

    path: Path
    digest: Digest
    info: MediaInfo


def inspect_media(
    path: Path, store: Store, limits: MediaLimits, cancel: threading.Event | None = None
) -> Inspected:
    """Hash the file, then take what the store knows of it, or probe it in a child process.

    Raises `MediaError` as the probe does; a refusal is not kept.
    """
    with open_source(path, limits=limits) as source:
        return _inspected(source, "probe", PROBE, probe, store, limits, cancel)


def inspect_music(
    path: Path, store: Store, limits: MediaLimits, cancel: threading.Event | None = None
) -> Inspected:
    """The same for a file of music: its sound alone, so `info.video` is always None.

    `limits` are those for clips; see `music_limits`. Raises `MediaError` as `probe_music` does.
    """
    with open_source(path, limits=limits) as source:
        return _inspected(source, "probe-music", PROBE_MUSIC, probe_music, store, limits, cancel)


def _inspected(
    source: SourceFile,
    kind: str,
    version: int,
    probe_it: _Probe,
    store: Store,
    limits: MediaLimits,
    cancel: threading.Event | None,
) -> Inspected:
    path, digest = source.path, source.digest
    key = key_of(
        kind,
        {"digest": digest, "probe": version, "schema": MEDIA_SCHEMA, "limits": _key(limits)},
    )
    presence, record = store.find(key)
    if presence is Presence.CACHED and record is not None:
        try:
            return Inspected(path, digest, MediaInfo.model_validate(record.facts))
        except ValidationError:
            store.discard(key)
    info = probe_it(source, limits=limits, cancel=cancel)
    store.publish(key, "probe", {}, info.model_dump(mode="json", by_alias=True))
    return Inspected(path, digest, info)


def _key(limits: MediaLimits) -> Digest:
    return key_of("limits", limits.model_dump_json())
