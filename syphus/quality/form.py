# ruff: noqa: RUF001
"""Checks of a text's form: that it ended, that a question asks, that no JSON is left in it."""

import re

from syphus.quality.grounded.lexicon import WORDS
from syphus.quality.pairs import Finding, View
from syphus.quality.wordings import fold_text

_JSON = re.compile(
    r"[\"“”]\w{1,40}[\"“”]\s*:\s*[\"“\[{]|[\"“”]\s*[}\]]\s*[,\]}]?\s*$|^\s*[\[{]\s*[\"“{]|```|[\"“”]\s*[}\]]+\s*,|\{\s*[\[{\"“<}]"
)

_OPEN_END = frozenset(",;:、，；：([{“‘–—-")
_CLOSED_END = frozenset(".!?…。！？؟۔।\"”’'»)]")
_LONG = 30
"""Words from which on a text that ends without a full stop was cut; a short one may be a name or a caption."""

_SENTENCE = 5
"""Words that a sentence has, at least; what has a verb and fewer may be a name."""
_LEADS_ON = frozenset(
    """
    a an the of with and or to from is are was were his their its which while as for into at between my your our some very
    in under various through without that like has have be been being than because such these those if when where whose near beside behind including towards toward
    """.split()
)
"""Words after which something must come."""
_ON = frozenset(
    """
    hat hats helmet helmets shirt shirts jacket jackets coat coats tie ties glasses sunglasses clothes shoes boots socks cap
    gloves mask masks apron dress suit saddle collar light lights tv television looking look looks turned going it them
    """.split()
)
"""Before a last "on", where nothing is lacking: with a hat on, with the lights on, somebody looks on."""
_VERBS = frozenset(
    """
    is are was were has have can could may might will would should shows show appears appear seems depicts features includes
    contains suggests indicates looks wears holds stands sits
    """.split()
)
_BEGINS = frozenset("the yes no it he she they in these based additionally".split())
"""Words with which sentences begin rather than captions."""
_SENTENCE_BEFORE = re.compile(r"[a-z)\"'][.!?]\s+[A-Z][a-z]*\b(?:\s+\S+){2,}$")
_ENDING = re.compile(r"(?:s|es|ed|ing|er|ers|ly|y|'s)?")
"""What makes another form of the same word, which may well be whole itself: ``hug``, ``hugging``."""
_LIKELY = (
    "image picture scene background foreground person people standing sitting wearing holding positioned visible located "
    "surrounding various additionally overall atmosphere appears suggests possibly another closer towards different several "
    "position building table walking looking playing riding"
).split()
_WHOLE_WORDS = frozenset(
    "on in by over up down off out it her him them there here so that this one two all both it's".split()
)

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
    if end in _CLOSED_END:
        return None
    if end in _OPEN_END or (end.isalnum() and _is_cut(text, view)):
        return Finding("unfinished", "The answer ends in the middle of a sentence.", text[-100:])
    return None


def _is_cut(text: str, view: View) -> bool:
    """Whether a text without a sign at its end was cut. A name, a caption or a short answer needs none."""
    words = view.answer.words
    if len(words) >= _LONG:
        return True
    if not words or not fold_text(text).isascii():
        return False
    if len(words) > 2 and (words[-1] in _LEADS_ON or (words[-1] == "on" and words[-2] not in _ON)):
        return True
    if _SENTENCE_BEFORE.search(text) or (len(words) > 2 and _is_torn(words, view)):
        return True
    told = len(words) >= _SENTENCE and text[:1].isupper() and not _VERBS.isdisjoint(words)
    return told and (view.ends or words[0] in _BEGINS)


def _is_torn(words: list[str], view: View) -> bool:
    """The last word is the beginning of another one, and stands nowhere else."""
    last = words[-1]
    known = view.facts.words | view.question.distinct
    if last in known or last in words[:-1] or last in _WHOLE_WORDS or last in WORDS or len(last) > 12:
        return False
    whole = (*known, *words[:-1], *_LIKELY)
    return any(
        # "Skat" of "skating" is torn, and "hug" of "hugging" is not: it doubles the letter.
        word.startswith(last) and not _ENDING.fullmatch(word[len(last) :].removeprefix(last[-1]))
        for word in whole
    )


def check_no_question(view: View) -> Finding | None:
    """A question asks, or requests something; it does not state what the answer should say."""
    question = view.question
    if question.words and question.words[0] in _STATEMENT and not _ASKS.search(question.plain):
        return Finding("no_question", "The question is a statement; ask something.", question.text)
    return None
