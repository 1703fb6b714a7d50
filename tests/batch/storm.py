"""A storm of kills over `chainer batch`, and what must be true after each of them.

A binary tree of small coded atoms is made once in calm, for the truth. Then the same command is
started again and again in another folder and its process killed with SIGKILL at a random moment;
when a batch gets through, the folder is looked at closely and the next begins with an empty one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from chainer.batch.hold import LOCK_NAME
from chainer.digest import bytes_digest, file_digest
from chainer.episode.manifest import FILM_NAME, MANIFEST_NAME
from chainer.episode.verify import verify_episode
from chainer.errors import ChainerError
from chainer.store import Store, sweep, verify
from tests.film.coded import Coded, write_graph

WORKERS = 2
SETTINGS = f"""
workers = {WORKERS}
[profile]
width = 180
height = 320
preset = "ultrafast"
crf = 24
level = "3.1"
[card]
title = false
[memory]
enabled = false
[signing]
mode = "off"  # a signature is another each time, and films are compared
"""
_LIMIT = 600.0  # seconds that one run may take on a busy machine before it counts as hanging
_GONE = 10.0  # seconds within which the children of a killed process are dead
_OLD = 3600.0  # seconds after which a draft in tmp/ is nobody's any more


@dataclass
class Tally:
    """What a storm did and found. `faults` are (what, where): none, if all is well."""

    kills: int = 0
    batches: int = 0
    jobs: int = 0
    artefacts: int = 0
    during: Counter[str] = field(default_factory=Counter)
    frozen: int = 0
    """Children that were stopped when the kill came, so that none could end by itself."""
    steps: int = 0
    attempts: int = 0
    most_attempts: int = 0
    swept: int = 0
    """Work folders that killed processes left, and later runs removed."""
    orphans: int = 0
    """Files that were in the store already when the kill came, whose record was not."""
    faults: list[tuple[str, str]] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many faults of a kind there are."""
        return sum(kind == what for kind, _ in self.faults)


@dataclass(frozen=True)
class Account:
    """The job ledger as a kill left it, read from a copy: the next run meets it as it is."""

    run: tuple[Any, ...] | None = None
    died: int = 0
    jobs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    steps: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    integrity: str = "ok"

    @property
    def done(self) -> dict[str, tuple[str, str]]:
        """Digest and film of each job that is done."""
        return {name: row[1:3] for name, row in self.jobs.items() if row[0] == "done"}


