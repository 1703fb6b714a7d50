"""Conform: one atom of foreign media to one canonical clip, decoded and encoded once.

The media is opened once; what is hashed is what is decoded, through the same descriptor, in a
child process under limits. Leaves `piece` (pictures and AAC), `sound` (FLAC for joints).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from chainer.digest import Digest
from chainer.errors import MediaDamaged, MediaRefused
from chainer.media.child import ChildLimits, ChildResult
from chainer.media.decode import classify_failure, damage_in, decode_limits, input_options
from chainer.media.info import VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.clip import PICTURE, RAW_SOUND, SILENCE, clip_keys, finish_clip, write_silence
from chainer.render.encoder import picture_options
from chainer.render.mark import still_input
from chainer.render.overlay import MarkRun, lay_out_texts
from chainer.render.picture import picture_graph
from chainer.render.piece import read_index
from chainer.render.quick import quick_options
from chainer.render.run import Runner, read_ebur128
from chainer.render.sound import BYTES_PER_SAMPLE, foreign_sound, told, write_raw
from chainer.render.spec import ConformSpec

_FILE_BYTES, _MASTER_BYTES = 1 << 30, 8 << 30
"""What a clip may come to; 20 s of ProRes 422 HQ at 1080x1920 and 60 fps are 1.1 GB."""

_INPUT = re.compile(r"\[(?:in|vist|aist|dec|demux)[^\]]*?#(\d+)[^\]]*\].*\[(?:error|fatal)\]")
"""A complaint about an input, as FFmpeg words it: `[vist#1:0/h264 @ 0x…] [error] …`."""


def conform(
    runner: Runner,
    spec: ConformSpec,
    source: SourceFile,
    limits: MediaLimits,
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the canonical clip in `folder`: (files by name, facts).

    The stills that `spec` needs lie in `folder` already, as `mark.still_name`. Raises
    `MediaError` where the media cannot be decoded whole, `RenderError` where we fail.
    """
    import ffmpeg

    samples = spec.profile.grid.samples(spec.frames)

    def outputs(media: Sequence[Any]) -> list[Any]:
        video = picture_of(spec)
        mark = None if spec.mark is None else still_input(spec.mark, spec.profile)
        runs = mark_runs(spec, 0, spec.frames)
        texts = lay_out_texts(spec.overlays, runs, spec.profile, folder)
        picture = picture_graph(media[0][str(video.stream)], video, spec, mark, texts)
        keys = clip_keys(spec.frames, spec.profile)
        options = picture_options(spec.profile, keys)
        made = [ffmpeg.output(picture, PICTURE, **options, **{"frames:v": spec.frames})]
        if spec.info.audio is not None:
            made.append(write_raw(told(clip_sound(media[0], spec)), RAW_SOUND))
        return made

    bounds = child_limits((spec,), limits)
    what = f"conforming {source.path}"
    result = run_foreign(
        runner, (spec,), (source,), outputs, bounds, what, limits, folder, on_frame
    )
    check_frames(folder / PICTURE, spec.frames, (source,))
    measured = SILENCE
    if spec.info.audio is None:
        write_silence(folder, samples)
    else:
        measured = read_ebur128(result.stderr)
        check_samples(folder / RAW_SOUND, samples, source)
    files, facts = finish_clip(runner, spec.frames, measured, spec.profile, folder, spec.gain)
    return files, {
        "frames": spec.frames,
        "silent": spec.info.audio is None,
        "sound": facts.as_json(),
    }


