"""The error tree: what each error is, what machines and people get to read."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import re
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from chainer import errors
from chainer.errors import (
    ChainerError,
    Fault,
    GraphError,
    MediaMissing,
    OutputError,
    RenderError,
    StoreError,
)

CLASSES = [getattr(errors, name) for name in errors.__all__ if name != "Fault"]

STATUS = {
    "ChainerError": 1,
    **dict.fromkeys(["InputError", "GraphError", "WalkError", "SettingsError", "OutputError"], 2),
    **dict.fromkeys(["MediaError", "MediaMissing", "MediaRefused", "MediaDamaged"], 3),
    "PolicyRefused": 4,
    **dict.fromkeys(["RenderError", "StoreError"], 5),
    **dict.fromkeys(["ProvenanceError", "VerifyError"], 6),
    "Cancelled": 130,
}


def make(kind: type[ChainerError], **facts: Any) -> ChainerError:
    if kind is GraphError:
        return GraphError(
            "g.json", [Fault("$.nodes[0].id", "no id", 'write "id": "a1"', "missing")]
        )
    return kind("it went wrong", **facts)


def test_all_errors_of_the_module_are_public() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, ChainerError)
    }
    assert found == set(errors.__all__) - {"Fault"}
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_is_a_chainer_error_and_a_builtin(kind: type[ChainerError]) -> None:
    error = make(kind)
    assert isinstance(error, ChainerError)
    builtins = [base for base in kind.__mro__ if base.__module__ == "builtins"]
    if kind is not ChainerError:
        assert set(builtins) - {Exception, BaseException, object}
    assert error.exit_status == STATUS[kind.__name__]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert str(error).strip()


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Each line: how deep, the name, the builtin in brackets, and the exit status."""
    told: dict[str, tuple[str | None, str | None, int | None]] = {}
    above: list[str] = []
    line_shape = re.compile(r"^([ │]*)(?:[├└]── )?(\w+)(?: \((\w+)\))?(?: +exit (\d+))?(?: .*)?$")
    tree = (errors.__doc__ or "").split("\n\n")[1]
    for line in inspect.cleandoc(tree).splitlines():
        shape = line_shape.match(line)
        assert shape, line
        depth = 0 if line.startswith("ChainerError") else len(shape[1]) // 4 + 1
        above = [*above[:depth], shape[2]]
        parent = above[depth - 1] if depth else None
        told[shape[2]] = (parent, shape[3], int(shape[4]) if shape[4] else None)
    assert set(told) == {kind.__name__ for kind in CLASSES}
    for name, (parent, builtin, status) in told.items():
        bases = [base.__name__ for base in getattr(errors, name).__bases__]
        expected = [parent or "Exception", *([builtin] if builtin else [])]
        assert bases == expected, name
        if status is not None:
            assert status == STATUS[name]
        else:
            assert parent is not None
            assert STATUS[name] == STATUS[parent]


class Word(StrEnum):
    ONE = "one"


FACTS = {
    "path": Path("a/b.mp4"),
    "seconds": Fraction(1, 3),
    "word": Word.ONE,
    "nested": {"a": [Path("x"), (Fraction(1, 2), None)], 1: {"deep": b"\xff"}},
    "set": {"b", "a"},
    "number": 1.5,
    "nothing": None,
    "nan": float("nan"),
    "infinite": -float("inf"),
    "big": 10**30,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_as_json_is_json(kind: type[ChainerError]) -> None:
    error = make(kind, **FACTS)
    text = json.dumps(error.as_json(), allow_nan=False)
    back = json.loads(text)
    assert list(back) == ["code", "exit_status", "message", "facts"]
    assert back["code"] == error.code
    assert back["exit_status"] == error.exit_status
    if kind is not GraphError:
        facts = back["facts"]
        assert facts["path"] == "a/b.mp4"
        assert facts["seconds"] == "1/3"
        assert facts["word"] == "one"
        assert facts["nested"]["a"] == ["x", ["1/2", None]]
        assert facts["set"] == ["a", "b"]
        assert facts["nan"] == "nan"
        assert facts["infinite"] == "-inf"
        assert facts["big"] == 10**30


def test_facts_and_code_are_of_the_instance() -> None:
    error = StoreError("full", code="disk-full", path="x")
    assert (error.code, StoreError.code) == ("disk-full", "store")
    assert error.facts["path"] == "x"
    with pytest.raises(TypeError):
        error.facts["path"] = "y"  # type: ignore[index]


def test_errors_that_are_os_errors_keep_their_words() -> None:
    for kind in (OutputError, MediaMissing, StoreError):
        error = kind("not here", path="x")
        assert isinstance(error, OSError)
        assert str(error) == "not here"
        assert error.errno is None


def test_graph_faults_are_told_together() -> None:
    faults = [Fault("$.a", "one thing", "do this"), Fault("$.b", "another", "do that", "odd")]
    error = GraphError("g.json", faults)
    assert error.faults == tuple(faults)
    assert str(error).splitlines() == [
        "g.json: 2 faults",
        "  $.a: one thing; do this",
        "  $.b: another; do that",
    ]
    assert error.as_json()["facts"]["faults"][1] == {
        "path": "$.b",
        "problem": "another",
        "expected": "do that",
        "code": "odd",
    }
    assert "1 fault\n" in str(GraphError("g", faults[:1]))


@pytest.mark.parametrize("kind", [RenderError, StoreError])
def test_a_render_error_shows_argv_and_the_end_of_stderr(kind: type[RenderError]) -> None:
    words = "\n".join(f"line {number}" for number in range(40))
    argv = ["ffmpeg", "-i", "my clip.mp4", "-vf", "scale=1:1;[a]b"]
    error = kind("FFmpeg failed", argv=argv, stderr=words + "\n\n", step="s1")
    lines = str(error).splitlines()
    assert lines[0] == "FFmpeg failed"
    assert lines[1] == "  command: ffmpeg -i 'my clip.mp4' -vf 'scale=1:1;[a]b'"
    assert lines[-1].strip() == "line 39"
    assert "line 27" not in str(error)
    assert len(lines) == 3 + 12
    assert error.argv == tuple(argv)
    assert error.stderr == words + "\n\n"
    assert error.facts["argv"] == argv
    assert error.facts["step"] == "s1"
    assert json.loads(json.dumps(error.as_json()))["facts"]["stderr"] == error.stderr


def test_a_render_error_without_a_command_is_only_its_message() -> None:
    assert str(RenderError("no room")) == "no room"


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("way", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_errors_come_back_whole_from_other_processes(kind: type[ChainerError], way: Any) -> None:
    error = make(kind, code="odd", seconds=Fraction(1, 3))
    back = way(error)
    assert type(back) is kind
    assert str(back) == str(error)
    assert back.as_json() == error.as_json()
    assert vars(back) == vars(error)


def test_a_failed_command_comes_back_whole() -> None:
    error = RenderError("bad", argv=["a", "b"], stderr="x\ny", code="odd", step=1)
    back = pickle.loads(pickle.dumps(error))
    assert (back.argv, back.stderr, back.code, back.facts["step"]) == (("a", "b"), "x\ny", "odd", 1)
    assert str(back) == str(error)
