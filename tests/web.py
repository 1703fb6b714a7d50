"""A browser and a web server for tests of pages: Chromium without a network but this machine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def need(tool: str) -> str:
    """The path of a program; the test is skipped where there is none, except in CI."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("CHAINER_REQUIRE_TOOLS"):
            pytest.fail(f"{tool} is missing; run scripts/browser.sh install")
        pytest.skip(f"{tool} is not installed; scripts/browser.sh install does that")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium, driven by Playwright."""
    program = need("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def hls_js(folder: Path) -> Path:
    """hls.min.js in `folder`, from the npm registry; the test is skipped where that is closed."""
    need("npm")
    done = subprocess.run(
        [ROOT / "scripts" / "browser.sh", "hls", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        if os.environ.get("CHAINER_REQUIRE_TOOLS"):
            pytest.fail(f"hls.js could not be fetched: {done.stderr}")
        pytest.skip("hls.js could not be fetched")
    return folder / "hls.min.js"


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, also through links, with ranges, and notes what was asked for."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".m3u8": "application/vnd.apple.mpegurl",
        ".m4s": "video/iso.segment",
        ".mp4": "video/mp4",
        ".vtt": "text/vtt",
        ".html": "text/html; charset=utf-8",
    }

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            super().do_GET()
            return
        data = path.read_bytes()
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first or 0), min(int(last or len(data) - 1), len(data) - 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
        self.send_header("Content-Length", str(end + 1 - start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        try:
            self.wfile.write(data[start : end + 1])
        except ConnectionError:
            return


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A browser that has seen enough hangs up: no fault."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """`folder` on a port of this machine: (address without a slash at the end, paths asked for)."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    server.asked = []  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
