"""What speech recognisers and YouTube's tools write, read as subtitles."""

import json

import msgspec
import pytest

from syphus.annotations.reading import Problem
from syphus.annotations.videos import activitynet, subtitles
from syphus.annotations.videos.speech import Speech, list_subtitles
from syphus.annotations.videos.transcripts import find_parser, looks_like_transcript
from syphus.errors import InputError
from syphus.records import Asset, Scene


def read(**options):
    problems: list[Problem] = []
    scenes = list(subtitles.read(subtitles.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def said(scene):
    return [(one.start, one.end, one.columns.get("subtitle", "")) for one in scene.segments]


WHISPER = {
    "text": " Good evening. Who is there?",
    "segments": [
        {"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": " Good evening.", "tokens": [50364], "avg_logprob": -0.2,
         "words": [{"word": " Good", "start": 0.0, "end": 1.0, "probability": 0.9}]},
        {"id": 1, "seek": 0, "start": 2.5, "end": 4, "text": " Who is there?", "avg_logprob": float("nan")},
    ],
    "language": "en",
}  # fmt: skip
CPP = {
    "systeminfo": "AVX = 1",
    "model": {"type": "base"},
    "result": {"language": "en"},
    "transcription": [
        {"timestamps": {"from": "00:00:00,000", "to": "00:00:02,500"}, "offsets": {"from": 0, "to": 2500}, "text": " Good evening."},
        {"timestamps": {"from": "00:00:02,500", "to": "00:00:04,000"}, "offsets": {"from": 2500, "to": 4000}, "text": " Who is there?"},
        {"timestamps": {"from": "00:00:04,000", "to": "00:00:09,000"}, "offsets": {"from": 4000, "to": 9000}, "text": " [BLANK_AUDIO]"},
    ],
}  # fmt: skip
JSON3 = {
    "wireMagic": "pb3",
    "pens": [{}],
    "events": [
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1},
        {"tStartMs": 0, "dDurationMs": 2500, "segs": [{"utf8": "Good"}, {"utf8": " evening.", "tOffsetMs": 240}]},
        {"tStartMs": 2390, "dDurationMs": 2480, "aAppend": 1, "segs": [{"utf8": "\n"}]},
        {"tStartMs": 2500, "dDurationMs": 1500, "segs": [{"utf8": "Who is there?"}]},
    ],
}
SRV1 = (
    '<?xml version="1.0" encoding="utf-8" ?><transcript><text start="0" dur="2.5">Good evening.</text>'
    '<text start="2.5" dur="1.5">Who is&amp;nbsp;there?</text></transcript>'
)
SRV3 = (
    '<?xml version="1.0" encoding="utf-8" ?><timedtext format="3"><head><ws id="0"/></head><body><w t="0" id="1"/>'
    '<p t="0" d="2500" w="1"><s ac="0">Good</s><s t="240"> evening.</s></p><p t="2390" d="10" a="1">\n</p>'
    '<p t="2500" d="1500">Who is there?</p></body></timedtext>'
)
EVENING = [(0, 2.5, "Good evening."), (2.5, 4, "Who is there?")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", WHISPER),
        ("a.json", {key: WHISPER[key] for key in ("segments", "language")}),
        ("a.json", CPP),
        ("a.json", {"text": "x", "chunks": [{"timestamp": [0.0, 2.5], "text": " Good evening."}, {"timestamp": [2.5, 4], "text": "Who is there?"}]}),
        ("a.json", [{"text": "Good evening.", "start": 0, "duration": 2.5}, {"text": "Who is there?", "start": "2.5", "duration": 1.5}]),
        ("a.json", {"video_id": "x", "snippets": [{"text": "Good evening.", "start": 0, "duration": 2.5}, {"text": "Who is there?", "start": 2.5, "duration": 1.5}]}),
        ("a.json", {"start": [0, 2.5], "end": [2.5, 4], "text": ["Good evening.", "Who is there?"]}),
        ("a.json", {"jobName": "x", "results": {"transcripts": [{"transcript": "x"}], "items": [], "audio_segments": [
            {"id": 0, "transcript": "Good evening.", "start_time": "0.0", "end_time": "2.5", "items": [0]},
            {"id": 1, "transcript": "Who is there?", "start_time": "2.5", "end_time": "4.0", "items": [1]}]}}),
        ("a.json", {"audio_duration": 5, "text": "x", "utterances": [{"text": "Good evening.", "start": 0, "end": 2500}, {"text": "Who is there?", "start": 2500, "end": 4000}]}),
        ("a.json", {"results": {"utterances": [{"transcript": "Good evening.", "start": 0, "end": 2.5}, {"transcript": "Who is there?", "start": 2.5, "end": 4}]}}),
        ("a.json", [{"start": "00:00:00.000", "end": "00:00:02.500", "line": "Good evening."}, {"start": "00:00:02.500", "end": "00:00:04.000", "line": "Who is there?"}]),
        ("a.json", [{"timestamp": [0, 2.5], "text": "Good evening."}, {"timestamp": [2.5, 4], "text": "Who is there?"}]),
        ("a.json3", JSON3),
        ("a.tsv", "start\tend\ttext\n0\t2500\tGood evening.\n2500\t4000\tWho is there?\n"),
        ("a.tsv", "\ufeffstart\tend\ttext\r\n0\t2500\tGood evening.\r\n2500\t4000\tWho is there?\r\n"),
        ("a.csv", ',start,end,text\n0,0.0,2.5,Good evening.\n1,2.5,4,"Who is there?"\n'),
        ("a.srv1", SRV1),
        ("a.srv3", SRV3),
    ],
)  # fmt: skip
def test_forms(tmp_path, name, content):
    (scene,), problems = read(path=write(tmp_path / name, content))
    assert said(scene) == EVENING
    assert scene.assets == (Asset(id="video", kind="video", path="a.mp4"),)
    assert problems == []


