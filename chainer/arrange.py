"""From a layout to the specs of the steps that make it. Values only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial

from chainer.cards import Card, sketch_of, with_seconds
from chainer.digest import Digest
from chainer.episode.plan import PlannedAtom
from chainer.filling import fuse_join
from chainer.graph.words import SlotFill
from chainer.placing import Cast
from chainer.render.encoder import FFmpeg
from chainer.render.letters import letters_for
from chainer.render.mark import first_station, stamp_spec
from chainer.render.spec import (
    CardKind,
    CardSpec,
    ConformSpec,
    ExtendSpec,
    JointSpec,
    MarkSpec,
    Overlay,
    Spec,
    Still,
    TextKind,
    TextSpec,
    Way,
    spec_key,
)
from chainer.settings import Settings
from chainer.spoken import spoken_lines, windows_of
from chainer.timebase import to_frames
from chainer.timeline import JointPiece, Layout, Slot
from chainer.timeline.captions import Spoken, Window, burned_for
from chainer.timeline.script import author_seconds
from chainer.timeline.slot import SlotContent

_CUE_AFTER = Fraction(3, 4)
"""Seconds of an atom before its cue: longer than any crossfade that nobody asks for."""

_CUE_SECONDS = Fraction(3)


@dataclass(frozen=True, slots=True)
class Orders:
    """What makes each slot, as `plan_render` asks for it, and the stills that clips name."""

    slots: tuple[Callable[[Mapping[int, Digest]], Spec], ...]
    stills: tuple[Still, ...]


def orders_of(cast: Cast, layout: Layout, ffmpeg: FFmpeg, marks: Mapping[str, MarkSpec]) -> Orders:
    """The specs of a layout's slots; `marks` by author.

    Raises `InputError` where no font has a letter that a card, cue or caption needs.
    """
    return _Writer(cast, layout, ffmpeg, marks).orders()


class _Writer:
    """Writes the specs of one film."""

    def __init__(
        self, cast: Cast, layout: Layout, ffmpeg: FFmpeg, marks: Mapping[str, MarkSpec]
    ) -> None:
        self._cast, self._layout, self._ffmpeg, self._marks = cast, layout, ffmpeg, marks
        self._settings = cast.settings
        self._stills: dict[Digest, Still] = {spec_key(mark): mark for mark in marks.values()}
        stamp = stamp_spec(self._settings.profile)
        self._stamp = None if stamp is None else spec_key(stamp)
        if stamp is not None and self._stamp is not None:
            self._stills[self._stamp] = stamp
        self._cards = {card.name: card for card in cast.staging.cards}
        self._windows: Mapping[str, Window] = {}
        self._said: dict[str, list[Spoken]] = {}
        if self._settings.captions.burn:
            self._windows = windows_of(cast)
            for line in spoken_lines(cast):
                self._said.setdefault(line.atom, []).append(line)

    def orders(self) -> Orders:
        slots = tuple(self._slot(number) for number in range(len(self._layout.slots)))
        return Orders(slots, tuple(self._stills.values()))

    def _slot(self, number: int) -> Callable[[Mapping[int, Digest]], Spec]:
        slot = self._layout.slots[number]
        if slot.content is SlotContent.CARD:
            return self._card(self._cards[slot.name], slot, self._behind(number))
        if slot.content is SlotContent.SKETCH:
            atom = self._cast.graph.atom(slot.name)
            return self._card(sketch_of(self._cast.graph, atom), slot, None)
        return partial(_known, self._clip(number, slot))

    def _behind(self, number: int) -> int | None:
        """The slot over whose first picture a card stands: the next one, or the last, of an atom.

        None where there is none, and where somebody in it allows nothing to be laid over it.
        """
        slots = self._layout.slots
        order = [*range(number + 1, len(slots)), *range(number - 1, -1, -1)]
        for other in order:
            if slots[other].content is SlotContent.ATOM:
                bare = any(one.atom in self._cast.bare for one in slots[other].plays)
                return None if bare else other
        return None

    def _card(
        self, card: Card, slot: Slot, behind: int | None
    ) -> Callable[[Mapping[int, Digest]], Spec]:
        if card.kind is CardKind.CREDITS:
            authors = {name: one.atom.author for name, one in self._cast.atoms.items()}
            fps = self._settings.profile.fps
            told = author_seconds(self._layout, authors, fps)
            card = with_seconds(card, self._cast.graph, told)
        words = [card.heading, card.line, *(part for row in card.rows for part in row)]
        fonts = letters_for(words, self._settings.card)
        spec = CardSpec(
            kind=card.kind,
            behind=None,
            heading=card.heading,
            line=card.line,
            rows=card.rows,
            frames=slot.frames,
            style=self._settings.card,
            fonts=tuple(font.digest for font in fonts),
            files=tuple(str(font.path) for font in fonts),
            profile=self._settings.profile,
            build=self._ffmpeg.build,
            maker=_makers("moviepy", "pillow", "uharfbuzz"),
            stamp=self._stamp,
        )
        return partial(_over, spec, behind)

    def _clip(self, number: int, slot: Slot) -> Spec:
        """The clip of a slot in which atoms play."""
        planned = [self._cast.atoms[one.atom] for one in slot.plays]
        first = planned[0]
        overlays = self._overlays(number, slot)
        fill = first.fill
        clips = [self._conform(one) for one in planned]
        if fill is None or fill.way is SlotFill.SOURCE:
            return replace(clips[0], frames=slot.frames, overlays=overlays)
        clips[0] = replace(clips[0], frames=fill.own)
        if fill.way is SlotFill.FUSE:
            clips[1] = replace(clips[1], frames=fill.then)
        return ExtendSpec(
            way=Way(fill.way.value),
            clips=tuple(clips),
            frames=slot.frames,
            overlap=fill.overlap,
            join=fuse_join(planned[-1]),
            overlays=overlays,
        )

    def _conform(self, planned: PlannedAtom) -> ConformSpec:
        settings = self._settings
        mark = self._marks.get(planned.atom.author)
        sound = planned.atom.sound
        return ConformSpec(
            media=planned.media.digest,
            info=planned.media.info,
            first=planned.used.first,
            frames=planned.used.frames,
            profile=settings.profile,
            policy=settings.conform,
            build=self._ffmpeg.build,
            grade=planned.grade,
            mark=None if mark is None else spec_key(mark),
            station=0 if mark is None else first_station(planned.media.digest),
            gain=Fraction(0) if sound is None or sound.gain is None else sound.gain,
            stamp=self._stamp,
        )

    def _overlays(self, number: int, slot: Slot) -> tuple[Overlay, ...]:
        found: list[Overlay] = []
        fps = self._settings.profile.fps
        after = to_frames(_CUE_AFTER, fps)
        for one in slot.plays:
            cue = self._cast.staging.cues.get(one.atom)
            if cue is None:
                continue
            first = one.first + after
            last = min(first + to_frames(_CUE_SECONDS, fps), one.first + one.frames - after)
            if last > first:
                found.append(self._overlay(TextKind.CUE, cue.line, cue.detail, first, last))
        if self._settings.captions.burn:
            found += self._captions(number, slot)
        return tuple(found)

    def _captions(self, number: int, slot: Slot) -> Iterator[Overlay]:
        """What is said in a slot, over its picture."""
        fps = self._settings.profile.fps
        for played in slot.plays:
            said = self._said.get(played.atom, [])
            window = self._windows[played.atom]
            for first, last, lines in burned_for(
                said, window, self._layout, number, fps, atom=played.atom
            ):
                yield self._overlay(TextKind.CAPTION, "\n".join(lines), "", first, last)

    def _overlay(self, kind: TextKind, line: str, detail: str, first: int, last: int) -> Overlay:
        settings = self._settings
        fonts = letters_for([line, detail], settings.card)
        spec = TextSpec(
            kind=kind,
            line=line,
            detail=detail,
            style=settings.card,
            fonts=tuple(font.digest for font in fonts),
            files=tuple(str(font.path) for font in fonts),
            width=settings.profile.width,
            height=settings.profile.height,
            maker=_makers("pillow", "uharfbuzz"),
        )
        key = spec_key(spec)
        self._stills[key] = spec
        return Overlay(key, kind.value, first, last)


def _known(spec: Spec, _: object) -> Spec:
    return spec


def _over(spec: CardSpec, behind: int | None, keys: Mapping[int, Digest]) -> CardSpec:
    return spec if behind is None else replace(spec, behind=keys[behind])


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
        sound_at=joint.sound_at,
        made=joint.made,
    )


@cache
def _makers(*distributions: str) -> str:
    """The versions of what draws."""
    from importlib.metadata import version

    return " ".join(f"{name} {version(name)}" for name in distributions)
