"""The report of a real small episode in which every text is hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

import chainer
from chainer.cli import run as command
from chainer.episode.making import MAKING_NAME, making_of, near_atoms, read_making
from chainer.errors import VerifyError
from tests.report.told import NASTY, Read, hostile_episode, hostile_graph, settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `graph.json`, `store` and the episode `out`, delivered with a report."""
    folder = tmp_path_factory.mktemp("report")
    hostile_episode(folder, folder / "out", report={"write": True})
    return folder


@pytest.fixture
def out(home: Path, tmp_path: Path) -> Path:
    """A copy of the episode, without its report."""
    shutil.copytree(home / "out", tmp_path / "out")
    (tmp_path / "out/report.html").unlink()
    return tmp_path / "out"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = command([str(word) for word in words])
    told = capsys.readouterr()
    return status, told.out, told.err


def read(folder: Path) -> Read:
    page = Read((folder / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_every_text_of_strangers_is_text(home: Path) -> None:
    page = read(home / "out")
    assert NASTY in page.words
    for title in ("one ", "two "):
        assert title + NASTY in page.words
    assert f"r1 {NASTY}" in page.words
    kinds = [attrs.get("type") for attrs in page.all("script")]
    assert kinds == ["application/json", None]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert not [name for _, attrs in page.tags for name in attrs if name == "style"]
    for tag in ("iframe", "object", "form", "base", "alert"):
        assert page.all(tag) == []
    captions = json.loads(page.inline[2][2])
    assert NASTY in "".join(text for _, _, text in captions).replace("\n", " ")


def test_nothing_is_fetched_but_the_film_beside_it(home: Path) -> None:
    page = read(home / "out")
    addresses = {
        str(value)
        for _, attrs in page.tags
        for name, value in attrs.items()
        if name in ("src", "href", "poster", "srcset", "data", "action")
    }
    outside = {one for one in addresses if not one.startswith(("data:", "#"))}
    assert outside == {"./episode.mp4"}


def test_the_policy_lets_its_own_script_run_and_no_other(home: Path) -> None:
    page = read(home / "out")
    (policy,) = [
        str(one["content"])
        for one in page.all("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, attrs, text in page.inline:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if attrs.get("type") is None:
            assert f"'sha256-{digest}'" in policy.split(f"{tag}-src")[1].split(";")[0]


def test_the_page_tells_what_the_folder_holds(home: Path) -> None:
    page = read(home / "out")
    pictures = [one for one in page.all("img") if "joint" in str(one.get("alt"))]
    # A crossfade with seven frames and a cut with four.
    assert len(pictures) == 11
    assert all(str(one["src"]).startswith("data:image/jpeg;base64,/9j/") for one in pictures)
    frames = [int(re.findall(r"frame (\d+)", str(one["alt"]))[0]) for one in pictures]
    manifest = chainer.episode.manifest.read_manifest(home / "out")
    first, second = manifest.joints
    assert frames[1] == first.at - 1
    assert frames[-2] == second.at
    assert "Crossfade" in page.words
    assert "LUFS" in page.words
    assert "p-a" in page.words
    assert "every file is as the manifest says" in page.words
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert page.all("html")[0]["lang"] == "en"
    assert all(one.get("alt") for one in page.all("img"))
    assert len((home / "out/report.html").read_bytes()) < 600_000


def test_the_report_is_derived_and_nothing_vouches_for_it(
    home: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = chainer.episode.manifest.read_manifest(home / "out")
    listed = {one.name for one in manifest.files}
    assert not listed & {"report.html", MAKING_NAME}
    status, _, _ = run(capsys, "report", out, "--store", home / "store", "--json")
    assert status == 0
    assert chainer.verify_episode(out).whole
    before = (home / "out/report.html").read_text()
    same = re.compile(r"\d\d \w+ \d{4}, \d\d:\d\d UTC")
    assert same.sub("", (out / "report.html").read_text()) == same.sub("", before)


def test_it_works_with_nothing_but_the_folder(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / MAKING_NAME).unlink()
    status, told, _ = run(capsys, "report", out, "--store", tmp_path / "none", "--json")
    assert status == 0
    assert json.loads(told)["path"] == str(out / "report.html")
    words = read(out).words
    assert words.count("making.json") == 2
    assert not (tmp_path / "none").exists()


def test_elsewhere_it_plays_the_film_from_where_it_lies(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "pages" / "a b.html"
    target.parent.mkdir()
    assert run(capsys, "report", out, "-o", target, "--store", tmp_path / "none")[0] == 0
    (video,) = Read(target.read_text()).all("video")
    assert video["src"] == "./../out/episode.mp4"
    assert not (out / "report.html").exists()
    status, _, err = run(capsys, "report", out, "-o", tmp_path / "no/where.html")
    assert status == 2
    assert "cannot be written" in err


@pytest.mark.parametrize(
    "name", ["episode.mp4", "episode.json", "poster.jpg", MAKING_NAME, "../out/./credits.json"]
)
def test_it_never_takes_the_place_of_a_file_of_the_episode(
    name: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    words = ["report", out, "-o", out / name, "--store", tmp_path / "none"]
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "name another with -o" in err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_with_the_graph_roads_not_taken_have_pictures(
    home: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", out, "--store", home / "store"]
    assert run(capsys, *words)[0] == 0
    before = len(read(out).all("image"))
    assert run(capsys, *words, "--graph", home / "graph.json")[0] == 0
    assert (before, len(read(out).all("image"))) == (3, 4)


@pytest.mark.parametrize("name", ["episode.mp4", "credits.json", "continuity.json", "captions.vtt"])
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_what_is_missing_or_damaged_is_named(
    name: str, how: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if how == "missing":
        (out / name).unlink()
    else:
        data = (out / name).read_bytes()
        (out / name).write_bytes(data[: len(data) // 2])
    status, _, err = run(capsys, "report", out, "--store", tmp_path / "none")
    assert status == 6
    assert name in err
    page = read(out)
    assert name in page.words
    assert "Not whole" in page.words
    if name == "episode.mp4":
        assert not [one for one in page.all("img") if "joint" in str(one.get("alt"))]
        assert len(page.all("video")) == (how == "damaged")


@pytest.mark.parametrize(
    ("place", "value", "status"),
    [
        (("profile", "width"), None, 0),
        (("profile", "height"), "1e999", 0),
        (("profile", "height"), 10**40, 0),
        (("settings", "captions"), -1, 0),
        (("chapters",), [], 6),
        (("joints", 0, "at"), 10**400, 6),
        (("timeline", 0, "frames"), -1, 6),
        (("files", 0, "size"), 10**400, 6),
        (("schema",), "chainer.episode/99", 6),
    ],
)
def test_a_manifest_of_nonsense_is_borne_or_refused(
    place: tuple[str | int, ...],
    value: object,
    status: int,
    out: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = json.loads((out / "episode.json").read_text())
    part = told
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    (out / "episode.json").write_text(json.dumps(told))
    found, _, err = run(capsys, "report", out, "--store", tmp_path / "none")
    refused = "is damaged" in err
    assert (found, refused) == (status, status == 6 and value != [])
    assert (out / "report.html").exists() != refused


@pytest.mark.parametrize(
    "name",
    ["episode.mp4", "episode.json", "making.json", "continuity.json", "credits.json", "poster.jpg"],
)
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(
    out: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (out / name).unlink()
    os.mkfifo(out / name)
    assert run(capsys, "report", out)[0] == 6
    assert run(capsys, "verify", out)[0] == (0 if name == "making.json" else 6)


def test_a_folder_without_a_manifest_has_no_report(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "episode.json").unlink()
    status, _, err = run(capsys, "report", out)
    assert status == 6
    assert "episode.json" in err
    assert not (out / "report.html").exists()


def test_where_consent_was_taken_back_no_picture_is_shown(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = chainer.episode.manifest.read_manifest(out)
    mark = {"episode": manifest.id, "state": "suspended"}
    (out / "suspended.json").write_text(json.dumps(mark))
    status, _, err = run(capsys, "report", out, "--store", tmp_path / "none")
    assert status == 4
    assert "suspended" in err
    page = read(out)
    assert page.all("img") == []
    assert page.all("image") == []
    assert "data:image" not in (out / "report.html").read_text()
    assert "Do not show this episode." in page.words


# -- making.json ---------------------------------------------------------------


def test_the_folder_says_how_it_came_about(home: Path, tmp_path: Path) -> None:
    told = read_making(home / "out")
    assert told is not None
    assert all(step.ran and step.why == "new" for step in told.steps)
    assert told.cpu_seconds > 0
    assert {one.id for one in told.atoms} == {"c0", "c1", "c2", "r1"}
    assert ("c1", "r1", "remix") in {(e.source, e.target, e.kind) for e in told.edges}
    again = hostile_episode(home, tmp_path / "again")
    told = read_making(again.path)
    assert told is not None
    assert {step.why for step in told.steps} == {"cached"}
    assert not any(step.ran for step in told.steps)
    assert told.cpu_seconds == 0
    assert str(home) not in (again.path / MAKING_NAME).read_text()


def test_of_a_closed_atom_nothing_but_its_id_is_told(home: Path) -> None:
    from dataclasses import replace

    from chainer.consent.answer import ClosedRoad

    graph = chainer.load_graph(hostile_graph(home))
    plan = chainer.plan_episode(graph, "c0", settings=settings(home / "store"))
    secret = "shows p-hidden, who allows no episode"
    plan = replace(plan, closed=(ClosedRoad("r1", "consent", secret),))
    text = making_of(plan, "ep-x", {}).to_json()
    assert "p-hidden" not in text
    assert f"r1 {NASTY}" not in json.loads(text)["atoms"][3].values()
    assert json.loads(text)["closed"] == [
        {"atom": "r1", "by": "consent", "why": "somebody in it does not allow it"}
    ]


def test_the_nearest_atoms_of_a_large_graph_are_told(home: Path) -> None:
    graph = chainer.load_graph(hostile_graph(home))
    assert near_atoms(graph, ("c0",), 2) == ("c0", "c1")
    assert near_atoms(graph, ("c2",), 3) == ("c1", "c2", "r1") or near_atoms(graph, ("c2",), 3) == (
        "c0",
        "c1",
        "c2",
    )
    assert near_atoms(graph, ("c0", "c1", "c2"), 1) == ("c0", "c1", "c2")
    assert set(near_atoms(graph, ("c2",), 99)) == {"c0", "c1", "c2", "r1"}


def test_a_damaged_account_of_the_making_is_named(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / MAKING_NAME).write_text('{"schema": "chainer.making/1"}')
    with pytest.raises(VerifyError):
        read_making(out)
    status, _, err = run(capsys, "report", out, "--store", tmp_path / "none")
    assert status == 6
    assert MAKING_NAME in err
    assert "making.json" in read(out).words
