"""How quickly chainer is there, and that its help and its import start no process."""

from __future__ import annotations

import json
import sys

from bench.measure import Run, measure
from bench.outcome import Goal, Outcome, megabytes
from bench.workshop import Workshop, chainer_words

_TRIES = 5
_LIMIT = 0.25
_COUNT = """
import json, sys
kinds = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.system")
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(kinds) else None)
{body}
print(json.dumps(seen))
"""
_HELP = """
sys.argv = ["chainer", "--help"]
from chainer.__main__ import main
try:
    main()
except SystemExit:
    pass
"""


def start(shop: Workshop) -> Outcome:
    """The least of five fresh processes each."""
    outcome = Outcome("start", "Start")
    commands = {
        "chainer --help": chainer_words("--help"),
        "import chainer": [sys.executable, "-c", "import chainer"],
        "python alone": [sys.executable, "-c", "pass"],
    }
    started = {
        "chainer --help": processes_started(shop, _HELP),
        "import chainer": processes_started(shop, "import chainer"),
    }
    for label, words in commands.items():
        runs = [measure(words, shop.folder) for _ in range(_TRIES)]
        best: Run = min(runs, key=lambda run: run.cost.wall)
        outcome.rows.append(
            {
                "command": label,
                "CPU s": round(best.cost.cpu, 3),
                "wall s": round(best.cost.wall, 3),
                "peak MB": megabytes(best.cost.own_peak),
                "processes started": started.get(label),
            }
        )
        if label in started:
            outcome.goals += [
                Goal(f"{label}, CPU", min(run.cost.cpu for run in runs), _LIMIT, " s"),
                Goal(f"{label}, wall", best.cost.wall, _LIMIT, " s"),
                Goal(f"{label}, processes started", started[label], 0),
            ]
    outcome.notes.append(f"The quickest of {_TRIES}; processes are counted by an audit hook.")
    return outcome


def processes_started(shop: Workshop, body: str) -> int:
    """How many processes the Python statements of `body` start in a fresh interpreter."""
    run = measure([sys.executable, "-c", _COUNT.format(body=body)], shop.folder)
    return len(json.loads(run.stdout.strip().splitlines()[-1]))
