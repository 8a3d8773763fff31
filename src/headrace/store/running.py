"""The query for how long the tasks of a kind have run that run now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, text

from headrace.contracts.tasks import State
from headrace.store.snapshot import Reads

RUNNING_READ_MAX = 100  # tasks; as many say how long those of a kind have run

_SELECT_AGE = text(f"""
    SELECT avg(EXTRACT(EPOCH FROM CAST(:now AS timestamptz) - started_at))::float8 FROM (
        SELECT started_at FROM tasks
        WHERE state = '{State.RUNNING}' AND kind = :kind AND started_at IS NOT NULL
        LIMIT :bound
    ) running
""").bindparams(bindparam("bound", RUNNING_READ_MAX))  # noqa: S608 - the name is ours


async def read_running_seconds(session: Reads, kind: str, now: datetime) -> float | None:
    """Read for how many seconds the tasks of a kind have run that run now, on average; None when none does.

    Args:
        session: A session on the read model.
        kind: The kind.
        now: The time by the clock of the log.
    """
    return (await session.execute(_SELECT_AGE, {"kind": kind, "now": now})).scalar_one()
