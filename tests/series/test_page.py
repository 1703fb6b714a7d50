"""The page of a series: its text, and in a browser what it plays."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from chainer.series.make import SeriesMade
from chainer.series.page import data_of, page
from chainer.series.values import ChapterRow, Fork, Way
from chainer.series.words import length_text, names_text, spoken_text
from tests.series.told import NASTY, branch, built, row, series, value_of
from tests.web import chromium, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class _Read(HTMLParser):
    """Elements and texts of a page, as a browser would read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append((tag, told))
        self._inside = "data" if told.get("id") == "data" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data += data
        elif self._inside not in ("script", "style"):
            self.texts.append(data)

    def has(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_strangers_are_texts(text: str, tmp_path: Path) -> None:
    chapter = ChapterRow(title=text, start=Fraction(0))
    ways = (Way(kind="remix", to="road-r"),)
    told = series(
        row(
            title=text,
            authors=(text, text),
            chapters=(chapter,),
            forks=(Fork(after="a", at=Fraction(9), ways=ways),),
        ),
        branches=[branch(title=text, authors=(text,))],
        title=text,
        description=text,
    )
    (tmp_path / "e1").mkdir()
    (tmp_path / "e1" / "captions.vtt").write_text(f"WEBVTT\n\n{text}\u2028", encoding="utf-8")
    found = _Read(page(told, tmp_path))
    plain = _Read(page(series(row(), branches=[branch()], description="x"), tmp_path))
    assert [name for name, _ in found.tags] == [name for name, _ in plain.tags]
    assert "".join(found.texts).count(text) >= 5
    data = json.loads(found.data)
    assert data == data_of(told, tmp_path)
    assert data["films"]["e1"]["title"] == text
    assert data["films"]["e1"]["chapters"] == [{"title": text, "at": 0.0}]
    assert data["films"]["e1"]["captions"].endswith(f"{text}\u2028")
    assert not {"<", ">", "&", "\u2028"} & set(found.data)


def test_the_page_allows_nothing_but_itself(tmp_path: Path) -> None:
    found = _Read(page(series(row()), tmp_path))
    policy = next(told["content"] or "" for tag, told in found.tags if "http-equiv" in told)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == "'self'"
    assert rules["script-src"].startswith("'sha256-")
    assert "unsafe" not in policy
    for _, told in found.tags:
        address = told.get("src") or told.get("href") or ""
        assert "//" not in address
        assert not any(name.startswith("on") or name == "style" for name in told)


def test_an_empty_series_has_a_page(tmp_path: Path) -> None:
    found = _Read(page(series(withdrawn=("e1",)), tmp_path))
    assert found.has("video") == 0
    assert "1 film is not available any more." in " ".join(found.texts)


def test_words() -> None:
    assert [names_text(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "", "a", "a and b", "a, b and c"]  # fmt: skip
    assert length_text(Fraction(599, 10)) == "1:00"
    assert length_text(Fraction(3723)) == "1:02:03"
    assert [spoken_text(Fraction(one)) for one in (0, 60, 61)] == ["0 s", "1 min", "1 min 1 s"]


# -- in a browser ------------------------------------------------------------------------


REMIX = NASTY[4] + "x" * 120


@dataclass(frozen=True)
class Show:
    """A series that was built, and its address."""

    made: SeriesMade
    base: str
    asked: list[str]
    browser: Browser

    @contextmanager
    def open(self, where: str = "", **options: Any) -> Iterator[Page]:
        """A page on which nothing may go wrong, and nothing come from elsewhere."""
        context = self.browser.new_context(**options)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        elsewhere: list[str] = []
        page.on(
            "request",
            lambda told: (
                elsewhere.append(told.url)
                if not told.url.startswith((self.base, "data:"))
                else None
            ),
        )
        page.goto(f"{self.base}/index.html{where}")
        try:
            yield page
        finally:
            context.close()
        assert wrong == []
        assert elsewhere == []


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """Two episodes and a remix, every text of which is nasty, in a folder with a nasty name."""
    folder = tmp_path_factory.mktemp("show")
    chapters = [{"title": NASTY[0], "at": "a"}, {"title": NASTY[2], "at": "b"}]
    value = value_of(
        "a>b b>c b~r",
        [("e1", "a"), ("e2", "c")],
        nodes={
            "a": {
                "title": NASTY[2],
                "dialogue": [{"start": "0.2", "end": "1.2", "text": NASTY[0], "character": "m"}],
            },
            "r": {"title": REMIX, "author": "p-b"},
        },
        title=NASTY[0],
        description=NASTY[6],
        characters={
            "m": {"name": NASTY[0], "person": "p-a"},
            "n": {"name": NASTY[3], "person": "p-b"},
        },
    )
    value["graph"]["series"][0] |= {"title": NASTY[1]}
    for number, episode in enumerate(value["graph"]["series"][0]["episodes"]):
        episode["title"] = NASTY[number]
    value["graph"]["series"][0]["episodes"][0]["chapters"] = chapters
    name = "out 灯 'x' & \"y\" <b> #?%41"
    made = built(folder, value, out=name)
    assert made.exit_status == 0, [one.error for one in made.films]
    with served(folder) as (base, asked), chromium() as browser:
        yield Show(made, f"{base}/{quote(name)}", asked, browser)


NOW = "document.getElementById('video').currentTime"
PAUSED = "document.getElementById('video').paused"
READY = "document.getElementById('video').readyState >= 2"
SOURCE = "document.getElementById('video').currentSrc"


def _wait(page: Page, what: str) -> None:
    """Wait until an expression holds. Asked again and again, as the page itself runs no strings."""
    end = time.monotonic() + 30
    while not page.evaluate(what):
        assert time.monotonic() < end, f"never: {what}"
        page.wait_for_timeout(30)


def _at(page: Page, name: str) -> None:
    """Wait until a film plays, and know that it does."""
    _wait(
        page, f"location.hash.startsWith('#{name}') && {SOURCE}.includes('/{name}/') && {NOW} > 0"
    )


@pytest.mark.slow
def test_it_plays_on_to_the_next_episode(show: Show) -> None:
    with show.open() as page:
        _wait(page, READY)
        assert page.evaluate(PAUSED)
        page.keyboard.press(" ")
        _at(page, "e1")
        page.locator("#fork-ways button").first.wait_for()
        assert NASTY[1] in page.inner_text("#otherwise")  # the next one, if nobody chooses
        _at(page, "e2")
        assert not page.evaluate(PAUSED)
        assert page.inner_text("#now-title") == NASTY[1]
        _wait(page, "document.getElementById('video').ended")
        assert "The end" in page.inner_text("#fork")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["press", "key"])
def test_a_fork_offers_the_branch_and_plays_it(show: Show, how: str) -> None:
    with show.open() as page:
        _wait(page, READY)
        assert page.locator("#fork").is_hidden()
        page.keyboard.press(" ")
        choice = page.locator("#fork-ways button")
        choice.first.wait_for()
        assert choice.count() == 1
        told = choice.inner_text()
        assert REMIX.split() == [word for word in told.split() if word in REMIX.split()]
        assert "Remix, by" in told
        assert choice.locator("img").evaluate("one => one.complete && one.naturalWidth > 0")
        assert page.inner_text("#said")
        if how == "press":
            choice.click()
        else:
            page.keyboard.press("1")
        _at(page, "road-r")
        assert page.inner_text("#now-what") == "Road"
        _wait(page, "document.getElementById('video').ended")
        back = page.locator("#fork-ways button", has_text="Back to where this road led off")
        back.click()
        _wait(page, "location.hash.startsWith('#e1@')")
        _at(page, "e2")  # the fork was its end: the story goes on


@pytest.mark.slow
def test_the_keys(show: Show) -> None:
    with show.open() as page:
        _wait(page, READY)
        video = page.locator("#video")
        page.keyboard.press(" ")
        _wait(page, f"!{PAUSED}")
        video.focus()  # whose own keys must not undo ours
        page.keyboard.press(" ")
        _wait(page, PAUSED)
        page.evaluate("document.getElementById('video').currentTime = 1")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(NOW) == 0
        page.keyboard.press("ArrowRight")
        assert page.evaluate(NOW) > 2
        page.keyboard.press("n")
        _at(page, "e2")
        page.keyboard.press("p")
        _wait(page, f"{SOURCE}.includes('/e1/')")
        page.keyboard.press("c")
        assert page.get_attribute("#captions", "aria-pressed") == "false"
        page.locator("#chapters button").nth(1).focus()
        page.keyboard.press("Enter")
        _wait(page, f"{NOW} >= 1")
        page.go_back()
        _wait(page, f"{SOURCE}.includes('/e1/') && {NOW} < 1")
        page.go_back()
        _wait(page, f"location.hash.startsWith('#e2') && {SOURCE}.includes('/e2/')")


@pytest.mark.slow
def test_an_address_leads_to_a_place_in_a_film(show: Show) -> None:
    with show.open("#e2@0.7") as page:
        _wait(page, f"{READY} && {NOW} > 0.6")
        assert page.evaluate(f"{SOURCE}.includes('/e2/')")
    with show.open("#road-r") as page:
        _wait(page, f"{READY} && {SOURCE}.includes('/road-r/')")
    for nowhere in ("#constructor", "#%E0%A4%A", "#e9@3", "#e1@nan", "#e1@-4"):
        with show.open(nowhere) as page:
            _wait(page, f"{READY} && {SOURCE}.includes('/e1/')")
            assert page.evaluate(NOW) == 0


@pytest.mark.slow
def test_every_text_is_shown_as_text(show: Show) -> None:
    with show.open() as page:
        _wait(page, READY)
        assert page.text_content("h1") == NASTY[1]
        assert page.text_content("#now-title") == NASTY[0]
        assert page.text_content("#now-authors") == f"By \u2068{NASTY[0]}\u2069"
        marks = page.locator("#chapters button span").all_text_contents()
        assert marks == [NASTY[0], NASTY[2]]
        titles = page.locator(".film-title").all_text_contents()
        assert titles == [NASTY[0], NASTY[1], REMIX]
        assert page.text_content(".film-words:has-text('Road') [dir]:nth-child(3)") == NASTY[3]
        assert page.title() == f"\u2068{NASTY[0]}\u2069 – \u2068{NASTY[1]}\u2069"
        assert page.evaluate("document.querySelectorAll('script').length") == 2
        cue = "[...document.getElementById('video').textTracks[0].cues].map(one => one.text)"
        (text,) = page.evaluate(cue)
        assert "&lt;/script&gt;" in text
        track = "document.getElementById('video').textTracks[0]"
        assert page.evaluate(f"{track}.cues[0].getCueAsHTML().textContent") == NASTY[0]
        assert page.evaluate(f"{track}.mode") == "showing"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(show: Show, scheme: str) -> None:
    size = {"width": 390, "height": 844}
    with show.open(viewport=size, color_scheme=scheme, is_mobile=True, has_touch=True) as page:
        _wait(page, READY)
        page.keyboard.press(" ")
        page.locator("#fork-ways button").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        box = page.locator("#fork-ways button").first.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        title = page.locator("#fork-ways .way-title").bounding_box()
        assert title is not None
        assert title["x"] + title["width"] <= 390  # a long word is broken, not cut off
        for button in page.locator(".buttons button").all():
            told = button.bounding_box()
            assert told is not None
            assert told["height"] >= 44


@pytest.mark.slow
def test_it_plays_the_file_where_playlists_do_not(show: Show) -> None:
    """A playlist that is lost stops nobody: the film's file is the next source."""
    rows = [one.model_copy(update={"hls": "hls/index.m3u8"}) for one in show.made.file.episodes]
    told = show.made.file.model_copy(update={"episodes": tuple(rows)})
    other = show.made.folder / "other.html"
    other.write_text(page(told, show.made.folder), encoding="utf-8")
    context = show.browser.new_context()
    tab = context.new_page()
    tab.goto(f"{show.base}/other.html")
    assert "hls/index.m3u8" in (tab.text_content("#data") or "")
    _wait(tab, f"{READY} && {SOURCE}.endsWith('/e1/episode.mp4')")
    context.close()
    other.unlink()


@pytest.mark.slow
def test_it_opens_from_a_disk_and_without_scripts(show: Show) -> None:
    context = show.browser.new_context()
    tab = context.new_page()
    tab.goto((show.made.folder / "index.html").as_uri())
    _wait(tab, READY)
    context.close()
    with show.open(java_script_enabled=False) as tab:
        links = tab.locator("a.film")
        assert [one.get_attribute("href") for one in links.all()] == [
            "./e1/episode.mp4",
            "./e2/episode.mp4",
            "./road-r/episode.mp4",
        ]
        assert tab.locator("#player").is_hidden()
        assert tab.locator("noscript").is_visible()


@pytest.mark.slow
def test_nothing_but_its_own_files_is_asked_for(show: Show) -> None:
    show.asked.clear()
    with show.open() as page:
        _wait(page, READY)
        page.keyboard.press("n")
        _at(page, "e2")
    root = show.base.partition("/out")[2]
    assert show.asked
    assert all(root in path for path in show.asked)
    names = {path.rpartition("/")[2] for path in show.asked}
    assert names <= {"index.html", "episode.mp4", "poster.jpg"}
