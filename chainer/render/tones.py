"""Between dynamic ranges: every picture is brought into the film's, and shown outside of it.

After ITU-R BT.2408: the white of an ordinary picture (text, marks and cards too) stands at 203
nits in an HDR film, which is 75 % of the scale in HLG; PQ and HLG meet on a display of 1000 nits.
Films of ordinary range get HDR sources through a tone map.
"""

from __future__ import annotations

from typing import Any

from chainer.media.colour import HDR_TRANSFERS, TRANSFERS, scaler_matrix
from chainer.media.info import ColourRange, HdrKind, VideoInfo
from chainer.mp4.box import boxes
from chainer.profile import DynamicRange, Profile
from chainer.render.encoder import pixel_format, with_alpha

REFERENCE_WHITE = 203
"""Nits of the white of an ordinary picture in an HDR film (BT.2408)."""

_PEAK = 1000
"""Nits that a picture is shown up to outside of an HDR film: what HLG can say, and most PQ does."""

_TRANSFERS = {
    DynamicRange.PQ: "smpte2084",
    DynamicRange.HLG: "arib-std-b67",
    HdrKind.PQ: "smpte2084",
    HdrKind.HLG: "arib-std-b67",
    HdrKind.NONE: "709",
}
_MATRICES = {
    "bt709": "709",
    "smpte170m": "170m",
    "bt470bg": "470bg",
    "bt2020": "2020_ncl",
    "fcc": "fcc",
    "smpte240m": "240m",
}
_PRIMARIES = {
    "bt2020": "2020",
    "smpte432": "smpte432",
    "smpte431": "smpte431",
    "smpte170m": "170m",
    "smpte240m": "240m",
    "bt470bg": "470bg",
    "bt470m": "470m",
}
_DIMMED = {DynamicRange.SDR: 0.62, DynamicRange.PQ: 0.79, DynamicRange.HLG: 0.73}
"""What the scale is multiplied by for about a third of the light."""


def is_hdr(profile: Profile) -> bool:
    """Whether the film has a high dynamic range."""
    return profile.dynamic_range is not DynamicRange.SDR


def range_of(profile: Profile) -> HdrKind:
    """The curve of a film's pictures."""
    return HdrKind(profile.dynamic_range.value) if is_hdr(profile) else HdrKind.NONE


def coded_range(entry: bytes) -> HdrKind:
    """The curve of a piece's pictures, from the boxes `colr` and `pasp` of its sample entry."""
    for kind, first, last in boxes(entry):
        if kind == b"colr" and entry[first : first + 4] in (b"nclx", b"nclc") and last - first > 7:
            number = int.from_bytes(entry[first + 6 : first + 8], "big")
            return HDR_TRANSFERS.get(TRANSFERS.get(number, ""), HdrKind.NONE)
    return HdrKind.NONE


def is_converted(video: VideoInfo, profile: Profile) -> bool:
    """Whether `in_range` changes pictures, which then have the film's matrix and limited range."""
    wide = video.hdr is not HdrKind.NONE or video.colour_primaries == "bt2020"
    return not _is_as_it_is(video, profile) if is_hdr(profile) else wide


def in_range(stream: Any, video: VideoInfo, profile: Profile) -> Any:
    """Pictures of a source in the film's range and gamut.

    In a film of ordinary range, those that are ordinary already are left to the scaler, which
    knows their matrix.
    """
    if not is_converted(video, profile):
        return stream
    if not is_hdr(profile):
        return _tone_mapped(stream, video, profile)
    name = video.pixel_format
    matrix = _MATRICES[scaler_matrix(video)]
    full = video.colour_range is ColourRange.PC
    if not name.startswith(("yuv", "nv", "p0", "p2", "p4", "y2", "gray", "ya")):
        stream, matrix, full = stream.filter("format", "gbrp10le"), "gbr", True
    elif name.startswith("yuva"):
        stream = stream.filter("format", name.replace("yuva", "yuv"))
    known = "2020" if video.hdr is not HdrKind.NONE else "709"
    curve = _TRANSFERS[video.hdr]
    if video.hdr is HdrKind.NONE and video.colour_transfer == "iec61966-2-1":
        curve = "iec61966-2-1"
    stream = stream.filter(
        "zscale",
        matrixin=matrix,
        primariesin=_PRIMARIES.get(video.colour_primaries, known),
        transferin=curve,
        rangein="full" if full else "limited",
        **_film(profile),
    )
    return stream.filter("format", pixel_format(profile))


