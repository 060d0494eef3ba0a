"""The Visual Genome and GQA readers: the real heads of the files, and hand-written ones in their form."""

import json
import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_readers import DATA, messages, read, real, write

from syphus.annotations import json_nested
from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import RAW, Shape
from syphus.annotations.pictures import gqa_scene_graphs, visual_genome
from syphus.errors import InputError

IMAGES = [
    {"image_id": 1, "url": "https://x/VG_100K_2/1.jpg", "width": 100, "height": 80, "coco_id": 7, "flickr_id": None}
]


def thing(id_, name="dog", box=(1, 2, 30, 40), **more):
    x, y, w, h = box
    return {"object_id": id_, "x": x, "y": y, "w": w, "h": h, "names": [name], "synsets": [], **more}


def relation(id_, subject, other, predicate="ON"):
    return {"relationship_id": id_, "predicate": predicate, "synsets": [], "subject": subject, "object": other}


def folder(path, **files):
    for kind, value in files.items():
        (path / f"{kind}.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def one(path, **files):
    scenes, problems = read(visual_genome, folder=folder(path, **files))
    return scenes[0], problems


@real
def test_the_real_heads_of_the_files(tmp_path):
    for file in (DATA / "transcribed").glob("vg_*.json"):
        (tmp_path / file.name.removeprefix("vg_")).write_bytes(file.read_bytes())
    (scene,), problems = read(visual_genome, folder=tmp_path)
    assert problems == []
    assert (scene.id, scene.assets[0].path, scene.assets[0].width) == ("1", "VG_100K_2/1.jpg", 800)
    labels = [(thing.label, thing.attributes, thing.source_id) for thing in scene.objects]
    assert labels == [
        ("clock", ("green", "tall"), "1058498"), ("street", ("sidewalk",), "5046"), ("shade", (), "5045"),
    ]  # fmt: skip
    assert scene.objects[0].box == (421, 91, 500, 430)
    assert [(one.subject, one.predicate, one.object) for one in scene.relations] == [("o3", "on", "o2")]
    assert scene.regions[1].text == "shade is along the street"  # a space at its end is gone
    assert scene.regions[0].box == (421, 57, 503, 196)
    assert scene.metadata["region_ids"]["r4"] == "1385"


@real
def test_the_real_questions():
    scenes, problems = read(visual_genome, folder=_questions_folder())
    assert problems == []
    assert scenes[0].questions[0].question == "What is on the curtains?"
    assert (scenes[0].questions[0].answers, scenes[0].questions[0].source_id) == (("Sailboats.",), "987278")


def _questions_folder():
    return DATA / "vqa_fixtures" / "vgqa"


def test_things_are_joined_by_id_and_what_a_relationship_names_is_added(tmp_path):
    scene, problems = one(
        tmp_path,
        objects=[{"image_id": 1, "objects": [thing(5, merged_object_ids=[6]), thing(7, "mat", (0, 40, 60, 20))]}],
        attributes=[{"image_id": 1, "attributes": [thing(5, attributes=["Brown", "brown ", "old"]), thing(8, "cat")]}],
        relationships=[
            {
                "image_id": 1,
                "relationships": [
                    relation(1, thing(6), thing(7)),
                    relation(2, {**thing(9), "names": None, "name": "hat"}, thing(5), "worn by"),
                ],
            }
        ],
    )
    assert [(t.id, t.label, t.attributes) for t in scene.objects] == [
        ("o1", "dog", ("Brown", "old")), ("o2", "mat", ()), ("o3", "cat", ()), ("o4", "hat", ()),
    ]  # fmt: skip
    assert [(r.subject, r.predicate, r.object) for r in scene.relations] == [
        ("o1", "on", "o2"),
        ("o4", "worn by", "o1"),
    ]
    assert messages(problems) == ["object 5: attributes that are empty or stand there already: 1"]


def test_exact_repeats_are_one_and_reported_and_near_ones_stay(tmp_path):
    things = [thing(1), thing(2), thing(3, box=(1, 2, 30, 41)), thing(4, "mat")]
    relations = [
        relation(1, things[0], things[3]),
        relation(2, things[1], things[3]),
        relation(3, things[2], things[3]),
    ]
    regions = [{"region_id": n, "phrase": "a dog ", "x": 1, "y": 1, "width": 9, "height": 9} for n in (1, 2)]
    scene, problems = one(
        tmp_path,
        objects=[{"image_id": 1, "objects": things}],
        relationships=[{"image_id": 1, "relationships": relations}],
        region_descriptions=[{"id": 1, "regions": regions}],
    )
    assert [t.source_id for t in scene.objects] == ["1", "3", "4"]
    assert [(r.subject, r.object) for r in scene.relations] == [("o1", "o3"), ("o2", "o3")]
    assert len(scene.regions) == 1
    said = [(p.file.rpartition("/")[2], p.message, p.lost) for p in problems]
    assert said == [
        ("objects.json", "objects that stand there already: 1, by their ids 2", False),
        ("relationships.json", "relationships that stand there already: 1, by their ids 2", False),
        ("region_descriptions.json", "regions that stand there already: 1, by their ids 2", False),
    ]


@pytest.mark.parametrize(
    ("change", "label", "box", "said"),
    [
        ({"w": 0}, "dog", None, "has no area; it is used without a box"),
        ({"x": -5}, "dog", (0, 2, 25, 42), "leaves the frame of 100 x 80 by 5 pixels; it is clipped"),
        ({"x": 99, "w": 2}, "dog", (99, 2, 100, 42), None),
        ({"h": None}, "dog", None, "its box lacks a number"),
        ({"names": [" ", "cat"]}, "cat", (1, 2, 31, 42), None),
        ({"names": [], "name": "cat"}, "cat", (1, 2, 31, 42), None),
        ({"names": None, "object_names": ["cat"], "object_id": None, "id": 5}, "cat", (1, 2, 31, 42), None),
        ({"x": 1e308, "w": 1e308}, "dog", None, "beyond all numbers"),
        ({"names": []}, None, None, "it has no name; it is left out"),
        ({"x": "five"}, None, None, "Expected `float | null`, got `str`"),
        ({"names": "dog"}, None, None, "Expected `array | null`, got `str`"),
    ],
)
def test_what_is_wrong_with_a_thing(tmp_path, change, label, box, said):
    things = [{**thing(5), **change}, thing(6, "mat")]
    scene, problems = one(tmp_path, image_data=IMAGES, objects=[{"image_id": 1, "objects": things}])
    assert scene.objects[-1].label == "mat"
    assert (scene.objects[0].label, scene.objects[0].box) == (label, box) if label else len(scene.objects) == 1
    assert len(problems) == (said is not None)
    assert said is None or said in problems[0].message
    assert all(problem.place.startswith("image 1") for problem in problems)


def test_files_in_another_order_and_with_gaps_are_joined(tmp_path, monkeypatch):
    monkeypatch.setattr("syphus.annotations.json_stream.WINDOW", 300)
    monkeypatch.setattr(json_nested, "WINDOW", 300)
    objects = [{"image_id": n, "objects": [thing(n)]} for n in (3, 1, 2, 9)]
    regions = [
        {"id": n, "regions": [{"region_id": n, "phrase": f"p{n}", "x": 1, "y": 1, "width": 5, "height": 5}]}
        for n in (9, 8, 2, 3)
    ]
    scenes, problems = read(visual_genome, folder=folder(tmp_path, objects=objects, region_descriptions=regions))
    assert problems == []
    found = [(scene.id, [t.source_id for t in scene.objects], [r.text for r in scene.regions]) for scene in scenes]
    assert found == [
        ("3", ["3"], ["p3"]), ("1", ["1"], []), ("2", ["2"], ["p2"]), ("9", ["9"], ["p9"]), ("8", [], ["p8"]),
    ]  # fmt: skip


def test_scene_graphs_are_read_alone_and_not_beside_objects(tmp_path):
    graphs = [{
        "image_id": 1, "objects": [thing(1, attributes=["big"]), thing(2, "mat")],
        "relationships": [
            {"relationship_id": 5, "predicate": "ON", "subject_id": 1, "object_id": 2},
            {"relationship_id": 6, "predicate": "ON", "subject_id": 1, "object_id": 3},
        ],
    }]  # fmt: skip
    scene, problems = one(tmp_path, scene_graphs=graphs)
    assert [(t.label, t.attributes) for t in scene.objects] == [("dog", ("big",)), ("mat", ())]
    assert len(scene.relations) == 1
    assert messages(problems) == ["relationship 6: its object is no object that is known; it is left out"]
    scene, _ = one(tmp_path, objects=[{"image_id": 1, "objects": [thing(1)]}])
    assert len(scene.objects) == 1


def test_the_picture_is_found_in_either_layout(tmp_path):
    (tmp_path / "pictures" / "VG_100K_2").mkdir(parents=True)
    folder(tmp_path, image_data=IMAGES, objects=[{"image_id": 1, "objects": []}])
    for images, path in ((tmp_path / "pictures", "VG_100K_2/1.jpg"), (tmp_path / "pictures" / "VG_100K_2", "1.jpg")):
        (scene,), _ = read(visual_genome, folder=tmp_path, images=images)
        assert scene.assets[0].path == path


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has none of objects.json"),
        ({"image_data": IMAGES}, "has none of objects.json"),
        ({"objects": "{}"}, "is an object"),
        ({"objects": ""}, "is empty"),
        ({"objects": '[{"image_id": 1, "objects": [{"object_id"'}, "the end is missing"),
        ({"objects": [{"a": 1}]}, "no record has an `image_id`"),
        ({"objects": [], "objects_v1_2": []}, "has objects.json and objects_v1_2.json"),
    ],
)
def test_a_folder_that_is_none_of_visual_genome(tmp_path, files, said):
    with pytest.raises(InputError, match=re.escape(said)):
        read(visual_genome, folder=folder(tmp_path, **files))


