"""Making the tables, and bringing those of an older version up to date.

The one place that runs Alembic, and only when tables are made or changed.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from chainer.errors import InputError
from chainer.graph.sources.address import Address
from chainer.graph.sources.sql.engine import engine_of, take_turn, translated, version_of
from chainer.graph.sources.sql.tables import HEAD, VERSIONS


def upgrade_tables(address: Address, *, to: str = HEAD) -> tuple[str | None, str]:
    """Bring a database to a version; the versions before and after. All of it, or nothing.

    Makes the tables where there are none yet. Raises `InputError` where there is no such database,
    and for one of a newer version, or of another program.
    """
    if to not in VERSIONS:
        raise InputError(f"there is no version {to!r}; there are {', '.join(VERSIONS)}")
    engine = engine_of(address, write=True)
    try:
        with translated(address), engine.begin() as connection:
            take_turn(connection)
            before = version_of(connection)
            if before is not None and before not in VERSIONS:
                raise InputError(
                    f"{address.url}: it was written by a newer chainer (version {before[:40]} of "
                    "the tables); update chainer",
                    code="newer-database",
                    url=address.url,
                    version=before,
                )
            if before is None and inspect(connection).get_table_names():
                raise InputError(
                    f"{address.url}: it is another program's database; name another",
                    code="no-graphs",
                    url=address.url,
                )
            if before is None or VERSIONS.index(before) < VERSIONS.index(to):
                migrate(connection, to)
            after = version_of(connection) or to
    finally:
        engine.dispose()
    return before, after


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Run the migrations inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, to)
