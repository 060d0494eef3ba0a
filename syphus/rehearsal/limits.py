"""Rate limits as providers keep them: a bucket of requests and one of tokens, and the headers that tell of both."""

import math
import time
from collections.abc import Callable

from msgspec import Struct

from syphus.rehearsal.replies import Answer, error


class Limits(Struct, frozen=True, kw_only=True):
    """What the endpoint allows. None: no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """Prompt and reply together, as ``usage`` counts them."""
    window: float = 60.0
    """Seconds whose share may be used at once. Providers split the minute: 60,000 a minute may be kept as 1,000 a second."""


class _Bucket:
    def __init__(self, per_minute: int, window: float, now: float) -> None:
        self.per_minute = per_minute
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * window)
        self._level = self._most
        self._at = now

    def fill(self, now: float) -> None:
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now

    def wait_for(self, amount: float) -> float:
        """Seconds until ``amount`` is there; more than the bucket holds is given when it is full, or it would never be."""
        return max(0.0, min(amount, self._most) - self._level) / self._rate

    def take(self, amount: float) -> None:
        self._level -= amount

    def headers(self, unit: str) -> dict[str, str]:
        return {
            f"x-ratelimit-limit-{unit}": str(self.per_minute),
            f"x-ratelimit-remaining-{unit}": str(max(0, math.floor(self._level))),
            f"x-ratelimit-reset-{unit}": f"{max(0.0, self._most - self._level) / self._rate:.3f}s",
        }


class LimitKeeper:
    """Keeps :class:`Limits` over the calls of one server.

    Args:
        limits: what is allowed.
        clock: seconds, never going back.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        now = clock()
        per_minute = {"requests": limits.requests_per_minute, "tokens": limits.tokens_per_minute}
        self._buckets = {unit: _Bucket(most, limits.window, now) for unit, most in per_minute.items() if most}
        self.refused = 0

    def admit(self, tokens: int) -> tuple[Answer | None, dict[str, str]]:
        """Whether a call of so many tokens goes through: the 429 that it gets, or None; and the headers of any reply.

        A call that is not let through takes nothing from the buckets.
        """
        now = self._clock()
        amounts = {"requests": 1, "tokens": tokens}
        waits = {}
        for unit, bucket in self._buckets.items():
            bucket.fill(now)
            waits[unit] = bucket.wait_for(amounts[unit])
        wait = max(waits.values(), default=0.0)
        if wait <= 0:
            for unit, bucket in self._buckets.items():
                bucket.take(amounts[unit])
        headers = {name: value for unit, one in self._buckets.items() for name, value in one.headers(unit).items()}
        if wait <= 0:
            return None, headers
        self.refused += 1
        unit = max(waits, key=lambda name: waits[name])
        body = error("rate_limit_exceeded", f"Rate limit reached on {unit} per min.", type_=unit)
        return Answer(429, body, {**headers, "retry-after": str(math.ceil(wait))}, delay=0.0), headers
