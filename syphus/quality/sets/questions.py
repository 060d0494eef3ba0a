# ruff: noqa: RUF001 (curly apostrophes are what is looked for)
"""What a question is, by its words: its form, its verb and what the verb is about, and signs that it takes several steps.

Rules and no parser: questions about pictures are short and of few shapes. ``tests/test_measures.py`` holds them against a
hundred real questions that were read by eye. English alone; of another language only the form "other" is said.

Self-instruct (Wang et al. 2023, section 2.4 and figure 2) takes the root verb of an instruction and its first direct noun
object out of a constituency parse. Of a request that is what is found here. A question of a picture mostly has no object of
its own ("What is the man holding?"): then the noun that the question word belongs to stands for it ("what colour"), else what
follows the verb, else the subject.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from syphus.quality.sets.question_words import (
    ADVERBS,
    ASIDES,
    AUXILIARIES,
    BOUNDARIES,
    DETERMINERS,
    DO,
    ENDINGLESS,
    ING_NOUNS,
    IRREGULAR_PLURALS,
    IRREGULAR_VERBS,
    MODALS,
    NO_NOUNS,
    NOUN_VERBS,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
    WH_WORDS,
)

Form = Literal[
    "what", "which", "how many", "how", "where", "when", "who", "why", "yes or no", "request", "choice", "other"
]  # fmt: skip
"""Forms of questions. ``choice``: one of several options that it lists; ``other``: neither asks nor requests in English."""


class Asking(NamedTuple):
    """What a question is by its words."""

    form: Form
    opening: str
    """Its first two words."""
    verb: str
    """Lemma; empty where none was found."""
    object: str
    """Lemma of the noun that the verb is about; empty where none was found."""
    steps: int
    """1, and 1 more for each sign that one thing has to be found by another."""


_SENTENCE = re.compile(r"[^.!?\n]+[?]?")
_WORD = re.compile(r"[a-z][a-z'-]*|\d+|,")
_PLAIN_WORD = re.compile(r"[a-z]+")
_FOLLOWERS = re.compile(
    r"^(?:can|could|would|will) you(?! see\b)(?: please)?|^(?:i(?:'d| would) like|i want|i need) (?:you )?to|^please"
)
_OPTIONS = re.compile(r"(?:^|\s)\(?[A-D1-4][.):]\s.+?(?:\s|\n)\(?[B-E2-5][.):]\s", re.DOTALL)
_STEPS = re.compile(
    r"\b(?:(?:to|on|at) the (?:left|right|top|bottom|side|edge|back|front) of|in front of|next to|close to|on top of|"
    r"behind|above|below|beneath|under|underneath|between|beside|among|"
    r"(?<=[a-z] )(?:who|which|that|whose) (?:is|are|was|were|has|have|can|\w+s)\b|"
    r"because|considering|based on|given that|given the|compared (?:to|with)|in comparison|(?:relation|relationship|"
    r"difference|similarit\w+) (?:of|between)|if|while|after|before|in order to|both|than|"
    r"what (?:can|could|might) (?:be inferred|we infer|you infer)|might|implications?|suggests?|affects?|influences?)\b"
)


def read_question(question: str) -> Asking:
    """What a question is by its words."""
    return _read(question if len(question) < 400 else question[:400])


@lru_cache(maxsize=1 << 16)
def _read(question: str) -> Asking:
    lowered = question.lower().replace("’", "'")
    sentence = _choose_sentence(lowered)
    words = _WORD.findall(sentence)
    opening = " ".join(lowered.split()[:2]).strip("?.!,")
    if not words:
        return Asking("other", opening, "", "", 1)
    words = _drop_asides(words) or words[-1:]
    steps = 1 + len(_STEPS.findall(sentence))
    form = _find_form(words, sentence, question)
    if form == "other":
        return Asking(form, opening, "", "", steps)
    verb, thing = _find_verb_and_object(words)
    return Asking(form, opening, verb, thing, steps)


def _choose_sentence(lowered: str) -> str:
    """The last sentence that asks; else the first, without what leads up to a request."""
    sentences = [found.strip() for found in _SENTENCE.findall(lowered) if found.strip()]
    asking = [one for one in sentences if one.endswith("?")]
    chosen = asking[-1] if asking else sentences[0] if sentences else ""
    return _FOLLOWERS.sub("", chosen).strip(" ,")


def _drop_asides(words: list[str]) -> list[str]:
    """Without what stands before the question itself: "In the picture, what ...", "And what ..."."""
    while words and (words[0] in ASIDES or words[0] in ADVERBS or words[0] == ","):
        words = words[1:]
    if words and words[0] in PREPOSITIONS and not (len(words) > 1 and words[1] in WH_WORDS):
        # A leading phrase ends at its comma, or where the question word comes.
        for at, word in enumerate(words[:12]):
            if word == "," or (at > 1 and word in WH_WORDS):
                rest = words[at + (word == ",") :]
                if rest:
                    return [one for one in rest if one != ","] if word != "," else rest
    if words and words[0] in PREPOSITIONS and len(words) > 1 and words[1] in WH_WORDS:
        words = words[1:]  # "In which city", "At what time"
    return words


_FORMS: dict[str, Form] = {
    "what": "what", "what's": "what", "whats": "what", "which": "which", "where": "where", "where's": "where",
    "when": "when", "why": "why", "who": "who", "whose": "who", "whom": "who", "who's": "who",
}  # fmt: skip


def _find_form(words: list[str], sentence: str, question: str) -> Form:
    first = words[0]
    if _OPTIONS.search(question):
        return "choice"
    if first in _FORMS:
        return _FORMS[first]
    if first == "how":
        return "how many" if words[1:2] in (["many"], ["much"]) else "how"
    if first in AUXILIARIES or first in MODALS:
        return "yes or no"
    if first in VERBS:
        return "request"
    if sentence.endswith("?") and any(word in WH_WORDS for word in words):
        return _find_form(words[next(at for at, word in enumerate(words) if word in WH_WORDS) :], sentence, "")
    return "other"


def _find_verb_and_object(words: list[str]) -> tuple[str, str]:
    start = next((at for at, word in enumerate(words) if word.partition("'")[0] in WH_WORDS), None)
    if words[0] in VERBS and words[0] not in AUXILIARIES:
        return _of_request(words)
    if start is not None and not (words[0] in AUXILIARIES or words[0] in MODALS):
        return _of_wh_question(words[start:])
    return _of_clause(words)


def _of_request(words: list[str]) -> tuple[str, str]:
    """``describe the following image``: the verb, and the head of what follows it."""
    thing, end = _noun_phrase(words, 1)
    if not thing and end < len(words) and words[end] in PREPOSITIONS:
        thing, _ = _noun_phrase(words, end + 1)
    return _verb_lemma(words[0]), thing


def _of_wh_question(words: list[str]) -> tuple[str, str]:
    """``what colour is the bus``: what the question word belongs to, and the verb of the rest."""
    word, _, ending = words[0].partition("'")
    rest = ["is", *words[1:]] if ending == "s" else words[1:]
    asked = ""
    if word in {"what", "which", "whose"} or (word == "how" and rest[:1] in (["many"], ["much"])):
        begin = 1 if word == "how" else 0
        asked, end = _noun_phrase(rest, begin, before_verb=True)
        if asked in ENDINGLESS and end < len(rest) and rest[end] == "of":
            asked, end = _noun_phrase(rest, end + 1, before_verb=True)  # "what kind of vehicle"
        elif asked and end < len(rest) and rest[end] == "of":
            _, end = _noun_phrase(rest, end + 1, before_verb=True)
        rest = rest[end:]
    elif word == "how" and rest and rest[0] not in AUXILIARIES and rest[0] not in MODALS:
        rest = rest[1:]  # "how old is"
    verb, thing = _of_clause(rest)
    return verb, asked or thing


def _of_clause(words: list[str]) -> tuple[str, str]:
    """Verb and object of a clause that begins with an auxiliary, or with its verb."""
    while words[:1] == [","]:
        words = words[1:]  # "what, then, is on the table"
    if not words:
        return "", ""
    first, rest = words[0], words[1:]
    if first not in AUXILIARIES and first not in MODALS:
        if (first in PREPOSITIONS or first in ADVERBS) and rest:
            return _of_clause(_skip_to_verb(words))
        thing, _ = _noun_phrase(words, 1)
        return _verb_lemma(first), thing
    rest = [word for word in rest if word not in {"there", "not"}] if "there" in rest[:1] else rest
    bare = first in DO or first in MODALS
    if bare and rest and rest[0] in VERBS and rest[0] not in AUXILIARIES:  # "what could make these valuable"
        thing, _ = _noun_phrase(rest, 1)
        return _verb_lemma(rest[0]), thing
    subject, end = _noun_phrase(rest, 0, before_verb=bare)
    verb_at = _find_main_verb(rest, end, first)
    if verb_at is None:
        return _verb_lemma(first), subject or _last_noun(rest)
    verb = _verb_lemma(rest[verb_at])
    thing, _ = _noun_phrase(rest, verb_at + 1)
    return verb, thing or subject


def _skip_to_verb(words: list[str]) -> list[str]:
    at = next((at for at, word in enumerate(words) if word in AUXILIARIES or word in MODALS), None)
    return words[at:] if at is not None else words[1:]


def _find_main_verb(words: list[str], start: int, auxiliary: str) -> int | None:
    """Where the main verb of a clause stands, after its subject; None where the auxiliary is the verb."""
    bare = auxiliary in DO or auxiliary in MODALS
    for at in range(start, len(words)):
        word, before = words[at], words[at - 1] if at else ""
        if at > start and (before in DETERMINERS or before in PREPOSITIONS - {"to"}):
            continue
        if bare and word in VERBS:
            return at if word not in {"be", "have"} else _after_be(words, at)
        if word in WH_WORDS or word in {"that", "who", ","}:
            return None
        if not bare and ((word.endswith("ing") and word not in ING_NOUNS) or _is_participle(word)):
            return at
        if word in AUXILIARIES and not bare:
            return None
    return None


def _after_be(words: list[str], at: int) -> int:
    """``might be doing``: the verb behind the auxiliary, else that."""
    for later in range(at + 1, min(at + 3, len(words))):
        if (words[later].endswith("ing") and words[later] not in ING_NOUNS) or _is_participle(words[later]):
            return later
    return at


def _is_participle(word: str) -> bool:
    ends = word.endswith("ed") and not word.endswith("eed") and len(word) > 4
    return ends or word == "used" or word in IRREGULAR_VERBS


def _noun_phrase(words: list[str], start: int, *, before_verb: bool = False) -> tuple[str, int]:
    """The head of the noun phrase that begins at ``start``, as a lemma, and where the phrase ends.

    Args:
        words: of the sentence.
        start: where to begin.
        before_verb: a bare verb ends the phrase ("the sign say").
    """
    head, at = "", start
    while at < len(words):
        word = words[at]
        if word in DETERMINERS or word.endswith("'s") or word in ADVERBS:
            at += 1
            continue
        if word in BOUNDARIES or word in AUXILIARIES or word in MODALS or word == ",":
            break
        if _ends_phrase(words, at, begun=bool(head), before_verb=before_verb and at > start):
            break
        if word in PRONOUNS:
            return head, at + 1
        if _PLAIN_WORD.fullmatch(word.replace("-", "")) and word not in NO_NOUNS:
            head = word
        at += 1
    return _noun_lemma(head), at


def _ends_phrase(words: list[str], at: int, *, begun: bool, before_verb: bool) -> bool:
    """Whether a word is a verb and no part of a noun phrase."""
    word, after = words[at], words[at + 1] if at + 1 < len(words) else ""
    follows = not after or after in BOUNDARIES or after in DETERMINERS
    if word.endswith("ing") and word not in ING_NOUNS:
        return begun or follows
    if _is_participle(word):
        return follows or after in ADVERBS
    return before_verb and word in VERBS and (word not in NOUN_VERBS or (begun and (follows or after in VERBS)))


def _last_noun(words: list[str]) -> str:
    for word in reversed(words):
        if word not in NO_NOUNS | BOUNDARIES | DETERMINERS and word not in PRONOUNS and _PLAIN_WORD.fullmatch(word):
            return _noun_lemma(word)
    return ""


def _noun_lemma(word: str) -> str:
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def _verb_lemma(word: str) -> str:
    if word in VERBS:
        return "be" if word in {"is", "are", "was", "were", "been", "being", "am"} else word
    if word in IRREGULAR_VERBS:
        return IRREGULAR_VERBS[word]
    for ending in ("ing", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            forms = [stem, stem + "e", stem[:-1] if stem[-1:] == stem[-2:-1] else "", stem[:-1] + "y"]
            # "painting" is of paint, "taping" of tape: what the table knows is right, else what is left.
            known = next((one for one in forms if one in VERBS), "")
            return known or (stem + "e" if stem.endswith(("at", "iz", "is", "v", "c", "ur", "u", "bl", "gl")) else stem)
    return word
