"""Conform: one atom of foreign media to one canonical clip, decoded and encoded once.

The media is opened once; what is hashed is what is decoded, through the same descriptor, in a
child process under limits. Leaves `piece` (pictures and AAC), `sound` (FLAC for joints).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chainer.digest import Digest
from chainer.errors import MediaDamaged, MediaRefused
from chainer.media.child import ChildLimits
from chainer.media.decode import classify_failure, damage_in, decode_limits, input_options
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.clip import PICTURE, RAW_SOUND, SILENCE, clip_keys, finish_clip, write_silence
from chainer.render.encoder import picture_options
from chainer.render.mark import mark_input
from chainer.render.picture import picture_graph
from chainer.render.piece import read_index
from chainer.render.run import Runner, read_ebur128
from chainer.render.sound import BYTES_PER_SAMPLE, foreign_sound
from chainer.render.spec import ConformSpec


def conform(
    runner: Runner,
    spec: ConformSpec,
    source: SourceFile,
    limits: MediaLimits,
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the canonical clip in `folder`: (files by name, facts).

    Where `spec.mark` is set, the mark lies in `folder` already, as `mark.MARK`. Raises
    `MediaError` where the media cannot be decoded whole, `RenderError` where we fail.
    """
    _same_media(source, spec.media)
    keys = clip_keys(spec.frames, spec.profile)
    samples = spec.profile.grid.samples(spec.frames)
    with source.lend() as descriptor:
        argv = _argv(runner, spec, descriptor, limits, keys, samples)
        result = runner.run(
            argv,
            f"conforming {source.path}",
            cwd=folder,
            limits=_child_limits(spec, limits),
            pass_fds=(descriptor,),
            on_frame=on_frame,
            check=False,
        )
    source.check_unchanged()
    if not result.ok:
        raise classify_failure(result, source.path, argv)
    if damage := damage_in(result, source.path):
        raise damage
    found = read_index(folder / PICTURE).track("vide").samples
    if found != spec.frames:
        raise MediaDamaged(
            f"{source.path}: {found} frames could be decoded where its packets promise "
            f"{spec.frames}; replace the file or trim it",
            path=str(source.path),
            found=found,
            expected=spec.frames,
        )
    measured = SILENCE
    if spec.info.audio is None:
        write_silence(folder, samples)
    else:
        measured = read_ebur128(result.stderr)
        if (folder / RAW_SOUND).stat().st_size != samples * BYTES_PER_SAMPLE:
            raise MediaDamaged(
                f"{source.path}: its sound could not be brought to {samples} samples",
                path=str(source.path),
            )
    files, facts = finish_clip(runner, spec.frames, measured, spec.profile, folder)
    return files, {
        "frames": spec.frames,
        "silent": spec.info.audio is None,
        "sound": facts.as_json(),
    }


def _same_media(source: SourceFile, digest: Digest) -> None:
    if source.digest != digest:
        raise MediaRefused(
            f"{source.path} changed after it was planned; run the command again",
            code="media-changed",
            path=str(source.path),
        )


def _argv(
    runner: Runner,
    spec: ConformSpec,
    descriptor: int,
    limits: MediaLimits,
    keys: tuple[int, ...],
    samples: int,
) -> list[str]:
    import ffmpeg

    video, audio = spec.info.video, spec.info.audio
    assert video is not None, "a source without pictures is refused at the door"
    options = [*input_options(spec.info, limits, threads=1), "-fd", str(descriptor)]
    media = ffmpeg.input("fd:", **_as_kwargs(options))
    mark = None if spec.mark is None else mark_input(spec.profile)
    picture = picture_graph(media[str(video.stream)], video, spec, mark)
    outputs = [
        ffmpeg.output(
            picture,
            PICTURE,
            **picture_options(spec.profile, keys),
            **{"frames:v": spec.frames},
        )
    ]
    if audio is not None:
        first = spec.profile.grid.samples(spec.first)
        sound = foreign_sound(media[str(audio.stream)], video.start, (first, samples))
        outputs.append(ffmpeg.output(sound, RAW_SOUND, f="f32le", **{"c:a": "pcm_f32le"}))
    return runner.argv(ffmpeg.merge_outputs(*outputs), copyts=True)


def _as_kwargs(options: list[str]) -> dict[str, str | None]:
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


def _child_limits(spec: ConformSpec, limits: MediaLimits) -> ChildLimits:
    """Those of decoding, with room for the filters and the encoder at the profile's size."""
    bounds = decode_limits(spec.info, limits)
    pixels = spec.profile.width * spec.profile.height
    video = spec.info.video
    if video is not None and (video.hdr or video.bit_depth > 8):
        pixels += 4 * video.width * video.height
    memory = (bounds.memory_bytes or 0) + 96 * pixels + (512 << 20)
    return replace(bounds, memory_bytes=memory, file_bytes=1 << 30)
