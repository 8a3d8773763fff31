from __future__ import annotations

import asyncio
import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg

from headrace.embedded.nats import EmbeddedNats
from headrace.errors import LogUnavailable
from headrace.log import replay
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.replay import Replayer
from headrace.log.subjects import task_events
from tests.examples import examples
from tests.unit.conftest import stopped
from tests.waiting import until

_owners = itertools.count(1)


async def pages(log: Log, subject: str, records: int, start: int = 1) -> list[list[Record]]:
    """A slice page by page, until the log says that there is no more."""
    found: list[list[Record]] = []
    more = True
    while more:
        page = await log.replayer.page(subject, start=start, records=records)
        found.append(page.records)
        more = page.more
        if more:
            assert page.records, "a page that is not the last has something in it"
            start = page.records[-1].sequence + 1
    return found


@pytest.mark.invariant(6)
@given(
    tasks=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    events=st.sampled_from([("logged",), ("queued", "started", "finished"), ("queued", "started", "started")]),
    wanted=st.sampled_from("abc*"),
    size=st.integers(1, 12),
    start=st.integers(0, 32),
)
@examples(40)
async def test_pages_cover_a_slice_exactly_once_in_order_whatever_their_size(
    shared_log: Log, tasks: list[str], events: tuple[str, ...], wanted: str, size: int, start: int
) -> None:
    owner = f"replay{next(_owners)}"
    appends = (
        shared_log.appender.append(f"hr.tasks.{event}.echo.normal.{owner}.{task}", task.encode(), {})
        for task, event in zip(tasks, itertools.cycle(events), strict=False)
    )
    sequences = [(await each).sequence for each in list(appends)]
    begin = sequences[0] + start - 1
    expected = [
        (sequence, task)
        for sequence, task in zip(sequences, tasks, strict=True)
        if wanted in ("*", task) and sequence >= begin
    ]
    found = await pages(shared_log, task_events(owner, wanted), size, begin)
    assert [(each.sequence, each.subject[-1]) for page in found for each in page] == expected
    assert all(len(page) == size for page in found[:-1])
    assert len(found[-1]) <= size
    for through in (None, sequences[-1]):
        sparse = await shared_log.replayer.sparse_page(task_events(owner, wanted), start=begin, through=through)
        assert [(each.sequence, each.subject[-1]) for each in sparse.records] == expected
        assert not sparse.more


async def test_nothing_that_matches_is_an_empty_last_page(shared_log: Log) -> None:
    await shared_log.appender.append("hr.tasks.queued.echo.normal.somebody.1", b"{}", {})
    for page in (
        await shared_log.replayer.page(task_events("nobody")),
        await shared_log.replayer.page(task_events(), start=10**9),
        await shared_log.replayer.page(task_events(), since="2200-01-01T00:00:00Z"),
    ):
        assert page == ([], False)


async def test_an_empty_log_has_nothing(log: Log) -> None:
    assert await log.replayer.page("hr.tasks.>") == ([], False)
    assert await log.replayer.page("hr.tasks.>", since="2020-01-01T00:00:00Z") == ([], False)
    assert await log.replayer.last("hr.tasks.>") is None


async def test_a_page_may_begin_at_a_time(log: Log) -> None:
    for n in range(6):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"{}", {})
    every = (await log.replayer.page("hr.tasks.>")).records
    later = every[3].at + timedelta(microseconds=1)  # records keep microseconds, the log nanoseconds
    expected = [each.sequence for each in every if each.at >= later]
    found = await log.replayer.page("hr.tasks.>", since=later.isoformat().replace("+00:00", "Z"))
    assert [each.sequence for each in found.records] == expected
    everything = await log.replayer.page("hr.tasks.>", since="2020-01-01T00:00:00Z", records=4)
    assert [each.sequence for each in everything.records] == [1, 2, 3, 4]
    assert everything.more


async def test_the_last_record_of_a_slice_is_found_over_all_its_subjects(log: Log) -> None:
    assert await log.replayer.last(task_events("u")) is None
    for n, (event, owner) in enumerate([("queued", "u"), ("started", "u"), ("finished", "u"), ("queued", "v")], 1):
        appended = await log.appender.append(f"hr.tasks.{event}.echo.normal.{owner}.1", b"%d" % n, {})
        assert appended.sequence == n
    last = await log.replayer.last(task_events("u"))
    at_leader = await log.replayer.leading.last_record(task_events("u"))
    assert last is not None
    assert at_leader is not None
    assert (last.sequence, last.subject, last.payload) == (3, "hr.tasks.finished.echo.normal.u.1", b"3")
    assert (at_leader.sequence, at_leader.subject, at_leader.payload) == (last.sequence, last.subject, last.payload)
    assert at_leader.at == last.at
    assert await log.replayer.leading.last_record(task_events("w")) is None
    started = await log.replayer.last(task_events("u", event="started"))
    assert started is not None
    assert started.sequence == 2


async def test_the_leader_says_which_record_is_newest_and_that_there_is_none(log: Log) -> None:
    sent = {"Headrace-Body-Hash": "5f2c", "Headrace-Correlation-Id": "über"}
    await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"1", sent)
    last = await log.replayer.leading.last_record(task_events("u"))
    assert last is not None
    assert (last.sequence, last.payload) == (1, b"1")
    assert {name: last.headers[name] for name in sent} == sent
    assert await log.replayer.leading.last_record(task_events("v")) is None


@pytest.mark.invariant(6)
async def test_records_that_are_gone_are_passed_over(log: Log) -> None:
    for n in range(10):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"{}", {})
    for sequence in (1, 2, 5, 10):
        await log.jetstream.request("STREAM.MSG.DELETE.HEADRACE", {"seq": sequence})
    found = await pages(log, "hr.tasks.>", 3)
    assert [each.sequence for page in found for each in page] == [3, 4, 6, 7, 8, 9]


