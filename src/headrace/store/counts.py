"""The queries about counts: how many tasks there are, and which failures are alike. None of them counts tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import ARRAY, Text, TextClause, any_, bindparam, select, text

from headrace.contracts.counts import OwnerCounts
from headrace.contracts.tasks import TaskError
from headrace.store import tables
from headrace.store.activity_statements import HOUR
from headrace.store.by_age import given_filters
from headrace.store.count_rows import counts_by_owner
from headrace.store.cursors import Cursor
from headrace.store.failure_counts import hour_of
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY

HOURS_SHOWN = 24  # of a group of failures, each with its count

# The message in an error as the projector writes it. The traceback behind it has up to 16,000 characters, and stays where it is.
_MESSAGE = r"""^\{"code":"[a-z_]+","message":("(?:[^"\\]|\\.)*")"""
_C = tables.counts.c
_SELECT_COUNTS = select(_C.owner, _C.kind, _C.state, _C.n).where(
    _C.owner == any_(bindparam("owners", type_=ARRAY(Text)))
)
_SELECT_BUSIEST = text(f"""
    SELECT owner, coalesce(sum(n) FILTER (WHERE state = 'running'), 0)::int, coalesce(sum(n) FILTER (WHERE state = 'queued'), 0)::int
    FROM counts WHERE state IN ('queued', 'running') AND owner <> '{EVERYBODY}'
    GROUP BY owner ORDER BY sum(n) DESC, owner LIMIT :limit
""")  # noqa: S608 - the name is ours


class FailureFilter(NamedTuple):
    """Which failures a list of groups is made of; None means any. ``since`` is the begin of an hour."""

    kind: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    since: datetime | None = None


class FailureGroup(Struct, frozen=True, kw_only=True):
    """Tasks that failed alike.

    Attributes:
        fingerprint: What they have in common.
        kind: Their kind.
        code: Why they failed.
        count: How many these are now; a task that is run again is no longer one.
        first_at: When the first of them failed.
        last_at: When the newest of them failed.
        newest: The id of the newest.
        newest_owner: Its owner.
        message: Its message.
        owners: How many owners have any of them.
        per_hour: How many failed in each of the last `HOURS_SHOWN` hours, the current one last.
    """

    fingerprint: str
    kind: str
    code: str
    count: int
    first_at: datetime
    last_at: datetime
    newest: str
    newest_owner: str
    message: str
    owners: int
    per_hour: list[int]


class Busy(NamedTuple):
    """An owner with tasks that run or wait in a queue, and how many these are."""

    owner: str
    running: int
    queued: int


async def read_counts(session: Reads, owner: str = EVERYBODY) -> OwnerCounts:
    """Read how many tasks an owner has in each state, of each kind and of all; those of all owners without one."""
    return (await read_counts_of(session, [owner]))[owner]


async def read_counts_of(session: Reads, owners: Sequence[str]) -> dict[str, OwnerCounts]:
    """Read how many tasks each of some owners has, also of those who have none."""
    rows = (await session.execute(_SELECT_COUNTS, {"owners": list(owners)})).all()
    return counts_by_owner(owners, (tuple(row) for row in rows))


async def list_busiest(session: Reads, limit: int) -> list[Busy]:
    """List the owners with the most tasks that run or wait in a queue."""
    return [Busy(*row) for row in await session.execute(_SELECT_BUSIEST, {"limit": limit})]


async def list_failure_groups(
    session: Reads, owner: str, wanted: FailureFilter, now: datetime, after: Cursor | None, limit: int
) -> tuple[list[FailureGroup], Cursor | None]:
    """List one page of an owner's groups of failures, those that failed last first.

    Pages follow each other by the hour in which a group failed last, and by the minute only within a page.

    Args:
        session: A session.
        owner: Whose failures; `EVERYBODY` for those of all.
        wanted: Which of them.
        now: The time at which the last of the hours of each group is counted.
        after: The end of the page before.
        limit: How many groups the page has at most.

    Returns:
        The groups, and where the next page begins; None on the last page.
    """
    filters = given_filters(wanted)
    first_hour = hour_of(now) - (HOURS_SHOWN - 1) * HOUR
    asked = {"owner": owner, **filters, "limit": limit + 1, "first_hour": first_hour, "message": _MESSAGE}
    if after is not None:
        asked |= {"after_hour": after.created_at, "after_fingerprint": after.id}
    query = _select_groups(frozenset(filters), is_of_all=owner == EVERYBODY, is_next=after is not None)
    rows = (await session.execute(query, asked)).all()
    page = rows[:limit]
    more = Cursor(page[-1].last_hour, page[-1].fingerprint) if len(rows) > limit else None
    groups = [_to_group(row, first_hour) for row in page]
    return sorted(groups, key=lambda group: group.last_at, reverse=True), more


