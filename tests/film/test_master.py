"""A master for grading: ProRes and plain samples in a MOV, copied and joined like any film."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

import chainer
from chainer.allowed import still_allowed
from chainer.batch.ledger import is_done
from chainer.batch.rows import JobRow, film_note
from chainer.batch.words import JobState
from chainer.consent.revocation import FILM_NAMES as REVOKED_NAMES
from chainer.consent.revocation import TOMBSTONE_NAME
from chainer.consent.say import refuse
from chainer.episode.manifest import FILM_NAME, FILM_NAMES, MANIFEST_NAME
from chainer.episode.plan import Episode, EpisodePlan
from chainer.errors import InputError
from chainer.mp4 import read_mp4
from chainer.profile import HOUSE, MASTER, PROFILES, Profile
from chainer.provenance.policy import SigningPolicy
from chainer.render.encoder import laid_format, pixel_format, with_alpha
from chainer.render.runs import sound_runs
from chainer.settings import load_settings
from chainer.timebase import AAC_FRAME
from chainer.withdrawal import catch_up

from .coded import (
    FFMPEG,
    FPS,
    HEIGHT,
    RATE,
    WIDTH,
    Coded,
    decode,
    frame_hashes,
    read_codes,
    small_settings,
    write_graph,
)
from .test_consent import World

SMALL_MASTER = Profile.model_validate(
    {**MASTER.model_dump(), "name": "small-master", "width": WIDTH, "height": HEIGHT}
)
ATOMS = (Coded(1, 75), Coded(2, 92), Coded(3, 48), Coded(4, 61))
JOINTS = [{"kind": "cut"}, {"kind": "crossfade", "seconds": "3/10"}, {"kind": "fade"}]


@dataclass(frozen=True)
class Built:
    plan: EpisodePlan
    episode: Episode

    @property
    def film(self) -> Path:
        return self.episode.path / "episode.mov"


@pytest.fixture(scope="module")
def graph_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nodes = {"c2": {"author": "p-bo"}}
    return write_graph(tmp_path_factory.mktemp("master"), ATOMS, JOINTS, **nodes)


def make(graph_file: Path, folder: Path, **changes: object) -> Built:
    values = {"profile": SMALL_MASTER, "watermark": {"enabled": True}, **changes}
    settings = small_settings(folder / "store", **values)
    plan = chainer.plan_episode(chainer.load_graph(graph_file), "c1", settings=settings)
    return Built(plan, chainer.render_episode(plan, folder / "out"))


@pytest.fixture(scope="module")
def built(graph_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Signed, as films are."""
    return make(graph_file, tmp_path_factory.mktemp("built"), signing=SigningPolicy())


