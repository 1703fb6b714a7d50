"""`chainer edit` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command.consenting import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path, atoms=0)
    nodes = [
        {"id": name, "media": f"{name}.mp4", "author": "p-bo", "title": f"Clip {name}"}
        for name in ("c1", "c2", "c3")
    ]
    nodes[1]["takes"] = [{"media": "other.mp4"}]  # type: ignore[assignment]
    edges = [
        {"source": one, "target": other, "kind": "continuation"}
        for one, other in (("c1", "c2"), ("c2", "c3"), ("c1", "c3"))
    ]
    home.write({"schema": "chainer.graph/1"}, nodes, edges)
    home.graph.write_text(json.dumps(json.loads(home.graph.read_text()), indent=2) + "\n")
    for name in ("c1", "c2", "c3", "other"):
        (tmp_path / f"{name}.mp4").write_bytes(b"x")
    return home


def test_edit_undo_redo_and_log(home: Home) -> None:
    before = home.graph.read_bytes()
    said = home.done("edit", "graph.json", "c2", "--trim", "1.2:9", "--gain", "-3",
                     "--caption", "1:2=Hello; $(x) [0:v]", "--joint", "crossfade:2/5")  # fmt: skip
    lines = said.out.splitlines()
    assert lines[:2] == ["--- graph.json", "+++ graph.json"]
    assert '+        "start": "1.2",' in lines
    assert "next build: c2 is made again, with the joints c1 → c2, c2 → c3" in said.out
    assert lines[-1].startswith('edit 1: c2: dialogue added: 1 entry; trim.start added: "1.2"')
    again = home.done("edit", "graph.json", "c2", "--trim", "1.20:9.0", "--gain", "-3.0")
    assert again.out == "nothing changed: the file says so already\n"
    assert (
        home.done("edit", "graph.json", "--undo")
        .out.splitlines()[-1]
        .startswith("undo of edit 1: c2: dialogue taken away: 1 entry")
    )
    assert home.graph.read_bytes() == before
    home.done("edit", "graph.json", "--redo")
    log = home.done("edit", "graph.json", "--log", "--json").json["edits"]
    assert [(one["number"], one["kind"], one["stands"]) for one in log] == [
        (1, "edit", False),
        (2, "undo", False),
        (3, "redo", True),
    ]
    shown = home.done("edit", "graph.json", "--log").out.splitlines()
    assert [line.split()[2] for line in shown] == ["edit", "undo", "redo"]


def test_edit_for_machines(home: Home) -> None:
    done = home.done("edit", "graph.json", "c2", "--take", "2", "--slot", "extended:16:fuse",
                     "--status", "draft", "--title", "", "--silence", "trim", "--json",
                     "--dry-run").json  # fmt: skip
    assert (done["changed"], done["dry_run"], done["number"]) == (True, True, None)
    assert done["atoms"] == ["c2"]
    assert {"kind", "of", "graph", "words", "diff", "affected"} <= set(done)
    assert '+        "fill": "fuse"' in done["diff"]
    assert '-      "title": "Clip c2",' in done["diff"]
    assert not (home.folder / "graph.json.history.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["c22", "--title", "x"], 2, 'did you mean "c2"'),
        (["c2"], 2, "say what to change"),
        ([], 2, "say which ATOM"),
        (["c2", "--undo"], 2, "stands alone"),
        (["--undo", "--log"], 2, "stands alone"),
        (["--undo"], 2, "nothing to undo"),
        (["--redo"], 2, "nothing to redo"),
        (["c2", "--trim", "1:2", "--no-trim"], 2, "not both"),
        (["c2", "--replace", "a.mp4", "--take", "2"], 2, "not both"),
        (["c2", "--from", "c1", "--title", "x"], 2, "give --joint too"),
        (["c3", "--joint", "fade"], 2, "2 edges lead to c3; name one with --from: c2:continuation"),
        (["c1", "--joint", "fade"], 2, "nothing leads to c1"),
        (["c2", "--joint", "cut:1"], 2, "a cut takes no time"),
        (["c2", "--slot", "extended:14.9"], 2, "15 to 20"),
        (["c2", "--slot", "extended:20.1"], 2, "15 to 20"),
        (["c2", "--take", "3"], 2, "takes 1 to 2"),
        (["c2", "--replace", "gone.mp4"], 3, "there is no file gone.mp4"),
        (["c2", "--replace", "/etc/passwd"], 2, "absolute"),
        (["c2", "--caption", "bell\x07"], 2, "no line of dialogue"),
        (["c2", "--caption", "1:2=bell\x07"], 2, "control characters"),
    ],
)
def test_what_is_refused(home: Home, words: list[str], status: int, told: str) -> None:
    before = home.graph.read_bytes()
    said = home.run("edit", "graph.json", *words)
    assert (said.status, said.out) == (status, "")
    assert told in said.err
    assert home.graph.read_bytes() == before
    machine = home.run("edit", "graph.json", *words, "--json")
    assert machine.json["error"]["exit_status"] == status


def test_a_planned_atom_may_name_a_file_to_come(home: Home) -> None:
    home.done("edit", "graph.json", "c2", "--replace", "gone.mp4", "--status", "planned")
    said = home.run("edit", "graph.json", "c2", "--status", "published")
    assert (said.status, "there is no file gone.mp4" in said.err) == (3, True)


def test_a_graph_in_a_database_is_not_edited(home: Home) -> None:
    for words in (["c2", "--title", "x"], ["--undo"], ["--log"]):
        said = home.run("edit", "sqlite:///g.db", *words)
        assert said.status == 2
        assert "chainer graph export" in said.err


def test_captions_from_and_long_text(home: Home) -> None:
    long = "word " * 2000
    home.done("edit", "graph.json", "c3", "--from", "c2", "--joint", "card:Later",
              "--caption", f"1:9={long}", "--caption", "0:1=First")  # fmt: skip
    home.done("edit", "graph.json", "c3", "--caption", "#2=short", "--no-trim")
    value = json.loads(home.graph.read_text())
    assert [line["text"] for line in value["nodes"][2]["dialogue"]] == ["First", "short"]
    assert value["edges"][1]["joint"] == {"kind": "card", "text": "Later"}
    home.done("edit", "graph.json", "c3", "--no-captions")
    assert "dialogue" not in json.loads(home.graph.read_text())["nodes"][2]
