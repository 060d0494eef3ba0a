"""How far several judges agree: exact agreement, Cohen's kappa, Krippendorff's alpha.

Sources: Cohen, "A coefficient of agreement for nominal scales" (1960), and with weights "Weighted kappa" (1968);
Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), whose worked example ``tests/test_agreement.py`` repeats.

Both coefficients are 1 where all agree, 0 where they agree as often as chance would have it, and less than that where they
contradict each other. Where all judges gave everything the same score there is no chance to beat, and no coefficient: None.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Literal

Measure = Literal["nominal", "ordinal", "interval"]
"""What lies between two scores: they are the same or not; so many others rank between them; the square of their distance."""

_Distance = Callable[[int, int], float]


def exact_agreement(units: Iterable[Sequence[int | None]]) -> float | None:
    """The share of pairs of judges, over all units, who gave the same score.

    Args:
        units: for each thing that was judged the scores of the judges; None where one gave none.

    Returns:
        Between 0 and 1; None where no two judges scored the same thing.
    """
    same = pairs = 0
    for unit in units:
        for one, other in combinations([score for score in unit if score is not None], 2):
            same += one == other
            pairs += 1
    return same / pairs if pairs else None


def cohens_kappa(
    pairs: Iterable[tuple[int, int]], *, weights: Literal["none", "linear", "quadratic"] = "none"
) -> float | None:
    """Cohen's kappa of two judges.

    Args:
        pairs: for each thing the first and the second judge's score.
        weights: how much worse a distant score is than a near one; ``none``: every difference is as bad.

    Returns:
        1 - observed / expected disagreement; None where there is nothing to compare or nothing that could differ.
    """
    table = Counter(pairs)
    total = table.total()
    first: Counter[int] = Counter()
    second: Counter[int] = Counter()
    for (one, other), count in table.items():
        first[one] += count
        second[other] += count
    power = {"none": 0, "linear": 1, "quadratic": 2}[weights]

    def weight(one: int, other: int) -> float:
        return 0.0 if one == other else float(abs(one - other) ** power)

    observed = sum(count * weight(one, other) for (one, other), count in table.items())
    expected = sum(a * b * weight(one, other) for one, a in first.items() for other, b in second.items())
    return 1 - observed * total / expected if expected else None


def krippendorffs_alpha(units: Iterable[Sequence[int | None]], *, measure: Measure = "ordinal") -> float | None:
    """Krippendorff's alpha of any number of judges, who need not all have scored everything.

    Args:
        units: for each thing that was judged the scores of the judges; None where one gave none.
        measure: what a difference between two scores counts.

    Returns:
        1 - observed / expected disagreement; None where no two judges scored the same thing, or all scores are the same.
    """
    coincidences: Counter[tuple[int, int]] = Counter()
    marginal: Counter[int] = Counter()
    for unit in units:
        scores = [score for score in unit if score is not None]
        if len(scores) < 2:
            continue
        marginal.update(scores)
        counts = Counter(scores)
        for one, number in counts.items():
            for other, others in counts.items():
                pairs = number * (others - (one == other))
                coincidences[one, other] += pairs / (len(scores) - 1)  # type: ignore[assignment] # fractions
    total = marginal.total()
    distance = _distance(measure, marginal)
    observed = sum(count * distance(one, other) for (one, other), count in coincidences.items())
    expected = sum(
        a * b * distance(one, other) for one, a in marginal.items() for other, b in marginal.items() if one != other
    )
    return 1 - observed * (total - 1) / expected if expected else None


def _distance(measure: Measure, marginal: Counter[int]) -> _Distance:
    """The squared distance of two scores (section "metric differences" of the 2011 paper)."""
    if measure == "nominal":
        return lambda one, other: float(one != other)
    if measure == "interval":
        return lambda one, other: float((one - other) ** 2)
    ranks: dict[int, float] = {}
    below = 0
    for score in sorted(marginal):
        ranks[score] = below + marginal[score] / 2
        below += marginal[score]
    # The sum of all ranks from one score to the other, less half of the ends: the distance of their mean ranks.
    return lambda one, other: (ranks[one] - ranks[other]) ** 2
