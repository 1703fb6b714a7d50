"""Figures: whole people, from boots to hair, in the pose they are in."""

from __future__ import annotations

import math

from sample.curves import Points, array, ellipse, loop, mirror, path
from sample.face import Face
from sample.head import SKIN
from sample.limbs import Limbs

Box = tuple[float, float, float, float]


class Figure(Limbs):
    """One person in one pose."""

    def draw(self) -> Box | None:
        """Draw; says where it is in the picture."""
        c, pose = self.c, self.pose
        c.push(pose.x, pose.y, pose.scale)
        if pose.shadow and not pose.seated:
            c.fill(ellipse(0, 4, self.b.hip_w * 2.4, 9), self.light.colour("#20203a"), 0.28)
        c.begin()
        if not pose.seated:
            for side in (self._far, -self._far):
                self.leg(side)
        c.push(0, self.bob + pose.lift, 1, turn=pose.lean)
        hidden = abs(self.turn) > 0.3
        far, near = self._far, -self._far
        face = Face(c, self.light, self.look, pose)
        self._to_head(face.back)
        if hidden:
            self.arm(far)
        getattr(self, "torso_" + self.who)()
        if not hidden:
            self.arm(far)
        c.fill(self._neck(), self.light.dark(SKIN[self.who]))
        self.collar()
        self._to_head(face.front)
        if self.who == "ines":
            self.scarf()
        self.arm(near)
        c.pop()
        box = c.end()
        c.pop()
        return box

    def _to_head(self, what: object) -> None:
        self.c.push(self.turn * 7, self.b.head_y, self.b.head, turn=self.pose.tilt)
        assert callable(what)
        what()
        self.c.pop()

    def _neck(self) -> Points:
        w = self.b.head * 0.36
        return array(
            [
                (-w, self.b.shoulder_y - 36),
                (w, self.b.shoulder_y - 36),
                (w * 1.15, self.b.shoulder_y + 6),
                (-w * 1.15, self.b.shoulder_y + 6),
            ]
        )

    def _cloth(self, shape: Points, hexa: str, depth: float) -> None:
        c, side = self.c, self.light.side
        c.fill(shape, self.light.colour(hexa))
        c.shade(shape, depth * side, -depth * 0.35, self.light.dark(hexa))
        c.shade(
            shape,
            -depth * 0.2 * side,
            depth * 0.08,
            self.light.colour(self.light.rim),
            0.6 * self.light.rim_level,
        )

    def torso_mei(self) -> None:
        """A raincoat that swings."""
        c, t = self.c, self.turn
        sway = 5 * self.pose.pace * math.sin(
            2 * math.pi * (self.pose.walk or 0)
        ) + self.pose.wind * 6 * math.sin(self.pose.time * 2.3)
        half = [
            (0, -212),
            (24, -212),
            (46, -200),
            (58, -176),
            (60, -140),
            (72, -96),
            (84, -58),
            (44, -50),
            (0, -48),
        ]
        p = mirror(half)
        p[:, 0] = p[:, 0] * (1 - 0.14 * abs(t)) + t * 4 + sway * ((p[:, 1] + 200) / 150).clip(0, 1)
        if self.pose.seated:
            p[:, 1] = p[:, 1].clip(None, -70)
        coat = loop(p)
        hood = loop(mirror([(0, -232), (40, -228), (62, -206), (54, -180), (0, -176)]))
        hood[:, 0] -= t * 12
        c.fill(hood, self.light.dark(self.look.coat))
        self._cloth(coat, self.look.coat, 26)
        dark = self.light.dark(self.look.coat)
        middle = t * 30
        c.stroke(
            path([(middle * 0.8, -200), (middle, -130), (middle * 1.15 + sway, -54)], 6), 3, dark
        )
        for y in (-178, -140, -102):
            c.fill(ellipse(middle + 9, y, 5.5), self.light.colour(self.look.accent))
        for s in (-1, 1):
            x = s * 38 * (1 - 0.2 * abs(t)) + t * 16 + sway * 0.5
            c.stroke([(x - 14, -104 - s * 1.5), (x + 14, -104 + s * 1.5)], 7, dark)
        c.stroke(
            path(
                [
                    (-74 * (1 - 0.14 * abs(t)) + sway, -64),
                    (sway, -54),
                    (74 * (1 - 0.14 * abs(t)) + sway, -64),
                ],
                6,
            ),
            2.5,
            dark,
        )

    def torso_bo(self) -> None:
        """A barrel in a jersey."""
        c, t = self.c, self.turn
        breath = 1.5 * math.sin(self.pose.time * 1.7)
        half = [
            (0, -312),
            (44, -310),
            (86, -292),
            (104, -250),
            (106, -196),
            (98, -150),
            (88, -124),
            (0, -116),
        ]
        p = mirror(half)
        p[:, 0] = p[:, 0] * (1 - 0.12 * abs(t)) + t * 16 * ((p[:, 1] + 320) / 160).clip(0, 1)
        p[:, 0] += breath * (abs(p[:, 0]) > 90) * (p[:, 0] / 100)
        body = loop(p)
        self._cloth(body, self.look.coat, 40)
        dark = self.light.dark(self.look.coat)
        if self.look.stripes:
            rows = [
                loop(
                    array(
                        [
                            (-130, y),
                            (0, y + 14),
                            (130, y),
                            (130, y + 20),
                            (0, y + 34),
                            (-130, y + 20),
                        ]
                    )
                )
                for y in range(-286, -130, 40)
            ]
            c.clipped(rows, body, self.light.colour(self.look.stripes))
            c.shade(body, 40 * self.light.side, -14, self.light.colour("#3a1f3a"), 0.22)
        else:
            for x in (-58, -30, 30, 58):  # cables in the knit
                q = x * (1 - 0.15 * abs(t)) + t * 20
                c.stroke(path([(q, -272), (q + 3, -220), (q, -150)], 5), 3.5, dark, 0.75)
        hem = loop(mirror([(0, -142), (60, -140), (100, -146), (96, -120), (60, -112), (0, -108)]))
        hem[:, 0] = hem[:, 0] * (1 - 0.12 * abs(t)) + t * 14
        c.fill(hem, dark)
        for x in range(-84, 90, 14):
            q = x * (1 - 0.12 * abs(t)) + t * 14
            c.stroke([(q, -137), (q, -116)], 2.5, self.light.colour(self.look.coat), 0.6)

    def torso_ines(self) -> None:
        """A long coat."""
        c, t = self.c, self.turn
        sway = 4 * self.pose.pace * math.sin(
            2 * math.pi * (self.pose.walk or 0)
        ) + self.pose.wind * 7 * math.sin(self.pose.time * 2.0)
        half = [
            (0, -284),
            (26, -282),
            (48, -270),
            (56, -240),
            (48, -190),
            (54, -140),
            (68, -76),
            (76, -40),
            (40, -34),
            (0, -32),
        ]
        p = mirror(half)
        p[:, 0] = p[:, 0] * (1 - 0.12 * abs(t)) + t * 4 + sway * ((p[:, 1] + 240) / 200).clip(0, 1)
        coat = loop(p)
        self._cloth(coat, self.look.coat, 22)
        dark = self.light.dark(self.look.coat)
        middle = t * 24
        c.stroke(
            path([(middle * 0.7, -270), (middle, -180), (middle * 1.3 + sway, -38)], 6), 3, dark
        )
        for y in (-220, -190, -160):
            for s in (-11, 11):
                c.fill(ellipse(middle + s, y, 4.5), self.light.colour("#d9b45a"))
        belt = path([(-49 + t * 4, -184), (middle * 0.6, -178), (49 + t * 4, -184)], 6)
        c.stroke(belt, 9, dark)

    def collar(self) -> None:
        """What closes round the neck."""
        c, t = self.c, self.turn
        if self.who == "mei":
            for s in (-1, 1):
                flap = loop(
                    [
                        (t * 12, -206),
                        (s * 26 + t * 6, -222),
                        (s * 40 + t * 6, -206),
                        (s * 22 + t * 14, -186),
                    ]
                )
                c.fill(flap, self.light.colour(self.look.coat))
                c.shade(flap, 3, -7, self.light.dark(self.look.coat))
        elif self.who == "bo":
            roll = loop(
                [
                    (-44 + t * 4, -318),
                    (0 + t * 8, -306),
                    (44 + t * 4, -318),
                    (46 + t * 4, -298),
                    (t * 8, -282),
                    (-46 + t * 4, -298),
                ]
            )
            c.fill(
                roll,
                self.light.colour(self.look.coat if not self.look.stripes else self.look.accent),
            )
            c.shade(
                roll,
                0,
                -8,
                self.light.dark(self.look.coat if not self.look.stripes else self.look.accent),
            )

    def scarf(self) -> None:
        """A wool scarf with one loose end in the wind."""
        c, t, pose = self.c, self.turn, self.pose
        green, dark = self.light.colour(self.look.accent), self.light.dark(self.look.accent)
        back = -1 if t >= 0 else 1
        wave = [
            math.sin(pose.time * 3.0 - k * 0.9) * (2 + 4 * k) * (0.35 + pose.wind) for k in range(5)
        ]
        blow = pose.wind * 26
        tail = [
            (back * 22 - t * 4, -268),
            (back * (34 + blow * 0.5), -240 + wave[1]),
            (back * (40 + blow * 1.4), -208 + wave[2] - blow),
            (back * (44 + blow * 2.4), -176 + wave[3] - blow * 1.6),
        ]
        end = path(tail, 6)
        c.stroke(end, [24, 28, 30, 32], dark)
        wrap = loop(
            [
                (-40 + t * 3, -288),
                (0 + t * 8, -278),
                (40 + t * 3, -288),
                (50 + t * 4, -268),
                (30 + t * 8, -250),
                (t * 8, -246),
                (-30 + t * 8, -250),
                (-50 + t * 4, -268),
            ]
        )
        c.fill(wrap, green)
        c.shade(wrap, 4 * self.light.side, -11, dark)
        for k in (-24, 0, 24):
            c.stroke(path([(k + t * 6 - 6, -276), (k + t * 8 + 4, -254)], 2), 2.5, dark)
        front = path(
            [
                (14 * -back + t * 8, -262),
                (20 * -back + t * 8, -236),
                (18 * -back + t * 8 + wave[1], -206),
                (20 * -back + t * 8 + wave[2], -178),
            ],
            6,
        )
        c.stroke(front, [22, 24, 26, 28], green)
        for u in (0.55, 0.75, 0.93):
            p = front[int(u * (len(front) - 1))]
            c.stroke([(p[0] - 13, p[1]), (p[0] + 13, p[1])], 5, self.light.colour("#f1e3b8"), 0.9)
