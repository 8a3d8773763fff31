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
TRANSACTION_MILLISECONDS = (
    20_000  # likewise one that stops between two messages of a statement, which counts as neither idle
)
TRANSACTION_TIMEOUT_SINCE = 17  # the major version of Postgres
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
    expires_at: datetime | None
    queued_at: datetime | None
    fence: int
    headers: str
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


class BatchRow(msgspec.Struct, kw_only=True):
    """A row of `batches`. ``settled_sequence``: where its last `settled` stands, 0 for nowhere."""

    id: str
    kind: str
    priority: str
    owner: str
    name: str | None
    total: int
    pending: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    state: str
    created_at: datetime
    cancelled_at: datetime | None = None
    settled_at: datetime | None = None
    settled_sequence: int = 0
    epoch: int
    sequence: int


class ScheduleRow(msgspec.Struct, kw_only=True):
    """A row of `schedules`. ``announced_at``: a firing, past or to come, that others are counted from."""

    id: str
    owner: str
    definition: str
    created_at: datetime
    updated_at: datetime
    announced_at: datetime | None
    last_at: datetime | None
    last_task: str | None
    epoch: int
    sequence: int


_PG_TYPES = {
    "attempt": "int", "max_attempts": "int", "epoch": "bigint", "sequence": "bigint", "fence": "bigint",
    "expires_at": "timestamptz", "queued_at": "timestamptz", "due_at": "timestamptz", "created_at": "timestamptz", "started_at": "timestamptz", "finished_at": "timestamptz",
    "at": "timestamptz", "cancelled_at": "timestamptz", "settled_at": "timestamptz", "settled_sequence": "bigint",
    "updated_at": "timestamptz", "announced_at": "timestamptz", "last_at": "timestamptz",
    **dict.fromkeys(("total", "pending", "queued", "running", "succeeded", "failed", "cancelled"), "int"),
}  # fmt: skip
_JSON = frozenset({"input", "result", "error", "progress", "files", "data", "headers", "definition"})


def _insert(table: str, row: type[msgspec.Struct], conflict: str) -> str:
    columns = row.__struct_fields__
    arrays = ", ".join(f"${n}::{_PG_TYPES.get(name, 'text')}[]" for n, name in enumerate(columns, 1))
    selected = ", ".join(f"{name}::json" if name in _JSON else name for name in columns)
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {selected} FROM unnest({arrays}) AS page({names}) ON CONFLICT {conflict}"  # noqa: S608 - names are ours
    )


def _upsert(table: str, row: type[msgspec.Struct]) -> str:
    """Rows never go back in position."""
    columns = [name for name in row.__struct_fields__ if name not in ("id", "created_at")]
    return _insert(
        f"{table} AS t",
        row,
        "(id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in columns)
        + " WHERE (t.epoch, t.sequence) < (excluded.epoch, excluded.sequence)",
    )


_COLUMNS = ", ".join(TaskRow.__struct_fields__)
_LOAD_TASKS = f"SELECT {_COLUMNS} FROM tasks WHERE id = ANY($1::text[])"  # noqa: S608 - names are ours
_UPSERT_TASKS = _upsert("tasks", TaskRow)
_BATCH_COLUMNS = ", ".join(BatchRow.__struct_fields__)
_LOAD_BATCHES = f"SELECT {_BATCH_COLUMNS} FROM batches WHERE id = ANY($1::text[])"  # noqa: S608 - names are ours
_UPSERT_BATCHES = _upsert("batches", BatchRow)
_SCHEDULE_COLUMNS = ", ".join(ScheduleRow.__struct_fields__)
_LOAD_SCHEDULES = f"SELECT {_SCHEDULE_COLUMNS} FROM schedules WHERE id = ANY($1::text[])"  # noqa: S608 - names are ours
_NEXT_SCHEDULES = f"SELECT {_SCHEDULE_COLUMNS} FROM schedules WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608 - names are ours
_UPSERT_SCHEDULES = _upsert("schedules", ScheduleRow)
_DELETE_SCHEDULES = "DELETE FROM schedules WHERE id = ANY($1::text[])"
_OVER_BUT_OPEN = f"""
    SELECT {_BATCH_COLUMNS} FROM batches
    WHERE state = 'open' AND pending + queued + running = 0
      AND (succeeded + failed + cancelled >= total OR cancelled_at IS NOT NULL OR settled_sequence > 0)
"""  # noqa: S608 - names are ours
_OPEN_OF_CANCELLED_BATCHES = f"""
    SELECT t.* FROM batches b CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM tasks WHERE batch = b.id AND state IN ('pending', 'queued', 'running') LIMIT $1
    ) t
    WHERE b.state = 'open' AND b.cancelled_at IS NOT NULL
    LIMIT $1
"""  # noqa: S608 - names are ours
_UNFINISHED_BEFORE = f"""
    SELECT {_COLUMNS} FROM tasks
    WHERE state IN ('pending', 'queued', 'running') AND epoch < $1 AND id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - names are ours
_CHANGED_SINCE = f"""
    SELECT {_COLUMNS} FROM tasks WHERE epoch = $1 AND sequence >= $2 AND id > $3 ORDER BY id LIMIT $4
