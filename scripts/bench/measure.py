"""What a command costs: processor time, wall clock, memory and bytes of its whole process tree.

Linux only: reads /proc. Other jobs on the machine change wall times, so ratios are made of
processor time: user and system, of the command and of every child that was waited for.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PERIOD = 0.03


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds and bytes. `own_peak` is of the first process, `child_peak` of its largest child.

    `tree_peak` is the largest sum over the tree at any sample; pages that processes share count
    in each. `written` is what the tree sent towards the disk, deleted files included.
    """

    cpu: float
    wall: float
    tree_peak: int
    own_peak: int
    child_peak: int
    written: int


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended."""

    cost: Cost
    status: int
    stdout: str
    stderr: str


class CommandError(RuntimeError):
    """A command of the benchmark failed; the text holds its words and the end of its stderr."""


def measure(
    argv: Sequence[str | Path],
    cwd: Path,
    *,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> Run:
    """Run `argv` to its end and measure it. Raises `CommandError` for a failure with `check`."""
    words = [str(word) for word in argv]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = _written()
        start = time.monotonic()
        process = subprocess.Popen(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(env or {})},
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.stop()
        # The kernel adds what a reaped child has written to its parent's own count.
        written = _written() - before
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    cost = Cost(
        cpu=used.ru_utime + used.ru_stime,
        wall=wall,
        tree_peak=sampler.tree,
        own_peak=sampler.own,
        child_peak=sampler.child,
        written=written,
    )
    if check and process.returncode:
        raise CommandError(
            f"{' '.join(words)}\nended with {process.returncode}:\n{texts[1][-3000:]}"
        )
    return Run(cost, process.returncode, texts[0], texts[1])


class _Sampler(threading.Thread):
    """Looks at the tree of a process until stopped."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.tree = self.own = self.child = 0
        self._root = root
        self._ended = threading.Event()

    def run(self) -> None:
        command = _command(self._root)
        while not self._ended.is_set():
            total = 0
            for pid in _tree(self._root):
                now, peak = _memory(pid)
                if pid == self._root:
                    self.own = max(self.own, peak)
                elif _command(pid) == command:
                    continue  # between fork and exec it still is its parent
                else:
                    self.child = max(self.child, peak)
                total += now
            self.tree = max(self.tree, total)
            self._ended.wait(_PERIOD)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _tree(root: int) -> list[int]:
    """`root` and its descendants; children hang on the thread that started them."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes now and at most."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    values = dict(line.split(":", 1) for line in lines if ":" in line)

    def size(name: str) -> int:
        return int(values.get(name, "0 kB").split()[0]) * 1024

    return size("VmRSS"), size("VmHWM")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _written() -> int:
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return int(dict(line.split(": ", 1) for line in lines)["write_bytes"])
