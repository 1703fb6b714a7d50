"""Finished films: edited, moved, copied, delivered while consent goes, published, made again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.again import make_again
from chainer.allowed import still_allowed
from chainer.consent.audit import audit
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.consent.say import Whom, grant, refuse
from chainer.consent.words import Kind, Use
from chainer.episode.manifest import read_manifest
from chainer.permission import open_register
from chainer.publish import publish_episode
from chainer.store import Presence
from chainer.withdrawal import catch_up, forget, remembered_positions, withdraw
from tests.consent.flow import BO, Flow, edit

ALL = (Use.DRAFT, Use.EPISODE, Use.PUBLISH)


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path)


def test_no_editing_of_the_manifest_makes_a_suspended_film_allowed(flow: Flow) -> None:
    flow.grants()
    made = flow.made()
    around = flow.made("around", options=chainer.WalkOptions(path=("c1", "c4")))
    withdraw(flow.register, flow.store, "p-mei", BO)
    (flow.folder / "out" / "suspended.json").unlink()
    told = json.loads((made.path / "episode.json").read_text())
    empty = {**told["consent"], "needs": []}
    for number, changes in enumerate(
        (
            {"consent": empty},
            {"consent": None},
            {"id": "ep-" + "0" * 32},
            {"id": ""},
            {"id": around.manifest.id},
            {"id": around.manifest.id, "consent": empty},
            {"draft": True, "consent": None},
        )
    ):
        copy = flow.copy(made.path, f"copy{number}")
        edit(copy, **changes)
        found = still_allowed(copy, flow.store.root)
        assert not found.allowed, changes
        assert found.state == "suspended", changes
    assert still_allowed(around.path, flow.store.root).allowed


def test_the_list_is_asked_for_who_is_shown_before_it_hears_of_a_revocation(flow: Flow) -> None:
    """The entry alone counts: its maker was killed before anything was marked."""
    flow.grants()
    made = flow.made()
    refuse(flow.register.book, "p-mei", BO)
    for changes in ({}, {"consent": None}, {"id": "ep-" + "0" * 32, "consent": None}):
        edit(made.path, **changes)
        found = still_allowed(made.path, flow.store.root)
        assert (found.allowed, found.state) == (False, "suspended"), changes
    assert "entry" in str(found.why) or "changed" in str(found.why)


def test_a_mark_in_a_folder_follows_its_film(flow: Flow) -> None:
    flow.grants()
    made = flow.made()
    withdraw(flow.register, flow.store, "p-mei", BO)
    edit(made.path, id="ep-" + "0" * 32)
    assert still_allowed(made.path, flow.folder / "no-store").state == "suspended"


def test_a_folder_with_an_edited_manifest_is_marked_all_the_same(flow: Flow) -> None:
    flow.grants()
    made = flow.made()
    edit(made.path, id="ep-" + "0" * 32)
    withdraw(flow.register, flow.store, "p-mei", BO)
    assert (made.path / "suspended.json").is_file()


def test_a_rewound_ledger_does_not_verify_a_film_made_since(flow: Flow) -> None:
    before = flow.ledger.read_bytes()
    flow.grants()
    made = flow.made()
    flow.ledger.write_bytes(before)
    flow.ledger.with_name("consent.jsonl.head").unlink()
    with pytest.raises(chainer.VerifyError):
        still_allowed(made.path, flow.store.root)


def test_publishing_asks_for_whoever_the_list_has_not_the_folder(flow: Flow) -> None:
    flow.grants()
    made = flow.made()
    told = json.loads((made.path / "episode.json").read_text())
    edit(made.path, consent={**told["consent"], "needs": []})
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(made.path, flow.store)
    edit(made.path, consent=None)
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(made.path, flow.store)
    found = flow.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.MADE


def test_publishing_one_film_under_the_name_of_another(flow: Flow) -> None:
    flow.grants(*ALL)
    made = flow.made()
    around = flow.made("around", options=chainer.WalkOptions(path=("c1", "c4")))
    edit(made.path, id=around.manifest.id)
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(made.path, flow.store)
    (around.path / "episode.mp4").unlink()
    with pytest.raises(chainer.VerifyError):
        publish_episode(around.path, flow.store)


def test_publishing_by_another_ledger(flow: Flow) -> None:
    flow.grants(*ALL)
    made = flow.made(options=chainer.WalkOptions(path=("c1", "c4")))
    other = open_register(flow.folder / "other.jsonl", create=True)
    with pytest.raises(chainer.PolicyRefused, match="another ledger"):
        publish_episode(made.path, flow.store, register=other)


def test_a_suspended_film_is_not_published_and_one_made_anew_is(flow: Flow) -> None:
    flow.grants(*ALL)
    first = flow.made()
    withdraw(flow.register, flow.store, "p-mei", BO)
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(first.path, flow.store)
    flow.grants(*ALL)
    again = flow.made()
    assert again.manifest.id == first.manifest.id
    assert still_allowed(again.path, flow.store.root).allowed
    publish_episode(again.path, flow.store)
    withdraw(flow.register, flow.store, "p-mei", BO, uses=(Use.PUBLISH,))
    assert still_allowed(again.path, flow.store.root).state == "suspended"


def test_consent_taken_back_as_the_folder_appears(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last question, before the film is noted: it must not stay where it is."""
    flow.grants()
    plan = flow.plan()
    finish = EpisodeIndex.finish

    def late(index: EpisodeIndex, *told: Any) -> EpisodeState:
        withdraw(flow.register, flow.store, "p-mei", BO)
        return finish(index, *told)

    monkeypatch.setattr(EpisodeIndex, "finish", late)
    with pytest.raises(chainer.PolicyRefused):
        chainer.render_episode(plan, flow.folder / "out")
    assert not (flow.folder / "out").exists()
    assert [path for path in flow.folder.iterdir() if path.name.startswith(".out")] == []


