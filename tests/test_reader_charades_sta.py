"""The reader of Charades-STA, alone and with what Charades knows of the videos."""

import msgspec
import pytest

from syphus.annotations.videos import charades_sta
from syphus.errors import InputError
from syphus.records import Scene

STA = """AO8RW 0.0 6.9##a person is putting a book on a shelf.
Y6R7T 20.8 30.0##person begins to play on a phone.
AO8RW 14.2 37.5##person closes the door.
"""
HEAD = "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length\n"
CSV = (
    HEAD + 'AO8RW,HR43,Home Office / Study,6,7,Yes,"A person reads, and closes the door.",book;door,'
    '"A person is reading a book.;He closes, then opens, the door.",c026 0.00 9.10;c006 11.90 33.20,33.33\n'
)
CLASSES = "c006 Closing a door\nc026 Holding a book\n"


def read(tmp_path, sta=STA, csv=None, classes=None, **more):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    if csv is not None:
        more["charades"] = write("charades.csv", csv)
    if classes is not None:
        more["classes"] = write("classes.txt", classes)
    problems = []
    options = charades_sta.Options(path=write("sta.txt", sta), **more)
    scenes = list(charades_sta.read(options, problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def test_sentences_alone(tmp_path):
    scenes, problems = read(tmp_path)
    assert [(scene.id, scene.assets[0].path, scene.assets[0].duration) for scene in scenes] == [
        ("AO8RW", "AO8RW.mp4", None),
        ("Y6R7T", "Y6R7T.mp4", None),
    ]
    assert [(one.start, one.end, one.text) for one in scenes[0].segments] == [
        (0, 6.9, "a person is putting a book on a shelf."),
        (14.2, 37.5, "person closes the door."),
    ]
    assert problems == []


def test_with_all_that_charades_knows(tmp_path):
    scenes, problems = read(tmp_path, csv=CSV, classes=CLASSES)
    first = scenes[0]
    assert first.assets[0].duration == 33.33
    assert [caption.text for caption in first.captions] == [
        "A person is reading a book.",
        "He closes, then opens, the door.",
    ]
    assert [thing.label for thing in first.objects] == ["book", "door"]
    assert first.prose == (
        "The room: Home Office / Study.",
        "The actors were asked to play this: A person reads, and closes the door.",
    )
    assert [(one.start, one.end, one.text, one.columns) for one in first.segments] == [
        (0, 6.9, "a person is putting a book on a shelf.", {}),
        (0, 9.1, "", {"action": "Holding a book"}),
        (11.9, 33.2, "", {"action": "Closing a door"}),
        (14.2, 33.33, "person closes the door.", {}),
    ]
    assert [(problem.place, problem.lost) for problem in problems] == [("line 3", False), ("line 2", False)]
    assert "end after the video of 33.33 s" in problems[0].message
    assert "does not know Y6R7T" in problems[1].message


def test_actions_without_their_names_are_told(tmp_path):
    scenes, problems = read(tmp_path, csv=CSV)
    assert len(scenes[0].segments) == 2
    assert [problem.place for problem in problems if "the actions are left out" in problem.message] == [
        "the whole file"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("AO8RW 1 2 no hashes", "is no `VIDEO start end##sentence`"),
        ("AO8RW x 2##a", "is no `VIDEO start end##sentence`"),
        ("AO8RW 1.2.3 2##a", "is no `VIDEO start end##sentence`"),
        ("AO8RW 1e999 2##a", "beyond all numbers"),
        ("AO8RW 1 2## ", "the sentence is empty"),
        ("/etc/x 1 2##a", "outside the video folder"),
    ],
)
def test_bad_lines(tmp_path, line, message):
    _, problems = read(tmp_path, STA + line + "\n")
    assert [(problem.place, problem.lost) for problem in problems] == [("line 4", True)]
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ("AO8RW,,,,,,,,,,x\n", ["the video's length stays unknown"]),
        ("AO8RW,,,,,,,,,,\n", ["the video's length stays unknown"]),
        ("AO8RW,,,,,,,,,c006 1;c9 1 2;c006 1.2.3 4,20\n", ["is no `c000", "does not name it", "is no `c000"]),
        ("AO8RW,1\n", ["fields, but the header has", "`charades` does not know AO8RW"]),
    ],
)
def test_bad_rows_of_charades(tmp_path, row, messages):
    _, problems = read(tmp_path, "AO8RW 1 2##a\n", csv=HEAD + row, classes=CLASSES)
    assert len(problems) == len(messages)
    for problem, message in zip(problems, messages, strict=True):
        assert message in problem.message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sta": ""}, "is empty"),
        ({"sta": "some words\n" * 30}, "no Charades-STA file"),
        ({"csv": "a,b\n1,2\n"}, "no column `id`"),
        ({"csv": ""}, "is empty"),
        ({"classes": "words\n"}, "has no line `c000"),
    ],
)
def test_other_files(tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, **more)


def test_charades_alone(tmp_path):
    classes = tmp_path / "classes.txt"
    classes.write_text(CLASSES, encoding="utf-8")
    file = tmp_path / "Charades_v1_train.csv"
    file.write_text(CSV, encoding="utf-8")
    problems = []
    options = charades_sta.Options(path=file, classes=classes)
    (scene,) = charades_sta.read(options, problems.append)
    assert scene.assets[0].duration is not None
    assert scene.captions
    assert {one.text for one in scene.segments} == {""}
    assert all(one.columns["action"] for one in scene.segments)


def test_json_is_for_other_readers(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('{"AO8RW": {"timestamps": [[0, 1]], "sentences": ["x"]}}', encoding="utf-8")
    with pytest.raises(InputError, match="`activitynet` reads"):
        list(charades_sta.read(charades_sta.Options(path=file), lambda problem: None))
