"""Clips made for the tests: tiny, each with one thing that is odd about it.

Every recipe is a method; its docstring says what the clip holds. Pictures are 64 x 48 at
10 a second and last one second, with stereo AAC at 48 kHz, unless said otherwise.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1")
SOUND = ("-f", "lavfi", "-i", "sine=440:r=48000:d=1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
STEREO = ("-c:a", "aac", "-ac", "2")


def once(recipe: Callable[..., Path]) -> Callable[..., Path]:
    """Cook it when it is first asked for, then serve what is there."""

    @wraps(recipe)
    def serve(kitchen: Kitchen, *words: Any, **more: Any) -> Path:
        key = (recipe.__name__, words, tuple(more.items()))
        if key not in kitchen.made:
            kitchen.made[key] = recipe(kitchen, *words, **more)
        return kitchen.made[key]

    return serve


class Kitchen:
    """Makes clips in one folder, each once."""

    def __init__(self, ffmpeg: Path, folder: Path) -> None:
        self.ffmpeg = ffmpeg
        self.folder = folder
        self.made: dict[tuple[Any, ...], Path] = {}

    def make(self, name: str, *words: str | Path) -> Path:
        """Run FFmpeg with `words` and the path of `name` as its output."""
        target = self.folder / name
        argv = [str(self.ffmpeg), "-y", "-v", "error", "-nostdin", "-threads", "1"]
        subprocess.run([*argv, *map(str, words), str(target)], check=True, capture_output=True)
        return target

    def write(self, name: str, data: bytes) -> Path:
        """A file with just these bytes."""
        target = self.folder / name
        target.write_bytes(data)
        return target

    @once
    def plain(self) -> Path:
        """Nothing odd: H.264 and AAC in MP4."""
        return self.make("plain.mp4", *PICTURE, *SOUND, *X264, *STEREO)

    @once
    def longer(self) -> Path:
        """Four seconds with three closed groups of pictures and B-frames."""
        picture = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=4")
        sound = ("-f", "lavfi", "-i", "sine=440:r=48000:d=4")
        x264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", "14", "-bf", "2")
        return self.make("longer.mp4", *picture, *sound, *x264, *STEREO)

    @once
    def matroska(self) -> Path:
        """The packets of `longer` in Matroska."""
        return self.make("longer.mkv", "-i", self.longer(), "-c", "copy")

    @once
    def open_group(self) -> Path:
        """H.264 with open groups of pictures: B-frames that lean over a keyframe."""
        x264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3")
        opened = ("-x264-params", "open-gop=1:keyint=12:scenecut=0")
        return self.make("open.mp4", "-i", self.longer(), *x264, *opened, "-c:a", "copy")

    @once
    def cut(self) -> Path:
        """`open_group` cut at 1.5 s without encoding: hidden pictures and an edit list."""
        return self.make("cut.mp4", "-ss", "1.5", "-i", self.open_group(), "-c", "copy")

    @once
    def cut_matroska(self) -> Path:
        """The same cut in Matroska: pictures that lean on what is gone, and no edit list."""
        return self.make("cut.mkv", "-ss", "1.5", "-i", self.open_group(), "-c", "copy")

    @once
    def late_key(self) -> Path:
        """The first five pictures, with the only early keyframe, are missing."""
        drop = ("-copyinkf", "-bsf:v", "noise=drop='lt(n,5)'")
        return self.make("late.mp4", "-i", self.longer(), "-c", "copy", *drop)

    @once
    def fragmented(self) -> Path:
        """MP4 in fragments, as browsers and phones record it."""
        flags = ("-movflags", "frag_keyframe+empty_moov")
        return self.make("fragments.mp4", "-i", self.longer(), "-c", "copy", *flags)

    @once
    def fast_start(self) -> Path:
        """`longer` with its index in front."""
        flags = ("-movflags", "faststart")
        return self.make("fast.mp4", "-i", self.longer(), "-c", "copy", *flags)

    @once
    def sound_only(self) -> Path:
        """Sound without a picture."""
        return self.make("sound.mp4", *SOUND, *STEREO)

    @once
    def silent(self) -> Path:
        """A picture without sound."""
        return self.make("silent.mp4", *PICTURE, *X264)

    @once
    def still(self, kind: str) -> Path:
        """A still image, named as a film."""
        image = self.make(f"still.{kind}", *PICTURE, "-frames:v", "1", "-update", "1")
        return self.write(f"{kind}_named.mp4", image.read_bytes())

    @once
    def png_film(self) -> Path:
        """Moving pictures in PNG, in a MOV: a codec that is not accepted."""
        return self.make("png.mov", *PICTURE, "-c:v", "png")

    @once
    def blink(self) -> Path:
        """0.2 s: two pictures."""
        return self.make("blink.mp4", *PICTURE, *X264, "-frames:v", "2")

    @once
    def one_frame(self) -> Path:
        """One picture in an MP4."""
        return self.make("one.mp4", *PICTURE, *X264, "-frames:v", "1")

    @once
    def hour(self) -> Path:
        """An hour and ten seconds, one picture a second."""
        picture = ("-f", "lavfi", "-i", "color=s=32x32:r=1:d=3610")
        return self.make("hour.mp4", *picture, *X264)

    @once
    def jump(self) -> Path:
        """Ten pictures with a minute between each and the next."""
        return self.make("jump.mp4", "-itsscale", "600", "-i", self.silent(), "-c", "copy")

    @once
    def thousand(self) -> Path:
        """A thousand pictures a second."""
        picture = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=1000:d=0.5")
        return self.make("thousand.mp4", *picture, *X264)

    @once
    def bomb(self, *, header: bool) -> Path:
        """Motion JPEG whose pictures claim 16,000 x 16,000 pixels; with `header` the sample
        description says so too, else it says 64 x 48."""
        film = self.make("mjpeg.mov", *PICTURE, "-c:v", "mjpeg", "-huffman", "0")
        size, huge = (48).to_bytes(2) + (64).to_bytes(2), (16000).to_bytes(2) * 2
        data = film.read_bytes()
        assert b"\xff\xc0\x00\x11\x08" + size in data
        data = data.replace(b"\xff\xc0\x00\x11\x08" + size, b"\xff\xc0\x00\x11\x08" + huge)
        if header:
            at = data.index(b"stsd") + 4 + 8 + 8 + 24
            data = data[:at] + huge + data[at + 4 :]
        return self.write(f"bomb_{header}.mov", data)

    @once
    def uneven(self) -> Path:
        """A frame rate that varies."""
        pick = "select='not(mod(n,3))+not(mod(n,7))'"
        return self.make("vfr.mp4", *PICTURE, "-vf", pick, "-fps_mode", "vfr", *X264)

    @once
    def turned(self, degrees: int, flip: str = "") -> Path:
        """Stored turned, with a display matrix; `flip` is `h` or `v`."""
        words = ["-display_rotation", str(degrees)]
        words += [f"-display_{flip}flip"] if flip else []
        name = f"turned{degrees}{flip}.mp4"
        return self.make(name, *words, "-i", self.silent(), "-c", "copy")

    @once
    def interlaced(self, order: str) -> Path:
        """Interlaced H.264, `tff` or `bff`, 25 frames a second."""
        picture = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=50:d=1")
        scan = "interleave_top" if order == "tff" else "interleave_bottom"
        x264 = (*X264, "-flags", "+ilme+ildct", "-x264-params", f"{order}=1")
        return self.make(f"{order}.mp4", *picture, "-vf", f"tinterlace={scan}", *x264)

    @once
    def coded(self, name: str, *words: str) -> Path:
        """The plain picture and sound with other codecs, by the output's words."""
        return self.make(name, *PICTURE, *SOUND, *words)

    @once
    def hdr(self, transfer: str) -> Path:
        """Ten bits, tagged BT.2020 with the transfer `smpte2084` (PQ) or `arib-std-b67` (HLG)."""
        tags = f"color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
        ten = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
        return self.make(f"{transfer}.mp4", *PICTURE, "-vf", f"setparams={tags}", *ten)

    @once
    def surround(self) -> Path:
        """5.1 sound."""
        sound = ("-f", "lavfi", "-i", "anoisesrc=d=1:r=48000:a=0.1")
        six = ("-af", "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", "-c:a", "aac")
        return self.make("surround.mp4", *PICTURE, *sound, *X264, *six)

    @once
    def mono(self) -> Path:
        """Mono sound at 44.1 kHz that starts half a second late."""
        sound = ("-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=440:r=44100:d=1")
        return self.make("mono.mp4", *PICTURE, *sound, *X264, "-c:a", "aac", "-ac", "1")

    @once
    def external(self) -> Path:
        """An MP4 whose tracks say that their samples lie in file:///etc/passwd."""
        data = self.plain().read_bytes()
        here, name = b"\x00\x00\x00\x0curl \x00\x00\x00\x01", b"file:///etc/passwd\x00"
        count = data.count(here)
        assert count == 2
        there = (12 + len(name)).to_bytes(4) + b"url \x00\x00\x00\x00" + name
        grown = {b"dref": 1, b"dinf": 1, b"minf": 1, b"mdia": 1, b"trak": 1, b"moov": count}
        # The index of this film lies behind its samples, so that these do not move.
        for kind, times in grown.items():
            at = 0
            while (at := data.find(kind, at + 1)) > 0:
                size = int.from_bytes(data[at - 4 : at]) + times * len(name)
                data = data[: at - 4] + size.to_bytes(4) + data[at:]
                at += 4
        return self.write("external.mp4", data.replace(here, there))

    @once
    def tracks(self, count: int) -> Path:
        """The same picture `count` times."""
        maps = ("-map", "0:v") * count
        return self.make(f"tracks{count}.mp4", "-i", self.silent(), *maps, "-c", "copy")

    @once
    def encrypted(self) -> Path:
        """Common Encryption (cenc)."""
        keys = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00" * 16)
        words = (*keys, "-encryption_kid", "11" * 16)
        return self.make("cenc.mp4", "-i", self.plain(), "-c", "copy", *words)

    def cut_off(self, film: Path, share: float) -> Path:
        """The first `share` of the bytes of `film`."""
        data = film.read_bytes()
        name = f"{film.stem}_{share}{film.suffix}"
        return self.write(name, data[: int(len(data) * share)])

    def flipped(self, film: Path, every: int) -> Path:
        """`film` with one bit turned in every so many bytes of its samples (MP4)."""
        data = bytearray(film.read_bytes())
        begin = data.index(b"mdat") + 4
        size = int.from_bytes(data[begin - 8 : begin - 4]) - 8
        for at in range(begin + every // 2, begin + size, every):
            data[at] ^= 0x10
        return self.write(f"{film.stem}_flipped{every}.mp4", bytes(data))
