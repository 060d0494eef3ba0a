# ruff: noqa: RUF001
"""Measures of a set: what a question is by its words, choices, figures; and that parts counted apart give the whole."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.quality.novelty import rouge_l
from syphus.quality.pairs import Pair
from syphus.quality.sets.choices import read_choice
from syphus.quality.sets.figures import entropy, evenness, quantiles, top, uniform_chance
from syphus.quality.sets.measures import Measures
from syphus.quality.sets.questions import read_question
from syphus.quality.sets.sample import Sample, distinct, novelty
from syphus.records import Dialogue, Object, Relation, Scene, Turn

# Questions of many kinds, written for this test, with form, verb and object as a person reads them.
QUESTIONS = """
What is the man doing? | what | do | man
What color is the bus? | what | be | color
What colour does the car have? | what | have | colour
What is the color of the dog's collar? | what | be | color
What type of vehicle is parked on the left? | what | park | vehicle
What kind of food do the children eat? | what | eat | food
What is the woman holding in her left hand? | what | hold | woman
What are the people wearing? | what | wear | person
What might happen next? | what | happen |
What could make this street dangerous for cyclists? | what | make | street
What challenges might the boy face? | what | face | challenge
What can be inferred about the weather? | what | infer |
What does the sign say? | what | say | sign
What does the presence of an umbrella suggest about the weather? | what | suggest | presence
What's on the table? | what | be | table
Which animal is closest to the fence? | which | be | animal
Which of the two cups is larger? | which | be | cup
How many dogs are there? | how many | be | dog
How many people are sitting at the table? | how many | sit | person
How does the light influence the mood? | how | influence | mood
How old is the boy? | how | be | boy
How might the workers use the ladder? | how | use | ladder
Where is the lamp? | where | be | lamp
Where is the car parked? | where | park | car
When was this photo taken? | when | take | photo
Who is throwing the ball? | who | throw | ball
Whose hat lies on the ground? | who | lie | hat
Why are the children laughing? | why | laugh | child
Why did the woman open the window? | why | open | window
Is there a cat on the sofa? | yes or no | be | cat
Are the men wearing helmets? | yes or no | wear | helmet
Does the girl hold a kite? | yes or no | hold | kite
Can you see any birds? | yes or no | see | bird
Is the door open? | yes or no | be | door
Describe the image. | request | describe | image
Describe the following picture in detail. | request | describe | picture
Can you describe the main features of this image? | request | describe | feature
Please explain the scene. | request | explain | scene
Write a short story about the dog. | request | write | story
Provide a detailed description of the room. | request | provide | description
I want you to list all the objects. | request | list | object
In the picture, what is the boy riding? | what | ride | boy
And what is behind the tree? | what | be | tree
Based on the image, what season is it? | what | be | season
What happens after the man opens the door? | what | happen |
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in QUESTIONS.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_form_of_a_question_is_found(row):
    assert read_question(row[0]).form == row[1]


def test_verb_and_object_are_what_a_person_reads_in_nine_of_ten():
    wrong = [row for row in ROWS if [(asking := read_question(row[0])).verb, asking.object] != row[2:]]
    assert len(wrong) <= len(ROWS) // 10, wrong


@pytest.mark.parametrize("question", ["When, in this picture, is it?", "What, then, is on the table?", "who , who"])
def test_a_comma_is_no_verb(question):
    assert read_question(question).verb != ","


@pytest.mark.parametrize(
    ("question", "steps"),
    [
        ("What color is the bus?", 1),
        ("What color is the bus behind the tree?", 2),
        ("What is the man who is next to the car holding?", 3),
        ("Compared to the cup, which is larger than the plate?", 3),
    ],
)
def test_steps_are_counted_by_what_one_thing_is_found_by(question, steps):
    assert read_question(question).steps == steps


@pytest.mark.parametrize(
    "question", ["", "?", "。", "图中有什么？", "x" * 5000, "the the the", "'s", "<image>", "What", "How many"]
)
def test_any_text_can_be_read(question):
    assert read_question(question).steps >= 1


@given(st.text(alphabet=st.sampled_from("what is the man doing a'?,. \n"), max_size=60))
def test_no_text_breaks_it(text):
    read_question(text)


@pytest.mark.parametrize(
    ("question", "answer", "options", "named"),
    [
        ("Which?\nA. red\nB. blue", "B", ("red", "blue"), (1,)),
        ("Which? (A) red (B) blue (C) green", "(C) green", ("red", "blue", "green"), (2,)),
        ("Which? A) red B) blue", "The answer is A.", ("red", "blue"), (0,)),
        ("Which? 1. red 2. blue", "2", ("red", "blue"), (1,)),
        ("Which?\na) red\nb) blue", "blue", ("red", "blue"), (1,)),
        ("Which?\nA. red\nB. blue\nAnswer with the letter.", "B", ("red", "blue"), (1,)),
        ("Which?\nA. red\nB. blue", "A and B", ("red", "blue"), (0, 1)),
        ("Which?\nA. red\nB. blue", "C", ("red", "blue"), ()),
        ("Which?\nA. red\nB. blue", "green", ("red", "blue"), ()),
    ],
)
def test_choices_are_read(question, answer, options, named):
    choice = read_choice(question, answer)
    assert choice is not None
    assert (choice.options, choice.named) == (options, named)
    assert choice.position == (named[0] if len(named) == 1 else None)


@pytest.mark.parametrize(
    "question", ["A man is here. What else?", "What is A. Miller doing?", "Is it 1. or the other?", ""]
)
def test_what_lists_no_options_is_no_choice(question):
    assert read_choice(question, "A") is None


