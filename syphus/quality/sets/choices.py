"""Multiple choices in a question: its options, and which of them the answer names."""

import re
from typing import NamedTuple

from syphus.quality.vocabulary import split_words

_MARK = re.compile(r"(?:(?<=\s)|^|(?<=[?,;:]))\(?(?P<mark>[A-J]|[a-j]|10|[1-9])(?P<end>[).:])(?=\s*\S)")
_ANSWER = re.compile(
    r"^\W*(?:(?:the\s)?(?:correct\s|right\s|best\s)?(?:answer|option|choice)\s?(?:is|:)?\s*)?\(?(?P<mark>[A-J]|[a-j](?=[).:])|10|[1-9])(?:[).:,]|\s*$|\s+(?:and|or|&)\s+\(?[A-J1-9]\b)",
    re.IGNORECASE,
)
_ALSO = re.compile(r"(?:\band\b|\bor\b|,|&|/)\s*\(?(?P<mark>[A-J]|[1-9])\)?\s*(?:$|[.,;])")


class Choice(NamedTuple):
    """A multiple choice."""

    options: tuple[str, ...]
    position: int | None
    """Of the option that the answer names, from 0; None where it names none, or several."""
    named: tuple[int, ...]
    """Positions of all that it names."""


def read_choice(question: str, answer: str) -> Choice | None:
    """The choice of a question; None where it lists no options.

    Options are marked ``A.``, ``(A)``, ``A)``, ``a)``, ``1.`` in a row from the first on. The answer names one by its mark
    ("B", "(B) red", "The answer is B.") or by its words ("red").
    """
    options = _find_options(question)
    if len(options) < 2:
        return None
    named = _find_named(answer, options)
    return Choice(options, named[0] if len(named) == 1 else None, named)


def _find_options(question: str) -> tuple[str, ...]:
    found = list(_MARK.finditer(question))
    # The marks in their order, from the first: "A picture shows ... 1. ..." begins no list by its "A".
    for series in ("ABCDEFGHIJ", "abcdefghij", ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")):
        for start, match in enumerate(found):
            if match["mark"] != series[0]:
                continue
            chosen, wanted = [match], 1
            for other in found[start + 1 :]:
                if wanted < len(series) and other["mark"] == series[wanted] and other["end"] == match["end"]:
                    chosen.append(other)
                    wanted += 1
            if len(chosen) > 1:
                ends = [one.start() for one in chosen[1:]] + [len(question)]
                texts = [question[one.end() : end] for one, end in zip(chosen, ends, strict=True)]
                texts[-1] = texts[-1].strip().split("\n")[0]  # behind the last option stands "Answer with the letter."
                return tuple(text.strip(" \n\t,;(") for text in texts)
    return ()


def _find_named(answer: str, options: tuple[str, ...]) -> tuple[int, ...]:
    marks = "ABCDEFGHIJ"
    found = _ANSWER.match(answer.strip())
    if found:
        positions = [_position(found["mark"], marks)]
        positions += [_position(also["mark"], marks) for also in _ALSO.finditer(answer[found.end("mark") : 40])]
        return tuple(sorted({position for position in positions if 0 <= position < len(options)}))
    said = split_words(answer)
    return tuple(at for at, option in enumerate(options) if split_words(option) == said)


def _position(mark: str, marks: str) -> int:
    return int(mark) - 1 if mark.isdigit() else marks.index(mark.upper())
