"""The report in a browser: what it fetches, what the keyboard reaches, how it looks when narrow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.told import NASTY, hostile_episode
from tests.web import chromium, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    hostile_episode(folder, folder / "out", report={"write": True})
    return folder / "out"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextmanager
def opened(browser: Browser, folder: Path, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """The report of `folder`, and everything that the page asked for or complained of."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda one: told.append(f"console {one.type}: {one.text}"))
    page.on("pageerror", lambda one: told.append(f"error: {one}"))
    page.on("dialog", lambda one: told.append(f"dialog: {one.message}"))
    with served(folder) as (address, _):
        page.on(
            "request",
            lambda one: (
                None
                if one.url.startswith("data:")
                else told.append(f"asked {one.url.removeprefix(address)}")
            ),
        )
        page.goto(f"{address}/report.html")
        page.wait_for_function("() => document.getElementById('film-player')?.readyState >= 1")
        yield page, told
    context.close()


def test_it_asks_for_the_film_alone_and_complains_of_nothing(browser: Browser, home: Path) -> None:
    with opened(browser, home) as (page, told):
        page.wait_for_timeout(300)
        assert set(told) == {"asked /report.html", "asked /episode.mp4"}
        assert NASTY.split()[0] in page.title()
        assert page.evaluate("document.querySelectorAll('alert, script').length") == 2


def test_a_script_that_gets_in_does_not_run(browser: Browser, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(home, folder)
    text = (folder / "report.html").read_text()
    bad = "<script>document.title = 'owned'</script><img src='x' onerror='document.title=`owned`'>"
    (folder / "report.html").write_text(text.replace("<main", f"{bad}<main", 1))
    with opened(browser, folder) as (page, told):
        page.wait_for_timeout(300)
        assert page.title() != "owned"
        assert any("Content Security Policy" in one for one in told)


def test_chapters_seek_and_the_current_one_is_marked(browser: Browser, home: Path) -> None:
    with opened(browser, home) as (page, _):
        buttons = page.locator("[data-start]")
        assert buttons.count() == 2
        assert buttons.nth(0).get_attribute("aria-current") == "true"
        second = float(str(buttons.nth(1).get_attribute("data-start")))
        buttons.nth(1).click()
        page.wait_for_function(
            f"() => document.getElementById('film-player').currentTime >= {second} "
            "&& document.getElementById('film-player').getVideoPlaybackQuality().totalVideoFrames"
        )
        page.wait_for_function(
            "() => document.querySelectorAll('[data-start]')[1]"
            ".getAttribute('aria-current') === 'true'"
        )
        assert page.locator("[aria-current=true]").count() == 1
        page.evaluate("document.getElementById('film-player').pause()")
        page.locator("[data-watch]").first.click()
        page.wait_for_function(
            f"() => document.getElementById('film-player').currentTime < {second}"
        )
        words = page.evaluate(
            "[...document.getElementById('film-player').textTracks[0].cues].map(c => c.text).join()"
        )
        assert "<script>alert" in words


def test_the_keyboard_reaches_everything_in_order(browser: Browser, home: Path) -> None:
    with opened(browser, home) as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        box = page.locator(".skip").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        wanted = page.evaluate(
            "[...document.querySelectorAll('a[href], button, summary, video, [tabindex=\"0\"]')]"
            ".filter(e => e.checkVisibility()).length"
        )
        seen, unseen = set(), []
        page.locator(".skip").focus()
        for _ in range(4 * wanted):
            told = page.evaluate(
                """() => {
                    const e = document.activeElement, s = getComputedStyle(e);
                    e.dataset.seen = e.dataset.seen ?? String(Math.random());
                    return [e.dataset.seen, e.tagName, s.outlineStyle, e === document.body];
                }"""
            )
            if told[3]:
                break
            seen.add(told[0])
            if told[2] == "none" and told[1] != "VIDEO":
                unseen.append(told[1])
            page.keyboard.press("Tab")
        assert len(seen) >= wanted
        assert unseen == []
        summary = page.locator("summary").first
        summary.focus()
        page.keyboard.press("Enter")
        assert page.locator("details").first.get_attribute("open") is not None


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(width: int, browser: Browser, home: Path) -> None:
    with opened(browser, home, viewport={"width": width, "height": 844}) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.evaluate(
            """[...document.querySelectorAll('main *')].filter(e => {
                if (e.closest('.scroll, .strip, svg, .hidden-words')) return false;
                const r = e.getBoundingClientRect();
                return r.width && r.right > innerWidth + 1;
            }).map(e => e.outerHTML.slice(0, 90))"""
        )
        assert wide == []


CONTRAST = """() => {
    const parse = (c) => c.match(/[\\d.]+/g).map(Number);
    const light = (c) => {
        const [r, g, b] = c.slice(0, 3).map(v => {
            v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] > 0.99) return c;
        }
        return [255, 255, 255];
    };
    const bad = [];
    for (const e of document.querySelectorAll('body *')) {
        if (e.closest('svg') || e.closest('.skip') || !e.checkVisibility()) continue;
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
        const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) bad.push([e.outerHTML.slice(0, 80), ratio]);
    }
    return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_are_readable_in_light_and_dark(
    scheme: str, browser: Browser, home: Path
) -> None:
    with opened(browser, home, color_scheme=scheme) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate(CONTRAST) == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        level = sum(int(one) for one in ground.removeprefix("rgb(").rstrip(")").split(","))
        assert (level < 200) == (scheme == "dark")


def test_it_prints_and_needs_no_script(browser: Browser, home: Path) -> None:
    with opened(browser, home) as (page, _):
        assert page.pdf()[:5] == b"%PDF-"
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((home / "report.html").as_uri())
    assert page.locator("video").count() == 1
    assert page.locator("h2").count() >= 8
    context.close()


def test_it_plays_from_the_disk_without_a_server(browser: Browser, home: Path) -> None:
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda one: told.append(one.text))
    page.goto((home / "report.html").as_uri())
    page.wait_for_function("() => document.getElementById('film-player').readyState >= 1")
    assert told == []
    page.close()
