"""The desk at which an edit is worked out: from the text of a graph file to its new text.

Nothing is written here. What is wrong with the new text, or stands against taking an edit back, is
raised with the text untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chainer.errors import GraphError, InputError, MediaMissing, WalkError
from chainer.graph.amend.affected import affected
from chainer.graph.amend.change import AtomChange, ReplaceMedia, StatusTo, UseTake
from chainer.graph.amend.diff import Spot, diff_lines
from chainer.graph.amend.file import Rewrite, history_of, read_graph_text, rewrite
from chainer.graph.amend.history import (
    AtomPlace,
    EdgePlace,
    Entry,
    EntryKind,
    History,
    Touched,
    now_entry,
)
from chainer.graph.amend.inverse import change_words, taken_back
from chainer.graph.amend.joints import JointTo, edge_into, key_of
from chainer.graph.amend.spans import Unspliceable, locate
from chainer.graph.amend.splice import Orders, Way, same, splice
from chainer.graph.atom import Atom, AtomSound, Slot, Trim
from chainer.graph.edge import Edge, Joint
from chainer.graph.faults import json_path, near_miss
from chainer.graph.graph import Graph
from chainer.graph.load import parse_graph
from chainer.graph.plain import plain
from chainer.graph.sources.text import read_json
from chainer.graph.words import Status

Change = AtomChange | JointTo
"""What may be changed; a joint is that of the edge which leads to the atom."""

_NODE_ORDERS: Orders = {
    (): tuple(Atom.model_fields),
    ("trim",): tuple(Trim.model_fields),
    ("sound",): tuple(AtomSound.model_fields),
    ("slot",): tuple(Slot.model_fields),
}
_EDGE_ORDERS: Orders = {
    (): ("source", "target", "key", *Edge.model_fields),
    ("joint",): tuple(Joint.model_fields),
}


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of an edit. `number` is its entry's; None where nothing was written.

    `words` tell it on one line, `diff` as a unified diff, `affected` what the next build makes
    again, a sentence each.
    """

    path: Path
    kind: EntryKind
    changed: bool
    dry_run: bool
    number: int | None = None
    of: int | None = None
    atoms: tuple[str, ...] = ()
    words: str = ""
    diff: str = ""
    affected: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The edit as one JSON object."""
        return {
            "graph": str(self.path),
            "kind": self.kind.value,
            "changed": self.changed,
            "dry_run": self.dry_run,
            "number": self.number,
            "of": self.of,
            "atoms": list(self.atoms),
            "words": self.words,
            "diff": self.diff,
            "affected": list(self.affected),
        }


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of the file to be changed: where it is, what it is called, what it shall say."""

    place: AtomPlace | EdgePlace
    way: Way
    value: Any
    orders: Orders
    text: str | None = None
    """How it is written to the letter, where that is known."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A change that is ready to be written."""

    entry: Entry
    text: str
    result: Edited
    graph: Graph | None = None


