"""The reader of TVR and TVC."""

import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.videos import tvr
from syphus.annotations.videos.tvr import find_series
from syphus.errors import InputError
from syphus.records import Person, Scene
from syphus.references.people import find_names, hide

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
TVR, TVC = DATA / "tvr/tvr_val_first4000.jsonl", DATA / "tvc/tvc_test_public_release.jsonl"
TVQA = DATA / "transcribed/tvqa_preprocessed_subtitles.jsonl"
real = pytest.mark.skipif(not TVR.is_file(), reason=f"the real annotation files are not in {DATA}")


def read(**options):
    problems = []
    scenes = list(tvr.read(tvr.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, [one for one in problems if one.place != "the whole file"]


def test_it_is_said_that_names_are_not_known(tmp_path):
    problems = []
    file = write(tmp_path / "a.jsonl", row())
    list(tvr.read(tvr.Options(path=file), problems.append))
    assert [(one.place, one.lost) for one in problems] == [("the whole file", False)]
    (tmp_path / "names.txt").write_text("Monica\n")
    problems.clear()
    list(tvr.read(tvr.Options(path=file, names=tmp_path / "names.txt"), problems.append))
    assert problems == []


def write(path, *rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@real
def test_the_real_tvr():
    scenes, problems = read(path=TVR)
    rows = rows_of(TVR)
    assert (len(scenes), problems) == (len({row["vid_name"] for row in rows}), [])
    wanted = Counter((row["vid_name"], " ".join(row["desc"].split()), row["desc_id"]) for row in rows)
    found = Counter(
        (scene.id, segment.text, identity)
        for scene in scenes
        for segment, identity in zip(scene.segments, scene.metadata["desc_ids"], strict=True)
    )
    assert found == wanted
    assert Counter(one.columns["known from"] for scene in scenes for one in scene.segments) == {
        tvr._KNOWN_FROM[kind]: count for kind, count in Counter(row["type"] for row in rows).items()
    }
    assert [scene.id for scene in scenes] == list(dict.fromkeys(row["vid_name"] for row in rows))


@real
def test_the_real_tvc_has_moments_without_words():
    scenes, problems = read(path=TVC)
    rows = rows_of(TVC)
    assert problems == []
    assert sum(len(scene.segments) for scene in scenes) == len(rows)
    assert {segment.text for scene in scenes for segment in scene.segments} == {""}
    assert sorted(one for scene in scenes for one in scene.metadata["clip_ids"]) == sorted(
        row["clip_id"] for row in rows
    )


@real
def test_the_real_subtitles(tmp_path):
    name = rows_of(TVQA)[0]["vid_name"]
    row = {"vid_name": name, "duration": 60, "ts": [1, 5], "desc": "Chase frowns.", "type": "vt", "desc_id": 1}
    (scene,), problems = read(path=write(tmp_path / "a.jsonl", row), subtitles=TVQA)
    assert problems == []
    assert scene.segments[0].columns == {"speaker": "Chase", "subtitle": "That's all this is?"}
    assert scene.people == (Person(name="Chase"),)


def row(name="friends_s01e03_seg02_clip_19", ts=(1, 2), **more):
    return {"vid_name": name, "duration": 60.0, "ts": ts, **more}


def test_tvc_with_descriptions(tmp_path):
    descs = [
        {"desc": "A.", "type": "v", "from_retrieval": True, "desc_id": 5},
        {"desc": "B.", "type": "t", "desc_id": 6},
    ]
    (scene,), problems = read(
        path=write(tmp_path / "a.jsonl", row(ts=(3, 4), clip_id=9, descs=descs), row(clip_id=8, descs=descs[:1]))
    )
    assert [(one.start, one.text, one.columns["known from"]) for one in scene.segments] == [
        (1, "A.", "what is seen"),
        (3, "A.", "what is seen"),
        (3, "B.", "what is said"),
    ]
    assert scene.metadata == {"video": scene.id, "desc_ids": [5, 5, 6], "clip_ids": [8, 9, 9]}
    assert problems == []


def test_people_are_those_of_the_series(tmp_path):
    other, house = "friends_s09e01_seg01_clip_00", "house_s01e01_seg02_clip_00"
    rows = [row(desc="Monica hugs Chandler.", type="v"), row(house, desc="Monica is a patient of House.", type="v")]
    subtitles = write(
        tmp_path / "subs.jsonl",
        {"vid_name": rows[0]["vid_name"], "sub": [{"text": "(Ross:)Hey, Joey!", "start": 0, "end": 1}]},
        {
            "vid_name": other,
            "sub": [{"text": "Chandler Bing : x", "start": 0, "end": 1}, {"text": "MONICA: y", "start": 0, "end": 1}],
        },
        {"vid_name": house, "sub": [{"text": "Man : x", "start": 0, "end": 1}]},
    )
    names = tmp_path / "names.txt"
    names.write_text("Joey, Joey Tribbiani = the man with the sandwich\n", encoding="utf-8")
    (first, second), problems = read(path=write(tmp_path / "a.jsonl", *rows), subtitles=subtitles, names=names)
    assert problems == []
    assert [person.name for person in first.people] == ["Ross", "Joey", "Monica", "Chandler Bing"]
    assert [hide(one.columns.get("subtitle", "") or one.text, first.people) for one in first.segments] == [
        "Hey, the man with the sandwich!",
        "Person B hugs person C.",
    ]
    assert hide(first.segments[0].columns["speaker"], first.people) == "person A"
    assert second.people == ()  # nobody called Monica speaks in House
    assert find_names(second.segments[1].text, first.people) == ["Monica"]


def test_a_folder_of_subtitles(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/friends_s01e03_seg02_clip_19.srt").write_text(
        "1\n00:00:01,500 --> 00:00:02,000\nEVE: Hi\n", encoding="utf-8"
    )
    (scene,), problems = read(
        path=write(tmp_path / "a.jsonl", row(desc="Eve waves.", type="v")), subtitles=tmp_path / "s"
    )
    assert [one.columns.get("subtitle", one.text) for one in scene.segments] == ["Eve waves.", "Hi"]
    assert (scene.people, problems) == ((Person(name="Eve"),), [])


@pytest.mark.parametrize(
    ("bad", "place", "lost"),
    [
        (row(ts=(70, 80), desc="x"), "line 2", True),
        (row(ts=(50, 80), desc="x"), "line 2", False),
        (row(desc=" "), "line 2", True),
        (row(ts=(1,), desc="x"), "line 2", True),
        (row("../../x", desc="x"), "line 2", True),
        ('{"vid_name": "a", "ts": [NaN, 1]}\n', "line 2", True),
        ('{"vid_name": "a"', "line 2", True),
        ("\n\n[1]\n", "line 4", True),
    ],
)
def test_bad_lines(tmp_path, bad, place, lost):
    scenes, problems = read(path=write(tmp_path / "a.jsonl", row(desc="good"), bad))
    assert scenes[0].segments[0].text == "good"
    assert [(problem.place, problem.lost) for problem in problems] == [(place, lost)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("plain words", "none of its records"),
        ('{"qid": 1, "query": "x", "vid": "a"}\n', 'reader = "qvhighlights"'),
        ('{"vid_name": "a", "sub": []}\n', "TVQA subtitles"),
        ("\x00\x01\x02", "none of its records"),
    ],
)
def test_other_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(path=write(tmp_path / "a.jsonl", text))


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("friends_s01e03_seg02_clip_19", "friends_"),
        ("s08e06_seg02_clip_05", "s0"),
        ("s11e06_seg02_clip_05", "s1"),
        ("other", "other"),
    ],
)
def test_series(name, series):
    assert find_series(name) == series


