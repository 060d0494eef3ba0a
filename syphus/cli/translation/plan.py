"""What a translation will ask and cost: counted before anything is sent, with what the ledger holds left out.

The arithmetic is that of ``syphus plan`` (:mod:`syphus.money.estimate`). How long replies are is taken from the ledger's
replies where there are some; else from the source itself, whose translation has about as many tokens as the language needs
for such a text.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

from syphus.categories.category import Category
from syphus.cli import view
from syphus.cli.runs.planning import Drawn, Planner, make_planner
from syphus.cli.runs.sending import sent_name
from syphus.cli.runs.workload import tell_of_batch_price
from syphus.config import Config
from syphus.exchange import Message, Reply, Request
from syphus.jobs.translate import TranslateItem, planned_requests, translate_job
from syphus.jobs.translation_asking import REPAIRS
from syphus.jobs.translation_memory import Memory
from syphus.jobs.translation_prompts import Segment
from syphus.ledger.reader import LedgerReader
from syphus.money.estimate import Cached, Counted, Group, Past, Totals, extrapolate, prospect
from syphus.money.prices import Prices

SAMPLE = 1000
"""Dialogues of a language that are counted, drawn by the run's seed; the rest is reckoned from them."""
_TOKENS_OF_A_TURN = 14
"""Of the JSON around a translation."""
_TYPICAL_FAULT = "- Turn 2: The marker ⟦1⟧ is missing; each marker of the text stands in its translation once."
_MOST_TOKENS = 100_000


class LanguagePlan(Struct, kw_only=True):
    """What one language comes to, or all of them."""

    dialogues: int = 0
    done: int = 0
    """Nothing has to be sent for them."""
    counted: int = 0
    memory: int = 0
    """Requests of its memory that are still to be sent."""
    totals: Totals = Totals()
    sampling_error: float = 0.0
    out_from: str = ""


class TranslationPlan(Struct, kw_only=True):
    """A whole plan."""

    languages: dict[str, LanguagePlan] = field(default_factory=dict)
    total: LanguagePlan = field(default_factory=LanguagePlan)
    prices: Prices
    batch: bool = False
    counted_by: str = ""


class _MissingError(Exception):
    """A request has no reply in the ledger."""


class _Drawn(Drawn[TranslateItem]):
    """The items of a language, and how many are done."""

    def __init__(self) -> None:
        super().__init__(SAMPLE)
        self.done = 0


def plan_translation(
    items: Iterable[TranslateItem],
    memory: Memory,
    config: Config,
    categories: list[Category],
    ledger: LedgerReader | None,
    *,
    batch: bool = False,
) -> TranslationPlan:
    """What these items will ask and cost; nothing is sent.

    Args:
        items: taken one by one; those that stand in the ledger as they would be made now are not looked into.
        memory: of the source.
        config: the model.
        categories: the languages.
        ledger: of the run, where there is one.
        batch: at the prices of the Batch API.
    """
    planner = make_planner(config, categories, ledger, batch=batch)
    plan = TranslationPlan(prices=planner.prices, batch=batch, counted_by=planner.counter.source)
    drawn: dict[str, _Drawn] = {category.name: _Drawn() for category in categories}
    for item in items:
        done = ledger.find_done(item.id) if ledger is not None and item.basis else None
        if done is not None and done.basis == item.basis and done.state != "failed":
            drawn[item.category].done += 1
        else:
            drawn[item.category].add(item, planner.seed)
    for name, group in drawn.items():
        one = plan.languages[name] = _plan_language(name, group, memory, planner)
        plan.total.dialogues += one.dialogues
        plan.total.done += one.done
        plan.total.counted += one.counted
        plan.total.memory += one.memory
        plan.total.totals = plan.total.totals.plus(one.totals)
    return plan


