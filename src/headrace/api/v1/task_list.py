"""The route that lists tasks: by age, or those that ran or waited longest."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast, OfKind
from headrace.api.state import state_of
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import ID_PATTERN, State, TaskOrder, TaskPage, TaskSummary
from headrace.errors import InvalidInput
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor, DurationCursor
from headrace.store.tasks import LongestFilter, TaskFilter, list_longest, list_newest

OfBatch = Annotated[str | None, Parameter(max_length=64, pattern=ID_PATTERN)]
DURATION_SECONDS_MAX = 1e9  # more than thirty years; no task takes as long, and infinity is no duration

Listed = tuple[list[TaskSummary], Cursor | DurationCursor | None]


@get(
    "/tasks",
    operation_id="list_tasks",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="List tasks, newest first",
    responses=refusals(400, 422),
)
async def list_tasks(
    request: AnyRequest,
    # Litestar passes its own `state` to a parameter of that name.
    in_state: Annotated[State | None, QueryParameter(name="state")] = None,
    kind: OfKind = None,
    batch: OfBatch = None,
    slower_than: Annotated[
        float | None,
        Parameter(
            ge=0, le=DURATION_SECONDS_MAX, description="Seconds: only tasks that ran for longer, the longest first."
        ),
    ] = None,
    waited_longer_than: Annotated[
        float | None,
        Parameter(
            ge=0, le=DURATION_SECONDS_MAX, description="Seconds: only tasks that waited for longer, the longest first."
        ),
    ] = None,
    sort: TaskOrder | None = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> TaskPage:
    """A list leaves out inputs and results; read a single task for them. `next_cursor` continues with older tasks, or with those
    that ran or waited for a shorter time. `state` also takes the outcome of a task.
    """
    api = state_of(request)
    longest = _read_longest(sort, slower_than, waited_longer_than, in_state, kind)
    if longest is not None and batch is not None:
        raise _refusal("batch", "the tasks of a batch are listed by age; leave it out, or sort and durations")
    await reach(api, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        wanted = longest or TaskFilter(state=in_state, kind=kind, batch=batch)
        items, following = await _list(session, caller(request), wanted, cursor, limit)
    return TaskPage(items=items, next_cursor=str(following) if following else None, position=str(position))


async def _list(
    session: AsyncSession, owner: str, wanted: TaskFilter | LongestFilter, cursor: str | None, limit: int
) -> Listed:
    """List a page.

    Raises:
        InvalidCursor: The cursor is not one of a list in this order.
    """
    if isinstance(wanted, LongestFilter):
        return await list_longest(
            session, owner, wanted, DurationCursor.parse(cursor) if cursor is not None else None, limit
        )
    return await list_newest(session, owner, wanted, Cursor.parse(cursor) if cursor is not None else None, limit)


def _read_longest(
    sort: TaskOrder | None, slower_than: float | None, waited: float | None, state: State | None, kind: str | None
) -> LongestFilter | None:
    """Return which tasks of a long duration are asked for; None when the list is by age.

    Tasks of a duration are read in its order, so that a page is found at once however many tasks there are.

    Raises:
        InvalidInput: The order is not that of the duration, or there are two durations.
    """
    if slower_than is not None and waited is not None:
        raise _refusal("waited_longer_than", "a list is by one duration; leave out this one or slower_than")
    if slower_than is not None and sort in (None, TaskOrder.LONGEST_RUN):
        return LongestFilter("run_seconds", slower_than, state, kind)
    if waited is not None and sort in (None, TaskOrder.LONGEST_WAIT):
        return LongestFilter("wait_seconds", waited, state, kind)
    if slower_than is not None or waited is not None:
        raise _refusal("sort", "tasks of a duration are listed by it, the longest first; leave out sort")
    match sort:
        case TaskOrder.LONGEST_RUN:
            return LongestFilter("run_seconds", None, state, kind)
        case TaskOrder.LONGEST_WAIT:
            return LongestFilter("wait_seconds", None, state, kind)
        case _:
            return None


def _refusal(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", [FieldError(path=f"query {name}", message=message)])