def told_by_ffmpeg(path: Path) -> str:
    argv = [FFMPEG, "-hide_banner", "-i", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stderr


def samples(path: Path) -> NDArray[np.int32]:
    """The sound of a file in 24 bits, shape (samples, 2)."""
    argv = [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "s32le", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    found = np.frombuffer(data, "<i4").reshape(-1, 2)
    assert not np.any(found & 0xFF)
    return found >> 8


def luma(path: Path, size: tuple[int, int]) -> NDArray[np.uint16]:
    """The 10-bit luma of a file, shape (frames, height, width)."""
    argv = [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:v:0", "-f", "rawvideo"]
    argv += ["-fps_mode", "passthrough", "-pix_fmt", "yuv422p10le", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    width, height = size
    pictures = np.frombuffer(data, "<u2").reshape(-1, 2 * width * height)
    return pictures[:, : width * height].reshape(-1, height, width)


def test_it_is_prores_hq_of_ten_bits_with_plain_samples_in_a_quicktime_movie(built: Built) -> None:
    told = told_by_ffmpeg(built.film)
    assert "prores (HQ) (apch" in told
    assert "yuv422p10le(tv, bt709, progressive)" in told
    assert "pcm_s24be (in24" in told
    assert "48000 Hz, stereo, s32 (24 bit)" in told
    assert built.film.read_bytes()[4:12] == b"ftypqt  "
    with built.film.open("rb") as stream:
        film = read_mp4(stream)
    video, sound = film.track("vide"), film.track("soun")
    assert (video.codec, sound.codec, sound.skip) == ("apch", "in24", 0)
    assert list(video.sync) == list(range(built.plan.layout.frames))
    assert sound.length == built.plan.layout.frames * RATE // FPS


def test_every_frame_is_the_planned_one_and_only_the_joints_are_new(built: Built) -> None:
    layout, found = built.plan.layout, read_codes(built.film)
    assert len(found) == layout.frames
    for number, slot in enumerate(layout.slots):
        left = layout.joints[number - 1].right if number else 0
        right = layout.joints[number].left if number < len(layout.joints) else 0
        for frame in range(left, slot.frames - right):
            assert found[layout.starts[number] + frame] == (ATOMS[number].number, frame)
    for piece in layout.joint_pieces:
        assert piece.frames == piece.joint.left + piece.joint.gap + (
            piece.joint.right - piece.joint.overlap
        )


def test_what_is_copied_is_bit_identical_to_the_canonical_clip(built: Built) -> None:
    store = chainer.Store(built.plan.store)
    for body in built.plan.layout.bodies:
        _, record = store.find(built.plan.render.slots[body.slot])
        assert record is not None
        piece = store.path_of(record.files["piece"].digest)
        count = body.last - body.first
        assert count > 0
        copied = frame_hashes(built.film, body.at, count)
        assert copied == frame_hashes(piece, body.first, count)


def test_the_sound_is_that_of_the_masters_to_the_last_sample(built: Built) -> None:
    plan, store = built.plan, chainer.Store(built.plan.store)
    parts = []
    for run in sound_runs(plan.render.sources()):
        _, record = store.find(run.key)
        assert record is not None
        own = samples(store.path_of(record.files["sound"].digest))
        own = own[run.first * AAC_FRAME : run.last * AAC_FRAME]
        rest = (run.last - run.first) * AAC_FRAME - len(own)
        parts.append(np.concatenate([own, np.zeros((rest, 2), np.int32)]))
    whole = np.concatenate(parts)
    film = samples(built.film)
    assert len(film) == plan.layout.frames * RATE // FPS
    assert np.array_equal(film, whole[: len(film)])
    assert np.any(film & 0xFF), "there is more than 16 bits in it"


def test_the_mark_is_told_and_not_shown(built: Built, graph_file: Path, tmp_path: Path) -> None:
    mark = built.episode.manifest.watermark
    assert mark is not None
    assert not mark.burned
    assert [(one.handle, one.start, one.frames) for one in mark.marks] == [
        (["p-a", "p-bo", "p-a", "p-a"][number], start, slot.frames)
        for number, (start, slot) in enumerate(
            zip(built.plan.layout.starts, built.plan.layout.slots, strict=True)
        )
    ]
    argv = [FFMPEG, "-v", "error", "-i", str(built.film), "-f", "ffmetadata", "-"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    facts = json.loads(re.sub(r"\\(.)", r"\1", told["org.chainer.marks"]))
    assert facts["service"] == "chainer"
    assert [(one["handle"], one["frames"]) for one in facts["marks"]] == [
        (one.handle, [one.start, one.start + one.frames]) for one in mark.marks
    ]
    assert "p-bo" in told["com.apple.quicktime.information"]
    bare = make(graph_file, tmp_path, watermark={"enabled": False})
    assert np.array_equal(decode(bare.film), decode(built.film))
    assert bare.episode.manifest.watermark is not None
    assert bare.episode.manifest.watermark.marks == ()
    assert b"org.chainer.marks" not in bare.film.read_bytes()


def test_it_verifies_signed_and_is_found_by_all_who_ask_for_the_film(built: Built) -> None:
    folder, manifest = built.episode.path, built.episode.manifest
    assert manifest.film == "episode.mov"
    assert not (folder / FILM_NAME).exists()
    verdict = chainer.verify_episode(folder)
    assert verdict.faults == ()
    assert verdict.signed
    note = film_note(folder, manifest)
    assert note.size == built.film.stat().st_size
    row = JobRow(
        name="j",
        place="jobs.yaml",
        graph="graph.json",
        start="c1",
        chain=("c1",),
        digest="d",
        out=folder,
        state=JobState.DONE,
        film=note,
    )
    assert is_done(row, "d")
    assert still_allowed(folder, built.plan.store).state == "made"
    published = chainer.publish_episode(folder, chainer.Store(built.plan.store))
    assert published.film == "episode.mov"
    assert still_allowed(folder, built.plan.store).state == "published"


def test_a_changed_master_is_not_whole(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in built.episode.path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    data = bytearray((folder / "episode.mov").read_bytes())
    data[-1000] ^= 1
    (folder / "episode.mov").write_bytes(data)
    faults = chainer.verify_episode(folder).faults
    assert any("was changed" in fault for fault in faults)
    assert any("not what was signed" in fault for fault in faults)
    (folder / "episode.mov").unlink()
    assert chainer.verify_episode(folder).faults[0] == "episode.mov is missing"


def test_two_runs_are_byte_identical(built: Built, graph_file: Path, tmp_path: Path) -> None:
    films = [make(graph_file, tmp_path / name).film.read_bytes() for name in ("a", "b")]
    assert films[0] == films[1]
    assert len(films[0]) < built.film.stat().st_size  # which is signed


def test_ten_bits_come_through_a_clip_and_a_crossfade(tmp_path: Path) -> None:
    """A ramp that 8 bits cannot hold, in media of 10 bits: its steps are all there."""
    folder = tmp_path / "ten"
    path = write_graph(folder, (Coded(1, 30), Coded(2, 30)), [{"kind": "crossfade"}])
    for number in (1, 2):
        ramp = f"geq=lum='300+X+{number}':cb=512:cr=512"
        argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi"]
        argv += ["-i", f"color=s={WIDTH}x{HEIGHT}:r={FPS}:d=1,format=yuv422p10le,{ramp}"]
        argv += ["-c:v", "libx264", "-crf", "1", "-profile:v", "high422", "-colorspace", "bt709"]
        argv += ["-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709"]
        media = folder / f"media/c{number}.mp4"
        subprocess.run([*argv, str(media)], check=True)
    made = make(path, folder)
    pictures = luma(made.film, (WIDTH, HEIGHT)).astype(int)
    joint = made.plan.layout.joint_pieces[0]
    assert joint.frames > 2
    for frame in (0, joint.at + joint.frames // 2, len(pictures) - 1):
        row = np.median(pictures[frame], axis=0)
        ideal = np.arange(WIDTH) + 301.5
        assert np.abs(row - ideal).max() <= 2
        assert len(set(row.astype(int))) > WIDTH * 0.9, "more values than 8 bits have"


def test_playlists_of_a_master_are_refused(graph_file: Path, tmp_path: Path) -> None:
    graph = chainer.load_graph(graph_file)
    settings = small_settings(tmp_path, profile=SMALL_MASTER, hls={"write": True})
    with pytest.raises(InputError, match="need h264, hevc or av1") as caught:
        chainer.plan_episode(graph, "c1", settings=settings)
    assert caught.value.code == "hls-codec"


def test_music_lies_under_a_master_without_a_codec(graph_file: Path, tmp_path: Path) -> None:
    """With music that is silent, the bed is the film's own sound to a step of 24 bits."""
    music = tmp_path / "silence.wav"
    argv = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=9"]
    subprocess.run([*argv, str(music)], check=True)
    plain = make(graph_file, tmp_path / "plain")
    under = make(graph_file, tmp_path / "under", bed={"media": str(music)})
    assert under.plan.render.bed is not None
    assert chainer.verify_episode(under.episode.path).whole
    ours, theirs = samples(plain.film), samples(under.film)
    assert len(ours) == len(theirs)
    error = np.abs(ours - theirs)[: -RATE // 100]  # the film fades at its end
    assert error.max() <= 1


def test_words_and_blurred_sides_of_a_master_have_ten_bits_too(tmp_path: Path) -> None:
    """What lies around the words is what lies there without them, to the last bit."""
    said = [{"start": "0", "end": "2", "character": "mei", "text": "Hello"}]
    path = write_graph(tmp_path, (Coded(1, 60),), c1={"dialogue": said})
    data = json.loads(path.read_text())
    data["graph"]["characters"] = {"mei": {"name": "Mei"}}
    path.write_text(json.dumps(data))
    square = SMALL_MASTER.model_copy(update={"width": 320})
    changes = {"profile": square, "conform": {"fit": "blur"}}
    bare = luma(make(path, tmp_path / "bare", **changes).film, (320, HEIGHT))
    told = make(path, tmp_path / "told", captions={"burn": True}, **changes)
    worded = luma(told.film, (320, HEIGHT))
    assert "yuv422p10le" in told_by_ffmpeg(told.film)
    changed = np.any(bare != worded, axis=(0, 2))
    assert changed.any()
    assert not changed[: HEIGHT // 2].any()
    steps = bare[0, HEIGHT // 4 :, :60].astype(int)
    assert np.any(steps % 4), "the blurred sides have values between those of 8 bits"


def test_what_is_held_at_the_end_of_a_slot_leaves_the_rest_its_ten_bits(tmp_path: Path) -> None:
    slot = {"slot": {"kind": "extended", "seconds": "15", "fill": "hold"}}
    path = write_graph(tmp_path, (Coded(1, 300),), c1=slot)
    made = make(path, tmp_path / "out", slots={"scenario": "brand_short"})
    pictures = luma(made.film, (WIDTH, HEIGHT))
    assert len(pictures) == 450
    assert read_codes(made.film)[:299] == [(1, frame) for frame in range(299)]
    assert "yuv422p10le" in told_by_ffmpeg(made.film)


def test_a_revocation_finds_a_master_whose_manifest_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path, profile=SMALL_MASTER)
    world.grants()
    episode = chainer.render_episode(world.plan(), tmp_path / "made")
    assert episode.manifest.film == "episode.mov"
    (episode.path / MANIFEST_NAME).unlink()
    refuse(world.register.book, "p-mei")
    told = catch_up(world.register, world.store)
    assert told.suspended == (episode.manifest.id,)
    assert told.tombstones == (episode.path,)
    assert (episode.path / TOMBSTONE_NAME).exists()


def test_names_of_the_film_agree() -> None:
    assert FILM_NAMES == REVOKED_NAMES
    assert {profile.film_name for profile in PROFILES.values()} == set(FILM_NAMES)
    assert MASTER.film_name == "episode.mov"
    assert (MASTER.pcm, MASTER.marks, MASTER.key_spacing) == (True, False, 0)
    assert (HOUSE.pcm, HOUSE.marks, HOUSE.key_spacing) == (False, True, HOUSE.keyframe_grids)


def test_pixels_of_a_profile() -> None:
    assert pixel_format(HOUSE) == "yuv420p"
    assert pixel_format(MASTER) == "yuv422p10le"
    assert (with_alpha("yuv420p"), laid_format("yuv420p")) == ("yuva420p", "yuv420")
    assert (with_alpha("yuv422p10le"), laid_format("yuv422p10le")) == ("yuva422p10le", "yuv422p10")


def test_a_house_step_has_the_key_that_it_always_had() -> None:
    assert HOUSE.key() == {
        "width": 720,
        "height": 1280,
        "fps": "30",
        "crf": 21,
        "preset": "medium",
        "level": "4.0",
        "keyframe_grids": 3,
        "audio_kbps": 160,
        "loudness": {"target": "-14", "true_peak": "-1", "max_gain": "30", "floor": "-60"},
        "draft": False,
    }
    told = MASTER.key()
    assert set(told) == {"width", "height", "fps", "loudness", "draft", "codec"}
    assert told["codec"] == "prores"


def test_a_master_is_bt709() -> None:
    with pytest.raises(ValidationError, match=r"master is BT\.709"):
        Profile.model_validate({**MASTER.model_dump(), "dynamic_range": "pq"})


def test_a_master_of_another_size_is_a_few_lines(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[profile]\nbase = "master"\nwidth = 720\nheight = 1280\n')
    profile = load_settings(path).profile
    assert (profile.width, profile.height, profile.film_name) == (720, 1280, "episode.mov")
    assert not profile.marks
