"""Comparing the counts that the projector keeps with those of the tasks."""

from __future__ import annotations

from typing import Any, Final

from headrace.store.tables import COUNTERS

_COUNTS: Final = """
    WITH counted AS (SELECT owner, kind, state, count(*) AS n FROM tasks GROUP BY 1, 2, 3), wanted AS (
        SELECT * FROM counted UNION ALL SELECT '', kind, state, sum(n)::bigint FROM counted GROUP BY 2, 3
    )
    SELECT 'counts' AS of, t::text AS kept, w::text AS wanted
    FROM counts t FULL JOIN wanted w USING (owner, kind, state) WHERE t.n IS DISTINCT FROM w.n
"""
_FAILURES: Final = """
    WITH counted AS (
        SELECT owner, kind, fingerprint, date_bin('1 hour', finished_at, timestamptz '1970-01-01 00:00:00+00') AS hour, code,
               count(*) AS n
        FROM tasks WHERE state = 'failed' AND fingerprint IS NOT NULL AND code IS NOT NULL AND finished_at IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
    ), wanted AS (
        SELECT * FROM counted UNION ALL SELECT '', kind, fingerprint, hour, code, sum(n)::bigint FROM counted GROUP BY 2, 3, 4, 5
    )
    SELECT 'failures' AS of, t::text AS kept, w::text AS wanted
    FROM failures t FULL JOIN wanted w USING (owner, kind, fingerprint, hour) WHERE (t.n, t.code) IS DISTINCT FROM (w.n, w.code)
"""
_GROUPS: Final = """
    WITH own AS (
        SELECT owner, kind, fingerprint, code, count(*) AS n, 1::bigint AS owners,
               max(date_bin('1 hour', finished_at, timestamptz '1970-01-01 00:00:00+00')) AS last_hour
        FROM tasks WHERE state = 'failed' AND fingerprint IS NOT NULL AND code IS NOT NULL AND finished_at IS NOT NULL
        GROUP BY 1, 2, 3, 4
    ), wanted AS (
        SELECT * FROM own UNION ALL
        SELECT '', kind, fingerprint, code, sum(n)::bigint, count(*), max(last_hour) FROM own GROUP BY 2, 3, 4
    )
    SELECT 'failure_groups' AS of, t::text AS kept, w::text AS wanted
    FROM failure_groups t FULL JOIN wanted w USING (owner, kind, fingerprint)
    WHERE (t.n, t.code, t.owners, t.last_hour) IS DISTINCT FROM (w.n, w.code, w.owners, w.last_hour)
"""
# Of activity only what is kept of all owners follows from other rows.
_ACTIVITY: Final = """
    WITH wanted AS (SELECT at, kind, minutes, {sums} FROM activity WHERE owner <> '' GROUP BY 1, 2, 3),
         kept AS (SELECT at, kind, minutes, {columns} FROM activity WHERE owner = '')
    SELECT 'activity of all' AS of, k::text AS kept, w::text AS wanted
    FROM kept k FULL JOIN wanted w USING (at, kind, minutes) WHERE k IS DISTINCT FROM w
""".format(columns=", ".join(COUNTERS), sums=", ".join(f"sum({name})::int AS {name}" for name in COUNTERS))


async def compare_counts(connection: Any) -> list[str]:
    """Compare the tables of counts with what a GROUP BY of the tasks gives; returns a line for each difference."""
    found = [row for query in (_COUNTS, _FAILURES, _GROUPS, _ACTIVITY) for row in await connection.fetch(query)]
    return [f"{each['of']} has {each['kept']}, and the tasks give {each['wanted']}" for each in found]
