"""What the chains of a graph need next, from the graph and the names of files alone.

No file is opened. Works for any graph: where no template gave a form, what is missing of it is
said.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from chainer.errors import ChainerError
from chainer.graph import Atom, Edge, EdgeKind, Graph, Status, default_seconds
from chainer.graph.atom import Dialogue
from chainer.graph.sources.address import is_url
from chainer.story.fill import TIMING
from chainer.story.items import Item, Need, Needs
from chainer.story.speech import seconds_to_speak
from chainer.timebase import time_text

OPENS, CLOSES = "opens:", "closes:"
"""How tags start that open a thread of the story, and close it."""

_PARTS = ("hook", "beat", "button")
_QUESTION = ("?", "？", "؟")
_ORDER = list(Need)


def needs_of(graph: Graph, address: str, start: str | None = None) -> Needs:
    """What is needed, of the whole graph or of what `start` leads to.

    `address` is what the caller calls the graph, for the commands that are told. Raises `WalkError`
    for an unknown start.
    """
    look = _Look(graph, address, start)
    items = sorted(look.items(), key=lambda item: _ORDER.index(item.kind))
    return Needs(
        source=address,
        title=graph.title,
        atoms=len(look.atoms),
        filmed=sum(look.filmed(atom) for atom in look.atoms),
        items=tuple(items),
    )


class _Look:
    """One look at a graph: which atoms are meant, and which of them have a file."""

    def __init__(self, graph: Graph, address: str, start: str | None) -> None:
        self._graph = graph
        self._address = address
        names = graph.atoms if start is None else _reached(graph, start)
        self.atoms = [
            atom
            for name, atom in graph.atoms.items()
            if name in names and atom.status is not Status.WITHDRAWN
        ]
        self._there = {atom.id: _is_there(graph, atom.media) for atom in self.atoms}

    def filmed(self, atom: Atom) -> bool:
        """Whether there is something to go on from: a file, or the word that there is one."""
        known = self._there.get(atom.id)
        if known is None:  # in a store, or outside of what is looked at
            return atom.status is not Status.PLANNED
        return known

    def items(self) -> Iterator[Item]:
        """Everything that is needed, atom by atom."""
        if not self._graph.atoms:
            words = (
                "there is no atom yet: `chainer story list` names stories to start from, and "
                "`chainer story new` writes the graph of one"
            )
            yield Item(Need.BEGIN, words)
        for atom in self.atoms:
            yield from self._file(atom)
            if atom.status is not Status.PUBLISHED:
                yield from _form(atom)
            yield from _dialogue(atom)
        yield from self._ends()
        yield from self._threads()

    # -- what is to be filmed ----------------------------------------------------

    def _file(self, atom: Atom) -> Iterator[Item]:
        there = self._there[atom.id]
        if atom.status is not Status.PLANNED:
            if there is False:
                words = (
                    f"{atom.id} is {atom.status.value}, but there is no file {atom.media}: put it "
                    f"there, or plan it again with {self._edit(atom, '--status planned')}"
                )
                yield _item(Need.MISSING, atom, words, media=atom.media)
            return
        if there:
            command = self._edit(atom, "--status published")
            words = (
                f"{atom.media} is there: set the status of {atom.id} to published with {command}"
            )
            yield _item(Need.PUBLISH, atom, words, media=atom.media)
            return
        before = [edge for edge in self._graph.edges_in(atom.id) if self._counts(edge.source)]
        ready = [edge for edge in before if self.filmed(self._graph.atom(edge.source))]
        if ready or not before:
            yield self._film(atom, ready)
        else:
            names = list(dict.fromkeys(edge.source for edge in before))
            words = f"{atom.id} by {atom.author} comes after {' or '.join(names)}"
            yield _item(Need.LATER, atom, words, after=names)

    def _counts(self, name: str) -> bool:
        return self._graph.atom(name).status is not Status.WITHDRAWN

    def _film(self, atom: Atom, ready: Sequence[Edge]) -> Item:
        seconds = time_text(default_seconds(atom))
        lines = [f"film {atom.id}{_titled(atom)}, by {atom.author}: {seconds} s into {atom.media}"]
        sources = []
        for edge in ready:
            told, source = self._going_on(atom, edge)
            lines.append(told)
            sources.append(source)
        if not ready:
            lines.append("it starts a chain: nothing comes before it")
        timing = atom.extensions.get(TIMING)
        times = timing if isinstance(timing, dict) else {}
        for name in _PARTS:
            if text := getattr(atom.story, name):
                when = f" ({str(times[name]).replace(':', '-')} s)" if name in times else ""
                lines.append(f"{name}{when}: {text}")
        for line in atom.dialogue:
            who = "narrator" if line.character is None else self._called(line.character)
            lines.append(f"{time_text(line.start)}-{time_text(line.end)} s, {who}: {line.text}")
        if atom.prompt:
            lines += ["prompt:", *(f"  {line}" for line in atom.prompt.splitlines())]
        facts: dict[str, Any] = {
            "title": atom.title,
            "seconds": seconds,
            "media": atom.media,
            "prompt": atom.prompt,
            "story": {name: getattr(atom.story, name) for name in _PARTS},
            "timing": {name: str(times[name]) for name in _PARTS if name in times},
            "continues": sources,
        }
        return _item(Need.FILM, atom, "\n".join(lines), **facts)

    def _going_on(self, atom: Atom, edge: Edge) -> tuple[str, dict[str, Any]]:
        """From which atom it goes on, and the command that packs what is remembered there."""
        source = self._graph.atom(edge.source)
        remix = edge.kind is EdgeKind.REMIX
        what = "it is a remix of" if remix else "it goes on from the last picture of"
        told = f"{what} {edge.source} (by {source.author})"
        path, kind = self._path_to(edge.source)
        fact: dict[str, Any] = {"atom": edge.source, "kind": edge.kind.value, "command": None}
        if not path:
            return f"{told}; publish that first, then the memory can be packed", fact
        argv = ["chainer", "memory", self._address, "--path", ",".join(path)]
        argv += ["--kind", kind] if kind != "series" else []
        argv += ["--pack", f"next-{atom.id}"]
        shown = shlex.join(argv)
        if atom.prompt:
            argv += ["--prompt", atom.prompt]
        return f"{told}: {shown}", {**fact, "command": argv}

    def _path_to(self, name: str) -> tuple[list[str], str]:
        """A playable way from the start of a chain to an atom; empty where there is none."""
        path: list[str] = []
        kind = "series"
        at: str | None = name
        while at is not None:
            if not self._graph.atom(at).status.playable:
                return [], kind
            path.append(at)
            into = sorted(self._graph.edges_in(at), key=lambda edge: edge.kind is EdgeKind.REMIX)
            into = [edge for edge in into if self._graph.atom(edge.source).status.playable]
            if into and into[0].kind is EdgeKind.REMIX:
                kind = "relay"
            at = into[0].source if into else None
        return path[::-1], kind

    def _called(self, character: str) -> str:
        known = self._graph.info.characters.get(character)
        return character if known is None else known.name

    def _edit(self, atom: Atom, change: str) -> str:
        if is_url(self._address):
            return f"an edit of {atom.id} in the database"
        return f"`chainer edit {shlex.quote(self._address)} {atom.id} {change}`"

    # -- how chains end ------------------------------------------------------------

    def _ends(self) -> Iterator[Item]:
        meant = {atom.id for atom in self.atoms}
        for atom in self.atoms:
            onward = self._graph.edges_out(atom.id, {EdgeKind.CONTINUATION})
            if any(edge.target in meant for edge in onward):
                continue
            if not atom.story.button:
                words = f"a chain ends with {atom.id}, which has no button: say how it ends"
                yield _item(Need.BUTTON, atom, words)
            elif not self._closing(atom) and (asked := _asked(atom)):
                words = (
                    f"a chain ends with {atom.id} on a question (“{asked}”): plan the atom that "
                    "answers it, or tag this one `ending`"
                )
                yield _item(Need.THREAD, atom, words, question=asked)

    @staticmethod
    def _closing(atom: Atom) -> bool:
        return "ending" in atom.tags

    def _threads(self) -> Iterator[Item]:
        for atom in self.atoms:
            for tag in atom.tags:
                thread = tag.removeprefix(OPENS)
                if thread == tag or not thread:
                    continue
                reached = _reached(self._graph, atom.id)
                closing = CLOSES + thread
                if not any(closing in one.tags for one in self.atoms if one.id in reached):
                    words = (
                        f"{atom.id} opens “{thread}”, and nothing after it closes it: tag the atom "
                        f"that does `{closing}`"
                    )
                    yield _item(Need.THREAD, atom, words, thread=thread)


def _form(atom: Atom) -> Iterator[Item]:
    without = [name for name in _PARTS if not getattr(atom.story, name)]
    if without:
        words = f"{atom.id} has no {' and no '.join(without)}"
        yield _item(Need.FORM, atom, words, missing=without)
    if atom.status is Status.PLANNED and not atom.prompt:
        yield _item(Need.FORM, atom, f"{atom.id} has no prompt", missing=["prompt"])


def _dialogue(atom: Atom) -> Iterator[Item]:
    start, end = Fraction(0), default_seconds(atom)
    if atom.trim is not None:
        start, end = atom.trim.start, atom.trim.end
    for number, line in enumerate(atom.dialogue, 1):
        if line.start >= end or line.end > end or line.start < start:
            if atom.status is Status.PUBLISHED and atom.trim is None:
                continue  # its file is measured where it is planned
            words = (
                f"{atom.id}: line {number} ({_span(line)}) is not inside what plays "
                f"({time_text(start)} to {time_text(end)} s)"
            )
            yield _item(Need.DIALOGUE, atom, words, line=number)
        needed = seconds_to_speak(line.text)
        if atom.status is not Status.PUBLISHED and needed > line.end - line.start:
            words = (
                f"{atom.id}: line {number} ({_span(line)}) is too long to be spoken: it takes "
                f"{float(needed):.1f} s; make it shorter, or give it more time"
            )
            yield _item(Need.DIALOGUE, atom, words, line=number, seconds=time_text(needed))


def _asked(atom: Atom) -> str | None:
    """The question that an atom ends on, if it does."""
    last = max(atom.dialogue, key=lambda line: line.end, default=None)
    texts: list[str | None] = [atom.story.button, None if last is None else last.text]
    return next((text for text in texts if text and text.rstrip().endswith(_QUESTION)), None)


def _item(kind: Need, atom: Atom, words: str, **facts: Any) -> Item:
    return Item(kind, words, atom.id, atom.author, facts)


def _span(line: Dialogue) -> str:
    return f"{time_text(line.start)} to {time_text(line.end)} s"


def _titled(atom: Atom) -> str:
    return f" “{atom.title}”" if atom.title else ""


def _reached(graph: Graph, start: str) -> set[str]:
    """An atom and all that it leads to."""
    found = {graph.atom(start).id}
    todo = [start]
    while todo:
        for edge in graph.edges_out(todo.pop()):
            if edge.target not in found:
                found.add(edge.target)
                todo.append(edge.target)
    return found


def _is_there(graph: Graph, media: str) -> bool | None:
    """Whether the file is there; None where that cannot be told from here."""
    if ":" in media.partition("/")[0]:
        return None
    try:
        return graph.media_path(media).is_file()
    except (ChainerError, OSError):
        return None
