"""What asking about dialogues that are there will cost, said before anything is sent."""

from collections.abc import Callable
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.cli import view
from syphus.cli.datasets.asking_task import Task, as_category
from syphus.cli.runs.planning import Planner, make_planner
from syphus.cli.runs.sending import asked_with, known_abilities, sent_name
from syphus.cli.runs.workload import tell_of_batch_price
from syphus.identity import draw_number
from syphus.jobs.judge_asking import REPAIRS
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.ledger.store import LEDGER_FILE
from syphus.money.estimate import Cached, Counted, Group, Past, Totals, extrapolate, prospect
from syphus.money.prices import Prices

SAMPLE = 500
"""Items whose tokens are counted for the price, drawn by the seed; the rest is reckoned from them."""


class Price(Struct, kw_only=True):
    """What one task comes to."""

    items: int = 0
    done: int = 0
    totals: Totals = Totals()
    prices: Prices
    counted_by: str
    replies: int = 0
    """In the ledger, from which the length of others was taken."""


def price_task(task: Task, ledger: LedgerReader | None, *, batch: bool) -> Price:
    """What a task will ask and cost, online or through batches; what the ledger holds is not counted again."""
    planner = make_planner(task.config, [as_category(task)], ledger, batch=batch)
    price = Price(prices=planner.prices, counted_by=planner.counter.source)
    settings = None
    if ledger is not None:
        settings = asked_with(task.config.model, known_abilities(task.config.model, ledger))
    draw_of: Callable[[str], int] = ledger.draw_of if ledger is not None else lambda _: 0
    drawn: list[tuple[int, int, Any]] = []
    for item in task.items(settings, draw_of):
        price.items += 1
        done = ledger.find_done(item.id) if ledger is not None and item.basis else None
        if done is not None and done.basis == item.basis and done.state != "failed":
            price.done += 1
            continue
        entry = (-draw_number(planner.seed, "plan", item.id), price.items, item)
        if len(drawn) < SAMPLE:
            heappush(drawn, entry)
        elif entry > drawn[0]:
            heapreplace(drawn, entry)
    if drawn:
        _count(task, [item for _, _, item in drawn], price, planner)
    return price


def _count(task: Task, items: list[Any], price: Price, planner: Planner) -> None:
    pasts: dict[str, Past] = {}
    typical: dict[str, list[int]] = {}
    longest: dict[str, int] = {}
    counted: list[list[Counted]] = []
    for item in items:
        asked: list[Counted] = []
        requests = task.planned(item)
        for request in requests:
            past = pasts.setdefault(request.purpose, Past())
            if (reply := planner.find(request)) is not None:
                past.add(reply.usage, repair=False)
                continue
            asked.append(Counted(request.purpose, *planner.counter.request(request)))
            typical.setdefault(request.purpose, []).append(task.reply(item) // len(requests))
            longest[request.purpose] = max(longest.get(request.purpose, 0), request.parameters.max_tokens or 0)
        counted.append(asked)
    left = price.items - price.done
    share = left / len(items)
    price.done += round(share * sum(not asked for asked in counted))
    price.replies = sum(past.replies for past in pasts.values())
    prospects = {
        purpose: prospect(
            pasts[purpose],
            to_send=share * len(lengths),
            demonstrated=[round(sum(lengths) / len(lengths))],
            earlier=planner.earlier.get(purpose, (0, 0.0)),
            max_tokens=longest[purpose],
            repairs=REPAIRS,
            repair_prompt=round(sum(lengths) / len(lengths)) + 60,
            count_error=planner.counter.error,
            cached=planner.cached.get(purpose, Cached(assumed=planner.caches)),
        )
        for purpose, lengths in typical.items()
    }
    price.totals, _ = extrapolate([Group(left, counted)], prospects, planner.prices, batch=planner.batch)


def say_price(task: Task, price: Price, *, batch: bool) -> None:
    """Says what a task will ask and cost."""
    _, calls, _ = price.totals.requests
    name = sent_name(task.config.model)
    if not calls:
        view.say(f"{name}: nothing is to be sent for {price.items:,} items: what is there stands, or is read again")
        return
    done = f", {price.done:,} of them done" if price.done else ""
    tokens_in, tokens_out = (view.short_number(round(span.likely)) for span in price.totals[1:3])
    bound = "at most" if task.at_most else "about"
    view.say(
        f"{name}: {price.items:,} items{done}; {bound} {calls:,.0f} calls, {tokens_in} tokens in, {tokens_out} out,"
        f" {_dollars(price)}"
    )
    length = "as in the replies that are there" if price.replies else "assumed"
    length += "; what the pictures cost is not known and not counted" if task.looks else ""
    view.say(f"  tokens in: {price.counted_by}; length of replies: {length}")
    if batch:
        tell_of_batch_price(price.prices)


def _dollars(price: Price) -> str:
    if not price.prices.known:
        return f"price unknown ({price.prices.source})"
    if not price.prices.costs:
        return "which cost nothing"
    low, likely, high = price.totals.cost
    return f"about {view.dollars(likely)} ({view.dollars(low)} … {view.dollars(high)})"


def priced(tasks: list[Task], folder: Path, *, batch: bool) -> None:
    """Says what all tasks will ask and cost, before anything is sent.

    Args:
        tasks: of one command.
        folder: where the ledger is, if there is one already.
        batch: at the prices of the Batch API.
    """
    ledger = open_ledger(folder) if (folder / LEDGER_FILE).is_file() else None
    try:
        for task in tasks:
            say_price(task, price_task(task, ledger, batch=batch), batch=batch)
    finally:
        if ledger is not None:
            ledger.close()
