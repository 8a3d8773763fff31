"""The schedules of an owner fire together at most as often as the owner may submit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.firing_rate import check_firing_rate
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.schedules import Schedule, ScheduleDefinition, ScheduleSaved, encode
from headrace.errors import InvalidInput
from tests.unit.store.identity_rows import NOW, SECOND, new_id

INSERT = text(
    "INSERT INTO schedules (id, owner, definition, created_at, updated_at, epoch, sequence)"
    " VALUES (:id, :owner, CAST(:saved AS json) -> 'definition', :at, :at, 1, 1)"
)


def schedule(**given: Any) -> ScheduleDefinition:
    return ScheduleDefinition(kind="noop", input={}, **given)


@pytest.fixture
async def session(database: IdentityDatabase) -> AsyncGenerator[AsyncSession]:
    async with database.transaction() as opened:
        yield opened


async def save(session: AsyncSession, owner: str, definition: ScheduleDefinition) -> Schedule:
    saved = encode(ScheduleSaved(definition=definition)).decode()
    made = Schedule(id=new_id(), owner=owner, definition=definition, created_at=NOW, updated_at=NOW, position="")
    await session.execute(INSERT, {"id": made.id, "owner": owner, "saved": saved, "at": NOW})
    return made


async def test_active_schedules_count_together_and_others_do_not(session: AsyncSession) -> None:
    ada = new_id()
    for definition in (
        *(schedule(every=2), schedule(every=2), schedule(cron="*/6 * * * * *")),
        *(schedule(every=1, paused=True), schedule(every=1, end_at=NOW)),
    ):
        await save(session, ada, definition)
    await save(session, new_id(), schedule(every=1))
    # 30 + 30 + 10 are there already.
    await check_firing_rate(session, ada, schedule(every=6), 80, NOW)
    with pytest.raises(InvalidInput, match="would fire 80 times a minute, and may 79 times") as refused:
        await check_firing_rate(session, ada, schedule(cron="*/6 * * * * *"), 79, NOW)
    assert [each.path for each in refused.value.errors] == ["/cron"]
    for idle in (schedule(every=1, paused=True), schedule(every=1, end_at=NOW - SECOND)):
        await check_firing_rate(session, ada, idle, 79, NOW)


async def test_a_schedule_may_always_fire_less_often_and_be_resumed_only_within_the_limit(
    session: AsyncSession,
) -> None:
    ada = new_id()
    busy, paused = await save(session, ada, schedule(every=1)), await save(session, ada, schedule(every=1, paused=True))
    # The limit was lowered since.
    for definition in (schedule(every=1, name="x"), schedule(every=2), schedule(every=1, paused=True)):
        await check_firing_rate(session, ada, definition, 10, NOW, replaces=busy)
    with pytest.raises(InvalidInput, match="would fire 120 times"):
        await check_firing_rate(session, ada, schedule(every=1), 119, NOW, replaces=paused)
    await check_firing_rate(session, ada, schedule(every=1), 120, NOW, replaces=paused)
