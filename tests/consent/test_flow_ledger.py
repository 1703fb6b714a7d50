"""Between the plan and the film: the ledger is exchanged, rewound, read-only, or speaks later."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import chainer
import chainer.permission
from chainer.consent.book import Book, open_book
from chainer.consent.episodes import EpisodeState
from chainer.consent.ledger import MemoryLedger
from chainer.consent.people import MemoryPeople
from chainer.consent.people_file import FilePeople
from chainer.consent.say import Whom, grant, refuse
from chainer.consent.words import Edit, Kind
from chainer.permission import Permission, Register, ask_again, open_register
from chainer.store import Presence
from chainer.withdrawal import catch_up, withdraw
from tests.consent.flow import BO, Flow


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path)


def test_another_ledger_than_the_plan_asked_is_not_asked_instead(flow: Flow) -> None:
    plan = flow.plan()  # c1 is Mei's own: no grant is needed, and none is known elsewhere
    people = MemoryPeople()
    other = Register(Book(MemoryLedger(people.seal_key), people))
    with pytest.raises(chainer.PolicyRefused, match="another ledger"):
        chainer.render_episode(plan, flow.folder / "out", register=other)
    assert not (flow.folder / "out").exists()


def test_a_ledger_that_was_rewound_since_the_plan_is_not_believed(flow: Flow) -> None:
    before = flow.ledger.read_bytes()
    flow.grants()
    refuse(flow.register.book, "p-mei", Whom(("p-noor",)), kind=Kind.DENY)
    plan = flow.plan()
    flow.ledger.write_bytes(before)
    flow.ledger.with_name("consent.jsonl.head").unlink()
    with pytest.raises(chainer.VerifyError) as caught:
        chainer.render_episode(plan, flow.folder / "out")
    assert caught.value.exit_status == 6
    with pytest.raises(chainer.VerifyError):  # nor by a process that never saw the newer one
        chainer.render_episode(plan, flow.folder / "out", register=Register(open_book(flow.ledger)))
    assert not (flow.folder / "out").exists()


def test_taking_away_the_last_entry_of_a_ledger_is_seen_by_who_read_it(flow: Flow) -> None:
    flow.grants()
    before = flow.ledger.read_bytes()
    refuse(flow.register.book, "p-mei")
    flow.register.standing()
    flow.ledger.write_bytes(before)
    flow.ledger.with_name("consent.jsonl.head").unlink()
    with pytest.raises(chainer.VerifyError):
        flow.plan()


def test_a_plan_travels_to_another_process_and_is_asked_there(flow: Flow) -> None:
    flow.grants()
    data = flow.folder / "plan.pickle"
    data.write_bytes(pickle.dumps(flow.plan()))
    code = (
        "import pickle, sys, chainer\n"
        "plan = pickle.load(open(sys.argv[1], 'rb'))\n"
        "try:\n    chainer.render_episode(plan, sys.argv[2])\n"
        "except chainer.PolicyRefused as error:\n    sys.exit(error.exit_status)\n"
    )
    argv = [sys.executable, "-c", code, str(data), str(flow.folder / "out")]
    assert subprocess.run(argv, check=False).returncode == 0
    withdraw(flow.register, flow.store, "p-mei", BO)
    argv[-1] = str(flow.folder / "later")
    assert subprocess.run(argv, check=False).returncode == 4
    assert not (flow.folder / "later").exists()


def test_a_ledger_is_the_same_by_every_path(flow: Flow, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere"
    link.mkdir()
    (link / "other.jsonl").symlink_to(flow.ledger)
    by_folder = tmp_path / "linked"
    by_folder.symlink_to(flow.folder, target_is_directory=True)
    relative = Path(os.path.relpath(flow.ledger))
    for path in (link / "other.jsonl", by_folder / "consent.jsonl", relative):
        assert open_register(path) is flow.register


def test_ids_that_cannot_be_written_down_render_nothing(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later nobody could tell whose they were: what is taken from them would not find the film."""
    flow.grants(whom=Whom())
    planned = flow.plan()  # writes the names

    def refuse_to_write(*_: object) -> object:
        raise chainer.StoreError("the folder is read-only", code="read-only")

    monkeypatch.setattr(FilePeople, "add", refuse_to_write)
    chainer.render_episode(planned, flow.folder / "out")
    flow.change(lambda told: told["nodes"][1].update(author="p-new"))
    plan = flow.plan()  # looking is no harm
    with pytest.raises(chainer.StoreError, match="p-new") as caught:
        chainer.render_episode(plan, flow.folder / "later")
    assert caught.value.code == "read-only"
    elsewhere = pickle.loads(pickle.dumps(plan))
    with pytest.raises(chainer.StoreError):
        chainer.render_episode(
            elsewhere, flow.folder / "later", register=Register(open_book(flow.ledger))
        )
    assert not (flow.folder / "later").exists()


