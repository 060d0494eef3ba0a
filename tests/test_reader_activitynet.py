"""The reader of ActivityNet Captions."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.videos import activitynet
from syphus.errors import InputError
from syphus.records import Asset, Person, Scene, Segment

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
VAL = DATA / "activitynet_captions/val_first1500.json"
real = pytest.mark.skipif(not VAL.is_file(), reason=f"the real annotation files are not in {DATA}")


def read(**options):
    problems = []
    scenes = list(activitynet.read(activitynet.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def write(path, document):
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


@real
def test_the_real_file():
    scenes, problems = read(path=VAL)
    videos = json.loads(VAL.read_text(encoding="utf-8"))
    assert problems == []
    assert [scene.id for scene in scenes] == list(videos)
    for scene in scenes:
        video = videos[scene.id]
        wanted = sorted(
            (max(0, round(start, 3)), round(min(end, video["duration"]), 3), " ".join(text.split()))
            for (start, end), text in zip(video["timestamps"], video["sentences"], strict=True)
        )
        assert sorted((one.start, one.end, one.text) for one in scene.segments) == wanted
        assert [one.start for one in scene.segments] == sorted(one.start for one in scene.segments)
    first = scenes[0]
    assert first.assets == (Asset(id="video", kind="video", path="v_uqiMw7tQ1Cc.mp4", duration=55.15),)
    assert first.segments[1].text.startswith("The coach helps")  # there are two spaces before it in the file


@real
def test_two_annotators_of_the_real_file(tmp_path):
    scenes, problems = read(path=VAL, second=VAL)
    assert (len(scenes), problems) == (1500, [])
    assert all({one.columns["annotator"] for one in scene.segments} == {"1", "2"} for scene in scenes)
    for name in ("val_1.json", "val_2.json"):
        (tmp_path / name).symlink_to(VAL)
    assert read(path=tmp_path)[0] == scenes


def video(times=((0, 1),), sentences=(" A.",), **more):
    return {"duration": 10.5, "timestamps": times, "sentences": sentences, **more}


@pytest.mark.parametrize(
    ("value", "segments", "lost"),
    [
        (video([[5, 3]]), [(3, 5, "A.")], [False]),
        (video([[5, 11.2]]), [(5, 10.5, "A.")], []),
        (video([[5, 20]]), [(5, 10.5, "A.")], [False]),
        (video([[11, 20]]), [], [True]),
        (video([[-1, 2]]), [(0, 2, "A.")], [False]),
        (video([[0, 1e300]]), [(0, 10.5, "A.")], [False]),
        (video([[0, 1]], [" \x00\n"]), [], [True]),
        (video([[0, 1]], ["A", "B", "C"]), [(0, 1, "A")], [True]),
        (video([[0, 1], [2, 3]], ["A"]), [(0, 1, "A")], [True]),
        (video([[4, 5], [0, 1]], ["B", "A"]), [(0, 1, "A"), (4, 5, "B")], []),
        (video([], []), [], []),
        (video(duration=None), [(0, 1, "A.")], []),
        (video(duration=-3), [(0, 1, "A.")], []),
        (video([[0, 1, 2]]), [], [True]),
        (video([[0, 1], [None, 2], None, [3, 4]], ["A", "B", "C", "D"]), [(0, 1, "A"), (3, 4, "D")], [True, True]),
        (video([[0, 1], [3, 4]], ["A", None]), [(0, 1, "A")], [True]),
        (video([["0.5", "2"]], duration="10.5"), [(0.5, 2, "A.")], []),
        (video(sentences="no list"), None, [True]),
        ({"duration": 3}, None, [True]),
        (None, None, [True]),
    ],
)
def test_records(tmp_path, value, segments, lost):
    scenes, problems = read(path=write(tmp_path / "a.json", {"good": video(), "v_x": value}))
    found = {scene.id: [(one.start, one.end, one.text) for one in scene.segments] for scene in scenes}
    assert found.get("v_x") == segments
    assert [problem.lost for problem in problems] == lost
    assert all("'v_x'" in problem.place for problem in problems)


def test_names(tmp_path):
    document = {"a b": video(), "../x": video(), "": video(), "d/v.mkv": video()}
    scenes, problems = read(path=write(tmp_path / "a.json", document))
    assert [(scene.id, scene.assets[0].path) for scene in scenes] == [("a_b", "a b.mp4"), ("d/v.mkv", "d/v.mkv")]
    assert [problem.message for problem in problems] == [
        "the path '../x' leads out of the video folder; the video is left out",
        "the video has no name; the video is left out",
    ]


def test_videos_that_are_there(tmp_path):
    (tmp_path / "v/a").mkdir(parents=True)
    (tmp_path / "v/a/v_x.mkv").touch()
    scenes, _ = read(
        path=write(tmp_path / "a.json", {"v_x": video(), "v_y": video()}), images=tmp_path / "v", suffix="webm"
    )
    assert [scene.assets[0].path for scene in scenes] == ["a/v_x.mkv", "v_y.webm"]


def test_subtitles_and_names_are_joined(tmp_path):
    (tmp_path / "s").mkdir()
    write(tmp_path / "s/v_x.srt", "1\n00:00:00,500 --> 00:00:02,000\nEVE: Hi\n")
    write(tmp_path / "names.txt", "Bob = the tall man")
    file = write(tmp_path / "a.json", {"v_x": video(sentences=["Bob waves."])})
    (scene,), problems = read(path=file, subtitles=tmp_path / "s", names=tmp_path / "names.txt")
    assert scene.segments == (
        Segment(start=0, end=1, text="Bob waves."),
        Segment(start=0.5, end=2, columns={"speaker": "Eve", "subtitle": "Hi"}),
    )
    assert scene.people == (Person(name="Eve"), Person(name="Bob", looks="the tall man"))
    assert problems == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("[1]", "is a list"),
        ('{"a": {"duration"', "end is missing"),
        ('{"a": {"x": 1}}', "none of its records"),
        ('{"database": {"v": {"annotations": []}}}', "none of its records"),
        ('{"vid_name": "a", "ts": [1, 2], "desc": "x"}\n{"vid_name": "b"}', 'reader = "tvr"'),
        ('[{"image": "a.jpg", "caption": "x"}]', 'reader = "pairs"'),
        ("binary \x00\x01", "is no JSON"),
        ("[" * 5000, "is"),
    ],
)
def test_other_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(path=write(tmp_path / "a.json", text))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="has no"):
        read(path=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read(path=tmp_path / "none.json")
    file = write(tmp_path / "a.json", {"v": video()})
    with pytest.raises(InputError, match="is not there"):
        read(path=file, subtitles=tmp_path / "none")
