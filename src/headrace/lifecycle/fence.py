"""Fences: what a run of a task appends holds only while the run is not over, and the log itself sees to it.

The fence of a run is the sequence of the task's previous finish, 0 for none. Whatever must not come after the end of the run
is appended on condition that the last finish is still that one (`Nats-Expected-Last-Subject-Sequence`), so of several who
believe that it is theirs to say (a slow worker given up for dead, a redelivery, a cancellation) the first is heard.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.contracts.events import EventName, Finished, encode
from headrace.errors import AppendRefused, LogUnavailable
from headrace.log import conditions
from headrace.log.append import Appended
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

Fenced = Appended | Record
"""Where it was appended; or the finish that came before it."""


async def append_under_fence(
    log: Log, task: TaskSubject, fence: int, subject: str, payload: bytes, headers: Mapping[str, str]
) -> Fenced:
    """Append something that is only right while a run is not over.

    Args:
        log: The log.
        task: A subject of the task.
        fence: The run's fence.
        subject: Where to append.
        payload: What.
        headers: What goes with it, without the condition.

    Returns:
        Where it stands, or the finish that forbids it.

    Raises:
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
        LogFull: the log takes nothing.
        TooLarge: it does not fit a message.
    """
    finished = task.of(EventName.FINISHED)
    for expected in dict.fromkeys((fence, 0)):  # a previous finish that has left the log counts as none
        condition = (
            conditions.subject_unchanged(expected)
            if subject == finished
            else conditions.last_event_of(finished, expected)
        )
        try:
            return await log.appender.append(subject, payload, {**headers, **condition})
        except AppendRefused:
            last = await log.replayer.last(finished)
            if last is not None and last.sequence != fence:
                return last
    raise LogUnavailable(f"the log contradicts itself about the end of task {task.task}; try again")


async def finish(log: Log, task: TaskSubject, fence: int, finished: Finished, headers: Mapping[str, str]) -> Fenced:
    """Append the end of a run.

    Returns:
        Where it stands; or the finish that came first, when that says something else. See `append_under_fence` for errors.
    """
    payload = encode(finished)
    ended = await append_under_fence(log, task, fence, task.of(EventName.FINISHED), payload, headers)
    if isinstance(ended, Record) and ended.payload == payload:
        return Appended(ended.sequence, duplicate=True)  # our own, of which we had not heard
    return ended