def _plan_language(name: str, drawn: _Drawn, memory: Memory, planner: Planner) -> LanguagePlan:
    plan = LanguagePlan(dialogues=drawn.size + drawn.done, done=drawn.done)
    items = drawn.items
    past = Past()
    counted: list[list[Counted]] = []
    lengths: list[int] = []
    sample: Request | None = None
    for item in items:
        requests = [] if _is_there(item, planner, past) else list(planned_requests(item))
        plan.counted += 1
        counted.append([_count(request, planner) for request in requests])
        lengths += [_reply_length(request, item, planner) for request in requests]
        sample = sample or next(iter(requests), None)
    groups = [Group(drawn.size, counted)] if items else []
    plan.done += round(drawn.size / len(items) * sum(not requests for requests in counted)) if items else 0
    asked = list(_memory_requests(items, memory, planner))
    plan.memory = len(asked)
    if asked:
        groups.append(Group(len(asked), [[_count(request, planner)] for request, _ in asked]))
    expected = {}
    for kind, lengths_of_kind, past_of_kind in (
        ("dialogue", lengths, past),
        ("memory", [_reply_length(request, item, planner) for request, item in asked], Past()),
    ):
        purpose = f"{name}/{kind}"
        mean = sum(lengths_of_kind) / len(lengths_of_kind) if lengths_of_kind else 1
        expected[purpose] = prospect(
            past_of_kind,
            to_send=float(len(lengths_of_kind)),
            demonstrated=[round(mean)],
            earlier=planner.earlier.get(purpose, (0, 0.0)) if kind == "dialogue" else (0, 0.0),
            max_tokens=_MOST_TOKENS,
            repairs=REPAIRS,
            repair_prompt=_repair_tokens(sample, mean, planner),
            count_error=planner.counter.error,
            cached=planner.cached.get(purpose, Cached(assumed=planner.caches)),
        )
    plan.out_from = expected[f"{name}/dialogue"].out_from.replace(
        "assumed as in the demonstration, from 0.7 x the shortest reply to 1.5 x the longest",
        "assumed by the length of the source, from 0.7 to 1.5 times what the language usually takes",
    )
    prices = planner.prices
    if planner.batch and asked:  # the memory goes online (syphus.cli.translation.memory)
        totals, plan.sampling_error = extrapolate(groups[:-1], expected, prices, batch=True)
        plan.totals = totals.plus(extrapolate(groups[-1:], expected, prices, batch=False)[0])
    else:
        plan.totals, plan.sampling_error = extrapolate(groups, expected, prices, batch=planner.batch)
    return plan


def _is_there(item: TranslateItem, planner: Planner, past: Past) -> bool:
    """Whether all that an item asks is in the ledger."""

    async def ask(request: Request) -> Reply:
        reply = planner.find(request)
        if reply is None:
            raise _MissingError
        if request.purpose.endswith("/dialogue"):
            past.add(reply.usage, repair=len(request.messages) > request.constant + 1)
        return reply

    try:
        # The job waits for nothing but `ask`, which does not wait: one push runs it to its end.
        translate_job()(item, ask).send(None)
    except StopIteration:
        return True
    except _MissingError:
        return False
    return False


def _memory_requests(
    items: list[TranslateItem], memory: Memory, planner: Planner
) -> Iterator[tuple[Request, TranslateItem]]:
    """The requests of the memory that have no reply yet; all of them are needed, by one dialogue or another."""
    if not items:
        return
    item = items[0]
    for number in range(len(memory.requests)):
        request = item.prompts.request(memory.segments(number), kind="memory", draw=item.memory_draw)
        if planner.find(request) is None:
            yield request, item


def _count(request: Request, planner: Planner) -> Counted:
    return Counted(request.purpose, *planner.counter.request(request))