class Round:
    """One batch in an empty folder, from its first run until one gets through."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.store, self.log = folder / "store", folder / "stderr.txt"
        self.kills = 0
        self.done: dict[str, tuple[str, str]] = {}
        self.records: dict[str, tuple[int, str]] = {}
        folder.mkdir(parents=True)


class Storm:
    """Kills runs of one batch. `depth` 3 is four films of three atoms, seven atoms in all."""

    def __init__(self, folder: Path, *, depth: int = 3, seed: int = 1) -> None:
        self.folder, self.noise, self.tally = folder, random.Random(seed), Tally()
        self.reach = 1.0
        atoms = [Coded(n, 36 + 4 * (n % 3)) for n in range(1, 2**depth)]
        graph = write_graph(folder, atoms)
        value = json.loads(graph.read_text())
        value["edges"] = [
            {
                "source": f"c{n // 2}",
                "target": f"c{n}",
                "kind": "remix" if n % 2 else "continuation",
                "key": f"e{n}",
            }
            for n in range(2, 2**depth)
        ]
        graph.write_text(json.dumps(value))
        asked = {"graph": graph.name, "start": "c1", "kind": "relay"}
        jobs = {"schema": "chainer.jobs/1", "jobs": [{"name": "film", "all_chains": asked}]}
        (folder / "jobs.json").write_text(json.dumps(jobs))
        (folder / "settings.toml").write_text(SETTINGS)
        self._calm(2 ** (depth - 1))

    def _calm(self, films: int) -> None:
        """Once without a kill: what must come out, and how long it takes."""
        calm = self.calm = Round(self.folder / "calm")
        begun = time.monotonic()
        process = self._start(calm)
        _planned(calm, process)
        planned = time.monotonic()
        status = process.wait(_LIMIT)
        self.span, self.work = time.monotonic() - begun, time.monotonic() - planned
        if status:
            raise AssertionError(f"the batch fails in calm: {status}: {calm.log.read_text()}")
        self.films = _films(calm.out)
        self.keys = set(_records(calm.store))
        assert len(self.films) == films, f"{len(self.films)} films instead of {films}"
        assert self.keys, "the store is empty after a batch"

    def rage(self, kills: int) -> Tally:
        """Kill so many runs, then let the last batch get through; the tally tells of all."""
        tally = self.tally
        current = self._fresh()
        while tally.kills < kills:
            process = self._start(current)
            try:
                process.wait(self._moment(current, process))
            except subprocess.TimeoutExpired:
                frozen = freeze(process.pid) if self.noise.random() < 0.5 else []
                process.kill()
                process.wait()
                self.reach = min(1.0, self.reach * 1.1)
                tally.kills += 1
                current.kills += 1
                tally.frozen += len(frozen)
                for child in survivors(frozen):
                    self._fault("stray", child)
                self._look(current, process.pid)
            else:
                # The machine is quicker than it was in calm: kill earlier.
                self.reach = max(0.2, self.reach * 0.8)
                self._through(current, process.returncode)
                current = self._fresh()
        self._through(current, self._start(current).wait(_LIMIT), again=True)
        return tally

    def _moment(self, current: Round, process: subprocess.Popen[bytes]) -> float:
        """When to kill a run, in seconds: half of them at any moment, half once it has its plan."""
        if self.noise.random() < 0.5:
            return self.noise.uniform(0.0, self.span * self.reach)
        _planned(current, process)
        return self.noise.uniform(0.0, self.work * self.reach)

    def argv(self, current: Round) -> list[str]:
        """The command, the same every time."""
        words = ["batch", self.folder / "jobs.json", "-o", current.out, "--store", current.store]
        words += ["--settings", self.folder / "settings.toml", "--quiet"]
        return [sys.executable, "-m", "chainer", *map(str, words)]

    def _start(self, current: Round) -> subprocess.Popen[bytes]:
        with current.log.open("wb") as stream:
            return subprocess.Popen(
                self.argv(current),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )

    def _fresh(self) -> Round:
        return Round(self.folder / f"batch-{self.tally.batches + 1}")

    def _fault(self, what: str, where: object) -> None:
        self.tally.faults.append((what, f"after kill {self.tally.kills}: {where}"))

    # -- after a kill ----------------------------------------------------------

    def _look(self, current: Round, pid: int) -> None:
        """Nothing runs on, nothing is torn, nothing that was finished is lost."""
        for process in _left(current.folder):
            self._fault("stray", process)
        account = read_account(current.out)
        self.tally.during[_doing(account, pid)] += 1
        self._ledger(current, account)
        self._store(current, account)
        self._episodes(current)

    def _ledger(self, current: Round, account: Account) -> None:
        if account.integrity != "ok":
            self._fault("ledger", account.integrity)
        films = _films(current.out)
        for name, known in current.done.items():
            if account.done.get(name) != known:
                self._fault("lost", f"{name} was done, and is {account.jobs.get(name)}")
        for name, (_, film) in account.done.items():
            if films.get(name) != film:
                self._fault("lost", f"{name} is done, and its film is {films.get(name)}")
        current.done = account.done

    def _store(self, current: Round, account: Account) -> None:
        records = _records(current.store)
        for key, row in account.steps.items():
            if row[0] in ("done", "cached") and key not in records:
                self._fault("lost", f"the step {key} is {row[0]}, and has no record")
        for key, known in current.records.items():
            if records.get(key) != known:
                self._fault("doubled" if key in records else "lost", f"the record {key}")
        current.records = records
        for key, what in torn_artefacts(current.store):
            self._fault("torn", f"{key}: {what}")

    def _episodes(self, current: Round) -> None:
        """Whatever has its final name is whole."""
        for folder in _folders(current.out):
            self._whole(folder)
        report = current.out / "report.json"
        if report.exists():
            try:
                json.loads(report.read_bytes())
            except ValueError as error:
                self._fault("half", f"{report}: {error}")

    def _whole(self, folder: Path) -> None:
        try:
            for fault in verify_episode(folder).faults:
                self._fault("half", f"{folder.name}: {fault}")
        except ChainerError as error:
            self._fault("half", f"{folder.name}: {error}")

    # -- after a batch got through ---------------------------------------------

    def _through(self, current: Round, status: int, *, again: bool = False) -> None:
        """All that was asked for is there, once, as it would be without a kill."""
        tally = self.tally
        tally.batches += 1
        if status:
            self._fault("status", f"{status}: {current.log.read_text()[-2000:]}")
        account = read_account(current.out)
        self._ledger(current, account)
        self._store(current, account)
        self._episodes(current)
        films = _films(current.out)
        for name, film in self.films.items():
            if films.get(name) != film:
                self._fault("lost" if name not in films else "torn", f"{name}: {films.get(name)}")
        for key in self.keys ^ set(current.records):
            self._fault("lost" if key in self.keys else "doubled", f"the record {key}")
        if set(account.done) != set(self.films):
            self._fault("lost", f"the ledger knows {sorted(account.done)}")
        self._attempts(current, account)
        self._rests(current)
        if again:
            before = {path: path.stat().st_mtime_ns for path in _inside(current.out)}
            status = self._start(current).wait(_LIMIT)
            after = {path: path.stat().st_mtime_ns for path in _inside(current.out)}
            if status or before != after:
                self._fault("again", f"{status}: finished films were touched")
        tally.jobs += len(films)
        tally.artefacts += len(current.records)
        if not tally.faults:
            shutil.rmtree(current.folder)

    def _attempts(self, current: Round, account: Account) -> None:
        """Each step is begun once, and once more for each kill that can have met it."""
        steps = [int(row[1]) for row in account.steps.values()]
        jobs = [int(row[3]) for row in account.jobs.values()]
        self.tally.steps += len(steps)
        self.tally.attempts += sum(steps)
        self.tally.most_attempts = max(self.tally.most_attempts, *steps)
        if max(steps) > 1 + current.kills or max(jobs) > 1 + current.kills:
            self._fault("attempts", f"{max(steps)} and {max(jobs)} with {current.kills} kills")
        if sum(steps) > len(steps) + WORKERS * current.kills:
            self._fault("attempts", f"{sum(steps)} of {len(steps)} steps, {current.kills} kills")
        if min(jobs) < 1 or account.died > current.kills:
            self._fault("attempts", f"{min(jobs)}, {account.died} runs died of {current.kills}")
        if account.run is None or account.run[2] == "":
            self._fault("ledger", f"the last run has not ended: {account.run}")

    def _rests(self, current: Round) -> None:
        """Nothing is left of the dead but small drafts, which go when they are old."""
        hidden = {path.name for path in current.out.iterdir() if path.name.startswith(".")}
        for name in hidden - {LOCK_NAME}:
            self._fault("swept", f"{name} in the output folder")
        store = Store(current.store)
        for part in ("locks", "leases"):
            for path in (store.root / part).iterdir():
                self._fault("swept", f"{part}/{path.name}")
        for path in (store.root / "tmp").iterdir():
            self.tally.swept += 1
            if path.is_dir():
                self._fault("swept", f"tmp/{path.name}")
            else:
                long_ago = time.time() - _OLD
                os.utime(path, (long_ago, long_ago))
        sweep(store)
        for path in (store.root / "tmp").iterdir():
            self._fault("swept", f"tmp/{path.name}, an hour later")
        health = verify(store)
        for key, what in (*health.damaged, *health.missing):
            self._fault("torn", f"{key}: {what}")
        if health.checked != len(current.records):
            self._fault("doubled", f"{health.checked} records of {len(current.records)}")
        named = {
            file["digest"]
            for path in (store.root / "ac").glob("*/*")
            for file in json.loads(path.read_bytes())["files"].values()
        }
        found = {path.name for path in (store.root / "cas").glob("*/*")}
        self.tally.orphans += len(found - named)


def read_account(out: Path) -> Account:
    """The ledger in `out`; an empty account where no run came as far as making it."""
    with tempfile.TemporaryDirectory() as own:
        for name in ("batch.sqlite", "batch.sqlite-wal"):
            if (out / name).exists():
                shutil.copyfile(out / name, Path(own) / name)
        path = Path(own) / "batch.sqlite"
        if not path.exists():
            return Account()
        connection = sqlite3.connect(path)
        try:
            integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return Account(integrity=integrity)
            if orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
                integrity = f"rows of nobody: {orphans[:3]}"
            runs = connection.execute("SELECT id, pid, ended, how FROM runs ORDER BY id").fetchall()
            jobs = connection.execute(
                "SELECT name, state, digest, film, attempts FROM jobs WHERE n IS NOT NULL"
            ).fetchall()
            steps = connection.execute("SELECT key, state, attempts FROM steps").fetchall()
        except sqlite3.DatabaseError as error:
            return Account(integrity=f"{type(error).__name__}: {error}")
        finally:
            connection.close()
    return Account(
        run=runs[-1] and (runs[-1][0], runs[-1][1], runs[-1][2]) if runs else None,
        died=sum(row[3] == "died" for row in runs),
        jobs={row[0]: row[1:] for row in jobs},
        steps={row[0]: row[1:] for row in steps},
        integrity=integrity,
    )


def torn_artefacts(store: Path) -> Iterator[tuple[str, str]]:
    """Records that are no records, and files that are not what their names say."""
    for path in sorted((store / "ac").glob("*/*")):
        try:
            record = json.loads(path.read_bytes())
            files = record["files"].values()
        except (ValueError, KeyError, AttributeError) as error:
            yield path.name, f"no record: {error}"
            continue
        if record["key"] != path.name:
            yield path.name, f"the record of {record['key']}"
        for file in files:
            bytes_at = store / "cas" / file["digest"][:2] / file["digest"]
            if not bytes_at.exists():
                yield path.name, "its file is missing"
            elif bytes_at.stat().st_size != file["size"]:
                yield path.name, "its file is of another size"
    for path in sorted((store / "cas").glob("*/*")):
        if file_digest(path) != path.name:
            yield path.name, "the file does not hash to its name"


def _planned(current: Round, process: subprocess.Popen[bytes]) -> None:
    """Wait until a run holds its folder, which is when it begins to make what it has planned."""
    deadline = time.monotonic() + _LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if json.loads((current.out / LOCK_NAME).read_bytes())["pid"] == process.pid:
                return
        time.sleep(0.01)


def _doing(account: Account, pid: int) -> str:
    """What the killed process was doing, as far as its ledger had been told."""
    if account.run is None or account.run[1] != pid:
        return "planning"
    if account.run[2]:
        return "leaving"
    if any(row[0] == "running" for row in account.steps.values()):
        return "making steps"
    if any(row[0] == "running" for row in account.jobs.values()):
        return "delivering"
    return "between"


def _records(store: Path) -> dict[str, tuple[int, str]]:
    """Each record's file number and digest: both stay, if it is made once."""
    found = {}
    for path in (store / "ac").glob("*/*"):
        found[path.name] = (path.stat().st_ino, bytes_digest(path.read_bytes()))
    return found


