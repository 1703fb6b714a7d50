"""The tables of a graph database.

Atoms and edges are numbered in the order of the file, so that a number is a place in it too. Bodies
are the objects of the file as they were written; the other columns repeat what is asked for. What
the migrations make must be equal to this: a test compares.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

HEAD = "0002"
"""The version of the tables that this program reads and writes."""

VERSIONS = ("0001", "0002")
"""All versions there have been, the oldest first."""

METADATA = MetaData()

_Number = BigInteger().with_variant(Integer(), "sqlite")
_Name = String(64)

GRAPHS = Table(
    "graphs",
    METADATA,
    Column("pk", _Number, primary_key=True, autoincrement=False),
    Column("name", _Name, nullable=False, unique=True),
    Column("info", Text, nullable=False),  # the file's "graph" object
    Column("extensions", Text, nullable=False),  # the file's own x-… keys
    Column("base", Text),  # the folder that media paths are relative to
    Column("atoms", _Number, nullable=False),
    Column("edges", _Number, nullable=False),
)

ATOMS = Table(
    "atoms",
    METADATA,
    Column("pk", _Number, primary_key=True, autoincrement=False),
    Column("graph", _Number, ForeignKey("graphs.pk"), nullable=False),
    Column("id", _Name, nullable=False),
    Column("author", _Name, nullable=False),
    Column("status", _Name, nullable=False),
    Column("body", Text, nullable=False),
    Column("place", _Name),
    Column("created", String(40)),
    Index("atoms_id", "graph", "id", unique=True),
)

MEMBERS = Table(
    "members",
    METADATA,
    # Apart from the atoms, so that a merge of two components rewrites small rows.
    Column("atom", _Number, primary_key=True, autoincrement=False),
    Column("component", _Number, nullable=False),
    Index("members_component", "component"),
)

EDGES = Table(
    "edges",
    METADATA,
    Column("pk", _Number, primary_key=True, autoincrement=False),
    Column("graph", _Number, ForeignKey("graphs.pk"), nullable=False),
    Column("source", _Number, nullable=False),
    Column("target", _Number, nullable=False),
    Column("how", SmallInteger, nullable=False),  # part.REMIX, part.SEEDED
    Column("key", _Name, nullable=False),
    Column("body", Text, nullable=False),
    Index("edges_out", "source", "target", "key", unique=True),
    Index("edges_in", "target"),
)

COMPONENTS = Table(
    "components",
    METADATA,
    Column("pk", _Number, primary_key=True, autoincrement=False),  # the number of one of its atoms
    Column("graph", _Number, ForeignKey("graphs.pk"), nullable=False),
    Column("size", _Number, nullable=False),
    Index("components_size", "graph", "size"),
)

AUTHORS = Table(
    "authors",
    METADATA,
    Column("graph", _Number, ForeignKey("graphs.pk"), primary_key=True),
    Column("author", _Name, primary_key=True),
    Column("folded", _Name, nullable=False),  # as holders' names are compared
    Column("first", _Number, nullable=False),
    Index("authors_folded", "graph", "folded"),
)

TAGS = Table(
    "tags",
    METADATA,
    Column("atom", _Number, nullable=False),
    Column("tag", _Name, nullable=False),
    Index("tags_tag", "tag", "atom"),
)

CASTS = Table(
    "casts",
    METADATA,
    Column("atom", _Number, nullable=False),
    Column("character", _Name, nullable=False),
    Column("person", _Name),
    Index("casts_person", "person", "atom"),
)

LATE = (ATOMS, MEMBERS, EDGES, COMPONENTS, AUTHORS, TAGS, CASTS)
"""The tables whose indexes are made after many rows were written at once."""


def words_table(graph: int) -> str:
    """The name of the table that finds words in one graph."""
    return f"words_{int(graph)}"
