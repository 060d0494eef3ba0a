"""Canonical JSON, fingerprints and draws: contracts that a run's paid replies hang on."""

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.identity import canonical_json, draw, draw_number, draw_order, fingerprint
from syphus.records import Asset, Scene

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ({"b": 1, "a": {"d": [1, 2.0], "c": None}}, b'{"a":{"c":null,"d":[1,2.0]},"b":1}'),
        (("ä", True), '["ä",true]'.encode()),
        (Scene(id="s", assets=(Asset(width=3),)), b'{"assets":[{"width":3}],"id":"s"}'),
        ({}, b"{}"),
    ],
)
def test_the_canonical_form(value, form):
    assert canonical_json(value) == form


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        ({}, "b2:2afb9b83f9314e5d029766197f539792"),
        ({"b": 1, "a": [None, True, "ä"]}, "b2:3a79f95199261129aea104b8e3d3a70f"),
    ],
)
def test_fingerprints_never_change(value, digest):
    assert fingerprint(value) == digest


@given(values)
def test_the_canonical_form_is_json_that_means_the_same(value):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@given(st.dictionaries(st.text("abc", max_size=2), values, max_size=4))
def test_the_order_of_keys_is_nothing_and_every_value_is_something(value):
    assert fingerprint(dict(reversed(value.items()))) == fingerprint(value)
    assert fingerprint({**value, "new": 1}) != fingerprint(value)


@pytest.mark.parametrize(
    ("one", "other"), [([1], [[1]]), ("1", 1), (1, 1.0), (None, "null"), (["a", "b"], ["ab"]), ({}, [])]
)
def test_different_values_have_different_fingerprints(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_what_has_no_one_form_is_refused():
    with pytest.raises(TypeError):
        canonical_json({"a": object()})


def test_draws_follow_their_parts_alone():
    assert [draw("abcdefgh", 7, "scene", index) for index in range(8)] == list("fgfcehdd")
    assert draw_number(1, "23") != draw_number(12, "3")
    with pytest.raises(ValueError, match="nothing to draw from"):
        draw([], 1)


def test_draws_are_the_same_in_another_process():
    code = "from syphus.identity import *; print(draw_number(3, 'ä', None), fingerprint({'a': 'ä'}), draw_order('abcdef', 5))"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"}
    )
    assert said.stdout.strip() == f"{draw_number(3, 'ä', None)} {fingerprint({'a': 'ä'})} {draw_order('abcdef', 5)}"


def test_draws_are_even():
    counts = Counter(draw("abcd", "seed", index) for index in range(4000))
    assert set(counts) == set("abcd")
    assert all(850 < count < 1150 for count in counts.values())


@given(st.lists(st.integers(), max_size=8), st.integers())
def test_an_order_holds_every_choice_once(choices, seed):
    assert sorted(draw_order(choices, seed)) == sorted(choices)


def test_orders_differ_from_seed_to_seed():
    orders = [tuple(draw_order(range(10), seed)) for seed in range(20)]
    assert len(set(orders)) == 20
    assert all(one != other for one, other in pairwise(orders))
    assert {order[0] for order in orders} > {orders[0][0]}
