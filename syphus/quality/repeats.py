# ruff: noqa: RUF001 (full-width signs are what is looked for)
"""Words of a text, in any script, and what repeats in them."""

import re
from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache
from operator import eq

from msgspec import Struct

from syphus.quality.vocabulary import COMMON_WORDS, LONG_WORD, split_words
from syphus.quality.wordings import fold_text
from syphus.references.text import plain_text

_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"[.!?。！？؟।\n]+")
_LOOP = re.compile(r"(.{1,12}?)\1{3,}", re.DOTALL)
_STRETCH = re.compile(r"(\S{1,8}?)\1{7,}")
LEAST_AGAIN = 3
"""A text that repeats words has so many at least that stood in it before."""
_NEAR = 0.8
_SHARED = 0.6
_SHORT_ECHO, _LONG_ECHO = 6, 12


def count_words(text: str) -> int:
    """Words as people count them: what stands between spaces; two signs of Chinese or Japanese are one word."""
    if text.isascii():
        # Where the only white space is single spaces between words, the spaces are the words less one.
        single = text.isprintable() and "  " not in text and text[:1] > " " and text[-1:] > " "
        return text.count(" ") + 1 if single else len(text.split())
    bare, signs = _SIGN.subn(" ", text)
    words = sum(1 for word in bare.split() if any(map(str.isalnum, word)))
    return words + (signs + 1) // 2


def find_repetition(text: str, words: list[str], distinct: frozenset[str], *, short: bool) -> str:
    """What a text repeats, a loop or a sentence; empty where it is nothing.

    Args:
        text: as it is written.
        words: its words.
        distinct: the same, each once.
        short: it is known that none of them is longer than ``LONG_WORD``.
    """
    if not short and (found := _find_stretch(words)):
        return found
    again = len(words) - len(distinct)
    # A loop of one word brings three that stood before; a loop of several, or a sentence that comes three times, brings six.
    if again < LEAST_AGAIN or (again < 2 * LEAST_AGAIN and not any(map(eq, words, words[1:]))):
        return ""
    # Both bring three words in a row again: ordinary sentences hardly do, and most texts end here.
    threes = set(zip(words, words[1:], words[2:], strict=False))
    if len(threes) == len(words) - 2:
        return ""
    return _find_loop(words) or _find_repeated_sentence(fold_text(text))


def _find_stretch(words: list[str]) -> str:
    """Letters that come eight times or more in a row in a long word."""
    long = max(words, key=len, default="")
    found = _STRETCH.search(long) if len(long) > LONG_WORD else None
    return found[0] if found else ""


def _find_loop(words: list[str]) -> str:
    """Up to 12 words that come four times or more in a row."""
    words = words[:20_000]
    code = {word: chr(0x100 + at) for at, word in enumerate(dict.fromkeys(words))}
    coded = "".join([code[word] for word in words])
    for found in _LOOP.finditer(coded):
        part = words[found.start() : found.end()]
        # Laughter in Chinese is four signs in a row, and a plate may read 0 0 0 0.
        if len(found[1]) > 1 or len(part) >= 8 or not (_SIGN.match(part[0]) or part[0].isdigit()):
            return " ".join(part)
    return ""


def _find_repeated_sentence(folded: str) -> str:
    """A sentence of three words or more that comes three times."""
    sentences = _SENTENCE_END.split(folded)
    if len(sentences) - len(set(sentences)) < 1:
        return ""
    counts = Counter(sentence.strip() for sentence in sentences)
    for sentence, times in counts.most_common(3):
        if times >= 3 and len(split_words(sentence)) >= 3:
            return sentence
    return ""


class Echoes(Struct, frozen=True):
    """The answers of a category's demonstrations, ready for comparing."""

    exact: frozenset[str]
    long: tuple[tuple[frozenset[str], frozenset[str], tuple[str, ...]], ...]
    """Of each long one some words of which a near copy has at least one, all its words, and these in their order."""
    keys: frozenset[str]
    """A text without one of these words is no copy of any."""

    def find(self, words: list[str], own: frozenset[str]) -> str:
        """The demonstration that an answer repeats: word for word from 6 words on, 80 % of it from 12 words on.

        Args:
            words: the answer's.
            own: the same, each once.
        """
        if len(words) < _SHORT_ECHO or self.keys.isdisjoint(own):
            return ""
        joined = " ".join(words)
        if joined in self.exact:
            return joined
        if len(words) < _LONG_ECHO:
            return ""
        for keys, theirs, sequence in self.long:
            if keys.isdisjoint(own):
                continue
            # The ratio cannot reach 0.8 where the lengths or the words differ so much; comparing in order costs more.
            if 2 * min(len(words), len(sequence)) < _NEAR * (len(words) + len(sequence)) or len(
                own & theirs
            ) < _SHARED * len(own | theirs):
                continue
            if SequenceMatcher(None, words, sequence, autojunk=False).ratio() >= _NEAR:
                return " ".join(sequence)
        return ""


@lru_cache(maxsize=64)
def compile_echoes(demonstrations: tuple[str, ...]) -> Echoes:
    """The demonstrations' answers as :class:`Echoes`."""
    split = [split_words(plain_text(text)) for text in demonstrations]
    echoes = [words for words in split if len(words) >= _SHORT_ECHO]
    long = [words for words in echoes if len(words) >= _LONG_ECHO]
    return Echoes(
        exact=frozenset(map(" ".join, echoes)),
        long=tuple((_key_words(words), frozenset(words), tuple(words)) for words in long),
        keys=frozenset().union(*map(_key_words, echoes)),
    )


def _key_words(words: list[str]) -> frozenset[str]:
    """Words that other texts hardly have, the long ones, of which any echo has one at least.

    A near copy lacks at most ``1 - _SHARED`` of the words, so one word more than that is enough; a copy word for word, as
    only texts below ``_LONG_ECHO`` are looked for, lacks none.
    """
    distinct = sorted(set(words), key=lambda word: (word in COMMON_WORDS, -len(word), word))
    lacking = 0 if len(words) < _LONG_ECHO else int(len(distinct) * (1 - _SHARED) + 0.01)
    return frozenset(distinct[: lacking + 1])
