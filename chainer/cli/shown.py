"""A plan as people read it: the chain, its joints, what is chosen, and what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainer.console import Console, seconds_text

if TYPE_CHECKING:
    from chainer.episode.plan import EpisodePlan, PlannedAtom


@dataclass(frozen=True, slots=True)
class Effort:
    """CPU seconds that the steps of a plan are likely to take, and those that it saves."""

    steps: int
    to_run: int
    cpu_seconds: float
    saved_cpu_seconds: float

    @property
    def saved(self) -> int:
        """Steps that are in the store."""
        return self.steps - self.to_run

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "steps": self.steps,
            "to_run": self.to_run,
            "saved": self.saved,
            "cpu_seconds": round(self.cpu_seconds, 1),
            "saved_cpu_seconds": round(self.saved_cpu_seconds, 1),
        }


def effort_of(plan: EpisodePlan) -> Effort:
    """What a plan will cost on this machine, as far as its store has learned that."""
    from chainer.batch.cost import CostBook
    from chainer.making import store_of

    book = CostBook(store_of(plan))
    running = {step.key for step in plan.render.to_run}
    cost = {step.key: book.estimate(step).cpu_seconds for step in plan.render.steps}
    ahead = sum((seconds for key, seconds in cost.items() if key in running), 0.0)
    saved = sum((seconds for key, seconds in cost.items() if key not in running), 0.0)
    return Effort(len(cost), len(running), ahead, saved)


def show_plan(console: Console, plan: EpisodePlan, effort: Effort) -> None:
    """Say the plan."""
    layout = plan.layout
    fps = plan.settings.profile.fps
    console.say(
        f"{plan.titles.heading} ({plan.chain.kind.value}, {plan.settings.profile.name}): "
        f"{len(plan.chain.atoms)} atoms, {seconds_text(plan.seconds)}, {layout.frames} frames"
    )
    for number, slot in enumerate(layout.slots):
        start = layout.starts[number] / fps
        console.say(f"  {seconds_text(start):>8}  {slot.name:12} {seconds_text(slot.frames / fps)}")
        if number < len(layout.joints):
            joint = layout.joints[number]
            console.say(f"            {joint.style.value}, {joint.frames} frames: {joint.why}")
    for planned in plan.atoms:
        _say_fill(console, planned)
    say_choices(console, plan)
    for road in plan.closed:
        console.say(f"closed: {road.atom} ({road.by}): {road.why}")
    for piece in plan.music:
        console.say(
            f"bed: {piece.bed.media}, {float(piece.bed.gain):g} dB, "
            f"{float(piece.bed.duck):g} dB less where somebody speaks"
        )
    if plan.captions:
        burned = ", burned into the picture" if plan.settings.captions.burn else ""
        console.say(f"captions: {len(plan.captions)}{burned}")
    _say_effort(console, plan, effort)
    for note in plan.notes:
        console.note(note)


def say_choices(console: Console, plan: EpisodePlan) -> None:
    """Say what was chosen, and what came second."""
    for choice in plan.choices:
        console.say(f"{choice.of} at {choice.at}: {choice.chosen}: {choice.words}")


def _say_fill(console: Console, planned: PlannedAtom) -> None:
    fill = planned.fill
    if fill is None:
        return
    console.say(
        f"extended {planned.atom.id}: {fill.way.value}, {float(fill.synthetic):.0%} synthetic, "
        f"about {fill.cpu_seconds:.0f} CPU s: {fill.why}"
    )
    for one in fill.others:
        if one.way is fill.way:
            continue
        told = one.why
        if one.possible and one.synthetic is not None and one.cpu_seconds is not None:
            told = (
                f"{float(one.synthetic):.0%} synthetic, about {one.cpu_seconds:.0f} CPU s: {told}"
            )
        console.say(f"            {one.way.value}: {told}")


def _say_effort(console: Console, plan: EpisodePlan, effort: Effort) -> None:
    saved = ""
    if effort.saved:
        saved = f"; {effort.saved} saved, which took about {effort.saved_cpu_seconds:.0f} CPU s"
    console.say(
        f"steps: {effort.steps}, to run: {effort.to_run}, about {effort.cpu_seconds:.0f} CPU s"
        f"{saved}"
    )
    for step in plan.render.steps:
        console.say(f"  {step.why.value:20} {step.type.value:8} {step.name}")
