"""Signs of credentials in the bytes of a file, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.provenance.traces import Trace, find_traces

BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
JUMBF = bytes.fromhex("6332706100110010800000aa00389b71")
INSIDE = b'dcterms:provenance="self#jumbf=/c2pa/x"'
OUTSIDE = b"<dcterms:provenance> https://example.org/x </dcterms:provenance>"


def traces(path: Path, data: bytes) -> set[Trace]:
    path.write_bytes(data)
    with open_source(path, limits=MediaLimits()) as source:
        return set(find_traces(source))


@pytest.mark.parametrize(
    ("sign", "trace"),
    [
        (BOX, Trace.STORE),
        (JUMBF, Trace.STORE),
        (INSIDE, Trace.EMBEDDED),
        (OUTSIDE, Trace.REMOTE),
    ],
)
def test_a_sign_is_found_wherever_it_lies(sign: bytes, trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    edge = 1 << 20
    for at in (0, 7, edge - len(sign) // 2, edge - 1, edge, 2 * edge - 3):
        assert traces(path, bytes(at) + sign + bytes(64)) == {trace}, at


def test_no_sign_and_several(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert traces(path, b"dcterms:provenance " * 99) == set()
    assert traces(path, bytes(3 << 20)) == set()
    assert traces(path, INSIDE + OUTSIDE) == {Trace.EMBEDDED, Trace.REMOTE}
    assert traces(path, INSIDE + BOX) == {Trace.STORE}
