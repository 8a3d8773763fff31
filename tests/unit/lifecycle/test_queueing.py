from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from headrace.contracts.events import Deferred, Queued, decode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import FailureCode, State, TaskError
from headrace.errors import AppendRefused
from headrace.lifecycle.fence import append_under_fence
from headrace.lifecycle.long_timers import LongTimers
from headrace.lifecycle.queueing import (
    queue_if_new,
    queue_if_unchanged,
    queue_overdue,
    requeue_message,
    retry_messages,
    submit_task,
    submit_task_once,
)
from headrace.log import subjects
from headrace.log.acknowledgement import Appended
from headrace.log.connection import Log
from tests.unit.lifecycle.steps import INPUT, due_in, events_of, new_task, records_of, succeed, timer_of

SOON, LATER = 0.1, 3600.0


async def test_a_task_that_is_due_now_is_queued_with_all_that_a_worker_needs(shared_log: Log) -> None:
    task = new_task(max_attempts=3, expires_at=due_in(60))
    appended = await submit_task(shared_log, task)
    (record,) = await records_of(shared_log, task.subject)
    assert record.sequence == appended.sequence
    assert record.subject == task.subject.of("queued")
    assert record.headers[subjects.CORRELATION_ID] == "c1"
    assert record.headers[subjects.MSG_ID] == task.subject.task
    assert decode(record.payload) == Queued(attempt=1, fence=0, input=INPUT, max_attempts=3, expires_at=task.expires_at)


async def test_a_task_that_is_due_later_has_a_timer_before_its_deferred_event(shared_log: Log) -> None:
    task = new_task(due_at=due_in(LATER), max_attempts=3)
    await submit_task(shared_log, task)
    assert await events_of(shared_log, task.subject) == [
        Deferred(attempt=1, fence=0, input=INPUT, max_attempts=3, due_at=task.due_at or due_in(0))
    ]
    timer = await timer_of(shared_log, task.subject)
    assert timer is not None
    assert timer.headers[subjects.SCHEDULE_TARGET] == task.subject.of("queued")
    assert timer.headers[subjects.CORRELATION_ID] == "c1"
    assert decode(timer.payload) == Queued(attempt=1, fence=0, input=INPUT, max_attempts=3, due_at=task.due_at)
    (deferred,) = await records_of(shared_log, task.subject)
    assert timer.sequence == deferred.sequence - 1


async def test_a_task_that_is_due_sooner_than_a_timer_fires_is_queued_and_says_when_it_is_due(shared_log: Log) -> None:
    task = new_task(due_at=due_in(SOON))
    await submit_task(shared_log, task)
    assert await events_of(shared_log, task.subject) == [Queued(attempt=1, fence=0, input=INPUT, due_at=task.due_at)]
    assert await timer_of(shared_log, task.subject) is None


@pytest.mark.parametrize("seconds", [None, SOON, LATER])
async def test_a_task_that_is_sent_again_after_a_reconnect_is_there_once(
    shared_log: Log, seconds: float | None
) -> None:
    task = new_task(due_at=None if seconds is None else due_in(seconds))
    first, again = await submit_task(shared_log, task), await submit_task(shared_log, task)
    assert (again.sequence, again.duplicate) == (first.sequence, True)
    assert len(await records_of(shared_log, task.subject)) == 1


@pytest.mark.parametrize("first", [None, SOON, LATER])
@pytest.mark.parametrize("second", [None, SOON, LATER])
@pytest.mark.invariant(4)
async def test_a_second_task_under_the_same_key_is_refused_whenever_either_is_due(
    shared_log: Log, first: float | None, second: float | None
) -> None:
    task = new_task(due_at=None if first is None else due_in(first))
    long_timers = LongTimers(shared_log)
    await submit_task_once(shared_log, long_timers, task)
    other = new_task(subject=task.subject, due_at=None if second is None else due_in(second))
    with pytest.raises(AppendRefused):
        await submit_task_once(shared_log, long_timers, other)
    assert len(await records_of(shared_log, task.subject)) == 1
    assert (await timer_of(shared_log, task.subject) is None) == (first != LATER)


