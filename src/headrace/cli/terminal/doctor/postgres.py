"""What the doctor asks Postgres."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import cast

import asyncpg
import msgspec

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.cli.terminal.doctor.report import Report
from headrace.log import clock
from headrace.settings import DatabaseSettings
from headrace.store.outages import describe_outage
from headrace.store.retention import read_retention
from headrace.store.revision import HAS_REVISION, REVISION, describe_gap, revisions

POSTGRES = "Postgres"


async def ask_postgres(report: Report, database: DatabaseSettings | None) -> bool:
    """Ask Postgres for its version, its migrations and its time. Returns whether it has the tables that this version reads."""
    report.versions[POSTGRES] = None
    if database is None:
        report.add(POSTGRES, "nobody has said where it is", "set HEADRACE_DATABASE_URL, as for the API")
        return False
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _ask(report, database.url)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        what = f"it cannot be used: {describe_outage(error)}"
        report.add(POSTGRES, what, f"start Postgres, or correct {database.variable}")
        return False


async def _ask(report: Report, url: str) -> bool:
    connection = cast("asyncpg.Connection", await asyncpg.connect(url))
    try:
        report.versions[POSTGRES] = cast("str", await connection.fetchval("SHOW server_version"))
        asked = clock.system_now()
        now = cast("datetime", await connection.fetchval("SELECT clock_timestamp()"))
        answered = clock.system_now()
        report.note_clock(POSTGRES, (now - asked - (answered - asked) / 2).total_seconds())
        has_revision = cast("bool", await connection.fetchval(HAS_REVISION))
        revision = cast("str | None", await connection.fetchval(REVISION)) if has_revision else None
        report.revision = {"database": revision, "needed": revisions()[-1]}
        if gap := describe_gap(revision):
            report.add(POSTGRES, gap.partition(": run")[0], "run `headrace migrate`")
            return False
        with suppress(msgspec.MsgspecError, asyncpg.InsufficientPrivilegeError):
            # A later version may have written the settings, and the user may be one that reads the read model alone.
            report.retention = await read_retention(connection)
        return True
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
