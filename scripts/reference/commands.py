"""The page of commands: what `--help` says, of every command."""

from collections.abc import Iterator

import click

from chainer.cli import main

WIDTH = 96


def commands_of(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by its words, in the order of the alphabet."""
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from commands_of(inner, (*words, name))
    else:
        yield words, command


def help_of(command: click.Command, words: tuple[str, ...]) -> str:
    """The help text, as wide as the page, without empty line ends."""
    context = click.Context(
        command, info_name=" ".join(words), terminal_width=WIDTH, max_content_width=WIDTH
    )
    context.help_option_names = ["-h", "--help"]
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def commands_page() -> str:
    """The text of `docs/commands.md`."""
    parts = [_HEAD]
    for words, command in commands_of(main, ("chainer",)):
        parts.append(f"## {' '.join(words[1:])}\n\n```text\n{help_of(command, words)}\n```\n")
    return "\n".join(parts)


_HEAD = """\
# Commands

What `chainer COMMAND --help` says. `--json` prints one JSON object, progress goes to the terminal,
and `--quiet` prints nothing but errors. What an exit status means: [exit statuses](exits.md).

<!-- Made by scripts/make_docs.py: change the help of the command, then run it. -->
"""
