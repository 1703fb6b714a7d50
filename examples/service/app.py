"""The routes: `uvicorn examples.service.app:app`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

import chainer
from examples.service.config import config_from
from examples.service.job import State
from examples.service.orders import Order
from examples.service.problems import Problem, answer_to
from examples.service.service import Service

_FRESH = {"Cache-Control": "no-store"}


@contextlib.asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    config = config_from()
    loop = asyncio.get_running_loop()
    # Renders must not take all threads away from plans and questions to the ledger.
    loop.set_default_executor(ThreadPoolExecutor(2 * config.at_once + 8))
    service = app.state.service = Service(config)
    try:
        with _told_early(lambda: loop.call_soon_threadsafe(service.stop)):
            yield
    finally:
        await service.close()


@contextlib.contextmanager
def _told_early(stop: Callable[[], Any]) -> Iterator[None]:
    """Have `stop` called at the signal itself.

    The server tells an application to stop when its last response has ended, and an event stream
    ends when its render does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def told(number: int, frame: FrameType | None) -> None:
        stop()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    mine = [number for number, handler in before.items() if callable(handler)]
    for number in mine:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


app = FastAPI(title="Episodes", lifespan=_life)


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    return answer_to(error)


for _kind in (Problem, chainer.ChainerError, RequestValidationError, HTTPException, Exception):
    app.add_exception_handler(_kind, _refuse)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]


@app.post("/episodes")
async def order(order: Order, service: TheService) -> JSONResponse:
    """Ask for an episode: 202 while it is made, 200 where it is done already."""
    job = await service.order(order)
    told = job.as_json()
    status = 200 if job.state is State.DONE else 202
    return JSONResponse(told, status, headers={"Location": told["url"], **_FRESH})


@app.get("/episodes/{name}")
async def state(name: str, service: TheService) -> JSONResponse:
    """How far it is."""
    return JSONResponse(service.find(name).as_json(), headers=_FRESH)


@app.delete("/episodes/{name}")
async def cancel(name: str, service: TheService) -> JSONResponse:
    """Stop it. Answers when it has stopped, with how it ended."""
    return JSONResponse((await service.cancel(name)).as_json(), headers=_FRESH)


@app.get("/episodes/{name}/events")
async def events(
    name: str, service: TheService, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """Server-sent events. Whoever comes back gets the state now; who has seen the end gets 204."""
    job = service.find(name)
    if job.ended and last_event_id == job.state.value:
        return Response(status_code=204)  # tells a browser not to come again
    return StreamingResponse(
        job.follow(service.config.keep_alive),
        media_type="text/event-stream",
        headers={**_FRESH, "X-Accel-Buffering": "no"},
    )


_FILES = {
    "film": ("episode.mp4", "video/mp4"),
    "manifest": ("episode.json", "application/json"),
    "chapters": ("chapters.vtt", "text/vtt"),
}


@app.api_route("/episodes/{name}/{part}", methods=["GET", "HEAD"])
async def part(name: str, part: str, service: TheService) -> FileResponse:
    """A file of a finished episode; ranges are understood."""
    if part not in _FILES:
        raise Problem(404, "unknown-part", f"an episode has {', '.join(_FILES)}", part=part[:64])
    file, media_type = _FILES[part]
    path = await service.shown(name, file)
    return FileResponse(path, media_type=media_type, headers=_FRESH)
