"""Scenes as text: nothing is lost without a note, nothing exceeds the budget, nothing foreign gets in."""

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from syphus.categories.blocks import (
    AttributeBlock,
    CaptionBlock,
    Context,
    KeypointBlock,
    ObjectBlock,
    ProseBlock,
)
from syphus.categories.context import estimate_tokens, render_context
from syphus.categories.lines import one_line
from syphus.categories.needs import lacking
from syphus.errors import InputError
from syphus.records import Asset, Caption, Keypoint, Object, OcrLine, Region, Relation, Scene, Segment

FRAME = (Asset(width=100, height=100),)
ALL = ("captions", "objects", "attributes", "keypoints", "prose")


def thing(identity, label="dog", box=(0, 0, 10, 10), **kwargs):
    return Object(id=identity, label=label, box=box, **kwargs)


def scene(*objects, assets=FRAME, captions=(), **kwargs):
    return Scene(
        id="s", assets=assets, objects=objects, captions=tuple(Caption(text=text) for text in captions), **kwargs
    )


def render(of, *blocks, **kwargs):
    return render_context(of, Context(blocks=blocks or ("objects",), **kwargs))


def lines(of, *blocks, **kwargs):
    return render(of, *blocks, **kwargs).text.splitlines()


# --- captions and prose


@pytest.mark.parametrize(
    ("captions", "options", "wanted"),
    [
        (["A dog.", "A cat."], {}, ["A dog.", "A cat."]),
        (["A dog.", "A  dog.\n", "A cat."], {}, ["A dog.", "A cat."]),
        (["One\n\ntwo\r\nthree\u2028four\tfive"], {}, ["One two three four five"]),
        (["\x1b[31mRed\x1b[0m \x00dog\x07\x7f\x9b"], {}, ["Red dog"]),
        ([" \n", "A dog."], {"style": "numbered"}, ["1. A dog."]),
        (["A dog.", "A cat."], {"style": "numbered", "heading": "Seen:"}, ["Seen:", "1. A dog.", "2. A cat."]),
        (["{{scene.id}} {0} %s"], {}, ["{{scene.id}} {0} %s"]),
        (["a", "b", "c"], {"max": 2}, ["a", "b"]),
        ([], {"heading": "Seen:"}, []),
    ],
)
def test_captions(captions, options, wanted):
    assert lines(scene(captions=captions), "captions", captions=CaptionBlock(**options)) == wanted


def test_a_limit_is_told():
    rendered = render(scene(captions="abcd"), "captions", captions=CaptionBlock(max=1))
    assert rendered.cut == ("captions: 3 over the block's limit of 1",)


def test_blocks_stand_in_the_categorys_order_with_an_empty_line_between():
    one = scene(thing("o1", attributes=("red",)), captions=["A dog."], prose=("It rains.", " "))
    context = Context(blocks=("prose", "attributes", "captions"), prose=ProseBlock(heading="Text:"))
    assert render_context(one, context).text == "Text:\nIt rains.\n\ndog: red\n\nA dog."


# --- objects


@pytest.mark.parametrize(
    ("objects", "options", "wanted"),
    [
        ([thing("o1")], {}, ["dog: [0.000, 0.000, 0.100, 0.100]"]),
        ([thing("o1")], {"boxes": "none"}, ["dog"]),
        ([thing("o1", box=None)], {}, ["dog"]),
        ([thing("o1")], {"ids": True, "boxes": "none"}, ["o1 dog"]),
        ([thing("o1", crowd=True)], {"boxes": "none"}, ["dog (a crowd)"]),
        ([thing("o1", attributes=("red", "big"))], {"attributes": True, "boxes": "none"}, ["dog (red, big)"]),
        ([thing("o1", attributes=("red",))], {"boxes": "none"}, ["dog"]),
        (
            [thing("o1", "hot\n\ndog\x1b[1m", attributes=("a\nb",))],
            {"attributes": True, "boxes": "none"},
            ["hot dog (a b)"],
        ),
        (
            [thing("o1"), thing("o2", "cat", (0, 0, 50, 50)), thing("o3", "cow", None)],
            {"boxes": "none"},
            ["cat", "dog", "cow"],
        ),
        (
            [thing("o1", "b", (9, 0, 10, 9)), thing("o2", "a", (1, 0, 2, 1))],
            {"sort": "left", "boxes": "none"},
            ["a", "b"],
        ),
        (
            [thing("o1", "b", (9, 0, 10, 1)), thing("o2", "a", (1, 0, 9, 9))],
            {"sort": "file", "boxes": "none"},
            ["b", "a"],
        ),
        ([thing("o1", "a", score=0.3), thing("o2", "b")], {"min_score": 0.5, "boxes": "none"}, ["b"]),
    ],
)
def test_objects(objects, options, wanted):
    assert lines(scene(*objects), objects=ObjectBlock(**options)) == wanted


