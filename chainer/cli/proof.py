"""Commands about finished episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from chainer.cli.options import Session, output_options
from chainer.console import seconds_text


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@output_options
@click.pass_obj
def verify(session: Session, /, folder: Path, **_: Any) -> int:
    """Check that the episode is whole and as planned.

    \b
    Example:
      chainer verify out/harbor
    """
    from chainer.episode.verify import verify_episode

    verdict = verify_episode(folder)
    session.console.result(
        {
            "path": str(folder),
            "whole": verdict.whole,
            "title": verdict.title,
            "frames": verdict.frames,
            "files": verdict.files,
            "faults": list(verdict.faults),
        }
    )
    if verdict.whole:
        session.console.say(
            f"{folder}: whole: {verdict.title}, {seconds_text(verdict.seconds)}, "
            f"{verdict.frames} frames, {verdict.files} files"
        )
        return 0
    for fault in verdict.faults:
        click.echo(f"{folder}: {fault}", err=True)
    return 6
