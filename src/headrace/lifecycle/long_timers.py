"""Timers that outlive the events that they were set with.

A timer is exempt from the log's retention, so a task that is due after more than that has its timer and nothing else. Who is
to know whether there is such a task has to look for the timer. That is a question more to the log, so it is only asked while
there is a timer that old at all: what is younger still has its events.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from headrace.log import provision, subjects
from headrace.log.connection import Log
from headrace.log.records import Record

LOOK_SECONDS = 5.0  # how often it is looked how old the oldest timer is
MARGIN = timedelta(seconds=2 * LOOK_SECONDS)  # what may become too old between two looks

_ALL = subjects.task_timer("*", "*")


class Outliving:
    """Looks for such timers."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._look_again_at = 0.0
        self._epoch = 0
        self._are_there = False

    async def find(self, owner: str, task: str) -> Record | None:
        """The timer of a task, if it may be all that the log has of it.

        Raises:
            LogUnavailable: the log does not answer.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._look_again_at or self._epoch != self._log.epoch:
            epoch, self._are_there = self._log.epoch, await self._are_any()
            self._epoch, self._look_again_at = epoch, now + LOOK_SECONDS
        return await timer_of(self._log, owner, task) if self._are_there else None

    async def _are_any(self) -> bool:
        page = await self._log.replayer.page(_ALL, records=1)
        if not page.records:
            return False
        info = await provision.stream_info(self._log.connection)
        retention = timedelta(microseconds=info["config"]["max_age"] / 1000)
        return page.records[0].at + retention - MARGIN < datetime.fromisoformat(info["ts"])


async def timer_of(log: Log, owner: str, task: str) -> Record | None:
    """The timer of a task, None when it waits for none.

    Raises:
        LogUnavailable: the log does not answer.
    """
    return await log.replayer.last(subjects.task_timer(owner, task))
