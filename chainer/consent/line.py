"""An entry as the one line that every store keeps: made from an event, checked, read.

A line is the entry as canonical JSON (keys sorted, no spaces), so that its digest can be computed
from its bytes alone: they are what `Entry.expected_digest` hashes, with `digest` and `seal` put in
between. Checking a line therefore needs no model, and no byte of it can change unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import ValidationError

from chainer.consent.entry import START, Entry, Event, Position, utc_now
from chainer.consent.words import Kind, Reach
from chainer.digest import Digest
from chainer.errors import InputError

MAX_LINE = 1 << 20
"""Bytes that a line may have; about 25,000 authors in one entry."""

SCHEMA = "chainer.consent/1"

_PREFIX = b"chainer:consent-entry:"
_DIGEST = b',"digest":"'
_PREV = b',"prev":"'
_AFTER_DIGEST = b'","edits":['
_HEX = re.compile(rb"[0-9a-f]{64}")
# A quote inside a text is always written with a backslash before it, so that none of these marks
# can be found inside of one.
_END = re.compile(
    rb',"prev":"([0-9a-f]{64})","reach":"[a-z]{1,20}","recorded_at":"([0-9T:.Z-]{20,27})"'
    rb',"schema":"([^"\\]{1,40})"(,"seal":"([0-9a-f]{64})"),"seq":([1-9][0-9]{0,17})'
    rb',"uses":\[[^\[\]{}\\]*\]\}'
)


class Broken(Exception):
    """A line that cannot follow the one before it; `why` says what does not fit."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Link:
    """What the next entry ties itself to: the last one's number, digest and time of recording."""

    seq: int = 0
    digest: Digest = START
    recorded_at: datetime | None = None

    @property
    def position(self) -> Position:
        """The same without the time."""
        return Position(self.seq, self.digest)


def seal_of(key: bytes, digest: Digest) -> str:
    """The seal of an entry with this digest: HMAC-SHA256 under the ledger's key, in hex."""
    state = _keyed(key).copy()
    state.update(digest.encode("ascii"))
    return state.hexdigest()


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """The start of every seal with this key: making it anew takes longer than all the rest."""
    return hmac.new(key, digestmod="sha256")


def make_line(
    event: Event, before: Link, key: bytes, now: datetime | None = None
) -> tuple[Entry, bytes, Link]:
    """`event` as the entry that follows `before`, its line without newline, and its link.

    `now` is the moment of recording, the clock's where it is None; the entry is recorded no
    earlier than the one before it, and a grant holds from then on at the earliest. Times are
    turned to UTC, authors sorted and named once. Raises `InputError` for an event that
    contradicts itself and for a time without a zone.
    """
    moment = in_zone(utc_now() if now is None else now, "now")
    recorded = moment if before.recorded_at is None else max(moment, before.recorded_at)
    fields = {name: getattr(event, name) for name in Event.model_fields}
    fields["authors"] = tuple(sorted(set(event.authors)))
    given = event.effective_at
    effective = moment if given is None else in_zone(given, "effective_at")
    if event.kind.allows:
        effective = max(effective, recorded)
    expires = None if event.expires is None else in_zone(event.expires, "expires")
    _check_event(event, effective, moment, expires)
    fields |= {"effective_at": effective, "expires": expires}
    place = {"seq": before.seq + 1, "recorded_at": recorded, "prev": before.digest}
    try:
        draft = Entry(**fields, **place, digest="", seal="")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refused(f"{where}: {first['msg']}", "correct it", event) from error
    told = draft.model_dump(mode="json", by_alias=True, exclude={"digest", "seal"})
    digest = hashlib.sha256(_PREFIX + _canonical(told)).hexdigest()
    ends = {"digest": digest, "seal": seal_of(key, digest)}
    line = _canonical(told | ends)
    if len(line) >= MAX_LINE:
        raise _refused(f"the entry takes {len(line)} bytes", "split it into several", event)
    return draft.model_copy(update=ends), line, Link(before.seq + 1, digest, recorded)


def check_line(line: bytes, before: Link, key: bytes | None) -> Link:
    """The link of `line`, without its newline, if it is whole and follows `before`.

    With the key None the seal is not looked at. Raises `Broken`.
    """
    link, prev = _checked(line, key)
    if link.seq != before.seq + 1:
        raise Broken(f"number {link.seq} stands where {before.seq + 1} belongs")
    if prev != before.digest:
        raise Broken("it does not follow the entry before it")
    if (
        before.recorded_at is not None
        and link.recorded_at is not None
        and link.recorded_at < before.recorded_at
    ):
        raise Broken("it was recorded before the entry before it")
    return link


