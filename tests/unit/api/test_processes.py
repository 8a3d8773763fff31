"""Which processes are there, by what they tell."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from headrace.api import processes as api_processes
from headrace.api.processes import PROCESSES_MAX, Processes, StreamTelling
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.processes import ProcessNotice, Slots
from headrace.log import clock, live_subjects
from headrace.log import presence as log_presence
from headrace.log.connection import Log
from headrace.log.presence import Presence
from tests.waiting import until


def nothing() -> dict[str, Any]:
    return {}


async def test_a_process_that_tells_of_itself_is_there_until_it_was_missed_three_times(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_presence, "PRESENCE_SECONDS", 0.01)
    monkeypatch.setattr(log_presence, "ANSWER_SECONDS", 0.01)
    heard = Processes(shared_log, nothing)
    await heard.open()
    busy = {"kinds": {"echo": Slots(slots=8, busy=3)}}

    telling = asyncio.create_task(Presence(shared_log, "worker", "w1", lambda: busy).tell_regularly())
    own = asyncio.create_task(heard.tell_regularly())
    await until(lambda: len(heard.list_present()) == 2, "both are there")
    api, worker = heard.list_present()
    assert (api.notice.role, worker.notice.role, worker.notice.name) == ("api", "worker", "w1")
    assert worker.notice.kinds == busy["kinds"]
    assert worker.notice.version
    assert worker.notice.since <= worker.at
    telling.cancel()
    own.cancel()
    now = clock.now() + timedelta(seconds=api_processes.GONE_SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: now)
    assert heard.list_present() == []


async def test_an_api_that_comes_later_asks_and_knows_at_once_who_is_there(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody tells of itself again during the test, unless it is asked.
    monkeypatch.setattr(log_presence, "PRESENCE_SECONDS", 600.0)
    monkeypatch.setattr(log_presence, "ANSWER_SECONDS", 0.01)
    before = Processes(shared_log, nothing)
    await before.open()
    telling = [
        asyncio.create_task(Presence(shared_log, role, "early").tell_regularly()) for role in ("projector", "worker")
    ]
    await until(lambda: len(before.list_present()) == 2, "both have told it")
    later = Processes(shared_log, nothing)
    assert not later.is_complete
    await later.open()
    await until(lambda: len(later.list_present()) == 2, "both have told it again")
    assert not later.is_complete
    monkeypatch.setattr(api_processes, "monotonic", lambda: later._asked_at + api_processes.PRESENCE_SECONDS + 1)
    assert later.is_complete
    for each in telling:
        each.cancel()


async def test_what_cannot_be_read_is_left_out_and_the_oldest_are_forgotten(shared_log: Log) -> None:
    heard = Processes(shared_log, nothing)
    await heard.open()
    notice = ProcessNotice(role="projector", name="p", version="0.1.0", since=datetime.now().astimezone())
    encoded = msgspec.json.encode(notice)
    await shared_log.live.publish(live_subjects.process("projector", "odd"), b'{"role": "king"}')
    for number in range(PROCESSES_MAX + 5):
        await shared_log.live.publish(live_subjects.process("projector", f"p{number}"), encoded)
    await until(lambda: len(heard.list_present()) == PROCESSES_MAX, "all were heard")


def test_streams_are_told_as_what_happened_since_the_last_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(api_processes, "monotonic", lambda: now[0])
    metrics = StreamMetrics()
    telling = StreamTelling(metrics, [1, 2])
    metrics.events_out, metrics.resumes["reset"] = 50, 3
    for delay in (0.002, 0.004):
        metrics.delays.record(delay)
    now[0] += 5
    told = telling.details()["streams"]
    assert (told.open, told.events_per_second, told.lag_ms, told.resets) == (2, 10.0, 3.0, 3)
    now[0] += 5
    assert telling.details()["streams"].events_per_second == 0.0
    assert telling.details()["streams"].lag_ms == 0.0
