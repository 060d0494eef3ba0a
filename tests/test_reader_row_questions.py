"""Questions in rows: the forms that published data sets have them in, each with invented content."""

import json

import msgspec
import pytest
from picture_bytes import make_png
from picture_readers import read as read_by
from picture_readers import write_png

from syphus.annotations.containers import pairs, parquet
from syphus.annotations.containers.row_questions import Asked, find_question_columns, read_questions
from syphus.annotations.containers.row_scene import Faults
from syphus.errors import InputError
from syphus.records import Question, Scene

CHOICES = ["a cup", "a bowl", "a vase"]


def ask(row):
    problems = []
    asked = read_questions(row, find_question_columns(row), Faults(problems.append, "x", "row 0"))
    return asked, [problem.message for problem in problems]


def one(row):
    asked, problems = ask(row)
    assert problems == []
    (question,) = asked.questions
    return question


PEOPLE = [{"answer": text, "answer_confidence": "yes"} for text in ("red", "red", "pink")]


@pytest.mark.parametrize(
    ("row", "answers", "votes", "options", "correct"),
    [
        # VQA on the Hub, and VizWiz: records of people's answers
        ({"question": "q", "answers": PEOPLE, "multiple_choice_answer": "red"}, ("red", "pink"), (2, 1), (), None),
        ({"question": "q", "answers": {"answer": ["red", "red", "pink"], "answer_id": [1, 2, 3]}}, ("red", "pink"), (2, 1), (), None),
        ({"question": "q", "answers": [str(number) for number in range(10)]}, tuple("0123456789"), (1,) * 10, (), None),
        # DocVQA: spellings of one answer, and no votes
        ({"question": "q", "answers": ["7 May", "May 7"]}, ("7 May", "May 7"), (), (), None),
        # ChartQA, TallyQA, yes or no
        ({"query": "q", "label": "14"}, ("14",), (), (), None),
        ({"Question": "q", "Answer": 2}, ("2",), (), (), None),
        ({"question": "q", "answer": 0.5}, ("0.5",), (), (), None),
        ({"question": "q", "answer": True}, ("yes",), (), (), None),
        # ScienceQA: the number of the right choice, from 0
        ({"question": "q", "choices": CHOICES, "answer": 1}, ("a bowl",), (), CHOICES, 1),
        ({"question": "q", "choices": CHOICES, "answer": 1.0}, ("a bowl",), (), CHOICES, 1),
        # AI2D: the same as text; a choice of that text goes before
        ({"question": "q", "options": CHOICES, "answer": "2"}, ("a vase",), (), CHOICES, 2),
        ({"question": "q", "options": ["2", "1", "0"], "answer": "2"}, ("2",), (), ["2", "1", "0"], 0),
        # MMMU: lists written as text, letters
        ({"question": "q", "options": "['a cup', 'a bowl', 'a vase']", "answer": "C"}, ("a vase",), (), CHOICES, 2),
        ({"question": "q", "options": '["a cup", "a bowl", "a vase"]', "answer": "(b)"}, ("a bowl",), (), CHOICES, 1),
        ({"question": "q", "options": ["A. a cup", "B. a bowl", "C. a vase"], "answer": "B. a bowl"}, ("a bowl",), (), CHOICES, 1),
        ({"question": "q", "options": {"A": "a cup", "B": "a bowl", "C": "a vase"}, "answer": "A"}, ("a cup",), (), CHOICES, 0),
        ({"question": "q", "choices": {"text": CHOICES, "label": ["A", "B", "C"]}, "answer": "A Vase"}, ("a vase",), (), CHOICES, 2),
        # MMBench: a column a choice, the last one empty
        ({"question": "q", "A": "a cup", "B": "a bowl", "C": "a vase", "D": None, "answer": "B"}, ("a bowl",), (), CHOICES, 1),
        ({"question": "q", "option_a": "a cup", "option_b": "a bowl", "option_c": "a vase", "answer": "b"}, ("a bowl",), (), CHOICES, 1),
        # A-OKVQA: people's answers as text beside the right choice
        (
            {"question": "q", "choices": CHOICES, "correct_choice_idx": 0, "direct_answers": "['cup', 'cup', 'mug']"},
            ("cup", "mug"), (2, 1), CHOICES, 0,
        ),
        # Visual7W: the wrong ones alone
        ({"question": "q", "multiple_choices": CHOICES[:2], "answer": "a vase"}, ("a vase",), (), CHOICES, 2),
        # test sets
        ({"question": "q", "choices": CHOICES, "correct_choice_idx": None}, (), (), CHOICES, None),
        ({"question": "q", "answers": None}, (), (), (), None),
    ],
)  # fmt: skip
def test_forms_of_answers(row, answers, votes, options, correct):
    question = one(row)
    assert (question.answers, question.votes) == (answers, votes)
    assert (question.options, question.correct) == (tuple(options), correct)


