"""The addresses under which a series is found."""

from __future__ import annotations

from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid5

from chainer.errors import InputError
from chainer.series.values import Road


def base_url_of(text: str | None) -> str | None:
    """The address of the series' folder, with a slash at its end; None for none.

    Raises `InputError` for what is no http(s) address of a folder.
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        sound, parts = False, urlsplit("")
    if (
        not sound
        or len(text) > 2000
        or not text.isascii()
        or not text.isprintable()
        or any(one in text for one in ' "<>\\^`{|}')
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise InputError(
            f"{text[:80]!r} is no address of a folder; write it like https://example.org/harbor/, "
            "letters of other scripts percent-encoded",
            code="base-url",
        )
    return text.rstrip("/") + "/"


def address(base: str | None, *names: str) -> str:
    """The address of a file of the series: absolute where the base is known, else relative."""
    return (base or "") + "/".join(quote(name, safe="") for name in names)


def page_address(base: str | None, page: str, road: Road) -> str:
    """Where the page plays a film."""
    return f"{address(base, page)}#{quote(road.id, safe='')}"


def urn_of(guid: str) -> str:
    """A name for ever, as Atom wants it."""
    return uuid5(NAMESPACE_URL, f"chainer:{guid}").urn
