"""The reader of A-OKVQA: the real record, and what is wrong with hand-written ones in its form."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.questions import aokvqa
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "transcribed").is_dir(), reason=f"the real annotation files are not in {DATA}")

RECORD = {
    "split": "train",
    "image_id": 25,
    "question_id": "a1",
    "question": "Why bend down?",
    "choices": ["to eat", "to sleep", "", "to play"],
    "correct_choice_idx": 0,
    "direct_answers": ["eat", "food", "eat"],
    "difficult_direct_answer": True,
    "rationales": ["It eats leaves.", "It eats\tleaves.", "It is hungry."],
}


def read(folder, *records, text=None, **options):
    file = folder / "x.json"
    file.write_text(json.dumps(records) if text is None else text)
    problems = []
    scenes = list(aokvqa.read(aokvqa.Options(path=file, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, [(problem.place, problem.message) for problem in problems]


@real
def test_the_real_record(tmp_path):
    (scene,), problems = read(tmp_path, text=(DATA / "transcribed/aokvqa_val.json").read_text())
    assert problems == []
    assert (scene.id, scene.assets[0].path) == ("000000461751", "val2017/000000461751.jpg")
    (question,) = scene.questions
    assert question.options[question.correct] == "cigarette"
    assert (question.answers, question.votes, len(question.rationales)) == (("cigarette",), (10,), 3)
    assert question.source_id == "22jbM6gDxdaMaunuzgrsBB"
    assert scene.metadata == {"image_id": 461751, "questions": {"22jbM6gDxdaMaunuzgrsBB": {"split": "val"}}}


def test_one_record_of_each_kind(tmp_path):
    test = {"split": "train", "image_id": 25, "question_id": "a2", "question": "Who?", "choices": ["x", "y"]}
    (scene,), problems = read(tmp_path, RECORD, {**RECORD, "image_id": 9, "question_id": 0, "question": ""}, test)
    assert problems == [
        ("[0] (a1)", "1 of `rationales` are empty or say the same; they are left out"),
        ("[1] (0)", "the question is empty"),
    ]
    first, second = scene.questions
    assert first.options == ("to eat", "to sleep", "", "to play")  # an empty choice keeps its place
    assert (first.correct, first.answers, first.votes) == (0, ("eat", "food"), (2, 1))
    assert (second.correct, second.answers, second.options) == (None, (), ("x", "y"))
    assert scene.metadata["questions"]["a1"] == {"split": "train", "difficult_direct_answer": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"correct_choice_idx": 4}, "`correct_choice_idx` 4 is none of 4 choices"),
        ({"correct_choice_idx": -1}, "`correct_choice_idx` -1 is none of 4 choices"),
        ({"direct_answers": ["", "a"]}, "1 of `direct_answers` are empty"),
        ({"question_id": "a0"}, "given twice"),
        ({"split": ""}, "no `split`"),
        ({"image_id": "x"}, "is no number"),
        ({"image_id": 10**30}, "int"),
        ({"choices": "to eat"}, "Expected `array | null`, got `str`"),
    ],
)
def test_faults_are_told(tmp_path, change, words):
    good = {**RECORD, "question_id": "a0", "image_id": 1, "rationales": []}
    scenes, problems = read(tmp_path, good, {**good, "question_id": "a3", "image_id": 2, **change})
    assert len(problems) == 1
    assert words in problems[0][1]
    assert scenes[0].questions[0].source_id == "a0"


def test_the_name_of_the_pictures(tmp_path):
    record = {**RECORD, "rationales": [], "split": ""}
    assert read(tmp_path, record, image_name="COCO_{id:012}.jpg")[0][0].id == "COCO_000000000025"
    with pytest.raises(InputError, match="cannot be filled in"):
        read(tmp_path, record, image_name="{folder}/{id}.jpg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ('{"questions": []}', 'reader = "vqa"'),
        (json.dumps([{"image": "a.jpg", "caption": "b"}]), 'reader = "pairs"'),
        (json.dumps([RECORD])[:-20], "end is missing"),
        (json.dumps(RECORD) + "\n" + json.dumps(RECORD), "JSON Lines"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text=text)
