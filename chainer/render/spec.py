"""What a step makes, as values: everything that changes its bytes is here and in its key."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chainer.digest import Digest, key_of
from chainer.media.info import MediaInfo
from chainer.profile import Profile
from chainer.render.encoder import ENGINE
from chainer.timeline.joint import JointStyle


class StepType(StrEnum):
    """The kinds of cached work."""

    CONFORM = "conform"
    EXTEND = "extend"
    """An extended slot that its media does not fill by itself."""
    CARD = "card"
    JOINT = "joint"
    POSTER = "poster"
    MARK = "mark"
    TEXT = "text"
    BED = "bed"
    """The whole film's sound, with music under it."""


class Fit(StrEnum):
    """How a picture of another shape fills the frame.

    `cover` crops, `contain` adds black, `blur` adds a blurred copy of the picture; `auto` covers
    where at most a tenth is cropped and blurs elsewhere.
    """

    AUTO = "auto"
    COVER = "cover"
    CONTAIN = "contain"
    BLUR = "blur"


class ConformPolicy(BaseModel):
    """Choices of the conform step that are no part of the house format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fit: Fit = Fit.AUTO


class WatermarkPolicy(BaseModel):
    """The visible mark that is burned into every clip, but not into cards.

    `service` is its first line, `handle` says whether the author's id stands below it. `opacity`
    is in percent. `font` None takes the bundled one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    service: str = Field(default="chainer", min_length=1, max_length=40)
    handle: bool = True
    opacity: int = Field(default=90, ge=40, le=100)
    font: str | None = None

    @field_validator("service")
    @classmethod
    def _one_plain_line(cls, value: str) -> str:
        value = unicodedata.normalize("NFC", value)
        if not value.isprintable() or value != value.strip():
            raise ValueError("must be one line, without spaces around it or control characters")
        # Letters are set one after another from the left: the same way on every machine, but
        # wrong where they join, stack, or run the other way.
        for char in value:
            joins = unicodedata.category(char)[0] == "M"
            if joins or unicodedata.bidirectional(char) in ("R", "AL", "AN"):
                raise ValueError(
                    f"{char!r} (U+{ord(char):04X}) belongs to a script whose letters join or run "
                    "from right to left, which the mark cannot set; write the name in another"
                )
        return value


@dataclass(frozen=True, slots=True)
class MarkSpec:
    """The visible mark of one author at one frame size, as a picture with transparency.

    `handle` is the author's id, empty where the mark shows none; `font` the digest of the font
    that `policy` names; `maker` the version of what draws it.
    """

    type: ClassVar[StepType] = StepType.MARK

    handle: str
    policy: WatermarkPolicy
    font: Digest
    width: int
    height: int
    maker: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return ()

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "service": self.policy.service,
            "handle": self.handle,
            "opacity": self.policy.opacity,
            "font": self.font,
            "profile": [self.width, self.height],
            "maker": self.maker,
        }


