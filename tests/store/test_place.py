"""Where a store lies: folders, buckets, and what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from chainer.errors import SettingsError
from chainer.store import SharedStore, Store, StorePolicy, default_root, open_store, policy_for


def test_a_folder_is_as_before(tmp_path: Path) -> None:
    store = open_store(StorePolicy(path=tmp_path / "s"))
    assert type(store) is Store
    assert store.root == tmp_path / "s"
    assert StorePolicy().root == default_root()
    assert not isinstance(store, SharedStore)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://films", "s3://films"),
        ("s3://films/", "s3://films"),
        ("s3://my.films-2/a/b_c/d=1/", "s3://my.films-2/a/b_c/d=1"),
    ],
)
def test_buckets(url: str, told: str) -> None:
    policy = policy_for(url)
    assert policy.url == told
    assert policy == StorePolicy(url=url)
    assert policy.path is None
    assert policy.root.parent == default_root().parent / "shared"
    assert StorePolicy.model_validate_json(policy.model_dump_json()) == policy


def test_caches_of_different_buckets_are_apart() -> None:
    roots = {
        StorePolicy(url=url, endpoint=endpoint).root
        for url in ("s3://films", "s3://films/a", "s3://other")
        for endpoint in (None, "http://a", "http://b")
    }
    assert len(roots) == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gs://films", "write s3://bucket/prefix"),
        ("https://s3.example/films", "write s3://bucket/prefix"),
        ("s3:/films", "write s3://bucket/prefix"),
        ("s3://", "not a bucket's name"),
        ("s3://A", "not a bucket's name"),
        ("s3://Films", "not a bucket's name"),
        ("s3://who:secret@films/x", "not a bucket's name"),
        ("s3://films//x", "part of a prefix"),
        ("s3://films/../x", "part of a prefix"),
        ("s3://films/a b", "part of a prefix"),
        ("s3://films/x?y", "part of a prefix"),
        ("", "empty"),
    ],
)
def test_what_is_no_store(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        policy_for(text)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "endpoint",
    ["films", "ftp://a", "http://", "http://a/b", "http://a?b", "http://a:x", "http://who:me@a:1"],
)
def test_what_is_no_endpoint(endpoint: str) -> None:
    with pytest.raises(ValidationError, match=r"server's address|no credentials"):
        StorePolicy(url="s3://films", endpoint=endpoint)


def test_what_is_no_region_and_no_folder() -> None:
    with pytest.raises(ValidationError, match="not a region"):
        StorePolicy(region="eu central")
    with pytest.raises(ValidationError, match="given as url"):
        StorePolicy(path=Path("s3://films/x"))
    assert StorePolicy(endpoint="https://a:1/").endpoint == "https://a:1"


def test_a_text_changes_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = StorePolicy(max_bytes=2**30, endpoint="http://a:1", region="r")
    there = policy_for("s3://films/x", base)
    assert (there.url, there.endpoint, there.max_bytes) == ("s3://films/x", "http://a:1", 2**30)
    here = policy_for("some/folder", there)
    assert (here.url, here.path, here.max_bytes) == (None, tmp_path / "some/folder", 2**30)
    assert policy_for(Path("x"), base).path == tmp_path / "x"
