"""References in text: how they are found, told when broken, and rendered for export."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syphus.errors import InputError
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import find_convention
from syphus.references.rendering import Slot, render_slots, render_text
from syphus.references.text import (
    escape_text,
    find_references,
    has_broken_reference,
    plain_text,
    replace_references,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[the red bus](#o3)", [("the red bus", ("o3",))]),
        ("[two dogs](#o1,#o2) and [a cat](#o7).", [("two dogs", ("o1", "o2")), ("a cat", ("o7",))]),
        ("[two dogs](#o1, o2 ,#o3)", [("two dogs", ("o1", "o2", "o3"))]),
        ("[](#o1)", [("", ("o1",))]),
        ("[die Bäume](#baum-1.a/b)", [("die Bäume", ("baum-1.a/b",))]),
        ("[[the bus](#o1)]", [("the bus", ("o1",))]),
        ("[a\nb](#o1)", [("a\nb", ("o1",))]),
        ("[a link](https://x.y)", []),
        ("[a](o1)", []),
        ("[a] (#o1)", []),
        ("[a](#)", []),
        ("[a](#o1 o2)", []),
        ("[a](# o1)", []),
        ("array[3](x) (#1 in the list)", []),
        ("", []),
    ],
)
def test_references_are_found(text, found):
    references = list(find_references(text))
    assert [(one.phrase, one.ids) for one in references] == found
    assert all(text[one.start] == "[" and text[one.end - 1] == ")" for one in references)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[the bus](#o1) stops.", False),
        ("Nothing here.", False),
        ("The array a[3] (of four) is full.", False),
        ("He is #1 (the winner).", False),
        ("[the bus](#o1", True),
        ("[the bus] (#o1)", True),
        ("[the bus](#)", True),
        ("[the bus]()", True),
        ("[the [red] bus](#o1)", True),
        ("the bus](#o1)", True),
        ("[the bus](#o1 #o2)", True),
        ("[ok](#o1) and [not](#o2", True),
    ],
)
def test_broken_references_are_told(text, broken):
    assert has_broken_reference(text) == broken


phrases = st.text(st.characters(exclude_characters="[]", exclude_categories=("Cs",)), max_size=10)
ids = st.lists(st.text("abc019_-.ü/", min_size=1, max_size=4), min_size=1, max_size=3)
plain = st.text(st.characters(exclude_characters="[]()#\\", exclude_categories=("Cs",)), max_size=10)


@given(st.lists(st.tuples(plain, phrases, ids), max_size=4), plain)
def test_what_is_written_is_read(pieces, end):
    text = (
        "".join(f"{before}[{phrase}]({','.join('#' + one for one in named)})" for before, phrase, named in pieces) + end
    )
    assert [(one.phrase, list(one.ids)) for one in find_references(text)] == [
        (phrase, named) for _, phrase, named in pieces
    ]
    assert plain_text(text) == "".join(before + phrase for before, phrase, _ in pieces) + end
    assert replace_references(text, lambda one: text[one.start : one.end]) == text


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "[a](#" * 10_000, "[a](#o" + ",o" * 20_000, "](#" * 20_000, "(#" * 20_000]
)
def test_long_nonsense_takes_no_time(text):
    start = time.perf_counter()
    list(find_references(text))
    has_broken_reference(text)
    assert time.perf_counter() - start < 1


DIALOGUE = Dialogue(
    id="d",
    scene="s",
    turns=(Turn(role="user", text="x"), Turn(role="assistant", text="y")),
    assets=(Asset(id="a", width=100, height=50), Asset(id="b", width=10, height=10)),
    objects=(
        Object(id="o1", label="dog", box=(10, 10, 50, 50)),
        Object(id="o2", label="cat", box=(0, 0, 5, 10), asset="b"),
        Object(id="o3", label="sky"),
    ),
)


@pytest.mark.parametrize(
    ("text", "convention", "wanted"),
    [
        ("See [the dog](#o1)!", None, "See the dog!"),
        ("See [the dog](#o1)!", "unit", "See the dog [0.100, 0.200, 0.500, 1.000]!"),
        ("[both](#o1,#o2)", "unit", "both [0.100, 0.200, 0.500, 1.000], [0.000, 0.000, 0.500, 1.000]"),
        ("[it](#o2)", "unit", "it [0.000, 0.000, 0.500, 1.000]"),  # in its own asset's frame
        ("[the sky](#o3)", "unit", "the sky"),  # no box, no numbers
        ("[both](#o3,#o1)", "unit", "both [0.100, 0.200, 0.500, 1.000]"),
        ("[the picture](#a)", "unit", "the picture"),
        ("[the dog](#o1)", "qwen", "<ref>the dog</ref><box>(100,200),(500,1000)</box>"),
        ("no reference {0} {phrase}", "unit", "no reference {0} {phrase}"),
        ("[{0} {boxes}](#o1)", "unit", "{0} {boxes} [0.100, 0.200, 0.500, 1.000]"),
    ],
)
def test_turns_are_rendered(text, convention, wanted):
    assert render_text(text, DIALOGUE, find_convention(convention) if convention else None) == wanted


def test_what_cannot_be_rendered():
    with pytest.raises(KeyError, match="o9"):
        render_text("[x](#o9)", DIALOGUE, find_convention("unit"))
    assert render_text("[x](#o9)", DIALOGUE, None) == "x"
    sizeless = Dialogue(id="d", scene="s", turns=DIALOGUE.turns, assets=(Asset(),), objects=DIALOGUE.objects[:1])
    with pytest.raises(InputError, match="width and height are not known"):
        render_text("[x](#o1)", sizeless, find_convention("unit"))
    assert render_text("[x](#o1)", sizeless, find_convention("pixels")) == "x [10, 10, 50, 50]"


links = st.lists(
    st.sampled_from(["\\", "\\\\", "[", "]", "(", ")", "#", "a", "[b](#c)", "[](#image)", "](#", " ", "\n"]),
    max_size=12,
).map("".join)


@given(links)
def test_what_others_wrote_comes_back_letter_by_letter_and_points_at_nothing(text):
    stored = escape_text(text)
    assert list(find_references(stored)) == []
    assert plain_text(stored) == text


@given(st.lists(links, min_size=1, max_size=4))
def test_references_between_what_others_wrote_stay_references(texts):
    pieces = [escape_text(text, before_reference=True) for text in texts[:-1]]
    stored = "".join(f"{piece}[it](#o{number})" for number, piece in enumerate(pieces)) + escape_text(texts[-1])
    assert [reference.ids for reference in find_references(stored)] == [
        (f"o{number}",) for number in range(len(pieces))
    ]
    shown = replace_references(stored, lambda reference: f"<{reference.ids[0]}>")
    assert shown == "".join(f"{text}<o{number}>" for number, text in enumerate(texts[:-1])) + texts[-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\[Notes](#notes)", "[Notes](#notes)"),
        (r"\\[it](#o1)", r"\it"),
        (r"\\\[it](#o1)", r"\[it](#o1)"),
        (r"a\b \[x] \(#y)", r"a\b \[x] \(#y)"),
    ],
)
def test_backslashes(text, shown):
    assert plain_text(text) == shown


def test_a_place_of_a_picture_says_nothing():
    assert plain_text("Look: [](#image2)") == "Look: "
    assert [reference.ids for reference in find_references("Look: [](#image2)")] == [("image2",)]


def test_boxes_beside_the_text():
    text, slots = render_slots("[the dog](#o1), [both](#o2,#o1), [the sky](#o3)", DIALOGUE, find_convention("gpt4roi"))
    assert text == "the dog <bbox>, both <bbox> <bbox>, the sky"
    assert slots == (
        Slot(phrase="the dog", box=(10, 10, 50, 50)),
        Slot(phrase="both", box=(0, 0, 5, 10), asset=1),
        Slot(phrase="both", box=(10, 10, 50, 50)),
    )
    text, slots = render_slots("[the dog](#o1) and no more", DIALOGUE, find_convention("swift"))
    assert (text, len(slots)) == ("<ref-object><bbox> and no more", 1)
    with pytest.raises(InputError, match="beside the text, and this format has no place"):
        render_text("[the dog](#o1)", DIALOGUE, find_convention("swift"))
    text, _ = render_slots("[it](#o1)", DIALOGUE, find_convention("ferret_region"))
    assert text == "it [100, 200, 500, 999] <region_fea>"


@pytest.mark.parametrize(
    ("sides", "role", "printed"),
    [
        ("both", "user", True),
        ("both", "assistant", True),
        ("user", "user", True),
        ("user", "assistant", False),
        ("assistant", "user", False),
        ("assistant", None, True),
    ],
)
def test_coordinates_on_one_side_only(sides, role, printed):
    convention = replace(find_convention("unit"), sides=sides)
    text = render_text("[it](#o1)", DIALOGUE, convention, role=role)
    assert text == ("it [0.100, 0.200, 0.500, 1.000]" if printed else "it")
