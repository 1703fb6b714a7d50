"""Make the clips and joints of all chains from an atom, each once, and print what each kind cost.

    python steps_once.py GRAPH START SETTINGS STORE

Uses chainer's library below the films: nothing is assembled. Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from chainer.compose import find_chains, plan_episode
from chainer.episode.plan import EpisodePlan
from chainer.graph import Pick, WalkKind, WalkOptions, load_graph
from chainer.making import _opener
from chainer.render.execute import Execution
from chainer.render.make import Kitchen
from chainer.render.plan import RenderPlan, Step
from chainer.render.run import Runner
from chainer.render.spec import StepType
from chainer.settings import load_settings
from chainer.store import Store


def main(graph_path: str, start: str, settings_path: str, store_path: str) -> None:
    """Look, conform, join."""
    settings = load_settings(Path(settings_path))
    where = settings.store.model_copy(update={"path": Path(store_path).absolute()})
    settings = settings.model_copy(update={"store": where})
    graph = load_graph(Path(graph_path))
    options = WalkOptions(kind=WalkKind.RELAY, pick=Pick.ALL)
    chains = find_chains(graph, start, settings=settings, options=options)
    spent: dict[str, float] = {}
    before = _cpu()
    plans = [plan_episode(graph, chain=chain, settings=settings) for chain in chains]
    spent["look"] = _cpu() - before
    steps: dict[StepType, dict[str, tuple[Step, EpisodePlan]]] = {}
    for plan in plans:
        for step in plan.render.steps:
            steps.setdefault(step.type, {})[step.key] = (step, plan)
    conforms, joints = steps[StepType.CONFORM], steps[StepType.JOINT]
    marks = [step for step, _ in steps.get(StepType.MARK, {}).values()]
    clips = marks + [step for step, _ in conforms.values()]
    spent["conform"] = _make(plans, clips)
    # The joints' clips are named again, as what they need; being there, they cost a look.
    spent["joints"] = _make(plans, clips + [step for step, _ in joints.values()])
    print(json.dumps({**spent, "conforms": len(conforms), "joint_count": len(joints)}))


def _make(plans: list[EpisodePlan], steps: list[Step]) -> float:
    before = _cpu()
    first = plans[0]
    openers = {atom.media.digest: _opener(plan) for plan in plans for atom in plan.atoms}
    kitchen = Kitchen(
        Store(first.store),
        Runner(first.ffmpeg),
        first.settings.media,
        lambda digest: openers[digest](digest),
        first.graph.identity,
    )
    whole: RenderPlan = replace(first.render, steps=tuple(steps))
    Execution(whole, kitchen, first.settings.pool_size).run()
    return _cpu() - before


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(*sys.argv[1:])
