from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from headrace.embedded.nats import EmbeddedNats
from headrace.log import pull
from headrace.log.connection import Log
from headrace.log.consumers import kind_consumers
from headrace.log.deliveries import Delivery
from headrace.log.lanes import provision_lanes
from headrace.log.opening import open_log
from tests.proxy import proxy_to
from tests.unit.conftest import settings_for, stopped
from tests.waiting import until

LANE = "run-echo-normal"


class Owner:
    """Who pulls: keeps what arrived, and how each request ended."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.arrived: list[Delivery] = []
        self.ends: list[bool] = []
        self.puller = log.puller(LANE, self.arrived.append, self.ends.append)

    @property
    def sequences(self) -> list[int]:
        return [each.sequence for each in self.arrived]

    async def ended(self, times: int = 1) -> None:
        await until(lambda: len(self.ends) >= times, "the end of a request")
        await self.settled()
        assert len(self.ends) == times
        assert self.puller.outstanding == 0

    async def settled(self) -> None:
        """Whatever the server has sent until now has arrived."""
        await self.log._connection.flush()


@asynccontextmanager
async def pulling(log: Log) -> AsyncGenerator[Owner]:
    await provision_lanes(log, "echo", None)
    owner = Owner(log)
    await owner.puller.open()
    yield owner
    await owner.puller.close()


async def queue(log: Log, count: int, size: int = 2) -> None:
    for _ in range(count):
        await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"x" * size, {})


async def test_a_request_brings_at_most_what_was_asked_for_and_ends_once(log: Log) -> None:
    async with pulling(log) as owner:
        await queue(log, 10)
        await owner.puller.pull(4, 10.0)
        await owner.ended()
        assert owner.sequences == [1, 2, 3, 4]
        await owner.puller.pull(1, 10.0)
        await owner.ended(2)
        assert owner.sequences == [1, 2, 3, 4, 5]
        await owner.puller.pull(5, 10.0)
        await owner.ended(3)
        assert owner.sequences == list(range(1, 11))
        assert owner.ends == [False, False, False]


async def test_what_is_appended_later_still_comes_for_an_open_request(log: Log) -> None:
    async with pulling(log) as owner:
        await owner.puller.pull(3, 10.0)
        await queue(log, 2)
        await until(lambda: len(owner.arrived) == 2, "two")
        assert (owner.ends, owner.puller.outstanding) == ([], 1)
        await queue(log, 1)
        await owner.ended()
        assert owner.sequences == [1, 2, 3]


async def test_a_request_ends_when_its_time_is_over_with_what_there_was(log: Log) -> None:
    async with pulling(log) as owner:
        await owner.puller.pull(5, 0.1)
        await owner.ended()
        await queue(log, 2)
        await owner.puller.pull(5, 0.2)
        await owner.ended(2)
        assert owner.sequences == [1, 2]
        assert owner.ends == [False, False]


async def test_a_request_ends_early_when_the_bytes_it_may_bring_are_used_up(log: Log) -> None:
    async with pulling(log) as owner:
        await queue(log, 6, size=1000)
        await owner.puller.pull(6, 10.0, bytes_max=3000)
        await owner.ended()
        assert owner.ends == [False]
        assert 1 <= len(owner.arrived) <= 3
        await owner.puller.pull(6 - len(owner.arrived), 10.0)
        await owner.ended(2)
        assert owner.sequences == [1, 2, 3, 4, 5, 6]


async def test_a_request_with_a_byte_limit_that_brings_all_it_was_asked_for_ends_once_and_without_a_reason(
    log: Log,
) -> None:
    async with pulling(log) as owner:
        await queue(log, 4)
        await owner.puller.pull(4, 10.0, bytes_max=1 << 20)
        await owner.ended()
        assert owner.sequences == [1, 2, 3, 4]
        assert owner.ends == [False]


@pytest.mark.invariant(1)
async def test_a_record_over_the_bytes_of_a_request_ends_it_and_is_not_lost(log: Log) -> None:
    async with pulling(log) as owner:
        await queue(log, 1, size=5000)
        await owner.puller.pull(1, 10.0, bytes_max=3000)
        await owner.ended()
        assert owner.arrived == []
        assert owner.ends == [False]
        await owner.puller.pull(1, 10.0)
        await owner.ended(2)
        assert owner.sequences == [1]


@pytest.mark.parametrize("operation", ["CONSUMER.DELETE.HEADRACE.run-echo-normal", "STREAM.DELETE.HEADRACE"])
async def test_a_consumer_that_goes_away_ends_the_request_with_a_reason(log: Log, operation: str) -> None:
    async with pulling(log) as owner:
        await owner.puller.pull(3, 30.0)
        await until(lambda: _waits_at_the_server(log), "the request to reach the consumer")
        await log.jetstream.request(operation)
        await owner.ended()
        assert owner.ends == [True]


async def _waits_at_the_server(log: Log) -> bool:
    return (await log.jetstream.request(f"CONSUMER.INFO.HEADRACE.{LANE}"))["num_waiting"] == 1


async def test_a_consumer_that_is_not_there_ends_the_request_with_a_reason(log: Log) -> None:
    async with pulling(log) as owner:
        await log.jetstream.request(f"CONSUMER.DELETE.HEADRACE.{LANE}")
        await owner.puller.pull(3, 30.0)
        await owner.ended()
        assert owner.ends == [True]
        await provision_lanes(log, "echo", None)
        await queue(log, 1)
        await owner.puller.pull(1, 30.0)
        await owner.ended(2)
        assert owner.ends == [True, False]
        assert owner.sequences == [1]


async def test_a_request_that_was_reset_is_forgotten_and_does_not_end_the_next(log: Log) -> None:
    async with pulling(log) as owner:
        await owner.puller.pull(2, 0.3)
        owner.puller.reset()
        assert owner.ends == [False]
        await owner.puller.pull(2, 0.6)
        owner_of_second = owner.puller.outstanding
        assert owner_of_second == 2
        await owner.ended(2)  # by its own expiry: that of the first, half as far away, was passed over
        await queue(log, 2)
        await owner.puller.pull(2, 10.0)
        await owner.ended(3)
        assert owner.sequences == [1, 2]


async def test_resetting_when_nothing_is_asked_for_says_nothing(log: Log) -> None:
    async with pulling(log) as owner:
        owner.puller.reset()
        owner.puller.check()
        assert owner.ends == []


async def test_it_is_asked_again_after_a_reconnect(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with proxy_to(nats.port) as proxy:
        settings = settings_for(nats, HEADRACE_NATS_URL=proxy.url)
        async with open_log(settings, "test") as log, pulling(log) as owner:

            async def again() -> None:
                owner.puller.reset()
                await owner.puller.pull(2, 30.0)

            log.on_reconnect(again)
            await owner.puller.pull(2, 30.0)
            await owner.settled()
            proxy.cut()
            await until(lambda: owner.ends and log.is_connected, "the reconnect")
            await queue(log, 2)
            await owner.ended(2)
            assert owner.sequences == [1, 2]


async def test_silence_is_the_end_and_heartbeats_are_none(
    log: Log, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(pull, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(pull, "HEARTBEAT_SECONDS", 0.05)
    async with pulling(log) as owner:
        await owner.puller.pull(1, 60.0)
        clock.now += pull.SILENCE_SECONDS - 0.1
        await until(lambda: owner.puller._heard == clock.now, "a heartbeat")
        clock.now += pull.SILENCE_SECONDS - 0.1
        owner.puller.check()
        assert owner.ends == []  # two spans of almost-silence with a heartbeat between them

        with stopped(nats):
            clock.now += 1000.0
            owner.puller.check()
            assert owner.ends == [False]
            owner.puller.check()
            assert owner.ends == [False]
        await owner.puller.pull(1, 60.0)
        await queue(log, 1)
        await until(lambda: owner.arrived, "the record")


async def test_short_requests_ask_for_no_heartbeat(log: Log) -> None:
    asked: list[bytes] = []

    async def listen(message: object) -> None:
        asked.append(message.data)  # type: ignore[attr-defined]

    await log._connection.subscribe("$JS.API.CONSUMER.MSG.NEXT.>", cb=listen)
    async with pulling(log) as owner:
        for expires in (0.1, 4.0, 4.1):  # the server refuses a heartbeat over half the expiry
            await owner.puller.pull(1, expires)
            owner.puller.reset()
        await until(lambda: len(asked) == 3, "the requests")
        assert [b"idle_heartbeat" in each for each in asked] == [False, False, True]


@pytest.mark.invariant(1)
async def test_after_closing_nothing_is_delivered_here_and_all_of_it_to_the_next(log: Log) -> None:
    async with pulling(log) as first:
        await first.puller.pull(5, 30.0)
        await first.settled()
        await first.puller.close()
        async with pulling(log) as second:
            await queue(log, 3)
            await second.puller.pull(3, 10.0)
            await second.ended()
            assert second.sequences == [1, 2, 3]
        assert first.arrived == []
        assert first.puller.outstanding == 0


async def test_two_pullers_share_a_lane_without_overlap(log: Log) -> None:
    async with pulling(log) as one, pulling(log) as other:
        await queue(log, 20)
        await asyncio.gather(one.puller.pull(10, 10.0), other.puller.pull(10, 10.0))
        await one.ended()
        await other.ended()
        for each in (*one.arrived, *other.arrived):
            await each.ack()
        assert sorted(one.sequences + other.sequences) == list(range(1, 21))


async def test_a_puller_on_a_closed_connection_just_has_nothing_outstanding(nats: EmbeddedNats) -> None:
    async with open_log(settings_for(nats), "test") as log:
        owner = Owner(log)
        await owner.puller.open()
    await owner.puller.pull(1, 10.0)
    assert owner.puller.outstanding == 0
    await owner.puller.close()


async def test_acknowledgements_are_sent_together_and_all_of_them(log: Log) -> None:
    async with pulling(log) as owner:
        acknowledger = log.acknowledger()
        await queue(log, 30)
        await owner.puller.pull(30, 10.0)
        await owner.ended()
        for each in owner.arrived[:20]:
            acknowledger.ack(each)
        await acknowledger.flush()
        for each in owner.arrived[20:]:
            acknowledger.ack(each)
        await acknowledger.flush()
        await acknowledger.flush()  # with nothing to send, there is nothing to wait for
        await until(lambda: none_pending(log), "every one to be acknowledged")


async def none_pending(log: Log) -> bool:
    lane = (await kind_consumers(log, "echo"))["run-echo-normal"]
    return lane["num_ack_pending"] == 0


async def test_acknowledgements_that_cannot_be_sent_are_not_an_error(nats: EmbeddedNats) -> None:
    async with open_log(settings_for(nats), "test") as log, pulling(log) as owner:
        await queue(log, 1)
        await owner.puller.pull(1, 10.0)
        await owner.ended()
    acknowledger = log.acknowledger()  # closed by now
    acknowledger.ack(owner.arrived[0])
    await acknowledger.flush()
