"""The queries about what needs attention: schedules that do not fire, and kinds that are paused. Each reads some hundred rows at most."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import text

from headrace.contracts.audit import Action
from headrace.contracts.schedules import ScheduleDefinition
from headrace.cron import following, is_active
from headrace.store.snapshot import Reads

SCHEDULES_READ_MAX = 200  # of an owner, the oldest; to compute the firings of one takes some ten microseconds
SCHEDULE_BYTES_MAX = 2 << 20  # of their definitions, each of which may have an input of 256 KB
STUCK_SECONDS = 120.0  # after a firing was due; the projector sets lost timers again within a minute

_decode_definition = msgspec.json.Decoder(ScheduleDefinition).decode


class Firing(NamedTuple):
    """A schedule and its firings.

    Attributes:
        id: Its id.
        name: What people call it.
        kind: The kind of its tasks.
        next_at: When it fires next; None when it does not.
        missed_at: When it should have fired and did not; None when it fires as it should.
        since: Since when it is as it is.
    """

    id: str
    name: str | None
    kind: str
    next_at: datetime | None
    missed_at: datetime | None
    since: datetime


_FIRINGS = text(f"""
    SELECT id, definition, updated_at, announced_at, last_at FROM (
        SELECT id, definition::text AS definition, created_at, updated_at, announced_at, last_at,
               sum(bytes) OVER (ORDER BY created_at, id) - bytes AS bytes_before
        FROM (
            SELECT *, pg_column_size(definition) AS bytes FROM schedules WHERE owner = :owner
            ORDER BY created_at, id LIMIT {SCHEDULES_READ_MAX}
        ) oldest
    ) measured
    WHERE bytes_before < {SCHEDULE_BYTES_MAX} ORDER BY created_at, id
""")  # noqa: S608 - numbers are ours
_PAUSED = text(f"""
    SELECT kinds.kind, newest.at, newest.actor FROM unnest(CAST(:kinds AS text[])) AS kinds(kind) CROSS JOIN LATERAL (
        SELECT at, actor FROM audit WHERE subject = kinds.kind AND action = '{Action.KIND_PAUSED}' ORDER BY at DESC, id DESC LIMIT 1
    ) newest
""")  # noqa: S608 - the name is ours


async def list_firings(session: Reads, owner: str, now: datetime) -> list[Firing]:
    """List an owner's schedules that are not paused with their firings, the oldest `SCHEDULES_READ_MAX` of them.

    Of schedules with large inputs there are fewer, see `SCHEDULE_BYTES_MAX`.
    """
    rows = await session.execute(_FIRINGS, {"owner": owner})
    return list(_firings(rows, now))


def _firings(rows: Iterable[Any], now: datetime) -> Iterator[Firing]:
    for id_, encoded, updated_at, announced_at, last_at in rows:
        definition = _decode_definition(encoded)
        if not is_active(definition, now):
            continue
        due_at = due_firing(definition, announced_at, last_at)
        is_missed = due_at is not None and due_at < now - timedelta(seconds=STUCK_SECONDS)
        yield Firing(
            id=id_,
            name=definition.name,
            kind=definition.kind,
            next_at=following(definition, now, announced_at or now),
            missed_at=due_at if is_missed else None,
            since=max(updated_at, last_at or updated_at),
        )


def due_firing(
    definition: ScheduleDefinition, announced_at: datetime | None, last_at: datetime | None
) -> datetime | None:
    """Return the firing that comes next after the last one that submitted a task; None when none is known.

    Args:
        definition: The schedule.
        announced_at: A firing, past or to come, that the log has told of.
        last_at: When a firing submitted a task last.
    """
    if announced_at is None:
        return None
    if last_at is None or last_at < announced_at:
        return announced_at
    return following(definition, last_at, announced_at)


async def find_pauses(session: Reads, kinds: Collection[str]) -> dict[str, tuple[datetime, str | None]]:
    """Find when kinds were paused last, and by whom, as far as the audit has it."""
    if not kinds:
        return {}
    rows = await session.execute(_PAUSED, {"kinds": list(kinds)})
    return {kind: (at, actor) for kind, at, actor in rows}
