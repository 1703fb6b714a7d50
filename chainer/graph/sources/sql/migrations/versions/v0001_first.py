"""The first tables: graphs, atoms, edges, components, authors, tags and casts.

Written out, and not taken from `tables.py`, which goes on changing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(64)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "graphs",
        sa.Column("pk", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("name", _NAME, nullable=False, unique=True),
        sa.Column("info", sa.Text, nullable=False),
        sa.Column("extensions", sa.Text, nullable=False),
        sa.Column("base", sa.Text),
        sa.Column("atoms", _NUMBER, nullable=False),
        sa.Column("edges", _NUMBER, nullable=False),
    )
    op.create_table(
        "atoms",
        sa.Column("pk", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("graph", _NUMBER, sa.ForeignKey("graphs.pk"), nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("author", _NAME, nullable=False),
        sa.Column("status", _NAME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("atom", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("component", _NUMBER, nullable=False),
    )
    op.create_table(
        "edges",
        sa.Column("pk", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("graph", _NUMBER, sa.ForeignKey("graphs.pk"), nullable=False),
        sa.Column("source", _NUMBER, nullable=False),
        sa.Column("target", _NUMBER, nullable=False),
        sa.Column("how", sa.SmallInteger, nullable=False),
        sa.Column("key", _NAME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "components",
        sa.Column("pk", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("graph", _NUMBER, sa.ForeignKey("graphs.pk"), nullable=False),
        sa.Column("size", _NUMBER, nullable=False),
    )
    op.create_table(
        "authors",
        sa.Column("graph", _NUMBER, sa.ForeignKey("graphs.pk"), primary_key=True),
        sa.Column("author", _NAME, primary_key=True),
        sa.Column("folded", _NAME, nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
    )
    op.create_table(
        "tags",
        sa.Column("atom", _NUMBER, nullable=False),
        sa.Column("tag", _NAME, nullable=False),
    )
    op.create_table(
        "casts",
        sa.Column("atom", _NUMBER, nullable=False),
        sa.Column("character", _NAME, nullable=False),
        sa.Column("person", _NAME),
    )
    op.create_index("atoms_id", "atoms", ["graph", "id"], unique=True)
    op.create_index("members_component", "members", ["component"])
    op.create_index("edges_out", "edges", ["source", "target", "key"], unique=True)
    op.create_index("edges_in", "edges", ["target"])
    op.create_index("components_size", "components", ["graph", "size"])
    op.create_index("authors_folded", "authors", ["graph", "folded"])
    op.create_index("tags_tag", "tags", ["tag", "atom"])
    op.create_index("casts_person", "casts", ["person", "atom"])
