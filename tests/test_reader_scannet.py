"""The ScanNet reader: the real label table where it is, scans and sentences written by hand in exactly the files' form."""

import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.annotations.reading import picture_folder
from syphus.annotations.several import scannet
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "scannet").is_dir(), reason=f"the real annotation files are not in {DATA}")

SCAN = "scene0000_00"
GROUPS = [
    {"id": 0, "objectId": 0, "segments": [1, 2, 3], "label": "office chair"},
    {"id": 1, "objectId": 1, "segments": [4], "label": "books"},
    {"id": 2, "objectId": 2, "segments": [], "label": "office chair"},
]
TABLE = "id\traw_category\tcategory\tnyu40class\n1\toffice chair\tchair\tchair\n2\tbooks\tbook\t\n"


def add_scan(folder, groups, scan=SCAN, ending=".aggregation.json", kind="Office"):
    (folder / scan).mkdir(parents=True, exist_ok=True)
    document = {"sceneId": f"scannet.{scan}", "appId": "Aggregator.v2", "segGroups": groups, "segmentsFile": "x"}
    content = groups if isinstance(groups, bytes) else json.dumps(document).encode()
    (folder / scan / f"{scan}{ending}").write_bytes(content)
    if kind:
        (folder / scan / f"{scan}.txt").write_text(f"axisAlignment = 0.9 0.1 \nsceneType = {kind} \n")
    return folder