def herd(count, label="sheep", **kwargs):
    return [
        thing(f"{label}{index}", label, (index, 2 * index % 80, index + 10, 2 * index % 80 + 10), **kwargs)
        for index in range(count)
    ]


def test_many_equal_ones_become_one_line_with_their_number_and_the_box_around_all():
    assert lines(scene(*herd(7), thing("d"))) == [
        "sheep (7 of them): [0.000, 0.000, 0.160, 0.220]",
        "dog: [0.000, 0.000, 0.100, 0.100]",
    ]
    assert len(lines(scene(*herd(6)))) == 6
    assert len(lines(scene(*herd(7)), objects=ObjectBlock(ids=True))) == 7
    assert len(lines(scene(*herd(4)), objects=ObjectBlock(merge=3))) == 1


def test_what_differs_is_not_merged():
    crowds = herd(3, crowd=True)
    others = [Object(id=f"x{index}", label="sheep", box=(0, 0, 5, 5)) for index in range(3)]
    assert len(lines(scene(*crowds, *others), objects=ObjectBlock(merge=3))) == 6
    assert lines(scene(*herd(4, crowd=True)), objects=ObjectBlock(merge=3, boxes="none")) == [
        "sheep (a crowd) (4 of them)"
    ]
    red, blue = herd(3, "bus", attributes=("red",)), herd(3, "bus2", attributes=("blue",))
    buses = [Object(id=one.id, label="bus", attributes=one.attributes) for one in (*red, *blue)]
    shown = ObjectBlock(merge=2, attributes=True)
    assert lines(scene(*buses), objects=shown) == ["bus (red) (3 of them)", "bus (blue) (3 of them)"]
    two = (Asset(id="a", width=100, height=100), Asset(id="b", width=100, height=100))
    apart = [Object(id=f"o{index}", label="sheep", asset="ab"[index % 2]) for index in range(6)]
    assert lines(scene(*apart, assets=two), objects=ObjectBlock(merge=2)) == [
        "a:",
        "sheep (3 of them)",
        "",
        "b:",
        "sheep (3 of them)",
    ]


def test_merged_ones_count_as_one_line_for_the_limit():
    rendered = render(scene(*herd(50), thing("d", box=(0, 0, 1, 1))), objects=ObjectBlock(max=2))
    assert [line.partition(":")[0] for line in rendered.text.splitlines()] == ["sheep (50 of them)", "dog"]
    assert rendered.cut == ()


def test_the_smallest_and_the_crowds_go_first():
    objects = [
        thing("o1", "small", (0, 0, 2, 2)),
        thing("o2", "crowd", (0, 0, 90, 90), crowd=True),
        thing("o3", "big", (0, 0, 50, 50)),
    ]
    for most, wanted in ((3, {"small", "crowd", "big"}), (2, {"small", "big"}), (1, {"big"})):
        rendered = render(scene(*objects), objects=ObjectBlock(max=most, boxes="none", sort="file"))
        assert {line.split()[0] for line in rendered.text.splitlines()} == wanted


def test_a_merged_line_is_as_useful_as_its_most_useful_one():
    # Leftmost first, so the group's first is its smallest.
    sheep = [
        thing("s0", "sheep", (0, 0, 1, 1)),
        thing("s1", "sheep", (5, 0, 95, 95)),
        thing("s2", "sheep", (6, 0, 8, 8)),
    ]
    rendered = render(
        scene(*sheep, thing("d", box=(1, 1, 20, 20))), objects=ObjectBlock(merge=2, max=1, sort="left", boxes="none")
    )
    assert rendered.text == "sheep (3 of them)"


