"""Confirming the state of a task before a request is refused because of it.

A server that was cut off from the others takes itself for the leader of the log for up to ten seconds, and goes on answering with
what it had. Whoever appends because of such an answer is refused by the log, and reads again. Whoever refuses a request because of it
appends nothing, and would refuse what is in order.
"""

from __future__ import annotations

from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log.connection import Log


async def read_ended_task(log: Log, owner: str, task: str) -> TaskState | None:
    """Read the state of a task for a caller who refuses one that is not over; that it is not is confirmed.

    Raises:
        LogUnavailable: see `read_task_state`.
    """
    state = await read_task_state(log, owner, task)
    return state if state is None or state.is_over else await confirm_task_state(log, state)


async def confirm_task_state(log: Log, state: TaskState) -> TaskState | None:
    """Read the state of a task again, with every event that a majority of the servers had when this was called.

    It costs an append, and nothing where the log has one copy.

    Args:
        log: The log.
        state: The state as `read_task_state` has returned it.

    Returns:
        The state now; None when the log has no event of the task any more.

    Raises:
        LogUnavailable: there is no majority, or the log does not answer.
    """
    if log.settings.replicas == 1:
        return state
    return await read_task_state(log, state.subject.owner, state.subject.task, is_agreed=True)
