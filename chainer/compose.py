"""THE STORY: from a graph to a finished episode. Read this first.

    load → is it allowed → walk → remember → timeline → plan → render → package → sign → verify

`plan_episode` looks and decides and encodes nothing; `render_episode` makes what the plan says
is missing and delivers the folder. The command line and a backend call the same two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from chainer import __version__
from chainer.consent.rating import episode_rating
from chainer.continuity import Looker, OnLook, drift_left, remember, seconds_that_play
from chainer.digest import Digest
from chainer.edits import edits_of
from chainer.enrol import enrolled, kept_of, noted, request_of
from chainer.episode.chapters import chapters_vtt
from chainer.episode.folder import check_target, whole_folder
from chainer.episode.manifest import FILM_NAME
from chainer.episode.package import FilmParts, credits_text, manifest_of, write_folder
from chainer.episode.plan import TITLE_CARD, Choice, Episode, EpisodePlan, PlannedAtom
from chainer.episode.remembered import continuity_text
from chainer.episode.sign import claim_of, signed, signer_of
from chainer.errors import Cancelled, InputError, WalkError
from chainer.graph import Atom, Chain, Graph, Leg, Pick, WalkKind, WalkOptions, walk
from chainer.media.source import SourceFile, open_source
from chainer.memory.report import Flag
from chainer.mp4 import Chapter
from chainer.origin import refuse_pictures, with_credentials
from chainer.permission import Permission, Register, ask_again, register_of, spare
from chainer.provenance.signer import FilmSigner
from chainer.render.assemble import assemble
from chainer.render.card import font_digest
from chainer.render.encoder import FFmpeg, find_ffmpeg
from chainer.render.execute import Execution, Kitchen
from chainer.render.mark import first_station, mark_specs
from chainer.render.plan import plan_render
from chainer.render.progress import Progress, Reporter
from chainer.render.run import Runner
from chainer.render.spec import (
    CardSpec,
    ConformSpec,
    JointSpec,
    MarkSpec,
    PosterSpec,
    Spec,
    spec_key,
)
from chainer.roads import explain_roads, road_scorer
from chainer.settings import Settings
from chainer.store import Store, default_root, tidy
from chainer.timebase import to_seconds
from chainer.timeline import JointPiece, Layout, Slot, choose_joint, lay_out
from chainer.timeline.joint import JointStyle, JointWish
from chainer.timeline.script import Titles, chapter_marks, joint_wish, titles, unrendered_cards
from chainer.timeline.slot import SlotContent

OnProgress = Callable[[Progress], None]


def open_store(settings: Settings) -> Store:
    """The store that the settings name, or the platform's."""
    return Store(settings.store.path or default_root())


