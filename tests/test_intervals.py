"""Intervals of a sample: against published figures, and held by drawing."""

import random

import pytest

from syphus.quality.intervals import mean_interval, share_interval, wilson_interval


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(hits: int, count: int, low: float, high: float) -> None:
    found = wilson_interval(hits / count, count)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_independent_draws_have_the_usual_error() -> None:
    values = [[float(number % 5 + 1)] for number in range(200)]
    found = mean_interval(values, least=1, most=5)
    assert found is not None
    assert found.value == 3
    assert found.high - found.value == pytest.approx(1.96 * (2 / 199) ** 0.5, rel=1e-3)


def test_pairs_that_are_alike_count_once() -> None:
    alone = [[number % 4 == 0] for number in range(100)]
    fives = [group * 5 for group in alone]
    one, other = share_interval(alone), share_interval(fives)
    assert one is not None
    assert other is not None
    assert (other.low, other.high) == (pytest.approx(one.low, abs=0.002), pytest.approx(one.high, abs=0.002))


def test_where_all_are_alike_something_is_left_open() -> None:
    found = share_interval([[False] * 4] * 50)
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(wilson_interval(0, 50).high)
    never = mean_interval([[5.0, 5.0]] * 50, least=1, most=5)
    assert never is not None
    assert never.high == 5


def test_of_few_dialogues_nothing_is_said() -> None:
    assert share_interval([[True]] * 9) is None
    assert mean_interval([[1.0], [], *[[2.0]] * 8], least=1, most=5) is None


def test_the_interval_holds_what_it_says() -> None:
    draw = random.Random(5)
    held_mean = held_share = 0
    rounds = 400
    for _ in range(rounds):
        groups = []
        for _ in range(60):
            own = draw.gauss(3, 0.7)
            groups.append([min(5.0, max(1.0, own + draw.gauss(0, 0.5))) for _ in range(draw.randint(2, 6))])
        mean = mean_interval(groups, least=1, most=5)
        share = share_interval([[value < 2.5 for value in group] for group in groups])
        assert mean is not None
        assert share is not None
        held_mean += mean.low <= 3.0 <= mean.high
        held_share += share.low <= 0.2805 <= share.high  # P(N(3, 0.74) < 2.5)
    assert held_mean / rounds == pytest.approx(0.95, abs=0.035)
    assert held_share / rounds == pytest.approx(0.95, abs=0.035)
