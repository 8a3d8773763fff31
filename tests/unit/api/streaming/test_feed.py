from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from headrace.api.streaming import frame_buffer as buffer_module
from headrace.api.streaming.feed import Feed
from headrace.api.streaming.follower import Discontinued
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.events import (
    EventName,
    Logged,
    encode,
)
from headrace.contracts.positions import Position
from headrace.embedded.nats import EmbeddedNats
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.replay import Page
from headrace.log.subjects import task_events
from tests.proxy import proxy_to
from tests.unit.api.streaming.hub_steps import (
    LINE,
    PATIENCE_SECONDS,
    Client,
    client_on,
    hub_on,
    network,
    new_owner,
    subject_of,
)
from tests.unit.api.streaming.test_frames import read_frame
from tests.unit.conftest import settings_for
from tests.waiting import until


async def test_large_events_do_not_pile_up_behind_a_slow_reader(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer_module, "BYTES_MAX", 10_000)
    owner = new_owner()
    large = encode(Logged(attempt=1, level="info", message="x" * 3000))
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        (feed,) = hub._feeds.values()
        expected: list[int] = []
        for _ in range(20):
            expected.append((await shared_log.appender.append(subject_of(owner), large, {})).sequence)
            await until(lambda: feed.buffer.complete_through >= expected[-1], "the event to arrive")
            assert sum(len(frame.encoded) for frame in feed.buffer.all_after(0)) <= 10_000
        await client.read_up_to(expected[-1])
        assert client.seen == expected


@pytest.mark.invariant(6)
async def test_a_stream_goes_on_over_a_broken_connection_without_a_gap_or_a_repeat(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats), "near") as near,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "far") as far,
        hub_on(far) as hub,
    ):
        client = await client_on(hub, far, "u")
        expected: list[int] = []
        for n in range(4):
            for _ in range(3):
                expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
            if n % 2:
                await client.read_up_to(expected[-1])
            proxy.go_down()
            await until(lambda: not far.is_connected, "the connection to break")
            for _ in range(3):
                expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
            await proxy.listen()
            await until(lambda: far.is_connected, "the connection to come back")
        expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
        await until(lambda: far.replayer._connection.is_connected, "history to come back")
        await client.read_up_to(expected[-1])
        assert client.seen == expected


