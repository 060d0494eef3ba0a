# ruff: noqa: RUF001
"""The checks of produced pairs: good texts that must pass, bad ones with the code they must get, real answers."""

import json
import os
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.quality.checks import CHECKS, EVIDENCE, check_pairs
from syphus.quality.pairs import Pair, PairsVerdict, Rules
from syphus.quality.repeats import count_words
from syphus.records import Caption, Object, OcrLine, Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
SCENE = Scene(id="s")
KNOWN = frozenset({"o1", "o2", "r1", "image"})
ASK = "What can be seen on the left side of the street?"
ANY_LANGUAGE = Rules(off=("language",))
SAY = "A cyclist waits there for the light to change."


def verdict(question=ASK, answer=SAY, *, rules=None, scene=SCENE, known=KNOWN, demonstrations=()) -> PairsVerdict:
    return check_pairs(
        [Pair(question, answer)], rules or Rules(), scene=scene, known=known, demonstrations=demonstrations
    )


def codes(*args, **options) -> list[str]:
    return [f"{found.check}/{found.code}" for found in verdict(*args, **options).verdicts]


GOOD_ANSWERS = [
    "The man cannot reach the shelf.",
    "It cannot be determined from the picture.",
    "The specific reason cannot be precisely determined from the image alone, but he looks amused.",
    "I cannot see any dogs in this picture; there are only two cats.",
    "There is no image on the television screen.",
    "The picture does not show what is behind the door.",
    "A box of cereal stands next to a bowl of milk.",
    "It is a picture of text on a white wall.",
    "It is a sign with a caption below it.",
    "The sign says “STOP” in white letters on a red ground.",
    'The card reads "I\'m sorry for your loss" in golden letters.',
    "According to the text on the sign, parking is allowed for two hours.",
    "Based on the information displayed on the board, the train leaves at 9:45.",
    "According to the label on the bottle, it holds 0.75 litres.",
    "As indicated by the sign, turning left is forbidden.",
    "The style of the room could be described as rustic.",
    "The teacher coordinates the group with her whistle.",
    "He is coordinating the traffic at the crossing.",
    "The key points of the poster are safety and speed.",
    "The map has small arrows drawn by hand.",
    "The clock shows 10:10, and the price is $3.99.",
    "The fuel costs 1.459 at this station.",
    "The players wear the numbers 12, 3, 6 and 9.",
    "The score is 21-19 (2:1 in sets).",
    "His shirt is of the colour (255, 0, 0), a pure red.",
    "Yes.",
    "2",
    "No, there are three of them.",
    "None of the chairs is taken.",
    "String lights hang above the terrace.",
    "The answer to that is on the blackboard: 4 + 4 = 8.",
    "A very, very, very long train passes the station.",
    "She has a given name on her badge: Anna.",
    "The table provides space for the given number of guests.",
    "The list on the fridge names milk, bread and eggs.",
    "The sentence on the board is written in chalk.",
    "The objects on the table are a cup, a plate and a spoon.",
    "An object is lying under the bench, perhaps a bag.",
    "There are words in a language that the child cannot read yet.",
    "A man in an R2-D2 costume stands by the door.",
    "The bus, the car and the bus stop are all on the right side of the street, and the side of the bus is red.",
    "The label says H2O and O2.",
    "The children are sorry that the game is over, judging by their faces.",
    "She smiles at the waiter in apology.",
    "The user of the laptop sits with his back to the window.",
    "The assistant hands a tool to the surgeon.",
    "A robot with the letters AI on its chest stands on the shelf.",
    "Someone wrote <3 on the wall.",
    "The equation reads x^2 + \\frac{a}{b} = 0.",
    "They are used to describe the weather on the chart beside them.",
    "The ratio is measured on the radiograph as described by Cohen and Konak.",
    "The storm that is mentioned in the headline has torn down a tree.",
    "The newspaper's headline mentions a storm.",
    "In the description field of the form somebody wrote “fragile”.",
    "图片中有一只猫坐在沙发上，旁边是一本书。",
    "这张照片的描述很简单：一片海滩。",
    "写真には赤いバスが写っています。",
    "사진에는 빨간 버스가 있습니다.",
    "哈哈哈哈，这只狗很开心。",
    "في الصورة حافلة حمراء تقف بجانب الرصيف.",
    "Auf dem Bild ist ein roter Bus zu sehen, der an der Haltestelle wartet.",
    "Un autobus rouge attend à l'arrêt, et une femme court pour l'attraper.",
    "Un autobús rojo espera en la parada.",
]


@pytest.mark.parametrize("answer", GOOD_ANSWERS)
def test_good_answers_pass(answer):
    assert codes(answer=answer, rules=ANY_LANGUAGE) == []


