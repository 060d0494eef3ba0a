"""Whether a guess that was made without looking is right. Pure: no model judges it.

What kind of answer it is decides how: the letter of a multiple choice, yes or no, a number, else the words that the answer
adds to its question (all of the few, or ROUGE-L for more).
"""

# ruff: noqa: RUF001 (full-width signs are what is looked for)

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from syphus.quality.novelty import rouge_l
from syphus.quality.vocabulary import split_words
from syphus.references.text import plain_text

Kind = Literal["option", "yes_no", "number", "few_words", "text"]
"""How an answer is compared."""

FEW = 4
"""Words that an answer adds to its question, up to which a guess must have all of them."""
LEAST_ROUGE = 0.5
"""ROUGE-L of a longer answer and its guess from which the guess counts as right: half of both, in the same order. Two
people's captions of one picture reach it in 17 % of cases, captions of two pictures in 0.4 % (COCO captions_val2017, 20,000 each)."""

_LETTERS = "ABCDEFGH"
_OPTION = re.compile(r"(?:(?<=\s)|(?<=^))[(（]?([A-H])[)）.:：、]\s*(?=\S)")
_CHOSEN = re.compile(
    r"^\W*(?:(?:the )?(?:correct |right )?(?:answer|option|choice)(?: is)?\W*)?[(（]?([A-H])(?:[)）.:：,、\s]|$)",
    re.IGNORECASE,
)
_ALONE = re.compile(r"(?<![\w'])(?:(?<=[(（])A(?=[)）])|[B-H])(?![\w'])")
_YES = frozenset("yes yeah yep ja oui si sí はい ええ 是 是的 有 对 對 네 예 نعم أجل sim да".split())
_NO = frozenset("no nope nein non いいえ いや 否 不 不是 没有 沒有 不对 아니요 아니오 아뇨 لا كلا não нет".split())
_HOW_MANY = re.compile(
    r"\b(?:how (?:many|much|old|tall|long)|what (?:number|time|year)|number of|count|wie ?viele?|combien|cuánt[oa]s?|quantos)\b"
    r"|几|幾|多少|いくつ|何[人個台匹本枚頭羽]|몇|\bكم\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_WORDS_FOR = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen twenty".split()
    )
} | {"none": 0, "single": 1, "pair": 2, "couple": 2, "both": 2, "dozen": 12}
_SMALL = frozenset(
    """
    a an the this that these those there here it its is are was were be been being am do does did has have had of in on at to
    by for from with and or as but so than then which who whom whose what when where why how he she they them his her their
    you your i we our us me my one can could will would may might appears appear seems seem looks look likely probably
    picture image photo photograph video scene visible seen shown depicts shows
    """.split()
)


class Options(Struct, frozen=True, kw_only=True):
    """A question with a multiple choice, taken apart."""

    stem: str
    options: tuple[str, ...]
    tail: str
    """What stands behind the last one."""

    def shuffled(self, order: Sequence[int]) -> str:
        """The question with its options in another order, under the same letters: ``order`` says which comes where."""
        listed = "\n".join(f"{_LETTERS[at]}. {self.options[number]}" for at, number in enumerate(order))
        return "\n".join(part for part in (self.stem, listed, self.tail) if part)


def find_options(question: str) -> Options | None:
    """The options of a multiple choice; None where there are none that are sure: A, B and so on, without a gap."""
    found = list(_OPTION.finditer(question))
    start = next((number for number, one in enumerate(found) if one[1] == "A"), len(found))
    found = found[start : start + len(_LETTERS)]
    if len(found) < 2 or [one[1] for one in found] != list(_LETTERS[: len(found)]):
        return None
    ends = [one.start() for one in found[1:]] + [len(question)]
    texts = [question[one.end() : end].strip() for one, end in zip(found, ends, strict=True)]
    texts[-1], _, tail = texts[-1].partition("\n")
    options = tuple(text.rstrip(" ,;；，").strip() for text in texts)
    before = question[: found[0].start()].rstrip(" \t")
    # "Mr. A. Smith" is no option A: a question, a colon or a line end stands before the first.
    if not all(options) or not before.endswith(("?", "？", ":", "：", "\n")):
        return None
    return Options(stem=question[: found[0].start()].strip(), options=options, tail=tail.strip())


