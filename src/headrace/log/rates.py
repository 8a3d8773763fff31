"""The stream of counters: how many tasks of a kind with a rate were started in each window of time.

The stream is kept in memory: after a restart of its servers, the starts of the current window are forgotten.
"""

from __future__ import annotations

from typing import Any

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import NANOSECONDS
from headrace.log.streams import reconcile_stream
from headrace.settings import StreamSettings

AGE_SECONDS = 7200  # two windows of the slowest rate, one start an hour; clocks of workers differ by less


async def provision_rates(log: Log) -> None:
    """Create the stream of counters, if it does not exist.

    Workers may do this, and may not change the stream: the log's servers forget it when they are started again.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: the log does not answer.
    """
    await reconcile_stream(log.jetstream, rates_config(log.settings))


def rates_config(settings: StreamSettings) -> dict[str, Any]:
    """Return how the stream of counters should be."""
    return {
        "name": subjects.RATES_STREAM,
        "description": "starts of tasks whose kind has a rate, counted",
        "subjects": [subjects.RATES],
        "storage": "memory",
        "retention": "limits",
        "discard": "old",
        "max_age": AGE_SECONDS * NANOSECONDS,
        "max_msgs_per_subject": 1,
        "num_replicas": settings.replicas,
        "allow_direct": True,
        "allow_msg_counter": True,
    }