@pytest.mark.parametrize(
    "question",
    [
        "Write a detailed description of the given image.",
        "Can you elaborate on the elements of the picture provided?",
        "Describe the following image.",
        "What would be a good caption for this picture?",
        "Write a short caption for the image.",
        "Is the bus red or blue?",
        "What adjectives can be used to describe the mood?",
        "Is there any text in the image?",
        "What information does the sign give?",
        "What type of animal is this and are they mentioned in the bible?",
        "图片里有什么？",
        "写真の中の人は何をしていますか？",
    ],
)
def test_good_questions_pass(question):
    assert codes(question=question, rules=ANY_LANGUAGE) == []


BAD_ANSWERS = [
    ("", "empty/empty_answer"),
    (" \n ", "empty/empty_answer"),
    ("...", "empty/empty_answer"),
    ("！？", "empty/empty_answer"),
    ("I'm sorry, but I cannot see the image.", "refusal/refusal"),
    ("I’m sorry, I can’t help with that.", "refusal/refusal"),
    ("Sorry, the picture is too dark.", "refusal/refusal"),
    ("The bus is red. I apologize for the confusion.", "refusal/refusal"),
    ("I am sorry I made a mistake. The bus is red.", "refusal/refusal"),
    ("As an AI language model, I do not have eyes.", "refusal/refusal"),
    ("As an AI, I can tell you the bus is red.", "refusal/refusal"),
    ("As a large language model, I cannot say.", "refusal/refusal"),
    ("I cannot see the image.", "refusal/refusal"),
    ("I can't view images, but the bus is probably red.", "refusal/refusal"),
    ("I am unable to access the picture you uploaded.", "refusal/refusal"),
    ("No image was provided.", "refusal/refusal"),
    ("The image was not provided, so it is unclear.", "refusal/refusal"),
    ("Please provide the image so that it can be described.", "refusal/refusal"),
    ("I don't have access to visual content.", "refusal/refusal"),
    ("It is hard to tell without seeing the actual image.", "refusal/refusal"),
    ("I can't identify people in photographs.", "refusal/refusal"),
    ("抱歉，我无法查看图片。", "refusal/refusal"),
    ("作为一个AI语言模型，我不能回答。", "refusal/refusal"),
    ("申し訳ありませんが、画像を見ることができません。", "refusal/refusal"),
    ("죄송합니다만 이미지를 볼 수 없습니다.", "refusal/refusal"),
    ("عذرًا، لا يمكنني رؤية الصورة.", "refusal/refusal"),
    ("Als KI kann ich das nicht sagen.", "refusal/refusal"),
    ("Je suis désolé, mais je ne peux pas voir l'image.", "refusal/refusal"),
    ("The bus is the bus is the bus is the bus is the bus is red.", "repeats/loop"),
    ("no no no no no no", "repeats/loop"),
    ("It is a red bus. It is big. It is a red bus. It is old. It is a red bus.", "repeats/loop"),
    ("红色的车红色的车红色的车红色的车", "repeats/loop"),
    (ASK, "repeats/answer_is_question"),
    ("The captions say that a bus is waiting.", "leak/source_word"),
    ("One of the captions mentions a red bus.", "leak/source_word"),
    ("The caption describes a bus at a stop.", "leak/source_word"),
    ("The bus is inside the bounding box on the left.", "leak/source_word"),
    ("Its bounding boxes overlap.", "leak/source_word"),
    ("The coordinates of the bus show that it is on the left.", "leak/source_word"),
    ("It stands at coordinates in the upper half.", "leak/source_word"),
    ("The annotations list two dogs.", "leak/source_word"),
    ("As described, the bus is red.", "leak/source_word"),
    ("They are described as antique, which suggests that they are rare.", "leak/source_word"),
    ("According to the description, a bus waits there.", "leak/source_word"),
    ("According to the text, a bus waits there.", "leak/source_word"),
    ("Based on the provided information, a bus waits there.", "leak/source_word"),
    ("Based on the information given, it is noon.", "leak/source_word"),
    ("The given sentences do not tell the colour.", "leak/source_word"),
    ("The colour is not mentioned in the description.", "leak/source_word"),
    ("A bus is mentioned in several places.", "leak/source_word"),
    ("The image does not mention the time.", "leak/source_word"),
    ("The sentences describe a man with a hat.", "leak/source_word"),
    ("The list of objects has two cars.", "leak/source_word"),
    ("Among the detected objects are two cars.", "leak/source_word"),
    ("The keypoints of the person show raised arms.", "leak/source_word"),
    ("The ground truth says it is a bus.", "leak/source_word"),
    ("As mentioned above, it is red.", "leak/source_word"),
    ("根据描述，公交车是红色的。", "leak/source_word"),
    ("边界框显示汽车在左边。", "leak/source_word"),
    ("キャプションによると、バスは赤いです。", "leak/source_word"),
    ("설명에 따르면 버스는 빨간색입니다.", "leak/source_word"),
    ("Laut der Beschreibung ist der Bus rot.", "leak/source_word"),
    ("D'après la description, le bus est rouge.", "leak/source_word"),
    ("Según la descripción, el autobús es rojo.", "leak/source_word"),
    ("The bus is at [0.1, 0.2, 0.3, 0.4].", "leak/coordinates"),
    ("The bus is at (123, 45, 67, 89).", "leak/coordinates"),
    ("It reaches from (12, 40) to (99, 230).", "leak/coordinates"),
    ("The point (0.25, 0.6) is on the bus.", "leak/coordinates"),
    ("It begins at 0.384 of the width.", "leak/coordinates"),
    ("The bus o1 is red.", "leak/id"),
    ("The bus (o7) is red.", "leak/id"),
    ("The bus #o2 is red.", "leak/id"),
    ("Look at <image> and tell.", "placeholder/token"),
    ("A red bus.</s>", "placeholder/token"),
    ("A red bus.<|im_end|>", "placeholder/token"),
    ("[INST] A red bus [/INST]", "placeholder/token"),
    ("A red bus. USER: And now?", "placeholder/token"),
    ("A red bus. ASSISTANT: Yes.", "placeholder/token"),
    ("A red bus.\nHuman: And now?", "placeholder/token"),
    ("Answer: A red bus.", "placeholder/token"),
    ("The {{colour}} bus.", "placeholder/token"),
    ("The {color} bus.", "placeholder/token"),
    ("[your answer]", "placeholder/token"),
    ("The bus is [insert color].", "placeholder/token"),
    ("Lorem ipsum dolor sit amet.", "placeholder/token"),
    ("<answer>A red bus</answer>", "placeholder/token"),
    ("string", "placeholder/placeholder"),
    ("Answer 1", "placeholder/placeholder"),
    ("question 2", "placeholder/placeholder"),
    ("[the bus](#o9) is red.", "reference/unknown_id"),
    ("[the bus](#o1 is red.", "reference/broken"),
    ("[the bus]() is red.", "reference/broken"),
    ("[](#o1) is red.", "reference/no_phrase"),
    ("On the left side of the street", "given_away/given_away"),
    ('A bus.", "answer": "Red.', "json_in_text/json_in_text"),
    ('{"answer": "A bus."}', "json_in_text/json_in_text"),
    ("```json A bus```", "json_in_text/json_in_text"),
]


