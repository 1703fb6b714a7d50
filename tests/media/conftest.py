"""What the media tests share: the one FFmpeg, the limits, and a folder of generated clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from chainer.media.info import MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source

from .recipes import Kitchen

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def kitchen(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    """Makes each clip once, when it is first asked for."""
    return Kitchen(ffmpeg, tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def limits() -> MediaLimits:
    return MediaLimits()


@pytest.fixture(scope="session")
def look(limits: MediaLimits) -> Callable[[Path], MediaInfo]:
    """Open and probe one file, with the default limits."""

    def look(path: Path) -> MediaInfo:
        with open_source(path, limits=limits) as source:
            return probe(source, limits=limits)

    return look


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves a descriptor open."""
    opened = Path("/proc/self/fd")
    before = len(list(opened.iterdir())) if opened.is_dir() else None
    yield
    if before is not None:
        assert len(list(opened.iterdir())) <= before
