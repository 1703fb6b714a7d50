"""Clips that begin with the end of their parent: is the replay cut off, and nothing else?"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from bench.outcome import Goal, Outcome

from bench_memory.joints import CHANGES, Chain, changed, halves, look, recoded
from bench_memory.workbench import HALVES, Workbench, share

_FRAMES = (0, 1, 3, 6, 10, 20)
_LOOKS = ("coded again", "another light")


def overlaps(bench: Workbench) -> Outcome:
    """Case 7: 1 to 20 frames played again, coded anew, with and without another light."""
    outcome = Outcome("overlap", "Replayed overlap at a continuation")
    found: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    missed = []
    for number, joint in enumerate(list(halves(bench.shots))[:: 9 if bench.quick else 4]):
        before = recoded(joint.before)
        chain = Chain()
        chain.add(look(before, joint.shot.fps))
        light = CHANGES["exposure +0.3 EV" if number % 2 else "white balance -0.2"]
        for frames in _FRAMES:
            if frames >= len(before) // 2:
                continue
            whole = np.concatenate([joint.before[len(before) - frames :], joint.after])
            for word in _LOOKS:
                coded = recoded(changed(whole, light) if word == _LOOKS[1] else whole, 85)
                cut = chain.ask(look(coded, joint.shot.fps, f"{frames}{word}")).cut.into
                found[bench.half(joint.shot), word, frames].append(cut)
                if cut != frames:
                    missed.append(f"{joint.shot.name}: {cut} for {frames}, {word}")
    for half in HALVES:
        for word in _LOOKS:
            for frames in _FRAMES:
                cuts = found[half, word, frames]
                outcome.rows.append(
                    {
                        "clips": half,
                        "second half": word,
                        "frames": frames,
                        "joints": len(cuts),
                        "exact %": share(cut == frames for cut in cuts),
                        "within 1 %": share(abs(cut - frames) <= 1 for cut in cuts),
                    }
                )
    for half in HALVES:
        _goals(outcome, {key[1:]: cuts for key, cuts in found.items() if key[0] == half}, half)
    outcome.notes += missed[:: max(1, len(missed) // 20)]
    return outcome


def _goals(outcome: Outcome, found: dict[tuple[str, int], list[int]], half: str) -> None:
    away = [cut - n for (_, n), cuts in found.items() if n for cut in cuts]
    none = [cut for (_, n), cuts in found.items() if not n for cut in cuts]
    for name, value, limit in (
        ("replayed overlap trimmed exactly", share(one == 0 for one in away), 80),
        ("replayed overlap trimmed within one frame", share(abs(one) <= 1 for one in away), 95),
        ("untouched where there is none", share(one == 0 for one in none), 90),
    ):
        outcome.goals.append(Goal(f"{name}, {half} half", value, limit, " %", at_least=True))
