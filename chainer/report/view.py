"""The report as the template takes it: every text and number that is printed, nothing decided."""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass
from typing import Any

from chainer.episode.making import Making
from chainer.report.facts import Facts
from chainer.report.joints_view import atoms_of_slot, drift_view, joint_views
from chainer.report.page import data_uri
from chainer.report.road_view import graph_view
from chainer.report.sound import Loudness
from chainer.report.sound_view import sound_view
from chainer.report.standing import Standing
from chainer.report.strips import Pictures, thumbnail_of
from chainer.report.words import (
    CREDENTIALS,
    STATES,
    STEPS,
    clock_text,
    length_text,
    number_text,
    plural,
    size_text,
)
from chainer.timebase import to_seconds

JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found out for a page.

    `others` are JPEGs of atoms that do not play, `beside` the way from the page to the folder.
    """

    facts: Facts
    pictures: Pictures
    loudness: Loudness
    standing: Standing
    others: dict[str, bytes]
    beside: str = ""


def values_of(report: Report) -> dict[str, Any]:
    """The template's values."""
    facts, manifest = report.facts, report.facts.manifest
    thumbs = _thumbs(report)
    joints = joint_views(facts, report.pictures, report.loudness)
    return {
        "manifest": manifest,
        "length": length_text(manifest.seconds),
        "badges": _badges(report),
        "film": _film(report),
        "graph": graph_view(facts, thumbs),
        "joints": joints,
        "joints_left": max(0, len(manifest.joints) - sum(1 for one in joints if one["strip"])),
        "pictures_fault": report.pictures.fault,
        "withheld": not report.standing.shows,
        "drift": drift_view(facts),
        "memory": _memory(facts),
        "sound": sound_view(facts, report.loudness),
        "credits": _credits(facts),
        "consent": _consent(report),
        "making": _making(facts.making),
        "faults": facts.faults,
        "files": [
            {"name": one.name, "size": size_text(one.size), "digest": one.digest}
            for one in manifest.files
        ],
        "made_at": facts.making.made_at.strftime("%d %B %Y, %H:%M UTC") if facts.making else "",
        "checked_at": report.standing.at.strftime("%d %B %Y, %H:%M UTC"),
    }


def _thumbs(report: Report) -> dict[str, str]:
    manifest = report.facts.manifest
    found = {name: data_uri(data, JPEG) for name, data in report.others.items()}
    for slot in manifest.timeline:
        for atom in atoms_of_slot(slot):
            still = report.pictures.stills.get(thumbnail_of(slot, atom, manifest.frames))
            if still is not None:
                found[atom] = data_uri(still, JPEG)
    return found


def _badges(report: Report) -> list[dict[str, str]]:
    """The verdicts at the top: a mark, so that nothing hangs on colour, a word and a sentence."""
    standing, verdict = report.standing, report.standing.verdict
    found = []
    if verdict.whole:
        found.append(_badge("good", "Whole", "every file is as the manifest says"))
    else:
        found.append(_badge("warn", "Not whole", f"{plural(len(verdict.faults), 'fault')}"))
    if not verdict.signed:
        found.append(_badge("flat", "Not signed", "no Content Credentials"))
    elif verdict.credentials == "trusted":
        found.append(_badge("good", "Signed", f"by {verdict.signer}"))
    else:
        found.append(_badge("flat", "Signed", f"by {verdict.signer}; not a trusted signer here"))
    if standing.against:
        found.append(_badge("warn", "Not allowed", "consent was taken back"))
    elif standing.asked:
        found.append(_badge("good", "Allowed", "nothing speaks against it"))
    else:
        found.append(_badge("flat", "Consent not asked", "no ledger was at hand"))
    if report.facts.manifest.draft:
        found.append(_badge("warn", "Draft", "for looking at, not for showing"))
    return found


def _badge(tone: str, word: str, text: str) -> dict[str, str]:
    mark = {"good": "\u2713", "warn": "!", "flat": "\u2013"}[tone]
    return {"tone": tone, "mark": mark, "word": word, "text": text}


def _film(report: Report) -> dict[str, Any]:
    facts, manifest = report.facts, report.facts.manifest
    profile = manifest.profile
    poster = facts.poster if report.standing.shows else None
    ends = [*(one.start for one in manifest.chapters[1:]), manifest.seconds]
    width, height = facts.size
    captions = manifest.settings.get("captions")
    return {
        "name": facts.film,
        "address": posixpath.normpath(posixpath.join(report.beside, facts.film)),
        "there": facts.film not in facts.faults,
        "plays": facts.film.endswith(".mp4"),
        "codec": str(profile.get("codec") or "h264"),
        "poster": None if poster is None else data_uri(poster, JPEG),
        "width": width,
        "height": height,
        "tall": height > width,
        "chapters": [
            {
                "title": one.title,
                "start": f"{float(one.start):.3f}",
                "clock": clock_text(one.start).split(".")[0],
                "length": length_text(end - one.start),
            }
            for one, end in zip(manifest.chapters, ends, strict=False)
        ],
        "cues": [
            {
                "start": clock_text(cue.start).split(".")[0],
                "at": f"{float(cue.start):.3f}",
                "lines": cue.lines,
            }
            for cue in facts.cues
        ],
        "track": [
            [
                round(float(cue.start), 3),
                round(float(cue.end), 3),
                "\n".join(text for _, text in cue.lines),
            ]
            for cue in facts.cues
        ],
        "language": str(captions.get("language") or "") if isinstance(captions, dict) else "",
    }


