"""Answers and captions as files have them, several to a question or picture: counted, and each once."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from syphus.annotations.labels import clean


class Votes(NamedTuple):
    """Answers of several people."""

    answers: tuple[str, ...]
    """Each once; that of most people first, of equals the one that stands first in the file."""
    votes: tuple[int, ...]
    empty: int = 0
    """Answers without a text."""


def count_answers(given: Sequence[str]) -> Votes:
    """Counts equal answers (after :func:`~syphus.annotations.labels.clean`; case counts, as it does in the files)."""
    first: dict[str, int] = {}
    for answer in given:
        first[answer] = first.get(answer, 0) + 1
    counts: dict[str, int] = {}
    for answer, count in first.items():
        text = clean(answer)
        counts[text] = counts.get(text, 0) + count
    empty = counts.pop("", 0)
    ranked = sorted(counts, key=counts.__getitem__, reverse=True)  # stable: equals stay in their order
    return Votes(tuple(ranked), tuple([counts[answer] for answer in ranked]), empty)


def clean_texts(given: Iterable[str]) -> tuple[str, ...]:
    """Those of the texts that are not empty, each once, in their order."""
    return tuple(dict.fromkeys(filter(None, map(clean, given))))