def refer(text, object_id="0", scan=SCAN, number="0", **more):
    return {
        "scene_id": scan,
        "object_id": object_id,
        "object_name": "office_chair",
        "ann_id": number,
        "description": text,
        "token": text.split(),
        **more,
    }


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(**options):
    """The scenes, which must decode as scenes again, and the problems."""
    problems = []
    scenes = list(scannet.read(scannet.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def test_a_scan_with_sentences(tmp_path):
    folder = add_scan(tmp_path / "scans", GROUPS)
    sentences = [
        refer("It is brown.", "2"),
        refer("A pile  of books.", 1, number="3"),
        refer("The chair faces the door.", "2", number="1"),
    ]
    options = {"scans": folder, "scanrefer": write(tmp_path / "r.json", sentences)}
    (scene,), problems = read(**options)
    assert [(one.id, one.label, one.source_id) for one in scene.objects] == [
        ("o0", "office chair", "0"),
        ("o1", "books", "1"),
        ("o2", "office chair", "2"),
    ]
    assert [(one.id, one.text) for one in scene.regions] == [
        ("o2.1", "office chair: It is brown."),
        ("o1.1", "A pile of books."),
        ("o2.2", "The chair faces the door."),
    ]
    assert (scene.id, scene.assets[0].kind, scene.assets[0].path) == (
        SCAN,
        "point_cloud",
        f"{SCAN}/{SCAN}_vh_clean_2.ply",
    )
    assert scene.metadata == {
        "scan": SCAN,
        "scene_type": "Office",
        "ann_ids": {"o2.1": "0", "o1.1": "3", "o2.2": "1"},
    }
    assert (scene.captions, problems) == ((), [])
    assert picture_folder(scannet.Options(**options)) == folder


def test_the_label_table(tmp_path):
    folder = add_scan(tmp_path / "scans", [*GROUPS, {"objectId": 3, "label": "thing"}])
    labels = write(tmp_path / "l.tsv", TABLE.encode())
    (scene,), _ = read(scans=folder, labels=labels, label_column="category")
    assert [one.label for one in scene.objects] == ["chair", "book", "chair", "thing"]
    assert scene.metadata["nyu40"] == {"o0": "chair", "o2": "chair"}
    (scene,), _ = read(scans=folder, labels=labels, label_column="nyu40class")
    assert [one.label for one in scene.objects] == ["chair", "books", "chair", "thing"]
    with pytest.raises(InputError, match="no column 'nyu'; its columns: id, raw_category, category, nyu40class"):
        read(scans=folder, labels=labels, label_column="nyu")
    with pytest.raises(InputError, match="is no ScanNet label table: its first line has no `raw_category`, but 'a,b'"):
        read(scans=folder, labels=write(tmp_path / "l.csv", b"a,b\n1,2\n"))


@real
def test_the_real_label_table(tmp_path):
    labels = DATA / "scannet/scannetv2-labels.combined.tsv"
    raw = ["books", "stack of chairs", "office chair", "doorframe", "no such thing"]
    folder = add_scan(tmp_path, [{"objectId": n, "label": label} for n, label in enumerate(raw)])
    (scene,), _ = read(scans=folder, labels=labels)
    assert [one.label for one in scene.objects] == raw
    (tidy,), _ = read(scans=folder, labels=labels, label_column="category")
    assert [one.label for one in tidy.objects] == ["book", "chair", "office chair", "doorframe", "no such thing"]
    assert scene.metadata["nyu40"] == {"o0": "books", "o1": "chair", "o2": "chair", "o3": "door"}


def test_scans_without_one_of_the_files(tmp_path):
    folder = add_scan(tmp_path / "scans", GROUPS, scan="scene0002_00", kind=None)
    add_scan(folder, GROUPS[:1], scan="scene0001_00")
    sentences = write(tmp_path / "s.json", {"scene0009_00": {"description": [[0, "A big room."], ["?", "Two beds."]]}})
    references = write(tmp_path / "r.json", [refer("It is brown.", "4", scan="scene0005_00")])
    scenes, problems = read(scans=folder, scanrefer=references, sentences=sentences)
    assert [scene.id for scene in scenes] == ["scene0001_00", "scene0002_00", "scene0005_00", "scene0009_00"]
    assert [len(scene.objects) for scene in scenes] == [1, 3, 1, 0]
    assert [(one.id, one.label) for one in scenes[2].objects] == [("o4", "office chair")]
    assert [one.text for one in scenes[3].captions] == ["A big room.", "Two beds."]
    assert [(problem.place, problem.lost) for problem in problems] == [("scene0005_00", False), ("scene0009_00", False)]
    alone, problems = read(scanrefer=references)
    assert ([scene.id for scene in alone], problems) == (["scene0005_00"], [])


def test_the_cleaned_aggregation_goes_first_and_folders_may_be_flat(tmp_path):
    add_scan(tmp_path, GROUPS)
    add_scan(tmp_path, GROUPS[:2], ending="_vh_clean.aggregation.json")
    (scene,), _ = read(scans=tmp_path)
    assert len(scene.objects) == 2
    (scene,), _ = read(scans=tmp_path / SCAN)
    assert (len(scene.objects), scene.metadata["scene_type"]) == (2, "Office")


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ({"objectId": 0, "label": "x"}, "objectId 0 is given twice"),
        ({"objectId": -1, "label": "x"}, "is negative"),
        ({"objectId": 7, "label": " "}, "label is empty"),
        ({"objectId": "seven", "label": "x"}, "Expected `int`"),
        ({"label": "x"}, "missing required field"),
        (None, "Expected `object`"),
    ],
)
def test_a_bad_object_costs_itself(tmp_path, group, says):
    (scene,), problems = read(scans=add_scan(tmp_path, [*GROUPS, group]))
    assert len(scene.objects) == 3
    assert [problem.place for problem in problems] == ["segGroups[3]"]
    assert says in problems[0].message


