"""The same six atoms through chainer and through other tools, by processor time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import peers
from bench.atoms import AtomSet, AtomSource, house_atoms
from bench.measure import CommandError, Run
from bench.outcome import Goal, Outcome, megabytes
from bench.quality import Part, likeness
from bench.sync import flash_times, meetings, middle, worst
from bench.watch import count_frames, listen, watch
from bench.workshop import Workshop, compose, line_edges, write_graph, write_settings
from chainer.profile import HOUSE

_GRAPH = "FFmpeg graph"


def side_by_side(shop: Workshop, source: AtomSource, *, rounds: int = 1) -> Outcome:
    """Cold, new chain and cached beside the peers. With `rounds`, the least of each is taken."""
    atoms = house_atoms(shop, source)
    bench = _Bench(shop, atoms)
    for _ in range(rounds):
        bench.graph()
        bench.cold()
    bench.others()
    bench.again()
    return bench.outcome(rounds)


class _Bench:
    """One comparison while it runs."""

    def __init__(self, shop: Workshop, atoms: AtomSet) -> None:
        self._shop = shop
        self._atoms = atoms
        self._room = shop.room(f"side-{atoms.source.value}")
        self._made: dict[str, tuple[Run, Path | None]] = {}
        self._notes: list[str] = []
        self._commands: list[str] = []
        write_settings(self._room)
        names = [f"a{n + 1}" for n in range(len(atoms.files))]
        for name, file in zip(names, atoms.files, strict=True):
            link = self._room / f"{name}.mp4"
            if not link.exists():
                shutil.copyfile(file, link)
        media = {name: f"{name}.mp4" for name in names}
        mixed = [names[0], *names[2::2], *names[1::2]]
        self._orders = {"cold": names, "reversed": names[::-1], "branched": mixed}
        for name, order in self._orders.items():
            write_graph(self._room / f"{name}.json", media, line_edges(order))

    def graph(self) -> None:
        """The hand-written graph without loudness: the yardstick."""
        out = self._room / "graph.mp4"
        args = (self._shop, self._atoms.files, self._atoms.frames, HOUSE, out)
        self._keep(_GRAPH, peers.hand_written(*args, loudness=False), out)

    def cold(self) -> None:
        """Chainer with an empty store."""
        shutil.rmtree(self._room / "store", ignore_errors=True)
        shutil.rmtree(self._room / "cold", ignore_errors=True)
        self._chain("chainer, cold", "cold", "cold")

    def others(self) -> None:
        """All other tools."""
        shop, atoms, room = self._shop, self._atoms, self._room
        out = room / "loud.mp4"
        args = (shop, atoms.files, atoms.frames, HOUSE)
        self._keep(f"{_GRAPH} + loudnorm", peers.hand_written(*args, out, loudness=True), out)
        out = room / "copy.mp4"
        try:
            self._keep(
                "FFmpeg concat copy, no fades", peers.concat_copy(shop, atoms.files, out), out
            )
        except CommandError as error:
            self._notes.append(f"concat copy failed: {str(error)[-200:]}")
        out = room / "moviepy.mp4"
        self._keep("MoviePy 2.2", peers.moviepy(*args, out), out)
        out = room / "melt.mp4"
        if (run := peers.melt(atoms.files, atoms.frames, HOUSE, out)) is None:
            self._notes.append("melt: not installed")
        else:
            self._keep("melt", run, out)

    def again(self) -> None:
        """Chains over conformed atoms, and the same command once more."""
        self._chain("chainer, new chain, other first atom", "reversed", "new")
        self._chain("chainer, new chain, same first atom", "branched", "branched")
        for _ in range(3):
            self._chain("chainer, cached", "cold", "cold")

    def _chain(self, label: str, graph: str, out: str) -> None:
        path = ",".join(self._orders[graph])
        words = (f"{graph}.json", out, "--path", path)
        run = compose(self._room, *words)
        command = f"chainer compose {graph}.json --path {path} --settings settings.toml -o {out}"
        if command not in self._commands:
            self._commands.append(command)
        self._keep(label, run, self._room / out / "episode.mp4")

    def _keep(self, label: str, run: Run, film: Path) -> None:
        known = self._made.get(label)
        if known is None or run.cost.cpu < known[0].cost.cpu:
            self._made[label] = (run, film)

    def outcome(self, rounds: int) -> Outcome:
        """Measure the films and compare."""
        count, frames = len(self._atoms.files), self._atoms.frames
        rows = [self._row(label, run, film) for label, (run, film) in self._made.items()]
        cpu = {label: run.cost.cpu for label, (run, _) in self._made.items()}
        words = peers.graph_words(self._atoms.files, frames, HOUSE, loudness=False)
        source = self._atoms.source.value
        return Outcome(
            name=f"side-{source}",
            title=f"Side by side, {count} atoms of {frames / 30:g} s, 720x1280 ({source})",
            rows=rows,
            goals=self._goals(cpu, rows),
            notes=[
                f"Atoms: {self._atoms.words}.",
                f"Processor seconds: the least of {rounds} runs (cached: of 3).",
                "VMAF: the middle third of every atom against its source file.",
                *self._notes,
            ],
            commands=[*self._commands, f"ffmpeg {' '.join(words)} graph.mp4"],
        )

    def _goals(self, cpu: dict[str, float], rows: Sequence[dict[str, Any]]) -> list[Goal]:
        graph, movie = cpu[_GRAPH], cpu["MoviePy 2.2"]
        cold, cached = cpu["chainer, cold"], cpu["chainer, cached"]
        goals = [
            Goal("cold / graph", cold / graph, 0.95),
            Goal("cold / MoviePy", cold / movie, 0.25),
            Goal("cached / graph", cached / graph, 0.015),
            Goal("cached, wall", self._made["chainer, cached"][0].cost.wall, 1.0, " s"),
        ]
        goals += [
            Goal(f"new chain / graph ({label})", cpu[f"chainer, new chain, {label}"] / graph, 0.08)
            for label in ("other first atom", "same first atom")
        ]
        wrong = sum(row["frames"] != row["expected"] for row in rows if "chainer" in row["tool"])
        goals.append(Goal("chainer films with a wrong number of frames", wrong, 0))
        return goals

    def _row(self, label: str, run: Run, film: Path) -> dict[str, Any]:
        atoms, cost = self._atoms, run.cost
        count, frames = len(atoms.files), atoms.frames
        copied = "copy" in label
        step = frames if copied else frames - peers.OVERLAP
        order = list(range(count))
        for graph, name in (("reversed", "other first"), ("branched", "same first")):
            if name in label:
                order = [int(atom[1:]) - 1 for atom in self._orders[graph]]
        shown = count_frames(film)
        graph_cpu = self._made[_GRAPH][0].cost.cpu
        movie = self._made["MoviePy 2.2"][0].cost.cpu
        third = frames // 3
        parts = [
            Part(atoms.files[atom], third, place * step + third, third)
            for place, atom in enumerate(order)
        ]
        lossy = not copied and "cached" not in label
        fidelity = likeness(self._shop, film, parts, every=2) if lossy else None
        return {
            "tool": label,
            "CPU s": round(cost.cpu, 3),
            "/ graph": round(cost.cpu / graph_cpu, 4),
            "/ MoviePy": round(cost.cpu / movie, 4),
            "wall s": round(cost.wall, 2),
            "peak MB": megabytes(cost.tree_peak),
            "written MB": megabytes(cost.written),
            "film MB": megabytes(film.stat().st_size),
            fidelity.metric if fidelity else "VMAF": round(fidelity.mean, 2) if fidelity else None,
            "worst sync ms": self._sync(film),
            "frames": shown,
            "expected": count * frames if copied else peers.film_frames(count, frames),
        }

    def _sync(self, film: Path) -> float | None:
        marks = self._atoms.marks
        if marks is None:
            return None
        source = self._atoms.files[0]
        offset = middle(meetings(flash_times(watch(source, marks)), listen(source).timed))
        found = worst(meetings(flash_times(watch(film, marks)), listen(film).timed, offset))
        return None if found is None else round(found, 2)
