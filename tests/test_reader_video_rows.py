"""Tables about videos, and MSR-VTT and DiDeMo, which are not quite such tables."""

import json

import msgspec
import pytest

from syphus.annotations.videos import didemo, msr_vtt, video_rows
from syphus.annotations.videos.didemo import choose_pair
from syphus.annotations.videos.narrations import ABOUT_WEARER
from syphus.annotations.videos.row_times import join_spans, open_list, read_spans, read_time
from syphus.errors import InputError
from syphus.records import Asset, Scene


def read(file, reader=video_rows, **options):
    problems = []
    scenes = list(reader.read(reader.Options(path=file, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def moments(scene):
    return [(one.start, one.end, one.text) for one in scene.segments]


def captions(scene):
    return [one.text for one in scene.captions]


URL = "https://www.youtube.com/watch?v=--MWhcTHSWQ"
PANDA = (
    "videoID,url,timestamp,caption,matching_score\n"
    f"--MWhcTHSWQ,{URL},\"[['0:00:24.233', '0:00:34.367'], ['0:01:00.000', '0:01:10.500']]\","
    '"[\'It is a man\\\\\'s hat.\', ""She says \'no\'.""]","[0.4, 0.5]"\n'
)
HATS = [(24.233, 34.367, "It is a man's hat."), (60, 70.5, "She says 'no'.")]


@pytest.mark.parametrize(
    ("name", "content", "scene_id", "path", "expected"),
    [
        ("panda.csv", PANDA.replace("\\\\", "\\"), "--MWhcTHSWQ", "--MWhcTHSWQ.mp4", HATS),
        ("intern.jsonl", lines({"YoutubeID": "9n7Y", "Start_timestamp": "00:07:33.689", "End_timestamp": "00:07:51.085", "Caption": "a"}), "9n7Y", "9n7Y.mp4", [(453.689, 471.085, "a")]),
        ("rows.json", [{"video": "v_x.mp4", "duration": 8.0, "timestamp": [0, 2], "sentence": "a"}], "v_x", "v_x.mp4", [(0, 2, "a")]),
        ("rows.jsonl", lines({"video": "x/v_x.mp4", "duration": 8, "timestamps": [[0, 2], [1, 5]], "sentences": ["a", " b"]}), "v_x", "x/v_x.mp4", [(0, 2, "a"), (1, 5, "b")]),
        ("hf.jsonl", lines({"video_id": "v_x", "duration": 82.7, "captions_starts": [0.5, 17.3], "captions_ends": [19.8, 60], "en_captions": ["A", "B"]}), "v_x", "v_x.mp4", [(0.5, 19.8, "A"), (17.3, 60, "B")]),
        ("ego.tsv", "video_uid\tvideo_dur\tclip_start\tclip_end\tclip_text\nu1\t786.8\t0.2\t0.7\t#C C looks around\n", "u1", "u1.mp4", [(0.2, 0.7, "The wearer looks around")]),
        ("msvd.csv", "VideoID,Start,End,WorkerID,Language,Description\nmv89,33,46,5,English,A bird\n", "mv89", "mv89.mp4", [(33, 46, "A bird")]),
        ("frames.csv", "video,start_frame,end_frame,fps,text\na,30,75,30,x\n", "a", "a.mp4", [(1, 2.5, "x")]),
        ("one.jsonl", lines({"video": "a", "start": 3, "caption": "x"}), "a", "a.mp4", [(3, 3, "x")]),
        ("same.jsonl", lines({"video": "a_1.0_2.0", "start": 1, "end": 2, "caption": ["x", "y"]}), "a_1.0_2.0", "a_1.0_2.0.mp4", [(1, 2, "x"), (1, 2, "y")]),
        ("spans.jsonl", lines({"vid": "a", "query": "x", "windows": [[1, 2], [3, 4]]}), "a", "a.mp4", [(1, 2, "x"), (3, 4, "x")]),
    ],
)  # fmt: skip
def test_texts_with_times(tmp_path, name, content, scene_id, path, expected):
    (scene,), problems = read(write(tmp_path / name, content))
    assert (scene.id, scene.assets[0].path, moments(scene)) == (scene_id, path, expected)
    assert scene.captions == ()
    assert problems == []


@pytest.mark.parametrize(
    ("name", "content", "assets", "expected"),
    [
        ("vatex.json", [{"videoID": "Ptf_2-V0_000122_000132", "enCap": ["A bear.", "b"], "chCap": ["一个"]}], [("Ptf_2-V0_000122_000132.mp4", None, None)], [["A bear.", "b"]]),
        ("webvid.csv", 'videoid,contentUrl,duration,page_dir,name\n211,https://x.net/211/preview/stock.mp4,PT00H01M11S,006_007,"Aerial, winter"\n', [("006_007/211.mp4", "https://x.net/211/preview/stock.mp4", 71)], [["Aerial, winter"]]),
        ("jsfusion.csv", "key,vid_key,video_id,sentence\nret0,msr97,video97,a person\n", [("video97.mp4", None, None)], [["a person"]]),
        ("msrvtt_1k.json", [{"video_id": "video70", "video": "video70.mp4", "caption": "a", "url": URL, "start time": 137.7, "end time": 149.4}], [("video70.mp4", URL, None)], [["a"]]),
        ("AllVideoDescriptions.txt", "# made by\n\nmv89psg6zh4_33_46 a bird bathes\nmv89psg6zh4_33_46 a tap runs\n-4wsuPCjDBc_5_15 x\n", [("mv89psg6zh4_33_46.mp4", None, None), ("-4wsuPCjDBc_5_15.mp4", None, None)], [["a bird bathes", "a tap runs"], ["x"]]),
        ("links.jsonl", lines({"url": URL, "text": "a"}), [("--MWhcTHSWQ.mp4", URL, None)], [["a"]]),
        ("no_times.jsonl", lines({"video": "a", "caption": "x", "start": None, "end": ""}), [("a.mp4", None, None)], [["x"]]),
    ],
)  # fmt: skip
def test_texts_without_times(tmp_path, name, content, assets, expected):
    scenes, problems = read(write(tmp_path / name, content))
    assert [(asset.path, asset.url, asset.duration) for scene in scenes for asset in scene.assets] == assets
    assert [captions(scene) for scene in scenes] == expected
    assert not any(scene.segments for scene in scenes)
    assert problems == []


def test_rows_of_a_video_stand_anywhere(tmp_path):
    rows = [{"video": name, "caption": text} for name, text in (("a", "x"), ("b", "y"), ("a", "z"), ("a", "x"))]
    scenes, _ = read(write(tmp_path / "a.jsonl", lines(*rows)))
    assert [(scene.id, captions(scene)) for scene in scenes] == [("a", ["x", "z"]), ("b", ["y"])]


def test_narrations_say_who_the_wearer_is(tmp_path):
    (scene,), _ = read(write(tmp_path / "a.jsonl", lines({"video": "a", "caption": "#O A man X sits"})))
    assert (captions(scene), scene.prose) == (["A man X sits"], (ABOUT_WEARER,))


def test_languages(tmp_path):
    file = write(tmp_path / "a.csv", "VideoID,Language,Description\na,Slovene,Papagaj\na,English,A bird\n")
    (scene,), problems = read(file)
    assert captions(scene) == ["Papagaj", "A bird"]
    assert "Slovene, English" in problems[0].message
    (scene,), problems = read(file, language="english")
    assert (captions(scene), problems) == (["A bird"], [])


def test_named_columns(tmp_path):
    file = write(
        tmp_path / "a.jsonl", lines({"clip": "a", "when": "1.2 - 8.4", "what": "x", "who": "Ann", "text": "no"})
    )
    (scene,), _ = read(file, text="what", start="when", columns=("who",))
    assert moments(scene) == [(1.2, 8.4, "x")]
    assert scene.segments[0].columns == {"who": "Ann"}


def test_videos_are_found_wherever_they_were(tmp_path):
    (tmp_path / "v/sub").mkdir(parents=True)
    (tmp_path / "v/sub/a.webm").touch()
    file = write(tmp_path / "a.jsonl", lines({"video": "/data/on/other/machine/a.mp4", "caption": "x"}))
    assert read(file, images=tmp_path / "v")[0][0].assets[0].path == "sub/a.webm"
    scenes, problems = read(file)
    assert scenes == []
    assert "outside the video folder" in problems[0].message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"video": "a", "start": "soon", "end": 2, "caption": "x"},
            "`start` is 'soon', `end` is 2: these are no times",
        ),
        ({"video": "a", "start": [1, 2], "end": [3], "caption": "x"}, "these are no times"),
        ({"video": None, "caption": "x"}, "no name of a video"),
        ({"video": "a", "caption": ["", None]}, "no text"),
        ({"video": "a", "caption": {"en": "x"}}, "no text"),
        ({"video": "../../a", "caption": "x"}, "leads out"),
        ({"video": "a", "start": 1e300, "end": 2e300, "caption": "x"}, "beyond any video"),
        ({"video": "a", "start": [1, 2], "end": [3, 4], "caption": ["x", "y", "z"]}, "3 texts and 2 times"),
    ],
)
def test_bad_rows(tmp_path, row, message):
    good = {"video": "g", "start": 1, "end": 2, "caption": "good"}
    scenes, problems = read(write(tmp_path / "a.jsonl", lines(good, row)))
    assert moments(scenes[0]) == [(1, 2, "good")]
    assert [(problem.place, problem.lost) for problem in problems] == [("line 2", True)]
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "is empty"),
        ("[]", {}, "holds no rows"),
        ("a,b\n1,2\n", {}, "has no column for the video"),
        ("video,b\n1,2\n", {}, "has no column for the text"),
        ("video,text\n1,2\n", {"text": "texr"}, "Did you mean 'text'"),
        ("video,text\n1,2\n", {"columns": ("z",)}, "has no column z"),
        ('[{"video": "a.avi", "description": "x", "times": [[0, 0]], "annotation_id": 1}]', {}, 'reader = "didemo"'),
        ('{"v_a": {"duration": 3, "timestamps": [[0, 1]], "sentences": ["x"]}}', {}, "has no key for the video"),
    ],
)
def test_other_files(tmp_path, content, options, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.txt", content), **options)


# --- times ---


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (5, 5), (5.5, 5.5), ("5.5", 5.5), (" 5 s", 5), ("1:02.5", 62.5), ("00:01:02,500", 62.5), ("PT0H1M2S", 62), ("PT00H00M12S", 12),
        ("PT1M", 60), (None, None), (True, None), ("", None), ("soon", None), ("P", None), ([1], None), (float("nan"), None), (10**400, None),
        ("1e400", None), ("1:2:3:4", None),
    ],
)  # fmt: skip
def test_read_time(value, seconds):
    assert read_time(value) == seconds


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ([1, 2], [(1, 2)]),
        (["0:01", "0:02"], [(1, 2)]),
        ([[1, 2], [3, 4]], [(1, 2), (3, 4)]),
        ("[[1, 2], [3, 4]]", [(1, 2), (3, 4)]),
        ("[['0:01', '0:02']]", [(1, 2)]),
        ("1.21-8.49", [(1.21, 8.49)]),
        ("00:01 --> 00:02", [(1, 2)]),
        ("3 to 4", [(3, 4)]),
        ({"start": 1, "end": 2}, [(1, 2)]),
        ([{"start": 1, "end": 2}, [3, 4]], [(1, 2), (3, 4)]),
        (7, [(7, 7)]),
        ([[1, 2], [3, None]], None),
        ([1, 2, 3], None),
        ([], None),
        ("never", None),
        ("[" * 3000, None),
    ],
)
def test_read_spans(value, spans):
    assert read_spans(value) == spans


