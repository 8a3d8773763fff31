from __future__ import annotations

import asyncio

import pytest
from nats.aio.msg import Msg

from headrace.log.client import open_client
from headrace.log.live import heard_all
from headrace.settings import Settings

SUBSCRIPTIONS = 100  # of nats-py's own flush a few in a hundred come too early


async def test_after_a_flush_the_server_knows_of_every_subscription(settings: Settings) -> None:
    heard: list[str] = []

    async def note(message: Msg) -> None:
        heard.append(message.subject)

    subjects = [f"flushed.{number}" for number in range(SUBSCRIPTIONS)]
    async with open_client(settings.nats, "hears") as hears, open_client(settings.nats, "says") as says:
        for subject in subjects:
            subscription = await hears.subscribe(subject, cb=note)
            await hears.flush()
            await says.publish(subject, b"")
            await says.flush()
            await heard_all(hears, subscription)
    assert heard == subjects


async def test_who_stops_waiting_for_a_flush_does_not_deafen_the_connection(settings: Settings) -> None:
    async with open_client(settings.nats, "asks") as asks:
        for _ in range(SUBSCRIPTIONS):
            flushing = asyncio.create_task(asks.flush())
            while not asks._pongs:
                await asyncio.sleep(0)
            # The server's answer is on its way now, and nobody waits for it.
            flushing.cancel()
            await asyncio.wait({flushing})
            await asks.flush()
        assert (await asks.request("$JS.API.INFO", timeout=5)).data


async def test_who_stops_waiting_in_the_moment_of_the_answer_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_client(settings.nats, "asks") as asks:
        answer = asks._process_pong

        async def answer_and_cancel() -> None:
            await answer()
            flushing.cancel()

        monkeypatch.setattr(asks, "_process_pong", answer_and_cancel)
        flushing = asyncio.create_task(asks.flush())
        await asyncio.wait({flushing}, timeout=10)
        assert flushing.cancelled()
