"""The choices of a question, and which is right, however a file says that: by a letter, by a number, or in words."""

import re
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJ"

_LETTERED = re.compile(r"\(?([A-Ja-j])\s*[:.)]\s*")


def strip_letters(choices: Sequence[str]) -> list[str]:
    """The choices without their letters (``A: Brain``, ``(B) Heart``), where each has its own."""
    marks = [_LETTERED.match(choice) for choice in choices]
    own = [mark is not None and mark[1].upper() == letter for mark, letter in zip(marks, LETTERS, strict=False)]
    if len(choices) > len(LETTERS) or not all(mark or not choice for mark, choice in zip(own, choices, strict=True)):
        return list(choices)
    return [choice[mark.end() :] if mark else choice for mark, choice in zip(marks, choices, strict=True)]


def find_by_text(options: Sequence[str], answer: str) -> int | None:
    """The choice that the answer names in words, with or without its letter; from 0."""
    mark = _LETTERED.match(answer)
    spellings = {answer.casefold(), answer[mark.end() :].casefold() if mark else ""} - {""}
    return next((place for place, option in enumerate(options) if option.casefold() in spellings), None)


def find_by_letter(options: Sequence[str], text: str) -> int | None:
    """The choice of that letter (``B``, ``(b)``, ``B.``); from 0."""
    letter = text.strip(" ().:").upper()
    place = LETTERS.find(letter) if len(letter) == 1 else -1
    return place if 0 <= place < len(options) else None
