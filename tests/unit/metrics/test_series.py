from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.metrics.series import OTHER, CounterBy, Histogram, HistogramBy

FIRST_MAX = 5  # values of the first label in these tests

labels = st.tuples(st.text("abcdefghij", min_size=1, max_size=2), st.sampled_from(["high", "low"]))


@given(st.lists(st.floats(0, 2000)))
def test_every_value_is_in_each_bucket_whose_bound_it_does_not_pass(values: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 900.0))
    for each in values:
        histogram.record(each)
    buckets = dict(histogram.buckets)
    assert buckets == {str(bound): sum(each <= bound for each in values) for bound in (0.1, 1.0, 900.0)} | {
        "+Inf": len(values)
    }
    assert histogram.total == sum(values)


@given(st.lists(labels))
def test_whatever_is_counted_no_label_takes_more_values_than_its_bound_and_nothing_is_lost(
    counted: list[tuple[str, str]],
) -> None:
    counter, histograms = CounterBy(FIRST_MAX), HistogramBy((1.0,), FIRST_MAX)
    for each in counted:
        counter.add(each)
        histograms.record(each, 0.5)
    found = dict(counter.items())
    assert sum(found.values()) == len(counted)
    assert len({first for first, _ in found} - {OTHER}) <= FIRST_MAX
    assert {of: dict(series.buckets)["+Inf"] for of, series in histograms.items()} == found


def test_what_comes_beyond_the_bound_keeps_its_other_labels() -> None:
    counter = CounterBy(1)
    for labels_ in (("thumbnail", "high"), ("made_up", "high"), ("made_up_too", "high"), ("thumbnail", "low")):
        counter.add(labels_)
    assert dict(counter.items()) == {("thumbnail", "high"): 1, (OTHER, "high"): 2, ("thumbnail", "low"): 1}
