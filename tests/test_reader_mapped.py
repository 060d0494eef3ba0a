"""The reader of anybody's own records: what stands where, what is told of what does not, and equality with the known readers."""

import gzip
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from syphus.annotations.mapped.paths import Place
from syphus.annotations.mapped.tables import Options
from syphus.annotations.mapped.values import open_cell, read_box, read_seconds, read_texts
from syphus.annotations.reading import Problem, find_reader
from syphus.cli.runs.assemble import open_sources
from syphus.config import load_config
from syphus.decoding import convert
from syphus.errors import InputError
from syphus.records import Object, Question, Relation, Scene

DATA = Path(__file__).parents[2] / "shared" / "data"
ROOT = Path(__file__).parents[1]


def read(path: Path, scene: dict[str, Any], **options: Any) -> tuple[list[Scene], list[Problem]]:
    problems: list[Problem] = []
    table = convert({"path": str(path), "scene": scene, **options}, Options, file="test.toml")
    return list(find_reader("mapped").read(table, problems.append)), problems


def write(folder: Path, value: Any, name: str = "file.json") -> Path:
    file = folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


# --- places


@pytest.mark.parametrize(
    ("expression", "record", "found"),
    [
        ("a", {"a": 1}, 1),
        ("a.b", {"a": {"b": 2}}, 2),
        ("a.b", {"a.b": 3, "a": {"b": 2}}, 3),
        ("image name", {"image name": "x"}, "x"),
        ("x-min", {"x-min": 1}, 1),
        ("[x, y]", {"x": 1, "y": 2}, [1, 2]),
        ("a[?s > `0.5`].t", {"a": [{"s": 0.4, "t": 1}, {"s": 0.6, "t": 2}]}, [2]),
        ("join('', [id, '.jpg'])", {"id": "7"}, "7.jpg"),
        ("missing", {"a": 1}, None),
        ("[4]", [1, 2, 3, 4, "dog"], "dog"),
    ],
)
def test_a_place_is_a_key_or_an_expression(expression: str, record: Any, found: Any) -> None:
    assert Place(expression, "scene.x").find(record) == found


@pytest.mark.parametrize("expression", ["a[", "a..b|", "", " "])
def test_what_is_neither_is_refused_with_its_place(expression: str) -> None:
    with pytest.raises(InputError, match=r"scene\.captions"):
        Place(expression, "scene.captions")


def test_an_expression_that_a_record_does_not_suit_costs_the_record(tmp_path: Path) -> None:
    rows = [{"id": 1, "t": ["a dog"]}, {"id": 2, "t": 5}]
    scenes, problems = read(write(tmp_path, rows), {"id": "id", "captions": "map(&join(' ', [@]), t)"})
    assert [scene.id for scene in scenes] == ["1"]
    assert any("cannot be applied" in problem.message and problem.place.startswith("[1]") for problem in problems)


# --- values


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['it''s', 'b']", ["its", "b"]),
        ("('a', 'b')", "('a', 'b')"),
        ('{"a": 1}', {"a": 1}),
        ("[not a list", "[not a list"),
        ("a [b]", "a [b]"),
        (5, 5),
    ],
)
def test_cells_may_hold_lists(value: Any, found: Any) -> None:
    assert open_cell(value) == found


def test_texts_of_everything_that_holds_some() -> None:
    assert read_texts(["a  b", "", None, 3, 2.0, ["c", ["d"]]]) == ["a b", "3", "2", "c", "d"]
    assert read_texts(None) == read_texts("") == []
    with pytest.raises(ValueError, match="name the key"):
        read_texts([{"text": "a"}])


@pytest.mark.parametrize(
    ("value", "times", "fps", "seconds"),
    [
        (12, "seconds", None, 12.0),
        ("12.5", "seconds", None, 12.5),
        (1500, "milliseconds", None, 1.5),
        (50, "frames", 25.0, 2.0),
        ("1:02", "frames", 25.0, 62.0),
        ("01:02:03,5", "seconds", None, 3723.5),
        ("soon", "seconds", None, None),
        (True, "seconds", None, None),
        (float("nan"), "seconds", None, None),
    ],
)
def test_times(value: Any, times: Any, fps: float | None, seconds: float | None) -> None:
    assert read_seconds(value, times, fps) == seconds


