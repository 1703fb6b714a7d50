"""Into a database and out again: equal, whole, or not at all."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from chainer.errors import Cancelled, GraphError, InputError
from chainer.graph import Atom, Edge, load_graph, parse_graph
from chainer.graph.sources import open_graph
from chainer.graph.sources.address import read_address
from chainer.graph.sources.lean import faulty_atoms, faulty_edges
from chainer.graph.sources.sql.bulk import import_graph
from chainer.graph.sources.sql.engine import engine_of
from chainer.graph.sources.sql.export import export_graph
from tests.graph.sources.forests import atom, edge, file_of, graphs


def write_stream(path: Path, values: dict[str, Any], **dumps: Any) -> Path:
    """The same graph, a line for each atom and each edge."""
    head = {name: one for name, one in values.items() if name not in ("nodes", "edges")}
    lines = [head, *({"node": one} for one in values["nodes"])]
    lines += [{"edge": one} for one in values["edges"]]
    path.write_text("".join(json.dumps(line, **dumps) + "\n" for line in lines))
    return path


def components(url: str) -> set[frozenset[str]]:
    """What the database says hangs together; its sizes must be right."""
    engine = engine_of(read_address(url))
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT a.id, m.component FROM atoms a JOIN members m ON m.atom = a.pk")
        ).all()
        sizes = connection.execute(text("SELECT pk, size FROM components")).all()
    engine.dispose()
    assert dict(Counter(row.component for row in rows)) == {row.pk: row.size for row in sizes}
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row.component, set()).add(row.id)
    return {frozenset(one) for one in found.values()}


def truth(values: dict[str, Any]) -> set[frozenset[str]]:
    """The same from the edges alone."""
    groups = {node["id"]: {node["id"]} for node in values["nodes"]}
    for one in values["edges"]:
        a, b = groups[one["source"]], groups[one["target"]]
        if a is not b:
            a |= b
            for name in b:
                groups[name] = a
    return {frozenset(one) for one in groups.values()}


@settings(max_examples=40, deadline=None)
@given(values=graphs(), stream=st.booleans(), spaced=st.booleans(), top=st.booleans())
def test_out_comes_what_went_in(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[str, Any],
    stream: bool,
    spaced: bool,
    top: bool,
) -> None:
    folder = tmp_path_factory.mktemp("io")
    values = {**values, "x-top": {"n": 1.25}} if top else values
    if stream:
        # Edges may come early, but after their atoms: by chance all atoms come first here.
        shape = {} if spaced else {"separators": (",", ":")}
        path = write_stream(folder / "g.jsonl", values, **shape)
    else:
        path = folder / "g.json"
        path.write_text(json.dumps(values, indent=2 if spaced else None))
    url = f"sqlite:///{folder / 'g.db'}"
    done = import_graph(path, url)
    assert (done.atoms, done.edges) == (len(values["nodes"]), len(values["edges"]))
    assert components(url) == truth(values)
    assert done.components == len(truth(values))
    out, again = folder / "out.json", folder / "again.jsonl"
    assert export_graph(url, out).readable
    assert json.loads(out.read_text()) == values
    assert load_graph(out) == parse_graph(values, source="g")
    export_graph(url, again)
    back = f"sqlite:///{folder / 'back.db'}"
    import_graph(again, back)
    with open_graph(url) as one, open_graph(back) as other:
        assert one.load() == other.load() == parse_graph(values, source="g")


def test_decimals_are_kept_to_the_last_digit(database: str, tmp_path: Path) -> None:
    written = '{"id":"a","media":"a.mp4","author":"p","trim":{"end":123456789012.123456789}}'
    head = '"directed":true,"multigraph":true,"graph":{"schema":"chainer.graph/1"}'
    (tmp_path / "g.json").write_text(f'{{{head},"nodes":[{written}],"edges":[]}}')
    (tmp_path / "s.jsonl").write_text(f'{{{head}}}\n{{"node":{written}}}\n')
    for name in ("g.json", "s.jsonl"):
        url = import_graph(tmp_path / name, database).url
        export_graph(url, tmp_path / "out.json")
        assert "123456789012.123456789" in (tmp_path / "out.json").read_text()
        with open_graph(url) as source:
            assert source.load() == load_graph(tmp_path / "g.json")


def test_several_graphs_by_name(database: str, tmp_path: Path) -> None:
    for name, title in (("one", "One"), ("two", "Two")):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(file_of([atom("a", title=title)], [], title=title)))
        assert import_graph(path, database).name == name
    with pytest.raises(InputError, match="one, two") as raised:
        open_graph(database)
    assert raised.value.code == "which-graph"
    joint = "&" if "?" in database else "?"
    with pytest.raises(InputError, match="did you mean"):
        open_graph(f"{database}{joint}graph=tow")
    with open_graph(f"{database}{joint}graph=two") as source:
        assert source.load().title == "Two"
        assert [one.title for one in source.find("two")] == ["Two"]
        assert source.find("one") == []
    again = tmp_path / "one.json"
    with pytest.raises(InputError) as raised:
        import_graph(again, database)
    assert raised.value.code == "graph-exists"
    again.write_text(json.dumps(file_of([atom("b", title="New")], [], title="New")))
    import_graph(again, database, replace=True)
    with open_graph(f"{database}{joint}graph=one") as source:
        assert list(source.load().atoms) == ["b"]
        assert [one.atom for one in source.find("new")] == ["b"]
    with open_graph(f"{database}{joint}graph=two") as source:
        assert list(source.load().atoms) == ["a"]


HEAD = {"directed": True, "multigraph": True, "graph": {"schema": "chainer.graph/1"}}


@pytest.mark.parametrize(
    ("lines", "place", "code"),
    [
        ([], "line 1: $", "json"),
        (['{"node":{}}'], "line 1: $", "header"),
        ([HEAD, '{"node":{"id":"a"}}'], "line 2: $.media", "missing"),
        ([HEAD, {"node": atom("a", colour="red")}], "line 2: $.colour", "extra-forbidden"),
        ([HEAD, {"node": atom("a")}, {"node": atom("a")}], "line 3: $.id", "doubled-id"),
        ([HEAD, {"node": atom("a", place="p")}], "line 2: $.place", "unknown-place"),
        (
            [HEAD, {"node": atom("a", cast=[{"character": "b"}])}],
            "line 2: $.cast[0].character",
            "unknown-character",
        ),
        ([HEAD, {"node": {**atom("a"), "media": "../a"}}], "line 2: $.media", "misplaced-file"),
        ([HEAD, {"edge": edge("a", "b")}, {"node": atom("a")}], "line 2: $.source", "unknown-atom"),
        ([HEAD, {"node": atom("a")}, {"edge": edge("a", "a")}], "line 3: $", "self-loop"),
        (
            [HEAD, {"node": atom("a")}, {"edge": edge("a", "a", removes=["x"])}],
            "line 3: $",
            "removes",
        ),
        (
            [HEAD, *({"node": atom(n)} for n in "ab"), *[{"edge": edge("a", "b")}] * 2],
            "line 5: $",
            "doubled-edge",
        ),
        (
            [HEAD, *({"node": atom(n)} for n in "ab"),
             {"edge": edge("a", "b")}, {"edge": edge("b", "a", "remix")}],
            "line 5: $",
            "cycle",
        ),
        ([HEAD, '{"node":{"id":"a","id":"b"}}'], "line 2: $.node.id", "doubled-key"),
        ([HEAD, '{"node":{"id":NaN}}'], "line 2: $.node.id", "not-json"),
        ([HEAD, '{"node":'], "line 2: $", "json"),
        ([HEAD, '{"node":{}},{"node":{}}'], "line 2: $", "json"),
        ([HEAD, '{"atom":{}}'], "line 2: $", "line"),
        ([HEAD, '{"node":{},"edge":{}}'], "line 2: $", "line"),
        ([HEAD, "[1]"], "line 2: $", "line"),
        ([HEAD, b"\xff\xfe"], "line 2: $", "encoding"),
        ([{**HEAD, "graph": {"schema": "chainer.graph/9"}}], "line 1: $.graph.schema",
         "newer-schema"),
        ([{**HEAD, "graph": {"schema": "chainer.graph/0"}}], "line 1: $.graph.schema", "schema"),
        ([{**HEAD, "directed": False}], "line 1: $.directed", "not-a-multigraph"),
        (
            [{**HEAD, "graph": {"schema": "chainer.graph/1", "series": [
                {"id": "s", "title": "S", "episodes": [{"id": "e", "title": "E", "start": "z"}]}
            ]}}],
            "line 1: $.graph.series[0].episodes[0].start",
            "unknown-atom",
        ),
    ],
)  # fmt: skip
def test_faults_of_a_stream_by_line(
    tmp_path: Path, lines: list[Any], place: str, code: str
) -> None:
    path, base = tmp_path / "g.jsonl", tmp_path / "g.db"
    path.write_bytes(
        b"".join(
            (line if isinstance(line, bytes) else (
                line if isinstance(line, str) else json.dumps(line)
            ).encode()) + b"\n"
            for line in lines
        )
    )  # fmt: skip
    with pytest.raises(GraphError) as raised:
        import_graph(path, f"sqlite:///{base}")
    first = raised.value.faults[0]
    assert (first.path, first.code) == (place, code)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["g.jsonl"]


def test_many_faults_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    bad = json.dumps({"node": {"id": "!"}})
    path.write_text(json.dumps(HEAD) + "\n" + f"{bad}\n" * 5000)
    with pytest.raises(GraphError) as raised:
        import_graph(path, f"sqlite:///{tmp_path / 'g.db'}")
    assert len(raised.value.faults) == 1001
    assert raised.value.faults[-1].code == "more-faults"


def test_a_file_with_faults_is_told_of_like_by_the_loader(database: str, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(json.dumps(file_of([atom("a"), {"id": "b"}], [edge("a", "c")])))
    with pytest.raises(GraphError) as loaded:
        load_graph(path)
    with pytest.raises(GraphError) as imported:
        import_graph(path, database)
    assert imported.value.faults == loaded.value.faults
    with pytest.raises(InputError):
        open_graph(database)


def test_cancelled_leaves_what_was_there(database: str, tmp_path: Path) -> None:
    first = tmp_path / "first.json"
    first.write_text(json.dumps(file_of([atom("a")], [])))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        import_graph(first, database, cancel=stop)
    assert not [one for one in tmp_path.iterdir() if one.name != "first.json"]
    import_graph(first, database)
    second = write_stream(tmp_path / "second.jsonl", file_of([atom("b")], []))
    with pytest.raises(Cancelled):
        import_graph(second, database, cancel=stop)
    with pytest.raises(Cancelled):
        import_graph(second, database, name="first", replace=True, cancel=stop)
    with open_graph(database) as source:
        assert list(source.load().atoms) == ["a"]
        assert [one.atom for one in source.find()] == ["a"]


def test_progress_is_told(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "g.jsonl", file_of([atom(f"a{n}") for n in range(9)], []))
    told: list[Any] = []
    import_graph(path, f"sqlite:///{tmp_path / 'g.db'}", on_progress=told.append)
    assert (told[-1].atoms, told[-1].edges, told[-1].done) == (9, 0, 1.0)


def test_out_cannot_be_written(database: str, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(json.dumps(file_of([atom("a")], [])))
    import_graph(path, database)
    with pytest.raises(InputError) as raised:
        export_graph(database, tmp_path / "no" / "out.json")
    assert raised.value.code == "output"
    with pytest.raises(InputError) as raised:
        import_graph(path, f"sqlite:///{tmp_path}/no/g.db")
    assert raised.value.exit_status == 2


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 30) | st.text(max_size=4)
    | st.sampled_from(["a1", "remix", "continuation", "mei", "2026-10-01T08:00:00Z", "9.5", "DE"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*Edge.model_fields, "x-a", "kind", "seconds"]), inner),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize(("model", "judge"), [(Atom, faulty_atoms), (Edge, faulty_edges)])
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_many_at_once_are_judged_as_one_by_one(model: Any, judge: Any, data: st.DataObject) -> None:
    right = atom("a1") if model is Atom else edge("a1", "a2")
    keys = [name for name in model.model_fields if name != "extensions"]
    more = st.dictionaries(st.sampled_from([*keys, "x-own", "other"]), VALUES, max_size=3)
    values = data.draw(st.lists(more.map(lambda one: {**right, **one}) | VALUES, max_size=4))

    def refused(value: Any) -> bool:
        try:
            model.model_validate(value)
        except ValidationError:
            return True
        return False

    told = dict(judge(values))
    assert list(told) == [at for at, value in enumerate(values) if refused(value)]
    assert all(told.values())
