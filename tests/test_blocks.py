"""The blocks of text beside captions and objects: regions, relations, time, text in the picture, questions, assets."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.categories.blocks import (
    CaptionBlock,
    Context,
    ObjectBlock,
    OcrBlock,
    QuestionBlock,
    RegionBlock,
    RelationBlock,
    SegmentBlock,
)
from syphus.categories.context import render_context
from syphus.categories.lines import spread
from syphus.categories.moments import clock_time
from syphus.categories.needs import lacking
from syphus.records import Asset, Caption, Object, OcrLine, Person, Question, Region, Relation, Scene, Segment

FRAME = (Asset(width=100, height=100),)
VIDEO = (Asset(id="v", kind="video", duration=4000),)
TWO = (Asset(id="a", title="the first picture"), Asset(id="b", title="the second picture"))


def lines(scene, *blocks, **options):
    return render_context(scene, Context(blocks=blocks, **options)).text.splitlines()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (4.96, "0:04"), (5, "0:05"), (65.4, "1:05"), (3599.99, "59:59"), (3723, "1:02:03"), (0.3, "0:00")],
)
def test_times_are_written_as_a_display_shows_them(seconds, shown):
    assert clock_time(seconds) == shown
    assert clock_time(5.34, tenths=True) == "0:05.3"
    assert clock_time(0.29, tenths=True) == "0:00.2"
    assert clock_time(1.1, tenths=True) == "0:01.1", "a tenth is not lost to binary fractions"


def test_what_was_at_the_same_moment_stands_together():
    scene = Scene(
        id="s",
        assets=VIDEO,
        segments=(
            Segment(start=14, end=16, columns={"subtitle": "Where is it?", "speaker": "Monica"}),
            Segment(start=12, end=30, text="A woman opens a drawer.", columns={"objects": "drawer, knife"}),
            Segment(start=40, end=40, text="She leaves."),
            Segment(start=14, end=15, columns={"subtitle": "  "}),
        ),
    )
    assert lines(scene, "segments") == [
        "0:12 to 0:30: A woman opens a drawer. objects: drawer, knife",
        "0:14 to 0:16: Monica says: “Where is it?”",
        "0:40: She leaves.",
    ]
    assert lines(scene, "segments", segments=SegmentBlock(times="seconds", columns=()))[0] == (
        "12 s to 30 s: A woman opens a drawer."
    )
    assert lines(scene, "segments", segments=SegmentBlock(times="none", columns=("subtitle",)))[1] == (
        "Monica says: “Where is it?”"
    )


def test_short_moments_close_together_get_tenths():
    segments = tuple(Segment(start=n / 4, end=n / 4 + 0.25, text=f"word {n}") for n in range(8))
    assert lines(Scene(id="s", assets=VIDEO, segments=segments), "segments")[1] == "0:00.2 to 0:00.5: word 1"


def test_of_too_many_moments_those_stay_that_lie_evenly():
    segments = tuple(Segment(start=n, end=n + 1, text=f"event {n}") for n in range(101))
    rendered = render_context(
        Scene(id="s", assets=VIDEO, segments=segments), Context(blocks=("segments",), segments=SegmentBlock(max=5))
    )
    assert [line.split("event ")[1] for line in rendered.text.splitlines()] == ["0", "25", "50", "75", "100"]
    assert rendered.cut == ("segments: 96 over the block's limit of 5",)


@given(st.integers(0, 300))
def test_spread_ranks_each_once(count):
    assert sorted(spread(count)) == list(range(count))


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 900)), min_size=1, max_size=80),
    st.integers(1, 90),
    st.integers(60, 3000),
)
def test_no_moment_is_lost_without_a_note(times, most, tokens):
    segments = tuple(Segment(start=a, end=a + b, text=f"event {index} happens") for index, (a, b) in enumerate(times))
    context = Context(blocks=("segments",), segments=SegmentBlock(max=most), max_tokens=tokens)
    rendered = render_context(Scene(id="s", assets=VIDEO, segments=segments), context)
    noted = sum(int(re.search(r": (\d+) ", note)[1]) for note in rendered.cut if "never cut" not in note)
    assert rendered.text.count(" happens") + noted == len(segments)


def test_regions_relations_and_absent_things():
    scene = Scene(
        id="s",
        assets=FRAME,
        objects=(
            Object(id="o1", label="man", box=(0, 0, 50, 100)),
            Object(id="o2", label="horse", box=(10, 10, 90, 90)),
        ),
        regions=(
            Region(id="r1", text="a red saddle", box=(20, 30, 40, 50)),
            Region(id="r2", text="clouds\nin the sky"),
            Region(id="r3", text="clouds in the sky"),
        ),
        relations=(
            Relation(subject="o1", predicate="riding", object="o2"),
            Relation(subject="o1", predicate="riding", object="o2"),
            Relation(subject="o2", predicate="near", object="r1"),
        ),
        absent=("cat", "dog", "cat"),
    )
    assert lines(scene, "regions") == ["a red saddle: [0.200, 0.300, 0.400, 0.500]", "clouds in the sky"]
    assert lines(scene, "regions", regions=RegionBlock(boxes="none", ids=True))[0] == "r1 a red saddle"
    assert lines(scene, "relations", relations=RelationBlock(heading="How:")) == [
        "How:",
        "man riding horse",
        "horse near a red saddle",
    ]
    shown = lines(scene, "objects", "relations", objects=ObjectBlock(ids=True, boxes="none"))
    assert "o1 man riding o2 horse" in shown
    assert lines(scene, "absent") == ["cat", "dog"]


def test_writing_keeps_the_order_of_reading_and_the_largest_stays():
    scene = Scene(
        id="s",
        assets=FRAME,
        ocr=(
            OcrLine(text="small print", box=(0, 0, 10, 2)),
            OcrLine(text="EXIT", box=(0, 20, 90, 60)),
            OcrLine(text="blur", score=0.2),
        ),
    )
    assert lines(scene, "ocr", ocr=OcrBlock(min_score=0.5)) == ["“small print”", "“EXIT”"]
    assert lines(scene, "ocr", ocr=OcrBlock(max=1, boxes="unit")) == ["“EXIT”: [0.000, 0.200, 0.900, 0.600]"]


def test_questions_show_what_people_answered():
    scene = Scene(
        id="s",
        questions=(
            Question(question="What is it?", answers=("bus", "coach"), votes=(7, 3)),
            Question(question="Which?", options=("left", "right"), correct=1, rationales=("It is larger.",)),
            Question(question="Open?"),
        ),
    )
    assert lines(scene, "questions") == [
        "What is it? Answered: bus (7 of 10 people); coach (3 of 10 people).",
        "Which? (options: left; right) Right: right. Because: It is larger.",
        "Open?",
    ]
    assert lines(scene, "questions", questions=QuestionBlock(rationales=False))[1].endswith("Right: right.")


def test_several_assets_keep_order_label_and_limits_of_their_own():
    scene = Scene(
        id="s",
        assets=TWO,
        captions=tuple(Caption(text=f"{asset} {n}", asset=asset) for n in range(4) for asset in "ba"),
        prose=("The car is gone.",),
    )
    shown = render_context(scene, Context(blocks=("assets", "captions", "prose"), captions=CaptionBlock(max=2)))
    assert shown.text == (
        "the first picture:\na 0\na 1\n\nthe second picture:\nb 0\nb 1\n\n"
        "the first picture\nthe second picture\n\nThe car is gone."
    )
    assert shown.cut == ("captions: 4 over the block's limit of 2",)


def test_a_video_says_how_long_it_is():
    assert lines(Scene(id="s", assets=VIDEO), "assets") == ["the video (1:06:40 long)"]


def test_names_are_hidden_wherever_they_stand():
    scene = Scene(
        id="s",
        assets=VIDEO,
        captions=(Caption(text="Monica's kitchen."),),
        segments=(
            Segment(start=0, end=2, text="Ross hands Monica a cup."),
            Segment(start=1, end=2, columns={"subtitle": "Thanks, Ross.", "speaker": "Monica"}),
        ),
        people=(Person(name="Monica", looks="the woman in the apron"), Person(name="Ross")),
    )
    assert lines(scene, "captions", "segments") == [
        "The woman in the apron's kitchen.",
        "",
        "0:00 to 0:02: person A hands the woman in the apron a cup.",
        "0:01 to 0:02: the woman in the apron says: “Thanks, person A.”",
    ]
    assert "Monica" in "".join(lines(scene, "captions", names="shown"))


def test_references_of_captions_are_shown_only_where_ids_are():
    scene = Scene(
        id="s",
        assets=FRAME,
        objects=(Object(id="o1", label="dog", box=(0, 0, 9, 9)),),
        captions=(Caption(text="[A dog](#o1) sleeps."),),
    )
    assert lines(scene, "captions") == ["A dog sleeps."]
    assert lines(scene, "captions", "objects", objects=ObjectBlock(ids=True))[0] == "[A dog](#o1) sleeps."


@pytest.mark.parametrize(
    ("scene", "lacks"),
    [
        (Scene(id="s"), ["pair", "several", "speech", "questions", "options", "absent", "prose"]),
        (Scene(id="s", assets=TWO, prose=("x",), absent=("y",)), ["speech", "questions", "options"]),
        (
            Scene(id="s", questions=(Question(question="q", options=("a",), correct=0),)),
            ["pair", "several", "speech", "absent", "prose"],
        ),
        (
            Scene(id="s", segments=(Segment(start=0, end=1, columns={"subtitle": "hi"}),)),
            ["pair", "several", "questions", "options", "absent", "prose"],
        ),
    ],
)
def test_needs(scene, lacks):
    assert lacking(scene, ("pair", "several", "speech", "questions", "options", "absent", "prose")) == lacks


def test_of_alternatives_one_is_enough():
    needs = (("captions", "regions"), "absent")
    assert lacking(Scene(id="s"), needs) == ["captions or regions", "absent"]
    assert lacking(Scene(id="s", captions=(Caption(text="x"),), absent=("y",)), needs) == []
    assert lacking(Scene(id="s", regions=(Region(id="r1", text="x"),)), needs) == ["absent"]


def test_bare_moments_and_bare_questions_are_not_enough():
    bare = Scene(id="s", segments=(Segment(start=0, end=1),), questions=(Question(question="Why?"),))
    assert lacking(bare, ("segments", "questions")) == ["segments", "questions"]


def test_a_column_that_says_nothing_new_is_left_away():
    scene = Scene(
        id="s", assets=VIDEO, segments=(Segment(start=0, end=1, text="take plate", columns={"objects": "plate"}),)
    )
    assert lines(scene, "segments") == ["0:00 to 0:01: take plate"]
