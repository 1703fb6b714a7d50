"""The bundled story is what its truth file says, small, and the same whenever it is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import chainer
from chainer.check import check_graph
from chainer.digest import file_digest
from chainer.graph import EdgeKind, WalkKind, iter_chains
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from tests.film.coded import FFMPEG

GRAPHS = Path(__file__).parents[2] / "graphs"
TRUTH: dict[str, Any] = json.loads((GRAPHS / "harbor/truth.json").read_text())


@pytest.fixture(scope="module")
def graph() -> chainer.Graph:
    return chainer.load_graph(GRAPHS / "harbor.json")


def test_it_has_all_that_a_story_graph_can_have(graph: chainer.Graph) -> None:
    assert len(graph.atoms) >= 12
    assert len({atom.author for atom in graph.atoms.values()}) >= 4
    assert len({atom.place for atom in graph.atoms.values()}) >= 3
    assert {"dawn", "day", "dusk", "night"} <= {a.time_of_day for a in graph.atoms.values()}
    remixes = [edge for edge in graph.edges if edge.kind is EdgeKind.REMIX]
    assert {"wardrobe", "ending"} <= {change for edge in remixes for change in edge.changes}
    assert any(atom.takes for atom in graph.atoms.values())
    assert len({c.atoms for c in iter_chains(graph, "a1", chainer.WalkOptions())}) >= 3
    relay = chainer.WalkOptions(kind=WalkKind.RELAY)
    assert len(list(iter_chains(graph, "a1", relay))) >= 5


def test_it_is_small_and_matches_the_schema() -> None:
    files = [GRAPHS / "harbor.json", *(GRAPHS / "harbor").rglob("*")]
    assert sum(path.stat().st_size for path in files if path.is_file()) < 6_000_000
    schema = json.loads((GRAPHS / "graph.schema.json").read_text())
    jsonschema.validate(json.loads((GRAPHS / "harbor.json").read_text()), schema)


def test_check_finds_nothing_wrong(tmp_path: Path) -> None:
    report = check_graph(
        GRAPHS / "harbor.json", chainer.Settings(), chainer.Store(tmp_path / "store")
    )
    assert report.exit_status == 0
    assert report.media == len(TRUTH)


@pytest.mark.parametrize("name", TRUTH)
def test_each_clip_is_what_was_drawn(name: str, tmp_path: Path) -> None:
    truth = TRUTH[name]
    media = inspect_media(
        GRAPHS / f"harbor/media/{name}.mp4", chainer.Store(tmp_path), MediaLimits()
    )
    video, audio = media.info.video, media.info.audio
    assert video is not None
    assert video.frame_rate == Fraction(str(truth["fps"]))
    assert video.frames == truth["frames"]
    assert video.display_size == tuple(truth["size"])
    if truth["sound"] is None:
        assert audio is None
    else:
        assert audio is not None
        assert (audio.sample_rate, audio.channels) == (
            truth["sound"]["rate"],
            truth["sound"]["channels"],
        )


def test_mei_wears_her_coat_where_her_box_says(graph: chainer.Graph) -> None:
    """In daylight the coat's colour is the commonest in the lower half of her box."""
    atom = graph.atom("a4")
    seen = next(entry for entry in atom.cast if entry.character == "mei" and entry.box)
    assert seen.box is not None
    argv = [FFMPEG, "-v", "error", "-ss", str(float(seen.at)), "-i"]
    argv += [str(graph.media_path(atom.media)), "-frames:v", "1", "-f", "rawvideo"]
    argv += ["-pix_fmt", "rgb24", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    picture = np.frombuffer(data, np.uint8).reshape(1280, 720, 3).astype(float)
    x, y, width, height = (float(part) for part in seen.box)
    part = picture[
        int((y + height * 0.45) * 1280) : int((y + height * 0.85) * 1280),
        int(x * 720) : int((x + width) * 720),
    ].reshape(-1, 3)
    coat = np.array([int(TRUTH["a4"]["colours"]["mei"]["coat"][i : i + 2], 16) for i in (1, 3, 5)])
    assert np.mean(np.abs(part - coat).max(axis=1) < 40) > 0.25


@pytest.mark.slow
def test_drawing_a_clip_again_gives_the_same_bytes(tmp_path: Path) -> None:
    script = GRAPHS.parent / "scripts/make_sample.py"
    argv = [sys.executable, str(script), "--only", "b12", "--out", str(tmp_path)]
    subprocess.run(argv, check=True, capture_output=True)
    (drawn,) = tmp_path.rglob("b12.mp4")
    assert file_digest(drawn) == file_digest(GRAPHS / "harbor/media/b12.mp4")
