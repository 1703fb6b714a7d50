"""The face reader: its models, how they fail, and what it says of real faces."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chainer.errors import SettingsError
from chainer.memory import faces as door
from chainer.memory.appearance import person_of_face
from chainer.memory.faces import face_distance, load_faces, yaw_of
from chainer.memory.models import models_digest
from chainer.memory.observation import Sample
from chainer.memory.people import MOST_DESCRIPTORS, CastBox, find_people
from chainer.memory.policy import FacePolicy

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
MEDIA = Path(os.environ.get("CHAINER_MEDIA", SHARED / "media"))
YUNET = Path(os.environ.get("CHAINER_YUNET", MEDIA.parent / "models" / "yunet_s_640_640.onnx"))
REQUIRED = os.environ.get("CHAINER_REQUIRE_TOOLS") == "1"

real = pytest.mark.skipif(
    not (MEDIA.is_dir() and YUNET.is_file()) and not REQUIRED,
    reason=f"no media in {MEDIA} or no model at {YUNET}; see CHAINER_MEDIA, CHAINER_YUNET",
)


def shot(name: str, *seconds: float) -> list[Sample]:
    """Frames of a real clip at these times."""
    import av

    found, wanted = [], list(seconds)
    with av.open(str(MEDIA / "dev" / name)) as container:
        for frame in container.decode(container.streams.video[0]):
            at = Fraction(frame.pts or 0) * Fraction(frame.time_base)
            if wanted and at >= wanted[0]:
                wanted.pop(0)
                found.append(Sample(at, frame.to_ndarray(format="bgr24")))
    return found


def varint(number: int) -> bytes:
    return bytes([number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def another_onnx() -> bytes:
    """A valid model that passes a 3 x 64 x 64 picture on: an Identity node."""
    dims = b"".join(field(1, varint(1 << 3) + varint(n)) for n in (1, 3, 64, 64))
    kind = field(1, varint(1 << 3) + varint(1) + field(2, dims))
    ends = [field(1, name) + field(2, kind) for name in (b"x", b"y")]
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g") + field(11, ends[0]) + field(12, ends[1])
    opset = field(8, varint(2 << 3) + varint(13))
    return varint(1 << 3) + varint(8) + field(7, graph) + opset


@pytest.mark.parametrize(
    "data",
    [b"", b"hello\n" * 300, b"\0" * 5000, another_onnx()],
    ids=["empty", "text", "0", "other"],
)
def test_a_file_that_is_no_yunet_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match="YuNet") as caught:
        load_faces(FacePolicy(detector_model=path))
    assert caught.value.facts["path"] == str(path)


@real
@pytest.mark.parametrize("kept", [100, 50_000, 230_000])
def test_a_damaged_yunet_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(YUNET.read_bytes()[:kept])
    with pytest.raises(SettingsError, match="damaged"):
        load_faces(FacePolicy(detector_model=path))


def test_a_missing_model_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    policy = FacePolicy(detector_model=tmp_path / "gone.onnx")
    for ask in (load_faces, models_digest):
        with pytest.raises(SettingsError, match=r"gone\.onnx cannot be opened"):
            ask(policy)
    with pytest.raises(SettingsError):
        load_faces(FacePolicy(detector_model=tmp_path))


def test_nothing_installed_means_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_faces(FacePolicy(enabled=False)) is None
    monkeypatch.setattr(door, "installed", lambda name: False)
    assert load_faces(FacePolicy()) is None


@pytest.mark.slow  # needs the extra, which `make slow` installs
def test_damaged_descriptor_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dlib")
    files = tmp_path / "five.dat", tmp_path / "net.dat"
    for file in files:
        file.write_bytes(b"nothing")
    monkeypatch.setattr(door, "descriptor_files", lambda: files)
    door._frontal.cache_clear()
    with pytest.raises(SettingsError, match="install face_recognition_models again"):
        load_faces(FacePolicy())
    door._frontal.cache_clear()


def test_the_digest_changes_with_what_changes_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"one")
    one = models_digest(FacePolicy(detector_model=path))
    assert one == models_digest(FacePolicy(detector_model=path))
    assert one != models_digest(FacePolicy())
    assert one != models_digest(FacePolicy(detector_model=path, min_width=60))
    assert one == models_digest(FacePolicy(detector_model=path, same_at_most=0.4))
    path.write_bytes(b"other")
    assert one != models_digest(FacePolicy(detector_model=path))


def test_yaw_is_the_side_the_nose_points_to() -> None:
    front = np.array([[40, 40], [60, 40], [50, 52], [43, 62], [57, 62]], float)
    assert yaw_of(front) == pytest.approx(0)
    left = front + np.array([[0, 0], [0, 0], [-8, 0], [0, 0], [0, 0]])
    assert yaw_of(left) == pytest.approx(-0.4)
    mirrored = left * [-1, 1] + [100, 0]
    assert yaw_of(mirrored[[1, 0, 2, 4, 3]]) == pytest.approx(0.4)
    turn = np.deg2rad(25)
    around = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    assert yaw_of(left @ around) == pytest.approx(-0.4)


@real
@pytest.mark.slow
def test_real_faces_are_told_apart() -> None:
    reader = load_faces(FacePolicy(detector_model=YUNET))
    assert reader is not None
    assert reader.tells_apart
    vectors = {}
    for name in ("asl_skull_1", "asl_skull_2", "asl_yellow_1"):
        sample = shot(f"{name}.mp4", 0)[0]
        face = reader.faces(sample.pixels)[0]
        assert 100 < face.width < 300
        assert abs(face.yaw) < 0.5
        vectors[name] = reader.descriptor(sample.pixels, face)
    same = face_distance(vectors["asl_skull_1"], vectors["asl_skull_2"])
    other = face_distance(vectors["asl_skull_1"], vectors["asl_yellow_1"])
    assert same is not None
    assert other is not None
    assert same < FacePolicy().same_at_most < FacePolicy().other_at_least < other


@real
def test_narrow_faces_are_seen_but_not_described() -> None:
    reader = load_faces(FacePolicy(detector_model=YUNET, min_width=400))
    assert reader is not None
    pixels = shot("asl_dark_1.mp4", 0)[0].pixels
    face = reader.faces(pixels)[0]
    assert reader.descriptor(pixels, face) is None


@real
@pytest.mark.slow
def test_without_a_model_dlib_finds_faces_too() -> None:
    pytest.importorskip("dlib")
    reader = load_faces(FacePolicy())
    assert reader is not None
    pixels = shot("asl_yellow_1.mp4", 0)[0].pixels
    face = reader.faces(pixels)[0]
    assert reader.descriptor(pixels, face) is not None
    mirrored = reader.faces(np.ascontiguousarray(pixels[:, ::-1]))[0]
    assert face.yaw == pytest.approx(-mirrored.yaw, abs=0.2)


@real
@pytest.mark.slow
def test_faces_of_a_clip_get_names_and_few_descriptors() -> None:
    policy = FacePolicy(detector_model=YUNET)
    samples = shot("ovi_couple_v.mp4", 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5)
    reader = load_faces(policy)
    assert reader is not None
    face = reader.faces(samples[0].pixels)[0]
    found = find_people(
        samples, [CastBox("one", person_of_face(face.box), Fraction(0))], {}, policy
    )
    names = {one.character for one in found.sightings}
    assert names == {"one", ""}
    assert 2 <= sum(one.face is not None for one in found.sightings) <= MOST_DESCRIPTORS
    first = next(one for one in found.sightings if one.character == "one")
    assert first.seconds == samples[0].seconds
    early = [one for one in found.sightings if one.character == "one" and one.seconds <= 1]
    assert any(one.face is not None for one in early)
    assert first.face_width >= 48
    assert first.yaw is not None