_boxes = st.tuples(*[st.integers(-3, 60)] * 4)


def _some(first, last):
    return st.builds(thing, st.integers(first, last), st.sampled_from(["dog", "cat", ""]), _boxes)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(_some(1, 12), max_size=8),
    st.lists(st.tuples(_some(13, 20), _some(13, 20), st.sampled_from(["on", "", "of"])), max_size=6),
    st.lists(st.tuples(st.sampled_from(["a", "", "b"]), _boxes), max_size=5),
)
def test_nothing_is_lost_without_a_word(tmp_path, things, relations, regions):
    things = list({one["object_id"]: one for one in things}.values())
    triples = [relation(100 + n, *ends[:2], ends[2]) for n, ends in enumerate(relations)]
    rows = [
        {"region_id": 200 + n, "phrase": p, "x": b[0], "y": b[1], "width": b[2], "height": b[3]}
        for n, (p, b) in enumerate(regions)
    ]
    folder(
        tmp_path, image_data=IMAGES, objects=[{"image_id": 1, "objects": things}],
        relationships=[{"image_id": 1, "relationships": triples}], region_descriptions=[{"id": 1, "regions": rows}],
    )  # fmt: skip
    (scene,), problems = read(visual_genome, folder=tmp_path)

    def count(what):
        alone = sum(bool(re.match(rf"{what} \d+: .*left out$", p.message)) for p in problems)
        repeated = [re.match(rf"{what}s that stand there already: (\d+)", p.message) for p in problems]
        return alone, sum(int(found[1]) for found in repeated if found)

    own = {one["object_id"] for one in things}
    kept = [t for t in scene.objects if int(t.source_id) in own]
    objects_problems = [p for p in problems if p.file.endswith("objects.json")]
    alone = sum("has no name" in p.message for p in objects_problems)
    repeated = [re.search(r"already: (\d+)", p.message) for p in objects_problems]
    assert len(things) == len(kept) + alone + sum(int(found[1]) for found in repeated if found)
    assert len(triples) == len(scene.relations) + sum(count("relationship"))
    assert len(rows) == len(scene.regions) + sum(count("region"))


