"""The readers of annotated pictures against damaged files: cut, mistyped, hostile, in another encoding.

Whatever stands in a file, a reader gives valid scenes and problems, or an :class:`InputError`; never another exception.
"""

import importlib.util
import itertools
import json
import random
import shutil
from pathlib import Path

import pytest
from damage import damage
from picture_readers import DATA, read, write_png
from test_reader_flickr30k import SENTENCES
from test_reader_flickr30k import entry as flickr_entry
from test_reader_flickr30k import xml as flickr_xml
from test_reader_lvis import CATEGORIES, IMAGE, OBJECT
from test_reader_open_images import BOXES, CLASSES, DOG, LABELS, SIZES, VRD
from test_reader_pascal_voc import box, thing, xml
from test_reader_via import HEADER, RECT, region
from test_reader_visual_genome import GRAPH, IMAGES, relation
from test_reader_visual_genome import thing as vg_thing

from syphus.annotations.pictures import (
    flickr30k_entities,
    gqa_scene_graphs,
    lvis,
    open_images,
    pascal_voc,
    via,
    visual_genome,
    yolo,
)
from syphus.errors import InputError

PART = f"<part><name>head</name>{box()}</part><pose>Left</pose><actions><running>1</running></actions>"
PROJECT = {
    "_via_img_metadata": {"a.jpg5": {"filename": "a.jpg", "regions": [region(type="b"), region(type={"c": True})]}},
    "_via_attributes": {"region": {"type": {"options": {"b": "a bird"}}}},
}
GOOD_GRAPH = {
    **GRAPH,
    "objects": {key: {**one, "relations": one["relations"][: key == "11"]} for key, one in GRAPH["objects"].items()},
}
SETS = {
    "visual_genome": (visual_genome, {"folder": "."}, {
        "image_data.json": json.dumps(IMAGES),
        "objects.json": json.dumps([{"image_id": 1, "objects": [vg_thing(5), vg_thing(6, "mat", merged_object_ids=[7])]}]),
        "attributes.json": json.dumps([{"image_id": 1, "attributes": [vg_thing(5, attributes=["big"])]}]),
        "relationships.json": json.dumps([{"image_id": 1, "relationships": [relation(1, vg_thing(5), vg_thing(7))]}]),
        "region_descriptions.json": json.dumps(
            [{"id": 1, "regions": [{"region_id": 3, "phrase": "a", "x": 1, "y": 1, "width": 5, "height": 5}]}]
        ),
        "question_answers.json": json.dumps([{"id": 1, "qas": [{"qa_id": 1, "question": "Why?", "answer": "So."}]}]),
    }),
    "scene_graphs": (visual_genome, {"folder": "."}, {
        "scene_graphs.json": json.dumps([{
            "image_id": 1, "objects": [vg_thing(5), vg_thing(6, "mat")],
            "relationships": [{"relationship_id": 5, "predicate": "ON", "subject_id": 5, "object_id": 6}],
        }])
    }),
    "gqa": (gqa_scene_graphs, {"path": "a.json"}, {"a.json": json.dumps({"1": GOOD_GRAPH, "2": GOOD_GRAPH})}),
    "lvis": (lvis, {"path": "a.json"}, {
        "a.json": json.dumps({"images": [IMAGE], "annotations": [OBJECT], "categories": CATEGORIES})
    }),
    "flickr30k": (flickr30k_entities, {"folder": "."}, {
        "Sentences/1.txt": SENTENCES,
        "Annotations/1.xml": flickr_xml(flickr_entry(8, box=(1, 1, 9, 9)), flickr_entry(9, 7, box=(5, 5, 60, 60))),
    }),
    "voc": (pascal_voc, {"path": "a.xml"}, {"a.xml": xml(thing(more=PART), thing("cat"))}),
    "voc folder": (pascal_voc, {"path": ".", "split": "val"}, {
        "Annotations/a.xml": xml(thing(more=PART)), "ImageSets/Main/val.txt": "a\n",
    }),
    "yolo": (yolo, {"path": "."}, {
        "data.yaml": "path: .\ntrain: images\nnames: {0: cat, 1: dog}\nkpt_shape: [1, 3]\nkpt_names: {0: [nose]}\n",
        "labels/a.txt": "1 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.1 0.1 0.5 0.5 2\n",
    }),
    "darknet": (yolo, {"path": "obj.data", "size": (10, 10)}, {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n", "obj.names": "cat\ndog\n",
        "train.txt": "data/images/a.png\n", "labels/a.txt": "1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8\n",
    }),
    "via": (via, {"path": "a.json"}, {"a.json": json.dumps(PROJECT)}),
    "via csv": (via, {"path": "a.csv"}, {
        "a.csv": HEADER + 'a.jpg,5,"{}",1,0,"{}","{}"\n'.replace('"{}","{}"\n', '"' + json.dumps(RECT).replace('"', '""') + '","{""type"":""x""}"\n')
    }),
    "open images": (open_images, {"folder": "."}, {
        "class-descriptions-boxable.csv": CLASSES, "a-annotations-bbox.csv": BOXES + DOG, "image-info.csv": SIZES,
        "a-annotations-human-imagelabels.csv": LABELS + "a,v,/m/2,1\n",
        "a-annotations-vrd.csv": VRD + "a,/m/1,/m/3,0.1,0.5,0.2,0.6,0,1,0.5,1,on\n",
        "a_localized_narratives.jsonl": json.dumps({"image_id": "a", "caption": "A dog."}) + "\n",
    }),
}  # fmt: skip
FILES = [(name, file) for name, (_, _, files) in SETS.items() for file in files]
NASTY = [None, True, -1, 0, 1e308, 10**30, "", "x", "\x00\u202e", "../../etc", [], {}, [[]], {"a": {}}, [None]]


