# ruff: noqa: RUF001
"""Each rule of repair by its own example, what no rule may touch, and that rules come to rest."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.quality.pairs import Pair
from syphus.quality.sets.repair_rules import RULES, repair_pair
from syphus.references.text import find_references

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")


def mend(answer, question="What is there?"):
    return repair_pair(Pair(question, answer)).pair.answer


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_mends_its_example_and_leaves_the_result_alone(rule):
    before, after = rule.example
    assert rule.mend(before) == after
    assert mend(before) == after
    assert rule.name in {change.rule for change in repair_pair(Pair("What?", before)).changes}
    assert rule.mend(after) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The user (you) can sit here.", "You can sit here."),
        ("Here the user (you) can sit.", "Here you can sit."),
        ("A: It is red.", "It is red."),
        ("**Answer:** It is red.", "It is red."),
        ("### Response: It is red.", "It is red."),
        ("It is red.</s></s>", "It is red."),
        ("<|im_start|>It is red.<|im_end|>", "It is red."),
        ("It is red. [/INST]", "It is red."),
        ("It is red.\n\nUser: And then?", "It is red."),
        ("It is red. ### Human: And then?", "It is red."),
        ("“The bus is quite red.”", "The bus is quite red."),
        ("The bus is “red”.", "The bus is “red”."),
        ('It is red."', "It is red."),
        ("According to the caption, a bus waits.", "A bus waits."),
        ("Based on the given bounding boxes, a bus waits.", "A bus waits."),
        ("A bus waits, as described in the provided captions.", "A bus waits."),
        ("Two dogs.\\n\\nThey run.", "Two dogs.\nThey run."),
        ("It&#39;s red &quot;inside&quot;.", 'It\'s red "inside".'),
        ("The  bus   is red  .", "The bus is red."),
        ("They run fast. They jump over the", "They run fast. They jump over the"),  # short: it may be all there is
        ("They run fast over the hill. They jump over the fence,", "They run fast over the hill."),
        ("它是红色的公共汽车。它停在车站的前面。后面的，", "它是红色的公共汽车。它停在车站的前面。"),
        ("```\nThe bus is red.\n```", "The bus is red."),
        ("# The bus is red.", "The bus is red."),
    ],
)
def test_more_of_the_same(before, after):
    assert mend(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "The bus is red.",
        'The wheel is 20"',
        'The sign says "STOP".',
        '"STOP" is written on the sign.',
        "According to the sign, parking is forbidden.",
        "Based on the context of the street, they wait for a bus.",
        "- a bus\n- a car\n- a dog",
        "1. A bus.\n2. A car.",
        "It is **red** and **old**.",
        "| a  | b  |\n|----|----|\n| 1  | 2  |",
        "The price is $3.99 . . . or so",
        "See [the bus](#o3) and [two dogs](#o1,#o2).",
        "[](#image2) shows a bus.",
        "Vraiment ? Oui !",
        "He wrote: the answer is red.",
        "The ratio is 3:2.",
        "Ann: hello",
        "A < B and B > C",
        "Sure, he is glad.",
        "An apple, e.g.",
        "Tom & Jerry",
        "Café, naïve, Ä, â, Ã, Â",
        "C:\\new\\folder",
        "The man (you) waves.",
        "   |  ",
        "",
    ],
)
def test_what_is_good_stays(text):
    assert mend(text).strip() == text.strip()


def test_a_choice_keeps_its_marks_and_short_options():
    question = "Which?\nA: red\nB: blue"
    result = repair_pair(Pair(question, "A: red"))
    assert result.pair == Pair(question, "A: red")
    assert not result.changes


def test_a_text_never_becomes_empty():
    assert mend("</s>") == "</s>"
    assert mend("---") == "---"


def test_changes_say_which_rule_did_what_on_which_side():
    result = repair_pair(Pair("Question: What is it?", "Answer: It is red.</s>"))
    assert [(one.rule, one.side) for one in result.changes] == [
        ("label", "question"),
        ("token", "answer"),
        ("label", "answer"),
    ]
    assert (result.changes[1].before, result.changes[1].after) == ("Answer: It is red.</s>", "Answer: It is red.")


PIECES = st.sampled_from(
    [
        "</s>",
        "Answer: ",
        "A bus. ",
        "  ",
        "\n",
        '"',
        "**",
        "[the bus](#o3)",
        "###",
        "\\n",
        "&amp;",
        "<image>",
        "…",
        "，",
        "à",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_rules_come_to_rest_and_lose_no_reference_but_with_the_text_they_cut(question, answer):
    first = repair_pair(Pair(question, answer)).pair
    assert repair_pair(first).pair == first or repair_pair(repair_pair(first).pair).pair == repair_pair(first).pair
    known = [reference.ids for reference in find_references(question)]
    assert all(reference.ids in known for reference in find_references(first.question))


@pytest.mark.skipif(not (DATA / "llava").is_dir(), reason="needs ../shared/data/llava")
def test_of_real_answers_only_white_space_is_mended():
    for name in ("qa90_questions.jsonl", "qa90_gpt4_answer.jsonl"):
        for line in (DATA / "llava" / name).read_text().splitlines():
            text = json.loads(line)["text"]
            assert mend(text).split() == text.split()
