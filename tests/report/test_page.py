"""The door to the templates: what it escapes, what it lets run."""

from __future__ import annotations

import base64
import hashlib

import pytest
from jinja2 import ChoiceLoader, DictLoader, UndefinedError

from chainer.report import page as door
from chainer.report.page import asset, data_uri, href, render_page


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Templates to be filled in by a test, beside those of the package."""
    told: dict[str, str] = {}
    made = door._environment.__wrapped__()
    assert made.loader is not None
    made.loader = ChoiceLoader([DictLoader(told), made.loader])
    monkeypatch.setattr(door, "_environment", lambda: made)
    return told


@pytest.mark.parametrize("name", ["t.html", "t.xml"])
def test_everything_is_escaped_in_pages_and_feeds(name: str, template: dict[str, str]) -> None:
    template[name] = '<a title="{{ v }}">{{ v }}</a>'
    told = render_page(name, v="<b>\"'&\x00\x1b\ud800\ufffe")
    assert told == '<a title="&lt;b&gt;&#34;&#39;&amp;">&lt;b&gt;&#34;&#39;&amp;</a>'


def test_a_name_that_nobody_gave_is_an_error(template: dict[str, str]) -> None:
    template["t.html"] = "{{ missing }}"
    with pytest.raises(UndefinedError):
        render_page("t.html")


def test_lines_keep_their_breaks_and_nothing_else(template: dict[str, str]) -> None:
    template["t.html"] = "{{ v|lines }}"
    assert render_page("t.html", v="<a>\nb\x07") == "&lt;a&gt;<br>b"


def test_an_address_never_has_a_scheme() -> None:
    assert href("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert href("../a b/港.mp4") == "./../a%20b/%E6%B8%AF.mp4"
    assert href("a\x00\ud800?#") == "./a%3F%23"
    assert data_uri(b"\xff", "image/jpeg") == "data:image/jpeg;base64,/w=="


def test_only_what_the_page_carries_may_run(template: dict[str, str]) -> None:
    template["t.html"] = "{{ page_policy }}"
    told = render_page("t.html", scripts=("report.js",), policy={"connect-src": "'self'"})
    digest = base64.b64encode(hashlib.sha256(asset("report.js").encode()).digest()).decode()
    told = told.replace("&#39;", "'")
    assert f"script-src 'sha256-{digest}'" in told
    assert "default-src 'none'" in told
    assert "connect-src 'self'" in told
    assert "unsafe" not in told
    assert "script-src 'none'" in render_page("t.html").replace("&#39;", "'")


def test_styles_and_scripts_cannot_end_their_own_element() -> None:
    for name in ("style.css", "report.css", "report.js"):
        assert "</" not in asset(name)
