"""A job: one episode of a batch, as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chainer.graph import Chain, WalkOptions
from chainer.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to make.

    `name` is the job's own in its batch and fit for a file name; `graph` the address of a graph (an
    absolute path or a URL); `chain` what was found already where a whole tree was asked for. `out`
    is the episode's folder, absolute. `place` says where in the job file it was asked for.
    """

    name: str
    graph: str
    start: str
    options: WalkOptions
    settings: Settings
    out: Path
    place: str
    chain: Chain | None = None
