"""Commands about the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainer.cli.options import Session, output_options
from chainer.console import bytes_text

if TYPE_CHECKING:
    from chainer.console import Console
    from chainer.store import Collected, Store, StorePolicy

_Command = TypeVar("_Command", bound=Callable[..., Any])

_WORDS = {
    "records": "reading records",
    "verify": "checking",
    "bytes": "sweeping",
    "evict": "evicting",
}
_MANY = 100  # what is through sooner needs no progress


@click.group(short_help="What the store holds; making room.")
def store() -> None:
    """What the store holds, whether it is whole, and making room in it."""


def _store_command(command: _Command) -> _Command:
    option = click.option(
        "--store",
        metavar="DIR|URL",
        envvar="CHAINER_STORE",
        show_envvar=True,
        help="A folder, or s3://BUCKET/PREFIX. Default: the platform's cache folder.",
    )
    return option(output_options(command))


def _policy(options: dict[str, Any]) -> StorePolicy:
    from chainer.store import StorePolicy, policy_for

    text = options.get("store")
    return StorePolicy() if text is None else policy_for(text)


def _url(found: Store) -> str | None:
    from chainer.store import SharedStore

    return found.url if isinstance(found, SharedStore) else None


@store.command("info")
@_store_command
@click.pass_obj
def store_info(session: Session, /, **options: Any) -> None:
    """Count what it holds.

    \b
    Example:
      chainer store info
    """
    from chainer.store import inspect, open_store

    steps = _Steps(session.console)
    info = inspect(open_store(_policy(options)), on_step=steps)
    steps.finish()
    session.console.result(
        {
            "path": str(info.root),
            "url": info.url,
            "records": info.records,
            "files": info.files,
            "bytes": info.bytes,
            "pins": info.pins,
            "by_type": {
                name: {"records": count, "bytes": size}
                for name, (count, size) in info.by_type.items()
            },
        }
    )
    where = info.url or info.root
    pins = f", {info.pins} pins" if info.pins else ""
    session.console.say(f"{where}: {info.records} records, {bytes_text(info.bytes)}{pins}")
    for name, (count, size) in info.by_type.items():
        session.console.say(f"  {name:10} {count:6}  {bytes_text(size):>10}")
    if info.url is not None:
        session.console.say(f"  its cache on this machine: {info.root}")


@store.command("verify")
@click.option("--repair", is_flag=True, help="Forget what is not whole, so that it is made again.")
@_store_command
@click.pass_obj
def store_verify(session: Session, /, *, repair: bool, **options: Any) -> int:
    """Read and hash every byte.

    A pin that cannot be read is told of and never repaired: nobody knows what it keeps.

    \b
    Example:
      chainer store verify --repair
    """
    from chainer.store import open_store
    from chainer.store import verify as verify_store

    found = open_store(_policy(options))
    steps = _Steps(session.console)
    health = verify_store(found, repair=repair, on_step=steps)
    steps.finish()
    pins = [(f"pins/{name}", what) for name, what in health.pins]
    faults = [*health.damaged, *health.missing, *pins]
    session.console.result(
        {
            "url": _url(found),
            "checked": health.checked,
            "whole": health.whole,
            "repaired": repair,
            "faults": [{"key": key, "what": what} for key, what in faults],
        }
    )
    for key, what in faults:
        name = key if key.startswith("pins/") else key[:16]
        session.console.say(f"{name}: {what}")
    session.console.say(f"{health.checked} records checked, {len(faults)} not whole")
    return 0 if health.whole or (repair and not health.pins) else 5


@store.command("gc")
@click.option(
    "--max-bytes", type=click.IntRange(0), metavar="N", help="Default: the settings' cap."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_store_command
@click.pass_obj
def store_gc(session: Session, /, max_bytes: int | None, *, dry_run: bool, **options: Any) -> None:
    """Evict the longest unused until the cap holds.

    What a running render needs, and what a finished episode or an unfinished batch has pinned,
    stays. Of a bucket, what was written in the last ten minutes stays too.

    \b
    Example:
      chainer store gc --max-bytes 5000000000
      chainer store gc --store s3://films/chainer --max-bytes 500000000000 --dry-run
    """
    from chainer.store import collect, open_store

    policy = _policy(options)
    if policy.url is not None and max_bytes is None:
        raise click.UsageError(
            "say how much a bucket may hold: --max-bytes N; the settings' cap is the cache's"
        )
    limit = policy.max_bytes if max_bytes is None else max_bytes
    found = open_store(policy)
    steps = _Steps(session.console)
    done = collect(found, limit, dry_run=dry_run, on_step=steps)
    steps.finish()
    session.console.result(
        {
            "url": _url(found),
            "dry_run": dry_run,
            "records": done.records,
            "files": done.files,
            "freed_bytes": done.freed_bytes,
            "left_bytes": done.left_bytes,
            "pinned_bytes": done.pinned_bytes,
            "over_bytes": done.over_bytes,
        }
    )
    would = "would be " if dry_run else ""
    where = f"{_url(found)}: " if _url(found) is not None else ""
    session.console.say(
        f"{where}{done.records} records {would}removed, {bytes_text(done.freed_bytes)} {would}"
        f"freed, {bytes_text(done.left_bytes)} left"
    )
    _explain(session.console, done, limit)


def _explain(console: Console, done: Collected, limit: int) -> None:
    """Why the cap does not hold."""
    if done.pinned_bytes:
        console.say(f"  {bytes_text(done.pinned_bytes)} are pinned by episodes and batches")
    if done.over_bytes:
        console.note(
            f"the cap of {bytes_text(limit)} cannot be reached: what is left is pinned, in use, or "
            "too young to go; remove episodes that are not needed, or raise the cap"
        )


class _Steps:
    """Passes long work on to the console, a hundred times at most."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[str, int] | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """One more is through."""
        now = (what, done * 100 // total if total else 0)
        if total >= _MANY and now != self._told:
            self._told = now
            self._tell(_WORDS.get(what, what), done, total)

    def finish(self) -> None:
        """There is no more to tell."""
        if self._told is not None:
            self._tell("done", 1, 1)

    def _tell(self, phase: str, done: int, total: int) -> None:
        from chainer.render.progress import Progress

        self._console.progress(Progress(phase, "", done / total, done, total, None))
