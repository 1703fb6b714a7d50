"""Commands about finished episodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, asking_options, output_options, settings_of
from chainer.console import seconds_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from chainer.digest import Digest
    from chainer.permission import Register
    from chainer.store import StorePolicy


@click.command(short_help="Is it whole, as planned, signed, still allowed?")
@click.argument("folder", type=click.Path(path_type=Path))
@asking_options
@output_options
@click.pass_obj
def verify(session: Session, /, folder: Path, **options: Any) -> int:
    """Check that the episode is whole, as planned, signed and still allowed.

    Needs nothing but the folder, and where it has playlists the store whose segments they name.
    Where the store that made it or its ledger is at hand, they are asked whether consent still
    stands. Exit status 6: not whole; 4: whole, or without segments alone, but not allowed.

    \b
    Example:
      chainer verify out/harbor
    """
    from chainer.allowed import still_allowed
    from chainer.cli.told import verdict_lines
    from chainer.episode.verify import verify_episode

    settings = settings_of(options)
    verdict = verify_episode(folder, settings.provenance, _segments(settings.store))
    told = still_allowed(folder, settings.store.root, register=_register(options))
    session.console.result(
        {
            "path": str(folder),
            "whole": verdict.whole,
            "title": verdict.title,
            "frames": verdict.frames,
            "files": verdict.files,
            "faults": list(verdict.faults),
            "signed": verdict.signed,
            "credentials": verdict.credentials,
            "signer": verdict.signer,
            **told.as_json(),
        }
    )
    # What is taken back leaves the store: nobody shall make those segments again.
    gone = not told.allowed and verdict.folder_whole
    for fault in (*(() if gone else verdict.faults), *told.why):
        click.echo(f"{folder}: {fault}", err=True)
    if gone and verdict.lost:
        count = len(verdict.lost)
        session.console.note(f"{count} of its segments are gone from the store, as they must")
    for note in (*verdict.notes, *told.notes):
        session.console.note(note)
    if verdict.whole and told.allowed:
        for line in verdict_lines(folder, verdict, told):
            session.console.say(line)
        return 0
    return 4 if verdict.whole or gone else 6


def _segments(policy: StorePolicy) -> Callable[[Digest], Path] | None:
    """What gives the bytes of a segment in the store; None where there is no store.

    A bucket is first spoken to when it is asked for one.
    """
    from chainer.store import Store, open_store

    if policy.url is None and not (policy.root / "cas").is_dir():
        return None
    opened: list[Store] = []

    def fetch(digest: Digest) -> Path:
        if not opened:
            opened.append(open_store(policy))
        return opened[0].fetch_blob(digest)

    return fetch


def _register(options: dict[str, Any]) -> Register | None:
    from chainer.permission import open_register

    ledger = options.get("ledger")
    return None if ledger is None else open_register(ledger)


@click.command(short_help="Note that an episode is shown to the public.")
@click.argument("folder", type=click.Path(path_type=Path))
@asking_options
@output_options
@click.pass_obj
def publish(session: Session, /, folder: Path, **options: Any) -> None:
    """Note that an episode is shown to the public, if everybody in it allows that.

    \b
    Example:
      chainer publish out/harbor
    """
    from chainer.compose import open_store
    from chainer.publish import publish_episode

    settings = settings_of(options)
    manifest = publish_episode(folder, open_store(settings), register=_register(options))
    session.console.result({"path": str(folder), "id": manifest.id, "state": "published"})
    session.console.say(f"{folder}: {manifest.title}: published")


@click.command("credits", short_help="Who is owed what of an episode.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--revenue", metavar="AMOUNT", help="Split this amount to the cent, such as 100.00.")
@click.option(
    "--digits",
    type=click.IntRange(0, 6),
    default=2,
    show_default=True,
    metavar="N",
    help="Decimal places of the currency.",
)
@output_options
@click.pass_obj
def credits_(session: Session, /, folder: Path, revenue: str | None, digits: int, **_: Any) -> None:
    """Who is owed what of an episode: seconds, shares, and an amount split by them.

    \b
    Example:
      chainer credits out/harbor --revenue 100.00
    """
    from chainer.episode.credits import read_credits, split_revenue

    told = read_credits(folder)
    shares = {one.author: one.share for one in told.contributors}
    split = split_revenue(shares, revenue, digits) if revenue is not None else {}
    session.console.result(
        {
            **told.model_dump(mode="json", by_alias=True),
            "revenue": {name: str(amount) for name, amount in split.items()},
        }
    )
    for one in told.contributors:
        amount = f"  {split[one.author]:>12}" if split else ""
        session.console.say(
            f"{one.author:24} {seconds_text(one.seconds):>9}  {float(one.share):7.2%}{amount}"
        )
