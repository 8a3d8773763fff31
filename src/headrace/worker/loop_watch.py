"""A watch over the event loop, from another thread: it finds the handler that blocks the loop, reports it, and ends it."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import FrameType

from headrace.metrics.series import CounterBy
from headrace.telemetry import get_logger, log_stream
from headrace.worker.execution import Execution
from headrace.worker.outcomes import Stop
from headrace.worker.running_record import RunningRecord

BLOCKED_SECONDS = 1.0  # an event loop that does not answer for this long is blocked by a handler
BLOCKED_SECONDS_MAX = 10.0  # then a handler is ended before its timeout: all others wait for it
HOPELESS_SECONDS = 5.0  # after that: a handler that cannot be interrupted takes the process with it
INTERRUPT = signal.SIGUSR2

log = get_logger(__name__)

handler_here: ContextVar[Execution | None] = ContextVar("handler_here", default=None)
"""The execution whose handler runs on the event loop here, or has started what runs here."""


class LoopWatch:
    """Watches the event loop that is running now.

    Args:
        executions: Returns what the worker runs.
        record: Is told which task ends the worker.
        blocked: Counts the seconds for which the handlers of each kind block the loop.
    """

    def __init__(
        self, executions: Callable[[], Iterable[Execution]], record: RunningRecord, blocked: CounterBy
    ) -> None:
        self._executions = executions
        self._record = record
        self._blocked = blocked
        self._loop = asyncio.get_running_loop()
        self._main_thread = threading.main_thread().ident or 0
        self._answered = self._counted_until = time.monotonic()
        self._blocking: Execution | None = None
        # What the main thread said when it was asked whose code it runs.
        self._asked = False
        self._said: Execution | None = None

    def arm(self) -> None:
        """Begin to interrupt what blocks the loop; to be called in the main thread."""
        signal.signal(INTERRUPT, self._on_interrupt)

    def forgive(self, now: float) -> None:
        """Count from ``now`` on: the system stopped the whole process for a while, so no handler blocks the loop."""
        self._answered = now

    def check(self, now: float) -> None:
        """Find the handler that blocks the event loop, report it, and end it when it has blocked for too long."""
        blocked_for = now - self._answered
        self._loop.call_soon_threadsafe(self._answer)
        if blocked_for < BLOCKED_SECONDS:
            self._blocking, self._asked, self._said = None, False, None
            return
        execution = self._find()
        if execution is None:
            return
        if execution is not self._blocking:
            self._blocking = execution
            self._report(execution, blocked_for)
        self._blocked.add((execution.kind.name,), now - max(self._answered, self._counted_until))
        self._counted_until = now
        until = self._answered + BLOCKED_SECONDS_MAX
        if execution.deadline is not None:
            until = min(until, execution.deadline)
        if now > until:
            self._end(execution, overdue=now - until)

    def _find(self) -> Execution | None:
        current = asyncio.current_task(self._loop)
        for execution in self._executions():
            if execution.task is current:
                # Without a deadline it is not the handler that runs.
                return execution if execution.deadline is not None else None
        if not self._asked:
            # It may be something that a handler has started. Only the main thread itself can see the context that it runs in.
            self._asked = True
            signal.pthread_kill(self._main_thread, INTERRUPT)
        return self._said

    def _answer(self) -> None:
        self._answered = time.monotonic()

    def _report(self, execution: Execution, blocked_for: float) -> None:
        log.warning(
            "a handler blocks the event loop; make it a plain function, which runs in a thread",
            kind=execution.kind.name,
            task_id=execution.subject.task,
            seconds=round(blocked_for, 1),
            where=self._where(),
        )

    def _where(self) -> str:
        """The line that the main thread executes now."""
        frame = sys._current_frames().get(self._main_thread)  # pyright: ignore[reportPrivateUsage]
        return traceback.format_stack(frame, limit=None)[-1].strip() if frame else "unknown"

    def _end(self, execution: Execution, overdue: float) -> None:
        if overdue > HOPELESS_SECONDS:
            self._record.blame(execution.delivery.sequence)
            log.critical("the handler cannot be interrupted; ending this process", kind=execution.kind.name)
            faulthandler.dump_traceback(log_stream())
            os._exit(os.EX_SOFTWARE)
        signal.pthread_kill(self._main_thread, INTERRUPT)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Raise `Stop` in the main thread, if what blocked it still runs there. This runs in the context of what it interrupts."""
        execution = self._said = handler_here.get()
        if execution is None or execution is not self._blocking:
            return
        has_ended = asyncio.current_task() is execution.task and execution.deadline is None
        if not has_ended and time.monotonic() - self._answered >= BLOCKED_SECONDS:
            raise Stop
