"""The schedules of the caller: what runs when, and did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.api.rest import with_rest
from headrace.api.state import ApiState, state_of
from headrace.contracts.schedules import Schedule
from headrace.contracts.screens.schedules import LastFiring, RecentRun, ScheduleEntry, SchedulesV1
from headrace.contracts.tasks import State
from headrace.cron import following
from headrace.log import clock
from headrace.store import schedules as stored_schedules
from headrace.store import users
from headrace.store.cursors import Cursor
from headrace.store.snapshot import Reads
from headrace.store.tasks import find_states

PAGE_ROWS_MAX = 50  # each has up to 5 firings to be counted, and an input of up to 256 KB
NEXT_FIRINGS_MAX = 5
RECENT_RUNS_MAX = 12  # a row of marks


class Page(NamedTuple):
    """One page of schedules, and where the next one begins."""

    items: list[ScheduleEntry]
    next_cursor: str | None


@get(
    "/member/schedules",
    operation_id="show_schedules",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="Schedules, their next firings and their last task",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_schedules(
    request: AnyRequest,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = PAGE_ROWS_MAX,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[SchedulesV1]:
    """The oldest come first. Firings are counted by the server, which knows the time zones that the timers have."""
    api = state_of(request)
    after = None if cursor is None else Cursor.parse(cursor)
    items = Reading("items", partial(_page, api, caller(request), after, limit))

    def build(composed: Composed) -> SchedulesV1:
        page = composed.value(items)
        return SchedulesV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
        )

    source = FromReadModel(api, items, at_least=at_least)
    return await api.screens.show_for_a_second(request, SchedulesV1, build, source, at_least=at_least)


async def _page(api: ApiState, owner: str, after: Cursor | None, limit: int, session: Reads) -> Page:
    now = clock.now()
    found, more = await stored_schedules.list_page(session, owner, now, after, limit)
    states = await find_states(session, owner, [each.last_task for each in found if each.last_task is not None])
    runs = await stored_schedules.list_recent_runs(session, owner, [each.id for each in found], RECENT_RUNS_MAX)
    is_disabled = await users.is_disabled(session, owner)
    items = [
        _entry(with_rest(api.current, each, is_owner_disabled=is_disabled), states, runs.get(each.id, []))
        for each in found
    ]
    return Page(items, str(more) if more else None)


def _entry(schedule: Schedule, states: Mapping[str, State], recent: list[RecentRun]) -> ScheduleEntry:
    last = None
    if schedule.last_at is not None and schedule.last_task is not None:
        last = LastFiring(at=schedule.last_at, task=schedule.last_task, state=states.get(schedule.last_task))
    return ScheduleEntry(
        id=schedule.id,
        name=schedule.definition.name,
        kind=schedule.definition.kind,
        definition=schedule.definition,
        # What submits nothing has no next firing, as on the dashboard.
        next=[] if schedule.resting is not None else list(islice(_firings(schedule), NEXT_FIRINGS_MAX)),
        last=last,
        recent=recent,
        problem=None if schedule.resting is None else schedule.resting.message,
        updated_at=schedule.updated_at,
        position=schedule.position,
    )


def _firings(schedule: Schedule) -> Iterator[datetime]:
    at = schedule.next_at
    while at is not None:
        yield at
        at = following(schedule.definition, at, at)
