"""The ledger: what is recorded is read back, and nothing can be changed unnoticed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainer.consent.entry import START, Entry, Event, Position
from chainer.consent.jsonl import FileLedger, head_path
from chainer.consent.ledger import LedgerDamaged, LedgerMoved, MemoryLedger
from chainer.consent.line import Broken, Link, link_of, make_line
from chainer.consent.sqlite import SqliteLedger
from chainer.consent.words import Kind, Reach
from chainer.digest import key_of
from chainer.errors import InputError, StoreError
from tests.consent.ledgers import (
    ADA,
    KEY,
    MEI,
    MOMENTS,
    NOON,
    TOM,
    Shelf,
    database,
    events,
    grant,
    revoke,
)

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("jsonl", "sqlite", "memory")


@pytest.fixture(params=KINDS)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=("jsonl", "sqlite"))
def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(request.param, tmp_path)
    yield made
    made.close()


def damage_of(call: Callable[[], Any]) -> LedgerDamaged:
    with pytest.raises(LedgerDamaged) as caught:
        call()
    assert caught.value.exit_status == 6
    assert caught.value.code == "ledger-damaged"
    assert f"entry {caught.value.facts['entry']}:" in str(caught.value)
    return caught.value


# -- what is recorded is read back ---------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(st.tuples(st.lists(events(), max_size=4), MOMENTS), max_size=4))
def test_whatever_is_recorded_reads_back_equal_in_one_chain(
    kind: str, batches: list[tuple[list[Event], datetime]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(kind, Path(folder))
        try:
            writer = shelf.open()
            told: list[Entry] = []
            for batch, now in batches:
                told += writer.append(batch, now=now)
            for reader in (writer, shelf.open()):
                assert list(reader.entries()) == told
                assert list(reader.entries(len(told) // 2)) == told[len(told) // 2 :]
            assert [one.seq for one in told] == list(range(1, len(told) + 1))
            prev = START
            recorded = told[0].recorded_at if told else None
            given_events = [event for batch, _ in batches for event in batch]
            for entry, event in zip(told, given_events, strict=True):
                assert entry.prev == prev
                assert entry.digest == entry.expected_digest()
                assert recorded is not None
                assert entry.recorded_at >= recorded
                assert entry.authors == tuple(sorted(set(event.authors)))
                same = ("kind", "person", "reach", "uses", "edits", "modalities", "contexts")
                for name in (*same, "expires", "atom", "evidence", "notice"):
                    assert getattr(entry, name) == getattr(event, name)
                for moment in (entry.recorded_at, entry.effective_at, entry.expires):
                    assert moment is None or moment.utcoffset() == timedelta(0)
                prev, recorded = entry.digest, entry.recorded_at
            assert writer.head() == Position(len(told), prev)
        finally:
            shelf.close()


@settings(deadline=None, max_examples=200)
@given(event=events(), now=MOMENTS)
def test_the_digest_of_a_lines_bytes_is_the_entrys_own(event: Event, now: datetime) -> None:
    entry, line, link = make_line(event, Link(), KEY, now)
    told = entry.model_dump(mode="json", by_alias=True, exclude={"digest", "seal"})
    assert link.digest == entry.digest == key_of("consent-entry", told)
    assert link_of(line, KEY) == link
    assert Entry.model_validate(json.loads(line)) == entry
    assert link.recorded_at == entry.recorded_at
    assert b"\n" not in line


def test_a_new_ledger_is_empty(shelf: Shelf) -> None:
    ledger = shelf.open()
    assert list(ledger.entries()) == []
    assert ledger.head() == Position()
    assert not shelf.path.exists()
    assert ledger.append([]) == ()
    assert ledger.append([], expected=Position()) == ()


def test_an_empty_file_is_an_empty_ledger(on_disk: Shelf) -> None:
    on_disk.path.touch()
    ledger = on_disk.open()
    assert list(ledger.entries()) == []
    ledger.append([grant()])
    assert len(list(on_disk.open().entries())) == 1


def test_each_object_sees_what_others_wrote(shelf: Shelf) -> None:
    one, two = shelf.open(), shelf.open()
    one.append([grant()])
    assert [entry.person for entry in two.entries()] == [MEI]
    two.append([grant(TOM)])
    assert [entry.person for entry in one.entries(1)] == [TOM]
    assert one.head() == two.head()


def test_recording_while_reading_goes_on(shelf: Shelf) -> None:
    ledger = shelf.open()
    ledger.append([grant(), grant(TOM)])
    for entry in ledger.entries():
        if entry.seq < 5:
            ledger.append([revoke(entry.person)])
    assert ledger.head().seq == 4


# -- what cannot be recorded ----------------------------------------------------

AT_ONE = NOON + timedelta(hours=1)
CONTRADICTIONS = {
    "names none": grant(reach=Reach.AUTHORS),
    "names authors": grant(authors=(TOM,)),
    "without an atom": Event(kind=Kind.APPROVE, person=MEI),
    "with an atom": grant(atom="a1"),
    "a revoke that expires": revoke(expires=AT_ONE),
    "a deny that expires": Event(kind=Kind.DENY, person=MEI, expires=AT_ONE),
    "an? erase that expires": Event(kind=Kind.ERASE, person=MEI, expires=AT_ONE),
    "before it begins": grant(effective_at=AT_ONE, expires=AT_ONE),
    "erasure in the future": Event(kind=Kind.ERASE, person=MEI, effective_at=AT_ONE),
}


@pytest.mark.parametrize("why", CONTRADICTIONS)
def test_contradictions_are_refused_and_nothing_of_the_batch_is_kept(
    shelf: Shelf, why: str
) -> None:
    ledger = shelf.open()
    with pytest.raises(InputError, match=why) as caught:
        ledger.append([grant(TOM), CONTRADICTIONS[why], grant(ADA)], now=NOON)
    assert caught.value.exit_status == 2
    assert list(ledger.entries()) == []


def test_a_grant_that_expired_before_it_could_begin_is_refused(shelf: Shelf) -> None:
    early = NOON - timedelta(days=9)
    with pytest.raises(InputError, match="before it begins"):
        shelf.open().append([grant(effective_at=early, expires=NOON)], now=NOON)


def test_a_restriction_may_expire(shelf: Shelf) -> None:
    event = Event(kind=Kind.RESTRICT, person=MEI, expires=AT_ONE)
    assert shelf.open().append([event], now=NOON)[0].expires == AT_ONE


NAIVE = NOON.replace(tzinfo=None)


@pytest.mark.parametrize("where", ["now", "effective_at", "expires"])
def test_times_without_a_zone_are_refused(shelf: Shelf, where: str) -> None:
    event = grant()
    if where != "now":
        # The model refuses it itself; a caller can go around the model.
        event = event.model_copy(update={where: NAIVE})
    with pytest.raises(InputError, match="a time without a zone") as caught:
        shelf.open().append([event], now=NAIVE if where == "now" else NOON)
    assert caught.value.facts["what"] == where


def test_a_time_beyond_all_years_is_refused(shelf: Shelf) -> None:
    late = datetime.fromisoformat("9999-12-31T23:59:59-05:00")
    with pytest.raises(InputError, match="outside the years"):
        shelf.open().append([grant(expires=late)], now=NOON)


def test_events_that_went_around_the_model_are_refused(shelf: Shelf) -> None:
    with pytest.raises(InputError, match="person") as caught:
        shelf.open().append([grant().model_copy(update={"person": "mei"})])
    assert caught.value.code == "consent-event"


def test_an_entry_too_large_to_be_read_again_is_refused(shelf: Shelf) -> None:
    many = tuple(f"{number:032x}" for number in range(40_000))
    with pytest.raises(InputError, match="split it"):
        shelf.open().append([grant(reach=Reach.AUTHORS, authors=many)])


# -- time ------------------------------------------------------------------------


def test_grants_are_never_back_dated_and_refusals_may_be(shelf: Shelf) -> None:
    early = NOON - timedelta(days=30)
    later = NOON + timedelta(days=30)
    approve = Event(kind=Kind.APPROVE, person=MEI, atom="a1")
    deny = Event(kind=Kind.DENY, person=MEI)
    restrict = Event(kind=Kind.RESTRICT, person=MEI)
    for event, wanted in (
        (grant(), NOON),
        (grant(effective_at=early), NOON),
        (grant(effective_at=later), later),
        (approve.model_copy(update={"effective_at": early}), NOON),
        (revoke(), NOON),
        (revoke(effective_at=early), early),
        (revoke(effective_at=later), later),
        (deny.model_copy(update={"effective_at": early}), early),
        (restrict.model_copy(update={"effective_at": early}), early),
        (Event(kind=Kind.ERASE, person=MEI, effective_at=early), early),
    ):
        (entry,) = shelf.open().append([event], now=NOON)
        assert entry.effective_at == wanted, event
        assert entry.recorded_at == NOON


def test_a_clock_that_jumps_back_changes_no_order(shelf: Shelf) -> None:
    ledger = shelf.open()
    ledger.append([grant()], now=NOON)
    back = NOON - timedelta(days=1)
    second, third = ledger.append([grant(), revoke()], now=back)
    assert second.recorded_at == third.recorded_at == NOON
    assert second.effective_at == NOON  # no grant begins before it was recorded
    assert third.effective_at == back  # and a refusal holds at once, by the same clock
    assert len(list(shelf.open().entries())) == 3


def test_the_clock_is_asked_when_no_time_is_given(shelf: Shelf) -> None:
    before = datetime.now(NOON.tzinfo)
    (entry,) = shelf.open().append([grant()])
    assert before <= entry.recorded_at <= datetime.now(NOON.tzinfo)
    assert entry.effective_at == entry.recorded_at


# -- compare and set ---------------------------------------------------------------


def test_nothing_is_recorded_on_a_position_that_has_moved(shelf: Shelf) -> None:
    one, two = shelf.open(), shelf.open()
    one.append([grant()], expected=Position())
    seen = one.head()
    two.append([revoke()])
    with pytest.raises(LedgerMoved) as caught:
        one.append([grant(TOM)], expected=seen)
    assert caught.value.exit_status == 4
    assert caught.value.facts["entry"] == 2
    assert [entry.person for entry in two.entries()] == [MEI, MEI]
    one.append([grant(TOM)], expected=two.head())
    with pytest.raises(LedgerMoved):
        one.append([grant(TOM)], expected=Position(3, "0" * 64))


# -- damage ---------------------------------------------------------------------------


def filled(shelf: Shelf, count: int = 5) -> list[bytes]:
    shelf.open().append([grant(contexts=("beer, “wine”",)) for _ in range(count)], now=NOON)
    return shelf.lines()


def test_every_flipped_byte_is_found_and_its_entry_named(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    filled(shelf, 3)
    whole = shelf.path.read_bytes()
    entry = 1
    for place, byte in enumerate(whole):
        for flip in (0x01, 0x20, 0x80, byte ^ 0x0A):  # the last makes it a newline
            if flip == 0:
                continue
            with shelf.path.open("r+b", buffering=0) as stream:
                stream.seek(place)
                stream.write(bytes([byte ^ flip]))
                damage = damage_of(FileLedger(shelf.path, KEY).head)
                stream.seek(place)
                stream.write(bytes([byte]))
            # A newline that is gone may be told of the line before it or after it.
            wanted = {entry, entry + 1} if byte == 0x0A else {entry}
            assert damage.facts["entry"] in wanted, (place, flip)
        if byte == 0x0A:
            entry += 1
    assert entry == 4
    assert shelf.path.read_bytes() == whole
    assert shelf.open().head().seq == 3


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_flipped_characters_are_found_in_every_store(kind: str, tmp_path: Path) -> None:
    shelf = Shelf(kind, tmp_path)
    lines = filled(shelf, 3)
    dice = random.Random(7)
    for _ in range(60):
        number = dice.randrange(3)
        place = dice.randrange(len(lines[number]))
        bad = bytearray(lines[number])
        if bad[place] >= 0x80:
            continue
        bad[place] ^= 1
        changed = [*lines]
        changed[number] = bytes(bad)
        if kind == "sqlite":
            with database(shelf.path) as db:
                db.execute("DROP TRIGGER IF EXISTS entry_stays")
                for seq, line in enumerate(changed, 1):
                    db.execute("UPDATE entry SET line = ? WHERE seq = ?", (line.decode(), seq))
        else:
            shelf.replace(changed)
        assert damage_of(shelf.open().head).facts["entry"] == number + 1
    shelf.close()


TAMPERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "a line removed": (lambda lines: lines[:2] + lines[3:], 3),
    "the first removed": (lambda lines: lines[1:], 1),
    "two swapped": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
    "one twice": (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
    "one again at the end": (lambda lines: [*lines, lines[1]], 6),
    "an empty line": (lambda lines: [*lines[:2], b"", *lines[2:]], 3),
    "spaces": (lambda lines: [lines[0], b" " + lines[1], *lines[2:]], 2),
    "other JSON": (lambda lines: [*lines[:4], b'{"seq":5}'], 5),
    "cut off": (lambda lines: lines[:3], 4),
    "all gone": (lambda _: [], 1),
    "longer than any": (lambda lines: [*lines[:4], b"x" * (2 << 20)], 5),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_found_by_a_new_reader_and_by_one_that_knew_it_whole(
    shelf: Shelf, how: str
) -> None:
    lines = filled(shelf)
    old = shelf.open()
    assert old.head().seq == 5
    tamper, first_bad = TAMPERED[how]
    shelf.replace(tamper(lines))
    if shelf.kind == "memory" and how in ("cut off", "all gone"):
        # There is nothing beside the memory that could remember more.
        assert shelf.open().head().seq == first_bad - 1
        return
    fresh = shelf.open()
    for use in (fresh.head, lambda: fresh.append([grant()]), lambda: list(fresh.entries())):
        assert damage_of(use).facts["entry"] == first_bad
    assert damage_of(lambda: list(old.entries())).facts["entry"] == first_bad
    assert shelf.lines() == tamper(lines)  # and nobody wrote after it


def test_entries_before_the_damage_are_given_first(shelf: Shelf) -> None:
    lines = filled(shelf)
    shelf.replace([*lines[:3], lines[3].replace(b"draft", b"remix"), lines[4]])
    seen = []

    def read() -> None:
        seen.extend(entry.seq for entry in shelf.open().entries())

    assert "content" in damage_of(read).facts["why"]
    assert seen == [1, 2, 3]


def rewritten(key: bytes, count: int = 5) -> list[bytes]:
    """A whole chain in which everything is right but the key."""
    before, lines = Link(), []
    for _ in range(count):
        _, line, before = make_line(grant(TOM), before, key, NOON)
        lines.append(line)
    return lines


def test_a_chain_rewritten_without_the_key_is_found(shelf: Shelf) -> None:
    filled(shelf)
    shelf.replace(rewritten(b"another key" * 3), forget_head=True)
    damage = damage_of(shelf.open().head)
    assert damage.facts["entry"] == 1
    assert "key" in damage.facts["why"]
    if shelf.kind != "memory":
        # Without the key, nothing is wrong with it: the seal is what tells.
        assert shelf.open(None).head().seq == 5


def test_a_chain_rewritten_with_the_key_is_found_by_what_lies_beside_it(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    filled(shelf)
    shelf.replace(rewritten(KEY, 6))
    assert damage_of(shelf.open().head).facts["entry"] == 5


def test_a_shorter_ledger_than_was_read_before_is_damage(shelf: Shelf) -> None:
    lines = filled(shelf)
    shelf.replace(lines[:3], forget_head=True)
    assert damage_of(lambda: list(shelf.open().entries(5))).facts["entry"] == 4
    assert len(list(shelf.open().entries(3))) == 0


def test_a_removed_file_that_is_remembered_is_damage(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    filled(shelf)
    ledger = shelf.open()
    shelf.path.unlink()
    assert "after 0 are missing" in damage_of(ledger.head).facts["why"]
    assert damage_of(lambda: ledger.append([grant()])).facts["entry"] == 1


def test_a_head_that_lags_behind_or_is_unreadable_is_no_damage(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    ledger = shelf.open()
    ledger.append([grant()])
    head = head_path(shelf.path)
    early = head.read_bytes()
    ledger.append([grant()])
    for left in (early, b"", b"\0" * 86, early[:40]):
        head.write_bytes(left)
        assert shelf.open().head().seq == 2
    head.unlink()
    assert shelf.open().append([grant()])[0].seq == 3
    assert head.read_bytes().startswith(b"%020d " % 3)


def test_an_entry_of_a_later_schema_is_refused_though_its_seal_is_right(shelf: Shelf) -> None:
    shelf.open().append([grant()], now=NOON)
    (line,) = shelf.lines()
    told = json.loads(line) | {"schema": "chainer.consent/2"}
    shelf.replace([resealed(told)])
    assert "schema is chainer.consent/2" in damage_of(shelf.open().head).facts["why"]


def test_an_entry_with_a_strange_word_is_refused_though_its_seal_is_right(shelf: Shelf) -> None:
    shelf.open().append([grant()], now=NOON)
    (line,) = shelf.lines()
    shelf.replace([resealed(json.loads(line) | {"kind": "lend"})], forget_head=True)
    damage = damage_of(lambda: list(shelf.open().entries()))
    assert "does not know" in damage.facts["why"]
    assert damage.facts["entry"] == 1


def resealed(told: dict[str, Any]) -> bytes:
    import hmac

    del told["digest"], told["seal"]
    told["digest"] = key_of("consent-entry", told)
    told["seal"] = hmac.digest(KEY, told["digest"].encode(), "sha256").hex()
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def test_a_recording_before_the_one_before_is_damage(shelf: Shelf) -> None:
    first, line, link = make_line(grant(), Link(), KEY, NOON)
    _, late, _ = make_line(
        grant(), Link(link.seq, link.digest), KEY, first.recorded_at - timedelta(seconds=1)
    )
    shelf.open().append([grant()])
    shelf.replace([line, late], forget_head=True)
    damage = damage_of(shelf.open().head)
    assert damage.facts["entry"] == 2
    assert "recorded before" in damage.facts["why"]


def test_digest_and_seal_cannot_move_within_a_line() -> None:
    _, line, _ = make_line(grant(), Link(), KEY, NOON)
    told = json.loads(line)
    digest = b'"digest":"' + told["digest"].encode() + b'",'
    moved = line.replace(digest, b"").replace(b'"kind"', digest + b'"kind"')
    assert json.loads(moved) == told
    with pytest.raises(Broken):
        link_of(moved, KEY)


# -- the unfinished last line -----------------------------------------------------------


def test_a_whole_last_line_without_newline_counts_and_is_continued(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    filled(shelf, 2)
    shelf.path.write_bytes(shelf.path.read_bytes()[:-1])
    reader, writer = shelf.open(), shelf.open()
    assert reader.head().seq == 2
    assert reader.head().seq == 2
    assert writer.append([grant(TOM)])[0].seq == 3
    assert len(shelf.path.read_bytes().split(b"\n")) == 4
    assert [entry.seq for entry in reader.entries()] == [1, 2, 3]
    assert [entry.seq for entry in shelf.open().entries(2)] == [3]


def test_any_other_unfinished_line_is_damage_that_a_repair_cuts_off(tmp_path: Path) -> None:
    shelf = Shelf("jsonl", tmp_path)
    lines = filled(shelf, 2)
    whole = shelf.path.read_bytes()
    _, third, _ = make_line(grant(TOM), link_of(lines[1], KEY), KEY)
    for length in (1, 200, len(third) - 1):
        shelf.path.write_bytes(whole + third[:length])
        damage = damage_of(shelf.open().head)
        assert damage.facts["entry"] == 3
        assert damage.facts["torn"]
        assert damage_of(lambda: shelf.open().append([grant()])).facts["torn"]
        repairer = FileLedger(shelf.path, KEY)
        assert repairer.cut_tail() == length
        assert repairer.cut_tail() == 0
        assert shelf.path.read_bytes() == whole
        assert shelf.open().head().seq == 2


# -- several at once, and sudden ends ------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from chainer.consent.jsonl import FileLedger
from chainer.consent.sqlite import SqliteLedger
from tests.consent.ledgers import KEY, grant

kind, path, number, count = sys.argv[1:]
ledger = (SqliteLedger if kind == "sqlite" else FileLedger)(Path(path), KEY)
for index in range(int(count)):
    (entry,) = ledger.append([grant(f"{int(number):016x}{index:016x}")])
    print(entry.seq, flush=True)
ledger.close()
"""


