"""What extended slots cost, and how near pictures that are made come to filmed ones.

    python scripts/bench_extend.py [--quick] [--keep DIR] [-o DIR]

Fills slots from the clips in CHAINER_MEDIA (default ../shared/media) at the house size, every way
from 10 s to 15 s and two clips of 10 s to 18 s. Then leaves out every second picture of real
clips and makes it again, by several methods, to compare with what was filmed. Writes
DIR/extended.md (default docs/benchmark). --keep leaves the clips for looking at.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from chainer.media.child import metered  # noqa: E402
from chainer.media.limits import MediaLimits  # noqa: E402
from chainer.media.probe import probe  # noqa: E402
from chainer.media.source import open_source  # noqa: E402
from chainer.profile import HOUSE, Profile  # noqa: E402
from chainer.render.conform import conform  # noqa: E402
from chainer.render.encoder import FFmpeg, find_ffmpeg  # noqa: E402
from chainer.render.extend import extend, synthetic_share  # noqa: E402
from chainer.render.extend_cost import fill_cost  # noqa: E402
from chainer.render.run import Runner  # noqa: E402
from chainer.render.spec import (  # noqa: E402
    ConformPolicy,
    ConformSpec,
    ExtendSpec,
    FuseJoin,
    Way,
)
from chainer.store import Store  # noqa: E402
from chainer.timeline.fill import usual_overlap  # noqa: E402

LIMITS = MediaLimits()
SINGLE = ("dev/ovi_priest_10s.mp4", "dev/bbb_3_v.mp4", "dev/toy_crystal_25fps_mono.mp4")
PAIRS = (
    ("dev/ovi_priest_10s.mp4", "dev/ovi_green_couple_10s.mp4"),
    ("dev/asl_skull_1.mp4", "dev/asl_skull_2.mp4"),
)
TRUTH = (("dev/asl_skull_1.mp4", 1.0), ("dev/asl_yellow_1.mp4", 2.0), ("dev/toy_pig_v.mp4", 2.0))
_HALF = "scale=iw/2:ih/2:flags=area"
_UP = "scale=720:1280:flags=bicubic"
METHODS = {
    "motion at half the size, with detail (ours)": (
        f"[e]split[a][b];[a]{_HALF},minterpolate=fps=30:me_mode=bidir,{_UP}[lo];"
        f"[b]minterpolate=fps=30:mi_mode=blend,split[f][g];[g]{_HALF},{_UP}[h];"
        "[f][h]blend=all_mode=grainextract[d];[lo][d]blend=all_mode=grainmerge[o]"
    ),
    "motion at half the size": f"[e]{_HALF},minterpolate=fps=30:me_mode=bidir,{_UP}[o]",
    "motion at full size, bilateral": "[e]minterpolate=fps=30[o]",
    "motion at full size, both ways": "[e]minterpolate=fps=30:me_mode=bidir[o]",
    "blend": "[e]minterpolate=fps=30:mi_mode=blend[o]",
    "repeat": "[e]fps=30[o]",
}


@dataclass(frozen=True)
class Row:
    """One slot that was filled."""

    what: str
    seconds: str
    cpu: float
    expected: float
    wall: float
    synthetic: Fraction
    loudness: str


def clip_spec(path: Path, ffmpeg: FFmpeg, profile: Profile, frames: int | None) -> ConformSpec:
    """The first `frames` of a file (all of it for None), as a plan would have them."""
    with open_source(path, limits=LIMITS) as source:
        info = probe(source, limits=LIMITS)
        assert info.video is not None
        whole = int(info.video.seconds * profile.fps)
        return ConformSpec(
            media=source.digest,
            info=info,
            first=0,
            frames=whole if frames is None else min(frames, whole),
            profile=profile,
            policy=ConformPolicy(),
            build=ffmpeg.build,
        )


def filled(runner: Runner, spec: ExtendSpec, paths: Sequence[Path], folder: Path, what: str) -> Row:
    """Make one slot in `folder` and tell what it took."""
    folder.mkdir(parents=True)
    begun = time.monotonic()
    with ExitStack() as stack, metered() as meter:
        sources = [stack.enter_context(open_source(path, limits=LIMITS)) for path in paths]
        _, facts = extend(runner, spec, sources, LIMITS, folder)
    clip = spec.clips[0]
    video = clip.info.video
    assert video is not None
    overlap = spec.overlap if spec.way is Way.FUSE else 0
    expected = fill_cost(
        spec.way.value,
        spec.profile,
        wanted=spec.frames,
        own=clip.frames,
        then=spec.clips[1].frames if spec.way is Way.FUSE else 0,
        overlap=overlap,
        source=video.width * video.height / 1e6,
        morph=spec.join is FuseJoin.MORPH,
        between=float(synthetic_share(spec)) if spec.way is Way.STRETCH else None,
    )
    lengths = " + ".join(f"{float(one.frames / spec.profile.fps):.1f}" for one in spec.clips)
    return Row(
        what,
        f"{lengths} → {float(spec.frames / spec.profile.fps):.1f}",
        meter.cpu_seconds,
        expected,
        time.monotonic() - begun,
        Fraction(facts["synthetic"]),
        str(facts["sound"]["loudness"]),
    )


def slots(runner: Runner, media: Path, work: Path, *, quick: bool) -> list[Row]:
    """Every way over the real clips."""
    rows = []
    for name in SINGLE[: 1 if quick else None]:
        path = media / name
        spec = clip_spec(path, runner.ffmpeg, HOUSE, 300)
        begun = time.monotonic()
        folder = work / f"conform-{path.stem}"
        folder.mkdir(parents=True)
        with open_source(path, limits=LIMITS) as source, metered() as meter:
            _, facts = conform(runner, spec, source, LIMITS, folder)
        rows.append(
            Row(
                f"{path.stem}: conform alone",
                "10.0",
                meter.cpu_seconds,
                fill_cost("source", HOUSE, wanted=spec.frames, own=spec.frames),
                time.monotonic() - begun,
                Fraction(0),
                str(facts["sound"]["loudness"]),
            )
        )
        for way in (Way.HOLD, Way.STRETCH):
            made = ExtendSpec(way, (spec,), 450)
            folder = work / f"{way.value}-{path.stem}"
            rows.append(filled(runner, made, [path], folder, f"{path.stem}: {way.value}"))
    for one, other in PAIRS[: 1 if quick else None]:
        paths = [media / one, media / other]
        clips = tuple(clip_spec(path, runner.ffmpeg, HOUSE, 300) for path in paths)
        overlap = usual_overlap(HOUSE.fps)
        wanted = min(540, sum(clip.frames for clip in clips) - overlap)
        last = replace(clips[1], frames=wanted - clips[0].frames + overlap)
        for join in FuseJoin:
            made = ExtendSpec(Way.FUSE, (clips[0], last), wanted, overlap, join)
            what = f"{paths[0].stem} + {paths[1].stem}: fuse, {join.value}"
            folder = work / f"fuse-{join.value}-{paths[0].stem}"
            rows.append(filled(runner, made, paths, folder, what))
    return rows


def truth(ffmpeg: Path, media: Path) -> list[tuple[str, str, str, str, float]]:
    """(clip, method, PSNR, SSIM, CPU s for a million made pixels): made against filmed."""
    rows = []
    for name, start in TRUTH:
        for method, graph in METHODS.items():
            compare = (
                "[0:v]fps=30,split[t][s];[s]select='not(mod(n,2))',settb=1/30[e];"
                f"{graph};[t]trim=end_frame=42,select='mod(n,2)',setpts=N,settb=1/30[tt];"
                "[o]trim=end_frame=42,select='mod(n,2)',setpts=N,settb=1/30,split[p][q];"
                "[tt]split[u][v];[p][u]psnr[x];[q][v]ssim[y]"
            )
            argv = [str(ffmpeg), "-hide_banner", "-nostats", "-filter_complex_threads", "1"]
            argv += ["-benchmark", "-ss", str(start), "-t", "1.5", "-threads", "1"]
            argv += ["-i", str(media / name), "-an", "-filter_complex", compare]
            argv += ["-map", "[x]", "-f", "null", "-", "-map", "[y]", "-f", "null", "-"]
            text = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
            psnr = re.findall(r"PSNR y:([\d.]+|inf)", text)[-1]
            ssim = re.findall(r"SSIM Y:([\d.]+)", text)[-1]
            cpu = sum(map(float, re.findall(r"bench: utime=([\d.]+)s stime=([\d.]+)s", text)[-1]))
            rows.append((Path(name).stem, method, psnr, ssim, cpu / (21 * 0.9216)))
    return rows


def page(rows: Sequence[Row], made: Sequence[tuple[str, str, str, str, float]]) -> str:
    """The report."""
    lines = [
        "# Benchmark of extended slots",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores. Made with "
        "`python scripts/bench_extend.py`. Other jobs ran on the machine, so wall times mean "
        "little.",
        "",
        "## Filling a slot at 720x1280",
        "",
        "*Expected* is what `render.extend_cost` says before, *synthetic* the share of pictures "
        "that nobody filmed.",
        "",
        "| what | seconds | CPU s | expected | wall s | synthetic | LUFS |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.what} | {row.seconds} | {row.cpu:.1f} | {row.expected:.1f} | {row.wall:.1f} "
        f"| {float(row.synthetic):.0%} | {row.loudness} |"
        for row in rows
    ]
    lines += [
        "",
        "## Pictures that are made, against what was filmed",
        "",
        "Every second picture of a clip at 30 a second is left out and made again from the 15 that "
        "are left: harder than the 20 a second of the slowest slot. CPU s is the whole command, "
        "with decoding and comparing, for a million made pixels.",
        "",
        "| clip | method | PSNR dB | SSIM | CPU s |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {clip} | {method} | {float(psnr):.2f} | {float(ssim):.4f} | {cpu:.3f} |"
        for clip, method, psnr, ssim, cpu in made
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run it all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one clip and one pair")
    parser.add_argument("--keep", type=Path, help="leave what is made here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    media = Path(os.environ.get("CHAINER_MEDIA", ROOT.parent / "shared" / "media"))
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        work = (args.keep or Path(folder)).resolve()
        store = Store(Path(folder) / "store")
        runner = Runner(find_ffmpeg(None, store))
        rows = slots(runner, media, work, quick=args.quick)
        for row in rows:
            print(f"{row.what}: {row.cpu:.1f} CPU s", file=sys.stderr)
        made = truth(runner.ffmpeg.path, media)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "extended.md").write_text(page(rows, made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
