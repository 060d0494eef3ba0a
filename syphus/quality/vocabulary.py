"""What is known of single words, so that most texts need no closer look.

The patterns of :mod:`syphus.quality.wordings` and the stems of :mod:`syphus.quality.grounding` are costly for a whole text, but
texts are made of the same few thousand words again and again. A word is looked at once: is it one without which no pattern
matches (``MARKS``), and what is its stem? After that it is one lookup, and a text of harmless words alone is not searched at
all. The memory is bounded: it is emptied when it is full.
"""

import re
from functools import lru_cache
from string import ascii_lowercase, digits
from typing import cast

from syphus.quality.wordings import MARKS, fold_text

# Scripts without spaces between words, and without an alphabet: each sign is a token.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:'[^\W_]+)*"
)
_ASCII_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_SMALL = bytes(range(256)).lower()
_ONLY_WORDS = bytes(code if chr(code) in ascii_lowercase + digits else ord(" ") for code in _SMALL)
_ONLY_LETTERS = bytes(code if chr(code) in ascii_lowercase else ord(" ") for code in _SMALL)

_MOST = 30_000
"""Words that are remembered."""
LONG_WORD = 24
"""Longer ones are never harmless: they may be a stretch of repeated letters (:mod:`syphus.quality.repeats`)."""

_STEM = 5
"""Letters that are compared: ``donut`` and ``donuts``, ``skate`` and ``skateboarding``."""
_WORD = re.compile(r"[a-z]{3,}")
_WORDS_ALONE = re.compile(r"[a-z]+(?:'[a-z]+)*")
COMMON_WORDS = frozenset(
    """
    about above along also and another any appear appears are back because been behind being beside between both but
    can closer could did does down each far for from front had has have her here him his how image into its just left
    like likely look looks made many may might more most near next not off one only onto other our out over photo
    picture right scene seen several she should show shown shows side some stand standing stands such than that the
    their them then there these they this those through top toward towards two under until very visible was well were
    what when where which while who whole why will with would you your
    """.split()
)

_NO_STEM = "-"
_NO_STEMS: frozenset[str | None] = frozenset({_NO_STEM, None})

_stems: dict[str, str] = {}
"""Word -> its stem, ``_NO_STEM`` where it has none. The rare word with several ("rock'n'roll") is not kept."""
_harmless: set[str] = set()
"""Those of the same words that are harmless."""


def split_words(text: str) -> list[str]:
    """The words of a text, in lower case; of Chinese and Japanese text its signs. ASCII text need not be folded before."""
    if not text.isascii():
        return _TOKEN.findall(fold_text(text))
    if "'" in text:
        return _ASCII_TOKEN.findall(text.lower())
    # The same words, in a quarter of the time.
    return text.encode().translate(_ONLY_WORDS).decode().split()


def stems_of(text: str) -> frozenset[str]:
    """As ``content_stems``, quicker for the usual text."""
    if not text.isascii():
        return content_stems(text)
    return word_stems(frozenset(text.encode().translate(_ONLY_LETTERS).decode().split()))


def content_stems(text: str) -> frozenset[str]:
    """The beginnings of a text's content words (English), each once."""
    return frozenset(word[:_STEM].rstrip("s") for word in _WORD.findall(text.lower()) if word not in COMMON_WORDS)


def all_harmless(words: frozenset[str]) -> bool:
    """True where the words of an ASCII text, in lower case, are all harmless.

    Harmless is a word without a digit, not longer than ``LONG_WORD``, in which ``MARKS`` finds nothing.
    """
    return words <= _harmless or all(_judge(word)[1] for word in words - _harmless)


def word_stems(words: frozenset[str]) -> frozenset[str]:
    """As ``content_stems``, of an ASCII text's words in lower case, each once."""
    stems = frozenset(map(_stems.get, words))
    if None in stems:
        # Those that were met first are the frequent ones, so none is ever given up for another.
        strange = words.difference(_stems)
        stems = frozenset().union(map(_stems.get, words - strange), *[_judge(word)[0] for word in strange])
    return cast("frozenset[str]", stems - _NO_STEMS)


@lru_cache(maxsize=4096)
def _judge(word: str) -> tuple[frozenset[str], bool]:
    """The stems of a word, and whether it is harmless; remembered while there is room."""
    stems = content_stems(word)
    harmless = len(word) <= LONG_WORD and bool(_WORDS_ALONE.fullmatch(word)) and not MARKS.search(word)
    if len(_stems) < _MOST and len(stems) <= 1 and not word[0].isdigit():
        _stems[word] = next(iter(stems), _NO_STEM)
        if harmless:
            _harmless.add(word)
    return stems, harmless
