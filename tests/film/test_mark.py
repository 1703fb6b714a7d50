"""The visible mark is burned in once for each atom, where it should be, and nowhere else."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

import chainer
from chainer.digest import Digest, file_digest
from chainer.episode.plan import EpisodePlan
from chainer.errors import SettingsError
from chainer.profile import Profile
from chainer.render.mark import first_station, mark_specs, render_mark, still_input, still_name
from chainer.render.picture import picture_graph
from chainer.render.plan import _CAUSES
from chainer.render.run import Runner
from chainer.render.spec import ConformSpec, MarkSpec, WatermarkPolicy, spec_key
from chainer.settings import parse_settings
from chainer.store import Presence

from .coded import HEIGHT, SMALL, WIDTH, Coded, decode, read_codes, small_settings, write_graph

Frames = NDArray[np.uint8]

ATOMS = (Coded(1, 170), Coded(2, 48), Coded(3, 48))
AUTHORS = {"c1": {"author": "mei"}, "c2": {"author": "joao.silva"}, "c3": {"author": "mei"}}
MARKED = {"enabled": True}


def plan_of(folder: Path, at: Path | None = None, **changes: object) -> EpisodePlan:
    graph = chainer.load_graph(write_graph(folder, ATOMS, **AUTHORS))
    wanted = {"watermark": MARKED, **changes}
    return chainer.plan_episode(
        graph, "c1", settings=small_settings(at or folder / "store", **wanted)
    )


def whys(plan: EpisodePlan) -> dict[str, str]:
    return {f"{step.type.value} {step.name}": step.why.value for step in plan.render.steps}


def piece_of(plan: EpisodePlan, slot: int) -> Path:
    store = chainer.Store(plan.store)
    _, record = store.find(plan.render.slots[slot])
    assert record is not None
    return store.path_of(record.files["piece"].digest)


def conform_of(plan: EpisodePlan, slot: int) -> ConformSpec:
    spec = next(step.spec for step in plan.render.steps if step.key == plan.render.slots[slot])
    assert isinstance(spec, ConformSpec)
    return spec


@contextmanager
def drawn(
    plan: EpisodePlan, handle: str, profile: Profile, **policy: object
) -> Iterator[tuple[Path, int, int]]:
    """A folder with the mark in it, and the mark's size."""
    spec = mark_specs(WatermarkPolicy.model_validate(policy), [handle], profile)[handle]
    with chainer.Store(plan.store).workspace() as folder:
        files, facts = render_mark(Runner(plan.ffmpeg), spec, folder)
        assert files["mark"].is_file()
        yield folder, facts["width"], facts["height"]


def pictures(plan: EpisodePlan, spec: ConformSpec, media: Path, folder: Path | None) -> Frames:
    """What the filters give to the encoder, 4:2:0 planes as one row: [frames, bytes]."""
    video = spec.info.video
    assert video is not None
    mark = None
    if folder is not None and spec.mark is not None:
        shutil.copy(folder / "mark.png", folder / still_name(spec.mark))
        mark = still_input(spec.mark, spec.profile)
    graph = picture_graph(ffmpeg.input(str(media)).video, video, spec, mark)
    argv = Runner(plan.ffmpeg).argv(
        ffmpeg.output(graph, "-", f="rawvideo", fps_mode="passthrough"), copyts=True
    )
    data = subprocess.run(argv, check=True, capture_output=True, cwd=folder).stdout
    size = spec.profile.width * spec.profile.height * 3 // 2
    return np.frombuffer(data, np.uint8).reshape(-1, size)