def test_join_spans():
    assert join_spans([30, 60], [60, 90], rate=30) == [(1, 2), (2, 3)]
    assert join_spans("[1, 2]", "[2, 3]") == [(1, 2), (2, 3)]
    assert join_spans(1, None) == [(1, 1)]
    assert join_spans([1], [2, 3]) is None
    assert open_list("[a") == "[a"


# --- MSR-VTT ---

MSR = {
    "info": {"year": "2016"},
    "videos": [
        {"category": 9, "url": URL, "video_id": "video0", "start time": 137.72, "end time": 149.44, "split": "train", "id": 0},
        {"category": "1", "url": URL, "video_id": "video1", "start time": "1.5", "end time": "2.5", "split": "test", "id": 1},
    ],
    "sentences": [
        {"caption": "a car is shown", "video_id": "video0", "sen_id": 0},
        {"caption": "the man drives", "video_id": "video0", "sen_id": 1},
        {"caption": "a car is shown", "video_id": "video0", "sen_id": 2},
        {"caption": "b", "video_id": "video1", "sen_id": 3},
    ],
}  # fmt: skip


def test_msr_vtt(tmp_path):
    categories = write(tmp_path / "category.txt", "music\t0\nvehicles/autos\t9\nx\n")
    (first, second), problems = read(write(tmp_path / "a.json", MSR), msr_vtt, categories=categories)
    # video0.mp4 is the clip: its times in YouTube's video do not say where in the file anything is
    assert first.assets == (Asset(id="video", kind="video", path="video0.mp4", url=URL, duration=11.72),)
    assert captions(first) == ["a car is shown", "the man drives"]
    assert first.prose == ("What kind of video it is: vehicles/autos.",)
    assert first.metadata == {"video": "video0", "category": 9, "subset": "train", "start": 137.72, "end": 149.44}
    assert (second.id, second.assets[0].duration, second.prose) == ("video1", 1, ())
    assert [problem.place for problem in problems] == ["line 3"]
    reordered = {"sentences": MSR["sentences"], "videos": MSR["videos"]}
    assert [one.id for one in read(write(tmp_path / "b.json", reordered), msr_vtt, subset="test")[0]] == ["video1"]


