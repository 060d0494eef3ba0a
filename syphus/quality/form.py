# ruff: noqa: RUF001
"""Checks of a text's form: that it ended, that a question asks, that no JSON is left in it."""

import re

from syphus.quality.pairs import Finding, View

_JSON = re.compile(
    r"[\"“”]\w{1,40}[\"“”]\s*:\s*[\"“\[{]|[\"“”]\s*[}\]]\s*[,\]}]?\s*$|^\s*[\[{]\s*[\"“{]|```|[\"“”]\s*[}\]]+\s*,|\{\s*[\[{\"“<}]"
)

_OPEN_END = frozenset(",;:、，；：([{“‘–—-")
_CLOSED_END = frozenset(".!?…。！？؟۔।\"”’'»)]")
_LONG = 30
"""Words from which on a text that ends without a full stop was cut; a short one may be a name or a caption."""

_ASKS = re.compile(r"[?？؟;]")
_STATEMENT = frozenset(
    """
    a an he her his it its she that the there these they this those you your
    """.split()
)
"""Words that no request begins with; a text that begins so and holds no question mark tells instead of asking."""


def check_json_in_text(view: View) -> Finding | None:
    """No JSON inside a text: a sign that the reply was torn and put together wrong."""
    for side in view.sides:
        plain = side.plain
        if '"' not in plain and "`" not in plain and "{" not in plain and "“" not in plain and "”" not in plain:
            continue
        if found := _JSON.search(plain):
            return Finding("json_in_text", f"The {side.name} holds JSON; write plain sentences.", found[0])
    return None


def check_unfinished(view: View) -> Finding | None:
    """An answer ends where a sentence ends: half a sentence teaches to stop in the middle."""
    text = view.answer.plain.rstrip()
    end = text[-1:]
    if end in _OPEN_END or (len(view.answer.words) >= _LONG and end not in _CLOSED_END):
        return Finding("unfinished", "The answer ends in the middle of a sentence.", text[-100:])
    return None


def check_no_question(view: View) -> Finding | None:
    """A question asks, or requests something; it does not state what the answer should say."""
    question = view.question
    if question.words and question.words[0] in _STATEMENT and not _ASKS.search(question.plain):
        return Finding("no_question", "The question is a statement; ask something.", question.text)
    return None
