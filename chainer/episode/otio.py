"""`episode.otio`: the film as a timeline over the original media, for editing programs.

The one door to OpenTimelineIO. A track's cuts are the film's: strips are counted in whole frames at
the house rate, whatever rate their media have, so that no program rounds them anywhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chainer.episode.cutlist import Blend, Holds, Strip, Track, picture_track, sound_track
from chainer.episode.plan import EpisodePlan, PlannedAtom, PlannedMusic
from chainer.errors import SettingsError
from chainer.graph.sources.address import name_of
from chainer.render.spec import CardSpec
from chainer.timebase import time_text, to_frames

if TYPE_CHECKING:
    from opentimelineio import opentime, schema  # type: ignore[import-untyped]

OTIO_NAME = "episode.otio"
OTIO_SCHEMA = "chainer.otio/1"

_REEL = 8
"""Letters of a reel's name in an edit decision list."""

_TAKEN_REELS = ("AX", "BL")
"""Edit decision lists call black and unknown tapes so."""


def demand_otio() -> None:
    """Raise `SettingsError` where OpenTimelineIO is not installed."""
    try:
        import opentimelineio  # noqa: F401  (found here, so that its absence is told before work)
    except ImportError as error:
        raise SettingsError(
            "episode.otio needs OpenTimelineIO: pip install 'episode-chainer[otio]'",
            missing="opentimelineio",
        ) from error


def otio_text(plan: EpisodePlan) -> str:
    """The text of `episode.otio`: the same for the same plan, and no path of this machine in it.

    Raises `SettingsError` where OpenTimelineIO is not installed.
    """
    demand_otio()
    timeline = _Writer(plan).timeline()
    text: str = timeline.to_json_string(indent=2)
    return text + "\n"


class _Writer:
    """Puts the tracks of one plan into OpenTimelineIO's words."""

    def __init__(self, plan: EpisodePlan) -> None:
        self._plan = plan
        self._fps = plan.settings.profile.fps
        self._reels = _reels(plan.atoms)
        self._flagged: set[str] = set()

    def timeline(self) -> schema.Timeline:
        from opentimelineio import schema

        plan = self._plan
        timeline = schema.Timeline(
            name=_plain(plan.titles.heading) or "episode",
            global_start_time=self._time(0),
            metadata={
                "chainer": {
                    "schema": OTIO_SCHEMA,
                    "title": plan.titles.heading,
                    "kind": plan.chain.kind.value,
                    "chain": list(plan.chain.atoms),
                    "graph": name_of(plan.graph.source),
                    "media": "beside the graph file",
                    "profile": plan.settings.profile.name,
                    "fps": str(self._fps),
                    "frames": plan.layout.frames,
                    "draft": plan.is_draft,
                }
            },
        )
        tracks = timeline.tracks
        tracks.append(self._track("Picture", schema.TrackKind.Video, picture_track(plan)))
        tracks.append(self._track("Sound", schema.TrackKind.Audio, sound_track(plan)))
        for number, music in enumerate(plan.music):
            tracks.append(self._bed(f"Music {number + 1}" if number else "Music", music))
        for mark in plan.chapters:
            tracks.markers.append(
                schema.Marker(
                    name=_plain(mark.title),
                    marked_range=self._range(mark.frame, 1),
                    color=schema.MarkerColor.GREEN,
                    metadata={"chainer": {"marks": "chapter", "title": mark.title}},
                )
            )
        return timeline

    def _track(self, name: str, kind: str, strips: Track) -> schema.Track:
        from opentimelineio import schema

        track = schema.Track(name=name, kind=kind)
        for one in strips:
            if isinstance(one, Blend):
                track.append(self._blend(one))
            elif one.holds is Holds.NOTHING:
                track.append(schema.Gap(source_range=self._range(one.first, one.frames)))
            else:
                track.append(self._clip(one, told=kind == schema.TrackKind.Video))
        return track

    def _blend(self, blend: Blend) -> schema.Transition:
        from opentimelineio import schema

        return schema.Transition(
            name="Cross Dissolve",
            transition_type=schema.TransitionTypes.SMPTE_Dissolve,
            in_offset=self._time(blend.before),
            out_offset=self._time(blend.after),
            metadata={"chainer": {"joint": blend.style.value}},
        )

    def _clip(self, strip: Strip, *, told: bool) -> schema.Clip:
        from opentimelineio import schema

        if strip.atom is None:
            return schema.Clip(
                name=_plain(strip.name),
                media_reference=schema.MissingReference(
                    name=_plain(strip.name), metadata={"chainer": self._made(strip)}
                ),
                source_range=self._range(0, strip.frames),
                metadata={"chainer": {"holds": strip.holds.value}, "cmx_3600": {"reel": "CARD"}},
            )
        atom = strip.atom
        named = atom.atom.title or atom.atom.id
        clip = schema.Clip(
            name=_plain(named) or atom.atom.id,
            media_reference=self._media(atom),
            source_range=self._range(strip.first, strip.frames),
            metadata={
                "chainer": self._told(strip, atom),
                "cmx_3600": {"reel": self._reels[atom.media.digest]},
            },
        )
        clip.effects.extend(_pace(strip))
        if told and atom.report is not None and atom.atom.id not in self._flagged:
            self._flagged.add(atom.atom.id)
            clip.markers.extend(self._drift(atom, strip))
        return clip

    def _made(self, strip: Strip) -> dict[str, Any]:
        """What stands where there is no media: enough to set the card again."""
        told: dict[str, Any] = {"holds": strip.holds.value, "name": strip.name}
        if strip.slot >= 0:
            spec = self._plan.render.spec_of(self._plan.render.slots[strip.slot])
            if isinstance(spec, CardSpec):
                told |= {"card": spec.kind.value, "heading": spec.heading, "line": spec.line}
                told["rows"] = [list(row) for row in spec.rows]
        return told

    def _told(self, strip: Strip, atom: PlannedAtom) -> dict[str, Any]:
        return {
            "holds": strip.holds.value,
            "atom": atom.atom.id,
            "author": atom.atom.author,
            "title": atom.atom.title or "",
            "take": atom.take,
            "tags": sorted(atom.atom.tags),
            "slot": self._plan.layout.slots[strip.slot].name,
            "record": [strip.start, strip.end],
            "speed": str(strip.speed),
            "source_seconds": time_text(Fraction(strip.first) / self._fps),
            "grade": None if atom.grade is None else list(atom.grade),
        }

    def _media(self, atom: PlannedAtom) -> schema.ExternalReference:
        from opentimelineio import schema

        video = atom.media.info.video
        assert video is not None, "every planned atom has a picture"
        rate = self._fps if video.variable_rate else video.frame_rate
        return schema.ExternalReference(
            target_url=_address(atom.named),
            available_range=_range_at(0, to_frames(video.seconds, rate), rate),
            metadata={
                "chainer": {
                    "media": atom.named,
                    "digest": atom.media.digest,
                    "author": atom.atom.author,
                    "take": atom.take,
                    "frame_rate": str(video.frame_rate),
                    "variable_rate": video.variable_rate,
                    "seconds": time_text(video.seconds),
                    "size": list(video.display_size),
                    "rotation": video.rotation,
                }
            },
        )

    def _drift(self, atom: PlannedAtom, strip: Strip) -> list[schema.Marker]:
        """A marker at the clip's first frame for each thing that drifted there."""
        from opentimelineio import schema

        report = atom.report
        assert report is not None
        return [
            schema.Marker(
                name=_plain(f"drift: {finding.flag.value}"),
                marked_range=self._range(strip.first, 1),
                color=schema.MarkerColor.RED,
                metadata={
                    "chainer": {
                        "marks": "drift",
                        "from": report.source,
                        "to": report.target,
                        **finding.as_json(),
                    }
                },
            )
            for finding in report.findings
            if finding.counts
        ]

    def _bed(self, name: str, music: PlannedMusic) -> schema.Track:
        """The music from the start of the film to its end, over and over where it is shorter."""
        from opentimelineio import schema

        asked = self._plan.settings.bed.media is not None
        named = music.bed.media.replace("\\", "/").rpartition("/")[2] if asked else music.bed.media
        title = None if music.bed.rights is None else music.bed.rights.title
        whole = max(1, to_frames(music.media.info.seconds, self._fps))
        track = schema.Track(name=name, kind=schema.TrackKind.Audio)
        for start in range(0, self._plan.layout.frames, whole):
            track.append(
                schema.Clip(
                    name=_plain(title or named),
                    media_reference=schema.ExternalReference(
                        target_url=_address(named),
                        available_range=self._range(0, whole),
                        metadata={"chainer": {"media": named, "digest": music.media.digest}},
                    ),
                    source_range=self._range(0, min(whole, self._plan.layout.frames - start)),
                    metadata={
                        "chainer": {
                            "holds": "music",
                            "gain_db": time_text(music.bed.gain),
                            "duck_db": time_text(music.bed.duck),
                        },
                        "cmx_3600": {"reel": "MUSIC"},
                    },
                )
            )
        return track

    def _time(self, frames: int) -> opentime.RationalTime:
        from opentimelineio import opentime

        return opentime.RationalTime(frames, float(self._fps))

    def _range(self, first: int, frames: int) -> opentime.TimeRange:
        return _range_at(first, frames, self._fps)


