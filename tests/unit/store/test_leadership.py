from __future__ import annotations

import pytest

from headrace.store.leadership import LeaderSession
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
