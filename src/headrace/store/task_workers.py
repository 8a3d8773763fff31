"""The query for the workers that run tasks. No column has them: the timeline says who started an attempt."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, bindparam, text

from headrace.contracts.events import EventName
from headrace.store.reading import text_in
from headrace.store.snapshot import Reads

_SELECT_WORKERS = text(f"""
    SELECT ids.id, started.worker FROM unnest(:ids) AS ids(id) CROSS JOIN LATERAL (
        SELECT {text_in("data", "worker")} AS worker FROM task_events
        WHERE task = ids.id AND event = '{EventName.STARTED}'
        ORDER BY epoch DESC, sequence DESC LIMIT 1
    ) started
""").bindparams(bindparam("ids", type_=ARRAY(Text)))  # noqa: S608 - the name is ours


async def find_workers(session: Reads, tasks: Sequence[str]) -> dict[str, str]:
    """Find the workers that started these tasks last, by the ids of the tasks."""
    if not tasks:
        return {}
    return {row[0]: row[1] for row in await session.execute(_SELECT_WORKERS, {"ids": tasks}) if row[1] is not None}
