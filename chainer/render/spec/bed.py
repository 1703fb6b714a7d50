"""The sound of a whole film with music under it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from chainer.digest import Digest
from chainer.media.info import MediaInfo
from chainer.profile import Profile
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType


@dataclass(frozen=True, slots=True)
class SoundRun:
    """Packets [first, last) of the sound of the piece `key`, counted as `Span` counts them."""

    key: Digest
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class BedSpec:
    """The whole film's sound with music under it, encoded once.

    `runs` are what the film's sound would be copied from, in order. `media` is the music, `info`
    what it is. `gain` is its loudness over the house loudness and `duck` by how much it goes down
    under `speech`, both in dB; `speech` are half-open ranges of AAC frames of the film in which
    somebody is known to speak (None: nobody said where, so the sound itself decides).
    `edge_packets` is over how many AAC frames the music comes and goes.
    """

    type: ClassVar[StepType] = StepType.BED

    runs: tuple[SoundRun, ...]
    media: Digest
    info: MediaInfo
    gain: Fraction
    duck: Fraction
    speech: tuple[tuple[int, int], ...] | None
    edge_packets: int
    profile: Profile
    build: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one, each once."""
        return tuple(dict.fromkeys(run.key for run in self.runs))

    @property
    def packets(self) -> int:
        """AAC packets of the whole film."""
        return sum(run.last - run.first for run in self.runs)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "clip": [[run.key, run.first, run.last] for run in self.runs],
            "media": self.media,
            "policy": [str(self.gain), str(self.duck), self.speech, self.edge_packets],
            "profile": self.profile.key(),
            "build": self.build,
        }
