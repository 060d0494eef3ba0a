"""What a report shows of dialogues wherever they come from: counts, repeats, and what was found in them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, structs

from syphus.decoding import decode_json
from syphus.errors import InputError
from syphus.quality.pairs import Pair
from syphus.quality.repeats import count_words
from syphus.quality.sets.questions import read_question
from syphus.records import Dialogue, Verdict
from syphus.references.text import plain_text
from syphus.report.facts import PairFacts, Remark, Sample

_REPEATED = 30
"""Repeated questions that are listed."""


class Narrowed(NamedTuple):
    """Which part is wanted, and what is known beside."""

    limit: int
    categories: list[str] | None = None
    verdicts: Path | None = None
    """JSON Lines of ``syphus quality``."""
    scenes: Path | None = None
    """A file of scenes that the dialogues are about."""


class _Line(Struct, kw_only=True):
    """A line of verdicts; what else stands there is passed over."""

    dialogue: str = ""
    id: str = ""
    check: str = ""
    code: str = ""
    message: str = ""
    evidence: str = ""
    turn: int | None = None
    stance: str = ""
    language: str = ""


def pairs_of(dialogue: Dialogue | None) -> tuple[PairFacts, ...]:
    """What is counted of the pairs of a dialogue."""
    if dialogue is None:
        return ()
    texts = [plain_text(turn.text) for turn in dialogue.turns]
    english = dialogue.language.partition("-")[0] in ("", "en")
    pairs = []
    for question, answer in zip(texts[::2], texts[1::2], strict=True):
        asking = read_question(question) if english else None
        words = {"verb": asking.verb, "object": asking.object} if asking else {}
        pairs.append(PairFacts(question_words=count_words(question), answer_words=count_words(answer), **words))
    return tuple(pairs)


def with_duplicates(samples: list[Sample]) -> tuple[list[Sample], int | None]:
    """The samples with a remark for each pair that was there before, and how many such pairs there are.

    None, and the samples as they were, where what finds them is not installed (``syphus[quality]``).
    """
    try:
        from syphus.quality.sets.duplicates import Duplicates
    except ImportError:
        return samples, None
    duplicates, told, alike = Duplicates(), [], 0
    for sample in samples:
        found: list[Verdict] = []
        if sample.dialogues:
            texts = [turn.text for turn in sample.dialogues[0].turns]
            found = duplicates.add(
                sample.dialogues[0], [Pair(*one) for one in zip(texts[::2], texts[1::2], strict=True)]
            )
        alike += sum(one.code in ("same_pair", "near_pair") for one in found)
        more = tuple(as_remark(one) for one in found)
        told.append(structs.replace(sample, remarks=(*sample.remarks, *more)) if more else sample)
    return told, alike


def repeated_questions(samples: Iterable[Sample]) -> tuple[tuple[str, int], ...]:
    """Questions that occur more than once, whatever their case and spaces; the most frequent first, as first written."""
    written: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for sample in samples:
        for turn in sample.dialogues[0].turns[::2] if sample.dialogues else ():
            text = " ".join(plain_text(turn.text).split())
            written.setdefault(text.casefold(), text)
            counts[text.casefold()] += 1
    return tuple((written[key], count) for key, count in counts.most_common(_REPEATED) if count > 1)


def own_remarks(dialogues: list[Dialogue]) -> Iterator[Remark]:
    """What the dialogues themselves say was found in them."""
    for order, dialogue in enumerate(dialogues):
        for one in dialogue.verdicts:
            yield as_remark(one, dialogue.language if order else "")


def as_remark(verdict: Verdict, language: str = "") -> Remark:
    """A verdict as the page shows it: its code with the check's name before it, as those of rejects have.

    Args:
        verdict: what was found.
        language: of the version that it is about; empty: the first.
    """
    return Remark(
        check=verdict.check,
        code=_full_code(verdict.check, verdict.code),
        message=verdict.message,
        evidence=verdict.evidence,
        turn=verdict.turn,
        language=language,
    )


def _full_code(check: str, code: str) -> str:
    return code if not check or code == check or code.startswith(f"{check}:") else f"{check}: {code}"


def read_verdicts(file: Path | None) -> dict[str, list[Remark]]:
    """What ``syphus quality`` wrote, by the dialogue's id. Raises :class:`InputError` naming the line."""
    found: dict[str, list[Remark]] = {}
    if file is None:
        return found
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        one = decode_json(line, _Line, file=file, first_line=number)
        remark = Remark(
            check=one.check,
            code=_full_code(one.check, one.code),
            message=one.message,
            evidence=one.evidence,
            turn=one.turn,
            stance=one.stance,
            language=one.language,
        )
        found.setdefault(one.dialogue or one.id, []).append(remark)
    return found
