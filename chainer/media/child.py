"""Runs one child process under limits, and leaves nothing of it behind.

Holds the limits, the run and its result: wall clock, processor time, memory, file size and
open files are bounded, what it prints is bounded, its environment is clean, and it is dead
and reaped when the call ends, however the call ends. Refuses a relative path to a program.

May be called from many threads at once. On Linux the child also dies with its parent, even
when that is killed with SIGKILL. The kernel ties this to the *thread* that started the
child; the call does not return before the child is gone, so a thread that ends early cannot
take a running child with it. On macOS a child outlives a parent killed with SIGKILL, and
memory is not limited.

Measured: a call costs 18 ms of wall time beside what the target takes, nearly all of it the
start of the launcher (Python 3.11).
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from chainer.errors import Cancelled, ChainerError
from chainer.media.launcher import CANNOT_START, COMPLAINT

Stopped = Literal["", "timeout", "cpu", "memory", "file_size", "output", "killed", "crash"]
"""What ended a child before its time: `timeout` wall clock, `cpu` processor time, `memory`
an allocation that failed, `file_size` a file that grew too large, `output` too much on
stdout, `killed` a SIGKILL that was not ours (usually the kernel, out of memory), `crash` any
other deadly signal. Empty: it ended by itself, which says nothing about success."""

STDERR_BYTES = 64 << 10
"""How much of the end of stderr is kept."""

STDOUT_BYTES = 4 << 20
"""How much stdout may hold when it is not streamed; a child that prints more is stopped."""

_LINE_BYTES = 64 << 10
_CHUNK = 64 << 10
_POLL_SECONDS = 0.05
_DRAIN_SECONDS = 0.5
_LAUNCHER = Path(__file__).with_name("launcher.py")

# Nothing is inherited: no LD_PRELOAD, no proxies, no FFREPORT, no AV_*. Few malloc arenas
# keep the address space of a process with many threads inside its limit.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath, "MALLOC_ARENA_MAX": "4"}

_OUT_OF_MEMORY = re.compile(
    r"[Cc]annot allocate memory|[Oo]ut of memory|MemoryError|bad_alloc"
    r"|malloc of size \d+ failed|can't start new thread|pthread_create"
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What one child may use; None leaves that unlimited.

    `memory_bytes` bounds writable memory (RLIMIT_DATA); the address space may be 2 GiB
    larger. `file_bytes` bounds every single file that it writes.
    """

    wall_seconds: float | None = None
    cpu_seconds: int | None = None
    memory_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended.

    `returncode` is negative for a signal. `stdout` is empty when it was streamed. `stderr`
    is the end of it, at most `STDERR_BYTES`, with unprintable bytes replaced. `cpu_seconds`
    is user plus system time of the child and of those it waited for.
    """

    returncode: int
    stdout: bytes
    stderr: str
    stopped: Stopped
    cpu_seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended by itself and reported success."""
        return self.returncode == 0 and not self.stopped


class Meter:
    """Adds up what the children of one piece of work have used."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextlib.contextmanager
def metered() -> Iterator[Meter]:
    """Meter the children that this thread runs within the block."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def run_child(
    argv: Sequence[str | os.PathLike[str]],
    *,
    limits: ChildLimits,
    pass_fds: Sequence[int] = (),
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> ChildResult:
    """Run `argv` to its end, or to the first limit it meets.

    `argv[0]` is an absolute path. `pass_fds` keep their numbers in the child. `on_line` is
    called in this thread with every line of stdout as it comes, without its end; what it
    raises stops the child and is passed on. `cancel` is looked at every 50 ms. `env` is
    added to a clean environment. The whole process group is stopped with SIGKILL, because
    on SIGTERM an encoder first drains for many seconds.

    Raises `Cancelled` when `cancel` is set, and `ChainerError` (code `child`) when the
    program cannot be started. Limits do not raise: see `ChildResult.stopped`.
    """
    words = [os.fspath(word) for word in argv]
    if not words or not Path(words[0]).is_absolute():
        raise ValueError(f"a child needs an absolute path to its program, not {words[:1]}")
    _heed(cancel, words)
    bounds = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, limits.open_files)
    try:
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_LAUNCHER)),
                str(os.getpid()),
                *("-" if bound is None else str(bound) for bound in bounds),
                *words,
            ],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=tuple(pass_fds),
            start_new_session=True,  # a Ctrl-C on the terminal is ours to handle
            cwd=cwd,
            env={**_ENVIRONMENT, **(env or {})},
        )
    except OSError as error:
        raise ChainerError(f"cannot start {words[0]}: {error}", code="child", argv=words) from error
    run = _Run(process, on_line)
    try:
        run.feed(stdin)
        stopped = run.watch(limits.wall_seconds, cancel)
    finally:
        status, cpu_seconds = run.end()
        if (meter := _meter.get()) is not None:
            meter.cpu_seconds += cpu_seconds
    if stopped == "cancelled":
        _heed(cancel, words)
    stderr = run.stderr_text()
    if status == CANNOT_START and stderr.startswith(COMPLAINT):
        raise ChainerError(stderr.strip(), code="child", argv=words)
    return ChildResult(
        returncode=status,
        stdout=bytes(run.stdout),
        stderr=stderr,
        stopped=_why(stopped, status, stderr, cpu_seconds, limits),
        cpu_seconds=cpu_seconds,
    )


