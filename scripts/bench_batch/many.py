"""A thousand jobs: what their plan and their run take, and that it grows with their number."""

from __future__ import annotations

from bench.measure import Run
from bench.outcome import Goal, Outcome, megabytes
from bench.workshop import write_graph

from bench_batch.clips import small_files
from bench_batch.workbench import (
    SMALL,
    Workbench,
    batch,
    episodes,
    linked,
    told,
    tree_edges,
    write_bare_settings,
    write_jobs,
)

_CLIPS = 6
_FRAMES = 36


def many(bench: Workbench) -> Outcome:
    """All chains of a large tree over few media: planned for three numbers of jobs, then made."""
    jobs = bench.size.jobs
    depth = (jobs - 1).bit_length() + 1
    atoms = 2**depth - 1
    room = bench.fresh("many")
    files = small_files(bench, _CLIPS, _FRAMES)
    names = linked(room, {f"t{n}": files[n % _CLIPS] for n in range(1, atoms + 1)})
    write_graph(room / "tree.json", names, tree_edges(depth))
    write_bare_settings(room, SMALL)
    counts = [jobs // 4, jobs // 2, jobs]
    outcome = Outcome("memory", f"{jobs:,} jobs: chains of {depth} atoms of a tree of {atoms:,}")
    write_jobs(room, "tree.json", "t1", counts[0])
    batch(room, "--dry-run")  # the media have been looked at from now on
    plans: dict[int, Run] = {}
    for count in counts:
        write_jobs(room, "tree.json", "t1", count)
        tries = [batch(room, "--dry-run") for _ in range(2)]
        plans[count] = min(tries, key=lambda run: run.cost.cpu)
        outcome.rows.append(_row(f"plan of {count:,} jobs", plans[count], count))
    runs: dict[int, Run] = {}
    for count in counts:
        # Each into a folder of its own: every film is put together, the steps are there.
        write_jobs(room, "tree.json", "t1", count)
        out = f"films-{count}"
        runs[count] = batch(room, "--workers", "2", out=out)
        steps = told(room, out)["batch"]["steps"]
        row = _row(f"run of {count:,} jobs", runs[count], count)
        outcome.rows.append({**row, "steps made": steps["run"], "films": episodes(room, out)})
    again = batch(room, "--workers", "2", out=f"films-{jobs}")
    outcome.rows.append(_row(f"run of {jobs:,} jobs again", again, jobs))
    outcome.goals = [
        Goal("plan: memory of twice the jobs / memory, growth", _growth(plans, counts), 2.5),
        Goal("run: memory of twice the jobs / memory, growth", _growth(runs, counts), 2.5),
        Goal("plan: CPU of twice the jobs / CPU, growth", _growth(plans, counts, cpu=True), 2.5),
        Goal(f"own peak, {jobs:,} jobs", megabytes(runs[jobs].cost.own_peak), 500, " MB"),
        Goal("episodes that are missing", jobs - episodes(room, f"films-{jobs}"), 0),
        Goal("CPU of an episode again", again.cost.cpu / jobs, 0.15, " s"),
    ]
    outcome.notes = [
        f"{_CLIPS} media of {_FRAMES} frames at {SMALL.width}x{SMALL.height} are played under "
        f"{atoms:,} ids, so that there are few steps and many films.",
        "Growth: so many times what the first doubling took does the second take; 2 is linear. The "
        "least of two plans counts.",
        "The dry run ends with the plan; all media had been looked at before.",
    ]
    outcome.commands = [
        "chainer batch jobs.yaml -o films --settings settings.toml --dry-run",
        "chainer batch jobs.yaml -o films --settings settings.toml --workers 2",
    ]
    return outcome


def _growth(runs: dict[int, Run], counts: list[int], *, cpu: bool = False) -> float:
    a, b, c = (runs[n].cost.cpu if cpu else runs[n].cost.own_peak for n in counts)
    # Where the first doubling takes next to nothing, what it takes is chance.
    return max(c - b, 0.0) / max(b - a, a / 20)


def _row(what: str, run: Run, jobs: int) -> dict[str, object]:
    return {
        "what": what,
        "own peak MB": megabytes(run.cost.own_peak),
        "kB a job": round(run.cost.own_peak / jobs / 1e3, 1),
        "CPU s": round(run.cost.cpu, 2),
        "CPU ms a job": round(run.cost.cpu / jobs * 1e3, 1),
        "wall s": round(run.cost.wall, 1),
        "written MB": megabytes(run.cost.written),
    }
