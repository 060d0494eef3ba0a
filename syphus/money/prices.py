"""What a request costs. The only importer of genai-prices.

The configuration's prices go first, then the table that genai-prices carries with it (nothing is fetched), else the price is
unknown, and said to be. A model's prices are turned into plain numbers once: each request of a run is priced by itself, since
a long prompt has another price than a short one, and a sum of tokens would hide it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from syphus.config import ModelTable
from syphus.errors import InputError
from syphus.exchange import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

OPENAI = "https://api.openai.com/v1"
"""Where a model is asked whose ``base_url`` is not given."""

_MILLION = 1_000_000


class Rates(Struct, frozen=True, kw_only=True):
    """US dollars for a million tokens, for prompts of more than ``above`` tokens."""

    above: int = -1
    tokens_in: float
    tokens_out: float
    cached: float
    """Prompt tokens that the provider had in its cache."""
    cache_write: float
    """Prompt tokens that it put there."""
    request: float = 0.0
    """Dollars for each request, whatever its size."""


class Prices(Struct, frozen=True, kw_only=True):
    """What one model costs; without ``rates`` nobody knows."""

    source: str
    """Where the prices are from, in words."""
    rates: tuple[Rates, ...] = ()
    """The last that a prompt is long enough for holds for all its tokens, as providers bill long contexts."""
    batch_rates: tuple[Rates, ...] = ()
    """Through the provider's Batch API; empty where no such price is known."""

    @property
    def known(self) -> bool:
        """False: no cost can be told."""
        return bool(self.rates)

    @property
    def costs(self) -> bool:
        """False: no cost can be told, or there is none."""
        return any(rates.tokens_in or rates.tokens_out or rates.request for rates in self.rates)

    def rates_for(self, prompt_tokens: int, *, batch: bool = False) -> Rates | None:
        """The rates of a prompt of this length. A batch whose price is not known is reckoned at the full one."""
        found = None
        for rates in (self.batch_rates or self.rates) if batch else self.rates:
            if found is not None and prompt_tokens <= rates.above:
                break
            found = rates
        return found

    def cost(self, usage: Usage, *, batch: bool = False) -> float | None:
        """US dollars of one request, never of a sum of requests; None where the price is not known."""
        rates = self.rates_for(usage.prompt, batch=batch)
        if rates is None:
            return None
        # Some endpoints leave what was cached out of the prompt's count.
        plain = max(0, usage.prompt - usage.cached - usage.cache_written)
        return (
            plain * rates.tokens_in
            + usage.cached * rates.cached
            + usage.cache_written * rates.cache_write
            + usage.completion * rates.tokens_out
        ) / _MILLION + rates.request

    def saved(self, usage: Usage, *, batch: bool = False) -> float | None:
        """US dollars by which the provider's cache made one request cheaper; what writing to it cost more is taken off."""
        rates = self.rates_for(usage.prompt, batch=batch)
        if rates is None:
            return None
        read = usage.cached * (rates.tokens_in - rates.cached)
        return (read - usage.cache_written * (rates.cache_write - rates.tokens_in)) / _MILLION

    def most(self, prompt_tokens: int, max_completion_tokens: int, *, batch: bool = False) -> float | None:
        """US dollars that one request costs at most: the reply as long as it may be, nothing cached, all written there."""
        rates = self.rates_for(prompt_tokens, batch=batch)
        if rates is None:
            return None
        dearest = max(rates.tokens_in, rates.cache_write)
        return (prompt_tokens * dearest + max_completion_tokens * rates.tokens_out) / _MILLION + rates.request


def find_prices(model: ModelTable, moment: datetime | None = None) -> Prices:
    """The prices of the configuration's model at its endpoint.

    Args:
        model: the ``[model]`` table, with what flags have set.
        moment: prices change; those of this moment, or of now. Where they depend on the hour, the dearest hour's are taken.

    Raises:
        InputError: the configuration gives the price of the prompt or of the reply, but not of both.
    """
    if (own := _configured(model)) is not None:
        return own
    if model.kind == "local":
        return _free("free: a model on this machine")
    if model.kind == "none":
        return _free("free: no model is asked")
    url = model.base_url or OPENAI
    if is_own_server(url):
        return Prices(source=f"unknown: {_host(url)} is nobody's price list")
    return _listed(model.name, url, moment or datetime.now(UTC))


def is_own_server(url: str) -> bool:
    """Whether an address is of this machine or of a private network: no provider's, so no list has its prices."""
    host = _host(url)
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".localhost", ".internal"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _configured(model: ModelTable) -> Prices | None:
    if model.price_in is None and model.price_out is None:
        for key in ("price_cached", "price_cache_write", "price_batch"):
            if getattr(model, key) is not None:
                raise InputError(
                    f"[model] {key} stands alone",
                    mend="Give price_in and price_out too (US dollars for a million tokens).",
                )
        return None
    if model.price_in is None or model.price_out is None:
        missing = "price_in" if model.price_in is None else "price_out"
        raise InputError(
            f"[model] {missing} is missing", mend="The price needs both (US dollars for a million tokens)."
        )
    rates = Rates(
        tokens_in=model.price_in,
        tokens_out=model.price_out,
        cached=model.price_in if model.price_cached is None else model.price_cached,
        cache_write=model.price_in if model.price_cache_write is None else model.price_cache_write,
    )
    # No discount is taken for granted: what a budget holds to must not be cheaper than somebody has said.
    batch = () if model.price_batch is None else (_scaled(rates, model.price_batch),)
    return Prices(source="the configuration", rates=(rates,), batch_rates=batch)


