"""Counters and histograms as plain numbers, each with a bound on how many series it may have.

They are written by the event loop and read by the thread that renders the page. A reader copies a dictionary or a list in one
step of the interpreter, so that it needs no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

OTHER = "other"  # the label of everything beyond the bound
KINDS_MAX = 200  # kinds, routes: values of a first label; what clients can make up must not fill a Prometheus server

# Upper bounds in seconds. The first are those that OpenTelemetry advises for durations of requests and messages.
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TASK_SECONDS = (*REQUEST_SECONDS, 30.0, 60.0, 300.0, 900.0)
DELAY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0)

Labels = tuple[str, ...]


class Histogram:
    """How many values were at most as large as each bound, and the sum of all.

    Args:
        bounds: The upper bounds, ascending; the last bucket has no bound.
    """

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float] = REQUEST_SECONDS) -> None:
        self.bounds = bounds
        self.total = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def record(self, value: float, times: int = 1) -> None:
        """Count a value, which may have been found several times."""
        self._counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def include(self, other: Histogram) -> None:
        """Count all values of another histogram with the same bounds."""
        self._counts = [one + more for one, more in zip(self._counts, list(other._counts), strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many values were recorded."""
        return sum(self._counts)

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """The upper bounds as Prometheus writes them, each with the number of values up to it."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), list(self._counts), strict=True):
            total += count
            buckets.append((bound, total))
        return buckets


class _FirstLabels:
    """Admits the first values of a label, up to a bound; what comes later is `OTHER`."""

    def __init__(self, values_max: int) -> None:
        self._values_max = values_max
        self._known: set[str] = set()

    def admit(self, labels: Labels) -> Labels:
        """Return labels whose first value is one of the admitted."""
        first = labels[0]
        if first in self._known:
            return labels
        if len(self._known) < self._values_max:
            self._known.add(first)
            return labels
        return (OTHER, *labels[1:])


class CounterBy:
    """Numbers that only grow, by labels.

    Only the first label may take values that nobody has listed; they are bounded here. The code lists those of the others.

    Args:
        first_max: How many values of the first label are told apart.
    """

    def __init__(self, first_max: int = KINDS_MAX) -> None:
        self._values: dict[Labels, float] = {}
        self._first = _FirstLabels(first_max)

    def add(self, labels: Labels, by: float = 1) -> None:
        """Count something."""
        values = self._values
        if labels in values:
            values[labels] += by
        else:
            admitted = self._first.admit(labels)
            values[admitted] = values.get(admitted, 0) + by

    def items(self) -> list[tuple[Labels, float]]:
        """Return all series as they are now."""
        # Making pairs can collect garbage, which lets another thread add a value meanwhile; a copy is made in one step.
        return list(self._values.copy().items())


class HistogramBy:
    """Histograms by labels, bounded as those of `CounterBy` are.

    Args:
        bounds: The upper bounds of every histogram.
        first_max: How many values of the first label are told apart.
    """

    def __init__(self, bounds: Sequence[float], first_max: int = KINDS_MAX) -> None:
        self._bounds = bounds
        self._series: dict[Labels, Histogram] = {}
        self._first = _FirstLabels(first_max)

    def record(self, labels: Labels, value: float) -> None:
        """Count a value."""
        series = self._series.get(labels)
        if series is None:
            admitted = self._first.admit(labels)
            series = self._series.setdefault(admitted, Histogram(self._bounds))
        series.record(value)

    def items(self) -> list[tuple[Labels, Histogram]]:
        """Return all series as they are now."""
        return list(self._series.items())
