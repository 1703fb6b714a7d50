"""`chainer store info|verify|gc` over a folder and over a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainer.cli import run
from chainer.digest import bytes_digest
from chainer.store import place, remote_gc

from .actors import key
from .kinds import Kind, bytes_name, publish, record_name

pytestmark = pytest.mark.parametrize(
    "kind", ["folder", pytest.param("rgw", marks=pytest.mark.slow), "http"], indirect=True
)

Call = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def kind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rgw: Any
) -> Kind:
    """A folder, or a bucket that the command reaches by its URL: a real one, or one in memory."""
    from chainer.store import bucket, shared

    from .kinds import make_kind

    monkeypatch.setattr(shared, "KNOWN_SECONDS", 0.0)
    monkeypatch.setattr(place, "default_root", lambda: tmp_path / "platform" / "store")
    if request.param == "http":
        made = make_kind("memory", tmp_path / "it", rgw)
        made.name = "http"
        assert made.bucket is not None
        made.bucket._url = "s3://films/x"
        monkeypatch.setattr(bucket, "s3_bucket", lambda *_a, **_k: made.bucket)
        return made
    return make_kind(request.param, tmp_path / f"it-{tmp_path.name.lower()[-20:]}", rgw)


@pytest.fixture
def call(kind: Kind, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str) -> tuple[int, Any, str]:
        place = kind.folder / "store" if kind.bucket is None else kind.bucket.url
        status = run(["store", *words, "--store", str(place), "--json"])
        told = json.loads(capsys.readouterr().out)
        status_again = run(["store", *words, "--store", str(place)])
        if "--repair" not in words and words[0] != "gc":
            assert status_again == status
        return status, told, capsys.readouterr().out

    return call


def test_info(kind: Kind, call: Call, tmp_path: Path) -> None:
    publish(kind.open(), "a", b"x" * 1000)
    kind.open().pin("p", [key("a")], folder=tmp_path)
    status, told, text = call("info")
    url = None if kind.bucket is None else kind.bucket.url
    assert status == 0
    assert (told["url"], told["records"], told["files"], told["bytes"]) == (url, 1, 1, 1000)
    assert told["by_type"] == {"test": {"records": 1, "bytes": 1000}}
    assert told["pins"] == 1
    assert text.startswith(f"{url or kind.folder / 'store'}: 1 records, 1.0 kB, 1 pins\n")


def test_verify(kind: Kind, call: Call) -> None:
    publish(kind.open(), "a", b"x" * 1000)
    assert call("verify")[:2] == (
        0,
        {
            "url": None if kind.bucket is None else kind.bucket.url,
            "checked": 1,
            "whole": True,
            "repaired": False,
            "faults": [],
        },
    )
    kind.write(bytes_name(bytes_digest(b"x" * 1000)), b"y" * 1000)
    status, told, text = call("verify")
    assert (status, told["whole"], [fault["key"] for fault in told["faults"]]) == (
        5,
        False,
        [key("a")],
    )
    assert "1 records checked, 1 not whole" in text
    kind.write("pins/film", b"{")
    status, told, _ = call("verify", "--repair")
    assert (status, len(told["faults"])) == (5, 2)
    assert told["faults"][1]["key"] == "pins/film"
    assert kind.names("ac") == []
    assert kind.names("pins") == ["pins/film"]
    kind.remove("pins/film")
    assert call("verify", "--repair")[0] == 0


@pytest.mark.usefixtures("at_once")
def test_gc(kind: Kind, call: Call, tmp_path: Path) -> None:
    for word in "abc":
        publish(kind.open(), word, word.encode() * 1000)
    status, told, text = call("gc", "--max-bytes", "0", "--dry-run")
    assert status == 0
    assert (told["dry_run"], told["records"], told["freed_bytes"], told["left_bytes"]) == (
        True,
        3,
        3000,
        0,
    )
    assert "3 records would be removed" in text
    assert len(kind.names("ac")) == 3
    kind.open().pin("film", [key("a")], folder=tmp_path)
    status, told, text = call("gc", "--max-bytes", "500")
    assert (told["records"], told["files"], told["left_bytes"]) == (2, 2, 1000)
    assert (told["pinned_bytes"], told["over_bytes"]) == (1000, 500)
    assert "1.0 kB are pinned" in text
    assert kind.names("ac") == [record_name("a")]
    kind.write("pins/film", b"{")
    status, told, _ = call("gc", "--max-bytes", "0")
    assert (status, told["error"]["code"]) == (5, "store-pin")


def test_how_much_a_bucket_may_hold_must_be_said(
    kind: Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind.bucket is None:
        assert run(["store", "gc", "--store", str(kind.folder / "store")]) == 0
        return
    assert run(["store", "gc", "--store", kind.bucket.url]) == 2
    assert "--max-bytes" in capsys.readouterr().err
    assert remote_gc.GRACE.total_seconds() == 600


def test_long_work_is_told(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    store = kind.open()
    for number in range(100):
        store.publish(key(str(number)), "probe", {}, {})
    where = kind.folder / "store" if kind.bucket is None else kind.bucket.url
    assert run(["store", "verify", "--store", str(where)]) == 0
    told = capsys.readouterr()
    assert "50/100 checking" in told.err
    assert "100 records checked" in told.out
    assert run(["store", "verify", "--store", str(where), "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_is_no_store(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    assert kind.name
    assert run(["store", "info", "--store", "gs://films"]) == 2
    assert "write s3://bucket/prefix" in capsys.readouterr().err
