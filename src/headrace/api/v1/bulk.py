"""Changing every task of a selection: in bounded requests, at a given pace, repeated by the client until nothing remains."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from headrace.api.auth.audit import audit
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.filter_parameters import check_filter
from headrace.api.edge.request import AnyRequest
from headrace.api.state import ApiState
from headrace.contracts.audit import Action
from headrace.contracts.bulk import BulkRequest, BulkResult
from headrace.contracts.filters import ANY_OWNER, Filter
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State
from headrace.errors import HeadraceError
from headrace.identity_errors import Forbidden
from headrace.log import clock
from headrace.store.checkpoints import read_checkpoint
from headrace.store.filtered_tasks import Found, count_tasks, find_page
from headrace.store.filters import conditions_of
from headrace.store.tables import EVERYBODY
from headrace.store.task_orders import Order
from headrace.telemetry import get_logger

CONCURRENT_TASKS = 16
ENDS_ALL = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNAUTHORIZED)  # errors that all other tasks would meet, too
SECONDS_MAX = 25.0  # of one request; proxies close requests without an answer after about 30

log = get_logger(__name__)


async def change_selected(
    api: ApiState,
    owner: str,
    asked: BulkRequest,
    change: Callable[[Found], Awaitable[int | None]],
    *,
    final: bool,
    count: Callable[[int], Awaitable[None]] | None = None,
) -> BulkResult:
    """Change the oldest tasks of a selection, at the pace that the request asks for.

    Args:
        api: The parts of this process.
        owner: The owner of the tasks, see `owner_of_selected`.
        asked: The filter, how many of its tasks to change, and how fast.
        change: Changes one task and returns the sequence of that change; None when the task had changed before.
        final: Whether to select final tasks; otherwise tasks that are not final.
        count: Counts so many changes before they are made, and refuses those that are too many.

    Raises:
        ReadModelUnavailable: Postgres cannot be reached.
        LogUnavailable: the log does not answer. Some of the tasks are changed.
        NotAuthenticated: the credential was revoked meanwhile, or its account changed. Some of the tasks are changed.
    """
    conditions = conditions_of(owner, asked.select).within(state for state in State if state.final is final)
    at = clock.now()
    limit = max(1, min(asked.limit, int(asked.per_second * SECONDS_MAX)))
    async with api.read_model.session() as session:
        counted = await count_tasks(session, conditions)
        checkpoint = await read_checkpoint(session) or Position(api.log.epoch, 0)
        tasks: list[Found] = []
        if not asked.dry_run:
            tasks = await find_page(session, conditions, Order.OLDEST, None, limit)
    # More of them may have ended between the two statements.
    matched = max(counted, len(tasks))
    if tasks and count is not None:
        await count(len(tasks))
    changes = await _change_paced(tasks, asked.per_second, change)
    last = Position(api.log.epoch, max(changes)) if changes else checkpoint
    return BulkResult(matched=matched, done=len(changes), remaining=matched - len(tasks), position=str(last), at=at)


def owner_of_selected(request: AnyRequest, select: Filter) -> str:
    """Return whose tasks a filter selects: those of the caller, and for an administrator also those of another owner or of all.

    Raises:
        Forbidden: The caller is no administrator, and names somebody else.
        MalformedRequest: The filter has a value that cannot be.
    """
    check_filter(select, "/select/")
    if select.owner in (None, caller(request)):
        return caller(request)
    if not principal_of(request).is_admin:
        raise Forbidden("only administrators may change what belongs to others; leave out owner")
    return EVERYBODY if select.owner == ANY_OWNER else str(select.owner)


async def audit_selection(
    request: AnyRequest, action: Action, asked: BulkRequest, *, subject: str | None = None
) -> None:
    """Record that a request changes the tasks of a selection, before it does; a dry run changes none.

    Raises:
        AuditUnavailable: Postgres cannot be reached.
    """
    if not asked.dry_run:
        await audit(request, action, subject=subject, select=asked.select, limit=asked.limit)


async def _change_paced(
    tasks: Sequence[Found], per_second: float, change: Callable[[Found], Awaitable[int | None]]
) -> list[int]:
    """Change tasks at a pace, a few of them at the same time, and return the sequences of the changes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    slots = asyncio.Semaphore(CONCURRENT_TASKS)
    changes: list[int] = []

    async def change_in_turn(number: int, task: Found) -> None:
        await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
        async with slots:
            sequence = await _change_one(task, change)
        if sequence is not None:
            changes.append(sequence)

    try:
        async with asyncio.TaskGroup() as group:
            for number, task in enumerate(tasks):
                group.create_task(change_in_turn(number, task))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return changes


async def _change_one(task: Found, change: Callable[[Found], Awaitable[int | None]]) -> int | None:
    """Change a task and return the sequence of the change; None when it had changed before, or cannot be changed.

    Raises:
        HeadraceError: an outage, or a credential that is not valid any more, which all the others would meet, too.
    """
    try:
        return await change(task)
    except Exception as error:
        if isinstance(error, HeadraceError) and error.status in ENDS_ALL:
            raise
        log.error("a task of a selection cannot be changed; the others are", task_id=task.id, exc_info=error)
        return None
