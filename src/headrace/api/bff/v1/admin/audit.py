"""The audit, for administrators."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromIdentity
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor, read_instant
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.api.v1.audit import AtId, Before, Since
from headrace.contracts.audit import Action, AuditEntry
from headrace.contracts.screens.audit import AuditItem, AuditTarget, AuditV1
from headrace.contracts.screens.envelope import Ref
from headrace.store.audit import AuditFilter, list_entries
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.snapshot import Reads

_ACTIONS = [str(each) for each in Action]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Page(NamedTuple):
    """One page of the audit, and where the next one begins."""

    items: list[AuditItem]
    next_cursor: str | None


@get(
    "/admin/audit",
    operation_id="show_audit",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="What was done and tried",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_audit(
    request: AnyRequest,
    actor: AtId = None,
    action: Action | None = None,
    target: AtId = None,
    since: Since = None,
    before: Before = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> Response[AuditV1]:
    """The newest comes first. It is not followed live."""
    api = state_of(request)
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = AuditFilter(
        actor=actor,
        subject=target,
        action=action,
        since=read_instant("since", since),
        before=read_instant("before", before),
    )
    items = Reading("items", partial(_page, wanted, after, limit))

    def build(composed: Composed) -> AuditV1:
        page = composed.value(items)
        return AuditV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
            actions=_ACTIONS,
        )

    return await api.screens.show(request, AuditV1, build, FromIdentity(api, items))


async def _page(wanted: AuditFilter, after: Cursor | None, limit: int, session: Reads) -> Page:
    found, more = await list_entries(session, wanted, after, limit)
    return Page([_item(each) for each in found], str(more) if more else None)


def _item(entry: AuditEntry) -> AuditItem:
    details = _decode(entry.data)
    target = None
    if entry.subject is not None:
        target = AuditTarget(type=entry.action.partition(".")[0], id=entry.subject, name=entry.subject_name)
    return AuditItem(
        id=entry.id,
        at=entry.at,
        actor=None if entry.actor is None else Ref(id=entry.actor, name=entry.actor_name),
        action=entry.action,
        target=target,
        address=entry.address,
        agent=str(details["agent"]) if isinstance(details.get("agent"), str) else None,
        details=details,
        correlation_id=entry.correlation_id,
    )
