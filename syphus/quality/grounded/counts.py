"""Numbers of things, against boxes and against what captions count.

A number is confirmed where one caption, or the boxes, give it. It contradicts where there are boxes and fewer of them, or where it
is said to be the whole ("there are two", "how many?") and all that is annotated gives another one. A crowd, or "several", leaves
the number open; so do many boxes, since annotators stop at a dozen or so.
"""

from collections.abc import Iterator

from syphus.quality.grounded.counting import Count, read_counts
from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import MEANINGS, singular_of, things_of
from syphus.quality.grounded.reading import NUMBERS, Sentence, count_of
from syphus.quality.language import is_english
from syphus.quality.pairs import Finding, View, gravest
from syphus.records import Object

NUMBER_WORDS = frozenset(NUMBERS) - {"zero", "one"} | {"single", "pair", "couple", "both"}
_PART = frozenset(
    """
    other others another more additional additionally left right side foreground background front behind near nearby closer
    further farther next beside least one them while smaller larger bigger among least about around approximately over
    rest along up down almost between half most off away ones up first second third parts
    """.split()
)
_SOME = frozenset(
    """
    other others another more additional additionally left right foreground background closer further farther least one them
    while smaller larger bigger among half most off away ones first second third parts rest side
    """.split()
)
"""Words that say that some are meant, and not all."""
_TOTAL = ("there are", "there is", "a total of", "in total", "exactly", "only", "there were")
_MANY = 10
"""Boxes of a thing from which on annotators may have stopped counting."""
_PEOPLE = frozenset({"person"})
_LESSER = frozenset({"other"})
_SHOWN = 30
"""Words of a sentence that a finding quotes."""
_ALL_PEOPLE = frozenset({"person", "individual", "human"})


def judge_count(count: Count, facts: Facts, *, total: bool, whole: bool = False) -> tuple[str, str]:
    """Whether a number holds: ``right``, ``wrong``, ``other`` (than captions say, but it may be), or empty for open; and why.

    Args:
        count: what is said.
        facts: of the scene.
        total: it is said of all that are there, and not of some of them.
        whole: nothing in the sentence says that it is a part of them.
    """
    counted = facts.counted
    number, things = count.number, count.things
    stated = counted.by_noun.get(count.noun, set()) | set().union(*[counted.by_thing.get(one, ()) for one in things])
    boxed = facts.objects_of(things)
    crowd = any(one.crowd for one in boxed)
    if number in stated or (len(boxed) == number and not crowd):
        return "right", ""
    all_of_them = count.plain and _means_all(count, boxed, facts)
    if boxed and not crowd and len(boxed) in stated and (number > len(boxed) or (whole and all_of_them)):
        # Boxes and captions give the same number, and not this one.
        return "wrong", f"{len(boxed)} are annotated"
    vague = crowd or not counted.vague.isdisjoint(things) or len(boxed) >= _MANY
    if boxed and not crowd and number > len(boxed):
        sure = not vague and (facts.is_coco or len(boxed) in stated)
        return ("wrong" if sure else "other"), f"{len(boxed)} are annotated"
    own = counted.by_noun.get(count.noun, set()) if count.noun not in _ALL_PEOPLE else stated
    if vague:
        return "", ""
    if boxed and total and all_of_them and number < len(boxed):
        sure = not stated - {1} or len(boxed) in stated
        return ("wrong" if sure and len(boxed) <= 6 else "other"), f"{len(boxed)} are annotated"
    still = not boxed and not facts.scene.segments  # in a video, others come and go
    if own - {1} and number > 1 and (total or number > max(own)):
        return ("wrong" if still else "other"), f"captions count {', '.join(map(str, sorted(own - {1})))}"
    if still and own == {1} and number > 1 and counted.plural.isdisjoint(things):
        return ("other" if things & _PEOPLE else "wrong"), "captions speak of one"
    if own - {1} and number > 1:
        return "other", f"captions count {', '.join(map(str, sorted(own - {1})))}"
    return "", ""


