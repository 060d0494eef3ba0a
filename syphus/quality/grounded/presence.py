"""Yes and no, against what is annotated.

``Is there a cat?`` - ``No`` is wrong where a cat is annotated; ``Yes`` is wrong where the scene says that none is there, and not borne
out where nothing speaks of one. A yes to a question that states a number, a colour or a place states it too, and is judged as
the answer's own words would be; a no denies it. Questions that the annotations answer themselves are held against that answer.
"""

import re

from syphus.quality.grounded.colouring import COLOURS, MIXED, read_colours
from syphus.quality.grounded.colours import judge_colour
from syphus.quality.grounded.counting import read_counts
from syphus.quality.grounded.counts import NUMBER_WORDS, is_total, judge_count
from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import COCO_THINGS, MEANINGS, PLAIN_WORDS, WEAK_THINGS, things_of
from syphus.quality.grounded.places import PLACE_WORDS, holds, read_places
from syphus.quality.grounded.reading import Sentence
from syphus.quality.pairs import Finding, Side, View

_YES = frozenset({"yes", "yeah", "yep", "correct", "indeed", "certainly", "definitely"})
_NO = frozenset({"no", "nope"})
_IS_THERE = re.compile(
    r"(?:is|are) there (?:(?:a|an|any|some|one|at least one) )?(?:visible )?(?P<thing>[a-z ]{2,40}?)(?P<rest>(?:,? (?:visible|present|shown|anywhere|"
    r"here|depicted))*(?: (?:in|on|within) (?:the|this) (?:image|picture|photo|photograph|scene|frame|shot))?)\s*\?"
)
_CAN_SEE = re.compile(
    r"(?:can|do) you see (?:a|an|any|some) (?P<thing>[a-z ]{2,40}?)(?: anywhere| here)?(?: in (?:the|this) (?:image|picture|photo|scene))?\s*\?|"
    r"does (?:the|this) (?:image|picture|photo|scene) (?:show|contain|include|have|feature) (?:a|an|any|some) (?P<other>[a-z ]{2,40}?)\s*\?"
)
_NONE_THERE = re.compile(
    r"\bthere (?:is|are|was|were) (?:no|not any|not an?) (?P<said>[a-z][a-z ]{1,80})|"
    r"\bno (?P<shown>[a-z]+(?: [a-z]+)?) (?:is|are|can be) (?:visible|present|seen|shown)\b"
)
_WHOLE = re.compile(
    r"^\s*(?:visible|present|shown|to be seen|at all|here|anywhere|,|in (?:the|this) (?:image|picture|photo|photograph|scene))*\s*$"
)
_DENYING = frozenset({"there", "visible", "present", "seen", "shown"})
_WORDS = re.compile(r"[a-z]+")
_KNOWN = frozenset("the this that these those his her its their".split())


def check_presence(view: View) -> Finding | None:
    """Yes and no, and "there is no …", agree with the annotations."""
    first = view.answer.words[0] if view.answer.words else ""
    if first in _YES or first in _NO:
        return _judge_reply(view, yes=first in _YES)
    if "no" in view.answer.distinct or "not" in view.answer.distinct:
        return _judge_denial(view.answer, view.facts)
    return None


def _judge_reply(view: View, *, yes: bool) -> Finding | None:
    facts, question = view.facts, view.question.folded.replace("-", " ")
    if found := _judge_known(view, yes=yes):
        return found
    words = view.question.distinct
    asked = "there" in words and _IS_THERE.search(question)
    asked = asked or (("you" in words or "does" in words) and _CAN_SEE.search(question))
    if asked and NUMBER_WORDS.isdisjoint(words):
        return _judge_thing(asked["thing"] or asked.groupdict().get("other") or "", facts, yes=yes)
    if words.isdisjoint(NUMBER_WORDS) and words.isdisjoint(COLOURS) and words.isdisjoint(PLACE_WORDS):
        return None if yes else _judge_denial(view.answer, facts)
    for sentence in facts.read(view.question.plain):
        if sentence.negated or " or " in sentence.text or _others(sentence.text):
            continue
        for truth, what in _truths(sentence, facts, yes=yes):
            if truth is not None and truth != yes:
                said = "yes" if yes else "no"
                return Finding(
                    "wrong",
                    f"The answer is {said}, but the annotations say otherwise of “{what}”.",
                    view.question.text,
                )
    if not yes:
        return _judge_denial(view.answer, facts)
    return None


def _is_granted(sentence: Sentence, at: int) -> bool:
    """The number or colour at ``at`` is of a thing that is spoken of as known, and of which something else is asked."""
    tokens = sentence.tokens
    if _KNOWN.isdisjoint(tokens[max(0, at - 2) : at]):
        return False
    nouns = [place for place in range(at + 1, min(at + 4, len(tokens))) if tokens[place] in MEANINGS]
    return len(tokens) > (nouns[-1] if nouns else at + 1) + 1