@pytest.mark.invariant(6)
async def test_a_page_of_large_records_ends_early_and_nothing_is_lost(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "PAGE_BYTES_MAX", 50_000)
    sizes = [40_000, 10, 10, 40_000, 70_000, 10, 200_000, 49_999, 49_999, 10]  # some alone are over a page
    for n, size in enumerate(sizes):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"x" * size, {})
    found = await pages(log, "hr.tasks.>", 256)
    assert [len(each.payload) for page in found for each in page] == sizes
    assert len(found) > 3
    assert all(sum(len(each.payload) for each in page[:-1]) <= 50_000 for page in found)


async def test_large_records_come_in_the_pages_that_are_used(log: Log) -> None:
    sizes = [3 << 20] * 8
    for n, size in enumerate(sizes):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"x" * size, {})
    found = await pages(log, "hr.tasks.>", 256)
    assert [len(each.payload) for page in found for each in page] == sizes


@pytest.mark.invariant(6)
async def test_many_pages_at_once_do_not_mix(shared_log: Log) -> None:
    owners = [f"mixed{n}" for n in range(20)]
    for n in range(5):
        for owner in owners:
            await shared_log.appender.append(f"hr.tasks.logged.echo.normal.{owner}.{n}", owner.encode(), {})
    found = await asyncio.gather(*(shared_log.replayer.page(task_events(owner)) for owner in owners))
    assert [{each.payload for each in page.records} for page in found] == [{owner.encode()} for owner in owners]
    assert {len(page.records) for page in found} == {5}


async def test_a_stream_that_is_not_there_is_unavailable_at_once(log: Log) -> None:
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match="the log cannot be read: 503"):
        await log.replayer.page("x", stream="NOBODY")
    assert time.monotonic() - began < replay.TRY_SECONDS[0]


async def test_a_server_that_does_not_answer_is_unavailable_after_a_while(
    log: Log, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "TRY_SECONDS", (0.1, 0.1))
    await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"{}", {})
    with stopped(nats), pytest.raises(LogUnavailable, match=r"did not answer within 0\.2 s"):
        await log.replayer.page("hr.tasks.>")
    monkeypatch.undo()
    # the late answer is nobody's
    assert len((await log.replayer.page("hr.tasks.>")).records) == 1


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_question_that_is_lost_on_its_way_is_asked_again(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    monkeypatch.setattr(replay, "TRY_SECONDS", (0.01, 0.01, 5.0))
    owner = f"lost{lost}"
    appended = await shared_log.appender.append(f"hr.tasks.queued.echo.normal.{owner}.1", b"{}", {})
    connection = shared_log.replayer._connection
    publish, asked = connection.publish, 0

    async def publish_in_vain(*of: Any) -> None:
        nonlocal asked
        asked += 1
        if asked > lost:
            await publish(*of)

    monkeypatch.setattr(connection, "publish", publish_in_vain)
    page = await shared_log.replayer.page(task_events(owner))
    assert [each.sequence for each in page.records] == [appended.sequence]
    assert asked == lost + 1
    assert shared_log.replayer._collecting == {}


async def test_an_answer_that_has_begun_is_waited_for(shared_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "TRY_SECONDS", (0.2, 0.01, 5.0))
    for number in range(2):
        await shared_log.appender.append(f"hr.tasks.queued.echo.normal.slow.{number}", b"{}", {})
    first_done, waits, third_wait = replay._first_done, 0, asyncio.Event()

    async def count_waits(futures: list[asyncio.Future[int]], patience: float) -> asyncio.Future[int] | None:
        nonlocal waits
        waits += 1
        assert len(futures) == 1
        if waits == len(replay.TRY_SECONDS):
            third_wait.set()
        return await first_done(futures, patience)

    class Slow(Replayer):
        async def _on_message(self, message: Msg) -> None:
            if any(each.records for each in self._collecting.values()):
                await third_wait.wait()
            await super()._on_message(message)

    monkeypatch.setattr(replay, "_first_done", count_waits)
    slow = Slow(shared_log.replayer._connection)
    await slow.open()
    assert len((await slow.page(task_events("slow"))).records) == 2
    assert waits == len(replay.TRY_SECONDS)


@pytest.mark.invariant(6)
async def test_history_is_read_again_after_the_server_was_away(log: Log, nats: EmbeddedNats) -> None:
    await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"{}", {})
    await nats.kill()

    async def refused() -> bool:
        try:
            await log.replayer.page("hr.tasks.>")
        except LogUnavailable as error:
            return "cannot be reached" in error.message
        return False

    await until(refused, "the connection for history to notice")
    await nats.start()

    async def answered() -> bool:
        try:
            return len((await log.replayer.page("hr.tasks.>")).records) == 1
        except LogUnavailable:
            return False

    await until(answered, "history to be back")


async def test_an_answer_that_is_no_page_is_unavailable(log: Log) -> None:
    async def strange(message: object) -> None:
        await log._connection.publish(message.reply, b"", headers={"Status": "408", "Description": "Bad Request"})  # type: ignore[attr-defined]

    await log._connection.subscribe("$JS.API.DIRECT.GET.STRANGE", cb=strange)
    await log._connection.flush()
    with pytest.raises(LogUnavailable, match="the log cannot be read: 408 Bad Request"):
        await log.replayer.page("x", stream="STRANGE")


def test_history_has_a_connection_of_its_own(log: Log) -> None:
    assert isinstance(log.replayer, Replayer)
    assert log.replayer._connection is not log._connection
