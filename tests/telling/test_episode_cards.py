"""Cards in whole films: where they stand, what they cost when a word changes, and odd words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.episode.plan import EpisodePlan
from chainer.render.spec import CardSpec, StepType
from tests.film.coded import Coded, read_codes

from .clips import chapters, graph_of, made, plan

CLIPS = [Coded(1, 60), Coded(2, 60), Coded(3, 60)]
EVIL = "100%: it's [a];b,c='d' \\n $(rm -rf .) `id` <i>&amp;</i> | %{pts} {\\an8}"
STYLE: dict[str, Any] = {"title": True, "credits": True}


def story(folder: Path, title: str = "The rope", text: str = "Three days later") -> chainer.Graph:
    return graph_of(
        folder,
        CLIPS,
        [None, {"kind": "card", "text": text}],
        info=chapters(
            {"title": "Dawn", "at": "c1", "card": "chapter"},
            {"title": title, "at": "c2", "card": "chapter"},
            {"title": "Later", "at": "c3"},
        ),
        c2={"author": "p-b"},
    )


def keys(told: EpisodePlan, kind: StepType) -> Mapping[str, str]:
    return {step.name: step.key for step in told.render.steps if step.type is kind}


def test_a_film_with_every_kind_of_card(tmp_path: Path) -> None:
    told = plan(story(tmp_path), tmp_path, card=STYLE)
    names = ["title", "c1", "chapter-c2", "c2", "story-c3", "c3", "credits"]
    assert [slot.name for slot in told.layout.slots] == names
    _, manifest = made(told, tmp_path / "out")
    assert [slot.name for slot in manifest.timeline] == names
    contents = [slot.content for slot in manifest.timeline]
    assert contents == ["card", "atom", "card", "atom", "card", "atom", "card"]
    at = {slot.name: slot.start for slot in manifest.timeline}
    marks = [(mark.title, int(mark.start * 30)) for mark in manifest.chapters]
    assert marks == [("Dawn", 0), ("The rope", at["chapter-c2"]), ("Later", at["story-c3"])]
    assert [mark.atom for mark in manifest.chapters] == ["c1", "c2", "c3"]
    assert [(one.left, one.right) for one in manifest.joints] == list(pairwise(names))
    assert sum(one.seconds for one in manifest.credits) < manifest.seconds, "cards are nobody's"
    # The roll says what the manifest says.
    roll = told.render.spec_of(told.render.slots[-1])
    assert isinstance(roll, CardSpec)
    assert roll.rows == tuple(
        (one.author, f"{float(one.seconds):.1f} s") for one in manifest.credits
    )
    assert [who for who, _ in roll.rows] == ["p-a", "p-b"]
    (poster,) = (step for step in told.render.steps if step.type is StepType.POSTER)
    assert poster.needs == (told.render.slots[1],)
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert len(codes) == manifest.frames
    seen = [code[0] for code in codes if code is not None and code[0] in (1, 2, 3)]
    assert sorted(seen) == seen
    assert set(seen) == {1, 2, 3}

    # Another title costs that card and what touches it.
    other = plan(story(tmp_path, "The knot"), tmp_path, card=STYLE)
    ran = {(step.type, step.name): step.why.value for step in other.render.to_run}
    assert ran == {
        (StepType.CARD, "chapter-c2"): "text changed",
        (StepType.JOINT, "c1→chapter-c2"): "a neighbour changed",
        (StepType.JOINT, "chapter-c2→c2"): "a neighbour changed",
    }
    # And a title that is no card's costs nothing but the marks.
    data = story(tmp_path)
    assert not plan(data, tmp_path, card=STYLE).render.to_run


def test_a_card_stands_over_a_picture_of_its_own(tmp_path: Path) -> None:
    told = plan(story(tmp_path), tmp_path, card=STYLE)
    by_name = dict(zip([s.name for s in told.layout.slots], told.render.slots, strict=True))
    behind = {
        step.name: step.spec.behind for step in told.render.steps if isinstance(step.spec, CardSpec)
    }
    assert behind == {
        "title": by_name["c1"],
        "chapter-c2": by_name["c2"],
        "story-c3": by_name["c3"],
        "credits": by_name["c3"],
    }


@pytest.mark.parametrize("where", ["chapter", "story", "title", "cue"])
def test_a_letter_that_no_font_has_is_named_before_anything_is_made(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainer.render.letters.machine_fonts", lambda: iter(()))
    word = "A \U000130c0 B"  # a hieroglyph
    info = chapters({"title": word if where == "chapter" else "x", "at": "c2", "card": "chapter"})
    if where == "cue":
        info = chapters({"title": word, "at": "c2", "card": "character"})
    if where == "title":
        info["series"][0]["episodes"][0]["title"] = word
    joints = [None, {"kind": "card", "text": word if where == "story" else "x"}]
    graph = graph_of(tmp_path, CLIPS, joints, info=info)
    with pytest.raises(chainer.InputError) as caught:
        plan(graph, tmp_path, card=STYLE)
    assert (caught.value.exit_status, caught.value.code) == (2, "glyph")
    assert "U+130C0" in str(caught.value)


def test_no_word_is_a_command(tmp_path: Path) -> None:
    """Every text of a film, full of what filters, shells and mark-up would make something of."""
    person = "p-$(touch x);'[in]%"
    said = [{"start": "0", "end": "1.9", "text": EVIL}]
    info = chapters(
        {"title": EVIL, "at": "c2", "card": "character"},
        {"title": f"{EVIL}!", "at": "c3", "card": "chapter"},
    )
    info["series"][0]["episodes"][0]["title"] = EVIL
    graph = graph_of(
        tmp_path,
        CLIPS,
        [None, {"kind": "card", "text": EVIL}],
        info=info | {"characters": {"x": {"name": EVIL, "person": "p-x"}}},
        c2={"dialogue": said, "title": EVIL, "author": "p-x"},
    )
    with pytest.raises(chainer.GraphError):
        graph_of(tmp_path / "b", CLIPS, c1={"author": person})
    before = {path.name for path in Path.cwd().iterdir()}
    told = plan(graph, tmp_path, card=STYLE, captions={"burn": True}, watermark={"enabled": True})
    _, manifest = made(told, tmp_path / "out")
    assert {path.name for path in Path.cwd().iterdir()} == before
    assert manifest.title == EVIL
    assert EVIL in [mark.title for mark in manifest.chapters]
    assert len(read_codes(tmp_path / "out/episode.mp4")) == manifest.frames
    drawn = [step.spec for step in told.render.steps if step.type is StepType.TEXT]
    assert drawn
    vtt = (tmp_path / "out/captions.vtt").read_text()
    assert "&lt;i&gt;" in vtt
    assert "<i>" not in vtt


def test_a_joint_that_asks_for_a_card_without_words_is_an_open_one(tmp_path: Path) -> None:
    told = plan(graph_of(tmp_path, CLIPS, [{"kind": "card"}]), tmp_path)
    assert [slot.name for slot in told.layout.slots] == ["c1", "c2", "c3"]
    assert any("neither the joint has a text" in note for note in told.notes)


@pytest.mark.slow
def test_a_card_with_ten_thousand_letters(tmp_path: Path) -> None:
    told = plan(story(tmp_path, text="many words " * 909 + "."), tmp_path)
    _, manifest = made(told, tmp_path / "out")
    (card,) = (slot for slot in manifest.timeline if slot.name == "story-c3")
    assert card.frames == 300, "the longest that a story card stands"
    assert len(read_codes(tmp_path / "out/episode.mp4")) == manifest.frames


def test_the_card_of_a_joint_comes_before_the_card_of_its_chapter(tmp_path: Path) -> None:
    info = chapters({"title": "Three", "at": "c3", "card": "chapter"})
    graph = graph_of(tmp_path, CLIPS, [None, {"kind": "card", "text": "Later"}], info=info)
    told = plan(graph, tmp_path)
    assert [slot.name for slot in told.layout.slots] == ["c1", "c2", "story-c3", "chapter-c3", "c3"]
    assert told.chapters[-1].frame == told.layout.seen(2)[0]
