"""The words that the consent commands share: their options, and what these mean as values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainer.cli.options import load, output_options, settings_of
from chainer.consent.words import Edit, Modality, Use

if TYPE_CHECKING:
    from chainer.consent.say import Whom
    from chainer.permission import Register
    from chainer.store import Store

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Option = Callable[[Any], Any]

_MOST_LETTERS = 64
_CLOSE = 0.8
"""One letter of five, or of `p-mei`: short ids are alike without being mistaken."""


def ledger_options(command: _Command) -> _Command:
    """Which ledger, whose episodes, and how it is told."""
    for option in (
        click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Settings as TOML: `[consent] ledger` is asked.",
        ),
        click.option(
            "--store",
            metavar="DIR",
            envvar="CHAINER_STORE",
            show_envvar=True,
            help="Whose episodes and pieces are meant.",
        ),
        click.option(
            "--graph",
            metavar="GRAPH",
            help="The ledger that this graph names.",
        ),
        click.option(
            "--ledger",
            type=click.Path(path_type=Path),
            metavar="FILE",
            envvar="CHAINER_LEDGER",
            show_envvar=True,
            help="The ledger: .jsonl, or .db for SQLite.",
        ),
    ):
        command = option(command)
    return output_options(command)


def whom_options(command: _Command) -> _Command:
    """Whom an entry is about."""
    for option in (
        click.option("--everyone", is_flag=True, help="Everybody."),
        click.option("--mutuals", is_flag=True, help="Those who allow each other."),
        click.option(
            "--author",
            "--to",
            "authors",
            multiple=True,
            metavar="A",
            help="This author. Repeatable.",
        ),
    ):
        command = option(command)
    return command


def use_option(help_text: str) -> _Option:
    """--use, repeatable."""
    return _words_option("--use", "uses", [one.value for one in Use], "USE", help_text)


def edit_option(help_text: str) -> _Option:
    """--edit, repeatable."""
    return _words_option("--edit", "edits", [one.value for one in Edit], "EDIT", help_text)


def modality_option(help_text: str) -> _Option:
    """--modality, repeatable."""
    words = [one.value for one in Modality]
    return _words_option("--modality", "modalities", words, "|".join(words), help_text)


def _words_option(
    name: str, target: str, words: Sequence[str], metavar: str, help_text: str
) -> _Option:
    kind = click.Choice(words)
    return click.option(name, target, multiple=True, type=kind, metavar=metavar, help=help_text)


def context_option() -> _Option:
    """--not-in, repeatable."""
    return click.option(
        "--not-in",
        "contexts",
        multiple=True,
        metavar="CONTEXT",
        callback=_labels,
        help="A context that is refused, such as a tag. Repeatable.",
    )


def time_option(name: str, target: str, help_text: str) -> _Option:
    """A moment with its zone."""
    return click.option(name, target, metavar="TIME", callback=_moment, help=help_text)


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
        whole = moment.isoformat()
        raise click.BadParameter(
            f"{text!r} has no zone; write it as {whole}Z or {whole}+01:00", param=parameter
        )
    return moment


def label(_context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """One short label, as the ledger takes it: a callback."""
    from chainer.graph.scalars import LINE_PATTERN

    if text is not None and not (
        0 < len(text) <= _MOST_LETTERS and re.fullmatch(LINE_PATTERN, text)
    ):
        raise click.BadParameter(
            f"{text[:80]!r} is no label; write 1 to {_MOST_LETTERS} characters on one line",
            param=parameter,
        )
    return text


def _labels(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    for text in texts:
        label(context, parameter, text)
    return texts


# -- from options to values -------------------------------------------------------------------


def whom(options: dict[str, Any], *, needed: bool = False) -> Whom:
    """Whom the options name: everyone, where they name nobody and somebody is not `needed`."""
    from chainer.consent.say import Whom

    given = [name for name in ("authors", "mutuals", "everyone") if options[name]]
    if needed and not given:
        raise click.UsageError("say to whom: --author A, --mutuals or --everyone")
    if len(given) > 1:
        raise click.UsageError("give one of --author, --mutuals and --everyone")
    return Whom(tuple(options["authors"]), mutuals=options["mutuals"])


def ledger_and_store(options: dict[str, Any]) -> tuple[Path, Store]:
    """Which ledger is meant, and the store whose episodes are."""
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


def register_and_store(options: dict[str, Any], *, create: bool = False) -> tuple[Register, Store]:
    """The ledger that is meant, open; begun with `create`, or where it is the store's own."""
    from chainer.permission import OWN_FOLDER, open_own, open_register

    path, store = ledger_and_store(options)
    if path.parent == store.root / OWN_FOLDER:
        return open_own(store), store
    return open_register(path, create=create), store


def new_names(register: Register, names: Sequence[str]) -> list[str]:
    """Remarks on names that the ledger has never heard and that are close to one it knows.

    To be asked before anything is recorded, which makes them known.
    """
    import difflib

    known = register.book.names()
    told = []
    for name in dict.fromkeys(names):
        near = [] if name in known else difflib.get_close_matches(name, known, 1, _CLOSE)
        told += [f"{name!r} is new to {register.book.name}; did you mean {one!r}?" for one in near]
    return told


@contextlib.contextmanager
def kept_in_spite(register: Register, tell: Callable[[str], None]) -> Iterator[None]:
    """Where something fails after the entry was recorded, say that the entry holds."""
    from chainer.errors import ChainerError

    before = register.book.position()
    try:
        yield
    except ChainerError:
        with contextlib.suppress(ChainerError):
            if (now := register.book.position()) != before:
                tell(
                    f"entry {now.seq} of {register.book.name} is recorded and holds; what it "
                    "touches is not dealt with yet: `chainer consent catch-up` goes on from there"
                )
        raise