async def count_failures(session: Reads, owner: str, wanted: FailureFilter) -> int:
    """Count the tasks of an owner that are in groups of failures; `EVERYBODY` for those of all owners."""
    filters = given_filters(wanted)
    return (await session.execute(_sum_of_failures(frozenset(filters)), {"owner": owner, **filters})).scalar_one()


@cache
def _sum_of_failures(filters: frozenset[str]) -> TextClause:
    """Build the query for how many failures there are, once for each set of filters."""
    table, since = ("failures", " AND hour >= :since") if "since" in filters else ("failure_groups", "")
    return text(
        f"SELECT coalesce(sum(n), 0)::int FROM {table} WHERE owner = :owner{_equal(filters)}{since}"  # noqa: S608 - names are ours
    )


@cache
def _select_groups(filters: frozenset[str], *, is_of_all: bool, is_next: bool) -> TextClause:
    """Build the query for a page of groups, once for each set of filters.

    A group is in one row, so that no page adds up those of all hours, but for a page that begins at an hour.
    """
    count, since, finished_since = "g.n", "", ""
    if "since" in filters:
        count = """(
            SELECT sum(n) FROM failures f
            WHERE f.owner = g.owner AND f.kind = g.kind AND f.fingerprint = g.fingerprint AND f.hour >= :since
        )"""
        since, finished_since = " AND last_hour >= :since", " AND finished_at >= :since"
    after = " AND (last_hour, fingerprint) < (:after_hour, :after_fingerprint)" if is_next else ""
    of_owner = "" if is_of_all else " AND owner = :owner"
    alike = f"state = 'failed' AND fingerprint = g.fingerprint{of_owner}{finished_since}"
    return text(f"""
        WITH g AS MATERIALIZED (
            SELECT * FROM failure_groups WHERE owner = :owner{_equal(filters)}{since}{after}
            ORDER BY last_hour DESC, fingerprint DESC LIMIT :limit
        )
        SELECT g.fingerprint, g.kind, g.code, g.last_hour, g.owners, {count} AS count, lately.hours, lately.numbers,
               t.id AS newest, t.owner AS newest_owner, t.finished_at AS last_at, t.message, oldest.finished_at AS first_at
        FROM g CROSS JOIN LATERAL (
            SELECT array_agg(hour) AS hours, array_agg(n) AS numbers FROM failures f
            WHERE f.owner = g.owner AND f.kind = g.kind AND f.fingerprint = g.fingerprint AND f.hour >= :first_hour
        ) lately CROSS JOIN LATERAL (
            SELECT id, owner, finished_at, coalesce(substring(error::text FROM :message), error::text) AS message
            FROM tasks WHERE {alike} ORDER BY finished_at DESC, id DESC LIMIT 1
        ) t CROSS JOIN LATERAL (
            SELECT finished_at FROM tasks WHERE {alike} ORDER BY finished_at LIMIT 1
        ) oldest
        ORDER BY g.last_hour DESC, g.fingerprint DESC
    """)  # noqa: S608 - names are ours


def _equal(filters: frozenset[str]) -> str:
    """Return the conditions of those filters that name a value of a column."""
    return "".join(f" AND {name} = :{name}" for name in sorted(filters - {"since"}))


def _to_group(row: Any, first_hour: datetime) -> FailureGroup:
    """Build a group of what the query found."""
    counted: Mapping[datetime, int] = dict(zip(row.hours or (), row.numbers or (), strict=True))
    return FailureGroup(
        fingerprint=row.fingerprint,
        kind=row.kind,
        code=row.code,
        count=row.count,
        first_at=row.first_at,
        last_at=row.last_at,
        newest=row.newest,
        newest_owner=row.newest_owner,
        message=_message_of(row.message),
        owners=row.owners,
        per_hour=[counted.get(first_hour + number * HOUR, 0) for number in range(HOURS_SHOWN)],
    )


def _message_of(found: str) -> str:
    """Return the message of an error: found is its JSON string, or the whole error where that is written in another way."""
    return (
        msgspec.json.decode(found, type=str)
        if found.startswith('"')
        else msgspec.json.decode(found, type=TaskError).message
    )