def still_in_range(still: Any, profile: Profile) -> Any:
    """A drawn still with transparency (sRGB, straight alpha) as it is laid over a film."""
    if not is_hdr(profile):
        still = still.filter(
            "scale", out_color_matrix="bt709", out_range="tv", flags="accurate_rnd+full_chroma_int"
        )
        return still.filter("format", with_alpha(pixel_format(profile)))
    # The converter divides straight colours by their alpha; told that it is done, it leaves them.
    still = still.filter("setparams", alpha_mode="premultiplied").filter("format", "gbrap")
    still = still.filter("zscale", **_DRAWN, **_film(profile))
    still = still.filter("setparams", alpha_mode="straight")
    return still.filter("format", with_alpha(pixel_format(profile)))


def drawn_in_range(stream: Any, profile: Profile) -> Any:
    """Drawn pictures (sRGB, opaque) as pictures of a film."""
    if not is_hdr(profile):
        return stream.filter(
            "scale", out_color_matrix="bt709", out_range="tv", flags="accurate_rnd+full_chroma_int"
        )
    return stream.filter("format", "gbrp").filter("zscale", **_DRAWN, **_film(profile))


def shown(stream: Any, kind: HdrKind) -> Any:
    """Pictures of a film of that range as ordinary ones: BT.709, limited range, 8 bits.

    What is below half of the reference white keeps its light, so that ordinary clips, text and
    cards look as they do in a film of ordinary range; what is far above it is drawn together.
    """
    if kind is HdrKind.NONE:
        return stream
    stream = stream.filter(
        "zscale",
        matrixin="2020_ncl",
        primariesin="2020",
        transferin=_TRANSFERS[kind],
        rangein="limited",
        transfer="linear",
        npl=REFERENCE_WHITE,
    )
    stream = stream.filter("format", "gbrpf32le").filter("zscale", primaries="709")
    peak = f"{_PEAK / REFERENCE_WHITE:.4f}"
    stream = stream.filter("tonemap", "mobius", param=0.7, desat=0, peak=peak)
    stream = stream.filter("zscale", transfer="709", matrix="709", range="limited")
    return stream.filter("format", "yuv420p")


def dimmed(stream: Any, profile: Profile) -> Any:
    """Pictures at about a third of their light."""
    share = _DIMMED[profile.dynamic_range]
    if pixel_format(profile) == "yuv420p":
        return stream.filter("lutyuv", y=f"val*{share}+6")
    return stream.filter("lutyuv", y=f"(val-64)*{share}+64")


def _is_as_it_is(video: VideoInfo, profile: Profile) -> bool:
    """Whether a source has the film's range already, picture by picture."""
    return (
        video.hdr is range_of(profile)
        and video.pixel_format == pixel_format(profile)
        and video.colour_primaries == "bt2020"
        and video.colour_matrix == "bt2020nc"
        and video.colour_range is not ColourRange.PC
    )


def _film(profile: Profile) -> dict[str, str | int]:
    return {
        "primaries": "2020",
        "transfer": _TRANSFERS[profile.dynamic_range],
        "matrix": "2020_ncl",
        "range": "limited",
        "npl": REFERENCE_WHITE,
    }


_DRAWN = {"matrixin": "gbr", "primariesin": "709", "transferin": "709", "rangein": "full"}
"""Of what is drawn: in films of ordinary range, too, its numbers are taken for BT.709's."""


def _tone_mapped(stream: Any, video: VideoInfo, profile: Profile) -> Any:
    full = video.colour_range is ColourRange.PC
    stream = stream.filter(
        "zscale",
        matrixin="2020_ncl",
        primariesin="2020",
        transferin=_TRANSFERS[video.hdr] if video.hdr is not HdrKind.NONE else "bt709",
        rangein="full" if full else "limited",
        transfer="linear",
        npl=100,
    )
    stream = stream.filter("format", "gbrpf32le").filter("zscale", primaries="709")
    if video.hdr is not HdrKind.NONE:
        stream = stream.filter("tonemap", "hable", desat=0)
    stream = stream.filter("zscale", transfer="709", matrix="709", range="limited")
    return stream.filter("format", pixel_format(profile))
