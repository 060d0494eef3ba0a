"""Clips of videos in exports: a file of its own for each, or nothing."""

import json
import shlex

import pytest
from msgspec.structs import replace

from syphus.formats import llava_next, swift
from syphus.formats.clips import as_file, clip_path, cutting_commands
from syphus.formats.exporting import ExportOptions
from syphus.records import Asset, Dialogue, Turn

CLIP = Asset(id="video", kind="video", path="day 1/P01.MP4", start=60, duration=59.5)
DIALOGUE = Dialogue(
    id="d",
    scene="s",
    source="e",
    assets=(CLIP,),
    turns=(Turn(role="user", text="Q?"), Turn(role="assistant", text="A.")),
)


@pytest.mark.parametrize(
    ("asset", "path"),
    [
        (CLIP, "day 1/P01_60-119.5.MP4"),
        (replace(CLIP, duration=None, start=0.25), "day 1/P01_0.25-end.MP4"),
        (replace(CLIP, kind="frames", path="frames/P01"), "frames/P01_60-119.5"),
    ],
)
def test_a_clip_has_a_name_of_its_own(asset, path):
    assert clip_path(asset) == path
    assert as_file(asset).path == path
    assert as_file(replace(asset, start=None)) == replace(asset, start=None)


def test_each_clip_is_cut_once_and_names_are_quoted(tmp_path):
    other = replace(DIALOGUE, id="d2", assets=(replace(CLIP, start=120),))
    commands = list(cutting_commands([DIALOGUE, DIALOGUE, other], {"e": tmp_path}))
    assert [shlex.split(one) for one in commands] == [
        [
            "ffmpeg",
            "-nostdin",
            "-n",
            "-ss",
            start,
            "-i",
            f"{tmp_path}/day 1/P01.MP4",
            "-t",
            "59.5",
            f"{tmp_path}/{file}",
        ]
        for start, file in (("60", "day 1/P01_60-119.5.MP4"), ("120", "day 1/P01_120-179.5.MP4"))
    ]


@pytest.mark.parametrize("format_", [swift, llava_next])
def test_an_export_names_the_clip_and_leaves_out_what_is_not_cut(format_, tmp_path):
    (tmp_path / "day 1").mkdir()
    (tmp_path / "day 1/P01.MP4").write_bytes(b"whole")
    options = ExportOptions(picture_folders={"e": tmp_path})
    out = tmp_path / f"out{format_.SUFFIX}"
    written = format_.write([DIALOGUE], out, options)
    assert written.written == 0
    assert "not cut out of the video" in next(iter(written.left_out))
    (tmp_path / "day 1/P01_60-119.5.MP4").write_bytes(b"part")
    assert format_.write([DIALOGUE], out, options).written == 1
    assert "P01_60-119.5.MP4" in json.dumps(out.read_text())
