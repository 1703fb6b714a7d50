"""FFmpeg's names for colour, and which display matrix means which turn.

The numbers are those of ITU-T H.273, which every codec here uses; the names are those that
FFmpeg's options take. Refuses a display matrix that turns by less than a quarter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from chainer.media.info import ColourRange, FieldOrder, HdrKind, VideoInfo

UNKNOWN = "unknown"

# In the order of their numbers; empty where the number is reserved or means "unknown".
_PRIMARIES = "- bt709 - - bt470m bt470bg smpte170m smpte240m film bt2020 smpte428 smpte431 smpte432"
_TRANSFERS = (
    "- bt709 - - gamma22 gamma28 smpte170m smpte240m linear log100 log316 iec61966-2-4 bt1361e "
    "iec61966-2-1 bt2020-10 bt2020-12 smpte2084 smpte428 arib-std-b67"
)
_MATRICES = (
    "gbr bt709 - - fcc bt470bg smpte170m smpte240m ycgco bt2020nc bt2020c smpte2085 - - ictcp"
)


def _table(names: str) -> dict[int, str]:
    return {number: name for number, name in enumerate(names.split()) if name != "-"}


PRIMARIES = {**_table(_PRIMARIES), 22: "ebu3213"}
TRANSFERS = _table(_TRANSFERS)
MATRICES = _table(_MATRICES)
RANGES = {1: ColourRange.TV, 2: ColourRange.PC}
HDR_TRANSFERS = {"smpte2084": HdrKind.PQ, "arib-std-b67": HdrKind.HLG}

# AVFieldOrder; 4 and 5 are stored in one order and shown in the other, and showing counts.
FIELD_ORDERS = {
    1: FieldOrder.PROGRESSIVE,
    2: FieldOrder.TOP_FIRST,
    3: FieldOrder.BOTTOM_FIRST,
    4: FieldOrder.BOTTOM_FIRST,
    5: FieldOrder.TOP_FIRST,
}


def turn_of(matrix: Sequence[int]) -> tuple[Literal[0, 90, 180, 270], bool] | None:
    """Degrees clockwise to turn the stored picture, then whether to mirror it left to right.

    `matrix` is a display matrix of ISO/IEC 14496-12, row by row; empty, or singular as some
    muxers write it, means no turn. None when it is not a whole number of quarter turns.
    """
    if len(matrix) != 9:
        return 0, False
    right, down, _, across, below = matrix[:5]
    area = right * below - down * across
    if area == 0:
        return 0, False
    flipped = area < 0
    angle = math.degrees(math.atan2(down, -right if flipped else right)) % 360
    # FFmpeg takes an angle within one degree for a quarter turn.
    for quarter in (0, 90, 180, 270):
        if min(abs(angle - quarter), 360 - abs(angle - quarter)) < 1:
            return quarter, flipped
    return None


_SCALED = {"bt709", "smpte170m", "bt470bg", "bt2020nc", "bt2020c", "fcc", "smpte240m"}
_SD_SIDES = (1024, 576)


def scaler_matrix(video: VideoInfo) -> str:
    """The matrix that makes R'G'B' of the picture, by the scaler's name.

    The declared one; where none is, BT.601 for small pictures and BT.709 for others: that is what
    makers of untagged files mean, and what players assume.
    """
    if video.colour_matrix in _SCALED:
        return "bt2020" if video.colour_matrix.startswith("bt2020") else video.colour_matrix
    sides = sorted((video.width, video.height), reverse=True)
    return "smpte170m" if sides[0] <= _SD_SIDES[0] and sides[1] <= _SD_SIDES[1] else "bt709"