def test_what_else_a_question_has():
    row = {"question": "Why  so?", "hint": "Look left.", "solution": "Because.", "answer": "x", "question_id": 12}
    assert one(row) == Question(question="Look left. Why so?", answers=("x",), rationales=("Because.",), source_id="12")
    assert one({"question": "<image>\nWhat?"}).question == "What?"
    assert one({"question": "<image 1> Which of <image 2> and <image 1>?"}).question == (
        "Which of the second picture and the first picture?"
    )


def test_several_questions_of_a_row():
    asked, problems = ask({"questions": ["Who?", "When?"], "answers": ["Ann", "1999"]})
    assert [(one.question, one.answers) for one in asked.questions] == [("Who?", ("Ann",)), ("When?", ("1999",))]
    pairs_of = [{"question": "Who?", "answer": "Ann", "qa_id": 3}, {"x": 1}, "?"]
    asked, more = ask({"qa_pairs": pairs_of})
    assert (asked.questions[0].source_id, len(asked.questions), len(more)) == ("3", 1, 2)
    by_text = {"What is it?": {"answerTexts": CHOICES, "correctAnswer": 1, "questionId": "7.png-0"}}
    question = one({"questions": by_text})
    assert (question.question, question.correct, question.source_id) == ("What is it?", 1, "7.png-0")
    assert problems == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"question": " "}, "`question` is empty"),
        ({"question": None, "answer": "x"}, "`question` is missing"),
        ({"question": "q", "choices": CHOICES, "answer": 3}, "is none of the choices"),
        ({"question": "q", "choices": CHOICES, "correct_choice_idx": -1}, "'-1' is none of 3 choices"),
        ({"questions": ["a", "b"], "answers": ["x"]}, "not as many answers"),
        ({"question": "q", "choices": CHOICES, "answer": "E" * 9}, "is none of the choices"),
    ],
)
def test_what_is_wrong_is_said(row, says):
    _, problems = ask(row)
    assert any(says in problem for problem in problems)


@pytest.mark.parametrize(
    "text", ["[" * 3000 + "]" * 3000, "['a' 'b']", "[1, 2", "[__import__('os')]", "[a for a in b]"]
)
def test_lists_written_as_text_that_are_none_stay_texts(text):
    assert one({"question": "q", "answer": text}).answers[0].startswith(text[:5])


def test_rows_without_questions():
    assert ask({"caption": "a", "answer": "b"}) == (Asked(), [])


# --- in containers ---


def picture():
    return {"bytes": make_png(40, 30), "path": None}


def read_parquet(path, rows, **options):
    arrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    writer.write_table(arrow.Table.from_pylist(rows), path)
    return read_by(parquet, path=path, **options)


def test_rows_of_one_picture_in_parquet_become_one_scene(tmp_path):
    rows = [
        {
            "image": picture(),
            "image_id": 9,
            "question_id": number,
            "question": f"q{number}",
            "answers": PEOPLE,
            "kind": kind,
        }
        for number, kind in ((1, "x"), (2, "y"))
    ]
    (scene,), problems = read_parquet(tmp_path / "x.parquet", rows)
    assert problems == []
    assert [(one.source_id, one.votes) for one in scene.questions] == [("1", (2, 1)), ("2", (2, 1))]
    assert scene.captions == ()
    assert scene.metadata == {"image_id": 9, "kind": "x", "row": 0, "other_rows": [{"kind": "y", "row": 1}]}