def test_descriptions_without_times_are_captions(tmp_path):
    """The form of TVR's test file."""
    rows = [{"vid_name": "a", "duration": 61.4, "desc": "Monica leaves.", "desc_id": 1}, row("a", ts=(1, 2), desc="x")]
    (scene,), problems = read(path=write(tmp_path / "a.jsonl", *rows))
    assert [one.text for one in scene.captions] == ["Monica leaves."]
    assert [one.text for one in scene.segments] == ["x"]
    assert problems == []


def test_a_json_array(tmp_path):
    subtitles = json.dumps([{"vid_name": "a", "sub": [{"text": " Ann : Hi", "start": "0.5", "end": 1}]}])
    (scene,), problems = read(
        path=write(tmp_path / "a.json", json.dumps([row("a", desc="x"), row("a", desc="y")])),
        subtitles=write(tmp_path / "s.json", subtitles),
    )
    assert [one.text or one.columns["speaker"] for one in scene.segments] == ["Ann", "x", "y"]
    assert problems == []


def test_tvqa(tmp_path):
    question = {"vid_name": "met_s06e22_seg01_clip_02", "q": "What is Robin holding?", "ts": "1.21-8.49", "qid": 7,
                "a0": "A glass", "a1": "Nachos", "a2": "A purse", "a3": "A book", "a4": "A beer", "answer_idx": 4,
                "show_name": "How I Met You Mother"}  # fmt: skip
    test = {key: value for key, value in question.items() if key != "answer_idx"} | {"qid": 8}
    wrong = question | {"answer_idx": 5, "qid": 9, "ts": "nan-nan"}
    (scene,), problems = read(path=write(tmp_path / "a.jsonl", question, test, wrong, question | {"q": " "}))
    assert [(one.question, one.correct, one.source_id) for one in scene.questions] == [
        ("What is Robin holding?", 4, "7"),
        ("What is Robin holding?", None, "8"),
        ("What is Robin holding?", None, "9"),
    ]
    assert scene.questions[0].options == ("A glass", "Nachos", "A purse", "A book", "A beer")
    assert scene.metadata["question_times"] == {"7": [1.21, 8.49], "8": [1.21, 8.49]}
    assert scene.segments == ()
    assert [(problem.place, problem.lost) for problem in problems] == [("line 3", False), ("line 4", True)]
