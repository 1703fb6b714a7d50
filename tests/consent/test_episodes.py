"""The index of episodes: an episode's life, what is kept of it, and files that are no index."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest

from chainer.consent.entry import Position
from chainer.consent.episodes import EpisodeIndex, EpisodeState, Piece, ShownAtom
from chainer.consent.words import Edit, Use
from chainer.errors import InputError, PolicyRefused, StoreError
from tests.consent.revoked import ANN, BEN, BO, MEI, film, key, need, person, record

AT = Position(5, "5" * 64)


@pytest.fixture
def index(tmp_path: Path) -> EpisodeIndex:
    return EpisodeIndex(tmp_path / "store" / "episodes.sqlite")


def state(index: EpisodeIndex, name: str) -> str:
    found = index.get(name)
    assert found is not None
    return found.state.value


def rows(index: EpisodeIndex, query: str) -> list[tuple[object, ...]]:
    with index.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_what_was_registered_is_given_back(index: EpisodeIndex, tmp_path: Path) -> None:
    told = record(
        "e1",
        ["a2", "a1", "a2"],
        title="Low tide",
        draft=True,
        composer=ANN,
        request={"start": "a2", "kind": "series", "walk": {"max_seconds": "60"}, "none": None},
        ledger_name="consent.jsonl",
        position=AT,
        folders=(tmp_path / "out",),
    )
    index.begin(told, [], [])
    found = index.get("e1")
    assert found is not None
    for name in ("title", "draft", "composer", "atoms", "request", "ledger_id", "ledger_name"):
        assert getattr(found, name) == getattr(told, name)
    assert (found.position, found.folders) == (AT, (tmp_path / "out",))
    assert found.state is EpisodeState.MAKING
    assert (found.film, found.urn, found.refusal, found.entry) == (None, None, None, None)
    assert found.created.tzinfo is UTC
    assert found.created <= found.changed
    assert index.get("e2") is None


def test_made_then_published(index: EpisodeIndex, tmp_path: Path) -> None:
    index.begin(record("e1"), [], [])
    assert index.find_film(film("e1")) is None
    assert index.finish("e1", tmp_path / "a", film("e1"), "urn:c2pa:1", AT) is EpisodeState.MADE
    found = index.find_film(film("e1"))
    assert found is not None
    assert (found.id, found.film, found.urn) == ("e1", film("e1"), "urn:c2pa:1")
    assert (found.position, found.folders) == (AT, (tmp_path / "a",))
    later = Position(9, "9" * 64)
    index.publish("e1", later)
    index.publish("e1", AT)  # already so: nothing happens
    found = index.get("e1")
    assert found is not None
    assert (found.state, found.position, found.was_published) == ("published", later, True)
    assert index.positions("l" * 32) == [("e1", later)]
    assert index.positions("another") == []


def test_several_deliveries_of_one_episode_are_finished_each(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    index.begin(record("e1"), [], [])
    index.begin(record("e1"), [], [])  # two at once
    assert index.finish("e1", tmp_path / "a", film("e1"), "urn:1", AT) is EpisodeState.MADE
    assert index.finish("e1", tmp_path / "b", film("e2"), "urn:2", AT) is EpisodeState.MADE
    assert index.finish("e1", tmp_path / "b", film("e2"), "urn:2", AT) is EpisodeState.MADE
    found = index.get("e1")
    assert found is not None
    assert {tmp_path / "a", tmp_path / "b"} <= set(found.folders)
    assert index.find_film(film("e1")) == index.find_film(film("e2")) == found
    index.publish("e1", AT)
    index.begin(record("e1"), [], [])
    state = index.finish("e1", tmp_path / "c", film("e3"), "urn:3", AT)
    assert state is EpisodeState.PUBLISHED  # it is shown already, and stays so


def test_one_who_gives_up_does_not_end_the_making_of_another(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    index.begin(record("e1"), [], [])
    index.begin(record("e1"), [], [])
    assert index.give_up("e1") is EpisodeState.MAKING
    assert index.finish("e1", tmp_path / "a", film("e1"), "urn:1", AT) is EpisodeState.MADE
    index.begin(record("e1"), [], [])
    index.begin(record("e1"), [], [])
    assert index.give_up("e1") is EpisodeState.MAKING
    assert index.give_up("e1") is EpisodeState.MADE


def test_one_who_comes_late_does_not_end_a_making_that_was_begun_anew(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    first = index.begin(record("e1"), [], [])
    assert index.begin(record("e1"), [], []) == first  # at once with the other
    assert index.finish("e1", tmp_path / "a", film("e1"), "urn:1", AT) is EpisodeState.MADE
    second = index.begin(record("e1"), [], [])
    assert second > first
    assert index.give_up("e1", first) is EpisodeState.MAKING
    assert index.finish("e1", tmp_path / "b", film("e2"), "urn:2", AT) is EpisodeState.MADE
    third = index.begin(record("e1"), [], [])
    assert index.give_up("e1", third) is EpisodeState.MADE


def test_only_what_is_known_and_allowed_can_be_finished(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    index.begin(record("e1"), [], [])
    index.give_up("e1")
    with pytest.raises(PolicyRefused, match="it is gone") as caught:
        index.finish("e1", tmp_path / "b", film("e1"), "urn:1", AT)
    assert caught.value.facts["state"] == "gone"
    assert caught.value.exit_status == 4
    with pytest.raises(InputError, match="no episode 'e9'"):
        index.finish("e9", tmp_path / "a", film("e9"), "urn:1", AT)
    with pytest.raises(InputError, match="SHA-256"):
        index.finish("e1", tmp_path / "a", "deadbeef", "urn:1", AT)


def test_drafts_and_unfinished_episodes_are_not_published(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    index.begin(record("draft", draft=True), [], [])
    with pytest.raises(PolicyRefused, match="it is making"):
        index.publish("draft", AT)
    assert index.finish("draft", tmp_path, film("d"), "urn:1", AT) is EpisodeState.DRAFT
    with pytest.raises(PolicyRefused, match="it is draft"):
        index.publish("draft", AT)
    with pytest.raises(InputError, match="no episode"):
        index.publish("nothing", AT)


def test_given_up(index: EpisodeIndex, tmp_path: Path) -> None:
    index.begin(record("e1"), [], [])
    assert index.give_up("e1") is EpisodeState.GONE
    assert index.give_up("e1") is EpisodeState.GONE
    index.begin(record("e1"), [], [])
    index.finish("e1", tmp_path, film("e1"), "urn:1", AT)
    index.publish("e1", AT)
    assert index.give_up("e1") is EpisodeState.PUBLISHED  # it was not in the making
    index.begin(record("e1"), [], [])
    assert state(index, "e1") == "making"
    assert index.give_up("e1") is EpisodeState.PUBLISHED  # what was delivered still stands
    assert [one.id for one in index.all(EpisodeState.PUBLISHED)] == ["e1"]
    with pytest.raises(InputError):
        index.give_up("e2")


def test_beginning_again_updates(index: EpisodeIndex, tmp_path: Path) -> None:
    index.begin(record("e1", ["a1"], title="old"), [need(MEI, ANN, "a1")], [])
    once = rows(index, "SELECT * FROM asked"), rows(index, "SELECT * FROM atoms")
    index.begin(record("e1", ["a1"], title="old"), [need(MEI, ANN, "a1")], [])
    assert once == (rows(index, "SELECT * FROM asked"), rows(index, "SELECT * FROM atoms"))
    index.begin(record("e1", ["a2"], title="new"), [need(BO, ANN, "a2")], [])
    found = index.get("e1")
    assert found is not None
    assert (found.title, [atom.id for atom in found.atoms]) == ("new", ["a2"])
    assert index.showing(MEI) == []  # nothing was delivered: what it asked before is forgotten
    assert [one.id for one in index.showing(BO)] == ["e1"]
    index.finish("e1", tmp_path, film("e1"), "urn:1", AT)
    index.begin(record("e1", ["a1"]), [need(MEI, ANN, "a1")], [])
    assert [one.id for one in index.showing(BO)] == ["e1"]  # the film that shows them is out
    assert [one.id for one in index.showing(MEI)] == ["e1"]


def test_needs_are_kept_once_each(index: EpisodeIndex) -> None:
    needs = [
        need(MEI, ANN, "a1", Use.EPISODE, Use.REMIX, edits=(Edit.TRIM, Edit.JOIN)),
        need(MEI, ANN, "a1", Use.REMIX, Use.EPISODE, edits=(Edit.JOIN, Edit.TRIM, Edit.TRIM)),
        need(MEI, ANN, "a2", Use.EPISODE, Use.REMIX, edits=(Edit.TRIM, Edit.JOIN)),
        need(MEI, None, "a1"),
        need(MEI, ANN, "a1", own=True),
        need(MEI, ANN, "a1", contexts=("brand",)),
    ]
    index.begin(record("e1"), needs, [])
    index.begin(record("e2"), needs, [])
    assert rows(index, "SELECT count(*) FROM questions") == [(4,)]
    assert rows(index, "SELECT count(*) FROM asked") == [(10,)]


def test_pieces_are_kept_once_with_everybody_they_show(index: EpisodeIndex) -> None:
    index.note_pieces([Piece(key("a"), "clip", (MEI,))])
    index.begin(record("e1"), [], [Piece(key("a"), "clip", (MEI, BO)), Piece(key("b"), "card", ())])
    index.begin(record("e2"), [], [Piece(key("a"), "clip", (MEI,))])
    assert rows(index, "SELECT key, type FROM pieces ORDER BY n") == [
        (key("a"), "clip"),
        (key("b"), "card"),
    ]
    assert rows(index, "SELECT count(*) FROM shows") == [(2,)]
    assert rows(index, "SELECT count(*) FROM used") == [(3,)]


def test_people_of_a_ledger(index: EpisodeIndex) -> None:
    index.begin(record("e1"), [need(MEI, ANN, "a1")], [])
    index.begin(record("e2", ledger_id="other"), [need(BO, ANN, "a1")], [])
    index.begin(record("e3"), [need(BEN, ANN, "a1")], [])
    index.give_up("e3")
    index.note_pieces([Piece(key("a"), "clip", (person("seen"), BO))])
    assert index.people("l" * 32) == sorted([MEI, person("seen")])
    assert index.people("other") == sorted([BO, person("seen")])


@pytest.mark.parametrize(
    "begin",
    [
        lambda index: index.begin(record(""), [], []),
        lambda index: index.begin(record("e1", composer="Ann"), [], []),
        lambda index: index.begin(record("e1", folders=(Path("out"),)), [], []),
        lambda index: index.begin(record("e1", request={"a": object()}), [], []),
        lambda index: index.begin(record("e1", request={"a": math.nan}), [], []),
        lambda index: index.begin(record("e1"), [need("Mei", ANN, "a1")], []),
        lambda index: index.begin(record("e1"), [need(MEI, "ann", "a1")], []),
        lambda index: index.begin(record("e1"), [], [Piece("../x", "clip", ())]),
        lambda index: index.begin(record("e1"), [], [Piece(key("a"), "clip", ("Mei",))]),
    ],
)
def test_bad_records_are_refused_whole(
    index: EpisodeIndex, begin: Callable[[EpisodeIndex], None]
) -> None:
    with pytest.raises(InputError):
        begin(index)
    assert index.all() == []
    assert rows(index, "SELECT * FROM questions") == []


def test_an_author_must_be_keyed(index: EpisodeIndex) -> None:
    bad = record("e1", atoms=())
    with pytest.raises(InputError, match="never names"):
        index.begin(type(bad)(id="e1", atoms=(ShownAtom("a1", "0" * 64, "p-mei"),)), [], [])


@pytest.mark.parametrize("data", [b"not a database at all, but long enough to be read as one" * 90])
def test_a_file_that_is_no_database(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "episodes.sqlite"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="no index of episodes") as caught:
        EpisodeIndex(path)
    assert caught.value.code == "index-damaged"
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == data


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "episodes.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="something else") as caught:
        EpisodeIndex(path)
    assert caught.value.code == "index-damaged"
    assert path.read_bytes() == before


def test_an_index_of_a_newer_chainer(index: EpisodeIndex) -> None:
    with contextlib.closing(sqlite3.connect(index.path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="update chainer") as caught:
        EpisodeIndex(index.path)
    assert caught.value.code == "index-newer"
    assert caught.value.facts["version"] == 2


def test_an_index_that_lost_its_end(index: EpisodeIndex) -> None:
    index.begin(record("e1", [f"a{n}" for n in range(400)]), [], [])
    data = bytearray(index.path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    index.path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as caught:
        index.all()
    assert caught.value.code == "index-damaged"


def test_another_process_that_writes_for_too_long(index: EpisodeIndex) -> None:
    index.begin(record("e1"), [], [])
    hasty = EpisodeIndex(index.path, wait=0.1)
    with contextlib.closing(sqlite3.connect(index.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another process, for more than 0\.1 s") as caught:
            hasty.begin(record("e2"), [], [])
        assert caught.value.code == "index-busy"
        assert [one.id for one in hasty.all()] == ["e1"]  # reading needs not wait
        other.execute("ROLLBACK")
    hasty.begin(record("e2"), [], [])


@pytest.mark.parametrize("name", ["file/episodes.sqlite", "file/deep/episodes.sqlite", "folder"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        EpisodeIndex(tmp_path / name)
    assert caught.value.exit_status == 5


_READ_ONLY = """
import os, sys
from pathlib import Path
from chainer.consent.episodes import EpisodeIndex, EpisodeRecord
from chainer.errors import StoreError
folder = Path(sys.argv[1])
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
for path in (folder / "new.sqlite", folder / "episodes.sqlite"):
    try:
        EpisodeIndex(path).begin(EpisodeRecord(id="e2"), [], [])
    except StoreError as error:
        print(error.code, "cannot be written" in error.message)
