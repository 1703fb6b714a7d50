"""What a case found: rows of numbers, goals reached or missed, and what was seen besides."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise with its number. `at_least` turns the comparison round; None was not measured."""

    name: str
    value: float | None
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether the promise is kept."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        """The goal in one line."""
        sign = ">=" if self.at_least else "<="
        word = "reached" if self.reached else "MISSED"
        limit = f"{sign} {self.limit:g}{self.unit}"
        return f"{word}: {self.name}: {number(self.value)}{self.unit} ({limit})"


@dataclass(slots=True)
class Outcome:
    """One case. Rows of a table have the same keys, in the order of the columns."""

    name: str
    title: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the verdicts."""
        goals = [{**asdict(goal), "reached": goal.reached} for goal in self.goals]
        return {**asdict(self), "goals": goals}


def number(value: Any) -> str:
    """A number as short as is useful."""
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}" if size >= 0.0005 or value == 0 else f"{value:.1e}"


def megabytes(size: int) -> float:
    """Bytes as MB, to a tenth."""
    return round(size / 1e6, 1)
