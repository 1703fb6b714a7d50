"""Draws one card with MoviePy. Runs as a child process: an order as JSON in, an answer out.

The answer is `{"done": true, "shortened": …}`, `{"missing": "…"}` naming what the fonts lack (a box
in place of a letter is worse than no card), or `{"unreadable": "…"}` for a font that is none.
The order's `fonts` are files in the work folder, `behind` is a picture there or null, and `target`
is written without loss, to be encoded once.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(sys.argv[1])  # where this package lies, under `-I`

from chainer.render.contrast import colour_of
from chainer.render.face import Face, UnreadableFontError
from chainer.render.measure import smallest
from chainer.render.scene import Scene, scene_of
from chainer.render.shapes import bar, ground
from chainer.render.typeset import MissingGlyphError, Setter, margin

if TYPE_CHECKING:
    from PIL import Image

_FIRST, _EACH, _FADE = 0.1, 0.12, 0.35
"""Seconds until the first layer comes, between one and the next, and that each takes to come."""


def main() -> None:
    """Read the order, draw, answer."""
    order = json.load(sys.stdin)
    try:
        answer = _answer(order)
    except MissingGlyphError as error:
        answer = {"missing": ascii(str(error))}
    except UnreadableFontError as error:
        answer = {"unreadable": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    from moviepy import VideoClip

    setter = Setter([Face.read(Path(name).read_bytes()) for name in order["fonts"]])
    scene = scene_of(order, setter)
    fps = Fraction(*order["fps"])
    paint = _painter(order, scene, setter, fps)
    # Half a frame more than the whole, so that no rounding makes it too short; FFmpeg cuts it.
    seconds = float((order["frames"] + Fraction(1, 2)) / fps)
    last = order["frames"] - 1
    clip = VideoClip(lambda t: paint(min(last, round(t * fps))), duration=seconds)
    clip.write_videofile(
        order["target"],
        fps=float(fps),
        codec="libx264rgb",
        audio=False,
        preset="ultrafast",
        threads=1,
        pixel_format="bgr0",
        ffmpeg_params=["-qp", "0"],
        logger=None,
    )
    return {"done": True, "shortened": scene.shortened}


def _painter(order: dict[str, Any], scene: Scene, setter: Setter, fps: Fraction) -> Any:
    """A function from the number of a frame to its pixels."""
    from PIL import Image

    if order["behind"]:
        back = Image.open(order["behind"]).convert("RGB")
    else:
        size = (order["width"], order["height"])
        back = ground(*size, colour_of(order["text"]), colour_of(order["accent"]))
    if scene.strip is not None:
        return _rolling(order, scene, back, fps)
    return _coming(order, scene, back, setter, fps)


def _coming(
    order: dict[str, Any], scene: Scene, back: Image.Image, setter: Setter, fps: Fraction
) -> Any:
    """Layers that fade in one after another, then stand; a sketch's bar fills meanwhile."""
    import numpy as np
    from moviepy import CompositeVideoClip, ImageClip, vfx

    seconds = float(Fraction(order["frames"]) / fps)
    clips = [ImageClip(np.asarray(back)).with_duration(seconds)]
    for layer in scene.layers:
        picture, place = _inside(layer.picture, layer.x, layer.y, back.size)
        if picture is None:
            continue
        begin = _FIRST + _EACH * layer.turn
        clip = ImageClip(np.asarray(picture)).with_position(place)
        clip = clip.with_start(begin).with_duration(max(0.1, seconds - begin))
        clips.append(clip.with_effects([vfx.CrossFadeIn(_FADE)]))
    card = CompositeVideoClip(clips, size=back.size).with_duration(seconds)
    last = max((layer.turn for layer in scene.layers), default=0)
    stands = int((_FIRST + _EACH * last + _FADE) * fps) + 2
    whole = card.get_frame(min(float(stands / fps), seconds - float(1 / fps) / 2))
    bars = _Progress(order, scene, setter, fps) if scene.track else None

    def paint(number: int) -> Any:
        picture = whole if number >= stands else card.get_frame(float(number / fps))
        return bars.over(picture, number) if bars else picture

    return paint


class _Progress:
    """The bar of a sketch that fills, and the seconds above it."""

    def __init__(self, order: dict[str, Any], scene: Scene, setter: Setter, fps: Fraction) -> None:
        self._frames, self._fps, self._setter = order["frames"], fps, setter
        self._track, self._clock, self._rtl = scene.track, scene.clock, scene.rtl
        self._text, self._accent = colour_of(order["text"]), colour_of(order["accent"])
        self._size = smallest(order["width"])
        self._drawn: dict[int, Image.Image] = {}

    def over(self, picture: Any, number: int) -> Any:
        import numpy as np
        from PIL import Image

        assert self._track is not None
        assert self._clock is not None
        frame = Image.fromarray(picture)
        left, top, width, height = self._track
        long = max(height, width * (number + 1) // self._frames)
        fill = bar((long, height), self._accent)
        frame.paste(fill, (left + width - long if self._rtl else left, top), fill)
        words = self._seconds(int(number / self._fps))
        edge = margin(self._size)
        frame.paste(words, (self._clock[0] - edge, self._clock[1] - edge), words)
        return np.asarray(frame)

    def _seconds(self, passed: int) -> Image.Image:
        if passed not in self._drawn:
            whole = round(Fraction(self._frames) / self._fps, 1)
            told = f"{float(whole):.1f}".removesuffix(".0")
            width = self._track[2] if self._track else 0
            size = (self._size, self._size)
            block = self._setter.fit(f"{passed} / {told} s", width, width, size, lines=1)
            align = "right" if self._rtl else "left"
            self._drawn[passed] = self._setter.draw(block, self._text, align)
        return self._drawn[passed]


def _rolling(order: dict[str, Any], scene: Scene, back: Image.Image, fps: Fraction) -> Any:
    """The strip goes up by whole pixels, so that it does not judder; or it stands in the middle."""
    import numpy as np
    from PIL import Image, ImageChops

    strip, roll = scene.strip, scene.roll
    assert strip is not None
    assert roll is not None
    speed = roll.speed(order["frames"])
    cover = strip.getchannel("A")
    colours = strip.convert("RGB")
    width, height = back.size
    edge = Image.linear_gradient("L").resize((width, max(2, height // 14)))
    soft = Image.new("L", back.size, 255)
    if speed:
        soft.paste(edge, (0, 0))
        soft.paste(edge.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (0, height - edge.height))
    fade = max(1, round(fps * Fraction(2, 5)))

    def paint(number: int) -> Any:
        top = (height - roll.height) // 2 if roll.still else roll.start - speed * number
        box = (0, -top, width, height - top)
        mask = ImageChops.multiply(cover.crop(box), soft)
        if number < fade:
            mask = mask.point([value * number // fade for value in range(256)])
        frame = back.copy()
        frame.paste(colours.crop(box), (0, 0), mask)
        return np.asarray(frame)

    return paint


def _inside(
    picture: Image.Image, x: int, y: int, size: tuple[int, int]
) -> tuple[Image.Image | None, tuple[int, int]]:
    """The part of a layer that has ink and lies in the frame, and its place."""
    box = picture.getchannel("A").getbbox()
    if box is None:
        return None, (0, 0)
    left, top = max(box[0], -x), max(box[1], -y)
    right, bottom = min(box[2], size[0] - x), min(box[3], size[1] - y)
    if right <= left or bottom <= top:
        return None, (0, 0)
    return picture.crop((left, top, right, bottom)), (x + left, y + top)


if __name__ == "__main__":
    main()
