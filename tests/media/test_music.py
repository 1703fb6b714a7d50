"""Music as strangers give it: which comes in, as what, and which is refused and why."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from chainer.errors import Cancelled, MediaDamaged, MediaError, MediaRefused
from chainer.media import probe as room
from chainer.media.info import AudioInfo, MediaInfo
from chainer.media.inspect import inspect_media, inspect_music
from chainer.media.limits import MediaLimits, music_limits
from chainer.media.probe_music import probe_music
from chainer.media.source import open_source
from chainer.store import Store

from .recipes import PICTURE, STEREO, X264, Kitchen
from .test_hostile import TEXTS, Canaries, canaries

__all__ = ["canaries"]

Hear = Callable[[Path], MediaInfo]
TONE = ("-f", "lavfi", "-i", "sine=330:r=44100:d=2")
MP3 = ("-c:a", "libmp3lame", "-b:a", "64k")
COVER = ("-f", "lavfi", "-i", "color=red:s=600x600:d=1:r=1")


@pytest.fixture(scope="session")
def hear(limits: MediaLimits) -> Hear:
    """Open and probe one file of music, with the default limits for clips."""

    def hear(path: Path) -> MediaInfo:
        with open_source(path, limits=limits) as source:
            return probe_music(source, limits=limits)

    return hear


@pytest.fixture(scope="session")
def bare(kitchen: Kitchen) -> bytes:
    """An MP3 without a tag."""
    words = ("-id3v2_version", "0", "-write_xing", "0")
    return kitchen.make("bare.mp3", *TONE, *MP3, *words).read_bytes()


@pytest.fixture(scope="session")
def wave(kitchen: Kitchen) -> bytes:
    """A WAV of two seconds of 44.1 kHz, 16-bit mono, with nothing behind its samples."""
    return kitchen.make("plain.wav", *TONE).read_bytes()


def sound_of(info: MediaInfo) -> AudioInfo:
    assert info.audio is not None
    return info.audio


def tag(size: int, flags: int = 0) -> bytes:
    """An ID3v2 tag with `size` bytes of padding."""
    coded = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0" + bytes([flags]) + coded + bytes(size)


@pytest.mark.parametrize(
    ("name", "words", "container", "codec"),
    [
        ("a.mp3", MP3, "mp3", "mp3"),
        ("a.wav", (), "wav", "pcm_s16le"),
        ("f32.wav", ("-c:a", "pcm_f32le", "-ar", "192000"), "wav", "pcm_f32le"),
        ("a.flac", (), "flac", "flac"),
        ("a.ogg", ("-c:a", "libvorbis"), "ogg", "vorbis"),
        ("a.opus", ("-c:a", "libopus", "-ar", "48000"), "ogg", "opus"),
        ("a.m4a", ("-c:a", "aac"), "mov", "aac"),
        ("alac.m4a", ("-c:a", "alac"), "mov", "alac"),
        ("a.mka", ("-c:a", "aac"), "matroska", "aac"),
    ],
)
def test_music_comes_in(
    name: str, words: tuple[str, ...], container: str, codec: str, kitchen: Kitchen, hear: Hear
) -> None:
    info = hear(kitchen.make(f"in_{name}", *TONE, *words))
    assert (info.container, info.video, info.streams, info.notes) == (container, None, 1, ())
    audio = sound_of(info)
    assert (audio.codec, audio.layout) == (codec, "mono")
    assert audio.seconds == info.seconds == pytest.approx(2, abs=0.03)


def test_of_a_film_the_sound_alone_counts(kitchen: Kitchen, hear: Hear) -> None:
    info = hear(kitchen.plain())
    assert (info.container, info.video, sound_of(info).stream) == ("mov", None, 1)
    assert info.notes == ("its pictures are not used",)


@pytest.mark.parametrize("suffix", ["mp3", "m4a"])
def test_a_cover_is_no_picture_and_stays_closed(
    suffix: str, kitchen: Kitchen, hear: Hear, limits: MediaLimits, tmp_path: Path
) -> None:
    words = MP3 if suffix == "mp3" else STEREO
    cover = ("-map", "0:a", "-map", "1:v", "-c:v", "png", "-disposition:v", "attached_pic")
    path = kitchen.make(f"cover.{suffix}", *TONE, *COVER, *words, *cover, "-frames:v", "1")
    info = hear(path)
    assert (info.streams, info.video, info.notes) == (2, None, ())
    # Its picture bomb is no matter either: nothing opens it.
    data = path.read_bytes()
    at = data.index(b"IHDR") + 4
    bomb = tmp_path / path.name
    bomb.write_bytes(data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :])
    assert hear(bomb).audio == info.audio
    if suffix == "m4a":
        with pytest.raises(MediaRefused, match="has no picture"):
            inspect_media(path, Store(tmp_path / "store"), limits)


def test_clips_keep_their_own_rules(
    kitchen: Kitchen, wave: bytes, limits: MediaLimits, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    film = kitchen.plain()
    heard = inspect_music(film, store, limits)
    seen = inspect_media(film, store, limits)
    assert heard.digest == seen.digest
    assert seen.info.video is not None
    assert heard.info.video is None
    assert inspect_music(film, store, limits) == heard
    path = tmp_path / "a.wav"
    path.write_bytes(wave)
    assert inspect_music(path, store, limits).info.container == "wav"
    with pytest.raises(MediaRefused, match="is a RIFF file"):
        inspect_media(path, store, limits)
    assert limits.containers == ("mov", "matroska")
    assert music_limits(limits).max_seconds == 10 * limits.max_seconds


def test_known_music_is_not_probed_again(
    wave: bytes, limits: MediaLimits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wave)
    store = Store(tmp_path / "store")
    first = inspect_music(path, store, limits)
    monkeypatch.setattr(room, "_CHILD", tmp_path / "gone.py")
    assert inspect_music(path, store, limits) == first
    path.write_bytes(wave + b"\0\0")
    with pytest.raises(MediaRefused):
        inspect_music(path, store, limits)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_texts_are_refused_and_reach_nothing(
    name: str, suffix: str, hear: Hear, canaries: Canaries
) -> None:
    path = canaries.folder / f"{name}.{suffix}"
    path.write_text(TEXTS[name].format(fifo=canaries.fifo, url=canaries.url))
    with pytest.raises(MediaRefused, match="export the music as") as caught:
        hear(path)
    assert caught.value.facts["reason"] == "container"
    assert canaries.silent()


@pytest.mark.parametrize("name", ["hls_local", "hls_remote", "ffconcat"])
@pytest.mark.parametrize(
    "head", [b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS\0", tag(0), b"\x1a\x45\xdf\xa3\x80"]
)
def test_texts_with_the_head_of_music_reach_nothing(
    name: str, head: bytes, hear: Hear, canaries: Canaries
) -> None:
    path = canaries.folder / "both.mp3"
    text = TEXTS[name].format(fifo=canaries.fifo, url=canaries.url)
    path.write_bytes(head + b"\n" + text.encode())
    with pytest.raises(MediaError):
        hear(path)
    assert canaries.silent()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"I", "no music that is known here"),
        (b"RIFF\0\0\0\0AVI LIST", "no WAV"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "no WAV"),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(99), "Windows Media"),
        (b"\xff\xf1\x50\x80" * 99, "bare AAC"),
        (b"MThd\0\0\0\6", "holds notes"),
        (tag(300), "without music"),
        (tag(0) + b"\0" * 100, "without music"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "still image"),
        (b"\xff\xfb\x90\x00" * 3, "no music that is known here"),
    ],
)
def test_what_is_no_music_is_named(data: bytes, words: str, hear: Hear, tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    with pytest.raises(MediaRefused, match=words) as caught:
        hear(path)
    assert caught.value.facts["reason"] == "container"


@pytest.mark.parametrize(
    ("front", "good"),
    [
        (b"", True),
        (tag(4000), True),
        (tag(10) + tag(20), True),
        (tag(20, 0x10) + b"3DI\4\0\x10\0\0\0\x14", True),
        (tag(20) + bytes(1000), True),
        (b"garbage in front " * 40, False),
        (tag(20) + b"garbage behind it", False),
        (tag(20) + bytes(70_000), False),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7f", False),
    ],
)
def test_an_mp3_begins_behind_tags_and_zeros_alone(
    front: bytes, good: bool, bare: bytes, hear: Hear, tmp_path: Path
) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(front + bare)
    if good:
        info = hear(path)
        assert (info.container, sound_of(info).codec) == ("mp3", "mp3")
        assert info.seconds == pytest.approx(2, abs=0.1)
    else:
        with pytest.raises(MediaRefused) as caught:
            hear(path)
        assert caught.value.facts["reason"] == "container"


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, ""),
        (0xFFFFFFFF, ""),
        (0x7FFFFFFF, ""),
        (86_400 * 88_200 % (1 << 31), "truncated"),
        (4_000_000, "truncated"),
        (88_200, ""),
    ],
)
def test_a_wav_that_lies_about_its_size(
    size: int, reason: str, wave: bytes, hear: Hear, tmp_path: Path
) -> None:
    at = wave.index(b"data") + 4
    path = tmp_path / "x.wav"
    path.write_bytes(wave[:at] + struct.pack("<I", size) + wave[at + 4 :])
    if reason:
        with pytest.raises(MediaDamaged, match="breaks off") as caught:
            hear(path)
        assert caught.value.facts["reason"] == reason
    else:
        assert hear(path).seconds == (1 if size == 88_200 else 2)


def test_a_wav_of_more_than_four_gigabytes_says_so_otherwise(
    kitchen: Kitchen, hear: Hear, tmp_path: Path
) -> None:
    path = kitchen.make("rf64.wav", *TONE, "-rf64", "always")
    assert hear(path).seconds == 2
    data = path.read_bytes()
    at = data.index(b"ds64") + 16
    broken = tmp_path / "x.wav"
    broken.write_bytes(data[:at] + struct.pack("<Q", 1 << 40) + data[at + 8 :])
    with pytest.raises(MediaDamaged, match="breaks off"):
        hear(broken)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a"])
def test_music_that_breaks_off(share: float, suffix: str, kitchen: Kitchen, hear: Hear) -> None:
    whole = kitchen.make(f"whole.{suffix}", *TONE)
    with pytest.raises(MediaDamaged):
        hear(kitchen.cut_off(whole, share))


def test_a_declared_day(kitchen: Kitchen, hear: Hear) -> None:
    """A day in the header of a FLAC is damage; a day between two packets is too long."""
    data = bytearray(kitchen.make("day.flac", *TONE).read_bytes())
    told = int.from_bytes(data[18:26])
    data[18:26] = ((told >> 36 << 36) | 86_400 * 44_100).to_bytes(8)
    with pytest.raises(MediaDamaged, match=r"declares 86400\.00 s and holds 2\.00 s"):
        hear(kitchen.write("day.flac", bytes(data)))
    late = ("-bsf:a", "setts=ts='if(gt(N,20),PTS+86400*44100,PTS)'")
    path = kitchen.make("day.mka", *TONE, "-c:a", "flac", *late)
    with pytest.raises(MediaRefused, match="lasts more than 6000 s") as caught:
        hear(path)
    assert caught.value.facts["reason"] == "max_seconds"


def test_sound_without_end_is_not_read_to_it(
    wave: bytes, tmp_path: Path, limits: MediaLimits
) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wave)
    short = limits.model_copy(update={"max_seconds": Fraction(1, 10)})
    with open_source(path, limits=short) as source, pytest.raises(MediaRefused) as caught:
        probe_music(source, limits=short)
    assert caught.value.facts["reason"] == "max_seconds"
    assert 1 < caught.value.facts["value"] < Fraction(3, 2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-ar", "384000"), "sample_rate"),
        (("-ar", "7000"), "sample_rate"),
        (("-c:a", "pcm_mulaw"), "audio_codec"),
        (("-af", "atrim=end=0.05"), "min_seconds"),
        (("-filter_complex", "[0:a]aevalsrc=0:c=9c:d=1[x]"), "max_channels"),
    ],
    ids=["384 kHz", "7 kHz", "telephone", "a blink", "nine channels"],
)
def test_sound_beyond_the_limits(
    words: tuple[str, ...], reason: str, kitchen: Kitchen, hear: Hear
) -> None:
    source: tuple[str, ...] = TONE
    if reason == "max_channels":
        nine = "|".join(["sin(440*t)"] * 9)
        source, words = ("-f", "lavfi", "-i", f"aevalsrc={nine}:d=1"), ()
    with pytest.raises(MediaRefused) as caught:
        hear(kitchen.make("beyond.wav", *source, *words))
    assert caught.value.facts["reason"] == reason


def test_a_film_without_sound_and_one_under_lock(kitchen: Kitchen, hear: Hear) -> None:
    with pytest.raises(MediaRefused, match=r"has no sound, only video; name a file of music"):
        hear(kitchen.silent())
    lock = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76" * 16)
    path = kitchen.make("lock.m4a", *TONE, "-c:a", "aac", *lock, "-encryption_kid", "a7" * 16)
    with pytest.raises(MediaRefused, match="is encrypted"):
        hear(path)


def test_a_picture_of_no_accepted_kind_does_not_matter(kitchen: Kitchen, hear: Hear) -> None:
    path = kitchen.make("v.mkv", *PICTURE, *TONE, "-c:v", "ffvhuff", "-c:a", "flac")
    assert hear(path).video is None
    both = kitchen.make(
        "v.mp4", *PICTURE, *TONE, *TONE, *X264, "-map", "0", "-map", "1", "-map", "2"
    )
    assert hear(both).notes == (
        "its pictures are not used",
        "it has 2 sound streams; the first is used",
    )


def test_a_child_that_lies_is_refused(
    wave: bytes, hear: Hear, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, liar = tmp_path / "x.wav", tmp_path / "liar.py"
    path.write_bytes(wave)
    stream = '{"index":0,"type":"audio","codec":"flac","tick":[1,1],"seconds":[0,1],"frames":0}'
    for answer, reason in (
        ("{}", "no_sound"),
        (f'{{"audio":0,"streams":[{stream}]}}', "probe"),
        (f'{{"audio":0,"streams":[{stream}],"heard":{{"partial":0,"sound":null}}}}', "no_sound"),
        ('{"heard":{}}', "probe_answer"),
    ):
        liar.write_text(f"print({answer!r})")
        monkeypatch.setattr(room, "_CHILD", liar)
        with pytest.raises(MediaRefused) as caught:
            hear(path)
        assert caught.value.facts["reason"] == reason


def test_a_probe_of_music_can_be_cancelled(
    wave: bytes, limits: MediaLimits, tmp_path: Path
) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wave)
    cancel = threading.Event()
    cancel.set()
    with open_source(path, limits=limits) as source, pytest.raises(Cancelled):
        probe_music(source, limits=limits, cancel=cancel)
