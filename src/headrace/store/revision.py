"""The revision of a database: whether it has every migration that this version of Headrace needs."""

from __future__ import annotations

from functools import cache
from typing import cast

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.store.migrate import migrations_config

_HAS_REVISION = "SELECT to_regclass('alembic_version') IS NOT NULL"
_REVISION = "SELECT version_num FROM alembic_version"


async def find_gap(session: AsyncSession) -> str | None:
    """Say what the database lacks; see `describe_gap`."""
    connection = await session.connection()
    if not (await connection.exec_driver_sql(_HAS_REVISION)).scalar():
        return describe_gap(None)
    return describe_gap((await connection.exec_driver_sql(_REVISION)).scalar())


async def find_gap_by_driver(connection: asyncpg.Connection) -> str | None:
    """Do the same on a connection of the driver.

    Raises:
        OSError: Postgres cannot be reached.
        asyncpg.PostgresError: Postgres refuses.
    """
    if not cast("bool", await connection.fetchval(_HAS_REVISION)):
        return describe_gap(None)
    return describe_gap(cast("str | None", await connection.fetchval(_REVISION)))


def describe_gap(revision: str | None) -> str | None:
    """Say what a database of a revision lacks and what to do about it; None when this version of Headrace can use it.

    A revision that is not known here belongs to a newer version, as during a deploy. Its tables have what this one needs.
    """
    needed, older = _revisions()
    if revision is not None and revision not in older:
        return None
    has = "no revision" if revision is None else f"revision {revision}"
    return f"the database has {has}, and this version needs {needed}: run `headrace migrate`"


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """Return the newest revision of this version, and all before it."""
    scripts = ScriptDirectory.from_config(migrations_config(Config()))
    newest, *older = [each.revision for each in scripts.walk_revisions()]
    return newest, frozenset(older)