def test_figures():
    assert entropy([1, 1, 1, 1]) == 2
    assert entropy([5, 0]) == entropy([]) == 0
    assert evenness([3, 3]) == 1
    assert 0 < evenness([9, 1]) < 0.5
    assert evenness([7]) == 0
    assert quantiles(Counter({1: 50, 2: 45, 9: 5})) == {"mean": 1.85, "least": 1, "median": 1, "95 %": 2, "most": 9}
    assert quantiles(Counter())["mean"] == 0
    assert top(Counter({"b": 2, "a": 2, "c": 1}), 2) == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("counts", "chance"),
    # The upper tails of chi-square for 3.841 (1), 5.991 (2), 7.815 (3) and 9.488 (4 degrees of freedom) are 0.05.
    [([50, 50], 1.0), ([60, 40], 0.0455), ([100, 0], 0.0), ([3, 1], 1.0), ([], 1.0), ([40, 35, 25], 0.1738)],
)
def test_the_chance_that_positions_are_drawn_evenly(counts, chance):
    assert uniform_chance(counts) == pytest.approx(chance, abs=1e-4)


def test_distinct_n_by_hand():
    assert distinct(["a red bus", "a red car"]) == {1: 4 / 6, 2: 3 / 4, 3: 1.0}
    assert distinct([]) == {1: 0.0, 2: 0.0, 3: 0.0}


def test_novelty_is_the_distance_to_the_nearest():
    texts = ["a red bus stops here", "a red bus stops there", "two dogs run over the hill"]
    near = rouge_l(texts[0], texts[1])
    found = novelty(texts)
    assert found["nearest"] == pytest.approx(
        (2 * near + max(rouge_l(texts[2], one) for one in texts[:2])) / 3, abs=1e-3
    )
    assert found["novel"] == pytest.approx(1 / 3, abs=1e-3)
    assert novelty(["alone"]) == {"nearest": 0.0, "novel": 1.0}


def make(number, question, answer, **fields):
    turns = (Turn(role="user", text=question), Turn(role="assistant", text=answer))
    return Dialogue(id=f"d{number}", scene="s", turns=turns, **fields)


def count(dialogues, scene=None):
    measures = Measures()
    for one in dialogues:
        measures.add(one, [Pair(one.turns[0].text, one.turns[1].text)], scene)
    return measures


DIALOGUES = [
    make(number, row[0], ("Yes." if row[1] == "yes or no" else f"It is number {number}."), category=f"c{number % 3}")
    for number, row in enumerate(ROWS)
]


def test_parts_counted_apart_give_the_whole():
    whole = count(DIALOGUES)
    first, second = count(DIALOGUES[:11]), count(DIALOGUES[11:])
    first.merge(second)
    assert msgspec.structs.asdict(first) == msgspec.structs.asdict(whole)
    assert whole.pairs == len(DIALOGUES)
    assert whole.polarity == Counter(yes=4 + 1)


def test_a_sample_is_the_same_however_the_set_was_divided_and_ordered():
    def take(dialogues):
        sample = Sample(size=10)
        for one in dialogues:
            sample.add(one.id, one.turns[0].text, one.turns[1].text)
        return sample

    whole = take(DIALOGUES)
    shuffled = random.Random(1).sample(DIALOGUES, len(DIALOGUES))
    first, second = take(shuffled[:20]), take(shuffled[20:])
    first.merge(second)
    assert first.pairs() == whole.pairs()
    assert len(whole.pairs()) == 10


SCENE = Scene(
    id="s",
    objects=(Object(id="o1", label="bus"), Object(id="o2", label="dog"), Object(id="o3", label="tree")),
    relations=(
        Relation(subject="o1", predicate="behind", object="o3"),
        Relation(subject="o2", predicate="on", object="o1"),
    ),
)


def test_objects_and_relations_that_are_used_are_counted():
    measures = count([make(1, "What is there?", "A bus waits behind the trees.")], SCENE)
    assert measures.things == Counter({2: 1})
    assert measures.relations[1] + measures.relations[2] == 1
    assert (measures.labels, measures.labels_named) == (3, 2)
    referring = make(2, "What?", "[It](#o2) waits by the bus.", objects=(Object(id="o2", label="dog"),))
    assert count([referring], SCENE).things == Counter({2: 1})
    assert count([referring]).things == Counter({1: 1})


def test_figures_have_all_parts_and_are_plain_data():
    sample = Sample()
    sample.add("d", "What?", "That.")
    figures = count(DIALOGUES, SCENE).figures(sample)
    assert set(figures) == {"dialogues", "pairs", "diversity", "complexity", "balance"}
    assert figures["balance"]["category"]["most"] == {"c0": 15, "c1": 15, "c2": 15}
    assert figures["balance"]["category"]["evenness"] == 1
    assert msgspec.json.decode(msgspec.json.encode(figures)) == figures
    empty = Measures().figures(Sample())
    assert empty["pairs"] == 0
    assert msgspec.json.encode(empty)


def test_answer_positions_that_are_no_draw_are_told():
    question = "Which?\nA. red\nB. blue\nC. green"
    always = count([make(number, question, "B") for number in range(30)]).figures(Sample())
    assert always["balance"]["answer_position"]["3"]["counts"] == {"A": 0, "B": 30, "C": 0}
    assert always["balance"]["answer_position"]["3"]["by_chance"] < 0.001
    even = count([make(number, question, "ABC"[number % 3]) for number in range(30)]).figures(Sample())
    assert even["balance"]["answer_position"]["3"]["by_chance"] == 1