@pytest.mark.parametrize(
    ("value", "form", "scale", "box"),
    [
        ([10, 20, 30, 40], "xyxy", 0, (10, 20, 30, 40)),
        ([10, 20, 30, 40], "xywh", 0, (10, 20, 40, 60)),
        ([20, 30, 20, 20], "cxcywh", 0, (10, 20, 30, 40)),
        ([20, 10, 40, 30], "yxyx", 0, (10, 20, 30, 40)),
        (["10", "20", "30", "40"], "xyxy", 0, (10, 20, 30, 40)),
        ("10 20 30 40", "xyxy", 0, (10, 20, 30, 40)),
        ("(10, 20, 30, 40)", "xyxy", 0, (10, 20, 30, 40)),
        ("[10. 20. 30. 40.]", "xyxy", 0, (10, 20, 30, 40)),
        ("[(10, 20), (30, 40)]", "points", 0, (10, 20, 30, 40)),
        ("['10', '20', '30', '40']", "xyxy", 0, (10, 20, 30, 40)),
        ('[{"x": 10, "y": 20}, {"x": 30, "y": 40}]', "points", 0, (10, 20, 30, 40)),
        ("[10, 20, 30, 40]", "xyxy", 0, (10, 20, 30, 40)),
        ([[10, 20], [30, 20], [30, 40]], "points", 0, (10, 20, 30, 40)),
        ([10, 20, 30, 20, 30, 40], "points", 0, (10, 20, 30, 40)),
        ([{"x": 10, "y": 20}, {"x": 30, "y": 40}], "points", 0, (10, 20, 30, 40)),
        ([0.1, 0.2, 0.3, 0.4], "xyxy", 1, (20, 20, 60, 40)),
        ([100, 200, 300, 400], "xyxy", 1000, (20, 20, 60, 40)),
        ([10, 20, 30, 40], "xyxy", 100, (20, 20, 60, 40)),
    ],
)
def test_boxes_of_every_form(value: Any, form: Any, scale: float, box: tuple[float, ...]) -> None:
    assert read_box(value, form, scale, width=200, height=100).box == pytest.approx(box)


@pytest.mark.parametrize(
    ("value", "form", "scale", "message"),
    [
        ([0.1, 0.2, 0.3, 0.4], "xyxy", 0, "scale = 1"),
        ([10, 20, 30, 40], "xyxy", 1, "is it in pixels"),
        ([30, 20, 10, 40], "xyxy", 0, "wrong way round"),
        ([1, 2, 3], "xyxy", 0, "3 numbers, not 4"),
        ([1, 2, 3, 4, 5], "points", 0, "no points"),
        ("here", "xyxy", 0, "no numbers"),
        ([1, 2, None, 4], "xyxy", 0, "no numbers"),
        ([900, 20, 950, 40], "xyxy", 0, "outside"),
    ],
)
def test_boxes_that_cannot_be_meant(value: Any, form: Any, scale: float, message: str) -> None:
    mended = read_box(value, form, scale, width=200, height=100)
    assert mended.box is None
    assert message in mended.message


# --- records


ROWS = [{"file": "a.jpg", "text": "a dog"}, {"file": "b.jpg", "text": "a cat"}]
SIMPLE = {"image": "file", "captions": "text"}


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("list.json", json.dumps(ROWS), None),
        ("one_list.json", json.dumps({"version": 3, "items": ROWS}), None),
        ("two_lists.json", json.dumps({"items": ROWS, "others": [{"a": 1}]}), "items"),
        ("nested.json", json.dumps({"data": {"items": ROWS}, "x": [1]}), "data.items"),
        ("named.json", json.dumps({"a": ROWS[0], "b": ROWS[1]}), None),
        ("nested_named.json", json.dumps({"data": {"a": ROWS[0], "b": ROWS[1]}, "x": [1]}), "data"),
        ("lines.jsonl", "\n".join(map(json.dumps, ROWS)), None),
        ("nested_lines.jsonl", "\n".join(json.dumps({"r": [row]}) for row in ROWS), "r"),
        ("table.csv", "file,text\na.jpg,a dog\nb.jpg,a cat\n", None),
        ("table.tsv", "file\ttext\na.jpg\ta dog\nb.jpg\ta cat\n", None),
        ("nan.json", json.dumps({"data": {"items": [{**ROWS[0], "n": float("nan")}, ROWS[1]]}}), "data.items"),
    ],
)
def test_records_are_found_in_every_form(tmp_path: Path, name: str, content: str, records: str | None) -> None:
    scenes, problems = read(write(tmp_path, content, name), SIMPLE, **({"records": records} if records else {}))
    assert not problems
    assert [(scene.id, scene.captions[0].text, scene.assets[0].path) for scene in scenes] == [
        ("a", "a dog", "a.jpg"), ("b", "a cat", "b.jpg"),
    ]  # fmt: skip


