"""Running the `console` blocks of a page: commands after `$ `, what they print below them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```console(?: exit=(\d+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Typed:
    """A command, parts of what it prints, in order, and the exit status."""

    command: str
    shows: tuple[str, ...]
    status: int


def typed(page: str) -> list[Typed]:
    """Every command of the page's console blocks. In what is shown, `…` stands for anything."""
    found = []
    for block in _BLOCK.finditer(page):
        status = int(block[1] or 0)
        for part in re.split(r"^\$ ", block[2], flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            parts = [one.strip() for line in shown for one in line.split("…")]
            found.append(Typed(command, tuple(part for part in parts if part), status))
    return found


def surroundings(folder: Path) -> dict[str, str]:
    """A shell's environment in which `chainer` is ours and the store lies in `folder`."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    tools = Path(sys.executable).parent
    return {
        **kept,
        "PATH": f"{tools}:{kept.get('PATH', '')}",
        "HOME": str(folder / "home"),
        "CHAINER_STORE": str(folder / "store"),
    }


def checkout(folder: Path) -> Path:
    """A copy of what the docs' commands name: the graphs and the examples."""
    for name in ("graphs", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One command line, as a shell runs it; both streams are in `stdout`."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=surroundings(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def missing(shows: tuple[str, ...], printed: str) -> str | None:
    """The first part that is not in what was printed, after the part before it."""
    at = 0
    for part in shows:
        found = printed.find(part, at)
        if found < 0:
            return part
        at = found + len(part)
    return None
