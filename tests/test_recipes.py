"""Folders that follow published recipes: what each shows the model, what it refuses, what its rows look like when exported."""

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from folders import make_category
from msgspec import structs

from syphus.categories.category import Category, Demonstration, Overrides
from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts
from syphus.categories.templates import names_in
from syphus.exchange import Outcome, Reply, Request
from syphus.formats.exporting import ExportOptions, find_format
from syphus.jobs.generate import generate_job, planned_requests
from syphus.jobs.items import GenerateItem
from syphus.records import Dialogue, Region
from syphus.references.boxes import find_convention
from syphus.references.rendering import render_slots
from syphus.rehearsal.replies import good_text

ROOT = Path(__file__).parents[1]
LIBRARY = Library.at(ROOT)
DOC = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
ASKING = (
    "svit/conversation", "svit/reasoning", "svit/detail", "svit/referring", "shikra/thought", "ferret/refer-and-ground",
    "ferret/negatives", "videochat/detail", "videochat/conversation", "pmc_vqa/choice", "lrv/instructions", "llavar/conversation",
    "osprey/region", "detgpt/goal", "charts/calculation", "stablellava/dialogue", "sparkles/dialogue", "textbind/dialogue",
)  # fmt: skip
FILLED = (
    "instructblip/vqa", "lavin/choice", "minigpt_v2/detection", "gpt4roi/region", "gpt4roi/presence", "kosmos2/grounded-caption",
    "llavar/read",
)  # fmt: skip
"""No model is asked."""


def load(name: str) -> Category:
    return load_category(name, LIBRARY)


def made(category: Category, one: Demonstration, change: Any = None, seed: int = 0) -> tuple[Outcome, list[Request]]:
    """What becomes of a demonstration's reply, or of what ``change`` makes of it, and what was asked."""
    alone = structs.replace(category, demonstrations=(), repairs=0)
    asked: list[Request] = []

    async def ask(request: Request) -> Reply:
        asked.append(request)
        reply = json.loads(json.dumps(one.replies[request.purpose.rpartition("/")[2]]))
        return Reply(text=json.dumps(change(reply) if change else reply))

    item = GenerateItem(scene=one.scene, prompts=CategoryPrompts(alone))
    return asyncio.run(generate_job(seed)(item, ask)), asked


def turns(dialogue: Dialogue) -> list[str]:
    return [turn.text for turn in dialogue.turns]


@pytest.mark.parametrize("name", [*ASKING, *FILLED])
def test_each_says_what_it_follows_and_its_demonstrations_make_rows(name: str) -> None:
    category = load(name)
    assert re.search(r"in the manner of [A-Z]|as LLaVAR|ChartQA|SVIT", category.file.description), "the recipe is named"
    assert len(category.demonstrations) >= 3
    for one in category.demonstrations:
        assert "written by hand" in one.note
        outcome, _ = made(category, one)
        assert outcome.dialogues, (one.file, outcome)
        assert not outcome.rejects
    assert bool(category.chat_steps) == (name in ASKING)


@pytest.mark.parametrize("name", ASKING)
def test_answers_are_neither_formulas_nor_the_same_twice(name: str) -> None:
    said = [turn.text for one in load(name).demonstrations for d in made(load(name), one)[0].dialogues for turn in d.turns[1::2]]  # fmt: skip
    long = [tuple(text.split()[:5]) for text in said if len(text.split()) > 8]
    assert len(set(long)) == len(long)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("svit/conversation", ["The picture, as several people see it:", "umbrella (striped, yellow): [0.234, 0.017, 0.812, 0.250]", "a hand-written price sign stuck among the oranges: [0.688, 0.396, 0.781, 0.510]", "dog lying under table"]),
        ("svit/referring", ["o7 dog (brown, sleeping): [", "r1 woman in a green apron", "o7 dog lying under o4 table"]),
        ("shikra/thought", ["o8 cat (black): [", "o2 girl stirring with o4 spoon"]),
        ("ferret/refer-and-ground", ["o8 cat (black): [812, 270, 937, 364]", "o2 girl stirring with o4 spoon", "r2 girl standing on a small stool: ["]),
        ("videochat/detail", ["0:30 to 0:47: a pot grows taller between two hands; somebody says: “Slowly, or it collapses.”; tags: pot, hands, wheel; dense: wet clay on both hands"]),
        ("pmc_vqa/choice", ["What its authors wrote under it:\nLateral radiograph", "Write 1 to 5 pairs"]),
        ("llavar/conversation", ["it may well be wrong:\na sign that is on the side", "“Open Tue - Sun”\n“Open Tue-Sun”"]),
        ("lrv/instructions", ["What somebody looked for and did not find:\ndog\ntv", "half of them mistaken"]),
        ("osprey/region", ["The part that is meant: #r1, orange cat with its eyes closed"]),
        ("charts/calculation", ["Its values:\n2018: 42\n2019: 47"]),
        ("sparkles/dialogue", ["the first picture, as several people see it:\nA plain round sponge", "the second picture, as several"]),
        ("detgpt/goal", ["o5 cup (white): ["]),
        ("textbind/dialogue", ["p1, what it shows:\nA ball of dough", "p3, what it shows:\nA tractor in a muddy field."]),
        ("stablellava/dialogue", ["Ability: colour\nlighthouse, storm"]),
    ],
)  # fmt: skip
def test_the_model_is_shown_what_the_recipe_shows(name: str, shown: list[str]) -> None:
    category = load(name)
    _, asked = made(category, category.demonstrations[0])
    text = asked[0].messages[-1].content
    assert [part for part in shown if part not in text] == []


