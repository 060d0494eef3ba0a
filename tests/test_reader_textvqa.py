"""The reader of TextVQA, TextCaps, DocVQA and ST-VQA, and of the words that Rosetta read."""

import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_readers import write_png

from syphus.annotations.questions import textvqa
from syphus.annotations.questions.reading_order import sort_by_place
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "transcribed").is_dir(), reason=f"the real annotation files are not in {DATA}")

PICTURE = {"image_id": "00a", "image_width": 200, "image_height": 100, "image_classes": ["Bus"], "set_name": "train"}
ASKED = {**PICTURE, "question_id": 1, "question": "what number?", "answers": ["7", "7", "77"]}


def word(text, x, y, width=0.1, height=0.1, **more):
    return {"word": text, "bounding_box": {"top_left_x": x, "top_left_y": y, "width": width, "height": height, **more}}


def read(folder, *records, ocr=None, text=None, words=None, **options):
    file = folder / "x.json"
    if words is not None:
        options["ocr"] = words
    file.write_text(json.dumps({"dataset_name": "x", "data": records}) if text is None else text)
    if ocr is not None:
        options["ocr"] = folder / "ocr.json"
        options["ocr"].write_text(json.dumps({"data": ocr}))
    problems = []
    scenes = list(textvqa.read(textvqa.Options(path=file, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_the_real_record(tmp_path):
    (scene,), problems = read(tmp_path, text=(DATA / "transcribed/textvqa_train.json").read_text())
    assert (scene.id, problems) == ("00685bc495504d61", [])
    (asset,), (question,) = scene.assets, scene.questions
    assert (asset.path, asset.width, asset.height) == ("00685bc495504d61.jpg", 786, 1024)
    assert asset.url == "https://c5.staticflickr.com/6/5067/5620759429_f43a649fb5_z.jpg"
    assert (question.answers, question.votes) == (("simon clancy", "simon ciancy", "the brand is bayard"), (8, 1, 1))
    assert scene.metadata["image_classes"] == ["Vehicle", "Tower", "Airplane", "Aircraft"]


def test_the_words_are_joined_in_reading_order_and_pixels(tmp_path):
    ocr = [
        {
            "image_id": "00a",
            "ocr_tokens": ["STOP", "7", "BUS", "edge", ""],
            "ocr_info": [
                word("STOP", 0.5, 0.52, rotation=3, yaw=-24.9),
                word("7", 0.1, 0.1),
                word("BUS", 0.1, 0.5),
                word("edge", 0.9, 0.8, width=0.4),
                word(" ", 0, 0),
            ],
        },
        {"image_id": "other", "ocr_tokens": [], "ocr_info": []},
        {"image_id": "00a", "ocr_tokens": []},
        {"image_id": "00a2"},
    ]
    (scene,), problems = read(tmp_path, ASKED, ocr=ocr)
    assert [(line.text, line.box, line.engine) for line in scene.ocr] == [
        ("7", (20, 10, 40, 20), "Rosetta"),
        ("BUS", (20, 50, 40, 60), "Rosetta"),
        ("STOP", (100, 52, 120, 62), "Rosetta"),
        ("edge", (180, 80, 200, 90), "Rosetta"),
    ]
    assert [(problem.place, problem.lost) for problem in problems] == [
        ("data[0]", True),  # the empty word
        ("data[2]", True),  # the picture, given twice
        ("data", True),  # two pictures without questions
        ("data[0]", False),  # clipped
    ]
    assert "does not have: 2;" in problems[2].message


def test_words_that_have_no_place(tmp_path):
    ocr = [
        {
            "image_id": "00a",
            "ocr_tokens": [],
            "ocr_info": [word("out", 1.5, 0), {"word": "bare"}, word("old", None, None)],
        }
    ]
    ocr[0]["ocr_info"][2]["bounding_box"] = {"topLeftX": 0.1, "topLeftY": 0.2, "width": 0.1, "height": 0.1}
    (scene,), problems = read(tmp_path, ASKED, ocr=ocr)
    assert [(line.text, line.box) for line in scene.ocr] == [("old", (20, 20, 40, 30)), ("out", None), ("bare", None)]
    assert "used without a box" in problems[0].message
    (scene,), problems = read(tmp_path, {**ASKED, "image_width": None}, ocr=ocr)
    assert [line.box for line in scene.ocr] == [None] * 3
    assert any("size is not known" in problem.message for problem in problems)
    (scene,), _ = read(tmp_path, {**ASKED, "ocr_tokens": ["A", " ", "B"]})
    assert [line.text for line in scene.ocr] == ["A", "B"]


def test_captions_are_told_once(tmp_path):
    references = ["A bus.", "The bus 7.", "A  bus."]
    rows = [
        {**PICTURE, "caption_id": n, "caption_str": text, "reference_strs": references}
        for n, text in enumerate(references)
    ]
    rows.append({**PICTURE, "image_id": "b", "caption_str": "", "reference_strs": ["One."]})
    scenes, problems = read(tmp_path, *rows)
    assert [[caption.text for caption in scene.captions] for scene in scenes] == [["A bus.", "The bus 7."], ["One."]]
    assert [problem.message for problem in problems] == ["1 of the captions are empty; they are left out"]


def test_documents_and_scene_text(tmp_path):
    document = {
        "questionId": 337,
        "question": "What is the date?",
        "question_types": ["form"],
        "image": "documents/xnbl0037_1.png",
        "docId": 279,
        "ucsf_document_id": "xnbl0037",
        "ucsf_document_page_no": "1",
        "answers": ["1/8/93", "1/8/1993"],
        "data_split": "train",
    }
    other = {"question_id": 5, "question": "What shop?", "file_path": "coco-text/COCO_train2014_000000000077.jpg"}
    other |= {"answers": ["Rip Curl"], "dataset": "coco-text"}
    scenes, problems = read(tmp_path, document, other, {**document, "questionId": 338})
    assert problems == []
    assert [(scene.id, scene.assets[0].path, len(scene.questions)) for scene in scenes] == [
        ("xnbl0037_1", "documents/xnbl0037_1.png", 2),
        ("COCO_train2014_000000000077", "coco-text/COCO_train2014_000000000077.jpg", 1),
    ]
    question = scenes[0].questions[0]
    assert (question.answers, question.votes, question.source_id) == (("1/8/93", "1/8/1993"), (), "337")
    assert scenes[0].metadata == {
        "data_split": "train",
        "docId": 279,
        "ucsf_document_id": "xnbl0037",
        "ucsf_document_page_no": "1",
        "question_types": {"337": ["form"], "338": ["form"]},
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": "\x00"}, "the question is empty"),
        ({"question": None}, "neither a question nor a caption"),
        ({"image_id": None}, "there is no `image_id`"),
        ({"image_id": None, "image": "/etc/passwd"}, "lies outside"),
        ({"question_id": 1}, "given twice"),
        ({"answers": ["", "x"]}, "1 of `answers` are empty"),
        ({"image_id": "b", "image_width": 0.5}, "no number of pixels"),
        ({"image_id": "b", "image_height": None}, "no number of pixels"),
        ({"answers": {}}, "Expected `array | null`"),
    ],
)
def test_faults_are_told(tmp_path, change, words):
    scenes, problems = read(tmp_path, ASKED, {**ASKED, "question_id": 2, **change})
    assert [words in problem.message for problem in problems] == [True]
    assert problems[0].place == "data[1]"
    assert scenes[0].questions[0].source_id == "1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ('{"questions": []}', 'reader = "vqa"'),
        ('{"data_list": [], "metainfo": {}}', 'reader = "ocr"'),
        ('{"data": [{"x": 1}]}', None),
        ('{"data": 5}', "not a list"),
        ('{"data": [{"question": "a", "image_id": "b"}', "end is missing"),
    ],
)
def test_other_files(tmp_path, text, words):
    if words is None:
        scenes, problems = read(tmp_path, text=text)
        assert (scenes, len(problems)) == ([], 1)
        return
    with pytest.raises(InputError, match=words):
        read(tmp_path, text=text)


