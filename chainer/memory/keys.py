"""What observations and steps of the memory are kept by; light, for those that are known already.

A key holds all that changes its value, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainer.digest import Digest, bytes_digest, key_of
from chainer.graph import Appearance, Atom, Edge
from chainer.memory.models import models_digest
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.state import MemoryState

Told = Mapping[str, Mapping[str, str | bool | int | None]]
"""What the graph declares for good: facts by key, by character."""

OBSERVE = 1
"""Raised whenever the same take would be observed differently: old ones are then not used."""

STEP = 1
"""Raised whenever the same inputs would make another state or report."""


def observation_key(
    media: Digest,
    start: Fraction,
    seconds: Fraction,
    *,
    cast: Sequence[Appearance] = (),
    references: Mapping[str, Sequence[bytes]] | None = None,
    faces: FacePolicy,
    rate: Fraction = Fraction(30),
) -> Digest:
    """What an observation is kept by: all that changes it, and nothing of the graph around it.

    `media` is the digest of the file, the rest as `observe` takes it.
    """
    looks = [[one.character, None if one.box is None else [*one.box], one.at] for one in cast]
    shown = {
        name: [bytes_digest(picture) for picture in pictures]
        for name, pictures in sorted((references or {}).items())
    }
    return key_of(
        "observation",
        {
            "version": OBSERVE,
            "media": media,
            "window": [start, seconds],
            "rate": rate,
            "cast": looks,
            "references": list(shown.items()),
            # The model is known by its content, not by where it lies.
            "faces": faces.model_dump_json(exclude={"detector_model"}),
            "models": models_digest(faces),
        },
    )


def step_key(
    state: MemoryState | None,
    observation: Digest,
    atom: Atom,
    edge: Edge | None,
    names: Mapping[str, str],
    facts: Told,
    policy: MemoryPolicy,
    faces: FacePolicy,
) -> Digest:
    """The digest of the state that `step` makes of these."""
    return key_of(
        "memory-step",
        {
            "version": STEP,
            "before": state.digest if state is not None else "",
            "observation": observation,
            "atom": atom.model_dump_json(),
            "edge": edge.model_dump_json() if edge is not None else "",
            "names": dict(names),
            "facts": {name: dict(known) for name, known in facts.items()},
            "policy": policy.model_dump_json(),
            "faces": faces.model_dump_json(exclude={"detector_model"}),
        },
    )