async def test_a_key_whose_task_has_only_its_timer_left_is_refused(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    task = new_task(due_at=due_in(LATER))
    await submit_task(log, task)
    timer = await timer_of(log, task.subject)

    async def find(*_: object) -> object:
        return timer

    long_timers = LongTimers(log)
    monkeypatch.setattr(long_timers, "find", find)
    with pytest.raises(AppendRefused):
        await submit_task_once(log, long_timers, new_task(subject=task.subject))
    assert len(await records_of(log, task.subject)) == 1


async def test_a_task_is_queued_if_the_log_has_no_event_of_it(shared_log: Log) -> None:
    task = new_task()
    await queue_if_new(shared_log, task)
    with pytest.raises(AppendRefused):
        await queue_if_new(shared_log, new_task(subject=task.subject._replace(kind="other")))
    assert len(await records_of(shared_log, task.subject)) == 1


@pytest.mark.parametrize("seconds", [None, LATER])
async def test_a_known_task_is_queued_again_unless_it_has_changed(shared_log: Log, seconds: float | None) -> None:
    task = new_task()
    seen = await submit_task(shared_log, task)
    due_at = None if seconds is None else due_in(seconds)
    again = new_task(subject=task.subject, attempt=2, fence=7, due_at=due_at)
    await queue_if_unchanged(shared_log, again, seen.sequence)
    *_, event = await events_of(shared_log, task.subject)
    assert isinstance(event, Queued if seconds is None else Deferred)
    assert (event.attempt, event.fence) == (2, 7)
    timer = await timer_of(shared_log, task.subject)
    assert (timer is None) == (seconds is None)
    with pytest.raises(AppendRefused):
        await queue_if_unchanged(shared_log, again, seen.sequence)
    assert len(await records_of(shared_log, task.subject)) == 2
    unchanged = await timer_of(shared_log, task.subject)
    assert timer is None or (unchanged is not None and unchanged.sequence == timer.sequence)


@pytest.mark.parametrize("is_worker_first", [True, False])
async def test_an_attempt_that_the_next_worker_and_the_sweep_both_queue_is_queued_once(
    shared_log: Log, is_worker_first: bool
) -> None:
    task = new_task()
    first = await submit_task(shared_log, task)
    attempt = new_task(subject=task.subject, attempt=2, due_at=due_in(SOON))
    deferred, queued = retry_messages(attempt)
    seen = await shared_log.appender.append(*deferred)

    async def sweep() -> None:
        with suppress(AppendRefused):
            await queue_overdue(shared_log, attempt, seen.sequence)

    async def worker() -> None:
        # It has read the log before either was appended, and looks for an end of the run only.
        assert isinstance(await append_under_fence(shared_log, task.subject, 0, queued), Appended)

    for append in (worker, sweep) if is_worker_first else (sweep, worker):
        await append()
    events = await events_of(shared_log, task.subject)
    assert [event.attempt for event in events if isinstance(event, Queued)] == [1, 2]
    assert first.sequence < seen.sequence


async def test_an_overdue_attempt_is_not_queued_once_the_task_has_changed(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    attempt = new_task(subject=task.subject, attempt=2, due_at=due_in(SOON))
    seen = await shared_log.appender.append(*retry_messages(attempt)[0])
    await succeed(shared_log, task.subject)
    with pytest.raises(AppendRefused):
        await queue_overdue(shared_log, attempt, seen.sequence)


def test_a_retry_sets_its_timer_before_it_tells_why() -> None:
    error = TaskError(code=FailureCode.RAISED, message="no")
    task = new_task(attempt=2, fence=5, due_at=due_in(LATER), error=error)
    timer, deferred = retry_messages(task)
    assert timer.subject == subjects.task_timer(task.subject.owner, task.subject.task)
    assert timer.headers[subjects.SCHEDULE_TARGET] == task.subject.of("queued")
    event = decode(deferred.payload)
    assert isinstance(event, Deferred)
    assert event.error == error
    for message in (timer, deferred):
        assert message.headers[subjects.MSG_ID] == f"{message.subject}-5-2"
        assert message.headers[subjects.CORRELATION_ID] == "c1"


def test_a_retry_that_is_due_at_once_tells_why_before_it_is_queued() -> None:
    task = new_task(attempt=2, fence=5, due_at=due_in(SOON))
    deferred, queued = retry_messages(task)
    assert deferred.subject == task.subject.of("deferred")
    assert queued == requeue_message(task)
    assert queued.headers[subjects.MSG_ID] == f"{task.subject.of('queued')}-5-2"
    assert decode(queued.payload) == Queued(attempt=2, fence=5, input=INPUT, due_at=task.due_at)


@pytest.mark.parametrize(("seconds", "state"), [(None, State.QUEUED), (SOON, State.PENDING), (LATER, State.PENDING)])
def test_an_accepted_task_is_queued_or_pending(seconds: float | None, state: State) -> None:
    now = datetime.now(UTC)
    due_at = None if seconds is None else due_in(seconds)
    task = new_task(due_at=due_at, max_attempts=2, expires_at=due_in(60), headers={subjects.BATCH: "b"})
    summary = task.summarize(now, Position(3, 4))
    assert (summary.id, summary.kind, summary.priority, summary.owner) == (
        task.subject.task,
        "echo",
        "normal",
        task.subject.owner,
    )
    assert (summary.state, summary.due_at, summary.attempt, summary.max_attempts) == (state, due_at, 1, 2)
    assert (summary.batch, summary.expires_at, summary.created_at) == ("b", task.expires_at, now)
    assert summary.position == "3-4"