# --- GQA ---

GRAPH = {
    "width": 100, "height": 80, "location": "street", "objects": {
        "11": {"name": "dog", "x": 1, "y": 2, "w": 30, "h": 40, "attributes": ["small"], "relations": [{"object": "12", "name": "to the left of"}]},
        "12": {"name": "mat", "x": 50, "y": 2, "w": 30, "h": 40, "attributes": [], "relations": [{"object": "99", "name": "on"}]},
    },
}  # fmt: skip


def test_gqa_scene_graphs(tmp_path):
    file = tmp_path / "train_sceneGraphs.json"
    broken = json.loads(json.dumps(GRAPH))
    broken["objects"]["12"]["x"] = "far"
    file.write_text(json.dumps({"2407890": GRAPH, "5": broken, "6": {"objects": 3}}))
    scenes, problems = read(gqa_scene_graphs, path=file)
    assert [scene.id for scene in scenes] == ["2407890", "5"]
    scene = scenes[0]
    assert scene.assets[0].path == "2407890.jpg"
    assert [(t.label, t.box, t.attributes, t.source_id) for t in scene.objects[:1]] == [
        (
            "dog",
            (1, 2, 31, 42),
            ("small",),
            "11",
        )
    ]
    assert [(r.subject, r.predicate, r.object) for r in scene.relations] == [("o1", "to the left of", "o2")]
    assert scene.metadata == {"image_id": "2407890", "location": "street"}
    assert len(scenes[1].objects) == 1
    assert [problem.place for problem in problems] == ["image 2407890", "image 5", "image 5", "image 6"]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("window", [100, 1000, 1 << 22])
