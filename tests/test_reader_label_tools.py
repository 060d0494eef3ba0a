"""The readers of what labelling tools save: LabelMe, CVAT and Label Studio. Invented content in the tools' own forms."""

import json
import zipfile
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_readers import messages, read, write, write_png

from syphus.annotations.pictures import cvat, label_studio, labelme
from syphus.errors import InputError


def boxes(scene):
    return [(thing.label, thing.box) for thing in scene.objects]


# --- LabelMe ---


def shape(label, *points, kind="rectangle", **more):
    return {"label": label, "points": list(points), "group_id": None, "shape_type": kind, "flags": {}, **more}


def labelme_file(path, *shapes, **more):
    document = {"version": "5.3.1", "flags": {}, "shapes": list(shapes), "imagePath": "a.jpg", "imageData": "aGk="}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**document, "imageHeight": 100, "imageWidth": 200, **more}))
    return path


def test_shapes_of_labelme(tmp_path):
    file = labelme_file(
        tmp_path / "a.json",
        shape("street_sign", [80, 60], [10.5, 20], flags={"is_bent": True, "wet": False}, description="by the road"),
        shape("dog", [10, 10], [30, 10], [30, 40], kind="polygon"),
        shape("cup", [1, 1], [9, 1], [9, 9], kind=None),  # version 3
        shape("ball", [50, 50], [60, 50], kind="circle"),
        shape("nose", [5, 6], kind="point"),
        shape("wire", [190, 0], [260, 5], kind="line"),
        shape("car", [0, 0], [5, 5], attributes={"make": "old", "n": 3}),
        flags={"indoor": True, "night": False},
        description="A street.",
    )
    (scene,), problems = read(labelme, path=file)
    assert boxes(scene) == [
        ("street sign", (10.5, 20, 80, 60)),
        ("dog", (10, 10, 30, 40)),
        ("cup", (1, 1, 9, 9)),
        ("ball", (40, 40, 60, 60)),
        ("nose", None),
        ("wire", (190, 0, 200, 5)),
        ("car", (0, 0, 5, 5)),
    ]
    assert scene.objects[0].attributes == ("is bent", "by the road")
    assert scene.objects[6].attributes == ("make: old",)
    assert (scene.objects[4].keypoints[0].x, scene.objects[4].keypoints[0].y) == (5, 6)
    assert (scene.assets[0].path, scene.assets[0].width, scene.assets[0].height) == ("a.jpg", 200, 100)
    assert ([one.text for one in scene.captions], scene.metadata) == (["A street."], {"flags": ["indoor"]})
    assert [problem.place for problem in problems] == ["shapes[5]"]  # clipped


@pytest.mark.parametrize(
    ("given_", "picture"),
    [("..\\images\\a.jpg", "images/a.jpg"), ("C:\\Users\\me\\a.jpg", "json/a.jpg"), ("../../else/a.jpg", "a.jpg")],
)
def test_pictures_of_labelme(tmp_path, given_, picture):
    labelme_file(tmp_path / "json/x.json", imagePath=given_, imageHeight=None, imageWidth=None)
    write_png(tmp_path / picture, 30, 20)
    (scene,), problems = read(labelme, path=tmp_path)
    asset = scene.assets[0]
    assert (problems, asset.path, asset.width, asset.height) == ([], picture, 30, 20)


def test_what_labelme_refuses(tmp_path):
    labelme_file(tmp_path / "a.json", shape("", [0, 0], [5, 5]), shape("x"), {"label": 3}, shape("y", [0, 0], [0, 9]))
    write(tmp_path, b__json="[1]", c__json="", d__json='{"images": [], "annotations": []}')
    scenes, problems = read(labelme, path=tmp_path)
    assert (len(scenes), scenes[0].objects) == (1, ())
    assert len(messages(problems, lost=True)) == 7
    with pytest.raises(InputError, match='reader = "coco"'):
        read(labelme, path=tmp_path / "d.json")
    with pytest.raises(InputError, match="is empty"):
        read(labelme, path=tmp_path / "c.json")
    (tmp_path / "a.json").unlink()
    with pytest.raises(InputError):  # none of them is one
        read(labelme, path=tmp_path)
    with pytest.raises(InputError, match=r"has no \.json files"):
        read(labelme, path=(tmp_path / "none").mkdir() or tmp_path / "none")


