"""A forest of a million atoms in a database: import, one chain's plan, search.

    python -m scripts.bench_batch.forest [--atoms 1000000] [--dir DIR] [--case NAME]

The forest is a Galton-Watson one, Poisson 1.3, at most 12 deep and 3,000 atoms a tree, with a fifth
more continuations; seeded, so that every run makes the same. Cases that measure memory run in a
process of their own. Prints one JSON object a case: `case`, `asked`, `measured`, and what else is
worth knowing.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import exp
from pathlib import Path

SEED = 5
DEEPEST = 12
LARGEST = 3000
CLIPS = 4
AUTHORS = 20_000
CAST = ("mei", "theo", "ines", "gull")
TAGS = ("calm", "sea", "night", "market", "rain", "loud", "slow", "blue")
WORDS = (  # noqa: SIM905 - reads better than a column
    "a girl in a yellow coat walks along the old pier at dawn while the lamp is out and "
    "gulls cry over the harbor market boats rope lantern storm letter bread stairs window "
    "river bridge red umbrella cat bicycle violin snow garden train kite mirror clock "
    "tower island whale"
).split()


def poisson(noise: random.Random, mean: float) -> int:
    """A number of children, as Knuth draws it."""
    floor, product, count = exp(-mean), noise.random(), 0
    while product > floor:
        product *= noise.random()
        count += 1
    return count


def trees(noise: random.Random, atoms: int) -> Iterator[tuple[int, list[int]]]:
    """The depth of each atom and its parents among earlier ones, tree after tree."""
    made = 0
    while made < atoms:
        first, level, depth, size = made, [made], 0, 1
        yield 0, []
        made += 1
        while level and depth < DEEPEST and size < LARGEST and made < atoms:
            depth += 1
            onward = []
            for parent in level:
                for _ in range(poisson(noise, 1.3)):
                    if size >= LARGEST or made >= atoms:
                        break
                    # A fifth of all atoms are continued into from elsewhere in their tree too.
                    more = noise.random() < 0.2
                    other = noise.randrange(first, made) if more else parent
                    yield depth, [parent] if other == parent else [parent, other]
                    onward.append(made)
                    made, size = made + 1, size + 1
            level = onward


def write_stream(path: Path, atoms: int) -> int:
    """Write the forest as a stream; the number of edges."""
    noise = random.Random(SEED)
    people = {
        name: {"name": name.title(), "person": f"p-{name}"} if name != "gull" else {"name": "Gull"}
        for name in CAST
    }
    header = {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "title": "Forest",
            "characters": people,
            "places": {"pier": {"name": "The pier"}, "market": {"name": "The market"}},
        },
    }
    edges = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(header) + "\n")
        for number, (depth, parents) in enumerate(trees(noise, atoms)):
            file.write(json.dumps({"node": _node(noise, number)}, separators=(",", ":")) + "\n")
            for at, parent in enumerate(parents):
                remix = at == 0 and depth > 0 and noise.random() < 0.4
                edge = {
                    "source": f"a{parent}",
                    "target": f"a{number}",
                    "kind": "remix" if remix else "continuation",
                }
                file.write(json.dumps({"edge": edge}, separators=(",", ":")) + "\n")
                edges += 1
    return edges


def _node(noise: random.Random, number: int) -> dict[str, object]:
    said = noise.choices(WORDS, k=14)
    node: dict[str, object] = {
        "id": f"a{number}",
        "media": f"media/c{number % CLIPS}.mp4",
        "author": f"p-{noise.randrange(AUTHORS)}",
        "created": f"2026-{1 + number % 12:02}-{1 + number % 28:02}T08:00:00Z",
        "title": " ".join(said[:3]).capitalize(),
        "prompt": " ".join(said[3:]),
        "tags": noise.sample(TAGS, 2),
    }
    if noise.random() < 0.3:
        node["cast"] = [{"character": noise.choice(CAST)}]
    if noise.random() < 0.2:
        node["place"] = noise.choice(("pier", "market"))
    return node


def make_clips(folder: Path) -> None:
    """A few small clips with picture and sound, shared by all atoms."""
    import imageio_ffmpeg

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(CLIPS):
        out = folder / f"c{number}.mp4"
        if not out.exists():
            subprocess.run(
                [
                    imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error",
                    "-f", "lavfi", "-i", f"testsrc2=s=180x320:r=30:d=2,hue=h={number * 60}",
                    "-f", "lavfi", "-i", f"sine={300 + 100 * number}:r=48000:d=2",
                    "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
                    "-c:a", "aac", "-shortest", "-y", str(out),
                ],
                check=True,
            )  # fmt: skip


def rss() -> float:
    """The memory of this process, in MB, at its most."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def deep_atom(url: str) -> tuple[str, str]:
    """The ends of a chain of twelve atoms in the largest tree."""
    import sqlite3

    with sqlite3.connect(url.removeprefix("sqlite:///")) as base:
        (root,) = base.execute("SELECT pk FROM components ORDER BY size DESC LIMIT 1").fetchone()
        level, way = [root], {root: (root,)}
        while level:
            onward = []
            for name in level:
                for (target,) in base.execute("SELECT target FROM edges WHERE source = ?", (name,)):
                    if target not in way:
                        way[target] = (*way[name], target)
                        if len(way[target]) == 12:
                            ids = [
                                base.execute("SELECT id FROM atoms WHERE pk = ?", (pk,)).fetchone()
                                for pk in (root, target)
                            ]
                            return ids[0][0], ids[1][0]
                        onward.append(target)
            level = onward
    raise SystemExit("no chain of twelve atoms: make the forest larger")


