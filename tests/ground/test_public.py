"""What `import chainer` gives, and what it does not do."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import chainer

NAMES = [
    "BatchPlan",
    "BatchReport",
    "Book",
    "Cancelled",
    "Chain",
    "ChainerError",
    "ClusterExecutor",
    "ClusterPolicy",
    "Edited",
    "Episode",
    "EpisodePlan",
    "FilmSigner",
    "Graph",
    "GraphError",
    "InputError",
    "MediaDamaged",
    "MediaError",
    "MediaMissing",
    "MediaRefused",
    "OutputError",
    "Pick",
    "Planner",
    "PolicyRefused",
    "Profile",
    "Progress",
    "ProvenanceError",
    "Register",
    "RenderError",
    "SeriesMade",
    "Settings",
    "SettingsError",
    "Store",
    "StoreError",
    "VerifyError",
    "WalkError",
    "WalkKind",
    "WalkOptions",
    "Whom",
    "__version__",
    "all_chains",
    "callback_signer",
    "catch_up",
    "dump_graph",
    "edit_graph",
    "edit_graph_file",
    "edit_log",
    "find_chains",
    "grant",
    "load_any",
    "load_graph",
    "load_settings",
    "load_template",
    "make_series",
    "named_profile",
    "open_book",
    "open_graph",
    "open_register",
    "open_store",
    "parse_graph",
    "plan_episode",
    "plan_jobs",
    "publish_episode",
    "redo_edit",
    "render_episode",
    "render_episode_async",
    "run_batch",
    "sift_takes",
    "still_allowed",
    "story_graph",
    "undo_edit",
    "verify_episode",
    "withdraw",
]

HEAVY = [
    "numpy",
    "av",
    "c2pa",
    "cryptography",
    "cv2",
    "moviepy",
    "networkx",
    "pydantic",
    "ffmpeg",
    "imageio_ffmpeg",
    "click",
    "sqlalchemy",
    "alembic",
    "yaml",
    "distributed",
    "obstore",
    "jinja2",
    "opentimelineio",
]


def test_the_public_names_are_these() -> None:
    assert sorted(chainer.__all__) == sorted(NAMES)
    assert len(set(chainer.__all__)) == len(chainer.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(chainer, name)
    assert value is getattr(chainer, name)
    assert name in dir(chainer)
    if name != "__version__":
        assert value.__module__.startswith("chainer.")


def test_type_checkers_are_told_the_same_names() -> None:
    """The imports under TYPE_CHECKING and the table of homes agree, module by module."""
    tree = ast.parse(Path(chainer.__file__).read_text(encoding="utf-8"))
    told: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chainer."):
            assert all(alias.asname == alias.name for alias in node.names)
            names = {alias.name for alias in node.names}
            told.setdefault(node.module or "", set()).update(names)
    assert told == {home: set(names.split()) for home, names in chainer._HOMES.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        chainer.nonsense  # noqa: B018
    with pytest.raises(ImportError):
        exec("from chainer import nonsense")


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z0-9.+-]*)?", chainer.__version__)


def test_importing_loads_nothing_heavy_and_starts_no_process() -> None:
    program = textwrap.dedent(f"""
        import json, os, sys
        started = []
        def watch(event, args):
            if event in {{"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty",
                         "os.exec", "os.system", "os.spawn", "socket.connect"}}:
                started.append(event)
        sys.addaudithook(watch)
        import chainer
        chainer.__all__, dir(chainer), chainer.__version__
        from chainer import ChainerError, StoreError
        heavy = sorted(set({HEAVY!r}) & set(sys.modules))
        children = open("/proc/self/task/%d/children" % os.getpid()).read().split()
        import threading
        print(json.dumps([started, heavy, children, threading.active_count()]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [[], [], [], 1]
    assert done.stderr == ""
