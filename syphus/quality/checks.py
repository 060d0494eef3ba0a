"""The basic checks of produced question/answer pairs: each a small function in a table, all of them pure.

A check that fails says what is wrong in words that fit a report and also the model that is to do it again. The thresholds
are those of published pipelines (length bounds per category, ban on naming the source, artefact phrases, references that
must exist, near copies of the demonstrations).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

from syphus.quality.form import check_json_in_text, check_no_question, check_unfinished
from syphus.quality.grounded.colours import check_colours
from syphus.quality.grounded.counts import check_counts
from syphus.quality.grounded.facts import Facts
from syphus.quality.grounded.lexicon import MEANINGS, WORDS
from syphus.quality.grounded.moments import check_moments
from syphus.quality.grounded.objects import check_objects
from syphus.quality.grounded.places import check_places
from syphus.quality.grounded.pointing import judge_reference
from syphus.quality.grounded.presence import check_presence
from syphus.quality.grounded.writing import check_writing
from syphus.quality.grounding import LEAST_SHARE, share_of_stems, shares_nothing
from syphus.quality.language import check_language
from syphus.quality.leaks import find_extra_word, find_id, find_numbers, find_source_word
from syphus.quality.named import check_asset, check_name, check_time
from syphus.quality.pairs import Check, CheckName, Finding, Pair, PairsVerdict, Rules, Side, View
from syphus.quality.repeats import LEAST_AGAIN, compile_echoes, count_words, find_repetition
from syphus.quality.stances import KEEPING, stance_of
from syphus.quality.vocabulary import all_harmless, split_words
from syphus.quality.wordings import EMPTY_WORDS, REFUSALS, REFUSALS_UNSPACED, TOKENS, find_wordings, fold_text
from syphus.records import Person, Scene, Verdict
from syphus.references.text import find_references, has_broken_reference, plain_text

EVIDENCE = 120
"""Characters of a text that a verdict quotes."""
MAX_CHARACTERS = 20_000
"""No question and no answer is longer; what is, is a model run wild, and not worth the time of the other checks."""

_SAME_ANSWER = 5
"""Words of an answer that does not come twice by chance."""
_ANY_WORD = re.compile(r"[^\W_]")
_EMPTY_NUMBERED = re.compile(r"(?:question|answer|q|a|option|object|string|text) ?#?\d{1,2}")
_LONGEST_EMPTY = max(len(text.split()) for text in (*EMPTY_WORDS, "question #2"))
"""Words."""
_ARTICLE = frozenset({"the", "a", "an"})
_YES_NO = frozenset(
    """
    are aren't can could did do does doesn't had has have is isn't may might must should was were will would
    """.split()
)
_CHOICE = re.compile(
    r"\b(?:or|oder|ou|versus|vs|which of|choose|select|options?)\b|/|\([a-d]\)|\b[a-d]\)|还是|還是|或者|或|それとも|または|아니면|또는|\bأم\b|\bأو\b"
)


def check_pairs(
    pairs: Sequence[Pair],
    rules: Rules,
    *,
    scene: Scene,
    known: frozenset[str],
    demonstrations: Sequence[str],
    hidden: tuple[Person, ...] = (),
) -> PairsVerdict:
    """Checks the pairs of one dialogue.

    Args:
        pairs: in their order.
        rules: the category's.
        scene: what they are about; words of its own OCR text are no leaks.
        known: ids that references may point at.
        demonstrations: answers of the category's demonstrations, which must not come back.
        hidden: people of the scene whose names must not be said.
    """
    told = bool(hidden), len(scene.assets) > 1, bool(scene.segments), bool(scene.objects)
    checks, few = _choose_checks(rules.off, told, bool(rules.extra_leaks), rules.references == "required")
    echoes = compile_echoes(tuple(demonstrations))
    facts = Facts(scene)
    looks = [_look_at_pair(pair) for pair in pairs]
    foreign = _is_foreign(pairs, looks, facts)
    ends = _count_ended(looks)
    earlier: dict[tuple[str, ...], int] = {}
    answered: dict[tuple[str, ...], int] = {}
    verdicts: list[Verdict] = []
    noted: list[Verdict] = []
    passed = []
    for index, (pair, look) in enumerate(zip(pairs, looks, strict=True)):
        if look is None:
            message = f"The pair has a text of more than {MAX_CHARACTERS} characters."
            evidence = _shorten(max(pair.question, pair.answer, key=len)[: EVIDENCE * 2])
            verdicts.append(Verdict(check="length", code="too_long", message=message, evidence=evidence, turn=index))
            continue
        question, answer = look
        view = View(
            question, answer, rules, scene, known, earlier, answered, echoes, facts, foreign, look, hidden, ends
        )
        clean = True
        for name, check in few if question.quiet and answer.quiet else checks:
            finding = check(view)
            if finding is None:
                continue
            evidence = _shorten(finding.evidence)
            verdict = Verdict(check=name, code=finding.code, message=finding.message, evidence=evidence, turn=index)
            if stance_of(name, finding.code, rules.stances) in KEEPING:
                noted.append(verdict)
                continue
            clean = False
            verdicts.append(verdict)
            if name == "empty":
                break  # Of nothing, the other checks have nothing to say.
        if clean:
            passed.append(index)
        earlier.setdefault(tuple(question.words), index)
        if len(answer.words) >= _SAME_ANSWER:
            answered.setdefault(tuple(answer.words), index)
    return PairsVerdict(tuple(passed), tuple(verdicts), tuple(noted))


def _count_ended(looks: Sequence[tuple[Side, Side] | None]) -> bool:
    """True where two answers of more than a few words, or more, end with a full stop, and at most one does not."""
    ended = [look[1].plain.endswith((".", "!")) for look in looks if look and len(look[1].words) >= _SAME_ANSWER]
    return sum(ended) >= max(2, len(ended) - 1)


def _look_at_pair(pair: Pair) -> tuple[Side, Side] | None:
    """Both sides; None where one is so long that it is not looked at."""
    if len(pair.question) > MAX_CHARACTERS or len(pair.answer) > MAX_CHARACTERS:
        return None
    return _look_at(pair.question, "question"), _look_at(pair.answer, "answer")


def _look_at(text: str, name: Literal["question", "answer"]) -> Side:
    plain = plain_text(text) if "](" in text else text
    words = split_words(plain)
    distinct = frozenset(words)
    # A curly apostrophe folds into a straight one, so that such a text is ASCII after all.
    harmless = (plain.isascii() or fold_text(plain).isascii()) and all_harmless(distinct)
    quiet = harmless and len(words) > _LONGEST_EMPTY and not _has_signs(text)
    return Side(text, plain, words, distinct, harmless, quiet, name)


def _has_signs(text: str) -> bool:
    """True where an ASCII text has a sign of JSON, of a reference, or of a token or placeholder."""
    return (
        '"' in text or ":" in text or "[" in text or "{" in text or "<" in text or "#" in text or "`" in text
    )  # each a search at the speed of memory; an expression is not


_Table = tuple[tuple[CheckName, Check], ...]


@lru_cache(maxsize=64)
def _choose_checks(
    off: tuple[CheckName, ...],
    told: tuple[bool, bool, bool, bool],
    extra_leaks: bool,  # noqa: FBT001
    must_refer: bool,  # noqa: FBT001
) -> tuple[_Table, _Table]:
    """The checks of any pair, and the fewer that can find anything in two quiet texts, as most pairs are.

    ``told``: whether the scene has people to hide, several assets, segments, objects.
    """
    people, several, segments, objects = told
    asked: dict[CheckName, bool] = {
        "name": people, "asset": several, "time": segments, "moments": segments, "places": objects and not several,
        # Of which of several pictures is a number or a colour said?
        "counts": not several, "colours": not several,
    }  # fmt: skip
    off = (*off, *(name for name, there in asked.items() if not there))
    silent: set[CheckName] = {"refusal", "placeholder", "json_in_text", "time", "writing"}
    if not extra_leaks:
        silent.add("leak")
    if not must_refer:
        silent.add("reference")
    checks = tuple((name, check) for name, check in CHECKS.items() if name not in off)
    return checks, tuple((name, check) for name, check in checks if name not in silent)


def _is_foreign(pairs: Sequence[Pair], looks: Sequence[tuple[Side, Side] | None], facts: Facts) -> bool:
    """True where the dialogue as a whole shares no word with its scene, and names nothing that is there."""
    stems = facts.stems
    for look in looks:
        for side in look or ():
            if side.plain is side.text and not side.stems.isdisjoint(stems):
                return False  # as nearly always: the first pair speaks of something that is annotated
    whole = " ".join(text[:MAX_CHARACTERS] for pair in pairs for text in (pair.question, pair.answer))
    return shares_nothing(whole, facts.stems) and not any(
        facts.supports(MEANINGS[word]) for look in looks for side in look or () for word in side.distinct & WORDS
    )


def _shorten(evidence: str) -> str:
    line = " ".join(evidence.split())
    return line if len(line) <= EVIDENCE else line[: EVIDENCE - 1] + "…"


def check_empty(view: View) -> Finding | None:
    """Question and answer hold at least one letter or digit."""
    for side in view.sides:
        if not (side.harmless and side.words) and not _ANY_WORD.search(side.plain):
            return Finding(f"empty_{side.name}", f"The {side.name} is empty or only punctuation.", side.text)
    return None


def check_length(view: View) -> Finding | None:
    """Words within the category's bounds; published pipelines bound answers between a phrase and about 300 words."""
    for side in view.sides:
        bounds = view.rules.answer_words if side is view.answer else view.rules.question_words
        if bounds is None:
            continue
        count = count_words(side.plain)
        if not bounds[0] <= count <= bounds[1]:
            code = "too_short" if count < bounds[0] else "too_long"
            message = f"The {side.name} has {count} words; it must have {bounds[0]} to {bounds[1]}."
            return Finding(code, message, side.text)
    return None


