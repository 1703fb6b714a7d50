"""The one door for dlib: faces found, turned into descriptors, and the models behind both.

Detectors: a YuNet ONNX file through OpenCV, else dlib's frontal detector. Descriptors: dlib's
residual network on chips aligned by its five-point predictor, whose files are read from the
package `face_recognition_models` without importing it. Refuses a model file that is missing,
damaged or of another kind with `SettingsError`. The 68-point file is never opened: its licence
forbids commercial use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.errors import SettingsError
from chainer.memory.appearance import Box
from chainer.memory.models import descriptor_files, installed, model_file, no_yunet
from chainer.memory.observation import Picture, Vector
from chainer.memory.policy import FacePolicy

DETECT_SIDE = 512
"""Longer side at which faces are looked for.

6 ms, and a face of 48 pixels in 1280 is still 19 wide; 320 finds as many in the clips measured,
640 costs 10 ms and finds no more.
"""

_SCORE = 0.7
"""YuNet's own certainty; at 0.6 it sees faces in toys and trees."""

_CHIP_FACE = 220
"""Wider faces are made smaller first: the network looks at 150 pixels."""

_LARGEST_MODEL = 64 << 20
_LOCK = Lock()  # readers share their models
_HUSH = RLock()  # the level of OpenCV's log is one for all threads


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face, brow to chin.

    `width` is in pixels of the picture it was found in; `yaw` the sideways turn, -1 (towards the
    left of the picture) to 1.
    """

    box: Box
    width: int
    yaw: float
    score: float


class Detector(Protocol):
    """Finds faces in an upright B G R picture of any size."""

    def __call__(self, pixels: Picture) -> tuple[Face, ...]:
        """Faces in any order."""
        ...


class FaceReader:
    """Finds faces and tells them apart; safe to share between threads."""

    def __init__(self, detector: Detector, embedder: Embedder | None, min_width: int) -> None:
        self._detector = detector
        self._embedder = embedder
        self._min_width = min_width

    @property
    def tells_apart(self) -> bool:
        """Whether `descriptor` can ever give one."""
        return self._embedder is not None

    def faces(self, pixels: Picture) -> tuple[Face, ...]:
        """All faces, widest first."""
        if min(pixels.shape[:2]) < 16:
            return ()
        with _LOCK:
            found = self._detector(pixels)
        return tuple(sorted(found, key=lambda face: (-face.width, face.box)))

    def descriptor(self, pixels: Picture, face: Face) -> Vector | None:
        """float32 [128]; None for a face narrower than the policy's least, or without models.

        Two are the same person up to a Euclidean distance of about 0.5 (see `FacePolicy`).
        """
        if self._embedder is None or face.width < self._min_width:
            return None
        with _LOCK:
            return self._embedder(pixels, face)


def load_faces(policy: FacePolicy) -> FaceReader | None:
    """The reader of a policy, loaded once per process; None where nothing can find a face.

    Raises `SettingsError` for a model file that cannot be used.
    """
    if not policy.enabled:
        return None
    detector: Detector
    if policy.detector_model is not None:
        path, size, changed = model_file(policy.detector_model)
        detector = _yunet(path, size, changed)
    elif installed("dlib"):
        detector = _frontal()
    else:
        return None
    files = descriptor_files()
    embedder = _embedder(*files) if files and installed("dlib") else None
    return FaceReader(detector, embedder, policy.min_width)


def face_distance(one: Vector | None, two: Vector | None) -> float | None:
    """Euclidean distance of two descriptors; None where one is missing."""
    if one is None or two is None or not len(one) or len(one) != len(two):
        return None
    return float(np.linalg.norm(np.asarray(one) - np.asarray(two)))


class Embedder:
    """dlib's five points and network; not safe to share between threads by itself."""

    def __init__(self, predictor: Path, network: Path) -> None:
        dlib = import_module("dlib")
        self._dlib = dlib
        self._points = _loaded(dlib.shape_predictor, predictor)
        self._network = _loaded(dlib.face_recognition_model_v1, network)

    def __call__(self, pixels: Picture, face: Face) -> Vector:
        """The descriptor of one face, float32 [128]."""
        height, width = pixels.shape[:2]
        x, y, w, h = face.box
        middle = (x + w / 2) * width, (y + h / 2) * height
        side = (w * width + h * height) / 2
        left, top = int(max(0, middle[0] - 1.5 * side)), int(max(0, middle[1] - 1.5 * side))
        right, bottom = int(middle[0] + 1.5 * side) + 1, int(middle[1] + 1.5 * side) + 1
        part = cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_BGR2RGB)
        scale = min(1.0, _CHIP_FACE / side)
        if scale < 1:
            part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        corners = [
            round((middle[0] - left - side / 2) * scale),
            round((middle[1] - top - side / 2) * scale),
            round((middle[0] - left + side / 2) * scale),
            round((middle[1] - top + side / 2) * scale),
        ]
        part = np.ascontiguousarray(part)
        shape = self._points(part, self._dlib.rectangle(*corners))
        return np.asarray(self._network.compute_face_descriptor(part, shape, 0), np.float32)


