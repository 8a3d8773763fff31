"""Removing from the read model what has been over for longer than it is kept, a few rows in a transaction.

A batch is removed whole, when it has settled for so long: first its row, then its tasks, like tasks of no batch. So the counts of
a batch that is shown are those of tasks that are shown, and a task that is deleted afterwards has no batch to be counted in.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from headrace.contracts.run_time_settings import Retention
from headrace.store.file_projection import DELETE_FILES_OF_TASKS
from headrace.store.tally import REMOVED, Removed, Tally

CONNECT_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 10.0

SESSION_SETTINGS = {
    "application_name": "headrace-retention",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    # What a crash takes back is removed once more, so no removal waits for the disk.
    "synchronous_commit": "off",
    # The projector, which writes rows, never waits for this session for long, nor this one for it.
    "lock_timeout": "1s",
}

# Of a large table, this reads one entry of an index for each kind.
_KINDS = """
    WITH RECURSIVE of_tasks AS (
        (SELECT kind FROM tasks WHERE finished_at IS NOT NULL ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT (SELECT t.kind FROM tasks t WHERE t.finished_at IS NOT NULL AND t.kind > k.kind ORDER BY t.kind LIMIT 1)
        FROM of_tasks k WHERE k.kind IS NOT NULL
    ), of_batches AS (
        (SELECT kind FROM batches WHERE state = 'settled' ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT (SELECT b.kind FROM batches b WHERE b.state = 'settled' AND b.kind > k.kind ORDER BY b.kind LIMIT 1)
        FROM of_batches k WHERE k.kind IS NOT NULL
    ), of_activity AS (
        (SELECT kind FROM activity ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT (SELECT a.kind FROM activity a WHERE a.kind > k.kind ORDER BY a.kind LIMIT 1)
        FROM of_activity k WHERE k.kind IS NOT NULL
    )
    SELECT kind FROM of_tasks WHERE kind IS NOT NULL
    UNION SELECT kind FROM of_batches WHERE kind IS NOT NULL
    UNION SELECT kind FROM of_activity WHERE kind IS NOT NULL
    ORDER BY kind
"""
_REMOVE_BATCHES = """
    DELETE FROM batches WHERE id IN (
        SELECT id FROM batches WHERE state = 'settled' AND kind = $1 AND settled_at < $2
        ORDER BY settled_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )
"""
_REMOVE_ACTIVITY = """
    DELETE FROM activity WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM activity WHERE kind = $1 AND at < $2 ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED
    ))
"""
# A task that is run again while this waits has no finish any more, and is spared.
_REMOVE_TASKS = f"""
    WITH old AS (
        SELECT id, finished_at FROM tasks t
        WHERE kind = $1 AND finished_at >= $2 AND finished_at < $3
          AND (batch IS NULL OR NOT EXISTS (SELECT FROM batches b WHERE b.id = t.batch))
        ORDER BY finished_at LIMIT $4 FOR UPDATE OF t SKIP LOCKED
    )
    DELETE FROM tasks USING old WHERE tasks.id = old.id RETURNING tasks.id, {REMOVED}
"""  # noqa: S608 - names are ours
_SETTINGS = "SELECT document::text AS document FROM run_time_settings ORDER BY version DESC LIMIT 1"
_REMOVE_EVENTS = "DELETE FROM task_events WHERE task = ANY($1::text[])"


class _KeptSettings(msgspec.Struct, frozen=True):
    """What the settings say of retention, of which every field has to be known; the others are passed over."""

    retention: Retention = msgspec.field(default_factory=Retention)


_decode = msgspec.json.Decoder(_KeptSettings).decode


class RemovedTasks(NamedTuple):
    """What one transaction has removed.

    Attributes:
        tasks: How many tasks.
        entries: How many entries of their timelines.
        youngest: When the youngest of these tasks finished.
        owners: The owners of these tasks.
    """

    tasks: int
    entries: int
    youngest: datetime
    owners: Collection[str]


async def read_retention(connection: Any) -> Retention:
    """Return for how long the newest settings keep what has finished.

    Raises:
        msgspec.MsgspecError: A later version has written of retention what this one does not know: nothing may be removed.
    """
    document = await connection.fetchval(_SETTINGS)
    return Retention() if document is None else _decode(document).retention


class RetentionSession:
    """A session in Postgres of its own, so that the projector's is not kept waiting."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> RetentionSession:
        """Open a session.

        Raises:
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: Postgres refuses.
        """
        return cls(
            await cast("Any", asyncpg).connect(
                url,
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=STATEMENT_TIMEOUT_SECONDS,
                server_settings=SESSION_SETTINGS,
            )
        )

    def close(self) -> None:
        """Drop the connection; does not wait for a Postgres that may not answer."""
        self._connection.terminate()

    async def read_retention(self) -> Retention:
        """Return for how long the newest settings keep what.

        They are read here and not from the log, because a log that was lost says nothing of what is to be kept for ever.

        Raises:
            msgspec.MsgspecError: A later version has written settings that this one does not know.
        """
        return await read_retention(self._connection)

    async def list_kinds(self) -> list[str]:
        """List the kinds of which the read model has finished tasks, settled batches or counts."""
        return [record["kind"] for record in await self._connection.fetch(_KINDS)]

    async def remove_batches(self, kind: str, before: datetime, limit: int) -> int:
        """Remove the rows of batches that have settled before a time, the oldest first, and return how many."""
        removed = await self._connection.execute(_REMOVE_BATCHES, kind, before, limit)
        return int(removed.rpartition(" ")[2])

    async def remove_activity(self, kind: str, before: datetime, limit: int) -> int:
        """Remove counts of minutes and hours that began before a time, the oldest first, and return how many rows."""
        removed = await self._connection.execute(_REMOVE_ACTIVITY, kind, before, limit)
        return int(removed.rpartition(" ")[2])

    async def remove_tasks(self, kind: str, since: datetime, before: datetime, limit: int) -> RemovedTasks:
        """Remove tasks that finished within a time, the oldest first, with their timelines; none of a batch that is shown.

        Args:
            kind: The kind of the tasks.
            since: The earliest finish, from which the index is read.
            before: The time before which they finished.
            limit: How many tasks are removed at most.
        """
        async with self._connection.transaction():
            found = await self._connection.fetch(_REMOVE_TASKS, kind, since, before, limit)
            if not found:
                return RemovedTasks(0, 0, before, ())
            removed = [record["id"] for record in found]
            entries = await self._connection.execute(_REMOVE_EVENTS, removed)
            await self._connection.execute(DELETE_FILES_OF_TASKS, removed)
            tally = Tally()
            tally.remove_all(Removed(*rest) for _, *rest in found)
            owners = await tally.write(self._connection)
        youngest = max(record["finished_at"] for record in found)
        return RemovedTasks(len(found), int(entries.rpartition(" ")[2]), youngest, owners)
