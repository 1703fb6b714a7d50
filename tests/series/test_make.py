"""Whole series of tiny clips: what is built, what is left alone, what goes again."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.cli import run
from chainer.consent.say import grant
from chainer.errors import Cancelled, InputError, OutputError
from chainer.graph import load_graph
from chainer.series.make import make_series
from chainer.series.values import read_series
from chainer.withdrawal import withdraw
from tests.consent.flow import BO, Flow
from tests.series.told import built, settings, snapshot, states, value_of, write

STORY = "a>b b>c c>d b~r r>s"
EPISODES = [("e1", "a"), ("e2", "c")]


def first(**more: Any) -> dict[str, Any]:
    return value_of(STORY, EPISODES, **more)


def test_a_series_is_built_whole(tmp_path: Path) -> None:
    made = built(tmp_path, first(nodes={"a": {"created": "2026-10-01T08:00:00Z"}}))
    assert states(made) == {"e1": "made", "e2": "made", "road-r": "made"}
    assert made.exit_status == 0
    out = tmp_path / "out"
    assert read_series(out) == made.file
    names = {"index.html", "feed.xml", "atom.xml", "series.json", "e1", "e2", "road-r"}
    assert {path.name for path in out.iterdir()} == names | {".batch.lock"}
    for name in ("e1", "e2", "road-r"):
        verdict = chainer.verify_episode(out / name)
        assert verdict.whole, verdict
    one, two = made.file.episodes
    assert (one.previous, one.next, two.previous, two.next) == (None, "e2", "e1", None)
    assert one.chain == ("a", "b")
    assert one.published == "2026-10-01T08:00:00Z"
    assert one.forks[0].after == "b"
    assert one.forks[0].at == one.parts[-1].end == one.seconds
    assert [way.to for way in one.forks[0].ways] == ["road-r"]
    (branch,) = made.file.branches
    assert (branch.chain, branch.kind, branch.leaves) == (("r", "s"), "relay", "e1")
    assert (out / "road-r" / "poster.jpg").is_file()


def test_a_second_run_touches_nothing(tmp_path: Path) -> None:
    built(tmp_path, first())
    before = snapshot(tmp_path / "out")
    made = built(tmp_path, first())
    assert set(states(made).values()) == {"stands"}
    assert made.written == ()
    assert snapshot(tmp_path / "out") == before


def test_reports_are_written_once_and_linked(tmp_path: Path) -> None:
    asked = settings(tmp_path, report={"write": True})
    made = built(tmp_path, first(), settings=asked)
    out = tmp_path / "out"
    page = (out / "index.html").read_text(encoding="utf-8")
    for name in ("e1", "e2", "road-r"):
        assert (out / name / "report.html").is_file()
        assert f'href="./{name}/report.html"' in page
    before = snapshot(out)
    made = built(tmp_path, first(), settings=asked)
    assert set(states(made).values()) == {"stands"}
    assert snapshot(out) == before
    (out / "e2" / "report.html").unlink()
    made = built(tmp_path, first(), settings=asked)
    assert states(made) == {"e1": "stands", "e2": "made", "road-r": "stands"}


def test_two_series_of_one_store_are_the_same_bytes(tmp_path: Path) -> None:
    told = {name: {"created": "2026-10-01T08:00:00Z"} for name in "abcdrs"}
    built(tmp_path, first(nodes=told))
    built(tmp_path, first(nodes=told), out="again")
    one, two = (
        {name: data for name, (data, _) in snapshot(tmp_path / folder).items()}
        for folder in ("out", "again")
    )
    for name in [name for name in one if name.endswith("/making.json")]:
        del one[name], two[name]  # tells when it was made, and what was in the store by then
    assert one == two


def test_a_story_that_goes_on_gains_an_episode_and_changes_none(tmp_path: Path) -> None:
    built(tmp_path, first())
    out = tmp_path / "out"
    before = snapshot(out)
    made = built(tmp_path, value_of(STORY + " d>f f>g s>t b~q", EPISODES))
    told = {"e1": "stands", "e2": "stands", "e2-2": "made", "road-r": "stands"}
    assert states(made) == {**told, "road-q": "made", "road-t": "made"}
    after = snapshot(out)
    films = {name: told for name, told in before.items() if "/" in name}
    assert films == {name: after[name] for name in films}
    rows = {one.id: one for one in made.file.roads}
    assert rows["e2-2"].chain == ("f", "g")
    assert made.file.episodes[-1].continues == "e2"
    assert made.file.episodes[1].next == "e2-2"
    branch = next(one for one in made.file.branches if one.id == "road-r")
    assert branch.then is not None
    assert branch.then.to == "road-t"
    # and all of it stands from now on
    again = built(tmp_path, value_of(STORY + " d>f f>g s>t b~q", EPISODES))
    assert set(states(again).values()) == {"stands"}
    assert snapshot(out) == after


def test_the_graphs_own_next_episode_is_added_too(tmp_path: Path) -> None:
    built(tmp_path, value_of("a>b", [("e1", "a")]))
    before = snapshot(tmp_path / "out" / "e1")
    made = built(tmp_path, value_of("a>b b>c", [("e1", "a"), ("e2", "c")]))
    assert states(made) == {"e1": "stands", "e2": "made"}
    assert snapshot(tmp_path / "out" / "e1") == before


def test_dates_stay_where_no_atom_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = built(tmp_path, value_of("a>b", [("e1", "a")])).file.episodes[0]
    from chainer.series import make

    class Later(make.datetime):  # type: ignore[name-defined, misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz).replace(year=2099)

    monkeypatch.setattr(make, "datetime", Later)
    two = built(tmp_path, value_of("a>b", [("e1", "a")])).file.episodes[0]
    assert (two.published, two.updated) == (one.published, one.updated)
    # another film under the same name is an update, not another entry
    title = {"series": [{"id": "s", "title": "S", "episodes": [_episode("e1", "a", "New")]}]}
    three = built(tmp_path, value_of("a>b", [], **title)).file.episodes[0]
    assert (three.published, three.guid) == (one.published, one.guid)
    assert three.film != one.film
    assert three.updated.startswith("2099")


def test_a_damaged_film_is_made_again_and_no_other(tmp_path: Path) -> None:
    built(tmp_path, first())
    out = tmp_path / "out"
    film = out / "e2" / "episode.mp4"
    data = bytearray(film.read_bytes())
    data[-100] ^= 1
    film.write_bytes(data)
    (out / "road-r" / "poster.jpg").unlink()
    made = built(tmp_path, first())
    assert states(made) == {"e1": "stands", "e2": "made", "road-r": "made"}
    assert chainer.verify_episode(out / "e2").whole


def test_a_film_that_is_asked_for_with_more_is_made_again(tmp_path: Path) -> None:
    value = value_of("a>b", [("e1", "a")])
    built(tmp_path, value)
    want = settings(tmp_path, otio={"write": True})
    assert states(built(tmp_path, value, settings=want)) == {"e1": "made"}
    assert states(built(tmp_path, value, settings=want)) == {"e1": "stands"}
    assert states(built(tmp_path, value)) == {"e1": "stands"}


def test_playlists_that_lost_a_segment_are_healed(tmp_path: Path) -> None:
    value = value_of("a>b", [("e1", "a")])
    want = settings(tmp_path, hls={"write": True})
    made = built(tmp_path, value, settings=want)
    assert made.file.episodes[0].hls == "hls/index.m3u8"
    assert states(built(tmp_path, value, settings=want)) == {"e1": "stands"}
    folder = tmp_path / "out" / "e1"
    segment = min((folder / "hls" / "segments").glob("*.m4s"))
    segment.unlink()
    assert states(built(tmp_path, value)) == {"e1": "stands"}, "nobody asked for playlists"
    assert states(built(tmp_path, value, settings=want)) == {"e1": "made"}
    assert segment.is_file()
    shared = settings(tmp_path, hls={"write": True, "timeline": "shared"})
    assert states(built(tmp_path, value, settings=shared)) == {"e1": "made"}
    base = settings(
        tmp_path,
        hls={"write": True, "timeline": "shared", "base": "https://cdn.example/s/"},
    )
    assert states(built(tmp_path, value, settings=base)) == {"e1": "made"}
    assert states(built(tmp_path, value, settings=base)) == {"e1": "stands"}


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    (out / "mine" / "notes.txt").write_text("mine")
    (out / "logo.png").write_bytes(b"mine")
    built(tmp_path, value_of("a>b", [("e1", "a")]))
    assert (out / "mine" / "notes.txt").read_text() == "mine"
    assert (out / "logo.png").read_bytes() == b"mine"


def test_a_page_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("mine")
    with pytest.raises(OutputError):
        built(tmp_path, value_of("a>b", [("e1", "a")]))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]


def test_one_film_that_fails_harms_no_other(tmp_path: Path) -> None:
    value = first()
    write(tmp_path, value)
    (tmp_path / "media" / "c.mp4").write_bytes(b"no film")
    (tmp_path / "media" / "s.mp4").unlink()
    made = make_series(load_graph(tmp_path / "graph.json"), "s", tmp_path / "out",
                       settings=settings(tmp_path))  # fmt: skip
    assert states(made) == {"e1": "made", "e2": "failed", "road-r": "failed"}
    assert made.exit_status == 7
    assert [one.id for one in made.file.roads] == ["e1"]
    assert made.file.episodes[0].forks == ()
    assert "road-r" not in (tmp_path / "out" / "index.html").read_text()


def test_what_was_published_stays_where_nothing_newer_can_be_made(tmp_path: Path) -> None:
    built(tmp_path, first())
    (tmp_path / "media" / "c.mp4").write_bytes(b"no film")
    out = tmp_path / "out"
    before = snapshot(out)
    made = make_series(load_graph(tmp_path / "graph.json"), "s", out, settings=settings(tmp_path))
    assert states(made) == {"e1": "stands", "e2": "failed", "road-r": "stands"}
    assert made.exit_status == 7
    assert snapshot(out) == before


def test_an_episode_that_may_not_be_shown_goes_from_page_and_feeds(tmp_path: Path) -> None:
    built(tmp_path, first(nodes={"c": {"title": "SECRET"}}))
    value = first(nodes={"c": {"title": "SECRET", "status": "withdrawn"},
                         "r": {"title": "HIDDEN", "status": "withdrawn"}})  # fmt: skip
    made = built(tmp_path, value)
    assert states(made) == {"e1": "stands", "e2": "refused"}
    assert made.exit_status == 4
    assert set(made.withdrawn) == set(made.file.withdrawn) == {"e2", "road-r"}
    out = tmp_path / "out"
    for name in ("index.html", "feed.xml", "atom.xml"):
        text = (out / name).read_text()
        for word in ("e2/", "road-r", "SECRET", "HIDDEN", "Title of e2"):
            assert word not in text, (name, word)
    assert "2 films are not available any more" in (out / "index.html").read_text()
    assert any("e2 may not be shown any more" in note for note in made.notes)
    assert (out / "e2" / "episode.mp4").is_file()  # for its owner to remove
    # once it may be shown again it is back, under its old name
    back = built(tmp_path, first(nodes={"c": {"title": "SECRET"}}))
    assert back.file.withdrawn == ()
    assert set(states(back).values()) == {"stands"}


def test_withdrawal_comes_before_any_making(tmp_path: Path) -> None:
    built(tmp_path, first())
    stop = threading.Event()
    value = value_of(STORY + " d>z", EPISODES, nodes={"r": {"status": "withdrawn"}})
    with pytest.raises(Cancelled):
        built(tmp_path, value, on_film=lambda *_: stop.set(), cancel=stop)
    assert "road-r" not in (tmp_path / "out" / "index.html").read_text()
    left = read_series(tmp_path / "out")
    assert left is not None
    assert left.withdrawn == ("road-r",)
    assert [one.id for one in left.roads] == ["e1", "e2"]


def test_consent_that_is_taken_back_closes_roads_and_episodes(tmp_path: Path) -> None:
    flow = Flow(tmp_path / "flow")
    flow.grants()

    def told(graph: dict[str, Any]) -> None:
        graph["graph"]["series"] = [
            {"id": "s", "title": "S", "episodes": [_episode("e1", "c4"), _episode("e2", "n")]}
        ]
        graph["nodes"] += [
            {"id": "n", "media": "media/c3.mp4", "author": "p-bo", "cast": [{"character": "mei"}]}
        ]
        graph["edges"] = [{"source": "c4", "target": "c2", "kind": "remix"}]

    flow.change(told)
    out = tmp_path / "out"
    made = make_series(flow.graph, "s", out, settings=flow.settings)
    assert states(made) == {"e1": "made", "e2": "made", "road-c2": "made"}
    withdraw(flow.register, flow.store, "p-mei")
    made = make_series(flow.graph, "s", out, settings=flow.settings)
    assert states(made) == {"e1": "stands", "e2": "refused"}
    assert made.exit_status == 4
    assert set(made.file.withdrawn) == {"e2", "road-c2"}
    page = (out / "index.html").read_text()
    assert "road-c2" not in page
    assert "e2/" not in page
    grant(flow.register.book, "p-mei", BO)
    made = make_series(flow.graph, "s", out, settings=flow.settings)
    assert states(made)["e2"] == "made", "a copy that says it was called back is made again"
    assert made.file.withdrawn == ()


def test_a_road_that_an_audience_may_not_see_is_not_offered(tmp_path: Path) -> None:
    nodes = {name: {"rating": "all"} for name in "abcds"}
    value = first(nodes={**nodes, "r": {"rating": "mature"}})
    made = built(tmp_path, value, settings=settings(tmp_path, audience="all"))
    assert states(made) == {"e1": "made", "e2": "made"}
    assert made.exit_status == 0
    assert made.file.episodes[0].forks == ()


def test_an_episode_declared_ahead_waits(tmp_path: Path) -> None:
    value = value_of("a>b b>c", [("e1", "a"), ("e2", "c")], nodes={"c": {"status": "planned"}})
    made = built(tmp_path, value)
    assert states(made) == {"e1": "made", "e2": "waiting"}
    assert made.exit_status == 0
    assert any("e2 is not built yet" in note for note in made.notes)
    made = built(tmp_path, value_of("a>b b>c", [("e1", "a"), ("e2", "c")]))
    assert states(made) == {"e1": "stands", "e2": "made"}


def test_a_stop_keeps_what_is_finished(tmp_path: Path) -> None:
    stop = threading.Event()

    def film(number: int, _total: int, _name: str) -> None:
        if number == 2:
            stop.set()

    with pytest.raises(Cancelled):
        built(tmp_path, first(), on_film=film, cancel=stop)
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [".batch.lock", "e1"]
    before = snapshot(out)
    made = built(tmp_path, first())
    assert states(made) == {"e1": "stands", "e2": "made", "road-r": "made"}
    assert snapshot(out / "e1") == {name.removeprefix("e1/"): told for name, told in before.items()}


def test_branches_can_be_left_out(tmp_path: Path) -> None:
    made = built(tmp_path, first(), branches=False)
    assert states(made) == {"e1": "made", "e2": "made"}
    assert made.file.episodes[0].forks == ()
    made = built(tmp_path, first(), out="none", max_branches=0)
    assert any("1 more roads" in note for note in made.notes)


def test_names_that_are_files_of_ours_get_folders_of_their_own(tmp_path: Path) -> None:
    made = built(tmp_path, value_of("a>b c>d", [("index.html", "a"), ("series.json", "c")]))
    assert set(states(made).values()) == {"made"}
    assert [one.folder for one in made.file.episodes] == ["index.html-film", "series.json-film"]
    assert (tmp_path / "out" / "index.html").is_file()
    again = built(tmp_path, value_of("a>b c>d", [("index.html", "a"), ("series.json", "c")]))
    assert set(states(again).values()) == {"stands"}


def test_the_address_is_remembered_and_forgotten(tmp_path: Path) -> None:
    value = value_of("a>b", [("e1", "a")])
    built(tmp_path, value, base_url="https://example.org/s")
    assert built(tmp_path, value).file.base_url == "https://example.org/s/"
    assert "https://example.org/s/e1/" in (tmp_path / "out" / "feed.xml").read_text()
    assert built(tmp_path, value, base_url="").file.base_url is None


def test_a_damaged_memory_is_refused_before_anything(tmp_path: Path) -> None:
    built(tmp_path, value_of("a>b", [("e1", "a")]))
    (tmp_path / "out" / "series.json").write_text("{}")
    before = snapshot(tmp_path / "out")
    with pytest.raises(InputError, match="damaged"):
        built(tmp_path, value_of("a>b", [("e1", "a")]))
    assert snapshot(tmp_path / "out") == before


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = value_of("a>b", [("e1", "a"), ("e2", "z")], nodes={"z": {"status": "withdrawn"}})
    path = write(tmp_path, value)
    told = settings(tmp_path)
    toml = tmp_path / "own.toml"
    toml.write_text(
        "[profile]\nname='small'\nwidth=180\nheight=320\npreset='ultrafast'\nlevel='3.1'\n"
        "[card]\ntitle=false\n[memory]\nenabled=false\n[signing]\nmode='off'\n"
        "[watermark]\nenabled=false\n"
    )
    common = ["-o", str(tmp_path / "out"), "--settings", str(toml)]
    common += ["--store", str(told.store.path), "--json"]
    assert run(["series", str(path), "s", *common]) == 4
    said = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["state"]) for one in said["films"]] == [
        ("e1", "made"),
        ("e2", "refused"),
    ]
    assert said["series"]["schema"] == "chainer.series/1"
    assert Fraction(said["series"]["episodes"][0]["seconds"]) > 0
    assert run(["series", str(path), "nope", *common]) == 2
    assert "no series" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert run(["series", str(path), "s", *common[:-1], "--base-url", "x"]) == 2
    assert run(["series", str(path), "s", *common[:-1]]) == 4
    said_text = capsys.readouterr().out
    assert "stands" in said_text
    assert "index.html: 1 episode, 0 branches" in said_text


def _episode(name: str, start: str, title: str = "T") -> dict[str, str]:
    return {"id": name, "title": title, "start": start}
