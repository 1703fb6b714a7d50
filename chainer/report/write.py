"""`report.html`: one page that tells a producer everything about a finished episode.

Derived from the folder and from the film itself, so nothing vouches for it and the manifest does
not list it: it can be written again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chainer.render.run import Runner
from chainer.report.facts import gather
from chainer.report.page import render_page
from chainer.report.sound import listen
from chainer.report.standing import Standing
from chainer.report.strips import Pictures, look, wanted_frames
from chainer.report.view import Report, values_of

REPORT_NAME = "report.html"


@dataclass(frozen=True, slots=True)
class Page:
    """The page's text, and what of the folder it could not tell: missing or damaged files."""

    html: str
    faults: tuple[str, ...]


def report_page(
    folder: Path,
    runner: Runner,
    standing: Standing,
    others: Mapping[str, bytes] | None = None,
    *,
    beside: str = "",
) -> Page:
    """The report of the episode in `folder`; writes nothing there.

    Decodes the film once, small. `others` are JPEGs of atoms of the graph that do not play, by id;
    whoever gives them has asked whether they may be shown. `beside` is the way from the page to the
    folder, where it does not lie there. Where `standing` speaks against the episode no picture is
    shown. Raises `VerifyError` for a folder without a readable manifest, `Cancelled` when the
    runner is stopped; files that are missing or damaged are told on the page.
    """
    facts = gather(folder)
    if standing.shows:
        pictures = look(runner, facts.path, facts.manifest.frames, wanted_frames(facts.manifest))
    else:
        pictures = Pictures({}, (), "no picture is shown, because consent was taken back")
    loudness = listen(runner, facts.path)
    shown = dict(others or {}) if standing.shows else {}
    told = Report(facts, pictures, loudness, standing, shown, beside)
    html = render_page(
        "report.html",
        styles=("style.css", "report.css"),
        scripts=("report.js",),
        **values_of(told),
    )
    broken = [pictures.fault] if standing.shows and pictures.fault else []
    return Page(html, tuple(dict.fromkeys([*facts.faults.values(), *broken])))