def _means_all(count: Count, boxed: list[Object], facts: Facts) -> bool:
    """The noun is the one that is annotated: not "women" where people are boxed, nor "puppies" where dogs are."""
    if count.noun in _ALL_PEOPLE or len(facts.counted.by_noun.get(count.noun, set()) - {1}) > 0:
        return True
    return not count.things & _PEOPLE and any(one.label.lower() == count.noun for one in boxed)


def check_counts(view: View) -> Finding | None:
    """Numbers of things agree with the boxes, or with what captions count."""
    answer, question = view.answer, view.question
    asked = "many" in question.distinct and "how" in question.distinct
    digits = not answer.harmless and any(map(str.isdigit, answer.distinct))
    if answer.distinct.isdisjoint(NUMBER_WORDS) and not digits and not (asked and "one" in answer.distinct):
        return None
    facts = view.facts
    bare = asked and ("one" in answer.distinct or len(answer.words) < 5)
    if not bare and not digits and _are_verbatim(answer.words, facts.lower):
        return None
    return gravest(_find_wrong(view, asked=asked), _LESSER) if is_english(answer) else None


def _find_wrong(view: View, *, asked: bool) -> Iterator[Finding]:
    facts = view.facts
    for sentence in facts.read(view.answer.plain):
        if sentence.negated:
            continue
        counts = [one for one in read_counts(sentence) if not one.vague and (one.number > 1 or asked)]
        total = is_total(sentence)
        if asked and not counts and (alone := _asked_count(sentence, view)):
            counts, total = [alone], True
        for count in counts:
            hedged = sentence.hedges(count.place) and sentence.tokens[count.place - 1] not in {"the", "these", "all"}
            if hedged or f"{_word_of(count.number)} {count.noun}" in facts.lower:
                continue
            whole = total or (asked and _asks_for(view, count))
            found, why = judge_count(count, facts, total=whole, whole=whole or _SOME.isdisjoint(sentence.tokens))
            if found in {"wrong", "other"}:
                message = f"The answer counts {count.number} of “{count.noun}”; {why}."
                yield Finding(found, message, " ".join(sentence.tokens[:_SHOWN]))


def _are_verbatim(words: list[str], text: str) -> bool:
    """Each number stands before the same word in the annotations."""
    return all(
        f"{word} {words[at + 1]}" in text and words[at + 1] != "of" if at + 1 < len(words) else False
        for at, word in enumerate(words)
        if word in NUMBER_WORDS
    )


def is_total(sentence: Sentence) -> bool:
    """True where a number is said of all there are: ``there are two dogs in the picture``."""
    return any(words in sentence.text for words in _TOTAL) and _PART.isdisjoint(sentence.tokens)


def _word_of(number: int) -> str:
    return next((word for word, count in NUMBERS.items() if count == number), str(number))


def _asks_for(view: View, count: Count) -> bool:
    """True where the question asks how many of this noun there are, in the whole picture."""
    words = view.question.words
    if "many" not in words:
        return False
    at = words.index("many") + 1
    asked = next((word for word in words[at : at + 4] if word in MEANINGS), "")
    if singular_of(asked) != count.noun and MEANINGS.get(asked) != count.things:
        return False
    rest = words[words.index(asked) + 1 :]
    return set(rest) <= _WHOLE and words[at : at + 1] == [asked]


_WHOLE = frozenset(
    "are is there can be seen in the image picture photo scene visible you see do here this shown depicted total".split()
)


def _asked_count(sentence: Sentence, view: View) -> Count | None:
    """The number that an answer without a noun means: ``How many dogs are there?`` - ``Three.``."""
    numbers = [number for token in sentence.tokens if (number := count_of(token)) is not None]
    words = view.question.words
    if len(numbers) != 1 or len(sentence.tokens) > 4 or "many" not in words:
        return None
    at = words.index("many") + 1
    for place in range(at, min(at + 3, len(words))):
        if words[place] in MEANINGS:
            if not set(words[place + 1 :]) <= _WHOLE:
                return None
            things, begin = things_of(words, place)
            return Count(numbers[0], singular_of(words[place]), things, begin == at)
    return None