@pytest.mark.parametrize(("answer", "code"), BAD_ANSWERS)
def test_bad_answers_get_their_code(answer, code):
    assert code in codes(answer=answer)


def test_good_references_pass():
    good = "[The red bus](#o1) waits behind [the two cars](#o1, #o2)."
    assert codes(answer=good) == []
    assert codes(answer=good, rules=Rules(references="required")) == []
    assert codes(answer=good, rules=Rules(references="none")) == ["reference/not_wanted"]
    assert codes(rules=Rules(references="required")) == ["reference/missing"]
    assert codes(question="What is [this](#r1)?", rules=Rules(references="required")) == []


def test_a_word_is_allowed_by_the_category_or_by_the_picture_itself():
    answer = "The caption describes a bus."
    assert codes(answer=answer) == ["leak/source_word"]
    assert codes(answer=answer, rules=Rules(allow=("caption",))) == []
    assert codes(answer=answer, scene=Scene(id="s", ocr=(OcrLine(text="Caption: a bus, as described"),))) == []
    assert codes(answer="It shows 0.384.", scene=Scene(id="s", ocr=(OcrLine(text="0.384 kg"),))) == []
    assert (
        codes(answer="It reads: “As an AI, I dream”.", scene=Scene(id="s", ocr=(OcrLine(text="As an AI, I dream"),)))
        == []
    )


def test_an_allowed_word_does_not_hide_another():
    answer = "The caption describes a bus inside its bounding box."
    (found,) = verdict(answer=answer, rules=Rules(allow=("caption",))).verdicts
    assert found.evidence == "bounding box"


def test_a_category_has_words_of_its_own():
    rules = Rules(extra_leaks=("footage", "字幕"), off=("language",))
    assert codes(answer="The footage shows a bus.", rules=rules) == ["leak/source_word"]
    assert codes(answer="根据字幕，他很高兴。", rules=rules) == ["leak/source_word"]
    assert codes(answer="The footages are old.", rules=rules) == []