"""  # noqa: S608 - names are ours
_EXPIRED = f"SELECT {_COLUMNS} FROM tasks WHERE state IN ('pending', 'queued') AND expires_at <= $1 LIMIT $2"  # noqa: S608 - names are ours
_QUEUED_BEFORE = f"SELECT {_COLUMNS} FROM tasks WHERE state = 'queued' AND queued_at < $1 LIMIT $2"  # noqa: S608 - names are ours
_RUNNING_SINCE = f"SELECT {_COLUMNS} FROM tasks WHERE state = 'running' AND queued_at < $1 AND started_at < $2 LIMIT $3"  # noqa: S608 - names are ours
_OVERDUE = f"SELECT {_COLUMNS} FROM tasks WHERE state = 'pending' AND due_at < $1 ORDER BY due_at LIMIT $2"  # noqa: S608 - names are ours
_BEGIN_REPAIR = """
    INSERT INTO projection AS p (name, epoch, sequence) VALUES ('repair', $1, $2)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch,
        sequence = CASE WHEN p.epoch = excluded.epoch THEN least(p.sequence, excluded.sequence) ELSE excluded.sequence END
    RETURNING epoch, sequence
"""
_READ_REPAIR = "SELECT epoch, sequence FROM projection WHERE name = 'repair'"
_END_REPAIR = "DELETE FROM projection WHERE name = 'repair'"
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
                "plan_cache_mode": "force_custom_plan",  # one kept from when the tables were small reads all of them
            },
        )
        if connection.get_server_version().major >= TRANSACTION_TIMEOUT_SINCE:
            await connection.execute(f"SET transaction_timeout = {TRANSACTION_MILLISECONDS}")
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

    async def batches(self, ids: Sequence[str]) -> dict[str, BatchRow]:
        """The rows of these batches, as far as there are any, by id."""
        found: list[Any] = await self._connection.fetch(_LOAD_BATCHES, ids) if ids else []
        return {record["id"]: BatchRow(**record) for record in found}

    async def unsettled_batches(self) -> list[BatchRow]:
        """The batches that are over, and have no `settled` to say so."""
        return [BatchRow(**record) for record in await self._connection.fetch(_OVER_BUT_OPEN)]

    async def schedules(self, ids: Sequence[str]) -> dict[str, ScheduleRow]:
        """The rows of these schedules, as far as there are any, by id."""
        found: list[Any] = await self._connection.fetch(_LOAD_SCHEDULES, ids) if ids else []
        return {record["id"]: ScheduleRow(**record) for record in found}

    async def schedules_after(self, schedule: str, limit: int) -> list[ScheduleRow]:
        """The next schedules by id."""
        return [ScheduleRow(**record) for record in await self._connection.fetch(_NEXT_SCHEDULES, schedule, limit)]

    async def unfinished_before(self, epoch: int, after: str, limit: int) -> list[TaskRow]:
        """Tasks that are not final and last changed in an earlier log, by id."""
        return await self._tasks(_UNFINISHED_BEFORE, epoch, after, limit)

    async def changed_since(self, position: Position, after: str, limit: int) -> list[TaskRow]:
        """Tasks that last changed at or after a position, by id."""
        return await self._tasks(_CHANGED_SINCE, *position, after, limit)

    async def expired(self, now: datetime, limit: int) -> list[TaskRow]:
        """Tasks that nobody started in time."""
        return await self._tasks(_EXPIRED, now, limit)

    async def queued_before(self, before: datetime, limit: int) -> list[TaskRow]:
        """Tasks that are queued since before a time."""
        return await self._tasks(_QUEUED_BEFORE, before, limit)

    async def running_since(self, queued_before: datetime, started_before: datetime, limit: int) -> list[TaskRow]:
        """Tasks that run since before a time, and were queued before another."""
        return await self._tasks(_RUNNING_SINCE, queued_before, started_before, limit)

    async def overdue(self, before: datetime, limit: int) -> list[TaskRow]:
        """Tasks that are pending although they were due before a time."""
        return await self._tasks(_OVERDUE, before, limit)

    async def open_of_cancelled_batches(self, limit: int) -> list[TaskRow]:
        """Tasks that are not final, of batches that were cancelled."""
        return await self._tasks(_OPEN_OF_CANCELLED_BATCHES, limit)

    async def begin_repair(self, first_lost: Position) -> Position:
        """Write down from where on the log has lost what it had, unless that is written down; returns what stands there."""
        found = await self._connection.fetchrow(_BEGIN_REPAIR, *first_lost)
        return Position(found["epoch"], found["sequence"])

    async def repairing(self) -> Position | None:
        """From where on the log has lost what it had; None when nothing is to be repaired."""
        found = await self._connection.fetchrow(_READ_REPAIR)
        return Position(found["epoch"], found["sequence"]) if found else None

    async def end_repair(self) -> None:
        """Everything is repaired."""
        await self._connection.execute(_END_REPAIR)

    async def _tasks(self, query: str, *arguments: object) -> list[TaskRow]:
        return [TaskRow(**record) for record in await self._connection.fetch(query, *arguments)]

    async def write_page(
        self,
        tasks: Iterable[TaskRow],
        events: Iterable[EventRow],
        checkpoint: Position,
        batches: Iterable[BatchRow] = (),
        schedules: Iterable[ScheduleRow] = (),
        schedules_gone: Sequence[str] = (),
    ) -> None:
        """Write a page and its checkpoint, all or nothing; rows never go back in position.

        Raises:
            Unstorable: something in it is more than Postgres can hold.
        """
        try:
            async with self._connection.transaction():
                for statement, rows in (
                    (_UPSERT_TASKS, tasks),
                    (_INSERT_EVENTS, events),
                    (_UPSERT_BATCHES, batches),
                    (_UPSERT_SCHEDULES, schedules),
                ):
                    if columns := list(zip(*map(msgspec.structs.astuple, rows), strict=True)):
                        await self._connection.execute(statement, *columns)
                if schedules_gone:
                    await self._connection.execute(_DELETE_SCHEDULES, schedules_gone)
                await self._connection.execute(_WRITE_CHECKPOINT, checkpoint.epoch, checkpoint.sequence)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            raise Unstorable(str(error)) from error
