"""Judging: a dialogue's pairs are scored by a written rubric, or two versions of one are held against each other.

Pure coroutines over ``ask``. A judge is a model, or one draw of a model. What models are known to prefer by its place (the
first of two, the first of a list) is dealt with by drawing places: the order of the criteria for each dialogue and judge, and
which of two versions is shown first; a second draw has them the other way round.

The outcome of an item is the dialogue itself with a verdict for each score: ``check`` ``judge/<rubric>``, ``code``
``<criterion>: <score>``, ``turn`` the pair, ``message`` the reason, ``evidence`` who judged.
"""

import json
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from typing import Any, Literal, cast

from msgspec import Struct, structs

from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Request
from syphus.identity import digest, draw_number
from syphus.jobs.judge_asking import (
    DRAW_TEMPERATURE,
    SEEDS_APART,
    Asking,
    Missing,
    Subject,
    SubjectItem,
    numbers_in,
    object_schema,
    pairs_of,
    text_schema,
    user_message,
)
from syphus.jobs.judge_rubric import Criterion, Rubric
from syphus.records import Dialogue, Verdict
from syphus.references.text import plain_text

FAMILY = "judge"
PAIRS_AT_A_TIME = 10
"""Pairs that one request asks about; a longer dialogue is shown whole in each of its requests."""
_REASON = 400
"""Characters."""
_TOKENS_PER_PAIR, _TOKENS_AROUND = 160, 120
Side = Literal["first", "second", "same"]


class Judge(Struct, frozen=True, kw_only=True):
    """Who judges, and by what. Made once per run."""

    rubric: Rubric
    model: str
    """As the requests call it."""
    repair_text: str
    draws: int = 1
    """How many the model has; more than one are asked for with some freedom."""
    sent_seed: int | None = None
    reasoning_effort: str | None = None
    seed: int = 0
    """Decides the orders."""
    settings: Any = None
    """What is sent besides the prompts; None: items without a basis."""

    def parameters(self, draw: int, max_tokens: int) -> Parameters:
        """The settings of one draw."""
        return Parameters(
            temperature=0.0 if self.draws == 1 else DRAW_TEMPERATURE,
            max_tokens=max_tokens,
            reasoning_effort=self.reasoning_effort,
            seed=None if self.sent_seed is None else self.sent_seed + SEEDS_APART * draw,
        )

    @property
    def version(self) -> str:
        """The fingerprint of what is asked, with the model."""
        asked = (self.rubric, self.repair_text, self.draws, self.sent_seed, self.reasoning_effort, self.seed)
        return digest((asked, self.settings))


class JudgeItem(SubjectItem, frozen=True, kw_only=True):
    """One dialogue for one judge; with ``rival``, two versions of it."""

    family = FAMILY
    judge: Judge
    number: int = 0
    """Which draw of the model."""
    rival: Dialogue | None = None
    """The older version."""

    @property
    def way(self) -> Judge:
        """Who judges, and by what."""
        return self.judge

    def rests_on(self) -> Any:
        """Also the draw of the model, and the rival."""
        return self.subject.digest, self.number, self.rival and self.rival.turns

    @property
    def category(self) -> str:
        """``judge/quality``; of two versions ``judge/quality-pairwise``."""
        return f"{FAMILY}/{self.judge.rubric.name}{'-pairwise' if self.rival else ''}"

    @property
    def id(self) -> str:
        """The dialogue's id, and who judges it by what."""
        return f"{self.subject.name}@{self.category}/{self.judge.model}/{self.number}"


def judge_job() -> Callable[[Item, Ask], Coroutine[Any, Any, Outcome]]:
    """The job of a run of judges."""

    async def job(item: Item, ask: Ask) -> Outcome:
        one = cast("JudgeItem", item)
        criteria = _criteria(one)
        if not criteria:
            return Outcome(skipped="no criterion can be judged without what is known of the scene")
        return await (_compare(one, criteria, ask) if one.rival else _score(one, criteria, ask))

    return job


def planned_requests(item: JudgeItem) -> list[Request]:
    """What an item asks, if no reply has to be asked for anew."""
    criteria = _criteria(item)
    if not criteria:
        return []
    if item.rival:
        return [_comparison(item, criteria)]
    return [_scoring(item, criteria, part) for part in _parts(item)]


