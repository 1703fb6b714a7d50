"""Building a series: what to build, each film, then the page and the feeds over all of them.

    graph → main story → roads off it → each film, once → series.json, feeds, page

A film that stands already as it would be delivered now is not touched, nor is one harmed by another
that fails. The page and the feeds come last, so they never speak of what is not there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from chainer.batch.expand import stops_all
from chainer.batch.hold import hold
from chainer.compose import OnProgress, Planner, render_episode
from chainer.continuity import OnLook
from chainer.episode.manifest import Manifest
from chainer.episode.plan import EpisodePlan
from chainer.errors import Cancelled, ChainerError
from chainer.graph import Graph, Series, Status
from chainer.graph.sources.address import name_of
from chainer.permission import Register, register_of
from chainer.provenance.signer import FilmSigner
from chainer.series.addresses import base_url_of
from chainer.series.episodes import main_story, series_of
from chainer.series.feeds import atom, rss
from chainer.series.forks import Branching, branching
from chainer.series.page import page
from chainer.series.place import (
    ATOM_NAME,
    PAGE_NAME,
    RSS_NAME,
    check_folder,
    folders_of,
    write_files,
)
from chainer.series.rows import branch_rows, episode_rows, told_by
from chainer.series.standing import standing
from chainer.series.values import (
    SERIES_NAME,
    BranchRow,
    EpisodeRow,
    Road,
    SeriesFile,
    read_series,
)
from chainer.series.wanted import Kept, Wanted, is_refusal
from chainer.settings import Settings

MAX_BRANCHES = 24
"""How many roads off the story are built where nobody says."""

SOME_FAILED = 7
REFUSED = 4

State = Literal["made", "stands", "failed", "refused", "waiting"]

OnFilm = Callable[[int, int, str], None]
"""Called with the number of the film whose turn it is, of how many, and its id."""


@dataclass(frozen=True, slots=True)
class FilmDone:
    """What became of one film: `stands` where nothing had to be done.

    `error` says why there is none, or none that is newer; `waiting` is an episode whose first atom
    is only planned.
    """

    id: str
    what: Literal["episode", "branch"]
    state: State
    steps_run: int = 0
    error: ChainerError | None = None

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        told = {"id": self.id, "what": self.what, "state": self.state, "steps_run": self.steps_run}
        return told if self.error is None else {**told, "error": self.error.as_json()}


@dataclass(frozen=True, slots=True)
class SeriesMade:
    """A series as it stands now.

    `written` are the files beside the films that are new, `withdrawn` what was shown until now and
    may not be any more.
    """

    folder: Path
    file: SeriesFile
    films: tuple[FilmDone, ...]
    written: tuple[str, ...]
    notes: tuple[str, ...]
    withdrawn: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0; 4 where films may not be shown; 7 where some failed otherwise."""
        states = {one.state for one in self.films}
        if "failed" in states:
            return SOME_FAILED
        return REFUSED if "refused" in states or self.withdrawn else 0

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "path": str(self.folder),
            "series": self.file.model_dump(mode="json", by_alias=True),
            "films": [one.as_json() for one in self.films],
            "written": list(self.written),
            "withdrawn": list(self.withdrawn),
            "notes": list(self.notes),
        }


