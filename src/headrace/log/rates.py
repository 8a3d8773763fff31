"""The streams of counters: how many tasks of a kind with a rate were started, and what principals and addresses have asked for, in
each window of time.

The streams are kept in memory: after a restart of their servers, what was counted in the present windows is forgotten.
"""

from __future__ import annotations

from typing import Any

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import NANOSECONDS
from headrace.log.streams import reconcile_stream
from headrace.settings import StreamSettings

AGE_SECONDS = 7200  # two windows of the slowest rate, one start an hour; clocks of workers differ by less

LIMITS_BYTES_MAX = 64 << 20  # bytes; hundreds of thousands of counters. Beyond, the oldest are forgotten first
LIMITS_STREAMS = (
    (subjects.LIMITS_STREAM, subjects.LIMITS, 60),
    (subjects.LONG_LIMITS_STREAM, subjects.LONG_LIMITS, 3600),
)


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


async def provision_limits(log: Log) -> None:
    """Create the counters of requests: a stream for windows of a minute, and one for windows of an hour.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer, or a stream does not exist and this process may not create it.
    """
    for wanted in limits_configs(log.settings):
        await reconcile_stream(log.jetstream, wanted)


def limits_configs(settings: StreamSettings) -> list[dict[str, Any]]:
    """Return how the streams that count requests should be."""
    return [
        {
            "name": name,
            "description": f"requests of principals and addresses, counted in windows of {window} seconds",
            "subjects": [counted],
            "storage": "memory",
            "retention": "limits",
            "discard": "old",
            # A window is over, and the clocks of two processes may differ.
            "max_age": 2 * window * NANOSECONDS,
            "max_bytes": LIMITS_BYTES_MAX,
            "max_msgs_per_subject": 1,
            "num_replicas": settings.replicas,
            "allow_direct": True,
            "allow_msg_counter": True,
        }
        for name, counted, window in LIMITS_STREAMS
    ]
