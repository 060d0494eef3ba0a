# ruff: noqa: RUF001 (signs of other scripts are what is tested)
"""Locks: what is masked comes back as it was, and a translation that loses, doubles or invents one is found out."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.quality.translation.locks import (
    already_masked,
    check_markers,
    check_numbers,
    check_references,
    mask,
    unmask,
)
from syphus.quality.translation.numerals import numbers_in_words

PIECES = st.sampled_from(
    [
        *("<image>", "<|im_end|>", "</s>", "[INST]", "{{name}}", "⟦1⟧", "⟦", "⟧", "⟦12", "`x = 1`", "```\na\n```", "`"),
        *(
            "[0.1, 0.2, 0.3]",
            "((1,2),(3,4))",
            "<box>",
            "(A) red",
            "(B) blue",
            "A. cat\n",
            "B. dog\n",
            "Answer: C",
            "\n",
        ),
        *("https://a.b/c?d=1.", "www.x.org", "me@x.org", "photo_1.jpg", "/home/a/b", "$x^2$", "$5", "\\(a\\)", "$$y$$"),
        *(
            "[the bus](#o1)",
            "[](#image2)",
            "\\[Notes](#notes)",
            "\\\\[x](#y)",
            "](#z)",
            "[",
            "Times Square",
            " the ",
            "\x00",
        ),
        *("\ufdd0", "\u202e", "مرحبا", "３", "٣", "\\begin{a}b\\end{a}", "😀", "\ud800"),
    ]
)
ANYTHING = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join))


@given(ANYTHING)
@settings(max_examples=400)
def test_what_is_masked_comes_back_as_it_was(text: str) -> None:
    masked = mask(text, ["Times Square", "Square"])
    assert unmask(masked.text, masked.locks) == text
    assert check_markers(masked, masked.text) == []
    assert re.findall(r"⟦(\d+)⟧", masked.text) == [str(number + 1) for number in range(len(masked.locks))]


@given(ANYTHING)
def test_a_text_is_its_own_translation_as_far_as_locks_go(text: str) -> None:
    masked = mask(text)
    assert check_references(masked.text, masked.text) == []
    assert check_numbers(masked.text, masked.text, source_language="en", language="zh") == []
    assert check_markers(already_masked(masked.text), masked.text) == []


@given(ANYTHING, st.data())
def test_a_marker_that_is_lost_or_doubled_is_found(text: str, data: st.DataObject) -> None:
    masked = mask(text)
    if not masked.locks:
        return
    number = data.draw(st.integers(1, len(masked.locks)))
    marker = f"⟦{number}⟧"
    lost = check_markers(masked, masked.text.replace(marker, ""))
    assert [(one.code, one.evidence) for one in lost] == [("lost", masked.locks[number - 1].value[:120])]
    assert [one.code for one in check_markers(masked, f"{masked.text} {marker}")] == ["doubled"]
    assert [one.code for one in check_markers(masked, f"{masked.text} ⟦{len(masked.locks) + 1}⟧")] == ["invented"]


@pytest.mark.parametrize(
    ("text", "masked", "values"),
    [
        ("<image>\nWho is it?", "⟦1⟧\nWho is it?", ["<image>"]),
        ("see `a.b` and ```c\nd```", "see ⟦1⟧ and ⟦2⟧", ["`a.b`", "```c\nd```"]),
        ("at [12, 30, 45, 60].", "at ⟦1⟧.", ["[12, 30, 45, 60]"]),
        ("<box>(1,2),(3,4)</box>", "⟦1⟧", ["<box>(1,2),(3,4)</box>"]),
        ("it costs $5 and $10", "it costs $5 and $10", []),
        ("so $a_1 = b^2$ holds", "so ⟦1⟧ holds", ["$a_1 = b^2$"]),
        ("(see https://a.b/c?d=1).", "(see ⟦1⟧).", ["https://a.b/c?d=1"]),
        ("Is it (A) a cat or (B) a dog?", "Is it ⟦1⟧ a cat or ⟦2⟧ a dog?", ["(A)", "(B)"]),
        ("A. cat\nB. dog", "⟦1⟧ cat\n⟦2⟧ dog", ["A.", "B."]),
        ("Pick: A. cat B. dog", "Pick: ⟦1⟧ cat ⟦2⟧ dog", ["A.", "B."]),
        ("Answer: B", "Answer: ⟦1⟧", ["B"]),
        ("Vitamin C. It helps.", "Vitamin C. It helps.", []),
        ("A cat and B movies", "A cat and B movies", []),
        ("[the red bus](#o1) at 3 m", "[the red bus](#o1) at 3 m", []),
        ("[](#image2) and \\[x](#y)", "⟦1⟧ and ⟦2⟧", ["[](#image2)", "\\[x](#y)"]),
        ("open photo_1.jpg or /etc/hosts.d", "open ⟦1⟧ or ⟦2⟧", ["photo_1.jpg", "/etc/hosts.d"]),
        ("either/or, 1/2, e.g. this", "either/or, 1/2, e.g. this", []),
        ("a <y and z> b", "a <y and z> b", []),
        ("in Times Square, squares", "in ⟦1⟧, squares", ["Times Square"]),
    ],
)
def test_what_is_masked(text: str, masked: str, values: list[str]) -> None:
    found = mask(text, ["Square", "Times Square"])
    assert found.text == masked
    assert [lock.value for lock in found.locks] == values


def test_what_holds_no_words_needs_no_translator() -> None:
    assert not any(mask(text).has_words for text in ("12.5", "<image>", "B", "[1, 2, 3, 4]", "?!"))
    assert all(mask(text).has_words for text in ("B is right", "3 m", "[the bus](#o1)", "是"))


@pytest.mark.parametrize("text", ["(" * 60_000, "⟦" * 40_000, "`" * 60_001, "\\(" * 30_000, "<a" * 30_000, "a/" * 30_000, "(1 " * 20_000, "$" * 50_000, "[" * 60_000])  # fmt: skip
def test_a_text_that_was_made_to_be_slow_is_not(text: str) -> None:
    masked = mask(text)
    assert unmask(masked.text, masked.locks) == text


@pytest.mark.parametrize(
    ("source", "translated", "language", "codes"),
    [
        ("3 dogs", "三只狗", "zh", []),
        ("3 dogs", "3只狗", "zh", []),
        ("3 dogs", "四只狗", "zh", ["lost"]),
        ("3 dogs", "5 Hunde", "de", ["lost", "invented"]),
        ("three dogs", "3 Hunde", "de", []),
        ("twenty-one dogs", "21 Hunde", "de", []),
        ("1,000.5 m", "1.000,5 m", "de", []),
        ("12,500 people", "12 500 personnes", "fr", ["lost", "invented", "invented"]),
        ("12,500 people", "12\u202f500 personnes", "fr", []),
        ("3.5 m", "35 m", "fr", ["lost", "invented"]),
        ("at 10:30", "um 10.30 Uhr", "de", []),
        ("there are 3", "هناك ٣", "ar", []),
        ("there are 3", "هناك ثلاثة", "ar", []),
        ("a man", "1人の男", "ja", []),
        ("20 cats", "vingt chats", "fr", ["lost"]),
        ("the 1st of 2 lanes", "두 차선 중 첫 번째", "ko", []),
        ("⟦1⟧ at ⟦2⟧", "⟦2⟧ ⟦1⟧", "zh", []),
    ],
)
def test_numbers(source: str, translated: str, language: str, codes: list[str]) -> None:
    found = check_numbers(source, translated, source_language="en", language=language)
    assert sorted(one.code for one in found) == sorted(codes)


@pytest.mark.parametrize(
    ("translated", "codes"),
    [
        ("[公交车](#o1)旁边是[两只狗](#o2,#o3)", []),
        ("[两只狗](#o2, #o3)旁边是[公交车](#o1)", []),
        ("公交车旁边是[两只狗](#o2,#o3)", ["reference_lost"]),
        ("[公交车](#o1)[公交车](#o1)旁边是[两只狗](#o2,#o3)", ["reference_invented"]),
        ("[公交车](#o9)旁边是[两只狗](#o2,#o3)", ["reference_invented", "reference_lost"]),
        ("[](#o1)旁边是[两只狗](#o2,#o3)", ["reference_bare"]),
    ],
)
def test_references(translated: str, codes: list[str]) -> None:
    found = check_references("[the bus](#o1) beside [two dogs](#o2,#o3)", translated)
    assert [one.code for one in found] == codes


def test_options_keep_their_order() -> None:
    masked = mask("Is it (A) a cat or (B) a dog?")
    assert check_markers(masked, "是⟦1⟧猫还是⟦2⟧狗?") == []
    assert [one.code for one in check_markers(masked, "是⟦2⟧狗还是⟦1⟧猫?")] == ["order"]
    assert [one.code for one in check_markers(masked, "是⟦1⟧猫还是⟦2⟧狗⟧?")] == ["broken"]


def test_a_marker_with_spaces_or_other_digits_is_still_that_marker() -> None:
    masked = mask("see `a` here")
    assert check_markers(masked, "看 ⟦ １ ⟧ 这里") == []
    assert unmask("看 ⟦ １ ⟧ 这里", masked.locks) == "看 `a` 这里"


def test_small_numbers_as_words() -> None:
    assert numbers_in_words("two dogs and a dozen eggs", "en") >= {"2", "12"}
    assert numbers_in_words("十二个", "zh") >= {"12", "2", "10"}
    assert numbers_in_words("anything", "sw") == set()
