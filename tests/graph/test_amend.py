"""Edits of graph files: what may be said, what is refused, undo, two at once, kills."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import warnings
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.errors import (
    ChainerError,
    GraphError,
    InputError,
    MediaMissing,
    OutputError,
    StoreError,
    WalkError,
)
from chainer.graph import Status, load_graph
from chainer.graph.amend import (
    Caption,
    Edited,
    GainTo,
    JointTo,
    NoCaptions,
    ReplaceMedia,
    SilenceTo,
    SlotTo,
    StatusTo,
    TitleTo,
    TrimTo,
    UseTake,
    edit_graph_file,
    edit_log,
    file,
    history_path,
    parse_caption,
    parse_gain,
    parse_joint,
    parse_slot,
    parse_trim,
    redo_edit,
    undo_edit,
)
from chainer.graph.amend.inverse import taken_back
from chainer.timebase import time_text

from .examples import example

F = Fraction
TIMES = st.fractions(min_value=0, max_value=1000, max_denominator=1000)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The design's example, written by hand: mixed spellings, an extension, a trailing newline."""
    value = example()
    value["nodes"][0]["x-mine"] = {"n": 1}
    path = tmp_path / "g.json"
    text = json.dumps(value, indent=2, ensure_ascii=False).replace('"9.5"', "9.50") + "\n\n"
    path.write_text(text)
    (tmp_path / "media").mkdir()
    for name in ("a1", "a1-take2", "a2", "a3", "new"):
        (tmp_path / "media" / f"{name}.mp4").write_bytes(b"x")
    return path


def node(path: Path, atom: str = "a1") -> dict[str, Any]:
    nodes = json.loads(path.read_text())["nodes"]
    return next(one for one in nodes if one["id"] == atom)


def edit(path: Path, *changes: Any, atom: str = "a1", **more: Any) -> Edited:
    return edit_graph_file(path, atom, changes, **more)


# -- what may be said -------------------------------------------------------------------------


@given(TIMES, TIMES)
def test_a_trim_is_read_as_it_is_written(one: Fraction, other: Fraction) -> None:
    start, end = sorted((one, other))
    text = f"{time_text(start)}:{time_text(end)}"
    if start == end:
        with pytest.raises(InputError):
            parse_trim(text)
    else:
        assert parse_trim(text) == TrimTo(start, end)
        assert parse_trim(f":{time_text(end)}") == TrimTo(F(0), end)


@given(TIMES, TIMES, st.text(max_size=30), st.none() | st.sampled_from(["mei", "b.o-1"]))
def test_a_caption_is_read_as_it_is_written(
    start: Fraction, end: Fraction, text: str, who: str | None
) -> None:
    at = "" if who is None else f"@{who}"
    written = f"{time_text(start)}:{time_text(end)}{at}={text}"
    assert parse_caption(written) == Caption(text, start, end, who)


@given(st.text(min_size=1, max_size=30))
def test_any_text_can_be_the_only_caption(text: str) -> None:
    assert parse_caption(f"={text}") == Caption(text)


@given(st.text(max_size=20))
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (parse_caption, parse_gain, parse_joint, parse_slot, parse_trim):
        with suppress(InputError):
            assert parse(text) is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("crossfade", '{"kind": "crossfade"}'),
        ("crossfade:2/5", '{"kind": "crossfade", "seconds": "0.4"}'),
        ("j:1/3", '{"kind": "cut", "lead": "1/3"}'),
        ("l:0.5", '{"kind": "cut", "lag": "0.5"}'),
        ("card:Three: days", '{"kind": "card", "text": "Three: days"}'),
        ("card", '{"kind": "card"}'),
        ("auto", "{}"),
    ],
)
def test_joints(text: str, value: str) -> None:
    made = parse_joint(text).applied({"joint": {"kind": "fade", "seconds": "1", "grade": False}})
    assert made == {"joint": {**json.loads(value), "grade": False}}
    bare = parse_joint(text).applied({"source": "a"})
    assert bare == {"source": "a", **({"joint": json.loads(value)} if value != "{}" else {})}


