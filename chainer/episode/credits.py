"""`credits.json`: who was on screen for how long, and what share of an episode is whose.

Shares are exact and sum to 1. An atom's share is its part of the time that atoms are on screen;
cards are nobody's. Of it `CreditPolicy.ancestors` goes to the authors of what it was remixed from:
each generation gets half of what the one nearer to the atom gets, from the last one counted on
all together, and within a generation every atom gets the same. What would go to the atom's own
author stays there, and where there is no ancestor all of it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from chainer.consent.shares import CreditPolicy
from chainer.digest import read_regular
from chainer.errors import InputError, VerifyError
from chainer.graph import EdgeKind, Graph
from chainer.profile import Exact
from chainer.timeline import Layout
from chainer.timeline.script import shown

CREDITS_NAME = "credits.json"

_GENERATIONS = 8
"""Generations told apart: what lies further back is counted with the last of them, a 255th part,
so that fractions stay of a size that can be written down."""

_LONGEST = 4000
"""Digits; Python reads no longer numbers unless told to."""

_SHARE = re.compile(r"([0-9]+)(?:/([0-9]*[1-9][0-9]*))?")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_MOST_DIGITS = 9


def _share(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str) and len(value) <= 2 * _LONGEST and (found := _SHARE.fullmatch(value)):
        over, under = found[1], found[2] or "1"
        if max(len(over), len(under)) <= _LONGEST:
            return Fraction(int(over), int(under))
    raise ValueError(f'{str(value)[:40]!r} is no share; write "1/3"')


Share = Annotated[Fraction, BeforeValidator(_share), PlainSerializer(str, return_type=str)]
"""An exact part of the whole, 0 to 1, written as `"1/3"`."""

Role = Literal["author", "remix ancestor"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Contributor(BaseModel):
    """One of those who made the episode.

    `seconds` are those of the contributor's own atoms on screen, a frame shared by two counting
    half for each. `atoms` are the contributor's own that play, `ancestor_of` those of others that
    play and were remixed from theirs.
    """

    model_config = _FROZEN

    author: str
    seconds: Exact
    share: Share
    roles: tuple[Role, ...]
    atoms: tuple[str, ...] = ()
    ancestor_of: tuple[str, ...] = ()


class Credits(BaseModel):
    """The whole file: contributors by share, largest first, then by name."""

    model_config = _FROZEN

    schema_: Literal["chainer.credits/1"] = Field(default="chainer.credits/1", alias="schema")
    ancestors: Exact
    contributors: tuple[Contributor, ...]

    @model_validator(mode="after")
    def _whole(self) -> Credits:
        if len(self.shares) != len(self.contributors):
            raise ValueError("a contributor is there twice")
        if sum(self.shares.values()) != 1:
            raise ValueError("the shares do not sum to 1")
        return self

    @property
    def shares(self) -> dict[str, Fraction]:
        """Each author's share; they sum to exactly 1."""
        return {one.author: one.share for one in self.contributors}

    def to_json(self) -> str:
        """The file's text, the same for equal credits."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def read_credits(folder: Path) -> Credits:
    """The credits of an episode folder. Raises `VerifyError` where there are none that read."""
    path = folder / CREDITS_NAME
    try:
        return Credits.model_validate_json(read_regular(path))
    except OSError as error:
        raise VerifyError(
            f"{folder} has no {CREDITS_NAME}: {error.strerror}", path=str(path)
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise VerifyError(f"{path} is damaged: {place}: {first['msg']}", path=str(path)) from error


def credits_of(
    layout: Layout,
    authors: Mapping[str, str],
    ancestors: Mapping[str, Sequence[Sequence[str]]],
    fps: Fraction,
    policy: CreditPolicy | None = None,
) -> Credits:
    """The credits of a timeline.

    `authors` has the author of every atom that is to be credited; cards are nobody's. `ancestors`
    has, for each remix, the authors of the atoms it came from, by generation, the nearest first.
    Raises `InputError` where no atom plays.
    """
    policy = policy or CreditPolicy()
    plays = [one for one in shown(layout) if one.atom in authors]
    total = sum((one.frames for one in plays), Fraction(0))
    if total <= 0:
        raise InputError("no atom is on screen, so nobody can be credited", code="credits")
    accounts: dict[str, _Account] = {}
    for one in plays:
        author = authors[one.atom]
        account = accounts.setdefault(author, _Account())
        account.frames += one.frames
        account.atoms[one.atom] = None
        for other, part in _parts(author, ancestors.get(one.atom, ()), policy).items():
            account = accounts.setdefault(other, _Account())
            account.share += one.frames / total * part
            if other != author:
                account.ancestor_of[one.atom] = None
    found = [account.credit(author, fps) for author, account in accounts.items()]
    found.sort(key=lambda one: (-one.share, one.author))
    return Credits(ancestors=policy.ancestors, contributors=tuple(found))


def ancestor_generations(graph: Graph, atom: str) -> tuple[tuple[str, ...], ...]:
    """The atoms that `atom` was remixed from, by generation, the nearest first.

    One that is reached in several ways counts in the nearest generation; within one the order is
    that of the file. Raises `WalkError` for an unknown atom.
    """
    seen = {graph.atom(atom).id}
    generations: list[tuple[str, ...]] = []
    last: Iterable[str] = (atom,)
    while True:
        edges = (edge for name in last for edge in graph.edges_in(name, (EdgeKind.REMIX,)))
        found = {edge.source for edge in edges} - seen
        if not found:
            return tuple(generations)
        seen |= found
        last = tuple(sorted(found, key=graph.rank.__getitem__))
        generations.append(last)


def ancestor_authors(graph: Graph, atom: str) -> tuple[tuple[str, ...], ...]:
    """The authors of `ancestor_generations`, one for each atom, as `credits_of` takes them."""
    generations = ancestor_generations(graph, atom)
    return tuple(tuple(graph.atom(name).author for name in names) for names in generations)


def split_revenue(
    shares: Mapping[str, Fraction], amount: str | Decimal, digits: int = 2
) -> dict[str, Decimal]:
    """`amount` by shares, in whole units of the `digits`-th decimal place; sums to it exactly.

    Everybody gets the whole units of their exact part; those left over go to the largest
    remainders, equal ones by name. Raises `InputError` for an amount that is negative, no number
    or finer than a unit, and for shares that do not sum to 1.
    """
    if type(digits) is not int or not 0 <= digits <= _MOST_DIGITS:
        raise InputError(
            f"{digits!r} decimal places; a currency has 0 to {_MOST_DIGITS}", code="amount"
        )
    if any(share < 0 for share in shares.values()) or sum(shares.values()) != 1:
        raise InputError("shares must be 0 or more and sum to exactly 1", code="shares")
    units = _units(amount, digits)
    exact = {name: share * units for name, share in shares.items()}
    given = {name: part.numerator // part.denominator for name, part in exact.items()}
    left = units - sum(given.values())
    for name in sorted(exact, key=lambda name: (given[name] - exact[name], name))[:left]:
        given[name] += 1
    # The constructor is exact whatever precision the caller's decimal context has.
    return {name: Decimal(f"{count}e-{digits}") for name, count in given.items()}


class _Account:
    """What is written down of one author while the slots are gone through."""

    def __init__(self) -> None:
        self.frames = Fraction(0)
        self.share = Fraction(0)
        self.atoms: dict[str, None] = {}
        self.ancestor_of: dict[str, None] = {}

    def credit(self, author: str, fps: Fraction) -> Contributor:
        roles: list[Role] = []
        if self.atoms:
            roles.append("author")
        if self.ancestor_of:
            roles.append("remix ancestor")
        return Contributor(
            author=author,
            seconds=self.frames / fps,
            share=self.share,
            roles=tuple(roles),
            atoms=tuple(self.atoms),
            ancestor_of=tuple(self.ancestor_of),
        )


def _parts(
    author: str, ancestors: Sequence[Sequence[str]], policy: CreditPolicy
) -> dict[str, Fraction]:
    """What part of one atom is whose; the parts sum to 1."""
    generations = [list(names) for names in ancestors if names]
    if len(generations) > _GENERATIONS:
        last = [name for names in generations[_GENERATIONS - 1 :] for name in names]
        generations[_GENERATIONS - 1 :] = [last]
    if not generations or not policy.ancestors:
        return {author: Fraction(1)}
    parts = {author: 1 - policy.ancestors}
    weights = [Fraction(1, 2**n) for n in range(len(generations))]
    all_of_them = sum(weights)
    for names, weight in zip(generations, weights, strict=True):
        each = policy.ancestors * weight / all_of_them / len(names)
        for name in names:
            parts[name] = parts.get(name, Fraction(0)) + each
    return parts


def _units(amount: object, digits: int) -> int:
    """The amount in units of the last decimal place."""
    expected = f'write it as "12.50", with at most {digits} decimal places'
    text = str(amount)
    if isinstance(amount, Decimal) and amount.is_finite() and -30 <= amount.adjusted() < 15:
        text = format(amount, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
    if not isinstance(amount, str | Decimal) or not _AMOUNT.fullmatch(text):
        raise InputError(f"{text[:40]!r} is no amount; {expected}", code="amount")
    units = Fraction(text) * 10**digits
    if units < 0:
        raise InputError(f"the amount {text} is negative; {expected}", code="amount")
    if units.denominator != 1:
        raise InputError(f"the amount {text} is finer than a unit; {expected}", code="amount")
    return int(units)
