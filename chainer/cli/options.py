"""The options that commands share, and what they mean as values."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainer.console import Console

if TYPE_CHECKING:
    from chainer.episode.plan import EpisodePlan
    from chainer.graph import Chain, Graph, WalkOptions
    from chainer.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command: where it prints and how it is stopped."""

    console: Console
    cancel: threading.Event


def output_options(command: _Command) -> _Command:
    """--json and --quiet."""
    command = click.option("--json", "machine", is_flag=True, help="Print one JSON object.")(
        command
    )
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")(command)


def settings_options(command: _Command) -> _Command:
    """What a film is made with, and where."""
    return _common_options(command, making=True)


def asking_options(command: _Command) -> _Command:
    """Whom to ask about a finished film.

    What a film is made with is taken too, since every command takes the common options, but it is
    not listed: it changes nothing here.
    """
    return _common_options(command, making=False)


def _common_options(command: _Command, *, making: bool) -> _Command:
    hidden = not making
    for option in (
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            metavar="N",
            help="Steps at once.",
            hidden=hidden,
        ),
        click.option(
            "--audience",
            type=click.Choice(["all", "teen", "mature"]),
            help="Play only what is rated for them.",
            hidden=hidden,
        ),
        click.option(
            "--composer",
            metavar="ID",
            callback=composer_id,
            help="Who puts the episode together.",
            hidden=hidden,
        ),
        click.option(
            "--ledger",
            type=click.Path(path_type=Path),
            metavar="FILE",
            envvar="CHAINER_LEDGER",
            show_envvar=True,
            help="The consent ledger, instead of the graph's."
            if making
            else "The consent ledger, where the store does not know it.",
        ),
        click.option(
            "--store",
            metavar="DIR",
            envvar="CHAINER_STORE",
            show_envvar=True,
            help="Where finished pieces are kept: a folder, or s3://bucket/prefix."
            if making
            else "The store that made it.",
        ),
        click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Settings as TOML.",
        ),
        click.option("--draft", is_flag=True, help="A quick, coarse preview.", hidden=hidden),
        click.option(
            "--codec",
            type=click.Choice(["h264", "hevc", "av1"]),
            help="How pictures are coded, instead of as the profile says.",
            hidden=hidden,
        ),
        click.option(
            "--profile",
            metavar="NAME",
            help="House format: house, hd, landscape, square, hdr, master or draft; one of the "
            "settings' own; or a TOML file.",
            hidden=hidden,
        ),
    ):
        command = option(command)
    return command


def composer_id(
    _context: click.Context, parameter: click.Parameter, text: str | None
) -> str | None:
    """The id of a composer: a callback."""
    return _id(parameter, text, "a composer")


