"""What a case found: rows of numbers, goals reached or missed, and what was seen besides."""

from __future__ import annotations

from collections.abc import Mapping
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


def page_head(title: str, data: Mapping[str, Any], command: str, about: str) -> list[str]:
    """The first lines of a page of results: when, where, with what, and how it is meant."""
    versions = ", ".join(f"{name} {text}" for name, text in data["versions"].items())
    made = f"{data['date']}, {data['machine']}. {versions}. Made with `{command}`."
    return [f"# {title}", "", made, "", about, ""]


def goals_table(cases: Mapping[str, Any], *, named: bool = False) -> list[str]:
    """The goals of all cases as a Markdown table; `named`: with the name of their case."""
    lines = ["| | goal | measured | limit |", "|---|---|---:|---:|"]
    for case in cases.values():
        for goal in case["goals"]:
            sign = "≥" if goal["at_least"] else "≤"
            word = "reached" if goal["reached"] else "**missed**"
            value, unit = number(goal["value"]), goal["unit"]
            name = f"{case['name']}: {goal['name']}" if named else goal["name"]
            lines.append(f"| {word} | {name} | {value}{unit} | {sign} {goal['limit']:g}{unit} |")
    return lines


def megabytes(size: int) -> float:
    """Bytes as MB, to a tenth."""
    return round(size / 1e6, 1)
