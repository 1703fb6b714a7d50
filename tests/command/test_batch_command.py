"""`chainer batch` as a user runs it: what is printed, exit statuses, stops and kills."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command.test_command import Home, alive, wait_for_ffmpeg


class Batch(Home):
    """Job files beside the graph."""

    def jobs(self, *entries: dict[str, Any], name: str = "jobs.jsonl") -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        return path

    def batch(self, jobs: Path, speed: str = "fast", *more: str) -> list[str | Path]:
        settings = self.folder / f"{speed}.toml"
        return ["batch", jobs, "-o", self.folder / "out", "--settings", settings, *more]

    def ends(self) -> list[dict[str, Any]]:
        """A film for each of three places to end."""
        return [
            {"name": f"to-c{n}", "graph": "graph.json", "start": "c1", "end": f"c{n}"}
            for n in (2, 3, 4)
        ]


@pytest.fixture
def home(tmp_path: Path) -> Batch:
    return Batch(tmp_path)


def test_a_batch_from_first_to_last(home: Batch) -> None:
    jobs = home.jobs(*home.ends())
    dry = json.loads(home.run(*home.batch(jobs), "--dry-run", "--json").stdout)
    assert [one["name"] for one in dry["jobs"]] == ["to-c2", "to-c3", "to-c4"]
    assert not (home.folder / "out").exists(), "a dry run leaves nothing"
    done = home.run(*home.batch(jobs), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((home.folder / "out/report.json").read_text(encoding="utf-8"))
    assert report["batch"]["jobs"] == {"done": 3, "failed": 0, "waiting": 0}
    assert "/3 episodes" in done.stderr
    for name in ("to-c2", "to-c3", "to-c4"):
        assert home.run("verify", home.folder / "out" / name).returncode == 0
    again = home.run(*home.batch(jobs))
    assert again.returncode == 0
    assert "0 steps ran" in again.stdout
    assert again.stdout.count("done, kept") == 3


def test_some_fail(home: Batch) -> None:
    jobs = home.jobs(*home.ends(), {"name": "none", "graph": "none.json", "start": "c1"})
    done = home.run(*home.batch(jobs))
    assert done.returncode == 7
    assert "none.json" in done.stdout
    log = home.folder / "out/logs/none.log"
    assert str(log) in done.stdout
    assert "none.json" in log.read_text(encoding="utf-8")
    assert (home.folder / "out/to-c4/episode.mp4").is_file()


def test_whoever_reads_the_output_may_go_away(home: Batch) -> None:
    jobs = home.jobs(home.ends()[0], {"name": "none", "graph": "none.json", "start": "c1"})
    process = home.start(*home.batch(jobs))
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=120) == 7, "nor does it hide that one failed"
    assert (home.folder / "out/to-c2/episode.mp4").is_file()
    assert (home.folder / "out/report.json").is_file()


def test_quiet_says_what_failed_and_nothing_else(home: Batch) -> None:
    jobs = home.jobs({"name": "none", "graph": "none.json", "start": "c1"})
    done = home.run(*home.batch(jobs), "--quiet")
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.startswith("error: none: ")
    assert "none.json" in done.stderr
    assert "job" not in done.stderr, "no table, no progress"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name": "a", "graph": "graph.json", "start": "c1", "strat": "c2"}', "strat"),
        ('{"name": "a"}\n{"name": "a"}', "a"),
        ("jobs: [", "jobs"),
        ("", "jobs"),
    ],
)
def test_a_bad_job_file(home: Batch, text: str, said: str) -> None:
    path = home.folder / "jobs.yaml"
    path.write_text(text, encoding="utf-8")
    done = home.run(*home.batch(path))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home.folder / "out").exists()


def test_a_scheduler_that_is_no_address(home: Batch) -> None:
    done = home.run(*home.batch(home.jobs(*home.ends())), "--scheduler", "http://x:1")
    assert done.returncode == 2
    assert "http://x:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_once_finishes_what_runs(home: Batch) -> None:
    jobs = home.jobs(*home.ends())
    process = home.start(*home.batch(jobs, "slow"))
    children = wait_for_ffmpeg(process, 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, (out, err)
    assert "once more stops now" in err
    assert not alive(children)
    with sqlite3.connect(home.folder / "out/batch.sqlite") as db:
        states = dict(db.execute("SELECT state, count(*) FROM steps GROUP BY state"))
    db.close()
    assert states.get("done", 0) >= 1, "what ran was finished"
    assert "running" not in states
    done = home.run(*home.batch(jobs, "slow"))
    assert done.returncode == 0, done.stderr
    assert json.loads((home.folder / "out/report.json").read_text())["batch"]["jobs"]["done"] == 3


@pytest.mark.parametrize("how", ["twice", "kill"])
def test_stopping_now_leaves_nothing_and_loses_nothing(home: Batch, how: str) -> None:
    jobs = home.jobs(*home.ends())
    process = home.start(*home.batch(jobs, "slow"))
    children = wait_for_ffmpeg(process, 2)
    if how == "twice":
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    else:
        process.kill()
    process.communicate(timeout=10)
    assert process.returncode == (130 if how == "twice" else -signal.SIGKILL)
    deadline = time.monotonic() + 2
    while alive(children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(children)
    assert not list((home.folder / "out").glob("*/episode.mp4"))
    done = home.run(*home.batch(jobs))
    assert done.returncode == 0, done.stderr
    assert not list((home.folder / "store/tmp").iterdir()), "half work is swept"


def test_two_over_one_folder(home: Batch) -> None:
    jobs = home.jobs(*home.ends())
    first = home.start(*home.batch(jobs, "slow"))
    lock = home.folder / "out/.batch.lock"
    deadline = time.monotonic() + 60
    while not (lock.exists() and lock.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # it may be fast, and the second slow to begin
    second = home.run(*home.batch(jobs, "slow"))
    assert second.returncode == 2
    assert str(first.pid) in second.stderr
    first.kill()
    first.communicate(timeout=10)
