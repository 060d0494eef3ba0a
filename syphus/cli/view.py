"""What people see: everything goes to stderr; one live line on a terminal, a plain line now and then elsewhere.

Texts of models and annotations are never markup here, and lose their control characters.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from syphus.engine.run import Counters

_console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)
_EVERY = 10.0
"""Seconds between two plain lines."""


def say(text: str) -> None:
    """One message to the user."""
    safe = "".join(sign for sign in text if sign.isprintable() or sign == "\n")
    _console.print(Text(safe), soft_wrap=True)


def show(thing: RenderableType) -> None:
    """A table."""
    _console.print(thing)


@contextmanager
def watch(counters: Counters, folder: Path) -> Iterator[None]:
    """Shows the counters until the block ends."""
    say(f"run: {folder}")
    stop = threading.Event()
    if _console.is_terminal:
        with Live(console=_console, refresh_per_second=4, transient=True, get_renderable=lambda: _line(counters)):
            yield
        return
    thread = threading.Thread(target=_speak, args=(counters, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _speak(counters: Counters, stop: threading.Event) -> None:
    while not stop.wait(_EVERY):
        print(_line(counters).plain, file=sys.stderr, flush=True)


def _line(counters: Counters) -> Text:
    seconds = max(time.monotonic() - counters.started, 0.001)
    refused = counters.rejected + counters.failed
    parts = [
        f"{counters.items:,} items",
        f"{counters.dialogues:,} dialogues ({counters.pairs:,} pairs)",
        f"{refused:,} refused",
        f"{counters.sent:,} calls",
        f"{counters.prompt_tokens + counters.completion_tokens:,} tokens",
        f"{counters.items / seconds * 60:,.0f} items/min",
        f"{counters.in_flight} in flight",
    ]
    if counters.replayed:
        parts.insert(4, f"{counters.replayed:,} from the ledger")
    if counters.failures:
        kinds = ", ".join(f"{kind} {count}" for kind, count in counters.failures.most_common(2))
        parts.append(f"trouble: {kinds}")
    return Text(" · ".join(parts))
