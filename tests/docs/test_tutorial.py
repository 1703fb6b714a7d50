"""The tutorial does what it says, from its first command to its last."""

from __future__ import annotations

from pathlib import Path

import pytest

from .console import DOCS, Typed, checkout, missing, run, typed

PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")


def test_console_blocks_are_read() -> None:
    page = "```console exit=4\n$ one\na … b\n\nc\n$ two\n```\n\n```sh\n$ no\n```\n"
    assert typed(page) == [Typed("one", ("a", "b", "c"), 4), Typed("two", (), 4)]
    assert missing(("a", "b"), "xa yb") is None
    assert missing(("b", "a"), "xa yb") == "a"


def test_the_tutorial_goes_through_every_room() -> None:
    commands = [one.command for one in typed(PAGE)]
    words = "demo check chains plan compose verify edit memory report series batch consent"
    for word in words.split():
        assert any(one.startswith(f"chainer {word} ") for one in commands), word
    assert any("--hls" in one and "--otio" in one for one in commands)


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    for one in typed(PAGE):
        done = run(one.command, folder)
        assert done.returncode == one.status, f"$ {one.command}\n{done.stdout}"
        lacks = missing(one.shows, done.stdout)
        assert lacks is None, f"$ {one.command}\nlacks {lacks!r}:\n{done.stdout}"
    for name in ("demo/episode.mp4", "memory.png", "relay.edl", "out/season/index.html"):
        assert (folder / name).stat().st_size > 0
