"""The options of how a film tells its story: takes, cards, cues, captions, music."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from chainer.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def story_options(command: _Command) -> _Command:
    """What a film shows and plays beside its clips."""
    for option in (
        click.option(
            "--sketches",
            is_flag=True,
            help="Play planned atoms, too: as cards while there is no media.",
        ),
        click.option(
            "--scenario",
            metavar="NAME",
            help="What earns extended slots: story_challenge or brand_short.",
        ),
        click.option(
            "--bed",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Music under the film, softer where somebody speaks.",
        ),
        click.option("--credits", is_flag=True, help="End with a roll of who made it."),
        click.option(
            "--cues",
            type=click.Choice(["off", "asked", "all"]),
            help="Lower thirds: where chapters ask for them, or at every hand-over.",
        ),
        click.option(
            "--captions",
            type=click.Choice(["off", "track", "burned"]),
            help="Dialogue as a text track and a file (default), or in the picture, too.",
        ),
        click.option("--burn-captions", is_flag=True, help="The same as --captions burned."),
        click.option(
            "--take",
            "takes",
            multiple=True,
            metavar="ATOM=N",
            help="Play this take of an atom; 1 is its own media. Repeatable.",
        ),
    ):
        command = option(command)
    return command


def with_story(settings: Settings, options: dict[str, Any]) -> Settings:
    """The settings with what the options ask for, checked like a file's."""
    from chainer.settings import parse_settings

    parts: dict[str, dict[str, Any]] = {}
    if options.get("scenario") is not None:
        parts["slots"] = {"scenario": options["scenario"]}
    if options.get("bed") is not None:
        parts["bed"] = {"media": str(options["bed"].absolute())}
    card = {}
    if options.get("credits"):
        card["credits"] = True
    if options.get("cues") is not None:
        card["cues"] = options["cues"]
    if card:
        parts["card"] = card
    captions = _captions(options)
    if captions is not None:
        parts["captions"] = {"write": captions != "off", "burn": captions == "burned"}
    whole: dict[str, Any] = {}
    if options.get("takes"):
        whole["takes"] = _takes(options["takes"])
    if options.get("sketches"):
        whole["sketches"] = True
    if not parts and not whole:
        return settings
    told = settings.model_dump(exclude_unset=True)
    for name, given in parts.items():
        told[name] = {**told.get(name, {}), **given}
    return parse_settings({**told, **whole}, "options")


def _captions(options: dict[str, Any]) -> str | None:
    captions: str | None = options.get("captions")
    if not options.get("burn_captions"):
        return captions
    if captions not in (None, "burned"):
        raise click.UsageError(f"--captions {captions} or --burn-captions, not both")
    return "burned"


def _takes(texts: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for atom, number in map(_take, texts):
        if found.setdefault(atom, number) != number:
            raise click.BadParameter(f"{atom} is given twice; keep one", param_hint="--take")
    return found


def _take(text: str) -> tuple[str, int]:
    atom, equals, number = text.rpartition("=")
    if not equals or not atom or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise click.BadParameter(
            f"{text!r}: write ATOM=N, such as a3=2; 1 is the atom's own media",
            param_hint="--take",
        )
    return atom, int(number)
