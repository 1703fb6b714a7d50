"""The engine's promises: once, the same bytes, healed, resumed, and told why."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import chainer
from chainer.digest import file_digest
from chainer.episode.plan import EpisodePlan
from chainer.render.plan import Why
from chainer.store import Presence, collect

from .coded import SMALL, Coded, read_codes, small_settings, write_graph

THREE = (Coded(1, 48), Coded(2, 52), Coded(3, 48))


def plan_of(folder: Path, at: Path | None = None, **changes: object) -> EpisodePlan:
    graph = chainer.load_graph(write_graph(folder, THREE))
    return chainer.plan_episode(
        graph, "c1", settings=small_settings(at or folder / "store", **changes)
    )


def whys(plan: EpisodePlan) -> dict[str, str]:
    return {f"{step.type.value} {step.name}": step.why.value for step in plan.render.steps}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a graph and a store in which its film has been built."""
    folder = tmp_path_factory.mktemp("home")
    chainer.render_episode(plan_of(folder), folder / "out")
    return folder


def test_the_same_film_comes_out_of_another_store_byte_for_byte(home: Path, tmp_path: Path) -> None:
    again = chainer.render_episode(plan_of(home, tmp_path / "store"), tmp_path / "out")
    assert again.steps_run == 6
    for name in ("episode.mp4", "episode.json", "chapters.vtt", "poster.jpg"):
        assert file_digest(home / "out" / name) == file_digest(tmp_path / "out" / name), name


def test_what_is_cached_does_not_run(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home)
    assert set(whys(plan).values()) == {"cached"}
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    episode = chainer.render_episode(plan, tmp_path / "out")
    assert (episode.steps_run, episode.steps_cached) == (0, 6)
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert file_digest(tmp_path / "out/episode.mp4") == file_digest(home / "out/episode.mp4")


def test_the_plan_says_why_each_step_runs(tmp_path: Path) -> None:
    assert set(whys(plan_of(tmp_path)).values()) == {"new"}
    chainer.render_episode(plan_of(tmp_path), tmp_path / "out")
    store = chainer.Store(tmp_path / "store")

    (tmp_path / "media/c2.mp4").unlink()
    Coded(2, 52, amplitude=0.05).write(tmp_path / "media/c2.mp4")
    found = whys(plan_of(tmp_path))
    assert found["conform c2"] == "media changed"
    assert found["conform c1"] == found["conform c3"] == "cached"
    assert found["joint c1→c2"] == found["joint c2→c3"] == "a neighbour changed"

    other = SMALL.model_copy(update={"crf": 20})
    assert whys(plan_of(tmp_path, profile=other))["conform c1"] == "profile changed"
    assert whys(plan_of(tmp_path, conform={"fit": "cover"}))["conform c1"] == "settings changed"
    found = whys(plan_of(tmp_path, joints={"auto": "cut"}))
    assert found["conform c1"] == "cached"
    assert found["joint c1→c2"] in ("joint changed", "a neighbour changed")

    plan = plan_of(tmp_path)
    _, record = store.find(plan.render.slots[0])
    assert record is not None
    path = store.path_of(record.files["piece"].digest)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert whys(plan_of(tmp_path))["conform c1"] == "damaged"
    path.unlink()
    assert whys(plan_of(tmp_path))["conform c1"] == "missing"


