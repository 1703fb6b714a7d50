"""Finds listed names in texts, and says which texts an atom has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chainer.consent.folding import shown, spans, tokens
from chainer.graph import Atom, Character, Place

_AROUND = 24
"""Characters told on either side of a hit."""


class _Node:
    """A step on the way from the first token of a name to its last."""

    __slots__ = ("next", "term")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.term: str | None = None


class Names:
    """Many names, looked for at once: the time grows with the text, not with their number."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._root = _Node()
        for term in terms:
            words = tokens(term)
            self._enter(words, term)
            if len(words) > 1:
                self._enter(tokens("".join(words)), term)  # as tags write it: mickeymouse

    @property
    def any(self) -> bool:
        """Whether there is a name at all."""
        return bool(self._root.next)

    def find(self, text: str) -> Iterator[tuple[str, str]]:
        """Every listed name in `text`, as it is listed, with the text around its first place."""
        words = tokens(text)
        found: dict[str, tuple[int, int]] = {}
        for first, word in enumerate(words):
            node = self._root.next.get(word)
            last = first + 1
            while node is not None:
                if node.term is not None:
                    found.setdefault(node.term, (first, last))
                node = node.next.get(words[last]) if last < len(words) else None
                last += 1
        places = list(spans(text)) if found else []
        for term, (first, last) in found.items():
            yield term, _around(text, places[first][0], places[last - 1][1])

    def _enter(self, words: list[str], term: str) -> None:
        node = self._root
        for word in words:
            node = node.next.setdefault(word, _Node())
        node.term = node.term or term


def _around(text: str, start: int, end: int) -> str:
    """The part [start, end) of `text` as it is shown, with some of what is beside it."""
    whole = shown(text)
    start, end = max(0, start - _AROUND), end + _AROUND
    cut = " ".join(whole[start:end].split())
    return f"{'…' if start else ''}{cut}{'…' if end < len(whole) else ''}"


def texts_of(atom: Atom) -> Iterator[tuple[str, str | None]]:
    """Every text of an atom, with its place in the file."""
    yield "title", atom.title
    yield "prompt", atom.prompt
    yield from ((f"tags[{n}]", tag) for n, tag in enumerate(atom.tags))
    yield "time_of_day", atom.time_of_day
    yield "slot.scenario", atom.slot.scenario
    yield "story.hook", atom.story.hook
    yield "story.beat", atom.story.beat
    yield "story.button", atom.story.button
    yield from ((f"dialogue[{n}].text", line.text) for n, line in enumerate(atom.dialogue))
    for subject, facts in atom.facts.items():
        yield from _facts(f"facts.{subject}", facts)
    yield from ((f"takes[{n}].title", take.title) for n, take in enumerate(atom.takes))
    music = atom.rights.music if atom.rights is not None else ()
    yield from ((f"rights.music[{n}].title", piece.title) for n, piece in enumerate(music))


def description_of(key: str, described: Character | Place) -> Iterator[tuple[str, str | None]]:
    """The texts of a character or place that the graph has under `key`."""
    yield f"{key}.name", described.name
    yield from _facts(f"{key}.facts", described.facts)


def media_of(atom: Atom) -> Iterator[tuple[str, str]]:
    """Every media file of an atom as the graph names it, with its place in the file."""
    yield "media", atom.media
    yield from ((f"takes[{n}].media", take.media) for n, take in enumerate(atom.takes))


def _facts(key: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        yield f"{key}.{name}", name
        if isinstance(value, str):
            yield f"{key}.{name}", value
