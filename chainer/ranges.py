"""The dynamic range of a film: decided once for each plan, from what its atoms were filmed in."""

from __future__ import annotations

from collections.abc import Sequence

from chainer.episode.plan import PlannedAtom
from chainer.media.info import HdrKind
from chainer.profile import DynamicRange
from chainer.settings import Settings

_WORDS = {HdrKind.NONE: "ordinary range", HdrKind.PQ: "PQ", HdrKind.HLG: "HLG"}


def looked_at(settings: Settings) -> Settings:
    """The settings that the memory works by: without its grade in an HDR film.

    A grade is measured on pictures as they show in BT.709, and says nothing of what is beyond.
    """
    if settings.profile.dynamic_range is DynamicRange.SDR:
        return settings
    grade = settings.memory.grade.model_copy(update={"enabled": False})
    memory = settings.memory.model_copy(update={"grade": grade})
    return settings.model_copy(update={"memory": memory})


def range_settled(
    settings: Settings, atoms: Sequence[PlannedAtom]
) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the film's range decided, and remarks for people.

    `auto` comes to HLG where every HDR source of the film is HLG, and to PQ elsewhere.
    """
    profile = settings.profile
    if profile.dynamic_range is DynamicRange.SDR:
        return settings, ()
    kinds = {one.atom.id: one.media.info.video.hdr for one in atoms if one.media.info.video}
    found: set[HdrKind] = set(kinds.values()) - {HdrKind.NONE}
    if profile.dynamic_range is DynamicRange.AUTO:
        chosen = DynamicRange.HLG if found == {HdrKind.HLG} else DynamicRange.PQ
        profile = profile.model_copy(update={"dynamic_range": chosen})
        settings = settings.model_copy(update={"profile": profile})
    return settings, _notes(profile.dynamic_range, kinds, found)


def _notes(chosen: DynamicRange, kinds: dict[str, HdrKind], found: set[HdrKind]) -> tuple[str, ...]:
    if not kinds:
        return ()
    name = chosen.value.upper()
    if not found:
        return (
            f"the film is {name}, but no clip is: all of it shows as in an ordinary film, at "
            "203 nits for white; another profile makes it smaller",
        )
    notes = []
    for kind, word in _WORDS.items():
        names = [atom for atom, one in kinds.items() if one is kind]
        if names and kind.value != chosen.value:
            notes.append(f"brought from {word} into the film's {name}: {', '.join(names)}")
    return (*notes, "colours are not matched from clip to clip in an HDR film")
