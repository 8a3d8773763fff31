"""What the role of a connection may do with the tables of Headrace, and has to."""

from __future__ import annotations

from typing import Final, cast

import asyncpg

from headrace.store.identity_tables import audit

_EVERYTHING: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Nobody changes what the audit says.
_PRIVILEGES: Final = {audit.name: ("SELECT", "INSERT")}

_MISSING = """
SELECT privilege || ' on ' || name
FROM unnest($1::text[], $2::text[]) AS needed (name, privilege)
WHERE to_regclass(name) IS NULL OR NOT has_table_privilege(to_regclass(name), privilege)
ORDER BY 1
"""


async def missing_privileges(connection: asyncpg.Connection) -> list[str]:
    """Return what the role of a connection may not do, each as ``INSERT on task``. The tables of an API and of a projector are the same.

    Raises:
        asyncpg.PostgresError: Postgres refuses.
    """
    needed = [(name, each) for name in audit.metadata.tables for each in _PRIVILEGES.get(name, _EVERYTHING)]
    names, privileges = zip(*needed, strict=True)
    rows = cast("list[tuple[str]]", await connection.fetch(_MISSING, names, privileges))
    return [row[0] for row in rows]
