"""``syphus plan``: what a run will ask, and what it will cost. Nothing is sent to the model."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from syphus.annotations.reading import Problem
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.cli.runs.assemble import read_scenes
from syphus.cli.runs.changes import find_changes, tell_of_changes
from syphus.cli.runs.planning import CategoryPlan, Plan, StepPlan, estimate, make_planner
from syphus.cli.runs.prompting import prompts_of
from syphus.cli.runs.sending import asked_with, endpoint_tables, known_abilities, sent_name
from syphus.cli.runs.work import Prepared, choose_items, flags_of, prepare
from syphus.config import Config
from syphus.endpoints.wire import Abilities
from syphus.errors import Exit, InputError
from syphus.jobs.items import make_items
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.ledger.store import LEDGER_FILE
from syphus.money.estimate import CACHED_FROM, Span
from syphus.money.prices import OPENAI

_SHOWN_PROBLEMS = 3


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    prepared = prepare(Path(arguments.config), flags_of(arguments))
    config = prepared.config
    problems: list[str] = []

    def report(_: str, problem: Problem) -> None:
        problems.append(str(problem))

    folder = Path(config.run.folder)
    ledger = open_ledger(folder) if (folder / LEDGER_FILE).is_file() else None
    try:
        planner = make_planner(config, prepared.categories, ledger, batch=arguments.batch)
        prompts = prompts_of(config, prepared.sources, prepared.categories)
        draw_of = ledger.draw_of if ledger is not None else lambda _: 0
        items = make_items(read_scenes(prepared.sources, report, config.run.limit), prompts, draw_of=draw_of)
        if config.balance:
            scenes = read_scenes(prepared.sources, lambda *_: None, config.run.limit)
            items = filter(choose_items(prepared, scenes), items)
        plan = estimate(items, planner)
        again = list(_made_again(prepared, ledger, prompts)) if ledger is not None else []
    finally:
        if ledger is not None:
            ledger.close()
    if not plan.total.items:
        raise InputError("the sources hold no scene that can be used", mend="\n  ".join(problems[:_SHOWN_PROBLEMS]))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(_for_machines(plan, config)), indent=2).decode())
        return Exit.DONE
    looking = [one.category.name for one in prompts if one.looks]
    _show(plan, config, has_ledger=ledger is not None, looking=looking)
    for line in again:
        view.say(line)
    if problems:
        view.say(f"source records with a problem: {len(problems):,}")
        for problem in problems[:_SHOWN_PROBLEMS]:
            view.say(f"  {problem}")
    return Exit.DONE


def _made_again(prepared: Prepared, ledger: LedgerReader, prompts: list[CategoryPrompts]) -> Iterator[str]:
    """What of the run is made again, and why."""
    config = prepared.config
    changes = find_changes(Path(config.run.folder), prepared.texts, config, [one.category.name for one in prompts])
    asks = any(category.chat_steps for category in prepared.categories)
    asked = asked_with(config.model, known_abilities(config.model, ledger) if asks else Abilities())
    yield from tell_of_changes(changes, ledger, prompts, asked, config)


def _show(plan: Plan, config: Config, *, has_ledger: bool, looking: list[str]) -> None:
    rows = {
        name: _cells(one, priced=plan.prices.costs) for name, one in [*plan.categories.items(), ("all", plan.total)]
    }
    # A column in which nothing stands is not shown.
    shown = [heading for heading in rows["all"] if any(row[heading] for row in rows.values())]
    # Numbers are never cut: in a narrow terminal the range breaks between its ends, in a very narrow one there is no table.
    tables = (_table(rows, shown, between) for between in (" … ", " …\n"))
    if (table := next(filter(view.fits, tables), None)) is not None:
        view.show(table)
    else:
        for name, row in rows.items():
            view.say_row(name, {heading: row[heading] for heading in shown})
    for line in _explained(plan, config, has_ledger=has_ledger):
        view.say(line)
    if looking:
        view.say(
            f"what the pictures cost is not in these figures ({', '.join(looking)}); a trial with --limit 20 measures it"
        )


def _table(rows: dict[str, dict[str, str]], shown: list[str], between: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("category", no_wrap=True)
    for heading in shown:
        table.add_column(heading.replace(" … ", between), justify="right", no_wrap=True)
    for name, row in rows.items():
        cells = (row[heading].replace(" … ", between) or "·" for heading in shown)
        table.add_row(Text(name), *cells, style="bold" if name == "all" else "")
    return table


_RANGE = "from … to"


def _cells(plan: CategoryPlan, *, priced: bool) -> dict[str, str]:
    """The cells of a row by their headings; empty where there is nothing to say."""
    totals = plan.totals
    numbers = {
        "items": plan.items,
        "done": plan.done,
        "skipped": plan.skipped,
        "calls": totals.requests.likely,
        "in": totals.tokens_in.likely,
        "cached": totals.cached.likely if priced else 0,
        "out": totals.tokens_out.likely,
    }
    cells = {name: view.short_number(round(number)) if number else "" for name, number in numbers.items()}
    low, likely, high = totals.cost
    to_pay = priced and totals.requests.likely
    return cells | {
        "price": view.dollars(likely) if to_pay else "",
        _RANGE: f"{view.dollars(low)} … {view.dollars(high)}" if to_pay else "",
    }


def _explained(plan: Plan, config: Config, *, has_ledger: bool) -> Iterable[str]:
    """Where the figures are from, and what their range is made of."""
    model, steps = config.model, {name: one for each in plan.categories.values() for name, one in each.steps.items()}
    if not steps:
        why = "all replies are in the ledger" if has_ledger else "no category asks a model"
        yield f"nothing is to be sent: {why}"
        return
    places = [table.base_url or OPENAI for table in endpoint_tables(model)]
    where = "on this machine" if model.kind == "local" else f"at {' and '.join(dict.fromkeys(places))}"
    yield f"model: {sent_name(model)} {where}; nothing was sent to it"
    yield from _about_prices(plan)
    error = max(one.expected.error for one in steps.values())
    yield f"tokens in: {plan.counted_by}{f', give or take {error:.1%}' if error else ''}{_correction(steps)}"
    prompts = (f"{name} {one.constant:,} + {one.per_scene:,.0f}" for name, one in steps.items())
    yield f"each prompt, constant part + scene: {'; '.join(prompts)}"
    yield from _grouped("tokens out", {name: one.expected.out_from for name, one in steps.items()})
    yield from _grouped("repairs", {name: one.expected.repairs_from for name, one in steps.items()})
    sampled = {name: one for name, one in plan.categories.items() if one.counted < one.items and one.steps}
    for name, one in sampled.items():
        yield (
            f"{name}: {one.counted:,} of {one.items:,} items were counted, the rest reckoned from them:"
            f" give or take {one.sampling_error:.1%}, which is in the range"
        )
    silent = model.kind == "openai" and (model.reasoning_effort or "") != "none"
    if silent and any("ledger" not in one.expected.out_from for one in steps.values()):
        yield (
            "a model that thinks before it replies bills that as tokens out, and it is not in these figures:"
            ' a trial with --limit 20 measures it, and reasoning_effort = "none" stops it where the model knows that'
        )


def _about_prices(plan: Plan) -> Iterable[str]:
    rates = plan.prices.rates_for(0, batch=plan.batch)
    if rates is None or not plan.prices.costs:
        yield f"price: {plan.prices.source}"
    if rates is None:
        yield "  Give it, in US dollars for a million tokens: --set model.price_in=0.1 --set model.price_out=0.5"
    if rates is None or not plan.prices.costs:
        return
    figures = f"{_rate(rates.tokens_in)} in, {_rate(rates.tokens_out)} out"
    figures += f", {_rate(rates.cached)} cached" if rates.cached != rates.tokens_in else ""
    yield f"price: {plan.prices.source} ({figures}, for a million tokens)"
    if plan.batch and not plan.prices.batch_rates:
        yield "  no batch price is known, so this is the full one; where there is a discount: --set model.price_batch=0.5"
    if rates.cached < rates.tokens_in:
        yield from _about_cache(plan, writes=rates.cache_write > rates.tokens_in)


def _about_cache(plan: Plan, *, writes: bool) -> Iterable[str]:
    """What the provider's prompt cache does to the price, and how that is known."""
    steps = {name: one for each in plan.categories.values() for name, one in each.steps.items()}
    if max(one.constant for one in steps.values()) < CACHED_FROM and not any(
        one.expected.cached for one in steps.values()
    ):
        yield f"prompt cache: no prompt begins with {CACHED_FROM:,} constant tokens, so nothing comes out of it"
        return
    yield from _grouped("prompt cache", {name: _cache_of(one, batch=plan.batch) for name, one in steps.items()})
    yield (
        "  nobody promises that: the low end has all constant parts but the first from there, the high end none"
        + (", and all prompts written there" if writes else "")
    )


