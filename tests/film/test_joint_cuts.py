"""J and L cuts, matches and morphs in a finished film, held against what was drawn and played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from chainer.digest import Digest
from chainer.media.inspect import Inspected, inspect_media
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile, open_source
from chainer.memory.point import Point
from chainer.profile import Profile
from chainer.render.assemble import assemble
from chainer.render.encoder import find_ffmpeg
from chainer.render.execute import Execution
from chainer.render.make import Kitchen
from chainer.render.plan import RenderPlan, plan_render
from chainer.render.run import Runner
from chainer.render.spec import ConformPolicy, ConformSpec, JointSpec
from chainer.store import Record, Store
from chainer.timebase import to_frames
from chainer.timeline import (
    Body,
    JointPiece,
    JointPolicy,
    JointWish,
    Layout,
    Slot,
    choose_joint,
    lay_out,
)
from chainer.timeline.joint import JointStyle
from chainer.timeline.layout import sound_change
from chainer.timeline.slot import SlotContent

from .coded import FPS, RATE, SMALL, Coded, Samples, decode, decode_sound, frame_hashes, read_codes

LIMITS = MediaLimits()


@dataclass(frozen=True)
class Spliced:
    film: Path
    layout: Layout
    plan: RenderPlan
    store: Store
    records: dict[Digest, Record]


def splice(
    folder: Path,
    media: Sequence[Path],
    wishes: Sequence[JointWish],
    profile: Profile = SMALL,
    most: int = 1000,
) -> Spliced:
    """A film of media with these joints, made as films are; of each its first `most` frames."""
    store = Store(folder / "store")
    ffmpeg = find_ffmpeg(None, store)
    clips = [inspect_media(path, store, LIMITS) for path in media]
    slots, specs = [], []
    for number, clip in enumerate(clips):
        assert clip.info.video is not None
        frames = min(most, to_frames(clip.info.video.seconds, profile.fps))
        slots.append(Slot(f"c{number}", SlotContent.ATOM, frames))
        spec = ConformSpec(
            *(clip.digest, clip.info, 0, frames, profile, ConformPolicy(), ffmpeg.build)
        )
        specs.append(lambda _, spec=spec: spec)
    joints = [
        choose_joint(*pair, wish, JointPolicy(), profile.fps, profile.grid)
        for pair, wish in zip(pairwise(slots), wishes, strict=True)
    ]
    layout = lay_out(slots, joints, profile.grid, profile.keyframe_grids)

    def joint_spec(piece: JointPiece, left: Digest, right: Digest) -> JointSpec:
        joint = piece.joint
        return JointSpec(
            left=left,
            right=right,
            style=joint.style.value,
            left_frames=layout.slots[piece.left].frames,
            right_frames=layout.slots[piece.left + 1].frames,
            out=joint.left,
            gap=joint.gap,
            back=joint.right,
            overlap=joint.overlap,
            right_last=piece.right_last,
            shift=piece.shift,
            packet_first=piece.packet_first,
            packet_last=piece.packet_last,
            profile=profile,
            build=ffmpeg.build,
            sound_at=joint.sound_at,
            made=joint.made,
        )

    plan = plan_render(layout, specs, joint_spec, None, store, "test")
    kitchen = Kitchen(store, Runner(ffmpeg), LIMITS, opener(clips), "test")
    execution = Execution(plan, kitchen, 2)
    records = execution.run()
    film = folder / "film.mp4"
    assemble(plan, records.__getitem__, execution.again, store, profile, film)
    return Spliced(film, layout, plan, store, records)


def opener(clips: Sequence[Inspected]):  # type: ignore[no-untyped-def]
    @contextmanager
    def opened(digest: Digest) -> Iterator[SourceFile]:
        path = next(clip.path for clip in clips if clip.digest == digest)
        with open_source(path, limits=LIMITS) as source:
            yield source

    return opened


def point(left: int, right: int, made: int = 0) -> Point:
    return Point(left, right, made, 5.0, 1.0, "found for a test")


ATOMS = (
    *(Coded(1, 75), Coded(2, 92), Coded(3, 80), Coded(4, 61)),
    *(Coded(5, 90), Coded(6, 64), Coded(7, 120), Coded(8, 120)),
)
WISHES = (
    JointWish(lead=Fraction(2, 5)),
    JointWish(lag=Fraction(1, 2)),
    JointWish(JointStyle.MATCH, point=point(7, 13)),
    JointWish(JointStyle.MORPH, point=point(8, 9, 6)),
    JointWish(JointStyle.MORPH, point=point(0, 0, 5)),
    JointWish(lead=Fraction(7, 30)),
    JointWish(lag=Fraction(5, 3)),
)
NEW = (0, 0, 3, 9, 5, 5, 0)
"""Pictures that each joint encodes: those made, and up to the next keyframe."""


@pytest.fixture(scope="module")
def coded_media(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    return [atom.write(folder / f"c{atom.number}.mp4") for atom in ATOMS]


@pytest.fixture(scope="module")
def made(coded_media: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Spliced:
    return splice(tmp_path_factory.mktemp("film"), coded_media, WISHES)


def test_every_picture_is_the_planned_one(made: Spliced) -> None:
    found = read_codes(made.film)
    layout = made.layout
    assert len(found) == layout.frames
    asked = [wish.point.made if wish.point else 0 for wish in WISHES]
    for number, atom in enumerate(ATOMS):
        first, last = layout.seen(number)
        start = layout.starts[number]
        assert found[first:last] == [(atom.number, frame - start) for frame in range(first, last)]
        if number:
            assert first - layout.seen(number - 1)[1] == asked[number - 1]
    assert tuple(piece.frames for piece in layout.joint_pieces) == NEW


def test_made_pictures_lie_between_their_neighbours(made: Spliced) -> None:
    """The planes of the two clips differ by a step; every made picture is nearer the next one."""
    planes = decode(made.film)[:, 60:, :].astype(float).mean(axis=(1, 2))
    for number, joint in enumerate(made.layout.joints):
        if joint.made:
            first = made.layout.seen(number)[1]
            steps = np.diff(planes[first - 1 : first + joint.made + 1])
            way = np.sign(planes[first + joint.made] - planes[first - 1])
            assert np.all(steps * way > -0.6)
            assert np.abs(steps).max() < 0.6 * np.abs(steps).sum()


def test_copied_pictures_are_bit_identical(made: Spliced) -> None:
    for body in made.layout.bodies:
        piece = made.store.path_of(made.records[made.plan.slots[body.slot]].files["piece"].digest)
        count = body.last - body.first
        assert frame_hashes(made.film, body.at, count) == frame_hashes(piece, body.first, count)


def clip_sounds(made: Spliced) -> list[Samples]:
    """The masters of the canonical clips."""
    return [
        decode_sound(made.store.path_of(made.records[key].files["sound"].digest))
        for key in made.plan.slots
    ]


def ideal_mix(made: Spliced) -> Samples:
    """What the film should sound like, from the clips' masters and what each joint says."""
    layout = made.layout
    grid = SMALL.grid
    room = 30_000
    mix = np.zeros((layout.packets * 1024 + room, 2))
    for number, sound in enumerate(clip_sounds(made)):
        start = layout.sound_starts[number] * 1024
        voice = np.concatenate([sound[::-1][-room:], sound, sound[::-1][:room]])
        at = np.arange(len(voice)) - room + start  # samples of the film
        weight = np.ones(len(voice))
        if number:
            weight[at < start] = 0 if not layout.joints[number - 1].made else 1
            ramp = curve(layout, number - 1, at)
            weight *= np.sin(ramp * np.pi / 2)
        if number < len(layout.joints):
            weight *= np.cos(curve(layout, number, at) * np.pi / 2)
        else:
            weight[at >= start + grid.samples(layout.slots[number].frames)] = 0
        inside = (at >= 0) & (at < len(mix)) & (weight > 1e-9)
        if not number:
            inside &= at >= start
        mix[at[inside]] += voice[inside] * weight[inside, None]
    return mix[: layout.packets * 1024]


