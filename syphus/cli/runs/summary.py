"""What a run came to, counted from its ledger."""

from collections import Counter
from pathlib import Path

from msgspec import Struct, field
from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.engine.counters import Counters
from syphus.exchange import Tally
from syphus.ledger.reader import ABOUT_DIALOGUES, LedgerReader

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
    "cached_tokens": "cached",
    "completion_tokens": "out",
}
"""Field -> heading; a column in which nothing stands is not shown."""
_PAID = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens")
_SHOWN_PROBLEMS = 5
_SHOWN_REASONS = 8


class CategoryCounts(Tally, kw_only=True):
    """One category, or all of them."""

    calls: int = 0
    failed_calls: int = 0
    uncounted: int = 0
    """Replies whose tokens the endpoint did not count."""
    cost: float = 0.0
    """US dollars, for the replies whose cost is known."""
    risk: float = 0.0
    """US dollars that may have been billed beside: calls whose reply, or count, was lost."""
    unpriced: int = 0
    """Replies whose cost is not known."""

    @property
    def has_cost(self) -> bool:
        """Whether anything can be said of the cost."""
        return self.calls > self.failed_calls + self.unpriced or self.risk > 0

    @property
    def cost_per_pair(self) -> float | None:
        """US dollars for each pair that was kept."""
        return (self.cost + self.risk) / self.pairs if self.pairs and self.has_cost else None


class Summary(Struct, kw_only=True):
    """A whole run."""

    categories: dict[str, CategoryCounts] = field(default_factory=dict)
    total: CategoryCounts = field(default_factory=CategoryCounts)
    reasons: Counter[str] = field(default_factory=Counter)
    """Codes of what was refused."""
    notes: Counter[str] = field(default_factory=Counter)
    echoes: Counter[str] = field(default_factory=Counter)
    """Demonstrations that replies merely repeated."""
    details: Counter[str] = field(default_factory=Counter)
    """Why items failed or were skipped."""
    problems: list[str] = field(default_factory=list)
    """What could not be read of the sources; at most a few, the ledger has all."""
    lost_dollars: float = 0.0
    """US dollars at most for calls that were on their way when a start was killed."""
    waiting: tuple[int, int] = (0, 0)
    """Requests that wait in batches for their reply, and in how many batches."""
    lost_records: int = 0
    mended_records: int = 0


def summarise(ledger: LedgerReader) -> Summary:
    """Counts a ledger."""
    summary = Summary()
    for ended in ledger.ended():
        for one in (summary.categories.setdefault(ended.category, CategoryCounts()), summary.total):
            one.items += ended.items
            # In the total the same dialogues are not counted once more.
            if one is not summary.total or not ended.category.startswith(ABOUT_DIALOGUES):
                one.dialogues += ended.dialogues
                one.pairs += ended.pairs
            setattr(one, ended.state, getattr(one, ended.state) + ended.items)
    summary.reasons.update(ledger.reject_codes())
    summary.echoes.update(ledger.echoes() if summary.reasons["echo"] else {})
    for note, times in ledger.note_texts().items():
        summary.notes[_kind_of_note(note)] += times
    summary.details.update(ledger.details())
    for spent in ledger.spent():
        category = spent.purpose.rpartition("/")[0] or spent.purpose
        for one in (summary.categories.setdefault(category, CategoryCounts()), summary.total):
            one.calls += spent.calls
            one.failed_calls += spent.failed
            one.prompt_tokens += spent.prompt
            one.completion_tokens += spent.completion
            one.cached_tokens += spent.cached
            one.uncounted += spent.uncounted
            one.cost += spent.cost
            one.risk += spent.risk
            one.unpriced += spent.unpriced
    summary.lost_dollars = ledger.lost()
    summary.waiting = ledger.waiting()
    for file, place, message, lost in ledger.problems():
        summary.lost_records += lost
        summary.mended_records += not lost
        if len(summary.problems) < _SHOWN_PROBLEMS:
            summary.problems.append(f"{file}, {place}: {message}")
    return summary


def _kind_of_note(note: str) -> str:
    """``objects: 12 cut to fit 400 tokens`` and its like are one kind, whatever the number."""
    return " ".join(word for word in note.split() if not word.isdigit())


