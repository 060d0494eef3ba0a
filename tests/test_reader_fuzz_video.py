"""Damaged files of every video reader: an error with file and place, or scenes that are right; never a traceback."""

import contextlib
import copy
import json
import os
import random
from pathlib import Path

import msgspec
import pytest
from damage import damage
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.annotations.videos import (
    activitynet,
    charades_sta,
    didemo,
    ego4d,
    epic_kitchens,
    msr_vtt,
    qvhighlights,
    subtitles,
    tacos,
    tvr,
    video_rows,
    youcook2,
)
from syphus.annotations.videos.cues import parse_cues
from syphus.annotations.videos.spoken import read_utterances
from syphus.annotations.windows import cut_windows
from syphus.errors import InputError
from syphus.records import Scene
from syphus.references.people import find_names, hide

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")

GOOD_VIDEO = {"duration": 55.5, "timestamps": [[0.5, 5], [2, 55.5]], "sentences": [" A.", "B “c”."]}
GOOD = {
    "activitynet": {"v_a": GOOD_VIDEO, "v_b": GOOD_VIDEO},
    "tacos": {"s1.avi": {**GOOD_VIDEO, "fps": 29.4, "num_frames": 9000}, "s2.avi": {**GOOD_VIDEO, "fps": 10}},
    "youcook2": {
        "database": {
            "a": {
                "duration": 50,
                "subset": "training",
                "recipe_type": "113",
                "video_url": "https://x/y",
                "annotations": [{"segment": [1, 9], "id": 0, "sentence": "cut"}],
            }
        }
    },
    "ego4d": {
        "u1": {
            "narration_pass_1": {
                "narrations": [{"timestamp_sec": 1.5, "narration_text": "#C C cuts"}],
                "summaries": [{"start_sec": 0, "end_sec": 3, "summary_text": "#summary C cooks"}],
            },
            "status": "complete",
        },
        "u3": {
            "narrations": [{"time": 1.5, "text": "#C C cuts", "_annotation_uid": "x"}],
            "summaries": [{"start_time": 0, "end_time": 3, "text": "#summary C cooks"}],
        },
        "u2": {"clips": [{"narrations": [{"time": 1, "text": "C", "object_description": ["a cup"]}], "start": 2}]},
    },
    "tvr": [
        {"vid_name": "friends_s01e01", "duration": 60, "ts": [1, 5], "desc": "Ann sits.", "type": "vt", "desc_id": 1},
        {
            "vid_name": "friends_s01e01",
            "duration": 60,
            "ts": [2, 5],
            "descs": [{"desc": "x", "type": "v"}],
            "clip_id": 2,
        },
    ],
    "qvhighlights": [
        {
            "qid": 1,
            "query": "A cat.",
            "duration": 150,
            "vid": "yt_60.0_210.0",
            "relevant_windows": [[0, 4]],
            "relevant_clip_ids": [0, 1],
            "saliency_scores": [[1, 2, 3], [4, 4, 4]],
        },
        {"qid": 2, "query": "B", "duration": 150, "vid": "yt_60.0_210.0"},
    ],
    "tvqa": [
        {"vid_name": "met_s06e22", "q": "Why?", "ts": "1.2-8.4", "qid": 7, "a0": "x", "a1": "y", "answer_idx": 1},
        {"vid_name": "met_s06e22", "desc": "Bob sits."},
    ],
    "msr_vtt": {
        "videos": [{"video_id": "video0", "category": 9, "url": "https://x/y", "start time": 1.5, "end time": 9}],
        "sentences": [{"video_id": "video0", "caption": "a “car”", "sen_id": 0}],
    },
    "didemo": [
        {"video": "a@N00_1.avi", "description": "cut", "times": [[0, 0], [0, 1], [0, 0]], "annotation_id": 1},
        {"video": "b.avi", "description": "cut", "times": [[2, 3]], "dl_link": "https://x/y"},
    ],
    "video_rows": [
        {
            "video": "a.mp4",
            "caption": "A “b”.",
            "start": 1,
            "end": "0:05.5",
            "duration": "PT0H1M1S",
            "language": "English",
        },
        {"video": "a.mp4", "caption": ["A.", "B."], "start": [1, 2], "end": [2, 3]},
    ],
    "video_spans": [{"video": "a.mp4", "sentences": "['A', 'B']", "timestamps": "[['0:01', '0:02'], [3, 4.5]]"}],
    "whisper": {
        "text": "Hi you. [bang]",
        "segments": [
            {"start": 0, "end": 1.5, "text": " Hi “you”.", "speaker": "SPEAKER_01"},
            {"start": 2, "text": "x"},
        ],
    },
    "json3": {"events": [{"tStartMs": 160, "dDurationMs": 4000, "segs": [{"utf8": "hey"}, {"utf8": " you"}]}]},
    "howto100m": {"v1": {"text": ["hey", "you"], "start": [0, 1.5], "end": [1.5, 2]}},
}
EPIC = (
    "narration_id,participant_id,video_id,start_timestamp,stop_timestamp,narration,verb,noun,all_nouns\n"
    "P01_11_0,P01,P01_11,00:00:00.00,00:00:01.89,take plate,take,plate,\"['plate', 'board:chopping']\"\n"
    "P01_11_1,P01,P01_11,00:00:01.56,00:00:02.45,put down plate,put-down,plate,['plate']\n"
)
STA = "AO8RW 0.0 6.9##a person sits.\nAO8RW 20.8 30.0##person “plays”.\n"
SRT = "1\n00:00:01,000 --> 00:00:02,500\n- ANN: Hi <i>you</i> &amp; me\n- [bang]\n\n2\n00:00:03,000 --> 00:00:04,000\n♪ la “x” ♪\n"
VTT = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\nNOTE a\n\nid\n00:01.000 --> 00:02.500 line:0\n<v Ann>Hi</v>\n"
ASS = (
    "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,{\\i1}Hello{\\i0}\\Nyou\n"
)
OTHERS = (
    "{1}{1}25.0\n{25}{50}Hello|you\n",
    "[10][25]Hello\n",
    "00:00:01:Hello\n",
    "<SAMI><BODY><SYNC Start=1000><P>Hi</BODY></SAMI>",
)
TSV = "start\tend\ttext\n0\t2500\tHi “you”.\n2500\t4000\tx\n"
LRC = "[ti:x]\n[00:12.00]Line “one”\n[00:17.20][01:00.1]Line two\n"
SRV3 = '<timedtext format="3"><body><p t="160" d="4710"><s>hey</s><s t="240"> you</s></p></body></timedtext>'
TABLE = "videoid,contentUrl,duration,page_dir,name\n21,https://x/y.mp4,PT00H00M11S,a_b,Aerial “shot”\n22,,,,x\n"
TTML = '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="00:00:01.000" end="00:00:02.5">Hi</p></div></body></tt>'
TEXTS = {
    "epic_kitchens": (epic_kitchens, "a.csv", EPIC),
    "charades_sta": (charades_sta, "a.txt", STA),
    "srt": (subtitles, "a.srt", SRT),
    "vtt": (subtitles, "a.vtt", VTT),
    "ass": (subtitles, "a.ass", ASS),
    "ttml": (subtitles, "a.ttml", TTML),
    "tsv": (subtitles, "a.tsv", TSV),
    "lrc": (subtitles, "a.lrc", LRC),
    "srv3": (subtitles, "a.srv3", SRV3),
    "webvid": (video_rows, "a.csv", TABLE),
    **{f"other{index}": (subtitles, "a.sub", text) for index, text in enumerate(OTHERS)},
}
READERS = {
    "activitynet": activitynet,
    "tacos": tacos,
    "youcook2": youcook2,
    "ego4d": ego4d,
    "tvr": tvr,
    "qvhighlights": qvhighlights,
    "tvqa": tvr,
    "msr_vtt": msr_vtt,
    "didemo": didemo,
    "video_rows": video_rows,
    "video_spans": video_rows,
    "whisper": subtitles,
    "json3": subtitles,
    "howto100m": subtitles,
}


