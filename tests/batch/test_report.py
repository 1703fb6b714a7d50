"""The report of a batch: sums, one row a job, a table for people, logs of what failed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chainer.batch.ledger import JobLedger, open_ledger
from chainer.batch.report import (
    BatchReport,
    JobReport,
    clear_log,
    log_path,
    report_lines,
    report_of,
    write_log,
    write_report,
)
from chainer.batch.rows import FilmNote, JobRow, StepRow, error_again
from chainer.batch.words import StepState
from chainer.batch.work import StepResult
from chainer.digest import key_of
from chainer.errors import ChainerError, MediaMissing, OutputError, RenderError, StoreError
from chainer.store import Record

FILM = FilmNote("f" * 64, 1_000, 1, Fraction(48, 5))


def key(word: str) -> str:
    return key_of("test", word)


def job(name: str) -> JobRow:
    return JobRow(name, f"line {name}", "/g.json", "a", ("a", "b"), key(name), Path("/out") / name)


def result(word: str, cpu: float = 2.0, worker: str = "here:1") -> StepResult:
    return StepResult(key(word), Record(key=key(word), type="card"), None, True, cpu, 1.0, worker)


NEEDS = {
    "one": ("shared", "a1", "a2"),
    "two": ("shared", "b1", "old"),
    "bad": ("bad", "never"),
    "late": ("late",),
}


def plan(ledger: JobLedger, cached: tuple[str, ...] = ("old",)) -> None:
    words = dict.fromkeys(word for needs in NEEDS.values() for word in needs)
    ledger.note_plan(
        [job(name) for name in NEEDS],
        [
            StepRow(
                key(word), "card", word, StepState.CACHED if word in cached else StepState.WAITING
            )
            for word in words
        ],
        [(name, key(word)) for name, needs in NEEDS.items() for word in needs],
    )


BROKEN = RenderError(
    "the clip cannot be made; look at its media",
    code="ffmpeg",
    argv=["ffmpeg", "-i", "a b.mp4"],
    stderr="first\n" * 20 + "last word",
    path="/media/a b.mp4",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[JobLedger]:
    """One and two done, bad failed, late not come to."""
    with open_ledger(tmp_path) as opened:
        opened.begin("chainer batch jobs.yaml -o out")
        plan(opened)
        opened.job_running("one")
        for word, cpu, worker in (("shared", 4.0, "b:2"), ("a1", 1.0, "a:1"), ("a2", 1.5, "a:1")):
            opened.step_running(key(word))
            opened.step_done(key(word), result(word, cpu, worker))
        opened.job_done("one", FILM)
        opened.job_running("two")
        opened.step_done(key("b1"), result("b1", 3.0))
        opened.job_done("two", FILM)
        opened.job_running("bad")
        opened.step_running(key("bad"))
        opened.step_failed(key("bad"), BROKEN)
        opened.job_failed("bad", BROKEN, write_log(tmp_path, "bad", BROKEN))
        opened.job_running("late")
        opened.step_running(key("late"))
        yield opened


def rows(report: BatchReport) -> dict[str, JobReport]:
    return {row.name: row for row in report.jobs}


# -- the sums ------------------------------------------------------------------


def test_the_batch_in_sum(ledger: JobLedger) -> None:
    batch = report_of(ledger, exit_status=7).batch
    assert batch.jobs.model_dump() == {"done": 2, "failed": 1, "waiting": 1}
    assert batch.steps.model_dump() == {"run": 4, "cached": 1, "failed": 1, "waiting": 2}
    assert batch.cpu_seconds == 9.5
    assert batch.exit_status == 7
    assert batch.workers == ("a:1", "b:2", "here:1")
    assert batch.command == "chainer batch jobs.yaml -o out"
    assert batch.ended >= batch.started
    assert batch.seconds >= 0


def test_a_row_a_job(ledger: JobLedger, tmp_path: Path) -> None:
    report = report_of(ledger, exit_status=7)
    assert [row.name for row in report.jobs] == list(NEEDS)
    one, two, bad, late = report.jobs
    assert (one.state, one.kept, one.attempts, one.folder) == ("done", False, 1, "/out/one")
    assert (one.chain, one.place, one.film_seconds) == (("a", "b"), "line one", "48/5")
    # The shared step counts for the first that needed it; the second found it.
    assert (one.steps, one.ran, one.cached, one.cpu_seconds) == (3, 3, 0, 6.5)
    assert (two.steps, two.ran, two.cached, two.cpu_seconds) == (3, 1, 2, 3.0)
    assert (bad.state, bad.ran, bad.cached, bad.film_seconds) == ("failed", 0, 0, None)
    assert bad.error == BROKEN.as_json()
    assert bad.log == str(tmp_path / "logs" / "bad.log")
    assert (late.state, late.error, late.log) == ("waiting", None, None)
    assert sum(row.ran for row in report.jobs) == report.batch.steps.run
    assert sum(row.cpu_seconds for row in report.jobs) == report.batch.cpu_seconds


def test_the_next_run_counts_its_own_work_alone(ledger: JobLedger) -> None:
    ledger.end("failed")
    assert report_of(ledger, exit_status=7).batch.steps.run == 4
    ledger.begin("again")
    plan(ledger, ("old", "shared", "a1", "a2", "b1"))
    ledger.job_running("late")
    ledger.step_done(key("late"), result("late", 8.0))
    ledger.job_done("late", FILM)
    report = report_of(ledger, exit_status=7)
    assert report.batch.steps.model_dump() == {"run": 1, "cached": 5, "failed": 0, "waiting": 2}
    assert (report.batch.cpu_seconds, report.batch.command) == (8.0, "again")
    found = rows(report)
    assert {name: row.kept for name, row in found.items()} == {
        "one": True,
        "two": True,
        "bad": True,
        "late": False,
    }
    assert (found["one"].ran, found["one"].cached, found["one"].cpu_seconds) == (0, 3, 0.0)
    assert found["bad"].error == BROKEN.as_json()
    ledger.job_running("bad")
    ledger.job_failed("bad", BROKEN)
    again = rows(report_of(ledger, exit_status=7))["bad"]
    assert (again.kept, again.attempts) == (False, 2)


def test_a_batch_of_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(ValueError, match="no run"):
            report_of(ledger, exit_status=0)
        ledger.begin("x")
        report = report_of(ledger, exit_status=0)
    assert report.jobs == ()
    assert report.batch.steps.run == 0
    assert any(line.startswith("0 jobs: 0 done") for line in report_lines(report))


# -- the file ------------------------------------------------------------------


def test_the_file_says_the_same(ledger: JobLedger, tmp_path: Path) -> None:
    report = report_of(ledger, exit_status=7)
    path = tmp_path / "sub" / "report.json"
    write_report(path, report)
    data = json.loads(path.read_text())
    assert data["schema"] == "chainer.batch/1"
    assert set(data) == {"schema", "batch", "jobs"}
    assert data["batch"]["jobs"]["done"] == 2
    assert data["jobs"][2]["error"]["code"] == "ffmpeg"
    assert BatchReport.model_validate_json(path.read_text()) == report
    with pytest.raises(ValidationError):
        BatchReport.model_validate({**data, "more": 1})
    with pytest.raises(ValidationError):
        BatchReport.model_validate({**data, "schema": "chainer.batch/2"})
    assert list(path.parent.iterdir()) == [path]


def test_names_that_are_not_utf8_are_written_as_they_can(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.begin("batch \udcff")
        odd = JobRow("one", "p\udcff", "/g\udcff", "a", (), key("x"), Path("/o\udcff"))
        ledger.note_plan([odd], [], [])
        error = MediaMissing("no \udcff", path=["\ud800"])
        ledger.job_failed("one", error, write_log(tmp_path, "one", error))
        report = report_of(ledger, exit_status=7)
    write_report(tmp_path / "report.json", report)
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["jobs"][0]["folder"] == "/o\\udcff"
    assert data["jobs"][0]["error"]["facts"] == {"path": ["\\ud800"]}
    "\n".join(report_lines(report)).encode()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreError), (errno.EDQUOT, StoreError), (5, OutputError)]
)
def test_a_report_is_written_whole_or_not_at_all(
    ledger: JobLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[ChainerError],
) -> None:
    path = tmp_path / "reports" / "report.json"
    path.parent.mkdir()
    path.write_text("the one before")

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(kind, match=r"report\.json"):
        write_report(path, report_of(ledger, exit_status=0))
    assert path.read_text() == "the one before"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_run_left_is_swept(ledger: JobLedger, tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    dead = tmp_path / f".report.json.{child.pid}-0123abcd.partial"
    alive = tmp_path / f".report.json.{os.getpid()}-0123abcd.partial"
    others = tmp_path / ".report.json.x-0123abcd.partial"
    for path in (dead, alive, others):
        path.write_text("{")
    write_report(tmp_path / "report.json", report_of(ledger, exit_status=0))
    assert not dead.exists()
    assert alive.exists()
    assert others.exists()


def test_a_place_for_the_report_that_is_none(ledger: JobLedger, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "report.json", tmp_path, Path("/proc/none/report.json")):
        with pytest.raises(OutputError, match="cannot be written"):
            write_report(path, report_of(ledger, exit_status=0))


# -- for people ----------------------------------------------------------------


def test_the_table(ledger: JobLedger, tmp_path: Path) -> None:
    lines = list(report_lines(report_of(ledger, exit_status=7)))
    table = lines[:5]
    assert table[0].split() == [
        *("job", "state", "seconds", "steps", "ran", "cached", "CPU", "s", "folder")
    ]
    assert table[1].split()[:2] == ["one", "done"]
    assert table[1].split()[3:] == ["3", "3", "0", "6.5", "/out/one"]
    assert len({line.index("/out/") for line in table[1:]}) == 1
    assert lines[5] == ""
    assert lines[6].startswith("4 jobs: 2 done, 1 failed, 1 waiting; 4 steps ran, 1 cached, 1 fail")
    assert "9.5 CPU s" in lines[6]
    below = "\n".join(lines[7:])
    assert "bad failed: the clip cannot be made; look at its media" in below
    assert f"log: {tmp_path / 'logs' / 'bad.log'}" in below
    assert "last word" not in below
    assert "ffmpeg" not in below
    ledger.end("failed")
    ledger.begin("again")
    plan(ledger)
    again = list(report_lines(report_of(ledger, exit_status=7)))
    assert "done, kept" in again[1]


def test_failures_alike_are_told_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.begin("x")
        names = [f"j{n}" for n in range(5)] + ["other"]
        ledger.note_plan([job(name) for name in names], [], [])
        for name in names[:-1]:
            ledger.job_failed(name, BROKEN, tmp_path / f"{name}.log")
        long = "many faults" + "".join(f"\n  fault {n}" for n in range(20))
        ledger.job_failed("other", MediaMissing(long))
        lines = list(report_lines(report_of(ledger, exit_status=7)))
    told = [line for line in lines if " failed: " in line]
    assert told == [
        "j0, j1, j2 and 2 more failed: the clip cannot be made; look at its media",
        "other failed: many faults",
    ]
    assert "    fault 6" in lines
    assert "    fault 7" not in lines
    assert "  and 13 more lines" in lines


def test_a_terminal_is_not_told_what_to_do(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.begin("x")
        row = JobRow("one", "", "/g", "a", (), key("x"), Path("/out/\x1b[2J"))
        ledger.note_plan([row], [], [])
        ledger.job_failed("one", MediaMissing("\x1b]0;owned\x07 gone\r\n\x9b31m"), Path("/l\x1b"))
        text = "\n".join(report_lines(report_of(ledger, exit_status=7)))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "gone" in text


# -- logs ----------------------------------------------------------------------


def test_a_log_tells_all(tmp_path: Path) -> None:
    try:
        try:
            try:
                raise FileNotFoundError(2, "no such file", "/x")
            except FileNotFoundError as error:
                raise BROKEN from error
        except RenderError as error:
            raise StoreError("the piece was not made", at=3) from error
    except StoreError as error:
        path = write_log(tmp_path, "one", error)
    text = path.read_text()
    assert path == tmp_path / "logs" / "one.log"
    assert text.startswith("job: one\nat: ")
    assert "error: StoreError\ncode: store\nexit status: 5\nmessage: the piece was not made" in text
    assert '"at": 3' in text
    assert "command: ffmpeg -i 'a b.mp4'" in text
    assert 'argv: ["ffmpeg", "-i", "a b.mp4"]' in text
    assert text.count("    first\n") >= 20
    assert "caused by\nerror: RenderError" in text
    assert "caused by\nerror: FileNotFoundError\nmessage: [Errno 2] no such file: '/x'" in text
    assert text.index("StoreError") < text.index("RenderError") < text.index("FileNotFound")
    assert "Traceback" not in text
    assert list(path.parent.iterdir()) == [path]
    clear_log(tmp_path, "one")
    clear_log(tmp_path, "one")
    assert list(path.parent.iterdir()) == []


def test_a_fault_of_ours_shows_where_it_is(tmp_path: Path) -> None:
    try:
        try:
            _ = 1 // 0
        except ZeroDivisionError as error:
            raise ChainerError(f"ZeroDivisionError: {error}") from error
    except ChainerError as error:
        text = write_log(tmp_path, "one", error).read_text()
    assert "Traceback" in text
    assert "test_report.py" in text


def test_an_error_told_again_keeps_its_command(tmp_path: Path) -> None:
    text = write_log(tmp_path, "one", error_again(BROKEN.as_json())).read_text()
    assert "command: ffmpeg -i 'a b.mp4'" in text
    assert "    last word" in text


def test_what_was_being_handled_is_a_cause_unless_it_is_hidden(tmp_path: Path) -> None:
    def failing(*, hidden: bool) -> ChainerError:
        try:
            try:
                raise KeyError("the first")
            except KeyError:
                if hidden:
                    raise MediaMissing("gone") from None
                raise MediaMissing("gone")  # noqa: B904 - that is the case to be told
        except MediaMissing as error:
            return error

    assert "KeyError" in write_log(tmp_path, "a", failing(hidden=False)).read_text()
    assert "KeyError" not in write_log(tmp_path, "b", failing(hidden=True)).read_text()


def test_causes_that_go_round_end(tmp_path: Path) -> None:
    first, second = MediaMissing("first"), MediaMissing("second")
    first.__cause__, second.__cause__ = second, first
    assert write_log(tmp_path, "one", first).read_text().count("caused by") == 20


@given(st.lists(st.text(), unique=True, max_size=8))
def test_logs_are_plain_files_of_their_own(names: list[str]) -> None:
    folder = Path("/out")
    paths = [log_path(folder, name) for name in names]
    assert len(set(paths)) == len(names)
    for path in paths:
        assert path.parent == folder / "logs"
        assert not path.name.startswith(".")
        assert len(path.name) < 200
        assert path.name.isascii()


@pytest.mark.parametrize("name", ["a/b", "../up", "..", ".hidden", "x" * 300, "näme", "a\0b", ""])
def test_names_that_are_no_file_names_have_logs(tmp_path: Path, name: str) -> None:
    path = write_log(tmp_path, name, MediaMissing("gone"))
    assert path.parent == tmp_path / "logs"
    assert "gone" in path.read_text()
    assert log_path(tmp_path, "one").name == "one.log"