def looker_of(plan: EpisodePlan, *, register: Register | None = None) -> Looker:
    """What looks at the clips of a plan, for whoever wants to see what was remembered.

    `register` is asked instead of the graph's ledger. Raises `PolicyRefused` where consent was
    taken back since the plan.
    """
    store = Store(plan.store)
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
    settings = settings or Settings()
    options = options or WalkOptions()
    store = open_store(settings)
    looker = Looker(graph, store, settings, cancel)
    permission = Permission(graph, settings, store, register=register)
    with noted(looker, permission, store):
        return _walked(looker, start, options, permission)


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
    settings = settings or Settings()
    store = open_store(settings)
    looker = Looker(graph, store, settings, cancel)
    permission = Permission(graph, settings, store, register=register)
    if chain is None:
        options = _walk_options(start, kind, options)
    with noted(looker, permission, store):
        if chain is None:
            assert options is not None
            chain = _walked(looker, start or (options.path or ("",))[0], options, permission)[0]
        else:
            _demand_playable(graph, chain)
            permission.demand(chain.atoms)
        return _decided(looker, permission, chain, options, on_look)


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
    looker.closed = permission.closed
    ffmpeg = find_ffmpeg(settings.ffmpeg, store)
    seen = remember(looker, chain, on_look)
    refuse_pictures(looker, seen.atoms)
    atoms, unproven = with_credentials(looker, seen.atoms)
    atoms, spared, cuts = spare(permission, atoms)
    roads: tuple[Choice, ...] = ()
    if options is not None:
        roads = explain_roads(looker, chain, *_lengths(looker, options), permission.reasons)
    words = titles(graph, chain)
    layout = _timeline(chain, atoms, settings, cuts)
    edits = edits_of(layout, atoms, settings.profile, settings.conform)
    consented = permission.consented(edits)
    bounds = permission.rights.bounds(chain.atoms)
    marks = mark_specs(settings.watermark, {atom.atom.author for atom in atoms}, settings.profile)
    render = plan_render(
        layout,
        _slot_specs(layout, atoms, words, settings, ffmpeg, marks),
        partial(_joint_spec, layout, settings, ffmpeg),
        partial(PosterSpec, build=ffmpeg.build),
        store,
        graph.identity,
        tuple(marks.values()),
    )
    return EpisodePlan(
        graph=graph,
        chain=chain,
        settings=settings,
        titles=words,
        atoms=atoms,
        render=render,
        chapters=chapter_marks(graph, chain, layout, words.heading),
        notes=(
            *_notes(layout, atoms),
            *seen.notes,
            *spared,
            *unproven,
            *bounds.notes,
            *unrendered_cards(graph, chain),
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
    target = Path(out).absolute()
    check_target(target)
    settings = plan.settings
    store = Store(plan.store)
    reporter = Reporter(plan.render, on_progress)
    register = register or register_of(plan.graph, settings, store)
    signer = signer or signer_of(settings.signing, store)
    kitchen = Kitchen(
        store, Runner(plan.ffmpeg, cancel), settings.media, _opener(plan), plan.graph.identity
    )
    with (
        enrolled(plan, register, store, target) as enrolment,
        store.lease(step.key for step in plan.render.steps),
    ):
        enrolment.ask()
        execution = Execution(
            plan.render,
            kitchen,
            workers or settings.pool_size,
            on_frames=reporter.frames,
            on_done=reporter.step_done,
        )
        records = execution.run()
        with whole_folder(target) as folder:
            film = assemble(
                plan.render,
                records.__getitem__,
                execution.again,
                store,
                settings.profile,
                folder / FILM_NAME,
                chapters=_chapters(plan),
                title=plan.titles.heading,
                on_bytes=reporter.bytes,
                cancel=cancel,
            )
            position = enrolment.ask()
            claim = claim_of(plan, enrolment.id, register.book, position, __version__)
            film, provenance = signed(plan, film, folder / FILM_NAME, signer, claim, store, cancel)
            parts = FilmParts(
                film=film,
                records=records,
                chapters_vtt=chapters_vtt(_chapters(plan), plan.seconds),
                continuity=continuity_text(plan) if plan.states else "",
                credits=credits_text(plan),
                episode=enrolment.id,
                position=position,
                provenance=provenance,
            )
            manifest = manifest_of(plan, parts, __version__)
            write_folder(folder, plan, parts, manifest, store)
            if cancel is not None and cancel.is_set():
                raise Cancelled(
                    "cancelled before the episode was in place: finished steps are kept"
                )
            position = enrolment.ask()
        enrolment.finish(target, film.digest, provenance.urn or "", position)
    ran = reporter.steps_run
    if ran:
        tidy(store, settings.store.max_bytes)
    reporter.finish()
    return Episode(target, manifest, ran, len(plan.render.steps) - ran)


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


def _demand_playable(graph: Graph, chain: Chain) -> None:
    """Raise `WalkError` where a chain that was found earlier has an atom that is gone since."""
    for name in chain.atoms:
        status = graph.atom(name).status
        if not status.playable:
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
    options, seconds = _lengths(looker, options)
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
        budget -= to_seconds(_card_frames(settings), settings.profile.fps)
    return replace(options, max_seconds=budget), partial(seconds_that_play, looker)


def _card_frames(settings: Settings) -> int:
    """A card's length: whole grid steps, and a crossfade that ends on the grid."""
    grid = settings.profile.grid
    return settings.card.frames_per_grid * grid.frames + grid.frames * 3 // 4


def _timeline(
    chain: Chain, atoms: Sequence[PlannedAtom], settings: Settings, cuts: Mapping[str, str]
) -> Layout:
    """`cuts` are the atoms that may not be blended with others, and why."""
    profile = settings.profile
    slots = [
        Slot(leg.atom, SlotContent.ATOM, atom.used.frames)
        for leg, atom in zip(chain.legs, atoms, strict=True)
    ]
    wishes = [
        _wish(leg, before, after)
        for leg, before, after in zip(chain.legs[1:], atoms, atoms[1:], strict=False)
    ]
    if settings.card.title:
        slots.insert(0, Slot(TITLE_CARD, SlotContent.CARD, _card_frames(settings)))
        wishes.insert(0, JointWish())
    for number, slot in enumerate(slots):
        for beside in (number - 1, number) if slot.name in cuts else ():
            if 0 <= beside < len(wishes):
                wishes[beside] = JointWish(style=JointStyle.CUT, note=cuts[slot.name])
    joints = [
        choose_joint(left, right, wish, settings.joints, profile.fps, profile.grid)
        for left, right, wish in zip(slots, slots[1:], wishes, strict=False)
    ]
    return lay_out(slots, joints, profile.grid, profile.keyframe_grids)


def _wish(leg: Leg, before: PlannedAtom, after: PlannedAtom) -> JointWish:
    report = after.report
    if report is None:
        return joint_wish(leg, before.atom, after.atom)
    left = {Flag.LIGHT, Flag.COLOUR, Flag.ZOOM, Flag.MIRROR} & set(drift_left(report))
    return joint_wish(leg, before.atom, after.atom, report.kind, drift=bool(left))


def _slot_specs(
    layout: Layout,
    atoms: Sequence[PlannedAtom],
    words: Titles,
    settings: Settings,
    ffmpeg: FFmpeg,
    marks: Mapping[str, MarkSpec],
) -> list[Callable[[Any], Spec]]:
    first = next(n for n, slot in enumerate(layout.slots) if slot.content is SlotContent.ATOM)
    specs: list[Callable[[Any], Spec]] = []
    left = iter(atoms)
    for slot in layout.slots:
        if slot.content is SlotContent.CARD:
            font = font_digest(settings.card)
            specs.append(partial(_card_spec, slot.frames, first, words, settings, ffmpeg, font))
        else:
            atom = next(left)
            mark = marks.get(atom.atom.author)
            spec = ConformSpec(
                media=atom.media.digest,
                info=atom.media.info,
                first=atom.used.first,
                frames=atom.used.frames,
                profile=settings.profile,
                policy=settings.conform,
                build=ffmpeg.build,
                grade=atom.grade,
                mark=None if mark is None else spec_key(mark),
                station=0 if mark is None else first_station(atom.media.digest),
            )
            specs.append(partial(_known, spec))
    return specs


def _known(spec: Spec, _: object) -> Spec:
    return spec


def _card_spec(
    frames: int,
    behind: int,
    words: Titles,
    settings: Settings,
    ffmpeg: FFmpeg,
    font: Digest,
    keys: dict[int, Digest],
) -> CardSpec:
    return CardSpec(
        behind=keys[behind],
        heading=words.heading,
        line=words.line,
        frames=frames,
        style=settings.card,
        font=font,
        profile=settings.profile,
        build=ffmpeg.build,
        maker=_version("moviepy"),
    )


def _joint_spec(
    layout: Layout,
    settings: Settings,
    ffmpeg: FFmpeg,
    piece: JointPiece,
    left: Digest,
    right: Digest,
) -> JointSpec:
    joint = piece.joint
    return JointSpec(
        left=left,
        right=right,
        style=joint.style.value,
        left_frames=layout.slots[piece.left].frames,
        right_frames=layout.slots[piece.left + 1].frames,
        out=joint.left,
        gap=joint.gap,
        back=joint.right,
        overlap=joint.overlap,
        right_last=piece.right_last,
        shift=piece.shift,
        packet_first=piece.packet_first,
        packet_last=piece.packet_last,
        profile=settings.profile,
        build=ffmpeg.build,
    )


def _notes(layout: Layout, atoms: Sequence[PlannedAtom]) -> tuple[str, ...]:
    notes = [f"{atom.atom.id}: {word}" for atom in atoms for word in atom.used.differences]
    for number, joint in enumerate(layout.joints):
        names = f"{layout.slots[number].name}→{layout.slots[number + 1].name}"
        notes += [f"{names}: {word}" for word in joint.notes]
    return tuple(notes)


def _chapters(plan: EpisodePlan) -> tuple[Chapter, ...]:
    fps = plan.settings.profile.fps
    return tuple(Chapter(to_seconds(mark.frame, fps), mark.title) for mark in plan.chapters)


def _opener(plan: EpisodePlan) -> Callable[[Digest], AbstractContextManager[SourceFile]]:
    paths = {atom.media.digest: atom.media.path for atom in plan.atoms}
    return lambda digest: open_source(paths[digest], limits=plan.settings.media)


def _version(distribution: str) -> str:
    from importlib.metadata import version

    return version(distribution)
