"""An observation as an NPZ file: equal observations, equal bytes.

`header` (JSON as bytes) beside the arrays; pictures as differences along their rows, which
deflate well
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainer.memory.observation import Observation, Sighting, Sound, Still, World

SCHEMA = "chainer.observation/1"

_BROKEN = (
    *(KeyError, TypeError, AttributeError, EOFError, OSError, IndexError, ArithmeticError),
    *(NotImplementedError, zipfile.BadZipFile, zlib.error),
)
"""What reading a file of another kind raises, beside `ValueError`."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_VECTORS = ("torso", "texture", "face")
_ACROSS, _ACROSS_STACK = 1, 2  # the axis along a row of a picture, and of a stack of them


def to_bytes(one: Observation) -> bytes:
    """The observation as an NPZ file, the same bytes for the same values."""
    arrays: dict[str, NDArray[Any]] = {
        "head": _differences(one.head, _ACROSS_STACK),
        "tail": _differences(one.tail, _ACROSS_STACK),
        "last_frame": np.frombuffer(one.last_frame, np.uint8),
    }
    arrays |= {
        f"still{n}": _differences(still.pixels, _ACROSS) for n, still in enumerate(one.stills)
    }
    for n, seen in enumerate(one.sightings):
        arrays[f"crop{n}"] = np.frombuffer(seen.crop, np.uint8)
        for name in _VECTORS:
            if (vector := getattr(seen, name)) is not None:
                arrays[f"{name}{n}"] = np.asarray(vector, np.float32)
    text = json.dumps(_header(one), sort_keys=True, allow_nan=False)
    arrays["header"] = np.frombuffer(text.encode(), np.uint8)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(arrays):
            entry = zipfile.ZipInfo(f"{name}.npy", _FIRST_DAY)  # numpy would write the time of day
            coded = name.startswith(("crop", "last_frame"))  # JPEG does not get smaller
            entry.compress_type = zipfile.ZIP_STORED if coded else zipfile.ZIP_DEFLATED
            body = io.BytesIO()
            np.lib.format.write_array(body, arrays[name], allow_pickle=False)
            archive.writestr(entry, body.getvalue(), compresslevel=1)
    return out.getvalue()


def from_bytes(data: bytes) -> Observation:
    """The observation that `to_bytes` wrote. Raises `ValueError` for anything else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays["header"].tobytes())
        if header["schema"] != SCHEMA:
            raise ValueError(f"an observation of another kind: {header['schema']!r:.60}")
        return _observation(header, arrays)
    except _BROKEN as error:
        raise ValueError(f"no observation: {error!r:.200}") from error


def _header(one: Observation) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "key": one.key,
        "seconds": _pair(one.seconds),
        "fps": _pair(one.fps),
        "size": [one.width, one.height],
        "stills": [_pair(still.seconds) for still in one.stills],
        "world": asdict(one.world),
        "sound": None if one.sound is None else asdict(one.sound),
        "sightings": [_seen(sighting) for sighting in one.sightings],
        "measurable": one.measurable,
        "notes": list(one.notes),
    }


def _seen(one: Sighting) -> dict[str, Any]:
    """All but the arrays."""
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    for name in (*_VECTORS, "crop"):
        del values[name]
    return {**values, "seconds": _pair(one.seconds)}


def _observation(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Observation:
    stills = [
        Still(_exact(pair), _sums(arrays[f"still{n}"], _ACROSS))
        for n, pair in enumerate(header["stills"])
    ]
    sound = header["sound"]
    width, height = header["size"]
    return Observation(
        key=str(header["key"]),
        seconds=_exact(header["seconds"]),
        fps=_exact(header["fps"]),
        width=int(width),
        height=int(height),
        head=_sums(arrays["head"], _ACROSS_STACK),
        tail=_sums(arrays["tail"], _ACROSS_STACK),
        stills=tuple(stills),
        world=World(**_tuples(header["world"])),
        sound=None if sound is None else Sound(**_tuples(sound)),
        sightings=tuple(
            _sighting(_tuples(values), n, arrays) for n, values in enumerate(header["sightings"])
        ),
        last_frame=arrays["last_frame"].tobytes(),
        measurable=bool(header["measurable"]),
        notes=tuple(map(str, header["notes"])),
    )


def _sighting(values: dict[str, Any], n: int, arrays: dict[str, NDArray[Any]]) -> Sighting:
    values["seconds"] = _exact(values["seconds"])
    values["crop"] = arrays[f"crop{n}"].tobytes()
    for name in _VECTORS:
        vector = arrays.get(f"{name}{n}")
        values[name] = None if vector is None else _frozen(vector)
    return Sighting(**values)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return value


def _differences(pixels: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Each value less the one before it on `axis`, modulo 256: a fifth smaller when packed."""
    return np.diff(pixels, axis=axis, prepend=np.uint8(0))


def _sums(differences: NDArray[Any], axis: int) -> NDArray[np.uint8]:
    """The pixels again. Raises `ValueError` where that is no picture or stack of pictures."""
    if differences.dtype != np.uint8 or differences.ndim != 3 or 0 in differences.shape:
        raise ValueError(f"no pictures: {differences.dtype} {differences.shape}")
    return _frozen(np.cumsum(differences, axis=axis, dtype=np.uint8))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _pair(value: Fraction) -> list[int]:
    return [value.numerator, value.denominator]


def _exact(pair: Sequence[int]) -> Fraction:
    return Fraction(int(pair[0]), int(pair[1]))
