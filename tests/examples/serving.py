"""The example as a stranger meets it: a real server in a process of its own, over real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[2]
PLAIN = """
workers = 2
[profile]
{profile}
[signing]
mode = "off"
[card]
title = false
[memory]
enabled = false
[watermark]
enabled = false
"""
SMALL = PLAIN.format(
    profile='name = "small"\nwidth = 180\nheight = 320\npreset = "ultrafast"\nlevel = "3.1"'
)
SLOW = PLAIN.format(profile='name = "slow"\npreset = "veryslow"')
"""720x1280: many seconds for a clip, so that there is a middle to stop in."""


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


class Server:
    """`python -m examples.service` on a free port, with what it has printed so far."""

    def __init__(self, folder: Path, graphs: Path, settings: str = SMALL, **env: object) -> None:
        self.out = folder / "out"
        self.store = folder / "store"
        file = folder / "settings.toml"
        file.write_text(settings)
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.service"],
            cwd=ROOT,
            env={
                **os.environ,
                "SERVICE_GRAPHS": str(graphs),
                "SERVICE_OUT": str(self.out),
                "SERVICE_SETTINGS": str(file),
                "SERVICE_PORT": "0",
                "CHAINER_STORE": str(self.store),
                **{f"SERVICE_{name.upper()}": str(value) for name, value in env.items()},
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.client = httpx.Client(timeout=60)
        try:
            self.client.base_url = f"http://127.0.0.1:{until(self._ready)}"
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)  # grows line by line

    def _ready(self) -> str | None:
        if self.process.poll() is not None:
            self._reader.join()
            raise AssertionError("the service did not start:\n" + "".join(self.lines))
        found = re.search(r"running on http://127\.0\.0\.1:(\d+)", "".join(self.lines))
        return found and found[1]

    def order(self, expect: int = 202, **order: Any) -> Any:
        """POST an order and give back the body."""
        reply = self.client.post("/episodes", json={"graph": "coded", "start": "c1", **order})
        assert reply.status_code == expect, reply.text
        return reply.json()

    def events(self, url: str, last: str = "") -> Iterator[Event]:
        """The stream's events, until it ends."""
        headers = {"Last-Event-ID": last} if last else {}
        with self.client.stream("GET", url, headers=headers) as reply:
            assert reply.status_code == 200
            assert reply.headers["content-type"].startswith("text/event-stream")
            told: dict[str, str] = {}
            for line in reply.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif "data" in told:
                    yield Event(told["id"], told["event"], json.loads(told["data"]))
                    told = {}

    def end(self, told: dict[str, Any]) -> Event:
        """The last event."""
        return list(self.events(told["events"]))[-1]

    def wait_for_render(self, told: dict[str, Any]) -> list[psutil.Process]:
        """Come back when FFmpeg works at it: the service's children."""
        until(lambda: self.state(told)["state"] == "running")
        return until(lambda: self.encoders() and self.children())

    def state(self, told: dict[str, Any]) -> Any:
        """GET it."""
        return self.client.get(told["url"]).json()

    def children(self) -> list[psutil.Process]:
        """Every process below the service."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def encoders(self) -> list[psutil.Process]:
        """Those that are FFmpeg and encode."""
        found = []
        for child in self.children():
            try:
                words = child.cmdline()
            except psutil.Error:
                continue
            if words and "ffmpeg" in Path(words[0]).name and "libx264" in words:
                found.append(child)
        return found

    def delivered(self) -> list[str]:
        """What lies in the output folder, hidden or not, beside the service's own lock."""
        return sorted(path.name for path in self.out.iterdir() if path.name != ".service.lock")

    def close(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            assert self.process.stderr is not None
            self.process.stderr.close()
            self.client.close()


def until(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` finds as soon as it finds something; fails where that never happens."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return found
