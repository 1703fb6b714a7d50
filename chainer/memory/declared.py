"""What authors declare of a joint: which changes they meant, and which flags that excuses.

Pure; reads atoms and edges only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chainer.graph import Atom, Edge, EdgeKind
from chainer.memory.report import Finding, Flag

_WORDS: Mapping[Flag, tuple[str, ...]] = {
    Flag.LIGHT: ("light", "lighting", "exposure", "brightness", "time", "weather", "night", "day"),
    Flag.COLOUR: ("colour", "color", "grade", "look", "style", "light", "lighting", "palette"),
    Flag.MIRROR: ("mirror", "side", "direction"),
    Flag.ZOOM: ("zoom", "camera", "framing", "angle", "shot"),
    Flag.IDENTITY: ("identity", "character", "cast", "actor", "person", "face"),
    Flag.WARDROBE: ("wardrobe", "clothes", "clothing", "costume", "outfit", "coat", "dress"),
    Flag.MISSING: ("cast", "character", "missing", "leaves"),
    Flag.LOUDNESS: ("sound", "loudness", "music", "audio"),
}
_PLACE = ("place", "location", "setting", "scene")
_WITH_PLACE = (Flag.LIGHT, Flag.COLOUR, Flag.ZOOM, Flag.MIRROR)
_WITH_HOUR = (Flag.LIGHT, Flag.COLOUR)
_HOUR = re.compile(
    r"\b(night|evening|dusk|dark(ness)?|dawn|morning|sun(set|rise)?|day(light)?|lights?|lamps?)"
    r"(\s+(\w+ly|then|now|soon|is|are|has|have|(begin|start)s?\s+to)){0,2}\s+"
    r"(fall(s|ing|en)?|com(es?|ing)|break(s|ing)?|ris(es?|ing)|set(s|ting)?|fad(es?|ing)"
    r"|turn(s|ing)?|go(es|ing)? (on|off|out|down))\b"
    r"|\b(lights?|lamps?)\b[^.]{1,24}\b(go(es)? (on|off|out)|fades?)\b",
    re.IGNORECASE,
)
"""Words of a story that say that the light changes: "night falls", "the lights go out"."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Which changes are meant: a reason for each flag that one excuses.

    `subjects` narrows wardrobe, identity and missing to characters: a reason for (flag, id).
    """

    reasons: Mapping[Flag, str]
    subjects: Mapping[tuple[Flag, str], str]

    def reason(self, finding: Finding) -> str:
        """Why `finding` is meant; empty where nothing says so."""
        own = self.subjects.get((finding.flag, finding.subject), "")
        return own or self.reasons.get(finding.flag, "")

    @property
    def light(self) -> str:
        """Why light and colours must not be corrected; empty where they may."""
        return self.reasons.get(Flag.LIGHT, "") or self.reasons.get(Flag.COLOUR, "")


def declared_changes(edge: Edge | None, before: Atom, after: Atom) -> Declared:
    """What `edge` and the two atoms declare to change from one to the other."""
    told = [*_by_edge(edge), *_by_atoms(before, after)]
    reasons: dict[Flag, str] = {}
    for reason, flags in told:
        for flag in flags:
            reasons.setdefault(flag, reason)
    subjects: dict[tuple[Flag, str], str] = {}
    for name, facts in after.facts.items():
        old = before.facts.get(name, {})
        for key, value in facts.items():
            if key.lower() in _WORDS[Flag.WARDROBE] and value != old.get(key, value):
                subjects[Flag.WARDROBE, name] = f"{name}'s {key} is declared {value}"
    for name in edge.removes if edge is not None else ():
        subjects[Flag.MISSING, name] = subjects[Flag.IDENTITY, name] = "the remix removes them"
    return Declared(reasons, subjects)


def _by_edge(edge: Edge | None) -> Iterator[tuple[str, tuple[Flag, ...]]]:
    for change in edge.changes if edge is not None else ():
        told = f'the edge changes "{change}"'
        words = set(re.findall(r"[a-z]+", change.lower()))
        yield told, tuple(flag for flag, known in _WORDS.items() if words & set(known))
        if words & set(_PLACE):
            yield told, _WITH_PLACE


def _by_atoms(before: Atom, after: Atom) -> Iterator[tuple[str, tuple[Flag, ...]]]:
    if before.place and after.place and before.place != after.place:
        yield f"the place changes to {after.place}", (*_WITH_PLACE, Flag.LOUDNESS)
    if before.time_of_day and after.time_of_day and before.time_of_day != after.time_of_day:
        yield f"it is {after.time_of_day} now", _WITH_HOUR
    for text in (after.prompt, after.story.hook, after.story.beat):
        if text and (found := _HOUR.search(text)):
            yield f'"{found.group(0)}"', _WITH_HOUR


def is_remix(edge: Edge | None) -> bool:
    """Whether the clip was derived from the one before by changing part of it."""
    return edge is not None and edge.kind is EdgeKind.REMIX
