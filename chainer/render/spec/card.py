"""Cards, and text over clips, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from chainer.digest import Digest
from chainer.profile import HOUSE, Profile
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType


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
    have all its letters, in the order in which they are tried, and `files` where they lie. `stamp`
    is as that of a clip.
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
    stamp: Digest | None = None

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return tuple(filter(None, (self.behind, self.stamp)))

    @property
    def blur(self) -> Fraction:
        """By how many pixels of a quarter of the size the picture behind is blurred.

        As far at every size as in the house format: smaller pictures would lose all shape, and
        in larger ones the mark of the clip could still be read.
        """
        return Fraction(7 * min(self.profile.width, self.profile.height), HOUSE.width)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts = {
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
        if self.behind is not None and self.blur != 7:  # as it always was
            parts["blur"] = str(self.blur)
        return parts if self.stamp is None else {**parts, "stamp": self.stamp}


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
