"""Translating one dialogue: what is asked, what is kept, what is asked again and why, what is paid for once."""

import ast
import asyncio
import json
from pathlib import Path

import pytest
from msgspec import structs
from translators import asked_of, translate, turns_of

from syphus.errors import FailureKind, ModelError
from syphus.exchange import Reply
from syphus.jobs.translate import DECIDING, make_items, planned_requests, translate_job
from syphus.jobs.translation_back import draw_sample, translate_back
from syphus.jobs.translation_memory import Memory, make_memory
from syphus.jobs.translation_prompts import Terms, make_prompts
from syphus.quality.translation.languages import find_language
from syphus.records import Asset, Dialogue, Object, Provenance, Turn

ROOT = Path(__file__).parents[1]
TEXTS = {path.stem: path.read_text() for path in (ROOT / "prompts").glob("*.md")}
EN = find_language("en")


def talk(*texts, identity="d1", **fields):
    turns = tuple(Turn(role=("user", "assistant")[at % 2], text=text) for at, text in enumerate(texts))
    return Dialogue(id=identity, scene="s", turns=turns, **fields)


def prompts_for(tag="de", origin=EN, **terms):
    language = find_language(tag)
    return make_prompts(language, origin, Terms(**terms), TEXTS, category=f"translate/{language.tag}")


def items_of(dialogues, prompts, memory=None, **more):
    dialogues = list(dialogues)
    return list(
        make_items(
            dialogues, [prompts.language], lambda _, __: prompts, memory or Memory(), settings="m", origin=EN, **more
        )
    )


class Model:
    """Answers as the translator does; ``spoil(call, number, text)`` may change or drop (None) a translation."""

    def __init__(self, tag="de", spoil=lambda call, number, text: text):
        self.tag, self.spoil, self.requests = tag, spoil, []

    async def __call__(self, request):
        body = {"messages": [{"role": one.role, "content": one.content} for one in request.messages]}
        self.requests.append(request)
        call = len(self.requests)
        rows = []
        for number in asked_of(body):
            text = self.spoil(call, number, translate(turns_of(body)[number][0], self.tag))
            rows += [] if text is None else [{"turn": number, "text": text}]
        await asyncio.sleep(0)
        return Reply(text=json.dumps({"turns": rows}), key=f"key{call}", model="played")


def run(item, ask, job=None):
    return asyncio.run((job or translate_job())(item, ask))


QUESTION = "What colour is [the red bus](#o1) near the station?"
ANSWER = "[The bus](#o1) is red, and its number is 42.\n"


def test_a_dialogue_keeps_all_but_its_words() -> None:
    bus = Object(id="o1", label="bus", box=(1.0, 2.0, 30.0, 40.0))
    source = talk(
        QUESTION, ANSWER, source="coco", category="llava/detail", ability="reasoning", assets=(Asset(path="a.jpg"),),
        objects=(bus,), related=("d0",), metadata={"k": 1}, provenance=Provenance(category="c", model="old"),
    )  # fmt: skip
    item = items_of([source], prompts_for())[0]
    outcome = run(item, Model())
    made = outcome.dialogues[0]
    assert (item.id, item.category, item.scene_id) == ("d1@de", "translate/de", "coco/s")
    assert made.language == "de"
    assert made.turns[0].text != QUESTION
    assert "(#o1)" in made.turns[0].text
    assert "42" in made.turns[1].text
    assert made.turns[1].text.endswith("\n"), "white space at the ends is the text's"
    assert made.provenance.requests == ("key1",)
    assert made.provenance.model == "played"
    assert made.provenance.category == item.version
    same = ("id", "scene", "source", "category", "ability", "assets", "objects", "related")
    assert [getattr(made, name) for name in same] == [getattr(source, name) for name in same]
    assert made.metadata == {"k": 1, "translated_from": "en"}
    assert outcome.rejects == ()


def test_the_system_message_of_a_dataset_goes_over_too() -> None:
    source = talk("Who is in the picture?", "A man in a coat.", system="Answer the question in one short sentence.")
    model = Model()
    made = run(items_of([source], prompts_for())[0], model).dialogues[0]
    assert made.system not in ("", source.system)
    assert '"turn": "0", "role": "system"' in model.requests[0].messages[-1].content


