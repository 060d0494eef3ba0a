"""Texts with coordinates in them become references, and references rendered in any convention come back."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.annotations.pictures import coco
from syphus.errors import InputError
from syphus.records import Asset, Dialogue, Keypoint, Object, Turn
from syphus.references.boxes import CONVENTIONS
from syphus.references.inline import guess_conventions, parse_inline
from syphus.references.nouns import find_noun_phrase
from syphus.references.rendering import POINT, Slot, render_slots, render_text
from syphus.references.text import escape_text, find_references, plain_text

WIDTH, HEIGHT = 640, 480

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "coco_ccby").is_dir(), reason=f"the real annotation files are not in {DATA}")


def parse(texts, name, **more):
    more = {"width": WIDTH, "height": HEIGHT, **more}
    return parse_inline([texts] if isinstance(texts, str) else texts, CONVENTIONS[name], **more)


def dialogue(objects, texts=("x", "y")):
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(texts))
    return Dialogue(id="d", scene="s", turns=turns, assets=(Asset(width=WIDTH, height=HEIGHT),), objects=objects)


@pytest.mark.parametrize(
    ("name", "text", "wanted", "boxes"),
    [
        # LLaVA-1.5: the phrase is in the words before, or there is none
        (
            "unit2",
            "Please provide a short description for this region: [0.10, 0.20, 0.50, 1.00].",
            "Please provide a short description for this region: [](#o1).",
            [(64, 96, 320, 480)],
        ),
        ("unit", "[0.1, 0.2, 0.5, 1]", "[](#o1)", [(64, 96, 320, 480)]),
        ("unit", "A man holding the red kite [0.1,0.2,0.5,1.0]", "A man holding [the red kite](#o1)", [(64, 96, 320, 480)]),
        # Shikra: padded, several boxes with semicolons
        (
            "shikra",
            "two dogs[0.100,0.200,0.500,0.800;0.600,0.200,0.900,0.800] play",
            "[two dogs](#o1,#o2) play",
            [(64, 48, 320, 432), (384, 48, 576, 432)],
        ),
        # Ferret: a grid of 1000
        ("grid1000", "What is the cat [100, 200, 500, 999] doing?", "What is [the cat](#o1) doing?", None),
        # KOSMOS-2
        (
            "kosmos2",
            "<phrase> it</phrase><object><patch_index_0195><patch_index_1007></object> sleeps",
            "[it](#o1) sleeps",
            [(70, 97.5, 310, 472.5)],
        ),
        # Qwen-VL: with and without a phrase
        (
            "qwen",
            "<ref>the dog</ref><box>(100,200),(500,1000)</box><box>(600,0),(900,800)</box> and <box>(1,2),(3,4)</box>",
            "[the dog](#o1,#o2) and [](#o3)",
            None,
        ),
        ("qwen2", "<|object_ref_start|>a<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|>", "[a](#o1)", None),
        # InternVL, with the white space that its data has
        ("internvl", "<ref>cat</ref><box>[[1, 2, 30, 40], [5,6, 70,80]]</box>!", "[cat](#o1,#o2)!", None),
        ("internvl", "What is in <box>[[1, 2, 30, 40]]</box>?", "What is in [](#o1)?", None),
        # JSON
        (
            "qwen3",
            '```json\n[\n\t{"bbox_2d": [1, 2, 30, 40], "label": "a \\"b\\""},\n\t{"bbox_2d": [5, 6, 70, 80]}\n]\n```',
            '```json\n[\n\t[a "b"](#o1),\n\t[](#o2)\n]\n```',
            None,
        ),
        ("paligemma", "<loc0204><loc0102><loc1023><loc0512> cat ; <loc0001><loc0002><loc0003><loc0004> dog", "[cat](#o1) ; [dog](#o2)", None),
        ("florence2", "a green car<loc_1><loc_2><loc_3><loc_4>a door<loc_5><loc_6><loc_7><loc_8>", "[a green car](#o1)[a door](#o2)", None),
        ("minigpt_v2", "<p>chairs</p> {<1><2><30><40>}<delim>{<5><6><70><80>}", "[chairs](#o1,#o2)", None),
        # equal boxes are one object, whatever they are called
        ("unit", "the dog [0.1, 0.2, 0.5, 1.0] and the animal [0.1, 0.2, 0.5, 1.0]", "[the dog](#o1) and [the animal](#o1)", [(64, 96, 320, 480)]),
        # brackets cannot stand in a phrase
        ("qwen", "<ref>a [b]</ref><box>(1,2),(30,40)</box>", "[a (b)](#o1)", None),
        # what has no box stays
        ("qwen", "<ref>nothing</ref> and <ref>a dog</ref><box>(1,2),(30,40)</box>", "<ref>nothing</ref> and [a dog](#o1)", None),
        ("unit", "array[3] = [1, 2, 3]", "array[3] = [1, 2, 3]", []),
        ("unit", "", "", []),
    ],
)  # fmt: skip
def test_texts_of_real_forms(name, text, wanted, boxes):
    parsed = parse(text, name)
    assert parsed.texts == (wanted,)
    assert not parsed.problems
    if boxes is not None:
        assert [thing.box for thing in parsed.objects] == [pytest.approx(box) for box in boxes]
    assert [identity for one in find_references(wanted) for identity in one.ids if identity not in
            {thing.id for thing in parsed.objects}] == []  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("unit", "the list [5, 6, 7, 8]", "outside"),
        ("unit", "the dog [0.5, 0.2, 0.1, 0.9]", "wrong way round"),
        ("kosmos2", "<phrase>it</phrase><object><patch_index_9999><patch_index_0001></object>", "no upper left"),
        ("shikra", "the dog[0.1,0.0,0.2,0.05]", "outside the picture"),
    ],
)
def test_what_is_no_box_stays_text_and_is_told(name, text, reason):
    parsed = parse(["fine", text], name)
    assert parsed.texts == ("fine", text)
    assert not parsed.objects
    assert len(parsed.problems) == 1
    assert parsed.problems[0].startswith("turn 2: ")
    assert reason in parsed.problems[0]


def test_one_dialogue_has_one_set_of_objects():
    parsed = parse(
        ["Where is the dog?", "the dog [0.1, 0.2, 0.5, 1.0]", "And [0.1, 0.2, 0.5, 1.0]?"],
        "unit", asset="image", taken={"o1", "image"},
    )  # fmt: skip
    assert parsed.texts[1:] == ("[the dog](#o2)", "And [](#o2)?")
    (thing,) = parsed.objects
    assert (thing.id, thing.label, thing.asset) == ("o2", "the dog", "image")


def test_an_object_without_a_phrase_is_called_by_its_first_phrase():
    parsed = parse(["What is [0.1, 0.2, 0.5, 1.0]?", "It is the dog [0.1, 0.2, 0.5, 1.0]."], "unit")
    assert [thing.label for thing in parsed.objects] == ["the dog"]
    assert [thing.label for thing in parse("[0.1, 0.2, 0.5, 1.0]", "unit").objects] == ["object"]


def test_points_are_keypoints():
    parsed = parse('Look: <point x="50.0" y="25.0" alt="the dog">the dog</point>', "molmo")
    assert parsed.texts == ("Look: [the dog](#o1)",)
    assert parsed.objects == (
        Object(id="o1", label="the dog", keypoints=(Keypoint(name=POINT, x=320, y=120),)),
    )  # fmt: skip
    made = dialogue(parsed.objects)
    assert render_text("[it](#o1)", made, CONVENTIONS["shikra_point"]) == "it[0.500,0.312]"
    assert render_text("[it](#o1)", made, CONVENTIONS["unit"]) == "it"


def test_links_stay_links_and_backslashes_before_a_box_do_not_swallow_it():
    text = escape_text("[Notes](#notes) C:\\") + "[0.1, 0.2, 0.5, 1.0]"
    (read,) = parse(text, "unit").texts
    assert [one.ids for one in find_references(read)] == [("o1",)]
    assert plain_text(read) == "[Notes](#notes) C:\\"


def test_a_missing_frame_is_an_input_error_only_where_there_are_boxes():
    assert parse("no boxes", "unit", width=None).texts == ("no boxes",)
    assert parse("the dog [1, 2, 3, 4]", "pixels", width=None, height=None).objects[0].box == (1, 2, 3, 4)
    with pytest.raises(InputError, match="width and height are not known"):
        parse("the dog [0.1, 0.2, 0.3, 0.4]", "unit", width=None)


def test_slots_take_the_boxes_beside_the_text():
    slots = [
        Slot(phrase="a man", box=(1, 2, 3, 4)),
        Slot(phrase="two cats", box=(5, 6, 7, 8)),
        Slot(phrase="two cats", box=(1, 2, 3, 4)),
    ]
    parsed = parse(["<ref-object><bbox> sees <ref-object><bbox><bbox>", "yes, <bbox>"], "swift", slots=slots)
    assert parsed.texts == ("[a man](#o1) sees [two cats](#o2,#o1)", "yes, <bbox>")
    assert "fewer boxes beside the text" in parsed.problems[0]


# --- the way there and back, in every convention ---

NOUNS = st.sampled_from(["dog", "red bus", "old man", "Bär", "big black cat", "people"])
PHRASES = st.builds("{} {}".format, st.sampled_from(["a", "the", "two", "her"]), NOUNS)
BOXES = st.tuples(st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0.1, 1), st.floats(0.1, 1)).map(
    lambda part: (
        part[0] * WIDTH, part[1] * HEIGHT, part[0] * WIDTH + part[2] * 0.2 * WIDTH, part[1] * HEIGHT + part[3] * 0.2 * HEIGHT
    )
)  # fmt: skip
PIECES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\<>[]{}();|"), max_size=12)
LINES_ONLY = {"paligemma", "florence2", "florence2_quad"}
"""Their texts are lists of phrases; a sentence around one could not be told from it."""


@given(
    st.sampled_from(sorted(CONVENTIONS)),
    st.lists(st.tuples(PIECES, PHRASES, st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)), max_size=4),
    PIECES,
    st.lists(BOXES, min_size=4, max_size=4),
)
def test_references_rendered_and_parsed_are_the_same_references(name, pieces, end, boxes):
    convention = CONVENTIONS[name]
    objects = tuple(Object(id=f"o{index}", label="thing", box=box) for index, box in enumerate(boxes, start=1))
    text = ""
    for index, (before, phrase, chosen) in enumerate(pieces):
        ids = ",".join(f"#o{number + 1}" for number in chosen)
        front = "\n" * bool(index) if name in LINES_ONLY else f"{before} /{index}/ "
        text += f"{front}[{phrase}]({ids})"
    text += "" if name in LINES_ONLY else f". {end}"
    shown, slots = render_slots(text, dialogue(objects), convention)
    parsed = parse(shown, name, slots=slots)
    assert not parsed.problems

    # The same phrases, at the same boxes within the convention's resolution.
    wanted, found = list(find_references(text)), list(find_references(parsed.texts[0]))
    assert [one.phrase for one in found] == [one.phrase for one in wanted]
    assert plain_text(parsed.texts[0]) == plain_text(text)
    before, after = {thing.id: thing for thing in objects}, {thing.id: thing for thing in parsed.objects}
    for one, other in zip(wanted, found, strict=True):
        assert len(one.ids) == len(other.ids)
        for identity, new in zip(one.ids, other.ids, strict=True):
            old, thing = before[identity].box, after[new]
            if convention.order == "point":
                middle = ((old[0] + old[2]) / 2, (old[1] + old[3]) / 2)
                assert (thing.keypoints[0].x, thing.keypoints[0].y) == pytest.approx(middle, abs=4)
            else:
                assert thing.box == pytest.approx(old, abs=20 if convention.order == "cells" else 7)

    # And the text is the same, too.
    assert render_slots(parsed.texts[0], dialogue(parsed.objects), convention)[0] == shown


@given(st.sampled_from(sorted(CONVENTIONS)), st.text(max_size=60))
def test_any_text_can_be_read_and_comes_back(name, text):
    slots = [Slot(phrase="x", box=(1, 2, 3, 4))] * 3
    stored = escape_text(text)
    parsed = parse(stored, name, slots=slots)
    if not parsed.objects:
        assert parsed.texts == (stored,)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_long_nonsense_is_read_at_once(name):
    opening = CONVENTIONS[name].wrap.partition("{phrase}")[0] or "["
    for text in (opening * 3000, "[0.1, " * 3000, "<loc_1>" * 3000 + "x", "0.1," * 3000, "word " * 4000):
        parse(text, name, slots=[])


# --- phrases without marks ---


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("the dog", "the dog"),
        ("There is a big dog", "a big dog"),
        ("I see dogs", "dogs"),
        ("a group of people", "a group of people"),
        ("in front of the car", "the car"),
        ("The man in a red shirt", "a red shirt"),  # the nearest: a rule cannot know
        ("It is yellow, cats", "cats"),
        ("What is this region:", ""),
        ("Sure. ", ""),
        ("located at", ""),
        ("person", "person"),
        ("the man's hat ", "the man's hat "),
        ("这是、一只狗", "一只狗"),
        ("", ""),
        ("und der kleine Hund", "und der kleine Hund"),
    ],
)
def test_the_noun_phrase_before_a_box(text, phrase):
    assert text[find_noun_phrase(text) :] == phrase


# --- which convention is it? ---


@pytest.mark.parametrize(
    "name", ["qwen", "qwen2", "minigpt_v2", "kosmos2", "shikra", "unit", "moondream", "cogvlm", "gemini_json", "molmo"]
)
def test_a_convention_is_guessed(name):
    objects = (Object(id="o1", label="dog", box=(10, 20, 300, 400)),)
    text = render_text("See [the dog](#o1).", dialogue(objects), CONVENTIONS[name])
    assert name in guess_conventions([text, "nothing here"])
    assert guess_conventions(["nothing here"]) == []


def test_only_conventions_whose_grid_holds_the_numbers_are_guessed():
    names = guess_conventions(["the dog [201, 2, 940, 758]"])
    assert {"grid1000", "pixels"} <= set(names)
    assert not {"unit", "grid100"} & set(names)


@real
@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_real_boxes_come_back_in_every_convention(name):
    """All boxes of the COCO pictures, as an answer that lists them, rendered, read, and laid over the originals."""
    convention = CONVENTIONS[name]
    scenes = coco.read(coco.Options(folder=DATA / "coco_ccby", split="val2017"), lambda _: None)
    count = 0
    for scene in scenes:
        boxed = tuple(thing for thing in scene.objects if thing.box)
        separator = "\n" if name in LINES_ONLY else ", and "
        text = separator.join(f"[the {thing.label}](#{thing.id})" for thing in boxed)
        made = Dialogue(id="d", scene="s", turns=dialogue(()).turns, assets=scene.assets, objects=boxed)
        shown, slots = render_slots(text, made, convention)
        size = (scene.assets[0].width, scene.assets[0].height)
        parsed = parse(shown, name, width=size[0], height=size[1], slots=slots)
        assert not parsed.problems
        found = {thing.id: thing for thing in parsed.objects}
        for thing, reference in zip(boxed, find_references(parsed.texts[0]), strict=True):
            assert reference.phrase == f"the {thing.label}"
            back = found[reference.ids[0]]
            count += 1
            if convention.order == "point":
                assert back.keypoints
                continue
            step = max(size) / (convention.scale or max(size)) / 10.0**convention.decimals
            assert max(abs(one - other) for one, other in zip(back.box, thing.box, strict=True)) <= 2 * step
    assert count > 150
