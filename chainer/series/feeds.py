"""The series as feeds: RSS 2.0 with what podcast apps read besides, and Atom (RFC 4287).

Both list the episodes, newest first, with the film as enclosure. Branches are for the page: an app
that plays on by itself would play every ending. Built as trees, so that every text is escaped.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from chainer.series.addresses import address, page_address, urn_of
from chainer.series.place import ATOM_NAME, PAGE_NAME, RSS_NAME
from chainer.series.values import EpisodeRow, SeriesFile
from chainer.series.words import length_text, names_text
from chainer.timebase import round_half_up

_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_ATOM = "http://www.w3.org/2005/Atom"
_PODCAST = "https://podcastindex.org/namespace/1.0"
_XML = "http://www.w3.org/XML/1998/namespace"

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold, escaped or not, and control characters that it had better not."""


def rss(series: SeriesFile) -> str:
    """`feed.xml`: RSS 2.0 with enclosures."""
    for prefix, uri in (("itunes", _ITUNES), ("atom", _ATOM), ("podcast", _PODCAST)):
        ET.register_namespace(prefix, uri)
    base = series.base_url
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", series.title)
    _add(channel, "link", address(base, PAGE_NAME))
    _add(channel, "description", series.description or series.title)
    if series.language != "und":
        _add(channel, "language", series.language)
    if series.episodes:
        _add(channel, "lastBuildDate", _mail_date(_newest(series)))
    if base is not None:
        told = {
            "href": address(base, RSS_NAME),
            "rel": "self",
            "type": "application/rss+xml",
        }
        ET.SubElement(channel, f"{{{_ATOM}}}link", told)
    _add(channel, f"{{{_ITUNES}}}author", names_text(_everybody(series)) or series.title)
    _add(channel, f"{{{_ITUNES}}}type", "serial")
    explicit = any(_is_explicit(one) for one in series.episodes)
    _add(channel, f"{{{_ITUNES}}}explicit", _yes(explicit))
    picture = next((one for one in series.episodes if one.poster is not None), None)
    if picture is not None:
        _image(channel, series, picture)
    for one in reversed(series.episodes):
        _item(ET.SubElement(channel, "item"), series, one)
    return _text(root)


def _item(item: ET.Element, series: SeriesFile, one: EpisodeRow) -> None:
    base = series.base_url
    _add(item, "title", one.title)
    _add(item, "link", page_address(base, PAGE_NAME, one))
    _add(item, "description", summary(series, one))
    ET.SubElement(item, "guid", {"isPermaLink": "false"}).text = _clean(one.guid)
    _add(item, "pubDate", _mail_date(one.published))
    ET.SubElement(
        item,
        "enclosure",
        {
            "url": address(base, one.folder, one.file.name),
            "length": str(one.file.size),
            "type": one.file.type,
        },
    )
    _add(item, f"{{{_ITUNES}}}duration", str(max(1, round_half_up(one.seconds))))
    _add(item, f"{{{_ITUNES}}}explicit", _yes(_is_explicit(one)))
    _add(item, f"{{{_ITUNES}}}episode", str(one.number))
    _add(item, f"{{{_ITUNES}}}episodeType", "full")
    if one.authors:
        _add(item, f"{{{_ITUNES}}}author", names_text(one.authors))
    if one.poster is not None:
        _image(item, series, one)
    if one.captions is not None:
        told = {"url": address(base, one.folder, one.captions), "type": "text/vtt"}
        ET.SubElement(item, f"{{{_PODCAST}}}transcript", told)


def atom(series: SeriesFile) -> str:
    """`atom.xml`: an Atom feed with enclosures."""
    ET.register_namespace("", _ATOM)
    base = series.base_url
    root = ET.Element(f"{{{_ATOM}}}feed")
    if series.language != "und":
        root.set(f"{{{_XML}}}lang", _clean(series.language))
    first = series.episodes[0].guid if series.episodes else f"{series.graph}/{series.id}"
    _add(root, f"{{{_ATOM}}}id", urn_of(f"series:{first}:{series.id}"))
    _add(root, f"{{{_ATOM}}}title", series.title)
    if series.description:
        _add(root, f"{{{_ATOM}}}subtitle", series.description)
    _add(root, f"{{{_ATOM}}}updated", _newest(series))
    _person(root, names_text(_everybody(series)) or series.title)
    _link(root, "alternate", address(base, PAGE_NAME), "text/html")
    if base is not None:
        _link(root, "self", address(base, ATOM_NAME), "application/atom+xml")
    for one in reversed(series.episodes):
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        _add(entry, f"{{{_ATOM}}}id", urn_of(one.guid))
        _add(entry, f"{{{_ATOM}}}title", one.title)
        _add(entry, f"{{{_ATOM}}}published", one.published)
        _add(entry, f"{{{_ATOM}}}updated", one.updated)
        for name in one.authors:
            _person(entry, name)
        _add(entry, f"{{{_ATOM}}}summary", summary(series, one))
        _link(entry, "alternate", page_address(base, PAGE_NAME, one), "text/html")
        film = address(base, one.folder, one.file.name)
        _link(entry, "enclosure", film, one.file.type, length=str(one.file.size), title=one.title)
    return _text(root)


def summary(series: SeriesFile, one: EpisodeRow) -> str:
    """A line about an episode."""
    who = f" By {names_text(one.authors)}." if one.authors else ""
    return f"{series.title}, episode {one.number}: {one.title}.{who} {length_text(one.seconds)}."


def _everybody(series: SeriesFile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in series.episodes for name in one.authors))


def _newest(series: SeriesFile) -> str:
    """The moment of the latest change; of a series without an episode the beginning of time."""
    moments = [one.updated for one in series.episodes]
    return max(moments, key=datetime.fromisoformat, default="1970-01-01T00:00:00Z")


def _is_explicit(one: EpisodeRow) -> bool:
    return one.rating == "mature"


def _yes(value: bool) -> str:  # noqa: FBT001 - it is all there is to say
    return "true" if value else "false"


def _mail_date(moment: str) -> str:
    return format_datetime(datetime.fromisoformat(moment))


def _image(parent: ET.Element, series: SeriesFile, one: EpisodeRow) -> None:
    assert one.poster is not None
    href = address(series.base_url, one.folder, one.poster)
    ET.SubElement(parent, f"{{{_ITUNES}}}image", {"href": href})


def _person(parent: ET.Element, name: str) -> None:
    _add(ET.SubElement(parent, f"{{{_ATOM}}}author"), f"{{{_ATOM}}}name", name)


def _link(parent: ET.Element, rel: str, href: str, media_type: str, **more: str) -> None:
    told = {"rel": rel, "href": href, "type": media_type}
    told |= {name: _clean(value) for name, value in more.items()}
    ET.SubElement(parent, f"{{{_ATOM}}}link", told)


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _clean(text)


def _clean(text: str) -> str:
    return _NOT_TEXT.sub("", text)


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
