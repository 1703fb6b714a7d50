"""The conditioning pack: its files, its requests against the table, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from chainer.errors import InputError, OutputError, StoreError
from chainer.memory.fitting import fitted_image, fitted_text, text_length
from chainer.memory.observation import Observation, Picture
from chainer.memory.pack import PACK_NAME, write_pack
from chainer.memory.providers import ImageLimits, InputKind, Provider, Status, Way, load_providers
from chainer.memory.report import Grade
from chainer.memory.request import Reference, chosen
from chainer.memory.state import MemoryState

from . import made

TABLE = load_providers()
OPEN = [one for one in TABLE.providers if one.status is Status.OPEN]
CROPS = {
    "kai": [made.jpeg(150, 300, 20)],
    "mei": [made.jpeg(120, 240, n) for n in range(10, 16)],
}


def written(
    folder: Path,
    state: MemoryState | None = None,
    observation: Observation | None = None,
    crops: dict[str, list[bytes]] | None = None,
    *,
    grade: Grade | None = None,
    prompt: str = "Mei throws the rope to the boat.",
) -> tuple[Path, ...]:
    return write_pack(
        folder,
        made.state() if state is None else state,
        made.observation() if observation is None else observation,
        CROPS if crops is None else crops,
        grade=grade,
        names={"mei": "Mei", "kai": "Kai"},
        place_names={"pier": "Old pier"},
        providers=TABLE,
        prompt=prompt,
    )


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def opened(path: Path) -> Picture:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    return np.asarray(pixels, np.uint8)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack") / "next"
    written(folder, grade=made.DARKER)
    return folder


# -- the folder ------------------------------------------------------------------


def test_all_that_was_promised_is_there(pack: Path, tmp_path: Path) -> None:
    names = {path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()}
    assert names >= {
        "last_frame.jpg",
        "last_frame.png",
        "references/mei-1.jpg",
        "references/kai-1.jpg",
        "palette.json",
        "palette.png",
        "state.txt",
        "state.json",
        PACK_NAME,
    }
    assert {name.split("/")[0] for name in names if name.endswith("request.json")} == {
        "veo", "runway", "luma", "minimax", "kling",
    }  # fmt: skip
    returned = written(tmp_path / "again")
    assert all(path.is_file() for path in returned)
    assert len(returned) == len(names)


def test_what_has_ended_is_not_asked_but_named(pack: Path) -> None:
    assert not (pack / "sora").exists()
    (left_out,) = read(pack / PACK_NAME)["left_out"]
    assert left_out["provider"] == "sora"
    assert "2026-09-24" in left_out["why"]


def test_the_last_frame_is_as_shown(pack: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    written(plain)
    before, after = opened(plain / "last_frame.png"), opened(pack / "last_frame.png")
    ratio = after.astype(float).mean() / before.astype(float).mean()
    assert ratio == pytest.approx(0.9, abs=0.01)  # the grade
    lossy = opened(pack / "last_frame.jpg")
    assert np.abs(lossy.astype(int) - after).mean() < 2


def test_a_lost_last_frame_is_replaced_by_the_still(tmp_path: Path) -> None:
    written(tmp_path / "p", observation=made.observation(last_frame=b"\xff\xd8damaged"))
    assert opened(tmp_path / "p" / "last_frame.png").shape == (360, 640, 3)
    assert any("still" in note for note in read(tmp_path / "p" / PACK_NAME)["notes"])


def test_words_and_colours(pack: Path) -> None:
    first = (pack / "state.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("Mei, yellow coat, left of frame, facing right, holds a rope; Kai")
    assert first.endswith("dusk, Old pier")
    state = read(pack / "state.json")
    assert set(state) >= {"characters", "world", "facts", "conflicts"}
    palette = read(pack / "palette.json")
    assert palette["world"][0]["name"] == "yellow"
    assert palette["characters"]["mei"][0]["weight"] == 0.6
    assert opened(pack / "palette.png").shape[0] > 3 * 90


def test_references_are_the_crops_best_first(pack: Path) -> None:
    for number, data in enumerate(CROPS["mei"], 1):
        assert (pack / "references" / f"mei-{number}.jpg").read_bytes() == data


def test_crops_that_are_no_pictures_are_left_out(tmp_path: Path) -> None:
    written(tmp_path / "p", crops={"mei": [b"", b"\xff\xd8no", made.jpeg(seed=3)]})
    folder = tmp_path / "p" / "references"
    assert [path.name for path in folder.iterdir()] == ["mei-1.jpg"]
    assert (folder / "mei-1.jpg").read_bytes() == made.jpeg(seed=3)


def test_an_older_pack_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    written(folder)
    (folder / "stale.txt").write_text("old")
    written(folder, prompt="Something else.")
    assert not (folder / "stale.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="no pack"):
        written(other)
    assert (other / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not a folder"):
        written(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    written(tmp_path / "empty")


def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "p"
    written(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def full(*_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("chainer.memory.pack.provider_request", full)
    with pytest.raises(StoreError, match="disk is full"):
        written(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    with pytest.raises(StoreError):
        written(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_an_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no id"):
        written(tmp_path / "p", crops={"../evil": [made.jpeg()]})
    assert list(tmp_path.iterdir()) == []


def test_nothing_known_still_makes_a_pack(tmp_path: Path) -> None:
    empty = made.state(characters=(), facts=(), world=replace(made.state().world, place=""))
    written(tmp_path / "p", empty, crops={}, prompt="")
    body = read(tmp_path / "p" / "runway" / "request.json")["body"]
    assert body["promptText"]


# -- requests against the table --------------------------------------------------


def at(body: dict[str, Any], field: str) -> Any:
    value: Any = body
    for part in field.split("."):
        value = value[part]
    return value


def images_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [name for one in value.values() for name in images_in(one)]
    if isinstance(value, list):
        return [name for one in value for name in images_in(one)]
    return [value] if isinstance(value, str) and value.endswith((".png", ".jpg")) else []


def check_body(body: dict[str, Any], way: Way, provider: Provider, folder: Path) -> None:
    """A request body within every limit of the table."""
    assert body[provider.model_field] == way.model
    assert 0 < text_length(at(body, way.text.field)) <= way.text.max_chars
    if way.seconds is not None:
        asked = at(body, way.seconds.field)
        assert isinstance(asked, int) == way.seconds.number
        assert asked in [
            one if way.seconds.number else way.seconds.form.format(one)
            for one in way.seconds.allowed
        ]
    if way.aspect is not None:
        assert at(body, way.aspect.field) in way.aspect.values.values()
    names = images_in(body)
    assert len(set(names)) == len(names) > 0
    assert len(names) <= sum(one.most for one in way.inputs)
    for kind_of_input in way.inputs:
        if kind_of_input.kind is InputKind.FIRST_FRAME:
            assert images_in(at(body, kind_of_input.field))[0].startswith("first_frame")
    limits = provider.image
    for name in names:
        assert "/" not in name
        path = folder / name
        assert path.stat().st_size <= limits.max_bytes
        magic = {".png": b"\x89PNG", ".jpg": b"\xff\xd8\xff"}[path.suffix]
        assert path.read_bytes().startswith(magic)
        high, wide = opened(path).shape[:2]
        assert min(high, wide) >= limits.min_side
        assert max(high, wide) <= limits.max_side
        assert limits.narrowest <= wide / high <= limits.widest


def check_request(provider: Provider, folder: Path) -> dict[str, Any]:
    request: dict[str, Any] = read(folder / "request.json")
    ways = {way.id: way for way in provider.ways}
    used = set()
    for one in [request, *request["alternatives"]]:
        check_body(one["body"], ways[one["way"]], provider, folder)
        used |= set(images_in(one["body"]))
    on_disk = {path.name for path in folder.iterdir()} - {"request.json"}
    assert on_disk == used  # no file that no request names
    return request


@pytest.mark.parametrize("provider", OPEN, ids=lambda one: one.id)
def test_every_request_keeps_to_the_limits(provider: Provider, pack: Path) -> None:
    request = check_request(provider, pack / provider.id)
    assert request["way"].startswith("first_frame")  # the best for going on
    assert "holds a rope" in json.dumps(request["body"])


@pytest.mark.parametrize("provider", OPEN, ids=lambda one: one.id)
def test_extremes_keep_to_the_limits_too(provider: Provider, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (700, 2100, 3), dtype=np.uint8)
    frame = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    crops = {
        "mei": [made.jpeg(40, 512, n) for n in range(12)],
        "kai": [b"no picture", made.jpeg(20, 20, 30)],
    }
    write_pack(
        tmp_path / "p",
        made.state(),
        made.observation(last_frame=frame),
        crops,
        grade=None,
        names={"mei": "梅" * 60},
        place_names={},
        providers=TABLE.model_copy(update={"providers": (provider,)}),
        prompt="Then 𝄞 sounds. " * 900,
        seconds=Fraction(37, 2),
    )
    request = check_request(provider, tmp_path / "p" / provider.id)
    assert any("text cut" in note for note in request["notes"])


def test_the_real_field_names(pack: Path) -> None:
    veo = read(pack / "veo" / "request.json")
    assert veo["body"]["image"] == "first_frame.png"
    assert veo["body"]["config"]["duration_seconds"] == 8
    assert "reference_images" not in veo["body"]["config"]
    assert any("exclude" in note for note in veo["notes"])
    references = veo["alternatives"][0]["body"]
    assert "image" not in references
    assert [one["reference_type"] for one in references["config"]["reference_images"]] == [
        "ASSET"
    ] * 3
    runway = read(pack / "runway" / "request.json")["body"]
    assert runway["promptImage"] == [{"uri": "first_frame.png", "position": "first"}]
    assert (runway["ratio"], runway["duration"]) == ("1280:720", 10)
    luma = read(pack / "luma" / "request.json")["body"]
    assert luma["keyframes"] == {"frame0": {"type": "image", "url": "first_frame.png"}}
    assert luma["duration"] == "9s"
    minimax = read(pack / "minimax" / "request.json")
    assert minimax["body"]["first_frame_image"] == "first_frame.png"
    subject = minimax["alternatives"][0]["body"]["subject_reference"]
    assert subject == [{"type": "character", "image": ["reference-mei-1.jpg"]}]
    kling = read(pack / "kling" / "request.json")["body"]
    assert kling["image_list"][0] == {"image_url": "first_frame.png", "type": "first_frame"}
    assert len(kling["image_list"]) == 7
    assert kling["duration"] == "10"
    assert kling["prompt"].startswith("Mei is <<<image_2>>>, <<<image_3>>>")
    assert kling["image_list"][1]["image_url"] == "reference-mei-1.jpg"


def test_what_was_left_out_is_said(pack: Path) -> None:
    veo = read(pack / "veo" / "request.json")
    left = next(note for note in veo["alternatives"][0]["notes"] if "left out" in note)
    assert "mei-3" in left
    assert "mei-1" not in left
    assert any("8 s instead of 10 s" in note for note in veo["notes"])
    assert any("enlarged" in note for note in veo["alternatives"][0]["notes"])


def test_no_characters_no_alternatives(tmp_path: Path) -> None:
    written(tmp_path / "p", crops={})
    assert read(tmp_path / "p" / "veo" / "request.json")["alternatives"] == []
    kling = read(tmp_path / "p" / "kling" / "request.json")
    assert len(kling["body"]["image_list"]) == 1
    assert any("no reference images" in note for note in kling["notes"])


def test_references_are_chosen_fairly() -> None:
    many = [Reference(who, who, n, b"") for who in ("mei", "kai", "bo") for n in (1, 2, 3)]
    assert [one.stem for one in chosen(many, 4)] == ["mei-1", "mei-2", "kai-1", "bo-1"]
    assert [one.stem for one in chosen(many, 2)] == ["mei-1", "kai-1"]
    assert chosen([], 3) == []


def test_text_is_cut_between_words_and_never_within_a_letter() -> None:
    assert fitted_text("Mei holds a rope; dusk", 17) == "Mei holds a rope"
    assert fitted_text("short", 50) == "short"
    music = fitted_text("𝄞" * 40, 51)
    assert music == "𝄞" * 25
    assert fitted_text("梅" * 80, 60) == "梅" * 60
    for most in range(50, 90):
        cut = fitted_text("alpha beta " * 30, most)
        assert text_length(cut) <= most
        assert cut.split()[-1] in ("alpha", "beta")


def test_images_are_brought_within_their_limits() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    limits = ImageLimits(
        formats=("png", "jpeg"), max_bytes=200_000, min_side=100, max_side=800, widest=2.0
    )
    data, ending, notes = fitted_image(noise, limits, exact=True)
    assert (ending, len(data) <= 200_000) == ("jpg", True)
    assert any("made smaller" in note for note in notes)
    data, ending, _ = fitted_image(made.picture(400, 300), limits, exact=True)
    kept = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert ending == "png"
    assert np.array_equal(kept, made.picture(400, 300))  # to the last bit
    tight = limits.model_copy(update={"min_side": 800, "max_bytes": 10_000})
    with pytest.raises(InputError, match="bytes"):
        fitted_image(noise, tight, exact=False)


# -- the table -------------------------------------------------------------------


def test_the_table_says_where_it_is_from() -> None:
    ids = [one.id for one in TABLE.providers]
    assert ids == ["veo", "runway", "luma", "minimax", "kling", "sora"]
    assert all(one.source and one.read.year >= 2025 for one in TABLE.providers)
    assert all(one.read <= TABLE.version for one in TABLE.providers)
    minimax = TABLE.providers[3]
    assert (minimax.image.max_bytes < 20_000_000, minimax.image.min_side > 300) == (True, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(schema="chainer.providers/2"), "schema"),
        (lambda t: t.update(extra=1), "extra"),
        (lambda t: t["providers"].append(t["providers"][0]), "named twice: veo"),
        (lambda t: t["providers"][0]["ways"][0]["text"].update(max_chars=0), "max_chars"),
        (lambda t: t["providers"][0]["ways"][0]["inputs"][0].update(item="x"), r"\$image"),
        (lambda t: t["providers"][0].update(id="../x"), "providers.0.id"),
    ],
)
def test_a_wrong_table_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    table = json.loads(Path(load_providers.__code__.co_filename).with_suffix(".json").read_text())
    change(table)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(table))
    with pytest.raises(InputError, match=words):
        load_providers(path)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_providers(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="no table"):
        load_providers(tmp_path / "bad.json")
