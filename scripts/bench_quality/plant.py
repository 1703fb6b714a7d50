"""Defects put into real clips, one at a time, with FFmpeg.

What is done depends on the clip, the defect, the number of the planting and one seed alone. Light
and loudness are set by what the clip holds, so that a dark clip is burnt as much as a bright one.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from chainer.media.info import MediaInfo
from chainer.quality.words import Defect

SEED = 20261122
FONT = Path(__file__).resolve().parents[2] / "chainer/render/fonts/InterDisplay-Bold.otf"
_VIDEO = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-pix_fmt", "yuv420p")
_SOUND = ("-c:a", "aac", "-b:a", "128k")
BARS = (0.04, 0.08, 0.13)
"""Shares of the height or width that a planted bar takes."""
_SEEN_BESIDE = 10
"""Median light beside a bar, of 255, from which on a viewer sees it end."""
LIVELY = 40
"""Tenths of a level by which the tenth by tenth of a picture that changes most must change for a
repeat to be seen."""
_LEAST_LIVELY = 60


@dataclass(frozen=True)
class Clip:
    """A clip to plant into: `light` are luma values of its pictures, `sound` its samples.

    `lively` are the pictures that can be seen to differ from the one before, by number; `held` for
    how many pictures each is shown; `beside` how light it is where bars of the shares in `BARS`
    would end, above and below, and left and right.
    """

    name: str
    path: Path
    info: MediaInfo
    light: np.ndarray
    sound: np.ndarray | None
    lively: tuple[int, ...]
    held: int
    beside: dict[tuple[str, float], float]

    @property
    def seconds(self) -> float:
        return float(self.info.video.seconds)

    @property
    def frames(self) -> int:
        return self.info.video.frames

    @property
    def fps(self) -> float:
        return float(self.info.video.frame_rate)


@dataclass(frozen=True)
class Plan:
    """What FFmpeg is told: filters of picture and sound, words before the sound's input."""

    words: str
    """What is planted, for the report."""
    strength: str
    video: str = ""
    sound: str = ""
    before_sound: tuple[str, ...] = ()
    drop_sound: bool = False
    span: tuple[float, float] | None = None
    wanted: Fraction | None = None
    """For a defect that is in what is wanted, not in the file."""


@dataclass(frozen=True)
class Planted:
    """One planted file."""

    clip: str
    defect: Defect
    number: int
    plan: Plan
    path: Path = field(default=Path())


def plan(clip: Clip, defect: Defect, number: int) -> Plan | None:
    """The planting of this number; None where the clip cannot have it."""
    mark = f"{SEED} {clip.name} {defect} {number}"
    rng = random.Random(hashlib.sha256(mark.encode()).hexdigest())
    return _PLANS[defect](clip, rng, number)


def make(ffmpeg: Path, clip: Clip, what: Plan, target: Path) -> None:
    """Write the planted file."""
    argv = [str(ffmpeg), "-y", "-v", "error", "-nostdin", "-threads", "1", "-i", str(clip.path)]
    sound = clip.info.audio is not None and not what.drop_sound
    if sound:
        argv += [*what.before_sound, "-i", str(clip.path)]
    argv += ["-filter_complex", f"[0:v:0]{what.video or 'null'}[v]", "-map", "[v]"]
    if sound:
        argv += ["-map", "1:a:0", *(("-af", what.sound) if what.sound else ()), *_SOUND]
    argv += [*_VIDEO, "-fps_mode", "passthrough", "-threads", "1"]
    part = target.with_suffix(".part.mp4")
    subprocess.run([*argv, str(part)], check=True, capture_output=True)
    part.rename(target)


def _span(clip: Clip, rng: random.Random, seconds: float) -> tuple[float, float]:
    """A stretch amid the clip, half a second away from its ends where that can be."""
    seconds = min(seconds, clip.seconds * 0.6)
    room = clip.seconds - seconds
    start = rng.uniform(min(0.5, room / 2), max(room - 0.5, room / 2))
    return start, start + seconds


def _during(span: tuple[float, float] | None) -> str:
    return "" if span is None else f":enable='between(t,{span[0]:.3f},{span[1]:.3f})'"


