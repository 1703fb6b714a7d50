"""The command that looks at the takes of a graph."""

from __future__ import annotations

from typing import Any

import click

from chainer.cli.options import (
    Session,
    graph_argument,
    load,
    output_options,
    settings_of,
    settings_options,
)


@click.command(short_help="What is wrong with each take.")
@graph_argument
@click.argument("atoms", nargs=-1, metavar="[ATOM]...")
@settings_options
@output_options
@click.pass_obj
def takes(session: Session, /, graph: str, atoms: tuple[str, ...], **options: Any) -> None:
    """What is wrong with each take of a graph, or of some of its atoms, and a score from 0 to 1.

    Looked at once, and kept. Plans choose among several takes by this and by what fits the memory.

    \b
    Example:
      chainer takes graphs/harbor.json a7
    """
    from chainer.compose import open_store
    from chainer.sift import sift_takes

    settings = settings_of(options)
    loaded = load(graph, atoms[0] if atoms else None, None, options["max_atoms"])
    found = sift_takes(
        loaded,
        settings,
        open_store(settings),
        atoms,
        on_take=session.console.looking,
        cancel=session.cancel,
    )
    session.console.result({"takes": [one.as_json() for one in found]})
    for one in found:
        for line in one.lines():
            session.console.say(line)
