"""Which fonts draw a text, decided when it is planned: a letter that no font has is named here.

Fonts are tried in order: the style's own, its further ones, the bundled ones, then what the machine
has. Only the files that are needed are read whole, for their digests; text in Latin, Greek or
Cyrillic letters opens none but the first.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from chainer.digest import Digest, file_digest
from chainer.errors import InputError
from chainer.render.clusters import cleaned, clusters, in_colour, unseen
from chainer.render.spec import CardStyle

if TYPE_CHECKING:
    from chainer.render.face import Face

FURNITURE = "0123456789…/:.+ s PLANNED"
"""What cards add to their words: a shortened text's end, a sketch's seconds and its label."""

_FOLDER = Path(__file__).with_name("fonts")
BUNDLED = (
    "InterDisplay-Bold.otf",
    "chainer-arabic.ttf",
    "chainer-hebrew.ttf",
    "chainer-devanagari.ttf",
    "chainer-bengali.ttf",
    "chainer-gujarati.ttf",
    "chainer-gurmukhi.ttf",
    "chainer-tamil.ttf",
    "chainer-telugu.ttf",
    "chainer-kannada.ttf",
    "chainer-malayalam.ttf",
    "chainer-sinhala.ttf",
    "chainer-thai.ttf",
    "chainer-lao.ttf",
    "chainer-khmer.ttf",
    "chainer-myanmar.ttf",
    "chainer-georgian.ttf",
    "chainer-armenian.ttf",
    "chainer-ethiopic.ttf",
    "chainer-han.otf",
    "chainer-hangul.otf",
    "chainer-signs.ttf",
    "chainer-shapes.ttf",
    "chainer-emoji.ttf",
)
"""The bundled fonts in the order in which they are tried."""

# What the first bundled font has, so that most plans need not look into it.
_PLAIN = re.compile("[ -~\xa0-\u0148\u014a-\u017f\u2010-\u2027\u0400-\u045f\n]*")

_MOST_FILES = 5000
_LARGEST_FILE = 128 << 20


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font that a text needs: where it lies and the digest of its bytes."""

    path: str
    digest: Digest


def letters_for(texts: Sequence[str], style: CardStyle) -> tuple[FontFile, ...]:
    """The fonts that together draw `texts`, in the order in which they are tried.

    The style's font is always the first; the others are there because a letter needs them. Nothing
    is drawn. Raises `InputError` with code `glyph` for letters that no font has (`missing` names
    them, `text` where the first stands) and for control characters, and with code `font` for a
    font of the style that is missing or broken.
    """
    primary = _first(style)
    clean = [cleaned(text) for text in texts]
    for text in clean:
        _refuse_control(text)
    if style.font is None and all(_PLAIN.fullmatch(text) for text in clean):
        return (_font_file(primary),)
    wanted = dict.fromkeys(
        part for text in (*clean, FURNITURE) for part in clusters(text) if not _blank(part)
    )
    chosen = _choose(list(wanted), primary, style)
    if missing := [part for part in wanted if part not in chosen]:
        raise _missing(missing, clean)
    used = dict.fromkeys((primary, *_in_order(chosen.values(), primary, style)))
    return tuple(_font_file(path) for path in used)


def _choose(wanted: Sequence[str], primary: Path, style: CardStyle) -> dict[str, Path]:
    """The font of each cluster that any font has: one in colour first for what is meant so."""
    plain: dict[str, Path] = {}
    vivid: dict[str, Path] = {}
    for path in _candidates(primary, style):
        left = [part for part in wanted if part not in (vivid if in_colour(part) else plain)]
        if not left:
            break
        # A machine's fonts are asked only for what nothing else has at all.
        if path not in _known(primary, style):
            left = [part for part in left if part not in plain and part not in vivid]
            if not left:
                break
        face = _face(path)
        if face is None:
            continue
        for part in left:
            if face.covers(part):
                (vivid if face.colour else plain).setdefault(part, path)
    found = {}
    for part in wanted:
        first, second = (vivid, plain) if in_colour(part) else (plain, vivid)
        if path_found := first.get(part) or second.get(part):
            found[part] = path_found
    return found


def _known(primary: Path, style: CardStyle) -> tuple[Path, ...]:
    named = [Path(name) for name in style.fonts]
    return tuple(dict.fromkeys((primary, *named, *(_FOLDER / name for name in BUNDLED))))


def _candidates(primary: Path, style: CardStyle) -> Iterator[Path]:
    yield from _known(primary, style)
    yield from machine_fonts()


def _in_order(chosen: Iterable[Path], primary: Path, style: CardStyle) -> list[Path]:
    used = set(chosen)
    found = [path for path in _known(primary, style) if path in used]
    return found + [path for path in chosen if path not in found]


