"""How well a colour reads: contrast as WCAG 2 counts it, and what a ground must be like for it."""

from __future__ import annotations

Colour = tuple[int, int, int]

LEAST = 4.5
"""The least contrast of text with what is behind it, whatever that is."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def colour_of(text: str) -> Colour:
    """`#rrggbb` as three numbers from 0 to 255."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 for black and 1 for white."""
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: Colour, second: Colour) -> float:
    """From 1 for the same colour to 21 for black and white."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def opposite(colour: Colour) -> Colour:
    """Black or white, whichever reads better with `colour`."""
    return BLACK if contrast(colour, BLACK) >= contrast(colour, WHITE) else WHITE


def mixed(colour: Colour, ground: Colour, share: float) -> Colour:
    """`share` of `colour` over `ground`."""
    red, green, blue = (
        round(c * share + g * (1 - share)) for c, g in zip(colour, ground, strict=True)
    )
    return red, green, blue


def shine(colour: Colour, most: float = 1.0) -> float:
    """How much of any picture may shine through a plate of `opposite(colour)` under text.

    From 0 to `most`: with so much or less, the contrast is at least `LEAST` wherever the text
    stands, were the picture wholly black or white.
    """
    plate = opposite(colour)
    worst = WHITE if plate == BLACK else BLACK
    steps = 0
    # Upwards: far beyond the share that is looked for, the worst picture reads again.
    while contrast(colour, mixed(worst, plate, (steps + 1) / 200)) >= LEAST and steps < 200:
        steps += 1
    return min(most, steps / 200)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