def _others(text: str) -> bool:
    return bool(re.search(r"\b(?:other|another|else|more|all|every|only|always|might|could|would|should)\b", text))


def _truths(sentence: Sentence, facts: Facts, *, yes: bool) -> list[tuple[bool | None, str]]:
    """What a question states, with whether it holds: True, False, or None where the annotations leave it open.

    A yes states also what the question takes for granted; a no does not deny it: "is the blue boat freshly painted?".
    """
    truths: list[tuple[bool | None, str]] = []
    claims = {"right": True, "wrong": False}
    counts = [count for count in read_counts(sentence) if not count.vague and count.number > 1]
    colours = [found for found in read_colours(sentence) if found[0] not in MIXED]
    places = read_places(sentence, facts)
    if len(counts) + len(colours) + len(places) != 1:
        return []  # which of them is denied by a no?
    if not yes:
        counts = [count for count in counts if not _is_granted(sentence, count.place)]
        colours = [found for found in colours if not _is_granted(sentence, found[2])]
    for count in counts:
        total = is_total(sentence) or "are there" in sentence.text
        truths.append((claims.get(judge_count(count, facts, total=total)[0]) if count.plain else None, count.noun))
    for colour, nouns, _ in colours:
        found, noun = judge_colour(colour, nouns, facts)
        # A thing may be red among other colours: right is what one caption calls it, so a no is not sure.
        truths.append((claims.get(found), noun or nouns[-1]))
    return [*truths, *((holds(place, facts), place.things[0].label) for place in places)]


def _judge_thing(text: str, facts: Facts, *, yes: bool) -> Finding | None:
    """Whether there is such a thing, where nothing but the thing is asked for: no ``cat on the sofa``."""
    words = _WORDS.findall(text)
    if not words or words[-1] not in MEANINGS:
        return None
    things, begin = things_of(words, len(words) - 1)
    phrase = " ".join(words[begin:])
    if begin > 1 or (begin == len(words) - 1 and words[-1] in PLAIN_WORDS and len(things) > 1):
        return None
    if yes and begin == 0:
        return _judge_yes(things, phrase, facts)
    if not yes and begin == 0:
        return _judge_no(things, phrase, facts)
    return None


def _judge_yes(things: frozenset[str], phrase: str, facts: Facts) -> Finding | None:
    if phrase in facts.lower or facts.supports(things):
        return None
    if not facts.absent.isdisjoint(things):
        return Finding(
            "not_there", f"The answer says that there is “{phrase}”; it was looked for and is not there.", phrase
        )
    message = f"The answer says that there is “{phrase}”, which nothing that is known of the picture bears out."
    sure = facts.is_coco and things <= COCO_THINGS
    return Finding("not_there" if sure else "unsupported", message, phrase)


def _judge_no(things: frozenset[str], phrase: str, facts: Facts) -> Finding | None:
    there = facts.objects_of(things) if not things & WEAK_THINGS or len(things) == 1 else []
    exact = [one for one in there if len(things) == 1 or one.label.lower() == phrase]
    if exact or re.search(rf"\b(?:a|an|the|two|three) (?:\w+ )?{re.escape(phrase)}\b", facts.lower):
        return Finding("there", f"The answer says that there is no “{phrase}”; there is.", phrase)
    return None


def _judge_denial(answer: Side, facts: Facts) -> Finding | None:
    """Holds "there is no dog" against the dogs that are annotated."""
    if answer.distinct.isdisjoint(_DENYING):
        return None
    for found in _NONE_THERE.finditer(answer.folded.replace("-", " ")):
        words = (found["said"] or found["shown"]).split()
        for length in (2, 1):
            if " ".join(words[:length]) in MEANINGS and _WHOLE.match(" ".join(words[length:])):
                if finding := _judge_thing(" ".join(words[:length]), facts, yes=False):
                    return finding
                break
    return None


def _judge_known(view: View, *, yes: bool) -> Finding | None:
    """The same question, answered by the annotations: where nearly all of its answers are the other one."""
    if not view.scene.questions:
        return None
    asked = " ".join(view.question.words)
    for known in view.scene.questions:
        if " ".join(_WORDS.findall(known.question.lower())) != asked:
            continue
        votes = known.votes or (1,) * len(known.answers)
        said = {"yes": 0, "no": 0}
        for answer, count in zip(known.answers, votes, strict=True):
            word = (_WORDS.findall(answer.lower()) or [""])[0]
            if word in said:
                said[word] += count
        own, other = ("yes", "no") if yes else ("no", "yes")
        if said[other] and said[own] * 5 < said[other]:
            return Finding(
                "wrong", f"The answer is {own}; the annotations answer this question with {other}.", known.question
            )
    return None
