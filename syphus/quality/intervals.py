"""How sure a figure of a sample is: intervals of 95 % for means and shares of pairs that were drawn dialogue by dialogue.

Pairs of one dialogue are no independent draws: they are about one picture, and by one reply. So the spread is taken between
dialogues (the ratio estimator of a cluster sample; Cochran, *Sampling Techniques*, 3rd ed. 1977, section 6.4 and chapter 9A),
and a share, whose interval must not leave 0 to 1 nor be empty where all are alike, is Wilson's (1927) with the number of pairs
that as many independent draws would be worth (Korn & Graubard, *Survey Methodology* 24, 1998).
"""

from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

_Z = NormalDist().inv_cdf(0.975)
_FEWEST = 10
"""Dialogues below which nothing is said: their spread is not known well enough."""


class Interval(NamedTuple):
    """A figure, and between which bounds the whole set's lies with 95 %."""

    value: float
    low: float
    high: float


def mean_interval(groups: Iterable[Sequence[float]], *, least: float, most: float) -> Interval | None:
    """The mean over all values, with its interval; None for fewer than ten dialogues.

    Args:
        groups: the values of each dialogue; those without any are passed over.
        least: the lowest value that there can be.
        most: the highest.
    """
    known = [group for group in groups if group]
    if len(known) < _FEWEST:
        return None
    mean, error = _mean_and_error(known)
    return Interval(mean, max(least, mean - _Z * error), min(most, mean + _Z * error))


def share_interval(groups: Iterable[Sequence[bool]]) -> Interval | None:
    """The share of values that are true, with its interval; None for fewer than ten dialogues."""
    known = [group for group in groups if group]
    if len(known) < _FEWEST:
        return None
    share, error = _mean_and_error(known)
    count = sum(map(len, known))
    alone = share * (1 - share) / count
    # Dialogues whose pairs are alike tell less than so many draws; that they tell more would be chance.
    worth = count / max(1.0, error**2 / alone) if alone else len(known)
    return wilson_interval(share, worth)


def wilson_interval(share: float, count: float) -> Interval:
    """Wilson's score interval of a share of ``count`` independent draws."""
    square = _Z**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count**2))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def _mean_and_error(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The mean over all values, and its standard error by the spread between the groups."""
    count = sum(map(len, groups))
    mean = sum(map(sum, groups)) / count
    spread = sum((sum(group) - mean * len(group)) ** 2 for group in groups)
    return mean, sqrt(spread * len(groups) / (len(groups) - 1)) / count
