"""The compact set of ids behaves as a set does."""

from hypothesis import given
from hypothesis import strategies as st

from syphus.annotations.known import KnownIds


@given(st.lists(st.text(max_size=6), max_size=300))
def test_it_is_a_set(texts: list[str]) -> None:
    known, like = KnownIds(), set[str]()
    for text in texts:
        assert known.add(text) is (text not in like)
        like.add(text)
    assert len(known) == len(like)


def test_it_grows_and_forgets_nothing() -> None:
    known = KnownIds()
    assert all(known.add(f"scene{number}") for number in range(20_000))
    assert not any(known.add(f"scene{number}") for number in range(20_000))
    assert len(known) == 20_000


def test_half_a_pair_is_an_id_too() -> None:
    known = KnownIds()
    assert known.add("a\ud800")
    assert not known.add("a\ud800")
