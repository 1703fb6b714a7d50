"""What `chainer memory` shows beside text and JSON: the contact sheet and the conditioning pack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chainer.compose import looker_of
from chainer.episode.plan import EpisodePlan
from chainer.episode.remembered import place_names
from chainer.errors import InputError, OutputError
from chainer.memory.report import Grade
from chainer.memory.state import CharacterState, MemoryState

if TYPE_CHECKING:
    from chainer.memory.recollect import Recollection
    from chainer.permission import Register


def write_sheet(
    plan: EpisodePlan, path: Path, *, register: Register | None = None
) -> tuple[Path, ...]:
    """Write the contact sheet of a plan's joints and characters as PNG.

    A long one has several pages, numbered behind the name. `register` is asked instead of the
    graph's ledger. Raises `OutputError`, and `PolicyRefused` where consent was taken back since
    the plan.
    """
    from chainer.memory.grade import apply_grade, grade_jpeg, grade_palette
    from chainer.memory.sheet import SheetCharacter, SheetCrop, SheetJoint, contact_sheet
    from chainer.memory.words import character_text

    memory = looker_of(plan, register=register).memory
    joints = []
    for before, atom, state in zip(plan.states, plan.atoms[1:], plan.states[1:], strict=False):
        if atom.report is None or before.tail is None or state.tail is None:
            continue
        tail = before.tail
        last = memory.observation(tail.ref.observation).stills[tail.ref.still].pixels
        first = memory.observation(state.tail.ref.observation).first.pixels
        joints.append(SheetJoint(atom.report, apply_grade(last, tail.grade), first))
    final = _last(plan)
    people = []
    shown = _grades(plan)
    for one in final.characters:
        crops = []
        for crop in sorted(one.crops, key=lambda c: (plan.chain.atoms.index(c.atom), c.seconds)):
            seen = memory.observation(crop.observation).sightings[crop.number]
            if seen.crop:
                grade = shown.get(crop.atom)
                palette = grade_palette(seen.palette, grade)
                crops.append(SheetCrop(crop.atom, grade_jpeg(seen.crop, grade), palette))
        text = character_text(one, final.facts)
        people.append(SheetCharacter(one.id, one.name, tuple(crops), text))
    pages = contact_sheet(joints, people, plan.titles.heading)
    written = []
    for number, page in enumerate(pages, 1):
        name = path if len(pages) == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            draft = name.with_name(f".{name.name}.part")
            draft.write_bytes(page)
            draft.replace(name)
        except OSError as error:
            raise OutputError(
                f"{name}: {error.strerror}: the contact sheet could not be written",
                path=str(name),
            ) from error
        written.append(name)
    return tuple(written)


def write_memory_pack(
    plan: EpisodePlan, folder: Path, prompt: str = "", *, register: Register | None = None
) -> tuple[Path, ...]:
    """Write the conditioning pack for whatever follows a plan's last atom; as `write_sheet`."""
    from chainer.memory.pack import write_pack
    from chainer.memory.providers import load_providers

    state = _last(plan)
    memory = looker_of(plan, register=register).memory
    tail = state.tail
    if tail is None:
        raise InputError("the memory holds no picture to go on from")
    return write_pack(
        folder,
        state,
        memory.observation(tail.ref.observation),
        {one.id: _crops(plan, memory, one) for one in state.characters},
        grade=tail.grade,
        names=memory.names,
        place_names=place_names(plan.graph),
        providers=load_providers(plan.settings.providers),
        prompt=prompt,
    )


def _crops(plan: EpisodePlan, memory: Recollection, one: CharacterState) -> list[bytes]:
    """Crops of a character as shown, best first: large faces, then sharp pictures."""
    from chainer.memory.grade import grade_jpeg

    shown = _grades(plan)
    ranked = sorted(one.crops, key=lambda crop: (-crop.face_width, -crop.sharpness))
    found = (
        grade_jpeg(memory.observation(c.observation).sightings[c.number].crop, shown.get(c.atom))
        for c in ranked
    )
    return [crop for crop in found if crop]


def _grades(plan: EpisodePlan) -> dict[str, Grade | None]:
    """What was done to each atom's colours."""
    return {state.atom: state.tail.grade for state in plan.states if state.tail is not None}


def _last(plan: EpisodePlan) -> MemoryState:
    if not plan.states:
        raise InputError(
            "the memory is left out: it is switched off (memory.enabled = false), or this is a "
            "draft of clips that were not looked at before: plan it without --draft"
        )
    return plan.states[-1]
