"""One need weighed against what its person said: yes, or the most telling no."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chainer.consent.need import Missing, Need, Refusal
from chainer.consent.rules import BITS, EVERYTHING, Rule, Rules, Triple, asked_bits, triples
from chainer.consent.words import Kind, Reach

_MUTUALS = Reach.MUTUALS.level
_AUTHORS = Reach.AUTHORS.level


class Weighing:
    """One need weighed against what its person said."""

    __slots__ = ("_contexts", "_mutual", "_need", "_now", "_refuses", "_rules")

    def __init__(
        self,
        need: Need,
        rules: Rules,
        now: int,
        mutual: Callable[[str, str], bool],
    ) -> None:
        self._need = need
        self._rules = rules
        self._now = now
        self._mutual = mutual
        self._contexts = {context.casefold() for context in need.contexts}
        self._refuses = [
            rule for rule in rules.refuses if rule.start <= now and self._struck_by(rule)
        ]

    def answer(self) -> Refusal | None:
        """None, or the first no."""
        need = self._need
        asked = asked_bits(need)
        lacking = asked
        if need.own:
            touched = 0
            for rule in self._refuses:
                touched |= rule.bits
            lacking &= touched
        if lacking:
            lacking &= ~self._granted(lacking)
        limits = [
            (rule, self._limited(rule))
            for rule in self._rules.restrictions(self._now)
            if self._struck_by(rule)
        ]
        refused = lacking
        for _, bits in limits:
            refused |= bits & asked
        if not refused:
            return None
        triple = next(triple for triple in triples(need) if BITS[triple] & refused)
        bit = BITS[triple]
        limiting = [rule for rule, bits in limits if bits & bit]
        if bit & lacking:
            return self._reason(triple, limiting)
        return self._limit(triple, limiting)

    def _struck_by(self, rule: Rule) -> bool:
        """Whether a refusal or restriction holds for the one who asks.

        One to mutuals holds for everybody: a mutual can stop being one at will, and must not come
        back in by another grant that way.
        """
        return rule.level != _AUTHORS or self._need.grantee in rule.authors

    def _reached_by(self, rule: Rule) -> bool:
        """Whether a grant is for the one who asks."""
        if rule.level == _AUTHORS:
            return self._need.grantee in rule.authors
        if rule.level == _MUTUALS:
            grantee = self._need.grantee
            return grantee is not None and self._mutual(self._need.person, grantee)
        return True

    def _granted(self, asked: int) -> int:
        """Those of the triples that a live grant covers."""
        barred = [0] * (_AUTHORS + 1)  # by level: what a narrower refusal stands against
        for rule in self._refuses:
            for level in range(rule.level):
                barred[level] |= rule.bits
        later = list(self._refuses)
        ended = granted = 0
        for rule in reversed(self._rules.allows):
            while later and later[-1].seq > rule.seq:
                ended |= later.pop().bits
            bits = rule.bits & asked & ~(ended | barred[rule.level] | granted)
            if (
                bits
                and rule.start <= self._now < rule.end
                and (rule.atom is None or rule.atom == self._need.atom)
                and self._reached_by(rule)
                and self._contexts.isdisjoint(rule.contexts)
            ):
                granted |= bits
                if granted == asked:
                    break
        return granted

    def _limited(self, rule: Rule) -> int:
        return rule.bits if self._contexts.isdisjoint(rule.contexts) else EVERYTHING

    def _reason(self, triple: Triple, limiting: Sequence[Rule]) -> Refusal:
        """Why no live grant covers the triple."""
        bit = BITS[triple]
        touching = [rule.entry for rule in self._refuses if rule.bits & bit]
        if touching:
            last = touching[-1]
            missing = Missing.REVOKED if last.kind is Kind.REVOKE else Missing.DENIED
            return no(self._need, triple, missing, last.seq)
        # No refusal touches the triple, so every grant that holds by time is live.
        found: dict[Missing, Rule] = {}
        for rule in self._rules.allows:
            if (rule.atom is None or rule.atom == self._need.atom) and self._reached_by(rule):
                lacks = self._lacks(rule, triple)
                if lacks is not None:
                    found[lacks] = rule  # the latest of each
        for missing in (Missing.CONTEXT, Missing.EDIT, Missing.MODALITY, Missing.USE):
            if missing in found:
                rule = found[missing]
                context = self._context_in(rule) if missing is Missing.CONTEXT else None
                return no(self._need, triple, missing, rule.seq, context)
        if limiting:
            return self._limit(triple, limiting)
        for missing in (Missing.EXPIRED, Missing.NOT_YET):
            if missing in found:
                return no(self._need, triple, missing, found[missing].seq)
        return no(self._need, triple, Missing.GRANT, None)

    def _lacks(self, rule: Rule, triple: Triple) -> Missing | None:
        """The one thing for which a grant does not cover the triple; None where it lacks more."""
        use, modality, edit = triple
        lacks = [
            missing
            for missing, has in (
                (Missing.EXPIRED, self._now < rule.end),
                (Missing.NOT_YET, rule.start <= self._now or rule.end <= self._now),
                (Missing.CONTEXT, self._contexts.isdisjoint(rule.contexts)),
                (Missing.EDIT, edit is None or edit in rule.entry.edits),
                (Missing.MODALITY, modality is None or modality in rule.entry.modalities),
                (Missing.USE, use in rule.entry.uses),
            )
            if not has
        ]
        return lacks[0] if len(lacks) == 1 else None

    def _limit(self, triple: Triple, limiting: Sequence[Rule]) -> Refusal:
        rule = max(limiting, key=lambda rule: rule.seq)
        context = self._context_in(rule)
        return no(self._need, triple, Missing.RESTRICTED, rule.seq, context)

    def _context_in(self, rule: Rule) -> str | None:
        """The first context asked that the rule refuses, as it was asked."""
        return next(
            (name for name in self._need.contexts if name.casefold() in rule.contexts), None
        )


def no(
    need: Need, triple: Triple, missing: Missing, entry: int | None, context: str | None = None
) -> Refusal:
    """The refusal of one triple of a need."""
    return Refusal(need.person, need.grantee, need.atom, missing, *triple, context, entry)
