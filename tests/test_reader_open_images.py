"""The Open Images reader: the small real layouts, one real row, and hand-written tables in their form."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_readers import DATA, messages, read, real, write, write_png

from syphus.annotations.pictures import open_images
from syphus.errors import InputError

CLASSES = "/m/1,Dog\n/m/2,Cat\n/m/3,Table\n"
BOXES = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
)
LABELS = "ImageID,Source,LabelName,Confidence\n"
VRD = "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel\n"
SIZES = "ImageID,Width,Height\na,100,50\nb,10,10\nc,10,10\n"
DOG = "a,xclick,/m/1,1,0.1,0.5,0.2,0.6,0,0,0,0,0\n"


def tables(path, *, boxes=DOG, labels=None, vrd=None, sizes=SIZES, **more):
    files = {"class-descriptions": CLASSES, "train-annotations-bbox": BOXES + boxes, "image-info": sizes}
    if labels is not None:
        files["train-annotations-human-imagelabels"] = LABELS + labels
    if vrd is not None:
        files["oidv6-train-annotations-vrd"] = VRD + vrd
    for name, text in files.items():
        if text is not None:
            (path / f"{name}.csv").write_text(text)
    return write(path, **more)


@real
def test_the_real_layouts(tmp_path):
    folder = shutil.copytree(DATA / "open_images/v6/annotations", tmp_path / "v6", copy_function=shutil.copyfile)
    folder.chmod(0o755)
    (folder / "image-info.csv").write_text("ImageID,Width,Height\na,10,10\nb,100,50\nc,100,100\n")
    scenes, problems = read(open_images, folder=folder)
    assert problems == []
    assert [scene.id for scene in scenes] == ["a", "b", "c"]
    crowd = scenes[2].objects[0]
    assert (crowd.label, crowd.box, crowd.crowd, crowd.score) == ("Generic label #3", (70, 0, 80, 50), True, 0.7)
    assert crowd.attributes == ("partly hidden",)
    assert scenes[1].objects[0].attributes == ()  # -1 is unknown
    assert scenes[1].absent == ("Generic label #0",)
    assert scenes[0].metadata == {
        "image_id": "a", "split": "train", "author": "Intel", "title": "Test Image A", "present": ["Generic label #0"],
    }  # fmt: skip
    scenes, _ = read(open_images, folder=folder, split="test")
    assert [scene.id for scene in scenes] == ["c"]


@real
def test_one_real_row(tmp_path):
    shutil.copyfile(DATA / "transcribed/class-descriptions-boxable.csv", tmp_path / "class-descriptions-boxable.csv")
    shutil.copyfile(DATA / "transcribed/openimages-bbox.csv", tmp_path / "validation-annotations-bbox.csv")
    write_png(tmp_path / "pictures/validation/0001eeaf4aed83f9.jpg", 1024, 683)
    (scene,), problems = read(open_images, folder=tmp_path, images=tmp_path / "pictures")
    assert (scene.objects[0].label, scene.objects[0].score, problems) == ("Airplane", None, [])
    assert scene.objects[0].box == pytest.approx((23.22, 48.52, 987.34, 546.77), abs=0.01)
    assert scene.assets[0].path == "validation/0001eeaf4aed83f9.jpg"


def test_labels_without_box_are_objects_where_the_class_is_boxable(tmp_path):
    labels = "a,v,/m/1,1\na,v,/m/2,1\na,v,/m/3,0\nb,v,/m/3,1\nb,v,/m/3,0\nb,v,/m/3,0.5\n"
    write(tmp_path, **{"class-descriptions-boxable__csv": "/m/1,Dog\n/m/2,Cat\n"})
    scenes, problems = read(open_images, folder=tables(tmp_path, labels=labels))
    assert [(thing.label, thing.box is None) for thing in scenes[0].objects] == [("Dog", False), ("Cat", True)]
    assert scenes[0].absent == ("Table",)
    assert (scenes[1].objects, scenes[1].metadata["present"]) == ((), ["Table"])
    assert [problem.place for problem in problems] == ["line 6", "line 7"]


def test_relationships_find_their_boxes_add_others_and_is_is_an_attribute(tmp_path):
    vrd = (
        "a,/m/1,/m/3,0.1,0.5,0.2,0.6,0,1,0.5,1,on\n"
        "a,/m/1,/m/3,0.1005,0.5,0.2,0.6,0,1,0.5,1,on\n"
        "a,/m/1,/m/083vt,0.1,0.5,0.2,0.6,0.1,0.5,0.2,0.6,is\n"
        "a,/m/1,/m/9,0.1,0.5,0.2,0.6,0,1,0.5,1,inside_of\n"
        "a,/m/1,/m/3,x,0.5,0.2,0.6,0,1,0.5,1,on\n"
    )
    write(tmp_path, **{"oidv6-attributes-description__csv": "/m/083vt,Wooden\n"})
    (scene,), problems = read(open_images, folder=tables(tmp_path, vrd=vrd))
    assert [(t.label, t.attributes) for t in scene.objects] == [("Dog", ("wooden",)), ("Table", ())]
    assert [(r.subject, r.predicate, r.object) for r in scene.relations] == [("o1", "on", "o2")]
    said = [(problem.place, problem.lost) for problem in problems]
    assert said == [("line 3", False), ("line 5", True), ("line 6", True)]


def test_flags_are_attributes(tmp_path):
    boxes = "a,xclick,/m/1,1,0.1,0.5,0.2,0.6,1,1,1,1,1\na,activemil,/m/2,0.5,0.1,0.5,0.2,0.6,-1,-1,-1,-1,-1\n"
    (scene,), _ = read(open_images, folder=tables(tmp_path, boxes=boxes))
    assert scene.objects[0].crowd
    assert scene.objects[0].attributes == (
        "partly hidden", "cut off by the edge of the picture", "only a depiction", "seen from the inside",
    )  # fmt: skip
    assert (scene.objects[1].attributes, scene.objects[1].score) == ((), 0.5)


def test_narratives_are_captions(tmp_path):
    rows = [
        {"dataset_id": "x", "image_id": i, "annotator_id": 3, "caption": c, "traces": []}
        for i, c in (("b", "B."), ("a", "A."), ("a", "A."))
    ]
    text = "\n".join(map(json.dumps, rows)) + '\n{"torn'
    tables(tmp_path, open_images_train_v6_localized_narratives__jsonl=text)
    scenes, problems = read(open_images, folder=tmp_path)
    assert [[caption.text for caption in scene.captions] for scene in scenes] == [["A."], ["B."]]
    assert [problem.place for problem in problems] == ["line 4", "line 3"]


@pytest.mark.parametrize("order", ["abc", "cab", "aba"])
def test_tables_in_any_order_are_joined(tmp_path, order):
    boxes = "".join(
        DOG.replace("a,", f"{image},", 1).replace("0.1", f"0.1{number}") for number, image in enumerate(order)
    )
    labels = "a,v,/m/2,0\nb,v,/m/2,0\nc,v,/m/2,0\n"
    scenes, problems = read(open_images, folder=tables(tmp_path, boxes=boxes, labels=labels))
    assert [(scene.id, len(scene.objects)) for scene in scenes] == [(one, order.count(one)) for one in "abc"]
    assert all(scene.absent == ("Cat",) for scene in scenes)
    assert [problem.lost for problem in problems] == ([] if order == "abc" else [False])


def test_quotes_that_span_lines_do_not_unsort_a_table(tmp_path):
    sizes = 'ImageID,Title,Width,Height,License\na,"two\n0 lines, really",100,50,by\nb,x,10,10,\n'
    (scene,), problems = read(open_images, folder=tables(tmp_path, sizes=sizes))
    assert (scene.metadata["title"], scene.assets[0].width, scene.assets[0].license) == (
        "two 0 lines, really",
        100,
        "by",
    )
    assert problems == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,xclick,/m/9,1,0.1,0.5,0.2,0.6,0,0,0,0,0\n", "the class '/m/9' has no description"),
        ("a,xclick,/m/1,1,x,0.5,0.2,0.6,0,0,0,0,0\n", "its box lacks a number"),
        ("a,xclick,/m/1,1,nan,0.5,0.2,0.6,0,0,0,0,0\n", "beyond all numbers"),
        ("a,xclick,/m/1,1,0.6,0.5,0.2,0.6,0,0,0,0,0\n", "the wrong way round"),
        ("a,xclick,/m/1\n", "3 fields, but the header has 13"),
        (",xclick,/m/1,1,0.1,0.5,0.2,0.6,0,0,0,0,0\n", "no ImageID"),
        (DOG, "the same class and box stand there already"),
        ("a,xclick,/m/1,1,0.1,1.5,0.2,0.6,0,0,0,0,0\n", "it is clipped"),
    ],
)
def test_rows_that_are_wrong_are_reported(tmp_path, row, said):
    boxes = row + DOG if row.startswith(",") else DOG + row
    (scene,), problems = read(open_images, folder=tables(tmp_path, boxes=boxes))
    assert len(scene.objects) == 1 + ("clipped" in said)
    assert (len(problems), said in problems[0].message) == (1, True)


def test_a_picture_that_is_not_there_costs_its_boxes_alone(tmp_path):
    write_png(tmp_path / "pictures/b.jpg", 100, 100)
    tables(tmp_path, boxes=DOG + DOG.replace("a,", "b,", 1), sizes=None)
    scenes, problems = read(open_images, folder=tmp_path, images=tmp_path / "pictures")
    assert [thing.label for scene in scenes for thing in scene.objects] == ["Dog", "Dog"]
    assert [scene.objects[0].box for scene in scenes] == [None, (10, 20, 50, 60)]
    assert messages(problems) == ["its size is not known (no picture of it): 1 boxes are left out"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has no \\*-annotations-bbox.csv"),
        ({"train-annotations-bbox__csv": BOXES}, "has no class-descriptions"),
        ({"train-annotations-bbox__csv": "a,b\n"}, "has no column ImageID"),
        ({"class-descriptions__csv": CLASSES, "train-annotations-bbox__csv": BOXES + DOG}, "boxes are shares"),
        ({"class-descriptions__csv": CLASSES, "x-annotations-bbox__csv": ""}, "has no column ImageID"),
    ],
)
def test_a_folder_that_is_none(tmp_path, files, said):
    with pytest.raises(InputError, match=said):
        read(open_images, folder=write(tmp_path, **files))


_numbers = st.sampled_from(["0", "0.3", "0.9", "2", "x"])
_rows = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["/m/1", "/m/9"]), _numbers, _numbers, st.sampled_from([13, 12])
)


@given(st.lists(_rows, max_size=8))
def test_nothing_is_lost_without_a_word(tmp_path_factory, rows):
    lines = [f"{i},x,{c},1,{x},{y},0,1,0,0,0,0,0".split(",")[:width] for i, c, x, y, width in rows]
    path = tables(tmp_path_factory.mktemp("oi"), boxes="".join(",".join(line) + "\n" for line in lines))
    scenes, problems = read(open_images, folder=path)
    said = [m for m in messages(problems) if "clipped" not in m and "held in memory" not in m]
    assert len(rows) == sum(len(scene.objects) for scene in scenes) + len(said)


def test_val_is_validation_and_not_of_every_split(tmp_path):
    tables(tmp_path, boxes=DOG)
    (tmp_path / "oidv7-val-annotations-human-imagelabels.csv").write_text(LABELS + "b,verification,/m/2,0\n")
    (tmp_path / "validation-annotations-bbox.csv").write_text(BOXES + DOG.replace("a,", "b,", 1))
    found = {split: read(open_images, folder=tmp_path, split=split)[0] for split in ("train", "validation")}
    assert [(scene.id, scene.absent) for scene in found["train"]] == [("a", ())]
    assert [(scene.id, scene.absent) for scene in found["validation"]] == [("b", ("Cat",))]


def test_narratives_of_other_sets(tmp_path):
    rows = [("mscoco_val2017", "137576"), ("Flickr30k_test", "1007129816"), ("ADE20k_validation", "ADE_val_00000001")]
    text = "".join(
        json.dumps({"dataset_id": d, "image_id": i, "caption": "A cow.", "traces": []}) + "\n" for d, i in rows
    )
    (tmp_path / "all_val_localized_narratives.jsonl").write_text(text)
    scenes, problems = read(open_images, folder=tmp_path)
    assert problems == []
    assert [scene.assets[0].path for scene in scenes] == [
        "1007129816.jpg",
        "val2017/000000137576.jpg",
        "ADE_val_00000001.jpg",
    ]
    write_png(tmp_path / "im/000000137576.jpg", 8, 8)
    scenes, _ = read(open_images, folder=tmp_path, images=tmp_path / "im")
    assert scenes[1].assets[0].path == "000000137576.jpg"


def test_the_challenges_name_of_the_relation(tmp_path):
    tables(tmp_path, vrd="a,/m/1,/m/3,0.1,0.5,0.2,0.6,0.5,0.9,0.5,0.9,on\n")
    file = tmp_path / "oidv6-train-annotations-vrd.csv"
    file.write_text(file.read_text().replace("RelationshipLabel", "RelationLabel"))
    scenes, problems = read(open_images, folder=tmp_path)
    assert (problems, [one.predicate for one in scenes[0].relations]) == ([], ["on"])
