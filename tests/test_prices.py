"""Prices: where they are found, and that plain numbers give what genai-prices gives."""

from datetime import UTC, datetime

import genai_prices
import pytest

from syphus.config import ModelTable
from syphus.errors import InputError
from syphus.exchange import Usage
from syphus.money.prices import Prices, find_prices, is_own_server

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPENAI = "https://api.openai.com/v1"


def endpoint(name: str, url: str | None = None, **prices: float) -> ModelTable:
    return ModelTable(kind="openai", name=name, base_url=url, **prices)


MODELS = [
    ("gpt-6-luna", OPENAI),
    ("gpt-6-luna-2026-09-22", OPENAI),
    ("gpt-6.1-sol", OPENAI),
    ("gpt-5.6-luna", OPENAI),
    ("gpt-4o-mini", OPENAI),
    ("openai/gpt-6-luna", "https://openrouter.ai/api/v1"),
    ("claude-sonnet-4-5", "https://api.anthropic.com/v1"),
    ("gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta/openai"),
    ("mistral-large-latest", "https://api.mistral.ai/v1"),
    ("sonar", "https://api.perplexity.ai"),
]
USAGES = [
    Usage(1, 1),
    Usage(1_500, 300),
    Usage(1_500, 300, cached=1_024),
    Usage(3_000, 300, cached=1_024, cache_written=1_500),
    Usage(200_000, 8_000, cached=100_000),
    Usage(200_001, 8_000),
    Usage(272_000, 10, cached=2_048),
    Usage(272_001, 10, cached=2_048, cache_written=100),
    Usage(900_000, 0),
]


@pytest.mark.parametrize(("name", "url"), MODELS, ids=[name for name, _ in MODELS])
@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_the_cost_is_that_of_genai_prices(name: str, url: str, batch: bool) -> None:
    prices = find_prices(endpoint(name, url), MOMENT)
    assert prices.known, prices.source
    for usage in USAGES:
        theirs = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.prompt,
                output_tokens=usage.completion,
                cache_read_tokens=usage.cached,
                cache_write_tokens=usage.cache_written,
            ),
            name,
            provider_api_url=url,
            genai_request_timestamp=MOMENT,
            price_context={"processing": "batch"} if batch else None,
        )
        assert prices.cost(usage, batch=batch) == pytest.approx(float(theirs.total_price), rel=1e-12), usage


def test_the_table_of_models_has_tiers_batches_and_cache_writes_in_it() -> None:
    """Or the test above would show nothing."""
    found = [find_prices(endpoint(name, url), MOMENT) for name, url in MODELS]
    assert sum(len(prices.rates) > 1 for prices in found) >= 3
    assert sum(bool(prices.batch_rates) for prices in found) >= 3
    assert sum(not prices.batch_rates for prices in found) >= 1
    assert sum(prices.rates[0].cache_write > prices.rates[0].tokens_in for prices in found) >= 2
    assert sum(prices.rates[0].request > 0 for prices in found) == 1


def test_a_long_prompt_is_priced_by_itself() -> None:
    luna = find_prices(endpoint("gpt-6-luna"), MOMENT)
    assert luna.source.startswith("genai-prices ")
    assert luna.source.endswith(": openai gpt-6-luna")
    assert luna.cost(Usage(200_000, 1_000)) == pytest.approx(0.0205)
    assert luna.cost(Usage(300_000, 1_000)) == pytest.approx(0.06075)
    assert luna.cost(Usage(200_000, 1_000), batch=True) == pytest.approx(0.01025)


def test_what_the_cache_saved_and_what_writing_to_it_cost() -> None:
    luna = find_prices(endpoint("gpt-6-luna"), MOMENT)
    read, written = Usage(2_000, 100, cached=1_500), Usage(2_000, 100, cache_written=1_500)
    plain = luna.cost(Usage(2_000, 100))
    for usage in (read, written):
        assert luna.saved(usage) == pytest.approx(plain - luna.cost(usage))
    assert luna.saved(read) > 0 > luna.saved(written)


