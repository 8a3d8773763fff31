from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from headrace.api.streaming.metrics import ENDS, LAG_SECONDS, RESUMES, Exposed, Metrics

LABELS = {"headrace_stream_resumes": ("how", RESUMES), "headrace_stream_ends": ("why", ENDS)}


class Page:
    """The metrics as Prometheus reads them, before and after."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.open = SimpleNamespace(streams=0, feeds=0)
        self._exposed = Exposed(self.metrics, lambda: self.open.streams, lambda: self.open.feeds)

    def families(self) -> dict[str, Any]:
        return {each.name: each for each in text_string_to_metric_families(self._exposed.page().decode())}

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
        "headrace_streams": "gauge",
        "headrace_subscriptions": "gauge",
        "headrace_stream_events_in": "counter",
        "headrace_stream_events_out": "counter",
        "headrace_stream_replays": "counter",
        "headrace_stream_unreadable": "counter",
        "headrace_stream_losses": "counter",
        "headrace_stream_resumes": "counter",
        "headrace_stream_ends": "counter",
        "headrace_stream_lag_seconds": "histogram",
    }
    assert all(family.documentation for family in families.values())
    assert set(page.samples().values()) == {0.0}
    for name, (label, values) in LABELS.items():
        assert {sample.labels[label] for sample in families[name].samples} == set(values)


@pytest.mark.parametrize("counter", ["events_in", "events_out", "replays", "losses", "unreadable"])
def test_a_counter_moves_alone(page: Page, counter: str) -> None:
    before = page.samples()
    setattr(page.metrics, counter, getattr(page.metrics, counter) + 3)
    assert page.samples() == before | {f"headrace_stream_{counter}_total": 3.0}


@pytest.mark.parametrize(
    ("counter", "which"), [*(("resumes", how) for how in RESUMES), *(("ends", why) for why in ENDS)]
)
def test_a_counter_by_reason_moves_alone(page: Page, counter: str, which: str) -> None:
    before = page.samples()
    getattr(page.metrics, counter)[which] += 2
    assert page.samples() == before | {f"headrace_stream_{counter}_total:{which}": 2.0}


def test_what_is_open_is_asked_for_each_time(page: Page) -> None:
    page.open.streams, page.open.feeds = 12, 3
    assert (page.samples()["headrace_streams"], page.samples()["headrace_subscriptions"]) == (12.0, 3.0)
    page.open.streams = page.open.feeds = 0
    assert (page.samples()["headrace_streams"], page.samples()["headrace_subscriptions"]) == (0.0, 0.0)


def test_the_histogram_counts_each_lag_in_every_bucket_that_it_is_within(page: Page) -> None:
    lags = [0.0, 0.001, 0.0011, 0.3, 0.5, 10.0, 10.1, 3600.0]
    for lag in lags:
        page.metrics.record_lag(lag)
    family = page.families()["headrace_stream_lag_seconds"]
    buckets = {float(sample.labels["le"]): sample.value for sample in family.samples if sample.name.endswith("_bucket")}
    assert buckets == {bound: float(sum(lag <= bound for lag in lags)) for bound in (*LAG_SECONDS, float("inf"))}
    samples = page.samples()
    assert samples["headrace_stream_lag_seconds_count"] == len(lags)
    assert samples["headrace_stream_lag_seconds_sum"] == pytest.approx(sum(lags))


def test_each_page_is_made_anew_and_none_of_it_stays_with_the_process() -> None:
    one, other = Page(), Page()
    one.metrics.events_in = 7
    assert one.samples()["headrace_stream_events_in_total"] == 7.0
    assert other.samples()["headrace_stream_events_in_total"] == 0.0
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("headrace")]
