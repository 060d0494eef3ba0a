"""Colours in sentences: which thing has which."""

from collections.abc import Iterator

from syphus.quality.grounded.lexicon import MEANINGS, PHRASES, singular_of
from syphus.quality.grounded.reading import DETERMINERS, FOLLOWERS, NUMBERS, Sentence
from syphus.records import Object

_FAMILIES = (
    "red maroon crimson scarlet burgundy", "orange", "yellow gold golden blonde", "green olive lime", "blue navy",
    "teal turquoise aqua cyan", "purple violet lavender magenta", "pink", "brown chocolate", "tan beige cream khaki ivory",
    "black", "white", "gray grey", "silver",
)  # fmt: skip
FAMILY = {word: number for number, words in enumerate(_FAMILIES) for word in words.split()}
COLOURS = frozenset(FAMILY)
MIXED = frozenset("colorful colourful multicolored multi rainbow striped patterned colored plaid spotted".split())
_BE = frozenset("is are was were looks appears".split())
SKIP = frozenset("color colour colors colours main image picture photo scene shade".split())


def read_colours(sentence: Sentence) -> Iterator[tuple[str, list[str], int]]:
    """Each colour of a sentence with the nouns that it may belong to, as they are written, and its place."""
    tokens = sentence.tokens
    for at, token in enumerate(tokens):
        if token not in COLOURS and token not in MIXED:
            continue
        after = _noun_after(tokens, at)
        if after:
            yield token, after, at
        elif at and (before := _subject_before(tokens, at)):
            yield token, [before], at


def _noun_after(tokens: list[str], at: int) -> list[str]:
    """The nouns of the phrase that a colour stands in: ``black laptop computer``, ``black and white cat``."""
    nouns: list[str] = []
    for ahead in range(at + 1, min(at + 6, len(tokens))):
        word = tokens[ahead]
        if word in COLOURS or (word in {"and", ","} and not nouns and _leads_to_colour(tokens, ahead)):
            continue
        if (
            word in FOLLOWERS
            or not word[0].isalpha()
            or (word in DETERMINERS and word not in NUMBERS)
            or (nouns and word.endswith(("ing", "ed")))
        ):
            break
        nouns.append(word)
    if len(nouns) > 1 and " ".join(nouns[-2:]) in PHRASES:
        return [" ".join(nouns[-2:])]  # a red stop sign makes no other sign red
    return nouns


def _leads_to_colour(tokens: list[str], at: int) -> bool:
    return at + 1 < len(tokens) and (tokens[at + 1] in COLOURS or tokens[at + 1] == "and")


def _subject_before(tokens: list[str], at: int) -> str:
    """The noun of which a colour is said: ``the dog in the picture is black``."""
    # A question begins with its verb: "is the dog black?"
    verbs = [0] if tokens[0] in _BE else list(range(at - 1, max(at - 8, -1), -1))
    for verb in verbs:
        if tokens[verb] in _BE:
            break
        if tokens[verb] not in COLOURS and tokens[verb] not in {"and", "with", ",", "a", "mostly", "all", "both"}:
            return ""
    else:
        return ""
    for place in range(verb) if verb else range(1, at):
        word = tokens[place]
        # The first noun of the clause: the last word of its phrase, before a preposition or the verb.
        if word in MEANINGS and word not in SKIP and (tokens[place + 1] in FOLLOWERS or place + 1 == at):
            return word
    return ""


def known_colours(sentences: list[Sentence], objects: tuple[Object, ...]) -> dict[str, set[str]]:
    """Noun, as written and in the singular -> the colours that annotations give it; the empty one stands for many."""
    known: dict[str, set[str]] = {}
    for sentence in sentences:
        for colour, nouns, _ in read_colours(sentence):
            for noun in nouns:
                for form in {noun, singular_of(noun)}:
                    known.setdefault(form, set()).add("" if colour in MIXED else colour)
    for one in objects:
        for attribute in one.attributes:
            for colour in COLOURS.intersection(attribute.lower().split()):
                known.setdefault(singular_of(one.label.lower().split()[-1]), set()).add(colour)
    return known
