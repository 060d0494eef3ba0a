"""ROUGE-L is what its definition says, and finds what resembles what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.quality.novelty import Novelty, rouge_l

WORDS = st.lists(st.sampled_from("the a dog cat sits runs on under mat".split()), max_size=12).map(" ".join)


def by_definition(one, other):
    """F1 of the longest common subsequence (Lin 2004), as self-instruct computes it with rouge-score."""
    first, second = one.split(), other.split()
    if not first or not second:
        return float(first == second)
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    common = table[-1][-1]
    return 2 * common / (len(first) + len(second))


@given(WORDS, WORDS)
def test_the_same_as_the_definition(one, other):
    assert rouge_l(one, other) == pytest.approx(by_definition(one, other))


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("What is the dog doing?", "what is the DOG doing", 1, 1),
        ("What is the dog doing?", "What is the cat doing?", 0.79, 0.81),
        ("What is the dog doing?", "How many chairs stand there?", 0, 0.1),
    ],
)
def test_rouge_l(one, other, least, most):
    assert least <= rouge_l(one, other) <= most


def test_the_nearest_of_many():
    there = Novelty(("How many chairs are there?", "What is the dog doing?"))
    assert there.nearest("What is the cat doing?", least=0.7) == (pytest.approx(0.8), 1)
    assert there.nearest("Where does the road lead?", least=0.7) is None
    there.add("Where does the road lead?")
    assert there.nearest("Where does the road lead to?", least=0.7)[1] == 2
