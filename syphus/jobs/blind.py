"""Answerable without looking: the question alone is asked, text only, and what is guessed too often is marked.

The procedure is PMC-VQA's (Zhang et al. 2023): five guesses, the options of a multiple choice shuffled for each, and a pair is
marked whose answer is guessed right three times or more. It is no longer asked as soon as that is decided.

A yes or no is guessed right half of the time by anybody, so a marked pair of that kind says little by itself; what counts is how
far a category is above chance. The outcome of an item is the dialogue with one verdict for each pair: ``check`` ``blind``,
``code`` ``guessed: <kind>`` or ``unguessed: <kind>``, ``message`` how each guess did.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, cast

from msgspec import Struct, structs

from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Request
from syphus.identity import digest, draw_order
from syphus.jobs.blind_right import Kind, chosen_option, find_options, is_right, kind_of, polarity
from syphus.jobs.judge_asking import (
    DRAW_TEMPERATURE,
    SEEDS_APART,
    Asking,
    Missing,
    SubjectItem,
    object_schema,
    pairs_of,
    text_schema,
)
from syphus.quality.pairs import Pair
from syphus.records import Dialogue, Verdict
from syphus.references.text import plain_text

FAMILY = "blind"
GUESSES, LIMIT = 5, 3
"""Guesses at each pair, and how many right ones mark it: PMC-VQA's."""
_MAX_TOKENS = 160
_SAID = "without looking: "
_SCHEMA = object_schema({"answer": text_schema(600)})
_LETTERS = "ABCDEFGH"


class Blinding(Struct, frozen=True, kw_only=True):
    """How is guessed. Made once per run."""

    system: str
    repair_text: str
    guesses: int = GUESSES
    limit: int = LIMIT
    seed: int = 0
    """Decides the orders of options."""
    sent_seed: int | None = None
    reasoning_effort: str | None = None
    settings: Any = None
    """What is sent besides the prompts; None: items without a basis."""

    @property
    def version(self) -> str:
        """The fingerprint of what is asked, with the model."""
        asked = (self.system, self.repair_text, self.guesses, self.limit, self.seed, self.sent_seed)
        return digest((asked, self.reasoning_effort, self.settings))


class BlindItem(SubjectItem, frozen=True, kw_only=True):
    """One dialogue whose questions are asked without its picture."""

    family = FAMILY
    blinding: Blinding

    @property
    def way(self) -> Blinding:
        """How is guessed."""
        return self.blinding

    def rests_on(self) -> Any:
        """The turns alone: nothing else of a dialogue is asked about."""
        return self.subject.dialogue.turns


def blind_job() -> Callable[[Item, Ask], Coroutine[Any, Any, Outcome]]:
    """The job of a run."""

    async def job(item: Item, ask: Ask) -> Outcome:
        one = cast("BlindItem", item)
        asking = Asking(ask, one.blinding.repair_text)
        verdicts = [
            await _guess(one, asking, number, pair) for number, pair in enumerate(pairs_of(one.subject.dialogue))
        ]
        marked = structs.replace(one.subject.dialogue, verdicts=tuple(verdict for verdict in verdicts if verdict))
        return Outcome(
            dialogues=(marked,) if marked.verdicts else (),
            rejects=tuple(asking.rejects),
            notes=tuple(asking.notes),
            requests=tuple(asking.keys),
        )

    return job


def planned_requests(item: BlindItem) -> list[Request]:
    """What an item asks at most, if no reply has to be asked for anew."""
    pairs = pairs_of(item.subject.dialogue)
    return [
        _request(item, _put(item, number, pair, guess)[0], guess)
        for number, pair in enumerate(pairs)
        for guess in range(item.blinding.guesses)
    ]


