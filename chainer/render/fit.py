"""How a picture of another shape fills the frame: decided here, done in `picture.py`."""

from __future__ import annotations

from fractions import Fraction

from chainer.media.info import VideoInfo
from chainer.profile import Profile
from chainer.render.spec import Fit

_COVER_LIMIT = Fraction(10, 9)
"""Filling the frame may crop at most a tenth of the picture before blurred sides are better."""


def relative_width(video: VideoInfo, profile: Profile) -> Fraction:
    """How wide the picture is beside the frame at equal height; 1 where the shapes are equal."""
    width, height = video.display_size
    return Fraction(width, height) / Fraction(profile.width, profile.height)


def chosen_fit(video: VideoInfo, profile: Profile, fit: Fit) -> Fit:
    """What `auto` comes to; equal shapes always cover, which then crops nothing."""
    wide = relative_width(video, profile)
    mismatch = max(wide, 1 / wide)
    if mismatch == 1:
        return Fit.COVER
    if fit is Fit.AUTO:
        return Fit.COVER if mismatch <= _COVER_LIMIT else Fit.BLUR
    return fit


def crops(video: VideoInfo, profile: Profile, fit: Fit) -> bool:
    """Whether part of the picture is lost."""
    return relative_width(video, profile) != 1 and chosen_fit(video, profile, fit) is Fit.COVER