def test_a_stale_plan_of_a_suspended_film_leaves_it_suspended(flow: Flow) -> None:
    flow.grants()
    plan = flow.plan()
    made = chainer.render_episode(plan, flow.folder / "out")
    withdraw(flow.register, flow.store, "p-mei", BO)
    states = []
    begin = EpisodeIndex.begin
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            EpisodeIndex, "begin", lambda *told: (states.append("begun"), begin(*told))[1]
        )
        with pytest.raises(chainer.PolicyRefused):
            chainer.render_episode(plan, flow.folder / "again")
    assert states == []  # killed in between, it would have been in the making for good
    found = flow.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.SUSPENDED


def test_folders_that_were_moved_copied_or_made_unwritable(flow: Flow) -> None:
    flow.grants()
    plan = flow.plan()
    for name in ("one", "two", "three"):
        chainer.render_episode(plan, flow.folder / name)
    moved = flow.folder / "moved"
    (flow.folder / "one").rename(moved)
    copy = flow.copy(flow.folder / "two", "copy")
    shutil.rmtree(flow.folder / "three")
    (flow.folder / "three").write_text("something else")
    done = withdraw(flow.register, flow.store, "p-mei", BO)
    assert done.applied.tombstones == (flow.folder / "two",)
    assert {folder.name for folder, _ in done.applied.unreachable} == {"one", "three"}
    for folder in (moved, flow.folder / "two", copy):
        assert still_allowed(folder, flow.store.root).state == "suspended"


def test_the_audit_misses_a_revocation_that_was_cut_off(flow: Flow) -> None:
    flow.grants()
    flow.made()
    before = flow.ledger.read_bytes()
    withdraw(flow.register, flow.store, "p-mei", BO)
    assert audit(flow.ledger, remembered_positions(flow.store, flow.ledger)).whole
    flow.ledger.write_bytes(before)
    flow.ledger.with_name("consent.jsonl.head").unlink()
    link = flow.folder / "linked.jsonl"
    link.symlink_to(flow.ledger)
    for path in (flow.ledger, link):
        found = audit(path, remembered_positions(flow.store, path))
        assert (found.whole, found.first_bad) == (False, 3)
        assert "cut off" in found.why


