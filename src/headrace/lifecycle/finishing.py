"""Ending a task from outside, cancelled or expired: final as soon as the log has it.

What the task waited with is then taken away: its timer is purged, its `queued` record withdrawn from the log, so that no
worker is given it; the record goes on to exist inside the `finished` event, for whoever reads the log later. A `queued` that
a timer appends in just that moment stays where it is; workers look before they start what came from a timer.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.events import Deferred, Finished, Outcome, Queued, Withdrawn
from headrace.contracts.tasks import TaskError
from headrace.lifecycle.fence import Fenced, finish
from headrace.lifecycle.task_state import TaskState
from headrace.log import provision, subjects
from headrace.log.connection import Log
from headrace.log.nats_errors import away_is_unavailable
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject


async def end(log: Log, standing: TaskState, *, by: str | None = None, error: TaskError | None = None) -> Fenced:
    """End the latest run of a task that is not over: cancelled ``by`` somebody, or failed with an ``error``.

    Returns:
        Where its end stands; or the finish that came first.

    Raises:
        LogUnavailable: the log does not answer. Whether the task has ended is then not known; do it again.
    """
    waiting = standing.queued_event
    withdrawn = None
    if isinstance(waiting, Queued) and standing.queued_record is not None and not standing.is_started:
        withdrawn = Withdrawn(sequence=standing.queued_record.sequence, at=standing.queued_record.at, queued=waiting)
    finished = Finished(
        attempt=1 if waiting is None else waiting.attempt,
        outcome=Outcome.FAILED if error is not None else Outcome.CANCELLED,
        error=error,
        by=by,
        withdrawn=withdrawn,
    )
    ended = await finish(log, standing.subject, standing.fence, finished, standing.headers)
    if not isinstance(ended, Record):
        await clear_away(log, standing.subject, finished, ended.sequence)
    elif isinstance(waiting, Deferred):
        await provision.purge(log.connection, subjects.task_timer(standing.subject.owner, standing.subject.task))
    return ended


async def end_forgotten(
    log: Log,
    task: TaskSubject,
    *,
    attempt: int,
    headers: Mapping[str, str],
    by: str | None = None,
    error: TaskError | None = None,
) -> Fenced:
    """End a task that waits since so long that the log has none of its events left, only perhaps its timer. As `end`."""
    outcome = Outcome.FAILED if error is not None else Outcome.CANCELLED
    finished = Finished(attempt=attempt, outcome=outcome, error=error, by=by)
    ended = await finish(log, task, 0, finished, headers)
    await provision.purge(log.connection, subjects.task_timer(task.owner, task.task))
    return ended


async def clear_away(log: Log, task: TaskSubject, finished: Finished, sequence: int) -> None:
    """Take away what a task that was ended from outside waited with, and have it stopped where it runs.

    May be done again, as by somebody who does not know whether it was.

    Raises:
        LogUnavailable: the log does not answer.
    """
    with away_is_unavailable():
        await log.connection.publish(subjects.cancelled(task.kind), f"{task.task} {sequence}".encode())
    if finished.withdrawn is not None:
        await provision.withdraw(log.connection, finished.withdrawn.sequence)
    else:
        await provision.purge(log.connection, subjects.task_timer(task.owner, task.task))
