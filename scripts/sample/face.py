"""Faces: heads that turn, eyes that blink and look, mouths that speak, and the hair of each person."""

from __future__ import annotations

import math

from sample.canvas import Canvas, blend_colours
from sample.curves import Points, array, ellipse, loop, mirror, path, tube
from sample.light import Light
from sample.pose import Look, Pose

SKIN = {"mei": "#f3c39c", "bo": "#e9a684", "ines": "#c98d6b"}
HAIR = {"mei": "#26202c", "bo": "#c8502a", "ines": "#eeeae6"}
DEEP = "#3a1f24"


class Face:
    """One head in one pose, drawn in units of half its width."""

    def __init__(self, canvas: Canvas, light: Light, look: Look, pose: Pose) -> None:
        self.c, self.light, self.look, self.pose = canvas, light, look, pose
        self.turn = max(-1.0, min(1.0, pose.looks))
        self.who = look.person
        self.wide = {"mei": 1.0, "bo": 1.0, "ines": 0.92}[self.who]
        self.skin = light.colour(SKIN[self.who])
        self.skin_dark = light.dark(SKIN[self.who])
        self.hair = light.colour(HAIR[self.who])
        self.hair_dark = light.dark(HAIR[self.who])
        self.ink = light.colour(DEEP)

    # A point of the front view, u across, carried round the head by the turn.
    def at(self, u: float, v: float, out: float = 1.0) -> tuple[float, float]:
        angle = math.asin(max(-0.98, min(0.98, u))) + self.turn * 0.62
        return self.wide * out * math.sin(angle), v + self.pose.nod * (1.0 if v < 0.9 else 0.4)

    def thin(self, u: float) -> float:
        """How much narrower something at u looks."""
        angle = math.asin(max(-0.98, min(0.98, u)))
        return max(0.35, math.cos(angle + self.turn * 0.62) / math.cos(angle))

    def round(self, points: list[tuple[float, float]]) -> Points:
        """Front view points, carried round."""
        return array([self.at(u, v) for u, v in points])

    def skew(self, points: Points, top: float, bottom: float) -> Points:
        """An outline whose upper and lower parts slide with the turn."""
        p = points.copy()
        p[:, 0] = p[:, 0] * self.wide + self.turn * (bottom + (top - bottom) * ((1.2 - p[:, 1]) / 2.4).clip(0, 1))
        return p

    def outline(self) -> Points:
        """The head without hair."""
        half = {
            "mei": [(0, -1.1), (0.62, -0.95), (0.98, -0.4), (1.0, 0.18), (0.82, 0.66), (0.4, 0.96), (0, 1.03)],
            "bo": [(0, -1.1), (0.62, -0.98), (0.95, -0.45), (0.98, 0.2), (0.92, 0.7), (0.55, 1.1), (0, 1.2)],
            "ines": [(0, -1.12), (0.6, -0.97), (0.94, -0.42), (0.94, 0.2), (0.76, 0.72), (0.36, 1.14), (0, 1.24)],
        }[self.who]
        return self.skew(loop(mirror(half)), 0.0, 0.13)

    def back(self) -> None:
        """Hair behind the head, drawn before the body's collar."""
        if self.who == "mei":
            half = [
                (0, -1.36),
                (0.7, -1.22),
                (1.16, -0.66),
                (1.24, 0.1),
                (1.2, 0.78),
                (0.9, 1.02),
                (0.4, 0.9),
                (0, 0.9),
            ]
            self.c.fill(self.skew(loop(mirror(half)), -0.08, -0.16), self.hair_dark)
        elif self.who == "ines":
            bun = ellipse(-0.34 * self.turn, -1.42 + 0.02 * math.sin(self.pose.time * 2), 0.5, 0.44)
            self.c.fill(bun, self.hair_dark)
            self.c.shade(bun, -0.16, 0.12, self.hair)
            half = [(0, -1.28), (0.7, -1.12), (1.06, -0.5), (1.06, 0.1), (0.8, 0.5), (0, 0.5)]
            self.c.fill(self.skew(loop(mirror(half)), -0.08, -0.12), self.hair_dark)

    def front(self) -> None:
        """The face and everything on it."""
        c, side = self.c, self.light.side
        for s in (-1, 1):  # ears: the far one hides behind the head
            if s * self.turn < 0.45 and self.who != "mei":
                x, y = self.at(s * 0.97, 0.12, 1.02)
                c.fill(ellipse(x - 0.1 * self.turn, y, 0.17, 0.25), self.skin_dark if s != side else self.skin)
        head = self.outline()
        c.fill(head, self.skin)
        c.shade(head, 0.3 * side, -0.16, self.skin_dark, 0.75)
        self.cheeks()
        self.eyes()
        if self.who == "bo":
            self.beard()
        self.nose()
        self.mouth()
        getattr(self, "hair_" + self.who)()
        self.brows()
        if "tear" in self.pose.extra:
            u = self.pose.extra["tear"]
            x, y = self.at(0.42, 0.2 + 0.5 * u, 1.02)
            c.fill(
                loop([(x, y - 0.13), (x + 0.07, y + 0.02), (x, y + 0.08), (x - 0.07, y + 0.02)]),
                self.light.colour("#cfe9f5"),
                0.95 * min(1.0, 5 * (1 - u)),
            )

    def cheeks(self) -> None:
        """A blush."""
        blush = self.light.colour({"mei": "#f0876e", "bo": "#d8674c", "ines": "#b9684f"}[self.who])
        for u in (-0.62, 0.62):
            x, y = self.at(u, 0.4)
            self.c.fill(ellipse(x, y, 0.21 * self.thin(u), 0.13), blush, 0.5)

    def eyes(self) -> None:
        """Whites, irises, lids."""
        c, pose = self.c, self.pose
        rx, ry, u0, v0 = {
            "mei": (0.215, 0.275, 0.43, 0.1),
            "bo": (0.135, 0.15, 0.36, 0.02),
            "ines": (0.15, 0.165, 0.4, 0.06),
        }[self.who]
        white, iris = (
            self.light.colour("#fbf7ee"),
            self.light.colour({"mei": "#4a2c20", "bo": "#2f6f8f", "ines": "#4d6b3c"}[self.who]),
        )
        open_ = max(0.0, 1 - pose.blink)
        for u in (-u0, u0):
            k = self.thin(u)
            x, y = self.at(u, v0)
            if open_ > 0.15:
                lid = ry * open_
                eye = ellipse(x, y + (ry - lid) * 0.35, rx * k, lid)
                c.fill(eye, white)
                gx = x + rx * k * 0.42 * max(-1.0, min(1.0, pose.gaze[0] + 0.35 * self.turn))
                gy = y + (ry - lid) * 0.35 + ry * 0.3 * pose.gaze[1]
                size = rx * (0.74 if self.who == "mei" else 0.7)
                c.clipped([ellipse(gx, gy, size * k, size * 1.12)], eye, iris)
                c.clipped([ellipse(gx, gy, size * 0.55 * k, size * 0.62)], eye, self.light.colour("#140d14"))
                c.fill(ellipse(gx + 0.32 * size * self.light.side, gy - 0.4 * size, size * 0.26, n=12), white)
                top = [
                    (x + rx * k * q, y + (ry - lid) * 0.35 - lid * h)
                    for q, h in ((-1.12, 0.05), (-0.75, 0.72), (0.0, 1.02), (0.75, 0.72), (1.12, 0.05))
                ]
                c.stroke(path(top, 4), [0.035, 0.075, 0.075, 0.03], self.ink)
            else:
                dip = 0.07
                c.stroke(
                    path([(x - rx * k, y + dip * 0.4), (x, y + dip * 1.6), (x + rx * k, y + dip * 0.4)], 5),
                    0.06,
                    self.ink,
                )
            if self.who == "ines":
                c.stroke(path([(x - rx * k, y + 0.25), (x, y + 0.3), (x + rx * k, y + 0.25)], 4), 0.025, self.skin_dark)

    def brows(self) -> None:
        """Brows say what the mouth does not."""
        lift = self.pose.brow
        u0, v0, thick, colour = {
            "mei": (0.42, -0.3, 0.075, self.light.colour("#2c222c")),
            "bo": (0.37, -0.3, 0.19, self.light.colour("#b0411f")),
            "ines": (0.4, -0.34, 0.085, self.light.colour("#dcd6d0")),
        }[self.who]
        for s in (-1, 1):
            inner = self.at(s * (u0 - 0.2), v0 + (0.1 if lift < 0 else -0.02) * abs(lift) - 0.1 * max(lift, 0))
            mid = self.at(s * u0, v0 - 0.09 - 0.12 * lift)
            outer = self.at(s * min(u0 + 0.26, 0.8), v0 + 0.03 - 0.06 * lift)
            self.c.stroke(path([inner, mid, outer], 5), [thick, thick, thick * 0.45], colour)

    def nose(self) -> None:
        """Small, big, long."""
        c = self.c
        if self.who == "mei":
            x, y = self.at(0.0, 0.36, 1.08)
            c.stroke(path([(x - 0.07, y), (x, y + 0.05), (x + 0.07, y)], 4), 0.05, self.skin_dark)
            return
        rx, ry, v, out = (0.25, 0.22, 0.3, 1.2) if self.who == "bo" else (0.15, 0.13, 0.4, 1.22)
        x, y = self.at(0.0, v, out)
        root = self.at(0.0, v - 0.42, 1.0)
        bridge = loop(
            [
                (root[0] - 0.07, root[1]),
                (root[0] + 0.07, root[1]),
                (x + rx * 0.7, y),
                (x, y + ry * 0.8),
                (x - rx * 0.7, y),
            ]
        )
        c.fill(bridge, self.skin)
        tip = ellipse(x, y, rx, ry)
        warm = blend_colours(self.skin, self.light.colour("#d8674c"), 0.35 if self.who == "bo" else 0.14)
        c.fill(tip, warm)
        c.shade(tip, 0.05 * self.light.side, -0.07, self.skin_dark, 0.9)

    def mouth(self) -> None:
        """Closed it is a line; open it has teeth and a tongue."""
        c, pose = self.c, self.pose
        v, half = {"mei": (0.64, 0.27), "bo": (0.74, 0.27), "ines": (0.8, 0.25)}[self.who]
        open_ = max(0.0, min(1.0, pose.mouth))
        x, y = self.at(0.0, v, 1.02)
        half *= (1 - 0.22 * open_) * self.thin(0.0)
        up = 0.11 * pose.smile
        if open_ < 0.06:
            line = path(
                [
                    (x - half, y - up),
                    (x - half * 0.4, y + up * 0.55),
                    (x + half * 0.4, y + up * 0.55),
                    (x + half, y - up),
                ],
                5,
            )
            c.stroke(line, [0.04, 0.06, 0.06, 0.04], self.ink)
            return
        drop = 0.1 + 0.3 * open_
        shape = loop(
            [
                (x - half, y - up),
                (x, y - 0.05 + up * 0.2),
                (x + half, y - up),
                (x + half * 0.66, y + drop * 0.75),
                (x, y + drop),
                (x - half * 0.66, y + drop * 0.75),
            ]
        )
        c.fill(shape, self.light.colour("#5c1f26"))
        c.clipped([ellipse(x, y + drop * 1.05, half * 0.7, drop * 0.5)], shape, self.light.colour("#d9656a"))
        c.clipped([ellipse(x, y - 0.11, half * 0.85, 0.15)], shape, self.light.colour("#fbf3e6"))

    # -- hair
    def hair_mei(self) -> None:
        """A black bob with a fringe."""
        c, t = self.c, self.turn
        sway = 0.04 * self.pose.wind * math.sin(self.pose.time * 3.1)
        cap = [(0, -1.36), (0.72, -1.2), (1.14, -0.6), (1.2, 0.0)]
        locks = {
            1: [(1.24, 0.5), (1.12, 0.92), (0.94, 0.72), (0.9, 0.2), (0.84, -0.2)],
            -1: [(-0.84, -0.2), (-0.9, 0.2), (-0.94, 0.72), (-1.12, 0.92), (-1.24, 0.5)],
        }
        p = [*cap, *locks[1]]
        p += [
            (0.6, -0.3),
            (0.46, -0.2),
            (0.3, -0.29),
            (0.12, -0.2),
            (-0.08, -0.3),
            (-0.3, -0.21),
            (-0.46, -0.3),
            (-0.62, -0.22),
        ]
        p += [*locks[-1], (-1.2, 0.0), (-1.14, -0.6), (-0.72, -1.2)]
        q = array(p)
        inner = abs(q[:, 0]) < 1.0
        q[:, 0] += t * (0.02 + 0.26 * inner) * (q[:, 1] > -0.8) + sway * (q[:, 1] > 0.3)
        q[:, 0] = q[:, 0].clip(-1.26, 1.26)
        q[:, 1] += self.pose.nod * 0.7
        shape = loop(q, 6)
        c.fill(shape, self.hair)
        shine = [(-0.55, -0.86), (-0.1, -1.0), (0.45, -0.9), (0.5, -0.8), (0.0, -0.88), (-0.5, -0.74)]
        c.fill(
            loop(array(shine) + [0.12 * t + 0.12 * self.light.side, 0.06 + self.pose.nod]),
            self.light.colour("#5a5470"),
            0.85,
        )
        pin = self.at(0.62, -0.34, 1.05)
        c.stroke([(pin[0] - 0.13, pin[1] - 0.05), (pin[0] + 0.12, pin[1] + 0.07)], 0.12, self.light.colour("#e0503f"))
        c.shade(shape, -0.06 * self.light.side, 0.05, self.light.colour(self.light.rim), 0.5 * self.light.rim_level)

    def beard(self) -> None:
        """Red, and most of what one sees of Bo; it moves when he speaks."""
        c, t = self.c, self.turn
        drop = 0.16 * self.pose.mouth
        sway = 0.05 * self.pose.wind * math.sin(self.pose.time * 2.7)
        outer = [
            (1.03, -0.28),
            (1.12, 0.3),
            (1.12, 0.85 + drop),
            (0.92, 1.34 + drop),
            (0.62, 1.62 + drop),
            (0.36, 1.74 + drop),
            (0.2, 1.92 + drop),
            (0, 1.82 + drop),
        ]
        p = mirror(outer)
        top = [(-0.86, -0.1), (-0.76, 0.36), (-0.4, 0.46), (0.0, 0.4), (0.4, 0.46), (0.76, 0.36), (0.86, -0.1)]
        q = array([*p[: 2 * len(outer) - 1], *top])
        q[:, 0] += t * (0.08 + 0.14 * (abs(q[:, 0]) < 0.8)) + sway * (q[:, 1] > 1.2)
        shape = loop(q, 5)
        c.fill(shape, self.hair)
        c.shade(shape, 0.22 * self.light.side, -0.2, self.hair_dark, 0.8)
        for x, y in ((-0.6, 1.15), (-0.25, 1.38), (0.12, 1.42), (0.5, 1.2), (-0.85, 0.75), (0.85, 0.75)):
            base = x + t * 0.18
            c.stroke(
                path([(base - 0.06, y - 0.14 + drop), (base, y + drop), (base + 0.08, y + 0.12 + drop)], 4),
                [0.02, 0.06, 0.02],
                self.hair_dark,
            )
        c.shade(shape, -0.06 * self.light.side, 0.03, self.light.colour(self.light.rim), 0.45 * self.light.rim_level)

    def hair_bo(self) -> None:
        """A moustache over the lip, and the knitted cap."""
        c, t = self.c, self.turn
        x, y = self.at(0.0, 0.58, 1.05)
        lift = 0.05 * self.pose.mouth
        for s in (-1, 1):
            k = 1 + 0.25 * s * -t
            curl = [
                (x, y - 0.1),
                (x + s * 0.3 * k, y - 0.12 - lift),
                (x + s * 0.62 * k, y + 0.1 - lift),
                (x + s * 0.72 * k, y + 0.2),
                (x + s * 0.4 * k, y + 0.16),
                (x, y + 0.08),
            ]
            shape = loop(curl)
            c.fill(shape, self.light.colour("#d96234"))
            c.shade(shape, 0.02, -0.07, self.hair_dark, 0.7)
        if self.pose.extra.get("bare"):
            crown = loop(
                self.skew(
                    mirror([(0, -1.2), (0.6, -1.06), (0.96, -0.5), (0.98, -0.2), (0.5, -0.6), (0, -0.66)]), 0.0, 0.0
                )
            )
            c.fill(crown, self.skin)
            c.shade(crown, 0.3 * self.light.side, -0.1, self.skin_dark, 0.75)
            shine = ellipse(0.3 * self.light.side + 0.2 * t, -0.9, 0.2, 0.09, 0.3 * self.light.side)
            c.fill(shine, self.light.colour("#fff0dc"), 0.6)
            for k in (-1, 0, 1):
                c.stroke(
                    path([(0.02 * k, -1.16), (0.1 * k + 0.03, -1.32), (0.2 * k + 0.08, -1.4)], 4),
                    [0.05, 0.04, 0.02],
                    self.hair,
                )
            return
        cap, dark = self.light.colour(self.look.accent), self.light.dark(self.look.accent)
        dome = loop(
            self.skew(
                mirror([(0, -1.72), (0.5, -1.62), (0.94, -1.2), (1.06, -0.62), (0.6, -0.5), (0, -0.46)]), -0.06, 0.0
            )
        )
        c.fill(dome, cap)
        c.shade(dome, 0.24 * self.light.side, -0.1, dark, 0.9)
        for u in (-0.7, -0.42, -0.14, 0.14, 0.42, 0.7):
            a, b = self.at(u, -0.86), self.at(u * 0.55, -1.62)
            c.clipped([tube(path([a, (b[0] * 0.4 + a[0] * 0.75, -1.25), b], 4), 0.03)], dome, dark)
        band = loop(
            self.skew(
                mirror([(0, -0.84), (0.6, -0.9), (1.08, -0.82), (1.13, -0.56), (1.06, -0.4), (0.6, -0.44), (0, -0.4)]),
                0.0,
                0.02,
            )
        )
        c.fill(band, self.light.colour(_lighter(self.look.accent)))
        c.shade(band, 0.26 * self.light.side, -0.05, cap, 0.9)
        c.fill(ellipse(-0.1 * t, -1.78, 0.24, 0.22), self.light.colour(_lighter(self.look.accent)))

    def hair_ines(self) -> None:
        """White hair swept up, and round glasses."""
        c, t = self.c, self.turn
        p = [(0, -1.3), (0.66, -1.16), (1.02, -0.62), (1.05, -0.05), (0.95, 0.18), (0.86, -0.22), (0.62, -0.56)]
        p += [
            (0.2, -0.74),
            (-0.1, -0.8),
            (-0.4, -0.66),
            (-0.7, -0.5),
            (-0.88, -0.2),
            (-0.95, 0.18),
            (-1.05, -0.05),
            (-1.02, -0.62),
            (-0.66, -1.16),
        ]
        q = array(p)
        q[:, 0] = q[:, 0] * self.wide * 1.02 + t * 0.14 * (q[:, 1] > -0.9) * (abs(q[:, 0]) < 0.92)
        shape = loop(q, 6)
        c.fill(shape, self.hair)
        c.shade(shape, 0.2 * self.light.side, -0.06, self.hair_dark, 0.7)
        for u, w in ((-0.35, -0.1), (0.1, 0.05), (0.45, 0.2)):
            a = self.at(u, -0.78)
            c.stroke(path([a, (a[0] * 0.7 + w, -1.0), (w * 0.6 - 0.1 * t, -1.26)], 4), 0.035, self.hair_dark)
        loose = self.at(0.86, -0.1)
        c.stroke(
            path([loose, (loose[0] + 0.12, 0.3), (loose[0] + 0.02 + 0.06 * math.sin(self.pose.time * 2), 0.62)], 5),
            [0.05, 0.05, 0.02],
            self.hair,
        )
        rim = self.light.colour("#7a4a1e")
        ends = []
        for u in (-0.4, 0.4):
            x, y = self.at(u, 0.08, 1.05)
            k = self.thin(u)
            ring = ellipse(x, y, 0.3 * k, 0.29)
            c.fill(ring, self.light.colour("#ffffff"), 0.12)
            c.stroke([*ring.tolist(), *ring[:2].tolist()], 0.055, rim)
            ends.append((x, y, 0.3 * k))
        c.stroke(
            path(
                [
                    (ends[0][0] + ends[0][2], ends[0][1] - 0.04),
                    ((ends[0][0] + ends[1][0]) / 2, ends[0][1] - 0.1),
                    (ends[1][0] - ends[1][2], ends[1][1] - 0.04),
                ],
                4,
            ),
            0.05,
            rim,
        )
        for s, (x, y, w) in zip((-1, 1), ends, strict=True):
            if s * t < 0.3:
                edge = self.at(s * 0.95, 0.02)
                c.stroke([(x + s * w, y), edge], 0.045, rim)
        c.shade(shape, -0.05 * self.light.side, 0.05, self.light.colour(self.light.rim), 0.5 * self.light.rim_level)


def _lighter(hexa: str) -> str:
    return "#" + "".join(f"{min(int(hexa[i : i + 2], 16) + 28, 255):02x}" for i in (1, 3, 5))
