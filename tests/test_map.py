"""``syphus map``: what is drafted of records of unknown forms, what is left to people, and that a draft reads what it was made of."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from syphus.annotations.mapped.drafting import draft_mapping
from syphus.annotations.mapped.tables import Options
from syphus.annotations.reading import find_reader
from syphus.cli.main import main
from syphus.decoding import convert

ROOT = Path(__file__).parents[1]


def lines(records: list[dict[str, Any]], table: str) -> dict[str, str]:
    """The sure lines of a table."""
    return {line.key: line.value for line in draft_mapping(records).tables.get(table, []) if line.sure}


@pytest.mark.parametrize(
    ("record", "table", "drafted"),
    [
        ({"file_name": "a.jpg", "caption": "a dog in the grass"}, "scene", {"image": '"file_name"', "captions": '"caption"'}),
        ({"pic": {"path": "x/a.PNG?v=2"}, "t": "x"}, "scene", {"image": '"pic.path"'}),
        ({"clip": "a.mp4", "length": 3.5}, "scene", {"video": '"clip"', "duration": '"length"'}),
        (
            {"img": "a.jpg", "size": {"w": 4, "h": 3}, "notes": [{"text": "a dog in the grass"}, {"text": "one brown dog"}]},
            "scene",
            {"image": '"img"', "width": '"size.w"', "height": '"size.h"', "captions": '"notes[].text"'},
        ),
        (
            {"a": "a.jpg", "texts": ["a dog in the grass", "one brown dog"], "title": "the big dog"},
            "scene",
            {"image": '"a"', "captions": '["texts", "title"]'},
        ),
        (
            {"image name": "a.jpg", "regions": [{"phrase": "a dog", "x": 5, "y": 6, "width": 7, "height": 8}]},
            "scene.regions",
            {"each": '"regions"', "text": '"phrase"', "box": '"[x, y, width, height]"', "form": '"xywh"'},
        ),
        (
            {"objects": [{"class": "dog", "xmin": 5, "ymin": 6, "xmax": 70, "ymax": 80, "conf": 0.5}]},
            "scene.objects",
            {"each": '"objects"', "label": '"class"', "score": '"conf"', "box": '"[xmin, ymin, xmax, ymax]"', "form": '"xyxy"'},
        ),
        (
            {"dets": [{"name": "dog", "bndbox": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}]},
            "scene.objects",
            {"each": '"dets"', "label": '"name"', "box": '"bndbox.[xmin, ymin, xmax, ymax]"', "form": '"xyxy"'},
        ),
        (
            {"shapes": [{"label": "dog", "points": [[1, 2], [3, 4], [5, 9]]}]},
            "scene.objects",
            {"each": '"shapes"', "label": '"label"', "box": '"points"', "form": '"points"'},
        ),
        (
            {"things": {"o1": {"label": "dog", "bbox": [0.5, 0.5, 0.2, 0.2]}}},
            "scene.objects",
            {"each": '"things"', "id": '"id"', "label": '"label"', "box": '"bbox"', "form": '"xywh"', "scale": "1"},
        ),
        (
            {"events": [{"start_time": 1, "end_time": 2, "description": "a man cooks"}]},
            "scene.segments",
            {"each": '"events"', "start": '"start_time"', "end": '"end_time"', "text": '"description"'},
        ),
        (
            {"events": [{"segment": [1, 2], "sentence": "a man cooks"}]},
            "scene.segments",
            {"each": '"events"', "start": '"segment[0]"', "end": '"segment[1]"', "text": '"sentence"'},
        ),
        (
            {"timestamps": [[1, 2]], "sentences": ["a man cooks"]},
            "scene.segments",
            {
                "each": '"{time: timestamps, text: sentences}"', "parallel": "true", "start": '"time[0]"', "end": '"time[1]"',
                "text": '"text"',
            },
        ),
        (
            {"query": "a man who cooks", "relevant_windows": [[1, 2]]},
            "scene.segments",
            {"each": '"relevant_windows"', "start": '"[0]"', "end": '"[1]"', "text": '"^query"'},
        ),
        ({"question": "What?", "answer": "a dog"}, "scene.questions", {"question": '"question"', "answers": '"answer"'}),
        (
            {"qa": [{"q": "What?", "choices": ["a", "b"], "answer": "b"}]},
            "scene.questions",
            {"each": '"qa"', "question": '"q"', "options": '"choices"', "correct": '"answer"'},
        ),
    ],
)  # fmt: skip
def test_what_is_drafted_of_a_record(record: dict[str, Any], table: str, drafted: dict[str, str]) -> None:
    assert lines([record], table) == drafted


def test_captions_are_no_captions_where_they_are_of_times_or_parts() -> None:
    assert "captions" not in lines([{"timestamps": [[1, 2]], "sentences": ["a man cooks"]}], "scene")
    record = {"regions": [{"phrase": "a big brown dog", "bbox": [50, 50, 10, 10]}]}
    assert "captions" not in lines([record], "scene")


@pytest.mark.parametrize(
    ("boxes", "size", "form"),
    [
        ([[50, 50, 10, 10]], {}, '"xywh"'),  # no corners
        ([[50, 50, 90, 90]], {"width": 100, "height": 100}, '"xyxy"'),  # as a size it would leave the picture
        ([[5, 5, 9, 9]], {"width": 100, "height": 100}, None),
        ([[5, 5, 9, 9]], {}, None),
    ],
)
def test_the_form_of_boxes_is_decided_by_what_they_prove_alone(boxes: Any, size: Any, form: str | None) -> None:
    record = {**size, "objects": [{"label": "dog", "bbox": box} for box in boxes]}
    assert lines([record], "scene.objects").get("form") == form
    undecided = [
        line for line in draft_mapping([record]).tables["scene.objects"] if line.key == "form" and not line.sure
    ]
    assert bool(undecided) == (form is None)


@pytest.mark.parametrize(
    ("box", "size", "scale", "sure"),
    [
        ([0.1, 0.1, 0.5, 0.5], 640, "1", True),
        ([10, 10, 990, 900], 640, "1000", True),
        ([10, 10, 90, 90], 640, "100", False),
        ([10, 10, 300, 300], 640, None, True),
    ],
)
def test_what_boxes_are_parts_of(box: Any, size: int, scale: str | None, *, sure: bool) -> None:
    record = {"width": size, "height": size, "objects": [{"label": "dog", "bbox": box}]}
    found = [(line.value, line.sure) for line in draft_mapping([record]).tables["scene.objects"] if line.key == "scale"]
    assert found == ([] if scale is None else [(scale, sure)])


def test_keys_that_nothing_is_made_of_are_named() -> None:
    assert draft_mapping([{"image": "a.jpg", "reviewed": True, "caption": "one brown dog"}]).left == ["reviewed"]


def test_values_of_all_sorts_do_not_stop_it() -> None:
    odd = [
        None,
        True,
        [],
        {},
        "",
        1e400,
        "x" * 3000,
        [[]],
        [None],
        {"": 1},
        {"a": {"b": {"c": {"d": 1}}}},
        [1, "a", {"b": 2}],
    ]
    for value in odd:
        for key in ("image", "bbox", "objects", "caption", "timestamps", "question", "width", ""):
            draft_mapping([{key: value}, {key: value, "objects": [{"label": value, "bbox": value}]}, {}])


def test_a_draft_is_toml_whatever_keys_and_files_are_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {
        "file's": "a.jpg", 'cap"tion': "a man in a hat", "desc.ription": "one brown \x1b[31mdog", "c\\aption": 1,
        "e\x07f": 1, "object's": [{"label'": "dog", "xmin": 1, "y min": 2, "xmax": 3, "ymax": 4, "sc'ore": 0.5}],
    }  # fmt: skip
    file = tmp_path / "na'st\"y.json"
    file.write_text(json.dumps([record]))
    assert main(["map", str(file)]) == 0
    told = capsys.readouterr()
    assert "nothing was made of: c\\aption, e f\n" in told.err
    (table,) = tomllib.loads(told.out)["sources"]
    assert (table.pop("reader"), table["path"]) == ("mapped", str(file))
    (scene,) = find_reader("mapped").read(convert(table, Options, file="draft"), pytest.fail)
    assert [one.text for one in scene.captions] == ["a man in a hat", "one brown dog"]
    assert [(thing.label, thing.box, thing.score) for thing in scene.objects] == [("dog", (1, 2, 3, 4), 0.5)]


def test_the_draft_of_the_example_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "examples" / "mapped" / "our_tool.json"
    assert main(["map", str(file)]) == 0
    told = capsys.readouterr()
    assert "# scale = 100" in told.out
    assert "nothing was made of: reviewed" in told.err
    (table,) = tomllib.loads(told.out.replace("# scale", "scale"))["sources"]
    assert table.pop("reader") == "mapped"
    scenes = list(find_reader("mapped").read(convert(table, Options, file="draft"), pytest.fail))
    assert [len(scene.objects) > 0 and len(scene.captions) == 5 for scene in scenes] == [True] * 4


def test_a_known_form_and_what_cannot_be_decided_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps([{"qid": 1, "query": "a man who cooks", "vid": "x", "relevant_windows": [[1, 2]]}]))
    assert main(["map", str(file)]) == 0
    assert "qvhighlights" in capsys.readouterr().err
    file.write_text(json.dumps([{"image": "a.jpg", "objects": [{"label": "dog", "bbox": [1, 2, 30, 40]}]}]))
    assert main(["map", str(file)]) == 0
    told = capsys.readouterr()
    assert '# form = "xyxy"' in told.out
    assert "for you to say" in told.err
    file.write_text("[]")
    assert main(["map", str(file)]) == 2
    assert "holds no record" in capsys.readouterr().err
