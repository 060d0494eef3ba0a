"""Figures out of counts: entropy, quantiles, and whether counts are as even as chance makes them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import erfc, exp, lgamma, log, log2, sqrt


def entropy(counts: Iterable[int]) -> float:
    """Shannon's, in bits: ``-sum p log2 p`` over the shares ``p``; 0 where there is nothing or one kind alone."""
    there = [count for count in counts if count > 0]
    total = sum(there)
    return -sum(count / total * log2(count / total) for count in there) + 0.0 if total else 0.0


def evenness(counts: Iterable[int]) -> float:
    """Pielou's: entropy by the most that it could be, ``log2`` of the number of kinds; 1 all alike, 0 one kind alone."""
    there = [count for count in counts if count > 0]
    return entropy(there) / log2(len(there)) if len(there) > 1 else 0.0


def quantiles(counts: Counter[int]) -> dict[str, float]:
    """Mean, least, median, 95 % and most of values that are given as value -> how often."""
    total = counts.total()
    if not total:
        return {"mean": 0.0, "least": 0, "median": 0, "95 %": 0, "most": 0}
    wanted = {"least": 0.0, "median": 0.5, "95 %": 0.95, "most": 1.0}
    found: dict[str, float] = {"mean": round(sum(value * count for value, count in counts.items()) / total, 3)}
    ordered = sorted(value for value in counts if counts[value] > 0)
    for name, share in wanted.items():
        passed = 0
        for value in ordered:
            passed += counts[value]
            if passed >= share * total and passed:
                found[name] = value
                break
    return found


def top(counts: Counter[str], number: int) -> dict[str, int]:
    """The commonest, those that are as common in the order of the alphabet, so that the same set gives the same table."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number])


def uniform_chance(counts: Sequence[int]) -> float:
    """How likely counts this uneven, or more, are where all kinds are equally likely: the upper tail of chi-square.

    Pearson's test (1900) with ``k - 1`` degrees of freedom. Below 0.001 the kinds are not drawn evenly; below 5 expected of a
    kind it says little, and 1 is returned.
    """
    total, kinds = sum(counts), len(counts)
    if kinds < 2 or total < 5 * kinds:
        return 1.0
    expected = total / kinds
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    return _chi_square_tail(statistic, kinds - 1)


def _chi_square_tail(statistic: float, freedom: int) -> float:
    """``Q(freedom / 2, statistic / 2)``, by the recurrence over half integers (Abramowitz and Stegun 26.4.4, 26.4.5)."""
    half = statistic / 2
    if half <= 0:
        return 1.0
    if freedom % 2:
        tail, order = erfc(sqrt(half)), 0.5
    else:
        tail, order = exp(-half), 1.0
    while order < freedom / 2:
        tail += exp(order * log(half) - half - lgamma(order + 1))
        order += 1
    return min(tail, 1.0)
