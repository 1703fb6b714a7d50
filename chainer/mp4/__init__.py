"""Reading and writing the flat MP4 files that chainer itself makes.

An episode is put together by copying byte ranges, which no muxer library offers: they take
packets one by one, write the index after the media, and move the media to put it first.
Here the index of the whole film is known before the first byte is copied. Only files made by
the engine are read; media from strangers goes through the media room.
"""

from chainer.mp4.box import Mp4Error
from chainer.mp4.captions import Subtitle, read_subtitles
from chainer.mp4.excerpt import write_excerpt
from chainer.mp4.index import PCM_CODEC, AudioSpec, Chapter, VideoSpec
from chainer.mp4.read import Mp4, Track, raw_index, read_mp4
from chainer.mp4.write import FilmTracks, Span, write_film, write_piece

__all__ = [
    "PCM_CODEC",
    "AudioSpec",
    "Chapter",
    "FilmTracks",
    "Mp4",
    "Mp4Error",
    "Span",
    "Subtitle",
    "Track",
    "VideoSpec",
    "raw_index",
    "read_mp4",
    "read_subtitles",
    "write_excerpt",
    "write_film",
    "write_piece",
]
