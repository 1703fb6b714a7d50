"""`chainer story` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chainer.graph import Status, load_graph
from chainer.story import load_template
from tests.command.consenting import Home

NAMES = [
    "brand-short",
    "duel-of-opinions",
    "how-to",
    "relay-challenge",
    "reveal",
    "three-episode-mystery",
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, atoms=0)


def test_list_and_show(home: Home) -> None:
    templates = home.done("story", "list", "--json").json["templates"]
    assert [one["name"] for one in templates] == NAMES
    assert all(one["summary"] and one["roles"] and one["atoms"] >= 4 for one in templates)
    told = home.done("story", "list").out
    assert all(name in told for name in NAMES)
    assert "{" not in told
    shown = home.done("story", "show", "reveal").out
    assert "--role A=ID" in shown
    assert "hook    0-2 s" in shown
    assert "{" not in shown
    assert home.done("story", "show", "reveal", "--json").json["schema"] == "chainer.template/1"


def test_from_a_template_to_the_last_clip(home: Home) -> None:
    said = home.done("story", "new", "reveal", "--role", "A=mei", "--role", "B=bo",
                     "--name", "A=Mei Lin", "--person", "A=p-mei", "--word", "thing=the tin",
                     "--title", "Tin", "-o", "my box.json")  # fmt: skip
    assert said.out.splitlines() == [
        "my box.json: Tin, 5 atoms planned, 50.00 s",
        "next: chainer story next 'my box.json'",
    ]
    path = home.folder / "my box.json"
    graph = load_graph(path)
    assert all(atom.status is Status.PLANNED for atom in graph.atoms.values())
    assert graph.info.characters["mei"].name == "Mei Lin"
    assert (graph.info.characters["mei"].person, graph.info.characters["bo"].person) == (
        "p-mei",
        None,
    )
    (home.folder / "media").mkdir()
    order = []
    while True:
        told = home.done("story", "next", "my box.json", "--json").json
        film = [item for item in told["items"] if item["kind"] == "film"]
        if not film:
            break
        (one,) = film
        order.append(one["atom"])
        assert one["author"] == graph.atom(one["atom"]).author
        assert "Shot: " in one["prompt"]
        (home.folder / one["media"]).write_bytes(b"x")
        there = home.done("story", "next", "my box.json").out
        command = f"`chainer edit 'my box.json' {one['atom']} --status published`"
        assert f"{one['media']} is there: set the status of {one['atom']} to published" in there
        assert command in there
        home.done("edit", "my box.json", one["atom"], "--status", "published")
    assert order == ["a1", "a2", "a3", "a4", "a5"]
    assert told["done"] is True
    assert "nothing to do" in home.done("story", "next", "my box.json").out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("everybody", [False, True], ids=["least", "all"])
def test_every_template_can_be_checked_planned_and_asked(
    home: Home, name: str, everybody: bool
) -> None:
    template = load_template(name)
    roles = template.roles
    cast = [role for role, one in roles.items() if everybody or one.default is None]
    words = [word for role in cast for word in ("--role", f"{role}={role.lower()}x")]
    # One author, so that nobody films somebody else, which asks for consent.
    words += [word for role in roles for word in ("--author", f"{role}=p-me")]
    real = [role for role, one in roles.items() if one.person]
    words += [word for role in real for word in ("--person", f"{role}=p-me")]
    home.done("story", "new", name, *words, "-o", "g.json")
    assert home.run("check", "g.json").status == 0
    graph = load_graph(home.folder / "g.json")
    (start,) = graph.roots()
    plan = home.done("plan", "g.json", "--start", start, "--sketches", "--draft", "--json").json
    assert plan["chain"] == plan["sketches"]
    assert plan["closed"] == []
    assert not graph.edges_out(plan["chain"][-1])
    assert {one["content"] for one in plan["timeline"]} == {"card", "sketch"}
    (home.folder / "media").mkdir()
    for number, atom in enumerate(graph.atoms):
        needs = home.done("story", "next", "g.json", "--json").json
        kinds = {one["kind"] for one in needs["items"]}
        assert (needs["done"], needs["filmed"]) == (False, number)
        assert "film" in kinds <= {"film", "later"}
        (home.folder / graph.atom(atom).media).write_bytes(b"x")
        home.done("edit", "g.json", atom, "--status", "published")
    needs = home.done("story", "next", "g.json", "--json").json
    assert (needs["done"], needs["filmed"]) == (True, len(graph.atoms))


def test_a_file_that_is_there_is_not_replaced(home: Home) -> None:
    words = ["story", "new", "how-to", "--role", "A=mei"]
    home.done(*words)
    path = home.folder / "how-to.json"
    before = path.read_bytes()
    path.write_bytes(b"mine")
    said = home.run(*words)
    assert (said.status, "--force" in said.err) == (2, True)
    assert path.read_bytes() == b"mine"
    assert home.done(*words, "--force", "--json").json["graph"] == "how-to.json"
    assert path.read_bytes() == before
    assert [one.name for one in home.folder.iterdir() if one.name.startswith(".")] == []
    assert home.run(*words, "-o", "none/x.json").status == 2
    assert "is a folder" in home.run(*words, "-o", ".").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["reveel"], 'did you mean "reveal"'),
        (["none.json"], "no such file"),
        (["reveal", "--role", "A=mei"], "say who plays B with --role B=ID"),
        (["reveal", "--role", "A=mei", "--role", "B=bo", "--role", "C=x"], "the roles are A, B"),
        (["reveal", "--role", "A=mei", "--role", "A=bo"], "A is given twice"),
        (["reveal", "--role", "A=mei", "--role", "B=mei"], "that is role A already"),
        (["reveal", "--role", "A=hall", "--role", "B=bo"], "that is the place hall already"),
        (["reveal", "--role", "A=me i", "--role", "B=bo"], "no id"),
        (["reveal", "--role", "A", "--role", "B=bo"], "NAME=VALUE"),
        (["reveal", "--role", "A=a", "--role", "B=b", "--author", "D=x"], "no such role"),
        (["reveal", "--role", "A=a", "--role", "B=b", "--word", "thin=x"], '"thing"'),
        (["reveal", "--role", "A=a", "--role", "B=b", "--name", "A=\x07"], "control"),
    ],
)
def test_what_is_refused(home: Home, words: list[str], told: str) -> None:
    said = home.run("story", "new", *words)
    assert (said.status, said.out) == (2, "")
    assert told in said.err
    assert not list(home.folder.glob("*.json"))


def test_next_of_any_graph(home: Home) -> None:
    home.write({"schema": "chainer.graph/1"}, [], [])
    told = home.done("story", "next", "graph.json", "--json").json
    assert [item["kind"] for item in told["items"]] == ["begin"]
    sample = Path(__file__).parents[2] / "graphs" / "harbor.json"
    assert home.done("story", "next", sample, "--start", "a9", "--json").json["done"] is True
    assert home.run("story", "next", sample, "--start", "a99").status == 2
    told = json.loads(home.done("story", "next", sample, "--json").out)
    assert (told["atoms"], told["filmed"]) == (16, 16)
