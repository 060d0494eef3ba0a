"""How much one endpoint is given at a time: calls in flight, requests and tokens a minute, pauses.

A state machine without effects: it is told what happens and what the time is, and says how long to wait. The numbers come
from the configuration, or are learned from the headers of every reply.

Concurrency grows and shrinks as TCP's window does (slow start; then one more for each round; three quarters after trouble),
with a bound by latency, because a saturated server of one's own says nothing: it only becomes slow.
"""

import math
from collections.abc import Mapping

from syphus.endpoints.headers import read_allowances
from syphus.errors import FailureKind, ModelError

MARGIN = 0.97
"""Of a limit that is used: its minute and ours need not begin together."""
BURST_SECONDS = 1.0
"""What may go at once after a rest; providers divide a minute's limit into seconds."""
SHRINK = 0.75
SLOWED = 2.0
"""Growth stops where a token takes so many times what it took at best."""
CHOKED = 4.0
"""And concurrency shrinks beyond this."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds, for refusals that do not say how long to wait."""
LONGEST_ASKED_PAUSE = 300.0
"""A provider that asks for more is tried again after this."""

_CROWDED = frozenset({429, 502, 503, 504, 529})
_WORDS_BEFORE = 50
"""Added to a reply's tokens when its time is divided by them: the time before the first one counts as so many."""
_MANY = 0.05
"""Of a round's calls: so many must fail, with what is no plain rate limit, to be a sign of too many."""
_BACK = 0.1
"""Of what is allowed, for each round: growth back to what was allowed before."""
_FEWEST_JUDGED = 8
_DRIFT = 1.02
"""The best latency is forgotten so slowly: an endpoint may be another one tomorrow."""


