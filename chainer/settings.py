"""Every room's policy in one frozen bundle, and how it is read from a TOML file.

Settings only group: each policy and its defaults live beside the code that uses them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
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
from chainer.profile import HOUSE, PROFILES, Codec, Profile, with_codec
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
    profiles: Mapping[str, Profile] = {}
    """House formats of one's own, by the name that `profile` and `--profile` ask for."""
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


def named_profile(name: str, own: Mapping[str, Profile] | None = None) -> Profile:
    """A profile by its name: one of `own`, or a built-in one. Raises `SettingsError` for others."""
    known = {**PROFILES, **(own or {})}
    if name not in known:
        raise SettingsError(
            f"there is no profile {name!r}; there are: {', '.join(known)}. One of your own is a "
            "table [profiles.NAME] in the settings, or a TOML file of its own",
            name=name,
        )
    return known[name]


def asked_profile(text: str, own: Mapping[str, Profile] | None = None) -> Profile:
    """A profile by its name, or from the TOML file that `text` is the path of (`….toml`).

    Raises `SettingsError`.
    """
    return load_profile(text) if text.endswith(".toml") else named_profile(text, own)


def coded_profile(profile: Profile, codec: str) -> Profile:
    """The profile in another codec. Raises `SettingsError` where that cannot do what it asks."""
    try:
        return with_codec(profile, Codec(codec))
    except ValidationError as error:
        raise _wrong(f"the profile {profile.name} in {codec}", error) from error


def load_profile(path: str | Path) -> Profile:
    """A profile from a TOML file of its values. Raises `SettingsError` with every fault."""
    path = Path(path)
    faults: list[str] = []
    profile = _profile_of(_toml(path), _name_of(path), "", faults)
    if faults:
        raise _all_wrong(str(path), faults)
    return profile


def _name_of(path: Path) -> str:
    """A name for the profile of a file that gives it none."""
    return path.stem if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", path.stem) else "own"


def _profile_of(given: Mapping[str, Any], name: str, place: str, faults: list[str]) -> Profile:
    """A profile from plain values; `base` names the built-in one that it is made from.

    What is wrong is added to `faults` with its `place`, and the house format stands for it.
    """
    told = dict(given)
    base = told.pop("base", None)
    start = None
    if base is not None:
        start = PROFILES.get(str(base))
        if start is None:
            where = ".".join(filter(None, (place, "base")))
            faults.append(
                f"{where}: there is no built-in profile {base!r}; there are: {', '.join(PROFILES)}"
            )
    if start is not None:
        if "codec" in told and "crf" not in told:
            with suppress(ValueError):  # what is wrong with it is said of the whole below
                told["crf"] = with_codec(start, Codec(told["codec"])).crf
        told = {**start.model_dump(), "name": name, **told}
    try:
        return Profile.model_validate({"name": name, **told})
    except ValidationError as error:
        faults.extend(_faults(error, place))
        return HOUSE


def load_settings(path: str | Path) -> Settings:
    """Settings from a TOML file; `profile` may be a built-in profile's name.

    Raises `SettingsError` with every fault and its place.
    """
    path = Path(path)
    return parse_settings(_toml(path), str(path))


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}", path=str(path)) from error


def parse_settings(data: dict[str, Any], source: str) -> Settings:
    """Settings from plain values. Raises `SettingsError` with every fault."""
    faults: list[str] = []
    told = _with_profiles(data, faults)
    try:
        settings = Settings.model_validate(told)
    except ValidationError as error:
        raise _all_wrong(source, [*_faults(error), *faults]) from error
    if faults:
        raise _all_wrong(source, faults)
    return settings


def _with_profiles(data: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    """The values with their profiles made: `[profiles.NAME]`, and `profile` by name or as one.

    What is wrong with one is added to `faults`, and the house format stands for it.
    """
    data = dict(data)
    if isinstance(tables := data.get("profiles"), dict):
        data["profiles"] = {
            name: _in_place(table, name, f"profiles.{name}", faults)
            for name, table in tables.items()
        }
    if isinstance(profile := data.get("profile"), str):
        own = data.get("profiles")
        try:
            data["profile"] = named_profile(profile, own if isinstance(own, dict) else None)
        except SettingsError as error:
            faults.append(f"profile: {error}")
            data["profile"] = HOUSE
    elif isinstance(profile, dict):
        data["profile"] = _in_place(profile, "own", "profile", faults)
    return data


def _in_place(table: Any, name: str, place: str, faults: list[str]) -> Any:
    return _profile_of(table, name, place, faults) if isinstance(table, dict) else table


def _wrong(source: str, error: ValidationError) -> SettingsError:
    return _all_wrong(source, _faults(error))


def _all_wrong(source: str, faults: list[str]) -> SettingsError:
    lines = "".join(f"\n  {fault}" for fault in faults)
    return SettingsError(f"{source}: {len(faults)} wrong{lines}", source=source)


def _faults(error: ValidationError, place: str = "") -> list[str]:
    """Each with its place."""
    found = []
    for fault in error.errors(include_url=False):
        where = ".".join(filter(None, (place, *map(str, fault["loc"]))))
        found.append(f"{where or 'file'}: {fault['msg']}")
    return found
