"""Commands that record what a person says: grants, refusals, limits, the wish to be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli import ledger
from chainer.cli.options import Session, atom_id
from chainer.cli.said import (
    context_option,
    edit_option,
    kept_in_spite,
    label,
    ledger_options,
    modality_option,
    new_names,
    register_and_store,
    time_option,
    use_option,
    whom,
    whom_options,
)
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Use

if TYPE_CHECKING:
    from chainer.consent.entry import Entry
    from chainer.permission import Register
    from chainer.store import Store
    from chainer.withdrawal import Withdrawal


@click.group(short_help="The ledger: who may show whom.")
def consent() -> None:
    """The ledger of consent: who may show whom, and what a revocation touches.

    Without --ledger or --graph it is the one that the settings name, else `consent.jsonl` in this
    folder where that is, else the store's own.
    """


@consent.command(short_help="PERSON allows somebody to show them.")
@click.argument("person")
@whom_options
@use_option(
    "What for: draft, episode, publish, remix, commercial, training. Default: the first two."
)
@edit_option(
    f"What may be done. Default: {', '.join(USUAL_EDITS)}. Also: "
    f"{', '.join(one for one in Edit if one not in USUAL_EDITS)}."
)
@modality_option("By what the person may be recognised. Default: both.")
@context_option()
@time_option("--from", "not_before", "Not before. Grants are never back-dated.")
@time_option("--until", "expires", "The first moment at which it no longer holds.")
@click.option("--atom", metavar="ATOM", callback=atom_id, help="An approval of this atom alone.")
@click.option(
    "--evidence",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What proves it: its SHA-256 is recorded.",
)
@click.option(
    "--notice", metavar="VERSION", callback=label, help="The version of the words agreed to."
)
@ledger_options
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

    to_whom = whom(options, needed=True)
    register, _ = register_and_store(options, create=True)
    remarks = new_names(register, (person, *to_whom.authors))
    evidence = options["evidence"]
    entry = say_grant(
        register.book,
        person,
        to_whom,
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
    for remark in remarks:
        session.console.note(remark)


def _refusal(kind: Kind) -> Callable[..., None]:
    def command(session: Session, /, person: str, **options: Any) -> None:
        from chainer.withdrawal import withdraw

        of_whom = whom(options)
        register, store = register_and_store(options, create=kind is Kind.DENY)
        remarks = new_names(register, (person, *of_whom.authors))
        with kept_in_spite(register, session.console.warn):
            done = withdraw(
                register,
                store,
                person,
                of_whom,
                kind=kind,
                uses=[Use(one) for one in options["uses"]],
                modalities=[Modality(one) for one in options["modalities"]],
                since=options["since"],
            )
        _tell_withdrawal(session, register, store, done)
        for remark in remarks:
            session.console.note(remark)

    return command


def _refusing(name: str, kind: Kind, short: str, help_text: str) -> click.Command:
    command: Any = _refusal(kind)
    for option in (
        ledger_options,
        time_option("--from", "since", "From when on. May lie in the past."),
        modality_option("Only this. Default: both."),
        use_option("Only this use. Repeatable. Default: every use."),
        whom_options,
        click.argument("person"),
    ):
        command = option(command)
    return consent.command(name, short_help=short, help=help_text)(click.pass_obj(command))


revoke = _refusing(
    "revoke",
    Kind.REVOKE,
    "PERSON takes consent back.",
    """Take consent back: PERSON is shown no longer, to everyone or by one author.

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
    "PERSON refuses, granted or not.",
    """Record that PERSON refuses, whether or not anything was granted.

    Stands against a later grant to everyone; only one that names the author ends it. What it
    touches is dealt with as by `revoke`.

    \b
    Example:
      chainer consent deny p-mei --author p-bo
    """,
)


@consent.command(short_help="Limits under every grant of PERSON.")
@click.argument("person")
@whom_options
@use_option("A use that is refused.")
@edit_option("An edit that is refused.")
@modality_option("What is refused.")
@context_option()
@time_option("--from", "since", "From when on. May lie in the past.")
@time_option("--until", "expires", "The first moment at which it no longer holds.")
@ledger_options
@click.pass_obj
def restrict(session: Session, /, person: str, **options: Any) -> None:
    """Refuse certain uses, edits or contexts of PERSON under every grant.

    Replaces the last restriction of the same reach; without anything listed it lifts it.

    \b
    Example:
      chainer consent restrict p-mei --not-in politics --edit speed
    """
    from chainer.withdrawal import narrow

    of_whom = whom(options)
    register, store = register_and_store(options)
    remarks = new_names(register, of_whom.authors)
    with kept_in_spite(register, session.console.warn):
        done = narrow(
            register,
            store,
            person,
            of_whom,
            uses=[Use(one) for one in options["uses"]],
            edits=[Edit(one) for one in options["edits"]],
            modalities=[Modality(one) for one in options["modalities"]],
            contexts=options["contexts"],
            since=options["since"],
            expires=options["expires"],
        )
    _tell_withdrawal(session, register, store, done)
    for remark in remarks:
        session.console.note(remark)


@consent.command(short_help="Forget PERSON, for good.")
@click.argument("person")
@click.option("--yes", is_flag=True, help="It cannot be undone: say that you mean it.")
@ledger_options
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
    register, store = register_and_store(options)
    with kept_in_spite(register, session.console.warn):
        done = forget(register, store, person)
    _tell_withdrawal(session, register, store, done)


def _tell(session: Session, register: Register, entry: Entry) -> None:
    from chainer.consent.telling import entry_text

    session.console.result({"entry": entry.model_dump(mode="json", by_alias=True)})
    session.console.say(f"{register.book.name}: {entry_text(entry, register.book.name_of)}")


def _tell_withdrawal(session: Session, register: Register, store: Store, done: Withdrawal) -> None:
    from chainer.cli.told import applied_lines
    from chainer.consent.telling import entry_text

    session.console.result(done.as_json())
    session.console.say(f"{register.book.name}: {entry_text(done.entry, register.book.name_of)}")
    for line in applied_lines(done.applied, store):
        session.console.say(line)


for _command in (ledger.show, ledger.audit, ledger.catch_up, ledger.rerender):
    consent.add_command(_command)