def test_checks_can_be_switched_off():
    assert codes(answer="The captions say so.", rules=Rules(off=("leak",))) == []


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"off": ["leek"]}, "leek"),
        ({"answer_words": [9, 3]}, "in that order"),
        ({"x": 1}, "unknown"),
    ],
)
def test_wrong_rules_are_refused(rules, says):
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert(rules, Rules)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("A red bus.", 3),
        ("红色的公交车", 3),
        ("赤いバスが 2 台", 4),
        ("빨간 버스가 있습니다", 3),
        ("حافلة حمراء", 2),
        ("", 0),
        ("Ein Ölfaß – rot", 3),
    ],
)
def test_words_are_counted_in_any_script(text, count):
    assert count_words(text) == count


def test_length_bounds():
    rules = Rules(answer_words=(3, 6), question_words=(2, 12))
    assert codes(answer="Red bus.", rules=rules) == ["length/too_short"]
    assert codes(answer="One two three four five six seven.", rules=rules) == ["length/too_long"]
    assert codes(answer="A red bus.", rules=rules) == []
    assert codes(question="Why?", answer="A red bus.", rules=rules) == ["length/too_short"]


def test_the_same_question_twice():
    pairs = [Pair("What is it?", "A bus."), Pair("Is it red?", "Yes."), Pair("what  is it", "A red bus.")]
    result = check_pairs(pairs, Rules(), scene=SCENE, known=KNOWN, demonstrations=())
    assert result.passed == (0, 1)
    assert [(found.turn, found.check, found.code) for found in result.verdicts] == [(2, "repeats", "same_question")]
    assert "number 1" in result.verdicts[0].message


@pytest.mark.parametrize(
    ("question", "answer", "given"),
    [
        ("Is the bus red or dark blue?", "Dark blue.", False),
        ("Is the man wearing a red hat?", "A red hat.", False),
        ("What colour is the dark blue bus?", "Dark blue.", True),
        ("What colour is the red bus?", "Red.", False),
        ("What is the man with the guitar playing?", "The guitar.", False),
        ("What does the man with the red guitar play?", "The red guitar.", True),
        ("桌子上的红色杯子是什么颜色的杯子？", "红色杯子", True),
        ("杯子是红色还是蓝色？", "红色", False),
    ],
)
def test_given_away(question, answer, given):
    assert ("given_away/given_away" in codes(question, answer)) is given


def test_echoes_of_demonstrations():
    shown = (
        "A man in a yellow shirt stands on the back of a taxi and irons a pair of trousers while cars pass by him.",
        "A [red bus](#o5) waits at the stop.",
        "Yes.",
    )
    assert codes(answer="A red bus waits at the stop!", demonstrations=shown) == ["echo/echo"]
    near = "A man in a yellow shirt stands on the back of a car and irons a pair of trousers while taxis pass by him."
    assert codes(answer=near, demonstrations=shown) == ["echo/echo"]
    other = "A man in a yellow shirt sells fruit from the back of his bicycle while a woman in red looks at her phone."
    assert codes(answer=other, demonstrations=shown) == []
    assert codes(answer="Yes.", demonstrations=shown) == []


def test_evidence_is_short_and_messages_are_sentences():
    long = "The captions say " + "blah blub " * 400
    for found in verdict(answer=long).verdicts:
        assert len(found.evidence) <= EVIDENCE
        assert found.message[0].isupper()
        assert found.turn == 0


