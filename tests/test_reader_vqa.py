"""The reader of VQA v2 and OK-VQA: real files where they are, hand-written ones in their form for the rest."""

import gzip
import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.annotations.questions import vqa
from syphus.annotations.questions.picture_rows import PictureName
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "okvqa").is_dir(), reason=f"the real annotation files are not in {DATA}")


def asked(number, image=139, text=None):
    return {"image_id": image, "question": f"Is it {number}?" if text is None else text, "question_id": number}


def answered(number, *answers, **more):
    given_ = [
        {"answer": text, "answer_confidence": "yes", "answer_id": place + 1} for place, text in enumerate(answers)
    ]
    return {"question_id": number, "image_id": 139, "answers": given_, **more}


def write(folder, questions, annotations=None, **head):
    head = {
        "info": {},
        "data_type": "mscoco",
        "license": {"url": "http://l/", "name": "By"},
        "data_subtype": "val2014",
        **head,
    }
    files = {"questions": folder / "q.json"}
    files["questions"].write_text(json.dumps({**head, "questions": questions}))
    if annotations is not None:
        files["annotations"] = folder / "a.json"
        files["annotations"].write_text(json.dumps({**head, "annotations": annotations}))
    return files


def read(**options):
    problems = []
    scenes = list(vqa.read(vqa.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_all_of_okvqa():
    scenes, problems = read(questions=DATA / "okvqa/OpenEnded_mscoco_val2014_questions.json")
    assert (len(scenes), sum(len(scene.questions) for scene in scenes), problems) == (5033, 5046, [])
    first = scenes[0]
    assert first.id == "COCO_val2014_000000297147"
    assert first.assets[0].path == "COCO_val2014_000000297147.jpg"
    assert first.questions[0].question == "What sport can you use this for?"
    assert first.questions[0].source_id == "2971475"
    assert first.metadata["license_of_questions"] == "Creative Commons Attribution 4.0 International License"


@real
def test_vqa_v2_with_ten_answers_each():
    folder = DATA / "vqa_fixtures/vqav2"
    (scene,), problems = read(questions=folder / "questions.json", annotations=folder / "annotations.json")
    assert problems == []
    assert scene.id == "COCO_train2014_000000458752"
    assert [(question.answers, question.votes) for question in scene.questions] == [
        (("net", "netting", "mesh", "pitcher", "orange"), (6, 1, 1, 1, 1)),
        (("pitcher", "catcher"), (9, 1)),
        (("orange",), (10,)),
    ]


def test_questions_of_a_picture_that_stand_far_apart_are_one_scene(tmp_path):
    questions = [asked(number, image=number % 3) for number in range(9)]
    scenes, problems = read(**write(tmp_path, questions))
    assert problems == []
    assert [[question.source_id for question in scene.questions] for scene in scenes] == [
        ["0", "3", "6"],
        ["1", "4", "7"],
        ["2", "5", "8"],
    ]


def test_types_and_the_chosen_answer(tmp_path):
    annotations = [
        answered(
            1, "red", "blue", "blue", "red", multiple_choice_answer="blue", question_type="what", answer_type="other"
        ),
        answered(2, "yes", " yes ", "no", multiple_choice_answer="maybe"),
    ]
    (scene,), problems = read(**write(tmp_path, [asked(1), asked(2)], annotations))
    assert problems == []
    assert [(question.answers, question.votes) for question in scene.questions] == [
        (("blue", "red"), (2, 2)),  # both have two votes: the set's own choice comes first
        (("yes", "no"), (2, 1)),
    ]
    assert scene.metadata["questions"] == {
        "1": {"question_type": "what", "answer_type": "other"},
        "2": {"multiple_choice_answer": "maybe"},
    }


def test_multiple_choices_of_version_1(tmp_path):
    questions = [{**asked(number), "multiple_choices": ["red", "2 ", "", "blue"]} for number in (1, 2, 3)]
    annotations = [answered(1, "red", multiple_choice_answer="2"), answered(2, "red", multiple_choice_answer="green")]
    (scene,), problems = read(**write(tmp_path, questions, annotations))
    assert [question.options for question in scene.questions] == [("red", "2", "", "blue")] * 3
    assert [question.correct for question in scene.questions] == [1, None, None]
    assert [problem.lost for problem in problems] == [False]  # the third has no annotation


def test_okvqa_answers_as_people_typed_them(tmp_path):
    annotation = answered(1, "poni tail", "poni tail", "hair")
    for one, raw in zip(annotation["answers"], ["pony tail", "ponytail", "hair"], strict=True):
        one["raw_answer"] = raw
    files = write(tmp_path, [asked(1)], [annotation])
    assert read(**files)[0][0].questions[0].answers == ("poni tail", "hair")
    assert read(**files, raw=True)[0][0].questions[0].answers == ("pony tail", "ponytail", "hair")


@pytest.mark.parametrize(
    ("head", "name", "path"),
    [
        ({}, None, "COCO_val2014_000000000139.jpg"),
        ({"data_subtype": "test-dev2015"}, None, "COCO_test2015_000000000139.jpg"),
        ({"data_type": "abstract_v002", "data_subtype": "val2015"}, None, "abstract_v002_val2015_000000000139.png"),
        ({}, "val2014/COCO_val2014_{id:012}.jpg", "val2014/COCO_val2014_000000000139.jpg"),
        ({"data_subtype": None}, "{id}.png", "139.png"),
    ],
)
def test_what_the_pictures_are_called(tmp_path, head, name, path):
    (scene,), problems = read(**write(tmp_path, [asked(1)], **head), image_name=name)
    assert (scene.assets[0].path, problems) == (path, [])


def test_the_split_is_found_behind_the_questions_too(tmp_path):
    file = tmp_path / "q.json"
    padding = [asked(number) for number in range(5000)]
    file.write_text(json.dumps({"questions": padding, "data_subtype": "train2014"}))
    assert file.stat().st_size > 1 << 17
    assert read(questions=file)[0][0].id == "COCO_train2014_000000000139"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{id:>9999999999}", "cannot be filled"),
        ("{id.__class__}", "cannot be filled"),
        ("{split}", "cannot be filled"),
        ("{id!r}", "cannot be filled"),
        ("{}", "cannot be filled"),
        ("{id", "cannot be read"),
    ],
)
def test_templates_that_cannot_be(tmp_path, template, words):
    with pytest.raises(InputError, match=words):
        vqa.read(vqa.Options(**write(tmp_path, [asked(1)]), image_name=template), print)


