"""The ledger of a batch: what is noted stays, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.batch import ledger as ledger_module
from chainer.batch.ledger import JobLedger, is_done, open_ledger
from chainer.batch.ledger_file import LEDGER_NAME, connect, ledger_error
from chainer.batch.rows import FilmNote, JobRow, StepRow, error_again, film_note
from chainer.batch.words import JobState, StepState
from chainer.batch.work import StepResult
from chainer.digest import bytes_digest, key_of
from chainer.episode.manifest import FILM_NAME, FileEntry, Manifest
from chainer.errors import (
    Cancelled,
    ChainerError,
    InputError,
    MediaMissing,
    OutputError,
    RenderError,
    StoreError,
)
from chainer.store import Artefact, Record
from tests.batch import ledger_actors

FILM = FilmNote("f" * 64, 1_000, 1_795_000_000_123_456_789, Fraction(48, 5))


def key(word: object) -> str:
    return key_of("test", str(word))


def job(name: str, folder: Path = Path("/out"), digest: str | None = None) -> JobRow:
    digest = key(name) if digest is None else digest
    return JobRow(name, f"jobs.yaml: {name}", "/g.json", "a1", ("a1", "a2"), digest, folder / name)


def step(name: str, state: StepState = StepState.WAITING) -> StepRow:
    return StepRow(key(name), "conform", name, state)


def made(name: str, *, ran: bool = True) -> StepResult:
    files = {"media": Artefact(digest="a" * 64, size=700), "log": Artefact(digest="b" * 64, size=7)}
    record = Record(key=key(name), type="conform", files=files)
    return StepResult(key(name), record, None, ran, 2.5, 1.5, "here:1")


def deliver(folder: Path, data: bytes = b"a film") -> FilmNote:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILM_NAME
    path.write_bytes(data)
    return FilmNote(bytes_digest(data), len(data), path.stat().st_mtime_ns, Fraction(1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[JobLedger]:
    with open_ledger(tmp_path / "out") as opened:
        opened.begin("chainer batch jobs.yaml")
        yield opened


def planned(ledger: JobLedger) -> None:
    """Two jobs that share the step `both`."""
    uses = [("one", key("a")), ("one", key("both")), ("two", key("both")), ("two", key("b"))]
    steps = [step("a"), step("both"), step("b", StepState.CACHED)]
    ledger.note_plan([job("one"), job("two")], steps, uses)


def found(ledger: JobLedger, name: str) -> JobRow:
    row = ledger.job(name)
    assert row is not None
    return row


def found_step(ledger: JobLedger, name: str) -> StepRow:
    return next(row for row in ledger.steps() if row.key == key(name))


# -- what is noted is given back -----------------------------------------------


def test_a_plan_is_given_back(ledger: JobLedger) -> None:
    planned(ledger)
    one, two = ledger.jobs()
    asked = job("one")
    for word in ("name", "place", "graph", "start", "chain", "digest", "out"):
        assert getattr(one, word) == getattr(asked, word)
    assert (one.state, one.attempts, one.film, one.error) == (JobState.WAITING, 0, None, None)
    assert two.name == "two"
    assert {row.name: row.state.value for row in ledger.steps()} == {
        "a": "waiting",
        "both": "waiting",
        "b": "cached",
    }
    assert sorted(ledger.uses()) == sorted(
        [("one", key("a")), ("one", key("both")), ("two", key("b")), ("two", key("both"))]
    )
    assert [name for name, _ in ledger.uses()] == ["one", "one", "two", "two"]
    assert ledger.job("three") is None


def test_a_job_is_made(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.job_running("one")
    running = found(ledger, "one")
    assert (running.state, running.attempts, running.ended) == (JobState.RUNNING, 1, "")
    assert running.started.endswith("Z")
    ledger.job_running("one")
    assert found(ledger, "one") == running
    ledger.job_done("one", FILM)
    done = found(ledger, "one")
    assert (done.state, done.attempts, done.film, done.error) == (JobState.DONE, 1, FILM, None)
    assert done.started == running.started
    assert done.ended >= done.started
    assert found(ledger, "two").state is JobState.WAITING
    ledger.job_running("one")
    again = found(ledger, "one")
    assert (again.state, again.attempts, again.film) == (JobState.RUNNING, 2, None)
    ledger.job_waiting("one")
    assert found(ledger, "one").state is JobState.WAITING


def test_a_job_fails_and_its_error_is_told_again(ledger: JobLedger, tmp_path: Path) -> None:
    planned(ledger)
    error = RenderError(
        "x264 died", code="ffmpeg", argv=["ffmpeg", "-i", "a"], stderr="oh\nno", at=3
    )
    ledger.job_running("one")
    ledger.job_failed("one", error, tmp_path / "one.log")
    row = found(ledger, "one")
    assert (row.state, row.attempts, row.film) == (JobState.FAILED, 1, None)
    assert row.error == error.as_json()
    assert row.log == str(tmp_path / "one.log")
    again = error_again(row.error)
    assert again.as_json() == error.as_json()
    assert str(again) == str(error)
    ledger.job_failed("two", MediaMissing("no such file", path=Path("/a")))
    two = found(ledger, "two")
    assert (two.state, two.attempts, two.log) == (JobState.FAILED, 0, "")
    assert two.error is not None
    assert error_again(two.error).exit_status == 3
    ledger.job_running("one")
    assert (found(ledger, "one").error, found(ledger, "one").log) == (None, "")


def test_a_step_is_made(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.step_running(key("a"), "there:2")
    row = found_step(ledger, "a")
    assert (row.state, row.attempts, row.ran, row.worker) == (
        StepState.RUNNING,
        1,
        False,
        "there:2",
    )
    ledger.step_done(key("a"), made("a"))
    row = found_step(ledger, "a")
    assert (row.state, row.ran, row.cpu_seconds, row.seconds, row.bytes, row.worker) == (
        StepState.DONE,
        True,
        2.5,
        1.5,
        707,
        "here:1",
    )
    ledger.step_running(key("both"))
    ledger.step_done(key("both"), made("both", ran=False))
    row = found_step(ledger, "both")
    assert (row.state, row.ran, row.cpu_seconds) == (StepState.CACHED, False, 0.0)
    ledger.step_running(key("a"))
    assert (found_step(ledger, "a").attempts, found_step(ledger, "a").ran) == (2, False)
    ledger.step_cached(key("a"))
    assert found_step(ledger, "a").state is StepState.CACHED


def test_a_step_fails_or_is_cancelled(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.step_running(key("a"))
    ledger.step_failed(key("a"), RenderError("no"))
    row = found_step(ledger, "a")
    assert (row.state, row.attempts) == (StepState.FAILED, 1)
    assert row.error is not None
    assert row.error["message"] == "no"
    ledger.step_running(key("a"))
    ledger.step_failed(key("a"), Cancelled("stop"))
    row = found_step(ledger, "a")
    assert (row.state, row.attempts, row.error) == (StepState.WAITING, 2, None)


def test_in_sum(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.step_done(key("a"), made("a"))
    ledger.step_done(key("both"), made("both"))
    ledger.job_done("one", FILM)
    totals = ledger.totals()
    assert totals.jobs == {
        JobState.WAITING: 1,
        JobState.RUNNING: 0,
        JobState.DONE: 1,
        JobState.FAILED: 0,
    }
    assert {state.value: n for state, n in totals.steps.items() if n} == {"done": 2, "cached": 1}
    assert (totals.cpu_seconds, totals.bytes) == (5.0, 1414)


def test_names_that_are_not_utf8(ledger: JobLedger) -> None:
    odd = JobRow("one", "p\udcff", "/g\udcff", "a", (), key("x"), Path("/o\udcff/ü"))
    ledger.note_plan([odd], [], [])
    row = found(ledger, "one")
    assert (row.place, row.graph, row.out) == (odd.place, odd.graph, odd.out)
    ledger.job_failed("one", MediaMissing("no \udcff \ud800"), Path("/log\udcff"))
    row = found(ledger, "one")
    assert row.error is not None
    assert row.error["message"] == "no \udcff \ud800"
    assert row.log == "/log\udcff"


# -- one run after another -----------------------------------------------------


def test_what_is_unchanged_is_kept(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.job_done("one", FILM)
    ledger.job_failed("two", RenderError("no"))
    ledger.step_done(key("a"), made("a"))
    one, two = ledger.jobs()
    ledger.end("failed")
    run = ledger.begin("again")
    ledger.note_plan(
        [job("two"), job("one", Path("/moved"))],
        [step("a", StepState.CACHED), step("both")],
        [("one", key("a")), ("two", key("both"))],
    )
    assert [row.name for row in ledger.jobs()] == ["two", "one"]
    assert found(ledger, "two") == two
    now = found(ledger, "one")
    assert (now.state, now.film, now.attempts, now.run) == (one.state, FILM, 1, one.run)
    assert now.out == Path("/moved/one")
    assert one.run != run
    row = found_step(ledger, "a")
    assert (row.state, row.ran, row.cpu_seconds, row.attempts, row.run) == (
        StepState.CACHED,
        False,
        2.5,
        1,
        run,
    )
    assert len(ledger.steps()) == 2


@pytest.mark.parametrize("digest", ["", "e" * 64])
def test_another_film_is_another_job(ledger: JobLedger, digest: str) -> None:
    planned(ledger)
    ledger.job_done("one", FILM)
    ledger.note_plan([job("one", digest=digest)], [], [])
    row = found(ledger, "one")
    assert (row.state, row.attempts, row.film, row.digest) == (JobState.WAITING, 0, None, digest)
    # An empty digest names nothing that could be the same.
    ledger.job_failed("one", RenderError("no"))
    ledger.note_plan([job("one", digest=digest)], [], [])
    expected = JobState.FAILED if digest else JobState.WAITING
    assert found(ledger, "one").state is expected


def test_jobs_that_are_no_longer_asked_for_are_not_told_of_and_come_back(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.step_done(key("a"), made("a"))
    ledger.job_done("one", FILM)
    ledger.note_plan([job("two")], [step("both")], [("two", key("both"))])
    assert [row.name for row in ledger.jobs()] == ["two"]
    assert ledger.job("one") is None
    assert [row.name for row in ledger.steps()] == ["both"]
    assert ledger.uses() == [("two", key("both"))]
    assert ledger.totals().jobs[JobState.DONE] == 0
    assert ledger.totals().cpu_seconds == 0
    planned(ledger)
    assert (found(ledger, "one").state, found(ledger, "one").film) == (JobState.DONE, FILM)
    assert found_step(ledger, "a").cpu_seconds == 2.5


def test_a_plan_is_noted_whole_or_not_at_all(ledger: JobLedger) -> None:
    planned(ledger)
    with pytest.raises(ValueError, match="two jobs of one name"):
        ledger.note_plan([job("x"), job("x")], [], [])
    with pytest.raises(sqlite3.IntegrityError):
        ledger.note_plan([job("x")], [step("y")], [("x", key("nobody"))])
    assert [row.name for row in ledger.jobs()] == ["one", "two"]
    assert len(ledger.steps()) == 3
    ledger.job_running("one")


def test_what_a_dead_run_left_waits_again(tmp_path: Path) -> None:
    first = open_ledger(tmp_path)
    first.begin("first")
    planned(first)
    first.job_running("one")
    first.job_done("two", FILM)
    first.step_running(key("a"))
    first.step_done(key("both"), made("both"))
    first.close()
    first.close()
    with open_ledger(tmp_path) as second:
        assert found(second, "one").state is JobState.RUNNING
        number = second.begin("second")
        assert (found(second, "one").state, found(second, "one").attempts) == (JobState.WAITING, 1)
        assert found(second, "two").state is JobState.DONE
        assert found_step(second, "a").state is StepState.WAITING
        assert found_step(second, "both").state is StepState.DONE
        second.end("done")
        died, ended = second.runs()
    assert (died.command, died.how, died.pid) == ("first", "died", os.getpid())
    assert (ended.id, ended.command, ended.how) == (number, "second", "done")
    assert died.ended
    assert ended.ended >= ended.started


# -- used as it should be ------------------------------------------------------


def test_nobody_writes_outside_a_run_or_of_what_is_not_planned(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(RuntimeError, match="no run"):
            ledger.note_plan([], [], [])
        ledger.begin("x")
        planned(ledger)
        for name in ("job_running", "job_waiting"):
            with pytest.raises(KeyError, match="nobody"):
                getattr(ledger, name)("nobody")
        with pytest.raises(KeyError):
            ledger.job_done("nobody", FILM)
        with pytest.raises(KeyError):
            ledger.step_running(key("nobody"))
        ledger.end("done")
        with pytest.raises(RuntimeError, match="no run"):
            ledger.job_running("one")


def test_one_thread_alone(ledger: JobLedger) -> None:
    planned(ledger)
    caught: list[BaseException] = []

    def elsewhere() -> None:
        for call in (lambda: ledger.job_running("one"), ledger.flush, ledger.jobs):
            try:
                call()
            except RuntimeError as error:
                caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(caught) == 3
    assert found(ledger, "one").state is JobState.WAITING


def test_notes_of_steps_are_committed_together_and_ends_of_jobs_at_once(
    ledger: JobLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(ledger_module.time, "monotonic", lambda: now)
    planned(ledger)
    other = sqlite3.connect(ledger.path)

    def seen() -> str:
        return str(other.execute("SELECT state FROM steps WHERE name = 'a'").fetchone()[0])

    ledger.step_running(key("a"))
    assert seen() == "waiting"
    ledger.flush()
    assert seen() == "running"
    ledger.step_done(key("a"), made("a"))
    assert seen() == "running"
    now += 1
    ledger.step_running(key("both"))
    assert seen() == "done"
    ledger.step_cached(key("a"))
    assert seen() == "done"
    ledger.job_done("one", FILM)
    assert seen() == "cached"
    ledger.step_running(key("a"))
    ledger.job_failed("two", RenderError("no"))
    assert seen() == "running"
    ledger.step_cached(key("a"))
    ledger.close()
    assert seen() == "cached"
    other.close()


# -- is it done? ---------------------------------------------------------------


def test_done_is_what_is_noted_and_there(ledger: JobLedger, tmp_path: Path) -> None:
    ledger.note_plan([job("one", tmp_path)], [], [])
    assert not is_done(None, key("one"))
    assert not is_done(found(ledger, "one"), key("one"))
    ledger.job_done("one", deliver(tmp_path / "one"))
    row = found(ledger, "one")
    assert is_done(row, key("one"))
    assert ledger.is_done(row, key("one"))
    assert not is_done(row, key("another"))
    film = tmp_path / "one" / FILM_NAME
    os.utime(film, ns=(1, 1))
    assert is_done(row, key("one")), "the same bytes of another time are the same film"
    film.write_bytes(b"b film")
    assert not is_done(row, key("one"))
    film.write_bytes(b"a longer film")
    assert row.film is not None
    os.utime(film, ns=(1, row.film.mtime_ns))
    assert not is_done(row, key("one"))
    film.unlink()
    assert not is_done(row, key("one"))
    film.mkdir()
    assert not is_done(row, key("one"))
    ledger.job_running("one")
    deliver(tmp_path / "two")
    assert not is_done(found(ledger, "one"), key("one"))


def test_a_film_is_read_only_when_in_doubt(
    ledger: JobLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = ledger_module.file_digest
    monkeypatch.setattr(ledger_module, "file_digest", lambda path: read.append(path) or real(path))
    ledger.note_plan([job("one", tmp_path)], [], [])
    ledger.job_done("one", deliver(tmp_path / "one"))
    assert is_done(found(ledger, "one"), key("one"))
    assert read == []
    os.utime(tmp_path / "one" / FILM_NAME, ns=(1, 1))
    assert is_done(found(ledger, "one"), key("one"))
    assert read == [tmp_path / "one" / FILM_NAME]


def test_the_note_of_a_film_is_of_its_manifest_and_its_file(tmp_path: Path) -> None:
    noted = deliver(tmp_path)
    files = (
        FileEntry(name="chapters.vtt", digest="c" * 64, size=3),
        FileEntry(name=FILM_NAME, digest=noted.digest, size=noted.size),
    )
    manifest = Manifest.model_construct(files=files, seconds=Fraction(1))
    assert film_note(tmp_path, manifest) == noted
    (tmp_path / FILM_NAME).unlink()
    with pytest.raises(OutputError, match="is gone"):
        film_note(tmp_path, manifest)


# -- files that are no ledger --------------------------------------------------


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE pets (name TEXT)")
    connection.close()


def versioned(path: Path, version: int) -> None:
    with open_ledger(path.parent):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def torn(path: Path) -> None:
    with open_ledger(path.parent) as ledger:
        ledger.begin("x")
        ledger.note_plan([job(f"j{n}") for n in range(400)], [], [])
    data = bytearray(path.read_bytes())
    data[8192 : 8192 + 12_000] = random.Random(1).randbytes(12_000)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        (foreign, InputError, "foreign-database"),
        (lambda path: versioned(path, 99), InputError, "ledger-newer"),
        (lambda path: versioned(path, 0), InputError, "ledger-older"),
        (lambda path: path.write_bytes(b"not a database" * 100), StoreError, "ledger-damaged"),
        (torn, StoreError, "ledger-damaged"),
        (lambda path: path.mkdir(), OutputError, "output"),
        (lambda path: path.symlink_to("/etc/hostname"), OutputError, "output"),
    ],
)
def test_a_file_that_is_no_ledger_is_not_touched(
    tmp_path: Path, make: object, kind: type[ChainerError], code: str
) -> None:
    path = tmp_path / LEDGER_NAME
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(kind, match=r"move (it|the file) away") as caught:
        open_ledger(tmp_path)
    assert caught.value.code == code
    assert str(path) in caught.value.message
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_row_that_cannot_be_read(ledger: JobLedger) -> None:
    planned(ledger)
    ledger._connection.execute("UPDATE jobs SET chain = '{' WHERE name = 'one'")
    with pytest.raises(StoreError, match="job one") as caught:
        ledger.jobs()
    assert caught.value.code == "ledger-damaged"


def test_folders_that_cannot_be_made_or_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/none")):
        with pytest.raises(OutputError, match="-o"):
            open_ledger(folder)
    with pytest.raises(OutputError, match="cannot be written"):
        connect(Path("/proc") / LEDGER_NAME)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("SQLITE_BUSY", StoreError, "ledger-busy"),
        ("SQLITE_BUSY_SNAPSHOT", StoreError, "ledger-busy"),
        ("SQLITE_LOCKED", StoreError, "ledger-busy"),
        ("SQLITE_FULL", StoreError, "disk-full"),
        ("SQLITE_CORRUPT_INDEX", StoreError, "ledger-damaged"),
        ("SQLITE_NOTADB", StoreError, "ledger-damaged"),
        ("SQLITE_READONLY_DIRECTORY", OutputError, "output"),
        ("SQLITE_CANTOPEN", OutputError, "output"),
        ("SQLITE_IOERR_WRITE", StoreError, "store"),
    ],
)
def test_what_sqlite_says_is_one_of_ours(name: str, kind: type[ChainerError], code: str) -> None:
    error = sqlite3.OperationalError("so it says")
    error.sqlite_errorname = name
    ours = ledger_error(Path("/out/batch.sqlite"), error)
    assert type(ours) is kind
    assert ours.code == code
    assert "/out/batch.sqlite" in ours.message


def test_another_writer_is_waited_for_and_told_of(
    ledger: JobLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(ledger)
    ledger._connection.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="by another process") as caught:
        ledger.job_running("one")
    assert caught.value.code == "ledger-busy"
    other.execute("ROLLBACK")
    other.close()
    ledger.job_running("one")
    assert found(ledger, "one").attempts == 1


def test_a_full_disk_loses_nothing_that_was_committed(ledger: JobLedger) -> None:
    planned(ledger)
    ledger.job_done("one", FILM)
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="free some space") as caught:
        ledger.job_failed("two", RenderError("no", stderr="x" * 100_000))
    assert caught.value.code == "disk-full"
    assert caught.value.exit_status == 5
    assert found(ledger, "one").film == FILM
    assert found(ledger, "two").state is JobState.WAITING
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    ledger.job_failed("two", RenderError("no", stderr="x" * 100_000))
    assert found(ledger, "two").state is JobState.FAILED
    assert ledger._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


# -- killed at any moment ------------------------------------------------------


def test_killed_at_any_moment(tmp_path: Path) -> None:
    dice = random.Random(4)
    said = tmp_path / "said"
    acknowledged: set[int] = set()
    progress = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.batch.ledger_actors", "storm", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(40):
            process.stdin.write(f"{dice.randint(0, 80)} {dice.randint(0, 3_000)}\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == "-9"
            acknowledged = {int(n) for n in said.read_text().split()} if said.exists() else set()
            progress.append(len(acknowledged))
            with open_ledger(tmp_path) as ledger:
                check = ledger._connection.execute("PRAGMA integrity_check").fetchone()[0]
                assert check == "ok"
                jobs = {row.name: row for row in ledger.jobs()}
                assert len(jobs) in (0, ledger_actors.JOBS)
                for number in acknowledged:
                    row = jobs[f"job-{number:04}"]
                    if number % ledger_actors.FAILS == ledger_actors.FAILS - 1:
                        assert row.state is JobState.FAILED
                    else:
                        assert is_done(row, row.digest)
                assert_sound(list(jobs.values()), ledger.steps())
                running = [row for row in jobs.values() if row.state is JobState.RUNNING]
                assert len(running) <= 1
        process.stdin.close()
        assert process.wait(30) == 0
    assert len(set(progress)) > 15, "the storm let nothing through"
    with open_ledger(tmp_path) as ledger:
        ledger.begin("after")
        assert all(row.state is not JobState.RUNNING for row in ledger.jobs())
        assert all(row.state is not StepState.RUNNING for row in ledger.steps())
        # When all was done, the last ones found nothing to do and ended well.
        hows = [run.how for run in ledger.runs()[:-1]]
        assert hows == sorted(hows)
        assert set(hows) <= {"died", "done"}
        assert len(hows) > 20


# -- any sequence of events ----------------------------------------------------


def assert_sound(jobs: list[JobRow], steps: list[StepRow]) -> None:
    for row in jobs:
        assert (row.state is JobState.DONE) == (row.film is not None)
        assert (row.state is JobState.FAILED) == (row.error is not None)
        assert (row.state in (JobState.DONE, JobState.FAILED)) == bool(row.ended)
        if row.state in (JobState.RUNNING, JobState.DONE):
            assert row.attempts >= 1
            assert row.started
    for one in steps:
        assert (one.state is StepState.DONE) == one.ran
        assert (one.state is StepState.FAILED) == (one.error is not None)
        if one.state in (StepState.RUNNING, StepState.DONE):
            assert one.attempts >= 1
            assert one.started
        if one.state is StepState.DONE:
            assert one.cpu_seconds > 0


NAMES = ("one", "two", "three")
EVENTS = st.one_of(
    st.tuples(
        st.sampled_from(
            [
                *("job_running", "job_done", "job_failed", "job_waiting"),
                *("running", "made", "found", "cached", "failed", "cancelled"),
            ]
        ),
        st.sampled_from(NAMES),
    ),
    st.tuples(
        st.just("plan"),
        st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 1)), unique_by=lambda t: t[0]),
    ),
    st.tuples(st.sampled_from(["again", "killed", "flush"]), st.none()),
)


class Model:
    """What the ledger should say of jobs: state, attempts, digest, asked for or not."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[object]] = {}
        self.asked: list[str] = []

    def plan(self, asked: list[tuple[str, int]]) -> None:
        self.asked = [name for name, _ in asked]
        for name, digest in asked:
            if name not in self.jobs or self.jobs[name][2] != digest:
                self.jobs[name] = ["waiting", 0, digest]

    def tell(self, event: str, name: str) -> None:
        row = self.jobs[name]
        if event == "job_running" and row[0] != "running":
            row[1] = int(str(row[1])) + 1
        if event == "job_done":
            row[1] = max(1, int(str(row[1])))
        row[0] = event.removeprefix("job_")

    def begin(self) -> None:
        for row in self.jobs.values():
            if row[0] == "running":
                row[0] = "waiting"


