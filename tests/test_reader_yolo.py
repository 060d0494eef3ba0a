"""The YOLO reader: real label files, and every form of line and folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_readers import DATA, messages, read, real, write, write_png

from syphus.annotations.pictures import yolo
from syphus.annotations.pictures.yolo_files import find_labels
from syphus.annotations.pictures.yolo_labels import KeypointShape, read_label
from syphus.errors import InputError

LINE = "1 0.5 0.5 0.2 0.4"


def data_set(path, lines=LINE, **more):
    write(path, obj__names="cat\nred dog\n", labels___train___a__txt=lines, **more)
    write_png(path / "images/train/a.png", 100, 50)
    return path


@real
@pytest.mark.parametrize("place", ["labels", "annotations", "strict", "strict/obj.data"])
def test_the_real_labels(place):
    path = DATA / "yolo" / place
    scenes, problems = read(yolo, path=path, size=(300, 100))
    assert messages(problems, lost=True) == []
    assert len(scenes) == (2 if place == "labels" else 1)
    for scene in scenes:
        assert [thing.label for thing in scene.objects] == ["label 2", "label 4"]
        assert scene.objects[0].box == pytest.approx((0, 20, 80, 40), abs=0.01)
    # without pictures there are no sizes, and so no boxes
    scenes, problems = read(yolo, path=path)
    assert scenes == []
    assert all("2 labels are left out" in message for message in messages(problems, lost=True))


@pytest.mark.parametrize(
    ("line", "shape", "expected"),
    [
        (LINE, None, (1, (0.4, 0.3, 0.6, 0.7), None, ())),
        (f"{LINE} 0.9", None, (1, (0.4, 0.3, 0.6, 0.7), 0.9, ())),
        ("0 0.1 0.2 0.5 0.2 0.3 0.6", None, (0, (0.1, 0.2, 0.5, 0.6), None, ())),
        ("0 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6", None, (0, (0.1, 0.2, 0.5, 0.6), None, ())),
        ("1.0 0.5 0.5 0.2 0.4", None, (1, (0.4, 0.3, 0.6, 0.7), None, ())),
        (f"{LINE} 0.5 0.6 2 0 0 0", (2, 3), (1, (0.4, 0.3, 0.6, 0.7), None, ((0.5, 0.6, 2), (0, 0, 0)))),
        (f"{LINE} 0.5 0.6 0 0", (2, 2), (1, (0.4, 0.3, 0.6, 0.7), None, ((0.5, 0.6, 2), (0, 0, 0)))),
        (f"{LINE} 0.5 0.6 0 0 0.8", (2, 2), (1, (0.4, 0.3, 0.6, 0.7), 0.8, ((0.5, 0.6, 2), (0, 0, 0)))),
        (LINE, (2, 2), (1, (0.4, 0.3, 0.6, 0.7), None, ())),
    ],
)
def test_forms_of_a_line(line, shape, expected):
    label = read_label(line, KeypointShape(*shape) if shape else None)
    assert (label.category, label.confidence) == (expected[0], expected[2])
    assert label.corners == pytest.approx(expected[1])
    assert label.keypoints == expected[3]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 0.5 0.5", "3 numbers"),
        ("dog 0.5 0.5 0.1 0.1", "something else than numbers"),
        ("1 50 50 20 20", "are these pixels"),
        ("1 0.5 0.5 0.1 nan", "beyond all numbers"),
        ("1 0.5 0.5 0.1 1e999", "beyond all numbers"),
        ("-1 0.5 0.5 0.1 0.1", "no class number"),
        ("1.5 0.5 0.5 0.1 0.1", "no class number"),
        ("1 0.5 0.5 0.1 0.1 7", "no confidence"),
        ("1 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "no pairs"),
    ],
)
def test_lines_that_are_none(tmp_path, line, said):
    with pytest.raises(ValueError, match=said):
        read_label(line)
    (scene,), problems = read(yolo, path=data_set(tmp_path, f"{LINE}\n{line}\n\n"))
    assert len(scene.objects) == 1
    assert [(problem.place, problem.lost) for problem in problems] == [("line 2", True)]


def test_keypoints_need_as_many_numbers_as_the_data_set_says():
    with pytest.raises(ValueError, match="7 numbers, but class, box and 2 keypoints are 11"):
        read_label(f"{LINE} 0.1 0.1", KeypointShape(2, 3))


def test_a_plain_folder(tmp_path):
    data_set(tmp_path, f"{LINE}\n{LINE}\n7 0.5 0.5 0.1 0.1\n0 1.0 0.5 0.5 0.2 0.7\n", README__txt="nothing")
    write_png(tmp_path / "images/val/b.PNG", 10, 10)
    write_png(tmp_path / "images/val/a.png", 10, 10)
    scenes, problems = read(yolo, path=tmp_path)
    assert [(scene.id, scene.assets[0].path) for scene in scenes] == [
        ("a", "images/train/a.png"), ("a-2", "images/val/a.png"), ("b", "images/val/b.PNG"),
    ]  # fmt: skip
    assert [(t.label, t.box, t.score) for t in scenes[0].objects] == [
        ("red dog", (40, 15, 60, 35), None), ("cat", (75, 20, 100, 30), 0.7),
    ]  # fmt: skip
    assert scenes[2].objects == ()  # a picture in which nothing was found
    assert [problem.place for problem in problems] == ["line 2", "line 3", "line 4", "line 1"]
    assert [problem.lost for problem in problems] == [False, True, False, False]
    scenes, _ = read(yolo, path=tmp_path, split="val")
    assert [scene.id for scene in scenes] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "train: images/train\nnames: [cat, red dog]\n",
        "path: .\ntrain: [images/train]\nval:\nnames: {0: cat, 1: red dog}\n",
        "train: ../images/train\nnames: [cat, red dog]\nnc: 2\n",
        "train: list.txt\nnames: [cat, red dog]\n",
    ],
)
def test_data_yaml(tmp_path, text):
    data_set(tmp_path, data__yaml=text, list__txt="./images/train/a.png\n")
    (scene,), problems = read(yolo, path=tmp_path / "data.yaml")
    assert (scene.objects[0].label, scene.objects[0].box, problems) == ("red dog", (40, 15, 60, 35), [])
    assert (scene.assets[0].path, scene.metadata) == ("images/train/a.png", {"split": "train"})
    assert read(yolo, path=tmp_path)[0] == [scene]
    with pytest.raises(InputError, match="there is no split 'test'"):
        read(yolo, path=tmp_path, split="test")


def test_keypoints_with_and_without_names(tmp_path):
    text = "train: images/train\nnames: [cat, red dog]\nkpt_shape: [2, 3]\n"
    data_set(tmp_path, f"{LINE} 0.5 0.6 2 0.1 0.1 1\n", data__yaml=text + "kpt_names:\n  0: [nose, tail]\n")
    (scene,), _ = read(yolo, path=tmp_path)
    assert [(p.name, p.x, p.y, p.visible) for p in scene.objects[0].keypoints] == [
        ("nose", 50, 30, True),
        ("tail", 10, 5, False),
    ]
    write(tmp_path, data__yaml=text)
    (scene,), _ = read(yolo, path=tmp_path)
    assert [point.name for point in scene.objects[0].keypoints] == ["keypoint 1", "keypoint 2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no data.yaml"),
        ("a: [", "is no YAML"),
        ("\t- x: 'y", "is no YAML"),
        ("train: x", "has no `names`"),
        ("names: []", "has no `names`"),
        ("names: [a]\ntrain: {a: b}", "`train` is no path"),
        ("names: [a]\nkpt_shape: [17, 9]", "`kpt_shape` is"),
        ("names: [a]\ntrain: nowhere", "has no pictures and no labels"),
    ],
)
def test_what_is_no_data_yaml(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read(yolo, path=write(tmp_path, data__yaml=text) / "data.yaml")


def test_names_may_be_elsewhere_but_must_be(tmp_path):
    data_set(tmp_path)
    (tmp_path / "obj.names").rename(tmp_path / "mine.txt")
    with pytest.raises(InputError, match="give it as `names`"):
        read(yolo, path=tmp_path)
    scenes, problems = read(yolo, path=tmp_path, names=tmp_path / "mine.txt")
    assert (len(scenes), len(scenes[0].objects), problems) == (1, 1, [])


def test_a_picture_that_cannot_be_read_and_labels_in_another_encoding(tmp_path):
    data_set(tmp_path)
    (tmp_path / "images/train/a.png").write_bytes(b"\x89PNG")
    (scene,), problems = read(yolo, path=tmp_path)
    assert scene.objects == ()
    assert "its picture cannot be read" in problems[0].message
    (tmp_path / "labels/train/a.txt").write_bytes(b"\xff\xff")
    assert "is not utf-8" in read(yolo, path=tmp_path)[1][0].message


def test_labels_in_a_folder_of_quite_another_name(tmp_path):
    write(tmp_path / "set", obj__names="cat\nred dog\n", boxes___a__txt=LINE, boxes___b__txt=LINE)
    write_png(tmp_path / "pictures/one/a.png", 100, 50)
    write_png(tmp_path / "pictures/one/b.png", 100, 50)
    write_png(tmp_path / "pictures/two/b.png", 100, 50)
    scenes, problems = read(yolo, path=tmp_path / "set", images=tmp_path / "pictures")
    assert [(scene.assets[0].path, len(scene.objects)) for scene in scenes] == [
        ("one/a.png", 1),
        ("one/b.png", 0),
        ("two/b.png", 0),
    ]
    assert [Path(problem.file).name for problem in problems] == ["b.txt"]  # which b it is cannot be told


def test_pictures_elsewhere_need_their_folder(tmp_path):
    data_set(tmp_path / "set")
    write(tmp_path / "home", data__yaml="path: ../set\ntrain: images/train\nnames: [cat, red dog]\n")
    (scene,), problems = read(yolo, path=tmp_path / "home/data.yaml")
    assert (scene.assets[0].path, len(scene.objects)) == (None, 1)
    assert "give its folder as `images`" in problems[0].message
    (scene,), problems = read(yolo, path=tmp_path / "home/data.yaml", images=tmp_path / "home/../set/images")
    assert (scene.assets[0].path, problems) == ("train/a.png", [])


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("x/images/train/a.b.jpg", "x/labels/train/a.b.txt"),
        ("images/x/images/a.jpg", "images/x/labels/a.txt"),
        ("x/a.jpg", "x/a.txt"),
    ],
)
def test_labels_stand_where_images_is_called_labels(tmp_path, picture, labels):
    assert find_labels(tmp_path / picture) == tmp_path / labels


@given(
    st.lists(
        st.sampled_from([LINE, "0 0.1 0.1 0.1 0.1", "9 0.1 0.1 0.1 0.1", "x", "1 0.5 0.5 0 0", "0 0.9 0.9 0.5 0.5"]),
        max_size=9,
    )
)
def test_nothing_is_lost_without_a_word(tmp_path_factory, lines):
    path = data_set(tmp_path_factory.mktemp("yolo"), "\n".join(lines))
    (scene,), problems = read(yolo, path=path)
    assert len(lines) == len(scene.objects) + sum("clipped" not in message for message in messages(problems))


def test_names_under_numbers_in_quotes(tmp_path):
    write(tmp_path, data__yaml="names:\n  '0': cat\n  '1': red_dog\ntrain: ../train/images\n")
    write_png(tmp_path / "train/images/a.png", 100, 50)
    write(tmp_path, train___labels___a__txt=LINE)
    scenes, problems = read(yolo, path=tmp_path / "data.yaml")
    assert (problems, [thing.label for thing in scenes[0].objects]) == ([], ["red dog"])


@pytest.mark.parametrize("place", ["labels/classes.txt", "train/_darknet.labels", "labels/train/classes.txt"])
def test_names_where_tools_leave_them(tmp_path, place):
    data_set(tmp_path)
    (tmp_path / "obj.names").unlink()
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("cat\ndog\n")
    scenes, problems = read(yolo, path=tmp_path)
    assert problems == []
    assert [(scene.id, scene.objects[0].label) for scene in scenes] == [("a", "dog")]