def test_what_is_in_that_language_already_is_left_alone() -> None:
    item = make_items([talk("Was?", "Das.", language="de")], [find_language("de")], lambda o, _: prompts_for(origin=o), Memory(), origin=EN)  # fmt: skip
    outcome = run(next(item), Model())
    assert outcome.skipped == "it is in de already"


def test_a_dialogue_without_words_is_not_sent() -> None:
    source = talk("<image>", "42")
    model = Model()
    outcome = run(items_of([source], prompts_for())[0], model)
    assert [turn.text for turn in outcome.dialogues[0].turns] == ["<image>", "42"]
    assert model.requests == []


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: text.replace("⟦1⟧", ""), "lock: lost"),
        (lambda text: text + " ⟦1⟧", "lock: doubled"),
        (lambda text: text + " ⟦7⟧", "lock: invented"),
        (lambda text: text.replace("](#o1)", "](#o2)"), "lock: reference_lost"),
        (lambda text: text.replace("42", "43"), "number: lost"),
        (lambda _: None, "structure: missing"),
        (lambda _: "[The bus](#o1) in ⟦1⟧ is red, and its number is 42 now.", "untranslated: same"),
        (
            lambda text: (
                text
                + " und dort steht das alte Haus an der langen Straße mit dem Garten, in dem die Kinder spielen" * 2
            ),
            "length: too_long",
        ),
    ],
)
def test_what_is_bad_is_asked_again_with_the_reason_and_then_kept_aside(spoil, code) -> None:
    source = talk(
        "Is it (A) a red bus or (B) a blue one?", "[The bus](#o1) in `a.py` is red, and its number is 42 now."
    )
    item = items_of([source], prompts_for())[0]
    once = Model(spoil=lambda call, number, text: spoil(text) if call == 1 and number == "2" else text)
    outcome = run(item, once)
    assert len(outcome.dialogues) == 1
    assert outcome.rejects == ()
    assert f"asked again for {code}" in outcome.notes
    again = once.requests[1]
    assert "Turn 2: " in again.messages[-1].content
    assert "Your translations of turn 1 are good and kept. Give only turn 2 once more." in again.messages[-1].content
    assert again.schema["properties"]["turns"]["maxItems"] == 1

    always = Model(spoil=lambda call, number, text: spoil(text) if number == "2" else text)
    outcome = run(item, always)
    assert outcome.dialogues == ()
    assert code in {reject.code for reject in outcome.rejects}
    assert all(reject.message.startswith("turn 2: ") for reject in outcome.rejects)
    assert len(always.requests) == 3, "the first and two repairs"
    assert len(outcome.requests) == 3


def test_another_language_is_refused_as_a_whole() -> None:
    source = talk(
        "What can be seen in the picture here?", "A red bus stands at the station, and people are waiting there."
    )
    outcome = run(items_of([source], prompts_for("de"))[0], Model(tag="fr"))
    assert outcome.dialogues == ()
    assert {reject.code for reject in outcome.rejects} == {"language: wrong"}


def renumbered(numbers):
    async def ask(request):
        texts = ["Wo steht der rote Bus auf der Straße?", "Er steht auf der Straße neben dem Haus."]
        return Reply(text=json.dumps({"turns": [{"turn": number, "text": text} for number, text in zip(numbers, texts, strict=True)]}), key="k")  # fmt: skip

    return ask


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [
        (["1", "2"], set()),
        (["turn 1", "2."], set()),
        (["3", "4"], set()),
        (["4", "3"], {"structure: numbers"}),
        (["2", "3"], {"structure: numbers"}),
        (["a", "b"], {"structure: numbers"}),
        (["1", "1"], {"structure: twice", "structure: missing"}),
    ],
)
def test_a_reply_that_counts_its_own_way_is_not_guessed_at(numbers, codes) -> None:
    outcome = run(items_of([talk("Where is the red bus here?", "It stands on the street near the house.")], prompts_for())[0], renumbered(numbers))  # fmt: skip
    assert {reject.code for reject in outcome.rejects} == codes
    assert bool(outcome.dialogues) == (not codes)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(text="", refusal="no", key="k"), "refusal: provider"),
        (Reply(text="", finish="content_filter", key="k"), "refusal: provider"),
        (Reply(text="I will not.", key="k"), "schema: no_json"),
    ],
)
def test_replies_that_are_none(reply, code) -> None:
    async def ask(_):
        return reply

    outcome = run(items_of([talk("Where is the bus?", "It is on the street.")], prompts_for())[0], ask)
    assert {reject.code for reject in outcome.rejects} == {code}


