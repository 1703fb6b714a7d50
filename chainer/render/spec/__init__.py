"""What a step makes, as values: everything that changes its bytes is here and in its key."""

from __future__ import annotations

from chainer.digest import Digest, key_of
from chainer.render.spec.bed import (
    BedSpec,
    SoundRun,
)
from chainer.render.spec.card import (
    CaptionPolicy,
    CardKind,
    CardSpec,
    CardStyle,
    Cues,
    TextKind,
    TextSpec,
)
from chainer.render.spec.clip import (
    ConformPolicy,
    ConformSpec,
    ExtendSpec,
    Fit,
    FuseJoin,
    Overlay,
    Way,
    overlay_parts,
    stills_of,
)
from chainer.render.spec.joint import (
    JointSpec,
)
from chainer.render.spec.mark import (
    MarkSpec,
    WatermarkPolicy,
)
from chainer.render.spec.poster import (
    PosterSpec,
)
from chainer.render.spec.segments import (
    SegmentsSpec,
)
from chainer.render.spec.steps import (
    StepType,
)

__all__ = [
    "BedSpec",
    "CaptionPolicy",
    "CardKind",
    "CardSpec",
    "CardStyle",
    "ConformPolicy",
    "ConformSpec",
    "Cues",
    "ExtendSpec",
    "Fit",
    "FuseJoin",
    "JointSpec",
    "MarkSpec",
    "Overlay",
    "PosterSpec",
    "SegmentsSpec",
    "SoundRun",
    "Spec",
    "StepType",
    "Still",
    "TextKind",
    "TextSpec",
    "WatermarkPolicy",
    "Way",
    "media_of",
    "overlay_parts",
    "spec_key",
    "stills_of",
]

Still = MarkSpec | TextSpec
"""What is drawn first and laid over clips."""

Spec = (
    ConformSpec
    | ExtendSpec
    | JointSpec
    | CardSpec
    | PosterSpec
    | MarkSpec
    | TextSpec
    | BedSpec
    | SegmentsSpec
)


def media_of(spec: Spec) -> tuple[Digest, ...]:
    """The media of strangers that a step reads."""
    if isinstance(spec, ExtendSpec):
        return tuple(dict.fromkeys(clip.media for clip in spec.clips))
    return (spec.media,) if isinstance(spec, ConformSpec | BedSpec) else ()


def spec_key(spec: Spec) -> Digest:
    """The key of the step that makes `spec`."""
    return key_of(spec.type.value, spec.parts())
