"""What a client may ask for, and the plan that it becomes."""

from __future__ import annotations

import hashlib
import json
import threading
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

import chainer
from examples.service.config import Config
from examples.service.problems import Problem

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An id of a graph or an atom: never a path."""

Seconds = Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}|/[1-9][0-9]{0,5})?$")]

_CONTENT = (
    *("title", "kind", "chain", "profile", "frames", "timeline", "joints", "chapters"),
    *("rating", "rights", "credentials"),
)


class Order(BaseModel):
    """The body of `POST /episodes`. Times are exact: whole seconds, or text such as "9.5"."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    graph: Name
    start: Name
    kind: Literal["series", "relay"] = "series"
    end: Name | None = None
    through: Annotated[list[Name], Field(max_length=100)] = []
    max_seconds: Annotated[int, Field(gt=0, lt=10**6)] | Seconds | None = None
    draft: bool = False


def plan_of(order: Order, config: Config, cancel: threading.Event) -> chainer.EpisodePlan:
    """The plan of an order. Encodes nothing, but looks at clips that are new: call it in a thread.

    Raises `Problem` (404) for an unknown graph, and what `chainer.plan_episode` raises.
    """
    path = config.graphs / f"{order.graph}.json"
    if not path.is_file():
        raise Problem(404, "unknown-graph", f"there is no graph {order.graph}", graph=order.graph)
    limit = order.max_seconds
    return chainer.plan_episode(
        chainer.load_graph(path),
        order.start,
        options=chainer.WalkOptions(
            kind=chainer.WalkKind(order.kind),
            end=order.end,
            through=tuple(order.through),
            max_seconds=None if limit is None else Fraction(limit),
        ),
        settings=config.made_with(draft=order.draft),
        cancel=cancel,
    )


def id_of(order: Order, plan: chainer.EpisodePlan) -> str:
    """The episode's id: the same for plans of the same film, however they were asked for.

    By what the plan says is shown, not by the request: when a clip, the graph or somebody's consent
    has changed, the same request is another film. What is in the store already does not count.
    """
    told = plan.as_json()
    content = {
        **{name: told[name] for name in _CONTENT},
        "graph": order.graph,
        "authors": [one.atom.author for one in plan.atoms],  # who is credited
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