"""


def test_a_read_only_folder(room_for_all: Path) -> None:
    """In a process without root's rights, whom no folder is read-only to."""
    EpisodeIndex(room_for_all / "episodes.sqlite").begin(record("e1"), [], [])
    for path in room_for_all.iterdir():
        path.chmod(0o444)
    room_for_all.chmod(0o555)
    words = [sys.executable, "-c", _READ_ONLY, str(room_for_all)]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["store True", "store True"], done.stderr


@pytest.fixture
def room_for_all() -> Iterator[Path]:
    """A folder that other users may enter, however private the one of this test run is."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        yield Path(name)
        Path(name).chmod(0o700)


def test_many_threads_open_and_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "episodes.sqlite"
    errors: list[BaseException] = []
    start = threading.Barrier(6)

    def work(number: int) -> None:
        try:
            start.wait()
            mine = EpisodeIndex(path)
            for turn in range(4):
                name = f"t{number}-{turn}"
                mine.begin(record(name, ["a1"]), [need(MEI, ANN, "a1")], [])
                mine.finish(name, tmp_path / name, film(name), "urn:1", AT)
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(EpisodeIndex(path).all(EpisodeState.MADE)) == 24


def test_of_films_with_the_same_bytes_the_suspended_one_is_found(
    index: EpisodeIndex, tmp_path: Path
) -> None:
    for name in ("e1", "e2"):
        index.begin(record(name), [], [])
        index.finish(name, tmp_path / name, film("same"), "urn:1", AT)
    with index.writing() as connection:
        connection.execute("UPDATE episodes SET state = 'suspended' WHERE id = 'e2'")
    found = index.find_film(film("same"))
    assert found is not None
    assert found.id == "e2"
    assert index.find_film("") is None


def test_an_error_in_a_transaction_leaves_nothing(index: EpisodeIndex) -> None:
    with pytest.raises(InputError):
        index.begin_all([(record("e1"), [], []), (record(""), [], [])])
    assert index.all() == []