def test_records_may_be_packed(tmp_path: Path) -> None:
    file = tmp_path / "list.json.gz"
    file.write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    assert len(read(file, SIMPLE)[0]) == 2


def test_a_file_for_each_record_and_one_of_them_torn(tmp_path: Path) -> None:
    for number, row in enumerate(ROWS):
        write(tmp_path, {**row, "shapes": [{"a": 1}]}, f"{number}.json")
    write(tmp_path, '{"file": "c.jpg", "te', "2.json")
    scenes, problems = read(tmp_path / "*.json", SIMPLE)
    assert [scene.id for scene in scenes] == ["a", "b"]
    assert [Path(problem.file).name for problem in problems] == ["2.json"]


def test_rows_of_one_picture_are_one_record(tmp_path: Path) -> None:
    table = "file,w,h,name,x1,y1,x2,y2\na.jpg,100,80,dog,1,2,30,40\nb.jpg,100,80,cat,5,5,50,50\na.jpg,100,80,ball,50,50,60,60\n"
    objects = {"each": "rows", "label": "name", "box": "[x1, y1, x2, y2]", "form": "xyxy"}
    scene = {"image": "file", "width": "w", "height": "h", "objects": objects}
    scenes, problems = read(write(tmp_path, table, "boxes.csv"), scene, group="file")
    assert not problems
    assert [(scene.id, [(thing.label, thing.box) for thing in scene.objects]) for scene in scenes] == [
        ("a", [("dog", (1, 2, 30, 40)), ("ball", (50, 50, 60, 60))]), ("b", [("cat", (5, 5, 50, 50))]),
    ]  # fmt: skip
    assert scenes[0].assets[0].width == 100


def test_rows_without_what_they_are_grouped_by_are_no_record(tmp_path: Path) -> None:
    table = "key,file,name\n1,a.jpg,dog\n,b.jpg,cat\n,c.jpg,hen\n"
    scene = {"image": "file", "objects": {"each": "rows", "label": "name"}}
    scenes, problems = read(write(tmp_path, table, "rows.csv"), scene, group="key")
    assert [scene.id for scene in scenes] == ["a"]
    assert [(problem.place, "finds nothing" in problem.message) for problem in problems] == [
        ("line 3", True), ("line 4", True),
    ]  # fmt: skip


# --- what a record says


