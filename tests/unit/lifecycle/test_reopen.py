from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec import Raw

from headrace.contracts.events import Queued
from headrace.contracts.tasks import NULL, Priority, State, Task
from headrace.errors import LogFull
from headrace.lifecycle.cancel import cancel_task
from headrace.lifecycle.queueing import WaitingTask, queue_if_unchanged, submit_task
from headrace.lifecycle.reopen import NotFinished, Reopened, reopen_task
from headrace.lifecycle.task_state import TaskState
from headrace.log import subjects
from headrace.log.connection import Log
from tests.purge import purge
from tests.unit.lifecycle.steps import INPUT, due_in, events_of, new_task, succeed, timer_of

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def reopen(log: Log, task: WaitingTask, remembered: Task | None = None) -> Reopened | NotFinished:
    async def find_submitted(_: TaskState | None) -> Task:
        assert remembered is not None, "the log has it"
        return remembered

    owner, id_ = task.subject.owner, task.subject.task
    return await reopen_task(log, owner, id_, find_submitted=find_submitted, reserve=lambda _: None)


def remembered(task: WaitingTask, state: State) -> Task:
    return Task(
        id=task.subject.task,
        kind="echo",
        priority=Priority.NORMAL,
        owner=task.subject.owner,
        batch="b",
        state=state,
        attempt=1,
        max_attempts=5,
        created_at=LONG_AGO,
        position="1-1",
        input=INPUT,
        result=NULL,
    )


async def test_a_finished_task_is_queued_again_under_a_new_fence_from_its_first_attempt(shared_log: Log) -> None:
    task = new_task(attempt=3, max_attempts=3, headers={subjects.BATCH: "b"})
    await submit_task(shared_log, task)
    end = await succeed(shared_log, task.subject)
    result = await reopen(shared_log, task)
    assert isinstance(result, Reopened)
    *_, queued = await events_of(shared_log, task.subject)
    assert queued == Queued(attempt=1, fence=end.sequence, input=INPUT, max_attempts=3)
    assert (result.summary.state, result.summary.attempt) == (State.QUEUED, 1)


async def test_a_task_that_is_not_over_is_not_queued_again(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    assert await reopen(shared_log, task) == NotFinished()
    assert len(await events_of(shared_log, task.subject)) == 1


async def test_of_several_who_reopen_a_task_at_once_one_does(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    await succeed(shared_log, task.subject)
    results = await asyncio.gather(*(reopen(shared_log, task) for _ in range(4)))
    assert sorted(type(result).__name__ for result in results) == ["NotFinished"] * 3 + ["Reopened"]
    assert len(await events_of(shared_log, task.subject)) == 3


async def test_a_task_that_was_cancelled_before_its_start_runs_with_what_was_withdrawn(shared_log: Log) -> None:
    task = new_task(max_attempts=2)
    await submit_task(shared_log, task)
    await cancel_task(shared_log, task.subject.owner, task.subject.task)
    assert isinstance(await reopen(shared_log, task), Reopened)
    _, queued = await events_of(shared_log, task.subject)
    assert isinstance(queued, Queued)
    assert (queued.input, queued.max_attempts) == (INPUT, 2)


async def test_a_timer_that_the_last_run_has_left_behind_does_not_fire_in_the_next(shared_log: Log) -> None:
    task = new_task()
    seen = await submit_task(shared_log, task)
    retry = new_task(subject=task.subject, attempt=2, due_at=due_in(3600))
    await queue_if_unchanged(shared_log, retry, seen.sequence)
    await succeed(shared_log, task.subject)
    assert await timer_of(shared_log, task.subject) is not None
    assert isinstance(await reopen(shared_log, task), Reopened)
    assert await timer_of(shared_log, task.subject) is None


async def test_a_task_that_has_left_the_log_is_queued_with_what_the_read_model_has(shared_log: Log) -> None:
    task = new_task()
    result = await reopen(shared_log, task, remembered(task, State.FAILED))
    assert isinstance(result, Reopened)
    assert (result.summary.created_at, result.summary.batch) == (LONG_AGO, "b")
    assert await events_of(shared_log, task.subject) == [Queued(attempt=1, fence=0, input=INPUT, max_attempts=5)]
    other = new_task()
    assert await reopen(shared_log, other, remembered(other, State.RUNNING)) == NotFinished()


async def test_a_task_whose_input_has_left_the_log_keeps_its_fence_and_its_headers(shared_log: Log) -> None:
    task = new_task()
    end = await succeed(shared_log, task.subject)
    assert isinstance(await reopen(shared_log, task, remembered(task, State.SUCCEEDED)), Reopened)
    await purge(shared_log, task.subject.of("finished"))
    (queued,) = await events_of(shared_log, task.subject)
    assert isinstance(queued, Queued)
    assert (queued.fence, queued.input) == (end.sequence, Raw(INPUT))


async def test_a_full_log_takes_no_task_again(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    await succeed(shared_log, task.subject)
    asked: list[int] = []

    def reserve(size: int) -> None:
        asked.append(size)
        raise LogFull("full")

    async def find_submitted(_: TaskState | None) -> Task:
        raise AssertionError("the log has it")

    with pytest.raises(LogFull):
        await reopen_task(
            shared_log, task.subject.owner, task.subject.task, find_submitted=find_submitted, reserve=reserve
        )
    assert asked == [len(INPUT)]
