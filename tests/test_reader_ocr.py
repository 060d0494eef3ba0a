"""The reader of text in pictures: the real mmocr files, and every other form by hand."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.questions import ocr
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "ocr").is_dir(), reason=f"the real annotation files are not in {DATA}")


def read(path, content=None, **options):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = []
    scenes = list(ocr.read(ocr.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def lines_of(scene):
    return [(line.text, line.box) for line in scene.ocr]


# --- real files ---


@real
def test_places_of_text_without_texts():
    scenes, problems = read(DATA / "ocr/textdet_test.json")
    pages = json.loads((DATA / "ocr/textdet_test.json").read_text())["data_list"]
    assert (len(scenes), [problem.message for problem in problems]) == (
        10,
        ["61 illegible regions of 9 pictures are left out"],
    )
    assert sum(len(scene.objects) for scene in scenes) + 61 == sum(len(page["instances"]) for page in pages)
    for scene, page in zip(scenes, pages, strict=True):
        assert (scene.assets[0].path, scene.assets[0].width) == (page["img_path"], 1280)
        boxes = sorted(tuple(one["bbox"]) for one in page["instances"] if not one["ignore"])
        assert sorted(thing.box for thing in scene.objects) == boxes  # the polygons' own
        assert {thing.label for thing in scene.objects} <= {"text"}


@real
def test_pictures_that_are_one_text():
    scenes, problems = read(DATA / "ocr/labels.json")
    assert ([lines_of(scene) for scene in scenes[:2]], problems) == ([[("GRAND", None)], [("HOTEL", None)]], [])
    assert len(scenes) == 10


@real
def test_key_information():
    scenes, problems = read(DATA / "ocr/kie_data.txt", classes=DATA / "ocr/kie_class_list.txt")
    pages = [json.loads(line) for line in (DATA / "ocr/kie_data.txt").read_text().splitlines()]
    assert problems == []
    for scene, page in zip(scenes, pages, strict=True):
        assert len(scene.ocr) + len(scene.objects) == len(page["annotations"])
        assert sorted(line.text for line in scene.ocr) == sorted(
            one["text"] for one in page["annotations"] if one["text"]
        )
        assert len(scene.metadata["labels"]) == len(scene.ocr)
    first = scenes[0]
    assert [line.text for line in first.ocr[:4]] == ["SAFEWAY", "TM", "ATOREMGRTOMMILAZZO", "703-777-5833"]
    assert first.metadata["labels"][:4] == ["Store name value", "Others", "Others", "Tel value"]
    assert [(region.text, region.box) for region in first.regions[:2]] == [
        ("Store name value: SAFEWAY", (550, 104, 937, 190)),
        ("Tel value: 703-777-5833", (907, 223, 1081, 256)),
    ]
    bare = read(DATA / "ocr/kie_data.txt")[0][0]
    assert (bare.metadata["labels"][:4], bare.regions) == ([1, 25, 25, 5], ())


# --- forms ---

QUAD = "10,10,60,12,60,30,10,28"
WANTED = [("Hello, world", (10, 10, 60, 30)), ("two", (0, 50, 20, 60))]
POINTS = [[10, 10], [60, 12], [60, 30], [10, 28]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "mmocr.json",
            json.dumps({"metainfo": {}, "data_list": [{"img_path": "img_1.jpg", "instances": [
                {"polygon": [0, 50, 20, 50, 20, 60, 0, 60], "bbox": [9, 9, 9, 9], "text": "two", "ignore": False},
                {"polygon": [1, 1, 2, 2, 3, 3], "text": "x", "ignore": True},
                {"bbox": [10, 10, 60, 30], "text": "Hello, world"},
            ]}]}),
        ),
        (
            "Label.txt",
            "img_1.jpg\t" + json.dumps([
                {"transcription": "###", "points": POINTS, "difficult": False},
                {"transcription": "two", "points": [[0, 50], [20, 50], [20, 60], [0, 60]]},
                {"transcription": "Hello, world", "points": POINTS},
            ]) + "\n",
        ),
        ("gt_img_1.txt", f"\ufeff0,50,20,50,20,60,0,60,two\r\n{QUAD},###\r\n{QUAD},Hello, world\r\n"),
        ("gt_img_1.txt", f"0,50,20,50,20,60,0,60,Latin,two\n{QUAD},None,###\n{QUAD},Latin,Hello, world\n"),
        ("gt_img_1.txt", '0, 50, 20, 60, "two"\n1, 1, 2, 2, "###"\n10, 10, 60, 30, "Hello, world"\n'),
        ("gt_img_1.txt", '0 50 20 60 "two"\n1 1 2 2 "###"\n10 10 60 30 "Hello, world"\n'),
        (
            "plain.jsonl",
            json.dumps({"image": "img_1.jpg", "lines": [
                {"text": "two", "box": [0, 50, 20, 60]}, {"text": "###"}, {"text": "Hello, world", "points": POINTS},
            ]}) + "\n",
        ),
        (
            "plain.json",
            json.dumps([{"image": "img_1.jpg", "lines": [
                {"text": "two", "box": [0, 50, 20, 60]}, {"text": " ### "}, {"text": "Hello,\tworld", "box": POINTS},
            ]}], indent=1),
        ),
    ],
)  # fmt: skip
def test_every_form_is_found_by_its_content(tmp_path, name, content):
    (scene,), problems = read(tmp_path / name, content)
    assert (scene.id, scene.assets[0].path) == ("img_1", "img_1.jpg")
    assert lines_of(scene) == WANTED
    assert [(problem.message, problem.lost) for problem in problems] == [
        ("1 illegible regions of 1 pictures are left out", True)
    ]


def test_forms_of_recognition(tmp_path):
    for content in (
        '{"filename": "a.png", "text": "DO NOT"}\n{"filename": "b.png", "text": "x"}\n',
        "a.png\tDO NOT\nb.png\tx\n",
    ):
        scenes, problems = read(tmp_path / "x.txt", content)
        assert ([(scene.id, lines_of(scene)) for scene in scenes], problems) == (
            [("a", [("DO NOT", None)]), ("b", [("x", None)])],
            [],
        )
    assert lines_of(read(tmp_path / "x.txt", "a.png DO NOT\n")[0][0]) == [("DO NOT", None)]
    assert lines_of(read(tmp_path / "x.json", '{"filename": "a.png", "text": "DO NOT"}')[0][0]) == [("DO NOT", None)]


def test_a_folder_of_icdar(tmp_path):
    folder, images = tmp_path / "gt", tmp_path / "images"
    folder.mkdir()
    images.mkdir()
    (images / "img_2.png").write_bytes(b"")
    for number in (1, 2, 3):
        (folder / f"gt_img_{number}.txt").write_text(f"{QUAD},t{number}\n" if number < 3 else "no places\n")
    (folder / "gt_img_4.txt").write_bytes(b"1,1,2,2,3,3,4,4,\xff\n")
    scenes, problems = read(folder, images=images)
    assert [(scene.assets[0].path, [line.text for line in scene.ocr]) for scene in scenes] == [
        ("img_1.jpg", ["t1"]),
        ("img_2.png", ["t2"]),
        ("img_3.jpg", []),
    ]
    assert [(Path(problem.file).name, problem.message.split(";")[1].strip()) for problem in problems] == [
        ("gt_img_3.txt", "it is left out"),
        ("gt_img_4.txt", "the file is left out"),
    ]
    assert read(folder, image_name="test/{stem}.png")[0][0].assets[0].path == "test/img_1.png"
    with pytest.raises(InputError, match=r"no \.txt and no \.json files"):
        read(images)


def test_scores_engines_and_classes(tmp_path):
    page = {"image": "a.jpg", "width": 100, "height": 100, "lines": [
        {"text": "7", "box": [0, 0, 9, 9], "score": 0.5, "engine": "tess", "label": "total_price"},
        {"text": "8", "box": [0, 20, 9, 29], "score": 2, "key_cls": "other"},
        {"text": "", "box": [0, 40, 9, 49], "label": 3},
    ]}  # fmt: skip
    (scene,), problems = read(tmp_path / "x.jsonl", json.dumps(page) + "\n", engine="mine")
    assert [(line.text, line.score, line.engine) for line in scene.ocr] == [("7", 0.5, "tess"), ("8", None, "mine")]
    assert scene.metadata["labels"] == ["total price", "other"]
    assert [region.text for region in scene.regions] == ["total price: 7"]
    assert [(thing.label, thing.box) for thing in scene.objects] == [("text", (0, 40, 9, 49))]
    assert ["the score 2" in problem.message for problem in problems] == [True]
    (tmp_path / "classes.txt").write_text("one\ntwo\nthree\nSome_thing\n")
    (scene,), _ = read(tmp_path / "x.jsonl", classes=tmp_path / "classes.txt")
    assert scene.objects[0].label == "Some thing"
    (tmp_path / "classes.txt").write_text("")
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path / "x.jsonl", classes=tmp_path / "classes.txt")


# --- faults ---


@pytest.mark.parametrize(
    ("piece", "words", "kept"),
    [
        ({"text": "x", "box": [1, 2, 3]}, "3 numbers are no points", True),
        ({"text": "x", "box": [5, 5, 5, 9]}, "no area", True),
        ({"text": "x", "box": [50, 50, 500, 60]}, "it is clipped", True),
        ({"text": "x", "box": [500, 50, 600, 60]}, "outside the frame", True),
        ({"text": "", "box": None}, "neither a text nor a place", False),
        ({"text": "\x07"}, "neither a text nor a place", False),
        ({"text": 5}, "Expected `str | null`, got `int`", False),
        ({"text": "x", "box": "1,2"}, "Expected `array | null`, got `str`", False),
        (5, "Expected `object`, got `int`", False),
    ],
)
def test_faults_of_a_text_cost_that_text_only(tmp_path, piece, words, kept):
    good = {"text": "good", "box": [0, 0, 9, 9]}
    page = {"image": "a.jpg", "width": 100, "height": 100, "lines": [piece, good]}
    for name, content in (("x.jsonl", json.dumps(page) + "\n" * 2), ("x.json", json.dumps([page]))):
        (scene,), problems = read(tmp_path / name, content)
        assert sorted(line.text for line in scene.ocr) == ["good", "x"][: 1 + kept]
        assert [words in problem.message for problem in problems] == [True]


def test_faults_of_a_page_cost_that_page_only(tmp_path):
    good = {"image": "a.jpg", "lines": []}
    rows = [
        good,
        {"image": "../a.jpg", "lines": []},
        {"lines": []},
        {"image": "b.jpg"},
        {**good, "width": "w", "height": 7},
    ]
    rows += [{"image": 5, "lines": []}]
    scenes, problems = read(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows) + '{"image": "c.j')
    assert [scene.id for scene in scenes] == ["a", "a-2"]
    assert [problem.place for problem in problems] == [f"line {number}" for number in (2, 3, 4, 5, 5, 5, 6, 7)]
    assert [problem.lost for problem in problems][3:6] == [True, False, True]  # width, the second "a.jpg", height


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("hello\nworld\n", "first line is 'hello'"),
        ("ROCO_1\t A scan.\n", "is no file of text"),
        ('{"image": "a.jpg", "text": "A caption."}\n{"image": "b.jpg", "text": "B."}\n', "no list of texts"),
        ('{"images": [], "annotations": []}', 'reader = "coco"'),
        ('{"data": []}', 'reader = "textvqa"'),
        ('[{"question_id": 1, "choices": [], "rationales": []}]', "no file of text in pictures"),
        ('{"data_list": [{"img_path": "a.jpg", "instances": [', "end is missing"),
        (f"{QUAD},a\nb\n".encode() + b"\xff", "is not UTF-8"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path / "x.txt", content)


def test_a_line_of_many_spaces_takes_no_time(tmp_path):
    spaces = " " * 300_000
    (scene,), _ = read(tmp_path / "gt_a.txt", f"{QUAD},a{spaces}b\n1,2,3,4,{spaces}c{spaces}\n")
    assert sorted(line.text for line in scene.ocr) == ["a b", "c"]


# --- TextOCR, COCO-Text, FUNSD ---

WORDS = {
    "imgs": {"00a": {"id": "00a", "file_name": "train/00a.jpg", "width": 200, "height": 100, "set": "train"}},
    "anns": {
        "00a_1": {
            "image_id": "00a",
            "utf8_string": "BUS",
            "points": [10, 10, 60, 12, 60, 30, 10, 28],
            "bbox": [10, 10, 50, 20],
        },
        "00a_2": {"image_id": "00a", "utf8_string": "7", "bbox": [70, 10, 20, 20]},
        "00a_3": {"image_id": "00a", "utf8_string": ".", "bbox": [1, 1, 2, 2]},
        "4": {"image_id": "00a", "mask": [1, 1, 9, 1, 9, 9, 1, 9], "legibility": "illegible"},
    },
    "imgToAnns": {"00a": ["00a_1"]},
}


def test_words_and_pictures_under_their_ids(tmp_path):
    (scene,), (problem,) = read(tmp_path / "x.json", json.dumps(WORDS))
    assert lines_of(scene) == [("BUS", (10, 10, 60, 30)), ("7", (70, 10, 90, 30))]
    assert (scene.assets[0].path, scene.assets[0].width) == ("train/00a.jpg", 200)
    assert problem.message.startswith("2 illegible regions")
    (tmp_path / "im").mkdir()
    (tmp_path / "im/00a.jpg").touch()
    (scene,), _ = read(tmp_path / "x.json", images=tmp_path / "im")
    assert scene.assets[0].path == "00a.jpg"
    stray = {**WORDS, "anns": {"1": {"image_id": 5, "utf8_string": "x"}}}
    _, (problem,) = read(tmp_path / "x.json", json.dumps(stray))
    assert problem.message == "1 texts of pictures that `imgs` does not have are left out: 5"
    with pytest.raises(InputError, match="none of its `imgs` is a picture"):
        read(tmp_path / "x.json", json.dumps({"imgs": {"1": {}}, "anns": {}}))
    broken = {
        "imgs": {**WORDS["imgs"], "b": {"file_name": None}},
        "anns": {"1": {"image_id": "00a", "utf8_string": "x"}, "2": {"image_id": None}},
    }
    (scene,), problems = read(tmp_path / "x.json", json.dumps(broken))
    assert (len(scene.ocr), [problem.place for problem in problems]) == (1, ["anns, 2", "imgs, b"])


def test_a_folder_of_forms(tmp_path):
    form = [
        {"box": [84, 10, 136, 20], "text": "DATE:", "label": "question", "words": [], "linking": [[0, 1]], "id": 0},
        {"box": [140, 10, 190, 20], "text": "May 7", "label": "answer", "words": [], "linking": [[0, 1]], "id": 1},
        {"box": "?", "text": "x"},
    ]
    (tmp_path / "0001.json").write_text(json.dumps({"form": form}))
    (tmp_path / "0002.json").write_text("{")
    (scene,), problems = read(tmp_path)
    assert lines_of(scene) == [("DATE:", (84, 10, 136, 20)), ("May 7", (140, 10, 190, 20))]
    assert (scene.id, [region.text for region in scene.regions]) == ("0001", ["DATE: May 7"])
    assert sorted(problem.message.split(";")[1].strip() for problem in problems) == [
        "it is left out",
        "the file is left out",
    ]
    (scene,), _ = read(tmp_path / "0001.json")
    assert len(scene.ocr) == 2


def test_recognition_lines_of_icdar(tmp_path):
    scenes, problems = read(tmp_path / "gt.txt", '\ufeffword_1.png, "Tired, so"\r\nword_2.png, "kills"\r\n')
    assert problems == []
    assert [(scene.assets[0].path, scene.ocr[0].text) for scene in scenes] == [
        ("word_1.png", "Tired, so"),
        ("word_2.png", "kills"),
    ]
