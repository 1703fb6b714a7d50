"""What one finished step left in the store: its files by digest, and facts about them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_HEX64 = r"^[0-9a-f]{64}$"


class Artefact(BaseModel):
    """One file: the SHA-256 of its bytes, and how many there are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern=_HEX64)
    size: int = Field(ge=0)


class Record(BaseModel):
    """The answer to a step's key. `facts` holds plain JSON values that later steps read."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.record/1"] = Field(default="chainer.record/1", alias="schema")
    key: str = Field(pattern=_HEX64)
    type: str
    files: dict[str, Artefact] = {}
    facts: dict[str, Any] = {}

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files.values())
