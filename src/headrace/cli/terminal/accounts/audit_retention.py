"""`headrace admin trim-audit`: remove the entries of the audit whose retention is over. `headrace migrate` does the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.cli.terminal.accounts.audit import add_audit_entry
from headrace.cli.terminal.accounts.database import find_database, open_database
from headrace.cli.terminal.output import note
from headrace.contracts.audit import Action
from headrace.settings import Settings
from headrace.store.audit import TRIMMED_ROWS, remove_entries


async def trim_audit_of_home(settings: Settings, home: str | None) -> None:
    """Remove the entries that are too old from the database of an `up`, or from the one that the settings name.

    Raises:
        CommandFailed: No `up` runs in that home, or Postgres cannot be reached, or refuses.
    """
    await trim_audit(find_database(settings, home))


async def trim_audit(settings: Settings) -> None:
    """Remove the entries that are older than HEADRACE_AUDIT_RETENTION_DAYS, and note in the audit that this was done.

    Raises:
        CommandFailed: Postgres cannot be reached, or refuses.
    """
    before = datetime.now(UTC) - timedelta(days=settings.audit.retention_days)
    removed = TRIMMED_ROWS
    while removed == TRIMMED_ROWS:
        async with open_database(settings.database) as session:
            removed = await remove_entries(session, before)
            if removed:
                await add_audit_entry(session, Action.AUDIT_TRIMMED, None, before=before.isoformat(), entries=removed)
                note(f"removed {removed:,} entries of the audit from before {before:%Y-%m-%d}")
