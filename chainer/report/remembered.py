"""`continuity.json` as the report reads it: what the memory held and where it drifts.

Takes what it knows and lets the rest be, so that a newer or older file still tells its part.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import read_regular
from chainer.episode.remembered import CONTINUITY_NAME
from chainer.errors import VerifyError

_MOST_BYTES = 64 << 20


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class MeasureRead(_Read):
    """One number at a joint; from `threshold` on it is drift. `confidence` is 0 to 1."""

    value: float = Field(allow_inf_nan=False)
    unit: str = ""
    threshold: float = Field(allow_inf_nan=False)
    confidence: float = 1.0


class FindingRead(_Read):
    """Something that drifted; `declared` says why that is meant, empty where it is not."""

    flag: str
    words: str
    subject: str | None = None
    declared: str | None = None
    confidence: float = 1.0


class GradeRead(_Read):
    """Colours brought near: how far they lay apart before and after, in CIEDE2000."""

    shift_de: float
    residual_de: float


class JointRead(_Read):
    """Two neighbouring atoms; `fits` is 1 where the second goes on perfectly."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: str
    flags: tuple[str, ...] = ()
    measures: dict[str, MeasureRead] = {}
    findings: tuple[FindingRead, ...] = ()
    grade: GradeRead | None = None
    grade_why: str = ""
    fits: float = 0.0
    notes: tuple[str, ...] = ()


class PaletteRead(_Read):
    """A colour by name, its CIELAB values, and its share of a figure."""

    name: str
    lab: tuple[float, float, float]
    weight: float


class CharacterRead(_Read):
    """A character at the end of the chain."""

    name: str = ""
    text: str = ""
    presence: str = ""
    confidence: float = 0.0
    facts: dict[str, str] = {}
    palette: tuple[PaletteRead, ...] = ()


class FactRead(_Read):
    """What holds of a character or the world; `source` is `declared` or `observed`."""

    subject: str
    key: str
    value: str
    source: str
    atom: str = ""


class WorldRead(_Read):
    """The world at the end of the chain, in words."""

    text: str = ""
    place_name: str | None = None
    time_of_day: str | None = None


class Remembered(_Read):
    """The whole file, as far as the report tells it."""

    chain: tuple[str, ...] = ()
    joints: tuple[JointRead, ...] = ()
    characters: dict[str, CharacterRead] = {}
    facts: tuple[FactRead, ...] = ()
    world: WorldRead = WorldRead()

    def joint(self, source: str, target: str) -> JointRead | None:
        """What was found between two atoms."""
        return next(
            (one for one in self.joints if (one.source, one.target) == (source, target)), None
        )


def read_remembered(folder: Path) -> Remembered:
    """What the folder says. Raises `VerifyError` where there is nothing that reads."""
    path = folder / CONTINUITY_NAME
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise VerifyError(f"{CONTINUITY_NAME} has more bytes than it may", path=str(path))
        return Remembered.model_validate_json(read_regular(path))
    except OSError as error:
        raise VerifyError(
            f"{CONTINUITY_NAME} cannot be read: {error.strerror}", path=str(path)
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise VerifyError(
            f"{CONTINUITY_NAME} is damaged: {place}: {first['msg']}", path=str(path)
        ) from error