@pytest.mark.parametrize("prompt", [10, 5_000, 272_000, 272_001, 500_000])
@pytest.mark.parametrize("batch", [False, True])
def test_no_request_costs_more_than_the_most(prompt: int, batch: bool) -> None:
    for name in ("gpt-6-luna", "gpt-6.1-sol"):
        prices = find_prices(endpoint(name), MOMENT)
        most = prices.most(prompt, 700, batch=batch)
        for cached, written in ((0, 0), (prompt, 0), (0, prompt), (prompt // 2, prompt // 2)):
            for completion in (0, 350, 700):
                usage = Usage(prompt, completion, cached=cached, cache_written=written)
                assert prices.cost(usage, batch=batch) <= most


def test_the_configuration_goes_first() -> None:
    prices = find_prices(endpoint("gpt-6-luna", price_in=3.0, price_out=7.0))
    assert prices.source == "the configuration"
    assert prices.cost(Usage(1_000_000, 1_000_000, cached=500_000, cache_written=100_000)) == 10.0
    assert prices.cost(Usage(1_000_000, 0), batch=True) == 3.0
    full = find_prices(
        endpoint(
            "x", "http://localhost:1/v1", price_in=4, price_out=8, price_cached=1, price_cache_write=5, price_batch=0.5
        )
    )
    usage = Usage(1_000_000, 100_000, cached=400_000, cache_written=200_000)
    assert full.cost(usage) == pytest.approx(0.4 * 4 + 0.4 * 1 + 0.2 * 5 + 0.1 * 8)
    assert full.cost(usage, batch=True) == pytest.approx(full.cost(usage) / 2)


@pytest.mark.parametrize(
    "prices", [{"price_in": 1.0}, {"price_out": 1.0}, {"price_cached": 1.0}, {"price_batch": 0.5}], ids=str
)
def test_half_a_price_is_a_mistake(prices: dict[str, float]) -> None:
    with pytest.raises(InputError, match="price"):
        find_prices(endpoint("gpt-6-luna", **prices))


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("gpt-6.2-nova", OPENAI),
        ("gpt-6-luna", "http://127.0.0.1:8000/v1"),
        ("openai/gpt-6-luna", "http://localhost:8000/v1"),
        ("gpt-6-luna", "http://192.168.3.4:8000/v1"),
        ("gpt-6-luna", "http://gpu-box:8000/v1"),
        ("gpt-6-luna", "https://gateway.example.com/v1"),
        ("meta-llama/some-model", "https://gateway.example.com/v1"),
        ("text-embedding-3-small", OPENAI),
    ],
)
def test_what_nobody_knows_is_unknown(name: str, url: str) -> None:
    prices = find_prices(endpoint(name, url), MOMENT)
    assert not prices.known
    assert prices.source.startswith("unknown: ")
    usage = Usage(1000, 1000, cached=10)
    assert prices.cost(usage) is prices.saved(usage) is prices.most(1, 1) is None


def test_a_gateway_is_priced_by_the_vendor_in_the_name_and_says_so() -> None:
    prices = find_prices(endpoint("openai/gpt-6-luna", "https://gateway.example.com/v1"), MOMENT)
    assert prices.cost(Usage(1_000_000 // 4, 0)) == pytest.approx(0.025)
    assert "what gateway.example.com adds is not known" in prices.source


def test_a_model_here_is_free() -> None:
    for kind in ("local", "none"):
        prices = find_prices(ModelTable(kind=kind))
        assert prices.source.startswith("free: ")
        assert prices.cost(Usage(10**6, 10**6)) == 0.0


def test_where_the_hour_matters_the_dearest_is_taken() -> None:
    table = endpoint("deepseek-chat", "https://api.deepseek.com/v1")
    # In 2025 the nights were half price; these prices are history and do not change.
    day, night = (find_prices(table, datetime(2025, 6, 1, hour, tzinfo=UTC)) for hour in (12, 20))
    usage = Usage(10_000, 1_000)
    theirs = [
        float(
            genai_prices.calc_price(
                genai_prices.Usage(input_tokens=10_000, output_tokens=1_000),
                "deepseek-chat",
                provider_api_url=table.base_url,
                genai_request_timestamp=datetime(2025, 6, 1, hour, tzinfo=UTC),
            ).total_price
        )
        for hour in range(24)
    ]
    assert min(theirs) < max(theirs)
    assert day.cost(usage) == night.cost(usage) == pytest.approx(max(theirs))
    assert "dearest hour" in day.source


def test_prices_survive_being_stored() -> None:
    import msgspec

    prices = find_prices(endpoint("gpt-6-luna"), MOMENT)
    assert msgspec.json.decode(msgspec.json.encode(prices), type=Prices) == prices


def test_own_servers() -> None:
    own = [
        "http://localhost:8000/v1",
        "http://[::1]:9/v1",
        "http://10.0.0.7/v1",
        "http://box/v1",
        "http://box.local/v1",
    ]
    assert all(map(is_own_server, own))
    assert not any(map(is_own_server, [OPENAI, "https://8.8.8.8/v1", "https://x.openai.azure.com/openai/v1"]))


def test_prices_are_read_from_the_bundled_list_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a price list was fetched")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert find_prices(endpoint("gpt-6-luna"), MOMENT).known
