"""The COCO reader: real files where they are, hand-written ones for what real files seldom do."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest
from damage import damage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.annotations import json_stream
from syphus.annotations.json_shapes import RAW, Broken, Shape, find_fault, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.pictures import coco
from syphus.annotations.reading import picture_folder
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "coco_ccby").is_dir(), reason=f"the real annotation files are not in {DATA}")

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80, "license": 4}
LICENSES = [{"id": 4, "name": "By", "url": "http://by/"}]
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person", "keypoints": ["nose", "tail"]}]
PERSON = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [5, 6, 2, 0, 0, 0]}


def write(path, *, images=(IMAGE,), annotations=(), text=None, **more):
    document = {"licenses": LICENSES, "images": images, "annotations": annotations, "categories": CATEGORIES, **more}
    path.write_text(json.dumps(document) if text is None else text, encoding="utf-8")
    return path


def read(**options):
    """The scenes, which must decode as scenes again, and the problems."""
    problems = []
    scenes = list(coco.read(coco.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def box(values, **more):
    return {"id": 7, "image_id": 1, "category_id": 18, "bbox": values, **more}


# --- real files ---


@real
def test_all_of_the_captions_of_val2017():
    scenes, problems = read(captions=DATA / "coco/captions_val2017.json")
    assert (len(scenes), sum(len(scene.captions) for scene in scenes), problems) == (5000, 25014, [])
    texts = [caption.text for scene in scenes for caption in scene.captions]
    assert not [text for text in texts if text != " ".join(text.split())]
    first = scenes[0]
    assert (first.id, first.assets[0].path, first.metadata["image_id"]) == ("000000397133", "000000397133.jpg", 397133)
    assert (first.assets[0].width, first.assets[0].height) == (640, 427)
    url = "http://creativecommons.org/licenses/by/2.0/"
    assert first.assets[0].license == f"Attribution License ({url})"
    assert max(len(scene.captions) for scene in scenes) == 7


@real
def test_captions_and_instances_agree_with_the_file():
    file = DATA / "coco/instances_val2017_79.json"
    scenes, problems = read(captions=DATA / "coco/captions_val2017.json", instances=file)
    truth = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in truth["categories"]}
    wanted = {str(one["id"]): (names[one["category_id"]], bool(one["iscrowd"])) for one in truth["annotations"]}
    found = {thing.source_id: (thing.label, thing.crowd) for scene in scenes for thing in scene.objects}
    assert (found, len(found), problems) == (wanted, 624, [])
    boxes = {thing.source_id: thing.box for scene in scenes for thing in scene.objects}
    for one in truth["annotations"]:
        x, y, width, height = one["bbox"]
        assert boxes[str(one["id"])] == pytest.approx((x, y, x + width, y + height), abs=0.006)


@real
@pytest.mark.parametrize(
    ("split", "images", "captions", "objects", "crowds", "posed"),
    [("val2017", 17, 85, 163, 2, 13), ("train2017", 12, 60, 139, 3, 18)],
)
def test_a_folder_with_a_split(split, images, captions, objects, crowds, posed):
    options = coco.Options(folder=DATA / "coco_ccby", split=split)
    scenes, problems = read(folder=DATA / "coco_ccby", split=split)
    things = [thing for scene in scenes for thing in scene.objects]
    assert (len(scenes), sum(len(scene.captions) for scene in scenes), len(things)) == (images, captions, objects)
    assert (sum(thing.crowd for thing in things), sum(bool(thing.keypoints) for thing in things)) == (crowds, posed)
    assert problems == []
    assert all((picture_folder(options) / scene.assets[0].path).is_file() for scene in scenes)


@real
def test_lvis_and_others_that_follow_coco():
    scenes, problems = read(instances=DATA / "lvis/lvis_val_100.json")
    assert (len(scenes), sum(len(scene.objects) for scene in scenes), problems) == (100, 977, [])
    posed, problems = read(keypoints=DATA / "detection_formats/keypoints_annotations.json")
    assert [len(scene.objects) for scene in posed] == [9, 1]
    assert {point.name for scene in posed for thing in scene.objects for point in thing.keypoints} == set(
        coco.PERSON_KEYPOINTS
    )
    with pytest.raises(InputError, match="no `images` and no `annotations`; its keys: IMG_4908"):
        read(instances=DATA / "detection_formats/via/via_bbox.json")


@real
@pytest.mark.parametrize(
    ("kind", "file", "found"),
    [
        ("captions", "coco/instances_val2017_79.json", "instances"),
        ("instances", "coco/captions_val2017.json", "captions"),
        ("keypoints", "coco/instances_val2017_79.json", "instances"),
    ],
)
def test_a_file_of_another_kind_says_which(kind, file, found):
    with pytest.raises(InputError, match=f"no {kind} file\n.*give it as `{found}`"):
        read(**{kind: DATA / file})


# --- joining ---


def test_files_are_joined_by_image_and_persons_by_annotation(tmp_path):
    second = {"id": "two", "file_name": "b.jpg", "coco_url": "http://c/b.jpg", "flickr_url": "http://f/b.jpg"}
    captions = write(tmp_path / "c.json", annotations=[{"id": 1, "image_id": 1, "caption": " A\n dog  runs. "}])
    things = [
        box([1, 2, 3, 4], id=9),
        {**PERSON, "keypoints": None},
        box([5, 5, 5, 5], id=8, image_id="two", iscrowd=1),
    ]
    instances = write(tmp_path / "i.json", images=[second, IMAGE], annotations=things)
    other = {**PERSON, "id": 8, "keypoints": [1, 1, 1, 2, 2, 2]}  # an instance's id, but of another image
    persons = write(tmp_path / "k.json", annotations=[PERSON, other, {**PERSON, "id": 30}])
    scenes, problems = read(captions=captions, instances=instances, keypoints=persons)
    assert problems == []
    assert [scene.id for scene in scenes] == ["a", "b"]
    assert [caption.text for caption in scenes[0].captions] == ["A dog runs."]
    found = [(thing.id, thing.source_id, thing.label, len(thing.keypoints)) for thing in scenes[0].objects]
    assert found == [
        ("o1", "7", "person", 1),
        ("o2", "8", "person", 2),
        ("o3", "9", "dog", 0),
        ("o4", "30", "person", 1),
    ]
    hidden, seen = scenes[0].objects[1].keypoints
    assert (hidden.name, hidden.visible, seen.name, seen.visible, seen.x) == ("nose", False, "tail", True, 2)
    assert [(thing.crowd, thing.box) for thing in scenes[1].objects] == [(True, (5, 5, 10, 10))]
    assert scenes[1].metadata == {"image_id": "two", "coco_url": "http://c/b.jpg", "flickr_url": "http://f/b.jpg"}
    assert scenes[0].assets[0].license == "By (http://by/)"
    assert scenes[0].source == ""


def test_annotations_may_stand_before_images_and_categories(tmp_path):
    text = json.dumps(
        {"annotations": [box([1, 1, 2, 2])], "categories": CATEGORIES, "info": {"x": [{}]}, "images": [IMAGE]}
    )
    scenes, problems = read(instances=write(tmp_path / "i.json", text=text))
    assert ([thing.label for thing in scenes[0].objects], problems) == (["dog"], [])


@pytest.mark.parametrize(
    ("images", "ids", "paths"),
    [
        ([{"id": 5, "file_name": "x/a.jpg"}, {"id": 6, "file_name": "y/a.jpg"}], ["5", "6"], ["x/a.jpg", "y/a.jpg"]),
        ([{"id": 5, "file_name": "x\\a b(1).jpg"}], ["a_b_1_"], ["x/a b(1).jpg"]),
        ([{"id": 5, "file_name": "/pictures/x/a.jpg"}], ["a"], ["x/a.jpg"]),
        ([{"id": 5, "coco_url": "http://c/val2017/a.jpg"}], ["a"], ["val2017/a.jpg"]),
        (
            [{"id": 5, "file_name": "6.jpg"}, {"id": 6, "file_name": "q/7.jpg"}, {"id": 8, "file_name": "r/7.jpg"}],
            ["6", "6-2", "8"],
            None,
        ),
    ],
)
def test_ids_and_paths(tmp_path, images, ids, paths):
    scenes, problems = read(captions=write(tmp_path / "c.json", images=images), images=Path("/pictures"))
    assert ([scene.id for scene in scenes], problems) == (ids, [])
    if paths:
        assert [scene.assets[0].path for scene in scenes] == paths


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "C:\\a.jpg", "file:///a.jpg", "x/../../a.jpg", None])
def test_unsafe_paths_are_left_out_and_reported(tmp_path, name):
    scenes, problems = read(captions=write(tmp_path / "c.json", images=[{**IMAGE, "file_name": name}]))
    assert scenes[0].assets[0].path is None
    assert [(problem.place, problem.lost) for problem in problems] == [("images[0] (id 1)", True)]


# --- quirks ---

BAD = "annotations[0] (id 7)"


@pytest.mark.parametrize(
    ("annotation", "found", "place", "says"),
    [
        (box([1.006, 2, 10, 20]), (1.01, 2, 11.01, 22), None, None),
        (box([-0.6, 0, 50, 80.9]), (0, 0, 49.4, 80), None, None),
        (box([90, 70, 30, 5]), (90, 70, 100, 75), BAD, "by 20 pixels; it is clipped"),
        (box([5, 5, 0, 10]), None, BAD, "no area"),
        (box([5, 5, -3, 10]), None, BAD, "a negative size"),
        (box([5, 5, 0.001, 10]), None, BAD, "thinner"),
        (box([200, 5, 5, 5]), None, BAD, "outside the frame"),
        (box([5, 5, 5]), None, BAD, "bbox has 3 numbers"),
        (box([5, 5, 1e308, 1e308]), (5, 5, 100, 80), BAD, "clipped"),
        (box([1e308, 5, 1e308, 5]), None, BAD, "beyond all numbers"),
        (box([5, 5, "five", 5]), None, BAD, "Expected `float`, got `str`"),
        (box([5, 5, float("nan"), 5]), None, "annotations[0]", "NaN is no number"),
        (box([5, 5, float("inf"), 5]), None, "annotations[0]", "Infinity is no number"),
        (box([1, 1, 2, 2], category_id=77), None, BAD, "category_id 77"),
        (box(None), "no box", BAD, "used without a box"),
        (box([1, 1, 2, 2], image_id=None), None, BAD, "image_id"),
        ({"id": 7}, None, BAD, "missing required field"),
        ("text", None, "annotations[0]", "Expected `object`"),
        ({**PERSON, "keypoints": [1, 2, 2, 3]}, (1, 2, 4, 6), BAD, "4 numbers of keypoints"),
        ({**PERSON, "keypoints": [1, 2, 2, 3, 3, 9]}, (1, 2, 4, 6), BAD, "v = 9"),
    ],
)
def test_one_annotation(tmp_path, annotation, found, place, says):
    """What becomes of it, and that the good one behind it is read all the same."""
    good = box([1, 1, 2, 2], id=100)
    scenes, problems = read(instances=write(tmp_path / "i.json", annotations=[annotation, good]))
    boxes = [thing.box for thing in scenes[0].objects]
    assert boxes[-1] == (1, 1, 3, 3)
    assert boxes[:-1] == ([] if found is None else [None] if found == "no box" else [found])
    assert [thing.id for thing in scenes[0].objects] == [f"o{1 + index}" for index in range(len(boxes))]
    if place is None:
        assert problems == []
    else:
        (problem,) = problems
        assert problem.place.startswith(place)
        assert says in problem.message
        assert problem.lost == ("clipped" not in says)


@pytest.mark.parametrize(
    ("images", "annotations", "place", "says", "lost"),
    [
        ([IMAGE, IMAGE], [], "images[1] (id 1)", "given twice", True),
        ([{**IMAGE, "width": -3}], [], "images[0] (id 1)", "width -3", True),
        ([{**IMAGE, "height": 2.5}], [], "images[0] (id 1)", "height 2.5", True),
        ([{**IMAGE, "height": "tall"}], [], "images[0] (id 1)", "height tall is no number", True),
        ([IMAGE], [{"id": 3, "image_id": 1, "caption": " \n"}], "annotations[0] (id 3)", "empty", True),
        ([IMAGE], [{"id": 3, "image_id": 1, "caption": None}], "annotations[0] (id 3)", "got `null`", True),
        ([IMAGE], [{"id": 3, "image_id": 1, "caption": "a"}] * 2, "annotations[1] (id 3)", "given twice", True),
        (
            [IMAGE],
            [{"id": n, "image_id": 9, "caption": "a"} for n in range(3)],
            "annotations",
            "lists: 3; of 1 images, by their ids 9",
            True,
        ),
    ],
)
def test_images_and_captions(tmp_path, images, annotations, place, says, lost):
    scenes, problems = read(captions=write(tmp_path / "c.json", images=images, annotations=annotations))
    (problem,) = problems
    assert (problem.place, problem.lost, len(scenes)) == (place, lost, 1)
    assert says in problem.message


def test_files_that_contradict_each_other(tmp_path):
    captions = write(tmp_path / "c.json")
    scenes, problems = read(captions=captions, instances=write(tmp_path / "i.json", images=[{**IMAGE, "width": 99}]))
    assert scenes[0].assets[0].width == 100
    assert [(problem.place, problem.lost) for problem in problems] == [("images[0] (id 1)", False)]
    assert f"width is 99 here and 100 in {captions}" in problems[0].message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"[]", "is a list: this is no COCO captions file"),
        (b'"x"', "is a text"),
        (b"hello", "is no JSON"),
        (b"{}", "no `images` and no `annotations`; its keys: none"),
        (b'{"images": [], "categories": []}', "no `annotations`; its keys: images, categories"),
        (b'{"images": {}, "annotations": []}', "column 12: `images` is an object, not a list"),
        (b'{"images": [{"id": 1}], "annotations": [{"id', "the end is missing\n.*Fetch it again"),
        (b'{"images": [], "annotations": []', "the end is missing"),
        (b'{"images": [],\n "annotations": [{"id": 1} {"id": 2}]}', "line 2, column 28: is no JSON: expected a comma"),
        (b'{"images": [], "annotations": [{"id": 1},]}', "a comma before the closing bracket"),
        (b'{"images": [], "annotations": []} {}', "something follows after the end"),
        (b'{"images": [],\n "annotations": [{"caption": "caf\xe9"}]}', "line 2: is not UTF-8: byte 0xe9"),
        (b'{"images": [' + b"[" * 9000, "nested too deeply"),
        (b"\x1f\x8b\x08\x00", "is a gzip file that cannot be unpacked"),
    ],
)
def test_what_is_no_coco_file(tmp_path, data, says):
    file = tmp_path / "c.json"
    file.write_bytes(data)
    with pytest.raises(InputError, match=says) as caught:
        read(captions=file)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(tmp_path, encoding):
    write(tmp_path / "c.json", annotations=[{"id": 1, "image_id": 1, "caption": "é"}])
    (tmp_path / "d.json").write_bytes((tmp_path / "c.json").read_text().encode(encoding))
    assert read(captions=tmp_path / "d.json")[0][0].captions[0].text == "é"


# --- which files ---


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "no annotation file is named"),
        ({"folder": "f"}, "needs a `split`\n.*Splits there: mini, val2017"),
        (
            {"folder": "f", "split": "train"},
            "none of annotations/captions_train.json, annotations/instances_train.json.*\n.*mini",
        ),
        ({"folder": "none", "split": "train"}, "no such file for any split"),
        ({"captions": "none.json"}, "none.json: cannot be read: No such file"),
        ({"captions": "f"}, "Is a directory"),
    ],
)
def test_files_that_are_not_there(tmp_path, options, says):
    for name in ("captions_mini", "person_keypoints_val2017"):
        (tmp_path / "f/annotations").mkdir(parents=True, exist_ok=True)
        write(tmp_path / f"f/annotations/{name}.json")
    given_options = {key: value if key == "split" else tmp_path / value for key, value in options.items()}
    with pytest.raises(InputError, match=says):
        read(**given_options)


@pytest.mark.parametrize(
    ("options", "images"),
    [
        ({"folder": Path("f"), "split": "s"}, Path("f/s")),
        ({"folder": Path("f"), "split": "s", "images": Path("p")}, Path("p")),
        ({"captions": Path("c.json")}, None),
    ],
)
def test_the_picture_folder(options, images):
    assert coco.Options(**options).images == images
    with pytest.raises(TypeError):
        coco.Options(**options, pictures=Path("p"))


# --- big documents in small windows ---

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["},{", "]", '"', "\\", "}, "]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(records=st.lists(_json, max_size=8), more=_json, window=st.integers(1, 60), indent=st.sampled_from([None, 1]))
def test_windows_cut_records_where_they_end(tmp_path, monkeypatch, records, more, window, indent):
    monkeypatch.setattr(json_stream, "WINDOW", window)
    text = json.dumps({"before": more, "list": records, "after": more}, indent=indent, ensure_ascii=False)
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with JsonDocument(tmp_path / "x.json") as document:
        batches = list(document.walk_members({"list": RAW}))
    found = [one for batch in batches for one in batch.number_lines()]
    assert [json.loads(record) for _, _, record in found] == records
    assert [index for index, _, _ in found] == list(range(len(records)))
    lines = text.split("\n")
    for _, line, record in found:
        assert record.decode().split("\n")[0] in lines[line - 1]


def test_a_broken_record_costs_itself_in_any_window(tmp_path, monkeypatch):
    records = ['{"id": 1}', '{"id": NaN}', '{"id": "\\ud800"}', '{"id": "a\nb"}', '{"id": [[1, {}, {}]]}', '{"id": 2}']
    (tmp_path / "x.json").write_text("[" + " ,\n".join(records) + "]")
    for window in range(1, 80):
        monkeypatch.setattr(json_stream, "WINDOW", window)
        with JsonDocument(tmp_path / "x.json") as document:
            batches = list(document.walk_array(Shape(dict[str, int])))
        found = [one for batch in batches for one in batch.records]
        assert [one if isinstance(one, dict) else type(one) for one in found] == [{"id": 1}, *[Broken] * 4, {"id": 2}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"[1, 2]", 6),
        (b'[{"a": 1}], "b"', 11),
        (b"[1, NaN]", 4),
        (b'[{"a": ', None),
        (b"[1, 2", None),
        (b'["abc', None),
    ],
)
def test_the_number_of_the_byte_in_what_msgspec_says(text, fault):
    assert find_fault(text) == fault


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (" [1", "array"),
        ("a,b", "other"),
        ('{"a": 1}', "object"),
        ('{"a": 1}\n', "object"),
        ('{"a": 1}\n{"a": 2}', "lines"),
        ('{"a": 1}\n\n{"a', "lines"),
        ('{\n "a": 1\n}', "object"),
        ('{"a": {\n "b": 1,\n "c": oops}}', "object"),
        ('{"a": \n{"a": 1}}', "object"),
        ('{"a": "torn\n{"a": 1}\n', "lines"),
        ('{oops}\n{"a": 1}\n', "lines"),
    ],
)
def test_layouts(head, layout):
    assert find_layout(head) == layout


# --- hostile files ---


def test_no_damage_is_more_than_a_problem_or_an_input_error(tmp_path):
    things = [box([1, 2, 30.5, 4], segmentation=[[1, 2]]), {**PERSON, "id": 8}, box([1, 2, 3, 4], id=9)]
    good = write(tmp_path / "good.json", annotations=things).read_bytes()
    kinds = set()
    for data in damage(good, b"-Infinity", b"[]", seed=5, each=12):
        (tmp_path / "bad.json").write_bytes(data)
        try:
            _, problems = read(instances=tmp_path / "bad.json", keypoints=tmp_path / "good.json")
        except InputError as error:
            assert error.file == str(tmp_path / "bad.json")  # noqa: PT017
            kinds.add("refused")
        else:
            assert all(problem.place and problem.message for problem in problems)
            kinds.add("problems" if problems else "unharmed")
    assert kinds == {"refused", "problems", "unharmed"}


def test_the_benchmark_runs():
    script = Path(__file__).parents[1] / "benchmarks/coco_reader.py"
    found = subprocess.run([sys.executable, script, "--scale", "0.001"], capture_output=True, text=True, check=True)
    assert found.stdout.count(" 118 scenes  ") == found.stdout.count("  0 problems  pass (1 GB)") == 5


# --- what tools make of it ---


def test_numbers_written_as_text_and_ids_that_are_both(tmp_path):
    image = {**IMAGE, "id": "1", "width": "100", "height": "80"}
    things = [box([10, 10, 20, 20], category_id="18")]
    (scene,), problems = read(instances=write(tmp_path / "i.json", images=[image], annotations=things))
    assert problems == []
    assert (scene.assets[0].width, scene.assets[0].height) == (100, 80)
    assert [(thing.label, thing.box) for thing in scene.objects] == [("dog", (10, 10, 30, 30))]


def test_labels_are_words(tmp_path):
    categories = [{"id": 18, "name": "traffic_light"}]
    file = write(tmp_path / "i.json", annotations=[box([1, 1, 5, 5])], categories=categories)
    assert read(instances=file)[0][0].objects[0].label == "traffic light"


def test_a_panoptic_file(tmp_path):
    segments = [
        {"id": 3226956, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 0, "area": 9},
        {"id": 3226956, "category_id": 2, "bbox": [0, 0, 100, 40], "iscrowd": 0, "area": 9},
    ]
    categories = [{"id": 1, "name": "person", "isthing": 1}, {"id": 2, "name": "sky-other-merged", "isthing": 0}]
    annotations = [{"image_id": 1, "file_name": "a.png", "segments_info": segments}]
    (scene,), problems = read(
        instances=write(tmp_path / "panoptic.json", annotations=annotations, categories=categories)
    )
    assert problems == []
    assert [(thing.label, thing.box) for thing in scene.objects] == [
        ("person", (10, 10, 30, 30)),
        ("sky", (0, 0, 100, 40)),
    ]


def test_captions_that_their_makers_rejected(tmp_path):
    captions = [{"id": n, "image_id": 1, "caption": f"c{n}", "is_rejected": n == 2} for n in (1, 2)]
    (scene,), (problem,) = read(captions=write(tmp_path / "c.json", annotations=captions))
    assert [caption.text for caption in scene.captions] == ["c1"]
    assert "rejected" in problem.message


def zipped(file, *names):
    path = file.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(file, name)
    return path


def test_packed_files(tmp_path):
    file = write(tmp_path / "c.json", annotations=[{"id": 3, "image_id": 1, "caption": "A dog."}])
    wanted, _ = read(captions=file)
    packed = tmp_path / "c.json.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read(captions=packed)[0] == wanted
    assert read(captions=zipped(file, "x/captions.json", "__MACOSX/._captions.json"))[0] == wanted
    with pytest.raises(InputError, match=r"is a zip file with 2 files in it: a\.json, b\.json"):
        read(captions=zipped(file, "a.json", "b.json"))
    packed.write_bytes(gzip.compress(file.read_bytes())[:-12])
    with pytest.raises(InputError, match="gzip file that cannot be unpacked"):
        read(captions=packed)
    file.with_suffix(".zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="zip file that cannot be unpacked"):
        read(captions=file.with_suffix(".zip"))


@pytest.mark.parametrize("licenses", [None, "", {"id": 1}])
def test_licenses_that_are_no_list(tmp_path, licenses):
    file = write(tmp_path / "c.json", annotations=[{"id": 3, "image_id": 1, "caption": "A dog."}], licenses=licenses)
    (scene,), problems = read(captions=file)
    assert (problems, scene.assets[0].license, len(scene.captions)) == ([], None, 1)
