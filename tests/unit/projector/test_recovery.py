"""A log that seems to be shorter than the read model: whose word is taken for it, and what is queued again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.contracts.events import Queued
from headrace.contracts.positions import Position
from headrace.lifecycle.queueing import WaitingTask, submit_task
from headrace.log.connection import Log
from headrace.projector import recovery
from headrace.store.tables import TaskRow
from tests.unit.lifecycle.steps import events_of, new_task, start, succeed

CHECKPOINT = Position(1, 40)


def row_of(task: WaitingTask, sequence: int) -> TaskRow:
    """What the read model knows of a queued task, up to a sequence."""
    subject = task.subject
    return cast(
        "TaskRow",
        SimpleNamespace(
            **{name: getattr(subject, name) for name in ("kind", "priority", "owner")},
            **dict.fromkeys(("error", "due_at", "expires_at", "max_attempts")),
            id=subject.task,
            state="queued",
            attempt=1,
            fence=0,
            sequence=sequence,
            input='{"text":"hello"}',
            headers="{}",
            files="[]",
        ),
    )


@pytest.mark.parametrize(("copies", "last", "end"), [(3, 30, 50), (3, 40, 40), (1, 30, 30)])
async def test_that_the_log_is_shorter_is_believed_when_a_majority_says_so(copies: int, last: int, end: int) -> None:
    async def confirm_end() -> int:
        return 50

    event_log: Any = SimpleNamespace(
        state=SimpleNamespace(last_sequence=last),
        settings=SimpleNamespace(replicas=copies),
        continuity=SimpleNamespace(confirm_end=confirm_end),
    )
    assert await recovery.find_end(event_log, CHECKPOINT) == end


async def test_a_task_of_which_the_log_knows_more_than_the_read_model_is_not_queued_again(shared_log: Log) -> None:
    task = new_task()
    seen = await submit_task(shared_log, task)
    await succeed(shared_log, task.subject)
    before = await events_of(shared_log, task.subject)
    await recovery.queue_lost(shared_log, row_of(task, seen.sequence))
    assert await events_of(shared_log, task.subject) == before


async def test_a_task_that_was_run_again_is_queued_when_the_log_has_lost_that(shared_log: Log) -> None:
    task = new_task()
    await submit_task(shared_log, task)
    await start(shared_log, task.subject)
    ended = await succeed(shared_log, task.subject)
    # The read model has seen it queued again, behind its end.
    await recovery.queue_lost(shared_log, row_of(task, ended.sequence + 1))
    *_, last = await events_of(shared_log, task.subject)
    assert isinstance(last, Queued)
    assert last.fence == ended.sequence
