"""What is copied is copied bit by bit, and what is encoded once is close to its source."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.atoms import AtomSource, house_atoms
from bench.outcome import Goal, Outcome, megabytes
from bench.quality import Part, likeness
from bench.workshop import (
    Workshop,
    compose,
    line_edges,
    manifest,
    write_graph,
    write_settings,
)
from chainer.profile import HOUSE
from chainer.store import Presence, Store

_REAL = (
    *("asl_dark_1.mp4", "asl_skull_1.mp4", "asl_skull_2.mp4", "asl_yellow_1.mp4"),
    *("asl_yellow_2.mp4", "bbb_3_v.mp4", "ovi_green_couple_10s.mp4", "ovi_priest_10s.mp4"),
    "toy_pig_v.mp4",
)


def picture(shop: Workshop) -> Outcome:
    """VMAF of every canonical clip, and MD5 of every copied frame."""
    outcome = Outcome("picture", "Picture: VMAF of canonical clips, identity of copied frames")
    generated = house_atoms(shop, AtomSource.GENERATED)
    _films(shop, outcome, "generated", list(generated.files))
    if shop.media is not None:
        real = [shop.media / "dev" / name for name in (_REAL[:2] if shop.quick else _REAL)]
        _films(shop, outcome, "real", real)
    scores = [row["VMAF"] for row in outcome.rows]
    compared = outcome.facts["compared"]
    outcome.goals += [
        Goal("least VMAF of a canonical clip", min(scores), 93, at_least=True),
        Goal("copied frames that differ", outcome.facts["differ"], 0),
    ]
    outcome.notes += [
        f"House profile: x264 {HOUSE.preset}, CRF {HOUSE.crf}, no B-frames. Every fifth frame.",
        f"{compared} copied frames of the films compared by MD5 with the canonical clips.",
        "Clips that need no scaling and no change of frame rate.",
    ]
    return outcome


def _films(shop: Workshop, outcome: Outcome, label: str, files: list[Path]) -> None:
    room = shop.room(f"picture-{label}")
    # Atoms that another case has conformed are the same bytes: take its store.
    store = shop.folder / f"side-{AtomSource.GENERATED.value}" / "store"
    if label != "generated" or not store.exists():
        store = room / "store"
    write_settings(room)
    media = {}
    for number, file in enumerate(files, 1):
        name = f"p{number}.mp4"
        if not (room / name).exists():
            shutil.copyfile(file, room / name)
        media[f"p{number}"] = name
    write_graph(room / "chain.json", media, line_edges(list(media)))
    compose(room, "chain.json", "out", "--path", ",".join(media), store=str(store))
    facts = manifest(room / "out")
    film = list(_hashes(shop, room / "out" / "episode.mp4"))
    new = {
        frame
        for joint in facts["joints"]
        for frame in range(joint["at"], joint["at"] + joint["frames"])
    }
    for slot, file in zip(facts["timeline"], files, strict=True):
        presence, record = Store(store).find(slot["step"])
        assert presence is Presence.CACHED
        assert record is not None
        piece = Store(store).path_of(record.files["piece"].digest)
        whole = Part(file, 0, 0, slot["frames"])
        value = likeness(shop, piece, [whole], every=5)
        hashes = list(_hashes(shop, piece))
        body = [n for n in range(slot["frames"]) if slot["start"] + n not in new]
        differ = sum(film[slot["start"] + n] != hashes[n] for n in body)
        outcome.facts["compared"] = outcome.facts.get("compared", 0) + len(body)
        outcome.facts["differ"] = outcome.facts.get("differ", 0) + differ
        outcome.rows.append(
            {
                "clip": f"{label}: {file.stem}",
                value.metric: round(value.mean, 2),
                "source MB": megabytes(file.stat().st_size),
                "canonical MB": megabytes(piece.stat().st_size),
                "frames": slot["frames"],
                "copied": len(body),
                "differ": differ,
            }
        )


def _hashes(shop: Workshop, path: Path) -> Iterator[str]:
    """The MD5 of every decoded picture."""
    words = ["-loglevel", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough"]
    run = shop.run_ffmpeg([*words, "-f", "framemd5", "-"], shop.folder)
    for line in run.stdout.splitlines():
        if not line.startswith("#"):
            yield line.rsplit(",", 1)[1].strip()