def test_a_failing_first_request_is_the_engines_to_tell_and_a_failing_repair_a_reject() -> None:
    item = items_of([talk("Where is the bus?", "It is on the street.")], prompts_for())[0]

    async def fail(_):
        raise ModelError(FailureKind.CONTENT_FILTER, "no")

    with pytest.raises(ModelError):
        run(item, fail)
    model = Model(spoil=lambda call, number, text: None)

    async def fail_later(request):
        return await model(request) if not model.requests else await fail(request)

    assert [reject.code for reject in run(item, fail_later).rejects] == ["repair: content filter"]


def test_a_reply_that_was_cut_is_asked_for_with_twice_the_room() -> None:
    model = Model()

    async def ask(request):
        reply = await model(request)
        return structs.replace(reply, text=reply.text[:10], finish="length") if len(model.requests) == 1 else reply

    run(items_of([talk("Where is the bus?", "It is on the street.")], prompts_for())[0], ask)
    first, second = (request.parameters.max_tokens for request in model.requests)
    assert second == 2 * first


def test_a_long_dialogue_goes_in_parts_that_are_shown_what_came_before() -> None:
    texts = [f"{word} bus number {at} stands on the street near the old house with the garden. " * 8 for at, word in enumerate(["The", "A"] * 12)]  # fmt: skip
    source = talk(*texts)
    item = items_of([source], prompts_for())[0]
    model = Model()
    made = run(item, model).dialogues[0]
    assert len(model.requests) > 1
    assert len(made.turns) == 24
    asked = [
        asked_of({"messages": [{"content": one.content} for one in request.messages]}) for request in model.requests
    ]
    assert [number for numbers in asked for number in numbers] == [str(number) for number in range(1, 25)]
    assert all(len(numbers) % 2 == 0 for numbers in asked), "cut between pairs"
    shown = turns_of({"messages": [{"content": one.content} for one in model.requests[1].messages]})
    before = {number: translation for number, (_, translation) in shown.items() if translation}
    assert before
    assert all(made.turns[int(number) - 1].text.strip() == text for number, text in before.items())
    assert [len(asked_of({"messages": [{"content": one.content} for one in request.messages]})) for request in planned_requests(item)] == [len(one) for one in asked]  # fmt: skip


# -- the memory

TEMPLATE = "Describe the following picture in detail."


def answers(count):
    words = "bus tree house street coat man woman child dog cat horse boat".split()
    return [
        f"The picture shows a {words[at % 12]} and a {words[(at + 5) % 12]} beside number {at}." for at in range(count)
    ]


def many(count):
    return [talk(TEMPLATE, answer, identity=f"d{at}") for at, answer in enumerate(answers(count))]


def test_what_comes_again_is_asked_once_and_shown_as_settled() -> None:
    dialogues = many(5)
    memory = make_memory(lambda: dialogues)
    assert memory.places == {TEMPLATE: (0, 0)}
    assert memory.times == 5
    model, job = Model(), translate_job()
    made = [run(item, model, job).dialogues[0] for item in items_of(dialogues, prompts_for(), memory)]
    kinds = [request.purpose for request in model.requests]
    assert kinds.count("translate/de/memory") == 1
    assert kinds.count("translate/de/dialogue") == 5
    assert len({one.turns[0].text for one in made}) == 1
    assert all(one.provenance.requests[0] == "key1" for one in made), "whoever replays it finds all that it rests on"
    body = model.requests[-1].messages[-1].content
    assert f'"translation": "{made[0].turns[0].text}"' in body
    assert asked_of({"messages": [{"content": body}]}) == ["2"]


