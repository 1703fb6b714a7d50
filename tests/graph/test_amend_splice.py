"""The splice: one value of a JSON text changes, and nothing else does."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainer.graph.amend.spans import Unspliceable, inside_of, locate
from chainer.graph.amend.splice import same, splice
from chainer.graph.sources.text import read_json

KEYS = st.sampled_from(["a", "b", "id", "trim", "ä", 'q"\\', "x-1", ""])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.sampled_from(["1.50", "-0.0", "2e3", "0.1"]).map(read_json)
    | st.text(max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
CALM = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
SPACE = st.sampled_from(["", "", " ", "\n  ", "\r\n\t", "  ", "\n"])


def written(value: Any, draw: st.DrawFn, style: str) -> str:
    """JSON text with space anywhere that JSON allows it."""

    def gap() -> str:
        return draw(SPACE) if style == "wild" else ""

    if isinstance(value, dict):
        parts = [
            f"{gap()}{json.dumps(key, ensure_ascii=draw(st.booleans()))}{gap()}:{gap()}"
            f"{written(item, draw, style)}{gap()}"
            for key, item in value.items()
        ]
        return "{" + (",".join(parts) or gap()) + "}"
    if isinstance(value, list):
        parts = [f"{gap()}{written(item, draw, style)}{gap()}" for item in value]
        return "[" + (",".join(parts) or gap()) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    return json.dumps(value) if not hasattr(value, "as_tuple") else str(value)


@st.composite
def spliced(draw: st.DrawFn) -> tuple[str, tuple[str | int, ...], Any, Any]:
    """A text, the way to a value in it, the value wanted there, and the whole value before."""
    whole = draw(VALUES)
    style = draw(st.sampled_from(["wild", "wild", "compact", "indented"]))
    if style == "indented":
        shown = json.dumps(whole, indent=draw(st.integers(0, 4)), default=float)
        text, whole = shown, read_json(shown)
    else:
        text = written(whole, draw, style)
    text = draw(SPACE) + text + draw(SPACE)
    text = draw(st.sampled_from(["", "\ufeff"])) + text
    way: list[str | int] = []
    at = whole
    while isinstance(at, dict | list) and at and draw(st.booleans()):
        step = draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        way.append(step)
        at = at[step]
    wanted = draw(VALUES)
    if isinstance(at, dict) and draw(st.booleans()):
        wanted = {key: at[key] for key in at if draw(st.booleans())}
        wanted |= draw(st.dictionaries(KEYS, VALUES, max_size=2))
    elif isinstance(at, list) and draw(st.booleans()):
        wanted = list(at)
        for _ in range(draw(st.integers(0, 2))):
            wanted.insert(draw(st.integers(0, len(wanted))), draw(VALUES))
        if wanted and draw(st.booleans()):
            del wanted[draw(st.integers(0, len(wanted) - 1))]
    return text, tuple(way), wanted, whole


@CALM
@given(spliced())
def test_the_value_is_the_wanted_one_and_the_text_around_it_is_untouched(
    case: tuple[str, tuple[str | int, ...], Any, Any],
) -> None:
    text, way, wanted, whole = case
    span = locate(text, way)
    new = splice(text, way, wanted)

    tail = len(text) - span.end
    assert new[: span.start] == text[: span.start]
    assert new[len(new) - tail :] == text[span.end :]

    holder: list[Any] = [copy.deepcopy(whole)]
    inner: Any = holder
    for step in (0, *way)[:-1]:
        inner = inner[step]
    inner[(0, *way)[-1]] = wanted
    assert same(read_json(new.removeprefix("\ufeff")), holder[0])
    json.dumps(new, ensure_ascii=False).encode()  # nothing that UTF-8 cannot hold


@CALM
@given(spliced())
def test_what_is_equal_stays_to_the_letter(
    case: tuple[str, tuple[str | int, ...], Any, Any],
) -> None:
    text, way, _, whole = case
    at = whole
    for step in way:
        at = at[step]
    assert splice(text, way, copy.deepcopy(at)) == text


@CALM
@given(spliced(), st.text(max_size=3))
def test_a_member_beside_others_leaves_each_of_their_texts(
    case: tuple[str, tuple[str | int, ...], Any, Any], name: str
) -> None:
    text, way, _, whole = case
    at = whole
    for step in way:
        at = at[step]
    if not isinstance(at, dict):
        return
    key = f"new-{name}"
    new = splice(text, way, {**at, key: {"z": [1]}})
    before, after = (locate(one, way) for one in (text, new))
    kept = {one.key: text[one.at : one.value.end] for one in inside_of(text, before).members}
    now = {one.key: new[one.at : one.value.end] for one in inside_of(new, after).members}
    assert {one: now[one] for one in kept} == kept
    assert list(now)[-1] == key
    assert splice(new, way, at) == text or not kept  # taken out again, it leaves no trace


GRAPH = """{
  "nodes": [
    {"id": "a1", "media": "a1.mp4", "author": "x", "trim": {"start": "0", "end": 9.50}},
    {
      "id": "a2",
      "author": "Zo\\u00eb",
      "cast": [
        {"character": "mei", "box": [0.10, 0.2, 0.3, 0.4]}
      ]
    }
  ]
}
"""
ORDERS = {(): ("id", "media", "author", "title", "cast", "trim")}


@pytest.mark.parametrize(
    ("at", "change", "old", "new"),
    [
        (
            0,
            {"title": "Home"},
            '"author": "x", "trim"',
            '"author": "x", "title": "Home", "trim"',
        ),
        (0, {"trim": None}, ', "trim": {"start": "0", "end": 9.50}', ""),
        (0, {"trim": {"start": "0", "end": "8"}}, '"end": 9.50', '"end": "8"'),
        (0, {"trim": {"end": 9.5}}, '{"start": "0", "end": 9.50}', '{"end": 9.50}'),
        (
            1,
            {"title": "Zoë", "trim": {"end": "9"}},
            '"author": "Zo\\u00eb",\n      "cast": [\n        {"character": "mei", '
            '"box": [0.10, 0.2, 0.3, 0.4]}\n      ]\n',
            '"author": "Zo\\u00eb",\n      "title": "Zo\\u00eb",\n      "cast": [\n        '
            '{"character": "mei", "box": [0.10, 0.2, 0.3, 0.4]}\n      ],\n      "trim": {\n'
            '        "end": "9"\n      }\n',
        ),
        (1, {"media": "a2.mp4"}, '"id": "a2",\n', '"id": "a2",\n      "media": "a2.mp4",\n'),
    ],
)
def test_the_style_of_the_neighbours_is_kept(
    at: int, change: dict[str, Any], old: str, new: str
) -> None:
    node = read_json(GRAPH)["nodes"][at]
    node = {key: item for key, item in {**node, **change}.items() if item is not None}
    assert GRAPH.count(old) == 1
    assert splice(GRAPH, ("nodes", at), node, ORDERS) == GRAPH.replace(old, new)


def test_what_moves_in_a_list_keeps_its_spelling() -> None:
    text = '{"a": [{"b": 1.50}, {"b": 2.0}, [3.10]]}'
    first, *rest = read_json(text)["a"]
    assert splice(text, ("a",), [0, first, *rest]) == text.replace("[{", "[0, {", 1)
    assert splice(text, ("a",), rest) == '{"a": [{"b": 2.0}, [3.10]]}'


def test_line_ends_and_tabs_are_those_of_the_file() -> None:
    text = '{\r\n\t"a": {\r\n\t\t"b": 1\r\n\t}\r\n}\r\n'
    assert splice(text, ("a",), {"b": 1, "c": [2]}) == text.replace(
        '"b": 1', '"b": 1,\r\n\t\t"c": [\r\n\t\t\t2\r\n\t\t]'
    )
    assert splice('{"a":{"b":1}}', ("a",), {"b": 1, "c": [2, 3]}) == '{"a":{"b":1,"c":[2,3]}}'


@pytest.mark.parametrize(
    ("text", "way", "why"),
    [
        ('{"a": 1, "a": 2}', ("a",), "twice"),
        ('{"a": {"b": 1, "\\u0062": 2}}', ("a", "b"), "twice"),
        ('{"a": 1} x', ("a",), "follows"),
        ('{"a" 1}', ("a",), "broken"),
        ("{a: 1}", ("a",), "broken"),
        ('{"a": [1 2]}', ("a", 1), "broken"),
        ('{"a": [1]}', ("a", 1), "no 1"),
        ('{"a": [1]}', ("b",), "no 'b'"),
        ('["a"]', ("a",), "no 'a'"),
        ("[" * 100_000, (0,), "deep"),
        ("", (), "broken"),
        ("3", ("a",), "no object"),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(
    text: str, way: tuple[str | int, ...], why: str
) -> None:
    with pytest.raises(Unspliceable, match=why):
        splice(text, way, 5)


def test_equal_numbers_are_the_same_and_booleans_are_no_numbers() -> None:
    assert same(read_json("1.50"), read_json("1.5"))
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same(0, None)
    assert not same({"a": 1}, {"a": 1, "b": None})
    assert same([1, {"a": "x"}], [1, {"a": "x"}])
    assert not same(read_json("1e999999999"), 1)
