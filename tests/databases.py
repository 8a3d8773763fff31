"""Databases of one Postgres for tests: copies of one that was migrated once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.settings import DatabaseSettings
from headrace.store.migrate import migrate

TEMPLATE = "template_headrace"

_numbers = itertools.count(1)


class Databases:
    """A Postgres with a migrated database, of which it makes copies."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres

    async def prepare(self) -> None:
        """Make the database to copy."""
        # A crash of Postgres takes nothing that it has written, and no test outlives the machine.
        await self._execute("ALTER SYSTEM SET fsync = off")
        await self._execute("SELECT pg_reload_conf()")
        url = await self.postgres.create(TEMPLATE)
        await asyncio.to_thread(migrate, DatabaseSettings(url=url))

    async def make(self) -> str:
        """Make a migrated database without rows, and return its URL."""
        return self.postgres.url(await self._copy())

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[str]:
        """A database as `make` makes it, dropped afterwards."""
        name = await self._copy()
        try:
            yield self.postgres.url(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _copy(self) -> str:
        name = f"copy_{next(_numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        return name

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
