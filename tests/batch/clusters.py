"""Clusters for the tests: schedulers and workers as processes of their own, and odd works."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import psutil

from chainer.batch.cluster import ClusterExecutor
from chainer.batch.dask_door import Post
from chainer.batch.work import StepResult, StepWork, read_by, worker_name
from chainer.batch.worker import Deserted, run_remote
from chainer.digest import Digest, key_of
from chainer.episode.plan import EpisodePlan
from chainer.errors import Cancelled, MediaMissing, RenderError, StoreError
from chainer.media.limits import MediaLimits
from chainer.render.plan import Step, Why
from chainer.render.spec import PosterSpec, StepType
from chainer.store import Presence, Record, Store, StorePolicy
from chainer.store.place import open_store

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s",
}


def until(true: Callable[[], object], seconds: float = 30.0) -> float:
    """Wait for it; how long it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it never came to that"
        time.sleep(0.01)
    return time.monotonic() - begun


@dataclass
class Tls:
    """Three PEM files."""

    authority: Path
    certificate: Path
    key: Path

    def words(self) -> list[str]:
        return [
            *("--tls-ca-file", str(self.authority)),
            *("--tls-cert", str(self.certificate)),
            *("--tls-key", str(self.key)),
        ]

    def policy(self) -> dict[str, Path]:
        return {"tls_ca": self.authority, "tls_cert": self.certificate, "tls_key": self.key}


@dataclass
class Cluster:
    """A scheduler and workers on this machine; all of them gone at the end of the block."""

    folder: Path
    tls: Tls | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    around: Sequence[str] = ()
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        collect_clients()
        protocol = ["--protocol", "tls", *self.tls.words()] if self.tls else []
        self.scheduler = self._start(
            "scheduler",
            *("scheduler", "--host", self.host, "--port", "0", "--no-dashboard"),
            *("--dashboard-address", "127.0.0.1:0"),
            *("--scheduler-file", str(self.file), *protocol),
        )
        until(lambda: self.file.exists() and self.file.read_text().endswith("}"), 60)
        return self

    def worker(
        self,
        *words: str,
        nthreads: int = 1,
        nanny: bool = True,
        around: Sequence[str] = (),
        **env: str,
    ) -> subprocess.Popen[bytes]:
        number = len(self.processes)
        return self._start(
            f"worker-{number}",
            *("worker", "--scheduler-file", str(self.file), "--nthreads", str(nthreads)),
            *("--local-directory", str(self.folder / f"w{number}"), "--no-dashboard"),
            *("--dashboard-address", "127.0.0.1:0"),
            *(() if nanny else ("--no-nanny",)),
            *(self.tls.words() if self.tls else ()),
            *words,
            around=around,
            env=env,
        )

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def _start(
        self,
        name: str,
        *words: str,
        around: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*(around or self.around), sys.executable, "-m", "dask", *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **QUICK, **self.options, **(env or {})},
            )
        self.processes.append(process)
        return process

    def __exit__(self, *_: object) -> None:
        mine = [family(process.pid) for process in reversed(self.processes)]
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for member in (one for every in mine for one in every):
            with contextlib.suppress(psutil.Error):
                member.kill()
        for process in self.processes:
            process.wait(10)
        collect_clients()


def collect_clients() -> None:
    """Let go of Dask's clients now: one that lost its scheduler forgets to close its socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.Error:
        return []


def encoders(root: Path) -> list[psutil.Process]:
    """Every process that works inside the store `root`: FFmpegs, and their launchers."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(
                root
            ):
                found.append(process)
    return found


def encoding(root: Path) -> bool:
    """Whether some FFmpeg has been at work inside the store for a moment."""
    for process in encoders(root):
        with contextlib.suppress(psutil.Error):
            if "ffmpeg" in process.name() and process.cpu_times().user > 0.3:
                return True
    return False


# -- works -----------------------------------------------------------------------


