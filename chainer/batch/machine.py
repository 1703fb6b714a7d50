"""What this machine has to offer: memory that may be used."""

from __future__ import annotations

import os
from pathlib import Path

_SHARE = 0.8
_CGROUP = Path("/sys/fs/cgroup")


def usable_memory() -> int:
    """Bytes that a batch may fill: four fifths of what is free, within the control group's limit.

    1 GiB where nothing can be read.
    """
    known = [one for one in (_available(), _within_group()) if one is not None]
    return round(_SHARE * min(known)) if known else 1 << 30


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def _within_group() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit == "max":
            return None
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        # Files that were read lately count as used, and go as soon as the memory is wanted.
        told = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        kept = (int(line.split()[1]) for line in told if line.startswith("inactive_file "))
        return max(0, int(limit) - max(0, used - sum(kept)))
    except (OSError, ValueError):
        return None
