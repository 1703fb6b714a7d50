"""One provider's request as data: its own field names, images by file name, and what was left out.

Sends nothing. Everything that a provider wants or refuses comes from the table; here it is only
obeyed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from chainer.errors import InputError
from chainer.memory.canvas import decoded
from chainer.memory.fitting import fitted_image, fitted_text, text_length
from chainer.memory.observation import Picture
from chainer.memory.providers import (
    IMAGE,
    Input,
    InputKind,
    Provider,
    ProviderTable,
    Seconds,
    Way,
)

REQUEST_SCHEMA = "chainer.request/1"

_SHAPE_SLACK = 1.02
_GOES_ON = "The scene goes on from the first frame."


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A picture of a character as a JPEG that opens; `number` counts from 1, the best first."""

    character: str
    name: str
    number: int
    data: bytes

    @property
    def stem(self) -> str:
        """Its file name without an ending."""
        return f"{self.character}-{self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What there is to condition a generator with.

    `frame` is the last picture as shown, None where there is none. `text` has the most important
    words first. `references` are in order of their characters.
    """

    frame: Picture | None
    references: tuple[Reference, ...]
    text: str
    seconds: Fraction


@dataclass(slots=True)
class _Draft:
    """A request being put together: files are shared by all its ways."""

    provider: Provider
    material: Material
    files: dict[str, bytes] = field(default_factory=dict)


def provider_request(
    provider: Provider, table: ProviderTable, material: Material
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`request.json` and the files beside it. Asks for nothing from a provider that has ended."""
    draft = _Draft(provider, material)
    filled = [one for way in provider.ways if (one := _filled(draft, way)) is not None]
    if not filled:
        raise InputError(
            f"there is no picture that {provider.name} could go on from", provider=provider.id
        )
    first, *others = filled
    request = {
        "schema": REQUEST_SCHEMA,
        "provider": provider.id,
        "name": provider.name,
        "table": {"version": table.version.isoformat(), "read": provider.read.isoformat()},
        "source": provider.source,
        **first,
        "alternatives": others,
    }
    return request, draft.files


def chosen(references: Sequence[Reference], most: int) -> list[Reference]:
    """Up to `most`, in turns: the best of every character before the second of any."""
    order = {name: at for at, name in enumerate(dict.fromkeys(r.character for r in references))}
    ranked = sorted(references, key=lambda one: (one.number, order[one.character]))
    kept = ranked[:most]
    return sorted(kept, key=lambda one: (order[one.character], one.number))


# -- inside ----------------------------------------------------------------------


def _filled(draft: _Draft, way: Way) -> dict[str, Any] | None:
    """A request of this kind, or None where its images are not there."""
    notes: list[str] = [way.excludes] if way.excludes else []
    body: dict[str, Any] = {}
    _put(body, draft.provider.model_field, way.model)
    sent: list[tuple[Input, str, Reference | None]] = []
    for one in way.inputs:
        found = _images(draft, one, notes)
        if not found and len(way.inputs) == 1:
            return None
        sent += [(one, name, reference) for name, reference in found]
    if not sent:
        return None
    text = _text(draft.material.text, way, _mentions(sent), notes)
    _put(body, way.text.field, text)
    if way.seconds is not None:
        _put(body, way.seconds.field, _seconds(way.seconds, draft.material.seconds, notes))
    if way.aspect is not None and draft.material.frame is not None:
        ratio = _ratio(draft.material.frame, way.aspect.values, notes)
        _put(body, way.aspect.field, way.aspect.values[ratio])
    for one, name, _ in sent:
        _put(body, one.field, _wrapped(one.item, name), many=one.many)
    for place, value in way.fixed.items():
        _put(body, place, value)
    return {"way": way.id, "call": way.call, "why": way.words, "body": body, "notes": notes}


def _images(draft: _Draft, one: Input, notes: list[str]) -> list[tuple[str, Reference | None]]:
    """File names for an input, the files made where they are not yet."""
    material = draft.material
    if one.kind is InputKind.LAST_FRAME:
        return []  # nobody knows yet how the next clip ends
    if one.kind is InputKind.FIRST_FRAME:
        if material.frame is None:
            notes.append("there is no last frame to start from")
            return []
        return [(_add(draft, "first_frame", material.frame, notes, exact=True), None)]
    taken = chosen(material.references, one.most)
    if left := [r.stem for r in material.references if r not in taken]:
        notes.append(f"reference images left out: {', '.join(left)} (at most {one.most})")
    if not taken:
        notes.append("no reference images: no character has been seen")
    out: list[tuple[str, Reference | None]] = []
    for reference in taken:
        pixels = decoded(reference.data)
        if pixels is None:
            raise ValueError(f"reference {reference.stem} is no picture")
        name = _add(draft, f"reference-{reference.stem}", pixels, notes, exact=False)
        out.append((name, reference))
    return out


def _add(draft: _Draft, stem: str, pixels: Picture, notes: list[str], *, exact: bool) -> str:
    data, ending, did = fitted_image(pixels, draft.provider.image, exact=exact)
    name = f"{stem}.{ending}"
    draft.files[name] = data
    notes.extend(f"{name}: {note}" for note in did if f"{name}: {note}" not in notes)
    return name


def _mentions(sent: Sequence[tuple[Input, str, Reference | None]]) -> str:
    """`Mei is <<<image_2>>>, <<<image_3>>>. `: which image in the list shows whom."""
    places: dict[str, int] = {}
    said: dict[str, list[str]] = {}
    for one, _, reference in sent:
        places[one.field] = places.get(one.field, 0) + 1
        if one.mention and reference is not None:
            said.setdefault(reference.name, []).append(
                one.mention.replace("{}", str(places[one.field]))
            )
    return "".join(f"{name} is {', '.join(marks)}. " for name, marks in said.items())


def _text(text: str, way: Way, mentions: str, notes: list[str]) -> str:
    whole = mentions + (text or _GOES_ON)
    kept = fitted_text(whole, way.text.max_chars)
    if kept != whole:
        notes.append(
            f"text cut from {text_length(whole)} to {text_length(kept)} characters "
            f"(at most {way.text.max_chars}); left out: …{whole[len(kept) :][:120].strip()}"
        )
    return kept


def _seconds(seconds: Seconds, wanted: Fraction, notes: list[str]) -> int | str:
    nearest = min(seconds.allowed, key=lambda one: (abs(one - wanted), -one))
    if nearest != wanted:
        notes.append(f"{nearest} s instead of {float(wanted):g} s, the nearest that is allowed")
    return nearest if seconds.number else seconds.form.replace("{}", str(nearest))


def _ratio(frame: Picture, values: Mapping[str, str], notes: list[str]) -> str:
    shape = frame.shape[1] / frame.shape[0]

    def off(name: str) -> float:
        wide, _, high = name.partition(":")
        return abs(math.log(int(wide) / int(high) / shape))

    nearest = min(values, key=off)
    if off(nearest) > math.log(_SHAPE_SLACK):
        notes.append(f"shape {nearest} is the nearest to {frame.shape[1]}x{frame.shape[0]}")
    return nearest


def _put(body: dict[str, Any], place: str, value: Any, *, many: bool = False) -> None:
    """Set `value` at a dotted place, or add it to the list there."""
    *above, name = place.split(".")
    for part in above:
        body = body.setdefault(part, {})
    if many:
        body.setdefault(name, []).append(value)
    else:
        body[name] = value


def _wrapped(item: Any, name: str) -> Any:
    """The shape of an input with a file name in its place."""
    return json.loads(json.dumps(item).replace(IMAGE, name))
