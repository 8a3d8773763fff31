"""Two processes that tell each other over a real NATS what they have open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from headrace.api.streaming.places import Places
from headrace.api.streaming.shared_places import SharedPlaces
from headrace.embedded.nats import EmbeddedNats
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.log.opening import open_log
from tests.unit.api.streaming.test_places import ADA
from tests.unit.conftest import settings_for
from tests.waiting import until


@asynccontextmanager
async def told(log: Log) -> AsyncGenerator[Places]:
    """The places at a process, while it tells and hears."""
    places = Places()
    shared = SharedPlaces(log, places)
    await shared.open()
    telling = asyncio.create_task(shared.tell_regularly())
    yield places
    telling.cancel()


async def test_processes_hear_of_each_other_at_once_and_again_when_nats_was_away(nats: EmbeddedNats, log: Log) -> None:
    async with open_log(settings_for(nats), "two") as second, told(log) as one, told(second) as two:
        for _ in range(2):
            one.reserve(ADA)
        await until(lambda: two._count_elsewhere("ada") == 2, "two to hear of the streams at one")
        assert one._count_elsewhere("ada") == 0, "nobody counts what is its own twice"

        with capture_logs() as logged:
            await log.live.publish(live_subjects.open_streams("of-a-later-version"), b"[1]")
            await until(lambda: logged, "what cannot be read")
        assert logged[0]["event"] == "what another process has open cannot be read"

        await nats.stop()
        for _ in range(2):
            one.release(ADA)
        two.reserve(ADA)
        await nats.start()
        await until(lambda: two._count_elsewhere("ada") == 0, "two to hear that they have ended")
        await until(lambda: one._count_elsewhere("ada") == 1, "one to hear of the other's")
