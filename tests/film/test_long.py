"""Chains far longer than anybody watches: memory stays small, and the work stays linear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .coded import Coded

SCRIPT = """
import json, sys
from pathlib import Path
import chainer
from tests.film.coded import small_settings
folder, count = Path(sys.argv[1]), int(sys.argv[2])
graph = chainer.load_graph(folder / f"chain{count}.json")
plan = chainer.plan_episode(graph, "a0", settings=small_settings(folder / "store"))
episode = chainer.render_episode(plan, folder / f"out{count}")
# Not ru_maxrss: Linux carries that of the process which started this one over its exec.
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
print(json.dumps({"peak_mb": peak, "frames": episode.manifest.frames,
                  "whole": chainer.verify_episode(folder / f"out{count}").whole}))
"""


def chain_of(folder: Path, count: int) -> None:
    nodes = [
        {"id": f"a{n}", "media": f"media/c{n % 4 + 1}.mp4", "author": "p"} for n in range(count)
    ]
    edges = [
        {"source": f"a{n}", "target": f"a{n + 1}", "kind": "continuation"} for n in range(count - 1)
    ]
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Long"},
        "nodes": nodes,
        "edges": edges,
    }
    (folder / f"chain{count}.json").write_text(json.dumps(graph))


@pytest.mark.slow
def test_a_thousand_atoms_take_less_than_300_mb(tmp_path: Path) -> None:
    for number in range(1, 5):
        Coded(number, 60).write(tmp_path / f"media/c{number}.mp4")
    chain_of(tmp_path, 1000)
    argv = [sys.executable, "-c", SCRIPT, str(tmp_path), "1000"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=True)
    found = json.loads(done.stdout)
    assert found["whole"]
    assert found["frames"] == 48 * 999 + 60
    assert found["peak_mb"] < 300
