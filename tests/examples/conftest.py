"""Servers that are gone when the test is, and clips that are made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.examples.serving import Server
from tests.film.coded import Coded, write_graph


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`coded`: four clips of 2 s in a chain. `long`: three of 10 s."""
    folder = tmp_path_factory.mktemp("graphs")
    write_graph(folder, [Coded(n, 300) for n in range(11, 14)]).rename(folder / "long.json")
    write_graph(folder, [Coded(n, 60) for n in range(1, 5)]).rename(folder / "coded.json")
    return folder


@pytest.fixture
def graphs(made: Path, tmp_path: Path) -> Path:
    """A folder of graphs that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "graphs"))


@pytest.fixture
def serve(tmp_path: Path, graphs: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers over the same folders, one after the other."""
    servers: list[Server] = []

    def start(**options: object) -> Server:
        servers.append(Server(tmp_path, graphs, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()
