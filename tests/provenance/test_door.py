"""The child starts fast, and still starts where the library comes to want more."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from chainer.provenance import door
from chainer.provenance.reading import _site

START = textwrap.dedent("""
    import importlib.util, json, sys
    spec = importlib.util.spec_from_file_location("door", sys.argv[1])
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    sys.path.append(sys.argv[2])
    door._import_fast()
    light = "email" not in sys.modules
    import c2pa
    from importlib.metadata import PackageNotFoundError
    print(json.dumps([light, bool(c2pa.Reader)]))
""")


def start(site: str) -> str:
    argv = [sys.executable, "-I", "-S", "-c", START, str(Path(door.__file__)), site]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_library_is_loaded_without_what_it_does_not_need() -> None:
    assert start(_site()) == "[true, true]"


@pytest.mark.parametrize(
    "wants",
    [
        "from importlib.metadata import PackageNotFoundError, version",
        "import importlib.metadata\nimportlib.metadata.distributions()",
    ],
)
def test_a_library_that_wants_more_gets_it(wants: str, tmp_path: Path) -> None:
    (tmp_path / "c2pa").mkdir()
    (tmp_path / "c2pa" / "__init__.py").write_text(f"{wants}\nfrom c2pa.c2pa import Reader\n")
    (tmp_path / "c2pa" / "c2pa.py").write_text("Reader = 1\n")
    assert start(str(tmp_path)) == "[true, true]"
