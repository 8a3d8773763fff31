from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.store.histograms import BOUNDS_SECONDS, BUCKETS, bucket_of, percentile
from tests.examples import examples

DURATIONS = st.floats(0, BOUNDS_SECONDS[-1])


def histogram(durations: list[float]) -> list[int]:
    counts = [0] * BUCKETS
    for seconds in durations:
        counts[bucket_of(seconds)] += 1
    return counts


@given(durations=st.lists(DURATIONS, min_size=1, max_size=200), share=st.floats(0.01, 1))
@examples(300)
def test_a_percentile_is_at_most_twice_and_at_least_half_of_the_true_one(durations: list[float], share: float) -> None:
    true = sorted(durations)[math.ceil(share * len(durations)) - 1]
    found = percentile(histogram(durations), share)
    assert found is not None
    if true <= BOUNDS_SECONDS[0]:
        assert found <= BOUNDS_SECONDS[0]
    else:
        assert true / 2.000001 <= found <= true * 2.000001


def test_buckets_reach_from_milliseconds_to_more_than_an_hour() -> None:
    assert (BOUNDS_SECONDS[0], len(BOUNDS_SECONDS)) == (0.005, 21)
    assert BOUNDS_SECONDS[-1] > 3600
    assert [bucket_of(seconds) for seconds in (0.0, 0.005, 0.0051, 0.01, 3600, 1e300)] == [0, 0, 1, 1, 20, 21]


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_without_durations_there_is_no_percentile(share: float) -> None:
    assert percentile([0] * BUCKETS, share) is None


def test_of_what_took_longer_than_the_last_bound_that_bound_is_known() -> None:
    assert percentile(histogram([1e6, 1e7]), 0.5) == BOUNDS_SECONDS[-1]
