"""The reader of Ego4D's narrations, and of the form of Syphus' first version."""

import json

import msgspec
import pytest

from syphus.annotations.videos import ego4d
from syphus.annotations.videos.narrations import ABOUT_WEARER, read_narration
from syphus.errors import InputError
from syphus.records import Scene


def read(tmp_path, document, info=None, **more):
    file = tmp_path / "narration.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    if info is not None:
        more["info"] = tmp_path / "ego4d.json"
        more["info"].write_text(json.dumps(info), encoding="utf-8")
    problems = []
    scenes = list(ego4d.read(ego4d.Options(path=file, **more), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def say(time, text):
    return {"timestamp_sec": time, "timestamp_frame": int(time * 30), "narration_text": text, "annotation_uid": "u"}


def summarise(text, **times):
    return {**times, "summary_text": text, "annotation_uid": "u"}


FIRST = {
    "narrations": [say(3.5, "#O A man X gives C the cup."), say(1.25, "#C C picks up a plate")],
    "summaries": [summarise("#summary C was in a kitchen.", start_sec=0, end_sec=300), summarise("#Summary C cooked")],
}
SECOND = {"narrations": [say(1.5, "#C C lifts #unsure")], "summaries": []}


@pytest.mark.parametrize(
    ("text", "plain", "tag"),
    [
        ("#C C picks up a plate", "The wearer picks up a plate", "C"),
        ("#c C picks up a plate", "The wearer picks up a plate", "C"),
        ("#C  C's hand moves.", "The wearer's hand moves.", "C"),
        ("#C picks up a plate", "The wearer picks up a plate", "C"),
        ("#CC picks up a plate", "The wearer picks up a plate", "C"),
        ("# C C looks around", "The wearer looks around", "C"),
        ("#O A man X gives C the cup. C drinks", "A man X gives the wearer the cup. The wearer drinks", "O"),
        ("#O a lady A talks to C", "a lady A talks to the wearer", "O"),
        ("#C C holds #unsure with vitamin C in a C clamp", "The wearer holds something unclear with vitamin C in a C clamp", "C"),
        ("#C C plays C.D. and C++", "The wearer plays C.D. and C++", "C"),
        ("#Unsure C moves", "The wearer moves (unclear)", "unsure"),
        ("#unsure", "", "unsure"),
        ("#summary C was in a kitchen", "The wearer was in a kitchen", "summary"),
        ("C looks", "The wearer looks", ""),
        ("#C", "", "C"),
        ("#Cutting C", "Cutting the wearer", ""),
        (" \x00 ", "", ""),
    ],
)  # fmt: skip
def test_narrations(text, plain, tag):
    assert read_narration(text) == (plain, tag)


def test_both_narrators_and_their_summaries(tmp_path):
    document = {"u1": {"narration_pass_1": FIRST, "narration_pass_2": SECOND, "status": "complete"}}
    (scene,), problems = read(tmp_path, document)
    assert [(one.start, one.end, one.text, one.columns) for one in scene.segments] == [
        (0, 300, "", {"narrator": "1", "summary": "The wearer was in a kitchen."}),
        (1.25, 1.25, "The wearer picks up a plate", {"narrator": "1"}),
        (1.5, 1.5, "The wearer lifts something unclear", {"narrator": "2"}),
        (3.5, 3.5, "A man X gives the wearer the cup.", {"narrator": "1"}),
    ]
    assert scene.prose == (ABOUT_WEARER, "The wearer cooked")
    assert scene.metadata == {"video": "u1", "tags": ["summary", "C", "C", "O"]}
    assert problems == []


def test_one_narrator(tmp_path):
    document = {"u1": {"narration_pass_1": FIRST, "narration_pass_2": SECOND}, "u2": {"narration_pass_1": FIRST}}
    scenes, problems = read(tmp_path, document, narrator="2")
    assert [[one.columns for one in scene.segments] for scene in scenes] == [[{}], []]
    assert [(problem.place, problem.lost) for problem in problems] == [("video 'u2'", True)]
    scenes, _ = read(
        tmp_path, {"u1": {"narration_pass_1": FIRST, "narration_pass_2": {"narrations": [], "summaries": []}}}
    )
    assert [one.columns for one in scenes[0].segments[1:]] == [{}, {}]


def test_lengths_and_wrapping(tmp_path):
    document = {
        "date": "x",
        "version": "2",
        "videos": {"u1": {"narration_pass_1": FIRST}, "u2": {"status": "redacted"}},
    }
    info = {"date": "x", "videos": [{"video_uid": "u1", "duration_sec": 200.5, "x": []}, {"video_uid": 5}], "clips": []}
    (scene,), problems = read(tmp_path, document, info)
    assert scene.assets[0].duration == 200.5
    assert scene.segments[0].end == 200.5
    assert [(problem.place, problem.lost) for problem in problems] == [
        ("videos[1]", True),
        ("video 'u1', narration_pass_1.summaries[0]", False),
        ("video 'u2'", False),
    ]
    with pytest.raises(InputError, match="this is no ego4d"):
        read(tmp_path, document, {"a": []})


def test_clips_of_one_video_keep_their_own_times_and_objects(tmp_path):
    clips = [
        {"narrations": [{"time": 1, "text": "#C C opens", "object_description": ["a cup", "a big plate"]}]},
        {
            "start": 60,
            "duration": 20,
            "narrations": [
                {"time": 1, "text": "#C C closes", "object_description": ["a fork"]},
                {"text": "C looks"},
                {"time": 4, "text": "", "object_description": ["a knife"]},
                {"time": 5, "text": " "},
                {"time": 50, "text": "late"},
            ],
        },
    ]
    scenes, problems = read(tmp_path, {"v1": {"clips": clips}})
    assert [(scene.id, scene.assets[0].start, scene.assets[0].duration) for scene in scenes] == [
        ("v1_clip1", None, None),
        ("v1_clip2", 60, 20),
    ]
    assert [[(one.start, one.text, one.columns) for one in scene.segments] for scene in scenes] == [
        [(1, "The wearer opens", {"objects": "a cup, a big plate"})],
        [
            (1, "The wearer closes", {"objects": "a fork"}),
            (1, "The wearer looks", {}),
            (4, "", {"objects": "a knife"}),
        ],
    ]
    assert [(problem.place[-13:], problem.lost) for problem in problems] == [
        ("narrations[1]", False),
        ("narrations[3]", True),
        ("narrations[4]", True),
    ]


def test_every_narration_is_a_segment_or_a_problem(tmp_path):
    texts = ["#C C a", "#unsure", "", "#O x", "#C"]
    narrations = [say(index, texts[index % 5]) for index in range(500)]
    document = {f"u{n}": {"narration_pass_1": {"narrations": narrations}} for n in range(3)}
    scenes, problems = read(tmp_path, document)
    assert sum(len(scene.segments) for scene in scenes) + sum(problem.lost for problem in problems) == 1500


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        ({"narration_pass_1": {"narrations": [say(1, "x") | {"timestamp_sec": "x"}]}}, [True]),
        ({"narration_pass_1": {"narrations": [say(1, "x") | {"timestamp_sec": 1e308}]}}, [True]),
        ({"narration_pass_1": {"narrations": [say(-1.0, "x")]}}, [True]),
        ({"narration_pass_1": {"narrations": [{}]}}, [True]),
        ({"narration_pass_1": []}, [True]),
        ({}, [False]),
    ],
)
def test_bad_videos(tmp_path, bad, lost):
    _, problems = read(tmp_path, {"good": {"narration_pass_1": FIRST}, "bad": bad})
    assert [problem.lost for problem in problems] == lost


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "is empty"),
        ("[]", "is a list"),
        ({"a": {"b": 1}}, "no narrations at all"),
        ({"a": 5}, "none of its records"),
        ('{"a": {"narration_pass_1": {"narrations": [', "end is missing"),
    ],
)
def test_other_files(tmp_path, document, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, document)


