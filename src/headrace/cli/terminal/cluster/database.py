"""Postgres: its version, its migrations, and what our role may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import cast

import asyncpg

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.cli.terminal.cluster.seen import Seen
from headrace.cli.terminal.cluster.streams import clock_seen
from headrace.log import clock
from headrace.settings import DatabaseSettings
from headrace.store.outages import describe_outage
from headrace.store.revision import HAS_REVISION, REVISION, describe_gap, revisions
from headrace.store.role import missing_privileges
from headrace.tls_errors import explain_tls

_WRITABLE = "name the server that takes writes; of CloudNativePG, the service that ends in -rw"
_GRANT = "let the role own the tables, or grant it what is missing"


async def check_database(database: DatabaseSettings | None) -> list[Seen]:
    """Ask Postgres."""
    if database is None:
        what = "Postgres cannot be seen: nobody has said here where it is"
        remedy = "ask from an API or a projector, or set HEADRACE_DATABASE_URL"
        return [Seen(about="database", state="unseen", what=what, remedy=remedy)]
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = cast("asyncpg.Connection", await asyncpg.connect(database.url))
            try:
                return [each async for each in _ask(connection)]
            finally:
                await connection.close(timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        tls, _, remedy = (explain_tls(error, "Postgres", "HEADRACE_DATABASE") or "").rpartition(": ")
        what = f"Postgres cannot be used: {tls or describe_outage(error)}"
        mend = remedy or f"start Postgres, or correct {database.variable}"
        return [Seen(about="database", state="critical", what=what, remedy=mend)]


async def _ask(connection: asyncpg.Connection) -> AsyncGenerator[Seen]:
    asked = clock.system_now()
    now = cast("datetime", await connection.fetchval("SELECT clock_timestamp()"))
    yield clock_seen("Postgres", (now - asked - (clock.system_now() - asked) / 2).total_seconds())
    version = cast("str", await connection.fetchval("SHOW server_version"))
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        yield Seen(
            about="database", state="critical", what="this Postgres is a copy and takes no writes", remedy=_WRITABLE
        )
        return
    migrations = await _of_migrations(connection)
    yield migrations
    if migrations.state == "critical":
        return
    if missing := await missing_privileges(connection):
        what = f"our role may not {', '.join(missing)}"
        yield Seen(about="database", state="critical", what=what, remedy=_GRANT)
    else:
        yield Seen(about="database", state="ok", what=f"Postgres {version}, where our role may do what it has to")


async def _of_migrations(connection: asyncpg.Connection) -> Seen:
    has_revision = cast("bool", await connection.fetchval(HAS_REVISION))
    revision = cast("str | None", await connection.fetchval(REVISION)) if has_revision else None
    what, _, remedy = (describe_gap(revision) or "").rpartition(": ")
    if what:
        return Seen(about="migrations", state="critical", what=what, remedy=remedy)
    if revision != (needed := revisions()[-1]):
        what = f"the database has revision {revision}, which is newer than {needed} of this version"
        remedy = "finish the upgrade, so that every process has the newer version"
        return Seen(about="migrations", state="warning", what=what, remedy=remedy)
    return Seen(about="migrations", state="ok", what=f"the database has revision {revision}, which this version needs")
