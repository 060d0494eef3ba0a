"""Things that an answer says are there, and that nothing annotated speaks of.

Whoever writes from annotations has never seen the picture, so a thing that no caption names, no box holds and no kind or synonym
covers was made up (CHAIR, Rohrbach et al. 2018, counts the same for captioning models). Sure is only what is said outright, of
things that are not left out of annotations; all else is noted, and the pair is kept.
"""

from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import (
    COCO_THINGS,
    MEANINGS,
    MEMBERS,
    PLAIN_WORDS,
    WEAK_THINGS,
    WORDS,
    is_plural,
    things_of,
)
from syphus.quality.grounded.reading import Sentence, has_determiner, is_head
from syphus.quality.language import is_english
from syphus.quality.pairs import Finding, View

_PERSON = frozenset({"person"})
_BARE = 3
"""Words of an answer that is no sentence."""
_DEFINITE = 2
"""Times that a thing is spoken of as "the …", from which on it is said to be there."""
_SOFT = frozenset("table tables desk counter countertop".split())
"""What stands under other things, which are named in its place."""
_SALIENT = (
    MEMBERS["animal"]
    | MEMBERS["vehicle"]
    | frozenset(
        {
            "surfboard",
            "skateboard",
            "snowboard",
            "skis",
            "pizza",
            "toilet",
            "lighthouse",
            "windmill",
            "castle",
            "waterfall",
        }
    )
)


def check_objects(view: View) -> Finding | None:
    """The things that the answer says are there are annotated, or follow from what is."""
    facts, answer = view.facts, view.answer
    strange = [word for word in answer.distinct & WORDS if not facts.supports(MEANINGS[word])]
    if "'" in answer.plain:
        strange += [word for word in answer.distinct if word.endswith("'s") and _is_strange(word[:-2], facts)]
    if not strange or not is_english(answer):
        return None
    if len(answer.words) <= _BARE and view.question.words[:1] in (["what"], ["which"], ["who"]):
        return _judge_bare(view)
    noted: Finding | None = None
    definite = 0
    for sentence in facts.read(answer.plain):
        for at, word in enumerate(sentence.tokens):
            if word not in strange:
                continue
            finding = _judge(sentence, at, facts)
            if finding is None:
                continue
            definite += finding.code == "unsupported" and _is_definite(sentence.tokens, at)
            if definite >= _DEFINITE and _can_be_foreign(MEANINGS[word.removesuffix("'s")], facts):
                # "The sheep may be curious, … the sheep": whatever may be, it is spoken of as one that is there.
                return Finding("foreign", finding.message, finding.evidence)
            if finding.code != "unsupported":
                return finding
            noted = noted or finding
    return noted


def _judge(sentence: Sentence, at: int, facts: Facts) -> Finding | None:
    tokens = sentence.tokens
    if tokens[at].endswith("'s"):
        tokens = [*tokens[:at], tokens[at].removesuffix("'s"), *tokens[at:]]
        tokens[at + 1] = ","  # "a dog's head": there is a dog
    things, begin = things_of(tokens, at)
    if facts.supports(things) or _is_part_of_phrase(tokens, at) or not is_head(tokens, at):
        return None
    if begin == at and (tokens[at] in PLAIN_WORDS or tokens[at : at + 2] == ["bed", "of"]):
        return None  # a bed of flowers, the bed of a truck
    phrase = " ".join(tokens[begin : at + 1])
    if phrase in facts.lower:
        return None
    there = has_determiner(tokens, begin) or (sentence.shown and is_plural(tokens[at]))
    if not there or sentence.negated:
        return None
    message = f"The answer speaks of “{phrase}”, which nothing that is known of the picture bears out."
    sure = (
        tokens[at] not in _SOFT
        and not sentence.hedges(at)
        and not things & WEAK_THINGS
        and _is_certain(things, sentence, facts)
    )
    if sure and not facts.absent.isdisjoint(things):
        return Finding(
            "absent", f"The answer says that there is “{phrase}”; it was looked for and is not there.", phrase
        )
    return Finding("foreign" if sure else "unsupported", message, phrase)


def _is_strange(word: str, facts: Facts) -> bool:
    return word in WORDS and not facts.supports(MEANINGS[word])


def _judge_bare(view: View) -> Finding | None:
    """``What animal is this?`` - ``Cat.``: nothing else is said, so it is said to be there."""
    (question, *_), (answer, *_) = view.facts.read(view.question.plain), view.facts.read(view.answer.plain)
    finding = _judge(Sentence(f"there is a {answer.text}"), len(answer.tokens) + 2, view.facts)
    if (
        finding
        and finding.code == "foreign"
        and (question.hedged or not _can_be_foreign(MEANINGS[answer.tokens[-1]], view.facts))
    ):
        return Finding("unsupported", finding.message, finding.evidence)
    return finding


def _is_definite(tokens: list[str], at: int) -> bool:
    return at > 0 and (tokens[at - 1] == "the" or (at > 1 and tokens[at - 2] == "the"))


def _can_be_foreign(things: frozenset[str], facts: Facts) -> bool:
    return facts.is_coco and things <= COCO_THINGS and not things & _PERSON


def _is_part_of_phrase(tokens: list[str], at: int) -> bool:
    """It is the first word of a phrase of the tables (``baseball bat``), which is looked at by its last one."""
    return any(" ".join(tokens[at : at + length]) in MEANINGS for length in (2, 3) if at + length <= len(tokens))


def _is_certain(things: frozenset[str], sentence: Sentence, facts: Facts) -> bool:
    """Whether what is not annotated is not there: a scene described densely, and a thing that nobody leaves out."""
    if not (facts.is_dense or facts.is_coco):
        return False
    if things & _PERSON:
        # People are spoken of in general ("a person may trip"); those that are there are said to be there.
        return sentence.shown and facts.is_coco
    if facts.is_coco or facts.scene.objects:
        return True
    # Captions alone: of what is large or moves, several people would have said something.
    return not things.isdisjoint(_SALIENT)
