"""Doing something to every task of a selection: bounded, paced, and to be asked for again until nothing remains."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC

from headrace.api.state import ApiState
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import BulkRequest, BulkResult, Selection
from headrace.errors import InvalidInput
from headrace.store.checkpoints import read_checkpoint
from headrace.store.selections import count_selected, list_oldest_selected

AT_ONCE = 16  # tasks
SECONDS_MAX = 25.0  # a request that is answered before proxies give it up


async def in_bulk(
    api: ApiState, owner: str, asked: BulkRequest, do: Callable[[str], Awaitable[int | None]], *, final: bool
) -> BulkResult:
    """Do something to the oldest tasks of a selection.

    Args:
        api: The state of this process.
        owner: Whose tasks.
        asked: Which, how many, and how fast.
        do: Does it to one task; returns the sequence of the change, None when the task had changed meanwhile.
        final: Whether it is for tasks that are final, or for those that are not.

    Raises:
        InvalidInput: the selection names a time that no calendar has in UTC.
        ReadModelUnavailable: the tasks cannot be looked up.
        LogUnavailable: the log was away; what was done until then is done.
    """
    _check_times(asked.select)
    limit = max(1, min(asked.limit, int(asked.per_second * SECONDS_MAX)))
    async with api.read_model.session() as session:
        matched = await count_selected(session, owner, asked.select, final=final)
        checkpoint = await read_checkpoint(session) or Position(api.log.epoch, 0)
        tasks: list[str] = []
        if not asked.dry_run:
            tasks = await list_oldest_selected(session, owner, asked.select, limit, final=final)
    loop = asyncio.get_running_loop()
    began = loop.time()
    slots = asyncio.Semaphore(AT_ONCE)
    done: list[int] = []

    async def do_one(number: int, task: str) -> None:
        await asyncio.sleep(max(0.0, began + number / asked.per_second - loop.time()))  # the pace that was asked for
        async with slots:
            sequence = await do(task)
        if sequence is not None:
            done.append(sequence)

    try:
        async with asyncio.TaskGroup() as group:
            for number, task in enumerate(tasks):
                group.create_task(do_one(number, task))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    last = Position(api.log.epoch, max(done)) if done else checkpoint
    return BulkResult(matched=matched, done=len(done), remaining=matched - len(tasks), position=str(last))


def _check_times(select: Selection) -> None:
    """Refuse the first or last hours of all time, which UTC may have in a year before 1 or after 9999."""
    for field in ("created_from", "created_before", "finished_from", "finished_before"):
        try:
            if (instant := getattr(select, field)) is not None:
                instant.astimezone(UTC)
        except OverflowError as error:
            message = "there is no such time in UTC; leave it out, or say one in between"
            raise InvalidInput(message, [FieldError(path=f"/select/{field}", message=message)]) from error
