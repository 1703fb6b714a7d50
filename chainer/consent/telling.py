"""Refusals and entries in words, for people: by name, with the entry that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

from chainer.consent.entry import Entry
from chainer.consent.need import Missing, Refusal
from chainer.consent.words import Kind, Modality, Reach
from chainer.errors import PolicyRefused

NameOf = Callable[[str], str]
"""The name behind a keyed id."""

_MOST_TOLD = 8

_DOES = {
    Kind.GRANT: "allows",
    Kind.REVOKE: "takes back",
    Kind.DENY: "denies",
    Kind.RESTRICT: "restricts",
    Kind.APPROVE: "approves",
    Kind.ERASE: "is to be forgotten",
}


def refusal_text(refusal: Refusal, name_of: NameOf, entry: Entry | None = None) -> str:
    """One sentence: who is in which atom, who may not have what, and which entry says so.

    With the deciding `entry` it says what that entry allows instead, or when it holds. What to do
    about it is the caller's to add.
    """
    person = name_of(refusal.person)
    shows = "has the voice of" if refusal.modality is Modality.VOICE else "shows"
    whom = "" if refusal.grantee is None else f"{name_of(refusal.grantee)} "
    allows = f"who allows {whom}no {refusal.use.value!r}" + _narrower(refusal)
    return f"{refusal.atom} {shows} {person}, {allows} ({_because(refusal, person, entry)})"


def refused(
    refusals: Sequence[Refusal],
    name_of: NameOf,
    entry_of: Callable[[Refusal], Entry | None] | None = None,
) -> PolicyRefused:
    """The error for one or more refusals, all in its facts, with names; code `consent`.

    `entry_of` finds the entry that decides one, as `Standing.deciding` does.
    """
    told = [
        refusal_text(one, name_of, None if entry_of is None else entry_of(one)) for one in refusals
    ]
    shown = list(dict.fromkeys(told))
    more = len(shown) - _MOST_TOLD
    words = "; ".join(shown[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
    first = refusals[0]
    return PolicyRefused(
        f"refused by consent: {words}; see `chainer consent show {name_of(first.person)}`, ask "
        f"them for a grant, or leave the atom out with --avoid atom:{first.atom}",
        code="consent",
        refusals=[
            {
                **one.as_json(),
                "person_name": name_of(one.person),
                "grantee_name": None if one.grantee is None else name_of(one.grantee),
                "text": text,
            }
            for one, text in zip(refusals, told, strict=True)
        ],
    )


def entry_text(entry: Entry, name_of: NameOf) -> str:
    """One line about one entry: its number, when, who, what, and for whom."""
    start = f"entry {entry.seq}, {_moment(entry.recorded_at)}: {name_of(entry.person)}"
    if entry.kind is Kind.ERASE:
        return f"{start} {_DOES[entry.kind]}"
    parts = [f"{start} {_DOES[entry.kind]} {_what(entry)} {_whom(entry, name_of)}"]
    if entry.atom is not None:
        parts.append(f"in {entry.atom} alone")
    if entry.effective_at != entry.recorded_at:
        parts.append(f"from {_moment(entry.effective_at)}")
    if entry.expires is not None:
        parts.append(f"until {_moment(entry.expires)}")
    return ", ".join(parts)


def _narrower(refusal: Refusal) -> str:
    """What is asked besides the use, where that is what is missing."""
    if refusal.missing is Missing.MODALITY and refusal.modality is Modality.FACE:
        return " of their face"
    if refusal.missing is Missing.EDIT and refusal.edit is not None:
        return f" with the edit {refusal.edit.value!r}"
    if refusal.context is not None:
        return f" in the context {refusal.context!r}"
    return ""


def _because(refusal: Refusal, person: str, entry: Entry | None) -> str:
    number = f"entry {refusal.entry}"
    match refusal.missing:
        case Missing.ERASED:
            return f"{person} is to be forgotten, by {number}"
        case Missing.REVOKED:
            return f"revoked by {number}"
        case Missing.DENIED:
            return f"denied by {number}"
        case Missing.CONTEXT:
            return f"{number} refuses that context"
        case Missing.RESTRICTED:
            return f"restricted by {number}" + ("" if entry is None else f": {_limits(entry)}")
        case Missing.EXPIRED:
            when = "" if entry is None or entry.expires is None else f" at {_moment(entry.expires)}"
            return f"{number} expired{when}"
        case Missing.NOT_YET:
            when = "yet" if entry is None else f"before {_moment(entry.effective_at)}"
            return f"{number} does not hold {when}"
        case Missing.USE | Missing.EDIT | Missing.MODALITY:
            return f"no grant covers it; {number} allows {_instead(refusal.missing, entry)}"
        case Missing.GRANT:
            return "nobody was granted it"
    assert_never(refusal.missing)


def _instead(missing: Missing, entry: Entry | None) -> str:
    """What the entry does allow on the axis where something is missing."""
    if entry is None:
        return "something else"
    listed = {Missing.USE: entry.uses, Missing.EDIT: entry.edits}.get(missing, entry.modalities)
    return _listed(listed) or "nothing"


def _limits(entry: Entry) -> str:
    parts = [_listed(entry.uses), _listed(entry.edits), _listed(entry.modalities)]
    return ", ".join([part for part in parts if part] + [repr(name) for name in entry.contexts])


def _what(entry: Entry) -> str:
    """What an entry is about; what it leaves open is everything only where it takes away."""
    if entry.kind.refuses:
        uses = _listed(entry.uses) or "every use"
        return uses + (f" of their {_listed(entry.modalities)}" if entry.modalities else "")
    if entry.kind is Kind.RESTRICT:
        return _limits(entry) or "nothing any more"
    what = f"{_listed(entry.uses) or 'no use'} of {_listed(entry.modalities) or 'nothing'}"
    what += f" with {_listed(entry.edits) or 'no edit'}"
    return what + (f" but not in {', '.join(map(repr, entry.contexts))}" if entry.contexts else "")


def _whom(entry: Entry, name_of: NameOf) -> str:
    match entry.reach:
        case Reach.AUTHORS:
            return f"for {', '.join(name_of(key) for key in entry.authors) or 'no author'}"
        case Reach.MUTUALS:
            return "for mutuals"
        case Reach.EVERYONE:
            return "for everyone"
    assert_never(entry.reach)


def _listed(words: Iterable[StrEnum]) -> str:
    return ", ".join(word.value for word in words)


def _moment(moment: datetime) -> str:
    """The moment as the ledger writes it, in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
