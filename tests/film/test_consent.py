"""Consent along the whole way: asked of walks, plans and films, taken back, and found again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.allowed import still_allowed
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.consent.say import Whom, grant, refuse
from chainer.consent.words import Edit, Kind, Use
from chainer.enrol import pieces_of
from chainer.episode.manifest import read_manifest
from chainer.graph import WalkOptions
from chainer.permission import Register, open_register
from chainer.publish import publish_episode
from chainer.store import Presence, Store
from chainer.timeline.joint import JointStyle
from chainer.withdrawal import catch_up, index_path, outbox_path, withdraw
from tests.film.coded import Coded, small_settings, write_graph

MEI = {"character": "mei"}


class World:
    """c1 is Mei's own, c2 and c3 are Bo's and show her, c4 is Bo's and shows nobody."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        path = write_graph(
            folder,
            [Coded(n, 60) for n in range(1, 5)],
            c1={"author": "p-mei", "cast": [MEI]},
            c2={"author": "p-bo", "cast": [MEI], "tags": ["calm"]},
            c3={"author": "p-bo", "cast": [MEI]},
            c4={"author": "p-bo"},
        )
        data = json.loads(path.read_text())
        data["graph"]["characters"] = {"mei": {"name": "Mei", "person": "p-mei"}}
        data["graph"]["ledger"] = "consent.jsonl"
        # A way around what shows Mei.
        data["edges"].append({"source": "c1", "target": "c4", "kind": "continuation"})
        path.write_text(json.dumps(data))
        self.graph = chainer.load_graph(path)
        self.register = open_register(folder / "consent.jsonl", create=True)
        self.register.book.settle()
        grant(self.register.book, "p-ada", Whom(("p-bo",)))  # a ledger that is not empty
        self.settings = small_settings(folder, **changes)
        self.store = Store(self.settings.store.path or folder)

    def grants(self, *uses: Use, **more: Any) -> None:
        whom = more.pop("whom", Whom(("p-bo",)))
        grant(self.register.book, "p-mei", whom, uses=uses or (Use.DRAFT, Use.EPISODE), **more)

    def plan(self, **more: Any) -> chainer.EpisodePlan:
        return chainer.plan_episode(self.graph, "c1", settings=self.settings, **more)

    def index(self) -> EpisodeIndex:
        return EpisodeIndex(index_path(self.store))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_walk_goes_around_who_did_not_agree_and_says_why(world: World) -> None:
    plan = world.plan()
    assert plan.chain.atoms == ("c1", "c4")
    (road,) = plan.closed
    assert (road.atom, road.by) == ("c2", "consent")
    assert "p-mei" in road.why
    assert "p-bo" in road.why
    world.grants()
    assert world.plan().chain.atoms == ("c1", "c2", "c3", "c4")
    assert world.plan().closed == ()


@pytest.mark.parametrize(
    "options",
    [
        WalkOptions(path=("c1", "c2", "c3", "c4")),
        WalkOptions(through=("c3",)),
        WalkOptions(end="c2"),
    ],
)
def test_what_was_asked_for_by_name_is_refused(world: World, options: WalkOptions) -> None:
    with pytest.raises(chainer.PolicyRefused) as caught:
        world.plan(options=options)
    assert caught.value.exit_status == 4
    assert caught.value.code == "consent"
    first = caught.value.facts["refusals"][0]
    assert (first["person_name"], first["grantee_name"]) == ("p-mei", "p-bo")
    assert (first["use"], first["missing"]) == ("episode", "grant")


def test_a_chain_handed_in_is_asked_too(world: World) -> None:
    world.grants()
    (chain,) = chainer.find_chains(world.graph, "c1", settings=world.settings)
    refuse(world.register.book, "p-mei")
    with pytest.raises(chainer.PolicyRefused):
        world.plan(chain=chain)