@pytest.mark.parametrize(
    ("parse", "text", "why"),
    [
        (parse_trim, "1.2", "START:END"),
        (parse_trim, "1.2:", "START:END"),
        (parse_trim, "3:2", "less than END"),
        (parse_trim, "-1:2", "0 or more"),
        (parse_trim, "a:2", "no time"),
        (parse_gain, "loud", "decibels"),
        (parse_gain, "-61", "-60 and 60"),
        (parse_gain, "1/3", "decibels"),
        (parse_slot, "extended", "extended:SECONDS"),
        (parse_slot, "standard:9", "extended:SECONDS"),
        (parse_slot, "extended:16:fuze", '"fuse"'),
        (parse_joint, "crossfad", '"crossfade"'),
        (parse_joint, "fade:x", "seconds"),
        (parse_joint, "j", "seconds"),
        (parse_caption, "", "--no-captions"),
    ],
)
def test_what_is_misspelt_is_told(parse: Any, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse(text)


def test_every_change_lands_and_nothing_else_moves(graph: Path) -> None:
    before = graph.read_text()
    done = edit(
        graph,
        TrimTo(F("1.2"), F(9)),
        GainTo(F(-3)),
        SilenceTo(trim=True),
        SlotTo(F(16), None, "story_challenge"),
        TitleTo("Zoë kommt"),
        StatusTo(Status.DRAFT),
        ReplaceMedia("media/new.mp4"),
        Caption("There?", F("1.2"), F("2.8")),
        Caption("Hm.", F(4), F(5), "mei"),
    )
    atom = load_graph(graph).atom("a1")
    assert atom.trim is not None
    assert atom.sound is not None
    assert (atom.trim.start, atom.trim.end, atom.sound.gain) == (F("1.2"), F(9), F(-3))
    assert (atom.sound.silence, atom.slot.seconds) == ("trim", F(16))
    assert (atom.title, atom.status, atom.media) == ("Zoë kommt", Status.DRAFT, "media/new.mp4")
    assert [(line.text, line.character) for line in atom.dialogue] == [
        ("There?", "mei"),
        ("Hm.", "mei"),
    ]
    start, end = before.index('      "id": "a1"'), before.index('      "id": "a2"')
    now = graph.read_text()
    assert now.startswith(before[:start])
    assert now.endswith(before[end:])
    assert '"n": 1' in now
    assert done.number == 1
    assert done.changed
    assert "-   " in done.diff
    assert 'title "Mei arrives" → "Zoë kommt"' in done.words


def test_what_is_said_already_changes_nothing(graph: Path) -> None:
    before = graph.read_bytes()
    same = (
        TrimTo(F(0), F("9.5")),
        GainTo(F(0)),
        SilenceTo(trim=False),
        SlotTo(),
        TitleTo("Mei arrives"),
        StatusTo(Status.PUBLISHED),
        ReplaceMedia("media/a1.mp4"),
        UseTake(1),
        Caption("Is anyone there?"),
        Caption("Is anyone there?", number=1),
    )
    assert not edit(graph, *same).changed
    assert not edit(graph, JointTo(), NoCaptions(), TrimTo(), atom="a3").changed
    assert graph.read_bytes() == before
    assert not history_path(graph).exists()


def test_a_take_changes_places_and_the_old_trim_goes(graph: Path) -> None:
    edit(graph, UseTake(2))
    now = node(graph)
    assert (now["media"], now["takes"]) == ("media/a1-take2.mp4", [{"media": "media/a1.mp4"}])
    assert "trim" not in now
    with pytest.raises(InputError, match="no take 3: it has takes 1 to 2"):
        edit(graph, UseTake(3))


@pytest.mark.parametrize(
    ("captions", "texts"),
    [
        (["One"], ["One"]),
        (["#1=One"], ["One"]),
        (["1.2:2.8=One"], ["One"]),
        (["6/5:14/5=One"], ["One"]),
        (["0:1=Zero", "5:6=Five", "3:4=Three"], ["Zero", "Is anyone there?", "Three", "Five"]),
        (["5:6=Five", "1.2:2.8="], ["Five"]),
        (["#1="], []),
        (["=1:2=x"], ["1:2=x"]),
        (["1.2:2=Later"], ["Is anyone there?", "Later"]),
    ],
)
def test_captions(graph: Path, captions: list[str], texts: list[str]) -> None:
    edit(graph, *map(parse_caption, captions))
    lines = node(graph).get("dialogue", [])
    assert [line["text"] for line in lines] == texts
    assert ("dialogue" in node(graph)) == bool(texts)


def test_two_lines_of_one_range_are_told_apart_by_who_speaks(graph: Path) -> None:
    values = json.loads(graph.read_text())
    values["graph"]["characters"]["bo"] = {"name": "Bo"}
    line = {"start": "1.2", "end": "2.8", "character": "bo", "text": "Yes?"}
    values["nodes"][0]["dialogue"].append(line)
    graph.write_text(json.dumps(values))
    edit(graph, parse_caption("1.2:2.8@bo=No."))
    assert [one["text"] for one in node(graph)["dialogue"]] == ["Is anyone there?", "No."]
    for words in ("1.2:2.8=x", "x", "#3=x", "8:9="):
        with pytest.raises(InputError, match=r"#1 1\.2:2\.8|name who speaks"):
            edit(graph, parse_caption(words))


def test_which_edge_a_joint_is_of(graph: Path) -> None:
    edit(graph, parse_joint("j:2/5"), atom="a3")
    with pytest.raises(InputError, match="nothing leads to a1"):
        edit(graph, JointTo(), atom="a1")
    values = json.loads(graph.read_text())
    values["edges"].append({"source": "a1", "target": "a3", "kind": "continuation"})
    values["edges"].append({"source": "a2", "target": "a3", "kind": "remix"})
    graph.write_text(json.dumps(values, indent=1))
    with pytest.raises(InputError, match=r"3 edges lead to a3.*a2:remix"):
        edit(graph, parse_joint("fade"), atom="a3")
    with pytest.raises(InputError, match="2 edges lead from a2"):
        edit(graph, parse_joint("fade"), atom="a3", source="a2")
    with pytest.raises(InputError, match="no edge leads from a9"):
        edit(graph, parse_joint("fade"), atom="a3", source="a9")
    edit(graph, parse_joint("fade"), atom="a3", source="a2:remix")
    edges = json.loads(graph.read_text())["edges"]
    joints = [edge.get("joint", {}).get("kind") for edge in edges]
    assert joints == ["crossfade", "cut", None, None, "fade"]


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "why"),
    [
        ([JointTo()], InputError, "nothing leads"),
        ([ReplaceMedia("../x.mp4")], GraphError, r'"\.\." in a path'),
        ([ReplaceMedia("/etc/passwd")], GraphError, "absolute"),
        ([ReplaceMedia("http://x/y.mp4")], GraphError, "scheme"),
        ([ReplaceMedia("media/none.mp4")], MediaMissing, "no file media/none.mp4"),
        ([TitleTo("two\nlines")], GraphError, "control"),
        ([TitleTo("bell\x07")], GraphError, "control"),
        ([Caption("esc\x1b[0m")], GraphError, "control"),
        ([Caption("half \ud800")], GraphError, "not Unicode text"),
        ([Caption("x" * 20_001)], GraphError, "20001 characters"),
        ([Caption("x", F(1), F(2), "nobody")], GraphError, "no character"),
        ([Caption("x", F(2), F(1))], GraphError, "ends before it starts"),
        ([SlotTo(F("14.9"))], GraphError, "15 to 20"),
        ([SlotTo(F("20.1"))], GraphError, "15 to 20"),
        ([GainTo(F(-70))], GraphError, "not a level"),
    ],
)
def test_what_is_refused_leaves_the_file(
    graph: Path, changes: list[Any], kind: type[ChainerError], why: str
) -> None:
    before = graph.read_bytes()
    with pytest.raises(kind, match=why):
        edit(graph, *changes)
    assert graph.read_bytes() == before
    assert sorted(path.name for path in graph.parent.iterdir()) == ["g.json", "media"]


