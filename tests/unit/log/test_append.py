from __future__ import annotations

import asyncio
import time

import pytest
from nats.aio.client import Client

from headrace.embedded.nats import EmbeddedNats
from headrace.errors import AppendRefused, LogFull, LogUnavailable, TooLarge
from headrace.log import append
from headrace.log.append import Appended, Appender
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.streams import read_stream_state
from headrace.log.subjects import EXPECTED_LAST_SUBJECT_SEQUENCE, MSG_ID
from headrace.settings import Settings
from tests.proxy import Proxy, proxy_to
from tests.unit.conftest import settings_for, stopped
from tests.waiting import until

SUBJECT = "hr.tasks.queued.echo.normal.u.1"
FINISHED = "hr.tasks.finished.echo.normal.u.1"


async def stored(log: Log) -> list[tuple[int, bytes]]:
    return [(record.sequence, record.payload) for record in (await log.replayer.page("hr.tasks.>")).records]


async def test_an_append_tells_its_place_in_the_log(log: Log) -> None:
    assert await log.appender.append(SUBJECT, b"one", {}) == Appended(1, duplicate=False)
    assert await log.appender.append(SUBJECT, b"two", {"Headrace-Batch": "b1"}) == Appended(2, duplicate=False)
    assert await stored(log) == [(1, b"one"), (2, b"two")]
    assert (await log.replayer.page(SUBJECT, start=2)).records[0].headers["Headrace-Batch"] == "b1"


async def test_a_second_append_under_one_message_id_gives_the_place_of_the_first(log: Log) -> None:
    assert await log.appender.append(SUBJECT, b"one", {MSG_ID: "a"}) == Appended(1, duplicate=False)
    assert await log.appender.append(SUBJECT, b"two", {MSG_ID: "b"}) == Appended(2, duplicate=False)
    assert await log.appender.append(SUBJECT, b"one", {MSG_ID: "a"}) == Appended(1, duplicate=True)
    assert await stored(log) == [(1, b"one"), (2, b"two")]


@pytest.mark.invariant(2)
@pytest.mark.invariant(4)
async def test_an_append_that_expected_another_last_sequence_is_refused(log: Log) -> None:
    def fence(sequence: int) -> dict[str, str]:
        return {EXPECTED_LAST_SUBJECT_SEQUENCE: str(sequence)}

    await log.appender.append(SUBJECT, b"queued", {})
    first = await log.appender.append(FINISHED, b"first", fence(0))
    with pytest.raises(AppendRefused):
        await log.appender.append(FINISHED, b"second", fence(0))
    with pytest.raises(AppendRefused):
        await log.appender.append(FINISHED, b"second", fence(first.sequence + 1))
    again = await log.appender.append(FINISHED, b"again", fence(first.sequence))
    assert await stored(log) == [(1, b"queued"), (first.sequence, b"first"), (again.sequence, b"again")]


@pytest.mark.invariant(2)
async def test_of_many_that_finish_a_run_at_once_one_is_first(log: Log) -> None:
    appends = (log.appender.append(FINISHED, b"%d" % n, {EXPECTED_LAST_SUBJECT_SEQUENCE: "0"}) for n in range(50))
    ends = await asyncio.gather(*appends, return_exceptions=True)
    assert len([end for end in ends if isinstance(end, Appended)]) == 1
    assert len([end for end in ends if isinstance(end, AppendRefused)]) == 49
    assert len(await stored(log)) == 1


async def test_what_does_not_fit_is_refused_and_the_connection_lives_on(log: Log) -> None:
    largest = log.appender.payload_bytes_max
    told = pytest.raises(TooLarge, match=f"takes {largest + 1:,} bytes in the log, which takes at most {largest:,}")
    with told:
        await log.appender.append(SUBJECT, b"x" * (largest + 1), {})
    with pytest.raises(TooLarge):
        await log.appender.append_nowait(SUBJECT, b"x" * (largest + 1), {})
    headers = {f"Headrace-{n}": "x" * 100 for n in range(30)}
    assert (await log.appender.append(SUBJECT, b"x" * largest, headers)).sequence == 1
    assert log.is_connected
    assert log._connection.stats["reconnects"] == 0


