"""Note in the audit what a command did."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import Action
from headrace.store.audit import add_entries
from headrace.store.identity_tables import AuditRow


async def add_audit_entry(session: AsyncSession, action: Action, subject: str | None, **data: object) -> None:
    """Add an entry, in the transaction of what was done. Who may run the command is not known to Headrace, so no actor is named.

    Args:
        session: A session.
        action: What was done.
        subject: The id of the user that it was done to; None when it was done to nobody.
        data: What belongs to the action.
    """
    entry = AuditRow(
        id=str(uuid_utils.uuid7()),
        at=datetime.now(UTC),
        actor=None,
        action=action,
        subject=subject,
        address=None,
        correlation_id=None,
        data=msgspec.json.encode({"by": "command line", **data}).decode(),
    )
    await add_entries(session, [entry])
