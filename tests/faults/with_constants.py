"""A process with other constants, which also says how many tasks asyncio has: ``python -m tests.faults.with_constants <process>``.

The product knows nothing of this.

    HEADRACE_TEST_CONSTANTS=headrace.api.streaming.open_streams.STALLED_SECONDS=0.5 …      names and numbers, separated by spaces
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

VARIABLE = "HEADRACE_TEST_CONSTANTS"
TASKS = "headrace_test_asyncio_tasks"


def _set(constants: str) -> None:
    for constant in constants.split():
        name, _, value = constant.partition("=")
        module, _, attribute = name.rpartition(".")
        found = importlib.import_module(module)
        setattr(found, attribute, type(getattr(found, attribute))(value))


def _count_tasks() -> None:
    from headrace.api.streaming.metrics import StreamCollector

    begin, collect = StreamCollector.__init__, StreamCollector.collect
    loops: list[asyncio.AbstractEventLoop] = []

    def begin_in_loop(self: StreamCollector, *arguments: Any) -> None:
        # The page is rendered in another thread.
        loops.append(asyncio.get_running_loop())
        begin(self, *arguments)

    def with_tasks(self: StreamCollector) -> Iterator[Metric]:
        yield GaugeMetricFamily(TASKS, "Tasks of the event loop", len(asyncio.all_tasks(loops[-1])))
        yield from collect(self)

    StreamCollector.__init__ = begin_in_loop
    StreamCollector.collect = with_tasks


def main() -> None:
    """Set the constants, and be the process."""
    _set(os.environ.get(VARIABLE, ""))
    _count_tasks()
    from headrace.cli import main as command_line

    sys.argv[0] = "headrace"
    command_line()


if __name__ == "__main__":
    main()
