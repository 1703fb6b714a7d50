"""Playlists over segments that lie in the store (RFC 8216, CMAF).

Pictures, sound and captions each have a playlist; `hls/index.m3u8` names them. A segment is called
by the SHA-256 of its bytes, so that all films with it name one file. Headers are small and lie
beside the playlists: no film's purge may take along what every film needs. Titles
are strangers' words: they stand in quotes, on one line, without quotes of their own.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from chainer.delivery import HlsPolicy
from chainer.digest import Digest
from chainer.episode.captions import captions_vtt
from chainer.episode.manifest import HlsEntry
from chainer.episode.plan import EpisodePlan
from chainer.errors import RenderError
from chainer.mp4.index import clean_text
from chainer.profile import DynamicRange, Profile
from chainer.render.plan import RenderPlan
from chainer.render.segments import AUDIO, VIDEO, edges_of, init_name, segment_name
from chainer.render.spec import SegmentsSpec
from chainer.store import Artefact, Record, Store
from chainer.store.links import link_segment
from chainer.timebase import AAC_FRAME, AAC_PRIMING, round_half_up, to_seconds
from chainer.timeline.captions import Caption

HLS_FOLDER = "hls"
LINK_NAME = "hls/segments"
INDEX_NAME = "hls/index.m3u8"
_VIDEO_NAME, _AUDIO_NAME = "hls/video.m3u8", "hls/audio.m3u8"
_CAPTIONS_NAME, _WORDS_NAME = "hls/captions.m3u8", "hls/captions.vtt"
MEDIA_NAMES = (_VIDEO_NAME, _AUDIO_NAME)
"""The playlists that name segments."""
HEADER_NAMES = tuple(f"{HLS_FOLDER}/{init_name(track)}.mp4" for track in (VIDEO, AUDIO))
_SEGMENT = ".m4s"
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,35}")
_RANGES = {DynamicRange.SDR: "SDR", DynamicRange.PQ: "PQ", DynamicRange.HLG: "HLG"}


@dataclass(frozen=True, slots=True)
class HlsFiles:
    """Playlists and headers by their names in the episode's folder; what the manifest says."""

    texts: Mapping[str, str | bytes]
    entry: HlsEntry


@dataclass(frozen=True, slots=True)
class _Segment:
    """Seconds [start, end) of the film; `period` as in `Stretch`."""

    file: Artefact
    start: Fraction
    end: Fraction
    period: int


@dataclass(frozen=True, slots=True)
class _Track:
    """All segments of the pictures, or of the sound."""

    name: str
    codec: str
    header: bytes
    segments: Sequence[_Segment]


def write_playlists(
    plan: EpisodePlan,
    records: Mapping[Digest, Record],
    again: Callable[[Digest], Record],
    store: Store,
) -> HlsFiles:
    """The playlists of a film whose steps are in the store, every segment hash-checked and linked.

    `again` makes the step of a key anew where one of its files is lost or damaged. Raises
    `RenderError` where pieces are coded differently, and `StoreError`.
    """
    whole = _whole_records(plan.render, records, again, store)
    profile, policy = plan.settings.profile, plan.settings.hls
    video = _track(VIDEO, plan.render, whole, profile)
    audio = _track(AUDIO, plan.render, whole, profile)
    language = plan.settings.captions.language
    texts = playlists(video, audio, policy, profile, plan.titles.heading, plan.captions, language)
    headers = dict(zip(HEADER_NAMES, (video.header, audio.header), strict=True))
    kept: dict[Digest, Artefact] = {}
    for track in (video, audio):
        for one in track.segments:
            link_segment(store, one.file, _SEGMENT)
            kept[one.file.digest] = one.file
    entry = HlsEntry(
        timeline=policy.timeline.value,
        segments=len(video.segments) + len(audio.segments),
        bytes=sum(file.size for file in kept.values()) + sum(map(len, headers.values())),
    )
    return HlsFiles({**texts, **headers}, entry)


