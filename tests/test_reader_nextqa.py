"""The reader of NExT-QA: the real file, and hand-written rows for what it does not have."""

import csv
import io
import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.questions import nextqa
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "nextqa").is_dir(), reason=f"the real annotation files are not in {DATA}")

HEADER = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4"
ROW = dict(zip(HEADER.split(","), "401,369,640,480,why do they dance,2,6,CW,a,b,c,d,e".split(","), strict=True))


def table(*rows, header=HEADER):
    out = io.StringIO()
    writer = csv.DictWriter(out, header.split(","), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(file, **options):
    problems = []
    scenes = list(nextqa.read(nextqa.Options(path=file, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def read_text(folder, text, **options):
    file = folder / "x.csv"
    file.write_text(text, encoding="utf-8", newline="")
    return read(file, **options)


@real
def test_the_real_file():
    scenes, problems = read(DATA / "nextqa/val_first1500.csv")
    assert (len(scenes), sum(len(scene.questions) for scene in scenes), problems) == (547, 1500, [])
    with (DATA / "nextqa/val_first1500.csv").open(newline="") as stream:
        rows = {f"{row['video']}_{row['qid']}": row for row in csv.DictReader(stream)}
    for scene in scenes:
        (asset,) = scene.assets
        assert (asset.kind, asset.path, asset.duration) == ("video", f"{scene.id}.mp4", None)
        for question in scene.questions:
            row = rows.pop(question.source_id)
            assert (scene.id, question.question) == (row["video"], " ".join(row["question"].split()))
            assert question.options == tuple(" ".join(row[f"a{place}"].split()) for place in range(5))
            assert question.correct == int(row["answer"])
            assert scene.metadata["types"][question.source_id] == row["type"]
            assert (asset.width, asset.height) == (int(row["width"]), int(row["height"]))
            assert scene.metadata["frame_count"] == int(row["frame_count"])
    assert not rows


def test_open_ended_rows(tmp_path):
    header = "video,frame_count,width,height,question,answer,qid,type,additional_ref_answer"
    rows = [{**ROW, "answer": "for fun", "additional_ref_answer": "they like it"}, {**ROW, "qid": 7, "answer": ""}]
    (scene,), problems = read_text(tmp_path, table(*rows, header=header))
    assert problems == []
    assert [(question.answers, question.options) for question in scene.questions] == [
        (("for fun", "they like it"), ()),
        ((), ()),
    ]


def test_the_map_of_videos(tmp_path):
    places = tmp_path / "map.json"
    places.write_text(json.dumps({"401": "1164/323"}))
    scenes, problems = read_text(tmp_path, table(ROW, {**ROW, "video": "9"}), map=places)
    assert [scene.assets[0].path for scene in scenes] == ["1164/323.mp4"]
    assert "the video 9 is not in" in problems[0].message
    places.write_text(json.dumps({"401": "../323"}))
    assert "leads out" in read_text(tmp_path, table(ROW), map=places)[1][0].message
    places.write_text("[1]")
    with pytest.raises(InputError, match="object"):
        read_text(tmp_path, table(ROW), map=places)


@pytest.mark.parametrize(
    ("change", "words", "kept"),
    [
        ({"answer": "5"}, "is no number of a choice", 2),
        ({"answer": "-1"}, "is no number of a choice", 2),
        ({"answer": "²"}, "is no number of a choice", 2),
        ({"width": "nan"}, "`width` 'nan' is no number above 0", 2),
        ({"height": "1e400"}, "`height`", 2),
        ({"frame_count": "9" * 5000}, "`frame_count`", 2),
        ({"question": "\x07 "}, "`question` is empty", 1),
        ({"video": ""}, "`video` is empty", 1),
    ],
)
def test_faults_are_told(tmp_path, change, words, kept):
    scenes, problems = read_text(tmp_path, table(ROW, {**ROW, "qid": "7", **change}))
    assert sum(len(scene.questions) for scene in scenes) == kept
    assert [(problem.place, words in problem.message) for problem in problems] == [("line 3", True)]


def test_a_row_with_too_few_fields_is_told(tmp_path):
    scenes, problems = read_text(tmp_path, table(ROW) + "401,369,640\n")
    assert (len(scenes), [problem.place for problem in problems]) == (1, ["line 3"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("image,caption\na,b\n", 'reader = "pairs"'),
        ('[{"question_id": 1, "choices": [], "rationales": []}]', 'reader = "aokvqa"'),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_text(tmp_path, text)


def test_nothing_is_lost_unsaid(tmp_path):
    rows = [
        {**ROW, "video": str(number % 7), "qid": number, "question": "" if number % 5 == 0 else "why"}
        for number in range(60)
    ]
    scenes, problems = read_text(tmp_path, table(*rows))
    assert sum(len(scene.questions) for scene in scenes) + len(problems) == 60
    assert Counter(scene.id for scene in scenes).most_common(1)[0][1] == 1
