"""What one look costs in processor seconds: the child with its start and imports, and ourselves."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from bench.outcome import Goal, Outcome

from bench_quality.workbench import LIMITS, Workbench
from chainer.media.inspect import inspect_media
from chainer.quality.survey import survey
from chainer.store import Store

NAMES = (
    "bbb_3_v.mp4",
    "ovi_priest_10s.mp4",
    "ovi_green_couple_10s.mp4",
    "toy_crystal_25fps_mono.mp4",
)
_TIMES = 5


def cost(bench: Workbench) -> Outcome:
    """Each 10 s clip five times, the least of them: others share the machine."""
    import chainer.quality.measure  # noqa: F401  numpy is loaded once in a process

    paths = [bench.media / "dev" / name for name in NAMES]
    paths.append(_landscape(bench))
    outcome = Outcome("cost", "Processor seconds for one look at 10 s")
    for path in paths:
        children, ours = [], []
        for _ in range(_TIMES):
            with tempfile.TemporaryDirectory() as folder:
                store = Store(Path(folder))
                media = inspect_media(path, store, LIMITS)
                before = _used(resource.RUSAGE_CHILDREN), _used(resource.RUSAGE_SELF)
                survey(media, store, LIMITS)
                children.append(_used(resource.RUSAGE_CHILDREN) - before[0])
                ours.append(_used(resource.RUSAGE_SELF) - before[1])
        video = media.info.video
        least = min(a + b for a, b in zip(children, ours, strict=True))
        outcome.rows.append(
            {
                "clip": path.name,
                "size": f"{video.width}x{video.height}",
                "frames": video.frames,
                "kbit/s": round(8 * media.info.bytes / float(media.info.seconds) / 1000),
                "child": round(min(children), 3),
                "parent": round(min(ours), 3),
                "least": round(least, 3),
                "median": round(median(a + b for a, b in zip(children, ours, strict=True)), 3),
            }
        )
        if {video.width, video.height} == {720, 1280}:
            outcome.goals.append(Goal(f"one look at {path.name}, CPU", least, 0.6, " s"))
    return outcome


def _landscape(bench: Workbench) -> Path:
    """10 s of 1280x720 as the authors of clips upload them."""
    target = bench.folder / "bbb_land_1280x720.mp4"
    if not target.exists():
        source = bench.media / "dev" / "bbb_2_vp9.webm"
        argv = [str(bench.ffmpeg), "-y", "-v", "error", "-i", str(source), "-t", "10"]
        argv += ["-vf", "scale=1280:720,fps=30", "-c:v", "libx264", "-crf", "21", "-pix_fmt"]
        argv += ["yuv420p", "-c:a", "aac", str(target)]
        subprocess.run(argv, check=True, capture_output=True)
    return target


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
