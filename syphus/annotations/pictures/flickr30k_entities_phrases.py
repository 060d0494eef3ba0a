"""The sentences of Flickr30k Entities: phrases marked with the chain of mentions that they belong to.

``[/EN#283585/people Two young guys] with [/EN#283587/bodyparts shaggy hair] look at [/EN#283585/people their hands] .`` Chain 0
is for phrases that name nothing to be seen (``notvisual``). A phrase may have several types (``/EN#8/clothing/other``).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MARK = re.compile(r"\[/EN#(?P<chain>\d+)(?P<types>(?:/[\w-]*)*) (?P<phrase>[^\[\]]*)\]")
_LEFT_OVER = re.compile(r"\[/EN#\S*\s?|[\[\]]")
_DETERMINER = re.compile(r"(?:an?|the|this|that|these|those|some|his|her|their|its|my|our) (?=\S)", re.IGNORECASE)
_BEFORE = re.compile(r" +([.,;:!?%])(?=\s|$)")
_ENDINGS = re.compile(r" ('s|'re|'ve|'ll|'d|'m|n't)(?=[\s.,;:!?]|$)")
_QUOTES = re.compile(r"`` *| *''")


class Phrase(NamedTuple):
    """A marked phrase."""

    chain: str
    types: tuple[str, ...]
    text: str
    begins: bool
    """It is the beginning of its sentence, where a capital means nothing."""


def find_phrases(sentence: str) -> Iterator[Phrase]:
    """The marked phrases of a sentence, in order."""
    for found in _MARK.finditer(sentence):
        text = untokenize(" ".join(found["phrase"].split()))
        if text:
            types = tuple(part for part in found["types"].split("/") if part)
            yield Phrase(found["chain"], types, text, not sentence[: found.start()].strip())


def render(sentence: str, ids_of: Callable[[str], tuple[str, ...]]) -> tuple[str, bool]:
    """The sentence with each phrase as a reference to its chain's ids, or plain where it has none.

    Returns:
        The text, and whether it held a mark that cannot be read, of which the words stay.
    """
    parts: list[str] = []
    end = 0
    torn = False

    def add_plain(text: str) -> None:
        nonlocal torn
        rest = _LEFT_OVER.sub("", text)
        torn = torn or rest != text
        parts.append(rest)

    for found in _MARK.finditer(sentence):
        add_plain(sentence[end : found.start()])
        end = found.end()
        phrase = " ".join(found["phrase"].split())
        ids = ids_of(found["chain"])
        parts.append(f"[{phrase}]({','.join(f'#{one}' for one in ids)})" if ids and phrase else phrase)
    add_plain(sentence[end:])
    return untokenize(" ".join("".join(parts).split())), torn


def untokenize(text: str) -> str:
    """The text as people write it: no space before a comma, nor within ``dog 's``."""
    return _QUOTES.sub('"', _ENDINGS.sub(r"\1", _BEFORE.sub(r"\1", text)))


def choose_label(phrases: list[Phrase]) -> str:
    """The phrase of a chain that most annotators used, without article.

    Of several that were used alike, the one with most words that others used too ("black dress", beside "black"), and then
    the one that came first.
    """
    bare = [_strip(phrase) for phrase in phrases]
    counts = Counter(one.casefold() for one in bare)
    words = Counter(word for one in bare for word in set(one.casefold().split()))

    def rank(phrase: str) -> tuple[int, int, int]:
        own = set(phrase.split())
        shared = sum(words[word] for word in own if words[word] > 1)
        return counts[phrase], shared, len(own) if shared else 0

    best = max(counts, key=rank)
    spellings = Counter(one for one in bare if one.casefold() == best)
    return max(spellings, key=lambda one: (spellings[one], one[0].islower()))


def choose_label_of_one(phrases: list[Phrase]) -> str:
    """The label of one box where a chain has several: "one of two young guys", but "part of group of people"."""
    single = any(phrase.text.lower().startswith(("a ", "an ")) for phrase in phrases)
    return f"{'part' if single else 'one'} of {choose_label(phrases)}"


def _strip(phrase: Phrase) -> str:
    bare = _DETERMINER.sub("", phrase.text, count=1) if _DETERMINER.match(phrase.text) else phrase.text
    if phrase.begins and bare == phrase.text and bare[1:].islower():
        return bare[:1].lower() + bare[1:]
    return bare
