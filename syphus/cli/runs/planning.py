"""Walking the items of a run to find out what is still to be asked, and what that costs.

The items are walked as ``generate`` walks them, and each is done with the replies that are in the ledger; the request at which
one stops is the next that has to be paid for. So what is stored is not counted again, and changed prompts are.
"""

import heapq
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct, field, structs

from syphus.categories.category import Category, ChatStep
from syphus.categories.context import estimate_tokens
from syphus.categories.prompt import CategoryPrompts, within
from syphus.cli import view
from syphus.cli.runs.sending import cache_mode, endpoint_tables, first_endpoint, known_abilities, sent_extra, sent_name
from syphus.config import Config, ModelTable
from syphus.endpoints.tokens import LocalCounter, TokenCounter, counter_for_name, counter_of_server, estimating_counter
from syphus.endpoints.weights import MODEL_FILE, weights_folder
from syphus.endpoints.wire import build_body, request_key
from syphus.errors import InputError
from syphus.exchange import Item, Reply, Request, Usage
from syphus.identity import draw_number
from syphus.jobs.generate import generate_job, planned_requests, stand_in
from syphus.jobs.items import GenerateItem
from syphus.ledger.reader import LedgerReader
from syphus.money.estimate import Cached, Counted, Group, Past, Prospect, Totals, extrapolate, prospect
from syphus.money.prices import Prices, find_prices, is_own_server

T = TypeVar("T", bound=Item)
SAMPLE = 2000
"""So many items of a category are counted, drawn by the run's seed, and as many of those that an earlier start has made; the
rest is reckoned from them."""
_COMPARED = 200
"""Stored replies of a step whose prompts are counted too, to correct our own count."""
_TYPICAL_FAULT = "answer 2 names a thing that the annotations do not know"

FindReply = Callable[[Request], Reply | None]


class CategoryPlan(Struct, kw_only=True):
    """What one category, or the whole run, comes to. Ranges are low, likely, high."""

    items: int = 0
    done: int = 0
    """Nothing has to be sent for them: their replies are in the ledger, or they ask no model."""
    skipped: int = 0
    """The scene lacks what the category needs."""
    counted: int = 0
    """Items whose tokens were counted; the rest is reckoned from them."""
    sampling_error: float = 0.0
    """Two standard errors of that, as a part of the tokens."""
    totals: Totals = Totals()
    steps: dict[str, "StepPlan"] = field(default_factory=dict)


class StepPlan(Struct, kw_only=True):
    """What is expected of one step, and why."""

    requests: float
    """First requests to send; repairs come on top."""
    constant: int
    """Tokens of each prompt that are the same for all of them."""
    per_scene: float
    """Tokens that a scene adds, in the mean."""
    expected: Prospect


class Plan(Struct, kw_only=True):
    """A whole plan."""

    categories: dict[str, CategoryPlan]
    total: CategoryPlan
    prices: Prices
    batch: bool
    counted_by: str


class Planner(NamedTuple):
    """All that an estimate needs besides the items. ``syphus regenerate`` makes one too (:func:`make_planner`)."""

    seed: int
    counter: TokenCounter
    prices: Prices
    batch: bool = False
    find: FindReply = lambda _: None
    """The reply in the ledger."""
    is_made: Callable[[str], bool] = lambda _: False
    """Whether an earlier start has made an item of this id; it is looked into all the same."""
    earlier: dict[str, tuple[int, float]] = {}  # noqa: RUF012 - never written
    """For each ``category/step``: replies in the ledger, whatever the prompt was, and their mean length."""
    cached: dict[str, Cached] = {}  # noqa: RUF012 - never written
    """For each ``category/step``: what the provider's cache gave so far."""
    caches: bool = False
    """The endpoint is known, or told, to keep the constant part of prompts."""


def make_planner(
    config: Config, categories: list[Category], ledger: LedgerReader | None, *, batch: bool = False
) -> Planner:
    """The planner of a configuration and, where there is a run already, of its ledger."""
    asks = any(category.chat_steps for category in categories)
    counter = _counter(config.model) if asks else estimating_counter(estimate_tokens, "no model is asked")
    prices = prices_of(config.model)
    caches = not batch and asks and keeps_prefixes(config.model, prices)
    planner = Planner(config.run.seed, counter, prices, batch, caches=caches)
    if ledger is None or not asks:
        return planner
    name, extra, abilities = sent_name(config.model), sent_extra(config.model), known_abilities(config.model, ledger)
    cached = {step: Cached(*sums, assumed=caches) for step, sums in ledger.cached(name, batch=batch).items()}

    def find(request: Request) -> Reply | None:
        key = request_key(build_body(request, name, abilities, extra), request.sample, request.draw)
        return ledger.find_reply(key)

    return planner._replace(
        find=find,
        is_made=lambda item: ledger.find_done(item) is not None,
        earlier=earlier_replies(ledger),
        cached=cached,
    )