def test_hostile_text_is_text(graph: Path) -> None:
    hostile = "'; rm -rf $(x) `y` [0:v]drawtext=text='%{pts}':\\ \\u0000 {A} <b>&amp; \u202e{}[],\""
    long = "wörd " * 2000
    edit(graph, Caption(hostile), Caption(long, F(3), F(9)))
    texts = [line.text for line in load_graph(graph).atom("a1").dialogue]
    assert texts == [hostile, long]


def test_media_need_not_exist_while_it_is_planned(graph: Path) -> None:
    edit(graph, ReplaceMedia("media/none.mp4"), StatusTo(Status.PLANNED))
    with pytest.raises(MediaMissing):
        edit(graph, StatusTo(Status.PUBLISHED))
    (graph.parent / "media" / "none.mp4").write_bytes(b"x")
    edit(graph, StatusTo(Status.PUBLISHED))
    edit(graph, ReplaceMedia("store:" + "0" * 64))
    assert node(graph)["status"] == "published"


def test_unknown_atoms_files_and_databases(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(WalkError, match='did you mean "a2r"'):
        edit(graph, TitleTo("x"), atom="a2rr")
    with pytest.raises(GraphError, match="no such file"):
        edit(tmp_path / "none.json", TitleTo("x"))
    with pytest.raises(GraphError, match=r"folder|regular"):
        edit(tmp_path, TitleTo("x"))
    with pytest.raises(InputError, match="graph export"):
        edit_graph_file("sqlite:///g.db", "a1", [TitleTo("x")])
    for text, why in (("{", "broken JSON"), ("[]", "no graph"), ("{}", "missing")):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises((GraphError, WalkError), match=why):
            edit(tmp_path / "bad.json", TitleTo("x"))
    text = graph.read_text()
    graph.write_text(text.replace('"author": "p-mei",', '"author": "p-mei", "author": "y",', 1))
    with pytest.raises(GraphError, match="there twice"):
        edit(graph, TitleTo("x"))
    graph.write_text("\ufeff" + text)
    with pytest.raises(GraphError, match="byte order mark"):
        edit(graph, TitleTo("x"))


def test_an_edit_may_mend_a_file_that_cannot_be_read(graph: Path) -> None:
    graph.write_text(graph.read_text().replace('"end": 9.50', '"end": "0"'))
    with pytest.raises(GraphError):
        load_graph(graph)
    assert "planned anew" in edit(graph, TrimTo(F(0), F(8))).affected[0]
    assert load_graph(graph).atom("a1").trim is not None


# -- taking back ------------------------------------------------------------------------------


def test_undo_goes_back_to_the_byte_and_redo_comes_again(graph: Path) -> None:
    texts = [graph.read_bytes()]
    for change, atom in (
        ((TrimTo(F(1), F(9)),), "a1"),
        ((GainTo(F(-3)), Caption("Hello?")), "a1"),
        ((parse_joint("fade:1/2"), TitleTo("Two")), "a2"),
        ((NoCaptions(), TrimTo()), "a1"),
    ):
        edit(graph, *change, atom=atom)
        texts.append(graph.read_bytes())
    for text in texts[-2::-1]:
        undo_edit(graph)
        assert graph.read_bytes() == text
    with pytest.raises(InputError, match="nothing to undo"):
        undo_edit(graph)
    for text in texts[1:]:
        redo_edit(graph)
        assert graph.read_bytes() == text
    with pytest.raises(InputError, match="nothing to redo"):
        redo_edit(graph)
    undo_edit(graph)
    undo_edit(graph)
    edit(graph, TitleTo("Another"))
    with pytest.raises(InputError, match="nothing to redo"):
        redo_edit(graph)
    standing = [one.entry.number for one in edit_log(graph) if one.stands]
    assert len(standing) == 3
    assert [one.entry.number for one in edit_log(graph)] == list(range(1, 16))


def test_undo_goes_back_to_the_byte_in_a_file_of_odd_form(graph: Path) -> None:
    text = graph.read_text().replace('"title": "Mei arrives",', '\n\t"title" :"Mei arrives"  ,\n')
    graph.write_text(text)
    edit(graph, TitleTo(""), NoCaptions())
    undo_edit(graph)
    assert graph.read_text() == text


def test_what_others_changed_beside_it_stays(graph: Path) -> None:
    edit(graph, GainTo(F(-3)), TitleTo("Two"))
    values = json.loads(graph.read_text())
    values["nodes"][0]["sound"]["silence"] = "trim"
    values["nodes"][0]["tags"] = ["foreign"]
    values["nodes"][1]["title"] = "Foreign"
    graph.write_text(json.dumps(values))
    undo_edit(graph)
    now = node(graph)
    assert (now["sound"], now["title"], now["tags"]) == (
        {"silence": "trim"},
        "Mei arrives",
        ["foreign"],
    )
    assert node(graph, "a2")["title"] == "Foreign"


def test_what_others_changed_in_the_same_place_is_not_taken_back(graph: Path) -> None:
    edit(graph, TrimTo(F(1), F(9)), TitleTo("Two"))
    graph.write_text(graph.read_text().replace('"end": "9"', '"end": "8"'))
    before = graph.read_bytes()
    with pytest.raises(InputError, match=r'\$\.nodes\[0\]\.trim\.end was left as "9" and is "8"'):
        undo_edit(graph)
    assert graph.read_bytes() == before
    values = json.loads(before)
    values["nodes"] = values["nodes"][1:]
    values["edges"] = values["edges"][1:]
    values["graph"]["series"] = []
    graph.write_text(json.dumps(values))
    with pytest.raises(InputError, match="a1 is not there any more"):
        undo_edit(graph)


def test_what_was_put_back_by_hand_counts_as_undone(graph: Path) -> None:
    before = graph.read_bytes()
    edit(graph, TitleTo("Two"))
    graph.write_bytes(before)
    assert "already" in undo_edit(graph).words
    assert graph.read_bytes() == before
    with pytest.raises(InputError, match="nothing to undo"):
        undo_edit(graph)


SMALL = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), SMALL, max_size=4)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_taking_back_touches_only_what_the_change_did(before: Any, after: Any, now: Any) -> None:
    assert taken_back(before, after, after) == (before, [])
    assert taken_back(before, before, now) == (now, [])
    value, conflicts = taken_back(before, after, now)
    for key in {*before, *after, *now}:
        if before.get(key) == after.get(key) and not conflicts:
            assert value.get(key) == now.get(key)
    back, against = taken_back(before, after, {**after, "foreign": 1})
    assert not against
    assert back == {**before, "foreign": 1}