def test_bad_records_of_msr_vtt(tmp_path):
    document = {
        "videos": [{"video_id": "a"}, {"video_id": 7}, {"video_id": "../a"}],
        "sentences": [{"video_id": "a", "caption": " "}, {"video_id": "b", "caption": "x"}],
    }
    scenes, problems = read(write(tmp_path / "a.json", document), msr_vtt)
    assert [(scene.id, captions(scene)) for scene in scenes] == [("a", []), ("b", ["x"])]
    assert [problem.place for problem in problems] == ["videos[1]", "sentences[0]", "video '../a'"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("[]", "video_rows"),
        ('{"videos": []}', "has no list `sentences`"),
        ('{"images": [], "annotations": []}', 'reader = "coco"'),
        ('{"videos": [], "sentences": []}', "has no records"),
        ('{"videos": {}, "sentences": []}', "not a list"),
        ('{"videos": [{"video_id"', "the end is missing"),
    ],
)
def test_other_files_for_msr_vtt(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.json", content), msr_vtt)


def test_subsets_of_msr_vtt(tmp_path):
    with pytest.raises(InputError, match="There are `test`, `train`"):
        read(write(tmp_path / "a.json", MSR), msr_vtt, subset="val")


# --- DiDeMo ---


def found(times, video="54322086@N00_24.avi", text="man walks", **more):
    return {
        "num_segments": 6,
        "description": text,
        "dl_link": "https://x/y",
        "times": times,
        "video": video,
        "annotation_id": 12,
    } | more


def test_didemo(tmp_path):
    rows = [
        found([[0, 0], [0, 0], [0, 1], [0, 0]]),
        found([[2, 2]], video="b.avi"),
        found([[3, 4]], text="x", annotation_id=13),
    ]
    (first, second), problems = read(write(tmp_path / "a.json", rows), didemo)
    assert first.assets == (Asset(id="video", kind="video", path="54322086@N00_24.avi", url="https://x/y"),)
    # pieces of five seconds, the last one included
    assert moments(first) == [(0, 5, "man walks"), (15, 25, "x")]
    assert [one.columns for one in first.segments] == [{"agreed": "3 of 4 people"}, {}]
    assert first.metadata["annotation_ids"] == [12, 13]
    assert first.metadata["times"]["12"] == [[0, 0], [0, 0], [0, 1], [0, 0]]
    assert (second.id, moments(second)) == ("b", [(10, 15, "man walks")])
    assert problems == []


@pytest.mark.parametrize(
    ("pairs", "best"),
    [
        ([(0, 0), (0, 1), (0, 0)], ((0, 0), 2)),
        ([(1, 1), (2, 3), (2, 2)], ((2, 3), 1)),
        ([(5, 5)], ((5, 5), 1)),
    ],
)
def test_choose_pair(pairs, best):
    assert choose_pair(pairs) == best


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (found([]), 1), (found([[1]]), 2), (found([[3, 1]]), 2), (found([[0.5, 1]]), 2), (found([[-1, 1]]), 2), (found([[0, 1e9]]), 2),
        (found([[0, 0]], text=" "), 1), (found([[0, 0]], video="../x.avi"), 1), (found(None), 1), (found([[0, 0], [2, 1]], video="g.avi"), 1),
    ],
)  # fmt: skip
def test_bad_sentences_of_didemo(tmp_path, row, count):
    scenes, problems = read(write(tmp_path / "a.json", [found([[1, 1]], video="g.avi", text="good"), row]), didemo)
    assert "good" in [one.text for one in scenes[0].segments]
    assert [problem.place.startswith("[1]") for problem in problems] == [True] * count
    assert not any(segment.text == "man walks" for scene in scenes[1:] for segment in scene.segments)
