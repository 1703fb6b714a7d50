"""`chainer batch --scheduler` as a user runs it: a scheduler, workers and the command, all real."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chainer.batch.rows import now_text
from chainer.store import Store
from chainer.store.keep import verify
from tests.batch.clusters import Cluster, encoders, encoding, family, papers, until
from tests.command.test_command import Home


class Far(Home):
    """A graph and three jobs over it, made on a cluster or here."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.jobs = folder / "jobs.jsonl"
        self.asks(*({"name": f"to-c{n}", "end": f"c{n}"} for n in (2, 3, 4)))

    def asks(self, *entries: dict[str, Any]) -> None:
        whole = ({"graph": "graph.json", "start": "c1", **entry} for entry in entries)
        self.jobs.write_text("".join(f"{json.dumps(entry)}\n" for entry in whole))

    def batch(self, *more: str | Path, out: str = "out", speed: str = "fast") -> list[str | Path]:
        settings = self.folder / f"{speed}.toml"
        return ["batch", self.jobs, "-o", self.folder / out, "--settings", settings, *more]

    def on(self, cluster: Cluster, *more: str | Path, **options: str) -> list[str | Path]:
        return self.batch("--scheduler", cluster.file, *more, **options)

    def told(self, out: str = "out") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / out / "report.json").read_text())
        return found

    def films(self, out: str = "out") -> dict[str, bytes]:
        paths = (self.folder / out).glob("*/episode.mp4")
        return {path.parent.name: path.read_bytes() for path in paths}

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def set(self, speed: str, text: str) -> None:
        path = self.folder / f"{speed}.toml"
        path.write_text(f"{path.read_text()}\n{text}\n")


@pytest.fixture
def home(tmp_path: Path) -> Far:
    return Far(tmp_path)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as running:
        yield running


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


# -- a scheduler that cannot be used ----------------------------------------------------------


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ("tcp://127.0.0.1:{port}", "no scheduler answers there within 1 s"),
        ("{folder}/none.json", "there is no scheduler file"),
        ("udp://x:1", "is not a scheduler's address"),
        ("", "the address is empty"),
    ],
)
def test_no_scheduler(home: Far, scheduler: str, said: str) -> None:
    home.set("fast", "[cluster]\nconnect_timeout = 1")
    where = scheduler.format(port=free_port(), folder=home.folder)
    done = home.run(*home.batch("--scheduler", where))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert where in done.stderr
    assert "Traceback" not in done.stderr
    assert home.films() == {}
    if (home.folder / "out").exists():
        report = home.told()
        assert report["batch"]["exit_status"] == 2
        assert report["batch"]["jobs"] == {"done": 0, "failed": 0, "waiting": 3}


@pytest.mark.slow
def test_nobody_works_there(home: Far, cluster: Cluster) -> None:
    home.set("fast", "[cluster]\nlost_after = 1")
    done = home.run(*home.on(cluster))
    assert done.returncode == 2, done.stderr
    assert "waiting for a worker" in done.stderr
    assert "has no workers: none came within 1 s" in done.stderr


@pytest.mark.slow
def test_ctrl_c_while_waiting_for_a_worker(home: Far, cluster: Cluster) -> None:
    process = home.start(*home.on(cluster))
    assert process.stderr is not None
    while "waiting for a worker" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


@pytest.mark.slow
def test_certificates(home: Far, tmp_path: Path) -> None:
    """Ours is let in, a stranger's is refused, and none at all."""
    ours, others = papers(tmp_path / "ours"), papers(tmp_path / "others", "other-ca")
    fast = (home.folder / "fast.toml").read_text()
    with Cluster(tmp_path / "tls", tls=ours) as cluster:
        cluster.worker()
        for tls, status, said in (
            (None, 2, "TLS needs tls_ca, tls_cert and tls_key"),
            (others, 2, "certificate"),
            (ours, 0, ""),
        ):
            files = (
                "" if tls is None else "\n".join(f'{k} = "{v}"' for k, v in tls.policy().items())
            )
            (home.folder / "fast.toml").write_text(f"{fast}\n[cluster]\n{files}\n")
            done = home.run(*home.on(cluster))
            assert done.returncode == status, done.stderr
            assert said in done.stderr
            assert "Traceback" not in done.stderr
            assert len(home.films()) == (3 if status == 0 else 0)


