"""An engine as the commands make it, against an endpoint of the tests."""

import time
from typing import Any

from syphus.endpoints.http import HttpClient
from syphus.endpoints.lanes import Lane
from syphus.endpoints.limits import Limits
from syphus.endpoints.wire import Abilities
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.run import Engine
from syphus.ledger.ledger import Ledger
from syphus.money.budget import Budget
from syphus.money.prices import Prices, Rates

DEAR = Prices(
    source="test",
    rates=(Rates(tokens_in=1000.0, tokens_out=10_000.0, cached=100.0, cache_write=1250.0),),
)
"""A tenth of a cent for a token of prompt, a cent for one of the reply."""


def client_of(url: str, timeout: float = 5) -> HttpClient:
    return HttpClient(base_url=url, key_variable="OPENAI_API_KEY", timeout=timeout)


def lane_of(url: str, *, concurrency: int = 8, timeout: float = 5, prices: Prices | None = None, **limits: Any) -> Lane:
    given = Limits(most=concurrency, now=time.monotonic(), **limits)
    return Lane(client_of(url, timeout), given, *([prices] if prices else []))


def engine_of(
    ledger: Ledger,
    *lanes: Lane,
    attempts: int = 4,
    abilities: Abilities | None = None,
    budget: float | None = None,
    patience: float = 900.0,
    doubt: float = 0.0,
) -> Engine:
    ledger.count_what_was_held()
    settings = RunSettings(attempts=attempts, patience=patience, doubt=doubt)
    return Engine(ledger, lanes, "m", abilities or Abilities(), settings, Counters(), Budget(budget, ledger.dollars()))