@pytest.mark.parametrize("which", ["slot", "joint"])
def test_a_flipped_bit_in_the_store_is_found_and_mended(tmp_path: Path, which: str) -> None:
    plan = plan_of(tmp_path)
    chainer.render_episode(plan, tmp_path / "out")
    good = file_digest(tmp_path / "out/episode.mp4")
    store = chainer.Store(tmp_path / "store")
    key = plan.render.slots[1] if which == "slot" else plan.render.joints[0]
    _, record = store.find(key)
    assert record is not None
    path = store.path_of(record.files["piece"].digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    again = chainer.render_episode(plan_of(tmp_path), tmp_path / "out2")
    assert again.steps_run == 1
    assert file_digest(tmp_path / "out2/episode.mp4") == good
    assert store.find(key)[0] is Presence.CACHED


def test_a_flipped_bit_in_a_sound_master_is_mended_for_a_new_joint(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    chainer.render_episode(plan, tmp_path / "out")
    store = chainer.Store(tmp_path / "store")
    _, record = store.find(plan.render.slots[1])
    assert record is not None
    path = store.path_of(record.files["sound"].digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    chainer.render_episode(plan_of(tmp_path, joints={"auto": "cut"}), tmp_path / "out2")
    assert store.is_whole(record.files["sound"])


def test_eviction_to_nothing_and_building_again_gives_the_same_film(
    home: Path, tmp_path: Path
) -> None:
    plan = plan_of(home, tmp_path / "store")
    chainer.render_episode(plan, tmp_path / "out")
    store = chainer.Store(tmp_path / "store")
    kept = collect(store, 0)
    assert kept.records == 0, "the episode stands, so its pieces stay"
    assert kept.pinned_bytes == kept.left_bytes > 0
    for name, _ in store.pin_texts():
        store.unpin(name)
    done = collect(store, 0)
    assert done.records == 6
    assert done.left_bytes == 0
    chainer.render_episode(plan, tmp_path / "out2")
    assert file_digest(tmp_path / "out2/episode.mp4") == file_digest(home / "out/episode.mp4")


def test_a_store_over_its_cap_still_builds(tmp_path: Path) -> None:
    """The cap is kept after the render; while it runs, its pieces are leased."""
    plan = plan_of(tmp_path)
    store = chainer.Store(tmp_path / "store")
    stop = threading.Event()

    def collect_all_the_time() -> None:
        while not stop.is_set():
            collect(store, 0)
            time.sleep(0.01)

    thread = threading.Thread(target=collect_all_the_time)
    thread.start()
    try:
        chainer.render_episode(plan, tmp_path / "out")
    finally:
        stop.set()
        thread.join()
    assert chainer.verify_episode(tmp_path / "out").whole


def test_a_render_keeps_the_store_under_its_cap(tmp_path: Path) -> None:
    cap = 64 * 2**20
    ballast = tmp_path / "ballast"
    store = chainer.Store(tmp_path / "store")
    for number in range(3):
        ballast.write_bytes(bytes([number]) * (cap // 2))
        store.publish(f"{number:064x}", "ballast", {"file": ballast}, {})
    policy = {"path": tmp_path / "store", "max_bytes": cap}
    plan = plan_of(tmp_path, store=policy)
    chainer.render_episode(plan, tmp_path / "out")
    held = sum(path.stat().st_size for path in (tmp_path / "store/cas").glob("*/*"))
    assert held <= cap
    assert set(whys(plan_of(tmp_path)).values()) == {"cached"}


def test_several_threads_build_the_same_episode_at_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with ThreadPoolExecutor(3) as pool:
        done = list(
            pool.map(lambda n: chainer.render_episode(plan, tmp_path / f"out{n}"), range(3))
        )
    assert sum(episode.steps_run for episode in done) == 6
    assert len({file_digest(episode.path / "episode.mp4") for episode in done}) == 1


def test_cancel_stops_at_once_and_the_next_run_goes_on(tmp_path: Path) -> None:
    slow = SMALL.model_copy(update={"preset": "veryslow", "width": 720, "height": 1280})
    plan = plan_of(tmp_path, profile=slow, workers=1)
    cancel = threading.Event()
    seen: list[chainer.Progress] = []

    def watch(progress: chainer.Progress) -> None:
        seen.append(progress)
        if progress.steps_done >= 1:
            cancel.set()

    with pytest.raises(chainer.Cancelled):
        chainer.render_episode(plan, tmp_path / "out", on_progress=watch, cancel=cancel)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert not list((tmp_path / "store/tmp").iterdir())
    assert not [c for c in psutil.Process().children(recursive=True) if "ffmpeg" in c.name()]
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    again = plan_of(tmp_path, profile=slow)
    assert list(whys(again).values()).count("cached") >= 1


def test_the_async_form_yields_to_the_loop_and_stops_with_its_task(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)

    async def build() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.ensure_future(tick())
        reports: list[chainer.Progress] = []
        await chainer.render_episode_async(plan, tmp_path / "out", on_progress=reports.append)
        ticking.cancel()
        assert reports
        return ticks

    assert asyncio.run(build()) > 5
    slow = SMALL.model_copy(update={"preset": "veryslow", "width": 720, "height": 1280})

    async def stop() -> None:
        task = asyncio.ensure_future(
            chainer.render_episode_async(plan_of(tmp_path, profile=slow), tmp_path / "out2")
        )
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stop())
    assert not (tmp_path / "out2").exists()


def test_media_that_changes_between_plan_and_render_is_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    (tmp_path / "media/c3.mp4").unlink()
    Coded(3, 48, amplitude=0.04).write(tmp_path / "media/c3.mp4")
    with pytest.raises(chainer.MediaRefused, match="changed after it was planned"):
        chainer.render_episode(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_media_may_lie_in_the_store_under_their_digest(home: Path, tmp_path: Path) -> None:
    store = chainer.Store(tmp_path / "store")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes((home / "media/c1.mp4").read_bytes())
    record = store.publish(file_digest(copy), "media", {"media": copy}, {})
    path = write_graph(tmp_path, THREE[:1])
    values = json.loads(path.read_text())
    values["nodes"][0]["media"] = f"store:{record.files['media'].digest}"
    path.write_text(json.dumps(values))
    settings = small_settings(tmp_path / "store")
    plan = chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)
    chainer.render_episode(plan, tmp_path / "out")
    assert len(read_codes(tmp_path / "out/episode.mp4")) == THREE[0].frames
    values["nodes"][0]["media"] = "store:" + "0" * 64
    path.write_text(json.dumps(values))
    with pytest.raises(chainer.MediaMissing):
        chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)


def test_an_episode_replaces_an_older_one_but_nothing_else(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home)
    target = tmp_path / "with 'quotes' and 港"
    chainer.render_episode(plan, target)
    (target / "stray.txt").write_text("x")
    chainer.render_episode(plan, target)
    assert sorted(path.name for path in target.iterdir()) == [
        "chapters.vtt",
        "credits.json",
        "episode.json",
        "episode.mp4",
        "making.json",
        "poster.jpg",
    ]
    other = tmp_path / "photos"
    other.mkdir()
    (other / "mine.jpg").write_text("x")
    with pytest.raises(chainer.OutputError):
        chainer.render_episode(plan, other)
    assert [path.name for path in other.iterdir()] == ["mine.jpg"]
    with pytest.raises(chainer.OutputError):
        chainer.render_episode(plan, other / "mine.jpg")


def test_verify_names_what_is_wrong(home: Path, tmp_path: Path) -> None:
    chainer.render_episode(plan_of(home), tmp_path / "out")
    assert chainer.verify_episode(tmp_path / "out").faults == ()
    film = tmp_path / "out/episode.mp4"
    data = bytearray(film.read_bytes())
    data[-100] ^= 1
    film.write_bytes(bytes(data))
    assert chainer.verify_episode(tmp_path / "out").faults == (
        "episode.mp4 was changed: its SHA-256 is not the manifest's",
    )
    film.write_bytes(bytes(data[: len(data) // 2]))
    assert any("cut off" in fault for fault in chainer.verify_episode(tmp_path / "out").faults)
    (tmp_path / "out/poster.jpg").unlink()
    assert "poster.jpg is missing" in chainer.verify_episode(tmp_path / "out").faults
    manifest = tmp_path / "out/episode.json"
    values = json.loads(manifest.read_text())
    values["files"][0]["name"] = "../../etc/passwd"
    manifest.write_text(json.dumps(values))
    assert any("no name" in fault for fault in chainer.verify_episode(tmp_path / "out").faults)
    manifest.write_text("{")
    with pytest.raises(chainer.VerifyError):
        chainer.verify_episode(tmp_path / "out")


def test_the_title_card_is_a_cached_step_of_its_own(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home, card={"title": True})
    assert {name for name, why in whys(plan).items() if why == "new"} == {
        "card title",
        "joint title→c1",
    }
    episode = chainer.render_episode(plan, tmp_path / "out")
    assert episode.steps_run == 2
    codes = read_codes(tmp_path / "out/episode.mp4")
    first = plan.layout.starts[1]
    assert all(code is None for code in codes[:first])
    assert codes[first + 20] == (1, 20)
    assert plan.chapters[0].frame == 0
    again = chainer.render_episode(plan_of(home, card={"title": True}), tmp_path / "out2")
    assert again.steps_run == 0


def test_a_glyph_that_the_font_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainer.render.letters.machine_fonts", lambda: iter(()))
    path = write_graph(tmp_path, THREE)
    values = json.loads(path.read_text())
    values["graph"]["title"] = "The \U00012000"
    path.write_text(json.dumps(values))
    settings = small_settings(tmp_path / "store", card={"title": True})
    # Of a script that is long dead, and that no bundled font has: told before anything is made.
    with pytest.raises(chainer.InputError, match=r"U\+12000") as raised:
        chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)
    assert raised.value.code == "glyph"


def test_reasons_cover_every_part_of_a_key(home: Path) -> None:
    from chainer.render.plan import _CAUSES

    known = {part for part, _ in _CAUSES}
    parts = set()
    for step in plan_of(home, card={"title": True}).render.steps:
        parts |= set(step.spec.parts())
    counted = {"frames", "left_frames", "right_frames", "out", "gap", "back", "overlap"}
    counted |= {"right_last", "shift", "packet_first", "packet_last", "sound_at", "made"}
    assert parts - known == counted & parts
    assert Why.CACHED not in {why for _, why in _CAUSES}