def tell(ledger: JobLedger, event: str, name: str) -> None:
    calls = {
        "job_running": lambda: ledger.job_running(name),
        "job_done": lambda: ledger.job_done(name, FILM),
        "job_failed": lambda: ledger.job_failed(name, RenderError("no")),
        "job_waiting": lambda: ledger.job_waiting(name),
        "running": lambda: ledger.step_running(key(name)),
        "made": lambda: ledger.step_done(key(name), made(name)),
        "found": lambda: ledger.step_done(key(name), made(name, ran=False)),
        "cached": lambda: ledger.step_cached(key(name)),
        "failed": lambda: ledger.step_failed(key(name), RenderError("no")),
        "cancelled": lambda: ledger.step_failed(key(name), Cancelled("stop")),
    }
    calls[event]()


@settings(max_examples=50, deadline=None)
@given(st.lists(EVENTS, max_size=30))
def test_any_sequence_of_events_leaves_a_sound_ledger(events: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), Model()
        ledger = open_ledger(folder)
        ledger.begin("x")
        whole: list[tuple[str, object]] = [("plan", [("one", 0), ("two", 0)]), *events]
        for event, what in whole:
            if event == "plan":
                assert isinstance(what, list)
                rows = [job(one, digest=key(digest)) for one, digest in what]
                steps = [step(one) for one, _ in what]
                ledger.note_plan(rows, steps, [(one, key(one)) for one, _ in what])
                model.plan(what)
            elif event == "flush":
                ledger.flush()
            elif event in ("again", "killed"):
                if event == "killed":
                    ledger.flush()
                    ledger._connection.close()
                else:
                    ledger.end("done")
                    ledger.close()
                ledger = open_ledger(folder)
                ledger.begin("x")
                model.begin()
            elif what in model.asked:
                tell(ledger, event, str(what))
                if event.startswith("job_"):
                    model.tell(event, str(what))
            rows, steps = ledger.jobs(), ledger.steps()
            assert_sound(rows, steps)
            assert [row.name for row in rows] == model.asked
            for row in rows:
                state, attempts, digest = model.jobs[row.name]
                assert (row.state.value, row.attempts, row.digest) == (state, attempts, key(digest))
        ledger.close()
