"""How atoms are found by words: the words of a text, what is looked through, and the ranking.

The same for a file and for every database: a database only finds candidates, they are ranked here.
Words are compared without case and accents; what an alphabet writes without spaces counts by the
character. Refuses nothing: signs that are no words are passed over, so that no query language
shows through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

LONGEST_WORD = 128
"""Longer words are not looked for: not every database keeps them."""

MOST_WORDS = 32
"""How many different words of a query count."""

RANKED = 250
"""How many candidates are ranked: the newest, by the order of the file."""

SNIPPET = 160
"""How many characters of a text are shown around a find."""

WEIGHTS: Mapping[str, int] = {
    "title": 8,
    "names": 6,
    "tags": 5,
    "author": 4,
    "story": 3,
    "dialogue": 2,
    "prompt": 2,
}
"""What a word counts by where it stands; see `score`."""

STORY = ("hook", "beat", "button")
"""The parts of a story."""

STRONG = ("title", "names", "tags", "author")
"""The short texts: an atom that answers here is a candidate before one that does elsewhere."""

# Han, kana and Thai write no spaces between words; emoji are words of their own.
_ALONE = (
    "\u0e01-\u0e2e\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff☀-➿\U0001f000-\U0001faff"
)
_WORD = re.compile(f"[{_ALONE}]|[^\\W_{_ALONE}]+")
_PLAIN_WORD = re.compile("[a-z0-9]+")


Candidate = tuple[int, Mapping[str, Any], Mapping[str, str]]
"""An atom that may be found: its place in the file, its plain values, its texts."""


@dataclass(frozen=True, slots=True)
class Found:
    """One atom that was found; `score` is 1 where every word stands in the title, else less.

    Without words every atom scores 0 and the newest come first. `snippet` is a piece of the text
    that was found, or of the first there is.
    """

    atom: str
    score: float
    title: str | None
    author: str
    place: str | None
    snippet: str

    def as_json(self) -> dict[str, Any]:
        """The find as one JSON object."""
        return {
            "atom": self.atom,
            "score": self.score,
            "title": self.title,
            "author": self.author,
            "place": self.place,
            "snippet": self.snippet,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: words, and what must be so besides."""

    words: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    """Of each one or the other must be there."""

    @classmethod
    def of(
        cls,
        query: str = "",
        *,
        with_: Sequence[str] = (),
        tags: Sequence[str] = (),
        author: str | None = None,
        place: str | None = None,
    ) -> Wanted:
        """`with_` names a character, who plays it, or an author, by id; a leading @ is left out."""
        keys = [
            *(
                (key_of_word("who", name), key_of_word("author", name))
                for name in (name.removeprefix("@") for name in with_)
            ),
            *((key_of_word("tag", tag),) for tag in tags),
            *([(key_of_word("author", author),)] if author is not None else ()),
            *([(key_of_word("place", place),)] if place is not None else ()),
        ]
        return cls(tuple(dict.fromkeys(words_of(query)))[:MOST_WORDS], tuple(dict.fromkeys(keys)))

    def holds(self, keys: Collection[str]) -> bool:
        """Whether an atom with these keys is as it must be, but for the words."""
        return all(any(key in keys for key in either) for either in self.keys)


def words_of(text: str) -> list[str]:
    """The words of a text, in order, without those longer than `LONGEST_WORD`."""
    if text.isascii():
        return _short(_PLAIN_WORD.findall(text.lower()), len(text))
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")
    return _short(_WORD.findall(unicodedata.normalize("NFC", bare).casefold()), len(text))


def _short(words: list[str], size: int) -> list[str]:
    if size <= LONGEST_WORD:
        return words
    return [word for word in words if len(word) <= LONGEST_WORD]