def test_a_name_that_somebody_else_wrote_down_first_keeps_one_id(flow: Flow) -> None:
    flow.grants(whom=Whom())
    flow.change(lambda told: told["nodes"][1].update(author="p-new"))
    mine = Permission(
        flow.graph, flow.settings, flow.store, register=Register(open_book(flow.ledger))
    )
    assert "c2" not in mine.closed  # asked under a provisional id
    theirs = open_book(flow.ledger)
    theirs.key("p-new")
    theirs.settle()
    told = mine.consented([("c2", (Edit.JOIN,))])
    assert {need.grantee for need in told.needs} == {theirs.key("p-new")}
    refuse(theirs, "p-mei", Whom(("p-new",)))
    with pytest.raises(chainer.PolicyRefused):
        ask_again(told, flow.register)


def test_expiry_while_a_film_is_made_stops_it(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    flow.grants(expires=datetime.now(UTC) + timedelta(hours=1))
    plan = flow.plan()
    later: list[datetime] = []

    def passes(progress: chainer.Progress) -> None:
        if not later:
            later.append(datetime.now(UTC) + timedelta(hours=2))
            monkeypatch.setattr(chainer.permission, "utc_now", lambda: later[0])

    with pytest.raises(chainer.PolicyRefused, match="expired"):
        chainer.render_episode(plan, flow.folder / "out", on_progress=passes)
    assert not (flow.folder / "out").exists()
    (only,) = flow.index().all()
    assert only.state is EpisodeState.GONE


def test_what_was_rendered_of_a_person_who_was_refused_meanwhile_is_not_kept(flow: Flow) -> None:
    """Even where the revocation itself was killed right after its entry."""
    flow.grants()
    plan = flow.plan()
    done = []

    def once(progress: chainer.Progress) -> None:
        if progress.steps_done >= 2 and not done:
            done.append(refuse(flow.register.book, "p-mei", BO))

    with pytest.raises(chainer.PolicyRefused):
        chainer.render_episode(plan, flow.folder / "out", on_progress=once)
    assert done
    shown = dict(zip([one.atom.id for one in plan.atoms], plan.render.slots, strict=True))
    for atom in ("c2", "c3"):
        assert flow.store.find(shown[atom])[0] is Presence.ABSENT


def test_revoking_now_is_more_than_revoking_some_day(flow: Flow) -> None:
    flow.grants()
    some_day = datetime.now(UTC) + timedelta(days=30)
    first = withdraw(flow.register, flow.store, "p-mei", since=some_day)
    assert flow.plan().chain.atoms == ("c1", "c2", "c3", "c4")
    now = withdraw(flow.register, flow.store, "p-mei")
    assert now.entry.seq > first.entry.seq
    with pytest.raises(chainer.PolicyRefused):
        flow.plan()


def test_a_revocation_of_the_future_comes_into_force_by_the_timer(flow: Flow) -> None:
    flow.grants()
    made = flow.made()
    soon = datetime.now(UTC) + timedelta(hours=1)
    withdraw(flow.register, flow.store, "p-mei", BO, since=soon)
    found = flow.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.MADE
    catch_up(flow.register, flow.store, now=soon + timedelta(seconds=1))
    found = flow.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.SUSPENDED


def test_a_chain_found_earlier_does_not_bring_back_what_its_author_withdrew(flow: Flow) -> None:
    flow.grants()
    (chain,) = chainer.find_chains(flow.graph, "c1", settings=flow.settings)
    flow.change(lambda told: told["nodes"][1].update(status="withdrawn"))
    with pytest.raises(chainer.WalkError, match="c2, which is withdrawn"):
        flow.plan(chain=chain)


def test_more_ledgers_than_are_kept_open(tmp_path: Path) -> None:
    registers = []
    for number in range(20):
        path = tmp_path / f"{number}{'.db' if number % 2 else '.jsonl'}"
        registers.append(open_register(path, create=True))
        grant(registers[-1].book, "p-mei", BO)
    assert {one.standing().position.seq for one in registers} == {1}
    assert {one.book.name_of(one.book.key("p-bo")) for one in registers} == {"p-bo"}
    shutil.rmtree(tmp_path)
