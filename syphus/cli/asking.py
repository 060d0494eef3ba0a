"""Asking a model about dialogues that are there: what it will cost, and doing it. ``judge``, ``blind`` and ``correct`` share it."""

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

import syphus
from syphus.categories.category import Category, CategoryFile, ChatStep, DialogueShape
from syphus.categories.load import Library
from syphus.cli import view
from syphus.cli.connect import asked_with, known_abilities, open_engine, sent_name
from syphus.cli.dialogues import Subjects
from syphus.cli.ending import end_early, tell_of_closed, tell_of_stop
from syphus.cli.planning import Planner, make_planner
from syphus.cli.translate_asks import load_model_config
from syphus.cli.work import Interrupts, run_to_its_end
from syphus.config import Config
from syphus.engine.batch_packing import take_over
from syphus.engine.counters import Counters
from syphus.engine.run import Job
from syphus.errors import Exit, InputError
from syphus.exchange import Request
from syphus.identity import draw_number
from syphus.jobs.judge_asking import REPAIRS
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.ledger.reader import LedgerReader, StoredOutcome
from syphus.ledger.store import LEDGER_FILE
from syphus.money.estimate import Cached, Counted, Group, Past, Totals, extrapolate, prospect
from syphus.money.prices import Prices

SAMPLE = 500
"""Items whose tokens are counted for the price, drawn by the seed; the rest is reckoned from them."""


class Task(Struct, frozen=True, kw_only=True):
    """One model's part of the work."""

    config: Config
    category: str
    """What its requests belong to; where items have categories of their own, what these begin with."""
    step: str
    temperature: float
    max_tokens: int
    job: Job
    items: Callable[[Any, Callable[[str], int]], Iterator[Any]]
    """The items, by what is sent besides the prompts and by their draws; without the first they have no basis."""
    planned: Callable[[Any], list[Request]]
    """What an item asks, as far as that is known before."""
    reply: Callable[[Any], int]
    """Tokens of a typical reply to an item's requests, together."""
    count: int
    """How many items there are."""
    kept: tuple[str, Any]
    """What is asked, for the ledger: its version, and the texts."""
    looks: bool = False
    """Pictures are shown."""
    at_most: bool = False
    """An item may be done before all of its planned requests were asked."""


def model_configs(arguments: argparse.Namespace, subjects: Subjects) -> list[Config]:
    """A configuration for each ``--model``; without one, that of the run or of ``--config``, or the embedded model.

    A model that is named has the prices that are known of it, not those of the run's own model.
    """

    def load(name: str | None, **without: None) -> Config:
        chosen = {**vars(arguments), "model": name, "limit": None, "category": None, **without}
        return load_model_config(argparse.Namespace(**chosen), subjects.folder, is_run=subjects.is_run)

    def refuse_blind(config: Config) -> Config:
        if arguments.look and config.model.kind == "local":
            raise InputError(
                "the embedded model cannot look at pictures",
                place="--look",
                mend="Name a model that can, and where it is: --model NAME --base-url URL",
            )
        return config

    if not arguments.model:
        return [refuse_blind(load(None))]
    own = load(None, base_url=None, model_path=None)
    given = {text.partition("=")[0] for text in arguments.set}
    prices = ("price_in", "price_out", "price_cached", "price_cache_write")
    unknown: dict[str, Any] = dict.fromkeys(key for key in prices if f"model.{key}" not in given)
    configs = []
    for name in dict.fromkeys(arguments.model):
        config = load(name)
        if name != own.model.name:
            config = structs.replace(config, model=structs.replace(config.model, **unknown))
        configs.append(refuse_blind(config))
    if len({sent_name(config.model) for config in configs}) < len(configs):
        raise InputError("two judges are the same model", place="--model", mend="Several draws of one: --draws N")
    return configs


def shared_text(texts: Mapping[str, str], name: str) -> str:
    """One of the shared prompts. Raises :class:`InputError` where it is missing."""
    if name not in texts:
        raise InputError(
            f"there is no shared prompt `{name}`", place="prompts/", mend=f"It stands in prompts/{name}.md."
        )
    return texts[name].strip()


def library_near(subjects: Subjects) -> Library:
    """The shared prompts beside the run or where the command is typed, then those of syphus."""
    return Library.at(Path.cwd(), *([subjects.folder] if subjects.is_run else []))


def as_category(task: Task) -> Category:
    """A task as the connection and the price know a category: a name, and a step with what is sent."""
    step = ChatStep(
        name=task.step,
        fields=("text",),
        temperature=task.temperature,
        max_tokens=task.max_tokens,
        reasoning_effort=task.config.model.reasoning_effort,
    )
    shape = DialogueShape(user="-", assistant=f"{{{{{task.step}.text}}}}")
    file = CategoryFile(ability="perception", steps=(step,), dialogue=shape)
    return Category(
        name=task.category,
        file=file,
        demonstrations=(),
        texts={},
        lists={},
        fingerprint="",
        own_context=file.context,
        repairs=REPAIRS,
    )


# -- what it will cost


class Price(Struct, kw_only=True):
    """What one task comes to."""

    items: int = 0
    done: int = 0
    totals: Totals = Totals()
    prices: Prices
    counted_by: str
    replies: int = 0
    """In the ledger, from which the length of others was taken."""


def price_task(task: Task, ledger: LedgerReader | None) -> Price:
    """What a task will ask and cost; what the ledger holds is not counted again."""
    planner = make_planner(task.config, [as_category(task)], ledger)
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
    price.totals, _ = extrapolate([Group(left, counted)], prospects, planner.prices, batch=False)


def say_price(task: Task, price: Price) -> None:
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


