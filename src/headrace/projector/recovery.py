"""Recovery of a log that was lost or has lost its end: its tasks are appended again from the read model, with their inputs.

Every step may be repeated: when a projector dies in the middle, the next one begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec
from msgspec import Raw

from headrace.contracts.events import Deferred, Finished, Outcome
from headrace.contracts.large_values import find_value
from headrace.contracts.positions import Position
from headrace.contracts.tasks import NULL, FileRole, State, TaskError
from headrace.errors import AppendRefused
from headrace.lifecycle.fence import finish
from headrace.lifecycle.long_timers import read_timer
from headrace.lifecycle.queueing import WaitingTask, queue_if_unchanged
from headrace.lifecycle.task_state import read_task_state
from headrace.log import clock
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject
from headrace.projector.fold.files import decode_files
from headrace.store.leadership import LeaderSession
from headrace.store.repair import begin_repair, list_changed_since, list_unfinished_before
from headrace.store.tables import TaskRow
from headrace.telemetry import get_logger

ROWS = 500  # tasks read in one query; each may carry a large input
APPENDS_AT_ONCE = 64

log = get_logger(__name__)


async def recover_from_loss(event_log: Log, session: LeaderSession) -> int:
    """Queue every unfinished task again in a log that was made anew, and return how many these are.

    Raises:
        LogUnavailable: The log does not answer.
    """
    count = 0
    after = ""
    while rows := await list_unfinished_before(session, event_log.epoch, after, ROWS):
        await _for_each(session, rows, lambda row: queue_again(event_log, row, 0, 0))
        count, after = count + len(rows), rows[-1].id
    log.warning("the log was lost; its unfinished tasks are queued again", tasks=count)
    return count


async def find_end(event_log: Log, checkpoint: Position) -> int:
    """Return the last sequence of the log, whose extent was read just now.

    An end before the checkpoint is believed when a majority of the copies has confirmed it: a server that was cut off from the others
    goes on telling what it had, and a repair of a log that has lost nothing would run tasks again.

    Raises:
        LogUnavailable: The log does not answer, or has no majority.
    """
    last = event_log.state.last_sequence
    is_believed = checkpoint.sequence <= last or event_log.settings.replicas == 1
    return last if is_believed else await event_log.continuity.confirm_end()


async def recover_from_shortening(event_log: Log, session: LeaderSession, checkpoint: Position, last: int) -> int:
    """Repair a log that ends before the checkpoint, and return how many unfinished tasks it had lost something of.

    The log first skips the positions that were handed out, so that none of them names two events. A task that had finished is
    given its finish again, so that it does not run again; one that had not is queued again.

    Args:
        event_log: The log.
        session: The session of the leading projector.
        checkpoint: The checkpoint of the read model.
        last: The last sequence of the log. When a repair goes on that was begun before, the log may have got longer since.

    Raises:
        LogUnavailable: The log does not answer.
    """
    first = await begin_repair(session, Position(checkpoint.epoch, last + 1))
    if checkpoint.sequence > last:
        await session.hold_while(event_log.continuity.skip_positions(last, checkpoint.sequence))
    restored = queued = 0
    after = ""
    while rows := await list_changed_since(session, first, after, ROWS):
        over = [row for row in rows if State(row.state).final]
        unfinished = [row for row in rows if not State(row.state).final]
        await _for_each(session, over, lambda row: _restore_finish(event_log, row))
        await _for_each(session, unfinished, lambda row: queue_lost(event_log, row))
        restored, queued, after = restored + len(over), queued + len(unfinished), rows[-1].id
    log.warning(
        "the log had lost its end; it is made up for from the read model",
        first_lost=first.sequence,
        ends_restored=restored,
        tasks_queued=queued,
    )
    return queued


async def queue_again(event_log: Log, row: TaskRow, fence: int, newest: int) -> None:
    """Queue an unfinished task, or set its timer when it is not due yet. A task that was running is queued.

    Args:
        event_log: The log.
        row: The task.
        fence: The sequence of its last finish in this log; 0 for none.
        newest: The sequence of its newest event in this log; 0 for none. Nothing is appended when the log has a newer one.

    Raises:
        LogUnavailable: The log does not answer.
    """
    # The log refuses the task when an earlier try has queued it.
    with suppress(AppendRefused):
        await queue_if_unchanged(event_log, waiting_task(row, fence), newest)


def waiting_task(row: TaskRow, fence: int) -> WaitingTask:
    """Return what an unfinished task waits with, of what the read model knows.

    Args:
        row: The task.
        fence: The sequence of its last finish in this log; 0 for none.
    """
    return WaitingTask(
        subject=subject_of(row),
        input=Raw(row.input.encode()),
        headers=headers_of(row),
        attempt=row.attempt,
        fence=fence,
        max_attempts=row.max_attempts,
        due_at=row.due_at if row.state == State.PENDING else None,
        expires_at=row.expires_at,
        error=_error_of(row),
        stored_input=find_value(decode_files(row.files), FileRole.INPUT),
    )


def subject_of(row: TaskRow) -> TaskSubject:
    """Return the subject of a task's events, without the event."""
    return TaskSubject("", row.kind, row.priority, row.owner, row.id)


def headers_of(row: TaskRow) -> dict[str, str]:
    """Return the headers that every event of a task carries."""
    return msgspec.json.decode(row.headers, type=dict[str, str])


async def queue_lost(event_log: Log, row: TaskRow) -> None:
    """Queue a task again whose newest events were lost, unless the log still has what runs it: a `queued` event or a timer.

    Raises:
        LogUnavailable: The log does not answer.
    """
    state = await read_task_state(event_log, row.owner, row.id)
    if state is None:
        await queue_again(event_log, row, row.fence, 0)
    elif state.newest_record.sequence > row.sequence:
        # The read model is behind the log, as when a repair goes on that was begun before. Nothing of this task was lost.
        return
    elif state.is_over or (
        isinstance(state.queued_event, Deferred) and await read_timer(event_log, row.owner, row.id) is None
    ):
        await queue_again(event_log, row, state.fence, state.newest_record.sequence)


async def _restore_finish(event_log: Log, row: TaskRow) -> None:
    """Append the finish of a task again, which the log has lost."""
    end = Finished(
        attempt=row.attempt,
        outcome=Outcome(row.state),
        result=NULL if row.result is None else Raw(row.result.encode()),
        error=_error_of(row),
        restored=row.finished_at or clock.now(),
        queued_seconds=row.wait_seconds,
        run_seconds=row.run_seconds,
        stored_result=find_value(decode_files(row.files), FileRole.RESULT),
    )
    await finish(event_log, subject_of(row), row.fence, end, headers_of(row))


def _error_of(row: TaskRow) -> TaskError | None:
    return None if row.error is None else msgspec.json.decode(row.error, type=TaskError)


async def _for_each(
    session: LeaderSession, rows: Iterable[TaskRow], append: Callable[[TaskRow], Awaitable[None]]
) -> None:
    """Append something for each row, at most `APPENDS_AT_ONCE` at a time."""
    slots = asyncio.Semaphore(APPENDS_AT_ONCE)

    async def append_in_slot(row: TaskRow) -> None:
        async with slots:
            await append(row)

    async def append_all() -> None:
        await asyncio.gather(*(append_in_slot(row) for row in rows))

    await session.hold_while(append_all())
