"""Joints: the few frames between two canonical clips, decoded, blended and encoded.

Only the groups of pictures around the join are cut out of the canonical clips and decoded. The
sound is mixed from the clips' lossless masters, so it too is encoded only once.

A joint leaves `piece` and `sound`, the master of its own sound before it was coded. A run of
packets [p, q) of any piece stands for samples [1024 p, 1024 q) of its master, counted from the
start of the clip (a joint's from the start of its right one). Those of a joint's packets are all
that its `sound` has, so its first sample is 1024 `packet_first`; that of a clip starts at 0 and is
silent where it has ended. Put one after another as their packets are, they are the film's sound
without a gap, from its first sample on; the encoder's priming is no part of any. Packet p
carries the windows of AAC frames p-1 and p, so this holds because two neighbours have the same
sound in frame p-1, where they meet.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from chainer.mp4 import write_excerpt
from chainer.profile import Profile
from chainer.render.encoder import (
    coded_sound,
    master_sound,
    picture_options,
    pixel_format,
    sound_file,
)
from chainer.render.picture import house_picture
from chainer.render.piece import pack
from chainer.render.run import Runner
from chainer.render.spec import JointSpec
from chainer.timebase import AAC_FRAME
from chainer.timeline.joint import JointStyle
from chainer.timeline.layout import sound_change

_RUN_UP = 64
"""AAC frames encoded before what is kept. With 4 and more, the overlapping windows add no error
above the coding noise; with 1 or 2 it is two to five times as much (measured). The coder itself
needs about a second to settle, and is then as quiet as in the middle of a clip."""

_MASTER = "sound.flac"
_RUN_OUT = 6
"""AAC frames encoded after what is kept."""

_FLOW = {
    "mi_mode": "mci",
    "mc_mode": "aobmc",
    "me_mode": "bidir",
    "vsbmc": 1,
    "search_param": 64,
    "scd": "none",
}
"""How pictures are interpolated (`minterpolate`): along the motion in blocks of changing size.

Nothing is held back as a change of scene: that was decided before."""


def render_joint(
    runner: Runner,
    spec: JointSpec,
    pieces: tuple[IO[bytes], IO[bytes]],
    sounds: tuple[Path, Path],
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the joint in `folder`: ({"piece": path, "sound": path}, facts).

    `pieces` are the open canonical clips left and right, `sounds` their lossless masters.
    """
    import ffmpeg

    outputs = []
    if spec.frames:
        outputs.append(_picture(spec, pieces, folder))
    first = spec.packet_first - 1 - _RUN_UP
    last = spec.packet_last + _RUN_OUT
    outputs.append(_sound(spec, sounds, first, last))
    graph = ffmpeg.merge_outputs(*outputs)
    runner.run(runner.argv(graph), "rendering a joint", cwd=folder, on_frame=on_frame)
    target = folder / "piece.mp4"
    # Packet k carries frames k-1 and k; the encoder's packet 0 carries its priming and `first`.
    pack(
        target,
        spec.profile,
        video=folder / "picture.mp4" if spec.frames else None,
        frames=spec.frames,
        keys=(0,) if spec.frames else (),
        audio=folder / sound_file(spec.profile),
        packets=(spec.packet_first - first, spec.packet_last - first),
    )
    return {"piece": target, "sound": folder / _MASTER}, {"frames": spec.frames}


def _picture(spec: JointSpec, pieces: tuple[IO[bytes], IO[bytes]], folder: Path) -> Any:
    import ffmpeg

    brought = _blend if JointStyle(spec.style).blends else _cut
    picture = brought(spec, pieces, folder)
    options = picture_options(spec.profile, (0,))
    picture = house_picture(picture, spec.profile)
    return ffmpeg.output(picture, "picture.mp4", **options, **{"frames:v": spec.frames})


