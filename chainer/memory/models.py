"""Which face models there are, told by their content; loads none of them.

Refuses a model file that is missing or no file with `SettingsError`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cache, lru_cache
from pathlib import Path

from chainer.digest import Digest, file_digest, key_of
from chainer.errors import SettingsError
from chainer.memory.policy import FacePolicy

_PREDICTOR = "shape_predictor_5_face_landmarks.dat"
_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"


def models_digest(policy: FacePolicy) -> Digest:
    """What of models and versions decides how faces are read; loads nothing.

    Raises `SettingsError` for a detector model that is missing.
    """
    if not policy.enabled:
        return key_of("face-models", None)
    versions = {name: _version(name) for name in ("dlib-bin", "dlib", "face_recognition_models")}
    detector = None
    if policy.detector_model is not None:
        detector = _digest(*model_file(policy.detector_model))
    files = (descriptor_files() or ()) if installed("dlib") else ()
    return key_of(
        "face-models",
        {
            "detector": detector,
            "files": [_digest(*model_file(file)) for file in files],
            "versions": versions,
            "least": policy.min_width,
            "opencv": _version("opencv-python-headless") or _version("opencv-python"),
        },
    )


def model_file(path: Path) -> tuple[Path, int, int]:
    """The path with what tells that the file has changed."""
    try:
        about = path.stat()
    except OSError as error:
        raise SettingsError(
            f"faces.detector_model: {path} cannot be opened ({error.strerror}); name a YuNet ONNX "
            "file, or leave the setting out",
            path=str(path),
        ) from error
    if not path.is_file():
        raise no_yunet(path)
    return path, about.st_size, about.st_mtime_ns


def descriptor_files() -> tuple[Path, Path] | None:
    """Dlib's five-point predictor and network, where the package with them is installed."""
    spec = importlib.util.find_spec("face_recognition_models")  # finds it, does not run it
    for place in (spec.submodule_search_locations or ()) if spec else ():
        files = Path(place) / "models" / _PREDICTOR, Path(place) / "models" / _NETWORK
        if all(file.is_file() for file in files):
            return files
    return None


def installed(name: str) -> bool:
    """Whether a package is there; does not import it."""
    return importlib.util.find_spec(name) is not None


@cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def no_yunet(path: Path) -> SettingsError:
    """The error for a file that is no detector."""
    return SettingsError(
        f"faces.detector_model: {path} is damaged or no YuNet ONNX model; fetch "
        "face_detection_yunet_2023mar.onnx again (OpenCV Zoo, 232,589 bytes), or leave the "
        "setting out",
        path=str(path),
    )


@lru_cache(maxsize=8)
def _digest(path: Path, _size: int, _changed: int) -> Digest:
    return file_digest(path)
