"""What templates, choices and chains of a category may say beyond one call and its pairs: picks, pools, options, rounds."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from folders import PAIRS, make_category
from msgspec import UNSET, convert, structs, to_builtins

from syphus.categories.blocks import Context
from syphus.categories.category import CategoryFile
from syphus.categories.choices import OptionTable, find_fault, letter_options
from syphus.categories.context import render_context
from syphus.categories.picking import FIELDS, Pick, Picked
from syphus.categories.prompt import CategoryPrompts, Turn
from syphus.errors import InputError
from syphus.exchange import Outcome, Reply, Request
from syphus.jobs.candidates import make_candidate
from syphus.jobs.generate import generate_job, planned_requests
from syphus.jobs.items import GenerateItem
from syphus.records import Scene
from syphus.references.text import find_references, plain_text

SCENE = convert(
    {
        "id": "s1",
        "assets": [{"path": "a.jpg", "width": 200, "height": 100}],
        "captions": [{"text": "A [red bus](#o1)\u202f stands near a dog."}, {"text": "A bus and\na dog."}],
        "objects": [
            {"id": "o1", "label": "bus", "box": [10, 10, 110, 60], "attributes": ["red", "old"]},
            {"id": "o2", "label": "dog", "box": [120, 60, 150, 90], "score": 0.9},
            {"id": "o3", "label": "dog", "box": [160, 60, 190, 90], "score": 0.4},
            {"id": "o4", "label": "cat [toy]", "box": [0, 0, 1, 1]},
            {"id": "o5", "label": "person", "box": [0, 0, 50, 20], "crowd": True},
            {"id": "o6", "label": "person", "box": [60, 0, 70, 20]},
        ],
        "regions": [
            {"id": "r1", "text": "wheel of the bus", "box": [20, 45, 40, 60]},
            {"id": "r2", "text": "dog's nose", "box": [140, 62, 150, 70]},
            {"id": "r3", "text": "red bus", "box": [10, 10, 110, 60]},
        ],
        "relations": [{"subject": "o2", "predicate": "near", "object": "o1"}],
        "absent": ["train"],
        "ocr": [{"text": "LINE 5", "score": 0.9}, {"text": "1INE", "score": 0.2}],
        "questions": [
            {"question": "What colour is the bus?", "answers": ["red", "pink"], "votes": [8, 2]},
            {"question": "Why?", "options": ["a", "b", "c"], "correct": 2, "rationales": ["Because it is c."]},
            {"question": "Nobody knows?"},
        ],
        "segments": [{"start": 2.6, "end": 4, "text": "later"}, {"start": 0, "end": 2, "text": "first", "columns": {"subtitle": "Hi"}}],
        "prose": ["Some prose."],
    },
    Scene,
)  # fmt: skip
LETTERS = OptionTable(shuffle=False)


def picked(of: Picked, *used: str, scene: Scene = SCENE, **settings: Any) -> list[dict[str, str]]:
    return Pick(of, frozenset(used), LETTERS, **settings).records(scene, hidden=True, drawn_by=("k",))


@pytest.mark.parametrize(
    ("of", "settings", "field", "wanted"),
    [
        ("captions", {}, "text", ["A red bus stands near a dog.", "A bus and a dog."]),
        ("captions", {}, "grounded", ["A [red bus](#o1) stands near a dog."]),
        ("questions", {}, "answer", ["red", "c"]),
        ("questions", {}, "letter", ["C"]),
        ("questions", {}, "options", ["A. a\nB. b\nC. c"]),
        ("questions", {}, "rationale", ["Because it is c."]),
        ("objects", {}, "this", ["[bus](#o1)", "[dog](#o2)", "[dog](#o3)", "[cat (toy)](#o4)", "[person](#o6)"]),
        ("objects", {"min_score": 0.5}, "id", ["#o1", "#o2", "#o4", "#o6"]),
        ("objects", {"min_side": 0.05}, "id", ["#o1", "#o2", "#o3", "#o6"]),
        ("objects", {}, "attributes", ["red, old"]),
        ("kinds", {}, "all", ["[bus](#o1)", "[dog](#o2,#o3)", "[cat (toy)](#o4)"]),  # a crowd of persons has no number
        ("kinds", {}, "count", ["1", "2", "1"]),
        ("kinds", {"min_score": 0.5}, "ids", ["#o1", "#o2", "#o4"]),
        ("kinds", {"wrong": 1}, "options", ["A. bus\nB. train", "A. dog\nB. train", "A. cat [toy]\nB. train"]),
        ("regions", {}, "this", ["[wheel of the bus](#r1)", "[dog's nose](#r2)", "[red bus](#r3)"]),
        # The wheel is on the bus, so one is no wrong answer for the other.
        ("regions", {"wrong": 1}, "options", ["A. wheel of the bus\nB. dog's nose", "A. dog's nose\nB. red bus", "A. red bus\nB. dog's nose"]),
        ("regions", {"wrong": 3}, "options", []),
        ("relations", {}, "this_object", ["[bus](#o1)"]),
        ("relations", {}, "predicate", ["near"]),
        ("absent", {}, "label", ["train"]),
        ("absent", {"vocabulary": ("dog", "bus", "teddy bear", "train")}, "label", ["train", "teddy bear"]),
        ("ocr", {"min_score": 0.5}, "text", ["LINE 5"]),
        ("segments", {}, "text", ["first", "later"]),
        ("segments", {}, "subtitle", ["Hi"]),
        ("segments", {}, "start", ["0", "2"]),
        ("prose", {}, "text", ["Some prose."]),
    ],
)  # fmt: skip
def test_what_is_picked_has_the_fields_that_are_asked_for(
    of: Picked, settings: dict[str, Any], field: str, wanted: list[str]
) -> None:
    found = picked(of, field, **settings)
    assert (
        sorted(one[field] for one in found) == sorted(wanted)
        if field == "options"
        else [one[field] for one in found] == wanted
    )
    assert all(one.keys() == set(FIELDS[of]) for one in found)


def test_a_name_that_is_hidden_is_hidden_here_too() -> None:
    people = convert({"id": "s", "people": [{"name": "Ann Lee", "looks": "the woman in red"}], "captions": [{"text": "Ann Lee runs."}]}, Scene)  # fmt: skip
    assert picked("captions", "text", scene=people) == [{"text": "The woman in red runs.", "grounded": ""}]


def test_what_only_looks_like_a_reference_is_none() -> None:
    hostile = convert({"id": "s", "ocr": [{"text": "[Menu](#menu)"}], "questions": [{"question": "What is [a](#b)?", "answers": ["[c](#d)"]}], "objects": [{"id": "o1", "label": "x](#y) [z", "box": [0, 0, 1, 1]}]}, Scene)  # fmt: skip
    for of, field in (("ocr", "text"), ("questions", "question"), ("questions", "answer"), ("objects", "label")):
        (one,) = picked(of, field, scene=hostile)  # type: ignore[arg-type]
        assert not list(find_references(one[field]))
    (thing,) = picked("objects", "this", scene=hostile)
    assert [reference.ids for reference in find_references(thing["this"])] == [("o1",)]
    assert plain_text(picked("ocr", "text", scene=hostile)[0]["text"]) == "[Menu](#menu)"


def test_where_no_size_is_known_nothing_is_large_enough() -> None:
    unsized = structs.replace(SCENE, assets=(), objects=SCENE.objects[:1], relations=())
    assert picked("objects", "id", scene=unsized, min_side=0.1) == []
    assert len(picked("objects", "id", scene=unsized)) == 1


@pytest.mark.parametrize(
    ("mark", "join", "text", "letter"),
    [
        ("A.", "\n", "A. x\nB. y\nC. z", "B"),
        ("A:", "\n", "A: x\nB: y\nC: z", "B"),
        ("(a)", " ", "(a) x (b) y (c) z", "b"),
        ("1)", "; ", "1) x; 2) y; 3) z", "2"),
        ("", "||||", "x||||y||||z", ""),
    ],
)
def test_options_are_written_as_published_sets_write_them(mark: str, join: str, text: str, letter: str) -> None:
    style = OptionTable(mark=mark, join=join, shuffle=False)
    assert letter_options(("x", "y", "z"), 1, style, drawn_by=()) == (text, letter)


def test_the_right_option_stands_in_every_place_as_often() -> None:
    places = Counter(letter_options("wxyz", 0, OptionTable(), drawn_by=(number,)).right for number in range(2000))
    assert sorted(places) == ["A", "B", "C", "D"]
    assert min(places.values()) > 430  # 500 each; the standard deviation is 19


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ({"answer": "Left lung", "wrong": "Right lung"}, ""),
        ({"answer": "Left lung", "wrong": "left  Lung."}, "are the same option"),
        ({"answer": "12", "wrong": "1.2"}, ""),
        ({"answer": "Left lung", "wrong": "—"}, "`wrong` of a pair is no option"),
        # The checks do not see what is wrong, so nothing may stand in it that an export would take for its own.
        ({"answer": "Left lung", "wrong": "[right lung](#o9)"}, "no plain line"),
        ({"answer": "Left lung", "wrong": "<image> lung"}, "no plain line"),
        ({"answer": "Left lung", "wrong": "right\nlung"}, "no plain line"),
        ({"answer": "p < 0.05", "wrong": "p > 0.05"}, ""),
    ],
)
def test_options_that_are_no_choice_are_found(pair: dict[str, str], said: str) -> None:
    found = find_fault(pair, ("answer", "wrong"))
    assert said in found if said else not found


CHOICE = """
ability = "reasoning"
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "asked"
pairs = [1, 2]
fields = ["wrong"]
[options]
of = ["answer", "wrong"]
mark = "(A)"
join = " "
[dialogue]
pairs = "asked"
split = true
user = "{{pair.question}} {{pair.options}}"
assistant = "{{pair.letter}}: {{pair.answer}}"
"""
EACH = """
ability = "perception"
[[steps]]
kind = "pick"
name = "asked"
of = "questions"
each = true
[[steps]]
kind = "template"
name = "wording"
pool = "wordings"
[dialogue]
user = "{{wording.text}}"
assistant = "{{asked.answer}}"
[checks]
off = ["no_question", "unfinished"]
"""
WORDINGS = {"lists/wordings.txt": "{{asked.question}}\nQ? {{asked.question}}\nBriefly: {{asked.question}}\n"}
PICKED_CHAT = """
ability = "perception"
[context]
blocks = ["captions"]
[[steps]]
kind = "pick"
name = "part"
of = "regions"
[[steps]]
kind = "chat"
name = "told"
fields = ["text"]
[dialogue]
user = "What is [here]({{part.id}})?"
assistant = "{{told.text}}"
keep = { said = "{{part.text}}" }
[checks]
off = ["reference"]
"""
TURNS = """
ability = "perception"
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "talk"
fields = ["one", "two", "three", "four"]
[[dialogue.turns]]
user = "{{talk.one}}"
assistant = "{{talk.two}}"
[[dialogue.turns]]
user = "[](#second) {{talk.three}}"
assistant = "{{talk.four}}"
[checks]
references = "none"
"""
CHAIN = """
ability = "perception"
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "tool"
fields = ["name"]
[[steps]]
kind = "chat"
name = "use"
fields = ["question", "answer"]
context = false
query = "use.md"
[dialogue]
user = "{{use.question}}"
assistant = "{{use.answer}}"
"""


def run(category: Any, *replies: dict[str, Any], scene: Scene = SCENE, seed: int = 0) -> tuple[Outcome, list[Request]]:
    """The outcome with these replies, and what was asked."""
    asked: list[Request] = []

    async def ask(request: Request) -> Reply:
        asked.append(request)
        return Reply(text=json.dumps(replies[min(len(asked), len(replies)) - 1]))

    return asyncio.run(generate_job(seed)(GenerateItem(scene=scene, prompts=CategoryPrompts(category)), ask)), asked


def texts(outcome: Outcome) -> list[list[str]]:
    return [[turn.text for turn in dialogue.turns] for dialogue in outcome.dialogues]


def test_a_choice_keeps_its_right_answer_wherever_it_comes_to_stand(tmp_path) -> None:
    category = make_category(tmp_path, toml=CHOICE)
    pair = {"question": "Which vehicle is next to the dog?", "answer": "A red bus", "wrong": "A tram"}
    seen = set()
    for seed in range(8):
        outcome, asked = run(category, {"pairs": [pair]}, seed=seed)
        (turns,) = texts(outcome)
        seen.add(turns[1])
        assert turns[0] in (
            f"{pair['question']} (A) A red bus (B) A tram",
            f"{pair['question']} (A) A tram (B) A red bus",
        )
        assert f"({turns[1][0]}) A red bus" in turns[0]
        assert "wrong" in asked[0].messages[0].content, "the form that is asked for has the field"
    assert seen == {"A: A red bus", "B: A red bus"}


def test_equal_options_are_explained_and_asked_for_again(tmp_path) -> None:
    category = make_category(tmp_path, toml=CHOICE)
    bad = {"question": "Which vehicle is next to the dog?", "answer": "A red bus", "wrong": "a red bus."}
    outcome, asked = run(category, {"pairs": [bad]}, {"pairs": [{**bad, "wrong": "A tram"}]})
    assert "are the same option" in asked[1].messages[-1].content
    assert [reject.code for reject in outcome.rejects] == ["schema: options"]
    assert len(outcome.dialogues) == 1


def test_what_is_wrong_on_purpose_is_no_claim_and_what_is_right_is_checked(tmp_path) -> None:
    category = make_category(tmp_path, toml=CHOICE)
    pair = {"question": "Is there a train in the picture?", "answer": "No", "wrong": "Yes"}
    assert not run(category, {"pairs": [pair]})[0].rejects
    turned, _ = run(category, {"pairs": [{**pair, "answer": "Yes", "wrong": "No"}]})
    assert not turned.dialogues
    assert turned.rejects[0].code == "presence: not_there"


def test_each_annotation_is_a_round_and_each_round_draws_anew(tmp_path) -> None:
    category = make_category(tmp_path, toml=EACH, files=WORDINGS)
    outcome, asked = run(category)
    (turns,) = texts(outcome)
    assert not asked
    assert turns[1::2] == ["red", "c"]
    assert turns[0].endswith("What colour is the bus?")
    assert turns[2].endswith("Why?")
    wordings = {text for seed in range(12) for text in texts(run(category, seed=seed)[0])[0][::2]}
    assert len(wordings) == 6, "three wordings for each of the two"
    assert texts(run(category, seed=3)[0]) == texts(run(category, seed=3)[0])
    split = make_category(tmp_path, toml=EACH.replace("[dialogue]", "[dialogue]\nsplit = true"), files=WORDINGS)
    assert [one.id for one in run(split)[0].dialogues] == ["s1/mine/test/0", "s1/mine/test/1"]
    few = make_category(tmp_path, toml=EACH.replace("each = true", "each = true\nmax = 1"), files=WORDINGS)
    assert {len(texts(run(few, seed=seed)[0])[0]) for seed in range(4)} == {2}


def test_one_bad_round_does_not_take_the_others_with_it(tmp_path) -> None:
    scene = structs.replace(
        SCENE, questions=(SCENE.questions[0], structs.replace(SCENE.questions[1], question="What colour is the bus?"))
    )
    outcome, _ = run(
        make_category(tmp_path, toml=EACH, files={"lists/wordings.txt": "{{asked.question}}"}), scene=scene
    )
    assert texts(outcome) == [["What colour is the bus?", "red"]]
    assert [reject.code for reject in outcome.rejects] == ["repeats: same_question"]


def test_a_model_is_asked_about_what_was_picked_and_the_region_goes_with_the_row(tmp_path) -> None:
    category = make_category(tmp_path, toml=PICKED_CHAT, files={"query.md": "Tell of {{part.id}}, {{part.text}}."})
    scenes = {run(category, {"text": "A bus is here, near a dog."}, seed=seed)[1][0].messages[-1].content[-25:] for seed in range(9)}  # fmt: skip
    assert len(scenes) == 3, "any of the three is drawn"
    outcome, asked = run(category, {"text": "A bus is here, near a dog."})
    (dialogue,) = outcome.dialogues
    assert dialogue.turns[0].text == f"What is [here](#{dialogue.objects[0].id})?"
    assert dialogue.metadata == {"said": dialogue.objects[0].label}
    assert f"Tell of #{dialogue.objects[0].id}, {dialogue.objects[0].label}." in asked[0].messages[-1].content
    item = GenerateItem(scene=SCENE, prompts=CategoryPrompts(category))
    assert [request.messages for request in planned_requests(item, 0)] == [asked[0].messages]


def test_where_there_is_nothing_to_pick_the_scene_is_skipped(tmp_path) -> None:
    category = make_category(tmp_path, toml=PICKED_CHAT, files={"query.md": "{{part.text}}"})
    bare = structs.replace(SCENE, regions=())
    outcome, asked = run(category, {"text": "x"}, scene=bare)
    assert outcome.skipped == "the scene has nothing for the step `part` to pick"
    assert not asked
    assert list(planned_requests(GenerateItem(scene=bare, prompts=CategoryPrompts(category)), 0)) == []


def test_a_demonstration_with_nothing_to_pick_is_named(tmp_path) -> None:
    category = make_category(
        tmp_path,
        toml=PICKED_CHAT,
        files={"query.md": "{{part.text}}"},
        demonstrations=[{"scene": {"id": "d"}, "reply": {"text": "x"}}],
    )
    with pytest.raises(InputError, match="nothing for the step `part` to pick") as caught:
        CategoryPrompts(category).prefix(category.chat_steps[0])
    assert "0.json" in caught.value.place


def test_rounds_are_made_of_fields_and_a_picture_may_stand_in_a_later_one(tmp_path) -> None:
    scene = convert({"id": "p", "assets": [{"id": "first"}, {"id": "second"}], "captions": [{"text": "A red bus near a dog."}]}, Scene)  # fmt: skip
    reply = {"one": "What is near the dog?", "two": "A red bus is there.", "three": "And is the bus red here?", "four": "Yes, the bus is red."}  # fmt: skip
    category = make_category(tmp_path, toml=TURNS)
    outcome, _ = run(category, reply, scene=scene)
    assert texts(outcome) == [[reply["one"], reply["two"], f"[](#second) {reply['three']}", reply["four"]]]
    leaking = {**reply, "four": "According to the captions the bus is red."}
    outcome, asked = run(category, leaking, reply, scene=scene)
    assert [reject.code for reject in outcome.rejects] == ["leak: source_word"]
    assert len(asked) == 2
    assert len(outcome.dialogues[0].turns) == 4, "all rounds or none"


def test_ids_of_pictures_stand_before_their_titles_where_a_reply_needs_them() -> None:
    scene = convert({"id": "p", "assets": [{"id": "a", "title": "the first picture"}, {"id": "b"}], "captions": [{"text": "A dog.", "asset": "a"}, {"text": "A cat.", "asset": "b"}]}, Scene)  # fmt: skip
    context = convert({"blocks": ["captions", "assets"], "captions": {"heading": "seen:"}, "assets": {"ids": True}}, Context)  # fmt: skip
    said = "{0}, seen:\nA dog.\n\nb, seen:\nA cat.\n\n{0}\nb"
    assert render_context(scene, context).text == said.format("a, the first picture")
    plain = structs.replace(context, assets=structs.replace(context.assets, ids=UNSET))
    assert render_context(scene, plain).text == said.format("the first picture")


def test_a_step_that_is_not_shown_the_scene_goes_by_what_came_before(tmp_path) -> None:
    toml = CHAIN.replace('fields = ["name"]', 'fields = ["name"]\none_of = { name = "tools" }')
    files = {"lists/tools.txt": "cut out\ncolour in\n", "use.md": "Use {{tool.name}}."}
    category = make_category(tmp_path, toml=toml, files=files)
    good = {"question": "Can you cut the bus out?", "answer": "The bus is cut out now."}
    outcome, asked = run(category, {"name": "cut out"}, good)
    assert asked[0].messages[-1].content == "A red bus stands near a dog.\nA bus and a dog."
    assert asked[1].messages[-1].content == "Use cut out."
    assert asked[0].schema is not None
    assert asked[0].schema["properties"]["name"] == {"type": "string", "enum": ["cut out", "colour in"]}
    assert len(outcome.dialogues) == 1
    refused, again = run(category, {"name": "paint"})
    assert not refused.dialogues
    assert "must be one of" in again[1].messages[-1].content


def test_texts_of_a_scene_can_be_put_in_whole(tmp_path) -> None:
    toml = """
