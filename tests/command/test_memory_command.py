"""`chainer memory` as a user runs it: what it prints and writes, and what no input can break."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chainer.cli import run
from tests.film.coded import FFMPEG, write_graph
from tests.memory.scene import LONG, exposure, filmed, scene, write_picture

SETTINGS = """
workers = 2
[profile]
width = 180
height = 320
preset = "ultrafast"
level = "3.1"
[card]
title = false
"""
NOBODY = "[faces]\nenabled = false\n"


@dataclass
class Home:
    """A graph whose second clip is too dark, with Mei in a box in both."""

    graph: Path
    screen: pytest.CaptureFixture[str]
    settings: str = SETTINGS + NOBODY

    @property
    def folder(self) -> Path:
        return self.graph.parent

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """Exit status, and what was printed and said."""
        file = self.folder / "settings.toml"
        file.write_text(self.settings)
        where = ["--settings", str(file), "--store", str(self.folder / "store")]
        status = run(["memory", str(self.graph), *map(str, words), *where])
        out, err = self.screen.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    def told(self, *words: str | Path) -> dict[str, Any]:
        """What it prints for machines, when all is well."""
        status, out, err = self.run(*words, "--json")
        assert status == 0, err
        told = json.loads(out)
        assert isinstance(told, dict)
        return told


MEI = {"character": "mei", "box": ["0.3", "0.3", "0.4", "0.6"], "at": "0.4"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_graph(
        tmp_path_factory.mktemp("memory"),
        [filmed(1, 1, 0, LONG), filmed(2, 1, LONG, LONG, exposure(-0.4))],
        c1={"cast": [MEI], "place": "pier", "facts": {"mei": {"holds": "rope"}}},
        c2={"cast": [MEI], "place": "pier"},
    )
    values = json.loads(path.read_text())
    values["graph"]["characters"] = {"mei": {"name": "Mei", "facts": {"coat": "yellow"}}}
    values["graph"]["places"] = {"pier": {"name": "Old pier"}}
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def home(built: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(built, capsys)


# -- what is printed -----------------------------------------------------------------------------


def test_json_has_the_documented_shape(home: Home) -> None:
    told = home.told("--path", "c1,c2")
    assert told["chain"] == ["c1", "c2"]
    (joint,) = told["joints"]
    assert set(joint) >= {"from", "to", "kind", "flags", "measures", "grade", "cut", "joint"}
    assert (joint["from"], joint["to"], joint["kind"]) == ("c1", "c2", "seamless")
    assert "light" in joint["flags"]
    for measure in joint["measures"].values():
        assert {"value", "unit", "threshold"} <= set(measure)
        assert isinstance(measure["value"], float)
        assert isinstance(measure["threshold"], float)
        assert isinstance(measure["unit"], str)
    assert joint["measures"]["light"]["value"] > joint["measures"]["light"]["threshold"]
    grade = joint["grade"]
    assert set(grade) >= {"matrix", "offset", "score", "shift_de", "residual_de"}
    assert [len(row) for row in grade["matrix"]] == [3, 3, 3]
    assert len(grade["offset"]) == 3
    assert grade["residual_de"] < grade["shift_de"]
    assert (joint["cut"]["in"], joint["cut"]["out"]) == (0, 0)
    assert joint["joint"]["kind"] in {"cut", "crossfade", "fade"}
    assert isinstance(joint["joint"]["seconds"], str)
    mei = told["characters"]["mei"]
    assert mei["name"] == "Mei"
    assert mei["facts"]["coat"] == "yellow"
    assert mei["facts"]["holds"] == "rope"
    assert mei["last_seen"]["atom"] == "c2"
    assert (told["world"]["place"], told["world"]["place_name"]) == ("pier", "Old pier")


def test_one_atom_has_no_joints(home: Home) -> None:
    told = home.told("--path", "c2")
    assert (told["chain"], told["joints"]) == (["c2"], [])
    assert set(told) >= {"characters", "world"}


def test_the_same_in_words(home: Home) -> None:
    status, out, _ = home.run("--start", "c1")
    assert status == 0
    assert "c1 → c2" in out
    assert "light" in out
    assert "grade" in out
    assert "Mei" in out
    assert "Old pier" in out
    assert home.run("--start", "c1", "--quiet") == (0, "", "")


def test_a_contact_sheet_is_a_png(home: Home, tmp_path: Path) -> None:
    told = home.told("--start", "c1", "--sheet", tmp_path / "sheet.png")
    data = (tmp_path / "sheet.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    assert told["sheets"] == [str(tmp_path / "sheet.png")]
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_sheet_that_cannot_be_written_is_an_error_of_the_caller(
    home: Home, tmp_path: Path
) -> None:
    status, _, err = home.run("--start", "c1", "--sheet", tmp_path / "no/sheet.png")
    assert status == 2
    assert "sheet.png" in err


def test_a_pack_holds_what_the_next_clip_needs(home: Home, tmp_path: Path) -> None:
    words = ("--pack", tmp_path / "next", "--prompt", "Mei looks up.")
    told = home.told("--start", "c1", *words)
    names = {path.name for path in (tmp_path / "next").rglob("*") if path.is_file()}
    assert "request.json" in names
    assert told["pack"]
    assert all(Path(name).is_file() for name in told["pack"])
    texts = [path.read_text() for path in (tmp_path / "next").rglob("*.txt")]
    assert any("Mei" in text for text in texts)


# -- usage and settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--start"),
        (("--start", "c1", "--pick", "all"), "one chain"),
        (("--start", "c9"), "c9"),
        (("--path", "c2,c1"), "c1"),
        (("--start", "c1", "--settings", "missing.toml"), "missing.toml"),
    ],
)
def test_bad_usage_is_status_2(home: Home, words: tuple[str, ...], said: str) -> None:
    file = home.folder / "fast.toml"
    file.write_text(SETTINGS + NOBODY)
    status = run(["memory", str(home.graph), "--settings", str(file), *words])
    out, err = home.screen.readouterr()
    assert status == 2
    assert said in err
    assert "Traceback" not in out + err


def test_a_memory_that_is_switched_off_says_so(home: Home, tmp_path: Path) -> None:
    home.settings += "[memory]\nenabled = false\n"
    status, out, _ = home.run("--start", "c1")
    assert status == 0
    assert "switched off" in out
    told = home.told("--start", "c1")
    assert (told["joints"], told["characters"], told["world"]) == ([], {}, {})
    for words in (("--sheet", tmp_path / "a.png"), ("--pack", tmp_path / "pack")):
        status, _, err = home.run("--start", "c1", *words)
        assert status == 2
        assert "switched off" in err
    assert list(tmp_path.iterdir()) == []


def test_strict_is_status_4(home: Home) -> None:
    home.settings += "[memory]\nstrict = true\ngrade.enabled = false\n"
    status, _, err = home.run("--start", "c1")
    assert status == 4
    assert "c1→c2: light" in err


@pytest.mark.parametrize("content", [None, b"no model", b"\x08\x07" + bytes(4000)])
def test_a_face_model_that_cannot_be_used_is_a_fault_of_the_settings(
    home: Home, tmp_path: Path, content: bytes | None
) -> None:
    model = tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    home.settings = SETTINGS + f'[faces]\ndetector_model = "{model}"\n'
    status, _, err = home.run("--start", "c1")
    assert status == 2
    assert "model.onnx" in err


# -- bad input -----------------------------------------------------------------------------------


def make(path: Path, source: str, *options: str) -> Path:
    """A film of a generated picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", source, *options]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"]
    subprocess.run([*argv, str(path)], check=True, capture_output=True)
    return path


