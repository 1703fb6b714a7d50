"""Real files: what is measured of them, kept, mended, and refused."""

from __future__ import annotations

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest

from chainer.errors import Cancelled, MediaError, MediaRefused
from chainer.media import sweep as door
from chainer.media.child import ChildResult
from chainer.media.inspect import Inspected, inspect_media
from chainer.media.limits import MediaLimits
from chainer.quality import survey as shelf
from chainer.quality.judge import judge
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import Quality
from chainer.quality.survey import FILE, find_survey, survey, survey_key
from chainer.quality.words import Defect
from chainer.store import Store

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
LIMITS = MediaLimits()
REPOSITORY = Path(__file__).resolve().parents[2]
MEDIA = Path(os.environ.get("CHAINER_MEDIA", REPOSITORY.parent / "shared" / "media"))

MOVING = "testsrc2=s=160x284:r=30:d=2,format=yuv420p"
TONE = "sine=330:r=48000:d=2,tremolo=5:0.4,volume=0.5"
GREY = "eq=contrast=0.7"
"""The test picture has more white and black than any film."""


def film(folder: Path, name: str, picture: str = GREY, sound: str = "anull", *more: str) -> Path:
    path = folder / f"{name}.mp4"
    words = ["-f", "lavfi", "-i", MOVING, "-f", "lavfi", "-i", TONE, *more]
    words += ["-vf", picture, "-af", sound, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2"]
    words += ["-c:a", "aac", "-threads", "1"]
    subprocess.run([FFMPEG, "-y", "-v", "error", *words, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"), "clean")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def quality(path: Path, store: Store) -> Quality:
    media = inspect_media(path, store, LIMITS)
    video = media.info.video
    assert video is not None
    return judge(
        survey(media, store, LIMITS),
        media.info,
        first=Fraction(0),
        seconds=video.seconds,
        policy=QualityPolicy(),
    )


def test_a_clean_film(clean: Path, store: Store) -> None:
    assert quality(clean, store).findings == ()


BARS = "drawbox=h=24:color=black:t=fill,drawbox=y=260:h=24:color=black:t=fill"
STANDS = "shuffleframes=" + " ".join(str(min(20, n)) for n in range(60))
HANGS = "shuffleframes=" + " ".join(str(n - (n in (9, 17, 24, 38, 51))) for n in range(60))
NIGHT = "geq=lum='16+max(lum(X,Y)-16,0)*clip((Y-40)/60,0,1)*clip((250-Y)/60,0,1)':cb=128:cr=128"
"""It fades into the dark above and below."""
DURING = ":enable='between(t,0.5,1.3)'"


@pytest.mark.parametrize(
    ("defect", "picture", "sound"),
    [
        (Defect.BLACK, f"lutyuv=y=16:u=128:v=128{DURING}", "anull"),
        (Defect.BURNT, f"lutyuv=y='clip(val*4,16,235)'{DURING}", "anull"),
        (Defect.BLUR, "gblur=sigma=6", "anull"),
        (Defect.LETTERBOX, BARS, "anull"),
        (Defect.FLICKER, "eq=eval=frame:brightness='0.05*(mod(n,2)*2-1)'", "anull"),
        (Defect.FROZEN, STANDS, "anull"),
        (Defect.DUPLICATES, HANGS, "anull"),
        (Defect.SILENCE, "null", "volume=0:enable='between(t,0.6,1.4)'"),
        (Defect.CLIPPING, "null", "volume=34dB,aformat=sample_fmts=s16"),
        (Defect.CLIPPING, "null", "volume=30dB,aformat=sample_fmts=s16,volume=0.96"),
    ],
)
def test_what_is_planted_is_found(
    defect: Defect, picture: str, sound: str, tmp_path: Path, store: Store
) -> None:
    found = quality(film(tmp_path, "planted", f"{GREY},{picture}", sound), store)
    assert {one.defect for one in found.findings} == {defect}


MORE = "loop=loop=1:size=60,setpts=N/30/TB"
FONT = REPOSITORY / "chainer/render/fonts/InterDisplay-Bold.otf"
LETTERS = f"drawtext=fontfile={FONT}:text=made with X:fontsize=14:fontcolor=white@0.7:x=30:y=254"


@pytest.mark.parametrize(("letters", "found"), [("", 0), (f",{LETTERS}", 1)])
def test_letters_that_stand_still(letters: str, found: int, tmp_path: Path, store: Store) -> None:
    quiet = film(tmp_path, "mark", f"gblur=3,{MORE}{letters}", "aloop=loop=1:size=96000")
    defects = [one.defect for one in quality(quiet, store).findings]
    assert defects.count(Defect.WATERMARK) == found


@pytest.mark.parametrize(
    ("picture", "sound"),
    [
        ("fade=d=0.5,fade=out:st=1.5:d=0.5", "anull"),
        # A person who moves a little before a wall, filmed with some noise.
        ("crop=16:16:40+8*sin(3*t):60,pad=160:284:70:130:gray,noise=alls=6:allf=t", "anull"),
        ("scroll=h=0.01,avgblur=20:sizeY=1:enable='between(t,0.8,1.2)'", "anull"),  # a whip pan
        ("noise=alls=22:allf=t", "anull"),  # grain
        ("eq=brightness=-0.25:contrast=0.9,drawbox=60:40:20:20:white:t=fill", "anull"),  # a lamp
        ("fps=15,fps=30", "anull"),  # on twos
        ("fps=24,fps=30", "anull"),
        ("null", "volume=0.01:enable='between(t,0.7,1.5)'"),  # a pause in a room
        ("null", "volume=22dB,alimiter=limit=0.989:level=0"),  # loud, but limited
        (f"{NIGHT}", "anull"),
    ],
)
def test_what_films_do_is_no_defect(picture: str, sound: str, tmp_path: Path, store: Store) -> None:
    found = quality(film(tmp_path, "film", f"{GREY},{picture}", sound), store)
    assert found.words == "nothing wrong found"


def test_silence_at_the_ends_is_measured_to_the_hundredth(tmp_path: Path, store: Store) -> None:
    quiet = "volume=0:enable='lt(t,0.4)+gt(t,1.7)'"
    media = inspect_media(film(tmp_path, "quiet", GREY, quiet), store, LIMITS)
    found = survey(media, store, LIMITS)
    # AAC smears an edge over one of its frames.
    assert abs(found.quiet_start - Fraction("0.4")) <= Fraction("0.03")
    assert abs(found.quiet_end - Fraction("0.3")) <= Fraction("0.05")


def test_turned_media_is_measured_upright(tmp_path: Path, store: Store) -> None:
    upright = film(tmp_path, "bars", f"{GREY},{BARS}")
    turned = tmp_path / "turned.mp4"
    words = ["-display_rotation", "90", "-i", str(upright), "-c", "copy"]
    subprocess.run([FFMPEG, "-v", "error", *words, str(turned)], check=True)
    looks = survey(inspect_media(upright, store, LIMITS), store, LIMITS).looks
    other = survey(inspect_media(turned, store, LIMITS), store, LIMITS).looks
    assert looks.above[0] > 50
    assert (other.left, other.right) in (
        (looks.above, looks.below),
        (looks.below, looks.above),
    )


def test_one_look_for_many_callers(
    clean: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = inspect_media(clean, store, LIMITS)
    looked = []
    real = shelf.sweep
    monkeypatch.setattr(shelf, "sweep", lambda *a, **k: looked.append(1) or real(*a, **k))
    assert find_survey(media.digest, store) is None
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: survey(media, store, LIMITS), range(8)))
    assert len(looked) == 1
    assert len({one.to_json() for one in found}) == 1
    assert find_survey(media.digest, Store(store.root)) == found[0]
    again = Store(store.root.with_name("other"))
    assert survey(media, again, LIMITS) == found[0]  # the same from the same bytes


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe nonsense", None])
def test_a_damaged_record_is_made_again(damage: bytes | None, clean: Path, store: Store) -> None:
    media = inspect_media(clean, store, LIMITS)
    found = survey(media, store, LIMITS)
    _, record = store.find(survey_key(media.digest))
    assert record is not None
    path = store.path_of(record.files[FILE].digest)
    path.chmod(0o644)
    path.unlink() if damage is None else path.write_bytes(damage)
    assert find_survey(media.digest, store) is None
    assert survey(media, store, LIMITS) == found
    assert find_survey(media.digest, store) == found


def test_what_changed_since_is_refused(tmp_path: Path, clean: Path, store: Store) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clean.read_bytes())
    media = inspect_media(path, store, LIMITS)
    path.write_bytes(clean.read_bytes() + b"\0\0\0\x08free")
    with pytest.raises(MediaRefused, match="changed"):
        survey(media, store, LIMITS)
    assert find_survey(media.digest, store) is None


def test_cancelled(clean: Path, store: Store) -> None:
    media = inspect_media(clean, store, LIMITS)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        survey(media, store, LIMITS, cancel)


def test_limits_hold_while_it_is_decoded(clean: Path, store: Store) -> None:
    media = inspect_media(clean, store, LIMITS)
    with pytest.raises(MediaRefused):
        survey(media, store, LIMITS.model_copy(update={"decode_wall_seconds": 0.01}))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b'{"tick": [1, 0], "pictures": [[0, 0]], "skipped": [], "sound": null}',
        b'{"tick": [1, 30], "pictures": [[0, 0], [0, 1]], "skipped": [], "sound": null}',
        b'{"tick": [1, 30], "pictures": [], "skipped": [], "sound": null}',
    ],
)
def test_a_child_that_answers_nonsense_is_not_believed(
    answer: bytes, clean: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = inspect_media(clean, store, LIMITS)

    def run(*_: object, pass_fds: list[int], **__: object) -> ChildResult:
        os.write(pass_fds[1], bytes(1000))
        return ChildResult(0, answer, "", "", 0.1)

    monkeypatch.setattr(door, "run_child", run)
    with pytest.raises(MediaError):
        survey(media, store, LIMITS)


def test_a_file_that_breaks_off_is_refused_as_elsewhere(
    clean: Path, store: Store, tmp_path: Path
) -> None:
    whole = inspect_media(clean, store, LIMITS)
    path = tmp_path / "broken.mp4"
    data = bytearray(clean.read_bytes())
    begin = data.index(b"mdat") + 4
    for at in range(begin + 3000, len(data) - 4000, 97):
        data[at] ^= 0xFF
    path.write_bytes(data)
    broken = replace(whole, path=path, digest=inspect_digest(path))
    with pytest.raises(MediaError):
        survey(broken, store, LIMITS)


def inspect_digest(path: Path) -> str:
    from chainer.digest import file_digest

    return file_digest(path)


@pytest.mark.slow
def test_the_broken_folder_never_hangs_and_fails_only_as_media(store: Store) -> None:
    folder = MEDIA / "broken"
    if not folder.is_dir():
        if os.environ.get("CHAINER_REQUIRE_TOOLS"):
            pytest.fail(f"no media in {MEDIA}")
        pytest.skip(f"no media in {MEDIA}; name the folder with CHAINER_MEDIA")
    surveyed = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".mp4", ".wav"):
            continue
        try:
            media: Inspected = inspect_media(path, store, LIMITS)
            survey(media, store, LIMITS)
        except MediaError:
            continue
        surveyed += 1
    assert surveyed >= 5  # those that must be accepted
