"""The servers of compose.yaml, from what this machine has: NATS with the same configuration, Postgres with the same role."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx

from headrace.embedded.nats import nats_server
from headrace.embedded.network import free_ports
from headrace.embedded.postgres import SOCKET_NAME, EmbeddedPostgres
from tests.image.stages import ROOT
from tests.waiting import until

CHUNK = 65_536  # bytes that are passed on at a time


@asynccontextmanager
async def nats_of(compose: Mapping[str, Any], place: Path) -> AsyncGenerator[str]:
    """Run a server with the configuration of the service; its URL. Its ports and its directory are others."""
    port, monitor = free_ports(2)
    here = {"0.0.0.0:4222": f"127.0.0.1:{port}", "127.0.0.1:8222": f"127.0.0.1:{monitor}", "/data": str(place)}
    configuration = place / "headrace.conf"
    configuration.write_text(
        re.sub("|".join(map(re.escape, here)), lambda found: here[found[0]], compose["configs"]["nats"]["content"])
    )
    accounts = compose["configs"]["nats-accounts"]["file"]
    (place / "nats-accounts.conf").write_bytes((ROOT / accounts).read_bytes())
    with (place / "nats.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(nats_server(), "-c", str(configuration)), env=compose["services"]["nats"]["environment"], stderr=log
        )

    async def is_healthy() -> bool:
        assert process.returncode is None, (place / "nats.log").read_text()
        with suppress(httpx.TransportError):
            return (await client.get(f"http://127.0.0.1:{monitor}/healthz")).is_success
        return False

    async with httpx.AsyncClient() as client:
        await until(is_healthy, "NATS")
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def postgres_of(compose: Mapping[str, Any], server: EmbeddedPostgres) -> AsyncGenerator[int]:
    """Make the role and the empty database of the service, and reach the server over TCP; the port."""
    given = compose["services"]["postgres"]["environment"]
    role, database = given["POSTGRES_USER"], given["POSTGRES_DB"]
    administrator = cast("asyncpg.Connection", await asyncpg.connect(server.url("postgres")))
    await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{given['POSTGRES_PASSWORD']}'")
    await administrator.execute(f"CREATE DATABASE {database} OWNER {role}")
    # The socket is open to the user of the server and to root alone.
    socket = str(server.socket_directory / SOCKET_NAME)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_pass_on(reader, before), _pass_on(behind, writer))

    try:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            yield listening.sockets[0].getsockname()[1]
    finally:
        await administrator.execute(f"DROP DATABASE {database} WITH (FORCE)")
        await administrator.execute(f"DROP ROLE {role}")
        await administrator.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
