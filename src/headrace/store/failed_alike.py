"""The queries about the tasks of one group of failures. `EVERYBODY` in place of an owner means all owners."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, bindparam, literal_column, select, tuple_

from headrace.contracts.tasks import State, StoredFile, TaskError, TaskSummary
from headrace.store import tables
from headrace.store.cursors import Cursor
from headrace.store.reading import fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY, TaskSummaryRow
from headrace.store.tasks import SELECT_SUMMARY, to_task

# Spelled out, so that Postgres knows without looking at parameters that an index has what is asked for.
_FAILED: ColumnElement[str] = literal_column(f"'{State.FAILED}'")
_C = tables.tasks.c
_decode_files = msgspec.json.Decoder(tuple[StoredFile, ...]).decode


class FailedTask(NamedTuple):
    """A task that failed, with what is needed to find the cause.

    Attributes:
        id: Its id.
        traceback: Where the handler raised; None for failures without one.
        input: Its input as JSON.
        files: Its files, one of which has the input when that is too large for an event.
    """

    id: str
    traceback: str | None
    input: str
    files: tuple[StoredFile, ...]


async def list_failed_alike(
    session: Reads, owner: str, fingerprint: str, since: datetime | None, after: Cursor | None, limit: int
) -> tuple[list[TaskSummary], Cursor | None]:
    """List one page of the tasks of a group, those that failed last first.

    Args:
        session: A session.
        owner: Whose tasks.
        fingerprint: What they have in common.
        since: They failed since then; None for any time.
        after: The end of the page before.
        limit: How many the page has at most.

    Returns:
        The tasks, and where the next page begins; None on the last page.
    """
    asked = _asked(owner, fingerprint, since) | {"limit": limit + 1}
    if after is not None:
        asked |= {"after_at": after.created_at, "after_id": after.id}
    rows = await fetch_rows(session, TaskSummaryRow, _select(frozenset(asked)), asked)
    page = rows[:limit]
    more = None
    if len(rows) > limit and (last_at := page[-1].finished_at) is not None:
        more = Cursor(last_at, page[-1].id)
    return [to_task(row, TaskSummary) for row in page], more


async def find_newest_alike(session: Reads, owner: str, fingerprint: str, since: datetime | None) -> FailedTask | None:
    """Find the task of a group that failed last; None when there is none any more."""
    asked = _asked(owner, fingerprint, since)
    query = _select_newest(frozenset(asked))
    row = (await session.execute(query, asked)).one_or_none()
    if row is None:
        return None
    return FailedTask(
        row.id, msgspec.json.decode(row.error, type=TaskError).traceback, row.input, _decode_files(row.files)
    )


def _asked(owner: str, fingerprint: str, since: datetime | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"fingerprint": fingerprint}
    if owner != EVERYBODY:
        asked["owner"] = owner
    if since is not None:
        asked["since"] = since
    return asked


@cache
def _select(asked: frozenset[str]) -> Select[Any]:
    return _of_group(SELECT_SUMMARY, asked).limit(bindparam("limit"))


@cache
def _select_newest(asked: frozenset[str]) -> Select[Any]:
    return _of_group(select(_C.id, _C.error, _C.input, _C.files), asked).limit(1)


def _of_group(query: Any, asked: frozenset[str]) -> Select[Any]:
    """Restrict a query to a group, in the order of the indexes that groups have, once for each set of parameters."""
    query = query.where(_C.state == _FAILED, _C.fingerprint == bindparam("fingerprint"))
    if "owner" in asked:
        query = query.where(_C.owner == bindparam("owner"))
    if "since" in asked:
        query = query.where(_C.finished_at >= bindparam("since"))
    if "after_id" in asked:
        query = query.where(tuple_(_C.finished_at, _C.id) < tuple_(bindparam("after_at"), bindparam("after_id")))
    return query.order_by(_C.finished_at.desc(), _C.id.desc())