def case_import(folder: Path, atoms: int) -> dict[str, object]:
    """The stream into a new SQLite file."""
    from chainer.graph.sources.sql.bulk import import_graph

    stream, database = folder / "forest.jsonl", folder / "forest.db"
    began = time.monotonic()
    if not stream.exists():
        write_stream(stream, atoms)
    made = round(time.monotonic() - began, 1)
    database.unlink(missing_ok=True)
    cpu = time.process_time()
    done = import_graph(stream, f"sqlite:///{database}", name="forest")
    return {
        "case": "import",
        "asked": "at least 30,000 atoms/s",
        "measured": round(done.atoms / done.seconds),
        "unit": "atoms/s",
        "seconds": done.seconds,
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "atoms": done.atoms,
        "edges": done.edges,
        "components": done.components,
        "peak_mb": rss(),
        "database_mb": round(database.stat().st_size / 1e6),
        "stream_mb": round(stream.stat().st_size / 1e6),
        "stream_seconds": made,
    }


def case_plan(folder: Path, *, memory: bool) -> dict[str, object]:
    """The plan of a chain of twelve atoms, its component loaded, in a new process."""
    url = f"sqlite:///{folder / 'forest.db'}"
    start, end = deep_atom(url)
    make_clips(folder / "media")
    began = time.monotonic()
    from chainer.compose import find_chains, open_store, plan_episode
    from chainer.consent.say import Whom, grant  # noqa: F401 - so that imports are not measured
    from chainer.graph import WalkKind, WalkOptions
    from chainer.graph.sources import load_any
    from chainer.graph.sources.sql import source  # noqa: F401
    from chainer.permission import open_own
    from chainer.settings import Settings

    imports = time.monotonic() - began
    settings = Settings.model_validate(
        {
            "store": {"path": folder / "store"},
            "memory": {"enabled": memory},
            "consent": {"ledger": None},
        }
    )
    open_own(open_store(settings))
    options = WalkOptions(kind=WalkKind.RELAY, end=end)
    runs, loads, cpus, error = [], [], [], None
    for _ in range(4):
        began, cpu = time.monotonic(), time.process_time()
        graph = load_any(url, start, options)
        loads.append(time.monotonic() - began)
        try:
            plan = plan_episode(graph, start, options=options, settings=settings)
        except Exception as raised:
            error = str(raised)[:300]
            chain = find_chains(graph, start, options=options, settings=settings)
            raise SystemExit(f"{error}\n{chain}") from raised
        runs.append(time.monotonic() - began)
        cpus.append(time.process_time() - cpu)
    return {
        "case": f"plan, memory {'on' if memory else 'off'}",
        "asked": "under 0.3 s and 150 MB",
        "measured": round(min(runs[1:]), 3),
        "unit": "s",
        "cpu_seconds": round(min(cpus[1:]), 3),
        "first_seconds": round(runs[0], 3),
        "load_seconds": round(min(loads), 3),
        "import_seconds": round(imports, 3),
        "peak_mb": rss(),
        "atoms_loaded": len(graph.atoms),
        "edges_loaded": len(graph.edges),
        "chain": len(plan.chain.atoms),
    }


