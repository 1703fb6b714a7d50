"""The options of what goes into an episode's folder besides the film."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from chainer.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def delivery_options(command: _Command) -> _Command:
    """Playlists, timelines and pages."""
    for option in (
        click.option("--report", is_flag=True, help="Write report.html, the page for people."),
        click.option("--otio", is_flag=True, help="Write episode.otio, for editing programs."),
        click.option("--hls", is_flag=True, help="Write playlists over the store, hls/index.m3u8."),
    ):
        command = option(command)
    return command


def with_delivery(settings: Settings, options: dict[str, Any]) -> Settings:
    """The settings with what the options ask for, checked like a file's."""
    from chainer.settings import parse_settings

    asked = [name for name in ("hls", "otio", "report") if options.get(name)]
    if not asked:
        return settings
    told = settings.model_dump(exclude_unset=True)
    for name in asked:
        told[name] = {**told.get(name, {}), "write": True}
    return parse_settings(told, "options")
