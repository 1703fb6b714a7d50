"""Case 8: who is in a clip and what they wear, by the functions of `people.py`."""

from __future__ import annotations

from bench.outcome import Goal, Outcome

from bench_memory.workbench import Workbench


def characters(bench: Workbench) -> Outcome:
    """Swaps, new clothes, other light and true continuations; faces of 48 pixels and more."""
    from bench_memory.people import rows

    outcome = Outcome("people", "Who is in a clip, and in which clothes")
    for row in rows(bench.quick):
        outcome.rows.append({"figure": row["name"], "reached": row["reached"], "n": row["count"]})
        word, limit = str(row["goal"]).rsplit(" ", 1)
        least = word == "at least"
        outcome.goals.append(
            Goal(str(row["name"]), float(row["reached"]), float(limit), at_least=least)
        )
    return outcome
