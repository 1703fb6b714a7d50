"""`chainer find` and `chainer graph …`."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import click
import pytest

from chainer.cli.graphs import find, graph
from chainer.cli.options import Session
from chainer.console import Console
from chainer.errors import InputError

HARBOR = "graphs/harbor.json"


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What the command prints."""
    main = click.Group(commands={"find": find, "graph": graph})
    session = Session(Console(machine="--json" in argv, quiet="-q" in argv), threading.Event())
    main.main(args=list(argv), standalone_mode=False, obj=session)
    return capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    return json.loads(run(capsys, *argv, "--json"))


def test_in_counts_find_and_out(
    capsys: pytest.CaptureFixture[str], database: str, tmp_path: Path
) -> None:
    told = run_json(capsys, "graph", "import", HARBOR, database)
    assert (told["name"], told["atoms"], told["edges"], told["components"]) == ("harbor", 16, 17, 1)
    (info,) = run_json(capsys, "graph", "info", database)["graphs"]
    assert (info["largest"], info["base"]) == (16, str(Path("graphs").resolve()))
    for address in (HARBOR, told["url"]):
        found = run_json(capsys, "find", address, "yellow", "--with", "@mei", "--limit", "3")
        assert [one["atom"] for one in found["found"]][:1] == ["a1"]
        lines = run(capsys, "find", address, "yellow").splitlines()
        assert "The light is out" in lines[0]
        assert lines[-1].endswith(("atom", "atoms"))
    out = tmp_path / "out.json"
    assert run_json(capsys, "graph", "export", database, str(out))["readable"] is True
    assert json.loads(out.read_text()) == json.loads(Path(HARBOR).read_text())
    assert "already" in run(capsys, "graph", "upgrade", database)
    with pytest.raises(InputError, match="--replace"):
        run(capsys, "graph", "import", HARBOR, database)
    assert "16 atoms" in run(capsys, "graph", "import", HARBOR, database, "--replace")
    assert run(capsys, "graph", "info", database, "-q") == ""


def test_media_lie_where_base_says(
    capsys: pytest.CaptureFixture[str], database: str, tmp_path: Path
) -> None:
    run(capsys, "graph", "import", HARBOR, database, "--name", "h", "--base", str(tmp_path))
    (info,) = run_json(capsys, "graph", "info", database)["graphs"]
    assert info["base"] == str(tmp_path.resolve())


def test_a_file_is_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["upgrade", HARBOR], ["info", HARBOR], ["import", HARBOR, HARBOR]):
        with pytest.raises(InputError, match="database"):
            run(capsys, "graph", *argv)
