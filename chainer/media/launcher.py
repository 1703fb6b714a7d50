"""The first thing a child process runs: it puts itself under limits, then becomes the target.

Run as a script by `child.run_child`, never imported: `python -I -S launcher.py PARENT CPU
MEMORY FILE FILES ARGV...`, where a limit of `-` is none. It exists because the limits must
hold before the first instruction of the target, and `preexec_fn` is unsafe with threads.
Refuses to start the target when the parent has died already.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

CANNOT_START = 127
"""Exit status when the target cannot be started; stderr then begins with `COMPLAINT`."""

COMPLAINT = "chainer: cannot start "

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL, _SIGPIPE, _SIGXFSZ = 9, 13, 25  # equal on Linux and macOS; `signal` costs 8 ms
_ADDRESS_SPACE_OVER_DATA = 2 << 30
_STACK = 2 << 20


def main(words: list[str]) -> None:
    """Put this process under the limits in `words`, then replace it by the target."""
    parent = int(words[0])
    cpu, memory, file_bytes, open_files = (
        None if word == "-" else int(word) for word in words[1:5]
    )
    argv = words[5:]
    libc = ctypes.CDLL(None)
    # Python ignores these two and the target would inherit that: a full pipe or a file at
    # its limit must end it.
    libc.signal(_SIGPIPE, None)
    libc.signal(_SIGXFSZ, None)
    if sys.platform == "linux":
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    # The signal comes only for deaths after the call above; this catches one before it.
    if os.getppid() != parent:
        os._exit(CANNOT_START)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_NOFILE, open_files)
    if memory is not None:
        # Thread stacks count as data at their full size, and codecs start many threads.
        _limit(resource.RLIMIT_STACK, _STACK)
        _limit(resource.RLIMIT_DATA, memory)
        # Address space holds the binary, shared pages and malloc's reserves as well.
        _limit(resource.RLIMIT_AS, memory + _ADDRESS_SPACE_OVER_DATA)
    try:
        os.execv(argv[0], argv)  # noqa: S606  a shell is what must not come between
    except (OSError, ValueError) as error:
        os.write(2, f"{COMPLAINT}{argv[0]}: {error}\n".encode(errors="replace"))
        os._exit(CANNOT_START)


def _limit(kind: int, value: int | None) -> None:
    """Lower one limit to `value`; a lower one that holds already stays."""
    if value is None:
        return
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        # macOS refuses some of these; the wall clock and the parent's checks remain.
        if sys.platform == "linux":
            raise


if __name__ == "__main__":
    main(sys.argv[1:])