def test_speakers_of_whisperx(tmp_path):
    content = {
        "segments": [
            {"start": 0, "end": 1, "text": "Hi.", "speaker": "SPEAKER_00"},
            {"start": 1, "end": 2, "text": "Yo.", "speaker": "Ann"},
            {"start": 2, "end": 3, "text": "Me.", "speaker": 1},
            {"start": 3, "end": 4, "text": "You.", "speaker": "spk_2"},
        ]
    }
    (scene,), _ = read(path=write(tmp_path / "a.json", content))
    assert [one.columns for one in scene.segments] == [
        {"speaker": "Speaker 00", "subtitle": "Hi."},
        {"speaker": "Ann", "subtitle": "Yo."},
        {"speaker": "Speaker 1", "subtitle": "Me."},
        {"speaker": "Speaker 2", "subtitle": "You."},
    ]
    assert [person.name for person in scene.people] == ["Ann"]  # a number is no name


def test_single_words_become_sentences(tmp_path):
    words = ["Good", "evening", "you.", "Who", "is", "there?", "Me"]
    times = [0, 0.5, 1, 1.5, 2, 2.5, 9]
    chunks = [{"timestamp": [time, time + 0.4], "text": f" {word}"} for word, time in zip(words, times, strict=True)]
    (scene,), _ = read(path=write(tmp_path / "a.json", {"text": "x", "chunks": chunks}))
    assert said(scene) == [(0, 1.4, "Good evening you."), (1.5, 2.9, "Who is there?"), (9, 9.4, "Me")]


def test_what_has_no_end_lasts_until_the_next(tmp_path):
    chunks = [{"timestamp": [0.0, None], "text": "One two"}, {"timestamp": [2.5, None], "text": "three four"}]
    (scene,), _ = read(path=write(tmp_path / "a.json", {"text": "x", "chunks": chunks}))
    assert said(scene) == [(0, 2.5, "One two"), (2.5, 2.5, "three four")]


def test_bad_entries_are_told(tmp_path):
    content = {
        "segments": [{"start": None, "end": 1, "text": "a"}, {"start": 0}, 7, {"start": 1, "end": 2, "text": "good"}]
    }
    (scene,), problems = read(path=write(tmp_path / "a.json", content))
    assert said(scene) == [(1, 2, "good")]
    assert [problem.message for problem in problems] == [
        "segments[0] has no time; it is left out",
        "segments[1] has no `text`; it is left out",
        "segments[2] is no object; it is left out",
    ]


def test_lyrics(tmp_path):
    text = "[ar:Somebody]\n[00:12.00]Line one\n[00:17.20][01:00.50]Line two\n[00:20.00]\nstray\n"
    (scene,), problems = read(path=write(tmp_path / "a.lrc", text))
    assert [(one.start, one.end, one.columns) for one in scene.segments] == [
        (12, 17.2, {"lyrics": "Line one"}),
        (17.2, 20, {"lyrics": "Line two"}),
        (60.5, 60.5, {"lyrics": "Line two"}),
    ]
    assert [(problem.place, problem.lost) for problem in problems] == [("line 5", True)]


def test_speech_of_many_videos(tmp_path):
    document = {
        "nVbIUDjzWY4": {"start": [0.0, 2.0], "end": [2.5, 4.0], "text": ["hey guys", "we bake"]},
        "-x2": {"text": ["b"], "start": ["1"], "end": ["2.5"]},
        "torn": {"text": ["b", "c"], "start": [1, 2], "end": [2]},
        "bad": {"text": ["b"], "start": [None], "end": [2]},
    }
    scenes, problems = read(path=write(tmp_path / "caption.json", document), suffix=".webm")
    assert [(scene.id, scene.assets[0].path, said(scene)) for scene in scenes] == [
        ("nVbIUDjzWY4", "nVbIUDjzWY4.webm", [(0, 2.5, "hey guys"), (2, 4, "we bake")]),
        ("-x2", "-x2.webm", [(1, 2.5, "b")]),
        ("torn", "torn.webm", [(1, 2, "b")]),
    ]
    assert [(problem.place, problem.lost) for problem in problems] == [("video 'torn'", True), ("video 'bad'", True)]


