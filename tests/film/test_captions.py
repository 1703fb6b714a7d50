"""`captions.vtt`: whatever is said, a player reads back just that."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from html import unescape
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.episode.captions import captions_vtt
from chainer.timeline.captions import Caption
from chainer.timeline.pages import plain

from .coded import FFMPEG

steady = settings(derandomize=True, deadline=None)


def caption(start: object, end: object, *lines: str, speakers: tuple[str, ...] = ()) -> Caption:
    return Caption(Fraction(str(start)), Fraction(str(end)), lines, speakers)


def test_the_file() -> None:
    told = [
        caption("1/3", 2, "Is anyone there?", speakers=("Mei",)),
        caption(
            "3600.5", 3602, "\u2013 A & B --> <i>C</i>", "\u2013 No.", speakers=("", "Bo >> x")
        ),
    ]
    assert captions_vtt(told, "zh-Hans") == (
        "WEBVTT\n\nNOTE Language: zh-Hans\n"
        "\n1\n00:00:00.333 --> 00:00:02.000\n<v Mei>Is anyone there?</v>\n"
        "\n2\n01:00:00.500 --> 01:00:02.000\n"
        "\u2013 A &amp; B --&gt; &lt;i&gt;C&lt;/i&gt;\n"
        "<v Bo &gt;&gt; x>\u2013 No.</v>\n"
    )


def test_nothing_said_is_still_a_file() -> None:
    assert captions_vtt([]) == "WEBVTT\n"


def test_what_lasts_no_millisecond_is_left_out() -> None:
    told = [caption("1.0001", "1.0002", "x"), caption(2, 3, "y")]
    assert captions_vtt(told) == "WEBVTT\n\n1\n00:00:02.000 --> 00:00:03.000\ny\n"


@steady
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=3), st.text(max_size=20))
def test_no_text_breaks_out_of_its_cue(lines: list[str], speaker: str) -> None:
    kept = [plain(line) for line in lines if plain(line)]
    text = captions_vtt([caption(1, 2, *lines, speakers=(speaker,) * len(lines))])
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) <= set(
        "\n\u200c\u200d\u200e\u200f\u061c"
    )
    head, cue = text.split("\n\n")
    assert head == "WEBVTT"
    number, times, *rows = cue.split("\n")[:-1]
    assert (number, times) == ("1", "00:00:01.000 --> 00:00:02.000")
    assert [unescape(re.sub(r"</?v[^<>]*>", "", row)) for row in rows] == kept
    assert text.count("-->") == 1


def test_ffmpeg_reads_the_same_words(tmp_path: Path) -> None:
    told = [
        caption("0.5", 2, "A & B <i>x</i> -->", speakers=("Mei",)),
        caption(2, 3, "\u2013 \u6f6e\u6c34", "\u2013 \u0645\u0631\u062d\u0628\u0627"),
    ]
    path = tmp_path / "captions.vtt"
    path.write_text(captions_vtt(told, "en"), encoding="utf-8")
    argv = [FFMPEG, "-v", "error", "-i", str(path), "-c:s", "text", "-f", "srt", "-"]
    done = subprocess.run(argv, capture_output=True, check=True)
    blocks = [block.split("\n") for block in done.stdout.decode().strip().split("\n\n")]
    assert [block[1] for block in blocks] == [
        "00:00:00,500 --> 00:00:02,000",
        "00:00:02,000 --> 00:00:03,000",
    ]
    assert "A & B" in blocks[0][2]
    assert blocks[1][2:] == list(told[1].lines)