def keeps_prefixes(model: ModelTable, prices: Prices) -> bool:
    """Whether the endpoint can be taken to keep the constant part of prompts without having been seen to.

    It does where a cached token is cheaper and writing costs nothing, for then it is done for everybody; where writing costs,
    only for those who ask for it.
    """
    rates = prices.rates_for(0)
    if rates is None or rates.cached >= rates.tokens_in:
        return False
    if rates.cache_write <= rates.tokens_in:
        return True
    return model.kind == "openai" and cache_mode(model, first_endpoint(model)) != "none"


def earlier_replies(ledger: LedgerReader) -> dict[str, tuple[int, float]]:
    """For each ``category/step``: replies in the ledger, and their mean length in tokens."""
    earlier: dict[str, tuple[int, float]] = {}
    for spent in ledger.spent():
        replies = spent.calls - spent.failed - spent.uncounted
        earlier[spent.purpose] = (replies, spent.completion / replies if replies else 0.0)
    return earlier


def prices_of(model: ModelTable) -> Prices:
    """The endpoint's prices; of several endpoints the dearest one's, and none where one is not known."""
    found = [find_prices(table) for table in endpoint_tables(model)]
    if unknown := next((prices for prices in found if not prices.known), None):
        return unknown
    dearest = max(found, key=lambda prices: prices.most(3_000, 500) or 0.0)
    if all(prices.rates == dearest.rates for prices in found):
        return dearest
    return structs.replace(dearest, source=f"{dearest.source}, the dearest of {len(found)} endpoints")


def _counter(model: ModelTable) -> TokenCounter:
    if model.kind == "local":
        file = Path(model.path) if model.path else weights_folder() / MODEL_FILE
        if not model.path and not file.is_file():
            return estimating_counter(estimate_tokens, "the embedded model is not fetched yet")
        try:
            return LocalCounter(file)
        except InputError as error:
            return estimating_counter(estimate_tokens, error.message)
    endpoint = endpoint_tables(model)[0]
    if endpoint.base_url and is_own_server(endpoint.base_url):
        key = os.environ.get(endpoint.key_variable, "").strip()
        if (counter := counter_of_server(endpoint.base_url, endpoint.name, key)) is not None:
            return counter
    return counter_for_name(model.name, estimate_tokens)


# -- the estimate -------------------------------------------------------------------------------------------------------


def estimate(items: Iterable[GenerateItem], planner: Planner, *, anew: bool = False) -> Plan:
    """What these items will ask and cost.

    Args:
        items: taken one by one; only those that are drawn to be counted are held.
        planner: how to count, prices, and the ledger.
        anew: all is asked again, whatever the ledger holds; its replies still say how long replies are.
    """
    groups: dict[str, dict[bool, Drawn[GenerateItem]]] = {}
    for item in items:
        both = groups.setdefault(item.category, {True: Drawn(SAMPLE), False: Drawn(SAMPLE)})
        both[planner.is_made(item.id)].add(item, planner.seed)
    plans = {name: _CategoryEstimate(planner, anew=anew).make(both.values()) for name, both in groups.items()}
    total = CategoryPlan()
    for plan in plans.values():
        total.items += plan.items
        total.done += plan.done
        total.skipped += plan.skipped
        total.counted += plan.counted
        total.totals = total.totals.plus(plan.totals)
    return Plan(
        categories=plans, total=total, prices=planner.prices, batch=planner.batch, counted_by=planner.counter.source
    )


def in_short(plan: Plan) -> str:
    """The plan in a line: ``312 of 48,000 items, about $1.84 ($1.10 to $2.95)``."""
    todo = plan.total.items - plan.total.done - plan.total.skipped
    cost = plan.total.totals.cost
    price = (
        f"about {view.dollars(cost.likely)} ({view.dollars(cost.low)} to {view.dollars(cost.high)})"
        if plan.prices.known
        else ""
    )
    return f"{todo:,} of {plan.total.items:,} items, {price or 'price unknown'}"


