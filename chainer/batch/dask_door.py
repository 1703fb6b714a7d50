"""The one door to Dask: reaching a scheduler, handing it tasks, and a task's view of its worker.

Whatever Dask raises leaves here as one of our errors. Nothing of Dask is loaded before the first
use. The scheduler reads a reference to `carry_out` and bytes that it does not look into.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import pickle
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chainer.cluster_policy import ClusterPolicy
from chainer.errors import ChainerError, InputError, RenderError, SettingsError
from chainer.version import __version__

Packages = Mapping[str, Any]

_PACKAGE = "episode-chainer"
_ASK_SECONDS = 10.0
_STOP_SECONDS = 3.0
_GRACE_SECONDS = 2.0
_WHEN_OPEN = {"running", "connecting", "newly-created"}
_ENDING = {"closing", "closed", "failed", "stopping", "stopped"}


class How(StrEnum):
    """How a task ended, as far as Dask knows."""

    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    """Worker after worker died while running it."""
    ADRIFT = "adrift"
    """Nobody works on it any more: the scheduler was lost, or somebody else cancelled it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a task: what it gave (`FINISHED`), or what went wrong, and on which worker."""

    how: How
    worker: str = ""
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Census:
    """Who is there. `slots` is how many steps run at once; `resource` whether any announces it."""

    workers: tuple[str, ...]
    slots: int
    resource: bool


class Link:
    """A client of a scheduler. Used from one thread alone; `on_end` comes from another."""

    def __init__(self, client: Any, *, resource: str, ours: bool) -> None:
        self._client = client
        self._resource = resource
        self._ours = ours

    @property
    def address(self) -> str:
        """The scheduler's address."""
        scheduler = self._client.scheduler
        return str(scheduler.address) if scheduler is not None else "a scheduler that is gone"

    @property
    def running(self) -> bool:
        """Whether the scheduler can be spoken to now."""
        return str(self._client.status) == "running"

    @property
    def lost(self) -> bool:
        """Whether the scheduler is gone for good: Dask has given up looking for it."""
        return str(self._client.status) not in _WHEN_OPEN

    def census(self) -> Census | None:
        """Who is there now; None where the scheduler does not answer."""
        client = self._client

        async def ask() -> Any:
            return await client.scheduler.identity(n_workers=-1)

        try:
            found = self._wait(ask, _ASK_SECONDS)
        except _trouble():
            return None
        every: Mapping[str, Mapping[str, Any]] = found["workers"]
        able = {
            name: min(int(about["resources"][self._resource]), int(about["nthreads"]))
            for name, about in every.items()
            if about.get("resources", {}).get(self._resource)
        }
        if able:
            return Census(tuple(able), sum(able.values()), resource=True)
        return Census(tuple(every), sum(int(w["nthreads"]) for w in every.values()), resource=False)

    def submit(
        self,
        name: str,
        call: Callable[..., Any],
        arguments: Sequence[Any],
        *,
        priority: float,
        resource: bool,
        workers: Sequence[str] | None,
        on_end: Callable[[str], None],
    ) -> Any:
        """Hand over `call(*arguments)` under `name`; gives the handle for `collect`, `release`.

        `on_end(name)` is called once when it has ended, however. `workers` are the only ones that
        may run it. Raises `RenderError` (`executor-lost`).
        """
        parcel = (__version__, pickle.dumps((call, tuple(arguments)), pickle.HIGHEST_PROTOCOL))
        try:
            future = self._client.submit(
                carry_out,
                pickle.dumps(parcel, pickle.HIGHEST_PROTOCOL),
                key=name,
                priority=priority,
                resources={self._resource: 1} if resource else None,
                workers=list(workers) if workers else None,
                pure=False,
            )
        except _trouble() as error:
            raise gone(self.address, str(error)) from error
        future.add_done_callback(lambda _: on_end(name))
        return future

    def collect(self, handles: Sequence[Any]) -> list[Ended | None]:
        """How each has ended; None for one that runs again because its result was lost."""
        client = self._client
        whole = [handle for handle in handles if handle.status == "finished"]
        values: dict[str, Any] = {}
        if whole:

            async def gather() -> Any:
                return await client.gather(whole, errors="skip", asynchronous=True)

            # Where it fails, the worker died with the result: the step is run again elsewhere.
            with contextlib.suppress(*_trouble()):
                found = self._wait(gather, _ASK_SECONDS)
                if len(found) == len(whole):
                    values = {h.key: value for h, value in zip(whole, found, strict=True)}
        return [_ended(handle, values) for handle in handles]

    def watch(self, handle: Any, on_end: Callable[[str], None]) -> None:
        """Call `on_end` once more when `handle` has ended."""
        name = handle.key
        handle.add_done_callback(lambda _: on_end(name))

    def release(self, handles: Iterable[Any]) -> None:
        """Want them no more: the scheduler forgets them, and what runs is told to end."""
        for handle in handles:
            with contextlib.suppress(*_trouble()):
                handle.release()

    def waiting(self, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that no worker has begun; none where nobody answers."""
        client = self._client

        async def ask() -> Any:
            return await client.run(not_begun, names, asynchronous=True, on_error="ignore")

        with contextlib.suppress(*_trouble()):
            told = self._wait(ask, _ASK_SECONDS).values()
            return names.intersection(*told)
        return frozenset()

    def settle(self, names: Sequence[str]) -> None:
        """Wait, up to three seconds, until no worker runs what was released of `names`."""
        client, wanted = self._client, frozenset(names)
        until = time.monotonic() + _STOP_SECONDS
        while self.running and time.monotonic() < until:
            time.sleep(0.1)

            async def ask() -> Any:
                return await client.run(still_cancelling, wanted, asynchronous=True)

            try:
                found = self._wait(ask, _STOP_SECONDS)
            except _trouble():
                return
            if not any(found.values()):
                return

    def versions(self) -> tuple[Packages, Packages, Mapping[str, Packages]]:
        """The versions of packages here, at the scheduler, and on each worker."""

        async def ask() -> Any:
            return await self._client.get_versions(packages=[_PACKAGE])

        found = self._wait(ask, _ASK_SECONDS)
        workers = {name: about["packages"] for name, about in found["workers"].items()}
        return found["client"]["packages"], found["scheduler"]["packages"], workers

    def close(self) -> None:
        """Let go of the scheduler; a client that was handed in stays open."""
        if self._ours:
            with contextlib.suppress(*_trouble()):
                self._client.close(timeout=2)

    def _wait(self, ask: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(ask(), seconds)

        return self._client.sync(bounded)


def connect(policy: ClusterPolicy) -> Link:
    """Reach the scheduler of `policy`.

    Raises `InputError` with code `scheduler`, which names the address: there is none, it does not
    answer, it refuses our certificate or we its, or its chainer or Python is another; and
    `SettingsError` where the extra `cluster` is not installed.
    """
    address = _address(policy)
    distributed = _distributed()
    security = None
    if policy.tls is not None:
        authority, certificate, key = policy.tls
        for path in policy.tls:
            if not path.is_file():
                raise InputError(f"there is no TLS file {path}", code="scheduler", path=str(path))
        security = distributed.Security(
            require_encryption=True,
            tls_ca_file=str(authority),
            tls_client_cert=str(certificate),
            tls_client_key=str(key),
        )
    elif address.startswith("tls:"):
        _demand_papers(distributed, address)
    # What is left of a client that failed before must not be collected while the next one starts:
    # its end waits for a lock of Dask's that the start holds, and the start for it.
    gc.collect()
    try:
        client = _within(
            policy.connect_timeout + _GRACE_SECONDS,
            lambda: distributed.Client(
                address,
                timeout=policy.connect_timeout,
                security=security,
                set_as_default=False,
                name="chainer",
            ),
        )
    except Exception as error:
        raise _unreachable(address, policy, error) from error
    link = Link(client, resource=policy.resource, ours=True)
    try:
        _same_versions(link, address)
    except BaseException:
        link.close()
        raise
    return link


def borrow(client: Any, policy: ClusterPolicy) -> Link:
    """Use a client that somebody else opened, and closes.

    Raises `InputError` with code `scheduler` where it is no open synchronous client, or the other
    side's chainer or Python is another.
    """
    distributed = _distributed()
    if not isinstance(client, distributed.Client) or client.status != "running":
        raise InputError("that is no open client of a Dask scheduler", code="scheduler")
    if client.asynchronous:
        raise InputError(
            "that Dask client is an asynchronous one: hand in Client(..., asynchronous=False)",
            code="scheduler",
        )
    link = Link(client, resource=policy.resource, ours=False)
    _same_versions(link, link.address)
    return link


def gone(address: str, how: str) -> RenderError:
    """The error for a cluster that was lost in the middle."""
    return RenderError(
        f"the cluster at {address} is lost: {how}; run the same command again: finished work "
        "is kept",
        code="executor-lost",
        address=address,
    )


# -- on a worker -----------------------------------------------------------------


def carry_out(parcel: bytes) -> tuple[str, Any]:
    """What a worker runs: the call in `parcel`. Gives the worker's address and the value.

    Raises `RenderError` with code `other-version` where chainer is another one here, before
    anything is read that this version may not understand.
    """
    from distributed import get_worker

    address = str(get_worker().address)
    version, inner = pickle.loads(parcel)  # noqa: S301 - who reaches a worker runs code on it anyway
    if version != __version__:
        raise RenderError(
            f"the worker {address} has chainer {__version__}, and the batch was planned with "
            f"{version}: install the same on every machine",
            code="other-version",
            worker=address,
        )
    call, arguments = pickle.loads(inner)  # noqa: S301
    return address, call(*arguments)


class Post:
    """The task that runs in this thread of a worker. Made in that thread, asked from anywhere."""

    def __init__(self) -> None:
        from distributed import get_worker

        self._worker = get_worker()
        self._name = self._worker.get_current_task()

    def deserted(self) -> bool:
        """Whether nobody wants the task any more: cancelled, its client gone, or its scheduler.

        Dask stops no running task, but its worker knows. A look at a dictionary, no more.
        """
        if self._worker.status.name in _ENDING:
            return True
        task = self._worker.state.tasks.get(self._name)
        return task is None or task.state in ("cancelled", "released", "forgotten")


def still_cancelling(names: frozenset[str], dask_worker: Any = None) -> int:
    """How many of `names` still run on a worker although nobody wants them any more."""
    tasks = dask_worker.state.tasks
    return sum(name in tasks and tasks[name].state == "cancelled" for name in names)


def not_begun(names: frozenset[str], dask_worker: Any = None) -> frozenset[str]:
    """Those of `names` that this worker neither runs nor has run."""
    tasks = dask_worker.state.tasks
    begun = ("executing", "long-running", "memory", "error", "cancelled", "resumed")
    return frozenset(name for name in names if name not in tasks or tasks[name].state not in begun)


# -- inside ----------------------------------------------------------------------


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise SettingsError(
            "a cluster needs Dask, which is not installed: pip install 'episode-chainer[cluster]'",
            code="no-dask",
        ) from error
    return distributed


def _trouble() -> tuple[type[BaseException], ...]:
    """What Dask raises where the other side does not answer."""
    from concurrent.futures import CancelledError

    return (OSError, TimeoutError, asyncio.CancelledError, CancelledError, RuntimeError)


def _ended(handle: Any, values: Mapping[str, Any]) -> Ended | None:
    from distributed import KilledWorker

    if handle.key in values:
        worker, value = values[handle.key]
        return Ended(How.FINISHED, worker, value)
    status = handle.status
    if status == "cancelled":
        return Ended(How.ADRIFT)
    if status != "error":
        return None
    try:
        error = handle.exception(timeout=_ASK_SECONDS)
    except _trouble() as lost:
        return Ended(How.ADRIFT, error=lost)
    if isinstance(error, KilledWorker):
        return Ended(How.KILLED, str(getattr(error.last_worker, "address", "")), error=error)
    worker = str(error.facts.get("worker", "")) if isinstance(error, ChainerError) else ""
    return Ended(How.FAILED, worker, error=error)


def _within(seconds: float, opened: Callable[[], Any]) -> Any:
    """What `opened` gives; `TimeoutError` where that takes longer.

    Dask bounds the connecting but not the handshake: whatever accepts and says nothing would hold
    us for ever. The thread that waits for it ends with the program, or closes what comes late.
    """
    given: queue.SimpleQueue[Any] = queue.SimpleQueue()
    late = threading.Event()

    def run() -> None:
        try:
            client = opened()
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            given.put(error)
            return
        given.put(client)
        if late.is_set():
            client.close(timeout=2)

    threading.Thread(target=run, daemon=True, name="chainer-connect").start()
    try:
        found = given.get(timeout=seconds)
    except queue.Empty:
        late.set()
        raise TimeoutError(_SILENT) from None
    if isinstance(found, Exception):
        raise found
    return found


def _address(policy: ClusterPolicy) -> str:
    """Where the scheduler is; Dask itself would wait for a scheduler file for ever."""
    path = policy.scheduler_file
    if path is None:
        assert policy.address is not None
        return policy.address
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        address = about["address"]
        return str(ClusterPolicy(address=address).address)
    except OSError as error:
        raise InputError(
            f"there is no scheduler file {path}: {error.strerror}; start the scheduler with "
            f"`dask scheduler --scheduler-file {path}`, or give its address, tls://host:port",
            code="scheduler",
            path=str(path),
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a whole scheduler file: it should be JSON with an `address`",
            code="scheduler",
            path=str(path),
        ) from error


def _demand_papers(distributed: Any, address: str) -> None:
    """Raise `InputError` where Dask's own configuration has no TLS files either.

    Dask would find out too, but leave a client behind that takes half a minute to end.
    """
    try:
        context = distributed.Security().get_connection_args("client").get("ssl_context")
        why = None if context is not None else _NO_PAPERS
    except (OSError, ValueError, TypeError) as error:
        why = f"{_NO_PAPERS} ({_short(error)})"
    if why is not None:
        raise InputError(
            f"the scheduler at {address} cannot be used: {why}", code="scheduler", address=address
        )


def _unreachable(address: str, policy: ClusterPolicy, error: Exception) -> InputError:
    words = _words(error)
    why = f"no scheduler answers there within {policy.connect_timeout:g} s ({_short(error)})"
    for sign, meaning in _TLS_SIGNS:
        if sign in words:
            why = meaning
            break
    else:
        # How a refusal looks depends on who is faster: an alert, a hang-up, or nothing at all.
        if address.startswith("tls:") and any(sign in words for sign in (*_HANG_UP, _SILENT)):
            why = (
                f"it may refuse our certificate: did the same authority issue it? ({_short(error)})"
            )
        elif any(sign in words for sign in _HANG_UP):
            why = "it hangs up on us: does it speak TLS? then write tls:// and give the files"
    return InputError(
        f"the scheduler at {address} cannot be used: {why}", code="scheduler", address=address
    )


_SILENT = "it accepts, but says nothing"
_NO_PAPERS = "TLS needs tls_ca, tls_cert and tls_key in the settings, or Dask's own configuration"
_HANG_UP = ("eof occurred in violation", "connection reset", "broken pipe", "stream is closed")


_TLS_SIGNS = (
    (
        "certificate_required",
        "it asks for a certificate and we showed none: give tls_ca, tls_cert and tls_key",
    ),
    ("unknown_ca", "it refuses our certificate: another authority issued it"),
    ("unknown ca", "it refuses our certificate: another authority issued it"),
    (
        "certificate_verify_failed",
        "its certificate was not issued by the authority in tls_ca: is that the right scheduler?",
    ),
    (
        "tls certificate does not match",
        "its certificate was not issued by the authority in tls_ca: is that the right scheduler?",
    ),
    ("wrong_version_number", "it does not speak TLS: write tcp:// or start it with TLS"),
    ("record layer failure", "it does not speak TLS: write tcp:// or start it with TLS"),
    ("cannot convert to ssl", "it does not speak TLS: write tcp:// or start it with TLS"),
    ("key_values_mismatch", "tls_key does not belong to tls_cert"),
    ("pem lib", "a TLS file is not PEM"),
    ("no_certificate_or_crl_found", "a TLS file is not PEM"),
    ("expects a `ssl_context`", _NO_PAPERS),
)


def _words(error: BaseException) -> str:
    """All that an error and its causes say, in small letters."""
    said: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(said) < 10:
        said.append(f"{type(seen).__name__} {seen}")
        seen = seen.__cause__ or seen.__context__
    return " ".join(said).lower()


def _short(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def _same_versions(link: Link, address: str) -> None:
    """Raise `InputError` where the scheduler or a worker cannot read what we send."""
    try:
        ours, scheduler, workers = link.versions()
    except _trouble() as error:
        raise InputError(
            f"the scheduler at {address} cannot be used: it does not say its versions",
            code="scheduler",
            address=address,
        ) from error
    others = {"the scheduler": scheduler} | {f"the worker {w}": v for w, v in workers.items()}
    for who, found in others.items():
        for name, what in ((_PACKAGE, "chainer"), ("python", "Python")):
            theirs, mine = _version(found, name), _version(ours, name)
            if theirs != mine:
                raise InputError(
                    f"{who} at {address} has {f'{what} {theirs}' if theirs else f'no {what}'}, "
                    f"and we have {mine}: install the same on every machine",
                    code="scheduler",
                    address=address,
                )


def _version(packages: Mapping[str, Any], name: str) -> str:
    """A package's version; of Python only the first two numbers, on which pickles depend."""
    version = str(packages.get(name) or "")
    return ".".join(version.split(".")[:2]) if name == "python" else version