def test_a_person_elsewhere_is_not_asked_for_their_own_atom(world: World) -> None:
    settings = world.settings.model_copy(
        update={"consent": world.settings.consent.model_copy(update={"composer": "p-noor"})}
    )
    plan = chainer.plan_episode(world.graph, "c1", settings=settings)
    assert plan.chain.atoms == ("c1", "c4")
    refuse(world.register.book, "p-mei", Whom(("p-noor",)), kind=Kind.DENY)
    with pytest.raises(chainer.PolicyRefused):
        chainer.plan_episode(world.graph, "c1", settings=settings)


def test_a_plan_does_without_blends_and_grades_that_are_not_allowed(world: World) -> None:
    world.grants(edits=(Edit.TRIM, Edit.JOIN))
    settings = world.settings.model_copy(
        update={"joints": world.settings.joints.model_copy(update={"auto": JointStyle.CROSSFADE})}
    )
    plan = chainer.plan_episode(world.graph, "c1", settings=settings)
    assert plan.chain.atoms == ("c1", "c2", "c3", "c4")
    assert {joint.style.value for joint in plan.layout.joints} == {"cut"}
    assert any("crossfade" in note for note in plan.notes)
    edits = {edit for need in plan.consented.needs if need.atom == "c2" for edit in need.edits}
    assert edits == {Edit.JOIN}
    world.grants(edits=tuple(Edit))
    blended = chainer.plan_episode(world.graph, "c1", settings=settings)
    assert {joint.style.value for joint in blended.layout.joints} == {"crossfade"}


def test_consent_taken_back_after_the_plan_stops_the_rendering(world: World) -> None:
    world.grants()
    plan = world.plan()
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    with pytest.raises(chainer.PolicyRefused):
        chainer.render_episode(plan, world.folder / "out")
    assert not (world.folder / "out").exists()
    states = [episode.state for episode in world.index().all()]
    assert EpisodeState.MADE not in states
    assert list(world.folder.glob(".out*")) == []


def test_consent_taken_back_while_rendering_stops_the_delivery(world: World) -> None:
    world.grants()
    plan = world.plan()
    done = []

    def once(progress: chainer.Progress) -> None:
        if not done:
            done.append(withdraw(world.register, world.store, "p-mei", Whom(("p-bo",))))

    with pytest.raises(chainer.PolicyRefused):
        chainer.render_episode(plan, world.folder / "out", on_progress=once)
    assert done
    assert not (world.folder / "out").exists()


def test_the_episode_keeps_what_was_asked_by_ids_alone(world: World) -> None:
    world.grants()
    episode = chainer.render_episode(world.plan(), world.folder / "out")
    manifest = read_manifest(episode.path)
    assert manifest.consent is not None
    assert manifest.consent.position.seq == world.register.book.position().seq
    assert manifest.consent.ledger == world.register.book.id
    told = manifest.consent.model_dump_json()
    assert "p-mei" not in told
    assert "p-bo" not in told
    needs = {(need.atom, need.person) for need in manifest.consent.needs}
    assert needs == {(atom, world.register.book.key("p-mei")) for atom in ("c1", "c2", "c3")}
    assert still_allowed(episode.path, world.store.root).allowed


def test_a_revocation_marks_purges_queues_and_tells(world: World, tmp_path: Path) -> None:
    world.grants()
    plan = world.plan()
    episode = chainer.render_episode(plan, tmp_path / "out")
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in episode.path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    around = chainer.render_episode(
        world.plan(options=WalkOptions(path=("c1", "c4"))), tmp_path / "around"
    )
    shown = {piece.key for piece in pieces_of(plan, world.register)}
    assert shown
    kept = {step.key for step in plan.render.steps} - shown
    assert kept, "c4 and nothing else shows nobody"
    done = withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    state = world.index().get(episode.manifest.id)
    assert state is not None
    assert state.state is EpisodeState.SUSPENDED
    spared = {piece.key for piece in pieces_of(world.plan(), world.register)}
    for key in shown - spared:
        assert world.store.find(key)[0] is Presence.ABSENT
    for key in kept:
        assert world.store.find(key)[0] is Presence.CACHED
    for folder in (episode.path, copy):
        told = still_allowed(folder, world.store.root)
        assert not told.allowed
        assert told.state == "suspended"
    assert (episode.path / "suspended.json").is_file()
    assert still_allowed(around.path, world.store.root).allowed
    (rerun,) = world.index().queued()
    assert rerun.episode == episode.manifest.id
    assert set(rerun.avoid) == {"c2", "c3"}
    notices = [json.loads(line) for line in outbox_path(world.store).read_text().splitlines()]
    assert notices
    assert "p-mei" not in outbox_path(world.store).read_text()
    before = outbox_path(world.store).read_bytes(), world.register.book.position()
    again = withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    assert again.entry == done.entry
    assert (outbox_path(world.store).read_bytes(), world.register.book.position()) == before


