"""From plain numbers to what `prometheus_client` renders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from headrace.metrics.series import CounterBy, Histogram, HistogramBy, Labels


def counter(name: str, about: str, value: float) -> Metric:
    """Return a counter without labels."""
    return CounterMetricFamily(name, about, value)


def counter_by(
    name: str, about: str, labels: Sequence[str], values: CounterBy | Iterable[tuple[Labels, float]]
) -> Metric:
    """Return a counter by labels, whose names are ``labels``."""
    family = CounterMetricFamily(name, about, labels=labels)
    for of, value in values.items() if isinstance(values, CounterBy) else values:
        family.add_metric(of, value)
    return family


def gauge(name: str, about: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(name, about, value)


def gauge_by(name: str, about: str, labels: Sequence[str], values: Iterable[tuple[Labels, float]]) -> Metric:
    """Return a gauge by labels, whose names are ``labels``."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def histogram(name: str, about: str, values: Histogram) -> Metric:
    """Return a histogram without labels."""
    return histogram_by(name, about, (), [((), values)])


def histogram_by(
    name: str, about: str, labels: Sequence[str], values: HistogramBy | Iterable[tuple[Labels, Histogram]]
) -> Metric:
    """Return a histogram by labels, whose names are ``labels``."""
    family = HistogramMetricFamily(name, about, labels=labels)
    for of, series in values.items() if isinstance(values, HistogramBy) else values:
        family.add_metric(of, series.buckets, series.total)
    return family
