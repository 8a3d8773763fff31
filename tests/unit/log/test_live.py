from __future__ import annotations

import pytest

from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.live import heard_all
from headrace.log.records import Record
from headrace.log.streams import read_stream_state
from headrace.log.subjects import CATALOG_ENTRIES, catalog_entry, task_events
from tests.waiting import until


@pytest.mark.invariant(6)
@pytest.mark.invariant(8)
async def test_whoever_listens_hears_what_is_appended_after_that_and_only_its_slice(log: Log) -> None:
    heard: list[Record] = []
    await log.appender.append("hr.tasks.queued.echo.normal.u.0", b"before", {})
    await log.live.listen(task_events("u"), heard.append)
    for n in range(1, 50):
        for owner in ("u", "v"):
            await log.appender.append(f"hr.tasks.queued.echo.normal.{owner}.{n}", b"x", {})
    await log.appender.append("hr.batches.created.u.b1", b"{}", {})
    await log.appender.append("hr.tasks.finished.echo.normal.u.1", b"end", {})
    await until(lambda: heard and heard[-1].payload == b"end", "the last one")
    assert [each.subject for each in heard] == [
        *(f"hr.tasks.queued.echo.normal.u.{n}" for n in range(1, 50)),
        "hr.tasks.finished.echo.normal.u.1",
    ]


@pytest.mark.invariant(6)
async def test_a_duplicate_is_not_heard_again(log: Log) -> None:
    heard: list[Record] = []
    await log.live.listen(task_events("u"), heard.append)
    for _ in range(3):
        await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"x", {"Nats-Msg-Id": "a"})
    await log.appender.append("hr.tasks.finished.echo.normal.u.1", b"end", {})
    await until(lambda: heard and heard[-1].payload == b"end", "the last one")
    assert [each.payload for each in heard] == [b"x", b"end"]


async def test_a_bucket_is_watched_by_its_subjects(log: Log) -> None:
    seen: list[tuple[str, bytes]] = []
    await log.live.watch(CATALOG_ENTRIES, lambda subject, value: seen.append((subject, value)))
    await log.appender.append(catalog_entry("echo"), b"one", {})
    await log.appender.append(catalog_entry("talk"), b"two", {})
    await until(lambda: len(seen) == 2, "both")
    assert seen == [("$KV.HEADRACE_KINDS.echo", b"one"), ("$KV.HEADRACE_KINDS.talk", b"two")]


async def test_what_cannot_be_followed_because_nats_is_away_is_unavailable_and_leaves_no_subscription(log: Log) -> None:
    subscription = await log.live.listen(task_events("u"), lambda _: None)
    before = set(log._connection._subs)
    log._connection.meant_to_close = True
    await log._connection.close()
    with pytest.raises(LogUnavailable):
        await heard_all(log._connection, subscription._subscription)
    with pytest.raises(LogUnavailable):
        await log.live.listen(task_events("u"), lambda _: None)
    with pytest.raises(LogUnavailable):
        await read_stream_state(log.jetstream)
    assert set(log._connection._subs) <= before
