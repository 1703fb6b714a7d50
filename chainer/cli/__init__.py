"""The command line: parse, call the same functions a backend calls, print.

Exit status: 0 done, 1 a fault of ours, 2 the caller's input, 3 media, 4 refused by policy,
5 rendering failed, 6 provenance or verification, 7 some jobs failed, 130 cancelled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence

import click

from chainer.cli import batch, consent, edit, graphs, keep, make, pages, proof, series, story, takes
from chainer.cli.options import Session
from chainer.console import Console
from chainer.errors import Cancelled, ChainerError, InputError
from chainer.version import __version__


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
            console.fail_json(InputError(error.format_message(), code="usage"))
            error.show()
            return InputError.exit_status
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


for _command in (
    make.demo,
    make.check,
    make.chains,
    make.plan,
    make.compose,
    make.memory,
    takes.takes,
    story.story,
    edit.edit,
    make.digest,
    batch.batch,
    series.series,
    graphs.find,
    graphs.graph,
    proof.verify,
    proof.publish,
    proof.credits_,
    pages.report,
    consent.consent,
    keep.store,
):
    main.add_command(_command)
