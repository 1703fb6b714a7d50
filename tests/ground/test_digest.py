"""Keys: the same thing has one, different things never share one."""

from __future__ import annotations

import hashlib
import io
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainer.digest import bytes_digest, file_digest, key_of, stream_digest

steady = settings(derandomize=True, deadline=None)

words = st.text(st.characters(), max_size=6) | st.sampled_from(
    [
        "/",
        "//",
        "1",
        "1/2",
        "true",
        "null",
        "[]",
        "{}",
        "/x",
        '"',
        "\\",
        "\\ud83d",
        "😀",
        "\ud83d\ude00",
    ]
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | words
    | st.fractions(max_denominator=4)
    | st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(0)])
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def identity(value: Any) -> Any:
    """What makes two values different, told apart by type; lists and tuples are one."""
    if isinstance(value, list | tuple):
        return ("list", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("map", frozenset((key, identity(item)) for key, item in value.items()))
    return (type(value).__name__, value)


@settings(steady, max_examples=600)
@given(values, values)
def test_keys_are_equal_exactly_where_values_are(one: Any, other: Any) -> None:
    same = identity(one) == identity(other)
    assert (key_of("t", one) == key_of("t", other)) is same


LOOKALIKES: list[Any] = [
    *(None, True, False, 0, 1, -1, "", "0", "1", "true", "True", "null", "None", "false"),
    *(Fraction(1), Fraction(1, 2), "1/2", [1, 2], {"/": [1, 2]}, {"/": "1/2"}, {"//": [1, 2]}),
    *({"/": [1, 1]}, {"/": 1}, {"//": 1}, {"///": 1}, {"": 1}, [], {}, [[]], [{}], "[]", "{}"),
    *(["a", "b"], ["a,b"], ["ab"], ["a", ["b"]], [["a"], "b"], [["a", "b"]], '["a","b"]'),
    *({"a": 1}, {"a": "1"}, {"a": True}, {"a": [1]}, {"a": {}}, {"a": None}, [["a", 1]], ["a", 1]),
    *("é", "e\u0301", "\\u00e9", "😀", "\ud83d\ude00", "\\ud83d\\ude00", "\ud83d", "a\0b", "a b"),
]


def test_what_looks_alike_is_told_apart() -> None:
    assert len({key_of("t", value) for value in LOOKALIKES}) == len(LOOKALIKES)


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Kind(Enum):
    HALF = Fraction(1, 2)


def test_what_counts_as_the_same() -> None:
    assert key_of("t", (1, (2, 3))) == key_of("t", [1, [2, 3]])
    assert key_of("t", {"a": 1, "b": 2}) == key_of("t", {"b": 2, "a": 1})
    assert key_of("t", Fraction(2, 4)) == key_of("t", Fraction(1, 2))
    assert key_of("t", Colour.RED) == key_of("t", "red")
    assert key_of("t", {Colour.RED: 1}) == key_of("t", {"red": 1})
    assert key_of("t", Level.LOW) == key_of("t", 1)
    assert key_of("t", Kind.HALF) == key_of("t", Fraction(1, 2))


@steady
@given(st.dictionaries(words, values, max_size=5), st.randoms())
def test_the_order_of_a_mapping_does_not_matter(mapping: dict[str, Any], random: Any) -> None:
    items = list(mapping.items())
    random.shuffle(items)
    assert key_of("t", dict(items)) == key_of("t", mapping)


@steady
@given(values, words, words)
def test_the_type_word_sets_apart(value: Any, one: str, other: str) -> None:
    assume(one != other)
    assert key_of(one, value) != key_of(other, value)


def test_no_type_word_continues_into_the_value() -> None:
    pairs = [("a", "b:1"), ("a:b", 1), ("a", 1), ('a:"b', "1"), ("a:1", 1), ("", "a:1"), (":a", 1)]
    assert len({key_of(word, value) for word, value in pairs}) == len(pairs)


@pytest.mark.parametrize(
    "value",
    [1.0, 0.5, float("nan"), b"1", {1}, frozenset(), Path("x"), 1j, {1: 2}, {None: 1}],
    ids=repr,
)
def test_what_has_no_one_way_of_writing_is_refused(value: Any) -> None:
    for nested in (value, [value], {"a": value}, {"a": [(value,)]}):
        with pytest.raises(TypeError):
            key_of("t", nested)


def test_a_key_is_a_sha256() -> None:
    assert key_of("t", {"b": [1, "x"], "a": None}) == (
        hashlib.sha256(b'chainer:t:{"a":null,"b":[1,"x"]}').hexdigest()
    )


@steady
@given(st.binary(max_size=100))
def test_digests_of_bytes(data: bytes) -> None:
    assert bytes_digest(data) == stream_digest(io.BytesIO(data)) == hashlib.sha256(data).hexdigest()


def test_digests_of_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 10_000)  # more than one chunk
    assert file_digest(path) == bytes_digest(path.read_bytes())
    with path.open("rb") as stream:
        stream.seek(1000)
        assert stream_digest(stream) == bytes_digest(path.read_bytes()[1000:])
