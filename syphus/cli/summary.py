"""What a run came to, counted from its ledger."""

from collections import Counter
from pathlib import Path

from msgspec import Struct, field
from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.engine.ledger import Ledger
from syphus.engine.run import Counters
from syphus.exchange import Tally

_COLUMNS = {
    "items": "items",
    "accepted": "accepted",
    "partial": "partly",
    "rejected": "rejected",
    "failed": "failed",
    "skipped": "skipped",
    "dialogues": "dialogues",
    "pairs": "pairs",
    "calls": "calls",
    "prompt_tokens": "in",
    "completion_tokens": "out",
}
"""Field -> heading; a column in which nothing stands is not shown."""
_SHOWN_PROBLEMS = 5
_SHOWN_REASONS = 8


class CategoryCounts(Tally, kw_only=True):
    """One category, or all of them."""

    calls: int = 0
    failed_calls: int = 0
    uncounted: int = 0
    """Replies whose tokens the endpoint did not count."""


class Summary(Struct, kw_only=True):
    """A whole run."""

    categories: dict[str, CategoryCounts] = field(default_factory=dict)
    total: CategoryCounts = field(default_factory=CategoryCounts)
    reasons: Counter[str] = field(default_factory=Counter)
    """Codes of what was refused."""
    notes: Counter[str] = field(default_factory=Counter)
    details: Counter[str] = field(default_factory=Counter)
    """Why items failed or were skipped."""
    problems: list[str] = field(default_factory=list)
    """What could not be read of the sources; at most a few, the ledger has all."""
    cost: float | None = None
    """US dollars, where the configuration gave prices."""
    lost_records: int = 0
    mended_records: int = 0


def summarise(ledger: Ledger) -> Summary:
    """Counts a ledger; a pass over its outcomes, nothing held but the counts."""
    summary = Summary()
    for outcome in ledger.outcomes():
        counts = summary.categories.setdefault(outcome.category, CategoryCounts())
        for one in (counts, summary.total):
            one.add(outcome.state, outcome.dialogues)
        summary.reasons.update(reject.code for reject in outcome.rejects)
        summary.notes.update(_kind_of_note(note) for note in outcome.notes)
        if outcome.detail:
            summary.details[f"{outcome.state}: {outcome.detail}"] += 1
    for spent in ledger.spent():
        category = spent.purpose.rpartition("/")[0] or spent.purpose
        for one in (summary.categories.setdefault(category, CategoryCounts()), summary.total):
            one.calls += spent.calls
            one.failed_calls += spent.failed
            one.prompt_tokens += spent.prompt
            one.completion_tokens += spent.completion
            one.uncounted += spent.uncounted
    prices = view.Prices(*ledger.meta("prices", tuple[float | None, float | None], (None, None)))
    summary.cost = prices.cost(summary.total.prompt_tokens, summary.total.completion_tokens)
    for file, place, message, lost in ledger.problems():
        summary.lost_records += lost
        summary.mended_records += not lost
        if len(summary.problems) < _SHOWN_PROBLEMS:
            summary.problems.append(f"{file}, {place}: {message}")
    return summary


def _kind_of_note(note: str) -> str:
    """``objects: 12 cut to fit 400 tokens`` and its like are one kind, whatever the number."""
    return " ".join(word for word in note.split() if not word.isdigit())


def print_summary(summary: Summary, folder: Path, *, counters: Counters | None = None) -> None:
    """The yield per category, what was refused and why, what it cost, where it lies."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("category", no_wrap=True)
    names = [name for name in _COLUMNS if getattr(summary.total, name)]
    for name in names:
        table.add_column(_COLUMNS[name], justify="right", no_wrap=True)
    for name, one in [*sorted(summary.categories.items()), ("all", summary.total)]:
        numbers = [view.short_number(value) if (value := getattr(one, column)) else "·" for column in names]
        table.add_row(Text(name), *numbers, style="bold" if name == "all" else "")
    view.show(table)
    if counters and counters.replayed:
        view.say(f"from the ledger, not paid again: {counters.replayed:,} replies; sent now: {counters.sent:,}")
    if summary.cost is not None:
        each = f", ${summary.cost / summary.total.pairs:,.5f} for each pair kept" if summary.total.pairs else ""
        view.say(f"cost: ${summary.cost:,.2f}{each}")
    _list("refused parts", summary.reasons)
    _list("notes", summary.notes)
    _list("not made", summary.details)
    if summary.total.uncounted:
        view.say(f"{summary.total.uncounted:,} replies came without a token count; the tokens above are without them")
    if summary.lost_records or summary.mended_records:
        view.say(f"source records lost: {summary.lost_records:,}; mended: {summary.mended_records:,}")
        for problem in summary.problems:
            view.say(f"  {problem}")
        if summary.lost_records + summary.mended_records > len(summary.problems):
            view.say("  … all of them are in the ledger's table `problems`")
    view.say(f"the run: {folder}")


def _list(title: str, counts: Counter[str]) -> None:
    if counts:
        shown = [f"{name} ({count:,})" for name, count in counts.most_common(_SHOWN_REASONS)]
        more = f"; and {len(counts) - _SHOWN_REASONS} other kinds" if len(counts) > _SHOWN_REASONS else ""
        view.say(f"{title}: {'; '.join(shown)}{more}")
