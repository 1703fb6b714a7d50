"""Names: keyed ids that say nothing, provisional ones, and names that are really gone."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.book import Book, open_book, people_path
from chainer.consent.entry import Position
from chainer.consent.ledger import LedgerMoved, MemoryLedger
from chainer.consent.people import MemoryPeople, People, check_name, person_key
from chainer.consent.people_file import FilePeople
from chainer.consent.people_sqlite import SqlitePeople
from chainer.consent.words import Kind, Reach
from chainer.errors import InputError, StoreError
from tests.consent.ledgers import NOON, WORDS, database, grant
from tests.consent.test_ledger import read_only

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = {"json": "consent.jsonl", "sqlite": "consent.db"}


def table(kind: str, folder: Path, *, create: bool = True) -> People:
    if kind == "memory":
        return MemoryPeople()
    if kind == "json":
        return FilePeople(folder / "consent.people.json", create=create)
    return SqlitePeople(folder / "consent.people.db", create=create)


@pytest.fixture(params=["json", "sqlite", "memory"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[People]:
    made = table(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["json", "sqlite"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / FILES[request.param]


@pytest.fixture(params=["json", "sqlite", "memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    if request.param == "memory":
        names = MemoryPeople()
        made = Book(MemoryLedger(names.seal_key), names)
    else:
        made = open_book(tmp_path / FILES[request.param], create=True)
    with made:
        yield made


# -- the table --------------------------------------------------------------------


def test_a_name_keeps_its_id(people: People) -> None:
    first = people.add(["p-mei", "p-tom"])
    assert people.add(["p-tom", "p-ada", "p-mei"])["p-mei"] == first["p-mei"]
    assert people.known("p-mei") == first["p-mei"]
    assert people.name_of(first["p-tom"]) == "p-tom"
    assert people.names() == ("p-ada", "p-mei", "p-tom")
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in first.values())


def test_the_unknown_have_no_id(people: People) -> None:
    assert people.known("p-mei") is None
    assert people.name_of("0" * 32) is None
    assert people.known("\udcff") is None
    assert people.names() == ()
    assert people.add([]) == {}
    assert not people.erase("p-mei")


def test_an_id_is_an_hmac_of_the_name_under_its_own_secret(people: People) -> None:
    secret = bytes(range(32))
    wanted = hmac.digest(secret, b"p-mei", "sha256").hex()[:32]
    assert people.add(["p-mei"], {"p-mei": secret}) == {"p-mei": wanted}
    assert people.add(["p-mei"], {"p-mei": bytes(32)}) == {"p-mei": wanted}
    others = [table("memory", Path()).add(["p-mei"])["p-mei"] for _ in range(3)]
    assert len({wanted, *others}) == 4


@pytest.mark.parametrize("name", ["", "two\nlines", "nul\0", "x" * 301, "\udcff", "\u202e"])
def test_what_cannot_be_a_name_is_refused(people: People, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        people.add(["p-mei", name])
    assert people.names() == ()


@settings(deadline=None, max_examples=30)
@given(names=st.lists(WORDS, max_size=8))
@pytest.mark.parametrize("kind", ["json", "sqlite", "memory"])
def test_any_printable_names_are_kept_apart(kind: str, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = table(kind, Path(folder))
        keys = made.add(names)
        assert set(keys) == set(names)
        assert len(set(keys.values())) == len(keys)
        assert {made.name_of(key) for key in keys.values()} == set(names)
        made.close()


def test_the_table_is_kept_and_only_its_owner_may_read_it(path: Path) -> None:
    with open_book(path, create=True) as book:
        key = book.people.add(["p-mei"])["p-mei"]
        told = book.id, book.people.seal_key
    assert people_path(path).stat().st_mode & 0o077 == 0
    assert len(told[0]) == 32
    assert len(told[1]) == 32
    path.touch()  # nothing was recorded, so there is no ledger yet
    with open_book(path) as book:
        assert (book.id, book.people.seal_key) == told
        assert book.key("p-mei") == key
        assert book.names() == ("p-mei",)


def test_what_another_process_adds_or_erases_is_seen(path: Path) -> None:
    with open_book(path, create=True) as one, open_book(path, create=True) as two:
        assert one.id == two.id
        key = one.people.add(["p-mei"])["p-mei"]
        assert two.people.known("p-mei") == key
        assert two.people.erase("p-mei")
        assert one.people.known("p-mei") is None
        assert one.people.name_of(key) is None


ADDER = """
import sys
from pathlib import Path
from chainer.consent.book import open_book

with open_book(Path(sys.argv[1]), create=True) as book:
    print(book.id)
    for number in range(15):
        book.people.add(["everybody", f"p-{sys.argv[2]}-{number}"])
    print(book.people.known("everybody"))