@dataclass(frozen=True, slots=True)
class Overlay:
    """Text over frames [first, last) of a clip; `still` is the key of the step that draws it."""

    still: Digest
    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ConformSpec:
    """One atom in the house format: `frames` from frame `first` of the media at the house rate.

    `grade` has twelve whole numbers in units of 1/10,000, a 3x3 matrix row by row and three
    offsets; see `grade.useful_grade`. `mark` is the key of the visible mark's step, None for a
    clip without one; `station`, 0 to 3, is where the mark stands first. `gain` is in dB over the
    house loudness, `overlays` the texts that are burned in.
    """

    type: ClassVar[StepType] = StepType.CONFORM

    media: Digest
    info: MediaInfo
    first: int
    frames: int
    profile: Profile
    policy: ConformPolicy
    build: str
    grade: tuple[int, ...] | None = None
    mark: Digest | None = None
    station: int = 0
    gain: Fraction = Fraction(0)
    overlays: tuple[Overlay, ...] = ()

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one: the mark, then the texts in order, each once."""
        return stills_of(self.mark, self.overlays)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts: dict[str, Any] = {
            "engine": ENGINE,
            "media": self.media,
            "trim": [self.first, self.frames],
            "profile": self.profile.key(),
            "policy": self.policy.model_dump(mode="json"),
            "build": self.build,
        }
        if self.grade is not None:
            parts["grade"] = list(self.grade)
        if self.mark is not None:
            parts["mark"] = self.mark
            parts["station"] = self.station
        if self.gain:
            parts["gain"] = str(self.gain)
        if self.overlays:
            parts["text"] = overlay_parts(self.overlays)
        return parts


class Way(StrEnum):
    """How an extended slot is filled where its media is shorter than it."""

    FUSE = "fuse"
    STRETCH = "stretch"
    HOLD = "hold"


class FuseJoin(StrEnum):
    """How the two clips of a fused slot flow into each other."""

    MORPH = "morph"
    CROSSFADE = "crossfade"


@dataclass(frozen=True, slots=True)
class ExtendSpec:
    """An extended slot of exactly `frames`, made of `clips` in one go.

    Each of `clips` says which frames of which media are taken in (all that it plays, before
    it is extended) and with which grade and mark; it has no overlays of its own. Two where `way` is
    `fuse`: `overlap` frames of them then play at once. `overlays` are counted in the slot.
    """

    type: ClassVar[StepType] = StepType.EXTEND

    way: Way
    clips: tuple[ConformSpec, ...]
    frames: int
    overlap: int = 0
    join: FuseJoin = FuseJoin.CROSSFADE
    overlays: tuple[Overlay, ...] = ()

    @property
    def profile(self) -> Profile:
        """That of the clips."""
        return self.clips[0].profile

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one: the marks, then the texts, each once."""
        marks = [clip.mark for clip in self.clips]
        return tuple(dict.fromkeys((*filter(None, marks), *(o.still for o in self.overlays))))

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts = {
            "engine": ENGINE,
            "way": [self.way.value, self.join.value, self.overlap],
            "frames": self.frames,
        }
        told = [clip.parts() for clip in self.clips]
        for name in dict.fromkeys(name for one in told for name in one):
            parts[name] = [one.get(name) for one in told]
        if self.overlays:
            parts["text"] = overlay_parts(self.overlays)
        return parts


def stills_of(mark: Digest | None, overlays: tuple[Overlay, ...]) -> tuple[Digest, ...]:
    """The steps that draw what is laid over a clip, each once."""
    return tuple(dict.fromkeys((*filter(None, [mark]), *(one.still for one in overlays))))


def overlay_parts(overlays: tuple[Overlay, ...]) -> list[list[Any]]:
    """Overlays as a key is made of them."""
    return [[one.still, one.kind, one.first, one.last] for one in overlays]


@dataclass(frozen=True, slots=True)
class JointSpec:
    """The piece between two canonical clips; numbers as in `timeline.Joint` and `JointPiece`.

    `style` is a `JointStyle`; `out` and `back` are the joint's `left` and `right`.
    """

    type: ClassVar[StepType] = StepType.JOINT

    left: Digest
    right: Digest
    style: str
    left_frames: int
    right_frames: int
    out: int
    gap: int
    back: int
    overlap: int
    right_last: int
    shift: int
    packet_first: int
    packet_last: int
    profile: Profile
    build: str
    sound_at: int = 0
    made: int = 0

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return (self.left, self.right)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "engine": ENGINE, "profile": self.profile.key()}

    @property
    def frames(self) -> int:
        """Frames of picture in the piece; 0 for a plain cut, which only has sound to join."""
        if JointStyle(self.style).blends:
            return self.out + self.gap + self.right_last - self.overlap
        return self.made + self.right_last - self.back


class CardKind(StrEnum):
    """What a card is for, which decides how it looks."""

    TITLE = "title"
    CHAPTER = "chapter"
    STORY = "story"
    """Words between two atoms."""
    CREDITS = "credits"
    """A roll: `rows` go up the screen."""
    SKETCH = "sketch"
    """An animatic: an atom that is planned, with its words and its timing."""


class Cues(StrEnum):
    """Which character cues are shown."""

    OFF = "off"
    ASKED = "asked"
    """Where the graph's chapters ask for a card of kind `character`."""
    ALL = "all"
    """Wherever one author hands over to another, too."""