def test_words_of_other_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match="same split"):
        read(tmp_path, ASKED, ocr=[{"image_id": "z", "ocr_tokens": ["a"]}])


def box(x, y, width=10, height=10):
    return (x, y, x + width, y + height)


@pytest.mark.parametrize(
    ("boxes", "order"),
    [
        ([], []),
        ([box(0, 50), box(0, 0), box(50, 2)], [1, 2, 0]),
        ([box(50, 0), None, box(0, 3)], [2, 0, 1]),
        ([box(40, 6), box(20, 3), box(0, 0)], [2, 1, 0]),  # rises a little: one row
        ([box(0, 0, height=100), box(50, 5), box(50, 80)], [1, 0, 2]),  # tall beside small: rows of their own
        ([box(0, 0), box(0, 0)], [0, 1]),
    ],
)
def test_reading_order(boxes, order):
    assert sort_by_place([(one, place) for place, one in enumerate(boxes)]) == order


@given(st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda one: box(*one)))))
def test_reading_order_keeps_all(boxes):
    found = sort_by_place([(one, place) for place, one in enumerate(boxes)])
    assert sorted(found) == list(range(len(boxes)))


def test_documents_of_several_pages(tmp_path):
    record = {"questionId": 5, "question": "Who?", "doc_id": "d", "page_ids": ["d_p0", "d_p1"], "answers": ["Ann"]}
    scenes, problems = read(tmp_path, {**record, "answer_page_idx": 1}, {**record, "questionId": 6})
    assert [(scene.assets[0].path, len(scene.questions)) for scene in scenes] == [("d_p1.jpg", 1)]
    assert ["which of its pages" in problem.message for problem in problems] == [True]