def _first(style: CardStyle) -> Path:
    for name in (style.font, *style.fonts):
        if name is not None:
            path = Path(name)
            if not path.is_file():
                raise InputError(
                    f"there is no font file {path}; see `card.font` and `card.fonts` in the "
                    "settings",
                    code="font",
                    path=str(path),
                )
            _opened(path)
    return Path(style.font) if style.font else _FOLDER / BUNDLED[0]


def _opened(path: Path) -> Face:
    from chainer.render.face import UnreadableFontError

    try:
        return _face_of(str(path), *_stamp(path))
    except (UnreadableFontError, OSError) as error:
        raise InputError(
            f"{path} cannot be used as a font: {error}; see `card.font` and `card.fonts` in the "
            "settings",
            code="font",
            path=str(path),
        ) from error


def _face(path: Path) -> Face | None:
    """A font that may be broken: then it is passed over."""
    from chainer.render.face import UnreadableFontError

    try:
        return _face_of(str(path), *_stamp(path))
    except (UnreadableFontError, OSError):
        return None


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _face_of(path: str, _changed: int, _size: int) -> Face:
    import struct

    from chainer.render.face import Face, UnreadableFontError

    try:
        return Face.peek(Path(path))
    except struct.error as error:
        raise UnreadableFontError("it ends too early") from error


def _font_file(path: Path) -> FontFile:
    return FontFile(str(path), _digest_of(str(path), *_stamp(path)))


@lru_cache(maxsize=256)
def _digest_of(path: str, _changed: int, _size: int) -> Digest:
    return file_digest(Path(path))


def machine_fonts() -> Iterator[Path]:
    """The font files in the usual folders of this machine, the likeliest first.

    Bold ones without serifs come before others, so that they fit the bundled ones.
    """
    found: list[Path] = []
    for folder in _folders():
        for root, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith((".ttf", ".otf", ".ttc", ".otc")):
                    found.append(Path(root, name))
                if len(found) >= _MOST_FILES:
                    break
    found.sort(key=_unlikeliness)
    for path in dict.fromkeys(found):
        if path.is_file() and path.stat().st_size <= _LARGEST_FILE:
            yield path


def _unlikeliness(path: Path) -> tuple[bool, bool, bool, bool, str]:
    name = path.name.lower()
    return (
        "italic" in name or "oblique" in name,
        "mono" in name or "condensed" in name,
        "serif" in name and "sans" not in name,
        not any(word in name for word in ("bold", "emoji", "wght")),
        str(path),
    )


def _folders() -> list[Path]:
    home = Path.home()
    data = os.environ.get("XDG_DATA_HOME")
    folders = [Path(data) if data else home / ".local/share"]
    if sys.platform == "darwin":
        folders = [home / "Library", Path("/Library"), Path("/System/Library")]
    elif sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        folders = [Path(local, "Microsoft/Windows")] if local else []
        folders.append(Path(os.environ.get("WINDIR", "C:/Windows")))
    else:
        shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        folders += [Path(part) for part in shared.split(":") if part]
    return [*(folder / "fonts" for folder in folders), home / ".fonts"]


def _blank(part: str) -> bool:
    return all(unseen(char) for char in part)


def _refuse_control(text: str) -> None:
    for char in text:
        if char != "\n" and unicodedata.category(char) in ("Cc", "Cs"):
            raise InputError(
                f"{_named(char)} is no letter and cannot be drawn; take it out of the text that "
                f"begins {_start(text)}",
                code="glyph",
                missing=_named(char),
                text=_start(text),
            )


def _missing(parts: Sequence[str], texts: Sequence[str]) -> InputError:
    absent = ", ".join(_named(part) for part in parts[:8])
    if len(parts) > 8:
        absent += f" and {len(parts) - 8} more"
    where = next(text for text in texts if any(part in clusters(text) for part in parts))
    return InputError(
        f"no font has a glyph for {absent}, in the text that begins {_start(where)}; "
        f"{_remedy(parts[0])}",
        code="glyph",
        missing=absent,
        text=_start(where),
    )


def _named(part: str) -> str:
    """A cluster for a message: itself, its code points and their names."""
    seen = repr(part) if part.isprintable() else ascii(part)
    told = [f"U+{ord(char):04X} {unicodedata.name(char, 'without a name')}" for char in part]
    return f"{seen} ({', '.join(told)})"


def _start(text: str) -> str:
    words = " ".join(text.split()[:6])
    return repr(words if len(words) <= 48 else words[:47] + "…")


def _remedy(part: str) -> str:
    if in_colour(part):
        return "name a newer font of emoji, with a COLR table, in `card.fonts` in the settings"
    east = unicodedata.east_asian_width(part[0]) in ("W", "F")
    package = "fonts-noto-cjk" if east else "fonts-noto-core or fonts-noto-extra"
    return (
        "name a font that has, in `card.fonts` in the settings, or install one "
        f"({package} on Debian and Ubuntu)"
    )
