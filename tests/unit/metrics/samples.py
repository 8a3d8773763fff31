"""What collectors show, as a test reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from headrace.metrics.page import Collector

CONSTANT = frozenset({"nats", "publish", "process"})  # the values of labels that conventions want on each metric


def samples_of(*collectors: Collector, buckets: bool = False) -> dict[str, float]:
    """All samples by name, with the values of their labels in the order of the labels' names, after colons."""
    registry = CollectorRegistry(auto_describe=False)
    for each in collectors:
        registry.register(each)
    return samples_in(generate_latest(registry), buckets=buckets)


def samples_in(page: bytes, *, buckets: bool = True) -> dict[str, float]:
    """The samples of a page, as `samples_of` has them."""
    return {
        ":".join((sample.name, *(value for value in sample.labels.values() if value and value not in CONSTANT))): (
            sample.value
        )
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if buckets or not sample.name.endswith("_bucket")
    }
