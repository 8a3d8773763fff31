"""What the projector's recovery asks of the read model after the log was lost or has lost its end."""

from __future__ import annotations

from headrace.contracts.positions import Position
from headrace.store import tables
from headrace.store.leadership import LeaderSession
from headrace.store.statements import column_names
from headrace.store.tables import TaskRow

_COLUMNS = column_names(tables.tasks)
_UNFINISHED_BEFORE = f"""
    SELECT {_COLUMNS} FROM tasks
    WHERE state IN ('pending', 'queued', 'running') AND epoch < $1 AND id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - names are ours
_CHANGED_SINCE = f"""
    SELECT {_COLUMNS} FROM tasks WHERE epoch = $1 AND sequence >= $2 AND id > $3 ORDER BY id LIMIT $4
"""  # noqa: S608 - names are ours
_BEGIN_REPAIR = """
    INSERT INTO projection AS p (name, epoch, sequence) VALUES ('repair', $1, $2)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch,
        sequence = CASE WHEN p.epoch = excluded.epoch THEN least(p.sequence, excluded.sequence) ELSE excluded.sequence END
    RETURNING epoch, sequence
"""
_READ_REPAIR = "SELECT epoch, sequence FROM projection WHERE name = 'repair'"
_END_REPAIR = "DELETE FROM projection WHERE name = 'repair'"


async def begin_repair(session: LeaderSession, first_lost: Position) -> Position:
    """Write down the first position that the log has lost.

    Returns:
        The position from which to repair: an earlier one when a repair of the same log began before and did not end.
    """
    found = await session.connection.fetchrow(_BEGIN_REPAIR, *first_lost)
    return Position(found["epoch"], found["sequence"])


async def is_repair_pending(session: LeaderSession) -> bool:
    """Whether a repair began and did not end."""
    return await session.connection.fetchrow(_READ_REPAIR) is not None


async def end_repair(session: LeaderSession) -> None:
    """Write down that everything is repaired."""
    await session.connection.execute(_END_REPAIR)


async def list_unfinished_before(session: LeaderSession, epoch: int, after: str, limit: int) -> list[TaskRow]:
    """List the tasks, by id and after an id, that are not final and changed last in an earlier log."""
    found = await session.connection.fetch(_UNFINISHED_BEFORE, epoch, after, limit)
    return [TaskRow(**record) for record in found]


async def list_changed_since(session: LeaderSession, position: Position, after: str, limit: int) -> list[TaskRow]:
    """List the tasks, by id and after an id, that changed last at or after a position."""
    found = await session.connection.fetch(_CHANGED_SINCE, *position, after, limit)
    return [TaskRow(**record) for record in found]
