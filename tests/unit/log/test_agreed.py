"""Reads of a replicated log, of which a copy that is behind may answer."""

from __future__ import annotations

import msgspec
import pytest

from headrace.errors import LogUnavailable
from headrace.log import agreed
from headrace.log.agreed import last_agreed, last_of_each_caught_up, state_agreed, state_with
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.streams import StreamState
from headrace.log.subjects import task_events


@pytest.mark.invariant(3)
async def test_a_copy_that_is_behind_its_leader_is_waited_for_and_not_for_ever(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for event in ("queued", "started", "finished"):
        await log.appender.append(f"hr.tasks.{event}.echo.normal.u.1", b"{}", {})
    monkeypatch.setattr(log, "settings", msgspec.structs.replace(log.settings, replicas=3))
    asked, read, behind_for = list[str](), log.replayer.last_of_each, 2

    async def from_a_copy_that_is_behind_at_first(*filters: str) -> list[Record]:
        asked.extend(filters)
        found = await read(*filters)
        return found if len(asked) > behind_for else found[:2]

    monkeypatch.setattr(log.replayer, "last_of_each", from_a_copy_that_is_behind_at_first)
    found = await last_of_each_caught_up(log, task_events("u"))
    assert sorted(each.sequence for each in found) == [1, 2, 3]
    assert len(asked) == 3
    behind_for = 1_000_000
    monkeypatch.setattr(agreed, "CATCH_UP_SECONDS", 0.0)
    with pytest.raises(LogUnavailable, match="behind the others"):
        await last_of_each_caught_up(log, task_events("u"))


@pytest.mark.invariant(4)
async def test_that_there_is_no_record_is_for_a_majority_to_say(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"1", {})
    monkeypatch.setattr(log, "settings", msgspec.structs.replace(log.settings, replicas=3))

    async def from_a_copy_that_is_behind(_: str) -> None:
        return None

    monkeypatch.setattr(log.replayer, "last", from_a_copy_that_is_behind)
    last = await last_agreed(log, task_events("u"))
    assert last is not None
    assert (last.sequence, last.payload) == (1, b"1")
    assert await last_agreed(log, task_events("v")) is None


@pytest.mark.invariant(6)
async def test_that_the_log_ends_before_a_position_is_for_a_majority_to_say(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{number}", b"{}", {})
    state = await log.refresh()

    async def by_a_leader_that_was_replaced() -> StreamState:
        return msgspec.structs.replace(state, last_sequence=1)

    monkeypatch.setattr(log, "refresh", by_a_leader_that_was_replaced)
    # One server has nobody who knows more.
    assert (await state_with(log, log.epoch, 3)).last_sequence == 1
    monkeypatch.setattr(log, "settings", msgspec.structs.replace(log.settings, replicas=3))
    assert (await state_with(log, log.epoch, 1)).last_sequence == 1
    assert (await state_with(log, log.epoch - 1, 3)).last_sequence == 1
    assert (await state_with(log, log.epoch, 3)).last_sequence == 3
    ahead = 1_000_000
    assert (await state_with(log, log.epoch, ahead)).last_sequence < ahead
    appended = await log.appender.append("hr.tasks.queued.echo.normal.u.9", b"{}", {})
    assert (await state_agreed(log)).last_sequence == appended.sequence
