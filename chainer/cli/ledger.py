"""Commands that read the consent ledger and do what it asks for; none of them adds to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, output_options, settings_of, settings_options
from chainer.cli.said import ledger_and_store, ledger_options, register_and_store
from chainer.console import count_text

if TYPE_CHECKING:
    from chainer.again import Again


@click.command(short_help="What was said, and the episodes.")
@click.argument("person", required=False)
@ledger_options
@click.pass_obj
def show(session: Session, /, person: str | None, **options: Any) -> None:
    """What PERSON, or everybody, said, and which episodes show them.

    \b
    Examples:
      chainer consent show
      chainer consent show p-mei
    """
    from chainer.cli.told import episode_text
    from chainer.consent.say import unknown_person
    from chainer.consent.telling import entry_text
    from chainer.withdrawal import episodes_showing

    console = session.console
    register, store = register_and_store(options)
    book = register.book
    if person is not None and person not in book.names():
        raise unknown_person(book, person)
    key = None if person is None else book.key(person)
    entries = [one for one in book.entries() if key in (None, one.person)]
    shown = episodes_showing(store, key) if key is not None else ()
    console.result(
        {
            "ledger": book.name,
            "person": person,
            "entries": [
                {**one.model_dump(mode="json", by_alias=True), "name": book.name_of(one.person)}
                for one in entries
            ],
            "episodes": [
                {
                    "id": one.id,
                    "title": one.title,
                    "state": one.state.value,
                    "folders": [str(folder) for folder in one.folders],
                }
                for one in shown
            ],
        }
    )
    about = f" about {person}" if person else ""
    console.say(f"{book.name}: {count_text(len(entries), 'entry', 'entries')}{about}")
    for one in entries:
        console.say(f"  {entry_text(one, book.name_of)}")
    if person is not None:
        console.say(f"{count_text(len(shown), 'episode')} of this store with {person}")
    for episode in shown:
        console.say(f"  {episode_text(episode)}")


@click.command(short_help="Find the first bad entry, if any.")
@ledger_options
@click.option("--repair", is_flag=True, help="Cut off an unfinished last line, and only that.")
@click.pass_obj
def audit(session: Session, /, *, repair: bool, **options: Any) -> int:
    """Check every entry, the chain between them, and what episodes remember of it.

    Exit status 6 where the ledger is not whole.

    \b
    Example:
      chainer consent audit --ledger consent.jsonl
    """
    from chainer.consent.audit import audit as audit_ledger
    from chainer.consent.audit import repair_tail
    from chainer.withdrawal import remembered_positions

    path, store = ledger_and_store(options)
    if repair:
        repair_tail(path)
    report = audit_ledger(path, remembered_positions(store, path))
    session.console.result(
        {
            "ledger": report.source,
            "entries": report.entries,
            "whole": report.whole,
            "first_bad": report.first_bad,
            "why": report.why,
            "head": {"seq": report.head.seq, "digest": report.head.digest},
        }
    )
    if report.whole:
        told = count_text(report.entries, "entry", "entries")
        session.console.say(f"{report.source}: whole: {told}")
        return 0
    at = "" if report.first_bad is None else f" at entry {report.first_bad}"
    click.echo(f"{report.source}: not whole{at}: {report.why}", err=True)
    return 6


@click.command("catch-up", short_help="Finish what was begun; expiries.")
@ledger_options
@click.pass_obj
def catch_up(session: Session, /, **options: Any) -> None:
    """Finish what was interrupted, and deal with grants that have expired.

    Run it from a timer.

    \b
    Example:
      chainer consent catch-up
    """
    from chainer.cli.told import applied_lines
    from chainer.withdrawal import catch_up as catch_up_all

    register, store = register_and_store(options)
    applied = catch_up_all(register, store)
    session.console.result(applied.as_json())
    for line in applied_lines(applied, store):
        session.console.say(line)


@click.command(short_help="Make queued episodes again.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Each episode becomes a folder of its own in here.",
)
@settings_options
@output_options
@click.pass_obj
def rerender(session: Session, /, out: Path, **options: Any) -> int:
    """Make the queued episodes again, each along another allowed path, in a folder inside DIR.

    Give the settings that the episodes were made with: --settings, --profile. Each is asked of the
    ledger that it was asked of; --ledger says where that lies now. Exit status 7: some
    could not be made again.

    \b
    Example:
      chainer consent rerender -o again
    """
    from chainer.again import make_again
    from chainer.cli.told import again_text
    from chainer.compose import open_store
    from chainer.permission import open_register

    console, settings = session.console, settings_of(options)
    done: list[Again] = []
    given = options["ledger"]
    for one in make_again(
        open_store(settings),
        settings,
        out,
        register=None if given is None else open_register(given),
        on_progress=console.progress,
        cancel=session.cancel,
    ):
        done.append(one)
        console.say(again_text(one))
    console.result({"episodes": [one.as_json() for one in done]})
    if not done:
        console.say("nothing is queued")
    return 7 if any(one.folder is None for one in done) else 0
