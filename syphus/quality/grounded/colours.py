"""Colours of things, against what captions, regions and attributes say.

A colour is wrong only where the same thing has another one in the annotations, there is just one such thing, and the two are no
neighbours (people call the same coat grey or silver). A colour of which nothing is known is noted, not refused.
"""

from collections.abc import Iterator

from syphus.quality.grounded.colouring import COLOURS, FAMILY, MIXED, SKIP, read_colours
from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import MEANINGS, PLAIN_WORDS, is_plural, singular_of
from syphus.quality.grounded.reading import Sentence
from syphus.quality.language import is_english
from syphus.quality.pairs import Finding, View, gravest

_NEAR = [
    "red orange", "red pink", "red brown", "orange yellow", "orange brown", "yellow tan", "yellow brown", "green teal",
    "blue teal", "blue purple", "purple pink", "purple red", "brown tan", "brown black", "tan white", "gray silver",
    "black gray", "white gray", "white silver", "blue gray", "tan orange", "tan gray", "gray brown",     "yellow green", "blue black", "silver black",
]  # fmt: skip
_NEIGHBOURS = {frozenset(FAMILY[word] for word in pair.split()) for pair in _NEAR}
_WORN = frozenset(
    """
    shirt jacket coat hat cap dress pants shorts tie shoe suit sweater vest jersey uniform helmet hair top skirt outfit jean
    hoodie glove sock boot scarf eye glass glasses uniform clothing clothes sweatshirt blouse swimsuit wetsuit
    """.split()
)
_PERSON = frozenset({"person"})
_UNCOUNTED = frozenset("light lighting paint line bar text circle square".split())
"""What there may always be more of, in another colour."""
_LESSER = frozenset({"other", "unsupported"})
_SHOWN = 30
"""Words of a sentence that a finding quotes."""


def agree(colour: str, known: set[str]) -> bool:
    """True where a colour is one of those known, or a neighbour of one; the empty one stands for many colours."""
    family = FAMILY[colour]
    return "" in known or any(FAMILY[one] == family or frozenset({FAMILY[one], family}) in _NEIGHBOURS for one in known)


def judge_colour(colour: str, nouns: list[str], facts: Facts) -> tuple[str, str]:
    """``right``, ``wrong``, ``other`` (it may be another such thing), or empty where nothing is known; and the noun."""
    held = [(noun, colours) for noun in nouns if (colours := colours_of(noun, facts.colours))]
    if not held:
        return "", ""
    if any(agree(colour, colours) for _, colours in held):
        return "right", held[-1][0]
    noun = held[-1][0]
    # Of several, all must be meant, here and there: "the bananas".
    plural = is_plural(noun) and noun in facts.colours
    return ("wrong" if plural or is_single(noun, facts) else "other"), noun


def colours_of(noun: str, known: dict[str, set[str]]) -> set[str]:
    """Its colours; where its own word has none, those of other words for the same thing."""
    own = known.get(noun, set())
    singular = singular_of(noun)
    things = MEANINGS.get(noun, frozenset())
    if len(things) != 1 or things & _PERSON or noun in PLAIN_WORDS:
        return own or known.get(singular, set())
    return own.union(*[more for word, more in known.items() if MEANINGS.get(word) == things])


def is_single(noun: str, facts: Facts) -> bool:
    """There is one such thing only: one box at most, and no plural in the captions; of clothes, one person too."""
    things = MEANINGS.get(noun, frozenset())
    if is_plural(noun) or noun in _UNCOUNTED:
        return False
    if noun in _WORN and len(facts.objects_of(_PERSON)) != 1:
        return False
    if things & _PERSON or len(facts.objects_of(things)) > 1:
        return False
    if any(singular_of(word) == noun and word != noun for word in facts.words):
        return False
    return not any(is_plural(word) and MEANINGS[word] & things for word in facts.words if word in MEANINGS)


def check_colours(view: View) -> Finding | None:
    """A thing that is annotated with a colour has that colour in the answer too."""
    answer = view.answer
    if answer.distinct.isdisjoint(COLOURS):
        return None
    facts = view.facts
    if all(_is_verbatim(answer.words, colour, facts.lower) for colour in answer.distinct & COLOURS):
        return None
    return gravest(_find_wrong(view), _LESSER) if is_english(answer) else None


def _find_wrong(view: View) -> Iterator[Finding]:
    facts = view.facts
    for sentence in facts.read(view.answer.plain):
        if COLOURS.isdisjoint(sentence.tokens) or sentence.negated:
            continue
        pairs = list(read_colours(sentence)) or _asked(sentence, view)
        for colour, nouns, at in pairs:
            # "The cat may like the red couch": the couch is red, whatever the cat likes.
            hedged = sentence.hedges(at) and "the" not in sentence.tokens[max(0, at - 2) : at]
            if colour in MIXED or hedged:
                continue
            found, noun = judge_colour(colour, nouns, facts)
            if found in {"wrong", "other"} and not _is_one_of(colour, nouns, pairs, facts):
                known = " or ".join(sorted(colours_of(noun, facts.colours) - {""}))
                message = f"The answer calls “{noun}” {colour}; it is {known}."
                yield Finding(found, message, " ".join(sentence.tokens[:_SHOWN]))
            elif not found and colour not in facts.words:
                message = f"The answer calls “{nouns[-1]}” {colour}; nothing annotated has that colour."
                yield Finding("unsupported", message, f"{colour} {nouns[-1]}")


def _is_one_of(colour: str, nouns: list[str], pairs: list[tuple[str, list[str], int]], facts: Facts) -> bool:
    """Another colour of the same thing in the sentence is right, and the annotations give no more colours than the answer.

    ``Brown with yellow details`` of what is annotated as brown.
    """
    claimed = {other for other, of, _ in pairs if of == nouns and other not in MIXED}
    right = {other for other in claimed - {colour} if judge_colour(other, nouns, facts)[0] == "right"}
    return bool(right) and len(colours_of(nouns[-1], facts.colours)) <= len(claimed)


def _is_verbatim(words: list[str], colour: str, text: str) -> bool:
    """Wherever the colour stands in the answer, it stands before the same word in the annotations."""
    return all(
        f"{colour} {words[at + 1]}" in text if at + 1 < len(words) else False
        for at, word in enumerate(words)
        if word == colour
    )


def _asked(sentence: Sentence, view: View) -> list[tuple[str, list[str], int]]:
    """What an answer without a noun means: ``What colour is the bus?`` - ``Red.``; ``Is the dog white?`` - ``It is white.``."""
    tokens = sentence.tokens
    short = len(tokens) <= 6 and not {"color", "colour"}.isdisjoint(view.question.distinct)
    if not short and tokens[:1] not in (["it"], ["yes"], ["no"]):
        return []
    question = view.question.words
    nouns = [word for word in question if word in MEANINGS and word not in SKIP]
    if not nouns and short:
        nouns = question[-1:]
    if len(nouns) != 1 and not short:
        return []
    return [(token, nouns[:1], at) for at, token in enumerate(tokens) if token in COLOURS and nouns]
