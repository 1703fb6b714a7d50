"""Real media: every file of three folders, and what becomes of it.

The media lie outside the repository, in the folder that `CHAINER_MEDIA` names (else
`../shared/media`). Without them the tests are skipped; `CHAINER_REQUIRE_TOOLS=1` makes that
a failure. A file that is not in the table is a failure too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chainer.errors import MediaDamaged, MediaError, MediaRefused
from chainer.media.decode import decode_whole
from chainer.media.info import MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source

from .conftest import REPOSITORY

MEDIA = Path(os.environ.get("CHAINER_MEDIA", REPOSITORY.parent / "shared" / "media"))
SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".wav"}

pytestmark = pytest.mark.skipif(
    not MEDIA.is_dir() and os.environ.get("CHAINER_REQUIRE_TOOLS") != "1",
    reason=f"no media in {MEDIA}; name the folder with CHAINER_MEDIA",
)

# Codecs, stored size, rotation, rate ("v" when it varies), bits, layout of the sound.
GOOD = """
dev/asl_dark_1.mp4              h264      720x1280  0   30          8  -
dev/asl_skull_1.mp4             h264      720x1280  0   30          8  -
dev/asl_skull_1_rotmeta.mp4     h264      1280x720  90  30          8  -
dev/asl_skull_2.mp4             h264      720x1280  0   30          8  -
dev/asl_skull_2_land.mkv        h264      640x480   0   30          8  -
dev/asl_yellow_1.mp4            h264      720x1280  0   30          8  -
dev/asl_yellow_2.mp4            h264      720x1280  0   30          8  -
dev/asl_yellow_2_drift.mp4      h264      720x1280  0   30          8  -
dev/bbb_1_23976_51.mp4          h264/aac  854x480   0   24000/1001  8  5.1
dev/bbb_2_vp9.webm              vp9/opus  854x480   0   24          8  stereo
dev/bbb_3_v.mp4                 h264/aac  720x1280  0   30          8  stereo
dev/ovi_blonde_v_hevc.mp4       hevc/aac  1116x2160 0   24          8  stereo
dev/ovi_couple_v.mp4            h264/aac  512x992   0   24          8  stereo
dev/ovi_fogstreet_v.mp4         h264/aac  512x992   0   24          8  stereo
dev/ovi_green_couple_10s.mp4    h264/aac  720x1280  0   30          8  stereo
dev/ovi_green_v.mp4             h264/aac  512x992   0   24          8  stereo
dev/ovi_pour_v.mp4              h264/aac  512x992   0   24          8  stereo
dev/ovi_priest_10s.mp4          h264/aac  720x1280  0   30          8  stereo
dev/ovi_priest_land.mp4         h264/aac  1120x448  0   24          8  stereo
dev/ovi_priest_v_hevc.mp4       hevc/aac  1116x2160 0   24          8  stereo
dev/ovi_robot_take1_hevc.mp4    hevc/aac  1908x1080 0   24          8  stereo
dev/ovi_robot_take2.mp4         h264/aac  992x512   0   24          8  stereo
dev/streamio_desk_datastream.mp4 h264/aac 480x320   0   30          8  stereo
dev/streamio_sign_vfr.mov       h264/aac  640x480   0   v           8  stereo
dev/streamio_sign_wide_10fps.mov h264/aac 320x180   0   10          8  mono
dev/toy_crystal_25fps_mono.mp4  h264/aac  720x480   0   25          8  mono
dev/toy_frog_v_60fps.mp4        h264/aac  720x1280  0   60          8  stereo
dev/toy_monster.mp4             h264/aac  720x480   0   30          8  stereo
dev/toy_pig_v.mp4               h264/aac  720x1280  0   30          8  stereo
odd/av1_640x360.mkv             av1       640x360   0   25          8  -
odd/h264_10bit.mp4              h264      200x200   0   30          10 -
odd/h264_2998_mono.mp4          h264/aac  480x360   0   30000/1001  8  mono
odd/h264_cover_art.mkv          h264/aac  640x360   0   v           8  stereo
odd/h264_fullrange_bt709.mp4    h264      1280x720  0   30          8  -
odd/h264_movtext_subs.mp4       h264/aac  300x200   0   20          8  stereo
odd/h264_sar2by3.mp4            h264/aac  640x360   0   30          8  stereo
odd/h264_yuv422p.mp4            h264/aac  640x360   0   30          8  stereo
odd/h264_yuv444_vfr_15s.mp4     h264      128x128   0   v           8  -
odd/hevc10_pq_tagged_3s.mp4     hevc      320x240   0   30          10 -
odd/hevc_10bit.mp4              hevc      200x200   0   30          10 -
odd/ios9_rot90_0.5s.mov         h264/aac  1280x720  90  30          8  mono
odd/iphone_hevc60_0.9s.mov      hevc/aac  1920x1080 0   60          8  stereo
odd/iphone_hevc60_rot90_0.6s.mov hevc/aac 1920x1080 90  60          8  stereo
odd/nasa_two_video_two_audio_tracks_16s.mp4 h264/aac 320x180 0 25   8  stereo
odd/phone_face_rot90_vfr_1s.mov h264/aac  640x480   90  *           8  mono
odd/phone_rot180_vfr_mono.mp4   h264/aac  1280x720  180 v           8  mono
odd/portrait_rot90_vfr_2s.mov   h264/aac  568x320   90  *           8  mono
odd/prores_proxy_pcm_2s.mov     prores/pcm_s16le 360x240 0 30       10 stereo
odd/smpte_timecode_1080p25.mp4  h264/aac  1920x1080 0   25          8  stereo
odd/vp9_alpha.webm              vp9/vorbis 200x200  0   30          8  stereo
odd/vp9_no_duration.webm        vp9/opus  1280x720  0   v           8  stereo
broken/all_black_digital_silence.mp4 h264/aac 360x640 0 30          8  stereo
broken/audio_longer_than_video.mp4   h264/aac 320x192 0 60000/1001  8  stereo
broken/av_offset_1.5s.mp4       h264/aac  320x192   0   *           8  stereo
broken/fragmented_ok.mp4        h264/aac  320x192   0   60000/1001  8  stereo
broken/huge_declared_dims.mp4   h264/aac  320x192   0   *           8  stereo
broken/huge_declared_duration.mp4 h264/aac 320x192  0   *           8  stereo
broken/nat_c2pa_uuid_before_ftyp.mp4 h264/aac 720x1280 0 30         8  stereo
broken/nat_failing_audio.mp4    h264/mp3  640x360   0   25          8  stereo
broken/trailing_garbage.mp4     h264/aac  320x192   0   *           8  stereo
"""

# Of these the reason is checked; "decode" means that only decoding shows it.
BAD = """
broken/audio_only.mp4               refused no_picture
broken/bitflip_1e-4.mp4             damaged decode
broken/bitflip_1e-5.mp4             damaged decode
broken/bitflip_moov.mp4             damaged open
broken/bomb_12000x12000_png.mp4     refused video_codec
broken/dash_mpd_local.mp4           refused container
broken/external_dref_etc_passwd.mp4 refused external_data
broken/ffconcat_pulls_sibling.mp4   refused container
broken/ffconcat_script.mp4          refused container
broken/hls_concat_exfil.mp4         refused container
broken/hls_file_etc_passwd.mp4      refused container
broken/hls_loopback_ssrf.mp4        refused container
broken/hls_pulls_parent_dir.mp4     refused container
broken/hls_pulls_sibling.mp4        refused container
broken/html_error_page.mp4          refused container
broken/image_jpeg_named.mp4         refused container
broken/image_png_named.mp4          refused container
broken/leading_garbage_4k.mp4       refused container
broken/moov_only_no_mdat.mp4        damaged truncated
broken/moovless.mp4                 damaged open
broken/mpegts_named.mp4             refused container
broken/nat_case_1185230.mp4         damaged truncated
broken/nat_chunk_out_of_range.mp4   damaged open
broken/nat_encrypted_cenc.mp4       refused encrypted
broken/nat_invalid_userdata.mp4     damaged truncated
broken/nat_nested_moov_1000.mp4     damaged open
broken/nat_no_timescale.mp4         damaged decode
broken/nat_riff_bomb_1000.wav       refused container
broken/nat_streamio_broken.mp4      damaged open
broken/nat_zero_empty_stsc.mp4      damaged truncated
broken/one_byte.mp4                 refused container
broken/one_frame.mp4                refused one_frame
broken/sdp_named.mp4                refused container
broken/short_0.2s.mp4               refused min_seconds
broken/svg_named.mp4                refused container
broken/text_named.mp4               refused container
broken/truncated_no_moov.mp4        damaged open
broken/truncated_tail_60pct.mp4     damaged truncated
broken/zero_length.mp4              refused empty
"""


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def test_the_tables_name_every_file() -> None:
    listed = {row[0] for row in rows(GOOD) + rows(BAD)}
    found = {
        f"{folder}/{path.name}"
        for folder in ("dev", "odd", "broken")
        for path in (MEDIA / folder).iterdir()
        if path.suffix in SUFFIXES
    }
    assert found == listed


def whole(path: Path, ffmpeg: Path, limits: MediaLimits) -> MediaInfo:
    """Probe and decode to the end; as many pictures come out as were counted."""
    with open_source(path, limits=limits) as source:
        info = probe(source, limits=limits)
        decoded = decode_whole(source, info, limits=limits, ffmpeg=ffmpeg)
    assert info.video is not None
    assert decoded == info.video.frames
    return info


@pytest.mark.parametrize("row", rows(GOOD), ids=lambda row: row[0])
def test_good_files_come_in_whole(row: list[str], ffmpeg: Path, limits: MediaLimits) -> None:
    name, codecs, size, rotation, rate, bits, layout = row
    info = whole(MEDIA / name, ffmpeg, limits)
    video, audio = info.video, info.audio
    assert video is not None
    assert "/".join([video.codec, *([audio.codec] if audio else [])]) == codecs
    assert (f"{video.width}x{video.height}", video.rotation) == (size, int(rotation))
    assert rate == "*" or rate == ("v" if video.variable_rate else str(video.frame_rate))
    assert (video.bit_depth, audio.layout if audio else "-") == (int(bits), layout)
    assert MediaInfo.model_validate_json(info.to_json()) == info


@pytest.mark.parametrize("row", rows(BAD), ids=lambda row: row[0])
def test_bad_files_do_not(row: list[str], ffmpeg: Path, limits: MediaLimits) -> None:
    name, outcome, reason = row
    with pytest.raises(MediaError) as caught:
        whole(MEDIA / name, ffmpeg, limits)
    assert type(caught.value) is {"refused": MediaRefused, "damaged": MediaDamaged}[outcome]
    assert caught.value.facts["reason"] == reason
    assert str(MEDIA / name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken/huge_declared_duration.mp4", "declares 2147483.65 s; it holds 3.05 s"),
        ("broken/huge_declared_dims.mp4", "declares 65535 x 65535 pixels"),
        ("broken/audio_longer_than_video.mp4", "sound ends 5.98 s after the picture"),
        ("broken/av_offset_1.5s.mp4", "sound starts 1.45 s after the picture"),
        ("odd/nasa_two_video_two_audio_tracks_16s.mp4", "2 picture streams"),
        ("odd/hevc10_pq_tagged_3s.mp4", "HDR (PQ)"),
        ("odd/vp9_alpha.webm", "transparency"),
    ],
)
def test_people_are_told(name: str, words: str, limits: MediaLimits) -> None:
    with open_source(MEDIA / name, limits=limits) as source:
        info = probe(source, limits=limits)
    assert any(words in note for note in info.notes), info.notes
