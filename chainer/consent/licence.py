"""A licence as people write it, and what follows from it.

Reads the Creative Commons licences by SPDX id, by name and by address, the public domain, and
"all rights reserved". Everything else is kept as it was written and is not known: then nothing
is promised. What allows much is taken only from a text that says nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")
_ORDER = ("BY", "NC", "ND", "SA")

_LONG = (
    ("attribution", "by"),
    ("noncommercial", "nc"),
    ("non-commercial", "nc"),
    ("non commercial", "nc"),
    ("no-derivatives", "nd"),
    ("no derivatives", "nd"),
    ("no-derivs", "nd"),
    ("no derivs", "nd"),
    ("noderivatives", "nd"),
    ("noderivs", "nd"),
    ("share-alike", "sa"),
    ("share alike", "sa"),
    ("sharealike", "sa"),
)

_RESERVED = (
    "all rights reserved",
    "alle rechte vorbehalten",
    "tous droits reserves",
    "todos los derechos reservados",
)

_PUBLIC_DOMAIN = {
    "public domain",
    "in the public domain",
    "publicdomain",
    "public domain mark",
    "public domain mark 1.0",
    "cc pdm 1.0",
    "cc pddc",
    "gemeinfrei",
    "domaine public",
    "dominio publico",
}

_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/"
    r"(?:licenses/([a-z-]{2,8})/([0-9.]+)(?:/([a-z]{2,3}))?|publicdomain/(zero|mark)/1\.0)"
    r"(?:/(?:deed|legalcode)?(?:\.[a-z_-]{2,10}|\.txt)?)?"
)
_NAME = re.compile(
    r"(?:(?:cc|creative commons)[ -]+)?((?:by|nc|nd|sa)(?:[ -]+(?:by|nc|nd|sa))*)"
    r"(?: (?:public )?licen[cs]e)?"
    r"(?:[ -]+v?([0-9](?:\.[0-9])?)(?:[ -]+(?:international|unported|generic|([a-z]{2,3})))?)?"
    r"(?: (?:public )?licen[cs]e)?"
)
_TWICE = re.compile(r"([^()]+)\(([^()]+)\)\s*")
"""A name followed by itself in another form: `Attribution 4.0 International (CC BY 4.0)`."""

_ZERO = re.compile(
    r"(?:cc[ -]?0|cc[ -]zero|creative commons zero)(?:[ -]+v?1\.0|[ -]+1)?(?: universal)?"
    r"(?: public domain dedication)?(?: licen[cs]e)?"
)


@dataclass(frozen=True, slots=True)
class Licence:
    """What a licence allows everybody. The holder needs none.

    `text` is the SPDX id where there is one (without a version where none was written), else
    what was written. Where `known` is False nothing is promised, so that the facts say no.
    `letters` are the parts of a Creative Commons licence in their order, such as `("BY", "SA")`.
    """

    text: str
    known: bool
    derivatives: bool
    commercial: bool
    share_alike: bool
    attribution: bool
    reserved: bool = False
    letters: tuple[str, ...] = ()
    version: str | None = None

    @property
    def family(self) -> str:
        """Letters and version, such as `BY-SA-4.0`: licences of one family accept the same."""
        return "-".join((*self.letters, self.version or "any"))

    def accepts(self, remix: Licence) -> bool:
        """Whether what is derived from a work under this licence may be under that of `remix`.

        A share-alike licence takes itself and its newer versions, where either version is not
        said any; other licences leave the choice.
        """
        if not self.share_alike:
            return True
        if self.letters != remix.letters:
            return False
        return self.version is None or remix.version is None or self.version <= remix.version


def unknown_licence(text: str) -> Licence:
    """A licence that is named and not understood."""
    return Licence(
        text,
        known=False,
        derivatives=False,
        commercial=False,
        share_alike=False,
        attribution=True,
    )


@lru_cache(maxsize=1024)
def parse_licence(text: str) -> Licence:
    """The licence that `text` names; never fails."""
    if twice := _TWICE.fullmatch(text):
        one, other = parse_licence(twice[1]), parse_licence(twice[2])
        if one.known and one == other:
            return one
    plain = _plain(text)
    if any(words in plain for words in _RESERVED):
        return Licence(
            "all rights reserved",
            known=True,
            derivatives=False,
            commercial=False,
            share_alike=False,
            attribution=True,
            reserved=True,
        )
    if plain.replace("-", " ") in _PUBLIC_DOMAIN:
        return _free("public domain")
    if _ZERO.fullmatch(plain):
        return _free("CC0-1.0")
    if found := _ADDRESS.fullmatch(plain):
        if found[4]:
            return _free("CC0-1.0" if found[4] == "zero" else "public domain")
        return _commons(text, found[1].split("-"), found[2], found[3])
    for words, letters in _LONG:
        plain = plain.replace(words, letters)
    # "by" alone names no licence.
    if len(plain) > 2 and (found := _NAME.fullmatch(plain)):
        return _commons(text, re.split("[ -]+", found[1]), found[2], found[3])
    return unknown_licence(text.strip())


def _commons(text: str, parts: list[str], version: str | None, port: str | None) -> Licence:
    letters = tuple(part for part in _ORDER if part.lower() in parts)
    if version is not None:
        version = version if "." in version else f"{version}.0"
        if version not in _VERSIONS:
            return unknown_licence(text.strip())
    # Nothing can be shared alike of which nothing may be derived; a part given twice is a typo.
    if len(letters) != len(parts) or {"ND", "SA"} <= set(letters):
        return unknown_licence(text.strip())
    name = "-".join(("CC", *letters, *filter(None, (version, port and port.upper()))))
    return Licence(
        name,
        known=True,
        derivatives="ND" not in letters,
        commercial="NC" not in letters,
        share_alike="SA" in letters,
        attribution="BY" in letters,
        letters=letters,
        version=version,
    )


def _free(text: str) -> Licence:
    return Licence(
        text,
        known=True,
        derivatives=True,
        commercial=True,
        share_alike=False,
        attribution=False,
    )


def _plain(text: str) -> str:
    """Lower case without accents, one kind of dash, single spaces, no brackets, dot or slash."""
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(mark for mark in text if not unicodedata.combining(mark))
    text = re.sub(r"[\u2010-\u2015\u2212_]", "-", text)
    text = re.sub(r"[()\[\],]", " ", text)
    return " ".join(text.split()).strip(" ./")