def _folders(out: Path) -> list[Path]:
    """The folders that have their final names."""
    if not out.is_dir():
        return []
    found = (path for path in out.iterdir() if path.is_dir() and not path.name.startswith("."))
    return sorted(path for path in found if path.name != "logs")


def _films(out: Path) -> dict[str, str]:
    """The digest of each film that can be seen, and `none` for a folder without one."""
    found = {}
    for folder in _folders(out):
        film = folder / FILM_NAME
        whole = film.is_file() and (folder / MANIFEST_NAME).is_file()
        found[folder.name] = file_digest(film) if whole else "none"
    return found


def _inside(out: Path) -> list[Path]:
    return [path for folder in _folders(out) for path in (folder, *folder.iterdir())]


def freeze(pid: int) -> list[psutil.Process]:
    """Stop the children of a process, and theirs: what then ends was killed.

    A step here takes less than a second, so a child that runs on would otherwise be gone before
    anybody could tell.
    """
    found = []
    with contextlib.suppress(psutil.Error, OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                process = psutil.Process(child)
                process.suspend()
                found += [process, *freeze(child)]
    return found


def survivors(frozen: Sequence[psutil.Process]) -> Iterator[str]:
    """Those of the stopped that did not die with their parent; they are killed now."""
    deadline = time.monotonic() + _GONE
    for process in frozen:
        while _lives(process):
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "batch" in words or any("launcher.py" in word for word in words):
                    # It has not asked yet to die with its parent; it looks for it once it has.
                    process.resume()
                if time.monotonic() > deadline:
                    yield f"{process.pid}: {' '.join(process.cmdline())[:300]}"
                    process.kill()
                    break
            time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _left(folder: Path) -> list[str]:
    """Processes that still work in `folder`, though whoever started them is dead."""
    deadline = time.monotonic() + _GONE
    while True:
        found = list(_working_in(str(folder)))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def _working_in(folder: str) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            words, place = process.cmdline(), process.cwd()
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid == os.getpid():
            continue
        if place.startswith(folder + "/") or any(folder + "/" in word for word in words):
            yield f"{process.pid}: {' '.join(words)[:300]} in {place}"
