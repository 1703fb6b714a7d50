"""What looking leaves in the store of people is on its list, so that it goes with their consent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import chainer
from chainer.consent.say import Whom, refuse
from chainer.consent.words import Edit
from chainer.memory.shelf import Observer
from chainer.store import Store
from chainer.store.record import Record
from chainer.tell import write_memory_pack, write_sheet
from chainer.withdrawal import catch_up, withdraw
from tests.consent.flow import Flow


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    flow = Flow(tmp_path, memory={"enabled": True})
    flow.grants(whom=Whom())
    return flow


def looked(store: Store) -> set[str]:
    """The keys of what looking has left in the store: pictures, and what files say of themselves.

    What is remembered of people by their looks is another matter: nobody is seen in coded frames.
    """
    kinds = ("observation", "credential")
    return {one.key for one in _records(store) if one.type in kinds}


def _records(store: Store) -> Iterator[Record]:
    for path in (store.root / "ac").glob("*/*"):
        yield Record.model_validate_json(path.read_bytes())


def listed(flow: Flow) -> set[str]:
    with flow.index().reading() as connection:
        return {row["key"] for row in connection.execute("SELECT key FROM pieces")}


def alone(flow: Flow) -> None:
    """Leave c1 and two ways on from it, all of Mei, so that all that is kept is of her."""

    def shows(told: dict[str, list[dict[str, object]]]) -> None:
        del told["nodes"][3:]
        told["edges"] = [
            {"source": "c1", "target": name, "kind": "continuation"} for name in ("c2", "c3")
        ]
        for node in told["nodes"]:
            node["cast"] = [{"character": "mei"}]

    flow.change(shows)


def test_a_walk_alone_is_on_the_list(flow: Flow) -> None:
    alone(flow)
    chainer.find_chains(flow.graph, "c1", settings=flow.settings)
    assert looked(flow.store)
    assert looked(flow.store) <= listed(flow)
    withdraw(flow.register, flow.store, "p-mei")
    assert looked(flow.store) == set()


def test_a_plan_that_was_refused_after_looking_is_on_the_list(tmp_path: Path) -> None:
    flow = Flow(tmp_path, memory={"enabled": True})
    flow.grants(whom=Whom(), edits=(Edit.JOIN,))
    alone(flow)
    trim = {"trim": {"start": "0", "end": "1"}, "author": "p-bo"}
    flow.change(lambda told: told["nodes"][0].update(trim))
    with pytest.raises(chainer.PolicyRefused, match="trim"):
        flow.plan()
    assert looked(flow.store)
    assert looked(flow.store) <= listed(flow)
    withdraw(flow.register, flow.store, "p-mei")
    assert looked(flow.store) == set()


def test_a_clip_is_on_the_list_before_it_is_looked_at(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a process that is killed while it looks leaves nothing that nobody knows of."""
    alone(flow)
    early = []
    observe = Observer.observe

    def watched(self: Observer, media: object, *told: object, **more: object) -> object:
        said = {name: value for name, value in more.items() if name != "cancel"}
        key = self.key(media, *told, **said)  # type: ignore[arg-type]
        early.append(key in listed(flow))
        return observe(self, media, *told, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Observer, "observe", watched)
    flow.plan()
    assert early
    assert all(early)


def test_what_is_looked_at_while_consent_goes_is_not_kept(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(flow)
    gone = []

    def once(done: int, of: int) -> None:
        if not gone:
            gone.append(withdraw(flow.register, flow.store, "p-mei"))

    plan = flow.plan(on_look=once)
    assert gone
    assert looked(flow.store) == set()
    with pytest.raises(chainer.PolicyRefused):
        chainer.render_episode(plan, flow.folder / "out")


def test_no_sheet_and_no_pack_of_a_plan_that_is_not_allowed_any_more(flow: Flow) -> None:
    alone(flow)
    plan = flow.plan()
    assert write_sheet(plan, flow.folder / "sheet.png")
    refuse(flow.register.book, "p-mei")
    with pytest.raises(chainer.PolicyRefused):
        write_sheet(plan, flow.folder / "later.png")
    with pytest.raises(chainer.PolicyRefused):
        write_memory_pack(plan, flow.folder / "pack")
    assert not (flow.folder / "later.png").exists()
    assert not (flow.folder / "pack").exists()


def test_the_timer_finds_what_was_looked_at_by_an_entry_alone(flow: Flow) -> None:
    alone(flow)
    flow.plan()
    refuse(flow.register.book, "p-mei")
    catch_up(flow.register, flow.store)
    assert looked(flow.store) == set()
