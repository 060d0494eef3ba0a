"""The reader of QVHighlights."""

import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.videos import qvhighlights
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
VAL = DATA / "qvhighlights/highlight_val_first500.jsonl"
real = pytest.mark.skipif(not VAL.is_file(), reason=f"the real annotation files are not in {DATA}")


def read(**options):
    problems = []
    scenes = list(qvhighlights.read(qvhighlights.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def write(path, *rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@real
def test_the_real_file():
    scenes, problems = read(path=VAL)
    rows = [json.loads(line) for line in VAL.read_text(encoding="utf-8").splitlines()]
    assert problems == []
    assert [scene.id for scene in scenes] == list(dict.fromkeys(row["vid"] for row in rows))
    wanted = Counter((row["vid"], row["qid"], *window) for row in rows for window in row["relevant_windows"])
    found = Counter(
        (scene.id, qid, one.start, one.end)
        for scene in scenes
        for one, qid in zip(scene.segments, scene.metadata["qids"], strict=True)
    )
    assert found == wanted
    for row in rows:
        scene = next(scene for scene in scenes if scene.id == row["vid"])
        kept = scene.metadata["saliency"][str(row["qid"])]
        assert kept == {str(p): s for p, s in zip(row["relevant_clip_ids"], row["saliency_scores"], strict=True)}
    first = scenes[0]
    assert first.assets == (Asset(id="video", kind="video", path="NUsG9BgSes0.mp4", start=210.0, duration=150.0),)
    scores = [score for three in rows[0]["saliency_scores"] for score in three]
    assert first.segments[0].columns == {"striking": f"{sum(scores) / len(scores):.1f} of 4"}


def row(vid="yt_60.0_210.0", **more):
    return {"qid": 1, "query": "A cat.", "duration": 150, "vid": vid, **more}


def test_the_clip_itself_and_the_whole_video(tmp_path):
    (tmp_path / "v").mkdir()
    file = write(tmp_path / "a.jsonl", row(relevant_windows=[[0, 2]]))
    (scene,), _ = read(path=file, images=tmp_path / "v")
    assert (scene.assets[0].path, scene.assets[0].start) == ("yt.mp4", 60.0)
    (tmp_path / "v/yt_60.0_210.0.mkv").touch()
    (scene,), _ = read(path=file, images=tmp_path / "v")
    assert (scene.assets[0].path, scene.assets[0].start) == ("yt_60.0_210.0.mkv", None)


def test_subtitles_of_the_whole_video_are_shifted(tmp_path):
    (tmp_path / "yt.srt").write_text(
        "1\n00:01:01,000 --> 00:01:03,000\nHi\n\n2\n00:00:01,000 --> 00:00:03,000\nBefore\n", encoding="utf-8"
    )
    file = write(tmp_path / "a.jsonl", row(relevant_windows=[[0, 2]]))
    (scene,), problems = read(path=file, subtitles=tmp_path)
    assert [(one.start, one.end, one.columns) for one in scene.segments] == [(0, 2, {}), (1, 3, {"subtitle": "Hi"})]
    assert problems == []


def test_lines_of_the_test_set_and_other_clips(tmp_path):
    scenes, problems = read(path=write(tmp_path / "a.jsonl", row(), row("noclip", query="B"), row(query="C", qid=2)))
    assert [(scene.id, scene.captions) for scene in scenes] == [
        ("yt_60.0_210.0", (Caption(text="A cat."), Caption(text="C"))),
        ("noclip", (Caption(text="B"),)),
    ]
    assert scenes[1].assets[0].start is None
    assert problems == []


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        (row(relevant_windows=[[0, 500]]), [False]),
        (row(relevant_windows=[[200, 500]]), [True]),
        (row(query=" "), [True]),
        (row(relevant_windows=[[0, 4]], relevant_clip_ids=[0, 1], saliency_scores=[[1, 2, 3]]), [True]),
        (row(relevant_windows=[[0]]), [True]),
        (row(vid="../x"), [True]),
        (row(duration="x"), [True]),
        (row(duration=-1, relevant_windows=[[0, 4]]), []),
    ],
)
def test_bad_lines(tmp_path, bad, lost):
    _, problems = read(path=write(tmp_path / "a.jsonl", row(), bad))
    assert [problem.lost for problem in problems] == lost


def test_other_files(tmp_path):
    with pytest.raises(InputError, match='reader = "tvr"'):
        read(path=write(tmp_path / "a.jsonl", {"vid_name": "a", "ts": [0, 1]}))


def test_a_json_array(tmp_path):
    rows = [row(relevant_windows=[[0, 2]]), row("b", relevant_windows=[["3.5", "5"]], duration="30.5"), {"query": "x"}]
    scenes, problems = read(path=write(tmp_path / "a.json", json.dumps(rows)))
    assert [(scene.id, scene.assets[0].duration, scene.segments[0].start) for scene in scenes] == [
        ("yt_60.0_210.0", 150, 0),
        ("b", 30.5, 3.5),
    ]
    assert [problem.place for problem in problems] == ["[2], line 1"]


def test_a_sentence_that_is_true_nowhere_is_no_caption(tmp_path):
    file = write(tmp_path / "a.jsonl", row(relevant_windows=[]), row(relevant_windows=None, query="B"), row(query="C"))
    (scene,), problems = read(path=file)
    assert scene.captions == (Caption(text="B"), Caption(text="C"))
    assert [(problem.place, problem.lost) for problem in problems] == [("line 1", True)]


def test_scores_as_other_tools_write_them(tmp_path):
    scores = {"relevant_clip_ids": [0.0, 1.0], "saliency_scores": [[1, None, 2], [3, 3, 99]]}
    (scene,), problems = read(path=write(tmp_path / "a.jsonl", row(relevant_windows=[[0, 4], [9, None]], **scores)))
    assert [one.columns for one in scene.segments] == [{"striking": "2.2 of 4"}]
    assert scene.metadata["saliency"]["1"] == {"0": [1, None, 2], "1": [3, 3, 99]}
    assert len(problems) == 1


def test_one_object_is_not_lines(tmp_path):
    file = write(tmp_path / "a.json", json.dumps({"v": {"duration": 3, "timestamps": [], "sentences": []}}, indent=1))
    with pytest.raises(InputError, match="is one JSON object, not one a line"):
        read(path=file)
    with pytest.raises(InputError, match='reader = "activitynet"'):
        read(path=write(tmp_path / "b.json", {"v": {"duration": 3, "timestamps": [], "sentences": []}}))