def test_a_folder_of_whisper(tmp_path):
    """It writes each transcript in every form; one of them is enough. Other JSON files beside them are no transcripts."""
    write(tmp_path / "a.json", WHISPER)
    write(
        tmp_path / "a.srt",
        "1\n00:00:00,000 --> 00:00:02,500\nGood evening.\n\n2\n00:00:02,500 --> 00:00:04,000\nWho is there?\n",
    )
    write(tmp_path / "a.tsv", "start\tend\ttext\n0\t2500\tGood evening.\n2500\t4000\tWho is there?\n")
    write(tmp_path / "a.info.json", {"id": "x", "title": "y", "formats": [{"url": "z"}]})
    write(tmp_path / "b.json", CPP)
    write(tmp_path / "b.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nAnother one.\n")
    write(tmp_path / "rows.tsv", "image\tcaption\na.jpg\tx\n")
    write(tmp_path / "rows.csv", "image,caption\na.jpg,x\n")
    assert [file.name for file in list_subtitles(tmp_path)] == ["a.srt", "a.json", "a.tsv", "b.vtt", "b.json"]
    scenes, problems = read(path=tmp_path)
    assert [scene.id for scene in scenes] == ["a", "b", "b-2"]  # what says something else is no second form
    assert [(problem.message, problem.lost) for problem in problems] == [
        ("says the same as a.srt, as Whisper's do; it is left out", False)
    ] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"segments": [{"start": 1, "te', "is no JSON"),
        ('{"images": [], "annotations": []}', 'reader = "coco"'),
        ('{"vid_name": "a", "sub": []}\n{"vid_name": "b", "sub": []}\n', "Give it as `subtitles`"),
        ("a,b\n1,2\n", "is no subtitle file"),
        ('<transcript><text start="1">', "is no XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><transcript><text start="1" dur="1">&b;</text></transcript>', "is no subtitle"),
    ],
)
def test_other_files(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(path=write(tmp_path / "a.json", content))


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        ('{"text": "long' + "x" * 99, True),
        ('{"language": "en", "duration": 2.5, "segments": [{"id"', True),
        ('{"systeminfo": "AVX"', True),
        ('{"info": {"a": [1]}, "segments": [ {"start"', True),
        ('[{"text": "a", "start"', True),
        ('{"images": [{"id": 1}]', False),
        ('{"v_a": {"timestamps": [[1, 2]]', False),
        ('[{"image": "a.jpg", "text": "x"}', False),
        ("start\tend\ttext\n1\t2\tx\n", True),
        ("start\tend\tlabel\n1\t2\tx\n", False),
    ],
)
def test_heads(head, is_one):
    assert looks_like_transcript(head) is is_one


@pytest.mark.parametrize(
    "text", ["1\n00:00:01,000 --> 00:00:02,000\n[00:01]\n", "[10][25]Hello", "{1}{25}Hello", "[Script Info]\n"]
)
def test_subtitles_are_no_transcripts(text):
    assert find_parser(text) is None


def test_words_of_scripts_without_spaces(tmp_path):
    chunks = [
        {"timestamp": [n / 4, n / 4 + 0.2], "text": word}
        for n, word in enumerate("同 じ 度 面 です。 はい そう".split())
    ]
    (scene,), _ = read(path=write(tmp_path / "a.json", {"text": "x", "chunks": chunks}))
    assert [one.columns["subtitle"] for one in scene.segments] == ["同じ度面です。", "はいそう"]


def test_names_that_come_from_the_sound(tmp_path):
    write(tmp_path / "film.mp3.words.json", WHISPER)
    write(tmp_path / "other.en.wav.json", CPP)
    write(tmp_path / "third.mp4.srt", "1\n00:00:01,000 --> 00:00:02,000\nHi\n")
    scenes, problems = read(path=tmp_path)
    assert [(scene.id, scene.assets[0].path) for scene in scenes] == [
        ("film", "film.mp4"),
        ("other.en", "other.mp4"),
        ("third", "third.mp4"),
    ]
    assert problems == []
    speech = Speech(tmp_path, problems.append)
    assert all(speech.find(name) for name in ("film", "other", "third"))
    assert [scene.id for scene in read(path=tmp_path, language="en")[0]] == ["other"]


def test_transcripts_join_other_readers(tmp_path):
    (tmp_path / "said").mkdir()
    write(tmp_path / "said/v_a.json", WHISPER)
    write(tmp_path / "said/v_b.csv", ",start,end,text\n0,0.5,1,Hi there\n")
    video = {"duration": 9, "timestamps": [[3, 5]], "sentences": ["She waves."]}
    file = write(tmp_path / "a.json", {"v_a": video, "v_b": video})
    problems: list[Problem] = []
    options = activitynet.Options(path=file, subtitles=tmp_path / "said")
    first, second = activitynet.read(options, problems.append)
    assert [one.text or one.columns["subtitle"] for one in first.segments] == [
        "Good evening.",
        "Who is there?",
        "She waves.",
    ]
    assert [one.text or one.columns["subtitle"] for one in second.segments] == ["Hi there", "She waves."]
    assert problems == []