def test_a_queued_episode_is_made_again_along_another_path(world: World, tmp_path: Path) -> None:
    from chainer.again import make_again

    world.grants()
    episode = chainer.render_episode(world.plan(), tmp_path / "out")
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    (again,) = make_again(world.store, world.settings, tmp_path / "again")
    assert again.chain == ("c1", "c4")
    assert again.folder is not None
    assert still_allowed(again.folder, world.store.root).allowed
    assert again.episode == episode.manifest.id
    assert world.index().queued() == []
    assert list(make_again(world.store, world.settings, tmp_path / "again")) == []


def test_drafts_are_blocked_and_published_ones_suspended(world: World, tmp_path: Path) -> None:
    world.grants(Use.DRAFT, Use.EPISODE, Use.PUBLISH)
    draft = world.settings.profile.model_copy(update={"draft": True})
    drafted = chainer.render_episode(
        chainer.plan_episode(
            world.graph, "c1", settings=world.settings.model_copy(update={"profile": draft})
        ),
        tmp_path / "draft",
    )
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    publish_episode(made.path, world.store)
    index = world.index()
    states = {one.manifest.id: EpisodeState.SUSPENDED for one in (made,)}
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)), uses=(Use.PUBLISH,))
    assert index.get(made.manifest.id).state is states[made.manifest.id]  # type: ignore[union-attr]
    assert index.get(drafted.manifest.id).state is EpisodeState.DRAFT  # type: ignore[union-attr]
    withdraw(world.register, world.store, "p-mei")
    assert index.get(drafted.manifest.id).state is EpisodeState.BLOCKED  # type: ignore[union-attr]
    assert still_allowed(drafted.path, world.store.root).state == "blocked"


def test_publishing_is_asked_for_itself(world: World, tmp_path: Path) -> None:
    world.grants()
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    with pytest.raises(chainer.PolicyRefused) as caught:
        publish_episode(made.path, world.store)
    assert caught.value.facts["refusals"][0]["use"] == "publish"
    world.grants(Use.EPISODE, Use.PUBLISH)
    publish_episode(made.path, world.store)
    found = world.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.PUBLISHED
    assert publish_episode(made.path, world.store).id == made.manifest.id


def test_a_film_of_another_store_is_not_published(world: World, tmp_path: Path) -> None:
    world.grants(Use.EPISODE, Use.PUBLISH)
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    with pytest.raises(chainer.PolicyRefused, match="has not made that film"):
        publish_episode(made.path, Store(tmp_path / "another"))


def test_what_has_expired_is_dealt_with_by_the_timer(world: World, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    world.grants(expires=now + timedelta(hours=1))
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    catch_up(world.register, world.store)
    assert still_allowed(made.path, world.store.root).allowed
    catch_up(world.register, world.store, now=now + timedelta(hours=2))
    found = world.index().get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.SUSPENDED


def test_a_second_delivery_of_the_same_film_is_fine(world: World, tmp_path: Path) -> None:
    world.grants()
    plan = world.plan()
    first = chainer.render_episode(plan, tmp_path / "one")
    second = chainer.render_episode(plan, tmp_path / "two")
    assert first.manifest.id == second.manifest.id
    withdraw(world.register, world.store, "p-mei")
    for folder in (first.path, second.path):
        assert (folder / "suspended.json").is_file()


def test_a_ledger_that_is_not_there_is_an_error_of_the_caller(world: World) -> None:
    (world.folder / "consent.jsonl").unlink()
    (world.folder / "consent.people.json").unlink(missing_ok=True)
    for head in world.folder.glob("consent.jsonl.head"):
        head.unlink()
    with pytest.raises(chainer.InputError, match=r"consent\.jsonl"):
        world.plan()


def test_a_damaged_ledger_allows_nothing(world: World) -> None:
    world.grants()
    path = world.folder / "consent.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(chainer.VerifyError):
        world.plan()


def test_a_graph_without_people_asks_nobody(tmp_path: Path) -> None:
    path = write_graph(tmp_path, [Coded(1, 60), Coded(2, 60)])
    settings = small_settings(tmp_path)
    plan = chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)
    assert plan.consented.needs == ()
    episode = chainer.render_episode(plan, tmp_path / "out")
    assert still_allowed(episode.path, Store(settings.store.path or tmp_path).root).allowed


