"""Light: what each time of day does to the sky, the sea and every colour in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sample.canvas import Colour, bgr, blend_colours


@dataclass(frozen=True)
class Light:
    """One time of day."""

    name: str
    sky: tuple[str, str, str, str]  # top to horizon
    sea: tuple[str, str]  # horizon to near
    haze: str  # what far things fade into
    sun: str
    tint: tuple[float, float, float]  # red, green, blue factors on local colour
    shade: tuple[float, float, float]  # factors again, for the side away from the light
    rim: str  # the light on an edge
    rim_level: float
    side: float  # where the light comes from: -1 left, 1 right
    level: float  # 0 dark .. 1 bright
    lamps: float  # how far windows and lamps are lit
    cloud: str

    def colour(self, hexa: str) -> Colour:
        """A local colour in this light."""
        return _graded(hexa, self.tint)

    def dark(self, hexa: str) -> Colour:
        """A local colour on the side away from the light."""
        return _graded(
            hexa,
            (
                self.tint[0] * self.shade[0],
                self.tint[1] * self.shade[1],
                self.tint[2] * self.shade[2],
            ),
        )

    def far(self, hexa: str, u: float) -> Colour:
        """A local colour seen through u of haze."""
        return blend_colours(self.colour(hexa), bgr(self.haze), u)

    def warmed(self, u: float) -> Light:
        """This light with a lantern near by, u of the way."""
        u = round(min(max(u, 0.0), 1.0) * 40) / 40
        return _warmed(self, u) if u else self


@lru_cache(maxsize=16384)
def _graded(hexa: str, tint: tuple[float, float, float]) -> Colour:
    b, g, r = bgr(hexa)
    return min(round(b * tint[2]), 255), min(round(g * tint[1]), 255), min(round(r * tint[0]), 255)


@lru_cache(maxsize=256)
def _warmed(light: Light, u: float) -> Light:
    lamp = (1.02, 0.86, 0.62)
    r, g, b = (a + (w - a) * u for a, w in zip(light.tint, lamp, strict=True))
    return Light(
        light.name,
        light.sky,
        light.sea,
        light.haze,
        light.sun,
        (r, g, b),
        light.shade,
        "#ffd58a",
        max(light.rim_level, 0.7 * u),
        light.side,
        light.level + (0.8 - light.level) * u,
        light.lamps,
        light.cloud,
    )


LIGHTS: dict[str, Light] = {
    "dawn": Light(
        "dawn",
        ("#3f4d86", "#9a7fae", "#f0a99b", "#ffdca8"),
        ("#e9b3a0", "#4d6594"),
        "#d9a3a6",
        "#fff0c4",
        (0.94, 0.84, 0.88),
        (0.66, 0.64, 0.84),
        "#ffd9a0",
        0.75,
        1.0,
        0.55,
        0.8,
        "#f6bfae",
    ),
    "morning": Light(
        "morning",
        ("#4a9fd4", "#7cc3e3", "#bfe4ea", "#f6efd9"),
        ("#8ccbd6", "#24718f"),
        "#c4e0e4",
        "#fffbe6",
        (1.0, 0.98, 0.95),
        (0.72, 0.74, 0.88),
        "#fff3cf",
        0.55,
        1.0,
        0.95,
        0.0,
        "#ffffff",
    ),
    "day": Light(
        "day",
        ("#3b95d6", "#69b8e4", "#a9dcec", "#e6f4ea"),
        ("#7cc6d2", "#1d6c8c"),
        "#cfe6e6",
        "#ffffff",
        (1.0, 1.0, 0.98),
        (0.72, 0.74, 0.88),
        "#fffbe8",
        0.5,
        -1.0,
        1.0,
        0.0,
        "#ffffff",
    ),
    "afternoon": Light(
        "afternoon",
        ("#3f7fb8", "#7fb0cc", "#f0d7a8", "#ffe0a0"),
        ("#e6c48e", "#256078"),
        "#e8cfa6",
        "#fff4c6",
        (1.0, 0.93, 0.82),
        (0.70, 0.68, 0.82),
        "#ffe2a0",
        0.7,
        -1.0,
        0.8,
        0.1,
        "#fff0d0",
    ),
    "dusk": Light(
        "dusk",
        ("#2b2a5e", "#71427e", "#d9627a", "#ffb070"),
        ("#e58a72", "#352f63"),
        "#a5557d",
        "#ffd58c",
        (0.92, 0.72, 0.76),
        (0.58, 0.54, 0.78),
        "#ffb27a",
        0.8,
        -1.0,
        0.42,
        0.9,
        "#c9587a",
    ),
    "night": Light(
        "night",
        ("#070c22", "#0e1b3c", "#1a3158", "#2a4a70"),
        ("#24456a", "#0a1830"),
        "#1c3153",
        "#f2f0dc",
        (0.50, 0.54, 0.74),
        (0.60, 0.62, 0.76),
        "#a9c4f0",
        0.5,
        -1.0,
        0.14,
        1.0,
        "#1f3557",
    ),
}
