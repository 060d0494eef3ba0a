"""Prompts: a constant beginning, draws that can be repeated, and text that is never taken for a place to fill."""

import json

import pytest
from folders import (
    CHAIN,
    CHAIN_FILES,
    CHAIN_REPLIES,
    PAIRS,
    REPLY,
    demonstration,
    make_category,
)

from syphus.categories.category import Overrides
from syphus.categories.load import Library, load_category
from syphus.categories.prompt import SHOWN_OF_CUT, CategoryPrompts, Turn, demonstrated_answers, example_form
from syphus.categories.templates import fill, include_prompts, names_in
from syphus.errors import InputError
from syphus.exchange import Message, Parameters, Reply
from syphus.identity import canonical_json
from syphus.records import Asset, Caption, Object, Scene

DRAWS = {
    "system.md": "You talk. Write {{pairs}}.",
    "query.md": "{{lists.topics:2}}\n{{templates}}\n{{scene.caption}}",
    "lists/topics.txt": "\n".join(f"topic {index}" for index in range(30)),
    "templates.txt": "\n".join(f"template {index}" for index in range(30)),
}


def scene(identity="s", *captions, **kwargs):
    return Scene(id=identity, captions=tuple(Caption(text=text) for text in captions or ("A dog.",)), **kwargs)


MANY = tuple(f"caption {index}" for index in range(5))


def request(prompts, of, *, seed=0, sample=0, outputs=None, step=-1):
    chat = prompts.category.chat_steps[step]
    return prompts.request(chat, of, prompts.render(of).text, outputs or {}, Turn(seed, sample))


def query(*args, **kwargs):
    return request(*args, **kwargs).messages[-1].content


# --- the constant beginning


@pytest.fixture
def drawing(tmp_path):
    return make_category(
        tmp_path,
        files=DRAWS,
        demonstrations=[demonstration(REPLY), demonstration(REPLY, id="b", captions=[{"text": "B."}])],
    )


def test_the_beginning_is_the_same_for_every_scene_and_seed(drawing):
    prompts = CategoryPrompts(drawing)
    requests = [
        request(one, scene(identity, *MANY), seed=seed, sample=sample)
        for one in (prompts, CategoryPrompts(drawing), CategoryPrompts(drawing, sent_seed=9))
        for identity in "abc"
        for seed in (0, 1, 7)
        for sample in (0, 1)
    ]
    beginnings = {canonical_json(one.messages[: one.constant]) for one in requests}
    assert len(beginnings) == 1
    assert all(one.constant == len(one.messages) - 1 == 5 for one in requests)
    assert [message.role for message in requests[0].messages] == ["system", *["user", "assistant"] * 2, "user"]
    assert len({one.messages[-1].content for one in requests}) == 18  # seed, scene and sample each change the draws
    assert requests[0].messages[: requests[0].constant] == prompts.prefix(drawing.chat_steps[0])


def test_the_beginning_holds_instructions_form_and_demonstrations(drawing):
    system, asked, replied, *_ = CategoryPrompts(drawing).prefix(drawing.chat_steps[0])
    assert system.content.startswith("You talk. Write 1 to 3 pairs.\n\n")
    assert '{"pairs": [{"question": "…", "answer": "…"}, …]}' in system.content
    assert asked.content.startswith("A demonstration dog.\n\ntopic ")
    assert json.loads(replied.content) == REPLY


def test_demonstrations_are_whole_though_the_run_has_a_small_budget(tmp_path):
    shown = [demonstration(REPLY, id=one, captions=[{"text": f"{one}{index}."} for index in range(3)]) for one in "ab"]
    category = make_category(tmp_path, files={"system.md": "Write {{pairs}}."}, demonstrations=shown)
    small = category.adjusted(Overrides(context_tokens=1, demonstrations=1, pairs=(1, 1)))
    prompts = CategoryPrompts(small)
    system, asked, *rest = prompts.prefix(small.chat_steps[0])
    assert system.content.startswith("Write 1 pair.\n")
    assert asked.content == "a0.\na1.\na2."
    assert len(rest) == 1
    assert prompts.render(scene("s", *MANY)).text == MANY[0]


def test_a_demonstration_shows_no_more_pairs_than_the_run_asks_for(tmp_path):
    three = {"pairs": [{"question": f"Q{index}?", "answer": f"A{index}."} for index in range(3)]}
    category = make_category(tmp_path, demonstrations=[demonstration(three)]).adjusted(Overrides(pairs=(1, 2)))
    assert json.loads(CategoryPrompts(category).prefix(category.chat_steps[0])[2].content) == {
        "pairs": three["pairs"][:2]
    }


