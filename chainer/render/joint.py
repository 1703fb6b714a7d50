"""Joints: the few frames between two canonical clips, decoded, blended and encoded.

Only the groups of pictures around the join are cut out of the canonical clips and decoded. The
sound is mixed from the clips' lossless masters, so it too is encoded only once.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from chainer.mp4 import write_excerpt
from chainer.render.encoder import picture_options, sound_options
from chainer.render.picture import house_picture
from chainer.render.piece import pack
from chainer.render.run import Runner
from chainer.render.spec import JointSpec
from chainer.timebase import AAC_FRAME
from chainer.timeline.joint import JointStyle
from chainer.timeline.layout import CUT_FADE_SAMPLES

_RUN_UP = 64
"""AAC frames encoded before what is kept. With 4 and more, the overlapping windows add no error
above the coding noise; with 1 or 2 it is two to five times as much (measured). The coder itself
needs about a second to settle, and is then as quiet as in the middle of a clip."""

_RUN_OUT = 6
"""AAC frames encoded after what is kept."""


def render_joint(
    runner: Runner,
    spec: JointSpec,
    pieces: tuple[IO[bytes], IO[bytes]],
    sounds: tuple[Path, Path],
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the joint in `folder`: ({"piece": path}, facts).

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
        audio=folder / "sound.mp4",
        packets=(spec.packet_first - first, spec.packet_last - first),
    )
    return {"piece": target}, {"frames": spec.frames}


def _picture(spec: JointSpec, pieces: tuple[IO[bytes], IO[bytes]], folder: Path) -> Any:
    import ffmpeg

    left_first = spec.left_frames - spec.out
    fps = spec.profile.fps
    lead = write_excerpt(pieces[0], left_first, spec.left_frames, fps, folder / "left.mp4")
    write_excerpt(pieces[1], 0, spec.right_last, fps, folder / "right.mp4")
    left = ffmpeg.input("left.mp4", threads=1).video
    left = left.filter("trim", start_frame=lead).filter("setpts", "PTS-STARTPTS")
    right = ffmpeg.input("right.mp4", threads=1).video
    rate = spec.profile.fps
    if spec.style == JointStyle.CROSSFADE:
        seconds = float(Fraction(spec.overlap) / rate)
        both = (
            stream.filter("settb", f"{rate.denominator}/{rate.numerator}")
            for stream in (left, right)
        )
        picture = ffmpeg.filter(
            list(both), "xfade", transition="fade", duration=f"{seconds:.6f}", offset=0
        )
    else:
        left = left.filter("fade", t="out", s=0, n=spec.out)
        if spec.gap:
            left = left.filter("tpad", stop=spec.gap, stop_mode="add", color="black")
        right = right.filter("fade", t="in", s=0, n=spec.back)
        picture = ffmpeg.concat(left, right, v=1, a=0)
    picture = house_picture(picture)
    options = picture_options(spec.profile, (0,))
    return ffmpeg.output(picture, "picture.mp4", **options, **{"frames:v": spec.frames})


def _sound(spec: JointSpec, sounds: tuple[Path, Path], first: int, last: int) -> Any:
    """The mix over AAC frames [first, last), counted from the right clip's start."""
    import ffmpeg

    grid = spec.profile.grid
    start = first * AAC_FRAME
    length = (last - first) * AAC_FRAME
    left_samples = grid.samples(spec.left_frames)
    left_start = start + spec.shift * AAC_FRAME
    left_end = left_samples - spec.shift * AAC_FRAME
    if spec.style == JointStyle.FADE:
        out = (left_end - grid.samples(spec.out), grid.samples(spec.out))
        back = grid.samples(spec.back)
    else:
        back = grid.samples(spec.back) if spec.style == JointStyle.CROSSFADE else CUT_FADE_SAMPLES
        out = (0, back)
    left = _tail(ffmpeg.input(str(sounds[0])).audio, max(0, left_start), left_samples)
    left = left.filter("atrim", end_sample=max(1, left_start + length - max(0, left_start)))
    if left_start < 0:
        left = left.filter("adelay", f"{-left_start}S", all=1)
    left = left.filter("afade", t="out", ss=out[0] - start, ns=max(1, out[1]), curve="qsin")
    right = ffmpeg.input(str(sounds[1])).audio
    right = right.filter("atrim", start_sample=0, end_sample=max(1, last * AAC_FRAME))
    right = right.filter("asetpts", "N/SR/TB")
    right = right.filter("afade", t="in", ss=0, ns=max(1, back), curve="qsin")
    if start < 0:
        right = right.filter("adelay", f"{-start}S", all=1)
    # Summing two sounds of equal power may overshoot for a moment; apart from that the limiter
    # passes every sample on unchanged.
    ceiling = 10 ** (float(spec.profile.loudness.true_peak - Fraction(1, 5)) / 20)
    mix = ffmpeg.filter([left, right], "amix", inputs=2, duration="longest", normalize=0)
    mix = mix.filter("apad", whole_len=length).filter("atrim", end_sample=length)
    mix = mix.filter("alimiter", limit=f"{ceiling:.6f}", attack=1, release=10, level=0, latency=1)
    return ffmpeg.output(mix, "sound.mp4", **sound_options(spec.profile))


def _tail(stream: Any, first: int, samples: int) -> Any:
    """The sound from sample `first` on with a short mirrored continuation.

    The next clip's sound lies on the AAC grid and may start up to 21 ms after this one's end;
    the handle goes on in the same voice for the few milliseconds that are then faded out.
    """
    import ffmpeg

    first = min(first, samples - 1)
    handle = min(2 * AAC_FRAME, samples - first)
    stream = stream.filter("atrim", start_sample=first).filter("asetpts", "N/SR/TB")
    both = stream.filter_multi_output("asplit", 2)
    mirror = both[1].filter("atrim", start_sample=samples - first - handle)
    mirror = mirror.filter("asetpts", "PTS-STARTPTS").filter("areverse")
    return ffmpeg.concat(both[0], mirror, v=0, a=1).filter("asetpts", "N/SR/TB")