"""


def test_processes_adding_at_once_lose_nobody(path: Path) -> None:
    command = [sys.executable, "-c", ADDER, str(path)]
    running = [
        subprocess.Popen([*command, str(one)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for one in range(3)
    ]
    told = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(told) == 1  # one table, and one id of the name that all of them added
    path.touch()
    with open_book(path) as book:
        wanted = {f"p-{one}-{number}" for one in range(3) for number in range(15)}
        assert set(book.names()) == wanted | {"everybody"}


# -- erased ------------------------------------------------------------------------


def traces(folder: Path, name: str, secret: bytes) -> list[str]:
    """The files in which a name or its secret can still be found."""
    signs = (name.encode(), secret, secret.hex().encode())
    return [
        path.name for path in folder.iterdir() if any(sign in path.read_bytes() for sign in signs)
    ]


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_erasing_leaves_no_trace_in_any_file(kind: str, tmp_path: Path) -> None:
    made = table(kind, tmp_path)
    other = table(kind, tmp_path, create=False)  # holds the table open meanwhile
    names = [f"person-{number:04d}-of-the-harbour" for number in range(400)]
    secrets = {name: os.urandom(32) for name in names}
    for part in range(0, 400, 100):
        made.add(names[part : part + 100], secrets)
    assert other.known(names[7])
    for name in names[5:300:3]:
        key = made.known(name)
        assert key is not None
        assert traces(tmp_path, name, secrets[name])
        assert made.erase(name)
        assert traces(tmp_path, name, secrets[name]) == []
        assert made.known(name) is None
        assert made.name_of(key) is None
        if len(made.names()) < 380:
            break
    # The others are all still there, under the same ids.
    for name in made.names():
        assert other.known(name) == person_key(secrets[name], name)
    made.close()
    other.close()
    gone = set(names) - set(table(kind, tmp_path).names())
    assert len(gone) == 21
    assert all(traces(tmp_path, name, secrets[name]) == [] for name in gone)


def test_a_draft_left_by_a_killed_writer_goes_with_the_next_erasure(tmp_path: Path) -> None:
    people = table("json", tmp_path)
    people.add(["p-mei"])
    file = tmp_path / "consent.people.json"
    (tmp_path / "consent.people.json.new").write_bytes(file.read_bytes()[:-9])
    people.erase("p-mei")
    assert [path.name for path in tmp_path.iterdir() if b"p-mei" in path.read_bytes()] == []


def test_erasing_records_it_first_and_forgets_the_name(book: Book) -> None:
    key = book.key("p-mei")
    book.record([grant(key), grant(book.key("p-tom"))])
    entry = book.erase("p-mei", now=NOON)
    assert (entry.kind, entry.person, entry.seq) == (Kind.ERASE, key, 3)
    assert book.names() == ("p-tom",)
    assert book.name_of(key) == f"someone (key…{key[-8:]})"
    assert [one.kind for one in book.entries()] == [Kind.GRANT, Kind.GRANT, Kind.ERASE]
    # Whoever comes back under the same name is somebody else.
    assert book.key("p-mei") != key


def test_erasing_is_repeated_after_a_crash_in_between(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = book.key("p-mei")
    book.record([grant(key)])

    def crash(name: str) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(book.people), "erase", lambda _, name: crash(name))
        with pytest.raises(KeyboardInterrupt):
            book.erase("p-mei")
    assert book.names() == ("p-mei",)
    assert book.erase("p-mei").seq == 2
    assert book.position().seq == 2
    assert book.names() == ()


def test_somebody_who_said_more_after_an_erasure_is_erased_anew(book: Book) -> None:
    key = book.people.add(["p-mei"])["p-mei"]
    erase = grant(key).model_copy(
        update={"kind": Kind.ERASE, "uses": (), "edits": (), "modalities": ()}
    )
    book.record([erase, grant(key)])
    assert book.erase("p-mei").seq == 3


def test_nobody_can_be_erased_who_is_not_known(book: Book) -> None:
    book.record([grant(book.key("p-mei"))])
    with pytest.raises(InputError, match='did you mean "p-mei"') as caught:
        book.erase("p-mey")
    assert caught.value.code == "unknown-person"
    with pytest.raises(InputError, match="chainer consent show"):
        book.erase("zzzzzzzzz")
    assert book.position().seq == 1


# -- the book ---------------------------------------------------------------------------


def test_a_provisional_id_stays_and_is_settled_by_recording(book: Book) -> None:
    key = book.key("p-mei")
    assert book.key("p-mei") == key
    assert book.name_of(key) == "p-mei"
    assert book.names() == ()
    assert book.people.known("p-mei") is None
    (entry,) = book.record([grant(key)])
    assert entry.person == key
    assert book.people.known("p-mei") == key
    assert book.key("p-mei") == key
    assert book.names() == ("p-mei",)


def test_settling_keeps_the_ids_that_were_asked_for(book: Book) -> None:
    keys = {name: book.key(name) for name in ("p-mei", "p-tom")}
    book.settle()
    book.settle()
    assert book.people.add(keys) == keys


def test_asking_for_what_cannot_be_a_name_is_refused(book: Book) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        book.key("")


def test_an_id_given_out_before_another_process_named_the_person_is_not_lost(path: Path) -> None:
    with open_book(path, create=True) as one, open_book(path, create=True) as two:
        early = one.key("p-mei"), one.key("p-tom")
        real = two.people.add(["p-mei"])["p-mei"]
        event = grant(early[1], reach=Reach.AUTHORS, authors=(early[0],))
        own, other = one.record([grant(early[0]), event])
        assert own.person == real != early[0]
        assert other.authors == (real,)
        assert other.person == early[1]
        assert one.name_of(early[0]) == "p-mei"


def test_recording_on_a_position_that_moved_is_refused(book: Book) -> None:
    key = book.key("p-mei")
    book.record([grant(key)], expected=Position(), now=NOON)
    with pytest.raises(LedgerMoved):
        book.record([grant(key)], expected=Position())
    assert [entry.recorded_at for entry in book.entries(0)] == [NOON]
    assert list(book.entries(1)) == []


def test_a_book_says_what_it_is_called(path: Path) -> None:
    with open_book(path, create=True) as book:
        assert book.name == str(path)


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_book_in_a_read_only_folder_is_read_and_keeps_names_in_memory(kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / FILES[kind]
        with open_book(path, create=True) as book:
            book.record([grant(book.key("p-mei"))])
        for file in folder.iterdir():
            os.chown(file, 65534, -1) if os.geteuid() == 0 else None
        with read_only(folder), open_book(path) as book:
            (entry,) = book.entries()
            assert book.name_of(entry.person) == "p-mei"
            new = book.key("p-new")
            book.settle()
            assert book.key("p-new") == new
            for change in (
                lambda: book.record([grant(new)]),
                lambda: book.erase("p-mei"),
            ):
                with pytest.raises(StoreError) as caught:
                    change()
                assert caught.value.code == "read-only"
            assert book.position().seq == 1
        with open_book(path) as book:
            assert book.names() == ("p-mei",)


# -- what cannot be opened -----------------------------------------------------------------


def test_a_missing_ledger_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(InputError, match="chainer consent grant … --ledger") as caught:
        open_book(path)
    assert caught.value.exit_status == 2
    assert str(path) in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_a_folder_cannot_be_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        open_book(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        open_book(tmp_path / "nowhere" / "consent.jsonl", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("how", ["is missing", "is damaged"])
def test_a_ledger_without_its_table_says_what_to_bring_back(
    path: Path, how: str, create: bool
) -> None:
    with open_book(path, create=True) as book:
        book.record([grant(book.key("p-mei"))])
    names = people_path(path)
    if how == "is missing":
        names.unlink()
    else:
        names.write_bytes(b"\0" * 5000)
    with pytest.raises(InputError, match=how) as caught:
        open_book(path, create=create)
    assert caught.value.code == "people-lost"
    assert str(names) in str(caught.value)
    assert "bring it back" in str(caught.value)


def test_a_table_that_goes_while_it_is_used_is_missed(tmp_path: Path) -> None:
    with open_book(tmp_path / "consent.jsonl", create=True) as book:
        (tmp_path / "consent.people.json").unlink()
        with pytest.raises(InputError, match="is missing"):
            book.key("p-mei")


@pytest.mark.parametrize(
    "change",
    [{"schema": "chainer.people/2"}, {"seal": "00"}, {"people": {"p-mei": "short"}}, {"x": 1}],
)
def test_a_table_with_something_else_in_it_is_damaged(
    tmp_path: Path, change: dict[str, object]
) -> None:
    file = tmp_path / "consent.people.json"
    FilePeople(file, create=True)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match="is damaged") as caught:
        FilePeople(file)
    assert caught.value.__cause__ is None  # a cause would show the table's content


def test_a_database_of_something_else_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "consent.people.db"
    with database(path) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    for create in (False, True):
        with pytest.raises(InputError, match="something else"):
            SqlitePeople(path, create=create)


def test_a_table_that_cannot_be_written_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = table("json", tmp_path)
    people.add(["p-mei"])
    before = (tmp_path / "consent.people.json").read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError) as caught:
            people.add(["p-tom"])
    assert caught.value.code == "disk-full"
    assert (tmp_path / "consent.people.json").read_bytes() == before
    assert not (tmp_path / "consent.people.json.new").exists()
    assert people.names() == ("p-mei",)
    people.close()


@pytest.mark.parametrize("name", ["老 👩\u200d🎤", "می\u200cروم", "p-mei"])
def test_names_of_any_script_are_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "\u200d", "a\nb", "a\u202eb", "x" * 301])
def test_what_cannot_be_seen_is_no_name(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        check_name(name)
