"""A graph with a person in it, a ledger, a store: what tests of the consent commands share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from chainer import permission
from chainer.cli import run
from tests.film.coded import Coded, write_graph

FAST = """
workers = 2
[profile]
width = 180
height = 320
preset = "ultrafast"
crf = 20
level = "3.1"
[card]
title = false
[memory]
enabled = false
"""

MEI, BO, ADA = "p-mei", "p-bo", "p-ada"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


class Home:
    """c1 → c2 → c3 → c4 and c1 → c4, with Mei in c2 and c3, by Bo but for c4, which Ada made."""

    def __init__(self, folder: Path, atoms: int = 4) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.graph = folder / "graph.json"
        self.settings("fast", "")
        if not atoms:
            return
        write_graph(folder, [Coded(n, 40 + 4 * n) for n in range(1, atoms + 1)])
        values = json.loads(self.graph.read_text())
        values["graph"]["ledger"] = "consent.jsonl"
        values["graph"]["characters"] = {"mei": {"name": "Mei", "person": MEI}}
        for node in values["nodes"]:
            node["author"] = ADA if node["id"] == "c4" else BO
            if node["id"] in ("c2", "c3"):
                node["cast"] = [{"character": "mei", "box": [0.1, 0.2, 0.3, 0.4], "at": "0"}]
        short = {"source": "c1", "target": "c4", "kind": "continuation", "key": "short"}
        self.write(values["graph"], values["nodes"], [*values["edges"], short])

    def write(self, about: dict[str, Any], nodes: list[Any], edges: list[Any]) -> None:
        """Write the graph file."""
        values = {"directed": True, "multigraph": True, "graph": about}
        self.graph.write_text(json.dumps({**values, "nodes": nodes, "edges": edges}))

    @property
    def ledger(self) -> Path:
        return self.folder / "consent.jsonl"

    def settings(self, name: str, more: str) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(FAST + more, encoding="utf-8")
        return path

    def run(self, *words: str | Path, store: Path | None = None) -> Said:
        """In this process, in the home's folder, with its store."""
        out, err = io.StringIO(), io.StringIO()
        try:
            with (
                contextlib.chdir(self.folder),
                mock.patch.dict(os.environ, self.env(store), clear=True),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                status = run([str(word) for word in words])
        finally:
            forget_registers()
        assert "Traceback" not in err.getvalue()
        return Said(status, out.getvalue(), err.getvalue())

    def done(self, *words: str | Path, store: Path | None = None) -> Said:
        said = self.run(*words, store=store)
        assert said.status == 0, said.err + said.out
        return said

    def argv(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "chainer", *map(str, words)]

    def env(self, store: Path | None = None) -> dict[str, str]:
        """Ours, with the store, and with no ledger from outside."""
        ours = {name: value for name, value in os.environ.items() if name != "CHAINER_LEDGER"}
        return {**ours, "CHAINER_STORE": str(store or self.store)}

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """As a process of its own."""
        return subprocess.Popen(
            self.argv(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.env(),
            start_new_session=True,
        )

    def compose(self, out: str, *more: str | Path, start: str = "c1") -> Said:
        words = ["compose", self.graph, "--start", start, "-o", out, "--settings", "fast.toml"]
        return self.done(*words, *more)

    def plan(self, *more: str | Path) -> Said:
        return self.run("plan", self.graph, "--start", "c1", "--settings", "fast.toml", *more)


def forget_registers() -> None:
    """Let the next command open its ledger anew, as another process does."""
    while permission._registers:
        permission._registers.popitem()[1].book.close()
