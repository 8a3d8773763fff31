from __future__ import annotations

import json

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.rates import provision_rates
from headrace.sdk.options import RATE_MIN


async def test_starts_are_remembered_for_the_longest_window_of_any_kind(log: Log) -> None:
    for _ in range(2):
        await provision_rates(log)
    config = (await log.jetstream.request("STREAM.INFO.HEADRACE_RATES"))["config"]
    assert config["max_age"] * RATE_MIN == 2_000_000_000
    counter = subjects.rate_counter("echo", 1)
    acks = [await log._connection.request(counter, b"", headers={subjects.INCREMENT: "1"}) for _ in range(3)]
    assert [json.loads(ack.data)["val"] for ack in acks] == ["1", "2", "3"]
