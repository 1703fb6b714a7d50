"""From the entries of a job file to jobs: one for every film that was asked for.

    defaults → matrix → settings → graph → every chain, every episode

A graph is loaded once, whatever number of jobs it serves; what goes wrong with one entry becomes a
fault of its job and harms no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from chainer.batch.job import Job
from chainer.batch.job_file import MAX_CHAINS, Entry, JobFile
from chainer.batch.matrix import Variant, named, variants
from chainer.compose import Planner
from chainer.errors import Cancelled, ChainerError, InputError, StoreError, WalkError
from chainer.graph import Chain, Graph, Pick, WalkKind, WalkOptions, distinct, iter_chains, roots
from chainer.permission import Register
from chainer.profile import draft_of
from chainer.render.make import NEED_LOST
from chainer.settings import Settings, load_settings, named_profile

Load = Callable[[str, str | None, WalkOptions | None], Graph]
"""The graph at an address; of one in a database as much as a walk from a start needs."""

MOST_TRIED = 100_000
"""How many chains are looked through for those that are long enough."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A job with the graph that it plays on, or what is wrong with it."""

    job: Job
    graph: Graph | None
    fault: ChainerError | None = None


class Planners:
    """The graphs of a batch, each loaded once, and one planner for each under some settings.

    `register` is the consent ledger to ask instead of the graphs' own. Not for several threads.
    """

    def __init__(
        self,
        load: Load | None = None,
        *,
        register: Register | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._load = load or load_file
        self._register, self._cancel = register, cancel
        self._graphs: dict[tuple[str, str | None, WalkOptions | None], Graph | ChainerError] = {}
        self._planners: dict[tuple[int, int], Planner] = {}

    def graph(self, address: str, start: str | None, options: WalkOptions | None) -> Graph:
        """The graph at `address`; raises what its loading raised, each time it is asked for."""
        # A file is read whole, whoever asks.
        part = (start, options) if is_url(address) else (None, None)
        known = self._graphs.get((address, *part))
        if known is None:
            try:
                known = self._load(address, *part)
            except ChainerError as error:
                if stops_all(error):
                    raise
                known = error
            self._graphs[address, *part] = known
        if isinstance(known, ChainerError):
            raise known
        return known

    def planner(self, graph: Graph, settings: Settings) -> Planner:
        """The planner of a graph under `settings`: the same one for the same two objects."""
        name = (id(graph), id(settings))
        known = self._planners.get(name)
        if known is None:
            known = self._planners[name] = Planner(
                graph, settings=settings, register=self._register, cancel=self._cancel
            )
        return known

    def check(self) -> None:
        """Raise `Cancelled` where the batch was stopped."""
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled("cancelled while the batch was planned: nothing has been made")


def stops_all(error: ChainerError) -> bool:
    """Whether what met one job would meet every other: a stop, a store that is full or gone."""
    return isinstance(error, Cancelled) or (
        isinstance(error, StoreError) and error.code not in ("store-damaged", NEED_LOST)
    )


def load_file(address: str, start: str | None, options: WalkOptions | None) -> Graph:
    """The graph of a file, whole. Raises `GraphError`."""
    from chainer.graph import load_graph

    del start, options
    return load_graph(address)


def is_url(address: str) -> bool:
    """Whether an address is a URL, and not the path of a file."""
    return "://" in address


def expand(
    file: JobFile, *, base: Path, out: Path, settings: Settings, planners: Planners
) -> list[Asked]:
    """Every job of `file`, in its order.

    Paths are relative to `base`, episodes go into folders of `out`. A job's own settings go over
    `settings`; store, workers and FFmpeg are those of `settings` for all. An entry of which nothing
    can be made becomes one job with a fault. Raises `Cancelled`, and a `StoreError` that would meet
    every job.
    """
    desk = _Desk(base.absolute(), out.absolute(), settings, planners)
    found: list[Asked] = []
    for number, written in enumerate(file.jobs):
        for variant in variants(written.over(file.defaults)):
            planners.check()
            try:
                found += desk.jobs(variant, file.place(number))
            except ChainerError as error:
                if stops_all(error):
                    raise
                found.append(desk.faulty(variant, file.place(number), error))
    return found


class _Desk:
    """Makes jobs of entries."""

    def __init__(self, base: Path, out: Path, settings: Settings, planners: Planners) -> None:
        self._base, self._out, self._settings = base, out, settings
        self._planners = planners
        self._known: dict[tuple[object, ...], Settings] = {}
        self._equal: dict[str, Settings] = {}

    def jobs(self, variant: Variant, place: str) -> list[Asked]:
        """The jobs of an entry without a matrix."""
        entry = variant.entry
        if entry.all_series is not None:
            return self._series(variant, place)
        if entry.all_chains is not None:
            return self._chains(variant, place)
        start = entry.begins or ""
        job = self._job(variant, place, self.settings(entry), start, entry.walk())
        graph = self._planners.graph(job.graph, start, job.options)
        if job.options.pick is not Pick.ALL or job.options.path is not None:
            return [Asked(job, graph)]
        planner = self._planners.planner(graph, job.settings)
        options = replace(job.options, limit=MAX_CHAINS + 1)
        chains = planner.chains(start, options)
        if len(chains) > MAX_CHAINS:
            raise _too_many(f"from {start}", MAX_CHAINS)
        return [self._of_chain(job, variant, graph, chain) for chain in chains]

    def faulty(self, variant: Variant, place: str, error: ChainerError) -> Asked:
        """The one job of an entry of which nothing can be made."""
        try:
            options = variant.entry.walk()
        except WalkError:
            options = WalkOptions()
        try:
            settings = self.settings(variant.entry)
        except ChainerError:
            settings = self._settings
        start = variant.entry.begins or ""
        return Asked(self._job(variant, place, settings, start, options), None, error)

    # -- every chain, every episode --------------------------------------------

    def _chains(self, variant: Variant, place: str) -> list[Asked]:
        """A job for each chain, around what must not be played."""
        entry, asked = variant.entry, variant.entry.all_chains
        assert asked is not None
        start = asked.start or entry.start
        options = entry.walk(kind=asked.kind or entry.kind, pick=Pick.ALL)
        job = self._job(variant, place, self.settings(entry), start or "", options)
        graph = self._planners.graph(job.graph, start, options)
        planner = self._planners.planner(graph, job.settings)
        limit = asked.limit or MAX_CHAINS
        wanted = asked.min_atoms or 1
        found = list(islice(self._long(planner, start, options, wanted), limit + 1))
        if len(found) > limit and asked.limit is None:
            raise _too_many(f"from {start}" if start else "in the graph", limit)
        if not found:
            raise WalkError(f"{graph.source}: no chain has {wanted} atoms or more", code="no-chain")
        return [self._of_chain(job, variant, graph, chain) for chain in found[:limit]]

    def _long(
        self, planner: Planner, start: str | None, options: WalkOptions, wanted: int
    ) -> Iterator[Chain]:
        """The chains of `wanted` atoms or more. Raises `InputError` where too few of many are."""
        for tried, chain in enumerate(self._walked(planner, start, options)):
            self._planners.check()
            if tried >= MOST_TRIED:
                raise InputError(
                    f"none but the first {MOST_TRIED} chains are looked through for those of "
                    f"{wanted} atoms; name a start, or an end",
                    code="too-many-chains",
                )
            if len(chain.legs) >= wanted:
                yield chain

    def _walked(self, planner: Planner, start: str | None, options: WalkOptions) -> Iterator[Chain]:
        """Every chain from `start`, or from every root from which one leads."""
        graph, closed = planner.graph, planner.permission.reasons
        starts = (start,) if start is not None else roots(graph, options.kind)
        first: ChainerError | None = None
        any_found = False
        for root in starts:
            try:
                for chain in self._from(planner, root, options):
                    any_found = True
                    yield chain
            except WalkError as error:
                if start is not None:
                    raise
                first = first or error
            except ChainerError as error:
                if start is not None or root not in closed:
                    raise
                first = first or error
        if not any_found:
            raise first or WalkError(
                f"{graph.source}: no {options.kind.value} begins anywhere", code="no-chain"
            )

    @staticmethod
    def _from(planner: Planner, start: str, options: WalkOptions) -> Iterator[Chain]:
        """Every chain from one atom; the media's real lengths are asked where length counts."""
        if options.max_seconds is not None:
            yield from planner.chains(start, replace(options, limit=MOST_TRIED))
            return
        permission = planner.permission
        permission.demand_of(options, start)
        try:
            yield from distinct(
                iter_chains(planner.graph, start, options, closed=permission.reasons)
            )
        except WalkError as error:
            raise permission.in_the_way(error) from error

    def _series(self, variant: Variant, place: str) -> list[Asked]:
        """A job for each episode that is declared, or for the best series of each root."""
        entry = variant.entry
        options = entry.walk(kind=WalkKind.SERIES, pick=Pick.BEST)
        job = self._job(variant, place, self.settings(entry), "", options)
        graph = self._planners.graph(job.graph, None, options)
        starts: list[tuple[tuple[str, ...], str]] = [
            ((series.id, episode.id), episode.start)
            for series in graph.info.series
            for episode in series.episodes
        ]
        if not starts:
            closed = self._planners.planner(graph, job.settings).permission.reasons
            starts = [
                ((root,), root) for root in roots(graph, WalkKind.SERIES) if root not in closed
            ]
        if not starts:
            raise WalkError(f"{graph.source}: no series begins anywhere", code="no-chain")
        found = []
        for words, start in starts:
            name = named(variant.name, *words)
            target = self._out / variant.folder(name)
            found.append(Asked(replace(job, name=name, start=start, out=target), graph))
        return found

    def _of_chain(self, job: Job, variant: Variant, graph: Graph, chain: Chain) -> Asked:
        name = named(variant.name, chain.id)
        one = replace(
            job,
            name=name,
            start=chain.atoms[0],
            chain=chain,
            out=self._out / variant.folder(name),
        )
        return Asked(one, graph)

    # -- values ----------------------------------------------------------------

    def _job(
        self, variant: Variant, place: str, settings: Settings, start: str, options: WalkOptions
    ) -> Job:
        return Job(
            name=variant.name,
            graph=self._address(variant.entry),
            start=start,
            options=options,
            settings=settings,
            out=self._out / variant.folder(variant.name),
            place=place,
        )

    def _address(self, entry: Entry) -> str:
        several = entry.all_chains or entry.all_series
        graph = (several.graph if several is not None else None) or entry.graph or ""
        if not is_url(graph):
            return str(self._base / graph)
        scheme, _, rest = graph.partition(":///")
        if scheme.lower() == "sqlite" and rest and not rest.startswith("/"):
            # A file of a relative path, as every other: relative to the job file.
            return f"{scheme}:///{quote(str(self._base))}/{rest}"
        return graph

    def settings(self, entry: Entry) -> Settings:
        """The settings of a job; one object for all jobs whose settings are equal.

        Raises `SettingsError` where its settings file cannot be used.
        """
        told = (entry.settings, entry.profile, entry.draft, entry.audience, entry.composer)
        known = self._known.get(told)
        if known is None:
            made = self._made(entry)
            known = self._known[told] = self._equal.setdefault(made.model_dump_json(), made)
        return known

    def _made(self, entry: Entry) -> Settings:
        batch = self._settings
        changes: dict[str, object] = {}
        settings = batch
        if entry.settings is not None:
            settings = load_settings(self._base / entry.settings)
            changes |= {"store": batch.store, "workers": batch.workers, "ffmpeg": batch.ffmpeg}
        consent = settings.consent
        if consent.ledger is None:
            consent = consent.model_copy(update={"ledger": batch.consent.ledger})
        if entry.composer is not None:
            consent = consent.model_copy(update={"composer": entry.composer})
        changes["consent"] = consent
        profile = settings.profile
        if entry.profile is not None:
            profile = named_profile(entry.profile)
        changes["profile"] = draft_of(profile) if entry.draft else profile
        if entry.audience is not None:
            changes["audience"] = entry.audience
        return settings.model_copy(update=changes)


def _too_many(where: str, limit: int) -> InputError:
    return InputError(
        f"there are more than {limit} chains {where}; set a limit, or name a start or an end",
        code="too-many-chains",
        limit=limit,
    )
