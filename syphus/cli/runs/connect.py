"""From the configuration's ``[model]`` table to an engine: the endpoints, what they can do, what may be spent."""

import time
from pathlib import Path

from syphus.categories.category import Category, ChatStep
from syphus.cli import view
from syphus.cli.runs.sending import endpoint_tables, first_endpoint, known_abilities, sent_extra, sent_name
from syphus.config import Config, ModelTable
from syphus.endpoints.lanes import Client, Lane
from syphus.endpoints.limits import Limits
from syphus.endpoints.wire import Abilities
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.dispatch import StoppedError
from syphus.engine.run import Engine
from syphus.errors import Exit, InputError, SyphusError
from syphus.exchange import Parameters
from syphus.ledger.ledger import Ledger
from syphus.money.budget import Budget
from syphus.money.prices import find_prices

FIRST_IN_FLIGHT = 16
MOST_IN_FLIGHT = 512
"""Calls in flight where the configuration names no number: from the first to the second, as the endpoint allows."""


async def open_engine(config: Config, categories: list[Category], ledger: Ledger, counters: Counters) -> Engine:
    """An engine for these categories, with the endpoints of the configuration; the first is asked what it can do.

    Raises:
        InputError: a setting, a key or a price that is needed is missing.
        ModelError: the endpoint refuses to be asked.
        SyphusError: the budget has no room for asking it.
    """
    model = config.model
    settings = RunSettings(attempts=model.attempts, extra=sent_extra(model))
    asking = [step for category in categories for step in category.chat_steps]
    if not asking:
        return Engine(ledger, (), "", Abilities(), settings, counters)
    lanes = [_local_lane(model)] if model.kind == "local" else [_lane(table) for table in endpoint_tables(model)]
    ledger.keep_reserve(sum(lane.limits.most for lane in lanes))
    ledger.count_what_was_held()
    budget = Budget(config.run.budget, ledger.dollars())
    _check_budget(config, lanes)
    name = sent_name(model)
    engine = Engine(ledger, lanes, name, known_abilities(model, ledger), settings, counters, budget)
    _expect(config, categories, ledger, counters, lanes)
    try:
        if model.kind == "openai":
            await _find_out(engine, model, asking, ledger)
            view.say(_described(lanes, name, engine.abilities))
    except BaseException:
        await engine.close()
        raise
    return engine


def _expect(config: Config, categories: list[Category], ledger: Ledger, counters: Counters, lanes: list[Lane]) -> None:
    """Notes what the run's projection rests on before the first reply, where anything costs something."""
    if not any(lane.prices.costs for lane in lanes):
        return
    from syphus.cli.runs.forecast import expected_costs

    counters.expected = expected_costs(config, categories, ledger)
    if not ledger.places_kept:
        counters.per_scene = {category.name: category.samples for category in categories}


def _local_lane(model: ModelTable) -> Lane:
    from syphus.endpoints import local, weights

    slots = model.concurrency or 1
    path = Path(model.path) if model.path else weights.embedded_model(view.say)
    client = local.LocalClient(path, window=model.window, slots=slots, threads=model.threads)
    return Lane(client, Limits(most=slots), find_prices(model))


def _lane(model: ModelTable) -> Lane:
    most = model.concurrency or MOST_IN_FLIGHT
    shown = f" ({model.key_variable})" if model.key_variable != "OPENAI_API_KEY" else ""
    client = _client(model, most)
    limits = Limits(
        most=most,
        start=model.concurrency or FIRST_IN_FLIGHT,
        requests_per_minute=model.requests_per_minute,
        tokens_per_minute=model.tokens_per_minute,
        now=time.monotonic(),
    )
    return Lane(client, limits, find_prices(model), name=client.endpoint + shown, model=model.name)


def _client(model: ModelTable, connections: int) -> Client:
    from syphus.endpoints.http import HttpClient, has_proxy

    if model.transport == "lean" and not has_proxy(model.base_url):
        return HttpClient(
            base_url=model.base_url, key_variable=model.key_variable, timeout=model.timeout, headers=model.headers
        )
    from syphus.endpoints.sdk import OpenAIClient

    if model.transport == "lean":
        view.say("there is a proxy in the environment, so calls go through the SDK")
    return OpenAIClient(
        base_url=model.base_url,
        key_variable=model.key_variable,
        timeout=model.timeout,
        connections=connections,
        headers=model.headers,
    )


def _check_budget(config: Config, lanes: list[Lane]) -> None:
    if config.run.budget is None:
        return
    for lane in lanes:
        if not lane.prices.known:
            raise InputError(
                f"a budget needs prices, and none are known for {lane.name} ({lane.prices.source})",
                place="[run] budget",
                mend="Give them, in US dollars for a million tokens: --set model.price_in=0.1 --set model.price_out=0.5",
            )


async def _find_out(engine: Engine, model: ModelTable, asking: list[ChatStep], ledger: Ledger) -> None:
    """Asks the first endpoint what it can do, unless it was asked before or the configuration says it."""
    endpoint = first_endpoint(model)
    name = f"{endpoint} {model.name}"
    if model.schema_mode != "auto" or ledger.find_abilities(name, Abilities) is not None:
        return
    from syphus.endpoints.probe import probe

    wanted = Parameters(
        temperature=next((step.temperature for step in asking if step.temperature is not None), None),
        max_tokens=500,
        reasoning_effort=asking[0].reasoning_effort,
    )
    view.say(f"asking {endpoint} what it can do")
    try:
        engine.abilities = await probe(engine.ask_once, engine.abilities, wanted)
    except StoppedError:
        raise ledger.full or _no_room(engine.dispatch.budget) from None
    for one in (name, model.name):
        ledger.record_abilities(one, engine.abilities)


def _no_room(budget: Budget) -> SyphusError:
    error = SyphusError(
        f"the budget of {view.dollars(budget.cap or 0.0)} is reached: {view.dollars(budget.spent)} are spent, and even the tiny"
        " calls that find out what the endpoint can do could go beyond it.\n  Give a larger --budget."
    )
    error.exit_code = Exit.BUDGET
    return error


def _described(lanes: list[Lane], model: str, abilities: Abilities) -> str:
    places = lanes[0].name if len(lanes) == 1 else f"{len(lanes)} endpoints"
    text = f"{model} at {places}: replies by {abilities.schema_mode}"
    if abilities.cache != "none":
        text += "; the constant part of prompts is marked for the provider's cache"
    return text if abilities.temperature else f"{text}; takes no temperature, so none is sent"