def test_long_documents_are_cut_between_records_whatever_the_window(tmp_path, monkeypatch, indent, window):
    monkeypatch.setattr("syphus.annotations.json_stream.WINDOW", window)
    monkeypatch.setattr(json_nested, "WINDOW", window)
    records = {f'{n} "x", {{': {**GRAPH, "n": n, "text": '}, {"width": 3}, "' * (n % 3)} for n in range(50)}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(records, indent=indent))
    with NestedDocument(file) as document:
        found = {name: json.loads(bytes(raw)) for name, raw in document.walk_named(NamedShape(msgspec.Raw))}
    assert found == records
    file.write_text(json.dumps(list(records.values()), indent=indent))
    with NestedDocument(file) as document:
        listed = [json.loads(bytes(raw)) for batch in document.walk_array(RAW) for raw in batch.records]
    assert listed == list(records.values())


def test_each_list_of_a_document_has_seams_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("syphus.annotations.json_stream.WINDOW", 300)
    monkeypatch.setattr(json_nested, "WINDOW", 300)
    document = {"a": [{"x": n, "y": [{"x": 1}]} for n in range(50)], "b": [{"z": n} for n in range(50)], "c": [1, 2]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = {key: [] for key in document}
    with NestedDocument(tmp_path / "a.json") as reading:
        for batch in reading.walk_members(dict.fromkeys(document, RAW)):
            found[batch.key] += [json.loads(bytes(raw)) for raw in batch.records]
    assert found == document


def test_records_with_lists_are_decoded_once_and_not_at_each_of_their_ends(tmp_path, monkeypatch):
    """Each wrong cut decodes the window again: the reading took ten times as long as the parsing."""
    monkeypatch.setattr("syphus.annotations.json_stream.WINDOW", 20_000)
    monkeypatch.setattr(json_nested, "WINDOW", 20_000)
    file = tmp_path / "objects.json"
    file.write_text(json.dumps([{"image_id": n, "objects": [thing(k) for k in range(30)]} for n in range(200)]))
    decoded = 0

    class Counting(Shape):
        def decode(self, body):
            nonlocal decoded
            decoded += len(body)
            return super().decode(body)

    with NestedDocument(file) as document:
        assert sum(len(batch.records) for batch in document.walk_array(Counting(msgspec.Raw))) == 200
    assert decoded < 1.5 * file.stat().st_size


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is a list"),
        ("", "is empty"),
        ('{"images": [], "annotations": [], "categories": []}', "is a COCO file"),
        ('{"a": {"width": 3}}', "no member has `objects`"),
        ('{"a": {"objects": {}}', "the end is missing"),
        ('{"a": {"objects": {}},}', "expected a name"),
    ],
)
def test_what_is_no_scene_graphs(tmp_path, text, said):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read(gqa_scene_graphs, path=file)


def test_numbers_written_as_text(tmp_path):
    """As tables make them: what is a number in the published files may be a text, or a fraction, in a copy."""
    thing = {"object_id": "7", "x": "5", "y": "2", "w": "20", "h": "40.0", "names": ["dog"], "synsets": []}
    for image in ("1", 1.0):
        write(
            tmp_path,
            image_data__json=json.dumps([{"image_id": image, "width": "100", "height": 80.0, "url": None}]),
            objects__json=json.dumps([{"image_id": image, "objects": [thing]}]),
        )
        (scene,), problems = read(visual_genome, folder=tmp_path)
        assert (problems, scene.id, scene.objects[0].box) == ([], "1", (5, 2, 25, 42))
        assert (scene.assets[0].width, scene.assets[0].height) == (100, 80)


def test_graphs_with_nothing_in_the_place_of_lists(tmp_path):
    things = {
        "1": {"name": "dog", "x": 1, "y": 1, "w": 9, "h": 9, "attributes": None, "relations": None},
        "2": {
            "name": "cup",
            "x": 1,
            "y": 1,
            "w": 8,
            "h": 9,
            "relations": [{"object": None, "name": "on"}, {"object": "1"}],
        },
    }
    graph = {"width": 100, "height": 80, "objects": things}
    file = write(tmp_path, graphs__json=json.dumps({"7": graph})) / "graphs.json"
    (scene,), problems = read(gqa_scene_graphs, path=file)
    assert [thing.label for thing in scene.objects] == ["dog", "cup"]
    assert len(messages(problems, lost=True)) == 2  # one relation leads nowhere, the other has no name
