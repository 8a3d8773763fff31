"""What the lifecycle makes of events that nobody can read, as a worker of another make may leave them in the log."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.contracts.batches import BatchEventName, Counts
from headrace.contracts.events import EventName
from headrace.contracts.tasks import FailureCode, Priority, State
from headrace.lifecycle.batch_state import read_batch_state
from headrace.lifecycle.cancel import AlreadyFinished, Cancelled, cancel_task
from headrace.lifecycle.queueing import submit_task
from headrace.lifecycle.reopen import Reopened, reopen_task
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import subjects
from headrace.log.connection import Log
from tests.examples import examples
from tests.unit.lifecycle.steps import new_task
from tests.unit.strategies import garbage


async def _not_in_read_model(_: TaskState | None) -> None:
    raise AssertionError("the log has the input")


@pytest.mark.invariant(1)
@given(data=st.data())
@settings(examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_a_task_has_a_state_and_can_be_cancelled_whatever_stands_in_the_log(
    shared_log: Log, data: st.DataObject
) -> None:
    name = data.draw(
        # A deletion that can be read is one, and the API alone may append it.
        st.sampled_from(
            [each for each in EventName if each not in (EventName.QUEUED, EventName.DEFERRED, EventName.DELETED)]
        )
    )
    task = new_task()
    await submit_task(shared_log, task)
    await shared_log.appender.append(task.subject.of(name), data.draw(garbage(name)), {})
    state = await read_task_state(shared_log, task.subject.owner, task.subject.task)
    assert state is not None
    assert state.summarize(shared_log.epoch).attempt >= 1
    assert state.is_over == (name is EventName.FINISHED)
    result = await cancel_task(shared_log, task.subject.owner, task.subject.task)
    assert isinstance(result, AlreadyFinished | Cancelled)


@pytest.mark.invariant(1)
async def test_a_task_whose_end_cannot_be_read_has_failed_and_can_run_again(shared_log: Log) -> None:
    task = new_task()
    owner, name = task.subject.owner, task.subject.task
    await submit_task(shared_log, task)
    await shared_log.appender.append(task.subject.of(EventName.FINISHED), b"<html>", {})
    state = await read_task_state(shared_log, owner, name)
    assert state is not None
    summary = state.summarize(shared_log.epoch)
    assert summary.state is State.FAILED
    assert summary.error is not None
    assert summary.error.code is FailureCode.RESULT_INVALID
    assert await cancel_task(shared_log, owner, name) == AlreadyFinished(State.FAILED)
    again = await reopen_task(
        shared_log,
        owner,
        name,
        find_submitted=_not_in_read_model,
        reserve=lambda _: None,  # type: ignore[arg-type]
    )
    assert isinstance(again, Reopened)


@pytest.mark.parametrize("payload", [b"<html>", b"[" * 5000, b'"\xe9"', b'{"event":"cancelled","by":"u"}'])
async def test_an_event_of_a_batch_that_cannot_be_read_is_none(shared_log: Log, payload: bytes) -> None:
    owner, batch = uuid.uuid4().hex, uuid.uuid4().hex
    created = subjects.batch_event(BatchEventName.CREATED, owner, batch)
    await shared_log.appender.append(created, payload, {})
    assert await read_batch_state(shared_log, owner, batch) is None
    readable = b'{"event":"created","kind":"echo","total":2,"priority":"low"}'
    await shared_log.appender.append(created, readable, {})
    await shared_log.appender.append(subjects.batch_event(BatchEventName.SETTLED, owner, batch), payload, {})
    found = await read_batch_state(shared_log, owner, batch)
    assert found is not None
    assert (found.total, found.priority, found.counts, found.settled_at) == (2, Priority.LOW, Counts(), None)
