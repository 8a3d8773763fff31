"""What people know by name of what rows refer to, in one statement: each of its parts finds rows by their ids."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import text

from headrace.store.reading import text_in
from headrace.store.snapshot import Reads

_SELECT_NAMES = text(f"""
    SELECT 'owner' AS of, id, coalesce(email, display_name) AS name FROM users WHERE id = ANY(CAST(:owners AS text[]))
    UNION ALL SELECT 'batch', id, name FROM batches WHERE id = ANY(CAST(:batches AS text[]))
    UNION ALL SELECT 'schedule', id, {text_in("definition", "name")} FROM schedules WHERE id = ANY(CAST(:schedules AS text[]))
""")  # noqa: S608 - names are ours


class FoundNames(NamedTuple):
    """Names by id; whoever knows an id knows that its owner may see it. What is gone is left out.

    Attributes:
        owners: The email addresses of accounts, or the display names of those without one.
        batches: The names of batches; None for one that was given none.
        schedules: The names of schedules; None as above.
    """

    owners: dict[str, str | None]
    batches: dict[str, str | None]
    schedules: dict[str, str | None]


async def find_names(
    session: Reads, owners: Collection[str], batches: Collection[str], schedules: Collection[str]
) -> FoundNames:
    """Find the names of some owners, batches and schedules."""
    found = FoundNames({}, {}, {})
    if not (owners or batches or schedules):
        return found
    of = {"owner": found.owners, "batch": found.batches, "schedule": found.schedules}
    asked = {"owners": list(owners), "batches": list(batches), "schedules": list(schedules)}
    for what, id_, name in await session.execute(_SELECT_NAMES, asked):
        of[what][id_] = name
    return found
