"""The reader of TACoS: frames become seconds."""

import json

import msgspec
import pytest

from syphus.annotations.videos import tacos
from syphus.errors import InputError
from syphus.records import Scene

CUTTING = {
    "timestamps": [[497, 1000], [184, 435], [184, 435]],
    "sentences": ["He peels it.", "He took out a cutting board.", "The person gets a board."],
    "fps": 29.4,
    "num_frames": 9721,
}


def read(tmp_path, document, **more):
    file = tmp_path / "train.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    problems = []
    scenes = list(tacos.read(tacos.Options(path=file, **more), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def test_frames_are_seconds(tmp_path):
    (scene,), problems = read(tmp_path, {"s30-d26.avi": CUTTING})
    assert (scene.id, scene.assets[0].path, scene.assets[0].duration) == ("s30-d26", "s30-d26.avi", 330.646)
    assert [(one.start, one.end, one.text) for one in scene.segments] == [
        (6.259, 14.796, "He took out a cutting board."),
        (6.259, 14.796, "The person gets a board."),
        (16.905, 34.014, "He peels it."),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("more", "scenes", "lost"),
    [
        ({"fps": 0}, 1, [True]),
        ({"fps": -29.4}, 1, [True]),
        ({"fps": 1e300}, 1, [True]),
        ({"fps": "x"}, 1, [True]),
        ({"num_frames": None}, 2, []),
        ({"num_frames": 1e308, "fps": 1e-300}, 2, [True, True, True]),
        ({"num_frames": 500}, 2, [False]),
        ({"num_frames": 400}, 2, [True, False, False]),
        ({"sentences": ["one"]}, 2, [True]),
    ],
)
def test_bad_videos(tmp_path, more, scenes, lost):
    found, problems = read(tmp_path, {"good": CUTTING, "s1.avi": CUTTING | more})
    assert (len(found), [problem.lost for problem in problems]) == (scenes, lost)


def test_other_files(tmp_path):
    with pytest.raises(InputError, match='reader = "activitynet"'):
        read(tmp_path, {"v": {"duration": 3, "timestamps": [], "sentences": []}})
    with pytest.raises(InputError, match="end is missing"):
        read(tmp_path, json.dumps({"s30-d26.avi": CUTTING})[:-9])


def test_videos_that_are_there(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v/s30-d26.mp4").touch()
    (scene,), _ = read(tmp_path, {"s30-d26.avi": CUTTING}, images=tmp_path / "v")
    assert scene.assets[0].path == "s30-d26.mp4"