def test_all_that_a_record_can_say(tmp_path: Path) -> None:
    record = {
        "id": 17,
        "img": "a.jpg",
        "size": [200, 100],
        "notes": [{"t": "a dog"}, {"t": "a dog in the grass"}],
        "story": "It was a hot day.",
        "not_seen": ["cat"],
        "city": "Porto",
        "things": {
            "d1": {"l": 18, "b": [10, 10, 20, 20], "a": ["brown"], "s": 0.9},
            "p1": {"l": 1, "b": [90, 10, 20, 20]},
        },
        "rel": [["d1", "next to", "p1"]],
        "parts": [{"b": [0, 0, 0.5, 1], "t": "green grass"}],
        "read": [{"t": "EXIT", "b": [[5, 5], [9, 5], [9, 9]], "s": 2}],
        "qa": [{"q": "What animal?", "a": ["dog", "dog", "puppy"], "o": ["cat", "dog"], "c": "B", "why": "It barks."}],
    }
    scene = {
        "id": "id", "image": "img", "width": "size[0]", "height": "size[1]", "captions": "notes[].t", "prose": ["story"],
        "absent": "not_seen", "metadata": ["city"],
        "objects": {"each": "things", "id": "id", "label": "l", "names": {"18": "dog", "1": "person"}, "box": "b",
                    "form": "xywh", "attributes": "a", "score": "s"},
        "relations": {"each": "rel", "subject": "[0]", "predicate": "[1]", "object": "[2]"},
        "regions": {"each": "parts", "text": "t", "box": "b", "form": "xyxy", "scale": 1},
        "ocr": {"each": "read", "text": "t", "box": "b", "form": "points", "score": "s"},
        "questions": {"each": "qa", "question": "q", "answers": "a", "options": "o", "correct": "c", "rationales": "why"},
    }  # fmt: skip
    (found,), problems = read(write(tmp_path, [record]), scene)
    assert ["ocr[0]: its score 2 is not between 0 and 1" in str(problem) for problem in problems] == [True]
    assert (found.id, [one.text for one in found.captions], found.prose, found.absent, found.metadata) == (
        "17", ["a dog", "a dog in the grass"], ("It was a hot day.",), ("cat",), {"city": "Porto"},
    )  # fmt: skip
    assert found.objects == (
        Object(id="o1", label="dog", box=(10, 10, 30, 30), attributes=("brown",), score=0.9, source_id="d1"),
        Object(id="o2", label="person", box=(90, 10, 110, 30), source_id="p1"),
    )
    assert found.relations == (Relation(subject="o1", predicate="next to", object="o2"),)
    assert [(one.text, one.box) for one in found.regions] == [("green grass", (0, 0, 100, 100))]
    assert [(one.text, one.box, one.score) for one in found.ocr] == [("EXIT", (5, 5, 9, 9), None)]
    assert found.questions == (
        Question(
            question="What animal?", answers=("dog", "puppy"), votes=(2, 1), options=("cat", "dog"), correct=1,
            rationales=("It barks.",),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("correct", "first", "right"), [("dog", 0, 1), (1, 0, 1), (2, 1, 1), ("2", 1, 1), ("b", 0, 1), ("B", 1, 1)]
)
def test_the_right_option_by_number_letter_or_text(tmp_path: Path, correct: Any, first: int, right: int) -> None:
    table = {"question": "q", "options": "o", "correct": "c", "first": first}
    (scene,), _ = read(write(tmp_path, [{"q": "What?", "o": ["cat", "dog"], "c": correct}]), {"questions": table})
    assert scene.questions[0].correct == right


def test_a_right_option_that_there_is_not_costs_the_question(tmp_path: Path) -> None:
    table = {"question": "q", "options": "o", "correct": "c"}
    scenes, problems = read(write(tmp_path, [{"q": "What?", "o": ["cat", "dog"], "c": 5}]), {"questions": table})
    assert not scenes
    assert any("no option '5' among 2" in problem.message for problem in problems)


@pytest.mark.parametrize(
    ("options", "correct", "first", "kept", "right"),
    [
        (["cat", None, "dog"], 2, 0, ("cat", "dog"), 1),
        (["", "cat", "dog"], "B", 0, ("cat", "dog"), 0),
        (["cat", "dog", "", None], 2, 1, ("cat", "dog"), 1),
        ([True, False], False, 0, ("yes", "no"), 1),
        (["yes", True, "no"], 2, 0, ("yes", "yes", "no"), 2),
        (["Cat", "Dog"], "dog", 0, ("Cat", "Dog"), 1),
        (["A. cat", "B. dog"], "(B)", 0, ("cat", "dog"), 1),
        (["cat", "dog"], ["dog"], 0, ("cat", "dog"), 1),
        (["cat", "dog"], "", 0, ("cat", "dog"), None),
        (["2", "3", "1"], 1, None, ("2", "3", "1"), 1),
        ([2, 3, 1], 1, None, ("2", "3", "1"), 2),
        (["2", "3", "1"], "1", None, ("2", "3", "1"), 2),
        (["2", "3", "1"], "1", 0, ("2", "3", "1"), 1),
        (["2", "3", "1"], "1", 1, ("2", "3", "1"), 0),
        (["20", "30"], 30, None, ("20", "30"), 1),
    ],
)
def test_options_keep_their_numbers(
    tmp_path: Path, options: list[Any], correct: Any, first: int | None, kept: tuple[str, ...], right: int | None
) -> None:
    table = {"question": "q", "options": "o", "correct": "c", "first": first}
    (scene,), problems = read(write(tmp_path, [{"q": "What?", "o": options, "c": correct}]), {"questions": table})
    assert (scene.questions[0].options, scene.questions[0].correct) == (kept, right)
    assert not any(problem.place.startswith("[0]") for problem in problems)


@pytest.mark.parametrize(("correct", "words"), [("\u00df", "no option 'ß' among 2"), (1, "no option '1' among 2")])
def test_what_is_no_option_is_told(tmp_path: Path, correct: Any, words: str) -> None:
    table = {"question": "q", "options": "o", "correct": "c"}
    _, problems = read(write(tmp_path, [{"q": "What?", "o": ["cat", "", "dog"], "c": correct}]), {"questions": table})
    assert words in problems[0].message


def test_answers_of_true_and_false_are_yes_and_no(tmp_path: Path) -> None:
    rows = [{"q": "Is it a dog?", "a": answer} for answer in (True, [False, True, False])]
    scenes, _ = read(write(tmp_path, rows), {"questions": {"question": "q", "answers": "a"}})
    assert [(one.answers, one.votes) for scene in scenes for one in scene.questions] == [
        (("yes",), ()), (("no", "yes"), (2, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "crowd"),
    [("true", True), ("True", True), ("1", True), (1, True), (True, True), ("false", False), ("0", False), ("", False),
     (0, False), (None, False)],
)  # fmt: skip
def test_a_crowd_as_tables_say_it(tmp_path: Path, value: Any, *, crowd: bool) -> None:
    objects = {"each": "o", "label": "l", "crowd": "c"}
    (scene,), _ = read(write(tmp_path, [{"o": [{"l": "dog", "c": value}]}]), {"objects": objects})
    assert scene.objects[0].crowd is crowd


def test_what_a_part_or_record_can_do_without_costs_itself_alone(tmp_path: Path) -> None:
    record = {
        "f": "a.jpg", "t": "a dog", "n": 5, "long": "x" * 3000, "city": "Porto",
        "o": [{"l": "dog", "a": {"colour": "brown"}, "s": 95}],
    }  # fmt: skip
    objects = {"each": "o", "label": "l", "attributes": "a", "score": "s"}
    scene = {
        "image": "f", "captions": "t", "id": "join('-', n)", "width": "length(n)", "objects": objects,
        "metadata": ["city", "long", "join('', [n, t])"],
    }  # fmt: skip
    (found,), problems = read(write(tmp_path, [record]), scene)
    assert (found.id, found.assets[0].width, found.metadata) == ("a", None, {"city": "Porto"})
    assert found.objects == (Object(id="o1", label="dog"),)
    told = [str(problem) for problem in problems]
    for words in ("`scene.id`", "`scene.width`", "`scene.metadata` cannot", "`scene.metadata = 'long'`", "`attributes = 'a'`",
                  "its score 95 is not"):  # fmt: skip
        assert sum(words in line for line in told) == 1, (words, told)


def test_a_pictures_path_is_kept_letter_for_letter(tmp_path: Path) -> None:
    names = ["my  photo.jpg", "at 3.45\u202fPM.jpg", "a\x00b.jpg"]
    scenes, problems = read(write(tmp_path, [{"file": name, "text": "a dog"} for name in names]), SIMPLE)
    assert [scene.assets[0].path for scene in scenes] == names[:2]
    assert "control character" in problems[0].message


def test_the_sizes_of_several_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "b  b.png")
    objects = {"each": "o", "label": "l", "box": "b", "form": "xyxy", "scale": 1, "asset": "in"}
    parts = [{"l": "dog", "b": [0, 0, 0.5, 0.5], "in": one} for one in ("a.png", "b  b.png")]
    record = {"f": ["a.png", "b  b.png"], "w": [100, None], "h": [80, None], "o": parts}
    scene = {"image": "f", "width": "w", "height": "h", "objects": objects}
    (found,), problems = read(write(tmp_path, [record]), scene, images=str(tmp_path))
    assert not problems
    assert [(thing.asset, thing.box) for thing in found.objects] == [
        ("image1", (0, 0, 50, 40)), ("image2", (0, 0, 100, 50)),
    ]  # fmt: skip


def test_a_duration_may_be_a_clocks(tmp_path: Path) -> None:
    table = {"each": "w", "start": "[0]", "end": "[1]", "text": "^t"}
    record = {"v": "a.mp4", "d": "00:30", "t": "a man cooks", "w": [[2, 5], ["9" * 400 + ":00", 5]]}
    (scene,), problems = read(write(tmp_path, [record]), {"video": "v", "duration": "d", "segments": table})
    assert (scene.assets[0].duration, len(scene.segments)) == (30, 1)
    assert "its start is no time" in problems[0].message


@pytest.mark.parametrize(
    ("record", "table"),
    [
        ({"o": {}}, {"each": "o"}),
        ({"o": ""}, {"each": "o"}),
        ({"o": None}, {"each": "o"}),
        ({"o": []}, {"each": "o"}),
        ({"a": None}, {"each": "{l: a, m: b}", "parallel": True}),
    ],
)
def test_a_record_without_parts_is_no_fault(tmp_path: Path, record: Any, table: Any) -> None:
    rows = [{"t": "a dog", **record}, {"t": "a cat", "o": [{"l": "cat"}], "a": ["cat"], "b": [1]}]
    scenes, problems = read(write(tmp_path, rows), {"captions": "t", "objects": {"label": "l", **table}})
    assert [len(scene.objects) for scene in scenes] == [0, 1]
    assert not problems


def test_files_of_a_pattern_that_have_no_records(tmp_path: Path) -> None:
    for number, document in enumerate(({"d": {"r": ROWS}}, {"d": {"r": []}}, {"other": 1})):
        write(tmp_path, document, f"{number}.json")
    scenes, problems = read(tmp_path / "*.json", SIMPLE, records="d.r")
    assert len(scenes) == 2
    assert [Path(problem.file).name for problem in problems] == ["2.json"]
    assert "its keys: other" in problems[0].message


def test_lines_that_have_nothing_where_the_records_should_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its keys: file, text"):
        read(write(tmp_path, "\n".join(map(json.dumps, ROWS)), "a.jsonl"), SIMPLE, records="items")


def test_times_with_the_text_of_the_whole_record_and_columns(tmp_path: Path) -> None:
    record = {"v": "a.mp4", "d": 30, "q": "a man cooks", "w": [[2, 5], [9, 40]], "who": "Ann"}
    table = {"each": "w", "start": "[0]", "end": "[1]", "text": "^q", "columns": {"speaker": "^who"}}
    (scene,), problems = read(write(tmp_path, [record]), {"video": "v", "duration": "d", "segments": table})
    assert [(one.start, one.end, one.text, one.columns) for one in scene.segments] == [
        (2, 5, "a man cooks", {"speaker": "Ann"}), (9, 30, "a man cooks", {"speaker": "Ann"}),
    ]  # fmt: skip
    assert scene.assets[0].kind == "video"
    assert ["clipped" in problem.message and not problem.lost for problem in problems] == [True]


def test_lists_that_go_together(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "times": [[5, 9], [1, 4]], "texts": ["b", "a"]},
        {"id": 2, "times": [[1, 4]], "texts": ["a", "b"]},
    ]
    table = {
        "each": "{time: times, text: texts}", "parallel": True, "start": "time[0]", "end": "time[1]", "text": "text",
    }  # fmt: skip
    scenes, problems = read(write(tmp_path, rows), {"id": "id", "segments": table})
    assert [[one.text for one in scene.segments] for scene in scenes] == [["a", "b"]]
    assert "1 of time, 2 of text" in problems[0].message