def test_an_answer_in_parquet_is_no_caption(tmp_path):
    row = {"image": picture(), "question": "Which?", "options": CHOICES, "answer": "1"}
    (scene,), problems = read_parquet(tmp_path / "x.parquet", [row])
    assert (problems, scene.captions, scene.questions[0].correct) == ([], (), 1)
    row = {
        "image": picture(),
        "question": "Please come up with a caption for the image.",
        "answer": ["A cup.", "A mug."],
    }
    (scene,), _ = read_parquet(tmp_path / "y.parquet", [row])
    assert ([caption.text for caption in scene.captions], scene.questions) == (["A cup.", "A mug."], ())
    (scene,), _ = read_parquet(tmp_path / "z.parquet", [{**row, "answer": "A cup."}], caption="answer")
    assert [caption.text for caption in scene.captions] == ["A cup."]
    row = {"image": picture(), "question": "Who?", "answer": "Ann", "title": "A book", "id": "7"}
    (scene,), _ = read_parquet(tmp_path / "t.parquet", [row], id="question")
    assert (scene.id, scene.captions, scene.metadata["title"]) == ("Who?", (), "A book")


def test_numbered_pictures_in_parquet(tmp_path):
    row = {
        "id": "v_1",
        "question": "<image 1> and <image 2>?",
        "image_1": picture(),
        "image_2": picture(),
        "answer": "A",
    }
    (scene,), _ = read_parquet(tmp_path / "x.parquet", [row])
    assert (scene.id, len(scene.assets), scene.questions[0].question) == ("v_1", 2, "and the second picture?")


@pytest.mark.parametrize(
    ("more", "box"),
    [
        ({"segmentation": [1.0, 2.0], "file_name": "a.jpg"}, (10, 5, 30, 20)),  # a benchmark's: COCO's own box
        ({"raw_anns": "{}", "ref_id": 3}, (10, 5, 20, 15)),  # corners
    ],
)
def test_texts_about_a_part_of_the_picture_are_no_captions(tmp_path, more, box):
    row = {"image": picture(), "bbox": [10.0, 5.0, 20.0, 15.0], **more}
    if "ref_id" in more:
        row["sentences"] = [{"raw": "left cup", "sent": "left cup"}]
    else:
        row |= {"question": "Please provide a short description for the area.", "answer": ["left cup"]}
    (scene,), _ = read_parquet(tmp_path / "x.parquet", [row])
    assert (scene.captions, scene.questions) == ((), ())
    assert [(region.text, region.box) for region in scene.regions] == [("left cup", box)]
    rows = [row, {**row, "bbox": [0.0, 0.0, 40.0, 30.0]}]
    (scene,), _ = read_parquet(tmp_path / "y.parquet", rows)
    assert [(region.id, region.box) for region in scene.regions] == [("r1", box), ("r2", (0, 0, 40, 30))]


def test_dialogues_in_parquet_are_refused(tmp_path):
    row = {"image": picture(), "conversations": [{"from": "human", "value": "Hi"}]}
    with pytest.raises(InputError, match="holds dialogues") as caught:
        read_parquet(tmp_path / "x.parquet", [row])
    assert "as a dataset" in caught.value.mend


def read_pairs(path, content, **options):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    scenes, problems = read_by(pairs, path=path, **options)
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("content", "path", "question"),
    [
        ([{"image": "VizWiz_val_1.jpg", "question": "q", "answers": PEOPLE, "answerable": 1}], "VizWiz_val_1.jpg", "q"),
        ([{"imgname": "1.png", "query": "q", "label": "14"}], "1.png", "q"),
        ({"info": {}, "questions": [{"image_filename": "C_1.png", "image": "C_1", "question": "q"}]}, "C_1.png", "q"),
        ({"images": [{"filename": "v7w_1.jpg", "qa_pairs": [{"question": "q", "answer": "a"}]}]}, "v7w_1.jpg", "q"),
        ({"imageName": "7.png", "questions": {"q": {"answerTexts": CHOICES, "correctAnswer": 0}}}, "7.png", "q"),
    ],
)
def test_files_of_questions(tmp_path, content, path, question):
    (scene,), problems = read_pairs(tmp_path / "x.json", content)
    assert (problems, scene.assets[0].path, scene.questions[0].question) == ([], path, question)


