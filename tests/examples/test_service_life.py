"""An episode's whole life over HTTP: asked for, followed, delivered, found again, taken back."""

from __future__ import annotations

import json
import shutil
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.consent.say import refuse
from chainer.consent.words import Use
from tests.examples.serving import Server, until
from tests.film.coded import Coded, read_codes

Serve = Callable[..., Server]


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve()


def renders(server: Server) -> int:
    return sum("rendering" in line for line in server.lines)


def test_a_film_is_ordered_followed_and_watched(server: Server) -> None:
    reply = server.client.post("/episodes", json={"graph": "coded", "start": "c1"})
    assert reply.status_code == 202
    told = reply.json()
    assert reply.headers["location"] == told["url"] == f"/episodes/{told['id']}"
    events = list(server.events(told["events"]))
    assert [event.name for event in events[:-1]] == ["progress"] * (len(events) - 1)
    assert events[-1].name == events[-1].id == "done"
    done = [event.data["done"] for event in events]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert all({"phase", "state", "done"} <= event.data.keys() for event in events)
    numbers = [int(event.id) for event in events[:-1]]
    assert numbers == sorted(set(numbers))
    state = server.state(told)
    assert state["state"] == "done"
    film = server.client.get(state["film"])
    assert film.status_code == 200
    assert film.headers["content-type"] == "video/mp4"
    folder = server.out / told["id"]
    assert film.content == (folder / "episode.mp4").read_bytes()
    assert chainer.verify_episode(folder).whole
    atoms = {code[0] for code in read_codes(folder / "episode.mp4") if code}
    assert atoms == {1, 2, 3, 4}
    manifest = server.client.get(state["manifest"])
    assert manifest.headers["content-type"] == "application/json"
    assert manifest.json()["chain"] == ["c1", "c2", "c3", "c4"]
    chapters = server.client.get(state["chapters"])
    assert chapters.headers["content-type"].startswith("text/vtt")
    assert chapters.text.startswith("WEBVTT")
    too_late = server.client.delete(told["url"])
    assert (too_late.status_code, too_late.json()["state"]) == (200, "done")
    assert server.client.head(state["film"]).status_code == 200


def test_a_part_of_the_film_is_that_part_of_the_file(server: Server) -> None:
    told = server.order()
    assert server.end(told).name == "done"
    url = f"{told['url']}/film"
    whole = (server.out / told["id"] / "episode.mp4").read_bytes()
    for wanted, part in [
        ("bytes=0-99", whole[:100]),
        ("bytes=1000-4999", whole[1000:5000]),
        (f"bytes={len(whole) - 10}-", whole[-10:]),
        ("bytes=-37", whole[-37:]),
    ]:
        reply = server.client.get(url, headers={"Range": wanted})
        assert reply.status_code == 206
        assert reply.content == part
        assert reply.headers["content-range"].endswith(f"/{len(whole)}")
    reply = server.client.get(url, headers={"Range": f"bytes={len(whole)}-"})
    assert reply.status_code == 416
    head = server.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole))
    assert head.headers["accept-ranges"] == "bytes"
    assert head.headers["cache-control"] == "no-store"