def chosen_option(text: str, options: Sequence[str]) -> int | None:
    """Which option an answer takes, by its letter or its words; None where that cannot be told."""
    said = plain_text(text).strip()
    words = split_words(said)
    same = [number for number, option in enumerate(options) if split_words(option) == words]
    if len(same) == 1:
        return same[0]
    if (letter := _CHOSEN.match(said)) and (number := _LETTERS.index(letter[1].upper())) < len(options):
        # "A dog" is no option A, unless the letter stands by itself.
        by_itself = len(said.strip("()（）. ")) == 1 or letter[0].rstrip()[-1:] in ")）.:：、,"
        if by_itself or (letter[1].isupper() and letter[1] != "A"):
            return number
    alone = {letter for letter in _ALONE.findall(said) if _LETTERS.index(letter) < len(options)}
    if len(alone) == 1:
        return _LETTERS.index(alone.pop())
    held = [number for number, option in enumerate(options) if _holds(words, split_words(option))]
    return held[0] if len(held) == 1 else None


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    return bool(part) and any(
        list(words[at : at + len(part)]) == list(part) for at in range(len(words) - len(part) + 1)
    )


def kind_of(question: str, answer: str) -> Kind:
    """How guesses at this answer are compared with it."""
    if (options := find_options(question)) and chosen_option(answer, options.options) is not None:
        return "option"
    if polarity(answer) is not None:
        return "yes_no"
    added = added_words(question, answer)
    if _HOW_MANY.search(question) and first_number(answer) is not None:
        return "number"
    return "few_words" if 0 < len(added) <= FEW else "text"


def is_right(question: str, answer: str, guess: str) -> bool:
    """Whether a guess says what the answer says.

    Args:
        question: as it was put to the one who guessed.
        answer: the dataset's, in the same terms (of a shuffled multiple choice, with the shuffled letter).
        guess: the model's.
    """
    kind = kind_of(question, answer)
    if kind == "option":
        options = find_options(question)
        assert options is not None
        return chosen_option(guess, options.options) == chosen_option(answer, options.options)
    if kind == "yes_no":
        return polarity(guess) == polarity(answer)
    if kind == "number":
        return first_number(guess) == first_number(answer)
    if kind == "few_words":
        return added_words(question, answer) <= set(map(_stem, split_words(plain_text(guess))))
    return rouge_l(plain_text(answer), plain_text(guess)) >= LEAST_ROUGE


def polarity(answer: str) -> bool | None:
    """Whether an answer begins with a yes or a no, in one of the languages that are known here; None: with neither."""
    said = plain_text(answer).strip().lower()
    words = re.split(r"[\s,.!?;:，。！？、،]+", said, maxsplit=1)
    if words[0] in _YES:
        return True
    return False if words[0] in _NO else None


def first_number(text: str) -> float | None:
    """The first number of a text, in digits or an English word."""
    for word in re.findall(r"\d+(?:[.,]\d+)*|[^\W\d_]+", plain_text(text).lower()):
        if found := _NUMBER.match(word):
            return float(found[0].replace(",", "."))
        if word in _WORDS_FOR:
            return float(_WORDS_FOR[word])
    return None


def added_words(question: str, answer: str) -> frozenset[str]:
    """The words of an answer that its question does not have, without those that carry nothing."""
    asked = set(map(_stem, split_words(plain_text(question))))
    return frozenset(
        stem for word in split_words(plain_text(answer)) if word not in _SMALL and (stem := _stem(word)) not in asked
    )


def _stem(word: str) -> str:
    """The word without what its plural adds: "buses" and "bus", "cases" and "case" meet."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word