def print_summary(summary: Summary, folder: Path | None, *, counters: Counters | None = None) -> None:
    """The yield per category, what was refused and why, what it cost, where it lies (None: nowhere that stays)."""
    _print_yield(summary)
    if counters and (counters.replayed or counters.kept):
        if not counters.sent:
            read = (
                f"{counters.replayed:,} stored replies were read again" if counters.replayed else "nothing was missing"
            )
            view.say(f"{read}; nothing was sent")
        else:
            kept = f"{counters.kept:,} items as they were, " if counters.kept else ""
            view.say(
                f"from the ledger, not paid again: {kept}{counters.replayed:,} replies; sent now: {counters.sent:,}"
            )
    _print_cost(summary, counters)
    _list("refused parts", summary.reasons)
    _list("demonstrations that came back", summary.echoes)
    _list("notes", summary.notes)
    _list("not made", summary.details)
    _print_waiting(*summary.waiting)
    if summary.total.uncounted:
        came = view.counted(summary.total.uncounted, "reply came", "replies came")
        view.say(f"{came} without a token count; the tokens above are without them")
    if summary.lost_records or summary.mended_records:
        view.say(f"source records lost: {summary.lost_records:,}; mended: {summary.mended_records:,}")
        for problem in summary.problems:
            view.say(f"  {problem}")
        if summary.lost_records + summary.mended_records > len(summary.problems):
            view.say("  … all of them are in the ledger's table `problems`")
    if folder:
        view.say(f"the run: {folder}")


def _print_waiting(requests: int, batches: int) -> None:
    if requests:
        wait = view.counted(requests, "request waits", "requests wait")
        view.say(f"{wait} for a reply in {view.counted(batches, 'batch', 'batches')}; `syphus batch status` says more")


def _print_yield(summary: Summary) -> None:
    """What was made and what it took, by category. Figures are never cut: a table that is too wide becomes two, or none."""
    made = {name: _COLUMNS[name] for name in _COLUMNS if name not in _PAID and getattr(summary.total, name)}
    paid = {name: _COLUMNS[name] for name in _PAID if getattr(summary.total, name)}
    if summary.total.has_cost and summary.total.cost + summary.total.risk > 0:
        paid |= {"cost": "cost", "cost_per_pair": "a pair"}
    whole, halves = _table(summary, made | paid), [_table(summary, made), _table(summary, paid)]
    if view.fits(whole) or all(map(view.fits, halves)):
        for table in [whole] if view.fits(whole) else halves:
            view.show(table)
        return
    for name, one in _rows(summary):
        view.say_row(name, {heading: _cell(one, column) for column, heading in (made | paid).items()})


def _rows(summary: Summary) -> list[tuple[str, CategoryCounts]]:
    return [*sorted(summary.categories.items()), ("all", summary.total)]


def _table(summary: Summary, columns: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("category", no_wrap=True)
    for heading in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for name, one in _rows(summary):
        cells = [_cell(one, column) for column in columns]
        table.add_row(Text(name), *cells, style="bold" if name == "all" else "")
    return table


def _cell(counts: CategoryCounts, column: str) -> str:
    if column == "cost":
        return view.dollars(counts.cost + counts.risk) if counts.has_cost else "·"
    value = getattr(counts, column)
    if column == "cost_per_pair":
        return view.dollars(value) if value else "·"
    return view.short_number(value) if value else "·"


def _print_cost(summary: Summary, counters: Counters | None) -> None:
    total = summary.total
    if total.has_cost and total.cost + total.risk > 0:
        each = f", {view.dollars(total.cost_per_pair)} for each pair kept" if total.cost_per_pair else ""
        now = f"; this start {view.dollars(counters.cost + counters.risk)}" if counters else ""
        view.say(f"cost: {view.dollars(total.cost + total.risk)}{each}{now}")
        if total.risk:
            view.say(f"  of that up to {view.dollars(total.risk)} for calls whose reply or count was lost")
        if total.unpriced:
            view.say(f"  without {total.unpriced:,} replies whose cost is not known")
    if summary.lost_dollars:
        view.say(
            f"  and up to {view.dollars(summary.lost_dollars)} for calls of which no row tells: on their way when a start was"
            " killed, or lost with a part of the ledger"
        )
    if counters and counters.cached_tokens:
        saved = f", which saved {view.dollars(counters.saved)}" if counters.saved > 0 else ""
        view.say(f"{counters.cached_tokens:,} tokens came out of the prompt cache{saved}")


def _list(title: str, counts: Counter[str]) -> None:
    if counts:
        shown = [f"{name} ({count:,})" for name, count in counts.most_common(_SHOWN_REASONS)]
        more = (
            f"; and {view.counted(len(counts) - _SHOWN_REASONS, 'other kind')}" if len(counts) > _SHOWN_REASONS else ""
        )
        view.say(f"{title}: {'; '.join(shown)}{more}")
