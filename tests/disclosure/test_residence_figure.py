"""Counts by residence that leave the site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.disclosure.residence_figure import FEW, merge_residences
from campaign.reference.residence import ELSEWHERE

NUMBERS = st.dictionaries(st.sampled_from(["IT", "DE", "FR", "KZ", "TR", "ZZ", "US"]), st.integers(1, 12))


@pytest.mark.parametrize(
    ("numbers", "merged"),
    [
        ({"IT": 100, "KZ": 1}, ()),
        ({"IT": 100, "DE": 7, "KZ": 1}, (("IT", 100), (ELSEWHERE, 8))),
        ({"IT": 100, "DE": 70, "KZ": 50}, (("IT", 100), ("DE", 70), (ELSEWHERE, 50))),
        ({"DE": 9, "IT": 6, "FR": 4, "US": 3}, (("IT", 6), ("DE", 9), (ELSEWHERE, 7))),
        ({"IT": 4, "DE": 2}, ()),
        ({"IT": 5}, (("IT", 5),)),
        ({}, ()),
    ],
)
def test_small_and_endangered_residences_are_elsewhere(
    numbers: dict[str, int], merged: tuple[tuple[str, int], ...]
) -> None:
    assert merge_residences(numbers, own="IT", endangered={"KZ"}) == merged


@given(NUMBERS)
def test_no_number_is_small_and_their_sum_is_the_total(numbers: dict[str, int]) -> None:
    merged = merge_residences(numbers, own="IT", endangered={"KZ", "TR"})

    assert all(number >= FEW for _code, number in merged)
    assert not {"KZ", "TR"} & {code for code, _number in merged}
    assert not merged or sum(number for _code, number in merged) == sum(numbers.values())
