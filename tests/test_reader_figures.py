"""The reader of ROCO, PMC-OA and PMC-VQA: the real captions, and rows in the true forms."""

import csv
import io
import json
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.questions import figures
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "roco").is_dir(), reason=f"the real annotation files are not in {DATA}")

PMC_VQA = {
    "index": 0,
    "Figure_path": "PMC1_Fig2_41.jpg",
    "Caption": "CT of $\\alpha$ <b>x</b>",
    "Question": "What is it?",
    "Choice A": " A:Brain ",
    "Choice B": " B:Heart ",
    "Choice C": " C:Liver, left",
    "Choice D": "D: Skin",
    "Answer": "B",
    "split": "train",
}


def table(*rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(file, content=None, **options):
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = []
    scenes = list(figures.read(figures.Options(path=file, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_the_real_captions():
    file = DATA / "roco/radiology_captions_first1500.txt"
    scenes, problems = read(file)
    assert (len(scenes), problems) == (1500, [])
    lines = [line.split("\t") for line in file.read_text().splitlines() if line.strip()]
    for scene, (id_, caption) in zip(scenes, lines, strict=True):
        assert (scene.id, scene.assets[0].path) == (id_, f"{id_}.jpg")
        assert [one.text for one in scene.captions] == [" ".join(caption.split())]


def test_lines_with_quirks(tmp_path):
    text = 'R_1\t "A" \\frac{1}{2}\x07 scan\n\nR_2\tB\r\n\nR_1\t later, the same figure\nno tab\nR_3\t \n../x\tc\nR_4\tlast'
    scenes, problems = read(tmp_path / "captions.txt", text)
    assert [(scene.id, [one.text for one in scene.captions]) for scene in scenes] == [
        ("R_1", ['"A" \\frac{1}{2} scan', "later, the same figure"]),
        ("R_2", ["B"]),
        ("R_4", ["last"]),
    ]
    assert [problem.place for problem in problems] == ["line 6", "line 7", "line 8"]


@pytest.mark.parametrize(
    ("change", "correct", "answers", "told"),
    [
        ({}, 1, ("Heart",), 0),
        ({"Answer": "heart"}, 1, ("Heart",), 0),
        ({"Answer": " B: Heart"}, 1, ("Heart",), 0),
        ({"Answer": "Heart", "Answer_label": "B"}, 1, ("Heart",), 0),
        ({"Answer": "Heart", "Answer_label": "C"}, 1, ("Heart",), 1),
        ({"Answer": "the heart", "Answer_label": "B"}, 1, ("Heart",), 0),
        ({"Answer": "E"}, None, ("E",), 1),
        ({"Answer": "the lung"}, None, ("the lung",), 1),
        ({"Answer": ""}, None, (), 0),
    ],
)
def test_which_choice_is_right(tmp_path, change, correct, answers, told):
    (scene,), problems = read(tmp_path / "train.csv", table({**PMC_VQA, **change}))
    (question,) = scene.questions
    assert question.options == ("Brain", "Heart", "Liver, left", "Skin")
    assert (question.correct, question.answers, len(problems)) == (correct, answers, told)
    assert [one.text for one in scene.captions] == ["CT of $\\alpha$ <b>x</b>"]
    assert scene.metadata == {"split": "train"}


def test_choices_without_letters_of_their_own_stay(tmp_path):
    row = {**PMC_VQA, "Choice A": "A: one", "Choice B": "A: two", "Choice C": "", "Choice D": ""}
    (scene,), _ = read(tmp_path / "x.csv", table(row))
    assert scene.questions[0].options == ("A: one", "A: two")


def test_questions_of_a_figure_that_stand_far_apart(tmp_path):
    rows = [{**PMC_VQA, "Figure_path": f"{number % 3}.jpg", "Question": f"Is it {number}?"} for number in range(9)]
    scenes, _ = read(tmp_path / "x.csv", table(*rows))
    assert [[one.question for one in scene.questions] for scene in scenes][1] == ["Is it 1?", "Is it 4?", "Is it 7?"]
    assert all(len(scene.captions) == 1 for scene in scenes)


def test_json_lines_and_ids(tmp_path):
    rows = [
        {"image": "PMC2_1.jpg", "caption": "x", "alignment_score": 0.5},
        {"image": "", "caption": "y"},
        {"image": 5},
    ]
    scenes, problems = read(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert [(scene.assets[0].path, scene.captions[0].text) for scene in scenes] == [("PMC2_1.jpg", "x")]
    assert [problem.place for problem in problems] == ["line 2", "line 3"]
    (scene,), _ = read(
        tmp_path / "v2.csv", "ID,Caption\nROCOv2_2023_train_000001,Head CT\n", image_name="train/{id}.jpg"
    )
    assert scene.assets[0].path == "train/ROCOv2_2023_train_000001.jpg"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello\nworld\n", "first line is 'hello'"),
        (b"R_1\t caf\xe9\n", "is not UTF-8"),
        (b'{"images": [], "annotations": []}', 'reader = "coco"'),
        (b'[{"question_id": 1, "choices": [], "rationales": []}]', 'reader = "aokvqa"'),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path / "x.txt", content)


def test_other_encodings(tmp_path):
    assert read(tmp_path / "x.txt", b"R_1\t caf\xe9\n", encoding="cp1252")[0][0].captions[0].text == "café"
    assert read(tmp_path / "x.txt", "R_1\t café\n".encode("utf-16"))[0][0].captions[0].text == "café"
