"""The queries about the audit. Entries are added and read; the database refuses everything else, whoever asks.

Nothing here removes entries, so the table grows for as long as the installation lives. An operator who has to remove old ones
takes the trigger ``audit_is_kept`` away first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Raw
from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import AuditEntry
from headrace.store import identity_tables
from headrace.store.cursors import Cursor
from headrace.store.identity_tables import AuditRow
from headrace.store.newest_pages import fetch_newest
from headrace.store.reading import columns_of
from headrace.store.storable import storable_instant

_AUDIT = identity_tables.audit
_OF = _AUDIT.c
_SELECT_ENTRY = select(*columns_of(_AUDIT, AuditRow))


class AuditFilter(NamedTuple):
    """Which entries a list shows; None means any. ``since`` is included, ``before`` is not."""

    actor: str | None = None
    subject: str | None = None
    action: str | None = None
    since: datetime | None = None
    before: datetime | None = None


async def add_entries(session: AsyncSession, entries: Sequence[AuditRow]) -> None:
    """Add entries to the audit, in a transaction of the caller."""
    if entries:
        await session.execute(insert(_AUDIT), [msgspec.structs.asdict(entry) for entry in entries])


async def list_entries(
    session: AsyncSession, wanted: AuditFilter, after: Cursor | None, limit: int
) -> tuple[list[AuditEntry], Cursor | None]:
    """List one page of the audit, newest first.

    Returns:
        The entries, and where the next page begins; None on the last page.
    """
    query = _SELECT_ENTRY.where(*_conditions(wanted))
    rows, more = await fetch_newest(session, AuditRow, query, _AUDIT.c.at, after, limit)
    return [_to_entry(row) for row in rows], more


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    named = {"actor": wanted.actor, "subject": wanted.subject, "action": wanted.action}
    conditions = [_OF[name] == value for name, value in named.items() if value is not None]
    if wanted.since is not None:
        conditions.append(_OF.at >= storable_instant(wanted.since))
    if wanted.before is not None:
        conditions.append(_OF.at < storable_instant(wanted.before))
    return conditions


def _to_entry(row: AuditRow) -> AuditEntry:
    fields = msgspec.structs.asdict(row)
    fields["data"] = Raw(row.data.encode())
    return AuditEntry(**fields)
