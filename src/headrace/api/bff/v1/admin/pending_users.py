"""The accounts that wait for a decision, for administrators."""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromIdentity
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.contracts.audit import Action
from headrace.contracts.identity import UserState
from headrace.contracts.screens.users import PendingUser, PendingUsersV1
from headrace.store.audit import find_addresses
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.snapshot import Reads
from headrace.store.users import UserFilter, list_users


class Page(NamedTuple):
    """One page of accounts, and where the next one begins."""

    items: list[PendingUser]
    next_cursor: str | None


@get(
    "/admin/pending-users",
    operation_id="show_pending_users",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="The accounts that wait for a decision",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_pending_users(
    request: AnyRequest,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> Response[PendingUsersV1]:
    """The newest come first. `PUT /api/v1/users/{user}/decision` approves or rejects one."""
    api = state_of(request)
    after = None if cursor is None else Cursor.parse(cursor)
    items = Reading("items", partial(_page, after, limit))

    def build(composed: Composed) -> PendingUsersV1:
        page = composed.value(items)
        return PendingUsersV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
        )

    return await api.screens.show(request, PendingUsersV1, build, FromIdentity(api, items))


async def _page(after: Cursor | None, limit: int, session: Reads) -> Page:
    found, more = await list_users(session, UserFilter(state=UserState.PENDING), after, limit)
    addresses = await find_addresses(session, Action.USER_REGISTERED, [each.id for each in found])
    items = [
        PendingUser(
            id=each.id,
            email=each.email,
            display_name=each.display_name,
            note=None,
            registered_at=each.created_at,
            address=addresses.get(each.id),
        )
        for each in found
    ]
    return Page(items, str(more) if more else None)
