"""A job file becomes jobs, or every fault of it is reported together.

Reads YAML, JSON and JSON lines, each scalar as the text that was written: no date, no octal number
and no `no` is guessed from it. Refuses what two readers would read differently (doubled keys, tags)
and what is larger than it looks (aliases, bottomless nesting). It opens no graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainer.batch.job_faults import JobFileError
from chainer.batch.job_file import JobFile
from chainer.batch.job_values import BROKEN, Written, jobs_of
from chainer.errors import Fault
from chainer.graph.faults import Found, Loc, shown
from chainer.graph.written import Unreadable, read_written

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 16 << 20
"""The largest job file that is read."""

MAX_DEPTH = 16
"""How deep values may nest; the format itself needs 5."""

MAX_NODES = 2_000_000
"""How many values a file may hold."""

_NULLS = ("", "~", "null", "Null", "NULL")


def read_jobs(path: str | Path) -> JobFile:
    """The jobs in the file at `path`: YAML, JSON (`.json`), or JSON lines (`.jsonl`, `.ndjson`).

    Of another ending, or none, the text decides. Raises `JobFileError` with all faults, also where
    the file is missing or unreadable.
    """
    path = Path(path)
    return parse_jobs(_read(path), source=str(path), kind=_KINDS.get(path.suffix.lower(), ""))


def parse_jobs(data: bytes | str, *, source: str, kind: str = "") -> JobFile:
    """The jobs in a text; `kind` is `yaml`, `json`, `jsonl`, or empty: the text decides.

    `source` names it in messages. Raises `JobFileError` with all faults.
    """
    text = _decode(data, source) if isinstance(data, bytes) else data
    text = text.removeprefix("\ufeff")
    written = Written()
    try:
        value = _READERS[kind or _kind_of(text)](text, written)
    except Unreadable as error:
        raise JobFileError(source, [Fault("$", *error.words)]) from error.__cause__
    return jobs_of(value, written, source)


def _read(path: Path) -> bytes:
    try:
        return read_written(path, "job", MAX_BYTES, "make several batches")
    except Unreadable as error:
        raise JobFileError(str(path), [Fault("$", *error.words)]) from error.__cause__


def _decode(data: bytes, source: str) -> str:
    def refuse(problem: str) -> JobFileError:
        return JobFileError(source, [Fault("$", problem, "save it as UTF-8", "encoding")])

    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse("it is UTF-16")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refuse(f"it is not UTF-8 from byte {error.start} (line {line})") from error


# -- the kinds of text ---------------------------------------------------------


def _kind_of(text: str) -> str:
    """What a text without a telling name is: JSON, JSON lines, or else YAML."""
    lines = [line for line in text.splitlines() if _counts(line)]
    if not lines or not lines[0].lstrip().startswith(("{", "[")):
        return "yaml"
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "yaml"
        return "json"
    several = len(lines) > 1
    return "jsonl" if isinstance(first, dict) and (several or "jobs" not in first) else "json"


def _counts(line: str) -> bool:
    """Whether a line of JSON lines is neither empty nor a remark."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, with keys that may be doubled."""


def _json(text: str, written: Written) -> Any:
    return _plain(_loads(text), (), written)


def _json_lines(text: str, written: Written) -> Any:
    """A line for each job; empty lines and lines that start with `#` are passed over."""
    jobs: list[Any] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not _counts(line):
            continue
        loc = (len(jobs),)
        written.lines[loc] = number
        try:
            jobs.append(_plain(_loads(line), loc, written))
        except Unreadable as error:
            written.found.append(Found(loc, *error.words))
            jobs.append(BROKEN)
    return jobs


