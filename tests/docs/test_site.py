"""The site builds without a warning, needs no network, and says what the code says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainer
from chainer.errors import SettingsError
from chainer.settings import load_profile, load_settings

from .console import DOCS, ROOT

TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [TOOLS / "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_site_fetches_nothing(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="?([^"\s>]+)')
    for page in pages:
        for address in loads.findall(page.read_text(encoding="utf-8")):
            assert not address.startswith(("http:", "https:", "//")), f"{page}: {address}"
    assert (site / "search/search_index.json").stat().st_size > 10_000


def test_reference_pages_say_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/make_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_key_of_the_graph_format_is_told() -> None:
    page = (DOCS / "graph.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "graphs/graph.schema.json").read_text(encoding="utf-8"))
    told = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    for name, one in {"file": schema, **schema["$defs"]}.items():
        for key in one.get("properties", {}):
            assert key in told, f"{name}.{key}"
        for word in one.get("enum", []):
            assert f"`{word}`" in page, f"{name}: {word}"


def test_the_example_of_the_graph_format_loads(tmp_path: Path) -> None:
    page = (DOCS / "graph.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example is not None
    for name in ("a1", "a1-take2", "a2", "a2r"):
        (tmp_path / f"media/{name}.mp4").parent.mkdir(exist_ok=True)
        (tmp_path / f"media/{name}.mp4").touch()
    (tmp_path / "graph.json").write_text(example[1], encoding="utf-8")
    assert len(chainer.load_graph(tmp_path / "graph.json").atoms) == 3


def test_settings_of_the_docs_load(tmp_path: Path) -> None:
    found = 0
    path = tmp_path / "told.toml"
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            if "…" in block:
                continue  # something is left out there
            path.write_text(block, encoding="utf-8")
            try:
                load_settings(path)
            except SettingsError:
                load_profile(path)  # a profile may have a file of its own
            found += 1
    assert found > 3


def test_no_page_names_a_folder_of_one_machine() -> None:
    ours = [str(ROOT), str(Path.home()) + "/", "/home/"]
    for page in [*DOCS.rglob("*.md"), ROOT / "README.md"]:
        text = page.read_text(encoding="utf-8").replace("/root/.cache/chainer}", "")
        for path in ours:
            assert path not in text, f"{page} names {path}"
