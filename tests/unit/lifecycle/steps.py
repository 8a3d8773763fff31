"""Tasks of an owner of their own, and what the log has of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw

from headrace.contracts.events import Event, EventName, Finished, Outcome, Started, decode, encode
from headrace.lifecycle.fence import finish
from headrace.lifecycle.queueing import WaitingTask
from headrace.log import subjects
from headrace.log.append import Appended
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

INPUT = Raw(b'{"text":"hello"}')


def new_task(**fields: Any) -> WaitingTask:
    """A task that no other test has."""
    subject = TaskSubject("", "echo", "normal", uuid.uuid4().hex, str(uuid.uuid4()))
    return WaitingTask(**{"subject": subject, "input": INPUT, "headers": {subjects.CORRELATION_ID: "c1"}, **fields})


def due_in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def records_of(log: Log, task: TaskSubject) -> list[Record]:
    return (await log.replayer.page(subjects.task_events(task.owner, task.task))).records


async def events_of(log: Log, task: TaskSubject) -> list[Event]:
    return [decode(record.payload) for record in await records_of(log, task)]


async def timer_of(log: Log, task: TaskSubject) -> Record | None:
    return await log.replayer.last(subjects.task_timer(task.owner, task.task))


async def start(log: Log, task: TaskSubject) -> Appended:
    """A worker starts the task."""
    return await log.appender.append(
        task.of(EventName.STARTED), encode(Started(attempt=1, worker="w", queued_seconds=0.25)), {}
    )


async def succeed(log: Log, task: TaskSubject, fence: int = 0) -> Appended:
    """A worker finishes the task."""
    finished = await finish(log, task, fence, Finished(attempt=1, outcome=Outcome.SUCCEEDED, result=Raw(b"1")), {})
    assert isinstance(finished, Appended)
    return finished