@pytest.mark.parametrize(
    ("record", "place", "says", "captions"),
    [
        (refer("A.", "77"), SCAN, "has no object 77", 1),
        (refer("A.", "x"), None, "", 1),
        (refer("A.", None), None, "", 1),
        (refer(" "), "[0]", "the description is empty", 0),
        (refer("A.", scan=" "), "[0]", "scene_id is empty", 0),
        ({"scene_id": 5}, "[0]", "Expected", 0),
        ([], "[0]", "Expected `object`", 0),
    ],
)
def test_a_bad_sentence_costs_itself(tmp_path, record, place, says, captions):
    folder = add_scan(tmp_path / "scans", GROUPS)
    (scene,), problems = read(scans=folder, scanrefer=write(tmp_path / "r.json", [record, refer("Good.")]))
    assert [one.text for one in scene.regions] == ["office chair: Good."]
    assert len(scene.captions) == captions
    assert [problem.place for problem in problems] == ([place] if place else [])
    assert not problems or says in problems[0].message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "no annotation file is named"),
        ({"scans": "none"}, "is no folder"),
        ({"scans": "empty"}, "has no scan"),
        ({"scanrefer": "none"}, "cannot be read"),
        ({"scanrefer": b""}, "is empty"),
        ({"scanrefer": b"{}"}, "is an object; ScanRefer's files are lists"),
        ({"scanrefer": b'[{"img_id": 1, "sentences": []}]'}, 'Spot-the-Diff file\n.*"spot_the_diff"'),
        ({"scanrefer": b'[{"scene_id": "a", "desc'}, "the end is missing"),
        ({"sentences": b"[]"}, "Expected `object`"),
        ({"sentences": b'{"images": [], "annotations": []}'}, 'COCO file\n.*"coco"'),
        ({"sentences": b'{"a": 1}'}, "has no scan with a `description`; its keys: 'a'"),
        ({"sentences": b'{"a": {"descr'}, "is no JSON"),
        ({"scanrefer": b"[]", "cloud": "x.ply"}, "needs `{scan}`"),
    ],
)
def test_what_is_refused(tmp_path, options, says):
    (tmp_path / "empty").mkdir()
    given_options = {
        key: write(tmp_path / key, value) if isinstance(value, bytes) else value if key == "cloud" else tmp_path / value
        for key, value in options.items()
    }
    with pytest.raises(InputError, match=says):
        read(**given_options)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"segGroups": 1}', b'{"segGroups": ' + b"[" * 50_000, b"\xff\xfe\x00"]
)
def test_of_several_scans_a_broken_one_is_left_out(tmp_path, content):
    add_scan(tmp_path, content, scan="scene0001_00")
    add_scan(tmp_path, GROUPS)
    scenes, problems = read(scans=tmp_path)
    assert [scene.id for scene in scenes] == [SCAN]
    assert [problem.lost for problem in problems] == [True, True]
    assert "scene0001_00.aggregation.json" in problems[0].file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    groups=st.lists(
        st.fixed_dictionaries({"objectId": st.integers(-1, 4), "label": st.sampled_from(["a", "b", ""])}), max_size=5
    ),
    sentences=st.lists(
        st.builds(
            refer,
            st.sampled_from(["A.", "B.", ""]),
            st.sampled_from(["0", "1", 2, "9", None]),
            st.sampled_from([SCAN, "scene7", "../x"]),
        ),
        max_size=6,
    ),
)
def test_nothing_is_lost_in_silence(tmp_path, groups, sentences):
    add_scan(tmp_path / "scans", groups)
    scenes, problems = read(scans=tmp_path / "scans", scanrefer=write(tmp_path / "r.json", sentences))
    said = sum(len(scene.regions) + len(scene.captions) for scene in scenes)
    lost = [problem for problem in problems if problem.lost and "nothing is known" not in problem.message]
    in_groups = [problem for problem in lost if problem.place.startswith("segGroups")]
    assert said + len(lost) - len(in_groups) == len(sentences)
    here = [scene for scene in scenes if scene.id == SCAN]
    assert sum(len(scene.objects) for scene in here) + len(in_groups) == len(groups)


def test_sentences_of_nr3d(tmp_path):
    header = "assignmentid,stimulus_id,utterance,scan_id,instance_type,target_id,tokens\n"
    row = f'7,s,"The plant, far right",{SCAN},plant,9,"[\'the\']"\n'
    file = tmp_path / "nr3d.csv"
    file.write_text(header + row + f"8,s, ,{SCAN},plant,9,[]\n")
    problems = []
    (scene,) = scannet.read(scannet.Options(scanrefer=file), problems.append)
    assert [(region.id, region.text) for region in scene.regions] == [("o9.1", "The plant, far right")]
    assert (scene.objects[0].label, scene.metadata["ann_ids"]) == ("plant", {"o9.1": "7"})
    assert ["the description is empty" in problem.message for problem in problems] == [True]
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has no column scan_id"):
        list(scannet.read(scannet.Options(scanrefer=file), problems.append))