@pytest.mark.parametrize(
    ("pairs", "says", "form"),
    [
        ([1, 3], "1 to 3 pairs 1 3", '{"pairs": [{"question": "…", "answer": "…"}, …]}'),
        ([2, 2], "2 pairs 2 2", '{"pairs": [{"question": "…", "answer": "…"}, …]}'),
        ([1, 1], "1 pair 1 1", '{"pairs": [{"question": "…", "answer": "…"}]}'),
    ],
)
def test_the_number_of_pairs(tmp_path, pairs, says, form):
    text = "{{pairs}} {{ pairs.min }} {{pairs.max}}"
    category = make_category(
        tmp_path, toml=PAIRS.replace("[1, 3]", str(pairs)), files={"system.md": text, "query.md": text}
    )
    prompts = CategoryPrompts(category)
    assert prompts.prefix(category.chat_steps[0])[0].content.startswith(says + "\n")
    assert query(prompts, scene()) == f"A dog.\n\n{says}"
    assert example_form(category.chat_steps[0]) == form
    bounds = request(prompts, scene()).schema["properties"]["pairs"]
    assert [bounds["minItems"], bounds["maxItems"]] == pairs


# --- draws


def test_draws_follow_seed_scene_and_sample_and_nothing_else(drawing, tmp_path):
    prompts = CategoryPrompts(drawing)
    base = query(prompts, scene("s", *MANY), seed=3)
    other = scene(
        "s",
        *MANY,
        source="elsewhere",
        assets=(Asset(path="x.jpg"),),
        objects=(Object(id="o", label="x"),),
        metadata={"a": 1},
    )
    again = make_category(tmp_path / "copy", files={**DRAWS, "system.md": "Otherwise."})
    assert query(CategoryPrompts(drawing, 5), other, seed=3) == base
    assert query(CategoryPrompts(again), other, seed=3) == base
    assert query(prompts, scene("s", *MANY), seed=4) != base
    assert query(prompts, scene("t", *MANY), seed=3) != base
    assert query(prompts, scene("s", *MANY), seed=3, sample=1) != base


def test_draws_of_several_are_different_lines_of_the_pool(drawing):
    prompts = CategoryPrompts(drawing)
    drawn = [query(prompts, scene(f"s{index}"), seed=1).splitlines()[2:4] for index in range(60)]
    assert all(one != other and one.startswith("topic ") and other.startswith("topic ") for one, other in drawn)
    assert len({one for pair in drawn for one in pair}) > 25


def test_a_later_sample_has_another_number_and_another_sent_seed(drawing):
    for sent, seeds in ((None, [None, None]), (40, [40, 41])):
        prompts = CategoryPrompts(drawing, sent_seed=sent)
        made = [request(prompts, scene(), sample=sample) for sample in (0, 1)]
        assert [one.sample for one in made] == [0, 1]
        assert [one.parameters.seed for one in made] == seeds


def test_what_is_sent_is_the_steps_settings_or_the_runs(tmp_path):
    settings = 'temperature = 0.2\ntop_p = 0.9\nmax_tokens = 50\nreasoning_effort = "low"'
    category = make_category(tmp_path, toml=PAIRS.replace("[1, 3]", "[1, 3]\n" + settings))
    sent = request(CategoryPrompts(category), scene())
    assert sent.purpose == "mine/test/talk"
    assert sent.parameters == Parameters(temperature=0.2, top_p=0.9, max_tokens=50, reasoning_effort="low")
    changed = category.adjusted(Overrides(temperature=0.1, max_tokens=77, reasoning_effort="high"))
    sent = request(CategoryPrompts(changed), scene())
    assert sent.parameters == Parameters(temperature=0.1, top_p=0.9, max_tokens=77, reasoning_effort="high")


# --- scenes and templates


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{scene.id}}", "A dog.\n\ns1"),
        ("{{scene.captions}}", "A dog.\n\nA dog."),
        ("{{scene.labels}}", "A dog.\n\nhot dog, cat"),
        ("{{context}}!", "A dog.!"),
        ("Before\n{{ context }}\nafter", "Before\nA dog.\nafter"),
        ("", "A dog."),
        ("{ {scene.id} } {scene.id}", "A dog.\n\n{ {scene.id} } {scene.id}"),
    ],
)
def test_what_of_a_scene_can_be_put_in(tmp_path, text, wanted):
    category = make_category(tmp_path, files={"query.md": text})
    objects = tuple(Object(id=f"o{index}", label=label) for index, label in enumerate(["hot\n\ndog", "cat", "cat"]))
    one = Scene(id="s1", captions=(Caption(text="A\x1b[1m \ndog."), Caption(text="\x00")), objects=objects)
    assert query(CategoryPrompts(category), one) == wanted


