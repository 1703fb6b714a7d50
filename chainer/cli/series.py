"""The command that builds all episodes of a series, and the page that plays them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.delivering import delivery_options
from chainer.cli.options import (
    Session,
    graph_argument,
    load,
    output_options,
    settings_of,
    settings_options,
)
from chainer.cli.telling import story_options
from chainer.console import count_text, seconds_text

if TYPE_CHECKING:
    from chainer.series.make import SeriesMade


@click.command(short_help="All episodes of a series, and a page that plays them.")
@graph_argument
@click.argument("name", metavar="SERIES")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The series' folder; the same one again adds what is new.",
)
@click.option(
    "--branches/--no-branches",
    default=True,
    show_default=True,
    help="Build the roads that lead off the story, too.",
)
@click.option(
    "--max-branches",
    type=click.IntRange(0, 1000),
    metavar="N",
    help="No more than so many new ones.  [default: 24]",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Where DIR will be served: feeds need full addresses. Remembered; '' forgets it.",
)
@story_options
@delivery_options
@settings_options
@output_options
@click.pass_obj
def series(
    session: Session,
    /,
    graph: str,
    name: str,
    out: Path,
    *,
    branches: bool,
    max_branches: int | None,
    base_url: str | None,
    **options: Any,
) -> int:
    """Build all episodes of a series, a page that plays on through them, and feeds.

    At a fork the page offers the roads that the viewer may follow. What was published stays as it
    is: run again, this adds what the story has gained.

    \b
    Example:
      chainer series graphs/harbor.json harbor -o out/harbor-series
    """
    from chainer.series.make import MAX_BRANCHES, make_series

    console = session.console
    made = make_series(
        load(graph, max_atoms=options["max_atoms"]),
        name,
        out,
        settings=settings_of(options),
        branches=branches,
        max_branches=MAX_BRANCHES if max_branches is None else max_branches,
        base_url=base_url,
        on_film=lambda number, total, film: console.moving(
            (number - 1) / total, film, f"film {number} of {total}", None
        ),
        on_look=console.looking,
        on_progress=console.progress,
        cancel=session.cancel,
    )
    console.result(made.as_json())
    _say(session, made, out)
    return made.exit_status


def _say(session: Session, made: SeriesMade, out: Path) -> None:
    """What became of each film, for people; `out` is the folder as they wrote it."""
    console = session.console
    rows = {one.id: one for one in made.file.roads}
    for note in made.notes:
        console.note(note)
    for one in made.films:
        row = rows.get(one.id)
        if row is not None:
            steps = f", {count_text(one.steps_run, 'step')} ran" if one.state == "made" else ""
            console.say(
                f"{one.state:<7} {out / row.folder}: {row.title}, "
                f"{seconds_text(row.seconds)}, {count_text(len(row.chain), 'atom')}{steps}"
            )
        if one.error is not None:
            console.error(f"{one.id}: {one.error}")
    console.say(
        f"{out / 'index.html'}: {count_text(len(made.file.episodes), 'episode')}, "
        f"{count_text(len(made.file.branches), 'branch', 'branches')}"
    )
    if made.file.base_url is None:
        console.note(
            "the feeds name the films relative to themselves, which many podcast apps do not read; "
            "say with --base-url where the folder will be served"
        )