def _cache_of(step: StepPlan, *, batch: bool) -> str:
    expected = step.expected
    if expected.cached is not None:
        return expected.cached_from
    if step.constant < CACHED_FROM:
        return f"nothing, for the prompt does not begin with {CACHED_FROM:,} constant tokens"
    if expected.caches_constant:
        return "assumed to give the constant part of each prompt but the first"
    return "not counted on: " + (
        "nothing is known of batches" if batch else "this provider is not known to keep prompts unasked"
    )


def _rate(price: float) -> str:
    """At least cents, and what is beyond them."""
    whole, _, part = f"{price:,.6f}".rstrip("0").partition(".")
    return f"${whole}.{part:0<2}"


def _correction(steps: dict[str, StepPlan]) -> str:
    corrected = [one.expected.correction for one in steps.values() if one.expected.correction.by and one.expected.error]
    if not corrected:
        return ""
    ratios = sorted(one.ratio for one in corrected)
    by = f"{ratios[0]:.3f}" if ratios[0] == ratios[-1] else f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
    return f"; corrected x {by} by {sum(one.by for one in corrected):,} stored replies"


def _grouped(title: str, said: dict[str, str]) -> Iterable[str]:
    """One line where all steps have the same to say, else one for each thing that is said."""
    by_text: dict[str, list[str]] = {}
    for name, text in said.items():
        by_text.setdefault(text, []).append(name)
    for number, (text, names) in enumerate(by_text.items()):
        about = "" if len(by_text) == 1 else f" ({', '.join(names)})"
        yield f"{title if not number else ' ' * len(title)}: {text}{about}"


