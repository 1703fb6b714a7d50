"""Settings of the service, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import chainer


@dataclass(frozen=True, slots=True)
class Config:
    """Where things lie and how much is done at once.

    `graphs` holds graph files NAME.json, `out` finished episodes by id, `store` chainer's store.
    `at_once` episodes are rendered at the same time, at most `line` more wait. An event stream
    without news says so every `keep_alive` seconds.
    """

    graphs: Path
    out: Path
    store: Path
    settings: chainer.Settings
    at_once: int
    line: int
    keep_alive: float

    @property
    def workers(self) -> int:
        """Steps at once in one render, so that all renders together use the machine once."""
        return max(1, self.settings.pool_size // self.at_once)

    def made_with(self, *, draft: bool) -> chainer.Settings:
        """The settings of one episode; a draft has half the width and height, and is coarse."""
        house = self.settings.profile
        if not draft:
            return self.settings
        coarse = {"name": "draft", "draft": True, "crf": 30, "preset": "superfast"}
        half = {"width": max(64, house.width // 4 * 2), "height": max(64, house.height // 4 * 2)}
        profile = chainer.Profile.model_validate({**house.model_dump(), **coarse, **half})
        return self.settings.model_copy(update={"profile": profile})


def config_from(env: Mapping[str, str] = os.environ) -> Config:
    """The configuration that the environment describes. Raises `SettingsError`."""
    out = Path(env.get("SERVICE_OUT", "episodes")).absolute()
    graphs = Path(env.get("SERVICE_GRAPHS", "graphs")).absolute()
    if not graphs.is_dir():
        raise chainer.SettingsError(f"SERVICE_GRAPHS: there is no folder {graphs}")
    file = env.get("SERVICE_SETTINGS")
    settings = chainer.load_settings(Path(file)) if file else chainer.Settings()
    named = env.get("CHAINER_STORE") or settings.store.path or out / ".store"
    store = Path(named).absolute()
    place = settings.store.model_copy(update={"path": store})
    return Config(
        graphs=graphs,
        out=out,
        store=store,
        settings=settings.model_copy(update={"store": place}),
        at_once=int(_number(env, "SERVICE_AT_ONCE", 2, 1)),
        line=int(_number(env, "SERVICE_LINE", 100, 0)),
        keep_alive=_number(env, "SERVICE_KEEP_ALIVE", 15, 0.01),
    )


def _number(env: Mapping[str, str], name: str, default: float, least: float) -> float:
    text = env.get(name, str(default))
    try:
        value = float(text)
        if not least <= value <= 10_000:
            raise ValueError(text)
    except ValueError:
        raise chainer.SettingsError(
            f"{name} is {text!r}; let it be a number from {least} to 10000", name=name
        ) from None
    return value
