"""From counted requests to totals with a range. Pure arithmetic: no file, no network, no clock.

Each figure is three numbers: the least and the most that are to be expected, and the likely one between. They are added end
to end, so a total's range is wider than chance would make it: what is off for one scene is off for all in the same direction.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from msgspec import Struct

from syphus.exchange import Usage
from syphus.money.prices import Prices

CACHED_FROM = 1024
CACHED_STEP = 128
"""Tokens from which providers keep a prefix in their cache (OpenAI's guide to prompt caching; others ask for as much or more), and the steps in which they do."""

ASSUMED_REPAIRS = 0.1
"""The share of first replies that are asked for again, where nothing is known."""
ASSUMED_OUT = (0.7, 1.5)
"""Replies are taken to be between so much of the shortest and of the longest demonstration."""
_EARLIER_OUT = 0.25
"""How far replies to another wording of the same step may be off."""

_ENOUGH_REPLIES = 3
_ENOUGH_FOR_REPAIRS = 10
_ENOUGH_FOR_A_SLOPE = 10
_LEAST_ERROR = 0.002
_FEW_COMPARED = 0.02


class Span(NamedTuple):
    """A figure with its range."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def plus(self, other: "Span") -> "Span":
        """Both together."""
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def times(self, factor: float) -> "Span":
        """So many of them."""
        return Span(self.low * factor, self.likely * factor, self.high * factor)

    def widened(self, part: float) -> "Span":
        """With a range that is wider by a part of each end, as 0.02."""
        return Span(self.low * max(0.0, 1 - part), self.likely, self.high * (1 + part))


class Counted(NamedTuple):
    """One request that is still to be sent, in tokens of our own count."""

    purpose: str
    constant: int
    rest: int
    schema: int = 0


class Cached(NamedTuple):
    """What is known of the provider's prompt cache for one step, with one model: sums over replies in the ledger."""

    replies: int = 0
    prompt: int = 0
    cached: int = 0
    assumed: bool = False
    """The provider keeps prefixes of itself, or is told to: without replies the constant part is taken to come from there."""


class Past(Struct):
    """What a step's replies in the ledger came to; added to while they are read."""

    first: int = 0
    """Replies to first requests."""
    repairs: int = 0
    replies: int = 0
    """Replies whose tokens the endpoint counted."""
    out: float = 0.0
    out_squares: float = 0.0
    compared: int = 0
    """Requests that we counted too, and sums over them: x is our count of what a scene adds, y the endpoint's of it all."""
    own: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def add(self, usage: Usage | None, *, repair: bool) -> None:
        """One reply."""
        self.repairs += repair
        self.first += not repair
        if usage is not None:
            self.replies += 1
            self.out += usage.completion
            self.out_squares += usage.completion**2

    def compare(self, counted: "Counted", billed: int) -> None:
        """One first request as it would have been planned, and the tokens of its prompt that the endpoint counted."""
        self.compared += 1
        self.own += counted.constant + counted.rest
        self.x += counted.rest
        self.y += billed
        self.xx += counted.rest**2
        self.xy += counted.rest * billed
        self.yy += billed**2

    def correction(self) -> "Correction":
        """What these comparisons make of our counts.

        The constant part is counted wrong by the same number each time, so the mean mends it; how much a token of ours is
        beyond that takes more comparisons to tell.
        """
        if not self.compared:
            return Correction()
        n, slope = self.compared, 1.0
        sxx, sxy = self.xx - self.x**2 / n, self.xy - self.x * self.y / n
        if n >= _ENOUGH_FOR_A_SLOPE and sxx > n:
            slope = min(2.0, max(0.5, sxy / sxx))
        syy = self.yy - self.y**2 / n
        residual = sqrt(max(0.0, syy - 2 * slope * sxy + slope**2 * sxx) / max(1, n - 1))
        error = max(2 * residual / sqrt(n) / (self.y / n), _LEAST_ERROR) if n >= _ENOUGH_REPLIES else _FEW_COMPARED
        return Correction(by=n, base=(self.y - slope * self.x) / n, slope=slope, ratio=self.y / self.own, error=error)


class Correction(NamedTuple):
    """How the endpoint's count of a prompt follows from ours."""

    by: int = 0
    """Replies that it was taken from; 0: ours holds."""
    base: float = 0.0
    """The endpoint's tokens of a prompt without what the scene adds."""
    slope: float = 1.0
    """Its tokens for each of ours beyond that."""
    ratio: float = 1.0
    """Its whole count / ours, in the mean."""
    error: float = 0.0
    """How far off a count may still be, as a part of it."""

    def prompt(self, request: "Counted") -> float:
        """The endpoint's count of a request."""
        if not self.by:
            return request.constant + request.rest
        return max(self.base + self.slope * request.rest, 1.0)


class Prospect(Struct, frozen=True, kw_only=True):
    """What is expected of one step's requests."""

    out: Span
    """Tokens of a reply."""
    out_from: str
    repairs: Span
    """Requests made again, for each first one."""
    repairs_from: str
    repair_prompt: int = 0
    """Tokens by which a repair's prompt is longer than the request that it repairs."""
    correction: Correction = Correction()
    error: float = 0.0
    """How far a prompt's count may still be off, as a part of it."""
    cached: float | None = None
    """The part of a prompt that is likely to come out of the provider's cache; None: not known."""
    cached_from: str = ""
    caches_constant: bool = False
    """Without a known part: all of the constant part but the first is taken to come from there."""


def prospect(
    past: Past,
    *,
    to_send: float,
    demonstrated: Sequence[int],
    earlier: tuple[int, float],
    max_tokens: int,
    repairs: int,
    repair_prompt: int,
    count_error: float,
    cached: Cached = Cached(),  # noqa: B008 - a constant
) -> Prospect:
    """What to expect of a step: from its own replies, else from those to an earlier wording, else from its demonstrations.

    Args:
        past: of this very wording.
        to_send: requests that are still to come; the mean of few is less sure than of many.
        demonstrated: tokens of the demonstrations' replies.
        earlier: replies in the ledger to any wording of this step, and their mean length in tokens.
        max_tokens: where a reply is cut.
        repairs: how often at most a reply is asked for again.
        repair_prompt: tokens by which a repair's prompt is longer.
        count_error: how far our count of a prompt may be off.
        cached: what the provider's cache gave so far.
    """
    out, out_from = _out(past, to_send, demonstrated, earlier, max_tokens)
    again, again_from = _repairs(past, repairs)
    correction = past.correction()
    error = min(correction.error, count_error) if correction.by else count_error
    measured = cached.replies >= _ENOUGH_REPLIES and cached.prompt > 0
    return Prospect(
        out=out,
        out_from=out_from,
        repairs=again,
        repairs_from=again_from,
        repair_prompt=repair_prompt,
        correction=correction,
        error=error,
        cached=min(1.0, cached.cached / cached.prompt) if measured else None,
        cached_from=_cached_from(cached) if measured else "",
        caches_constant=cached.assumed and not measured,
    )


def _cached_from(cached: Cached) -> str:
    return f"{cached.cached / cached.prompt:.1%} of the prompts' tokens, as in {cached.replies:,} replies in the ledger"


def _out(
    past: Past, to_send: float, demonstrated: Sequence[int], earlier: tuple[int, float], max_tokens: int
) -> tuple[Span, str]:
    if past.replies >= _ENOUGH_REPLIES:
        mean = past.out / past.replies
        spread = _spread(past.replies, past.out, past.out_squares)
        off = 2 * spread * sqrt(1 / past.replies + 1 / max(1.0, to_send))
        return Span(max(1.0, mean - off), mean, mean + off), f"the mean of {past.replies:,} replies in the ledger"
    if earlier[0] >= _ENOUGH_REPLIES:
        span = Span(*[earlier[1]] * 3).widened(_EARLIER_OUT)
        return span, f"the mean of {earlier[0]:,} replies to earlier requests of this step, give or take a quarter"
    if demonstrated:
        mean = sum(demonstrated) / len(demonstrated)
        low, high = ASSUMED_OUT[0] * min(demonstrated), ASSUMED_OUT[1] * max(demonstrated)
        span = Span(*(min(end, max_tokens) for end in (low, mean, high)))
        number = "demonstration" if len(demonstrated) == 1 else f"{len(demonstrated)} demonstrations"
        low_end, high_end = ASSUMED_OUT
        return span, f"assumed as in the {number}, from {low_end} x the shortest reply to {high_end} x the longest"
    nothing_known = f"not known: up to the limit of {max_tokens:,} tokens, half of it assumed"
    return Span(1, max_tokens / 2, max_tokens), nothing_known


def _repairs(past: Past, most: int) -> tuple[Span, str]:
    if not most:
        return Span(), "none are made"
    if past.first >= _ENOUGH_FOR_REPAIRS:
        rate = past.repairs / past.first
        off = 2 * sqrt(max(rate, 1 / past.first) / past.first)
        span = Span(max(0.0, rate - off), rate, min(float(most), rate + off))
        return span, f"{past.repairs:,} after {past.first:,} first replies in the ledger"
    # The few that there are count beside as many assumed ones as would be enough.
    assumed = _ENOUGH_FOR_REPAIRS * ASSUMED_REPAIRS
    likely = (past.repairs + assumed) / (past.first + _ENOUGH_FOR_REPAIRS)
    said = f"assumed for one reply in {1 / ASSUMED_REPAIRS:.0f}, up to all {most}"
    if past.first:
        said = f"{past.repairs:,} after {past.first:,} first replies, too few to rely on: up to all {most}"
    return Span(0, min(likely, most), most), said


def _spread(count: int, total: float, squares: float) -> float:
    """The standard deviation."""
    return sqrt(max(0.0, squares - total * total / count) / (count - 1)) if count > 1 else 0.0


class Totals(NamedTuple):
    """What some requests come to, repairs included."""

    requests: Span = Span()
    tokens_in: Span = Span()
    tokens_out: Span = Span()
    cost: Span = Span()
    """US dollars; means nothing where the prices are not known."""
    cached: Span = Span()
    """Of ``tokens_in``: what is taken to come out of the provider's cache. Most at the low end of the cost."""

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(*(mine.plus(their) for mine, their in zip(self, other, strict=True)))

    def times(self, factor: float) -> "Totals":
        """So many of them."""
        return Totals(*(span.times(factor) for span in self))

    def widened(self, part: float) -> "Totals":
        """With wider ranges."""
        return Totals(*(span.widened(part) for span in self))


class Group(NamedTuple):
    """Items of one kind, of which some were counted."""

    size: int
    items: Sequence[Sequence[Counted]]
    """The requests of each counted item; an item that needs none stands here too, with none."""


def extrapolate(
    groups: Sequence[Group], prospects: Mapping[str, Prospect], prices: Prices, *, batch: bool
) -> tuple[Totals, float]:
    """What all items of the groups come to, and how far off that may be because not all of them were counted.

    Args:
        groups: at least one item of each that is not empty was counted.
        prospects: for each ``category/step``.
        prices: each request is priced by itself.
        batch: through the provider's Batch API.

    Returns:
        The totals, their range widened by the error; and the error: two standard errors of the mean, as a part of the whole.
    """
    total, variance = Totals(), 0.0
    prefixes: dict[str, int] = {}
    for group in groups:
        made, squares = Totals(), 0.0
        for item in group.items:
            one = Totals()
            for request in item:
                one = one.plus(_one_request(request, prospects[request.purpose], prices, batch=batch))
                prefixes[request.purpose] = request.constant
            made = made.plus(one)
            squares += one.tokens_in.likely**2
        if count := len(group.items):
            total = total.plus(made.times(group.size / count))
            left_out = 1 - count / group.size
            variance += (group.size * _spread(count, made.tokens_in.likely, squares)) ** 2 * left_out / count
    error = 2 * sqrt(variance) / total.tokens_in.likely if total.tokens_in.likely else 0.0
    total = total.widened(error)
    # The first request of a prefix finds nothing in the provider's cache. What was measured has such requests in it.
    missed = [
        (_discount(constant, prices, batch=batch), _assumed(constant, prospects[name], prices, batch=batch))
        for name, constant in prefixes.items()
    ]
    discounted = [name for name, constant in prefixes.items() if _discount(constant, prices, batch=batch)]
    low, likely, high = total.cost
    likely += sum(prices.saved(Usage(prompt=constant, cached=constant), batch=batch) or 0.0 for _, constant in missed)
    low += sum(dollars for dollars, _ in missed)
    most, taken, none = total.cached
    first = sum(constant for _, constant in missed)
    taken = max(0.0, taken - first)
    cached = Span(max(taken, most - sum(prefixes[name] for name in discounted)), taken, none)
    return total._replace(cost=Span(min(low, likely), likely, high), cached=cached), error


def _one_request(request: Counted, expected: Prospect, prices: Prices, *, batch: bool) -> Totals:
    """A request with its share of repairs."""
    ends: list[tuple[float, float, float, float, float]] = []
    correction = expected.correction
    for end in range(3):
        off = 1 + (end - 1) * expected.error
        # Whether a schema is billed is known once the endpoint has counted one.
        schema = request.schema if end == 2 and not correction.by else 0
        prompt = correction.prompt(request) * off + schema
        longer = prompt + expected.repair_prompt * correction.ratio * off
        constant = request.constant * correction.ratio * off
        out, again = expected.out[end], expected.repairs[end]
        cost = cached = 0.0
        for size, share in ((prompt, 1.0), (longer, again)):
            usage = _usage(size, out, constant, expected, prices, end, batch=batch)
            cost += share * (prices.cost(usage, batch=batch) or 0.0)
            cached += share * usage.cached
        ends.append((1 + again, prompt + again * longer, out * (1 + again), cost, cached))
    return Totals(*(Span(*three) for three in zip(*ends, strict=True)))


def _usage(
    prompt: float, out: float, constant: float, expected: Prospect, prices: Prices, end: int, *, batch: bool
) -> Usage:
    """The usage of one request at this end of the range.

    At the low end the constant part is in the provider's cache, or more if more was measured; in the middle what was
    measured, or assumed; at the high end nothing, and all is written there where that is dearer.
    """
    tokens = round(prompt)
    likely = (
        round(prompt * expected.cached)
        if expected.cached is not None
        else _assumed(round(constant), expected, prices, batch=batch)
    )
    most = max(likely, round(constant) if _discount(round(constant), prices, batch=batch) else 0)
    cached = min(tokens, (most, likely, 0)[end])
    rates = prices.rates_for(tokens, batch=batch)
    dearer = rates is not None and rates.cache_write > rates.tokens_in and tokens >= CACHED_FROM
    return Usage(
        prompt=tokens, completion=round(out), cached=cached, cache_written=tokens if end == 2 and dearer else 0
    )


def _assumed(constant: int, expected: Prospect, prices: Prices, *, batch: bool) -> int:
    """Tokens of a request that are taken to come out of the cache where nothing was measured."""
    if not expected.caches_constant or not _discount(constant, prices, batch=batch):
        return 0
    return constant // CACHED_STEP * CACHED_STEP


def _discount(constant: int, prices: Prices, *, batch: bool) -> float:
    """US dollars that a request is cheaper for when its constant part is in the provider's cache."""
    if constant < CACHED_FROM:
        return 0.0
    return max(0.0, prices.saved(Usage(prompt=constant, cached=constant), batch=batch) or 0.0)
