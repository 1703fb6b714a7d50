"""Opening a media file: only regular files, and always the same one."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from pathlib import Path

import pytest

from chainer.errors import MediaError, MediaMissing, MediaRefused
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source

LIMITS = MediaLimits(max_bytes=1000)


def reason(path: Path, *, follow: bool = False) -> str:
    with pytest.raises(MediaRefused) as caught, open_source(path, limits=LIMITS, follow=follow):
        pass
    assert caught.value.facts["path"] == str(path)
    assert str(path) in str(caught.value)
    return str(caught.value.facts["reason"])


def test_size_and_digest_are_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    with open_source(tmp_path / "a", limits=LIMITS) as source:
        assert source.size == 5
        assert source.digest == hashlib.sha256(b"bytes").hexdigest()
        assert os.read(source.fd, 9) == b"bytes", "hashing leaves the offset alone"


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path / "no" / "no"):
        with pytest.raises(MediaMissing), open_source(path, limits=LIMITS):
            pass


def test_a_directory_a_fifo_a_socket_and_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket.mp4"))
        for path in (tmp_path, tmp_path / "fifo.mp4", tmp_path / "socket.mp4", Path("/dev/zero")):
            assert reason(path) == "kind"


def test_a_link_only_for_who_resolved_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nothing")
    assert reason(tmp_path / "link") == "kind"
    assert reason(tmp_path / "loop") == "kind"
    assert reason(tmp_path / "gone") == "kind"
    with open_source(tmp_path / "link", limits=LIMITS, follow=True) as source:
        assert source.size == 5
    assert reason(tmp_path / "loop", follow=True) == "kind"
    with pytest.raises(MediaMissing), open_source(tmp_path / "gone", limits=LIMITS, follow=True):
        pass


def test_an_empty_file_and_one_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(1001))
    assert reason(tmp_path / "empty") == "empty"
    assert reason(tmp_path / "large") == "max_bytes"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal is played, because root, whom CI may be, may read everything."""
    (tmp_path / "a").write_bytes(b"bytes")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("chainer.media.source.os.open", refuse)
    closed = open_source(tmp_path / "a", limits=LIMITS)
    with pytest.raises(MediaError, match="cannot be read"), closed:
        pass


@pytest.mark.parametrize("name", ["a\0b", "x" * 400])
def test_a_name_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError), open_source(tmp_path / name, limits=LIMITS):
        pass


def test_a_swapped_name_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(b"other")
    with open_source(tmp_path / "a", limits=LIMITS) as source:
        (tmp_path / "b").replace(tmp_path / "a")
        with source.lend() as fd:
            assert os.read(fd, 9) == b"first"
        assert source.digest == hashlib.sha256(b"first").hexdigest()


def test_a_file_written_to_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first")
    with open_source(tmp_path / "a", limits=LIMITS) as source:
        (tmp_path / "a").write_bytes(b"longer than before")
        with pytest.raises(MediaRefused, match="changed"):
            _ = source.digest


def test_what_is_lent_has_its_own_offset(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    with open_source(tmp_path / "a", limits=LIMITS) as source:
        with source.lend() as one, source.lend() as two:
            assert os.read(one, 3) == b"byt"
            assert os.read(two, 3) == b"byt"
            assert os.read(source.fd, 3) == b"byt"
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(one)


@pytest.mark.usefixtures("no_leaks")
def test_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    (tmp_path / "empty").touch()
    for _ in range(5):
        with open_source(tmp_path / "a", limits=LIMITS) as source, source.lend():
            pass
        assert reason(tmp_path / "empty") == "empty"
