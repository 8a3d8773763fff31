from __future__ import annotations

import json

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.rates import provision_rates


async def test_starts_are_remembered_for_the_longest_window_of_any_kind(log: Log) -> None:
    for window, remembered in ((1.0, 300), (3600.0, 7200), (10.0, 7200)):
        await provision_rates(log, window)
        config = (await log.jetstream.request("STREAM.INFO.HEADRACE_RATES"))["config"]
        assert config["max_age"] == remembered * 1_000_000_000
    counter = subjects.rate_counter("echo", 1)
    acks = [await log._connection.request(counter, b"", headers={subjects.INCREMENT: "1"}) for _ in range(3)]
    assert [json.loads(ack.data)["val"] for ack in acks] == ["1", "2", "3"]
