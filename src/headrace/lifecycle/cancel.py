"""Cancelling a task: it is final as soon as the log has it, even when a worker still runs the handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from headrace.contracts.events import Outcome
from headrace.contracts.tasks import State, TaskSummary
from headrace.errors import LogUnavailable
from headrace.lifecycle.confirmed_state import confirm_task_state
from headrace.lifecycle.finishing import end_forgotten_task, end_task, stop_task
from headrace.lifecycle.task_state import Gone, TaskState, read_task_state
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

TRIES_MAX = 5  # another event may come between reading the state and cancelling, but hardly five times


class Cancelled(NamedTuple):
    """The task is cancelled, now or by an earlier request."""

    summary: TaskSummary


class AlreadyFinished(NamedTuple):
    """The task has ended otherwise. ``state`` is None when the log does not tell how."""

    state: State | None


class NotInLog(NamedTuple):
    """The log has no event of the task: it does not exist, or all its events have left the log."""


async def cancel_task(log: Log, owner: str, task: str) -> Cancelled | AlreadyFinished | NotInLog | Gone:
    """Cancel a task and return what has become of it. Cancelling again changes nothing.

    Raises:
        LogUnavailable: the log does not answer.
    """
    own_finish = None
    for _ in range(TRIES_MAX):
        state = await read_task_state(log, owner, task)
        if state is not None and state.is_over and own_finish is None:
            # It may have been run again since a server that leads no more has heard of it.
            state = await confirm_task_state(log, state)
        if state is None:
            return NotInLog()
        if state.is_deleted:
            return Gone()
        if state.is_over:
            return await _confirm(log, state, own_finish)
        appended_or_finish = await end_task(log, state, by=owner)
        own_finish = None if isinstance(appended_or_finish, Record) else appended_or_finish.sequence
    raise LogUnavailable("the task changes too fast to be cancelled; try again")


async def cancel_if_open(log: Log, owner: str, task: str) -> TaskState | None:
    """Try once to cancel a task, unless it is over.

    Returns:
        The state in which the task was found; None when the log has no event of it.

    Raises:
        LogUnavailable: the log does not answer.
    """
    state = await read_task_state(log, owner, task)
    if state is not None and not state.is_over:
        await end_task(log, state, by=owner)
    return state


async def _confirm(log: Log, state: TaskState, own_finish: int | None) -> Cancelled | AlreadyFinished:
    """Return what has become of a task that is over; ``own_finish`` is the finish that this request has appended, if any."""
    finished, record = state.finish_event, state.finish_record
    if finished is None or record is None:
        return AlreadyFinished(None)
    if finished.outcome is not Outcome.CANCELLED:
        return AlreadyFinished(State(finished.outcome))
    if record.sequence != own_finish:
        # Whoever cancelled the task may have died before workers were told to stop it.
        await stop_task(log, state.subject, finished, record.sequence)
    return Cancelled(state.summarize(log.epoch))


async def cancel_forgotten_task(log: Log, task: TaskSubject, attempt: int, headers: Mapping[str, str]) -> None:
    """Cancel a waiting task of which only the timer or the row in the read model is left.

    Args:
        log: The log.
        task: The subject of one of the task's events.
        attempt: The attempt that the task waits for.
        headers: The headers that every event of the task carries.

    Raises:
        LogUnavailable: the log does not answer.
    """
    await end_forgotten_task(log, task, attempt=attempt, headers=headers, by=task.owner)
