"""Hair: a black bob, a red beard under a cap, a white bun with glasses."""

from __future__ import annotations

import math

import numpy as np

from sample.curves import array, ellipse, loop, mirror, path, tube
from sample.head import Head


class Hair(Head):
    """A head with its hair."""

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
        shine = [
            (-0.55, -0.86),
            (-0.1, -1.0),
            (0.45, -0.9),
            (0.5, -0.8),
            (0.0, -0.88),
            (-0.5, -0.74),
        ]
        c.fill(
            loop(
                array(shine) + np.array([0.12 * t + 0.12 * self.light.side, 0.06 + self.pose.nod])
            ),
            self.light.colour("#5a5470"),
            0.85,
        )
        pin = self.at(0.62, -0.34, 1.05)
        c.stroke(
            [(pin[0] - 0.13, pin[1] - 0.05), (pin[0] + 0.12, pin[1] + 0.07)],
            0.12,
            self.light.colour("#e0503f"),
        )
        c.shade(
            shape,
            -0.06 * self.light.side,
            0.05,
            self.light.colour(self.light.rim),
            0.5 * self.light.rim_level,
        )

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
        top = [
            (-0.86, -0.1),
            (-0.76, 0.36),
            (-0.4, 0.46),
            (0.0, 0.4),
            (0.4, 0.46),
            (0.76, 0.36),
            (0.86, -0.1),
        ]
        q = array([*p[: 2 * len(outer) - 1], *top])
        q[:, 0] += t * (0.08 + 0.14 * (abs(q[:, 0]) < 0.8)) + sway * (q[:, 1] > 1.2)
        shape = loop(q, 5)
        c.fill(shape, self.hair)
        c.shade(shape, 0.22 * self.light.side, -0.2, self.hair_dark, 0.8)
        for x, y in (
            (-0.6, 1.15),
            (-0.25, 1.38),
            (0.12, 1.42),
            (0.5, 1.2),
            (-0.85, 0.75),
            (0.85, 0.75),
        ):
            base = x + t * 0.18
            c.stroke(
                path(
                    [
                        (base - 0.06, y - 0.14 + drop),
                        (base, y + drop),
                        (base + 0.08, y + 0.12 + drop),
                    ],
                    4,
                ),
                [0.02, 0.06, 0.02],
                self.hair_dark,
            )
        c.shade(
            shape,
            -0.06 * self.light.side,
            0.03,
            self.light.colour(self.light.rim),
            0.45 * self.light.rim_level,
        )

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
                    mirror(
                        [
                            (0, -1.2),
                            (0.6, -1.06),
                            (0.96, -0.5),
                            (0.98, -0.2),
                            (0.5, -0.6),
                            (0, -0.66),
                        ]
                    ),
                    0.0,
                    0.0,
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
                mirror(
                    [(0, -1.72), (0.5, -1.62), (0.94, -1.2), (1.06, -0.62), (0.6, -0.5), (0, -0.46)]
                ),
                -0.06,
                0.0,
            )
        )
        c.fill(dome, cap)
        c.shade(dome, 0.24 * self.light.side, -0.1, dark, 0.9)
        for u in (-0.7, -0.42, -0.14, 0.14, 0.42, 0.7):
            a, b = self.at(u, -0.86), self.at(u * 0.55, -1.62)
            c.clipped([tube(path([a, (b[0] * 0.4 + a[0] * 0.75, -1.25), b], 4), 0.03)], dome, dark)
        band = loop(
            self.skew(
                mirror(
                    [
                        (0, -0.84),
                        (0.6, -0.9),
                        (1.08, -0.82),
                        (1.13, -0.56),
                        (1.06, -0.4),
                        (0.6, -0.44),
                        (0, -0.4),
                    ]
                ),
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
        p = [
            (0, -1.3),
            (0.66, -1.16),
            (1.02, -0.62),
            (1.05, -0.05),
            (0.95, 0.18),
            (0.86, -0.22),
            (0.62, -0.56),
        ]
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
            c.stroke(
                path([a, (a[0] * 0.7 + w, -1.0), (w * 0.6 - 0.1 * t, -1.26)], 4),
                0.035,
                self.hair_dark,
            )
        loose = self.at(0.86, -0.1)
        c.stroke(
            path(
                [
                    loose,
                    (loose[0] + 0.12, 0.3),
                    (loose[0] + 0.02 + 0.06 * math.sin(self.pose.time * 2), 0.62),
                ],
                5,
            ),
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
        c.shade(
            shape,
            -0.05 * self.light.side,
            0.05,
            self.light.colour(self.light.rim),
            0.5 * self.light.rim_level,
        )


def _lighter(hexa: str) -> str:
    return "#" + "".join(f"{min(int(hexa[i : i + 2], 16) + 28, 255):02x}" for i in (1, 3, 5))