def _reply_length(request: Request, item: TranslateItem, planner: Planner) -> int:
    """Tokens of the reply to a request, as far as they follow from the text."""
    rows = [msgspec.json.decode(line) for line in request.messages[-1].content.splitlines() if line.startswith("{")]
    open_ = [Segment(0, row["role"], row["text"]) for row in rows if "translation" not in row]
    tokens = sum(planner.counter.text(one.text) for one in open_)
    prompts = item.prompts
    return round(tokens * prompts.language.tokens / prompts.origin.tokens) + _TOKENS_OF_A_TURN * len(open_) + 4


def _repair_tokens(request: Request | None, reply: float, planner: Planner) -> int:
    """By how much a repair's prompt is longer: the reply, and what was wrong with it."""
    if request is None:
        return 0
    counter = planner.counter
    told = Message("user", _TYPICAL_FAULT)
    longer = msgspec.structs.replace(request, messages=(*request.messages, told))
    return round(counter.request(longer).prompt - counter.request(request).prompt + reply + 60)


# -- what is said


def show_plan(plan: TranslationPlan, config: Config, *, as_json: bool) -> None:
    """Says a plan to people, or writes it to stdout for machines."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(_for_machines(plan, config)), indent=2).decode())
        return
    rows = [*plan.languages.items(), *([("all", plan.total)] if len(plan.languages) > 1 else [])]
    width = max(len(name) for name, _ in rows)
    for name, one in rows:
        view.say(f"{name:<{width}}  {_line(one, plan)}")
    if not plan.total.totals.requests.likely:
        view.say("nothing is to be sent: all replies are in the ledger")
        return
    view.say(f"model: {sent_name(config.model)}; nothing was sent to it; tokens in: {plan.counted_by}")
    if not plan.prices.known:
        view.say(f"price: {plan.prices.source}")
        view.say("  Give it, in US dollars for a million tokens: --set model.price_in=0.1 --set model.price_out=0.5")
    if plan.batch:
        tell_of_batch_price(plan.prices)
        if plan.total.memory:
            view.say(
                "  requests for the memory go online, at the full price, so that no dialogue waits for a batch of them"
            )
    for said in dict.fromkeys(one.out_from for one in plan.languages.values() if one.totals.requests.likely):
        view.say(f"tokens out: {said}")
    for name, one in plan.languages.items():
        if one.counted < one.dialogues - one.done:
            view.say(f"{name}: {one.counted:,} dialogues were counted, give or take {one.sampling_error:.1%}")


def _line(one: LanguagePlan, plan: TranslationPlan) -> str:
    totals = one.totals
    parts = [f"{one.dialogues:,} dialogues"]
    if one.done:
        parts.append(f"{one.done:,} done")
    parts.append(f"{totals.requests.likely:,.0f} calls" + (f" ({one.memory:,} for the memory)" if one.memory else ""))
    parts.append(
        f"{view.short_number(round(totals.tokens_in.likely))} tokens in,"
        f" {view.short_number(round(totals.tokens_out.likely))} out"
    )
    if plan.prices.costs and totals.requests.likely:
        low, likely, high = totals.cost
        parts.append(f"about {view.dollars(likely)} ({view.dollars(low)} … {view.dollars(high)})")
    return ", ".join(parts)


def _for_machines(plan: TranslationPlan, config: Config) -> dict[str, Any]:
    def figures(one: LanguagePlan) -> dict[str, Any]:
        named = {
            "dialogues": one.dialogues,
            "done": one.done,
            "counted": one.counted,
            "memory_requests": one.memory,
            "sampling_error": round(one.sampling_error, 4),
        }
        spans = {
            name: dict(
                zip(("low", "likely", "high"), (round(end, 6) for end in getattr(one.totals, name)), strict=True)
            )
            for name in ("requests", "tokens_in", "cached", "tokens_out", "cost")
        }
        return named | spans | ({} if plan.prices.known else {"cost": None})

    return {
        "model": sent_name(config.model),
        "batch": plan.batch,
        "prices": plan.prices,
        "counted_by": plan.counted_by,
        "languages": {name: figures(one) for name, one in plan.languages.items()},
        "total": figures(plan.total),
    }