def _black(clip: Clip, rng: random.Random, number: int) -> Plan:
    length = (0.3, 0.6, 1.2)[number % 3]
    place = rng.choice(("amid", "amid", "start", "end"))
    if place == "amid":
        span = _span(clip, rng, length)
    else:
        length = max(length, 0.9)
        span = (-1.0, length) if place == "start" else (clip.seconds - length, clip.seconds + 1)
    left = (0.0, 0.02, 0.0)[number % 3]
    video = f"lutyuv=y=16+(val-16)*{left}:u=128:v=128" + _during(span)
    return Plan(f"black for {length} s, {place}", f"{length} s", video, span=span)


def _mapped(mapping: list[int]) -> str:
    return "shuffleframes=" + " ".join(map(str, mapping))


def _frozen(clip: Clip, rng: random.Random, number: int) -> Plan:
    length = (1.2, 2.0, 3.0)[number % 3]
    span = _span(clip, rng, length)
    first, last = round(span[0] * clip.fps), round(span[1] * clip.fps)
    mapping = [first if first <= n < last else n for n in range(clip.frames)]
    length = span[1] - span[0]
    return Plan(f"frozen for {length:.1f} s", f"{length:.1f} s", _mapped(mapping), span=span)


def _duplicates(clip: Clip, rng: random.Random, number: int) -> Plan | None:
    """Repeats of pictures that can be seen to move, each as long as the clip holds its pictures."""
    mapping, share = list(range(clip.frames)), (0.06, 0.12, 0.0)[number % 3]
    spots = [n for n in clip.lively if 0 < n < clip.frames - 2 * clip.held]
    if len(spots) < _LEAST_LIVELY:
        return None
    if share:
        for n in rng.sample(spots, round(share * len(spots))):
            for one in range(n, n + clip.held):
                mapping[one] = mapping[n - 1]
        return Plan(
            f"{share:.0%} of the pictures that move repeated", f"{share:.0%}", _mapped(mapping)
        )
    for first in rng.sample(spots, 6):
        length = max(clip.held, round(rng.uniform(0.1, 0.17) * clip.fps))
        for n in range(first, min(first + length, clip.frames)):
            mapping[n] = mapping[first - 1]
    return Plan("six hangs of 0.1 to 0.17 s amid movement", "6 hangs", _mapped(mapping))


def _flicker(clip: Clip, rng: random.Random, number: int) -> Plan:
    size, period = (0.02, 0.03, 0.05)[number % 3], rng.choice((2, 3, 4, 0))
    wave = f"sin(n*n*12.9898)*1.4*{size}"
    if period:
        wave = f"if(lt(mod(n,{period}),{period / 2}),{size},-{size})"
    span = rng.choice((None, _span(clip, rng, 1.5)))
    inside = "1" if span is None else f"between(t,{span[0]:.3f},{span[1]:.3f})"
    words = f"brightness ±{size:.0%} " + (f"every {period} pictures" if period else "at random")
    video = f"eq=eval=frame:brightness='{inside}*{wave}'"
    return Plan(words, f"±{size:.0%}", video, span=span)


def _burnt(clip: Clip, rng: random.Random, number: int) -> Plan:
    share = (0.4, 0.55, 0.7)[number % 3]
    level = max(float(np.quantile(clip.light, 1 - share)), 4.0)
    span = rng.choice((None, _span(clip, rng, 2.0)))
    video = f"lutyuv=y='clip(16+(val-16)*{256 / level:.4f},16,235)'" + _during(span)
    return Plan(f"{share:.0%} of the picture burnt out", f"{share:.0%}", video, span=span)


def _crushed(clip: Clip, rng: random.Random, number: int) -> Plan:
    share = (0.65, 0.75, 0.85)[number % 3]
    level = float(np.quantile(clip.light, share)) * 219 / 255
    lights = float(np.quantile(clip.light, 0.99)) * 219 / 255
    gain = min(1.0, 60 / max(lights - level, 1))
    span = rng.choice((None, _span(clip, rng, 2.0)))
    video = f"lutyuv=y='clip(16+(val-16-{level:.2f})*{gain:.3f},16,235)'" + _during(span)
    return Plan(f"{share:.0%} of the picture black", f"{share:.0%}", video, span=span)


def _blur(clip: Clip, rng: random.Random, number: int) -> Plan:
    part = (0.008, 0.012, 0.018)[number % 3]
    sigma = part * max(clip.info.video.width, clip.info.video.height)
    span = rng.choice((None, _span(clip, rng, 2.0)))
    video = f"gblur=sigma={sigma:.2f}" + _during(span)
    return Plan(f"blurred by {part:.1%} of its longer side", f"{part:.1%}", video, span=span)


