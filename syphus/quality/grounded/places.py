"""Where things are said to be, against their boxes: in the frame, and of two things to each other.

Only what is plainly the other way round is judged, of a thing with one box, or of all the few boxes of its kind: an object in the middle
is on neither side, and above and below are told by boxes that do not overlap. What is near, behind or in front is not told by a
box. Left and right are the viewer's; a hand, a turn, or somebody's own left is none.
"""

import re
from typing import NamedTuple

from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import MEANINGS, WORDS, is_plural, things_of
from syphus.quality.grounded.reading import Sentence, is_head
from syphus.quality.pairs import Finding, Side, View
from syphus.records import Box, Object

PLACE_WORDS = frozenset("left right above below beneath underneath top bottom upper lower between".split())
"""One of them stands in whatever says where something is."""
_COMPARING = (
    "left of", "right of", "left side of", "right side of", "its left", "its right", "above", "below", "beneath", "between",
    "underneath",
)  # fmt: skip
_OTHERS = tuple(PLACE_WORDS - {"left", "right"})

_FRAME = r"(?:image|picture|photo|photograph|frame|scene|shot|view)"
_SIDE = re.compile(
    r"\b(?:on|at|in|to|near|towards?|along|occupying|from) the (?:far |upper |lower |top |bottom |extreme |very )*"
    r"(?P<side>left|right)(?: hand)?(?: side| edge| corner| part| half| portion| area| end| section)?"
    rf"(?P<of>(?:'s)? (?:of|in|from|and) )?(?:(?:the|this) (?P<frame>{_FRAME})\b)?"
)
_LEVEL = re.compile(
    r"\b(?:on|at|in|near|towards?) the (?P<level>top|bottom|upper|lower)(?: part| portion| half| area| section| edge| corner)? "
    r"(?:left |right |left corner |right corner )?(?:part |corner |portion |side |half |area )?"
    rf"of (?:the|this) {_FRAME}\b"
)
_RELATION = re.compile(
    r"\b(?:(?:to|on) the (?P<side>left|right)(?: hand)?(?: side)? of|(?P<alone>left|right) of|"
    r"(?P<level>above|below|beneath|underneath)) (?P<after>.{3,60})"
)
_TURNED = re.compile(
    r"(?:it|them|him|her|this|these|that|those|which)\b(?: (?:is|are|was|were|there|a|an|the|stands?|sits?|lies?|hangs?|you|one)\b|[,.]|$)"
)
_BETWEEN = re.compile(
    r"\bbetween (?P<one>(?:the|a|an) [a-z ]{2,30}?) and (?P<two>(?:the|a|an) [a-z ]{2,30}?)(?=[,.;!?]|$| (?:in|on|at|near)\b)"
)
_CLAUSES = re.compile(
    r",? (?:while|and|whereas|but) (?=(?:the|a|an|another|one|two|there)\b)|;|, (?=with |the |a |an )"
)
_BODY = frozenset(
    "hand hands arm leg foot shoulder eye ear wrist thumb paw wing click turn turns turning lane knee".split()
)
_BACK = 120
"""Characters of a place that is kept for the thing that comes after it."""
_ITS = re.compile(r"\bto (?:its|his|her) (?P<side>left|right)\b(?! (?:hand|arm|leg|foot|side))")
_MANY = 6
"""Objects of a kind, of more than which nothing is said."""
_FAR = 0.6
"""Of the frame's width or height: a thing whose middle is beyond it is not in the first half."""
_GAP = 0.05
"""Of the frame: less than that is no clear order."""


class Place(NamedTuple):
    """One thing is said to be somewhere."""

    things: tuple[Object, ...]
    """Those of which one is meant: all of a kind."""
    where: str
    others: tuple[Object, ...]
    """What it is compared with: nothing for the frame, two things for ``between``."""
    words: str


def check_places(view: View) -> Finding | None:
    """Left, right, above, below and between agree with the boxes of the things that are meant, where these are clear."""
    answer = view.answer
    if answer.distinct.isdisjoint(PLACE_WORDS):
        return None
    asked = view.question.words[:1] == ["where"]
    if not _may_tell(answer, answer.distinct | view.question.distinct if asked else answer.distinct, view.facts):
        return None
    sentences = view.facts.read(answer.plain)
    if asked and sentences:
        sentences = [_with_subject(sentences[0], view.question.plain), *sentences[1:]]
    for sentence in sentences:
        for place in read_places(sentence, view.facts):
            if holds(place, view.facts) is False and not sentence.negated and not _is_hedged(place, sentence):
                of = " and ".join(f"“{other.label}”" for other in place.others)
                label = place.things[0].label
                message = f"The answer puts “{label}” {place.where}{' of ' * bool(of)}{of}; its box is elsewhere."
                return Finding("wrong", message, place.words)
    return None


