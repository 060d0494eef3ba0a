# ruff: noqa: RUF001 (full-width signs are what is looked for)
"""Words of a text, in any script, and what repeats in them."""

import re
from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache

from msgspec import Struct

from syphus.quality.wordings import fold_text
from syphus.references.text import plain_text

# Scripts without spaces between words, and without an alphabet: each sign is a token.
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:'[^\W_]+)*"
)
_ASCII_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_SENTENCE_END = re.compile(r"[.!?。！？؟।\n]+")
_LOOP = re.compile(r"(.{1,12}?)\1{3,}", re.DOTALL)
_STRETCH = re.compile(r"(\S{1,8}?)\1{7,}")
_NEAR = 0.8
_LONG_ECHO = 12


def split_words(folded: str) -> list[str]:
    """The words of a folded text; of Chinese and Japanese text its signs."""
    return (_ASCII_TOKEN if folded.isascii() else _TOKEN).findall(folded)


def count_words(text: str) -> int:
    """Words as people count them: what stands between spaces; two signs of Chinese or Japanese are one word."""
    if text.isascii():
        return len(text.split())
    bare, signs = _SIGN.subn(" ", text)
    words = sum(1 for word in bare.split() if any(map(str.isalnum, word)))
    return words + (signs + 1) // 2


def find_loop(words: list[str]) -> str:
    """Up to 12 words that come four times or more in a row; empty where nothing does."""
    long = max(words, key=len, default="")
    if len(long) > 24 and (stretch := _STRETCH.search(long)):
        return stretch[0]
    # Two words or more that come four times in a row bring four threes again, and one word brings a three of itself:
    # ordinary sentences hardly do, and most texts end here.
    threes = list(zip(words, words[1:], words[2:], strict=False))
    again = len(threes) - len(set(threes))
    if not again or (again < 4 and not any(a == b == c for a, b, c in threes)):
        return ""
    words = words[:20_000]
    code = {word: chr(0x100 + at) for at, word in enumerate(dict.fromkeys(words))}
    coded = "".join([code[word] for word in words])
    for found in _LOOP.finditer(coded):
        part = words[found.start() : found.end()]
        # Laughter in Chinese is four signs in a row, and a plate may read 0 0 0 0.
        if len(found[1]) > 1 or len(part) >= 8 or not (_SIGN.match(part[0]) or part[0].isdigit()):
            return " ".join(part)
    return ""


def find_repeated_sentence(folded: str) -> str:
    """A sentence of three words or more that comes three times; empty where none does."""
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
    long: tuple[tuple[frozenset[str], tuple[str, ...]], ...]

    def find(self, words: list[str]) -> str:
        """The demonstration that an answer repeats: word for word from 6 words on, 80 % of it from 12 words on."""
        if len(words) < 6:
            return ""
        joined = " ".join(words)
        if joined in self.exact:
            return joined
        if len(words) < _LONG_ECHO:
            return ""
        own = frozenset(words)
        for theirs, sequence in self.long:
            shared = len(own & theirs)
            # The ratio cannot reach 0.8 where the lengths or the words differ so much; comparing in order costs more.
            if 2 * min(len(words), len(sequence)) < _NEAR * (len(words) + len(sequence)) or shared < 0.6 * len(
                own | theirs
            ):
                continue
            if SequenceMatcher(None, words, sequence, autojunk=False).ratio() >= _NEAR:
                return " ".join(sequence)
        return ""


@lru_cache(maxsize=64)
def compile_echoes(demonstrations: tuple[str, ...]) -> Echoes:
    """The demonstrations' answers as :class:`Echoes`."""
    split = [split_words(fold_text(plain_text(text))) for text in demonstrations]
    return Echoes(
        exact=frozenset(" ".join(words) for words in split if len(words) >= 6),
        long=tuple((frozenset(words), tuple(words)) for words in split if len(words) >= _LONG_ECHO),
    )
