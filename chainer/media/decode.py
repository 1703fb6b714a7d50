"""How FFmpeg may read an untrusted file: options, limits, and what its failure means.

For the one binary that decodes, over a descriptor (`-fd N -i fd:`): it gets one demuxer by
name, closed lists of protocols and decoders, bounds on picture size and on single
allocations, and stops at the first error instead of inventing the missing picture.

Found with FFmpeg 9.0.2 on 60 good files of phones, cameras, editors and generators, 39
damaged or hostile ones, 28 that break off, and 900 copies with one flipped bit:

- By default FFmpeg returns success for truncated and bit-flipped files, with gaps and
  invented blocks in the picture. `-xerror` makes it fail for every damaged file, and for no
  good one: neither for a file that starts in the middle of a group of pictures, nor for a cut
  with an edit list, nor for an open group of pictures, though these log errors such as `mmco:
  unref short failure`, `co located POCs unavailable`, `Could not find ref with POC`.
- `-err_detect explode` for pictures refuses just such good cuts in H.264 and HEVC. For MJPEG,
  where no picture leans on another, it finds 6 of 15 flips instead of 2. For sound it refused
  nothing good, and finds 22 of 22 flips in AC-3 and 4 of 4 in FLAC instead of 3 and none.
- A Matroska file that breaks off decodes with success; only the log says `File ended
  prematurely`. A bad checksum in FFV1 is logged and nothing more. So a success whose log
  shows damage is damage: see `damage_in`.
- What is found of single flipped bits that change the picture: AV1 14 of 14, H.264 20 of 22
  (CABAC) and 7 of 13 (CAVLC), MPEG-4 17 of 22, DNxHD 7 of 23, VP9 2 of 19, none of 16 to 22 in
  HEVC, VP8 and ProRes; of the sound: AAC 11 of 33, MP3 1 of 6, none in Opus, Vorbis and PCM.
  Those streams carry no redundancy: what decodes may still differ from what was filmed.
- As many pictures come out as the probe counted, for all 60 good files.
- Input `-t` does not bound what a jump in the timestamps makes of a frame-rate filter, so
  length is bounded on the output.
- Memory: x264 at 720 x 1280 beside the decoder fits into half of what `decode_limits` gives,
  up to 8192 x 4320 in ten bits, with two threads; with 16 threads it fits into all of it.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from chainer.errors import ChainerError, MediaDamaged, MediaRefused, RenderError
from chainer.media.child import ChildLimits, ChildResult, run_child
from chainer.media.info import MediaInfo
from chainer.media.limits import MediaLimits, decoder_names
from chainer.media.source import SourceFile
from chainer.timebase import time_text

_MAX_ALLOC = 256 << 20
_STRICT = "crccheck+bitstream+buffer+explode"
_ALONE = ("mjpeg", "prores", "dnxhd", "ffv1")  # no picture leans on another
_DECODER_PICTURES = 24  # references, reordering and two threads, generously
_BASE_MEMORY = 640 << 20
_OPEN_FILES = 64
_DROPPED = 0.02
_JUNK = ("-max_error_rate", str(_DROPPED))
"""For bare MP3, where tags of old players and zeros lie behind the music and decode to errors."""

_DAMAGE = re.compile(
    r"File ended prematurely|partial file|CRC mismatch|CRC error|corrupt input packet"
    r"|corrupt decoded frame|error while decoding MB|bad vlc|Packet corrupt"
)
_INPUT_FAILURE = re.compile(
    r"Error submitting packet to decoder|Decoding error|Error processing packet in decoder"
    r"|Error during demuxing|Error retrieving a packet from demuxer|Invalid NAL unit"
    r"|Decode error rate|Error opening input|moov atom not found|error reading header"
    r"|Invalid data found when processing input|no frame!"
)
_INPUT_REFUSAL = re.compile(
    r"exceeds specified max pixel count|not on whitelist|Picture size \S+ is invalid"
    r"|exceeds max_streams"
)


def input_options(info: MediaInfo, limits: MediaLimits, *, threads: int = 2) -> list[str]:
    """The words before `-fd N -i fd:`, each option followed by its value but for `-xerror`.

    `-xerror`, `-max_error_rate` and `-max_alloc` are global and act wherever they stand.
    Rotation is left to the caller (`-noautorotate` is set): `VideoInfo.rotation` says it.
    `threads` is for the decoder; each has a picture in work.
    """
    codecs = limits.video_codecs + limits.audio_codecs
    words = [
        *(_JUNK if info.container == "mp3" else ("-xerror",)),
        *("-max_alloc", str(_MAX_ALLOC)),
        *("-f", info.container, "-format_whitelist", info.container),
        *("-protocol_whitelist", "fd"),
        *("-codec_whitelist", ",".join(decoder_names(codecs))),
        *("-max_streams", str(limits.max_streams), "-max_pixels", str(limits.max_pixels)),
        *("-err_detect:a", _STRICT, "-err_detect:v", _picture_detection(info)),
        *("-threads", str(threads)),
        "-noautorotate",
    ]
    if info.container == "wav":
        # The last packet of one that was written to a pipe, and never told its length.
        words += ["-fflags", "+discardcorrupt"]
    if info.container == "mov":
        words += ["-enable_drefs", "0", "-use_absolute_path", "0", "-ignore_chapters", "1"]
    return words


def output_guards(info: MediaInfo, limits: MediaLimits, frames: int) -> list[str]:
    """The words before an output that bound it, whatever times the input has.

    At most `frames` pictures, at most a second longer than the input lasts, nothing carried
    over from the input but what is mapped.
    """
    seconds = Fraction(math.ceil(min(limits.max_seconds, info.seconds) + 1))
    return [
        *("-t", time_text(seconds), "-frames:v", str(frames)),
        *("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"),
    ]


def stream_maps(info: MediaInfo) -> list[str]:
    """`-map` for the picture that was probed and, where there is one, its sound."""
    found = [] if info.video is None else ["-map", f"0:{info.video.stream}"]
    return found if info.audio is None else [*found, "-map", f"0:{info.audio.stream}"]


def decode_limits(info: MediaInfo, limits: MediaLimits) -> ChildLimits:
    """Limits for a child that decodes this file and encodes it at 1280 x 720 or so.

    Memory grows with the picture: an honest 8K film needs what stops a picture bomb.
    """
    memory = _BASE_MEMORY
    if info.video is not None:
        samples = 3 if info.video.bit_depth > 8 else 2  # bytes a pixel, 4:2:0 to 4:2:2
        memory += _DECODER_PICTURES * info.video.width * info.video.height * samples
    return ChildLimits(
        wall_seconds=limits.decode_wall_seconds,
        cpu_seconds=limits.decode_cpu_seconds,
        memory_bytes=memory,
        open_files=_OPEN_FILES,
    )


def damage_in(result: ChildResult, path: Path) -> MediaDamaged | None:
    """The damage that a *successful* decode only logged, if there is any.

    Needs a log level of `error` or finer.
    """
    line = _first_line(_DAMAGE, result.stderr)
    return None if line is None else _damaged(path, line, result)


def classify_failure(result: ChildResult, path: Path, argv: Sequence[str] = ()) -> ChainerError:
    """The error for a decode that failed: the file's fault, or ours.

    `MediaRefused` when a limit stopped it, `MediaDamaged` when FFmpeg stopped at the input,
    `RenderError` for all else (filters, encoder, disk, a machine out of memory).
    """
    if result.stopped in ("timeout", "cpu", "memory"):
        meant = {
            "timeout": "took too long",
            "cpu": "took too much processor time",
            "memory": "took too much memory",
        }[result.stopped]
        return MediaRefused(
            f"{path}: {meant} to decode; give a shorter or smaller clip, or try again when "
            "this machine is less busy",
            path=str(path),
            reason=f"decode_{result.stopped}",
            value=round(result.cpu_seconds, 1),
            argv=list(argv),
            stderr=result.stderr[-4000:],
        )
    if result.stopped == "crash":
        return MediaDamaged(
            f"{path}: made the decoder crash (signal {-result.returncode}); export it again "
            "with a common encoder",
            path=str(path),
            reason="decode_crash",
            value=result.returncode,
            argv=list(argv),
            stderr=result.stderr[-4000:],
        )
    if not result.stopped:
        line = _first_line(_INPUT_REFUSAL, _fatal_part(result.stderr))
        if line is not None and _first_line(_DAMAGE, result.stderr) is None:
            return MediaRefused(
                f"{path}: goes beyond the limits while it is decoded: {line}; export it again",
                path=str(path),
                reason="decode",
                argv=list(argv),
                stderr=result.stderr[-4000:],
            )
        line = _first_line(_DAMAGE, result.stderr) or _first_line(_INPUT_FAILURE, result.stderr)
        if line is not None:
            return _damaged(path, line, result, argv)
    return RenderError(
        f"{path}: could not be converted", argv=argv, stderr=result.stderr, path=str(path)
    )


def decode_whole(
    source: SourceFile,
    info: MediaInfo,
    *,
    limits: MediaLimits,
    ffmpeg: Path,
    cancel: threading.Event | None = None,
) -> int:
    """Decode all of it, keep nothing; the number of pictures that came out.

    Raises as `classify_failure` says, `MediaDamaged` also when fewer pictures come out than
    were probed, and `Cancelled`.
    """
    decoded = 0

    def count(line: str) -> None:
        nonlocal decoded
        if line.startswith("frame="):
            decoded = int(line.removeprefix("frame=").strip() or 0)

    with source.lend() as fd:
        argv = [
            *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+error"),
            *("-progress", "pipe:1", *input_options(info, limits, threads=1)),
            *("-fd", str(fd), "-i", "fd:", *stream_maps(info)),
            *output_guards(info, limits, _frames_bound(info)),
            *("-fps_mode", "passthrough", "-f", "null", "-"),
        ]
        result = run_child(
            argv,
            limits=decode_limits(info, limits),
            pass_fds=[fd],
            on_line=count,
            cancel=cancel,
        )
    if not result.ok:
        raise classify_failure(result, source.path, argv)
    if damage := damage_in(result, source.path):
        raise damage
    if info.video is not None and decoded < info.video.frames * (1 - _DROPPED) - 2:
        raise _damaged(
            source.path, f"only {decoded} of {info.video.frames} pictures decode", result, argv
        )
    return decoded


def _picture_detection(info: MediaInfo) -> str:
    return _STRICT if info.video is not None and info.video.codec in _ALONE else "crccheck"


def _fatal_part(stderr: str) -> str:
    """What was said last, where the reason for the end stands.

    Before, FFmpeg also tells of decoders that it tried and did not need.
    """
    return "\n".join(stderr.splitlines()[-12:])


def _first_line(pattern: re.Pattern[str], text: str) -> str | None:
    for line in text.splitlines():
        if pattern.search(line):
            return re.sub(r" @ 0x[0-9a-f]+", "", line).strip()
    return None


def _damaged(path: Path, line: str, result: ChildResult, argv: Sequence[str] = ()) -> MediaDamaged:
    return MediaDamaged(
        f"{path}: cannot be decoded whole: {line}; export or upload it again",
        path=str(path),
        reason="decode",
        argv=list(argv),
        stderr=result.stderr[-4000:],
    )


def _frames_bound(info: MediaInfo) -> int:
    """More pictures than the file has: a bound, not a number to meet."""
    return 1 if info.video is None else 2 * info.video.frames + 16