def _criteria(item: JudgeItem) -> tuple[Criterion, ...]:
    """What can be judged of it, in the order in which it is asked: a turned, and in every other case mirrored, list.

    So each criterion stands at each place equally often, and a provider's prompt cache meets few different beginnings. The
    next draw of the same model has the mirrored order.
    """
    known = bool(item.subject.evidence or item.subject.pictures)
    criteria = item.judge.rubric.judged(evidence=known)
    if not criteria:
        return ()
    number = draw_number(item.judge.seed, "criteria", item.subject.dialogue.id, item.judge.model)
    start = number % len(criteria)
    turned = (*criteria[start:], *criteria[:start])
    mirrored = (number // len(criteria) + item.number) % 2
    return turned[::-1] if mirrored else turned


# -- scores


async def _score(item: JudgeItem, criteria: Sequence[Criterion], ask: Ask) -> Outcome:
    asking = Asking(ask, item.judge.repair_text)
    verdicts: list[Verdict] = []
    for part in _parts(item):
        scores: dict[int, dict[str, str]] = {}
        request = _scoring(item, criteria, part)
        everything = Missing([], f"Judge {_numbers(part)} anew.", request.schema or {})

        def take(
            value: dict[str, Any],
            part: Sequence[int] = part,
            scores: dict[int, dict[str, str]] = scores,
            everything: Missing = everything,
        ) -> Missing | None:
            return _take_scores(value, part, criteria, item.judge.rubric, scores) or (
                None if len(scores) == len(part) else everything
            )

        if not await asking.until(request, take, everything):
            continue
        verdicts += [
            _verdict(item, f"{criterion.name}: {scores[pair][criterion.name]}", scores[pair]["why"], pair)
            for pair in part
            for criterion in item.judge.rubric.criteria
            if criterion.name in scores[pair]
        ]
    return _outcome(item, verdicts, asking)


def _take_scores(
    value: dict[str, Any],
    part: Sequence[int],
    criteria: Sequence[Criterion],
    rubric: Rubric,
    scores: dict[int, dict[str, str]],
) -> Missing | None:
    """Keeps the scores of a reply; what is still missing, None where nothing is."""
    elements = value["pairs"]
    open_ = [pair for pair in part if pair not in scores]
    named = numbers_in([element["pair"] for element in elements], part[-1] + 1)
    # By their numbers, or, where those are none of the pairs asked about, by their order.
    if named is None or not set(named) <= set(open_):
        named = open_ if len(elements) == len(open_) else []
    for pair, element in zip(named, elements, strict=False):
        scores[pair] = {name: element[name] for name in ("why", *(one.name for one in criteria))}
    left = [pair for pair in part if pair not in scores]
    if not left:
        return None
    fault = f"The scores of {_numbers(left)} are missing."
    return Missing([fault], f"Give only {_numbers(left)}.", _scores_schema(_key(criteria), rubric.scores, len(left)))


def _scoring(item: JudgeItem, criteria: Sequence[Criterion], part: Sequence[int]) -> Request:
    rubric = item.judge.rubric
    form = {"pair": "1", "why": "…", **{criterion.name: "…" for criterion in criteria}}
    scores = f"{rubric.scores[0]} to {rubric.scores[-1]}"
    system = [
        rubric.preface,
        "The criteria:",
        *(criterion.text() for criterion in criteria),
        (
            f"Reply with one JSON object and nothing else. For each pair write first why, in one or two short sentences that"
            f" name the words at fault where there are any, then the scores, each from {scores}. The form is:"
        ),
        json.dumps({"pairs": [form]}, ensure_ascii=False).replace("}]}", "}, …]}"),
    ]
    asked = f"Judge {_numbers(part)}."
    text = "\n\n".join([*_shown(item.subject), "The dialogue:\n" + _dialogue(item.subject.dialogue), asked])
    return Request(
        purpose=f"{item.category}/score",
        messages=(Message("system", "\n\n".join(system)), user_message(text, item.subject)),
        constant=1,
        schema=_scores_schema(_key(criteria), rubric.scores, len(part)),
        parameters=item.judge.parameters(item.number, _TOKENS_AROUND + _TOKENS_PER_PAIR * len(part)),
        sample=item.number,
        draw=item.draw,
    )


def _key(criteria: Sequence[Criterion]) -> tuple[str, ...]:
    return tuple(criterion.name for criterion in criteria)


@lru_cache(maxsize=512)
def _scores_schema(names: tuple[str, ...], scores: tuple[int, ...], count: int) -> dict[str, Any]:
    """The same object each time, by which the engine knows it again."""
    score = {"type": "string", "enum": [str(one) for one in scores]}
    pair = object_schema({"pair": text_schema(12), "why": text_schema(_REASON), **dict.fromkeys(names, score)})
    return object_schema({"pairs": {"type": "array", "items": pair, "minItems": count, "maxItems": count}})


def _parts(item: JudgeItem) -> list[list[int]]:
    count = len(item.subject.dialogue.turns) // 2
    return [list(range(at, min(at + PAIRS_AT_A_TIME, count))) for at in range(0, count, PAIRS_AT_A_TIME)]


def _numbers(pairs: Sequence[int]) -> str:
    shown = [str(pair + 1) for pair in pairs]
    if len(shown) == 1:
        return f"pair {shown[0]}"
    runs = len(shown) == pairs[-1] - pairs[0] + 1
    return f"pairs {shown[0]} to {shown[-1]}" if runs else f"pairs {', '.join(shown)}"


# -- two versions


async def _compare(item: JudgeItem, criteria: Sequence[Criterion], ask: Ask) -> Outcome:
    asking = Asking(ask, item.judge.repair_text)
    request = _comparison(item, criteria)
    chosen: dict[str, Any] = {}

    def take(value: dict[str, Any]) -> None:
        chosen.update(value)

    verdicts: list[Verdict] = []
    if await asking.until(request, take, Missing([], "Make it anew.", request.schema or {})):
        new_first = _new_is_first(item)
        shown = "shown first" if new_first else "shown second"
        for name in ("better", *(one.name for one in item.judge.rubric.criteria if one.name in chosen)):
            winner = _winner(chosen[name], new_first=new_first)
            verdict = _verdict(item, f"{name}: {winner}", chosen["why"], None)
            verdicts.append(structs.replace(verdict, evidence=f"{verdict.evidence}, the newer one {shown}"))
    return _outcome(item, verdicts, asking)


def _winner(side: Side, *, new_first: bool) -> str:
    if side == "same":
        return side
    return "new" if (side == "first") == new_first else "old"


def _new_is_first(item: JudgeItem) -> bool:
    """Drawn for the dialogue; the next draw has it the other way round."""
    return (draw_number(item.judge.seed, "sides", item.subject.dialogue.id) + item.number) % 2 == 0


def _comparison(item: JudgeItem, criteria: Sequence[Criterion]) -> Request:
    assert item.rival is not None
    form = {"why": "…", **{criterion.name: "…" for criterion in criteria}, "better": "…"}
    system = [
        item.judge.rubric.preface,
        (
            "Here you give no scores. You see two dialogues about the same thing and say, for each criterion, which of them"
            " does better by its descriptions, and in the end which of them should be taught. Which one comes first says"
            " nothing about them."
        ),
        "The criteria:",
        *(criterion.text() for criterion in criteria),
        (
            "Reply with one JSON object and nothing else. Write first why, in a few short sentences; then for each criterion,"
            ' and as `better` for the whole, "first", "second" or "same". The form is:'
        ),
        json.dumps(form, ensure_ascii=False),
    ]
    both = [item.subject.dialogue, item.rival]
    first, second = both if _new_is_first(item) else both[::-1]
    text = "\n\n".join(
        [
            *_shown(item.subject),
            "The first dialogue:\n" + _dialogue(first),
            "The second dialogue:\n" + _dialogue(second),
            "Which does better?",
        ]
    )
    return Request(
        purpose=f"{item.category}/compare",
        messages=(Message("system", "\n\n".join(system)), user_message(text, item.subject)),
        constant=1,
        schema=_sides_schema(_key(criteria)),
        parameters=item.judge.parameters(item.number, _TOKENS_AROUND + 2 * _TOKENS_PER_PAIR),
        sample=item.number,
        draw=item.draw,
    )


@lru_cache(maxsize=64)
def _sides_schema(names: tuple[str, ...]) -> dict[str, Any]:
    side = {"type": "string", "enum": ["first", "second", "same"]}
    return object_schema({"why": text_schema(2 * _REASON), **dict.fromkeys(names, side), "better": side})


# -- what both share


def _shown(subject: Subject) -> list[str]:
    """What is known of the scene, and what the dialogue is meant for."""
    known = [f"What is known of what is seen:\n<<<\n{subject.evidence}\n>>>"] if subject.evidence else []
    return [*known, f"The ability that the dialogue is to train: {subject.dialogue.ability}."]


def _dialogue(dialogue: Dialogue) -> str:
    """As JSON lines: no text in it can be taken for ours."""
    rows = [
        {"pair": str(number), "question": plain_text(pair.question), "answer": plain_text(pair.answer)}
        for number, pair in enumerate(pairs_of(dialogue), start=1)
    ]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def _verdict(item: JudgeItem, code: str, why: str, pair: int | None) -> Verdict:
    who = f"{item.judge.model}, draw {item.number + 1}" if item.judge.draws > 1 else item.judge.model
    return Verdict(check=item.category, code=code, message=why, evidence=who, turn=pair)


def _outcome(item: JudgeItem, verdicts: Sequence[Verdict], asking: Asking) -> Outcome:
    judged = structs.replace(item.subject.dialogue, verdicts=tuple(verdicts))
    return Outcome(
        dialogues=(judged,) if verdicts else (),
        rejects=tuple(asking.rejects),
        notes=tuple(asking.notes),
        requests=tuple(asking.keys),
    )