def case_search(folder: Path) -> dict[str, object]:
    """Rare words, common words, words and filters."""
    from chainer.graph.sources import open_graph

    asked = {
        "yellow coat": {},
        "the": {},
        "a girl in the rain": {},
        "yellow coat @mei #calm": {"with_": ["@mei"], "tags": ["calm"]},
        "whale @p-7": {"with_": ["p-7"]},
        "#calm": {"tags": ["calm"]},
        "nothingofthekind": {},
    }
    times, began = {}, time.monotonic()
    with open_graph(f"sqlite:///{folder / 'forest.db'}") as source:
        opened = time.monotonic() - began
        for query, more in asked.items():
            words = " ".join(word for word in query.split() if word[0] not in "@#")
            took, cpus = [], []
            for _ in range(5):
                began, cpu = time.monotonic(), time.process_time()
                found = source.find(words, **more)  # type: ignore[arg-type]
                took.append(time.monotonic() - began)
                cpus.append(time.process_time() - cpu)
            times[query] = {
                "ms": round(min(took) * 1000, 1),
                "cpu_ms": round(min(cpus) * 1000, 1),
                "first_ms": round(took[0] * 1000, 1),
                "found": len(found),
            }
    return {
        "case": "search",
        "asked": "under 50 ms",
        "measured": max(one["ms"] for one in times.values()),
        "unit": "ms",
        "cpu_ms": max(one["cpu_ms"] for one in times.values()),
        "open_ms": round(opened * 1000, 1),
        "peak_mb": rss(),
        "queries": times,
    }


def case_viral(folder: Path, atoms: int) -> dict[str, object]:
    """Everything under one start: refused quickly, and told within an end."""
    from chainer.graph import WalkKind, WalkOptions
    from chainer.graph.sources import GraphTooLarge, open_graph
    from chainer.graph.sources.sql.bulk import import_graph

    noise = random.Random(SEED)
    stream, database = folder / "viral.jsonl", folder / "viral.db"
    if not stream.exists():
        info = {"schema": "chainer.graph/1", "title": "Viral"}
        with stream.open("w", encoding="utf-8") as file:
            head = {"directed": True, "multigraph": True, "graph": info}
            file.write(json.dumps(head) + "\n")
            for number in range(atoms):
                node = {"id": f"v{number}", "media": "media/c0.mp4", "author": f"p-{number % 999}"}
                file.write(json.dumps({"node": node}) + "\n")
                if number:
                    parent = noise.randrange(max(0, number - 200_000), number)
                    edge = {"source": f"v{parent}", "target": f"v{number}", "kind": "remix"}
                    file.write(json.dumps({"edge": edge}) + "\n")
    if not database.exists():
        import_graph(stream, f"sqlite:///{database}")
    with open_graph(f"sqlite:///{database}") as source:
        began, cpu = time.monotonic(), time.process_time()
        try:
            source.load("v0", options=WalkOptions(kind=WalkKind.RELAY))
            refused = ""
        except GraphTooLarge as error:
            refused = error.code
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        began = time.monotonic()
        options = WalkOptions(kind=WalkKind.RELAY, end=f"v{atoms - 1}")
        part = source.load("v0", options=options)
        ended = time.monotonic() - began
    return {
        "case": "a million under one start",
        "asked": "refused in well under a second",
        "measured": round(seconds, 3),
        "unit": "s",
        "cpu_seconds": round(cpu, 3),
        "refused": refused,
        "with_end_seconds": round(ended, 3),
        "with_end_atoms": len(part.atoms),
        "peak_mb": rss(),
    }


CASES = {
    "import": case_import,
    "plan": lambda folder, _: case_plan(folder, memory=False),
    "plan-memory": lambda folder, _: case_plan(folder, memory=True),
    "search": lambda folder, _: case_search(folder),
    "viral": case_viral,
}


def main() -> None:
    """Run all cases, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atoms", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--case", choices=CASES)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(CASES[given.case](given.dir, given.atoms)))
        return
    with tempfile.TemporaryDirectory() as own:
        folder = given.dir or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        for name in CASES:
            here = ["--dir", str(folder), "--atoms", str(given.atoms), "--case", name]
            command = [sys.executable, __file__, *here]
            if name == "plan-memory":  # what looking at the clips takes is no part of it
                subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
            subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
