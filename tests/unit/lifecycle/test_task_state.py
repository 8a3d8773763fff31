from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.events import Finished, Outcome, Queued
from headrace.contracts.tasks import FailureCode, State, TaskError
from headrace.lifecycle.finishing import end_task
from headrace.lifecycle.queueing import deferred_message, queue_if_unchanged, submit_task
from headrace.lifecycle.task_state import TaskState, read_task_state, state_from_timer
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.replay import Page
from headrace.log.subjects import TaskSubject
from tests.unit.lifecycle.steps import due_in, new_task, start, succeed, timer_of


async def state_of(log: Log, task: TaskSubject) -> TaskState:
    state = await read_task_state(log, task.owner, task.task)
    assert state is not None
    return state


async def test_a_task_that_the_log_has_no_event_of_has_no_state(shared_log: Log) -> None:
    assert await read_task_state(shared_log, "nobody", "nothing") is None


async def test_a_task_is_queued_then_running_then_over(shared_log: Log) -> None:
    task = new_task(headers={subjects.BATCH: "b", "other": "x"}, max_attempts=3)
    queued = await submit_task(shared_log, task)
    state = await state_of(shared_log, task.subject)
    assert (state.is_over, state.is_started, state.fence) == (False, False, 0)
    assert state.headers == {subjects.BATCH: "b"}, "only what every event carries"
    assert state.summarize(1).state is State.QUEUED

    await start(shared_log, task.subject)
    state = await state_of(shared_log, task.subject)
    assert (state.is_over, state.is_started) == (False, True)
    assert state.summarize(1).state is State.RUNNING

    end = await succeed(shared_log, task.subject)
    state = await state_of(shared_log, task.subject)
    assert state.is_over
    assert state.fence == end.sequence, "the next run's"
    summary = state.summarize(shared_log.epoch)
    assert (summary.state, summary.attempt, summary.max_attempts) == (State.SUCCEEDED, 1, 3)
    assert state.oldest_record.sequence == queued.sequence
    assert summary.created_at == state.oldest_record.at
    assert summary.finished_at == state.newest_record.at
    assert summary.position == f"{shared_log.epoch}-{end.sequence}"


async def test_a_task_whose_deferral_arrives_after_its_timer_has_fired_waits_for_nothing(shared_log: Log) -> None:
    task = new_task(attempt=2, due_at=due_in(0))
    await submit_task(shared_log, task)
    await shared_log.appender.append(*deferred_message(task, {}))
    state = await state_of(shared_log, task.subject)
    assert (state.is_started, state.summarize(1).state) == (False, State.QUEUED)
    await start(shared_log, task.subject)
    await shared_log.appender.append(*deferred_message(task, {}))
    state = await state_of(shared_log, task.subject)
    assert (state.is_started, state.summarize(1).state) == (True, State.RUNNING)


async def test_a_task_that_is_not_due_yet_is_pending_with_the_error_of_its_last_attempt(shared_log: Log) -> None:
    error = TaskError(code=FailureCode.RAISED, message="no")
    task = new_task(attempt=2, due_at=due_in(3600), error=error)
    await submit_task(shared_log, task)
    summary = (await state_of(shared_log, task.subject)).summarize(1)
    assert (summary.state, summary.due_at, summary.attempt, summary.error) == (State.PENDING, task.due_at, 2, error)


async def test_a_task_that_is_queued_a_little_before_it_is_due_is_still_pending(shared_log: Log) -> None:
    task = new_task(due_at=due_in(0.25))
    await submit_task(shared_log, task)
    state = await state_of(shared_log, task.subject)
    assert isinstance(state.queued_event, Queued)
    assert state.summarize(1).state is State.PENDING


async def test_a_run_again_is_not_over_although_the_log_has_a_finish(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    end = await succeed(shared_log, task.subject)
    again = new_task(subject=task.subject, fence=end.sequence)
    await queue_if_unchanged(shared_log, again, end.sequence)
    state = await state_of(shared_log, task.subject)
    assert not state.is_over
    assert state.fence == end.sequence
    assert state.summarize(1).state is State.QUEUED
    assert state.summarize(1).finished_at is None


async def test_a_task_that_ended_before_a_start_is_described_by_what_was_withdrawn(shared_log: Log) -> None:
    task = new_task(max_attempts=4, expires_at=due_in(60))
    await submit_task(shared_log, task)
    before = await state_of(shared_log, task.subject)
    await end_task(shared_log, before, by="somebody")
    state = await state_of(shared_log, task.subject)
    assert state.queued_record is None
    assert isinstance(state.finish_event, Finished)
    assert state.finish_event.outcome is Outcome.CANCELLED
    summary = state.summarize(1)
    assert (summary.state, summary.max_attempts, summary.expires_at) == (State.CANCELLED, 4, task.expires_at)
    assert summary.created_at == before.created_at


async def test_a_task_of_which_only_the_timer_is_left_is_pending(shared_log: Log) -> None:
    task = new_task(due_at=due_in(3600), headers={subjects.CORRELATION_ID: "c"})
    await submit_task(shared_log, task)
    timer = await timer_of(shared_log, task.subject)
    assert timer is not None
    state = state_from_timer(timer)
    assert (state.subject.kind, state.subject.task) == (task.subject.kind, task.subject.task)
    assert state.headers == {subjects.CORRELATION_ID: "c"}
    assert not state.is_over
    assert state.summarize(1).state is State.PENDING


@pytest.mark.invariant(6)
async def test_a_beginning_that_a_replica_does_not_have_yet_is_asked_for_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a replicated log any copy may answer, and another one at the next question. A stream begins where the task does."""
    task = new_task()
    await submit_task(log, task)
    await start(log, task.subject)
    await succeed(log, task.subject)
    monkeypatch.setattr(log, "settings", msgspec.structs.replace(log.settings, replicas=3))
    asked, page = list[str](), log.replayer.page

    async def from_a_replica_that_is_behind_at_first(subject: str, **options: Any) -> Page:
        asked.append(subject)
        return await page(subject, **options) if len(asked) > 2 else Page([], more=False)

    monkeypatch.setattr(log.replayer, "page", from_a_replica_that_is_behind_at_first)
    state = await read_task_state(log, task.subject.owner, task.subject.task)
    assert state is not None
    assert len(asked) == 3
    assert TaskSubject.parse(state.oldest_record.subject).event == "queued"
