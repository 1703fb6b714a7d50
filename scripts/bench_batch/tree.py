"""All chains of a tree in one batch, what they cost otherwise, and the same batch again."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.identity import identify, places
from bench.measure import Run, measure
from bench.outcome import Goal, Outcome, megabytes
from bench.peers import hand_written
from bench.watch import watch
from bench.workshop import chainer_words, manifest

from bench_batch.clips import WORLDS, marks_of, small_files, tree_files
from bench_batch.workbench import (
    SMALL,
    Workbench,
    batch,
    counted_ffmpeg,
    episodes,
    path_to,
    starts,
    told,
    write_bare_settings,
    write_tree,
)

_STEPS = Path(__file__).resolve().parents[1] / "bench" / "steps_once.py"
_ROOM = "tree"
_GRAPHS = 3


def tree(bench: Workbench) -> Outcome:
    """Every atom and every joint is paid for once, however many films they are in."""
    size = bench.size
    leaves = 2 ** (size.depth - 1)
    files = tree_files(bench)
    run = _made(bench, files, anew=True)
    room = bench.room(_ROOM)
    report, ledger = told(room), _ledger(room / "films" / "batch.sqlite")
    steps = ledger["conform"]["cpu"] + ledger["joint"]["cpu"]
    outcome = Outcome(
        "tree",
        f"All {leaves} relay chains of a tree of {len(files)} atoms of {size.frames / 30:g} s, "
        f"{size.profile.width}x{size.profile.height}",
    )
    outcome.rows.append(_row(f"batch of {leaves}, 2 workers", run, of=steps))
    for name, found in ledger.items():
        outcome.rows.append(
            {
                "what": f"of these in the children of {found['count']} steps: {name}",
                "CPU s": round(found["cpu"], 2),
                "/ conform + joints": found["cpu"] / steps,
            }
        )
    outcome.goals.append(
        Goal("batch / (its conforms + its joints), CPU", run.cost.cpu / steps, 1.15)
    )
    if bench.apart:
        outcome.goals += _apart(bench, outcome, run.cost.cpu, steps)
    outcome.goals += _by_hand(bench, outcome, files, run.cost.cpu, steps)
    wrong, checked = _identity(bench, files, [leaves, leaves + leaves // 3, 2 * leaves - 1])
    outcome.goals += [
        Goal("episodes that are missing", leaves - episodes(room), 0),
        Goal("steps made more than once, or not made", abs(_surplus(report, ledger)), 0),
        Goal(f"wrong frames of {checked:,} in 3 films", wrong, 0),
        Goal("the batch's own peak", megabytes(run.cost.own_peak), 300, " MB"),
    ]
    outcome.notes += [
        "No title card, memory, mark or signature: the hand-written graph has none of them. "
        "Posters and films are in the batch's cost and not in that of its conforms and joints.",
        f"Atoms are generated: walks through {WORLDS} worlds of bodies and film grain, each with "
        "marks and sound of its own.",
        f"{leaves * size.depth} conforms would be needed for the chains one by one, "
        f"{leaves * size.depth / len(files):.2f} times as many as there are atoms: so many times "
        "less is what sharing alone can save in this tree, and the rest is what each tool pays "
        "for one atom.",
    ]
    outcome.commands = [
        "chainer batch jobs.yaml -o films --settings settings.toml --workers 2 --quiet"
    ]
    return outcome


def again(bench: Workbench) -> Outcome:
    """The same batch once more: with the films there, and with the films removed."""
    leaves = 2 ** (bench.size.depth - 1)
    outcome = Outcome("again", f"The same batch of {leaves} episodes again")
    files = tree_files(bench)
    _made(bench, files)
    _again(outcome, bench.room(_ROOM), "", leaves)
    remembered = bench.room("remembered")
    small = small_files(bench, len(files))
    write_bare_settings(remembered, SMALL, counted=counted_ffmpeg(bench.shop, remembered))
    settings = remembered / "settings.toml"
    settings.write_text(settings.read_text().replace("[memory]\nenabled = false\n", ""))
    assert "[memory]" not in settings.read_text(), "the memory is still off"
    write_tree(remembered, small, bench.size.depth)
    first = batch(remembered, "--workers", "2")
    starts(remembered)
    outcome.rows.append(_again_row("small atoms, with the memory, first time", first, leaves))
    _again(outcome, remembered, ", with the memory", leaves)
    outcome.notes += [
        "FFmpeg is a script that notes each start and becomes the real one; the plan looks into "
        "the ledger and the store alone.",
        "With the films removed, every one is put together from the store anew.",
    ]
    outcome.commands = [
        "chainer batch jobs.yaml -o films --settings settings.toml --workers 2 --quiet"
    ]
    return outcome


def _made(bench: Workbench, files: Sequence[Path], *, anew: bool = False) -> Run:
    """The batch of the tree; with `anew` nothing is there before."""
    room = bench.room(_ROOM)
    if anew:
        for name in ("store", "films"):
            shutil.rmtree(room / name, ignore_errors=True)
    write_bare_settings(room, bench.size.profile, counted=counted_ffmpeg(bench.shop, room))
    write_tree(room, files, bench.size.depth)
    run = batch(room, "--workers", "2")
    starts(room)
    return run


def _again(outcome: Outcome, room: Path, how: str, leaves: int) -> None:
    """Three times again, of which the least counts, and once without the films."""
    runs = [batch(room, "--workers", "2") for _ in range(3)]
    begun = starts(room)
    least = min(runs, key=lambda run: run.cost.cpu)
    steps = told(room)["batch"]["steps"]["run"]
    outcome.rows.append(_again_row(f"again{how}", least, leaves))
    before = {path.parent.name: path.read_bytes() for path in room.glob("films/*/episode.mp4")}
    shutil.rmtree(room / "films")
    delivered = batch(room, "--workers", "2")
    after = {path.parent.name: path.read_bytes() for path in room.glob("films/*/episode.mp4")}
    redone = starts(room)
    outcome.rows.append(_again_row(f"again{how}, films removed", delivered, leaves))
    outcome.goals += [
        Goal(f"CPU of an episode{how}", least.cost.cpu / leaves, 0.15, " s"),
        Goal(f"FFmpegs started in three runs{how}", begun, 0),
        Goal(f"steps made{how}", steps, 0),
        Goal(f"FFmpegs started with the films removed{how}", redone, 0),
        Goal(
            f"films that came out otherwise, or not{how}",
            sum(after.get(name) != film for name, film in before.items()) + leaves - len(after),
            0,
        ),
    ]


def _apart(bench: Workbench, outcome: Outcome, cpu: float, steps: float) -> list[Goal]:
    """The clips and joints made below the films, in a process and a store of their own."""
    room = bench.room(_ROOM)
    shutil.rmtree(room / "apart", ignore_errors=True)
    words = [sys.executable, _STEPS, "tree.json", "t1", "settings.toml", "apart"]
    parts = json.loads(measure(words, room).stdout)
    starts(room)
    bare = parts["conform"] + parts["joints"]
    for name, count in (("conform", parts["conforms"]), ("joints", parts["joint_count"])):
        outcome.rows.append(
            {
                "what": f"without a batch: {count} {name}",
                "CPU s": round(parts[name], 2),
                "/ conform + joints": parts[name] / steps,
            }
        )
    return [Goal("batch / (conform once + joints once, without a batch), CPU", cpu / bare, 1.15)]


def _by_hand(
    bench: Workbench, outcome: Outcome, files: Sequence[Path], cpu: float, steps: float
) -> list[Goal]:
    """Three of the films as FFmpeg graphs that somebody wrote; the rest is extrapolated."""
    size = bench.size
    leaves = 2 ** (size.depth - 1)
    picked = [leaves + n * (leaves - 1) // (_GRAPHS - 1) for n in range(_GRAPHS)]
    room = bench.room("by-hand")
    goals = []
    for loudness in (False, True):
        spent = 0.0
        for leaf in picked:
            atoms = [files[n - 1] for n in path_to(leaf)]
            out = room / f"{leaf}.mp4"
            run = hand_written(bench.shop, atoms, size.frames, size.profile, out, loudness=loudness)
            spent += run.cost.cpu
            out.unlink()
        whole = spent / _GRAPHS * leaves
        name = "hand-written FFmpeg graphs" + (" with loudnorm" if loudness else "")
        for what, seconds in (
            (f"{_GRAPHS} {name}, measured", spent),
            (f"{leaves} {name}, extrapolated", whole),
        ):
            outcome.rows.append(
                {
                    "what": what,
                    "CPU s": round(seconds, 2),
                    "/ conform + joints": seconds / steps,
                    "/ batch": seconds / cpu,
                }
            )
        goals.append(Goal(f"{leaves} {name} / batch, CPU", whole / cpu, 6.0, at_least=True))
    outcome.notes.append(
        f"{_GRAPHS} hand-written graphs were run, to the leaves "
        f"{', '.join(f't{leaf}' for leaf in picked)}; those of all {leaves} are extrapolated."
    )
    return goals


def _identity(bench: Workbench, files: Sequence[Path], leaves: Sequence[int]) -> tuple[int, int]:
    """Frames of three films that are not what their manifests say, and how many were looked at."""
    room, marks = bench.room(_ROOM), marks_of(bench.size)
    by_last = {}
    for path in (room / "films").glob("*/episode.json"):
        facts = manifest(path.parent)
        by_last[facts["chain"][-1]] = (path.parent, facts)
    wrong = checked = 0
    for leaf in leaves:
        folder, facts = by_last[f"t{leaf}"]
        verdict = identify(watch(folder / "episode.mp4", marks), places(facts, path_to(leaf)), 30.0)
        wrong += len(verdict.wrong) + verdict.late_frames + verdict.black
        checked += verdict.checked
        measure(chainer_words("verify", folder), room)
    return wrong, checked


def _ledger(path: Path) -> dict[str, dict[str, Any]]:
    """What the steps of a batch cost, by type, the most costly first."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT type, count(*), sum(cpu_seconds), sum(attempts) FROM steps GROUP BY type"
        ).fetchall()
    finally:
        connection.close()
    rows.sort(key=lambda row: -row[2])
    return {row[0]: {"count": row[1], "cpu": row[2], "attempts": row[3]} for row in rows}


def _surplus(report: dict[str, Any], ledger: dict[str, dict[str, Any]]) -> int:
    count = sum(found["count"] for found in ledger.values())
    attempts = sum(found["attempts"] for found in ledger.values())
    return int(abs(attempts - count) + abs(report["batch"]["steps"]["run"] - count))


def _row(what: str, run: Run, *, of: float) -> dict[str, Any]:
    return {
        "what": what,
        "CPU s": round(run.cost.cpu, 2),
        "/ conform + joints": run.cost.cpu / of,
        "/ batch": 1.0,
        "wall s": round(run.cost.wall, 1),
        "own peak MB": megabytes(run.cost.own_peak),
        "largest child MB": megabytes(run.cost.child_peak),
        "written MB": megabytes(run.cost.written),
    }


def _again_row(what: str, run: Run, leaves: int) -> dict[str, Any]:
    return {
        "run": what,
        "CPU s": round(run.cost.cpu, 2),
        "CPU s an episode": run.cost.cpu / leaves,
        "wall s": round(run.cost.wall, 2),
        "own peak MB": megabytes(run.cost.own_peak),
        "written MB": megabytes(run.cost.written),
    }
