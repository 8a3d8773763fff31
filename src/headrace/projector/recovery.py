"""Queueing again what a lost log, or a lost end of the log, has left unfinished: the read model still has it, input and all.

Everything here may be done twice: whoever dies in the middle is followed by one who begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from msgspec import Raw

from headrace.contracts.events import Deferred, Finished, Outcome
from headrace.contracts.positions import Position
from headrace.contracts.tasks import NULL, State, TaskError
from headrace.errors import AppendRefused
from headrace.lifecycle.fence import finish
from headrace.lifecycle.long_timers import read_timer
from headrace.lifecycle.queueing import WaitingTask, queue_if_unchanged
from headrace.lifecycle.task_state import read_task_state
from headrace.log.connection import Log
from headrace.log.continuity import MARGIN
from headrace.log.subjects import TaskSubject
from headrace.store.leadership import LeaderSession
from headrace.store.repair import begin_repair, list_changed_since, list_unfinished_before
from headrace.store.tables import TaskRow
from headrace.telemetry import get_logger

ROWS = 500  # tasks in one go; each may carry a large input
AT_ONCE = 64

log = get_logger(__name__)


async def recover_from_loss(to: Log, session: LeaderSession) -> None:
    """The log was made anew: queue every unfinished task again.

    Raises:
        LogUnavailable: the log does not answer.
    """
    count = 0
    after = ""
    while rows := await list_unfinished_before(session, to.epoch, after, ROWS):
        await _each(rows, lambda row: queue_again(to, row, 0, 0))
        count, after = count + len(rows), rows[-1].id
    log.warning("the log was lost; its unfinished tasks are queued again", tasks=count)


async def recover_from_shortening(to: Log, session: LeaderSession, checkpoint: Position) -> None:
    """The log ends before the checkpoint: skip the positions that were handed out, and make up for what they named.

    What had finished is given its end again, so that it is not run again; what had not is queued again.

    Raises:
        LogUnavailable: the log does not answer.
    """
    state = await to.refresh()
    first = await begin_repair(session, Position(state.epoch, state.last_sequence + 1))
    if checkpoint.sequence > state.last_sequence:
        await to.continuity.fill(state.last_sequence, checkpoint.sequence + MARGIN)
    restored = queued = 0
    after = ""
    while rows := await list_changed_since(session, first, after, ROWS):
        over = [row for row in rows if State(row.state).final]
        await _each(over, lambda row: _restore(to, row))
        await _each([row for row in rows if not State(row.state).final], lambda row: _queue_lost(to, row))
        restored, queued, after = restored + len(over), queued + len(rows) - len(over), rows[-1].id
    log.warning(
        "the log had lost its end; it is made up for from the read model",
        first_lost=first.sequence,
        ends_restored=restored,
        tasks_queued=queued,
    )


async def queue_again(to: Log, row: TaskRow, fence: int, newest: int) -> None:
    """Queue an unfinished task, or set its timer when it is not due yet. A task that was running is queued.

    Args:
        to: The log.
        row: The task.
        fence: The sequence of its last finish in this log; 0 for none.
        newest: The sequence of its newest event in this log; 0 for none. Nothing is appended when the log has a newer one.

    Raises:
        LogUnavailable: the log does not answer.
    """
    task = WaitingTask(
        subject=subject_of(row),
        input=Raw(row.input.encode()),
        headers=headers_of(row),
        attempt=row.attempt,
        fence=fence,
        max_attempts=row.max_attempts,
        due_at=row.due_at if row.state == State.PENDING else None,
        expires_at=row.expires_at,
        error=_error_of(row),
    )
    # The log refuses the task when an earlier try has queued it.
    with suppress(AppendRefused):
        await queue_if_unchanged(to, task, newest)


def subject_of(row: TaskRow) -> TaskSubject:
    """The subject of a task's events, without the event."""
    return TaskSubject("", row.kind, row.priority, row.owner, row.id)


def headers_of(row: TaskRow) -> dict[str, str]:
    """What every event of a task carries."""
    return msgspec.json.decode(row.headers, type=dict[str, str])


async def _queue_lost(to: Log, row: TaskRow) -> None:
    """Queue a task again whose latest events were lost, unless what is left of it in the log runs it anyway."""
    state = await read_task_state(to, row.owner, row.id)
    if state is None:
        await queue_again(to, row, row.fence, 0)
    elif state.is_over or (
        isinstance(state.queued_event, Deferred) and await read_timer(to, row.owner, row.id) is None
    ):
        await queue_again(to, row, state.fence, state.newest_record.sequence)


async def _restore(to: Log, row: TaskRow) -> None:
    """Give the log a task's end again."""
    end = Finished(
        attempt=row.attempt,
        outcome=Outcome(row.state),
        result=NULL if row.result is None else Raw(row.result.encode()),
        error=_error_of(row),
        restored=row.finished_at or datetime.now(UTC),
    )
    await finish(to, subject_of(row), row.fence, end, headers_of(row))


def _error_of(row: TaskRow) -> TaskError | None:
    return None if row.error is None else msgspec.json.decode(row.error, type=TaskError)


async def _each(rows: Iterable[TaskRow], do: Callable[[TaskRow], Awaitable[None]]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def do_one(row: TaskRow) -> None:
        async with slots:
            await do(row)

    await asyncio.gather(*(do_one(row) for row in rows))
