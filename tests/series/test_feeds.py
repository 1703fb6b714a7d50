"""Feeds, addresses, folders and `series.json`: nothing is rendered."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.errors import InputError, OutputError
from chainer.series.addresses import address, base_url_of, urn_of
from chainer.series.feeds import atom, rss
from chainer.series.place import check_folder, folders_of, write_files
from chainer.series.values import Fork, SeriesFile, Way, read_series
from tests.series.told import NASTY, branch, row, series

ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
ATOM = "{http://www.w3.org/2005/Atom}"
BASE = "https://example.org/a%20b/"

two = series(
    row("e1", next="e2"),
    row("e2", 2, previous="e1", rating="mature", published="2026-10-02T08:00:00Z"),
    branches=[branch()],
    base_url=BASE,
)


def channel(told: SeriesFile) -> ET.Element:
    found = ET.fromstring(rss(told).encode()).find("channel")
    assert found is not None
    return found


# -- feeds -------------------------------------------------------------------------


def test_rss_has_what_apps_require() -> None:
    root = ET.fromstring(rss(two).encode())
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    top = channel(two)
    assert [top.findtext(name) for name in ("title", "link")] == [
        "The series",
        BASE + "index.html",
    ]
    assert top.findtext("description")
    assert top.findtext(f"{ITUNES}explicit") == "true"
    own = top.find(f"{ATOM}link")
    assert own is not None
    assert (own.get("rel"), own.get("href")) == ("self", BASE + "feed.xml")
    items = top.findall("item")
    assert [one.findtext("title") for one in items] == ["Title of e2", "Title of e1"]
    item = items[1]
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert enclosure.attrib == {
        "url": BASE + "e1/episode.mp4",
        "length": "1234",
        "type": "video/mp4",
    }
    guid = item.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == ("ep-e1", "false")
    date = parsedate_to_datetime(item.findtext("pubDate") or "")
    assert date == datetime.fromisoformat("2026-10-01T08:00:00Z")
    assert item.findtext(f"{ITUNES}duration") == "10"
    assert item.findtext(f"{ITUNES}explicit") == "false"
    assert items[0].findtext(f"{ITUNES}explicit") == "true"
    image = item.find(f"{ITUNES}image")
    assert image is not None
    assert image.get("href") == BASE + "e1/poster.jpg"
    assert item.findtext("link") == BASE + "index.html#e1"


def test_atom_has_what_the_standard_requires() -> None:
    root = ET.fromstring(atom(two).encode())
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author"):
        assert root.find(ATOM + name) is not None, name
    assert root.findtext(f"{ATOM}updated") == "2026-10-01T08:00:00Z"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 2
    ids = [entry.findtext(f"{ATOM}id") or "" for entry in entries]
    assert len({*ids, root.findtext(f"{ATOM}id")}) == 3
    assert all(one.startswith("urn:uuid:") for one in ids)
    links = {one.get("rel"): one for one in entries[1].findall(f"{ATOM}link")}
    film = links["enclosure"]
    assert film.get("href") == BASE + "e1/episode.mp4"
    assert (film.get("length"), film.get("type")) == ("1234", "video/mp4")
    assert entries[1].findtext(f"{ATOM}published") == "2026-10-01T08:00:00Z"


def test_without_an_address_feeds_are_relative_and_name_no_self() -> None:
    told = two.model_copy(update={"base_url": None})
    enclosure = channel(told).find("item/enclosure")
    assert enclosure is not None
    assert enclosure.get("url") == "e2/episode.mp4"
    assert channel(told).find(f"{ATOM}link") is None
    rels = [one.get("rel") for one in ET.fromstring(atom(told).encode()).findall(f"{ATOM}link")]
    assert rels == ["alternate"]


def test_branches_stay_out_of_the_feeds() -> None:
    assert "road-r" not in rss(two)
    assert "road-r" not in atom(two)


def test_an_empty_series_makes_sound_feeds() -> None:
    assert channel(series()).findall("item") == []
    assert ET.fromstring(atom(series()).encode()).findtext(f"{ATOM}updated")


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_strangers_are_texts(text: str) -> None:
    told = series(row(title=text, authors=(text,)), title=text, description=text, graph=text)
    item = channel(told).find("item")
    assert item is not None
    assert item.findtext("title") == text
    assert item.findtext(f"{ITUNES}author") == text
    assert channel(told).findtext("title") == text
    root = ET.fromstring(atom(told).encode())
    assert root.findtext(f"{ATOM}entry/{ATOM}title") == text
    assert root.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}name") == text
    for feed in (rss(told), atom(told)):
        tags = {one.tag.rpartition("}")[2] for one in ET.fromstring(feed.encode()).iter()}
        assert not tags & {"script", "b"}


@given(st.text())
def test_no_text_breaks_a_feed(text: str) -> None:
    told = series(row(title=text, authors=(text,), guid=text), title=text, language=text)
    kept = channel(told).findtext("item/title") or ""
    assert ET.fromstring(atom(told).encode()).findtext(f"{ATOM}entry/{ATOM}title", "") == kept
    assert set(kept) <= set(text) | {"\n"}


# -- addresses -----------------------------------------------------------------------


def test_addresses_are_escaped() -> None:
    assert address(None, "e 1", "a?b#c.mp4") == "e%201/a%3Fb%23c.mp4"
    assert address(BASE, "e1", "x") == BASE + "e1/x"
    assert urn_of("a") == urn_of("a") != urn_of("b")


def test_a_base_ends_with_one_slash() -> None:
    assert base_url_of("https://example.org/x") == "https://example.org/x/"
    assert base_url_of("http://example.org//") == "http://example.org/"
    assert base_url_of(None) is None
    assert base_url_of("") is None


@pytest.mark.parametrize(
    "text",
    [
        "example.org/x",
        "javascript:alert(1)",
        "ftp://example.org/",
        "https://",
        "https://example.org/?a=b",
        "https://example.org/#x",
        'https://example.org/"><x',
        "https://user@example.org/",
        "https://exämple.org/",
        "https://example.org:x/",
        "https://[/",
        "https://example.org/\n",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_what_is_no_address_of_a_folder_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        base_url_of(text)
    assert caught.value.code == "base-url"


# -- folders -------------------------------------------------------------------------


def test_no_folder_is_a_file_of_ours_nor_another_ones() -> None:
    found = folders_of(["e1", "E1", "index.html", "Feed.xml", "e1-film"], {})
    assert found["e1"] == "e1"
    assert len({one.casefold() for one in found.values()}) == 5
    names = {"index.html", "feed.xml", "atom.xml", "series.json"}
    assert not names & {one.casefold() for one in found.values()}
    assert folders_of(["E1", "e1"], {"e1": "e1"}) == {"e1": "e1", "E1": "E1-film"}


def test_files_are_written_whole_and_only_where_they_change(tmp_path: Path) -> None:
    assert write_files(tmp_path, {"a": "x", "b": "y"}) == ["a", "b"]
    before = (tmp_path / "a").stat().st_mtime_ns
    assert write_files(tmp_path, {"a": "x", "b": "z"}) == ["b"]
    assert (tmp_path / "a").stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    (tmp_path / "c").mkdir()
    with pytest.raises(OutputError):
        write_files(tmp_path, {"c": "x"})


def test_strangers_files_are_not_overwritten(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "deep", published=False)
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(OutputError, match="in the way"):
        check_folder(tmp_path, published=False)
    check_folder(tmp_path, published=True)
    (tmp_path / "index.html").unlink()
    (tmp_path / "index.html").symlink_to("/etc/passwd")
    with pytest.raises(OutputError):
        check_folder(tmp_path, published=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="no folder"):
        check_folder(tmp_path / "file" / "x", published=False)


# -- series.json -----------------------------------------------------------------------


def test_it_reads_back_what_it_wrote(tmp_path: Path) -> None:
    assert read_series(tmp_path) is None
    (tmp_path / "series.json").write_text(two.to_json(), encoding="utf-8")
    assert read_series(tmp_path) == two


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"schema": "chainer.series/2"}', two.to_json().replace('"title"', '"titel"')],
)
def test_a_damaged_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "series.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_series(tmp_path)
    assert caught.value.code == "series-damaged"


def test_the_story_closes_over_what_is_taken_out() -> None:
    ways = (Way(kind="remix", to="road-r"), Way(kind="continuation", to="e2"))
    told = series(
        row("e1", forks=(Fork(after="a", at=1, ways=ways),), next="e2"),
        row("e2", 2, previous="e1", next="e3"),
        row("e3", 3, previous="e2"),
        branches=[branch(then=Way(kind="continuation", to="e2")), branch("road-q")],
    )
    left = told.without(frozenset({"e2", "road-q"}))
    assert [(one.id, one.number, one.previous, one.next) for one in left.episodes] == [
        ("e1", 1, None, "e3"),
        ("e3", 2, "e1", None),
    ]
    assert left.episodes[0].forks[0].ways == ways[:1]
    assert [(one.id, one.then) for one in left.branches] == [("road-r", None)]
    assert told.without(frozenset()) == told
    assert told.without(frozenset({"e2", "road-r"})).episodes[0].forks == ()
