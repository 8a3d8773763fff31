"""Stopping handlers whose task was cancelled.

A cancellation is final as soon as the log has it; what a worker still does for the task is in vain. So whoever cancels also
tells the workers of the kind, over core NATS; that may be lost, so now and then the log is asked about what runs for long.
"""

from __future__ import annotations

import asyncio

from headrace.contracts.events import EventName
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.replay import SUBJECTS_MAX
from headrace.log.subjects import TaskSubject
from headrace.telemetry import get_logger
from headrace.worker.heartbeats import Heartbeats

CHECK_SECONDS = 5.0

log = get_logger(__name__)


class Cancellations:
    """Hears of cancelled tasks and stops those that run here."""

    def __init__(self, log: Log, heartbeats: Heartbeats) -> None:
        self._log = log
        self._heartbeats = heartbeats

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        await self._log.live.watch(subjects.cancelled("*"), lambda _, payload: self._on_hint(payload))

    async def check(self) -> None:
        """Ask the log about what runs, for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            finished = [execution.subject.of(EventName.FINISHED) for execution in self._heartbeats.executions]
            try:
                for start in range(0, len(finished), SUBJECTS_MAX):
                    for end in await self._log.replayer.last_of_each(*finished[start : start + SUBJECTS_MAX]):
                        self._cancel(TaskSubject.parse(end.subject).task, end.sequence)
            except LogUnavailable as error:
                log.warning("could not look for cancelled tasks", error=error.message)

    def _on_hint(self, payload: bytes) -> None:
        task, _, sequence = payload.decode("ascii", "replace").partition(" ")
        if sequence.isdecimal():
            self._cancel(task, int(sequence))

    def _cancel(self, task: str, sequence: int) -> None:
        for execution in self._heartbeats.executions:
            if execution.subject.task == task and execution.queued.fence < sequence:
                execution.cancel()
