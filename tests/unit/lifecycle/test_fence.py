from __future__ import annotations

import asyncio

import pytest

from headrace.contracts.events import EventName, Finished, Outcome, Started, encode
from headrace.lifecycle.fence import append_under_fence, finish
from headrace.lifecycle.queueing import queue_if_unchanged, submit_task
from headrace.log import subjects
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.records import Record
from tests.purge import purge
from tests.unit.lifecycle.steps import new_task, records_of, succeed

CANCELLED = Finished(attempt=1, outcome=Outcome.CANCELLED, by="somebody")
SUCCEEDED = Finished(attempt=1, outcome=Outcome.SUCCEEDED)


@pytest.mark.invariant(2)
async def test_of_those_who_finish_a_run_one_does_and_the_others_get_its_finish(shared_log: Log) -> None:
    task = new_task().subject
    ends = [Finished(attempt=1, outcome=Outcome.SUCCEEDED, worker=f"w{number}") for number in range(5)]
    results = await asyncio.gather(*(finish(shared_log, task, 0, end, {}) for end in ends))
    (appended,) = [result for result in results if isinstance(result, Appended)]
    assert {result.sequence for result in results} == {appended.sequence}
    assert len(await records_of(shared_log, task)) == 1


@pytest.mark.invariant(2)
async def test_nothing_is_appended_under_the_fence_of_a_run_that_has_ended(shared_log: Log) -> None:
    task = new_task().subject
    message = Message(task.of(EventName.STARTED), encode(Started(attempt=1, worker="w")), {"a": "b"})
    before = await append_under_fence(shared_log, task, 0, message)
    assert isinstance(before, Appended)
    end = await succeed(shared_log, task)
    after = await append_under_fence(shared_log, task, 0, message)
    assert isinstance(after, Record)
    assert after.sequence == end.sequence
    assert [record.headers.get("a") for record in await records_of(shared_log, task)] == ["b", None]


async def test_the_next_run_has_a_fence_of_its_own(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    first = await succeed(shared_log, task.subject)
    again = new_task(subject=task.subject, fence=first.sequence)
    await queue_if_unchanged(shared_log, again, first.sequence)
    late = await finish(shared_log, task.subject, 0, CANCELLED, {})
    assert isinstance(late, Record), "a worker of the first run does not finish the second"
    second = await finish(shared_log, task.subject, first.sequence, CANCELLED, {})
    assert isinstance(second, Appended)


async def test_a_finish_whose_acknowledgement_was_lost_counts_as_ones_own(shared_log: Log) -> None:
    task = new_task().subject
    first = await finish(shared_log, task, 0, SUCCEEDED, {})
    again = await finish(shared_log, task, 0, SUCCEEDED, {})
    assert again == Appended(first.sequence, duplicate=True)
    other = await finish(shared_log, task, 0, CANCELLED, {})
    assert isinstance(other, Record)


async def test_a_previous_finish_that_has_left_the_log_counts_as_none(shared_log: Log) -> None:
    task = new_task().subject
    previous = await succeed(shared_log, task)
    await purge(shared_log, task.of(EventName.FINISHED))
    ended = await finish(shared_log, task, previous.sequence, CANCELLED, {subjects.CORRELATION_ID: "c"})
    assert isinstance(ended, Appended)
    (record,) = await records_of(shared_log, task)
    assert record.headers[subjects.CORRELATION_ID] == "c"
