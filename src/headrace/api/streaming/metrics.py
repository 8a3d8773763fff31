"""The counters of the event streams of this process. They are plain numbers, so that counting costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric

from headrace.metrics.families import counter, counter_by, gauge, histogram
from headrace.metrics.series import DELAY_SECONDS, Histogram

RESUMES = ("hit", "gap", "reset")
ENDS = ("finished", "left", "slow", "lifetime", "credentials", "drain", "log")


class StreamMetrics:
    """Counters of one process, since it started.

    Attributes:
        events_in: Live events that arrived from the log.
        events_out: Events given to streams.
        replays: Pages of history read from the log.
        unreadable: Events that could not be read and were left out.
        losses: Comparisons with the log that found events which had never arrived.
        resumes: Streams that began with a cursor: within the events in memory (hit), in the log (gap), or not at all (reset).
        ends: Streams that ended, by reason.
        delays: From the moment in which the log took the oldest event of a chunk to that in which the chunk is sent.
    """

    def __init__(self) -> None:
        self.events_in = self.events_out = self.replays = self.losses = self.unreadable = 0
        self.resumes: dict[str, int] = dict.fromkeys(RESUMES, 0)
        self.ends: dict[str, int] = dict.fromkeys(ENDS, 0)
        self.delays = Histogram(DELAY_SECONDS)


class StreamCollector:
    """Shows the counters to Prometheus. Its streams are called event streams, since NATS knows streams of another sort.

    Args:
        metrics: The counters.
        streams: Returns how many streams are open now.
        feeds: Returns how many subjects are subscribed to now.
    """

    def __init__(self, metrics: StreamMetrics, streams: Callable[[], int], feeds: Callable[[], int]) -> None:
        self._metrics = metrics
        self._streams = streams
        self._feeds = feeds

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their present values."""
        metrics = self._metrics
        yield gauge("headrace_event_streams", "Open event streams", self._streams())
        yield gauge("headrace_event_stream_subscriptions", "Subjects subscribed to for event streams", self._feeds())
        for name, about, value in (
            ("events_in", "Live events that arrived from the log", metrics.events_in),
            ("events_out", "Events given to event streams", metrics.events_out),
            ("replays", "Pages of history read from the log", metrics.replays),
            ("unreadable", "Events that could not be read and were left out", metrics.unreadable),
            ("losses", "Comparisons with the log that found events which had never arrived", metrics.losses),
        ):
            yield counter(f"headrace_event_stream_{name}", about, value)
        yield counter_by(
            "headrace_event_stream_resumes",
            "Event streams that began with a cursor: in memory (hit), in the log (gap), or not at all (reset)",
            ("result",),
            (((result,), count) for result, count in metrics.resumes.items()),
        )
        yield counter_by(
            "headrace_event_stream_ends",
            "Event streams that ended",
            ("reason",),
            (((reason,), count) for reason, count in metrics.ends.items()),
        )
        yield histogram(
            "headrace_event_stream_delivery_delay_seconds",
            "From the log to what is sent, of a chunk's oldest event",
            metrics.delays,
        )