async def test_without_a_stream_an_append_fails_quickly(connection: Client) -> None:
    appender = Appender(connection, timeout=60)
    await appender.open()
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match="nobody there keeps the log"):
        await appender.append(SUBJECT, b"x", {})
    assert time.monotonic() - began < 5


async def test_without_a_connection_an_append_fails_at_once(log: Log, nats: EmbeddedNats) -> None:
    await nats.kill()
    await until(lambda: not log.is_connected, "the connection to break")
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match="cannot be reached"):
        await log.appender.append(SUBJECT, b"x", {})
    assert time.monotonic() - began < 1


async def test_an_append_that_is_not_acknowledged_in_time_is_unavailable_and_leaves_nothing_behind(
    nats: EmbeddedNats,
) -> None:
    async with open_log(settings_for(nats, HEADRACE_STREAM_APPEND_TIMEOUT="0.2"), "test") as log:
        with stopped(nats), pytest.raises(LogUnavailable, match=r"did not acknowledge within 0\.2 s"):
            await log.appender.append(SUBJECT, b"late", {})
        # its acknowledgement arrives after all, and is nobody's
        assert (await log.appender.append(SUBJECT, b"next", {})).sequence == 2


async def test_many_atomic_batches_that_are_not_acknowledged_are_all_given_up_within_two_timeouts(
    nats: EmbeddedNats,
) -> None:
    timeout, many = 0.4, 6 * append.BATCHES_OPEN_MAX
    async with open_log(settings_for(nats, HEADRACE_STREAM_APPEND_TIMEOUT=str(timeout)), "test") as log:
        messages = [append.Message(SUBJECT, b"late", {})] * 2
        with stopped(nats):
            began = time.monotonic()
            appends = (log.appender.append_all(messages) for _ in range(many))
            outcomes = await asyncio.gather(*appends, return_exceptions=True)
            seconds = time.monotonic() - began
        assert [type(outcome) for outcome in outcomes] == [LogUnavailable] * many
        assert seconds < 3 * timeout
        assert (await log.appender.append_all(messages)).sequence >= 2


async def test_an_append_that_its_caller_gives_up_leaves_nothing_behind(log: Log, nats: EmbeddedNats) -> None:
    with stopped(nats):
        appending = asyncio.create_task(log.appender.append(SUBJECT, b"given up", {}))
        await asyncio.sleep(0)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
    assert (await log.appender.append(SUBJECT, b"next", {})).sequence == 2


async def test_two_thousand_appends_in_flight_each_get_a_place_of_their_own(log: Log) -> None:
    appends = [log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"%d" % n, {}) for n in range(2000)]
    found = await asyncio.gather(*appends)
    assert [each.sequence for each in found] == list(range(1, 2001))
    records = await log.replayer.page("hr.tasks.>", start=1995)
    assert [(each.sequence, each.payload) for each in records.records] == [
        (n, b"%d" % (n - 1)) for n in range(1995, 2001)
    ]


