"""Rows of the read model as the projector would have written them, made by Postgres itself.

Owner 0 has a batch of a tenth of all tasks. All tasks are of the last seven days, evenly; of a thousand, 850 have succeeded, 80 failed,
20 were cancelled, 49 wait and one runs. Failures are of 500 sorts, some of which are much more frequent than others.
"""

from __future__ import annotations

import time

from headrace.store.activity_statements import MINUTES_KEPT
from headrace.store.histograms import BOUNDS_SECONDS, BUCKETS
from headrace.store.leadership import LeaderSession
from headrace.store.tables import COUNTERS, COUNTS
from headrace.store.tally import count_all
from tests.bench.report import Report

OWNERS = 200
KINDS = 8
SORTS = 500
SPAN_SECONDS = 7 * 86_400
LARGE_BATCH = "bench-large"
SCHEDULES = 5  # of each owner
WRITE_SECONDS = 3600.0

_OWNER = "'bench-' || lpad({}::text, 3, '0')"
_BOUNDS = ", ".join(f"{bound:g}" for bound in BOUNDS_SECONDS)

# The traceback of an error has some kilobytes, and the input of a task some hundred bytes, as usual.
_TASKS = f"""
    INSERT INTO tasks (id, kind, priority, owner, title, batch, schedule, state, attempt, input, result, files, error, code, fingerprint,
                       created_at, queued_at, started_at, finished_at, wait_seconds, run_seconds, epoch, sequence)
    SELECT 'bench-' || lpad(n::text, 12, '0'), 'bench_' || kind, (ARRAY['high', 'normal', 'normal', 'low'])[1 + n % 4], {_OWNER.format("owner")},
           'Essay ' || n || ': The history of ' || substr(md5(n::text), 1, 12), batch,
           CASE WHEN n % 10 = 3 THEN 'schedule-' || owner || '-' || n % {SCHEDULES} END, state, 1,
           json_build_object('url', 'https://example.com/' || n, 'text', repeat('a word ', 30)),
           CASE WHEN state = 'succeeded' THEN json_build_object('words', n) END, '[]',
           CASE WHEN state = 'failed' THEN ('{{"code":"raised","message":"ValueError: row ' || n || ' of sort ' || sort || '","traceback":"'
                || repeat('File task.py, line ' || n || ' ', 100) || '"}}')::json END,
           CASE WHEN state = 'failed' THEN 'raised' END, CASE WHEN state = 'failed' THEN substr(md5('sort' || sort), 1, 16) END,
           at, at, CASE WHEN state <> ALL ('{{pending,queued}}') THEN at + waited * interval '1 second' END,
           CASE WHEN is_final THEN at + (waited + ran) * interval '1 second' END, CASE WHEN state <> ALL ('{{pending,queued}}') THEN waited END,
           CASE WHEN is_final THEN ran END, 1, n * 4
    FROM generate_series(1, $1::bigint) n, LATERAL (
        SELECT (n * 7919 % 1000)::int AS r, now() - (1 - n::float8 / $1) * interval '{SPAN_SECONDS} seconds' AS at,
               (n % 97) / 500.0 AS waited, (n % 331) / 50.0 AS ran, n <= $1 / 10 AS is_large,
               floor({SORTS} * power((n * 104729 % 1000) / 1000.0, 3))::int AS sort
    ) a, LATERAL (
        SELECT CASE WHEN r < 850 THEN 'succeeded' WHEN r < 930 THEN 'failed' WHEN r < 950 THEN 'cancelled'
                    WHEN r < 970 THEN 'pending' WHEN r < 999 THEN 'queued' ELSE 'running' END AS state,
               CASE WHEN is_large THEN 0 ELSE n % {OWNERS} END AS owner
    ) b, LATERAL (
        SELECT state = ANY ('{{succeeded,failed,cancelled}}') AS is_final,
               CASE WHEN is_large THEN 0 WHEN state = 'failed' THEN sort % {KINDS} ELSE n / {OWNERS} % {KINDS} END AS kind
    ) c, LATERAL (
        SELECT CASE WHEN is_large THEN '{LARGE_BATCH}' WHEN n % 3 = 0 THEN 'bench-' || owner || '-' || kind || '-' || n / 160000 END AS batch
    ) d
"""
_BATCHES = """
    INSERT INTO batches (id, kind, priority, owner, name, total, pending, queued, running, succeeded, failed, cancelled, state,
                         created_at, settled_at, settled_sequence, epoch, sequence)
    SELECT batch, min(kind), 'low', min(owner), 'Batch ' || batch, count(*), count(*) FILTER (WHERE state = 'pending'),
           count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'succeeded'),
           count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'cancelled'),
           CASE WHEN bool_and(finished_at IS NOT NULL) THEN 'settled' ELSE 'open' END, min(created_at),
           CASE WHEN bool_and(finished_at IS NOT NULL) THEN max(finished_at) END, 0, 1, min(sequence)
    FROM tasks WHERE batch IS NOT NULL GROUP BY batch
"""
_EVENTS = """
    INSERT INTO task_events (epoch, sequence, task, event, at, attempt, data)
    SELECT 1, sequence + e.number, id, e.event, e.at, 1, e.data::json FROM tasks, LATERAL (VALUES
        (0, 'queued', queued_at, '{"fence":0}'),
        (1, 'started', started_at, '{"worker":"worker-7f6c-' || length(id) || '","delivered":1,"queued_seconds":0.05}'),
        (2, 'finished', finished_at, '{"outcome":"' || state || '","run_seconds":1.5}')
    ) e (number, event, at, data) WHERE e.at IS NOT NULL
"""
_SCHEDULES = f"""
    INSERT INTO schedules (id, owner, definition, created_at, updated_at, announced_at, last_at, last_task, epoch, sequence)
    SELECT 'schedule-' || o || '-' || s, {_OWNER.format("o")},
           json_build_object('kind', 'bench_' || s % {KINDS}, 'input', json_build_object(), 'cron', '0 ' || s * 7 || ' 9 * * 1-5',
                             'time_zone', 'Europe/Berlin', 'name', 'Every working day ' || s),
           now() - interval '9 days', now() - interval '9 days', now() + interval '1 hour', now() - interval '1 day', NULL, 1, o * 10 + s
    FROM generate_series(0, {OWNERS - 1}) o, generate_series(0, {SCHEDULES - 1}) s
"""


