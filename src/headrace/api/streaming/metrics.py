"""What the event streams of this process do, in numbers: plain ones, so that counting costs next to nothing."""

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
        losses: Times that a comparison with the log found events which had never arrived.
        resumes: Streams that began with a cursor: in what is kept in memory (hit), in the log (gap), or not at all (reset).
        ends: Streams that ended, by why.
    """

    def __init__(self) -> None:
        self.events_in = self.events_out = self.replays = self.losses = 0
        self.resumes: dict[str, int] = dict.fromkeys(RESUMES, 0)
        self.ends: dict[str, int] = dict.fromkeys(ENDS, 0)
        self._lags = [0] * (len(LAG_SECONDS) + 1)
        self._lag_sum = 0.0

    def sent(self, lag: float) -> None:
        """Something was sent, so many seconds after the log had taken its oldest event."""
        self._lags[bisect_left(LAG_SECONDS, lag)] += 1
        self._lag_sum += lag

    @property
    def lags(self) -> list[tuple[str, float]]:
        """The histogram of those seconds: upper bounds, and how many chunks were within each."""
        counts: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, LAG_SECONDS), "+Inf"), self._lags, strict=True):
            total += count
            counts.append((bound, total))
        return counts

    @property
    def lag_sum(self) -> float:
        """All of those seconds together."""
        return self._lag_sum


class Exposed:
    """The metrics as Prometheus reads them.

    Args:
        metrics: The counters.
        streams: How many streams are open now.
        feeds: How many subjects are subscribed to now.
    """

    def __init__(self, metrics: Metrics, streams: Callable[[], int], feeds: Callable[[], int]) -> None:
        self._metrics = metrics
        self._streams = streams
        self._feeds = feeds
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """All of them, as text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """All of them, as they now are."""
        of = self._metrics
        yield GaugeMetricFamily("headrace_streams", "Open event streams", self._streams())
        yield GaugeMetricFamily("headrace_subscriptions", "Subjects subscribed to for streams", self._feeds())
        for name, about, value in (
            ("headrace_stream_events_in", "Live events that arrived from the log", of.events_in),
            ("headrace_stream_events_out", "Events given to streams", of.events_out),
            ("headrace_stream_replays", "Pages of history read from the log", of.replays),
            ("headrace_stream_losses", "Comparisons with the log that found events which had never arrived", of.losses),
        ):
            yield CounterMetricFamily(name, about, value)
        resumes = CounterMetricFamily("headrace_stream_resumes", "Streams that began with a cursor", labels=["how"])
        for how, count in of.resumes.items():
            resumes.add_metric([how], count)
        yield resumes
        ends = CounterMetricFamily("headrace_stream_ends", "Streams that ended", labels=["why"])
        for why, count in of.ends.items():
            ends.add_metric([why], count)
        yield ends
        lag = HistogramMetricFamily(
            "headrace_stream_lag_seconds", "From the log to what is sent, of a chunk's oldest event"
        )
        lag.add_metric([], of.lags, of.lag_sum)
        yield lag
