"""The VIA reader: the real annotations, and hand-written files of both versions, JSON and CSV."""

import json
import math

import pytest
from picture_readers import DATA, messages, read, real, write, write_png

from syphus.annotations.pictures import via
from syphus.annotations.pictures.via_shapes import read_shape
from syphus.errors import InputError

RECT = {"name": "rect", "x": 1, "y": 2, "width": 30, "height": 40}
HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"


def region(shape=RECT, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def one(tmp_path, *regions, name="a.jpg", about=None, **options):
    record = {"filename": name, "size": 5, "regions": list(regions), "file_attributes": about or {}}
    write(tmp_path, a__json=json.dumps({"a.jpg5": record}))
    (scene,), problems = read(via, path=tmp_path / "a.json", **options)
    return scene, problems


@real
def test_the_real_annotations():
    file = DATA / "detection_formats/via/via_bbox.json"
    truth = json.loads(file.read_text())
    scenes, problems = read(via, path=file)
    assert problems == []
    assert [scene.assets[0].path for scene in scenes] == [record["filename"] for record in truth.values()]
    labels = [[one["region_attributes"]["label"] for one in record["regions"]] for record in truth.values()]
    assert [[thing.label for thing in scene.objects] for scene in scenes] == labels
    assert scenes[0].objects[0].box == (104, 120, 155, 176)  # around the polygon
    assert scenes[0].objects[3].attributes == ("object: o", "is rotated", "is inverted")
    assert scenes[0].objects[4].box == (263, 55, 308, 103)


@pytest.mark.parametrize(
    ("shape", "corners"),
    [
        (RECT, (1, 2, 31, 42)),
        ({"name": "circle", "cx": 10, "cy": 20, "r": 5}, (5, 15, 15, 25)),
        ({"name": "ellipse", "cx": 10, "cy": 20, "rx": 5, "ry": 2}, (5, 18, 15, 22)),
        ({"name": "ellipse", "cx": 10, "cy": 20, "rx": 5, "ry": 2, "theta": math.pi / 2}, (8, 15, 12, 25)),
        ({"name": "polyline", "all_points_x": [1, 5], "all_points_y": [9, 2]}, (1, 2, 5, 9)),
    ],
)
def test_shapes_have_boxes_around_them(shape, corners):
    assert read_shape(shape).corners == pytest.approx(corners)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({}, "there is no shape"),
        ({"name": "star"}, "the shape 'star' is not known"),
        ({"name": "rect", "x": 1}, "the rect has no number `y`"),
        ({"name": "rect", "x": True}, "the rect has no number `x`"),
        ({"name": "polygon", "all_points_x": [1], "all_points_y": []}, "1 x and 0 y"),
        ({"name": "polygon", "all_points_x": [1, None], "all_points_y": [1, 2]}, "no numbers `all_points_x`"),
        ({**RECT, "width": 0}, "has no area"),
        ({**RECT, "x": 10**400}, "no number `x`"),
    ],
)
def test_shapes_that_are_none_are_reported(tmp_path, shape, said):
    scene, problems = one(tmp_path, region(shape, label="x"), region(label="y"))
    assert [thing.label for thing in scene.objects] == ["y"]
    assert (said in problems[0].message, problems[0].place) == (True, "a.jpg, region 0")


@pytest.mark.parametrize(
    ("attributes", "options", "label", "others"),
    [
        ({"label": "dog", "colour": "red"}, {}, "dog", ("colour: red",)),
        ({"colour": "red", "Name": " big  dog "}, {}, "big dog", ("colour: red",)),
        ({"kind": "dog"}, {}, "dog", ()),
        ({"kind": "dog", "colour": "red"}, {}, None, ()),
        ({"kind": "dog", "colour": "red"}, {"label": "kind"}, "dog", ("colour: red",)),
        ({"label": {"dog": True, "cat": False}}, {}, "dog", ()),
        ({"label": "", "colour": "red"}, {}, None, ()),
        ({"label": "dog", "is": {"wet_fur": True}, "n": 3, "no": None, "name": "dog"}, {}, "dog", ("wet fur", "n: 3")),
    ],
)
def test_which_attribute_is_the_label(tmp_path, attributes, options, label, others):
    scene, problems = one(tmp_path, region(**attributes), **options)
    assert [(thing.label, thing.attributes) for thing in scene.objects] == ([(label, others)] if label else [])
    assert ["no attribute names it" in message for message in messages(problems)] == ([] if label else [True])


