"""What a run will have cost in the end, told while it goes on. Pure arithmetic.

Category by category, for they differ: one that has not begun is no cheaper for it. What an item costs is the mean of those that
were made; at first the plan's estimate weighs more than the few that there are.
"""

from collections.abc import Iterable
from typing import NamedTuple

_WEIGHT = 5
"""Items that the plan's estimate counts for."""


class Part(NamedTuple):
    """One category of a run."""

    left: float
    """Items that are still to be made."""
    made: int
    """Items that were made in this start."""
    cost: float
    """US dollars that they have cost, what may have been billed beside included."""
    expected: float | None = None
    """US dollars that an item costs by the plan; None: not known."""


def still_to_pay(parts: Iterable[Part]) -> float | None:
    """US dollars that the rest will cost; None where nothing says what an item costs."""
    known = list(parts)
    made, cost = sum(one.made for one in known), sum(one.cost for one in known)
    mean = cost / made if made else None
    rest = 0.0
    for part in known:
        if part.left <= 0:
            continue
        each = _each(part)
        if each is None:
            each = mean
        if each is None:
            return None
        rest += part.left * each
    return rest


def _each(part: Part) -> float | None:
    if part.expected is not None:
        return (part.cost + _WEIGHT * part.expected) / (part.made + _WEIGHT)
    return part.cost / part.made if part.made else None
