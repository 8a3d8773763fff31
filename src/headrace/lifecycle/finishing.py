"""Ending a task from outside: somebody cancels it, or it expires. The end is final as soon as the log has it.

What the task waits with is then removed: its timer and its `queued` record are withdrawn from the log so that no
worker gets it. The `finished` event holds a copy of the withdrawn record for later readers of the log. A timer that fires in
the same moment still appends its `queued` record, so workers ask the log before they start what a timer has queued.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.events import Deferred, Finished, Outcome, Queued, Withdrawn
from headrace.contracts.tasks import TaskError
from headrace.lifecycle.fence import AppendedOrFinish, finish
from headrace.lifecycle.task_state import TaskState
from headrace.log import clock, live_subjects, subjects
from headrace.log.connection import Log
from headrace.log.prune import withdraw, withdraw_newest
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject


async def end_task(
    log: Log, state: TaskState, *, by: str | None = None, error: TaskError | None = None
) -> AppendedOrFinish:
    """End the latest run of a task that is not over.

    Args:
        log: The log.
        state: The state of the task.
        by: The principal that cancels the task.
        error: The error with which the task fails, instead.

    Returns:
        What was appended; or the finish that came first.

    Raises:
        LogUnavailable: the log does not answer. Whether the task has ended is then not known; call this again.
    """
    queued = state.queued_event
    finished = Finished(
        attempt=1 if queued is None else queued.attempt,
        outcome=Outcome.CANCELLED if error is None else Outcome.FAILED,
        error=error,
        by=by,
        withdrawn=_withdrawn(state, queued),
        queued_seconds=state.queued_seconds,
        run_seconds=state.run_seconds(clock.now()),
    )
    appended_or_finish = await finish(log, state.subject, state.fence, finished, state.headers)
    if not isinstance(appended_or_finish, Record):
        await stop_task(log, state.subject, finished, appended_or_finish.sequence)
    elif isinstance(queued, Deferred):
        await withdraw_newest(log, subjects.task_timer(state.subject.owner, state.subject.task))
    return appended_or_finish


def _withdrawn(state: TaskState, queued: Queued | Deferred | None) -> Withdrawn | None:
    """Return the `queued` record that no worker has started, and that is therefore taken out of the log."""
    record = state.queued_record
    if not isinstance(queued, Queued) or record is None or state.is_started:
        return None
    return Withdrawn(sequence=record.sequence, at=record.at, queued=queued)


async def stop_task(log: Log, task: TaskSubject, finished: Finished, sequence: int) -> None:
    """Have workers stop a task that was ended from outside, and remove what it waits with.

    This may be repeated when it is not known whether it was done.

    Args:
        log: The log.
        task: The subject of one of the task's events.
        finished: The end of the task.
        sequence: Where the log has that end.

    Raises:
        LogUnavailable: the log does not answer.
    """
    await log.live.publish(live_subjects.cancelled(task.kind), f"{task.task} {sequence}".encode())
    if finished.withdrawn is not None:
        await withdraw(log, finished.withdrawn.sequence)
    else:
        await withdraw_newest(log, subjects.task_timer(task.owner, task.task))


async def end_forgotten_task(
    log: Log,
    task: TaskSubject,
    *,
    attempt: int,
    headers: Mapping[str, str],
    by: str | None = None,
    error: TaskError | None = None,
) -> AppendedOrFinish:
    """End a task that has waited for so long that all its events have left the log; only its timer may be there.

    Args:
        log: The log.
        task: The subject of one of the task's events.
        attempt: The attempt that the task waits for.
        headers: The headers that every event of the task carries.
        by: The principal that cancels the task.
        error: The error with which the task fails, instead.

    Returns:
        What was appended; or the finish that came first.

    Raises:
        LogUnavailable: the log does not answer. Whether the task has ended is then not known; call this again.
    """
    outcome = Outcome.CANCELLED if error is None else Outcome.FAILED
    finished = Finished(attempt=attempt, outcome=outcome, error=error, by=by)
    appended_or_finish = await finish(log, task, 0, finished, headers)
    await withdraw_newest(log, subjects.task_timer(task.owner, task.task))
    return appended_or_finish
