"""The reader of RefCOCO: refs in their true pickled form, with the expressions of the real sample; hostile pickles."""

import json
import os
import pickle
import struct
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.questions import refcoco
from syphus.annotations.questions.plain_pickle import load_plain
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "refcoco").is_dir(), reason=f"the real annotation files are not in {DATA}")

INSTANCES = {
    "info": {},
    "licenses": [{"id": 1, "name": "By", "url": "http://by/"}],
    "images": [
        {"id": number, "file_name": f"COCO_train2014_{number:012}.jpg", "width": 640, "height": 480, "license": 1}
        for number in (10, 11)
    ],
    "annotations": [
        {
            "id": 16,
            "image_id": 10,
            "category_id": 1,
            "bbox": [10, 20, 30, 40],
            "iscrowd": 0,
            "segmentation": [[1, 2, 3, 4]],
        },
        {"id": 17, "image_id": 10, "category_id": 3, "bbox": [600, 20, 50, 40], "iscrowd": 0},
        {"id": 15, "image_id": 10, "category_id": 3, "bbox": [0, 0, 5, 5], "iscrowd": 0},
        {"id": 20, "image_id": 11, "category_id": 1, "bbox": [1, 1, 0, 9], "iscrowd": 0},
        {"id": 21, "image_id": 11, "category_id": 1, "bbox": [1, 1, 9], "iscrowd": 0},
        {"id": 22, "image_id": 11, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 0},
    ],
    "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
}


def ref(number, annotation, *texts, image=10, split="val", **more):
    """As refs(unc).p has it."""
    sentences = [
        {"tokens": text.lower().split(), "raw": text, "sent_id": 100 * number + place, "sent": text.lower().strip(" .")}
        for place, text in enumerate(texts)
    ]
    return {
        "sent_ids": [one["sent_id"] for one in sentences],
        "file_name": f"COCO_train2014_{image:012}_{annotation}.jpg",
        "ann_id": annotation,
        "ref_id": number,
        "image_id": image,
        "split": split,
        "sentences": sentences,
        "category_id": 1,
        **more,
    }


def write(folder, refs, *, protocol=2, instances=INSTANCES, suffix=".p"):
    files = {"refs": folder / f"refs(unc){suffix}", "instances": folder / "instances.json"}
    data = (
        refs
        if isinstance(refs, bytes)
        else pickle.dumps(refs, protocol)
        if suffix == ".p"
        else json.dumps(refs).encode()
    )
    files["refs"].write_bytes(data)
    files["instances"].write_text(json.dumps(instances))
    return files