class Desk:
    """One graph file and how its paths are judged."""

    def __init__(
        self, path: Path, media_root: Path | None = None, allow_schemes: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._media_root = media_root
        self._allow_schemes = allow_schemes

    def run(
        self, make: Callable[[str, History], _Draft | None], *, dry_run: bool, wait: float
    ) -> Edited:
        """Make a change and write it."""
        results: list[Edited] = []

        def rewriter(text: str, history: History) -> Rewrite | None:
            results.clear()  # of an attempt that somebody came between
            draft = make(text, history)
            if draft is None:
                return None
            entry = draft.entry.model_copy(update={"number": history.next_number})
            results.append(draft.result)
            return Rewrite(draft.text, entry)

        if dry_run:
            rewriter(read_graph_text(self._path), history_of(self._path))
            entry = None
        else:
            entry = rewrite(self._path, rewriter, wait=wait)
        if not results:
            return Edited(self._path, EntryKind.EDIT, changed=False, dry_run=dry_run)
        (result,) = results
        number = None if entry is None else entry.number
        return replace(result, dry_run=dry_run, number=number)

    def edited(
        self, text: str, atom: str, changes: Sequence[Change], source: str | None
    ) -> _Draft | None:
        """The change of one atom; None where the file says all of that already."""
        nodes, edges, section = self._values(text)
        at = self._atom(nodes, atom)
        node: Any = nodes[at]
        joints = [one for one in changes if isinstance(one, JointTo)]
        for one in changes:
            if not isinstance(one, JointTo):
                node = one.applied(node)
        objects = [_Object(AtomPlace(atom=atom), ("nodes", at), node, _NODE_ORDERS)]
        if joints:
            where = edge_into(edges, atom, source)
            edge: Any = edges[where]
            place = EdgePlace(source=edge.get("source", ""), target=atom, key=key_of(edge))
            for joint in joints:
                edge = joint.applied(edge)
            objects.append(_Object(place, (section, where), edge, _EDGE_ORDERS))
        elif source is not None:
            raise InputError("--from says which joint is meant: give --joint too", code="from")
        draft = self._draft(text, objects, EntryKind.EDIT)
        if draft is not None and draft.graph is not None:
            _demand_media(nodes[at], draft.graph, atom, changes)
        return draft

    def back(self, text: str, history: History, kind: EntryKind) -> _Draft:
        """The last edit taken back, or the last one that was taken back brought back."""
        done, undone = history.stacks()
        stack, word = (done, "undo") if kind is EntryKind.UNDO else (undone, "redo")
        if not stack:
            raise InputError(
                f"{self._path}: there is nothing to {word}; `chainer edit {self._path} --log` "
                "lists the edits",
                code=f"nothing-to-{word}",
            )
        entry = stack[-1]
        nodes, edges, section = self._values(text)
        objects, against = [], []
        for touched in entry.touched:
            way = _way(touched.at, nodes, edges, section)
            if way is None:
                against.append(f"{touched.at} is not there any more")
                continue
            orders = _NODE_ORDERS if isinstance(touched.at, AtomPlace) else _EDGE_ORDERS
            span = self._located(text, way)
            now = text[span[0] : span[1]]
            before, after = read_json(touched.before), read_json(touched.after)
            value, conflicts = taken_back(before, after, read_json(now))
            against += [
                f"{json_path((*way, *one.way))} was left as {one.left} and is {one.found}"
                for one in conflicts
            ]
            exact = touched.before if now == touched.after else None
            objects.append(_Object(touched.at, way, value, orders, exact))
        if against:
            raise InputError(
                f"{self._path}: cannot {word} edit {entry.number} ({entry.words}), since the file "
                f"was changed there after it: {'; '.join(against)}; put that back, or edit the "
                "place anew",
                code="edited-since",
                number=entry.number,
                places=against,
            )
        draft = self._draft(text, objects, kind, of=entry.number)
        if draft is None:  # somebody had put it back by hand: that counts
            words = f"edit {entry.number}: the file says so already"
            empty = now_entry(datetime.now(UTC), number=1, kind=kind, of=entry.number, words=words)
            result = Edited(self._path, kind, changed=False, dry_run=False, of=entry.number)
            return _Draft(empty, text, replace(result, words=words))
        return draft

    # -- inside ----------------------------------------------------------------

    def _values(self, text: str) -> tuple[list[Any], list[Any], str]:
        """Nodes, edges, and the key of the edges. Raises `GraphError` where there are none."""
        value, _ = plain(text, str(self._path))  # faults are judged in the new text
        if not isinstance(value, dict):
            self._parsed(text)
            raise AssertionError("unreachable: a graph is an object")
        section = "links" if "links" in value and "edges" not in value else "edges"
        nodes, edges = value.get("nodes"), value.get(section)
        if not isinstance(nodes, list) or not isinstance(edges, list):
            self._parsed(text)
            raise AssertionError("unreachable: a graph has nodes and edges")
        return nodes, edges, section

    def _parsed(self, text: str) -> Graph:
        return parse_graph(
            text,
            source=str(self._path),
            base=self._path.absolute().parent,
            media_root=self._media_root,
            allow_schemes=self._allow_schemes,
        )

    def _atom(self, nodes: Sequence[Any], atom: str) -> int:
        names = [node.get("id") if isinstance(node, Mapping) else None for node in nodes]
        if atom not in names:
            known = [name for name in names if isinstance(name, str)]
            expected = near_miss(atom, known, "use the id of an atom of this graph")
            message = f"{self._path}: there is no atom {atom!r}; {expected}"
            raise WalkError(message, code="unknown-atom", atom=atom)
        return names.index(atom)

    def _draft(
        self, text: str, objects: Sequence[_Object], kind: EntryKind, of: int | None = None
    ) -> _Draft | None:
        new, touched, spots, told = text, [], [], []
        for one in objects:
            start, end = self._located(new, one.way)
            before = new[start:end]
            if one.text is not None:
                after = one.text
                new = new[:start] + after + new[end:]
            else:
                new = self._spliced(new, one)
                start, end = self._located(new, one.way)
                after = new[start:end]
            if before == after:
                continue
            old_value, new_value = read_json(before), read_json(after)
            touched.append(Touched(at=one.place, before=before, after=after))
            spots.append(Spot(str(one.place), one.way))
            if not same(old_value, new_value):
                told.append(f"{one.place}: {change_words(old_value, new_value)}")
        if not touched:
            return None
        graph = self._parsed(new)
        atoms = tuple(
            dict.fromkeys(
                one.at.atom if isinstance(one.at, AtomPlace) else one.at.target for one in touched
            )
        )
        words = ", ".join(told)
        result = Edited(
            self._path,
            kind,
            changed=True,
            dry_run=False,
            of=of,
            atoms=atoms,
            words=words,
            diff="\n".join(diff_lines(self._path.name, text, new, spots)),
            affected=tuple(self._affected(text, graph, atoms)),
        )
        entry = now_entry(
            datetime.now(UTC), number=1, kind=kind, of=of, touched=tuple(touched), words=words
        )
        return _Draft(entry, new, result, graph)

    def _affected(self, text: str, after: Graph, atoms: Sequence[str]) -> Iterator[str]:
        try:
            before = self._parsed(text)
        except GraphError:
            before = None
        for atom in atoms:
            yield from affected(before, after, atom)

    def _located(self, text: str, way: Way) -> tuple[int, int]:
        try:
            span = locate(text, way)
        except Unspliceable as error:
            raise self._unspliceable(text, error) from error
        return span.start, span.end

    def _spliced(self, text: str, one: _Object) -> str:
        try:
            return splice(text, one.way, one.value, one.orders)
        except Unspliceable as error:
            raise self._unspliceable(text, error) from error

    def _unspliceable(self, text: str, error: Unspliceable) -> Exception:
        self._parsed(text)  # what is wrong with the file in the words of its reader, if anything is
        return InputError(
            f"{self._path} cannot be changed in one place: {error}; correct the file by hand",
            code="unspliceable",
        )


def _demand_media(before: Any, graph: Graph, name: str, changes: Sequence[Change]) -> None:
    """What the edit lets the atom play is there; nothing is asked of an atom that is planned."""
    if not any(isinstance(one, ReplaceMedia | UseTake | StatusTo) for one in changes):
        return
    atom = graph.atom(name)
    news = before.get("media") != atom.media
    released = atom.status.playable and before.get("status", Status.PUBLISHED) != atom.status
    if atom.status is Status.PLANNED or not (news or released):
        return
    if ":" in atom.media.partition("/")[0]:
        return  # of the store, or with a scheme: asked for where it is played
    path = graph.media_path(atom.media)
    if not path.is_file():
        raise MediaMissing(
            f"{name}: there is no file {atom.media}; put it there first, or leave the atom planned "
            "with --status planned",
            path=str(path),
            atom=name,
        )


def _way(
    place: AtomPlace | EdgePlace, nodes: Sequence[Any], edges: Sequence[Any], section: str
) -> Way | None:
    """The way to an object of a history, as the file is now."""
    if isinstance(place, AtomPlace):
        for at, node in enumerate(nodes):
            if isinstance(node, Mapping) and node.get("id") == place.atom:
                return ("nodes", at)
        return None
    for at, edge in enumerate(edges):
        if isinstance(edge, Mapping):
            ends = (edge.get("source"), edge.get("target"), key_of(edge))
            if ends == (place.source, place.target, place.key):
                return (section, at)
    return None
