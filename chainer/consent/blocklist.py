"""What nobody may show, by name or by picture: refused before anything is rendered.

    BlockPolicy ──> closed(graph, policy)      names in what an atom says of itself
                ──> image_faults(policy, …)    files by digest, pictures by their looks

A name matches whole words: "ham" is not found in "hamburg"; between its words may stand anything
that is neither letter nor digit, or nothing. Only the atom itself is searched, with its characters
and its place, not what it was derived from. Names in other letters that look alike (a Cyrillic M),
spelled apart (M i c k e y) or with digits for letters are not found.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from chainer.consent.folding import tokens
from chainer.consent.spot import Names, description_of, media_of, texts_of
from chainer.digest import Digest
from chainer.errors import SettingsError
from chainer.graph import Atom, Character, Graph, Place, store_digest

DEFAULT_DISTANCE = 10
"""Bits of 64 by which a picture may differ from a listed one; measured, see `memory/phash.py`."""

_MOST_BITS = 24
"""From about here on unrelated pictures match."""

_FILE = re.compile(r"sha256:([0-9a-f]{64})")
_LOOK = re.compile(r"phash:([0-9a-f]{16})(?:~([0-9]{1,2}))?")
_LONGEST = 200


def _term(text: str) -> str:
    if not tokens(text):
        raise ValueError(f"{text!r} has neither letters nor digits; write a name")
    if len(text) > _LONGEST:
        raise ValueError(f"a name of {len(text)} characters; write at most {_LONGEST}")
    return text


def _image(text: str) -> str:
    look = _LOOK.fullmatch(text)
    if look is None and not _FILE.fullmatch(text):
        raise ValueError(
            f"{text[:80]!r} is no picture; write sha256: and 64, or phash: and 16 lower-case "
            "hexadecimal digits, the latter with ~ and a distance if need be"
        )
    if look is not None and look[2] is not None and int(look[2]) > _MOST_BITS:
        raise ValueError(f"{text!r}: a distance of at most {_MOST_BITS} tells pictures apart")
    return text


class BlockPolicy(BaseModel):
    """Names and pictures that must not be shown, and a TOML file with more of both.

    A picture is a file, `sha256:…`, or a look, `phash:…` with the greatest distance behind `~`
    (`DEFAULT_DISTANCE` without). `file` is read when it is first asked for, and again when it has
    changed; whoever asks this module need not read it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    terms: tuple[Annotated[str, AfterValidator(_term)], ...] = ()
    images: tuple[Annotated[str, AfterValidator(_image)], ...] = ()
    file: Path | None = None

    @property
    def names_images(self) -> bool:
        """Whether any picture is listed. Raises `SettingsError` for a file that cannot be read."""
        return bool(_whole(self).images)

    @property
    def names_looks(self) -> bool:
        """Whether any picture is listed by its look, so that clips must be looked at."""
        return bool(_index(_whole(self)).looks)


@dataclass(frozen=True, slots=True)
class BlockFault:
    """A hit: in which atom, of which listed name or picture, in which field, and the text around.

    `field` is a path such as `dialogue[2].text`, `characters.mei.name`, or `media` for a file and
    `picture` for a look.
    """

    atom: str
    listed: str
    field: str
    around: str
    words: str


def load_block_policy(path: Path) -> BlockPolicy:
    """The policy in a TOML file with `terms` and `images`.

    Raises `SettingsError` with every fault and its place.
    """
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise SettingsError(
            f"{path}: the block list cannot be read ({error.strerror}); name a TOML file, or leave "
            "the setting out",
            path=str(path),
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} is not TOML: {error}", path=str(path)) from error
    try:
        policy = BlockPolicy.model_validate(data)
    except ValidationError as error:
        lines = [_told(fault) for fault in error.errors(include_url=False)]
        raise SettingsError(
            f"{path}: {len(lines)} wrong" + "".join(f"\n  {line}" for line in lines),
            path=str(path),
            faults=lines,
        ) from error
    if policy.file is not None:
        raise SettingsError(
            f"{path}: file: a block list names no other file; write its entries here",
            path=str(path),
        )
    return policy


def closed(graph: Graph, policy: BlockPolicy) -> dict[str, str]:
    """Every atom of `graph` that says a listed name or is a listed file, and why.

    Files are known only where the graph gives their digest (`store:…`); `image_faults` is for
    those that were opened. Raises `SettingsError` for a list that cannot be read.
    """
    index = _index(_whole(policy))
    if not index.names.any and not index.files:
        return {}
    search = _Search(graph, index)
    return {
        atom.id: "; ".join(fault.words for fault in faults)
        for atom in graph.atoms.values()
        if (faults := search.faults(atom))
    }