def test_several_pictures_and_what_is_in_which(tmp_path: Path) -> None:
    record = {
        "files": ["a.jpg", "b.jpg"],
        "text": "A door opens.",
        "boxes": [{"in": "b.jpg", "l": "dog", "b": [1, 2, 3, 4]}],
    }
    objects = {"each": "boxes", "label": "l", "box": "b", "form": "xyxy", "asset": "in"}
    (scene,), problems = read(write(tmp_path, [record]), {"image": "files", "captions": "text", "objects": objects})
    assert not problems
    assert [asset.path for asset in scene.assets] == ["a.jpg", "b.jpg"]
    assert (scene.prose, scene.captions) == (("A door opens.",), ())
    assert scene.objects[0].asset == scene.assets[1].id


def test_boxes_in_parts_of_a_picture_whose_size_is_in_its_file(tmp_path: Path) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "a.jpg")
    objects = {"each": "o", "label": "l", "box": "b", "form": "xyxy", "scale": 1}
    rows = [{"f": name, "o": [{"l": "dog", "b": [0, 0, 0.5, 0.5]}], "t": "a dog"} for name in ("a.jpg", "gone.jpg")]
    scenes, problems = read(
        write(tmp_path, rows), {"image": "f", "captions": "t", "objects": objects}, images=str(tmp_path)
    )
    assert [[thing.box for thing in scene.objects] for scene in scenes] == [[(0, 0, 100, 50)], []]
    assert "width and height are not known" in problems[0].message


