"""The order in which people read the lines of a picture: from the top to the bottom, and in a row from the left."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from syphus.records import Box

T = TypeVar("T")


def sort_by_place(placed: Sequence[tuple[Box | None, T]]) -> list[T]:
    """The values in reading order; those without a box stand at the end, in the order given.

    A box belongs to the row above it where its middle lies within the row's height and the row's middle within its own, so
    that a row which rises a little stays one, and a large title does not swallow small lines beside it. of text are
    not told apart.

    Args:
        placed: pixel boxes (x1, y1, x2, y2) and their values.
    """
    known = [(box, place, value) for place, (box, value) in enumerate(placed) if box is not None]
    known.sort(key=lambda one: (one[0][1] + one[0][3], one[0][0], one[1]))
    rows: list[_Row[T]] = []
    for box, place, value in known:
        if not rows or not rows[-1].holds(box):
            rows.append(_Row())
        rows[-1].add(box, place, value)
    return [value for row in rows for value in row.sort()] + [value for box, value in placed if box is None]


class _Row(Generic[T]):
    """Boxes beside each other."""

    def __init__(self) -> None:
        self._values: list[tuple[float, int, T]] = []
        self._tops = self._bottoms = 0.0

    def holds(self, box: Box) -> bool:
        """Whether the box stands in the row, which is as high as its boxes are on average."""
        top, bottom = self._tops / len(self._values), self._bottoms / len(self._values)
        return top < (box[1] + box[3]) / 2 < bottom and box[1] < (top + bottom) / 2 < box[3]

    def add(self, box: Box, place: int, value: T) -> None:
        self._values.append((box[0], place, value))
        self._tops += box[1]
        self._bottoms += box[3]

    def sort(self) -> list[T]:
        """From the left."""
        return [value for _, _, value in sorted(self._values, key=lambda one: one[:2])]
