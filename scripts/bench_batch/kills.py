"""Kill -9 at random moments of a batch, and what is there afterwards."""

from __future__ import annotations

import time

from bench.outcome import Goal, Outcome

from bench_batch.workbench import Workbench
from tests.batch.storm import Storm

_SEED = 200
_KINDS = {
    "torn": "artefacts or films that are torn, or other than without kills",
    "doubled": "artefacts made anew, or more than there should be",
    "lost": "artefacts, films or finished jobs that were lost",
    "half": "half-written outputs under final names",
    "stray": "processes that ran on",
    "swept": "work folders, locks and drafts that stay",
    "ledger": "ledgers that are not whole",
    "attempts": "steps and jobs begun too often",
    "again": "finished batches that were touched again",
    "status": "runs that failed",
}


def kills(bench: Workbench) -> Outcome:
    """A storm of kills over a small tree, begun anew whenever it is through."""
    begun = time.monotonic()
    storm = Storm(bench.fresh("kills"), depth=bench.size.storm, seed=_SEED)
    tally = storm.rage(bench.size.kills)
    known = sum(tally.count(kind) for kind in _KINDS)
    outcome = Outcome("kills", f"{tally.kills} kill -9 at random moments of a batch")
    outcome.rows.append(
        {
            "a batch": f"{len(storm.films)} films, {len(storm.keys)} artefacts, {storm.span:.1f} s",
            "batches": tally.batches,
            "kills": tally.kills,
            "films": tally.jobs,
            "artefacts": tally.artefacts,
            "steps": tally.steps,
            "steps begun": tally.attempts,
            "children frozen": tally.frozen,
            "most of one step": tally.most_attempts,
            "drafts that old age swept": tally.swept,
            "files without a record": tally.orphans,
            "minutes": round((time.monotonic() - begun) / 60, 1),
        }
    )
    outcome.goals = [
        Goal("kills", tally.kills, bench.size.kills, at_least=True),
        *(Goal(text, tally.count(kind), 0) for kind, text in _KINDS.items()),
        Goal("anything else", len(tally.faults) - known, 0),
    ]
    when = ", ".join(f"{count} while {what}" for what, count in tally.during.most_common())
    outcome.notes += [
        f"The kills met the process, by its ledger: {when}. (Planning: no run had begun; between: "
        "neither a step nor a delivery was noted as under way.)",
        "After each kill: no process runs on; every record that was there still is, as the same "
        "file; every file in the store hashes to its name; every folder with a final name is "
        "whole; the ledger is whole, and whatever it said was done still is, with the same film.",
        "After each batch: the films are to the byte those of a batch that nobody killed, the "
        "records are the same; each step was begun once, and at most once more for each kill; "
        "nothing is left in tmp/, locks/ and leases/ but drafts too young to be anybody's.",
        "Half of the kills come once the run has its plan, half at any moment; before half of them "
        "the children are frozen, so that one that is not killed cannot end by itself unseen. "
        "Steps begun in the last fifth of a second before a kill may not have been counted.",
        "A file without a record was in place when the kill came before its record; it is found "
        "again by its digest, or evicted.",
        *(f"{what}: {where}" for what, where in tally.faults[:20]),
    ]
    outcome.facts["faults"] = [list(fault) for fault in tally.faults]
    outcome.commands = ["chainer batch jobs.json -o out --settings settings.toml  # kill -9, again"]
    return outcome
