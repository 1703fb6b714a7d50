"""Killed in the middle: what is there afterwards is whole."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainer.graph import dump_graph
from chainer.graph.sources import open_graph
from chainer.graph.sources.sql.bulk import import_graph
from tests.graph.sources.forests import atom, edge, file_of
from tests.graph.sources.test_import import components, truth, write_stream

PATIENCE = 30.0


def killed(code: str, *argv: str, once: Callable[[], bool]) -> None:
    """Run a program, and kill it as soon as something is so."""
    child = subprocess.Popen([sys.executable, "-c", code, *argv])
    try:
        until = time.monotonic() + PATIENCE
        while not once():
            assert child.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()


IMPORT = (
    "import sys; from chainer.graph.sources.sql.bulk import import_graph as i; i(*sys.argv[1:])"
)


def many(folder: Path) -> Path:
    nodes = [atom(f"a{at}", title=f"Yellow coat {at}") for at in range(60_000)]
    return write_stream(folder / "many.jsonl", file_of(nodes, []))


def few(folder: Path) -> Path:
    path = folder / "few.json"
    path.write_text(json.dumps(file_of([atom("b")], [])))
    return path


def test_an_import_into_a_new_file(tmp_path: Path) -> None:
    stream, base = many(tmp_path), tmp_path / "g.db"

    def begun() -> bool:
        return any(tmp_path.glob(".g.db.*.importing"))

    killed(IMPORT, str(stream), f"sqlite:///{base}", once=begun)
    assert not base.exists()
    assert len(list(tmp_path.glob(".g.db.*"))) == 1
    other = tmp_path / ".g.db.1-1.importing"
    with other.open("wb") as held:  # an import that is still at work
        fcntl.flock(held, fcntl.LOCK_EX)
        import_graph(few(tmp_path), f"sqlite:///{base}")
        assert list(tmp_path.glob(".g.db.*")) == [other]
    other.unlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["few.json", "g.db", "many.jsonl"]
    with open_graph(f"sqlite:///{base}") as source:
        assert list(source.load().atoms) == ["b"]


@pytest.mark.slow
def test_an_import_into_a_database_in_use(tmp_path: Path) -> None:
    stream, url = many(tmp_path), f"sqlite:///{tmp_path / 'g.db'}"
    import_graph(few(tmp_path), url)
    journal = tmp_path / "g.db-journal"
    before = (tmp_path / "g.db").stat().st_size

    def begun() -> bool:
        return journal.exists() and (tmp_path / "g.db").stat().st_size > before + 2_000_000

    killed(IMPORT, str(stream), url, once=begun)
    # A reader cannot roll back what was left; the next writer does.
    import_graph(few(tmp_path), url, replace=True)
    with open_graph(url) as source:
        assert list(source.load().atoms) == ["b"]
        assert source.find("yellow") == []


EDIT = """
import sys
from chainer.graph.sources import edit_graph
with edit_graph(sys.argv[1]) as editor:
    for at in range(400):
        edges = [{"source": f"a{n}", "target": f"a{n + 1}", "kind": "remix"}
                 for n in (at, at + 500)]
        editor.add_edges(edges)
        print(at, flush=True)
"""


@pytest.mark.slow
def test_edges_come_together_or_not_at_all(tmp_path: Path) -> None:
    nodes = [atom(f"a{at}") for at in range(1000)]
    path = tmp_path / "g.json"
    for kill in range(3):
        url = f"sqlite:///{tmp_path / f'{kill}.db'}"
        path.write_text(json.dumps(file_of(nodes, [])))
        import_graph(path, url)
        changed = (tmp_path / f"{kill}.db").stat().st_mtime_ns

        def begun(at: int = kill, changed: int = changed) -> bool:
            journal = tmp_path / f"{at}.db-journal"
            return journal.exists() and (tmp_path / f"{at}.db").stat().st_mtime_ns > changed

        killed(EDIT, url, once=begun)
        with_two(url)


def with_two(url: str) -> None:
    """Edges are there by twos, and everything that is kept about them is right."""
    from chainer.graph.sources import edit_graph

    with edit_graph(url) as editor:  # a writer rolls back what was left
        editor.add_atoms([atom("z")])
    with open_graph(url) as source:
        graph = source.load()
        counted: Any = source
        assert counted.about().edges == len(graph.edges)
    assert len(graph.edges) % 2 == 0
    assert components(url) == truth(dump_graph(graph))
    assert edge("a0", "a1", "remix")["source"] in graph.atoms
