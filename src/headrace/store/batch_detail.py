"""The queries for the page of one batch. None of them reads all of its tasks. `EVERYBODY` in place of an owner means any."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select, text

from headrace.contracts.batches import Batch
from headrace.contracts.screens.rows import Group
from headrace.contracts.tasks import FailureCode, TaskError, TaskSummary
from headrace.printable import printable_lines
from headrace.store import tables
from headrace.store.batch_rows import to_batch
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY, BatchRow, TaskSummaryRow
from headrace.store.tasks import SELECT_SUMMARY, to_task

FAILURES_READ_MAX = 1000  # the newest failed tasks of a batch, of which groups are made: some milliseconds
ENDS_READ_MAX = 500  # the newest ends of an owner, which tell how fast a batch goes

_B = tables.batches.c
_T = tables.tasks.c
_SELECT_BATCH = select(*columns_of(tables.batches, BatchRow)).where(_B.id == bindparam("batch"))
_SELECT_BATCH_OF_OWNER = _SELECT_BATCH.where(_B.owner == bindparam("owner"))
_SELECT_SLOWEST = (
    SELECT_SUMMARY.where(_T.batch == bindparam("batch"), _T.run_seconds.is_not(None))
    .order_by(_T.run_seconds.desc(), _T.id.desc())
    .limit(bindparam("limit"))
)
_SELECT_FAILED = text("""
    WITH failed AS MATERIALIZED (
        SELECT id, fingerprint, code, finished_at FROM tasks
        WHERE owner = :owner AND batch = :batch AND state = 'failed' ORDER BY created_at DESC, id DESC LIMIT :read
    ), alike AS (
        SELECT fingerprint, min(code) AS code, count(*) AS n, min(finished_at) AS first_at, max(finished_at) AS last_at,
               (array_agg(id ORDER BY finished_at DESC, id DESC))[1] AS newest
        FROM failed WHERE fingerprint IS NOT NULL GROUP BY fingerprint ORDER BY n DESC, last_at DESC LIMIT :limit
    )
    SELECT alike.*, t.error::text AS error, (SELECT count(*) FROM failed) AS counted
    FROM alike JOIN tasks t ON t.id = alike.newest ORDER BY alike.n DESC, alike.last_at DESC
""")
_SELECT_ENDS = text("""
    SELECT count(*) FILTER (WHERE batch = :batch), count(*), min(finished_at) FROM (
        SELECT batch, finished_at FROM tasks
        WHERE owner = :owner AND finished_at >= :since ORDER BY finished_at DESC LIMIT :read
    ) newest
""")


class Failures(NamedTuple):
    """Failed tasks of a batch that are alike, and of how many failed tasks these groups are made."""

    groups: list[Group]
    counted: int


class Ends(NamedTuple):
    """What ended lately.

    Attributes:
        of_batch: How many tasks of the batch.
        since: Since when that was counted.
    """

    of_batch: int
    since: datetime


async def find_batch(session: Reads, owner: str, batch: str) -> Batch | None:
    """Find one batch."""
    if owner == EVERYBODY:
        row = await fetch_row(session, BatchRow, _SELECT_BATCH, {"batch": batch})
    else:
        row = await fetch_row(session, BatchRow, _SELECT_BATCH_OF_OWNER, {"batch": batch, "owner": owner})
    return None if row is None else to_batch(row)


async def list_slowest(session: Reads, batch: str, limit: int) -> list[TaskSummary]:
    """List the tasks of a batch that ran for the longest."""
    rows = await fetch_rows(session, TaskSummaryRow, _SELECT_SLOWEST, {"batch": batch, "limit": limit})
    return [to_task(row, TaskSummary) for row in rows]


async def list_failed_alike(session: Reads, batch: Batch, limit: int) -> Failures:
    """List what the newest failed tasks of a batch have in common, the most frequent first."""
    asked = {"owner": batch.owner, "batch": batch.id, "read": FAILURES_READ_MAX, "limit": limit}
    rows = (await session.execute(_SELECT_FAILED, asked)).all()
    return Failures([_to_group(batch.kind, row) for row in rows], rows[0].counted if rows else 0)


async def read_ends(session: Reads, batch: Batch, since: datetime) -> Ends:
    """Count how many tasks of a batch have ended since a time, or since the oldest of the newest ends of its owner that are read."""
    asked = {"owner": batch.owner, "batch": batch.id, "since": since, "read": ENDS_READ_MAX}
    of_batch, of_owner, oldest = (await session.execute(_SELECT_ENDS, asked)).one()
    return Ends(of_batch, oldest if of_owner == ENDS_READ_MAX else since)


def _to_group(kind: str, row: Any) -> Group:
    return Group(
        fingerprint=row.fingerprint,
        kind=kind,
        code=FailureCode(row.code),
        message=printable_lines(msgspec.json.decode(row.error, type=TaskError).message),
        count=row.n,
        first_at=row.first_at,
        last_at=row.last_at,
        newest=row.newest,
    )
