"""What one model is asked about dialogues that are there: the description that ``judge``, ``blind`` and ``correct`` give of it."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from syphus.categories.category import Category, CategoryFile, ChatStep, DialogueShape
from syphus.config import Config
from syphus.engine.run import Job
from syphus.exchange import Request
from syphus.jobs.judge_asking import REPAIRS


class Task(Struct, frozen=True, kw_only=True):
    """One model's part of the work."""

    config: Config
    category: str
    """What its requests belong to; where items have categories of their own, what these begin with."""
    step: str
    temperature: float
    max_tokens: int
    job: Job
    items: Callable[[Any, Callable[[str], int]], Iterator[Any]]
    """The items, by what is sent besides the prompts and by their draws; without the first they have no basis."""
    planned: Callable[[Any], list[Request]]
    """What an item asks, as far as that is known before."""
    reply: Callable[[Any], int]
    """Tokens of a typical reply to an item's requests, together."""
    count: int
    """How many items there are."""
    kept: tuple[str, Any]
    """What is asked, for the ledger: its version, and the texts."""
    looks: bool = False
    """Pictures are shown."""
    at_most: bool = False
    """An item may be done before all of its planned requests were asked."""


def as_category(task: Task) -> Category:
    """A task as the connection and the price know a category: a name, and a step with what is sent."""
    step = ChatStep(
        name=task.step,
        fields=("text",),
        temperature=task.temperature,
        max_tokens=task.max_tokens,
        reasoning_effort=task.config.model.reasoning_effort,
    )
    shape = DialogueShape(user="-", assistant=f"{{{{{task.step}.text}}}}")
    file = CategoryFile(ability="perception", steps=(step,), dialogue=shape)
    return Category(
        name=task.category,
        file=file,
        demonstrations=(),
        texts={},
        lists={},
        fingerprint="",
        own_context=file.context,
        repairs=REPAIRS,
    )
