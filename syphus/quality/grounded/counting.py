"""Numbers in sentences: what is counted, and by how much."""

from collections.abc import Iterator
from typing import NamedTuple

from syphus.quality.grounded.lexicon import MEANINGS, is_plural, singular_of, things_of
from syphus.quality.grounded.reading import FOLLOWERS, Sentence, count_of, is_head

_VAGUE = frozenset(
    """
    several many some multiple few numerous various lots group groups herd flock bunch crowd row rows couple variety
    assortment collection stack pile lot different other more rest full topped filled plenty variety array set these those
    """.split()
)
_ADJECTIVES = frozenset(
    """
    large small big little young old tall adult baby giant tiny cute different separate individual visible main of the these
    people open single whole slices
    """.split()
)
_UNITS = frozenset(
    "second seconds s sec secs minute minutes hour hours day days year years pm am o'clock feet foot inch inches percent times sided".split()
)
_TWOFOLD = frozenset(
    """
    scissors glasses sunglasses eyeglasses goggles pants jeans shorts trousers leggings skis shoes boots sneakers socks
    gloves slippers sandals headphones binoculars tongs pliers shears clippers skates heels
    """.split()
)
"""What a pair of is one of, or hardly counted."""
_PEOPLE = frozenset({"person"})


class Count(NamedTuple):
    """A number and what is counted."""

    number: int
    noun: str
    things: frozenset[str]
    plain: bool
    """No adjective between them narrows what is counted."""
    vague: bool = False
    place: int = 0
    """Index of the number among the sentence's tokens."""


def read_counts(sentence: Sentence) -> Iterator[Count]:
    """The counted things of a sentence: ``three dogs``, ``a pair of skis``, ``a single cat``."""
    tokens = sentence.tokens
    for at, token in enumerate(tokens):
        if token == "pair" and at + 2 < len(tokens) and tokens[at + 2] in _TWOFOLD:
            continue
        number = 2 if token in {"pair", "couple", "both"} else 1 if token in {"single", "a", "an"} else count_of(token)
        vague = token in _VAGUE and token != "pair"
        if (number is None and not vague) or (number == 0):
            continue
        plain = True
        for ahead in range(at + 1, min(at + 5, len(tokens))):
            word = tokens[ahead]
            if (word in FOLLOWERS and word != "of") or word in _UNITS or not word[0].isalnum():
                break
            if word in MEANINGS and is_head(tokens, ahead):
                things, begin = things_of(tokens, ahead)
                plain = all(one in _ADJECTIVES for one in tokens[at + 1 : begin])
                yield Count(number or 0, singular_of(word), things, plain, vague, at)
                break
        else:
            continue


class Counted(NamedTuple):
    """What the captions of a scene say of numbers."""

    by_noun: dict[str, set[int]]
    by_thing: dict[str, set[int]]
    vague: set[str]
    """Things of which some are counted by no number."""
    plural: set[str]
    """Things that are named in the plural."""


def count_things(sentences: list[Sentence]) -> Counted:
    """The numbers in sentences."""
    counted = Counted({}, {}, set(), set())
    for sentence in sentences:
        people = 0
        for count in read_counts(sentence):
            if count.vague:
                counted.vague.update(count.things)
                continue
            counted.by_noun.setdefault(count.noun, set()).add(count.number)
            for thing in count.things:
                counted.by_thing.setdefault(thing, set()).add(count.number)
            if count.things & _PEOPLE:
                people += count.number
                counted.by_thing.setdefault("person", set()).add(people)
        for word in sentence.tokens:
            if word in MEANINGS and is_plural(word):
                counted.plural.update(MEANINGS[word])
    return counted