def test_records_by_their_ids(tmp_path):
    row = {"question": "q", "choices": CHOICES, "answer": 2, "lecture": "", "solution": "So.", "split": "val"}
    scenes, problems = read_pairs(
        tmp_path / "problems.json", {"5": {**row, "image": "image.png"}, "6": {**row, "image": None}}
    )
    assert [(scene.id, scene.assets[0].path) for scene in scenes] == [("5", "val/5/image.png")]
    assert scenes[0].questions[0].rationales == ("So.",)
    assert problems == ["`image` is missing; the row is left out"]
    books = {"07": {"imageURL": "http://x.org/7.jpg", "questions": ["Who?"], "answers": ["Ann"], "split": 1}}
    (scene,), _ = read_pairs(tmp_path / "dataset.json", books)
    assert (scene.id, scene.assets[0].url, scene.questions[0].answers) == ("07", "http://x.org/7.jpg", ("Ann",))


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        (
            "x.token",
            'a.jpg#0\tA dog , running .\na.jpg#1\tIt says "no" .\nb.jpg#0\tA cat .\n',
            [("a.jpg", 2), ("b.jpg", 1)],
        ),
        (
            "results.csv",
            "image_name| comment_number| comment\na.jpg| 0| A dog .\na.jpg| 1| A hound .\n",
            [("a.jpg", 2)],
        ),
        ("cc.tsv", "a very old , red bus\thttp://x.org/1.jpg?w=8\nblue\thttp://x.org/2.jpg\n", [(None, 1), (None, 1)]),
        ("c.json", json.dumps({"x/a.jpg": ["A dog.", "A hound."], "b.jpg": "A cat."}), [("x/a.jpg", 2), ("b.jpg", 1)]),
        (
            "dataset_coco.json",
            json.dumps(
                {
                    "images": [
                        {
                            "filepath": "val2014",
                            "filename": "a.jpg",
                            "sentences": [{"raw": "A dog.", "tokens": ["a"]}, {"raw": "A hound.", "tokens": []}],
                        }
                    ],
                    "dataset": "coco",
                }
            ),
            [("val2014/a.jpg", 2)],
        ),
        (
            "flickr_annotations_30k.csv",
            'raw,split,filename\n"[""A dog , out ."", ""It\'s a hound .""]",test,a.jpg\n',
            [("a.jpg", 2)],
        ),
        ("one.json", json.dumps([{"image": ["a.jpg"], "caption": "A dog."}]), [("a.jpg", 1)]),
    ],
)
def test_captions_of_known_sets(tmp_path, name, content, wanted):
    scenes, _ = read_pairs(tmp_path / name, content)
    assert [(scene.assets[0].path, len(scene.captions)) for scene in scenes] == wanted


def test_pictures_of_a_split_may_lie_in_one_folder(tmp_path):
    write_png(tmp_path / "im/a.jpg", 4, 4)
    row = {"filepath": "val2014", "filename": "a.jpg", "sentences": [{"raw": "A dog."}]}
    (scene,), _ = read_pairs(tmp_path / "x.json", {"images": [row], "dataset": "coco"}, images=tmp_path / "im")
    assert scene.assets[0].path == "a.jpg"


def test_a_file_of_another_form_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        read_pairs(tmp_path / "x.jsonl", '{"imageId": "1", "question": "q"}\n')
    assert 'reader = "gqa"' in str(caught.value)


def test_a_folder_of_files(tmp_path):
    for name in ("0.png", "1.png"):
        record = {"imageName": name, "questions": {"What?": {"answerTexts": CHOICES, "correctAnswer": 0}}}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / "2.csv").write_text("image,caption\n0.png,A cup.\n")
    (tmp_path / "3.json").write_text("{")
    (tmp_path / "notes.md").write_text("none of them")
    scenes, (problem,) = read_by(pairs, path=tmp_path)
    assert [(scene.id, len(scene.questions), len(scene.captions)) for scene in scenes] == [
        ("0", 1, 0),
        ("1", 1, 0),
        ("0-2", 0, 1),
    ]
    assert (problem.file, problem.lost) == (str(tmp_path / "3.json"), True)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="has no files of"):
        read_by(pairs, path=tmp_path / "none")


def test_a_caption_beside_questions(tmp_path):
    rows = [{"image": "a.jpg", "caption": "A cup.", "title": "x", "question": f"q{n}", "answer": "a"} for n in (1, 2)]
    (scene,), problems = read_pairs(tmp_path / "x.json", [*rows, {**rows[0], "caption": None, "question": "q3"}])
    assert (problems, [caption.text for caption in scene.captions], len(scene.questions)) == ([], ["A cup."], 3)