ability = "perception"
[context.ocr]
min_score = 0.5
[[steps]]
kind = "template"
name = "all"
text = "{{scene.ocr}} / {{scene.prose}}"
[dialogue]
user = "Read it."
assistant = "{{all.text}}"
"""
    prompts = CategoryPrompts(make_category(tmp_path, toml=toml))
    step = prompts.category.file.steps[0]
    assert prompts.work_out(step, SCENE, "", {}, Turn(0)) == {"text": "LINE 5 / Some prose."}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("toml", "files", "message"),
    [
        (EACH, {}, "there is no list lists/wordings.txt"),
        (EACH, {"lists/wordings.txt": "{{asked.qestion}}"}, "has no {{asked.qestion}} to put in"),
        (EACH.replace("asked.answer", "asked.label"), WORDINGS, "has no {{asked.label}} to put in"),
        (EACH.replace('of = "questions"', 'of = "question"'), WORDINGS, "Invalid enum value"),
        (EACH.replace("each = true", 'vocabulary = "wordings"'), WORDINGS, "`vocabulary` is for what is absent"),
        (EACH.replace('of = "questions"\neach = true', 'of = "absent"\nvocabulary = "no"'), WORDINGS, "there is no list lists/no.txt"),
        (EACH.replace('pool = "wordings"', 'pool = "wordings"\ntext = "x"'), WORDINGS, "give either `text` or `choose`, or a `pool`"),
        (EACH + '[[steps]]\nkind = "chat"\nname = "c"\nfields = ["x"]', WORDINGS, "no chat step may follow"),
        (CHOICE.replace('"answer", "wrong"', '"answer", "wrng"'), {}, "have no 'wrng'"),
        (CHOICE.replace('"answer", "wrong"', '"answer"'), {}, "at least two fields"),
        (CHOICE.replace('mark = "(A)"', 'mark = "Option A"'), {}, "one of `a`, `A`, `1`"),
        (CHOICE.replace('fields = ["wrong"]', 'fields = ["answer"]'), {}, "without `fields`"),
        (CHOICE.replace("{{pair.options}}", "{{pair.option}}"), {}, "has no {{pair.option}} to put in"),
        (CHOICE.replace('[options]\nof = ["answer", "wrong"]', "[options]"), {}, "has no {{pair.options}} to put in"),
        (PAIRS.replace('pairs = "talk"', 'pairs = "talk"\nuser = "x"'), {}, "give either `pairs"),
        (TURNS + '[dialogue]\nuser = "x"\nassistant = "y"', {}, ""),
        (CHAIN + '[steps.one_of]\nnme = "tools"', {"use.md": "x", "lists/tools.txt": "x"}, ""),
        (CHAIN.replace('fields = ["name"]', 'fields = ["name"]\none_of = { nme = "tools" }'), {"use.md": "x", "lists/tools.txt": "x"}, "one_of is about 'nme'"),
        (CHAIN.replace('fields = ["name"]', 'fields = ["name"]\none_of = { name = "tools" }'), {"use.md": "x"}, "there is no list lists/tools.txt"),
    ],
)  # fmt: skip
def test_a_mistake_in_them_is_named(tmp_path, toml: str, files: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make_category(tmp_path, toml=toml, files=files)
    assert message in caught.value.message


def test_the_fingerprint_follows_the_pools_that_steps_name(tmp_path) -> None:
    first = make_category(tmp_path, toml=EACH, files=WORDINGS).fingerprint
    changed = {"lists/wordings.txt": WORDINGS["lists/wordings.txt"] + "Say: {{asked.question}}\n"}
    assert make_category(tmp_path, toml=EACH, files=changed).fingerprint != first
    assert make_category(tmp_path, toml=EACH, files={**WORDINGS, "lists/other.txt": "x"}).fingerprint == first


def test_folders_that_say_nothing_of_what_came_later_keep_their_fingerprint(tmp_path) -> None:
    """What stands in a fingerprint of a folder from before: none of the later keys, or everything would be another version."""
    values = to_builtins(make_category(tmp_path).file)
    assert values.keys() == {"ability", "description", "needs", "context", "steps", "dialogue", "demonstrations", "checks"}  # fmt: skip
    assert values["dialogue"].keys() == {"pairs", "split", "whole", "user", "assistant"}
    assert values["steps"][0].keys() == {
        "kind", "name", "system", "query", "pairs", "fields", "temperature", "top_p", "max_tokens", "reasoning_effort",
    }  # fmt: skip
    template = convert(
        {"kind": "template", "name": "t", "text": "x"}, CategoryFile.__annotations__["steps"].__args__[0]
    )
    assert to_builtins(template).keys() == {"kind", "name", "text", "choose"}


def test_a_demonstration_may_say_what_its_reply_is_about(tmp_path) -> None:
    """What a run drew, with its own seed, is not what a demonstration's constant seed would draw."""
    files = {"query.md": "Tell of {{part.text}}."}
    category = make_category(tmp_path, toml=PICKED_CHAT, files=files)
    reply = {"text": "A bus is here, near a dog."}
    item = GenerateItem(scene=SCENE, prompts=CategoryPrompts(category))

    async def ask(request: Request) -> Reply:
        return Reply(text=json.dumps(reply))

    seen = set()
    for seed in range(6):
        candidate = asyncio.run(make_candidate(item, ask, seed))
        assert candidate
        about = candidate.picked["part"]["text"]
        record = {
            name: value
            for name, value in to_builtins(candidate.demonstration("")).items()
            if name not in ("file", "note")
        }
        again = make_category(tmp_path, toml=PICKED_CHAT, files=files, demonstrations=[record])
        prefix = CategoryPrompts(again).prefix(again.chat_steps[0])
        assert prefix[1].content.endswith(f"Tell of {about}.")
        seen.add((about, again.fingerprint))
    assert len({about for about, _ in seen}) == len(seen) == 3


@pytest.mark.parametrize("picked", [{"prt": {"text": "x"}}, {"part": {"text": "x"}}, {"told": {"text": "x"}}])
def test_what_it_is_about_must_be_of_the_form_that_the_step_gives(tmp_path, picked: dict[str, dict[str, str]]) -> None:
    one = {"scene": to_builtins(SCENE), "reply": {"text": "x"}, "picked": picked}
    with pytest.raises(InputError, match="pick") as caught:
        make_category(tmp_path, toml=PICKED_CHAT, files={"query.md": "{{part.text}}"}, demonstrations=[one])
    assert caught.value.place == f"$.picked.{next(iter(picked))}"
