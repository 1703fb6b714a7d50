"""Commands that start a story from a template and say what it needs next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import Session, graph_argument, load, output_options
from chainer.console import count_text, seconds_text

if TYPE_CHECKING:
    from chainer.story import Template


@click.group(short_help="Templates for stories, and what is next.")
def story() -> None:
    """Start a story from a template, and ask what it needs next."""


@story.command("list", short_help="The templates there are.")
@output_options
@click.pass_obj
def story_list(session: Session, /, **_options: Any) -> None:
    """The templates that come with chainer: what each is, its roles, how long it gets.

    \b
    Example:
      chainer story list
    """
    from chainer.story import example_filler, load_template, template_names
    from chainer.timebase import time_text

    templates = [load_template(name) for name in template_names()]
    console = session.console
    console.result(
        {
            "templates": [
                {
                    "name": one.name,
                    "summary": one.summary,
                    "atoms": len(one.atoms),
                    "seconds": time_text(one.seconds),
                    "roles": {
                        name: {"about": role.about, "default": role.default}
                        for name, role in one.roles.items()
                    },
                }
                for one in templates
            ]
        }
    )
    for one in templates:
        console.say(
            f"{one.name:22} {seconds_text(one.seconds):>8}  {count_text(len(one.atoms), 'atom')}, "
            f"roles {_roles(one)}"
        )
        console.say(f"{'':22} {example_filler(one).text(one.summary)}")


@story.command("show", short_help="One template in full.")
@click.argument("template", metavar="TEMPLATE")
@output_options
@click.pass_obj
def story_show(session: Session, /, template: str, **_options: Any) -> None:
    """One template in full: who is to be cast, which words may be chosen, every atom.

    TEMPLATE is a name that `story list` tells, or a template file of your own.

    \b
    Example:
      chainer story show reveal
    """
    from chainer.story import example_filler, load_template
    from chainer.timebase import time_text

    one = load_template(template)
    told = example_filler(one).text
    console = session.console
    console.result(one.model_dump(mode="json", by_alias=True, exclude_unset=True))
    console.say(f"{one.name}: {told(one.title)} ({seconds_text(one.seconds)})")
    console.say(told(one.summary))
    console.say(told(one.advice))
    console.say()
    for name, role in one.roles.items():
        left = "" if role.default is None else f" (else {role.default})"
        console.say(f"--role {name}=ID       {role.about}{left}")
    for word, choice in one.words.items():
        console.say(f"--word {word}=TEXT  {choice.about} (else: {choice.default})")
    for atom in one.atoms:
        before = [edge.source for edge in one.edges if edge.target == atom.id]
        after = f", after {' or '.join(before)}" if before else ""
        console.say()
        console.say(
            f"{atom.id}  {told(atom.title)} (by {atom.author}, {seconds_text(atom.seconds)}{after})"
        )
        for name, part in atom.form.parts():
            span = f"{time_text(part.start)}-{time_text(part.end)} s"
            console.say(f"    {name:7} {span:10} {told(part.text)}")


@story.command("new", short_help="Write a graph from a template.")
@click.argument("template", metavar="TEMPLATE")
@click.option("--role", "roles", multiple=True, metavar="A=ID", help="Who plays it. Repeatable.")
@click.option("--name", "names", multiple=True, metavar="A=NAME", help="What they are called.")
@click.option("--author", "authors", multiple=True, metavar="A=ID", help="Who makes their atoms.")
@click.option(
    "--person", "persons", multiple=True, metavar="A=ID", help="Which real person must consent."
)
@click.option("--word", "words", multiple=True, metavar="WORD=TEXT", help="A word of the template.")
@click.option("--title", metavar="TEXT", help="The title; default: the template's.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The graph file; default: the template's name, here.",
)
@click.option("--force", is_flag=True, help="Replace the file where it is there.")
@output_options
@click.pass_obj
def story_new(
    session: Session, /, template: str, title: str | None, out: Path | None, **options: Any
) -> None:
    """Write a graph of planned atoms from a template, with your people in its roles.

    Nothing is filmed yet: `chainer story next` says what to film first, and where to put it.

    \b
    Example:
      chainer story new reveal --role A=mei --role B=bo --name A="Mei Lin" -o box.json
    """
    from chainer.story import Wishes, graph_text, load_template, pairs, story_graph
    from chainer.story.write import write_new

    one = load_template(template)
    wishes = Wishes(
        **{
            name: pairs(f"--{name.removesuffix('s')}", options[name])
            for name in ("roles", "names", "authors", "persons", "words")
        }
    )
    value = story_graph(one, wishes, title=title)
    path = Path(f"{one.name}.json") if out is None else out
    write_new(path, graph_text(value), force=options["force"])
    nodes = value["nodes"]
    console = session.console
    console.result(
        {
            "graph": str(path),
            "template": one.name,
            "title": value["graph"]["title"],
            "atoms": [node["id"] for node in nodes],
            "characters": list(value["graph"].get("characters", {})),
            "authors": list(dict.fromkeys(node["author"] for node in nodes)),
        }
    )
    console.say(
        f"{path}: {value['graph']['title']}, {count_text(len(nodes), 'atom')} planned, "
        f"{seconds_text(one.seconds)}"
    )
    console.say(f"next: chainer story next {shlex.quote(str(path))}")


@story.command("next", short_help="What a chain needs next.")
@graph_argument
@click.option("--start", metavar="ATOM", help="Only what this atom leads to.")
@output_options
@click.pass_obj
def story_next(
    session: Session, /, graph: str, start: str | None, max_atoms: int | None, **_options: Any
) -> None:
    """Say in plain words what a graph needs next: what to film, by whom, and what is missing.

    Looks at the graph and at which files are there; opens none of them. Works for any graph.

    \b
    Example:
      chainer story next box.json
    """
    from chainer.story.next import needs_of

    needs = needs_of(load(graph, start, None, max_atoms), graph, start)
    console = session.console
    console.result(needs.as_json())
    console.say(f"{needs.title}: {needs.filmed} of {count_text(needs.atoms, 'atom')} filmed")
    if not needs.items:
        console.say("nothing to do: every atom has its file, and every chain its ending")
    for item in needs.items:
        first, *rest = item.words.splitlines()
        console.say(f"- {first}")
        for line in rest:
            console.say(f"    {line}")


def _roles(template: Template) -> str:
    return ", ".join(
        name if role.default is None else f"[{name}]" for name, role in template.roles.items()
    )
