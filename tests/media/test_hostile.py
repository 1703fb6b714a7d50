"""Files that are no films, or that reach for others: refused, and nothing else is touched.

Two canaries listen: a socket on the loopback, and a fifo that somebody would have to open.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chainer.errors import MediaDamaged, MediaError, MediaMissing, MediaRefused
from chainer.media.declared import read_declared
from chainer.media.info import MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source

from .recipes import Kitchen

Look = Callable[[Path], MediaInfo]


class Canaries:
    """Both sing when they are touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fifo = folder / "secret.mp4"
        os.mkfifo(self.fifo)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.3)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/seg.ts"
        self.opened = threading.Event()
        self.writer = threading.Thread(target=self._wait_for_a_reader)
        self.writer.start()

    def _wait_for_a_reader(self) -> None:
        os.close(os.open(self.fifo, os.O_WRONLY))  # blocks until somebody opens it to read
        self.opened.set()

    def silent(self) -> bool:
        try:
            self.listener.accept()
        except TimeoutError:
            return not self.opened.is_set()
        return False

    def close(self) -> None:
        reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.writer.join(10)
        os.close(reader)
        self.listener.close()


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    made = Canaries(tmp_path)
    yield made
    made.close()


TEXTS = {
    "hls_local": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{fifo}\n#EXT-X-ENDLIST\n",
    "hls_remote": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "hls_map": '#EXTM3U\n#EXT-X-MAP:URI="{fifo}"\n#EXTINF:1,\n{url}\n',
    "hls_blank": "\n\n \ufeff#EXTM3U\n#EXTINF:1,\n{fifo}\n",
    "ffconcat": "ffconcat version 1.0\nfile 'secret.mp4'\n",
    "concat": "file 'secret.mp4'\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    "dash": "<?xml version='1.0'?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>",
    "svg": "<svg xmlns='http://www.w3.org/2000/svg'><image href='{fifo}'/></svg>",
    "html": "<!DOCTYPE html><html><body><img src='{url}'></body></html>",
    "text": "There is no film here, only these words, which are long enough to be probed.\n",
    "avisynth": 'DirectShowSource("{fifo}")\n',
    "one_byte": "x",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("suffix", ["mp4", "m3u8"])
def test_texts_are_refused_and_reach_nothing(
    name: str, suffix: str, look: Look, canaries: Canaries
) -> None:
    path = canaries.folder / f"{name}.{suffix}"
    path.write_text(TEXTS[name].format(fifo=canaries.fifo, url=canaries.url))
    with pytest.raises(MediaRefused) as caught:
        look(path)
    assert caught.value.facts["reason"] == "container"
    assert canaries.silent()


@pytest.mark.parametrize("name", ["hls_local", "hls_remote", "ffconcat", "concat", "dash"])
@pytest.mark.parametrize("head", [b"\0\0\0\x14ftypisom\0\0\0\0isom", b"\x1a\x45\xdf\xa3\x80"])
def test_texts_with_the_head_of_a_film_reach_nothing(
    name: str, head: bytes, look: Look, canaries: Canaries
) -> None:
    path = canaries.folder / "both.mp4"
    text = TEXTS[name].format(fifo=canaries.fifo, url=canaries.url)
    path.write_bytes(head + b"\n" + text.encode())
    with pytest.raises(MediaDamaged):
        look(path)
    assert canaries.silent()


def test_samples_in_another_file_are_refused_by_our_own_reader(kitchen: Kitchen) -> None:
    with kitchen.external().open("rb") as film:
        assert read_declared(film.fileno()).external == 2
    with kitchen.plain().open("rb") as film:
        declared = read_declared(film.fileno())
    assert (declared.external, declared.tracks, declared.sizes) == (0, 2, [(64, 48)])


@pytest.mark.parametrize("size", [0, 1, 7, 8, 0xFFFFFFFF])
def test_our_own_reader_of_boxes_always_ends(size: int, tmp_path: Path, kitchen: Kitchen) -> None:
    data = kitchen.fast_start().read_bytes()
    for kind in (b"moov", b"trak", b"stsd", b"dref", b"mvhd"):
        at = data.index(kind) - 4
        path = tmp_path / "changed.mp4"
        path.write_bytes(data[:at] + size.to_bytes(4) + data[at + 4 :])
        with path.open("rb") as film:
            read_declared(film.fileno())
    path.write_bytes(b"\0\0\0\x08free" * 100_000)
    with path.open("rb") as film:
        assert read_declared(film.fileno()).tracks == 0
    nested = b"".join((8 * (1000 - depth)).to_bytes(4) + b"moov" for depth in range(1000))
    path.write_bytes(nested)
    with path.open("rb") as film:
        assert read_declared(film.fileno()).tracks == 0


def test_what_is_no_file(look: Look, tmp_path: Path, kitchen: Kitchen) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "directory.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(kitchen.plain())
    (tmp_path / "empty.mp4").touch()
    for name in ("fifo.mp4", "directory.mp4", "link.mp4", "empty.mp4"):
        with pytest.raises(MediaRefused):
            look(tmp_path / name)
    with pytest.raises(MediaMissing):
        look(tmp_path / "missing.mp4")


@pytest.mark.parametrize(
    "name",
    [
        *("-i.mp4", "%03d.mp4", "a'b\"c.mp4", "$(id) `id`.mp4", "file:evil.mp4"),
        *("concat:a.mp4|b.mp4", "new\nline.mp4", "http:x.mp4", "back\\slash.mp4", "b\udcff.mp4"),
    ],
)
def test_names_mean_nothing(name: str, look: Look, tmp_path: Path, kitchen: Kitchen) -> None:
    shutil.copy(kitchen.plain(), tmp_path / name)
    assert look(tmp_path / name).video is not None


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("make", ["longer", "fast_start", "fragmented", "matroska"])
def test_a_film_that_breaks_off(share: float, make: str, look: Look, kitchen: Kitchen) -> None:
    film = kitchen.cut_off(getattr(kitchen, make)(), share)
    with pytest.raises(MediaDamaged):
        look(film)


def test_a_film_without_its_index(look: Look, kitchen: Kitchen) -> None:
    data = kitchen.longer().read_bytes()
    with pytest.raises(MediaDamaged, match="moov"):
        look(kitchen.write("no_moov.mp4", data[: data.rindex(b"moov") - 4]))


def test_an_index_without_its_film(look: Look, kitchen: Kitchen) -> None:
    data = kitchen.fast_start().read_bytes()
    with pytest.raises(MediaDamaged):
        look(kitchen.write("no_mdat.mp4", data[: data.index(b"mdat") - 4]))


def test_changed_bytes_in_the_header_never_crash_or_hang_us(look: Look, kitchen: Kitchen) -> None:
    """Every fifth byte of the index turned, one file for each of twenty places."""
    data = kitchen.fast_start().read_bytes()
    begin, end = data.index(b"moov"), data.index(b"mdat")
    for number in range(20):
        at = begin + (end - begin) * number // 20
        broken = bytearray(data)
        for byte in range(at, at + 25, 5):
            broken[byte] ^= 0xA5
        reason = ""
        try:
            look(kitchen.write("header.mp4", bytes(broken)))
        except MediaError as error:
            reason = error.facts["reason"]
        assert reason not in {"probe_failed", "probe_answer", "probe_crash"}


def test_a_child_that_lies_is_refused(
    kitchen: Kitchen, limits: MediaLimits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from chainer.media import probe as room

    for answer, reason in (
        ("print('{}')", "no_picture"),
        ("print('[1, 2]')", "probe_answer"),
        ("print('{\"streams\": [{}]}')", "probe_answer"),
        ("raise SystemExit(3)", "probe_failed"),
        ("import os; os.abort()", "probe_crash"),
        ("x = bytearray(2_000_000_000)", "probe_memory"),
        ("while True: print('x' * 9999)", "probe_output"),
    ):
        liar = tmp_path / "liar.py"
        liar.write_text(answer)
        monkeypatch.setattr(room, "_CHILD", liar)
        film = kitchen.plain()
        with open_source(film, limits=limits) as source, pytest.raises(MediaRefused) as caught:
            room.probe(source, limits=limits)
        assert caught.value.facts["reason"] == reason
