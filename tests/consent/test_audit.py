"""The audit: it goes through everything, names the first bad entry, and raises for no damage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chainer.consent.audit import AuditReport, audit, repair_tail
from chainer.consent.book import Book, open_book, people_path
from chainer.consent.entry import START, Position
from chainer.consent.jsonl import head_path
from chainer.consent.ledger import LedgerDamaged, MemoryLedger
from chainer.consent.line import Link, make_line
from chainer.consent.people import MemoryPeople
from chainer.errors import InputError
from tests.consent.ledgers import NOON, Shelf, database, grant, revoke


@pytest.fixture(params=["jsonl", "sqlite"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    """A book of four entries on disk; `lines` and `replace` tamper with it."""
    made = Shelf(request.param, tmp_path)
    with open_book(made.path, create=True) as book:
        key = book.key("p-mei")
        book.record([grant(key), revoke(key), grant(key), revoke(key)], now=NOON)
    yield made
    made.close()


def positions(path: Path) -> list[Position]:
    with open_book(path) as book:
        return [Position(entry.seq, entry.digest) for entry in book.entries()]


def test_a_whole_ledger_is_whole(shelf: Shelf) -> None:
    seen = positions(shelf.path)
    told = [(f"e{place.seq}", place) for place in seen]
    report = audit(shelf.path, [*told, *told, ("draft", Position())])
    assert report == AuditReport(
        str(shelf.path), 4, whole=True, first_bad=None, why="", head=seen[3], torn=False
    )
    with open_book(shelf.path) as book:
        assert audit(book, told) == report
    assert json.loads(json.dumps(report.as_json()))["head"] == {
        "seq": 4,
        "digest": seen[3].digest,
    }


def test_a_backends_own_book_is_audited() -> None:
    names = MemoryPeople()
    book = Book(MemoryLedger(names.seal_key), names)
    assert audit(book).head == Position(0, START)
    book.record([grant(book.key("p-mei"))])
    assert audit(book).whole
    assert audit(book).entries == 1


Tamper = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("tamper", "first_bad", "why"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"revoke", b"grants"), *lines[2:]], 2, "digest"),
        (lambda lines: [lines[0], *lines[2:]], 2, "number 3"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2, "number 3"),
        (lambda lines: [*lines[:3], b"{}"], 4, "not an entry"),
        (lambda lines: lines[:3], 4, "after 3 are missing"),
        (lambda _: [], 1, "after 0 are missing"),
    ],
)
def test_damage_is_reported_with_the_first_bad_entry(
    shelf: Shelf, tamper: Tamper, first_bad: int, why: str
) -> None:
    seen = positions(shelf.path)
    shelf.replace(tamper(shelf.lines()))
    report = audit(shelf.path)
    assert not report.whole
    assert report.first_bad == first_bad
    assert report.entries == first_bad - 1
    assert why in report.why
    assert report.head == (seen[first_bad - 2] if first_bad > 1 else Position())
    assert not report.torn


def test_a_tail_cut_off_with_all_that_remembers_it_is_told_by_an_episode(shelf: Shelf) -> None:
    seen = positions(shelf.path)
    shelf.replace(shelf.lines()[:2], forget_head=True)
    assert audit(shelf.path).whole  # nobody is left to tell
    report = audit(shelf.path, [("e1", seen[1]), ("e2", seen[2])])
    assert (report.whole, report.first_bad, report.entries) == (False, 3, 2)
    assert "episode e2 saw entry 3" in report.why


def test_a_chain_rewritten_with_the_key_is_told_by_an_episode(shelf: Shelf) -> None:
    seen = positions(shelf.path)
    with open_book(shelf.path) as book:
        key, person = book.people.seal_key, book.key("p-mei")
    before, lines = Link(), shelf.lines()[:1]
    for number, event in enumerate([grant(person)] * 4):
        _, line, before = make_line(event, before, key, NOON)
        lines[number:] = [line]
    shelf.replace(lines, forget_head=True)
    assert audit(shelf.path).whole
    assert audit(shelf.path, [("e1", seen[0])]).whole  # the first entry says the same as before
    report = audit(shelf.path, [("e9", seen[3]), ("e1", seen[0]), ("e3", seen[2])])
    assert not report.whole
    assert report.first_bad == 3
    assert report.why == "rewritten: episode e3 saw another entry 3"
    assert report.entries == 4


def test_what_an_episode_saw_is_told_even_if_more_is_bad_later(shelf: Shelf) -> None:
    lines = shelf.lines()
    shelf.replace([*lines[:3], b"{}"])
    report = audit(shelf.path, [("e2", Position(2, "f" * 64))])
    assert report.first_bad == 2
    assert "episode e2" in report.why
    assert report.entries == 3


def test_without_its_table_the_chain_is_still_followed(shelf: Shelf) -> None:
    lines = shelf.lines()
    people_path(shelf.path).unlink()
    report = audit(shelf.path)
    assert (report.whole, report.first_bad, report.entries) == (False, None, 4)
    assert "table of names" in report.why
    shelf.replace([*lines[:2], b"{}", lines[3]])
    report = audit(shelf.path)
    assert (report.first_bad, report.entries) == (3, 2)
    assert "not an entry" in report.why
    assert "table of names" in report.why


def test_a_table_of_another_ledger_is_noticed(shelf: Shelf, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with open_book(other / shelf.path.name, create=True):
        pass
    people_path(other / shelf.path.name).rename(people_path(shelf.path))
    report = audit(shelf.path)
    assert report.first_bad == 1
    assert "belongs to another" in report.why


def test_only_a_missing_ledger_is_raised(tmp_path: Path) -> None:
    for name in ("consent.jsonl", "consent.db"):
        with pytest.raises(InputError, match="there is no consent ledger"):
            audit(tmp_path / name)
        with open_book(tmp_path / name, create=True) as book:
            book.record([grant(book.key("p-mei"))])
    (tmp_path / "consent.jsonl").unlink()
    report = audit(tmp_path / "consent.jsonl")  # what lies beside it still remembers
    assert (report.whole, report.first_bad) == (False, 1)
    (tmp_path / "consent.db").write_bytes(b"x" * 9000)
    report = audit(tmp_path / "consent.db")
    assert (report.whole, report.first_bad) == (False, 1)
    assert "not a database" in report.why


def test_a_row_changed_in_the_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "consent.sqlite"
    with open_book(path, create=True) as book:
        book.record([grant(book.key(f"p-{number}")) for number in range(9)])
    with database(path) as db:
        db.execute("DROP TRIGGER entry_stays")
        db.execute("UPDATE entry SET line = replace(line, 'episode', 'publish') WHERE seq = 6")
    assert audit(path).first_bad == 6
    with database(path) as db:
        db.execute("UPDATE entry SET line = x'00ff' WHERE seq = 3")
    assert audit(path).first_bad == 3
    with database(path) as db:
        db.execute("DROP TRIGGER entry_remains")
        db.execute("DELETE FROM entry WHERE seq = 2")
    assert audit(path).first_bad == 2


# -- repair ------------------------------------------------------------------------------


def test_an_unfinished_line_is_told_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "consent.jsonl"
    with open_book(path, create=True) as book:
        book.record([grant(book.key("p-mei")), grant(book.key("p-tom"))])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    report = audit(path)
    assert (report.torn, report.whole, report.first_bad, report.entries) == (True, False, 3, 2)
    assert repair_tail(path) == 100
    assert path.read_bytes() == whole
    assert audit(path).whole
    assert repair_tail(path) == 0


@pytest.mark.parametrize("how", ["shortened", "flipped newline"])
def test_a_last_line_that_was_finished_once_is_not_cut_off(tmp_path: Path, how: str) -> None:
    path = tmp_path / "consent.jsonl"
    with open_book(path, create=True) as book:
        book.record([grant(book.key("p-mei")), grant(book.key("p-tom"))])
    whole = path.read_bytes()
    bad = whole[:-20] if how == "shortened" else whole[:-1] + b"\x0b"
    path.write_bytes(bad)
    assert audit(path).torn
    with pytest.raises(LedgerDamaged, match="finished once") as caught:
        repair_tail(path)
    assert caught.value.facts["entry"] == 2
    assert path.read_bytes() == bad
    head_path(path).unlink()
    assert repair_tail(path) > 0  # nothing says any more that it was finished


def test_nothing_else_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "consent.jsonl"
    with pytest.raises(InputError, match="no consent ledger"):
        repair_tail(path)
    with open_book(path, create=True) as book:
        book.record([grant(book.key("p-mei")), grant(book.key("p-tom"))])
    bad = path.read_bytes().replace(b"draft", b"remix", 1) + b"{"
    path.write_bytes(bad)
    with pytest.raises(LedgerDamaged) as caught:
        repair_tail(path)
    assert caught.value.facts["entry"] == 1
    head_path(path).unlink()  # not even where nothing remembers how long it was
    with pytest.raises(LedgerDamaged):
        repair_tail(path)
    assert path.read_bytes() == bad
    with pytest.raises(InputError, match="is a database"):
        repair_tail(tmp_path / "consent.db")