@contextmanager
def writer(shelf: Shelf, number: int, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WRITER, shelf.kind, str(shelf.path), str(number), str(count)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_four_processes_writing_at_once_make_one_chain(on_disk: Shelf) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        processes = [stack.enter_context(writer(on_disk, one, 50)) for one in range(4)]
        told = [process.communicate(timeout=60)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0] * 4
    people = [entry.person for entry in on_disk.open().entries()]
    wanted = [[f"{number:016x}{index:016x}" for index in range(50)] for number in range(4)]
    assert sorted(people) == sorted(one for each in wanted for one in each)
    for number in range(4):
        assert [one for one in people if one[:16] == f"{number:016x}"] == wanted[number]
        # Everyone was told the place that the entry really has.
        assert [people[int(seq) - 1] for seq in told[number]] == wanted[number]


def test_threads_sharing_one_object_make_one_chain(shelf: Shelf) -> None:
    ledger = shelf.open()
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                ledger.append([grant(f"{number:032x}")])
                assert list(ledger.entries())
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(shelf.open().entries())) == 80


def test_a_writer_killed_again_and_again_leaves_a_whole_ledger(on_disk: Shelf) -> None:
    dice = random.Random(3)
    acknowledged = 0
    for _ in range(5):
        with writer(on_disk, 1, 100_000) as process:
            assert process.stdout is not None
            for _ in range(dice.randrange(1, 40)):
                acknowledged = int(process.stdout.readline())
            time.sleep(dice.random() * 0.003)
            process.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        if on_disk.kind == "jsonl":
            # A kill between two pages of one write can leave a part of it, never acknowledged.
            FileLedger(on_disk.path, KEY).cut_tail()
        fresh = on_disk.open()
        assert acknowledged <= fresh.head().seq <= acknowledged + 1
        acknowledged = fresh.append([grant()])[0].seq