def test_every_check_has_a_name_and_a_rule():
    for name, check in CHECKS.items():
        assert check.__name__ == f"check_{name}"
        assert check.__doc__
        assert "\n" not in check.__doc__.strip()


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_no_text_breaks_the_checks(question, answer, demonstrations):
    result = check_pairs(
        [Pair(question, answer), Pair(answer, question)],
        Rules(answer_words=(1, 9), references="required", extra_leaks=tuple(demonstrations)),
        scene=Scene(id="s", ocr=(OcrLine(text="o1 caption"),)),
        known=KNOWN,
        demonstrations=demonstrations,
    )
    assert set(result.passed) | {found.turn for found in result.verdicts} == {0, 1}


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        "[",
        "[1,",
        "(0.1, ",
        "a ",
        "ab ",
        "is described ",
        '"',
        '":',
        "<|",
        "{",
        "the ",
        "1.1,",
        " \n",
        "字",
        "aaaa",
        "mentioned ",
        "[a](#o1",
        "###",
        "based on the ",
    ],
)
def test_hostile_text_costs_little(unit):
    text = "a" + unit * (19_000 // len(unit))
    begin = time.perf_counter()
    codes(answer=text, demonstrations=[text[:10_000]])
    codes(question=text)
    assert codes(answer=unit * (1_000_000 // len(unit))) == ["length/too_long"]
    assert time.perf_counter() - begin < 5


def real_pairs() -> list[Pair]:
    folder = DATA / "llava"
    if not folder.is_dir():
        pytest.skip(f"no real answers at {folder}; set SYPHUS_DATA")

    def rows(name):
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    questions = {row["question_id"]: row["text"] for row in rows("qa90_questions.jsonl")}
    pairs = [Pair(questions[row["question_id"]], row["text"]) for row in rows("qa90_gpt4_answer.jsonl")]
    return pairs + [Pair(row["instruction"], row["output"]) for row in rows("coco2014_val_gpt4_qa_first45.jsonl")]


def test_of_real_answers_only_true_leaks_are_flagged():
    """GPT-4's published answers: what it flags there are words about captions that slipped through."""
    flags = {
        (found.check, found.evidence)
        for pair in real_pairs()
        for found in verdict(pair.question, pair.answer, rules=Rules(answer_words=(1, 300))).verdicts
    }
    assert flags == {("leak", "are described")}


PIZZA = (
    "I can recommend making your own pizzas with flour, salt, eggs, pepper, tomato sauce, cheese, oregano, basil, garlic and "
    "olive oil; cut the dough with a cutter."
)
PORTRAIT = Scene(
    id="p",
    captions=(
        Caption(text="An older woman in a dark navy uniform with gold buttons sits with crossed arms before a flag."),
    ),
    objects=(Object(id="o1", label="person"), Object(id="o2", label="flag")),
)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PIZZA, "unrelated"),
        (
            "The woman sits upright in her dark uniform, arms folded, and the gold buttons catch the light in the studio.",
            None,
        ),
        ("Pizza dough.", None),
        ("一位女士坐在旗帜前面，穿着深色制服，双臂交叉，看起来很自信。", None),
    ],
    ids=["another picture", "this picture", "too short to tell", "not English"],
)
def test_an_answer_about_another_picture_is_found(answer: str, code: str | None) -> None:
    found = check_pairs(
        [Pair("What is this?", answer)], ANY_LANGUAGE, scene=PORTRAIT, known=frozenset(), demonstrations=()
    )
    assert [verdict.code for verdict in found.verdicts] == ([code] if code else [])


@pytest.mark.parametrize(
    ("question", "answer", "code"),
    [
        ("What is he holding?", "He is holding a racket, and it seems that,", "unfinished"),
        ("What is he holding?", "A racket", None),
        ("What is he holding?", " ".join(f"word{n}" for n in range(40)) + " and then", "unfinished"),
        ("他拿着什么？", "他拿着一把网球拍。", None),
        ("The island has two islands.", "There are two of them, one on each side.", "no_question"),
        ("The man would like to bake. What should he do?", "He should begin at the table.", None),
        ("Describe the scene", "A man stands at a table.", None),
        ("I only need the gist.", "A man stands at a table.", None),
        ("What is it?", "There are two {} {[ things.", "json_in_text"),
    ],
)
def test_the_form_of_texts(question: str, answer: str, code: str | None) -> None:
    assert [one.code for one in verdict(question, answer).verdicts] == ([code] if code else [])


def test_a_dialogue_that_shares_no_word_with_its_scene_is_found() -> None:
    foreign = verdict("What can we do?", "Let us discuss further whatever topic seems important.", scene=PORTRAIT)
    assert [one.code for one in foreign.verdicts] == ["unrelated"]
    absent = verdict("Is there a giraffe?", "No, there is no giraffe.", scene=PORTRAIT)
    assert not absent.verdicts


@pytest.mark.parametrize(
    ("question", "answer", "flagged"),
    [
        ("In what city?", "I am not sure I understand your question but you can ask me another one here.", True),
        ("What is there?", "Let me know if you need anything else about it.", True),
        ("Is there anything else you would like to know?", "There are two cups beside the plate.", True),
        ("How do I know?", "I'm ready to hear your thoughts!", True),
        ("What does the sign say?", "It says that visitors can ask the staff for help.", False),
        ("What is the man about to do?", "He seems ready to help the woman with her bags.", False),
        ("How many are there?", "It is not certain how many there are behind the wall.", False),
    ],
)
def test_talk_about_the_talk_is_refused(question: str, answer: str, flagged: bool) -> None:
    assert [one.check for one in verdict(question, answer).verdicts] == (["refusal"] if flagged else [])
