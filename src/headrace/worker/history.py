"""The history of an attempt: what the log says about its earlier deliveries, to this worker or to others."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headrace.contracts.events import Deferred, EventName, Queued, Started
from headrace.lifecycle.task_state import read_record
from headrace.log import subjects
from headrace.log.agreed import last_of_each_caught_up
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.left_log import has_left

STARTS_MAX = 3  # starts without an outcome; a task that reaches it takes down every worker that runs it


class History(Struct, frozen=True):
    """What the log says about the earlier deliveries of an attempt."""

    ended: bool = False
    """Whether nothing is left to do: the run has finished, its next attempt is queued or deferred, or this one is queued again."""

    starts: int = 0
    """How many deliveries started the handler, as far as can be known."""

    has_started: bool = False
    """Whether the log has a `started` event. A task that has started does not expire any more."""


NOT_STARTED = History()


async def read_history(log: Log, events: EventWriter, execution: Execution) -> History:
    """Read in the log how far earlier deliveries of an attempt got.

    Raises:
        LogUnavailable: the log does not answer, or a copy that answers stays behind.
    """
    task = execution.subject
    newest = {
        TaskSubject.parse(each.subject).event: each
        for each in await last_of_each_caught_up(log, subjects.task_events(task.owner, task.task))
    }
    finished = newest.get(EventName.FINISHED)
    queued = newest.get(EventName.QUEUED)
    if (finished is not None and finished.sequence > execution.queued.fence) or _is_queued_again(execution, queued):
        return History(ended=True)
    if await _ensure_next_attempt(log, events, execution, newest):
        return History(ended=True)
    # A task whose events have left the log is over. The delivery was on its way meanwhile.
    if (queued is None or queued.sequence != execution.delivery.sequence) and await has_left(log, execution):
        return History(ended=True)
    started = await _deliveries_started(log, execution, newest.get(EventName.STARTED))
    # The first start is appended without waiting for the log, so a handler that took its worker down at once may have left
    # no trace of it. Later deliveries count only with a trace: a worker that drains gives back what it never started, and
    # a task that waits in quarantine was not started either.
    first = execution.first_start_delivery
    lost_trace = execution.delivery.delivered > first and first not in started
    return History(starts=len(started) + lost_trace, has_started=bool(started))


def _is_queued_again(execution: Execution, record: Record | None) -> bool:
    """Whether the attempt was queued once more behind this delivery, which its consumer seemed to have lost.

    The newer record is delivered as well, and is what the attempt runs from.
    """
    if record is None or record.sequence <= execution.delivery.sequence:
        return False
    event, queued = read_record(record), execution.queued
    return isinstance(event, Queued) and (event.fence, event.attempt) == (queued.fence, queued.attempt)


async def _ensure_next_attempt(
    log: Log, events: EventWriter, execution: Execution, newest: Mapping[str, Record]
) -> bool:
    """Whether an earlier delivery of this attempt failed and the next attempt is due; makes sure that it will be queued."""
    if _later_attempt(execution, newest.get(EventName.QUEUED)):
        return True
    deferred = _later_attempt(execution, newest.get(EventName.DEFERRED))
    if not isinstance(deferred, Deferred):
        return False
    timer = subjects.task_timer(execution.subject.owner, execution.subject.task)
    if await log.replayer.last(timer) is None:
        # Either the timer has fired, or the wait was too short for a timer and the worker died before it queued the task.
        queued = await log.replayer.last(execution.subject.of(EventName.QUEUED))
        if not _later_attempt(execution, queued):
            await events.queue_again(execution, deferred)
    return True


def _later_attempt(execution: Execution, record: Record | None) -> Queued | Deferred | None:
    """The event of a record that queues or defers a later attempt of the same run."""
    if record is None or record.sequence < execution.delivery.sequence:
        return None
    event = read_record(record)
    if not isinstance(event, Queued | Deferred) or event.fence != execution.queued.fence:
        # A timer of an earlier run may have fired late.
        return None
    return event if event.attempt > execution.queued.attempt else None


async def _deliveries_started(log: Log, execution: Execution, newest: Record | None) -> set[int]:
    """The numbers of the deliveries of this attempt that the log has a `started` event of."""
    if newest is None or newest.sequence <= execution.delivery.sequence:
        return set()
    page = await log.replayer.page(
        execution.subject.of(EventName.STARTED), start=execution.delivery.sequence + 1, records=STARTS_MAX
    )
    return {event.delivered for each in page.records if isinstance(event := read_record(each), Started)}