def atom_id(_context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """The id of an atom: a callback."""
    return _id(parameter, text, "an atom")


def _id(parameter: click.Parameter, text: str | None, whose: str) -> str | None:
    from chainer.graph.scalars import ID_PATTERN, PATTERN_WORDS

    if text is not None and not re.fullmatch(ID_PATTERN, text):
        wanted = PATTERN_WORDS[ID_PATTERN]
        raise click.BadParameter(
            f"{text[:80]!r} is no id of {whose}; write {wanted}", param=parameter
        )
    return text


def walk_options(command: _Command) -> _Command:
    """Which chain of the graph."""
    for option in (
        click.option(
            "--kind",
            type=click.Choice(["series", "relay"]),
            default="series",
            show_default=True,
            help="Follow one story, or let friends hand it on.",
        ),
        click.option("--end", metavar="ATOM", help="The chain ends with this atom."),
        click.option(
            "--through", multiple=True, metavar="ATOM", help="Must pass here. Repeatable."
        ),
        click.option("--max-seconds", metavar="S", help="No longer than this, exactly."),
        click.option("--path", "exact", metavar="A,B,C", help="Exactly these atoms."),
        click.option(
            "--pick",
            type=click.Choice(["best", "first", "all"]),
            default="best",
            show_default=True,
            help="Which of the possible chains.",
        ),
        click.option(
            "--prefer",
            multiple=True,
            metavar="KEY=WEIGHT",
            help="Weigh a tag, author, character, place or atom. Repeatable.",
        ),
        click.option("--avoid", multiple=True, metavar="KEY", help="Never play these. Repeatable."),
        click.option(
            "--new-author-on-remix",
            is_flag=True,
            help="Follow a remix only where another author made it.",
        ),
    ):
        command = option(command)
    return command


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings that the options make, over those of a settings file."""
    from chainer.cli.delivering import with_delivery
    from chainer.cli.telling import with_story
    from chainer.consent.rating import Audience
    from chainer.profile import draft_of
    from chainer.settings import Settings, asked_profile, coded_profile, load_settings

    path = options.get("settings_file")
    settings = load_settings(path) if path is not None else Settings()
    if options.get("profile"):
        profile = asked_profile(options["profile"], settings.profiles)
        settings = settings.model_copy(update={"profile": profile})
    if options.get("draft"):
        settings = settings.model_copy(update={"profile": draft_of(settings.profile)})
    if options.get("codec") and not settings.profile.draft:  # a draft is cheap in any case
        profile = coded_profile(settings.profile, options["codec"])
        settings = settings.model_copy(update={"profile": profile})
    if options.get("store") is not None:
        from chainer.store import policy_for

        where = policy_for(options["store"], settings.store)
        settings = settings.model_copy(update={"store": where})
    consent = {
        "ledger": options["ledger"].absolute() if options.get("ledger") is not None else None,
        "composer": options.get("composer"),
    }
    if given := {name: value for name, value in consent.items() if value is not None}:
        settings = changed(settings, "consent", given)
    if options.get("audience") is not None:
        settings = settings.model_copy(update={"audience": Audience(options["audience"])})
    if options.get("workers") is not None:
        settings = settings.model_copy(update={"workers": options["workers"]})
    return with_delivery(with_story(settings, options), options)


def changed(settings: Settings, part: str, given: dict[str, Any]) -> Settings:
    """The settings with some of one room's values set, checked like a file's."""
    from chainer.settings import parse_settings

    told = settings.model_dump(exclude_unset=True)
    told[part] = {**told.get(part, {}), **given}
    return parse_settings(told, "options")


def graph_argument(command: _Command) -> _Command:
    """GRAPH: a graph file, or the address of one in a database."""
    option = click.option(
        "--max-atoms",
        type=click.IntRange(1),
        metavar="N",
        help="Of a graph in a database, load no more than so many atoms.",
    )
    return click.argument("graph")(option(command))


def load(
    address: str,
    start: str | None = None,
    walk: WalkOptions | None = None,
    max_atoms: int | None = None,
) -> Graph:
    """The graph of a file, or as much of one in a database as walks from `start` need."""
    from chainer.graph.sources import MAX_ATOMS, load_any

    return load_any(address, start, walk, max_atoms=max_atoms or MAX_ATOMS)


def plans(
    session: Session, address: str, start: str | None, options: dict[str, Any]
) -> Iterator[EpisodePlan]:
    """One plan for each chain that the options pick, made when it is its turn."""
    from chainer.compose import find_chains, plan_episode

    settings = settings_of(options)
    walk = _walk(options)
    if start is None:
        if walk.path is None:
            raise click.UsageError("say where to start: --start ATOM, or --path A,B,C")
        start = walk.path[0]
    graph = load(address, start, walk, options["max_atoms"])
    found: Sequence[Chain] = find_chains(
        graph, start, settings=settings, options=walk, cancel=session.cancel
    )
    for chain in found:
        yield plan_episode(
            graph,
            chain=chain,
            options=walk,
            settings=settings,
            on_look=session.console.looking,
            cancel=session.cancel,
        )


def _walk(options: dict[str, Any]) -> WalkOptions:
    from chainer.graph import Pick, WalkKind, WalkOptions
    from chainer.timebase import parse_time

    limit = options["max_seconds"]
    try:
        seconds = parse_time(limit) if limit is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--max-seconds") from None
    exact = options["exact"]
    return WalkOptions(
        kind=WalkKind(options["kind"]),
        end=options["end"],
        through=tuple(options["through"]),
        max_seconds=seconds,
        path=tuple(name.strip() for name in exact.split(",")) if exact else None,
        pick=Pick(options["pick"]),
        prefer=tuple(_weight(text) for text in options["prefer"]),
        avoid=tuple(options["avoid"]),
        author_changes_on_remix=options["new_author_on_remix"],
    )


def _weight(text: str) -> tuple[str, Any]:
    from chainer.timebase import parse_time

    key, equals, weight = text.rpartition("=")
    try:
        if not equals:
            raise ValueError("write KEY=WEIGHT, such as tag:calm=2")
        return key, parse_time(weight)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint="--prefer") from None
