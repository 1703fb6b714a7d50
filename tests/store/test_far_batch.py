"""A batch on machines that share a bucket and nothing else: no file system, no cache, no media."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from chainer.store import SharedStore, StorePolicy, collect, remote_gc, verify
from chainer.store.place import open_store
from tests.batch.clusters import Cluster, encoding, until
from tests.batch.test_cluster_command import Far

HIDDEN = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')


@pytest.fixture
def home(tmp_path: Path, rgw: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Far:
    """A graph whose folder no worker sees, and a bucket that all do."""
    alone = ["unshare", "-m", "true"]
    if shutil.which("unshare") is None or subprocess.run(alone, check=False).returncode != 0:
        if os.environ.get("CHAINER_REQUIRE_TOOLS"):
            pytest.fail("no mount namespaces here")
        pytest.skip("no mount namespaces here")
    monkeypatch.setenv("CHAINER_TEST_BUCKET", f"s3://{rgw()}/{tmp_path.name}")
    (tmp_path / "home").mkdir()
    return Far(tmp_path / "home")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as running:
        yield running


def bucket() -> str:
    return os.environ["CHAINER_TEST_BUCKET"]


def worker(cluster: Cluster, home: Far, name: str, **env: str) -> Path:
    """A worker that sees nothing of `home`; the folder of its own caches."""
    caches = cluster.folder / name
    cluster.worker(around=(*HIDDEN, str(home.folder)), XDG_CACHE_HOME=str(caches), **env)
    return caches


def view(cluster: Cluster, name: str = "onlooker") -> SharedStore:
    """The bucket as another machine sees it."""
    store = open_store(StorePolicy(path=cluster.folder / name, url=bucket()))
    assert isinstance(store, SharedStore)
    return store


def names(store: SharedStore, prefix: str) -> set[str]:
    return {entry.name.partition("/")[2] for entry in store.bucket.list(prefix)}


@pytest.mark.slow
def test_all_goes_through_the_bucket(
    home: Far, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches = [worker(cluster, home, name) for name in ("one", "two")]
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.folder / "cache"))
    done = home.run(*home.on(cluster, "--store", bucket()))
    assert done.returncode == 0, done.stderr
    assert home.told()["batch"]["steps"]["run"] > 5
    assert any(list(place.rglob("cas/*/*")) for place in caches), "workers have caches of their own"
    assert list((home.folder / "cache").rglob("cas/*/*"))
    store = view(cluster)
    media = [path.read_bytes() for path in (home.folder / "media").iterdir()]
    held = {len(data) for data in media} & {entry.size for entry in store.bucket.list("cas")}
    assert held, "media that workers do not see is put into the bucket"
    assert verify(store).whole
    assert names(store, "leases") == set()
    assert not any(name.startswith("batch-") for name in names(store, "pins"))
    assert len(names(store, "pins")) == 3, "each episode keeps its pieces"
    here = home.run(*home.batch("--store", home.folder / "store-here", out="here"))
    assert here.returncode == 0, here.stderr
    assert len(home.films()) == 3
    assert home.films() == home.films("here")
    # Another machine, with nothing but the bucket, delivers all of it anew without a step.
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.folder / "second"))
    other = home.run(*home.on(cluster, "--store", bucket(), out="other"))
    assert other.returncode == 0, other.stderr
    assert home.told("other")["batch"]["steps"]["run"] == 0
    assert home.films("other") == home.films()


@pytest.mark.slow
def test_a_collector_elsewhere_takes_nothing_that_is_wanted(
    home: Far, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the media. With a grace of seconds, so that most of it is old while the batch runs.

    With none, bytes would go between their writing and that of their record.
    """
    monkeypatch.setattr(remote_gc, "GRACE", timedelta(seconds=3))
    worker(cluster, home, "one")
    process = home.start(*home.on(cluster, "--store", bucket(), speed="slow"))
    store, cache = view(cluster), cluster.folder / "one"
    until(lambda: encoding(cache), 90)
    assert any(name.startswith("batch-") for name in names(store, "pins"))
    assert names(store, "leases")
    with closing(sqlite3.connect(home.folder / "out/batch.sqlite")) as db:
        wanted = {f"{key[:2]}/{key}" for (key,) in db.execute("SELECT key FROM steps")}
    taken, seen = 0, set[str]()
    while process.poll() is None:
        before = names(store, "ac") & wanted
        collect(store, 0)
        taken += 1
        assert before <= names(store, "ac")
        seen |= before
        time.sleep(0.1)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (out, err)
    assert taken > 3
    assert len(seen) > 3
    assert len(home.films()) == 3
    steps = home.told()["batch"]["steps"]
    assert (steps["failed"], steps["run"]) == (0, len(wanted))
    assert verify(store).whole


@pytest.mark.slow
def test_a_worker_without_credentials_is_avoided(home: Far, cluster: Cluster) -> None:
    worker(cluster, home, "bad", AWS_SECRET_ACCESS_KEY="wrong")
    done = home.run(*home.on(cluster, "--store", bucket()))
    assert done.returncode == 5, done.stderr
    assert "on the worker" in done.stderr
    worker(cluster, home, "good")
    log = cluster.folder / "worker-2.log"
    until(lambda: "Starting established connection" in log.read_text(), 60)
    done = home.run(*home.on(cluster, "--store", bucket(), "--retry-failed"))
    assert done.returncode == 0, done.stderr
    assert len(home.films()) == 3
