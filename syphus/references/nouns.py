"""Where the noun phrase begins that stands in front of a box, in texts that do not mark it.

A rule and no parser: the words before the box, back to the nearest article, possessive or number word, which belongs to the
phrase; not over punctuation, and not over a verb, a preposition or a conjunction, which do not belong to it. ``of`` is
passed over (``a group of people``). English; of other languages, the last words, or the last run of Han and kana.
"""

import re

_WORDS = 10
"""Words that a phrase has, at most."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,12}$")
"""Scripts that have no spaces between words, and Korean's, whose particles are written on."""

_FIRST = frozenset(
    "a an the this that these those my your his her its our their one two three four five six seven eight nine ten "
    "another each every some any several many both all no".split()
)
_BEFORE = frozenset(
    "is are was were be been being has have had do does did can could will would may might must should "
    "in on at to from by with without near behind under over above below between beside beneath inside outside into onto "
    "across along against around through toward towards for as than like about before after during upon off "
    "and or but so if when while because where which who whom whose what how why there here it he she they we i you "
    "not also then only just see sees seen saw look looks shows show showing find located located "
    "holding wearing riding sitting standing carrying using playing eating watching looking walking lying leaning holds "
    "wears rides sits stands carries uses plays eats watches walks lies leans contains includes".split()
)


def find_noun_phrase(text: str) -> int:
    """The offset at which the noun phrase at the end of ``text`` begins; the length of the text where there is none."""
    end = len(text.rstrip())
    dense = _DENSE.search(text, max(0, end - 12), end)
    if dense:
        return dense.start()
    start = len(text)
    position = end
    for count, word in enumerate(_walk_back(text, end)):
        if count >= _WORDS or text[word.end() : position].strip():
            break
        lower = word[0].lower()
        if lower in _FIRST:
            return word.start()
        if lower in _BEFORE:
            break
        position = word.start()
        if lower != "of":
            start = position
    return start


def _walk_back(text: str, end: int) -> list[re.Match[str]]:
    """The last words of the text, the last one first."""
    return list(_WORD.finditer(text, max(0, end - 200), end))[::-1]