class Drawn(Generic[T]):
    """A draw of items that needs to know neither how many there are nor to hold them: those with the least numbers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        """How many there are in all."""
        self._heap: list[tuple[int, int, T]] = []

    def add(self, item: T, seed: int) -> None:
        """Takes an item in, or passes it over; ``seed`` is the run's."""
        self.size += 1
        entry = (-draw_number(seed, "plan", item.id), self.size, item)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    @property
    def items(self) -> list[T]:
        """In the order in which they came."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[1])]


class _MissingError(Exception):
    """This request has no reply in the ledger."""

    def __init__(self, request: Request) -> None:
        self.request = request


class _CategoryEstimate:
    """The estimate of one category; holds what its stored replies say."""

    def __init__(self, planner: Planner, *, anew: bool) -> None:
        self._planner = planner
        self._anew = anew
        self._job = generate_job(planner.seed)
        self._past: dict[str, Past] = {}
        self._samples: dict[str, Request] = {}

    def make(self, drawn: Iterable[Drawn[GenerateItem]]) -> CategoryPlan:
        """The category's plan."""
        plan, groups = CategoryPlan(), []
        prompts: CategoryPrompts | None = None
        done = skipped = 0.0
        for group in drawn:
            counted: list[list[Counted]] = []
            for item in group.items:
                prompts = item.prompts
                requests, is_skipped = self._still_to_send(item)
                counted.append([self._count(request) for request in requests])
                weight = group.size / len(group.items)
                skipped += weight * is_skipped
                done += weight * (not requests and not is_skipped)
            plan.items += group.size
            plan.counted += len(counted)
            groups.append(Group(group.size, counted))
        plan.done, plan.skipped = round(done), round(skipped)
        if prompts is not None:
            plan.steps = self._steps(prompts, groups)
        prospects = {name: step.expected for name, step in plan.steps.items()}
        planner = self._planner
        plan.totals, plan.sampling_error = extrapolate(groups, prospects, planner.prices, batch=planner.batch)
        return plan

    def _still_to_send(self, item: GenerateItem) -> tuple[list[Request], bool]:
        """What an item has yet to ask, as far as that can be known, and whether it is skipped."""
        answered: dict[str, Usage] = {}

        async def ask(request: Request) -> Reply:
            reply = self._planner.find(request)
            if reply is None:
                raise _MissingError(request)
            self._past.setdefault(request.purpose, Past()).add(reply.usage, repair=_is_repair(request))
            if reply.usage is not None and not _is_repair(request):
                answered[request.purpose] = reply.usage
            return reply

        missing, skipped = None, False
        try:
            # The job waits for nothing but `ask`, which does not wait: one push runs it to its end.
            self._job(item, ask).send(None)
        except StopIteration as finished:
            skipped = bool(finished.value.skipped)
        except _MissingError as error:
            missing = error.request
        if answered:
            self._compare(item, answered)
        if skipped or not (missing or self._anew):
            return [], skipped
        if missing is None or self._anew:
            return list(planned_requests(item, self._planner.seed)), False
        step = missing.purpose.rpartition("/")[2]
        return [missing, *planned_requests(item, self._planner.seed, after=step)], False

    def _compare(self, item: GenerateItem, answered: dict[str, Usage]) -> None:
        """What would have been planned for an item, beside what was billed for it."""
        if max(self._past[purpose].compared for purpose in answered) >= _COMPARED:
            return
        for request in planned_requests(item, self._planner.seed):
            if (usage := answered.get(request.purpose)) is not None and usage.prompt:
                self._past[request.purpose].compare(self._count(request), usage.prompt)

    def _count(self, request: Request) -> Counted:
        if not _is_repair(request):
            self._samples.setdefault(request.purpose, request)
        return Counted(request.purpose, *self._planner.counter.request(request))

    def _steps(self, prompts: CategoryPrompts, groups: list[Group]) -> dict[str, StepPlan]:
        """What is expected of each step that something is to be sent for."""
        plans: dict[str, StepPlan] = {}
        category = prompts.category
        for step in category.chat_steps:
            purpose = f"{category.name}/{step.name}"
            weighted = [
                (group.size / len(group.items), request)
                for group in groups
                for item in group.items
                for request in item
                if request.purpose == purpose
            ]
            to_send = sum(weight for weight, _ in weighted)
            if not to_send:
                continue
            expected = self._prospect(prompts, step, purpose, to_send)
            plans[purpose] = StepPlan(
                requests=to_send,
                constant=round(weighted[0][1].constant * expected.correction.ratio),
                per_scene=sum(weight * request.rest for weight, request in weighted)
                / to_send
                * expected.correction.ratio,
                expected=expected,
            )
        return plans

    def _prospect(self, prompts: CategoryPrompts, step: ChatStep, purpose: str, to_send: float) -> Prospect:
        category, counter = prompts.category, self._planner.counter
        replies = [within(one.replies[step.name], step) for one in category.demonstrations]
        repair_prompt = 0
        if category.repairs and (request := self._samples.get(purpose)) is not None:
            reply = Reply(text=json.dumps(stand_in(category, step, self._planner.seed), ensure_ascii=False))
            repair = prompts.repair_request(request, reply, [_TYPICAL_FAULT], "Make it anew.")
            repair_prompt = counter.request(repair).prompt - counter.request(request).prompt
        return prospect(
            self._past.get(purpose, Past()),
            to_send=to_send,
            demonstrated=[counter.text(json.dumps(reply, ensure_ascii=False)) for reply in replies],
            earlier=self._planner.earlier.get(purpose, (0, 0.0)),
            max_tokens=step.max_tokens,
            repairs=category.repairs,
            repair_prompt=repair_prompt,
            count_error=counter.error,
            cached=self._planner.cached.get(purpose, Cached(assumed=self._planner.caches)),
        )


def _is_repair(request: Request) -> bool:
    return len(request.messages) > request.constant + 1
