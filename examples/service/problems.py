"""Every error as problem JSON (RFC 9457), with the HTTP status that fits its class."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

import chainer

log = logging.getLogger("uvicorn.error")

# The first that fits: children stand before their parents.
_STATUS: tuple[tuple[type[chainer.ChainerError], int], ...] = (
    (chainer.OutputError, 500),  # our folder, not the caller's
    (chainer.SettingsError, 500),  # our settings
    (chainer.InputError, 422),  # GraphError and WalkError among them
    (chainer.MediaError, 409),  # the request is right, what it names is not fit for it
    (chainer.ProvenanceError, 409),
    (chainer.PolicyRefused, 403),
    (chainer.Cancelled, 503),  # nobody but a shutdown cancels a request
    (chainer.StoreError, 503),
    (chainer.ChainerError, 500),
)


class Problem(Exception):
    """What the service itself has to say against a request."""

    def __init__(self, status: int, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.told = _told(status, code, message, facts)


def status_of(error: chainer.ChainerError) -> int:
    """The HTTP status for an error of chainer."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def problem_of(error: chainer.ChainerError) -> dict[str, Any]:
    """The error as problem JSON; of our own troubles the caller learns only that, the log all.

    Facts and messages of the others may name paths of this machine: take them out here before
    strangers are served.
    """
    status = status_of(error)
    if status >= 500:
        log.error("%s: %s", error.code, error)
        return _told(status, error.code, "the service cannot do this now; its log says why", {})
    told = error.as_json()
    return _told(status, told["code"], told["message"], told["facts"])


def answer(told: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as a response."""
    return JSONResponse(
        dict(told), told["status"], headers=headers, media_type="application/problem+json"
    )


def answer_to(error: Exception) -> JSONResponse:
    """The response to whatever a route has raised."""
    if isinstance(error, Problem):
        late = {"Retry-After": "10"} if error.told["status"] == 503 else None
        return answer(error.told, late)
    if isinstance(error, chainer.ChainerError):
        return answer(problem_of(error))
    if isinstance(error, RequestValidationError):
        faults = [
            {"at": ".".join(map(str, fault["loc"])), "problem": fault["msg"]}
            for fault in error.errors()
        ]
        return answer(_told(422, "request", "the request cannot be used", {"faults": faults}))
    if isinstance(error, HTTPException):
        return answer(_told(error.status_code, "http", str(error.detail), {}), error.headers)
    return answer(_told(500, "fault", "a fault of the service; its log says more", {}))


def _told(status: int, code: str, message: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "message": message,
        "facts": dict(facts),
    }
