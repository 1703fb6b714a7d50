"""Pins: which keys and bytes eviction must spare, because something finished still refers to them.

A pin speaks for a folder: an episode's, or that of a batch that is not through. While the folder
exists, the pin is live; when it is gone, so is the reason. Only the machine that wrote a pin can
tell, so the pins of others are live until they are taken away.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import Digest
from chainer.errors import StoreError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_YOUNG = timedelta(minutes=10)
"""A pin may be written before its folder has its name."""

_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Pin(BaseModel):
    """One pin as it is written: `made` has a zone, `folder` is absolute on the machine `host`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.pin/1"] = Field(default="chainer.pin/1", alias="schema")
    name: str
    keys: tuple[_Hex, ...] = ()
    blobs: tuple[_Hex, ...] = ()
    folder: Path
    host: str
    made: datetime

    def is_live(self, now: datetime) -> bool:
        """Whether what it speaks for may still be there."""
        if self.host != socket.gethostname() or now - self.made < _YOUNG:
            return True
        try:
            self.folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            pass  # it is there, or nobody can tell
        return True


@dataclass(slots=True)
class Held:
    """What eviction must spare. `dead` names pins whose folder is gone."""

    keys: set[Digest] = field(default_factory=set)
    blobs: set[Digest] = field(default_factory=set)
    dead: list[str] = field(default_factory=list)


def check_pin_name(name: str) -> str:
    """The name. Raises `ValueError` where it is none that a file can have everywhere."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"not a pin's name: {name!r}; up to 200 letters, digits, dots, dashes and underscores, "
            "a letter or digit first"
        )
    return name


def pin_of(name: str, keys: Iterable[Digest], blobs: Iterable[Digest], folder: Path) -> Pin:
    """A pin made here and now. Raises `ValueError` for a digest that is none."""
    return Pin(
        name=name,
        keys=tuple(sorted(set(keys))),
        blobs=tuple(sorted(set(blobs))),
        folder=folder.absolute(),
        host=socket.gethostname(),
        made=datetime.now(UTC),
    )


def parse_pin(name: str, text: bytes) -> Pin | None:
    """The pin that `text` is; None where it is none, or one of another name."""
    try:
        pin = Pin.model_validate_json(text)
    except ValidationError:
        return None
    return pin if pin.name == name and pin.made.tzinfo is not None else None


def held_by(texts: Iterable[tuple[str, bytes]], place: str) -> Held:
    """What the pins keep, by their names and texts.

    Raises `StoreError` with code `store-pin` for one that does not read: what it keeps is not
    known, so nothing may go. `place` is what the message calls the folder of pins.
    """
    held = Held()
    now = datetime.now(UTC)
    for name, text in texts:
        pin = parse_pin(name, text)
        if pin is None:
            raise StoreError(
                f"the pin {place}/{name} cannot be read, so nobody knows what it keeps, and "
                "nothing was evicted; write it anew by making its episode or batch again, or "
                "remove it if that is gone",
                code="store-pin",
                pin=name,
                path=f"{place}/{name}",
            )
        if pin.is_live(now):
            held.keys.update(pin.keys)
            held.blobs.update(pin.blobs)
        else:
            held.dead.append(name)
    return held