def _dollars(price: Price) -> str:
    if not price.prices.known:
        return f"price unknown ({price.prices.source})"
    if not price.prices.costs:
        return "which cost nothing"
    low, likely, high = price.totals.cost
    return f"about {view.dollars(likely)} ({view.dollars(low)} … {view.dollars(high)})"


def priced(tasks: list[Task], subjects: Subjects) -> None:
    """Says what all tasks will ask and cost, before anything is sent."""
    ledger = open_ledger(subjects.folder) if (subjects.folder / LEDGER_FILE).is_file() else None
    try:
        for task in tasks:
            say_price(task, price_task(task, ledger))
    finally:
        if ledger is not None:
            ledger.close()


# -- doing it


def keep_source(subjects: Subjects, ledger: Ledger, task: Task, arguments: argparse.Namespace) -> None:
    """What is needed to say later what was asked, and of what; a run says it of itself."""
    if subjects.is_run:
        return
    before = ledger.meta("source_file", str, "")
    now = Path(os.path.relpath(subjects.path.absolute(), subjects.folder.absolute())).as_posix()
    if before and before != now:
        raise InputError(f"is about another file ({before})", file=subjects.folder, mend="Name another: --run DIR")
    ledger.set_meta("source_file", now)
    ledger.set_meta("syphus", syphus.__version__)
    images = arguments.images or str(subjects.path.parent)
    ledger.set_meta("pictures", {"": Path(os.path.relpath(images, subjects.folder)).as_posix()})
    ledger.set_meta("config", {"run": task.config.run, "model": task.config.model})


def draw_again(tasks: list[Task], ledger: Ledger) -> None:
    """Another draw for each item that brought nothing, or not all, that can be used: its next requests have new keys."""
    wanted = []
    for task in tasks:
        for item in task.items(None, ledger.draw_of):
            done = ledger.find_done(item.id)
            if done is not None and done.state in ("rejected", "partial") and done.draw == item.draw:
                wanted.append(item.id)
    if wanted:
        ledger.draw_again(wanted)
    view.say(f"{len(wanted):,} items that brought nothing, or not all, that can be used are asked about anew")


def carry_out(
    tasks: list[Task], subjects: Subjects, arguments: argparse.Namespace, show: Callable[[Ledger], int]
) -> int:
    """Does the tasks as the flags say, or tells of them and sends nothing (``--show-prompt``, ``--plan``); the exit code.

    Args:
        tasks: of one command, over the same subjects.
        subjects: the dialogues.
        arguments: the flags that these commands share.
        show: what came of it, from the ledger; another code than 0 goes before that of the work.
    """
    if arguments.show_prompt:
        return show_first(tasks[0])
    priced(tasks, subjects)
    if arguments.plan:
        return Exit.DONE
    with open_ledger(subjects.folder, create=True) as ledger:
        keep_source(subjects, ledger, tasks[0], arguments)
        if arguments.again:
            draw_again(tasks, ledger)
        code = run_to_its_end(lambda: ask_models(tasks, subjects, ledger))
        return code if code not in (Exit.DONE, Exit.FAILURES) else show(ledger) or code


async def ask_models(tasks: list[Task], subjects: Subjects, ledger: Ledger) -> int:
    """Does all tasks, one after another, as far as they can be done; what was asked before is not asked again."""
    ledger.keep_places()
    worst = int(Exit.DONE)
    for task in tasks:
        code = await _ask_model(task, subjects, ledger)
        if code not in (Exit.DONE, Exit.FAILURES):
            return code
        worst = max(worst, code)
    return worst


async def _ask_model(task: Task, subjects: Subjects, ledger: Ledger) -> int:
    counters = Counters()
    held = take_over(ledger, anyway=False)
    engine = await open_engine(task.config, [as_category(task)], ledger, counters)
    engine.dispatch.budget.spent += held
    version, texts = task.kept
    ledger.record_category(version, task.category, texts)
    try:
        items = task.items(asked_with(task.config.model, engine.abilities), ledger.draw_of)
        with Interrupts(engine), view.watch(counters, engine, subjects.folder, total=task.count):
            await engine.run(items, task.job)
    except asyncio.CancelledError:
        tell_of_stop(counters, task.count)
        raise
    finally:
        await engine.close()
    ledger.flush()
    tell_of_closed(engine)
    if (early := end_early(engine, counters, task.count)) is not None:
        return early
    parts = [f"{counters.sent:,} calls sent"]
    if counters.cost + counters.risk:
        parts[0] += f", {view.dollars(counters.cost + counters.risk)}"
    parts.append(f"{counters.kept + counters.replayed:,} from the ledger")
    if counters.rejected:
        parts.append(f"{counters.rejected:,} items brought nothing that can be used")
    if counters.failed:
        parts.append(f"{counters.failed:,} items failed, the same command tries them again")
    view.say(f"{sent_name(task.config.model)}: {'; '.join(parts)}")
    return Exit.FAILURES if counters.failed else Exit.DONE


def outcomes_of(ledger: LedgerReader, prefix: str, wanted: Callable[[str], bool]) -> Iterator[StoredOutcome]:
    """The standing outcomes of categories that begin so, of items whose id is wanted."""
    for outcome in ledger.outcomes():
        if outcome.category.startswith(prefix) and wanted(outcome.item):
            yield outcome


def show_first(task: Task) -> int:
    """Prints, to stdout, what would be sent for the first dialogue."""
    for item in task.items(None, lambda _: 0):
        for request in task.planned(item):
            print(f"===== {request.purpose}, {item.id}")
            for message in request.messages:
                print(f"--- {message.role}\n{message.content}")
                for picture in message.pictures:
                    print(f"--- picture {picture.digest} ({picture.media_type})")
            print(f"--- settings\n{msgspec.json.encode(request.parameters).decode()}")
            return Exit.DONE
    raise InputError("there is nothing to ask about")
