"""Commands about graphs that are kept in a database, and finding atoms in any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, output_options
from chainer.console import bytes_text, count_text

if TYPE_CHECKING:
    from chainer.graph.sources.sql.bulk import ImportProgress

_STEP = 0.1


@click.command(short_help="Find atoms by words, people, tags.")
@click.argument("graph", metavar="GRAPH")
@click.argument("query", default="", metavar="[WORDS]")
@click.option(
    "--with",
    "with_",
    multiple=True,
    metavar="@ID",
    help="A character, who plays it, or an author. Repeatable.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With this tag. Repeatable.")
@click.option("--author", metavar="ID", help="By this author.")
@click.option("--place", metavar="ID", help="That plays here.")
@click.option(
    "--limit",
    type=click.IntRange(1, 500),
    default=20,
    show_default=True,
    metavar="N",
    help="List no more than so many.",
)
@output_options
@click.pass_obj
def find(session: Session, /, graph: str, query: str, limit: int, **options: Any) -> None:
    """Find atoms by words, people, tags; the best first.

    GRAPH is a file, or a URL such as sqlite:///graphs.db. Atoms with all the words are listed, or
    where there is none, with some; of many the newest are ranked.

    \b
    Example:
      chainer find sqlite:///graphs.db "yellow coat" --with @mei --tag calm
    """
    from chainer.graph.sources import open_graph

    with open_graph(graph) as source:
        found = source.find(
            query,
            with_=options["with_"],
            tags=options["tags"],
            author=options["author"],
            place=options["place"],
            limit=limit,
        )
        url = source.url
    session.console.result({"graph": url, "found": [one.as_json() for one in found]})
    for one in found:
        title = one.title or "-"
        session.console.say(f"{one.atom:12} {one.score:5.2f}  {title}  ({one.author})")
        if one.snippet and one.snippet != one.title:
            session.console.say(f"{'':20}{one.snippet}")
    session.console.say(count_text(len(found), "atom"))


@click.group(short_help="Graphs in a database: in, out, counts.")
def graph() -> None:
    """Graphs in a database: putting them in, taking them out, what there is."""


@graph.command("import", short_help="Put a graph into a database.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("url", metavar="URL")
@click.option("--name", metavar="NAME", help="What it is called; default: the file's name.")
@click.option("--replace", is_flag=True, help="Put it in the place of the one of that name.")
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="What media paths are relative to; default: the file's folder.",
)
@output_options
@click.pass_obj
def graph_import(
    session: Session,
    /,
    file: Path,
    url: str,
    name: str | None,
    base: Path | None,
    *,
    replace: bool,
    **_options: Any,
) -> None:
    """Put a graph file, or a stream (.jsonl), into a database: all of it, or nothing.

    \b
    Example:
      chainer graph import graphs/harbor.json sqlite:///graphs.db
    """
    from chainer.graph.sources.sql.bulk import import_graph

    done = import_graph(
        file,
        url,
        name=name,
        replace=replace,
        base=base,
        on_progress=_Telling(session).told,
        cancel=session.cancel,
    )
    session.console.result(done.as_json())
    session.console.say(
        f"{done.url}: {count_text(done.atoms, 'atom')}, {count_text(done.edges, 'edge')}, "
        f"{count_text(done.components, 'component')} in {done.seconds:.1f} s"
    )


class _Telling:
    """Says how far an import is, every tenth of the way."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next = _STEP

    def told(self, progress: ImportProgress) -> None:
        """Say it where a step was made, but not for what is done at once."""
        if progress.done < self._next or progress.done >= 1:
            return
        self._next = progress.done + _STEP
        self._session.console.note(
            f"{progress.done:4.0%}: {count_text(progress.atoms, 'atom')}, "
            f"{count_text(progress.edges, 'edge')}"
        )


@graph.command("export", short_help="Write a graph of a database as a file.")
@click.argument("url", metavar="URL")
@click.argument("file", type=click.Path(path_type=Path))
@output_options
@click.pass_obj
def graph_export(session: Session, /, url: str, file: Path, **_options: Any) -> None:
    """Write a graph of a database as a file, or as a stream (.jsonl).

    \b
    Example:
      chainer graph export "sqlite:///graphs.db?graph=harbor" harbor.json
    """
    from chainer.graph.sources.sql.export import export_graph

    done = export_graph(url, file, cancel=session.cancel)
    session.console.result(done.as_json())
    session.console.say(
        f"{done.path}: {count_text(done.atoms, 'atom')}, {count_text(done.edges, 'edge')}, "
        f"{bytes_text(done.bytes)}"
    )
    if not done.readable:
        session.console.note("it is too large to be read as one file; export to .jsonl instead")


@graph.command("upgrade", short_help="Bring an older database up to date.")
@click.argument("url", metavar="URL")
@output_options
@click.pass_obj
def graph_upgrade(session: Session, /, url: str, **_options: Any) -> None:
    """Bring the tables of an older chainer up to date; they cannot go back.

    \b
    Example:
      chainer graph upgrade sqlite:///graphs.db
    """
    from chainer.errors import InputError
    from chainer.graph.sources.address import read_address
    from chainer.graph.sources.sql.upgrade import upgrade_tables

    address = read_address(url)
    if address.is_file:
        raise InputError(f"{url}: a graph file is read whatever its version; name a database")
    before, after = upgrade_tables(address)
    session.console.result({"url": address.url, "before": before, "after": after})
    told = f"already of version {after}" if before == after else f"now of version {after}"
    session.console.say(f"{address.url}: {told}")


@graph.command("info", short_help="Count atoms, edges, components.")
@click.argument("url", metavar="URL")
@output_options
@click.pass_obj
def graph_info(session: Session, /, url: str, **_options: Any) -> None:
    """Count atoms, edges, and what hangs together.

    \b
    Example:
      chainer graph info sqlite:///graphs.db
    """
    from chainer.errors import InputError
    from chainer.graph.sources.address import read_address
    from chainer.graph.sources.sql.source import about_graphs

    address = read_address(url)
    if address.is_file:
        raise InputError(f"{url}: name a database; `chainer check` tells of a graph file")
    every = about_graphs(address)
    session.console.result({"url": address.url, "graphs": [one.as_json() for one in every]})
    for one in every:
        session.console.say(f"{one.url}: {one.title or one.name} (version {one.version})")
        session.console.say(
            f"  {count_text(one.atoms, 'atom')}, {count_text(one.edges, 'edge')}, "
            f"{count_text(one.components, 'component')}, the largest of "
            f"{count_text(one.largest, 'atom')}"
        )
        session.console.say(f"  media: {one.base or '-'}")
    if not every:
        session.console.say(f"{address.url}: no graph")
