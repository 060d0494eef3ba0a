"""The yield of a run, or of a dataset, as a table: what each category gave, and which checks took the rest."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.ledger.reader import Ended

_MOST_CHECKS = 7


def show_yields(ended: Iterable[Ended], refused: Mapping[tuple[str, str], int]) -> None:
    """Shows the share of pairs that each category kept, and what its checks refused.

    Args:
        ended: how the items of each category ended (:meth:`syphus.ledger.reader.LedgerReader.ended`).
        refused: category and check -> refused pairs. Several checks may refuse one pair.
    """
    pairs: dict[str, int] = {}
    for one in ended:
        pairs[one.category] = pairs.get(one.category, 0) + one.pairs
    table = make_yields(pairs, refused)
    if table is not None:
        view.show(table)


def make_yields(pairs: Mapping[str, int], refused: Mapping[tuple[str, str], int]) -> Table | None:
    """The table; None where nothing was refused.

    Args:
        pairs: category -> pairs that were kept.
        refused: category and check -> pairs that the check refused.
    """
    if not refused:
        return None
    totals: dict[str, int] = {}
    for (_, check), count in refused.items():
        totals[check] = totals.get(check, 0) + count
    checks = sorted(totals, key=lambda check: (-totals[check], check))
    shown, others = checks[:_MOST_CHECKS], checks[_MOST_CHECKS:]
    rows = []
    for category in sorted({*pairs, *(category for category, _ in refused)}):
        counts = [refused.get((category, check), 0) for check in shown]
        rest = sum(refused.get((category, check), 0) for check in others)
        rows.append((category, pairs.get(category, 0), counts, rest))
    if len(rows) > 1:
        whole = [sum(column) for column in zip(*(counts for _, _, counts, _ in rows), strict=True)]
        rows.append(("all", sum(kept for _, kept, _, _ in rows), whole, sum(rest for *_, rest in rows)))
    headings = ["category", "kept", "refused", "yield", *shown, *(["others"] if others else [])]
    lines = []
    for category, kept, counts, rest in rows:
        gone = sum(counts) + rest
        share = f"{kept / (kept + gone):.0%}" if kept + gone else "·"
        numbers = [*counts, *([rest] if others else [])]
        lines.append([category, _number(kept), _number(gone), share, *map(_number, numbers)])
    return make_table(headings, lines, total=len(rows) > 1)


def make_table(headings: Sequence[str], lines: Iterable[Sequence[str]], *, left: int = 1, total: bool = False) -> Table:
    """A table without frames; texts of models in it are no markup.

    Args:
        headings: of the columns.
        lines: cells as text.
        left: so many columns, from the first on, and the last one where it holds texts, stand at the left.
        total: the last line is a sum.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        at_left = number < left or heading in {"example", "first"}
        table.add_column(
            heading,
            justify="left" if at_left else "right",
            no_wrap=True,
            overflow="ellipsis",
            max_width=60 if at_left else None,
        )
    rows = [[Text(_clean(cell)) for cell in line] for line in lines]
    for number, row in enumerate(rows):
        table.add_row(*row, style="bold" if total and number == len(rows) - 1 else "")
    return table


def _number(count: int) -> str:
    return view.short_number(count) if count else "·"


def _clean(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
