"""Media that is lent to workers: found anywhere, and gone when what it shows must go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chainer.digest import file_digest
from chainer.enrol import pieces_of
from chainer.errors import MediaError, MediaRefused, StoreError
from chainer.store import purge
from chainer.store.lent import lend, lent_key
from tests.consent.flow import Flow

from .kinds import KINDS, Kind


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 40)
    return path


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_lent_media_is_found_elsewhere_and_purged_with_its_key(kind: Kind, clip: Path) -> None:
    here, there = kind.open(), kind.open()
    media = file_digest(clip)
    lend(here, media, clip)
    assert there.fetch_blob(media).read_bytes() == clip.read_bytes()
    lend(there, media, clip)
    assert clip.exists(), "it is a copy that is kept"
    assert purge(here, [lent_key(media)]).files == 1
    with pytest.raises(StoreError):
        kind.open().fetch_blob(media)


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_what_vanished_is_sent_again(kind: Kind, clip: Path) -> None:
    store = kind.open()
    media = file_digest(clip)
    lend(store, media, clip)
    kind.remove(f"cas/{media[:2]}/{media}")
    lend(store, media, clip, again=True)
    assert kind.open().fetch_blob(media).read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("kind", ["memory"], indirect=True)
def test_a_file_that_is_not_what_was_planned(kind: Kind, clip: Path, tmp_path: Path) -> None:
    store = kind.open()
    media = file_digest(clip)
    clip.write_bytes(b"another")
    with pytest.raises(MediaRefused) as caught:
        lend(store, media, clip)
    assert caught.value.code == "media-changed"
    with pytest.raises(MediaError):
        lend(store, media, tmp_path / "none.mp4")
    assert kind.names("cas") == []
    assert not list((store.root / "tmp").iterdir())


def test_whoever_is_shown_is_noted_with_the_clip_itself(tmp_path: Path) -> None:
    """In a store that machines share: there the clip may be lent."""
    flow = Flow(tmp_path)
    flow.grants()
    plan = flow.plan()
    lent = {lent_key(atom.media.digest): atom.atom.id for atom in plan.atoms}
    assert not lent.keys() & {piece.key for piece in pieces_of(plan, flow.register)}
    store = plan.settings.store.model_copy(update={"url": "s3://bucket/films"})
    shared = replace(plan, settings=plan.settings.model_copy(update={"store": store}))
    noted = {piece.key: piece for piece in pieces_of(shared, flow.register)}
    assert {lent[key] for key in lent.keys() & noted.keys()} == {"c1", "c2", "c3"}
    assert {noted[key].type for key in lent.keys() & noted.keys()} == {"media"}
    assert all(noted[key].people for key in lent.keys() & noted.keys())
