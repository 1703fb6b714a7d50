"""A hundred atoms with flashes and chirps: sync and the identity of every frame, to the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.atoms import SMALL_MARKS, small_atoms
from bench.identity import alone, identify, places
from bench.outcome import Goal, Outcome
from bench.peers import concat_copy
from bench.sync import Meeting, flash_times, meetings, middle, worst
from bench.watch import Heard, Shown, listen, watch
from bench.workshop import (
    SMALL,
    Workshop,
    compose,
    line_edges,
    manifest,
    shared_store,
    write_graph,
    write_settings,
)

_LENGTHS = [300, 300, 297, 300, 291, 300, 288, 303, 300, 277]


def sync_chain(shop: Workshop) -> Outcome:
    """Once with cuts and once with crossfades, over media of whole and odd lengths."""
    count = 20 if shop.quick else 100
    files = small_atoms(shop, "sync", lengths(shop))
    outcome = Outcome("sync", f"Sync and frames over {count} atoms")
    offset = middle([one for file in files for one in meetings(_flashes(file), listen(file).timed)])
    for style, limit in (("cut", 11.0), ("crossfade", 1.0)):
        room = shop.room(f"sync-{style}")
        write_settings(room, SMALL, auto=style)
        order = random_order(count, len(files))
        write_chain(room, files, order)
        path = ",".join(_names(count))
        compose(room, "chain.json", "out", "--path", path, store=shared_store(shop))
        film = room / "out" / "episode.mp4"
        _judge(outcome, style, limit, film, [n + 1 for n in order], offset)
    _copied(shop, outcome, [files[n] for n in random_order(count, len(files))], offset)
    outcome.notes += [
        "Run on: the same where a player plays sound samples one after another, whatever their "
        "timestamps say.",
        f"{len(files)} media of 277 to 303 frames, 180x320, in random order.",
        f"The method's own offset, measured on the sources: {offset:.4f} ms.",
        "Positive: sound late. A cut places the next sound on the AAC grid, at most 10.67 ms off.",
    ]
    return outcome


def lengths(shop: Workshop) -> list[int]:
    """Frames of each medium of the long chains."""
    return _LENGTHS[:4] if shop.quick else _LENGTHS


def random_order(count: int, kinds: int) -> list[int]:
    """`count` numbers below `kinds`, none twice in a row; always the same."""
    rng = random.Random(4)
    order = [0]
    while len(order) < count:
        following = rng.randrange(kinds)
        if following != order[-1]:
            order.append(following)
    return order


def write_chain(room: Path, files: Sequence[Path], order: Sequence[int]) -> None:
    """`chain.json`: atoms n1, n2, … that play `files` in `order`."""
    for file in set(files):
        link = room / file.name
        link.unlink(missing_ok=True)
        link.hardlink_to(file)
    names = _names(len(order))
    media = {name: files[which].name for name, which in zip(names, order, strict=True)}
    write_graph(room / "chain.json", media, line_edges(names))


def _names(count: int) -> list[str]:
    return [f"n{n + 1}" for n in range(count)]


def _flashes(file: Path) -> list[float]:
    return flash_times(watch(file, SMALL_MARKS))


def _judge(
    outcome: Outcome, style: str, limit: float, film: Path, numbers: list[int], offset: float
) -> None:
    shown: list[Shown] = watch(film, SMALL_MARKS)
    heard: Heard = listen(film)
    facts = manifest(film.parent)
    where = places(facts, numbers)
    verdict = identify(shown, where)
    found = meetings(flash_times(shown, alone(where)), heard.timed, offset)
    starts = [place.start / 30 for place in where] + [facts["frames"] / 30]
    head = worst(_within(found, 0.0, starts[10]))
    tail = worst(_within(found, starts[-11], starts[-1]))
    largest = worst(found)
    shifts = [abs(slot["sound_shift_samples"]) / 48 for slot in facts["timeline"]]
    outcome.rows.append(
        {
            "joints": style,
            "flashes": len(found),
            "worst ms": largest and round(largest, 3),
            "run on, worst ms": _run_on(shown, heard, offset, alone(where)),
            "median ms": round(middle(found), 3),
            "first ten atoms, worst": head and round(head, 3),
            "last ten atoms, worst": tail and round(tail, 3),
            "planned shift, worst": round(max(shifts), 3),
            "frames": len(shown),
            "expected": facts["frames"],
            "checked": verdict.checked,
            "wrong": len(verdict.wrong),
            "off time": verdict.late_frames,
            "black": verdict.black,
            "sound s": round(len(heard.run) / 48_000, 4),
            "picture s": round(len(shown) / 30, 4),
        }
    )
    outcome.facts[f"wrong-{style}"] = [list(one) for one in verdict.wrong[:20]]
    growth = None if head is None or tail is None else tail - head
    outcome.goals += [
        Goal(f"{style}: worst sync", largest, limit, " ms"),
        Goal(f"{style}: growth from first to last ten", growth, 1.0 if limit < 2 else 5.5, " ms"),
        Goal(f"{style}: wrong frames", len(verdict.wrong) + abs(len(shown) - facts["frames"]), 0),
        Goal(
            f"{style}: frames not at their time, or black", verdict.late_frames + verdict.black, 0
        ),
    ]


def _copied(shop: Workshop, outcome: Outcome, files: Sequence[Path], offset: float) -> None:
    """The concat demuxer over the same atoms, for comparison."""
    film = shop.room("sync-copy") / "copy.mp4"
    concat_copy(shop, files, film)
    shown, heard = watch(film, SMALL_MARKS), listen(film)
    found = meetings(flash_times(shown), heard.timed, offset)
    largest = worst(found)
    outcome.rows.append(
        {
            "joints": "FFmpeg concat copy",
            "flashes": len(found),
            "worst ms": largest and round(largest, 3),
            "run on, worst ms": _run_on(shown, heard, offset, lambda _: True),
            "median ms": round(middle(found), 3),
            "frames": len(shown),
            "sound s": round(len(heard.run) / 48_000, 4),
            "picture s": round(len(shown) / 30, 4),
        }
    )


def _run_on(
    shown: Sequence[Shown], heard: Heard, offset: float, clear: Callable[[int], bool]
) -> float | None:
    """The worst distance where samples simply follow each other."""
    found = worst(meetings(flash_times(shown, clear), heard.run, offset, follow=True))
    return None if found is None else round(found, 3)


def _within(found: Sequence[Meeting], first: float, last: float) -> list[Meeting]:
    return [one for one in found if first <= one.time < last]
