"""Homes for graphs: a file, a SQLite database, a private PostgreSQL server."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chainer.graph.sources.sql.bulk import import_graph

Put = Callable[[Mapping[str, Any]], str]
_numbers = count()


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if found:
        return found[-1].parent
    known = shutil.which("pg_ctl")
    return Path(known).parent if known else None


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    """The socket folder of a PostgreSQL server of our own, stopped at the end."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = None
    if os.geteuid() == 0:  # it refuses to run as root
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("there is no user postgres to run it as")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    try:
        if user is not None:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            subprocess.run(command, check=True, user=user, capture_output=True, cwd="/tmp")

        data = str(folder / "data")
        run(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40"
        control = str(programs / "pg_ctl")
        run(control, "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield folder
        finally:
            run(control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: Path) -> Iterator[str]:
    """The URL of an empty database."""
    import psycopg

    name = f"d{os.getpid()}x{next(_numbers)}"
    with psycopg.connect(host=str(server), user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"postgresql+psycopg://postgres@/{name}?host={server}"
    with psycopg.connect(host=str(server), user="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'graphs.db'}"
    return str(request.getfixturevalue("postgres"))


@pytest.fixture(params=["file", "sqlite", "postgres"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Put:
    """Puts a graph's plain values somewhere; the address of it."""
    url = ""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'graphs.db'}"
    elif request.param == "postgres":
        url = str(request.getfixturevalue("postgres"))

    def into(values: Mapping[str, Any]) -> str:
        path = tmp_path / f"g{next(_numbers)}.json"
        path.write_text(json.dumps(values))
        return import_graph(path, url).url if url else str(path)

    return into