def test_a_box_in_a_picture_of_unknown_size():
    unsized = scene(thing("o1"), assets=(Asset(),))
    with pytest.raises(InputError, match="width and height are not known"):
        render(unsized)
    assert lines(unsized, objects=ObjectBlock(boxes="pixels")) == ["dog: [0, 0, 10, 10]"]
    assert lines(unsized, objects=ObjectBlock(boxes="none")) == ["dog"]
    assert lines(scene(thing("o1", box=None), assets=(Asset(),))) == ["dog"]
    with pytest.raises(InputError, match="no box convention 'unti'"):
        render(scene(thing("o1")), objects=ObjectBlock(boxes="unti"))


# --- attributes and body parts


def test_attributes():
    one = scene(
        thing("o1", attributes=("red", "big")),
        thing("o2", "cat", (0, 0, 50, 50), attributes=("wet",)),
        thing("o3", "cow"),
    )
    assert lines(one, "attributes") == ["cat: wet", "dog: red, big"]
    rendered = render(one, "attributes", attributes=AttributeBlock(max=1))
    assert (rendered.text, rendered.cut) == ("cat: wet", ("attributes: 1 over the block's limit of 1",))


PARTS = (Keypoint(name="left_eye", x=25, y=50), Keypoint(name="nose", x=1, y=1, visible=False))


@pytest.mark.parametrize(
    ("boxes", "keypoints", "sized", "wanted"),
    [
        ("none", PARTS, True, "dog at [0.000, 0.000, 0.100, 0.100], visible: left eye"),
        ("none", PARTS, False, "dog, visible: left eye"),
        ("unit", PARTS, True, "dog at [0.000, 0.000, 0.100, 0.100], visible: left eye [0.250, 0.500]"),
        ("gemini", PARTS, True, "dog at [0, 0, 100, 100], visible: left eye [500, 250]"),
        ("pixels", PARTS, False, "dog at [0, 0, 10, 10], visible: left eye [25, 50]"),
        ("none", PARTS[1:], True, "dog at [0.000, 0.000, 0.100, 0.100], visible: nothing but the outline"),
    ],
)
def test_body_parts(boxes, keypoints, sized, wanted):
    one = scene(thing("o1", keypoints=keypoints), assets=FRAME if sized else (Asset(),))
    assert lines(one, "keypoints", keypoints=KeypointBlock(boxes=boxes)) == [wanted]


def test_points_need_a_frame_as_boxes_do():
    for box in ((0, 0, 1, 1), None):
        with pytest.raises(InputError, match="width and height are not known"):
            render(
                scene(thing("o1", box=box, keypoints=PARTS), assets=(Asset(),)),
                "keypoints",
                keypoints=KeypointBlock(boxes="unit"),
            )


# --- several assets


def test_several_assets_each_have_their_own_lines():
    two = Scene(
        id="s",
        assets=(Asset(id="a", title="Before\n\n"), Asset(id="b", width=10, height=10), Asset(id="c")),
        captions=(
            Caption(text="x"),
            Caption(text="y", asset="b"),
            Caption(text="x", asset="b"),
            Caption(text="x", asset="a"),
        ),
        objects=(Object(id="o1", label="dog", box=(0, 0, 5, 10), asset="b"),),
        prose=("Both were made in May.",),
    )
    context = Context(blocks=("captions", "objects", "prose"), captions=CaptionBlock(heading="Seen:"))
    assert render_context(two, context).text == (
        "Before, Seen:\nx\n\nb, Seen:\ny\nx\n\nb:\ndog: [0.000, 0.000, 0.500, 1.000]\n\nBoth were made in May."
    )


def test_captions_are_numbered_for_each_asset_and_every_heading_counts():
    two = Scene(
        id="s",
        assets=(Asset(id="a"), Asset(id="b")),
        captions=(Caption(text="x"), Caption(text="y", asset="b"), Caption(text="z")),
        objects=(Object(id="o1", label="dog", attributes=("red",)),),
    )
    context = Context(
        blocks=("captions", "objects", "attributes"),
        captions=CaptionBlock(style="numbered"),
        cut=("captions",),
        max_tokens=100,
    )
    text = "a:\n1. x\n2. z\n\na:\ndog\n\na:\ndog: red\n\nb:\n1. y"
    whole = render_context(two, context)
    assert (whole.text, whole.cut) == (text, ())
    for budget in range(1, estimate_tokens(text)):
        assert render_context(two, structs.replace(context, max_tokens=budget)).cut


# --- the budget


