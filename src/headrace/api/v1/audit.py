"""The route that reads the audit: who did what, on whom, and from where."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import INSTANT_CHARS_MAX, AnyRequest, AtCursor, read_instant
from headrace.api.state import state_of
from headrace.contracts.audit import Action, AuditPage
from headrace.contracts.patterns import VISIBLE_PATTERN
from headrace.store.audit import AuditFilter, list_entries
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor

SUBJECT_CHARS_MAX = 200  # longer than every id and every name of a kind

AtId = Annotated[str | None, Parameter(max_length=SUBJECT_CHARS_MAX, pattern=VISIBLE_PATTERN)]


Since = Annotated[str | None, Parameter(max_length=INSTANT_CHARS_MAX, description="At this time or after it.")]
Before = Annotated[str | None, Parameter(max_length=INSTANT_CHARS_MAX, description="Before this time.")]


@get(
    "/audit",
    operation_id="list_audit",
    opt=access("admin"),
    summary="List what was done and tried, newest first",
    responses=refusals(400),
)
async def list_audit(
    request: AnyRequest,
    actor: AtId = None,
    subject: AtId = None,
    action: Action | None = None,
    since: Since = None,
    before: Before = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> AuditPage:
    """Sign-ins and their failures, decisions, changes of roles and settings, keys, replays and cancellations in bulk, and what
    administrators looked at of others. `next_cursor` continues with older entries.
    """
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = AuditFilter(
        actor=actor,
        subject=subject,
        action=action,
        since=read_instant("since", since),
        before=read_instant("before", before),
    )
    async with state_of(request).identity.transaction() as session:
        items, following = await list_entries(session, wanted, after, limit)
    return AuditPage(items=items, next_cursor=str(following) if following else None)
