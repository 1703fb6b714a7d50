"""Chapters as WebVTT, for players beside the MP4's own list."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainer.mp4 import Chapter
from chainer.timebase import clock


def chapters_vtt(chapters: Sequence[Chapter], seconds: Fraction) -> str:
    """A WebVTT file with one cue a chapter; a cue ends where the next begins."""
    parts = ["WEBVTT\n"]
    ends = [*(chapter.start for chapter in chapters[1:]), seconds]
    for number, (chapter, end) in enumerate(zip(chapters, ends, strict=False), start=1):
        text = " ".join(chapter.title.split()).replace("&", "&amp;").replace("<", "&lt;")
        text = text.replace(">", "&gt;")
        parts.append(f"\n{number}\n{clock(chapter.start)} --> {clock(end)}\n{text}\n")
    return "".join(parts)