def _blend(spec: JointSpec, pieces: tuple[IO[bytes], IO[bytes]], folder: Path) -> Any:
    """All pictures that the joint takes off the left clip and the right one, as new ones."""
    import ffmpeg

    left = _frames(pieces[0], spec.left_frames - spec.out, spec.left_frames, spec, folder, "left")
    right = _frames(pieces[1], 0, spec.right_last, spec, folder, "right")
    rate = spec.profile.fps
    if spec.style == JointStyle.CROSSFADE:
        seconds = float(Fraction(spec.overlap) / rate)
        both = (
            stream.filter("settb", f"{rate.denominator}/{rate.numerator}")
            for stream in (left, right)
        )
        return ffmpeg.filter(
            list(both), "xfade", transition="fade", duration=f"{seconds:.6f}", offset=0
        )
    left = left.filter("fade", t="out", s=0, n=spec.out)
    if spec.gap:
        left = left.filter("tpad", stop=spec.gap, stop_mode="add", color="black")
    right = right.filter("fade", t="in", s=0, n=spec.back)
    return ffmpeg.concat(left, right, v=1, a=0)


def _cut(spec: JointSpec, pieces: tuple[IO[bytes], IO[bytes]], folder: Path) -> Any:
    """The made pictures, then those of the right clip up to where it is copied."""
    import ffmpeg

    shown = []
    if spec.made:
        shown.append(_made(spec, pieces, folder))
    if spec.right_last > spec.back:
        shown.append(_frames(pieces[1], spec.back, spec.right_last, spec, folder, "right"))
    return shown[0] if len(shown) == 1 else ffmpeg.concat(*shown, v=1, a=0)


def _made(spec: JointSpec, pieces: tuple[IO[bytes], IO[bytes]], folder: Path) -> Any:
    """The pictures between the left clip's last shown one and the right one's first.

    Those two and one of each clip before and after them, all as far apart in time as the two are in
    the film, are interpolated to the film's rate. Where a clip has no such picture, the one at
    hand stands for it.
    """
    import ffmpeg

    step, rate = spec.made + 1, spec.profile.fps
    last, first = spec.left_frames - spec.out - 1, spec.back
    before = step if last >= step else 0
    after = step if first + step < spec.right_frames else 0
    ticks = f"{rate.denominator}/{rate.numerator}"
    sides = (
        _frames(pieces[0], last - before, last + 1, spec, folder, "before"),
        _frames(pieces[1], first, first + after + 1, spec, folder, "after"),
    )
    sparse = [side.filter("select", f"not(mod(n,{step}))").filter("settb", ticks) for side in sides]
    # The filter answers once it has seen a picture more than it uses, on both sides.
    held = 1 if before else 2
    both = ffmpeg.concat(*sparse, v=1, a=0).filter("settb", ticks).filter("setpts", f"N*{step}")
    both = both.filter(
        "tpad", start=held, start_mode="clone", stop=2 if after else 3, stop_mode="clone"
    )
    both = both.filter("settb", ticks).filter("setpts", f"N*{step}")
    made = both.filter("minterpolate", fps=f"{rate.numerator}/{rate.denominator}", **_FLOW)
    made = made.filter("settb", ticks)
    made = made.filter("trim", start_pts=2 * step + 1, end_pts=3 * step)
    # The interpolation knows 8 bits only; what is filmed keeps all it has.
    return made.filter("format", pixel_format(spec.profile)).filter("setpts", "PTS-STARTPTS")


def _frames(
    piece: IO[bytes], first: int, last: int, spec: JointSpec, folder: Path, name: str
) -> Any:
    """Frames [first, last) of a canonical clip, from time 0 on; `name` is for its excerpt."""
    import ffmpeg

    lead = write_excerpt(piece, first, last, spec.profile.fps, folder / f"{name}.mp4")
    stream = ffmpeg.input(f"{name}.mp4", threads=1).video
    if not lead:
        return stream
    return stream.filter("trim", start_frame=lead).filter("setpts", "PTS-STARTPTS")