def test_a_history_that_was_damaged_is_not_gone_on_with(graph: Path) -> None:
    edit(graph, TitleTo("Two"))
    history = history_path(graph)
    whole = history.read_bytes()
    history.write_bytes(whole + b'{"schema": "chainer.edit/1", "num')  # never finished
    edit(graph, TitleTo("Three"))
    assert [one.entry.words[-7:] for one in edit_log(graph)] == ['→ "Two"', '"Three"']
    history.write_bytes(b"{}\n" + whole)
    before = graph.read_bytes()
    for call in (lambda: edit(graph, TitleTo("x")), lambda: undo_edit(graph)):
        with pytest.raises(InputError, match="line 1 is no entry; move it away"):
            call()
    history.unlink()
    history.symlink_to(graph)
    with pytest.raises(InputError, match="no plain file"):
        edit(graph, TitleTo("x"))
    assert graph.read_bytes() == before


# -- on the disk ------------------------------------------------------------------------------


def test_links_are_followed_and_permissions_kept(graph: Path, tmp_path: Path) -> None:
    graph.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to("g.json")
    edit(link, TitleTo("Two"))
    assert link.is_symlink()
    assert node(graph)["title"] == "Two"
    assert stat.S_IMODE(graph.stat().st_mode) == 0o640
    assert stat.S_IMODE(history_path(graph).stat().st_mode) == 0o640
    assert len(edit_log(link)) == len(edit_log(graph)) == 1


