"""THE STORY: from a graph to a finished episode. Read this first.

    load → is it allowed → walk → remember → fill slots → stage cards → timeline → plan
         → render → package → sign → verify

`plan_episode` looks and decides and encodes nothing; `render_episode` makes what the plan says
is missing and delivers the folder. The command line and a backend call the same two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from chainer.arrange import joint_spec, orders_of
from chainer.cards import staging_of
from chainer.consent.rating import episode_rating
from chainer.continuity import OnLook, remember
from chainer.digest import Digest, key_of
from chainer.edits import edits_of
from chainer.enrol import Enrolment, enrolled, kept_of, noted, request_of
from chainer.episode.captions import captions_vtt
from chainer.episode.chapters import chapters_vtt
from chainer.episode.folder import check_target, whole_folder
from chainer.episode.hls import LINK_NAME, write_playlists
from chainer.episode.making import MAKING_NAME, making_of
from chainer.episode.manifest import Manifest
from chainer.episode.marks import film_facts
from chainer.episode.otio import OTIO_NAME, demand_otio, otio_text
from chainer.episode.package import FilmParts, credits_text, manifest_of, write_folder
from chainer.episode.plan import Choice, Episode, EpisodePlan
from chainer.episode.remembered import continuity_text
from chainer.episode.sign import claim_of, signed, signer_of
from chainer.errors import Cancelled, InputError, StoreError, WalkError
from chainer.filling import filled
from chainer.graph import Atom, Chain, Graph, Pick, Status, WalkKind, WalkOptions, walk
from chainer.joining import meetings_of
from chainer.looker import Looker, seconds_that_play
from chainer.media.source import SourceFile, open_source
from chainer.mp4 import Chapter
from chainer.origin import refuse_pictures, with_credentials
from chainer.permission import Permission, Register, ask_again, register_of
from chainer.placing import Cast, card_frames, notes_of, timeline_of
from chainer.provenance.signer import FilmSigner
from chainer.ranges import looked_at, range_settled
from chainer.render.assemble import assemble
from chainer.render.encoder import find_ffmpeg
from chainer.render.execute import Execution
from chainer.render.make import Kitchen, StepDone
from chainer.render.mark import mark_specs
from chainer.render.plan import Packing, plan_render
from chainer.render.progress import Progress, Reporter
from chainer.render.run import Runner
from chainer.render.spec import PosterSpec
from chainer.roads import explain_roads, road_scorer
from chainer.settings import Settings
from chainer.soundtrack import bed_order, bounds_with, music_of
from chainer.sparing import bare_atoms, barred_ways, spare
from chainer.spoken import captioned
from chainer.store import Record, Store, tidy
from chainer.store import open_store as open_policy
from chainer.store.links import segments_folder
from chainer.timebase import to_seconds
from chainer.timeline.fill import refuse_unearned
from chainer.timeline.script import chapter_marks, titles
from chainer.version import __version__

OnProgress = Callable[[Progress], None]


def open_store(settings: Settings) -> Store:
    """The store that the settings name, or the platform's."""
    return open_policy(settings.store)


def store_of(plan: EpisodePlan) -> Store:
    """The store that a plan was made for."""
    return open_policy(plan.settings.store.model_copy(update={"path": plan.store}))


def looker_of(plan: EpisodePlan, *, register: Register | None = None) -> Looker:
    """What looks at the clips of a plan, for whoever wants to see what was remembered.

    `register` is asked instead of the graph's ledger. Raises `PolicyRefused` where consent was
    taken back since the plan.
    """
    store = store_of(plan)
    if plan.consented.needs:
        ask_again(plan.consented, register or register_of(plan.graph, plan.settings, store))
    return Looker(plan.graph, store, plan.settings)


def find_chains(
    graph: Graph,
    start: str,
    *,
    settings: Settings | None = None,
    options: WalkOptions | None = None,
    register: Register | None = None,
    cancel: threading.Event | None = None,
) -> tuple[Chain, ...]:
    """The chains that a walk from `start` picks, by the media's real lengths where length counts.

    Walks around what must not be played. Raises `WalkError` where there is no chain, and says which
    limit is in the way; `PolicyRefused` where that is consent, rights, a rating or a block list.
    `register` is the ledger to ask instead of the graph's.
    """
    planner = Planner(graph, settings=settings, register=register, cancel=cancel)
    return planner.chains(start, options)


