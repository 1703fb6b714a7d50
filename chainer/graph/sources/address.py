"""Where a graph is: a file, or a graph in a database.

Reads addresses, without loading what databases need. Never shows a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from chainer.errors import InputError

SQLITE, POSTGRES = "sqlite", "postgresql+psycopg"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_UPGRADED = re.compile(r" \(upgraded from [a-z.]+/[0-9]+\)\Z")
_SECRET = re.compile(r"pass|secret|key$", re.IGNORECASE)
_KNOWN = "a graph file, sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a graph is. `url` is what it is called, without any password.

    `secret` is the URL as it was given, without `?graph=…`; None for a file. `graph` is the name
    of a graph in a database, `path` the file of a file or of SQLite.
    """

    url: str
    scheme: str | None
    path: Path | None = None
    graph: str | None = None
    secret: str | None = field(default=None, repr=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a graph file."""
        return self.scheme is None

    def named(self, graph: str) -> str:
        """What a graph of this database is called."""
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode({'graph': graph})}"


def is_url(text: str | Path) -> bool:
    """Whether an address is a URL, and not the path of a file."""
    return isinstance(text, str) and _SCHEME.match(text) is not None


def read_address(text: str | Path) -> Address:
    """The address that `text` writes. Raises `InputError` for what is none."""
    if not is_url(text):
        return Address(str(text), None, Path(text))
    text = str(text)
    scheme = text.partition("://")[0].lower()
    if scheme in ("postgresql", "postgres", "postgresql+psycopg2"):
        text, scheme = f"{POSTGRES}://{text.partition('://')[2]}", POSTGRES
    if scheme not in (SQLITE, POSTGRES):
        raise InputError(
            f"graphs are not kept in {scheme}://…; give {_KNOWN}", code="address", scheme=scheme
        )
    body, _, query = text.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    names = [value for name, value in pairs if name == "graph"]
    if len(names) > 1 or "" in names:
        raise InputError("the address names its graph twice, or with nothing", code="address")
    rest = [(name, value) for name, value in pairs if name != "graph"]
    graph = names[0] if names else None
    if scheme == SQLITE:
        return _sqlite(body, rest, graph)
    shown = [(name, value) for name, value in rest if not _SECRET.search(name)]
    return Address(
        _with(_without_password(body), shown), scheme, graph=graph, secret=_with(body, rest)
    )


def name_of(source: str) -> str:
    """What a graph from `source` (`Graph.source`) is called where no path or host is to be told."""
    source = source_of(source)
    if source.startswith((f"{SQLITE}://", f"{POSTGRES}://")):
        address = read_address(source)
        return address.graph or ("" if address.path is None else address.path.name)
    return Path(source).name


def source_of(source: str) -> str:
    """`source` without what a load adds to it where the file was of an older version."""
    return _UPGRADED.sub("", source)


def _sqlite(body: str, rest: list[tuple[str, str]], graph: str | None) -> Address:
    if rest:
        raise InputError(
            f"{body}: only ?graph=NAME may follow, not {rest[0][0]!r}", code="address", url=body
        )
    _, _, place = body.partition("://")
    if not place.startswith("/") or len(place) < 2 or "\x00" in unquote(place):
        raise InputError(
            f"{body}: name the file after three slashes, as in sqlite:///graphs.db "
            "(four for an absolute path)",
            code="address",
            url=body,
        )
    return Address(body, SQLITE, Path(unquote(place[1:])), graph, body)


def _without_password(body: str) -> str:
    scheme, _, rest = body.partition("://")
    # Everything up to the last @ before the first slash may be a name and a password.
    authority, slash, place = rest.partition("/")
    if "@" in rest and "@" not in authority:  # a password with a slash that nobody quoted
        authority, _, place = rest.rpartition("@")
        authority, slash, place = (
            f"{authority}@{place.partition('/')[0]}",
            "/",
            place.partition("/")[2],
        )
    user, at, host = authority.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{place}"


def _with(body: str, pairs: list[tuple[str, str]]) -> str:
    return f"{body}?{urlencode(pairs)}" if pairs else body
