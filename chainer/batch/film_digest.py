"""What names a film that is to be delivered: equal for equal films of equal settings.

A job whose digest is that of a finished film is not made again, so everything that changes the
delivered folder is in it, and nothing that changes by itself: not how far the consent ledger has
been read, not what is in the store, not the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from chainer.batch.job import Job
from chainer.digest import Digest, bytes_digest, key_of
from chainer.episode.plan import EpisodePlan
from chainer.graph import Atom, Graph
from chainer.settings import Settings
from chainer.timebase import time_text
from chainer.version import __version__

_OF_THE_MACHINE = {"store", "cluster", "workers", "ffmpeg", "media", "providers"}
"""Settings that change where, how fast and whether a film is made, but not the film; the FFmpeg
that is used is in the key of every step."""


class FilmDigests:
    """Digests of films; what many films share is digested once."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[object, Digest]] = {}

    def of(self, plan: EpisodePlan) -> Digest:
        """The digest of what `plan` delivers.

        Made of: the keys of slots, joints and poster, the chain, the title, the chapters, each
        atom's entry in the graph with the media and the take that plays, the graph's own head
        (characters, places, series, title), the settings but for those of the machine, who is
        asked for consent, and the version of chainer.
        """
        told = {
            "version": __version__,
            "steps": [
                *plan.render.slots,
                *plan.render.joints,
                plan.render.poster,
                plan.render.bed,
            ],
            "chain": plan.chain.id,
            "title": [plan.titles.heading, plan.titles.line],
            "chapters": [[mark.title, mark.frame, mark.atom] for mark in plan.chapters],
            "atoms": [
                [self._atom(one.atom), one.media.digest, one.take, one.used.first, one.used.frames]
                for one in plan.atoms
            ],
            "sketches": [self._atom(atom) for atom in plan.sketches],
            "graph": self._graph(plan.graph),
            "settings": self._settings(plan.settings),
            "asked": [plan.consented.ledger_id, plan.consented.composer],
        }
        return key_of("batch-film", told)

    def of_fault(self, job: Job) -> Digest:
        """The digest of a job without a plan: of what was asked."""
        options = job.options
        limit = options.max_seconds
        told = {
            "version": __version__,
            "graph": job.graph,
            "start": job.start,
            "kind": options.kind,
            "end": options.end,
            "through": options.through,
            "max_seconds": None if limit is None else time_text(limit),
            "path": options.path,
            "pick": options.pick,
            "prefer": [[key, str(weight)] for key, weight in options.prefer],
            "avoid": options.avoid,
            "new_author": options.author_changes_on_remix,
            "chain": None if job.chain is None else job.chain.id,
            "settings": self._settings(job.settings),
        }
        return key_of("batch-fault", told)

    def _atom(self, atom: Atom) -> Digest:
        return self._once(atom, lambda: atom.model_dump_json(exclude_unset=True))

    def _graph(self, graph: Graph) -> Digest:
        return self._once(graph, lambda: json.dumps([graph.source, graph.info.model_dump_json()]))

    def _settings(self, settings: Settings) -> Digest:
        return self._once(settings, lambda: settings.model_dump_json(exclude=_OF_THE_MACHINE))

    def _once(self, value: object, text: Callable[[], str]) -> Digest:
        known = self._texts.get(id(value))
        if known is None:
            # The object is held too, so that no other gets its id meanwhile.
            known = self._texts[id(value)] = (value, bytes_digest(text().encode()))
        return known[1]