def lay_out(folder, name):
    """The good files of a set, and how its reader is called."""
    reader, options, files = SETS[name]
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    if name in ("yolo", "darknet"):
        write_png(folder / "images/a.png", 20, 20)
    return reader, {
        key: folder / value if isinstance(value, str) and key != "split" else value for key, value in options.items()
    }


def try_to_read(reader, options):
    """Scenes and problems; None where the files are refused, by name."""
    try:
        return read(reader, **options)
    except InputError as refused:
        error = refused
    assert error.message
    assert error.file
    return None


@pytest.mark.parametrize("name", SETS)
def test_the_good_files_are_read_without_a_problem(tmp_path, name):
    scenes, problems = read(*lay_out(tmp_path, name)[:1], **lay_out(tmp_path, name)[1])
    assert [problem.message for problem in problems] == []
    assert any(scene.objects for scene in scenes)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_damage(tmp_path, name, file):
    reader, options = lay_out(tmp_path, name)
    good = (tmp_path / file).read_bytes()
    more = (b"<a>", b"]]>", b"/", b"..", b",", b"1e308", b"-")
    read_at_all = 0
    for bad in damage(good, *more, seed=4, each=2):
        (tmp_path / file).write_bytes(bad)
        read_at_all += try_to_read(reader, options) is not None
    assert read_at_all or file == "a.xml"


@pytest.mark.parametrize(("name", "file"), FILES)
@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\xff\xfe",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b"<a>" * 20_000,
        b"\xef\xbb\xbf",
        bytes(3000),
    ],
    ids=["empty", "mark", "binary", "lists", "objects", "elements", "utf8 mark", "zeros"],
)
def test_files_of_another_kind(tmp_path, name, file, bad):
    reader, options = lay_out(tmp_path, name)
    (tmp_path / file).write_bytes(bad)
    try_to_read(reader, options)


@pytest.mark.parametrize(("name", "file"), FILES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp037"])
def test_other_encodings_are_read_or_refused(tmp_path, name, file, encoding):
    reader, options = lay_out(tmp_path, name)
    wanted = read(reader, **options)[0]
    (tmp_path / file).write_bytes((tmp_path / file).read_text().encode(encoding))
    found = try_to_read(reader, options)
    # a byte order mark says all that is needed, save where its file alone tells what the others mean
    assert encoding == "cp037" or (found is not None and [s.objects for s in found[0]] == [s.objects for s in wanted])


def walk(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from walk(inner, (*path, key))


def swap(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = swap(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize(("name", "file"), [pair for pair in FILES if pair[1].endswith(".json")])
def test_every_value_of_another_type(tmp_path, name, file):
    reader, options = lay_out(tmp_path, name)
    good = json.loads((tmp_path / file).read_text())
    cases = list(itertools.product(walk(good), NASTY))
    for path, new in random.Random(7).sample(cases, min(len(cases), 120)):
        (tmp_path / file).write_text(json.dumps(swap(good, path, new)))
        try_to_read(reader, options)


@pytest.mark.skipif(not (DATA / "lvis").is_dir(), reason=f"the real annotation files are not in {DATA}")
@pytest.mark.parametrize(
    ("reader", "key", "file"),
    [
        (pascal_voc, "path", "detection_formats/voc/Annotations/2011_003353.xml"),
        (via, "path", "detection_formats/via/via_bbox.json"),
        (flickr30k_entities, "folder", "vqa_fixtures/flickr30k/sentences/6338542128.txt"),
    ],
)
def test_damage_to_real_files(tmp_path, reader, key, file):
    target = tmp_path / ("sentences/1.txt" if key == "folder" else file.rpartition("/")[2])
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(DATA / file, target)
    good = target.read_bytes()
    for bad in damage(good, seed=9, each=3):
        target.write_bytes(bad)
        try_to_read(reader, {key: tmp_path if key == "folder" else target})


def test_damaged_pictures_only_lose_their_size(tmp_path):
    reader, options = lay_out(tmp_path, "yolo")
    good = (tmp_path / "images/a.png").read_bytes()
    for bad in (
        *damage(good, seed=1, each=4),
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"II*\x00" + b"\xff" * 20,
        b"<svg",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ):
        (tmp_path / "images/a.png").write_bytes(bad)
        scenes, _ = try_to_read(reader, options)
        assert len(scenes) == 1


@pytest.mark.parametrize(
    "name",
    ["flickr30k_entities", "gqa_scene_graphs", "lvis", "open_images", "pascal_voc", "via", "visual_genome", "yolo"],
)
def test_the_files_of_the_benchmark_are_read_without_a_problem(tmp_path, root, name):
    spec = importlib.util.spec_from_file_location("readers_pictures", root / "benchmarks" / "readers_pictures.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    make, parse = benchmark.MAKERS[name]
    options = make(tmp_path, 3)
    parse(options)
    reader = importlib.import_module(f"syphus.annotations.pictures.{name}")
    scenes, problems = read(reader, **{key: Path(value) for key, value in options.items()})
    assert (len(scenes), [problem for problem in problems if problem.lost]) == (3, [])
    assert all(scene.objects for scene in scenes)
