"""Places for stores, a Ceph RGW among them."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chainer.store import remote_gc, shared

from .kinds import AT_ONCE, Kind, make_kind

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "rgw.sh"


@pytest.fixture(scope="session")
def rgw_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running gateway: the environment that reaches it."""
    argv = [str(SCRIPT)]
    if shutil.which("radosgw") is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            if os.environ.get("CHAINER_REQUIRE_TOOLS"):
                pytest.fail("Ceph RGW is not installed and cannot be")
            pytest.skip("Ceph RGW is not installed and cannot be")
        argv.append("--install")
    folder = tmp_path_factory.mktemp("ceph") / "rgw"
    started = subprocess.run(
        [*argv, "start", str(folder)], check=False, capture_output=True, text=True
    )
    if started.returncode != 0:
        if os.environ.get("CHAINER_REQUIRE_TOOLS"):
            pytest.fail(f"Ceph RGW does not start: {started.stderr[-2000:]}")
        pytest.skip(f"Ceph RGW does not start: {started.stderr[-300:]}")
    try:
        yield dict(line.split("=", 1) for line in started.stdout.split())
    finally:
        subprocess.run([str(SCRIPT), "stop", str(folder)], check=True)


@pytest.fixture(scope="session")
def rgw_bucket(rgw_server: dict[str, str]) -> str:
    """A bucket of it."""
    import obstore
    from obstore.store import S3Store

    name = f"chainer-{uuid.uuid4().hex[:8]}"
    store = S3Store(
        name,
        endpoint=rgw_server["AWS_ENDPOINT_URL"],
        access_key_id=rgw_server["AWS_ACCESS_KEY_ID"],
        secret_access_key=rgw_server["AWS_SECRET_ACCESS_KEY"],
        region="default",
        client_options={"allow_http": True},
    )
    url = obstore.sign(store, "PUT", "", timedelta(minutes=5))
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=30) as answer:
        assert answer.status == 200
    return name


@pytest.fixture
def rgw(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Makes the environment one that reaches a gateway, started at the first wish for it."""

    def reach() -> str:
        for name, value in request.getfixturevalue("rgw_server").items():
            monkeypatch.setenv(name, value)
        bucket: str = request.getfixturevalue("rgw_bucket")
        return bucket

    return reach


@pytest.fixture
def kind(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rgw: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Kind:
    """The place that a test is parametrised with; nothing is believed without asking."""
    monkeypatch.setattr(shared, "KNOWN_SECONDS", 0.0)
    folder = tmp_path / uuid.uuid4().hex[:8]
    return make_kind(request.param, folder, rgw)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a bucket is too young to be evicted."""
    monkeypatch.setattr(remote_gc, "GRACE", AT_ONCE)
