"""What a draft leaves out where it decodes the media of strangers.

Its pictures have a quarter of the pixels or fewer, so the filter that smooths the edges of blocks
is not run, and pictures that no other leans on are passed over: the one before them stands a frame
or two longer. That saves a third of the decoding where such pictures are, and costs nothing where
there are none.
"""

from __future__ import annotations

from chainer.media.info import MediaInfo, VideoInfo
from chainer.profile import Profile

_SKIPPING = ("h264", "hevc", "mpeg4")
"""Codecs whose decoders tell by the packet whether another picture leans on it."""

_SMOOTH = 20
"""Frames a second from which on a picture may be passed over."""


def quick_options(info: MediaInfo, profile: Profile) -> list[str]:
    """Words for the decoder, beside those of `input_options`; none but for a draft."""
    video = info.video
    if not profile.draft or video is None or video.codec not in _SKIPPING:
        return []
    words = ["-skip_loop_filter", "all"]
    return [*words, "-skip_frame", "noref"] if passes_over(video, profile) else words


def passes_over(video: VideoInfo, profile: Profile) -> bool:
    """Whether pictures of this media may be missing, so that its last one has to stand for them."""
    return (
        profile.draft
        and video.codec in _SKIPPING
        and not (video.variable_rate or video.interlaced)
        and video.frame_rate >= _SMOOTH
    )
