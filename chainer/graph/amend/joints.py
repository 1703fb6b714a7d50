"""Changes of the joint before an atom: of the edge that leads to it.

crossfade, crossfade:2/5    a kind, and how many seconds
j:2/5    l:2/5              the picture is cut; the sound leads, or lags behind
card:Three days later       a story card with this text
auto                        the planner chooses
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from chainer.errors import InputError
from chainer.graph.amend.change import Node, held, part, spelled
from chainer.graph.faults import near_miss
from chainer.graph.scalars import read_number
from chainer.graph.words import JointKind

_WORDS = (*JointKind, "j", "l")
_CHOICES = ("kind", "seconds", "lead", "lag", "text")
"""What the words above decide; `grade`, `trim` and `x-…` keys stay as they are."""


@dataclass(frozen=True, slots=True)
class JointTo:
    """How the atom meets the one before it; `auto` takes back what was asked for."""

    kind: JointKind = JointKind.AUTO
    seconds: Fraction | None = None
    lead: Fraction | None = None
    lag: Fraction | None = None
    text: str | None = None

    def applied(self, edge: Node) -> dict[str, Any]:
        """The edge object with `joint`, or without."""
        before = part(edge, "joint")
        joint = {key: value for key, value in before.items() if key not in _CHOICES}
        if self.kind is JointKind.AUTO and (self.seconds, self.lead, self.lag) == (None,) * 3:
            if before.get("kind") == JointKind.AUTO and not joint:
                joint = {"kind": JointKind.AUTO.value}  # it says so already
            return held(edge, "joint", joint)
        wanted: dict[str, Any] = {"kind": self.kind.value}
        for key, seconds in (("seconds", self.seconds), ("lead", self.lead), ("lag", self.lag)):
            if seconds is not None:
                wanted[key] = spelled(before.get(key), seconds)
        if self.text is not None:
            wanted["text"] = self.text
        return {**edge, "joint": {**wanted, **joint}}


def parse_joint(text: str) -> JointTo:
    """A joint as it is written on the command line. Raises `InputError`."""
    word, colon, rest = text.partition(":")
    if word not in _WORDS:
        expected = near_miss(word, list(_WORDS), f"use one of {', '.join(_WORDS)}")
        raise InputError(f"--joint {text[:60]!r}: no such joint; {expected}", code="joint")
    if word == JointKind.CARD:
        return JointTo(JointKind.CARD, text=rest if colon else None)
    seconds = None
    if colon or word in ("j", "l"):
        try:
            seconds = read_number(rest)
        except ValueError:
            raise InputError(
                f"--joint {text[:60]!r}: give seconds behind the colon, as in {word}:2/5",
                code="joint",
            ) from None
    if word == "j":
        return JointTo(JointKind.CUT, lead=seconds)
    if word == "l":
        return JointTo(JointKind.CUT, lag=seconds)
    return JointTo(JointKind(word), seconds=seconds)


def edge_into(edges: Sequence[Any], atom: str, source: str | None) -> int:
    """The index of the edge that leads to an atom; `source` is `ATOM`, or `ATOM:KEY`.

    Raises `InputError` where none does, or where several do and it is not said which.
    """
    into = [
        at
        for at, edge in enumerate(edges)
        if isinstance(edge, Mapping) and edge.get("target") == atom
    ]
    if not into:
        raise InputError(
            f"nothing leads to {atom}, so it has no joint before it; edit the joint of an atom "
            "that follows another",
            code="no-edge",
            atom=atom,
        )
    name, _, key = (source or "").partition(":")
    fitting = [
        at
        for at in into
        if (not name or edges[at].get("source") == name) and (not key or key_of(edges[at]) == key)
    ]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{edges[at].get('source')}:{key_of(edges[at])}" for at in into[:20])
    if source is None:
        problem = f"{len(into)} edges lead to {atom}"
    elif fitting:
        problem = f"{len(fitting)} edges lead from {name} to {atom}"
    else:
        problem = f"no edge leads from {source} to {atom}"
    raise InputError(
        f"{problem}; name one with --from: {listed}",
        code="ambiguous-edge" if fitting else "unknown-edge",
        atom=atom,
    )


def key_of(edge: Node) -> str:
    """The key of an edge object: what it says, or its kind, which version 0 called `type`."""
    return str(edge.get("key", edge.get("kind", edge.get("type", ""))))
