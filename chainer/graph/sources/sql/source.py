"""A graph in a database, loaded as far as it is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, text

from chainer.errors import InputError, WalkError
from chainer.graph.faults import near_miss
from chainer.graph.graph import Graph, identity_of
from chainer.graph.load import parse_graph
from chainer.graph.model import GraphInfo
from chainer.graph.options import WalkOptions
from chainer.graph.sources.address import SQLITE, Address
from chainer.graph.sources.cut import cut_series, starts_of_chapters
from chainer.graph.sources.part import EDGES_FOR_ATOM, parts_of
from chainer.graph.sources.source import MAX_ATOMS, demand_room, too_large
from chainer.graph.sources.sql.engine import demand_version, engine_of, translated
from chainer.graph.sources.sql.index import matching, persons_and_names
from chainer.graph.sources.sql.near import Edges, Firsts, rows_of
from chainer.graph.sources.sql.tables import HEAD
from chainer.graph.sources.text import read_json, write_json
from chainer.graph.sources.witness import witnesses
from chainer.graph.sources.words import Candidate, Found, Wanted, keys_of, ranked, texts_of

_FEW_NAMES = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of one graph."""

    pk: int
    name: str
    info: dict[str, Any]
    extensions: dict[str, Any]
    base: Path | None
    atoms: int
    edges: int


@dataclass(frozen=True, slots=True)
class About:
    """What `chainer graph info` tells of one graph."""

    name: str
    url: str
    title: str | None
    base: str | None
    atoms: int
    edges: int
    components: int
    largest: int
    version: str = HEAD

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {field: getattr(self, field) for field in self.__slots__}