@pytest.mark.invariant(6)
async def test_a_page_of_a_copy_that_is_behind_is_read_again_while_who_leads_is_behind_too(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, stranger = new_owner(), new_owner()
    before = Position(shared_log.epoch, (await shared_log.refresh()).last_sequence)
    appended = await shared_log.appender.append(subject_of(owner), LINE, {})
    known = await shared_log.appender.append(subject_of(stranger), LINE, {})
    monkeypatch.setattr(shared_log, "settings", msgspec.structs.replace(shared_log.settings, replicas=3))
    replayer, leading = shared_log.replayer, shared_log.replayer.leading
    read, ask, request = replayer.page, leading.last, leading._jetstream.request
    copies = iter((appended.sequence - 1, known.sequence - 1, known.sequence))
    has = 0

    async def page_of_copy(subject: str, *, start: int = 1) -> Page:
        nonlocal has
        has = next(copies)
        records, _ = await read(subject, start=start)
        return Page([each for each in records if each.sequence <= has], more=False)

    async def last_of_copy(subject: str) -> int:
        return min(await ask(subject), has)

    async def info_of_copy(operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        info = await request(operation, body)
        return {**info, "state": {**info["state"], "last_seq": has}}

    monkeypatch.setattr(replayer, "page", page_of_copy)
    monkeypatch.setattr(leading, "last", last_of_copy)
    monkeypatch.setattr(leading._jetstream, "request", info_of_copy)
    feed = Feed(shared_log, task_events(owner), StreamMetrics(), before)
    try:
        await feed.opened
        feed.catch_up()
        await until(lambda: feed.buffer.complete_through >= known.sequence, "the feed to be complete")
        assert [frame.sequence for frame in feed.buffer.all_after(before.sequence)] == [appended.sequence]
        assert next(copies, None) is None
    finally:
        await feed.close()


@pytest.mark.invariant(6)
async def test_history_that_cannot_be_read_is_asked_for_again(shared_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = new_owner()
    appended = await shared_log.appender.append(subject_of(owner), LINE, {})
    monkeypatch.setattr("headrace.api.streaming.feed.JOIN_POSITIONS_MAX", 0)
    async with hub_on(shared_log) as hub:
        after = Position(shared_log.epoch, appended.sequence - 1)
        client = Client(task_events(owner), after, await hub.follow(task_events(owner), after))

        async def away(*_: object, **__: object) -> None:
            raise LogUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(shared_log.replayer, "page", away)
            for _ in range(2):
                with pytest.raises(LogUnavailable):
                    await client.follower.next(1.0)
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]


@pytest.mark.invariant(6)
async def test_what_comes_live_while_the_log_cannot_be_read_waits_for_what_is_before_it(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_owner()
    monkeypatch.setattr("headrace.api.streaming.feed.RETRY_SECONDS", 0.01)
    failing = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        failing.set()
        raise LogUnavailable("away")

    with network() as between:
        async with hub_on(shared_log) as hub:
            client = await client_on(hub, shared_log, owner)
            between.lose = 1
            with monkeypatch.context() as patch:
                patch.setattr(shared_log.replayer, "page", away)
                expected = [(await shared_log.appender.append(subject_of(owner), LINE, {})).sequence for _ in range(2)]
                await failing.wait()
                assert await client.follower.next(0.02) == []
            await client.read_up_to(expected[-1])
            assert client.seen == expected


@pytest.mark.invariant(6)
async def test_a_log_that_was_made_anew_is_not_mistaken_for_the_old_one(log: Log, nats: EmbeddedNats) -> None:
    async with hub_on(log) as hub:
        client = await client_on(hub, log, "u")
        before = log.epoch
        await nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        await nats.start()
        await until(lambda: log.epoch != before, "the log to be made anew")
        with pytest.raises(Discontinued):
            await client.follower.next(1.0)
        client.follower.restart(Position(log.epoch, 0))
        await until(lambda: log.replayer._connection.is_connected, "history to come back")
        appended = await log.appender.append(subject_of("u"), LINE, {})
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]
        assert client.follower.position.epoch == log.epoch


async def test_an_event_is_encoded_once_for_all_who_follow(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        clients = [await client_on(hub, shared_log, owner) for _ in range(3)]
        waiting = [asyncio.create_task(client.follower.next(PATIENCE_SECONDS)) for client in clients]
        await asyncio.sleep(0)
        await shared_log.appender.append(subject_of(owner), LINE, {})
        (first,), *others = await asyncio.gather(*waiting)
        assert all(other.encoded is first.encoded for (other,) in others)


@pytest.mark.invariant(6)
@pytest.mark.parametrize("payload", [b"", b"{}", b"nonsense", b"[1]"])
@pytest.mark.parametrize("event", [EventName.QUEUED, EventName.STARTED])
async def test_an_event_that_cannot_be_read_does_not_end_the_streams_that_come_past_it(
    shared_log: Log, event: EventName, payload: bytes
) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        await shared_log.appender.append(subject_of(owner, event), payload, {})
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        frames = []
        while client.follower.position.sequence < appended.sequence:
            frames += await client.follower.next(5)
        assert frames[-1].sequence == appended.sequence
        for frame in frames:
            read_frame(frame.encoded)


@pytest.mark.invariant(6)
async def test_what_arrives_before_a_reconnect_is_dealt_with_does_not_hide_what_was_lost(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats), "near") as near,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "far") as far,
    ):
        held = asyncio.Event()

        async def slow() -> None:  # as are the callbacks and the provisioning that come before the hub's turn
            await held.wait()

        far.on_reconnect(slow)
        async with hub_on(far) as hub:
            client = await client_on(hub, far, "u")
            reading = asyncio.create_task(client.follower.next(5))
            proxy.go_down()
            await until(lambda: not far.is_connected, "the connection to break")
            lost = await near.appender.append(subject_of("u"), LINE, {})
            await proxy.listen()
            await until(lambda: far.is_connected, "the connection to come back")
            await until(lambda: far.replayer._connection.is_connected, "history to come back")
            await far._connection.flush()
            later = await near.appender.append(subject_of("u"), LINE, {})
            await asyncio.wait([reading], timeout=0.2)  # it is not to be given the later one alone
            held.set()
            seen = [frame.sequence for frame in await reading]
            async with asyncio.timeout(5):
                while client.follower.position.sequence < later.sequence:
                    seen += [frame.sequence for frame in await client.follower.next(5)]
            assert seen == [lost.sequence, later.sequence]


@pytest.mark.invariant(6)
async def test_streams_go_on_although_catching_up_after_a_reconnect_failed_at_first(
    log: Log, nats: EmbeddedNats
) -> None:
    failures = iter([LogUnavailable("JetStream is still recovering its files")])

    async def failing() -> None:
        for failure in failures:
            raise failure

    log.on_reconnect(failing)  # as the provisioning does when JetStream takes more than a minute
    async with hub_on(log) as hub:
        client = await client_on(hub, log, "u")
        await nats.kill()
        await until(lambda: not log.is_connected, "the connection to break")
        await nats.start()
        await until(lambda: log.is_connected, "the connection to come back")
        await until(lambda: log.replayer._connection.is_connected, "history to come back")
        appended = await log.appender.append(subject_of("u"), LINE, {})
        await client.read_up_to(appended.sequence)
