"""What an endpoint's headers say about its limits: how many requests and tokens a minute, what is left, how long to wait.

Three dialects are read: OpenAI's (also Groq's, Azure's and vLLM gateways': ``x-ratelimit-limit-requests``, reset as ``6m0s``,
``7.66s``, ``500ms``), Anthropic's (``anthropic-ratelimit-requests-limit``, reset as a moment), and names that carry their
period (``x-ratelimit-limit-tokens-minute``; Mistral's ``x-ratelimit-limit-req-minute``). What does not read as a number or a
time says nothing. A moment is held against the reply's own ``Date``, because the clock here may be another than there.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_NAME = re.compile(
    r"(?:x-|anthropic-)?ratelimit-(?:"
    r"(?P<what>limit|remaining|reset)-(?P<unit>requests|req|tokens|input-tokens|output-tokens)(?:-(?P<period>minute|hour|day))?"
    r"|(?P<unit2>requests|tokens|input-tokens|output-tokens)-(?P<what2>limit|remaining|reset))"
)
_PERIODS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|d|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LIKELY = 0.2
_MOMENTS = 1e9
"""A number of seconds from here on (thirty years) is no time to wait but a moment since 1970, and in milliseconds from a
thousand times as much on: gateways that write resets so."""


class Allowance(NamedTuple):
    """What one limit is said to be. Units are requests, or tokens."""

    unit: str
    """``requests``, ``tokens``, ``input-tokens`` or ``output-tokens``."""
    limit: float | None
    remaining: float | None
    reset: float | None
    """Seconds until all of it is there again."""
    period: float
    """Seconds in which ``limit`` may be used."""
    named: bool = False
    """The period stands in the header's name; else it is what the numbers make likely."""

    @property
    def per_minute(self) -> float | None:
        """The limit as a rate for a minute."""
        return self.limit * 60.0 / self.period if self.limit is not None else None


def read_allowances(headers: Mapping[str, str], now: datetime | None = None) -> list[Allowance]:
    """The limits that the headers of any reply tell; none where they say nothing."""
    found: dict[tuple[str, str | None], dict[str, float]] = {}
    for name, value in headers.items():
        if "ratelimit-" not in (low := name.lower()) or (match := _NAME.fullmatch(low)) is None:
            continue
        what, unit = match["what"] or match["what2"], match["unit"] or match["unit2"]
        unit = "requests" if unit == "req" else unit
        number = _number(value) if what != "reset" else seconds_until(value, now, headers.get("date"))
        if number is not None and number >= 0:
            found.setdefault((unit, match["period"]), {})[what] = number
    allowances = []
    for (unit, period), said in found.items():
        limit, remaining, reset = said.get("limit"), said.get("remaining"), said.get("reset")
        seconds = _PERIODS[period] if period else _likely_period(limit, remaining, reset)
        allowances.append(Allowance(unit, limit, remaining, reset, seconds, period is not None))
    return allowances


def _likely_period(limit: float | None, remaining: float | None, reset: float | None) -> float:
    """A minute, unless the time until all is there again fits an hour or a day (Groq counts requests by the day).

    A short time says nothing: rounded up to a second, that of a minute's limit of which little is used looks like an hour's.
    """
    if limit and reset and reset > _PERIODS["minute"] and remaining is not None and remaining < limit:
        whole = reset * limit / (limit - remaining)
        for seconds in _PERIODS.values():
            if abs(whole - seconds) <= _LIKELY * seconds:
                return seconds
    return 60.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait; None where it does not say.

    ``retry-after-ms`` and ``Retry-After`` (seconds or an HTTP date) are what it says itself; without them the longest reset
    of a limit that is used up. A day stands for all that is longer.
    """
    low = {name.lower(): value for name, value in headers.items()}
    waits: list[float] = []
    if (given := _number(low.get("retry-after-ms"))) is not None:
        waits.append(given / 1000)
    if (value := low.get("retry-after")) and (seconds := seconds_until(value, date=low.get("date"))) is not None:
        waits.append(seconds)
    if not waits:
        waits = [one.reset for one in read_allowances(low) if one.remaining == 0 and one.reset is not None]
    sane = [min(wait, _PERIODS["day"]) for wait in waits if wait >= 0]
    return max(sane) if sane else None


def seconds_until(text: str, now: datetime | None = None, date: str | None = None) -> float | None:
    """Seconds in a header's value: a number, ``6m0s``, an HTTP date, an RFC 3339 moment, or seconds since 1970.

    Args:
        text: the value.
        now: what moments are held against; None: the ``Date`` of the same reply, or else the clock here.
        date: that header.
    """
    text = text.strip()
    if (plain := _number(text)) is not None:
        if not _MOMENTS <= plain < _MOMENTS**2:
            return plain
        moment = plain / 1000 if plain >= _MOMENTS * 1000 else plain
        return max(0.0, moment - _time_there(now, date).timestamp())
    parts = list(_DURATION.finditer(text))
    if parts and "".join(part[0] for part in parts) == text:
        return sum(float(part["number"]) * _SECONDS[part["unit"]] for part in parts)
    at = _moment(text)
    return None if at is None else max(0.0, (at - _time_there(now, date)).total_seconds())


def _time_there(now: datetime | None, date: str | None) -> datetime:
    return now or (_moment(date) if date else None) or datetime.now(UTC)


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, OverflowError):  # the second for a year of twenty digits
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