def test_the_second_call_knows_what_the_first_one_said_and_nothing_else() -> None:
    for name, given in (("videochat/conversation", "story"), ("stablellava/dialogue", "prompt")):
        category = load(name)
        one = category.demonstrations[0]
        _, asked = made(category, one)
        assert len(asked) == 2
        first = one.replies[category.chat_steps[0].name][given]
        assert first in asked[1].messages[-1].content
        assert category.file.context.segments.heading or category.file.context.prose.heading
        assert not any(line in asked[1].messages[-1].content for line in asked[0].messages[-1].content.splitlines()[:2])


def answering(answer: str, **more: str) -> Any:
    """A change of a reply: its first pair, or its last text, says something else."""

    def change(reply: dict[str, Any]) -> dict[str, Any]:
        if "pairs" in reply:
            return {"pairs": [{**reply["pairs"][0], "answer": answer, **more}]}
        return {**reply, list(reply)[-1]: answer, **more}

    return change


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("svit/conversation", answering("The captions mention oranges and bananas."), "leak: source_word"),
        ("svit/conversation", answering("A dog at [0.625, 0.802, 0.836, 0.969] and some fruit."), "leak: coordinates"),
        ("svit/reasoning", answering("Because of the [dog](#o7), it would seem, and because the day is so very hot and the stall has shade."), "reference: not_wanted"),
        ("svit/detail", answering("A market stall."), "length: too_short"),
        ("svit/referring", answering("He reaches for the bag.", question="What does the boy do?"), "reference: missing"),
        ("svit/referring", answering("He reaches for [the bag](#o80)."), "reference: unknown_id"),
        ("shikra/thought", answering("no", question="Is the girl busy?", thought="She stirs in a bowl and does so with a spoon."), "reference: missing"),
        ("ferret/refer-and-ground", answering("There is [a dog](#o8) in front of the window."), "reference: wrong_thing"),
        ("ferret/negatives", answering("Yes, the dog sits in front of [the window](#o7), as it should.", question="Is there a zebra at [the window](#o7)?"), "objects: foreign"),
        ("videochat/detail", answering("First, at 0:12, a woman kneads clay. " + "Then she presses the clay on a wheel and a pot grows. " * 1 + "Next, she lifts the pot onto a board, and the shelf behind her holds other pots that somebody made out of wet clay before, as one can tell by their form and by the colour that the dry clay has, and that is where the video about the woman and her pot has its end."), "time: given"),
        ("videochat/conversation", answering("She makes a pot, as the timestamps of the footage show."), "leak: source_word"),
        ("pmc_vqa/choice", answering("Radiograph", wrong_2="radiograph"), "schema: options"),
        ("pmc_vqa/choice", answering("According to the article, a radiograph"), "leak: source_word"),
        ("lrv/instructions", answering("It greets the person with its tail, and the dog looks happy about it.", question="Is there a dog in this picture?"), "objects: absent"),
        ("llavar/conversation", answering("It is called “RIVERSIDE CAFÉ”, as the OCR engine has it."), "leak: source_word"),
        ("osprey/region", answering("A cat."), "length: too_short"),
        ("detgpt/goal", answering("Something that stands upright and has walls would do for it, small enough for a hand.", targets="[kettle](#o5)"), "reference: wrong_thing"),
        ("detgpt/goal", answering("Something that stands upright and has walls would do for it, small enough for a hand.", targets="cup"), "reference: missing"),
        ("textbind/dialogue", answering("About like this: [](#p1) it shows the dough in a glass bowl under a cloth."), "asset: placed_twice"),
        ("textbind/dialogue", answering("About like this: [](#p7) it shows the dough in a glass bowl under a cloth."), "reference: not_wanted"),
        ("textbind/dialogue", lambda reply: json.loads(re.sub(r"\[\]\(#p\d\) ", "", json.dumps(reply))), "asset: not_placed"),
        ("sparkles/dialogue", answering("In the third picture the cake has candles on it and white icing, and it stands on a table with some paper plates around."), "asset: no_such_asset"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_the_recipe_refuses_is_refused(name: str, change: Any, code: str) -> None:
    category = load(name)
    outcome, _ = made(category, category.demonstrations[0], change)
    assert code in {reject.code for reject in outcome.rejects}
    assert not outcome.dialogues


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lavin/choice", [r"Question: What is the bridge made of\?\nOptions: (\([A-D]\) \w+ ?){4}\nResponse:", r"The answer is [A-D]\. BECAUSE: The bridge has arches .*"]),
        ("minigpt_v2/detection", [r".*(cat|book|cup|couch|lamp|dining table|potted plant).*", r"\[[a-z ]+\]\(#o\d(,#o\d)*\)"]),
        ("gpt4roi/region", [r".*\[(this|the) [a-z ]+\]\(#r\d\).*", r"(orange cat|window|gray knitted).*"]),
        ("gpt4roi/presence", [r"Is there any [a-z ]+ in this picture\? Answer yes or no\.", "Yes"]),
        ("kosmos2/grounded-caption", [".*", re.escape("[Two boys](#o1,#o2) sit at the end of [a dock](#o3) with their feet in the water.")]),
        ("llavar/read", [".*", "RIVERSIDE CAFÉ\nOpen Tue-Sun\n9 am to 5 pm"]),
        ("instructblip/vqa", [r"(?s).*What is the bridge made of\?.*", "stone"]),
    ],
)  # fmt: skip
def test_without_a_model_the_annotations_are_the_rows(name: str, wanted: list[str]) -> None:
    category = load(name)
    outcome, asked = made(category, category.demonstrations[0])
    assert not asked
    assert [re.fullmatch(pattern, text) is not None for pattern, text in zip(wanted, turns(outcome.dialogues[0])[:2], strict=True)] == [True, True]  # fmt: skip


