"""Cluster execution where it can be had quickly: a scheduler and workers within this process."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import chainer
from chainer.batch import dask_door, worker
from chainer.batch.cluster import ClusterExecutor
from chainer.batch.work import StepResult, run_work
from chainer.batch.worker import Deserted
from chainer.cluster_policy import ClusterPolicy
from chainer.digest import key_of
from chainer.errors import (
    Cancelled,
    ChainerError,
    InputError,
    MediaMissing,
    RenderError,
    SettingsError,
    StoreError,
)
from chainer.store import Presence, Store, StorePolicy
from tests.batch import clusters
from tests.batch.clusters import Blind, bare, drive, runs, taken, until, works_of
from tests.film.coded import Coded, small_settings, write_graph


def local(workers: int = 1, threads: int = 2, resource: int = 0) -> Any:
    import distributed

    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        processes=False,
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        resources={"chainer": resource} if resource else None,
        silence_logs=50,
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers of two threads."""
    with local(workers=2) as running:
        yield running


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with connected(cluster) as client:
        yield client


def connected(cluster: Any) -> Any:
    import distributed

    return distributed.Client(cluster, set_as_default=False)


@pytest.fixture
def places(tmp_path: Path) -> StorePolicy:
    return StorePolicy(path=tmp_path / "s" / "store")


def of(client: Any, places: StorePolicy, make: Any, **policy: Any) -> ClusterExecutor:
    assert places.path is not None
    store = Blind(places.path) if make in BLIND else Store(places.path)
    return ClusterExecutor.of(client, store, places, policy=ClusterPolicy(**policy), make=make)


BLIND = (clusters.noop, clusters.one_at_a_time, clusters.slow, clusters.failing)


# -- the policy ------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"address": "http://host:1"},
        {"address": "tcp://host"},
        {"address": "tcp://host:0"},
        {"address": "tls://host:65536"},
        {"address": "tcp://user@host:1"},
        {"address": " "},
        {"tls_ca": "a.pem"},
        {"address": "tls://h:1", "tls_ca": "a", "tls_cert": "b"},
        {"address": "tcp://h:1", "tls_ca": "a", "tls_cert": "b", "tls_key": "c"},
        {"window": 0},
        {"resource": "a b"},
        {"connect_timeout": 0},
        {"unknown": 1},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClusterPolicy.model_validate(given)


def test_an_address_is_a_url_or_a_file() -> None:
    assert ClusterPolicy(address="tcp://h:8786/").address == "tcp://h:8786"
    assert ClusterPolicy(address="tls://[::1]:8786").scheduler_file is None
    assert ClusterPolicy(address="some/file.json").scheduler_file == Path("some/file.json")
    assert ClusterPolicy().scheduler_file is None


# -- reaching the scheduler --------------------------------------------------------


def refused(address: Any, tmp_path: Path, **policy: Any) -> InputError:
    store = StorePolicy(path=tmp_path / "store")
    with pytest.raises(InputError) as caught:
        ClusterExecutor.reach(
            ClusterPolicy(address=str(address), connect_timeout=0.3, **policy),
            Store(tmp_path / "store"),
            store,
        )
    assert (caught.value.code, caught.value.exit_status) == ("scheduler", 2)
    return caught.value


@pytest.mark.parametrize("listens", [False, True])
def test_nobody_there_or_nobody_who_answers(
    listens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_door, "_GRACE_SECONDS", 0.5)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listens:
            other.listen()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        said = str(refused(address, tmp_path))
        assert address in said
        assert "no scheduler answers there" in said


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"id": 1}', '{"address": 7}', '{"address": "x://"}', b"\xff"]
)
def test_a_scheduler_file_that_is_not_there_or_not_whole(text: Any, tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refused(path, tmp_path)
    assert str(path) in str(error)
    assert ("there is no scheduler file" in str(error)) == (text is None)


def test_a_tls_file_that_is_not_there(tmp_path: Path) -> None:
    missing = {name: tmp_path / name for name in ("tls_ca", "tls_cert", "tls_key")}
    assert "no TLS file" in str(refused("tls://127.0.0.1:1", tmp_path, **missing))


def test_tls_without_any_certificate(tmp_path: Path) -> None:
    begun = threading.active_count()
    told = refused("tls://127.0.0.1:1", tmp_path)
    assert "TLS needs tls_ca, tls_cert and tls_key" in str(told)
    assert threading.active_count() == begun, "no client was begun"


def test_without_dask_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingsError, match=r"pip install 'episode-chainer\[cluster\]'"):
        dask_door.connect(ClusterPolicy(address="tcp://127.0.0.1:1"))


