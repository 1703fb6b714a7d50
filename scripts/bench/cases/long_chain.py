"""A thousand atoms: memory stays small and cost grows with the length, not faster."""

from __future__ import annotations

from bench.atoms import small_atoms
from bench.cases.sync_chain import lengths, random_order, write_chain
from bench.measure import Run
from bench.outcome import Goal, Outcome, megabytes
from bench.workshop import (
    SMALL,
    Workshop,
    compose,
    manifest,
    shared_store,
    write_settings,
)

_TRIES = 2


def long_chain(shop: Workshop) -> Outcome:
    """First all joints are made over the whole chain, then three lengths are timed."""
    counts = [50, 100, 200] if shop.quick else [250, 500, 1000]
    files = [
        file
        for file, length in zip(
            small_atoms(shop, "sync", lengths(shop)), lengths(shop), strict=True
        )
        if length == 300
    ]
    room = shop.room("long")
    write_settings(room, SMALL)
    write_chain(room, files, random_order(counts[-1], len(files)))
    first = _compose(shop, counts[-1])
    outcome = Outcome("long", f"A chain of {counts[-1]} atoms")
    runs: dict[int, Run] = {}
    for _ in range(_TRIES):
        for length in counts:
            run = _compose(shop, length)
            if length not in runs or run.cost.cpu < runs[length].cost.cpu:
                runs[length] = run
    facts = manifest(room / f"out-{counts[-1]}")
    for label, run in [("first time", first), *((f"{n} atoms", runs[n]) for n in counts)]:
        outcome.rows.append(
            {
                "chain": label,
                "CPU s": round(run.cost.cpu, 2),
                "wall s": round(run.cost.wall, 2),
                "own peak MB": megabytes(run.cost.own_peak),
                "largest child MB": megabytes(run.cost.child_peak),
                "written MB": megabytes(run.cost.written),
            }
        )
    a, b, c = (runs[n].cost.cpu for n in counts)
    expected = counts[-1] * 300 - (counts[-1] - 1) * 12
    outcome.goals = [
        Goal("own peak, making joints", megabytes(first.cost.own_peak), 300, " MB"),
        Goal("own peak, all cached", megabytes(runs[counts[-1]].cost.own_peak), 300, " MB"),
        Goal("largest child", megabytes(first.cost.child_peak), 300, " MB"),
        Goal("cost of twice the length / cost", (c - b) / (b - a), 2.5),
        Goal("frames missing or too many", abs(facts["frames"] - expected), 0),
    ]
    outcome.notes = [
        f"{len(files)} media of 10 s at {SMALL.width}x{SMALL.height} repeat under other ids; "
        f"film of {facts['frames']:,} frames.",
        f"Least of {_TRIES}. Linear growth: the second doubling costs twice the first.",
    ]
    return outcome


def _compose(shop: Workshop, length: int) -> Run:
    path = ",".join(f"n{n + 1}" for n in range(length))
    store = shared_store(shop)
    return compose(shop.room("long"), "chain.json", f"out-{length}", "--path", path, store=store)
