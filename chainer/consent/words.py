"""The closed lists of the consent ledger. They are written to disk: add to them, rename nothing."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an entry of the ledger does."""

    GRANT = "grant"
    """The person allows what the entry lists."""
    REVOKE = "revoke"
    """The person takes back what was granted before, and refuses it until a new grant."""
    DENY = "deny"
    """The person refuses, whether or not anything was granted."""
    RESTRICT = "restrict"
    """Under every grant, what the entry lists is refused; replaces the last one of equal reach."""
    APPROVE = "approve"
    """A grant for one atom alone."""
    ERASE = "erase"
    """The person is to be forgotten: nothing of theirs is allowed from here on."""

    @property
    def allows(self) -> bool:
        """Whether such an entry can be the reason for a yes."""
        return self in (Kind.GRANT, Kind.APPROVE)

    @property
    def refuses(self) -> bool:
        """Whether such an entry ends what was granted before it."""
        return self in (Kind.REVOKE, Kind.DENY, Kind.ERASE)


class Use(StrEnum):
    """What a person's likeness is used for."""

    DRAFT = "draft"
    """A preview that is not shown around."""
    EPISODE = "episode"
    """A finished episode."""
    PUBLISH = "publish"
    """Showing the episode to the public."""
    REMIX = "remix"
    """Atoms derived from an atom that shows the person."""
    COMMERCIAL = "commercial"
    TRAINING = "training"


class Edit(StrEnum):
    """What is done to the picture or sound of a person."""

    TRIM = "trim"
    JOIN = "join"
    """Standing beside other clips."""
    CROSSFADE = "crossfade"
    """Blended or faded into another clip or into black."""
    CROP = "crop"
    OVERLAY = "overlay"
    """Text or pictures over the person; the service's own mark does not count."""
    GRADE = "grade"
    """Colours corrected."""
    RECAPTION = "recaption"
    SPEED = "speed"
    DUB = "dub"
    VOICE_CHANGE = "voice_change"


USUAL_EDITS = (Edit.TRIM, Edit.JOIN, Edit.CROSSFADE, Edit.CROP, Edit.OVERLAY, Edit.GRADE)
"""What putting an episode together takes; a grant that lists no edits permits these."""


class Modality(StrEnum):
    """By what a person is recognised."""

    FACE = "face"
    """Seen in the picture."""
    VOICE = "voice"
    """Heard."""


class Reach(StrEnum):
    """Whom an entry is about."""

    AUTHORS = "authors"
    """The authors that it lists."""
    MUTUALS = "mutuals"
    """Everyone with whom the person stands in a mutual relation; in a refusal or restriction
    everybody, since that circle can be left at will."""
    EVERYONE = "everyone"

    @property
    def level(self) -> int:
        """Larger for narrower: a refusal stands against later grants of a lower level."""
        return {Reach.EVERYONE: 0, Reach.MUTUALS: 1, Reach.AUTHORS: 2}[self]
