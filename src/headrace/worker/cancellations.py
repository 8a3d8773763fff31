"""Stopping handlers whose task was cancelled.

A cancellation is final as soon as the log has it, so what a worker still does for the task is wasted. The process that cancels
a task also publishes a hint for the workers of its kind over core NATS. A hint may be lost, so every few seconds the worker
also reads in the log which of its running tasks have finished.
"""

from __future__ import annotations

import asyncio

from headrace.contracts.events import EventName
from headrace.errors import LogUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.log.replay import SUBJECTS_MAX
from headrace.log.subjects import TaskSubject
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger
from headrace.worker.heartbeats import Heartbeats

FINISHED_POLL_SECONDS = 5.0

log = get_logger(__name__)


class Cancellations:
    """Stops the executions of cancelled tasks.

    Args:
        log: The log.
        heartbeats: Knows what this worker runs.
    """

    def __init__(self, log: Log, heartbeats: Heartbeats) -> None:
        self._log = log
        self._heartbeats = heartbeats

    async def open(self) -> None:
        """Subscribe to hints.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        await self._log.live.watch(live_subjects.cancelled("*"), lambda _, payload: self._on_hint(payload))

    async def poll(self) -> None:
        """Read in the log every few seconds which running tasks have finished, until cancelled."""
        looking = RepeatedWarning(log, "could not look for cancelled tasks", "cancelled tasks are looked for again")
        while True:
            await asyncio.sleep(FINISHED_POLL_SECONDS)
            try:
                await self._cancel_finished()
            except LogUnavailable as error:
                looking.note(error.message)
            else:
                looking.end()

    async def _cancel_finished(self) -> None:
        finished = [execution.subject.of(EventName.FINISHED) for execution in self._heartbeats.executions]
        for start in range(0, len(finished), SUBJECTS_MAX):
            for end in await self._log.replayer.last_of_each(*finished[start : start + SUBJECTS_MAX]):
                self._cancel(TaskSubject.parse(end.subject).task, end.sequence)

    def _on_hint(self, payload: bytes) -> None:
        task, _, sequence = payload.decode("ascii", "replace").partition(" ")
        if sequence.isdecimal():
            self._cancel(task, int(sequence))

    def _cancel(self, task: str, sequence: int) -> None:
        """Cancel the executions of a task whose run has finished at this sequence of the log."""
        for execution in self._heartbeats.executions:
            if execution.subject.task == task and execution.queued.fence < sequence:
                execution.cancel()
