"""The audit, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.tasks import Instant


class AuditTarget(Struct, frozen=True, kw_only=True):
    """On whom or what something was done."""

    type: Annotated[str, Meta(description="The first part of the action, such as `user` or `key`.")]
    id: str
    name: str | None


class AuditItem(Struct, frozen=True, kw_only=True):
    """One thing that somebody did or tried."""

    id: str
    at: Instant
    actor: Annotated[Ref | None, Meta(description="Null for somebody who is not signed in.")]
    action: str
    target: AuditTarget | None
    address: Annotated[str | None, Meta(description="The client's address.")]
    agent: Annotated[str | None, Meta(description="What the browser or program called itself, where that is kept.")]
    details: Annotated[dict[str, Any], Meta(description="What belongs to this action.")]
    correlation_id: str | None


class AuditV1(Screen, frozen=True, kw_only=True):
    """One page of the audit, newest first."""

    items: list[AuditItem] | None
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    actions: Annotated[list[str], Meta(description="All actions that there are, to choose from.")]
