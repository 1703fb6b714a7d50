"""Longer than a joint: chains that drift, set-ups that are seen again, takes to choose from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
from bench.outcome import Goal, Outcome

from bench_memory.clips import Shot
from bench_memory.drift import errors
from bench_memory.joints import (
    Chain,
    Change,
    Halves,
    balance,
    changed,
    exposure,
    gamma,
    halves,
    look,
    recoded,
)
from bench_memory.workbench import HALVES, Workbench, mean, percentile, share
from chainer.memory.joint import references
from chainer.memory.policy import GradePolicy, MemoryPolicy

_ATOMS = 8
_ROUNDS = 3
_SETUPS = 8
_CANDIDATES = 20


def drift_walk(rng: np.random.Generator, atoms: int) -> list[Change]:
    """The look of each atom of a chain: exposure, balance and gamma walk at random from none."""
    steps = rng.normal(0, 1, (atoms, 3)) * (0.22, 0.11, 0.06)
    steps[0] = 0
    looks = []
    for stops, warm, power in np.cumsum(steps, axis=0):
        parts = exposure(stops), balance(warm), gamma(float(np.exp(power)))

        def change(picture: np.ndarray, parts: tuple[Change, ...] = parts) -> np.ndarray:
            for part in parts:
                picture = part(picture)
            return picture

        looks.append(change)
    return looks


def chains(bench: Workbench) -> Outcome:
    """Case 4: eight atoms of one long shot, each drifted a little further."""
    outcome = Outcome("chain", "A chain of 8 atoms whose exposure, balance and gamma walk away")
    long = [shot for shot in bench.shots if len(shot.frames) / shot.fps >= 4.5]
    seeds = range(1 if bench.quick else 2)
    ways = ("uncorrected", "previous only", "memory")
    by_atom: dict[str, dict[int, list[float]]] = {way: defaultdict(list) for way in ways}
    last: dict[tuple[str, str], list[float]] = defaultdict(list)
    worst: list[tuple[float, str]] = []
    for shot in long:
        for seed in seeds:
            looks = drift_walk(np.random.default_rng(seed), _ATOMS)
            for way in ways:
                found = _walked(shot, looks, way)
                for atom, value in enumerate(found):
                    by_atom[way][atom].append(value)
                last[way, bench.half(shot)].append(found[-1])
                if way == "memory":
                    worst.append((found[-1], f"{shot.name}, walk {seed}"))
    for way in ways:
        values = by_atom[way]
        outcome.rows.append(
            {
                "way": way,
                "chains": len(values[0]),
                **{f"atom {n + 1}": mean(values[n]) for n in range(1, _ATOMS)},
                "p90 of atom 8": percentile(values[_ATOMS - 1], 90),
            }
        )
    before = mean(by_atom["uncorrected"][_ATOMS - 1]) or 0
    for half in ("all", *HALVES):
        value = mean(by_atom["memory"][_ATOMS - 1] if half == "all" else last["memory", half])
        name = f"8th atom of a drifting chain ({before:.1f} uncorrected), {half}"
        outcome.goals.append(Goal(name, value, 1.0, " dE"))
    outcome.notes += [f"{value:.2f} dE: {name}" for value, name in sorted(worst)[::-1][:6]]
    return outcome


def _walked(shot: Shot, looks: list[Change], way: str) -> list[float]:
    """The mean CIEDE2000 of every atom, as shown, to what was filmed."""
    policy = MemoryPolicy(grade=GradePolicy(enabled=way != "uncorrected"))
    chain = Chain(policy)
    bounds = np.linspace(0, len(shot.frames), _ATOMS + 1).astype(int)
    found = []
    for number, look_of in enumerate(looks):
        truth = shot.frames[bounds[number] : bounds[number + 1]]
        frames = changed(truth, look_of)
        if way == "previous only" and chain.state is not None:
            chain.state = replace(chain.state, bank=())
        report = chain.add(look(recoded(frames), shot.fps, str(number)))
        picked = np.linspace(0, len(frames) - 1, 3).astype(int)
        if report is None:
            found.append(0.0)
        else:
            found.append(errors(frames[picked], truth[picked], report)[1])
    return found


def revisits(bench: Workbench) -> Outcome:
    """Case 5: eight set-ups in random order, three rounds: is each known again?"""
    outcome = Outcome("revisit", "Returning to one of 8 set-ups after others")
    usable = [shot for shot in bench.shots if len(shot.frames) / shot.fps >= 3]
    by_clip = {shot.clip: shot for shot in usable}
    hits: dict[str, list[bool]] = defaultdict(list)
    held: list[bool] = []
    missed: dict[str, int] = defaultdict(int)
    for trial in range(1 if bench.quick else 4):
        rng = np.random.default_rng(trial)
        names = rng.permutation(sorted(by_clip))[:_SETUPS]
        chain = Chain()
        owner: dict[str, str] = {}
        for turn in range(_ROUNDS):
            for name in rng.permutation(names):
                shot = by_clip[str(name)]
                bounds = np.linspace(0, len(shot.frames), _ROUNDS + 1).astype(int)
                frames = shot.frames[bounds[turn] : bounds[turn + 1]]
                observation = look(recoded(frames), shot.fps, f"{turn}")
                if turn and chain.state is not None:
                    near = references(chain.state, observation.first.pixels, chain)
                    right = bool(near) and owner[near[0].exemplar.atom] == name
                    hits[f"round {turn + 1}"].append(right)
                    kept = {owner[one.atom] for one in chain.state.bank}
                    held.append(str(name) in kept)
                    if not right:
                        missed[f"{name} ({'held' if held[-1] else 'forgotten'})"] += 1
                chain.add(observation)
                assert chain.state is not None
                owner[chain.state.atom] = str(name)
    for word, values in hits.items():
        outcome.rows.append({"round": word, "visits": len(values), "right %": share(values)})
    outcome.rows.append({"round": "still held", "visits": len(held), "right %": share(held)})
    every = [one for values in hits.values() for one in values]
    outcome.goals.append(
        Goal("right exemplar on returning to one of 8", share(every), 95, " %", at_least=True)
    )
    outcome.notes += [f"missed {count} times: {name}" for name, count in sorted(missed.items())]
    return outcome


def _later(joint: Halves, one: Halves, gap: float) -> bool:
    """Whether the second half of `one` is another moment of the shot, at least a second off."""
    if one is joint or one.shot.name != joint.shot.name:
        return False
    length = len(joint.shot.frames) / float(joint.shot.fps)
    return abs((one.place - joint.place) * length + gap) >= gap + 1


def ranking(bench: Workbench) -> Outcome:
    """Case 6: the true continuation among about twenty clips, by the badness of the joint."""
    outcome = Outcome("rank", "The true take among about 20, by the badness of its joint")
    step = 12 if bench.quick else 6
    for gap, limit in ((0.0, 95.0), (1.0, 85.0)):
        joints = list(halves(bench.shots, gap))
        firsts = [
            look(recoded(one.after[:12]), one.shot.fps, str(n)) for n, one in enumerate(joints)
        ]
        right: dict[str, list[bool]] = defaultdict(list)
        missed = []
        for number in range(0, len(joints), step):
            joint = joints[number]
            chain = Chain()
            chain.add(look(recoded(joint.before[-45:]), joint.shot.fps))
            rng = np.random.default_rng(number)
            # Other moments of the same shot first: they are the hardest to tell. Those nearer to
            # the cut than the true one would rightly win.
            same = [n for n, one in enumerate(joints) if _later(joint, one, gap)]
            rest = [n for n, one in enumerate(joints) if one.shot.name != joint.shot.name]
            others = [*same, *rng.permutation(rest)][: _CANDIDATES - 1]
            scores = {n: chain.ask(firsts[n]).badness for n in (number, *others)}
            won = min(scores, key=scores.__getitem__) == number
            right[bench.half(joint.shot)].append(won)
            if not won:
                best = min(scores, key=scores.__getitem__)
                missed.append(f"gap {gap:g} s, {joint.shot.name}: {joints[best].shot.name} won")
        every = [one for values in right.values() for one in values]
        outcome.rows.append(
            {
                "gap s": gap,
                "joints": len(every),
                "first %": share(every),
                **{f"first %, {half}": share(right[half]) for half in HALVES},
            }
        )
        name = f"true take ranked first of {_CANDIDATES}, gap {gap:g} s"
        outcome.goals.append(Goal(name, share(every), limit, " %", at_least=True))
        outcome.notes += missed[:10]
    return outcome
