from __future__ import annotations

import asyncio

import pytest

from headrace.store import leadership
from headrace.store.leadership import LeaderSession
from headrace.store.outages import DRIVER_ERRORS
from tests.conftest import MakeCluster
from tests.waiting import until

TAKE_OVER_SECONDS = 30.0


@pytest.mark.invariant(7)
async def test_of_several_connections_one_leads_and_only_for_its_life(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    one, other = [await LeaderSession.connect(cluster.database_url) for _ in range(2)]
    assert await one.try_lead()
    assert not await other.try_lead()
    one.close()
    await until(other.try_lead, "the lock to be free")
    other.close()


@pytest.mark.invariant(7)
async def test_one_that_stops_between_the_messages_of_a_statement_loses_the_lead_too(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres takes a session for idle only between statements; asyncpg sends one in two messages, the first time."""
    monkeypatch.setattr("headrace.store.leadership.TRANSACTION_MILLISECONDS", 300)
    cluster = await make_cluster()
    one, other = [await LeaderSession.connect(cluster.database_url) for _ in range(2)]
    assert await one.try_lead()
    await one.connection.prepare("SELECT 1")  # the first of the two, and then nothing
    await until(other.try_lead, "the lock to be free", TAKE_OVER_SECONDS)
    one.close()
    other.close()


@pytest.mark.invariant(7)
async def test_one_that_waits_for_something_else_keeps_the_lead(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(leadership.SESSION_SETTINGS, "idle_session_timeout", "300")
    monkeypatch.setattr(leadership, "KEEP_ALIVE_SECONDS", 0.05)
    cluster = await make_cluster()
    one = await LeaderSession.connect(cluster.database_url)
    assert await one.try_lead()
    assert await one.hold_while(asyncio.sleep(1, "done")) == "done"
    assert await one.try_lead()
    with pytest.raises(ZeroDivisionError):
        await one.hold_while(_fail())
    one.close()


async def test_one_that_loses_its_session_leaves_what_it_waits_for(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "KEEP_ALIVE_SECONDS", 0.05)
    cluster = await make_cluster()
    one = await LeaderSession.connect(cluster.database_url)
    ended: list[str] = []

    async def work() -> None:
        one.close()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    with pytest.raises(DRIVER_ERRORS):
        await one.hold_while(work())
    assert ended == ["work"]


async def _fail() -> None:
    raise ZeroDivisionError
