"""Every command's help has an example, and every example runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from chainer.cli import main
from tests.film.coded import FFMPEG

from .console import ROOT, checkout, run

NOT_RUN = {
    "chainer demo -o demo": "the whole sample; `make demo` and the tutorial build it",
    "chainer store gc --store s3://films/chainer --max-bytes 500000000000 --dry-run": "a bucket",
}

FIRST = (
    "graph import", "graph", "story new", "check", "chains", "plan", "compose", "verify", "credits",
    "publish",
)  # fmt: skip
"""Commands that leave what others need, in their order. The rest comes after them by the alphabet,
and the ledger last, since what it takes back is gone."""

LAST = (
    "edit", "consent grant", "consent restrict", "consent show", "consent deny", "consent revoke",
    "consent rerender", "consent catch-up", "consent audit", "consent erase",
)  # fmt: skip


def commands(command: click.Command = main, words: str = "") -> Iterator[tuple[str, str]]:
    """(words, help) of every command."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{words} {name}".strip())
    else:
        yield words, command.help or ""


def examples(text: str) -> list[str]:
    """The lines of a help text's example."""
    block = re.search(r"^\s*Examples?:\n((?:[ ]+chainer .*\n?)+)", text, re.MULTILINE)
    return [] if block is None else [line.strip() for line in block[1].strip().splitlines()]


def in_order() -> list[str]:
    def rank(one: tuple[str, str]) -> tuple[int, str]:
        words = one[0]
        for number, name in enumerate(FIRST):
            if words == name or words.startswith(f"{name} "):
                return number, words
        return (100 + LAST.index(words) if words in LAST else 50), words

    return [line for words, text in sorted(commands(), key=rank) for line in examples(text)]


@pytest.mark.parametrize(("words", "text"), list(commands()), ids=[one for one, _ in commands()])
def test_every_help_has_an_example(words: str, text: str) -> None:
    found = examples(text)
    assert found, f"chainer {words} --help has no example"
    for line in found:
        assert line.startswith(f"chainer {words}"), line


def test_what_is_not_run_is_still_there() -> None:
    assert set(NOT_RUN) <= set(in_order())


def small(folder: Path) -> None:
    """The sample's graph with clips of a second and a half in place of its own."""
    media = sorted((folder / "graphs/harbor/media").glob("*.mp4"))
    assert len(media) > 10
    for number, path in enumerate(media):
        path.unlink()
        picture = f"testsrc2=size=180x320:rate=30:duration=1.5,hue=h={number * 20}"
        sound = f"sine=frequency={200 + 40 * number}:duration=1.5:sample_rate=48000"
        argv = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
        argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        subprocess.run([*argv, str(path)], check=True, capture_output=True)


@pytest.mark.slow
def test_every_example_runs(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    small(folder)
    shutil.copy(ROOT / "graphs/harbor/ref/mei-front.png", folder / "mickey.png")
    for line in (
        "chainer graph import graphs/harbor.json sqlite:///harbor.db",
        "chainer consent grant p-ines --everyone --ledger consent.jsonl",
    ):
        prepared = run(line, folder)
        assert prepared.returncode == 0, prepared.stdout
    failed = []
    for line in in_order():
        if line in NOT_RUN:
            continue
        done = run(line, folder)
        if done.returncode:
            failed.append(f"$ {line}\nexit {done.returncode}\n{done.stdout[-2000:]}")
    assert not failed, "\n\n".join(failed)
