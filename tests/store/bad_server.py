"""A server that speaks enough S3 for a store, and answers badly when told to."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

CODES = {"403": "AccessDenied", "503": "SlowDown", "507": "InsufficientStorage"}


class BadServer(http.server.ThreadingHTTPServer):
    """`mode`: good, hang, drop, stall, lie, short, no-bucket, or a status to answer with.

    `requests` counts what came, by method.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "good"
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.requests: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no matter."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadServer

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        mode, name = self.server.mode, self.path.split("?")[0]
        self.server.requests.append(self.command)
        if mode == "hang":
            self.server.released.wait(30)
            self.close_connection = True
        elif mode == "drop":
            self.close_connection = True
        elif mode == "no-bucket":
            self.fail(404, "NoSuchBucket")
        elif mode.isdigit():
            self.fail(int(mode), CODES.get(mode, "Odd"))
        elif self.command == "PUT":
            with self.server.lock:
                taken = name in self.server.objects and self.headers.get("if-none-match") == "*"
                if not taken:
                    self.server.objects[name] = body
            if taken:
                self.fail(412, "PreconditionFailed")
            else:
                self.send(200, b"", {"etag": '"x"'})
        elif name in self.server.objects:
            self.give(self.server.objects[name], mode)
        else:
            self.fail(404, "NoSuchKey")

    do_GET = do_PUT = do_HEAD = do_POST = answer  # noqa: N815  (its base calls them so)

    def give(self, data: bytes, mode: str) -> None:
        if mode == "lie":
            data = b"\0" * len(data)
        headers = {
            "etag": '"x"',
            "last-modified": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        }
        status = 200
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", "")):
            first, whole = int(wanted[1]), len(data)
            last = int(wanted[2] or whole - 1)
            data = data[first : last + 1]
            headers["content-range"] = f"bytes {first}-{last}/{whole}"
            status = 206
        headers["content-length"] = str(len(data))
        if mode in ("short", "stall"):
            data = data[: len(data) // 2]
        self.send(status, b"" if self.command == "HEAD" else data, headers)
        if mode == "stall":
            self.wfile.flush()
            self.server.released.wait(30)
        self.close_connection = mode in ("short", "stall")

    def fail(self, status: int, code: str) -> None:
        text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>m</Message></Error>'
        self.send(status, b"" if self.command == "HEAD" else text.encode(), {})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its base calls it so)
        """Say nothing."""


@contextlib.contextmanager
def bad_server() -> Iterator[BadServer]:
    server = BadServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