PAGES = {
    "d_1": {
        "status": "Succeeded",
        "recognitionResults": [
            {"page": 1, "width": 200, "height": 100, "unit": "pixel",
             "lines": [{"boundingBox": [20, 10, 60, 11, 60, 30, 20, 29], "text": "TOTAL  7", "words": []}, {"text": ""}]}
        ],
    },
    "d_2": {"analyzeResult": {"readResults": [{"width": 2, "height": 1, "unit": "inch", "lines": [{"boundingBox": [1, 0.5, 2, 1], "text": "x"}]}]}},
    "d_3": {"PAGE": [], "LINE": [{"BlockType": "LINE", "Text": "May 7", "Confidence": 99.5,
             "Geometry": {"BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.5, "Height": 0.1}}}], "WORD": []},
    "d_4": {"Blocks": [{"BlockType": "PAGE"}, {"BlockType": "LINE", "Text": "May 8"}, {"BlockType": "WORD", "Text": "May"}]},
    "d_5": {"x": 1},
}  # fmt: skip


def test_words_of_documents(tmp_path):
    folder = tmp_path / "ocr_results"
    folder.mkdir()
    for name, page in PAGES.items():
        (folder / f"{name}.json").write_text(json.dumps(page))
    records = [
        {"questionId": n, "question": f"q{n}?", "image": f"documents/d_{n}.png", "answers": ["a"]} for n in range(1, 7)
    ]
    write_png(tmp_path / "im/documents/d_3.png", 100, 50)
    write_png(tmp_path / "im/documents/d_2.png", 400, 200)
    scenes, problems = read(tmp_path, *records, words=folder, images=tmp_path / "im")
    found = {scene.id: [(line.text, line.box, line.score, line.engine) for line in scene.ocr] for scene in scenes}
    assert found == {
        "d_1": [("TOTAL 7", (20, 10, 60, 30), None, "Microsoft Read")],
        "d_2": [("x", (200, 100, 400, 200), None, "Microsoft Read")],
        "d_3": [("May 7", (10, 10, 60, 15), 0.995, "Amazon Textract")],
        "d_4": [("May 8", None, None, "Amazon Textract")],
        "d_5": [],
        "d_6": [],
    }
    assert [(scene.assets[0].width, scene.assets[0].height) for scene in scenes[:3]] == [
        (200, 100),
        (400, 200),
        (100, 50),
    ]
    said = [problem.message for problem in problems]
    assert ["size is not known" in said[0], "no words of a page" in said[1], "no such file" in said[2]] == [True] * 3