def curve(layout: Layout, number: int, at: Samples) -> Samples:
    """How far the sound has changed over at a joint, 0 to 1, for samples of the film."""
    joint = layout.joints[number]
    first, count = sound_change(joint.style, joint.right, joint.sound_at, joint.made, SMALL.grid)
    first += layout.sound_starts[number + 1] * 1024
    return np.clip((at - first) / count, 0, 1)


def master_of(made: Spliced) -> Samples:
    """The film's sound, put together from the masters as the packets are."""
    parts: list[Samples] = []
    for key, part in made.plan.sources():
        assert part.packet_last >= part.packet_first
        sound = decode_sound(made.store.path_of(made.records[key].files["sound"].digest))
        if isinstance(part, Body):
            first, last = part.packet_first * 1024, part.packet_last * 1024
            sound = sound[first:last]
            parts.append(np.pad(sound, ((0, last - first - len(sound)), (0, 0))))
        else:
            assert len(sound) == (part.packet_last - part.packet_first) * 1024
            parts.append(sound)
    return np.concatenate(parts)


def test_masters_make_the_films_sound_to_the_sample(made: Spliced) -> None:
    """Equal to the formula but for the rounding of 16 bits, where nothing was limited."""
    assert not any(made.records[key].facts["sound"]["limited"] for key in made.plan.slots)
    master, ideal = master_of(made), ideal_mix(made)
    assert master.shape == ideal.shape
    quiet = np.abs(ideal).max(axis=1) < 0.8
    assert quiet.mean() > 0.99
    assert np.abs(master - ideal)[quiet].max() < 2.5 / 32768