def test_dask_is_not_loaded_before_it_is_used() -> None:
    code = (
        "import sys, chainer.batch.cluster;"
        "sys.exit([n for n in ('dask', 'distributed', 'obstore') if n in sys.modules] != [])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_chainer_or_python_is_refused(
    client: Any, places: StorePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = dask_door.Link.versions

    def other(name: str, version: str | None) -> Any:
        def versions(link: Any) -> Any:
            ours, scheduler, workers = true(link)
            return ours, scheduler, {w: {**has, name: version} for w, has in workers.items()}

        return versions

    for name, version, says in (
        ("episode-chainer", "0.0.1", "has chainer 0.0.1, and we have"),
        ("episode-chainer", None, "has no chainer"),
        ("python", "3.9.1.final.0", "has Python 3.9, and we have"),
    ):
        monkeypatch.setattr(dask_door.Link, "versions", other(name, version))
        with pytest.raises(InputError, match=says) as caught:
            of(client, places, clusters.noop)
        assert caught.value.code == "scheduler"


def test_a_worker_of_another_version_that_comes_later(
    client: Any, places: StorePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = of(client, places, clusters.noop)
    blob = pickle.dumps(("0.0.1", b"this version reads no such thing"))
    monkeypatch.setattr(dask_door.pickle, "dumps", lambda *_: blob)
    [result] = taken(executor, [bare(1, "later")])
    assert result.error is not None
    assert result.error.code == "other-version"
    assert "0.0.1" in str(result.error)


def test_a_client_of_another_kind_is_refused(places: StorePolicy) -> None:
    with pytest.raises(InputError, match="no open client"):
        of(object(), places, clusters.noop)


def test_no_workers_at_first_and_none_any_more(tmp_path: Path, places: StorePolicy) -> None:
    with local(workers=0) as empty, connected(empty) as client:
        executor = of(client, places, clusters.noop, lost_after=0.5)
        assert executor.workers == 1
        executor.submit(bare(1))
        with pytest.raises(RenderError, match="no worker was there") as caught:
            until(lambda: executor.results(0.2), 10)
        assert (caught.value.code, caught.value.exit_status) == ("executor-lost", 5)
        assert "run the same command again: finished work is kept" in str(caught.value)
        assert executor.in_flight == 0


def test_a_worker_that_comes_later_does_the_waiting_work(places: StorePolicy) -> None:
    with local(workers=0) as empty, connected(empty) as client:
        executor = of(client, places, clusters.noop, lost_after=30)
        executor.submit(bare(1))
        assert executor.results(0.2) == []
        empty.scale(1)
        assert until(lambda: executor.results(0.5), 20) < 20


# -- working ---------------------------------------------------------------------


def test_every_work_comes_back_once_and_the_window_holds(
    cluster: Any, client: Any, places: StorePolicy
) -> None:
    executor = of(client, places, clusters.noop, window=50)
    waiting = [bare(n, "window") for n in range(300)]
    keys, found, most, known = {work.key for work in waiting}, [], 0, 0
    while len(found) < 300:
        while waiting and executor.takes(waiting[-1]):
            executor.submit(waiting.pop())
        most = max(most, executor.in_flight)
        found += [result.key for result in executor.results(1.0)]
        known = max(known, len(cluster.scheduler.tasks))
    assert set(found) == keys
    assert len(found) == 300
    assert most == 50
    # The scheduler forgets as promptly as we let go; a release may still be on its way.
    assert known <= 2 * 50
    executor.close()
    until(lambda: not cluster.scheduler.tasks)
    assert client.status == "running"


def test_the_window_grows_with_the_cluster(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.noop)
    assert (executor.workers, executor.window) == (4, 500)
    executor._census = dask_door.Census(("a",), 1000, resource=False)
    assert executor.window == 4000


def test_one_step_is_not_in_flight_twice(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.slow)
    executor.submit(bare(1, "twice"))
    with pytest.raises(ValueError, match="in flight already"):
        executor.submit(bare(1, "twice"))
    assert len(until_results(executor, 1)) == 1


def until_results(executor: ClusterExecutor, count: int) -> list[StepResult]:
    found: list[StepResult] = []
    end = time.monotonic() + 20
    while len(found) < count:
        found += executor.results(0.5)
        assert time.monotonic() < end
    return found


def test_urgent_work_overtakes(places: StorePolicy) -> None:
    with local(threads=1) as single, connected(single) as client:
        executor = of(client, places, clusters.slow)
        low = [bare(n, "low") for n in range(60)]
        high = [bare(n, "high", priority=5.0) for n in range(3)]
        order = [result.key for result in taken(executor, [*low, *high])]
        assert max(order.index(work.key) for work in high) < 40
        assert len(order) == 63


def test_a_worker_runs_as_many_as_it_announces(places: StorePolicy) -> None:
    with local(threads=4, resource=1) as announced, connected(announced) as client:
        executor = of(client, places, clusters.one_at_a_time)
        assert executor.workers == 1
        results = taken(executor, [bare(n, "announced") for n in range(12)])
        assert [result.error for result in results] == [None] * 12


def test_without_an_announcement_each_thread_runs_one(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.one_at_a_time)
    results = taken(executor, [bare(n, "threads") for n in range(24)])
    assert any(result.error is not None for result in results)


def test_whoever_announced_is_waited_for(places: StorePolicy) -> None:
    with local(threads=1, resource=1) as announced, connected(announced) as client:
        executor = of(client, places, clusters.noop, lost_after=0.3)
        executor._link.census = lambda: dask_door.Census(("plain",), 8, resource=False)  # type: ignore[method-assign]
        executor._look()
        assert executor.workers == 1
        assert executor._census.slots == 0


# -- what is not believed ----------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (clusters.torn, "always", "not those that it hashed"),
        (clusters.lying, "facts", "another result than it told of"),
        (clusters.lying, "nothing", "not in the store"),
        (clusters.lying, "another", "another step"),
        (clusters.lying, "empty", "another step"),
    ],
)
def test_an_untrue_result_is_run_again_and_then_names_the_worker(
    make: Any, name: str, says: str, client: Any, places: StorePolicy
) -> None:
    executor = of(client, places, make, settle=0.1)
    work = bare(1, name)
    [result] = taken(executor, [work])
    assert result.error is not None
    assert (result.error.code, result.error.exit_status) == ("untrue-result", 5)
    assert says in str(result.error)
    assert result.error.facts["worker"] in str(result.error)
    assert result.error.facts["worker"].startswith("inproc://")
    assert runs(executor._store, work) == 3
    if make is clusters.torn:
        assert executor._store.find(work.key)[0] is Presence.ABSENT


