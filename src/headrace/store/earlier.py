"""The query for what stands before a task in the lanes of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, bindparam, text

from headrace.contracts.tasks import Priority, State
from headrace.store.snapshot import Reads

# A task that is due and not queued yet comes behind all that are.
_COUNT_EARLIER = text(f"""
    SELECT place.since, p.priority, earlier.n
    FROM (
        SELECT kind, CASE WHEN state = '{State.QUEUED}' THEN queued_at ELSE now() END AS since FROM tasks WHERE id = :task
    ) place CROSS JOIN unnest(:priorities) AS p(priority) CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM (
            SELECT FROM tasks t
            WHERE t.state = '{State.QUEUED}' AND t.kind = place.kind AND t.priority = p.priority AND t.queued_at < place.since
            LIMIT :bound
        ) counted
    ) earlier
""").bindparams(bindparam("priorities", type_=ARRAY(Text)))  # noqa: S608 - the name is ours


class Place(NamedTuple):
    """Where a task stands.

    Attributes:
        since: Since when it has been queued; now for one that is not.
        earlier: How many tasks of its kind, of all owners, have been queued for longer, by priority.
    """

    since: datetime
    earlier: Mapping[Priority, int]


async def find_place(session: Reads, task: str, bound: int) -> Place | None:
    """Find where a task stands, counting up to ``bound`` tasks of each priority; None when it is gone."""
    asked = {"task": task, "priorities": list(Priority), "bound": bound}
    rows = (await session.execute(_COUNT_EARLIER, asked)).all()
    return Place(rows[0][0], {Priority(row[1]): row[2] for row in rows}) if rows else None
