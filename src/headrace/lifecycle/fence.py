"""Fences: the log itself refuses an event of a run that comes after the end of the run.

The fence of a run is the sequence of the task's previous finish, 0 for none. An event that must not come after the end of a
run is appended on condition that the newest finish still has this sequence (`Nats-Expected-Last-Subject-Sequence`). So when
several processes finish the same run (a slow worker given up for dead, a redelivery, a cancellation), the first one succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.events import EventName, Finished, encode
from headrace.errors import AppendRefused, LogUnavailable
from headrace.log import conditions, subjects
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

AppendedOrFinish = Appended | Record
"""What was appended; or the record of the finish that came first and forbids it."""


async def append_under_fence(log: Log, task: TaskSubject, fence: int, message: Message) -> AppendedOrFinish:
    """Append a message unless the run has ended.

    Args:
        log: The log.
        task: The subject of one of the task's events.
        fence: The fence of the run.
        message: The message, without the condition.

    Returns:
        What was appended; or the finish that forbids it.

    Raises:
        LogUnavailable: no acknowledgement. Whether the log has the message is then not known.
        LogFull: the log has no room.
        TooLarge: the message does not fit the server's limit.
    """
    subject, payload, headers = message
    finished = task.of(EventName.FINISHED)
    # If the previous finish has aged out of the log, its subject is empty: try 0 as well.
    for expected in dict.fromkeys((fence, 0)):
        if subject == finished:
            condition = conditions.subject_unchanged(expected)
        else:
            condition = conditions.last_event_of(finished, expected)
        try:
            return await log.appender.append(subject, payload, {**headers, **condition})
        except AppendRefused:
            last = await log.replayer.last(finished)
            # Another finish than the previous run's: this run is over.
            if last is not None and last.sequence != fence:
                return last
    raise LogUnavailable(f"the log contradicts itself about the end of task {task.task}; try again")


async def finish(
    log: Log, task: TaskSubject, fence: int, finished: Finished, headers: Mapping[str, str]
) -> AppendedOrFinish:
    """Append the end of a run.

    Args:
        log: The log.
        task: The subject of one of the task's events.
        fence: The fence of the run.
        finished: How the run ended.
        headers: The headers that every event of the task carries.

    Returns:
        What was appended; or the finish that came first and says something else.

    Raises:
        LogUnavailable: no acknowledgement. Whether the run has ended is then not known.
        LogFull: the log has no room.
        TooLarge: the event does not fit a message.
    """
    message = Message(task.of(EventName.FINISHED), encode(finished), {**headers, subjects.OUTCOME: finished.outcome})
    appended_or_finish = await append_under_fence(log, task, fence, message)
    if isinstance(appended_or_finish, Record) and appended_or_finish.payload == message.payload:
        # The log has this very finish from an earlier try, whose acknowledgement was lost.
        return Appended(appended_or_finish.sequence, duplicate=True)
    return appended_or_finish