def test_a_dry_run_writes_nothing(graph: Path) -> None:
    before = graph.read_bytes()
    done = edit(graph, TitleTo("Two"), dry_run=True)
    assert (done.changed, done.dry_run, done.number) == (True, True, None)
    assert "Two" in done.diff
    assert graph.read_bytes() == before
    edit(graph, TitleTo("Two"))
    assert undo_edit(graph, dry_run=True).changed
    assert node(graph)["title"] == "Two"


WORKER = """
import sys
from fractions import Fraction
from chainer.graph.amend import Caption, TitleTo, edit_graph_file
path, number = sys.argv[1], int(sys.argv[2])
for turn in range(3):
    start = Fraction(number * 3 + turn, 10)
    edit_graph_file(path, "a1", [Caption(f"{number}.{turn}", start, start + 1)])
"""


@pytest.mark.parametrize("many", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_edit_at_once_and_every_edit_lands(graph: Path, many: int) -> None:
    argv = [sys.executable, "-c", WORKER, str(graph)]
    workers = [subprocess.Popen([*argv, str(n)], stderr=subprocess.PIPE) for n in range(many)]
    for worker in workers:
        _, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
    wanted = {f"{n}.{turn}" for n in range(many) for turn in range(3)}
    texts = {line.text for line in load_graph(graph).atom("a1").dialogue}
    assert texts == wanted | {"Is anyone there?"}
    assert len(edit_log(graph)) == len(wanted)
    for _ in wanted:
        undo_edit(graph)
    assert [line.text for line in load_graph(graph).atom("a1").dialogue] == ["Is anyone there?"]
    assert sorted(path.name for path in graph.parent.iterdir()) == [
        "g.json",
        "g.json.history.jsonl",
        "media",
    ]


def test_somebody_without_the_lock_is_noticed(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = file._Held._write
    times: list[int] = []

    def write(held: Any, draft: Path, data: bytes) -> None:
        real(held, draft, data)
        if len(times) < 2:
            times.append(1)
            text = graph.read_text().replace('"title": "Harbor"', '"title": "Harbour"', 1)
            graph.write_text(text + " ")

    monkeypatch.setattr(file._Held, "_write", write)
    edit(graph, TitleTo("Two"))
    assert node(graph)["title"] == "Two"
    assert load_graph(graph).title == "Harbour"
    assert graph.read_text().endswith("  ")
    assert len(edit_log(graph)) == 1
    monkeypatch.setattr(file._Held, "_write", lambda held, draft, data: (
        real(held, draft, data), graph.write_text(graph.read_text() + " "))[0])  # fmt: skip
    with pytest.raises(OutputError, match="changed by another program"):
        edit(graph, TitleTo("Three"))


def test_who_waits_too_long_is_told(graph: Path) -> None:
    import fcntl

    with graph.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="being edited by another process"):
            edit(graph, TitleTo("Two"), wait=0.05)
        threading.Timer(0.2, held.close).start()
        edit(graph, TitleTo("Two"), wait=30)
    assert node(graph)["title"] == "Two"


def test_a_kill_at_any_call_leaves_one_state_or_the_other(graph: Path) -> None:
    """Forked, so that each death costs a moment."""
    before = graph.read_bytes()
    ends = set()
    for last in range(1, 60):
        graph.write_bytes(before)
        history_path(graph).unlink(missing_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the child runs nothing else
            pid = os.fork()
        if pid == 0:
            _die_at(graph, last)
        _, status = os.waitpid(pid, 0)
        title = json.loads(graph.read_bytes())["nodes"][0]["title"]
        logged = [one for one in edit_log(graph) if one.stands]
        assert title in ("Mei arrives", "Two")
        assert len(logged) == (title == "Two"), last
        ends.add((title, bool(list(graph.parent.glob(".*.part")))))
        if title == "Two":
            undo_edit(graph)
            assert graph.read_bytes() == before
        edit(graph, TitleTo("Three"))
        assert not list(graph.parent.glob(".*.part"))
        undo_edit(graph)
        assert graph.read_bytes() == before
        if os.waitstatus_to_exitcode(status) == 0:
            break
    assert ends == {("Mei arrives", False), ("Mei arrives", True), ("Two", False)}
    assert last > 10


def _die_at(graph: Path, last: int) -> None:
    """In a forked child: edit, and end at the `last` call that concerns the disk."""
    count = 0

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == last:
                os._exit(9)
            return real(*arguments, **more)

        return call

    for name in ("write", "fsync", "open", "close", "ftruncate", "fchmod", "lseek", "replace"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("replace", "unlink", "read_bytes", "exists"):
        setattr(Path, name, counted(getattr(Path, name)))
    try:
        edit(graph, TitleTo("Two"))
    except BaseException:  # noqa: BLE001 - a child must not come back into the test
        os._exit(7)
    os._exit(0)


@pytest.mark.parametrize("call", ["fsync", "write", "ftruncate", "replace"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_full_disk_leaves_the_file(
    graph: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    before = graph.read_bytes()
    where: Any = Path if call == "replace" else os
    real = getattr(where, call)
    count = 0

    def full(*arguments: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == nth:
            raise OSError(28, "No space left on device")
        return real(*arguments, **more)

    monkeypatch.setattr(where, call, full)
    if (call, nth) in (("replace", 2), ("ftruncate", 2)):
        edit(graph, TitleTo("Two"))  # never called a second time
        return
    with pytest.raises(StoreError, match="disk is full"):
        edit(graph, TitleTo("Two"))
    monkeypatch.undo()
    assert graph.read_bytes() == before
    assert not list(graph.parent.glob(".*.part"))
    assert edit_log(graph) == ()
    edit(graph, TitleTo("Two"))
    assert [one.entry.number for one in edit_log(graph)] == [1]


def test_what_may_not_be_written_is_told(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refused(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if str(path).endswith((".part", "g.json")) and flags & (os.O_RDWR | os.O_WRONLY):
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *more, **options)

    before = graph.read_bytes()
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(OutputError, match="was not changed: Permission denied"):
        edit(graph, TitleTo("Two"))
    assert graph.read_bytes() == before


# -- what follows -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("atom", "changes", "words"),
    [
        ("a2", [TrimTo(F(1), F(2))], "a2 is made again, with the joints a1 → a2, a2 → a3"),
        ("a2", [Caption("x", F(1), F(2))], "no picture is encoded"),
        ("a2", [TitleTo("x")], "only texts"),
        ("a2", [parse_joint("fade")], "the joint a1 → a2 is made again; no clip is"),
        ("a3", [parse_joint("card:x")], "the card a2 → a3"),
        ("a2", [StatusTo(Status.PLANNED)], "not played any more"),
    ],
)
def test_what_the_next_build_makes_again_is_told(
    graph: Path, atom: str, changes: list[Any], words: str
) -> None:
    done = edit(graph, *changes, atom=atom)
    assert any(words in one for one in done.affected), done.affected
    assert len(done.affected) == 1