def term_faults(graph: Graph, policy: BlockPolicy, atom: str) -> tuple[BlockFault, ...]:
    """What `closed` finds in one atom. Raises `WalkError` for an unknown one."""
    return _Search(graph, _index(_whole(policy))).faults(graph.atom(atom))


def image_faults(
    policy: BlockPolicy, atom: str, digest: Digest | None, hashes: Iterable[int]
) -> tuple[BlockFault, ...]:
    """The listed pictures that an atom shows.

    `digest` is that of its media file, `hashes` the 64-bit looks of its pictures as
    `memory/phash.py` makes them. Of each listed look the nearest picture is told.
    """
    index = _index(_whole(policy))
    found = []
    if digest is not None and digest in index.files:
        found.append(_file_fault(atom, digest, "media"))
    seen = tuple(hashes)
    for listed, look, distance in index.looks:
        near = min(((look ^ one).bit_count() for one in seen), default=65)
        if near <= distance:
            words = f"a picture of it looks like {listed}, which is on the block list: {near} of "
            words += "64 bits differ"
            found.append(BlockFault(atom, listed, "picture", f"{near} bits", words))
    return tuple(found)


class _Search:
    """Looks through the texts of a graph's atoms; what several share is read once."""

    def __init__(self, graph: Graph, index: _Index) -> None:
        self._graph = graph
        self._index = index
        self._shared: dict[str, list[tuple[str, str, str]]] = {}

    def faults(self, atom: Atom) -> tuple[BlockFault, ...]:
        """The hits in one atom, each once."""
        found = [
            BlockFault(atom.id, *hit, _words(*hit)) for hit in dict.fromkeys(self._found(atom))
        ]
        for field, media in media_of(atom):
            digest = store_digest(media)
            if digest is not None and digest in self._index.files:
                found.append(_file_fault(atom.id, digest, field))
        return tuple(found)

    def _found(self, atom: Atom) -> Iterator[tuple[str, str, str]]:
        yield from self._in(texts_of(atom))
        info = self._graph.info
        for name in atom.characters:
            if (who := info.characters.get(name)) is not None:
                yield from self._of(f"characters.{name}", who)
        if atom.place is not None and (place := info.places.get(atom.place)) is not None:
            yield from self._of(f"places.{atom.place}", place)

    def _of(self, key: str, described: Character | Place) -> list[tuple[str, str, str]]:
        if key not in self._shared:
            self._shared[key] = list(self._in(description_of(key, described)))
        return self._shared[key]

    def _in(self, texts: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str, str]]:
        for field, text in texts:
            for term, around in self._index.names.find(text or ""):
                yield term, field, around


def _words(term: str, field: str, around: str) -> str:
    return f"{term!r} is on the block list, and {field} says {around!r}"


def _file_fault(atom: str, digest: Digest, field: str) -> BlockFault:
    words = f"its file ({field}) is on the block list: sha256:{digest[:12]}…"
    return BlockFault(atom, f"sha256:{digest}", field, digest, words)


@dataclass(frozen=True, slots=True)
class _Index:
    """A policy made ready: names, files, and looks with their distance."""

    names: Names
    files: frozenset[str]
    looks: tuple[tuple[str, int, int], ...]


@lru_cache(maxsize=8)
def _index(policy: BlockPolicy) -> _Index:
    files = (found[1] for image in policy.images if (found := _FILE.fullmatch(image)))
    looks = (
        (image.partition("~")[0], int(found[1], 16), int(found[2] or DEFAULT_DISTANCE))
        for image in policy.images
        if (found := _LOOK.fullmatch(image))
    )
    return _Index(Names(policy.terms), frozenset(files), tuple(looks))


# --- the file --------------------------------------------------------------------------------


def _whole(policy: BlockPolicy) -> BlockPolicy:
    """The policy with what its file says; the policy itself where it names none."""
    if policy.file is None:
        return policy
    try:
        about = policy.file.stat()
    except OSError:
        more = load_block_policy(policy.file)  # says what is wrong
    else:
        more = _loaded(policy.file, about.st_mtime_ns, about.st_size)
    return BlockPolicy.model_construct(
        terms=policy.terms + more.terms, images=policy.images + more.images, file=None
    )


@lru_cache(maxsize=8)
def _loaded(path: Path, _changed: int, _size: int) -> BlockPolicy:
    return load_block_policy(path)


def _told(fault: Any) -> str:
    place = ""
    for part in fault["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    problem = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        problem = 'there is no such key; write "terms" and "images"'
    return f"{place or 'file'}: {problem}"
