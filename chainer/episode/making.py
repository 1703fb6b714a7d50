"""`making.json`: how this delivery came about, for `report.html` and whoever wonders.

Not listed in the manifest, which vouches for the film: two deliveries of one film differ here, by
what was in the store already and by what it cost. Says nothing of the machine, of who is in an
atom that is closed, or of what a block list holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import Digest, read_regular
from chainer.episode.plan import EpisodePlan
from chainer.errors import VerifyError
from chainer.graph import Graph
from chainer.graph.sources.address import name_of

MAKING_NAME = "making.json"
MOST_ATOMS = 300
"""So many atoms of the graph are told, those nearest to the chain."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
_MOST_BYTES = 16 << 20
_CLOSED_BY = {
    "consent": "somebody in it does not allow it",
    "rights": "its licence does not allow it",
    "rating": "it is rated for another audience",
    "blocklist": "it is on the block list",
}
"""The reasons in general: names of people and words of a block list stay where they are kept."""


class StepTold(BaseModel):
    """One step of the plan. `ran` is False where the store had it; `cpu_seconds` are of this run.

    `why` is why the plan meant to run it, `cached` where it did not.
    """

    model_config = _FROZEN

    type: str
    name: str
    key: str
    why: str
    ran: bool
    cpu_seconds: float = Field(ge=0)
    frames: int


class AtomTold(BaseModel):
    """One atom of the graph; of one that must not be played nothing but its id and status."""

    model_config = _FROZEN

    id: str
    title: str = ""
    author: str = ""
    status: str


class EdgeTold(BaseModel):
    """One edge between two atoms that are told."""

    model_config = _FROZEN

    source: str
    target: str
    kind: str


class RoadTold(BaseModel):
    """A fork: at atom `at` the walk took `chosen`, and the best chain through another `runner_up`.

    Scores are of whole chains, larger for better.
    """

    model_config = _FROZEN

    at: str
    chosen: str
    score: float
    runner_up: str
    runner_up_score: float
    why: str


class ClosedTold(BaseModel):
    """An atom that the walk could have reached and must not play, by `by`."""

    model_config = _FROZEN

    atom: str
    by: str
    why: str


class Making(BaseModel):
    """The whole file. `left_out` counts atoms of the graph that are not told."""

    model_config = _FROZEN

    schema_: Literal["chainer.making/1"] = Field(default="chainer.making/1", alias="schema")
    episode: str
    made_at: datetime
    graph: str
    steps: tuple[StepTold, ...]
    atoms: tuple[AtomTold, ...]
    edges: tuple[EdgeTold, ...]
    left_out: int = 0
    roads: tuple[RoadTold, ...] = ()
    closed: tuple[ClosedTold, ...] = ()

    def to_json(self) -> str:
        """The text of the file."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    @property
    def cpu_seconds(self) -> float:
        """What all the steps cost in this run."""
        return sum(step.cpu_seconds for step in self.steps)


def making_of(
    plan: EpisodePlan, episode: str, spent: Mapping[Digest, float], at: datetime | None = None
) -> Making:
    """How `plan` was carried out as `episode` (its id), at the moment `at` (now).

    `spent` has the CPU seconds of the steps that really ran, by key.
    """
    graph, closed = plan.graph, {road.atom for road in plan.closed}
    names = near_atoms(graph, plan.chain.atoms, MOST_ATOMS)
    told = set(names)
    return Making(
        episode=episode,
        made_at=at or datetime.now(UTC).replace(microsecond=0),
        graph=name_of(graph.source),
        steps=tuple(
            StepTold(
                type=step.type.value,
                name=step.name,
                key=step.key,
                why=step.why.value,
                ran=step.key in spent,
                cpu_seconds=round(spent.get(step.key, 0.0), 3),
                frames=step.frames,
            )
            for step in plan.render.steps
        ),
        atoms=tuple(_atom(graph, name, shut=name in closed) for name in names),
        edges=tuple(
            EdgeTold(source=edge.source, target=edge.target, kind=edge.kind.value)
            for edge in graph.edges
            if edge.source in told and edge.target in told
        ),
        left_out=len(graph.atoms) - len(names),
        roads=tuple(
            RoadTold(
                at=road.at,
                chosen=road.chosen,
                score=round(road.score, 4),
                runner_up=road.runner_up,
                runner_up_score=round(road.runner_up_score, 4),
                why=road.why,
            )
            for road in plan.roads
        ),
        closed=tuple(
            ClosedTold(atom=road.atom, by=road.by, why=_CLOSED_BY.get(road.by, road.by))
            for road in plan.closed
        ),
    )


def near_atoms(graph: Graph, chain: tuple[str, ...], most: int) -> tuple[str, ...]:
    """At most `most` atoms, those of the chain and then the nearest to it, in the graph's order.

    Nearness counts edges of any kind, in either direction; of equally near ones the first in the
    order of the file count as nearer. A chain that is longer than `most` is told whole.
    """
    found = dict.fromkeys(chain)
    ring = list(found)
    while ring and len(found) < most:
        beside: set[str] = set()
        for name in ring:
            beside.update(edge.target for edge in graph.edges_out(name))
            beside.update(edge.source for edge in graph.edges_in(name))
        ring = sorted(beside - found.keys(), key=graph.rank.__getitem__)[: most - len(found)]
        found |= dict.fromkeys(ring)
    return tuple(sorted(found, key=graph.rank.__getitem__))


def read_making(folder: Path) -> Making | None:
    """What the folder says of its making; None where it says nothing.

    Raises `VerifyError` for a file that does not read.
    """
    path = folder / MAKING_NAME
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise VerifyError(f"{path} is damaged: it has more bytes than it may", path=str(path))
        return Making.model_validate_json(read_regular(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VerifyError(
            f"{path} cannot be read: {error.strerror or error}", path=str(path)
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise VerifyError(f"{path} is damaged: {place}: {first['msg']}", path=str(path)) from error


def _atom(graph: Graph, name: str, *, shut: bool) -> AtomTold:
    atom = graph.atom(name)
    if shut:
        return AtomTold(id=name, status=atom.status.value)
    return AtomTold(id=name, title=atom.title or "", author=atom.author, status=atom.status.value)
