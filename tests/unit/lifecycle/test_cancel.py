from __future__ import annotations

import asyncio

import pytest
from nats.aio.client import Client

from headrace.contracts.events import Finished, Outcome, Queued
from headrace.contracts.tasks import State
from headrace.lifecycle.cancel import (
    AlreadyFinished,
    Cancelled,
    NotInLog,
    cancel_forgotten_task,
    cancel_if_open,
    cancel_task,
)
from headrace.lifecycle.queueing import submit_task
from headrace.log import live_subjects, subjects
from headrace.log.connection import Log
from headrace.log.live import Live
from tests.purge import purge
from tests.unit.lifecycle.steps import INPUT, due_in, events_of, new_task, start, succeed, timer_of
from tests.waiting import until


async def test_a_queued_task_is_taken_out_of_the_queue_and_stays_readable_in_its_end(shared_log: Log) -> None:
    task = new_task()
    queued = await submit_task(shared_log, task)
    result = await cancel_task(shared_log, task.subject.owner, task.subject.task)
    assert isinstance(result, Cancelled)
    assert result.summary.state is State.CANCELLED
    (finished,) = await events_of(shared_log, task.subject)
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.by) == (Outcome.CANCELLED, task.subject.owner)
    assert finished.withdrawn is not None
    assert finished.withdrawn.sequence == queued.sequence
    assert finished.withdrawn.queued == Queued(attempt=1, fence=0, input=INPUT)


async def test_a_task_that_is_due_later_loses_its_timer(shared_log: Log) -> None:
    task = new_task(due_at=due_in(3600))
    await submit_task(shared_log, task)
    assert isinstance(await cancel_task(shared_log, task.subject.owner, task.subject.task), Cancelled)
    assert await timer_of(shared_log, task.subject) is None


async def test_workers_are_told_to_stop_a_running_task_once_each_time_it_is_cancelled(
    log: Log, connection: Client
) -> None:
    task = new_task()
    heard: list[bytes] = []
    await Live(connection).watch(live_subjects.cancelled(task.subject.kind), lambda _, payload: heard.append(payload))
    await submit_task(log, task)
    await start(log, task.subject)
    for _ in range(2):
        heard.clear()
        result = await cancel_task(log, task.subject.owner, task.subject.task)
        assert isinstance(result, Cancelled)
        sequence = result.summary.position.partition("-")[2]
        await log.live.publish(live_subjects.cancelled(task.subject.kind), b"the end")
        await until(lambda: b"the end" in heard, "the workers to be told")
        assert heard == [f"{task.subject.task} {sequence}".encode(), b"the end"]
    assert len(await events_of(log, task.subject)) == 3


async def test_a_task_that_has_ended_otherwise_is_not_cancelled(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    await succeed(shared_log, task.subject)
    result = await cancel_task(shared_log, task.subject.owner, task.subject.task)
    assert result == AlreadyFinished(State.SUCCEEDED)


@pytest.mark.invariant(2)
async def test_a_task_that_ends_while_it_is_cancelled_has_one_end(shared_log: Log) -> None:
    for _ in range(5):
        task = new_task()
        await submit_task(shared_log, task)
        owner, id_ = task.subject.owner, task.subject.task
        result, again = await asyncio.gather(cancel_task(shared_log, owner, id_), cancel_task(shared_log, owner, id_))
        assert isinstance(result, Cancelled)
        assert isinstance(again, Cancelled)
        assert again.summary.position == result.summary.position


async def test_a_task_that_the_log_does_not_have_is_left_to_the_caller(shared_log: Log) -> None:
    task = new_task().subject
    assert await cancel_task(shared_log, task.owner, task.task) == NotInLog()
    assert await cancel_if_open(shared_log, task.owner, task.task) is None


async def test_a_task_whose_events_have_left_the_log_is_cancelled_with_its_timer(shared_log: Log) -> None:
    task = new_task(due_at=due_in(3600))
    await submit_task(shared_log, task)
    await purge(shared_log, task.subject.of("deferred"))
    assert await cancel_task(shared_log, task.subject.owner, task.subject.task) == NotInLog()
    await cancel_forgotten_task(shared_log, task.subject, 2, {subjects.BATCH: "b"})
    assert await timer_of(shared_log, task.subject) is None
    result = await cancel_task(shared_log, task.subject.owner, task.subject.task)
    assert isinstance(result, Cancelled)
    assert (result.summary.attempt, result.summary.batch) == (2, "b")