# -- from first to last -----------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_films_and_nothing_twice(home: Far, cluster: Cluster) -> None:
    workers = [cluster.worker() for _ in range(2)]
    done = home.run(*home.on(cluster), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == home.told()
    assert report["batch"]["jobs"] == {"done": 3, "failed": 0, "waiting": 0}
    assert report["batch"]["steps"]["run"] > 5
    made = set(report["batch"]["workers"])
    pids = {one.pid for worker in workers for one in family(worker.pid)}
    assert made
    assert {int(name.rpartition(":")[2]) for name in made} <= pids, "it names workers"
    for name in ("to-c2", "to-c3", "to-c4"):
        assert home.run("verify", home.folder / "out" / name).returncode == 0
    here = home.run(*home.batch("--store", home.folder / "store-here", out="here"))
    assert here.returncode == 0, here.stderr
    assert home.films() == home.films("here")
    # Now nobody is there to work, nor a scheduler.
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    again = home.run(*home.on(cluster))
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done, kept") == 3
    # Films that are lost are put together again from the store, without a cluster.
    shutil.rmtree(home.folder / "out/to-c3")
    again = home.run(*home.on(cluster))
    assert again.returncode == 0, again.stderr
    assert "0 steps ran" in again.stdout
    assert home.films() == home.films("here")


@pytest.mark.slow
@pytest.mark.parametrize("draft", [False, True])
def test_memory_and_drafts(home: Far, cluster: Cluster, draft: bool) -> None:
    more = ["--draft"] if draft else []
    home.set("fast", "[memory]\nenabled = true")
    cluster.worker(nthreads=2)
    done = home.run(*home.on(cluster, *more))
    assert done.returncode == 0, done.stderr
    here = home.run(*home.batch("--store", home.folder / "store-here", *more, out="here"))
    assert here.returncode == 0, here.stderr
    assert len(home.films()) == 3
    assert home.films() == home.films("here")


@pytest.mark.slow
def test_a_job_that_fails_on_a_worker_fails_alone(home: Far, cluster: Cluster) -> None:
    """A clip is damaged between the plan and its step: only a worker sees that."""
    cluster.worker()
    home.asks(
        {"name": "good", "end": "c2"},
        {"name": "bad", "start": "c3"},
        {"name": "none", "graph": "none.json"},
    )
    plan = home.run(*home.batch("--dry-run"))
    assert plan.returncode == 7
    clip = home.folder / json.loads(home.graph.read_text())["nodes"][2]["media"]
    data = bytearray(clip.read_bytes())
    data[len(data) // 4 : len(data) // 4 + 20_000] = bytes(20_000)
    clip.write_bytes(data)
    done = home.run(*home.on(cluster))
    assert done.returncode == 7, done.stderr
    report = home.told()
    states = {job["name"]: job["state"] for job in report["jobs"]}
    assert states == {"good": "done", "bad": "failed", "none": "failed"}
    assert "none.json" in (home.folder / "out/logs/none.log").read_text()


# -- stops ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_once_finishes_what_workers_have_begun(home: Far, cluster: Cluster) -> None:
    cluster.worker()
    process = home.start(*home.on(cluster, speed="slow"))
    until(lambda: encoding(home.store), 60)
    stopped = now_text()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, (out, err)
    assert "once more stops now" in err
    assert encoders(home.store) == []
    batch = home.told()["batch"]
    assert batch["exit_status"] == 130
    with closing(sqlite3.connect(home.folder / "out/batch.sqlite")) as db:
        rows = db.execute("SELECT ended FROM steps WHERE state = 'done'").fetchall()
    later = [ended for (ended,) in rows if ended > stopped]
    assert len(later) == 1, "what ran was finished, what waited at the scheduler was taken back"
    assert batch["steps"]["waiting"] >= 3
    assert batch["steps"]["failed"] == 0
    assert batch["jobs"]["failed"] == 0
    done = home.run(*home.on(cluster))
    assert done.returncode == 0, done.stderr
    assert len(home.films()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("how", ["twice", "kill"])
def test_leaving_now_leaves_no_encoder(home: Far, cluster: Cluster, how: str) -> None:
    for _ in range(2):
        cluster.worker()
    process = home.start(*home.on(cluster, speed="slow"))
    until(lambda: encoding(home.store), 60)
    if how == "twice":
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    else:
        process.kill()
    begun = time.monotonic()
    process.communicate(timeout=10)
    assert process.returncode == (130 if how == "twice" else -signal.SIGKILL)
    until(lambda: encoders(home.store) == [], 10)
    print(f"{how}: {time.monotonic() - begun:.2f} s until the last encoder was gone")  # noqa: T201
    assert home.films() == {}
    done = home.run(*home.on(cluster))
    assert done.returncode == 0, done.stderr
    assert len(home.films()) == 3
    assert verify(Store(home.store)).whole


@pytest.mark.slow
def test_the_scheduler_goes_away(home: Far, cluster: Cluster) -> None:
    home.set("slow", "[cluster]\nconnect_timeout = 3")
    cluster.worker()
    process = home.start(*home.on(cluster, speed="slow"))
    until(lambda: encoding(home.store), 60)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5, (out, err)
    assert "its scheduler went away" in err
    assert "run the same command again" in err
    assert "Traceback" not in err
    until(lambda: encoders(home.store) == [], 30)
    batch = home.told()["batch"]
    assert batch["exit_status"] == 5
    assert batch["jobs"] == {"done": 0, "failed": 0, "waiting": 3}
    cluster.file.unlink()
    with Cluster(home.folder / "second") as second:
        second.worker()
        done = home.run(*home.on(second))
        assert done.returncode == 0, done.stderr
    assert len(home.films()) == 3


@pytest.mark.slow
def test_the_last_worker_goes_away(home: Far, cluster: Cluster) -> None:
    home.set("slow", "[cluster]\nlost_after = 3")
    worker = cluster.worker(nanny=False)
    process = home.start(*home.on(cluster, speed="slow"))
    until(lambda: encoding(home.store), 60)
    worker.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5, (out, err)
    assert "no worker was there for" in err
    assert encoders(home.store) == []