async def test_more_in_flight_than_makes_sense_are_refused_at_once(
    log: Log, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "IN_FLIGHT_MAX", 3)
    with stopped(nats):
        waiting = [asyncio.create_task(log.appender.append(SUBJECT, b"x", {})) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(LogUnavailable, match="3 appends are waiting for the log"):
            await log.appender.append(SUBJECT, b"x", {})
    assert {each.sequence for each in await asyncio.gather(*waiting)} == {1, 2, 3}


async def test_a_full_stream_says_so_and_the_log_goes_on(log: Log) -> None:
    small = {"name": "SMALL", "subjects": ["small"], "max_bytes": 1000, "discard": "new"}
    await log.jetstream.request("STREAM.CREATE.SMALL", small)
    await log.appender.append("small", b"x" * 500, {})
    with pytest.raises(LogFull, match="the log is full; try again later, or have its max_bytes raised"):
        await log.appender.append("small", b"x" * 500, {})
    assert (await log.appender.append(SUBJECT, b"x", {})).sequence == 1


async def test_any_other_refusal_is_given_with_its_reason(log: Log) -> None:
    narrow = {"name": "NARROW", "subjects": ["narrow"], "max_msg_size": 10}
    await log.jetstream.request("STREAM.CREATE.NARROW", narrow)
    with pytest.raises(LogUnavailable, match=r"the log refused: .*message size exceeds maximum"):
        await log.appender.append("narrow", b"x" * 11, {})


async def test_what_is_told_stands_in_the_log_before_what_is_appended_next(log: Log) -> None:
    for n in range(20):
        await log.appender.append_nowait(SUBJECT, b"%d" % n, {})
    assert (await log.appender.append(FINISHED, b"end", {})).sequence == 21
    assert [payload for _, payload in await stored(log)] == [*(b"%d" % n for n in range(20)), b"end"]


@pytest.mark.invariant(1)
async def test_an_append_that_a_restarting_server_never_saw_is_sent_again_and_stands_once(
    log: Log, nats: EmbeddedNats
) -> None:
    with stopped(nats):
        appending = asyncio.create_task(log.appender.append(SUBJECT, b"x", {MSG_ID: "a"}))
        await asyncio.sleep(0)  # it is on its way
        await nats.kill()
    await nats.start()
    assert await appending == Appended(1, duplicate=False)
    assert await stored(log) == [(1, b"x")]


@pytest.mark.invariant(1)
async def test_many_appends_in_flight_while_the_server_restarts_all_stand_once(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with proxy_to(nats.port) as proxy, open_log(behind(proxy, nats), "test") as log:

        async def append(n: int) -> int:
            headers = {MSG_ID: str(n)}
            return (await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"%d" % n, headers)).sequence

        async with open_log(settings_for(nats), "beside") as beside:
            proxy.hold_answers()
            appending = [asyncio.create_task(append(n)) for n in range(1000)]
            await until(lambda: stored(beside), "the first of them to arrive")
        proxy.go_down()
        await nats.kill()
        await nats.start()
        await proxy.listen()
        sequences = await asyncio.gather(*appending)
        assert sorted(sequences) == list(range(1, 1001))
        assert (await read_stream_state(log.jetstream)).last_sequence == 1000


@pytest.mark.invariant(1)
async def test_an_append_whose_acknowledgement_was_lost_is_sent_again_and_stands_once(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(behind(proxy, nats), "test") as log,
        open_log(settings_for(nats), "beside") as beside,
    ):
        proxy.hold_answers()
        appending = asyncio.create_task(log.appender.append(SUBJECT, b"x", {MSG_ID: "a"}))
        await until(lambda: stored(beside), "the append to arrive")
        assert not appending.done()
        proxy.cut()
        assert await appending == Appended(1, duplicate=True)
        assert await stored(beside) == [(1, b"x")]


@pytest.mark.invariant(5)
async def test_an_atomic_batch_in_flight_when_the_connection_breaks_is_given_up_at_once_and_never_sent_twice(
    nats: EmbeddedNats,
) -> None:
    assert nats.port is not None
    async with (
        open_log(settings_for(nats), "direct") as direct,
        proxy_to(nats.port) as proxy,
        open_log(behind(proxy, nats, "30"), "test") as log,
    ):
        proxy.hold_answers()
        messages = [append.Message(f"hr.tasks.queued.echo.low.u.{n}", b"%d" % n, {}) for n in range(3)]
        waiting = asyncio.create_task(log.appender.append_all(messages))
        await until(lambda: _has(direct, 3), "the log to have it")
        proxy.cut()
        with pytest.raises(LogUnavailable, match="the connection to the log broke"):
            await asyncio.wait_for(waiting, 10)
        await log._connection.flush()
        assert len(await stored(direct)) == 3


async def _has(log: Log, records: int) -> bool:
    return len(await stored(log)) == records


async def test_an_append_without_a_message_id_is_never_sent_twice(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(behind(proxy, nats, "0.5"), "test") as log,
        open_log(settings_for(nats), "beside") as beside,
    ):
        proxy.hold_answers()
        appending = asyncio.create_task(log.appender.append(SUBJECT, b"x", {}))
        await until(lambda: stored(beside), "the append to arrive")
        proxy.cut()
        with pytest.raises(LogUnavailable, match="did not acknowledge"):
            await appending
        await until(lambda: log.is_connected, "the connection to come back")
        assert (await log.appender.append(SUBJECT, b"y", {})).sequence == 2


def behind(proxy: Proxy, nats: EmbeddedNats, append_timeout: str = "5") -> Settings:
    return settings_for(nats, HEADRACE_NATS_URL=proxy.url, HEADRACE_STREAM_APPEND_TIMEOUT=append_timeout)
