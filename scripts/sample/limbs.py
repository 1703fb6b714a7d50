"""Limbs: legs that step, arms that reach, hands that hold."""

from __future__ import annotations

import math

from sample.canvas import Canvas
from sample.curves import Points, ease, ellipse, knee, loop, path, tube
from sample.head import SKIN
from sample.light import Light
from sample.pose import BUILDS, Look, Pose, Prop, Spot, step_of


class Limbs:
    """The arms and legs of one person in one pose."""

    def __init__(self, canvas: Canvas, light: Light, look: Look, pose: Pose) -> None:
        self.c, self.light, self.look, self.pose = canvas, light, look, pose
        self.b = BUILDS[look.person]
        self.who = look.person
        self.turn = pose.turn
        swing = pose.walk if pose.walk is not None else 0.0
        self.bob = -abs(math.sin(2 * math.pi * swing)) * 5 * pose.pace + (
            1 - pose.pace
        ) * 0.9 * math.sin(pose.time * 2.1)

    @property
    def _far(self) -> int:
        return 1 if self.turn >= 0 else -1

    def tone(self, hexa: str, side: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Colour and shadow; the far limb is a little darker."""
        if side == self._far and abs(self.turn) > 0.3:
            d = self.light.dark(hexa)
            return self._between(self.light.colour(hexa), d, 0.55), d
        return self.light.colour(hexa), self.light.dark(hexa)

    @staticmethod
    def _between(
        a: tuple[int, int, int], b: tuple[int, int, int], u: float
    ) -> tuple[int, int, int]:
        return (
            round(a[0] + (b[0] - a[0]) * u),
            round(a[1] + (b[1] - a[1]) * u),
            round(a[2] + (b[2] - a[2]) * u),
        )

    def leg(self, side: int) -> None:
        """Trousers and boot."""
        c, b, pose = self.c, self.b, self.pose
        ahead = 1 if self.turn >= 0 else -1
        hip = (side * b.hip_w * (1 - 0.35 * abs(self.turn)), b.hip_y + self.bob)
        toe = self.turn if abs(self.turn) > 0.25 else 0.25 * side
        if pose.walk is not None:
            x, y = step_of(pose.walk + (0.5 if side > 0 else 0.0), pose.stride, 20)
            still = b.hip_w * (1.12 - 0.3 * abs(self.turn))
            foot = (
                x * ahead * pose.pace + side * (still + (b.hip_w * 0.25 - still) * pose.pace),
                y * pose.pace,
            )
        else:
            foot = (side * b.hip_w * (1.12 - 0.3 * abs(self.turn)), 0.0)
        ankle = (foot[0], foot[1] - 16)
        joint = knee(hip, ankle, b.leg[0], b.leg[1], -ahead * (1 if abs(self.turn) > 0.2 else 0.3))
        cloth, _ = self.tone(self.look.legs, side)
        limb = path([hip, joint, ankle], 6)
        c.stroke(limb, b.leg_width, cloth)
        boot, boot_dark = self.tone(self.look.boots, side)
        w = b.leg_width[2] * 0.62
        long = w * (1.0 + 0.9 * abs(toe))
        shaft = path([((joint[0] + ankle[0] * 2) / 3, (joint[1] + ankle[1] * 2) / 3), ankle], 5)
        c.stroke(shaft, b.leg_width[2] * 1.22, boot)
        mid = foot[0] + toe * w * 0.75
        sole = loop(
            [
                (mid - long, foot[1] - 1),
                (mid - long * 0.9, foot[1] - w * 0.9),
                (mid, foot[1] - w * 1.35),
                (mid + long * 0.9, foot[1] - w * 0.85),
                (mid + long, foot[1] - 1),
                (mid, foot[1] + 1),
            ]
        )
        c.fill(sole, boot)
        c.shade(sole, 0, -w * 0.45, boot_dark)

    def shoulder(self, side: int) -> Spot:
        """Where an arm begins."""
        drop = 8 if self.who == "bo" else 6
        return side * self.b.shoulder_w * (1 - 0.3 * abs(self.turn)), self.b.shoulder_y + drop

    def reach(self, side: int, start: Spot, target: Spot | None) -> Spot:
        """Where a hand is: on its target as far as the arm goes, or hanging and swinging."""
        b, pose = self.b, self.pose
        length = b.arm[0] + b.arm[1]
        if target is None:
            swing = 0.0
            if pose.walk is not None:
                swing = (
                    0.42
                    * pose.pace
                    * math.sin(2 * math.pi * (pose.walk + (0.25 if side > 0 else 0.75)))
                )
            rest = 0.16 * side * (1 - 0.8 * abs(self.turn)) + 0.1 * self.turn
            angle = rest + swing * (1 if self.turn >= 0 else -1)
            return (
                start[0] + math.sin(angle) * length * 0.96,
                start[1] + math.cos(angle) * length * 0.96,
            )
        dx, dy = target[0] - start[0], target[1] - start[1]
        far = math.hypot(dx, dy)
        k = min(1.0, 0.985 * length / max(far, 1e-6))
        return start[0] + dx * k, start[1] + dy * k

    def arm(self, side: int) -> None:
        """Sleeve, hand and what it holds."""
        c, b, pose = self.c, self.b, self.pose
        start = self.shoulder(side)
        target, prop = (pose.left, pose.left_holds) if side < 0 else (pose.right, pose.right_holds)
        hand = self.reach(side, start, target)
        # A hanging arm bends backward, from the front inward; a raised one keeps its elbow low.
        base = max(-1.0, min(1.0, self.turn * 4)) if abs(self.turn) > 0.12 else -0.5 * side
        raised = ease((start[1] - hand[1] + 50) / 90)
        bend = base + (side - base) * raised
        elbow = knee(start, hand, b.arm[0], b.arm[1], bend)
        line = path([start, elbow, hand], 7)
        cloth, dark = self.tone(self.look.coat, side)
        skin, skin_dark = self.tone(SKIN[self.who], side)
        dx, dy = hand[0] - elbow[0], hand[1] - elbow[1]
        far = max(math.hypot(dx, dy), 1e-6)
        ux, uy = dx / far, dy / far
        turn = math.atan2(uy, ux)
        r = b.hand
        grip = (hand[0] + ux * r * 0.7, hand[1] + uy * r * 0.7)
        c.fill(ellipse(*grip, r * 1.12, r * 0.92, turn), skin)
        thumb = ellipse(
            grip[0] - uy * r * 0.65 * bend + ux * r * 0.3,
            grip[1] + ux * r * 0.65 * bend + uy * r * 0.3,
            r * 0.6,
            r * 0.34,
            turn + 0.7 * bend,
        )
        # Two tubes, because one that folds sharply would cross itself.
        sleeve, fore = tube(line[:8], b.arm_width[:2]), tube(line[7:-2], b.arm_width[1:])
        c.fill(sleeve, cloth)
        c.fill(fore, cloth)
        c.shade(
            sleeve,
            b.arm_width[1] * 0.26 * self.light.side,
            -b.arm_width[1] * 0.2,
            dark,
            0.85,
            [fore],
        )
        if self.look.stripes:
            ring = [
                tube([_along(line, u, -40), _along(line, u, 40)], 13) for u in (0.2, 0.44, 0.68)
            ]
            c.clipped(
                ring,
                sleeve,
                self.light.colour(self.look.stripes)
                if side != self._far
                else self.light.dark(self.look.stripes),
                1.0,
                [fore],
            )
        cuff = tube([_along(line, 0.8, -40), _along(line, 0.8, 40)], b.hand * 0.75)
        c.clipped([cuff], fore, dark if self.who != "ines" else self.light.colour("#d9b45a"))
        if prop is not None:
            self._hold(prop, (grip[0], grip[1]))
        if prop is not None:
            for k in (-0.4, 0.05, 0.5):  # fingers close over what is held
                fx, fy = grip[0] + ux * r * k, grip[1] + uy * r * k
                c.fill(
                    ellipse(fx, fy, r * 0.62, r * 0.27, turn + 1.57),
                    skin_dark if k == 0.05 else skin,
                )
        else:
            c.fill(thumb, skin)
            c.shade(
                ellipse(*grip, r * 1.12, r * 0.92, turn),
                r * 0.3 * self.light.side,
                -r * 0.3,
                skin_dark,
                0.8,
            )

    def _hold(self, prop: Prop, hand: Spot) -> None:
        self.c.push(hand[0], hand[1], 1, turn=-self.pose.lean)
        prop(self.c, self.light)
        self.c.pop()


def _along(line: Points, u: float, out: float) -> Spot:
    """A point beside a line: u along it, out across it."""
    k = min(int(u * (len(line) - 1)), len(line) - 2)
    a, b = line[k], line[k + 1]
    d = b - a
    n = max(math.hypot(d[0], d[1]), 1e-6)
    return float(a[0] - d[1] / n * out), float(a[1] + d[0] / n * out)
