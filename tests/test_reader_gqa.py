"""The reader of GQA's questions: the real record, and files in its form."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations import json_stream
from syphus.annotations.questions import gqa
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(
    not (DATA / "vqa_fixtures/gqa").is_dir(), reason=f"the real annotation files are not in {DATA}"
)


def record(number, image="n1", **more):
    """In the order of the true files, with members that look like questions of their own."""
    return {
        "semantic": [{"operation": "select", "dependencies": [], "argument": f"dog ({number})"}],
        "entailed": [],
        "question": f'Is the {number}. dog \\"}},{{ brown?',
        "imageId": image,
        "isBalanced": True,
        "groups": {"global": None, "local": "x"},
        "answer": "yes",
        "annotations": {"answer": {}, "question": {"1": "12"}, "fullAnswer": {}},
        "types": {"detailed": "existAttrC", "semantic": "obj", "structural": "verify"},
        "fullAnswer": "Yes, it is.",
        **more,
    }


def read(path, text=None, **options):
    if text is not None:
        path.write_text(text)
    problems = []
    scenes = list(gqa.read(gqa.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_the_real_record():
    (scene,), problems = read(DATA / "vqa_fixtures/gqa/questions.json")
    assert (scene.id, scene.assets[0].path, problems) == ("n578564", "n578564.jpg", [])
    (question,) = scene.questions
    assert (question.question, question.answers) == ("What is hanging above the chalkboard?", ("picture",))
    assert question.rationales == ("The picture is hanging above the chalkboard.",)
    assert scene.metadata["types"]["202218649"] == {"structural": "query", "semantic": "rel", "detailed": "relS"}


@pytest.mark.parametrize("indent", [None, 1])
def test_many_questions_window_by_window(tmp_path, monkeypatch, indent):
    monkeypatch.setattr(json_stream, "WINDOW", 3000)
    document = {str(number): record(number, image=f"n{number % 7}") for number in range(100)}
    scenes, problems = read(tmp_path / "x.json", json.dumps(document, indent=indent))
    assert problems == []
    assert [len(scene.questions) for scene in scenes] == [15, 15, 14, 14, 14, 14, 14]
    assert [question.source_id for question in scenes[0].questions[:3]] == ["0", "7", "14"]
    assert len({question.source_id for scene in scenes for question in scene.questions}) == 100


def test_unbalanced_questions_and_parts(tmp_path):
    for part in range(2):
        rows = {f"{part}{number}": record(number, isBalanced=number != 1) for number in range(3)}
        (tmp_path / f"train_all_questions_{part}.json").write_text(json.dumps(rows))
    (scene,), problems = read(tmp_path)
    assert [question.source_id for question in scene.questions] == ["00", "02", "10", "12"]
    assert [problem.message[:40] for problem in problems] == ["1 questions that are not balanced are le"] * 2
    assert len(read(tmp_path, balanced=False)[0][0].questions) == 6


def test_test_sets_have_no_answers(tmp_path):
    (scene,), _ = read(tmp_path / "x.json", json.dumps({"7": {"imageId": 12, "question": "Why?", "isBalanced": True}}))
    assert (scene.id, scene.questions[0].answers, scene.metadata) == ("12", (), {"image_id": 12})


def test_faults_are_told(tmp_path):
    rows = {"1": record(1), "2": record(2, question=" "), "3": record(3, imageId="../a"), "4": {"a": 1}, "5": 5}
    (scene,), problems = read(tmp_path / "x.json", json.dumps(rows))
    assert len(scene.questions) == 1
    assert sorted((problem.place, problem.message.split(";")[0].split(" - ")[0]) for problem in problems) == [
        ("question 2", "the question is empty"),
        ("question 3", "the path '../a.jpg' leads out of the picture folder"),
        ("question 4", "Object missing required field `question`"),
        ("question 5", "Expected `object`, got `int`"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("[]", "is a list"),
        ('{"questions": [], "data_subtype": ""}', 'reader = "vqa"'),
        ('{"images": [], "annotations": []}', 'reader = "coco"'),
        (json.dumps({"1": record(1), "2": record(2)})[:-30], "end is missing"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path / "x.json", text)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no \.json files"):
        read(tmp_path)
