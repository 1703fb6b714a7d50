"""What video generators can be conditioned on, as a versioned table of data.

`providers.json` holds field names and limits as their sources gave them on the day they were
read; a newer table may be given in its place. Refuses unknown keys and a table of another schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from chainer.errors import InputError

PROVIDERS_SCHEMA = "chainer.providers/1"

IMAGE = "$image"
"""Where the name of the image goes in the shape of an input."""

_BUNDLED = Path(__file__).with_name("providers.json")
_LARGEST = 1 << 20

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
_Field = Annotated[str, StringConstraints(pattern=r"^\w+(\.\w+)*$")]
_Ratio = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}:[1-9][0-9]{0,2}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputKind(StrEnum):
    """What an image is to the generator."""

    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    REFERENCE = "reference"
    SUBJECT = "subject"
    """One portrait that the video is about."""


class Status(StrEnum):
    """Whether requests can still be sent."""

    OPEN = "open"
    ENDED = "ended"


class ImageLimits(_Frozen):
    """What an image may be. Sides in pixels; shapes as width over height."""

    formats: tuple[Literal["png", "jpeg"], ...] = Field(min_length=1)
    """Lossless first where it is preferred."""
    max_bytes: int = Field(ge=10_000)
    min_side: int = Field(ge=1, le=2048)
    max_side: int = Field(ge=256)
    narrowest: float = Field(default=0.1, gt=0, le=1)
    widest: float = Field(default=10.0, ge=1)


class Words(_Frozen):
    """Where the prompt goes and how long it may be, in UTF-16 units."""

    field: _Field
    max_chars: int = Field(ge=50)


class Seconds(_Frozen):
    """The lengths that can be asked for; `form` is how they are written."""

    field: _Field
    allowed: tuple[int, ...] = Field(min_length=1)
    form: str = "{}"
    number: bool = True


class Aspect(_Frozen):
    """The shapes that can be asked for: ratio to the provider's own word."""

    field: _Field
    values: Mapping[_Ratio, str] = Field(min_length=1)


class Input(_Frozen):
    """One way in for images: where, how many, and the shape that each is wrapped in.

    `mention` is how the prompt speaks of an image by its number in the list, counted from 1.
    """

    kind: InputKind
    field: _Field
    most: int = Field(ge=1, le=32)
    many: bool = False
    item: JsonValue
    mention: str = ""

    @field_validator("item")
    @classmethod
    def _holds_the_image(cls, value: JsonValue) -> JsonValue:
        if str(value).count(IMAGE) != 1:
            raise ValueError(f"must hold {IMAGE} once")
        return value


class Way(_Frozen):
    """One kind of request: a model, what conditions it, and its limits."""

    id: _Name
    model: str = Field(min_length=1)
    call: str
    words: str
    excludes: str = ""
    text: Words
    seconds: Seconds | None = None
    aspect: Aspect | None = None
    inputs: tuple[Input, ...] = Field(min_length=1)
    fixed: Mapping[str, JsonValue] = Field(default_factory=dict)


class Provider(_Frozen):
    """A generator. The first of its `ways` is the best for going on without a seam."""

    id: _Name
    name: str
    status: Status
    status_note: str = ""
    source: str
    read: date
    image: ImageLimits
    ways: tuple[Way, ...] = Field(min_length=1)
    model_field: _Field = "model"


class ProviderTable(_Frozen):
    """All generators, with the day that the table was put together."""

    schema_: Literal["chainer.providers/1"] = Field(alias="schema")
    version: date
    note: str = ""
    providers: tuple[Provider, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> ProviderTable:
        names = [provider.id for provider in self.providers]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"named twice: {', '.join(sorted(twice))}")
        return self


def load_providers(path: Path | None = None) -> ProviderTable:
    """The table in `path`, or the one that comes with chainer.

    Raises `InputError` where the file cannot be read or is no such table.
    """
    source = path or _BUNDLED
    try:
        with source.open("rb") as stream:
            text = stream.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"the table of providers {source} cannot be read: {error.strerror or error}",
            code="providers",
            path=str(source),
        ) from error
    if len(text) > _LARGEST:
        raise InputError(
            f"the table of providers {source} is larger than 1 MiB",
            code="providers",
            path=str(source),
        )
    try:
        return ProviderTable.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{source} is no table of providers ({PROVIDERS_SCHEMA}):{_faults(error)}",
            code="providers",
            path=str(source),
        ) from error


def _faults(error: ValidationError) -> str:
    return "".join(
        f"\n  {'.'.join(str(part) for part in one['loc']) or 'the file'}: {one['msg']}"
        for one in error.errors()[:12]
    )