def test_what_is_put_in_is_not_filled_again(tmp_path):
    trap = "{{prompts/answering-rules}} {{scene.id}} {{context}} {{pairs}} {x} {{lists.a}}"
    files = {"query.md": "{{lists.a}} | {{scene.captions}}", "lists/a.txt": "{{scene.id}}\n"}
    category = make_category(tmp_path, files=files, demonstrations=[demonstration(REPLY, captions=[{"text": trap}])])
    prompts = CategoryPrompts(category)
    assert query(prompts, scene("s", trap)) == f"{trap}\n\n{{{{scene.id}}}} | {trap}"
    assert prompts.prefix(category.chat_steps[0])[1].content == f"{trap}\n\n{{{{scene.id}}}} | {trap}"
    repaired = prompts.repair_request(request(prompts, scene()), Reply(text=trap), [trap], trap)
    assert repaired.messages[-2].content == trap
    assert repaired.messages[-1].content.count(trap) == 2


@pytest.mark.parametrize(("words", "short"), [(1, True), (29, True), (30, False), (60, False)])
def test_a_long_caption_gets_the_long_question(words, short):
    prompts = CategoryPrompts(load_category("pairs/caption", Library.at()))
    caption, instruction = prompts.category.file.steps
    one = scene("s", " ".join(["word"] * words))
    outputs = {"caption": prompts.fill_template(caption, one, "", {}, Turn(1))}
    assert outputs["caption"] == {"text": one.captions[0].text}
    asked = prompts.fill_template(instruction, one, "", outputs, Turn(1))["text"]
    lists = prompts.category.lists
    assert asked in lists["short" if short else "long"]
    assert asked not in lists["long" if short else "short"]


CHOOSE = (
    PAIRS.partition("[dialogue]")[0]
    + """
[[steps]]
kind = "template"
name = "ask"
choose = [
  { of = "talk", min_words = 9, text = "many" },
  { of = "talk", max_words = 4, text = "few" },
  { text = "some" },
]

[dialogue]
user = "{{ask.text}}"
assistant = "x"
"""
)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [("a", "few"), ("a b", "some"), ("a b c d e", "some"), ("a b c d e f", "many"), ("a " * 40, "many")],
)
def test_choices_are_taken_in_order_by_the_words_of_an_earlier_step(tmp_path, answer, wanted):
    category = make_category(tmp_path, toml=CHOOSE)
    outputs = {"talk": {"pairs": [{"question": "q", "answer": answer}]}}  # Question: q Answer: ...
    made = CategoryPrompts(category).fill_template(category.file.steps[1], scene(), "", outputs, Turn(0))
    assert made == {"text": wanted}


# --- steps that read steps


@pytest.fixture
def chain(tmp_path):
    return make_category(tmp_path, toml=CHAIN, files=CHAIN_FILES, demonstrations=[demonstration(replies=CHAIN_REPLIES)])


def test_a_chat_step_reads_a_template_and_an_earlier_chat_step(chain):
    prompts = CategoryPrompts(chain)
    style, plan, write = chain.file.steps
    one, turn = scene("s"), Turn(5)
    outputs = {"style": prompts.fill_template(style, one, "A dog.", {}, turn)}
    assert outputs["style"]["text"] in chain.lists["styles"]
    first = prompts.request(plan, one, "A dog.", outputs, turn)
    assert first.messages[-1].content == f"A dog.\n\nIn the style of {outputs['style']['text']}."
    outputs["plan"] = {"focus": "its {{style.text}}", "idea": "play"}
    second = prompts.request(write, one, "A dog.", outputs, turn)
    assert second.messages[-1].content == f"A dog.\n\nAbout its {{{{style.text}}}} (play), {outputs['style']['text']}."
    assert [first.purpose, second.purpose] == ["mine/test/plan", "mine/test/write"]
    assert [sorted(one.schema["properties"]) for one in (first, second)] == [["focus", "idea"], ["answer", "question"]]


