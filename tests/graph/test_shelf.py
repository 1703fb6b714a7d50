"""Which files a graph may name, by the look of the name and by where it leads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chainer.errors import GraphError
from chainer.graph import Graph, load_graph, parse_graph, store_digest

from .examples import data_of

DIGEST = "0123456789abcdef" * 4


def load(folder: Path, media: str, **options: object) -> Graph:
    file = folder / "graph.json"
    file.write_text(json.dumps(data_of([], "a", a={"media": media})))
    return load_graph(file, **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.mp4").touch()
    home = tmp_path / "home"
    (home / "media").mkdir(parents=True)
    (home / "media" / "a.mp4").touch()
    (home / "out").symlink_to(tmp_path / "outside")
    (home / "out.mp4").symlink_to(tmp_path / "outside" / "a.mp4")
    (home / "in.mp4").symlink_to("media/a.mp4")
    (home / "loop").symlink_to("loop")
    return home


@pytest.mark.parametrize(
    "media", ["media/a.mp4", "media/not-there.mp4", "./media/a.mp4", "in.mp4", "media/b:c.mp4"]
)
def test_files_in_the_folder_are_allowed(folder: Path, media: str) -> None:
    path = load(folder, media).media_path(media)
    assert path.is_absolute()
    assert folder.resolve() in path.parents


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ("/etc/passwd", "an absolute path"),
        ("../outside/a.mp4", '".." in a path'),
        ("media/../media/a.mp4", '".." in a path'),
        ("out/a.mp4", "leads out of the folder"),
        ("out/not-there.mp4", "leads out of the folder"),
        ("out.mp4", "leads out of the folder"),
        ("media\\a.mp4", "a backslash"),
        ("C:/a.mp4", "a drive letter"),
        ("http://example.org/a.mp4", 'the scheme "http:"'),
        ("file:/etc/passwd", 'the scheme "file:"'),
        ("concat:a.mp4|b.mp4", 'the scheme "concat:"'),
        ("subfile,,start,0,end,9,,:/etc/passwd", "a colon"),
        ("store:12", "not a digest"),
        (f"store:{DIGEST.upper()}", "not a digest"),
        ("a\0.mp4", "control characters"),
        ("a\n.mp4", "control characters"),
        (".", "leads out of the folder"),
    ],
)
def test_other_files_are_refused(folder: Path, media: str, words: str) -> None:
    with pytest.raises(GraphError, match=words) as caught:
        load(folder, media)
    assert [fault.path for fault in caught.value.faults] == ["$.nodes[0].media"]
    with pytest.raises(GraphError):
        load(folder, "media/a.mp4").media_path(media)


def test_the_caller_may_allow_more(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "outside"
    for media in (str(root / "a.mp4"), "../outside/a.mp4", "out/a.mp4", "out.mp4", "media/a.mp4"):
        graph = load(folder, media, media_root=root)
        assert graph.media_path(media).name == "a.mp4"
    with pytest.raises(GraphError, match="leads out"):
        load(folder, "/etc/passwd", media_root=root)
    url = "https://example.org/a.mp4"
    graph = load(folder, url, allow_schemes=["HTTPS"])
    with pytest.raises(GraphError, match="not a file beside the graph"):
        graph.media_path(url)


def test_a_link_made_after_loading_is_caught(folder: Path, tmp_path: Path) -> None:
    graph = load(folder, "media/b.mp4")
    (folder / "media" / "b.mp4").symlink_to(tmp_path / "outside" / "a.mp4")
    with pytest.raises(GraphError, match="leads out"):
        graph.media_path("media/b.mp4")


def test_a_link_to_itself_does_no_harm(folder: Path) -> None:
    assert load(folder, "loop/a.mp4").media_path("loop/a.mp4").name == "a.mp4"


def test_takes_pictures_and_the_ledger_keep_to_the_same_rule(folder: Path) -> None:
    data = data_of([], "a", a={"takes": [{"media": "/a"}]})
    data["graph"] |= {
        "ledger": "../l",
        "characters": {"m": {"name": "M", "references": ["ok.png", "c:d"]}},
        "places": {"p": {"name": "P", "references": ["out/a.mp4"]}},
    }
    with pytest.raises(GraphError) as caught:
        parse_graph(data, source="test", base=folder)
    assert [fault.path for fault in caught.value.faults] == [
        "$.graph.ledger",
        "$.graph.characters.m.references[1]",
        "$.graph.places.p.references[0]",
        "$.nodes[0].takes[0].media",
    ]


def test_the_store_is_named_by_digest(folder: Path) -> None:
    media = f"store:{DIGEST}"
    graph = load(folder, media)
    assert store_digest(media) == DIGEST
    assert store_digest("media/a.mp4") is None
    with pytest.raises(GraphError, match="ask the store"):
        graph.media_path(media)


def test_a_graph_from_no_folder_has_no_paths() -> None:
    graph = parse_graph(data_of([], "a"), source="sql")
    with pytest.raises(GraphError, match="came from no folder"):
        graph.media_path("a.mp4")
