"""The bundled sample, and what `chainer demo` builds of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from chainer.errors import InputError

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """Which walk of which graph the demo builds."""

    graph: Path
    start: str
    kind: str


def demo_order() -> DemoOrder:
    """Read `demo.toml` from the installed package, or from `fixtures/` in a checkout.

    Raises `InputError` where neither is there, as in a package that was taken apart.
    """
    for path in (
        _HERE / "_sample" / "fixtures" / "demo.toml",
        _HERE.parent / "fixtures" / "demo.toml",
    ):
        if path.is_file():
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            graph = (path.parent / values["graph"]).resolve()
            return DemoOrder(graph, values["start"], values["kind"])
    raise InputError("the bundled sample is missing; install chainer again")