class CardStyle(BaseModel):
    """How cards, cues and captions look, and which of them there are.

    Colours are sRGB as `#rrggbb`; `font` None takes the bundled one, and `fonts` are looked at, in
    order, for letters that it lacks. `chapters` shows the cards that the graph's chapters ask for;
    `credits` ends every episode with a roll, not only those whose chapters ask for one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: bool = True
    chapters: bool = True
    cues: Cues = Cues.ASKED
    credits: bool = False
    frames_per_grid: int = Field(default=4, ge=2, le=20, description="length in AV grid steps")
    text: str = Field(default="#ffffff", pattern="^#[0-9a-fA-F]{6}$")
    accent: str = Field(default="#f2b84b", pattern="^#[0-9a-fA-F]{6}$")
    font: str | None = None
    fonts: tuple[str, ...] = ()

    def look(self) -> dict[str, Any]:
        """What of the style changes how a card looks."""
        return {"text": self.text, "accent": self.accent}


class CaptionPolicy(BaseModel):
    """What becomes of the graph's dialogue.

    `write` makes `captions.vtt` and a text track in the film, `burn` draws the lines into the
    picture. `language` is a BCP 47 tag such as `en` or `zh-Hans`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    write: bool = True
    burn: bool = False
    language: str = Field(default="und", pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}$")


@dataclass(frozen=True, slots=True)
class CardSpec:
    """A card over the blurred first picture of the clip `behind`, or over a plain ground (None).

    `heading` and `line` are its words; `rows` are pairs for what has many: who and how long in a
    roll, the part and its words in a sketch. `fonts` are the digests of the fonts that together
    have all its letters, in the order in which they are tried, and `files` where they lie.
    """

    type: ClassVar[StepType] = StepType.CARD

    kind: CardKind
    behind: Digest | None
    heading: str
    line: str
    rows: tuple[tuple[str, str], ...]
    frames: int
    style: CardStyle
    fonts: tuple[Digest, ...]
    files: tuple[str, ...]
    profile: Profile
    build: str
    maker: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return () if self.behind is None else (self.behind,)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "kind": self.kind.value,
            "behind": self.behind,
            "text": [self.heading, self.line, self.rows],
            "frames": self.frames,
            "style": self.style.look(),
            "font": self.fonts,
            "profile": self.profile.key(),
            "build": self.build,
            "maker": self.maker,
        }


class TextKind(StrEnum):
    """What text over a clip is for, which decides how it looks and where it stands."""

    CUE = "cue"
    """A lower third: who hands over to whom."""
    CAPTION = "caption"
    """What is being said."""


@dataclass(frozen=True, slots=True)
class TextSpec:
    """Text over a picture: a still with transparency, drawn once, burned in by the conform step.

    `line` is the larger line, `detail` a smaller one below it or empty. It leaves `text`, a PNG,
    and the facts `width` and `height`.
    """

    type: ClassVar[StepType] = StepType.TEXT

    kind: TextKind
    line: str
    detail: str
    style: CardStyle
    fonts: tuple[Digest, ...]
    files: tuple[str, ...]
    width: int
    height: int
    maker: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return ()

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "kind": self.kind.value,
            "text": [self.line, self.detail],
            "style": self.style.look(),
            "font": self.fonts,
            "profile": [self.width, self.height],
            "maker": self.maker,
        }


@dataclass(frozen=True, slots=True)
class PosterSpec:
    """The best still of a canonical clip."""

    type: ClassVar[StepType] = StepType.POSTER

    clip: Digest
    build: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return (self.clip,)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {"engine": ENGINE, "clip": self.clip, "build": self.build}


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


Still = MarkSpec | TextSpec
"""What is drawn first and laid over clips."""

Spec = ConformSpec | ExtendSpec | JointSpec | CardSpec | PosterSpec | MarkSpec | TextSpec | BedSpec


def media_of(spec: Spec) -> tuple[Digest, ...]:
    """The media of strangers that a step reads."""
    if isinstance(spec, ExtendSpec):
        return tuple(dict.fromkeys(clip.media for clip in spec.clips))
    return (spec.media,) if isinstance(spec, ConformSpec | BedSpec) else ()


def spec_key(spec: Spec) -> Digest:
    """The key of the step that makes `spec`."""
    return key_of(spec.type.value, spec.parts())
