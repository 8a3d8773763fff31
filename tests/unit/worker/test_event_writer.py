"""What a worker appends, under which headers, and what it does while the log is away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Self, cast

import pytest
from msgspec.structs import replace

from headrace.contracts.events import EventName, Finished, Logged, Progressed, Started, decode
from headrace.contracts.tasks import FailureCode
from headrace.errors import LogFull, LogUnavailable
from headrace.log import clock, subjects
from headrace.log.append import Appended
from headrace.log.connection import Log
from headrace.worker import event_writer
from headrace.worker.event_writer import HIGH_RATE_TTL, EventWriter
from headrace.worker.execution import LATE_SECONDS
from headrace.worker.left_log import LeftLog
from headrace.worker.outcomes import Failed, Retrying, Succeeded
from tests.unit.worker.executions import DELIVERED_AT, SEQUENCE, execution

RETENTION = (datetime.now(UTC) - DELIVERED_AT).total_seconds() + 3600.0
LINE = Logged(attempt=1, level="info", message="hello")


class FakeAppender:
    """Keeps what is appended; the appends to come may fail."""

    def __init__(self) -> None:
        self.appended: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.failures: list[Exception] = []
        self.closed = False
        self.has_delivered = True

    @property
    def leading(self) -> Self:
        return self

    async def has_dropped(self, sequence: int) -> bool:
        return sequence != SEQUENCE or not self.has_delivered

    async def append(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> Appended:
        if self.failures:
            raise self.failures.pop(0)
        self.appended.append((subject, payload, headers))
        return Appended(len(self.appended), duplicate=False)

    async def append_nowait(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        self.sent.append((subject, payload, headers))

    def writer(self) -> EventWriter:
        parts = {"appender": self, "replayer": self, "settings": SimpleNamespace(retention=RETENTION)}
        return EventWriter(cast("Log", SimpleNamespace(**parts, is_closed=self.closed, epoch=1)), "w1")


@pytest.fixture
def appender(monkeypatch: pytest.MonkeyPatch) -> FakeAppender:
    monkeypatch.setattr(event_writer, "APPEND_RETRY_SECONDS", 0.001)
    return FakeAppender()


async def test_every_appended_event_of_an_execution_has_an_id_of_its_own(appender: FakeAppender) -> None:
    writer, of = appender.writer(), execution(delivered=2)
    await writer.append(of, EventName.LOGGED, LINE)
    await writer.append(of, EventName.LOGGED, LINE)
    ids = [headers[subjects.MSG_ID] for _, _, headers in appender.appended]
    assert ids == [f"{SEQUENCE}-2-1", f"{SEQUENCE}-2-2"]


async def test_what_comes_at_a_high_rate_leaves_the_log_early(appender: FakeAppender) -> None:
    writer, of = appender.writer(), execution()
    await writer.append(of, EventName.LOGGED, LINE)
    await writer.append_nowait(of, EventName.PROGRESSED, Progressed(attempt=1, fraction=0.5))
    await writer.append_started(of, wait=False)
    assert [headers.get(subjects.TTL) for _, _, headers in appender.appended + appender.sent] == [
        HIGH_RATE_TTL,
        HIGH_RATE_TTL,
        None,
    ]


@pytest.mark.parametrize("wait", [True, False])
async def test_a_start_is_waited_for_only_when_asked(appender: FakeAppender, wait: bool) -> None:
    await appender.writer().append_started(execution(delivered=3), wait=wait)
    assert (len(appender.appended), len(appender.sent)) == ((1, 0) if wait else (0, 1))
    ((_, payload, _),) = appender.appended + appender.sent
    started = decode(payload)
    assert isinstance(started, Started)
    assert started.queued_seconds is not None
    assert replace(started, queued_seconds=None) == Started(attempt=1, worker="w1", delivered=3)


async def test_an_outcome_waits_for_a_log_that_is_away_or_full(appender: FakeAppender) -> None:
    appender.failures = [LogUnavailable("away"), LogFull("full"), LogUnavailable("away")]
    appended_or_finish = await appender.writer().append_outcome(execution(), Succeeded(b"1"))
    assert appended_or_finish == Appended(1, duplicate=False)
    ((subject, payload, headers),) = appender.appended
    assert (subject, headers[subjects.OUTCOME]) == ("hr.tasks.finished.echo.normal.u.t1", "succeeded")
    finished = decode(payload)
    assert isinstance(finished, Finished)
    assert (finished.queued_seconds, finished.run_seconds) == (None, None), "no handler was called"


async def test_an_end_says_how_long_its_attempt_waited_and_how_long_the_handler_ran(
    appender: FakeAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, of = appender.writer(), execution(due_at=DELIVERED_AT + timedelta(seconds=3))
    monkeypatch.setattr(clock, "system_now", lambda: DELIVERED_AT + timedelta(seconds=5))
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    await writer.append_started(of, wait=False)
    now = 107.5
    of.note_handler_end()
    now = 900.0
    await writer.append_outcome(of, Succeeded(b"1"))
    started, finished = (decode(payload) for _, payload, _ in appender.sent + appender.appended)
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert started.queued_seconds == finished.queued_seconds == 2.0, "it was not due before"
    assert finished.run_seconds == 7.5


async def test_a_clock_that_is_behind_makes_no_wait_shorter_than_none(
    appender: FakeAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = execution()
    monkeypatch.setattr(clock, "system_now", lambda: DELIVERED_AT - timedelta(seconds=0.1))
    await appender.writer().append_started(of, wait=False)
    assert of.queued_seconds == 0.0


async def test_a_log_that_stays_away_is_given_up(appender: FakeAppender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "APPEND_TRIES_MAX", 3)
    appender.failures = [LogUnavailable("away")] * 4
    with pytest.raises(LogUnavailable, match="away for too long"):
        await appender.writer().append(execution(), EventName.LOGGED, LINE)
    assert len(appender.failures) == 1


async def test_nothing_waits_for_a_log_that_this_process_has_closed(appender: FakeAppender) -> None:
    appender.closed = True
    appender.failures = [LogUnavailable("closed")]
    with pytest.raises(LogUnavailable):
        await appender.writer().append(execution(), EventName.LOGGED, LINE)
    assert appender.appended == []


@pytest.mark.invariant(2)
async def test_a_worker_that_comes_when_its_task_has_ended_and_left_the_log_appends_no_end_and_no_attempt(
    appender: FakeAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, of = appender.writer(), execution()
    appender.has_delivered = False
    late = time.monotonic() + LATE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: late)
    assert await writer.append_outcome(of, Succeeded(b"1")) == LeftLog()
    assert await writer.defer(of, Retrying(1.0, Failed(FailureCode.RAISED, "late"))) == LeftLog()
    assert appender.appended == []


async def test_a_worker_that_takes_long_ends_a_task_that_the_log_has(
    appender: FakeAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = execution()
    late = time.monotonic() + LATE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: late)
    assert isinstance(await appender.writer().append_outcome(of, Succeeded(b"1")), Appended)