def check_refusal(view: View) -> Finding | None:
    """No refusal, no apology, no model that speaks of itself; what cannot be told from the picture may be said so."""
    for side in view.sides:
        if side.harmless:
            continue
        answer = side.name == "answer"
        matches = find_wordings(side.folded, REFUSALS, answer=answer)
        if not side.folded.isascii():
            matches += find_wordings(side.folded, REFUSALS_UNSPACED, answer=answer)
        found = next((found for found in matches if not _is_in_ocr(found[0], view.scene)), None)
        if found:
            message = (
                f"The {side.name} refuses, apologises or speaks of being a model. Speak as somebody who sees the picture; "
                "leave out what cannot be answered."
            )
            return Finding("refusal", message, found[0])
    return None


def check_repeats(view: View) -> Finding | None:
    """No question and no sentence of an answer twice in a dialogue, no answer that is its question, no loop inside a text."""
    question, answer = view.question, view.answer
    before = view.earlier.get(tuple(question.words))
    if before is not None:
        return Finding("same_question", f"The question was asked before, as number {before + 1}.", question.text)
    if len(answer.words) >= _SAME_ANSWER and (before := view.answered.get(tuple(answer.words))) is not None:
        return Finding("same_answer", f"The answer was given before, to question number {before + 1}.", answer.text)
    if question.words == answer.words:
        return Finding("answer_is_question", "The answer only repeats the question.", answer.text)
    for side in view.sides:
        if side.harmless and len(side.words) - len(side.distinct) < LEAST_AGAIN:
            continue
        if loop := find_repetition(side.plain, side.words, side.distinct, short=side.harmless):
            return Finding("loop", f"The {side.name} repeats the same words over and over.", loop)
    return None