async def _guess(item: BlindItem, asking: Asking, number: int, pair: Pair) -> Verdict | None:
    """What guesses at one pair come to; None where there is no reply that can be used."""
    blinding = item.blinding
    marks: list[bool] = []
    evidence = ""
    for guess in range(blinding.guesses):
        question, answer = _put(item, number, pair, guess)
        said: dict[str, Any] = {}

        def take(value: dict[str, Any], said: dict[str, Any] = said) -> None:
            said.update(value)

        if not await asking.until(_request(item, question, guess), take, Missing([], "Make it anew.", _SCHEMA)):
            return None
        marks.append(is_right(question, answer, said["answer"]))
        if marks[-1] or not evidence:
            evidence = said["answer"]
        right, left = sum(marks), blinding.guesses - len(marks)
        if right >= blinding.limit or right + left < blinding.limit:
            break
    state = "guessed" if sum(marks) >= blinding.limit else "unguessed"
    told = ", ".join("right" if mark else "wrong" for mark in marks)
    kind = kind_of(pair.question, pair.answer)
    return Verdict(check=FAMILY, code=f"{state}: {kind}", message=_SAID + told, evidence=evidence[:200], turn=number)


def _put(item: BlindItem, number: int, pair: Pair, guess: int) -> tuple[str, str]:
    """The question as this guess gets it, and the answer in the same terms."""
    question, answer = plain_text(pair.question), plain_text(pair.answer)
    options = find_options(question)
    if options is None or (right := chosen_option(answer, options.options)) is None:
        return question, answer
    key = (item.blinding.seed, "options", item.subject.dialogue.id, number, guess)
    order = draw_order(range(len(options.options)), *key)
    return options.shuffled(order), f"{_LETTERS[order.index(right)]}."


def _request(item: BlindItem, question: str, guess: int) -> Request:
    blinding = item.blinding
    return Request(
        purpose=f"{item.category}/guess",
        messages=(Message("system", blinding.system), Message("user", question)),
        constant=1,
        schema=_SCHEMA,
        parameters=Parameters(
            temperature=DRAW_TEMPERATURE,
            max_tokens=_MAX_TOKENS,
            reasoning_effort=blinding.reasoning_effort,
            seed=None if blinding.sent_seed is None else blinding.sent_seed + SEEDS_APART * guess,
        ),
        sample=guess,
        draw=item.draw,
    )


# -- all of them together


class BlindReport(Struct, frozen=True, kw_only=True):
    """The pairs of one kind in one category."""

    category: str
    kind: Kind
    pairs: int
    guessed: int
    """Marked."""
    first_right: float
    """Share of first guesses that were right."""
    chance: float | None
    """What a guesser without any knowledge would reach: of options one in so many, of yes and no whatever is said more often;
    None where there is no such thing."""


def report_blind(marked: Iterable[Dialogue]) -> list[BlindReport]:
    """What the guesses came to, by category and kind."""
    groups: dict[tuple[str, Kind], Counter[str]] = defaultdict(Counter)
    for dialogue in marked:
        pairs = pairs_of(dialogue)
        for verdict in dialogue.verdicts:
            if verdict.check != FAMILY or verdict.turn is None or verdict.turn >= len(pairs):
                continue
            state, _, kind = verdict.code.partition(": ")
            count = groups[dialogue.category, cast("Kind", kind)]
            pair = pairs[verdict.turn]
            count["pairs"] += 1
            count["guessed"] += state == "guessed"
            count["first"] += verdict.message.startswith(_SAID + "right")
            count["yes"] += polarity(pair.answer) is True
            if options := find_options(plain_text(pair.question)):
                count["options"] += len(options.options)
    reports = []
    for (category, kind), count in sorted(groups.items()):
        number = count["pairs"]
        chance = None
        if kind == "yes_no":
            chance = max(count["yes"], number - count["yes"]) / number
        elif kind == "option":
            chance = number / count["options"]
        reports.append(
            BlindReport(
                category=category,
                kind=kind,
                pairs=number,
                guessed=count["guessed"],
                first_right=count["first"] / number,
                chance=chance,
            )
        )
    return reports