ODD = {
    "black": ("color=black:s=180x320:r=30:d=0.8",),
    "static": ("testsrc2=s=180x320:r=30:d=0.8", "-vf", "select=lte(n\\,0),tpad=23:stop_mode=clone"),
    "landscape": ("testsrc2=s=320x180:r=30:d=0.8",),
    "thin": ("testsrc2=s=16x640:r=30:d=0.8",),
    "flat": ("testsrc2=s=640x16:r=30:d=0.8",),
}


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An odd clip (the file odd.mp4) between two ordinary ones."""
    clips = [filmed(1, 1, 0, LONG), filmed(2, 1, LONG, LONG), filmed(3, 1, 2 * LONG, LONG)]
    nodes = {"c2": {"media": "odd.mp4"}}
    return write_graph(tmp_path_factory.mktemp("odd"), clips, **nodes)


@pytest.mark.parametrize("name", list(ODD))
def test_an_odd_clip_is_told_of_and_nothing_is_corrected_by_it(
    name: str, between: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    make(between.parent / "odd.mp4", *ODD[name])
    home = Home(between, capsys)
    told = home.told("--start", "c1", "--sheet", tmp_path / "a.png", "--pack", tmp_path / "pack")
    assert (tmp_path / "a.png").is_file()
    assert [joint["grade"] for joint in told["joints"]] == [None, None]
    assert [joint["cut"]["in"] for joint in told["joints"]] == [0, 0]
    assert told["joints"][0]["kind"] == "new_setup"


def test_a_single_picture_is_no_clip(home: Home, tmp_path: Path) -> None:
    home.graph = write_graph(tmp_path, [filmed(1, 1, 0, LONG)])
    make(tmp_path / "media/c1.mp4", "testsrc2=s=180x320:r=1:d=1")
    status, _, err = home.run("--start", "c1")
    assert status == 3
    assert "still image" in err


def person(home: Home, references: list[str], **appearance: Any) -> dict[str, Any]:
    """What is told of a graph whose first clip has Bo in its cast."""
    path = write_graph(
        home.folder / "bo",
        [filmed(1, 1, 0, LONG), filmed(2, 1, LONG, LONG)],
        c1={"cast": [{"character": "bo", **appearance}]},
    )
    values = json.loads(path.read_text())
    values["graph"]["characters"] = {"bo": {"name": "Bo", "references": references}}
    path.write_text(json.dumps(values))
    home.graph = path
    told = home.told("--start", "c1")
    assert told["joints"][0]["grade"] is None
    return told


@pytest.mark.parametrize(
    "box",
    [
        ["0.001", "0.001", "0.01", "0.01"],
        ["0", "0", "1", "1"],
        ["0.1", "0.2", "0.001", "0.8"],
    ],
)
def test_a_box_on_nothing_breaks_nothing(home: Home, box: list[str]) -> None:
    told = person(home, [], box=box, at="0.3")
    assert told["joints"][0]["kind"] == "seamless"


def test_a_box_at_a_time_that_does_not_play_breaks_nothing(home: Home) -> None:
    told = person(home, [], box=["0.3", "0.3", "0.4", "0.4"], at="9")
    assert "bo" not in told["joints"][0]["flags"]


def test_a_character_that_is_never_seen_is_no_fault(home: Home) -> None:
    told = person(home, [])
    assert told["joints"][0]["flags"] == []


def test_a_reference_without_the_person_finds_nobody(home: Home) -> None:
    (home.folder / "bo").mkdir(exist_ok=True)
    write_picture(home.folder / "bo/other.png", 9)
    told = person(home, ["other.png"])
    assert not set(told["joints"][0]["flags"]) & {"identity", "wardrobe"}


@pytest.mark.parametrize("content", [None, b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_reference_that_is_missing_or_no_picture_breaks_nothing(
    home: Home, content: bytes | None
) -> None:
    (home.folder / "bo").mkdir(exist_ok=True)
    file = home.folder / "bo/ref.png"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    assert person(home, ["ref.png"])["joints"][0]["flags"] == []


def test_media_that_is_none_is_status_3(home: Home, tmp_path: Path) -> None:
    home.graph = write_graph(tmp_path, [filmed(1, 1, 0, LONG)])
    (tmp_path / "media/c1.mp4").write_bytes(scene(1, 0, 1).tobytes())
    status, _, err = home.run("--start", "c1")
    assert status == 3
    assert "c1.mp4" in err