@pytest.mark.parametrize("part", [0, 1, 300])
def test_a_full_disk_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    shelf = Shelf("jsonl", tmp_path)
    ledger = shelf.open()
    ledger.append([grant()])
    before = shelf.path.read_bytes()
    really = os.write
    calls = []

    def full(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1 or part == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(fd, data[:part])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError) as caught:
            ledger.append([revoke(), revoke(TOM)])
    assert caught.value.code == "disk-full"
    assert caught.value.exit_status == 5
    assert calls
    assert shelf.path.read_bytes() == before
    assert shelf.open().head().seq == 1
    assert ledger.append([revoke()])[0].seq == 2


def test_a_flush_that_fails_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf("jsonl", tmp_path)
    ledger = shelf.open()
    ledger.append([grant()])
    before = shelf.path.read_bytes()

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StoreError) as caught:
            ledger.append([revoke()])
    assert caught.value.code == "store"
    assert shelf.path.read_bytes() == before


def test_a_full_database_takes_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "consent.db", KEY)
    ledger.append([grant()])
    assert ledger._connection is not None
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    with pytest.raises(StoreError) as caught:
        ledger.append([grant() for _ in range(100)])
    assert caught.value.code == "disk-full"
    assert ledger.head().seq == 1
    ledger._connection.execute("PRAGMA max_page_count = 100000").fetchone()
    assert ledger.append([grant()])[0].seq == 2
    ledger.close()