def read(**options):
    problems = []
    scenes = list(refcoco.read(refcoco.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


REFS = [ref(1, 16, "Man in black .", "left guy"), ref(2, 22, "baby", image=11, split="testA"), ref(3, 15, "Small car")]


@pytest.mark.parametrize(("protocol", "suffix"), [(0, ".p"), (2, ".p"), (4, ".p"), (5, ".p"), (0, ".json")])
def test_expressions_are_regions_with_the_box_of_their_object(tmp_path, protocol, suffix):
    scenes, problems = read(**write(tmp_path, REFS, protocol=protocol, suffix=suffix))
    assert [scene.id for scene in scenes] == ["COCO_train2014_000000000010", "COCO_train2014_000000000011"]
    first = scenes[0]
    assert [(thing.id, thing.label, thing.box, thing.source_id) for thing in first.objects] == [
        ("o1", "car", (0, 0, 5, 5), "15"),
        ("o2", "person", (10, 20, 40, 60), "16"),
    ]
    assert [(region.id, region.text, region.box) for region in first.regions] == [
        ("r1", "Man in black .", (10, 20, 40, 60)),
        ("r2", "left guy", (10, 20, 40, 60)),
        ("r3", "Small car", (0, 0, 5, 5)),
    ]
    assert first.metadata["refs"] == {
        "1": {"object": "o2", "regions": ["r1", "r2"], "split": "val"},
        "3": {"object": "o1", "regions": ["r3"], "split": "val"},
    }
    assert (first.assets[0].width, first.assets[0].license) == (640, "By (http://by/)")
    # the annotation 21 has no box of four numbers; nobody refers to 20
    assert [problem.place for problem in problems] == ["annotations[4] (id 21)"]


@real
def test_the_expressions_of_the_real_sample(tmp_path):
    """The sample is what a model said, by ref id; here its expressions stand in refs of the true form."""
    sample = json.loads((DATA / "refcoco/sample_expressions_testA.json").read_text())["predictions"]
    by_ref = {}
    for one in sample:
        by_ref.setdefault(one["ref_id"], []).append(one["sent"])
    refs = [ref(number, 16 if number % 2 else 15, *texts, split="testA") for number, texts in by_ref.items()]
    (scene,), problems = read(**write(tmp_path, refs))
    assert len(problems) == 1
    assert (len(scene.regions), len(scene.metadata["refs"])) == (1984, 1975)
    assert sorted(region.text for region in scene.regions) == sorted(one["sent"] for one in sample)


@real
def test_the_real_sample_itself_is_no_refs():
    with pytest.raises(InputError, match="no file of RefCOCO's refs"):
        read(refs=DATA / "refcoco/sample_expressions_testA.json", instances=DATA / "coco/instances_val2017_79.json")


def test_split_others_and_raw(tmp_path):
    files = write(tmp_path, REFS)
    assert [scene.metadata["image_id"] for scene in read(**files, split="testA")[0]] == [11]
    assert read(**files, raw=False)[0][0].regions[0].text == "man in black"
    scene = read(**files, others=True)[0][0]
    assert [thing.source_id for thing in scene.objects] == ["15", "16", "17"]
    assert scene.objects[2].box == (600, 20, 640, 60)
    with pytest.raises(InputError, match="Splits there: testA, val"):
        read(**files, split="testB")


def test_faults_are_told(tmp_path):
    refs = [
        *REFS[:1],
        ref(1, 15, "twice"),
        ref(4, 15, " ", "one"),
        ref(5, 15),
        ref(6, 99, "who", "what"),
        ref(7, 16, "other picture", image=11),
        ref(8, 20, "thin", image=11),
        ref(9, 21, "three numbers", image=11),
        ref(10, 1, "nowhere", image=12),
        {"ref_id": 11},
        ref(12, 15, "x", sentences=[{"sent": 5}]),
        7,
    ]
    scenes, problems = read(**write(tmp_path, refs))
    assert [[region.text for region in scene.regions] for scene in scenes] == [
        ["Man in black .", "left guy", "one"],
        [],
    ]
    told = [(problem.place.split(" ")[0], problem.message) for problem in problems if problem.file.endswith(".p")]
    assert [place for place, _ in told] == [
        "[1]",
        "[2]",
        "[3]",
        "[9]",
        "[10]",
        "[11]",
        "[4]",
        "[5]",
        "[6]",
        "[7]",
        "[8]",
    ]
    assert "its 2 expressions are left out" in told[6][1]
    boxes = [problem.message for problem in problems if problem.file.endswith(".json")]
    assert any("no area" in message for message in boxes)


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("PWNED",))


HOSTILE = {
    "reduce": pickle.dumps([Evil()]),
    "reduce, protocol 0": pickle.dumps([Evil()], 0),
    "a class": pickle.dumps([Path("x")]),
    "a function": pickle.dumps(len),
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "inst": b"(S'ls'\nios\nsystem\n.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent id": b"Pabc\n.",
    "build": b"]}b.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_pickles_that_hold_more_than_plain_values(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="more than plain values"):
        read(**write(tmp_path, HOSTILE[name]))
    assert not (tmp_path / "PWNED").exists()


BROKEN = {
    "empty": b"",
    "torn": pickle.dumps(REFS)[:-40],
    "text": b"hello",
    "a huge memo": b"]r" + struct.pack("<I", 2**32 - 1) + b".",
    "a huge length": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"a.",
    "a huge number": b"I" + b"9" * 5000 + b"\n.",
    "an empty stack": b"0.",
    "a list as a key": b"}]Ks.",
    "no refs": pickle.dumps({"ref_id": 1, "sentences": []}),
    "a cycle": b"]q\x00h\x00a.",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pickles(tmp_path, name):
    files = write(tmp_path, BROKEN[name])
    if name == "a huge memo":  # harmless here: C's machine would ask for 64 GB
        assert load_plain(files["refs"]) == []
        return
    with pytest.raises(InputError):
        read(**files)


def test_plain_values_of_python_2(tmp_path):
    (tmp_path / "x").write_bytes(b"(lp0\n(dp1\nS'caf\\xc3\\xa9'\np2\nI1\nsaV\\u00e9\np3\na.")
    assert load_plain(tmp_path / "x") == [{"café": 1}, "é"]


def test_instances_of_another_kind_are_refused(tmp_path):
    files = write(tmp_path, REFS, instances={"data": []})
    with pytest.raises(InputError, match="no COCO instances file"):
        read(**files)


def test_expressions_about_several_things_and_about_none(tmp_path):
    refs = [ref(1, [16, 17], "both on the left"), ref(2, [-1], "a red kite", no_target=True), ref(3, [15], "the car")]
    refs.append(ref(4, [16, 99], "lost"))
    files = write(tmp_path, refs, suffix=".json")
    problems = []
    (scene,) = refcoco.read(refcoco.Options(**files), problems.append)
    assert [(region.text, region.box) for region in scene.regions] == [
        ("both on the left", (10, 20, 640, 60)),
        ("the car", (0, 0, 5, 5)),
    ]
    assert scene.absent == ("a red kite",)
    assert [len(one.get("objects", ())) for one in scene.metadata["refs"].values()] == [2, 0]
    assert [problem.message for problem in problems if "99" in problem.message] != []