def works_of(plan: EpisodePlan) -> dict[Digest, StepWork]:
    """The steps of a plan as works."""
    return {
        step.key: StepWork(
            step,
            plan.ffmpeg.build,
            plan.settings.media,
            read_by(step, plan.media_paths),
            plan.graph.identity,
        )
        for step in plan.render.steps
    }


def drive(
    executor: ClusterExecutor, works: Mapping[Digest, StepWork], seconds: float = 120.0
) -> dict[Digest, StepResult]:
    """Run works in the order of their needs until all have ended."""
    end = time.monotonic() + seconds
    waiting, done = dict(works), dict[Digest, StepResult]()
    while len(done) < len(works):
        for key, work in list(waiting.items()):
            if all(need in done for need in work.step.needs) and executor.takes(work):
                executor.submit(waiting.pop(key))
        for result in executor.results(1.0):
            assert result.key not in done, "came back twice"
            done[result.key] = result
        assert time.monotonic() < end, f"{len(done)} of {len(works)} after {seconds} s"
    return done


def bare(number: int, name: str = "", priority: float = 0.0, build: str = "none") -> StepWork:
    """A work without anything to do; what is done with it is up to `make`."""
    key = key_of("bare", [number, name])
    spec = PosterSpec(key, build)
    step = Step(key, StepType.POSTER, name or f"n{number}", spec, (), Why.NEW, 0)
    return StepWork(step, build, MediaLimits(), (), "test", priority)


def taken(
    executor: ClusterExecutor, works: Iterable[StepWork], seconds: float = 30.0
) -> list[StepResult]:
    """All of them at once, in the order in which they end."""
    count = 0
    for work in works:
        executor.submit(work)
        count += 1
    found: list[StepResult] = []
    end = time.monotonic() + seconds
    while len(found) < count:
        found += executor.results(0.5)
        assert time.monotonic() < end, f"{len(found)} of {count}"
    return found


class Blind(Store):
    """A store that believes: for works that leave nothing behind."""

    def find(self, key: Digest) -> tuple[Presence, Record | None]:
        return Presence.CACHED, Record(key=key, type="noop")


# -- what workers run in place of `run_remote` --------------------------------------


def noop(work: StepWork, places: StorePolicy) -> StepResult:
    return StepResult(work.key, Record(key=work.key, type="noop"), worker=worker_name())


def published(work: StepWork, places: StorePolicy) -> StepResult:
    """Writes some bytes, and counts itself in a file beside the store."""
    store = open_store(places)
    with (store.root.parent / f"runs-{work.key[:16]}").open("ab") as count:
        count.write(b".")
    with store.workspace() as folder:
        (folder / "piece").write_bytes(work.key.encode() * 10)
        record = store.publish(work.key, "test", {"piece": folder / "piece"}, {"n": 1})
    return StepResult(work.key, record, ran=True, worker=worker_name())


def runs(store: Store, work: StepWork) -> int:
    path = store.root.parent / f"runs-{work.key[:16]}"
    return len(path.read_bytes()) if path.exists() else 0


def torn(work: StepWork, places: StorePolicy) -> StepResult:
    """Publishes, then changes the bytes: always, or with `once` in its name the first time."""
    result = published(work, places)
    assert result.record is not None
    store = open_store(places)
    if work.step.name != "once" or runs(store, work) == 1:
        path = store.path_of(result.record.files["piece"].digest)
        path.write_bytes(b"x" * path.stat().st_size)
    return result


def lying(work: StepWork, places: StorePolicy) -> StepResult:
    """Tells something else than what it keeps."""
    result = published(work, places)
    assert result.record is not None
    if work.step.name == "nothing":
        open_store(places).discard(work.key)
        (store := open_store(places))._record_path(work.key).unlink(missing_ok=True)
        assert store.find(work.key)[0] is Presence.ABSENT
        return result
    if work.step.name == "another":
        return replace(result, key=key_of("bare", "another"))
    if work.step.name == "empty":
        return replace(result, record=None)
    return replace(result, record=result.record.model_copy(update={"facts": {"n": 2}}))