def test_each_step_has_its_own_demonstrations_with_what_went_before(chain):
    prompts = CategoryPrompts(chain)
    plan, write = (prompts.prefix(step) for step in chain.chat_steps)
    assert plan[0].content.startswith("You plan.")
    assert write[0].content.startswith("You write.")
    assert '{"focus": "…", "idea": "…"}' in plan[0].content
    assert [json.loads(messages[2].content) for messages in (plan, write)] == list(CHAIN_REPLIES.values())
    style = plan[1].content.removeprefix("A demonstration dog.\n\nIn the style of ").removesuffix(".")
    assert style in chain.lists["styles"]
    assert write[1].content == f"A demonstration dog.\n\nAbout the dog (sleep), {style}."


SUMMARY = """
[[steps]]
kind = "chat"
name = "sum"
fields = ["question", "answer"]
query = "sum.md"

[dialogue]
user = "{{sum.question}}"
assistant = "{{sum.answer}}"
"""


def test_pairs_of_an_earlier_step_are_written_out(tmp_path):
    toml = PAIRS.partition("[dialogue]")[0] + SUMMARY
    category = make_category(tmp_path, toml=toml, files={"sum.md": "Sum up:\n{{talk.pairs}}"})
    outputs = {"talk": {"pairs": [{"question": "Q1?", "answer": "A1."}, {"question": "Q2?", "answer": "A2."}]}}
    wanted = "A dog.\n\nSum up:\nQuestion: Q1?\nAnswer: A1.\nQuestion: Q2?\nAnswer: A2."
    assert query(CategoryPrompts(category), scene(), outputs=outputs) == wanted


def test_every_demonstrated_answer_is_known(tmp_path, chain):
    pairs = make_category(tmp_path / "b", demonstrations=[demonstration(REPLY), demonstration(REPLY, id="b")])
    assert demonstrated_answers(pairs.demonstrations) == ("A dog.", "A dog.")
    assert demonstrated_answers(chain.demonstrations) == ("the dog", "sleep", "What does it do?", "It sleeps.")


# --- repair


def test_a_repair_shows_the_reply_and_says_each_fault_once(drawing):
    prompts = CategoryPrompts(drawing)
    asked = request(prompts, scene())
    repaired = prompts.repair_request(
        asked, Reply(text=" no json "), ["too short", "a leak", "too short"], "Make it anew."
    )
    assert repaired.messages[:-2] == asked.messages
    assert repaired.messages[-2] == Message("assistant", "no json")
    said = repaired.messages[-1]
    assert said.role == "user"
    assert "- too short\n- a leak\n" in said.content
    assert said.content.count("too short") == 1
    assert "Make it anew." in said.content
    assert "{{" not in said.content
    assert (repaired.constant, repaired.schema, repaired.purpose, repaired.sample) == (
        asked.constant,
        asked.schema,
        asked.purpose,
        asked.sample,
    )
    assert repaired.parameters == asked.parameters
    assert prompts.repair_request(asked, Reply(text=" \n"), ["x"], "y").messages[-2].content == "(no reply)"


def test_a_reply_that_was_cut_gets_twice_the_room_and_is_not_shown_whole(drawing):
    prompts = CategoryPrompts(drawing)
    asked = request(prompts, scene())
    text = "x" * (SHOWN_OF_CUT + 1)
    repaired = prompts.repair_request(asked, Reply(text=text, finish="length"), ["cut"], "Anew.")
    assert repaired.parameters.max_tokens == 2 * asked.parameters.max_tokens
    assert repaired.messages[-2].content == "x" * SHOWN_OF_CUT + " …"
    assert prompts.repair_request(asked, Reply(text=text), ["cut"], "Anew.").messages[-2].content == text


# --- the filling itself


def test_filling():
    assert list(names_in("{{a}} {{ b.c }} {d} {{{e}}} {{f:2}}")) == ["a", "b.c", "e", "f:2"]
    assert fill("{{a}}{{b}}{{a}}", lambda name: f"<{name}{{{{a}}}}>") == "<a{{a}}><b{{a}}><a{{a}}>"
    assert include_prompts("{{prompts/x}} {{y}}", {"x": " {{prompts/x}} "}) == "{{prompts/x}} {{y}}"
    with pytest.raises(KeyError, match="nope"):
        include_prompts("{{prompts/nope}}", {})


def test_a_scene_that_cannot_be_rendered_says_why(tmp_path):
    category = make_category(tmp_path, toml=PAIRS + '[context]\nblocks = ["objects"]\n')
    with pytest.raises(InputError, match="width and height are not known"):
        CategoryPrompts(category).render(Scene(id="s", objects=(Object(id="o", label="x", box=(0, 0, 1, 1)),)))
