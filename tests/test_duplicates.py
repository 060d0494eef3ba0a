"""Duplicates: exact, near, of the same picture; what is none; against the comparison of all with all."""

import json
import os
import random
from pathlib import Path

import pytest
from rapidfuzz import process
from rapidfuzz.distance import Indel

from syphus.quality.novelty import rouge_l
from syphus.quality.pairs import Pair
from syphus.quality.sets.duplicates import LONG_ANSWER, Coder, Duplicates, Shelf, picture_of
from syphus.records import Asset, Dialogue, Turn

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
LONG = "A red bus waits at the old stop while two tall men in grey coats talk about the game of last night."


def dialogue(identity, *pairs, picture="a.jpg"):
    turns = [
        Turn(role=role, text=text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    assets = (Asset(path=picture),) if picture else ()
    return Dialogue(id=identity, scene="s", turns=tuple(turns), assets=assets)


def find(*dialogues):
    duplicates = Duplicates()
    found = []
    for one in dialogues:
        pairs = [Pair(one.turns[at].text, one.turns[at + 1].text) for at in range(0, len(one.turns), 2)]
        found += [(one.id, verdict.code, verdict.evidence) for verdict in duplicates.add(one, pairs)]
    return found, duplicates.figures()


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        # the same picture
        (("What is it?", "A bus."), ("what is  it", "A bus"), "same_pair"),
        (("What is it?", "A bus."), ("What is it?", "A tram."), "same_question"),
        (
            ("What is the man on the left doing?", LONG),
            ("What is the man on the right doing?", LONG + " Yes."),
            "near_pair",
        ),
        (("What colour is the car?", "It is red."), ("What colour is the bus?", "It is blue."), None),
        (("What is it?", "A bus."), ("Where is it?", "A bus."), None),
    ],
)
def test_two_of_the_same_picture(first, second, code):
    found, _ = find(dialogue("one", first), dialogue("two", second))
    assert [(identity, its) for identity, its, _ in found] == ([("two", code)] if code else [])


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (("What is it?", "A bus."), ("What is it?", "A bus."), None),  # a short answer may come again
        (("What is it?", LONG), ("What else?", LONG), "same_answer"),
        (("What is it?", LONG), ("What else?", LONG.replace("grey", "black")), "near_answer"),
        (("What is it?", LONG), ("What is it?", "A dog sleeps " + LONG[:20]), None),
    ],
)
def test_two_of_different_pictures(first, second, code):
    found, _ = find(dialogue("one", first), dialogue("two", second, picture="b.jpg"))
    assert [(identity, its) for identity, its, _ in found] == ([("two", code)] if code else [])


def test_text_alone_is_compared_with_all_text():
    found, _ = find(
        dialogue("one", ("Who wrote it?", "Ann."), picture=None),
        dialogue("two", ("Who wrote it?", "Ann."), picture=None),
        dialogue("three", ("Who wrote it?", "Ben."), picture=None),
    )
    assert [(identity, code) for identity, code, _ in found] == [("two", "same_pair")]


def test_what_a_dialogue_repeats_of_itself_is_another_checks_affair():
    assert find(dialogue("one", ("What is it?", LONG), ("What is it?", LONG)))[0] == []


def test_the_evidence_names_the_first_and_how_near_it_is():
    found, _ = find(
        dialogue("one", ("a b c?", "no"), ("What is it?", LONG)),
        dialogue("two", ("What else?", LONG.replace("grey", "black")), picture="b.jpg"),
    )
    near = rouge_l(LONG, LONG.replace("grey", "black"))
    assert found == [("two", "near_answer", f"one, pair 2, ROUGE-L {near:.2f}")]


def test_figures_count_each_kind_of_text():
    _, figures = find(
        dialogue("one", ("What is it?", LONG)),
        dialogue("two", ("What is it?", LONG.replace("grey", "black")), picture="b.jpg"),
        dialogue("three", ("Where does that come from?", "Rome."), picture="c.jpg"),
    )
    assert (figures.questions.count, figures.questions.exact, figures.questions.near) == (3, 1, 0)
    assert (figures.answers.exact, figures.answers.near) == (0, 1)
    assert figures.answers.distinct == pytest.approx(2 / 3)
    assert figures.pictures == 3
    assert figures.repeated == {"near_answer": 1}


def test_an_empty_set_has_figures():
    assert Duplicates().figures().pairs.distinct == 0


def test_pictures_are_told_apart_by_file_and_clips_by_their_time_too():
    clip = Asset(id="v", kind="video", path="v.mp4", start=1.0)
    one = dialogue("one", ("a?", "b"))
    assert picture_of(one) != picture_of(dialogue("two", ("a?", "b"), picture="b.jpg"))
    assert picture_of(dialogue("t", ("a?", "b"), picture=None)) is None
    with_clip = [
        Dialogue(id="c", scene="s", turns=one.turns, assets=(asset,))
        for asset in (clip, Asset(id="v", kind="video", path="v.mp4", start=9.0))
    ]
    assert picture_of(with_clip[0]) != picture_of(with_clip[1])


def test_signs_of_words_never_fall_into_the_surrogates():
    coder = Coder()
    coded = coder.code(" ".join(f"w{number}" for number in range(0xE000)))
    assert len(set(coded)) == 0xE000
    coded.encode("utf-8")  # raises for a surrogate


def test_near_copies_are_found_as_the_comparison_of_all_with_all_finds_them():
    draw = random.Random(4)
    words = [f"word{number}" for number in range(400)]
    texts = []
    for _ in range(600):
        text = draw.choices(words, k=draw.randint(5, 40))
        texts.append(" ".join(text))
        if draw.random() < 0.4:
            text[draw.randrange(len(text))] = "other"
            texts.append(" ".join(text))
    assert missed_share(texts) <= 0.02


def missed_share(texts):
    coder = Coder()
    shelf = Shelf(coder)
    coded = [coder.code(text) for text in texts]
    kept: list[str] = []
    expected = near = 0
    for one in coded:
        found = shelf.add(one)
        if found and not found.exact:
            near += 1
            assert found.similarity >= 0.7
        if one in kept:
            continue
        best = process.extractOne(one, kept, scorer=Indel.normalized_similarity, score_cutoff=0.7)
        if best:
            expected += 1
        else:
            kept.append(one)
    return (expected - near) / expected


@pytest.mark.skipif(not (DATA / "coco/captions_val2017.json").is_file(), reason="needs ../shared/data/coco")
def test_near_captions_of_coco_are_found():
    rows = json.loads((DATA / "coco/captions_val2017.json").read_text())["annotations"]
    assert missed_share([row["caption"] for row in rows[:4000]]) <= 0.05


@pytest.mark.parametrize(
    ("one", "other"), [("一辆红色的公共汽车停在车站前面等人", "一辆蓝色的公共汽车停在车站前面等人")]
)
def test_scripts_without_spaces_are_compared_sign_by_sign(one, other):
    coder = Coder()
    shelf = Shelf(coder)
    assert shelf.add(coder.code(one)) is None
    found = shelf.add(coder.code(other))
    assert found is not None
    assert found.similarity == pytest.approx(rouge_l(one, other))


def test_the_bound_of_long_answers_is_in_words():
    exactly = " ".join(f"w{number}" for number in range(LONG_ANSWER))
    shorter = exactly.rsplit(" ", 1)[0]
    for answer, count in ((exactly, 1), (shorter, 0)):
        found, _ = find(dialogue("one", ("a?", answer)), dialogue("two", ("b?", answer), picture="b.jpg"))
        assert len(found) == count
