"""Where things are said to be, against their boxes: in the frame, and of two things to each other.

Only things of which there is exactly one box are judged, and only what is plainly the other way round: an object in the middle
is on neither side, and above and below are told by boxes that do not overlap. What is near, behind or in front is not told by a
box. Left and right are the viewer's; a hand, a turn, or somebody's own left is none.
"""

import re
from typing import NamedTuple

from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import MEANINGS, is_plural, things_of
from syphus.quality.grounded.reading import DETERMINERS, FOLLOWERS, Sentence, is_head, read_sentences
from syphus.quality.pairs import Finding, View
from syphus.records import Object

PLACE_WORDS = frozenset(
    "left right above below beneath under underneath top bottom upper lower middle center centre between over".split()
)
_FRAME = r"(?:image|picture|photo|photograph|frame|scene|shot|view)"
_OF_FRAME = rf"(?:\s(?:part|portion|area|section|corner|half|end|edge))?(?:\s(?:of|in) (?:the|this) {_FRAME})?"
_SIDE = re.compile(
    rf"\b(?:on|at|in|to|near|towards?|along|occupying|from) the (?:far |upper |lower |top |bottom |extreme |very )*(?P<side>left|right)"
    rf"(?: hand)?(?: side| edge| corner| part| half| portion| area| end| section)?(?P<of>(?:'s)? (?:of|in|from|and) )?"
    rf"(?:(?:the|this) (?P<frame>{_FRAME})\b)?"
)
_LEVEL = re.compile(
    rf"\b(?:on|at|in|near|towards?) the (?P<level>top|bottom|upper|lower)(?: part| portion| half| area| section| edge| corner)? "
    rf"(?:left |right |left corner |right corner )?(?:part |corner |portion |side |half |area )?of (?:the|this) {_FRAME}\b"
)
_RELATION = re.compile(
    r"\b(?P<relation>(?:to|on) the (?P<side>left|right)(?: hand)?(?: side)? of|(?P<alone>left|right) of|(?P<level>above|below|beneath|underneath)"
    r"|between) (?P<after>.{3,60})"
)
_BODY = frozenset(
    "hand arm leg foot shoulder eye ear wrist thumb side's paw wing click turn lane hands turning turns turned knee".split()
)
_CLAUSES = re.compile(
    r",? (?:while|and|whereas|but) (?=(?:the|a|an|another|one|two|there)\b)|;|, (?=with |the |a |an )"
)
_FAR = 0.6
"""Of the frame's width: a box whose whole middle third is beyond it is not on the left."""
_GAP = 0.05
"""Of the frame: less than that is no clear order."""
_MIRROR = {"left": "right", "right": "left"}


class Place(NamedTuple):
    """One thing is said to be somewhere; ``other`` is the thing it is compared with, None for the frame."""

    thing: Object
    where: str
    other: Object | None
    words: str


def check_places(view: View) -> Finding | None:
    """Left, right, above, below and between agree with the boxes of the things that are meant, where these are clear."""
    answer = view.answer
    if answer.distinct.isdisjoint(PLACE_WORDS) or not any(one.box for one in view.scene.objects):
        return None
    if len(view.scene.assets) > 1:
        return None
    for sentence in read_sentences(answer.plain):
        if PLACE_WORDS.isdisjoint(sentence.tokens) or sentence.hedged or sentence.negated:
            continue
        for place in read_places(sentence, view.facts):
            if holds(place, view.facts) is False:
                of = f" of “{place.other.label}”" if place.other else ""
                message = f"The answer puts “{place.thing.label}” {place.where}{of}; its box is elsewhere."
                return Finding("wrong", message, place.words)
    return None


def read_places(sentence: Sentence, facts: Facts) -> list[Place]:
    """The places that a sentence gives to things of which there is one only."""
    found: list[Place] = []
    before = ""
    for part in _CLAUSES.split(sentence.text):
        # "On the left, a dog lies": the place comes before the thing.
        clause = f"{before} {part}" if before else part
        before = "" if _things_in(clause) else clause
        if not before:
            found += _read_clause(clause, facts)
    return found


def _read_clause(clause: str, facts: Facts) -> list[Place]:
    places: list[Place] = []
    relation = _RELATION.search(clause)
    if relation and not re.match(rf"(?:the|this|our) {_FRAME}\b", relation["after"]):
        thing = _only_thing(clause[: relation.start()], facts)
        other = _first_thing(relation["after"], facts)
        where = relation["side"] or relation["alone"] or relation["level"] or ""
        if thing and other and thing is not other and where:
            where = "below" if where in {"beneath", "underneath"} else where
            places.append(Place(thing, where, other, clause.strip()))
        return places
    for side in _SIDE.finditer(clause):
        rest = clause[side.end() :].split()
        if side["of"] and not side["frame"] and side["of"].strip() != "and":
            continue  # "on the left side of the bed"
        if rest and rest[0].strip(".,") in _BODY | {"of", "in"}:
            continue
        if thing := _only_thing(clause[: side.start()].strip() or clause[side.end() :], facts):
            places.append(Place(thing, side["side"], None, clause.strip()))
    for level in _LEVEL.finditer(clause):
        if thing := _only_thing(clause[: level.start()].strip() or clause[level.end() :], facts):
            where = "above" if level["level"] in {"top", "upper"} else "below"
            places.append(Place(thing, where, None, clause.strip()))
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


def _only_thing(text: str, facts: Facts) -> Object | None:
    """The one object that the text beside a place speaks of: it names one annotated thing only."""
    named = [(things, alone) for things, alone in _things_in(text) if facts.objects_of(things)]
    if len(named) != 1 or not named[0][1]:
        return None
    return _single(named[0][0], facts)


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
    """True or False where the boxes are clear, None where they are not."""
    assert place.thing.box is not None
    x1, y1, x2, y2 = place.thing.box
    asset = facts.scene.asset_of(place.thing)
    width, height = (asset.width, asset.height) if asset else (None, None)
    if place.other is None:
        if place.where in {"left", "right"}:
            return _on_side(x1, x2, width, place.where == "left")
        return _on_side(y1, y2, height, place.where == "above")
    assert place.other.box is not None
    a1, b1, a2, b2 = place.other.box
    if place.where in {"left", "right"}:
        gap = _GAP * (width or max(x2, a2))
        middle, others = (x1 + x2) / 2, (a1 + a2) / 2
        clear = abs(middle - others) > gap and not (x1 <= a1 and a2 <= x2) and not (a1 <= x1 and x2 <= a2)
        return (middle < others) == (place.where == "left") if clear else None
    gap = _GAP * (height or max(y2, b2))
    middle, others = (y1 + y2) / 2, (b1 + b2) / 2
    clear = abs(middle - others) > gap and (y2 <= b1 + gap or b2 <= y1 + gap)
    return (middle < others) == (place.where == "above") if clear else None


def _on_side(low: float, high: float, size: int | None, first: bool) -> bool | None:  # noqa: FBT001
    """Whether a stretch lies in the first half; None where it lies about the middle."""
    if size is None:
        return None
    middle = (low + high) / 2 / size
    if 1 - _FAR < middle < _FAR:
        return None
    return (middle <= 1 - _FAR) == first
