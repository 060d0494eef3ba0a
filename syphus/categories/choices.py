"""The options of a multiple choice: written with their letters, in an order that is drawn.

Conventions of published sets: ``A:`` and lines (PMC-VQA), ``(a) blue (b) yellow`` (InstructBLIP), ``(A)`` (LaVIN), no sign and
four pipes between (MultiInstruct). A right option that always stood in the same place would teach the place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from syphus.categories.blocks import StepName, Table
from syphus.categories.lines import one_line
from syphus.identity import draw_order

MOST_OPTIONS = 26
"""One for each letter."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class OptionTable(Table, frozen=True, kw_only=True):
    """``[options]``: how the options of a multiple choice are written, those of the annotations and those of a reply."""

    of: tuple[StepName, ...] = ()
    """Of a reply's pairs: the fields that are the options, the right one first (``answer``, then ``fields`` of the step)."""
    mark: str = "A."
    """Before each, its ``A``, ``a`` or ``1`` counted on: ``A:``, ``(a)``, ``1.``; empty: none."""
    join: str = "\n"
    shuffle: bool = True
    """Drawn with the run's seed, so that the right one stands in any place; false: as they come."""

    def __post_init__(self) -> None:
        if self.mark and "".join(filter(str.isalnum, self.mark)) not in ("a", "A", "1"):
            raise ValueError(
                '[options] mark: one of `a`, `A`, `1` with signs around it, as in "A:" and "(a)", or nothing'
            )
        if self.of and (len(set(self.of)) < max(2, len(self.of)) or len(self.of) > MOST_OPTIONS):
            raise ValueError(f"[options] of: at least two fields of a pair, {MOST_OPTIONS} at most, each once")


class Written(NamedTuple):
    """Options as they stand in a question."""

    text: str
    right: str
    """The letter or number of the right one; empty where none is right, or they have none."""


def letter_options(
    options: Sequence[str], right: int | None, style: OptionTable, *, drawn_by: tuple[Any, ...]
) -> Written:
    """Options with their marks.

    Args:
        options: in the order in which they came; none give nothing.
        right: which of them is, from 0.
        style: marks, what stands between, whether the order is drawn.
        drawn_by: decides the order.
    """
    order = list(range(len(options)))
    if style.shuffle:
        order = draw_order(order, *drawn_by, "options")
    signs = [_sign(style.mark, place) for place in range(len(order))]
    lines = [f"{_mark(style.mark, sign)} {options[index]}".strip() for index, sign in zip(order, signs, strict=True)]
    return Written(style.join.join(lines), "" if right is None else signs[order.index(right)])


def _sign(mark: str, place: int) -> str:
    """The letter or number of the option at a place, from 0; behind the last letter come numbers."""
    if "1" in mark or place >= len(_LETTERS):
        return str(place + 1)
    letter = _LETTERS[place]
    return letter.upper() if "A" in mark else letter if "a" in mark else ""


def _mark(mark: str, sign: str) -> str:
    first = next((sign for sign in "aA1" if sign in mark), "")
    return mark.replace(first, sign, 1) if first else ""


def find_fault(pair: Mapping[str, str], names: Sequence[str]) -> str:
    """What makes a pair's options no choice, in words for the model; empty where nothing does."""
    seen: dict[str, str] = {}
    for name in names:
        text = " ".join(pair[name].casefold().split()).rstrip(".")
        if not any(map(str.isalnum, text)):
            return f"`{name}` of a pair is no option: there is no word in it."
        spaced = " ".join(pair[name].split())
        if "](#" in text or "\n" in pair[name] or one_line(spaced) != spaced:
            return f"`{name}` of a pair is no plain line of text."
        if text in seen:
            return f'`{seen[text]}` and `{name}` of a pair are the same option, "{pair[name]}".'
        seen[text] = name
    return ""
