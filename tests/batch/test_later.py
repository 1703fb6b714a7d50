"""An executor that is reached at the first step."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chainer.batch.executor import Executor
from chainer.batch.later import LaterExecutor
from chainer.batch.work import StepResult, StepWork
from chainer.digest import Digest
from chainer.errors import InputError
from tests.batch.clusters import bare


class Noting:
    """An executor that notes what is asked of it."""

    name, workers = "noting", 3

    def __init__(self) -> None:
        self.asked: list[str] = []

    def takes(self, work: StepWork) -> bool:
        self.asked.append("takes")
        return work.step.name == "yes"

    def submit(self, work: StepWork) -> None:
        self.asked.append("submit")

    def results(self, timeout: float) -> list[StepResult]:
        self.asked.append(f"results {timeout}")
        return [StepResult(bare(1).key, None)]

    def parts(self) -> Mapping[Digest, int]:
        return {bare(1).key: 4}

    def recall(self) -> None:
        self.asked.append("recall")

    def stop(self) -> None:
        self.asked.append("stop")

    def close(self) -> None:
        self.asked.append("close")


def test_it_is_reached_once_and_only_for_a_step() -> None:
    noting, reached = Noting(), list[int]()

    def reach() -> Executor:
        reached.append(1)
        return noting

    later = LaterExecutor(reach, "far")
    assert (later.name, later.workers, later.parts()) == ("far", 1, {})
    assert later.results(0.01) == []
    later.stop()
    later.close()
    assert (reached, noting.asked) == ([], [])
    assert later.takes(bare(1, "yes"))
    assert not later.takes(bare(1, "no"))
    later.submit(bare(1))
    assert (later.name, later.workers) == ("noting", 3)
    assert later.parts() == {bare(1).key: 4}
    assert len(later.results(0.5)) == 1
    later.stop()
    later.close()
    assert noting.asked == ["takes", "takes", "submit", "results 0.5", "stop", "close"]
    assert reached == [1]


def test_what_reaching_raises_comes_before_any_step() -> None:
    def reach() -> Executor:
        raise InputError("nobody", code="scheduler")

    with pytest.raises(InputError, match="nobody"):
        LaterExecutor(reach, "far").takes(bare(1))