def plan_episode(
    graph: Graph,
    start: str | None = None,
    *,
    kind: str | WalkKind = WalkKind.SERIES,
    options: WalkOptions | None = None,
    chain: Chain | None = None,
    settings: Settings | None = None,
    register: Register | None = None,
    on_look: OnLook | None = None,
    cancel: threading.Event | None = None,
) -> EpisodePlan:
    """Decide an episode: the chain, the timeline, the steps and why each of them runs.

    Give `start` with a `kind` or full walk `options`, or a `chain` that `find_chains` has found
    (with its `options`, if the plan shall say which other roads there were). Reads, probes and
    looks at the media, each clip once ever; encodes nothing. `on_look` is told how far that is.
    `register` is the consent ledger to ask instead of the graph's. Raises `GraphError`,
    `WalkError`, `MediaError`, `ProvenanceError` where a clip was tampered with, and `PolicyRefused`
    where consent, rights, a rating or a block list forbids what the plan would do, or where
    `memory.strict` is set and drift is left.
    """
    planner = Planner(graph, settings=settings, register=register, cancel=cancel)
    if chain is not None:
        return planner.plan(chain, options, on_look=on_look)
    options = _walk_options(start, kind, options)
    return planner.best(start or (options.path or ("",))[0], options, on_look=on_look)