def test_ids_that_the_template_cannot_take_cost_their_picture_only(tmp_path):
    questions = [asked(1, image="abc"), asked(2, image="00139"), asked(3, image="../x")]
    scenes, problems = read(**write(tmp_path, questions))
    assert [scene.id for scene in scenes] == ["COCO_val2014_000000000139"]
    assert [problem.place for problem in problems] == ["image_id abc", "image_id ../x"]
    assert PictureName("{id}.jpg").make(7, None) == "7.jpg"


def test_faults_are_told_one_by_one(tmp_path):
    questions = [asked(1), asked(1), asked(2, text=" \u0000 "), {"image_id": 1}, asked(3), asked(4)]
    annotations = [answered(1, "a", "", "\u0007"), answered(1, "b"), answered(99, "c"), {"question_id": []}]
    (scene,), problems = read(**write(tmp_path, questions, annotations))
    assert [(question.source_id, question.answers, question.votes) for question in scene.questions] == [
        ("1", ("a",), (1,)),
        ("3", (), ()),
        ("4", (), ()),
    ]
    assert [(problem.place, problem.lost) for problem in problems] == [
        ("questions[1]", True),
        ("questions[2]", True),
        ("questions[3]", True),
        ("annotations[0]", True),
        ("annotations[1]", True),
        ("annotations[3]", True),
        ("annotations", True),
        ("annotations", False),
    ]
    assert "question ids 99" in problems[6].message
    assert problems[7].message.startswith("2 of 3 questions")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("[]", "is a list"),
        ('{"images": [], "annotations": []}', 'reader = "coco"'),
        ('{"data": []}', 'reader = "textvqa"'),
        ('{"1": {"imageId": "2", "question": "3"}}', "as GQA's do"),
        ('[{"question_id": "a", "choices": [], "rationales": []}]', 'reader = "aokvqa"'),
        ('{"data_subtype": "val2014", "questions": [{"id": 1}]}', "none of its 1 first records"),
        ('{"data_subtype": "val2014", "questions": [{"image_id": 1, "questi', "end is missing"),
        ('{"questions": []}', "image_name"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(InputError, match=words):
        read(questions=file)


def test_annotations_of_another_split_are_refused(tmp_path):
    files = write(tmp_path, [asked(1)], [answered(2, "a")])
    with pytest.raises(InputError, match="same split"):
        read(**files)


def test_a_missing_file_is_told_at_once(tmp_path):
    files = write(tmp_path, [asked(1)])
    with pytest.raises(InputError, match="cannot be read"):
        vqa.read(vqa.Options(**files, annotations=tmp_path / "no.json"), print)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 12), st.sampled_from(["Why?", "", " \n", "What is\tit?"])),
        max_size=25,
    ),
    st.lists(
        st.tuples(st.integers(0, 14), st.lists(st.sampled_from(["yes", "no", "", "no "]), max_size=5)), max_size=20
    ),
)
def test_nothing_is_lost_unsaid(tmp_path_factory, questions, annotations):
    """Questions in the file = those in the scenes + those reported; so are annotations, and answers are counted by votes."""
    folder = tmp_path_factory.mktemp("vqa")
    files = write(
        folder,
        [asked(number, image=image, text=text) for image, number, text in questions],
        [answered(number, *answers) for number, answers in annotations],
    )
    try:
        scenes, problems = read(**files)
    except InputError as error:
        if "none of its" not in error.message:
            raise
        return
    told = [problem for problem in problems if problem.place.startswith("questions[")]
    found = [question for scene in scenes for question in scene.questions]
    assert len(found) + len(told) == len(questions)
    by_id = {}
    for number, answers in annotations:
        by_id.setdefault(str(number), answers)
    for question in found:
        assert sum(question.votes) == sum(bool(answer.strip()) for answer in by_id.get(question.source_id, []))
    twice = [problem for problem in problems if "two annotations" in problem.message]
    strays = [problem for problem in problems if "does not have" in problem.message]
    count = int(strays[0].message.split(": ")[1].split(",")[0]) if strays else 0
    used = sum(question.source_id in by_id for question in found)
    assert used + len(twice) + count == len(annotations)


