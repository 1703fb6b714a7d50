"""What docs/backend.md tells people to type does what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import chainer
from examples.service.orders import Order
from examples.service.problems import status_of
from tests.examples.serving import ROOT, SMALL, Server

PAGE = (ROOT / "docs" / "backend.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def harbor(graphs: Path) -> Path:
    """A graph by the page's name, whose atoms are a1, a2 … as there."""
    text = re.sub(r'"c(\d)"', r'"a\1"', (graphs / "coded.json").read_text())
    (graphs / "harbor.json").write_text(text)
    return graphs


def test_the_python_runs(harbor: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SMALL + f'[store]\npath = "{tmp_path}/store"\n')
    assert len(blocks("python")) == 3
    told = run([sys.executable, "-c", "\n".join(blocks("python"))], harbor.parent)
    assert "Progress(" in told
    assert "\nout/e2\n" in told.replace(str(tmp_path) + "/", "")
    assert told.endswith("True True () ()\n")
    assert chainer.verify_episode(tmp_path / "out" / "e1").whole


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_commands_run(harbor: Path, tmp_path: Path, serve: Callable[..., Server]) -> None:
    server = serve()
    (script,) = blocks("sh")
    script = script.replace("http://127.0.0.1:8000", str(server.client.base_url).rstrip("/"))
    told = run(["bash", "-euo", "pipefail", "-c", script], tmp_path)
    film = (tmp_path / "film.mp4").read_bytes()
    assert film[4:8] == b"ftyp"
    assert (tmp_path / "part").read_bytes() == film[1000:2000]
    assert json.loads((tmp_path / "episode.json").read_text())["draft"] is True
    assert "event: done" in told
    assert "WEBVTT" in told
    assert '"code":"unknown-atom"' in told


def test_the_tables_are_true() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d, ]+) \| (\d{3}) \|", PAGE, re.MULTILINE)
    told = 0
    for classes, exits, status in rows:
        for name in re.findall(r"`(\w+)`", classes):
            kind = getattr(chainer, name)
            error = kind("g", []) if name == "GraphError" else kind("x")
            assert status_of(error) == int(status), name
            assert str(error.exit_status) in exits.split(", "), name
            told += 1
    assert told == 12
    fields = re.search(r"`POST /episodes` `\{(.*?)\}`", PAGE)
    assert fields is not None
    assert fields[1].replace("?", "").split(", ") == list(Order.model_fields)
    config = (ROOT / "examples" / "service" / "config.py").read_text()
    main = (ROOT / "examples" / "service" / "__main__.py").read_text()
    known = set(re.findall(r'"((?:SERVICE|CHAINER)_[A-Z_]+)"', config + main))
    listed = [line for line in PAGE.splitlines() if line.startswith(("| `SERVICE_", "| `CHAINER_"))]
    assert {name for line in listed for name in re.findall(r"`([A-Z_]+)`", line)} == known