def test_the_memory_is_the_sources_whatever_is_translated_of_it() -> None:
    dialogues = many(30) + [talk("What is the man doing here?", "He reads.", identity=f"e{at}") for at in range(3)]
    whole = make_memory(lambda: dialogues)
    assert make_memory(lambda: iter(dialogues)) == whole
    assert set(whole.places) == {TEMPLATE, "What is the man doing here?"}
    texts = [f"What about thing number {at} in here?" for at in range(200) for _ in range(2)]
    first = make_memory(lambda: [talk(text, "So.", identity=str(at)) for at, text in enumerate(texts)])
    texts[100:100] = ["Something quite new here?"] * 2
    second = make_memory(lambda: [talk(text, "So.", identity=str(at)) for at, text in enumerate(texts)])
    kept = set(first.requests) & set(second.requests)
    assert len(kept) >= len(first.requests) - 2, "one new question makes one or two requests anew, not all behind it"
    assert all(len(one) <= 24 for one in first.requests)


@pytest.mark.parametrize(
    ("turns", "in_memory"),
    [
        (("What colour is it?", "Red."), True),
        (("Who is there?", "Ann.", "What colour is it?", "Red."), False),
        (("Who is there?", "Ann.", "What colour is the bus?", "Red."), True),
        (("Who is there?", "Ann.", "And what about the others?", "No."), False),
        (("x" * 500 + "?", "Red."), False),
        (("<image>", "Red."), False),
    ],
)
def test_a_later_question_that_points_back_is_left_to_its_dialogue(turns, in_memory) -> None:
    dialogues = [talk(*turns, identity=str(at)) for at in range(3)]
    assert (turns[-2] in make_memory(lambda: dialogues).places) == in_memory


def test_a_question_that_differs_in_its_locks_alone_is_the_same_one() -> None:
    dialogues = [talk(f"What is at [0.{at}, 0.2, 0.3, 0.4] here?", f"A tree stands there beside {at + 20} men.", identity=str(at)) for at in range(4)]  # fmt: skip
    memory = make_memory(lambda: dialogues)
    assert list(memory.places) == ["What is at ⟦1⟧ here?"]
    model, job = Model(), translate_job()
    for at, item in enumerate(items_of(dialogues, prompts_for(), memory)):
        assert f"[0.{at}, 0.2, 0.3, 0.4]" in run(item, model, job).dialogues[0].turns[0].text
    assert [request.purpose for request in model.requests].count("translate/de/memory") == 1


def test_the_memory_is_of_one_language() -> None:
    english = many(3)
    german = [structs.replace(one, id=f"g{at}", language="de") for at, one in enumerate(many(3))]
    assert make_memory(lambda: [*english, *german]).times == 3
    assert make_memory(lambda: [*english, *german], code="de").code == "de"
    model = Model(tag="fr")
    run(items_of(german, prompts_for("fr"), make_memory(lambda: english))[0], model)
    assert [request.purpose for request in model.requests] == ["translate/fr/dialogue"]


def test_where_the_memory_fails_the_dialogue_asks_for_itself() -> None:
    dialogues = many(2)
    memory = make_memory(lambda: dialogues)
    model = Model(spoil=lambda call, number, text: None if call <= 3 else text)
    outcome = run(items_of(dialogues, prompts_for(), memory)[0], model)
    assert len(outcome.dialogues) == 1
    assert [request.purpose.rpartition("/")[2] for request in model.requests] == ["memory"] * 3 + ["dialogue"]
    assert asked_of({"messages": [{"content": model.requests[3].messages[-1].content}]}) == ["1", "2"]


def test_a_memory_that_the_provider_refuses_takes_nothing_from_the_dialogues() -> None:
    dialogues = many(2)
    model = Model()

    async def ask(request):
        if request.purpose.endswith("memory"):
            raise ModelError(FailureKind.CONTENT_FILTER, "no")
        return await model(request)

    item = items_of(dialogues, prompts_for(), make_memory(lambda: dialogues))[0]
    assert len(run(item, ask).dialogues) == 1
    assert model.requests[0].purpose == "translate/de/dialogue"


# -- what an outcome rests on


