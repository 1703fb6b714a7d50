"""Joints and memory as lines for a terminal, and the memory as the one JSON form.

Says what `words.py` knows how to say, in columns; decides nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainer.memory.colours import colour_name, palette_words
from chainer.memory.report import Against, Cut, Finding, Flag, JointClass, JointReport
from chainer.memory.state import CharacterState, MemoryState, Palette
from chainer.memory.words import (
    WORLD,
    character_phrases,
    character_text,
    facing,
    in_order,
    shot_size,
    state_text,
    where,
    world_text,
)
from chainer.timebase import time_text

KIND_WORDS: Mapping[JointClass, str] = {
    JointClass.SEAMLESS: "seamless",
    JointClass.SAME_SETUP: "same set-up",
    JointClass.NEW_SETUP: "new set-up",
}
"""The kind of a joint for people."""


def report_lines(
    reports: Sequence[JointReport],
    state: MemoryState,
    place_names: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Joint by joint what drifted and what is done about it, then what is remembered."""
    heads = [f"{report.source} → {report.target}" for report in reports]
    # One very long id does not push all the others to the right.
    width = min(max((_width(head) for head in heads), default=0), 36)
    for head, report in zip(heads, reports, strict=True):
        kind = KIND_WORDS[report.kind]
        yield f"{_padded(head, width)}  {kind:<11}  {', '.join(joint_words(report))}"
        for finding in report.findings:
            yield f"    {_finding_words(finding)}"
        if report.grade is None and report.grade_why and _colours_drift(report):
            yield f"    no correction: {report.grade_why}"
        for note in report.notes:
            yield f"    note: {note}"
    if reports:
        yield ""
    yield f"remembered after {state.atom}:"
    yield from _memory_lines(state, place_names)
    if state.conflicts:
        yield "conflicts:"
        for conflict in state.conflicts:
            yield f"    {conflict.words}"


def joint_words(report: JointReport) -> list[str]:
    """What one line says of a joint: drift, grade, cut."""
    drifted = {flag.value for flag in report.flags}
    parts = []
    for name, measure in report.measures:
        if measure.exceeds and name in drifted:
            parts.append(f"{name} {measure.value:.2f} {measure.unit}".rstrip())
            drifted.discard(name)
    parts += [flag.value for flag in report.flags if flag.value in drifted]
    if not parts:
        meant = any(finding.declared for finding in report.findings)
        parts.append("as declared" if meant else "nothing sure" if report.findings else "no drift")
    if report.grade is not None:
        parts.append(f"grade {report.grade.shift:.1f}→{report.grade.residual:.1f} dE")
    return parts + cut_words(report.cut)


def cut_words(cut: Cut) -> list[str]:
    """`cut in 6 frames`: what is left out at the start of the next clip and the end of this."""
    return [
        f"cut {word} {count} frame{'' if count == 1 else 's'}"
        for word, count in (("in", cut.into), ("out", cut.out))
        if count
    ]