# --- CVAT ---

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>4</id></task></meta>
<image id="0" name="dir/a.jpg" width="1600" height="1200" subset="train">{}</image>
<image id="1" name="b.jpg" width="10" height="10"></image></annotations>"""


def cvat_file(path, *elements):
    path.write_text(CVAT.format("".join(elements)))
    return path


@pytest.mark.parametrize(
    ("element", "box"),
    [
        ('<box label="x_y" occluded="0" xtl="8.5" ytl="3" xbr="90" ybr="60" z_order="0"/>', (8.5, 3, 90, 60)),
        ('<box label="x_y" xtl="100" ytl="100" xbr="200" ybr="400" rotation="90"/>', (0, 200, 300, 300)),
        ('<polygon label="x_y" points="10,20;30.5,20;30.5,90"/>', (10, 20, 30.5, 90)),
        ('<polyline label="x_y" points="10,20;30,90"/>', (10, 20, 30, 90)),
        ('<ellipse label="x_y" cx="100" cy="100" rx="50" ry="20"/>', (50, 80, 150, 120)),
        ('<mask label="x_y" rle="1, 2" left="10" top="20" width="30" height="40"/>', (10, 20, 40, 60)),
        (
            '<skeleton label="x_y"><points label="head" points="10,10"/><points label="foot" points="20,50"/></skeleton>',
            (10, 10, 20, 50),
        ),
    ],
)
def test_shapes_of_cvat(tmp_path, element, box):
    scenes, problems = read(cvat, path=cvat_file(tmp_path / "x.xml", element))
    assert (problems, boxes(scenes[0])) == ([], [("x y", box)])
    assert (scenes[0].id, scenes[0].assets[0].path, scenes[0].assets[0].width) == ("a", "dir/a.jpg", 1600)
    assert (scenes[1].id, scenes[1].objects) == ("b", ())


def test_what_else_cvat_says(tmp_path):
    attributes = (
        '<attribute name="colour">red</attribute><attribute name="is_open">true</attribute>'
        '<attribute name="wet">false</attribute><attribute name="note"></attribute>'
    )
    file = cvat_file(
        tmp_path / "annotations.xml",
        f'<box label="door" occluded="1" xtl="1" ytl="1" xbr="9" ybr="9">{attributes}</box>',
        '<points label="nose" points="5,6;7,8"/>',
        '<tag label="sunny"><attribute name="season">summer</attribute></tag>',
    )
    packed = tmp_path / "x.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(file, "annotations.xml")
    for path in (file, packed):
        scenes, problems = read(cvat, path=path)
        scene = scenes[0]
        assert problems == []
        assert scene.objects[0].attributes == ("partly hidden", "colour: red", "is open")
        assert [(point.x, point.y) for point in scene.objects[1].keypoints] == [(5, 6), (7, 8)]
        assert (scene.prose, scene.metadata) == (("Tags: sunny, season: summer",), {"split": "train"})


@pytest.mark.parametrize(
    ("element", "says"),
    [
        ('<box label="x" xtl="1" ytl="1" xbr="9"/>', "no number `ybr`"),
        ('<box label="" xtl="1" ytl="1" xbr="9" ybr="9"/>', "no label"),
        ('<polygon label="x" points="1;2"/>', "no points"),
        ('<points label="x" points="a,b"/>', "could not convert"),
        ('<box label="x" xtl="5" ytl="1" xbr="5" ybr="9"/>', "no area"),
        ('<box label="x" xtl="nan" ytl="1" xbr="5" ybr="9"/>', "no number `xtl`"),
    ],
)
def test_shapes_of_cvat_that_are_none(tmp_path, element, says):
    scenes, (problem,) = read(cvat, path=cvat_file(tmp_path / "x.xml", element))
    assert (scenes[0].objects, says in problem.message, problem.lost) == ((), True, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<annotations><track id='0' label='x'/></annotations>", "tracks of a video"),
        ("<annotation><object/></annotation>", 'reader = "pascal_voc"'),
        ("<annotations>", "is no XML"),
        ("  ", "is empty"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "entities of its own"),
    ],
)
def test_what_cvat_refuses(tmp_path, text, says):
    with pytest.raises(InputError) as caught:
        cvat.read(cvat.Options(path=write(tmp_path, x__xml=text) / "x.xml"), print)
    assert says in str(caught.value)


# --- Label Studio ---


def result(id_, kind, value, *, control=None, size=(600, 400)):
    more = {"original_width": size[0], "original_height": size[1], "image_rotation": 0} if size else {}
    return {"id": id_, "type": kind, "from_name": control or kind, "to_name": "image", "value": value, **more}


def task(*results, picture="/data/upload/1/0a1b2c3d-a.jpg", **more):
    return {"id": 7, "data": {"image": picture}, "annotations": [{"id": 1, "result": list(results), **more}]}


def rectangle(label="Dog", **more):
    return {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": [label], **more}


def read_tasks(folder, *tasks, **options):
    (folder / "x.json").write_text(json.dumps(tasks))
    return read(label_studio, path=folder / "x.json", **options)


@pytest.mark.parametrize(
    ("kind", "value", "box"),
    [
        ("rectanglelabels", rectangle("Traffic_light"), (60, 80, 240, 240)),
        ("rectanglelabels", rectangle("Traffic_light", x=50, y=0, rotation=90), (140, 0, 300, 180)),
        ("polygonlabels", {"points": [[1, 1], [50, 1], [50, 50]], "polygonlabels": ["Traffic_light"]}, (6, 4, 300, 200)),
        ("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "ellipselabels": ["Traffic_light"]}, (240, 180, 360, 220)),
    ],
)  # fmt: skip
def test_shapes_of_label_studio(tmp_path, kind, value, box):
    (scene,), problems = read_tasks(tmp_path, task(result("r", kind, value)))
    assert problems == []
    assert [(thing.label, pytest.approx(thing.box, abs=0.01)) for thing in scene.objects] == [("Traffic light", box)]
    assert (scene.assets[0].width, scene.assets[0].height) == (600, 400)


def test_results_of_one_region_stand_together(tmp_path):
    bare = {key: value for key, value in rectangle().items() if key != "rectanglelabels"}
    (scene,), problems = read_tasks(
        tmp_path,
        task(
            result("r", "rectanglelabels", rectangle("Light")),
            result("r", "choices", {**bare, "choices": ["red"]}, control="colour"),
            result("o", "rectangle", bare),
            result("o", "labels", {**bare, "labels": ["Text"]}),
            result("o", "textarea", {**bare, "text": ["BUS 7"]}, control="transcription"),
            result("k", "keypointlabels", {"x": 5, "y": 5, "width": 0.3, "keypointlabels": ["Nose"]}),
            result("c", "textarea", {"text": ["A red light."]}, control="caption", size=None),
            result("p", "choices", {"choices": ["Outdoor"]}, control="place", size=None),
            {"type": "relation", "from_id": "r", "to_id": "o"},
        ),
    )
    assert problems == []
    assert [(thing.label, thing.attributes) for thing in scene.objects] == [("Light", ("colour: red",)), ("Nose", ())]
    assert [(line.text, line.box) for line in scene.ocr] == [("BUS 7", (60, 80, 240, 240))]
    assert (scene.captions[0].text, scene.prose) == ("A red light.", ("place: Outdoor",))


def test_annotations_of_several_people(tmp_path):
    record = task(result("a", "rectanglelabels", rectangle()))
    record["annotations"] += [
        {"result": [result("b", "rectanglelabels", rectangle()), result("c", "rectanglelabels", rectangle("Cat"))]},
        {"result": [result("d", "rectanglelabels", rectangle("Cow"))], "was_cancelled": True},
    ]
    (scene,), _ = read_tasks(tmp_path, record)
    assert [thing.label for thing in scene.objects] == ["Dog", "Cat"]


@pytest.mark.parametrize(
    ("picture", "there", "path"),
    [
        ("/data/upload/1/0a1b2c3d-a.jpg", None, "0a1b2c3d-a.jpg"),
        ("/data/upload/1/0a1b2c3d-a.jpg", "a.jpg", "a.jpg"),
        ("/data/local-files/?d=pets/b%20c.png", None, "pets/b c.png"),
        ("/data/local-files/?d=home/me/pets/a.jpg", "a.jpg", "a.jpg"),
        ("s3://bucket/pets/a.jpg", None, "pets/a.jpg"),
    ],
)
def test_pictures_of_label_studio(tmp_path, picture, there, path):
    if there:
        write_png(tmp_path / "im" / there, 8, 8)
    options = {"images": tmp_path / "im"} if there else {}
    (scene,), problems = read_tasks(tmp_path, task(picture=picture), **options)
    assert (problems, scene.assets[0].path) == ([], path)


def test_an_address_and_the_smaller_export(tmp_path):
    (scene,), _ = read_tasks(tmp_path, task(picture="https://x.org/a.jpg"))
    assert (scene.assets[0].path, scene.assets[0].url) == (None, "https://x.org/a.jpg")
    small = {"image": "/data/upload/1/a.jpg", "id": 3, "caption": "A dog.", "annotation_id": 5, "annotator": 1}
    small["label"] = [{**rectangle(), "original_width": 100, "original_height": 100}]
    (scene,), problems = read_tasks(tmp_path, small)
    assert (problems, boxes(scene), scene.captions[0].text) == ([], [("Dog", (10, 20, 40, 60))], "A dog.")


def test_what_label_studio_refuses(tmp_path):
    scenes, problems = read_tasks(
        tmp_path,
        task(
            result("a", "rectanglelabels", rectangle(x="?")),
            result("b", "brushlabels", {"format": "rle", "rle": [1], "brushlabels": ["Sky"]}),
            result("c", "rectanglelabels", rectangle(x=200)),
            {"id": "d"},
        ),
        {"id": 2, "data": {"text": "no picture"}, "annotations": []},
        task(result("a", "rectanglelabels", rectangle(), size=None), picture="b.jpg"),
    )
    assert [scene.objects for scene in scenes] == [(), ()]
    said = " ".join(messages(problems, lost=True))
    for part in ("no place", "a mask", "outside the frame", "no `value`", "names no picture", "no size is given"):
        assert part in said
    with pytest.raises(InputError, match='reader = "gqa"'):
        read_tasks(tmp_path, {"imageId": "a.jpg", "question": "x"})
    for text in ("{}", "", "[1"):
        (tmp_path / "y.json").write_text(text)
        with pytest.raises(InputError):
            read(label_studio, path=tmp_path / "y.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["data", "image", "annotations", "result", "value", "x", "points", "text", "id", "shapes", "label"]), inner, max_size=4
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_anything_else_ends_in_an_error_that_is_meant(tmp_path, value):
    for reader in (label_studio, labelme):
        for content in (
            value,
            [value],
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": [value]}]}],
            {"shapes": [value]},
        ):
            (tmp_path / "x.json").write_text(json.dumps(content))
            with suppress(InputError):
                read(reader, path=tmp_path / "x.json")
