"""The one door to the c2pa library: reading, packing and signing Content Credentials.

Run as a script it reads a stranger's file in a child process: an order as JSON on stdin, up to
two answers as lines of JSON on stdout, first what was read, then whether the archive was
written. Judges nothing. Knows nothing of chainer, so that the child loads nothing else.

Nothing in here goes to the network: every context refuses it in every way that the library
has. The one exception is a time stamping authority, which the library asks past its own list of
allowed hosts; none is ever named but by the caller of `sign`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any

VERSION = 1
"""Counted up whenever the same file could give another answer."""

MEDIA_TYPE = "video/mp4"
GOVERNANCE = "org.chainer.governance"


class DoorError(Exception):
    """What the library refused, in its own words; the cause is its own error."""


@lru_cache(maxsize=1)
def library_version() -> str:
    """The version of the Python package, which pins the native library."""
    from importlib.metadata import version

    return version("c2pa-python")


def settings(anchors: str, ekus: Sequence[str]) -> dict[str, Any]:
    """The settings of every context: who is trusted, and no network.

    `anchors` are PEM certificates one after another, or nothing.
    """
    trust: dict[str, Any] = {"trust_config": "\n".join(ekus)}
    if anchors:
        trust["trust_anchors"] = anchors
    return {
        "version": 1,
        "trust": trust,
        "verify": {
            "verify_trust": True,
            "verify_after_sign": False,  # a film is read again by other means, and its media too
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
        },
        "core": {
            "allowed_network_hosts": [],
            "allow_redirects": False,
            "decode_identity_assertions": False,
        },
        # A picture of a person would stay in every film that is made of this one.
        "builder": {"thumbnail": {"enabled": False}},
    }


def read(stream: IO[bytes], config: Mapping[str, Any]) -> dict[str, Any]:
    """What the credentials in `stream` say, as plain values; `found` tells whether there are any.

    Raises nothing for a bad file: `problem` holds the library's words.
    """
    import c2pa  # type: ignore[import-untyped]

    try:
        with (
            c2pa.Context.from_dict(dict(config)) as context,
            c2pa.Reader(None, stream, context=context) as reader,
        ):
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return {"found": False, "problem": str(error)[:500]}
    label = store.get("active_manifest")
    manifest = store.get("manifests", {}).get(label)
    if not isinstance(manifest, dict):
        return {"found": False, "problem": "no active manifest"}
    return {"found": True, "label": label, **_told(store, label, manifest)}


def pack(stream: IO[bytes], config: Mapping[str, Any], label: str, target: IO[bytes]) -> None:
    """Write what a film needs to name the file in `stream` as a component, without its media.

    Raises `DoorError` where the library refuses.
    """
    import c2pa

    ingredient = {"label": label, "title": "atom", "relationship": "componentOf"}
    definition = {"claim_generator_info": [{"name": "chainer", "version": str(VERSION)}]}
    try:
        with (
            c2pa.Context.from_dict(dict(config)) as context,
            c2pa.Builder(definition, context) as builder,
        ):
            builder.add_ingredient(ingredient, _media_type(stream), stream)
            builder.write_ingredient_archive(label, target)
    except c2pa.C2paError as error:
        raise DoorError(str(error)) from error


def sign(
    source: IO[bytes],
    target: IO[bytes],
    *,
    config: Mapping[str, Any],
    definition: Mapping[str, Any],
    archives: Iterable[IO[bytes]],
    chain: bytes,
    algorithm: str,
    signature: Callable[[bytes], bytes],
    timestamp_url: str | None,
) -> int:
    """Write the film in `source` with a manifest to `target`; returns the manifest's bytes.

    `archives` were written by `pack`. `signature` gives the signature over some bytes, and
    nothing where it could not. Raises `DoorError` where the library refuses.
    """
    import c2pa

    kind = c2pa.C2paSigningAlg[algorithm.upper()]
    try:
        with (
            c2pa.Context.from_dict(dict(config)) as context,
            c2pa.Signer.from_callback(signature, kind, chain.decode(), timestamp_url) as signer,
            c2pa.Builder(dict(definition), context) as builder,
        ):
            for archive in archives:
                builder.add_ingredient_from_archive(archive)
            return len(builder.sign(signer, _film_type(source), source, target))
    except c2pa.C2paError as error:
        raise DoorError(str(error)) from error


def _film_type(stream: IO[bytes]) -> str:
    head = stream.read(12)
    stream.seek(0)
    return "video/quicktime" if head[4:] == b"ftypqt  " else MEDIA_TYPE


def _media_type(stream: IO[bytes]) -> str:
    """What the library needs to be told here, though it finds it out by itself when it reads."""
    head = stream.read(16)
    stream.seek(0)
    if head[:4] == b"RIFF":
        return "audio/wav"
    return "audio/mpeg" if head[:3] == b"ID3" else MEDIA_TYPE


def _told(store: Mapping[str, Any], label: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    results = store.get("validation_results", {})
    signature = manifest.get("signature_info") or {}
    actions: list[dict[str, Any]] = []
    governance = None
    for assertion in manifest.get("assertions", []):
        if assertion.get("label") in ("c2pa.actions", "c2pa.actions.v2"):
            actions += assertion["data"].get("actions", [])
        elif assertion.get("label") == GOVERNANCE:
            governance = assertion.get("data")
    created = next((action for action in actions if "digitalSourceType" in action), {})
    return {
        "state": store.get("validation_state"),
        "codes": _failures(results),
        "known": _is_known(results),
        "deltas": _deltas(results),
        "issuer": signature.get("issuer"),
        "common_name": signature.get("common_name"),
        "signed_at": signature.get("time"),
        "generator": _generator(manifest),
        "source_type": created.get("digitalSourceType"),
        "actions": [
            {"action": action.get("action"), "places": _places(action)} for action in actions
        ],
        "ingredients": [
            {
                "name": ingredient.get("label"),
                "relationship": ingredient.get("relationship"),
                "label": ingredient.get("active_manifest"),
                "known": _is_known(ingredient.get("validation_results") or {}),
                "codes": _failures(ingredient.get("validation_results") or {})
                + [
                    code
                    for found in _deltas(ingredient.get("validation_results") or {})
                    for code in found["codes"]
                ],
            }
            for ingredient in manifest.get("ingredients", [])
        ],
        "governance": governance,
    }


def _failures(results: Mapping[str, Any]) -> list[str]:
    return [found["code"] for found in results.get("activeManifest", {}).get("failure", [])]


def _is_known(results: Mapping[str, Any]) -> bool:
    """Whether the signer was found among those that are trusted."""
    success = results.get("activeManifest", {}).get("success", [])
    return any(found["code"] == "signingCredential.trusted" for found in success)


def _deltas(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with each ingredient, beyond what its manifest has recorded."""
    return [
        {
            "at": found["ingredientAssertionURI"],
            "codes": [failure["code"] for failure in found["validationDeltas"]["failure"]],
        }
        for found in results.get("ingredientDeltas", [])
        if found["validationDeltas"]["failure"]
    ]


