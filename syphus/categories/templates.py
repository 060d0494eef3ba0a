"""Filling ``{{name}}`` in a category's texts. No logic, no loops: what needs those is a step.

Names:

- ``{{prompts/answering-rules}}``: a text of the shared ``prompts/`` folder; put in when the category is loaded.
- ``{{pairs}}``: how many pairs the step asks for, as ``3 to 6 pairs`` or ``1 pair``; ``{{pairs.min}}`` and
  ``{{pairs.max}}`` are the numbers alone.
- ``{{lists.questions}}``, ``{{templates}}``: one line of a pool, drawn with the run's seed; ``{{lists.topics:3}}`` draws
  three, a line each.
- ``{{scene.caption}}``: one caption, drawn; ``{{scene.captions}}``: all, a line each; ``{{scene.labels}}``: the objects'
  labels, comma-separated, each once; ``{{scene.ocr}}``, ``{{scene.prose}}``: all of it, a line each; ``{{context}}``: the
  rendered context.
- ``{{step.field}}``: what an earlier step gave (``text`` of a template step, a field of what a pick step picked or of a chat
  step's reply; ``pairs`` is written out as Question and Answer lines).
- ``{{pair.question}}``, ``{{pair.options}}``, ``{{pair.letter}}``, …: in ``[dialogue]``, of the pair that becomes a round.
"""

import re
from collections.abc import Callable, Iterable

FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PROMPT = "prompts/"


def fill(text: str, value_of: Callable[[str], str]) -> str:
    """The text with every ``{{name}}`` replaced by ``value_of(name)``; what is put in is not filled again."""
    return FIELD.sub(lambda found: value_of(found[1]), text)


def names_in(text: str) -> Iterable[str]:
    """The names that a text asks for, in order."""
    return (found[1] for found in FIELD.finditer(text))


def include_prompts(text: str, prompts: dict[str, str]) -> str:
    """The text with the shared prompts put in; raises ``KeyError`` with the name of one that is missing."""
    return FIELD.sub(
        lambda found: prompts[found[1].removeprefix(_PROMPT)].strip() if found[1].startswith(_PROMPT) else found[0],
        text,
    )
