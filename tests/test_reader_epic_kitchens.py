"""The reader of EPIC-KITCHENS-100."""

import csv
import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.videos import epic_kitchens
from syphus.annotations.videos.epic_kitchens import read_nouns, read_stamp
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
VAL = DATA / "epic_kitchens/EPIC_100_validation_first5000.csv"
real = pytest.mark.skipif(not VAL.is_file(), reason=f"the real annotation files are not in {DATA}")
HEAD = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
)


def read(**options):
    problems = []
    scenes = list(epic_kitchens.read(epic_kitchens.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def row(
    identity="P01_11_0",
    video="P01_11",
    start="00:00:00.00",
    stop="00:00:01.89",
    narration="take plate",
    nouns="['plate']",
):
    return f'{identity},P01,{video},,{start},{stop},1,113,{narration},take,0,plate,2,"{nouns}",[2]\n'


def write(path, *rows, head=HEAD):
    path.write_text(head + "".join(rows), encoding="utf-8")
    return path


@real
def test_the_real_file():
    scenes, problems = read(path=VAL)
    with VAL.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert problems == []
    assert [scene.id for scene in scenes] == list(dict.fromkeys(row["video_id"] for row in rows))
    assert sum(not row["narration_timestamp"] for row in rows) == 42  # they have times all the same
    ids = [identity for scene in scenes for identity in scene.metadata["narration_ids"]]
    assert sorted(ids) == sorted(row["narration_id"] for row in rows)
    made = dict(zip(ids, (one for scene in scenes for one in scene.segments), strict=True))
    for one in rows:
        segment = made[one["narration_id"]]
        assert segment.text == " ".join(one["narration"].split())
        assert segment.start == round(read_stamp(one["start_timestamp"]), 3)
        assert segment.end == round(read_stamp(one["stop_timestamp"]), 3)
        assert segment.columns["verb"] == one["verb"].replace("-", " ")
        assert segment.columns["objects"].count(",") == one["all_nouns"].count(",")
    first = scenes[0]
    assert (first.assets[0].path, first.metadata["participant"]) == ("P01_11.MP4", "P01")
    assert [one.start for one in first.segments] == sorted(one.start for one in first.segments)
    assert made["P02_12_293"].columns["objects"] == "dough ball"


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("00:01:02.5", 62.5),
        ("01:00:00", 3600.0),
        ("1:02.25", 62.25),
        ("", None),
        ("12", None),
        ("00:00:1x", None),
        ("nan", None),
    ],
)
def test_stamps(stamp, seconds):
    assert read_stamp(stamp) == seconds


@pytest.mark.parametrize(
    ("text", "nouns", "fault"),
    [
        ("['plate', 'board:chopping', 'liquid:washing:up']", ("plate", "chopping board", "washing up liquid"), ""),
        ("[]", (), ""),
        ("", (), ""),
        ("plate", (), "is no list"),
        ("['plate'", (), "is no list"),
        ("[1, 2]", (), "is no list of words"),
        ("__import__('os').system('x')", (), "is no list"),
        ("[" * 5000, (), "is no list"),
        ("[" * 20000, (), "has 20000 letters"),
        ("'" + "a" * 100, (), "is no list"),
    ],
)
def test_nouns(text, nouns, fault):
    found, why = read_nouns(text)
    assert found == nouns
    assert why.startswith(fault)
    assert bool(why) == bool(fault)


@pytest.mark.parametrize(
    ("bad", "lost", "count"),
    [
        (row(start=""), [True], 1),
        (row(stop="x"), [True], 1),
        (row(narration=" "), [True], 1),
        (row(start="00:00:09.0"), [False], 2),
        (row(nouns="plate"), [False], 2),
        (row(start="99:00:00.00", stop="99:00:00.00"), [True], 1),
        ("too,few\n", [True], 1),
    ],
)
def test_bad_rows(tmp_path, bad, lost, count):
    info = write(
        tmp_path / "info.csv", "P01_11,100.5,50,1920x1080\nP01_12,x,50,a\n", head="video_id,duration,fps,resolution\n"
    )
    scenes, problems = read(path=write(tmp_path / "a.csv", row(), bad), info=info)
    assert problems.pop(0).place == "line 3"  # of the info file
    assert [problem.lost for problem in problems] == lost
    assert [problem.place for problem in problems] == ["line 3"]
    assert len(scenes[0].segments) == count
    assert scenes[0].assets[0].duration == 100.5


def test_rows_that_stand_apart(tmp_path):
    file = write(tmp_path / "a.csv", row(), row(video="P02_01"), row(), row(video=""), row(video="../x"))
    scenes, problems = read(path=file)
    assert [(scene.id, len(scene.segments)) for scene in scenes] == [("P01_11", 2), ("P02_01", 1)]
    assert [(problem.place, problem.lost) for problem in problems] == [("line 5", True), ("line 6", True)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column `video_id`"),
        ('{"vid_name": "a", "ts": [0, 1]}\n{"vid_name": "b"}', 'reader = "tvr"'),
        ("\x00\x01", "has no column"),
    ],
)
def test_other_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(path=write(tmp_path / "a.csv", head=text))


def test_epic_kitchens_55(tmp_path):
    head = "uid,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,participant_id,verb,noun,all_nouns\n"
    file = write(
        tmp_path / "a.csv", "6374,P03_01,stir,00:00:18.02,00:00:20.5,1,2,P03,stir,pan,\"['pan']\"\n", head=head
    )
    (scene,), problems = read(path=file)
    assert scene.metadata == {"video": "P03_01", "participant": "P03", "narration_ids": ["6374"]}
    assert problems == []


def test_epic_sounds(tmp_path):
    head = (
        "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,start_sample,description,class,class_id\n"
    )
    file = write(
        tmp_path / "a.csv", "P01_0,P01,P01_01,00:00:02.466,00:00:05.315,5,paper rustling,rustle,4\n", head=head
    )
    (scene,), problems = read(path=file)
    assert [(one.start, one.end, one.text, one.columns) for one in scene.segments] == [
        (2.466, 5.315, "", {"sound": "paper rustling"})
    ]
    assert len(scene.prose) == 1  # nothing is narrated as a command
    assert problems == []
