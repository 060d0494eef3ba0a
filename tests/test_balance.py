"""Shares of abilities and sources: what is possible, the most of it, and who is chosen."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syphus.config import BalanceTable as Targets
from syphus.errors import InputError
from syphus.jobs.balance import Ballot, allot, thin
from syphus.records import Dialogue, Turn

THREE = {"perception": 0.4, "reasoning": 0.3, "planning": 0.3}


def cells(**counts):
    """``a_perception=10`` as ``{("a", "perception"): 10}``."""
    return {tuple(name.split("_")): count for name, count in counts.items()}


@pytest.mark.parametrize(
    ("there", "targets", "wanted"),
    [
        (cells(a_perception=10, b_reasoning=5), Targets(), cells(a_perception=10, b_reasoning=5)),
        (
            cells(a_perception=100, a_reasoning=30, a_planning=30),
            Targets(abilities=THREE),
            cells(a_perception=40, a_reasoning=30, a_planning=30),
        ),
        (
            cells(e_perception=2400, c_perception=300, d_perception=60),
            Targets(source_at_most=0.5),
            cells(e_perception=360, c_perception=300, d_perception=60),
        ),
        # One ability that only one source has, which may be half at most.
        (
            cells(a_planning=100, a_perception=100, b_perception=100),
            Targets(abilities={"planning": 0.5, "perception": 0.5}, source_at_most=0.5),
            cells(a_planning=100, a_perception=0, b_perception=100),
        ),
        ({}, Targets(abilities=THREE), {}),
    ],
)
def test_the_largest_dataset_that_keeps_the_shares(there, targets, wanted):
    assert allot(there, targets) == pytest.approx(wanted, rel=1e-3, abs=0.01)


def test_sources_give_evenly_what_is_wanted_of_an_ability():
    given_ = allot(
        cells(a_perception=100, b_perception=100, a_planning=20),
        Targets(abilities={"perception": 0.5, "planning": 0.5}),
    )
    assert given_["a", "perception"] == pytest.approx(10, abs=1)
    assert given_["b", "perception"] == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("there", "targets", "says"),
    [
        (cells(a_perception=5, b_perception=5), Targets(source_at_most=0.2), "2 sources of at most 20%"),
        (
            cells(a_perception=5),
            Targets(abilities=THREE),
            "30% shall be reasoning, but there is nothing of that ability here",
        ),
        (
            cells(a_planning=5, b_perception=5, c_perception=5),
            Targets(abilities={"planning": 0.6, "perception": 0.4}, source_at_most=0.4),
            "60% shall be planning, which comes from 1 source of at most 40%",
        ),
    ],
)
def test_what_cannot_be_says_why(there, targets, says):
    with pytest.raises(InputError, match=says):
        allot(there, targets)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(list(THREE))), st.integers(1, 10_000), min_size=1
    ),
    st.sampled_from([{}, THREE, {"perception": 0.9, "reasoning": 0.1}]),
    st.sampled_from([1.0, 0.6, 0.34]),
)
@settings(max_examples=60, deadline=None)
def test_shares_hold_whatever_there_is(there, abilities, most):
    targets = Targets(abilities=abilities, source_at_most=most)
    try:
        chosen = allot(there, targets)
    except InputError:
        assume(False)
    total = sum(chosen.values())
    for cell, count in chosen.items():
        assert -1e-6 <= count <= there[cell] + 1e-6
    for source in {source for source, _ in there}:
        assert sum(count for (own, _), count in chosen.items() if own == source) <= most * total * 1.001 + 0.01
    for ability, share in abilities.items():
        assert sum(count for (_, own), count in chosen.items() if own == ability) == pytest.approx(
            share * total, rel=2e-3, abs=0.05
        )


def test_a_ballot_chooses_exactly_and_the_same_each_time():
    first, again = Ballot(3), Ballot(3)
    for ballot in (first, again):
        for number in range(1000):
            ballot.enter("x", f"scene{number}")
            ballot.enter("y", f"scene{number}")
        ballot.close({"x": 250.2})
    chosen = {number for number in range(1000) if first.chooses("x", f"scene{number}")}
    assert len(chosen) == 250
    assert chosen == {number for number in range(1000) if again.chooses("x", f"scene{number}")}
    assert all(first.chooses("y", f"scene{number}") for number in range(1000)), "what has no number stays whole"
    assert not first.chooses("z", "scene1")


def test_more_is_the_same_and_some_more():
    small, large = Ballot(0), Ballot(0)
    for ballot, number in ((small, 100), (large, 400)):
        for scene in range(1000):
            ballot.enter("x", str(scene))
        ballot.close({"x": number})
    assert all(large.chooses("x", str(scene)) for scene in range(1000) if small.chooses("x", str(scene)))


def dialogue(number, source, ability, pairs):
    turns = (Turn(role="user", text="q"), Turn(role="assistant", text="a")) * pairs
    return Dialogue(id=str(number), scene="s", source=source, ability=ability, turns=turns)


def test_thinning_keeps_order_and_shares():
    dialogues = [dialogue(number, "ab"[number % 2], list(THREE)[number % 3], 1 + number % 4) for number in range(3000)]
    there = Counter()
    for one in dialogues:
        there[one.source, one.ability] += len(one.turns) // 2
    kept = list(thin(dialogues, there, Targets(abilities={"perception": 0.2, "reasoning": 0.5, "planning": 0.3})))
    assert [int(one.id) for one in kept] == sorted(int(one.id) for one in kept)
    pairs = Counter()
    for one in kept:
        pairs[one.ability] += len(one.turns) // 2
    total = sum(pairs.values())
    assert {ability: round(count / total, 2) for ability, count in pairs.items()} == {
        "perception": 0.2,
        "reasoning": 0.5,
        "planning": 0.3,
    }
    assert total > 4500, "the scarcest ability is used whole"
    assert min(int(one.id) for one in kept) < 10
    assert max(int(one.id) for one in kept) > 2990, "taken evenly, not from the beginning"
