"""What the memory costs: processor time of a look and of a step, and how often each is done."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.outcome import Goal, Outcome
from bench.workshop import write_graph

from bench_memory.clips import MEDIA, YUNET
from bench_memory.files import FFMPEG, Studio
from bench_memory.joints import Chain
from bench_memory.workbench import Workbench, mean
from chainer.graph import Atom, Graph, load_graph
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.memory.faces import load_faces
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.recollect import Recollection, Step
from chainer.memory.shelf import Observer
from chainer.profile import HOUSE
from chainer.store import Store
from chainer.timebase import to_seconds
from chainer.timeline.used import SlotPolicy, used_range

_TEN_SECONDS = ("ovi_green_couple_10s.mp4", "ovi_priest_10s.mp4", "bbb_3_v.mp4", "toy_pig_v.mp4")
_LOOPED = ("asl_skull_2.mp4", "asl_yellow_1.mp4")
_DEPTH = 7


def _cpu() -> float:
    """User and system seconds of this process and of its children that have ended."""
    every = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in every)


def _atoms(bench: Workbench) -> list[Path]:
    """720p H.264 clips of ten seconds."""
    folder = bench.folder / "cost"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name in (*_TEN_SECONDS, *_LOOPED):
        source, path = MEDIA / "dev" / name, folder / name
        if not source.exists():
            continue
        if not path.exists():
            words = [FFMPEG, "-v", "error", "-stream_loop", "3", "-i", str(source)]
            words += ["-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1", "-t", "10", "-map", "0:v"]
            words += ["-map", "0:a?" if name in _TEN_SECONDS else "1:a"]
            words += [
                "-vf",
                "fps=30,scale=720:1280",
                "-c:v",
                "libx264",
                "-crf",
                "21",
                "-preset",
                "medium",
            ]
            words += ["-pix_fmt", "yuv420p", "-c:a", "aac", "-y"]
            subprocess.run([*words, str(path)], check=True)
        found.append(path)
    return found[:2] if bench.quick else found


def cost(bench: Workbench) -> Outcome:
    """Case 9: processor seconds of one look at ten seconds, without and with faces, and a step."""
    outcome = Outcome("cost", "Cost of a look at 10 s of 720x1280 H.264, 30 fps, with sound")
    files = _atoms(bench)
    ways = {"without faces": FacePolicy(enabled=False)}
    if YUNET.exists():
        ways["with faces"] = FacePolicy(detector_model=YUNET)
    least: dict[str, list[float]] = {}
    seen = []
    shutil.rmtree(bench.folder / "fresh", ignore_errors=True)
    for way, faces in ways.items():
        load_faces(faces)
        Studio(bench.folder / "warm" / way, faces).look(files[0])  # imports, and models into memory
        for path in files:
            runs = []
            for turn in range(2):
                studio = Studio(bench.folder / "fresh" / f"{way}-{path.stem}-{turn}", faces)
                inspect_media(path, studio.store, studio.limits)
                before = _cpu()
                observation = studio.look(path)
                runs.append(_cpu() - before)
            least.setdefault(way, []).append(min(runs))
            if way == "without faces":
                seen.append(observation)
    for number, path in enumerate(files):
        outcome.rows.append(
            {"clip": path.stem, **{f"CPU s, {way}": times[number] for way, times in least.items()}}
        )
    chain = Chain()
    chain.add(seen[0])
    before = _cpu()
    for number in range(10):
        chain.ask(seen[number % len(seen)])
    step = (_cpu() - before) / 10
    outcome.rows.append({"clip": "mean", **{f"CPU s, {w}": mean(t) for w, t in least.items()}})
    outcome.goals.append(
        Goal("look at 10 s without faces, CPU", mean(least["without faces"]), 1.2, " s")
    )
    outcome.goals.append(
        Goal("look at 10 s with faces, CPU", mean(least.get("with faces", [])), 2.4, " s")
    )
    outcome.goals.append(Goal("one step, CPU", step, 0.2, " s"))
    outcome.notes.append(f"The least of two looks each; load average {os.getloadavg()[0]:.1f}.")
    return outcome


def tree(bench: Workbench) -> Outcome:
    """Case 10: a binary relay tree; every take is looked at once, every step is made once."""
    depth = 5 if bench.quick else _DEPTH
    count = 2**depth - 1
    outcome = Outcome("tree", f"A relay tree of {count} atoms, all {2 ** (depth - 1)} chains")
    folder = bench.folder / "tree"
    shutil.rmtree(folder, ignore_errors=True)  # nothing may be known already
    (folder / "media").mkdir(parents=True, exist_ok=True)
    whole = folder / "one.mp4"
    words = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=96x160:r=30:d=1"]
    subprocess.run([*words, "-pix_fmt", "yuv420p", str(whole)], check=True)
    data = whole.read_bytes()
    for number in range(1, count + 1):
        # A free box makes every file another one.
        box = (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big")
        (folder / "media" / f"{number}.mp4").write_bytes(data + box)
    write_graph(
        folder / "graph.json",
        {f"a{number}": f"media/{number}.mp4" for number in range(1, count + 1)},
        [(f"a{n // 2}", f"a{n}", "continuation") for n in range(2, count + 1)],
    )
    graph = load_graph(folder / "graph.json")
    store = Store(folder / "store")
    looks = steps = 0
    asked = 0
    before = _cpu()
    for turn in range(2):
        observer = Observer(store, MediaLimits(), FacePolicy(enabled=False), rate=HOUSE.fps)
        memory = Recollection(graph, store, observer, MemoryPolicy(), FacePolicy(enabled=False))
        for leaf in range(2 ** (depth - 1), 2**depth):
            road = _road(leaf)
            asked += len(road)
            _walk([f"a{number}" for number in road], graph, folder, store, memory)
        if turn == 0:
            first = observer.observed, memory.stepped
            spent = _cpu() - before
        looks += observer.observed
        steps += memory.stepped
    outcome.rows.append(
        {
            "atoms": count,
            "chains": 2 ** (depth - 1),
            "atoms in all chains, twice": asked,
            "looks": looks,
            "steps": steps,
            "of these in the first walk": f"{first[0]} and {first[1]}",
            "CPU s of the first walk": spent,
        }
    )
    outcome.goals += [
        Goal("looks, beyond one for each atom", abs(looks - count), 0),
        Goal("steps, beyond one for each atom", abs(steps - count), 0),
    ]
    return outcome


def _road(leaf: int) -> list[int]:
    road = [leaf]
    while road[-1] > 1:
        road.append(road[-1] // 2)
    return road[::-1]


def _walk(
    road: Sequence[str], graph: Graph, folder: Path, store: Store, memory: Recollection
) -> None:
    edges = {edge.target: edge for edge in graph.edges}
    done: Step | None = None
    last: Atom | None = None
    for name in road:
        atom = graph.atom(name)
        media = inspect_media(folder / atom.media, store, MediaLimits())
        used = used_range(atom, media.info, HOUSE.fps, SlotPolicy())
        seen = memory.observer.observe(
            media, to_seconds(used.first, HOUSE.fps), to_seconds(used.frames, HOUSE.fps)
        )
        done = memory.step(done.state if done else None, seen.key, atom, last, edges.get(name))
        last = atom
