"""The stream of counters: how many tasks of a kind with a rate were started in each window of time.

The stream is kept in memory: after a restart of its servers, the starts of the current window are forgotten.
"""

from __future__ import annotations

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import NANOSECONDS
from headrace.log.streams import reconcile_stream

AGE_SECONDS_MIN = 300  # for rates of one a second and more; clocks of workers differ by less


async def provision_rates(log: Log, window: float) -> None:
    """Create the stream of counters, or have it remember for longer.

    Args:
        log: The log whose servers keep the counters.
        window: Seconds over which starts are counted.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    info = await log.jetstream.call(f"STREAM.INFO.{subjects.RATES_STREAM}")
    age = max(AGE_SECONDS_MIN, int(2 * window)) * NANOSECONDS
    if "error" not in info:
        # Another kind may have a longer window.
        age = max(age, info["config"]["max_age"])
    wanted = {
        "name": subjects.RATES_STREAM,
        "description": "starts of tasks whose kind has a rate, counted",
        "subjects": [subjects.RATES],
        "storage": "memory",
        "retention": "limits",
        "discard": "old",
        "max_age": age,
        "max_msgs_per_subject": 1,
        "num_replicas": log.settings.replicas,
        "allow_direct": True,
        "allow_msg_counter": True,
    }
    await reconcile_stream(log.jetstream, wanted)
