"""Judging: the rubric, the orders, the scores and what comes of them; and the command against scripted judges."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import Scripted, fields_of, make_project, outcomes, scores, written
from msgspec import structs

from syphus.cli.judge import score_lines
from syphus.cli.main import main
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.jobs.judge import Judge, JudgeItem, judge_job, planned_requests
from syphus.jobs.judge_asking import Subject, numbers_in
from syphus.jobs.judge_rubric import read_rubric
from syphus.jobs.judge_scores import ScoreBook, count_duels, without_pairs
from syphus.records import Dialogue, Turn, Verdict
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
DEFAULT = read_rubric(read_text(ROOT / "prompts/judging.md"), file="judging.md")
SMALL = read_rubric(
    "# tiny\nYou judge.\n## true (needs evidence)\nIs it?\n- 1: no\n- 3: yes\n## kind\n- 1: no\n- 3: yes\n"
    "## hard (no bar)\n- 1: no\n- 3: yes\n",
    file="tiny.md",
)


def dialogue(pairs: int = 2, identity: str = "d1") -> Dialogue:
    turns = []
    for number in range(1, pairs + 1):
        turns += [Turn(role="user", text=f"Q{number}?"), Turn(role="assistant", text=f"[A {number}](#o1).")]
    return Dialogue(id=identity, scene="s1", category="c/d", turns=tuple(turns))


def item(pairs: int = 2, *, evidence: str = "A cat.", rubric=SMALL, **fields) -> JudgeItem:
    judge = Judge(rubric=rubric, model="m", repair_text="Bad:\n{{faults}}\n{{wanted}}", settings="s")
    judge = structs.replace(judge, **{key: fields.pop(key) for key in ("draws", "seed") if key in fields})
    return JudgeItem(subject=Subject(dialogue=dialogue(pairs), evidence=evidence), judge=judge, **fields)


def judge(one: JudgeItem, *replies):
    ask = Scripted(*replies)
    return asyncio.run(judge_job()(one, ask)), ask.asked


def rows(*numbers: str, why="w", **given: str) -> str:
    base = {"true": "3", "kind": "2", "hard": "1"} | given
    return json.dumps({"pairs": [{"pair": number, "why": why, **base} for number in numbers]})


# -- the rubric


def test_the_rubric_that_comes_with_syphus() -> None:
    assert DEFAULT.name == "quality"
    names = [one.name for one in DEFAULT.criteria]
    assert names == ["grounded", "answers", "natural", "unseen_source", "difficulty"]
    assert DEFAULT.scores == (1, 2, 3, 4, 5)
    assert [one.name for one in DEFAULT.criteria if one.needs_evidence] == ["grounded"]
    assert [one.name for one in DEFAULT.criteria if not one.has_bar] == ["difficulty"]
    assert all([score for score, _ in one.anchors] == [1, 2, 3, 4, 5] for one in DEFAULT.criteria)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "a name and 1 to", "line 1"),
        ("Judge!\n# a\n", "begins with its name", "line 1"),
        ("# a\nJ\n", "a name and 1 to", "line 2"),
        ("# Big Name\nJ\n## x\n- 1: a\n- 2: b", "is no name", "line 1"),
        ("# a\n## x\n- 1: a\n- 2: b", "says nothing before", "line 1"),
        ("# a\nJ\n## x\n- 1: a", "at least two scores", "line 3"),
        ("# a\nJ\n## x\n- 1: a\n- 1: b", "given twice", "line 5"),
        ("# a\nJ\n## x (needs luck)\n- 1: a\n- 2: b", "'needs luck' is unknown", "line 3"),
        ("# a\nJ\n## why\n- 1: a\n- 2: b", "cannot be called", "line 3"),
        ("# a\nJ\n## x\n- 1: a\n- 2: b\n## x\n- 1: a\n- 2: b", "is given twice", "line 6"),
        ("# a\nJ\n### x\n- 1: a\n- 2: b", "no heading", "line 3"),
        ("# a\nJ\n## x\n- 1: a\n- 99: b", "too high", "line 5"),
    ],
)
def test_a_rubric_that_is_wrong_says_where(text, message, place) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_rubric(text, file="r.md")
    assert caught.value.place == place


@given(st.text(alphabet="#ab -1:()\n5", max_size=80))
def test_any_text_is_a_rubric_or_says_why_not(text: str) -> None:
    try:
        rubric = read_rubric("# a\nJ\n" + text, file="r.md")
    except InputError as error:
        place = error.place
    else:
        place = "line "
        assert rubric.scores == tuple(range(rubric.scores[0], rubric.scores[-1] + 1))
    assert place.startswith("line ")


# -- what is asked


def test_each_criterion_stands_at_each_place_about_equally_often() -> None:
    places = Counter()
    for number in range(600):
        one = item(rubric=DEFAULT)
        one = structs.replace(one, subject=structs.replace(one.subject, dialogue=dialogue(1, f"d{number}")))
        (request,) = planned_requests(one)
        fields = list(request.schema["properties"]["pairs"]["items"]["properties"])[2:]
        system = request.messages[0].content
        assert sorted(fields, key=lambda name: system.index(f"## {name}\n")) == fields
        places.update(enumerate(fields))
    assert len(places) == 25
    assert min(places.values()) > 75, "120 would be even"


def test_the_next_draw_has_the_mirrored_order_and_a_key_of_its_own() -> None:
    (first,), (second,) = (planned_requests(item(number=number, draws=2)) for number in (0, 1))
    names = [list(request.schema["properties"]["pairs"]["items"]["properties"])[2:] for request in (first, second)]
    assert names[0] == names[1][::-1]
    assert (first.sample, second.sample) == (0, 1)
    assert first.parameters.temperature == second.parameters.temperature == 0.7
    assert planned_requests(item())[0].parameters.temperature == 0.0


def test_the_judge_sees_what_is_known_and_no_ids() -> None:
    (request,) = planned_requests(item())
    text = request.messages[1].content
    assert "<<<\nA cat.\n>>>" in text
    assert '{"pair": "2", "question": "Q2?", "answer": "A 2."}' in text
    assert text.endswith("Judge pairs 1 to 2.")


def test_without_evidence_nobody_judges_what_needs_it() -> None:
    (request,) = planned_requests(item(evidence=""))
    assert "## true" not in request.messages[0].content
    alone = read_rubric("# a\nJ\n## true (needs evidence)\n- 1: a\n- 2: b", file="")
    outcome, asked = judge(item(evidence="", rubric=alone))
    assert "what is known" in outcome.skipped
    assert not asked


def test_a_long_dialogue_is_judged_in_parts() -> None:
    requests = planned_requests(item(23))
    assert [request.messages[1].content.rpartition("\n")[2] for request in requests] == [
        "Judge pairs 1 to 10.", "Judge pairs 11 to 20.", "Judge pairs 21 to 23.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1", "2", "3"], [0, 1, 2]),
        (["pair 3", "Pair 1"], [2, 0]),
        (["first", "second", "third"], [0, 1, 2]),
        (["1", "1"], None),
        (["4"], None),
        (["a", "b"], None),
    ],
)
def test_elements_are_found_by_their_numbers_or_their_order(texts, numbers) -> None:
    assert numbers_in(texts, 3) == numbers


# -- what comes of it


def test_scores_become_verdicts_of_the_dialogue() -> None:
    outcome, _ = judge(item(), rows("1", "2"))
    (judged,) = outcome.dialogues
    assert judged.turns == dialogue().turns
    assert [(one.turn, one.code) for one in judged.verdicts] == [
        (pair, code) for pair in (0, 1) for code in ("true: 3", "kind: 2", "hard: 1")
    ]
    assert {(one.check, one.message, one.evidence) for one in judged.verdicts} == {("judge/tiny", "w", "m")}
    assert outcome.requests == ("k1",)


def test_numbers_for_texts_and_a_fence_are_read() -> None:
    reply = "```json\n" + json.dumps({"pairs": [{"pair": 1, "why": "w", "true": 3, "kind": 2, "hard": 1}]}) + "\n```"
    outcome, asked = judge(item(1), reply)
    assert len(asked) == 1
    assert [one.code for one in outcome.dialogues[0].verdicts] == ["true: 3", "kind: 2", "hard: 1"]
    assert outcome.notes


def test_only_missing_pairs_are_asked_for_again() -> None:
    outcome, asked = judge(item(3), rows("1", "3"), rows("2", kind="1"))
    assert [one.code for one in outcome.dialogues[0].verdicts if one.turn == 1] == ["true: 3", "kind: 1", "hard: 1"]
    again = asked[1].messages[-1].content
    assert "Give only pair 2." in again
    assert asked[1].schema["properties"]["pairs"]["minItems"] == 1
    assert [message.role for message in asked[1].messages] == ["system", "user", "assistant", "user"]


def test_a_judge_who_never_says_anything_usable_is_a_reject() -> None:
    outcome, asked = judge(item(), "I like it.", rows("1", "2", true="9"), "")
    assert len(asked) == 3
    assert not outcome.dialogues
    assert [reject.code for reject in outcome.rejects] == ["schema: missing"]


def test_scores_outside_of_the_scale_are_no_scores() -> None:
    outcome, asked = judge(item(1), rows("1", true="5"), rows("1"))
    assert len(asked) == 2
    assert "one of" in asked[1].messages[-1].content
    assert outcome.dialogues[0].verdicts[0].code == "true: 3"


# -- together


def judged(identity: str, who: str, **given: list[int]) -> Dialogue:
    verdicts = [
        Verdict(check="judge/tiny", code=f"{name}: {score}", message="", evidence=who, turn=pair)
        for name, each in given.items()
        for pair, score in enumerate(each)
    ]
    return structs.replace(dialogue(2, identity), verdicts=tuple(verdicts))


def test_the_book_reports_means_and_agreement() -> None:
    book = ScoreBook(SMALL)
    for one in (
        judged("d1", "a", true=[3, 1], kind=[2, 2]),
        judged("d1", "b", true=[3, 1], kind=[3, 2]),
        judged("d2", "a", true=[2, 3], kind=[2, 1]),
        judged("d2", "b", true=[2, 3], kind=[1, 2]),
    ):
        book.add(one.id, one)
    true, kind = book.report()
    assert (true.name, true.pairs, true.mean, true.counts) == ("true", 4, 2.25, {1: 2, 2: 2, 3: 4})
    assert (true.agreement, true.alpha, true.kappa) == (1.0, 1.0, 1.0)
    assert kind.agreement == 0.25
    assert kind.alpha is not None
    assert kind.alpha < 0.3
    assert book.judges == ["a", "b"]
    assert (true.low, true.high) == (None, None), "two dialogues say nothing of a whole set"


def test_the_mean_of_a_sample_has_bounds() -> None:
    book = ScoreBook(SMALL)
    for number in range(40):
        one = judged(f"d{number}", "a", true=[1, 1, 1] if number % 4 == 0 else [3, 3, 3])
        book.add(one.id, one)
    (true,) = book.report()
    assert true.mean == 2.5
    assert (true.low, true.high) == (pytest.approx(2.23, abs=0.01), pytest.approx(2.77, abs=0.01))
    lines = list(score_lines(SMALL, [true], book))
    assert "2.23-2.77" in lines[2]
    assert any("a sample" in line for line in lines)


def test_pairs_below_the_bar_by_the_mean_of_the_judges() -> None:
    book = ScoreBook(SMALL)
    book.add("d1", judged("d1", "a", true=[3, 2], kind=[3, 3]))
    book.add("d1", judged("d1", "b", true=[3, 1], kind=[2, 3]))
    assert book.below("d1", 2, {"true": 2, "kind": 2}) == {1: ["true 1.5"]}
    assert book.below("d1", 2, {"true": 1.5, "kind": 2.5}) == {}
    assert book.below("d1", 3, {"true": 1}) is None, "the third pair was not judged"
    assert book.below("d9", 2, {"true": 1}) is None
    unknown = ScoreBook(SMALL)
    unknown.add("d1", judged("d1", "a", kind=[3, 3]))
    assert unknown.below("d1", 2, {"true": 3, "kind": 3}) == {}, "nothing is known that `true` could be judged by"
    shorter = without_pairs(dialogue(3), [1])
    assert shorter is not None
    assert [turn.text for turn in shorter.turns[::2]] == ["Q1?", "Q3?"]
    assert without_pairs(dialogue(1), [0]) is None


# -- two versions


def sides(first: bool) -> str:
    side = "first" if first else "second"
    return json.dumps({"why": "w", "true": side, "kind": "same", "hard": "second", "better": side})


def test_which_version_comes_first_is_drawn_and_undone() -> None:
    firsts = Counter()
    judged_ones = []
    for number in range(200):
        one = item(1, rival=structs.replace(dialogue(1), turns=dialogue(2).turns[2:]))
        one = structs.replace(one, subject=structs.replace(one.subject, dialogue=dialogue(1, f"d{number}")))
        (request,) = planned_requests(one)
        text = request.messages[1].content
        new_first = text.index('"Q1?"') < text.index('"Q2?"')
        firsts[new_first] += 1
        outcome, _ = judge(one, sides(new_first))  # this judge knows the newer one, wherever it stands
        judged_ones += outcome.dialogues
        (other,) = planned_requests(structs.replace(one, number=1))
        text = other.messages[1].content
        assert (text.index('"Q1?"') < text.index('"Q2?"')) != new_first
    assert 70 < firsts[True] < 130
    better, *rest = count_duels(judged_ones, ["true", "kind", "hard"])
    assert (better.new, better.old, better.same) == (200, 0, 0)
    assert better.first == firsts[True]
    assert better.chance < 1e-9
    assert [(one.name, one.same) for one in rest][1] == ("kind", 200)


def test_a_judge_who_takes_the_first_is_seen_to() -> None:
    judged_ones = []
    for number in range(100):
        one = item(1, rival=dialogue(1))
        one = structs.replace(one, subject=structs.replace(one.subject, dialogue=dialogue(1, f"d{number}")))
        judged_ones += judge(one, sides(first=True))[0].dialogues
    better = count_duels(judged_ones, [])[0]
    assert better.first == better.new + better.old == 100
    assert better.chance > 0.01


# -- the command


@pytest.fixture
def run(tmp_path: Path, server: RehearsalServer) -> Path:
    """A finished run of three scenes with two pairs each; the server's calls are counted from here."""
    config = make_project(tmp_path, server.url)
    server.script = lambda body, _: written(body)
    assert main(["generate", str(config)]) == 0
    server.calls.clear()
    return tmp_path / "run"


