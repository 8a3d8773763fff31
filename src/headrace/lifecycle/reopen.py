"""Running a finished task again: under its old id, from the first attempt, with its history kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from headrace.contracts.large_values import find_value
from headrace.contracts.positions import Position
from headrace.contracts.tasks import FileRole, Task, TaskSummary
from headrace.errors import AppendRefused, LogUnavailable
from headrace.lifecycle.confirmed_state import read_ended_task
from headrace.lifecycle.queueing import WaitingTask, queue_if_unchanged
from headrace.lifecycle.task_state import Gone, TaskState, subject_of
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.memberships import headers_of
from headrace.log.prune import withdraw_newest

TRIES_MAX = 5  # a late event of a finished task may come between reading its state and queueing it


class Reopened(NamedTuple):
    """The task is queued again."""

    summary: TaskSummary


class NotFinished(NamedTuple):
    """The task is not over, so it cannot be run again."""


async def reopen_task(
    log: Log,
    owner: str,
    task: str,
    *,
    find_submitted: Callable[[TaskState | None], Awaitable[Task]],
    reserve: Callable[[int], None],
) -> Reopened | NotFinished | Gone:
    """Queue a finished task again.

    Args:
        log: The log.
        owner: The owner of the task.
        task: Its id.
        find_submitted: Returns the task from the read model, when the log does not have its input any more. It is given the
            state of the task in the log.
        reserve: Reserves room in the log for so many bytes.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: the log does not answer.
    """
    for _ in range(TRIES_MAX):
        state = await read_ended_task(log, owner, task)
        if state is not None and (state.is_deleted or not state.is_over):
            return Gone() if state.is_deleted else NotFinished()
        found = _submitted_in_log(state) or _submitted_in_read_model(await find_submitted(state), state)
        if found is None:
            return NotFinished()
        # A timer that the last run has left behind must not fire in the next run.
        await withdraw_newest(log, subjects.task_timer(owner, task))
        reserve(len(found.task.input))
        newest = 0 if state is None else state.newest_record.sequence
        try:
            appended = await queue_if_unchanged(log, found.task, newest)
        except AppendRefused:
            continue
        return Reopened(found.task.summarize(found.created_at, Position(log.epoch, appended.sequence)))
    raise LogUnavailable("the task changes too fast to be run again; try again")


class _Submitted(NamedTuple):
    """A finished task as it is to be queued again, and when it was first submitted."""

    task: WaitingTask
    created_at: datetime


def _submitted_in_log(state: TaskState | None) -> _Submitted | None:
    """Return what was submitted; None when the log has no event with the input any more."""
    if state is None or (finished := state.finish_event) is None:
        return None
    queued = state.queued_event if finished.withdrawn is None else finished.withdrawn.queued
    if queued is None:
        return None
    task = WaitingTask(
        subject=state.subject,
        input=queued.input,
        headers=state.headers,
        fence=state.fence,
        max_attempts=queued.max_attempts,
        stored_input=queued.stored_input,
    )
    return _Submitted(task, state.created_at)


def _submitted_in_read_model(found: Task, state: TaskState | None) -> _Submitted | None:
    """Return what was submitted; None when the read model has the task as not finished."""
    if not found.state.final:
        return None
    headers = headers_of(found) if state is None else {**headers_of(found), **state.headers}
    task = WaitingTask(
        subject=subject_of(found),
        input=found.input,
        headers=headers,
        fence=0 if state is None else state.fence,
        max_attempts=found.max_attempts,
        stored_input=find_value(found.files, FileRole.INPUT),
    )
    return _Submitted(task, found.created_at)
