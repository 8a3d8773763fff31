"""All accounts, for administrators."""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromIdentity
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.api.v1.users import InSearch
from headrace.contracts.batches import Counts
from headrace.contracts.identity import Role, User, UserState
from headrace.contracts.screens.users import UserCounts, UserEntry, UsersV1
from headrace.log import clock
from headrace.store.api_keys import count_valid_keys
from headrace.store.counts import read_counts_of
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.files import FileUsage, read_usage
from headrace.store.sessions import count_live_sessions
from headrace.store.snapshot import Reads
from headrace.store.users import UserFilter, count_by_state, list_users


class Page(NamedTuple):
    """One page of accounts, and where the next one begins."""

    items: list[UserEntry]
    next_cursor: str | None


@get(
    "/admin/users",
    operation_id="show_users",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="All accounts, and how much each has",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_users(
    request: AnyRequest,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[UserState | None, QueryParameter(name="state")] = None,
    role: Role | None = None,
    q: InSearch = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> Response[UsersV1]:
    """The newest come first. The counts are of all accounts, so that a filter can say what it would show."""
    api = state_of(request)
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = UserFilter(state=in_state, role=role, text=q)
    items = Reading("items", partial(_page, wanted, after, limit, api.files.are_kept))
    counts = Reading("counts", _counts)

    def build(composed: Composed) -> UsersV1:
        page = composed.value(items)
        return UsersV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
            counts=composed.value(counts),
        )

    return await api.screens.show(request, UsersV1, build, FromIdentity(api, items, counts))


async def _page(wanted: UserFilter, after: Cursor | None, limit: int, has_files: bool, session: Reads) -> Page:
    found, more = await list_users(session, wanted, after, limit)
    ids, now = [each.id for each in found], clock.now()
    keys = await count_valid_keys(session, ids, now)
    sessions = await count_live_sessions(session, ids, now)
    # The counts of tasks stand in the same database.
    tasks = await read_counts_of(session, ids)
    files = await read_usage(session, ids) if has_files else None
    items = [
        _entry(
            each,
            tasks[each.id].counts,
            keys.get(each.id, 0),
            sessions.get(each.id, 0),
            None if files is None else files.get(each.id, FileUsage()).bytes,
        )
        for each in found
    ]
    return Page(items, str(more) if more else None)


def _entry(user: User, tasks: Counts, keys: int, sessions: int, storage: int | None) -> UserEntry:
    return UserEntry(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,
        state=user.state,
        created_at=user.created_at,
        seen_at=user.seen_at,
        running=tasks.running,
        queued=tasks.queued,
        keys=keys,
        sessions=sessions,
        storage_bytes=storage,
    )


async def _counts(session: Reads) -> UserCounts:
    return UserCounts(**{state.value: count for state, count in (await count_by_state(session)).items()})