def _silence(clip: Clip, rng: random.Random, number: int) -> Plan | None:
    if clip.sound is None:
        return None
    if number % 3 == 0:
        return Plan("no sound stream", "all", drop_sound=True)
    if number % 3 == 1:
        return Plan("sound turned down to nothing", "all", sound="volume=0")
    length = rng.choice((0.5, 1.0, 1.5))
    span = _span(clip, rng, length)
    return Plan(f"a hole of {length} s", f"{length} s", sound="volume=0" + _during(span), span=span)


def _clipping(clip: Clip, rng: random.Random, number: int) -> Plan | None:
    if clip.sound is None or float(np.abs(clip.sound).max()) < 1e-3:
        return None
    share = (0.02, 0.05, 0.12)[number % 3]
    loud = np.abs(clip.sound).max(axis=1)
    gain = 1 / max(float(np.quantile(loud[loud > 0.05 * loud.max()], 1 - share)), 1e-4)
    sound = f"volume={gain:.4f},aformat=sample_fmts=s16"
    return Plan(f"{share:.0%} of what is loud cut off", f"{share:.0%}", sound=sound)


def _length(clip: Clip, rng: random.Random, number: int) -> Plan:
    by = (Fraction(2, 5), Fraction(2), Fraction(-3, 2))[number % 3]
    seconds = clip.info.video.seconds
    return Plan(f"wanted {float(by):+} s", f"{float(by):+} s", wanted=seconds + by)


def _offset(clip: Clip, rng: random.Random, number: int) -> Plan | None:
    if clip.info.audio is None:
        return None
    if number % 3 == 2:
        cut = clip.seconds - rng.choice((0.5, 1.0))
        return Plan("sound ends early", "ends early", sound=f"atrim=end={cut:.3f}")
    by = rng.choice((0.12, 0.2)) if number % 3 == 0 else rng.choice((0.4, 1.0))
    before = ("-itsoffset", str(by))
    return Plan(f"sound {by} s late", f"{by} s", before_sound=before)


def _letterbox(clip: Clip, rng: random.Random, number: int) -> Plan | None:
    """Two bars where a viewer can see both of them end; none where it is too dark for that."""
    part = BARS[number % 3]
    sides = [one for one in ("h", "w") if clip.beside[one, part] >= _SEEN_BESIDE]
    if not sides:
        return None
    side = rng.choice(sides)
    across = side == "h"
    size = f"w=iw:h=trunc(ih*{part}/2)*2" if across else f"w=trunc(iw*{part}/2)*2:h=ih"
    far = f"x=0:y=ih-trunc(ih*{part}/2)*2" if across else f"x=iw-trunc(iw*{part}/2)*2:y=0"
    black = "color=black:t=fill"
    video = f"drawbox=x=0:y=0:{size}:{black},drawbox={far}:{size}:{black}"
    return Plan(f"two bars of {part:.0%} ({side})", f"{part:.0%}", video)


def _watermark(clip: Clip, rng: random.Random, number: int) -> Plan:
    alpha = (0.5, 0.7, 0.9)[number % 3]
    text = rng.choice(("Klip.ai", "made with Sora-ish", "@someone", "VideoGenX"))
    left, top = rng.choice((True, False)), rng.choice((True, False))
    x = "w*0.04" if left else "w-tw-w*0.04"
    y = "h*0.03" if top else "h-th-h*0.03"
    size = round(max(14, 0.045 * max(clip.info.video.width, clip.info.video.height)))
    video = (
        f"drawtext=fontfile={FONT}:text='{text}':fontsize={size}:fontcolor=white@{alpha}"
        f":borderw=1:bordercolor=black@{alpha / 2}:x={x}:y={y}"
    )
    return Plan(f"a mark of {alpha:.0%} opacity", f"{alpha:.0%}", video)


_PLANS: dict[Defect, Callable[[Clip, random.Random, int], Plan | None]] = {
    Defect.BLACK: _black,
    Defect.FROZEN: _frozen,
    Defect.FLICKER: _flicker,
    Defect.BURNT: _burnt,
    Defect.CRUSHED: _crushed,
    Defect.BLUR: _blur,
    Defect.DUPLICATES: _duplicates,
    Defect.SILENCE: _silence,
    Defect.CLIPPING: _clipping,
    Defect.LENGTH: _length,
    Defect.OFFSET: _offset,
    Defect.LETTERBOX: _letterbox,
    Defect.WATERMARK: _watermark,
}
