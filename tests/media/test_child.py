"""A child process under limits: it ends, is reaped, and takes nothing along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chainer.errors import Cancelled, ChainerError
from chainer.media import child
from chainer.media.child import STDERR_BYTES, ChildLimits, run_child

from .conftest import REPOSITORY

FREE = ChildLimits()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    """Is this process running? A zombie that nobody reaps counts as dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return not Path("/proc").is_dir()


def ends(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_result_says_how_it_ended() -> None:
    result = run_child(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), limits=FREE
    )
    assert (result.returncode, result.stdout, result.stderr) == (3, b"out\n", "err\n")
    assert not result.ok
    assert result.stopped == ""
    assert result.cpu_seconds > 0


def test_stdin_larger_than_a_pipe_goes_through() -> None:
    data = bytes(range(256)) * 8000
    assert run_child(["/bin/cat"], limits=FREE, stdin=data).stdout == data


def test_a_child_that_does_not_read_its_stdin_is_no_trouble() -> None:
    assert run_child(python("pass"), limits=FREE, stdin=b"x" * 4_000_000).ok


def test_lines_are_streamed_also_the_last_without_an_end() -> None:
    lines: list[str] = []
    code = r"import sys; sys.stdout.buffer.write(b'a=1\nb=\xff\r\n\nlast')"
    result = run_child(python(code), limits=FREE, on_line=lines.append)
    assert lines == ["a=1", "b=�", "", "last"]
    assert result.stdout == b""


def test_what_on_line_raises_stops_the_child() -> None:
    pids: list[int] = []

    def stop(line: str) -> None:
        pids.append(int(line))
        raise KeyError("enough")

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(KeyError, match="enough"):
        run_child(python(code), limits=FREE, on_line=stop)
    assert ends(pids[0])


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD_X", "HTTP_PROXY", "FFREPORT", "AV_LOG_FORCE_COLOR", "HOME"):
        monkeypatch.setenv(name, "here")
    result = run_child(["/usr/bin/env"], limits=FREE, env={"EXTRA": "1"})
    names = {line.split("=")[0] for line in result.stdout.decode().split()}
    assert names == {"LC_ALL", "PATH", "MALLOC_ARENA_MAX", "EXTRA"}


def test_only_the_descriptors_passed_are_there(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with (tmp_path / "kept").open() as kept, (tmp_path / "other").open("w") as other:
        os.set_inheritable(other.fileno(), True)
        code = f"import os; print(os.read({kept.fileno()}, 9)); os.fstat({other.fileno()})"
        result = run_child(python(code), limits=FREE, pass_fds=[kept.fileno()])
    assert result.stdout == b"b'kept'\n"
    assert "Bad file descriptor" in result.stderr


def test_the_wall_clock_stops_it() -> None:
    result = run_child(["/bin/sleep", "60"], limits=ChildLimits(wall_seconds=0.3))
    assert result.stopped == "timeout"
    assert not result.ok


def test_processor_time_stops_it() -> None:
    result = run_child(python("while True: pass"), limits=ChildLimits(cpu_seconds=1))
    assert result.stopped == "cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not limit memory")
def test_memory_stops_it() -> None:
    limits = ChildLimits(memory_bytes=200 << 20)
    assert run_child(python("x = bytearray(100 << 20)"), limits=limits).ok
    result = run_child(python("x = bytearray(300 << 20)"), limits=limits)
    assert result.stopped == "memory"


def test_a_file_that_grows_too_large_stops_it(tmp_path: Path) -> None:
    argv = ["/bin/dd", "if=/dev/zero", f"of={tmp_path / 'f'}", "bs=64k", "count=64"]
    assert run_child(argv, limits=ChildLimits(file_bytes=100_000)).stopped == "file_size"


def test_a_crash_is_called_one() -> None:
    result = run_child(python("import os; os.kill(os.getpid(), 11)"), limits=FREE)
    assert (result.stopped, result.returncode) == ("crash", -11)


def test_a_kill_that_was_not_ours_is_told() -> None:
    result = run_child(python("import os; os.kill(os.getpid(), 9)"), limits=FREE)
    assert result.stopped == "killed"


def test_stdout_without_end_stops_it() -> None:
    assert run_child(python("while True: print('x' * 9999)"), limits=FREE).stopped == "output"


def test_only_the_end_of_a_huge_stderr_is_kept() -> None:
    code = "import sys; sys.stderr.write('line\\n' * 2_000_000 + 'the end')"
    result = run_child(python(code), limits=FREE)
    assert result.ok
    assert len(result.stderr) == STDERR_BYTES
    assert result.stderr.endswith("line\nthe end")


def test_garbage_in_stderr_is_made_safe_to_show() -> None:
    code = r"import sys; sys.stderr.buffer.write(bytes(range(256)) + b'\x1b[2J\n')"
    text = run_child(python(code), limits=FREE).stderr
    assert all(letter.isprintable() or letter in "\n\t" for letter in text)
    assert "abc" in text