def check_leak(view: View) -> Finding | None:
    """Nothing names the source (captions, boxes, coordinates, "the provided information"): the picture is all there is."""
    allow, scene = view.rules.allow, view.scene
    for side in view.sides:
        if side.harmless and not view.rules.extra_leaks:
            continue
        words = find_source_word(side.folded, answer=side.name == "answer", allow=allow, scene=scene)
        words = words or find_extra_word(side.folded, words=view.rules.extra_leaks, allow=allow, scene=scene)
        if words:
            message = (
                f"The {side.name} names its source (“{_shorten(words)}”). Speak of what is seen in the picture itself."
            )
            # Who says that words are used interchangeably has read several descriptions, or is explaining a language.
            return Finding("source_hint" if "interchangeably" in words else "source_word", message, words)
        numbers = find_numbers(side.plain, scene=scene)
        if numbers:
            message = f"The {side.name} gives coordinates. Say in words where things are."
            return Finding("coordinates", message, numbers)
        name = find_id(side.plain, known=view.known, scene=scene)
        if name:
            bare = name.lstrip("#")
            message = (
                f"The {side.name} names the id {bare} in its text; ids stand only in references: [phrase](#{bare})."
            )
            return Finding("id", message, name)
    return None


def check_placeholder(view: View) -> Finding | None:
    """No tokens of chat formats, which trainers take for their own, and no placeholder left unfilled."""
    for side in view.sides:
        if len(side.words) <= _LONGEST_EMPTY and _is_placeholder(side):
            return Finding("placeholder", f"The {side.name} is a placeholder.", side.text)
        for needle, pattern in TOKENS:
            found = pattern.search(side.plain) if needle in side.plain else None
            if found and not _is_in_ocr(found[0], view.scene):
                message = f"The {side.name} holds a token or placeholder (“{found[0].strip()}”); write plain sentences."
                return Finding("token", message, found[0])
    return None


