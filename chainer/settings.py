"""Every room's policy in one frozen bundle, and how it is read from a TOML file.

Settings only group: each policy and its defaults live beside the code that uses them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.cluster_policy import ClusterPolicy
from chainer.consent.blocklist import BlockPolicy
from chainer.consent.gate import ConsentPolicy
from chainer.consent.rating import Audience
from chainer.consent.rights import RightsPolicy
from chainer.consent.shares import CreditPolicy
from chainer.delivery import HlsPolicy, OtioPolicy, ReportPolicy
from chainer.errors import SettingsError
from chainer.media.limits import MediaLimits
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.profile import HOUSE, PROFILES, Profile
from chainer.provenance.policy import ProvenancePolicy, SigningPolicy
from chainer.quality.policy import QualityPolicy
from chainer.render.spec import CaptionPolicy, CardStyle, ConformPolicy, WatermarkPolicy
from chainer.store import StorePolicy
from chainer.timeline import JointPolicy
from chainer.timeline.bed import BedPolicy
from chainer.timeline.used import SlotPolicy


class Settings(BaseModel):
    """What a film is made with. `workers` None: as many as there are usable cores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = HOUSE
    media: MediaLimits = MediaLimits()
    conform: ConformPolicy = ConformPolicy()
    slots: SlotPolicy = SlotPolicy()
    joints: JointPolicy = JointPolicy()
    card: CardStyle = CardStyle()
    watermark: WatermarkPolicy = WatermarkPolicy()
    memory: MemoryPolicy = MemoryPolicy()
    faces: FacePolicy = FacePolicy()
    consent: ConsentPolicy = ConsentPolicy()
    rights: RightsPolicy = RightsPolicy()
    audience: Audience | None = None
    """Who watches; None: atoms of every rating, and without one, are played."""
    blocklist: BlockPolicy = BlockPolicy()
    credits: CreditPolicy = CreditPolicy()
    provenance: ProvenancePolicy = ProvenancePolicy()
    signing: SigningPolicy = SigningPolicy()
    store: StorePolicy = StorePolicy()
    cluster: ClusterPolicy = ClusterPolicy()
    captions: CaptionPolicy = CaptionPolicy()
    bed: BedPolicy = BedPolicy()
    quality: QualityPolicy = QualityPolicy()
    hls: HlsPolicy = HlsPolicy()
    otio: OtioPolicy = OtioPolicy()
    report: ReportPolicy = ReportPolicy()
    takes: Mapping[str, Annotated[int, Field(ge=1, le=1000)]] = {}
    """Which take of an atom plays, by its id: 1 is its own media, 2 the first of its takes."""
    sketches: bool = False
    """Atoms that are only planned play too: as cards, while their media is not there."""
    workers: int | None = Field(default=None, ge=1, le=256)
    ffmpeg: Path | None = None
    providers: Path | None = None
    """A newer table of what generators take, in place of the bundled one."""

    @property
    def pool_size(self) -> int:
        """How many steps run at once."""
        if self.workers is not None:
            return self.workers
        try:
            return max(1, len(os.sched_getaffinity(0)))
        except AttributeError:  # not every platform has it
            return max(1, os.cpu_count() or 1)


def named_profile(name: str) -> Profile:
    """A built-in profile. Raises `SettingsError` for an unknown name."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise SettingsError(
            f"there is no profile {name!r}; there are: {known}", name=name
        ) from None


def load_settings(path: str | Path) -> Settings:
    """Settings from a TOML file; `profile` may be a built-in profile's name.

    Raises `SettingsError` with every fault and its place.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}", path=str(path)) from error
    return parse_settings(data, str(path))


def parse_settings(data: dict[str, Any], source: str) -> Settings:
    """Settings from plain values. Raises `SettingsError`."""
    if isinstance(name := data.get("profile"), str):
        data = {**data, "profile": named_profile(name)}
    elif isinstance(given := data.get("profile"), dict):
        data = {**data, "profile": {"name": "own", **given}}
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        lines = [
            f"\n  {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        raise SettingsError(
            f"{source}: {len(lines)} wrong{''.join(lines)}", source=source
        ) from error
