"""What a film says of itself: a synthetic composite of these atoms, made in these ways.

Builds the manifest definition. Holds no title but the word that it is a draft, and no file name or
person's name; refuses governance data with a name in it, and values that the C2PA library would not
give back as they were.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chainer.digest import Digest
from chainer.errors import ProvenanceError
from chainer.provenance.credential import Credential, archive_label
from chainer.provenance.door import GOVERNANCE, MEDIA_TYPE
from chainer.provenance.policy import Verdict
from chainer.store import Artefact

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
WATERMARKED = "c2pa.watermarked.unbound"
"""A mark in the picture that points to nothing: the other kinds need a soft binding."""

DRAFT_TITLE = "Draft"
"""The title that readers show of a draft; other films have none."""
DRAFT_WORDS = "A draft: a coarse preview, or a film with parts that are not made yet."

GOVERNANCE_SCHEMA = 1
_OURS = ("schema", "episode", "draft")
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SOURCE_TYPE = re.compile(
    r"http://(?:cv\.iptc\.org/newscodes|c2pa\.org)/digitalsourcetype/[A-Za-z]{1,40}"
)
_SAFE_INT = 2**63
_LONG_NAME = 6
_ID = re.compile(r"(?:ep-)?[0-9a-f]{32,64}")
_LONG_IN_ID = 16
_MOST_DEPTH = 16


class FilmEdit(StrEnum):
    """What was done to the atoms' media on the way into the film."""

    GRADED = "graded"
    CROPPED = "cropped"
    RESIZED = "resized"
    TRANSCODED = "transcoded"

    @property
    def action(self) -> str:
        """The word of C2PA for it."""
        return {
            FilmEdit.GRADED: "c2pa.color_adjustments",
            FilmEdit.CROPPED: "c2pa.cropped",
            FilmEdit.RESIZED: "c2pa.resized",
            FilmEdit.TRANSCODED: "c2pa.transcoded",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAtom:
    """One distinct atom of the film: its media, and what its credentials turned out to be.

    `label` names it without telling who or what it is, such as `atom-1`. `manifest`, `why` and
    `archive` are those of its credential; an atom without `archive` stands in the film as a
    component without credentials. `source_type` says how its media came to be, where that is
    known otherwise: a digital source type of IPTC.
    """

    label: str
    media: Digest
    verdict: Verdict
    manifest: str | None = None
    why: tuple[str, ...] = ()
    archive: Artefact | None = None
    source_type: str | None = None

    @classmethod
    def of(cls, label: str, credential: Credential) -> ClaimAtom:
        """The atom whose media has this credential."""
        return cls(
            label=label,
            media=credential.media,
            verdict=credential.verdict,
            manifest=credential.label,
            why=credential.why,
            archive=credential.archive,
            source_type=credential.source_type,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmClaim:
    """What is signed with a film.

    `version` is that of chainer. `atoms` are distinct by label and by media. `governance` is
    plain JSON with salted ids only; `forbidden` are names that must stand nowhere in it, and
    `own_words` the values in it that come from lists of ours, such as ratings: somebody may be
    called like one.
    """

    episode: str
    version: str
    atoms: tuple[ClaimAtom, ...]
    watermarked: bool
    edits: tuple[FilmEdit, ...] = (FilmEdit.TRANSCODED,)
    draft: bool = False
    governance: Mapping[str, Any] = field(default_factory=dict)
    forbidden: Sequence[str] = field(default=(), repr=False)
    own_words: Sequence[str] = field(default=(), repr=False)

    @property
    def told(self) -> dict[str, Any]:
        """The governance data as it is signed."""
        return {
            "schema": GOVERNANCE_SCHEMA,
            "episode": self.episode,
            "draft": self.draft,
            **self.governance,
        }

    @property
    def actions(self) -> tuple[str, ...]:
        """The words of the actions, in their order in the manifest."""
        marked = (WATERMARKED,) if self.watermarked else ()
        edits = tuple(edit.action for edit in FilmEdit if edit in self.edits)
        return ("c2pa.created", *("c2pa.placed" for _ in self.atoms), *marked, *edits)

    def archived(self) -> tuple[ClaimAtom, ...]:
        """The atoms that bring credentials, in order: their archives are added in this order."""
        return tuple(atom for atom in self.atoms if atom.archive is not None)

    def definition(self) -> dict[str, Any]:
        """The manifest definition, to which the atoms' archives are added.

        Raises `ProvenanceError` where atoms are not distinct, or where the governance data
        holds a forbidden name or a value that would not survive.
        """
        self._check_atoms()
        self._check_governance()
        placed = [_placed(atom) for atom in self.atoms]
        created = {"action": "c2pa.created", "digitalSourceType": COMPOSITE}
        if self.draft:
            created["description"] = DRAFT_WORDS
        actions = [
            created,
            *placed,
            *({"action": word} for word in self.actions[1 + len(placed) :]),
        ]
        # Without "created" an assertion counts as gathered: not said by the signer.
        return {
            **({"title": DRAFT_TITLE} if self.draft else {}),
            "claim_generator_info": [{"name": "chainer", "version": self.version}],
            "assertions": [
                {"label": "c2pa.actions", "created": True, "data": {"actions": actions}},
                {"label": GOVERNANCE, "created": True, "data": self.told},
            ],
            "ingredients": [_bare(atom) for atom in self.atoms if atom.archive is None],
        }

    def _check_atoms(self) -> None:
        if not self.atoms:
            raise _refused("a film is made of at least one atom")
        for atom in self.atoms:
            if not _LABEL.fullmatch(atom.label):
                raise _refused(f"{atom.label!r} is no label: use lower-case letters, digits, '-'")
        for what in ("label", "media"):
            values = [getattr(atom, what) for atom in self.atoms]
            if twice := next((value for value in values if values.count(value) > 1), None):
                raise _refused(f"two atoms of the film have the same {what} {twice}; name it once")

    def _check_governance(self) -> None:
        if taken := [name for name in _OURS if name in self.governance]:
            raise _refused(f'governance data may not set "{taken[0]}": the film says that itself')
        names = [_folded(name) for name in self.forbidden if name.strip()]
        own = frozenset(self.own_words)
        for path, value in _leaves(self.told, "governance"):
            if not isinstance(value, str) or value in own:
                continue
            for name in names:
                if _speaks_of(_folded(value), name):
                    raise _refused(
                        f"{path} holds a person's name, and a film's manifest can never be "
                        "taken back; put a salted id there",
                        code="name-in-manifest",
                        path=path,
                    )


def _placed(atom: ClaimAtom) -> dict[str, Any]:
    placed = {"action": "c2pa.placed", "parameters": {"ingredientIds": [_id(atom)]}}
    # It may be a stranger's word: nothing but a word of the two lists is repeated.
    if atom.source_type is not None and _SOURCE_TYPE.fullmatch(atom.source_type):
        placed["digitalSourceType"] = atom.source_type
    return placed


def _bare(atom: ClaimAtom) -> dict[str, Any]:
    return {
        "label": _id(atom),
        "title": "atom",
        "format": MEDIA_TYPE,
        "relationship": "componentOf",
    }


def _id(atom: ClaimAtom) -> str:
    """By what actions refer to the atom until the library puts hashed links in its place."""
    return archive_label(atom.media)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _speaks_of(text: str, name: str) -> bool:
    """Whether `name` is in `text`: anywhere where it is long, else only as a word of its own.

    A short name can stand by chance in another word, and in an id one of some length too.
    """
    if _ID.fullmatch(text):
        return name in text if len(name) >= _LONG_IN_ID else name == text
    if len(name) >= _LONG_NAME:
        return name in text
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text) is not None


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with its JSON path; refuses what would not survive."""
    if depth > _MOST_DEPTH:
        raise _refused(f"{path}: governance data is nested too deep; flatten it")
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise _refused(f"{path}: {name!r} is no name of a JSON value; use text")
            yield from _leaves(item, f"{path}.{name}", depth + 1)
    elif isinstance(value, list | tuple):
        if value and all(type(item) is int for item in value):
            raise _refused(
                f"{path}: the C2PA library takes a list of whole numbers for bytes; "
                "write them as text"
            )
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]", depth + 1)
    elif _is_plain(value):
        yield path, value
    else:
        raise _refused(f"{path}: {value!r} is no plain JSON value; write it as text")


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -_SAFE_INT <= value < _SAFE_INT
    return value is None or isinstance(value, str)


def _refused(message: str, code: str = "claim", **facts: Any) -> ProvenanceError:
    return ProvenanceError(message, code=code, **facts)