class Planner:
    """Plans many episodes of one graph: what was looked at for one is at hand for the next.

    What may be played is decided at the moment of the first question; whoever renders a plan asks
    again. Arguments as those of `plan_episode`. Not for several threads at once.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        settings: Settings | None = None,
        register: Register | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.graph, self.settings = graph, looked_at(settings or Settings())
        self.store = open_store(self.settings)
        self._looker = Looker(graph, self.store, self.settings, cancel)
        self.permission = Permission(graph, self.settings, self.store, register=register)

    def chains(self, start: str, options: WalkOptions | None = None) -> tuple[Chain, ...]:
        """As `find_chains`."""
        looker = self._looker.beside()
        with noted(looker, self.permission, self.store):
            return _walked(looker, start, options or WalkOptions(), self.permission)

    def plan(
        self, chain: Chain, options: WalkOptions | None = None, *, on_look: OnLook | None = None
    ) -> EpisodePlan:
        """As `plan_episode` of a chain."""
        looker = self._looker.beside()
        with noted(looker, self.permission, self.store):
            _demand_playable(self.graph, chain, planned=self.settings.sketches)
            self.permission.demand(chain.atoms)
            return _decided(looker, self.permission, chain, options, on_look)

    def best(
        self, start: str, options: WalkOptions, *, on_look: OnLook | None = None
    ) -> EpisodePlan:
        """The plan of the first chain that a walk from `start` picks."""
        looker = self._looker.beside()
        with noted(looker, self.permission, self.store):
            chain = _walked(looker, start, options, self.permission)[0]
            return _decided(looker, self.permission, chain, options, on_look)


def _decided(
    looker: Looker,
    permission: Permission,
    chain: Chain,
    options: WalkOptions | None,
    on_look: OnLook | None,
) -> EpisodePlan:
    """The plan of one chain, all of it decided."""
    graph, settings, store = looker.graph, looker.settings, looker.store
    permission.rights.demand(chain.atoms)
    if settings.hls.write and settings.profile.pcm:
        raise InputError(
            f"the profile {settings.profile.name} makes a ProRes master, which no browser plays: "
            "playlists need h264, hevc or av1; leave --hls out, or compose with another profile",
            code="hls-codec",
            profile=settings.profile.name,
        )
    if unknown := [name for name in settings.takes if name not in graph.atoms]:
        raise InputError(
            f"takes are asked for of {', '.join(unknown)}, which {graph.source} does not have",
            code="take",
            atoms=unknown,
        )
    refuse_unearned([(name, graph.atom(name).slot) for name in chain.atoms], settings.slots)
    looker.closed = permission.closed
    ffmpeg = find_ffmpeg(settings.ffmpeg, store)
    seen = remember(looker, chain, on_look)
    settings, ranges = range_settled(settings, seen.atoms)
    looker.settings = settings
    refuse_pictures(looker, seen.atoms)
    atoms, unproven = with_credentials(looker, seen.atoms)
    atoms, spared, cuts = spare(permission, atoms)
    words = titles(graph, chain)
    staging = staging_of(graph, chain, words, settings.card)
    opened = {card.before for card in staging.cards if card.before is not None}
    atoms = filled(chain, atoms, settings, barred_ways(permission, atoms), opened)
    roads: tuple[Choice, ...] = ()
    if options is not None:
        roads = explain_roads(looker, chain, *_lengths(looker, options), permission.reasons)
    bare = bare_atoms(permission, atoms)
    staging = staging.without_cues(bare)
    cast = Cast.of(graph, chain, atoms, staging, settings, bare)
    meetings = meetings_of(looker, cast, cuts)
    layout = timeline_of(cast, cuts, {pair: met.point for pair, met in meetings.items()})
    marks = mark_specs(settings.watermark, {atom.atom.author for atom in atoms}, settings.profile)
    orders = orders_of(cast, layout, ffmpeg, marks)
    music = music_of(looker, permission, chain)
    captions = captioned(cast, layout)
    render = plan_render(
        layout,
        orders.slots,
        partial(joint_spec, layout, settings, ffmpeg),
        partial(PosterSpec, build=ffmpeg.build),
        store,
        graph.identity,
        orders.stills,
        bed_order(music, cast, layout, ffmpeg),
        Packing(settings.hls.timeline, settings.profile) if settings.hls.write else None,
    )
    consented = permission.consented(edits_of(render, atoms, settings.profile, settings.conform))
    bounds = permission.rights.bounds(chain.atoms)
    bounds = bounds_with(bounds, graph, permission, music)
    return EpisodePlan(
        graph=graph,
        chain=chain,
        settings=settings,
        titles=words,
        atoms=atoms,
        render=render,
        chapters=chapter_marks(graph, chain, layout, words.heading),
        notes=(
            *notes_of(layout, atoms),
            *seen.notes,
            *ranges,
            *spared,
            *staging.notes,
            *unproven,
            *bounds.notes,
            *captions.notes,
        ),
        ffmpeg=ffmpeg,
        store=store.root,
        states=seen.states,
        roads=roads,
        consented=consented,
        closed=permission.roads(chain),
        bounds=bounds,
        request=request_of(graph, chain, options, settings),
        kept=kept_of(looker, permission, atoms),
        music=music,
        sketches=tuple(graph.atom(name) for name in chain.atoms if name not in cast.atoms),
        captions=captions.captions,
        rating=episode_rating([graph.atom(name) for name in chain.atoms]),
    )


def render_episode(
    plan: EpisodePlan,
    out: str | Path,
    *,
    signer: FilmSigner | None = None,
    register: Register | None = None,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    workers: int | None = None,
) -> Episode:
    """Make what is missing, put the film together, sign it, and deliver the folder `out` whole.

    `signer` signs instead of what the settings say, `register` is asked instead of the graph's
    ledger: right before rendering, before signing, and before the folder appears. May be called
    from several threads at once. `on_progress` is called from this call's own threads, one call at
    a time. Setting `cancel` stops within a moment: raises `Cancelled`, leaves no process and no
    half-written output, and keeps finished steps in the store. Raises `PolicyRefused` where consent
    was taken back since the plan, `ProvenanceError` where the film cannot be signed.
    """
    settings = plan.settings
    reporter = Reporter(plan.render, on_progress)
    spent: dict[Digest, float] = {}

    def on_done(done: StepDone) -> None:
        reporter.step_done(done)
        if done.ran:
            spent[done.step.key] = spent.get(done.step.key, 0.0) + done.cpu_seconds

    with Making.of(plan, out, signer=signer, register=register, cancel=cancel) as making:
        execution = Execution(
            plan.render,
            making.kitchen,
            workers or settings.pool_size,
            on_frames=reporter.frames,
            on_done=on_done,
        )
        records = execution.run()
        manifest = making.deliver(records, execution.again, spent=spent, on_bytes=reporter.bytes)
    ran = reporter.steps_run
    if ran:
        tidy(making.kitchen.store, settings.store.max_bytes)
    reporter.finish()
    return Episode(making.target, manifest, ran, len(plan.render.steps) - ran)


@dataclass(frozen=True, slots=True)
class Making:
    """An episode that is being made: on the store's list, its steps leased.

    Between entering and `deliver` somebody sees to it that every step of the plan is in the store.
    """

    plan: EpisodePlan
    target: Path
    kitchen: Kitchen
    signer: FilmSigner | None
    register: Register
    enrolment: Enrolment

    @staticmethod
    @contextmanager
    def of(
        plan: EpisodePlan,
        out: str | Path,
        *,
        signer: FilmSigner | None = None,
        register: Register | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Making]:
        """Put the episode on the list, and take it off again where the block fails.

        Arguments and errors as those of `render_episode`.
        """
        target = Path(out).absolute()
        check_target(target)
        if plan.settings.otio.write:
            demand_otio()  # before anything is rendered
        store = store_of(plan)
        register = register or register_of(plan.graph, plan.settings, store)
        signer = signer or signer_of(plan.settings.signing, store)
        if not plan.atoms:
            signer = None  # cards alone are nobody's work: there is nothing to vouch for
        runner = Runner(plan.ffmpeg, cancel)
        kitchen = Kitchen(store, runner, plan.settings.media, _opener(plan), plan.graph.identity)
        with (
            enrolled(plan, register, store, target) as enrolment,
            store.lease(step.key for step in plan.render.steps),
        ):
            enrolment.ask()
            yield Making(plan, target, kitchen, signer, register, enrolment)

    def deliver(
        self,
        records: Mapping[Digest, Record],
        again: Callable[[Digest], Record],
        *,
        spent: Mapping[Digest, float],
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> Manifest:
        """Put the film together from the steps' `records`, sign it, and deliver the folder whole.

        `again` makes the step of a key anew, where its bytes turn out damaged. `spent` has the CPU
        seconds of the steps that ran for it, by key, what `again` makes included.
        """
        plan, enrolment, store = self.plan, self.enrolment, self.kitchen.store
        cancel = self.kitchen.runner.cancel
        with whole_folder(self.target) as folder:
            path = folder / plan.settings.profile.film_name
            film = assemble(
                plan.render,
                records.__getitem__,
                again,
                store,
                plan.settings.profile,
                path,
                chapters=_chapters(plan),
                title=plan.titles.heading,
                captions=plan.captions,
                language=plan.settings.captions.language,
                facts=film_facts(plan),
                on_bytes=on_bytes,
                cancel=cancel,
            )
            position = enrolment.ask()
            claim = claim_of(plan, enrolment.id, self.register.book, position, __version__)
            film, provenance = signed(plan, film, path, self.signer, claim, store, cancel)
            hls = None
            if plan.settings.hls.write:
                hls = write_playlists(plan, records, again, store)
            parts = FilmParts(
                film=film,
                records=records,
                chapters_vtt=chapters_vtt(_chapters(plan), plan.seconds),
                captions_vtt=captions_vtt(plan.captions, plan.settings.captions.language)
                if plan.captions
                else "",
                continuity=continuity_text(plan) if plan.states else "",
                credits=credits_text(plan),
                episode=enrolment.id,
                position=position,
                provenance=provenance,
                more={**_timelines(plan), **({} if hls is None else hls.texts)},
                hls=None if hls is None else hls.entry,
            )
            manifest = manifest_of(plan, parts, __version__)
            write_folder(folder, plan, parts, manifest, store)
            if hls is not None and plan.settings.hls.base is None:
                (folder / LINK_NAME).symlink_to(segments_folder(store), target_is_directory=True)
            told = making_of(plan, enrolment.id, spent)
            (folder / MAKING_NAME).write_text(told.to_json(), encoding="utf-8")
            if plan.settings.report.write:
                _write_report(folder, plan, self.kitchen)
            if cancel is not None and cancel.is_set():
                raise Cancelled(
                    "cancelled before the episode was in place: finished steps are kept"
                )
            position = enrolment.ask()
        enrolment.finish(self.target, film.digest, provenance.urn or "", position)
        # While the folder stands, eviction spares its pieces. By the folder's name, so that what is
        # delivered there next takes this one's place.
        pin = f"episode-{key_of('episode-folder', str(self.target))[:32]}"
        with suppress(StoreError):  # the film stands; without a pin a piece may be made once more
            store.pin(pin, [step.key for step in plan.render.steps], folder=self.target)
        return manifest


def _write_report(folder: Path, plan: EpisodePlan, kitchen: Kitchen) -> None:
    """Put the page for people beside the film, of which consent was asked a moment ago."""
    from datetime import UTC, datetime

    from chainer.episode.verify import verify_episode
    from chainer.report.standing import Standing
    from chainer.report.write import REPORT_NAME, report_page

    verdict = verify_episode(folder, plan.settings.provenance, kitchen.store.fetch_blob)
    state = "draft" if plan.is_draft else "made"
    standing = Standing(datetime.now(UTC), verdict, asked=True, state=state)
    page = report_page(folder, kitchen.runner, standing)
    (folder / REPORT_NAME).write_text(page.html, encoding="utf-8")


async def render_episode_async(
    plan: EpisodePlan,
    out: str | Path,
    *,
    signer: FilmSigner | None = None,
    register: Register | None = None,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    workers: int | None = None,
) -> Episode:
    """`render_episode` for an event loop: runs in a thread, and a cancelled task stops it.

    `on_progress` is called in the loop's own thread. When the task is cancelled, the await ends
    only after every child process has ended.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    stop = cancel or threading.Event()
    report: OnProgress | None = None
    if on_progress is not None:
        tell = on_progress

        def report(progress: Progress) -> None:
            loop.call_soon_threadsafe(tell, progress)

    work = asyncio.ensure_future(
        asyncio.to_thread(
            render_episode,
            plan,
            out,
            signer=signer,
            register=register,
            on_progress=report,
            cancel=stop,
            workers=workers,
        )
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise


def _walk_options(
    start: str | None, kind: str | WalkKind, options: WalkOptions | None
) -> WalkOptions:
    if options is None:
        try:
            options = WalkOptions(kind=WalkKind(kind))
        except ValueError:
            raise WalkError(f"{kind!r} is no kind of walk; write series or relay") from None
    if start is None and not options.path:
        raise InputError("an episode needs a start, a path or a chain")
    if options.pick is Pick.ALL:
        raise InputError(
            "plan_episode makes one episode; walk with find_chains and plan each chain"
        )
    return options


def _demand_playable(graph: Graph, chain: Chain, *, planned: bool) -> None:
    """Raise `WalkError` where a chain that was found earlier has an atom that is gone since."""
    for name in chain.atoms:
        status = graph.atom(name).status
        if not (status.playable or (planned and status is Status.PLANNED)):
            raise WalkError(
                f"the chain holds {name}, which is {status.value} now; walk again",
                code="path-closed",
                atom=name,
                reason=status.value,
            )


def _walked(
    looker: Looker, start: str, options: WalkOptions, permission: Permission
) -> tuple[Chain, ...]:
    """The chains that the walk picks, by real lengths and by memory where those count."""
    permission.demand_of(options, start)
    options, seconds = _lengths(looker, replace(options, planned=looker.settings.sketches))
    closed = permission.reasons
    scorer = road_scorer(looker, start, options, closed)
    try:
        return walk(looker.graph, start, options, scorer=scorer, seconds=seconds, closed=closed)
    except WalkError as error:
        raise permission.in_the_way(error) from error


def _lengths(
    looker: Looker, options: WalkOptions
) -> tuple[WalkOptions, Callable[[Atom], Fraction] | None]:
    """The options with room for the title card, and how atoms are measured."""
    if options.max_seconds is None:
        return options, None
    settings, budget = looker.settings, options.max_seconds
    if settings.card.title:
        budget -= to_seconds(card_frames(settings), settings.profile.fps)
    return replace(options, max_seconds=budget), partial(seconds_that_play, looker)


def _chapters(plan: EpisodePlan) -> tuple[Chapter, ...]:
    fps = plan.settings.profile.fps
    return tuple(Chapter(to_seconds(mark.frame, fps), mark.title) for mark in plan.chapters)


def _timelines(plan: EpisodePlan) -> dict[str, str]:
    """The timeline for editing programs, by its name, where it is asked for."""
    return {OTIO_NAME: otio_text(plan)} if plan.settings.otio.write else {}


def _opener(plan: EpisodePlan) -> Callable[[Digest], AbstractContextManager[SourceFile]]:
    paths = plan.media_paths
    return lambda digest: open_source(paths[digest], limits=plan.settings.media)
