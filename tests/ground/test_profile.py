"""House formats: built in, one's own, in another codec, and what is wrong with some."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chainer.cli import run
from chainer.errors import SettingsError
from chainer.profile import (
    DRAFT,
    HOUSE,
    PROFILES,
    Codec,
    DynamicRange,
    Profile,
    draft_of,
    with_codec,
)
from chainer.settings import (
    asked_profile,
    coded_profile,
    load_profile,
    load_settings,
    named_profile,
    parse_settings,
)

HOUSE_KEY = {
    "width": 720,
    "height": 1280,
    "fps": "30",
    "crf": 21,
    "preset": "medium",
    "level": "4.0",
    "keyframe_grids": 3,
    "audio_kbps": 160,
    "loudness": {"target": "-14", "true_peak": "-1", "max_gain": "30", "floor": "-60"},
    "draft": False,
}


def test_the_key_of_the_house_is_the_one_of_all_stores() -> None:
    assert HOUSE.key() == HOUSE_KEY
    assert Profile(name="other").key() == HOUSE_KEY


def test_what_came_later_is_part_of_the_key_where_it_differs() -> None:
    told = with_codec(HOUSE, Codec.HEVC).key()
    used = {name: value for name, value in HOUSE_KEY.items() if name != "level"}
    assert told == {**used, "crf": 22, "codec": "hevc"}
    hdr = PROFILES["hdr"].model_copy(update={"dynamic_range": DynamicRange.HLG})
    assert hdr.key()["dynamic_range"] == "hlg"


@pytest.mark.parametrize(
    ("codec", "unused"),
    [
        ("h264", []),
        ("hevc", ["level"]),
        ("av1", ["level"]),
        ("prores", ["level", "crf", "preset", "keyframe_grids", "audio_kbps"]),
    ],
)
def test_the_key_holds_what_the_codec_makes_use_of(codec: str, unused: list[str]) -> None:
    values = {"crf": 30, "preset": "slow", "level": "5.1", "keyframe_grids": 2, "audio_kbps": 96}
    one = Profile.model_validate({"name": "a", "codec": codec})
    for name, value in values.items():
        other = Profile.model_validate({"name": "a", "codec": codec, name: value})
        assert (other.key() == one.key()) == (name in unused), name


@pytest.mark.parametrize(
    ("name", "size", "codec"),
    [
        ("house", (720, 1280), "h264"),
        ("draft", (360, 640), "h264"),
        ("hd", (1080, 1920), "h264"),
        ("landscape", (1920, 1080), "h264"),
        ("square", (1080, 1080), "h264"),
        ("hdr", (1080, 1920), "hevc"),
    ],
)
def test_built_in_profiles(name: str, size: tuple[int, int], codec: str) -> None:
    profile = named_profile(name)
    assert (profile.width, profile.height) == size
    assert profile.codec == codec
    assert profile.name == name
    # Each of them would be accepted from a file too.
    assert Profile.model_validate(profile.model_dump(mode="json")) == profile


@pytest.mark.parametrize(("codec", "crf"), [("h264", 21), ("hevc", 22), ("av1", 25)])
def test_each_codec_has_its_own_quality(codec: str, crf: int) -> None:
    assert Profile.model_validate({"name": "a", "codec": codec}).crf == crf
    assert Profile.model_validate({"name": "a", "codec": codec, "crf": 18}).crf == 18
    assert with_codec(HOUSE, Codec(codec)).crf == crf


@given(
    crf=st.integers(0, 51), first=st.sampled_from(list(Codec)), second=st.sampled_from(list(Codec))
)
def test_another_codec_keeps_the_order_of_qualities(crf: int, first: Codec, second: Codec) -> None:
    one = Profile.model_validate({"name": "a", "codec": first, "crf": crf})
    other = with_codec(one, second)
    assert other.codec is second
    assert 0 <= other.crf <= (63 if second is Codec.AV1 else 51)
    if crf < 51:
        worse = Profile.model_validate({"name": "a", "codec": first, "crf": crf + 1})
        assert with_codec(worse, second).crf >= other.crf
    assert (other is one) == (first is second)
    told = {"name", "codec", "crf"}
    assert other.model_dump(exclude=told) == one.model_dump(exclude=told)


def test_a_long_name_stays_a_name() -> None:
    assert with_codec(Profile(name="a" * 32), Codec.HEVC).name == "a" * 27 + "-hevc"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"dynamic_range": "pq"}, "use the codec hevc or av1"),
        ({"dynamic_range": "auto", "codec": "h264"}, "use the codec hevc or av1"),
        ({"codec": "hevc", "crf": 52}, "from 0 to 51 for hevc"),
        ({"codec": "av1", "crf": 64}, "less than or equal to 63"),
        ({"codec": "vp9"}, "'h264', 'hevc', 'av1' or 'prores'"),
        ({"width": 1920, "height": 1080, "fps": "60"}, "level 4.0 of h264 ends below 1920x1080"),
        ({"width": 2160, "height": 3840}, "level 4.0 of h264 ends below 2160x3840"),
        ({"level": "6.3"}, "level 6.3"),
        ({"fps": "29.97"}, "use 24, 25, 30, 48, 50 or 60"),
        ({"width": 721}, "must be even"),
    ],
)
def test_what_cannot_be_made_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate({"name": "a", **told})
    assert words in str(caught.value)


def test_sixty_pictures_a_second_at_a_level_that_has_them() -> None:
    told = {"width": 1080, "height": 1920, "fps": "60"}
    assert Profile.model_validate({"name": "a", **told, "level": "4.2"}).fps == 60
    # Others say what they need by themselves.
    assert Profile.model_validate({"name": "a", **told, "codec": "hevc"}).fps == 60


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("house", (360, 640)),
        ("hd", (360, 640)),
        ("hdr", (360, 640)),
        ("landscape", (640, 360)),
        ("square", (360, 360)),
    ],
)
def test_a_draft_has_the_shape_of_the_film(name: str, size: tuple[int, int]) -> None:
    draft = draft_of(PROFILES[name])
    assert (draft.width, draft.height) == size
    assert draft.draft
    assert (draft.codec, draft.dynamic_range) == (Codec.H264, DynamicRange.SDR)


def test_an_unknown_name_is_answered_with_all_there_are() -> None:
    own = {"mine": HOUSE}
    with pytest.raises(SettingsError) as caught:
        named_profile("huose", own)
    for name in (*PROFILES, "mine", "[profiles.NAME]"):
        assert name in str(caught.value)
    assert named_profile("mine", own) is HOUSE


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_profiles_of_ones_own_in_the_settings(tmp_path: Path) -> None:
    settings = load_settings(
        write(
            tmp_path / "s.toml",
            'profile = "wide"\n'
            '[profiles.wide]\nbase = "landscape"\nfps = "25"\ncodec = "av1"\n'
            '[profiles.plain]\nwidth = 540\nheight = 960\nlevel = "3.1"\n',
        )
    )
    wide = settings.profile
    assert (wide.name, wide.width, wide.fps, wide.codec) == ("wide", 1920, 25, Codec.AV1)
    assert wide.crf == 25
    assert asked_profile("plain", settings.profiles).height == 960
    assert settings.profiles["wide"] == wide
    # What an option changes is read again with all of it.
    again = parse_settings(settings.model_dump(exclude_unset=True), "options")
    assert again.profile == wide
    assert again.profiles == settings.profiles


def test_a_profile_from_a_file_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "tall-50.toml", 'base = "hd"\nfps = "50"\nlevel = "4.2"\n')
    profile = asked_profile(str(path))
    assert (profile.name, profile.fps, profile.height) == ("tall-50", 50, 1920)
    odd = write(tmp_path / "Über uns.toml", "width = 360\nheight = 640\n")
    assert load_profile(odd).name == "own"


def test_a_base_gives_its_quality_to_another_codec(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", 'base = "draft"\ncodec = "av1"\n')
    assert load_profile(path).crf == with_codec(DRAFT, Codec.AV1).crf


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('profile = "nope"', "there is no profile 'nope'; there are: house"),
        ('[profiles.a]\ncodec = "vp9"', "profiles.a.codec"),
        ('[profiles.a]\nbase = "nope"', "profiles.a.base: there is no built-in profile 'nope'"),
        ('[profiles."A B"]\nwidth = 720', "profiles.A B.name"),
        ("[profiles.a]\nwitdh = 720", "profiles.a.witdh: Extra inputs"),
        ("profiles = 3", "profiles: Input should be a valid dictionary"),
        ("[profiles]\na = 3", "profiles.a"),
        ('[profile]\nbase = "hdr"\ncodec = "h264"', "use the codec hevc or av1"),
        ("[profile]\ncrf = 70\nfop = 1", "profile.crf"),
    ],
)
def test_faults_of_profiles_are_named_with_their_place(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path / "s.toml", text))
    assert words in str(caught.value)


def test_all_faults_of_profiles_are_told_at_once(tmp_path: Path) -> None:
    text = (
        'profile = "nope"\nworkers = 0\n'
        '[profiles.a]\nbase = "huose"\nwitdh = 3\n'
        '[profiles.b]\nwidth = 721\nfps = "0"\ndynamic_range = "pq"\n'
        '[profiles.c]\nwidth = 2160\nheight = 3840\nfps = "29.97"\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path / "s.toml", text))
    told = str(caught.value)
    lines = told.splitlines()
    assert lines[0].endswith("s.toml: 6 wrong")
    assert len(lines) == 7
    for words in (
        "  workers: ",
        "  profile: there is no profile 'nope'",
        "  profiles.a.base: there is no built-in profile 'huose'; there are: house",
        "  profiles.a.witdh: Extra inputs",
        "  profiles.b: Value error, dynamic_range pq takes 10 bits",
        "  profiles.c: Value error, level 4.0 of h264 ends below 2160x3840",
    ):
        assert any(line.startswith(words) for line in lines), (words, told)
    for words in ("must be even", "fps must lie from 1 to 120"):
        assert words in next(line for line in lines if "profiles.b" in line)
    assert "use 24, 25, 30" in next(line for line in lines if "profiles.c" in line)


def test_a_base_that_is_not_there_is_told_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", 'base = "mine"\ncrf = 99\n')
    with pytest.raises(SettingsError, match=r"a\.toml: 2 wrong") as caught:
        load_profile(path)
    assert "base: there is no built-in profile 'mine'" in str(caught.value)
    assert "crf: " in str(caught.value)


def test_faults_of_a_profiles_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        asked_profile(str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="is not TOML"):
        load_profile(write(tmp_path / "a.toml", "width: 3"))
    with pytest.raises(SettingsError, match=r"b\.toml: 2 wrong"):
        load_profile(write(tmp_path / "b.toml", "width = 0\nheight = 0"))


def test_a_codec_that_cannot_is_said_so() -> None:
    with pytest.raises(SettingsError, match="the profile hdr in h264: 1 wrong"):
        coded_profile(PROFILES["hdr"], "h264")
    assert coded_profile(PROFILES["hdr"], "av1").dynamic_range is DynamicRange.AUTO


def harbor() -> str:
    return str(Path(__file__).parents[2] / "graphs/harbor.json")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--profile", "nope"], "there are: house, draft, hd, landscape, square, hdr"),
        (["--profile", "none.toml"], "none.toml: No such file"),
        (["--profile", "hdr", "--codec", "h264"], "use the codec hevc or av1"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    words: list[str], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["plan", harbor(), "--start", "a1", "--store", str(tmp_path), *words]
    assert run(argv) == 2
    assert shown in " ".join(capsys.readouterr().err.split())


def test_the_command_line_takes_a_profile_and_a_codec(tmp_path: Path) -> None:
    from chainer.cli.options import settings_of
    from chainer.settings import Settings

    own = write(tmp_path / "s.toml", '[profiles.mine]\nbase = "square"\n')
    told = {"settings_file": own, "profile": "mine"}
    assert settings_of(told).profile.width == 1080
    coded = settings_of({**told, "codec": "hevc"})
    assert (coded.profile.name, coded.profile.codec) == ("mine-hevc", Codec.HEVC)
    draft = settings_of({**told, "draft": True}).profile
    assert (draft.draft, draft.width, draft.height) == (True, 360, 360)
    # A draft of a film in another codec is that of the film: it is to be cheap.
    for codec in ("h264", "hevc", "av1"):
        assert settings_of({**told, "draft": True, "codec": codec}).profile == draft
        assert settings_of({"profile": "draft", "codec": codec}).profile == DRAFT
    assert settings_of({}) == Settings()


def test_help_names_the_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compose", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for name in (*PROFILES, "--codec [h264|hevc|av1]"):
        assert name in told


def test_own_profiles_are_no_part_of_what_an_episode_was_made_with() -> None:
    from chainer.episode.package import _NOT_IN_MANIFEST

    settings = parse_settings({"profiles": {"mine": {"base": "hd"}}}, "x")
    told = settings.model_dump(mode="json", exclude=_NOT_IN_MANIFEST)
    assert "profiles" not in json.dumps(told)
