"""Deleting a finished task: the log says that it was deleted, and its earlier events are erased.

The `deleted` event stays in the log for the log's retention. It stands for the events that are gone: a projector that reads the log
from its beginning counts the task in its batch and does not show it, nobody can run it again, and its key makes no second task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
import uuid_utils
from msgspec import Raw

from headrace.contracts.events import (
    Deferred,
    Deleted,
    Erased,
    Event,
    EventName,
    Finished,
    Outcome,
    Queued,
    Started,
    Withdrawn,
    encode,
)
from headrace.contracts.tasks import NULL
from headrace.errors import AppendRefused
from headrace.lifecycle.task_state import TaskState, read_record
from headrace.log import conditions, subjects
from headrace.log.agreed import is_all, last_agreed, read_caught_up
from headrace.log.connection import Log
from headrace.log.memberships import schedule_of
from headrace.log.prune import erase, withdraw_newest
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.log.subjects import TaskSubject

ERASED_AT_ONCE = 16
COPIES_MAX = 1000  # of events that a deletion keeps; a task with more has been run again hundreds of times

_NOTHING = Raw(b"{}")


class Deletable(NamedTuple):
    """A finished task, as the log or the read model has it.

    Attributes:
        subject: The subject of one of the task's events.
        headers: The headers that each of its events carries.
        deleted: The event that deletes it.
        newest: The sequence of the newest event of the task in the log; 0 for none.
    """

    subject: TaskSubject
    headers: Mapping[str, str]
    deleted: Deleted
    newest: int


def deletable(state: TaskState, by: str) -> Deletable | None:
    """Return what deletes a task that the log has; None when the task is not over, or was deleted.

    Args:
        state: The state of the task.
        by: The principal that deletes it.
    """
    finished = state.finish_event
    if state.is_deleted or not state.is_over or finished is None:
        return None
    deleted = Deleted(attempt=finished.attempt, outcome=finished.outcome, by=by, fired_at=_fired_at(state))
    return Deletable(state.subject, state.headers, deleted, state.newest_record.sequence)


def forgotten(subject: TaskSubject, headers: Mapping[str, str], attempt: int, outcome: Outcome, by: str) -> Deletable:
    """Return what deletes a task whose events have all left the log."""
    return Deletable(subject, headers, Deleted(attempt=attempt, outcome=outcome, by=by), 0)


async def append_deletion(log: Log, task: Deletable) -> int | None:
    """Try once to delete a task; what it leaves in the log is then to be erased with `erase_events`.

    The deletion keeps of its events what counts are made of.

    Returns:
        Where the log has the deletion; None when something else has happened to the task since it was read.

    Raises:
        LogUnavailable: the log does not answer. Whether the task is deleted is then not known.
    """
    subject = task.subject.of(EventName.DELETED)
    own = str(uuid_utils.uuid7())
    unchanged = conditions.task_unchanged(task.subject.owner, task.subject.task, task.newest)
    headers = {**task.headers, **unchanged, subjects.MSG_ID: own}
    copies = await _copies(log, task.subject.owner, task.subject.task, task.newest)
    deleted = msgspec.structs.replace(task.deleted, erased=copies)
    try:
        return (await log.appender.append(subject, encode(deleted), headers)).sequence
    except AppendRefused:
        # It is refused also when the log has it from an earlier try, whose acknowledgement was lost.
        last = await last_agreed(log, subject)
        return last.sequence if last is not None and last.headers.get(subjects.MSG_ID) == own else None


async def _copies(log: Log, owner: str, task: str, newest: int) -> tuple[Erased, ...]:
    """Return the newest events of a task without what they are about. High-rate events and unreadable ones are left out."""
    copies: deque[Erased] = deque(maxlen=COPIES_MAX)
    async for records in _events_through(log, owner, task, newest):
        for record in records:
            if (event := _stripped(read_record(record))) is not None:
                copies.append(Erased(sequence=record.sequence, at=record.at, event=event))
    return tuple(copies)


def _stripped(event: Event | None) -> Queued | Deferred | Started | Finished | None:
    """Return an event without what it is about; None for one that is not kept."""
    match event:
        case Queued():
            return msgspec.structs.replace(event, input=_NOTHING, stored_input=None)
        case Deferred():
            return msgspec.structs.replace(event, input=_NOTHING, stored_input=None, error=None)
        case Finished(withdrawn=None):
            return msgspec.structs.replace(event, result=NULL, stored_result=None, error=None)
        case Finished(withdrawn=Withdrawn() as withdrawn):
            queued = msgspec.structs.replace(withdrawn.queued, input=_NOTHING, stored_input=None)
            kept = msgspec.structs.replace(withdrawn, queued=queued)
            return msgspec.structs.replace(event, result=NULL, stored_result=None, error=None, withdrawn=kept)
        case Started():
            return event
        case _:
            return None


async def erase_events(log: Log, owner: str, task: str, deleted_at: int) -> None:
    """Erase the other events of a deleted task, and the timer that it may have left behind. This may be repeated.

    The oldest goes first: a worker that is given the task once more finds its end for as long as there is anything to run.

    Args:
        log: The log.
        owner: The owner of the task.
        task: Its id.
        deleted_at: Where the log has its deletion.

    Raises:
        LogUnavailable: the log does not answer. Some of the events may be erased.
    """
    await withdraw_newest(log, subjects.task_timer(owner, task))
    async for records in _events_through(log, owner, task, deleted_at):
        erased = [record for record in records if record.sequence != deleted_at]
        for place in range(0, len(erased), ERASED_AT_ONCE):
            await _erase_all(log, erased[place : place + ERASED_AT_ONCE])


async def _events_through(log: Log, owner: str, task: str, through: int) -> AsyncGenerator[list[Record]]:
    """Yield the events of a task page by page, all up to a sequence that the log has reached.

    Raises:
        LogUnavailable: The log does not answer, or a copy that answers stays behind.
    """
    subject = subjects.task_events(owner, task)
    start, more = 1, True

    async def read() -> Page | None:
        page = await log.replayer.sparse_page(subject, start=start)
        last = page.records[-1].sequence if page.records else start - 1
        return page if page.more or await is_all(log, subject, last, through) else None

    while more:
        records, more = await read_caught_up(read)
        start = records[-1].sequence + 1 if records else start
        yield records


async def _erase_all(log: Log, records: list[Record]) -> None:
    await asyncio.gather(*(erase(log, record.sequence) for record in records))


def _fired_at(state: TaskState) -> datetime | None:
    """Return when a schedule has submitted the task; None for another task, and when the log does not say it any more."""
    if schedule_of(state.headers) is None:
        return None
    oldest, at = read_record(state.oldest_record), state.oldest_record.at
    if isinstance(oldest, Finished) and oldest.withdrawn is not None:
        oldest, at = oldest.withdrawn.queued, oldest.withdrawn.at
    is_firing = isinstance(oldest, Queued) and oldest.attempt == 1 and oldest.fence == 0
    return at if is_firing else None
