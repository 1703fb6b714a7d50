"""Faces: eyes that blink and look, brows, noses, mouths that speak."""

from __future__ import annotations

from sample.canvas import blend_colours
from sample.curves import ellipse, loop, path
from sample.hair import Hair


class Face(Hair):
    """Everything on the front of a head."""

    def front(self) -> None:
        """The face and everything on it."""
        c, side = self.c, self.light.side
        for s in (-1, 1):  # ears: the far one hides behind the head
            if s * self.turn < 0.45 and self.who != "mei":
                x, y = self.at(s * 0.97, 0.12, 1.02)
                c.fill(
                    ellipse(x - 0.1 * self.turn, y, 0.17, 0.25),
                    self.skin_dark if s != side else self.skin,
                )
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
                c.clipped(
                    [ellipse(gx, gy, size * 0.55 * k, size * 0.62)],
                    eye,
                    self.light.colour("#140d14"),
                )
                c.fill(
                    ellipse(gx + 0.32 * size * self.light.side, gy - 0.4 * size, size * 0.26, n=12),
                    white,
                )
                top = [
                    (x + rx * k * q, y + (ry - lid) * 0.35 - lid * h)
                    for q, h in (
                        (-1.12, 0.05),
                        (-0.75, 0.72),
                        (0.0, 1.02),
                        (0.75, 0.72),
                        (1.12, 0.05),
                    )
                ]
                c.stroke(path(top, 4), [0.035, 0.075, 0.075, 0.03], self.ink)
            else:
                dip = 0.07
                c.stroke(
                    path(
                        [
                            (x - rx * k, y + dip * 0.4),
                            (x, y + dip * 1.6),
                            (x + rx * k, y + dip * 0.4),
                        ],
                        5,
                    ),
                    0.06,
                    self.ink,
                )
            if self.who == "ines":
                c.stroke(
                    path([(x - rx * k, y + 0.25), (x, y + 0.3), (x + rx * k, y + 0.25)], 4),
                    0.025,
                    self.skin_dark,
                )

    def brows(self) -> None:
        """Brows say what the mouth does not."""
        lift = self.pose.brow
        u0, v0, thick, colour = {
            "mei": (0.42, -0.3, 0.075, self.light.colour("#2c222c")),
            "bo": (0.37, -0.3, 0.19, self.light.colour("#b0411f")),
            "ines": (0.4, -0.34, 0.085, self.light.colour("#dcd6d0")),
        }[self.who]
        for s in (-1, 1):
            inner = self.at(
                s * (u0 - 0.2), v0 + (0.1 if lift < 0 else -0.02) * abs(lift) - 0.1 * max(lift, 0)
            )
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
        warm = blend_colours(
            self.skin, self.light.colour("#d8674c"), 0.35 if self.who == "bo" else 0.14
        )
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
        c.clipped(
            [ellipse(x, y + drop * 1.05, half * 0.7, drop * 0.5)],
            shape,
            self.light.colour("#d9656a"),
        )
        c.clipped([ellipse(x, y - 0.11, half * 0.85, 0.15)], shape, self.light.colour("#fbf3e6"))
