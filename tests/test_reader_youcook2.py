"""The reader of YouCook2."""

import json

import msgspec
import pytest

from syphus.annotations.videos import youcook2
from syphus.errors import InputError
from syphus.records import Asset, Scene

URL = "https://www.youtube.com/watch?v=GLd3aX16zBg"
SANDWICH = {
    "duration": 241.62,
    "subset": "training",
    "recipe_type": "113",
    "annotations": [
        {"segment": [90, 102], "id": 0, "sentence": "spread margarine on two slices of white bread"},
        {"segment": [114, 127], "id": 1, "sentence": "place a slice of cheese on the bread"},
    ],
    "video_url": URL,
}
EGGS = {"duration": 100, "subset": "testing", "annotations": [{"segment": [1, 2], "id": 0}], "recipe_type": 4}


def read(tmp_path, document, **more):
    file = tmp_path / "youcookii.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    problems = []
    scenes = list(youcook2.read(youcook2.Options(path=file, **more), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def test_recipes(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("101,BLT\n113,grilled cheese\nx\n", encoding="utf-8")
    document = {"version": {"a": [1]}, "database": {"GLd3aX16zBg": SANDWICH, "x": EGGS}, "taxonomy": []}
    (first, second), problems = read(tmp_path, document, labels=labels)
    assert first.assets == (Asset(id="video", kind="video", path="GLd3aX16zBg.mp4", url=URL, duration=241.62),)
    assert [(one.start, one.end, one.text) for one in first.segments] == [
        (90, 102, "spread margarine on two slices of white bread"),
        (114, 127, "place a slice of cheese on the bread"),
    ]
    assert first.prose == ("The recipe: grilled cheese.",)
    assert first.metadata == {"video": "GLd3aX16zBg", "subset": "training", "recipe_type": "113", "step_ids": [0, 1]}
    assert [(one.start, one.text) for one in second.segments] == [(1, "")]  # the test set has no sentences
    assert [(problem.place, problem.lost) for problem in problems] == [("line 3", True)]


def test_subsets(tmp_path):
    document = {"database": {"GLd3aX16zBg": SANDWICH, "x": EGGS}}
    assert [scene.id for scene in read(tmp_path, document, subset="testing")[0]] == ["x"]
    with pytest.raises(InputError, match="There are `testing`, `training`"):
        read(tmp_path, document, subset="val")


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        ({"duration": 10, "annotations": [{"segment": [1, 20], "sentence": "x"}]}, [False]),
        ({"duration": 10, "annotations": [{"segment": [11, 20], "sentence": "x"}]}, [True]),
        ({"duration": 10, "annotations": [{"segment": [1, 2], "sentence": ""}]}, [True]),
        ({"duration": 10, "annotations": [{"segment": "x", "sentence": ""}]}, [True]),
        ({"duration": 10, "annotations": [{"sentence": ""}]}, [True]),
        ({"duration": [], "annotations": []}, [True]),
        ({}, []),
        (7, [True]),
    ],
)
def test_bad_videos(tmp_path, bad, lost):
    _, problems = read(tmp_path, {"database": {"good": SANDWICH, "bad": bad}})
    assert [problem.lost for problem in problems] == lost
    assert all("'bad'" in problem.place for problem in problems)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"data": {}}, "has no object `database`"),
        ({"database": []}, "has no object `database`"),
        ({"v": {"duration": 1, "timestamps": [], "sentences": []}}, "has no object `database`"),
        ("", "is empty"),
        ("[]", "is a list"),
        ('{"database": {"a": {}}', "end is missing"),
    ],
)
def test_other_files(tmp_path, document, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, document)


def test_coin(tmp_path):
    """Its list is called `annotation`, and its steps have a label in place of a sentence."""
    video = {"recipe_type": 41, "class": "PlantTree", "video_url": URL, "start": 21.0, "end": 150.3, "duration": 190.1,
             "subset": "training", "annotation": [{"id": "161", "segment": [26.0, 40.0], "label": "dig a pit"}]}  # fmt: skip
    (scene,), problems = read(tmp_path, {"database": {"9zy9": video}})
    assert [(one.start, one.end, one.text) for one in scene.segments] == [(26, 40, "dig a pit")]
    assert scene.prose == ("The task: plant tree.",)
    assert scene.metadata["step_ids"] == ["161"]
    assert problems == []


def test_activitynet_1_3(tmp_path):
    video = {"duration": 211.53, "subset": "training", "resolution": "320x240", "url": URL,
             "annotations": [{"segment": [30.02, 205.3], "label": "Layup drill"}]}  # fmt: skip
    document = {"version": "VERSION 1.3", "taxonomy": [{"nodeName": "Root"}], "database": {"sJbn": video}}
    (scene,), problems = read(tmp_path, document)
    assert [(one.start, one.end, one.text) for one in scene.segments] == [(30.02, 205.3, "Layup drill")]
    assert scene.assets[0].url == URL
    assert problems == []


def test_one_bad_step_costs_itself_alone(tmp_path):
    steps = [{"segment": [1, 2], "sentence": "a"}, {"segment": None, "sentence": "b"}, {"segment": [3], "sentence": "c"},
             {"segment": ["4", "5.5"], "sentence": "d"}]  # fmt: skip
    (scene,), problems = read(tmp_path, {"database": {"v": {"duration": "9", "subset": None, "annotations": steps}}})
    assert [(one.start, one.end, one.text) for one in scene.segments] == [(1, 2, "a"), (4, 5.5, "d")]
    assert [problem.place for problem in problems] == ["video 'v', annotations[1]", "video 'v', annotations[2]"]
