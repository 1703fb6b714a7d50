"""A graph with two people and a way around them, made quickly for tests of the whole flow."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import chainer
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.say import Whom, grant
from chainer.consent.words import Use
from chainer.permission import open_register
from chainer.settings import Settings
from chainer.store import Store
from chainer.withdrawal import index_path
from tests.film.coded import Coded, small_settings, write_graph

MEI = {"character": "mei"}
BO = Whom(("p-bo",))
FRAMES = 32


@lru_cache(maxsize=1)
def _clips() -> Path:
    import atexit

    folder = Path(mkdtemp(prefix="chainer-flow-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number in range(1, 5):
        Coded(number, FRAMES).write(folder / f"c{number}.mp4")
    return folder


class Flow:
    """c1 is Mei's own, c2 and c3 are Bo's and show her, c4 is Bo's and shows nobody.

    c1 → c2 → c3 → c4, and c1 → c4.
    """

    def __init__(self, folder: Path, *, ledger: str = "consent.jsonl", **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        shutil.copytree(_clips(), folder / "media", dirs_exist_ok=True)
        self.path = write_graph(
            folder,
            [Coded(n, FRAMES) for n in range(1, 5)],
            c1={"author": "p-mei", "cast": [MEI]},
            c2={"author": "p-bo", "cast": [MEI], "tags": ["calm"]},
            c3={"author": "p-bo", "cast": [MEI]},
            c4={"author": "p-bo"},
        )
        self.change(
            lambda told: (
                told["graph"].update(
                    characters={"mei": {"name": "Mei", "person": "p-mei"}}, ledger=ledger
                ),
                told["edges"].append({"source": "c1", "target": "c4", "kind": "continuation"}),
            )
        )
        self.ledger = folder / ledger
        self.register = open_register(self.ledger, create=True)
        grant(self.register.book, "p-ada", BO)  # a ledger that is not empty
        self.settings: Settings = small_settings(folder / "store", **changes)
        self.store = Store(folder / "store")

    def change(self, how: Any) -> None:
        """Change the graph's file as JSON."""
        told = json.loads(self.path.read_text())
        how(told)
        self.path.write_text(json.dumps(told))
        self.graph = chainer.load_graph(self.path)

    def grants(self, *uses: Use, **more: Any) -> None:
        """Mei allows Bo, for drafts and episodes where nothing else is said."""
        whom = more.pop("whom", BO)
        grant(self.register.book, "p-mei", whom, uses=uses or (Use.DRAFT, Use.EPISODE), **more)

    def plan(self, **more: Any) -> chainer.EpisodePlan:
        """From c1, by whatever way is open."""
        settings = more.pop("settings", self.settings)
        return chainer.plan_episode(self.graph, "c1", settings=settings, **more)

    def made(self, name: str = "out", **more: Any) -> chainer.Episode:
        """The episode, planned now."""
        return chainer.render_episode(self.plan(**more), self.folder / name)

    def index(self) -> EpisodeIndex:
        """The store's list."""
        return EpisodeIndex(index_path(self.store))

    def copy(self, folder: Path, name: str) -> Path:
        """A copy of an episode's folder, without any mark in it."""
        target = self.folder / name
        shutil.copytree(folder, target)
        (target / "suspended.json").unlink(missing_ok=True)
        return target


def edit(folder: Path, **changes: Any) -> None:
    """Change an episode's manifest by hand."""
    path = folder / "episode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