def busy(words=12):
    return scene(
        *[thing(f"o{index}", f"thing{index}", (0, 0, index + 1, index + 1), attributes=("red",)) for index in range(8)],
        captions=[" ".join(["word"] * words) + f" {index}" for index in range(5)],
        prose=("some prose", "and more"),
    )


def test_the_least_useful_goes_first_and_first_lines_last():
    counts = {}
    cuts = {}
    for budget in range(400, 0, -5):
        rendered = render(busy(), *ALL[:3], "prose", max_tokens=budget)
        parts = rendered.text.split("\n\n")
        counts[budget] = {
            "captions": sum("word" in part for part in rendered.text.splitlines()),
            "objects": len(re.findall(r"^thing\d: \[", rendered.text, re.MULTILINE)),
            "attributes": rendered.text.count(": red"),
            "prose": rendered.text.count("prose") + rendered.text.count("more"),
        }
        cuts[budget] = rendered.cut
        assert "" not in parts or not rendered.text
        # A block gives up its second line only when those before it have one left, and its first after all those.
        shown = counts[budget]
        if shown["attributes"] > 1:
            assert (shown["objects"], shown["prose"], shown["captions"]) == (8, 2, 5)
        elif shown["objects"] > 1:
            assert (shown["prose"], shown["captions"]) == (2, 5)
        elif shown["prose"] > 1:
            assert shown["captions"] == 5
        if shown["captions"] > 1 and 0 in shown.values():
            pytest.fail(f"{budget}: {shown}")
        assert shown["captions"] >= 1
        # What is kept of a block is its best.
        if 0 < shown["objects"] < 8:
            assert all(f"thing{index}: [" in rendered.text for index in range(8 - shown["objects"], 8))
        told = {note.partition(":")[0]: int(note.split()[1]) for note in rendered.cut if "cut to fit" in note}
        full = {"captions": 5, "objects": 8, "attributes": 8, "prose": 2}
        assert told == {block: full[block] - count for block, count in shown.items() if count < full[block]}
    assert cuts[400] == ()
    assert cuts[5][-1] == "what is never cut is longer than 5 tokens"
    for budget, shown in counts.items():
        larger = [counts[other] for other in counts if other > budget]
        assert all(sum(shown.values()) <= sum(other.values()) for other in larger)


def test_a_block_that_is_not_to_be_cut_stays():
    rendered = render(busy(), "captions", "objects", cut=("objects",), max_tokens=10)
    assert rendered.text.count("word 0") == 1
    assert len([line for line in rendered.text.splitlines() if "word" in line]) == 5
    assert rendered.cut == ("objects: 7 cut to fit 10 tokens", "what is never cut is longer than 10 tokens")


# --- whatever comes

texts = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("\n\r\t\x00\x1b\u2028 {}"), min_size=1, max_size=15
)
boxes = st.tuples(st.integers(0, 49), st.integers(0, 49), st.integers(50, 100), st.integers(50, 100))


@st.composite
def scenes(draw):
    assets = tuple(Asset(id=one, width=100, height=100) for one in draw(st.sampled_from(["", "a", "ab"])))
    where = st.sampled_from([None, *(one.id for one in assets)])
    box = st.none() | boxes if assets else st.none()
    pool = draw(st.lists(texts, min_size=1, max_size=4))
    objects = tuple(
        Object(
            id=f"o{index}",
            label=draw(st.sampled_from(pool)),
            box=draw(box),
            asset=draw(where),
            attributes=tuple(draw(st.lists(texts, max_size=2))),
            crowd=draw(st.booleans()),
        )
        for index in range(draw(st.integers(0, 12)))
    )
    return Scene(
        id="s",
        assets=assets,
        captions=tuple(Caption(text=text, asset=draw(where)) for text in draw(st.lists(texts, max_size=7))),
        objects=objects,
        prose=tuple(draw(st.lists(texts, max_size=3))),
    )


contexts = st.builds(
    Context,
    blocks=st.permutations(ALL),
    max_tokens=st.integers(1, 400),
    captions=st.builds(CaptionBlock, style=st.sampled_from(["lines", "numbered"]), heading=st.sampled_from(["", "C:"])),
    objects=st.builds(
        ObjectBlock,
        boxes=st.sampled_from(["none", "unit", "pixels"]),
        merge=st.integers(1, 6),
        max=st.integers(1, 10),
        ids=st.booleans(),
        attributes=st.booleans(),
        sort=st.sampled_from(["area", "left", "file"]),
    ),
)


