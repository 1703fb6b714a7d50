"""What Alembic runs: the migrations on the connection that `upgrade.py` hands in."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="chainer_graph_version"
)
context.run_migrations()