def link_of(line: bytes, key: bytes | None) -> Link:
    """The link of `line` if it is whole, whatever it follows. Raises `Broken`."""
    return _checked(line, key)[0]


def read_entry(line: bytes) -> Entry:
    """The entry of a checked line. Raises `Broken` where this version cannot read it."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        raise Broken("it says something that this version of chainer does not know") from error


def in_zone(moment: datetime, what: str) -> datetime:
    """`moment` in UTC. Raises `InputError` where it has no zone, or lies outside of all years."""
    if moment.utcoffset() is None:
        raise InputError(
            f"{what}: {moment.isoformat()} is a time without a zone; "
            "write it with one, as 2026-10-01T08:00:00Z",
            code="no-zone",
            what=what,
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InputError(
            f"{what}: {moment.isoformat()} lies outside the years 1 to 9999; correct it",
            what=what,
        ) from error


def _checked(line: bytes, key: bytes | None) -> tuple[Link, str]:
    """Link and `prev` of a line whose shape, digest, seal and schema are right."""
    at = line.find(_DIGEST)
    tail_at = line.find(_PREV, at)
    tail = _END.match(line, tail_at) if 0 < at < tail_at else None
    start = at + len(_DIGEST)
    digest = line[start : start + 64]
    if (
        tail is None
        or tail.end() != len(line)
        or not line.startswith(_AFTER_DIGEST, start + 64)
        or not _HEX.fullmatch(digest)
    ):
        raise Broken("it is not an entry of a ledger")
    seal_from, seal_to = tail.span(4)
    hashed = hashlib.sha256(_PREFIX + line[:at])
    hashed.update(line[start + 65 : seal_from])
    hashed.update(line[seal_to:])
    text = digest.decode()
    if hashed.hexdigest() != text:
        raise Broken("its content does not fit its digest")
    if key is not None and seal_of(key, text) != tail[5].decode():
        raise Broken(
            "its seal was not made with this ledger's key: the ledger was rewritten, "
            "or the table of names belongs to another one"
        )
    if tail[3] != SCHEMA.encode():
        raise Broken(f"its schema is {tail[3].decode(errors='replace')}, not {SCHEMA}")
    try:
        recorded = datetime.fromisoformat(tail[2].decode())
    except ValueError as error:
        raise Broken("its time of recording is no time") from error
    if recorded.tzinfo is None:
        raise Broken("its time of recording has no zone")
    return Link(int(tail[6]), text, recorded), tail[1].decode()


def _check_event(
    event: Event, effective: datetime, now: datetime, expires: datetime | None
) -> None:
    kind = event.kind.value
    if event.reach is Reach.AUTHORS and not event.authors:
        raise _refused(f'a {kind} for "authors" that names none', "name at least one", event)
    if event.reach is not Reach.AUTHORS and event.authors:
        why = f'a {kind} for "{event.reach.value}" that names authors'
        raise _refused(why, 'leave them out, or set the reach to "authors"', event)
    if event.kind is Kind.APPROVE and not event.atom:
        raise _refused("an approval without an atom", "name the atom that it is for", event)
    if event.kind is not Kind.APPROVE and event.atom is not None:
        raise _refused(f"a {kind} with an atom", "only an approval is for one atom", event)
    if expires is not None:
        if event.kind.refuses:
            why = f"a {kind} that expires"
            raise _refused(why, "leave the expiry out; a later grant ends it", event)
        if expires <= effective:
            raise _refused(
                f"a {kind} that expires at {expires.isoformat()}, before it begins "
                f"at {effective.isoformat()}",
                "give a later expiry",
                event,
            )
    if event.kind is Kind.ERASE and effective > now:
        raise _refused("an erasure in the future", "an erasure holds at once", event)


def _refused(why: str, what_to_do: str, event: Event) -> InputError:
    return InputError(
        f"this cannot be recorded: {why}; {what_to_do}",
        code="consent-event",
        kind=str(event.kind),
        person=event.person,
    )


def _canonical(value: object) -> bytes:
    """As `chainer.digest.key_of` writes it; there are neither fractions nor floats in an entry."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