def test_a_bad_part_costs_the_part_and_a_bad_picture_the_record(tmp_path: Path) -> None:
    rows = [
        {
            "f": "a.jpg",
            "t": "a dog",
            "o": [{"l": "dog", "b": [1, 2]}, {"b": [1, 2, 3, 4]}, {"l": "cat", "b": [1, 2, 3, 4]}],
        },
        {"f": "../../secret.jpg", "t": "a cat", "o": []},
        {"t": "a cow", "o": []},
        {"f": "d.jpg", "t": "", "o": []},
        {"f": "e.jpg", "t": {"text": "a hen"}, "o": []},
    ]
    objects = {"each": "o", "label": "l", "box": "b", "form": "xyxy"}
    scenes, problems = read(write(tmp_path, rows), {"image": "f", "captions": "t", "objects": objects})
    assert [(scene.id, [thing.label for thing in scene.objects]) for scene in scenes] == [("a", ["cat"])]
    told = [str(problem).partition("file.json, ")[2] for problem in problems]
    for line, words in zip(
        told,
        ("objects[0]: its box has 2", "objects[1]: `label", "leads out", "`image = 'f'` finds nothing", "nothing of what",
         "name the key", "nothing of what"),
        strict=True,
    ):  # fmt: skip
        assert words in line, told


