"""Commands about the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from chainer.cli.options import Session, output_options, settings_of
from chainer.console import bytes_text

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group(short_help="What the store holds; making room.")
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
    return option(output_options(command))


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

    info = inspect(open_store(settings_of(options)))
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

    health = verify_store(open_store(settings_of(options)), repair=repair)
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

    settings = settings_of(options)
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
