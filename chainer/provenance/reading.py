"""Asks the door about a file, in a child process under limits, and checks what it answers.

The answer comes from a stranger's file through a native library: it is read like any input,
and nothing of it is shown before it is cleaned.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import threading
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chainer.errors import ProvenanceError
from chainer.media.child import ChildLimits, ChildResult, run_child
from chainer.media.source import SourceFile
from chainer.provenance import door
from chainer.provenance.policy import Verdict
from chainer.provenance.traces import Trace, find_traces

ARCHIVE = "archive.c2pa"
_DOOR = Path(door.__file__)
_ARCHIVE_BYTES = 8 << 20
_LIMITS = ChildLimits(
    wall_seconds=60,
    cpu_seconds=60,
    memory_bytes=1 << 30,
    file_bytes=_ARCHIVE_BYTES,
    open_files=64,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")

_SOFT = frozenset(
    {
        "signingCredential.untrusted",
        "signingCredential.expired",
        "claimSignature.outsideValidity",
        "timeStamp.untrusted",
        "timeStamp.outsideValidity",
    }
)
"""Failures that say nothing against what was signed, only about who signed it and when."""


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _UNPRINTABLE.sub(" ", value).strip()[:200]


Line = Annotated[str, BeforeValidator(_clean)]
"""A stranger's words, fit to be shown: one line, 200 characters, nothing unprintable."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RawDelta(_Answer):
    """What is wrong with the ingredient `at`, beyond what was recorded when it was put in."""

    at: Line
    codes: tuple[Line, ...]


class RawAction(_Answer):
    """An action of the manifest, and the names of the ingredients that it places."""

    action: Line | None
    places: tuple[Line, ...]


class RawIngredient(_Answer):
    """An ingredient: its own name, the label of its manifest, and what is on record of it.

    `known` tells that its signer was trusted by whoever put it in.
    """

    name: Line | None
    relationship: Line | None
    label: Line | None
    known: bool
    codes: tuple[Line, ...]


class RawAnswer(_Answer):
    """What the door found in one file; the strings are the file's own."""

    found: bool
    problem: Line = ""
    label: Line | None = None
    state: Line | None = None
    codes: tuple[Line, ...] = ()
    known: bool = Field(default=False, description="whether the signer is among the trusted")
    deltas: tuple[RawDelta, ...] = ()
    issuer: Line | None = None
    common_name: Line | None = None
    signed_at: Line | None = None
    generator: Line | None = None
    source_type: Line | None = None
    actions: tuple[RawAction, ...] = ()
    ingredients: tuple[RawIngredient, ...] = ()
    governance: Any = None
    packed: bool = False
    traces: frozenset[Trace] = frozenset()
    unsafe: Line = Field(default="", description="why the file could not be read safely")

    @property
    def failures(self) -> tuple[str, ...]:
        """The codes of all that is wrong, ingredients included: sorted, each once."""
        inner = [code for delta in self.deltas for code in delta.codes]
        return tuple(sorted({*self.codes, *inner}))

    @property
    def verdict(self) -> Verdict:
        """What the answer amounts to."""
        if self.found:
            return verdict_of(self.failures, self.state)
        return Verdict.LOST if self.unsafe or self.traces else Verdict.NONE


def is_soft(code: str) -> bool:
    """Whether a failure says nothing against what was signed."""
    return code in _SOFT


def verdict_of(failures: Collection[str], state: str | None) -> Verdict:
    """The verdict on credentials with these failures, which the library calls `state`."""
    if not all(is_soft(code) for code in failures):
        return Verdict.TAMPERED
    if state == "Trusted":
        return Verdict.TRUSTED
    # An expired certificate makes the library say Invalid too, but then it says why.
    return Verdict.UNTRUSTED if state == "Valid" or failures else Verdict.TAMPERED


def ask(
    source: SourceFile,
    *,
    anchors: str,
    ekus: Sequence[str],
    folder: Path | None = None,
    label: str | None = None,
    cancel: threading.Event | None = None,
) -> RawAnswer:
    """What the credentials of `source` say; with `label`, also packed into `folder/ARCHIVE`.

    Without `label` no folder is needed, and nothing is written. Only a file with the mark of a
    manifest store is shown to the library. A child that is stopped or crashes is an answer too:
    `unsafe` says what happened. Raises `ProvenanceError` where the library itself cannot be had,
    `MediaError` where the file changes meanwhile, `Cancelled` when `cancel` is set.
    """
    traces = find_traces(source)
    if Trace.STORE not in traces:
        source.check_unchanged()
        return RawAnswer(found=False, traces=traces)
    order = {
        "site": _site(),
        "config": door.settings(anchors, ekus),
        "archive": None if label is None else ARCHIVE,
        "label": label,
    }
    home = folder or Path("/")
    with source.lend() as descriptor:
        result = run_child(
            [sys.executable, "-I", "-S", str(_DOOR)],
            limits=_LIMITS,
            pass_fds=(descriptor,),
            stdin=json.dumps({**order, "descriptor": descriptor}).encode(),
            cancel=cancel,
            cwd=home,
            env={"HOME": str(home), "TMPDIR": str(home)},
        )
    source.check_unchanged()
    return _answer(result).model_copy(update={"traces": traces})


def _answer(result: ChildResult) -> RawAnswer:
    lines = result.stdout.splitlines()
    unsafe = "" if result.ok else result.stopped or f"it ended with {result.returncode}"
    try:
        answer = RawAnswer.model_validate_json(lines[0]) if lines else None
        packed = len(lines) == 2 and json.loads(lines[1]) == {"packed": True}
    except (ValidationError, ValueError):
        answer, unsafe = None, unsafe or "its answer makes no sense"
    if answer is None:
        return RawAnswer(found=False, unsafe=unsafe or "it gave no answer")
    return answer.model_copy(update={"packed": packed and not unsafe, "unsafe": unsafe})


@cache
def _site() -> str:
    """The folder that the library lies in: an isolated child may look elsewhere."""
    spec = importlib.util.find_spec("c2pa")
    if spec is None or spec.origin is None:
        raise ProvenanceError(
            "c2pa-python is not installed, and without it no Content Credentials can be read; "
            "install chainer with its dependencies",
            code="provenance-library",
        )
    return str(Path(spec.origin).parent.parent)
