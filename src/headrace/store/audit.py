"""The queries about the audit. Entries are added and read, and removed when their retention is over.

The database refuses everything else, whoever asks: a trigger wants to be told that entries are trimmed, another one keeps those of
the last 30 days whatever it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from sqlalchemy import ARRAY, ColumnElement, any_, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import AuditEntry
from headrace.store import identity_tables
from headrace.store.cursors import Cursor
from headrace.store.identity_tables import AuditRow
from headrace.store.newest_pages import fetch_newest
from headrace.store.reading import columns_of
from headrace.store.snapshot import Reads
from headrace.store.storable import storable_instant
from headrace.store.users import find_names

# Whether the role of a connection may do what the owner of the audit may: it is the owner, belongs to it, or is a superuser.
OWNS_AUDIT = """
SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('audit') AND pg_has_role(relowner, 'MEMBER'))
"""
TRIMMED_ROWS = 10_000  # removed in one transaction, which takes a second or less

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
    session: Reads, wanted: AuditFilter, after: Cursor | None, limit: int
) -> tuple[list[AuditEntry], Cursor | None]:
    """List one page of the audit, newest first.

    Returns:
        The entries, with the names of those users that there still are, and where the next page begins; None on the last page.
    """
    query = _SELECT_ENTRY.where(*_conditions(wanted))
    rows, more = await fetch_newest(session, AuditRow, query, _AUDIT.c.at, after, limit)
    names = await find_names(session, {each for row in rows for each in (row.actor, row.subject) if each is not None})
    return [_to_entry(row, names) for row in rows], more


async def find_addresses(session: Reads, action: str, subjects: Collection[str]) -> dict[str, str]:
    """Find from where something was done to each of some subjects, the last time; of those of which that is known."""
    found = (
        select(_OF.subject, _OF.address)
        .where(_OF.subject.in_(subjects), _OF.action == action, _OF.address.is_not(None))
        .order_by(_OF.at)
    )
    return {row[0]: row[1] for row in await session.execute(found)}


async def remove_entries(session: AsyncSession, before: datetime) -> int:
    """Remove the oldest entries from before a time, `TRIMMED_ROWS` at most, in a transaction of the caller.

    Returns:
        How many were removed.
    """
    await session.execute(text("SET LOCAL headrace.trims_audit = 'yes'"))
    oldest = select(_OF.id).where(_OF.at < before).order_by(_OF.at).limit(TRIMMED_ROWS)
    # As an array, so that each row is looked up by its key.
    some = func.array(oldest.scalar_subquery(), type_=ARRAY(_OF.id.type))
    removed: Any = await session.execute(delete(_AUDIT).where(_OF.id == any_(some)))
    await session.execute(text("SET LOCAL headrace.trims_audit = 'no'"))
    return removed.rowcount


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    named = {"actor": wanted.actor, "subject": wanted.subject, "action": wanted.action}
    conditions = [_OF[name] == value for name, value in named.items() if value is not None]
    if wanted.since is not None:
        conditions.append(_OF.at >= storable_instant(wanted.since))
    if wanted.before is not None:
        conditions.append(_OF.at < storable_instant(wanted.before))
    return conditions


def _to_entry(row: AuditRow, names: Mapping[str, str]) -> AuditEntry:
    fields = msgspec.structs.asdict(row)
    fields["data"] = Raw(row.data.encode())
    return AuditEntry(**fields, actor_name=names.get(row.actor or ""), subject_name=names.get(row.subject or ""))