def test_packed_questions(tmp_path):
    """``data_subtype`` stands at the end of the file, to which one that is unpacked on the way cannot jump."""
    many = [asked(number, image=number) for number in range(3000)]
    file = tmp_path / "q.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"questions": many, "data_subtype": "val2014"}).encode()))
    problems = []
    scenes = list(vqa.read(vqa.Options(questions=file), problems.append))
    assert (len(scenes), scenes[7].assets[0].path, problems) == (3000, "COCO_val2014_000000000007.jpg", [])


def test_answers_that_are_texts_numbers_or_missing(tmp_path):
    questions, annotations = tmp_path / "q.json", tmp_path / "a.json"
    questions.write_text(json.dumps({"data_subtype": "val2014", "questions": [asked(1), asked(2)]}))
    given_ = [{"answer": 2}, {"answer": None}, {"answer": 2, "answer_id": 3}, {"answer": "two"}]
    records = [{"question_id": 1, "answers": given_}, {"question_id": 2, "answers": ["red", "red"]}]
    annotations.write_text(json.dumps({"annotations": records}))
    problems = []
    (scene,) = vqa.read(vqa.Options(questions=questions, annotations=annotations), problems.append)
    assert [(one.answers, one.votes) for one in scene.questions] == [(("2", "two"), (2, 1)), (("red",), (2,))]
    assert [problem.message for problem in problems] == ["1 of the answers are empty; they are left out"]