def test_bytes_that_were_torn_once_are_made_again(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.torn)
    work = bare(1, "once")
    [result] = taken(executor, [work])
    assert result.error is None
    assert result.record is not None
    assert runs(executor._store, work) == 2
    assert executor._store.is_whole(result.record.files["piece"])


def test_a_record_that_shows_up_late_is_believed(
    client: Any, places: StorePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = of(client, places, clusters.published, settle=20)
    work = bare(1, "late")
    shown = threading.Event()
    true = Store.find

    def find(store: Store, key: str) -> Any:
        hidden = store is executor._store and not shown.is_set()
        return (Presence.ABSENT, None) if hidden else true(store, key)

    monkeypatch.setattr(Store, "find", find)
    executor.submit(work)
    assert executor.results(0.7) == []
    shown.set()
    [result] = until_results(executor, 1)
    assert result.error is None
    assert runs(executor._store, work) == 1


def test_a_worker_that_gives_up_is_not_the_end(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.given_up_once)
    work = bare(1, "giving up")
    [result] = taken(executor, [work])
    assert result.error is None
    assert runs(executor._store, work) == 2


def test_a_step_that_fails_harms_no_other(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.failing)
    works = [bare(1, "own"), bare(2, "foreign"), *(bare(n, "well") for n in range(5))]
    results = {result.key: result for result in taken(executor, works)}
    own, foreign = results[works[0].key].error, results[works[1].key].error
    assert isinstance(own, RenderError)
    assert (own.code, own.argv, own.stderr, own.facts["n"]) == ("broke", ("/x", "-y"), "oh", 1)
    assert isinstance(foreign, RenderError)
    assert foreign.code == "worker"
    assert "KeyError: 'what is this'" in str(foreign)
    assert "poster of foreign" in str(foreign)
    assert isinstance(foreign.__cause__, KeyError)
    assert all(results[work.key].error is None for work in works[2:])


def test_every_error_travels() -> None:
    def below(kind: type[ChainerError]) -> list[type[ChainerError]]:
        return [kind, *(sub for direct in kind.__subclasses__() for sub in below(direct))]

    kinds = [kind for kind in below(ChainerError) if kind.__module__ == "chainer.errors"]
    assert len(kinds) >= 16
    for kind in kinds:
        given = ("graph.json", []) if kind.__name__ == "GraphError" else ("what",)
        error = kind(*given)  # type: ignore[arg-type]
        back = pickle.loads(pickle.dumps(StepResult("k", None, error))).error
        assert type(back) is kind
        assert (back.as_json(), str(back)) == (error.as_json(), str(error))


# -- sharing and ending --------------------------------------------------------------


def test_two_clients_share_a_step_but_not_with_another_store(
    cluster: Any, tmp_path: Path, places: StorePolicy
) -> None:
    with connected(cluster) as one, connected(cluster) as two:
        executors = [of(client, places, clusters.published) for client in (one, two)]
        apart = of(two, StorePolicy(path=tmp_path / "t" / "store"), clusters.published)
        work = bare(1, "shared")
        for executor in (*executors, apart):
            executor.submit(work)
        names = [executor._task_name(clusters_flight(work)) for executor in (*executors, apart)]
        assert names[0] == names[1] != names[2]
        for executor in (*executors, apart):
            [result] = until_results(executor, 1)
            assert result.error is None
        assert runs(executors[0]._store, work) in (1, 2)
        assert runs(apart._store, work) == 1


def clusters_flight(work: Any) -> Any:
    from chainer.batch.cluster import _Flight

    return _Flight(work)


def test_stopping_ends_what_runs(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.patient)
    folder = executor._store.root.parent
    works = [bare(n, "patient") for n in range(8)]
    for work in works:
        executor.submit(work)
    until(lambda: len(list(folder.glob("begun-*"))) == 4)
    executor.stop()
    assert len(list(folder.glob("ended-*"))) == 4
    time.sleep(0.3)
    assert len(list(folder.glob("begun-*"))) == 4
    assert executor.in_flight == 0
    assert executor.results(0.05) == []


def test_the_same_step_again_right_after_stopping(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, clusters.patient)
    executor.submit(bare(1, "again"))
    until(lambda: list(executor._store.root.parent.glob("begun-*")))
    executor.stop()
    again = of(client, places, clusters.published)
    [result] = taken(again, [bare(1, "again")])
    assert result.error is None


def test_cancelling_gives_back_what_no_worker_has_begun(client: Any, places: StorePolicy) -> None:
    cancel = threading.Event()
    executor = ClusterExecutor.of(
        client, Store(places.root), places, make=clusters.patient, cancel=cancel
    )
    folder = places.root.parent
    for number in range(40):
        executor.submit(bare(number, "patient"))
    until(lambda: len(list(folder.glob("begun-*"))) == 4)
    assert executor.results(0.05) == []
    cancel.set()
    found: list[StepResult] = []
    until(lambda: found.extend(executor.results(0.2)) or len(found) >= 36, 20)
    assert all(isinstance(result.error, Cancelled) for result in found)
    assert (len({result.key for result in found}), executor.in_flight) == (36, 4)
    assert list(folder.glob("ended-*")) == [], "what runs is finished"
    executor.stop()
    assert len(list(folder.glob("begun-*"))) == 4


@pytest.mark.parametrize("what", ["disk", "media"])
def test_a_worker_that_is_out_of_order_is_avoided(
    client: Any, places: StorePolicy, what: str
) -> None:
    executor = of(client, places, clusters.out_of_order)
    works = [bare(number, what) for number in range(12)]
    assert [result.error for result in taken(executor, works)] == [None] * 12
    [result] = taken(executor, [bare(1, f"all-{what}")])
    assert isinstance(result.error, StoreError if what == "disk" else MediaMissing)
    assert (result.error.code == "disk-full") is (what == "disk")
    assert (f"on the worker {result.worker}: it is full" in str(result.error)) is (what == "disk")


def test_nobody_is_asked_more_than_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [100.0], []
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    event = Deserted(lambda: bool(asked.append(now[0])) or now[0] > 101)
    for _ in range(200):
        now[0] += 0.01
        if event.is_set():
            break
    assert len(asked) <= 12
    assert event.is_set()
    count = len(asked)
    now[0] += 5
    assert event.is_set()
    assert len(asked) == count


# -- real steps ------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph(tmp_path_factory.mktemp("graph"), [Coded(n, 40) for n in (1, 2, 3)])


def test_real_steps_are_those_of_the_machine_itself(
    client: Any, graph: Path, tmp_path: Path
) -> None:
    loaded = chainer.load_graph(graph)
    here, there = (small_settings(tmp_path / name / "store") for name in ("here", "there"))
    plan = chainer.plan_episode(loaded, "c1", settings=here)
    store = Store(tmp_path / "here" / "store")
    alone = {key: run_work(work, store, plan.ffmpeg) for key, work in works_of(plan).items()}
    far = chainer.plan_episode(loaded, "c1", settings=there)
    executor = ClusterExecutor.of(client, Store(tmp_path / "there" / "store"), there.store)
    found = drive(executor, works_of(far))
    assert len(found) == len(alone) >= 5
    assert {key: result.record for key, result in found.items()} == {
        key: result.record for key, result in alone.items()
    }
    assert all(result.ran and result.cpu_seconds > 0 for result in found.values())
    again = drive(executor, works_of(far))
    assert not any(result.ran for result in again.values())


def test_media_that_the_worker_does_not_see(client: Any, graph: Path, tmp_path: Path) -> None:
    settings = small_settings(tmp_path / "store")
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    store = Store(tmp_path / "store")
    executor = ClusterExecutor.of(client, store, settings.store)
    work = next(w for w in works_of(plan).values() if w.step.type.value == "conform")
    elsewhere = replace(work, media=tuple((d, f"/nowhere/{d}.mp4") for d, _ in work.media))
    [result] = taken(executor, [elsewhere])
    assert isinstance(result.error, MediaMissing)
    assert "/nowhere/" in str(result.error)
    for _, path in work.media:
        store.put_blob(Path(path))
    [result] = taken(executor, [elsewhere])
    assert result.error is None
    assert result.ran


def test_a_bucket_that_refuses_is_not_told_as_missing_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    monkeypatch.setattr(Store, "fetch_blob", raises(StoreError("no", code="store-denied")))
    with pytest.raises(StoreError, match="no"):
        worker._at_hand("d" * 64, str(tmp_path / "none.mp4"), store)
    monkeypatch.setattr(Store, "fetch_blob", raises(StoreError("gone", code="store-damaged")))
    with pytest.raises(MediaMissing, match=r"none\.mp4"):
        worker._at_hand("d" * 64, str(tmp_path / "none.mp4"), store)


def raises(error: Exception) -> Any:
    def call(*_: Any) -> None:
        raise error

    return call


def test_another_ffmpeg_on_every_worker(client: Any, graph: Path, tmp_path: Path) -> None:
    settings = small_settings(tmp_path / "store")
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    executor = ClusterExecutor.of(client, Store(tmp_path / "store"), settings.store)
    work = replace(next(iter(works_of(plan).values())), build=key_of("build", "other"))
    [result] = taken(executor, [work])
    assert result.error is not None
    assert result.error.code == "other-build"


def test_a_store_that_the_worker_cannot_open(client: Any, graph: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = small_settings(tmp_path / "store")
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    executor = ClusterExecutor.of(client, Store(tmp_path / "store"), settings.store)
    executor._places = StorePolicy(path=tmp_path / "file" / "store")
    [result] = taken(executor, [next(iter(works_of(plan).values()))])
    assert isinstance(result.error, StoreError)


def test_cancelled_is_not_told_as_a_failure(client: Any, places: StorePolicy) -> None:
    executor = of(client, places, always_cancelled)
    [result] = taken(executor, [bare(1, "cancelled")])
    assert result.error is not None
    assert not isinstance(result.error, Cancelled)
    assert "gave it up" in str(result.error)


def always_cancelled(work: Any, places: StorePolicy) -> StepResult:
    return StepResult(work.key, None, Cancelled("cancelled"))


def test_a_scheduler_file_names_the_cluster(tmp_path: Path, cluster: Any) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": "tcp://127.0.0.1:9"}))
    assert dask_door._address(ClusterPolicy(address=str(path))) == "tcp://127.0.0.1:9"
