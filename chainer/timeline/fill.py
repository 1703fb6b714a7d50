"""How an extended slot is filled, and whether it was earned: decisions, nothing is rendered.

A slot of 15 to 20 s is filled by the media itself where that is long enough. Else the atom flows
into its continuation, plays slower, or holds its last picture. Each way is weighed by what it
invents: `synthetic` is the share of the slot's pictures that nobody filmed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainer.errors import InputError, PolicyRefused
from chainer.graph.atom import Slot
from chainer.graph.words import SlotFill, SlotKind
from chainer.timebase import AvGrid, round_half_up, time_text
from chainer.timeline.used import SlotPolicy

WAYS = (SlotFill.SOURCE, SlotFill.FUSE, SlotFill.STRETCH, SlotFill.HOLD)
"""In the order in which `auto` takes the first that is possible: least invented first, and a
picture that moves slowly before one that does not move."""

HOLD_SECONDS = Fraction(6)
"""The longest that one picture is held. With a slow move in, five seconds read as a pause for
breath; longer ones read as a fault."""

LEAST_PLAYED = Fraction(1, 2)
"""The share of a continuation that must play for a fused slot: cutting away more than half of it
takes its turn and its ending with it."""

_SPARED = 2
"""Percent of a clip that may be left out at its end where it then plays slower at an even pace."""

_OVERLAP_SECONDS = Fraction(1, 2)
_UNSEEN = 3
"""So many missing frames are held before anything else is tried: nobody sees it."""

_RATE = 48_000

CostOf = Callable[["Offer"], float]
"""CPU seconds that rendering an offer takes; see `render.extend_cost`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to fill a slot of `wanted` frames, in frames at the house rate.

    `own` frames are of the atom's media, `then` of its continuation's, of which `overlap` play at
    once. `synthetic` is the share of the slot that was not filmed.
    """

    way: SlotFill
    wanted: int
    own: int
    then: int = 0
    overlap: int = 0
    synthetic: Fraction = Fraction(0)

    @property
    def made(self) -> int:
        """Frames that were not filmed."""
        return round_half_up(self.synthetic * self.wanted)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A way with what speaks for or against it; `synthetic` and `cpu_seconds` where possible."""

    way: SlotFill
    possible: bool
    why: str
    synthetic: Fraction | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """How a slot of exactly `frames` is filled: numbers as in `Offer`.

    `dropped` frames of the continuation are cut away at its end; `others` are all ways, in order.
    """

    way: SlotFill
    frames: int
    own: int
    then: int
    overlap: int
    dropped: int
    synthetic: Fraction
    cpu_seconds: float
    why: str
    others: tuple[Weighed, ...]


def choose_fill(
    asked: SlotFill | None,
    wanted: int,
    own: int,
    then: int | None,
    policy: SlotPolicy,
    fps: Fraction,
    cost: CostOf,
    *,
    rate: Fraction | None = None,
    morph: bool = False,
) -> Filled:
    """How to fill `wanted` frames from media that plays `own`, continued by one that plays `then`.

    `then` is None where nothing follows, or nothing that may be fused: no continuation edge, or a
    slot that is extended itself. `rate` are the media's own pictures a second, of which more than
    the house's let it play slower for nothing; None counts the house's. `morph` says that a fused
    overlap is made of interpolated pictures.

    Raises `InputError` with code `fill` where what is asked for by name cannot be, where nothing
    can, and for the fills that are not rendered.
    """
    asked = SlotFill.AUTO if asked is None else asked
    if asked is SlotFill.SLOW:
        asked = SlotFill.STRETCH
    if asked in (SlotFill.LOOP, SlotFill.CARD):
        instead = (
            'ask for a card with a joint of kind "card", and'
            if asked is SlotFill.CARD
            else "media that starts over is seen at once;"
        )
        raise InputError(
            f'an extended slot is not filled by "{asked.value}": {instead} use one of '
            f"{', '.join(way.value for way in (SlotFill.AUTO, *WAYS))}",
            code="fill",
            asked=asked.value,
        )
    weighed: list[Weighed] = []
    offers: dict[SlotFill, Offer] = {}
    for way in WAYS:
        offer = _offer(way, wanted, own, then, policy, fps, rate, morph=morph)
        if isinstance(offer, Offer):
            offers[way] = offer
            words = _told(offer, then, fps)
            weighed.append(_weighed(offer, words, cost(offer)))
        else:
            weighed.append(Weighed(way, possible=False, why=offer))
    by_way = {one.way: one for one in weighed}
    chosen = asked if asked is not SlotFill.AUTO else _first(offers, wanted - own)
    if chosen is None or chosen not in offers:
        raise _impossible(asked, wanted, own, then, fps, weighed)
    offer, judged = offers[chosen], by_way[chosen]
    why = "asked for by name" if asked is not SlotFill.AUTO else _why(chosen, weighed)
    return Filled(
        way=chosen,
        frames=wanted,
        own=offer.own,
        then=offer.then,
        overlap=offer.overlap,
        dropped=(then or 0) - offer.then if chosen is SlotFill.FUSE else 0,
        synthetic=offer.synthetic,
        cpu_seconds=judged.cpu_seconds or 0.0,
        why=f"{judged.why}; {why}",
        others=tuple(weighed),
    )


