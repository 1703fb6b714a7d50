"""The `moov` box: the index of a film, as bytes, from sizes and places that are already known."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from chainer.mp4.box import box, full_box
from chainer.mp4.language import UNDETERMINED, pack_language
from chainer.timebase import AAC_FRAME, round_half_up

MOVIE_TIMESCALE = 240_000
"""Ticks a second of the movie: whole for 48 kHz and for 24, 25, 30, 60 fps and their 1001sts."""

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SPLIT = 1 << 32

CONFIG_BOXES = {"avc1": b"avcC", "hvc1": b"hvcC", "av01": b"av1C"}
"""The box of the codec's configuration in each sample entry."""

PRORES = {"apch": "ProRes 422 HQ"}
"""Sample entries without such a box, and what people call them: each frame says all of itself."""

PCM = {"in24": 3}
"""Sample entries of uncompressed sound, big-endian, and the bytes of one sample of a channel."""

PCM_CODEC = "in24"
"""The one that we write."""

_JOINERS = "\u200c\u200d\u200e\u200f\u061c"


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What all pictures of a film share; `entry` holds the colr and pasp boxes.

    `codec` is the sample entry's four letters, `config` the body of its configuration box.
    """

    config: bytes
    entry: bytes
    width: int
    height: int
    fps: Fraction
    codec: str = "avc1"

    @property
    def timescale(self) -> int:
        """Ticks a second of the video track; a whole multiple of the frame rate's numerator."""
        times = 1
        while self.fps.numerator * times < 10_000:
            times *= 2
        return self.fps.numerator * times

    @property
    def delta(self) -> int:
        """Ticks of one frame."""
        return self.fps.denominator * (self.timescale // self.fps.numerator)


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """What all sound of a film shares.

    `codec` is the sample entry's four letters, `config` the AudioSpecificConfig, which uncompressed
    sound has none of.
    """

    config: bytes
    sample_rate: int
    channels: int
    codec: str = "mp4a"

    @property
    def pcm(self) -> bool:
        """Whether the sound is uncompressed."""
        return self.codec in PCM

    @property
    def sample_bytes(self) -> int:
        """Bytes of one uncompressed sample of all channels."""
        return PCM[self.codec] * self.channels


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter from `start` (exact seconds) to the next chapter or the end."""

    start: Fraction
    title: str


@dataclass(frozen=True, slots=True)
class TrackIndex:
    """Sizes of all samples, and the chunks they lie in: (samples in it, byte position).

    Where all samples have `same` bytes, `sizes` is left empty.
    """

    sizes: array[int]
    chunk_samples: Sequence[int]
    chunk_offsets: Sequence[int]
    sync: Sequence[int] | None = None
    same: int = 0

    @property
    def count(self) -> int:
        """How many samples there are."""
        return sum(self.chunk_samples) if self.same else len(self.sizes)


def clean_text(text: str) -> str:
    """`text` on one line, without control characters, which players show as garbage or worse.

    The joiners and marks of direction that scripts and emoji are written with stay.
    """
    kept = (char for char in text if char.isprintable() or char.isspace() or char in _JOINERS)
    return " ".join("".join(kept).split())


def clip_text(text: str, most: int) -> bytes:
    """`text` in UTF-8, cut to at most `most` bytes between two characters."""
    return text.encode()[:most].decode(errors="ignore").encode()


def ticks(seconds: Fraction) -> int:
    """Movie ticks nearest to `seconds`."""
    return round_half_up(seconds * MOVIE_TIMESCALE)


def movie_box(
    duration: Fraction,
    tracks: Sequence[bytes],
    *,
    chapters: Sequence[Chapter] = (),
    title: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> bytes:
    """The whole moov box. `tracks` are finished trak boxes, numbered from 1 in order.

    `facts` are QuickTime metadata: names and texts.
    """
    length = ticks(duration)
    wide = length >= _SPLIT
    mvhd = full_box(
        b"mvhd",
        int(wide),
        0,
        struct.pack(">QQIQ" if wide else ">IIII", 0, 0, MOVIE_TIMESCALE, length),
        struct.pack(">IH10x", 0x10000, 0x100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", len(tracks) + 1),
    )
    told = [quicktime_metadata(facts)] if facts else []
    return box(b"moov", mvhd, *tracks, _user_data(chapters, title), *told)


def video_entry(spec: VideoSpec) -> bytes:
    """The sample entry of the pictures: the box that says how they are coded."""
    name = PRORES.get(spec.codec, "").encode()
    known = bytes([len(name)]) + name if name else b""
    shape = (spec.width, spec.height, 0x480000, 0x480000, 0, 1)
    return box(
        spec.codec.encode(),
        struct.pack(">6xH16xHHIIIH32sHh", 1, *shape, known, 24, -1),
        b"" if name else box(CONFIG_BOXES[spec.codec], spec.config),
        spec.entry,
    )


def audio_entry(number: int, spec: AudioSpec) -> bytes:
    """The sample entry of the sound of track `number`."""
    if spec.pcm:
        return _pcm_entry(spec)
    decoder = struct.pack(">BBBHII", 0x40, 0x15, 0, 0x1800, 0, 0) + _descriptor(5, spec.config)
    stream = struct.pack(">HB", number, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02")
    return box(
        b"mp4a",
        struct.pack(">6xH8xHHHHI", 1, spec.channels, 16, 0, 0, spec.sample_rate << 16),
        full_box(b"esds", 0, 0, _descriptor(3, stream)),
    )


def _pcm_entry(spec: AudioSpec) -> bytes:
    """A QuickTime sound description, version 1: as many packets as samples, each of equal size.

    Its depth says 16 for whatever is deeper, and its bytes for a sample never more than 2: so
    QuickTime wants it.
    """
    each = PCM[spec.codec]
    stereo = full_box(b"chan", 0, 0, struct.pack(">III", 101 << 16 | spec.channels, 0, 0))
    return box(
        spec.codec.encode(),
        struct.pack(">6xHH6xHHhHI", 1, 1, spec.channels, 16, 0, 0, spec.sample_rate << 16),
        struct.pack(">IIII", 1, each, spec.sample_bytes, 2),
        stereo,
    )


def video_track(
    number: int, spec: VideoSpec, index: TrackIndex, *, chapters_in: int = 0, quick: bool = False
) -> bytes:
    """The trak box of the pictures; `chapters_in` names the text track with chapter titles.

    `quick` is for a QuickTime movie, here and below.
    """
    frames = len(index.sizes)
    duration = Fraction(frames) / spec.fps
    table = sample_table(index, video_entry(spec), [(frames, spec.delta)])
    media = media_box(
        spec.timescale,
        frames * spec.delta,
        handler_box(b"vide", b"chainer picture", quick=quick),
        full_box(b"vmhd", 0, 1, bytes(8)),
        table,
        quick=quick,
    )
    reference = box(b"tref", box(b"chap", struct.pack(">I", chapters_in))) if chapters_in else b""
    header = track_header(number, duration, 3, 0, spec.width, spec.height)
    return box(b"trak", header, edits_box(duration, 0), reference, media)


def audio_track(
    number: int,
    spec: AudioSpec,
    index: TrackIndex,
    duration: Fraction,
    skip: int,
    *,
    quick: bool = False,
) -> bytes:
    """The trak box of the sound, shown for `duration` from sample `skip` on."""
    packets, each, roll = index.count, 1, b""
    if not spec.pcm:
        # AAC needs one packet of run-up wherever playing starts (14496-12, 10.1: roll distance -1).
        each = AAC_FRAME
        roll = full_box(b"sgpd", 1, 0, struct.pack(">4sIIh", b"roll", 2, 1, -1)) + full_box(
            b"sbgp", 0, 0, struct.pack(">4sIII", b"roll", 1, packets, 1)
        )
    table = sample_table(index, audio_entry(number, spec), [(packets, each)], roll)
    media = media_box(
        spec.sample_rate,
        packets * each,
        handler_box(b"soun", b"chainer sound", quick=quick),
        full_box(b"smhd", 0, 0, bytes(4)),
        table,
        quick=quick,
    )
    header = track_header(number, duration, 3, 0x100, 0, 0)
    return box(b"trak", header, edits_box(duration, skip), media)


def text_track(
    number: int,
    starts: Sequence[Fraction],
    duration: Fraction,
    index: TrackIndex,
    *,
    quick: bool = False,
) -> bytes:
    """The trak box of chapter titles (QuickTime text), one sample a chapter."""
    edges = [*(ticks(start) for start in starts), ticks(duration)]
    runs = [(1, later - earlier) for earlier, later in pairwise(edges)]
    entry = box(b"text", struct.pack(">6xHII6x8x8xHHBH6xB", 1, 1, 1, 0, 0, 0, 0, 0))
    table = sample_table(index, entry, runs)
    gmin = full_box(b"gmin", 0, 0, struct.pack(">H3HHH", 0x40, 0x8000, 0x8000, 0x8000, 0, 0))
    media = media_box(
        MOVIE_TIMESCALE,
        edges[-1] - edges[0],
        handler_box(b"text", b"chapters", quick=quick),
        box(b"gmhd", gmin, box(b"text", _MATRIX)),
        table,
        quick=quick,
    )
    header = track_header(number, duration, 2, 0, 0, 0)
    return box(b"trak", header, edits_box(duration, 0), media)


def text_sample(title: str) -> bytes:
    """A chapter title as a QuickTime text sample in UTF-8."""
    text = clip_text(clean_text(title), 65_000)
    return struct.pack(">H", len(text)) + text + box(b"encd", struct.pack(">I", 0x100))


def track_header(
    number: int,
    duration: Fraction,
    flags: int,
    volume: int,
    width: int,
    height: int,
    *,
    group: int = 0,
    down: int = 0,
) -> bytes:
    """The tkhd box, with sizes in pixels.

    Tracks of one `group` are alternatives; `down` is how far the track's own picture lies below
    the top of the movie's.
    """
    length = ticks(duration)
    wide = length >= _SPLIT
    return full_box(
        b"tkhd",
        int(wide),
        flags,
        struct.pack(">QQIIQ" if wide else ">IIIII", 0, 0, number, 0, length),
        struct.pack(">8xHHHH", 0, group, volume, 0),
        struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, down << 16, 0x40000000),
        struct.pack(">II", width << 16, height << 16),
    )


def edits_box(duration: Fraction, skip: int) -> bytes:
    """An edit list that shows `duration` of the media from tick `skip` on."""
    length = ticks(duration)
    wide = length >= _SPLIT
    layout = ">IQqHH" if wide else ">IIiHH"
    return box(b"edts", full_box(b"elst", int(wide), 0, struct.pack(layout, 1, length, skip, 1, 0)))


def media_box(
    timescale: int,
    length: int,
    handler: bytes,
    header: bytes,
    table: bytes,
    *,
    language: int = pack_language(UNDETERMINED),
    extended: bytes = b"",
    quick: bool = False,
) -> bytes:
    """The mdia box. `language` is packed; `extended` a box that says more of it, or nothing."""
    wide = length >= _SPLIT
    mdhd = full_box(
        b"mdhd",
        int(wide),
        0,
        struct.pack(">QQIQ" if wide else ">IIII", 0, 0, timescale, length),
        struct.pack(">HH", language, 0),
    )
    data = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    where = _component(b"dhlr", b"url ", b"chainer data") if quick else b""
    return box(b"mdia", mdhd, extended, handler, box(b"minf", header, where, data, table))


def _component(role: bytes, kind: bytes, name: bytes) -> bytes:
    """A handler as QuickTime has it: with its role, and its name as a counted string."""
    told = struct.pack(">4s4s12x", role, kind)
    return full_box(b"hdlr", 0, 0, told, bytes([len(name)]) + name)


def handler_box(kind: bytes, name: bytes, *, quick: bool = False) -> bytes:
    """What a track is, and its name for people."""
    if quick:
        return _component(b"mhlr", kind, name)
    return full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, kind), name + b"\0")


def sample_table(
    index: TrackIndex, entry: bytes, runs: Sequence[tuple[int, int]], groups: bytes = b""
) -> bytes:
    """The stbl box: `entry` describes the samples, `runs` are (how many, ticks of each)."""
    parts = [
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(
            b"stts",
            0,
            0,
            struct.pack(">I", len(runs)),
            b"".join(struct.pack(">II", *r) for r in runs),
        ),
    ]
    if index.sync is not None:
        numbers = array("I", (sample + 1 for sample in index.sync))
        parts.append(full_box(b"stss", 0, 0, struct.pack(">I", len(numbers)), _big(numbers)))
    chunk_runs = array("I")
    for number, samples in enumerate(index.chunk_samples, start=1):
        if not chunk_runs or chunk_runs[-2] != samples:
            chunk_runs.extend((number, samples, 1))
    parts.append(full_box(b"stsc", 0, 0, struct.pack(">I", len(chunk_runs) // 3), _big(chunk_runs)))
    parts.append(
        full_box(b"stsz", 0, 0, struct.pack(">II", index.same, index.count), _big(index.sizes))
    )
    # Always 64-bit places: the size of the index then never depends on what it points to.
    places = array("Q", index.chunk_offsets)
    parts.append(full_box(b"co64", 0, 0, struct.pack(">I", len(places)), _big(places)))
    return box(b"stbl", *parts, groups)


def _big(values: array[int]) -> bytes:
    if sys.byteorder == "little":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _descriptor(tag: int, body: bytes) -> bytes:
    return struct.pack(">BBBBB", tag, 0x80, 0x80, 0x80, len(body)) + body


def _user_data(chapters: Sequence[Chapter], title: str) -> bytes:
    items = b""
    if name := clean_text(title):
        items += box(b"\xa9nam", _text_item(name))
    items += box(b"\xa9too", _text_item("chainer"))
    handler = full_box(b"hdlr", 0, 0, struct.pack(">I4s4s8x", 0, b"mdir", b"appl"), b"\0")
    parts = [full_box(b"meta", 0, 0, handler, box(b"ilst", items))]
    if chapters:
        # The count is one byte: more than 255 chapters stand in the text track only.
        listed = chapters[:255]
        entries = b"".join(_listed_chapter(chapter) for chapter in listed)
        parts.append(full_box(b"chpl", 1, 0, bytes(4), bytes([len(listed)]), entries))
    return box(b"udta", *parts)


def quicktime_metadata(facts: Sequence[tuple[str, str]]) -> bytes:
    """A movie's `meta` box of QuickTime metadata: (name, text) each; no full box, unlike MP4's."""
    names = b"".join(box(b"mdta", name.encode()) for name, _ in facts)
    texts = b"".join(
        box(struct.pack(">I", number), _text_item(clean_text(text)))
        for number, (_, text) in enumerate(facts, start=1)
    )
    return box(
        b"meta",
        full_box(b"hdlr", 0, 0, struct.pack(">4s4s12x", b"", b"mdta"), b"\0"),
        full_box(b"keys", 0, 0, struct.pack(">I", len(facts)), names),
        box(b"ilst", texts),
    )


def _listed_chapter(chapter: Chapter) -> bytes:
    text = clip_text(clean_text(chapter.title), 255)
    return struct.pack(">QB", round_half_up(chapter.start * 10_000_000), len(text)) + text


def _text_item(text: str) -> bytes:
    return box(b"data", struct.pack(">II", 1, 0), text.encode())