def by_model(body: dict, _: int) -> dict:
    """Model a finds every second answer false; b agrees but for the wording."""
    strict = body["model"] == "a"
    return completion(
        scores(body, lambda pair, name: (1 if pair == 2 else 5) if name == "grounded" else 3 if strict else 4)
    )


def test_two_judges_of_a_run(run: Path, server: RehearsalServer, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    server.script = by_model
    decisions, out = tmp_path / "decisions.jsonl", tmp_path / "kept.jsonl"
    command = ["judge", str(run), "--model", "a", "--model", "b", "--base-url", server.url]
    wanted = ["--least", "grounded=3", "--decisions", str(decisions), "--out", str(out), "--pairs"]
    assert main([*command, "--plan"]) == 0
    assert not server.calls, "a plan sends nothing"
    said = capsys.readouterr().err
    assert "a: 3 items; about 3 calls" in said
    assert main([*command, *wanted, "--json"]) == 0
    assert len(server.calls) == 6
    assert "A brown horse with 0 carts" in server.calls[0]["messages"][1]["content"]
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert next(one["name"] for one in report["criteria"]) == "grounded"
    assert (report["criteria"][0]["mean"], report["criteria"][0]["alpha"]) == (3.0, 1.0)
    assert report["criteria"][1]["agreement"] == 0.0
    assert "too little agreement to build on" in captured.err
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(one["turns"]) for one in kept] == [2, 2, 2]
    told = [json.loads(line) for line in decisions.read_text().splitlines()]
    assert {(one["decision"], one["note"]) for one in told} == {("reject", "pair 2: grounded 1")}
    stored = outcomes(run, "judge/%")
    assert {row["category"] for row in stored} == {"judge/quality"}
    assert len(stored) == 6
    assert {row["state"] for row in stored} == {"accepted"}


