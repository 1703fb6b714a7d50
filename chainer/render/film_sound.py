"""The whole film's sound, put together from the masters of its pieces without a codec's loss.

However many pieces there are, a few are open at a time, and what is in memory is one buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from chainer.digest import Digest
from chainer.errors import RenderError
from chainer.profile import Profile
from chainer.render.run import Runner
from chainer.render.spec import SoundRun
from chainer.timebase import AAC_FRAME

RAW_FILM, RAW_SPEECH = "film.raw", "speech.raw"
_AT_ONCE = 12
"""Masters that one FFmpeg decodes."""

_BUFFER = 1 << 20


def sound_name(key: Digest) -> str:
    """The name in the work folder of the lossless sound of a piece."""
    return f"sound-{key[:24]}.flac"


def film_format(profile: Profile) -> str:
    """How FFmpeg calls the film's raw sound: two channels of as many bits as the masters have."""
    return "s24le" if profile.pcm else "s16le"


def sample_bytes(profile: Profile) -> int:
    """Bytes of one sample of the film's raw sound."""
    return 6 if profile.pcm else 4


def lay_out_sound(runner: Runner, runs: Sequence[SoundRun], profile: Profile, folder: Path) -> int:
    """Write `RAW_FILM`, 1024 samples a packet, and return the sample at which the film ends.

    Packets [p, q) of a piece are samples [1024 p, 1024 q) of its master, silent where that has
    ended. Each master lies in `folder` as `sound_name` and is removed when it has been read for the
    last time.
    """
    ends = 0
    with (folder / RAW_FILM).open("wb") as film:
        for first in range(0, len(runs), _AT_ONCE):
            some = runs[first : first + _AT_ONCE]
            later = {run.key for run in runs[first + _AT_ONCE :]}
            keys = tuple(dict.fromkeys(run.key for run in some))
            _decode(runner, keys, profile, folder)
            for run in some:
                ends = film.tell() + _copy(folder / _raw(run.key), run, profile, film)
            for key in keys:
                (folder / _raw(key)).unlink()
                if key not in later:
                    (folder / sound_name(key)).unlink()
    return ends // sample_bytes(profile)


def lay_out_speech(speech: Sequence[tuple[int, int]], profile: Profile, folder: Path) -> None:
    """Write `RAW_SPEECH`: the film's sound in the ranges of AAC frames, silence between them."""
    each = AAC_FRAME * sample_bytes(profile)
    with (folder / RAW_FILM).open("rb") as film, (folder / RAW_SPEECH).open("wb") as out:
        size = film.seek(0, 2)
        for first, last in speech:
            film.seek(first * each)
            out.seek(first * each)  # what is passed over reads as silence
            pass_on(film, out, (last - first) * each)
        out.truncate(size)


def _raw(key: Digest) -> str:
    return f"sound-{key[:24]}.raw"


def _decode(runner: Runner, keys: Sequence[Digest], profile: Profile, folder: Path) -> None:
    import ffmpeg

    form = film_format(profile)
    outputs = [
        ffmpeg.output(
            ffmpeg.input(sound_name(key), f="flac").audio,
            _raw(key),
            f=form,
            ar=48_000,
            ac=2,
            **{"c:a": f"pcm_{form}"},
        )
        for key in keys
    ]
    graph = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    runner.run(runner.argv(graph), "reading the sound of the film", cwd=folder)


def _copy(raw: Path, run: SoundRun, profile: Profile, film: IO[bytes]) -> int:
    """Copy one run; returns how many of its bytes are sound, and not silence behind its end."""
    each = AAC_FRAME * sample_bytes(profile)
    wanted = (run.last - run.first) * each
    if run.first < 0 or wanted < 0:
        raise RenderError(f"packets [{run.first}, {run.last}) are none of a piece", code="plan")
    with raw.open("rb") as stream:
        stream.seek(run.first * each)
        copied = pass_on(stream, film, wanted)
    film.write(bytes(wanted - copied))
    return copied


def pass_on(source: IO[bytes], target: IO[bytes], size: int) -> int:
    """Copy up to `size` bytes, a buffer at a time; returns how many there were."""
    done = 0
    while done < size and (data := source.read(min(_BUFFER, size - done))):
        target.write(data)
        done += len(data)
    return done
