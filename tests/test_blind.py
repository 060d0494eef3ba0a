# ruff: noqa: RUF001 (full-width signs are what is read)
"""Answerable without looking: what counts as right, what is asked, and the command."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import Scripted, make_project, outcomes, written
from msgspec import structs

from syphus.cli.main import main
from syphus.jobs.blind import Blinding, BlindItem, blind_job, planned_requests, report_blind
from syphus.jobs.blind_right import chosen_option, find_options, first_number, is_right, kind_of, polarity
from syphus.jobs.judge_asking import Subject
from syphus.records import Dialogue, Turn
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

CHOICE = "What is on the table?\nA. a cat\nB. two dogs\nC. a red vase\nAnswer with the letter."
INLINE = "Which season is it? (A) spring (B) winter, (C) autumn"


# -- taking questions apart


@pytest.mark.parametrize(
    ("question", "stem", "options", "tail"),
    [
        (CHOICE, "What is on the table?", ("a cat", "two dogs", "a red vase"), "Answer with the letter."),
        (INLINE, "Which season is it?", ("spring", "winter", "autumn"), ""),
        ("哪个是猫？\nA. 左边\nB. 右边", "哪个是猫？", ("左边", "右边"), ""),
        ("Is it A. or B?", "", (), ""),
        ("What does Mr. A. Smith hold? B. is there, too", "", (), ""),
        ("Plan A. Then plan C. What next?", "", (), ""),
        ("", "", (), ""),
    ],
)
def test_options_are_found_only_where_they_are_sure(question, stem, options, tail) -> None:
    found = find_options(question)
    if not options:
        assert found is None
        return
    assert found is not None
    assert (found.stem, found.options, found.tail) == (stem, options, tail)


@pytest.mark.parametrize(
    ("answer", "which"),
    [
        ("B", 1), ("(c)", 2), ("b.", 1), ("The answer is B.", 1), ("Answer: C, the vase", 2), ("a red vase", 2),
        ("It is a red vase.", 2), ("A cat", 0), ("A", 0), ("D", None), ("a cat or two dogs", None), ("A dog", None), ("", None),
        ("Because of the light", None),
    ],
)  # fmt: skip
def test_which_option_an_answer_takes(answer, which) -> None:
    assert chosen_option(answer, ("a cat", "two dogs", "a red vase")) == which


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes, there is.", True), ("no", False), ("Nein.", False), ("Sí, claro", True), ("はい、います。", True), ("没有", False),
        ("아니요, 없습니다", False), ("نعم، هناك", True), ("There is none.", None), ("Nobody", None), ("", None),
    ],
)  # fmt: skip
def test_polarity(answer, said) -> None:
    assert polarity(answer) is said


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("There are twelve.", 12), ("about 2.5 m", 2.5), ("a pair of", 2), ("many", None)]
)
def test_first_number(text, number) -> None:
    assert first_number(text) == number


@pytest.mark.parametrize(
    ("question", "answer", "kind", "right", "wrong"),
    [
        (CHOICE, "B", "option", "B.", "C"),
        (CHOICE, "a red vase", "option", "I think C.", "two dogs"),
        ("Is there a dog?", "No, there is no dog.", "yes_no", "No.", "Yes, a brown one"),
        ("How many cats are there?", "There are three cats.", "number", "3", "Two, on the sofa."),
        ("What colour is the bus?", "The bus is red.", "few_words", "It's red", "It is blue."),
        ("What lies there?", "Two buses and a case.", "few_words", "a case, beside two buses", "two buses"),
        (
            "What is the man doing?",
            "The man with the long coat is crossing a wet street in the evening while a tram waits behind him.",
            "text",
            "The man is crossing a wet street in the evening while a tram waits.",
            "He is walking his dog.",
        ),
    ],
)  # fmt: skip
def test_right_and_wrong_by_kind(question, answer, kind, right, wrong) -> None:
    assert kind_of(question, answer) == kind
    assert is_right(question, answer, right)
    assert not is_right(question, answer, wrong)
    assert not is_right(question, answer, "")


@given(st.text(alphabet="ABab 12.?:()\nyesno", max_size=40) | st.text(max_size=30), st.text(max_size=30))
def test_an_answer_is_always_right_and_nothing_raises(question: str, answer: str) -> None:
    assert is_right(question, answer, answer)
    is_right(question, answer, question)
    if options := find_options(question):
        assert find_options(options.shuffled(range(len(options.options)))) == options or "\n" in options.stem


# -- the job


def item(*texts: str, guesses: int = 5, limit: int = 3) -> BlindItem:
    turns = tuple(Turn(role=("user", "assistant")[at % 2], text=text) for at, text in enumerate(texts))
    blinding = Blinding(system="Guess.", repair_text="{{faults}}{{wanted}}", guesses=guesses, limit=limit, settings="s")
    subject = Subject(dialogue=Dialogue(id="d", scene="s", category="c/x", turns=turns), evidence="secret: red")
    return BlindItem(subject=subject, blinding=blinding)


def guess(one: BlindItem, *answers: str):
    ask = Scripted(*(json.dumps({"answer": answer}) for answer in answers))
    return asyncio.run(blind_job()(one, ask)), ask.asked


def test_the_question_alone_is_asked() -> None:
    one = item("What colour is [the bus](#o1)?", "Red.", "And the car?", "Blue.")
    requests = planned_requests(one)
    assert len(requests) == 10
    assert {request.messages[1].content for request in requests} == {"What colour is the bus?", "And the car?"}
    assert [request.sample for request in requests[:5]] == [0, 1, 2, 3, 4]
    assert not any("secret" in message.content for request in requests for message in request.messages)


@pytest.mark.parametrize(
    ("answers", "code", "marks"),
    [
        (["red"] * 3, "guessed: few_words", "right, right, right"),
        (["blue"] * 3, "unguessed: few_words", "wrong, wrong, wrong"),
        (["red", "blue", "red", "blue", "red"], "guessed: few_words", "right, wrong, right, wrong, right"),
        (["red", "blue", "red", "blue", "blue"], "unguessed: few_words", "right, wrong, right, wrong, wrong"),
    ],
)
def test_it_asks_until_it_is_decided_and_no_longer(answers, code, marks) -> None:
    outcome, asked = guess(item("What colour is the bus?", "It is red."), *answers)
    (verdict,) = outcome.dialogues[0].verdicts
    assert (verdict.check, verdict.code, verdict.turn) == ("blind", code, 0)
    assert verdict.message == f"without looking: {marks}"
    assert len(asked) == len(answers)


def test_options_are_shuffled_for_each_guess_and_the_right_one_goes_along() -> None:
    one = item(CHOICE, "B. two dogs", guesses=8, limit=8)
    letters = []

    async def ask(request):
        question = request.messages[1].content
        letters.append(re.search(r"([A-C])\. two dogs", question)[1])
        assert question.endswith("Answer with the letter.")
        return structs.replace(await Scripted(json.dumps({"answer": letters[-1]}))(request), key="k")

    outcome = asyncio.run(blind_job()(one, ask))
    assert outcome.dialogues[0].verdicts[0].code == "guessed: option"
    assert len(letters) == 8
    assert len(set(letters)) == 3


def test_a_guesser_who_always_takes_b_is_right_by_chance_alone() -> None:
    right = 0
    for number in range(60):
        one = item(CHOICE, "B", guesses=1, limit=1)
        dialogue = structs.replace(one.subject.dialogue, id=f"d{number}")
        one = structs.replace(one, subject=structs.replace(one.subject, dialogue=dialogue))
        outcome, _ = guess(one, "B")
        right += outcome.dialogues[0].verdicts[0].code.startswith("guessed")
    assert 8 < right < 34, "a third of 60"


def test_the_report_sets_chance_beside_what_was_guessed() -> None:
    marked = []
    for number, (question, answer, said) in enumerate(
        [("Is it?", "Yes.", "yes"), ("Is that?", "Yes.", "no"), ("Is he?", "No.", "yes"), (CHOICE, "A", "zzz")]
    ):
        one = item(question, answer, guesses=1, limit=1)
        outcome, _ = guess(one, said)
        marked += [structs.replace(dialogue, id=f"d{number}") for dialogue in outcome.dialogues]
    option, yes_no = report_blind(marked)
    assert (option.kind, option.pairs, option.guessed, option.chance) == ("option", 1, 0, pytest.approx(1 / 3))
    assert (yes_no.kind, yes_no.pairs, yes_no.guessed, yes_no.first_right) == ("yes_no", 3, 1, pytest.approx(1 / 3))
    assert yes_no.chance == pytest.approx(2 / 3), "whoever always says yes"


# -- the command


def test_blind_over_a_run(tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    config = make_project(tmp_path, server.url)
    server.script = lambda body, _: written(body)
    assert main(["generate", str(config)]) == 0
    run, decisions = tmp_path / "run", tmp_path / "decisions.jsonl"
    server.calls.clear()

    def script(body: dict, _: int) -> dict:
        asked = body["messages"][-1]["content"]
        assert "carts" not in asked, "the scene is not shown"
        said = "A brown horse waits with 1 carts at the old mill." if "waits" in asked else "Who knows"
        return completion(json.dumps({"answer": said}))

    server.script = script
    assert main(["blind", str(run), "--decisions", str(decisions), "--json"]) == 0
    captured = capsys.readouterr()
    # Both questions are the same in all three scenes, so each guess at them is paid for once.
    assert len(server.calls) == 6
    (kind,) = [one for one in json.loads(captured.out)["kinds"] if one["guessed"]]
    assert (kind["category"], kind["pairs"], kind["guessed"]) == ("mine/first", 3, 1)
    assert "1 of 6 open questions (16.7%) are answered right without looking" in captured.err
    assert not decisions.read_text(), "no dialogue can be done without its picture in all of its pairs"
    assert {row["category"] for row in outcomes(run, "blind/%")} == {"blind/mine/first"}
    assert main(["blind", str(run)]) == 0
    assert len(server.calls) == 6
    assert main(["blind", str(run), "--right", "9"]) == 2
