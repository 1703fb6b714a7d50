"""The loudness of the film as the template takes it: two curves, a band to be in, round numbers."""

from __future__ import annotations

from typing import Any

from chainer.report.charts import (
    BOTTOM,
    HEIGHT,
    HIGHEST,
    LEFT,
    LOUD,
    LOWEST,
    RIGHT,
    STEP_LU,
    TOP,
    WIDTH,
    curve,
    ticks,
    time_scale,
)
from chainer.report.facts import Facts
from chainer.report.sound import STEP, Loudness
from chainer.report.words import number_text, short_clock, signed_text

BAND_LU = 1.0
"""How far from the target still counts as met."""


def sound_view(facts: Facts, told: Loudness) -> dict[str, Any]:
    """The chart and the three numbers beside it."""
    manifest = facts.manifest
    seconds = float(manifest.seconds)
    across = time_scale(seconds)
    target, ceiling = _target(manifest.profile)
    off = None
    if told.integrated is not None and target is not None:
        off = told.integrated - target
    return {
        "fault": told.fault,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "momentary": curve(told.momentary, STEP, across),
        "short": curve(told.short, STEP, across),
        "target": target,
        "band": None
        if target is None
        else (LOUD.at(target + BAND_LU), LOUD.at(target - BAND_LU), LOUD.at(target)),
        "levels": [
            (LOUD.at(level), number_text(level, 0))
            for level in range(int(LOWEST), int(HIGHEST) + 1, STEP_LU)
        ],
        "ticks": [(across.at(one), short_clock(one)) for one in ticks(seconds)],
        "joints": [across.at(float(one.at / manifest.fps)) for one in manifest.joints],
        "chapters": [(across.at(float(one.start)), one.title) for one in manifest.chapters],
        "integrated": number_text(told.integrated),
        "range": number_text(told.range),
        "peak": number_text(told.true_peak),
        "ceiling": number_text(ceiling, 0) if ceiling is not None else "",
        "off": "" if off is None else signed_text(off),
        "met": off is not None and abs(off) <= BAND_LU,
        "below": ceiling is None or told.true_peak is None or told.true_peak <= ceiling + 0.05,
        "band_lu": f"{BAND_LU:g}",
    }


def _target(profile: dict[str, Any]) -> tuple[float | None, float | None]:
    """The loudness and the true peak that the film was to have."""
    told = profile.get("loudness")
    if not isinstance(told, dict):
        return None, None
    return _float(told.get("target")), _float(told.get("true_peak"))


def _float(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
