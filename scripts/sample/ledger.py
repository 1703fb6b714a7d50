"""Who in the story agreed to what: its consent ledger and table of names.

The people are drawn, so their secrets may be in a repository: they are derived from their names,
and the same bytes come out each time. A real table is made with random ones and kept to oneself.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from chainer.consent.book import open_book
from chainer.consent.say import EVERYONE, Whom, grant
from chainer.consent.words import Use
from sample.graphfile import FIRST
from sample.story import CHARACTERS, NAMES

USES = (Use.DRAFT, Use.EPISODE, Use.PUBLISH, Use.REMIX)


def _secret(word: str) -> str:
    return hashlib.sha256(f"harbor:{word}".encode()).hexdigest()


def write(folder: Path) -> None:
    """Write `consent.jsonl` and `consent.people.json` into `folder`, in place of what is there."""
    for old in folder.glob("consent.*"):
        old.unlink()
    everybody = {*NAMES, *(one["person"] for one in CHARACTERS.values())}
    people = {name: _secret(name) for name in sorted(everybody)}
    table = {
        "schema": "chainer.people/1",
        "ledger": _secret("ledger")[:32],
        "seal": _secret("seal"),
        "people": people,
    }
    text = json.dumps(table, ensure_ascii=False, indent=1)
    (folder / "consent.people.json").write_text(text + "\n", encoding="utf-8")
    friends = tuple(sorted(NAMES))
    with open_book(folder / "consent.jsonl", create=True) as book:
        grant(book, "p-mei", EVERYONE, uses=USES, contexts=("politics",), now=FIRST)
        grant(book, "p-bo", EVERYONE, uses=USES, now=FIRST)
        grant(book, "p-ines", Whom(friends), uses=USES, now=FIRST)
    (folder / "consent.people.json.lock").unlink(missing_ok=True)
