"""THE STORY: from a graph to a finished episode. Read this first.

    load → is it allowed → walk → remember → fill slots → stage cards → timeline → plan
         → render → package → sign → verify

`plan_episode` looks and decides and encodes nothing; `render_episode` makes what the plan says
is missing and delivers the folder. The command line and a backend call the same two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from chainer.arrange import joint_spec, orders_of
from chainer.cards import staging_of
from chainer.consent.rating import episode_rating
from chainer.continuity import OnLook, remember
from chainer.digest import Digest
from chainer.edits import edits_of
from chainer.enrol import kept_of, noted, request_of
from chainer.episode.plan import Choice, Episode, EpisodePlan
from chainer.errors import InputError, WalkError
from chainer.filling import filled
from chainer.graph import Atom, Chain, Graph, Pick, Status, WalkKind, WalkOptions, walk
from chainer.joining import meetings_of
from chainer.looker import Looker, seconds_that_play
from chainer.making import Making, store_of
from chainer.origin import refuse_pictures, with_credentials
from chainer.permission import Permission, Register, ask_again, register_of
from chainer.placing import Cast, card_frames, notes_of, timeline_of
from chainer.provenance.signer import FilmSigner
from chainer.ranges import looked_at, range_settled
from chainer.render.encoder import find_ffmpeg
from chainer.render.execute import Execution
from chainer.render.make import StepDone
from chainer.render.mark import mark_specs
from chainer.render.plan import Packing, plan_render
from chainer.render.progress import Progress, Reporter
from chainer.render.spec import PosterSpec
from chainer.roads import explain_roads, road_scorer
from chainer.settings import Settings
from chainer.soundtrack import bed_order, bounds_with, music_of
from chainer.sparing import bare_atoms, barred_ways, spare
from chainer.spoken import captioned
from chainer.store import Store, tidy
from chainer.store import open_store as open_policy
from chainer.timebase import to_seconds
from chainer.timeline.fill import refuse_unearned
from chainer.timeline.script import chapter_marks, titles

OnProgress = Callable[[Progress], None]


def open_store(settings: Settings) -> Store:
    """The store that the settings name, or the platform's."""
    return open_policy(settings.store)


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