def test_what_was_judged_is_not_asked_again(run: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    server.script = by_model
    command = ["judge", str(run), "--set", "model.name=a"]
    assert main([*command, "--sample", "2"]) == 0
    assert len(server.calls) == 2
    assert main(command) == 0
    assert len(server.calls) == 3, "the third of the dialogues alone"
    capsys.readouterr()
    assert main([*command, "--plan"]) == 0
    assert "nothing is to be sent for 3 items" in capsys.readouterr().err
    assert main([*command, "--draws", "2"]) == 0
    assert len(server.calls) == 9, "two draws are asked for with another temperature"


def test_what_brought_nothing_is_asked_again_where_that_is_wanted(run: Path, server: RehearsalServer) -> None:
    server.script = lambda *_: completion("I would rather not say.")
    assert main(["judge", str(run)]) == 1
    assert len(server.calls) == 6, (
        "each is asked, and told once what was wrong; told the same again it would say the same"
    )
    server.script = by_model
    assert main(["judge", str(run)]) == 1
    assert len(server.calls) == 6, "the same question would get the same reply"
    assert main(["judge", str(run), "--again"]) == 0
    assert len(server.calls) == 9
    assert main(["judge", str(run), "--again"]) == 0
    assert len(server.calls) == 9


def test_judgements_do_not_change_what_is_exported(run: Path, server: RehearsalServer, tmp_path: Path) -> None:
    server.script = by_model
    out = tmp_path / "out.jsonl"
    assert main(["export", str(run), "--format", "jsonl", "--out", str(out)]) == 0
    before = out.read_text()
    assert main(["judge", str(run), "--model", "a"]) == 0
    assert main(["export", str(run), "--format", "jsonl", "--out", str(out)]) == 0
    assert out.read_text() == before


def test_two_generations_against_each_other(run: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    assert main(["judge", str(run), "--against"]) == 2
    assert "no dialogue has two generations" in capsys.readouterr().err
    pair = {"question": "What stands there?", "answer": "A horse with some carts stands there at the old mill."}
    server.script = lambda *_: completion(json.dumps({"pairs": [pair, {**pair, "question": "And what waits?"}]}))
    assert main(["regenerate", str(run), "--redraw", "--yes"]) in (0, 1)
    assert len(outcomes(run, "mine/%")) == 6

    def prefers_brown(body: dict, _: int) -> dict:
        text = body["messages"][1]["content"]
        second = text.index("The second dialogue:")
        side = "first" if "A brown horse waits" in text[text.index("The first dialogue:") : second] else "second"
        return completion(json.dumps({"why": "w", **dict.fromkeys([*fields_of(body)][1:], side)}))

    server.calls.clear()
    server.script = prefers_brown
    assert main(["judge", str(run), "--against", "--json"]) == 0
    captured = capsys.readouterr()
    assert len(server.calls) == 3
    report = json.loads(captured.out)
    assert report["duels"][0]["old"] == 3, "the older one spoke of the brown horse"
    assert main(["judge", str(run), "--against", "1"]) == 2


def test_a_file_with_scenes_and_without(tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    rows_ = [
        {
            "id": f"x{number}",
            "image": f"COCO_val2014_{number:012d}.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat is there?"},
                {"from": "gpt", "value": f"There are {number} cats."},
            ],
        }
        for number in (7, 42)
    ]
    file = tmp_path / "llava.json"
    file.write_text(json.dumps(rows_))
    scenes = tmp_path / "scenes.jsonl"
    scenes.write_text(json.dumps({"id": "42", "captions": [{"text": "Two dogs."}]}) + "\n")
    seen = []

    def script(body: dict, _: int) -> dict:
        seen.append((body["messages"][1]["content"], sorted(fields_of(body))))
        return completion(scores(body, lambda *_: 4))

    server.script = script
    command = ["judge", str(file), "--model", "m", "--base-url", server.url, "--set", "model.schema_mode=json_schema"]
    command += ["--run", str(tmp_path / "run")]
    assert main([*command, "--scenes", str(scenes)]) == 0
    assert "of the scenes of 1 of them nothing is known" in capsys.readouterr().err
    (known,) = [fields for text, fields in seen if "Two dogs." in text]
    (unknown,) = [fields for text, fields in seen if "Two dogs." not in text]
    assert "grounded" in known
    assert "grounded" not in unknown
    assert main([*command]) == 0
    assert len(seen) == 3, "only the one whose scene is not known any more is asked about anew"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(rows_))
    assert main(["judge", str(other), *command[2:]]) == 2
    assert "is about another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--least", "high"], "is no bar"),
        (["--least", "9"], "is no score"),
        (["--least", "beauty=3"], "no criterion 'beauty'"),
        (["--out", "x.jsonl"], "without a bar"),
        (["--rubric", "nowhere.md"], "nowhere.md"),
        (["--category", "nope/*"], "nope/*"),
        (["--against", "--least", "3"], "--against gives none"),
    ],
)
def test_what_is_wrong_is_said(run: Path, capsys: pytest.CaptureFixture, arguments, told) -> None:
    assert main(["judge", str(run), *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.model
def test_the_embedded_model_judges_guesses_and_corrects(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """It knows nothing, but it fills in the forms, and what it says is kept."""
    pytest.importorskip("xllamacpp", reason="needs syphus[local]")
    turns = [
        {"role": "user", "text": "What is red?"},
        {"role": "assistant", "text": "The bus is red. A cat sits on it."},
    ]
    file, scenes = tmp_path / "d.jsonl", tmp_path / "s.jsonl"
    file.write_text(json.dumps({"id": "d", "scene": "s", "turns": turns}) + "\n")
    scenes.write_text(json.dumps({"id": "s", "captions": [{"text": "A red bus stands on a street."}]}) + "\n")
    run = tmp_path / "run"
    for command in (
        ["judge", "--scenes", str(scenes)],
        ["blind", "--guesses", "1"],
        ["correct", "--scenes", str(scenes)],
    ):
        arguments = [command[0], str(file), *command[1:], "--run", str(run)]
        assert main(arguments) in (0, 1)
        capsys.readouterr()
        assert main(arguments) in (0, 1)
        assert ": 0 calls sent" in capsys.readouterr().err, "what was asked is not asked again"
    judged, guessed, corrected = (outcomes(run, f"{name}/%") for name in ("judge", "blind", "correct"))
    codes = [verdict["code"] for verdict in judged[0]["dialogues"][0]["verdicts"]]
    assert [code.partition(": ")[0] for code in codes] == [one.name for one in DEFAULT.criteria]
    assert all(code[-1] in "12345" for code in codes)
    assert guessed[0]["dialogues"][0]["verdicts"][0]["code"].endswith(": few_words")
    assert corrected[0]["requests"]
    assert corrected[0]["state"] in ("accepted", "partial", "rejected")
