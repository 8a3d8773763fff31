from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from headrace.api.streaming.metrics import ENDS, RESUMES, StreamCollector, StreamMetrics
from headrace.metrics.series import DELAY_SECONDS

LABELS = {"headrace_event_stream_resumes": ("result", RESUMES), "headrace_event_stream_ends": ("reason", ENDS)}


class Page:
    """The metrics as Prometheus reads them, before and after."""

    def __init__(self) -> None:
        self.metrics = StreamMetrics()
        self.open = SimpleNamespace(streams=0, feeds=0)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(StreamCollector(self.metrics, lambda: self.open.streams, lambda: self.open.feeds))

    def families(self) -> dict[str, Any]:
        return {each.name: each for each in text_string_to_metric_families(generate_latest(self._registry).decode())}

    def samples(self) -> dict[str, float]:
        """All samples by name, with the value of a label after a colon."""
        return {
            ":".join((sample.name, *sample.labels.values())): sample.value
            for family in self.families().values()
            for sample in family.samples
        }


@pytest.fixture
def page() -> Page:
    return Page()


def test_every_metric_is_there_from_the_start_and_at_nothing(page: Page) -> None:
    families = page.families()
    assert {name: family.type for name, family in families.items()} == {
        "headrace_event_streams": "gauge",
        "headrace_event_stream_subscriptions": "gauge",
        "headrace_event_stream_events_in": "counter",
        "headrace_event_stream_events_out": "counter",
        "headrace_event_stream_replays": "counter",
        "headrace_event_stream_unreadable": "counter",
        "headrace_event_stream_losses": "counter",
        "headrace_event_stream_resumes": "counter",
        "headrace_event_stream_ends": "counter",
        "headrace_event_stream_delivery_delay_seconds": "histogram",
    }
    assert all(family.documentation for family in families.values())
    assert set(page.samples().values()) == {0.0}
    for name, (label, values) in LABELS.items():
        assert {sample.labels[label] for sample in families[name].samples} == set(values)


@pytest.mark.parametrize("counter", ["events_in", "events_out", "replays", "losses", "unreadable"])
def test_a_counter_moves_alone(page: Page, counter: str) -> None:
    before = page.samples()
    setattr(page.metrics, counter, getattr(page.metrics, counter) + 3)
    assert page.samples() == before | {f"headrace_event_stream_{counter}_total": 3.0}


@pytest.mark.parametrize(
    ("counter", "which"), [*(("resumes", result) for result in RESUMES), *(("ends", reason) for reason in ENDS)]
)
def test_a_counter_by_reason_moves_alone(page: Page, counter: str, which: str) -> None:
    before = page.samples()
    getattr(page.metrics, counter)[which] += 2
    assert page.samples() == before | {f"headrace_event_stream_{counter}_total:{which}": 2.0}


def test_what_is_open_is_asked_for_each_time(page: Page) -> None:
    page.open.streams, page.open.feeds = 12, 3
    assert (page.samples()["headrace_event_streams"], page.samples()["headrace_event_stream_subscriptions"]) == (
        12.0,
        3.0,
    )
    page.open.streams = page.open.feeds = 0
    assert (page.samples()["headrace_event_streams"], page.samples()["headrace_event_stream_subscriptions"]) == (
        0.0,
        0.0,
    )


def test_the_histogram_counts_each_delay_in_every_bucket_that_it_is_within(page: Page) -> None:
    delays = [0.0, 0.001, 0.0011, 0.3, 0.5, 10.0, 10.1, 3600.0]
    for delay in delays:
        page.metrics.delays.record(delay)
    family = page.families()["headrace_event_stream_delivery_delay_seconds"]
    buckets = {float(sample.labels["le"]): sample.value for sample in family.samples if sample.name.endswith("_bucket")}
    assert buckets == {
        bound: float(sum(delay <= bound for delay in delays)) for bound in (*DELAY_SECONDS, float("inf"))
    }
    samples = page.samples()
    assert samples["headrace_event_stream_delivery_delay_seconds_count"] == len(delays)
    assert samples["headrace_event_stream_delivery_delay_seconds_sum"] == pytest.approx(sum(delays))


def test_each_page_is_made_anew_and_none_of_it_stays_with_the_process() -> None:
    one, other = Page(), Page()
    one.metrics.events_in = 7
    assert one.samples()["headrace_event_stream_events_in_total"] == 7.0
    assert other.samples()["headrace_event_stream_events_in_total"] == 0.0
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("headrace")]
