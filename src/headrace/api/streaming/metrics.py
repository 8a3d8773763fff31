"""The counters of the event streams of this process. They are plain numbers, so that counting costs next to nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # upper bounds of the histogram
RESUMES = ("hit", "gap", "reset")
ENDS = ("finished", "left", "slow", "lifetime", "credentials", "drain", "log")


class Metrics:
    """Counters of one process, since it started.

    Attributes:
        events_in: Live events that arrived from the log.
        events_out: Events given to streams.
        replays: Pages of history read from the log.
        unreadable: Events that could not be read and were left out.
        losses: Comparisons with the log that found events which had never arrived.
        resumes: Streams that began with a cursor: within the events in memory (hit), in the log (gap), or not at all (reset).
        ends: Streams that ended, by reason.
    """

    def __init__(self) -> None:
        self.events_in = self.events_out = self.replays = self.losses = self.unreadable = 0
        self.resumes: dict[str, int] = dict.fromkeys(RESUMES, 0)
        self.ends: dict[str, int] = dict.fromkeys(ENDS, 0)
        self._lags = [0] * (len(LAG_SECONDS) + 1)
        self._lag_sum = 0.0

    def record_lag(self, lag: float) -> None:
        """Record that a chunk was sent so many seconds after the log had taken its oldest event."""
        self._lags[bisect_left(LAG_SECONDS, lag)] += 1
        self._lag_sum += lag

    @property
    def lags(self) -> list[tuple[str, float]]:
        """The histogram of the lag: upper bounds, and how many chunks were within each."""
        counts: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, LAG_SECONDS), "+Inf"), self._lags, strict=True):
            total += count
            counts.append((bound, total))
        return counts

    @property
    def lag_sum(self) -> float:
        """The sum of the lag of all chunks, in seconds."""
        return self._lag_sum


class Exposed:
    """Exposes the counters to Prometheus.

    Args:
        metrics: The counters.
        streams: Returns how many streams are open now.
        feeds: Returns how many subjects are subscribed to now.
    """

    def __init__(self, metrics: Metrics, streams: Callable[[], int], feeds: Callable[[], int]) -> None:
        self._metrics = metrics
        self._streams = streams
        self._feeds = feeds
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their present values."""
        metrics = self._metrics
        yield GaugeMetricFamily("headrace_streams", "Open event streams", self._streams())
        yield GaugeMetricFamily("headrace_subscriptions", "Subjects subscribed to for streams", self._feeds())
        for name, about, value in (
            ("headrace_stream_events_in", "Live events that arrived from the log", metrics.events_in),
            ("headrace_stream_events_out", "Events given to streams", metrics.events_out),
            ("headrace_stream_replays", "Pages of history read from the log", metrics.replays),
            (
                "headrace_stream_unreadable",
                "Events that could not be read and were left out",
                metrics.unreadable,
            ),
            (
                "headrace_stream_losses",
                "Comparisons with the log that found events which had never arrived",
                metrics.losses,
            ),
        ):
            yield CounterMetricFamily(name, about, value)
        resumes = CounterMetricFamily("headrace_stream_resumes", "Streams that began with a cursor", labels=["how"])
        for how, count in metrics.resumes.items():
            resumes.add_metric([how], count)
        yield resumes
        ends = CounterMetricFamily("headrace_stream_ends", "Streams that ended", labels=["why"])
        for why, count in metrics.ends.items():
            ends.add_metric([why], count)
        yield ends
        lag = HistogramMetricFamily(
            "headrace_stream_lag_seconds", "From the log to what is sent, of a chunk's oldest event"
        )
        lag.add_metric([], metrics.lags, metrics.lag_sum)
        yield lag