def _loads(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except json.JSONDecodeError as error:
        problem = f"broken JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        raise Unreadable(problem, "correct the text there", "json") from error
    except RecursionError as error:
        expected = f"nest at most {MAX_DEPTH} deep"
        raise Unreadable("it nests too deep", expected, "too-deep") from error


def _plain(value: Any, loc: Loc, written: Written) -> Any:
    """JSON's values as texts, lists and mappings; doubled keys are noted."""
    if isinstance(value, _Pairs | list) and len(loc) >= MAX_DEPTH:
        written.found.append(_too_deep(loc))
        return None
    if isinstance(value, _Pairs):
        inside: dict[str, Any] = {}
        for key, item in value:
            name = _mended(key, loc, written)
            if name in inside:
                written.found.append(_doubled((*loc, name)))
            inside[name] = _plain(item, (*loc, name), written)
        return inside
    if isinstance(value, list):
        return [_plain(item, (*loc, index), written) for index, item in enumerate(value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    return _mended(value, loc, written) if isinstance(value, str) else value


def _mended(text: str, loc: Loc, written: Written) -> str:
    """`text` with lone surrogates, which no file name can take, replaced."""
    if text.isascii():
        return text
    mended = text.encode(errors="replace").decode()
    if mended != text:
        expected = "write whole characters, not halves of surrogate pairs"
        written.found.append(Found(loc, "not Unicode text", expected, "surrogate"))
    return mended


def _too_deep(loc: Loc) -> Found:
    return Found(loc, "nested too deep", f"nest at most {MAX_DEPTH} deep", "too-deep")


def _doubled(loc: Loc) -> Found:
    return Found(loc, "the key is there twice", "keep one of them", "doubled-key")


def _yaml(text: str, written: Written) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _YamlTree(written).build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = str(error.problem or error.context or "it is no YAML")
        expected = "correct the text there"
        line = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
        if "\t" in problem or "tab" in problem or line.lstrip(" ").startswith("\t"):
            problem, expected = "a tab where YAML takes spaces alone", "indent with spaces"
        raise Unreadable(f"broken YAML{where}: {problem}", expected, "yaml") from error
    except (yaml.YAMLError, UnicodeError) as error:  # characters that YAML does not have
        at = getattr(error, "position", None)
        line_words = f" at line {text.count(chr(10), 0, at) + 1}" if isinstance(at, int) else ""
        problem = f"broken YAML{line_words}: a character that must not stand in a text file"
        raise Unreadable(problem, "remove it", "yaml") from error


class _YamlTree:
    """Builds plain values from YAML's events: no tag, alias or type is followed."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Any:
        """The one document of a stream, as texts, None, lists and mappings."""
        import yaml

        documents: list[Any] = []
        holders: list[tuple[Any, Loc]] = [(documents, ())]
        keys: list[str | None] = [None]
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and documents:
                line = _line(event)
                problem = f"a second document begins at line {line}"
                raise Unreadable(problem, "keep one document in a file", "yaml")
            if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                holders.pop()
                keys.pop()
            if not isinstance(event, yaml.NodeEvent):
                continue
            self._count(event)
            holder, loc = holders[-1]
            if isinstance(holder, dict) and keys[-1] is None:
                keys[-1] = self._key(event, loc, holder)
                continue
            if isinstance(holder, dict):
                here: Loc = (*loc, str(keys[-1]))
            else:
                here = (*loc, len(holder)) if len(holders) > 1 else ()
            value = self._value(event, here)
            if isinstance(holder, dict):
                holder[str(keys[-1])] = value
                keys[-1] = None
            else:
                holder.append(value)
            if isinstance(value, dict | list):
                if len(here) >= MAX_DEPTH:
                    raise Unreadable(
                        f"it nests too deep at line {_line(event)}",
                        f"nest at most {MAX_DEPTH} deep",
                        "too-deep",
                    )
                holders.append((value, here))
                keys.append(None)
        return documents[0] if documents else None

    def _count(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            line = _line(event)
            problem = f"more than {MAX_NODES} values (line {line})"
            raise Unreadable(problem, "make several batches", "too-large")

    def _key(self, event: yaml.NodeEvent, loc: Loc, holder: dict[str, Any]) -> str:
        import yaml

        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(
                f"a key that is no text at line {_line(event)}",
                "let keys be plain words",
                "key",
            )
        here = (*loc, event.value)
        self._note_line(event, here)
        self._plain_only(event, here)
        if event.value in holder:
            self._written.found.append(_doubled(here))
        return str(event.value)

    def _value(self, event: yaml.NodeEvent, loc: Loc) -> Any:
        import yaml

        self._note_line(event, loc)
        self._plain_only(event, loc)
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        if not isinstance(event, yaml.ScalarEvent):
            return None  # an alias, which has been noted
        return None if event.implicit[0] and event.value in _NULLS else str(event.value)

    def _plain_only(self, event: yaml.NodeEvent, loc: Loc) -> None:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            problem = f"the alias *{event.anchor} is not followed"
            expected = 'write the value out, or put it under "defaults"'
            self._written.found.append(Found(loc, problem, expected, "alias"))
        elif (tag := getattr(event, "tag", None)) is not None:
            problem = f"the tag {shown(tag)} is not read"
            self._written.found.append(Found(loc, problem, "leave the tag out", "tag"))

    def _note_line(self, event: yaml.NodeEvent, loc: Loc) -> None:
        # Of large files only the entries' own lines are kept.
        if len(loc) <= 4 and (self._nodes < 100_000 or len(loc) <= 2):
            self._written.lines.setdefault(loc, _line(event))


def _line(event: yaml.Event) -> int:
    """Where an event begins, from 1."""
    return 1 if event.start_mark is None else event.start_mark.line + 1


_READERS = {"yaml": _yaml, "json": _json, "jsonl": _json_lines}
_KINDS = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
