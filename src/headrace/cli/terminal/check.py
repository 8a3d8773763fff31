"""`headrace check`: say what production refuses of the settings, and whether the servers can be reached and are as they should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import cast

import asyncpg

from headrace.cli.terminal.check_nats import CONNECT_SECONDS, check_nats
from headrace.cli.terminal.nats_monitor import MonitorSilent, find_monitors, read_monitor
from headrace.cli.terminal.output import show
from headrace.settings import DatabaseSettings, Settings
from headrace.settings.hiding import hide_secrets
from headrace.settings.production import Process, Refusal
from headrace.store.audit import OWNS_AUDIT
from headrace.store.outages import describe_outage
from headrace.store.revision import find_gap_by_driver
from headrace.tls_errors import explain_tls

EXIT_REFUSED = 1

_Check = Callable[[Settings], AsyncGenerator[Refusal]]


async def check(
    settings: Settings, process: Process | None, refused: list[Refusal], *, explain: bool, connect: bool
) -> int:
    """Print what is to be mended, by the name of its variable, and return the exit code: 1 when something is refused.

    Warnings are printed and leave the exit code as it is.

    Args:
        settings: The settings.
        process: The process whose settings they are; every process when None.
        refused: What production refuses of them.
        explain: Print how each is mended, too.
        connect: Ask the servers, too.
    """
    found = list(refused)
    if connect:
        found += await _ask_servers(settings, process, {each.variable for each in refused})
    for line in describe(settings, found, explain=explain):
        show(line)
    is_refused = any(not each.is_warning for each in found)
    if not is_refused:
        show(f"{settings.env}: nothing is refused" + ("" if connect else "; --connect asks the servers, too"))
    return EXIT_REFUSED if is_refused else 0


def describe(settings: Settings, found: list[Refusal], *, explain: bool) -> list[str]:
    """Return a line for each refusal, and one for its remedy. No secret of the settings is in any of them."""
    lines = [
        line
        for refusal in found
        for line in (
            f"{'warning: ' if refusal.is_warning else ''}{refusal.variable} {refusal.reason}",
            *([f"    {refusal.remedy}"] if explain else []),
        )
    ]
    return [hide_secrets(line, settings) for line in lines]


async def _ask_servers(settings: Settings, process: Process | None, refused: set[str]) -> list[Refusal]:
    """Ask every server that the process uses, at the same time."""
    checks: list[_Check] = []
    if process != "migrate":
        checks += [partial(check_nats, process=process, refused=refused), _monitor]
    # One that is missing was said to be.
    is_missing = "HEADRACE_DATABASE_URL" in refused and settings.database.url == DatabaseSettings().url
    if process not in ("worker", "provision") and not is_missing:
        checks.append(partial(_database, process=process))
    return [
        refusal for group in await asyncio.gather(*(_gather(each, settings) for each in checks)) for refusal in group
    ]


async def _gather(check_server: _Check, settings: Settings) -> list[Refusal]:
    return [refusal async for refusal in check_server(settings)]


async def _monitor(settings: Settings) -> AsyncGenerator[Refusal]:
    """Ask the monitoring ports; a client of NATS is not told how its servers flush."""
    for url in find_monitors(settings, None):
        try:
            server = await read_monitor(url)
        except MonitorSilent as silent:
            remedy = "name the monitoring port of each nats-server, as http://nats-0:8222"
            yield Refusal("HEADRACE_NATS_MONITOR", str(silent), remedy)
            continue
        if settings.env == "production" and not server.flushes_always:
            yield Refusal(
                "HEADRACE_NATS_SYNC",
                f"is not what the server of {url} does",
                "set `sync_interval: always` in the jetstream block of that nats-server",
            )


async def _database(settings: Settings, process: Process | None) -> AsyncGenerator[Refusal]:
    variable = settings.database.variable
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            gap, is_owner = await _ask_database(settings.database.url)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        tls, _, remedy = (explain_tls(error, "Postgres", "HEADRACE_DATABASE") or "").rpartition(": ")
        reason = f"names a Postgres that cannot be used: {tls or describe_outage(error)}"
        yield Refusal(variable, reason, remedy or "start Postgres, or correct the variable")
        return
    if gap is not None:
        yield Refusal(variable, "names a database that lacks migrations", gap)
    if is_owner and settings.env == "production" and process != "migrate":
        yield Refusal(
            variable,
            "names a role that may act as the owner of the audit, who can take away the triggers that keep it",
            "let one role own the tables and run `headrace migrate`; give the API another, which may INSERT and SELECT on audit",
            is_warning=True,
        )


async def _ask_database(url: str) -> tuple[str | None, bool]:
    """Ask what the database lacks, and whether the role of the URL may act as the owner of the audit."""
    connection = cast("asyncpg.Connection", await asyncpg.connect(url))
    try:
        return await find_gap_by_driver(connection), cast("bool", await connection.fetchval(OWNS_AUDIT))
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