def test_what_is_absent_is_really_absent() -> None:
    category = load("gpt4roi/presence")
    for one in category.demonstrations:
        labels = {thing.label for thing in one.scene.objects}
        said = json.dumps([caption.text for caption in one.scene.captions]).lower()
        for seed in range(20):
            outcome, _ = made(category, one, seed=seed)
            yes, no = (turns(dialogue) for dialogue in outcome.dialogues)
            assert (yes[1], no[1]) == ("Yes", "No")
            missing = re.search(r"any (.+) in this", no[0])
            assert missing
            assert missing[1] not in labels
            assert missing[1] not in said


@pytest.mark.parametrize(
    ("name", "convention", "written"),
    [
        ("svit/referring", "svit", "What is <st>the boy<ed> [0.125, 0.354, 0.266, 0.875] reaching for?"),
        # 640 x 480 on a square of 640: 80 rows above
        ("shikra/thought", "shikra", "[The cat[0.812,0.328,0.938,0.398] sits in front of the window[0.672,0.156,0.938,0.391]"),
        ("ferret/refer-and-ground", "grid1000", "There is a man [31, 125, 359, 916], and"),
        ("ferret/refer-and-ground", "ferret_region", "There is a man [31, 125, 359, 916] <region_fea>, and"),
        ("ferret/negatives", "grid1000", "is a black cat [812, 270, 937, 364]."),
        ("detgpt/goal", "minigpt_v2", "Therefore the answer is: <p>cup</p> {<73><68><78><78>}."),
        ("minigpt_v2/detection", "minigpt_v2", "<p>cat</p> {<23><41><39><56>}"),
        ("kosmos2/grounded-caption", "kosmos2", "<phrase>Two boys</phrase><object><patch_index_"),
        ("gpt4roi/region", "gpt4roi", " <bbox>"),
        ("osprey/region", "chatspot", "<box>0.234,0.417,0.391,0.562</box>"),
    ],
)  # fmt: skip
def test_boxes_are_written_as_the_recipe_writes_them(name: str, convention: str, written: str) -> None:
    category = load(name)
    outcome, _ = made(category, category.demonstrations[0])
    style = find_convention(convention)
    texts = [render_slots(turn.text, one, style)[0] for one in outcome.dialogues for turn in one.turns]
    assert any(written.removeprefix("[") in text for text in texts), texts
    assert "](#" not in "".join(texts)


