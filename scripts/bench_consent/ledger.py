"""How fast the ledger is: durable additions one by one, and reading a long one.

    python scripts/bench_consent/ledger.py [--appends N] [--entries N] [--folder DIR]

Prints one JSON object. Additions are as fast as the disk under DIR flushes; the rate of bare
flushes on it is given beside them. "verify" is a new object that checks the whole chain, "read" one
that also makes every entry, "again" the same object asked once more, "one_more" the same after
another wrote one entry.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from chainer.consent.entry import Event
from chainer.consent.jsonl import FileLedger
from chainer.consent.sqlite import SqliteLedger
from chainer.consent.words import USUAL_EDITS, Kind, Modality, Reach, Use

KEY = bytes(range(32))
STORES: dict[str, Callable[[Path], FileLedger | SqliteLedger]] = {
    "jsonl": lambda folder: FileLedger(folder / "consent.jsonl", KEY),
    "sqlite": lambda folder: SqliteLedger(folder / "consent.db", KEY),
}


def main() -> int:
    """Measure both stores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--appends", type=int, default=3000, metavar="N")
    parser.add_argument("--entries", type=int, default=100_000, metavar="N")
    parser.add_argument("--folder", type=Path, help="where to write; the system's place for drafts")
    args = parser.parse_args()
    report: dict[str, Any] = {"appends": args.appends, "entries": args.entries}
    with tempfile.TemporaryDirectory(prefix="bench-ledger-", dir=args.folder) as folder:
        report["bare_flushes_per_second"] = _flushes(Path(folder) / "flushes", args.appends)
    for name, opened in STORES.items():
        report[name] = {}
        with tempfile.TemporaryDirectory(prefix="bench-ledger-", dir=args.folder) as folder:
            report[name] |= _appends(opened, Path(folder), args.appends)
        with tempfile.TemporaryDirectory(prefix="bench-ledger-", dir=args.folder) as folder:
            report[name] |= _reading(opened, Path(folder), args.entries)
    print(json.dumps(report, indent=1))
    return 0


def _event(number: int) -> Event:
    return Event(
        kind=Kind.GRANT,
        person=f"{number % 2000:032x}",
        reach=Reach.AUTHORS,
        authors=(f"{number:032x}",),
        uses=(Use.DRAFT, Use.EPISODE, Use.PUBLISH),
        edits=USUAL_EDITS,
        modalities=(Modality.FACE, Modality.VOICE),
        contexts=("alcohol",),
        expires=datetime(2040, 1, 1, tzinfo=UTC),
    )


def _flushes(path: Path, count: int) -> int:
    with path.open("wb", buffering=0) as stream:
        begun = time.perf_counter()
        for _ in range(count):
            stream.write(b"x" * 700)
            os.fsync(stream.fileno())
        return round(count / (time.perf_counter() - begun))


def _appends(
    opened: Callable[[Path], FileLedger | SqliteLedger], folder: Path, count: int
) -> dict[str, Any]:
    ledger = opened(folder)
    events = [_event(number) for number in range(count)]
    ledger.append(events[:1])
    took = []
    begun = time.perf_counter()
    for event in events:
        start = time.perf_counter()
        ledger.append([event])
        took.append(time.perf_counter() - start)
    whole = time.perf_counter() - begun
    ledger.close()
    took.sort()
    return {
        "appends_per_second": round(count / whole),
        "append_ms_median": round(1000 * took[count // 2], 3),
        "append_ms_99": round(1000 * took[count * 99 // 100], 3),
    }


def _reading(
    opened: Callable[[Path], FileLedger | SqliteLedger], folder: Path, count: int
) -> dict[str, Any]:
    writer = opened(folder)
    begun = time.perf_counter()
    for start in range(0, count, 5000):
        writer.append([_event(number) for number in range(start, min(start + 5000, count))])
    found: dict[str, Any] = {"write_in_batches_s": round(time.perf_counter() - begun, 3)}
    for what in ("verify", "read"):
        ledger = opened(folder)
        begun = time.perf_counter()
        seen = ledger.head().seq if what == "verify" else sum(1 for _ in ledger.entries())
        found[f"{what}_s"] = round(time.perf_counter() - begun, 3)
        if seen != count:
            raise RuntimeError(f"{seen} of {count} entries")
        begun = time.perf_counter()
        ledger.head()
        found["again_ms"] = round(1000 * (time.perf_counter() - begun), 3)
        if what == "read":
            writer.append([_event(0)])
            begun = time.perf_counter()
            new = list(ledger.entries(count))
            found["one_more_ms"] = round(1000 * (time.perf_counter() - begun), 3)
            if len(new) != 1:
                raise RuntimeError(f"{len(new)} entries after {count}")
        ledger.close()
    writer.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
