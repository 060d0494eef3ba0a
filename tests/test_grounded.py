"""Claims held against the annotations: what is said of a scene, and what each check must say of it, in tables."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.quality.checks import check_pairs
from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import COCO_THINGS, KINDS, MEANINGS, SUPPORTS, singular_of, things_of_label
from syphus.quality.grounded.reading import read_sentences
from syphus.quality.pairs import CheckName, Pair, PairsVerdict, Rules
from syphus.quality.stances import STANCES, stance_of
from syphus.records import Asset, Caption, Object, OcrLine, Question, Scene, Segment

KITCHEN = Scene(
    id="kitchen",
    assets=(Asset(width=1000, height=800),),
    captions=tuple(
        Caption(text=text)
        for text in (
            "A large black dog lies on a kitchen floor.",
            "A black dog with a red collar next to two bowls.",
            "Two white bowls stand near a dog in the kitchen.",
            "A dog rests below a window beside its bowls.",
        )
    ),
    objects=(
        Object(id="o1", label="dog", box=(50, 300, 350, 700)),
        Object(id="o2", label="bowl", box=(500, 600, 580, 680)),
        Object(id="o3", label="bowl", box=(620, 600, 700, 680)),
        Object(id="o4", label="refrigerator", box=(760, 50, 980, 700)),
        Object(id="o5", label="clock", box=(400, 20, 480, 100)),
    ),
)
CLIP = Scene(
    id="clip",
    assets=(Asset(id="video", kind="video", duration=60.0),),
    segments=(
        Segment(start=0, end=10, text="A woman cuts onions on a wooden board."),
        Segment(start=12, end=25, text="She pours oil into a frying pan."),
        Segment(start=30, end=55, text="The soup boils while she stirs slowly with a ladle."),
    ),
)
ASK = "What can be seen here?"


def judge(answer: str, question: str = ASK, scene: Scene = KITCHEN, rules: Rules | None = None) -> PairsVerdict:
    known = frozenset(one.id for one in scene.objects)
    return check_pairs([Pair(question, answer)], rules or Rules(), scene=scene, known=known, demonstrations=())


def codes(*args, **options) -> list[str]:
    found = judge(*args, **options)
    return [f"{one.check}/{one.code}" for one in found.verdicts]


def noted(*args, **options) -> list[str]:
    return [f"{one.check}/{one.code}" for one in judge(*args, **options).noted]


GOOD = [
    "A black dog lies on the floor, next to two bowls.",
    "The animal lies in the kitchen, and its pet bowls stand beside it.",
    "A puppy has its food here; a fridge stands on the right side of the image.",
    "There is no cat in the picture.",
    "The dog might be waiting for a person, or for a cat to come by.",
    "Dogs like to lie where it is cool, such as on tiles or under a car.",
    "The dog is to the left of the refrigerator, and the clock hangs above the dog.",
    "On the left side of the picture, a dog is lying.",
    "Both bowls are white.",
    "It wears a red collar, which a person may have put on.",
    "A hot dog stand would be no place for it.",
    "The dog raises its left paw while it turns to the right.",
    "One bowl stands to the left of the other one.",
    "A statue of a lion would look as calm as the dog.",
]


@pytest.mark.parametrize("answer", GOOD)
def test_what_the_annotations_bear_out_passes(answer):
    assert codes(answer) == []


WRONG = [
    ("There is also a giraffe in the image.", "objects/foreign"),
    ("A bicycle leans against the refrigerator.", "objects/foreign"),
    ("The dog lies next to a teddy bear on the floor.", "objects/foreign"),
    ("The image features a dog and several umbrellas.", "objects/foreign"),
    ("A guitar stands in the corner, near the dog.", "objects/foreign"),
    ("There is a fire hydrant, possibly a toy of the dog.", "objects/foreign"),
    ("The zebra's head lies close to the two bowls.", "objects/foreign"),
    ("Three bowls stand next to the dog on the floor.", "counts/wrong"),
    ("There are two dogs on the kitchen floor.", "counts/wrong"),
    ("The dog has 4 bowls beside it.", "counts/wrong"),
    ("A white dog lies on the floor of the kitchen.", "colours/wrong"),
    ("The dog in the picture is white and looks at the bowls.", "colours/wrong"),
    ("The dog wears a green collar.", "colours/wrong"),
    ("Two blue bowls stand next to the dog.", "colours/wrong"),
    ("The dog lies on the right side of the image.", "places/wrong"),
    ("On the left side of the picture, the refrigerator can be seen.", "places/wrong"),
    ("The dog is to the right of the refrigerator.", "places/wrong"),
    ("A clock hangs below the dog in this kitchen.", "places/wrong"),
    ("The dog lies between the clock and the refrigerator.", "places/wrong"),
    ("Two bowls stand on the floor, one of them on the left side of the image.", None),
    ("The refrigerator stands in the kitchen, with the dog to its right.", "places/wrong"),
    ("The refrigerator stands in the kitchen, with the dog to its left.", None),
    ("There is no dog in the picture.", "presence/there"),
    ("No clock is visible.", "presence/there"),
]


@pytest.mark.parametrize(("answer", "code"), WRONG)
def test_what_the_annotations_deny_is_found(answer, code):
    assert codes(answer) == ([code] if code else [])


REPLIES = [
    ("How many bowls are there?", "Two.", None),
    ("How many bowls are there?", "2", None),
    ("How many bowls are there?", "Three", "counts/wrong"),
    ("How many bowls are there?", "There are four.", "counts/wrong"),
    ("How many dogs are there?", "Just one.", None),
    ("What color is the dog?", "Black.", None),
    ("What color is the dog?", "It is white.", "colours/wrong"),
    ("What color is the collar?", "Blue", "colours/wrong"),
    ("What animal is this?", "A dog", None),
    ("What animal is this?", "Cat.", "objects/foreign"),
    ("Where is the dog?", "On the left.", None),
    ("Where is the dog?", "It is on the right side of the picture.", "places/wrong"),
    ("Is there a dog?", "Yes.", None),
    ("Is there a dog?", "No.", "presence/there"),
    ("Is there a dog on the table?", "No.", None),
    ("Is there a hot dog?", "No, there is not.", None),
    ("Are there any horses in the image?", "Yes, there are.", "presence/not_there"),
    ("Are there any horses in the image?", "No.", None),
    ("Can you see a bus in the picture?", "Yes.", "presence/not_there"),
    ("Are there two bowls?", "Yes.", None),
    ("Are there two bowls?", "No.", "presence/wrong"),
    ("Are there three bowls in the image?", "Yes.", "presence/wrong"),
    ("Is the dog black?", "No.", "presence/wrong"),
    ("Is the dog white?", "Yes.", "presence/wrong"),
    ("Is the dog to the left of the refrigerator?", "No.", "presence/wrong"),
    ("Is the dog to the left of the refrigerator?", "Yes.", None),
    ("Are there any other dogs in the image?", "No.", None),
    ("Could there be another dog?", "Yes, outside.", None),
    # A no does not deny what the question takes for granted; a yes states it.
    ("Is the black dog asleep?", "No, it is awake.", None),
    ("Are the two bowls full?", "No, both are empty.", None),
    ("Is the white dog asleep?", "Yes, it is.", "presence/wrong"),
    ("Where is the dog?", "A clock hangs at the top, and below it is a black dog.", None),
]


@pytest.mark.parametrize(("question", "answer", "code"), REPLIES)
def test_short_replies_mean_what_was_asked(question, answer, code):
    assert codes(answer, question) == ([code] if code else [])


def test_what_is_only_not_borne_out_is_noted_and_the_pair_kept():
    answer = "The dog might have been put there by a woman with a hat, near a skateboard."
    found = judge(answer)
    assert found.passed == (0,)
    assert [one.code for one in found.noted] == ["unsupported"]
    assert noted("A green curtain moves in the wind.") == ["objects/unsupported", "colours/unsupported"]


def test_a_thing_is_foreign_only_where_a_scene_is_described_well():
    single = Scene(id="s", captions=(Caption(text="A dog lies on the floor of a kitchen."),))
    assert codes("There is a skateboard next to the dog.", scene=single) == []
    assert noted("There is a skateboard next to the dog.", scene=single) == ["objects/unsupported"]


def test_what_was_looked_for_and_not_found_is_denied():
    scene = Scene(id="s", captions=KITCHEN.captions, objects=KITCHEN.objects, absent=("surfboard",))
    assert codes("There is a surfboard behind the dog.", scene=scene) == ["objects/absent"]
    assert codes("Yes.", "Is there a surfboard?", scene=scene) == ["presence/not_there"]
    assert codes("No.", "Is there a surfboard?", scene=scene) == []


def test_a_general_word_covers_its_kind_only_where_nothing_closer_is_known():
    open_scene = Scene(id="s", captions=(Caption(text="Some animals stand in a field."),) * 3)
    zebras = Scene(id="z", captions=open_scene.captions, objects=(Object(id="o1", label="zebra", box=(0, 0, 9, 9)),))
    assert codes("A cow stands in the field.", scene=open_scene) == []
    assert codes("A cow stands in the field.", scene=zebras) == ["objects/foreign"]


def test_of_several_alike_one_at_least_is_where_it_is_said_to_be():
    cups = tuple(Object(id=f"o{n}", label="cup", box=(x, 10, x + 50, 60)) for n, x in enumerate((700, 800, 900), 1))
    scene = Scene(id="s", assets=(Asset(width=1000, height=100),), objects=cups)
    assert codes("Three cups can be seen, one of them further to the left.", scene=scene) == ["places/wrong"]
    assert codes("Three cups can be seen, one of them further to the right.", scene=scene) == []
    middle = Object(id="o9", label="cup", box=(400, 10, 450, 60))
    apart = Scene(id="s", assets=scene.assets, objects=(*cups, middle))
    assert codes("One cup stands further to the left.", scene=apart) == []


def test_crowds_and_vague_words_leave_numbers_open():
    crowd = Scene(
        id="s",
        captions=(Caption(text="Several people wait at a stop."),),
        objects=(Object(id="o1", label="person", box=(0, 0, 9, 9), crowd=True),),
    )
    assert codes("Eleven people wait at the stop.", scene=crowd) == []
    captions = Scene(id="c", captions=(Caption(text="Three people, two women and a man, hold glasses."),))
    assert codes("Two women stand there with glasses.", scene=captions) == []
    assert codes("There are three people with glasses.", scene=captions) == []


def test_two_pictures_have_no_common_number_colour_or_side():
    pictures = (Asset(id="a", width=100, height=100), Asset(id="b", width=100, height=100))
    scene = Scene(
        id="s",
        assets=pictures,
        captions=(Caption(text="A red bus.", asset="a"), Caption(text="A blue bus.", asset="b")),
        objects=(Object(id="o1", label="bus", box=(0, 0, 40, 40), asset="a"),),
    )
    assert codes("The bus in the second picture is green and on the right side of the picture.", scene=scene) == []


MOMENTS = [
    ("At 5 seconds she cuts onions on a wooden board.", None),
    ("From 12 to 25 seconds she pours oil into a frying pan.", None),
    ("At 45 seconds she cuts onions on a wooden board.", "moments/wrong_time"),
    ("At 0:50 she pours oil into the frying pan.", "moments/wrong_time"),
    ("She cuts onions on the board before she pours oil into the frying pan.", None),
    ("She pours oil into the frying pan before she cuts onions on the wooden board.", "moments/wrong_order"),
    ("After she pours oil into the frying pan, she cuts onions on the wooden board.", "moments/wrong_order"),
    ("At 45 seconds she smiles.", None),
    ("At 75 seconds she smiles.", "time/beyond_end"),
    ("Around the 90-second mark she leaves.", "time/beyond_end"),
    ("From 40.5 to 99.0 seconds she stirs.", "time/beyond_end"),
]


@pytest.mark.parametrize(("answer", "code"), MOMENTS)
def test_times_and_order_agree_with_the_segments(answer, code):
    assert codes(answer, scene=CLIP) == ([code] if code else [])


def test_quoted_writing_was_read():
    sign = Scene(id="s", captions=KITCHEN.captions, ocr=(OcrLine(text="MAIN STREET"), OcrLine(text="No parking")))
    assert noted("The sign reads “Main Street”.", scene=sign) == []
    assert noted("The sign reads “MAIN STRET”.", scene=sign) == []
    assert noted("The sign reads “Ocean Drive”.", scene=sign) == ["writing/misread"]
    assert noted('A label says "Fresh Milk".') == ["writing/unsupported"]


def test_questions_that_the_annotations_answer():
    scene = Scene(
        id="s", questions=(Question(question="Is the man happy?", answers=("no", "yes"), votes=(9, 1)),)
    )  # fmt: skip
    assert codes("Yes, he is.", "Is the man happy?", scene=scene) == ["presence/wrong"]
    assert codes("No, he is not.", "Is the man happy?", scene=scene) == []
    divided = Scene(id="s", questions=(Question(question="Is the man happy?", answers=("no", "yes"), votes=(6, 4)),))
    assert codes("Yes, he is.", "Is the man happy?", scene=divided) == []


REFERENCES = [
    ("[The dog](#o1) lies next to [two bowls](#o2,#o3).", None),
    ("[The animal](#o1) lies next to [a bowl](#o3).", None),
    ("[The bowls](#o2,#o3) stand beside it.", None),
    ("[The black one](#o1) lies on the floor.", None),
    ("[Three bowls](#o2,#o3) stand beside it.", "reference/wrong_number"),
    ("[A bowl](#o2,#o3) stands beside it.", "reference/wrong_number"),
    ("[The refrigerator](#o1) hums in the corner.", "reference/wrong_thing"),
    ("[The dog](#o9) lies there.", "reference/unknown_id"),
]


@pytest.mark.parametrize(("answer", "code"), REFERENCES)
def test_references_agree_with_what_they_point_at(answer, code):
    assert codes(answer)[:1] == ([code] if code else [])


LANGUAGES = [
    ("Der Hund ist schwarz.", True),
    ("Le chien est noir et dort.", True),
    ("El perro es negro.", True),
    ("Il cane è nero.", True),
    ("O cachorro é preto.", True),
    ("De hond is zwart en ligt op de vloer.", True),
    ("黑色的狗躺在地上。", True),
    ("Собака лежит на полу.", True),
    ("Black.", False),
    ("A large black dog, two bowls", False),
    ("He is in the Rue de la Paix, near the Café de Flore.", False),
    ('The sign says "Boulangerie de la Gare".', False),
]


@pytest.mark.parametrize(("answer", "foreign"), LANGUAGES)
def test_an_answer_keeps_to_the_language_of_its_question(answer, foreign):
    found = [one for one in codes(answer, "What color is the dog in the image?") if one.startswith("language")]
    assert found == (["language/wrong_answer"] if foreign else [])


def test_the_language_may_be_the_category_s_or_the_captions_own():
    german = Scene(id="s", captions=(Caption(text="Der Hund liegt auf dem Boden und schläft."),))
    answer = "Ein Hund liegt auf dem Boden."
    assert codes(answer, "Describe the image in a few words.", scene=german) == []
    assert codes(answer, "Describe the image in a few words.", scene=german, rules=Rules(language="de")) == [
        "language/wrong_question"
    ]
    assert codes(answer, "Was ist auf dem Bild zu sehen und wo ist es?", scene=german, rules=Rules(language="en")) == [
        "language/wrong_question"
    ]


CUTS = [
    ("The dog lies on the", True),
    ("A dog with a", True),
    ("A dog lies on the floor. The bowls stand beside", True),
    ("The dog in the kitc", True),
    ("The dog is lying on the kitchen floor", True),
    ("Two bowls of food", False),
    ("a black dog with a hat on", False),
    ("A dog sleeping in a kitchen", False),
    ("Black", False),
]


@pytest.mark.parametrize(("answer", "cut"), CUTS)
def test_a_text_that_was_cut_is_found(answer, cut):
    assert ("unfinished/unfinished" in codes(answer)) == cut


def test_an_answer_does_not_come_twice():
    pairs = [
        Pair("What is this?", "A black dog lies on the floor."),
        Pair("And else?", "A black dog lies on the floor."),
    ]
    found = check_pairs(pairs, Rules(), scene=KITCHEN, known=frozenset(), demonstrations=())
    assert [(one.code, one.turn) for one in found.verdicts] == [("same_answer", 1)]


def test_other_languages_are_left_alone():
    rules = Rules(off=("language", "unrelated"))
    for answer in ("Un pan está sobre una mesa con un gato.", "Une table et un train rouge.", "猫が三匹います。"):
        assert codes(answer, "¿Qué hay?", rules=rules) == []


def test_stances_are_the_table_s_and_then_the_category_s():
    assert stance_of("objects", "foreign", {}) == "drop"
    assert stance_of("objects", "unsupported", {}) == "score"
    assert stance_of("leak", "source_word", {}) == "repair"
    assert stance_of("leak", "source_word", {"leak": "score"}) == "score"
    assert stance_of("objects", "unsupported", {"objects": "drop"}) == "drop"
    lenient = judge("There is a giraffe in the image.", rules=Rules(stances={"objects/foreign": "ask"}))
    assert lenient.passed == (0,)
    assert [one.code for one in lenient.noted] == ["foreign"]
    with pytest.raises(ValueError, match="there is no check 'object'"):
        Rules(stances={"object/foreign": "ask"})
    assert all(stance in {"drop", "repair", "score", "ask"} for stance in STANCES.values())


def test_the_tables_hold_together():
    assert len(COCO_THINGS) == 80
    assert {things for thing in COCO_THINGS for things in things_of_label(thing)} == COCO_THINGS
    assert things_of_label("mouse_(computer_equipment)") == {"mouse"}
    assert things_of_label("red double-decker bus") == {"bus"}
    assert things_of_label("nothing of the kind") == frozenset()
    assert singular_of("knives") == "knife"
    assert singular_of("people") == "person"
    assert singular_of("glass") == "glass"
    assert all(KINDS[thing] for thing in KINDS)
    assert set().union(*SUPPORTS.values()) >= set().union(*MEANINGS.values())


def test_a_hedge_takes_back_its_clause():
    (sentence,) = read_sentences("There is a spoon, possibly for soup, and it might be near a fork.")
    at = sentence.tokens.index
    assert not sentence.hedges(at("spoon"))
    assert sentence.hedges(at("soup"))
    assert sentence.hedges(at("fork"))
    (seen,) = read_sentences("A fork can be seen on the table.")
    assert not seen.hedged


def test_facts_are_made_of_everything_but_what_is_absent():
    facts = Facts(Scene(id="s", captions=KITCHEN.captions, absent=("giraffe",)))
    assert "giraffe" not in facts.supported
    assert "giraf" in facts.stems
    assert {"dog", "animal", "bowl"} <= facts.supported


_WORDS = st.sampled_from(
    "the a dog cats red two left right of side picture is are not there might between and , . ? “ ” ' before 3 12:30 s é 图 yes no".split()
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_WORDS, max_size=60), st.lists(_WORDS, max_size=20), st.sampled_from([KITCHEN, CLIP]))
def test_any_text_gets_a_verdict(answer, question, scene):
    found = judge(" ".join(answer), " ".join(question), scene=scene)
    assert {one.turn for one in (*found.verdicts, *found.noted)} <= {0}
    assert (found.passed == (0,)) == (not found.verdicts)


@pytest.mark.parametrize(
    "piece",
    ["might ", "a red ", "on the left, ", "there is no ", '"a" said ', "dog's ", "before the dog, ", "two dogs "],
)
def test_a_text_run_wild_is_judged(piece):
    """In a second at most; a search that is not linear would take minutes here."""
    assert judge((piece * 20_000)[:19_999], "Is there a dog?").verdicts


def test_the_documentation_has_every_check_and_stance():
    text = (Path(__file__).parents[1] / "docs" / "checks.md").read_text(encoding="utf-8")
    for name in get_args(CheckName):
        assert f"| `{name}` |" in text
    for key in STANCES:
        for part in key.split("/"):
            assert f"`{part}`" in text