def state_json(state: MemoryState, place_names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The one machine form of what is remembered; holds no pictures and no descriptors."""
    return {
        "atom": state.atom,
        "digest": state.digest,
        "text": state_text(state, place_names),
        "characters": {one.id: _character_json(one, state) for one in state.characters},
        "world": _world_json(state, place_names),
        "facts": [fact.as_json() for fact in state.facts],
        "conflicts": [
            {
                "words": one.words,
                "stands": one.stands.as_json(),
                "refused": one.refused.as_json(),
            }
            for one in state.conflicts
        ],
    }


def palette_json(palette: Palette) -> list[dict[str, Any]]:
    """Colours with weight, CIELAB and a word, heaviest first."""
    return [
        {
            "weight": round(weight, 3),
            "lab": [round(one, 1) for one in lab],
            "name": colour_name(lab),
        }
        for weight, *lab in palette
    ]


def _finding_words(finding: Finding) -> str:
    who = (
        f" ({finding.subject})" if finding.subject and finding.subject not in finding.words else ""
    )
    memory = " [against the memory]" if finding.against is Against.MEMORY else ""
    sure = f"meant ({finding.declared}): " if finding.declared else ""
    return f"{finding.flag.value:<9} {finding.confidence:>4.0%}  {sure}{finding.words}{who}{memory}"


def _colours_drift(report: JointReport) -> bool:
    return any(finding.flag in (Flag.LIGHT, Flag.COLOUR) for finding in report.findings)


def _memory_lines(state: MemoryState, place_names: Mapping[str, str] | None) -> Iterator[str]:
    people = in_order(state)
    names = [one.name or one.id for one in people]
    width = max(_width(name) for name in [*names, WORLD])
    for name, one in zip(names, people, strict=True):
        said = ", ".join(character_phrases(one, state.facts)) or "never seen"
        yield f"    {_padded(name, width)}  {said}"
        if known := _known(one):
            yield f"    {' ' * width}  {known}"
    world = world_text(state.world, state.facts, place_names)
    colours = palette_words(state.world.palette)
    loud = "" if state.world.lufs is None else f"{state.world.lufs:.1f} LUFS"
    parts = [part for part in (world, colours, loud) if part]
    yield f"    {_padded(WORLD, width)}  {'; '.join(parts) or 'nothing declared'}"


def _known(one: CharacterState) -> str:
    """How well a character is known, and from where."""
    parts = []
    if one.last_atom:
        parts.append(f"last seen in {one.last_atom}, {one.confidence:.0%} sure")
    if one.crops:
        parts.append(f"{len(one.crops)} picture{'' if len(one.crops) == 1 else 's'}")
    if one.face_count:
        parts.append(f"{one.face_count} face{'' if one.face_count == 1 else 's'}")
    if one.prior:
        parts.append("clothes only expected")
    return "; ".join(parts)


def _character_json(one: CharacterState, state: MemoryState) -> dict[str, Any]:
    return {
        "name": one.name or one.id,
        "text": character_text(one, state.facts),
        "presence": one.presence.value,
        "box": None if one.box is None else [round(part, 4) for part in one.box],
        "where": where(one.box) if one.box else None,
        "size": shot_size(one.box) if one.box else None,
        "yaw": None if one.yaw is None else round(one.yaw, 3),
        "facing": facing(one.yaw) or None,
        "last_seen": {"atom": one.last_atom, "seconds": time_text(one.last_seconds)}
        if one.last_atom
        else None,
        "confidence": round(one.confidence, 3),
        "clothes_expected": one.prior,
        "palette": palette_json(one.palette),
        "faces": one.face_count,
        "pictures": [
            {
                "atom": crop.atom,
                "seconds": time_text(crop.seconds),
                "face_width": crop.face_width,
                "yaw": None if crop.yaw is None else round(crop.yaw, 3),
            }
            for crop in one.crops
        ],
        "facts": {fact.key: fact.value for fact in state.facts if fact.subject == one.id},
    }


def _world_json(state: MemoryState, place_names: Mapping[str, str] | None) -> dict[str, Any]:
    world = state.world
    return {
        "text": world_text(world, state.facts, place_names),
        "place": world.place or None,
        "place_name": (place_names or {}).get(world.place) or world.place or None,
        "time_of_day": world.time_of_day or None,
        "ev": None if world.ev is None else round(world.ev, 3),
        "wb": None if world.wb is None else [round(one, 3) for one in world.wb],
        "lab": None if world.lab is None else [round(one, 2) for one in world.lab],
        "palette": palette_json(world.palette),
        "lufs": None if world.lufs is None else round(world.lufs, 1),
        "ambience_db": [round(one, 1) for one in world.ambience],
        "facts": {fact.key: fact.value for fact in state.facts if fact.subject == WORLD},
    }


def _width(text: str) -> int:
    """Columns in a terminal: wide letters take two, marks none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    marks = sum(unicodedata.combining(char) > 0 for char in text)
    return len(text) + wide - marks


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - _width(text))