def make_series(
    graph: Graph,
    name: str,
    out: str | Path,
    *,
    settings: Settings | None = None,
    branches: bool = True,
    max_branches: int = MAX_BRANCHES,
    base_url: str | None = None,
    register: Register | None = None,
    signer: FilmSigner | None = None,
    on_film: OnFilm | None = None,
    on_look: OnLook | None = None,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> SeriesMade:
    """Build the series `name` of `graph` in the folder `out`: all episodes, and the roads off them.

    Run again, it adds what is new and leaves alone what stands. `base_url` is where the folder will
    be served, None what was said the last time; `max_branches` counts new branches alone.
    `register` and `signer` as those of `render_episode`. Raises `InputError` for an unknown series,
    a damaged `series.json` and a folder that another run holds, `OutputError` for one that cannot
    be written, `Cancelled`, and a `StoreError` that would meet every film; whatever else is wrong
    with a film is told in what is returned.
    """
    folder = Path(out).absolute()
    series, base = series_of(graph, name), base_url_of(base_url)
    check_folder(folder, published=read_series(folder) is not None)
    with hold(folder, f"chainer series {graph.source} {name}"):
        before = read_series(folder)
        maker = _Maker(graph, series, folder, before, settings or Settings(), register, signer)
        maker.base = base or (None if before is None or base_url == "" else before.base_url)
        maker.on_film, maker.on_look, maker.on_progress = on_film, on_look, on_progress
        maker.cancel = cancel
        return maker.go(max_branches if branches else None)


@dataclass
class _Maker:
    """One run of `make_series`."""

    graph: Graph
    series: Series
    folder: Path
    before: SeriesFile | None
    settings: Settings
    register: Register | None
    signer: FilmSigner | None
    base: str | None = None
    on_film: OnFilm | None = None
    on_look: OnLook | None = None
    on_progress: OnProgress | None = None
    cancel: threading.Event | None = None
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[FilmDone] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.planner = Planner(
            self.graph, settings=self.settings, register=self.register, cancel=self.cancel
        )
        self.rows: dict[str, Road] = {}
        if self.before is not None:
            self.rows = {one.id: one for one in self.before.roads}
        self.now = datetime.now(UTC)

    def go(self, max_branches: int | None) -> SeriesMade:
        main = main_story(self.graph, self.series, self._kept_episodes(), self.planner.chains)
        roads = Branching((), {}, {}, 0)
        if max_branches is not None:
            roads = branching(
                self.graph,
                main,
                self._kept_branches(),
                self.planner.chains,
                self._plays,
                max_branches,
            )
        if roads.left_out:
            self.notes.append(
                f"{roads.left_out} more roads lead off the story than --max-branches = "
                f"{max_branches} allows; they are not offered"
            )
        wanted = (*main, *roads.branches)
        self._withdraw_first(wanted)
        known = {name: row.folder for name, row in self.rows.items()}
        places = folders_of((one.id for one in wanted), known)
        for number, one in enumerate(wanted, 1):
            if self.cancel is not None and self.cancel.is_set():
                raise Cancelled("cancelled: what is finished is kept")
            if self.on_film is not None:
                self.on_film(number, len(wanted), one.id)
            self._film(one, places[one.id])
        file = self._file(
            episode_rows(main, self.told, roads.links),
            branch_rows(roads.branches, self.told, roads.links, roads.then),
        )
        self._say_gone(file)
        written = self._publish(file)
        return SeriesMade(
            folder=self.folder,
            file=file,
            films=tuple(self.done),
            written=tuple(written),
            notes=tuple(dict.fromkeys(self.notes)),
            withdrawn=tuple(name for name in file.withdrawn if name in self.rows),
        )

    # -- what was published ----------------------------------------------------

    def _kept_episodes(self) -> list[Kept]:
        return [
            Kept(row.id, row.title, row.chain, row.continues)
            for row in self.rows.values()
            if isinstance(row, EpisodeRow)
        ]

    def _kept_branches(self) -> list[Kept]:
        return [
            Kept(row.id, row.title, row.chain)
            for row in self.rows.values()
            if isinstance(row, BranchRow)
        ]

    def _plays(self, name: str) -> bool:
        """Whether an atom may be played: nobody and nothing forbids it, and it is there."""
        status = self.graph.atom(name).status
        planned = self.settings.sketches and status is Status.PLANNED
        return (status.playable or planned) and name not in self.planner.permission.closed

    def _withdraw_first(self, wanted: tuple[Wanted, ...]) -> None:
        """Take what may not be shown any more off the page and the feeds before anything is made.

        Making may take long, or be stopped.
        """
        if self.before is None:
            return
        now = {one.id: one for one in wanted}
        gone = frozenset(
            name
            for name, row in self.rows.items()
            if not all(atom in self.graph.atoms and self._plays(atom) for atom in row.chain)
        )
        if gone:
            lost = [name for name in self.rows if name in gone and not now.get(name)]
            lost += [name for name in gone if (one := now.get(name)) and one.chain is None]
            names = tuple(dict.fromkeys((*self.before.withdrawn, *sorted(lost))))
            shown = self.before.without(gone)
            self._publish(shown.model_copy(update={"withdrawn": names}))

    def _withdrawn(self, standing_now: frozenset[str]) -> tuple[str, ...]:
        """The ids of what was published and may not be shown any more."""
        refused = {one.id for one in self.done if one.state == "refused"}
        before = () if self.before is None else self.before.withdrawn
        lost = [
            name
            for name, row in self.rows.items()
            if name not in standing_now
            and (
                name in refused
                or not all(atom in self.graph.atoms and self._plays(atom) for atom in row.chain)
            )
        ]
        return tuple(one for one in dict.fromkeys((*before, *lost)) if one not in standing_now)

    def _say_gone(self, file: SeriesFile) -> None:
        """Say what is on the page no longer. Its folder stays: it may be somebody's only copy."""
        there = {one.id for one in file.roads}
        for name, row in self.rows.items():
            if name in there:
                continue
            why = "may not be shown any more" if name in file.withdrawn else "is no film of its own"
            self.notes.append(
                f"{name} {why}: it is gone from the page and the feeds; its folder "
                f"{self.folder / row.folder} is left to you to remove"
            )

    # -- films -------------------------------------------------------------------

    def _film(self, one: Wanted, folder: str) -> None:
        what: Literal["episode", "branch"] = "episode" if one.leaves is None else "branch"
        try:
            if one.chain is None:
                assert one.fault is not None, "a film without a chain has a fault"
                raise one.fault
            manifest, ran = self._made(one, self.folder / folder)
        except ChainerError as error:
            if stops_all(error):
                raise
            state: State = "refused" if is_refusal(error) else "failed"
            if self._waits(one):
                state = "waiting"
                self.notes.append(f"{one.id} is not built yet: its first atom is only planned")
            if state == "failed":
                self._stay(one)
            self.done.append(
                FilmDone(one.id, what, state, error=None if state == "waiting" else error)
            )
            return
        self.told[one.id] = told_by(
            one, folder, manifest, self.graph, self.rows.get(one.id), self.now
        )
        self.done.append(FilmDone(one.id, what, "stands" if ran is None else "made", ran or 0))

    def _made(self, one: Wanted, target: Path) -> tuple[Manifest, int | None]:
        """The manifest of the film, and how many steps ran; None where it stood already."""
        assert one.chain is not None
        plan = self.planner.plan(one.chain, on_look=self.on_look)
        register = self.register or register_of(self.graph, self.settings, self.planner.store)
        there = standing(target, plan, register)
        if there is not None:
            return there, None
        self.notes += [f"{one.id}: {note}" for note in plan.notes]
        return self._rendered(plan, target)

    def _rendered(self, plan: EpisodePlan, target: Path) -> tuple[Manifest, int]:
        episode = render_episode(
            plan,
            target,
            signer=self.signer,
            register=self.register,
            on_progress=self.on_progress,
            cancel=self.cancel,
        )
        return episode.manifest, episode.steps_run

    def _waits(self, one: Wanted) -> bool:
        """Whether an episode was declared ahead of its atoms."""
        start = next((ep.start for ep in self.series.episodes if ep.id == one.id), None)
        return (
            start is not None
            and one.chain is None
            and one.id not in self.rows
            and self.graph.atom(start).status is Status.PLANNED
        )

    def _stay(self, one: Wanted) -> None:
        """What was published stays where nothing newer could be made of it."""
        row = self.rows.get(one.id)
        if row is None or not (self.folder / row.folder / row.file.name).is_file():
            return
        if all(atom in self.graph.atoms and self._plays(atom) for atom in row.chain):
            self.told[one.id] = {
                name: getattr(row, name) for name in Road.model_fields if name != "forks"
            }

    # -- the files beside the films ------------------------------------------------

    def _file(
        self, episodes: tuple[EpisodeRow, ...], branches: tuple[BranchRow, ...]
    ) -> SeriesFile:
        return SeriesFile(
            id=self.series.id,
            title=self.series.title,
            description=self.graph.info.description or "",
            language=self.settings.captions.language,
            graph=name_of(self.graph.source),
            base_url=self.base,
            episodes=episodes,
            branches=branches,
            withdrawn=self._withdrawn(frozenset(one.id for one in (*episodes, *branches))),
        )

    def _publish(self, file: SeriesFile) -> list[str]:
        """Write the page and the feeds, and what they were made of.

        The page comes before `series.json`: where this is killed in between, the same command
        writes the same again.
        """
        return write_files(self.folder, dict(texts_of(file, self.folder)))


def texts_of(file: SeriesFile, folder: Path) -> Iterator[tuple[str, str]]:
    """The files beside the films, by name, in the order in which they are to be written."""
    yield RSS_NAME, rss(file)
    yield ATOM_NAME, atom(file)
    yield PAGE_NAME, page(file, folder)
    yield SERIES_NAME, file.to_json()
