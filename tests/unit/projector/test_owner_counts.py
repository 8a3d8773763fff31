from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest

from headrace.contracts.counts import OwnerCounts
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.projector import owner_counts
from headrace.projector.owner_counts import INTERVAL_SECONDS, OwnerCountsTelling
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from tests.unit.store.test_projection import row


class Telling:
    """A log that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, OwnerCounts]] = []
        self.live: Any = self
        self.is_away = False

    async def publish(self, subject: str, payload: bytes) -> None:
        if self.is_away:
            raise LogUnavailable("NATS is away")
        self.told.append((subject, msgspec.json.decode(payload, type=OwnerCounts)))


@pytest.fixture
async def session(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[LeaderSession]:
    session = await LeaderSession.connect(await make_database())
    tasks = [row(1), row(1, id="t2", state="failed"), row(1, id="t3", owner="u2", kind="other")]
    await Projection(session).write_page(FoldedPage(tasks=tasks), Position(1, 1))
    yield session
    session.close()


async def test_the_counts_of_an_owner_and_of_everybody_are_told_at_once_and_then_at_most_every_interval(
    session: LeaderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Telling()
    telling = OwnerCountsTelling(cast("Log", log))
    assert telling.patience(60.0) == 60.0
    telling.note({"u1"})
    assert telling.patience(60.0) == 0.0
    await telling.tell_when_due(session)
    (of_all, everybody), (of_mine, mine) = log.told
    assert (of_all, of_mine) == ("hr.live.counts", "hr.live.counts.u1")
    assert (mine.counts.queued, mine.counts.failed, list(mine.kinds)) == (1, 1, ["echo"])
    assert (everybody.counts.queued, sorted(everybody.kinds)) == (2, ["echo", "other"])

    telling.note({"u1", "u2"})
    telling.note({"u1"})
    await telling.tell_when_due(session)
    assert len(log.told) == 2, "these were told just now"
    assert 0.0 < telling.patience(60.0) <= INTERVAL_SECONDS
    monkeypatch.setattr(owner_counts, "INTERVAL_SECONDS", 0.0)
    await telling.tell_when_due(session)
    assert {subject for subject, _ in log.told[2:]} == {"hr.live.counts", "hr.live.counts.u1", "hr.live.counts.u2"}
    assert telling.patience(60.0) == 60.0


async def test_more_owners_than_are_told_at_once_are_told_the_next_time(
    session: LeaderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_counts, "OWNERS_MAX", 1)
    monkeypatch.setattr(owner_counts, "INTERVAL_SECONDS", 0.0)
    log = Telling()
    telling = OwnerCountsTelling(cast("Log", log))
    telling.note(["u1", "u2"])
    await telling.tell_when_due(session)
    await telling.tell_when_due(session)
    assert [subject for subject, _ in log.told if subject != "hr.live.counts"] == [
        "hr.live.counts.u1",
        "hr.live.counts.u2",
    ]


async def test_counts_that_cannot_be_told_hold_nothing_up(session: LeaderSession) -> None:
    log = Telling()
    log.is_away = True
    telling = OwnerCountsTelling(cast("Log", log))
    telling.note(["u1"])
    await telling.tell_when_due(session)
    assert telling.patience(60.0) == 60.0
