"""The manners of every object in a graph file: frozen, closed, but with room for `x-…` keys.

Holds the base of the models. Refuses keys that it does not know, so that a typo is a fault
and not a silent default; keys that start with `x-` belong to the caller and are carried along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

EXTENSION = "x-"
"""How the keys start that belong to the caller; also the alias that collects them."""


def _open_for_extensions(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema what the validator below does with `x-…` keys."""
    schema["properties"].pop(EXTENSION, None)
    schema["patternProperties"] = {f"^{EXTENSION}": {}}
    schema["additionalProperties"] = False


class FileModel(BaseModel):
    """One object of a graph file; `extensions` holds its `x-…` keys as plain JSON values."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        json_schema_extra=_open_for_extensions,
    )

    extensions: Mapping[str, JsonValue] = Field(default_factory=dict, alias="x-")

    @model_validator(mode="before")
    @classmethod
    def _collect_extensions(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key in data:
            if key[:2] == EXTENSION:
                break
        else:
            return data  # nearly always, and there are many objects in a large graph
        # The alias itself starts with "x-", so a file cannot reach the field past this.
        own = {key: value for key, value in data.items() if key[:2] == EXTENSION}
        rest = {key: value for key, value in data.items() if key not in own}
        return {**rest, EXTENSION: own}

    @model_serializer(mode="wrap")
    def _spread_extensions(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        own = written.pop(EXTENSION, {})
        return {**written, **own}
