"""Commands about the consent ledger: who said what, and what taking it back touches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainer.cli.options import Session, load, output_options, settings_of, settings_options
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Use

if TYPE_CHECKING:
    from chainer.consent.entry import Entry
    from chainer.consent.say import Whom
    from chainer.permission import Register
    from chainer.store import Store
    from chainer.withdrawal import Withdrawal

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def consent() -> None:
    """The ledger of consent: who may show whom, and what a revocation touches.

    Without --ledger or --graph it is `consent.jsonl` in this folder where that is, else the
    store's own.
    """


# -- options ----------------------------------------------------------------------------------


def _ledger_options(command: _Command) -> _Command:
    for option in (
        click.option(
            "--ledger",
            type=click.Path(path_type=Path),
            metavar="FILE",
            envvar="CHAINER_LEDGER",
            show_envvar=True,
            help="The ledger: .jsonl, or .db for SQLite.",
        ),
        click.option(
            "--graph",
            type=click.Path(path_type=Path),
            metavar="GRAPH",
            help="The ledger that this graph names.",
        ),
        click.option(
            "--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE"
        ),
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            metavar="DIR",
            envvar="CHAINER_STORE",
            show_envvar=True,
            help="Whose episodes and pieces are meant.",
        ),
    ):
        command = option(command)
    return output_options(command)


def _whom_options(command: _Command) -> _Command:
    for option in (
        click.option(
            "--author",
            "--to",
            "authors",
            multiple=True,
            metavar="A",
            help="This author. Repeatable.",
        ),
        click.option("--mutuals", is_flag=True, help="Those who allow each other."),
        click.option("--everyone", is_flag=True, help="Everybody."),
    ):
        command = option(command)
    return command


def _use_option(help_text: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--use", "uses", multiple=True, type=click.Choice([*Use]), metavar="USE", help=help_text
    )


def _modality_option(help_text: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--modality",
        "modalities",
        multiple=True,
        type=click.Choice([*Modality]),
        metavar="face|voice",
        help=help_text,
    )


def _moment(_context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write it as 2026-11-22T18:00:00Z", param=parameter
        ) from None
    if moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} has no zone; write it as {text}Z or {text}+01:00", param=parameter
        )
    return moment


def _time_option(name: str, target: str, help_text: str) -> Callable[[_Command], _Command]:
    return click.option(name, target, metavar="TIME", callback=_moment, help=help_text)


# -- commands ---------------------------------------------------------------------------------


@consent.command()
@click.argument("person")
@_whom_options
@_use_option(
    "What for: draft, episode, publish, remix, commercial, training. Default: the first two."
)
@click.option(
    "--edit",
    "edits",
    multiple=True,
    type=click.Choice([*Edit]),
    metavar="EDIT",
    help=f"What may be done. Default: {', '.join(USUAL_EDITS)}.",
)
@_modality_option("By what the person may be recognised. Default: both.")
@click.option("--not-in", "contexts", multiple=True, metavar="CONTEXT", help="Refused contexts.")
@_time_option("--from", "not_before", "Not before. Grants are never back-dated.")
@_time_option("--until", "expires", "The first moment at which it no longer holds.")
@click.option("--atom", metavar="ATOM", help="An approval of this atom alone.")
@click.option(
    "--evidence",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What proves it: its SHA-256 is recorded.",
)
@click.option("--notice", metavar="VERSION", help="The version of the words agreed to.")
@_ledger_options
@click.pass_obj
def grant(session: Session, /, person: str, **options: Any) -> None:
    """Record that PERSON allows an author, mutuals or everyone to show them.

    \b
    Examples:
      chainer consent grant p-mei --author p-bo --use episode --use publish
      chainer consent grant p-mei --everyone --use episode --until 2027-01-01T00:00:00Z
    """
    from chainer.consent.say import USUAL_USES
    from chainer.consent.say import grant as say_grant
    from chainer.digest import file_digest

    whom = _whom(options)
    if not (options["authors"] or options["mutuals"] or options["everyone"]):
        raise click.UsageError("say to whom: --author A, --mutuals or --everyone")
    register, _ = _register(options, create=True)
    evidence = options["evidence"]
    entry = say_grant(
        register.book,
        person,
        whom,
        uses=[Use(one) for one in options["uses"]] or USUAL_USES,
        edits=[Edit(one) for one in options["edits"]] or USUAL_EDITS,
        modalities=[Modality(one) for one in options["modalities"]] or tuple(Modality),
        contexts=options["contexts"],
        not_before=options["not_before"],
        expires=options["expires"],
        atom=options["atom"],
        evidence=None if evidence is None else file_digest(evidence),
        notice=options["notice"],
    )
    _tell(session, register, entry)


def _refusal(kind: Kind) -> Callable[..., None]:
    def command(session: Session, /, person: str, **options: Any) -> None:
        from chainer.withdrawal import withdraw

        register, store = _register(options, create=kind is Kind.DENY)
        done = withdraw(
            register,
            store,
            person,
            _whom(options),
            kind=kind,
            uses=[Use(one) for one in options["uses"]],
            modalities=[Modality(one) for one in options["modalities"]],
            since=options["since"],
        )
        _tell_withdrawal(session, register, done)

    return command


def _refusing(name: str, kind: Kind, help_text: str) -> click.Command:
    command: Any = _refusal(kind)
    for option in (
        click.argument("person"),
        _whom_options,
        _use_option("Only this use. Repeatable. Default: every use."),
        _modality_option("Only this. Default: both."),
        _time_option("--from", "since", "From when on. May lie in the past."),
        _ledger_options,
    ):
        command = option(command)
    return consent.command(name, help=help_text)(click.pass_obj(command))


revoke = _refusing(
    "revoke",
    Kind.REVOKE,
    """Take consent back: PERSON is shown no longer.

    Marks every episode and draft that shows the person, purges what was kept of them, queues new
    renderings without them and writes notices. May be repeated, after a crash too.

    \b
    Examples:
      chainer consent revoke p-mei
      chainer consent revoke p-mei --author p-bo --use publish
    """,
)

deny = _refusing(
    "deny",
    Kind.DENY,
    """Record that PERSON refuses, whether or not anything was granted.

    \b
    Example:
      chainer consent deny p-mei --author p-bo
    """,
)


@consent.command("restrict")
@click.argument("person")
@_whom_options
@_use_option("A use that is refused.")
@click.option("--edit", "edits", multiple=True, type=click.Choice([*Edit]), metavar="EDIT")
@_modality_option("What is refused.")
@click.option("--not-in", "contexts", multiple=True, metavar="CONTEXT", help="Refused contexts.")
@_time_option("--from", "since", "From when on.")
@_time_option("--until", "expires", "Until when.")
@_ledger_options
@click.pass_obj
def restrict(session: Session, /, person: str, **options: Any) -> None:
    """Refuse PERSON's likeness to certain uses, edits or contexts under every grant.

    Replaces the last restriction of the same reach; without anything listed it lifts it.

    \b
    Example:
      chainer consent restrict p-mei --not-in politics --edit speed
    """
    from chainer.withdrawal import narrow

    register, store = _register(options)
    done = narrow(
        register,
        store,
        person,
        _whom(options),
        uses=[Use(one) for one in options["uses"]],
        edits=[Edit(one) for one in options["edits"]],
        modalities=[Modality(one) for one in options["modalities"]],
        contexts=options["contexts"],
        since=options["since"],
        expires=options["expires"],
    )
    _tell_withdrawal(session, register, done)


@consent.command("erase")
@click.argument("person")
@click.option("--yes", is_flag=True, help="It cannot be undone: say that you mean it.")
@_ledger_options
@click.pass_obj
def erase(session: Session, /, person: str, *, yes: bool, **options: Any) -> None:
    """Forget PERSON: revokes everything, then destroys the name behind the keyed id.

    \b
    Example:
      chainer consent erase p-mei --yes
    """
    from chainer.withdrawal import forget

    if not yes:
        raise click.UsageError("erasing cannot be undone; add --yes")
    register, store = _register(options)
    _tell_withdrawal(session, register, forget(register, store, person))


@consent.command("show")
@click.argument("person", required=False)
@_ledger_options
@click.pass_obj
def show(session: Session, /, person: str | None, **options: Any) -> None:
    """What PERSON, or everybody, said, and which episodes show them.

    \b
    Example:
      chainer consent show p-mei
    """
    from chainer.consent.say import unknown_person
    from chainer.consent.telling import entry_text
    from chainer.withdrawal import episodes_showing

    register, store = _register(options)
    book = register.book
    if person is not None and person not in book.names():
        raise unknown_person(book, person)
    key = None if person is None else book.key(person)
    entries = [one for one in book.entries() if key in (None, one.person)]
    shown = episodes_showing(store, key) if key is not None else ()
    session.console.result(
        {
            "ledger": book.name,
            "person": person,
            "entries": [
                {**one.model_dump(mode="json", by_alias=True), "name": book.name_of(one.person)}
                for one in entries
            ],
            "episodes": [
                {"id": one.id, "title": one.title, "state": one.state.value} for one in shown
            ],
        }
    )
    for one in entries:
        session.console.say(entry_text(one, book.name_of))
    if not entries:
        session.console.say(f"{book.name}: no entries" + (f" about {person}" if person else ""))
    for episode in shown:
        session.console.say(f"episode {episode.id}: {episode.title}: {episode.state}")


@consent.command("audit")
@_ledger_options
@click.option("--repair", is_flag=True, help="Cut off an unfinished last line, and only that.")
@click.pass_obj
def audit(session: Session, /, *, repair: bool, **options: Any) -> int:
    """Check every entry, the chain between them, and what episodes remember of it.

    \b
    Example:
      chainer consent audit --ledger consent.jsonl
    """
    from chainer.consent.audit import audit as audit_ledger
    from chainer.consent.audit import repair_tail
    from chainer.withdrawal import remembered_positions

    path, store = _ledger_path(options)
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
        session.console.say(f"{report.source}: whole: {report.entries} entries")
        return 0
    click.echo(f"{report.source}: damaged at entry {report.first_bad}: {report.why}", err=True)
    return 6


@consent.command("catch-up")
@_ledger_options
@click.pass_obj
def catch_up(session: Session, /, **options: Any) -> None:
    """Finish what was interrupted, and deal with grants that have expired.

    Run it from a timer.

    \b
    Example:
      chainer consent catch-up
    """
    from chainer.withdrawal import applied_lines
    from chainer.withdrawal import catch_up as catch_up_all

    register, store = _register(options)
    applied = catch_up_all(register, store)
    session.console.result(applied.as_json())
    for line in applied_lines(applied):
        session.console.say(line)


@consent.command("rerender")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR")
@settings_options
@output_options
@click.pass_obj
def rerender(session: Session, /, out: Path, **options: Any) -> None:
    """Make the queued episodes again, each along another allowed path, in a folder inside DIR.

    \b
    Example:
      chainer consent rerender -o again
    """
    from chainer.again import make_again
    from chainer.compose import open_store

    console, settings = session.console, settings_of(options)
    done = []
    for one in make_again(
        open_store(settings), settings, out, on_progress=console.progress, cancel=session.cancel
    ):
        done.append(one.as_json())
        if one.folder is not None:
            console.say(f"{one.episode}: made again: {one.folder}: {' → '.join(one.chain)}")
        else:
            console.say(f"{one.episode}: cannot be made again: {one.why}")
    console.result({"episodes": done})
    if not done:
        console.say("nothing is queued")


# -- from options to values -------------------------------------------------------------------


def _whom(options: dict[str, Any]) -> Whom:
    from chainer.consent.say import Whom

    if options["everyone"] and (options["authors"] or options["mutuals"]):
        raise click.UsageError("--everyone goes with neither --author nor --mutuals")
    return Whom(tuple(options["authors"]), mutuals=options["mutuals"])


def _ledger_path(options: dict[str, Any]) -> tuple[Path, Store]:
    from chainer.compose import open_store
    from chainer.permission import LEDGER_NAME, ledger_path

    settings = settings_of(options)
    store = open_store(settings)
    if options["ledger"] is not None:
        return options["ledger"].absolute(), store
    if options["graph"] is not None:
        return ledger_path(settings, store, load(options["graph"])).absolute(), store
    here = Path(LEDGER_NAME).absolute()
    if settings.consent.ledger is None and here.is_file():
        return here, store
    return ledger_path(settings, store).absolute(), store


def _register(options: dict[str, Any], *, create: bool = False) -> tuple[Register, Store]:
    from chainer.permission import OWN_FOLDER, open_own, open_register

    path, store = _ledger_path(options)
    if path.parent == store.root / OWN_FOLDER:
        return open_own(store), store
    return open_register(path, create=create), store


def _tell(session: Session, register: Register, entry: Entry) -> None:
    from chainer.consent.telling import entry_text

    session.console.result({"entry": entry.model_dump(mode="json", by_alias=True)})
    session.console.say(f"{register.book.name}: {entry_text(entry, register.book.name_of)}")


def _tell_withdrawal(session: Session, register: Register, done: Withdrawal) -> None:
    from chainer.consent.telling import entry_text
    from chainer.withdrawal import applied_lines

    session.console.result(done.as_json())
    session.console.say(f"{register.book.name}: {entry_text(done.entry, register.book.name_of)}")
    for line in applied_lines(done.applied):
        session.console.say(line)
    session.console.say(f"notices: {done.outbox}")