def _for_machines(plan: Plan, config: Config) -> dict[str, Any]:
    def ranged(span: Span, digits: int | None = None) -> dict[str, float]:
        return {name: round(getattr(span, name), digits) for name in ("low", "likely", "high")}

    def category(one: CategoryPlan) -> dict[str, Any]:
        named = ("items", "done", "skipped", "counted")
        steps = {
            name: {
                "requests": round(step.requests),
                "constant": step.constant,
                "per_scene": round(step.per_scene, 1),
                "reply": ranged(step.expected.out),
                "reply_from": step.expected.out_from,
                "repairs": ranged(step.expected.repairs, 4),
                "repairs_from": step.expected.repairs_from,
                "count_error": round(step.expected.error, 4),
                "count_corrected": round(step.expected.correction.ratio, 4),
                "cached_part": None if step.expected.cached is None else round(step.expected.cached, 4),
                "cache_assumed": step.expected.caches_constant,
            }
            for name, step in one.steps.items()
        }
        return {
            **{name: getattr(one, name) for name in named},
            "sampling_error": round(one.sampling_error, 4),
            "requests": ranged(one.totals.requests),
            "tokens_in": ranged(one.totals.tokens_in),
            "tokens_cached": ranged(one.totals.cached),
            "tokens_out": ranged(one.totals.tokens_out),
            "cost": ranged(one.totals.cost, 6) if plan.prices.known else None,
            **({"steps": steps} if steps else {}),
        }

    return {
        "model": sent_name(config.model),
        "batch": plan.batch,
        "prices": plan.prices,
        "counted_by": plan.counted_by,
        "categories": {name: category(one) for name, one in plan.categories.items()},
        "total": category(plan.total),
    }
