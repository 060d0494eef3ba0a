"""The categories that come with syphus: each demonstration is judged as a model's reply is."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec import structs

from syphus.categories.category import Demonstration
from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts
from syphus.jobs.demonstrate import check_demonstrations

ROOT = Path(__file__).parents[1]
LIBRARY = Library.at(ROOT)
NAMES = LIBRARY.category_names()


def test_the_first_categories_are_all_there() -> None:
    assert {
        "pairs/caption", "llava/conversation", "llava/detail", "llava/reasoning", "planning/next-steps", "grounded/referring",
    } <= set(NAMES)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_demonstrations_pass_what_replies_must_pass(name: str) -> None:
    assert asyncio.run(check_demonstrations(load_category(name, LIBRARY))) == []


@pytest.mark.parametrize("name", NAMES)
def test_prompts_hold_the_rules_and_no_empty_place(name: str) -> None:
    category = load_category(name, LIBRARY)
    prompts = CategoryPrompts(category)
    for step in category.chat_steps:
        messages = prompts.prefix(step)
        rules = messages[0].content.lower()  # what the first person sees has no captions; it has narrations
        assert "never mention captions" in rules or "never mention a video" in rules
        assert [message.role for message in messages] == [
            "system",
            *["user", "assistant"] * len(category.demonstrations),
        ]
        assert not any("{{" in message.content for message in messages)
        for message in messages[2::2]:
            json.loads(message.content)


def test_a_bad_demonstration_is_found() -> None:
    category = load_category("llava/conversation", LIBRARY)
    first = category.demonstrations[0]
    leaking = {"pairs": [{"question": "What is there?", "answer": "According to the captions there is a lot."}] * 4}
    bad = Demonstration(scene=first.scene, replies={"dialogue": leaking}, file="bad.json")
    step = category.chat_steps[0].name
    bad = structs.replace(bad, replies={step: leaking})
    found = asyncio.run(check_demonstrations(structs.replace(category, demonstrations=(*category.demonstrations, bad))))
    assert any("bad.json" in fault and "leak" in fault for fault in found)
    assert any("same scene" in fault for fault in found)
