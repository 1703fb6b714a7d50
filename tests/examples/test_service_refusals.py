"""Bad input, and every error in the same clothes."""

from __future__ import annotations

import ast
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import chainer
from examples.service.config import config_from
from examples.service.job import Job, State
from examples.service.problems import problem_of, status_of
from tests.examples.serving import ROOT, SMALL, Server

Serve = Callable[..., Server]


def problem(reply: httpx.Response) -> tuple[int, str]:
    told = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert told.keys() == {"type", "title", "status", "code", "message", "facts"}
    assert told["status"] == reply.status_code
    assert told["message"]
    return reply.status_code, told["code"]


def test_bad_orders_are_refused_by_their_kind(serve: Serve, graphs: Path) -> None:
    (graphs.parent / "outside.json").write_text((graphs / "coded.json").read_text())
    (graphs / "broken.json").write_text('{"graph": {"schema": "chainer.graph/1"}, "nodes": 3}')
    lost = json.loads((graphs / "coded.json").read_text())
    lost["nodes"][0]["media"] = "media/none.mp4"
    (graphs / "lost.json").write_text(json.dumps(lost))
    server = serve()

    def post(**order: Any) -> tuple[int, str]:
        order = {"graph": "coded", "start": "c1", **order}
        return problem(server.client.post("/episodes", json=order))

    assert post(graph="nothing") == (404, "unknown-graph")
    for name in ("../outside", "..", "/etc/passwd", "a/b", "coded\n", "", "x" * 65, "..%2foutside"):
        assert post(graph=name) == (422, "request")
    for wrong in (
        {"start": "../c1"},
        {"start": 3},
        {"kind": "all"},
        {"max_seconds": 9.5},
        {"max_seconds": "1/0"},
        {"max_seconds": -1},
        {"through": "c1"},
        {"draft": "yes"},
        {"out": "/tmp/x"},
    ):
        assert post(**wrong) == (422, "request")
    assert post(start="c99") == (422, "unknown-atom")
    assert post(end="c99")[0] == 422
    assert post(max_seconds="0") == (422, "walk-options")
    assert post(max_seconds="1/1000")[0] == 422
    assert post(graph="broken") == (422, "graph")
    assert post(graph="lost") == (409, "media-missing")
    for body in (b"{", b"[]", b"", b"\xff", b'{"graph": "coded"}'):
        reply = server.client.post(
            "/episodes", content=body, headers={"Content-Type": "application/json"}
        )
        assert problem(reply)[0] in (400, 422)
    assert server.delivered() == []
    assert server.children() == []


def test_there_is_nothing_but_episodes(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "out" / "named").mkdir()
    (tmp_path / "out" / "named" / "episode.json").write_text("{}")
    for name in ("0" * 32, "named", "..%2F..", "%2e%2e", ".store", "A" * 32, "0" * 33):
        assert problem(server.client.get(f"/episodes/{name}"))[0] == 404
        assert problem(server.client.delete(f"/episodes/{name}"))[0] in (404, 405)
        for part in ("events", "film", "manifest", "chapters", "report.json"):
            assert problem(server.client.get(f"/episodes/{name}/{part}"))[0] == 404
    assert problem(server.client.get("/"))[0] == 404
    assert problem(server.client.put("/episodes", json={}))[0] == 405


def test_two_services_do_not_share_a_folder(serve: Serve) -> None:
    serve()
    with pytest.raises(AssertionError, match="another service works in this folder"):
        serve()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (chainer.GraphError("g.json", []), 422),
        (chainer.WalkError("x"), 422),
        (chainer.InputError("x"), 422),
        (chainer.SettingsError("x"), 500),
        (chainer.OutputError("x"), 500),
        (chainer.MediaMissing("x"), 409),
        (chainer.MediaRefused("x"), 409),
        (chainer.MediaDamaged("x"), 409),
        (chainer.ProvenanceError("x"), 409),
        (chainer.PolicyRefused("x"), 403),
        (chainer.RenderError("x", argv=["ffmpeg"], stderr="/secret"), 500),
        (chainer.StoreError("x"), 503),
        (chainer.VerifyError("x"), 500),
        (chainer.Cancelled("x"), 503),
        (chainer.ChainerError("x"), 500),
    ],
)
def test_every_error_has_its_status(error: chainer.ChainerError, status: int) -> None:
    assert status_of(error) == status
    told = problem_of(error)
    assert (told["status"], told["code"]) == (status, error.code)
    assert (told["message"] == str(error)) is (status < 500)
    assert "secret" not in json.dumps(told)


