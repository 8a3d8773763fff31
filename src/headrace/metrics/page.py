"""The page that Prometheus reads: rendered in a thread of its own, and kept for a second."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric

from headrace.metrics.families import counter, gauge_by
from headrace.tracing import active

KEPT_SECONDS = 1.0  # a page costs 25 µs a line; several servers and a person who reloads share one


class Collector(Protocol):
    """What has metrics. It is asked in another thread than the one that counts."""

    def collect(self) -> Iterable[Metric]:
        """Return the metrics with their present values."""
        ...


class MetricsPage:
    """All metrics of a process as text: what the process itself is and uses, and what its parts have added.

    Attributes:
        prepare: Called before the page is rendered, for numbers that have to be fetched; None for nothing. It raises nothing.
    """

    def __init__(self) -> None:
        self.prepare: Callable[[], Awaitable[None]] | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self.add(BuildInfo(), LostSpans())
        # The loop's own threads may all be taken, by calls of handlers that hang.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._rendering = asyncio.Lock()
        self._page = b""
        self._until = 0.0

    def add(self, *collectors: Collector) -> None:
        """Have the page show what these have."""
        for each in collectors:
            self._registry.register(each)

    async def read(self) -> bytes:
        """Return the page, at most `KEPT_SECONDS` old."""
        async with self._rendering:
            if time.monotonic() >= self._until:
                if self.prepare is not None:
                    await self.prepare()
                loop = asyncio.get_running_loop()
                self._page = await loop.run_in_executor(self._thread, generate_latest, self._registry)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._page


class LostSpans:
    """How many spans were lost, in a process that traces."""

    def collect(self) -> Iterable[Metric]:
        """Return the one metric; none from a process that does not trace."""
        if active.tracer() is not None:
            yield counter("headrace_spans_lost_total", "Spans that the collector did not take", active.lost_spans())


class BuildInfo:
    """Which version runs on which Python. It stands in for the collector of `prometheus_client` that says the latter alone."""

    def collect(self) -> Iterable[Metric]:
        """Return the one metric, whose value is always 1."""
        labels = (version("headrace"), platform.python_version())
        yield gauge_by(
            "headrace_build_info", "The version that runs here", ("version", "python_version"), [(labels, 1.0)]
        )
