"""Plain English for colours: one CIELAB colour as a word or two, a palette as a few.

Boundaries were set by eye on the sRGB colour names and on cloth under warm, grey and blue light;
hues are angles of CIELAB, which puts pure red at 40°, yellow at 103°, green at 136°, cyan at
196° and blue at 306°.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainer.memory.state import Palette

_BLACK = 17.0
_WHITE = 88.0

_TONES: dict[str, tuple[float, float]] = {
    "red": (36, 200),
    "orange": (58, 82),
    "brown": (28, 52),
    "yellow": (70, 200),
    "olive": (32, 200),
    "green": (40, 70),
    "teal": (34, 200),
    "cyan": (0, 200),
    "blue": (28, 62),
    "purple": (28, 62),
    "pink": (55, 80),
    "beige": (0, 200),
}
"""Of each hue, the lightness below which it is called dark, and above which light."""

_LEAST = 0.12
_MOST = 0.5


def colour_name(lab: Sequence[float]) -> str:
    """A basic colour word, with dark, light or pale where that helps: `dark blue`."""
    lightness, a, b = (float(one) for one in lab)
    chroma = math.hypot(a, b)
    hue = math.degrees(math.atan2(b, a)) % 360
    # The darker a colour, the less of its hue is seen.
    if chroma < (8 if lightness < 80 else 7) or (
        lightness < _BLACK and chroma < 12 - lightness * 0.2
    ):
        return _neutral(lightness)
    word = _hue(lightness, chroma, hue)
    dark, light = _TONES[word]
    if lightness < dark:
        return f"dark {word}"
    if word in {"beige", "olive", "brown"}:
        return f"light {word}" if lightness > light else word
    if lightness > 78 and chroma < 27:
        return f"pale {word}"
    if lightness > light and chroma < 75:  # brighter than that is simply the colour itself
        return f"light {word}"
    return word


def palette_words(palette: Palette) -> str:
    """The colours that matter: `mostly dark blue`, `grey and yellow`; empty for no palette."""
    weights: dict[str, float] = {}
    for weight, *lab in palette:
        name = colour_name(lab)
        weights[name] = weights.get(name, 0.0) + weight
    total = sum(weights.values())
    if total <= 0:
        return ""
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    named = [name for name, weight in ranked if weight / total >= _LEAST][:3]
    first = ranked[0][0]
    if ranked[0][1] / total >= _MOST:
        second = next((name for name, weight in ranked[1:] if weight / total >= 0.25), "")
        if not second:
            return f"mostly {first}" if len(ranked) > 1 else first
        return f"mostly {first}, some {second}"
    if len(named) < 2:
        return first
    return f"{', '.join(named[:-1])} and {named[-1]}"


def _neutral(lightness: float) -> str:
    if lightness < _BLACK:
        return "black"
    if lightness < 40:
        return "dark grey"
    if lightness < 70:
        return "grey"
    return "light grey" if lightness < _WHITE else "white"


def _hue(lightness: float, chroma: float, hue: float) -> str:
    if hue < 48:
        return _reds(lightness, chroma, hue)
    if hue < 115:
        return _earths(lightness, chroma, hue)
    if hue < 168:
        return "green"
    if hue < 222:
        return "cyan" if lightness >= 62 else "teal"
    return _blues(lightness, chroma, hue)


def _reds(lightness: float, chroma: float, hue: float) -> str:
    if chroma < 35 and hue >= 22:
        if lightness >= 72:
            return "pink" if hue < 40 else "beige"
        return "brown" if lightness < 60 else "pink"
    if hue >= 44 and lightness >= 60:
        return "orange"
    if lightness >= 58 and chroma < 75:
        return "pink"
    return "pink" if hue < 18 and lightness >= 50 else "red"


def _earths(lightness: float, chroma: float, hue: float) -> str:
    """From orange over yellow to the first greens, and their muted relations."""
    if lightness >= 65 and chroma < 29:
        return "beige"
    if hue >= 95:
        if hue >= 108 and chroma >= 20:
            return "green" if lightness < 65 else "yellow"
        return "yellow" if lightness >= 65 else "olive"
    if hue >= 77:
        return "yellow" if chroma >= 38 and lightness >= 45 else "brown"
    return "orange" if chroma >= 55 and lightness >= 52 else "brown"


def _blues(lightness: float, chroma: float, hue: float) -> str:
    # sRGB's own blue lies at 306° in every shade, beyond many purples, but is far more vivid.
    vivid = hue < 310 and chroma > 2 * lightness
    if hue < (295 if chroma < 40 else 303) or vivid:
        return "blue"
    if hue < 342:
        return "pink" if hue >= 322 and lightness >= 58 else "purple"
    return "pink" if lightness >= 50 else "purple"
