"""Counting failures that are alike: in each hour, and in all. `headrace.store.tally` calls this with what a transaction changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from headrace.store.activity_statements import EPOCH
from headrace.store.storable import storable_instant
from headrace.store.tables import EVERYBODY

_HOUR_SECONDS = 3600
_ADD_FAILURES = """
    WITH changed AS (
        INSERT INTO failures AS t (owner, kind, code, fingerprint, hour, n)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::int[])
        ON CONFLICT (owner, kind, fingerprint, hour) DO UPDATE SET n = t.n + excluded.n
        RETURNING owner, kind, fingerprint, hour, n
    )
    SELECT owner, kind, fingerprint, hour FROM changed WHERE n = 0
"""
_DROP_FAILURES = """
    DELETE FROM failures WHERE n = 0
      AND (owner, kind, fingerprint, hour) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]))
"""
# The failures of one owner are of one owner, however often they are counted.
_ADD_GROUPS = f"""
    INSERT INTO failure_groups AS t (owner, kind, code, fingerprint, last_hour, n, owners)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::int[])
    ON CONFLICT (owner, kind, fingerprint) DO UPDATE SET
        n = t.n + excluded.n,
        owners = CASE t.owner WHEN '{EVERYBODY}' THEN t.owners + excluded.owners ELSE 1 END,
        last_hour = greatest(t.last_hour, excluded.last_hour)
    RETURNING owner, kind, code, fingerprint, n, xmax = 0 AS is_new
"""  # noqa: S608 - the name is ours
_DROP_GROUPS = """
    DELETE FROM failure_groups WHERE n = 0
      AND (owner, kind, fingerprint) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""
# A group whose last hour has no failure any more. Its row is held by this transaction, so whoever adds an hour waits.
_FIND_LAST_HOURS = """
    UPDATE failure_groups t SET last_hour = (
        SELECT max(hour) FROM failures f WHERE f.owner = t.owner AND f.kind = t.kind AND f.fingerprint = t.fingerprint
    )
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS gone (owner, kind, fingerprint, hour)
    WHERE (t.owner, t.kind, t.fingerprint, t.last_hour) = (gone.owner, gone.kind, gone.fingerprint, gone.hour)
"""
COUNT_ALL_FAILURES = f"""
    DELETE FROM failures;
    DELETE FROM failure_groups;
    INSERT INTO failures (owner, kind, code, fingerprint, hour, n)
        SELECT owner, kind, code, fingerprint, date_trunc('hour', finished_at, 'UTC'), count(*) FROM tasks
        WHERE state = 'failed' AND code IS NOT NULL AND fingerprint IS NOT NULL AND finished_at IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO failure_groups (owner, kind, code, fingerprint, last_hour, n, owners)
        SELECT owner, kind, code, fingerprint, max(hour), sum(n), 1 FROM failures GROUP BY owner, kind, code, fingerprint;
    INSERT INTO failures (owner, kind, code, fingerprint, hour, n)
        SELECT '{EVERYBODY}', kind, code, fingerprint, hour, sum(n) FROM failures GROUP BY kind, code, fingerprint, hour;
    INSERT INTO failure_groups (owner, kind, code, fingerprint, last_hour, n, owners)
        SELECT '{EVERYBODY}', kind, code, fingerprint, max(last_hour), sum(n), count(*) FROM failure_groups
        GROUP BY kind, code, fingerprint;
"""  # noqa: S608 - the name is ours


class Alike(NamedTuple):
    """What failures have in common that are counted together; ``hour`` is that of their finish, numbered from 1970 on."""

    code: str
    fingerprint: str
    hour: int


Changes = Iterable[tuple[tuple[str, str, Alike], int]]
"""By how much the count of each owner, kind and sort of failures changes, in the order of these."""

Group = tuple[str, str, str, str]
"""An owner, a kind, a code and a fingerprint."""


async def add_failures(connection: Any, changes: Changes) -> None:
    """Change how many have failed, in a transaction.

    Args:
        connection: The connection of the transaction.
        changes: Those of each owner, and of `EVERYBODY` together.
    """
    changes = list(changes)
    rows = ((owner, kind, a.code, a.fingerprint, _begin(a.hour), n) for (owner, kind, a), n in changes)
    gone = await connection.fetch(_ADD_FAILURES, *columns_of(rows))
    if gone:
        await connection.execute(_DROP_FAILURES, *columns_of(gone))
    await _add_groups(connection, changes)
    if gone:
        await connection.execute(_FIND_LAST_HOURS, *columns_of(gone))


async def _add_groups(connection: Any, changes: Changes) -> None:
    """Change how many there are of each sort: first those of each owner, which says how many owners everybody's have then."""
    counts: defaultdict[Group, int] = defaultdict(int)
    hours: dict[Group, int] = {}
    for (owner, kind, alike), n in changes:
        group = owner, kind, alike.code, alike.fingerprint
        counts[group] += n
        if n > 0:
            hours[group] = max(hours.get(group, 0), alike.hour)
    own = {group: n for group, n in counts.items() if group[0] != EVERYBODY}
    written = await connection.fetch(_ADD_GROUPS, *_group_columns(own, hours, dict.fromkeys(own, 1)))
    owners: defaultdict[Group, int] = defaultdict(int)
    for row in written:
        everybody = EVERYBODY, row["kind"], row["code"], row["fingerprint"]
        owners[everybody] += (row["n"] != 0) - (not row["is_new"])
    of_all = {group: counts.get(group, 0) for group in owners}
    written += await connection.fetch(_ADD_GROUPS, *_group_columns(of_all, hours, owners))
    empty = [(row["owner"], row["kind"], row["fingerprint"]) for row in written if not row["n"]]
    if empty:
        await connection.execute(_DROP_GROUPS, *columns_of(empty))


def _group_columns(
    counts: Mapping[Group, int], hours: Mapping[Group, int], owners: Mapping[Group, int]
) -> list[tuple[Any, ...]]:
    """Return the arguments of `_ADD_GROUPS`, in the order of their keys, so that two transactions do not wait for each other.

    A group that only loses failures is given the first hour that there is, which is later than none.
    """
    return columns_of((*group, _begin(hours.get(group, 0)), n, owners[group]) for group, n in sorted(counts.items()))


def columns_of(rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Turn rows into an array for each of their columns."""
    return list(zip(*rows, strict=True))


def hour_of(at: datetime) -> datetime:
    """Return the begin of the hour, in UTC, in which a failure at this time is counted."""
    # Somebody may ask for the first or the last hours of the calendar.
    return _begin(number_of(storable_instant(at)))


def number_of(at: datetime) -> int:
    """Return the number of the hour in which a failure at this time is counted, from 1970 on."""
    return int(at.timestamp() // _HOUR_SECONDS)


def _begin(hour: int) -> datetime:
    return EPOCH + timedelta(hours=hour)
