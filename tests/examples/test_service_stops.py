"""Cancelling and shutting down: no FFmpeg is left, and nothing half-written."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import httpx
import psutil
import pytest

from tests.examples.serving import SLOW, SMALL, Event, Server, until

Serve = Callable[..., Server]


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(settings=SLOW, at_once=1)


def test_a_render_is_stopped_in_the_middle(server: Server) -> None:
    told = server.order(graph="long", start="c11")
    children = server.wait_for_render(told)
    heard: list[Event] = []
    listener = Thread(target=lambda: heard.extend(server.events(told["events"])))
    listener.start()
    reply = server.client.delete(told["url"])
    assert (reply.status_code, reply.json()["state"]) == (200, "cancelled")
    assert server.children() == []
    assert not any(child.is_running() for child in children)
    assert server.delivered() == []
    listener.join(30)
    assert [event.name for event in heard][-1:] == ["cancelled"]
    assert server.client.delete(told["url"]).json() == reply.json()
    assert server.state(told)["state"] == "cancelled"
    film = server.client.get(f"{told['url']}/film")
    assert (film.status_code, film.json()["code"]) == (409, "not-done")
    again = server.order(graph="long", start="c11")  # a cancelled film may be ordered again
    assert again["id"] == told["id"]
    server.wait_for_render(again)
    server.client.delete(again["url"])


def test_the_line_keeps_its_order_and_a_cancelled_one_never_starts(server: Server) -> None:
    first, second, third = (
        server.order(graph="long", start=start) for start in ("c11", "c12", "c13")
    )
    fourth = server.order(graph="long", start="c12", draft=True)
    server.wait_for_render(first)
    everybody = (first, second, third, fourth)
    assert [server.state(one).get("place") for one in everybody] == [None, 1, 2, 3]
    assert server.client.get(f"{third['url']}/film").status_code == 409
    assert server.client.delete(second["url"]).json()["state"] == "cancelled"
    assert server.client.delete(second["url"]).json()["state"] == "cancelled"
    assert server.state(third)["place"] == 1
    assert server.state(first)["state"] == "running"
    server.client.delete(first["url"])
    server.wait_for_render(third)
    assert (server.state(fourth)["state"], server.state(fourth)["place"]) == ("queued", 1)
    assert server.state(second)["state"] == "cancelled"
    assert not any(f"{second['id']}: rendering" in line for line in server.lines)
    for one in (fourth, third):
        server.client.delete(one["url"])
    assert server.delivered() == []


def test_a_full_line_says_so_and_still_lets_others_join(serve: Serve) -> None:
    server = serve(settings=SLOW, at_once=1, line=1)
    first = server.order(graph="long", start="c11")
    second = server.order(graph="long", start="c12")
    reply = server.client.post("/episodes", json={"graph": "long", "start": "c13"})
    assert (reply.status_code, reply.json()["code"]) == (503, "line-full")
    assert reply.headers["retry-after"]
    assert server.order(graph="long", start="c12")["id"] == second["id"]
    server.client.delete(first["url"])
    server.wait_for_render(second)
    server.client.delete(second["url"])


def test_a_client_that_leaves_does_not_stop_the_render(serve: Serve) -> None:
    server = serve()
    told = server.order(graph="long", start="c11")
    with server.client.stream("GET", told["events"]) as reply:
        next(reply.iter_lines())
    assert server.state(told)["state"] in ("queued", "running")
    events = list(server.events(told["events"]))
    assert events[-1].name == "done"
    assert any(0 < event.data["done"] < 1 for event in events)
    assert {event.data["phase"] for event in events} & {"conform", "joint", "assemble"}


def test_a_render_that_fails_says_so_and_keeps_its_reasons_to_the_log(server: Server) -> None:
    told = server.order(graph="long", start="c11")
    server.wait_for_render(told)
    for encoder in server.encoders():
        encoder.kill()
    end = server.end(told)
    assert (end.name, end.data["state"]) == ("failed", "failed")
    problem = end.data["problem"]
    assert (problem["status"], problem["code"], problem["facts"]) == (500, "render", {})
    assert "libx264" not in problem["message"]
    assert any("libx264" in line for line in server.lines)
    until(lambda: server.children() == [])
    assert server.delivered() == []
    assert server.order(graph="long", start="c11")["id"] == told["id"]
    server.client.delete(told["url"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_shutdown_leaves_no_process_and_no_half_film(
    serve: Serve, number: signal.Signals
) -> None:
    server = serve(settings=SLOW, at_once=1)
    told = server.order(graph="long", start="c11")
    waiting = server.order(graph="long", start="c12")
    children = server.wait_for_render(told)
    heard: list[Event] = []
    listener = Thread(target=lambda: heard.extend(server.events(told["events"])))
    if number != signal.SIGKILL:  # an open stream must not hold it up
        listener.start()
    status = server.close(number)
    until(lambda: not any(alive(child) for child in children))
    if number == signal.SIGKILL:
        assert status == -number
    else:
        assert status in (-number, 0)
        listener.join(30)
        assert [event.name for event in heard][-1:] == ["cancelled"]
        assert server.delivered() == []
    after = serve()
    assert after.client.get(told["url"]).status_code == 404
    assert after.client.get(waiting["url"]).status_code == 404
    assert after.delivered() == []  # what was killed is swept


def test_a_shutdown_stops_a_plan_that_is_still_looking(serve: Serve) -> None:
    server = serve(settings=SMALL.replace("[memory]\nenabled = false", ""))
    replies: list[httpx.Response] = []
    order = {"graph": "long", "start": "c11"}
    client = Thread(
        target=lambda: replies.append(server.client.post("/episodes", json=order)),
    )
    client.start()
    children = until(server.children)  # looking at the clips
    assert server.encoders() == []
    server.process.send_signal(signal.SIGTERM)
    client.join(60)
    (reply,) = replies
    assert reply.status_code == 503
    assert reply.json()["code"] in ("cancelled", "stopping")
    assert server.close() in (-signal.SIGTERM, 0)
    until(lambda: not any(alive(child) for child in children))
    assert server.delivered() == []


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_half_a_film_of_a_killed_service_is_swept(serve: Serve, tmp_path: Path) -> None:
    left = tmp_path / "out" / f".{'0' * 32}.1-abc.partial"
    left.mkdir(parents=True)
    (left / "episode.mp4").write_bytes(b"half")
    assert serve().delivered() == []