def dump(document):
    if isinstance(document, list):
        return "".join(json.dumps(row) + "\n" for row in document).encode()
    return json.dumps(document, ensure_ascii=False).encode()


CASES = {
    name: (reader, f"a.json{'l' * isinstance(GOOD[name], list)}", dump(GOOD[name])) for name, reader in READERS.items()
}
CASES |= {name: (reader, file, text.encode()) for name, (reader, file, text) in TEXTS.items()}


def check(reader, path, data, **more):
    """Reads a file; what comes out must be right, and what goes wrong must say where."""
    path.write_bytes(data)
    problems = []
    scenes = []
    refused = None
    try:
        scenes.extend(reader.read(reader.Options(path=path, **more), problems.append))
    except InputError as error:
        refused = error
    assert refused is None or (refused.file and refused.message)
    for problem in problems:
        assert problem.file
        assert problem.place
        assert problem.message
    encoded = msgspec.json.encode(scenes)
    assert msgspec.json.decode(encoded, type=list[Scene]) == scenes
    encoded.decode("utf-8")
    assert len({scene.id for scene in scenes}) == len(scenes)
    return scenes


@pytest.mark.parametrize("name", CASES)
def test_good_files_are_good(tmp_path, name):
    reader, file, data = CASES[name]
    assert check(reader, tmp_path / file, data)


