"""From atoms to a layout, and to the specs of the steps that make it. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from chainer.continuity import drift_left
from chainer.digest import Digest
from chainer.episode.plan import TITLE_CARD, PlannedAtom
from chainer.graph import Chain, Leg
from chainer.memory.report import Flag
from chainer.render.card import font_digest
from chainer.render.encoder import FFmpeg
from chainer.render.mark import first_station
from chainer.render.spec import CardSpec, ConformSpec, JointSpec, MarkSpec, Spec, spec_key
from chainer.settings import Settings
from chainer.timeline import JointPiece, Layout, Slot, choose_joint, lay_out
from chainer.timeline.joint import JointStyle, JointWish
from chainer.timeline.script import Titles, joint_wish
from chainer.timeline.slot import SlotContent


def card_frames(settings: Settings) -> int:
    """A card's length: whole grid steps, and a crossfade that ends on the grid."""
    grid = settings.profile.grid
    return settings.card.frames_per_grid * grid.frames + grid.frames * 3 // 4


def timeline_of(
    chain: Chain, atoms: Sequence[PlannedAtom], settings: Settings, cuts: Mapping[str, str]
) -> Layout:
    """What plays when; `cuts` are the atoms that may not be blended with others, and why."""
    profile = settings.profile
    slots = [
        Slot(leg.atom, SlotContent.ATOM, atom.used.frames)
        for leg, atom in zip(chain.legs, atoms, strict=True)
    ]
    wishes = [
        _wish(leg, before, after)
        for leg, before, after in zip(chain.legs[1:], atoms, atoms[1:], strict=False)
    ]
    if settings.card.title:
        slots.insert(0, Slot(TITLE_CARD, SlotContent.CARD, card_frames(settings)))
        wishes.insert(0, JointWish())
    for number, slot in enumerate(slots):
        for beside in (number - 1, number) if slot.name in cuts else ():
            if 0 <= beside < len(wishes):
                wishes[beside] = JointWish(style=JointStyle.CUT, note=cuts[slot.name])
    joints = [
        choose_joint(left, right, wish, settings.joints, profile.fps, profile.grid)
        for left, right, wish in zip(slots, slots[1:], wishes, strict=False)
    ]
    return lay_out(slots, joints, profile.grid, profile.keyframe_grids)


def _wish(leg: Leg, before: PlannedAtom, after: PlannedAtom) -> JointWish:
    report = after.report
    if report is None:
        return joint_wish(leg, before.atom, after.atom)
    left = {Flag.LIGHT, Flag.COLOUR, Flag.ZOOM, Flag.MIRROR} & set(drift_left(report))
    return joint_wish(leg, before.atom, after.atom, report.kind, drift=bool(left))


def slot_specs(
    layout: Layout,
    atoms: Sequence[PlannedAtom],
    words: Titles,
    settings: Settings,
    ffmpeg: FFmpeg,
    marks: Mapping[str, MarkSpec],
) -> list[Callable[[Any], Spec]]:
    """What makes each slot, as `plan_render` asks for it; `marks` by author."""
    first = next(n for n, slot in enumerate(layout.slots) if slot.content is SlotContent.ATOM)
    specs: list[Callable[[Any], Spec]] = []
    left = iter(atoms)
    for slot in layout.slots:
        if slot.content is SlotContent.CARD:
            font = font_digest(settings.card)
            specs.append(partial(_card_spec, slot.frames, first, words, settings, ffmpeg, font))
        else:
            atom = next(left)
            mark = marks.get(atom.atom.author)
            spec = ConformSpec(
                media=atom.media.digest,
                info=atom.media.info,
                first=atom.used.first,
                frames=atom.used.frames,
                profile=settings.profile,
                policy=settings.conform,
                build=ffmpeg.build,
                grade=atom.grade,
                mark=None if mark is None else spec_key(mark),
                station=0 if mark is None else first_station(atom.media.digest),
            )
            specs.append(partial(_known, spec))
    return specs


def _known(spec: Spec, _: object) -> Spec:
    return spec


def _card_spec(
    frames: int,
    behind: int,
    words: Titles,
    settings: Settings,
    ffmpeg: FFmpeg,
    font: Digest,
    keys: dict[int, Digest],
) -> CardSpec:
    return CardSpec(
        behind=keys[behind],
        heading=words.heading,
        line=words.line,
        frames=frames,
        style=settings.card,
        font=font,
        profile=settings.profile,
        build=ffmpeg.build,
        maker=_version("moviepy"),
    )


def joint_spec(
    layout: Layout,
    settings: Settings,
    ffmpeg: FFmpeg,
    piece: JointPiece,
    left: Digest,
    right: Digest,
) -> JointSpec:
    """What makes the joint of `piece`, between the clips with these keys."""
    joint = piece.joint
    return JointSpec(
        left=left,
        right=right,
        style=joint.style.value,
        left_frames=layout.slots[piece.left].frames,
        right_frames=layout.slots[piece.left + 1].frames,
        out=joint.left,
        gap=joint.gap,
        back=joint.right,
        overlap=joint.overlap,
        right_last=piece.right_last,
        shift=piece.shift,
        packet_first=piece.packet_first,
        packet_last=piece.packet_last,
        profile=settings.profile,
        build=ffmpeg.build,
    )


def notes_of(layout: Layout, atoms: Sequence[PlannedAtom]) -> tuple[str, ...]:
    """Where the graph and the media disagree, and what the joints had to give up."""
    notes = [f"{atom.atom.id}: {word}" for atom in atoms for word in atom.used.differences]
    for number, joint in enumerate(layout.joints):
        names = f"{layout.slots[number].name}→{layout.slots[number + 1].name}"
        notes += [f"{names}: {word}" for word in joint.notes]
    return tuple(notes)


@cache
def _version(distribution: str) -> str:
    from importlib.metadata import version

    return version(distribution)