def test_the_same_film_is_made_once_for_everybody(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        orders: list[dict[str, Any]] = [{}, {"end": "c4"}, {"kind": "series"}, {"through": ["c3"]}]
        told = list(pool.map(lambda order: server.order(**order), orders))
    (one,) = {each["id"] for each in told}
    with ThreadPoolExecutor(4) as pool:
        assert {event.name for event in pool.map(server.end, told)} == {"done"}
    again = server.order(expect=200)
    assert (again["id"], again["state"]) == (one, "done")
    assert renders(server) == 1
    other = server.order(end="c3")
    draft = server.order(draft=True)
    assert len({one, other["id"], draft["id"]}) == 3
    assert {server.end(other).name, server.end(draft).name} == {"done"}
    assert server.delivered() == sorted([one, other["id"], draft["id"]])
    manifest = server.client.get(f"{draft['url']}/manifest").json()
    assert manifest["draft"] is True
    assert (manifest["profile"]["width"], manifest["profile"]["height"]) == (90, 160)
    short = server.order(max_seconds="9/2")
    assert server.end(short).name == "done"
    assert len(server.client.get(f"{short['url']}/manifest").json()["chain"]) < 4


def test_what_changes_the_film_changes_its_id(server: Server, graphs: Path) -> None:
    def frames() -> int:
        told = server.order(end="c2")
        assert server.end(told).name == "done"
        ids.add(told["id"])
        return int(server.client.get(f"{told['url']}/manifest").json()["frames"])

    ids: set[str] = set()
    path = graphs / "coded.json"
    text = path.read_text()
    first = frames()
    path.write_text(text.replace('"Coded"', '"Another title"'))
    assert frames() == first
    path.write_text(text.replace('"p-a"', '"p-b"'))
    assert frames() == first
    path.write_text(text)
    Coded(2, 75).write(graphs / "media" / "c2.mp4")
    assert frames() > first
    assert len(ids) == 4


def test_an_attempt_that_came_to_nothing_does_not_hide_a_film_that_is_there(
    serve: Serve, graphs: Path
) -> None:
    server = serve()
    told = server.order(graph="long", start="c11")
    assert server.end(told).name == "done"
    manifest = server.out / told["id"] / "episode.json"
    text = manifest.read_text()
    manifest.write_text("{")
    shutil.rmtree(server.store / "ac")  # so that making it takes its time
    again = server.order(graph="long", start="c11")
    assert server.client.delete(again["url"]).json()["state"] == "cancelled"
    manifest.write_text(text)
    assert server.order(expect=200, graph="long", start="c11")["id"] == told["id"]
    assert server.state(told)["state"] == "done"


def test_a_service_that_starts_again_finds_what_is_finished(serve: Serve) -> None:
    first = serve()
    told = first.order()
    assert first.end(told).name == "done"
    first.close(signal.SIGKILL)
    second = serve()
    assert second.state(told)["state"] == "done"
    assert [event.name for event in second.events(told["events"])] == ["done"]
    assert second.client.get(f"{told['url']}/film").status_code == 200
    assert second.order(expect=200)["id"] == told["id"]
    assert renders(second) == 0


def test_a_folder_that_was_damaged_is_not_shown_but_made_anew(server: Server) -> None:
    told = server.order()
    assert server.end(told).name == "done"
    (server.out / told["id"] / "episode.json").write_text("{")
    reply = server.client.get(f"{told['url']}/film")
    assert (reply.status_code, reply.json()["code"]) == (500, "verify")
    again = server.order()
    assert again["id"] == told["id"]
    assert server.end(again).name == "done"
    assert server.client.get(f"{told['url']}/film").status_code == 200


def test_who_comes_back_hears_the_state_now_and_who_knows_the_end_is_sent_home(
    server: Server,
) -> None:
    told = server.order()
    (first, *_) = server.events(told["events"], last="7")
    assert first.name in ("progress", "done")
    assert server.end(told).name == "done"
    (end,) = server.events(told["events"], last="3")
    assert end.name == "done"
    reply = server.client.get(told["events"], headers={"Last-Event-ID": end.id})
    assert (reply.status_code, reply.content) == (204, b"")


def test_a_listener_that_reads_nothing_or_leaves_holds_up_nobody(server: Server) -> None:
    told = server.order()
    host, port = server.client.base_url.host, server.client.base_url.port
    assert port is not None
    request = f"GET {told['events']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with (
        socket.create_connection((host, port)) as deaf,
        socket.create_connection((host, port)) as gone,
    ):
        deaf.sendall(request)
        gone.sendall(request)
        gone.close()
        with ThreadPoolExecutor(8) as pool:
            assert {event.name for event in pool.map(server.end, [told] * 8)} == {"done"}
    assert server.state(told)["state"] == "done"
    assert renders(server) == 1


