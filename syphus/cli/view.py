"""What people see: everything goes to stderr; one live line on a terminal, a plain line now and then elsewhere.

Texts of models and annotations are never markup here, and lose their control characters.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from syphus.engine.run import Counters

_console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)
_EVERY = 10.0
"""Seconds between two plain lines."""
_RATE_OVER = 120.0
"""Seconds over which the rate is taken: replayed items at the start must not promise a speed that calls do not have."""


def say(text: str) -> None:
    """One message to the user."""
    safe = "".join(sign for sign in text if sign.isprintable() or sign == "\n")
    _console.print(Text(safe), soft_wrap=True)


def show(thing: RenderableType) -> None:
    """A table."""
    _console.print(thing)


class Prices(NamedTuple):
    """US dollars for a million tokens; None where the configuration does not say."""

    tokens_in: float | None
    tokens_out: float | None

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Dollars, or None where a price is not known."""
        if self.tokens_in is None or self.tokens_out is None:
            return None
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1_000_000


@contextmanager
def watch(counters: Counters, folder: Path, *, total: int, prices: Prices) -> Iterator[None]:
    """Shows the counters until the block ends; ``total`` is how many items there are."""
    say(f"run: {folder}")
    line = _Line(counters, total, prices)
    if _console.is_terminal:
        with Live(console=_console, refresh_per_second=4, transient=True, get_renderable=line.text):
            yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_speak, args=(line, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _speak(line: "_Line", stop: threading.Event) -> None:
    while not stop.wait(_EVERY):
        print(line.text().plain, file=sys.stderr, flush=True)


class _Line:
    """The one line that is shown while a run goes on."""

    def __init__(self, counters: Counters, total: int, prices: Prices) -> None:
        self._counters = counters
        self._total = total
        self._prices = prices
        self._past: deque[tuple[float, int]] = deque(maxlen=400)

    def text(self) -> Text:
        """The line as it stands now."""
        count = self._counters
        tokens = count.prompt_tokens + count.completion_tokens
        parts = [
            f"{count.items:,} of {self._total:,}",
            f"{count.dialogues:,} dialogues, {count.pairs:,} pairs",
            f"{count.rejected:,} rejected",
            f"{count.sent:,} calls, {short_number(tokens)} tokens",
        ]
        if count.failed:
            parts.insert(3, f"{count.failed:,} failed")
        if (cost := self._prices.cost(count.prompt_tokens, count.completion_tokens)) is not None:
            parts.append(f"${cost:,.2f}")
        if count.replayed:
            parts.append(f"{count.replayed:,} from the ledger")
        parts += self._rate_and_rest()
        if count.failures:
            kinds = ", ".join(f"{kind} {number}" for kind, number in count.failures.most_common(2))
            parts.append(f"trouble: {kinds}")
        return Text(" · ".join(parts))

    def _rate_and_rest(self) -> list[str]:
        """Items a minute over the last minutes, and what that makes of the rest; nothing while it cannot be told."""
        now = time.monotonic()
        self._past.append((now, self._counters.items))
        while len(self._past) > 2 and now - self._past[0][0] > _RATE_OVER:
            self._past.popleft()
        seconds, done = now - self._past[0][0], self._counters.items - self._past[0][1]
        if seconds < 1 or not done:
            return []
        left = (self._total - self._counters.items) * seconds / done
        return [f"{done / seconds * 60:,.0f}/min", f"{_duration(left)} left"]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min" if minutes > 2 else f"{minutes * 60 + rest} s"


def short_number(number: int) -> str:
    """A number in at most six signs: ``9,999``, ``67.4k``, ``12.3M``."""
    return (
        f"{number / 1e6:.1f}M" if number >= 1_000_000 else f"{number / 1e3:.1f}k" if number >= 10_000 else f"{number:,}"
    )