def _places(action: Mapping[str, Any]) -> list[str]:
    """The names of the ingredients that an action speaks of."""
    found = (action.get("parameters") or {}).get("ingredients") or []
    return [str(place.get("url", "")).rsplit("/", 1)[-1] for place in found]


def _generator(manifest: Mapping[str, Any]) -> str | None:
    for info in manifest.get("claim_generator_info") or []:
        return f"{info.get('name', '')} {info.get('version') or ''}".strip()
    return manifest.get("claim_generator")


def _import_fast() -> None:
    """Import the library without what its own version costs to look up: a third of its start."""
    from types import ModuleType

    stand_in = ModuleType("importlib.metadata")
    stand_in.version = lambda name: ""  # type: ignore[attr-defined]
    sys.modules["importlib.metadata"] = stand_in
    try:
        import c2pa  # noqa: F401
    except (ImportError, AttributeError):  # a later one may want more of it
        pass
    finally:
        del sys.modules["importlib.metadata"]


def main() -> None:
    """Read the order, answer."""
    order = json.load(sys.stdin)
    sys.path.append(order["site"])
    _import_fast()
    with open(order["descriptor"], "rb", closefd=False) as stream:
        answer = read(stream, order["config"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if not (order["archive"] and answer["found"]):
            return
        stream.seek(0)
        with open(order["archive"], "w+b") as target:  # noqa: PTH123  pathlib costs start-up time
            try:
                pack(stream, order["config"], order["label"], target)
            except DoorError as error:
                sys.stdout.write(json.dumps({"packed": False, "problem": str(error)[:500]}) + "\n")
                return
    sys.stdout.write(json.dumps({"packed": True}) + "\n")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # all is written, and taking the library apart costs more than the answer
