"""What counts as found, as a false alarm, and as a defect that a clip really has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.outcome import Goal, Outcome

from bench_quality.workbench import Seen, Workbench
from chainer.quality.judge import judge
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import Quality
from chainer.quality.words import Defect

OWN: dict[str, dict[Defect, str]] = {
    **{
        name: {
            Defect.SILENCE: "it has no sound stream",
            Defect.DUPLICATES: "the camera repeated pictures while the hands move: changes of 0.5 "
            "levels amid ones of 30 to 100 (the blocks that change most)",
        }
        for name in (
            *("asl_dark_1.mp4", "asl_skull_1.mp4", "asl_skull_1_rotmeta.mp4", "asl_skull_2.mp4"),
            *("asl_skull_2_land.mkv", "asl_yellow_1.mp4", "asl_yellow_2.mp4"),
            "asl_yellow_2_drift.mp4",
        )
    },
    "streamio_sign_vfr.mov": {
        Defect.SILENCE: "-62 LUFS: nothing above -56 dB",
        Defect.OFFSET: "its sound stream begins 87 ms after its picture",
        Defect.FLICKER: "the webcam hunts for its exposure while a bright sheet comes into view",
        Defect.CRUSHED: "a face in a dark room: seven tenths of the picture are at black",
    },
    "streamio_sign_wide_10fps.mov": {
        Defect.SILENCE: "-63 LUFS: nothing above -56 dB",
        Defect.FLICKER: "the same performance",
        Defect.CRUSHED: "the same performance",
    },
}
"""Defects that untouched clips have, seen or measured by hand: no false alarms, and not planted."""

IMPLIED: dict[Defect, frozenset[Defect]] = {
    Defect.CRUSHED: frozenset({Defect.FROZEN, Defect.BLACK}),
    Defect.BURNT: frozenset({Defect.FROZEN}),
    Defect.OFFSET: frozenset({Defect.SILENCE}),
}
"""What a planted defect brings along: nothing can be seen to move where all is black or white, and
sound that comes a second late is missing for a second."""

HALVES = ("tuned", "other")


def half_of(name: str) -> str:
    """Copies of one recording are in one half."""
    tuned = ("asl", "bbb", "ovi_blonde", "ovi_couple", "ovi_fog", "ovi_green", "ovi_pour")
    return HALVES[0] if name.startswith(tuned) else HALVES[1]


@dataclass
class Tally:
    """Counts by half."""

    found: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    planted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    alarms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    looked: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def look(seen: Seen) -> Quality:
    """The judgement of the whole file."""
    video = seen.info.video
    assert video is not None
    return judge(
        seen.survey,
        seen.info,
        first=Fraction(0),
        seconds=video.seconds,
        wanted_seconds=seen.wanted,
        policy=QualityPolicy(),
    )


def planted_and_untouched(
    bench: Workbench, paths: Sequence[Path], times: int, say: Callable[[str], None]
) -> Outcome:
    """Every defect planted into every clip, and every alarm where there is none."""
    tallies = {defect: Tally() for defect in Defect}
    by_strength: dict[tuple[Defect, str], list[int]] = defaultdict(lambda: [0, 0])
    missed: list[dict[str, str]] = []
    alarms: list[dict[str, str]] = []
    for path in paths:
        clip, half = bench.base(path), half_of(path.name)
        own = OWN.get(path.name, {})
        for name, file in (("untouched", path), ("coded again", clip.path)):
            _count_alarms(
                look(bench.seen(file, path.name)), path.name, name, set(own), tallies, alarms
            )
        defects = [one for one in Defect if one not in own]
        for planted in bench.planted(clip, defects, times):
            quality = look(bench.seen(planted.path, path.name, planted.plan.wanted))
            hit = any(one.defect is planted.defect for one in quality.findings)
            tally = tallies[planted.defect]
            tally.planted[half] += 1
            tally.found[half] += hit
            row = by_strength[planted.defect, planted.plan.strength]
            row[0] += hit
            row[1] += 1
            name = f"{planted.defect}: {planted.plan.words}"
            if not hit:
                missed.append({"clip": path.name, "planted": name})
            excused = {*own, planted.defect, *IMPLIED.get(planted.defect, ())}
            _count_alarms(quality, path.name, name, excused, tallies, alarms)
        say(path.name)
    rows = [_row(defect, tally) for defect, tally in tallies.items()]
    outcome = Outcome("planted", "Planted defects, and alarms where there are none", rows)
    for defect, tally in tallies.items():
        for half in HALVES:
            if tally.planted[half]:
                found = 100 * tally.found[half] / tally.planted[half]
                outcome.goals.append(
                    Goal(f"{defect} found, {half} half", found, 95, " %", at_least=True)
                )
            if tally.looked[half]:
                wrong = 100 * tally.alarms[half] / tally.looked[half]
                outcome.goals.append(Goal(f"{defect} alarms, {half} half", wrong, 2, " %"))
    outcome.facts = {
        "by_strength": [
            {"defect": str(defect), "strength": strength, "found": found, "planted": planted}
            for (defect, strength), (found, planted) in by_strength.items()
        ],
        "missed": missed,
        "alarms": alarms,
        "own": {name: {str(d): why for d, why in found.items()} for name, found in OWN.items()},
    }
    return outcome


def _count_alarms(
    quality: Quality,
    clip: str,
    name: str,
    excused: set[Defect],
    tallies: dict[Defect, Tally],
    alarms: list[dict[str, str]],
) -> None:
    half = half_of(clip)
    for defect, tally in tallies.items():
        if defect in excused:
            continue
        wrong = [one for one in quality.findings if one.defect is defect]
        tally.looked[half] += 1
        tally.alarms[half] += bool(wrong)
        if wrong:
            alarms.append({"clip": clip, "file": name, "alarm": f"{defect}: {wrong[0].words}"})


def _row(defect: Defect, tally: Tally) -> dict[str, Any]:
    row: dict[str, Any] = {"defect": str(defect)}
    for half in HALVES:
        row[f"found, {half}"] = f"{tally.found[half]}/{tally.planted[half]}"
        row[f"alarms, {half}"] = f"{tally.alarms[half]}/{tally.looked[half]}"
    found, planted = sum(tally.found.values()), sum(tally.planted.values())
    alarms, looked = sum(tally.alarms.values()), sum(tally.looked.values())
    row["found %"] = round(100 * found / planted, 1) if planted else None
    row["alarms %"] = round(100 * alarms / looked, 2) if looked else None
    return row
