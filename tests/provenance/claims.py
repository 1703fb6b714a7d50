"""Claims for the tests."""

from __future__ import annotations

from typing import Any

from chainer.provenance.claim import ClaimAtom, FilmClaim, FilmEdit
from chainer.provenance.credential import Credential


def claim_of(*credentials: Credential, **changes: Any) -> FilmClaim:
    told: dict[str, Any] = {
        "episode": "e1",
        "version": "0.1",
        "atoms": tuple(
            ClaimAtom.of(f"atom-{number}", credential)
            for number, credential in enumerate(credentials, 1)
        ),
        "watermarked": True,
        "edits": (FilmEdit.TRANSCODED, FilmEdit.GRADED),
        "governance": {"ledger": "9f2c", "position": 12, "credits": [{"id": "ab", "share": "1/2"}]},
    }
    return FilmClaim(**{**told, **changes})
