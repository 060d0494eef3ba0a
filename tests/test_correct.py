"""Correction: sentences, the rounds, our checks, what is kept; and the command against a scripted corrector."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import Scripted, make_project, outcomes, scores, written
from msgspec import structs

from syphus.cli.datasets.corrected import Corrections
from syphus.cli.main import main
from syphus.errors import FailureKind, ModelError
from syphus.jobs.correct import correct_job, planned_requests
from syphus.jobs.correct_items import Correcting, CorrectItem
from syphus.jobs.correct_sentences import split_sentences
from syphus.jobs.judge_asking import Subject
from syphus.ledger.ledger import open_ledger
from syphus.records import Asset, Caption, Dialogue, Object, Scene, Turn
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

# -- sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A bus is 3.5 m long. It is red.", ["A bus is 3.5 m long. ", "It is red."]),
        ("No. It is red.", ["No. ", "It is red."]),
        ("See No. 5 and fig. 2. There.", ["See No. 5 and fig. 2. ", "There."]),
        ("Mr. Brown and Dr. J. Smith sit, e.g. on a bench.", ["Mr. Brown and Dr. J. Smith sit, e.g. on a bench."]),
        ("Plan A. Then B.", ["Plan A. ", "Then B."]),
        ('He said "Go!" Then he left... and came back.', ['He said "Go!" ', "Then he left... and came back."]),
        ("1. First thing.\n2. Second\n\nEnd", ["1. First thing.\n", "2. Second\n\n", "End"]),
        ("猫がいる。犬も。終わり", ["猫がいる。", "犬も。", "終わり"]),
        ("هل هناك كلب؟ نعم.", ["هل هناك كلب؟ ", "نعم."]),
        ("[The bus. Big](#o1) stands. Next", ["[The bus. Big](#o1) stands. ", "Next"]),
        ("without an end", ["without an end"]),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_end_where_they_really_do(text, parts) -> None:
    assert split_sentences(text) == parts


@given(st.text(alphabet='aA1. \n!?。)"[](#…', max_size=60) | st.text(max_size=60))
def test_sentences_are_the_text(text: str) -> None:
    parts = split_sentences(text)
    assert "".join(parts) == text
    assert all(part.strip() for part in parts) or not text.strip()


# -- the rounds

SCENE = Scene(
    id="s1",
    assets=(Asset(path="a.jpg", width=100, height=100),),
    captions=(Caption(text="A red bus and a dog on a wet street in town."),),
    objects=(Object(id="o1", label="bus", box=(10, 10, 60, 60)), Object(id="o2", label="dog", box=(70, 60, 90, 90))),
)
ANSWER = "The bus is red. A cat sits on its roof. The cat looks at the dog."


def item(*texts: str, scene: Scene | None = None, evidence: str = "A red bus, a dog.", objects=()) -> CorrectItem:
    turns = tuple(Turn(role=("user", "assistant")[at % 2], text=text) for at, text in enumerate(texts))
    dialogue = Dialogue(id="d", scene="s1", category="c/x", turns=turns, objects=objects)
    subject = Subject(dialogue=dialogue, evidence=evidence, scene=scene, known=frozenset({"o1", "o2"}))
    correcting = Correcting(system="Check.", repair_text="Bad:\n{{faults}}\n{{wanted}}", settings="s")
    return CorrectItem(subject=subject, correcting=correcting)


def rulings(*rows: str) -> str:
    """``1.1`` holds; ``1.2 wrong: New text.`` is to be replaced; ``1.3 wrong`` is to go."""
    sentences = []
    for row in rows:
        at, _, rest = row.partition(" ")
        verdict, _, instead = rest.partition(": ")
        because = f"because of {at}"
        sentences.append({"at": at, "because": because, "verdict": verdict or "holds", "instead": instead})
    return json.dumps({"sentences": sentences})


def correct(one: CorrectItem, *replies):
    ask = Scripted(*replies)
    return asyncio.run(correct_job()(one, ask)), ask.asked


def asked_about(request) -> list[str]:
    lines = [line for line in request.messages[1].content.splitlines() if line.startswith("{")]
    return [row["at"] for row in map(json.loads, lines) if "at" in row]


def answers(outcome) -> list[str]:
    return [turn.text for turn in outcome.dialogues[0].turns[1::2]]


def test_what_holds_costs_one_request_and_stays_as_it_is() -> None:
    one = item("What is there?", "A red bus.  There is a dog, too.\n", "What is wet?", "The street is wet.")
    outcome, asked = correct(one, rulings("1.0", "1.1", "1.2", "2.0", "2.1"))
    assert len(asked) == 1
    assert asked_about(asked[0]) == ["1.0", "1.1", "1.2", "2.0", "2.1"]
    assert outcome.dialogues[0].turns == one.subject.dialogue.turns
    assert not outcome.dialogues[0].verdicts
    assert outcome.dialogues[0].id == "d"


def test_what_fails_is_written_anew_and_what_follows_is_held_again() -> None:
    outcome, asked = correct(
        item("What is there?", ANSWER),
        rulings("1.0", "1.1", "1.2 wrong: A dog stands beside it.", "1.3"),  # 1.3 lived on what was wrong
        rulings("1.2", "1.3 wrong"),
    )
    assert answers(outcome) == ["The bus is red. A dog stands beside it."]
    assert asked_about(asked[1]) == ["1.2", "1.3"]
    second = asked[1].messages[1].content
    assert '{"stands": "The bus is red."}' in second
    assert '"sentence": "A dog stands beside it."' in second
    changes = [(one.code, one.turn, one.message, one.evidence) for one in outcome.dialogues[0].verdicts]
    assert changes == [
        ("rewritten", 0, "because of 1.2", "A cat sits on its roof. → A dog stands beside it."),
        ("dropped", 0, "because of 1.3", "The cat looks at the dog."),
    ]
    assert outcome.requests == ("k1", "k2")


def test_a_sentence_written_anew_is_held_like_any_other_and_then_goes() -> None:
    outcome, asked = correct(
        item("What is there?", ANSWER),
        rulings("1.0", "1.1", "1.2 wrong: A bird sits there.", "1.3"),
        rulings("1.2 wrong: A fish sits there.", "1.3"),
        rulings("1.2 unsupported"),
    )
    assert len(asked) == 3
    assert answers(outcome) == ["The bus is red."]
    assert next(one.evidence for one in outcome.dialogues[0].verdicts) == "A cat sits on its roof."


def test_it_goes_on_to_the_end_and_not_for_four_rounds() -> None:
    text = " ".join(f"Thing {number} is here." for number in range(1, 10))
    # Each round finds the next sentence wrong, and drops it.
    replies = [
        rulings(*(["1.0"] if left == 9 else []), "1.1 wrong", *(f"1.{at}" for at in range(2, left + 1)))
        for left in range(9, 0, -1)
    ]
    outcome, asked = correct(item("What is there?", text), *replies)
    assert len(asked) == 9
    assert not outcome.dialogues
    assert [reject.code for reject in outcome.rejects] == ["correct: nothing_left"]


def test_a_question_that_takes_something_false_for_granted_takes_its_pair_along() -> None:
    outcome, _ = correct(
        item("What colour is the cat?", "It is grey.", "And the bus?", "The bus is red."),
        rulings("1.0 wrong", "1.1", "2.0", "2.1"),
    )
    assert [turn.text for turn in outcome.dialogues[0].turns] == ["And the bus?", "The bus is red."]
    assert [(reject.code, reject.evidence) for reject in outcome.rejects] == [
        ("correct: question", "What colour is the cat?")
    ]
    assert outcome.dialogues[0].verdicts[0].code == "pair_dropped"


def test_our_checks_are_told_and_go_before_the_model() -> None:
    one = item("What is there?", "The bus is red. According to the captions, there is a dog.", scene=SCENE)
    (request,) = planned_requests(one)
    (row,) = [line for line in request.messages[1].content.splitlines() if "captions, there" in line]
    assert "found by a check" in json.loads(row)
    outcome, asked = correct(
        one,
        rulings("1.0", "1.1", "1.2 holds"),  # the model does not mind, and has nothing to put in its place
    )
    assert len(asked) == 1
    assert answers(outcome) == ["The bus is red."]


def test_a_replacement_that_fails_our_checks_is_not_taken() -> None:
    outcome, asked = correct(
        item("What is there?", "The bus is red. A cat sits there.", scene=SCENE),
        rulings("1.0", "1.1", "1.2 wrong: The annotation says a dog."),
    )
    assert len(asked) == 1
    assert answers(outcome) == ["The bus is red."]


def test_links_stay_and_none_are_made_up() -> None:
    bus = Object(id="o1", label="bus", box=(10, 10, 60, 60))
    one = item("What is there?", "[The bus](#o1) is red. A cat. A horse.", scene=SCENE, objects=(bus,))
    outcome, _ = correct(
        one,
        rulings("1.0", "1.1", "1.2 wrong: [A dog](#o2) stands there.", "1.3"),
        rulings("1.2", "1.3 wrong: [A cow](#o9) stands there."),
    )
    assert answers(outcome) == ["[The bus](#o1) is red. [A dog](#o2) stands there."]
    assert [thing.id for thing in outcome.dialogues[0].objects] == ["o1", "o2"]


def test_a_pair_that_becomes_worse_by_the_checks_is_dropped() -> None:
    one = item("What is there?", "A bus is there, and it is red. A cat.", scene=SCENE)
    rules = structs.replace(one.subject.rules, answer_words=(6, 60))
    one = structs.replace(one, subject=structs.replace(one.subject, rules=rules))
    outcome, _ = correct(one, rulings("1.0", "1.1 wrong: A red bus.", "1.2"), rulings("1.1", "1.2 wrong"))
    assert not outcome.dialogues
    assert outcome.rejects[-1].code == "correct: length"


def test_verdicts_that_are_missing_are_asked_for_again() -> None:
    outcome, asked = correct(item("What is there?", ANSWER), rulings("1.0", "1.1"), rulings("1.2", "1.3"))
    assert "Give only 1.2, 1.3." in asked[1].messages[-1].content
    assert answers(outcome) == [ANSWER]


def test_where_the_model_says_nothing_usable_the_dialogue_is_not_touched() -> None:
    outcome, asked = correct(item("What is there?", ANSWER), "Fine!", "Good!", "Yes!")
    assert len(asked) == 3
    assert not outcome.dialogues
    assert [reject.code for reject in outcome.rejects] == ["schema: missing"]


def test_a_refusal_for_good_of_the_first_request_is_the_engines_to_tell() -> None:
    async def ask(_):
        raise ModelError(FailureKind.TOO_LONG, "too long")

    with pytest.raises(ModelError):
        asyncio.run(correct_job()(item("Q?", "A."), ask))


def test_without_anything_known_it_is_skipped() -> None:
    outcome, asked = correct(item("Q?", "A.", evidence=""))
    assert outcome.skipped == "nothing is known of the scene"
    assert not asked


# -- the command


def corrector(body: dict, _: int) -> dict:
    """Drops what speaks of a dog, and writes the weather anew."""
    lines = [line for line in body["messages"][1]["content"].splitlines() if line.startswith("{")]
    rows = []
    for row in map(json.loads, lines):
        if "at" not in row:
            continue
        text = row.get("sentence", "")
        verdict, instead = "holds", ""
        if "dog" in text:
            verdict = "wrong"
        if "sunny" in text:
            verdict, instead = "unsupported", "Nothing tells what the weather is like."
        rows.append({"at": row["at"], "because": "b", "verdict": verdict, "instead": instead})
    return completion(json.dumps({"sentences": rows}))


def test_correcting_a_run(tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    config = make_project(tmp_path, server.url)
    server.script = lambda body, _: written(body)
    assert main(["generate", str(config)]) == 0
    before = outcomes(tmp_path / "run", "mine/%")
    server.calls.clear()
    server.script = corrector
    run, out, changes = tmp_path / "run", tmp_path / "out.jsonl", tmp_path / "changes.jsonl"
    assert main(["correct", str(run), "--plan"]) == 0
    assert not server.calls
    assert main(["correct", str(run), "--out", str(out), "--changes", str(changes), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "dialogues": {"corrected": 3, "not corrected": 0},
        "changes": {"rewritten": 3, "dropped": 3},
    }
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert {one["turns"][3]["text"] for one in kept} == {"Nothing tells what the weather is like."}
    told = [json.loads(line) for line in changes.read_text().splitlines()]
    assert {(one["change"], one["pair"]) for one in told} == {("rewritten", 1), ("dropped", 1)}
    assert outcomes(run, "mine/%") == before, "what was made stands as it was"
    stored = outcomes(run, "correct/%")
    assert {(row["category"], row["state"]) for row in stored} == {("correct/mine/first", "accepted")}
    with open_ledger(run) as ledger:
        corrections = Corrections(ledger)
        made = [
            dialogue
            for outcome in ledger.outcomes()
            if outcome.category == "mine/first"
            for dialogue in outcome.dialogues
        ]
    used = list(corrections.apply(made))
    assert {one.turns[3].text for one in used} == {"Nothing tells what the weather is like."}
    redrawn = structs.replace(made[0], provenance=structs.replace(made[0].provenance, requests=("another",)))
    assert list(corrections.apply([redrawn])) == [redrawn], "what was made anew since is not what was corrected"
    assert (corrections.replaced, corrections.dropped, corrections.outdated) == (3, 0, 1)
    calls = len(server.calls)
    assert main(["correct", str(run)]) == 0
    assert len(server.calls) == calls, "nothing is asked twice"
    server.script = lambda body, _: completion(
        scores(body, lambda *_: 3 if "Nothing tells" in body["messages"][1]["content"] else 2)
    )
    capsys.readouterr()
    assert main(["judge", str(run)]) == 0
    assert main(["judge", str(run), "--category", "correct/*", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["criteria"][0]["mean"] == 3
    assert len(outcomes(run, "judge/%")) == 6, "what was corrected is judged beside what it was made of"


def test_a_file_without_scenes_cannot_be_corrected(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "x.jsonl"
    turns = [{"role": "user", "text": "Q?"}, {"role": "assistant", "text": "A."}]
    file.write_text(json.dumps({"id": "d", "scene": "s", "turns": turns}) + "\n")
    assert main(["correct", str(file), "--run", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert "--scenes FILE" in said
    assert not (tmp_path / "r").exists()
