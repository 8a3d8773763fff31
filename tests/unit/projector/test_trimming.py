from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.projector import trimming
from headrace.projector.trimming import Trimming
from headrace.store.trimming import EndedTasks
from tests.waiting import until


async def fill(log: Log) -> None:
    for event in ("queued", "finished"):
        await log.appender.append(f"hr.tasks.{event}.echo.normal.trimming.t1", b"{}", {})


class LosingTheLog:
    """A session during whose answer the log is deleted and made anew, with other tasks at the same sequences."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def list_ended(self, epoch: int, _after: int, through: int, _limit: int) -> EndedTasks:
        await self._log.jetstream.request(f"STREAM.DELETE.{subjects.STREAM}")
        with pytest.raises(LogUnavailable):
            await self._log.refresh()
        await until(lambda: self._log.epoch != epoch and self._log.is_current, "the log to be made anew")
        await fill(self._log)
        return EndedTasks(1, through, [1], [2], [])


async def test_a_log_that_is_made_anew_while_another_is_trimmed_loses_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "ANNOUNCED_SECONDS", 0.0)
    log.settings = msgspec.structs.replace(log.settings, max_tasks=1)
    await fill(log)
    await log.appender.append(subjects.dropped(2), b"", {})
    session: Any = LosingTheLog(log)
    with pytest.raises(LogUnavailable, match="made anew"):
        await Trimming(log, "").trim(session)
    assert [record.sequence for record in (await log.replayer.page(subjects.TASKS)).records] == [1, 2]