def test_a_register_of_a_backend_is_asked_instead(world: World) -> None:
    from chainer.consent.book import Book
    from chainer.consent.ledger import MemoryLedger
    from chainer.consent.people import MemoryPeople

    people = MemoryPeople()
    book = Book(MemoryLedger(people.seal_key), people)
    grant(book, "p-mei", Whom(("p-bo",)))
    plan = world.plan(register=Register(book))
    assert plan.chain.atoms == ("c1", "c2", "c3", "c4")
    assert world.plan().chain.atoms == ("c1", "c4")


def test_the_timer_tells_of_entries_that_this_store_never_heard_of(
    world: World, tmp_path: Path
) -> None:
    world.grants()
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    refuse(world.register.book, "p-mei")  # recorded, and then nothing more
    told = catch_up(world.register, world.store)
    assert told.suspended == (made.manifest.id,)
    assert told.tombstones == (made.path,)
    assert told.queued == 1
    assert told.purged.records > 0
    assert catch_up(world.register, world.store).suspended == ()


def test_two_episodes_made_again_alike_get_a_folder_each(world: World, tmp_path: Path) -> None:
    from chainer.again import make_again

    world.grants()
    paths = (("c1", "c2", "c3", "c4"), ("c1", "c2"))
    for number, path in enumerate(paths):
        plan = world.plan(options=WalkOptions(path=path))
        chainer.render_episode(plan, tmp_path / f"made{number}")
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    done = list(make_again(world.store, world.settings, tmp_path / "again"))
    assert {one.chain for one in done} == {("c1", "c4")}
    assert len({one.folder for one in done}) == 2


def test_media_that_is_away_does_not_take_an_episode_off_the_queue(
    world: World, tmp_path: Path
) -> None:
    from chainer.again import make_again

    world.grants()
    chainer.render_episode(world.plan(), tmp_path / "made")
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    away = world.folder / "media/c4.mp4"
    away.rename(tmp_path / "c4.mp4")
    (again,) = make_again(world.store, world.settings, tmp_path / "again")
    assert again.folder is None
    assert "c4" in again.why
    (tmp_path / "c4.mp4").rename(away)
    (again,) = make_again(world.store, world.settings, tmp_path / "again")
    assert again.chain == ("c1", "c4")


@pytest.mark.parametrize("wrong", [{"contexts": ("",)}, {"notice": "a\nb"}, {"evidence": "12"}])
def test_what_cannot_be_recorded_is_an_error_of_the_caller(
    world: World, wrong: dict[str, Any]
) -> None:
    before = world.register.book.position()
    with pytest.raises(chainer.InputError, match="cannot be recorded"):
        world.grants(**wrong)
    assert world.register.book.position() == before


def test_the_list_can_be_read_where_nothing_can_be_written(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grants()
    made = chainer.render_episode(world.plan(), tmp_path / "made")
    monkeypatch.setattr("os.access", lambda *_args, **_more: False)
    index = EpisodeIndex(index_path(world.store), read_only=True)
    found = index.get(made.manifest.id)
    assert found is not None
    assert found.state is EpisodeState.MADE
    with pytest.raises(chainer.StoreError):
        index.publish(made.manifest.id, world.register.book.position())
    with pytest.raises(chainer.StoreError):
        EpisodeIndex(tmp_path / "none.sqlite", read_only=True)
    assert not (tmp_path / "none.sqlite").exists()
