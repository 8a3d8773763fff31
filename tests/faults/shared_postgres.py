"""The Postgres servers that runs share: one that stays, and one that faults may stop, each with a migrated database to copy."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.settings import DatabaseSettings
from headrace.store.migrate import migrate

TEMPLATE = "template_headrace"

_numbers = itertools.count(1)


@contextmanager
def temporary_place() -> Generator[Path]:
    """A directory that is gone afterwards, and that the user which Postgres becomes as root may enter."""
    path = Path(tempfile.mkdtemp(prefix="headrace-faults-", dir="/tmp")).resolve()
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Server:
    """A Postgres with a database to copy."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres

    async def open(self) -> None:
        """Start it, and make the database to copy."""
        await self.postgres.start()
        url = await self.postgres.create(TEMPLATE)
        await asyncio.to_thread(migrate, DatabaseSettings(url=url))

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[str]:
        """A migrated database of its own, dropped afterwards."""
        name = f"faults_{next(_numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        try:
            yield self.postgres.url(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class SharedPostgres:
    """Both servers. Each is started when it is first needed.

    Args:
        place: Where their data is.
        stack: Ends them.
        lasting: One that runs already; a new one when None.
    """

    def __init__(self, place: Path, stack: AsyncExitStack, lasting: EmbeddedPostgres | None = None) -> None:
        self._place = place
        self._stack = stack
        self._lasting = lasting
        self._servers: dict[str, Server] = {}

    async def server(self, *, expendable: bool) -> Server:
        """Return a running server, the expendable one for a fault that stops it."""
        name = "expendable" if expendable else "lasting"
        if name not in self._servers:
            borrowed = None if expendable else self._lasting
            postgres = borrowed or EmbeddedPostgres(self._place / name)
            server = Server(postgres)
            if borrowed is None:
                self._stack.push_async_callback(postgres.stop)
            await server.open()
            self._servers[name] = server
        return self._servers[name]


@asynccontextmanager
async def open_shared_postgres(lasting: EmbeddedPostgres | None = None) -> AsyncGenerator[SharedPostgres]:
    """SharedPostgres for any number of runs; ``lasting`` is a Postgres that runs already."""
    with temporary_place() as place:
        async with AsyncExitStack() as stack:
            yield SharedPostgres(place, stack, lasting)