def test_every_public_error_is_in_the_table_above() -> None:
    known = {
        name
        for name in chainer.__all__
        if isinstance(value := getattr(chainer, name), type)
        and issubclass(value, chainer.ChainerError)
    }
    marks = test_every_error_has_its_status.pytestmark  # type: ignore[attr-defined]
    tried = {type(error).__name__ for error, _ in marks[0].args[1]}
    assert known - tried == {"MediaError"}  # the parent of three


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(SMALL)
    env = {"SERVICE_GRAPHS": str(tmp_path), "SERVICE_OUT": str(tmp_path / "o")}
    config = config_from({**env, "SERVICE_SETTINGS": str(file), "SERVICE_AT_ONCE": "1"})
    assert (config.store, config.workers) == (tmp_path / "o" / ".store", 2)
    assert config.settings.store.path == config.store
    assert config.settings.profile.name == "small"
    draft = config.made_with(draft=True).profile
    assert (draft.width, draft.height, draft.draft) == (90, 160, True)
    assert config_from({**env, "CHAINER_STORE": str(tmp_path / "s")}).store == tmp_path / "s"
    for name, value in [
        ("SERVICE_GRAPHS", str(tmp_path / "none")),
        ("SERVICE_AT_ONCE", "0"),
        ("SERVICE_LINE", "many"),
        ("SERVICE_KEEP_ALIVE", "nan"),
        ("SERVICE_SETTINGS", str(tmp_path / "none.toml")),
    ]:
        with pytest.raises(chainer.SettingsError):
            config_from({**env, name: value})


def test_a_listener_that_is_late_reads_only_the_latest() -> None:
    async def follow() -> list[str]:
        job = Job("0" * 32)
        job.tell(State.RUNNING, done=0.0)
        stream = job.follow(keep_alive=60)
        heard = [await anext(stream), await anext(stream)]
        for step in range(1, 10_001):
            job.progress(chainer.Progress("conform", "c1", step / 10_001, step, 10_001, None))
        heard.append(await anext(stream))
        job.tell(State.DONE, done=1.0)
        job.progress(chainer.Progress("conform", "late", 0.5, 1, 2, None))
        heard += [text async for text in stream]
        return heard

    retry, first, latest, *rest = asyncio.run(follow())
    assert retry.startswith("retry:")
    assert '"done": 0.0' in first
    assert '"done": 0.9999' in latest
    (end,) = rest
    assert end.startswith("id: done\nevent: done\n")
    assert '"state": "done"' in end
    assert '"done": 1.0' in end
    assert "conform" not in end


# ---------------------------------------------------------------------------------------------
# Only public names


def private_names(source: str) -> list[str]:
    """What a module takes of chainer that is not public."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.startswith("chainer.")]
            found += [one.asname for one in node.names if one.name == "chainer" and one.asname]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "chainer":
            found += [f"{node.module}.{one.name}" for one in node.names]
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "chainer"
            and node.attr not in chainer.__all__
        ):
            found.append(f"chainer.{node.attr}")
    return found


def test_the_example_uses_public_names_alone() -> None:
    modules = sorted((ROOT / "examples").rglob("*.py"))
    assert len(modules) >= 6
    assert {
        str(path): names for path in modules if (names := private_names(path.read_text()))
    } == {}
    assert any("chainer.render_episode_async" in path.read_text() for path in modules)


@pytest.mark.parametrize(
    "source",
    [
        "import chainer.compose",
        "from chainer.errors import ChainerError",
        "from chainer import compose",
        "import chainer as c",
        "import chainer\nchainer.compose.open_store",
        "import chainer\nchainer.nothing",
    ],
)
def test_a_private_name_would_be_found(source: str) -> None:
    assert private_names(source)
    assert private_names("import chainer\nchainer.load_graph") == []


def test_importing_the_example_starts_nothing() -> None:
    code = "import sys, examples.service.app as a; print(a.app.title, 'av' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout == "Episodes False\n"
