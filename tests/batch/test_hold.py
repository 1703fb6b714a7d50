"""One run at a time in a folder: the lock goes with its process and says who has it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainer.batch.hold import LOCK_NAME, hold
from chainer.errors import InputError, OutputError, StoreError


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds `folder`."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.batch.ledger_actors", "hold", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "out"
    with holding(folder) as process:
        with pytest.raises(InputError) as caught, hold(folder, "second"):
            raise AssertionError("two hold it")
        error = caught.value
        assert (error.code, error.exit_status) == ("held", 2)
        assert error.facts["pid"] == process.pid
        assert error.facts["host"] == socket.gethostname()
        assert error.facts["command"] == "chainer batch first.yaml -o out"
        assert error.facts["since"].endswith("Z")
        for words in (str(process.pid), socket.gethostname(), error.facts["since"], "first.yaml"):
            assert words in error.message
        # Asking has not taken it away from the one that has it.
        assert json.loads((folder / LOCK_NAME).read_text())["pid"] == process.pid
        assert process.stdin is not None
        process.stdin.write("end\n")
        process.stdin.flush()
        assert process.wait(30) == 0
        with hold(folder, "second"):
            assert json.loads((folder / LOCK_NAME).read_text())["pid"] == os.getpid()


def test_what_a_dead_process_left_is_taken(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert json.loads((tmp_path / LOCK_NAME).read_text())["pid"] == process.pid
        with hold(tmp_path, "next"):
            told = json.loads((tmp_path / LOCK_NAME).read_text())
            assert (told["pid"], told["command"]) == (os.getpid(), "next")


def test_one_process_holds_it_once_and_lets_go(tmp_path: Path) -> None:
    with hold(tmp_path, "one"):
        with pytest.raises(InputError, match=r"held by process .* \(one\)"), hold(tmp_path, "two"):
            raise AssertionError("two hold it")
        with hold(tmp_path / "other", "three"):
            pass
    assert (tmp_path / LOCK_NAME).read_bytes() == b""
    with pytest.raises(ZeroDivisionError), hold(tmp_path, "fails"):
        _ = 1 // 0
    with hold(tmp_path, "again"):
        pass


def test_a_child_that_lives_on_does_not_hold_it(tmp_path: Path) -> None:
    with hold(tmp_path, "one"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with hold(tmp_path, "two"):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b"\xff\xfe", b'{"pid": 0}' + b" " * 70_000])
def test_a_holder_that_says_nothing_of_itself(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / LOCK_NAME
    path.write_bytes(left)
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is held by") as caught, hold(tmp_path, "two"):
            raise AssertionError("two hold it")
        assert caught.value.code == "held"
    assert path.read_bytes() == left


def test_the_dead_are_not_named_as_holders(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    path = tmp_path / LOCK_NAME
    told = {"pid": child.pid, "host": socket.gethostname(), "since": "then", "command": "dead"}
    path.write_text(json.dumps(told))
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="held by another process"), hold(tmp_path, "two"):
            raise AssertionError("two hold it")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OutputError, match="cannot lock files") as caught, hold(tmp_path, "one"):
        raise AssertionError("nobody holds it")
    assert (caught.value.code, caught.value.exit_status) == ("no-locks", 2)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(StoreError, match="disk is full") as caught, hold(tmp_path, "one"):
        raise AssertionError("nobody holds it")
    assert caught.value.code == "disk-full"
    monkeypatch.undo()
    with hold(tmp_path, "two"):
        pass


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / LOCK_NAME).symlink_to(tmp_path / "file")
    (tmp_path / "folder" / LOCK_NAME).mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "link", tmp_path / "folder", Path("/proc/none")):
        with pytest.raises(OutputError, match="-o"), hold(folder, "one"):
            raise AssertionError("nobody holds it")
    assert (tmp_path / "file").read_text() == "x"


def test_a_lock_file_that_is_replaced_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock, removed = tmp_path / LOCK_NAME, fcntl.flock, []

    def remove_first(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        if len(removed) < 2:
            path.unlink()
            removed.append(path)
            if len(removed) == 2:
                path.touch()

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with hold(tmp_path, "one"):
        assert json.loads(path.read_text())["command"] == "one"
        with pytest.raises(InputError, match="is held by"), hold(tmp_path, "two"):
            raise AssertionError("two hold it")