def test_all_narrations_redacted(tmp_path):
    """The second release's larger file: under `videos`, with other keys, and both narrators together."""
    video = {
        "status": "complete",
        "narrations": [
            {"time": 5.1, "text": "#c c opens the door.", "_annotation_uid": "b", "_clip_time_start": 4.0},
            {"time": 1.2, "text": "#C C picks a cup", "_annotation_uid": "a"},
        ],
        "summaries": [{"start_time": 0.0, "end_time": 300.0, "text": "#summary C cooked.", "_annotation_uid": "a"}],
        "start_map": {},
    }
    document = {"version": "v2_0", "date": "230127", "description": "x", "videos": {"00aa-bb": video}}
    (scene,), problems = read(tmp_path, document, narrator="1")
    assert [(one.start, one.end, one.text, one.columns) for one in scene.segments] == [
        (0, 300, "", {"summary": "The wearer cooked."}),
        (1.2, 1.2, "The wearer picks a cup", {}),
        (5.1, 5.1, "The wearer opens the door.", {}),
    ]
    assert problems == []


def test_a_narration_without_a_time_costs_itself_alone(tmp_path):
    narrations = [{"timestamp_sec": None, "narration_text": "#C C sits"}, say(1.5, "#C C stands"), {"timestamp_sec": 2}]
    (scene,), problems = read(tmp_path, {"u": {"narration_pass_1": {"narrations": narrations, "summaries": None}}})
    assert [one.text for one in scene.segments] == ["The wearer stands"]
    assert [problem.place.rpartition(".")[2] for problem in problems] == ["narrations[0]", "narrations[2]"]


def test_the_list_of_videos_is_given_as_info(tmp_path):
    with pytest.raises(InputError, match="as `info`"):
        read(tmp_path, {"date": "x", "version": "v2", "videos": [{"video_uid": "u", "duration_sec": 3}]})