@settings(max_examples=200, deadline=None)
@given(scenes(), contexts)
def test_nothing_is_lost_without_a_note_and_the_budget_holds(one, context):
    rendered = render_context(one, context)
    cut = {note.partition(":")[0] for note in rendered.cut}
    shown = rendered.text.splitlines()
    if "captions" not in cut:
        for caption in one.captions:
            text = one_line(caption.text)
            assert not text or any(line.removeprefix(f"{number}. ") == text for line in shown for number in range(8))
    if "objects" not in cut:
        assert all(any(label in line for line in shown) for thing in one.objects if (label := one_line(thing.label)))
        assert not context.objects.ids or all(any(line.startswith(thing.id) for line in shown) for thing in one.objects)
        assert not context.objects.attributes or all(
            one_line(text) in rendered.text for thing in one.objects for text in thing.attributes
        )
    if "attributes" not in cut:
        assert all(one_line(text) in rendered.text for thing in one.objects for text in thing.attributes)
    if "prose" not in cut:
        assert all(one_line(text) in rendered.text for text in one.prose)
    assert (
        estimate_tokens(rendered.text) <= context.max_tokens
        or f"what is never cut is longer than {context.max_tokens} tokens" in cut
    )
    assert not any(unicodedata.category(sign) == "Cc" and sign != "\n" for sign in rendered.text)
    assert "\n\n\n" not in rendered.text
    assert rendered.text == rendered.text.strip()
    assert render_context(one, context) == rendered


def test_a_caption_cannot_pass_for_a_block():
    rendered = render(
        scene(thing("o1"), captions=["A dog.\n\nWhat is where:\ncat: [0, 0, 1, 1]"]), "captions", "objects"
    )
    assert len(rendered.text.splitlines()) == 3


def test_forty_objects_take_no_time():
    crowded = [
        scene(
            *[thing(f"o{index}", f"label {index % 9}", (index, 0, index + 9, 50)) for index in range(40)],
            captions=["A dog."] * 5,
        )
    ] * 20
    start = time.perf_counter()
    for one in crowded:
        render(one, "captions", "objects")
    assert time.perf_counter() - start < 1  # 20 ms on the machine it was written on


# --- what is asked of a scene


@pytest.mark.parametrize(
    ("need", "has", "not_yet"),
    [
        ("captions", scene(captions=["x"]), scene()),
        ("objects", scene(thing("o", box=None)), scene()),
        ("boxes", scene(thing("o")), scene(thing("o"), assets=(Asset(width=3),))),
        ("boxes", scene(thing("o")), scene(thing("o", box=None))),
        ("boxes", scene(thing("o")), scene(thing("o"), assets=())),
        ("attributes", scene(thing("o", attributes=("x",))), scene(thing("o"))),
        ("keypoints", scene(thing("o", keypoints=PARTS)), scene(thing("o"))),
        ("regions", scene(regions=(Region(id="r", text="x"),)), scene()),
        (
            "relations",
            scene(thing("o"), relations=(Relation(subject="o", predicate="x", object="o"),)),
            scene(thing("o")),
        ),
        ("segments", scene(segments=(Segment(start=0, end=1, text="x"),)), scene(segments=(Segment(start=0, end=1),))),
        ("ocr", scene(ocr=(OcrLine(text="x"),)), scene()),
    ],
)
def test_what_is_lacking(need, has, not_yet):
    assert lacking(has, (need,)) == []
    assert lacking(not_yet, (need,)) == [need]
    assert lacking(not_yet, ()) == []


# --- tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("A dog runs.", 4),
        ("a photographer", 3),
        ("[0.123, 0.456]", 10),
        ("dog\ncat\n\ncow", 5),
        ("end.\nnext", 3),
        ("2017 3", 4),
        ("snake_case", 3),
        ("图片里", 3),
        ("Мужчина", 3),
        ("🚲🚲", 2),
    ],
)
def test_token_estimates(text, count):
    assert estimate_tokens(text) == count


@given(st.lists(st.text(max_size=20).map(one_line), max_size=6))
def test_a_text_is_never_estimated_higher_than_its_lines(parts):
    assert estimate_tokens("\n\n".join(parts)) <= sum(estimate_tokens(part) + 1 for part in parts)