def test_the_film_plays_what_the_masters_hold(made: Spliced) -> None:
    sound, ideal = decode_sound(made.film), ideal_mix(made)
    count = min(len(sound), len(ideal), made.layout.frames * RATE // FPS)
    assert count >= made.layout.frames * RATE // FPS - 1
    error = sound[:count] - ideal[:count]
    window = RATE // 50
    usual = np.sqrt((error[: count // window * window] ** 2).reshape(-1, window, 2).mean((1, 2)))
    assert usual[2:-2].max() < 3 * np.median(usual)


def test_nothing_clicks_where_sounds_change(made: Spliced) -> None:
    """No step between two samples is larger near a joint than in the clips themselves."""
    sound = decode_sound(made.film)
    steps = np.abs(np.diff(sound, axis=0)).max(axis=1)
    largest = max(np.abs(np.diff(one, axis=0)).max() for one in clip_sounds(made))
    layout = made.layout
    for piece in layout.joint_pieces:
        start = layout.sound_starts[piece.left + 1]
        first = (start + piece.packet_first - 1) * 1024
        last = (start + piece.packet_last + 1) * 1024
        assert steps[first:last].max() < 1.1 * largest


def unlike(sound: Samples, clip: Samples, start: int, at: int) -> float:
    """How far 10 ms of the film from `at` on are from a clip placed at `start`, as a share."""
    mine, theirs = sound[at : at + 480], clip[at - start : at - start + 480]
    if len(theirs) < 480:
        return 1.0
    return float(np.sqrt(((mine - theirs) ** 2).mean() / (mine**2).mean()))


def test_sound_changes_where_it_was_asked_to(made: Spliced) -> None:
    """To half an AAC frame, by what is heard in the 10 ms before and after it."""
    sound, clips = decode_sound(made.film), clip_sounds(made)
    layout = made.layout
    asked = [wish for wish in WISHES if wish.lead or wish.lag or wish.style is JointStyle.MATCH]
    assert len(asked) == 5
    for number, wish in enumerate(WISHES):
        if wish not in asked:
            continue
        cut = layout.seen(number + 1)[0] * RATE // FPS
        change = cut + int(((wish.lag or 0) - (wish.lead or 0)) * RATE)
        pair = [(clips[n], layout.sound_starts[n] * 1024) for n in (number, number + 1)]
        assert unlike(sound, *pair[0], change - 512 - 480) < 0.2, number
        assert unlike(sound, *pair[1], change - 512 - 480) > 0.5, number
        assert unlike(sound, *pair[1], change + 512 + 480) < 0.2, number
        assert unlike(sound, *pair[0], change + 512 + 480) > 0.5, number


def test_two_runs_give_the_same_bytes(
    made: Spliced, coded_media: list[Path], tmp_path: Path
) -> None:
    again = splice(tmp_path, coded_media[2:6], WISHES[2:5])
    for key in again.plan.joints:
        theirs = again.records[key].files
        mine = made.records[key].files
        assert {name: one.digest for name, one in theirs.items()} == {
            name: one.digest for name, one in mine.items()
        }
        assert set(mine) == {"piece", "sound"}


def test_very_short_clips_are_joined_whole(tmp_path: Path) -> None:
    """Clips of 8 frames, both joints greedy: all pictures have their place, the sound is whole."""
    atoms = [Coded(number, 15) for number in (1, 2, 3, 4)]
    media = [atom.write(tmp_path / f"s{atom.number}.mp4") for atom in atoms]
    wishes = [
        JointWish(lead=Fraction(3)),
        JointWish(JointStyle.MORPH, point=point(0, 1, 4)),
        JointWish(lag=Fraction(3)),
    ]
    short = splice(tmp_path, media, wishes, most=8)
    codes = read_codes(short.film)
    assert len(codes) == short.layout.frames
    for number, atom in enumerate(atoms):
        first, last = short.layout.seen(number)
        assert codes[first:last] == [
            (atom.number, frame - short.layout.starts[number]) for frame in range(first, last)
        ]
    lead, morph, lag = short.layout.joints
    assert lead.notes
    assert lag.notes
    assert (morph.style, morph.gap) == (JointStyle.MORPH, 3)
    assert len(master_of(short)) == short.layout.packets * 1024


@pytest.mark.slow
def test_at_24_frames_a_second_too(coded_media: list[Path], tmp_path: Path) -> None:
    """The AV grid is so wide there that no joint keeps to it."""
    film = SMALL.model_copy(update={"name": "small24", "fps": Fraction(24)})
    wishes = [*WISHES[:3], JointWish(JointStyle.MORPH, point=point(2, 3, 5))]
    made = splice(tmp_path, coded_media[:5], wishes, film)
    sound = decode_sound(made.film)
    assert len(read_codes(made.film)) == made.layout.frames
    assert len(sound) >= made.layout.frames * 2000 - 1
    assert len(master_of(made)) == made.layout.packets * 1024
