"""The settings of the room: defaults, and contradictions refused in clear words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chainer.provenance.policy import (
    C2PA_EKU,
    Answer,
    ProvenancePolicy,
    SigningMode,
    SigningPolicy,
    Verdict,
)


def test_every_verdict_has_an_answer() -> None:
    answers = {verdict: ProvenancePolicy().answer(verdict) for verdict in Verdict}
    assert answers == {
        Verdict.TRUSTED: Answer.USE,
        Verdict.UNTRUSTED: Answer.NOTE,
        Verdict.TAMPERED: Answer.REFUSE,
        Verdict.LOST: Answer.NOTE,
        Verdict.NONE: Answer.USE,
    }
    strict = ProvenancePolicy.model_validate({"none": "refuse", "untrusted": "refuse"})
    assert strict.answer(Verdict.NONE) is strict.answer(Verdict.UNTRUSTED) is Answer.REFUSE


@pytest.mark.parametrize(
    "values",
    [
        {"trusted": "maybe"},
        {"strange": "use"},
        {"ekus": []},
        {"ekus": ["emailProtection"]},
        {"ekus": ["1.3.6.1\n1.2.3"]},
    ],
)
def test_a_policy_that_makes_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProvenancePolicy.model_validate(values)
    assert C2PA_EKU in ProvenancePolicy().ekus


def test_signing_is_for_development_by_default() -> None:
    assert SigningPolicy().mode is SigningMode.DEVELOPMENT
    assert SigningPolicy().timestamp_url is None
    key = SigningPolicy.model_validate({"mode": "key", "certificate": "a.pem", "key": "b.pem"})
    assert key.mode is SigningMode.KEY
    assert SigningPolicy.model_validate({"timestamp_url": "https://tsa.example/x"}).timestamp_url


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mode": "key", "key": "b.pem"}, 'name one with "certificate"'),
        ({"mode": "key", "certificate": "a.pem"}, 'name one with "key"'),
        ({"certificate": "a.pem"}, '"certificate" is for mode "key", and the mode is'),
        ({"mode": "off", "key": "b.pem"}, '"key" is for mode "key"'),
        ({"key_password_env": "PASS"}, '"key_password_env" is for mode "key"'),
        ({"mode": "off", "timestamp_url": "http://tsa.example"}, 'leave "timestamp_url" out'),
        ({"timestamp_url": "ftp://tsa.example"}, "must be an http or https address"),
        ({"timestamp_url": "http://"}, "must be an http or https address"),
        ({"timestamp_url": "http://a b"}, "must be an http or https address"),
        ({"timestamp_url": "http://[::1"}, "must be an http or https address"),
        ({"key_password_env": "not a name"}, "key_password_env"),
        ({"signature": "x"}, "signature"),
    ],
)
def test_signing_contradictions_are_refused(values: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SigningPolicy.model_validate(values)
    assert words in str(caught.value)
