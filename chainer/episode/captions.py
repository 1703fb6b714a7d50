"""Captions as WebVTT, beside the film."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainer.timebase import clock, round_half_up
from chainer.timeline.captions import Caption
from chainer.timeline.pages import plain

CAPTIONS_NAME = "captions.vtt"


def captions_vtt(captions: Sequence[Caption], language: str = "und") -> str:
    """A WebVTT file (W3C, 2019) with one cue a caption, numbered from 1; times to the millisecond.

    `language` is a BCP 47 tag; the format has no place for it but a note. Each line that has a
    speaker stands in a voice span: players show its text alone, and screen readers and style sheets
    know who speaks. A caption of which no millisecond is left is not written.
    """
    parts = ["WEBVTT\n"]
    if language != "und":
        parts.append(f"\nNOTE Language: {re.sub('[^A-Za-z0-9-]', '', language)}\n")
    number = 0
    for caption in captions:
        if round_half_up(caption.start * 1000) >= round_half_up(caption.end * 1000):
            continue
        number += 1
        speakers = caption.speakers or ("",) * len(caption.lines)
        lines = [
            _voiced(_escaped(plain(line)), _escaped(plain(speaker)))
            for line, speaker in zip(caption.lines, speakers, strict=True)
            if plain(line)
        ]
        times = f"{clock(caption.start)} --> {clock(caption.end)}"
        parts.append(f"\n{number}\n{times}\n" + "".join(f"{line}\n" for line in lines))
    return "".join(parts)


def _voiced(text: str, speaker: str) -> str:
    return f"<v {speaker}>{text}</v>" if speaker else text


def _escaped(text: str) -> str:
    """Text in which no mark-up, no arrow of a time line and no end of a cue can be read."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
