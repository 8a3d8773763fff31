"""Deleting a task; see `headrace.lifecycle.deletion`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from litestar import delete

from headrace.api.auth.access import access
from headrace.api.auth.audit import audit
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AT_LEAST_SECONDS, AnyRequest, task_id
from headrace.api.files.verification import remove_quietly
from headrace.api.state import ApiState, state_of
from headrace.contracts.audit import Action
from headrace.contracts.events import Outcome
from headrace.contracts.files import content_key, record_key
from headrace.contracts.positions import Position
from headrace.contracts.tasks import StoredFile
from headrace.errors import LogUnavailable, ReadModelBehind, ReadModelUnavailable, TaskNotFinished, TaskNotFound
from headrace.lifecycle.confirmed_state import read_ended_task
from headrace.lifecycle.deletion import Deletable, append_deletion, deletable, erase_events, forgotten
from headrace.lifecycle.task_state import TaskState, subject_of
from headrace.store import tasks as stored_tasks

REMOVE_SECONDS = 10.0  # for the objects of a task; proxies end a request that nothing happens to after 30 or 60
TRIES_MAX = 5  # a late event of a finished task may come between reading its state and deleting it


@delete(
    "/tasks/{task:str}",
    status_code=204,
    operation_id="delete_task",
    opt=access("tasks:write"),
    summary="Delete a finished task",
    responses=refusals(404, 409),
)
async def delete_task(request: AnyRequest, task: str) -> None:
    """The task leaves lists and details with its timeline, and its input, its result and its other events leave the log.
    Its files are removed. Its batch goes on counting it. Nobody can run it again, and its `Idempotency-Key` is not free before the log has forgotten it. Copies in
    backups, and in what follows the events elsewhere, stay. Cancel a task that is not over first.

    The answer waits until lists do not show the task any more, so no position is needed to read them.
    """
    api = state_of(request)
    async with api.deletions.take():
        sequence = await _delete(request, api, task)
    # Who lists the tasks next does not see this one. It is deleted, also when the read model does not show that in time.
    with suppress(ReadModelBehind, ReadModelUnavailable):
        await api.read_model.reach(Position(api.log.epoch, sequence), AT_LEAST_SECONDS)


async def _delete(request: AnyRequest, api: ApiState, task: str) -> int:
    """Delete a task, audited once.

    Returns:
        Where the log has its deletion.

    Raises:
        AuditUnavailable: the deletion cannot be recorded, so it is not done.
        TaskNotFound: there is no such task.
        TaskNotFinished: the task is not over.
        LogUnavailable: the log does not answer, or the task changes too fast.
    """
    owner, audited = caller(request), False
    for _ in range(TRIES_MAX):
        found, files = await _find_finished(api, owner, task_id(task), principal_of(request).id)
        if not audited:
            await audit(request, Action.TASK_DELETED, subject=task, kind=found.subject.kind)
            audited = True
        if (sequence := await append_deletion(api.log, found)) is not None:
            await erase_events(api.log, owner, task, sequence)
            await _remove_files(api, owner, files)
            return sequence
    raise LogUnavailable("the task changes too fast to be deleted; try again")


async def _remove_files(api: ApiState, owner: str, files: Sequence[StoredFile]) -> None:
    """Remove the objects of the files of a deleted task. What that does not reach in time is removed by the nightly sweep."""
    if api.files.objects is None:
        return
    keys = [key for each in files for key in (content_key(owner, each.id), record_key(owner, each.id))]
    with suppress(TimeoutError):
        async with asyncio.timeout(REMOVE_SECONDS):
            await remove_quietly(api.files.objects, *keys)


async def _find_finished(api: ApiState, owner: str, task: str, by: str) -> tuple[Deletable, Sequence[StoredFile]]:
    """Find a finished task in the log, or in the read model when its events have left the log; and its files.

    Raises:
        TaskNotFound: there is no such task.
        TaskNotFinished: the task is not over.
        LogUnavailable: the log does not answer.
        ReadModelBehind: the projector did not reach the task in time.
        ReadModelUnavailable: Postgres cannot be reached.
    """
    state = await read_ended_task(api.log, owner, task)
    if state is None:
        return await _find_forgotten(api, owner, task, by)
    if state.is_deleted:
        await _erase_rest(api, owner, task, state)
        raise TaskNotFound(f"there is no task {task!r}; it was deleted")
    found = deletable(state, by)
    if found is None:
        raise TaskNotFinished("the task is not over; cancel it first, or wait for its end")
    # The read model has to have counted what is about to be erased.
    await api.read_model.reach(Position(api.log.epoch, state.newest_record.sequence), AT_LEAST_SECONDS)
    async with api.read_model.session() as session:
        known = await stored_tasks.find_summary_and_headers(session, owner, task)
    if known is None:
        raise TaskNotFound(f"there is no task {task!r} any more; the log forgets it by itself")
    return found, known.summary.files


async def _erase_rest(api: ApiState, owner: str, task: str, state: TaskState) -> None:
    """Erase what another request, which was interrupted, or a worker that came late has left of a deleted task."""
    if state.oldest_record.sequence != state.newest_record.sequence:
        await erase_events(api.log, owner, task, state.deleted_at)


async def _find_forgotten(api: ApiState, owner: str, task: str, by: str) -> tuple[Deletable, Sequence[StoredFile]]:
    async with api.read_model.session() as session:
        found = await stored_tasks.find_summary_and_headers(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    summary, headers = found
    if not summary.state.final:
        raise TaskNotFinished("the task is not over; cancel it first, or wait for its end")
    return forgotten(subject_of(summary), headers, summary.attempt, Outcome(summary.state), by), summary.files