def _memory(facts: Facts) -> dict[str, Any] | None:
    told = facts.memory
    if told is None:
        return None
    return {
        "world": told.world,
        "characters": [
            {
                "id": name,
                "name": one.name or name,
                "text": one.text,
                "presence": one.presence,
                "confidence": f"{one.confidence:.0%}",
                "facts": sorted(one.facts.items()),
                "palette": [
                    {
                        "name": colour.name,
                        "weight": f"{colour.weight:.0%}",
                        "fill": css_of_lab(*colour.lab),
                    }
                    for colour in one.palette[:6]
                ],
            }
            for name, one in told.characters.items()
        ],
        "facts": [
            {
                "subject": one.subject,
                "key": one.key,
                "value": one.value,
                "from": "the graph" if one.atom == "graph" else one.atom,
                "how": one.source,
            }
            for one in told.facts
        ],
    }


def css_of_lab(lightness: float, a: float, b: float) -> str:
    """A CIELAB colour (D65) as `#rrggbb`, brought into sRGB where it lies outside."""
    fy = (lightness + 16) / 116
    xyz = []
    for value, white in ((fy + a / 500, 0.95047), (fy, 1.0), (fy - b / 200, 1.08883)):
        xyz.append(white * (value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29)))
    x, y, z = xyz
    linear = (
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    )
    shown = []
    for one in linear:
        level = min(1.0, max(0.0, one))
        level = 12.92 * level if level <= 0.0031308 else 1.055 * level ** (1 / 2.4) - 0.055
        shown.append(round(255 * level))
    return "#" + "".join(f"{one:02x}" for one in shown)


def _credits(facts: Facts) -> list[dict[str, Any]] | None:
    told = facts.credits
    if told is None:
        return None
    return [
        {
            "author": one.author,
            "seconds": number_text(float(one.seconds)),
            "share": f"{float(one.share):.1%}",
            "exact": str(one.share),
            "width": f"{100 * float(one.share):.2f}",
            "roles": ", ".join(one.roles),
            "atoms": one.atoms,
            "ancestor_of": one.ancestor_of,
        }
        for one in told.contributors
    ]


def _consent(report: Report) -> dict[str, Any]:
    facts, standing = report.facts, report.standing
    manifest, verdict = facts.manifest, report.standing.verdict
    told = manifest.consent
    provenance = manifest.provenance
    shown: Counter[str] = Counter()
    for need in {(one.atom, one.person) for one in told.needs} if told else set():
        shown[need[0]] += 1
    sources = {one.atom: one for one in manifest.sources}
    found = provenance.atoms if provenance is not None else {}
    return {
        "against": standing.against,
        "state": STATES.get(standing.state, standing.state),
        "asked": standing.asked,
        "notes": (*verdict.notes, *standing.notes),
        "faults": verdict.faults,
        "credentials": CREDENTIALS.get(verdict.credentials, verdict.credentials) or "not signed",
        "signer": verdict.signer,
        "urn": provenance.urn if provenance is not None else None,
        "uses": ", ".join(use.value for use in told.uses) if told else "",
        "ledger": told.ledger if told else "",
        "seq": told.position.seq if told else None,
        "people": len({one.person for one in told.needs}) if told else 0,
        "territories": manifest.rights.territories,
        "expires": manifest.rights.expires,
        "licences": manifest.rights.licences,
        "watermark": manifest.watermark,
        "rating": manifest.rating,
        "atoms": [
            {
                "atom": atom,
                "author": sources[atom].author if atom in sources else "",
                "media": sources[atom].media if atom in sources else "",
                "shown": shown[atom],
                "credentials": CREDENTIALS.get(found.get(atom, ""), found.get(atom, "not looked")),
            }
            for atom in manifest.chain
        ],
    }


def _making(told: Making | None) -> dict[str, Any] | None:
    if told is None:
        return None
    groups: dict[str, dict[str, Any]] = {}
    for step in told.steps:
        one = groups.setdefault(
            step.type,
            {"name": STEPS.get(step.type, step.type), "ran": 0, "kept": 0, "cpu": 0.0},
        )
        one["ran" if step.ran else "kept"] += 1
        one["cpu"] += step.cpu_seconds
    ran = sum(step.ran for step in told.steps)
    frames = sum(step.frames for step in told.steps if step.ran)
    return {
        "ran": ran,
        "kept": len(told.steps) - ran,
        "frames": frames,
        "cpu": f"{told.cpu_seconds:.1f}",
        "groups": [{**one, "cpu": f"{one['cpu']:.1f}"} for one in groups.values()],
        "steps": [
            {
                "type": step.type,
                "name": step.name,
                "ran": step.ran,
                "why": _why(step.why, ran=step.ran),
                "frames": step.frames,
                "cpu": f"{step.cpu_seconds:.1f}" if step.ran else "",
            }
            for step in told.steps
        ],
        "graph": told.graph,
    }


def _why(why: str, *, ran: bool) -> str:
    if ran:
        return "lost since the plan" if why == "cached" else why
    return "in the store" if why == "cached" else f"{why}, but made meanwhile for another film"


def seconds_of(facts: Facts, frame: int) -> float:
    """The moment of a frame, in seconds."""
    return float(to_seconds(frame, facts.manifest.fps))