def test_a_choice_is_lettered_and_no_letter_is_always_right() -> None:
    category = load("pmc_vqa/choice")
    letters = set()
    for seed in range(6):
        for one in category.demonstrations:
            for dialogue in made(category, one, seed=seed)[0].dialogues:
                question, answer = turns(dialogue)
                found = re.search(r"\nChoices:\nA: (.+)\nB: (.+)\nC: (.+)\nD: (.+)$", question)
                assert found
                letter, _, text = answer.partition(": ")
                assert found["ABCD".index(letter) + 1] == text
                letters.add(letter)
    assert letters == set("ABCD")


def test_a_row_keeps_the_prompt_of_its_picture() -> None:
    category = load("stablellava/dialogue")
    one = category.demonstrations[0]
    (dialogue,) = made(category, one)[0].dialogues
    assert dialogue.metadata == {"image_prompt": one.replies["picture"]["prompt"]}


def export(dialogues: tuple[Dialogue, ...], format_name: str, folder: Path) -> Any:
    target = folder / "out.json"
    find_format(format_name).write(dialogues, target, ExportOptions())
    return json.loads(target.read_text(encoding="utf-8"))


def test_the_second_picture_stands_where_it_is_shown(tmp_path: Path) -> None:
    category = load("sparkles/dialogue")
    outcome, _ = made(category, category.demonstrations[0])
    (row,) = export(outcome.dialogues, "sharegpt", tmp_path)
    assert [turn["value"].count("<image>") for turn in row["conversations"]] == [1, 0, 1, 0]
    assert row["images"] == ["sparkles-cakes-first.jpg", "sparkles-cakes-second.jpg"]


def test_a_row_has_the_pictures_that_it_shows_where_it_shows_them(tmp_path: Path) -> None:
    category = load("textbind/dialogue")
    shown = {one.file: [asset.id for d in made(category, one)[0].dialogues for asset in d.assets] for one in category.demonstrations}  # fmt: skip
    assert list(shown.values()) == [["p1", "p2"], ["p1", "p3", "p2"], ["p1", "p2"]]
    outcome, _ = made(category, category.demonstrations[0])
    (row,) = export(outcome.dialogues, "sharegpt", tmp_path)
    texts = [turn["value"] for turn in row["conversations"]]
    assert texts[0] == "I began to bake today. <image> How long do I leave this alone?"
    assert texts[3].startswith("About like this: <image> a round loaf")
    assert row["images"] == ["placed-bread-1.jpg", "placed-bread-2.jpg"]


# --- docs/recipes.md


def rows() -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in DOC.splitlines() if re.match(r"\| \d+ \|", line)]  # fmt: skip


def test_the_table_has_all_of_them_and_counts_rightly() -> None:
    table = rows()
    assert [int(row[0]) for row in table] == list(range(1, 48))
    assert {len(row) for row in table} == {5}
    verdicts = [row[3] for row in table]
    told = re.search(r"\*\*Whole: (\d+)\. Mostly: (\d+)\. In part: (\d+)\.\*\*", DOC)
    assert told
    assert [verdicts.count(name) for name in ("whole", "mostly", "in part")] == list(map(int, told.groups()))


