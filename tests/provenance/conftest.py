"""What the tests of the provenance room share: clips, a store, an authority, a network canary."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from chainer.digest import file_digest
from chainer.provenance.credential import Credential, read_credential
from chainer.provenance.policy import ProvenancePolicy
from chainer.store import Store

from .canary import Canary, canary_server
from .pki import Authority, sign_atom

REPOSITORY = Path(__file__).resolve().parents[2]
MEDIA = Path(os.environ.get("CHAINER_MEDIA", REPOSITORY.parent / "shared" / "media"))

Read = Callable[..., Credential]


def encode(path: Path, *options: str) -> Path:
    """Run the bundled FFmpeg; `options` are everything between the switches and the target."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-threads", "1", "-y"]
    subprocess.run([*argv, *options, str(path)], check=True, timeout=60, capture_output=True)
    return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`one`, `two`, `three`: a second of picture and sound each, without credentials."""
    folder = tmp_path_factory.mktemp("clips")
    return {
        clip: encode(
            folder / f"{clip}.mp4",
            *("-f", "lavfi", "-i", f"{source}=s=64x64:r=30:d=1"),
            *("-f", "lavfi", "-i", "sine=f=440:r=48000:d=1"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
            *("-movflags", "+faststart"),
        )
        for clip, source in (("one", "testsrc2"), ("two", "testsrc"), ("three", "smptebars"))
    }


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def anchors(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("anchors") / "anchors.pem"
    path.write_bytes(authority.anchor)
    return path


@pytest.fixture(scope="session")
def policy(anchors: Path) -> ProvenancePolicy:
    """Trusts the authority of the tests."""
    return ProvenancePolicy(trust_anchors=anchors)


@pytest.fixture(scope="session")
def signed(
    clips: dict[str, Path], authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The clips with credentials by a signer that `policy` trusts."""
    folder = tmp_path_factory.mktemp("signed")
    signer = authority.signer()
    return {clip: sign_atom(path, folder / path.name, signer) for clip, path in clips.items()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def read(store: Store, policy: ProvenancePolicy) -> Read:
    """Read the credentials of a file, by default with the store and policy of the test."""

    def read(path: Path, chosen: ProvenancePolicy = policy) -> Credential:
        return read_credential(path, file_digest(path), store, chosen)

    return read


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that the tests of a session share, who only want credentials that were read."""
    return Store(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def read_once(kept: Store, policy: ProvenancePolicy) -> Read:
    """Read the credentials of a file, with the store `kept`."""

    def read(path: Path, chosen: ProvenancePolicy = policy) -> Credential:
        return read_credential(path, file_digest(path), kept, chosen)

    return read


@pytest.fixture
def canary() -> Iterator[Canary]:
    with canary_server() as server:
        yield server