def test_a_point_is_a_keypoint(tmp_path):
    scene, _ = one(tmp_path, region({"name": "point", "cx": 3, "cy": 4.5}, label="nose"))
    point = scene.objects[0].keypoints[0]
    assert (scene.objects[0].box, point.name, point.x, point.y) == (None, "nose", 3, 4.5)


def test_a_project_puts_choices_in_words_and_version_1_numbers_its_regions(tmp_path):
    record = {"filename": "a.jpg", "size": 5, "regions": {"0": region(type="b"), "1": {"x": 3}}, "file_attributes": {}}
    project = {
        "_via_settings": {}, "_via_img_metadata": {"a.jpg5": record},
        "_via_attributes": {"region": {"type": {"type": "dropdown", "options": {"b": "a bird", "c": ""}}}, "file": {}},
    }  # fmt: skip
    (scene,), problems = read(via, path=write(tmp_path, a__json=json.dumps(project)) / "a.json")
    assert [thing.label for thing in scene.objects] == ["a bird"]
    assert problems[0].place == "a.jpg, region 1"


def test_what_is_said_of_the_picture(tmp_path):
    about = {"caption": "A dog.", "image_url": "http://x/a.jpg", "public_domain": "no", "time": {"day": True}}
    scene, _ = one(tmp_path, about=about)
    assert scene.captions[0].text == "A dog."
    assert scene.metadata["file_attributes"] == {"image_url": "http://x/a.jpg", "public_domain": "no", "time": "day"}
    assert scene.assets[0].url == "http://x/a.jpg"
    scene, problems = one(tmp_path, name="../a.jpg")
    assert (scene.assets[0].path, "leads out" in problems[0].message) == (None, True)
    assert one(tmp_path, name="http://x/b.jpg")[0].assets[0].url == "http://x/b.jpg"


def test_boxes_are_clipped_where_the_picture_is_at_hand(tmp_path):
    write_png(tmp_path / "pictures/a.jpg", 20, 20)
    scene, problems = one(tmp_path, region(label="dog"), images=tmp_path / "pictures")
    assert (scene.objects[0].box, scene.assets[0].width) == ((1, 2, 20, 20), 20)
    assert problems[0].lost is False


@pytest.mark.parametrize("mark", ["", "#"])
def test_csv(tmp_path, mark):
    rows = (
        'a.jpg,5,"{""caption"":""hi""}",2,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":30,""height"":40}","{""type"":""dog""}"\n'
        'a.jpg,5,"{}",2,1,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""type"":""cat""}"\n'
        'b.jpg,5,"{}",0,0,"{}","{}"\n'
        'c.jpg,5,"{}",1,0,"{torn","{}"\n'
        ',5,"{}",0,0,"{}","{}"\n'
    )
    scenes, problems = read(via, path=write(tmp_path, a__csv=mark + HEADER + rows) / "a.csv")
    assert [(scene.id, [thing.label for thing in scene.objects]) for scene in scenes] == [
        ("a", ["dog", "cat"]),
        ("b", []),
    ]
    assert scenes[0].captions[0].text == "hi"
    assert [problem.place for problem in problems] == ["line 5", "line 6"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "", "is empty"),
        ("a.json", "[]", "is no VIA file"),
        ("a.json", '{"a"', "is no JSON"),
        ("a.json", '{"a": 3}', "is no VIA file"),
        ("a.json", '{"images": [], "annotations": []}', "is a COCO file"),
        ("a.json", '{"project": {}, "view": {}, "metadata": {}}', "is a project of VIA 3"),
        ("a.json", '{"_via_img_metadata": []}', "Expected `object`"),
        ("a.csv", "x,y\n1,2\n", "has no column filename"),
    ],
)
def test_what_is_no_via_file(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read(via, path=tmp_path / name)
