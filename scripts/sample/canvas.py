"""The canvas: anti-aliased fills, cel shading, glows and gradients under a movable transform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.curves import Points, Raw, array, tube

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red: what OpenCV stores
SHIFT = 4  # sub-pixel bits


@lru_cache(maxsize=4096)
def bgr(hexa: str) -> Colour:
    """'#rrggbb' as blue, green, red."""
    return int(hexa[5:7], 16), int(hexa[3:5], 16), int(hexa[1:3], 16)


def blend_colours(a: Colour, b: Colour, u: float) -> Colour:
    """From a to b by u."""
    return (
        round(a[0] + (b[0] - a[0]) * u),
        round(a[1] + (b[1] - a[1]) * u),
        round(a[2] + (b[2] - a[2]) * u),
    )


@lru_cache(maxsize=64)
def _halo(radius: int) -> Picture:
    axis = np.linspace(-1, 1, 2 * radius + 1)
    far = np.hypot(axis[None, :], axis[:, None])
    level = np.clip(1 - far, 0, 1) ** 2.2
    out: Picture = np.round(level * 255).astype(np.uint8)
    return out


class Canvas:
    """A picture and the transform through which it is drawn on."""

    def __init__(self, picture: Picture, matrix: Points | None = None) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        self.matrix: Points = np.array([[1.0, 0, 0], [0, 1, 0]]) if matrix is None else matrix
        self._stack: list[Points] = []
        self._bounds: list[float] | None = None

    # -- transform
    @property
    def scale(self) -> float:
        """Pixels per unit now."""
        m = self.matrix
        return math.sqrt(abs(m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]))

    def push(
        self, x: float = 0, y: float = 0, sx: float = 1, sy: float | None = None, turn: float = 0
    ) -> None:
        """Move, turn, scale what is drawn next."""
        self._stack.append(self.matrix)
        c, s = math.cos(turn), math.sin(turn)
        high = sx if sy is None else sy
        local = np.array([[c * sx, -s * high, x], [s * sx, c * high, y], [0, 0, 1.0]])
        self.matrix = self.matrix @ local

    def pop(self) -> None:
        """Back to the transform before the last push."""
        self.matrix = self._stack.pop()

    def place(self, points: Raw) -> Points:
        """Points in pixels."""
        out: Points = array(points) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return out

    # -- what was drawn where
    def begin(self) -> None:
        """Start noting the bounds of everything drawn."""
        self._bounds = [math.inf, math.inf, -math.inf, -math.inf]

    def end(self) -> tuple[float, float, float, float] | None:
        """The bounds since begin as fractions (x, y, width, height), None outside the picture."""
        b, self._bounds = self._bounds, None
        if b is None or b[0] > b[2]:
            return None
        x0, x1 = max(b[0] / self.width, 0.0), min(b[2] / self.width, 1.0)
        y0, y1 = max(b[1] / self.height, 0.0), min(b[3] / self.height, 1.0)
        if x1 - x0 < 0.005 or y1 - y0 < 0.005:
            return None
        return x0, y0, x1 - x0, y1 - y0

    def _note(self, p: Points) -> None:
        if self._bounds is not None:
            low, high = p.min(0), p.max(0)
            b = self._bounds
            b[0], b[1] = min(b[0], float(low[0])), min(b[1], float(low[1]))
            b[2], b[3] = max(b[2], float(high[0])), max(b[3], float(high[1]))

    # -- painting
    def fill(self, points: Raw, colour: Colour, alpha: float = 1.0) -> None:
        """A filled outline."""
        p = self.place(points)
        self._note(p)
        if alpha >= 0.999:
            cv2.fillPoly(self.picture, [_fixed(p)], colour, cv2.LINE_AA, SHIFT)
            return
        area = self._area(p)
        if area is not None and alpha > 0.003:
            self._blend(self._mask([p], area), area, colour, alpha)

    def stroke(
        self, points: Raw, width: float | Sequence[float], colour: Colour, alpha: float = 1.0
    ) -> None:
        """A line with round ends."""
        self.fill(tube(points, width), colour, alpha)

    def shade(
        self,
        points: Raw,
        dx: float,
        dy: float,
        colour: Colour,
        alpha: float = 1.0,
        more: Sequence[Raw] = (),
    ) -> None:
        """Colour what an outline (joined with more) bares when moved by (dx, dy)."""
        parts = [self.place(x) for x in (points, *more)]
        area = self._area(np.concatenate(parts))
        if area is None:
            return
        k = self.scale
        lit = self._mask([p + np.array([dx * k, dy * k]) for p in parts], area)
        self._blend(cv2.subtract(self._mask(parts, area), lit), area, colour, alpha)

    def clipped(
        self,
        shapes: Sequence[Raw],
        clip: Raw,
        colour: Colour,
        alpha: float = 1.0,
        more: Sequence[Raw] = (),
    ) -> None:
        """Shapes, only where they lie inside the clip outline (joined with more)."""
        parts = [self.place(x) for x in (clip, *more)]
        area = self._area(np.concatenate(parts))
        if area is None:
            return
        inner = self._mask([self.place(s) for s in shapes], area)
        self._blend(cv2.min(inner, self._mask(parts, area)), area, colour, alpha)

    def soft(
        self, points: Raw, colour: Colour, blur: float, alpha: float = 1.0, *, add: bool = False
    ) -> None:
        """A blurred outline: mist, shadow, or light when added."""
        p = self.place(points)
        reach = blur * self.scale
        area = self._area(p, 2.5 * reach)
        if area is None:
            return
        x0, y0, x1, y1 = area
        # Blurring at a quarter of the size looks the same and costs a tenth.
        w, h = max((x1 - x0) // 4, 1), max((y1 - y0) // 4, 1)
        small: cv2.typing.MatLike = np.zeros((h, w), np.uint8)
        cv2.fillPoly(small, [_fixed((p - np.array([x0, y0])) / 4)], 255, cv2.LINE_AA, SHIFT)
        small = cv2.GaussianBlur(small, (0, 0), max(reach / 4, 0.5))
        mask = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        self._blend(mask, area, colour, alpha, add=add)

    def ray(
        self, points: Raw, x: float, y: float, reach: float, colour: Colour, strength: float
    ) -> None:
        """Light added inside an outline, fading with the distance from (x, y)."""
        p = self.place(points)
        area = self._area(p, 12 * self.scale)
        if area is None or strength < 0.004:
            return
        x0, y0, x1, y1 = area
        w, h = max((x1 - x0) // 4, 1), max((y1 - y0) // 4, 1)
        small: cv2.typing.MatLike = np.zeros((h, w), np.uint8)
        cv2.fillPoly(small, [_fixed((p - np.array([x0, y0])) / 4)], 255, cv2.LINE_AA, SHIFT)
        small = cv2.GaussianBlur(small, (0, 0), 2.4)
        px, py = self.place([(x, y)])[0]
        far = np.hypot(
            (np.arange(w) * 4 + x0 - px)[None, :], (np.arange(h) * 4 + y0 - py)[:, None]
        ) / (reach * self.scale)
        faded = (np.asarray(small) * np.clip(1 - far, 0, 1) ** 1.3).astype(np.uint8)
        mask = cv2.resize(faded, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        self._blend(mask, area, colour, strength, add=True)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Light added around a point."""
        (px, py), r = self.place([(x, y)])[0], max(int(radius * self.scale), 2)
        cx, cy = round(px), round(py)
        x0, y0, x1, y1 = (
            max(cx - r, 0),
            max(cy - r, 0),
            min(cx + r + 1, self.width),
            min(cy + r + 1, self.height),
        )
        if x0 >= x1 or y0 >= y1 or strength < 0.004:
            return
        mask = _halo(r)[y0 - cy + r : y1 - cy + r, x0 - cx + r : x1 - cx + r]
        self._blend(mask, (x0, y0, x1, y1), colour, strength, add=True)

    def gradient(self, top: float, bottom: float, stops: Sequence[tuple[float, Colour]]) -> None:
        """A vertical gradient across the whole width between two heights."""
        y0, y1 = self.place([(0, top), (0, bottom)])[:, 1]
        rows = np.arange(max(int(y0), 0), min(math.ceil(y1), self.height))
        if len(rows) == 0:
            return
        u = (rows + 0.5 - y0) / max(y1 - y0, 1e-6)
        at = [s[0] for s in stops]
        colour = np.stack([np.interp(u, at, [s[1][c] for s in stops]) for c in range(3)], axis=1)
        # Ordered dither by half a step: no bands in the still, nothing that moves.
        grid = np.array([[0.125, 0.625], [0.875, 0.375]])
        noise = np.tile(grid, (len(rows) // 2 + 1, self.width // 2 + 1))[: len(rows), : self.width]
        self.picture[rows[0] : rows[-1] + 1] = np.floor(
            colour[:, None, :] + noise[:, :, None]
        ).astype(np.uint8)

    # -- masks
    def _area(self, p: Points, reach: float = 0) -> tuple[int, int, int, int] | None:
        low, high = p.min(0) - reach, p.max(0) + reach
        x0, y0 = max(int(low[0]) - 2, 0), max(int(low[1]) - 2, 0)
        x1, y1 = min(int(high[0]) + 3, self.width), min(int(high[1]) + 3, self.height)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    @staticmethod
    def _mask(shapes: Sequence[Points], area: tuple[int, int, int, int]) -> Picture:
        x0, y0, x1, y1 = area
        mask: Picture = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for p in shapes:
            cv2.fillPoly(mask, [_fixed(p - np.array([x0, y0]))], 255, cv2.LINE_AA, SHIFT)
        return mask

    def _blend(
        self,
        mask: Picture | cv2.typing.MatLike,
        area: tuple[int, int, int, int],
        colour: Colour,
        alpha: float,
        *,
        add: bool = False,
    ) -> None:
        x0, y0, x1, y1 = area
        roi = self.picture[y0:y1, x0:x1]
        ink = cv2.merge([cv2.convertScaleAbs(mask, alpha=alpha * c / 255) for c in colour])
        if add:
            roi[:] = cv2.add(roi, ink)
            return
        rest = cv2.bitwise_not(cv2.convertScaleAbs(mask, alpha=alpha))
        roi[:] = cv2.add(cv2.multiply(roi, cv2.merge([rest, rest, rest]), scale=1 / 255), ink)


def _fixed(p: Points) -> NDArray[np.int32]:
    return np.round(p * (1 << SHIFT)).astype(np.int32)
