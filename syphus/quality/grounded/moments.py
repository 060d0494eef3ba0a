"""When things happen, against the segments.

A sentence is matched with the one segment whose words it shares. A time in the sentence must lie in that segment; two matched
parts joined by "before", "after" or "then" must come in that order.
"""

import re

from syphus.quality.pairs import Finding, View
from syphus.quality.vocabulary import stems_of
from syphus.records import Segment

_TIME = re.compile(
    r"(?<![\d:.])(?:(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d)(?:\.\d+)?(?![\d:])|(?P<number>\d{1,4}(?:\.\d+)?)[ -]?(?:s|secs?|seconds?)\b)"
)
_ORDER = re.compile(r"\b(?P<word>before|after|then|afterwards|followed by|prior to)\b")
_LEAD = re.compile(r"^\s*(?P<word>before|after)\b(?P<first>[^,]{8,160}),(?P<second>.{8,})$")
_MORE = re.compile(r", (?:and|but|so|which|while)\b|\b(?:before|after|until|because)\b")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_LEAST = 0.6
"""Of the stems of a part, so many stand in the segment that it speaks of."""
_LEAD_OF = 0.2
"""By so much the best segment's F1 of stems is above the next one's."""
_SLACK = 2.0
"""Seconds that a time may lie outside of its segment: people round."""
_TIME_WORDS = frozenset({"before", "after", "then", "afterwards", "prior", "followed"})


def check_moments(view: View) -> Finding | None:
    """Times and the order of what happens agree with the segments, where it is clear which segments are meant."""
    answer = view.answer
    if len(view.scene.assets) > 1:
        return None
    digits = not answer.harmless and any(map(str.isdigit, answer.plain))
    if not digits and answer.distinct.isdisjoint(_TIME_WORDS):
        return None
    known = view.facts.moments
    for sentence in _SENTENCES.split(answer.plain):
        found = (_check_time(sentence, known, view) if digits else None) or _check_order(sentence, known)
        if found:
            return found
    return None


def _check_time(sentence: str, known: list[tuple[Segment, frozenset[str]]], view: View) -> Finding | None:
    times = [_seconds(found) for found in _TIME.finditer(sentence)]
    if not times:
        return None
    said = sentence if len(stems_of(sentence)) > 2 else f"{view.question.plain} {sentence}"
    match = _match(_TIME.sub(" ", said), known)
    if match is None:
        return None
    start, end = match.start, match.end
    wrong = [time for time in times if not start - _SLACK <= time <= end + _SLACK]
    if len(wrong) < len(times):
        return None  # "from 3 s on": one of the times is right
    message = f"The answer gives {wrong[0]:g} s for what happens from {start:g} to {end:g} s."
    return Finding("wrong_time", message, sentence)


def _check_order(sentence: str, known: list[tuple[Segment, frozenset[str]]]) -> Finding | None:
    lower = sentence.lower()
    lead = _LEAD.match(lower)
    if lead:
        word, one, two = lead["word"], lead["second"], lead["first"]
    else:
        found = _ORDER.search(lower)
        if not found:
            return None
        word, one, two = found["word"], lower[: found.start()], lower[found.end() :]
        # A third part would be taken for one of the two.
        if _MORE.search(two.rstrip(" .")):
            return None
    first, second = (two, one) if word == "after" else (one, two)
    early, late = _match(first, known), _match(second, known)
    if early is None or late is None or early is late:
        return None
    if early.start >= late.end - 0.01:
        message = "The answer puts two things in an order that the segments turn round."
        return Finding("wrong_order", message, sentence)
    return None


def _match(text: str, known: list[tuple[Segment, frozenset[str]]]) -> Segment | None:
    """The one segment that a text speaks of; None where it speaks of none, or of several."""
    said = stems_of(text)
    if len(said) < 2:
        return None
    ranked = sorted(
        ((2 * len(said & stems) / (len(said) + len(stems)), at) for at, (_, stems) in enumerate(known)), reverse=True
    )
    best, at = ranked[0]
    segment, stems = known[at]
    shared = len(said & stems)
    if shared < 2 or shared / min(len(said), len(stems)) < _LEAST:
        return None
    if len(ranked) > 1 and ranked[1][0] > best - _LEAD_OF:
        return None
    return segment


def _seconds(found: re.Match[str]) -> float:
    if found["number"]:
        return float(found["number"])
    return int(found["minutes"]) * 60 + int(found["seconds"])