def test_what_the_table_names_is_there_and_what_is_there_is_named() -> None:
    known = set(LIBRARY.category_names())
    families = {name.partition("/")[0] for name in known}
    named = {name for name in re.findall(r"`([a-z0-9_]+/[a-z*-]+)`", DOC) if name.partition("/")[0] in families}
    assert {name for name in named if not name.endswith("/*")} <= known
    assert set(ASKING) | set(FILLED) <= named
    for name in re.findall(r"--boxes ([a-z0-9_]+)", DOC):
        find_convention(name)
    for anchor in re.findall(r"\w\]\(#([a-z-]+)\)", DOC):
        assert any(re.sub(r"[^a-z -]", "", line[4:].lower()).replace(" ", "-") == anchor for line in DOC.splitlines() if line.startswith("### ")), anchor  # fmt: skip


BLOCKS = re.findall(r"### (.+?)\n.*?```toml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize(("title", "toml"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_the_folders_that_are_not_in_seeds_load_and_ask_or_fill(title: str, toml: str, tmp_path: Path) -> None:
    del title
    files = {"query.md": "Go.", "lists/tools.txt": "cut\npaint\n", "lists/questions.txt": "Tell me.\n"}
    files["lists/wordings.txt"] = "Ask a question about this picture whose answer is: {{asked.answer}}\n"
    for line in toml.splitlines():
        if found := re.match(r"(system|query) = \"(.+?)\"(?:\s+# (.*))?", line):
            files[found[2]] = found[3] or "Write."
    category = make_category(tmp_path, toml=toml, files=files)
    parts = {name for file in files.values() for name in names_in(file)}
    assert not category.chat_steps or parts or tomllib.loads(toml)["steps"]
    scene = load("svit/conversation").demonstrations[1].scene
    question = load("instructblip/vqa").demonstrations[0].scene.questions
    more = [Region(id=f"x{one}", text=f"pebble number {one}", box=(one * 5, 500, one * 5 + 4, 510)) for one in range(3)]
    scene = structs.replace(scene, questions=question, regions=(*scene.regions, *more))
    item = GenerateItem(scene=scene, prompts=CategoryPrompts(category.adjusted(Overrides())))
    assert len(list(planned_requests(item, 0))) == len(category.chat_steps)
    said = {name: f"The boat at the pier is what [the man](#o3) looks at, number {place}." for place, name in enumerate(["first", "second"])}  # fmt: skip
    said |= {
        "text": "word " * 80,
        "request": "Show me the boats.",
        "reply": "Here are two boats at a pier.",
        "tool": "cut",
    }
    said |= {"instruction": "Cut the boat out of it.", "arguments": "boat", "answer": "The boat is cut out now."}

    async def ask(request: Request) -> Reply:
        fields = (request.schema or {})["properties"]
        extra = " again" if request.purpose.endswith("reply") else ""
        return Reply(text=json.dumps({name: said[name] + (extra if name in ("first", "second") else "") for name in fields}))  # fmt: skip

    outcome = asyncio.run(generate_job(0)(item, ask))
    assert not outcome.skipped
    if "asked.question" in toml:
        assert [turns(one)[1] for one in outcome.dialogues] == [one.question for one in question]
    elif "||||" in toml:
        for one in outcome.dialogues:
            options = one.turns[0].text.rpartition("[Options]: ")[2].split("||||")
            assert len(set(options)) == 4
            assert one.turns[1].text in options
    elif "[](#image)" in toml:
        (row,) = export(outcome.dialogues, "sharegpt", tmp_path)
        assert [turn["value"] for turn in row["conversations"]] == [
            "Show me the boats.",
            "Here are two boats at a pier. <image>",
        ]
        assert row["caption"] in {caption.text for caption in scene.captions}
    elif "Action Input" in toml:
        (dialogue,) = outcome.dialogues
        assert "Action: cut Action Input: image/svit-harbour.png, boat AI:" in dialogue.turns[1].text


@pytest.mark.parametrize(
    "name", ["pmc_vqa/choice", "shikra/thought", "detgpt/goal", "charts/calculation", "sparkles/dialogue", "videochat/conversation"]
)  # fmt: skip
def test_a_rehearsal_plays_them(name: str) -> None:
    """Its replies have short texts where demonstrations have, and are about what an earlier step gave where no scene is shown."""
    category = load(name)
    scene = structs.replace(category.demonstrations[0].scene, id="another")

    async def ask(request: Request) -> Reply:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return Reply(text=good_text({"messages": messages}))

    outcome = asyncio.run(generate_job(0)(GenerateItem(scene=scene, prompts=CategoryPrompts(category)), ask))
    assert outcome.dialogues, outcome.rejects