def _is_hedged(place: Place, sentence: Sentence) -> bool:
    said = [at for at, token in enumerate(sentence.tokens) if token in PLACE_WORDS]
    near = [at for at in said if sentence.tokens[at] == place.where] or said
    return not near or sentence.hedges(near[0])


def _with_subject(sentence: Sentence, question: str) -> Sentence:
    """``It is on the left``, or ``On the left``, as an answer to where something is, with that thing as its subject."""
    text = sentence.text.strip()
    found = _SIDE.search(text) or _LEVEL.search(text) or _RELATION.search(text)
    if not found or _things_in(text[: found.start()]):
        return sentence
    return Sentence(f"{question.lower().strip(' ?').removeprefix('where')} {text[found.start() :]}")


def _may_tell(answer: Side, words: frozenset[str], facts: Facts) -> bool:
    """Something is named whose few boxes lie in one half of the frame, or two things are compared; most texts end here."""
    boxed = facts.boxed
    near = [found for word in words & WORDS for thing in MEANINGS[word] if (found := boxed.get(thing, ()))]
    if not near:
        return False
    if any(phrase in answer.folded for phrase in _COMPARING):
        return True
    return any(len(found) <= _MANY and _is_lopsided(found, facts) for found in near)


def _is_lopsided(objects: list[Object], facts: Facts) -> bool:
    asset = facts.scene.asset_of(objects[0])
    if asset is None or asset.width is None or asset.height is None:
        return False
    for low, size in ((0, asset.width), (1, asset.height)):
        sides = {_on_side(one.box[low], one.box[low + 2], size, first=True) for one in objects if one.box}
        if len(sides) == 1 and None not in sides:
            return True
    return False


def read_places(sentence: Sentence, facts: Facts) -> list[Place]:
    """The places that a sentence gives to things of which there are few."""
    text = sentence.text.strip()
    if "left" not in text and "right" not in text and not any(word in text for word in _OTHERS):
        return []
    if not (
        _SIDE.search(text) or _LEVEL.search(text) or _RELATION.search(text) or _ITS.search(text) or "between" in text
    ):
        return []
    if found := _BETWEEN.search(text):
        # Before the clauses are cut: "between the cat and the dog" is one.
        things = _meant(text[: found.start()], facts)
        others = (_first_thing(found["one"], facts), _first_thing(found["two"], facts))
        return [Place(things, "between", (others[0], others[1]), text)] if things and others[0] and others[1] else []
    places: list[Place] = []
    before, subject = "", None
    for part in _CLAUSES.split(text):
        # "On the left, a dog lies": the place comes before the thing.
        clause = f"{before[-_BACK:]} {part}" if before else part
        before = "" if _things_in(clause) else clause
        if before:
            continue
        places += _read_clause(clause, facts)
        own = _meant(clause.split(" to its ")[0], facts)
        if (found := _ITS.search(clause)) and subject and own and subject not in own:
            places.append(Place(own, found["side"], (subject,), clause.strip()))
        if subject is None and len(own) == 1:
            subject = own[0]
    return places


def _read_clause(clause: str, facts: Facts) -> list[Place]:
    places: list[Place] = []
    relation = _RELATION.search(clause)
    if relation and _TURNED.match(relation["after"]):
        return []  # "below it is a bucket": which of the two is meant by "it" is not told
    if relation and not re.match(rf"(?:the|this|our) {_FRAME}\b", relation["after"]):
        where = relation["side"] or relation["alone"] or ("above" if relation["level"] == "above" else "below")
        things = _meant(clause[: relation.start()], facts)
        other = _first_thing(relation["after"], facts)
        return [Place(things, where, (other,), clause.strip())] if things and other and other not in things else []
    for side in _SIDE.finditer(clause):
        rest = clause[side.end() :].split()
        if side["of"] and not side["frame"] and side["of"].strip() != "and":
            continue  # "in the left of two rows"
        if rest and rest[0].strip(".,") in _BODY | {"of", "in"}:
            continue
        if things := _meant(clause[: side.start()].strip() or clause[side.end() :], facts):
            places.append(Place(things, side["side"], (), clause.strip()))
    for level in _LEVEL.finditer(clause):
        if things := _meant(clause[: level.start()].strip() or clause[level.end() :], facts):
            where = "above" if level["level"] in {"top", "upper"} else "below"
            places.append(Place(things, where, (), clause.strip()))
    return places


