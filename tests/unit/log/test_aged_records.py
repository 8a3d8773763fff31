"""What a log says of its extent when it keeps a record for longer than the others, as it does schedules, timers and marks."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from headrace.log import connection, subjects
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.settings import Settings
from tests.waiting import until

RETENTION_SECONDS = 1.0


async def append(log: Log, number: int) -> int:
    return (await log.appender.append(f"hr.tasks.queued.echo.normal.aged.t{number}", b"{}", {})).sequence


@pytest.mark.invariant(6)
async def test_a_log_that_keeps_an_old_record_is_complete_only_behind_what_has_reached_its_age(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "AGED_MARGIN", timedelta())
    monkeypatch.setattr(connection, "STATE_SECONDS", 0.0)
    stream = msgspec.structs.replace(settings.stream, retention=RETENTION_SECONDS)
    async with open_log(msgspec.structs.replace(settings, stream=stream), "test") as log:
        kept = (await log.appender.append("hr.schedules.saved.aged.s1", b"{}", {subjects.TTL: "never"})).sequence
        assert (await log.refresh()).complete_from <= kept
        last = [await append(log, number) for number in range(3)][-1]

        async def has_aged() -> bool:
            return not (await log.replayer.page(subjects.TASKS)).records

        await until(has_aged, "the tasks to reach their age")
        assert (await log.replayer.page(subjects.SCHEDULES)).records[0].sequence == kept
        assert (await log.refresh()).complete_from == last + 1
        newer = await append(log, 4)
        assert (await log.refresh()).complete_from == newer
