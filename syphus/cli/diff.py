"""``syphus diff``: two generations of the same items side by side, and what the newer one is better or worse in."""

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field
from rich import box
from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.cli.runs.select import STATES, choose_categories
from syphus.errors import Exit
from syphus.exchange import Reject
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import Asked, Generation, LedgerReader
from syphus.quality.pairs import Pair

SHOWN = 5
"""Items that are shown where nothing is said of it."""
_RELATED = 0.4
"""Texts that share less than this are two texts: to mark all words but the few that both happen to have would tell nothing."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+")
"""A word with the space behind it, or one sign where words are not parted by spaces."""
_MARKS = (("red strike", "[-", "-]"), ("green underline", "{+", "+}"))
"""How changed words look on a terminal, before and after; and without styles, as in GNU wdiff."""


class Change(NamedTuple):
    """One item in two generations."""

    old: Generation
    new: Generation
    reasons: tuple[str, ...]
    """What made the newer one another."""

    @property
    def differs(self) -> bool:
        """Whether anything came out otherwise."""
        return _essence(self.old) != _essence(self.new)


class SideCounts(Struct):
    """What one of the two generations came to."""

    states: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    """What was refused, by code."""
    cost: float = 0.0
    """US dollars for the replies; what both rest on was paid for the older one."""
    unpriced: int = 0
    """Replies whose cost is not known."""


class DiffCounts(Struct):
    """All items that were compared."""

    items: int = 0
    differ: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    old: SideCounts = field(default_factory=SideCounts)
    new: SideCounts = field(default_factory=SideCounts)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    with open_ledger(Path(arguments.run)) as ledger:
        known = list(dict.fromkeys(ended.category for ended in ledger.ended()))
        categories = choose_categories(arguments.category, known)
        generations = tuple(arguments.generations) if arguments.generations else None
        counts = DiffCounts()
        differing = _counted(_changes(ledger, categories, generations), ledger, counts)
        if arguments.json:
            _print_json(differing, counts, arguments.limit)
        else:
            _show(differing, counts, None if arguments.all else arguments.limit or SHOWN)
    return Exit.DONE


def _changes(ledger: LedgerReader, categories: Sequence[str], generations: tuple[int, int] | None) -> Iterator[Change]:
    for old, new in ledger.compare(categories, generations):
        yield Change(old, new, why_anew(old, new, ledger))


def _counted(changes: Iterator[Change], ledger: LedgerReader, counts: DiffCounts) -> Iterator[Change]:
    """Those that differ; all are counted as they pass."""
    for change in changes:
        counts.items += 1
        counts.reasons.update(change.reasons)
        paid = set(change.old.requests)
        for side, one, keys in (
            (counts.old, change.old, paid),
            (counts.new, change.new, set(change.new.requests) - paid),
        ):
            cost, unpriced = ledger.cost_of(keys)
            side.states[one.outcome.state] += 1
            side.pairs += len(pairs_of(one))
            side.rejects.update(reject.code for reject in one.outcome.rejects)
            side.cost += cost
            side.unpriced += unpriced
        if change.differs:
            counts.differ += 1
            yield change


def _essence(one: Generation) -> tuple[object, ...]:
    outcome = one.outcome
    return outcome.state, outcome.detail, pairs_of(one), [reject.code for reject in outcome.rejects]


def pairs_of(one: Generation) -> list[Pair]:
    """All questions and answers of an item, in order."""
    texts = [[turn.text for turn in dialogue.turns] for dialogue in one.outcome.dialogues]
    return [Pair(*pair) for turns in texts for pair in zip(turns[::2], turns[1::2], strict=True)]


# -- what made it another


def why_anew(old: Generation, new: Generation, ledger: LedgerReader) -> tuple[str, ...]:
    """What tells the two generations apart, read off the requests that were sent for them.

    Where the same was asked, and so the same replies were read, only the checks can have changed.
    """
    reasons: dict[str, None] = {}
    if old.draw != new.draw:
        reasons["another draw"] = None
    if old.version != new.version:
        before, now = _first_asked(old, ledger), _first_asked(new, ledger)
        for purpose in before.keys() & now.keys():
            reasons |= dict.fromkeys(_what_differs(before[purpose], now[purpose]))
        if before.keys() != now.keys():
            # One of them failed, or was skipped, before it had asked; or the steps are others.
            reasons["prompts, model or checks"] = None
        elif len(reasons) == (old.draw != new.draw):
            reasons["checks" if before else "templates or settings"] = None
    return tuple(reasons)


def _first_asked(one: Generation, ledger: LedgerReader) -> dict[str, Asked]:
    """What each step asked first; what follows are repairs, which depend on the reply."""
    first: dict[str, Asked] = {}
    for key in one.requests:
        if (asked := ledger.find_asked(key)) is not None:
            first.setdefault(asked.purpose, asked)
    return first


def _what_differs(old: Asked, new: Asked) -> Iterator[str]:
    if old.prefix != new.prefix:
        yield "prompts"
    elif old.messages != new.messages:
        yield "query or scene"
    for name in sorted(old.settings.keys() | new.settings.keys()):
        was, is_now = old.settings.get(name), new.settings.get(name)
        if was != is_now:
            yield f"model {was} → {is_now}" if name == "model" else f"setting {name}"


# -- for machines


def _print_json(differing: Iterator[Change], counts: DiffCounts, limit: int | None) -> None:
    """One object; written as it is found, since a run may have a million items."""
    print('{"items": [')
    for number, change in enumerate(differing):
        if limit is None or number < limit:
            print(f"{', ' if number else ''}{msgspec.json.encode(_as_data(change)).decode()}")
    print(f'], "summary": {msgspec.json.encode(counts).decode()}}}')


def _as_data(change: Change) -> dict[str, Any]:
    def side(one: Generation) -> dict[str, Any]:
        outcome = one.outcome
        return {
            "generation": outcome.generation,
            "draw": one.draw,
            "state": outcome.state,
            "pairs": pairs_of(one),
            "rejects": outcome.rejects,
            "detail": outcome.detail,
        }

    new = change.new.outcome
    return {
        "item": new.item,
        "scene": new.scene,
        "category": new.category,
        "changed": change.reasons,
        "old": side(change.old),
        "new": side(change.new),
    }


# -- for people


def _show(differing: Iterator[Change], counts: DiffCounts, limit: int | None) -> None:
    styled = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    for number, change in enumerate(differing):
        if limit is None or number < limit:
            _show_change(change, styled=styled)
    if not counts.items:
        view.say("no item has two generations to compare: `syphus regenerate` makes another")
        return
    hidden = max(0, counts.differ - limit) if limit is not None else 0
    more = f" ({hidden:,} of them not shown: --all)" if hidden else ""
    same = counts.items - counts.differ
    view.say(f"{counts.items:,} items compared: {counts.differ:,} differ{more}, {same:,} came out the same")
    view.say(f"changed: {'; '.join(f'{reason} ({count:,})' for reason, count in counts.reasons.most_common())}")
    view.show(_summary(counts))
    if unpriced := counts.old.unpriced + counts.new.unpriced:
        view.say(f"without {unpriced:,} replies whose cost is not known")


def _show_change(change: Change, *, styled: bool) -> None:
    old, new = change.old.outcome, change.new.outcome
    view.show(Text(clean(new.item), style="bold"))
    told = f"{_ending(change.old)} → {_ending(change.new)}"
    view.say(f"scene {clean(new.scene)} · changed: {', '.join(change.reasons) or 'nothing that is sent'} · {told}")
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="dim", expand=True, padding=(0, 1, 0, 0))
    table.add_column(width=1, style="dim")
    for one in (change.old, change.new):
        draw = f", draw {one.draw}" if one.draw else ""
        table.add_column(f"generation {one.outcome.generation}{draw}", ratio=1, overflow="fold")
    for number, (before, now) in enumerate(_aligned(pairs_of(change.old), pairs_of(change.new))):
        if number:
            table.add_row()
        for label, name in (("Q", "question"), ("A", "answer")):
            texts = (getattr(before, name, ""), getattr(now, name, ""))
            table.add_row(label, *_side_by_side(*map(clean, texts), styled=styled))
    for sides in ((_refused(old.rejects), _refused(new.rejects)), (old.detail, new.detail)):
        if any(sides):
            table.add_row("!", *(Text(clean(text), style="yellow") for text in sides))
    view.show(table)


def _ending(one: Generation) -> str:
    pairs = len(pairs_of(one))
    return f"{one.outcome.state}, {pairs} pair{'' if pairs == 1 else 's'}"


def _refused(rejects: Sequence[Reject]) -> str:
    """A line for each code, with the first text that it was found in."""
    times = Counter(one.code for one in rejects)
    first = {one.code: one.evidence for one in reversed(rejects)}
    return "\n".join(
        f"refused for {code}, {count} x" + (f": “{first[code]}”" if first[code] else "")
        for code, count in times.items()
    )


def clean(text: str) -> str:
    """A text without control characters, which could write anywhere on a terminal, or turn its direction round."""
    spaced = "".join(sign if sign.isprintable() or sign == "\n" else " " if sign.isspace() else "" for sign in text)
    return spaced.strip()


def _aligned(old: list[Pair], new: list[Pair]) -> Iterator[tuple[Pair | None, Pair | None]]:
    """Pairs beside those with the same question; between such, one after another."""
    matcher = SequenceMatcher(None, [one.question for one in old], [one.question for one in new], autojunk=False)
    for _, first, last, begin, end in matcher.get_opcodes():
        yield from zip_longest(old[first:last], new[begin:end])


def _side_by_side(old: str, new: str, *, styled: bool) -> tuple[Text, Text]:
    """Both texts, with the words marked that the other has not; where they are the same, dim."""
    if old == new:
        return Text(old, style="dim"), Text(new, style="dim")
    before, now = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, [one.strip() for one in before], [one.strip() for one in now], autojunk=False)
    if matcher.ratio() < _RELATED:
        return Text(old), Text(new)
    left, right = Text(), Text()
    for kind, first, last, begin, end in matcher.get_opcodes():
        for text, words, marks in ((left, before[first:last], _MARKS[0]), (right, now[begin:end], _MARKS[1])):
            _append(text, "".join(words), marks if kind != "equal" else None, styled=styled)
    return left, right


def _append(text: Text, words: str, marks: tuple[str, str, str] | None, *, styled: bool) -> None:
    body = words.rstrip()
    if marks is None or not body:
        text.append(words)
        return
    style, opening, closing = marks
    text.append(body, style=style) if styled else text.append(f"{opening}{body}{closing}")
    text.append(words[len(body) :])


def _summary(counts: DiffCounts) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    old, new = counts.old, counts.new
    rows = [(state, old.states[state], new.states[state]) for state in STATES]
    rows += [("pairs", old.pairs, new.pairs)]
    codes = sorted(old.rejects.keys() | new.rejects.keys())
    rows += [(f"refused for {code}", old.rejects[code], new.rejects[code]) for code in codes]
    for name, before, after in rows:
        if before or after or name == "accepted":
            table.add_row(Text(clean(name)), f"{before:,}", f"{after:,}")
    if old.cost or new.cost:
        table.add_row("cost of the replies", view.dollars(old.cost), view.dollars(new.cost))
    return table
