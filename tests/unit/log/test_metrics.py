from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from headrace.errors import AppendRefused, LogUnavailable
from headrace.log.connection import Log
from headrace.log.metrics import LogCollector
from headrace.log.subjects import EXPECTED_LAST_SUBJECT_SEQUENCE
from tests.unit.metrics.samples import samples_of

SUBJECT = "hr.tasks.queued.echo.normal.u.1"
APPENDED = "messaging_client_operation_duration_seconds_count"


def shown(*logs: Log) -> dict[str, float]:
    """What a process with these logs shows."""
    return samples_of(LogCollector(*logs))


@pytest.fixture
async def held(log: Log) -> AsyncGenerator[Log]:
    log.hold_appends()
    yield log
    log.allow_appends()


async def test_appends_are_counted_with_what_they_took_and_by_what_they_failed_with(log: Log) -> None:
    await log.appender.append(SUBJECT, b"one", {})
    await log.appender.append(SUBJECT, b"two", {})
    await log.appender.append_nowait(SUBJECT, b"three", {})
    with pytest.raises(AppendRefused):
        await log.appender.append(SUBJECT, b"four", {EXPECTED_LAST_SUBJECT_SEQUENCE: "77"})
    found = shown(log)
    assert found["headrace_log_available"] == 1
    assert found["messaging_client_sent_messages_total"] == 4
    assert (found[APPENDED], found[f"{APPENDED}:append_refused"]) == (2, 1)
    assert 0 < found["messaging_client_operation_duration_seconds_sum"] < 60


async def test_a_process_with_two_connections_shows_what_both_did(log: Log) -> None:
    await log.appender.append(SUBJECT, b"one", {})
    assert shown(log, log)[APPENDED] == 2 * shown(log)[APPENDED]


async def test_a_log_that_takes_nothing_is_not_available(held: Log) -> None:
    with pytest.raises(LogUnavailable):
        await held.appender.append(SUBJECT, b"one", {})
    found = shown(held)
    assert (found["headrace_log_available"], found[f"{APPENDED}:log_unavailable"]) == (0, 1)