def run_foreign(
    runner: Runner,
    specs: Sequence[ConformSpec],
    sources: Sequence[SourceFile],
    outputs: Callable[[Sequence[Any]], Sequence[Any]],
    bounds: ChildLimits,
    what: str,
    limits: MediaLimits,
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> ChildResult:
    """One run of FFmpeg over media of strangers, each opened once and read by its descriptor.

    `outputs` makes them of the inputs (ffmpeg-python), one for each of `specs`. Raises
    `MediaRefused` where a source is not the planned one, and as `classify_failure` says.
    """
    import ffmpeg

    for spec, source in zip(specs, sources, strict=True):
        _same_media(source, spec.media)
    with ExitStack() as stack:
        lent = [stack.enter_context(source.lend()) for source in sources]
        media = [
            ffmpeg.input(
                "fd:",
                **as_kwargs(
                    [
                        *input_options(spec.info, limits, threads=1),
                        *quick_options(spec.info, spec.profile),
                        *("-fd", str(descriptor)),
                    ]
                ),
            )
            for spec, descriptor in zip(specs, lent, strict=True)
        ]
        argv = runner.argv(ffmpeg.merge_outputs(*outputs(media)), copyts=True)
        result = runner.run(
            argv,
            what,
            cwd=folder,
            limits=bounds,
            pass_fds=lent,
            on_frame=on_frame,
            check=False,
        )
    for source in sources:
        source.check_unchanged()
    path = _blamed(result, sources).path
    if not result.ok:
        raise classify_failure(result, path, argv)
    if damage := damage_in(result, path):
        raise damage
    return result


def picture_of(spec: ConformSpec) -> VideoInfo:
    """The picture stream of a spec's media."""
    assert spec.info.video is not None, "a source without pictures is refused at the door"
    return spec.info.video


def clip_sound(media: Any, spec: ConformSpec) -> Any:
    """The sound of what the spec plays, as samples at the house rate."""
    assert spec.info.audio is not None
    grid = spec.profile.grid
    window = (grid.samples(spec.first), grid.samples(spec.frames))
    return foreign_sound(media[str(spec.info.audio.stream)], picture_of(spec).start, window)


def mark_runs(spec: ConformSpec, first: int, last: int) -> tuple[MarkRun, ...]:
    """Where the clip's mark stands over frames [first, last), for the texts beside it."""
    return () if spec.mark is None else (MarkRun(spec.mark, spec.station, first, last),)


def check_frames(picture: Path, frames: int, sources: Sequence[SourceFile]) -> None:
    """Raise `MediaDamaged` unless `picture` has exactly so many frames."""
    found = read_index(picture).track("vide").samples
    if found != frames:
        paths = " and ".join(str(source.path) for source in sources)
        raise MediaDamaged(
            f"{paths}: {found} frames could be decoded where its packets promise "
            f"{frames}; replace the file or trim it",
            path=str(sources[0].path),
            found=found,
            expected=frames,
        )


def check_samples(raw: Path, samples: int, source: SourceFile) -> None:
    """Raise `MediaDamaged` unless `raw` has exactly so many samples."""
    if raw.stat().st_size != samples * BYTES_PER_SAMPLE:
        raise MediaDamaged(
            f"{source.path}: its sound could not be brought to {samples} samples",
            path=str(source.path),
        )


def child_limits(specs: Sequence[ConformSpec], limits: MediaLimits) -> ChildLimits:
    """Those of decoding all of `specs` in one child, with room for the filters and the encoder."""
    profile = specs[0].profile
    pixels = profile.width * profile.height
    memory = 0
    for spec in specs:
        bounds = decode_limits(spec.info, limits)
        memory += bounds.memory_bytes or 0
        video = spec.info.video
        if video is not None and (video.hdr or video.bit_depth > 8):
            pixels += 4 * video.width * video.height
    memory += 96 * pixels + (512 << 20)
    room = _MASTER_BYTES if profile.pcm else _FILE_BYTES
    return replace(bounds, memory_bytes=memory, file_bytes=room)


def _blamed(result: ChildResult, sources: Sequence[SourceFile]) -> SourceFile:
    """The source that FFmpeg complains of: its lines name the input by number."""
    for line in result.stderr.splitlines():
        if found := _INPUT.search(line):
            number = int(found[1])
            if number < len(sources):
                return sources[number]
    return sources[0]


def _same_media(source: SourceFile, digest: Digest) -> None:
    if source.digest != digest:
        raise MediaRefused(
            f"{source.path} changed after it was planned; run the command again",
            code="media-changed",
            path=str(source.path),
        )


def as_kwargs(options: list[str]) -> dict[str, str | None]:
    """Option words as ffmpeg-python takes them; a word without a value maps to None."""
    found: dict[str, str | None] = {}
    name = ""
    for word in options:
        if word.startswith("-") and not word[1:2].isdigit():
            name = word[1:]
            found[name] = None
        else:
            found[name] = word
    return found
