"""The benchmark of the joints: cut, crossfade, match and morph between real clips.

    python scripts/bench_joints.py [--only NAME...] [--tiles DIR] [-o DIR]

The last two seconds of one clip and the first two of another are joined in every way, rendered as
films are, decoded again, and the steps of the film around the joint are measured: how much the
worst of them stands out among those of the clips (`memory.match.discontinuity`, 1 is not at all).
Pairs are real continuations, clips that have nothing to do with each other, and clips cut in two
with frames lost or played twice, of which the truth is known. Media are those of CHAINER_MEDIA
(default ../shared/media). Writes DIR/joints-<date>.json and DIR/joints.md (default docs/benchmark);
with --tiles the pictures around each joint, to look at. They show real people: publish none.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from chainer.digest import Digest  # noqa: E402
from chainer.media.inspect import Inspected, inspect_media  # noqa: E402
from chainer.media.limits import MediaLimits  # noqa: E402
from chainer.media.source import SourceFile, open_source  # noqa: E402
from chainer.memory.match import discontinuity  # noqa: E402
from chainer.memory.meeting import Meeting, meet  # noqa: E402
from chainer.profile import HOUSE  # noqa: E402
from chainer.render.assemble import assemble  # noqa: E402
from chainer.render.encoder import FFmpeg, find_ffmpeg  # noqa: E402
from chainer.render.execute import Execution  # noqa: E402
from chainer.render.make import Kitchen  # noqa: E402
from chainer.render.plan import plan_render  # noqa: E402
from chainer.render.run import Runner  # noqa: E402
from chainer.render.spec import ConformPolicy, ConformSpec, JointSpec  # noqa: E402
from chainer.store import Store  # noqa: E402
from chainer.timebase import to_frames  # noqa: E402
from chainer.timeline import (  # noqa: E402
    JointPiece,
    JointPolicy,
    JointWish,
    Layout,
    Slot,
    choose_joint,
    lay_out,
)
from chainer.timeline.joint import JointStyle  # noqa: E402
from chainer.timeline.slot import SlotContent  # noqa: E402

MEDIA = Path(os.environ.get("CHAINER_MEDIA", ROOT.parent / "shared" / "media")) / "dev"
LIMITS = MediaLimits()
FPS = HOUSE.fps
PART = 60
"""Frames of each clip that play."""
SMALL = (180, 320)


@dataclass(frozen=True)
class Pair:
    """Frames before `left_end` of one clip (0: its end), and from `right_first` of another."""

    name: str
    truth: str
    left: str
    right: str
    left_end: int = 0
    right_first: int = 0


def split(name: str, at: int, lost: int) -> Pair:
    """A clip cut in two, `lost` frames of it missing (played twice where negative)."""
    truth = f"{lost} lost" if lost > 0 else f"{-lost} twice" if lost else "goes on"
    return Pair(f"{name.partition('.')[0]} ({truth})", truth, name, name, at, at + lost)


PAIRS = (
    Pair("asl_skull_1→2", "continuation", "asl_skull_1.mp4", "asl_skull_2.mp4"),
    Pair("asl_yellow_1→2", "continuation", "asl_yellow_1.mp4", "asl_yellow_2.mp4"),
    Pair("asl_yellow_1→2_drift", "drifted", "asl_yellow_1.mp4", "asl_yellow_2_drift.mp4"),
    Pair("bbb_2→3", "continuation", "bbb_2_vp9.webm", "bbb_3_v.mp4"),
    Pair("asl_dark_1→skull_1", "another man", "asl_dark_1.mp4", "asl_skull_1.mp4"),
    Pair("ovi_priest→land", "another shot", "ovi_priest_v_hevc.mp4", "ovi_priest_land.mp4"),
    split("ovi_priest_10s.mp4", 80, 0),
    split("ovi_priest_10s.mp4", 80, -9),
    split("asl_skull_2.mp4", 90, 5),
    split("asl_skull_2.mp4", 90, -9),
    split("toy_pig_v.mp4", 90, 5),
    split("toy_pig_v.mp4", 90, -9),
    split("ovi_blonde_v_hevc.mp4", 75, 6),
)


class Bench:
    """Renders pairs in a store of its own."""

    def __init__(self, work: Path, tiles: Path | None) -> None:
        self.work, self.tiles = work, tiles
        self.store = Store(work / "store")
        self.ffmpeg: FFmpeg = find_ffmpeg(None, self.store)

    def run(self, pair: Pair) -> dict[str, Any]:
        """All ways to join a pair."""
        takes = [
            inspect_media(MEDIA / name, self.store, LIMITS) for name in (pair.left, pair.right)
        ]
        windows = self._windows(pair, takes)
        row: dict[str, Any] = {"pair": pair.name, "truth": pair.truth, "ways": {}}
        wishes = {"cut": JointWish(JointStyle.CUT), "crossfade": JointWish(JointStyle.CROSSFADE)}
        for kind in (JointStyle.MATCH, JointStyle.MORPH):
            begun = time.process_time()
            met = self._meet(takes, windows, kind)
            row[f"{kind.value}_seconds"] = round(time.process_time() - begun, 2)
            row[kind.value] = met.as_json()
            wishes[kind.value] = JointWish(kind, point=met.point)
        for name, wish in wishes.items():
            row["ways"][name] = self._way(pair, takes, windows, name, wish)
        return row

    def _meet(
        self, takes: list[Inspected], windows: list[tuple[int, int]], kind: JointStyle
    ) -> Meeting:
        return meet(
            *(self.store, LIMITS, takes[0], windows[0], takes[1], windows[1], FPS),
            "morph" if kind is JointStyle.MORPH else "match",
        )

    @staticmethod
    def _windows(pair: Pair, takes: list[Inspected]) -> list[tuple[int, int]]:
        video = takes[0].info.video
        assert video is not None
        end = pair.left_end or to_frames(video.seconds, FPS)
        return [(end - PART, PART), (pair.right_first, PART)]

    def _way(
        self,
        pair: Pair,
        takes: list[Inspected],
        windows: list[tuple[int, int]],
        name: str,
        wish: JointWish,
    ) -> dict[str, Any]:
        slots = [Slot(side, SlotContent.ATOM, PART) for side in ("left", "right")]
        joint = choose_joint(*slots, wish, JointPolicy(), FPS, HOUSE.grid)
        layout = lay_out(slots, [joint], HOUSE.grid, HOUSE.keyframe_grids)
        specs = [
            partial(
                _known,
                ConformSpec(
                    *(take.digest, take.info, *window, HOUSE, ConformPolicy(), self.ffmpeg.build)
                ),
            )
            for take, window in zip(takes, windows, strict=True)
        ]
        plan = plan_render(layout, specs, partial(self._spec, layout), None, self.store, name)
        kitchen = Kitchen(self.store, Runner(self.ffmpeg), LIMITS, _opener(takes), name)
        cpu: dict[str, float] = {}
        execution = Execution(
            plan, kitchen, 1, on_done=lambda done: cpu.update({done.step.key: done.cpu_seconds})
        )
        records = execution.run()
        film = self.work / "film.mp4"
        assemble(plan, records.__getitem__, execution.again, self.store, HOUSE, film)
        pictures = self._decoded(film)
        assert len(pictures) == layout.frames
        piece = layout.joint_pieces[0]
        first = piece.at
        last = first + (piece.frames if joint.style.blends else joint.made)
        worst = max(discontinuity(_around(pictures, n), 16) for n in range(first, last + 1))
        if self.tiles is not None:
            self._tile(pictures, first, last, f"{pair.name}-{name}".replace("→", "-"))
        return {
            "style": joint.style.value,
            "frames": layout.frames,
            "new": piece.frames,
            "cpu": round(cpu.get(plan.joints[0], 0.0), 2),
            "worst": round(worst, 2),
            "why": joint.why,
            "notes": list(joint.notes),
        }

    def _spec(self, layout: Layout, piece: JointPiece, left: Digest, right: Digest) -> JointSpec:
        joint = piece.joint
        return JointSpec(
            left=left,
            right=right,
            style=joint.style.value,
            left_frames=layout.slots[0].frames,
            right_frames=layout.slots[1].frames,
            out=joint.left,
            gap=joint.gap,
            back=joint.right,
            overlap=joint.overlap,
            right_last=piece.right_last,
            shift=piece.shift,
            packet_first=piece.packet_first,
            packet_last=piece.packet_last,
            profile=HOUSE,
            build=self.ffmpeg.build,
            sound_at=joint.sound_at,
            made=joint.made,
        )

    def _decoded(self, film: Path) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
        width, height = SMALL
        argv = [str(self.ffmpeg.path), "-v", "error", "-i", str(film), "-an"]
        argv += ["-vf", f"scale={width}:{height}:flags=area", "-fps_mode", "passthrough"]
        argv += ["-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
        data = subprocess.run(argv, check=True, capture_output=True).stdout
        return list(np.frombuffer(data, np.uint8).reshape(-1, height, width, 3))

    def _tile(self, pictures: list[Any], first: int, last: int, name: str) -> None:
        import cv2

        assert self.tiles is not None
        self.tiles.mkdir(parents=True, exist_ok=True)
        chosen = pictures[max(0, first - 3) : last + 3]
        cv2.imwrite(str(self.tiles / f"{name}.png"), np.hstack(chosen))


def _known(spec: ConformSpec, _: object) -> ConformSpec:
    return spec


def _around(pictures: list[Any], at: int) -> list[Any]:
    """16 pictures before a step and 16 after it."""
    return pictures[at - 16 : at + 16]


def _opener(takes: list[Inspected]) -> Any:
    @contextmanager
    def opened(digest: Digest) -> Iterator[SourceFile]:
        path = next(take.path for take in takes if take.digest == digest)
        with open_source(path, limits=LIMITS) as source:
            yield source

    return opened


def report(rows: list[dict[str, Any]], day: str) -> str:
    """The page."""
    lines = [
        "# Benchmark of the joints",
        "",
        f"{day}. Made with `python scripts/bench_joints.py` from the clips of `CHAINER_MEDIA`; "
        "see [joints](../joints.md) for what the ways are.",
        "",
        "Each number is the discontinuity of the worst step of the joint in the finished film: 1 "
        "is what lively steps of the two clips have. A crossfade shows two pictures at once, so "
        "that nothing in it goes on as it moved; its number says so, not that it jumps. What was "
        "chosen is told with the frames left out before and after the joint.",
        "",
        "| pair | truth | cut | crossfade | match | morph | chosen for match | chosen for morph |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for row in rows:
        ways = row["ways"]
        worst = [f"{ways[name]['worst']:.2f}" for name in ("cut", "crossfade", "match", "morph")]
        chosen = [_choice(row[name], ways[name]) for name in ("match", "morph")]
        lines.append(f"| {row['pair']} | {row['truth']} | {' | '.join([*worst, *chosen])} |")
    morphs = [row for row in rows if row["ways"]["morph"]["style"] == "morph"]
    better = [row for row in morphs if _worst(row, "morph") < _worst(row, "cut")]
    matches = [row for row in rows if row["ways"]["match"]["style"] == "match"]
    less = [row for row in matches if _worst(row, "match") < _worst(row, "cut")]
    cost = sum(row["ways"]["morph"]["cpu"] for row in morphs) / max(1, len(morphs))
    lines += [
        "",
        f"{len(morphs)} of {len(rows)} morphs were made, {len(better)} of them better than the cut "
        f"in the finished film; {len(matches)} matches, {len(less)} better. A morph took "
        f"{cost:.1f} s of CPU to make.",
        "",
        "Where the search fell back, in its own words:",
        "",
    ]
    for row in rows:
        if row["ways"]["morph"]["style"] != "morph":
            lines.append(f"- {row['pair']}: {row['morph']['why']}")
    return "\n".join(lines) + "\n"


def _worst(row: dict[str, Any], way: str) -> float:
    return float(row["ways"][way]["worst"])


def _choice(met: dict[str, Any], way: dict[str, Any]) -> str:
    if way["style"] == "cut":
        return "cut"
    made = f", {met['made']} made" if met["made"] else ""
    return f"{way['style']} ({met['left']}, {met['right']}{made})"


def main() -> int:
    """Run the pairs; 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="pairs by name")
    parser.add_argument("--tiles", type=Path, help="write the pictures around each joint here")
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    day = dt.datetime.now(dt.UTC).date().isoformat()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(work, args.tiles)
        for pair in PAIRS:
            if args.only and not any(word in pair.name for word in args.only):
                continue
            rows.append(bench.run(pair))
            ways = rows[-1]["ways"].items()
            print(
                f"{pair.name:32} { ({name: (way['style'], way['worst']) for name, way in ways}) }"
            )
            sys.stdout.flush()
            _write(rows, day, args.out)  # what is measured stays, however this ends
    return 0


def _write(rows: list[dict[str, Any]], day: str, folder: Path) -> None:
    data = {"schema": "chainer.bench.joints/1", "date": day, "rows": rows}
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    (folder / f"joints-{day}.json").write_text(text, encoding="utf-8")
    (folder / "joints.md").write_text(report(rows, day), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
