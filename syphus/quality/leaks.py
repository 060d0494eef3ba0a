"""The check for source words, ids and coordinates in a text that should speak of a picture.

A picture may hold such words itself: a sign with the word "caption" on it. So a match is no leak where the category allows
the word, or where the scene's own OCR text has it.
"""

import re
from functools import lru_cache

from syphus.quality.wordings import LEAKS, LEAKS_UNSPACED, NUMBER_LEAKS, find_wordings, fold_text
from syphus.records import Scene

_SOURCE_NOUN = re.compile(
    r"caption|annotat|coordinate|bounding|bbox|keypoint|descri|mention|sentence|information|text|metadata|passage|"
    r"timestamp|objects?|transcript|context|details|data|list|ground.truth|scene graph"
)
_DIGIT = re.compile(r"\d")
_WORD_BEFORE_DIGITS = re.compile(r"[^\W\d]+[_-]?(?=\d+$)")


def find_source_word(folded: str, *, answer: bool, allow: tuple[str, ...], scene: Scene) -> str:
    """The words of a folded text that name its source; empty where there are none, or all are allowed."""
    matches = find_wordings(folded, LEAKS, answer=answer)
    if not folded.isascii():
        matches += find_wordings(folded, LEAKS_UNSPACED, answer=answer)
    return next((found[0] for found in matches if not _is_allowed(found[0], allow, scene)), "")


def find_extra_word(folded: str, *, words: tuple[str, ...], allow: tuple[str, ...], scene: Scene) -> str:
    """As :func:`find_source_word`, for the category's own list."""
    matches = _compile_words(words).finditer(folded) if words else ()
    return next((found[0] for found in matches if not _is_allowed(found[0], allow, scene)), "")


def find_numbers(text: str, *, scene: Scene) -> str:
    """Coordinates that stand in a text as numbers; empty where there are none."""
    if not _DIGIT.search(text):
        return ""
    for pattern in NUMBER_LEAKS:
        for found in pattern.finditer(text):
            if not _is_allowed(found[0], (), scene):
                return found[0]
    return ""


def find_id(bare: str, *, known: frozenset[str], scene: Scene) -> str:
    """An object's id in a text from which the references are gone.

    Ids with letters and a digit only: "dog" is a word, and "12" a number. An id that the scene has not (``o9``) is found by
    the letters that it shares with those it has.
    """
    pattern = _compile_ids(known)
    matches = pattern.finditer(bare) if pattern else ()
    return next((found[0] for found in matches if not _is_allowed(found[0].lstrip("#"), (), scene)), "")


@lru_cache(maxsize=256)
def _compile_words(words: tuple[str, ...]) -> re.Pattern[str]:
    def bound(word: str) -> str:
        # A boundary between letters exists only in scripts that put spaces between words.
        left = r"\b" if word[:1].isascii() and word[:1].isalnum() else ""
        right = r"\b" if word[-1:].isascii() and word[-1:].isalnum() else ""
        return left + re.escape(word) + right

    return re.compile("|".join(bound(fold_text(word)) for word in words if word.strip()) or r"(?!)")


@lru_cache(maxsize=4096)
def _compile_ids(known: frozenset[str]) -> re.Pattern[str] | None:
    heads = {found[0] for name in known if (found := _WORD_BEFORE_DIGITS.match(name))}
    if not heads:
        return None
    return re.compile(r"(?<![\w.#-])#?(?:" + "|".join(map(re.escape, sorted(heads))) + r")\d+(?![\w-])")


def _is_allowed(evidence: str, allow: tuple[str, ...], scene: Scene) -> bool:
    if any(fold_text(word) in evidence for word in allow):
        return True
    if not scene.ocr:
        return False
    seen = fold_text(" ".join(line.text for line in scene.ocr))
    nouns = _SOURCE_NOUN.findall(evidence)
    return evidence.lower() in seen or (bool(nouns) and all(noun in seen for noun in nouns))