# --- mistakes in the mapping


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ({"image": "fille", "captions": "text"}, ["scene.image = 'fille'", "keys file, text"]),
        ({"image": "file", "captions": "txt"}, ["scene.captions = 'txt'", "keys file, text"]),
        ({"image": "file"}, ["maps nothing"]),
        ({"image": "file", "captions": "text["}, ["scene.captions", "no expression"]),
    ],
)
def test_a_mistyped_mapping_is_refused_before_anything_is_made(tmp_path: Path, scene: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, ROWS), scene)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "scene",
    [
        {"image": "join('', [n, '.jpg'])", "captions": "t"},
        {"image": "f", "objects": {"each": "o", "label": "join('', [n, 'x'])"}},
    ],
)
def test_an_expression_that_suits_no_record_is_refused_with_the_reason(tmp_path: Path, scene: Any) -> None:
    with pytest.raises(InputError, match=r"cannot be applied: In function join"):
        read(write(tmp_path, [{"n": 5, "f": "a.jpg", "t": "a dog", "o": [{"n": 5}]}]), scene)


@pytest.mark.parametrize(
    ("scene", "word"),
    [
        ({"objects": {"label": "l", "box": "b"}}, "form"),
        ({"segments": {"start": "s", "times": "frames"}}, "fps"),
        ({"captions": "c", "objekts": {}}, "objects"),
        ({"objects": {"label": "l"}, "relations": {"subject": "a", "predicate": "b", "object": "c"}}, "objects.id"),
        ({"image": "a", "video": "b"}, "not both"),
    ],
)
def test_tables_that_cannot_be_meant(tmp_path: Path, scene: Any, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read(write(tmp_path, ROWS), scene)


def test_a_part_without_what_it_needs_is_a_mistake_of_the_mapping(tmp_path: Path) -> None:
    rows = [{"file": "a.jpg", "boxes": []}, {"file": "b.jpg", "boxes": [{"name": "dog"}, {"name": "cat"}]}]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, rows), {"image": "file", "objects": {"each": "boxes", "label": "label"}})
    told = str(caught.value)
    assert all(
        words in told
        for words in ("[1]", "objects[0]", "scene.objects.label = 'label'", "first 2 parts", "the keys name")
    ), told


def test_a_place_at_which_nothing_is_ever_found_is_told(tmp_path: Path) -> None:
    objects = {"each": "boxes", "label": "l"}
    scenes, problems = read(write(tmp_path, ROWS), {**SIMPLE, "width": "w", "objects": objects})
    assert len(scenes) == 2
    assert {problem.place for problem in problems} == {"scene.width = 'w'", "scene.objects.each = 'boxes'"}
    assert all("keys file, text" in problem.message for problem in problems)