def _things_in(text: str) -> list[tuple[frozenset[str], bool]]:
    """The things that a stretch of text names, in order, and whether each is in the singular with no sign of others."""
    tokens = re.findall(r"[a-z0-9']+|,", text)
    found = []
    for at, word in enumerate(tokens):
        if word in MEANINGS and is_head(tokens, at):
            things, begin = things_of(tokens, at)
            before = tokens[max(0, begin - 3) : begin]
            many = is_plural(word) or not {"another", "other", "one", "second", "third", "each"}.isdisjoint(before)
            found.append((things, not many))
    return found


def _meant(text: str, facts: Facts) -> tuple[Object, ...]:
    """The objects, one of which the text beside a place speaks of: it names one annotated kind of thing only."""
    named = [(things, alone) for things, alone in _things_in(text) if facts.objects_of(things)]
    if len(named) != 1:
        return ()
    things, alone = named[0]
    objects = facts.objects_of(things)
    if len(objects) == 1:
        single = _single(things, facts) if alone else None
        return (single,) if single else ()
    clear = len(objects) <= _MANY and all(one.box and not one.crowd for one in objects)
    return tuple(objects) if clear else ()


def _first_thing(text: str, facts: Facts) -> Object | None:
    tokens = re.findall(r"[a-z0-9']+", text)
    for at, word in enumerate(tokens[:5]):
        if word in MEANINGS and is_head(tokens, at):
            things, begin = things_of(tokens, at)
            many = is_plural(word) or "other" in tokens[:begin] or "and" in tokens[at + 1 : at + 2]
            return None if many else _single(things, facts)
    return None


def _single(things: frozenset[str], facts: Facts) -> Object | None:
    """The object, where there is one of that kind, boxed, no crowd, and captions name no several."""
    objects = facts.objects_of(things)
    if len(objects) != 1 or objects[0].box is None or objects[0].crowd:
        return None
    return None if not facts.counted.plural.isdisjoint(things) else objects[0]


def holds(place: Place, facts: Facts) -> bool | None:
    """True or False where the boxes are clear, None where they are not. Of several of a kind, False where it is so of none."""
    truths = {_holds(one, place, facts) for one in place.things}
    if len(place.things) == 1:
        return truths.pop()
    return False if truths == {False} else None


def _holds(thing: Object, place: Place, facts: Facts) -> bool | None:
    x1, y1, x2, y2 = _box(thing)
    asset = facts.scene.asset_of(thing)
    width, height = (asset.width, asset.height) if asset else (None, None)
    sideways = place.where in {"left", "right"}
    if not place.others:
        return (
            _on_side(x1, x2, width, first=place.where == "left")
            if sideways
            else _on_side(y1, y2, height, first=place.where == "above")
        )
    if place.where == "between":
        return _is_between(_box(thing), *map(_box, place.others))
    a1, b1, a2, b2 = _box(place.others[0])
    if sideways:
        gap = _GAP * (width or max(x2, a2))
        middle, others = (x1 + x2) / 2, (a1 + a2) / 2
        clear = abs(middle - others) > gap and not (x1 <= a1 and a2 <= x2) and not (a1 <= x1 and x2 <= a2)
        return (middle < others) == (place.where == "left") if clear else None
    gap = _GAP * (height or max(y2, b2))
    middle, others = (y1 + y2) / 2, (b1 + b2) / 2
    clear = abs(middle - others) > gap and (y2 <= b1 + gap or b2 <= y1 + gap)
    return (middle < others) == (place.where == "above") if clear else None


def _box(thing: Object) -> Box:
    assert thing.box is not None
    return thing.box


def _is_between(own: Box, one: Box, two: Box) -> bool | None:
    """False where a box lies on the far side of both others, across and down; pictures have depth, so True is never sure."""
    beside = [
        (own[low] + own[low + 2]) / 2 < min(one[low], two[low])
        or (own[low] + own[low + 2]) / 2 > max(one[low + 2], two[low + 2])
        for low in (0, 1)
    ]
    apart = [own[low + 2] < min(one[low], two[low]) or own[low] > max(one[low + 2], two[low + 2]) for low in (0, 1)]
    return False if all(beside) or any(apart) else None


def _on_side(low: float, high: float, size: int | None, *, first: bool) -> bool | None:
    """Whether a stretch lies in the first half; None where it lies about the middle."""
    if size is None:
        return None
    middle = (low + high) / 2 / size
    if 1 - _FAR < middle < _FAR:
        return None
    return (middle <= 1 - _FAR) == first