class Bucket:
    """A rate that is filled evenly. What is larger than all of it may be taken when it is full, and leaves a debt.

    Args:
        per_minute: requests or tokens.
        now: seconds on the clock that is used throughout.
        burst: seconds whose share may go at once.
    """

    def __init__(self, per_minute: float, now: float, burst: float = BURST_SECONDS) -> None:
        self._rate = per_minute / 60 * MARGIN
        self._full = max(1.0, self._rate * burst)
        self._level = self._full
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until ``amount`` may be taken."""
        self._fill(now)
        missing = min(amount, self._full) - self._level
        return missing / self._rate if missing > 1e-9 else 0.0

    def take(self, amount: float) -> None:
        """Takes it; a negative amount is given back."""
        self._level = min(self._full, self._level - amount)

    def lower(self, remaining: float) -> None:
        """Holds no more than the provider says is left."""
        self._level = min(self._level, remaining)

    def set_level(self, amount: float, now: float) -> None:
        """Holds so much now."""
        self._level, self._at = min(self._full, amount), now

    def set_rate(self, per_minute: float, now: float, burst: float = BURST_SECONDS) -> None:
        """Another rate from now on."""
        self._fill(now)
        self._rate = per_minute / 60 * MARGIN
        self._full = max(1.0, self._rate * burst)
        self._level = min(self._level, self._full)

    def _fill(self, now: float) -> None:
        self._level = min(self._full, self._level + (now - self._at) * self._rate)
        self._at = now


class Limits:
    """What one endpoint is given.

    Args:
        most: calls in flight, at most.
        start: calls in flight to begin with; equal to ``most`` where the user has named a number.
        requests_per_minute: as configured; None: learned from headers.
        tokens_per_minute: of prompts and replies together; None: learned.
        now: seconds.
    """

    def __init__(
        self,
        *,
        most: int,
        start: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        now: float = 0.0,
    ) -> None:
        self.allowed = float(min(start or most, most))
        """Calls in flight at present."""
        self.in_flight = 0
        self.paused_until = 0.0
        self._refused_until = 0.0
        self.most = most
        self._adaptive_to_latency = start is not None and start < most
        self._slowed = False
        self._slow_start = True
        self._shrunk_at = -math.inf
        self._was = 0.0
        """What was allowed before it shrank last: up to there it grows back quickly."""
        self._round = self._failed = 0
        self._refusals_in_a_row = 0
        self._held = 0
        """Tokens that were taken for the calls in flight."""
        self._buckets: dict[_Key, Bucket] = {}
        self._configured: set[str] = set()
        self._rates: dict[_Key, tuple[float, float]] = {}
        for unit, rate in (("requests", requests_per_minute), ("tokens", tokens_per_minute)):
            if rate is not None:
                self._buckets[unit, None] = Bucket(rate, now)
                self._configured.add(unit)
        self._window: list[float] = []
        self._judged_after = _FEWEST_JUDGED
        self._best = math.inf

    def wait(self, tokens: int, now: float) -> float:
        """Seconds until a call of about so many tokens may go; 0: now; infinite: when another has come back."""
        if self.in_flight >= int(self.allowed):
            return math.inf
        if not self._buckets:
            return max(0.0, self.paused_until - now)
        waits = [bucket.wait(_amount(unit, tokens), now) for (unit, _), bucket in self._buckets.items()]
        return max(0.0, self.paused_until - now, *waits)

    def take(self, tokens: int) -> None:
        """A call goes."""
        self.in_flight += 1
        self._held += tokens
        for (unit, _), bucket in self._buckets.items():
            bucket.take(_amount(unit, tokens))

    def give_back(self, tokens: int, used: int | None) -> None:
        """A call has come back, having used so many tokens; None where that is not known."""
        self.in_flight -= 1
        self._held -= tokens
        if used is not None:
            for (unit, _), bucket in self._buckets.items():
                if unit != "requests":
                    bucket.take(used - tokens)

    def succeeded(self, started: float, now: float, completion: int) -> None:
        """A reply came, and its call is not given back yet: more may be tried, as long as replies do not become slow."""
        self._refusals_in_a_row = 0
        busy = self.in_flight >= 0.5 * self.allowed  # as in TCP: what is not used is not grown
        self._count_one(failed=False)
        if self._adaptive_to_latency:
            self._window.append((now - started) / (completion + _WORDS_BEFORE))
            if len(self._window) >= self._judged_after:
                self._judge_latency(now)
        if busy and self.allowed < self.most and not self._slowed:
            step = (
                1.0 if self._slow_start else max(1.0, _BACK * self.allowed * (self.allowed < self._was)) / self.allowed
            )
            self.allowed = min(float(self.most), self.allowed + step)

    def _judge_latency(self, now: float) -> None:
        mean = sum(self._window) / len(self._window)
        self._window.clear()
        self._judged_after = max(_FEWEST_JUDGED, int(self.allowed))
        self._best = min(self._best * _DRIFT, mean)
        self._slowed = mean > SLOWED * self._best
        if mean > CHOKED * self._best:
            self._shrink(now, now)
        if self._slowed:
            self._slow_start = False

    def failed(self, error: ModelError, started: float, now: float) -> None:
        """A call failed: fewer at a time where there were too many, and a pause where one is asked for or needed."""
        crowded = error.kind in (FailureKind.RATE_LIMIT, FailureKind.TIMEOUT) or error.status in _CROWDED
        if crowded and (self._count_one(failed=True) or error.kind is FailureKind.RATE_LIMIT):
            self._shrink(started, now)
        asked = min(error.retry_after or 0.0, LONGEST_ASKED_PAUSE)
        if asked and crowded:
            self._pause(asked, now)
        if error.kind is FailureKind.RATE_LIMIT and started >= self._refused_until:
            # One that asks for no time at all (`Retry-After: 0`), or for too little each time, would be asked without end.
            self._refusals_in_a_row += 1
            doublings = self._refusals_in_a_row - (2 if asked else 1)
            self._pause(min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE) if doublings >= 0 else asked, now)
            self._refused_until = self.paused_until

    def _count_one(self, *, failed: bool) -> bool:
        """Counts one call of the present round; True where so many of them failed that it is the crowd's doing.

        A lone error in a large round happens to every provider, and says nothing of how many calls it can take.
        """
        if self._round >= max(_FEWEST_JUDGED, self.allowed):
            self._round = self._failed = 0
        self._round += 1
        self._failed += failed
        return self._failed >= max(2, _MANY * self.allowed) or self.allowed < 2

    def _pause(self, seconds: float, now: float) -> None:
        self.paused_until = max(self.paused_until, now + seconds)

    def _shrink(self, started: float, now: float) -> None:
        """Once for each round: the calls that were on their way already say nothing new."""
        if started > self._shrunk_at:
            self._was = self.allowed
            self.allowed = max(1.0, self.allowed * SHRINK)
            self._shrunk_at = now
            self._slow_start = False

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Takes over what a reply's headers say; what the configuration says goes before it.

        A minute's limit is spread over its seconds. That of an hour or a day is not, where the reply says what is left of it:
        a thousand requests a day are no request every 86 seconds.
        """
        for one in read_allowances(headers):
            unit, rate, remaining = one.unit, one.per_minute, one.remaining
            key = unit, one.period if one.named else None
            long = one.period > 60 and remaining is not None
            burst = one.period if long else BURST_SECONDS
            if rate and unit not in self._configured and self._rates.get(key) != (rate, burst):
                self._rates[key] = rate, burst
                if key in self._buckets:
                    self._buckets[key].set_rate(rate, now, burst)
                else:
                    self._buckets[key] = Bucket(rate, now, burst)
            if remaining is None:
                continue
            if key in self._buckets:
                if long and unit not in self._configured:
                    # It may be there again all at once, at midnight. What is on its way may not be counted yet.
                    self._buckets[key].set_level(
                        remaining - (self.in_flight if unit == "requests" else self._held), now
                    )
                # What is on its way is not counted there yet, or is: the smaller number is the safe one.
                self._buckets[key].lower(remaining)
            elif remaining == 0 and one.reset:
                self._pause(min(one.reset, LONGEST_ASKED_PAUSE), now)

    @property
    def rates(self) -> dict[str, float]:
        """What was learned, for a minute, by unit."""
        return {unit: min(rate for (of, _), (rate, _) in self._rates.items() if of == unit) for unit, _ in self._rates}


_Key = tuple[str, float | None]
"""A unit, and the period where the header names it."""


def _amount(unit: str, tokens: int) -> float:
    return 1.0 if unit == "requests" else float(tokens)