@pytest.mark.parametrize(
    ("name", "content", "options", "words"),
    [
        ("torn.json", '[{"file": "a.jpg", "te', {}, "end is missing"),
        ("empty.json", "", {}, "is empty"),
        ("two.json", json.dumps({"a": ROWS, "b": ROWS}), {}, 'records = "..."'),
        ("none.json", json.dumps({"a": {"b": 1}}), {"records": "a.c"}, "its keys: a"),
        ("latin.csv", None, {}, "cp1252"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: str | None, options: Any, words: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"file,text\na.jpg,caf\xe9\n" if content is None else content.encode())
    with pytest.raises(InputError) as caught:
        read(file, SIMPLE, **options)
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_no_file_is_like_the_pattern(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file is like this"):
        read(tmp_path / "*.json", SIMPLE)
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path, SIMPLE)


# --- against the readers that know the form, on real files


def _same(
    path: Path, scene: dict[str, Any], reader: str, known: dict[str, Any], fields: tuple[str, ...], **options: Any
) -> int:
    mapped, _ = read(path, scene, **options)
    other = find_reader(reader)
    theirs = list(other.read(convert(known, other.Options, file="test.toml"), lambda _: None))
    assert len(mapped) == len(theirs)
    for own, one in zip(mapped, theirs, strict=True):
        for field in fields:
            assert getattr(own, field) == getattr(one, field), (own.id, field)
    return len(mapped)


@pytest.mark.skipif(not DATA.exists(), reason="the real annotation files are not here")
def test_activitynet_mapped_is_activitynet() -> None:
    table = {
        "each": "{time: timestamps, text: sentences}", "parallel": True, "start": "time[0]", "end": "time[1]", "text": "text",
    }  # fmt: skip
    file = DATA / "activitynet_captions" / "val_first1500.json"
    scene = {"id": "id", "video": "id", "duration": "duration", "segments": table}
    assert _same(file, scene, "activitynet", {"path": str(file)}, ("id", "segments")) == 1500


@pytest.mark.skipif(not DATA.exists(), reason="the real annotation files are not here")
def test_a_okvqa_mapped_is_a_okvqa() -> None:
    table = {
        "question": "question", "options": "choices", "correct": "correct_choice_idx", "answers": "direct_answers",
        "rationales": "rationales", "id": "question_id",
    }  # fmt: skip
    file = DATA / "transcribed" / "aokvqa_val.json"
    assert _same(file, {"id": "image_id", "questions": table}, "aokvqa", {"path": str(file)}, ("questions",)) > 0


def test_the_example_reads_as_its_scenes() -> None:
    config = ROOT / "configs" / "mapped.toml"
    (source,) = open_sources(load_config(config, {}), config)
    mapped = list(source.reader.read(source.options, pytest.fail))
    lines = (ROOT / "examples" / "scenes.jsonl").read_text().splitlines()
    scenes = {scene.id: scene for scene in (msgspec.json.decode(line, type=Scene) for line in lines)}
    assert len(mapped) == 4
    for own in mapped:
        one = scenes[own.id]
        assert own.captions == one.captions
        assert [(thing.label, thing.attributes) for thing in own.objects] == [
            (thing.label, thing.attributes) for thing in one.objects
        ]
        for thing, other in zip(own.objects, one.objects, strict=True):
            assert thing.box == pytest.approx(other.box, abs=0.1)


def test_the_documented_mappings_are_mappings() -> None:
    text = (ROOT / "docs" / "readers" / "mapped.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        found = tomllib.loads(block)["sources"]
        table = found[0] if isinstance(found, list) else {"path": "x", **found}
        options = convert({k: v for k, v in table.items() if k not in ("reader", "name")}, Options, file="mapped.md")
        find_reader("mapped").read(options, pytest.fail)


def test_labelme_as_the_documentation_maps_it(tmp_path: Path) -> None:
    shapes = [
        {"label": "dog", "points": [[10.5, 20], [30, 40]], "shape_type": "rectangle"},
        {"label": "leash", "points": [[1, 2], [9, 2], [9, 30]], "shape_type": "polygon"},
    ]
    write(
        tmp_path,
        {"version": "5.2", "shapes": shapes, "imagePath": "a.jpg", "imageHeight": 80, "imageWidth": 100},
        "a.json",
    )
    objects = {"each": "shapes", "label": "label", "box": "points", "form": "points"}
    scene = {"image": "imagePath", "width": "imageWidth", "height": "imageHeight", "objects": objects}
    (found,), problems = read(tmp_path / "*.json", scene)
    assert not problems
    assert [(thing.label, thing.box) for thing in found.objects] == [
        ("dog", (10.5, 20, 30, 40)), ("leash", (1, 2, 9, 30)),
    ]  # fmt: skip