def _loaded(make: Any, path: Path) -> Any:
    try:
        return make(str(path))
    except RuntimeError as error:
        raise SettingsError(
            f"the face model {path} cannot be read ({error}); install "
            "face_recognition_models again, or set faces.enabled to false",
            path=str(path),
        ) from error


class _YuNet:
    def __init__(self, path: Path) -> None:
        try:
            with _quiet():
                self._net = cv2.FaceDetectorYN.create(str(path), "", (64, 64), _SCORE)
                self._net.setInputSize((64, 64))
                rows = self._net.detect(np.zeros((64, 64, 3), np.uint8))[1]
        except cv2.error as error:
            raise no_yunet(path) from error
        found: Any = rows  # None without a face, whatever the stubs say
        if found is not None and found.shape[1] != 15:
            raise no_yunet(path)

    def __call__(self, pixels: Picture) -> tuple[Face, ...]:
        height, width = pixels.shape[:2]
        scale = min(1.0, DETECT_SIDE / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        with _quiet():
            self._net.setInputSize(size)
            rows: Any = self._net.detect(small)[1]
        if rows is None:
            return ()
        span = np.array([*size, *size], np.float64)
        found = []
        for row in np.asarray(rows, np.float64):
            box = tuple(float(one) for one in row[:4] / span)
            points = row[4:14].reshape(5, 2)
            found.append(_face(box, points, width, float(row[14])))
        return tuple(found)


class _Frontal:
    """dlib's detector; its landmarks give the yaw where the five-point file is there."""

    def __init__(self, predictor: Path | None) -> None:
        dlib = import_module("dlib")
        self._detector = dlib.get_frontal_face_detector()
        self._points: Any = None
        if predictor is not None:
            self._points = _loaded(dlib.shape_predictor, predictor)

    def __call__(self, pixels: Picture) -> tuple[Face, ...]:
        height, width = pixels.shape[:2]
        # It finds faces from 80 pixels on: 640 lets those of 10 % of a picture's side through.
        scale = min(1.0, 640 / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        rectangles, scores, _ = self._detector.run(luma, 0, 0.0)
        found = []
        for one, score in zip(rectangles, scores, strict=True):
            box = (
                one.left() / size[0],
                one.top() / size[1],
                one.width() / size[0],
                one.height() / size[1],
            )
            found.append(_face(box, self._landmarks(luma, one), width, min(1.0, 0.6 + score / 4)))
        return tuple(found)

    def _landmarks(self, luma: NDArray[Any], rectangle: Any) -> NDArray[np.float64] | None:
        if self._points is None:
            return None
        shape = self._points(luma, rectangle)
        at = np.array([(shape.part(n).x, shape.part(n).y) for n in range(5)], np.float64)
        # Two corners of each eye, then the nose.
        return np.array([at[2:4].mean(axis=0), at[0:2].mean(axis=0), at[4]])


def _face(box: Any, points: NDArray[np.float64] | None, width: int, score: float) -> Face:
    yaw = 0.0 if points is None else yaw_of(points)
    return Face(box=box, width=round(box[2] * width), yaw=yaw, score=score)


def yaw_of(points: NDArray[np.float64]) -> float:
    """Sideways turn from landmarks [n >= 3, 2]: two eyes, nose, corners of the mouth if known.

    How far the nose lies from the middle of the face along the line of the eyes, in distances
    of the eyes: about 0 from the front, 0.5 and more in half profile; negative to the left.
    """
    eyes = points[:2][np.argsort(points[:2, 0])]
    across = eyes[1] - eyes[0]
    distance = max(float(np.linalg.norm(across)), 1.0)
    middle = points[[0, 1, 3, 4]].mean(axis=0) if len(points) >= 5 else eyes.mean(axis=0)
    return float(np.clip(np.dot(points[2] - middle, across) / distance**2, -1.0, 1.0))


@lru_cache(maxsize=4)
def _yunet(path: Path, _size: int, _changed: int) -> _YuNet:
    if _size > _LARGEST_MODEL:
        raise no_yunet(path)
    return _YuNet(path)


@lru_cache(maxsize=1)
def _frontal() -> _Frontal:
    files = descriptor_files()
    return _Frontal(files[0] if files else None)


@lru_cache(maxsize=2)
def _embedder(predictor: Path, network: Path) -> Embedder:
    return Embedder(predictor, network)


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV writes what it thinks of a model to stderr; our errors say it better."""
    with _HUSH:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)
