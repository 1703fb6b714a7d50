"""The marks of a film that has none in its picture: told as facts, in the file and beside it.

A master is handed over clean. Whose clip plays when, and in whose service's name, then stands in
the film's QuickTime metadata and in the manifest, so that whoever finishes it can put the marks on.
"""

from __future__ import annotations

import json

from chainer.episode.manifest import MarkEntry
from chainer.episode.plan import EpisodePlan
from chainer.timebase import clock, time_text, to_seconds

METADATA_PREFIX = "org.chainer."


def marks_of(plan: EpisodePlan) -> tuple[MarkEntry, ...]:
    """Whose mark belongs over which frames; none where they are burned in or switched off."""
    policy, layout = plan.settings.watermark, plan.layout
    if plan.burned or not policy.enabled:
        return ()
    authors = {one.atom.id: one.atom.author if policy.handle else "" for one in plan.atoms}
    found: list[MarkEntry] = []
    for number, slot in enumerate(layout.slots):
        first, last = layout.seen(number)
        for played in slot.plays:
            if played.atom not in authors:
                continue
            at = layout.starts[number] + played.first
            start, end = max(first, at), min(last, at + played.frames)
            if start < end:
                mark = MarkEntry(handle=authors[played.atom], start=start, frames=end - start)
                found.append(mark)
    return tuple(found)


def film_facts(plan: EpisodePlan) -> tuple[tuple[str, str], ...]:
    """QuickTime metadata of the film, names and texts; empty where the marks are in the picture.

    `com.apple.quicktime.information` says it for people, `org.chainer.marks` as JSON for programs.
    """
    marks = marks_of(plan)
    if not marks:
        return ()
    fps, service = plan.settings.profile.fps, plan.settings.watermark.service
    told = [
        {
            "handle": mark.handle,
            "start": time_text(to_seconds(mark.start, fps)),
            "end": time_text(to_seconds(mark.start + mark.frames, fps)),
            "frames": [mark.start, mark.start + mark.frames],
        }
        for mark in marks
    ]
    words = "; ".join(
        f"{clock(to_seconds(mark.start, fps))}-"
        f"{clock(to_seconds(mark.start + mark.frames, fps))} {mark.handle}".rstrip()
        for mark in marks
    )
    value = {"schema": "chainer.marks/1", "service": service, "marks": told}
    return (
        ("com.apple.quicktime.title", plan.titles.heading),
        ("com.apple.quicktime.software", "chainer"),
        (
            "com.apple.quicktime.information",
            f"No mark is burned in. Marks of {service}: {words}",
        ),
        (f"{METADATA_PREFIX}marks", json.dumps(value, ensure_ascii=False)),
    )
