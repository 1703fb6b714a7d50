"""A conditioning pack: what a generator needs to make the next clip, in one folder.

    last_frame.jpg  .png        the last picture as shown
    references/mei-1.jpg …      pictures of the characters, the best first
    palette.json  .png          the colours of the world and of everybody
    state.txt  state.json       what is remembered, in words and for machines
    veo/request.json …          a request per provider, with the images it names beside it
    pack.json                   what this folder is, and what was left out

The folder appears whole or not at all; an older pack in its place is replaced, anything else
there is refused. Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from chainer.errors import OutputError, StoreError
from chainer.memory import canvas as draw
from chainer.memory.grade import apply_grade
from chainer.memory.observation import Observation, Picture
from chainer.memory.providers import Provider, ProviderTable, Status
from chainer.memory.report import Grade
from chainer.memory.request import Material, Reference, provider_request
from chainer.memory.state import MemoryState, Palette
from chainer.memory.summary import palette_json, state_json
from chainer.memory.words import WORLD, character_text, in_order, shot_size, state_text, world_text

PACK_SCHEMA = "chainer.pack/1"
PACK_NAME = "pack.json"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def write_pack(
    folder: Path,
    state: MemoryState,
    observation: Observation,
    crops: Mapping[str, Sequence[bytes]],
    *,
    grade: Grade | None,
    names: Mapping[str, str],
    place_names: Mapping[str, str],
    providers: ProviderTable,
    prompt: str = "",
    seconds: Fraction = Fraction(10),
) -> tuple[Path, ...]:
    """Write the pack for what comes after `observation`; returns its files, sorted.

    `crops` holds JPEGs by character, the best first; `grade` is what was done to the last clip
    before it was shown; `prompt` says what is to happen, `seconds` how long the next clip should
    be. Raises `OutputError` where the folder cannot be written or holds something else.
    """
    known = tuple(
        replace(one, name=names.get(one.id) or one.name or one.id) for one in state.characters
    )
    state = replace(state, characters=known)
    frame, notes = last_frame(observation, grade)
    references = _references(state, crops, names)
    text = ". ".join(part for part in (state_text(state, place_names), prompt.strip()) if part)
    material = Material(frame, references, text, seconds)
    open_ones = [one for one in providers.providers if one.status is Status.OPEN]
    with _whole(folder) as draft:
        _write(draft / "last_frame.png", draw.png(frame))
        _write(draft / "last_frame.jpg", draw.jpeg(frame))
        for reference in references:
            _write(draft / "references" / f"{reference.stem}.jpg", reference.data)
        world = state.world.palette or observation.world.palette
        people = {one.id: one.palette for one in in_order(state)}
        _write_json(draft / "palette.json", _palettes_json(world, people))
        _write(draft / "palette.png", palette_picture(world, people, names))
        _write(draft / "state.txt", _state_lines(state, place_names).encode())
        _write_json(draft / "state.json", state_json(state, place_names))
        for provider in open_ones:
            request, files = provider_request(provider, providers, material)
            for name, data in files.items():
                _write(draft / provider.id / name, data)
            _write_json(draft / provider.id / "request.json", request)
        about = {
            "schema": PACK_SCHEMA,
            "after": state.atom,
            "digest": state.digest,
            "providers": [one.id for one in open_ones],
            "left_out": [_ended(one) for one in providers.providers if one not in open_ones],
            "notes": notes,
            "files": sorted(_names(draft)),
        }
        _write_json(draft / PACK_NAME, about)
        inside = sorted(_names(draft))
    return tuple(folder / name for name in inside)


def last_frame(observation: Observation, grade: Grade | None) -> tuple[Picture, list[str]]:
    """The last picture as it was shown, and what is to be said of it."""
    notes: list[str] = []
    pixels = draw.decoded(observation.last_frame)
    if pixels is None:
        pixels = observation.last.pixels
        notes.append("the last frame is not kept at full size: the remembered still was taken")
    if grade is not None:
        pixels = apply_grade(pixels, grade)
        notes.append("the last frame is shown with its correction of colour applied")
    if not observation.measurable:
        notes.append("high dynamic range: the colours of the last frame are approximate")
    return pixels, notes


def palette_picture(
    world: Palette, people: Mapping[str, Palette], names: Mapping[str, str]
) -> bytes:
    """A PNG with a row of swatches for the world and for each character."""
    pen = draw.Pen()
    rows = [(WORLD, world)]
    rows += [(pen.named(names.get(key, key), key), palette) for key, palette in people.items()]
    canvas = draw.blank(24 + 230 + 5 * 92 + 14, 24 + 96 * len(rows))
    for row, (name, palette) in enumerate(rows):
        label = pen.clipped(name, 220, bold=True)
        top = 24 + row * 96
        pen.text(canvas, label, 24, top + 34, bold=True)
        draw.swatches(canvas, pen, palette, 24 + 230, top, width=90, height=56)
        if not palette:
            pen.text(canvas, "no colours known", 24 + 230, top + 34, colour=draw.SOFT)
    return draw.png(canvas)


# -- inside ----------------------------------------------------------------------


def _references(
    state: MemoryState, crops: Mapping[str, Sequence[bytes]], names: Mapping[str, str]
) -> tuple[Reference, ...]:
    """Pictures of those in the last frame first, then of the others."""
    order = [one.id for one in in_order(state)]
    order += [name for name in crops if name not in order]
    found = []
    for name in order:
        if not _SAFE.fullmatch(name):
            raise OutputError(f"{name!r} is no id of a character, so no file can be named after it")
        pictures = [data for data in crops.get(name, ()) if draw.decoded(data) is not None]
        for number, data in enumerate(pictures, 1):
            found.append(Reference(name, names.get(name) or name, number, data))
    return tuple(found)


def _palettes_json(world: Palette, people: Mapping[str, Palette]) -> dict[str, Any]:
    characters = {name: palette_json(palette) for name, palette in people.items()}
    return {"world": palette_json(world), "characters": characters}


def _state_lines(state: MemoryState, place_names: Mapping[str, str]) -> str:
    """One line for all, then one for each with the size of the figure."""
    lines = [state_text(state, place_names), ""]
    for one in in_order(state):
        size = f" ({shot_size(one.box)})" if one.box is not None else ""
        lines.append(f"{character_text(one, state.facts)}{size}")
    lines.append(world_text(state.world, state.facts, place_names))
    return "\n".join(lines).strip() + "\n"


def _ended(provider: Provider) -> dict[str, Any]:
    return {"provider": provider.id, "why": provider.status_note or provider.status.value}


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _write_json(path: Path, value: Any) -> None:
    _write(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder to write into that becomes `folder` when the block ends without an error."""
    folder = folder.absolute()
    _check(folder)
    mark = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    draft = folder.parent / f".{folder.name}.{mark}.partial"
    old = folder.parent / f".{folder.name}.{mark}.old"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        yield draft
        _check(folder)  # much time has passed
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        try:
            draft.rename(folder)
        except OSError:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
    except OSError as error:
        if isinstance(error, OutputError | StoreError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"{folder}: the disk is full; free some space and run the same command again",
                code="disk-full",
                path=str(folder),
            ) from error
        raise OutputError(
            f"{folder} cannot be written: {error.strerror or error}; name another folder",
            path=str(folder),
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def _check(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} is in the way: it is not a folder", path=str(folder))
    if folder.is_dir():
        held = {path.name for path in folder.iterdir()}
        if held and PACK_NAME not in held:
            raise OutputError(
                f"{folder} holds other files and no pack; name a new folder", path=str(folder)
            )
