"""The LVIS reader: the sample of its own repository, and both versions of the form."""

import json

import pytest
from picture_readers import DATA, messages, read, real

from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.pictures import coco, lvis
from syphus.errors import InputError

CATEGORIES = [
    {"id": 1, "name": "bow_(weapon)", "synonyms": ["bow_(weapon)", "bow"], "frequency": "r", "def": "a weapon"},
    {"id": 2, "name": "trash_can", "synonyms": ["trash_can", "dust_bin"], "frequency": "f"},
]
URL = "http://images.cocodataset.org/train2017/000000000009.jpg"
IMAGE = {
    "id": 9,
    "coco_url": URL,
    "width": 100,
    "height": 80,
    "neg_category_ids": [1],
    "not_exhaustive_category_ids": [2],
}
OBJECT = {
    "id": 5,
    "image_id": 9,
    "category_id": 2,
    "bbox": [1, 2, 3, 4],
    "segmentation": [[1, 2, 3, 4, 5, 6]],
    "area": 1,
}


def one(tmp_path, *, image=IMAGE, **options):
    file = tmp_path / "lvis.json"
    file.write_text(json.dumps({"images": [image], "annotations": [OBJECT], "categories": CATEGORIES}))
    (scene,), problems = read(lvis, path=file, **options)
    return scene, problems


@real
def test_the_sample_of_its_repository():
    file = DATA / "lvis/lvis_val_100.json"
    truth = json.loads(file.read_text())
    scenes, problems = read(lvis, path=file)
    assert (len(scenes), problems) == (100, [])
    names = {category["id"]: clean_identifier(category["name"]) for category in truth["categories"]}
    wanted = sorted((str(one["id"]), names[one["category_id"]]) for one in truth["annotations"])
    assert sorted((thing.source_id, thing.label) for scene in scenes for thing in scene.objects) == wanted
    images = {image["id"]: image for image in truth["images"]}
    for scene in scenes:
        image = images[scene.metadata["image_id"]]
        for key, ids in (("absent", "neg_category_ids"), ("not_exhaustive", "not_exhaustive_category_ids")):
            told = list(scene.absent) if key == "absent" else scene.metadata.get(key, [])
            assert told == [names[id_] for id_ in image[ids]]
    assert sum(len(scene.absent) for scene in scenes) == 942
    # v0.5 names pictures as COCO 2014 did, and means those of 2017
    assert all(scene.assets[0].path.startswith("val2017/0000") for scene in scenes)
    assert scenes[0].assets[0].license is not None


def test_version_1_has_an_address_and_no_file_name(tmp_path):
    scene, problems = one(tmp_path)
    assert problems == []
    assert (scene.id, scene.assets[0].path, scene.assets[0].url) == ("000000000009", "train2017/000000000009.jpg", None)
    assert scene.absent == ("bow (weapon)",)
    assert scene.metadata == {
        "image_id": 9, "coco_url": URL, "not_exhaustive": ["trash can"],
        "synonyms": {"trash can": ["dust bin"]}, "frequency": {"trash can": "f"},
    }  # fmt: skip
    assert (scene.objects[0].label, scene.objects[0].box, scene.objects[0].source_id) == (
        "trash can",
        (1, 2, 4, 6),
        "5",
    )


@pytest.mark.parametrize(
    ("images", "path", "said"),
    [("train2017", "000000000009.jpg", []), ("coco", "train2017/000000000009.jpg", []), ("val2017", None, ["beside"])],
)
def test_the_folder_of_one_split_has_no_pictures_of_the_other(tmp_path, images, path, said):
    scene, problems = one(tmp_path, images=tmp_path / images)
    assert scene.assets[0].path == path
    assert ["beside" for message in messages(problems) if "beside the picture folder" in message] == said


def test_version_05_without_address(tmp_path):
    image = {"id": 9, "file_name": "COCO_val2014_000000000009.jpg", "width": 100, "height": 80}
    assert one(tmp_path, image=image)[0].assets[0].path == "000000000009.jpg"


def test_unknown_categories_are_reported(tmp_path):
    scene, problems = one(tmp_path, image={**IMAGE, "neg_category_ids": [1, 77]})
    assert scene.absent == ("bow (weapon)",)
    assert messages(problems, lost=True) == ["absent: categories that the file does not have: 77"]


def test_a_coco_file_is_refused_and_coco_reads_lvis(tmp_path):
    file = tmp_path / "instances.json"
    file.write_text(json.dumps({"images": [], "annotations": [], "categories": [{"id": 1, "name": "dog"}]}))
    with pytest.raises(InputError, match='reader = "coco"'):
        read(lvis, path=file)
    one(tmp_path)
    (scene,), _ = read(coco, instances=tmp_path / "lvis.json")
    assert scene.objects[0].label == "trash can"
    with pytest.raises(InputError, match="cannot be read"):
        lvis.read(lvis.Options(path=tmp_path / "none.json"), print)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a  b\n", "a b"),
        ("a\x00b\x1b", "a b"),
        ("\u0627\u200c\u0628", "\u0627\u200c\u0628"),
        ("", ""),
        (None, ""),
        ("\ud800a", "a"),
    ],
)
def test_labels_lose_control_characters_and_nothing_else(text, cleaned):
    assert clean(text) == cleaned