def usual_overlap(fps: Fraction) -> int:
    """Frames in which two fused clips play at once: about half a second.

    On the AV grid where a grid step is not much longer than that: at 30 fps 16 frames, at 25 too,
    at 60 it is 32; at 24, where the grid is coarse, 12.
    """
    step = AvGrid(fps, _RATE).frames
    plain = _OVERLAP_SECONDS * fps
    if step > plain * Fraction(6, 5):
        return max(2, round_half_up(plain))
    return max(step, round_half_up(plain / step) * step)


def slowed_share(wanted: int, own: int, fps: Fraction, rate: Fraction | None = None) -> Fraction:
    """The share of `wanted` frames that falls between two pictures when `own` frames play slower.

    Every picture that falls on a frame of the slot is shown as it was filmed. Where the media has
    so many pictures a second that enough are left, no picture is made.
    """
    rate = fps if rate is None else rate
    step = Fraction(own, wanted) * rate / fps
    if step >= 1:
        return Fraction(0)
    filmed = -(-wanted // step.denominator)
    return Fraction(wanted - filmed, wanted)


def scenario_word(text: str) -> str:
    """A scenario as it is compared: "Brand short" and "brand-short" are `brand_short`."""
    return "_".join(text.casefold().replace("-", " ").replace("_", " ").split())


def refuse_unearned(slots: Sequence[tuple[str, Slot]], policy: SlotPolicy) -> None:
    """Raise `PolicyRefused`, code `scenario`, unless every extended slot is earned.

    `slots` are (atom, its slot) of one episode, in order; standard slots pass. Each extended one
    needs a scenario that the settings allow, its own or the episode's, and no scenario may be used
    more often than they say. An atom that comes twice counts twice.
    """
    limits = {scenario_word(name): most for name, most in policy.scenarios.items()}
    allowed = ", ".join(sorted(limits)) or "none"
    used: Counter[str] = Counter()
    atoms: dict[str, list[str]] = {}
    for atom, slot in slots:
        if slot.kind is not SlotKind.EXTENDED:
            continue
        named = slot.scenario if slot.scenario is not None else policy.scenario
        word = scenario_word(named or "")
        if not word:
            raise PolicyRefused(
                f"atom {atom}: an extended slot is earned by a scenario, and none is named; set "
                f'"scenario" in its slot, or `slots.scenario` in the settings (allowed: {allowed}),'
                " or make the slot a standard one",
                code="scenario",
                atom=atom,
                allowed=sorted(limits),
            )
        if word not in limits:
            raise PolicyRefused(
                f'atom {atom}: the scenario "{named}" allows no extended slot (allowed: {allowed});'
                " name one of these, add it to `slots.scenarios` in the settings, or make the slot "
                "a standard one",
                code="scenario",
                atom=atom,
                scenario=named,
                allowed=sorted(limits),
            )
        used[word] += 1
        atoms.setdefault(word, []).append(atom)
    for word, count in used.items():
        if count > limits[word]:
            raise PolicyRefused(
                f"{count} extended slots of the scenario {word} in one episode, at most "
                f"{limits[word]} are allowed: {', '.join(atoms[word])}; make "
                f"{count - limits[word]} of them standard, or raise `slots.scenarios` in the "
                "settings",
                code="scenario",
                scenario=word,
                atoms=atoms[word],
                limit=limits[word],
            )


def _offer(
    way: SlotFill,
    wanted: int,
    own: int,
    then: int | None,
    policy: SlotPolicy,
    fps: Fraction,
    rate: Fraction | None,
    *,
    morph: bool,
) -> Offer | str:
    """The way's offer, or why it has none."""
    if way is SlotFill.SOURCE:
        if own >= wanted:
            return Offer(way, wanted, wanted)
        return f"the media plays {_text(own, fps)}"
    if own >= wanted:
        return "the media is long enough by itself"
    if way is SlotFill.FUSE:
        return _fused(wanted, own, then, fps, morph=morph)
    if way is SlotFill.STRETCH:
        if own * policy.stretch < wanted:
            return (
                f"{_text(own, fps)} would have to play {float(Fraction(wanted, own)):.2f} times "
                f"slower, at most {float(policy.stretch):g} is allowed"
            )
        own = _even(wanted, own, policy, fps, rate)
        return Offer(way, wanted, own, synthetic=slowed_share(wanted, own, fps, rate))
    held = wanted - own
    if Fraction(held) / fps > HOLD_SECONDS:
        return (
            f"the last picture would be held for {_text(held, fps)}, at most "
            f"{time_text(HOLD_SECONDS)} s can be borne"
        )
    return Offer(way, wanted, own, synthetic=Fraction(held, wanted))


def _even(wanted: int, own: int, policy: SlotPolicy, fps: Fraction, rate: Fraction | None) -> int:
    """So many of `own` frames, nearly all, that most of the slot's fall on filmed pictures.

    302 frames over 450 meet twice, 300 meet every third time.
    """
    least = max(own - own * _SPARED // 100, math.ceil(wanted / policy.stretch))
    return min(
        range(own, least - 1, -1),
        key=lambda some: slowed_share(wanted, some, fps, rate),
        default=own,
    )


def _fused(wanted: int, own: int, then: int | None, fps: Fraction, *, morph: bool) -> Offer | str:
    if then is None:
        return "no standard atom follows by a continuation edge"
    overlap = min(usual_overlap(fps), own // 2, then // 2)
    needed = wanted - own + overlap
    if overlap < 2 or needed > then:
        return f"{_text(own, fps)} and {_text(then, fps)} of its continuation are too short"
    if needed < then * LEAST_PLAYED:
        return (
            f"only {_text(needed, fps)} of the continuation's {_text(then, fps)} would play, at "
            "least half of it must"
        )
    share = Fraction(overlap, wanted) if morph else Fraction(0)
    return Offer(SlotFill.FUSE, wanted, own, needed, overlap, share)


def _weighed(offer: Offer, why: str, cpu_seconds: float) -> Weighed:
    return Weighed(
        offer.way, possible=True, why=why, synthetic=offer.synthetic, cpu_seconds=cpu_seconds
    )


def _first(offers: dict[SlotFill, Offer], missing: int) -> SlotFill | None:
    if 0 < missing <= _UNSEEN and SlotFill.HOLD in offers:
        return SlotFill.HOLD
    return next((way for way in WAYS if way in offers), None)


def _why(chosen: SlotFill, weighed: Sequence[Weighed]) -> str:
    passed = []
    for one in weighed:
        if one.way is chosen:
            break
        if one.possible:
            return "so little is missing that nobody sees it"
        passed.append(f"{one.way.value}: {one.why}")
    return "the first choice" if not passed else f"not {', not '.join(passed)}"


def _told(offer: Offer, then: int | None, fps: Fraction) -> str:
    if offer.way is SlotFill.SOURCE:
        return f"the media's first {_text(offer.own, fps)} play"
    if offer.way is SlotFill.FUSE:
        dropped = (then or 0) - offer.then
        cut = f", its last {_text(dropped, fps)} are cut" if dropped else ""
        return (
            f"{_text(offer.own, fps)} flow into {_text(offer.then, fps)} of the continuation over "
            f"{offer.overlap} frames{cut}"
        )
    if offer.way is SlotFill.STRETCH:
        factor = float(Fraction(offer.wanted, offer.own))
        return f"{_text(offer.own, fps)} play {factor:.2f} times slower"
    return f"the last picture is held for {_text(offer.wanted - offer.own, fps)}"


def _impossible(
    asked: SlotFill,
    wanted: int,
    own: int,
    then: int | None,
    fps: Fraction,
    weighed: Sequence[Weighed],
) -> InputError:
    reasons = "; ".join(f"{one.way.value}: {one.why}" for one in weighed if not one.possible)
    works = [one.way.value for one in weighed if one.possible]
    if asked is SlotFill.AUTO:
        head = f"nothing fills an extended slot of {_text(wanted, fps)}: {reasons}"
    else:
        why = next(one.why for one in weighed if one.way is asked)
        slot = f"an extended slot of {_text(wanted, fps)}"
        head = f'{slot} cannot be filled by "{asked.value}": {why}'
    shortest = math.ceil(wanted - HOLD_SECONDS * fps)
    do = (
        f'use "{works[0]}"' + (f" or {', '.join(works[1:])}" if works[1:] else "")
        if works
        else f"give media of at least {_text(shortest, fps)}, or make the slot a standard one"
    )
    return InputError(
        f"{head}; {do}",
        code="fill",
        asked=asked.value,
        wanted=wanted,
        own=own,
        then=then,
        possible=works,
    )


def _text(frames: int, fps: Fraction) -> str:
    return f"{float(Fraction(frames) / fps):.2f} s"
