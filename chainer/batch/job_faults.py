"""What is wrong with a job file, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from chainer.errors import Fault, InputError
from chainer.graph.faults import MAX_FAULTS, Found, Loc, json_path


class JobFileError(InputError):
    """A job file that cannot be used; `faults` holds all that is wrong, in file order."""

    code = "jobs"

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = len(self.faults)
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(
            f"{source}: {count} {'fault' if count == 1 else 'faults'}{lines}",
            source=source,
            faults=[fault.as_json() for fault in self.faults],
        )


def told(found: Iterable[Found], line: Callable[[Loc], int | None]) -> list[Fault]:
    """The faults in the order of the file, each once, with their lines where they are known.

    At most `MAX_FAULTS`, and a last word on how many more there are.
    """

    def place(one: Found) -> tuple[int, int]:
        index = one.loc[1] if len(one.loc) > 1 else -1
        section = {"schema": 0, "defaults": 1, "jobs": 2}.get(str(one.loc[0]), 3) if one.loc else -1
        return section, index if isinstance(index, int) else -1

    faults = [
        Fault(place_of(one.loc, line), one.problem, one.expected, one.code)
        for one in dict.fromkeys(sorted(found, key=place))
    ]
    if len(faults) > MAX_FAULTS:
        more = len(faults) - MAX_FAULTS
        last = Fault("$", f"{more} more faults", "correct these first", "more-faults")
        faults[MAX_FAULTS:] = [last]
    return faults


def place_of(loc: Loc, line: Callable[[Loc], int | None]) -> str:
    """`$.jobs[2].kind (line 12)`; without the line where that is not known."""
    number = line(loc)
    return json_path(loc) if number is None else f"{json_path(loc)} (line {number})"
