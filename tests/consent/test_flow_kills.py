"""Consent is taken back while films are made: in every phase, by threads, by processes that die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import chainer
from chainer.allowed import still_allowed
from chainer.consent.episodes import EpisodeState
from chainer.episode.verify import verify_episode
from chainer.store import Presence
from chainer.withdrawal import catch_up, withdraw
from tests.consent.flow import BO, Flow
from tests.film.coded import SMALL

DEAD = {EpisodeState.SUSPENDED, EpisodeState.BLOCKED, EpisodeState.GONE}


def settled(flow: Flow) -> None:
    """Nothing of Mei in Bo's clips is live, shown, kept or unmarked, and the rest is untouched."""
    about = [one for one in flow.index().all() if {"c2", "c3"} & {atom.id for atom in one.atoms}]
    assert {one.state for one in about} <= DEAD
    for folder in flow.folder.glob("out*"):
        manifest = json.loads((folder / "episode.json").read_text())
        if {"c2", "c3"} & set(manifest["chain"]):
            assert (folder / "suspended.json").is_file(), folder
            assert not still_allowed(folder, flow.store.root).allowed
        else:
            assert not (folder / "suspended.json").exists(), folder
            assert still_allowed(folder, flow.store.root).allowed
            assert verify_episode(folder).whole
    with flow.index().reading() as connection:
        keys = connection.execute(
            "SELECT DISTINCT p.key, p.type FROM pieces p JOIN used u ON u.piece = p.n"
            " WHERE NOT EXISTS (SELECT 1 FROM used v JOIN episodes e ON e.n = v.episode"
            " WHERE v.piece = p.n AND e.state IN ('made', 'making', 'published', 'draft'))"
        ).fetchall()
    found = [(row["key"], row["type"], flow.store.find(row["key"])[0]) for row in keys]
    left = [one for one in found if one[2] is not Presence.ABSENT]
    assert left == [], [(one.id, one.state) for one in flow.index().all()]


@pytest.mark.parametrize(
    "most", [pytest.param(2, id="few"), pytest.param(99, id="many", marks=pytest.mark.slow)]
)
def test_consent_taken_back_in_every_phase(tmp_path: Path, most: int) -> None:
    flow = Flow(tmp_path)
    flow.grants()
    events: list[int] = []
    plan = flow.plan()
    first = chainer.render_episode(plan, tmp_path / "out", on_progress=lambda _: events.append(1))
    withdraw(flow.register, flow.store, "p-mei", BO)
    settled(flow)
    last = len(events)
    assert last > 4
    every = [1 + n * (last - 1) // (most - 1) for n in range(most)]
    for number, at in enumerate(sorted(set(every))):
        flow.grants()
        plan = flow.plan()
        assert plan.chain.atoms == first.manifest.chain
        seen = 0

        def on(progress: chainer.Progress, at: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                withdraw(flow.register, flow.store, "p-mei", BO)

        target = tmp_path / f"out-{number}"
        try:
            chainer.render_episode(plan, target, on_progress=on)
        except chainer.PolicyRefused as error:
            assert not target.exists(), at
            told = error.facts.get("refusals")
            if told:
                assert told[0]["entry"] == flow.register.book.position().seq
                assert (told[0]["person_name"], told[0]["grantee_name"]) == ("p-mei", "p-bo")
        if seen < at:  # it had fewer to tell
            withdraw(flow.register, flow.store, "p-mei", BO)
        settled(flow)


def test_granting_and_revoking_while_four_threads_make_films(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.grants()
    faults: list[Exception] = []
    stop = threading.Event()

    def make(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                plan = flow.plan()
                chainer.render_episode(plan, tmp_path / f"out-{number}-{turn}")
            except chainer.PolicyRefused:
                continue
            except Exception as error:  # noqa: BLE001 - told by the test
                faults.append(error)
                return

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.4)
        withdraw(flow.register, flow.store, "p-mei", BO)
        time.sleep(0.2)
        flow.grants()
    withdraw(flow.register, flow.store, "p-mei", BO)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    catch_up(flow.register, flow.store)
    settled(flow)


def _settings(folder: Path) -> Path:
    path = folder / "settings.toml"
    path.write_text(
        "workers = 2\n[signing]\nmode = 'off'\n[card]\ntitle = false\n[memory]\nenabled = false\n"
        "[watermark]\nenabled = false\n"
        f"[profile]\nname = 'small'\nwidth = {SMALL.width}\nheight = {SMALL.height}\n"
        "preset = 'ultrafast'\ncrf = 16\nlevel = '3.1'\n"
    )
    return path


def _killed_or_done(argv: list[str], after: float) -> int:
    """The exit status of a command that is killed after so many seconds, unless it ended before."""
    with subprocess.Popen(
        [sys.executable, "-m", "chainer", *argv],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        return process.wait()


@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="few"), pytest.param(24, id="many", marks=pytest.mark.slow)]
)
def test_commands_that_are_killed_anywhere_and_repeated(tmp_path: Path, rounds: int) -> None:
    flow = Flow(tmp_path)
    settings = str(_settings(tmp_path))
    shared = ["--settings", settings, "--store", str(flow.store.root)]
    ledger = ["--ledger", str(flow.ledger)]
    chance = random.Random(7)
    statuses = []
    for number in range(rounds):
        flow.grants()
        compose = ["compose", str(flow.path), "--start", "c1", "-o", str(tmp_path / "out"), *shared]
        statuses.append(_killed_or_done(compose, chance.uniform(0.3, 1.6)))
        if number % 2:
            assert _killed_or_done(compose, 60) == 0
            assert verify_episode(tmp_path / "out").whole
        revoke = ["consent", "revoke", "p-mei", "--author", "p-bo", *ledger, *shared]
        statuses.append(_killed_or_done(revoke, chance.uniform(0.15, 0.6)))
        last = ["consent", "catch-up", *ledger, *shared] if number % 3 == 2 else revoke
        if list(flow.register.book.entries())[-1].kind != "revoke":
            last = revoke
        assert _killed_or_done(last, 60) == 0
        settled(flow)
    assert rounds == 1 or -signal.SIGKILL in statuses
