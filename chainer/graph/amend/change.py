"""What may be changed of an atom, each as a small value; and how it is applied to plain values.

A change takes the node object of a graph file and gives another, with everything that it does not
speak of as it was: `x-…` keys, spellings of equal numbers, the order of keys. Whether the result is
a good atom is the models' to say. Raises `InputError` where there is nothing to change in that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from chainer.errors import InputError
from chainer.graph.scalars import read_number
from chainer.graph.words import SlotFill, SlotKind, Status
from chainer.timebase import time_text

Node = Mapping[str, Any]
"""An object of a graph file as plain JSON values."""


class AtomChange(Protocol):
    """One change of an atom."""

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with the change."""
        ...


@dataclass(frozen=True, slots=True)
class TrimTo:
    """Play `[start, end)`, seconds of the media; without an end all of it."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `trim`, or without."""
        if self.end is None:
            return without(node, "trim")
        trim = dict(part(node, "trim"))
        # Nobody needs to be told that it starts at the start.
        start = self.start if self.start or "start" in trim else None
        if start is not None:
            trim["start"] = spelled(trim.get("start"), start)
        trim["end"] = spelled(trim.get("end"), self.end)
        return {**node, "trim": trim}


@dataclass(frozen=True, slots=True)
class GainTo:
    """Louder or softer than the house loudness by so many dB; 0 takes the gain away."""

    decibels: Fraction

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `sound.gain`, or without."""
        sound = dict(part(node, "sound"))
        if self.decibels == 0:
            sound.pop("gain", None)
        else:
            sound["gain"] = spelled(sound.get("gain"), self.decibels)
        return held(node, "sound", sound)


@dataclass(frozen=True, slots=True)
class SilenceTo:
    """Whether silence at both ends is kept, or trimmed away with its pictures."""

    trim: bool

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `sound.silence`; what it is anyway is not written."""
        sound = dict(part(node, "sound"))
        if self.trim:
            sound["silence"] = "trim"
        else:
            sound.pop("silence", None)
        return held(node, "sound", sound)


@dataclass(frozen=True, slots=True)
class SlotTo:
    """A standard slot, or an extended one of `seconds`."""

    seconds: Fraction | None = None
    fill: SlotFill | None = None
    scenario: str | None = None

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `slot`; a standard one is not written where none was."""
        slot = dict(part(node, "slot"))
        if self.seconds is None:
            if not slot:
                return dict(node)
            for key in ("seconds", "scenario", "fill"):
                slot.pop(key, None)
            return {**node, "slot": {**slot, "kind": SlotKind.STANDARD.value}}
        slot["kind"] = SlotKind.EXTENDED.value
        slot["seconds"] = spelled(slot.get("seconds"), self.seconds)
        if self.fill is not None:
            slot["fill"] = self.fill.value
        if self.scenario is not None:
            slot["scenario"] = self.scenario
        return {**node, "slot": slot}


@dataclass(frozen=True, slots=True)
class TitleTo:
    """Another title; an empty one takes it away."""

    text: str

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `title`, or without."""
        return {**node, "title": self.text} if self.text else without(node, "title")


@dataclass(frozen=True, slots=True)
class StatusTo:
    """How far the atom has come."""

    status: Status

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `status`; published is not written where nothing was."""
        if self.status is Status.PUBLISHED and "status" not in node:
            return dict(node)
        return {**node, "status": self.status.value}


@dataclass(frozen=True, slots=True)
class ReplaceMedia:
    """Another file in the place of the atom's own; trim, cast and captions stay."""

    media: str

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with `media`."""
        return {**node, "media": self.media}


@dataclass(frozen=True, slots=True)
class UseTake:
    """Take `number` becomes the atom's own media, and that becomes the take in its place.

    1 is the media as it is, 2 the first of `takes`, as everywhere. A trim was said of the old media
    and is taken away, since the planner plays takes without it.
    """

    number: int

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with the two changed over. Raises `InputError` where there is no such take."""
        takes = list(node.get("takes") or ())
        count = len(takes) + 1
        if not 1 <= self.number <= count:
            has = "only take 1, its own media" if count == 1 else f"takes 1 to {count}"
            raise InputError(
                f"{node.get('id')} has no take {self.number}: it has {has}",
                code="unknown-take",
                atom=node.get("id"),
                take=self.number,
            )
        if self.number == 1:
            return dict(node)
        at = self.number - 2
        chosen = takes[at]["media"]
        takes[at] = {"media": node["media"]}
        return {**without(node, "trim"), "media": chosen, "takes": takes}


def part(node: Node, key: str) -> Node:
    """The object under `key`, or an empty one."""
    value = node.get(key)
    return value if isinstance(value, Mapping) else {}


def held(node: Node, key: str, value: Node) -> dict[str, Any]:
    """The node with `value` under `key`, or without the key where the value has become empty."""
    if value or value == node.get(key):
        return {**node, key: value}
    return without(node, key)


def without(node: Node, key: str) -> dict[str, Any]:
    """The node without a key."""
    return {name: value for name, value in node.items() if name != key}


def spelled(old: object, wanted: Fraction) -> object:
    """How a number is written: as it stands there where that is the same, else the short way."""
    try:
        if old is not None and not isinstance(old, bool) and read_number(old) == wanted:
            return old
    except ValueError:
        pass
    return time_text(wanted)
