"""One moment of the read model, read by the driver itself.

A session of SQLAlchemy takes four times as long for a small statement as its driver, and a screen makes a dozen of them. So a
statement is compiled here once, and run without the layers between.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self, cast

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.result import IteratorResult, Result, ScalarResult, SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncEngine

STATEMENTS_MAX = 512  # that are kept compiled; screens have some hundred

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A plan that is kept is made without the values of the parameters, and maybe while a table was small: one that reads all of a table is
# never the right one then. The driver prepares a statement again after five minutes, and Postgres plans again after each `ANALYZE`.
_KEEP_PLANS = "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"
_END = "COMMIT"
_NO_COLUMNS = SimpleResultMetaData([""])


class Reads(Protocol):
    """What queries are run in: a session, or a snapshot."""

    async def execute(
        self, statement: Executable, params: Mapping[str, Any] | None = None, /
    ) -> Result[*tuple[Any, ...]]:
        """Run a statement."""
        ...

    async def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> Any:
        """Run a statement; returns the first value of its first row, None when there is no row."""
        ...

    async def scalars(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> ScalarResult[Any]:
        """Run a statement; returns the first value of each row."""
        ...


class Snapshot:
    """A transaction that only reads, and whose statements all see the same moment.

    A statement is compiled when it is run for the first time, which takes longer than to run it. So it is built once, with a
    `bindparam` for each value. Values pass as the driver takes and gives them; a list of values goes to ``= ANY``, not to ``IN``.

    Args:
        driver: The connection of the driver. The transaction begins and ends with ``async with``.
        keeps_plans: Whether Postgres plans a statement once, and not each time for its values. To plan one takes several times as
            long as to run it, where each part of it has an index whatever the values are.

    Attributes:
        is_at_rest: Whether every statement that was begun has ended well.
    """

    def __init__(self, driver: Any, *, keeps_plans: bool) -> None:
        self._driver = driver
        self._begin = _BEGIN + _KEEP_PLANS if keeps_plans else _BEGIN
        self.is_at_rest = True

    async def __aenter__(self) -> Self:
        await self._end_well(self._driver.execute(self._begin))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_at_rest:
            await self._end_well(self._driver.execute(_END))

    async def execute(
        self, statement: Executable, params: Mapping[str, Any] | None = None, /
    ) -> Result[*tuple[Any, ...]]:
        """Run a statement."""
        rows = await self._fetch(statement, params)
        columns = SimpleResultMetaData(list(rows[0].keys())) if rows else _NO_COLUMNS
        return IteratorResult(columns, map(tuple, rows))

    async def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> Any:
        """Run a statement; returns the first value of its first row, None when there is no row."""
        rows = await self._fetch(statement, params)
        return rows[0][0] if rows else None

    async def scalars(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> ScalarResult[Any]:
        """Run a statement; returns the first value of each row."""
        return (await self.execute(statement, params)).scalars()

    async def _fetch(self, statement: Executable, params: Mapping[str, Any] | None) -> list[Any]:
        compiled = _compile(statement)
        return await self._end_well(self._driver.fetch(compiled.sql, *compiled.arguments(params)))

    async def _end_well(self, running: Awaitable[Any]) -> Any:
        """Wait for something, and note when it does not end well."""
        self.is_at_rest = False
        found = await running
        self.is_at_rest = True
        return found


@asynccontextmanager
async def open_snapshot(engine: AsyncEngine, *, keeps_plans: bool) -> AsyncGenerator[Snapshot]:
    """Open a snapshot for the block, on a connection of an engine; see `Snapshot`."""
    async with engine.connect() as connection:
        snapshot = Snapshot((await connection.get_raw_connection()).driver_connection, keeps_plans=keeps_plans)
        try:
            async with snapshot:
                yield snapshot
        finally:
            if not snapshot.is_at_rest:
                # A statement goes on, or has broken the transaction, and nobody waits for how that ends.
                await connection.invalidate()


class _Compiled(NamedTuple):
    """A statement as the driver takes it: the names of its parameters in their order, and the values of those that have one."""

    sql: str
    names: tuple[str, ...]
    values: Mapping[str, Any]

    def arguments(self, params: Mapping[str, Any] | None) -> list[Any]:
        """Return the values of the parameters in their order."""
        values = self.values if params is None else {**self.values, **params}
        return [values[name] for name in self.names]


@lru_cache(STATEMENTS_MAX)
def _compile(statement: Executable) -> _Compiled:
    compiled: Any = cast("Any", statement).compile(dialect=PGDialect_asyncpg())
    names = tuple(compiled.positiontup)
    return _Compiled(
        compiled.string, names, {name: value for name, value in compiled.params.items() if value is not None}
    )