def planes(frames: Frames, width: int, height: int) -> tuple[Frames, Frames]:
    """Luma [frames, height, width] and chroma [frames, 2, height / 2, width / 2]."""
    luma = frames[:, : width * height].reshape(-1, height, width)
    return luma, frames[:, width * height :].reshape(-1, 2, height // 2, width // 2)


def place(station: int, mark: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """Left and top of the mark as the design says."""
    (w, h), (width, height) = mark, frame
    side = Fraction(width, 20)
    column = (side, width - w - side, side, Fraction(62, 100) * (width - w))[station]
    row = Fraction((13, 45, 60, 77)[station], 100) * (height - h)
    return int(column // 2) * 2, int(row // 2) * 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a graph and a store in which its marked film has been built."""
    folder = tmp_path_factory.mktemp("home")
    chainer.render_episode(plan_of(folder), folder / "out")
    return folder


@pytest.mark.parametrize(("fps", "jump"), [(30, 75), (25, 63), (60, 150)])
def test_it_jumps_at_exactly_the_right_frame_and_leaves_all_else_alone(
    home: Path, fps: int, jump: int
) -> None:
    plan = plan_of(home)
    profile = SMALL.model_copy(update={"fps": Fraction(fps)})
    count = 170 * fps // 30
    base = replace(conform_of(plan, 0), profile=profile, frames=count, mark=None)
    media = home / "media/c1.mp4"
    bare = pictures(plan, base, media, None)
    with drawn(plan, "mei", profile) as (folder, w, h):
        for station in (0, 3):
            spec = replace(base, mark="0" * 64, station=station)
            frames = pictures(plan, spec, media, folder)
            assert len(frames) == len(bare) == count
            luma, chroma = planes(frames, WIDTH, HEIGHT)
            before, colours = planes(bare, WIDTH, HEIGHT)
            for number in range(count):
                now = (station + number // jump) % 4
                x, y = place(now, (w, h), (WIDTH, HEIGHT))
                other = luma[number] != before[number]
                inside = other[y : y + h, x : x + w]
                assert inside.mean() > 0.6, number
                assert other.sum() == inside.sum(), number
                tinted = (chroma[number] != colours[number]).any(0)
                below = tinted[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2]
                assert tinted.sum() == below.sum(), number


def test_the_mark_is_white_on_dark_and_dark_on_white(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home)
    with drawn(plan, "mei", SMALL) as (folder, w, h):
        spec = replace(conform_of(plan, 0), mark="0" * 64, station=0, frames=2)
        for level, colour in (("0", "black"), ("255", "white")):
            media = tmp_path / f"{colour}.mp4"
            source = ffmpeg.input(f"color=c={colour}:s={WIDTH}x{HEIGHT}:r=30", f="lavfi", t=1)
            output = ffmpeg.output(
                source.filter("scale", out_color_matrix="bt709", out_range="tv"),
                str(media),
                pix_fmt="yuv420p",
                crf=1,
            )
            subprocess.run(Runner(plan.ffmpeg).argv(output), check=True, capture_output=True)
            frames = pictures(plan, spec, media, folder)
            luma, chroma = planes(frames, WIDTH, HEIGHT)
            x, y = place(0, (w, h), (WIDTH, HEIGHT))
            inside = luma[0, y : y + h, x : x + w].astype(int)
            assert np.abs(chroma[0].astype(int) - 128).max() <= 1, level
            if colour == "black":
                assert 200 < inside.max() <= 214  # 90 % of white in limited range is 213
                assert inside.min() == 16
            else:
                assert inside.min() < 130
                assert np.percentile(inside, 30) < 180
                assert 210 < inside.max() <= 236


def test_the_film_carries_it_where_the_media_says(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home)
    bare = plan_of(home, tmp_path / "store", watermark={"enabled": False})
    chainer.render_episode(bare, tmp_path / "out")
    codes = read_codes(home / "out/episode.mp4")
    assert codes == read_codes(tmp_path / "out/episode.mp4")
    seen = set()
    for slot in range(3):
        spec = conform_of(plan, slot)
        assert spec.station == first_station(spec.media) == int(spec.media[:8], 16) % 4
        seen.add(spec.station)
        found = decode(piece_of(plan, slot)).astype(int) - decode(piece_of(bare, slot))
        record = chainer.Store(plan.store).find(spec.mark or "")[1]
        assert record is not None
        mark = (record.facts["width"], record.facts["height"])
        for number in (0, spec.frames - 1):
            changed = np.abs(found[number])
            x, y = place((spec.station + number // 75) % 4, mark, (WIDTH, HEIGHT))
            inside = changed[y : y + mark[1], x : x + mark[0]]
            assert inside.mean() > 10 * changed.mean()
            assert inside.max() > 60
    assert len(seen) > 1, "the media of this test are to start at several stations"


def test_one_step_for_each_author_and_none_the_second_time(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home)
    marks = [step for step in plan.render.steps if step.type.value == "mark"]
    assert sorted(step.name for step in marks) == ["joao.silva", "mei"]
    assert set(whys(plan).values()) == {"cached"}
    order = [step.key for step in plan.render.steps]
    for slot, key in enumerate(plan.render.slots):
        step = plan.render.steps[order.index(key)]
        assert step.needs == (conform_of(plan, slot).mark,)
        assert order.index(step.needs[0]) < order.index(key)
    again = chainer.render_episode(plan, tmp_path / "again")
    assert (again.steps_run, again.steps_cached) == (0, 8)

    # Another episode of some of the same atoms shares their marked clips.
    graph = chainer.load_graph(home / "graph.json")
    options = chainer.WalkOptions(path=("c2", "c3"))
    other = chainer.plan_episode(graph, options=options, settings=plan.settings)
    done = chainer.render_episode(other, tmp_path / "other")
    assert done.steps_run <= 1, "only a poster may be new"
    assert {why for name, why in whys(other).items() if "poster" not in name} == {"cached"}


def test_the_plan_shows_the_step(home: Path) -> None:
    steps = plan_of(home).as_json()["steps"]
    mark = next(step for step in steps if step["type"] == "mark" and step["name"] == "mei")
    assert mark["needs"] == []
    assert mark["why"] == "cached"
    assert [step["name"] for step in steps if mark["key"] in step["needs"]] == ["c1", "c3"]


@pytest.mark.parametrize(
    "policy",
    [
        {"enabled": True, "service": "harbor"},
        {"enabled": True, "handle": False},
        {"enabled": True, "opacity": 60},
        {"enabled": False},
    ],
)
def test_another_mark_is_the_reason(home: Path, policy: dict[str, object]) -> None:
    found = whys(plan_of(home, watermark=policy))
    assert {found[f"conform {name}"] for name in AUTHORS} == {"watermark changed"}
    marks = {name: why for name, why in found.items() if name.startswith("mark")}
    if not policy["enabled"]:
        assert marks == {}
    elif policy.get("handle", True):
        assert marks == dict.fromkeys(("mark mei", "mark joao.silva"), "watermark changed")
    else:
        assert marks == {"mark chainer": "new"}
    assert found["joint c1→c2"] == "a neighbour changed"


def test_reasons_cover_every_part_of_a_marked_clip(home: Path) -> None:
    known = {part for part, _ in _CAUSES}
    for step in plan_of(home).render.steps:
        if step.type.value in ("mark", "conform"):
            assert set(step.spec.parts()) <= known


def test_without_a_mark_the_key_is_what_it_always_was(home: Path) -> None:
    plan = plan_of(home, watermark={"enabled": False})
    assert not any(step.type.value == "mark" for step in plan.render.steps)
    spec = conform_of(plan, 0)
    assert set(spec.parts()) == {"engine", "media", "trim", "profile", "policy", "build"}
    assert spec_key(replace(spec, station=3)) == spec_key(spec)
    marked = conform_of(plan_of(home), 0)
    assert spec_key(replace(marked, station=(marked.station + 1) % 4)) != spec_key(marked)
    assert spec_key(replace(marked, mark=None)) == spec_key(spec)


def test_two_runs_are_byte_identical(home: Path, tmp_path: Path) -> None:
    again = chainer.render_episode(plan_of(home, tmp_path / "store"), tmp_path / "out")
    assert again.steps_run == 8
    for name in ("episode.mp4", "episode.json", "poster.jpg"):
        assert file_digest(home / "out" / name) == file_digest(tmp_path / "out" / name), name


def test_a_title_card_has_no_mark_of_its_own_and_fits(home: Path, tmp_path: Path) -> None:
    plan = plan_of(home, card={"title": True})
    episode = chainer.render_episode(plan, tmp_path / "out")
    assert episode.steps_run == 2
    card = next(step for step in plan.render.steps if step.type.value == "card")
    assert card.needs == (plan.render.slots[1],)
    assert chainer.verify_episode(tmp_path / "out").whole


def test_a_damaged_mark_is_drawn_again(home: Path, tmp_path: Path) -> None:
    first = plan_of(home, tmp_path / "store")
    chainer.render_episode(first, tmp_path / "out")
    store = chainer.Store(tmp_path / "store")
    spec = conform_of(first, 0)
    _, record = store.find(spec.mark or "")
    assert record is not None
    path = store.path_of(record.files["mark"].digest)
    whole = path.read_bytes()
    path.write_bytes(bytes([*whole[:-9], whole[-9] ^ 1, *whole[-8:]]))
    store.discard(first.render.slots[0])
    chainer.render_episode(plan_of(home, tmp_path / "store"), tmp_path / "out2")
    assert store.is_whole(record.files["mark"])
    assert file_digest(tmp_path / "out2/episode.mp4") == file_digest(home / "out/episode.mp4")


def test_a_glyph_that_the_font_lacks_is_named_and_nothing_is_kept(
    home: Path, tmp_path: Path
) -> None:
    plan = plan_of(home, tmp_path / "store", watermark={"enabled": True, "service": "片"})
    with pytest.raises(chainer.InputError, match=r"'片' \(U\+7247\)") as raised:
        chainer.render_episode(plan, tmp_path / "out")
    assert raised.value.code == "glyph"
    assert not (tmp_path / "out").exists()
    store = chainer.Store(tmp_path / "store")
    assert {store.find(step.key)[0] for step in plan.render.steps} == {Presence.ABSENT}
    assert list((tmp_path / "store/cas").glob("*/*")) == []
    assert list((tmp_path / "store/tmp").iterdir()) == []


def test_a_font_that_is_none_or_gone_or_changed(home: Path, tmp_path: Path) -> None:
    font = tmp_path / "a.otf"
    wanted = {"enabled": True, "font": str(font)}
    with pytest.raises(chainer.InputError, match=r"no font file .*`watermark\.font`"):
        plan_of(home, watermark=wanted)
    font.write_bytes(b"no font at all")
    plan = plan_of(home, tmp_path / "store", watermark=wanted)
    with pytest.raises(chainer.InputError, match="cannot be read as a font"):
        chainer.render_episode(plan, tmp_path / "out")
    font.write_bytes(b"another")
    with pytest.raises(chainer.InputError, match="changed after it was planned"):
        chainer.render_episode(plan, tmp_path / "out")


@pytest.mark.parametrize(
    "service",
    ["", " ", "x" * 41, "two\nlines", " left", "tab\there", "\u202eflip", "שלום", "سلام", "नमस्ते"],
)
def test_a_name_that_cannot_be_set_is_refused_with_the_settings(service: str) -> None:
    with pytest.raises(SettingsError, match=r"watermark\.service"):
        parse_settings({"watermark": {"service": service}}, "a.toml")


def test_a_name_is_set_composed() -> None:
    assert WatermarkPolicy(service="Cafe\u0301").service == "Caf\u00e9"


@pytest.mark.parametrize("size", [(720, 1280), (360, 640), (1280, 720), (180, 320), (64, 64)])
@pytest.mark.parametrize(
    ("handle", "service"), [("a", "n"), ("W" * 64, "chainer"), ("mei", "W" * 40)]
)
def test_it_fits_whatever_it_says(
    home: Path, size: tuple[int, int], handle: str, service: str
) -> None:
    profile = SMALL.model_copy(update={"width": size[0], "height": size[1]})
    with drawn(plan_of(home), handle, profile, service=service) as (_, w, h):
        assert w % 2 == h % 2 == 0
        assert w <= 0.46 * size[0] + 2
        assert h <= max(0.15 * min(size), 24)
        for station in range(4):
            x, y = place(station, (w, h), size)
            assert 0 <= x <= size[0] - w
            assert 0 <= y <= size[1] - h


def test_it_grows_with_the_frame(home: Path) -> None:
    plan = plan_of(home)
    sizes = {}
    for width, height in ((360, 640), (720, 1280), (1280, 720)):
        profile = SMALL.model_copy(update={"width": width, "height": height})
        with drawn(plan, "mei", profile) as (_, w, h):
            sizes[width] = (w, h)
    assert sizes[720] == sizes[1280], "a frame on its side has the same mark"
    assert all(abs(2 * a - b) <= 4 for a, b in zip(sizes[360], sizes[720], strict=True))


def test_the_key_says_all_that_is_drawn() -> None:
    def key(handle: str = "mei", **changes: object) -> Digest:
        profile = SMALL.model_copy(update=changes.pop("profile", {}))
        policy = WatermarkPolicy.model_validate(changes)
        return spec_key(mark_specs(policy, [handle], profile)[handle])

    keys = [
        key(),
        key("joao"),
        key(service="harbor"),
        key(opacity=80),
        key(profile={"width": 182}),
    ]
    assert len(set(keys)) == len(keys)
    assert key(profile={"crf": 30}) == key(), "one size, one mark"
    assert mark_specs(WatermarkPolicy(enabled=False), ["mei"], SMALL) == {}
    hidden = mark_specs(WatermarkPolicy(handle=False), ["mei", "joao"], SMALL)
    assert len({spec_key(spec) for spec in hidden.values()}) == 1
    assert isinstance(hidden["mei"], MarkSpec)
    assert json.dumps(hidden["mei"].parts())