class _Run:
    """One running child, its pipes and what has been read from them."""

    def __init__(
        self, process: subprocess.Popen[bytes], on_line: Callable[[str], None] | None
    ) -> None:
        self.process = process
        self.on_line = on_line
        self.stdout = bytearray()
        self._stderr = bytearray()
        self._to_write = memoryview(b"")
        self._reaped: tuple[int, float] | None = None
        self._selector = selectors.DefaultSelector()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            self._selector.register(pipe, selectors.EVENT_READ)

    def feed(self, data: bytes | None) -> None:
        """Hold `data` ready for the child's stdin."""
        pipe = self.process.stdin
        if data is None or pipe is None:
            return
        self._to_write = memoryview(data)
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, selectors.EVENT_WRITE)

    def watch(
        self, wall_seconds: float | None, cancel: threading.Event | None
    ) -> Literal["", "timeout", "output", "cancelled"]:
        """Move bytes until the child has ended, or there is a reason to end it."""
        deadline = None if wall_seconds is None else time.monotonic() + wall_seconds
        drained_by = None
        while True:
            if cancel is not None and cancel.is_set():
                return "cancelled"
            now = time.monotonic()
            if deadline is not None and now >= deadline and drained_by is None:
                return "timeout"
            wait = _POLL_SECONDS
            if deadline is not None:
                wait = min(wait, max(0.0, deadline - now))
            self._move(wait)
            if len(self.stdout) > STDOUT_BYTES:
                return "output"
            reading = self._selector.get_map()
            if drained_by is None and self._has_ended():
                # Left-overs in its group may hold the pipes open; they go with it.
                self._kill_group()
                drained_by = time.monotonic() + _DRAIN_SECONDS
            if drained_by is not None and (not reading or time.monotonic() > drained_by):
                self._flush_line()
                return ""
            if not reading:
                time.sleep(min(wait, 0.005))

    def end(self) -> tuple[int, float]:
        """Kill what is left, reap it, close the pipes: exit status and processor seconds."""
        try:
            self._kill_group()
            return self._reap(0) or (-signal.SIGKILL, 0.0)
        finally:
            self._selector.close()
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def stderr_text(self) -> str:
        """The end of stderr as text that is safe to show."""
        return _text(self._stderr[-STDERR_BYTES:])

    def _kill_group(self) -> None:
        # Only ever before the reaping: afterwards the number may belong to someone else.
        # The child calls setsid before it runs anything, so its group has its own number.
        if self._reaped is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _has_ended(self) -> bool:
        """Has the child ended? It stays to be reaped, so that its number stays taken."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: no look without reaping
            return self._reap(os.WNOHANG) is not None
        try:
            found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return found is not None

    def _reap(self, options: int) -> tuple[int, float] | None:
        """Exit status and processor seconds, once; None while it runs."""
        if self._reaped is None:
            try:
                pid, status, used = os.wait4(self.process.pid, options)
            except ChildProcessError as error:
                self.process.returncode = -signal.SIGKILL  # else Popen waits for it later
                raise ChainerError(
                    "another part of this program waits for all child processes and took "
                    "the exit status of ours; it must wait for its own by their ids",
                    code="child",
                ) from error
            if pid == 0:
                return None
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self._reaped = (self.process.returncode, used.ru_utime + used.ru_stime)
        return self._reaped

    def _move(self, wait: float) -> None:
        if not self._selector.get_map():
            return
        for key, _ in self._selector.select(wait):
            pipe = key.fileobj
            if pipe is self.process.stdin:
                self._write(self.process.stdin)
                continue
            chunk = os.read(key.fd, _CHUNK)
            if not chunk:
                self._selector.unregister(pipe)
            elif pipe is self.process.stdout:
                self.stdout += chunk
                self._lines()
            else:
                self._stderr += chunk
                if len(self._stderr) > 4 * STDERR_BYTES:
                    del self._stderr[:-STDERR_BYTES]

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            written = os.write(pipe.fileno(), self._to_write[:_CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want to know; its exit status says why
            written = len(self._to_write)
        self._to_write = self._to_write[written:]
        if not self._to_write:
            self._selector.unregister(pipe)
            with contextlib.suppress(OSError):
                pipe.close()

    def _lines(self) -> None:
        if self.on_line is None:
            return
        *lines, rest = self.stdout.split(b"\n")
        if len(rest) > _LINE_BYTES:
            lines.append(rest)
            rest = bytearray()
        self.stdout = rest
        for line in lines:
            self.on_line(_text(line[:_LINE_BYTES].removesuffix(b"\r")))

    def _flush_line(self) -> None:
        if self.on_line is not None and self.stdout:
            rest, self.stdout = self.stdout, bytearray()
            self.on_line(_text(rest))


def _heed(cancel: threading.Event | None, words: Sequence[str]) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled(f"cancelled while running {Path(words[0]).name}", argv=words)


def _why(
    stopped: str, status: int, stderr: str, cpu_seconds: float, limits: ChildLimits
) -> Stopped:
    """What ended the child: our own reason, or the one its exit shows."""
    found: Stopped = ""
    if stopped == "timeout":
        found = "timeout"
    elif stopped == "output":
        found = "output"
    elif status == 0:
        found = ""
    # The kernel counts ticks; a child stopped at 2 s may show 1.99 s.
    elif (
        status in (-signal.SIGKILL, -signal.SIGXCPU)
        and limits.cpu_seconds is not None
        and cpu_seconds >= limits.cpu_seconds - 0.1
    ):
        found = "cpu"
    elif status == -signal.SIGXFSZ or (
        limits.file_bytes is not None and "File too large" in stderr  # where it is ignored
    ):
        found = "file_size"
    elif limits.memory_bytes is not None and _OUT_OF_MEMORY.search(stderr):
        found = "memory"
    elif status == -signal.SIGKILL:
        found = "killed"
    elif status < 0:
        found = "crash"
    return found


def _text(data: bytes | bytearray) -> str:
    text = data.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