def _sound(spec: JointSpec, sounds: tuple[Path, Path], first: int, last: int) -> Any:
    """The mix over AAC frames [first, last), counted from the right clip's start.

    Two outputs: `sound_file`, coded, and the master of the joint's own packets.
    """
    import ffmpeg

    grid = spec.profile.grid
    start = first * AAC_FRAME
    length = (last - first) * AAC_FRAME
    left_samples, right_samples = grid.samples(spec.left_frames), grid.samples(spec.right_frames)
    left_start = start + spec.shift * AAC_FRAME
    left_end = left_samples - spec.shift * AAC_FRAME
    style = JointStyle(spec.style)
    if style is JointStyle.FADE:
        out = (left_end - grid.samples(spec.out), grid.samples(spec.out))
        back = (0, grid.samples(spec.back))
    else:
        out = back = sound_change(style, spec.back, spec.sound_at, spec.made, grid)
    handle = max(2 * AAC_FRAME, sum(out) - left_end)
    left = _tail(ffmpeg.input(str(sounds[0])).audio, max(0, left_start), left_samples, handle)
    left = left.filter("atrim", end_sample=max(1, left_start + length - max(0, left_start)))
    if left_start < 0:
        left = left.filter("adelay", f"{-left_start}S", all=1)
    left = left.filter("afade", t="out", ss=out[0] - start, ns=max(1, out[1]), curve="qsin")
    right_start = min(0, back[0])
    right = _head(ffmpeg.input(str(sounds[1])).audio, -right_start, right_samples)
    right = right.filter("atrim", end_sample=max(1, last * AAC_FRAME - right_start))
    if start > right_start:
        right = right.filter("atrim", start_sample=start - right_start)
    right = right.filter("asetpts", "N/SR/TB")
    if start < right_start:
        right = right.filter("adelay", f"{right_start - start}S", all=1)
    right = right.filter("afade", t="in", ss=back[0] - start, ns=max(1, back[1]), curve="qsin")
    # Summing two sounds of equal power may overshoot for a moment; apart from that the limiter
    # passes every sample on unchanged.
    ceiling = 10 ** (float(spec.profile.loudness.true_peak - _room(spec.profile)) / 20)
    mix = ffmpeg.filter([left, right], "amix", inputs=2, duration="longest", normalize=0)
    mix = mix.filter("apad", whole_len=length).filter("atrim", end_sample=length)
    mix = mix.filter("alimiter", limit=f"{ceiling:.6f}", attack=1, release=10, level=0, latency=1)
    branches = mix.filter_multi_output("asplit", 2)
    own = (spec.packet_first - first) * AAC_FRAME, (spec.packet_last - first) * AAC_FRAME
    master = branches[1].filter("atrim", start_sample=own[0], end_sample=own[1])
    master = master.filter("asetpts", "N/SR/TB")
    return ffmpeg.merge_outputs(
        coded_sound(branches[0], spec.profile), master_sound(master, _MASTER, spec.profile)
    )


def _room(profile: Profile) -> Fraction:
    """Decibels below the true peak that a mix is held at, for what coding adds to it.

    None where nothing is coded: the sides of the joint then pass unchanged whatever their peaks,
    and a splice is exact.
    """
    return Fraction(0) if profile.pcm else Fraction(1, 5)


def _tail(stream: Any, first: int, samples: int, handle: int) -> Any:
    """The sound from sample `first` on with a mirrored continuation of up to `handle` samples.

    The next clip's sound lies on the AAC grid and may start up to 21 ms after this one's end, or a
    few made pictures later; the handle goes on in the same voice for the moment that is then
    faded out.
    """
    import ffmpeg

    first = min(first, samples - 1)
    handle = min(handle, samples - first)
    stream = stream.filter("atrim", start_sample=first).filter("asetpts", "N/SR/TB")
    both = stream.filter_multi_output("asplit", 2)
    mirror = both[1].filter("atrim", start_sample=samples - first - handle)
    mirror = mirror.filter("asetpts", "PTS-STARTPTS").filter("areverse")
    return ffmpeg.concat(both[0], mirror, v=0, a=1).filter("asetpts", "N/SR/TB")


def _head(stream: Any, handle: int, samples: int) -> Any:
    """The sound with its first `handle` samples mirrored before them, where a morph wants them."""
    import ffmpeg

    stream = stream.filter("atrim", start_sample=0)
    if not handle:
        return stream
    both = stream.filter_multi_output("asplit", 2)
    mirror = both[1].filter("atrim", end_sample=min(handle, samples)).filter("areverse")
    mirror = mirror.filter("asetpts", "N/SR/TB")
    return ffmpeg.concat(mirror, both[0], v=0, a=1).filter("asetpts", "N/SR/TB")
