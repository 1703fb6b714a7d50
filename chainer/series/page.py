"""`index.html`: the page that plays a series, one file beside the films and posters."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from chainer.digest import open_regular
from chainer.report.page import render_page
from chainer.report.write import REPORT_NAME
from chainer.series.addresses import address
from chainer.series.place import ATOM_NAME, RSS_NAME
from chainer.series.values import BranchRow, EpisodeRow, SeriesFile, Way
from chainer.series.words import length_text, names_text, spoken_text

_MOST_CAPTIONS = 1 << 20
_STYLES = ("style.css", "series.css")
_SCRIPTS = ("series.js",)


def page(series: SeriesFile, folder: Path) -> str:
    """The page's text; captions are read from the films' folders in `folder`.

    Reports that lie there are linked.

    Everything that the script needs goes in as data, and every text as text: nothing of a
    stranger's is ever mark-up.
    """
    return render_page(
        "series.html",
        styles=_STYLES,
        scripts=_SCRIPTS,
        series=series,
        episodes=[_card(one, folder) for one in series.episodes],
        branches=[_card(one, folder) for one in series.branches],
        data=data_of(series, folder),
        feeds={"rss": RSS_NAME, "atom": ATOM_NAME},
        withdrawn=len(series.withdrawn),
    )


def data_of(series: SeriesFile, folder: Path) -> dict[str, Any]:
    """What the page's script plays from: plain JSON, times as seconds."""
    return {
        "title": series.title,
        "language": series.language,
        "order": [one.id for one in series.episodes],
        "films": {one.id: _film(one, folder) for one in series.roads},
    }


def _film(one: EpisodeRow | BranchRow, folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": one.title,
        "authors": names_text(one.authors),
        "seconds": float(one.seconds),
        "sources": _sources(one),
        "poster": None if one.poster is None else _near(one.folder, one.poster),
        "captions": _captions(one, folder),
        "chapters": [{"title": chap.title, "at": _float(chap.start)} for chap in one.chapters],
        "forks": [
            {"at": _float(fork.at), "ways": [_way(way) for way in fork.ways]} for fork in one.forks
        ],
    }
    if isinstance(one, EpisodeRow):
        return {
            **told,
            "number": one.number,
            "previous": one.previous,
            "next": None if one.next is None else {"to": one.next, "at": 0},
        }
    back = None if one.then is None else _way(one.then)
    return {**told, "number": None, "previous": one.leaves, "next": back}


def _sources(one: EpisodeRow | BranchRow) -> list[dict[str, str]]:
    """Where the film is, best first: playlists where a browser plays them by itself, the file."""
    found = []
    if one.hls is not None:
        playlist = _near(one.folder, *one.hls.split("/"))
        found.append({"src": playlist, "type": "application/vnd.apple.mpegurl"})
    return [*found, {"src": _near(one.folder, one.file.name), "type": one.file.type}]


def _way(way: Way) -> dict[str, Any]:
    return {"to": way.to, "at": _float(way.at), "kind": way.kind}


def _captions(one: EpisodeRow | BranchRow, folder: Path) -> str:
    """The captions' text. It goes into the page, as a page opened from a disk may read no file."""
    if one.captions is None:
        return ""
    try:
        with open_regular(folder / one.folder / one.captions) as stream:
            return stream.read(_MOST_CAPTIONS).decode("utf-8", "replace")
    except OSError:
        return ""


def _card(one: EpisodeRow | BranchRow, folder: Path) -> dict[str, Any]:
    """What the lists show of a film, also to a browser without scripts."""
    return {
        "id": one.id,
        "number": one.number if isinstance(one, EpisodeRow) else None,
        "title": one.title,
        "authors": names_text(one.authors),
        "length": length_text(one.seconds),
        "spoken": spoken_text(one.seconds),
        "poster": None if one.poster is None else _near(one.folder, one.poster),
        "film": _near(one.folder, one.file.name),
        "chapters": [chapter.title for chapter in one.chapters],
        "report": _near(one.folder, REPORT_NAME)
        if (folder / one.folder / REPORT_NAME).is_file()
        else None,
    }


def _near(*names: str) -> str:
    return "./" + address(None, *names)


def _float(value: Fraction) -> float:
    """Seconds for a player; a thousandth is more than it can use."""
    return round(float(value), 3)
