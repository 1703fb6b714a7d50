"""All chains of a remix tree into one store: every atom and joint is paid for once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from bench.atoms import SMALL_MARKS, generate
from bench.measure import measure
from bench.outcome import Goal, Outcome, megabytes
from bench.workshop import SMALL, Workshop, chainer_words, write_graph, write_settings

_FRAMES = 48
_STEPS = Path(__file__).resolve().parents[1] / "steps_once.py"


def relay_tree(shop: Workshop) -> Outcome:
    """A complete binary tree: the left child continues, the right one is another's remix."""
    depth = 4 if shop.quick else 7
    atoms = 2**depth - 1
    leaves = 2 ** (depth - 1)
    room = shop.room(f"tree-{atoms}")
    names = {f"t{n}": f"t{n}.mp4" for n in range(1, atoms + 1)}
    for n, file in enumerate(names.values(), 1):
        generate(shop, room / file, n, _FRAMES, (SMALL.width, SMALL.height), SMALL_MARKS)
    edges = [
        (f"t{n // 2}", f"t{n}", "remix" if n % 2 else "continuation") for n in range(2, atoms + 1)
    ]
    authors = {name: f"friend-{int(name[1:]).bit_count()}" for name in names}
    write_graph(room / "tree.json", names, edges, authors)
    write_settings(room, SMALL)
    for name in ("apart", "store", "films"):
        shutil.rmtree(room / name, ignore_errors=True)
    once = measure([sys.executable, _STEPS, "tree.json", "t1", "settings.toml", "apart"], room)
    parts = json.loads(once.stdout)
    words = ["compose", "tree.json", "--start", "t1", "--kind", "relay", "--pick", "all"]
    options = ["--settings", "settings.toml", "--quiet", "-o", "films"]
    all_films = measure(chainer_words(*words, *options, "--store", "store"), room)
    again = measure(chainer_words(*words, *options, "--store", "store"), room)
    made = len(list((room / "films").glob("*/episode.mp4")))
    bare = parts["conform"] + parts["joints"]
    looked = bare + parts["look"]
    rows = [
        {"what": f"look at {atoms} media, once", "CPU s": round(parts["look"], 2)},
        {"what": f"conform {parts['conforms']} atoms, once", "CPU s": round(parts["conform"], 2)},
        {"what": f"render {parts['joint_count']} joints, once", "CPU s": round(parts["joints"], 2)},
        {"what": f"compose all {leaves} chains", "CPU s": round(all_films.cost.cpu, 2)},
        {"what": "the same command again", "CPU s": round(again.cost.cpu, 2)},
    ]
    return Outcome(
        name="tree",
        title=f"Relay tree: {atoms} atoms, {leaves} chains of {depth}",
        rows=rows,
        goals=[
            Goal("all chains / (conform once + joints once)", all_films.cost.cpu / bare, 1.15),
            Goal("all chains / (look, conform, joints once)", all_films.cost.cpu / looked, 1.15),
            Goal("episodes that are missing", leaves - made, 0),
            Goal("largest process, own", megabytes(all_films.cost.own_peak), 300, " MB"),
        ],
        notes=[
            f"Atoms of {_FRAMES} frames at {SMALL.width}x{SMALL.height}, so that whatever is done "
            "for each chain weighs heavily beside the encoding.",
            f"Rendering every chain apart would conform {leaves * depth} atoms.",
        ],
        commands=[" ".join(["chainer", *words, *options])],
    )
