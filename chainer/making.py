"""An episode that is being made: on the store's list, its steps leased, then handed over whole.

Package and sign, the second half of the story in `compose.py`; a batch makes the steps of many
episodes together and hands each over from here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chainer.digest import Digest, key_of
from chainer.enrol import Enrolment, enrolled
from chainer.episode.captions import captions_vtt
from chainer.episode.chapters import chapters_vtt
from chainer.episode.folder import check_target, whole_folder
from chainer.episode.hls import LINK_NAME, write_playlists
from chainer.episode.making import MAKING_NAME, making_of
from chainer.episode.manifest import Manifest
from chainer.episode.marks import film_facts
from chainer.episode.otio import OTIO_NAME, demand_otio, otio_text
from chainer.episode.package import FilmParts, credits_text, manifest_of, write_folder
from chainer.episode.plan import EpisodePlan
from chainer.episode.remembered import continuity_text
from chainer.episode.sign import claim_of, signed, signer_of
from chainer.errors import Cancelled, StoreError
from chainer.media.source import SourceFile, open_source
from chainer.mp4 import Chapter
from chainer.permission import Register, register_of
from chainer.provenance.signer import FilmSigner
from chainer.render.assemble import assemble
from chainer.render.make import Kitchen
from chainer.render.run import Runner
from chainer.store import Record, Store
from chainer.store import open_store as open_policy
from chainer.store.links import segments_folder
from chainer.timebase import to_seconds
from chainer.version import __version__


def store_of(plan: EpisodePlan) -> Store:
    """The store that a plan was made for."""
    return open_policy(plan.settings.store.model_copy(update={"path": plan.store}))


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


def _chapters(plan: EpisodePlan) -> tuple[Chapter, ...]:
    fps = plan.settings.profile.fps
    return tuple(Chapter(to_seconds(mark.frame, fps), mark.title) for mark in plan.chapters)


def _timelines(plan: EpisodePlan) -> dict[str, str]:
    """The timeline for editing programs, by its name, where it is asked for."""
    return {OTIO_NAME: otio_text(plan)} if plan.settings.otio.write else {}


def _opener(plan: EpisodePlan) -> Callable[[Digest], AbstractContextManager[SourceFile]]:
    paths = plan.media_paths
    return lambda digest: open_source(paths[digest], limits=plan.settings.media)
