"""What a film says of itself: the actions in order, no names, nothing that would not survive."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import ProvenanceError
from chainer.provenance.claim import COMPOSITE, ClaimAtom, FilmClaim, FilmEdit
from chainer.provenance.policy import Verdict
from chainer.store import Artefact

from .pki import TRAINED

BARE = ClaimAtom(label="atom-1", media="1" * 64, verdict=Verdict.NONE)
PACKED = ClaimAtom(
    label="atom-2",
    media="2" * 64,
    verdict=Verdict.TRUSTED,
    manifest="urn:c2pa:x",
    archive=Artefact(digest="3" * 64, size=1),
    source_type=TRAINED,
)
CLAIM = FilmClaim(episode="e1", version="1.2", atoms=(BARE, PACKED), watermarked=True)


def actions(claim: FilmClaim) -> list[dict[str, Any]]:
    told = claim.definition()["assertions"][0]
    assert told["created"] is True
    found: list[dict[str, Any]] = told["data"]["actions"]
    assert tuple(action["action"] for action in found) == claim.actions
    return found


def test_one_created_one_placed_for_each_atom_and_what_was_done() -> None:
    claim = replace(CLAIM, edits=(FilmEdit.TRANSCODED, FilmEdit.CROPPED, FilmEdit.GRADED))
    found = actions(claim)
    assert [action["action"] for action in found] == [
        *("c2pa.created", "c2pa.placed", "c2pa.placed", "c2pa.watermarked.unbound"),
        *("c2pa.color_adjustments", "c2pa.cropped", "c2pa.transcoded"),
    ]
    assert found[0]["digitalSourceType"] == COMPOSITE
    ids = [action["parameters"]["ingredientIds"] for action in found[1:3]]
    assert ids == [[f"atom-{'1' * 32}"], [f"atom-{'2' * 32}"]]
    assert all("parameters" not in action for action in found[3:])
    assert found[2]["digitalSourceType"] == TRAINED


def test_only_atoms_without_credentials_are_written_out() -> None:
    told = CLAIM.definition()
    assert [found["label"] for found in told["ingredients"]] == [f"atom-{'1' * 32}"]
    assert [found["relationship"] for found in told["ingredients"]] == ["componentOf"]
    assert CLAIM.archived() == (PACKED,)
    assert told["claim_generator_info"] == [{"name": "chainer", "version": "1.2"}]
    assert "title" not in told


def test_no_mark_and_no_edit() -> None:
    plain = replace(CLAIM, watermarked=False, edits=())
    assert [action["action"] for action in actions(plain)][3:] == []


def test_governance_has_a_schema_and_is_the_signers_own() -> None:
    told = replace(CLAIM, draft=True, governance={"ledger": 7}).definition()["assertions"][1]
    assert told == {
        "label": "org.chainer.governance",
        "created": True,
        "data": {"schema": 1, "episode": "e1", "draft": True, "ledger": 7},
    }


def test_a_strangers_source_type_is_not_repeated() -> None:
    for word in ("Mei Lin", "http://cv.iptc.org/newscodes/digitalsourcetype/x y", TRAINED + "\n"):
        claim = replace(CLAIM, atoms=(replace(PACKED, source_type=word),))
        assert "digitalSourceType" not in actions(claim)[1]


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        ((), "at least one atom"),
        ((BARE, replace(PACKED, label="atom-1")), "same label atom-1"),
        ((BARE, replace(PACKED, media=BARE.media)), "same media"),
        ((replace(BARE, label="Mei Lin"),), "is no label"),
        ((replace(BARE, label="a\n"),), "is no label"),
    ],
)
def test_atoms_are_distinct_and_nameless(atoms: tuple[ClaimAtom, ...], words: str) -> None:
    with pytest.raises(ProvenanceError, match=words):
        replace(CLAIM, atoms=atoms).definition()


@pytest.mark.parametrize(
    ("governance", "path"),
    [
        ({"who": "Mei"}, "governance.who"),
        ({"who": ["x", {"deep": "by MEI, gladly"}]}, r"governance.who\[1\].deep"),
        ({"who": "mei"}, "governance.who"),
        ({"who": "photo_mei_1"}, "governance.who"),
        ({"who": "xxvalentinaxx"}, "governance.who"),
        ({"who": "\uff2d\uff45\uff49"}, "governance.who"),
    ],
)
def test_names_are_refused(governance: dict[str, Any], path: str) -> None:
    claim = replace(CLAIM, governance=governance, forbidden=("Mei", "Valentina", " ", ""))
    with pytest.raises(ProvenanceError, match=path) as caught:
        claim.definition()
    assert caught.value.code == "name-in-manifest"
    assert "Mei" not in str(caught.value)


def test_a_name_in_the_episodes_id_is_refused() -> None:
    with pytest.raises(ProvenanceError, match=r"governance\.episode"):
        replace(CLAIM, episode="mei-1", forbidden=("Mei",)).definition()


def test_a_short_name_may_stand_in_an_id_by_chance() -> None:
    claim = replace(CLAIM, governance={"id": "0abe7d", "word": "meiosis"}, forbidden=("Abe", "Mei"))
    assert claim.definition()["assertions"][1]["data"]["id"] == "0abe7d"


def test_somebody_may_be_called_like_a_word_of_ours() -> None:
    """Ids hold short words by chance; a rating is one, whoever is called so."""
    ids = {"id": "facade" + "0" * 26, "digest": "decade".rjust(64, "1")}
    claim = replace(
        CLAIM,
        episode="ep-" + "e" * 32,
        governance={**ids, "rating": "teen", "by": "DE"},
        forbidden=("facade", "decade", "ep", "Teen", "de"),
        own_words=("teen", "DE"),
    )
    assert claim.definition()["assertions"][1]["data"]["rating"] == "teen"
    for words, path in (
        ({"own_words": ("DE",)}, "rating"),
        ({"own_words": ("teen",)}, "by"),
        ({"forbidden": (ids["id"],)}, "id"),
        ({"forbidden": ("1" * 16,)}, "digest"),
        ({"forbidden": ("E" * 16,)}, "episode"),
    ):
        with pytest.raises(ProvenanceError, match=rf"governance\.{path} "):
            replace(claim, **words).definition()


@pytest.mark.parametrize(
    ("governance", "words"),
    [
        ({"schema": 2}, 'may not set "schema"'),
        ({"draft": False}, 'may not set "draft"'),
        ({"x": [1, 2]}, "a list of whole numbers for bytes"),
        ({"x": {"y": (0,)}}, "a list of whole numbers for bytes"),
        ({"x": float("nan")}, "no plain JSON value"),
        ({"x": 2**63}, "no plain JSON value"),
        ({"x": b"y"}, "no plain JSON value"),
        ({"x": {1: 2}}, "no name of a JSON value"),
    ],
)
def test_what_would_not_survive_is_refused(governance: dict[str, Any], words: str) -> None:
    with pytest.raises(ProvenanceError, match=words):
        replace(CLAIM, governance=governance).definition()


def test_nesting_has_an_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"x": deep}
    with pytest.raises(ProvenanceError, match="nested too deep"):
        replace(CLAIM, governance=deep).definition()


names = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=12)
leaves = st.none() | st.booleans() | st.integers(-9, 9) | names
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def spoken(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for item in value.values() for word in spoken(item)]
    if isinstance(value, list):
        return [word for item in value for word in spoken(item)]
    return [value] if isinstance(value, str) else []


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3), names)
def test_no_name_ever_passes(governance: dict[str, Any], name: str) -> None:
    """Whatever is let through is plain JSON, and no value in it is the name."""
    claim = replace(CLAIM, governance=governance, forbidden=(name,))
    try:
        told = claim.definition()["assertions"][1]["data"]
    except ProvenanceError:
        return
    assert json.loads(json.dumps(told)) == told
    assert name not in spoken(told)
    with pytest.raises(ProvenanceError):
        replace(claim, governance={"a": [governance, {"b": f"{name}!"}]}).definition()
