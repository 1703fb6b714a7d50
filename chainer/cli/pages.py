"""Commands that write pages for people."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, asking_options, output_options, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chainer.render.run import Runner
    from chainer.report.standing import Standing
    from chainer.settings import Settings


@click.command(short_help="A page for people about an episode.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the page goes.  [default: DIR/report.html]",
)
@click.option(
    "--graph",
    "address",
    metavar="GRAPH",
    help="The graph it was made of: shows pictures of the roads not taken.",
)
@asking_options
@output_options
@click.pass_obj
def report(
    session: Session, /, folder: Path, out: Path | None, address: str | None, **options: Any
) -> int:
    """Write one page that tells everything about the episode in FOLDER.

    Needs nothing but the folder; where the store that made it or its ledger is at hand, they are
    asked whether it may still be shown, as by `verify`. Exit status 6: the folder is not whole,
    4: it is not allowed; the page is written all the same, and says so.

    \b
    Example:
      chainer report out/harbor
    """
    from chainer.errors import OutputError
    from chainer.render.encoder import find_ffmpeg
    from chainer.render.run import Runner
    from chainer.report.write import REPORT_NAME, report_page
    from chainer.store import Store

    settings = settings_of(options)
    target = (folder / REPORT_NAME) if out is None else out
    _check_target(target, folder)
    standing = _standing(folder, settings, options)
    with tempfile.TemporaryDirectory(prefix="chainer-report-") as notes:
        # The store that made it need not be here, and asking FFmpeg who it is costs little.
        runner = Runner(find_ffmpeg(settings.ffmpeg, Store(Path(notes))), session.cancel)
        others = {} if address is None else _others(address, folder, settings, runner)
        page = report_page(
            folder,
            runner,
            standing,
            others,
            beside=os.path.relpath(folder, target.parent),
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        draft.write_text(page.html, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(
            f"{target} cannot be written: {error.strerror or error}; name another with -o",
            path=str(target),
        ) from error
    verdict = standing.verdict
    session.console.result(
        {
            "path": str(target),
            "bytes": len(page.html.encode()),
            "whole": verdict.whole,
            "allowed": standing.shows,
            "faults": list(dict.fromkeys([*verdict.faults, *page.faults])),
            "why": list(standing.against),
        }
    )
    for fault in dict.fromkeys([*verdict.faults, *page.faults, *standing.against]):
        click.echo(f"{folder}: {fault}", err=True)
    session.console.say(str(target))
    if not verdict.whole or page.faults:
        return 6
    return 0 if standing.shows else 4


def _check_target(target: Path, folder: Path) -> None:
    """Raise `OutputError` for a place where the page would do harm, or cannot be."""
    from chainer.errors import OutputError

    why = None
    if not target.parent.is_dir():
        why = f"{target.parent} is no folder" if folder.is_dir() else None
    elif target.suffix.lower() not in (".html", ".htm") and (
        target.parent.resolve().is_relative_to(folder.resolve())
    ):
        why = "in an episode's folder a page has a name that ends in .html"
    if why is not None:
        raise OutputError(
            f"{target} cannot be written: {why}; name another with -o", path=str(target)
        )


def _standing(folder: Path, settings: Settings, options: dict[str, Any]) -> Standing:
    """What `verify` would say now."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from chainer.allowed import still_allowed
    from chainer.episode.verify import verify_episode
    from chainer.permission import open_register
    from chainer.report.standing import Standing

    verdict = verify_episode(folder, settings.provenance)
    ledger = options.get("ledger")
    register = None if ledger is None else open_register(ledger)
    told = still_allowed(folder, settings.store.root, register=register)
    if told.why and verdict.folder_whole:
        verdict = replace(verdict, faults=(), lost=())  # what is taken back leaves the store
    return Standing(datetime.now(UTC), verdict, told.why, told.asked, told.state, told.notes)


def _others(address: str, folder: Path, settings: Settings, runner: Runner) -> Mapping[str, bytes]:
    """Stills of atoms that the walk passed by and that may be shown, as JPEG."""
    from chainer.cli.options import load
    from chainer.compose import open_store
    from chainer.episode.manifest import read_manifest
    from chainer.permission import Permission
    from chainer.report.others import passed_by, stills_of

    chain = read_manifest(folder).chain
    graph = load(address, chain[0] if chain else None)
    closed = Permission(graph, settings, open_store(settings)).closed
    return stills_of(runner, graph, passed_by(graph, chain, closed), settings.media)