def test_a_revocation_killed_after_its_entry_is_carried_out_by_the_timer(flow: Flow) -> None:
    flow.grants()
    plan = flow.plan()
    made = chainer.render_episode(plan, flow.folder / "out")
    refuse(flow.register.book, "p-mei", BO)
    catch_up(flow.register, flow.store)
    assert (made.path / "suspended.json").is_file()
    shown = dict(zip([one.atom.id for one in plan.atoms], plan.render.slots, strict=True))
    assert flow.store.find(shown["c2"])[0] is Presence.ABSENT
    (rerun,) = flow.index().queued()
    assert rerun.episode == made.manifest.id


@pytest.mark.parametrize("at", ["note", "marked", "purge", "finished"])
def test_an_erasure_that_was_killed_can_be_asked_for_again(flow: Flow, at: str) -> None:
    flow.grants()
    made = flow.made()

    class Killed(BaseException):
        pass

    def kill(step: str) -> None:
        if step == at:
            raise Killed

    with pytest.raises(Killed):
        forget(flow.register, flow.store, "p-mei", on_step=kill)
    assert not still_allowed(made.path, flow.store.root).allowed
    done = forget(flow.register, flow.store, "p-mei")
    assert done.entry.kind is Kind.ERASE
    assert "p-mei" not in flow.register.book.names()
    assert (made.path / "suspended.json").is_file()


def test_an_episode_is_made_again_for_whom_and_by_what_it_was_asked(flow: Flow) -> None:
    """By the same ledger, for the same composer: another person may have refused that one."""

    def ada(told: dict[str, Any]) -> None:
        told["graph"]["characters"]["ada"] = {"name": "Ada", "person": "p-ada"}
        told["nodes"][3].update(author="p-ada", cast=[{"character": "ada"}])
        del told["graph"]["ledger"]

    flow.change(ada)
    flow.grants(whom=Whom())
    book = flow.register.book
    grant(book, "p-ada", Whom())
    composed = flow.settings.consent.model_copy(
        update={"ledger": flow.ledger, "composer": "p-noor"}
    )
    settings = flow.settings.model_copy(update={"consent": composed})
    # Ada's own atom may not be used by Noor.
    refuse(book, "p-ada", Whom(("p-noor",)), kind=Kind.DENY)
    made = flow.made(settings=settings, options=chainer.WalkOptions(path=("c1", "c2", "c3")))
    withdraw(flow.register, flow.store, "p-mei", BO)
    (again,) = make_again(flow.store, flow.settings, flow.folder / "again")
    assert again.episode == made.manifest.id
    assert "c4" not in again.chain
    assert again.chain in ((), ("c1",))
    if again.folder is not None:
        consent = read_manifest(again.folder).consent
        assert consent is not None
        assert consent.ledger == book.id


def test_a_draft_is_made_again_as_a_draft(flow: Flow) -> None:
    flow.grants(Use.DRAFT)
    profile = flow.settings.profile.model_copy(update={"draft": True})
    drafted = flow.made(settings=flow.settings.model_copy(update={"profile": profile}))
    withdraw(flow.register, flow.store, "p-mei", BO)
    (again,) = make_again(flow.store, flow.settings, flow.folder / "again")
    assert again.episode == drafted.manifest.id
    assert again.folder is not None
    assert json.loads((again.folder / "episode.json").read_text())["draft"] is True


def test_future_refusals_reach_clips_that_were_only_looked_at(tmp_path: Path) -> None:
    flow = Flow(tmp_path, memory={"enabled": True})
    flow.grants(whom=Whom())
    plan = flow.plan()
    kept = [one.key for one in plan.kept]
    assert kept
    chainer.render_episode(
        flow.plan(options=chainer.WalkOptions(path=("c1", "c4"))), tmp_path / "out"
    )
    soon = datetime.now(UTC) + timedelta(hours=1)
    withdraw(flow.register, flow.store, "p-mei", since=soon)
    catch_up(flow.register, flow.store, now=soon + timedelta(minutes=1))
    left = [key for key in kept if flow.store.find(key)[0] is not Presence.ABSENT]
    assert left == []
