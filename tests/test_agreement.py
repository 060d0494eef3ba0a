"""Agreement of judges, against the worked examples of those who defined it."""

import pytest

from syphus.quality.agreement import cohens_kappa, exact_agreement, krippendorffs_alpha

_ = None
# Krippendorff (2011), section D: four observers, twelve units, missing data.
OBSERVERS = [
    (1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3),
    (_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _),
]
UNITS = list(zip(*OBSERVERS, strict=True))


@pytest.mark.parametrize(("measure", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example(measure, alpha) -> None:
    assert krippendorffs_alpha(UNITS, measure=measure) == pytest.approx(alpha, abs=0.0005)


def test_alpha_of_two_observers_and_binary_data() -> None:
    # Section A of the same paper.
    one, other = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    assert krippendorffs_alpha(list(zip(one, other, strict=True)), measure="nominal") == pytest.approx(0.095, abs=5e-4)


@pytest.mark.parametrize(
    ("units", "alpha"),
    [
        ([(1, 1), (5, 5), (3, 3)], 1.0),
        ([(4, 4), (4, 4)], None),  # nothing that could differ
        ([(4, _), (_, 2)], None),  # nobody to agree with
        ([], None),
    ],
)
def test_alpha_at_its_ends(units, alpha) -> None:
    assert krippendorffs_alpha(units) == alpha


def test_judges_who_contradict_each_other_are_below_chance() -> None:
    alpha = krippendorffs_alpha([(1, 5), (5, 1), (1, 5), (5, 1)])
    assert alpha is not None
    assert alpha < 0


def test_kappa_of_a_table() -> None:
    # 20 both yes, 5 and 10 differ, 15 both no: observed 0.7, by chance 0.5.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    # Of two scores all weights say the same.
    assert cohens_kappa(pairs, weights="quadratic") == pytest.approx(0.4)


def test_quadratic_weights_forgive_what_is_near() -> None:
    near = [(1, 2), (2, 1), (4, 5), (5, 4), (3, 3)]
    assert cohens_kappa(near) == pytest.approx(0.0, abs=0.01)
    weighted = cohens_kappa(near, weights="quadratic")
    assert weighted is not None
    assert weighted > 0.75
    assert cohens_kappa([(4, 4)] * 3) is None
    assert cohens_kappa([]) is None


@pytest.mark.parametrize(
    ("units", "share"), [([(1, 1, 2)], 1 / 3), ([(1, 1), (2, 3)], 0.5), ([(1, _)], None), ([], None)]
)
def test_exact_agreement(units, share) -> None:
    assert exact_agreement(units) == (pytest.approx(share) if share is not None else None)