def playlists(
    video: _Track,
    audio: _Track,
    policy: HlsPolicy,
    profile: Profile,
    title: str,
    captions: Sequence[Caption],
    language: str,
) -> dict[str, str]:
    """All playlists by name, and the captions that one of them names."""
    seconds = video.segments[-1].end
    target = max(math.ceil(one.end - one.start) for one in (*video.segments, *audio.segments))
    texts = {
        INDEX_NAME: _index(video, audio, profile, title, language if captions else None),
        _VIDEO_NAME: _media(video, target, policy),
        _AUDIO_NAME: _media(audio, target, policy),
    }
    if captions:
        texts[_CAPTIONS_NAME] = _captions(seconds)
        texts[_WORDS_NAME] = captions_vtt(captions, language)
    return texts


def quoted(text: str) -> str:
    """`text` as a quoted attribute, which has neither quotes nor ends of lines."""
    return '"' + clean_text(text).replace('"', "\u2033") + '"'


def seconds_texts(edges: Sequence[Fraction]) -> Iterator[str]:
    """The lengths between edges in microseconds, as decimals.

    The edges are rounded and not the lengths, so that their sum is right to a microsecond.
    """
    for start, end in pairwise(round_half_up(edge * 10**6) for edge in edges):
        yield f"{(end - start) // 10**6}.{(end - start) % 10**6:06d}"


def bit_rates(track: _Track, target: int) -> tuple[int, int]:
    """(peak, average) in bits a second, rounded up.

    The peak is that of any run of segments of half to one and a half times the target's length
    (RFC 8216, 4.3.4.2), or the average where no run is that long.
    """
    segments = track.segments
    total = sum(one.file.size for one in segments) * 8
    average = Fraction(total) / (segments[-1].end - segments[0].start)
    peak = average
    for first, one in enumerate(segments):
        bits = 0
        for last in segments[first:]:
            bits += last.file.size * 8
            length = last.end - one.start
            if length > Fraction(3, 2) * target:
                break
            if length >= Fraction(target, 2):
                peak = max(peak, bits / length)
    return math.ceil(peak), math.ceil(average)


def named_segments(playlist: str) -> Iterator[str]:
    """The address of every segment that a playlist of pictures or sound names."""
    for line in playlist.splitlines():
        if line and not line.startswith("#"):
            yield line


def _whole_records(
    plan: RenderPlan,
    records: Mapping[Digest, Record],
    again: Callable[[Digest], Record],
    store: Store,
) -> dict[Digest, Record]:
    whole: dict[Digest, Record] = {}
    checked: set[Digest] = set()
    for key, _ in plan.segments:
        if key in whole:
            continue
        record = records[key]
        files = [file for file in record.files.values() if file.digest not in checked]
        if not all(store.is_whole(file) for file in files):
            record = again(key)
        checked.update(file.digest for file in files)
        whole[key] = record
    return whole


def _track(
    name: str, plan: RenderPlan, records: Mapping[Digest, Record], profile: Profile
) -> _Track:
    """The segments of pictures or sound in order. Raises `RenderError` where headers differ."""
    segments: list[_Segment] = []
    specs = {step.key: step.spec for step in plan.steps}
    told: set[tuple[str, str]] = set()
    place = 0
    # The bed's stretches follow the parts', so each track's own are in order.
    for key, stretch in plan.segments:
        spec, record = specs[key], records[key]
        assert isinstance(spec, SegmentsSpec)
        edges = edges_of(spec, name)
        for number, (first, last) in enumerate(pairwise(edges)):
            file = record.files[segment_name(name, number)]
            start, end = (_place(name, at, plan, profile) for at in (place, place + last - first))
            segments.append(_Segment(file, start, end, stretch.period))
            place += last - first
        if edges:
            told.add((record.facts[name], record.facts[init_name(name)]))
    if len(told) != 1:
        raise RenderError(
            f"the pieces of the film have {len(told)} different headers for {name}, which one "
            "playlist cannot have; run again with another store, and report this one",
            code="mixed",
        )
    ((codec, header),) = told
    return _Track(name, codec, b64decode(header), segments)


