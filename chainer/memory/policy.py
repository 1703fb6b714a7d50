"""How the memory looks, judges and corrects: one frozen policy, one default each."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class FacePolicy(BaseModel):
    """Which face models are used, all optional.

    `detector_model` is a YuNet ONNX file; without it dlib's own detector is taken where the
    `faces` extra is installed, and no face is looked for where it is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    detector_model: Path | None = None
    min_width: int = Field(default=48, ge=16, le=400)
    """Pixels of the upright picture: narrower faces are seen but not told apart."""
    same_at_most: float = Field(default=0.50, gt=0, lt=2)
    """Distance of two descriptors up to which they are the same person; measured, see
    `people.py`."""
    other_at_least: float = Field(default=0.62, gt=0, lt=2)
    """Distance from which on they are two people; between the two nobody can say."""


class Thresholds(BaseModel):
    """From where on a difference is drift. Lightness and chroma in CIELAB units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seamless: float = Field(default=0.15, gt=0, lt=1)
    same_setup: float = Field(default=0.55, gt=0, lt=1)
    """Structural difference (1 - correlation of edges) up to which a joint is of this kind."""
    light_seamless: float = Field(default=0.5, gt=0)
    colour_seamless: float = Field(default=0.45, gt=0)
    light_same_setup: float = Field(default=1.0, gt=0)
    colour_same_setup: float = Field(default=0.8, gt=0)
    light_memory: float = Field(default=2.0, gt=0)
    colour_memory: float = Field(default=2.0, gt=0)
    """Against pictures of earlier clips, since which the light may have changed by itself."""
    mirror: float = Field(default=0.05, gt=0, lt=1)
    zoom: float = Field(default=0.05, gt=0)
    """log2 of the scale."""
    zoom_inliers: int = Field(default=8, ge=4)
    loudness: float = Field(default=7.0, gt=0)
    """LU between the last and the first three seconds: one in twenty true continuations jumps by
    6, and clips are brought to one loudness anyway."""
    wardrobe: float = Field(default=0.30, gt=0, lt=1)
    """Hellinger distance of torso histograms."""


class GradePolicy(BaseModel):
    """When and how far a clip's colours are brought back. Colour differences in CIEDE2000."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    min_score: float = Field(default=0.40, ge=0, le=1)
    """Share of the picture that must have a trusted counterpart."""
    min_shift: float = Field(default=0.6, ge=0)
    max_shift: float = Field(default=6.0, gt=0)
    """Beyond it a change is taken for meant."""
    max_shift_sure: float = Field(default=32.0, gt=0)
    """The same where nearly all of the picture is found again and one change of light explains
    nearly all of the difference: then nothing was meant but the light went wrong."""


class MemoryPolicy(BaseModel):
    """The memory of an episode. `enabled` False: clips are joined as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    strict: bool = False
    """Refuse (exit status 4) a chain in which drift is left after correction."""
    thresholds: Thresholds = Thresholds()
    grade: GradePolicy = GradePolicy()
    trim_replay: bool = True
    """Drop the frames at the start of a continuation that play the end of its parent again."""
    replay_frames: int = Field(default=24, ge=0, le=60)
    """The longest overlap that is looked for, in frames of the media."""
    choose_takes: bool = True
    choose_roads: bool = True
    most_candidates: int = Field(default=200, ge=0)
    """Clips that a walk may look at to choose its road; beyond, the graph alone decides."""
    weight: float = Field(default=0.1, ge=0, le=10)
    """What the worst joint costs a chain in a walk's score; an atom counts 0.1."""
    bank: int = Field(default=16, ge=4, le=64)
    sinks: int = Field(default=3, ge=0, le=8)
    """First exemplars of a chain that are never evicted."""