def _scaled(rates: Rates, factor: float) -> Rates:
    return Rates(
        tokens_in=rates.tokens_in * factor,
        tokens_out=rates.tokens_out * factor,
        cached=rates.cached * factor,
        cache_write=rates.cache_write * factor,
    )


def _free(source: str) -> Prices:
    nothing = (Rates(tokens_in=0.0, tokens_out=0.0, cached=0.0, cache_write=0.0),)
    return Prices(source=source, rates=nothing, batch_rates=nothing)


def _listed(name: str, url: str, moment: datetime) -> Prices:
    """The prices in genai-prices: by the provider whose address it is; of another gateway, by the vendor in the name."""
    from genai_prices import __version__  # noqa: PLC0415 - 0.15 s of start-up, which only a paid run needs
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    snapshot = get_snapshot()
    vendor, _, bare = name.partition("/")
    candidates = [(None, url, name), *([(None, url, bare), (vendor, None, bare)] if bare else [])]
    for provider_id, provider_url, model_name in candidates:
        try:
            provider, model = snapshot.find_provider_model(model_name, None, provider_id, provider_url)
        except LookupError:
            continue
        rates, by_hour = _rates_of(model, moment, {})
        if not rates:
            continue
        source = f"genai-prices {__version__}: {provider.id} {model.id}"
        source += ", at the dearest hour of the day" if by_hour else ""
        source += f", by its name; what {_host(url)} adds is not known" if provider_id else ""
        # Without a batch variant the library hands out the standard price, which is no price of a batch.
        has_batch = any(variant.when == _BATCH for variant in model.price_variants or ())
        return Prices(source=source, rates=rates, batch_rates=_rates_of(model, moment, _BATCH)[0] if has_batch else ())
    return Prices(source=f"unknown: genai-prices {__version__} has no {name} at {_host(url)}")


_BATCH = {"processing": "batch"}


def _rates_of(model: "ModelInfo", moment: datetime, context: dict[str, str]) -> tuple[tuple[Rates, ...], bool]:
    """The model's rates, the dearest of the day, and whether they depend on the hour."""
    seen: list[tuple[Rates, ...]] = []
    for hour in _hours(model, moment):
        rates = tuple(_plain_rates(model.get_prices(hour, context or None), free=model.id.endswith(":free")))
        if rates and rates not in seen:
            seen.append(rates)
    dearest = max(seen, key=lambda rates: rates[0].tokens_in + rates[0].tokens_out, default=())
    return dearest, len(seen) > 1


def _hours(model: "ModelInfo", moment: datetime) -> Iterable[datetime]:
    from genai_prices.types import TimeOfDateConstraint  # noqa: PLC0415

    conditions = model.prices if isinstance(model.prices, list) else []
    if not any(isinstance(one.constraint, TimeOfDateConstraint) for one in conditions):
        return [moment]
    return [moment.astimezone(UTC).replace(hour=hour, minute=half) for hour in range(24) for half in (0, 30)]


_Key = Literal["input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"]


def _plain_rates(prices: "ModelPrice", *, free: bool) -> Iterator[Rates]:
    """A price of genai-prices as rates, one for each length of prompt at which any of its numbers changes.

    What has no price of its own costs what its kind costs: a cached token is a prompt token. A model without prices for
    prompt and reply is no chat model, or one that the list knows nothing of.
    """
    if prices.input_mtok is None or prices.output_mtok is None:
        if not free:
            return
        yield from _free("").rates
        return
    keys: tuple[_Key, ...] = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    found = {key: getattr(prices, key) for key in keys}
    starts = {tier.start for price in found.values() for tier in getattr(price, "tiers", ())}
    per_request = prices.requests_kcount
    for above in (-1, *sorted(starts)):
        tokens_in = _at(found["input_mtok"], above) or 0.0
        cached, written = _at(found["cache_read_mtok"], above), _at(found["cache_write_mtok"], above)
        yield Rates(
            above=above,
            tokens_in=tokens_in,
            tokens_out=_at(found["output_mtok"], above) or 0.0,
            cached=tokens_in if cached is None else cached,
            cache_write=tokens_in if written is None else written,
            request=(_at(per_request, above) or 0.0) / 1000,
        )


def _at(price: "TieredPrices | object", above: int) -> float | None:
    """A price for prompts just longer than ``above`` tokens."""
    if price is None:
        return None
    value = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if tier.start <= above:
            value = tier.price
    return float(str(value))
