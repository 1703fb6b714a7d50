"""Small words of the report: times, shares and verdicts as people read them."""

from __future__ import annotations

from fractions import Fraction

from chainer.timebase import clock


def clock_text(seconds: Fraction | float) -> str:
    """`1:09.600`, `1:02:03.000` for long ones."""
    text = clock(Fraction(seconds).limit_denominator(1_000_000))
    hours, minutes, rest = text.split(":")
    return f"{int(minutes)}:{rest}" if int(hours) == 0 else f"{int(hours)}:{minutes}:{rest}"


def short_clock(seconds: float) -> str:
    """`1:09`, to the second below."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def length_text(seconds: Fraction) -> str:
    """`2 min 7 s`, to the nearest second."""
    whole = round(float(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size_text(count: int) -> str:
    """`18.0 MB`, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def signed_text(value: float, digits: int = 1) -> str:
    """`+1.2` or `-1.2` with a true minus."""
    rounded = round(value, digits) or 0.0  # never a negative zero
    return f"{rounded:+.{digits}f}".replace("-", "\u2212")


def number_text(value: float | None, digits: int = 1) -> str:
    """A number with a true minus; a dash where there is none."""
    return "\u2013" if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def plural(count: int, noun: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


KINDS = {
    "cut": "Cut",
    "crossfade": "Crossfade",
    "fade": "Fade through black",
    "match": "Match cut",
    "morph": "Morph",
    "card": "Card",
    "fuse": "Flows into one shot",
}
CLASSES = {
    "seamless": "the same picture goes on",
    "same_setup": "the same set-up",
    "new_setup": "another set-up",
}
STEPS = {
    "conform": "clips brought to the house format",
    "extend": "extended slots",
    "card": "cards",
    "joint": "joints",
    "poster": "poster",
    "mark": "watermarks",
    "text": "texts over pictures",
    "bed": "music bed",
    "segment": "segments of the playlist",
}
CREDENTIALS = {
    "trusted": "signed, by somebody a trust anchor of ours vouches for",
    "untrusted": "signed, by somebody no trust anchor of ours vouches for",
    "none": "carries none",
    "lost": "had some and lost them",
    "tampered": "has some, and was changed afterwards",
}
STATES = {
    "making": "being made",
    "made": "made, not published",
    "published": "published",
    "draft": "a draft",
    "suspended": "suspended",
    "blocked": "blocked",
}
EDGES = {
    "continuation": "goes on with",
    "remix": "was remixed into",
    "stands in": "is followed, through a stand-in, by",
}