def _place(name: str, at: int, plan: RenderPlan, profile: Profile) -> Fraction:
    """The second of the film at which frame or packet `at` of it is met."""
    if name == VIDEO:
        return to_seconds(at, profile.fps)
    # The first packet is the coder's run-up, and the last one goes on beyond the film.
    heard = max(0, at * AAC_FRAME - AAC_PRIMING)
    return min(Fraction(heard, profile.sample_rate), to_seconds(plan.layout.frames, profile.fps))


def _media(track: _Track, target: int, policy: HlsPolicy) -> str:
    base = policy.base or "segments/"
    lines = [
        *_head(target),
        f'#EXT-X-MAP:URI="{init_name(track.name)}.mp4"',
    ]
    edges = [track.segments[0].start, *(one.end for one in track.segments)]
    period = track.segments[0].period
    for one, seconds in zip(track.segments, seconds_texts(edges), strict=True):
        if one.period != period:
            lines.append("#EXT-X-DISCONTINUITY")
            period = one.period
        lines += [f"#EXTINF:{seconds},", f"{base}{one.file.digest}{_SEGMENT}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _captions(seconds: Fraction) -> str:
    """One file for the whole film: captions are small."""
    (length,) = seconds_texts([Fraction(0), seconds])
    name = _WORDS_NAME.partition("/")[2]
    lines = [*_head(math.ceil(seconds)), f"#EXTINF:{length},", name, "#EXT-X-ENDLIST", ""]
    return "\n".join(lines)


def _head(target: int) -> list[str]:
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def _index(video: _Track, audio: _Track, profile: Profile, title: str, language: str | None) -> str:
    target = max(math.ceil(one.end - one.start) for one in (*video.segments, *audio.segments))
    peak, average = map(sum, zip(bit_rates(video, target), bit_rates(audio, target), strict=True))
    stream = {
        "BANDWIDTH": str(peak),
        "AVERAGE-BANDWIDTH": str(average),
        "CODECS": quoted(f"{video.codec},{audio.codec}"),
        "RESOLUTION": f"{profile.width}x{profile.height}",
        "FRAME-RATE": f"{float(profile.fps):.3f}",
        "VIDEO-RANGE": _RANGES[profile.dynamic_range],
        "AUDIO": quoted("sound"),
    }
    sound = {
        "TYPE": "AUDIO",
        "GROUP-ID": quoted("sound"),
        "NAME": quoted("Sound"),
        "DEFAULT": "YES",
        "AUTOSELECT": "YES",
        "CHANNELS": quoted(str(profile.channels)),
        "URI": quoted("audio.m3u8"),
    }
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if heading := clean_text(title):
        told = {"DATA-ID": quoted("com.apple.hls.title"), "VALUE": quoted(heading)}
        lines.append(_tag("SESSION-DATA", told))
    lines.append(_tag("MEDIA", sound))
    if language is not None:
        words = {
            "TYPE": "SUBTITLES",
            "GROUP-ID": quoted("captions"),
            "NAME": quoted("Captions"),
            "DEFAULT": "NO",
            "AUTOSELECT": "YES",
            "FORCED": "NO",
        }
        if language != "und" and _LANGUAGE.fullmatch(language):
            words["LANGUAGE"] = quoted(language)
        lines.append(_tag("MEDIA", {**words, "URI": quoted("captions.m3u8")}))
        stream["SUBTITLES"] = quoted("captions")
    return "\n".join([*lines, _tag("STREAM-INF", stream), "video.m3u8", ""])


def _tag(name: str, attributes: Mapping[str, str]) -> str:
    return f"#EXT-X-{name}:" + ",".join(f"{key}={value}" for key, value in attributes.items())