def _counter(name: str) -> str:
    """Return what a counter of a minute counts."""
    if name in COUNTS:
        states = {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}
        return (
            f"count(*) FILTER (WHERE state = '{states[name]}')"
            if name in states
            else ("0" if name == "retried" else "count(*)")
        )
    of, _, bucket = name.partition("_")
    return f"count(*) FILTER (WHERE {of}_bucket = {bucket})"


_ACTIVITY = f"""
    INSERT INTO activity (owner, at, kind, minutes, {", ".join(COUNTERS)})
    SELECT owner, at, kind, minutes, {", ".join(map(_counter, COUNTERS))} FROM (
        SELECT owner, kind, state, CASE WHEN is_new THEN 1 ELSE 60 END AS minutes,
               date_trunc(CASE WHEN is_new THEN 'minute' ELSE 'hour' END, finished_at, 'UTC') AS at,
               width_bucket(wait_seconds, ARRAY[{_BOUNDS}]::float8[]) AS wait_bucket,
               width_bucket(run_seconds, ARRAY[{_BOUNDS}]::float8[]) AS run_bucket
        FROM tasks, LATERAL (SELECT finished_at > now() - interval '{MINUTES_KEPT.days} days' AS is_new) n WHERE finished_at IS NOT NULL
    ) t
    GROUP BY owner, at, kind, minutes
"""
assert len(COUNTERS) == len(COUNTS) + 2 * BUCKETS


def owner_id(number: int) -> str:
    """Return the id of an owner of tasks."""
    return f"bench-{number:03}"


def task_id(number: int) -> str:
    """Return the id of a task."""
    return f"bench-{number:012}"


async def write_rows(report: Report, database_url: str, tasks: int) -> None:
    """Write the rows of so many tasks and what belongs to them, and count them."""
    began = time.monotonic()
    session = await LeaderSession.connect(database_url)
    connection = session.connection
    try:
        await connection.execute("SET statement_timeout = 0; SET transaction_timeout = 0")
        await connection.execute(_TASKS, tasks, timeout=WRITE_SECONDS)
        for statement in (_BATCHES, _EVENTS, _SCHEDULES, _ACTIVITY):
            await connection.execute(statement, timeout=WRITE_SECONDS)
        report.say(f"screens: {tasks:,} tasks written in {time.monotonic() - began:.0f} s")
        await count_all(session)
    finally:
        session.close()
    report.say(f"screens: counted, {time.monotonic() - began:.0f} s in all")
