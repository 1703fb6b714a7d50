"""Finding by words, and where and when an atom plays beside its body."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chainer.graph.sources.sql.index import index_graph, persons_and_names
from chainer.graph.sources.text import read_json

revision = "0002"
down_revision = "0001"

_BATCH = 5000


def upgrade() -> None:
    """Add the columns, fill them from the bodies, and read every text once."""
    op.add_column("atoms", sa.Column("place", sa.String(64)))
    op.add_column("atoms", sa.Column("created", sa.String(40)))
    connection = op.get_bind()
    fill = sa.text("UPDATE atoms SET place = :place, created = :created WHERE pk = :pk")
    last = -1
    while rows := _after(connection, last):
        last = rows[-1].pk
        nodes = [(row.pk, read_json(row.body)) for row in rows]
        told = [
            {"pk": pk, "place": node.get("place"), "created": node.get("created")}
            for pk, node in nodes
            if "place" in node or "created" in node
        ]
        if told:
            connection.execute(fill, told)
    for graph in connection.execute(sa.text("SELECT pk, info FROM graphs ORDER BY pk")).all():
        index_graph(connection, graph.pk, *persons_and_names(read_json(graph.info)))


def _after(connection: sa.Connection, last: int) -> list[sa.Row[tuple[int, str]]]:
    rows = sa.text("SELECT pk, body FROM atoms WHERE pk > :last ORDER BY pk LIMIT :most")
    return list(connection.execute(rows, {"last": last, "most": _BATCH}).all())
