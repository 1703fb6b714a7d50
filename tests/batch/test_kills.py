"""Kill -9 at any moment, and the same command again: nothing lost, nothing twice, nothing torn."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.storm import Round, Storm, Tally, freeze, survivors


def _calm(tally: Tally) -> None:
    """Nothing was found, and something was looked at."""
    assert tally.faults == []
    assert tally.batches >= 1
    assert tally.artefacts >= tally.jobs >= 2 * tally.batches
    assert sum(tally.during.values()) == tally.kills


def test_six_kills(tmp_path: Path) -> None:
    tally = Storm(tmp_path, depth=2, seed=6).rage(6)
    assert tally.kills == 6
    _calm(tally)


@pytest.mark.slow
def test_sixty_kills(tmp_path: Path) -> None:
    tally = Storm(tmp_path, depth=3, seed=60).rage(60)
    assert tally.kills == 60
    _calm(tally)
    assert tally.during["making steps"] >= 5, tally.during


# -- the storm sees what it looks for ---------------------------------------------------------


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Storm:
    return Storm(tmp_path_factory.mktemp("calm"), depth=2)


def _first(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


def _tear_bytes(calm: Round) -> Path:
    path = max(calm.store.glob("cas/*/*"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1])
    return path


def _change_bytes(calm: Round) -> Path:
    path = max(calm.store.glob("cas/*/*"), key=lambda path: path.stat().st_size)
    path.write_bytes(bytes(len(path.read_bytes())))
    return path


def _tear_record(calm: Round) -> Path:
    path = _first(calm.store, "ac/*/*")
    path.write_bytes(path.read_bytes()[:20])
    return path


def _make_twice(calm: Round) -> Path:
    path = _first(calm.store, "ac/*/*")
    data = path.read_bytes()
    other = path.with_suffix(".new")
    other.write_bytes(data)
    other.replace(path)
    return path


def _lose_record(calm: Round) -> Path:
    path = _first(calm.store, "ac/*/*")
    path.unlink()
    return path


def _cut_film(calm: Round) -> Path:
    path = _first(calm.out, "*/episode.mp4")
    path.write_bytes(path.read_bytes()[:-100])
    return path


def _lose_manifest(calm: Round) -> Path:
    path = _first(calm.out, "*/episode.json")
    path.unlink()
    return path


def _half_report(calm: Round) -> Path:
    path = calm.out / "report.json"
    path.write_bytes(path.read_bytes()[:40])
    return path


def _forget_job(calm: Round) -> Path:
    path = calm.out / "batch.sqlite"
    with sqlite3.connect(path) as connection:
        name = connection.execute("SELECT name FROM jobs ORDER BY name").fetchone()[0]
        connection.execute(
            "UPDATE jobs SET state = 'waiting', ended = '', film = NULL, film_size = NULL, "
            "film_mtime_ns = NULL, film_seconds = NULL WHERE name = ?",
            (name,),
        )
    connection.close()
    return path


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_tear_bytes, "torn"),
        (_change_bytes, "torn"),
        (_tear_record, "torn"),
        (_make_twice, "doubled"),
        (_lose_record, "lost"),
        (_cut_film, "lost"),
        (_lose_manifest, "half"),
        (_half_report, "half"),
        (_forget_job, "lost"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_harm_is_seen(storm: Storm, harm: Callable[[Round], Path], kind: str) -> None:
    calm, pid = storm.calm, 0
    storm.tally = Tally()
    storm._look(calm, pid)
    assert storm.tally.faults == []
    before = {path: path.read_bytes() for path in calm.folder.rglob("*") if path.is_file()}
    numbers = calm.records
    try:
        harmed = harm(calm)
        storm._look(calm, pid)
        assert storm.tally.count(kind) >= 1, f"{harmed} was harmed, and nothing was said"
    finally:
        for path, data in before.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
        calm.records, calm.done = {}, {}
    assert numbers


def test_a_process_that_runs_on_is_seen(storm: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.batch.storm._GONE", 0.5)
    calm = storm.calm
    argv = [sys.executable, "-c", "import time; time.sleep(600)", str(calm.store / "x")]
    process = subprocess.Popen(argv)
    storm.tally = Tally()
    try:
        storm._look(calm, 0)
    finally:
        process.kill()
        process.wait()
    assert storm.tally.count("stray") == 1


_PARENT = """
import sys
from pathlib import Path
from chainer.media.child import ChildLimits, run_child
sleeper = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
if sys.argv[1] == "tied":
    run_child(sleeper, limits=ChildLimits(), on_line=lambda line: print(line, flush=True))
else:
    import subprocess
    subprocess.run(sleeper)
"""


@pytest.mark.parametrize(("how", "left"), [("tied", 0), ("free", 1)])
def test_a_frozen_child_that_outlives_its_parent_is_seen(
    how: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.batch.storm._GONE", 10.0 if how == "tied" else 0.5)
    argv = [sys.executable, "-c", _PARENT, how]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        frozen = freeze(parent.pid)
        parent.kill()
        parent.wait()
        found = list(survivors(frozen))
    assert len(frozen) == 1
    assert len(found) == left


def test_what_lies_about_is_seen(storm: Storm) -> None:
    calm = storm.calm
    storm.tally = Tally()
    storm._look(calm, 0)
    storm._rests(calm)
    assert storm.tally.faults == []
    (calm.out / ".film.1-x.partial").mkdir()
    (calm.store / "tmp/1-x").mkdir()
    (calm.store / "locks/x").write_bytes(b"")
    storm._rests(calm)
    (calm.out / ".film.1-x.partial").rmdir()
    assert storm.tally.count("swept") >= 3
    assert json.loads((calm.out / "report.json").read_bytes())