# -- files ------------------------------------------------------------------------------------


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder and its files without the right to write, for whoever runs the tests."""
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # nothing is read-only to root
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)


@pytest.mark.parametrize("kind", ["jsonl", "sqlite"])
def test_a_read_only_folder_can_be_read_and_says_so_when_written(kind: str) -> None:
    # Not under tmp_path: its parents are closed to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf = Shelf(kind, folder)
        filled(shelf, 2)
        shelf.close()
        with read_only(folder):
            ledger = shelf.open()
            assert len(list(ledger.entries())) == 2
            assert ledger.head().seq == 2
            with pytest.raises(StoreError) as caught:
                ledger.append([grant()])
            assert caught.value.code == "read-only"
            ledger.close()
        assert shelf.open().append([grant()])[0].seq == 3
        shelf.close()


def test_only_what_is_new_is_checked_again(on_disk: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    import chainer.consent.ledger as module

    filled(on_disk, 50)
    checked = []
    really = module.check_line

    def count(line: bytes, before: Link, key: bytes | None) -> Link:
        checked.append(before.seq + 1)
        return really(line, before, key)

    monkeypatch.setattr(module, "check_line", count)
    ledger = on_disk.open()
    ledger.head()
    assert checked == list(range(1, 51))
    checked.clear()
    ledger.append([grant()])
    ledger.head()
    assert checked == []
    assert [entry.seq for entry in ledger.entries(49)] == [50, 51]
    assert checked == [50, 51]


def test_long_ledgers_are_read_in_parts(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    import chainer.consent.ledger as module

    monkeypatch.setattr(module, "_BATCH", 4)
    for count in (1, 3, 4, 5, 8):
        shelf.open().append([grant()] * count)
        total = shelf.open().head().seq
        for after in range(total + 1):
            seqs = [entry.seq for entry in shelf.open().entries(after)]
            assert seqs == list(range(after + 1, total + 1))


def test_a_file_that_is_exchanged_while_it_is_read_is_noticed(
    on_disk: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import chainer.consent.ledger as module

    monkeypatch.setattr(module, "_BATCH", 2)
    filled(on_disk, 6)
    reading = on_disk.open().entries()
    assert [next(reading).seq for _ in range(2)] == [1, 2]
    on_disk.replace(rewritten(KEY, 6), forget_head=True)
    assert damage_of(lambda: list(reading)).facts["entry"] in (2, 3)


def test_the_database_itself_refuses_changes(tmp_path: Path) -> None:
    import sqlite3

    shelf = Shelf("sqlite", tmp_path)
    filled(shelf, 2)
    for sql in ("UPDATE entry SET line = ''", "DELETE FROM entry WHERE seq = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="never"), database(shelf.path) as db:
            db.execute(sql)
    assert shelf.open().head().seq == 2
    with database(shelf.path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    shelf.close()


def test_a_file_that_is_no_database_is_damage_and_another_database_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "consent.db"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    ledger = SqliteLedger(path, KEY)
    assert "not a database" in damage_of(ledger.head).facts["why"]
    path.unlink()
    with database(path) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    for use in (ledger.head, lambda: ledger.append([grant()])):
        with pytest.raises(InputError, match="something else"):
            use()
    ledger.close()


def test_a_database_with_broken_pages_is_damage(tmp_path: Path) -> None:
    shelf = Shelf("sqlite", tmp_path)
    filled(shelf, 200)
    shelf.close()
    data = bytearray(shelf.path.read_bytes())
    rows = data.index(b'"seq":150,')
    page = rows // 4096 * 4096
    data[page : page + 8] = b"\xff" * 8
    shelf.path.write_bytes(data)
    ledger = shelf.open()
    assert 1 < damage_of(lambda: list(ledger.entries())).facts["entry"] <= 150
    shelf.close()


def test_a_ledger_without_key_cannot_be_written(on_disk: Shelf) -> None:
    with pytest.raises(InputError, match="without its key"):
        on_disk.open(None).append([grant()])


def test_the_memory_seals_with_a_key_of_its_own() -> None:
    (entry,) = MemoryLedger().append([grant()])
    (other,) = MemoryLedger().append([grant()])
    assert entry.seal != other.seal
    assert len(bytes.fromhex(entry.seal)) == hashlib.sha256().digest_size


def test_an_entry_of_another_chain_with_the_same_key_does_not_fit(shelf: Shelf) -> None:
    lines = filled(shelf)
    shelf.replace([*lines[:2], rewritten(KEY)[2], *lines[3:]])
    damage = damage_of(shelf.open().head)
    assert damage.facts["entry"] == 3
    assert "does not follow" in damage.facts["why"]


def test_what_was_known_is_forgotten_where_the_end_is_another(shelf: Shelf) -> None:
    filled(shelf)
    old = shelf.open()
    old.head()
    shelf.replace(rewritten(KEY), forget_head=True)
    # Tied to what is there, not to what was remembered: that would break the chain.
    assert old.append([grant()])[0].seq == 6
    assert shelf.open().head().seq == 6
