"""What every case of the benchmark shares: the shots, the halves, and small sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench_memory.clips import Shot, shots
from bench_memory.generated import generated_shots

HALVES = ("chosen", "other")
"""No clip is in both. The present thresholds were set while looking at both: neither is unseen."""

_NOT_COMPARED = {"hevc10_pq_tagged_3s"}
"""Tagged as high dynamic range, of which the memory compares no colours."""


@dataclass(frozen=True)
class Workbench:
    """Where and how thoroughly the cases work."""

    folder: Path
    quick: bool

    @cached_property
    def shots(self) -> list[Shot]:
        """Single shots of real clips of at least two seconds, and generated ones."""
        found = [shot for shot in shots(2.0) if shot.clip not in _NOT_COMPARED]
        found += generated_shots(4 if self.quick else 8)
        return found[::4] if self.quick else found

    @cached_property
    def clips(self) -> list[str]:
        """The names of all clips, in order."""
        return sorted({shot.clip for shot in self.shots})

    def half(self, shot: Shot) -> str:
        """The half that a shot's clip belongs to."""
        return HALVES[self.clips.index(shot.clip) % 2]


def share(values: Iterable[bool]) -> float | None:
    """Per cent of the values that are true; None of none."""
    known = list(values)
    return 100 * float(sum(known)) / len(known) if known else None


def mean(values: Sequence[float]) -> float | None:
    """The mean, None of nothing."""
    return float(np.mean(values)) if len(values) else None


def percentile(values: Sequence[float], at: float) -> float | None:
    """The percentile, None of nothing."""
    return float(np.percentile(values, at)) if len(values) else None
