"""What only other people's dialogues need to be looked at for: tokens of their own trainer, multiple choices, and stances.

What we generate cannot have these faults: exporters refuse the tokens, and categories of choices make the positions by draw.
"""

from collections.abc import Collection, Sequence

from syphus.quality.pairs import Pair
from syphus.quality.sets.choices import read_choice
from syphus.quality.stances import Stance, stance_of
from syphus.quality.vocabulary import split_words
from syphus.records import Verdict
from syphus.references.text import plain_text

SET_STANCES: dict[str, Stance] = {
    "safety": "ask",
    "duplicate/same_pair": "drop",
    "duplicate/near_pair": "drop",
    "duplicate/same_question": "score",
    "duplicate/same_answer": "score",
    "duplicate/near_answer": "score",
    "choice/same_options": "ask",
    "choice/no_right_option": "drop",
    "choice/several_right_options": "drop",
    "token": "repair",
    "shape": "drop",
    "given_away": "score",
    "no_question": "score",
    "repeats/same_question": "drop",
}
"""Stances of what ``syphus quality`` finds beyond the checks of generation; and of two of these that a reply is asked again for,
but that are no reason to take a pair out of a dataset that somebody else thought about."""


def stance_in_set(verdict: Verdict, own: dict[str, Stance]) -> Stance:
    """What is done about a finding in a dataset; ``own`` are the category's stances and come first."""
    return stance_of(verdict.check, verdict.code, SET_STANCES | own)


def check_foreign(pairs: Sequence[Pair], marks: Collection[str]) -> list[Verdict]:
    """Reserved tokens, and multiple choices that have not one right option.

    Args:
        pairs: of one dialogue, in their order.
        marks: the strings that trainers take for their own, as exporters know them.
    """
    found = []
    for turn, pair in enumerate(pairs):
        found += [_say("token", "reserved", _TOKEN, mark, turn) for mark in _find_marks(pair, marks)]
        if verdict := _check_choice(pair, turn):
            found.append(verdict)
    return found


_TOKEN = "A text holds what trainers take for their own."


def _say(check: str, code: str, message: str, evidence: str, turn: int) -> Verdict:
    return Verdict(check=check, code=code, message=message, evidence=evidence, turn=turn)


def _find_marks(pair: Pair, marks: Collection[str]) -> list[str]:
    for text in (pair.question, pair.answer):
        if "<" in text or "[" in text:
            plain = plain_text(text)
            if there := [mark for mark in marks if mark in plain]:
                return there[:1]
    return []


def _check_choice(pair: Pair, turn: int) -> Verdict | None:
    if ")" not in pair.question and "." not in pair.question and ":" not in pair.question:
        return None
    choice = read_choice(plain_text(pair.question), plain_text(pair.answer))
    if choice is None:
        return None
    bare = [tuple(split_words(option)) for option in choice.options]
    evidence = " | ".join(choice.options)[:120]
    if len(set(bare)) < len(bare):
        return _say("choice", "same_options", "Two options of the multiple choice are the same.", evidence, turn)
    if len(choice.named) > 1:
        message = "The answer names several options of the multiple choice."
        return _say("choice", "several_right_options", message, pair.answer[:120], turn)
    short = len(split_words(pair.answer)) <= max(3, *map(len, bare))
    if not choice.named and short and not any(_holds(pair.answer, option) for option in bare):
        return _say("choice", "no_right_option", "The answer is none of the options.", pair.answer[:120], turn)
    return None


def _holds(answer: str, option: tuple[str, ...]) -> bool:
    said = f" {' '.join(split_words(answer))} "
    return bool(option) and f" {' '.join(option)} " in said
