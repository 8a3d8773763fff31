"""The audit: who did what, on whom, and from where. Entries are added and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct

AUDIT_DATA_BYTES_MAX = 4096  # of one entry; it says what was done and holds no bodies


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing that somebody did or tried."""

    id: str
    at: datetime
    actor: Annotated[str | None, Meta(description="The id of the user; null for somebody who is not signed in.")]
    action: Annotated[str, Meta(examples=["session.created", "user.approved"])]
    subject: Annotated[str | None, Meta(description="On whom or what it was done.")]
    address: Annotated[str | None, Meta(description="The client's address.")]
    correlation_id: str | None
    data: Annotated[Raw, Meta(description="What belongs to this action, as an object.")]


class AuditPage(Struct, frozen=True, kw_only=True):
    """One page of the audit, newest first."""

    items: list[AuditEntry]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
