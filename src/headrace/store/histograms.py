"""Histograms of durations with fixed buckets, and percentiles computed from them.

Each bucket ends at twice the duration at which it begins, so that a percentile, which is interpolated within one bucket, is
never more than twice and never less than half of the true one, from the first bound to the last. A histogram of a few counters
can be added to others, of other minutes and kinds, without losing more than that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

FIRST_BOUND_SECONDS = 0.005  # the broker and the loops of processes take as long; below, a task has not waited
BOUNDS_SECONDS = tuple(FIRST_BOUND_SECONDS * 2**power for power in range(21))  # the last is 87 minutes, over an hour
BUCKETS = len(BOUNDS_SECONDS) + 1  # the last bucket has no end


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket of a duration: the first whose bound is not below it."""
    return bisect_left(BOUNDS_SECONDS, seconds)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration that this share of all durations does not exceed; None when there are none.

    Args:
        counts: How many durations each bucket has.
        share: Above 0, and 1 at most.

    Returns:
        Seconds, interpolated within a bucket as if its durations were spread evenly. Of durations over the last bound, that bound.
    """
    return percentiles(counts, (share,))[0]


def percentiles(counts: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """Return several percentiles of the same durations, see `percentile`. A chart has thousands of them."""
    if not any(counts):
        return [None] * len(shares)
    up_to = list(accumulate(counts))
    return [_percentile(counts, up_to, share) for share in shares]


def mean(counts: Sequence[int]) -> float | None:
    """Return the mean of the durations, as if those of a bucket were spread evenly; None when there are none."""
    if not any(counts):
        return None
    bounds = (0.0, *BOUNDS_SECONDS, BOUNDS_SECONDS[-1])
    total = sum(count * (bounds[bucket] + bounds[bucket + 1]) / 2 for bucket, count in enumerate(counts))
    return total / sum(counts)


def _percentile(counts: Sequence[int], up_to: Sequence[int], share: float) -> float:
    """Return a percentile; ``up_to`` has for each bucket how many durations it and those before it have."""
    rank = share * up_to[-1]
    bucket = bisect_left(up_to, rank)
    if bucket == len(BOUNDS_SECONDS):
        return BOUNDS_SECONDS[-1]
    begin = BOUNDS_SECONDS[bucket - 1] if bucket else 0.0
    part = (rank - (up_to[bucket] - counts[bucket])) / counts[bucket]
    return round(begin + (BOUNDS_SECONDS[bucket] - begin) * part, 6)