def test_the_basis_follows_the_source_the_wishes_and_the_draw_and_not_the_memory() -> None:
    dialogues = many(2)
    [one, _] = items_of(dialogues, prompts_for())
    assert items_of(dialogues, prompts_for(), make_memory(lambda: dialogues))[0].basis == one.basis
    assert items_of(dialogues, prompts_for(style="formal"))[0].version != one.version
    assert items_of(dialogues, prompts_for(glossary=(("bus", "Bus"),)))[0].basis != one.basis
    assert items_of(dialogues, prompts_for(), draw_of=lambda _: 1)[0].version == one.version
    assert items_of(dialogues, prompts_for(), draw_of=lambda _: 1)[0].basis != one.basis
    changed = [structs.replace(dialogues[0], turns=talk(TEMPLATE, "Other.").turns), dialogues[1]]
    anew = items_of(changed, prompts_for())
    assert anew[0].basis != one.basis
    assert anew[1].basis == items_of(dialogues, prompts_for())[1].basis


def test_the_items_of_a_language_stand_together_and_keep_the_sources_order() -> None:
    languages = [find_language(tag) for tag in ("de", "zh")]
    prompts = {language.tag: prompts_for(language.tag) for language in languages}
    items = make_items(many(300), languages, lambda _, language: prompts[language.tag], Memory(), origin=EN)
    names = [item.id for item in items]
    assert names[:2] == ["d0@de", "d1@de"]
    assert [name for name in names if name.endswith("@zh")] == [f"d{at}@zh" for at in range(300)]
    assert names.index("d0@zh") == 256


def test_a_term_of_the_glossary_is_asked_for_once_more_and_then_only_noted() -> None:
    source = talk("Where is the bus?", "The bus is on the street near the old house.")
    item = items_of([source], prompts_for(glossary=(("bus", "Omnibus"),)))[0]
    model = Model(spoil=lambda call, number, text: text.replace("Bus", "Wagen"))
    outcome = run(item, model)
    assert len(model.requests) == 2
    assert [verdict.evidence for verdict in outcome.dialogues[0].verdicts] == ["bus -> Omnibus"]
    assert "`bus` is to be translated as `Omnibus`" in model.requests[1].messages[-1].content
    assert "bus → Omnibus" in model.requests[0].messages[0].content


def test_names_are_kept_letter_by_letter() -> None:
    source = talk("Is this Grand Central?", "Yes, this is Grand Central in the morning, seen from the street.")
    model = Model()
    made = run(items_of([source], prompts_for(names=("Grand Central",)))[0], model).dialogues[0]
    assert all("Grand Central" in turn.text for turn in made.turns)
    assert "Grand" not in model.requests[0].messages[-1].content


def test_the_way_back() -> None:
    source = talk("What colour is the bus here?", "The bus is red, and it stands in the street.")
    made = run(items_of([source], prompts_for())[0], Model()).dialogues[0]
    prompts = make_prompts(EN, find_language("de"), Terms(), TEXTS, category="translate/de")
    model = Model(tag="en")
    original, back = asyncio.run(translate_back(source, made, prompts, model))
    assert original == "What colour is the bus here?\nThe bus is red, and it stands in the street."
    assert len(back.splitlines()) == 2
    assert model.requests[0].purpose == "translate/de/back"
    assert asyncio.run(translate_back(source, made, prompts, Model(tag="en", spoil=lambda *_: None)))[1] == ""


def test_the_sample_for_the_way_back_depends_on_ids_alone() -> None:
    dialogues = many(50)
    sample = {one.id for one in draw_sample(dialogues, 7, seed=3)}
    assert len(sample) == 7
    assert {one.id for one in draw_sample(reversed(dialogues), 7, seed=3)} == sample
    assert {one.id for one in draw_sample(dialogues, 7, seed=4)} != sample


def test_all_code_that_decides_an_outcome_is_in_its_basis() -> None:
    """What the job imports of the rooms that judge, and what that imports, and so on."""
    house, waiting, found = ROOT / "syphus", ["jobs/translate"], set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        for node in ast.walk(ast.parse((house / f"{name}.py").read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            inner = module.removeprefix("syphus.").replace(".", "/")
            if module.startswith("syphus.") and inner.split("/")[0] in ("jobs", "quality", "categories", "references"):
                waiting += [inner] if inner not in found else []
    assert {*found, "records"} == set(DECIDING)