def test_a_stream_without_news_is_kept_alive(serve: Serve) -> None:
    server = serve(at_once=1, keep_alive=0.05)
    told = server.order(graph="long", start="c11")
    second = server.order()
    with server.client.stream("GET", second["events"]) as reply:
        assert any(line.startswith(": ") for line in reply.iter_lines())
    assert server.client.delete(second["url"]).json()["state"] == "cancelled"
    server.client.delete(told["url"])


# ---------------------------------------------------------------------------------------------
# Consent


@pytest.fixture
def register(graphs: Path) -> chainer.Register:
    """c2 shows Mei and is Bo's; she has said nothing yet."""
    path = graphs / "coded.json"
    data = json.loads(path.read_text())
    data["graph"]["characters"] = {"mei": {"name": "Mei", "person": "p-mei"}}
    data["graph"]["ledger"] = "consent.jsonl"
    data["nodes"][1] |= {"author": "p-bo", "cast": [{"character": "mei"}]}
    path.write_text(json.dumps(data))
    register = chainer.open_register(graphs / "consent.jsonl", create=True)
    register.book.settle()
    chainer.grant(register.book, "p-ada", chainer.Whom(("p-bo",)))
    return register


def agree(register: chainer.Register) -> None:
    whom = chainer.Whom(("p-bo", "p-a"))
    chainer.grant(register.book, "p-mei", whom, uses=(Use.DRAFT, Use.EPISODE))


def test_what_nobody_agreed_to_is_refused_with_who_and_why(
    register: chainer.Register, server: Server
) -> None:
    told = server.order(expect=403, end="c2")
    assert (told["status"], told["code"]) == (403, "consent")
    assert told["facts"]["refusals"][0]["person_name"] == "p-mei"
    agree(register)
    assert server.end(server.order(end="c2")).name == "done"


@pytest.mark.parametrize("marked", [True, False])
def test_what_was_taken_back_is_not_shown_any_more_and_may_be_allowed_again(
    *, register: chainer.Register, server: Server, marked: bool
) -> None:
    agree(register)
    told = server.order(end="c2")
    assert server.end(told).name == "done"
    parts = [f"{told['url']}/{part}" for part in ("film", "manifest", "chapters")]
    assert [server.client.get(part).status_code for part in parts] == [200] * 3
    if marked:
        chainer.withdraw(register, chainer.Store(server.store), "p-mei")
    else:  # the entry alone, as when whoever took it back was killed
        refuse(register.book, "p-mei")
    for part in parts:
        reply = server.client.get(part, headers={"Range": "bytes=0-9"})
        assert (reply.status_code, reply.json()["code"]) == (451, "withdrawn")
        assert "p-mei" not in reply.text
    assert server.order(expect=403, end="c2")["code"] == "consent"
    agree(register)
    again = server.order(expect=202 if marked else 200, end="c2")
    assert again["id"] == told["id"]
    assert server.end(again).name == "done"
    assert server.client.get(parts[0]).status_code == 200


def test_consent_that_cannot_be_asked_is_no_consent(
    register: chainer.Register, server: Server, graphs: Path
) -> None:
    agree(register)
    told = server.order(end="c2")
    assert server.end(told).name == "done"
    for file in graphs.glob("consent.*"):
        file.rename(file.with_name(f"away-{file.name}"))
    reply = server.client.get(f"{told['url']}/film")
    assert (reply.status_code, reply.json()["code"]) == (503, "ledger")


def test_consent_taken_back_while_the_order_waits_in_line_fails_it(
    register: chainer.Register, serve: Serve
) -> None:
    agree(register)
    server = serve(at_once=1)
    first = server.order(graph="long", start="c11")
    told = server.order(end="c2")
    chainer.withdraw(register, chainer.Store(server.store), "p-mei")
    server.client.delete(first["url"])
    end = server.end(told)
    assert end.name == "failed"
    assert end.data["problem"]["status"] == 403
    until(lambda: server.state(told)["state"] == "failed")
    assert server.delivered() == []