def _range_at(first: int, frames: int, rate: Fraction) -> opentime.TimeRange:
    from opentimelineio import opentime

    return opentime.TimeRange(
        opentime.RationalTime(first, float(rate)), opentime.RationalTime(frames, float(rate))
    )


def _pace(strip: Strip) -> list[schema.TimeEffect]:
    """The effect that holds a picture or slows it down."""
    from opentimelineio import schema

    if strip.speed == 1:
        return []
    if strip.speed == 0:
        freeze = schema.FreezeFrame(name="hold")
        freeze.effect_name = "FreezeFrame"
        return [freeze]
    slow = schema.LinearTimeWarp(name="stretch", time_scalar=float(strip.speed))
    slow.effect_name = "LinearTimeWarp"
    return [slow]


def _address(media: str) -> str:
    """Media as a relative URL, so that no letter of a file's name is taken for anything else."""
    return media if media.startswith("store:") else quote(media)


def _plain(text: str) -> str:
    """On one line, without what XML forbids: edit decision lists are read line by line."""
    line = " ".join(text.split())
    kept = (c for c in line if unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    return "".join(kept)


def _reels(atoms: Sequence[PlannedAtom]) -> dict[str, str]:
    """A reel's name for each medium, by its digest: the atom's id where that is short and its own.

    Reels are what edit decision lists know media by: eight letters and figures.
    """
    found: dict[str, str] = {}
    for one in atoms:
        digest = one.media.digest
        if digest in found:
            continue
        name = re.sub("[^A-Z0-9]", "", one.atom.id.upper())
        if not name or len(name) > _REEL or name in _TAKEN_REELS or name in found.values():
            name = digest.rpartition(":")[2][:_REEL].upper()
        found[digest] = name
    return found
