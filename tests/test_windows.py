"""Windows of long videos: nothing of them is lost, and nothing is said of a part that is only true of the whole."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.annotations.videos.narrations import ABOUT_WEARER
from syphus.annotations.windows import CONTINUES, OF_THE_WHOLE, cut_windows, plan_windows
from syphus.errors import InputError
from syphus.records import (
    Asset,
    Box,
    Caption,
    Object,
    OcrLine,
    Person,
    Question,
    Region,
    Relation,
    Scene,
    Segment,
)

BOX: Box = (0.0, 0.0, 10.0, 10.0)


def make(segments=(), *, duration=200.0, start=None, **more):
    asset = Asset(id="video", kind="video", path="a.mp4", duration=duration, start=start)
    return Scene(id="film", assets=(asset,), segments=tuple(segments), **more)


@pytest.mark.parametrize(
    ("duration", "seconds", "overlap", "expected"),
    [
        (30, 60, 0, [(0, 30)]),
        (60, 60, 0, [(0, 60)]),
        (120, 60, 0, [(0, 60), (60, 120)]),
        (89, 60, 0, [(0, 89)]),
        (90, 60, 0, [(0, 60), (60, 90)]),
        (200, 60, 10, [(0, 60), (50, 110), (100, 160), (150, 200)]),
        (170, 60, 10, [(0, 60), (50, 110), (100, 170)]),
        (100.5, 10, 9.5, None),
    ],
)
def test_plans(duration, seconds, overlap, expected):
    windows = [tuple(window) for window in plan_windows(duration, seconds, overlap)]
    if expected is not None:
        assert windows == expected
    assert windows[0][0] == 0
    assert windows[-1][1] == duration


@pytest.mark.parametrize(
    ("seconds", "overlap"), [(0, 0), (10, 10), (10, 11), (10, -1), (float("nan"), 0), (float("inf"), 0)]
)
def test_windows_that_cannot_be_cut(seconds, overlap):
    with pytest.raises(InputError, match="cannot be cut"):
        list(cut_windows(make(), seconds, overlap))


@given(
    duration=st.floats(0.5, 5000).map(lambda value: round(value, 3)),
    seconds=st.floats(1, 600).map(lambda value: round(value, 2)),
    share=st.floats(0, 0.9),
)
@settings(max_examples=300, deadline=None)
def test_windows_cover_the_video(duration, seconds, share):
    overlap = round(seconds * share, 2)
    windows = plan_windows(duration, seconds, overlap)
    assert windows[0].start == 0
    assert windows[-1].end == duration
    for before, after in pairwise(windows):
        assert before.start < after.start <= before.end
        assert before.end - before.start == pytest.approx(seconds, abs=0.01)
    if len(windows) > 1:
        last = windows[-1].end - windows[-1].start
        assert seconds / 2 - 0.01 <= last <= seconds * 1.5 + 0.01


times = st.tuples(st.floats(0, 400), st.floats(0, 60)).map(lambda pair: (round(pair[0], 3), round(sum(pair), 3)))


@given(
    spans=st.lists(times, max_size=12),
    seconds=st.floats(5, 100).map(lambda value: round(value, 1)),
    share=st.floats(0, 0.8),
    known=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_every_segment_and_every_moment_of_it_is_in_a_window(spans, seconds, share, known):
    segments = [
        Segment(start=start, end=end, text=f"event {index}") for index, (start, end) in enumerate(sorted(spans))
    ]
    scene = make(segments, duration=500.0 if known else None)
    windows = list(cut_windows(scene, seconds, round(seconds * share, 1)))
    msgspec.json.decode(msgspec.json.encode(windows), type=list[Scene])
    assert len({window.id for window in windows}) == len(windows)
    covered: dict[str, list[tuple[float, float]]] = {}
    for window in windows:
        asset = window.assets[0]
        start = asset.start or 0.0
        for segment in window.segments:
            assert asset.duration is None or segment.end <= asset.duration + 0.0015
            covered.setdefault(segment.text, []).append((start + segment.start, start + segment.end))
    for segment in segments:
        parts = sorted(covered.pop(segment.text))
        assert parts[0][0] == pytest.approx(segment.start, abs=0.002)
        assert max(end for _, end in parts) == pytest.approx(segment.end, abs=0.002)
        reached = parts[0][1]
        for first, last in parts[1:]:
            assert first <= reached + 0.003, "a hole between two windows"
            reached = max(reached, last)
    assert not covered


def test_times_are_those_of_the_clip_and_the_asset_says_where_it_lies():
    scene = make([Segment(start=70, end=80, text="jumps", columns={"subtitle": "hop"})], duration=180, start=1000.0)
    first, second, third = cut_windows(scene, 60)
    assert [window.id for window in (first, second, third)] == ["film_0000-0060", "film_0060-0120", "film_0120-0180"]
    assert (second.assets[0].start, second.assets[0].duration) == (1060.0, 60.0)
    assert second.segments == (Segment(start=10, end=20, text="jumps", columns={"subtitle": "hop"}),)
    assert not first.segments
    assert second.metadata["window"] == {"of": "film", "start": 60, "end": 120}


def test_a_cut_segment_says_that_it_goes_on():
    segments = [
        Segment(start=50, end=130, text="runs"),
        Segment(start=59.5, end=61, text="", columns={"subtitle": "Hi"}),
    ]
    first, second, third = cut_windows(make(segments, duration=180), 60)
    assert [(s.start, s.end, s.columns) for s in first.segments] == [
        (50, 60, {CONTINUES: "it goes on after this clip"}),
        (59.5, 60, {"subtitle": "Hi"}),
    ]
    assert second.segments[0].columns == {CONTINUES: "it began before this clip and it goes on after this clip"}
    assert third.segments[0].columns == {CONTINUES: "it began before this clip"}
    assert second.segments[0].end == 60


def test_what_is_said_of_the_whole_is_marked_and_questions_are_left_out():
    scene = make(
        [Segment(start=1, end=2, text="starts")],
        captions=(Caption(text="He wins."),),
        prose=("A race.",),
        objects=(Object(id="o1", label="man", box=BOX, attributes=("tall",)), Object(id="o2", label="cup")),
        regions=(Region(id="r1", text="the crowd cheers"),),
        relations=(Relation(subject="o1", predicate="holds", object="o2"),),
        ocr=(OcrLine(text="FINISH"),),
        questions=(Question(question="Who wins?", answers=("he",)),),
        people=(Person(name="Bo"),),
        tools=("t",),
        metadata={"split": "val", "ids": [1, 2], "scores": {"a": 1}},
    )
    windows = list(cut_windows(scene, 100))
    assert len(windows) == 2
    for window in windows:
        timeless = (window.captions, window.objects, window.regions, window.relations, window.questions, window.ocr)
        assert not any(timeless)
        assert all(text.startswith(OF_THE_WHOLE) for text in window.prose)
        told = " ".join(window.prose)
        for words in ("He wins.", "A race.", "tall man, cup", "the crowd cheers", "man holds cup", "FINISH"):
            assert words in told
        assert (window.people, window.tools, window.metadata["split"]) == (scene.people, scene.tools, "val")
        assert window.metadata["window"]["questions_left_out"] == 1
        assert window.metadata.keys() == {"split", "window"}
    (whole,) = cut_windows(scene, 400)
    assert whole is scene


def test_who_films_holds_for_each_clip():
    first, _ = cut_windows(make([Segment(start=5, end=6, text="x")], prose=(ABOUT_WEARER, "A kitchen.")), 100)
    assert first.prose == (ABOUT_WEARER, OF_THE_WHOLE + "A kitchen.")


def test_windows_of_windows_say_so_once():
    scene = make([Segment(start=5, end=6, text="x")], prose=("A race.",))
    inner = list(cut_windows(next(cut_windows(scene, 100)), 50))
    assert inner[0].prose == (OF_THE_WHOLE + "A race.",)
    assert inner[1].assets[0].start == 50


def test_windows_without_anything_may_be_left_out():
    scene = make([Segment(start=150, end=160, text="x")])
    assert [window.id for window in cut_windows(scene, 50, keep_empty=False)] == ["film_0100-0150", "film_0150-0200"][
        1:
    ]
    assert len(list(cut_windows(scene, 50))) == 4
    assert not list(cut_windows(make(), 50, keep_empty=False))
    assert not list(cut_windows(make(duration=20.0), 50, keep_empty=False))


@pytest.mark.parametrize(
    "scene",
    [
        Scene(id="a", assets=(Asset(path="a.jpg"),)),
        Scene(id="b"),
        Scene(id="c", assets=(Asset(id="x", kind="video", duration=500.0), Asset(id="y", kind="video"))),
        Scene(id="d", assets=(Asset(kind="video"),)),
    ],
)
def test_what_is_no_single_video_stays(scene):
    assert list(cut_windows(scene, 10)) == [scene]


def test_what_has_no_times_is_not_cut_only_to_be_left_out():
    scene = make(captions=(Caption(text="He wins."),), questions=(Question(question="Who?", answers=("he",)),))
    assert list(cut_windows(scene, 50, keep_empty=False)) == [scene]
    assert len(list(cut_windows(scene, 50))) == 4
    short = make(duration=20.0, prose=("A race.",))
    assert list(cut_windows(short, 50, keep_empty=False)) == [short]


def test_half_seconds_in_ids():
    scene = make(duration=10.0)
    assert [window.id for window in cut_windows(scene, 2.5)][:2] == ["film_0000-0002.5", "film_0002.5-0005"]


def test_a_duration_that_cannot_be_true_is_refused():
    with pytest.raises(InputError, match="more than 100,000 windows"):
        list(cut_windows(make(duration=1e300), 10))
