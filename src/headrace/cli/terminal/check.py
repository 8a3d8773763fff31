"""`headrace check`: say what production refuses of the settings, and whether the servers can be reached and are as they should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import cast

import asyncpg
import httpx
import msgspec

from headrace.cli.terminal.check_nats import CONNECT_SECONDS, check_nats
from headrace.cli.terminal.output import show
from headrace.settings import Settings
from headrace.settings.hiding import hide_secrets
from headrace.settings.production import Process, Refusal
from headrace.store.revision import find_gap_by_driver

EXIT_REFUSED = 1

_Check = Callable[[Settings], AsyncGenerator[Refusal]]


async def check(
    settings: Settings, process: Process | None, refused: list[Refusal], *, explain: bool, connect: bool
) -> int:
    """Print what is to be mended, by the name of its variable, and return the exit code: 1 when there is something.

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
    if not found:
        show(f"{settings.env}: nothing is refused" + ("" if connect else "; --connect asks the servers, too"))
    return EXIT_REFUSED if found else 0


def describe(settings: Settings, found: list[Refusal], *, explain: bool) -> list[str]:
    """Return a line for each refusal, and one for its remedy. No secret of the settings is in any of them."""
    lines = [
        line
        for refusal in found
        for line in (f"{refusal.variable} {refusal.reason}", *([f"    {refusal.remedy}"] if explain else []))
    ]
    return [hide_secrets(line, settings) for line in lines]


async def _ask_servers(settings: Settings, process: Process | None, refused: set[str]) -> list[Refusal]:
    """Ask every server that the process uses, at the same time."""
    checks: list[_Check] = []
    if process != "migrate":
        checks += [partial(check_nats, process=process, refused=refused), _monitor]
    if process not in ("worker", "provision"):
        checks.append(_database)
    return [
        refusal for group in await asyncio.gather(*(_gather(each, settings) for each in checks)) for refusal in group
    ]


async def _gather(check_server: _Check, settings: Settings) -> list[Refusal]:
    return [refusal async for refusal in check_server(settings)]


async def _monitor(settings: Settings) -> AsyncGenerator[Refusal]:
    """Ask the monitoring ports; a client of NATS is not told how its servers flush."""
    urls = settings.nats.monitor.split(",") if settings.nats.monitor else []
    async with httpx.AsyncClient(timeout=CONNECT_SECONDS, trust_env=False) as http:
        for url in urls:
            if (problem := await _flushing_problem(http, url.strip().rstrip("/"), settings)) is not None:
                yield problem


async def _flushing_problem(http: httpx.AsyncClient, url: str, settings: Settings) -> Refusal | None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            answer = await http.get(f"{url}/varz")
        varz = msgspec.json.decode(answer.raise_for_status().content, type=dict[str, object])
    except (httpx.HTTPError, TimeoutError, msgspec.DecodeError) as error:
        reason = f"{url} does not answer as a monitoring port ({type(error).__name__})"
        return Refusal(
            "HEADRACE_NATS_MONITOR", reason, "name the monitoring port of each nats-server, as http://nats-0:8222"
        )
    always = '"sync_always":true' in msgspec.json.encode(varz.get("jetstream")).decode()
    if settings.env != "production" or always:
        return None
    return Refusal(
        "HEADRACE_NATS_SYNC",
        f"is not what the server of {url} does",
        "set `sync_interval: always` in the jetstream block of that nats-server",
    )


async def _database(settings: Settings) -> AsyncGenerator[Refusal]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            gap = await _find_gap(settings.database.url)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = f"names a Postgres that cannot be used: {str(error) or type(error).__name__}"
        yield Refusal("HEADRACE_DATABASE_URL", reason, "start Postgres, or correct the variable")
        return
    if gap is not None:
        yield Refusal("HEADRACE_DATABASE_URL", "names a database that lacks migrations", gap)


async def _find_gap(url: str) -> str | None:
    connection = cast("asyncpg.Connection", await asyncpg.connect(url))
    try:
        return await find_gap_by_driver(connection)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
