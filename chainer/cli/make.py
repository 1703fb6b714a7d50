"""Commands that look at a graph and make films of it."""

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
    plans,
    settings_of,
    settings_options,
    walk_options,
)
from chainer.cli.shown import effort_of, say_choices, show_plan
from chainer.cli.telling import story_options
from chainer.console import seconds_text

if TYPE_CHECKING:
    from chainer.episode.plan import EpisodePlan


@click.command(short_help="Build the bundled sample end to end.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    metavar="DIR",
    help="The episode's folder.",
)
@delivery_options
@settings_options
@output_options
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
        load(str(order.graph)),
        order.start,
        kind=order.kind,
        settings=settings_of(options),
        on_look=session.console.looking,
        cancel=session.cancel,
    )
    session.console.result(_build(session, plan, out))


@click.command(short_help="Every fault of a graph, media and ledger.")
@graph_argument
@click.option("--start", metavar="ATOM", help="Of a graph in a database, only what leads on here.")
@settings_options
@output_options
@click.pass_obj
def check(session: Session, /, graph: str, start: str | None, **options: Any) -> int:
    """Every fault of a graph, its media and its ledger.

    \b
    Example:
      chainer check graphs/harbor.json
      chainer check sqlite:///harbor.db --start a1
    """
    from chainer.check import check_graph
    from chainer.compose import open_store
    from chainer.graph.sources import MAX_ATOMS

    settings = settings_of(options)
    report = check_graph(
        graph,
        settings,
        open_store(settings),
        session.cancel,
        start=start,
        max_atoms=options["max_atoms"] or MAX_ATOMS,
    )
    session.console.result(report.as_json())
    for line in report.lines():
        session.console.say(line)
    return report.exit_status


@click.command(short_help="List the chains there are.")
@graph_argument
@click.option("--start", metavar="ATOM", help="Only chains from here; default: from every root.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="List no more than so many.",
)
@click.option(
    "--kind",
    type=click.Choice(["series", "relay"]),
    default="series",
    show_default=True,
    help="Follow one story, or let friends hand it on.",
)
@settings_options
@output_options
@click.pass_obj
def chains(
    session: Session, /, graph: str, start: str | None, limit: int, kind: str, **options: Any
) -> None:
    """List the chains there are, with length and score.

    Around what must not be played, which is listed with the reason. Lengths are as declared in the
    graph; `plan` measures the media.

    \b
    Example:
      chainer chains graphs/harbor.json --kind relay
    """
    from chainer.compose import open_store
    from chainer.graph import WalkKind, WalkOptions
    from chainer.listing import list_chains
    from chainer.permission import Permission

    settings = settings_of(options)
    walk = WalkOptions(kind=WalkKind(kind))
    loaded = load(graph, start, walk, options["max_atoms"])
    permission = Permission(loaded, settings, open_store(settings))
    listing = list_chains(loaded, start, WalkKind(kind), limit, permission)
    session.console.result(listing.as_json())
    for line in listing.lines():
        session.console.say(line)


@click.command(short_help="What would be made, and why.")
@graph_argument
@click.option("--start", metavar="ATOM", help="Where the walk starts.")
@walk_options
@story_options
@delivery_options
@settings_options
@output_options
@click.pass_obj
def plan(session: Session, /, graph: str, start: str | None, **options: Any) -> None:
    """The chain, the timeline, the steps and why each runs; encodes nothing.

    \b
    Example:
      chainer plan graphs/harbor.json --start a1 --kind relay
    """
    found = list(plans(session, graph, start, options))
    told = [(one, effort_of(one)) for one in found]
    jsons = [{**one.as_json(), "effort": effort.as_json()} for one, effort in told]
    if len(found) == 1 and options["pick"] != "all":
        session.console.result(jsons[0])
    else:
        session.console.result({"plans": jsons})
    for one, effort in told:
        show_plan(session.console, one, effort)


@click.command(short_help="Build an episode.")
@graph_argument
@click.option("--start", metavar="ATOM", help="Where the walk starts.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The episode's folder; it must not be there yet, or be an episode.",
)
@walk_options
@story_options
@delivery_options
@settings_options
@output_options
@click.pass_obj
def compose(session: Session, /, graph: str, start: str | None, out: Path, **options: Any) -> None:
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
        for one in plans(session, graph, start, options)
    ]
    session.console.result({"episodes": done} if several else done[0])


@click.command(short_help="What a block list calls a picture.")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_options
@click.pass_obj
def digest(session: Session, /, pictures: tuple[Path, ...], **_: Any) -> None:
    """What a block list calls these pictures: by their bytes, and by how they look.

    \b
    Example:
      chainer digest mickey.png
    """
    from chainer.digest import bytes_digest
    from chainer.errors import MediaError, MediaMissing
    from chainer.memory.phash import phash_jpeg, phash_text

    found = []
    for picture in pictures:
        try:
            data = picture.read_bytes()
        except OSError as error:
            raise MediaMissing(f"{picture}: {error.strerror}", path=str(picture)) from error
        look = phash_jpeg(data)
        if look is None:
            raise MediaError(
                f"{picture} is no picture that can be told from others: it cannot be read, or is "
                "of one colour",
                code="no-look",
                path=str(picture),
            )
        names = {"sha256": f"sha256:{bytes_digest(data)}", "look": phash_text(look)}
        found.append({"path": str(picture), **names})
        session.console.say(f"{names['sha256']}  {names['look']}  {picture}")
    session.console.result({"pictures": found})


@click.command(short_help="What is remembered, where it drifts.")
@graph_argument
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
@walk_options
@story_options
@settings_options
@output_options
@click.pass_obj
def memory(session: Session, /, graph: str, start: str | None, **options: Any) -> None:
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
    (one,) = plans(session, graph, start, options)
    told = continuity_of(one)
    if options["sheet"] is not None:
        pages = write_sheet(one, options["sheet"])
        told["sheets"] = [str(page) for page in pages]
    if options["pack"] is not None:
        files = write_memory_pack(one, options["pack"], options["prompt"])
        told["pack"] = [str(file) for file in files]
    console.result(told)
    if not one.states:
        why = "this is a draft, and not every clip was looked at before: leave --draft out"
        if not one.settings.memory.enabled:
            why = "it is switched off (memory.enabled = false)"
        console.say(f"the memory is left out: {why}")
        return
    reports = [atom.report for atom in one.atoms if atom.report is not None]
    for line in report_lines(reports, one.states[-1], place_names(one.graph)):
        console.say(line)
    say_choices(console, one)
    for name in ("sheets", "pack"):
        for file in told.get(name, [])[:12]:
            console.say(f"wrote {file}")


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
    provenance = episode.manifest.provenance
    if provenance is not None and provenance.mode == "development":
        console.note(
            "SIGNED FOR DEVELOPMENT ONLY, with a certificate made on this machine that nobody "
            "trusts; name your own under `signing` in the settings"
        )
    return episode.as_json()
