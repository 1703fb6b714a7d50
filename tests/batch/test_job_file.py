"""Reading job files: what is taken, what is refused, and where the fault is said to be."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chainer.batch import read
from chainer.batch.job_faults import JobFileError
from chainer.batch.job_file import JobFile
from chainer.batch.read import parse_jobs, read_jobs
from chainer.errors import InputError
from chainer.graph import Pick, WalkKind
from tests.batch.asked import fault_of, faults

GOOD = """
# A whole season.
schema: chainer.jobs/1
defaults:
  graph: graphs/harbor.json
  kind: relay
  avoid: tag:loud
jobs:
  - name: low-tide
    start: a1
    kind: series
    end: a9
    through: [a2, a3]
    max_seconds: 61.5
    prefer: {"tag:calm": 2, p-mei: -1/3}
    avoid: null
    profile: draft
    output: season/one
  - name: exact
    path: a1, a2
    prefer: ["tag:calm=1.5"]
    new_author_on_remix: true
    pick: first
  - name: both
    matrix: {start: [a1, b1], audience: [all, mature]}
  - name: tree
    all_chains: {start: a1, limit: 12, min_atoms: 2}
    output: trees
  - name: told
    all_series: {}
"""


def one(text: str, kind: str = "") -> JobFile:
    return parse_jobs(text, source="jobs", kind=kind)


def test_everything_that_may_be_said() -> None:
    file = one(GOOD)
    low, exact, both, tree, told = (entry.over(file.defaults) for entry in file.jobs)
    walk = low.walk()
    assert (walk.kind, walk.end, walk.through) == (WalkKind.SERIES, "a9", ("a2", "a3"))
    assert walk.max_seconds == Fraction(123, 2)
    assert walk.prefer == (("tag:calm", Fraction(2)), ("p-mei", Fraction(-1, 3)))
    assert walk.avoid == ()  # null takes the default away
    assert (low.graph, low.profile, low.output) == ("graphs/harbor.json", "draft", "season/one")
    walk = exact.walk()
    assert (walk.path, walk.pick, walk.kind) == (("a1", "a2"), Pick.FIRST, WalkKind.RELAY)
    assert walk.avoid == ("tag:loud",)
    assert walk.author_changes_on_remix
    assert walk.prefer == (("tag:calm", Fraction(3, 2)),)
    assert exact.begins == "a1"
    assert both.matrix is not None
    assert dict(both.matrix.axes)["start"] == ("a1", "b1")
    assert tree.all_chains is not None
    assert (tree.all_chains.limit, tree.all_chains.min_atoms) == (12, 2)
    assert told.all_series is not None
    assert file.place(2) == "jobs: $.jobs[2] (line 24)"


def test_a_bare_list_and_json_and_lines_say_the_same() -> None:
    bare = one("- {name: a, graph: g, start: s}\n- {name: b, graph: g, start: s}\n")
    jobs = [{"name": name, "graph": "g", "start": "s"} for name in "ab"]
    lines = "# two jobs\n\n" + "\n".join(json.dumps(job) for job in jobs) + "\r\n"
    assert bare.jobs == one(json.dumps({"jobs": jobs})).jobs == one(lines).jobs
    assert bare.jobs == one(json.dumps(jobs, indent=1)).jobs == one(json.dumps(jobs)).jobs
    assert one(lines).place(1) == "jobs: $.jobs[1] (line 4)"
    assert one(json.dumps(jobs[0])).jobs == bare.jobs[:1]


@pytest.mark.parametrize("kind", ["yaml", "json", "jsonl"])
def test_a_scalar_is_what_was_written(kind: str) -> None:
    """No boolean, octal, sexagesimal, date or float is made of a name."""
    for word in ("no", "on", "1", "0123", "1.50", "2026-10-01", "1e3", "y"):
        text = f'{{"name": "{word}", "graph": "g", "start": "{word}"}}'
        if kind == "yaml":
            text = f"- name: {word}\n  graph: g\n  start: {word}\n"
        elif kind == "json":
            text = f"[{text}]"
        (entry,) = one(text, kind).jobs
        assert (entry.name, entry.start) == (word, word)
    assert one('[{"name": 1.50, "graph": "g", "start": 12}]').jobs[0].name == "1.50"
    (entry,) = one("[{name: a, graph: g, start: s, max_seconds: 0.1}]").jobs
    assert entry.max_seconds == Fraction(1, 10)
    (entry,) = one('[{"name": "a", "graph": "g", "start": "s", "max_seconds": 0.1}]').jobs
    assert entry.max_seconds == Fraction(1, 10)


def test_quoted_null_is_a_name_and_plain_null_is_nothing() -> None:
    (entry,) = one('- {name: a, graph: g, start: "null", end: ~}').jobs
    assert (entry.start, entry.end) == ("null", None)
    assert faults("- {name: null, graph: g, start: s}") == [
        ("$.jobs[0].name (line 1)", "string-type")
    ]


def test_a_file_is_written_back_as_it_was_read() -> None:
    file = one(GOOD + "x-mine: {any: [thing]}\n")
    again = parse_jobs(json.dumps(file.as_json()), source="jobs")
    assert again.as_json() == file.as_json()
    assert again.jobs == file.jobs
    assert again.defaults == file.defaults
    assert again.extensions == {"x-mine": {"any": ["thing"]}}


AT = "$.jobs[0]"
SOUND = "name: a, graph: g, start: s"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("$", "jobs")]),
        ("# nothing\n", [("$", "jobs")]),
        ("7", [("$ (line 1)", "jobs")]),
        ("jobs: []", [("$.jobs (line 1)", "jobs")]),
        ("jobs: 3", [("$.jobs (line 1)", "jobs")]),
        ("job: []", [("$.jobs (line 1)", "missing"), ("$.job (line 1)", "extra-forbidden")]),
        (
            f"schema: chainer.jobs/9\njobs: [{{{SOUND}}}]",
            [("$.schema (line 1)", "schema")],
        ),
        (
            "defaults: {grph: g}\njobs: [{name: a}]",
            [("$.defaults.grph (line 1)", "extra-forbidden")],
        ),
        ("- 3", [(f"{AT} (line 1)", "job")]),
        (f"- {{{SOUND}, kid: relay}}", [(f"{AT}.kid (line 1)", "extra-forbidden")]),
        (f"- {{{SOUND}, kind: rely}}", [(f"{AT}.kind (line 1)", "enum")]),
        (f"- {{{SOUND}, audience: kids}}", [(f"{AT}.audience (line 1)", "enum")]),
        (f"- {{{SOUND}, profile: huose}}", [(f"{AT}.profile (line 1)", "profile")]),
        (f"- {{{SOUND}, draft: yes}}", [(f"{AT}.draft (line 1)", "switch")]),
        (f"- {{{SOUND}, max_seconds: 1:30}}", [(f"{AT}.max_seconds (line 1)", "time")]),
        (f"- {{{SOUND}, max_seconds: 0}}", [(f"{AT}.max_seconds (line 1)", "time")]),
        (f"- {{{SOUND}, max_seconds: 1e9}}", [(f"{AT}.max_seconds (line 1)", "time")]),
        (f"- {{{SOUND}, prefer: calm}}", [(f"{AT}.prefer (line 1)", "weights")]),
        (f"- {{{SOUND}, prefer: {{calm: x}}}}", [(f"{AT}.prefer (line 1)", "weight")]),
        (f'- {{{SOUND}, prefer: ["tga:x=1"]}}', [(f"{AT}.prefer (line 1)", "key")]),
        (f"- {{{SOUND}, avoid: [tga:x]}}", [(f"{AT}.avoid[0] (line 1)", "key")]),
        (f"- {{{SOUND}, path: [s, b/c]}}", [(f"{AT}.path[1] (line 1)", "string-pattern-mismatch")]),
        (f"- {{{SOUND}, path: 't,u'}}", [(f"{AT}.path (line 1)", "contradiction")]),
        (
            "- {name: a, graph: g, path: []}",
            [(f"{AT}.start (line 1)", "missing"), (f"{AT}.path (line 1)", "path")],
        ),
        ("- {name: a/b, graph: g, start: s}", [(f"{AT}.name (line 1)", "string-pattern-mismatch")]),
        ("- {name: ., graph: g, start: s}", [(f"{AT}.name (line 1)", "string-pattern-mismatch")]),
        ("- {graph: g, start: s}", [(f"{AT}.name (line 1)", "missing")]),
        ("- {name: a, start: s}", [(f"{AT}.graph (line 1)", "missing")]),
        ("- {name: a, graph: g}", [(f"{AT}.start (line 1)", "missing")]),
        ("- {name: logs, graph: g, start: s}", [(f"{AT}.name (line 1)", "reserved")]),
        (f"- {{{SOUND}, output: /tmp/x}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: ../x}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: a/../../x}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: a//x}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: .}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: 'a\\b'}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: batch.sqlite}}", [(f"{AT}.output (line 1)", "output")]),
        (f"- {{{SOUND}, output: .batch.lock}}", [(f"{AT}.output (line 1)", "output")]),
        (f'- {{{SOUND}, output: "a\\0b"}}', [(f"{AT}.output (line 1)", "output")]),
        (
            f"- {{{SOUND}}}\n- {{{SOUND}}}",
            [("$.jobs[1].name (line 2)", "doubled-name")],
        ),
        (
            f"- {{{SOUND}, output: x}}\n- {{name: b, graph: g, start: s, output: x}}",
            [("$.jobs[1].output (line 2)", "doubled-output")],
        ),
        (
            f"- {{{SOUND}, output: x/y}}\n- {{name: b, graph: g, start: s, output: x}}",
            [(f"{AT}.output (line 1)", "nested-output")],
        ),
        (
            f"- {{{SOUND}, output: b/y}}\n- {{name: b, graph: g, start: s}}",
            [(f"{AT}.output (line 1)", "nested-output")],
        ),
        (
            f"- {{{SOUND}, matrix: {{start: [x]}}}}",
            [(f"{AT}.matrix.start (line 1)", "said-twice")],
        ),
        (
            "- {name: a, graph: g, matrix: {start: []}}",
            [(f"{AT}.matrix.start (line 1)", "axis")],
        ),
        (
            "- {name: a, graph: g, matrix: {start: [x, x]}}",
            [(f"{AT}.matrix.start (line 1)", "axis")],
        ),
        (
            "- {name: a, graph: g, matrix: {strat: [x]}}",
            [(f"{AT}.matrix.strat (line 1)", "extra-forbidden")],
        ),
        (
            "- {name: a, start: s, matrix: {graph: [x/g.json, y/g.json]}}",
            [(f"{AT}.matrix (line 1)", "doubled-name")],
        ),
        (
            "- {name: a, graph: g, matrix: {start: [x]}}\n- {name: a-x, graph: g, start: s}",
            [("$.jobs[1].name (line 2)", "doubled-name")],
        ),
        (
            f"- {{{SOUND}, all_chains: {{start: x}}}}",
            [(f"{AT}.all_chains.start (line 1)", "said-twice")],
        ),
        (
            "- {name: a, graph: g, pick: all, all_chains: {}}",
            [(f"{AT}.pick (line 1)", "contradiction")],
        ),
        (
            "- {name: a, graph: g, all_chains: {}, all_series: {}}",
            [(f"{AT}.all_series (line 1)", "said-twice")],
        ),
        (
            "- {name: a, graph: g, kind: relay, all_series: {}}",
            [(f"{AT}.kind (line 1)", "contradiction")],
        ),
        (
            "- {name: a, graph: g, all_chains: {limit: 0, min_atoms: many}}",
            [
                (f"{AT}.all_chains.limit (line 1)", "count"),
                (f"{AT}.all_chains.min_atoms (line 1)", "count"),
            ],
        ),
        ("- {name: a, all_chains: {}}", [(f"{AT}.graph (line 1)", "missing")]),
        # What YAML itself brings.
        (f"- {{{SOUND}, start: t}}", [(f"{AT}.start (line 1)", "doubled-key")]),
        (
            f"- &x {{{SOUND}}}\n- {{<<: *x, name: b, graph: g, start: s}}",
            [('$.jobs[1]["<<"] (line 2)', "alias")],
        ),
        (
            "- {name: !!python/object/apply:os.system [ls], graph: g, start: s}",
            [(f"{AT}.name (line 1)", "tag")],
        ),
        ("- name: a\n\tgraph: g", [("$", "yaml")]),
        ("- {name: a", [("$", "yaml")]),
        ("- [a]: b", [("$", "key")]),
        ("a: \x01", [("$", "yaml")]),
        ("--- {jobs: []}\n--- 2\n", [("$", "yaml")]),
        ("[" * 40 + "]" * 40, [("$", "too-deep")]),
        (b"\xff\xfe-\x00", [("$", "encoding")]),
        (b"- {name: \xe9}", [("$", "encoding")]),
    ],
)
def test_every_fault_has_its_place(text: str | bytes, found: list[tuple[str, str]]) -> None:
    kind = "yaml" if isinstance(text, str) and text.startswith("[[") else ""
    assert faults(text, kind) == found


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ('{"jobs": [', "json", [("$", "json")]),
        ("[" * 100_000, "json", [("$", "too-deep")]),
        ('[{"name": "a", "name": "b", "graph": "g", "start": "s"}]', "json",
         [("$.jobs[0].name", "doubled-key")]),
        ('[{"name": "a", "graph": "\\ud800", "start": "s"}]', "json",
         [("$.jobs[0].graph", "surrogate")]),
        ('[{"name": NaN, "graph": "g", "start": "s", "max_seconds": Infinity}]', "json",
         [("$.jobs[0].max_seconds", "time")]),
        ('{"name": "a", "graph": "g", "start": "s"}\n{"name": \n', "jsonl",
         [("$.jobs[1] (line 2)", "json")]),
        ('{"nme": "a", "graph": "g", "start": "s"}\nseven', "jsonl",
         [("$.jobs[0].name (line 1)", "missing"), ("$.jobs[0].nme (line 1)", "extra-forbidden"),
          ("$.jobs[1] (line 2)", "json")]),
    ],
)  # fmt: skip
def test_faults_of_json(text: str, kind: str, found: list[tuple[str, str]]) -> None:
    assert sorted(faults(text, kind)) == sorted(found)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(JobFileError) as caught:
        one("- {name: a, graph: g, strat: s}\n- {name: b, start: s}\n")
    assert str(caught.value) == (
        'jobs: 2 faults\n  $.jobs[0].strat (line 1): unknown key "strat"; did you mean "start"?\n'
        '  $.jobs[1].graph (line 2): "graph" is missing; add "graph", here or under defaults'
    )
    assert caught.value.code == "jobs"
    assert isinstance(caught.value, InputError)
    assert len(caught.value.facts["faults"]) == 2


def test_a_bomb_of_aliases_is_not_blown_up() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    found = faults(bomb)
    assert ("$.b[0] (line 2)", "alias") in found
    assert len(found) < 200


def test_too_many_of_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    axis = ", ".join(f"s{number}" for number in range(101))
    matrix = f"- {{name: a, graph: g, matrix: {{start: [{axis}], end: [{axis}]}}}}"
    assert faults(matrix) == [("$.jobs[0].matrix (line 1)", "matrix")]
    monkeypatch.setattr(read, "MAX_NODES", 50)
    assert faults("- 1\n" * 60) == [("$", "too-large")]
    monkeypatch.setattr(read, "MAX_BYTES", 100)
    path = tmp_path / "jobs.yaml"
    path.write_text("#" * 101, encoding="utf-8")
    with pytest.raises(JobFileError, match="too large"):
        read_jobs(path)


def test_more_jobs_than_a_batch_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    from chainer.batch import job_check

    monkeypatch.setattr(job_check, "MAX_JOBS", 5)
    two = "- {name: a, graph: g, matrix: {start: [p, q, r]}}\n"
    assert faults(two) == []
    assert faults(two + two.replace("name: a", "name: b")) == [("$", "too-many")]


def test_files_that_are_none(tmp_path: Path) -> None:
    def code(path: Path) -> str:
        with pytest.raises(JobFileError) as caught:
            read_jobs(path)
        assert str(path) in str(caught.value)
        return caught.value.faults[0].code

    assert code(tmp_path / "absent.yaml") == "no-file"
    assert code(tmp_path) == "folder"
    os.mkfifo(tmp_path / "pipe")
    assert code(tmp_path / "pipe") == "no-file"
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert code(tmp_path / "file/jobs.yaml") == "unreadable"


def test_the_ending_decides_and_else_the_text(tmp_path: Path) -> None:
    def read_as(name: str, text: str) -> list[str]:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return [entry.name for entry in read_jobs(path).jobs]

    line = '{"name": "a", "graph": "g", "start": "s"}'
    assert read_as("a.jsonl", f"{line}\n") == ["a"]
    assert read_as("a.ndjson", f"\ufeff{line}\n") == ["a"]
    assert read_as("a.json", f"[{line}]") == ["a"]
    assert read_as("a.yml", f"- {line}") == ["a"]
    assert read_as("a", f"{line}\n") == ["a"]
    assert read_as("b", f'{{"jobs": [{line}]}}\n') == ["a"]
    assert read_as("c", f'{{"jobs":\n [{line}]}}\n') == ["a"]
    assert read_as("d", "{jobs: [{name: a, graph: g, start: s}]}\n") == ["a"]
    with pytest.raises(JobFileError):
        read_as("a.json", f"{line}\n{line.replace('a', 'b')}")


WORDS = st.sampled_from(
    ["name", "graph", "start", "jobs", "defaults", "matrix", "all_chains", "a", "g", "null", "no"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=200)
    | st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "- ",
                "name: a",
                "\n",
                "  ",
                "graph: g",
                "{",
                "}",
                "[",
                "]",
                ":",
                "*a",
                "&a ",
                "|",
                ">",
                "'",
                '"',
                "#",
                "---",
                "...",
                "!",
                "%",
                "\t",
                "? ",
                "<<: ",
                ",",
                "jobs:",
                "start: s",
            ]
        ),
        max_size=30,
    ).map("".join),
    st.sampled_from(["", "yaml", "json", "jsonl"]),
)
@example("%YAML 3.0\n---\na", "yaml")
@example("\ud800", "yaml")
def test_any_text_is_jobs_or_a_job_file_error(text: str | bytes, kind: str) -> None:
    error = fault_of(text, kind)
    if error is None:
        assert parse_jobs(text, source="jobs", kind=kind).jobs
    else:
        assert error.faults
        str(error).encode()


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_values_are_jobs_or_a_job_file_error(value: object) -> None:
    text = json.dumps(value)
    error = fault_of(text, "json")
    if error is None:
        file = parse_jobs(text, source="jobs", kind="json")
        assert parse_jobs(json.dumps(file.as_json()), source="jobs").jobs == file.jobs
    else:
        assert error.faults


IDS = st.from_regex(r"\A[a-z][a-z0-9]{0,5}\Z")
ENTRIES = st.fixed_dictionaries(
    {"name": IDS, "graph": st.just("g.json"), "start": IDS},
    optional={
        "kind": st.sampled_from(["series", "relay"]),
        "end": IDS,
        "through": st.lists(IDS, max_size=3),
        "max_seconds": st.fractions(min_value="1/90", max_value=1000, max_denominator=97).map(str),
        "prefer": st.dictionaries(IDS, st.integers(-9, 9), max_size=3),
        "avoid": st.lists(IDS, max_size=2),
        "new_author_on_remix": st.booleans(),
        "profile": st.sampled_from(["house", "draft"]),
        "audience": st.sampled_from(["all", "teen", "mature"]),
        "matrix": st.fixed_dictionaries({"composer": st.lists(IDS, min_size=1, unique=True)}),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=4, unique_by=lambda entry: entry["name"]))
def test_sound_jobs_go_round(entries: list[dict[str, object]]) -> None:
    entries = [{**entry, "name": f"{entry['name']}.{n}"} for n, entry in enumerate(entries)]
    file = parse_jobs(json.dumps(entries), source="jobs")
    again = parse_jobs(json.dumps(file.as_json()), source="jobs")
    assert again.jobs == file.jobs
    assert [entry.name for entry in file.jobs] == [entry["name"] for entry in entries]
    for entry, written in zip(file.jobs, entries, strict=True):
        if "max_seconds" in written:
            assert entry.max_seconds == Fraction(str(written["max_seconds"]))