def failing(work: StepWork, places: StorePolicy) -> StepResult:
    if work.step.name == "own":
        error = RenderError("it broke", argv=["/x", "-y"], stderr="oh", code="broke", n=1)
        return StepResult(work.key, None, error, worker=worker_name())
    if work.step.name == "foreign":
        raise KeyError("what is this")
    return noop(work, places)


def one_at_a_time(work: StepWork, places: StorePolicy) -> StepResult:
    """Fails where another runs in this store's folder at once."""
    inside = open_store(places).root.parent / "inside"
    try:
        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return StepResult(work.key, None, RenderError("two at once"))
    time.sleep(0.02)
    inside.unlink()
    return noop(work, places)


def slow(work: StepWork, places: StorePolicy) -> StepResult:
    time.sleep(0.03)
    return noop(work, places)


def patient(work: StepWork, places: StorePolicy) -> StepResult:
    """Runs until nobody wants it; says when it begins and ends."""
    deserted, folder = Deserted(Post().deserted), open_store(places).root.parent
    (folder / f"begun-{work.key[:16]}").touch()
    while not deserted.is_set():
        time.sleep(0.01)
    (folder / f"ended-{work.key[:16]}").touch()
    return StepResult(work.key, None, Cancelled("cancelled"))


def given_up_once(work: StepWork, places: StorePolicy) -> StepResult:
    result = published(work, places)
    if runs(open_store(places), work) == 1:
        return StepResult(work.key, None, Cancelled("cancelled"))
    return result


def poison(work: StepWork, places: StorePolicy) -> StepResult:
    """Takes its worker along where its name says so."""
    if work.step.name == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return published(work, places)


def picky(work: StepWork, places: StorePolicy) -> StepResult:
    """Cannot be made where CHAINER_TEST_BAD is set."""
    if os.environ.get("CHAINER_TEST_BAD"):
        time.sleep(0.05)
        error = RenderError("another build", code="other-build")
        return StepResult(work.key, None, error, worker=worker_name())
    time.sleep(0.2)
    return published(work, places)


def out_of_order(work: StepWork, places: StorePolicy) -> StepResult:
    """One worker's disk is full, or no worker sees its media: the first one that comes is it."""
    from distributed import get_worker

    folder, mine = open_store(places).root.parent, str(get_worker().address)
    chosen = folder / "chosen"
    with contextlib.suppress(FileExistsError), chosen.open("x") as stream:
        stream.write(mine)
    until(chosen.read_text)
    if chosen.read_text() != mine and not work.step.name.startswith("all"):
        return published(work, places)
    error: StoreError | MediaMissing = StoreError("it is full", code="disk-full")
    if work.step.name.endswith("media"):
        error = MediaMissing("not here")
    return StepResult(work.key, None, error, worker=worker_name())


MAKES = (run_remote, noop, published)


@contextlib.contextmanager
def ticking(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread after a while."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def papers(folder: Path, authority: str = "ca") -> Tls:
    """A certificate authority of its own and one certificate for everybody."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in (authority, "member")}
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority)])
    for name, key in keys.items():
        above = name == authority
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=above, path_length=None), critical=True)
            .sign(keys[authority], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return Tls(folder / f"{authority}.pem", folder / "member.pem", folder / "member.key")


def begin(scheduler_file: str, graph: str, store: str) -> None:
    """A client that hands over the first clip of a graph and waits for it."""
    import chainer
    from chainer.cluster_policy import ClusterPolicy

    settings = heavy_settings(Path(store))
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    executor = ClusterExecutor.reach(
        ClusterPolicy(address=scheduler_file), Store(Path(store)), settings.store
    )
    executor.submit(next(work for work in works_of(plan).values() if not work.step.needs))
    while True:
        executor.results(1.0)


def heavy_settings(store: Path) -> Any:
    """Settings with which a clip of 10 s keeps a core busy for some seconds."""
    from chainer.profile import Profile
    from tests.film.coded import small_settings

    heavy = Profile(name="heavy", width=720, height=1280, preset="slower", crf=12, level="4.1")
    return small_settings(store, profile=heavy)


if __name__ == "__main__":
    begin(*sys.argv[1:])
