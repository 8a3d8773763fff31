from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.api.streaming.hub import Hub
from headrace.contracts.events import (
    Logged,
    encode,
)
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.subjects import task_events
from tests.unit.api.streaming.hub_steps import (
    LINE,
    PATIENCE_SECONDS,
    Client,
    client_on,
    hub_on,
    new_owner,
    subject_of,
)
from tests.waiting import until


async def test_one_subscription_serves_all_who_follow_a_subject(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        before = len(shared_log._connection._subs)
        clients = [await client_on(hub, shared_log, owner) for _ in range(5)]
        assert (hub.feeds, hub.followers) == (1, 5)
        assert len(shared_log._connection._subs) == before + 1
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        for client in clients:
            await client.read_up_to(appended.sequence)
            assert client.seen == [appended.sequence]


async def test_the_last_one_out_closes_the_subscription_and_leaves_nothing(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        subscriptions, tasks = set(shared_log._connection._subs), asyncio.all_tasks()
        one, other = [await client_on(hub, shared_log, owner) for _ in range(2)]
        one.follower.close()
        assert (hub.feeds, hub.followers) == (1, 1)
        other.follower.close()
        other.follower.close()  # nothing happens twice
        assert (hub.feeds, hub.followers) == (0, 0)
        await until(lambda: set(shared_log._connection._subs) == subscriptions, "the subscription to be gone")
        await until(lambda: asyncio.all_tasks() <= tasks, "its tasks to be gone")


@pytest.mark.invariant(6)
async def test_whoever_comes_after_the_last_one_left_is_served_anew(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        for _ in range(3):
            client = await client_on(hub, shared_log, owner)
            appended = await shared_log.appender.append(subject_of(owner), LINE, {})
            await client.read_up_to(appended.sequence)
            assert client.seen == [appended.sequence]
            client.follower.close()


@pytest.mark.invariant(8)
async def test_nobody_sees_what_happens_to_somebody_else(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        for _ in range(5):
            await shared_log.appender.append(subject_of(owner + "x"), LINE, {})
            await shared_log.appender.append(subject_of("x" + owner), LINE, {})
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]


@pytest.mark.invariant(6)
async def test_many_join_at_any_moment_while_the_log_grows(shared_log: Log) -> None:
    owner = new_owner()
    sequences: list[int] = []
    begin = (await shared_log.refresh()).last_sequence

    async def append_all() -> None:
        for n in range(600):
            payload = encode(Logged(attempt=1, level="info", message="x"))
            appended = await shared_log.appender.append(f"hr.tasks.logged.echo.normal.{owner}.{n % 5}", payload, {})
            sequences.append(appended.sequence)

    async def follow(hub: Hub, after_records: int) -> Client:
        await until(lambda: len(sequences) >= after_records, "the log to grow")
        after = Position(shared_log.epoch, sequences[after_records // 2] if after_records else begin)
        task = str(after_records % 5) if after_records % 2 else "*"
        subject = task_events(owner, task)
        client = Client(subject, after, await hub.follow(subject, after))
        await appending
        wanted = [each for n, each in enumerate(sequences) if each > after.sequence and task in ("*", str(n % 5))]
        await client.read_up_to(wanted[-1])
        assert client.seen == wanted
        return client

    async with hub_on(shared_log) as hub:
        appending = asyncio.create_task(append_all())
        clients = await asyncio.gather(*(follow(hub, 37 * n) for n in range(16)))
        assert hub.followers == len(clients)


@pytest.mark.invariant(6)
async def test_two_who_join_a_subject_at_the_same_moment_share_one_subscription_and_see_each_event_once(
    shared_log: Log,
) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        before = len(shared_log._connection._subs)
        one, _ = await asyncio.gather(*(client_on(hub, shared_log, owner) for _ in range(2)))
        subscriptions = len(shared_log._connection._subs) - before
        for _ in range(3):
            appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        await one.read_up_to(appended.sequence)
        assert (len(one.seen), subscriptions) == (3, 1)


@pytest.mark.invariant(6)
@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_who_joins_while_another_opens_the_feed_and_that_one_goes_away_is_not_left_waiting(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    subject, after = task_events("opener"), Position(shared_log.epoch, 0)
    asked, answer = asyncio.Event(), asyncio.Event()
    refresh = shared_log.refresh

    async def slow() -> Any:
        if asked.is_set():
            return await refresh()
        asked.set()
        await answer.wait()
        if how == "fails":
            raise LogUnavailable("away")
        return await refresh()

    monkeypatch.setattr(shared_log, "refresh", slow)
    async with hub_on(shared_log) as hub:
        opening = asyncio.create_task(hub.follow(subject, after))
        await asked.wait()
        joining = asyncio.create_task(hub.follow(subject, after))
        await asyncio.sleep(0)
        if how == "is cancelled":
            opening.cancel()
        answer.set()
        await asyncio.wait([opening])
        try:
            async with asyncio.timeout(2):
                await asyncio.wait([joining])
            assert joining.done()
            assert (joining.exception() is None) == (how == "is cancelled")
        finally:
            joining.cancel()
            await asyncio.wait([joining])


async def test_who_is_cancelled_while_it_subscribes_leaves_no_subscription(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        joining = asyncio.create_task(hub.follow(task_events("cancelled"), Position(shared_log.epoch, 0)))
        for _ in range(2):
            await asyncio.sleep(0)
        joining.cancel()
        await asyncio.wait([joining])
        assert hub.feeds == 0


async def test_a_log_that_cannot_be_reached_is_not_followed_and_leaves_nothing(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise LogUnavailable("away")

    async with hub_on(shared_log) as hub:
        owner = new_owner()
        with monkeypatch.context() as patch:
            patch.setattr(shared_log, "refresh", away)
            with pytest.raises(LogUnavailable):
                await hub.follow(task_events(owner), Position(shared_log.epoch, 0))
        assert (hub.feeds, hub.followers) == (0, 0)
        await client_on(hub, shared_log, owner)


async def test_draining_wakes_everybody(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        clients = [await client_on(hub, shared_log, new_owner()) for _ in range(3)]
        waiting = [asyncio.create_task(client.follower.next(PATIENCE_SECONDS)) for client in clients]
        await asyncio.sleep(0)
        hub.drain()
        assert await asyncio.gather(*waiting) == [[], [], []]
        assert hub.draining
