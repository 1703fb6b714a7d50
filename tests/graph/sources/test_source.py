"""What every source does: a file, SQLite, PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import GraphError, InputError, WalkError
from chainer.graph import WalkKind, WalkOptions, parse_graph
from chainer.graph.interop import to_networkx
from chainer.graph.sources import GraphSource, GraphTooLarge, load_any, open_graph
from chainer.graph.sources.sql.index import entry_of
from chainer.graph.sources.words import (
    Wanted,
    key_of_word,
    score,
    snippet,
    texts_of,
    words_of,
)
from tests.graph.sources.conftest import Put
from tests.graph.sources.forests import PEOPLE, WORDS, atom, edge, file_of, graphs

HARBOR = Path("graphs/harbor.json")

SEA = file_of(
    [
        atom("a1", "p-mei", title="Yellow coat", tags=["calm"], cast=[{"character": "mei"}]),
        atom("a2", "p-theo", prompt="She wears a yellow coat, and sings.", place="pier"),
        atom("a3", "p-x", title="Coat", story={"hook": "All is yellow"}, tags=["sea side"]),
        atom("a4", "p-x", title="Das Café", dialogue=[
            {"start": "0", "end": "1", "character": "theo", "text": "مرحبا NEAR the 灯塔 🐱"}
        ]),
        atom("b1", "p-y", title="Alone"),
    ],
    [edge("a1", "a2"), edge("a1", "a3", "remix"), edge("a2", "a4")],
    title="Sea",
)  # fmt: skip


def found(source: GraphSource, *query: str, **more: Any) -> list[str]:
    return [one.atom for one in source.find(*query, **more)]


def test_it_is_a_source_and_loads_what_was_put_in(put: Put) -> None:
    with open_graph(put(SEA)) as source:
        assert isinstance(source, GraphSource)
        whole = source.load()
        assert whole == parse_graph(SEA, source="s")
        assert list(whole.rank) == ["a1", "a2", "a3", "a4", "b1"]
        assert set(to_networkx(whole)) == set(whole.atoms)
        part = source.load("a2")
        # p-x and p-y are first met where they are in the whole.
        assert {"a1", "a2", "a3", "a4"} <= set(part.atoms)
        assert part.identity == whole.identity
        assert str(source.url).startswith(("/", "sqlite:", "postgresql+psycopg:"))
        source.close()


def test_the_harbor_is_the_same_everywhere(put: Put) -> None:
    values = json.loads(HARBOR.read_text())
    address = put(values)
    options = WalkOptions(kind=WalkKind.RELAY)
    whole = parse_graph(values, source="h")
    with open_graph(address) as source:
        assert source.load() == whole
        for name in whole.atoms:
            assert source.load(name, options=options) == whole  # one component
    assert load_any(address, "a1") == whole


def test_too_much_is_refused_with_advice(put: Put) -> None:
    with open_graph(put(SEA)) as source:
        with pytest.raises(GraphTooLarge, match="--max-atoms"):
            source.load(max_atoms=4)
        with pytest.raises(GraphTooLarge, match="--end"):
            source.load("a1", max_atoms=1)
        with pytest.raises(InputError):
            source.load(max_atoms=0)
        with pytest.raises(WalkError, match="did you mean"):
            source.load("a11")


def test_words_find_the_best_first(put: Put) -> None:
    with open_graph(put(SEA)) as source:
        assert found(source, "yellow coat") == ["a1", "a3", "a2"]
        assert found(source, "YELLOW, coat!") == ["a1", "a3", "a2"]
        assert found(source, "cafe") == ["a4"]
        assert found(source, "CAFÉ") == ["a4"]
        assert found(source, "مرحبا") == ["a4"]
        assert found(source, "塔") == ["a4"]
        assert found(source, "🐱") == ["a4"]
        assert found(source, "theo") == ["a4", "a2"]
        assert found(source, "yellow submarine") == ["a3", "a2", "a1"] or set(
            found(source, "yellow submarine")
        ) == {"a1", "a2", "a3"}
        assert found(source, "submarine") == []
        assert found(source) == ["b1", "a4", "a3", "a2", "a1"]
        assert found(source, "yellow", limit=1) == ["a1"]
        one = source.find("yellow coat")[0]
        assert (one.score, one.title, one.author) == (1.0, "Yellow coat", "p-mei")
        assert source.find("sings")[0].snippet == "She wears a yellow coat, and sings."


def test_what_must_be_so_besides(put: Put) -> None:
    with open_graph(put(SEA)) as source:
        assert found(source, with_=["@mei"]) == ["a1"]
        assert found(source, with_=["p-mei"]) == ["a1"]
        assert found(source, with_=["@theo"]) == ["a4"]
        assert found(source, with_=["p-theo"]) == ["a4", "a2"]
        assert found(source, "yellow", tags=["sea side"]) == ["a3"]
        assert found(source, tags=["sea"]) == []
        assert found(source, author="p-x", tags=["sea side"]) == ["a3"]
        assert found(source, author="p-x") == ["a4", "a3"]
        assert found(source, "yellow", place="pier") == ["a2"]
        assert found(source, "yellow", with_=["@mei", "@theo"]) == []


@pytest.mark.parametrize(
    "query",
    [
        '"', "'", "*", "NEAR(", "-yellow", "title:yellow", "strong : yellow", "yellow OR", "AND",
        "NOT", "^", "{strong}", "yellow*", "a'; DROP TABLE atoms; --", "\\", "%", "_", "\x00",
        "yel\x00low", "&|!:*<->", "((((", "\u202e", "🐱" * 50, "x" * 10_000, "yellow " * 2000,
        " ".join(f"w{at}" for at in range(3000)), "\ud800", "\n\t",
    ],
)  # fmt: skip
def test_no_query_language_shows_through(put: Put, query: str) -> None:
    with open_graph(put(SEA)) as source:
        source.find(query)
        source.find(query, tags=[query], with_=[query], author=query, place=query)
        if "yellow" in query and "DROP" not in query:
            assert "a1" in found(source, query)
        assert len(source.load().atoms) == 5


def test_a_text_that_looks_like_a_key_is_no_tag(put: Put) -> None:
    forged = key_of_word("tag", "calm")
    values = file_of([atom("a", title=forged), atom("b", tags=["calm"])], [])
    with open_graph(put(values)) as source:
        assert found(source, tags=["calm"]) == ["b"]
        assert found(source, forged) == ["a"]


def test_an_empty_graph(put: Put) -> None:
    with open_graph(put(file_of([], []))) as source:
        assert source.load().atoms == {}
        assert source.find("x") == []
        with pytest.raises(WalkError):
            source.load("a")


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_what_is_kept_to_find_by_are_the_words_of_the_texts(values: dict[str, Any]) -> None:
    names = {who: one["name"] for who, one in PEOPLE.items()}
    for node in values["nodes"]:
        _, strong, weak, _ = entry_of(1, node, {}, names)
        texts = texts_of(node, names)
        short = [word for at in texts for word in words_of(texts[at])
                 if at in ("title", "names", "tags", "author")]  # fmt: skip
        long = [word for at in texts for word in words_of(texts[at])
                if at in ("story", "dialogue", "prompt")]  # fmt: skip
        assert sorted(words_of(strong)) == sorted(short)
        assert sorted(words_of(weak)) == sorted(long)


@given(st.text(max_size=60))
def test_words_are_words_again(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(word and not word.isspace() and '"' not in word for word in words)


@given(st.dictionaries(st.sampled_from(["title", "prompt", "tags"]), st.text()), st.text())
def test_scores_and_snippets_are_bounded(texts: dict[str, str], query: str) -> None:
    words = Wanted.of(query).words
    assert 0 <= score(texts, words) <= 1
    assert len(snippet(texts, words)) <= 162
    assert len(words) <= 32


@settings(max_examples=25, deadline=None)
@given(values=graphs(), query=st.lists(st.sampled_from(WORDS), max_size=3))
def test_a_database_finds_what_a_file_finds(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any], query: list[str]
) -> None:
    from chainer.graph.sources.sql.bulk import import_graph

    folder = tmp_path_factory.mktemp("find")
    path = folder / "g.json"
    path.write_text(json.dumps(values))
    url = import_graph(path, f"sqlite:///{folder / 'g.db'}").url
    with open_graph(path) as file, open_graph(url) as database:
        for tags in ([], ["calm"], ["a:b", "sea side"]):
            for who in ([], ["@mei"], ["p-theo"]):
                asked: Any = {"tags": tags, "with_": who, "limit": 100}
                words = " ".join(query)
                assert database.find(words, **asked) == file.find(words, **asked)
        for node in values["nodes"]:
            if title := node.get("title"):
                assert node["id"] in found(database, title, limit=500)


def test_addresses_that_are_none(tmp_path: Path) -> None:
    for address, code in (
        ("mysql://u:secret@h/d", "address"),
        ("sqlite://x", "address"),
        ("sqlite:///", "address"),
        ("sqlite:///g.db?mode=memory", "address"),
        (f"sqlite:///{tmp_path}", "address"),
        (f"sqlite:///{tmp_path}/none.db", "no-database"),
        ("sqlite:///g.db?graph=a&graph=b", "address"),
    ):
        with pytest.raises(InputError) as raised:
            open_graph(address)
        assert raised.value.code == code, address
        assert "secret" not in str(raised.value)
    with pytest.raises(GraphError):
        load_any(tmp_path / "none.json")