def texts_of(node: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """What is looked through of an atom's plain values, by where it stands; nothing empty.

    `names` are those of the characters by their ids.
    """
    texts = {"author": node["author"]}
    for field in ("title", "prompt"):
        if text := node.get(field):
            texts[field] = text
    if tags := node.get("tags"):
        texts["tags"] = "\n".join(tags)
    if story := node.get("story"):
        told = [story[part] for part in STORY if story.get(part)]
        if told:
            texts["story"] = "\n".join(told)
    lines = node.get("dialogue")
    if lines:
        texts["dialogue"] = "\n".join(line["text"] for line in lines)
    if lines or node.get("cast"):
        texts["names"] = "\n".join(
            f"{names[who]} {who}" if who in names else who for who in characters_of(node)
        )
    return texts


def characters_of(node: Mapping[str, Any]) -> list[str]:
    """The characters seen or heard, once each."""
    seen = [one["character"] for one in node.get("cast") or ()]
    if lines := node.get("dialogue"):
        seen += [line["character"] for line in lines if line.get("character")]
    return seen if len(seen) < 2 else list(dict.fromkeys(seen))


def keys_of(node: Mapping[str, Any], persons: Mapping[str, str]) -> list[str]:
    """The keys by which an atom is found without words: its tags, people, author and place."""
    keys = [key_of_word("author", node["author"])]
    for tag in node.get("tags") or ():
        keys.append(key_of_word("tag", tag))  # noqa: PERF401 - called for every atom of an import
    if place := node.get("place"):
        keys.append(key_of_word("place", place))
    if node.get("cast") or node.get("dialogue"):
        for who in characters_of(node):
            keys.append(key_of_word("who", who))
            if who in persons:
                keys.append(key_of_word("who", persons[who]))
    return keys


@lru_cache(maxsize=1 << 16)
def key_of_word(what: str, name: str) -> str:
    """One plain word for a name, which may have any signs; the same only for the same name."""
    plain = unicodedata.normalize("NFC", name).casefold()
    digest = blake2b(f"{what}:{plain}".encode("utf-8", "surrogatepass"), digest_size=5)
    return f"q{what[0]}{digest.hexdigest()}"


def score(texts: Mapping[str, str], words: Sequence[str]) -> float:
    """How well an atom answers, 0 to 1; 0 where no word stands anywhere.

    Each word counts by the weightiest text that it stands in and a tenth of the others; where all
    words stand in one text in this order, side by side, that text counts half as much again.
    """
    if not words:
        return 0.0
    said = {field: words_of(text) for field, text in texts.items()}
    total = 0.0
    for word in words:
        weights = sorted((WEIGHTS[at] for at, heard in said.items() if word in heard), reverse=True)
        if weights:
            total += weights[0] + sum(weights[1:]) / 10
    if len(words) > 1:
        beside = [WEIGHTS[at] for at, heard in said.items() if _side_by_side(heard, words)]
        total += max(beside, default=0) * len(words) / 2
    most = len(words) * (WEIGHTS["title"] * (1.5 if len(words) > 1 else 1))
    return round(min(1.0, total / most), 4)


def _side_by_side(heard: Sequence[str], words: Sequence[str]) -> bool:
    size = len(words)
    return any(
        heard[at] == words[0] and list(heard[at : at + size]) == list(words)
        for at in range(len(heard) - size + 1)
    )


def answers(texts: Mapping[str, str], words: Iterable[str]) -> bool:
    """Whether every word stands somewhere."""
    heard = {word for text in texts.values() for word in words_of(text)}
    return all(word in heard for word in words)


def ranked(candidates: Iterable[Candidate], wanted: Wanted, limit: int) -> list[Found]:
    """The best of the candidates, the newest first among equals."""
    scored = [(score(texts, wanted.words), place, node, texts) for place, node, texts in candidates]
    scored.sort(key=lambda one: (-one[0], -one[1]))
    return [
        Found(
            atom=node["id"],
            score=points,
            title=node.get("title"),
            author=node["author"],
            place=node.get("place"),
            snippet=snippet(texts, wanted.words),
        )
        for points, _, node, texts in scored[:limit]
    ]


def snippet(texts: Mapping[str, str], words: Sequence[str]) -> str:
    """A piece of the longest-winded text that holds a word, on one line."""
    order = ("prompt", "story", "dialogue", "title", "names", "tags")
    shown = [texts[field] for field in order if field in texts]
    for text in shown:
        if any(word in words_of(text) for word in words):
            return _around(text, words)
    return _around(shown[0], ()) if shown else ""


def _around(text: str, words: Sequence[str]) -> str:
    line = " ".join(text.split())
    low = line.lower()
    places = [at for word in words if (at := low.find(word)) >= 0]
    first = max(0, min(places, default=0) - SNIPPET // 4)
    piece = line[first : first + SNIPPET].strip()
    before = "…" if first else ""
    return f"{before}{piece}{'…' if first + SNIPPET < len(line) else ''}"
