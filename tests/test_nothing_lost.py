"""From a scene to its prompt nothing is lost but what a limit or the budget cut, and that is said, block by block."""

import re
from collections import Counter
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.categories.blocks import (
    AttributeBlock,
    CaptionBlock,
    Context,
    ObjectBlock,
    OcrBlock,
    ProseBlock,
    QuestionBlock,
    RegionBlock,
    SegmentBlock,
)
from syphus.categories.context import render_context
from syphus.records import (
    Asset,
    Caption,
    Object,
    OcrLine,
    Question,
    Region,
    Relation,
    Scene,
    Segment,
)

BLOCKS = (
    "captions", "objects", "attributes", "regions", "relations", "absent", "segments", "ocr", "questions", "prose",
)  # fmt: skip
BOX = (1.0, 2.0, 30.0, 40.0)


@st.composite
def scenes(draw):
    """A scene of one to three assets in which every annotation has a word of its own, beginning with its block's name."""
    number = count()

    def word(block):
        return f"{block}x{next(number)}z"

    def some(most=5):
        return range(draw(st.integers(0, most)))

    assets = tuple(
        Asset(id=f"a{n}", kind="video", width=100, height=100, duration=100, title=f"picture number {n}")
        for n in range(draw(st.integers(1, 3)))
    )
    about = st.sampled_from([None, *(asset.id for asset in assets)])
    objects = tuple(
        Object(
            id=f"o{n}",
            label=word("objects"),
            box=draw(st.sampled_from([None, BOX])),
            asset=draw(about),
            attributes=(word("attributes"),) if draw(st.booleans()) else (),
        )
        for n in some(8)
    )
    ends = st.sampled_from([thing.id for thing in objects] or ["o0"])
    return Scene(
        id="s",
        assets=assets,
        captions=tuple(Caption(text=word("captions"), asset=draw(about)) for _ in some(7)),
        objects=objects,
        regions=tuple(Region(id=f"r{n}", text=word("regions"), box=draw(st.sampled_from([None, BOX]))) for n in some()),
        relations=tuple(
            Relation(subject=draw(ends), predicate=word("relations"), object=draw(ends))
            for _ in (some() if objects else ())
        ),
        absent=tuple(word("absent") for _ in some()),
        segments=tuple(
            Segment(
                start=draw(st.integers(0, 90)),
                end=90,
                text=word("segments") if spoken != 1 else "",
                columns={"subtitle": word("segments")} if spoken == 1 else {},
                asset=draw(about),
            )
            for _ in some(9)
            for spoken in (draw(st.integers(0, 2)),)
        ),
        ocr=tuple(OcrLine(text=word("ocr"), box=draw(st.sampled_from([None, BOX]))) for _ in some()),
        questions=tuple(Question(question=word("questions"), answers=("yes",)) for _ in some()),
        prose=tuple(word("prose") for _ in some()),
    )


def words_of(scene):
    """Every annotation's word, by block."""
    found = re.findall(r"\b([a-z]+)x\d+z\b", repr(scene))
    return Counter(found)


@given(scenes(), st.sampled_from([20, 60, 200, 5000]), st.sampled_from([1, 3, 50]))
@settings(max_examples=250, deadline=None)
def test_what_is_not_in_the_prompt_was_counted(scene, tokens, most):
    context = Context(
        blocks=BLOCKS,
        max_tokens=tokens,
        captions=CaptionBlock(max=most),
        objects=ObjectBlock(max=most),
        attributes=AttributeBlock(max=most),
        regions=RegionBlock(max=most),
        segments=SegmentBlock(max=most),
        ocr=OcrBlock(max=most),
        questions=QuestionBlock(max=most),
        prose=ProseBlock(max=most),
    )
    rendered = render_context(scene, context)
    noted = Counter()
    for note in rendered.cut:
        if found := re.match(r"(\w+): (\d+) ", note):
            noted[found[1]] += int(found[2])
    there = words_of(scene)
    # A relation's line names its objects too, and an object's name may stand there when its own line is gone.
    lines = [re.findall(r"\b([a-z]+)x\d+z\b", line) for line in rendered.text.splitlines()]
    shown = Counter("relations" if "relations" in line else line[-1] for line in lines if line)
    for block in BLOCKS:
        assert shown[block] + noted[block] == there[block], (block, rendered)


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_with_room_enough_everything_is_shown(scene):
    wide = {name: {"max": 10_000} for name in BLOCKS}
    context = Context(
        blocks=BLOCKS,
        max_tokens=100_000,
        captions=CaptionBlock(**wide["captions"]),
        objects=ObjectBlock(merge=10_000, **wide["objects"]),
    )
    rendered = render_context(scene, context)
    assert not rendered.cut
    for word in re.findall(r"\b[a-z]+x\d+z\b", repr(scene)):
        assert re.search(rf"\b{word}\b", rendered.text), word
