"""What is known of a media file: its digest and what it holds, looked up before it is probed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from chainer.digest import Digest, key_of
from chainer.media.info import MEDIA_SCHEMA, MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source
from chainer.store import Presence, Store

PROBE = 1
"""Raised whenever the same file would be described differently: old answers are then not used."""


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
        digest = source.digest
        key = key_of(
            "probe",
            {"digest": digest, "probe": PROBE, "schema": MEDIA_SCHEMA, "limits": _key(limits)},
        )
        presence, record = store.find(key)
        if presence is Presence.CACHED and record is not None:
            try:
                return Inspected(path, digest, MediaInfo.model_validate(record.facts))
            except ValidationError:
                store.discard(key)
        info = probe(source, limits=limits, cancel=cancel)
        store.publish(key, "probe", {}, info.model_dump(mode="json", by_alias=True))
        return Inspected(path, digest, info)


def _key(limits: MediaLimits) -> Digest:
    return key_of("limits", limits.model_dump_json())
