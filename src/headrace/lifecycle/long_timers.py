"""Timers that outlive the events of their task.

A timer is exempt from the log's retention, so the log has nothing but the timer of a task that is due later than the retention
lasts. To know whether such a task exists, one has to read its timer. That is one more request to the log for each submission
with a key, so it is made only while the log has a timer that is older than its retention.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.records import Record

OLDEST_TIMER_POLL_SECONDS = 5.0
MARGIN = timedelta(seconds=2 * OLDEST_TIMER_POLL_SECONDS)  # a timer may pass the retention between two polls

_TASK_TIMERS = subjects.task_timer("*", "*")


class LongTimers:
    """Finds timers that may have outlived the events of their task."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._poll_at = 0.0
        self._epoch = 0
        self._log_has_some = False

    async def find(self, owner: str, task: str) -> Record | None:
        """Return the timer of a task, if the log may have nothing else of the task.

        Raises:
            LogUnavailable: the log does not answer.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._poll_at or self._epoch != self._log.epoch:
            epoch, self._log_has_some = self._log.epoch, await self._is_oldest_timer_long()
            self._epoch, self._poll_at = epoch, now + OLDEST_TIMER_POLL_SECONDS
        return await read_timer(self._log, owner, task) if self._log_has_some else None

    async def _is_oldest_timer_long(self) -> bool:
        page = await self._log.replayer.page(_TASK_TIMERS, records=1)
        if not page.records:
            return False
        return page.records[0].at - MARGIN < await self._log.retention_horizon()


async def read_timer(log: Log, owner: str, task: str) -> Record | None:
    """Return the timer of a task; None when it waits for none.

    Raises:
        LogUnavailable: the log does not answer.
    """
    return await log.replayer.last(subjects.task_timer(owner, task))
