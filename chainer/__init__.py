"""chainer: turns a graph of ten-second clips into episodes worth watching.

The public names, and nothing else. Importing this starts no process and loads no heavy
library: each name is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainer.allowed import still_allowed as still_allowed
    from chainer.batch.ask import plan_jobs as plan_jobs
    from chainer.batch.cluster import ClusterExecutor as ClusterExecutor
    from chainer.batch.plan import BatchPlan as BatchPlan
    from chainer.batch.report import BatchReport as BatchReport
    from chainer.batch.run import run_batch as run_batch
    from chainer.cluster_policy import ClusterPolicy as ClusterPolicy
    from chainer.compose import Planner as Planner
    from chainer.compose import find_chains as find_chains
    from chainer.compose import open_store as open_store
    from chainer.compose import plan_episode as plan_episode
    from chainer.compose import render_episode as render_episode
    from chainer.compose import render_episode_async as render_episode_async
    from chainer.consent.book import Book as Book
    from chainer.consent.book import open_book as open_book
    from chainer.consent.say import Whom as Whom
    from chainer.consent.say import grant as grant
    from chainer.episode.plan import Episode as Episode
    from chainer.episode.plan import EpisodePlan as EpisodePlan
    from chainer.episode.verify import verify_episode as verify_episode
    from chainer.errors import Cancelled as Cancelled
    from chainer.errors import ChainerError as ChainerError
    from chainer.errors import GraphError as GraphError
    from chainer.errors import InputError as InputError
    from chainer.errors import MediaDamaged as MediaDamaged
    from chainer.errors import MediaError as MediaError
    from chainer.errors import MediaMissing as MediaMissing
    from chainer.errors import MediaRefused as MediaRefused
    from chainer.errors import OutputError as OutputError
    from chainer.errors import PolicyRefused as PolicyRefused
    from chainer.errors import ProvenanceError as ProvenanceError
    from chainer.errors import RenderError as RenderError
    from chainer.errors import SettingsError as SettingsError
    from chainer.errors import StoreError as StoreError
    from chainer.errors import VerifyError as VerifyError
    from chainer.errors import WalkError as WalkError
    from chainer.graph import Chain as Chain
    from chainer.graph import Graph as Graph
    from chainer.graph import Pick as Pick
    from chainer.graph import WalkKind as WalkKind
    from chainer.graph import WalkOptions as WalkOptions
    from chainer.graph import all_chains as all_chains
    from chainer.graph import dump_graph as dump_graph
    from chainer.graph import load_graph as load_graph
    from chainer.graph import parse_graph as parse_graph
    from chainer.graph.amend import Edited as Edited
    from chainer.graph.amend import edit_graph_file as edit_graph_file
    from chainer.graph.amend import edit_log as edit_log
    from chainer.graph.amend import redo_edit as redo_edit
    from chainer.graph.amend import undo_edit as undo_edit
    from chainer.graph.sources import edit_graph as edit_graph
    from chainer.graph.sources import load_any as load_any
    from chainer.graph.sources import open_graph as open_graph
    from chainer.permission import Register as Register
    from chainer.permission import open_register as open_register
    from chainer.profile import Profile as Profile
    from chainer.provenance.signer import FilmSigner as FilmSigner
    from chainer.provenance.signer import callback_signer as callback_signer
    from chainer.publish import publish_episode as publish_episode
    from chainer.render.progress import Progress as Progress
    from chainer.series.make import SeriesMade as SeriesMade
    from chainer.series.make import make_series as make_series
    from chainer.settings import Settings as Settings
    from chainer.settings import load_settings as load_settings
    from chainer.settings import named_profile as named_profile
    from chainer.sift import sift_takes as sift_takes
    from chainer.store import Store as Store
    from chainer.story import load_template as load_template
    from chainer.story import story_graph as story_graph
    from chainer.version import __version__ as __version__
    from chainer.withdrawal import catch_up as catch_up
    from chainer.withdrawal import withdraw as withdraw

_HOMES = {
    "chainer.allowed": "still_allowed",
    "chainer.batch.ask": "plan_jobs",
    "chainer.batch.cluster": "ClusterExecutor",
    "chainer.batch.plan": "BatchPlan",
    "chainer.batch.report": "BatchReport",
    "chainer.batch.run": "run_batch",
    "chainer.cluster_policy": "ClusterPolicy",
    "chainer.consent.book": "Book open_book",
    "chainer.consent.say": "Whom grant",
    "chainer.compose": "Planner find_chains open_store plan_episode render_episode "
    "render_episode_async",
    "chainer.episode.plan": "Episode EpisodePlan",
    "chainer.episode.verify": "verify_episode",
    "chainer.errors": "Cancelled ChainerError GraphError InputError MediaDamaged MediaError "
    "MediaMissing MediaRefused OutputError PolicyRefused ProvenanceError RenderError "
    "SettingsError StoreError VerifyError WalkError",
    "chainer.graph": "Chain Graph Pick WalkKind WalkOptions all_chains dump_graph load_graph "
    "parse_graph",
    "chainer.graph.amend": "Edited edit_graph_file edit_log redo_edit undo_edit",
    "chainer.graph.sources": "edit_graph load_any open_graph",
    "chainer.permission": "Register open_register",
    "chainer.profile": "Profile",
    "chainer.provenance.signer": "FilmSigner callback_signer",
    "chainer.publish": "publish_episode",
    "chainer.render.progress": "Progress",
    "chainer.series.make": "SeriesMade make_series",
    "chainer.settings": "Settings load_settings named_profile",
    "chainer.sift": "sift_takes",
    "chainer.store": "Store",
    "chainer.story": "load_template story_graph",
    "chainer.version": "__version__",
    "chainer.withdrawal": "catch_up withdraw",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the names are the table's keys


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'chainer' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
