"""What people see: everything goes to stderr; one live line on a terminal, a plain line now and then elsewhere.

Texts of models and annotations are never markup here, and lose their control characters.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import floor, inf, log10
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.text import Text

from syphus.engine.counters import Counters
from syphus.engine.run import Engine
from syphus.money.projection import Part, still_to_pay

_console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)
_EVERY = 10.0
"""Seconds between two plain lines."""
_DEAREST = 3
"""Categories whose cost of a pair is shown while a run goes on; the summary at its end has all."""
_RATE_OVER = 120.0
"""Seconds over which the rate is taken: replayed items at the start must not promise a speed that calls do not have."""


def say(text: str) -> None:
    """One message to the user."""
    safe = "".join(sign for sign in text if sign.isprintable() or sign == "\n")
    _console.print(Text(safe), soft_wrap=True)


def show(thing: RenderableType) -> None:
    """A table."""
    _console.print(thing)


def fits(thing: RenderableType) -> bool:
    """Whether a table has the room that it wants."""
    return Measurement.get(_console, _console.options.update(max_width=10_000), thing).maximum <= _console.width


def say_row(name: str, cells: Mapping[str, str]) -> None:
    """A row of a table for which the terminal is too narrow: its name, and below it what it holds."""
    say(name)
    say("  " + ", ".join(f"{heading} {cell}" for heading, cell in cells.items() if cell not in ("", "·")))


@contextmanager
def watch(counters: Counters, engine: Engine, folder: Path, *, total: int) -> Iterator[None]:
    """Shows the counters until the block ends; ``total`` is how many items there are."""
    say(f"run: {folder}")
    line = _Line(counters, engine, total)
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
        print(line.plain(), file=sys.stderr, flush=True)


class _Line:
    """What is shown while a run goes on."""

    def __init__(self, counters: Counters, engine: Engine, total: int) -> None:
        self._counters = counters
        self._engine = engine
        self._total = total
        self._past: deque[tuple[float, int]] = deque(maxlen=400)

    def text(self) -> Text:
        """How it stands now, a line each: what is made, what it costs, and by category, how it flows."""
        return Text("\n".join(" · ".join(line) for line in self._lines() if line))

    def plain(self) -> str:
        """The same in one line, for a log."""
        return " · ".join(part for line in self._lines() for part in line)

    def _lines(self) -> list[list[str]]:
        count = self._counters
        made = [
            f"{count.items:,} of {self._total:,}",
            f"{count.dialogues:,} dialogues, {count.pairs:,} pairs",
            f"{count.rejected:,} rejected",
        ]
        if count.failed:
            made.append(f"{count.failed:,} failed")
        if count.replayed or count.kept:
            made.append(f"{count.replayed + count.kept:,} from the ledger")
        tokens = count.prompt_tokens + count.completion_tokens
        paid = [f"{count.sent:,} calls, {short_number(tokens)} tokens", *self._money()]
        flow = [self._in_flight(), *self._rate_and_rest()]
        if count.failures:
            kinds = ", ".join(f"{kind} {number}" for kind, number in count.failures.most_common(2))
            flow.append(f"trouble: {kinds}")
        return [made, paid, each_pair(count), flow]

    def _money(self) -> list[str]:
        """The cost so far of all starts, what all will cost at this rate, and what a pair that this start made has cost."""
        count, budget = self._counters, self._engine.dispatch.budget
        if not count.sent or not (budget.spent or budget.cap):
            return []
        text = dollars(budget.spent)
        if count.items < self._total and (rest := still_to_pay(parts_of(count, self._total))) is not None:
            text += f" of about {dollars(budget.spent + rest)}"
        if budget.cap is not None:
            text += f" (budget {dollars(budget.cap)})"
        parts = [text]
        cost, made = count.cost + count.risk, sum(share.pairs for share in count.categories.values())
        if made and cost:
            parts.append(f"{dollars(cost / made)} a pair")
        if count.cached_tokens:
            saved = f", {dollars(count.saved)} saved" if count.saved > 0 else ""
            parts.append(f"{short_number(count.cached_tokens)} cached{saved}")
        return parts

    def _in_flight(self) -> str:
        lanes = self._engine.dispatch.lanes
        now = time.monotonic()
        paused = [lane.limits.paused_until - now for lane in lanes.open]
        if paused and min(paused) > 1 and not self._counters.in_flight:
            return f"pausing {min(paused):.0f} s after a rate limit"
        if lanes.open and all(lane.in_trouble for lane in lanes.open):
            since = min(lane.troubled_since or now for lane in lanes.open)
            return f"no answer from {lanes.open[0].name} for {_duration(now - since)}; trying again now and then"
        return f"{self._counters.in_flight} of {lanes.allowed} in flight"

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


def each_pair(count: Counters) -> list[str]:
    """What a pair of each category has cost in this start, the dearest first; nothing where there is only one category.

    A category that has cost something and given nothing comes before all others. One of which no item has ended yet (and the
    probes of an endpoint) can be no dearer than it will be.
    """
    paid = {name: share for name, share in count.categories.items() if share.cost > 0 and share.items > share.kept}
    if len(paid) < 2:
        return []
    costs = {name: share.cost / share.pairs if share.pairs else inf for name, share in paid.items()}
    parts = [
        f"{name} {dollars(paid[name].cost)} for none" if cost == inf else f"{name} {dollars(cost)}"
        for name, cost in sorted(costs.items(), key=lambda one: (-one[1], -paid[one[0]].cost))
    ]
    parts[0] = f"a pair: {parts[0]}"
    rest = len(parts) - _DEAREST
    return [*parts[:_DEAREST], f"{rest} cheaper"] if rest > 0 else parts


def parts_of(count: Counters, total: int) -> list[Part]:
    """A run's categories, for its projection. ``total`` is how many items it has."""
    if not count.per_scene:
        # A part of a run, of whose rest nobody knows which categories it is of.
        return [Part(total - count.items, count.items - count.kept, count.cost + count.risk)]
    scenes = total / sum(count.per_scene.values())
    parts = []
    for category, items in count.per_scene.items():
        share = count.of(category)
        left = scenes * items - share.items
        parts.append(Part(left, share.items - share.kept, share.cost, count.expected.get(category)))
    return parts


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min" if minutes > 2 else f"{minutes * 60 + rest} s"


def dollars(amount: float) -> str:
    """Cents, or where that would say little, the first two figures: ``$12.30``, ``$0.0042``, ``$0.000024``."""
    digits = 2 if amount >= 0.1 or amount <= 0 else 1 - floor(log10(amount))
    return f"${amount:,.{digits}f}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 batch``, ``1,799 batches``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short_number(number: int) -> str:
    """A number in at most six signs: ``9,999``, ``67.4k``, ``12.3M``."""
    return (
        f"{number / 1e6:.1f}M" if number >= 1_000_000 else f"{number / 1e3:.1f}k" if number >= 10_000 else f"{number:,}"
    )
