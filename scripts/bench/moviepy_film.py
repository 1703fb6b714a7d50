"""MoviePy's film, as a script of its own: python moviepy_film.py ORDER, where ORDER is JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from moviepy import CompositeVideoClip, VideoFileClip  # type: ignore[import-untyped]
from moviepy.audio.fx import AudioFadeIn, AudioFadeOut  # type: ignore[import-untyped]
from moviepy.video.fx import CrossFadeIn, CrossFadeOut  # type: ignore[import-untyped]


def main(order: dict[str, Any]) -> None:
    """Put the clips over each other, faded, and write the film."""
    clips = []
    last = len(order["files"]) - 1
    for number, name in enumerate(order["files"]):
        effects: list[Any] = []
        if number:
            effects += [CrossFadeIn(order["fade"]), AudioFadeIn(order["fade"])]
        if number != last:
            effects += [CrossFadeOut(order["fade"]), AudioFadeOut(order["fade"])]
        clip = VideoFileClip(name).with_effects(effects)
        clips.append(clip.with_start(number * order["step"]))
    film = CompositeVideoClip(clips).with_duration(order["length"])
    film.write_videofile(
        order["out"],
        fps=order["fps"],
        codec="libx264",
        preset=order["preset"],
        audio_codec="aac",
        audio_bitrate=order["audio_bitrate"],
        audio_fps=48000,
        pixel_format="yuv420p",
        ffmpeg_params=order["ffmpeg_params"],
        logger=None,
    )
    for clip in clips:
        clip.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