def _is_placeholder(side: Side) -> bool:
    bare = side.folded.strip(" .")
    return (bare in EMPTY_WORDS and side.plain.strip()[:1].islower()) or bool(_EMPTY_NUMBERED.fullmatch(bare))


def check_reference(view: View) -> Finding | None:
    """References are whole, point at ids that the scene has, and are there or not as the category says."""
    rule = view.rules.references
    count = 0
    for side in view.sides:
        if "[" not in side.text and "(#" not in side.text:
            continue
        if has_broken_reference(side.text):
            return Finding("broken", "A reference is broken; its form is [phrase](#id).", side.text)
        for reference in find_references(side.text):
            written = side.text[reference.start : reference.end]
            count += 1
            if rule == "none":
                return Finding("not_wanted", "References are not wanted here; write the phrase alone.", written)
            if not reference.phrase.strip():
                return Finding("no_phrase", "A reference has no phrase; its form is [phrase](#id).", written)
            unknown = [name for name in reference.ids if name not in view.known]
            if unknown:
                return Finding(
                    "unknown_id", f"A reference points at {unknown[0]}, which the scene does not have.", written
                )
            if found := judge_reference(reference, view.facts, written):
                return found
    if rule == "required" and not count:
        return Finding(
            "missing", "The pair has no reference; mark at least one object as [phrase](#id).", view.answer.text
        )
    return None


def check_given_away(view: View) -> Finding | None:
    """The question does not hold the whole answer, but where it offers a choice or asks for yes or no."""
    question, words = view.question, view.answer.words
    if words and words[0] in _ARTICLE:
        words = words[1:]
    if len(words) >= len(question.words):
        return None
    # Two words of an alphabet; of signs four, since two are often one word.
    least = 2 if view.answer.folded.isascii() or len(words[0:1] and words[0]) > 1 else 4
    if len(words) < least or question.words[0] in _YES_NO:
        return None
    if f" {' '.join(words)} " not in f" {' '.join(question.words)} " or _CHOICE.search(question.folded):
        return None
    return Finding("given_away", "The question already holds the whole answer.", view.answer.text)


def check_echo(view: View) -> Finding | None:
    """The answer is no copy, nor nearly one, of a demonstration's answer: models repeat what they were shown."""
    found = view.echoes.find(view.answer.words, view.answer.distinct)
    if not found:
        return None
    # What is repeated and not what was said: a report counts how often each demonstration comes back.
    return Finding("echo", "The answer repeats an example; write about this picture only.", found)


def check_unrelated(view: View) -> Finding | None:
    """A longer answer, or the dialogue as a whole, shares words with what is annotated of its own scene."""
    share = share_of_stems(view.answer.stems, view.facts.stems)
    if view.foreign or (share is not None and share < LEAST_SHARE):
        return Finding("unrelated", "The answer is not about this picture.", view.answer.text)
    return None


def _is_in_ocr(evidence: str, scene: Scene) -> bool:
    return bool(scene.ocr) and fold_text(evidence).strip() in fold_text(" ".join(line.text for line in scene.ocr))


CHECKS: dict[CheckName, Check] = {
    "empty": check_empty,
    "length": check_length,
    "refusal": check_refusal,
    "repeats": check_repeats,
    "leak": check_leak,
    "placeholder": check_placeholder,
    "reference": check_reference,
    "given_away": check_given_away,
    "echo": check_echo,
    "json_in_text": check_json_in_text,
    "unrelated": check_unrelated,
    "unfinished": check_unfinished,
    "no_question": check_no_question,
    "name": check_name,
    "asset": check_asset,
    "time": check_time,
    "language": check_language,
    "objects": check_objects,
    "counts": check_counts,
    "colours": check_colours,
    "places": check_places,
    "moments": check_moments,
    "writing": check_writing,
    "presence": check_presence,
}
"""All checks by name, in the order they are made."""
assert tuple(CHECKS) == get_args(CheckName)
