# ruff: noqa: RUF001
"""What a person should look at: what is found, what is harmless, and that evidence does not spread what it finds."""

import json
import os
from pathlib import Path

import pytest

from syphus.quality.pairs import Pair
from syphus.quality.sets.safety import check_safety, mask
from syphus.quality.sets.safety_personal import find_personal
from syphus.quality.sets.safety_terms import _EXPLICIT, _SLURS, _STARTS_HERE, find_terms, hash_term
from syphus.quality.vocabulary import split_words
from syphus.records import OcrLine, Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")


def codes(answer, question="What is there?", scene=None):
    return [verdict.code for verdict in check_safety([Pair(question, answer)], scene)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to ann.lee+x@mail.co.uk today.", "e_mail"),
        ("Call 212-555-7890.", "phone"),
        ("Call (415) 555-2671.", "phone"),
        ("Ring +49 30 901820.", "phone"),
        ("Tel.: 0171 2345678", "phone"),
        ("电话：13800138000", "phone"),
        ("The card 4111 1111 1111 1111 is his.", "card"),
        ("IBAN DE89 3704 0044 0532 0130 00", "account"),
        ("GB82WEST12345698765432", "account"),
        ("Her number is 123-45-6789.", "person_number"),
        ("11010519491231002X", "person_number"),
        ("Passport no. C01X00T478", "person_number"),
        ("It comes from 8.8.8.8.", "ip_address"),
        ("He lives at 12 Baker Street.", "street"),
        ("Sie wohnt in der Hauptstraße 5.", "street"),
        ("Il habite 12 rue de Rivoli.", "street"),
        ("Vive en la calle Mayor 3.", "street"),
    ],
)
def test_personal_data_is_found(text, kind):
    assert [found.kind for found in find_personal(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Write to ann@example.com.",
        "at@ the @corner",
        "Call 415-555-0123.",  # kept for fiction
        "The card 4111 1111 1111 1112 fails the check digit.",
        "DE89 3704 0044 0532 0130 01",
        "000-12-3456 and 666-12-3456",
        "110105194912310021",
        "192.168.0.1, 127.0.0.1, version 1.2.3.4.5",
        "The score is 21-19, 12-21, 21-17.",
        "At 10:10 on 2019-10-12 there were 3,000,000 people.",
        "The bus 4056 has the plate AB12 CDE.",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
        "0000 0000 0000 0000",
        "A red bus stands on Baker Street.",
        "Five Street musicians play.",
        "The shelf holds 12 Great Books.",
        "3 + 4 = 7, 1/2, 0.75 litres, $3.99",
    ],
)
def test_numbers_of_pictures_are_no_personal_data(text):
    assert find_personal(text) == []


def test_evidence_shows_only_the_ends_and_says_what_is_written_in_the_picture():
    scene = Scene(id="s", ocr=(OcrLine(text="CALL 212-555-7890 NOW"),))
    (verdict,) = check_safety([Pair("What does the sign say?", "It says 212-555-7890.")], scene)
    assert (verdict.check, verdict.code, verdict.evidence, verdict.turn) == ("safety", "phone", "21…90", 0)
    assert "written in the picture" in verdict.message
    assert mask("12345") == "1…5"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("A porn magazine lies there.", "sexual"),
        ("Das ist ein Porno.", "sexual"),
        ("C'est une salope.", "sexual"),
        ("这是色情图片。", "sexual"),
        ("これはポルノです。", "sexual"),
        ("포르노를 보는 사람.", "sexual"),
        ("The nude woman lies on a sofa.", None),  # art
        ("The nude child stands there.", "sexual_minor"),
        ("A nude 12-year-old stands there.", "sexual_minor"),
        ("A sexy 20-year-old dances.", None),
        ("孩子的色情图片", "sexual_minor"),
        ("女の子とポルノ", "sexual_minor"),
        ("Jailbait.", "sexual_minor"),
    ],
)
def test_sexual_terms_and_minors(answer, code):
    assert codes(answer) == ([code] if code else [])


def test_slurs_of_several_languages_are_found_by_their_hashes():
    # Built from parts, so that the terms themselves stand nowhere.
    for term in ("f" + "ag" + "got", "sch" + "wuch" + "tel", "mari" + "cón"):
        assert codes(f"He calls him a {term}.") == ["slur"]


@pytest.mark.parametrize(
    "text",
    [
        "A Maine Coon cat and two Maine Coons.",
        "The kitchen is spic and span.",
        "A rooster, a great tit and a field of rape.",
        "A bareback rider ties her horse; the strap is on her helmet.",
        "The hooker of the rugby team snatches the ball; a skeet shooter shoots.",
        "He plays finger style guitar while shrimping boats leave.",
        "La gata negra come; el hombre negro la mira.",
        "He wears a cummerbund, a Scunthorpe scarf and assesses the grass.",
        "Dick and Fanny eat cocktail sausages with a twinkie.",
        "보지 않는다. 자지 않는다.",
        "他们在做饭，孩子们爱做作业。",
        "",
    ],
)
def test_harmless_texts_are_let_be(text):
    assert find_terms(text.lower(), split_words(text)) == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("You should take 200 mg of ibuprofen.", "medical_advice"),
        ("The recommended dosage is two tablets.", "medical_advice"),
        ("Please consult a doctor.", "medical_advice"),
        ("建议您尽快就医。", "medical_advice"),
        ("医師に相談してください。", "medical_advice"),
        ("You could sue the owner.", "legal_advice"),
        ("Please contact a lawyer.", "legal_advice"),
        ("A doctor in a white coat takes notes.", None),
        ("Pills and tablets lie on the table.", None),
        ("The lawyer stands in court.", None),
        ("He takes a photo of the medicine.", None),
        ("The sign says that parking is not legal here.", None),
    ],
)
def test_advice(answer, code):
    assert codes(answer) == ([code] if code else [])


def test_a_question_may_ask_for_advice():
    assert codes("It is a box.", question="Should I consult a doctor?") == []


def test_the_tables_hold_hashes_and_each_begins_somewhere():
    for table in (_SLURS, _EXPLICIT):
        assert all(len(one) == 10 and set(one) <= set("0123456789abcdef") for one in table.split())
    assert hash_term("the") not in _STARTS_HERE


@pytest.mark.skipif(not (DATA / "coco/captions_val2017.json").is_file(), reason="needs ../shared/data/coco")
def test_hardly_a_caption_of_coco_is_flagged():
    rows = json.loads((DATA / "coco/captions_val2017.json").read_text())["annotations"][:5000]
    flagged = [row["caption"] for row in rows if codes(row["caption"])]
    assert len(flagged) <= 5, flagged
