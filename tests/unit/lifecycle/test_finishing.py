from __future__ import annotations

import pytest

from headrace.contracts.events import Finished, Outcome, Queued
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.lifecycle.finishing import end_forgotten_task, end_task
from headrace.lifecycle.queueing import submit_task
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import subjects
from headrace.log.append import Appended
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from tests.unit.lifecycle.steps import due_in, events_of, new_task, records_of, start, succeed, timer_of

EXPIRED = TaskError(code=FailureCode.EXPIRED, message="too late")


async def state_of(log: Log, task: TaskSubject) -> TaskState:
    state = await read_task_state(log, task.owner, task.task)
    assert state is not None
    return state


async def test_a_task_that_expires_fails_with_the_error_and_leaves_its_queue(shared_log: Log) -> None:
    task = new_task(attempt=2)
    await submit_task(shared_log, task)
    await end_task(shared_log, await state_of(shared_log, task.subject), error=EXPIRED)
    (finished,) = await events_of(shared_log, task.subject)
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.error, finished.attempt, finished.by) == (Outcome.FAILED, EXPIRED, 2, None)
    assert finished.withdrawn is not None
    assert (finished.queued_seconds, finished.run_seconds) == (None, None), "it was not started"
    (record,) = await records_of(shared_log, task.subject)
    assert record.headers[subjects.OUTCOME] == "failed"


async def test_a_task_that_a_worker_has_started_keeps_its_queued_event(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    await start(shared_log, task.subject)
    await end_task(shared_log, await state_of(shared_log, task.subject), by="somebody")
    queued, _, finished = await events_of(shared_log, task.subject)
    assert isinstance(queued, Queued)
    assert isinstance(finished, Finished)
    assert finished.withdrawn is None
    assert finished.queued_seconds == 0.25, "as its start says"
    assert finished.run_seconds is not None
    assert 0 <= finished.run_seconds < 60


@pytest.mark.invariant(2)
async def test_a_task_that_a_worker_finishes_first_keeps_that_end(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    seen = await state_of(shared_log, task.subject)
    end = await succeed(shared_log, task.subject)
    result = await end_task(shared_log, seen, by="somebody")
    assert isinstance(result, Record)
    assert result.sequence == end.sequence
    queued, finished = await events_of(shared_log, task.subject)
    assert isinstance(queued, Queued), "what a worker has is not withdrawn"
    assert isinstance(finished, Finished)
    assert finished.outcome is Outcome.SUCCEEDED


async def test_a_task_whose_events_have_left_the_log_ends_with_its_timer(shared_log: Log) -> None:
    task = new_task(due_at=due_in(3600))
    await submit_task(shared_log, task)
    result = await end_forgotten_task(shared_log, task.subject, attempt=1, headers={}, error=EXPIRED)
    assert isinstance(result, Appended)
    *_, finished = await events_of(shared_log, task.subject)
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.error) == (Outcome.FAILED, EXPIRED)
    assert await timer_of(shared_log, task.subject) is None
