"""The Pascal VOC reader: the real files, and hand-written ones for what they do not show."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_readers import DATA, messages, read, real, write, write_png

from syphus.annotations.pictures import pascal_voc
from syphus.errors import InputError

SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def box(x1=1, y1=1, x2=100, y2=80):
    return f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"


def thing(name="dog", inner=None, more=""):
    return f"<object><name>{name}</name>{box() if inner is None else inner}{more}</object>"


def xml(*things, head=f"<filename>a.jpg</filename>{SIZE}"):
    return f"<annotation>{head}{''.join(things)}</annotation>"


def one(tmp_path, *things, **options):
    (scene,), problems = read(pascal_voc, path=write(tmp_path, a__xml=xml(*things)) / "a.xml", **options)
    return scene, problems


@real
def test_the_real_files():
    scenes, problems = read(pascal_voc, path=DATA / "detection_formats/voc")
    assert problems == []
    chair, person = scenes[0].objects[1], scenes[1].objects[0]
    assert [scene.id for scene in scenes] == ["2007_000063", "2011_003353"]
    assert (chair.label, chair.box) == ("chair", (74, 0, 428, 375))  # 75, 1, 428, 375, counted from 1
    assert chair.attributes == ("seen from the front", "only partly seen")
    assert (person.box, person.attributes) == ((129, 44.7, 375, 470), ("phoning",))
    assert (scenes[0].assets[0].path, scenes[0].assets[0].width, scenes[0].assets[0].height) == (
        "2007_000063.jpg",
        500,
        375,
    )
    assert scenes[0].metadata == {"database": "The VOC2007 Database"}


@pytest.mark.parametrize(
    ("inner", "origin", "expected", "said"),
    [
        (box(), 1, (0, 0, 100, 80), None),
        (box(0, 0), 1, (0, 0, 100, 80), None),
        (box(0, 0), 0, (0, 0, 100, 80), None),
        (box(5, 6, 5, 6), 1, (4, 5, 5, 6), None),  # one pixel
        (box(5, 6, 5, 6), 0, None, "no area"),
        (box(5, 6, 120, 70), 1, (4, 5, 100, 70), "it is clipped"),
        (box(50, 6, 20, 70), 1, None, "the wrong way round"),
        (box("x"), 1, None, "its box has no number xmin"),
        (box("nan"), 1, None, "its box has no number xmin"),
        (box("1e999"), 1, None, "its box has no number xmin"),
        ("", 1, None, "it has no <bndbox>"),
    ],
)
def test_boxes_count_from_one_and_include_their_last_pixel(tmp_path, inner, origin, expected, said):
    scene, problems = one(tmp_path, thing(inner=inner), origin=origin)
    assert scene.objects[0].box == expected
    assert len(problems) == (said is not None)
    assert said is None or said in problems[0].message
    assert all(problem.lost == (expected is None) for problem in problems)


@pytest.mark.parametrize(
    ("more", "attributes"),
    [
        ("<pose>Left</pose><occluded>1</occluded>", ("facing left", "partly hidden")),
        ("<pose>Unspecified</pose><truncated>0</truncated><occluded>0</occluded>", ()),
        ("<pose>sitting</pose>", ("pose: sitting",)),
        (
            "<actions><ridingbike>1</ridingbike><other>1</other><running>1.0</running></actions>",
            ("riding a bike", "running"),
        ),
        ("<truncated>1</truncated><truncated>0</truncated>", ("only partly seen",)),
    ],
)
def test_flags_poses_and_actions_are_attributes(tmp_path, more, attributes):
    scene, problems = one(tmp_path, thing(more=more))
    assert (scene.objects[0].attributes, problems) == (attributes, [])


def test_parts_are_objects_that_are_part_of_theirs_and_difficult_is_metadata(tmp_path):
    part = f"<part><name>head</name>{box(1, 1, 5, 5)}</part><part>{box()}</part><difficult>1</difficult>"
    scene, problems = one(tmp_path, thing("cat"), thing("person", more=part))
    assert [(t.id, t.label, t.box) for t in scene.objects][2] == ("o3", "head", (0, 0, 5, 5))
    assert [(r.subject, r.predicate, r.object) for r in scene.relations] == [("o3", "part of", "o2")]
    assert scene.metadata["difficult"] == ["o2"]
    assert messages(problems) == ["it has no name; it is left out"]


def test_a_whole_development_kit_and_its_splits(tmp_path):
    head = "<filename>{}</filename>"
    write(
        tmp_path,
        Annotations___b__xml=xml(thing(), head=head.format("b.png")),
        Annotations___a__xml=xml(thing(), head=head.format("a")),
        Annotations___broken__xml="<annotation><object>",
        ImageSets___Main___val__txt="b\nmissing\n",
        ImageSets___Main___dog_val__txt="b 1\n",
    )
    write_png(tmp_path / "JPEGImages" / "a.png", 40, 30)
    scenes, problems = read(pascal_voc, path=tmp_path)
    assert [(s.id, s.assets[0].path, s.assets[0].width) for s in scenes] == [("a", "a.png", 40), ("b", "b.png", None)]
    assert scenes[0].objects[0].box == (0, 0, 40, 30)  # clipped to the size that the picture has
    assert [problem.place for problem in problems][1:] == ["line 1, column 21"]
    assert pascal_voc.Options(path=tmp_path).images == tmp_path / "JPEGImages"
    scenes, problems = read(pascal_voc, path=tmp_path, split="val")
    assert [scene.id for scene in scenes] == ["b"]
    assert "missing.xml is in the list" in problems[0].message
    with pytest.raises(InputError, match="Splits there: val"):
        read(pascal_voc, path=tmp_path, split="train")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("<annotation>", "is no XML: no element found"),
        ("hello", "is no XML: syntax error"),
        ("<data/>", "its root is <data>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "defines entities"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "is no XML"),
    ],
)
def test_what_is_no_annotation(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read(pascal_voc, path=write(tmp_path, a__xml=text) / "a.xml")


def test_a_folder_without_any(tmp_path):
    with pytest.raises(InputError, match=r"has no \.xml files"):
        read(pascal_voc, path=tmp_path)


def test_a_name_that_leads_out_of_the_folder(tmp_path):
    write(tmp_path, a__xml=xml(thing(), head="<filename>../../x.jpg</filename>"))
    (scene,), problems = read(pascal_voc, path=tmp_path)
    assert (scene.assets[0].path, len(scene.objects)) == (None, 1)
    assert "leads out" in problems[0].message


_corners = st.tuples(*[st.integers(-20, 130)] * 4)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["dog", "", " "]), _corners, st.lists(st.sampled_from(["head", ""]), max_size=2)),
        max_size=6,
    )
)
def test_nothing_is_lost_without_a_word(tmp_path, things):
    texts = [
        thing(name, box(*corners), "".join(f"<part><name>{p}</name>{box()}</part>" for p in parts))
        for name, corners, parts in things
    ]
    scene, problems = one(tmp_path, *texts)
    given = len(things) + sum(len(parts) for *_, parts in things)
    lost = sum(1 + int((m.partition("with its ")[2] or "0").split()[0]) for m in messages(problems) if "no name" in m)
    assert given == len(scene.objects) + lost
    boxless = sum(thing.box is None for thing in scene.objects)
    assert boxless == sum("used without a box" in message for message in messages(problems))


def test_attributes_of_cvat(tmp_path):
    given = (("color", "red"), ("is_parked", "True"), ("wet", "false"), ("rotation", "0.0"), ("note", "__undefined__"))
    inner = "".join(f"<attribute><name>{k}</name><value>{v}</value></attribute>" for k, v in given)
    scene, problems = one(tmp_path, thing("traffic_light", more=f"<attributes>{inner}</attributes>"))
    assert problems == []
    assert (scene.objects[0].label, scene.objects[0].attributes) == ("traffic light", ("color: red", "is parked"))


@pytest.mark.parametrize("images", [True, False])
def test_pictures_beside_their_files_and_renamed(tmp_path, images):
    head = "<filename>IMG_1.JPG</filename><path>C:\\x\\IMG_1.JPG</path><size><width>0</width><height>0</height></size>"
    write(tmp_path, train___new1__xml=xml(thing(inner=box(1, 1, 90, 70)), head=head))
    write_png(tmp_path / "train/new1.png", 90, 70)
    scenes, problems = read(pascal_voc, path=tmp_path, **({"images": tmp_path} if images else {}))
    assert problems == []
    asset = scenes[0].assets[0]
    assert (asset.path, asset.width, asset.height) == ("train/new1.png", 90, 70)
