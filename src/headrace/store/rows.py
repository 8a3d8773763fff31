"""What the projector reads and writes: one row a task, a line an event, and the checkpoint, in one transaction a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from headrace.contracts.positions import Position

CONNECT_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0
IDLE_SESSION_MILLISECONDS = 6000  # a leader that says nothing for this long is dead or stopped, and loses its lock
LEADER_LOCK = 0x48_52_50  # any number, the same in every projector ("HRP")


class TaskRow(msgspec.Struct, kw_only=True):
    """A row of `tasks`; the JSON columns as text."""

    id: str
    kind: str
    priority: str
    owner: str
    batch: str | None
    state: str
    attempt: int
    max_attempts: int | None
    input: str
    result: str | None
    error: str | None
    progress: str | None
    files: str
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    epoch: int
    sequence: int


class EventRow(msgspec.Struct, kw_only=True):
    """A row of `task_events`."""

    epoch: int
    sequence: int
    task: str
    event: str
    at: datetime
    attempt: int
    data: str


_PG_TYPES = {
    "attempt": "int", "max_attempts": "int", "epoch": "bigint", "sequence": "bigint",
    "due_at": "timestamptz", "created_at": "timestamptz", "started_at": "timestamptz", "finished_at": "timestamptz",
    "at": "timestamptz",
}  # fmt: skip
_JSON = frozenset({"input", "result", "error", "progress", "files", "data"})


def _insert(table: str, row: type[msgspec.Struct], conflict: str) -> str:
    columns = row.__struct_fields__
    arrays = ", ".join(f"${n}::{_PG_TYPES.get(name, 'text')}[]" for n, name in enumerate(columns, 1))
    selected = ", ".join(f"{name}::json" if name in _JSON else name for name in columns)
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {selected} FROM unnest({arrays}) AS page({names}) ON CONFLICT {conflict}"  # noqa: S608 - names are ours
    )


_COLUMNS = ", ".join(TaskRow.__struct_fields__)
_LOAD_TASKS = f"SELECT {_COLUMNS} FROM tasks WHERE id = ANY($1::text[])"  # noqa: S608 - names are ours
_UPSERT_TASKS = _insert(
    "tasks AS t",
    TaskRow,
    "(id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in TaskRow.__struct_fields__ if name not in ("id", "created_at"))
    + " WHERE (t.epoch, t.sequence) < (excluded.epoch, excluded.sequence)",
)
_INSERT_EVENTS = _insert("task_events", EventRow, "DO NOTHING")
_READ_CHECKPOINT = "SELECT epoch, sequence FROM projection WHERE name = 'tasks'"
_WRITE_CHECKPOINT = """
    INSERT INTO projection AS p (name, epoch, sequence) VALUES ('tasks', $1, $2)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence
"""


class Unstorable(Exception):
    """A value that the log has cannot stand in the read model: a number too large, JSON nested too deep."""


class ReadModel:
    """The projector's connection. Whoever holds the lock on it is the one active projector.

    Pages are written on the connection that holds the lock: a projector that lost it cannot write.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> ReadModel:
        """Connect.

        Raises:
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: it refuses.
        """
        connection = await cast("Any", asyncpg).connect(
            url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
            server_settings={
                "application_name": "headrace-projector",
                "idle_session_timeout": str(IDLE_SESSION_MILLISECONDS),
                "idle_in_transaction_session_timeout": str(IDLE_SESSION_MILLISECONDS),
                "jit": "off",
            },
        )
        return cls(connection)

    def close(self) -> None:
        """Drop the connection, which gives up the lock; does not wait for a Postgres that may not answer."""
        self._connection.terminate()

    async def try_lead(self) -> bool:
        """Try to become the one active projector; holds for the life of the connection."""
        return await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)

    async def stay(self) -> None:
        """Say something, so that the session is not taken for dead."""
        await self._connection.execute("SELECT 1")

    async def checkpoint(self) -> Position | None:
        """How far the read model has come; None before the first page."""
        found = await self._connection.fetchrow(_READ_CHECKPOINT)
        return Position(found["epoch"], found["sequence"]) if found else None

    async def tasks(self, ids: Sequence[str]) -> dict[str, TaskRow]:
        """The rows of these tasks, as far as there are any, by id."""
        return {record["id"]: TaskRow(**record) for record in await self._connection.fetch(_LOAD_TASKS, ids)}

    async def write_page(self, tasks: Iterable[TaskRow], events: Iterable[EventRow], checkpoint: Position) -> None:
        """Write a page and its checkpoint, all or nothing; rows never go back in position.

        Raises:
            Unstorable: something in it is more than Postgres can hold.
        """
        try:
            async with self._connection.transaction():
                for statement, rows in ((_UPSERT_TASKS, tasks), (_INSERT_EVENTS, events)):
                    if columns := list(zip(*map(msgspec.structs.astuple, rows), strict=True)):
                        await self._connection.execute(statement, *columns)
                await self._connection.execute(_WRITE_CHECKPOINT, checkpoint.epoch, checkpoint.sequence)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            raise Unstorable(str(error)) from error
