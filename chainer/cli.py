"""The command line: parse, call the same functions a backend calls, print.

Exit status: 0 done, 1 a fault of ours, 2 the caller's input, 3 media, 4 refused by policy,
5 rendering failed, 6 provenance or verification, 7 some jobs failed, 130 cancelled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainer import __version__
from chainer.console import Console, bytes_text, seconds_text
from chainer.errors import Cancelled, ChainerError

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


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status. Errors are printed, never raised."""
    machine = "--json" in argv
    console = Console(machine=machine, quiet="--quiet" in argv or "-q" in argv)
    with _stop_on_signals() as cancel:
        try:
            status = main.main(
                args=list(argv),
                prog_name="chainer",
                standalone_mode=False,
                obj=Session(console, cancel),
            )
            return int(status or 0)
        except Cancelled:
            console.fail(Cancelled("cancelled: what was finished is kept in the store"))
            return Cancelled.exit_status
        except ChainerError as error:
            console.fail(error)
            return error.exit_status
        except click.ClickException as error:
            error.show()
            return 2
        except (click.Abort, KeyboardInterrupt):
            console.fail(Cancelled("cancelled"))
            return 130
        except BrokenPipeError:
            # Whoever read our output has gone; Python must not complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 0


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM ask the work to stop cleanly; a second one leaves at once.

    Leaving at once is safe: children die with us, and nothing has its final name yet.
    """
    cancel = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        if cancel.is_set():
            os._exit(130)
        cancel.set()

    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command prints one JSON object with --json. See `chainer COMMAND --help`.",
)
@click.version_option(__version__, prog_name="chainer")
def main() -> None:
    """Turns a graph of ten-second clips into episodes; every second is encoded once, ever."""


# -- options that several commands share ------------------------------------------------------


def _output_options(command: _Command) -> _Command:
    command = click.option("--json", "machine", is_flag=True, help="Print one JSON object.")(
        command
    )
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")(command)


def _settings_options(command: _Command) -> _Command:
    for option in (
        click.option("--profile", metavar="NAME", help="House format: house or draft."),
        click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Settings as TOML.",
        ),
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            metavar="DIR",
            envvar="CHAINER_STORE",
            show_envvar=True,
            help="Where finished pieces are kept.",
        ),
        click.option("--draft", is_flag=True, help="A quick, coarse preview."),
        click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Steps at once."),
    ):
        command = option(command)
    return command


def _walk_options(command: _Command) -> _Command:
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


# -- commands ---------------------------------------------------------------------------------


@main.command()
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True
)
@_settings_options
@_output_options
@click.pass_obj
def demo(session: Session, /, out: Path, **options: Any) -> None:
    """Build the bundled sample end to end.

    \b
    Example:
      chainer demo -o demo
    """
    from chainer.compose import plan_episode
    from chainer.episode.folder import check_target
    from chainer.sample import demo_order

    check_target(out.absolute())
    order = demo_order()
    plan = plan_episode(
        _load(order.graph),
        order.start,
        kind=order.kind,
        settings=_settings(options),
        on_look=session.console.looking,
        cancel=session.cancel,
    )
    session.console.result(_build(session, plan, out))


@main.command()
@click.argument("graph", type=click.Path(path_type=Path))
@_settings_options
@_output_options
@click.pass_obj
def check(session: Session, /, graph: Path, **options: Any) -> int:
    """Every fault of a graph, its media and its ledger.

    \b
    Example:
      chainer check graphs/harbor.json
    """
    from chainer.check import check_graph
    from chainer.compose import open_store

    settings = _settings(options)
    report = check_graph(graph, settings, open_store(settings), session.cancel)
    session.console.result(report.as_json())
    for line in report.lines():
        session.console.say(line)
    return report.exit_status


@main.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--start", metavar="ATOM", help="Only chains from here; default: from every root.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@click.option("--kind", type=click.Choice(["series", "relay"]), default="series", show_default=True)
@_output_options
@click.pass_obj
def chains(
    session: Session, /, graph: Path, start: str | None, limit: int, kind: str, **_: Any
) -> None:
    """List the chains there are, with length and score.

    Lengths are as declared in the graph; `plan` measures the media.

    \b
    Example:
      chainer chains graphs/harbor.json --kind relay
    """
    from chainer.graph import WalkKind
    from chainer.listing import list_chains

    listing = list_chains(_load(graph), start, WalkKind(kind), limit)
    session.console.result(listing.as_json())
    for line in listing.lines():
        session.console.say(line)


@main.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--start", metavar="ATOM", help="Where the walk starts.")
@_walk_options
@_settings_options
@_output_options
@click.pass_obj
def plan(session: Session, /, graph: Path, start: str | None, **options: Any) -> None:
    """The chain, the timeline, the steps and why each runs; encodes nothing.

    \b
    Example:
      chainer plan graphs/harbor.json --start a1 --kind relay
    """
    plans = list(_plans(session, graph, start, options))
    if len(plans) == 1 and options["pick"] != "all":
        session.console.result(plans[0].as_json())
    else:
        session.console.result({"plans": [one.as_json() for one in plans]})
    for one in plans:
        _show_plan(session.console, one)


@main.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--start", metavar="ATOM", help="Where the walk starts.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR")
@_walk_options
@_settings_options
@_output_options
@click.pass_obj
def compose(session: Session, /, graph: Path, start: str | None, out: Path, **options: Any) -> None:
    """Build an episode: the folder DIR appears whole or not at all.

    With --pick all, every chain becomes an episode in a folder of its own inside DIR.

    \b
    Example:
      chainer compose graphs/harbor.json --start a1 -o out/harbor
    """
    from chainer.episode.folder import check_target

    several = options["pick"] == "all"
    if not several:
        check_target(out.absolute())  # before anything is looked at
    done = [
        _build(session, one, out / one.chain.id if several else out)
        for one in _plans(session, graph, start, options)
    ]
    session.console.result({"episodes": done} if several else done[0])


@main.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--start", metavar="ATOM", help="Where the walk starts.")
@click.option(
    "--pack",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write what a generator needs to make the next clip.",
)
@click.option(
    "--prompt", default="", metavar="TEXT", help="With --pack: what is to happen in the next clip."
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a contact sheet of joints and characters as PNG.",
)
@_walk_options
@_settings_options
@_output_options
@click.pass_obj
def memory(session: Session, /, graph: Path, start: str | None, **options: Any) -> None:
    """What is remembered along a chain, and where it drifts; encodes nothing.

    \b
    Examples:
      chainer memory graphs/harbor.json --start a1
      chainer memory graphs/harbor.json --start a1 --sheet harbor.png --pack next
    """
    from chainer.episode.remembered import continuity_of, place_names
    from chainer.memory.summary import report_lines
    from chainer.tell import write_memory_pack, write_sheet

    if options["pick"] == "all":
        raise click.UsageError("the memory follows one chain: choose it with --path or --end")
    console = session.console
    (one,) = _plans(session, graph, start, options)
    told = continuity_of(one)
    if options["sheet"] is not None:
        pages = write_sheet(one, options["sheet"])
        told["sheets"] = [str(page) for page in pages]
    if options["pack"] is not None:
        files = write_memory_pack(one, options["pack"], options["prompt"])
        told["pack"] = [str(file) for file in files]
    console.result(told)
    if not one.states:
        console.say("the memory is switched off (memory.enabled = false)")
        return
    reports = [atom.report for atom in one.atoms if atom.report is not None]
    for line in report_lines(reports, one.states[-1], place_names(one.graph)):
        console.say(line)
    _say_choices(console, one)
    for name in ("sheets", "pack"):
        for file in told.get(name, [])[:12]:
            console.say(f"wrote {file}")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_output_options
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


@main.group()
def store() -> None:
    """What the store holds, whether it is whole, and making room in it."""


def _store_command(command: _Command) -> _Command:
    option = click.option(
        "--store",
        type=click.Path(path_type=Path),
        metavar="DIR",
        envvar="CHAINER_STORE",
        show_envvar=True,
        help="Default: the platform's cache folder.",
    )
    return option(_output_options(command))


@store.command("info")
@_store_command
@click.pass_obj
def store_info(session: Session, /, **options: Any) -> None:
    """Count what it holds.

    \b
    Example:
      chainer store info
    """
    from chainer.compose import open_store
    from chainer.store import inspect

    info = inspect(open_store(_settings(options)))
    session.console.result(
        {
            "path": str(info.root),
            "records": info.records,
            "files": info.files,
            "bytes": info.bytes,
            "by_type": {
                name: {"records": count, "bytes": size}
                for name, (count, size) in info.by_type.items()
            },
        }
    )
    session.console.say(f"{info.root}: {info.records} records, {bytes_text(info.bytes)}")
    for name, (count, size) in info.by_type.items():
        session.console.say(f"  {name:10} {count:6}  {bytes_text(size):>10}")


@store.command("verify")
@click.option("--repair", is_flag=True, help="Forget what is not whole, so that it is made again.")
@_store_command
@click.pass_obj
def store_verify(session: Session, /, *, repair: bool, **options: Any) -> int:
    """Read and hash every byte.

    \b
    Example:
      chainer store verify --repair
    """
    from chainer.compose import open_store
    from chainer.store import verify as verify_store

    health = verify_store(open_store(_settings(options)), repair=repair)
    faults = [*health.damaged, *health.missing]
    session.console.result(
        {
            "checked": health.checked,
            "whole": health.whole,
            "repaired": repair,
            "faults": [{"key": key, "what": what} for key, what in faults],
        }
    )
    for key, what in faults:
        session.console.say(f"{key[:16]}: {what}")
    session.console.say(f"{health.checked} records checked, {len(faults)} not whole")
    return 0 if health.whole or repair else 5


@store.command("gc")
@click.option(
    "--max-bytes", type=click.IntRange(0), metavar="N", help="Default: the settings' cap."
)
@_store_command
@click.pass_obj
def store_gc(session: Session, /, max_bytes: int | None, **options: Any) -> None:
    """Evict the longest unused until the cap holds.

    \b
    Example:
      chainer store gc --max-bytes 5000000000
    """
    from chainer.compose import open_store
    from chainer.store import collect

    settings = _settings(options)
    limit = settings.store.max_bytes if max_bytes is None else max_bytes
    done = collect(open_store(settings), limit)
    session.console.result(
        {
            "records": done.records,
            "files": done.files,
            "freed_bytes": done.freed_bytes,
            "left_bytes": done.left_bytes,
        }
    )
    session.console.say(
        f"{done.records} records removed, {bytes_text(done.freed_bytes)} freed, "
        f"{bytes_text(done.left_bytes)} left"
    )


# -- from options to values -------------------------------------------------------------------


def _settings(options: dict[str, Any]) -> Settings:
    from chainer.settings import Settings, load_settings, named_profile

    path = options.get("settings_file")
    settings = load_settings(path) if path is not None else Settings()
    if options.get("profile"):
        settings = settings.model_copy(update={"profile": named_profile(options["profile"])})
    if options.get("draft"):
        settings = settings.model_copy(update={"profile": named_profile("draft")})
    if options.get("store") is not None:
        where = settings.store.model_copy(update={"path": options["store"].absolute()})
        settings = settings.model_copy(update={"store": where})
    if options.get("workers") is not None:
        settings = settings.model_copy(update={"workers": options["workers"]})
    return settings


def _load(path: Path) -> Graph:
    from chainer.graph import load_graph

    return load_graph(path)


def _plans(
    session: Session, path: Path, start: str | None, options: dict[str, Any]
) -> Iterator[EpisodePlan]:
    """One plan for each chain that the options pick, made when it is its turn."""
    from chainer.compose import find_chains, plan_episode

    settings = _settings(options)
    graph = _load(path)
    walk = _walk(options)
    if start is None:
        if walk.path is None:
            raise click.UsageError("say where to start: --start ATOM, or --path A,B,C")
        start = walk.path[0]
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


def _build(session: Session, plan: EpisodePlan, target: Path) -> dict[str, Any]:
    """Render one plan into `target` and say what became of it."""
    from chainer.compose import render_episode

    console = session.console
    for note in plan.notes:
        console.note(note)
    episode = render_episode(plan, target, on_progress=console.progress, cancel=session.cancel)
    ran, kept = episode.steps_run, episode.steps_cached
    console.say(
        f"{target}: {episode.manifest.title}, {seconds_text(episode.manifest.seconds)}, "
        f"{len(episode.manifest.chain)} atoms; {ran} steps ran, {kept} were in the store"
    )
    return episode.as_json()


def _say_choices(console: Console, plan: EpisodePlan) -> None:
    for choice in plan.choices:
        console.say(f"{choice.of} at {choice.at}: {choice.chosen}: {choice.words}")


def _show_plan(console: Console, plan: EpisodePlan) -> None:
    layout = plan.layout
    fps = plan.settings.profile.fps
    console.say(
        f"{plan.titles.heading} ({plan.chain.kind.value}, {plan.settings.profile.name}): "
        f"{len(plan.chain.atoms)} atoms, {seconds_text(plan.seconds)}, {layout.frames} frames"
    )
    for number, slot in enumerate(layout.slots):
        start = layout.starts[number] / fps
        console.say(f"  {seconds_text(start):>8}  {slot.name:12} {seconds_text(slot.frames / fps)}")
        if number < len(layout.joints):
            joint = layout.joints[number]
            length = joint.overlap or joint.left + joint.gap + joint.right
            console.say(f"            {joint.style.value}, {length} frames: {joint.why}")
    _say_choices(console, plan)
    running = plan.render.to_run
    console.say(f"steps: {len(plan.render.steps)}, to run: {len(running)}")
    for step in plan.render.steps:
        console.say(f"  {step.why.value:20} {step.type.value:8} {step.name}")
    for note in plan.notes:
        console.note(note)