class SqlSource:
    """One graph of a database; opened for reading alone."""

    def __init__(
        self,
        address: Address,
        *,
        base: Path | None = None,
        media_root: Path | None = None,
        allow_schemes: Sequence[str] = (),
    ) -> None:
        self._address = address
        self._base = base
        self._media_root = media_root
        self._allow_schemes = tuple(allow_schemes)
        self._engine = engine_of(address)
        try:
            with self._reading() as connection:
                demand_version(connection, address)
                self._name = self._choose(connection)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The graph's name in the database."""
        return self._name

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return self._address.named(self._name)

    def load(
        self,
        start: str | None = None,
        *,
        options: WalkOptions | None = None,
        max_atoms: int = MAX_ATOMS,
    ) -> Graph:
        """The graph, or the part of it that walks from `start` need."""
        demand_room(max_atoms)
        with self._reading() as connection:
            row = self._row(connection)
            part = _Loader(connection, row, self.url, max_atoms)
            told = part.whole() if start is None else part.around(start, options or WalkOptions())
        # Read to the end before anything is checked: nobody waits for us meanwhile.
        graph = parse_graph(
            told,
            source=self.url,
            base=self._base or row.base,
            media_root=self._media_root,
            allow_schemes=self._allow_schemes,
        )
        if self._address.path is None:
            return graph
        # The same from every folder, as that of a file is.
        place = f"{SQLITE}:///{self._address.path.resolve()}"
        identity = identity_of(f"{place}?graph={self._name}")
        return replace(graph, identity=identity)

    def find(
        self,
        query: str = "",
        *,
        with_: Sequence[str] = (),
        tags: Sequence[str] = (),
        author: str | None = None,
        place: str | None = None,
        limit: int = 20,
    ) -> list[Found]:
        """The atoms that answer, the best first."""
        wanted = Wanted.of(query, with_=with_, tags=tags, author=author, place=place)
        found: list[Candidate] = []
        with self._reading() as connection:
            row = self._row(connection)
            persons, names = persons_and_names(row.info)
            numbers = matching(connection, row.pk, wanted)
            bodies = "SELECT pk, body FROM atoms WHERE {among}"
            for one in rows_of(connection, bodies, "pk", numbers):
                node = read_json(one.body)
                # A text could hold what a key looks like.
                if wanted.holds(keys_of(node, persons)):
                    found.append((one.pk, node, texts_of(node, names)))
        return ranked(found, wanted, limit)

    def about(self) -> About:
        """How large the graph is, and how large what hangs together in it."""
        count = text("SELECT count(*), max(size) FROM components WHERE graph = :graph")
        with self._reading() as connection:
            row = self._row(connection)
            counted = connection.execute(count, {"graph": row.pk}).one()
        return About(
            name=row.name,
            url=self.url,
            title=row.info.get("title"),
            base=None if row.base is None else str(row.base),
            atoms=row.atoms,
            edges=row.edges,
            components=counted[0],
            largest=counted[1] or 0,
        )

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database."""
        with translated(self._address), self._engine.connect() as connection:
            yield connection

    def _choose(self, connection: Connection) -> str:
        names = list(connection.execute(text("SELECT name FROM graphs ORDER BY name")).scalars())
        return choose(self._address, names)

    def _row(self, connection: Connection) -> Row:
        return row_of(connection, self._address, self._name)


def choose(address: Address, names: Sequence[str]) -> str:
    """The graph that an address means, among the names of all. Raises `InputError`."""
    if address.graph is not None:
        if address.graph in names:
            return address.graph
        otherwise = f"there are: {_listed(names)}" if names else "it holds no graph"
        hint = near_miss(address.graph, names, otherwise)
        raise InputError(
            f"{address.url}: there is no graph {address.graph!r}; {hint}",
            code="unknown-graph",
            url=address.url,
            graphs=list(names[:100]),
        )
    if len(names) == 1:
        return names[0]
    if not names:
        raise InputError(
            f"{address.url}: it holds no graph; `chainer graph import FILE {address.url}` puts "
            "one in",
            code="no-graphs",
            url=address.url,
        )
    raise InputError(
        f"{address.url}: it holds {len(names)} graphs: {_listed(names)}; name one, as in "
        f"{address.named(names[0])}",
        code="which-graph",
        url=address.url,
        graphs=list(names[:100]),
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more


def row_of(connection: Connection, address: Address, name: str) -> Row:
    """What the database says of a graph. Raises `InputError` where it has gone."""
    found = connection.execute(
        text("SELECT pk, info, extensions, base, atoms, edges FROM graphs WHERE name = :name"),
        {"name": name},
    ).one_or_none()
    if found is None:
        raise InputError(f"{address.url}: there is no graph {name!r} any more", code="no-graphs")
    base = None if found.base is None else Path(found.base)
    info, extensions = read_json(found.info), read_json(found.extensions)
    return Row(found.pk, name, info, extensions, base, found.atoms, found.edges)


class _Loader:
    """Reads one part of one graph."""

    def __init__(self, connection: Connection, row: Row, url: str, max_atoms: int) -> None:
        self._connection = connection
        self._row = row
        self._url = url
        self._max = max_atoms

    def whole(self) -> str:
        """The whole graph as the text of a file."""
        if self._row.atoms > self._max:
            raise too_large(self._url, None, self._max)
        if self._row.edges > self._max * EDGES_FOR_ATOM:
            raise too_large(self._url, None, self._max, edges=True)
        graph = {"graph": self._row.pk}
        nodes, edges = (
            self._connection.execute(
                text(f"SELECT body FROM {table} WHERE graph = :graph ORDER BY pk"),  # noqa: S608
                graph,
            ).scalars()
            for table in ("atoms", "edges")
        )
        return _file(self._row, self._row.info, nodes, edges)

    def around(self, start: str, options: WalkOptions) -> str:
        """The part that walks from `start` need, as the text of a file."""
        named = list(dict.fromkeys((*(options.path or ()), *sorted(options.required))))
        numbers = self._numbers([start, *named])
        if start not in numbers:
            raise self._unknown(start)
        wanted = [numbers[name] for name in named if name in numbers]
        too_many = False
        for names in self._choices(numbers[start], wanted, options):
            rows = self._filled({*names, *wanted})
            if len(rows) > self._max:
                continue
            edges = self._edges({pk for pk, *_ in rows})
            if edges is None:
                too_many = True
                continue
            told = cut_series(self._row.info, {ident for _, ident, _, _ in rows})
            return _file(self._row, told, (body for *_, body in rows), edges)
        raise too_large(self._url, start, self._max, edges=too_many)

    def _filled(self, names: Collection[int]) -> list[tuple[int, str, str, str]]:
        """The rows of these atoms, and of those that bear witness for them."""
        rows = self._bodies(sorted(names))
        info = GraphInfo.model_validate(self._row.info)
        ids = {ident for _, ident, _, _ in rows}
        more = set(self._numbers(sorted(starts_of_chapters(info, ids) - ids)).values())
        rows = sorted([*rows, *self._bodies(sorted(more))])
        authors = list(dict.fromkeys(author for _, _, author, _ in rows))
        holders = {holder for *_, body in rows for holder in _holders(body)}
        known = Firsts(self._connection, self._row.pk)
        first = witnesses(info, authors, holders, known) - {pk for pk, *_ in rows}
        if len(rows) + len(first) > self._max:
            first = set(sorted(first)[: self._max + 1 - len(rows)])  # enough to tell
        return sorted([*rows, *self._bodies(sorted(first))])

    def _choices(
        self, start: int, wanted: Sequence[int], options: WalkOptions
    ) -> Iterator[Collection[int]]:
        """The atoms of the parts that there may be room for, the widest first."""
        one = self._connection.execute(
            text(
                "SELECT pk, size FROM components WHERE pk = "
                "(SELECT component FROM members WHERE atom = :start)"
            ),
            {"start": start},
        ).one()
        if one.size <= self._max:
            members = text("SELECT atom FROM members WHERE component = :component")
            yield self._connection.execute(members, {"component": one.pk}).scalars().all()
        for part in parts_of(Edges(self._connection), start, options, wanted, self._max):
            yield part.names

    def _numbers(self, ids: Sequence[str]) -> dict[str, int]:
        query = "SELECT id, pk FROM atoms WHERE graph = :graph AND {among}"
        rows = rows_of(self._connection, query, "id", list(ids), texts=True, graph=self._row.pk)
        return {row.id: row.pk for row in rows}

    def _bodies(self, numbers: Sequence[int]) -> list[tuple[int, str, str, str]]:
        query = "SELECT pk, id, author, body FROM atoms WHERE {among} ORDER BY pk"
        rows = rows_of(self._connection, query, "pk", numbers)
        return [(row.pk, row.id, row.author, row.body) for row in rows]

    def _edges(self, numbers: set[int]) -> list[str] | None:
        """The edges between atoms in their order; None where there are too many."""
        most = self._max * EDGES_FOR_ATOM
        # Over the targets: an atom has few parents, but may have a million children.
        query = f"SELECT pk, source, body FROM edges WHERE {{among}} LIMIT {most + 1}"  # noqa: S608
        rows = rows_of(self._connection, query, "target", sorted(numbers))
        if len(rows) > most:
            return None
        inside = sorted((one.pk, one.body) for one in rows if one.source in numbers)
        return [body for _, body in inside]

    def _unknown(self, name: str) -> WalkError:
        hint = "use the id of an atom of this graph"
        if self._row.atoms <= _FEW_NAMES:
            ids = text("SELECT id FROM atoms WHERE graph = :graph")
            known = self._connection.execute(ids, {"graph": self._row.pk}).scalars()
            hint = near_miss(name, known, hint)
        message = f"{self._url}: there is no atom {name!r}; {hint}"
        return WalkError(message, code="unknown-atom", atom=name)


def _file(row: Row, info: Mapping[str, Any], nodes: Any, edges: Any) -> str:
    """A graph file's text around bodies."""
    head = write_json({"directed": True, "multigraph": True, "graph": info, **row.extensions})
    return f'{head[:-1]},"nodes":[{",".join(nodes)}],"edges":[{",".join(edges)}]}}'


def _holders(body: str) -> Iterator[str]:
    """The names of holders in an atom's body."""
    if '"holder"' not in body and "\\u" not in body:
        return
    rights = read_json(body).get("rights") or {}
    for terms in (rights, *(rights.get("music") or ())):
        if (holder := terms.get("holder")) is not None:
            yield holder


def about_graphs(address: Address) -> list[About]:
    """What there is to tell of the graph that an address names, or of all. Raises `InputError`."""
    if address.graph is not None:
        names = [address.graph]
    else:
        engine = engine_of(address)
        try:
            with translated(address), engine.connect() as connection:
                demand_version(connection, address)
                query = text("SELECT name FROM graphs ORDER BY name")
                names = list(connection.execute(query).scalars())
        finally:
            engine.dispose()
    every = []
    for name in names:
        with SqlSource(replace(address, graph=name)) as source:
            every.append(source.about())
    return every