def test_cancel_stops_it_and_all_it_started() -> None:
    pids: list[int] = []
    event = threading.Event()

    def note(line: str) -> None:
        pids.append(int(line))
        if len(pids) == 2:
            event.set()

    code = (
        "import os, subprocess, sys, time;"
        "print(os.getpid(), flush=True);"
        "inner = subprocess.Popen(['/bin/sleep', '60']);"
        "print(inner.pid, flush=True); time.sleep(60)"
    )
    with pytest.raises(Cancelled):
        run_child(python(code), limits=FREE, on_line=note, cancel=event)
    assert len(pids) == 2
    assert all(ends(pid) for pid in pids)


def test_cancelled_before_it_starts_nothing_runs(tmp_path: Path) -> None:
    event = threading.Event()
    event.set()
    with pytest.raises(Cancelled):
        run_child(["/usr/bin/touch", str(tmp_path / "ran")], limits=FREE, cancel=event)
    assert not (tmp_path / "ran").exists()


def test_what_a_child_leaves_behind_does_not_hold_us_up() -> None:
    result = run_child(["/bin/sh", "-c", "sleep 60 & echo $!"], limits=FREE)
    assert result.ok
    assert ends(int(result.stdout))


def test_a_child_that_closes_its_pipes_is_still_waited_for() -> None:
    result = run_child(
        python("import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"),
        limits=FREE,
    )
    assert result.returncode == 7


def test_many_threads_at_once() -> None:
    def one(number: int) -> bytes:
        code = f"import time; time.sleep(0.1); print({number})"
        return run_child(python(code), limits=ChildLimits(wall_seconds=60)).stdout

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(24)))
    assert found == [f"{number}\n".encode() for number in range(24)]


def test_a_child_started_in_a_short_lived_thread_lives_to_its_end() -> None:
    found: list[bytes] = []
    code = "import time; time.sleep(0.3); print('whole')"
    thread = threading.Thread(
        target=lambda: found.append(run_child(python(code), limits=FREE).stdout)
    )
    thread.start()
    thread.join()
    assert found == [b"whole\n"]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no parent-death signal")
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_killed_parent_takes_its_child_along(in_thread: bool) -> None:
    inner = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    call = (
        f"run_child([sys.executable, '-c', {inner!r}], limits=ChildLimits(),"
        " on_line=lambda line: print(line, flush=True))"
    )
    code = "import sys, threading\nfrom chainer.media.child import ChildLimits, run_child\n" + (
        f"threading.Thread(target=lambda: {call}).start()" if in_thread else call
    )
    parent = subprocess.Popen(
        python(code), stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(REPOSITORY)}
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert ends(pid)


def test_a_launcher_whose_parent_is_gone_starts_nothing(tmp_path: Path) -> None:
    launcher = Path(child.__file__).with_name("launcher.py")
    argv = [sys.executable, "-I", "-S", str(launcher), "1", "-", "-", "-", "-"]
    done = subprocess.run([*argv, "/usr/bin/touch", str(tmp_path / "ran")], check=False)
    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


def test_ctrl_c_on_the_terminal_does_not_reach_it() -> None:
    code = "import os; print(os.getsid(0) == os.getpid())"
    assert run_child(python(code), limits=FREE).stdout == b"True\n"


def test_an_interrupt_of_ours_kills_it() -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        signal.raise_signal(signal.SIGINT)

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    # A shell starts what it runs in the background with SIGINT ignored, and Python keeps that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_child(python(code), limits=FREE, on_line=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ends(pids[0])


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ChainerError, match="/nowhere/ffmpeg"):
        run_child(["/nowhere/ffmpeg"], limits=FREE)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChainerError, match="nowhere"):
        run_child(["/bin/true"], limits=FREE, cwd=tmp_path / "nowhere")


@pytest.mark.parametrize("argv", [[], ["ffmpeg"], ["./ffmpeg"]])
def test_a_program_without_a_full_path_is_refused(argv: list[str]) -> None:
    with pytest.raises(ValueError, match="absolute"):
        run_child(argv, limits=FREE)


def test_words_of_any_bytes_arrive_as_they_are() -> None:
    word = os.fsdecode(b"a'\xff\n\xc3\xa9 %s")
    result = run_child(["/bin/echo", "-n", word], limits=FREE)
    assert result.stdout == os.fsencode(word)


@pytest.mark.usefixtures("no_leaks")
def test_nothing_stays_open() -> None:
    for _ in range(5):
        run_child(["/bin/true"], limits=FREE, stdin=b"x")
        run_child(["/bin/sleep", "9"], limits=ChildLimits(wall_seconds=0.05))
