from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from headrace.api.streaming import batch_follower
from headrace.api.streaming.batch_follower import BatchFollower
from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.tasks import Priority
from headrace.errors import ReadModelUnavailable


def batch(sequence: int, **changed: Any) -> Batch:
    made = Batch(
        id="b1",
        kind="echo",
        priority=Priority.LOW,
        owner="u1",
        total=9,
        counts=Counts(queued=9),
        state=BatchState.OPEN,
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
        position=f"1700-{sequence}",
    )
    return msgspec.structs.replace(made, **changed)


class Around:
    """What a follower sees: the live feed, the read model, and the process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.row = batch(1)
        self.looks = 0
        self.away = False
        self.subscribed = 0
        self.reconnected: list[Callable[[], Any]] = []
        self.hub = SimpleNamespace(draining=False)
        self.log = SimpleNamespace(live=SimpleNamespace(watch=self._watch), on_reconnect=self._on_reconnect)
        monkeypatch.setattr(batch_follower.stored_batches, "find_batch", self._find)

    async def open(self) -> BatchFollower:
        return await BatchFollower.open(cast("Any", self.log), cast("Any", self.hub), cast("Any", self), batch(1))

    def tell(self, found: Batch | bytes) -> None:
        self._on_value("", found if isinstance(found, bytes) else msgspec.json.encode(found))

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[None]:
        if self.away:
            raise ReadModelUnavailable("away")
        yield

    async def close(self) -> None:
        self.subscribed -= 1

    async def _watch(self, subject: str, on_value: Callable[[str, bytes], None]) -> Any:
        assert subject == "hr.live.batches.*.u1.b1"
        self._on_value = on_value
        self.subscribed += 1
        return self

    async def _find(self, *_: Any) -> Batch:
        self.looks += 1
        return self.row

    def _on_reconnect(self, callback: Callable[[], Any]) -> Callable[[], None]:
        self.reconnected.append(callback)
        return lambda: self.reconnected.remove(callback)


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Around:
    return Around(monkeypatch)


async def test_the_first_view_is_what_the_read_model_has_after_the_subscription(around: Around) -> None:
    around.row = batch(5)
    follower = await around.open()
    assert await follower.next(1) == batch(5)
    assert await follower.next(0.01) is None
    follower.close()
    await asyncio.sleep(0)
    assert (around.subscribed, around.reconnected) == (0, [])


async def test_the_latest_wins_and_nothing_older_comes_after_it(around: Around) -> None:
    follower = await around.open()
    await follower.next(1)
    for sequence in (4, 7, 6, 7):
        around.tell(batch(sequence))
    assert await follower.next(1) == batch(7)
    around.tell(batch(5))
    around.tell(b"nonsense")
    around.tell(batch(8, position="nonsense"))
    assert await follower.next(0.01) is None
    around.tell(batch(1, position="1701-1"))  # of a log that was made anew
    assert (await follower.next(1) or batch(0)).position == "1701-1"
    follower.close()


async def test_what_was_lost_on_the_way_is_found_in_the_read_model(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_follower, "DRAINING_POLL_SECONDS", 0.01)
    monkeypatch.setattr(batch_follower, "SILENCE_SECONDS", 0.05)
    follower = await around.open()
    await follower.next(1)
    around.away = True
    assert await follower.next(0.1) is None  # Postgres away: it goes on
    around.away = False
    around.row = batch(9, state=BatchState.SETTLED)
    assert await follower.next(1) == around.row
    follower.close()


async def test_after_a_reconnect_the_read_model_is_asked_at_once(around: Around) -> None:
    follower = await around.open()
    await follower.next(1)
    around.row = batch(3)
    waiting = asyncio.create_task(follower.next(5))
    await asyncio.sleep(0)
    looks = around.looks
    for callback in around.reconnected:
        await callback()
    assert await asyncio.wait_for(waiting, 1) == batch(3)
    assert around.looks == looks + 1
    follower.close()


async def test_a_process_that_is_told_to_stop_lets_its_followers_go(around: Around) -> None:
    follower = await around.open()
    await follower.next(1)
    waiting = asyncio.create_task(follower.next(15))
    await asyncio.sleep(0)
    around.hub.draining = True
    assert await asyncio.wait_for(waiting, 1) is None
    follower.close()
