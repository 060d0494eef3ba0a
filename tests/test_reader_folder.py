"""The reader of a folder of pictures with text beside them."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_bytes import PNG, make_png

from syphus.annotations.containers import folder
from syphus.annotations.reading import picture_folder
from syphus.errors import InputError
from syphus.records import Scene


def fill(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read(root, files=None, **options):
    """The scenes, which must decode as scenes again, and the problems."""
    fill(root, files or {})
    problems = []
    scenes = list(folder.read(folder.Options(path=root, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def test_side_cars(tmp_path):
    more = {"caption": "A dog.", "tags": ["dog", "grass"], "width": 6, "url": "http://x/b.png", "exif": {"a": 1}}
    files = {
        "a.PNG": PNG,
        "a.txt": "A cat.\n\n  A cat on  a mat.\n",
        "sub/b.png": make_png(10, 3),
        "sub/b.TXT": "A dog.",
        "sub/b.json": json.dumps(more),
        "sub/c.png": PNG,
        "sub/c.png.caption": "A cow.",
        ".hidden/d.png": PNG,
        ".DS_Store": "x",
    }
    (first, second, third), problems = read(tmp_path, files)
    assert (first.id, first.assets[0].path, first.assets[0].width, first.assets[0].height) == ("a", "a.PNG", 6, 4)
    assert [one.text for one in first.captions] == ["A cat.", "A cat on a mat."]
    assert (second.id, second.assets[0].path, second.assets[0].width) == ("sub/b", "sub/b.png", 10)
    assert [one.text for one in second.captions] == ["A dog."]
    assert second.prose == ("Tags: dog, grass",)
    assert second.metadata == {"width": 6, "url": "http://x/b.png"}
    assert [one.text for one in third.captions] == ["A cow."]
    assert [(Path(problem.place).name, problem.message[:6]) for problem in problems] == [("b.json", "`exif`")] or [
        (Path(problem.place).name, problem.message[:6]) for problem in problems
    ] == [("b.png", "`exif`")]
    assert picture_folder(folder.Options(path=tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("files", "place", "says", "lost"),
    [
        ({"b.png": PNG}, "b.png", "no text beside the picture", True),
        ({"b.txt": "A dog."}, "b.txt", "no picture of that name", True),
        ({"b.png": PNG, "b.txt": " \n"}, "b.png", "there is no caption", True),
        ({"b.png": b"\x89PNG\r\n\x1a\n", "b.txt": "A dog."}, "b.png", "width and height cannot be read", False),
        ({"b.png": b"", "b.txt": "A dog."}, "b.png", "width and height cannot be read", False),
        ({"b.png": PNG, "b.txt": b"caf\xe9"}, "b.txt", "is not utf-8", True),
        ({"b.png": PNG, "b.json": "{"}, "b.json", "is no JSON", True),
        ({"b.png": PNG, "b.json": "[" * 50_000}, "b.json", "is no JSON", True),
        ({"b.png": PNG, "b.json": '{"caption": 5}'}, "b.json", "`caption` is no text but int", True),
        ({"b.png": PNG, "b.json": '["x", ""]'}, "b.json", "is empty", True),
        ({"b.png": PNG, "b.json": '{"caption": "x", "n": 1e999}'}, "b.json", "is no JSON", True),
        ({"b.png": PNG, "b.json": '{"caption": "x", "n": 99999999999999999999999}'}, "b.png", "`n` is no text", True),
        (
            {"b.png": PNG, "b.json": '{"objects": {"bbox": [[0, 0, 9, 2]], "category": ["x"]}}'},
            "b.png",
            "clipped",
            False,
        ),
        ({"b.png": PNG, "b.json": '{"objects": [{"bbox": [0, 0, 9], "category": "x"}]}'}, "b.png", "4 numbers", True),
    ],
)
def test_what_does_not_fit_costs_itself(tmp_path, files, place, says, lost):
    scenes, problems = read(tmp_path, {"a.png": PNG, "a.txt": "A cat.", **files})
    assert [one.text for one in scenes[0].captions] == ["A cat."]
    assert (Path(problems[0].place).name, problems[0].lost) == (place, lost)
    assert says in problems[0].message


def test_image_folder_metadata(tmp_path):
    rows = "file_name,text,id,stars\np/a.png,A cat.,7,3\np/none.png,A dog.,8,\n../x.png,A cow.,9,1\np/b.png,,1,1\n"
    pictures = {"p/a.png": PNG, "p/b.png": PNG, "p/c.png": PNG, "p/c.txt": "beside"}
    (scene,), problems = read(tmp_path / "f", {"metadata.csv": rows, **pictures})
    assert (scene.id, scene.assets[0].path, scene.assets[0].height) == ("p/a", "p/a.png", 4)
    assert ([one.text for one in scene.captions], scene.metadata) == (["A cat."], {"stars": "3", "id": "7"})
    assert [(problem.place, problem.message.partition(";")[0]) for problem in problems] == [
        ("line 3", "there is no picture 'p/none.png'"),
        ("line 4", "the path '../x.png' leads out of the picture folder"),
        ("line 5", "`text` is empty"),
        ("line 5", "it has no caption"),
    ]


def test_metadata_with_several_pictures_and_objects(tmp_path):
    rows = [
        {"before_file_name": "a.png", "after_file_names": ["b.png", "a.png"], "text": "They differ."},
        {"before_file_name": None, "after_file_names": [], "text": "Nothing."},
        {"before_file_name": "b.png", "text": "x", "objects": {"bbox": [[1, 1, 2, 2]], "categories": ["dog_house"]}},
    ]
    lines = "\n".join(map(json.dumps, rows))
    (first, second), problems = read(tmp_path, {"sub/metadata.jsonl": lines, "sub/a.png": PNG, "sub/b.png": PNG})
    assert [(asset.id, asset.path, asset.title) for asset in first.assets] == [
        ("image1", "sub/a.png", "the first picture"),
        ("image2", "sub/b.png", "the second picture"),
        ("image3", "sub/a.png", "the third picture"),
    ]
    assert first.prose == ("They differ.",)
    assert [(one.label, one.box) for one in second.objects] == [("dog house", (1, 1, 3, 3))]
    assert [problem.place for problem in problems] == ["line 2"]


def test_a_picture_that_the_metadata_does_not_name(tmp_path):
    files = {
        "metadata.jsonl": '{"file_name": "a.png", "text": "A cat."}',
        "a.png": PNG,
        "b.png": PNG,
        "b.txt": "A dog.",
    }
    scenes, problems = read(tmp_path, files)
    assert [scene.id for scene in scenes] == ["a"]
    assert [(Path(problem.place).name, problem.lost) for problem in problems] == [("b.png", True)]


@pytest.mark.parametrize(
    ("files", "options", "says"),
    [
        ({"a.txt": "x"}, {}, "holds no picture"),
        ({"a.png": PNG, "metadata.csv": "a,b\n1,2\n"}, {}, "has no column `file_name`; its columns: 'a', 'b'"),
        ({"a.png": PNG, "metadata.csv": "file_name,x\na.png,y\n"}, {"caption": "txet"}, "no column 'txet'"),
        ({"a.png": PNG, "metadata.jsonl": b"\xe9 \n{}"}, {}, "is not UTF-8"),
    ],
)
def test_what_is_refused(tmp_path, files, options, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, files, **options)
    with pytest.raises(InputError, match="is no folder"):
        read(tmp_path / next(iter(files)))


def test_names_that_are_no_text_and_links_to_folders(tmp_path):
    fill(tmp_path, {"a.png": PNG, "a.txt": "A cat.", "sub/b.png": PNG, "sub/b.txt": "A dog."})
    (tmp_path / "loop").symlink_to(tmp_path)
    bad = b"\xff.png"
    try:
        for name in (bad, b"\xff.txt"):
            Path(str(tmp_path).encode().decode(), name.decode("utf-8", "surrogateescape")).write_bytes(PNG)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    scenes, problems = read(tmp_path)
    assert [scene.id for scene in scenes] == ["a", "sub/b"]
    assert [problem.message.partition(";")[0] for problem in problems] == [
        "is a link to a folder",
        "its name is no text in UTF-8",
    ]
    assert all(problem.place.encode() for problem in problems)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    names=st.sets(st.sampled_from([f"{s}{e}" for s in "abc" for e in (".png", ".jpg", ".txt", ".caption", ".png.txt")]))
)
def test_no_file_is_lost_in_silence(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("f")
    fill(
        root,
        {"z.png": PNG, "z.txt": "Last.", **{name: PNG if name.endswith(("png", "jpg")) else name for name in names}},
    )
    scenes, problems = read(root)
    pictures = {name for name in names if name.endswith(("png", "jpg"))}
    used = {asset.path for scene in scenes for asset in scene.assets} - {"z.png"}
    lost = [Path(problem.place).name for problem in problems if problem.lost]
    assert used | {name for name in lost if name in pictures} == pictures
    texts = {caption.text for scene in scenes for caption in scene.captions} - {"Last."}
    assert texts | {name for name in lost if name not in pictures} == names - pictures
