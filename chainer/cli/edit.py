"""The command that changes one atom of a graph file, and takes that back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, output_options

if TYPE_CHECKING:
    from chainer.graph.amend import Change, Edited, Logged


@click.command(short_help="Change one atom, in its graph file.")
@click.argument("graph", metavar="GRAPH")
@click.argument("atom", metavar="[ATOM]", required=False)
@click.option("--trim", metavar="START:END", help="Play only this part, in seconds of the media.")
@click.option("--no-trim", is_flag=True, help="Play all of it.")
@click.option("--gain", metavar="DB", help="Louder or softer; 0 takes the gain away.")
@click.option(
    "--silence",
    type=click.Choice(["keep", "trim"]),
    help="Leave out silence at both ends, with its pictures, or not.",
)
@click.option("--replace", "media", metavar="MEDIA", help="Another file, beside the graph.")
@click.option(
    "--take", type=click.IntRange(1), metavar="N", help="Take N becomes the atom's media."
)
@click.option(
    "--caption",
    "captions",
    multiple=True,
    metavar="CAPTION",
    help="START:END=TEXT, START:END@WHO=TEXT, #N=TEXT, or TEXT. Repeatable.",
)
@click.option("--no-captions", is_flag=True, help="Take all captions away (before --caption).")
@click.option(
    "--joint",
    metavar="JOINT",
    help="How it meets the atom before: KIND[:SECONDS], j:2/5, l:2/5, card:TEXT, auto.",
)
@click.option(
    "--from", "source", metavar="SOURCE", help="The joint with this atom, or with ATOM:KEY."
)
@click.option("--slot", metavar="SLOT", help="standard, or extended:16[:FILL[:SCENARIO]].")
@click.option("--title", metavar="TEXT", help="Another title; an empty one takes it away.")
@click.option(
    "--status",
    type=click.Choice(["planned", "draft", "published", "withdrawn"]),
    help="How far it has come.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
@click.option("--undo", is_flag=True, help="Take the last edit back.")
@click.option("--redo", is_flag=True, help="Bring back what was undone last.")
@click.option("--log", is_flag=True, help="List the edits.")
@output_options
@click.pass_obj
def edit(
    session: Session, /, graph: str, atom: str | None, *, dry_run: bool, **options: Any
) -> None:
    """Change one atom in its graph file; the next build makes only what that touches.

    The file keeps its form: only what changes is written anew. A caption is added, or replaces the
    line of exactly that range; without a text it goes. --joint is about the edge that leads to
    ATOM. Edits are kept beside the graph, in GRAPH.history.jsonl, and can be undone.

    \b
    Examples:
      chainer edit graphs/harbor.json a3 --trim 1.2:9 --gain -3 --joint crossfade:2/5
      chainer edit graphs/harbor.json a3 --caption "1.2:2.8@mei=Is anyone there?"
      chainer edit graphs/harbor.json --undo
    """
    from chainer.graph.amend import edit_graph_file, edit_log, redo_edit, undo_edit

    ways = [name for name in ("undo", "redo", "log") if options[name]]
    changes = _changes(options)
    if len(ways) > 1 or (ways and (changes or atom is not None or options["source"])):
        raise click.UsageError(f"--{ways[0]} stands alone, with GRAPH and nothing else")
    if options["log"]:
        _say_log(session, graph, edit_log(graph))
        return
    if ways:
        done = (undo_edit if options["undo"] else redo_edit)(graph, dry_run=dry_run)
    elif atom is None:
        raise click.UsageError("say which ATOM to change, or --undo, --redo, --log")
    elif not changes:
        raise click.UsageError(f"say what to change of {atom}, such as --trim 1.2:9")
    else:
        done = edit_graph_file(graph, atom, changes, source=options["source"], dry_run=dry_run)
    _say(session, done)


def _changes(options: dict[str, Any]) -> list[Change]:
    """What the options ask for, in the order in which it is done."""
    from chainer.graph import Status
    from chainer.graph.amend import (
        NoCaptions,
        ReplaceMedia,
        SilenceTo,
        StatusTo,
        TitleTo,
        TrimTo,
        UseTake,
        parse_caption,
        parse_gain,
        parse_joint,
        parse_slot,
        parse_trim,
    )

    if options["trim"] is not None and options["no_trim"]:
        raise click.UsageError("--trim or --no-trim, not both")
    if options["media"] is not None and options["take"] is not None:
        raise click.UsageError("--replace or --take, not both")
    found: list[Change] = []
    for name, make in (
        ("take", UseTake),
        ("media", ReplaceMedia),
        ("no_trim", lambda _: TrimTo()),
        ("trim", parse_trim),
        ("gain", parse_gain),
        ("silence", lambda word: SilenceTo(word == "trim")),
        ("slot", parse_slot),
        ("title", TitleTo),
        ("status", lambda word: StatusTo(Status(word))),
        ("no_captions", lambda _: NoCaptions()),
    ):
        if options[name] is not None and options[name] is not False:
            found.append(make(options[name]))
    found += [parse_caption(text) for text in options["captions"]]
    if options["joint"] is not None:
        found.append(parse_joint(options["joint"]))
    return found


def _say(session: Session, done: Edited) -> None:
    console = session.console
    console.result(done.as_json())
    if not done.changed:
        console.say(done.words or "nothing changed: the file says so already")
        return
    for line in done.diff.splitlines():
        console.say(line)
    for line in done.affected:
        console.say(f"next build: {line}")
    if done.dry_run:
        console.say(f"would change {done.words}")
    elif done.of is None:
        console.say(f"edit {done.number}: {done.words}")
    else:
        console.say(f"{done.kind.value} of edit {done.of}: {done.words}")


def _say_log(session: Session, graph: str, entries: Sequence[Logged]) -> None:
    console = session.console
    console.result({"graph": graph, "edits": [one.as_json() for one in entries]})
    for one in entries:
        entry = one.entry
        what = entry.kind.value if entry.of is None else f"{entry.kind.value} of {entry.of}"
        state = "" if one.stands or entry.kind.value == "undo" else " (undone)"
        console.say(f"{entry.number:4}  {entry.time.isoformat()}  {what}{state}: {entry.words}")
    if not entries:
        console.say("no edits yet")