@pytest.mark.parametrize("name", CASES)
def test_torn_at_every_byte(tmp_path, name):
    reader, file, data = CASES[name]
    for end in range(0, len(data), 1 if len(data) < 400 else 3):
        check(reader, tmp_path / file, data[:end])


@pytest.mark.parametrize("name", CASES)
def test_hostile_bytes(tmp_path, name):
    reader, file, data = CASES[name]
    more = (
        b"1e308",
        b"-1",
        b"\r",
        b"-->",
        b"00:00:99,999",
        b"99:99:99",
        b"\xe2\x80",
        b"#",
        b"{\\",
        b"..\\..\\",
        b"<v ",
    )
    for damaged in damage(data, *more, seed=7, each=4):
        check(reader, tmp_path / file, damaged)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "gb18030"])
def test_other_encodings(tmp_path, name, encoding):
    reader, file, data = CASES[name]
    check(reader, tmp_path / file, data.decode().encode(encoding, "replace"))


SWAPS = [
    None,
    True,
    0,
    -1,
    2**63,
    1e308,
    "",
    "x",
    "\x00",
    "../../x",
    "/etc/x",
    "a\nb",
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    "9" * 400,
]


def paths_of(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_of(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths_of(inner, (*path, index))


def swap(document, path, value):
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", GOOD)
def test_every_value_is_swapped(tmp_path, name):
    reader, file, _ = CASES[name]
    for path in paths_of(GOOD[name]):
        for value in SWAPS:
            check(reader, tmp_path / file, dump(swap(GOOD[name], path, value)))


@pytest.mark.parametrize("name", GOOD)
def test_keys_are_lost_and_renamed(tmp_path, name):
    reader, file, _ = CASES[name]
    for path in paths_of(GOOD[name]):
        if not path or not isinstance(path[-1], str):
            continue
        for key in (None, "", "x y", "../..", "\x00", "[a](#b)", "k" * 3000):
            changed = copy.deepcopy(GOOD[name])
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            value = inner.pop(path[-1])
            if key is not None:
                inner[key] = value
            check(reader, tmp_path / file, dump(changed))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real annotation files are not in {DATA}")
@pytest.mark.parametrize(
    ("reader", "place"),
    [
        (activitynet, "activitynet_captions/val_first1500.json"),
        (tvr, "tvr/tvr_val_first4000.jsonl"),
        (tvr, "tvc/tvc_test_public_release.jsonl"),
        (qvhighlights, "qvhighlights/highlight_val_first500.jsonl"),
        (epic_kitchens, "epic_kitchens/EPIC_100_validation_first5000.csv"),
        (subtitles, "subtitles/pysrt/windows-1252.srt"),
        (subtitles, "subtitles/elephants_dream/captions.ja.vtt"),
        (subtitles, "subtitles/webvtt_py/youtube_dl.vtt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_real_files_with_bytes_changed(tmp_path, reader, place):
    good = (DATA / place).read_bytes()[:6000]
    draw = random.Random(place)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(draw.choice((1, 3, 30))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        check(reader, tmp_path / Path(place).name, bytes(data[: draw.choice((len(data), draw.randrange(len(data))))]))


@pytest.mark.parametrize("name", CASES)
def test_other_readers_files(tmp_path, name):
    """Each reader, given each other one's file, says no; nothing is taken for what it is not."""
    reader, file, _ = CASES[name]
    for other in CASES:
        if CASES[other][0] is reader:
            continue
        with pytest.raises(InputError) if reader is not subtitles else contextlib.suppress(InputError):
            path = tmp_path / file
            path.write_bytes(CASES[other][2])
            found = list(reader.read(reader.Options(path=path), lambda problem: None))
            assert reader is subtitles
            assert not found


@given(text=st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed(text):
    list(parse_cues(text))
    list(parse_cues("WEBVTT\n" + text))
    for utterance in read_utterances(text.split("\n")):
        assert utterance.make_columns()


ALPHABET = st.sampled_from(
    [*"01259:,.->\n\r \t<>/{}\\[]()v♪#&;aA-", "-->", "\n\n", "00:01", "WEBVTT", "NOTE", "<v A>", "A: "]
)


@given(text=st.lists(ALPHABET, max_size=60).map("".join))
@settings(max_examples=500, deadline=None)
def test_text_made_of_marks_is_parsed(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("marks") / "a.srt"
    for scene in check(subtitles, path, text.encode()):
        for window in cut_windows(scene, 7, 2):
            for segment in window.segments:
                said = segment.columns.get("subtitle", "")
                assert find_names(hide(said, window.people), window.people) == []
