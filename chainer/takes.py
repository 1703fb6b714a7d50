"""Which take of an atom plays: by what is wrong with it, and by how it fits what came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainer.episode.plan import Choice
from chainer.graph import Atom
from chainer.media.inspect import Inspected
from chainer.quality.quality import Quality
from chainer.settings import Settings
from chainer.timeline.used import UsedRange

if TYPE_CHECKING:
    from chainer.memory.recollect import Step

_CLEARLY = 0.02
"""By how much another take must be better than the first to be played in its stead."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One take of an atom: `take` 0 is its own media, n the n-th of its takes."""

    atom: Atom
    take: int
    media: Inspected
    used: UsedRange


@dataclass(frozen=True, slots=True)
class Tried:
    """A take, what the memory made of it, and its quality; None where nobody looked."""

    clip: Clip
    step: Step | None
    quality: Quality | None

    @property
    def misfit(self) -> float | None:
        """How little it goes on from what came before, 0 to 1; None where that is not known."""
        report = None if self.step is None else self.step.report
        return None if report is None else report.badness


def as_taken(atom: Atom, take: int) -> Atom:
    """The atom for one of its takes: a trim is said of its own media, others play from 0."""
    return atom.model_copy(update={"trim": None}) if take else atom


def choose_take(tried: Sequence[Tried], settings: Settings) -> tuple[Tried, Choice | None]:
    """The take to play; the first one where none is clearly better, and why.

    What a take lacks is how little it fits the memory, and its faults by `quality.weight`; of the
    first take of a chain, which has nothing to fit, its faults alone.
    """
    first = tried[0]
    asked = settings.takes.get(first.clip.atom.id)
    if len(tried) == 1:
        return first, _asked_for(first) if asked is not None and first.clip.take else None
    if all(one.misfit is None and one.quality is None for one in tried):
        return first, None

    def lacks(one: Tried) -> float:
        faults = 0.0 if one.quality is None else 1 - one.quality.score
        return (one.misfit or 0.0) + settings.quality.weight * faults

    ranked = sorted(tried, key=lacks)
    best = ranked[0] if lacks(ranked[0]) < lacks(first) - _CLEARLY else first
    other = next(one for one in ranked if one is not best)
    return best, Choice(
        at=best.clip.atom.id,
        of="take",
        chosen=_name(best),
        score=1 - lacks(best),
        runner_up=_name(other),
        runner_up_score=1 - lacks(other),
        why=_why(best, first, other),
    )


def _asked_for(one: Tried) -> Choice:
    return Choice(
        at=one.clip.atom.id,
        of="take",
        chosen=_name(one),
        score=1.0,
        runner_up="the others",
        runner_up_score=0.0,
        why="it was asked for",
    )


def _why(best: Tried, first: Tried, other: Tried) -> str:
    if best is first:
        return "no take is clearly better than the first"
    parts = []
    if (best.misfit or 0.0) < (other.misfit or 0.0):
        parts.append("it fits the memory best")
    if best.quality is not None and other.quality is not None:
        gone = {one.defect for one in other.quality.findings} - {
            one.defect for one in best.quality.findings
        }
        if gone:
            parts.append(f"without {', '.join(sorted(one.value for one in gone))}")
    return " and ".join(parts) or "it is best in sum"


def _name(one: Tried) -> str:
    return f"take {one.clip.take + 1}"
