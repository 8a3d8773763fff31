"""Timers that are all that the log has of a task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.lifecycle import long_timers as long_timers_module
from headrace.lifecycle.long_timers import LongTimers, read_timer
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.timers import timer_headers
from tests.purge import purge

OWNER, TASK = "u", "1"


async def set_timer(log: Log) -> int:
    headers = timer_headers(datetime.now(UTC) + timedelta(days=30), "hr.tasks.queued.echo.normal.u.1", {})
    return (await log.appender.append(subjects.task_timer(OWNER, TASK), b"{}", headers)).sequence


async def keep_for(log: Log, seconds: int) -> None:
    config = (await log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}"))["config"]
    short = config | {"max_age": seconds * 10**9, "duplicate_window": seconds * 10**9}
    await log.jetstream.request(f"STREAM.UPDATE.{subjects.STREAM}", short)


@pytest.mark.invariant(4)
async def test_a_timer_is_found_when_it_is_older_than_what_the_log_keeps(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_timers_module, "OLDEST_TIMER_POLL_SECONDS", 0.0)
    long_timers = LongTimers(log)
    assert await long_timers.find(OWNER, TASK) is None
    sequence = await set_timer(log)
    assert await long_timers.find(OWNER, TASK) is None, "its events are still there, and say more"
    await keep_for(log, 5)
    found = await long_timers.find(OWNER, TASK)
    assert found is not None
    assert found.sequence == sequence
    assert await long_timers.find(OWNER, "2") is None
    await purge(log, subjects.task_timer(OWNER, TASK))
    assert await long_timers.find(OWNER, TASK) is None


async def test_the_log_is_not_asked_for_a_timer_while_none_is_that_old(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_timer(log)
    long_timers = LongTimers(log)
    assert await long_timers.find(OWNER, TASK) is None

    async def ask(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(log.replayer, "page", ask)
    monkeypatch.setattr(log.replayer, "last", ask)
    for _ in range(3):
        assert await long_timers.find(OWNER, TASK) is None


async def test_what_is_known_of_a_log_is_not_held_of_another(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await set_timer(log)
    await keep_for(log, 5)
    long_timers = LongTimers(log)
    assert await long_timers.find(OWNER, TASK) is not None
    assert await read_timer(log, OWNER, TASK) is not None
    await keep_for(log, 3600)
    assert await long_timers.find(OWNER, TASK) is not None, "it was looked a moment ago"
    monkeypatch.setattr(long_timers, "_epoch", 1)
    assert await long_timers.find(OWNER, TASK) is None
