"""`episode.json`: what an episode was made of, exact enough to take it apart again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.consent.need import Need
from chainer.consent.words import Edit, Modality, Use
from chainer.digest import read_regular
from chainer.errors import VerifyError
from chainer.profile import Exact

MANIFEST_NAME = "episode.json"
FILM_NAME = "episode.mp4"
FILM_NAMES = (FILM_NAME, "episode.mov")
"""What the film in a folder may be called: as `Profile.film_name` has it."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FileEntry(BaseModel):
    """One file of the folder."""

    model_config = _FROZEN

    name: str
    digest: str
    size: int


class SourceEntry(BaseModel):
    """One atom: what was declared, what the file is, what was done to its sound."""

    model_config = _FROZEN

    atom: str
    author: str
    media: str
    digest: str
    take: int = 0
    grade: tuple[int, ...] | None = None
    container: str
    codec: str
    size: tuple[int, int]
    frame_rate: Exact
    seconds: Exact
    sound: dict[str, Any] = {}
    differences: tuple[str, ...] = ()


class MusicEntry(BaseModel):
    """A bed of music: what the file is called and is, in dB how loud it plays and gives way."""

    model_config = _FROZEN

    media: str
    digest: str
    gain: Exact
    duck: Exact
    title: str | None = None


class PlayedEntry(BaseModel):
    """An atom in a slot that it shares: frames [first, first + frames) of the slot."""

    model_config = _FROZEN

    atom: str
    first: int
    frames: int


class FillEntry(BaseModel):
    """How an extended slot was filled; `synthetic` is the share of its frames nobody filmed."""

    model_config = _FROZEN

    way: str
    synthetic: Exact
    why: str = ""


class SlotEntry(BaseModel):
    """One place in the timeline, half-open: frames [start, start + frames) of the film.

    `fused` are the atoms of a slot in which several flow into one shot.
    """

    model_config = _FROZEN

    name: str
    content: Literal["atom", "card", "sketch"]
    start: int
    frames: int
    sound_shift_samples: int
    step: str
    edge: str | None = None
    stands_for: str | None = None
    fused: tuple[PlayedEntry, ...] = ()
    fill: FillEntry | None = None


class JointEntry(BaseModel):
    """One joint; `at` is the first frame of new work, `frames` how many there are."""

    model_config = _FROZEN

    left: str
    right: str
    kind: str
    at: int
    frames: int
    overlap: int
    gap: int
    why: str
    step: str
    notes: tuple[str, ...] = ()


class ChapterEntry(BaseModel):
    """A chapter from `start` seconds to the next one or the end."""

    model_config = _FROZEN

    title: str
    start: Exact
    atom: str | None = None


class CreditEntry(BaseModel):
    """Seconds on screen of one author; a frame shared by two counts half for each."""

    model_config = _FROZEN

    author: str
    seconds: Exact


class PositionEntry(BaseModel):
    """How far the consent ledger had been read: number and digest of its last entry."""

    model_config = _FROZEN

    seq: int
    digest: str


class NeedEntry(BaseModel):
    """Somebody shown in an atom, and who was allowed to show them; keyed ids of the ledger."""

    model_config = _FROZEN

    person: str
    grantee: str | None
    atom: str
    uses: tuple[Use, ...]
    modalities: tuple[Modality, ...]
    edits: tuple[Edit, ...]
    contexts: tuple[str, ...] = ()
    own: bool = False

    def need(self) -> Need:
        """The question that was asked."""
        return Need(
            person=self.person,
            grantee=self.grantee,
            atom=self.atom,
            uses=self.uses,
            modalities=self.modalities,
            edits=self.edits,
            contexts=self.contexts,
            own=self.own,
        )


class ConsentEntry(BaseModel):
    """What was asked of the ledger with this id, and answered with yes, at a position of it."""

    model_config = _FROZEN

    uses: tuple[Use, ...]
    ledger: str = ""
    position: PositionEntry
    needs: tuple[NeedEntry, ...] = ()


class MarkEntry(BaseModel):
    """Whose mark belongs over frames [start, start + frames) of the film; '' where it has no name.

    Where two atoms cross over, both marks belong there.
    """

    model_config = _FROZEN

    handle: str
    start: int
    frames: int


class WatermarkEntry(BaseModel):
    """Whether a visible mark is burned into every atom, and with which service's name.

    `marks` are those that are told in the film's metadata instead, in the order of playing.
    """

    model_config = _FROZEN

    burned: bool
    service: str = ""
    handle: bool = False
    marks: tuple[MarkEntry, ...] = ()


class RightsEntry(BaseModel):
    """Where the episode may be shown (None: everywhere), until when, and under what licences."""

    model_config = _FROZEN

    territories: tuple[str, ...] | None = None
    expires: str | None = None
    licences: tuple[str, ...] = ()


class ProvenanceEntry(BaseModel):
    """The film's Content Credentials.

    `mode` is `development`, `key`, `callback` or `off`; `urn` names the manifest in the film.
    `atoms` says for each what its own credentials were found to be.
    """

    model_config = _FROZEN

    mode: str
    urn: str | None = None
    issuer: str | None = None
    atoms: dict[str, str] = {}


class HlsEntry(BaseModel):
    """The playlists: what their times are counted from, and the segments that they name.

    `bytes` counts each file once, headers too.
    """

    model_config = _FROZEN

    timeline: Literal["continuous", "shared"]
    segments: int
    bytes: int


class Manifest(BaseModel):
    """The whole manifest."""

    model_config = _FROZEN

    schema_: Literal["chainer.episode/1"] = Field(default="chainer.episode/1", alias="schema")
    id: str = ""
    title: str
    kind: str
    chain: tuple[str, ...]
    graph: str
    score: str
    draft: bool
    profile: dict[str, Any]
    settings: dict[str, Any]
    frames: int
    fps: Exact
    seconds: Exact
    sources: tuple[SourceEntry, ...]
    music: tuple[MusicEntry, ...] = ()
    timeline: tuple[SlotEntry, ...]
    joints: tuple[JointEntry, ...]
    chapters: tuple[ChapterEntry, ...]
    credits: tuple[CreditEntry, ...]
    rating: str | None = None
    rights: RightsEntry = RightsEntry()
    consent: ConsentEntry | None = None
    watermark: WatermarkEntry | None = None
    provenance: ProvenanceEntry | None = None
    hls: HlsEntry | None = None
    notes: tuple[str, ...] = ()
    files: tuple[FileEntry, ...]
    versions: dict[str, str]

    @property
    def film(self) -> str:
        """The name of the listed file that is the film; `episode.mp4` where none is listed."""
        listed = {entry.name for entry in self.files}
        return next((name for name in FILM_NAMES if name in listed), FILM_NAME)

    def to_json(self) -> str:
        """The manifest as text, the same for equal episodes."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an episode folder. Raises `VerifyError` where there is none that reads."""
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(read_regular(path))
    except OSError as error:
        raise VerifyError(
            f"{folder} is not an episode: {MANIFEST_NAME}: {error.strerror}", path=str(path)
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise VerifyError(f"{path} is damaged: {place}: {first['msg']}", path=str(path)) from error
